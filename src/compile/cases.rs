//! The folder of mistakes: every case is an input and what the user reads about it.
//!
//! A case holds a `playbook.yaml`, a `unitfleet.yaml`, or an inventory: `inventory.yaml`, `inventory.ini`, a directory
//! `inventory/` or a script `inventory.sh`, each with whatever else belongs to it. A `playbooks/` beside an inventory is a
//! playbook's folder. A playbook that can be read is compiled, for the hosts of the inventory beside it; without one, for
//! `h1`.

use std::path::{Path, PathBuf};

use std::sync::Arc;

use crate::load::inventory::read_inventory_for;
use crate::load::project::{ROOT_FILE, parse_project};
use crate::load::{brief, parse_inventory, read_file, read_playbook};
use crate::model::{Diagnostic, SourceFile, Vars};

use super::{Inputs, Knowledge, Sources};

/// The forms of an inventory, as cases name them.
const INVENTORIES: [&str; 5] = ["inventory.yaml", "inventory.ini", "inventory.sh", "inventory", "inventory.json"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/input")
}

fn problems(case: &Path) -> Vec<Diagnostic> {
    let playbook = case.join("playbook.yaml");
    if playbook.exists() {
        return said_about_playbook(&playbook, case);
    }
    if let Ok(settings) = read_file(&case.join(ROOT_FILE)) {
        return parse_project(&settings, Path::new("/")).err().unwrap_or_default();
    }
    let inventories: Vec<PathBuf> =
        INVENTORIES.into_iter().map(|name| case.join(name)).filter(|path| path.exists()).collect();
    assert!(!inventories.is_empty(), "{} has a playbook or an inventory", case.display());
    let playbooks: Vec<PathBuf> = Some(case.join("playbooks/site.yaml"))
        .into_iter()
        .filter(|path| path.parent().is_some_and(Path::exists))
        .collect();
    match read_inventory_for(&inventories, &playbooks) {
        Ok((_, warnings)) => warnings,
        Err(problems) => problems,
    }
}

fn said_about(case: &Path) -> String {
    let text: String = problems(case).iter().map(brief).collect();
    text.replace(&format!("{}/", case.display()), "")
}

fn said_about_playbook(path: &Path, case: &Path) -> Vec<Diagnostic> {
    let playbook = match read_playbook(path, Some(Path::new("/"))) {
        Ok((playbook, _)) => playbook,
        Err(problems) => return problems,
    };
    let one_host = || Arc::new(SourceFile { name: "inventory.yaml".into(), text: "all: {hosts: {h1: }}\n".into() });
    let inventory = read_file(&case.join("inventory.yaml")).unwrap_or_else(|_| one_host());
    let (inventory, _) = parse_inventory(&[inventory]).expect("the inventory beside a playbook is right");
    let hosts = inventory.hosts.keys().cloned().collect();
    let inputs = Inputs::new(vec![playbook], inventory, Vars::new(), Sources::default());
    match inputs.compile(&hosts, &Knowledge::default()) {
        Ok(compiled) => compiled.warnings,
        Err(problems) => problems,
    }
}

#[test]
fn every_mistake_is_said_with_its_place_and_what_to_do() {
    all_are_said(&folder(), 130, said_about);
}

/// Every case of a folder, of which there are so many at least, is told in the words of its `error.txt`.
pub(super) fn all_are_said(folder: &Path, least: usize, said_about: fn(&Path) -> String) {
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= least, "only {} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let expected = std::fs::read_to_string(case.join("error.txt")).unwrap();
        let said = said_about(case);
        if said != expected {
            let name = case.file_name().unwrap_or_default().display();
            wrong.push(format!("== {name}\n-- expected\n{expected}-- said\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases differ\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
