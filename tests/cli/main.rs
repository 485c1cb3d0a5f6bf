//! What a user sees: standard output, standard error and the exit code, case by case.
//!
//! A case is a file in `tests/cli/cases`: the command line after `$ unitfleet`, with environment variables before it
//! as in a shell, then what is expected. It runs in a copy of `tests/cli/project`, without a terminal. `SNAPSHOTS=overwrite`
//! writes what was seen; read it before it is committed.

mod hostile;
mod inventories;
mod saved;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use snapbox::{Assert, Data};
use tempfile::TempDir;

const CASES_MIN: usize = 35;

pub(crate) fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli").join(path)
}

/// A copy of the project, with an observation of its hosts.
pub(crate) fn project() -> TempDir {
    let copy = tempfile::tempdir().expect("there is room for a few files");
    let mut open = vec![(here("project"), copy.path().to_path_buf())];
    while let Some((from, to)) = open.pop() {
        std::fs::create_dir_all(&to).expect("a folder can be made");
        for entry in std::fs::read_dir(&from).expect("the project is there") {
            let from = entry.expect("it can be read").path();
            let to = to.join(from.file_name().expect("it has a name"));
            if from.is_dir() {
                open.push((from, to));
            } else {
                std::fs::copy(&from, &to).expect("a file can be copied");
            }
        }
    }
    std::fs::write(copy.path().join("fleet.json"), saved::observation()).expect("a file can be written");
    copy
}

/// Runs a line as a case has it: `NAME=value … $ unitfleet ARGUMENT…`.
pub(crate) fn run(line: &str, folder: &Path) -> Output {
    let (variables, arguments) = line.split_once("$ unitfleet").unwrap_or_else(|| panic!("{line} is no command"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_unitfleet"));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", folder).env("COLUMNS", "100");
    for variable in variables.split_whitespace() {
        let (name, value) = variable.split_once('=').unwrap_or_else(|| panic!("{variable} sets nothing"));
        command.env(name, value);
    }
    command.args(arguments.split_whitespace()).current_dir(folder).stdin(Stdio::null());
    command.output().expect("the program can be run")
}

fn seen(line: &str, output: &Output, folder: &Path) -> String {
    let part = |name: &str, bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).replace(&folder.display().to_string(), "[FOLDER]");
        // Colours are written down as a reader can see them.
        let text = text.replace('\u{1b}', "␛");
        if text.is_empty() { String::new() } else { format!("--- {name}\n{text}") }
    };
    let (out, err) = (part("stdout", &output.stdout), part("stderr", &output.stderr));
    let code = output.status.code().map_or_else(|| "none".to_owned(), |code| code.to_string());
    format!("{line}\n{out}{err}--- exit {code}\n")
}

#[test]
fn every_command_says_what_it_should() {
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(here("cases")).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= CASES_MIN, "only {} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let text = std::fs::read_to_string(case).unwrap();
        let line = text.lines().next().unwrap_or_default();
        let folder = project();
        let got = seen(line, &run(line, folder.path()), folder.path());
        let checked = Assert::new().action_env("SNAPSHOTS").try_eq(
            Some(&case.file_name().unwrap_or_default().to_string_lossy()),
            Data::text(got),
            Data::read_from(case, None).raw(),
        );
        wrong.extend(checked.err().map(|error| error.to_string()));
    }
    assert!(wrong.is_empty(), "{} of {} cases differ\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn standard_output_is_one_json_document_whatever_happens() {
    for (line, code) in [
        ("$ unitfleet plan --format json --observed fleet.json web.yaml", 0),
        ("$ unitfleet plan --format json --observed fleet.json -l db web.yaml", 0),
        ("$ unitfleet plan --format json --observed nowhere.json web.yaml", 64),
        ("$ unitfleet plan --format json broken.yaml", 65),
        ("$ unitfleet plan --format json -l nobody web.yaml", 64),
        ("$ unitfleet apply --format json web.yaml", 64),
        ("$ unitfleet apply --format json --yes broken.yaml", 65),
        ("$ unitfleet observe --format json undefined.yaml", 65),
        ("$ unitfleet validate --format json web.yaml", 0),
        ("$ unitfleet validate --format json broken.yaml", 65),
        ("$ unitfleet render --format json -o out web.yaml", 0),
        ("$ unitfleet render --format json -o . web.yaml", 64),
        ("$ unitfleet disconnect --format json", 0),
        ("$ unitfleet inventory graph --format json", 0),
        ("$ unitfleet inventory check --format json", 0),
        ("$ unitfleet inventory check --format json -i broken-inventory.yaml", 65),
        ("$ unitfleet inventory --host web1 --explain --format json", 0),
        ("$ unitfleet inventory --host nobody --format json", 64),
        ("$ unitfleet validate --format json -e @nowhere.yaml web.yaml", 65),
        ("$ unitfleet init --format json new", 0),
        ("$ unitfleet init --format json", 64),
        ("$ unitfleet validate --format json", 64),
        ("$ unitfleet validate --format=json --bogus web.yaml", 64),
        ("$ unitfleet plan --format json broken-settings/playbook.yaml", 65),
    ] {
        let folder = project();
        let output = run(line, folder.path());
        let document: serde_json::Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{line}: {error}: {output:?}"));
        assert_eq!(document["schema_version"], 1, "{line}");
        assert_eq!(output.status.code(), Some(code), "{line}: {output:?}");
    }
}

