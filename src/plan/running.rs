//! What runs: who has to be started or stopped, and who goes on and takes up changes.

use std::collections::BTreeSet;

use crate::model::{
    Action, ActiveState, ChangeKind, DesiredUnit, FindingKind, LedgerEntry, ObservedUnit, Reason, ReasonKind, RunState,
    UnitKind, UnitName, Wanted,
};

use super::draft::{Draft, Stage};
use super::sockets::{acts_on, in_the_way, make_way};
use super::stopping::{forget, stop, surplus_instances};
use super::take_up::{instances_of_others, take_up_changes};

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
        if name.is_template() && unit.masked != Some(true) {
            instances_of_others(draft, name, unit);
        }
        match unit.state {
            Some(RunState::Stopped) => {
                let why = if unit.masked == Some(true) { "masked: true" } else { "state: stopped" };
                stop(draft, name, unit, why);
            }
            Some(RunState::Started) => started(draft, name, unit),
            None => not_claimed(draft, name, unit),
        }
    }
}

/// Whether a unit runs is not ours to say, but what we configure of it is: it takes that up if it runs.
fn not_claimed(draft: &mut Draft<'_>, name: &UnitName, unit: &DesiredUnit) {
    let configured = unit.fragment.is_some() || !unit.drop_ins.is_empty() || !unit.watch.is_empty();
    let Some(observed) = draft.observed.units.get(name) else { return };
    if unit.masked == Some(true) || !(configured || template_of(draft, name).is_some()) {
        return;
    }
    if observed.active_state.is_up() {
        take_up_changes(draft, name, unit, observed);
    } else if observed.active_state == ActiveState::Failed {
        // What we restarted before may have failed of it: that there is nothing to do is not all there is to say.
        let result = observed.result.as_deref().unwrap_or("no result is known");
        let text = format!("{name} has failed ({result}) and its state is not claimed");
        let hint = format!("look at: journalctl -u {name}; to have it started, write `state: started`");
        draft.finding(FindingKind::Notice, Some(name), text, Some(hint));
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
    if name.kind() == UnitKind::Socket
        && let Some((kind, because, hint)) = in_the_way(draft, name)
    {
        draft.finding(kind, Some(name), format!("{name} is not started: {because}"), Some(hint));
        return;
    }
    let looping = observed.sub_state == "auto-restart";
    let from = if looping { "crashing in a loop".to_owned() } else { observed.active_state.as_str().to_owned() };
    let kind = ChangeKind::State { from: from.clone(), to: "started".to_owned() };
    draft.change(Some(name), &unit.claim.manifest, kind);
    if observed.active_state == ActiveState::Activating && !looping {
        // A start only joins the job that is under way, and the process comes up with what it was started with.
        take_up_changes(draft, name, unit, observed);
        if draft.steps().any(|(stage, step)| stage == Stage::Run && acts_on(&step.action, name)) {
            return;
        }
    } else {
        record(draft, name, unit);
    }
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
}

/// Whether the unit will say `RefuseManualStart=` or `RefuseManualStop=`: by its text after the steps, or by what
/// systemd knows where no text is.
pub(super) fn refuses(draft: &Draft<'_>, name: &UnitName, directive: &str, known: bool) -> bool {
    let view = draft.after.unit(name);
    match view.effective.filter(|_| view.files.fragment.is_some()) {
        Some(effective) => effective.flag("Unit", directive) == Some(true),
        None => known,
    }
}

/// Notes the hash that the unit will run with, so that the apply records it.
fn record(draft: &mut Draft<'_>, name: &UnitName, unit: &DesiredUnit) {
    if keeps_configuration(name)
        && let Some(inputs) = draft.after.inputs(name, unit)
    {
        draft.inputs.insert(name.clone(), inputs.record());
    }
}

/// Units that hold on to their configuration from when they were started.
pub(super) fn keeps_configuration(name: &UnitName) -> bool {
    use UnitKind::{Automount, Mount, Service, Socket, Swap};
    matches!(name.kind(), Service | Socket | Mount | Automount | Swap)
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
