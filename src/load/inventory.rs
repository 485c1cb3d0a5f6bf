//! The inventory: hosts, groups, their variables and how to reach them.
//!
//! Ansible's inventories are read as they are: YAML (the native one has the same shape; only the spelling of connection
//! keys differs), INI, directories, executables, and the folders `group_vars/` and `host_vars/` beside an inventory or
//! beside a playbook. Nothing is rendered: a variable that holds `{{ … }}` keeps its text. Which of several definitions
//! wins is Ansible's order, written down in `resolve`.
//!
//! Every dialect fills the same `draft`; `resolve` makes the inventory of it. Only `folder`, `script` and the reading of
//! files touch the machine, so that texts alone can be tried in tests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::{Diagnostic, HostName, SourceFile, Target, Vars};

use super::read_file::read_file;

pub(super) mod connection;
mod draft;
mod folder;
mod form;
mod host_line;
mod ini;
mod layer;
mod listing;
mod literal;
mod range;
mod resolve;
mod script;
mod setting;
mod vars_file;
mod vault;
pub(super) mod yaml;

use draft::{Draft, Origin};
use script::{Limits, Script};

pub use connection::KEYS as CONNECTION_KEYS;
pub use layer::{Definition, Entry, Layer, definitions_of};
pub(super) use vars_file::read_layer;

/// All hosts and groups, merged from every inventory given.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// Hosts by name.
    pub hosts: BTreeMap<HostName, Host>,
    /// Groups by name, `all` and `ungrouped` included.
    pub groups: BTreeMap<String, Group>,
}

/// One host.
#[derive(Clone, Debug)]
pub struct Host {
    /// How to reach it.
    pub target: Target,
    /// Every group that it is in, directly or through children; weakest first (`all`, then by depth, then by name).
    pub groups: Vec<String>,
    /// The variables of its groups and its own, merged; connection keys are in `target` instead.
    pub vars: Vars,
    /// What each place says about it or its groups, weakest first. Shared between hosts.
    pub layers: Vec<Arc<Layer>>,
}

impl Host {
    /// Every definition of a variable, or of a connection key by its native name, weakest first.
    #[must_use]
    pub fn definitions(&self, name: &str) -> Vec<Definition<'_>> {
        layer::of_name(&self.layers, name)
    }

    /// All names that are defined, variables and connection keys, each with its definitions, weakest first.
    #[must_use]
    pub fn all_definitions(&self) -> BTreeMap<&str, Vec<Definition<'_>>> {
        let mut all = definitions_of(&self.layers, false);
        all.extend(definitions_of(&self.layers, true));
        all
    }
}

/// One group.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// All its hosts: its own in their order, then those of its children.
    pub hosts: Vec<HostName>,
    /// The hosts that are in it directly.
    pub own: Vec<HostName>,
    /// Its direct children, in their order.
    pub children: Vec<String>,
}

/// Reads inventories and merges them; where two say different things the later one wins. Warnings come with the result.
pub fn read_inventory(paths: &[PathBuf]) -> Result<(Inventory, Vec<Diagnostic>), Vec<Diagnostic>> {
    read_inventory_for(paths, &[])
}

/// The same, with the folders of variables beside playbooks, which are stronger than those beside inventories.
pub fn read_inventory_for(
    paths: &[PathBuf],
    playbooks: &[PathBuf],
) -> Result<(Inventory, Vec<Diagnostic>), Vec<Diagnostic>> {
    read_with(paths, playbooks, Limits::default())
}

