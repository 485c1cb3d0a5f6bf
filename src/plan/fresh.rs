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

use crate::unitfile::literal_head;

use super::draft::Draft;
use super::running::keeps_configuration;
use super::verdict::{Verdict, judge};
use super::view::{Entry, Inputs, UnitInView, input_files};

/// Clocks of the file system and of systemd are read at different moments; less than this is no difference.
const CLOCK_SLACK_US: i64 = 100_000;

/// How a running unit's configuration relates to its files after the steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    /// It runs with what the files will say, as far as that matters to what runs. The record of its inputs.
    Same(String),
    /// It has to take up what changes now, or changed since it started.
    Outdated(Outdated),
    /// An input could not be read.
    Unknown(String),
}

/// What a unit has to take up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outdated {
    /// Why; never empty.
    pub(super) reasons: Vec<Reason>,
    /// Nothing of it needs a start: a reload brings all.
    pub(super) by_reload: bool,
    /// The record of the inputs that the unit will then run with.
    pub(super) record: String,
}

pub(super) fn freshness(draft: &Draft<'_>, name: &UnitName, unit: &DesiredUnit, observed: &ObservedUnit) -> Freshness {
    let Some(after) = draft.after.inputs(name, unit) else {
        return Freshness::Unknown(unreadable_input(draft, name, unit));
    };
    let before = draft.before.inputs(name, unit);
    let running = draft
        .observed
        .started
        .get(name)
        .filter(|record| observed.invocation_id.as_ref() == Some(&record.invocation_id))
        .and_then(|record| Inputs::parse(&record.inputs));
    let outdated = |reasons: Vec<Reason>, by_reload: bool| {
        Freshness::Outdated(Outdated { reasons, by_reload, record: after.record() })
    };
    match running {
        Some(running) if running.are_alike(&after) => Freshness::Same(after.record()),
        Some(running) => {
            let by_reload = running.starts_alike(&after);
            let mut reasons = Vec::new();
            if before.as_ref().is_none_or(|before| !before.are_alike(&after)) {
                reasons = what_changes(draft, name, unit);
            }
            // What changes now may be all that is owed, or not.
            if before.is_some_and(|before| !running.are_alike(&before)) || reasons.is_empty() {
                let text = "runs with an older configuration than its files: an earlier change was never taken up";
                reasons.push(Reason { kind: ReasonKind::Stale, text: text.to_owned() });
            }
            outdated(reasons, by_reload)
        }
        None if before.as_ref().is_none_or(|before| !before.are_alike(&after)) => {
            let by_reload = before.is_some_and(|before| before.starts_alike(&after))
                && changed_since_start(draft, name, unit, observed).is_none();
            outdated(what_changes(draft, name, unit), by_reload)
        }
        None => match changed_since_start(draft, name, unit, observed) {
            Some(reason) => outdated(vec![reason], false),
            None => Freshness::Same(after.record()),
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
    let because = |text: String| Reason { kind: ReasonKind::InputsChanged, text };
    let mut reasons = Vec::new();
    if let (Some(old), Some(new)) = (&before.effective, &after.effective) {
        let judged = judge(name.kind(), old, new);
        if judged.verdict >= Verdict::Reload {
            reasons.push(because(shortened(&judged.reasons())));
        }
    } else {
        reasons.push(because("its unit files changed, and the old ones could not be read".to_owned()));
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
        reasons.push(because(text));
    }
    if reasons.is_empty() {
        reasons.push(because("the files that it reads changed".to_owned()));
    }
    reasons
}

fn shortened(reasons: &[String]) -> String {
    const SHOWN: usize = 4;
    let shown = reasons.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match reasons.len().saturating_sub(SHOWN) {
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
