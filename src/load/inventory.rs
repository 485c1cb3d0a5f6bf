//! The inventory: hosts, groups, their variables and how to reach them.
//!
//! Ansible's YAML inventory and the native one have the same shape; they differ only in the spelling of connection
//! keys. INI files, directories and executables are refused. Nothing is rendered: a variable that holds `{{ … }}` keeps
//! its text. As in Ansible a group's variables come before those of its children, groups of one depth go by name, and
//! a host's own variables come last; a later file wins over an earlier one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::{Diagnostic, HostName, SourceFile, Target, Vars};

use super::read_file::read_file;

mod connection;
mod draft;
mod form;
mod layer;
mod range;
mod resolve;
mod setting;
mod words;
mod yaml;

use draft::Draft;
pub use layer::{Definition, Entry, Layer};

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

    /// All names that are defined, each with its definitions, weakest first.
    #[must_use]
    pub fn all_definitions(&self) -> BTreeMap<&str, Vec<Definition<'_>>> {
        layer::by_name(&self.layers)
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
    let mut sources = Vec::new();
    let mut problems = Vec::new();
    let unread: Vec<Diagnostic> = paths.iter().flat_map(|path| unread_folders(path)).collect();
    for path in paths {
        match form::refuse_by_metadata(path).and_then(|()| read_file(path)) {
            Ok(source) => sources.push(source),
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let (inventory, mut warnings) = parse_inventory(&sources)?;
    warnings.extend(unread);
    Ok((inventory, warnings))
}

/// Ansible reads variables from folders beside an inventory; who has them there shall know that they are missing here.
fn unread_folders(inventory: &Path) -> Vec<Diagnostic> {
    let folder = inventory.parent().unwrap_or(Path::new(""));
    let found = ["group_vars", "host_vars"].into_iter().map(|name| folder.join(name)).filter(|path| path.is_dir());
    found
        .map(|path| {
            Diagnostic::warning(format!("`{}` is not read by this version", path.display()))
                .help("write its variables into the inventory, as `vars:` of a group or below a host")
        })
        .collect()
}

/// Reads the texts of inventories. Pure.
pub fn parse_inventory(sources: &[Arc<SourceFile>]) -> Result<(Inventory, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut draft = Draft::default();
    for source in sources {
        match form::refuse_by_text(source, Path::new(&source.name)) {
            Some(problem) => draft.problems.push(problem),
            None => draft.read_yaml(source),
        }
    }
    resolve::resolve(draft)
}

#[cfg(test)]
mod tests;
