//! Answers recorded on real hosts (systemd 247, 252 and 257 in containers), and the scripts as a shell sees them.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::*;
use crate::model::{Action, HostName, Step, StepStatus};

/// What the recordings were made with.
const NONCE: &str = "0123nonce";

fn cases(kind: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(kind);
    let mut cases: Vec<PathBuf> = std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(!cases.is_empty(), "no cases in {}", root.display());
    cases
}

fn read(case: &Path, name: &str) -> Vec<u8> {
    std::fs::read(case.join(name)).unwrap_or_else(|error| panic!("{}/{name}: {error}", case.display()))
}

fn gather_case(case: &Path, stdout: &[u8]) -> Result<crate::model::Observed, GatherError> {
    let request: GatherRequest = serde_json::from_slice(&read(case, "request.json")).unwrap();
    parse_gather(&HostName::parse("h").unwrap(), &request, NONCE, stdout)
}

/// `a > b > c = JSON`: what stands at a place of the observation; `= missing`: nothing stands there.
#[test]
fn recorded_hosts_are_observed_as_they_were() {
    for case in cases("gather") {
        let observed = gather_case(&case, &read(&case, "stdout")).unwrap();
        let observed = serde_json::to_value(observed).unwrap();
        let checks = String::from_utf8(read(&case, "checks")).unwrap();
        for check in checks.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (place, wanted) = check.rsplit_once(" = ").unwrap();
            let found = place.split(" > ").try_fold(&observed, |value, key| match value {
                Value::Array(items) => items.get(key.parse::<usize>().unwrap()),
                other => other.get(key),
            });
            let found = found.map_or("missing".to_owned(), Value::to_string);
            assert_eq!(found, wanted, "{}: {place}", case.display());
        }
    }
}

#[test]
fn a_recorded_answer_cut_at_any_line_is_an_error() {
    for case in cases("gather") {
        let stdout = read(&case, "stdout");
        for cut in line_ends(&stdout) {
            assert!(gather_case(&case, &stdout[..cut]).is_err(), "{} at {cut}", case.display());
        }
    }
    for case in cases("transaction") {
        let stdout = read(&case, "stdout");
        let steps = steps(&case);
        for cut in line_ends(&stdout) {
            let answer = parse_transaction(&steps, NONCE, &stdout[..cut]);
            assert!(answer.is_err(), "{} at {cut}", case.display());
        }
    }
}

fn line_ends(bytes: &[u8]) -> Vec<usize> {
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let mut ends: Vec<usize> = ends.map(|(at, _)| at + 1).collect();
    // The last line is `end`: with it the answer is whole.
    ends.pop();
    ends
}

fn steps(case: &Path) -> Vec<Step> {
    let actions: Vec<Value> = serde_json::from_slice(&read(case, "actions.json")).unwrap();
    actions
        .into_iter()
        .map(|value| Step {
            wave: value.get("wave").and_then(Value::as_u64).unwrap_or(0).try_into().unwrap(),
            action: serde_json::from_value::<Action>(value).unwrap(),
            reasons: Vec::new(),
        })
        .collect()
}

#[test]
fn recorded_transactions_end_as_they_did() {
    for case in cases("transaction") {
        let answer = parse_transaction(&steps(&case), NONCE, &read(&case, "stdout")).unwrap();
        let wanted = String::from_utf8(read(&case, "outcome")).unwrap();
        assert_eq!(told(&answer), wanted, "{}", case.display());
    }
}

fn told(answer: &TransactionAnswer) -> String {
    let mut text = String::new();
    let verdict = match &answer.verdict {
        Verdict::Done => "done".to_owned(),
        Verdict::Failed { error } => format!("failed: {error}"),
        Verdict::Restored { error } => format!("restored: {error}"),
        Verdict::NotRestored { error, left } => format!("not restored: {error}; {}", left.join(", ")),
        Verdict::Refused(RefusedBy::Lock(lock)) => format!("locked by {} {} {}", lock.run, lock.who, lock.since),
        Verdict::Refused(by) => format!("refused: {by:?}"),
    };
    writeln!(text, "{verdict}").unwrap();
    if let Some(lock) = &answer.taken_over {
        writeln!(text, "took over from {}", lock.run).unwrap();
    }
    for outcome in &answer.steps {
        let status = match &outcome.status {
            StepStatus::Done => "done".to_owned(),
            StepStatus::Already => "already".to_owned(),
            StepStatus::Failed(error) => format!("failed: {error}"),
            StepStatus::Undone => "undone".to_owned(),
            StepStatus::NotRun => "not run".to_owned(),
            StepStatus::Unknown => "unknown".to_owned(),
        };
        writeln!(text, "step {} {status}", outcome.step).unwrap();
    }
    for failure in &answer.failures {
        writeln!(text, "unit {}: {}", failure.unit, failure.cause).unwrap();
        writeln!(text, "  next: {}", failure.next.as_deref().unwrap_or("-")).unwrap();
        for line in &failure.journal {
            writeln!(text, "  | {line}").unwrap();
        }
    }
    text
}

