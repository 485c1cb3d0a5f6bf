//! `unitfleet.yaml`: it marks a project's root and holds defaults for flags.
//!
//! The file belongs to everybody who works on the project, so it holds what is the project's own: where its inventory
//! and templates are, how fast and how strictly it is worked on. Whether new host keys are trusted, and colours, are
//! left to who types the command: a file in a checkout must not decide the one, and cannot know the other.
//!
//! A run has one project. Playbooks below two different `unitfleet.yaml` are refused, because the settings of one of
//! them would be dropped without a word; a playbook outside of any project goes with everything. Templates and
//! `source:` still follow each playbook's own root.

use std::ops::{Range, RangeInclusive};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::model::{Diagnostic, SourceFile};

use super::allowed::{Fields, Keys, Notes, colon_help, found, in_order};
use super::document::read_documents;
use super::leaf;
use super::manifest::Expr;
use super::node::{Dialect, Node};
use super::read_file::read_file;

/// The marker of a project's root.
pub const ROOT_FILE: &str = "unitfleet.yaml";

/// What `jobs` and `--jobs` may be.
pub const JOBS: RangeInclusive<u64> = 1..=1000;
/// What `timeout` and `--timeout` may be, in seconds.
pub const TIMEOUT: RangeInclusive<u64> = 1..=3600;
/// What `persist` and `--persist` may be, in seconds.
pub const PERSIST: RangeInclusive<u64> = 0..=86_400;
/// What `settle` and `--settle` may be, in seconds.
pub const SETTLE: RangeInclusive<u64> = 0..=600;

pub(super) const PROJECT: Keys = Keys {
    of: "a project's settings",
    now: &["inventory", "templates", "jobs", "persist", "timeout", "settle", "strict"],
    later: &[],
    sections: false,
};

/// Defaults for flags. What the file does not say is `None` or empty.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the keys of the file, under their own names")]
pub struct Settings {
    pub inventory: Vec<NamedPath>,
    pub templates: Vec<NamedPath>,
    pub jobs: Option<u16>,
    pub persist: Option<u64>,
    pub timeout: Option<u64>,
    pub settle: Option<u64>,
    pub strict: Option<bool>,
    /// The folder of the file, as it is best named from here; `None` outside of a project.
    pub root: Option<PathBuf>,
}

/// A path that the file names, with its place.
#[derive(Clone, Debug)]
pub struct NamedPath {
    path: PathBuf,
    source: Arc<SourceFile>,
    span: Range<usize>,
}

