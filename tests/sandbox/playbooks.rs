//! The playbooks that users read first do on a host what they say.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use unitfleet::sandbox::{Options, Release};

use crate::reading::{self, Report, install_vendor_units, property};
use crate::support::Host;

fn host(name: &str, packages: &[&str]) -> Host {
    let with = packages.iter().map(|&package| package.to_owned()).collect();
    Host::boot_with(name, Options { release: Release::Bookworm, with, ..Options::default() })
}

fn run(host: &Host, verb: &[&str], name: &str, more: &[&str]) -> Report {
    let path = format!("{}/playbooks/{name}/playbook.yaml", env!("CARGO_MANIFEST_DIR"));
    let arguments: Vec<&str> = verb.iter().chain(&["--format", "json"]).chain(more).copied().chain([&*path]).collect();
    reading::run(host, &arguments)
}

/// Applies a playbook of the project as it stands there; planning again must find nothing.
fn apply(host: &Host, name: &str, more: &[&str]) -> Report {
    let report = run(host, &["apply", "-y"], name, more);
    assert_eq!((report.code, report.outcome.as_str()), (0, "changed"), "{name}: {:#}", report.part["outcome"]);
    let again = run(host, &["plan"], name, more);
    assert!(again.nothing_to_do() && again.findings.is_empty(), "{name}: {:#?} {:#?}", again.steps, again.findings);
    report
}

