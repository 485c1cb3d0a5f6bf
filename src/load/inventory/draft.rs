//! Groups and hosts as the files name them, before anything is inherited.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use crate::load::allowed::{Fields, Keys, Notes, found, in_order};
use crate::load::document::read_documents;
use crate::load::node::{Dialect, Node};
use crate::model::{Diagnostic, HostName, SourceFile, Vars};

use super::connection::{self, Connection};
use super::range::{MAX_HOSTS, expand};

pub(in crate::load) const GROUP: Keys =
    Keys { of: "a group", now: &["hosts", "children", "vars"], later: &[], sections: false };

/// A place in one of the files.
pub(super) type At = (Arc<SourceFile>, Range<usize>);

/// Everything that was read so far.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) problems: Vec<Diagnostic>,
    pub(super) hosts: BTreeMap<HostName, Own>,
    /// Hosts in the order in which they were first named.
    pub(super) order: Vec<HostName>,
    pub(super) groups: BTreeMap<String, DraftGroup>,
    warned: BTreeSet<String>,
}

/// What a host or group says itself.
#[derive(Default)]
pub(super) struct Own {
    pub(super) connection: Connection,
    pub(super) vars: Vars,
}

/// One group, merged over all places that name it.
#[derive(Default)]
pub(super) struct DraftGroup {
    pub(super) own: Own,
    pub(super) hosts: BTreeSet<HostName>,
    /// Direct children, each with the place that makes it one; what is built in has none.
    pub(super) children: BTreeMap<String, Option<At>>,
    /// Where it is first named.
    pub(super) at: Option<At>,
}

impl Own {
    /// Later values win.
    fn merge(&mut self, connection: &Connection, vars: Vars) {
        self.connection.overlay(connection);
        self.vars.extend(vars);
    }
}

impl Draft {
    /// Adds a file.
    pub(super) fn read(&mut self, source: &Arc<SourceFile>) {
        let documents = match read_documents(source) {
            Ok(documents) => documents,
            Err(problems) => return self.problems.extend(problems),
        };
        let mut notes = Notes::new(source);
        let mut filled = documents.iter().map(super::super::document::Document::root);
        let first = filled.find(|root| !root.is_null());
        match (first, filled.find(|root| !root.is_null())) {
            (None, _) => notes.error(0..0, "the inventory is empty", "name hosts below `all:` and `hosts:`"),
            (_, Some(second)) => {
                let start = second.span().start;
                let message = "an inventory is one YAML document, and a second one begins here";
                notes.error(start..start, message, "take the `---` away, or use two files");
            }
            (Some(root), None) => self.groups_of_root(root, &mut notes),
        }
        in_order(&mut notes.list);
        self.problems.append(&mut notes.list);
    }

    fn groups_of_root(&mut self, root: Node<'_>, notes: &mut Notes<'_>) {
        if let Some(bad) = root.bad_merge() {
            let help = "`<<` takes an alias such as `*defaults`, or a list of them";
            notes.error(bad.span(), format!("only a mapping can be merged, but {}", found(bad)), help);
            return;
        }
        let Some(entries) = root.entries(Dialect::Inventory) else {
            let start = root.span().start;
            let message = format!("an inventory is a mapping of groups, but {}", found(root));
            notes.error(start..start, message, "begin with `all:` and, below it, `hosts:`");
            return;
        };
        for (name, node) in entries {
            if matches!(name, "hosts" | "children" | "vars") {
                let message = format!("`{name}` stands at the top, where the names of groups stand");
                notes.error(node.key_span(), message, "put it below `all:`");
            } else {
                self.group(name, node, notes);
            }
        }
    }

    fn group(&mut self, name: &str, node: Node<'_>, notes: &mut Notes<'_>) {
        if !is_group_name(name) {
            let message = format!("`{}` cannot name a group", name.escape_debug());
            notes.error(node.key_span(), message, "use letters, digits, `_`, `-` and `.`");
            return;
        }
        let at = (Arc::clone(notes.source), node.key_span());
        self.groups.entry(name.to_owned()).or_default().at.get_or_insert(at);
        let Some(fields) = Fields::read(node, &GROUP, Dialect::Inventory, notes) else {
            return;
        };
        if let Some((connection, vars)) = fields.get("vars").and_then(|node| self.own(node, notes)) {
            self.group_mut(name).own.merge(&connection, vars);
        }
        if let Some(node) = fields.get("hosts").filter(|node| !node.is_null()) {
            self.hosts_of(name, node, notes);
        }
        if let Some(node) = fields.get("children").filter(|node| !node.is_null()) {
            self.children_of(name, node, notes);
        }
    }

