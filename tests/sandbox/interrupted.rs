//! Runs that are killed, cut off or met by another one.

use std::time::{Duration, Instant};

use unitfleet::sandbox::Release;

use crate::answer::{
    Answer, answer_of, apply, files, freeze, kill, no_leftovers, nothing_left, outcome, plan, reasons, said,
    same_files, spawn, steps, thaw, wait_until,
};
use crate::support::Host;

fn playbook(value: &str) -> String {
    format!(
        "\
name: app
hosts: all
unit_defaults: {{enabled: true, state: started}}
files:
  /etc/app.env: {{content: \"A={value}\\n\"}}
units:
  app.service:
    Service: {{ExecStart: /bin/sleep infinity, EnvironmentFile: /etc/app.env}}
    Install: {{WantedBy: multi-user.target}}
  second.service:
    Service: {{ExecStart: /bin/sleep infinity, Environment: {{B: \"{value}\"}}}}
    Install: {{WantedBy: multi-user.target}}
"
    )
}

/// What the processes were really started with, which is what counts.
fn runs_with(host: &Host) -> String {
    let read = |unit: &str| {
        let script =
            format!("tr '\\0' '\\n' </proc/$(systemctl show -p MainPID --value {unit})/environ | grep '^[AB]='");
        host.exec(&script)
    };
    format!("{} {}", read("app.service"), read("second.service"))
}

/// Kills the script on the host, as a power cut or the kernel would, with what it waits for.
fn kill_script(host: &Host) {
    host.exec("kill -9 $(sed -n 's/^pid //p' /var/lib/unitfleet/lock) $(cat /run/frozen 2>/dev/null)");
}

#[test]
fn law_07_a_lost_restart_is_never_lost() {
    // 247 does not say when it last read the unit files.
    for release in [Release::Bookworm, Release::Bullseye, Release::Trixie] {
        killed_at_every_place(release);
    }
}

fn killed_at_every_place(release: Release) {
    let host = Host::boot("law07", release);
    host.write_playbook(&playbook("0"));
    apply(&host).exits(0);
    assert_eq!(runs_with(&host), "A=0 B=0");
    // Where the run is killed: the program that stops it, with which arguments, and who is left to restart.
    let places = [
        ("sync", "*app.env*", "before anything is renamed"),
        ("mv", "*/etc/app.env", "before the first file is in its place"),
        ("mv", "*/second.service", "between two files"),
        ("systemctl", "*daemon-reload*", "before the daemon-reload"),
        ("systemctl", "*\\ restart\\ *", "before the restarts"),
        ("sleep", "1.000", "in the settle window, before the marks"),
    ];
    for (number, (name, pattern, place)) in places.into_iter().enumerate() {
        let value = (number + 1).to_string();
        host.write_playbook(&playbook(&value));
        freeze(&host, name, pattern);
        let run = spawn(&host, &["apply", "-y", "playbook.yaml"]);
        wait_until(&host, "[ -s /run/frozen ]");
        kill(run);
        kill_script(&host);
        thaw(&host, name);
        let restarted = place.contains("settle");
        if !restarted {
            assert_ne!(runs_with(&host), format!("A={value} B={value}"), "{place}, {release}");
            let part = plan(&host).host(host.name());
            let planned = steps(&part);
            for unit in ["app.service", "second.service"] {
                assert!(planned.contains(&format!("restart {unit}")), "{place}, {release}: {planned:?}");
            }
            if place == "before the restarts" || place == "before the daemon-reload" {
                let why = reasons(&part, "restart second.service");
                assert!(why.iter().any(|reason| reason.starts_with("stale: ")), "{place}, {release}: {why:?}");
                assert!(!planned.iter().any(|step| step.starts_with("write")), "{place}, {release}: {planned:?}");
            }
        }
        // The lock of the killed run is taken over.
        apply(&host).exits(0);
        assert_eq!(runs_with(&host), format!("A={value} B={value}"), "{place}, {release}");
        nothing_left(&host);
        if !restarted {
            // What was sent to it may hold secrets.
            let kept = host.exec("ls -d /var/lib/unitfleet/runs/*/payload 2>/dev/null || true");
            assert_eq!(kept, "", "{place}, {release}");
        }
        // A lock of the dead may stay where nothing was left to do: it hinders nobody.
        host.exec("if grep -qs . /proc/$(sed -n 's/^pid //p' /var/lib/unitfleet/lock || echo x)/stat; then exit 1; fi");
        assert_eq!(host.exec("find / -xdev -name '*.unitfleet-tmp*'"), "", "{place}, {release}");
    }
}

#[test]
fn a_daemon_reload_that_outlives_everybody_does_not_hide_what_is_left_to_do() {
    let host = Host::boot("generator", Release::default());
    host.write_playbook(&playbook("0"));
    apply(&host).exits(0);
    host.exec(
        "mkdir -p /etc/systemd/system-generators && printf '#!/bin/sh\\n: >/run/slow; sleep 4\\n' \
         >/etc/systemd/system-generators/slow && chmod 755 /etc/systemd/system-generators/slow",
    );
    host.write_playbook(&playbook("1"));
    let run = spawn(&host, &["apply", "-y", "playbook.yaml"]);
    wait_until(&host, "[ -e /run/slow ]");
    kill(run);
    kill_script(&host);
    host.exec("rm /etc/systemd/system-generators/slow");
    wait_until(&host, "systemctl show -p NeedDaemonReload --value app.service second.service | grep -q no");
    assert_eq!(runs_with(&host), "A=0 B=0");
    let part = plan(&host).host(host.name());
    for unit in ["app.service", "second.service"] {
        let why = reasons(&part, &format!("restart {unit}"));
        assert!(why.iter().any(|reason| reason.starts_with("stale: ")), "{unit}: {why:?} of {:?}", steps(&part));
    }
    let shown = crate::answer::text(&host, ["plan", "playbook.yaml"]).stdout;
    assert!(shown.contains("older configuration") || shown.contains("changed after it was started"), "{shown}");
    apply(&host).exits(0);
    assert_eq!(runs_with(&host), "A=1 B=1");
    nothing_left(&host);
}

#[test]
fn the_host_finishes_by_itself_when_its_controller_dies_in_the_middle_of_the_answer() {
    let host = Host::boot("orphan", Release::default());
    for value in ["0", "1"] {
        host.write_playbook(&playbook(value));
        // With and without a process that keeps the connection.
        let persist = if value == "0" { "0" } else { "60" };
        freeze(&host, "systemctl", "*daemon-reload*");
        let run = spawn(&host, &["apply", "-y", "--persist", persist, "playbook.yaml"]);
        wait_until(&host, "[ -s /run/frozen ]");
        kill(run);
        std::thread::sleep(Duration::from_millis(500));
        // The wrapper waits in `sleep`; when that ends, `daemon-reload` has failed and is tried again, for real.
        host.exec("kill $(cat /run/frozen)");
        wait_until(&host, "[ ! -e /var/lib/unitfleet/lock ]");
        thaw(&host, "systemctl");
        assert_eq!(runs_with(&host), format!("A={value} B={value}"));
        nothing_left(&host);
        no_leftovers(&host);
    }
}

#[test]
fn a_connection_that_is_cut_during_the_apply_is_said_in_time_and_stops_nothing_on_the_host() {
    let host = Host::boot("cut", Release::default());
    host.write_playbook(&playbook("0"));
    freeze(&host, "systemctl", "*daemon-reload*");
    let run = spawn(&host, &["apply", "-y", "--format", "json", "playbook.yaml"]);
    wait_until(&host, "[ -s /run/frozen ]");
    host.link(false);
    let began = Instant::now();
    host.exec("kill $(cat /run/frozen)");
    wait_until(&host, "[ ! -e /var/lib/unitfleet/lock ]");
    assert_eq!(runs_with(&host), "A=0 B=0");
    let answer = answer_of(run).exits(1);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    let part = answer.host(host.name());
    assert_eq!(outcome(&part), "failed");
    assert!(said(&part).contains("unitfleet plan"), "{}", said(&part));
    host.link(true);
    thaw(&host, "systemctl");
    // For a moment the neighbour is still remembered as gone.
    while !host.ssh(host.name(), "root", "true").status.success() {}
    nothing_left(&host);
}

#[test]
fn a_change_made_by_hand_that_the_playbook_then_takes_up_is_still_not_running() {
    let host = Host::boot("byhand", Release::default());
    // Once with our record of the start, once without: then the files' times tell.
    for record in [true, false] {
        host.write_playbook(&playbook("0"));
        apply(&host).exits(0);
        host.exec("sleep 0.3; echo A=1 >/etc/app.env; sed -i 's/B=0/B=1/' /etc/systemd/system/second.service; systemctl daemon-reload");
        if !record {
            host.exec("rm -r /run/unitfleet/started");
        }
        host.write_playbook(&playbook("1"));
        let part = plan(&host).host(host.name());
        for unit in ["app.service", "second.service"] {
            let why = reasons(&part, &format!("restart {unit}"));
            assert!(why.iter().any(|reason| reason.starts_with("stale: ")), "{unit}, {record}: {:?}", steps(&part));
        }
        assert!(!steps(&part).iter().any(|step| step.starts_with("write")), "{:?}", steps(&part));
        apply(&host).exits(0);
        assert_eq!(runs_with(&host), "A=1 B=1");
        nothing_left(&host);
    }
}

#[test]
fn a_service_that_was_started_by_hand_with_older_files_is_found_without_any_record() {
    let host = Host::boot("foreign", Release::default());
    host.exec(
        "printf '[Service]\\nExecStart=/bin/sleep infinity\\nEnvironmentFile=/etc/app.env\\n' >/etc/systemd/system/app.service; \
         echo A=0 >/etc/app.env; systemctl daemon-reload; systemctl start app.service; sleep 0.3; echo A=1 >/etc/app.env",
    );
    host.write_playbook(
        "name: app\nhosts: all\nfiles:\n  /etc/app.env: {content: \"A=1\\n\"}\nunits:\n  app.service: {state: started}\n",
    );
    let part = plan(&host).host(host.name());
    let why = reasons(&part, "restart app.service");
    assert!(why.iter().any(|reason| reason.starts_with("stale: ")), "{:#}", part["plan"]);
    apply(&host).exits(0);
    nothing_left(&host);
}

#[test]
fn a_second_apply_is_refused_by_name_and_the_first_is_not_disturbed() {
    let host = Host::boot("twice", Release::default());
    host.write_playbook(&playbook("0"));
    freeze(&host, "systemctl", "*daemon-reload*");
    let first = spawn(&host, &["apply", "-y", "--format", "json", "playbook.yaml"]);
    wait_until(&host, "[ -s /run/frozen ]");
    let before = files(&host);
    let lock = host.exec("cat /var/lib/unitfleet/lock");
    let value = |key: &str| {
        let line = lock.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
        line.unwrap_or_default().to_owned()
    };
    let refused = apply(&host).exits(7).host(host.name());
    assert_eq!(outcome(&refused), "refused");
    let text = said(&refused);
    for part in [value("run"), value("who")] {
        assert!(!part.is_empty() && text.contains(&part), "`{part}` of the lock is not in: {text}");
    }
    let since: i64 = value("since").parse().expect("a time");
    let minute = jiff_minute(since);
    assert!(text.contains(&minute), "since {minute} is not in: {text}");
    same_files(&host, &before);
    assert_eq!(host.exec("ls /var/lib/unitfleet/runs").lines().count(), 1, "the refused apply left a run");
    // A plan is not refused, and says it.
    let shown = crate::answer::text(&host, ["plan", "playbook.yaml"]).exits(0).stdout;
    assert!(shown.contains(&value("run")), "{shown}");
    host.exec("kill $(cat /run/frozen)");
    let first = answer_of(first).exits(0);
    assert_eq!(outcome(&first.host(host.name())), "changed");
    nothing_left(&host);
    no_leftovers(&host);
}

/// Date, hour and minute in UTC, by this machine's `date`.
fn jiff_minute(since: i64) -> String {
    let mut date = std::process::Command::new("date");
    let output = date.args(["-u", "-d", &format!("@{since}"), "+%Y-%m-%d %H:%M"]).output().expect("date runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn a_lock_that_nobody_holds_is_taken_over() {
    let host = Host::boot("stale-lock", Release::default());
    host.write_playbook(&playbook("0"));
    apply(&host).exits(0);
    let boot = host.exec("cat /proc/sys/kernel/random/boot_id");
    let lock = |pid: &str, began: &str, boot: &str| {
        format!("unitfleet-lock 1\nrun old\nwho someone@there\nsince 1\npid {pid}\nbegan {began}\nboot {boot}\nend\n")
    };
    let other = "11111111-2222-3333-4444-555555555555";
    let one = host.exec("cut -d' ' -f22 /proc/1/stat");
    let stale = [
        ("an empty one, after a power cut", String::new()),
        ("one that was cut", "unitfleet-lock 1\nrun o".to_owned()),
        ("of a process that is gone", lock("4194303", "77", &boot)),
        ("of a process whose number another has now", lock("1", "77777777", &boot)),
        ("of an earlier boot", lock("1", &one, other)),
    ];
    for (number, (what, text)) in stale.into_iter().enumerate() {
        host.write_playbook(&playbook(&format!("{}", number + 1)));
        host.exec(&format!("printf '%s' '{text}' >/var/lib/unitfleet/lock"));
        let answer = apply(&host);
        assert_eq!(answer.code, 0, "{what}: {}", said(&answer.host(host.name())));
        no_leftovers(&host);
    }
    // And one that lives is not.
    host.write_playbook(&playbook("live"));
    host.exec(&format!("printf '%s' '{}' >/var/lib/unitfleet/lock", lock("1", &one, &boot)));
    apply(&host).exits(7);
    host.exec("grep -q 'run old' /var/lib/unitfleet/lock && rm /var/lib/unitfleet/lock");
    apply(&host).exits(0);
    nothing_left(&host);
}

/// Lets an apply run into a program that waits, does something on the host meanwhile, and lets it go on.
fn meanwhile(host: &Host, (program, pattern): (&str, &str), script: &str) -> Answer {
    freeze(host, program, pattern);
    let run = spawn(host, &["apply", "-y", "--format", "json", "playbook.yaml"]);
    wait_until(host, "[ -s /run/frozen ]");
    host.exec(script);
    host.exec("kill $(cat /run/frozen)");
    let answer = answer_of(run);
    thaw(host, program);
    answer
}

#[test]
fn law_07_what_others_start_while_an_apply_runs_is_not_taken_for_ours() {
    let host = Host::boot("meanwhile", Release::default());
    host.write_playbook(&playbook("0"));
    apply(&host).exits(0);

    // It was down, shall be started, and a hand starts it before the new file is in its place.
    host.exec("systemctl stop app.service");
    host.write_playbook(&playbook("1"));
    let answer = meanwhile(&host, ("sync", "*app.env*"), "systemctl start app.service; sleep 0.3").exits(1);
    assert_eq!(runs_with(&host), "A=0 B=1");
    let left = answer.host(host.name())["remaining"]["steps"].to_string();
    assert!(left.contains("app.service"), "{left}");
    apply(&host).exits(0);
    assert_eq!(runs_with(&host), "A=1 B=1");
    nothing_left(&host);

    // Nothing shall be done to it, and a hand restarts it with another file, which is then put back.
    host.write_playbook(&playbook("1").replace("B: \"1\"", "B: \"2\""));
    let hand = "echo A=9 >/etc/app.env; systemctl restart app.service; sleep 0.3; echo A=1 >/etc/app.env";
    let answer = meanwhile(&host, ("sync", "*second.service*"), hand).exits(1);
    assert_eq!(runs_with(&host), "A=9 B=2");
    let left = answer.host(host.name())["remaining"]["steps"].to_string();
    assert!(left.contains("app.service"), "{left}");
    apply(&host).exits(0);
    assert_eq!(runs_with(&host), "A=1 B=2");
    nothing_left(&host);
}

#[test]
fn what_was_stopped_while_a_person_read_the_plan_is_not_started_by_its_restart() {
    let host = Host::boot("stopped", Release::default());
    host.write_playbook(&playbook("0"));
    apply(&host).exits(0);
    host.write_playbook(&playbook("1"));
    let answer = meanwhile(&host, ("ln", "*.lock-*"), "systemctl stop app.service").exits(1);
    let part = answer.host(host.name());
    assert!(steps(&part).contains(&"restart app.service".to_owned()), "{:?}", steps(&part));
    let left = part["remaining"]["steps"].to_string();
    assert!(left.contains(r#""action":"start","unit":"app.service""#), "{left}");
    let active = |unit: &str| host.exec(&format!("systemctl show -p ActiveState --value {unit}"));
    assert_eq!(active("app.service"), "inactive");
    assert_eq!(active("second.service"), "active");
    apply(&host).exits(0);
    assert_eq!(runs_with(&host), "A=1 B=1");
    nothing_left(&host);
}

#[test]
fn a_run_that_is_killed_while_it_takes_over_a_lock_locks_nobody_out() {
    let host = Host::boot("takeover", Release::default());
    host.write_playbook(&playbook("0"));
    apply(&host).exits(0);
    let boot = host.exec("cat /proc/sys/kernel/random/boot_id");
    host.exec(&format!(
        "printf 'unitfleet-lock 1\\nrun old\\nwho a\\nsince 1\\npid 4194303\\nbegan 77\\nboot {boot}\\nend\\n' >/var/lib/unitfleet/lock"
    ));
    host.write_playbook(&playbook("1"));
    // Twice: the second of them succeeds one that was killed itself.
    for _ in 0..2 {
        freeze(&host, "rm", "*unitfleet/lock");
        let run = spawn(&host, &["apply", "-y", "playbook.yaml"]);
        wait_until(&host, "[ -s /run/frozen ]");
        // Who holds the claim and lives is respected.
        apply(&host).exits(7);
        host.exec("p=$(cat /run/frozen); kill -9 $(sed -n 's/^PPid:.//p' /proc/$p/status) $p");
        kill(run);
        thaw(&host, "rm");
    }
    host.exec("grep -q 'run old' /var/lib/unitfleet/lock");
    apply(&host).exits(0);
    assert_eq!(runs_with(&host), "A=1 B=1");
    nothing_left(&host);
    no_leftovers(&host);
}
