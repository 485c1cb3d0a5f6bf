//! A plan in a compact neutral form: one line a change, step, finding, refusal, record, ledger entry.
//!
//! Expected lines may hold `*` for any text: a case fixes what is done, to what and why, not every word of it.

use std::collections::{BTreeMap, BTreeSet};

use unitfleet::model::{
    Action, Change, ChangeKind, Content, FindingKind, HostPlan, LedgerEntry, Observation, Observed, ReasonKind, Step,
    UnitName, UserName,
};

/// The lines of a plan. Waves are counted from 0 among the stops and among what follows them.
pub(crate) fn shown(plan: &HostPlan, observed: &Observed) -> Vec<String> {
    let mut lines: Vec<String> = plan.changes.iter().map(change).collect();
    let waves = waves(&plan.steps);
    lines.extend(plan.steps.iter().zip(waves).map(|(step, wave)| step_line(step, wave)));
    for finding in &plan.findings {
        lines.push(format!("finding {} {}: {}", finding_word(finding.kind), of(finding.unit.as_ref()), finding.text));
    }
    for refusal in &plan.refusals {
        lines.push(format!("refusal {}: {}", of(refusal.unit.as_ref()), refusal.text));
    }
    lines.extend(plan.inputs.keys().map(|name| format!("record {name}")));
    lines.extend(ledgers(plan, observed));
    lines
}

fn of(unit: Option<&UnitName>) -> String {
    unit.map_or_else(|| "-".to_owned(), ToString::to_string)
}

fn change(change: &Change) -> String {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let what = match &change.kind {
        ChangeKind::File { path, from, to } => match (from, to) {
            (Content::Absent, _) => format!("new {path}"),
            (_, Content::Absent) => format!("gone {path}"),
            _ => format!("content {path}"),
        },
        ChangeKind::Mode { path, from, to } => {
            let from = from.map_or_else(|| "none".to_owned(), |from| format!("{from:04o}"));
            format!("mode {path} {from} -> {to:04o}")
        }
        ChangeKind::Owner { path, from, to } => format!("owner {path} {} -> {to}", or_none(from)),
        ChangeKind::Directory { path, exists: false, .. } => format!("new {path}/"),
        ChangeKind::Directory { path, .. } => format!("gone {path}/"),
        ChangeKind::Link { path, from, to } => format!("link {path} {} -> {}", or_none(from), or_none(to)),
        ChangeKind::Mask { from, to } => format!("masked {from} -> {to}"),
        ChangeKind::State { from, to } => format!("state {from} -> {to}"),
        ChangeKind::Stale { why } => format!("stale {why}"),
        ChangeKind::GoesOn { why } => format!("goes on: {why}"),
        ChangeKind::User { name, from, to } => format!("user {name} {} -> {}", or_none(from), or_none(to)),
        ChangeKind::Groups { name, joined } => format!("groups {name} + {}", listed(joined)),
        ChangeKind::OwnersBelow { path, count, more, to } => {
            format!("owners below {path} {count}{} -> {to}", if *more { "+" } else { "" })
        }
        ChangeKind::DefaultTarget { from, to } => format!("default target {} -> {to}", or_none(from)),
        ChangeKind::NotLoaded { why } => format!("not loaded {why}"),
    };
    format!("change {}: {what}", of(change.unit.as_ref()))
}

fn listed(names: &[UserName]) -> String {
    names.iter().map(UserName::as_str).collect::<Vec<_>>().join(" ")
}

