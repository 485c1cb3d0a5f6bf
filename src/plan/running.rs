//! What runs: starts, stops, restarts, reloads, each with what made it necessary.

use std::collections::BTreeSet;

use crate::model::{
    Action, ActiveState, ChangeKind, DesiredUnit, FindingKind, LedgerEntry, ObservedUnit, OnChange, Reason, ReasonKind,
    RunState, UnitKind, UnitName, Wanted,
};

use crate::unitfile::changed_directives;

use super::draft::{Draft, Stage};
use super::fresh::{Freshness, freshness};
use super::held::on_hold;

pub(super) fn plan(draft: &mut Draft<'_>, units: &BTreeSet<UnitName>) {
    // Sockets come last: what making one anew means for its service depends on what happens to that anyway.
    let (sockets, others): (Vec<&UnitName>, Vec<&UnitName>) =
        units.iter().partition(|name| name.kind() == UnitKind::Socket);
    for name in others.into_iter().chain(sockets) {
        let unit = &draft.desired.units[name];
        if unit.absent {
            removed(draft, name, unit);
            continue;
        }
        if let Some(instances) = &unit.instances {
            surplus_instances(draft, name, unit, &instances.units);
        }
        match unit.state {
            Some(RunState::Stopped) => {
                let why = if unit.masked == Some(true) { "masked: true" } else { "state: stopped" };
                stop(draft, name, unit, why);
            }
            Some(RunState::Started) => started(draft, name, unit),
            None => {
                let configured = unit.fragment.is_some() || !unit.drop_ins.is_empty() || !unit.watch.is_empty();
                if let Some(observed) = draft.observed.units.get(name)
                    && observed.active_state.is_up()
                    && (configured || template_of(draft, name).is_some())
                    && unit.masked != Some(true)
                {
                    take_up_changes(draft, name, unit, observed);
                }
            }
        }
    }
}

/// A unit that goes is stopped; one of which only our part goes is another's again, and takes that up if it runs.
fn removed(draft: &mut Draft<'_>, name: &UnitName, unit: &DesiredUnit) {
    if name.is_template() {
        surplus_instances(draft, name, unit, &BTreeSet::new());
    }
    if draft.after.unit(name).files.fragment.is_none() {
        stop(draft, name, unit, "is removed");
        forget(draft, name);
    } else if draft.before.unit(name).files != draft.after.unit(name).files
        && let Some(observed) = draft.observed.units.get(name)
        && observed.active_state.is_up()
    {
        take_up_changes(draft, name, unit, observed);
    }
}

/// The declared template that an instance's text comes from.
fn template_of<'a>(draft: &Draft<'a>, name: &UnitName) -> Option<&'a DesiredUnit> {
    draft.desired.units.get(&name.template()?)
}

fn started(draft: &mut Draft<'_>, name: &UnitName, unit: &DesiredUnit) {
    let place = &unit.claim.place;
    let view = draft.after.unit(name);
    let known_to_systemd = draft.observed.units.get(name).is_some_and(|observed| observed.load_state == "loaded");
    if view.files.fragment.is_none() && !known_to_systemd {
        let text = format!("{name} cannot be started: it does not exist on this host");
        let hint = "install the package that brings it, or give the unit a template or sections".to_owned();
        draft.refuse(Some(name), place, text, Some(hint));
        return;
    }
    if let Some(mask) = view.files.fragment.as_ref().filter(|_| view.masked) {
        // With `masked: false` it was said already.
        if unit.masked != Some(false) {
            let text = format!("{name} cannot be started: it is masked by {mask}");
            draft.refuse(Some(name), place, text, Some("take `state: started` away, or unmask it".to_owned()));
        }
        return;
    }
    if let Some(effective) = &view.effective
        && effective.last("Service", "Type") == Some("oneshot")
        && effective.flag("Service", "RemainAfterExit") != Some(true)
    {
        let text = format!("{name} is a oneshot without RemainAfterExit=yes: it has no running state");
        let hint = "write `state: null` and start it by a timer, or set RemainAfterExit=yes".to_owned();
        draft.refuse(Some(name), place, text, Some(hint));
        return;
    }
    let Some(observed) = draft.observed.units.get(name) else {
        draft.finding(FindingKind::Unknown, Some(name), format!("the state of {name} was not looked at"), None);
        return;
    };
    match &observed.active_state {
        state if state.is_up() => take_up_changes(draft, name, unit, observed),
        ActiveState::Maintenance | ActiveState::Other(_) => {
            let text =
                format!("{name} is in the state {}, which is neither up nor down", observed.active_state.as_str());
            draft.finding(FindingKind::Unknown, Some(name), text, None);
        }
        _ if refuses(draft, name, "RefuseManualStart", observed.refuse_manual_start) => {
            let text = format!("{name} cannot be started: it says RefuseManualStart=yes");
            draft.refuse(Some(name), place, text, Some("write `state: null`".to_owned()));
        }
        _ => start(draft, name, unit, observed),
    }
}

