//! Does a unit run with the configuration that its files will give?
//!
//! Two ways to know. Exact: we recorded, beside the unit's `InvocationID`, a hash of the inputs it was started with
//! (`/run/unitfleet/started`, gone with the boot as the process is). Else by times: an input changed after the unit
//! started. Times can only say "perhaps", and are read on the safe side, except where the ledger shows that a
//! file's content is still what it was when we installed it, before the unit started. Where systemd's times cannot be
//! told in those of the files (in LXC and Incus containers), only the record counts.

use std::collections::BTreeSet;

use crate::model::{
    AbsPath, DesiredUnit, FindingKind, LedgerEntry, Observation, ObservedPath, ObservedUnit, Reason, ReasonKind,
    RunState, UnitName,
};

use crate::unitfile::{changed_directives, literal_head};

use super::draft::Draft;
use super::running::keeps_configuration;
use super::view::{Entry, INPUTS_VERSION, UnitInView, input_files};

/// Clocks of the file system and of systemd are read at different moments; less than this is no difference.
const CLOCK_SLACK_US: i64 = 100_000;

/// How a running unit's configuration relates to its files after the steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    /// It runs with what the files will say. The hash of its inputs.
    Same(String),
    /// It has to take up what changes now, or changed since it started; and the hash it will then run with.
    Outdated(Vec<Reason>, String),
    /// An input could not be read.
    Unknown(String),
}

pub(super) fn freshness(draft: &Draft<'_>, name: &UnitName, unit: &DesiredUnit, observed: &ObservedUnit) -> Freshness {
    let Some(after) = draft.after.inputs(name, &unit.watch) else {
        return Freshness::Unknown(unreadable_input(draft, name, unit));
    };
    let before = draft.before.inputs(name, &unit.watch);
    let changes_now = before.as_ref() != Some(&after);
    let running = draft
        .observed
        .started
        .get(name)
        .filter(|record| observed.invocation_id.as_ref() == Some(&record.invocation_id))
        .filter(|record| record.inputs.starts_with(INPUTS_VERSION))
        .map(|record| &record.inputs);
    match running {
        Some(running) if *running == after => Freshness::Same(after),
        _ if changes_now => Freshness::Outdated(what_changes(draft, name, unit), after),
        Some(_) => {
            let text =
                "runs with an older configuration than its files: an earlier change was never taken up".to_owned();
            Freshness::Outdated(vec![Reason { kind: ReasonKind::Stale, text }], after)
        }
        None => match changed_since_start(draft, name, unit, observed) {
            Some(reason) => Freshness::Outdated(vec![reason], after),
            None => Freshness::Same(after),
        },
    }
}

/// Files that a unit reads at its start under names that only the host can tell: their change restarts nothing, and
/// nobody should count on it. One that the playbook lists under `watch:` may be meant, and is enough.
pub(super) fn report_unwatched(draft: &mut Draft<'_>, units: &BTreeSet<UnitName>) {
    for name in units {
        let unit = &draft.desired.units[name];
        let configured = unit.fragment.is_some() || !unit.drop_ins.is_empty() || !unit.watch.is_empty();
        let runs = unit.state == Some(RunState::Started) || unit.state.is_none() && configured;
        if !runs || unit.absent || unit.masked == Some(true) || name.is_template() || !keeps_configuration(name) {
            continue;
        }
        let Some(effective) = draft.after.unit(name).effective else {
            continue;
        };
        let named = effective.input_files(name);
        let is_listed =
            |pattern: &str| unit.watch.difference(&named).any(|path| path.as_str().starts_with(literal_head(pattern)));
        let patterns = effective.input_patterns(name).into_iter();
        let unwatched: BTreeSet<&str> = patterns
            .filter(|(pattern, file)| match file {
                Some(file) => !draft.after.knows(file),
                None => !is_listed(pattern),
            })
            .map(|(pattern, _)| pattern)
            .collect();
        if !unwatched.is_empty() {
            let patterns = unwatched.into_iter().collect::<Vec<_>>().join(", ");
            let text = format!("{name} reads {patterns}, which is not watched: a change of it restarts nothing");
            let hint = "list the files under `watch:`".to_owned();
            draft.finding(FindingKind::Notice, Some(name), text, Some(hint));
        }
    }
}

