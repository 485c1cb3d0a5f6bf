//! Secrets on real hosts: they arrive, and are found nowhere else.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use unitfleet::sandbox::Release;

use crate::reading::property;
use crate::support::Host;

/// What is looked for: nothing else on the machine holds these letters, not even another test.
#[derive(Clone)]
struct Passwords {
    command: String,
    environment: String,
    file: String,
}

impl Passwords {
    fn of(release: Release) -> Self {
        let password = |word: &str| format!("Xq7{word}{release:?}PwZ9");
        Self { command: password("Befehl"), environment: password("Umgebung"), file: password("Datei") }
    }

    fn are_in(&self, text: &str) -> bool {
        [&self.command, &self.environment, &self.file].into_iter().any(|password| text.contains(password))
    }
}

const PLAYBOOK: &str = r#"
name: vault
hosts: all
secrets:
  by_command: {command: [sh, -c, "cat '{{ given }}/by-command'"]}
  by_env: {env: BY_ENV}
  by_file: {file: "{{ given }}/by-file"}
vars: {dsn: "db://app:{{ by_command }}@db"}
files:
  /etc/vault.env: {content: "DSN={{ dsn }}\n"}
  /etc/vault.json: {template: vault.json.j2, group: adm, mode: "0640"}
units:
  vault.service:
    enabled: true
    state: started
    Service:
      ExecStart: /bin/sh -c 'echo "my password is $DSN"; while :; do sleep 100; done'
      EnvironmentFile: /etc/vault.env
    Install: {WantedBy: multi-user.target}
    credentials: {token: "{{ by_file }}"}
"#;

/// One run of the program, with what it said.
fn run(host: &Host, passwords: &Passwords, given: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = host.unitfleet_command(arguments);
    command.args(["-e", &format!("given={}", given.display())]).env("BY_ENV", &passwords.environment);
    let Output { status, stdout, stderr } = command.output().expect("the program runs");
    let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(!passwords.are_in(&said), "{arguments:?} says a secret:\n{said}");
    (status.code().unwrap_or(-1), said)
}

/// Watches the arguments of every process of this machine, the hosts' among them, until it is dropped.
struct Watch {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<(usize, Vec<String>)>>,
}

impl Watch {
    fn start(passwords: &Passwords) -> Self {
        let passwords = passwords.clone();
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let (mut seen, mut found) = (0, Vec::new());
            while !told.load(Ordering::Relaxed) {
                for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
                    let Ok(line) = std::fs::read(entry.path().join("cmdline")) else { continue };
                    let line = String::from_utf8_lossy(&line).into_owned();
                    seen += 1;
                    if passwords.are_in(&line) {
                        found.push(line);
                    }
                }
                std::thread::sleep(Duration::from_millis(2));
            }
            (seen, found)
        });
        Self { stop, thread: Some(thread) }
    }

    fn end(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let (seen, found) = self.thread.take().expect("it runs").join().expect("it ends");
        assert!(seen > 100, "hardly a process was seen");
        assert!(found.is_empty(), "arguments that everybody can read hold a secret: {:?}", found.first());
    }
}

/// Files below a folder that hold a secret.
fn holding(folder: &Path, passwords: &Passwords, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder can be listed").flatten() {
        let path = entry.path();
        let kind = entry.file_type().expect("it has a type");
        if kind.is_dir() {
            holding(&path, passwords, found);
        } else if kind.is_file() {
            let text = String::from_utf8_lossy(&std::fs::read(&path).expect("it can be read")).into_owned();
            if passwords.are_in(&text) {
                found.push(path);
            }
        }
    }
}

/// What root, or somebody without any right, finds on the host.
fn found_on_host(host: &Host, passwords: &Passwords, user: &str) -> String {
    let places = "/etc /var /run /tmp /usr/local /opt /srv /home /root /dev/shm";
    let Passwords { command: by_command, environment: by_env, file: by_file } = passwords;
    let search = format!("grep -rlsI -e {by_command} -e {by_env} -e {by_file} {places} 2>/dev/null; true");
    host.exec(&format!("cd /; runuser -u {user} -- sh -c '{search}' | sort"))
}

