//! One run over the fleet: what happens while it goes on, and what came of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{HostName, HostPlan, UnitName};

/// Something that happened; the only coupling between those who work and those who show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are their names")]
pub enum Event {
    /// Work on a host begins.
    HostStarted { host: HostName },
    /// A phase of a host's work begins, in a word: `connect`, `gather`, `apply`, `verify`.
    HostPhase { host: HostName, phase: String },
    /// A step ended.
    StepFinished { host: HostName, step: usize, status: StepStatus },
    /// Work on a host is over.
    HostFinished { host: HostName, failed: bool },
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// It was done.
    Done,
    /// It was found already fulfilled.
    Already,
    /// It failed, with what the host said.
    Failed(String),
    /// It was undone after a later step failed.
    Undone,
    /// It was not reached.
    NotRun,
    /// The host was lost before it said.
    Unknown,
}

/// A step's index in the plan and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their names")]
pub struct StepOutcome {
    pub step: usize,
    pub status: StepStatus,
}

/// A unit that did not get where it should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "systemd's own words, or the fields are their names")]
pub struct UnitFailure {
    pub unit: UnitName,
    pub load_state: String,
    pub active_state: String,
    pub sub_state: String,
    pub result: Option<String>,
    pub exec_main_code: Option<u32>,
    pub exec_main_status: Option<i32>,
    pub n_restarts: Option<u32>,
    /// The last journal lines of the very invocation that failed.
    pub journal: Vec<String>,
    /// What that means, in one sentence.
    pub cause: String,
    /// A command to look further, if there is a good one.
    pub next: Option<String>,
}

/// What became of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are their names")]
pub enum Outcome {
    /// Nothing had to be done.
    Unchanged,
    /// Steps were run, and a second observation found nothing left.
    Changed,
    /// Changes are pending (plan only).
    Pending,
    /// It could not be reached; `hint` says what to do.
    Unreachable { error: String, hint: Option<String> },
    /// The plan, a lock or missing privilege forbids it; nothing was touched.
    Refused { error: String, hint: Option<String> },
    /// Something went wrong. `restored`: every file is back as it was and no unit was touched.
    Failed { error: String, hint: Option<String>, restored: bool },
    /// The run ended before this host's turn.
    NotRun,
}

/// One host's part of the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostReport {
    /// What became of it.
    pub outcome: Outcome,
    /// The plan, where one could be made.
    pub plan: Option<HostPlan>,
    /// How each step ended; empty when nothing was run.
    pub steps: Vec<StepOutcome>,
    /// Units that did not get where they should.
    pub failures: Vec<UnitFailure>,
    /// What still differs after the apply.
    pub remaining: Option<HostPlan>,
    /// Wall time spent on this host, milliseconds.
    pub elapsed_ms: u64,
}

/// The whole run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunReport {
    /// Version of this shape, for readers of the JSON.
    pub schema_version: u32,
    /// The verb: `plan` or `apply`.
    pub verb: String,
    /// The run's id; empty for a plan.
    pub run: String,
    /// The tags to which the run was limited; empty where it was about everything.
    pub tags: Vec<String>,
    /// Every selected host has a part.
    pub hosts: BTreeMap<HostName, HostReport>,
}
