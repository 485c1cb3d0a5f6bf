//! How a running unit takes up what changes: by a restart, a reload, the daemon-reload alone, or not by us.

use crate::model::{
    Action, ChangeKind, DesiredUnit, FindingKind, ObservedUnit, OnChange, Reason, ReasonKind, RunState, UnitKind,
    UnitName,
};
use crate::unitfile::catalogue::Effect;

use super::draft::{Draft, Stage};
use super::fresh::{Freshness, Outdated, freshness};
use super::held::on_hold;
use super::running::{keeps_configuration, refuses};
use super::sockets::{acts_on, in_the_way, restart_socket, triggered_services};
use super::verdict::{Judgement, judge};

/// The unit runs; does it run with what its files say?
pub(super) fn take_up_changes(draft: &mut Draft<'_>, name: &UnitName, unit: &DesiredUnit, observed: &ObservedUnit) {
    match name.kind() {
        _ if keeps_configuration(name) => {}
        // systemd takes these up with the daemon-reload; restarting a timer could fire it (seen on 247, 252, 257).
        UnitKind::Timer => {
            if judged(draft, name).is_some_and(|judged| rearms(&judged)) {
                let text = format!("{name} is scheduled anew by the daemon-reload and may fire at once if it is due");
                draft.finding(FindingKind::Notice, Some(name), text, None);
            }
            goes_on(draft, name, unit);
            return;
        }
        _ => {
            goes_on(draft, name, unit);
            return;
        }
    }
    let Outdated { mut reasons, by_reload, record } = match freshness(draft, name, unit, observed) {
        Freshness::Same(record) => {
            goes_on(draft, name, unit);
            draft.inputs.insert(name.clone(), record);
            return;
        }
        Freshness::Unknown(path) => {
            let text =
                format!("whether {name} runs with its current configuration is not known: {path} could not be read");
            draft.finding(FindingKind::Unknown, Some(name), text, Some("gather as root: become: true".to_owned()));
            return;
        }
        Freshness::Outdated(outdated) => outdated,
    };
    let action = match how_to_take_up(draft, name, unit, observed, by_reload) {
        Ok(action) => action,
        Err(LeftAlone { because, hint }) => {
            let why = in_words(&reasons);
            let text =
                format!("{name} goes on with its older configuration: {why}; it is not restarted because {because}");
            draft.finding(FindingKind::Stale, Some(name), text, Some(hint));
            return;
        }
    };
    if reasons.iter().any(|reason| reason.kind == ReasonKind::Stale) {
        let why = in_words(&reasons);
        draft.change(Some(name), &unit.claim.manifest, ChangeKind::Stale { why });
    }
    let reload_was_meant = unit.on_change == OnChange::Reload || by_reload && unit.on_change == OnChange::Auto;
    if reload_was_meant && matches!(action, Action::Restart { .. }) {
        reasons.push(Reason { kind: ReasonKind::Follows, text: why_not_reloaded(draft, name, by_reload) });
    }
    if name.kind() == UnitKind::Socket {
        restart_socket(draft, name, reasons);
    } else {
        draft.step_because(Stage::Run, action, reasons);
    }
    draft.inputs.insert(name.clone(), record);
}

/// What differs between the unit's configuration as it is and as it will be.
fn judged(draft: &Draft<'_>, name: &UnitName) -> Option<Judgement> {
    let (before, after) = (draft.before.unit(name).effective?, draft.after.unit(name).effective?);
    Some(judge(name.kind(), &before, &after))
}

fn rearms(judged: &Judgement) -> bool {
    judged.differences.iter().any(|difference| difference.effect == Effect::Rearm)
}

/// Something of it changes and it goes on: that is worth a word, so that nobody waits for a restart.
fn goes_on(draft: &mut Draft<'_>, name: &UnitName, unit: &DesiredUnit) {
    if let Some(why) = judged(draft, name).and_then(|judged| judged.no_restart()) {
        draft.change(Some(name), &unit.claim.manifest, ChangeKind::GoesOn { why });
    }
}

/// Running instances of a template that the playbook does not give: not ours to restart, but that they go on with the
/// old text is said.
pub(super) fn instances_of_others(draft: &mut Draft<'_>, template: &UnitName, unit: &DesiredUnit) {
    for (name, observed) in &draft.observed.units {
        let of_others = name.template().as_ref() == Some(template) && !draft.desired.units.contains_key(name);
        let stops = || draft.steps().any(|(stage, step)| stage == Stage::Stop && acts_on(&step.action, name));
        if !of_others || !observed.active_state.is_up() || !keeps_configuration(name) || stops() {
            continue;
        }
        if let Freshness::Outdated(Outdated { reasons, .. }) = freshness(draft, name, unit, observed) {
            let text = format!(
                "{name} goes on with its older configuration: {}; it is not restarted because the playbook does not \
                 give it",
                in_words(&reasons)
            );
            let hint = format!("restart it by hand when it suits, or add it to `instances` at {}", unit.claim.place);
            draft.finding(FindingKind::Stale, Some(name), text, Some(hint));
        }
    }
}

/// Units that this run leaves out by their tags, and that go on with older configuration than their files: what this run
/// changes is owed to them, and the next run that selects them finds it.
pub(super) fn units_left_out(draft: &mut Draft<'_>) {
    for (name, unit) in &draft.desired.units {
        let Some(observed) = draft.observed.units.get(name).filter(|observed| observed.active_state.is_up()) else {
            continue;
        };
        let stays = unit.absent || unit.masked == Some(true) || unit.state == Some(RunState::Stopped);
        if unit.claim.selected || stays || !keeps_configuration(name) || on_hold(draft, name).is_some() {
            continue;
        }
        if let Freshness::Outdated(Outdated { reasons, .. }) = freshness(draft, name, unit, observed) {
            let why = in_words(&reasons);
            let text = format!(
                "{name} goes on with its older configuration: {why}; it is not restarted because its tags are not selected"
            );
            let hint = "it is due with the next run that selects it".to_owned();
            draft.finding(FindingKind::Stale, Some(name), text, Some(hint));
        }
    }
}

fn in_words(reasons: &[Reason]) -> String {
    reasons.iter().map(|reason| reason.text.as_str()).collect::<Vec<_>>().join("; ")
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
    by_reload: bool,
) -> Result<Action, LeftAlone> {
    let consent = format!("restart it by hand when it suits, or write on_change: restart at {}", unit.claim.place);
    let is_up = observed.active_state.is_up();
    let needs_consent = |because: &str| Err(LeftAlone { because: because.to_owned(), hint: consent.clone() });
    match (unit.on_change, name.kind()) {
        (OnChange::None, _) => return needs_consent("on_change: none"),
        (OnChange::Auto | OnChange::Reload, _) if by_reload && is_up && can_reload(draft, name) => {
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
        && let Some((_, because, hint)) = in_the_way(draft, name)
    {
        return Err(LeftAlone { because, hint });
    }
    Ok(Action::Restart { unit: name.clone() })
}

/// A reload was asked for, and a restart is what it gets.
fn why_not_reloaded(draft: &Draft<'_>, name: &UnitName, by_reload: bool) -> String {
    let because = match name.kind() {
        _ if !by_reload => return "a reload would not bring it: it is read at the start only".to_owned(),
        UnitKind::Service if can_reload(draft, name) => "it is still starting".to_owned(),
        UnitKind::Service => "no ExecReload=".to_owned(),
        kind => format!("a {} has no reload", kind.suffix()),
    };
    format!("it would be reloaded, but it cannot be: {because}")
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
