//! Stops: of units that shall not run, of what would start them again, of instances that are no longer given.

use std::collections::BTreeSet;

use crate::model::{
    Action, ActiveState, ChangeKind, DesiredUnit, FindingKind, LedgerEntry, ObservedUnit, ReasonKind, RunState,
    UnitKind, UnitName,
};

use super::draft::{Draft, Stage};
use super::held::on_hold;
use super::running::refuses;
use super::sockets::acts_on;

pub(super) fn stop(draft: &mut Draft<'_>, name: &UnitName, unit: &DesiredUnit, why: &str) {
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
    let known: BTreeSet<UnitName> =
        observed.triggered_by.iter().filter_map(|trigger| UnitName::parse(trigger).ok()).collect();
    let triggers: BTreeSet<UnitName> = known.iter().cloned().chain(siblings).collect();
    for trigger in triggers {
        let Some(state) = draft.observed.units.get(&trigger).map(|trigger| &trigger.active_state) else {
            if known.contains(&trigger) {
                let text = format!("{trigger} can start it again, and was not looked at");
                draft.finding(FindingKind::Unknown, Some(name), text, Some(format!("declare {trigger}")));
            }
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
            Some(declared) if is_stopped_anyway(draft, &trigger, declared) => continue,
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

/// It is stopped for its own sake.
fn is_stopped_anyway(draft: &Draft<'_>, name: &UnitName, unit: &DesiredUnit) -> bool {
    let shall_be_down = unit.absent || unit.state == Some(RunState::Stopped);
    shall_be_down && unit.claim.selected && on_hold(draft, name).is_none()
}

/// A removed unit's failure is forgotten with it.
pub(super) fn forget(draft: &mut Draft<'_>, name: &UnitName) {
    let failed = draft.observed.units.get(name).is_some_and(|unit| unit.active_state == ActiveState::Failed);
    if failed {
        let action = Action::ResetFailed { unit: name.clone() };
        draft.step(Stage::Forget, action, ReasonKind::NotWanted, "has failed and is removed");
    }
}

/// Instances that the playbook gave before and no longer gives.
pub(super) fn surplus_instances(
    draft: &mut Draft<'_>,
    template: &UnitName,
    unit: &DesiredUnit,
    wanted: &BTreeSet<UnitName>,
) {
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
        let ours = unit.absent && unit.adopt || draft.has_in_ledger(&unit.claim.manifest, &entry);
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
