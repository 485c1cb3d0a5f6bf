//! The whole run in numbers, and in one line.

use std::collections::BTreeSet;

use serde::Serialize;

use super::wording::{count, thousands};
use crate::model::{Action, HostReport, Outcome, RunReport, Step, StepStatus};

/// Hosts by what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are their names")]
pub struct HostCounts {
    pub total: usize,
    pub unchanged: usize,
    pub pending: usize,
    pub changed: usize,
    pub unreachable: usize,
    pub refused: usize,
    pub failed: usize,
    pub not_run: usize,
}

/// Steps by what they are done to, over all hosts. Of hosts that wait for an apply all steps count, of others those that
/// were done. A `daemon-reload` and the gate are means and do not count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are their names")]
pub struct StepCounts {
    pub files: usize,
    pub attributes: usize,
    pub directories: usize,
    pub users: usize,
    pub memberships: usize,
    pub links: usize,
    pub masks: usize,
    pub adoptions: usize,
    pub stops: usize,
    pub starts: usize,
    pub restarts: usize,
    pub reloads: usize,
}

/// The whole run in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are their names")]
pub struct Summary {
    pub hosts: HostCounts,
    pub steps: StepCounts,
    pub findings: usize,
    pub refusals: usize,
}

impl Summary {
    /// Counts a report.
    #[must_use]
    pub fn of(report: &RunReport) -> Self {
        let mut summary = Self::default();
        for part in report.hosts.values() {
            summary.add(part);
        }
        summary
    }

    fn add(&mut self, part: &HostReport) {
        let hosts = &mut self.hosts;
        hosts.total += 1;
        *match part.outcome {
            Outcome::Unchanged => &mut hosts.unchanged,
            Outcome::Pending => &mut hosts.pending,
            Outcome::Changed => &mut hosts.changed,
            Outcome::Unreachable { .. } => &mut hosts.unreachable,
            Outcome::Refused { .. } => &mut hosts.refused,
            Outcome::Failed { .. } => &mut hosts.failed,
            Outcome::NotRun => &mut hosts.not_run,
        } += 1;
        let Some(plan) = &part.plan else {
            return;
        };
        self.findings += plan.findings.len();
        self.refusals += plan.refusals.len();
        if part.outcome == Outcome::Pending {
            self.steps.add(plan.steps.iter());
        } else {
            let done = part.steps.iter().filter(|outcome| outcome.status == StepStatus::Done);
            let done: BTreeSet<usize> = done.map(|outcome| outcome.step).collect();
            self.steps.add(done.into_iter().filter_map(|step| plan.steps.get(step)));
        }
    }

    /// One line that says what came of the run. `verb`: `plan` or `apply`.
    #[must_use]
    pub fn line(&self, verb: &str) -> String {
        let (title, rest) = self.parts(verb);
        format!("{title} {rest}")
    }

    /// The line's first words, which say it all where nothing had to be done, and the rest.
    pub(super) fn parts(&self, verb: &str) -> (&'static str, String) {
        let hosts = &self.hosts;
        let moved = hosts.pending + hosts.changed;
        let quiet = moved + hosts.failed + hosts.refused + hosts.not_run == 0 && hosts.unchanged > 0;
        let mut parts = Vec::new();
        for (number, words) in [(hosts.pending, "to change"), (hosts.changed, "changed")] {
            if number > 0 {
                parts.push(format!("{} {words}", count(number, "host", "hosts")));
            }
        }
        let steps = self.steps.words();
        if let (Some(last), false) = (parts.last_mut(), steps.is_empty()) {
            *last = format!("{last} ({})", steps.join(", "));
        }
        if quiet {
            parts.push(count(hosts.unchanged, "host is as desired", "hosts are as desired"));
        }
        for (number, word) in [
            (if quiet { 0 } else { hosts.unchanged }, "unchanged"),
            (hosts.refused, "refused"),
            (hosts.unreachable, "unreachable"),
            (hosts.failed, "failed"),
            (hosts.not_run, "not run"),
        ] {
            if number > 0 {
                parts.push(format!("{} {word}", thousands(number)));
            }
        }
        if self.findings > 0 {
            parts.push(count(self.findings, "finding", "findings"));
        }
        if parts.is_empty() {
            parts.push("no hosts".to_owned());
        }
        let title = match verb {
            _ if quiet => "No changes.",
            "plan" => "Plan:",
            "apply" => "Applied:",
            _ => "Result:",
        };
        (title, format!("{}.", parts.join(", ")))
    }
}

impl StepCounts {
    /// Counts steps.
    pub fn add<'a>(&mut self, steps: impl Iterator<Item = &'a Step>) {
        for step in steps {
            *match step.action {
                Action::CreateUser { .. } | Action::ModifyUser { .. } | Action::RemoveUser { .. } => &mut self.users,
                Action::JoinGroups { .. } => &mut self.memberships,
                Action::CreateDirectory { .. } | Action::RemoveDirectory { .. } => &mut self.directories,
                Action::SetAttributes { .. } | Action::SetOwnerBelow { .. } => &mut self.attributes,
                Action::WriteFile { .. } | Action::RemoveFile { .. } => &mut self.files,
                Action::MakeLink { .. } | Action::RemoveLink { .. } => &mut self.links,
                Action::Mask { .. } | Action::Unmask { .. } => &mut self.masks,
                Action::Adopt { .. } => &mut self.adoptions,
                Action::Stop { .. } => &mut self.stops,
                Action::Start { .. } => &mut self.starts,
                Action::Restart { .. } => &mut self.restarts,
                Action::Reload { .. } => &mut self.reloads,
                Action::DaemonReload | Action::Gate { .. } | Action::ResetFailed { .. } => continue,
            } += 1;
        }
    }

    /// `2 files`, `1 restart`, …: what there is, what interrupts last.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let mut words = self.quiet_words();
        for (number, one, many) in [
            (self.reloads, "reload", "reloads"),
            (self.starts, "start", "starts"),
            (self.restarts, "restart", "restarts"),
            (self.stops, "stop", "stops"),
        ] {
            if number > 0 {
                words.push(count(number, one, many));
            }
        }
        words
    }

    /// What there is besides starts, stops, restarts and reloads.
    #[must_use]
    pub fn quiet_words(&self) -> Vec<String> {
        [
            (self.users, "user", "users"),
            (self.memberships, "user joins groups", "users join groups"),
            (self.directories, "directory", "directories"),
            (self.files, "file", "files"),
            (self.attributes, "mode or owner", "modes or owners"),
            (self.links, "link", "links"),
            (self.masks, "mask", "masks"),
            (self.adoptions, "adoption", "adoptions"),
        ]
        .into_iter()
        .filter(|(number, _, _)| *number > 0)
        .map(|(number, one, many)| count(number, one, many))
        .collect()
    }
}
