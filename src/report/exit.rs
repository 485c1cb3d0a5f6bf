//! A report's exit code.

use std::collections::BTreeSet;

use crate::model::{HostReport, Outcome, RunReport};

/// Something failed; the per-host results are complete.
pub const FAILED: u8 = 1;
/// Changes are pending.
pub const PENDING: u8 = 2;
/// Some hosts could not be reached, the rest is fine.
pub const UNREACHABLE: u8 = 5;
/// A change failed and was taken back completely.
pub const RESTORED: u8 = 6;
/// Refused: the plan, a lock or a hold forbids it.
pub const REFUSED: u8 = 7;

/// Several apply: the first of these is the program's.
const PRECEDENCE: [u8; 7] = [FAILED, RESTORED, REFUSED, UNREACHABLE, 3, 4, PENDING];

/// What counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExitPolicy {
    /// `--detailed-exitcode`: pending changes count.
    pub detailed: bool,
    /// `--strict`: findings count as refusals.
    pub strict: bool,
}

/// All codes that apply, the program's first; empty when all is well.
#[must_use]
pub fn codes(report: &RunReport, policy: ExitPolicy) -> Vec<u8> {
    let mut found: BTreeSet<u8> = report.hosts.values().flat_map(|part| host_codes(part, policy)).collect();
    let not_run = report.hosts.values().any(|part| part.outcome == Outcome::NotRun);
    if not_run && found.iter().all(|code| *code == PENDING) {
        // A run that left hosts out is no success, even if nobody says why.
        found.insert(FAILED);
    }
    PRECEDENCE.into_iter().filter(|code| found.contains(code)).collect()
}

/// The program's exit code.
#[must_use]
pub fn code(report: &RunReport, policy: ExitPolicy) -> u8 {
    codes(report, policy).first().copied().unwrap_or(0)
}

fn host_codes(part: &HostReport, policy: ExitPolicy) -> Vec<u8> {
    let mut codes = Vec::new();
    match part.outcome {
        Outcome::Pending if policy.detailed => codes.push(PENDING),
        Outcome::Unchanged | Outcome::Changed | Outcome::Pending | Outcome::NotRun => {}
        Outcome::Unreachable { .. } => codes.push(UNREACHABLE),
        Outcome::Refused { .. } => codes.push(REFUSED),
        Outcome::Failed { restored: true, .. } => codes.push(RESTORED),
        Outcome::Failed { restored: false, .. } => codes.push(FAILED),
    }
    if let Some(plan) = &part.plan {
        let found = plan.findings.iter().any(|finding| finding.kind.refuses_when_strict());
        if !plan.refusals.is_empty() || policy.strict && found {
            codes.push(REFUSED);
        }
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Finding, FindingKind, HostPlan};
    use crate::report::samples::{plan, report, run};

    fn part(code: &str) -> HostReport {
        let none = || (String::new(), None);
        let outcome = match code {
            "unchanged" => Outcome::Unchanged,
            "changed" => Outcome::Changed,
            "pending" => Outcome::Pending,
            "not run" => Outcome::NotRun,
            "unreachable" => {
                let (error, hint) = none();
                Outcome::Unreachable { error, hint }
            }
            "refused" => {
                let (error, hint) = none();
                Outcome::Refused { error, hint }
            }
            "failed" | "restored" => {
                let (error, hint) = none();
                Outcome::Failed { error, hint, restored: code == "restored" }
            }
            other => panic!("{other}"),
        };
        report(outcome, Some(plan("h")))
    }

    fn exit(parts: &[&str], detailed: bool) -> Vec<u8> {
        const NAMES: [&str; 4] = ["a", "b", "c", "d"];
        let hosts = parts.iter().zip(NAMES).map(|(code, name)| (name, part(code)));
        let policy = ExitPolicy { detailed, strict: false };
        codes(&run("apply", hosts), policy)
    }

    #[test]
    fn the_code_is_the_first_of_the_contracts_order_and_all_are_listed() {
        let cases: [(&[&str], bool, &[u8]); 11] = [
            (&[], false, &[]),
            (&["unchanged", "changed"], true, &[]),
            (&["pending"], false, &[]),
            (&["pending"], true, &[2]),
            (&["unreachable", "pending"], true, &[5, 2]),
            (&["refused", "unreachable"], false, &[7, 5]),
            (&["restored", "refused"], false, &[6, 7]),
            (&["unreachable", "failed", "restored", "refused"], false, &[1, 6, 7, 5]),
            (&["restored", "not run"], false, &[6]),
            (&["changed", "not run"], false, &[1]),
            (&["pending", "not run"], true, &[1, 2]),
        ];
        for (parts, detailed, codes) in cases {
            assert_eq!(exit(parts, detailed), codes, "{parts:?}");
        }
    }

    #[test]
    fn findings_count_only_when_strict_and_only_those_that_hold_us_back() {
        let found = |kind, strict| {
            let finding = Finding { kind, unit: None, text: String::new(), hint: None };
            let plan = HostPlan { findings: vec![finding], ..plan("h") };
            let policy = ExitPolicy { detailed: false, strict };
            code(&run("plan", [("h", report(Outcome::Unchanged, Some(plan)))]), policy)
        };
        assert_eq!(found(FindingKind::Held, false), 0);
        assert_eq!(found(FindingKind::Held, true), 7);
        assert_eq!(found(FindingKind::Notice, true), 0);
    }
}
