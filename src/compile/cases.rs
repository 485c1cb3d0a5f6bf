//! The folder of mistakes: every case is an input file and what the user reads about it.
//!
//! A playbook that can be read is compiled, for the hosts of the inventory beside it; without one, for `h1`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::load::{brief, parse_inventory, parse_playbook};
use crate::model::{Diagnostic, SourceFile, Vars};

use super::{Inputs, Knowledge, Sources};
use crate::load::project::{ROOT_FILE, parse_project};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/input")
}

fn source(path: &Path) -> Option<Arc<SourceFile>> {
    let text = std::fs::read_to_string(path).ok()?;
    let name = path.file_name()?.to_str()?.to_owned();
    Some(Arc::new(SourceFile { name, text }))
}

fn said_about(case: &Path) -> String {
    let problems = if let Some(playbook) = source(&case.join("playbook.yaml")) {
        said_about_playbook(playbook, case)
    } else if let Some(settings) = source(&case.join(ROOT_FILE)) {
        parse_project(&settings, Path::new("/")).err().unwrap_or_default()
    } else {
        let inventory = source(&case.join("inventory.yaml")).expect("a case has a playbook, an inventory or settings");
        parse_inventory(&[inventory]).err().unwrap_or_default()
    };
    problems.iter().map(brief).collect()
}

fn said_about_playbook(playbook: Arc<SourceFile>, case: &Path) -> Vec<Diagnostic> {
    let playbook = match parse_playbook(playbook, Path::new("playbook.yaml"), Path::new("/")) {
        Ok((playbook, _)) => playbook,
        Err(problems) => return problems,
    };
    let one_host = || Arc::new(SourceFile { name: "inventory.yaml".into(), text: "all: {hosts: {h1: }}\n".into() });
    let inventory = source(&case.join("inventory.yaml")).unwrap_or_else(one_host);
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
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 40, "only {} cases", cases.len());
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
