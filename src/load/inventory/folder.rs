//! Directories: inventories of several files, and the folders `group_vars/` and `host_vars/`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::load::allowed::{Notes, closest};
use crate::load::read_file::read_file;
use crate::model::{Diagnostic, HostName};

use super::connection::{self, Whose};
use super::draft::{Draft, Origin, Said};
use super::vars_file::read_mapping;
use super::yaml::settings;

/// Endings that Ansible leaves out of a directory of inventories. `.ini` was one of them until ansible-core 2.18 and is
/// none any more: who has an `.ini` file in an inventory's directory means it to be read.
const IGNORED_ENDS: [&str; 12] =
    [".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry"];
const IGNORED_NAMES: [&str; 9] =
    ["group_vars", "host_vars", "vars_plugins", "README", "LICENSE", "COPYING", "CONTRIBUTING", "VERSION", "Makefile"];
/// Endings of files of variables, in the order in which Ansible looks for them; the first that is there is read.
const VARS_ENDS: [&str; 4] = ["", ".yml", ".yaml", ".json"];
/// Directories deeper than this are a link that leads back.
const MAX_DEPTH: usize = 16;

/// The inventories that a path stands for: itself, or what a directory holds, in the order of names.
pub(super) fn sources(path: &Path, problems: &mut Vec<Diagnostic>) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_path_buf()];
    }
    let mut found = Vec::new();
    walk(path, 0, &mut found, problems);
    if found.is_empty() && problems.iter().all(|problem| !problem.is_error()) {
        let message = format!("the directory `{}` holds no inventory", path.display());
        let help = "put a file such as `hosts.yaml` into it; `.txt`, `.md`, `.cfg` and hidden files are not read";
        problems.push(Diagnostic::error(message).help(help));
    }
    found
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>, problems: &mut Vec<Diagnostic>) {
    if depth > MAX_DEPTH {
        problems
            .push(Diagnostic::error(format!("`{}` is nested too deep", folder.display())).help("is it a link back?"));
        return;
    }
    for (name, path) in entries(folder, problems) {
        if name.starts_with('.') || IGNORED_ENDS.iter().any(|end| name.ends_with(end)) {
            continue;
        }
        if IGNORED_NAMES.contains(&name.as_str()) {
            if depth > 0 && name.ends_with("_vars") {
                let message = format!("`{}` is not read", path.display());
                let help = "as in Ansible, folders of variables stand beside what `-i` names; move it there, or name this inventory itself";
                problems.push(Diagnostic::warning(message).help(help));
            }
        } else if path.is_dir() {
            walk(&path, depth + 1, found, problems);
        } else {
            found.push(path);
        }
    }
}

/// What a directory holds, in the order of names.
fn entries(folder: &Path, problems: &mut Vec<Diagnostic>) -> BTreeMap<String, PathBuf> {
    match std::fs::read_dir(folder) {
        Ok(entries) => entries
            .flatten()
            .map(|entry| (entry.file_name().to_string_lossy().into_owned(), folder.join(entry.file_name())))
            .collect(),
        Err(error) => {
            problems.push(Diagnostic::error(format!("cannot read `{}`: {error}", folder.display())));
            BTreeMap::new()
        }
    }
}

impl Draft {
    /// Reads `group_vars/` and `host_vars/` in a folder.
    pub(super) fn read_vars_beside(&mut self, folder: &Path, origin: Origin) {
        let groups: Vec<String> =
            self.groups.keys().cloned().chain(["all".to_owned(), "ungrouped".to_owned()]).collect();
        let path = folder.join("group_vars");
        for (name, files) in self.files_for(&path, &groups, "group") {
            for file in files {
                if let Some(said) = self.read_vars(&file, format!("group_vars of {name}"), origin) {
                    self.group_mut(&name).said.push(said);
                }
            }
        }
        let hosts: Vec<String> = self.hosts.keys().map(|host| host.as_str().to_owned()).collect();
        let path = folder.join("host_vars");
        for (name, files) in self.files_for(&path, &hosts, "host") {
            for file in files {
                let said = self.read_vars(&file, format!("host_vars of {name}"), origin);
                let host = HostName::parse(&name).ok().and_then(|host| self.hosts.get_mut(&host));
                if let (Some(said), Some(host)) = (said, host) {
                    host.push(said);
                }
            }
        }
    }

    /// The files of each name, in the order in which they are read; warns of those that belong to nobody.
    fn files_for(&mut self, folder: &Path, names: &[String], what: &str) -> Vec<(String, Vec<PathBuf>)> {
        if !folder.exists() {
            return Vec::new();
        }
        let mut left = entries(folder, &mut self.problems);
        let mut files: BTreeMap<&String, Vec<PathBuf>> = BTreeMap::new();
        for name in names {
            let mut first: Option<PathBuf> = None;
            for end in VARS_ENDS {
                let Some(path) = left.remove(&format!("{name}{end}")) else { continue };
                if let Some(first) = &first {
                    let message = format!("`{}` is not read, because `{}` is", path.display(), first.display());
                    let help = format!(
                        "as in Ansible only the first counts; move it into a folder `{name}/`, of which all files are read"
                    );
                    self.problems.push(Diagnostic::warning(message).help(help));
                    continue;
                }
                let found = if path.is_dir() { self.files_in(&path, 0) } else { vec![path.clone()] };
                files.insert(name, found);
                first = Some(path);
            }
        }
        let hidden = |name: &str| {
            name.starts_with('.') || name.starts_with("README") || IGNORED_ENDS.iter().any(|end| name.ends_with(end))
        };
        for (file, path) in left.into_iter().filter(|(name, _)| !hidden(name)) {
            let name = VARS_ENDS.iter().rev().find_map(|end| file.strip_suffix(end)).unwrap_or(&file);
            let help = match closest(name, names.iter().map(String::as_str)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("no inventory names a {what} `{name}`"),
            };
            let message = format!("`{}` belongs to no {what} and is not read", path.display());
            self.problems.push(Diagnostic::warning(message).help(help));
        }
        files.into_iter().map(|(name, files)| (name.clone(), files)).collect()
    }

    /// The files of a folder and of the folders in it.
    fn files_in(&mut self, folder: &Path, depth: usize) -> Vec<PathBuf> {
        let mut found = Vec::new();
        if depth > MAX_DEPTH {
            return found;
        }
        for (name, path) in entries(folder, &mut self.problems) {
            let end = name.rfind('.').filter(|at| *at > 0).map_or("", |at| &name[at..]);
            if name.starts_with('.') || name.ends_with('~') {
                continue;
            }
            if path.is_dir() {
                if end.is_empty() {
                    found.extend(self.files_in(&path, depth + 1));
                }
            } else if VARS_ENDS.contains(&end) {
                found.push(path);
            }
        }
        found
    }

    fn read_vars(&mut self, path: &Path, what: String, origin: Origin) -> Option<Arc<Said>> {
        let source = read_file(path).map_err(|problem| self.problems.push(problem)).ok()?;
        let document = read_mapping(&source).map_err(|problems| self.problems.extend(problems)).ok()??;
        let mut notes = Notes::new(&source);
        let settings = settings(document.root(), &mut notes);
        let said = settings.map(|settings| {
            Arc::new(connection::take(settings, (what, Whose::Folder, origin), &mut self.warned, &mut notes))
        });
        self.problems.append(&mut notes.list);
        said
    }
}
