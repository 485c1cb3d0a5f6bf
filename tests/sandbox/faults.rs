//! Services that do not come up, files that cannot be used, file systems that cannot be written.

use std::fmt::Write as _;

use unitfleet::sandbox::{Options, Release};

use crate::answer::{
    apply, elsewhere, failure, files, json, no_leftovers, nothing_left, outcome, plan, property, reasons, said,
    same_files, steps, text, write_inventory,
};
use crate::support::Host;

/// A unit that does not come up: its manifest, and what the report must say of it.
struct Case {
    unit: &'static str,
    manifest: &'static str,
    result: &'static str,
    /// `ExecMainStatus`.
    status: i64,
    /// Words of the cause.
    cause: &'static [&'static str],
    /// Words of the next command.
    next: &'static str,
    /// A line of its own that the journal must show.
    line: Option<&'static str>,
}

const CASES: &[Case] = &[
    Case {
        unit: "exits.service",
        manifest: "Service: {ExecStart: \"/bin/sh -c 'echo line-of-exits-{{ round }}; exit 3'\"}",
        result: "exit-code",
        status: 3,
        cause: &["status 3"],
        next: "journalctl",
        line: Some("line-of-exits"),
    },
    Case {
        unit: "dies-late.service",
        manifest: "Service: {ExecStart: \"/bin/sh -c 'echo line-of-dies-late-{{ round }}; sleep 0.3; exit 4'\"}",
        result: "exit-code",
        status: 4,
        cause: &["status 4"],
        next: "journalctl",
        line: Some("line-of-dies-late"),
    },
    Case {
        unit: "no-program.service",
        manifest: "Service: {ExecStart: \"/opt/nope/{{ round }}\"}",
        result: "exit-code",
        status: 203,
        cause: &["203/EXEC", "/opt/nope/"],
        next: "namei -l /opt/nope/",
        line: None,
    },
    Case {
        unit: "no-directory.service",
        manifest: "Service: {ExecStart: /bin/sleep infinity, WorkingDirectory: /opt/nope}",
        result: "exit-code",
        status: 200,
        cause: &["200/CHDIR", "WorkingDirectory="],
        next: "WorkingDirectory",
        line: None,
    },
    Case {
        unit: "no-user.service",
        manifest: "Service: {ExecStart: /bin/sleep infinity, User: nobody-at-all}",
        result: "exit-code",
        status: 217,
        cause: &["217/USER", "User="],
        next: "User",
        line: None,
    },
    Case {
        unit: "no-source.service",
        manifest: "Service: {ExecStart: /bin/sleep infinity, BindPaths: /opt/nope}",
        result: "exit-code",
        status: 226,
        cause: &["226/NAMESPACE", "/opt/nope"],
        next: "/opt/nope",
        line: None,
    },
    Case {
        unit: "loops.service",
        manifest: "Unit: {StartLimitIntervalSec: 0}\n    \
                   Service: {ExecStart: \"/bin/sh -c 'echo line-of-loops-{{ round }}; sleep 0.05; exit 1'\", Restart: always, RestartSec: 200ms}",
        result: "exit-code",
        status: 1,
        cause: &["again and again", "status 1"],
        next: "journalctl",
        line: Some("line-of-loops"),
    },
    Case {
        unit: "gives-up.service",
        manifest: "Unit: {StartLimitBurst: 3, StartLimitIntervalSec: 60}\n    \
                   Service: {ExecStart: \"/bin/sh -c 'echo line-of-gives-up-{{ round }}; sleep 0.05; exit 1'\", Restart: always, RestartSec: 50ms}",
        result: "exit-code",
        status: 1,
        cause: &["gave up", "status 1"],
        next: "journalctl",
        line: Some("line-of-gives-up"),
    },
    Case {
        unit: "never-ready.service",
        manifest: "Service: {ExecStart: \"/bin/sh -c 'echo line-of-never-ready-{{ round }}; exec sleep infinity'\", Type: notify, TimeoutStartSec: 2}",
        result: "timeout",
        status: 15,
        cause: &["time"],
        next: "journalctl",
        line: Some("line-of-never-ready"),
    },
    Case {
        unit: "skipped.service",
        manifest: "Unit: {ConditionPathExists: /nope}\n    Service: {ExecStart: /bin/sleep infinity}",
        result: "success",
        status: 0,
        cause: &["skipped", "ConditionPathExists=/nope"],
        next: "systemctl status",
        line: None,
    },
    Case {
        unit: "skipped-once.service",
        manifest: "Unit: {ConditionPathExists: /nope}\n    Service: {Type: oneshot, RemainAfterExit: true, ExecStart: /bin/true}",
        result: "success",
        status: 0,
        cause: &["skipped", "ConditionPathExists=/nope"],
        next: "systemctl status",
        line: None,
    },
    Case {
        unit: "no-environment.service",
        manifest: "Service: {ExecStart: /bin/sleep infinity, EnvironmentFile: /etc/nope.env}",
        result: "resources",
        status: 0,
        cause: &["EnvironmentFile="],
        next: "EnvironmentFiles",
        line: None,
    },
    Case {
        unit: "killed.service",
        manifest: "Service: {ExecStart: \"/bin/sh -c 'echo line-of-killed-{{ round }}; sleep 0.05; kill -KILL $$$$'\"}",
        result: "signal",
        status: 9,
        cause: &["SIGKILL"],
        next: "journalctl",
        line: Some("line-of-killed"),
    },
];

