//! Runs plans: one host is gathered, planned, changed and observed again over one connection.
//!
//! No decision is taken here that a plan should have taken: the steps that were printed are run in their order, and
//! the host is called done only when planning again finds no steps (law 3).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::model::{
    Desired, Event, Finding, FindingKind, HostFacts, HostName, HostPlan, HostReport, Observed, Outcome, Refusal,
    StepOutcome, StepStatus, Target,
};
use crate::observe::{Context, Gathered, for_each_host, gather, gather_again, gather_more, nonce, outcome_of, request};
use crate::plan::plan_host;
use crate::remote::{self, Progress, RefusedBy, Transaction, TransactionAnswer, Verdict};
use crate::transport::{Exec, Session, TransportError, TransportErrorKind};

/// What an apply needs beside the context.
#[derive(Clone, Debug)]
pub struct ApplyOptions {
    /// The run's id.
    pub run: String,
    /// Who applies, for locks and records: `user@machine`.
    pub who: String,
    /// How long the units of a host are watched after the last start.
    pub settle: Duration,
    /// How long one host's transaction may take before we stop waiting for it.
    pub timeout: Duration,
    /// `--strict`: what was found keeps a host from being touched.
    pub strict: bool,
}

/// How long one call of systemctl may take. Units bound themselves with `TimeoutStartSec=`, 90 s unless they say
/// otherwise; this is for those that say `infinity`.
const SYSTEMCTL_BOUND_S: u32 = 600;

/// One host's work to be done.
#[derive(Clone, Debug)]
pub struct HostTask {
    /// How to reach it.
    pub target: Target,
    /// What is wanted of it.
    pub desired: Desired,
    /// Where something of it depends on the host's facts: compiles it once these are known.
    pub with_facts: Option<WithFacts>,
}

/// Compiles what is wanted of a host whose facts are known, or says what is wrong then.
type CompileWithFacts = dyn Fn(&HostFacts) -> Result<Desired, String> + Send + Sync;

/// What is wanted of a host, to be found out when its facts are known.
#[derive(Clone)]
pub struct WithFacts(pub Arc<CompileWithFacts>);

impl std::fmt::Debug for WithFacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WithFacts")
    }
}

impl HostTask {
    /// Takes up the host's facts, where they matter.
    ///
    /// # Errors
    /// What is wrong in the playbook once they are known.
    pub fn learn(&mut self, facts: &HostFacts) -> Result<(), String> {
        if let Some(WithFacts(compile)) = self.with_facts.take() {
            self.desired = compile(facts)?;
        }
        Ok(())
    }
}

/// A host that was planned and whose session is kept for the apply.
pub struct Planned {
    task: HostTask,
    session: Option<Box<dyn Session>>,
    uid: u32,
    unprivileged: Option<TransportError>,
    report: HostReport,
}

impl Planned {
    /// The host's part of the report as it stands.
    #[must_use]
    pub fn report(&self) -> &HostReport {
        &self.report
    }

    /// The host's part of the report, when nothing more is done; closes the session.
    #[must_use]
    pub fn into_report(self) -> HostReport {
        self.report
    }
}

/// Gathers and plans all hosts.
pub async fn plan_fleet(context: &Context, tasks: BTreeMap<HostName, HostTask>) -> BTreeMap<HostName, Planned> {
    let worker = context.clone();
    for_each_host(context.jobs, tasks, move |_, task| {
        let context = worker.clone();
        async move {
            let planned = plan_one(&context, task).await;
            finished(&context, &planned.report, &planned.task.target.host);
            planned
        }
    })
    .await
}

/// Applies what was planned. Hosts without steps, refused ones and unreachable ones keep their report.
pub async fn apply_fleet(
    context: &Context,
    options: &ApplyOptions,
    planned: BTreeMap<HostName, Planned>,
) -> BTreeMap<HostName, HostReport> {
    let (worker, options) = (context.clone(), options.clone());
    for_each_host(context.jobs, planned, move |host, planned| {
        let (context, options) = (worker.clone(), options.clone());
        async move {
            drop(context.events.send(Event::HostStarted { host: host.clone() }));
            let report = apply_one(&context, &options, planned).await;
            finished(&context, &report, &host);
            report
        }
    })
    .await
}

