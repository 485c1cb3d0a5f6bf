//! Laws that hold for every case.

use std::collections::{BTreeMap, BTreeSet};

use unitfleet::model::{
    AbsPath, Action, Desired, FindingKind, HostPlan, Observation, Observed, ObservedPath, ReasonKind, UserName,
};
use unitfleet::plan::plan_host;

use crate::{Case, cases, shown, simulate};

fn json(plan: &HostPlan) -> String {
    serde_json::to_string(plan).expect("plans are plain data")
}

/// The same map, filled from its other end.
fn refilled<K: Ord + Clone, V: Clone>(map: &BTreeMap<K, V>) -> BTreeMap<K, V> {
    let mut other = BTreeMap::new();
    for (key, value) in map.iter().rev() {
        other.insert(key.clone(), value.clone());
    }
    other
}

fn refilled_desired(desired: &Desired) -> Desired {
    Desired {
        users: refilled(&desired.users),
        directories: refilled(&desired.directories),
        files: refilled(&desired.files),
        symlinks: refilled(&desired.symlinks),
        units: refilled(&desired.units),
        ..desired.clone()
    }
}

fn refilled_observed(observed: &Observed) -> Observed {
    Observed {
        units: refilled(&observed.units),
        paths: refilled(&observed.paths),
        links: refilled(&observed.links),
        below: refilled(&observed.below),
        users: refilled(&observed.users),
        groups: refilled(&observed.groups),
        ledgers: refilled(&observed.ledgers),
        started: refilled(&observed.started),
        ..observed.clone()
    }
}

#[test]
fn law_01_planning_is_a_function_of_its_arguments() {
    for case in cases() {
        let first = json(&plan_host(&case.desired, &case.observed));
        assert_eq!(first, json(&plan_host(&case.desired, &case.observed)), "{}", case.name);
        let other = plan_host(&refilled_desired(&case.desired), &refilled_observed(&case.observed));
        assert_eq!(first, json(&other), "{}: the order in which maps were filled shows", case.name);
        // A saved observation plans as the live one did.
        let saved = serde_json::to_string(&case.observed).unwrap();
        let read: Observed = serde_json::from_str(&saved).unwrap();
        assert_eq!(first, json(&plan_host(&case.desired, &read)), "{}: a saved observation plans otherwise", case.name);
    }
}

#[test]
fn law_05_every_step_has_a_reason() {
    for case in cases() {
        let plan = plan_host(&case.desired, &case.observed);
        for step in &plan.steps {
            let what = format!("{}: {}", case.name, shown::action(&step.action));
            assert!(!step.reasons.is_empty(), "{what} has no reason");
            for reason in &step.reasons {
                let text = reason.text.trim();
                assert!(text.len() > 5 && !text.ends_with('.') && !text.contains('\n'), "{what}: `{text}`");
            }
            if let Action::Restart { .. } = step.action {
                let says = |text: &str| [" changed", " is new", " is gone", "/"].iter().any(|word| text.contains(word));
                let fine = step.reasons.iter().any(|reason| {
                    reason.kind == ReasonKind::Stale || says(&reason.text) || reason.kind == ReasonKind::StateDiffers
                });
                assert!(fine, "{what} names no directive, file, state or staleness: {:?}", step.reasons);
            }
        }
        for text in plan.findings.iter().map(|found| &found.text).chain(plan.refusals.iter().map(|found| &found.text)) {
            assert!(text.len() > 10 && !text.ends_with('.'), "{}: `{text}`", case.name);
        }
    }
}

/// What a step creates, deletes, writes or removes.
fn touched(action: &Action) -> Option<AbsPath> {
    match action {
        Action::CreateDirectory { path, .. }
        | Action::RemoveDirectory { path }
        | Action::SetAttributes { path, .. }
        | Action::SetOwnerBelow { path, .. }
        | Action::WriteFile { path, .. }
        | Action::RemoveFile { path }
        | Action::MakeLink { path, .. }
        | Action::RemoveLink { path } => Some(path.clone()),
        Action::Mask { unit } | Action::Unmask { unit, .. } => Some(unit.etc_path()),
        _ => None,
    }
}

fn touched_user(action: &Action) -> Option<&UserName> {
    match action {
        Action::CreateUser { name, .. }
        | Action::ModifyUser { name, .. }
        | Action::RemoveUser { name }
        | Action::JoinGroups { name, .. } => Some(name),
        _ => None,
    }
}

