//! What an apply does to a host, and what it leaves alone: first and second applies, order, reboots, changes of a
//! playbook, removal.

use unitfleet::sandbox::Release;

use crate::drift::{ESTATE, UNITS, fingerprint, settle_estate};
use crate::reading::{self, assert_in_sync, disturbed, install_vendor_units, property, runs, snapshot, units_loaded};
use crate::support::Host;

#[test]
fn law_03_a_second_plan_finds_no_steps() {
    apply_twice(Release::Bookworm);
}

#[test]
fn a_second_plan_finds_no_steps_on_bullseye() {
    apply_twice(Release::Bullseye);
}

#[test]
fn a_second_plan_finds_no_steps_on_trixie() {
    apply_twice(Release::Trixie);
}

/// The first apply makes everything, the second one writes nothing, and a reboot makes no difference.
fn apply_twice(release: Release) {
    let host = Host::boot("law-03", release);
    settle_estate(&host);
    expect_estate(&host);
    let (files, before) = (snapshot(&host, WRITTEN), runs(&host, &UNITS));
    let again = reading::apply(&host);
    assert!(again.nothing_to_do(), "{:#?} {:#?}", again.changes, again.steps);
    assert!(again.ended.is_empty() && again.findings.is_empty(), "{:#?}", again.part);
    assert_eq!(snapshot(&host, WRITTEN), files, "the second apply wrote");
    assert_eq!(disturbed(&before, &runs(&host, &UNITS)), [""; 0], "the second apply touched units");
    let looks = fingerprint(&host);
    host.reboot();
    assert_eq!(fingerprint(&host), looks, "after a reboot");
    assert_in_sync(&host, "after a reboot");
    host.poweroff_hard();
    host.boot_again();
    assert_eq!(fingerprint(&host), looks, "after a power cut");
    assert_in_sync(&host, "after a power cut");
    let before = runs(&host, &UNITS);
    assert!(reading::apply(&host).nothing_to_do());
    assert_eq!(disturbed(&before, &runs(&host, &UNITS)), [""; 0]);
}

const SELF_EDITING: &str = r#"
name: self
hosts: all
files:
  /etc/x.conf: {content: "x\n"}
unit_defaults: {enabled: true, state: started}
units:
  x.service:
    Service: {Type: exec, ExecStartPre: /bin/sh -c 'echo mine >>/etc/x.conf', ExecStart: /bin/sleep infinity}
    Install: {WantedBy: multi-user.target}
"#;

#[test]
fn a_host_that_differs_after_all_steps_were_done_is_failed_with_what_still_differs() {
    let host = Host::boot("self-editing", Release::Bookworm);
    host.write_playbook(SELF_EDITING);
    let report = reading::try_apply(&host);
    assert_eq!((report.code, report.outcome.as_str()), (1, "failed"), "{:#}", report.part);
    assert!(report.ended.iter().all(|ended| ended == "done"), "{:?}", report.ended);
    let remaining = report.part["remaining"]["changes"].as_array().expect("what still differs");
    let kinds: Vec<_> = remaining.iter().map(|change| (&change["kind"]["kind"], &change["kind"]["path"])).collect();
    assert_eq!(kinds, [(&serde_json::json!("file"), &serde_json::json!("/etc/x.conf"))], "{remaining:#?}");
    // The same for people.
    host.exec("systemctl stop x.service");
    let output = host.unitfleet(["apply", "-y", "--settle", "0", "playbook.yaml"]);
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    let (_, differs) = shown.split_once("still differs after the apply").unwrap_or_else(|| panic!("{shown}"));
    assert!(differs.contains("/etc/x.conf") && differs.contains("-mine"), "{shown}");
}

/// Where the program writes at all.
const WRITTEN: &str = "/etc /srv /var/lib/unitfleet /run/unitfleet /run/systemd/system /usr/lib/systemd/system";