/// Plans and applies each host without waiting for the others: for scripts, where nobody is asked in between.
pub async fn plan_and_apply_fleet(
    context: &Context,
    options: &ApplyOptions,
    tasks: BTreeMap<HostName, HostTask>,
) -> BTreeMap<HostName, HostReport> {
    let (worker, options) = (context.clone(), options.clone());
    for_each_host(context.jobs, tasks, move |host, task| {
        let (context, options) = (worker.clone(), options.clone());
        async move {
            let planned = plan_one(&context, task).await;
            let report = apply_one(&context, &options, planned).await;
            finished(&context, &report, &host);
            report
        }
    })
    .await
}

fn finished(context: &Context, report: &HostReport, host: &HostName) {
    let failed = matches!(
        report.outcome,
        Outcome::Failed { .. } | Outcome::Unreachable { .. } | Outcome::Refused { .. } | Outcome::NotRun
    );
    drop(context.events.send(Event::HostFinished { host: host.clone(), failed }));
}

fn elapsed_ms(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}

async fn plan_one(context: &Context, mut task: HostTask) -> Planned {
    let started = Instant::now();
    let host = task.target.host.clone();
    drop(context.events.send(Event::HostStarted { host }));
    match gather_and_learn(context, &mut task).await {
        Err(outcome) => {
            let report = report(outcome, None, elapsed_ms(started));
            Planned { task, session: None, uid: 0, unprivileged: None, report }
        }
        Ok((_, Err(error))) => {
            let report = report(unusable(error), None, elapsed_ms(started));
            Planned { task, session: None, uid: 0, unprivileged: None, report }
        }
        Ok((gathered, Ok(()))) => {
            let mut plan = plan_with_privilege(&task.desired, &gathered.observed, gathered.unprivileged.as_ref());
            let uid = gathered.observed.facts.uid;
            if uid != 0 && gathered.unprivileged.is_none() && plan.has_steps() {
                plan.findings.push(no_root_yet(&task.target, uid));
            }
            let outcome = outcome_of_plan(&plan);
            task.desired.keep_holds(gathered.observed.facts.now_us);
            Planned {
                task,
                session: Some(gathered.session),
                uid,
                unprivileged: gathered.unprivileged,
                report: report(outcome, Some(plan), elapsed_ms(started)),
            }
        }
    }
}

/// Gathers all that planning needs. Which things a host shall have may depend on its own facts (`when:`): what the first
/// question did not name is then asked for over the same connection.
///
/// With it comes what is wrong in the playbook for this very host.
///
/// # Errors
/// The host's outcome, when it could not be asked.
pub async fn gather_and_learn(
    context: &Context,
    task: &mut HostTask,
) -> Result<(Gathered, Result<(), String>), Outcome> {
    let asked = request(&task.desired);
    let mut gathered = gather(context, &task.target, &asked).await?;
    let learned = task.learn(&gathered.observed.facts);
    let needed = request(&task.desired);
    if !asked.covers(&needed, &gathered.observed) {
        gather_more(context, &task.target, &needed, &mut gathered).await?;
    }
    Ok((gathered, learned))
}

/// The playbook is wrong for this very host, which only its facts have shown.
#[must_use]
pub fn unusable(error: String) -> Outcome {
    let hint = "the playbook depends on `facts`, and with those of this host it is not valid".to_owned();
    Outcome::Refused { error, hint: Some(hint) }
}

fn report(outcome: Outcome, plan: Option<HostPlan>, elapsed_ms: u64) -> HostReport {
    HostReport { outcome, plan, steps: Vec::new(), failures: Vec::new(), remaining: None, elapsed_ms }
}

fn plan_with_privilege(desired: &Desired, observed: &Observed, unprivileged: Option<&TransportError>) -> HostPlan {
    let mut plan = plan_host(desired, observed);
    if let Some(error) = unprivileged {
        let text = format!("planned without root: {}; what this user cannot read is unknown", error.message);
        plan.findings.push(Finding { kind: FindingKind::Notice, unit: None, text, hint: error.hint.clone() });
    }
    plan
}

/// Who may look may not change: better said by the plan than by the apply.
fn no_root_yet(target: &Target, uid: u32) -> Finding {
    let text = format!("planned without root (uid {uid}): an apply needs it");
    let hint = Some(become_root(target));
    Finding { kind: FindingKind::Notice, unit: None, text, hint }
}

fn become_root(target: &Target) -> String {
    format!("set `become: true` for {} in the inventory, or log in as root", target.host)
}

