//! Ctrl-C and its kin while hosts are at work.
//!
//! Nothing is taken back and nothing is waited for: a host ends by itself what it has begun. What is told is which hosts
//! these are, because whoever interrupts an apply wants to know just that.

use std::collections::BTreeSet;
use std::io;

use tokio::signal::unix::{SignalKind, signal};

use crate::model::{Event, HostName};

use super::Failure;

/// Which hosts have been changed, or are being changed now.
#[derive(Debug, Default)]
pub(super) struct Touched {
    now: BTreeSet<HostName>,
    before: usize,
}

impl Touched {
    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::HostPhase { host, phase } if phase == "apply" => drop(self.now.insert(host.clone())),
            Event::HostPhase { host, phase } if phase == "verify" => self.before += usize::from(self.now.remove(host)),
            Event::HostFinished { host, .. } => self.before += usize::from(self.now.remove(host)),
            _ => {}
        }
    }

    pub(super) fn interrupted(&self, code: u8) -> Failure {
        let plan = "`unitfleet plan` shows what is left to do";
        let text = match (self.now.is_empty(), self.before) {
            (true, 0) => "interrupted; no host was changed".to_owned(),
            (true, _) => format!("interrupted; some hosts were changed: {plan}"),
            (false, _) => {
                let names: Vec<&str> = self.now.iter().map(HostName::as_str).collect();
                format!("interrupted; what was begun goes on by itself on {}: {plan}", names.join(", "))
            }
        };
        Failure::Interrupted { text, code }
    }
}

/// Ends when a signal asks us to; yields the exit code that says so.
pub(super) async fn interruption() -> io::Result<u8> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(tokio::select! {
        _ = interrupt.recv() => 130,
        _ = terminate.recv() => 143,
        _ = hangup.recv() => 129,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_named_that_still_work() {
        let host = |name| HostName::parse(name).unwrap();
        let phase = |name, phase: &str| Event::HostPhase { host: host(name), phase: phase.to_owned() };
        let said = |touched: &Touched| match touched.interrupted(130) {
            Failure::Interrupted { text, code: 130 } => text,
            _ => panic!("not an interruption"),
        };
        let mut touched = Touched::default();
        touched.event(&phase("web1", "gather"));
        assert_eq!(said(&touched), "interrupted; no host was changed");
        for event in [phase("web1", "apply"), phase("web2", "apply"), phase("web2", "settle"), phase("web1", "verify")]
        {
            touched.event(&event);
        }
        assert!(said(&touched).contains("goes on by itself on web2: "), "{}", said(&touched));
        touched.event(&Event::HostFinished { host: host("web2"), failed: true });
        assert!(said(&touched).contains("some hosts were changed"), "{}", said(&touched));
    }
}