/// What the estate asks for, looked up by hand.
fn expect_estate(host: &Host) {
    let check = |script: &str| host.exec(script);
    assert_eq!(
        check("stat -c '%a %U:%G' /srv/worker /srv/worker/settings.conf"),
        "750 worker:worker\n640 worker:worker"
    );
    assert_eq!(check("stat -c '%a %U:%G' /etc/main.env /srv/spool"), "640 root:worker\n755 root:root");
    assert_eq!(check("getent passwd worker | cut -d: -f6,7"), "/srv/worker:/usr/sbin/nologin");
    assert_eq!(check("test $(id -u worker) -lt 1000 && echo system"), "system");
    assert_eq!(check("systemctl get-default"), "multi-user.target");
    let up = [
        "main.service",
        "steady.service",
        "watcher.service",
        "job.timer",
        "echo.socket",
        "spool.path",
        "worker@a.service",
        "worker@b.service",
        "crew.target",
        "crew.slice",
        "srv-scratch.mount",
        "open.service",
    ];
    for unit in up {
        let state = host.exec(&format!("systemctl is-active {unit}; systemctl is-enabled {unit}"));
        assert_eq!(state, "active\nenabled", "{unit}");
    }
    assert_eq!(property(host, "blocked.service", "LoadState"), "masked");
    assert_eq!(property(host, "job.timer", "NextElapseUSecRealtime").split(' ').nth(2), Some("03:30:00"));
    let main = host.exec("cat /proc/$(systemctl show --value -p MainPID main.service)/environ | tr '\\0' '\\n'");
    assert!(main.contains("GREETING=hello"), "{main}");
    assert_eq!(property(host, "main.service", "LimitNOFILE"), "4096");
    assert_eq!(property(host, "main.service", "User"), "worker");
    let answer = call(host, 7777);
    assert!(answer.starts_with("echo "), "{answer}");
    host.exec("systemctl stop echo.service 2>/dev/null");
}

/// What somebody who connects to a port is told.
fn call(host: &Host, port: u16) -> String {
    host.exec(&format!("timeout 10 bash -c 'cat </dev/tcp/127.0.0.1/{port}'"))
}

#[test]
fn law_02_reading_verbs_change_nothing_on_a_host() {
    let host = Host::boot("law-02", Release::Bookworm);
    install_vendor_units(&host, &["blocked.service", "open.service"]);
    host.write_playbook(ESTATE);
    look_without_trace(&host, "before anything is installed");
    reading::apply(&host);
    look_without_trace(&host, "in sync");
    host.exec("echo x >>/srv/notes.txt; systemctl stop main.service; systemctl disable watcher.service");
    host.exec("rm /etc/systemd/system/job.timer; systemctl mask --runtime open.service");
    look_without_trace(&host, "after drift");
}

/// Plans and observes as root and as a user without privilege.
fn look_without_trace(host: &Host, when: &str) {
    let everywhere = "/etc /var/lib /var/tmp /tmp /root /home /srv /run/systemd/system /run/unitfleet /usr/local";
    let own = std::fs::read_to_string(host.inventory_path()).expect("the fleet's inventory");
    let plain = host.write("plain.yaml", &own.replace("user: root", "user: plain"));
    // What a login makes by itself is there before.
    host.ssh(host.name(), "plain", "true");
    host.ssh(host.name(), "root", "true");
    let (files, units, before) = (snapshot(host, everywhere), units_loaded(host), runs(host, &UNITS));
    for arguments in
        [["plan", "--format", "json", "playbook.yaml"].as_slice(), &["observe", "--format", "json", "playbook.yaml"]]
    {
        for inventory in [host.inventory_path(), plain.clone()] {
            // Not through `Host`, which gives its own inventory.
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_unitfleet"));
            command.arg(arguments[0]).arg("-i").arg(&inventory).args(&arguments[1..]);
            command.env("XDG_RUNTIME_DIR", host.directory().join("runtime"));
            let output = command.current_dir(host.directory()).env("NO_COLOR", "1").output().expect("it runs");
            let shown = String::from_utf8_lossy(&output.stdout);
            assert_eq!(
                output.status.code(),
                Some(0),
                "{when}: {arguments:?} {}",
                String::from_utf8_lossy(&output.stderr)
            );
            assert!(shown.contains("\"host1\""), "{when}: {shown}");
            assert_eq!(snapshot(host, everywhere), files, "{when}: {arguments:?} with {}", inventory.display());
            assert_eq!(units_loaded(host), units, "{when}: {arguments:?} with {}", inventory.display());
            assert_eq!(disturbed(&before, &runs(host, &UNITS)), [""; 0], "{when}: {arguments:?}");
        }
    }
}

const ORDER_BEFORE: &str = r"
name: order
hosts: all
unit_defaults: {enabled: true, state: started}
units:
  old.service:
    Service:
      Type: exec
      ExecStart: /bin/sleep infinity
      ExecStop: /bin/sh -c 'cat /etc/systemd/system/old.service /etc/new.conf /etc/systemd/system/new.service >/srv/old.stop'
    Install: {WantedBy: multi-user.target}
";

const ORDER_AFTER: &str = r#"
name: order
hosts: all
users:
  tender: {}
directories:
  /srv/tender: {owner: tender}
files:
  /etc/new.conf: {content: "new\n", group: tender}