#[test]
fn progress_is_read_line_by_line() {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/transaction/gate-restores");
    let stdout = read(&case, "stdout");
    let seen: Vec<Progress> =
        stdout.split(|byte| *byte == b'\n').filter_map(|line| Progress::parse(NONCE, line)).collect();
    assert_eq!(seen.first(), Some(&Progress::Applying));
    let tail: Vec<&Progress> = seen.iter().rev().take(2).collect();
    assert_eq!(tail, [&Progress::Finished, &Progress::Restoring]);
    let step = |step| Progress::Step { step, status: StepStatus::Done };
    assert!((0..15).all(|index| seen.contains(&step(index))), "{seen:?}");
    assert_eq!(Progress::parse("other", b"@@0123nonce end done"), None);
}

/// Runs `sh -c 'eval "$(head -c N)"'` as the transport does, with `path` before the rest of PATH.
#[expect(clippy::disallowed_methods, reason = "the programs of this machine are wanted behind the fakes")]
fn run(script: &str, data: &[u8], path: &Path) -> (String, String) {
    let old = std::env::var("PATH").unwrap_or_default();
    let mut child = Command::new("sh")
        .args(["-c", &format!("eval \"$(head -c {})\"", script.len())])
        .env("PATH", format!("{}:{old}", path.display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = [script.as_bytes(), data].concat();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().expect("the script reads all that it is sent");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

/// A directory with programs that stand in for those of a host.
fn stand_ins(programs: &[(&str, &str)]) -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    for (name, body) in programs {
        let path = dir.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    dir
}

#[test]
fn the_scripts_are_posix_shell() {
    for script in [gather_script(), transaction_script()] {
        let status = Command::new("sh").args(["-n", "-c", script]).status().unwrap();
        assert!(status.success());
        assert!(!script.contains('\0') && script.is_ascii());
    }
}

#[test]
fn a_script_that_is_cut_runs_nothing() {
    for script in [gather_script(), transaction_script()] {
        let ends = line_ends(script.as_bytes());
        // Every line would take seconds: each is a shell.
        for cut in ends.iter().rev().step_by(7) {
            let output = Command::new("sh").args(["-c", &script[..*cut]]).stdin(Stdio::null()).output().unwrap();
            assert!(output.stdout.is_empty(), "{}", &script[..*cut]);
        }
    }
}

#[test]
fn a_request_that_is_cut_is_not_answered() {
    let mut request = GatherRequest::default();
    request.users.insert(crate::model::UserName::parse("root").unwrap());
    let data = encode_gather(&request, NONCE);
    let host = HostName::parse("h").unwrap();
    let dir = stand_ins(&[]);
    let head = data.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for cut in [head, data.len() - 5, data.len() - 2] {
        let (stdout, _) = run(gather_script(), &data[..cut], dir.path());
        let answer = parse_gather(&host, &request, NONCE, stdout.as_bytes());
        assert_eq!(answer, Err(GatherError::Request), "{cut}: {stdout}");
    }
}

#[test]
fn a_user_who_is_not_root_changes_nothing_and_is_told_so() {
    let dir = stand_ins(&[("id", "case $1 in -u) echo 1000 ;; -un) echo ann ;; esac")]);
    let file = Step {
        action: Action::WriteFile {
            encrypt: None,
            path: crate::model::AbsPath::parse("/nowhere").unwrap(),
            // More than a pipe holds: the script must take it all, or the sender would see a broken pipe.
            bytes: "x".repeat(1 << 20).into(),
            mode: 0o644,
            user: crate::model::UserName::parse("root").unwrap(),
            group: crate::model::UserName::parse("root").unwrap(),
            validate: Vec::new(),
        },
        reasons: Vec::new(),
        wave: 0,
    };
    let steps = [file];
    let transaction = Transaction {
        run: "r1",
        who: "ann",
        steps: &steps,
        ledgers: &std::collections::BTreeMap::new(),
        directories: &std::collections::BTreeSet::new(),
        inputs: &std::collections::BTreeMap::new(),
        settle_ms: 0,
        bound_s: 1,
    };
    let data = encode_transaction(&transaction, NONCE).unwrap();
    let (stdout, stderr) = run(transaction_script(), &data, dir.path());
    let answer = parse_transaction(&steps, NONCE, stdout.as_bytes()).unwrap();
    assert_eq!(answer.verdict, Verdict::Refused(RefusedBy::Privilege("ann".to_owned())), "{stderr}");
    assert_eq!(answer.steps[0].status, StepStatus::NotRun);
}