fn start(draft: &mut Draft<'_>, name: &UnitName, unit: &DesiredUnit, observed: &ObservedUnit) {
    let looping = observed.sub_state == "auto-restart";
    let from = if looping { "crashing in a loop".to_owned() } else { observed.active_state.as_str().to_owned() };
    let kind = ChangeKind::State { from: from.clone(), to: "started".to_owned() };
    draft.change(Some(name), &unit.claim.manifest, kind);
    let new = draft.before.unit(name).files.fragment.is_none();
    let text = match (&observed.active_state, observed.result.as_deref()) {
        _ if new => "is new".to_owned(),
        (ActiveState::Failed, Some(result)) => format!("has failed ({result})"),
        _ if looping => "is crashing in a loop".to_owned(),
        (state, _) => format!("is {}", state.as_str()),
    };
    let reason = Reason { kind: ReasonKind::StateDiffers, text: format!("{text}, state: started") };
    let action = if looping { Action::Restart { unit: name.clone() } } else { Action::Start { unit: name.clone() } };
    draft.step_because(Stage::Run, action, vec![reason]);
    if name.kind() == UnitKind::Socket {
        make_way(draft, name, "runs without its socket, which cannot be started beside it");
    }
    record(draft, name, unit);
}

/// Whether the unit will say `RefuseManualStart=` or `RefuseManualStop=`: by its text after the steps, or by what
/// systemd knows where no text is.
fn refuses(draft: &Draft<'_>, name: &UnitName, directive: &str, known: bool) -> bool {
    let view = draft.after.unit(name);
    match view.effective.filter(|_| view.files.fragment.is_some()) {
        Some(effective) => effective.flag("Unit", directive) == Some(true),
        None => known,
    }
}

/// Notes the hash that the unit will run with, so that the apply records it.
fn record(draft: &mut Draft<'_>, name: &UnitName, unit: &DesiredUnit) {
    if keeps_configuration(name)
        && let Some(inputs) = draft.after.inputs(name, &unit.watch)
    {
        draft.inputs.insert(name.clone(), inputs);
    }
}

/// Units that hold on to their configuration from when they were started.
fn keeps_configuration(name: &UnitName) -> bool {
    use UnitKind::{Automount, Mount, Service, Socket, Swap};
    matches!(name.kind(), Service | Socket | Mount | Automount | Swap)
}

