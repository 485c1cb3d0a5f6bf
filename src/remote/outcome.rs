//! What became of a transaction: frames → how each step ended, and what the units do now.
//!
//! Nothing is judged by exit codes; that a unit is well is read off its state after the settle window (`judge`).

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Action, Lock, Step, StepOutcome, StepStatus, UnitFailure, UnitName};

use super::answer::read_lock;
use super::frames::{Frame, FrameError, frames};
use super::judge::{UnitAfter, gate_failure, judge};
use super::properties::{Properties, blocks};

/// What can be said while a transaction runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The lock is held, a snapshot is taken, the steps begin.
    Applying,
    /// A step ended.
    #[expect(missing_docs, reason = "the fields are their names")]
    Step { step: usize, status: StepStatus },
    /// Everything was started; units are watched for a while.
    Settling,
    /// Something failed before any unit was touched; files are put back.
    Restoring,
    /// The answer is complete.
    Finished,
}

impl Progress {
    /// Reads one line of the answer; most say nothing about progress.
    #[must_use]
    pub fn parse(nonce: &str, line: &[u8]) -> Option<Self> {
        let line = std::str::from_utf8(line).ok()?.trim_end();
        let line = line.strip_prefix("@@")?.strip_prefix(nonce)?.strip_prefix(' ')?;
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "applying" => Some(Self::Applying),
            "step" => step_status(rest).map(|(step, status)| Self::Step { step, status }),
            "settle" => Some(Self::Settling),
            "restoring" => Some(Self::Restoring),
            "end" => Some(Self::Finished),
            _ => None,
        }
    }
}

/// Why the host did not begin. Nothing was touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefusedBy {
    /// We are this user there, not root.
    Privilege(String),
    /// Another run holds the lock and lives.
    Lock(Lock),
    /// PID 1 is not systemd.
    NotSystemd,
    /// What was sent did not arrive whole.
    Request,
    /// `/var/lib/unitfleet` could not be used; what the host said.
    State(String),
}

/// How a transaction ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are their names")]
pub enum Verdict {
    /// Every step ended well and every unit is as wanted.
    Done,
    /// Something failed after units were touched; nothing was put back.
    Failed { error: String },
    /// Something failed before any unit was touched, and everything is as it was.
    Restored { error: String },
    /// Like `Restored`, but what is listed could not be put back.
    NotRestored { error: String, left: Vec<String> },
    /// The host did not begin.
    Refused(RefusedBy),
}

/// The whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionAnswer {
    /// How it ended.
    pub verdict: Verdict,
    /// How each step ended; one for every step of the plan.
    pub steps: Vec<StepOutcome>,
    /// Units that did not get where they should.
    pub failures: Vec<UnitFailure>,
    /// What the units that were acted on do now.
    pub units: BTreeMap<UnitName, UnitAfter>,
    /// The lock of a run that died, which this one took over.
    pub taken_over: Option<Lock>,
}

/// Why an answer cannot be read: what the transaction did is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// The answer is none, or not whole.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The answer is whole but does not say what it should.
    #[error("the host's answer is not understood: {0}")]
    Answer(String),
}

/// Reads the answer to a transaction of these steps.
pub fn parse_transaction(steps: &[Step], nonce: &str, stdout: &[u8]) -> Result<TransactionAnswer, TransactionError> {
    let frames = frames(nonce, stdout)?;
    match frames.first() {
        Some(frame) if frame.word == "begin" && frame.rest == "1" => {}
        _ => return Err(odd("it does not begin as expected")),
    }
    let end = frames.last().map_or("", |frame| frame.rest);
    let units = units_after(&frames)?;
    let mut failures: Vec<UnitFailure> =
        named(&frames, "gate").map(|frame| gate_failure_of(frame, &frames)).collect::<Result<_, _>>()?;
    // What was not started, because of a failed step before or because somebody had stopped it, did not fail.
    let passed_over: BTreeSet<&str> = named(&frames, "passed-over").flat_map(Frame::lines).collect();
    let judged = judge(steps, &units).into_iter();
    failures.extend(judged.filter(|failure| !passed_over.contains(failure.unit.as_str())));
    let mut outcomes = outcomes(steps.len(), &frames)?;
    take_systemds_word(&outcomes, &mut failures);
    match end {
        "restored" | "unrestored" => undo(&mut outcomes),
        _ => blame(steps, &mut outcomes, &failures),
    }
    let taken_over = named(&frames, "takeover").next().map(read_lock);
    Ok(TransactionAnswer { verdict: verdict(end, &frames, &failures)?, steps: outcomes, failures, units, taken_over })
}

