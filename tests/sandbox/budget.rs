//! What an apply costs: connections, executions, processes that stay; and loads that are larger or odder than most.

use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use unitfleet::sandbox::{Options, Release};

use crate::answer::{apply, files, no_leftovers, nothing_left, outcome, program, read, runtime, same_files};
use crate::support::Host;

const PLAYBOOK: &str = "\
name: app
hosts: all
unit_defaults: {enabled: true, state: started}
files:
  /etc/app.env: {content: \"A={{ value }}\\n\"}
units:
  app.service:
    Service: {ExecStart: /bin/sleep infinity, EnvironmentFile: /etc/app.env}
    Install: {WantedBy: multi-user.target}
";

/// What a host's sshd has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    logins: usize,
    executions: usize,
}

fn log_verbosely(host: &Host, name: &str) {
    host.exec_on(name, "echo 'LogLevel VERBOSE' >/etc/ssh/sshd_config.d/05-verbose.conf; systemctl restart ssh");
}

fn seen(host: &Host, name: &str) -> Seen {
    let log = host.exec_on(name, "journalctl --sync; journalctl -q -b -t sshd -t sshd-session -o cat");
    let count = |text: &str| log.lines().filter(|line| line.contains(text)).count();
    Seen { logins: count("Accepted publickey"), executions: count("Starting session: ") }
}

/// Runs a command, and gives what each host saw of it.
fn cost(host: &Host, arguments: &[&str]) -> (i32, Vec<Seen>) {
    let names: Vec<String> = host.fleet().hosts().iter().map(|record| record.name.clone()).collect();
    let before: Vec<Seen> = names.iter().map(|name| seen(host, name)).collect();
    let mut command = program(host);
    let inventory = host.inventory_path();
    let output = command.args(&arguments[..1]).arg("-i").arg(inventory).args(&arguments[1..]).output();
    let output = output.expect("the program runs");
    let seen = names.iter().zip(before).map(|(name, before)| {
        let after = seen(host, name);
        Seen { logins: after.logins - before.logins, executions: after.executions - before.executions }
    });
    (output.status.code().unwrap_or(-1), seen.collect())
}

/// Processes of ssh of this test.
fn ssh_processes(host: &Host) -> Vec<String> {
    let marks = [host.fleet().directory().display().to_string(), runtime(host).display().to_string()];
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("/proc is there").flatten() {
        let line = read(&entry.path().join("cmdline")).replace('\0', " ");
        let name = read(&entry.path().join("comm"));
        if name.starts_with("ssh") && marks.iter().any(|mark| line.contains(mark)) {
            found.push(line);
        }
    }
    found
}

#[test]
fn an_apply_costs_one_connection_and_three_executions_a_host() {
    let host = Host::boot_with("budget", Options { hosts: 2, ..Options::default() });
    for name in ["host1", "host2"] {
        log_verbosely(&host, name);
    }
    host.write_playbook(PLAYBOOK);
    let each = |logins, executions| vec![Seen { logins, executions }; 2];

    assert_eq!(cost(&host, &["apply", "-y", "-e", "value=1", "playbook.yaml"]), (0, each(1, 3)));
    // The connection is kept: what follows costs no handshake.
    assert_eq!(cost(&host, &["plan", "-e", "value=1", "playbook.yaml"]), (0, each(0, 1)));
    assert_eq!(cost(&host, &["apply", "-y", "-e", "value=1", "playbook.yaml"]), (0, each(0, 1)));
    assert_eq!(cost(&host, &["apply", "-y", "-e", "value=2", "playbook.yaml"]), (0, each(0, 3)));
    assert_eq!(cost(&host, &["observe", "-e", "value=2", "playbook.yaml"]), (0, each(0, 1)));
    assert!(!ssh_processes(&host).is_empty());

    let closed = program(&host).arg("disconnect").output().expect("the program runs");
    assert!(closed.status.success());
    assert_eq!(String::from_utf8_lossy(&closed.stdout), "Closed 2 connections.\n");
    let began = Instant::now();
    while !ssh_processes(&host).is_empty() {
        assert!(began.elapsed() < Duration::from_secs(5), "left: {:?}", ssh_processes(&host));
        std::thread::sleep(Duration::from_millis(50));
    }
    let closed = program(&host).arg("disconnect").output().expect("the program runs");
    assert_eq!(String::from_utf8_lossy(&closed.stdout), "No connection was kept.\n");

    // Nothing is kept where nothing shall be.
    assert_eq!(cost(&host, &["apply", "-y", "--persist", "0", "-e", "value=3", "playbook.yaml"]), (0, each(1, 3)));
    assert_eq!(ssh_processes(&host), Vec::<String>::new());
    assert_eq!(cost(&host, &["plan", "--persist", "0", "-e", "value=3", "playbook.yaml"]), (0, each(1, 1)));
    assert_eq!(ssh_processes(&host), Vec::<String>::new());

    // Not even when we are killed; and a kept one ends by itself.
    let mut command = program(&host);
    command.args(["apply", "-y", "--persist", "0", "-e", "value=4", "-i"]).arg(host.inventory_path());
    let mut killed = command.arg("playbook.yaml").spawn().expect("the program runs");
    std::thread::sleep(Duration::from_millis(700));
    killed.kill().expect("it can be killed");
    killed.wait().expect("it ends");
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(ssh_processes(&host), Vec::<String>::new());
    assert_eq!(cost(&host, &["plan", "--persist", "1", "-e", "value=3", "playbook.yaml"]).0, 0);
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(ssh_processes(&host), Vec::<String>::new());
}