/// What a plan alone means for a host's outcome.
#[must_use]
pub fn outcome_of_plan(plan: &HostPlan) -> Outcome {
    match plan.refusals.first() {
        Some(first) => refused(first, plan.refusals.len()),
        None if plan.has_steps() => Outcome::Pending,
        None => Outcome::Unchanged,
    }
}

fn refused(first: &Refusal, count: usize) -> Outcome {
    let more = if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() };
    Outcome::Refused { error: format!("{}{more}", first.text), hint: first.hint.clone() }
}

async fn apply_one(context: &Context, options: &ApplyOptions, planned: Planned) -> HostReport {
    let Planned { task, session, uid, unprivileged, mut report } = planned;
    // The time that a person took to say yes is not the host's.
    let started = Instant::now();
    let (Some(session), Some(plan), Outcome::Pending) = (session, report.plan.clone(), &report.outcome) else {
        return report;
    };
    let held_back = options.strict.then(|| under_strict(&plan)).flatten();
    report.outcome = match held_back.or_else(|| without_root(&task.target, uid, unprivileged)) {
        Some(outcome) => outcome,
        None => transact(context, options, &task, session.as_ref(), &plan, &mut report).await,
    };
    report.elapsed_ms += elapsed_ms(started);
    report
}

/// Findings that `--strict` takes for refusals.
fn under_strict(plan: &HostPlan) -> Option<Outcome> {
    let found = plan.findings.iter().find(|finding| finding.kind.refuses_when_strict())?;
    Some(Outcome::Refused {
        error: format!("under --strict: {}", found.text),
        hint: Some("settle what was found, or apply without --strict".to_owned()),
    })
}

/// Nothing is staged where the apply could not end.
fn without_root(target: &Target, uid: u32, unprivileged: Option<TransportError>) -> Option<Outcome> {
    if let Some(error) = unprivileged {
        return Some(Outcome::Refused { error: error.message, hint: error.hint });
    }
    (uid != 0).then(|| Outcome::Refused {
        error: format!("the login user is not root (uid {uid})"),
        hint: Some(become_root(target)),
    })
}

async fn transact(
    context: &Context,
    options: &ApplyOptions,
    task: &HostTask,
    session: &dyn Session,
    plan: &HostPlan,
    report: &mut HostReport,
) -> Outcome {
    let host = &task.target.host;
    context.phase(host, "apply");
    let mut told = Vec::new();
    let answer = match run_transaction(context, options, task, session, plan, &mut told).await {
        Ok(answer) => answer,
        Err(outcome) => {
            report.steps = as_far_as_told(plan, told);
            return outcome;
        }
    };
    report.steps = answer.steps;
    report.failures = answer.failures;
    if let Some(outcome) = not_done(answer.verdict, &task.target) {
        return outcome;
    }
    context.phase(host, "verify");
    let observed = match gather_again(context, &task.target, &request(&task.desired), session).await {
        Ok(observed) => observed,
        Err(outcome) => return not_verified(outcome),
    };
    let remaining = plan_host(&task.desired, &observed);
    if remaining.steps.is_empty() && remaining.refusals.is_empty() {
        return Outcome::Changed;
    }
    report.remaining = Some(remaining);
    Outcome::Failed {
        error: "all steps were run, but the host is not as desired: what still differs is listed".to_owned(),
        hint: Some("something on the host works against the playbook; look at what still differs".to_owned()),
        restored: false,
    }
}

