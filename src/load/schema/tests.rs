//! The schemas against the tables of keys, against every file of this repository, and against every known mistake.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::load::document::read_documents;
use crate::load::node::Dialect;
use crate::load::{
    entries, inventory as inventories, playbook as playbooks, project as projects, secrets, selection, units,
};
use crate::model::SourceFile;

/// Every table of keys, with its words.
fn tables() -> [(&'static Keys, &'static [Word]); 11] {
    [
        (&playbooks::MANIFEST, &words::MANIFEST),
        (&secrets::SECRET, &words::SECRET),
        (&entries::USER, &words::USER_KEYS),
        (&entries::DIRECTORY, &words::DIRECTORY),
        (&entries::FILE, &words::FILE),
        (&units::UNIT, &words::UNIT),
        (&units::DROP_IN, &words::DROP_INS),
        (&units::UNIT_DEFAULTS, &words::UNIT_DEFAULTS),
        (&selection::HOLD, &words::HOLD_KEYS),
        (&inventories::yaml::GROUP, &words::GROUP),
        (&projects::PROJECT, &words::PROJECT),
    ]
}

#[test]
fn every_key_is_described_and_nothing_else_is() {
    for (keys, words) in tables() {
        for key in keys.now {
            let said = words.iter().filter(|word| word.key == *key).count();
            assert_eq!(said, 1, "`{key}` of {}: describe it once in src/load/schema/words.rs", keys.of);
        }
        for word in words {
            let known = keys.now.contains(&word.key) || keys.later.contains(&word.key);
            assert!(known, "`{}` is described, but {} has no such key", word.key, keys.of);
            assert!(word.says.ends_with('.') && word.says.len() > 10, "`{}`: {}", word.key, word.says);
        }
    }
}

#[test]
fn no_table_of_keys_is_left_out() {
    let mut found = 0;
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/load")];
    while let Some(folder) = open.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                open.push(path);
            } else if !path.ends_with("tests.rs") {
                found += std::fs::read_to_string(&path).unwrap().matches(": Keys =").count();
            }
        }
    }
    assert_eq!(found, tables().len(), "add the new table of keys to the schema, and to this test");
}

#[test]
fn connection_keys_and_sections_are_described() {
    let vars = &inventory()["definitions"]["vars"]["properties"];
    for (native, alias) in inventories::connection::KEYS {
        for key in [native, alias] {
            assert!(vars[key]["description"].as_str().is_some_and(|says| says.len() > 10), "{key}");
        }
    }
    for section in crate::load::allowed::SECTIONS {
        assert!(!words::section(section).is_empty(), "{section}");
    }
}

fn validator(schema: &Value) -> jsonschema::Validator {
    jsonschema::draft7::new(schema).unwrap()
}

#[test]
fn the_schemas_are_schemas() {
    for schema in [playbook(), inventory(), project()] {
        assert!(jsonschema::draft7::meta::is_valid(&schema), "{schema:#}");
        let drawn = schema.to_string();
        for used in drawn.split("#/definitions/").skip(1) {
            let name = used.split('"').next().unwrap();
            assert!(schema.pointer(&format!("/definitions/{name}")).is_some(), "no definition of {name}");
        }
    }
}

/// The documents of a file, as an editor sees them; `None` where it is no YAML.
fn documents(path: &Path, dialect: Dialect) -> Option<Vec<Value>> {
    let text = std::fs::read_to_string(path).ok()?;
    let documents = read_documents(&Arc::new(SourceFile { name: path.display().to_string(), text })).ok()?;
    let values: Vec<Value> = documents.iter().map(|document| document.root().json(dialect)).collect();
    let filled: Vec<Value> = values.into_iter().filter(|value| !value.is_null()).collect();
    Some(if filled.is_empty() { vec![Value::Null] } else { filled })
}