unit_defaults: {enabled: true, state: started}
units:
  old.service: {absent: true}
  # Alphabetically first, but it comes after the others.
  new.service:
    Unit: {After: "second.service zeroth.service", Requires: second.service}
    Service:
      Type: exec
      ExecStartPre: /bin/sh -c 'ls /etc/systemd/system/old.service /etc/systemd/system/multi-user.target.wants/ >/srv/new.start 2>&1 || :'
      ExecStart: /bin/sleep infinity
    Install: {WantedBy: multi-user.target}
  second.service:
    Unit: {After: zeroth.service}
    Service: {Type: oneshot, RemainAfterExit: true, ExecStart: /bin/sleep 0.3}
    Install: {WantedBy: multi-user.target}
  zeroth.service:
    Service: {Type: oneshot, RemainAfterExit: true, ExecStart: /bin/sleep 0.3}
    Install: {WantedBy: multi-user.target}
"#;

#[test]
fn law_04_apply_runs_the_printed_steps_in_order() {
    let host = Host::boot("law-04", Release::Bookworm);
    host.write_playbook(ORDER_BEFORE);
    reading::apply(&host);
    host.write_playbook(ORDER_AFTER);
    let planned = reading::plan(&host);
    let reloads = daemon_reloads(&host);
    let applied = reading::apply(&host);
    let wants = "/etc/systemd/system/multi-user.target.wants";
    let steps = [
        "create_user tender",
        "create_directory /srv/tender",
        "write_file /etc/new.conf",
        "write_file /etc/systemd/system/new.service",
        "write_file /etc/systemd/system/second.service",
        "write_file /etc/systemd/system/zeroth.service",
        &format!("make_link {wants}/new.service"),
        &format!("remove_link {wants}/old.service"),
        &format!("make_link {wants}/second.service"),
        &format!("make_link {wants}/zeroth.service"),
        "daemon_reload",
        "gate",
        "stop old.service",
        "remove_file /etc/systemd/system/old.service",
        "daemon_reload",
        "start zeroth.service",
        "start second.service",
        "start new.service",
    ];
    assert_eq!(planned.steps, steps);
    assert_eq!(
        applied.part["plan"]["steps"], planned.part["plan"]["steps"],
        "the plan that was run is the printed one"
    );
    assert_eq!(applied.ended, vec!["done"; steps.len()], "{:#}", applied.part["steps"]);
    let order: Vec<u64> =
        applied.part["steps"].as_array().unwrap().iter().filter_map(|it| it["step"].as_u64()).collect();
    assert!(order.iter().copied().eq(0..steps.len() as u64), "{order:?}");
    // What the host itself saw. Everything was written when the old unit was stopped, and its file still said how …
    let stopped = host.exec("cat /srv/old.stop");
    assert!(
        stopped.contains("ExecStop=") && stopped.contains("new\n") && stopped.contains("Requires=second"),
        "{stopped}"
    );
    // … it was gone before the new one was started, whose links were made …
    let started = host.exec("cat /srv/new.start");
    assert!(started.contains("cannot access '/etc/systemd/system/old.service'"), "{started}");
    assert!(started.contains("new.service\n") && !started.contains("\nold.service"), "{started}");
    // … which waited for those that it comes after.
    let at =
        |unit: &str, property_name: &str| property(&host, unit, property_name).parse::<u64>().expect("microseconds");
    let (zeroth, second) = (
        at("zeroth.service", "ActiveEnterTimestampMonotonic"),
        at("second.service", "ExecMainStartTimestampMonotonic"),
    );
    assert!(zeroth <= second, "{zeroth} {second}");
    let (second, new) =
        (at("second.service", "ActiveEnterTimestampMonotonic"), at("new.service", "ExecMainStartTimestampMonotonic"));
    assert!(second <= new, "{second} {new}");
    assert_eq!(daemon_reloads(&host) - reloads, 2, "one after the writes, one after the removals");
    assert_in_sync(&host, "afterwards");
}

/// How often PID 1 read its unit files.
fn daemon_reloads(host: &Host) -> usize {
    host.exec("journalctl --sync; journalctl -q -o cat _PID=1 | grep -c '^Reloading[.]' || :")
        .parse()
        .expect("a number")
}

#[test]
fn the_first_apply_reloads_once() {
    let host = Host::boot("one-reload", Release::Bookworm);
    host.write_playbook(ORDER_BEFORE);
    let reloads = daemon_reloads(&host);
    reading::apply(&host);
    assert_eq!(daemon_reloads(&host) - reloads, 1);
}

