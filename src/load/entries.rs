//! Users, directories, files and what they share: `absent`, sources of text.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Component, Path};

use crate::model::{AbsPath, UserName, Vars};

use super::allowed::{Fields, Keys, Notes, colon_help, found};
use super::manifest::{DirectoryEntry, Expr, FileEntry, TextSource, UserEntry};
use super::node::{Dialect, Node};
use super::selection::selection;
use super::{accounts, file_keys, leaf};

pub(super) const USER: Keys = Keys {
    of: "a user",
    now: &["absent", "adopt", "system", "uid", "gid", "groups", "home", "create_home", "shell", "tags", "when"],
    later: &[],
    sections: false,
};
pub(super) const DIRECTORY: Keys = Keys {
    of: "a directory",
    now: &["absent", "adopt", "owner", "group", "mode", "recurse", "tags", "when"],
    later: &[],
    sections: false,
};
pub(super) const FILE: Keys = Keys {
    of: "a file",
    now: &[
        "absent", "adopt", "template", "content", "source", "symlink", "vars", "owner", "group", "mode", "validate",
        "tags", "when",
    ],
    later: &[],
    sections: false,
};

const PATH_HELP: &str = "write the full path on the host";
const USER_HELP: &str = "write the name of a user or group, such as `www-data`";

/// A mapping from names to things. `null` is an empty one.
pub(super) fn named<'a, T>(
    node: Option<Node<'a>>,
    notes: &mut Notes<'_>,
    mut read: impl FnMut(&'a str, Node<'a>, &mut Notes<'_>) -> Option<T>,
) -> BTreeMap<String, T> {
    let Some(node) = node.filter(|node| !node.is_null()) else {
        return BTreeMap::new();
    };
    let Some(entries) = node.entries(Dialect::Playbook) else {
        let key = node.key_name();
        let message = format!("`{key}` is a mapping from names, but {}", found(node));
        notes.error(node.span(), message, format!("below `{key}:`, write each name as a key with a colon"));
        return BTreeMap::new();
    };
    let things = entries.into_iter();
    things.filter_map(|(name, node)| Some((name.to_owned(), read(name, node, notes)?))).collect()
}

pub(super) fn user(name: &str, node: Node<'_>, notes: &mut Notes<'_>) -> Option<UserEntry> {
    if let Err(error) = UserName::parse(name) {
        let help = "use up to 32 letters, digits, `-`, `_` and `.`; templates are not read in names of users";
        notes.error(node.key_span(), error.to_string(), help);
    }
    let fields = Fields::read(node, &USER, Dialect::Playbook, notes)?;
    let absent = absent(&fields, notes);
    let get = |key| fields.get(key);
    let numbers = accounts::ids(name, &fields, notes);
    let create_home = accounts::create_home(&fields, notes);
    Some(UserEntry {
        absent,
        adopt: adopt(&fields, notes),
        selection: selection(&fields, notes),
        system: get("system").and_then(|node| leaf::flag(node, notes)),
        uid: numbers.uid,
        gid: numbers.gid,
        groups: numbers.groups,
        create_home,
        home: get("home").and_then(|node| leaf::checked(node, notes, AbsPath::parse, PATH_HELP)),
        shell: get("shell").and_then(|node| leaf::checked(node, notes, AbsPath::parse, PATH_HELP)),
    })
}

pub(super) fn directory(path: &str, node: Node<'_>, notes: &mut Notes<'_>) -> Option<DirectoryEntry> {
    host_path(path, node, notes);
    let fields = Fields::read(node, &DIRECTORY, Dialect::Playbook, notes)?;
    let absent = absent(&fields, notes);
    let (owner, group, mode) = ownership(&fields, notes);
    let (adopt, selection) = (adopt(&fields, notes), selection(&fields, notes));
    Some(DirectoryEntry { absent, adopt, selection, owner, group, mode, recurse: file_keys::recurse(&fields, notes) })
}

pub(super) fn file(path: &str, node: Node<'_>, notes: &mut Notes<'_>) -> Option<FileEntry> {
    host_path(path, node, notes);
    let fields = Fields::read(node, &FILE, Dialect::Playbook, notes)?;
    let absent = absent(&fields, notes);
    let text = text_source(&fields, None, notes);
    let symlink = file_keys::symlink(path, &fields, notes);
    let given = ["absent", "template", "content", "source", "symlink"];
    if !given.iter().any(|key| fields.get(key).is_some()) {
        let help = "write `template:`, `content:`, `source:` or `symlink:`";
        notes.error(node.key_span(), format!("nothing says what is in `{path}`"), help);
    }
    let (owner, group, mode) = ownership(&fields, notes);
    let (adopt, selection) = (adopt(&fields, notes), selection(&fields, notes));
    let validate = file_keys::validate(&fields, notes);
    Some(FileEntry { absent, adopt, selection, text, symlink, owner, group, mode, validate })
}