/// The files of this repository that are playbooks and inventories, and are right.
fn right_ones() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut open =
        ["playbooks", "tests/cases/plan", "tests/cli/project", "src/starter"].map(|at| root.join(at)).to_vec();
    while let Some(folder) = open.pop() {
        for path in std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|end| end == "yaml" || end == "yml") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn the_schemas_take_every_right_file() {
    let (playbook, inventory, project) = (validator(&playbook()), validator(&inventory()), validator(&project()));
    let mut seen = [0; 3];
    for path in right_ones() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let dialect = if name == "inventory.yaml" { Dialect::Inventory } else { Dialect::Playbook };
        for document in documents(&path, dialect).unwrap_or_default() {
            let playbook_like = document.get("hosts").is_some() && document.get("name").is_some();
            let (which, schema) = match name.as_str() {
                _ if path.iter().any(|part| part.to_string_lossy().starts_with("broken")) => continue,
                "inventory.yaml" => (0, &inventory),
                projects::ROOT_FILE => (1, &project),
                _ if playbook_like => (2, &playbook),
                _ => continue,
            };
            seen[which] += 1;
            let wrong: Vec<String> =
                schema.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
            assert!(wrong.is_empty(), "{}: {wrong:#?}", path.display());
        }
    }
    assert!(seen[0] >= 1 && seen[2] >= 20, "{seen:?}");
}

/// Mistakes that a schema cannot see, and why.
const UNSEEN: [(&str, &str); 28] = [
    ("file-at-the-root", "directories have the same form of path, and may be `/`"),
    ("carriage-return", "what is one line to a text and not to systemd needs reading"),
    ("infinity-of-yaml", "JSON has no such number"),
    ("line-break-from-inventory", "variables come from several files"),
    ("line-break-from-variable", "what a variable holds is known when it is rendered"),
    ("names-that-rendering-breaks", "what a template yields is known when it is rendered"),
    ("too-many-instances", "what a template yields is known when it is rendered"),
    ("unit-text-odd", "unit files are a language of their own"),
    ("variables-in-a-circle", "what a variable needs is in its text"),
    ("group-of-another-inventory", "which groups there are is for the inventory to say"),
    ("hold-until-rendered", "what a template yields is known when it is rendered"),
    ("hosts-from-file", "the file that a selector names is another one"),
    ("hosts-from-file-missing", "whether a file is there is not seen in another"),
    ("groups-with-the-primary-one", "the values of two keys cannot be compared"),
    ("hosts-regex", "a selector is a language of its own"),
    ("inventory-cycle", "which group is in which is spread over the file"),
    ("inventory-merge", "editors look through merge keys before they ask a schema"),
    ("inventory-two-documents", "each document is right by itself"),
    ("inventory-two-spellings", "the values of two keys cannot be compared"),
    ("merge-key", "editors look through merge keys before they ask a schema"),
    ("name-twice", "each document is right by itself"),
    ("project-two-documents", "each document is right by itself"),
    ("secret-and-variable", "the names below two keys cannot be compared"),
    ("when-no-expression", "expressions are a language of their own"),
    ("when-orders-text-and-number", "which variable is a number is known when it is rendered"),
    ("when-true-for-both", "conditions are evaluated, host by host"),
    ("when-undefined", "variables come from several files"),
    ("when-yields-no-boolean", "what an expression yields is known when it is evaluated"),
];

#[test]
fn the_schemas_refuse_every_mistake_that_they_can_see() {
    let (playbook, inventory, project) = (validator(&playbook()), validator(&inventory()), validator(&project()));
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/input");
    let mut missed = BTreeSet::new();
    for case in std::fs::read_dir(cases).unwrap().map(|entry| entry.unwrap().path()) {
        let error = std::fs::read_to_string(case.join("error.txt")).unwrap();
        if !error.contains(": error: ") && !error.starts_with("error: ") {
            continue;
        }
        // Inventories in INI, of several files and of scripts have no schema.
        let found = [
            ("playbook.yaml", Dialect::Playbook, &playbook),
            ("inventory.yaml", Dialect::Inventory, &inventory),
            (projects::ROOT_FILE, Dialect::Playbook, &project),
        ]
        .into_iter()
        .map(|(name, dialect, schema)| (case.join(name), dialect, schema))
        .find(|(path, ..)| path.is_file());
        let Some((path, dialect, schema)) = found else { continue };
        // Where it is no YAML, the editor says so without a schema.
        let Some(documents) = documents(&path, dialect) else { continue };
        if documents.iter().all(|document| schema.is_valid(document)) {
            missed.insert(case.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    let known: BTreeSet<String> = UNSEEN.iter().map(|(name, _)| (*name).to_owned()).collect();
    let new: Vec<_> = missed.difference(&known).collect();
    assert!(new.is_empty(), "let the schema see these, or list them with the reason: {new:#?}");
    let old: Vec<_> = known.difference(&missed).collect();
    assert!(old.is_empty(), "the schema sees these, so they need no excuse: {old:#?}");
    assert!(UNSEEN.iter().all(|(_, why)| why.len() > 10));
}
