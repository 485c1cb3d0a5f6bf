//! What is in force: the settings of a unit, each in one spelling, with what an empty assignment took back gone.

use std::collections::BTreeMap;

use crate::model::UnitKind;
use crate::unitfile::catalogue::{self, Effect};
use crate::unitfile::{Effective, feeds, is_shared};

use super::Difference;

/// (section, directive or list) → the values in force.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct InForce {
    lists: BTreeMap<(String, String), Values>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Values {
    values: Vec<String>,
    /// The directives that feed a list together, in order; of any other directive none.
    keys: Vec<String>,
}

/// Section and directive.
type Name = (&'static str, &'static str);

/// Directives that are other names of the ones beside them: (section, name) → (section, name). From the table of
/// directives of systemd 247 to 257 (`load-fragment-gperf`), where both set one and the same field.
const OTHER_NAMES: [(Name, Name); 12] = [
    (("Unit", "BindTo"), ("Unit", "BindsTo")),
    (("Unit", "PropagateReloadTo"), ("Unit", "PropagatesReloadTo")),
    (("Unit", "PropagateReloadFrom"), ("Unit", "ReloadPropagatedFrom")),
    (("Unit", "StartLimitInterval"), ("Unit", "StartLimitIntervalSec")),
    (("Service", "StartLimitInterval"), ("Unit", "StartLimitIntervalSec")),
    (("Service", "StartLimitBurst"), ("Unit", "StartLimitBurst")),
    (("Service", "StartLimitAction"), ("Unit", "StartLimitAction")),
    (("Service", "FailureAction"), ("Unit", "FailureAction")),
    (("Service", "RebootArgument"), ("Unit", "RebootArgument")),
    (("Service", "ReadWriteDirectories"), ("Service", "ReadWritePaths")),
    (("Service", "ReadOnlyDirectories"), ("Service", "ReadOnlyPaths")),
    (("Service", "InaccessibleDirectories"), ("Service", "InaccessiblePaths")),
];

fn today<'n>(section: &'n str, key: &'n str) -> (&'n str, &'n str) {
    OTHER_NAMES.iter().find(|(old, _)| *old == (section, key)).map_or((section, key), |(_, new)| *new)
}

/// The sections that systemd reads in a unit of the kind; it ignores all others.
fn is_read(kind: UnitKind, section: &str) -> bool {
    let own = match kind {
        UnitKind::Service => "Service",
        UnitKind::Socket => "Socket",
        UnitKind::Timer => "Timer",
        UnitKind::Path => "Path",
        UnitKind::Mount => "Mount",
        UnitKind::Automount => "Automount",
        UnitKind::Swap => "Swap",
        UnitKind::Slice => "Slice",
        UnitKind::Scope => "Scope",
        UnitKind::Target | UnitKind::Device => "",
    };
    section == "Unit" || section == "Install" || section == own
}

impl InForce {
    pub(super) fn of(kind: UnitKind, effective: &Effective) -> Self {
        let mut assigned: BTreeMap<(String, String), Vec<(&str, &str)>> = BTreeMap::new();
        for setting in effective.settings() {
            if !is_read(kind, &setting.section) || setting.key.starts_with("X-") {
                continue;
            }
            let (section, key) = today(&setting.section, &setting.key);
            let list = (section.to_owned(), feeds(section, key).to_owned());
            assigned.entry(list).or_default().push((key, setting.value.as_str()));
        }
        let settled = assigned.into_iter().map(|(list, values)| {
            let settled = settle(&list.0, &list.1, &values);
            (list, settled)
        });
        // What was set back to its default is as if nobody had spoken of it.
        Self { lists: settled.filter(|(_, values)| !values.values.is_empty()).collect() }
    }

    pub(super) fn differences(&self, new: &Self) -> Vec<Difference> {
        let none = Values::default();
        let mut lists: Vec<&(String, String)> = self.lists.keys().chain(new.lists.keys()).collect();
        lists.sort();
        lists.dedup();
        let differs = |list: &&(String, String)| self.lists.get(*list) != new.lists.get(*list);
        let difference = |list: &(String, String)| {
            let (before, after) = (self.lists.get(list).unwrap_or(&none), new.lists.get(list).unwrap_or(&none));
            let key = named(&list.1, before, after);
            let known = catalogue::lookup(&list.0, &key);
            Difference {
                section: list.0.clone(),
                old: before.values.clone(),
                new: after.values.clone(),
                // Of directives that feed one list, the strongest decides, whichever is spoken of.
                effect: before
                    .keys
                    .iter()
                    .chain(&after.keys)
                    .chain([&key])
                    .map(|key| effect(&list.0, key))
                    .max()
                    .unwrap_or(Effect::Restart),
                note: known.and_then(|directive| directive.note),
                unknown: known.is_none(),
                key,
            }
        };
        lists.into_iter().filter(differs).map(difference).collect()
    }
}

/// What nobody knows is taken for what only a start brings.
fn effect(section: &str, key: &str) -> Effect {
    catalogue::lookup(section, key).map_or(Effect::Restart, |directive| directive.effect)
}

/// The directive to speak of: of those that feed a list together, the first that is not the same on both sides.
fn named(list: &str, before: &Values, after: &Values) -> String {
    let keys = |values: &Values| values.keys.clone();
    let (old, new) = (keys(before), keys(after));
    let at = (0..old.len().max(new.len()))
        .find(|at| old.get(*at) != new.get(*at) || before.values.get(*at) != after.values.get(*at));
    let key = at.and_then(|at| new.get(at).or(old.get(at)));
    key.cloned().unwrap_or_else(|| list.to_owned())
}

fn settle(section: &str, list: &str, assigned: &[(&str, &str)]) -> Values {
    if !is_shared(list) {
        let raw: Vec<&str> = assigned.iter().map(|(_, value)| *value).collect();
        let known = catalogue::lookup(section, list);
        let values =
            known.map_or_else(|| raw.iter().map(|value| (*value).to_owned()).collect(), |known| known.settle(&raw));
        return Values { values, keys: Vec::new() };
    }
    let mut found = Values::default();
    for (key, value) in assigned {
        if value.trim().is_empty() {
            found = Values::default();
            continue;
        }
        let canonical = catalogue::lookup(section, key).map(|known| known.canonical(value).into_owned());
        found.values.push(format!("{key}={}", canonical.unwrap_or_else(|| (*value).to_owned())));
        found.keys.push((*key).to_owned());
    }
    found
}
