//! The types of a playbook as it is written: nothing is rendered yet, everything knows its place.
//!
//! Strings may hold `{{ … }}`; they stay text here. Where a typed value is expected (`enabled`, `instances`), an
//! [`Expr`] is either that value or a template for it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use crate::model::{ManifestName, OnChange, RunState, SourceFile, Vars};

use super::selector::Selector;
use super::spans::Spans;

/// A typed value, or the text of a template that yields one.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the variants are their names")]
pub enum Expr<T> {
    Literal(T),
    Template(String),
}

/// A key of ours that may be absent (a default decides), `null` (not ours to say) or set.
#[derive(Clone, Debug, PartialEq, Default)]
#[expect(missing_docs, reason = "the variants are their names")]
pub enum Setting<T> {
    #[default]
    Inherit,
    NotOurs,
    Is(Expr<T>),
}

/// One condition of `when:`.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// `true` or `false`.
    Literal(bool),
    /// An expression as Ansible writes it, without braces.
    Expression(String),
    /// `"{{ … }}"`.
    Template(String),
}

/// What an entry is about and when: on which hosts it is there at all, and by which words a run selects it.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// All of them have to hold.
    pub when: Vec<Condition>,
    /// Plain words; an entry has those of its manifest as well.
    pub tags: BTreeSet<String>,
}

/// `hold: {reason, until}`
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "keys under their own names")]
pub struct HoldEntry {
    pub reason: String,
    /// A date or a time as written, checked unless it is a template.
    pub until: Option<String>,
}

/// One playbook file.
#[derive(Clone, Debug)]
pub struct Playbook {
    /// The file as the user gave it.
    pub path: PathBuf,
    /// The project's root: the nearest folder upward with a `unitfleet.yaml`, else the playbook's own folder.
    /// `source:` and templates never leave it.
    pub root: PathBuf,
    /// Its text, for snippets.
    pub source: Arc<SourceFile>,
    /// One per YAML document, in order.
    pub manifests: Vec<Manifest>,
}

/// `default_target:`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DefaultTarget {
    /// The name of a target; may hold `{{ … }}`.
    Named(String),
    /// `{absent: true}`: what an earlier run has set is taken away, and the package's default holds again.
    Absent,
}

/// One document of a playbook.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "CONTRACT keys under their own names")]
pub struct Manifest {
    /// Where everything stands; paths start at this document.
    pub spans: Spans,
    pub name: ManifestName,
    /// The selector as written.
    pub hosts: String,
    /// The same, read; with what its files hold, if the playbook was read from a disk.
    pub selector: Selector,
    pub selection: Selection,
    pub defaults: Vars,
    pub vars: Vars,
    pub secrets: BTreeMap<String, SecretEntry>,
    pub users: BTreeMap<String, UserEntry>,
    pub directories: BTreeMap<String, DirectoryEntry>,
    pub files: BTreeMap<String, FileEntry>,
    pub unit_defaults: UnitDefaults,
    pub units: BTreeMap<String, UnitEntry>,
    pub default_target: Option<DefaultTarget>,
}

/// `secrets: {NAME: …}`: where a secret comes from; texts may hold `{{ … }}`.
#[derive(Clone, Debug, PartialEq)]
pub enum SecretEntry {
    /// `command:` a program and its arguments, run without a shell.
    Command(Vec<String>),
    /// `env:` the name of an environment variable.
    Env(String),
    /// `file:` a path, relative to the playbook, or absolute.
    File(String),
}

/// `users: {NAME: …}`
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "keys under their own names")]
pub struct UserEntry {
    pub absent: Option<Expr<bool>>,
    pub adopt: Option<Expr<bool>>,
    pub selection: Selection,
    pub system: Option<Expr<bool>>,
    /// A number, or a template for one.
    pub uid: Option<String>,
    /// A number, the name of a group, or a template for one of them.
    pub gid: Option<String>,
    /// Names; in a literal list each may hold a template.
    pub groups: Option<Expr<Vec<String>>>,
    pub create_home: Option<Expr<bool>>,
    pub home: Option<String>,
    pub shell: Option<String>,
}

