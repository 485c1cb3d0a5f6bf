//! A plan in the making: steps are collected by stage, in any order, and laid out in systemd's order at the end.

use std::collections::BTreeMap;

use crate::model::{
    AbsPath, Action, Change, ChangeKind, Desired, Finding, FindingKind, HostPlan, Ledger, LedgerEntry, ManifestName,
    Observation, Observed, ObservedPath, Place, Reason, ReasonKind, Refusal, Step, UnitName,
};

use super::view::View;

/// Where the ledgers lie on a host.
const LEDGERS: &str = "/var/lib/unitfleet/ledger";

/// The order of work on a host. Everything is written and checked before anything is stopped; what goes away is
/// stopped while its file still says how (its `ExecStop=`), and only then removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Adopt,
    Users,
    Directories,
    Unmask,
    Files,
    Links,
    Owners,
    Reload,
    Gate,
    Stop,
    Mask,
    RemoveFiles,
    ReloadAgain,
    Run,
    Forget,
    RemoveDirectories,
    RemoveUsers,
}

/// Everything that the parts of the planner read and add to.
pub(super) struct Draft<'a> {
    pub(super) desired: &'a Desired,
    pub(super) observed: &'a Observed,
    /// The files as they are.
    pub(super) before: View,
    /// The files as they will be.
    pub(super) after: View,
    pub(super) inputs: BTreeMap<UnitName, String>,
    ledgers: BTreeMap<ManifestName, Ledger>,
    changes: Vec<Change>,
    steps: Vec<(Stage, Step)>,
    findings: Vec<Finding>,
    refusals: Vec<Refusal>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(desired: &'a Desired, observed: &'a Observed) -> Self {
        let before = View::observed(desired, observed);
        let ledgers = observed
            .ledgers
            .iter()
            .filter_map(|(owner, ledger)| match ledger {
                Observation::Known(ledger) => Some((owner.clone(), ledger.clone())),
                Observation::Unknown(_) => None,
            })
            .collect();
        Self {
            desired,
            observed,
            after: before.clone(),
            before,
            inputs: BTreeMap::new(),
            ledgers,
            changes: Vec::new(),
            steps: Vec::new(),
            findings: Vec::new(),
            refusals: Vec::new(),
        }
    }

    pub(super) fn step(&mut self, stage: Stage, action: Action, kind: ReasonKind, text: impl Into<String>) {
        self.step_because(stage, action, vec![Reason { kind, text: text.into() }]);
    }

    pub(super) fn step_because(&mut self, stage: Stage, action: Action, reasons: Vec<Reason>) {
        debug_assert!(!reasons.is_empty(), "every step has a reason");
        self.steps.push((stage, Step { action, reasons, wave: 0 }));
    }

    pub(super) fn change(&mut self, unit: Option<&UnitName>, manifest: &ManifestName, kind: ChangeKind) {
        self.changes.push(Change { unit: unit.cloned(), manifest: manifest.clone(), kind });
    }

    pub(super) fn finding(&mut self, kind: FindingKind, unit: Option<&UnitName>, text: String, hint: Option<String>) {
        let finding = Finding { kind, unit: unit.cloned(), text, hint };
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    pub(super) fn refuse(&mut self, unit: Option<&UnitName>, place: &Place, text: String, hint: Option<String>) {
        let refusal = Refusal { unit: unit.cloned(), text, place: Some(place.clone()), hint };
        if !self.refusals.contains(&refusal) {
            self.refusals.push(refusal);
        }
    }

    /// The ledger of a manifest as it was observed.
    pub(super) fn ledger_before(&self, owner: &ManifestName) -> Option<&'a Ledger> {
        match self.observed.ledgers.get(owner)? {
            Observation::Known(ledger) => Some(ledger),
            Observation::Unknown(_) => None,
        }
    }

    /// Why some ledger could not be read: then nobody knows what is not ours.
    pub(super) fn ledgers_unseen(&self) -> Option<String> {
        let folder = self.observed.paths.iter().find(|(path, _)| path.as_str() == LEDGERS);
        if let Some((path, ObservedPath::Unknown(why))) = folder {
            return Some(format!("{path} could not be looked at: {why}"));
        }
        self.observed.ledgers.values().find_map(|ledger| match ledger {
            Observation::Unknown(why) => Some(why.clone()),
            Observation::Known(_) => None,
        })
    }

    /// Whether the ledger of a manifest, as it was observed, names the thing, whatever it says of it.
    pub(super) fn has_in_ledger(&self, owner: &ManifestName, entry: &LedgerEntry) -> bool {
        self.ledger_before(owner).is_some_and(|ledger| ledger.entries.iter().any(|other| same_thing(other, entry)))
    }

    /// Whose ledger, other than `owner`'s, has the entry.
    pub(super) fn other_owner(&self, owner: &ManifestName, has: impl Fn(&LedgerEntry) -> bool) -> Option<ManifestName> {
        let others = self.ledgers.iter().filter(|(name, _)| *name != owner);
        others.filter(|(_, ledger)| ledger.entries.iter().any(&has)).map(|(name, _)| name.clone()).next()
    }

    /// Whether any ledger says that we installed this path.
    pub(super) fn is_ours(&self, path: &AbsPath) -> bool {
        self.ledgers.values().any(|ledger| ledger.entries.iter().any(|entry| names_path(entry, path)))
    }

    /// Whether any ledger says that what we installed at this path holds a secret.
    pub(super) fn was_secret(&self, path: &AbsPath) -> bool {
        self.observed
            .ledgers
            .values()
            .any(|ledger| matches!(ledger, Observation::Known(known) if known.has_secret(path)))
    }

    /// Whether any ledger has exactly this entry.
    pub(super) fn in_a_ledger(&self, wanted: &LedgerEntry) -> bool {
        self.ledgers.values().any(|ledger| ledger.entries.contains(wanted))
    }

    /// Notes that `owner` will have installed `entry`. Whoever had it before has it no longer.
    pub(super) fn own(&mut self, owner: &ManifestName, entry: LedgerEntry) {
        for (name, ledger) in &mut self.ledgers {
            if name != owner {
                ledger.entries.retain(|other| !same_place(other, &entry));
            }
        }
        let ledger = self.ledgers.entry(owner.clone()).or_insert_with(|| Ledger::new(owner.clone()));
        ledger.entries.retain(|other| !same_place(other, &entry));
        ledger.entries.insert(entry);
    }

    /// Notes that nobody will have what `gone` matches.
    pub(super) fn disown(&mut self, gone: impl Fn(&LedgerEntry) -> bool) {
        for ledger in self.ledgers.values_mut() {
            ledger.entries.retain(|entry| !gone(entry));
        }
    }

    /// Whether the steps so far change what systemd reads, in the given stages.
    pub(super) fn touches_unit_files(&self, stages: std::ops::RangeInclusive<Stage>) -> Vec<AbsPath> {
        let unit_path = &self.observed.facts.unit_path;
        let mut paths: Vec<AbsPath> = self
            .steps
            .iter()
            .filter(|(stage, _)| stages.contains(stage))
            .filter_map(|(_, step)| touched_path(&step.action))
            .filter(|path| unit_path.iter().any(|directory| path.is_within(directory.as_str())))
            .collect();
        paths.sort();
        paths.dedup();
        paths
    }

    pub(super) fn steps(&self) -> impl Iterator<Item = (Stage, &Step)> {
        self.steps.iter().map(|(stage, step)| (*stage, step))
    }

    pub(super) fn has_steps(&self) -> bool {
        !self.steps.is_empty()
    }

    pub(super) fn steps_mut(&mut self) -> impl Iterator<Item = (Stage, &mut Step)> {
        self.steps.iter_mut().map(|(stage, step)| (*stage, step))
    }

    /// Lays the steps out.
    pub(super) fn finish(mut self) -> HostPlan {
        // Stable: within a stage and wave the order in which the parts added their steps stays.
        self.steps.sort_by_key(|(stage, step)| (*stage, step.wave));
        self.findings.sort_by(|a, b| (a.kind, &a.unit, &a.text).cmp(&(b.kind, &b.unit, &b.text)));
        let ledgers = if self.steps.is_empty() { BTreeMap::new() } else { self.changed_ledgers() };
        HostPlan {
            host: self.desired.host.clone(),
            changes: self.changes,
            steps: self.steps.into_iter().map(|(_, step)| step).collect(),
            findings: self.findings,
            refusals: self.refusals,
            inputs: self.inputs,
            ledgers,
        }
    }

    fn changed_ledgers(&self) -> BTreeMap<ManifestName, Ledger> {
        let before = |owner: &ManifestName| match self.observed.ledgers.get(owner) {
            Some(Observation::Known(ledger)) => Some(&ledger.entries),
            _ => None,
        };
        let unread = |owner: &ManifestName| matches!(self.observed.ledgers.get(owner), Some(Observation::Unknown(_)));
        self.ledgers
            .iter()
            .filter(|(owner, _)| !unread(owner))
            .filter(|(owner, ledger)| before(owner).map_or(!ledger.entries.is_empty(), |old| *old != ledger.entries))
            .map(|(owner, ledger)| (owner.clone(), Ledger { run: String::new(), ..ledger.clone() }))
            .collect()
    }
}