async fn run_transaction(
    context: &Context,
    options: &ApplyOptions,
    task: &HostTask,
    session: &dyn Session,
    plan: &HostPlan,
    told: &mut Vec<StepOutcome>,
) -> Result<TransactionAnswer, Outcome> {
    let nonce = nonce();
    let transaction = Transaction {
        run: &options.run,
        who: &options.who,
        steps: &plan.steps,
        ledgers: &plan.ledgers,
        directories: &task.desired.lasting_directories(),
        inputs: &plan.inputs,
        settle_ms: u32::try_from(options.settle.as_millis()).unwrap_or(u32::MAX),
        bound_s: SYSTEMCTL_BOUND_S,
    };
    let input = remote::encode_transaction(&transaction, &nonce).map_err(|error| Outcome::Failed {
        error: error.to_string(),
        hint: None,
        restored: false,
    })?;
    let exec = Exec {
        script: remote::transaction_script(),
        input: &input,
        become_root: task.target.become_root,
        deadline: options.timeout,
    };
    let events = context.events.clone();
    let host = task.target.host.clone();
    let line_nonce = nonce.clone();
    let mut lines = |line: &[u8]| {
        let event = match Progress::parse(&line_nonce, line) {
            Some(Progress::Step { step, status }) => {
                told.push(StepOutcome { step, status: status.clone() });
                Event::StepFinished { host: host.clone(), step, status }
            }
            Some(Progress::Settling) => Event::HostPhase { host: host.clone(), phase: "settle".to_owned() },
            Some(Progress::Restoring) => Event::HostPhase { host: host.clone(), phase: "restore".to_owned() },
            _ => return,
        };
        drop(events.send(event));
    };
    let output = session.exec(exec, Some(&mut lines)).await.map_err(|error| lost(&error))?;
    remote::parse_transaction(&plan.steps, &nonce, &output.stdout).map_err(|error| {
        let said = output.stderr.lines().rev().find(|line| !line.trim().is_empty());
        Outcome::Failed {
            error: error.to_string(),
            hint: said.map(|line| format!("the host said: {line}")),
            restored: false,
        }
    })
}

/// The connection went while the host was at work: what it did is found out by planning again. Any other trouble means
/// that nothing was run.
fn lost(error: &TransportError) -> Outcome {
    if error.kind != TransportErrorKind::Interrupted {
        return outcome_of(error);
    }
    let plan = "`unitfleet plan` shows what is left to do";
    Outcome::Failed {
        error: format!("the apply was cut off: {}", error.message),
        hint: Some(error.hint.as_ref().map_or_else(|| plan.to_owned(), |hint| format!("{hint}; {plan}"))),
        restored: false,
    }
}

/// What a host said of its steps before it was lost. Without a word it may not even have begun.
fn as_far_as_told(plan: &HostPlan, told: Vec<StepOutcome>) -> Vec<StepOutcome> {
    if told.is_empty() {
        return told;
    }
    let mut steps: Vec<StepOutcome> =
        (0..plan.steps.len()).map(|step| StepOutcome { step, status: StepStatus::Unknown }).collect();
    for outcome in told {
        if let Some(known) = steps.get_mut(outcome.step) {
            *known = outcome;
        }
    }
    steps
}

fn not_verified(outcome: Outcome) -> Outcome {
    let error = match outcome {
        Outcome::Unreachable { error, .. } | Outcome::Refused { error, .. } | Outcome::Failed { error, .. } => error,
        _ => "it could not be observed again".to_owned(),
    };
    Outcome::Failed {
        error: format!("all steps were run, but the result could not be verified: {error}"),
        hint: Some("run `unitfleet plan` to see whether anything is left".to_owned()),
        restored: false,
    }
}

/// The outcome of a transaction that did not end well.
fn not_done(verdict: Verdict, target: &Target) -> Option<Outcome> {
    Some(match verdict {
        Verdict::Done => return None,
        Verdict::Failed { error } => Outcome::Failed { error, hint: None, restored: false },
        Verdict::Restored { error } => Outcome::Failed { error, hint: None, restored: true },
        Verdict::NotRestored { error, left } => Outcome::Failed {
            error,
            hint: Some(format!("these could not be put back: {}", left.join(", "))),
            restored: false,
        },
        Verdict::Refused(by) => refused_by_host(by, target),
    })
}

fn refused_by_host(by: RefusedBy, target: &Target) -> Outcome {
    let (error, hint) = match by {
        RefusedBy::Privilege(user) => (
            format!("the apply would run as {user}, not as root"),
            format!("set `become: true` for {} in the inventory, or log in as root", target.host),
        ),
        RefusedBy::Lock(lock) => {
            (format!("another apply is under way: {lock}"), "wait for it to end, then run this again".to_owned())
        }
        RefusedBy::NotSystemd => ("systemd does not run there as PID 1".to_owned(), "manage another host".to_owned()),
        RefusedBy::Request => {
            ("what was sent did not arrive whole; nothing was touched".to_owned(), "run this again".to_owned())
        }
        RefusedBy::State(said) => (
            format!("/var/lib/unitfleet cannot be used: {said}"),
            "look at the host's file system: is it full, or read-only?".to_owned(),
        ),
    };
    Outcome::Refused { error, hint: Some(hint) }
}
