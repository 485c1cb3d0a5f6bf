//! What an inventory script prints: groups as lists or mappings, and `_meta` with the variables of hosts.
//!
//! A file that holds such a text, as `ansible-inventory --list` writes it, is read in the same way.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::load::allowed::{Notes, closest, found, in_order};
use crate::load::document::Document;
use crate::load::json_document::read_json;
use crate::load::node::{Dialect, Node};
use crate::model::{HostName, SourceFile};

use super::draft::{Draft, is_group_name};
use super::yaml::settings;

const META: &str = "_meta";
const PARTS: [&str; 3] = ["hosts", "vars", "children"];

/// What is still to be asked after a listing.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Listed {
    /// Its hosts, in their order.
    pub(super) hosts: Vec<HostName>,
    /// Whether `_meta` gave their variables, so that none is asked for.
    pub(super) has_hostvars: bool,
}

/// Whether a document is such a listing.
pub(super) fn is_listing(document: &Document) -> bool {
    let entries = document.root().entries(Dialect::Playbook).unwrap_or_default();
    entries.iter().any(|(key, _)| *key == META)
}

impl Draft {
    /// Adds what a script printed for `--list`.
    pub(super) fn read_listing_text(&mut self, source: &Arc<SourceFile>) -> Listed {
        match read_json(source) {
            Ok(document) => self.read_listing(source, &document),
            Err(problems) => {
                let help =
                    "for `--list` an inventory script prints one JSON object, and nothing else, to standard output";
                self.problems.extend(problems.into_iter().map(|problem| match problem.help {
                    None => problem.help(help),
                    Some(_) => problem,
                }));
                Listed::default()
            }
        }
    }

    /// Adds a listing.
    pub(super) fn read_listing(&mut self, source: &Arc<SourceFile>, document: &Document) -> Listed {
        let mut notes = Notes::new(source);
        let mut listed = Listed::default();
        let root = document.root();
        let Some(entries) = root.entries(Dialect::Playbook) else {
            let message = format!("an inventory script prints a mapping of groups, but {}", found(root));
            notes.error(root.span(), message, "print one JSON object: `{\"web\": {\"hosts\": [\"web1\"]}}`");
            self.problems.append(&mut notes.list);
            return listed;
        };
        let mut seen = BTreeSet::new();
        for (name, node) in entries.iter().filter(|(name, _)| *name != META) {
            let hosts = self.listed_group(name, *node, &mut notes);
            listed.hosts.extend(hosts.into_iter().filter(|host| seen.insert(host.clone())));
        }
        for (_, meta) in entries.iter().filter(|(name, _)| *name == META) {
            let Some(entries) = meta.entries(Dialect::Playbook) else {
                let message = format!("`{META}` is a mapping, but {}", found(*meta));
                notes.error(meta.span(), message, "write `\"_meta\": {\"hostvars\": {\"web1\": {…}}}`");
                continue;
            };
            if let Some((_, hostvars)) = entries.iter().find(|(key, _)| *key == "hostvars") {
                listed.has_hostvars = true;
                self.hostvars(*hostvars, &listed.hosts, &seen, &mut notes);
            }
        }
        in_order(&mut notes.list);
        self.problems.append(&mut notes.list);
        listed
    }

    /// Adds what a script printed for `--host NAME`; nothing at all is no variables.
    pub(super) fn read_host_answer(&mut self, host: &HostName, source: &Arc<SourceFile>) {
        if source.text.trim().is_empty() {
            return;
        }
        let document = match read_json(source) {
            Ok(document) => document,
            Err(problems) => {
                let help = "for `--host NAME` an inventory script prints one JSON object with the host's variables";
                self.problems.extend(problems.into_iter().map(|problem| problem.help(help)));
                return;
            }
        };
        let mut notes = Notes::new(source);
        self.vars_of_host(host, document.root(), &mut notes);
        self.problems.append(&mut notes.list);
    }