/// Where systemd did not even take the job on, what it said is the cause: no state and no journal tells of it.
fn take_systemds_word(outcomes: &[StepOutcome], failures: &mut [UnitFailure]) {
    for failure in failures {
        let begins = format!("{} was not started: ", failure.unit);
        let said = outcomes.iter().find_map(|outcome| match &outcome.status {
            StepStatus::Failed(text) => text.strip_prefix(&begins),
            _ => None,
        });
        if let Some(said) = said {
            failure.cause = format!("systemd did not start it: {}", said.trim_end_matches('.'));
        }
    }
}

fn odd(what: impl Into<String>) -> TransactionError {
    TransactionError::Answer(what.into())
}

fn named<'f, 'a>(frames: &'f [Frame<'a>], word: &'f str) -> impl Iterator<Item = &'f Frame<'a>> {
    frames.iter().filter(move |frame| frame.word == word)
}

fn verdict(end: &str, frames: &[Frame<'_>], failures: &[UnitFailure]) -> Result<Verdict, TransactionError> {
    let error = || named(frames, "failure").next().map_or("a step failed".to_owned(), |frame| clean(frame.rest));
    Ok(match end {
        "done" if failures.is_empty() => Verdict::Done,
        "done" => Verdict::Failed { error: not_well(failures) },
        "failed" => Verdict::Failed { error: error() },
        "restored" => Verdict::Restored { error: error() },
        "unrestored" => Verdict::NotRestored {
            error: error(),
            left: named(frames, "unrestored").flat_map(Frame::lines).map(clean).collect(),
        },
        "refused" => Verdict::Refused(refused(frames)?),
        other => return Err(odd(format!("it ends with `{other}`"))),
    })
}

fn not_well(failures: &[UnitFailure]) -> String {
    let units: Vec<&str> = failures.iter().map(|failure| failure.unit.as_str()).collect();
    match units.as_slice() {
        [one] => format!("{one} is not as wanted"),
        several => format!("{} are not as wanted", several.join(", ")),
    }
}

fn refused(frames: &[Frame<'_>]) -> Result<RefusedBy, TransactionError> {
    let frame = named(frames, "refused").next().ok_or_else(|| odd("it is refused without a reason"))?;
    let (word, text) = frame.rest.split_once(' ').unwrap_or((frame.rest, ""));
    Ok(match word {
        "privilege" => RefusedBy::Privilege(clean(text)),
        "systemd" => RefusedBy::NotSystemd,
        "request" => RefusedBy::Request,
        "locked" => RefusedBy::Lock(match named(frames, "locked").next() {
            Some(frame) => read_lock(frame),
            None => return Err(odd("it is locked by nobody")),
        }),
        _ => RefusedBy::State(clean(text)),
    })
}

fn step_status(rest: &str) -> Option<(usize, StepStatus)> {
    let (index, rest) = rest.split_once(' ')?;
    let (word, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let status = match word {
        "done" => StepStatus::Done,
        "already" => StepStatus::Already,
        "failed" => StepStatus::Failed(clean(text)),
        _ => return None,
    };
    Some((index.parse().ok()?, status))
}

fn outcomes(count: usize, frames: &[Frame<'_>]) -> Result<Vec<StepOutcome>, TransactionError> {
    let mut outcomes: Vec<StepOutcome> =
        (0..count).map(|step| StepOutcome { step, status: StepStatus::NotRun }).collect();
    for frame in named(frames, "step") {
        let (step, status) = step_status(frame.rest).ok_or_else(|| odd(format!("a step ends as `{}`", frame.rest)))?;
        let outcome = outcomes.get_mut(step).ok_or_else(|| odd(format!("there is no step {step}")))?;
        outcome.status = status;
    }
    Ok(outcomes)
}

fn undo(outcomes: &mut [StepOutcome]) {
    for outcome in outcomes {
        if outcome.status == StepStatus::Done {
            outcome.status = StepStatus::Undone;
        }
    }
}

/// systemctl was called and returned: whether that did any good, only the unit's state tells. The last step that
/// was to bring the unit up answers for it.
fn blame(steps: &[Step], outcomes: &mut [StepOutcome], failures: &[UnitFailure]) {
    for failure in failures {
        let last = steps.iter().rposition(|step| match &step.action {
            Action::Start { unit } | Action::Restart { unit } | Action::Reload { unit } => *unit == failure.unit,
            _ => false,
        });
        if let Some(outcome) = last.and_then(|last| outcomes.get_mut(last))
            && outcome.status == StepStatus::Done
        {
            outcome.status = StepStatus::Failed(failure.cause.clone());
        }
    }
}

/// Pairs the final `show` with the state before the settle window and with the journals.
fn units_after(frames: &[Frame<'_>]) -> Result<BTreeMap<UnitName, UnitAfter>, TransactionError> {
    let mut units = BTreeMap::new();
    let Some(frame) = named(frames, "show").next() else {
        return Ok(units);
    };
    let (status, count) = frame.rest.split_once(' ').unwrap_or((frame.rest, ""));
    if status != "0" {
        return Err(odd(format!("`systemctl show` failed with status {status}")));
    }
    let count: usize = count.parse().map_err(|_| odd("the number of units is missing"))?;
    let text = frame.text();
    let mut lines = text.splitn(count + 1, '\n');
    let names: Vec<&str> = lines.by_ref().take(count).collect();
    let blocks = blocks(lines.next().unwrap_or_default());
    if blocks.len() != names.len() {
        return Err(odd(format!("`systemctl show` was asked about {count} units and answered about {}", blocks.len())));
    }
    let before = before(frames);
    for (name, block) in names.into_iter().zip(blocks) {
        let unit = UnitName::parse(name).map_err(|error| odd(error.to_string()))?;
        let mut after = unit_after(&unit, block, frames)?;
        after.before = before.get(name).cloned();
        units.insert(unit, after);
    }
    Ok(units)
}

fn unit_after(name: &UnitName, block: &str, frames: &[Frame<'_>]) -> Result<UnitAfter, TransactionError> {
    let properties = Properties::parse(block);
    Ok(UnitAfter {
        unit: properties.unit().ok_or_else(|| odd(format!("`systemctl show` says too little about `{name}`")))?,
        assert_result: properties.get("AssertResult").map(|value| value == "yes"),
        reload_result: properties.filled("ReloadResult").map(str::to_owned),
        before: None,
        journal: named(frames, "journal")
            .filter(|frame| frame.rest == name.as_str())
            .flat_map(|frame| frame.text().lines().map(clean).collect::<Vec<_>>())
            .filter(|line| !line.is_empty())
            .collect(),
    })
}

/// `InvocationID` and `NRestarts` of each unit before the settle window.
fn before(frames: &[Frame<'_>]) -> BTreeMap<String, (Option<String>, Option<u32>)> {
    named(frames, "before")
        .flat_map(Frame::lines)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let invocation = Some((*fields.get(3)?).to_owned()).filter(|id| id != "-");
            Some(((*fields.first()?).to_owned(), (invocation, fields.get(4)?.parse().ok())))
        })
        .collect()
}

fn gate_failure_of(frame: &Frame<'_>, frames: &[Frame<'_>]) -> Result<UnitFailure, TransactionError> {
    let name = UnitName::parse(frame.rest).map_err(|error| odd(error.to_string()))?;
    let text = frame.text();
    let after = unit_after(&name, &text, frames)?;
    Ok(gate_failure(&name, &after))
}

/// Text from a host for a terminal: no control characters, and not endless.
fn clean(text: &str) -> String {
    text.trim_end().chars().filter(|c| !c.is_control()).take(1000).collect()
}