/// The directives and files whose change makes the difference.
fn what_changes(draft: &Draft<'_>, name: &UnitName, unit: &DesiredUnit) -> Vec<Reason> {
    let before = draft.before.unit(name);
    let after = draft.after.unit(name);
    let mut reasons = Vec::new();
    if let (Some(old), Some(new)) = (&before.effective, &after.effective) {
        let directives = changed_directives(old, new);
        if !directives.is_empty() {
            // Which directives a running service can take up without a restart is not judged here: any change
            // counts, and the reason says so.
            let text = format!(
                "{} changed (any change of a {}'s settings restarts it)",
                shortened(&directives),
                name.kind().suffix()
            );
            reasons.push(Reason { kind: ReasonKind::InputsChanged, text });
        }
    } else {
        let text = "its unit files changed, and the old ones could not be read".to_owned();
        reasons.push(Reason { kind: ReasonKind::InputsChanged, text });
    }
    let named = named_files(name, &before, &after);
    for path in unit.watch.union(&named) {
        let (old, new) = (draft.before.real(path), draft.after.real(path));
        let link_changes = draft.before.get(path) != draft.after.get(path);
        if !link_changes && draft.before.get(&old) == draft.after.get(&new) {
            continue;
        }
        let how = if named.contains(path) { "read at start" } else { "watched" };
        let text = if link_changes {
            format!("{path} changed ({how})")
        } else {
            format!("{new} changed ({path} points to it, {how})")
        };
        reasons.push(Reason { kind: ReasonKind::InputsChanged, text });
    }
    if reasons.is_empty() {
        let text = "the files that it reads changed".to_owned();
        reasons.push(Reason { kind: ReasonKind::InputsChanged, text });
    }
    reasons
}

fn shortened(directives: &[String]) -> String {
    const SHOWN: usize = 4;
    let shown = directives.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match directives.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The files that the unit's settings name, before or after.
fn named_files(name: &UnitName, before: &UnitInView, after: &UnitInView) -> BTreeSet<AbsPath> {
    let effective = [before, after].into_iter().filter_map(|view| view.effective.as_ref());
    effective.flat_map(|effective| effective.input_files(name)).collect()
}

/// By times: an input that changed after the unit started.
fn changed_since_start(
    draft: &Draft<'_>,
    name: &UnitName,
    unit: &DesiredUnit,
    observed: &ObservedUnit,
) -> Option<Reason> {
    let facts = &draft.observed.facts;
    let started = observed.exec_main_start_us.filter(|us| *us > 0).or(observed.active_enter_us).filter(|us| *us > 0)?;
    let started_us = draft.observed.wall_us(started)?;
    let view = draft.before.unit(name);
    let mut files: BTreeSet<AbsPath> = view.files.fragment.iter().chain(&view.files.drop_ins).cloned().collect();
    if let Some(effective) = &view.effective {
        files.extend(input_files(name, effective, &unit.watch));
    }
    let path = draft.before.with_targets(files).into_iter().find(|path| {
        let Some(ObservedPath::File { meta, .. } | ObservedPath::Link { meta, .. }) = draft.observed.paths.get(path)
        else {
            return false;
        };
        // A time in the future comes from a clock that was set back; it proves nothing.
        let later = |time: i64| time > started_us + CLOCK_SLACK_US && time <= facts.now_us;
        // Content that was written since may have been another when the unit started, and have been put back.
        later(meta.ctime_us) && (later(meta.mtime_us) || !unchanged_by_ledger(draft, path, started_us))
    })?;
    let text = format!("{path} changed after it was started");
    Some(Reason { kind: ReasonKind::Stale, text })
}

/// The content is what we installed, and we installed it before the unit started: only attributes changed since.
fn unchanged_by_ledger(draft: &Draft<'_>, path: &AbsPath, started_us: i64) -> bool {
    let Entry::File { digest: Some(digest), .. } = draft.before.get(path) else {
        return false;
    };
    draft.observed.ledgers.iter().any(|(owner, ledger)| {
        let Observation::Known(ledger) = ledger else {
            return false;
        };
        let written = draft.observed.ledger_times_us.get(owner).copied().unwrap_or(i64::MAX);
        let entry = LedgerEntry::File { path: path.clone(), digest: Some(digest.clone()) };
        written <= started_us && ledger.entries.contains(&entry)
    })
}

fn unreadable_input(draft: &Draft<'_>, name: &UnitName, unit: &DesiredUnit) -> String {
    let view = draft.after.unit(name);
    let mut files: BTreeSet<AbsPath> = view.files.fragment.iter().chain(&view.files.drop_ins).cloned().collect();
    if let Some(effective) = &view.effective {
        files.extend(input_files(name, effective, &unit.watch));
    }
    let files = draft.after.with_targets(files);
    let unread = files.iter().find(|path| {
        matches!(draft.after.get(path), Entry::Unknown(_) | Entry::File { digest: None, .. } | Entry::Other)
    });
    let directory = || draft.after.unlisted_directory(name);
    unread.cloned().or_else(directory).map_or_else(|| "one of its files".to_owned(), |path| path.to_string())
}
