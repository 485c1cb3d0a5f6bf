//! Differences in words, for somebody who reads them at three in the morning.

use crate::unitfile::catalogue::Effect;

use super::{Difference, Judgement, Verdict};

/// The longest value that is shown.
const SHOWN: usize = 40;

impl Difference {
    /// What changed, without what follows from it: `Nice changed from 5 to 10`.
    #[must_use]
    pub fn what(&self) -> String {
        let key = &self.key;
        match (self.shown(&self.old), self.shown(&self.new)) {
            _ if self.new.is_empty() => format!("{key} is gone"),
            (_, Some(new)) if self.old.is_empty() => format!("{key}={new} is new"),
            (Some(old), Some(new)) => format!("{key} changed from {old} to {new}"),
            _ if self.old.is_empty() => format!("{key} is new"),
            _ => format!("{key} changed"),
        }
    }

    /// A single short value. Commands and variables are long, and their differences stand in the diff.
    fn shown(&self, values: &[String]) -> Option<String> {
        let [value] = values else { return None };
        let long = ["Exec", "Environment", "SetCredential"].iter().any(|head| self.key.starts_with(head));
        let value = spoken(value.split_once('=').filter(|(key, _)| *key == self.key).map_or(value, |(_, rest)| rest));
        (!long && value.chars().count() <= SHOWN).then_some(value)
    }

    /// Why it needs a restart, or what it does instead.
    #[must_use]
    pub fn reason(&self) -> String {
        let what = self.what();
        match (self.effect, self.note) {
            (Effect::Restart, _) if self.unknown => {
                format!("{what} (systemd is not known to have it: taken for what only a restart brings)")
            }
            (Effect::Restart, Some(note)) => format!("{what} ({note})"),
            (Effect::Restart | Effect::Rebind | Effect::Remount, _) => what,
            (Effect::Live, _) => format!("the daemon-reload applies {} to what runs", self.key),
            (Effect::Nothing | Effect::Enablement, _) => self.key.clone(),
            (Effect::NextStart, None) => format!("{} counts at the next start", self.key),
            (Effect::Manager, None) => format!("{} counts from the daemon-reload on", self.key),
            (Effect::Rearm, None) => format!("the daemon-reload takes up {}", self.key),
            (_, Some(note)) if note.starts_with("count") => format!("{} {note}", self.key),
            (Effect::NextStart | Effect::Manager | Effect::Rearm, Some(note)) => format!("{} ({note})", self.key),
        }
    }
}

/// Lengths of time are kept in microseconds, and read as nobody writes them.
fn spoken(value: &str) -> String {
    let Some(micros) = value.strip_suffix("us").and_then(|digits| digits.parse::<u64>().ok()) else {
        return value.to_owned();
    };
    for (unit, size) in [("h", 3_600_000_000), ("min", 60_000_000), ("s", 1_000_000), ("ms", 1000)] {
        if micros >= size && micros % size == 0 {
            return format!("{}{unit}", micros / size);
        }
    }
    value.to_owned()
}

impl Judgement {
    /// Why the unit must be restarted, reloaded or made anew: what needs the most, directive by directive.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        let decides = |difference: &&Difference| Verdict::from(difference.effect) == self.verdict;
        self.differences.iter().filter(decides).map(Difference::reason).collect()
    }

    /// Why what runs goes on although something changed: all differences, where none needs more than a daemon-reload.
    #[must_use]
    pub fn no_restart(&self) -> Option<String> {
        if self.verdict != Verdict::DaemonReload {
            return None;
        }
        // The links themselves are shown where they are made and removed.
        let others = self.differences.iter().filter(|difference| difference.effect != Effect::Enablement);
        let reasons: Vec<String> = others.map(Difference::reason).collect();
        Some(reasons.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use crate::model::UnitKind;
    use crate::plan::verdict::judge;
    use crate::unitfile::Effective;

    fn reasons(old: &str, new: &str) -> Vec<String> {
        let (old, new) = (Effective::merge(Some(old), &[]), Effective::merge(Some(new), &[]));
        judge(UnitKind::Service, &old, &new).differences.iter().map(super::Difference::reason).collect()
    }

    #[test]
    fn reasons_name_the_directive_and_its_values() {
        for (old, new, reason) in [
            ("LimitNOFILE=1024", "LimitNOFILE=65536", "LimitNOFILE changed from 1024 to 65536"),
            ("", "Nice=5", "Nice=5 is new"),
            ("Nice=5", "", "Nice is gone"),
            ("ExecStart=/a", "ExecStart=/b", "ExecStart changed"),
            ("Environment=A=1", "Environment=A=2", "Environment changed"),
            ("RestartSec=5", "RestartSec=1min", "RestartSec counts at the next automatic restart"),
            ("MemoryMax=1G", "MemoryMax=2G", "the daemon-reload applies MemoryMax to what runs"),
            (
                "WatchdogSec=30",
                "WatchdogSec=1min",
                "WatchdogSec changed from 30s to 1min (the process was told the old one)",
            ),
        ] {
            assert_eq!(reasons(&format!("[Service]\n{old}\n"), &format!("[Service]\n{new}\n")), [reason]);
        }
    }
}