const TYPES: &str = r"
name: types
hosts: all
unit_defaults: {enabled: true, state: started}
units:
  all.service:
    Service: {Type: exec, ExecStart: /bin/sleep infinity, Slice: all.slice}
    Install: {WantedBy: all.target}
  all.slice:
    Slice: {CPUWeight: 50}
    Install: {WantedBy: multi-user.target}
  all.target:
    Install: {WantedBy: multi-user.target}
  call.socket:
    Socket: {ListenStream: /run/call, Accept: true}
    Install: {WantedBy: sockets.target}
  call@.service:
    Service: {ExecStart: -/bin/cat, StandardInput: socket}
  all.timer:
    Timer: {OnBootSec: 1d}
    Install: {WantedBy: timers.target}
  all.path:
    Path: {PathExists: /srv/all}
    Install: {WantedBy: multi-user.target}
  srv-disk.mount:
    Mount: {What: tmpfs, Where: /srv/disk, Type: tmpfs}
    Install: {WantedBy: multi-user.target}
  # No host in a container has autofs or swap: these are installed, enabled, and not started.
  srv-disk.automount:
    state: null
    Automount: {Where: /srv/disk}
    Install: {WantedBy: multi-user.target}
  srv-swapfile.swap:
    state: null
    enabled: null
    Swap: {What: /srv/swapfile}
";

#[test]
fn every_type_of_unit_is_applied() {
    let host = Host::boot("types", Release::Bookworm);
    host.write_playbook(TYPES);
    reading::apply(&host);
    for unit in ["all.service", "all.slice", "all.target", "call.socket", "all.timer", "all.path", "srv-disk.mount"] {
        assert_eq!(
            host.exec(&format!("systemctl is-active {unit}; systemctl is-enabled {unit}")),
            "active\nenabled",
            "{unit}"
        );
    }
    assert_eq!(property(&host, "srv-disk.automount", "LoadState"), "loaded");
    assert_eq!(property(&host, "srv-disk.automount", "UnitFileState"), "enabled");
    assert_eq!(property(&host, "srv-swapfile.swap", "LoadState"), "loaded");
    assert_eq!(property(&host, "all.service", "Slice"), "all.slice");
    assert_eq!(host.exec("stat -f -c %T /srv/disk"), "tmpfs");
    assert_in_sync(&host, "afterwards");
}

/// A playbook with one service in a few forms.
fn one_service(unit: &str, on_change: &str, service: &str, install: &str) -> String {
    format!(
        "name: one\nhosts: all\nunit_defaults: {{enabled: true, state: started}}\nunits:\n  one.service:\n    {on_change}\n    \
         Unit: {{{unit}}}\n    Service: {{Type: exec, {service}}}\n    Install: {{WantedBy: {install}}}\n  \
         other.service:\n    Service: {{Type: exec, ExecStart: /bin/sleep infinity}}\n    Install: {{WantedBy: multi-user.target}}\n"
    )
}

#[test]
fn a_change_restarts_exactly_the_service_that_it_is_about() {
    let host = Host::boot("restarts", Release::Bookworm);
    let units = ["one.service", "other.service"];
    let on_change = "on_change: auto";
    host.write_playbook(&one_service(
        "Description: One",
        on_change,
        "ExecStart: /bin/sleep infinity",
        "multi-user.target",
    ));
    reading::apply(&host);
    let before = runs(&host, &units);
    host.write_playbook(&one_service(
        "Description: One",
        on_change,
        "ExecStart: /bin/sleep 100000",
        "multi-user.target",
    ));
    let report = reading::apply(&host);
    assert_eq!(report.changes, ["file /etc/systemd/system/one.service"]);
    let text = "write_file /etc/systemd/system/one.service";
    assert_eq!(report.steps, [text, "daemon_reload", "gate", "restart one.service"]);
    let reason = report.part["plan"]["steps"][3]["reasons"].to_string();
    assert!(reason.contains("ExecStart"), "the reason names the directive: {reason}");
    assert_eq!(disturbed(&before, &runs(&host, &units)), ["one.service"]);
    let command = host.exec("tr '\\0' ' ' </proc/$(systemctl show --value -p MainPID one.service)/cmdline");
    assert_eq!(command, "/bin/sleep 100000");
    assert_in_sync(&host, "afterwards");

    // Where it is wanted is no setting of the process.
    let before = runs(&host, &units);
    host.write_playbook(&one_service("Description: One", on_change, "ExecStart: /bin/sleep 100000", "basic.target"));
    let report = reading::apply(&host);
    let link = |target: &str| format!("link /etc/systemd/system/{target}.wants/one.service");
    let changes = [
        "file /etc/systemd/system/one.service".to_owned(),
        format!("new {}", link("basic.target")),
        format!("no {}", link("multi-user.target")),
    ];
    assert_eq!(report.changes, changes);
    assert_eq!(disturbed(&before, &runs(&host, &units)), [""; 0]);
    assert_eq!(
        host.exec("ls -d /etc/systemd/system/*.wants/one.service"),
        "/etc/systemd/system/basic.target.wants/one.service"
    );
    assert_in_sync(&host, "afterwards");
}