/// systemd's words and numbers are its own on each version.
mod a_service_that_does_not_come_up_is_a_failure_with_cause_facts_journal_and_next_command {
    use super::{Release, sick_services};

    #[test]
    fn on_247() {
        sick_services(Release::Bullseye);
    }

    #[test]
    fn on_252() {
        sick_services(Release::Bookworm);
    }

    #[test]
    fn on_257() {
        sick_services(Release::Trixie);
    }
}

fn sick_services(release: Release) {
    let host = Host::boot("sick", release);
    let mut playbook = "name: sick\nhosts: all\nunit_defaults: {state: started}\nunits:\n  \
                        well.service:\n    Service: {ExecStart: /bin/sleep infinity}\n"
        .to_owned();
    for case in CASES {
        writeln!(playbook, "  {}:\n    {}", case.unit, case.manifest).expect("text takes everything");
    }
    host.write_playbook(&playbook);
    // The first round leaves lines of earlier invocations in the journal.
    json(&host, ["apply", "-y", "-e", "round=first", "playbook.yaml"]).exits(1);
    let answer = json(&host, ["apply", "-y", "-e", "round=second", "playbook.yaml"]).exits(1);
    let part = answer.host(host.name());
    assert_eq!(outcome(&part), "failed");
    assert_eq!(part["outcome"]["restored"], false);
    for case in CASES {
        check(case, &failure(&part, case.unit), release);
    }
    assert_eq!(part["failures"].as_array().map(Vec::len), Some(CASES.len()), "{:#}", part["failures"]);
    // What is well beside them is not touched by their trouble.
    assert_eq!(property(&host, "well.service", "ActiveState"), "active");
    let pid = property(&host, "well.service", "MainPID");
    let shown = text(&host, ["apply", "-y", "-e", "round=third", "playbook.yaml"]).exits(1);
    assert_eq!(property(&host, "well.service", "MainPID"), pid);
    for words in ["203/EXEC", "200/CHDIR", "217/USER", "226/NAMESPACE", "line-of-exits-third", "namei -l /opt/nope"] {
        assert!(shown.stdout.contains(words), "the text does not say {words}:\n{}", shown.stdout);
    }
}

