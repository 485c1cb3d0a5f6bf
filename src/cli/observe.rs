//! `unitfleet observe`

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use crate::apply::{HostTask, gather_and_learn};
use crate::model::{Event, HostName, Observed, Outcome};
use crate::observe::{Context, for_each_host};
use crate::report::{json, observed};

use super::global::{Format, GlobalArgs};
use super::project::{Project, Secrecy};
use super::terminal::Terminal;
use super::{FAILED, Failure, Verdict, fleet};

/// Gather the live state of what the playbooks speak of; changes nothing on a host
#[derive(clap::Args)]
pub(super) struct Args {
    /// Playbooks
    #[arg(required = true, value_name = "PLAYBOOK")]
    pub(super) playbooks: Vec<PathBuf>,

    /// Keep what was observed, for `plan --observed`
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
}

/// Some hosts could not be reached.
const UNREACHABLE: u8 = 5;

pub(super) fn run(args: &Args, global: &GlobalArgs, terminal: &Terminal) -> Verdict {
    let tasks = Project::load(&args.playbooks, global, terminal, Secrecy::Unasked)?.into_tasks();
    let results = fleet::with_hosts(global, terminal, |base| async move {
        base.phase(tasks.len(), |context| async move { observe_all(context, tasks).await }).await
    })?;
    let mut seen: BTreeMap<HostName, Observed> = BTreeMap::new();
    let mut missing: BTreeMap<HostName, Outcome> = BTreeMap::new();
    for (host, result) in results {
        match result {
            Ok(observed) => drop(seen.insert(host, observed)),
            Err(outcome) => drop(missing.insert(host, outcome)),
        }
    }
    if let Some(path) = &args.save {
        let problem = |error: std::io::Error| Failure::Machine(format!("{}: {error}", path.display()));
        // It holds the contents of the files that differ, whoever may read these on the hosts.
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
            .map_err(problem)?;
        json::write_observed(&mut file, &seen, &missing).map_err(problem)?;
    }
    let mut out = Terminal::out();
    match global.format {
        Format::Text => observed::write(&mut out, &seen, &missing, &terminal.out_options())?,
        Format::Json => json::write_observed(&mut out, &seen, &missing)?,
    }
    out.flush()?;
    let unreachable = |outcome: &Outcome| matches!(outcome, Outcome::Unreachable { .. });
    Ok(if missing.is_empty() {
        0
    } else if missing.values().all(unreachable) {
        UNREACHABLE
    } else {
        FAILED
    })
}

async fn observe_all(
    context: Context,
    tasks: BTreeMap<HostName, HostTask>,
) -> BTreeMap<HostName, Result<Observed, Outcome>> {
    let worker = context.clone();
    for_each_host(context.jobs, tasks, move |host, task| {
        let context = worker.clone();
        async move {
            let mut task = task;
            drop(context.events.send(Event::HostStarted { host: host.clone() }));
            let result = gather_and_learn(&context, &mut task).await;
            drop(context.events.send(Event::HostFinished { host, failed: result.is_err() }));
            // A playbook that is wrong for this host is no reason not to show what is there.
            result.map(|(gathered, _)| gathered.observed)
        }
    })
    .await
}
