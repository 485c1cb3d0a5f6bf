//! Inventories in YAML: Ansible's `all`, `children`, `hosts`, `vars`; the native one has the same shape.

use std::ops::Range;
use std::sync::Arc;

use crate::load::allowed::{Fields, Keys, Notes, found, in_order};
use crate::load::document::{Document, read_documents};
use crate::load::json_document::read_json;
use crate::load::node::{Dialect, Node};
use crate::model::SourceFile;

use super::draft::{Draft, is_group_name};
use super::listing::is_listing;
use super::setting::Setting;

pub(in crate::load) const GROUP: Keys =
    Keys { of: "a group", now: &["hosts", "children", "vars"], later: &[], sections: false };

impl Draft {
    /// Adds a file in YAML, or JSON.
    pub(super) fn read_yaml(&mut self, source: &Arc<SourceFile>) {
        // JSON is YAML, but for tabs and some escapes; what scripts print may be kept in a file.
        if source.text.trim_start().starts_with('{')
            && let Ok(document) = read_json(source)
        {
            return self.read_document(source, &document);
        }
        let documents = match read_documents(source) {
            Ok(documents) => documents,
            Err(problems) => return self.problems.extend(problems),
        };
        let mut notes = Notes::new(source);
        let mut filled = documents.iter().filter(|document| !document.root().is_null());
        match (filled.next(), filled.next()) {
            (None, _) => notes.error(0..0, "the inventory is empty", "name hosts below `all:` and `hosts:`"),
            (Some(document), None) => self.read_document(source, document),
            (_, Some(second)) => {
                let start = second.root().span().start;
                let message = "an inventory is one YAML document, and a second one begins here";
                notes.error(start..start, message, "take the `---` away, or use two files");
            }
        }
        self.problems.append(&mut notes.list);
    }

    fn read_document(&mut self, source: &Arc<SourceFile>, document: &Document) {
        if is_listing(document) {
            self.read_listing(source, document);
            return;
        }
        let mut notes = Notes::new(source);
        self.groups_of_root(document.root(), &mut notes);
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
        if let Some((_, node)) = entries.iter().find(|(key, node)| *key == "plugin" && node.text().is_some()) {
            let message = "this configures a plugin of Ansible's, and plugins are not run here";
            let name = &notes.source.name;
            let help = format!("keep what it finds: `ansible-inventory -i {name} --list --yaml > inventory.yaml`");
            notes.error(node.key_span(), message, help);
            return;
        }
        let text = |wanted: &str| entries.iter().any(|(key, node)| *key == wanted && node.value().is_string());
        if text("name") && text("hosts") {
            let start = root.span().start;
            let help = "`-i` names the inventory; playbooks stand on the command line without a flag";
            notes.error(start..start, "this is a playbook and no inventory", help);
            return;
        }
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
        if !self.declare(name, node.key_span(), notes) {
            return;
        }
        let Some(fields) = Fields::read(node, &GROUP, Dialect::Inventory, notes) else {
            return;
        };
        // In the order in which they are written: of two places that set a host's variable the later one wins.
        for (key, node) in fields.entries {
            if node.is_null() {
                continue;
            }
            match key {
                "vars" => {
                    if let Some(settings) = settings(node, notes) {
                        self.say_of_group(name, settings, notes);
                    }
                }
                "hosts" => self.hosts_of(name, node, notes),
                _ => self.children_of(name, node, notes),
            }
        }
    }

    fn hosts_of(&mut self, group: &str, node: Node<'_>, notes: &mut Notes<'_>) {
        let Some(entries) = names_below("hosts", node, notes) else {
            return;
        };
        for (pattern, span, node) in entries {
            let settings = node.and_then(|node| settings(node, notes)).unwrap_or_default();
            let (hosts, port) = self.expanded(pattern, &span, notes);
            let said = self.say_of_hosts(pattern, port, settings, notes);
            self.add_hosts(group, hosts, said.as_ref());
        }
    }

    fn children_of(&mut self, parent: &str, node: Node<'_>, notes: &mut Notes<'_>) {
        let Some(entries) = names_below("children", node, notes) else {
            return;
        };
        for (child, span, node) in entries {
            match node {
                Some(node) => self.group(child, node, notes),
                None => drop(self.declare(child, span.clone(), notes)),
            }
            if is_group_name(child) {
                let at = (Arc::clone(notes.source), span);
                self.group_mut(parent).add_child(child, Some(at));
            }
        }
    }
}

/// The variables of a group or host; `None`, with an error, where they are no mapping.
pub(super) fn settings(node: Node<'_>, notes: &mut Notes<'_>) -> Option<Vec<Setting>> {
    let Some(entries) = node.entries(Dialect::Inventory) else {
        let message = format!("variables are a mapping, but {}", found(node));
        notes.error(node.span(), message, "write `name: value` lines");
        return None;
    };
    Some(entries.into_iter().map(|(name, node)| Setting::of_node(name, node)).collect())
}

/// A name, where it stands, and what is said below it.
type Named<'a> = (&'a str, Range<usize>, Option<Node<'a>>);

fn names_below<'a>(key: &str, node: Node<'a>, notes: &mut Notes<'_>) -> Option<Vec<Named<'a>>> {
    // One name needs no colon: so says Ansible's documentation.
    let one = node.text().filter(|_| node.value().is_string());
    if let Some(name) = one.filter(|name| !name.is_empty() && !name.contains(char::is_whitespace)) {
        return Some(vec![(name, node.span(), None)]);
    }
    let Some(entries) = node.entries(Dialect::Inventory) else {
        let items = node.items().unwrap_or_default();
        let first = items.first().and_then(Node::text).or(node.text());
        let first = first.and_then(|text| text.split_whitespace().next()).unwrap_or("web1");
        let things = if key == "hosts" { "host" } else { "group" };
        let message = format!("`{key}` is a mapping from names, but {}", found(node));
        let help = format!("write each {things} as a key with a colon, on a line of its own: `{first}:`");
        notes.error(node.span(), message, help);
        return None;
    };
    let named =
        entries.into_iter().map(|(name, node)| (name, node.key_span(), Some(node).filter(|node| !node.is_null())));
    Some(named.collect())
}