#[test]
fn a_kept_connection_that_died_is_not_trusted() {
    let host = Host::boot("dead-master", Release::default());
    host.write_playbook(PLAYBOOK);
    let (code, _) = cost(&host, &["plan", "-e", "value=1", "playbook.yaml"]);
    assert_eq!(code, 0);
    // The host reboots under the kept connection: the next command finds a way all the same.
    host.poweroff_hard();
    host.boot_again();
    let began = Instant::now();
    let (code, _) = cost(&host, &["apply", "-y", "-e", "value=1", "playbook.yaml"]);
    assert_eq!(code, 0);
    assert!(began.elapsed() < Duration::from_secs(45), "{:?}", began.elapsed());
    // The same for a master that is stopped, and one whose socket is left over.
    for signal in ["-STOP", "-KILL"] {
        let (code, _) = cost(&host, &["plan", "-e", "value=1", "playbook.yaml"]);
        assert_eq!(code, 0);
        let mark = runtime(&host).display().to_string();
        for entry in std::fs::read_dir("/proc").expect("/proc is there").flatten() {
            let ours = read(&entry.path().join("cmdline")).contains(&mark)
                && read(&entry.path().join("comm")).starts_with("ssh");
            if ours {
                let pid = entry.file_name();
                Command::new("kill").arg(signal).arg(pid).status().expect("kill runs");
            }
        }
        let (code, _) = cost(&host, &["plan", "-e", "value=1", "playbook.yaml"]);
        assert_eq!(code, 0, "{signal}");
    }
    let mark = runtime(&host).display().to_string();
    for entry in std::fs::read_dir("/proc").expect("/proc is there").flatten() {
        if read(&entry.path().join("cmdline")).contains(&mark) && read(&entry.path().join("comm")).starts_with("ssh") {
            Command::new("kill").arg("-KILL").arg(entry.file_name()).status().expect("kill runs");
        }
    }
}

#[test]
fn large_files_many_files_and_every_byte_arrive_as_they_are() {
    let host = Host::boot("payload", Release::default());
    let every: Vec<u8> = (0..=255_u8).cycle().take(256 * 3).collect();
    std::fs::write(host.directory().join("every"), &every).expect("the file can be written");
    // Not compressible, not text, and larger than any buffer on the way.
    let mut state = 0x9e37_79b9_u32;
    let big: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    })
    .take(10 << 20)
    .collect();
    std::fs::write(host.directory().join("big"), &big).expect("the file can be written");
    let mut playbook =
        "name: load\nhosts: all\ndirectories: {/srv/load: {}}\nfiles:\n  /srv/load/every: {source: every}\n  \
                        /srv/load/big: {source: big, mode: \"0600\"}\n  /srv/load/empty: {content: \"\"}\n  \
                        /srv/load/no-newline: {content: \"x\"}\n"
            .to_owned();
    for number in 0..200 {
        writeln!(playbook, "  /srv/load/small-{number}: {{content: \"number {number}\\n\"}}")
            .expect("text takes everything");
    }
    host.write_playbook(&playbook);
    let began = Instant::now();
    let answer = apply(&host).exits(0);
    let took = began.elapsed();
    assert_eq!(outcome(&answer.host(host.name())), "changed");
    assert!(took < Duration::from_secs(20), "{took:?}");
    let hash = |path: &str| host.exec(&format!("sha256sum <{path}"));
    let here = |name: &str| {
        let output = Command::new("sha256sum")
            .stdin(std::fs::File::open(host.directory().join(name)).expect("it is there"))
            .output();
        String::from_utf8_lossy(&output.expect("sha256sum runs").stdout).trim_end().to_owned()
    };
    assert_eq!(hash("/srv/load/every"), here("every"));
    assert_eq!(hash("/srv/load/big"), here("big"));
    assert_eq!(
        host.exec("stat -c '%s %a' /srv/load/big /srv/load/empty /srv/load/no-newline; ls /srv/load | wc -l"),
        "10485760 600\n0 644\n1 644\n204"
    );
    assert_eq!(host.exec("cat /srv/load/small-7 /srv/load/small-199"), "number 7\nnumber 199");
    nothing_left(&host);
    // Every byte of a file that stands on the host is read back as it is.
    host.exec("printf x >>/srv/load/every; printf x | dd of=/srv/load/big bs=1 seek=5000000 conv=notrunc 2>/dev/null");
    apply(&host).exits(0);
    assert_eq!((hash("/srv/load/every"), hash("/srv/load/big")), (here("every"), here("big")));
    nothing_left(&host);
    no_leftovers(&host);
}