#[test]
fn law_09_unknown_is_not_absent() {
    for case in cases() {
        let Case { name, desired, observed, .. } = &case;
        let places: BTreeSet<AbsPath> = observed.paths.keys().chain(observed.links.keys()).cloned().collect();
        for place in places {
            let mut blind = observed.clone();
            blind.links.remove(&place);
            blind.paths.insert(place.clone(), ObservedPath::Unknown("permission denied".to_owned()));
            let plan = plan_host(desired, &blind);
            let wrong = plan.steps.iter().find(|step| touched(&step.action).as_ref() == Some(&place));
            assert!(wrong.is_none(), "{name}: {place} is not known, yet: {wrong:?}");
        }
        for user in observed.users.keys() {
            let mut blind = observed.clone();
            blind.users.insert(user.clone(), Observation::Unknown("the directory server is down".to_owned()));
            let plan = plan_host(desired, &blind);
            let wrong = plan.steps.iter().find(|step| touched_user(&step.action) == Some(user));
            assert!(wrong.is_none(), "{name}: user {user} is not known, yet: {wrong:?}");
            if desired.users.get(user).is_some_and(|wanted| wanted.claim.selected) {
                let said = plan.findings.iter().any(|found| found.kind == FindingKind::Unknown);
                assert!(said, "{name}: nothing says that user {user} is not known");
            }
        }
        for group in observed.groups.keys() {
            let mut blind = observed.clone();
            blind.groups.insert(group.clone(), Observation::Unknown("the directory server is down".to_owned()));
            let plan = plan_host(desired, &blind);
            let joins = |action: &Action| matches!(action, Action::JoinGroups { groups, .. } if groups.contains(group));
            let wrong = plan.steps.iter().find(|step| joins(&step.action));
            assert!(wrong.is_none(), "{name}: group {group} is not known, yet: {wrong:?}");
        }
        // Below a directory that is not there is nothing that could be unknown.
        let is_there = |at: &&AbsPath| observed.paths.get(*at) != Some(&ObservedPath::Absent);
        for directory in observed.below.keys().filter(is_there) {
            let mut blind = observed.clone();
            blind.below.insert(directory.clone(), Observation::Unknown("permission denied".to_owned()));
            let plan = plan_host(desired, &blind);
            let owns = |action: &Action| matches!(action, Action::SetOwnerBelow { path, .. } if path == directory);
            let wrong = plan.steps.iter().find(|step| owns(&step.action));
            assert!(wrong.is_none(), "{name}: what is below {directory} is not known, yet: {wrong:?}");
        }
        for unit in observed.units.keys() {
            let mut blind = observed.clone();
            blind.units.remove(unit);
            let plan = plan_host(desired, &blind);
            let on_it = |action: &Action| {
                matches!(action, Action::Stop { unit: other } | Action::Start { unit: other } | Action::Restart { unit: other }
                    | Action::Reload { unit: other } | Action::ResetFailed { unit: other } if other == unit)
            };
            let wrong = plan.steps.iter().find(|step| on_it(&step.action));
            assert!(wrong.is_none(), "{name}: the state of {unit} is not known, yet: {wrong:?}");
        }
        for owner in observed.ledgers.keys() {
            let mut blind = observed.clone();
            blind.ledgers.insert(owner.clone(), Observation::Unknown("cut short".to_owned()));
            let plan = plan_host(desired, &blind);
            let mine = desired.manifests.contains(owner);
            assert!(
                !mine || !plan.refusals.is_empty(),
                "{name}: the ledger of {owner} is not known, yet it is planned"
            );
        }
    }
}

/// Law 3 where no host is needed: what the steps do is what planning asks for.
#[test]
fn after_its_steps_a_host_has_nothing_left_to_do() {
    let mut wrong = Vec::new();
    for case in cases() {
        let plan = plan_host(&case.desired, &case.observed);
        // Neither a refused host nor one that is looked at without root is ever applied to.
        if !plan.refusals.is_empty() || case.observed.facts.uid != 0 {
            continue;
        }
        let simulated = std::panic::catch_unwind(|| simulate::applied(&case.desired, &case.observed, &plan));
        let Ok(after) = simulated else {
            wrong.push(format!("== {}: the steps cannot be run (see above)", case.name));
            continue;
        };
        let mut desired = case.desired.clone();
        desired.keep_holds(case.observed.facts.now_us);
        let again = plan_host(&desired, &after);
        let stale = |plan: &HostPlan| -> BTreeSet<_> {
            let stale = plan.findings.iter().filter(|found| found.kind == FindingKind::Stale);
            stale.map(|found| found.unit.clone()).collect()
        };
        let new_stale: Vec<_> = stale(&again).difference(&stale(&plan)).cloned().collect();
        if !again.steps.is_empty() || !again.refusals.is_empty() || !again.changes.is_empty() || !new_stale.is_empty() {
            wrong.push(format!("== {}\n{}", case.name, shown::shown(&again, &after).join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{} cases are not done after their steps\n{}", wrong.len(), wrong.join("\n"));
}

/// Law 7 where a run was limited: what `--tags` left out is found by the next run that is about it.
#[test]
fn a_restart_that_tags_left_out_is_due_with_the_next_run() {
    let restarts = |plan: &HostPlan| -> Vec<String> {
        let restart = |action: &Action| match action {
            Action::Restart { unit } => Some(unit.to_string()),
            _ => None,
        };
        plan.steps.iter().filter_map(|step| restart(&step.action)).collect()
    };
    let case = cases().into_iter().find(|case| case.name == "tags-leave-out").expect("the case is there");
    let limited = plan_host(&case.desired, &case.observed);
    assert_eq!(restarts(&limited), Vec::<String>::new());
    let after = simulate::applied(&case.desired, &case.observed, &limited);
    let mut everything = case.desired.clone();
    everything.select(|_| true);
    let next = plan_host(&everything, &after);
    assert_eq!(restarts(&next), ["web.service"]);
    let reasons: Vec<_> = next.steps.iter().flat_map(|step| &step.reasons).map(|reason| reason.kind).collect();
    assert!(reasons.contains(&ReasonKind::Stale), "{reasons:?}");
}

#[test]
fn refused_hosts_are_refused_with_a_place() {
    for case in cases() {
        for refusal in plan_host(&case.desired, &case.observed).refusals {
            assert!(refusal.place.is_some(), "{}: {} says no place", case.name, refusal.text);
        }
    }
}
