//! Waves: what may run at the same time, and what must wait.
//!
//! systemd does not order independent jobs that are asked for in one call (seen on 247, 252 and 257: `start b a` with
//! `b` After `a` started `b` first), so the order is ours to make.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Action, UnitKind, UnitName};
use crate::unitfile::Effective;

use super::draft::{Draft, Stage};

pub(super) type Edges = BTreeMap<UnitName, BTreeSet<UnitName>>;

/// Gives every start, restart, reload and stop its wave.
pub(super) fn assign_waves(draft: &mut Draft<'_>) {
    let starts = acted_on(draft, Stage::Run);
    let start_waves = waves(&starts, &dependencies(draft, &starts));
    let stops = acted_on(draft, Stage::Stop);
    let stop_waves = stop_waves(&stops, &dependencies(draft, &stops));
    for (stage, step) in draft.steps_mut() {
        let waves = match stage {
            Stage::Run => &start_waves,
            Stage::Stop => &stop_waves,
            _ => continue,
        };
        if let Some(wave) = unit_of(&step.action).and_then(|unit| waves.get(unit)) {
            step.wave = *wave;
        }
    }
}

fn unit_of(action: &Action) -> Option<&UnitName> {
    match action {
        Action::Stop { unit } | Action::Start { unit } | Action::Restart { unit } | Action::Reload { unit } => {
            Some(unit)
        }
        _ => None,
    }
}

fn acted_on(draft: &Draft<'_>, wanted: Stage) -> BTreeSet<UnitName> {
    draft.steps().filter(|(stage, _)| *stage == wanted).filter_map(|(_, step)| unit_of(&step.action).cloned()).collect()
}

/// The units of the set that a unit's text names in a directive.
fn named(effective: &Effective, key: &str, units: &BTreeSet<UnitName>, unit: &UnitName) -> Vec<UnitName> {
    let names = effective.names("Unit", key).into_iter();
    names.filter_map(|name| UnitName::parse(&name).ok()).filter(|name| units.contains(name) && name != unit).collect()
}

fn effective_of(draft: &Draft<'_>, unit: &UnitName) -> Option<Effective> {
    draft.after.unit(unit).effective.or_else(|| draft.before.unit(unit).effective)
}

/// unit → the units of the set that come before it, by order alone: `After=`, `Before=`, and what triggers it.
pub(super) fn ordered(draft: &Draft<'_>, units: &BTreeSet<UnitName>) -> Edges {
    let mut ordered = Edges::new();
    for unit in units {
        let Some(effective) = effective_of(draft, unit) else { continue };
        ordered.entry(unit.clone()).or_default().extend(named(&effective, "After", units, unit));
        for later in named(&effective, "Before", units, unit) {
            ordered.entry(later).or_default().insert(unit.clone());
        }
        // A socket, timer or path unit is implicitly ordered before what it triggers.
        let trigger = matches!(unit.kind(), UnitKind::Socket | UnitKind::Timer | UnitKind::Path);
        let triggered =
            effective.last(section(unit.kind()), "Unit").or(effective.last(section(unit.kind()), "Service"));
        let triggered =
            triggered.and_then(|name| UnitName::parse(name).ok()).unwrap_or_else(|| unit.sibling(UnitKind::Service));
        if trigger && units.contains(&triggered) {
            ordered.entry(triggered).or_default().insert(unit.clone());
        }
    }
    ordered
}

/// unit → the units of the set that come before it.
fn dependencies(draft: &Draft<'_>, units: &BTreeSet<UnitName>) -> Edges {
    let mut ordered = ordered(draft, units);
    let mut required = Edges::new();
    for unit in units {
        let Some(effective) = effective_of(draft, unit) else { continue };
        for key in ["Requires", "BindsTo", "Requisite", "PartOf"] {
            required.entry(unit.clone()).or_default().extend(named(&effective, key, units, unit));
        }
    }
    // Dependency first also without After=, so that a restart is not done twice; an order that is spelled out wins.
    for (unit, needed) in required {
        for dependency in needed {
            let contrary = ordered.get(&dependency).is_some_and(|before| before.contains(&unit));
            if !contrary {
                ordered.entry(unit.clone()).or_default().insert(dependency);
            }
        }
    }
    ordered
}

fn section(kind: UnitKind) -> &'static str {
    match kind {
        UnitKind::Socket => "Socket",
        UnitKind::Timer => "Timer",
        UnitKind::Path => "Path",
        _ => "Unit",
    }
}

/// The wave of each unit: one more than the latest of those before it. Units on a cycle share a wave, where systemd
/// breaks the cycle as it always does; what waits for them still waits.
fn waves(units: &BTreeSet<UnitName>, before: &Edges) -> BTreeMap<UnitName, u32> {
    let mut done: BTreeMap<UnitName, u32> = BTreeMap::new();
    let mut wave = 0;
    while done.len() < units.len() {
        let ready: Vec<UnitName> = units
            .iter()
            .filter(|unit| !done.contains_key(*unit))
            .filter(|unit| before.get(*unit).is_none_or(|before| before.iter().all(|unit| done.contains_key(unit))))
            .cloned()
            .collect();
        let ready = if ready.is_empty() { first_cycle(units, before, &done) } else { ready };
        done.extend(ready.into_iter().map(|unit| (unit, wave)));
        wave += 1;
    }
    done
}

/// The units of a cycle that wait for none but each other. There is one where every unit waits for another.
fn first_cycle(units: &BTreeSet<UnitName>, before: &Edges, done: &BTreeMap<UnitName, u32>) -> Vec<UnitName> {
    let waits_for = |unit: &UnitName| -> BTreeSet<UnitName> {
        let mut found = BTreeSet::new();
        let mut open = vec![unit.clone()];
        while let Some(next) = open.pop() {
            let direct = before.get(&next).into_iter().flatten().filter(|other| !done.contains_key(*other));
            open.extend(direct.filter(|other| found.insert((*other).clone())).cloned());
        }
        found
    };
    let left: Vec<&UnitName> = units.iter().filter(|unit| !done.contains_key(*unit)).collect();
    let reach: BTreeMap<&UnitName, BTreeSet<UnitName>> = left.iter().map(|unit| (*unit, waits_for(unit))).collect();
    let fewest = left.iter().min_by_key(|unit| reach[**unit].len());
    let on_it = |unit: &&UnitName| fewest.is_some_and(|first| *unit == *first || reach[*first].contains(*unit));
    left.iter().copied().filter(on_it).cloned().collect()
}

/// Triggers stop first, so that nothing starts their service again; then services, dependants first.
fn stop_waves(units: &BTreeSet<UnitName>, before: &Edges) -> BTreeMap<UnitName, u32> {
    let is_trigger = |unit: &UnitName| matches!(unit.kind(), UnitKind::Socket | UnitKind::Timer | UnitKind::Path);
    let (triggers, others): (BTreeSet<UnitName>, BTreeSet<UnitName>) = units.iter().cloned().partition(is_trigger);
    let order = waves(&others, &reversed(&others, before));
    let mut result: BTreeMap<UnitName, u32> = triggers.into_iter().map(|unit| (unit, 0)).collect();
    result.extend(order.into_iter().map(|(unit, wave)| (unit, wave + 1)));
    result
}

fn reversed(units: &BTreeSet<UnitName>, edges: &Edges) -> Edges {
    let mut reversed = Edges::new();
    for (unit, before) in edges.iter().filter(|(unit, _)| units.contains(*unit)) {
        for other in before.iter().filter(|other| units.contains(*other)) {
            reversed.entry(other.clone()).or_default().insert(unit.clone());
        }
    }
    reversed
}
