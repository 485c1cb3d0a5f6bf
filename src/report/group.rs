//! Hosts that are alike, shown once.
//!
//! Alike means: the same outcome and the same block. What differs by nature and is not worth a block of its own does not
//! count: times, the host's own name inside an error text, and the journal of a unit that failed in the same way.

use std::cmp::Ordering;

use crate::model::{
    Change, Finding, HostName, HostPlan, HostReport, Outcome, Refusal, RunReport, Step, StepOutcome, StepStatus,
    UnitFailure,
};

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
    for (host, part) in &report.hosts {
        match groups.iter_mut().find(|group| alike(group, host, part)) {
            Some(group) => {
                group.hosts.push(host);
                group.elapsed_ms = group.elapsed_ms.max(part.elapsed_ms);
            }
            None => groups.push(Group {
                hosts: vec![host],
                report: part,
                elapsed_ms: part.elapsed_ms,
            }),
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

fn alike(group: &Group<'_>, host: &HostName, part: &HostReport) -> bool {
    let (name, other) = (group.hosts[0], group.report);
    same_outcome((name, &other.outcome), (host, &part.outcome))
        && shown(other.plan.as_ref()) == shown(part.plan.as_ref())
        && shown(other.remaining.as_ref()) == shown(part.remaining.as_ref())
        && same_steps((name, &other.steps), (host, &part.steps))
        && other.failures.len() == part.failures.len()
        && other
            .failures
            .iter()
            .zip(&part.failures)
            .all(|(a, b)| same_failure(a, b))
}

type ShownPlan<'a> = (&'a [Change], &'a [Step], &'a [Finding], &'a [Refusal]);

/// The parts of a plan that are shown.
fn shown(plan: Option<&HostPlan>) -> Option<ShownPlan<'_>> {
    plan.map(|plan| {
        (
            plan.changes.as_slice(),
            plan.steps.as_slice(),
            plan.findings.as_slice(),
            plan.refusals.as_slice(),
        )
    })
}

fn same_outcome((name, a): (&HostName, &Outcome), (host, b): (&HostName, &Outcome)) -> bool {
    let same = |a: &str, b: &str| same_text((name, a), (host, b));
    let same_hint = |a: &Option<String>, b: &Option<String>| match (a, b) {
        (Some(a), Some(b)) => same(a, b),
        (None, None) => true,
        _ => false,
    };
    match (a, b) {
        (Outcome::Unreachable { error: a, hint: x }, Outcome::Unreachable { error: b, hint: y })
        | (Outcome::Refused { error: a, hint: x }, Outcome::Refused { error: b, hint: y }) => {
            same(a, b) && same_hint(x, y)
        }
        (
            Outcome::Failed {
                error: a,
                hint: x,
                restored,
            },
            Outcome::Failed {
                error: b,
                hint: y,
                restored: also,
            },
        ) => same(a, b) && same_hint(x, y) && restored == also,
        _ => a == b,
    }
}

fn same_steps((name, a): (&HostName, &[StepOutcome]), (host, b): (&HostName, &[StepOutcome])) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| {
            a.step == b.step
                && match (&a.status, &b.status) {
                    (StepStatus::Failed(a), StepStatus::Failed(b)) => same_text((name, a), (host, b)),
                    (a, b) => a == b,
                }
        })
}

fn same_failure(a: &UnitFailure, b: &UnitFailure) -> bool {
    a.unit == b.unit
        && a.cause == b.cause
        && a.next == b.next
        && (&a.load_state, &a.active_state, &a.sub_state) == (&b.load_state, &b.active_state, &b.sub_state)
        && (&a.result, a.exec_main_code, a.exec_main_status) == (&b.result, b.exec_main_code, b.exec_main_status)
}

/// Whether two texts are the same once each host's own name is taken out.
fn same_text((name, a): (&HostName, &str), (host, b): (&HostName, &str)) -> bool {
    match a.len().cmp(&b.len()) {
        Ordering::Equal if a == b => true,
        _ => a.split(name.as_str()).eq(b.split(host.as_str())),
    }
}