/// What may stand beside `absent: true`: on which hosts and in which runs it is meant, and whose thing may go.
const BESIDE_ABSENT: [&str; 5] = ["absent", "adopt", "hold", "tags", "when"];

/// `adopt:`.
pub(super) fn adopt(fields: &Fields<'_>, notes: &mut Notes<'_>) -> Option<Expr<bool>> {
    fields.get("adopt").and_then(|node| leaf::flag(node, notes))
}

/// `absent:`. What is removed has no other properties.
pub(super) fn absent(fields: &Fields<'_>, notes: &mut Notes<'_>) -> Option<Expr<bool>> {
    let node = fields.get("absent")?;
    let absent = leaf::flag(node, notes)?;
    let other = fields.entries.iter().find(|(key, _)| !BESIDE_ABSENT.contains(key));
    if let (Expr::Literal(true), Some((key, other))) = (&absent, other) {
        notes.error_pair(
            (other.key_span(), ""),
            (node.key_span(), "removed by this"),
            format!("`{key}` stands beside `absent: true`"),
            "what is removed has no other keys; take one of the two away",
        );
    }
    Some(absent)
}

/// The one source of a text. `sections`: where the first section stands, if the text is written as sections.
pub(super) fn text_source(fields: &Fields<'_>, sections: Option<Range<usize>>, notes: &mut Notes<'_>) -> TextSource {
    let mut given: Vec<(&str, Range<usize>)> = ["template", "content", "source"]
        .into_iter()
        .filter_map(|key| Some((key, fields.get(key)?.key_span())))
        .collect();
    if let Some(span) = sections {
        given.push(("sections", span));
        given.sort_by_key(|(_, span)| span.start);
    }
    if let [(first, first_span), (second, second_span), ..] = given.as_slice() {
        let name = |key: &str| {
            if key == "sections" { "sections".to_owned() } else { format!("`{key}`") }
        };
        notes.error_pair(
            (second_span.clone(), ""),
            (first_span.clone(), "the other source"),
            format!("the text comes from {} and from {}", name(first), name(second)),
            "keep one of them",
        );
    }
    let get = |key| fields.get(key);
    let template = get("template").and_then(|node| leaf::text(node, notes));
    let content = get("content").and_then(|node| leaf::text(node, notes));
    let source = get("source").and_then(|node| source_path(node, notes));
    TextSource { template, content, source, vars: vars(get("vars"), notes) }
}

/// A mapping of variables; `null` is an empty one.
pub(super) fn vars(node: Option<Node<'_>>, notes: &mut Notes<'_>) -> Vars {
    let Some(node) = node.filter(|node| !node.is_null()) else {
        return Vars::new();
    };
    node.vars(Dialect::Playbook).unwrap_or_else(|| {
        let message = format!("`{}` is a mapping of variables, but {}", node.key_name(), found(node));
        let help = colon_help(node).unwrap_or_else(|| "write `name: value` lines below it".to_owned());
        notes.error(node.span(), message, help);
        Vars::new()
    })
}

fn source_path(node: Node<'_>, notes: &mut Notes<'_>) -> Option<String> {
    let text = leaf::text(node, notes)?;
    let path = Path::new(&text);
    let problem = if text.is_empty() {
        "`source` is empty".to_owned()
    } else if path.is_absolute() || text.starts_with('~') {
        format!("`source: {text}` is not relative to the playbook")
    } else if path.components().any(|part| part == Component::ParentDir) {
        format!("`source: {text}` leads out of its folder by `..`")
    } else {
        return Some(text);
    };
    let help = "name a file beside the playbook or below it, such as `files/app.py`";
    notes.error(node.span(), problem, help);
    None
}

fn ownership(fields: &Fields<'_>, notes: &mut Notes<'_>) -> (Option<String>, Option<String>, Option<String>) {
    let get = |key| fields.get(key);
    (
        get("owner").and_then(|node| leaf::checked(node, notes, UserName::parse, USER_HELP)),
        get("group").and_then(|node| leaf::checked(node, notes, UserName::parse, USER_HELP)),
        get("mode").and_then(|node| leaf::mode(node, notes)),
    )
}

fn host_path(path: &str, node: Node<'_>, notes: &mut Notes<'_>) {
    if leaf::is_template(path) {
        return;
    }
    if let Err(error) = AbsPath::parse(path) {
        notes.error(node.key_span(), error.to_string(), "write the full path on the host, such as `/etc/app.env`");
    }
}
