//! The functions of templates.
//!
//! | in a template | gives |
//! |---|---|
//! | `lookup('file', 'motd')`, `lookup('motd')` | the text of a file of the project, without blanks at its end |
//! | `hosts('web:!db1')` | the hosts that a selector names: `name`, `address` and the variables of each |
//! | `fail('why')` | an error: it refuses the values that the template was given |
//!
//! `lookup` is Ansible's: a file is looked for in the playbook's folder, in `files/` there, and in the project's root;
//! never outside of it, through links neither. Other lookups ask this machine, and a playbook has to mean the same
//! on every machine.
//!
//! No error shows a variable's value: the words of `fail` have to stand in the template as they are. Of a message that
//! was put together, nothing is told but the place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::value::{Kwargs, Serde};
use minijinja::{Environment, Error, Value};

use crate::load::inventory::Inventory;
use crate::load::selector::Selector;
use crate::model::HostName;
use crate::render::{Context, FileError, Files, MAX_OUTPUT, refusal_about, refusal_with_help};

/// All hosts, as templates see them.
#[derive(Debug)]
pub(super) struct Peers {
    inventory: Inventory,
    hosts: BTreeMap<HostName, Value>,
    /// In the inventory's order.
    order: Vec<HostName>,
}

impl Peers {
    /// From an inventory, and the built-in variables that were made of it.
    pub(super) fn new(inventory: &Inventory, fleet: &Context) -> Self {
        let vars = fleet.get("inventory").unwrap_or_default();
        let hosts = inventory.hosts.keys().map(|host| {
            let mut told = vars.get(host.as_str()).and_then(|vars| vars.as_object().cloned()).unwrap_or_default();
            told.insert("name".to_owned(), host.as_str().into());
            (host.clone(), Value::from(Serde(told)))
        });
        let all = inventory.groups.get("all").map(|group| group.hosts.clone()).unwrap_or_default();
        let known: BTreeSet<&HostName> = all.iter().collect();
        let others = inventory.hosts.keys().filter(|host| !known.contains(host)).cloned();
        let order = all.iter().cloned().chain(others).collect();
        Self { inventory: inventory.clone(), hosts: hosts.collect(), order }
    }

    fn select(&self, selector: &str) -> Result<Vec<Value>, Error> {
        let hosts = Selector::parse(selector).and_then(|parsed| parsed.select(&self.inventory)).map_err(|error| {
            refusal_about(
                selector,
                format!("`hosts`: {}", error.message),
                error.help,
                "`hosts` is given a selector that cannot be used: it names no host or group of the inventory",
            )
        })?;
        let selected = self.order.iter().filter(|host| hosts.contains(*host));
        Ok(selected.filter_map(|host| self.hosts.get(host).cloned()).collect())
    }
}

/// Where files are looked for.
#[derive(Clone, Debug)]
pub(super) struct Project {
    /// The playbook's folder.
    pub(super) folder: PathBuf,
    pub(super) root: PathBuf,
    pub(super) files: Files,
}

impl Project {
    fn read(&self, name: &str) -> Result<String, Error> {
        if Path::new(name).is_absolute() {
            return Err(refusal_with_help(
                "`lookup` reads files of the project, and this is an absolute path",
                "write it relative to the playbook",
            ));
        }
        let root = or_here(&self.root);
        let mut folders = vec![or_here(&self.folder), self.folder.join("files"), root.clone()];
        if folders[0] == root {
            folders.pop();
        }
        for folder in &folders {
            match self.files.read_text(&folder.join(name), &root, MAX_OUTPUT) {
                Ok(text) => return Ok(text),
                Err(FileError::NotFound) => {}
                Err(error) => {
                    let message = format!("the file `{name}` cannot be used: {error}");
                    let help = format!("the project's root is `{}`", root.display());
                    return Err(refusal_about(name, message, help, format!("the file cannot be used: {error}")));
                }
            }
        }
        let shown: Vec<String> = folders.iter().map(|folder| format!("`{}`", folder.display())).collect();
        let help = format!("looked in {}", shown.join(", "));
        Err(refusal_about(
            name,
            format!("there is no file `{name}`"),
            help,
            "there is no file of the name that this yields",
        ))
    }
}

fn or_here(path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() { PathBuf::from(".") } else { path.to_owned() }
}

/// Adds the functions that ask for nothing.
pub(super) fn register(environment: &mut Environment<'static>) {
    environment.add_function("fail", |why: &str| -> Result<Value, Error> {
        Err(refusal_about(why, why, "", "the template refuses what it was given, by `fail`"))
    });
}

/// Adds those that ask for the project's files and hosts to the language of one playbook.
pub(super) fn register_asking(environment: &mut Environment<'static>, peers: &Arc<Peers>, project: Project) {
    let peers = Arc::clone(peers);
    environment.add_function("hosts", move |selector: &str| peers.select(selector));
    environment.add_function("lookup", move |first: &str, second: Option<&str>, options: Kwargs| {
        let keep_end = options.get::<Option<bool>>("rstrip")? == Some(false);
        options.assert_all_used()?;
        let name = match (first, second) {
            ("file", Some(name)) | (name, None) => name,
            (kind, Some(_)) => return Err(no_lookup(kind)),
        };
        let text = project.read(name)?;
        Ok(if keep_end { text } else { text.trim_end().to_owned() })
    });
}

fn no_lookup(kind: &str) -> Error {
    let help = match kind {
        "template" => "write `{% include 'NAME' %}`",
        "env" => "the environment of this machine is not read: give the value with `-e`",
        "pipe" | "lines" | "url" => "nothing is run or fetched while templates are rendered",
        "password" | "random_choice" => "nothing here is random: the same playbook always gives the same text",
        "vars" | "ansible.builtin.vars" => "write the variable's name: `{{ name }}`",
        "first_found" => "write the name of one file",
        "fileglob" => "write the names of the files",
        _ => "there is `lookup('file', 'NAME')`",
    };
    refusal_about(
        kind,
        format!("there is no lookup `{kind}`"),
        help,
        "there is no lookup of the kind that is given here",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(folder: &Path) -> Project {
        Project { folder: folder.join("plays"), root: folder.to_owned(), files: Files::new() }
    }

    #[test]
    fn files_are_found_beside_the_playbook_and_never_outside_of_the_project() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "s").unwrap();
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("plays/files")).unwrap();
        for (path, text) in [
            ("top", "t\n"),
            ("plays/near", "n\n"),
            ("plays/files/in", "i\n\n"),
            ("both", "root"),
            ("plays/both", "near"),
        ] {
            std::fs::write(root.path().join(path), text).unwrap();
        }
        std::fs::write(root.path().join("raw"), b"\xff").unwrap();
        std::fs::write(root.path().join("large"), "x".repeat(MAX_OUTPUT + 1)).unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), root.path().join("link")).unwrap();
        let project = project(root.path());
        for (name, text) in [("top", "t\n"), ("near", "n\n"), ("in", "i\n\n"), ("both", "near"), ("../top", "t\n")] {
            assert_eq!(project.read(name).unwrap(), text, "{name}");
        }
        let escape = format!("../../{}/secret", outside.path().file_name().unwrap().to_str().unwrap());
        for name in ["link", &escape, "/etc/hostname", "nope", "", ".", "raw", "large", "near/x"] {
            assert!(project.read(name).is_err(), "{name}");
        }
    }
}