/// The unit runs; does it run with what its files say?
fn take_up_changes(draft: &mut Draft<'_>, name: &UnitName, unit: &DesiredUnit, observed: &ObservedUnit) {
    match name.kind() {
        _ if keeps_configuration(name) => {}
        // systemd takes these up with the daemon-reload; restarting a timer could fire it (seen on 247, 252, 257).
        UnitKind::Timer => {
            if draft.before.inputs(name, &unit.watch) != draft.after.inputs(name, &unit.watch) {
                let text = format!("{name} is scheduled anew by the daemon-reload and may fire at once if it is due");
                draft.finding(FindingKind::Notice, Some(name), text, None);
            }
            return;
        }
        _ => return,
    }
    let (reasons, inputs) = match freshness(draft, name, unit, observed) {
        Freshness::Same(inputs) => {
            draft.inputs.insert(name.clone(), inputs);
            return;
        }
        Freshness::Unknown(path) => {
            let text =
                format!("whether {name} runs with its current configuration is not known: {path} could not be read");
            draft.finding(FindingKind::Unknown, Some(name), text, Some("gather as root: become: true".to_owned()));
            return;
        }
        Freshness::Outdated(reasons, inputs) => (reasons, inputs),
    };
    let action = match how_to_take_up(draft, name, unit, observed) {
        Ok(action) => action,
        Err(LeftAlone { because, hint }) => {
            let why = reasons.iter().map(|reason| reason.text.as_str()).collect::<Vec<_>>().join("; ");
            let text =
                format!("{name} goes on with its older configuration: {why}; it is not restarted because {because}");
            draft.finding(FindingKind::Stale, Some(name), text, Some(hint));
            return;
        }
    };
    if reasons.iter().any(|reason| reason.kind == ReasonKind::Stale) {
        let why = reasons.iter().map(|reason| reason.text.as_str()).collect::<Vec<_>>().join("; ");
        draft.change(Some(name), &unit.claim.manifest, ChangeKind::Stale { why });
    }
    if name.kind() == UnitKind::Socket {
        restart_socket(draft, name, reasons);
    } else {
        draft.step_because(Stage::Run, action, reasons);
    }
    draft.inputs.insert(name.clone(), inputs);
}

/// Why a unit goes on as it is, and what to do about that.
struct LeftAlone {
    because: String,
    hint: String,
}

/// Reload, restart, or nothing that is ours to do.
fn how_to_take_up(
    draft: &Draft<'_>,
    name: &UnitName,
    unit: &DesiredUnit,
    observed: &ObservedUnit,
) -> Result<Action, LeftAlone> {
    let consent = format!("restart it by hand when it suits, or write on_change: restart at {}", unit.claim.place);
    let needs_consent = |because: &str| Err(LeftAlone { because: because.to_owned(), hint: consent.clone() });
    match (unit.on_change, name.kind()) {
        (OnChange::None, _) => return needs_consent("on_change: none"),
        (OnChange::Reload, _) if can_reload(draft, name) => return Ok(Action::Reload { unit: name.clone() }),
        (OnChange::Auto | OnChange::Reload, UnitKind::Mount) if only_options_change(draft, name) => {
            return Ok(Action::Reload { unit: name.clone() });
        }
        (OnChange::Auto | OnChange::Reload, UnitKind::Mount | UnitKind::Automount | UnitKind::Swap) => {
            return needs_consent("restarting it would unmount what is in use");
        }
        (OnChange::Auto | OnChange::Reload, _) if is_protected(draft, name) => {
            return needs_consent("restarting it can cut connections or sessions, yours included");
        }
        _ => {}
    }
    for (directive, known) in
        [("RefuseManualStop", observed.refuse_manual_stop), ("RefuseManualStart", observed.refuse_manual_start)]
    {
        if refuses(draft, name, directive, known) {
            let because = format!("it says {directive}=yes");
            let hint = format!("it takes that up when the host boots; or give it a drop-in with {directive}: false");
            return Err(LeftAlone { because, hint });
        }
    }
    if name.kind() == UnitKind::Socket
        && let Some((text, hint)) = held_service(draft, name)
    {
        return Err(LeftAlone { because: format!("its service would have to go down, and {text}"), hint });
    }
    Ok(Action::Restart { unit: name.clone() })
}

/// A service that runs from this socket and is on hold.
fn held_service(draft: &Draft<'_>, socket: &UnitName) -> Option<(String, String)> {
    let is_up =
        |name: &UnitName| draft.observed.units.get(name).is_some_and(|observed| !observed.active_state.is_down());
    triggered_services(draft, socket).iter().filter(|name| is_up(name)).find_map(|name| on_hold(draft, name))
}

fn can_reload(draft: &Draft<'_>, name: &UnitName) -> bool {
    match draft.after.unit(name).effective {
        Some(effective) => {
            !effective.values("Service", "ExecReload").is_empty()
                || matches!(effective.last("Service", "Type"), Some("notify-reload"))
                || name.kind() == UnitKind::Mount
        }
        None => draft.observed.units.get(name).is_some_and(|observed| observed.can_reload),
    }
}