#[test]
fn names_that_shells_and_systemd_could_misread_are_only_names() {
    let host = Host::boot("names", Release::default());
    host.write_playbook(
        r#"name: names
hosts: all
directories:
  "/srv/a b": {}
  "/srv/-rf": {mode: "0700"}
files:
  "/srv/a b/c  d": {content: "1\n"}
  "/srv/a b/%n %i": {content: "2\n"}
  "/srv/-rf/*": {content: "3\n"}
  "/srv/-rf/-x": {content: "4\n", mode: "0755"}
  "/srv/-rf/--help": {content: "5\n"}
  "/srv/-rf/$(touch hit)": {content: "6\n"}
  "/srv/-rf/`touch hit`;touch hit": {content: "7\n"}
  "/srv/-rf/it's \"q\" \\ back": {content: "8\n"}
  "/srv/-rf/ü ☃": {content: "9\n"}
  "/srv/-rf/[abc]?~": {content: "10\n"}
unit_defaults: {enabled: true, state: started}
units:
  "dash-ed\\x2dname.service":
    Service: {ExecStart: /bin/sleep infinity}
    Install: {WantedBy: multi-user.target}
  "col:on_under.service":
    Service: {ExecStart: /bin/sleep infinity}
    Install: {WantedBy: multi-user.target}
  "at@a\\x20b.service":
    Service: {ExecStart: "/bin/sleep infinity", Description: null}
    Install: {WantedBy: multi-user.target}
"#
        .replace(", Description: null", "")
        .as_str(),
    );
    let before = files(&host);
    apply(&host).exits(0);
    nothing_left(&host);
    assert_eq!(host.exec("find / -xdev -name hit"), "");
    assert_eq!(
        host.exec("cd /srv/-rf && cat ./-x ./--help './*' './[abc]?~' './ü ☃' '../a b/c  d'"),
        "4\n5\n3\n10\n9\n1"
    );
    let units = [r"dash-ed\x2dname.service", "col:on_under.service", r"at@a\x20b.service"];
    for unit in units {
        assert_eq!(
            host.exec(&format!("systemctl is-active -- '{unit}'; systemctl is-enabled -- '{unit}'")),
            "active\nenabled"
        );
    }
    // A broken neighbour puts each of them back.
    let pids = host.exec("systemctl show -p MainPID -- 'dash-ed\\x2dname.service' 'at@a\\x20b.service'");
    let during = files(&host);
    let text = read(&host.directory().join("playbook.yaml"));
    let changed = text.replace("infinity", "1000000").replace("\\n\"", "changed\\n\"");
    host.write_playbook(&format!(
        "{changed}  broken.service: {{content: \"[Service]\\nType=simple\\n\", enabled: false}}\n"
    ));
    apply(&host).exits(6);
    same_files(&host, &during);
    assert_eq!(host.exec("systemctl show -p MainPID -- 'dash-ed\\x2dname.service' 'at@a\\x20b.service'"), pids);
    no_leftovers(&host);
    // And all of it goes again, without a trace of ours or a loss of others'.
    let gone: String = text
        .lines()
        .map(|line| match line {
            _ if line.starts_with("  \"/srv") => {
                format!("{}: {{absent: true}}\n", line.split("\": ").next().unwrap_or_default().to_owned() + "\"")
            }
            _ if line.starts_with("  \"") => format!("{line} {{absent: true}}\n"),
            _ if line.starts_with("    ") || line.starts_with("unit_defaults") => String::new(),
            _ => format!("{line}\n"),
        })
        .collect();
    host.write_playbook(&gone);
    apply(&host).exits(0);
    nothing_left(&host);
    same_files(&host, &before);
}
