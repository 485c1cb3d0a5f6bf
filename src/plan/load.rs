//! When systemd has to read the unit files again, and which units must then load before anything is stopped.

use std::collections::BTreeSet;

use crate::model::{
    AbsPath, Action, ChangeKind, DesiredUnit, FindingKind, LedgerEntry, Observation, ObservedPath, ObservedUnit,
    ReasonKind, RunState, Step, UnitName,
};

use super::draft::{Draft, Stage, touched_path};
use super::sockets::acts_on;

/// Clocks of the file system and of systemd are read at different moments; less than this is no difference.
const CLOCK_SLACK_US: i64 = 100_000;

/// Adds the daemon-reload and the gate where they are needed: one reload after all writes, and one after the
/// removals only where there are any.
pub(super) fn plan(draft: &mut Draft<'_>, units: &BTreeSet<UnitName>) {
    let removed = draft.touches_unit_files(Stage::Mask..=Stage::RemoveFiles);
    let early = draft.touches_unit_files(Stage::Users..=Stage::Links);
    // Links that only go away can wait for the reload that the removals need anyway.
    let early_is_only_unlinking = draft.steps().filter(|(stage, _)| *stage <= Stage::Links).all(|(_, step)| {
        matches!(&step.action, Action::RemoveLink { .. })
            || touched_path(&step.action).is_none_or(|path| !early.contains(&path))
    });
    let one_reload_will_do = early_is_only_unlinking && !removed.is_empty();
    if !early.is_empty() && !one_reload_will_do {
        let reason = changed_files(&early);
        draft.step(Stage::Reload, Action::DaemonReload, ReasonKind::UnitFilesChanged, reason);
        gate(draft, units);
    } else if early.is_empty() && removed.is_empty() {
        reload_that_is_owed(draft, units);
    }
    if !removed.is_empty() {
        let reason = changed_files(&removed);
        draft.step(Stage::ReloadAgain, Action::DaemonReload, ReasonKind::UnitFilesChanged, reason);
    }
}

fn changed_files(paths: &[AbsPath]) -> String {
    match paths {
        [path] => format!("{path} changes"),
        paths => format!("{} files and links of units change", paths.len()),
    }
}

/// Every unit that a later step relies on must load; a broken file then leaves the running service untouched. Units
/// that are not configured here and only shall be down need none: a package's broken file is not to hold up the rest.
fn gate(draft: &mut Draft<'_>, units: &BTreeSet<UnitName>) {
    let gated: Vec<UnitName> = units
        .iter()
        .filter(|name| {
            let unit = &draft.desired.units[*name];
            let template = name.template().and_then(|template| draft.desired.units.get(&template));
            let configured = [Some(unit), template].into_iter().flatten().any(is_configured);
            let comes_up = draft.steps().any(|(stage, step)| stage == Stage::Run && acts_on(&step.action, name));
            let ours = configured || comes_up || unit.state == Some(RunState::Started);
            let view = draft.after.unit(name);
            ours && !unit.absent
                && unit.masked != Some(true)
                && !name.is_template()
                && view.files.fragment.is_some()
                && !view.masked
        })
        .cloned()
        .collect();
    if gated.is_empty() {
        return;
    }
    let text = "must load before anything is stopped; else every file is put back".to_owned();
    draft.step(Stage::Gate, Action::Gate { units: gated }, ReasonKind::Follows, text);
}

fn is_configured(unit: &DesiredUnit) -> bool {
    unit.fragment.is_some() || !unit.drop_ins.is_empty()
}

