//! Sockets and the services that run from them: who has to make way for whom.

use std::collections::BTreeSet;

use crate::model::{Action, FindingKind, Reason, ReasonKind, RunState, UnitKind, UnitName};

use crate::unitfile::Effective;

use super::draft::{Draft, Stage};
use super::held::left_alone;

/// Why the socket cannot be made anew: a service of it that runs, or may run, is not ours to stop and start. In
/// words, and what to do about it.
pub(super) fn in_the_way(draft: &Draft<'_>, socket: &UnitName) -> Option<(FindingKind, String, String)> {
    triggered_services(draft, socket).iter().find_map(|service| {
        let Some(observed) = draft.observed.units.get(service) else {
            let text = format!("whether {service} runs was not looked at");
            return Some((FindingKind::Unknown, text, format!("declare {service}, so that it is looked at")));
        };
        if observed.active_state.is_down() {
            return None;
        }
        let (text, hint) = left_alone(draft, service)?;
        Some((FindingKind::Held, format!("{service} would have to go down, and {text}"), hint))
    })
}

/// `restart x.socket` while its service runs fails and leaves the socket dead (247, 252, 257): both are stopped,
/// then the socket is started, then the service if it ran.
pub(super) fn restart_socket(draft: &mut Draft<'_>, socket: &UnitName, reasons: Vec<Reason>) {
    draft.step_because(Stage::Stop, Action::Stop { unit: socket.clone() }, reasons.clone());
    make_way(draft, socket, "holds the old sockets");
    draft.step_because(Stage::Run, Action::Start { unit: socket.clone() }, reasons);
}

/// systemd refuses to start a socket whose service runs ("already active, refusing": 247, 252, 257), so the service
/// is stopped before and started after it.
pub(super) fn make_way(draft: &mut Draft<'_>, socket: &UnitName, why: &str) {
    for service in triggered_services(draft, socket) {
        let up = draft.observed.units.get(&service).is_some_and(|observed| !observed.active_state.is_down());
        if !up {
            continue;
        }
        let follows = |text: String| vec![Reason { kind: ReasonKind::Follows, text }];
        let already = |draft: &Draft<'_>, stage: Stage| {
            draft.steps().any(|(at, step)| at == stage && acts_on(&step.action, &service))
        };
        if !already(draft, Stage::Stop) {
            let reason = follows(format!("{why} ({socket})"));
            draft.step_because(Stage::Stop, Action::Stop { unit: service.clone() }, reason);
        }
        let stays_down = draft
            .desired
            .units
            .get(&service)
            .is_some_and(|unit| unit.absent || unit.masked == Some(true) || unit.state == Some(RunState::Stopped));
        if stays_down {
            continue;
        }
        // What was stopped cannot reload.
        let reload = Action::Reload { unit: service.clone() };
        if let Some((_, step)) = draft.steps_mut().find(|(_, step)| step.action == reload) {
            step.action = Action::Start { unit: service.clone() };
            step.reasons.extend(follows(format!("was running before {socket} was made anew")));
        } else if !already(draft, Stage::Run) {
            let reason = follows(format!("was running before {socket} was made anew"));
            draft.step_because(Stage::Run, Action::Start { unit: service.clone() }, reason);
        }
    }
}

/// What the socket starts, as systemd knows it and as its files will say. With `Accept=yes` each connection gets an
/// instance of its own, which systemd counts among what it triggers, and those are in nobody's way.
pub(super) fn triggered_services(draft: &Draft<'_>, socket: &UnitName) -> BTreeSet<UnitName> {
    let known = draft.observed.units.get(socket).map(|observed| observed.triggers.as_slice()).unwrap_or_default();
    let accepts = |effective: &Effective| effective.flag("Socket", "Accept") == Some(true);
    let after = draft.after.unit(socket).effective;
    let per_connection =
        after.as_ref().is_some_and(accepts) || draft.before.unit(socket).effective.as_ref().is_some_and(accepts);
    let mut services: BTreeSet<UnitName> = known.iter().filter_map(|name| UnitName::parse(name).ok()).collect();
    services.retain(|service| !(per_connection && service.template().is_some()));
    if let Some(effective) = after.filter(|effective| !accepts(effective)) {
        let named = effective.last("Socket", "Service").and_then(|name| UnitName::parse(name).ok());
        services.insert(named.unwrap_or_else(|| socket.sibling(UnitKind::Service)));
    }
    services
}

pub(super) fn acts_on(action: &Action, unit: &UnitName) -> bool {
    matches!(action, Action::Stop { unit: other } | Action::Start { unit: other } | Action::Restart { unit: other }
        | Action::Reload { unit: other } if other == unit)
}
