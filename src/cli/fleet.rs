//! The machinery that every verb with hosts needs: a runtime, a transport, events on their way to the progress.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::model::{Event, HostName, HostReport, Outcome, RunReport};
use crate::observe::Context;
use crate::report::{Detail, EventLines, ExitPolicy, Progress, Reporter, TextOptions, exit, json, text};
use crate::transport::{Hub, SshOptions, Transport, raise_open_files_limit};

use super::global::{Format, GlobalArgs};
use super::interrupt::{Touched, interruption};
use super::terminal::Terminal;
use super::{Failure, Verdict};

/// How long one gather may take. It reads; a host that needs longer is stuck.
const GATHER_TIMEOUT: Duration = Duration::from_secs(120);

/// What every phase of a run over hosts shares.
pub(super) struct Base<'a> {
    transport: Arc<dyn Transport>,
    jobs: usize,
    terminal: &'a Terminal,
}

/// Runs `work` on a runtime of its own, with a transport as the command line says.
pub(super) fn with_hosts<'a, T, F, Fut>(global: &GlobalArgs, terminal: &'a Terminal, work: F) -> Result<T, Failure>
where
    F: FnOnce(Base<'a>) -> Fut,
    Fut: Future<Output = Result<T, Failure>>,
{
    // A connection costs a handful of descriptors; the soft limit of 1,024 is soon used up.
    let _limit = raise_open_files_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let transport = Hub::new(SshOptions {
        connect_timeout: global.connect_timeout(),
        persist: global.persist(),
        accept_new_host_keys: global.accept_new_host_keys,
        verbose: global.verbose,
        ..SshOptions::default()
    });
    runtime.block_on(work(Base { transport: Arc::new(transport), jobs: global.jobs(), terminal }))
}

impl Base<'_> {
    /// Runs one phase over so many hosts; the progress is drawn while it lasts and gone when it is over. A signal ends it.
    pub(super) async fn phase<T, F, Fut>(&self, hosts: usize, work: F) -> Result<T, Failure>
    where
        F: FnOnce(Context) -> Fut,
        Fut: Future<Output = T>,
    {
        let (events, mut receiver) = mpsc::unbounded_channel::<Event>();
        let mut reporter = reporter(self.terminal, hosts);
        let shown = tokio::spawn(async move {
            let mut touched = Touched::default();
            while let Some(event) = receiver.recv().await {
                reporter.event(&event);
                touched.event(&event);
            }
            touched
        });
        let context =
            Context { transport: Arc::clone(&self.transport), jobs: self.jobs, gather_timeout: GATHER_TIMEOUT, events };
        let ended = tokio::select! {
            result = work(context) => Ok(result),
            code = interruption() => Err(code?),
        };
        // The last sender went with the context: what is left is drawn, then the line is wiped.
        let touched = shown.await.unwrap_or_default();
        ended.map_err(|code| touched.interrupted(code))
    }
}

fn reporter(terminal: &Terminal, hosts: usize) -> Box<dyn Reporter + Send> {
    if !terminal.shows_progress() && terminal.detail() == Detail::Verbose {
        return Box::new(EventLines::new(Terminal::err(), terminal.err_options().color));
    }
    Box::new(Progress::on_stderr(hosts, terminal.err_options().width, terminal.shows_progress()))
}

/// Writes the report to standard output and returns the exit code.
pub(super) fn finish(
    report: &RunReport,
    global: &GlobalArgs,
    terminal: &Terminal,
    detailed: bool,
    plan_was_shown: bool,
) -> Verdict {
    let policy = ExitPolicy { detailed, strict: global.strict() };
    let mut out = Terminal::out();
    let shown = &Terminal::cleaned(report);
    match global.format {
        Format::Text => text::write(&mut out, shown, &TextOptions { plan_was_shown, ..terminal.out_options() })?,
        Format::Json => json::write(&mut out, shown, policy)?,
    }
    out.flush()?;
    Ok(exit::code(report, policy))
}

/// Version of the report's shape.
pub(super) const SCHEMA_VERSION: u32 = 1;

/// The report of a run over `names`; a host without a part was lost by us, which is a bug that must not look green.
pub(super) fn assemble(
    verb: &str,
    run: &str,
    tags: &[String],
    names: &BTreeSet<HostName>,
    mut hosts: BTreeMap<HostName, HostReport>,
) -> RunReport {
    for name in names {
        hosts.entry(name.clone()).or_insert_with(|| HostReport {
            outcome: Outcome::NotRun,
            plan: None,
            steps: Vec::new(),
            failures: Vec::new(),
            remaining: None,
            elapsed_ms: 0,
        });
    }
    RunReport { schema_version: SCHEMA_VERSION, verb: verb.to_owned(), run: run.to_owned(), tags: tags.to_vec(), hosts }
}