/// Dense waves: `None` for steps that have no part in one.
fn waves(steps: &[Step]) -> Vec<Option<usize>> {
    let stops = |step: &Step| matches!(step.action, Action::Stop { .. });
    let runs =
        |step: &Step| matches!(step.action, Action::Start { .. } | Action::Restart { .. } | Action::Reload { .. });
    let ranks = |of: &dyn Fn(&Step) -> bool| -> BTreeMap<u32, usize> {
        let waves: BTreeSet<u32> = steps.iter().filter(|step| of(step)).map(|step| step.wave).collect();
        waves.into_iter().enumerate().map(|(rank, wave)| (wave, rank)).collect()
    };
    let (stop_ranks, run_ranks) = (ranks(&stops), ranks(&runs));
    steps
        .iter()
        .map(|step| {
            let rank =
                if stops(step) { stop_ranks.get(&step.wave) } else { run_ranks.get(&step.wave).filter(|_| runs(step)) };
            rank.copied()
        })
        .collect()
}

fn step_line(step: &Step, wave: Option<usize>) -> String {
    let wave = wave.map(|wave| format!(" @{wave}")).unwrap_or_default();
    let reasons: Vec<String> =
        step.reasons.iter().map(|reason| format!("{}: {}", reason_word(reason.kind), reason.text)).collect();
    format!("step {}{wave} <- {}", action(&step.action), reasons.join(" | "))
}

pub(crate) fn action(action: &Action) -> String {
    let field = |label: &str, value: &Option<unitfleet::model::AbsPath>| {
        value.as_ref().map(|value| format!(" {label} {value}")).unwrap_or_default()
    };
    match action {
        Action::CreateUser { name, system, uid, gid, home, shell } => {
            let system = if *system { " system" } else { "" };
            let uid = uid.map(|uid| format!(" uid {uid}")).unwrap_or_default();
            let gid = gid.as_ref().map(|gid| format!(" gid {gid}")).unwrap_or_default();
            format!("create-user {name}{system}{uid}{gid}{}{}", field("home", home), field("shell", shell))
        }
        Action::JoinGroups { name, groups } => format!("join-groups {name} {}", listed(groups)),
        Action::ModifyUser { name, home, shell } => {
            format!("modify-user {name}{}{}", field("home", home), field("shell", shell))
        }
        Action::RemoveUser { name } => format!("remove-user {name}"),
        Action::CreateDirectory { path, mode, user, group } => format!("mkdir {path} {mode:04o} {user}:{group}"),
        Action::RemoveDirectory { path } => format!("rmdir {path}"),
        Action::SetAttributes { path, mode, owner } => {
            let mode = mode.map(|mode| format!(" {mode:04o}")).unwrap_or_default();
            let owner = owner.as_ref().map(|(user, group)| format!(" {user}:{group}")).unwrap_or_default();
            format!("attributes {path}{mode}{owner}")
        }
        Action::SetOwnerBelow { path, user, group } => format!("owners-below {path} {user}:{group}"),
        Action::WriteFile { path, validate, .. } if !validate.is_empty() => {
            format!("write {path} after {}", validate.join(" "))
        }
        Action::WriteFile { path, mode, user, group, .. } => match (mode, user.as_str(), group.as_str()) {
            (0o644, "root", "root") => format!("write {path}"),
            _ => format!("write {path} {mode:04o} {user}:{group}"),
        },
        Action::RemoveFile { path } => format!("remove {path}"),
        Action::MakeLink { path, target } => format!("link {path} -> {target}"),
        Action::RemoveLink { path } => format!("unlink {path}"),
        Action::Mask { unit } => format!("mask {unit}"),
        Action::Unmask { unit, discard: true } => format!("unmask {unit} discard"),
        Action::Unmask { unit, discard: false } => format!("unmask {unit}"),
        Action::DaemonReload => "daemon-reload".to_owned(),
        Action::Gate { units } => {
            format!("gate {}", units.iter().map(UnitName::as_str).collect::<Vec<_>>().join(" "))
        }
        Action::Stop { unit } => format!("stop {unit}"),
        Action::Start { unit } => format!("start {unit}"),
        Action::Restart { unit } => format!("restart {unit}"),
        Action::Reload { unit } => format!("reload {unit}"),
        Action::ResetFailed { unit } => format!("reset-failed {unit}"),
        Action::Adopt { entry } => format!("adopt {}", entry.name()),
    }
}

