//! The folder of mistakes in templates: each case is a small project, and what its author reads.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::cases::all_are_said;
use super::{Inputs, Knowledge, Sources};
use crate::load::{brief, parse_inventory, parse_playbook};
use crate::model::{HostName, SourceFile, Vars};

fn source(case: &Path, name: &str) -> Option<Arc<SourceFile>> {
    let text = std::fs::read_to_string(case.join(name)).ok()?;
    Some(Arc::new(SourceFile { name: name.to_owned(), text }))
}

fn said_about(case: &Path) -> String {
    const ONE_HOST: &str = "all: {hosts: {h1: {}}}\n";
    let alone = || Arc::new(SourceFile { name: "inventory.yaml".to_owned(), text: ONE_HOST.to_owned() });
    let inventory = source(case, "inventory.yaml").unwrap_or_else(alone);
    let (inventory, _) = parse_inventory(&[inventory]).expect("the inventory is right");
    let playbook = source(case, "playbook.yaml").expect("a case has a playbook");
    let (playbook, _) = parse_playbook(playbook, &case.join("playbook.yaml"), case).expect("the playbook is right");
    let hosts: BTreeSet<HostName> = inventory.hosts.keys().cloned().collect();
    let inputs = Inputs::new(vec![playbook], inventory, Vars::new(), Sources::default());
    let problems = inputs.compile(&hosts, &Knowledge::default()).err().unwrap_or_default();
    let said: String = problems.iter().map(brief).collect();
    said.replace(&format!("{}/", case.display()), "").replace(&case.display().to_string(), ".")
}

#[test]
fn every_mistake_in_a_template_is_said_with_its_place_and_what_to_do() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/compile");
    all_are_said(&folder, 60, said_about);
}