/// `directories: {PATH: …}`
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "keys under their own names")]
pub struct DirectoryEntry {
    pub absent: Option<Expr<bool>>,
    pub adopt: Option<Expr<bool>>,
    pub selection: Selection,
    pub owner: Option<String>,
    pub group: Option<String>,
    /// As text, `"0755"` or a template. A YAML number is refused: 0755 and 755 would not mean the same.
    pub mode: Option<String>,
    pub recurse: Option<Expr<bool>>,
}

/// A command to be run on a host, without a shell.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// One text: rendered, then split into words at blanks outside quotes.
    Text(String),
    /// Its words, each rendered by itself.
    Words(Vec<String>),
}

/// Where a text comes from. At most one is set.
#[derive(Clone, Debug, Default)]
pub struct TextSource {
    /// `template:` a template's name.
    pub template: Option<String>,
    /// `content:` the text itself; may hold `{{ … }}`.
    pub content: Option<String>,
    /// `source:` a file beside the playbook, taken byte for byte.
    pub source: Option<String>,
    /// `vars:` more variables for this text, stronger than the manifest's.
    pub vars: Vars,
}

/// `files: {PATH: …}`
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "keys under their own names")]
pub struct FileEntry {
    pub absent: Option<Expr<bool>>,
    pub adopt: Option<Expr<bool>>,
    pub selection: Selection,
    pub text: TextSource,
    /// Where a link at this path points to; then there is no text.
    pub symlink: Option<String>,
    pub owner: Option<String>,
    pub group: Option<String>,
    pub mode: Option<String>,
    /// Must accept the new file before it is installed.
    pub validate: Option<Command>,
}

/// `unit_defaults:`
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "keys under their own names")]
pub struct UnitDefaults {
    pub enabled: Setting<bool>,
    pub state: Setting<RunState>,
    pub on_change: Option<Expr<OnChange>>,
    pub hold: Setting<HoldEntry>,
}

/// Capitalised keys: section → directive → values, in the order in which they were written.
pub type Sections = Vec<(String, Vec<(String, DirectiveValue)>)>;

/// The value of a directive as written in YAML.
#[derive(Clone, Debug, PartialEq)]
pub enum DirectiveValue {
    /// `yes` or `no`.
    Bool(bool),
    /// A number, as it was written.
    Number(String),
    /// systemd's own syntax, verbatim; may hold `{{ … }}`.
    Text(String),
    /// The directive, repeated.
    List(Vec<DirectiveValue>),
    /// `Environment: {K: v}`: quoted by us, in the order written. Only `Environment` may have it.
    Map(Vec<(String, DirectiveValue)>),
}

/// A file that a unit reads, as `watch:` gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are their names")]
pub struct Watched {
    pub path: String,
    /// What its change does, where that is said: else `on_change` says it.
    pub reload: Option<bool>,
}

/// `units: {NAME: …}`
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "keys under their own names")]
pub struct UnitEntry {
    pub absent: Option<Expr<bool>>,
    pub adopt: Option<Expr<bool>>,
    pub selection: Selection,
    pub sections: Sections,
    pub text: TextSource,
    pub drop_ins: BTreeMap<String, DropInEntry>,
    pub enabled: Setting<bool>,
    pub state: Setting<RunState>,
    pub masked: Setting<bool>,
    pub watch: Vec<Watched>,
    pub on_change: Option<Expr<OnChange>>,
    /// Instance strings: numbers and texts, or a template that yields a list.
    pub instances: Option<Expr<Vec<String>>>,
    pub hold: Setting<HoldEntry>,
    /// By name, what the service finds in its directory of credentials.
    pub credentials: BTreeMap<String, String>,
}

/// `drop_ins: {NAME: …}`
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "keys under their own names")]
pub struct DropInEntry {
    pub absent: Option<Expr<bool>>,
    pub adopt: Option<Expr<bool>>,
    /// Conditions only: a drop-in is planned with its unit or not at all.
    pub when: Vec<Condition>,
    pub sections: Sections,
    pub text: TextSource,
}