fn law_10(release: Release) {
    let host = Host::boot("secrets", release);
    let passwords = Passwords::of(release);
    let Passwords { command: by_command, environment: by_env, file: by_file } = &passwords;
    let given = tempfile::tempdir().expect("a temporary directory");
    let given = given.path();
    std::fs::write(given.join("by-command"), format!("{by_command}\n")).expect("it can be written");
    std::fs::write(given.join("by-file"), format!("{by_file}\n")).expect("it can be written");
    host.write_playbook(PLAYBOOK);
    host.write("vault.json.j2", "{\"a\": {{ by_env | to_json }}, \"b\": {{ by_file | upper | to_json }}}\n");
    let watch = Watch::start(&passwords);
    assert_eq!(run(&host, &passwords, given, &["validate", "playbook.yaml"]).0, 0);
    assert_eq!(run(&host, &passwords, given, &["render", "-o", "rendered", "playbook.yaml"]).0, 0);
    let (_, plan) = run(&host, &passwords, given, &["plan", "playbook.yaml"]);
    assert!(plan.contains("/etc/vault.env  mode 0600, secret content"), "{plan}");
    assert_eq!(run(&host, &passwords, given, &["apply", "-y", "-v", "playbook.yaml"]).0, 0);
    let (_, again) = run(&host, &passwords, given, &["plan", "playbook.yaml"]);
    assert!(again.contains("No changes."), "{again}");

    // It has arrived.
    assert_eq!(host.exec("cat /etc/vault.env"), format!("DSN=db://app:{by_command}@db"));
    assert_eq!(host.exec("stat -c '%a %U:%G' /etc/vault.env /etc/vault.json"), "600 root:root\n640 root:adm");
    let upper = by_file.to_uppercase();
    assert_eq!(host.exec("cat /etc/vault.json"), format!("{{\"a\": \"{by_env}\", \"b\": \"{upper}\"}}"));
    assert_eq!(host.exec("cat /run/credentials/vault.service/token"), *by_file);
    let stored = host.exec("cat /etc/unitfleet/credentials/vault.service/token");
    assert_eq!(stored == *by_file, release == Release::Bullseye, "encrypted where the host can");

    // A new password is a reason, and is not shown; neither is the old one.
    std::fs::write(given.join("by-command"), format!("{by_command}2\n")).expect("it can be written");
    let pid = property(&host, "vault.service", "MainPID");
    let (_, json) = run(&host, &passwords, given, &["plan", "--format", "json", "playbook.yaml"]);
    assert!(json.contains(r#""to": "secret""#) && json.contains("/etc/vault.env changed (read at start)"), "{json}");
    assert_eq!(run(&host, &passwords, given, &["observe", "--save", "seen.json", "playbook.yaml"]).0, 0);
    let (_, offline) = run(&host, &passwords, given, &["plan", "--observed", "seen.json", "playbook.yaml"]);
    assert!(offline.contains("~ /etc/vault.env  secret content changes"), "{offline}");
    assert_eq!(run(&host, &passwords, given, &["apply", "-y", "--format", "json", "playbook.yaml"]).0, 0);
    assert_ne!(property(&host, "vault.service", "MainPID"), pid);

    // A service that tells its password and dies: its journal is shown without it.
    let dying = PLAYBOOK.replace("while :; do sleep 100; done", "exit 7");
    host.write("dying.yaml", &dying);
    let (code, failure) = run(&host, &passwords, given, &["apply", "-y", "dying.yaml"]);
    assert!(code == 1 && failure.contains("my password is db://app:‹secret›"), "{code}\n{failure}");

    // No secret any more: what it was is not shown.
    let open = PLAYBOOK.replace("\"DSN={{ dsn }}\\n\"", "\"DSN=nothing\\n\"");
    host.write("open.yaml", &open);
    let (_, plan) = run(&host, &passwords, given, &["plan", "open.yaml"]);
    assert!(plan.contains("content not shown: secret"), "{plan}");
    watch.end();

    let mut here = Vec::new();
    holding(host.directory(), &passwords, &mut here);
    assert!(here.is_empty(), "{here:?}");
    assert_eq!(found_on_host(&host, &passwords, "nobody"), "", "what others can read");
    let found = found_on_host(&host, &passwords, "root");
    assert!(found.contains("/etc/vault.env") && found.contains("/etc/vault.json"), "the search finds nothing: {found}");

    // What is removed leaves nothing that is not root's record.
    let gone = "name: vault\nhosts: all\nfiles: {/etc/vault.env: {absent: true}, /etc/vault.json: {absent: true}}\n\
                units: {vault.service: {absent: true}}\n";
    host.write("gone.yaml", gone);
    assert_eq!(run(&host, &passwords, given, &["apply", "-y", "gone.yaml"]).0, 0);
    let left = found_on_host(&host, &passwords, "root");
    let elsewhere =
        |line: &&str| !line.starts_with("/var/lib/unitfleet/runs/") && !line.starts_with("/var/log/journal/");
    let records = left.lines().filter(|line| line.starts_with("/var/lib/unitfleet/runs/"));
    assert!(
        records.clone().all(|line| line.contains("/snapshot/")),
        "the record of a run, and not what it replaced: {left}"
    );
    assert_ne!(records.count(), 0, "what was replaced is kept for root");
    assert_eq!(left.lines().filter(elsewhere).collect::<Vec<_>>(), Vec::<&str>::new());
    assert_eq!(
        host.exec("ls -d /etc/unitfleet 2>&1 || true"),
        "ls: cannot access '/etc/unitfleet': No such file or directory"
    );
}

#[test]
fn law_10_a_secret_is_seen_nowhere() {
    law_10(Release::Bookworm);
}

#[test]
fn law_10_on_247_without_systemd_creds() {
    law_10(Release::Bullseye);
}

#[test]
fn law_10_on_257() {
    law_10(Release::Trixie);
}

#[test]
fn a_secret_that_cannot_be_had_stops_the_run_before_any_host() {
    let host = Host::boot("secretless", Release::Bookworm);
    host.write_playbook(
        "name: v\nhosts: all\nsecrets: {a: {command: [sh, -c, \"echo no entry db >&2; exit 4\"]}, b: {env: NOT_SET_HERE}}\n\
         files: {/etc/a: {content: \"{{ a }}{{ b }}\"}}\n",
    );
    let output = host.unitfleet(["apply", "-y", "playbook.yaml"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(65), "{said}");
    assert!(said.contains("playbook.yaml:3:11") && said.contains("it failed with status 4: no entry db"), "{said}");
    assert!(said.contains("the environment variable `NOT_SET_HERE`: it is not set"), "{said}");
    assert_eq!(host.exec("ls /etc/a /var/lib/unitfleet 2>/dev/null || true"), "");
}

#[test]
fn facts_of_each_host_are_in_its_files() {
    let host = Host::boot("facts", Release::Trixie);
    host.write_playbook(
        "name: f\nhosts: all\nfiles:\n  /etc/facts: {content: \"{{ facts.systemd_version }} {{ facts.os }} {{ facts.os_version }} {{ facts.hostname }} {{ facts.cpus }} {{ facts.architecture }} {{ facts.virtualization }} {{ facts.memory > 1000000 }}\\n\"}\n",
    );
    let output = host.unitfleet(["apply", "-y", "playbook.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let expected = host
        .exec("echo 257 debian 13 $(cat /proc/sys/kernel/hostname) $(nproc --all) x86-64 $(systemd-detect-virt) true");
    assert_eq!(host.exec("cat /etc/facts"), expected);
    let output = host.unitfleet(["observe", "--save", "seen.json", "playbook.yaml"]);
    assert_eq!(output.status.code(), Some(0));
    let output = host.unitfleet(["plan", "--observed", "seen.json", "playbook.yaml"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("No changes."), "also offline");
    host.write_playbook("name: f\nhosts: all\nfiles: {/etc/facts: {content: \"{{ facts.kernle }}\"}}\n");
    let output = host.unitfleet(["plan", "playbook.yaml"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(7) && said.contains("did you mean `facts.kernel`?"), "{said}");
}
