//! Whole inventories that were written for Ansible: what `inventory list` makes of them.
//!
//! A case is a folder in `tests/cases/inventory`: the files, `arguments` (after a comment that says where it is from) and
//! `expected.json`, in the shape of `ansible-inventory --list`. They are the forms that Ansible's documentation shows; what
//! is expected comes from there, and agrees with what ansible-core 2.19 prints.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

const CASES_MIN: usize = 35;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/inventory")
}

fn listed(case: &Path) -> Result<Value, String> {
    let arguments = std::fs::read_to_string(case.join("arguments")).expect("a case has arguments");
    let line = arguments.lines().find(|line| !line.starts_with('#')).expect("they are one line");
    let mut command = Command::new(env!("CARGO_BIN_EXE_unitfleet"));
    command.env_clear().env("PATH", "/usr/bin:/bin").args(["inventory", "list", "--format", "json"]);
    command.args(line.split_whitespace()).current_dir(case).stdin(Stdio::null());
    let output = command.output().expect("the program can be run");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let mut document: Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    let meta = document["_meta"].as_object_mut().ok_or("no _meta")?;
    if meta.remove("schema_version") != Some(1.into()) {
        return Err("no schema_version".to_owned());
    }
    Ok(document)
}

#[test]
fn inventories_of_ansibles_documentation_mean_what_they_mean_there() {
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= CASES_MIN, "only {} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let expected = std::fs::read_to_string(case.join("expected.json")).unwrap();
        let expected: Value = serde_json::from_str(&expected).unwrap();
        let listed = listed(case);
        if listed.as_ref() != Ok(&expected) {
            let name = case.file_name().unwrap_or_default().display();
            let listed = listed.map_or_else(|error| error, |listed| format!("{listed:#}"));
            wrong.push(format!("== {name}\n-- expected\n{expected:#}\n-- listed\n{listed}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases differ\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