    fn group_mut(&mut self, name: &str) -> &mut DraftGroup {
        self.groups.entry(name.to_owned()).or_default()
    }

    fn own(&mut self, node: Node<'_>, notes: &mut Notes<'_>) -> Option<(Connection, Vars)> {
        if node.is_null() {
            return None;
        }
        let Some(entries) = node.entries(Dialect::Inventory) else {
            let message = format!("variables are a mapping, but {}", found(node));
            notes.error(node.span(), message, "write `name: value` lines");
            return None;
        };
        Some(connection::take(entries, &mut self.warned, notes))
    }

    fn hosts_of(&mut self, group: &str, node: Node<'_>, notes: &mut Notes<'_>) {
        let Some(entries) = names_below("hosts", node, notes) else {
            return;
        };
        for (pattern, node) in entries {
            let own = self.own(node, notes);
            for host in self.expanded(pattern, node, notes) {
                if !self.hosts.contains_key(&host) {
                    self.order.push(host.clone());
                }
                let known = self.hosts.entry(host.clone()).or_default();
                if let Some((connection, vars)) = &own {
                    known.merge(connection, vars.clone());
                }
                self.group_mut(group).hosts.insert(host);
            }
        }
    }

    fn expanded(&self, pattern: &str, node: Node<'_>, notes: &mut Notes<'_>) -> Vec<HostName> {
        let names = match expand(pattern, MAX_HOSTS) {
            Ok(names) => names,
            Err((message, help)) => {
                notes.error(node.key_span(), message, help);
                return Vec::new();
            }
        };
        if names.len() > 1 && self.hosts.len() + names.len() > MAX_HOSTS {
            let help = format!("an inventory holds at most {MAX_HOSTS} hosts");
            notes.error(node.key_span(), format!("with `{pattern}` there are too many hosts"), help);
            return Vec::new();
        }
        let mut hosts = Vec::new();
        for name in names {
            if let Some((host, port)) = with_port(&name) {
                let message = format!("`{name}` names a port");
                notes.error(node.key_span(), message, format!("write `{host}: {{port: {port}}}`"));
                break;
            }
            match HostName::parse(&name) {
                Ok(host) => hosts.push(host),
                Err(error) => {
                    let help = "a key below `hosts:` is a host's name; its address is `address:`";
                    notes.error(node.key_span(), error.to_string(), help);
                    break;
                }
            }
        }
        hosts
    }

    fn children_of(&mut self, parent: &str, node: Node<'_>, notes: &mut Notes<'_>) {
        let Some(entries) = names_below("children", node, notes) else {
            return;
        };
        for (child, node) in entries {
            self.group(child, node, notes);
            if is_group_name(child) {
                let at = (Arc::clone(notes.source), node.key_span());
                self.group_mut(parent).children.entry(child.to_owned()).or_insert(Some(at));
            }
        }
    }
}

fn names_below<'a>(key: &str, node: Node<'a>, notes: &mut Notes<'_>) -> Option<Vec<(&'a str, Node<'a>)>> {
    let entries = node.entries(Dialect::Inventory);
    if entries.is_none() {
        let items = node.items().unwrap_or_default();
        let first = items.first().and_then(Node::text).or(node.text());
        let first = first.and_then(|text| text.split_whitespace().next()).unwrap_or("web1");
        let things = if key == "hosts" { "host" } else { "group" };
        let message = format!("`{key}` is a mapping from names, but {}", found(node));
        let help = format!("write each {things} as a key with a colon, on a line of its own: `{first}:`");
        notes.error(node.span(), message, help);
    }
    entries
}

/// Characters that selectors or ranges give a meaning to cannot be part of a group's name.
fn is_group_name(name: &str) -> bool {
    let fine = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    !name.is_empty() && !name.starts_with('-') && name.chars().all(fine)
}

/// `web1:2222`, which Ansible reads as host and port. An address of IPv6 has more colons.
fn with_port(name: &str) -> Option<(&str, u16)> {
    let (host, port) = name.split_once(':')?;
    Some((host, port.parse().ok()?)).filter(|(host, _)| !host.is_empty())
}