/// The path whose content or target an action changes. systemd does not care about modes and owners.
pub(super) fn touched_path(action: &Action) -> Option<AbsPath> {
    match action {
        Action::WriteFile { path, .. }
        | Action::RemoveFile { path }
        | Action::MakeLink { path, .. }
        | Action::RemoveLink { path }
        | Action::CreateDirectory { path, .. }
        | Action::RemoveDirectory { path } => Some(path.clone()),
        Action::Mask { unit } | Action::Unmask { unit, .. } => Some(unit.etc_path()),
        Action::SetAttributes { .. }
        | Action::CreateUser { .. }
        | Action::ModifyUser { .. }
        | Action::RemoveUser { .. }
        | Action::JoinGroups { .. }
        | Action::SetOwnerBelow { .. }
        | Action::DaemonReload
        | Action::Gate { .. }
        | Action::Stop { .. }
        | Action::Start { .. }
        | Action::Restart { .. }
        | Action::Reload { .. }
        | Action::ResetFailed { .. }
        | Action::Adopt { .. } => None,
    }
}

fn names_path(entry: &LedgerEntry, wanted: &AbsPath) -> bool {
    match entry {
        LedgerEntry::File { path, .. } | LedgerEntry::Link { path, .. } | LedgerEntry::Directory(path) => {
            path == wanted
        }
        LedgerEntry::Mask(_) | LedgerEntry::Unit(_) | LedgerEntry::User(_) => false,
    }
}

/// Whether two entries are about the same thing, whatever they say of it.
pub(super) fn same_thing(one: &LedgerEntry, other: &LedgerEntry) -> bool {
    match (one, other) {
        (LedgerEntry::File { path: a, .. }, LedgerEntry::File { path: b, .. })
        | (LedgerEntry::Link { path: a, .. }, LedgerEntry::Link { path: b, .. }) => a == b,
        _ => one == other,
    }
}

/// Whether one takes the place of the other: at a path is a file or a link.
fn same_place(one: &LedgerEntry, other: &LedgerEntry) -> bool {
    match (one, other) {
        (LedgerEntry::File { path: a, .. }, LedgerEntry::Link { path: b, .. })
        | (LedgerEntry::Link { path: a, .. }, LedgerEntry::File { path: b, .. }) => a == b,
        _ => same_thing(one, other),
    }
}