fn reason_word(kind: ReasonKind) -> &'static str {
    match kind {
        ReasonKind::FileDiffers => "differs",
        ReasonKind::Missing => "missing",
        ReasonKind::NotWanted => "not wanted",
        ReasonKind::StateDiffers => "state",
        ReasonKind::InputsChanged => "inputs",
        ReasonKind::Stale => "stale",
        ReasonKind::UnitFilesChanged => "unit files",
        ReasonKind::Follows => "follows",
        ReasonKind::LinksDiffer => "links",
        ReasonKind::MaskDiffers => "mask",
        ReasonKind::DefaultTarget => "default target",
        ReasonKind::Adopted => "adopted",
    }
}

fn finding_word(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::Held => "held",
        FindingKind::Foreign => "foreign",
        FindingKind::Unknown => "unknown",
        FindingKind::Shadowed => "shadowed",
        FindingKind::Stale => "stale",
        FindingKind::Notice => "notice",
    }
}

fn ledgers(plan: &HostPlan, observed: &Observed) -> Vec<String> {
    let none = BTreeSet::new();
    let mut lines = Vec::new();
    for (owner, ledger) in &plan.ledgers {
        let before = match observed.ledgers.get(owner) {
            Some(Observation::Known(ledger)) => &ledger.entries,
            _ => &none,
        };
        let line = |sign: char, entry: &LedgerEntry| format!("ledger {owner} {sign} {}", ledger_line(entry));
        lines.extend(before.difference(&ledger.entries).map(|entry| line('-', entry)));
        lines.extend(ledger.entries.difference(before).map(|entry| line('+', entry)));
    }
    lines
}

fn ledger_line(entry: &LedgerEntry) -> String {
    match entry {
        LedgerEntry::File { path, .. } => format!("file {path}"),
        LedgerEntry::Directory(path) => format!("directory {path}"),
        LedgerEntry::Link { path, .. } => format!("link {path}"),
        LedgerEntry::Mask(unit) => format!("mask {unit}"),
        LedgerEntry::Unit(unit) => format!("unit {unit}"),
        LedgerEntry::User(user) => format!("user {user}"),
    }
}

/// Whether the lines are as expected: steps in order, the rest in any. See [`OTHERS`].
pub(crate) fn fits(expected: &[&str], lines: &[String]) -> bool {
    let is_step = |line: &str| line.starts_with("step ");
    let wanted_steps: Vec<&&str> = expected.iter().filter(|line| is_step(line)).collect();
    let planned_steps: Vec<&String> = lines.iter().filter(|line| is_step(line)).collect();
    let same_steps = wanted_steps.len() == planned_steps.len()
        && wanted_steps.iter().zip(&planned_steps).all(|(pattern, line)| line_fits(pattern, line));
    let mut rest: Vec<&String> = lines.iter().filter(|line| !is_step(line)).collect();
    let found = expected.iter().filter(|line| !is_step(line) && !OTHERS.contains(line)).all(|pattern| {
        let at = rest.iter().position(|line| line_fits(pattern, line));
        at.map(|at| rest.remove(at)).is_some()
    });
    let of_no_concern =
        |line: &str| OTHERS.iter().any(|other| expected.contains(other) && line.starts_with(&other[..7]));
    same_steps && found && rest.iter().all(|line| of_no_concern(line))
}

/// Lines that stand for whatever else is said of ledgers or findings, where that is another case's matter.
pub(crate) const OTHERS: [&str; 2] = ["ledger ...", "finding ..."];

/// `*` stands for any text.
pub(crate) fn line_fits(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[test]
fn patterns_fit_lines() {
    for (pattern, line, fits) in [
        ("a b", "a b", true),
        ("a b", "a b c", false),
        ("a * c", "a b c", true),
        ("a *", "a b c", true),
        ("a *b", "a b c", false),
        ("*b*c", "abbc", true),
        ("a*a", "a", false),
    ] {
        assert_eq!(line_fits(pattern, line), fits, "{pattern} {line}");
    }
}