/// A start would only join the job that is under way, and the process would come up with its old settings.
#[test]
fn a_service_that_is_still_starting_is_restarted_with_its_new_settings() {
    let host = Host::boot("starting", Release::Bookworm);
    let playbook = |state: &str, service: &str| {
        format!("name: slow\nhosts: all\nunits:\n  slow.service:\n    state: {state}\n    Service: {{{service}}}\n")
    };
    host.write_playbook(&playbook("null", "Type: notify, TimeoutStartSec: infinity, ExecStart: /bin/sleep infinity"));
    reading::apply(&host);
    host.exec("systemctl start --no-block slow.service");
    assert_eq!(host.exec("systemctl show --value -p ActiveState slow.service"), "activating");
    host.write_playbook(&playbook("started", "Type: exec, ExecStart: /bin/sleep 100000"));
    let report = reading::apply(&host);
    let steps = ["write_file /etc/systemd/system/slow.service", "daemon_reload", "gate", "restart slow.service"];
    assert_eq!(report.steps, steps);
    let command = host.exec("tr '\\0' ' ' </proc/$(systemctl show --value -p MainPID slow.service)/cmdline");
    assert_eq!(command, "/bin/sleep 100000");
    assert_in_sync(&host, "afterwards");
}

#[test]
fn a_comment_restarts_nothing() {
    let host = Host::boot("comment", Release::Bookworm);
    let playbook = |comment: &str| {
        format!(
            "name: one\nhosts: all\nunits:\n  one.service:\n    state: started\n    content: |\n      {comment}\n      \
             [Service]\n      Type=exec\n      ExecStart=/bin/sleep infinity\n"
        )
    };
    host.write_playbook(&playbook("# one"));
    reading::apply(&host);
    let before = runs(&host, &["one.service"]);
    host.write_playbook(&playbook("# another"));
    let report = reading::apply(&host);
    assert_eq!(report.steps, ["write_file /etc/systemd/system/one.service", "daemon_reload", "gate"]);
    assert_eq!(disturbed(&before, &runs(&host, &["one.service"])), [""; 0]);
    assert_in_sync(&host, "afterwards");
}

#[test]
fn a_watched_file_and_an_environment_file_restart_only_their_unit() {
    let host = Host::boot("watched", Release::Bookworm);
    settle_estate(&host);
    for (old, new, unit, file) in [
        ("content: \"watched\\n\"", "content: \"looked at\\n\"", "watcher.service", "/srv/watched.txt"),
        ("GREETING=hello", "GREETING=welcome", "main.service", "/etc/main.env"),
    ] {
        let before = runs(&host, &UNITS);
        assert!(ESTATE.contains(old), "{old}");
        host.write_playbook(&ESTATE.replace(old, new));
        let report = reading::apply(&host);
        assert_eq!(report.changes, [format!("file {file}")]);
        assert_eq!(report.steps, [format!("write_file {file}"), format!("restart {unit}")]);
        assert_eq!(disturbed(&before, &runs(&host, &UNITS)), [unit]);
        assert_in_sync(&host, file);
        host.write_playbook(ESTATE);
        reading::apply(&host);
    }
}

#[test]
fn files_behind_links_and_files_of_instances_restart_their_reader() {
    let host = Host::boot("inputs", Release::Bookworm);
    host.exec(
        "mkdir -p /opt/v1 /etc/w && echo one >/opt/v1/app && ln -s v1/app /opt/app && echo A=1 >/etc/w/a.env && \
         printf '[Service]\\nExecStart=/bin/sleep infinity\\n' >/opt/v1/linked.service && \
         ln -s ../../../opt/v1/linked.service /etc/systemd/system/linked.service && systemctl daemon-reload",
    );
    host.write_playbook(
        "name: m\nhosts: all\nunit_defaults: {state: started}\nunits:\n  linked.service: {watch: [/opt/app]}\n  \
         w@.service: {instances: [a, b], Service: {ExecStart: /bin/sleep infinity, EnvironmentFile: -/etc/w/%i.env}}\n",
    );
    reading::apply(&host);
    assert_in_sync(&host, "after the first apply");
    for (edit, unit) in [
        ("echo two >/opt/v1/app", "linked.service"),
        ("echo A=2 >/etc/w/a.env", "w@a.service"),
        ("echo A=1 >/etc/w/b.env", "w@b.service"),
    ] {
        let units = ["linked.service", "w@a.service", "w@b.service"];
        let before = runs(&host, &units);
        host.exec(edit);
        reading::apply(&host);
        assert_eq!(disturbed(&before, &runs(&host, &units)), [unit], "{edit}");
        assert_in_sync(&host, edit);
    }
}