fn read_with(
    paths: &[PathBuf],
    playbooks: &[PathBuf],
    limits: Limits,
) -> Result<(Inventory, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut draft = Draft::default();
    for path in paths {
        for source in folder::sources(path, &mut draft.problems) {
            if form::is_program(&source) {
                ask(&Script::new(&source, limits), &mut draft);
            } else {
                match read_file(&source) {
                    Ok(source) => draft.read(&source),
                    Err(problem) => draft.problems.push(about_lists(problem, &source)),
                }
            }
        }
    }
    // What a broken inventory does not name would be called unknown.
    if draft.problems.iter().all(|problem| !problem.is_error()) {
        match folders(paths, playbooks) {
            Ok(folders) => folders.iter().for_each(|(folder, origin)| draft.read_vars_beside(folder, *origin)),
            Err(problem) => draft.problems.push(problem),
        }
    }
    resolve::resolve(draft)
}

/// Ansible takes `-i web1,web2,` for the hosts themselves.
fn about_lists(problem: Diagnostic, path: &Path) -> Diagnostic {
    if path.to_string_lossy().contains(',') && !path.exists() {
        return problem.help("`-i` names files; write the hosts into one, each on a line of its own");
    }
    problem
}

/// Asks a script for its groups, and for the variables of each host if it did not give them at once.
fn ask(script: &Script, draft: &mut Draft) {
    let list = match script.list() {
        Ok(list) => list,
        Err(problem) => return draft.problems.push(problem),
    };
    let before = draft.problems.len();
    let listed = draft.read_listing_text(&list);
    if listed.has_hostvars || draft.problems[before..].iter().any(Diagnostic::is_error) {
        return;
    }
    for (host, answer) in script.hosts(&listed.hosts) {
        match answer {
            Ok(answer) => draft.read_host_answer(&host, &answer),
            Err(problem) => draft.problems.push(problem),
        }
    }
}

/// Where folders of variables may stand, each once: of two ways to one folder the stronger counts.
fn folders(paths: &[PathBuf], playbooks: &[PathBuf]) -> Result<Vec<(PathBuf, Origin)>, Diagnostic> {
    let beside = |path: &PathBuf| path.parent().unwrap_or(Path::new("")).to_path_buf();
    let known = |folder: &Path| {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf())
    };
    let of_inventories = paths.iter().map(|path| if path.is_dir() { path.clone() } else { beside(path) });
    let mut all: Vec<(PathBuf, Origin)> =
        of_inventories.enumerate().map(|(index, folder)| (folder, Origin::Beside(index))).collect();
    let inventories: Vec<PathBuf> = all.iter().map(|(folder, _)| known(folder)).collect();
    let of_playbooks: BTreeMap<PathBuf, PathBuf> =
        playbooks.iter().map(beside).map(|folder| (known(&folder), folder)).collect();
    for (index, (canonical, folder)) in of_playbooks.iter().enumerate() {
        let own = ["group_vars", "host_vars"].map(|name| folder.join(name)).into_iter().find(|path| path.is_dir());
        if let Some(own) = own.filter(|_| of_playbooks.len() > 1 && !inventories.contains(canonical)) {
            let message = format!("`{}` is about the playbooks beside it, and this run has others too", own.display());
            let help = "run the playbooks of one folder at a time, or move the variables to the inventory";
            return Err(Diagnostic::error(message).help(help));
        }
        all.push((folder.clone(), Origin::Playbook(index)));
    }
    let mut seen = BTreeSet::new();
    all.reverse();
    all.retain(|(folder, _)| seen.insert(known(folder)));
    all.reverse();
    Ok(all)
}

/// Reads the texts of inventories. Pure.
pub fn parse_inventory(sources: &[Arc<SourceFile>]) -> Result<(Inventory, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut draft = Draft::default();
    for source in sources {
        draft.read(source);
    }
    resolve::resolve(draft)
}

impl Draft {
    /// Adds a text of any dialect.
    fn read(&mut self, source: &Arc<SourceFile>) {
        match form::of_text(source) {
            Err(problem) => self.problems.push(problem),
            Ok(form::Form::Ini) => self.read_ini(source),
            Ok(form::Form::Yaml) => self.read_yaml(source),
        }
    }
}

#[cfg(test)]
mod tests;
