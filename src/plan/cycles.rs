//! Units that are ordered in a circle. systemd breaks it by dropping one of the start jobs, and which one is chance: a
//! service is then not started at boot. Where one of the texts is the playbook's, that is refused with the whole circle;
//! requirements in a circle, without an order, are legal.

use std::collections::BTreeSet;

use crate::model::UnitName;

use super::draft::Draft;
use super::order::{Edges, ordered};

pub(super) fn refuse(draft: &mut Draft<'_>, units: &BTreeSet<UnitName>) {
    let declared: BTreeSet<UnitName> =
        units.iter().filter(|name| !draft.desired.units[*name].absent && !name.is_template()).cloned().collect();
    let before = ordered(draft, &declared);
    let mut told: BTreeSet<UnitName> = BTreeSet::new();
    for unit in &declared {
        if told.contains(unit) {
            continue;
        }
        let Some(circle) = circle(unit, &before) else { continue };
        let ours = |name: &&UnitName| {
            let template = name.template().and_then(|template| draft.desired.units.get(&template));
            let texts = |unit: &crate::model::DesiredUnit| unit.fragment.is_some() || !unit.drop_ins.is_empty();
            texts(&draft.desired.units[*name]) || template.is_some_and(texts)
        };
        if let Some(culprit) = circle.iter().find(ours) {
            let place = draft.desired.units[culprit].claim.place.clone();
            let shown: Vec<&str> = circle.iter().chain(circle.first()).map(UnitName::as_str).collect();
            let text = format!("these units are ordered in a circle: {}", shown.join(" after "));
            let hint =
                "take one After= or Before= out; systemd would drop the start of one of them, by chance".to_owned();
            draft.refuse(Some(&culprit.clone()), &place, text, Some(hint));
        }
        told.extend(circle);
    }
}

/// The shortest way from a unit back to itself over what comes before it, each after the next.
fn circle(unit: &UnitName, before: &Edges) -> Option<Vec<UnitName>> {
    let mut ways: Vec<Vec<UnitName>> = vec![vec![unit.clone()]];
    let mut seen: BTreeSet<UnitName> = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for next in way.last().and_then(|last| before.get(last)).into_iter().flatten() {
                if next == unit {
                    return Some(way);
                }
                if seen.insert(next.clone()) {
                    longer.push(way.iter().cloned().chain([next.clone()]).collect());
                }
            }
        }
        ways = longer;
    }
    None
}
