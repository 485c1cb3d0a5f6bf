//! `unitfleet inventory`
//!
//! `list --format json` has the shape of `ansible-inventory --list`, so that what reads that reads this: every key at the
//! top is a group, and `schema_version` stands in `_meta`.

mod list;
mod one_host;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;

use clap::ValueEnum;

use crate::load::inventory::Inventory;
use crate::load::read_playbook;
use crate::model::HostName;
use crate::report::json;
use crate::report::wording::count;

use super::global::{Format, GlobalArgs};
use super::project::{extra_vars, load_inventory, select, warn};
use super::terminal::Terminal;
use super::{Failure, Verdict};

/// Show what the inventory says: hosts, groups, variables and where each value comes from; contacts no host
#[derive(clap::Args)]
pub(super) struct Args {
    /// What to show
    #[arg(value_enum, default_value_t, conflicts_with = "host")]
    action: Action,

    /// All variables of one host
    #[arg(long, value_name = "HOST")]
    host: Option<String>,

    /// For each variable where it is defined and what wins, weaker definitions included
    #[arg(long, requires = "host")]
    explain: bool,

    /// Read the folders of variables beside this playbook, too, and show the variables of its manifests; may be given several times
    #[arg(long = "playbook", value_name = "PLAYBOOK")]
    pub(super) playbooks: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Action {
    /// Hosts, how they are reached, and their groups
    #[default]
    List,
    /// Groups and the groups and hosts in them, as a tree
    Graph,
    /// Only whether all of it can be read
    Check,
}

pub(super) fn run(args: &Args, global: &GlobalArgs, terminal: &Terminal) -> Verdict {
    let mut warnings = Vec::new();
    let inventory = load_inventory(&args.playbooks, global, &mut warnings).map_err(Failure::Invalid)?;
    let selected = select(&inventory, global.limit.as_deref())?;
    let width = terminal.out_options().width;
    let mut out = Terminal::out();
    let json = global.format == Format::Json;
    if let Some(name) = &args.host {
        warn(&warnings, terminal)?;
        let playbooks: Result<Vec<_>, _> = args.playbooks.iter().map(|path| read_playbook(path, None)).collect();
        let playbooks: Vec<_> =
            playbooks.map_err(Failure::Invalid)?.into_iter().map(|(playbook, _)| playbook).collect();
        let extra = extra_vars(&global.vars)?;
        let shown = one_host::Shown::of(name, &inventory, &playbooks, &extra)?;
        if json {
            shown.write_json(&mut out, args.explain)?;
        } else {
            shown.write(&mut out, args.explain, width)?;
        }
        out.flush()?;
        return Ok(0);
    }
    match (args.action, json) {
        (Action::Check, true) => json::write_diagnostics(&mut out, &warnings)?,
        (action, _) => {
            warn(&warnings, terminal)?;
            match (action, json) {
                (Action::List, true) => list::write_json(&mut out, &inventory, &selected)?,
                (Action::List, false) => list::write(&mut out, &inventory, &selected, width)?,
                (Action::Graph, true) => list::write_graph_json(&mut out, &inventory, &selected)?,
                (Action::Graph, false) => list::write_graph(&mut out, &inventory, &selected)?,
                (Action::Check, _) => writeln!(out, "Valid: {}.", tally(&inventory, &selected))?,
            }
        }
    }
    out.flush()?;
    Ok(0)
}

/// `3 hosts in 2 groups`, without the built-in groups.
fn tally(inventory: &Inventory, selected: &BTreeSet<HostName>) -> String {
    let groups = inventory.groups.iter().filter(|(name, _)| !matches!(name.as_str(), "all" | "ungrouped"));
    let groups = groups.filter(|(_, group)| group.hosts.iter().any(|host| selected.contains(host))).count();
    format!("{} in {}", count(selected.len(), "host", "hosts"), count(groups, "group", "groups"))
}
