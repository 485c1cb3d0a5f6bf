//! Sockets and the services that run from them: who has to make way for whom.

use std::collections::BTreeSet;

use crate::model::{Action, Reason, ReasonKind, RunState, UnitKind, UnitName};

use super::draft::{Draft, Stage};
use super::held::on_hold;

/// A service that runs from this socket and is on hold.
pub(super) fn held_service(draft: &Draft<'_>, socket: &UnitName) -> Option<(String, String)> {
    let is_up =
        |name: &UnitName| draft.observed.units.get(name).is_some_and(|observed| !observed.active_state.is_down());
    triggered_services(draft, socket).iter().filter(|name| is_up(name)).find_map(|name| on_hold(draft, name))
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
        if !stays_down && !already(draft, Stage::Run) {
            let reason = follows(format!("was running before {socket} was made anew"));
            draft.step_because(Stage::Run, Action::Start { unit: service.clone() }, reason);
        }
    }
}

/// What the socket starts, as systemd knows it and as its files will say. With `Accept=yes` each connection gets an
/// instance of its own, and those are in nobody's way.
pub(super) fn triggered_services(draft: &Draft<'_>, socket: &UnitName) -> BTreeSet<UnitName> {
    let known = draft.observed.units.get(socket).map(|observed| observed.triggers.as_slice()).unwrap_or_default();
    let mut services: BTreeSet<UnitName> = known.iter().filter_map(|name| UnitName::parse(name).ok()).collect();
    if let Some(effective) = draft.after.unit(socket).effective
        && effective.flag("Socket", "Accept") != Some(true)
    {
        let named = effective.last("Socket", "Service").and_then(|name| UnitName::parse(name).ok());
        services.insert(named.unwrap_or_else(|| socket.sibling(UnitKind::Service)));
    }
    services
}

pub(super) fn acts_on(action: &Action, unit: &UnitName) -> bool {
    matches!(action, Action::Stop { unit: other } | Action::Start { unit: other } | Action::Restart { unit: other }
        | Action::Reload { unit: other } if other == unit)
}
