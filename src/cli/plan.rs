//! `unitfleet plan`

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use crate::apply::{HostTask, plan_fleet};
use crate::model::{HostName, HostReport, Observed, Outcome};
use crate::plan::plan_host;

use super::global::GlobalArgs;
use super::project::{Project, Secrecy};
use super::terminal::Terminal;
use super::{Failure, Verdict, fleet};

/// Show what differs and what an apply would do, with a reason for every step; changes nothing on a host
#[derive(clap::Args)]
pub(super) struct Args {
    /// Playbooks
    #[arg(required = true, value_name = "PLAYBOOK")]
    pub(super) playbooks: Vec<PathBuf>,

    /// Exit with 2 when changes are pending
    #[arg(long)]
    detailed_exitcode: bool,

    /// Plan against a saved observation (`observe --save`) and contact no host
    #[arg(long, value_name = "FILE")]
    observed: Option<PathBuf>,
}

pub(super) fn run(args: &Args, global: &GlobalArgs, terminal: &Terminal) -> Verdict {
    let project = Project::load(&args.playbooks, global, terminal, Secrecy::Resolved)?;
    let tags = project.tags.clone();
    let mut tasks = project.into_tasks();
    let names: BTreeSet<HostName> = tasks.keys().cloned().collect();
    let hosts = match &args.observed {
        Some(path) => offline(path, &mut tasks)?,
        None => fleet::with_hosts(global, terminal, |base| async move {
            let planned = base.phase(tasks.len(), |context| async move { plan_fleet(&context, tasks).await }).await?;
            Ok(planned.into_iter().map(|(host, planned)| (host, planned.into_report())).collect())
        })?,
    };
    let report = fleet::assemble("plan", "", &tags, &names, hosts);
    fleet::finish(&report, global, terminal, args.detailed_exitcode, false)
}

/// What `observe --save` writes, as far as planning reads it.
#[derive(serde::Deserialize)]
struct Saved {
    hosts: BTreeMap<HostName, Observed>,
}

/// A device, or a pipe that nobody may ever write to; a shell's `<(…)` has no path of its own, and has a writer.
fn is_endless(path: &Path) -> bool {
    let kind = path.metadata().map(|found| found.file_type());
    kind.is_ok_and(|kind| kind.is_char_device() || kind.is_fifo() && path.canonicalize().is_ok())
}

fn offline(path: &Path, tasks: &mut BTreeMap<HostName, HostTask>) -> Result<BTreeMap<HostName, HostReport>, Failure> {
    if is_endless(path) {
        return Err(Failure::Usage(format!("--observed {}: it is no file, and may never end", path.display())));
    }
    let text = std::fs::read_to_string(path).map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => error.to_string(),
        };
        Failure::Usage(format!("--observed {}: {why}", path.display()))
    })?;
    let saved: Saved = serde_json::from_str(&text).map_err(|error| {
        Failure::Usage(format!(
            "--observed {}: this is not what `unitfleet observe --save FILE` writes: {error}",
            path.display()
        ))
    })?;
    let mut seen = saved.hosts;
    let report = |(host, task): (&HostName, &mut HostTask)| {
        let (outcome, plan) = match seen.remove(host) {
            None => {
                let error = format!("{} has no observation of it", path.display());
                let hint = Some("observe it again: unitfleet observe --save FILE".to_owned());
                (Outcome::Unreachable { error, hint }, None)
            }
            Some(observed) => {
                if let Err(error) = task.learn(&observed.facts) {
                    (crate::apply::unusable(error), None)
                } else {
                    let plan = plan_host(&task.desired, &observed);
                    (crate::apply::outcome_of_plan(&plan), Some(plan))
                }
            }
        };
        let report =
            HostReport { outcome, plan, steps: Vec::new(), failures: Vec::new(), remaining: None, elapsed_ms: 0 };
        (host.clone(), report)
    };
    Ok(tasks.iter_mut().map(report).collect())
}