#[test]
fn a_timers_new_schedule_needs_a_reload_and_no_restart() {
    let host = Host::boot("timer", Release::Bookworm);
    settle_estate(&host);
    let before = runs(&host, &UNITS);
    host.write_playbook(&ESTATE.replace("03:30:00", "04:45:00"));
    let report = reading::apply(&host);
    assert_eq!(report.changes, ["file /etc/systemd/system/job.timer", "goes_on job.timer"]);
    assert_eq!(report.steps, ["write_file /etc/systemd/system/job.timer", "daemon_reload", "gate"]);
    assert_eq!(disturbed(&before, &runs(&host, &UNITS)), [""; 0]);
    let next = property(&host, "job.timer", "NextElapseUSecRealtime");
    assert_eq!(next.split(' ').nth(2), Some("04:45:00"), "{next}");
    assert_in_sync(&host, "afterwards");
}

#[test]
fn a_sockets_new_address_is_answered_while_its_service_ran() {
    let host = Host::boot("socket", Release::Bookworm);
    settle_estate(&host);
    let first = call(&host, 7777);
    let before = runs(&host, &UNITS);
    assert!(before["echo.service"].contains("ActiveState=active"));
    host.write_playbook(&ESTATE.replace("127.0.0.1:7777", "127.0.0.1:7778"));
    let report = reading::apply(&host);
    assert_eq!(report.changes, ["file /etc/systemd/system/echo.socket"]);
    let steps = [
        "write_file /etc/systemd/system/echo.socket",
        "daemon_reload",
        "gate",
        "stop echo.socket",
        "stop echo.service",
        "start echo.socket",
        "start echo.service",
    ];
    assert_eq!(report.steps, steps);
    assert_eq!(disturbed(&before, &runs(&host, &UNITS)), ["echo.service", "echo.socket"]);
    let second = call(&host, 7778);
    assert!(second.starts_with("echo ") && second != first, "{first} {second}");
    assert!(!host.try_exec("bash -c 'cat </dev/tcp/127.0.0.1/7777'").status.success(), "nobody answers at the old one");
    assert_in_sync(&host, "afterwards");
}

#[test]
fn a_running_service_gets_a_socket() {
    let host = Host::boot("new-socket", Release::Bookworm);
    let service = "name: late\nhosts: all\nfiles:\n  /srv/echo.pl:\n    content: |\n      \
        $0 = 'late'; if ($ENV{LISTEN_FDS}) { open(my $l, '+<&=', 3); while (accept(my $c, $l)) { syswrite $c, \"late\"; close $c } }\n      \
        sleep 100000;\nunits:\n  late.service:\n    state: started\n    Service: {Type: exec, ExecStart: /usr/bin/perl /srv/echo.pl}\n";
    host.write_playbook(service);
    reading::apply(&host);
    let socket = "  late.socket:\n    state: started\n    Socket: {ListenStream: \"127.0.0.1:7700\"}\n";
    host.write_playbook(&format!("{service}{socket}"));
    let report = reading::apply(&host);
    let units: Vec<_> = report.steps.iter().filter(|step| step.contains("late.s") && !step.contains('/')).collect();
    assert_eq!(units, ["stop late.service", "start late.socket", "start late.service"]);
    assert_eq!(call(&host, 7700), "late");
    assert_in_sync(&host, "afterwards");
}