impl NamedPath {
    /// The path, usable from here; or what is wrong with it, at the place that names it.
    pub fn resolve(&self, want_folder: bool) -> Result<PathBuf, Diagnostic> {
        let problem = match std::fs::metadata(&self.path) {
            Ok(metadata) if want_folder && !metadata.is_dir() => "it is not a folder".to_owned(),
            Ok(_) => return Ok(self.path.clone()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            Err(error) => error.to_string(),
        };
        let message = format!("cannot use `{}`: {problem}", self.path.display());
        let help = format!("paths here are relative to the folder of `{ROOT_FILE}`");
        Err(Diagnostic::error(message).at(&self.source, self.span.clone(), "").help(help))
    }
}

/// The settings of the project that the playbooks belong to; without playbooks, of the current folder's.
pub fn read_project(playbooks: &[PathBuf]) -> Result<Settings, Vec<Diagnostic>> {
    let mut found: Option<(PathBuf, &Path)> = None;
    let here = [PathBuf::from(ROOT_FILE)];
    let from = if playbooks.is_empty() { &here } else { playbooks };
    for path in from {
        let Some(root) = marked_root(path) else { continue };
        match &found {
            None => found = Some((root, path)),
            Some((first, _)) if same_folder(first, &root) => {}
            Some((first, other)) => {
                let (one, two) = (seen_from_here(first), seen_from_here(&root));
                let message = format!("`{}` and `{}` belong to two projects", other.display(), path.display());
                let help = format!(
                    "apply them one after the other: `{}` and `{}` each have settings of their own",
                    one.join(ROOT_FILE).display(),
                    two.join(ROOT_FILE).display()
                );
                return Err(vec![Diagnostic::error(message).help(help)]);
            }
        }
    }
    let Some((root, _)) = found else { return Ok(Settings::default()) };
    let root = seen_from_here(&root);
    let source = read_file(&root.join(ROOT_FILE)).map_err(|problem| vec![problem])?;
    parse_project(&source, &root)
}

/// Reads the settings. Pure: paths are only joined.
pub fn parse_project(source: &Arc<SourceFile>, root: &Path) -> Result<Settings, Vec<Diagnostic>> {
    let documents = read_documents(source)?;
    let mut notes = Notes::new(source);
    let mut filled = documents.iter().map(super::document::Document::root).filter(|root| !root.is_null());
    let first = filled.next();
    if let Some(second) = filled.next() {
        let start = second.span().start;
        let message = "settings are one YAML document, and a second one begins here";
        notes.error(start..start, message, "take the `---` away");
    }
    let mut settings = Settings::default();
    if let Some(node) = first.filter(|node| node.entries(Dialect::Playbook).is_none()) {
        let help = colon_help(node).unwrap_or_else(|| "write `key: value` lines, such as `jobs: 8`".to_owned());
        let start = node.span().start;
        notes.error(start..start, format!("settings are a mapping, but {}", found(node)), help);
    } else if let Some(node) = first
        && let Some(fields) = Fields::read(node, &PROJECT, Dialect::Playbook, &mut notes)
    {
        settings = read_fields(&fields, root, &mut notes);
    }
    settings.root = Some(root.to_path_buf());
    in_order(&mut notes.list);
    if notes.list.is_empty() { Ok(settings) } else { Err(notes.list) }
}

fn read_fields(fields: &Fields<'_>, root: &Path, notes: &mut Notes<'_>) -> Settings {
    let number = |key: &str, range: RangeInclusive<u64>, what: &str, notes: &mut Notes<'_>| {
        fields.get(key).and_then(|node| whole_number(node, &range, what, notes))
    };
    let seconds = "write a whole number of seconds";
    Settings {
        inventory: fields.get("inventory").map(|node| paths(node, root, notes)).unwrap_or_default(),
        templates: fields.get("templates").map(|node| paths(node, root, notes)).unwrap_or_default(),
        jobs: number("jobs", JOBS, "write how many hosts are worked on at the same time", notes)
            .and_then(|jobs| u16::try_from(jobs).ok()),
        persist: number("persist", PERSIST, seconds, notes),
        timeout: number("timeout", TIMEOUT, seconds, notes),
        settle: number("settle", SETTLE, seconds, notes),
        strict: fields.get("strict").and_then(|node| switch(node, notes)),
        root: None,
    }
}

fn whole_number(node: Node<'_>, range: &RangeInclusive<u64>, help: &str, notes: &mut Notes<'_>) -> Option<u64> {
    let number = node.value().as_u64();
    if number.is_some_and(|number| range.contains(&number)) {
        return number;
    }
    let (key, from, to) = (node.key_name(), range.start(), range.end());
    let message = if node.value().is_number() {
        format!("`{key}: {}` is not a whole number from {from} to {to}", node.text().unwrap_or_default())
    } else {
        format!("`{key}` is a whole number from {from} to {to}, but {}", found(node))
    };
    notes.error(node.span(), message, help);
    None
}

fn switch(node: Node<'_>, notes: &mut Notes<'_>) -> Option<bool> {
    match leaf::flag(node, notes)? {
        Expr::Literal(value) => Some(value),
        Expr::Template(_) => {
            no_template(node, node, notes);
            None
        }
    }
}

fn no_template(node: Node<'_>, item: Node<'_>, notes: &mut Notes<'_>) {
    let message = format!("`{}` cannot be a template", node.key_name());
    notes.error(item.span(), message, "settings are read before there are variables");
}

/// One path, or a list of them.
fn paths(node: Node<'_>, root: &Path, notes: &mut Notes<'_>) -> Vec<NamedPath> {
    let items = node.items().unwrap_or_else(|| vec![node]);
    let mut paths = Vec::new();
    for item in items {
        let Some(text) = leaf::text(item, notes) else { continue };
        if leaf::is_template(&text) {
            no_template(node, item, notes);
        } else if text.is_empty() {
            notes.error(
                item.span(),
                format!("`{}` names nothing", node.key_name()),
                "name a path, or leave the key out",
            );
        } else if text.starts_with('~') || text.chars().any(char::is_control) {
            let message = format!("`{}` is not a path that can be used here", text.escape_debug());
            notes.error(item.span(), message, format!("name it relative to the folder of `{ROOT_FILE}`, or in full"));
        } else {
            paths.push(NamedPath { path: root.join(&text), source: Arc::clone(notes.source), span: item.span() });
        }
    }
    paths
}