    fn listed_group(&mut self, name: &str, node: Node<'_>, notes: &mut Notes<'_>) -> Vec<HostName> {
        if !self.declare(name, node.key_span(), notes) || node.is_null() {
            return Vec::new();
        }
        if node.items().is_some() {
            return self.listed_hosts(name, node, notes);
        }
        let Some(entries) = node.entries(Dialect::Playbook) else {
            let message = format!("the group `{name}` is a list of hosts or a mapping, but {}", found(node));
            notes.error(node.span(), message, "write `[\"web1\"]`, or a mapping of `hosts`, `vars` and `children`");
            return Vec::new();
        };
        let known = entries.iter().filter(|(key, _)| PARTS.contains(key)).count();
        for (key, node) in entries.iter().filter(|(key, _)| !PARTS.contains(key)) {
            if let Some(meant) = closest(key, PARTS) {
                notes.error(
                    node.key_span(),
                    format!("unknown key `{key}` in a group"),
                    format!("did you mean `{meant}`?"),
                );
                return Vec::new();
            }
            if known > 0 {
                let help = "a group has `hosts`, `vars` and `children`";
                notes.warning(node.key_span(), format!("`{key}` has no meaning in a group and is ignored"), help);
            }
        }
        if known == 0 && !entries.is_empty() {
            return self.host_as_group(name, node, notes);
        }
        let mut hosts = Vec::new();
        for (key, node) in entries.into_iter().filter(|(_, node)| !node.is_null()) {
            match key {
                "vars" => {
                    if let Some(settings) = settings(node, notes) {
                        self.say_of_group(name, settings, notes);
                    }
                }
                "hosts" => hosts.extend(self.listed_hosts(name, node, notes)),
                "children" => self.listed_children(name, node, notes),
                _ => {}
            }
        }
        hosts
    }

    /// `{"web1": {"x": 1}}`: Ansible's short form for a host with variables, in a group of its name.
    fn host_as_group(&mut self, name: &str, node: Node<'_>, notes: &mut Notes<'_>) -> Vec<HostName> {
        let Ok(host) = HostName::parse(name) else { return Vec::new() };
        self.add_hosts(name, vec![host.clone()], None);
        if let Some(settings) = settings(node, notes) {
            self.say_of_group(name, settings, notes);
        }
        vec![host]
    }

    fn listed_hosts(&mut self, group: &str, node: Node<'_>, notes: &mut Notes<'_>) -> Vec<HostName> {
        let mut hosts = Vec::new();
        for (name, node) in names(group, "hosts", node, notes) {
            match HostName::parse(name) {
                Ok(host) => hosts.push(host),
                Err(error) => {
                    let help = "a script names each host by itself; ranges are for files";
                    notes.error(node.span(), error.to_string(), help);
                }
            }
        }
        self.add_hosts(group, hosts.clone(), None);
        hosts
    }

    fn listed_children(&mut self, parent: &str, node: Node<'_>, notes: &mut Notes<'_>) {
        for (child, node) in names(parent, "children", node, notes) {
            if self.declare(child, node.span(), notes) && is_group_name(child) {
                let at = (Arc::clone(notes.source), node.span());
                self.group_mut(parent).add_child(child, Some(at));
            }
        }
    }

    fn hostvars(&mut self, node: Node<'_>, hosts: &[HostName], listed: &BTreeSet<HostName>, notes: &mut Notes<'_>) {
        if node.is_null() {
            return;
        }
        let Some(entries) = node.entries(Dialect::Playbook) else {
            let message = format!("`hostvars` is a mapping from hosts, but {}", found(node));
            notes.error(node.span(), message, "write `{\"web1\": {\"x\": 1}}`");
            return;
        };
        for (name, node) in entries {
            let Some(host) = listed.get(name).cloned() else {
                let help = match closest(name, hosts.iter().map(HostName::as_str)) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => "put it into a group; as in Ansible, what is in no group is not there".to_owned(),
                };
                notes.warning(node.key_span(), format!("`{name}` has variables here, and is in no group"), help);
                continue;
            };
            self.vars_of_host(&host, node, notes);
        }
    }

    fn vars_of_host(&mut self, host: &HostName, node: Node<'_>, notes: &mut Notes<'_>) {
        if node.is_null() {
            return;
        }
        let Some(settings) = settings(node, notes) else { return };
        if let Some(said) = self.say_of_hosts(host.as_str(), None, settings, notes) {
            self.hosts.entry(host.clone()).or_default().push(said);
        }
    }
}

/// The texts of a list.
fn names<'a>(group: &str, key: &str, node: Node<'a>, notes: &mut Notes<'_>) -> Vec<(&'a str, Node<'a>)> {
    let Some(items) = node.items() else {
        let message = format!("`{key}` of the group `{group}` is a list, but {}", found(node));
        notes.error(node.span(), message, format!("write `\"{key}\": [\"name\"]`"));
        return Vec::new();
    };
    let mut names = Vec::new();
    for item in items {
        if let Some(name) = item.value().as_str() {
            names.push((name, item));
        } else {
            let message = format!("`{key}` of the group `{group}` holds names, but {}", found(item));
            notes.error(item.span(), message, "put the name in quotes");
        }
    }
    names
}