#[test]
fn on_change_says_how_a_change_is_taken_up() {
    let host = Host::boot("on-change", Release::Bookworm);
    let service = |word: &str| {
        format!(
            "ExecStart: /bin/sleep infinity, ExecReload: \"/bin/sh -c 'cat /srv/word >>/srv/reloaded'\", Environment: {{WORD: {word}}}"
        )
    };
    let file = |word: &str| format!("files:\n  /srv/word: {{content: {word}}}\n");
    let units = ["one.service", "other.service"];
    let reload = "on_change: reload\n    watch: [/srv/word]";
    let one = |keys: &str, word: &str, service: &str| {
        one_service("Description: One", keys, service, "multi-user.target") + &file(word)
    };
    host.write_playbook(&one(reload, "one", &service("one")));
    reading::apply(&host);
    let before = runs(&host, &units);
    host.write_playbook(&one(reload, "two", &service("one")));
    let report = reading::apply(&host);
    assert_eq!(report.steps, ["write_file /srv/word", "reload one.service"]);
    assert_eq!(disturbed(&before, &runs(&host, &units)), [""; 0], "a reload leaves the process");
    assert_eq!(host.exec("cat /srv/reloaded"), "two");
    assert_in_sync(&host, "after the reload");

    // What is read at the start only, no reload brings.
    host.write_playbook(&one(reload, "two", &service("two")));
    let report = reading::apply(&host);
    assert_eq!(report.steps.last().map(String::as_str), Some("restart one.service"), "{:#?}", report.steps);
    assert_eq!(disturbed(&before, &runs(&host, &units)), ["one.service"]);
    let before = runs(&host, &units);

    let none = "on_change: none";
    host.write_playbook(&one(none, "two", &service("three")));
    let report = reading::apply(&host);
    assert_eq!(report.steps, ["write_file /etc/systemd/system/one.service", "daemon_reload", "gate"]);
    assert_eq!(report.findings, ["stale one.service"]);
    assert_eq!(disturbed(&before, &runs(&host, &units)), [""; 0]);
    assert_eq!(host.exec("cat /srv/reloaded"), "two");
    let again = reading::plan(&host);
    assert!(again.nothing_to_do(), "{:#?}", again.changes);
    assert_eq!(again.findings, ["stale one.service"], "it is said as long as it is so");

    host.write_playbook(&one("on_change: restart", "two", &service("three")));
    let report = reading::apply(&host);
    assert_eq!(report.changes, ["stale one.service"]);
    assert_eq!(disturbed(&before, &runs(&host, &units)), ["one.service"]);
    assert_in_sync(&host, "after the restart");
}

#[test]
fn instances_that_are_no_longer_given_go_and_the_others_stay() {
    let host = Host::boot("instances", Release::Bookworm);
    let playbook = |instances: &str| {
        format!(
            "name: crew\nhosts: all\nunits:\n  worker@.service:\n    enabled: true\n    state: started\n    instances: {instances}\n    \
             Service: {{Type: exec, ExecStart: /bin/sleep infinity}}\n    Install: {{WantedBy: multi-user.target}}\n"
        )
    };
    host.write_playbook(&playbook("[1, 2, 3]"));
    reading::apply(&host);
    host.exec("systemctl start worker@hand.service");
    let units = ["worker@1.service", "worker@hand.service"];
    let before = runs(&host, &units);
    host.write_playbook(&playbook("[1]"));
    let report = reading::apply(&host);
    let wants = "/etc/systemd/system/multi-user.target.wants";
    let steps = [
        &format!("remove_link {wants}/worker@2.service"),
        &format!("remove_link {wants}/worker@3.service"),
        "daemon_reload",
        "gate",
        "stop worker@2.service",
        "stop worker@3.service",
    ];
    assert_eq!(report.steps, steps);
    assert_eq!(report.findings, ["foreign worker@hand.service"]);
    assert_eq!(disturbed(&before, &runs(&host, &units)), [""; 0]);
    for gone in ["worker@2.service", "worker@3.service"] {
        let state = host.exec(&format!("systemctl is-active {gone}; ls {wants}/{gone} 2>&1 | grep -c cannot"));
        assert_eq!(state, "inactive\n1");
    }
    let again = reading::plan(&host);
    assert!(again.nothing_to_do(), "{:#?}", again.changes);
    assert_eq!(again.findings, ["foreign worker@hand.service"], "it was never ours");
    let ledger = host.exec("cat /var/lib/unitfleet/ledger/crew");
    assert!(ledger.contains("worker@1.service") && !ledger.contains("worker@2.service"), "{ledger}");
}

#[test]
fn what_is_declared_absent_is_removed_with_all_that_came_with_it() {
    let host = Host::boot("absent", Release::Bookworm);
    let all = r#"
name: gone
hosts: all
users: {guest: {}}
directories: {/srv/gone: {}}
files: {/srv/gone/file: {content: "x"}}
units:
  gone.service:
    enabled: true
    state: started
    drop_ins: {more: {Service: {Nice: 5}}}
    Service: {Type: exec, ExecStart: /bin/sleep infinity, ExecStop: /bin/touch /srv/stopped}
    Install: {WantedBy: multi-user.target, Alias: leaving.service}
  stays.service:
    enabled: true
    state: started
    Service: {Type: exec, ExecStart: /bin/sleep infinity}
    Install: {WantedBy: multi-user.target}
"#;
    host.write_playbook(all);
    reading::apply(&host);
    assert_eq!(host.exec("systemctl is-active leaving.service"), "active");
    let before = runs(&host, &["stays.service"]);
    let (head, tail) = all.split_once("units:").expect("it has units");
    let (_, stays) = tail.split_once("  stays.service").expect("it has a second one");
    let head =
        head.replace("{guest: {}}", "{guest: {absent: true}}").replace("/srv/gone: {}", "/srv/gone: {absent: true}");
    let head = head.replace("{content: \"x\"}", "{absent: true}");
    host.write_playbook(&format!("{head}units:\n  gone.service: {{absent: true}}\n  stays.service{stays}"));
    reading::apply(&host);
    let left = host.exec(
        "find /etc/systemd /srv/gone /run/systemd/system -name '*gone*' -o -name 'leaving*' 2>/dev/null; getent passwd guest
         systemctl show --value -p LoadState,ActiveState gone.service | paste -s; ls /srv/stopped",
    );
    assert_eq!(left, "not-found\tinactive\n/srv/stopped");
    let ledger = host.exec("cat /var/lib/unitfleet/ledger/gone");
    assert!(ledger.contains("stays.service"), "{ledger}");
    for word in ["gone.service", "leaving", "/srv/gone", "guest"] {
        assert!(!ledger.contains(word), "{word} is still in the ledger:\n{ledger}");
    }
    assert_eq!(disturbed(&before, &runs(&host, &["stays.service"])), [""; 0]);
    assert_in_sync(&host, "afterwards");
}