fn only_options_change(draft: &Draft<'_>, name: &UnitName) -> bool {
    match (draft.before.unit(name).effective, draft.after.unit(name).effective) {
        (Some(before), Some(after)) => {
            let changed = changed_directives(&before, &after);
            !changed.is_empty() && changed.iter().all(|directive| directive == "[Mount] Options")
        }
        _ => false,
    }
}

/// Units whose restart can lock everybody out, and the sockets that cannot be made anew without stopping one of them.
/// They are restarted only where the playbook says so.
fn is_protected(draft: &Draft<'_>, name: &UnitName) -> bool {
    const PROTECTED: [&str; 12] = [
        "ssh",
        "sshd",
        "dbus",
        "dbus-broker",
        "systemd-logind",
        "systemd-journald",
        "systemd-udevd",
        "systemd-networkd",
        "NetworkManager",
        "networking",
        "getty",
        "serial-getty",
    ];
    let listed = |name: &UnitName| name.kind() == UnitKind::Service && PROTECTED.contains(&name.prefix());
    listed(name) || name.kind() == UnitKind::Socket && triggered_services(draft, name).iter().any(listed)
}

/// `restart x.socket` while its service runs fails and leaves the socket dead (247, 252, 257): both are stopped,
/// then the socket is started, then the service if it ran.
fn restart_socket(draft: &mut Draft<'_>, socket: &UnitName, reasons: Vec<Reason>) {
    draft.step_because(Stage::Stop, Action::Stop { unit: socket.clone() }, reasons.clone());
    make_way(draft, socket, "holds the old sockets");
    draft.step_because(Stage::Run, Action::Start { unit: socket.clone() }, reasons);
}