/// What a host says to `said` on a port, asked over the network; a service that just started gets some seconds.
fn ask(host: &Host, port: u16, said: &str) -> String {
    let address = format!("{}:{port}", host.fleet().hosts()[0].address);
    let mut tries = 0..50;
    let mut stream = loop {
        match TcpStream::connect(&address) {
            Ok(stream) => break stream,
            Err(error) => assert!(tries.next().is_some(), "nobody answers at {address}: {error}"),
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket has a time limit");
    stream.write_all(said.as_bytes()).expect("it can be written to");
    let mut answer = [0; 4096];
    let mut length = 0;
    while !said.is_empty() || length == 0 {
        match stream.read(&mut answer[length..]).expect("it answers in time") {
            0 => break,
            more => length += more,
        }
    }
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

/// The first thing that a user does: what `init` writes runs on a throw-away host without a change.
#[test]
fn a_new_project_runs_as_it_is() {
    let host = host("starter", &[]);
    let folder = host.directory().join("project");
    let folder = folder.to_str().expect("it is text");
    let made = host.unitfleet(["init", folder]);
    assert!(made.status.success(), "{made:?}");
    let playbook = format!("{folder}/playbook.yaml");
    let report = reading::run(&host, &["apply", "-y", "--format", "json", &playbook]);
    assert_eq!((report.code, report.outcome.as_str()), (0, "changed"), "{:#}", report.part["outcome"]);
    let again = reading::run(&host, &["plan", "--format", "json", &playbook]);
    assert!(again.nothing_to_do() && again.findings.is_empty(), "{:#?} {:#?}", again.steps, again.findings);
    let journal = host.exec("journalctl --sync; journalctl -q -o cat -u hello.service");
    assert!(journal.contains("Hello to somebody from host1"), "{journal}");
}

#[test]
fn quickstart_says_hello() {
    let host = host("quickstart", &[]);
    apply(&host, "quickstart", &[]);
    let said = "journalctl --sync; journalctl -q -o cat -u hello.service";
    let journal = host.exec(said);
    assert!(journal.contains("Hello from host1"), "{journal}");
    let report = apply(&host, "quickstart", &["-e", "greeting=Moin"]);
    assert_eq!(report.steps, ["write_file /etc/hello.env", "restart hello.service"]);
    let journal = host.exec(said);
    assert!(journal.contains("Moin from host1"), "{journal}");
    assert_eq!(host.exec("systemctl is-enabled hello.service"), "enabled");
}

#[test]
fn webapp_answers_that_it_is_well() {
    let host = host("webapp", &["python3"]);
    apply(&host, "webapp", &[]);
    let answer = ask(&host, 8000, "GET /health HTTP/1.0\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.0 200") && answer.contains("\"status\": \"ok\""), "{answer}");
    let page = ask(&host, 8000, "GET / HTTP/1.0\r\n\r\n");
    assert!(page.contains("It works on host1"), "{page}");
    assert_eq!(property(&host, "webapp.service", "User"), "webapp");
    assert_eq!(host.exec("stat -c '%a %U:%G' /etc/webapp.env"), "640 root:webapp");
    let pid = property(&host, "webapp.service", "MainPID");
    assert_eq!(host.exec(&format!("stat -c %U /proc/{pid}")), "webapp");
    let report = apply(&host, "webapp", &["-e", "title=Renamed"]);
    assert_eq!(report.steps, ["write_file /etc/webapp.env", "restart webapp.service"]);
    assert!(ask(&host, 8000, "GET / HTTP/1.0\r\n\r\n").contains("Renamed on host1"));
    apply(&host, "webapp", &["-e", "port=8080"]);
    assert!(ask(&host, 8080, "GET / HTTP/1.0\r\n\r\n").contains("It works on host1"));
    host.reboot();
    let answer = ask(&host, 8080, "GET /health HTTP/1.0\r\n\r\n");
    assert!(answer.contains("\"status\": \"ok\""), "{answer}");
}

#[test]
fn chat_comes_back_when_it_aborts() {
    let host = host("chat", &["python3"]);
    apply(&host, "chat", &[]);
    assert_eq!(ask(&host, 7000, ""), "Your name? ");
    let before = property(&host, "chat.service", "MainPID");
    host.exec("systemctl kill -s ABRT chat.service");
    for _ in 0..50 {
        if property(&host, "chat.service", "NRestarts") == "1"
            && property(&host, "chat.service", "ActiveState") == "active"
        {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(property(&host, "chat.service", "NRestarts"), "1");
    assert_ne!(property(&host, "chat.service", "MainPID"), before);
    assert_eq!(ask(&host, 7000, ""), "Your name? ");
    let again = run(&host, &["plan"], "chat", &[]);
    assert!(again.nothing_to_do(), "a crash that systemd answered is no drift: {:#?}", again.changes);
}

#[test]
fn nightly_runs_at_night_and_packs_what_it_should() {
    let host = host("nightly", &[]);
    apply(&host, "nightly", &[]);
    assert_eq!(
        host.exec("systemctl is-active nightly-backup.timer; systemctl is-enabled nightly-backup.timer"),
        "active\nenabled"
    );
    let next = property(&host, "nightly-backup.timer", "NextElapseUSecRealtime");
    assert!(next.split(' ').nth(2).is_some_and(|time| time.starts_with("03:3")), "{next}");
    assert_eq!(property(&host, "nightly-backup.service", "ExecMainStartTimestampMonotonic"), "0", "not by the apply");
    host.exec("systemctl start nightly-backup.service");
    let packed = host.exec("tar -tzf /var/backups/nightly/*.tar.gz");
    assert!(packed.lines().any(|line| line == "etc/hostname"), "{packed}");
    let again = run(&host, &["plan"], "nightly", &[]);
    assert!(again.nothing_to_do(), "{:#?}", again.changes);
}

#[test]
fn of_two_firewalls_one_is_on_and_the_other_cannot_start() {
    let host = host("firewall", &[]);
    install_vendor_units(&host, &["firewalld.service", "iptables.service"]);
    host.exec("systemctl enable --now iptables.service");
    let look = |unit: &str| host.exec(&format!("systemctl show --value -p LoadState,ActiveState {unit} | paste -s"));
    apply(&host, "firewall", &[]);
    assert_eq!(
        (look("firewalld.service"), look("iptables.service")),
        ("loaded\tactive".into(), "masked\tinactive".into())
    );
    assert!(!host.try_exec("systemctl start iptables.service").status.success());
    let report = apply(&host, "firewall", &["-e", "firewall=iptables"]);
    assert_eq!(
        (look("firewalld.service"), look("iptables.service")),
        ("masked\tinactive".into(), "loaded\tactive".into())
    );
    let at = |wanted: &str| report.steps.iter().position(|step| step == wanted);
    assert!(at("stop firewalld.service") < at("start iptables.service"), "never both: {:#?}", report.steps);
    assert_eq!(host.exec("systemctl is-enabled iptables.service"), "enabled");
}