/// systemd has not read files that are already as they should be: an earlier run did not get to it, or a hand
/// wrote them.
fn reload_that_is_owed(draft: &mut Draft<'_>, units: &BTreeSet<UnitName>) {
    for name in units {
        let observed = draft.observed.units.get(name);
        if observed.is_some_and(|unit| unit.need_daemon_reload && is_read_as_it_is(draft, name, unit)) {
            let text = format!("systemd cannot read a file of {name} to its end, though it tried");
            let hint = format!("look at: systemd-analyze verify {name}");
            draft.finding(FindingKind::Notice, Some(name), text, Some(hint));
        }
    }
    let owed = units.iter().find_map(|name| {
        let unit = &draft.desired.units[name];
        let observed = draft.observed.units.get(name)?;
        if unit.absent || observed.load_state == "not-found" {
            return None;
        }
        if observed.need_daemon_reload && !is_read_as_it_is(draft, name, observed) {
            return Some((name.clone(), format!("systemd says that {name}'s files changed on disk")));
        }
        let path = last_load(draft).and_then(|loaded| newer_than(draft, name, loaded + CLOCK_SLACK_US))?;
        Some((name.clone(), format!("{path} changed after systemd last read the unit files")))
    });
    let is_stale = |step: &Step| step.reasons.iter().any(|reason| reason.kind == ReasonKind::Stale);
    let unknown = last_load(draft).is_none();
    let perhaps = draft.steps().any(|(stage, step)| stage == Stage::Run && (unknown || is_stale(step)));
    match owed {
        Some((name, why)) => {
            let manifest = draft.desired.units[&name].claim.manifest.clone();
            draft.change(Some(&name), &manifest, ChangeKind::NotLoaded { why: why.clone() });
            draft.step(Stage::Reload, Action::DaemonReload, ReasonKind::UnitFilesChanged, why);
            gate(draft, units);
        }
        None if perhaps => {
            let why = "the unit files may have changed since systemd read them";
            draft.step(Stage::Reload, Action::DaemonReload, ReasonKind::Follows, why);
            gate(draft, units);
        }
        None => {}
    }
}

/// systemd has read all files of the unit as they are. It wants to read a drop-in with a broken header again for ever
/// (247, 252, 257), and no daemon-reload helps.
fn is_read_as_it_is(draft: &Draft<'_>, name: &UnitName, observed: &ObservedUnit) -> bool {
    let files = draft.before.unit(name).files;
    let on_disk: BTreeSet<&AbsPath> = files.fragment.iter().chain(&files.drop_ins).collect();
    let read: BTreeSet<&AbsPath> = observed.fragment_path.iter().chain(&observed.drop_in_paths).collect();
    // Without slack: what changed while systemd was reading may be what it means.
    last_load(draft).is_some_and(|loaded| on_disk == read && newer_than(draft, name, loaded).is_none())
}

/// When systemd last read the unit files, where that is known: from systemd (250 and later, and not in a container whose
/// uptime is another than systemd's), or from our own marker.
fn last_load(draft: &Draft<'_>) -> Option<i64> {
    let facts = &draft.observed.facts;
    facts.units_load_us.and_then(|us| draft.observed.wall_us(us)).into_iter().chain(facts.reloaded_us).max()
}

/// A file of the unit that changed after the last load. A file that only got another mode or owner (its content is what we
/// installed, and not written since) is read the same.
fn newer_than(draft: &Draft<'_>, name: &UnitName, loaded: i64) -> Option<AbsPath> {
    let facts = &draft.observed.facts;
    // A time in the future comes from a clock that was set back; it proves nothing.
    let is_newer = |changed: i64| changed > loaded && changed <= facts.now_us;
    let files = draft.before.unit(name).files;
    let files = draft.before.with_targets(files.fragment.into_iter().chain(files.drop_ins).collect());
    files.into_iter().find(|path| match draft.observed.paths.get(path) {
        Some(ObservedPath::File { meta, digest: Observation::Known(digest), .. }) => {
            let ours = LedgerEntry::File { path: (*path).clone(), digest: Some(digest.clone()) };
            let changed = if draft.in_a_ledger(&ours) { meta.mtime_us } else { meta.ctime_us };
            is_newer(changed)
        }
        Some(ObservedPath::File { meta, .. } | ObservedPath::Link { meta, .. }) => is_newer(meta.ctime_us),
        _ => false,
    })
}