/// systemd refuses to start a socket whose service runs ("already active, refusing": 247, 252, 257), so the service
/// is stopped before and started after it.
fn make_way(draft: &mut Draft<'_>, socket: &UnitName, why: &str) {
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
fn triggered_services(draft: &Draft<'_>, socket: &UnitName) -> BTreeSet<UnitName> {
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

fn stop(draft: &mut Draft<'_>, name: &UnitName, unit: &DesiredUnit, why: &str) {
    if name.is_template() {
        return;
    }
    let Some(observed) = draft.observed.units.get(name) else {
        draft.finding(FindingKind::Unknown, Some(name), format!("the state of {name} was not looked at"), None);
        return;
    };
    stop_triggers(draft, name, unit, observed);
    if observed.active_state.is_down() {
        return;
    }
    if refuses(draft, name, "RefuseManualStop", observed.refuse_manual_stop) {
        let text = format!("{name} cannot be stopped: it says RefuseManualStop=yes");
        draft.refuse(Some(name), &unit.claim.place, text, None);
        return;
    }
    let kind = ChangeKind::State { from: observed.active_state.as_str().to_owned(), to: "stopped".to_owned() };
    draft.change(Some(name), &unit.claim.manifest, kind);
    let text = format!("is {}, {why}", observed.active_state.as_str());
    draft.step(Stage::Stop, Action::Stop { unit: name.clone() }, ReasonKind::StateDiffers, text);
}

/// What would start a stopped unit again is stopped first.
fn stop_triggers(draft: &mut Draft<'_>, name: &UnitName, unit: &DesiredUnit, observed: &ObservedUnit) {
    let siblings = [UnitKind::Socket, UnitKind::Timer, UnitKind::Path].map(|kind| name.sibling(kind));
    let siblings = siblings.into_iter().filter(|_| name.kind() == UnitKind::Service);
    let mut triggers: BTreeSet<UnitName> =
        observed.triggered_by.iter().filter_map(|trigger| UnitName::parse(trigger).ok()).collect();
    triggers.extend(siblings);
    for trigger in triggers {
        let Some(state) = draft.observed.units.get(&trigger).map(|trigger| &trigger.active_state) else {
            continue;
        };
        if state.is_down() {
            continue;
        }
        match draft.desired.units.get(&trigger) {
            Some(declared) if declared.state == Some(RunState::Started) => {
                let text = format!("{name} shall be stopped, but {trigger} shall run and can start it again");
                draft.finding(FindingKind::Notice, Some(name), text, None);
                continue;
            }
            // It is stopped for its own sake.
            Some(declared) if declared.absent || declared.state == Some(RunState::Stopped) => continue,
            _ => {}
        }
        if let Some((text, hint)) = on_hold(draft, &trigger) {
            let text = format!("{trigger} can start {name} again, but {text}");
            draft.finding(FindingKind::Held, Some(name), text, Some(hint));
            continue;
        }
        if draft.steps().any(|(at, step)| at == Stage::Stop && acts_on(&step.action, &trigger)) {
            continue;
        }
        let kind = ChangeKind::State { from: state.as_str().to_owned(), to: "stopped".to_owned() };
        draft.change(Some(&trigger), &unit.claim.manifest, kind);
        let text = format!("would start {name} again");
        draft.step(Stage::Stop, Action::Stop { unit: trigger }, ReasonKind::Follows, text);
    }
}

/// A removed unit's failure is forgotten with it.
fn forget(draft: &mut Draft<'_>, name: &UnitName) {
    let failed = draft.observed.units.get(name).is_some_and(|unit| unit.active_state == ActiveState::Failed);
    if failed {
        let action = Action::ResetFailed { unit: name.clone() };
        draft.step(Stage::Forget, action, ReasonKind::NotWanted, "has failed and is removed");
    }
}

/// Instances that the playbook gave before and no longer gives.
fn surplus_instances(draft: &mut Draft<'_>, template: &UnitName, unit: &DesiredUnit, wanted: &BTreeSet<UnitName>) {
    let of_template: Vec<UnitName> = draft
        .observed
        .units
        .keys()
        .filter(|name| name.template().as_ref() == Some(template) && !wanted.contains(*name))
        .cloned()
        .collect();
    for name in of_template {
        let observed = &draft.observed.units[&name];
        let entry = LedgerEntry::Unit(name.clone());
        let ours = draft.ledger_before(&unit.claim.manifest).is_some_and(|ledger| ledger.entries.contains(&entry));
        let linked = super::links::has_links(draft, &name);
        if !ours {
            if !observed.active_state.is_down() || linked {
                let text = format!("{name} is an instance that the playbook does not give and never gave");
                draft.finding(FindingKind::Foreign, Some(&name), text, Some("add it to `instances`".to_owned()));
            }
            continue;
        }
        if let Some((text, hint)) = on_hold(draft, &name) {
            draft.finding(FindingKind::Held, Some(&name), text, Some(hint));
            continue;
        }
        super::links::drop_links(draft, &name, unit, "is no longer among the instances");
        if !observed.active_state.is_down() {
            let kind = ChangeKind::State { from: observed.active_state.as_str().to_owned(), to: "stopped".to_owned() };
            draft.change(Some(&name), &unit.claim.manifest, kind);
            let action = Action::Stop { unit: name.clone() };
            draft.step(Stage::Stop, action, ReasonKind::NotWanted, "is no longer among the instances");
        }
        draft.disown(|other| *other == entry);
    }
}

/// The ledger keeps the units whose running we manage, so that they are found when the playbook drops them.
pub(super) fn note_managed(draft: &mut Draft<'_>, units: &BTreeSet<UnitName>) {
    for name in units {
        let unit = &draft.desired.units[name];
        let configured = unit.fragment.is_some() || unit.drop_ins.values().any(|it| matches!(it, Wanted::Present(_)));
        let entry = LedgerEntry::Unit(name.clone());
        if unit.absent {
            // Of a unit that stays the ledger keeps that it was managed (`units::absent`).
            if draft.after.unit(name).files.fragment.is_none() {
                draft.disown(|other| *other == entry);
            }
        } else if !name.is_template() && (configured || unit.state.is_some() || unit.enabled.is_some()) {
            draft.own(&unit.claim.manifest, entry);
        }
    }
}
