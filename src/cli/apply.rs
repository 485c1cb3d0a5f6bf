//! `unitfleet apply`

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use crate::apply::{ApplyOptions, HostTask, apply_fleet, plan_and_apply_fleet, plan_fleet};
use crate::load::project;
use crate::model::{HostName, HostReport, RunReport};
use crate::observe::nonce;
use crate::report::{TextOptions, text};

use super::global::{Format, GlobalArgs, number};
use super::interrupt::{Touched, interruption};
use super::project::{Project, Secrecy};
use super::terminal::{Terminal, variable};
use super::{Failure, Verdict, fleet};

/// Make it so: plan, ask, apply, observe again
#[derive(clap::Args)]
pub(super) struct Args {
    /// Playbooks
    #[arg(required = true, value_name = "PLAYBOOK")]
    pub(super) playbooks: Vec<PathBuf>,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    /// How long units are watched after the last start, in seconds [default: 1]
    #[arg(long, value_name = "SECONDS", value_parser = number(&project::SETTLE))]
    settle: Option<u64>,
}

/// Seconds that units are watched, where nobody says it.
const SETTLE: u64 = 1;

/// How long one host's transaction may take before we stop waiting for it; the host goes on by itself.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(30 * 60);

pub(super) fn run(args: &Args, global: &GlobalArgs, terminal: &Terminal) -> Verdict {
    let asking = !args.yes;
    if asking && (!Terminal::can_ask() || global.format == Format::Json) {
        return Err(Failure::Usage(
            "apply asks before it changes hosts, and there is nobody to ask: add --yes, or run it in a terminal"
                .to_owned(),
        ));
    }
    let project = Project::load(&args.playbooks, global, terminal, Secrecy::Resolved)?;
    let tags = project.tags.clone();
    let tasks = project.into_tasks();
    let names: BTreeSet<HostName> = tasks.keys().cloned().collect();
    let options = ApplyOptions {
        run: run_id(),
        who: who(),
        settle: Duration::from_secs(args.settle.or(global.project.settle).unwrap_or(SETTLE)),
        timeout: TRANSACTION_TIMEOUT,
        strict: global.strict(),
    };
    let (run, count) = (options.run.clone(), names.len());
    let (hosts, shown) = if asking {
        ask_then_apply(global, terminal, (tasks, &tags), &names, options)?
    } else {
        let hosts = fleet::with_hosts(global, terminal, |base| async move {
            let work = |context| async move { plan_and_apply_fleet(&context, &options, tasks).await };
            base.phase(count, work).await
        })?;
        (hosts, false)
    };
    let report = fleet::assemble("apply", &run, &tags, &names, hosts);
    fleet::finish(&report, global, terminal, false, shown)
}

type Reports = BTreeMap<HostName, HostReport>;

/// Plans all hosts, shows the plan, and applies it on a yes. Returns whether the plan was shown.
fn ask_then_apply(
    global: &GlobalArgs,
    terminal: &Terminal,
    (tasks, tags): (BTreeMap<HostName, HostTask>, &[String]),
    names: &BTreeSet<HostName>,
    options: ApplyOptions,
) -> Result<(Reports, bool), Failure> {
    let hosts = tasks.len();
    fleet::with_hosts(global, terminal, |base| async move {
        let planned = base.phase(hosts, |context| async move { plan_fleet(&context, tasks).await }).await?;
        let parts: Reports = planned.iter().map(|(host, planned)| (host.clone(), planned.report().clone())).collect();
        let pending = parts.values().any(|part| part.outcome == crate::model::Outcome::Pending);
        if !pending {
            return Ok((parts, false));
        }
        show(&fleet::assemble("plan", "", tags, names, parts.clone()), terminal)?;
        if !answer().await? {
            writeln!(Terminal::err(), "Nothing was changed.")?;
            return Ok((without_pending(parts), true));
        }
        let apply = |context| async move { apply_fleet(&context, &options, planned).await };
        Ok((base.phase(hosts, apply).await?, true))
    })
}

/// A signal is an answer as well. Reading cannot be called off, so it has a thread that ends with the program.
async fn answer() -> Result<bool, Failure> {
    let (sender, answer) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || drop(sender.send(Terminal::ask("Apply this?"))));
    tokio::select! {
        said = answer => Ok(said.unwrap_or(Ok(false))?),
        code = interruption() => {
            // The cursor still stands behind the question.
            writeln!(Terminal::err())?;
            Err(Touched::default().interrupted(code?))
        }
    }
}

fn show(report: &RunReport, terminal: &Terminal) -> Result<(), Failure> {
    let mut out = Terminal::out();
    let options: TextOptions = terminal.out_options();
    text::write(&mut out, &Terminal::cleaned(report), &options)?;
    out.flush()?;
    Ok(())
}

/// The answer was no: what was pending was not run.
fn without_pending(mut parts: Reports) -> Reports {
    parts.retain(|_, part| part.outcome != crate::model::Outcome::Pending);
    parts
}

/// When, and a few digits that tell runs of one second apart.
fn run_id() -> String {
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    format!("{now}-{}", &nonce()[..6])
}

fn who() -> String {
    let user = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(variable);
    let user = user.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{user}@{machine}")
}
