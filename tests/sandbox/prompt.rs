//! Between the program and the person at the terminal: the question of an apply, and the signals that end one.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use unitfleet::sandbox::Release;

use crate::answer::{answer_of, files, no_leftovers, nothing_left, read, runtime, same_files, spawn, wait_until};
use crate::support::Host;

const PLAYBOOK: &str = r#"
name: asked
hosts: all
files:
  /etc/first.conf: {content: "first\n"}
  /etc/second.conf: {content: "second\n"}
"#;

const QUESTION: &str = "Apply this? [y/N] ";

/// An apply that a person sits before: on a terminal of its own, made by `script` of util-linux.
struct Asked<'a> {
    host: &'a Host,
    child: Child,
}

impl<'a> Asked<'a> {
    /// Starts it and waits for the question.
    #[track_caller]
    fn wait(host: &'a Host) -> Self {
        let shown = std::fs::File::create(host.directory().join("terminal")).expect("the file can be made");
        let (program, inventory) = (env!("CARGO_BIN_EXE_unitfleet"), host.inventory_path());
        let command = format!("'{program}' apply --settle 0 -i '{}' playbook.yaml", inventory.display());
        let mut script = Command::new("script");
        script.args(["-qec", &command, "/dev/null"]).current_dir(host.directory());
        // No progress that would be drawn over what is looked for.
        script.env("CI", "1").env("NO_COLOR", "1").env("COLUMNS", "100").env("XDG_RUNTIME_DIR", runtime(host));
        let child = script.stdin(Stdio::piped()).stdout(shown).stderr(Stdio::inherit()).spawn();
        let asked = Self { host, child: child.expect("script (of util-linux) runs") };
        let began = Instant::now();
        while !asked.shown().contains(QUESTION) {
            assert!(began.elapsed() < Duration::from_secs(60), "it does not ask: {}", asked.shown());
            std::thread::sleep(Duration::from_millis(50));
        }
        asked
    }

    /// What the terminal has shown so far.
    fn shown(&self) -> String {
        read(&self.host.directory().join("terminal")).replace('\r', "")
    }

    /// Types something; returns the exit code and what was shown after the question.
    fn types(mut self, keys: &str) -> (Option<i32>, String) {
        let mut keyboard = self.child.stdin.take().expect("it is piped");
        keyboard.write_all(keys.as_bytes()).expect("it takes what is typed");
        // The keyboard is not taken away before the end: that would be an answer, too.
        let status = self.child.wait().expect("it ends");
        drop(keyboard);
        let shown = self.shown();
        let (_, after) = shown.split_once(QUESTION).expect("it was asked");
        (status.code(), after.to_owned())
    }
}

#[test]
fn the_plan_is_shown_before_the_question_and_only_a_yes_applies_it() {
    let host = Host::boot("prompt", Release::default());
    host.write_playbook(PLAYBOOK);
    let before = files(&host);
    for no in ["no\n", "\n", "yess\n"] {
        let asked = Asked::wait(&host);
        let shown = asked.shown();
        let plan = shown.split(QUESTION).next().unwrap_or_default();
        assert!(plan.contains("+ /etc/first.conf") && plan.contains("Plan: 1 host to change"), "{plan}");
        let (code, after) = asked.types(no);
        assert_eq!(code, Some(1), "{no:?}: {after}");
        assert!(after.contains("Nothing was changed."), "{no:?}: {after}");
        same_files(&host, &before);
    }
    let (code, after) = Asked::wait(&host).types("yes\n");
    assert_eq!(code, Some(0), "{after}");
    assert!(after.contains("Applied: 1 host changed"), "{after}");
    assert_eq!(host.exec("cat /etc/first.conf /etc/second.conf"), "first\nsecond");
    nothing_left(&host);
}

#[test]
fn ctrl_c_at_the_question_changes_nothing() {
    let host = Host::boot("prompt-ctrl-c", Release::default());
    host.write_playbook(PLAYBOOK);
    let before = files(&host);
    let (code, after) = Asked::wait(&host).types("\u{3}");
    assert_eq!(code, Some(130), "{after}");
    assert!(after.contains("interrupted; no host was changed"), "{after}");
    same_files(&host, &before);
}

#[test]
fn a_step_that_somebody_did_while_the_question_waited_is_skipped_and_says_so() {
    let host = Host::boot("prompt-already", Release::default());
    host.write_playbook(PLAYBOOK);
    let asked = Asked::wait(&host);
    host.exec("echo first >/etc/first.conf");
    let written = "stat -c '%i %Z' /etc/first.conf";
    let by_hand = host.exec(written);
    let (code, after) = asked.types("y\n");
    assert_eq!(code, Some(0), "{after}");
    let line = |path: &str| after.lines().find(|line| line.contains(path)).unwrap_or_default().to_owned();
    assert!(line("/etc/first.conf").contains("already"), "{after}");
    assert!(!line("/etc/second.conf").contains("already"), "{after}");
    assert_eq!(host.exec(written), by_hand, "the file was written again");
    assert_eq!(host.exec("cat /etc/second.conf"), "second");
    nothing_left(&host);
}

#[test]
fn a_signal_ends_the_program_and_not_what_the_host_has_begun() {
    let host = Host::boot("signals", Release::default());
    for (number, (signal, code)) in [("INT", 130), ("TERM", 143), ("HUP", 129)].into_iter().enumerate() {
        host.exec("rm -f /run/begun");
        host.write_playbook(&format!(
            "name: slow\nhosts: all\nunits:\n  slow.service:\n    state: started\n    Service: {{Type: oneshot, \
             RemainAfterExit: true, Environment: N={number}, ExecStart: /bin/sh -c 'touch /run/begun; exec sleep 2'}}\n  \
             late.service:\n    state: started\n    Unit: {{After: slow.service}}\n    Service: {{Type: exec, \
             Environment: N={number}, ExecStart: /bin/sleep infinity}}\n"
        ));
        let run = spawn(&host, &["apply", "-y", "playbook.yaml"]);
        wait_until(&host, "[ -e /run/begun ]");
        let sent = Command::new("kill").args([format!("-{signal}"), run.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
        let answer = answer_of(run).exits(code);
        let says = format!("interrupted; what was begun goes on by itself on {}: `unitfleet plan`", host.name());
        assert!(answer.stderr.contains(&says), "{signal}: {}", answer.stderr);
        assert_eq!(answer.stdout, "", "{signal}");
        // It was still at it when the program was gone.
        host.exec("[ -e /var/lib/unitfleet/lock ]");
        wait_until(&host, "[ ! -e /var/lib/unitfleet/lock ]");
        let environment = "tr '\\0' '\\n' </proc/$(systemctl show -p MainPID --value late.service)/environ | grep ^N=";
        assert_eq!(host.exec(environment), format!("N={number}"), "{signal}");
        nothing_left(&host);
        no_leftovers(&host);
    }
}