/// The root of a playbook: the nearest folder upward that is marked, else its own.
pub(super) fn root_of(path: &Path) -> PathBuf {
    marked_root(path).unwrap_or_else(|| folder_of(path))
}

fn marked_root(path: &Path) -> Option<PathBuf> {
    let folder = folder_of(path);
    folder.ancestors().find(|folder| folder.join(ROOT_FILE).is_file()).map(Path::to_path_buf)
}

fn folder_of(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let folder = absolute.parent().unwrap_or(Path::new("/"));
    // Of `/a/b/../c` the folder `/a/b` is no ancestor. Other paths are kept as they were typed, links and all.
    let leads_back = folder.components().any(|part| part == Component::ParentDir);
    leads_back.then(|| folder.canonicalize().ok()).flatten().unwrap_or_else(|| folder.to_path_buf())
}

fn same_folder(one: &Path, two: &Path) -> bool {
    one == two || one.canonicalize().ok().zip(two.canonicalize().ok()).is_some_and(|(one, two)| one == two)
}

/// A folder as a person in the current one names it: relative if it lies below it.
fn seen_from_here(folder: &Path) -> PathBuf {
    let below = std::path::absolute(".").ok().and_then(|here| folder.strip_prefix(here).ok().map(Path::to_path_buf));
    below.unwrap_or_else(|| folder.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::brief;

    fn parse(text: &str) -> Result<Settings, String> {
        let source = Arc::new(SourceFile { name: ROOT_FILE.into(), text: text.into() });
        parse_project(&source, Path::new("/p")).map_err(|problems| problems.iter().map(brief).collect())
    }

    #[test]
    fn every_setting_is_read() {
        let text = "inventory: [hosts.yaml, ../more]\ntemplates: shared\njobs: 8\npersist: 0\ntimeout: 5\nsettle: 3\nstrict: true\n";
        let settings = parse(text).unwrap();
        let paths = |named: &[NamedPath]| named.iter().map(|named| named.path.clone()).collect::<Vec<_>>();
        assert_eq!(paths(&settings.inventory), [Path::new("/p/hosts.yaml"), Path::new("/p/../more")]);
        assert_eq!(paths(&settings.templates), [Path::new("/p/shared")]);
        assert_eq!((settings.jobs, settings.persist, settings.timeout), (Some(8), Some(0), Some(5)));
        assert_eq!((settings.settle, settings.strict), (Some(3), Some(true)));
    }

    #[test]
    fn an_empty_file_only_marks_the_root() {
        for text in ["", "# ours\n", "---\n", "---\n# ours\n...\n"] {
            let settings = parse(text).unwrap();
            assert!(settings.inventory.is_empty() && settings.jobs.is_none(), "{text:?}");
        }
    }

    #[test]
    fn playbooks_of_two_projects_are_refused_and_one_outside_goes_with_any() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for project in ["a", "b"] {
            std::fs::create_dir_all(path(project).join("deep")).unwrap();
            std::fs::write(path(project).join(ROOT_FILE), "jobs: 3\n").unwrap();
        }
        let read = |names: &[&str]| read_project(&names.iter().map(|name| path(name)).collect::<Vec<_>>());
        assert_eq!(read(&["a/1.yaml", "a/deep/2.yaml", "a/deep/../3.yaml"]).unwrap().jobs, Some(3));
        assert_eq!(read(&["free.yaml", "a/1.yaml"]).unwrap().jobs, Some(3));
        assert_eq!(read(&["free.yaml"]).unwrap().jobs, None);
        assert_eq!(read(&["a/deep/../../free.yaml"]).unwrap().jobs, None);
        let refused = read(&["a/1.yaml", "b/2.yaml"]).unwrap_err();
        assert!(refused[0].message.ends_with("belong to two projects"), "{refused:?}");
    }

    #[test]
    fn a_path_that_leads_nowhere_is_said_where_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(ROOT_FILE), "inventory: hosts.yaml\ntemplates: unitfleet.yaml\n").unwrap();
        let settings = read_project(&[folder.path().join("p.yaml")]).unwrap();
        let said = brief(&settings.inventory[0].resolve(false).unwrap_err());
        assert!(said.contains("unitfleet.yaml:1:12: error: cannot use `"), "{said}");
        assert!(said.contains("hosts.yaml`: there is no such file"), "{said}");
        let said = brief(&settings.templates[0].resolve(true).unwrap_err());
        assert!(said.contains("unitfleet.yaml:2:12: error: ") && said.contains("not a folder"), "{said}");
    }
}