fn check(case: &Case, found: &serde_json::Value, release: Release) {
    let unit = case.unit;
    if unit == "loops.service" && found["active_state"] == "active" {
        // It was looked at in the moment between two crashes.
        let why = found["cause"].as_str().unwrap_or_default();
        assert!(why.contains("was started again within the settle window"), "{found:#}");
        return;
    }
    assert_eq!(found["result"], case.result, "{unit}: {found:#}");
    assert_eq!(found["exec_main_status"], case.status, "{unit}: {found:#}");
    let why = found["cause"].as_str().unwrap_or_default();
    for words in case.cause {
        // 247 says that a condition was not met, but not which.
        if release == Release::Bullseye && words.starts_with("Condition") {
            continue;
        }
        assert!(why.contains(words), "{unit}: the cause does not say {words}: {why}");
    }
    let next = found["next"].as_str().unwrap_or_default();
    assert!(next.contains(case.next) && next.contains(unit) || next.contains("namei"), "{unit}: {next}");
    let journal = found["journal"].to_string();
    assert!(found["journal"].as_array().is_some_and(|lines| !lines.is_empty()), "{unit}: no journal");
    if let Some(line) = case.line {
        assert!(journal.contains(&format!("{line}-second")), "{unit}: its own line is not shown: {journal}");
    }
    assert!(!journal.contains("-first"), "{unit}: lines of an earlier invocation: {journal}");
    assert!(!journal.contains("line-of-well"), "{unit}: lines of another unit: {journal}");
}

