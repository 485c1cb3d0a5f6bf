//! Hosts that are alike, shown once.
//!
//! Alike means: the same outcome and the same block. What differs by nature and is not worth a block of its own does not
//! count: times, the host's own name inside an error text, and the journal of a unit that failed in the same way.

use std::collections::BTreeMap;

use crate::model::{Digest, HostName, HostPlan, HostReport, Outcome, RunReport, StepOutcome, StepStatus, UnitFailure};

/// Hosts whose block is the same; `report` is the first one's.
pub(super) struct Group<'a> {
    pub(super) hosts: Vec<&'a HostName>,
    pub(super) report: &'a HostReport,
    /// The longest time that one of them took.
    pub(super) elapsed_ms: u64,
}

/// The groups, those that need the reader last: next to the summary and to the prompt.
pub(super) fn groups(report: &RunReport) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut known: BTreeMap<Digest, usize> = BTreeMap::new();
    for (host, part) in &report.hosts {
        let index = *known.entry(key(host, part)).or_insert(groups.len());
        match groups.get_mut(index) {
            Some(group) => {
                group.hosts.push(host);
                group.elapsed_ms = group.elapsed_ms.max(part.elapsed_ms);
            }
            None => groups.push(Group { hosts: vec![host], report: part, elapsed_ms: part.elapsed_ms }),
        }
    }
    groups.sort_by_key(|group| rank(&group.report.outcome));
    groups
}

fn rank(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Unchanged => 0,
        Outcome::Pending | Outcome::Changed => 1,
        Outcome::NotRun => 2,
        Outcome::Refused { .. } => 3,
        Outcome::Unreachable { .. } => 4,
        Outcome::Failed { .. } => 5,
    }
}

/// The same for hosts that are alike. A hash, because comparing every host with every other would make large fleets
/// slow.
fn key(host: &HostName, part: &HostReport) -> Digest {
    let shown = |plan: &HostPlan| {
        let all = (&plan.changes, &plan.steps, &plan.findings, &plan.refusals);
        serde_json::to_string(&all)
    };
    let plan = part.plan.as_ref().map(shown).transpose();
    let remaining = part.remaining.as_ref().map(shown).transpose();
    let steps: Vec<StepOutcome> = part.steps.iter().map(|step| nameless_step(host, step)).collect();
    let failures: Vec<UnitFailure> = part.failures.iter().map(|unit| nameless_failure(host, unit)).collect();
    let outcome = nameless_outcome(host, &part.outcome);
    let text = match (plan, remaining) {
        (Ok(plan), Ok(remaining)) => serde_json::to_string(&(outcome, plan, remaining, steps, failures)),
        (Err(error), _) | (_, Err(error)) => Err(error),
    };
    // A part that cannot be written as JSON is like no other.
    Digest::of(text.unwrap_or_else(|_| format!("only {host}")).as_bytes())
}

fn without_name(host: &HostName, text: &str) -> String {
    text.replace(host.as_str(), "\0")
}

fn nameless_outcome(host: &HostName, outcome: &Outcome) -> Outcome {
    let mut nameless = outcome.clone();
    match &mut nameless {
        Outcome::Unreachable { error, hint }
        | Outcome::Refused { error, hint }
        | Outcome::Failed { error, hint, .. } => {
            *error = without_name(host, error);
            *hint = hint.as_deref().map(|hint| without_name(host, hint));
        }
        Outcome::Unchanged | Outcome::Changed | Outcome::Pending | Outcome::NotRun => {}
    }
    nameless
}

fn nameless_step(host: &HostName, step: &StepOutcome) -> StepOutcome {
    let status = match &step.status {
        StepStatus::Failed(said) => StepStatus::Failed(without_name(host, said)),
        other => other.clone(),
    };
    StepOutcome { step: step.step, status }
}

fn nameless_failure(host: &HostName, failure: &UnitFailure) -> UnitFailure {
    UnitFailure {
        cause: without_name(host, &failure.cause),
        next: failure.next.as_deref().map(|next| without_name(host, next)),
        journal: Vec::new(),
        n_restarts: None,
        ..failure.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::{mixed_apply, plan, report, run, web_changes};

    fn sizes(report: &RunReport) -> Vec<usize> {
        groups(report).iter().map(|group| group.hosts.len()).collect()
    }

    #[test]
    fn only_what_differs_by_nature_is_ignored() {
        let unreachable = |error: &str| {
            let outcome = Outcome::Unreachable { error: error.to_owned(), hint: None };
            report(outcome, None)
        };
        let alike = [("a1", unreachable("no route to a1")), ("b1", unreachable("no route to b1"))];
        assert_eq!(sizes(&run("plan", alike)), [2]);
        let differ = [("a1", unreachable("no route to a1")), ("b1", unreachable("refused by b1"))];
        assert_eq!(sizes(&run("plan", differ)), [1, 1]);

        let mut other = web_changes("b1");
        other.steps[0].reasons[0].text.push('!');
        let plans = [
            ("a1", report(Outcome::Pending, Some(web_changes("a1")))),
            ("b1", report(Outcome::Pending, Some(other))),
            ("c1", report(Outcome::Pending, Some(web_changes("c1")))),
        ];
        assert_eq!(sizes(&run("plan", plans)), [2, 1]);
    }

    #[test]
    fn another_cause_or_outcome_is_another_group() {
        let mut apply = mixed_apply();
        assert_eq!(sizes(&apply).into_iter().max(), Some(2));
        for part in apply.hosts.values_mut() {
            part.elapsed_ms += 7;
        }
        assert_eq!(sizes(&apply), sizes(&mixed_apply()));
        let failed = |report: &mut RunReport| {
            let part = report.hosts.values_mut().rfind(|part| !part.failures.is_empty());
            part.unwrap().failures[0].cause.push('!');
        };
        let before = sizes(&apply).len();
        failed(&mut apply);
        assert_eq!(sizes(&apply).len(), before + 1);
    }

    #[test]
    fn the_worst_comes_last() {
        let mut fleet = mixed_apply();
        let unchanged = report(Outcome::Unchanged, Some(plan("zz")));
        fleet.hosts.insert(crate::report::samples::host("zz"), unchanged);
        let ranks: Vec<u8> = groups(&fleet).iter().map(|group| rank(&group.report.outcome)).collect();
        assert!(ranks.is_sorted() && ranks.last() == Some(&5), "{ranks:?}");
    }
}