#[test]
fn render_writes_what_each_host_would_get() {
    let folder = project();
    let output = run("$ unitfleet render -o out web.yaml", folder.path());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let mut found = Vec::new();
    let mut open = vec![folder.path().join("out")];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder.path()).unwrap().display().to_string();
                found.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    let unit = |port: u32| {
        format!(
            "[Service]\nExecStart=/usr/bin/python3 -m http.server {port}\nEnvironmentFile=/etc/webapp.env\nUser=webapp\n\n\
             [Install]\nWantedBy=multi-user.target\n"
        )
    };
    let mut expected = Vec::new();
    for (host, port) in [("web1", 8000), ("web2", 8001)] {
        let file = |path: &str, text: &str| (format!("out/{host}/{path}"), text.to_owned());
        expected.push(file("etc/systemd/system/webapp.service", &unit(port)));
        expected.push(file("etc/systemd/system/webapp.service.d/limits.conf", "[Service]\nLimitNOFILE=65536\n"));
        expected.push(file("etc/webapp.env", &format!("PORT={port}\n")));
    }
    assert_eq!(found, expected);
}

/// `unitfleet … | head` is no failure that anybody wants to read about.
#[test]
fn a_reader_that_goes_away_ends_it_without_a_word() {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_unitfleet"));
    let mut child = command
        .args(["completions", "bash"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(141));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

/// A new project is right as it is, and so is what is made of unit files.
#[test]
fn what_init_writes_is_valid_and_renders() {
    let folder = project();
    for line in [
        "$ unitfleet init deep/new",
        "$ unitfleet validate deep/new/playbook.yaml",
        "$ unitfleet render -o out deep/new/playbook.yaml",
        "$ unitfleet init shop --from-unit units/shop.service units/shop.socket",
        "$ unitfleet render -i inventory.yaml -o back shop/shop.yaml",
    ] {
        let output = run(line, folder.path());
        assert_eq!(output.status.code(), Some(0), "{line}: {output:?}");
        // Its environment holds a password, which is said of the unit as it was found.
        let said = String::from_utf8_lossy(&output.stderr);
        let about_the_unit = line.ends_with("shop.yaml") && said.starts_with("warning[secret-in-environment]");
        assert!(said.is_empty() || about_the_unit, "{line}: {output:?}");
    }
    let read = |path: &str| std::fs::read_to_string(folder.path().join(path)).unwrap_or_else(|_| panic!("no {path}"));
    assert_eq!(read("out/web1.example.com/etc/hello.env"), "HELLO_TO=\"the fleet\"\nHELLO_EVERY=30\n");
    assert!(read("out/db1.example.com/etc/systemd/system/hello.service").contains("from %H\""));
    for unit in ["shop.service", "shop.socket", "shop.service.d/limits.conf"] {
        assert_eq!(read(&format!("back/web1/etc/systemd/system/{unit}")), read(&format!("units/{unit}")), "{unit}");
    }
    for (name, what) in [("playbook", "playbook"), ("inventory", "inventory"), ("project", "project")] {
        let printed = run(&format!("$ unitfleet schema {what}"), folder.path());
        assert_eq!(read(&format!("deep/new/.schema/{name}.json")).as_bytes(), printed.stdout);
    }
}

#[test]
fn shells_and_man_are_told_every_verb() {
    let folder = project();
    for line in ["$ unitfleet completions bash", "$ unitfleet completions zsh", "$ unitfleet man"] {
        let output = run(line, folder.path());
        let text = String::from_utf8(output.stdout).unwrap();
        for verb in ["validate", "render", "observe", "plan", "apply", "disconnect", "sandbox", "init", "schema"] {
            assert!(text.contains(verb), "{line} does not know {verb}");
        }
    }
}

#[test]
fn colours_come_when_they_are_asked_for_and_not_with_no_color() {
    let folder = project();
    for (line, colored) in [
        ("$ unitfleet plan --observed fleet.json web.yaml", false),
        ("CLICOLOR_FORCE=1 $ unitfleet plan --observed fleet.json web.yaml", true),
        ("CLICOLOR_FORCE=1 NO_COLOR=1 $ unitfleet plan --observed fleet.json web.yaml", false),
        ("NO_COLOR=1 $ unitfleet plan --color always --observed fleet.json web.yaml", true),
        ("CLICOLOR_FORCE=1 $ unitfleet plan --color never --observed fleet.json web.yaml", false),
        ("CLICOLOR_FORCE=1 $ unitfleet validate broken.yaml", true),
        ("$ unitfleet validate --color always --format json broken.yaml", false),
    ] {
        let output = run(line, folder.path());
        let found = output.stdout.contains(&0x1b) || output.stderr.contains(&0x1b);
        assert_eq!(found, colored, "{line}");
    }
}

#[test]
fn no_line_is_wider_than_the_terminal_says() {
    let folder = project();
    for columns in [60, 80, 120] {
        let line = format!("COLUMNS={columns} $ unitfleet plan --verbose --observed fleet.json web.yaml");
        let output = run(&line, folder.path());
        let text = String::from_utf8(output.stdout).unwrap();
        // A path or a line of a diff is not broken: who copies it wants it whole.
        let breakable = |line: &&str| line.split_whitespace().all(|word| word.len() < 30) && !line.contains(" +");
        let wide: Vec<&str> = text.lines().filter(breakable).filter(|line| line.chars().count() > columns).collect();
        assert!(wide.is_empty(), "{columns}: {wide:#?}");
    }
}
