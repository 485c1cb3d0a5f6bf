//! A variable of the command line that is most likely misspelt: it would change nothing, and nobody would know why.
//!
//! Templates may read a variable that nothing defines, by `default(…)`, and a file of variables is often made for several
//! playbooks. So something is said only of a name that is nearly another's and stands nowhere in the playbooks.

use std::collections::BTreeSet;

use super::unused::occurrences;
use crate::load::inventory::Inventory;
use crate::load::manifest::Playbook;
use crate::model::{Diagnostic, Vars};
use crate::render;

/// A warning for each name that was meant to be another.
pub(super) fn misspelt(extra: &Vars, playbooks: &[Playbook], inventory: &Inventory) -> Vec<Diagnostic> {
    if extra.is_empty() {
        return Vec::new();
    }
    let manifests = || playbooks.iter().flat_map(|playbook| &playbook.manifests);
    let of_manifests = manifests().flat_map(|manifest| [&manifest.defaults, &manifest.vars]);
    let of_entries = manifests().flat_map(|manifest| {
        let units = manifest.units.values().map(|unit| &unit.text.vars);
        units.chain(manifest.files.values().map(|file| &file.text.vars))
    });
    let of_hosts = inventory.hosts.values().map(|host| &host.vars);
    let known: BTreeSet<&String> = of_manifests.chain(of_entries).chain(of_hosts).flat_map(Vars::keys).collect();
    let written = |name: &str| playbooks.iter().any(|playbook| occurrences(&playbook.source.text, name) > 0);
    let unknown = extra.keys().filter(|name| !known.contains(name) && !written(name));
    let told = unknown.filter_map(|name| {
        let near = render::nearest(name, &known)?;
        let message = format!("-e {name}: neither the playbook nor the inventory has a variable of this name");
        Some(Diagnostic::warning(message).help(format!("did you mean `{near}`?")))
    });
    told.collect()
}