/// The old configuration of the tests of the gate: a service that runs, and another that the next plan stops.
const BEFORE: &str = "\
name: web
hosts: all
unit_defaults: {enabled: true, state: started}
files:
  /etc/web.conf: {content: \"old\\n\", mode: \"0640\"}
units:
  web.service:
    watch: [/etc/web.conf]
    Service: {ExecStart: /bin/sleep infinity}
    Install: {WantedBy: multi-user.target}
  other.service:
    Service: {ExecStart: /bin/sleep 10000}
    Install: {WantedBy: multi-user.target}
";

/// The same with a new text for web.service, which systemd cannot use, and everything else changed as well.
fn broken(text: &str) -> String {
    format!(
        "\
name: web
hosts: all
users:
  newcomer: {{}}
directories:
  /srv/new/deep: {{mode: \"0750\"}}
files:
  /etc/web.conf: {{content: \"new\\n\", mode: \"0600\"}}
  /srv/new/deep/file: {{content: \"x\"}}
units:
  web.service: {{enabled: false, state: started, watch: [/etc/web.conf], content: {text:?}}}
  fresh.service:
    enabled: true
    state: started
    Service: {{ExecStart: /bin/sleep infinity}}
    Install: {{WantedBy: multi-user.target}}
  other.service: {{state: stopped, enabled: false, Service: {{ExecStart: /bin/sleep 10000}}, Install: {{WantedBy: multi-user.target}}}}
default_target: graphical.target
"
    )
}

#[test]
fn a_unit_file_that_systemd_cannot_use_changes_nothing() {
    let host = Host::boot("gate", Release::default());
    host.write_playbook(BEFORE);
    apply(&host).exits(0);
    let state = || {
        let show = "systemctl show -p MainPID,InvocationID,NRestarts,ActiveState,LoadState,NeedDaemonReload -- web.service other.service fresh.service";
        host.exec(&format!("{show}; systemctl get-default; getent passwd newcomer; ls -d /srv/new; cat /var/lib/unitfleet/ledger/web | grep -v ^run; true"))
    };
    let (files_before, state_before) = (files(&host), state());
    for (text, load_state, error) in [
        ("[Service]\nType=simple\n", "bad-setting", ""),
        ("[Service]\nType=dbus\nExecStart=/bin/sleep infinity\n", "bad-setting", ""),
        ("[Service]\nType=simple\nExecStart=bin/sleep infinity\n", "bad-setting", ""),
    ] {
        host.write_playbook(&broken(text));
        let pending = plan(&host).exits(0);
        let wanted = steps(&pending.host(host.name()));
        assert!(wanted.contains(&"stop other.service".to_owned()), "{wanted:?}");
        let answer = apply(&host).exits(6);
        let part = answer.host(host.name());
        assert_eq!(outcome(&part), "failed", "{text:?}");
        assert_eq!(part["outcome"]["restored"], true, "{text:?}");
        assert!(said(&part).contains("web.service"), "{text:?}: {}", said(&part));
        let failure = failure(&part, "web.service");
        assert_eq!(failure["load_state"], load_state, "{text:?}: {failure:#}");
        let cause = failure["cause"].as_str().unwrap_or_default();
        assert!(cause.contains(load_state) && cause.contains(error), "{text:?}: {cause}");
        same_files(&host, &files_before);
        assert_eq!(state(), state_before, "{text:?}");
        no_leftovers(&host);
        // The same difference again, no more and no less.
        assert_eq!(steps(&plan(&host).exits(0).host(host.name())), wanted, "{text:?}");
        let shown = self::text(&host, ["apply", "-y", "playbook.yaml"]).exits(6).stdout;
        assert!(shown.contains("web.service") && shown.contains(load_state), "{shown}");
    }
    // A broken header is found before any host is asked.
    host.write_playbook(&broken("[Service]\nType=simple\nExecStart=/bin/sleep infinity\n[Install\n"));
    let told = self::text(&host, ["apply", "-y", "playbook.yaml"]).exits(65).stderr;
    assert!(told.contains("web.service") && told.contains("playbook.yaml:") && told.contains('['), "{told}");
    same_files(&host, &files_before);
    assert_eq!(state(), state_before);
    host.write_playbook(BEFORE);
    nothing_left(&host);
}

#[test]
fn a_drop_in_of_others_that_systemd_cannot_read_is_told_and_hinders_nothing() {
    for release in Release::ALL {
        drop_in_that_systemd_cannot_read(release);
    }
}

fn drop_in_that_systemd_cannot_read(release: Release) {
    let host = Host::boot("dropin", release);
    host.write_playbook(BEFORE);
    apply(&host).exits(0);
    let pid = property(&host, "web.service", "MainPID");
    // Written by a hand, and not read by systemd yet: the daemon-reload of our next apply would bring it in.
    host.exec("mkdir /etc/systemd/system/web.service.d && printf '[Service\\nNice=1\\n' >/etc/systemd/system/web.service.d/theirs.conf");
    host.write_playbook(&BEFORE.replace("old", "new"));
    // systemd leaves out what it cannot read and loads the unit, so the apply is done; but it asks for a daemon-reload
    // for ever, which is no difference that an apply could heal.
    let part = apply(&host).exits(0).host(host.name());
    assert_eq!(outcome(&part), "changed");
    assert_ne!(property(&host, "web.service", "MainPID"), pid);
    nothing_left(&host);
    let shown = text(&host, ["plan", "playbook.yaml"]).stdout;
    assert!(shown.contains("theirs.conf") && shown.contains("systemd-analyze verify web.service"), "{shown}");
    assert_eq!(host.exec("cat /etc/systemd/system/web.service.d/theirs.conf"), "[Service\nNice=1");
}

#[test]
fn what_cannot_be_written_is_taken_back_and_leaves_nothing_behind() {
    let host = Host::boot("readonly", Release::default());
    host.write_playbook(BEFORE);
    apply(&host).exits(0);
    host.exec("mkdir -m 1777 /srv/small");
    let before = files(&host);
    let pid = property(&host, "web.service", "MainPID");
    let changed = |extra: &str| {
        let text = BEFORE.replace("old", "new").replace("infinity", "20000");
        host.write_playbook(&text.replace("files:\n", &format!("files:\n{extra}")));
    };

    changed("");
    host.exec("mount --bind /etc/systemd/system /etc/systemd/system && mount -o remount,ro,bind /etc/systemd/system");
    let part = apply(&host).exits(6).host(host.name());
    assert!(said(&part).contains("Read-only file system"), "{}", said(&part));
    assert_eq!(part["outcome"]["restored"], true);
    host.exec("umount /etc/systemd/system");
    same_files(&host, &before);
    no_leftovers(&host);

    // The file system of one of several files is full.
    host.exec("mount -t tmpfs -o size=64k tmpfs /srv/small");
    host.write("big", &"0123456789abcdef".repeat(65536));
    changed("  /srv/small/big: {source: big}\n");
    let part = apply(&host).exits(6).host(host.name());
    assert!(said(&part).contains("No space left"), "{}", said(&part));
    assert_eq!(host.exec("ls -A /srv/small"), "");
    same_files(&host, &before);
    no_leftovers(&host);
    host.exec("umount /srv/small");

    // There is no room for what is sent.
    host.exec("cp -a /var/lib/unitfleet /root/kept && mount -t tmpfs -o size=128k tmpfs /var/lib/unitfleet && cp -a /root/kept/ledger /var/lib/unitfleet/");
    let part = apply(&host).exits(7).host(host.name());
    assert_eq!(outcome(&part), "refused");
    assert!(said(&part).contains("/var/lib/unitfleet"), "{}", said(&part));
    host.exec("umount /var/lib/unitfleet && rm -r /root/kept");
    same_files(&host, &before);
    no_leftovers(&host);

    // Someone else's file is where a directory should be.
    host.exec("echo theirs >/srv/blocked");
    let before = files(&host);
    changed("  /srv/blocked/file: {content: x}\n");
    let answer = apply(&host);
    assert!(answer.code == 6 || answer.code == 7, "{}\n{}", answer.code, answer.stdout);
    same_files(&host, &before);
    no_leftovers(&host);

    assert_eq!(property(&host, "web.service", "MainPID"), pid);
    host.exec("rm /srv/blocked");
    changed("");
    apply(&host).exits(0);
    nothing_left(&host);
}

#[test]
fn law_07_a_restart_that_systemd_refuses_is_not_taken_for_one() {
    let host = Host::boot("refuses", Release::default());
    let playbook = |value: &str| {
        let text = format!(
            "name: refuses\nhosts: all\nunits:\n  shy.service:\n    Unit: {{RefuseManualStart: true}}\n    \
             Service: {{ExecStart: /bin/sleep infinity, Environment: {{A: {value:?}}}}}\n  \
             carrier.service:\n    Unit: {{Wants: shy.service, After: shy.service}}\n    \
             Service: {{ExecStart: /bin/sleep infinity}}\n    state: started\n"
        );
        host.write_playbook(&text);
    };
    playbook("1");
    apply(&host).exits(0);
    let pid = property(&host, "shy.service", "MainPID");
    assert_ne!(pid, "0");
    playbook("2");
    let answer = apply(&host);
    // Whatever the plan makes of it: what still runs with the old configuration is never called done.
    assert_eq!(property(&host, "shy.service", "MainPID"), pid, "systemd did restart it");
    let part = answer.host(host.name());
    let noticed = answer.code == 1 && said(&part).contains("shy.service")
        || part["plan"]["findings"].to_string().contains("stale");
    assert!(noticed, "exit {}: {part:#}", answer.code);
    let again = plan(&host).host(host.name());
    let known =
        !reasons(&again, "restart shy.service").is_empty() || again["plan"]["findings"].to_string().contains("stale");
    assert!(known, "the lost restart is lost: {again:#}");
}

#[test]
fn law_11_one_hosts_fault_is_its_own() {
    let options = Options { hosts: 3, ..Options::default() };
    let host = Host::boot_with("law11", options);
    let playbook = "\
name: app
hosts: all
unit_defaults: {enabled: true, state: started}
files:
  /etc/app.conf: {content: \"{{ host }}\\n\"}
units:
  app.service:
    Service: {ExecStart: \"/bin/sh -c '[ %H != {{ sick }} ] || exit 3; exec sleep infinity'\"}
    Install: {WantedBy: multi-user.target}
";
    host.write_playbook(playbook);
    // host1 is cut off: its packets go nowhere, which is slower than a refusal.
    host.link(false);
    let began = std::time::Instant::now();
    let arguments = ["apply", "-y", "--timeout", "3", "-e", "sick=host2", "playbook.yaml"];
    let answer = json(&host, arguments).exits(1);
    let took = began.elapsed();
    assert!(took.as_secs() < 20, "{took:?}");
    let codes: serde_json::Value = serde_json::from_str(&answer.stdout).expect("it is JSON");
    assert_eq!(codes["exit_codes"].to_string(), "[1,5]");
    let outcomes = ["host1", "host2", "host3"].map(|name| outcome(&answer.host(name)).to_owned());
    assert_eq!(outcomes, ["unreachable", "failed", "changed"]);
    assert!(!said(&answer.host("host1")).trim().is_empty());
    failure(&answer.host("host2"), "app.service");
    let done = "cat /etc/app.conf; systemctl is-active app.service; systemctl is-enabled app.service";
    assert_eq!(host.exec_on("host3", done), "host3\nactive\nenabled");

    // A healthy fleet with a host that is off.
    host.link(true);
    host.poweroff_hard();
    let began = std::time::Instant::now();
    let answer = json(&host, ["apply", "-y", "--timeout", "3", "-e", "sick=nobody", "playbook.yaml"]).exits(5);
    let took = began.elapsed();
    assert!(took.as_secs() < 20, "{took:?}");
    let outcomes = ["host1", "host2", "host3"].map(|name| outcome(&answer.host(name)).to_owned());
    assert_eq!(outcomes, ["unreachable", "changed", "changed"]);

    // When it is back, only it is left to do.
    host.boot_again();
    let answer = json(&host, ["apply", "-y", "-e", "sick=nobody", "playbook.yaml"]).exits(0);
    let outcomes = ["host1", "host2", "host3"].map(|name| outcome(&answer.host(name)).to_owned());
    assert_eq!(outcomes, ["changed", "unchanged", "unchanged"]);
}

#[test]
fn nothing_is_restarted_with_files_that_are_only_half_changed() {
    let host = Host::boot("half", Release::default());
    let playbook = |value: &str, old: &str| {
        host.write_playbook(&format!(
            "name: half\nhosts: all\nfiles:\n  /srv/old/file: {{{old}}}\n  /etc/app.env: {{content: \"A={value}\\n\"}}\n\
             units:\n  app.service:\n    state: started\n    \
             Service: {{ExecStart: /bin/sleep infinity, EnvironmentFile: /etc/app.env, Environment: B={value}}}\n"
        ));
    };
    playbook("0", "content: x");
    apply(&host).exits(0);
    let pid = property(&host, "app.service", "MainPID");
    let record = host.exec("cat /run/unitfleet/started/app.service");
    // Files are removed after the point from which nothing is put back.
    playbook("1", "absent: true");
    host.exec("mount --bind /srv/old /srv/old && mount -o remount,ro,bind /srv/old");
    let part = apply(&host).exits(1).host(host.name());
    let ends: Vec<(String, &str)> = steps(&part)
        .into_iter()
        .zip(part["steps"].as_array().expect("steps"))
        .map(|(step, end)| (step, end["status"].as_str().unwrap_or("failed")))
        .collect();
    assert!(ends.contains(&("remove_file /srv/old/file".to_owned(), "failed")), "{ends:?}");
    assert!(ends.contains(&("restart app.service".to_owned(), "not_run")), "{ends:?}");
    assert_eq!(part["failures"].as_array().map(Vec::len), Some(0), "{:#}", part["failures"]);
    assert_eq!(property(&host, "app.service", "MainPID"), pid);
    assert_eq!(host.exec("cat /run/unitfleet/started/app.service"), record);
    host.exec("umount /srv/old");
    let left = plan(&host).host(host.name());
    assert!(steps(&left).contains(&"restart app.service".to_owned()), "{:?}", steps(&left));
    apply(&host).exits(0);
    nothing_left(&host);
}

#[test]
fn an_instance_that_did_not_stop_is_not_forgotten() {
    let host = Host::boot("lingers", Release::default());
    let playbook = |instances: &str| {
        host.write_playbook(&format!(
            "name: lingers\nhosts: all\nunits:\n  worker@.service:\n    instances: {instances}\n    state: started\n    \
             Service: {{ExecStart: /bin/sleep infinity}}\n"
        ));
    };
    playbook("[1, 2]");
    apply(&host).exits(0);
    playbook("[1]");
    host.exec(
        "printf '#!/bin/sh\\ncase \"$*\" in *\\\\ stop\\\\ *worker@2*) exit 1 ;; esac\\nexec /usr/bin/systemctl \"$@\"\\n' \
         >/usr/local/bin/systemctl; chmod 755 /usr/local/bin/systemctl",
    );
    apply(&host).exits(1);
    host.exec("rm /usr/local/bin/systemctl");
    assert_eq!(property(&host, "worker@2.service", "ActiveState"), "active");
    let left = plan(&host).host(host.name());
    assert!(steps(&left).contains(&"stop worker@2.service".to_owned()), "{:?}", steps(&left));
    apply(&host).exits(0);
    assert_eq!(property(&host, "worker@2.service", "ActiveState"), "inactive");
    nothing_left(&host);
}

#[test]
fn what_would_start_a_stopped_service_again_is_known_by_any_name() {
    let host = Host::boot("triggers", Release::default());
    host.exec(
        r"cd /etc/systemd/system && printf '[Service]\nExecStart=/bin/sleep infinity\n' >legacy.service &&
        printf '[Timer]\nUnit=legacy.service\nOnActiveSec=1h\n' >'odd\x2done.timer' &&
        systemctl daemon-reload && systemctl start legacy.service 'odd\x2done.timer'",
    );
    host.write_playbook("name: triggers\nhosts: all\nunits:\n  legacy.service: {state: stopped}\n");
    let planned = steps(&plan(&host).exits(0).host(host.name()));
    assert!(planned.contains(&r"stop odd\x2done.timer".to_owned()), "{planned:?}");
    apply(&host).exits(0);
    assert_eq!(property(&host, r"odd\x2done.timer", "ActiveState"), "inactive");
    assert_eq!(property(&host, "legacy.service", "ActiveState"), "inactive");
    nothing_left(&host);
}

#[test]
fn links_that_a_plain_user_cannot_list_are_not_called_missing() {
    let host = Host::boot("unlisted", Release::default());
    host.write_playbook(BEFORE);
    apply(&host).exits(0);
    host.exec("chmod 700 /etc/systemd/system/multi-user.target.wants");
    write_inventory(&host, |keys| {
        keys.insert("user".to_owned(), "plain".into());
    });
    let part = elsewhere(&host, ["plan", "playbook.yaml"]).exits(0).host(host.name());
    assert!(!part["plan"]["steps"].to_string().contains("multi-user.target.wants"), "{:?}", part["plan"]["steps"]);
    let findings = part["plan"]["findings"].to_string();
    assert!(findings.contains("multi-user.target.wants/web.service"), "{findings}");
}

/// Nothing in the journal and no state tells of it: only what systemctl said.
#[test]
fn a_unit_that_needs_one_that_does_not_exist_is_failed_with_systemds_own_words() {
    for release in [Release::Bullseye, Release::Trixie] {
        let host = Host::boot("needs-nothing", release);
        host.write_playbook(
            "name: n\nhosts: all\nunit_defaults: {state: started}\nunits:\n  q.service:\n    Unit: {Requires: nope.service}\n    \
             Service: {ExecStart: /bin/sleep 1000}\n  r.service: {Service: {ExecStart: /bin/sleep 1000}}\n",
        );
        let output = host.unitfleet(["apply", "-y", "playbook.yaml"]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("✗ q.service: systemd did not start it: Unit nope.service not found\n"), "{said}");
        assert_eq!(host.exec("systemctl is-active r.service"), "active", "the other one runs");
    }
}
