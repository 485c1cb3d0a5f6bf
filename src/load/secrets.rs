//! `secrets:` of a manifest, and `credentials:` of a unit.

use std::collections::{BTreeMap, BTreeSet};

use super::allowed::{Fields, Keys, Notes, found};
use super::leaf;
use super::manifest::SecretEntry;
use super::node::{Dialect, Node};

pub(super) const SECRET: Keys = Keys { of: "a secret", now: &["command", "env", "file"], later: &[], sections: false };

const SOURCES: &str = "say where it comes from: {command: [pass, show, db]}, {env: DB_PASSWORD} or {file: db.txt}";

/// One entry of `secrets:`.
pub(super) fn secret(name: &str, node: Node<'_>, notes: &mut Notes<'_>) -> Option<SecretEntry> {
    if !is_variable(name) {
        let message = format!("`{}` cannot name a secret", name.escape_debug());
        notes.error(node.key_span(), message, "templates use it as a variable: letters, digits and `_`");
    }
    // What stands there may be the secret itself: it is not repeated.
    if node.entries(Dialect::Playbook).is_none() {
        notes.error(node.key_span(), format!("nothing says where the secret `{name}` comes from"), SOURCES);
        return None;
    }
    let fields = Fields::read(node, &SECRET, Dialect::Playbook, notes)?;
    let given: Vec<_> = ["command", "env", "file"].iter().filter_map(|key| Some((*key, fields.get(key)?))).collect();
    match given.as_slice() {
        // A mistyped key has been reported.
        [] if node.entries(Dialect::Playbook).is_some_and(|entries| !entries.is_empty()) => None,
        [] => {
            notes.error(node.key_span(), format!("nothing says where the secret `{name}` comes from"), SOURCES);
            None
        }
        [("command", node)] => command(*node, notes).map(SecretEntry::Command),
        [("env", node)] => leaf::text(*node, notes).map(SecretEntry::Env),
        [(_, node)] => leaf::text(*node, notes).map(SecretEntry::File),
        [(first, one), (second, two), ..] => {
            notes.error_pair(
                (two.key_span(), ""),
                (one.key_span(), "the other source"),
                format!("the secret `{name}` comes from `{first}` and from `{second}`"),
                "keep one of them",
            );
            None
        }
    }
}

fn is_variable(name: &str) -> bool {
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    first && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn command(node: Node<'_>, notes: &mut Notes<'_>) -> Option<Vec<String>> {
    let Some(items) = node.items() else {
        let help = match node.text().map(|text| text.split_whitespace().collect::<Vec<_>>()) {
            Some(words) if !words.is_empty() && !words.iter().any(|word| word.contains(['|', '"', '\'', '$', '>'])) => {
                format!("write a list: [{}]", words.join(", "))
            }
            _ => "write a list, such as [pass, show, db]; for a pipe: [sh, -c, \"…\"]".to_owned(),
        };
        let message = format!("`command` is a list of a program and its arguments, but {}", found(node));
        notes.error(node.span(), message, help);
        return None;
    };
    if items.is_empty() {
        notes.error(node.span(), "`command` names no program", "write a list, such as [pass, show, db]");
        return None;
    }
    let words: Vec<String> = items
        .iter()
        .filter_map(|item| match item.text().filter(|_| item.value().is_string() || item.value().is_number()) {
            Some(text) => Some(text.to_owned()),
            None => leaf::text(*item, notes),
        })
        .collect();
    (words.len() == items.len()).then_some(words)
}

fn entries_of(node: Option<Node<'_>>) -> Vec<(&str, Node<'_>)> {
    node.and_then(|node| node.entries(Dialect::Playbook)).unwrap_or_default()
}

/// A secret that has the name of a variable would hide it, or be hidden by it.
pub(super) fn named_twice(secrets: Option<Node<'_>>, variables: [Option<Node<'_>>; 2], notes: &mut Notes<'_>) {
    let secrets: BTreeMap<&str, Node<'_>> = entries_of(secrets).into_iter().collect();
    for (name, node) in variables.into_iter().flat_map(entries_of) {
        if let Some(secret) = secrets.get(name) {
            notes.error_pair(
                (node.key_span(), ""),
                (secret.key_span(), "the secret"),
                format!("`{name}` is a variable and a secret"),
                "give one of them another name",
            );
        }
    }
}

/// `credentials:` of a unit: by name, each the text that the service finds in its directory of credentials.
pub(super) fn credentials(node: Option<Node<'_>>, notes: &mut Notes<'_>) -> BTreeMap<String, String> {
    let Some(node) = node.filter(|node| !node.is_null()) else {
        return BTreeMap::new();
    };
    let Some(entries) = node.entries(Dialect::Playbook) else {
        let message = format!("`credentials` is a mapping from names, but {}", found(node));
        notes.error(node.span(), message, "write {db_password: \"{{ db_password }}\"}");
        return BTreeMap::new();
    };
    let mut seen = BTreeSet::new();
    let mut credentials = BTreeMap::new();
    for (name, node) in entries {
        let fine = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if name.is_empty() || name.len() > 200 || name.starts_with('.') || !name.chars().all(fine) {
            let message = format!("`{}` cannot name a credential", name.escape_debug());
            notes.error(node.key_span(), message, "it becomes a file name: use letters, digits, `-`, `_` and `.`");
            continue;
        }
        if seen.insert(name)
            && let Some(text) = leaf::text(node, notes)
        {
            credentials.insert(name.to_owned(), text);
        }
    }
    credentials
}