#[test]
fn an_absent_template_takes_its_instances_with_it() {
    let host = Host::boot("absent-crew", Release::Bookworm);
    host.write_playbook(
        "name: crew\nhosts: all\nunits:\n  worker@.service:\n    enabled: true\n    state: started\n    instances: [1, 2]\n    \
         Service: {Type: exec, ExecStart: /bin/sleep infinity, ExecStop: /bin/touch /srv/stopped-%i}\n    \
         Install: {WantedBy: multi-user.target}\n",
    );
    reading::apply(&host);
    host.write_playbook("name: crew\nhosts: all\nunits: {worker@.service: {absent: true}}\n");
    let report = reading::apply(&host);
    let wants = "/etc/systemd/system/multi-user.target.wants";
    let steps = [
        &format!("remove_link {wants}/worker@1.service"),
        &format!("remove_link {wants}/worker@2.service"),
        "stop worker@1.service",
        "stop worker@2.service",
        "remove_file /etc/systemd/system/worker@.service",
        "daemon_reload",
    ];
    assert_eq!(report.steps, steps);
    let left = "systemctl list-units --all --plain --no-legend 'worker@*'; find /etc/systemd -name 'worker@*'; ls /srv";
    assert_eq!(host.exec(left), "stopped-1\nstopped-2");
    assert_eq!(host.exec("cat /var/lib/unitfleet/ledger/crew 2>/dev/null | grep worker || :"), "");
    assert_in_sync(&host, "afterwards");
}

#[test]
fn law_08_what_is_not_ours_stays() {
    let host = Host::boot("law-08", Release::Bookworm);
    install_vendor_units(&host, &["vendor.service"]);
    host.exec(
        "printf '[Service]\\nExecStart=/bin/sleep infinity\\n' >/etc/systemd/system/hand.service; systemctl daemon-reload
         systemctl start hand.service vendor.service; mkdir -p /srv/theirs; echo x >/srv/file; useradd -r theirs
         mkdir -p /etc/systemd/system/vendor.service.d; echo '[Service]' >/etc/systemd/system/vendor.service.d/hand.conf
         systemctl daemon-reload",
    );
    let everywhere = "/etc /srv /var/lib /run/systemd/system /run/unitfleet /usr/lib/systemd/system";
    let units = ["hand.service", "vendor.service"];
    let (files, before) = (snapshot(&host, everywhere), runs(&host, &units));
    for absent in [
        "units: {hand.service: {absent: true}}",
        "units: {vendor.service: {absent: true}}",
        "units: {vendor.service: {drop_ins: {hand: {absent: true}}}}",
        "directories: {/srv/theirs: {absent: true}}",
        "files: {/srv/file: {absent: true}}",
        "users: {theirs: {absent: true}}",
    ] {
        // What else is wanted of the host is not done either.
        host.write_playbook(&format!("name: guest\nhosts: all\n{absent}\ndefault_target: multi-user.target\n"));
        for report in [reading::plan(&host), reading::try_apply(&host)] {
            assert_eq!(
                (report.code, report.outcome.as_str()),
                (7, "refused"),
                "{absent}: {:#}",
                report.part["outcome"]
            );
            assert_eq!(report.refusals.len(), 1, "{absent}: {:#?}", report.refusals);
            assert!(
                report.refusals[0].contains("did not install it") || report.refusals[0].contains("did not create it"),
                "{:#?}",
                report.refusals
            );
        }
        assert_eq!(snapshot(&host, everywhere), files, "{absent}");
        assert_eq!(disturbed(&before, &runs(&host, &units)), [""; 0], "{absent}");
    }
}
