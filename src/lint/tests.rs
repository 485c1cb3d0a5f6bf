use super::*;

fn found(name: &str, text: &str) -> Vec<Lint> {
    let name = UnitName::parse(name).unwrap();
    unit(&Unit { name: &name, fragment: Some(text), drop_ins: Vec::new() })
}

const S: &str = "[Service]\nExecStart=/bin/a\n";

/// Rule, unit, a text that it finds something in, the line, what is said, and a text that is as near and fine.
const CASES: &[(&str, &str, &str, usize, &str, &str)] = &[
    (
        "unknown-directive",
        "a.service",
        "[Service]\nExecStart=/bin/a\nEnviroment=A=1\n",
        3,
        "did you mean `Environment`?",
        "[Service]\nExecStart=/bin/a\nX-Enviroment=A=1\n",
    ),
    (
        "misplaced-directive",
        "a.service",
        "[Unit]\nRestart=always\n[Service]\nExecStart=/bin/a\n",
        2,
        "it belongs into [Service]",
        "[Service]\nRestart=always\nExecStart=/bin/a\n",
    ),
    (
        "unknown-section",
        "a.service",
        "[Servce]\nNice=1\n[Service]\nExecStart=/bin/a\n",
        1,
        "a service has [Unit], [Service] and [Install]",
        "[X-Servce]\nNice=1\n[Service]\nExecStart=/bin/a\n",
    ),
    (
        "misplaced-section",
        "a.timer",
        "[Timer]\nOnCalendar=daily\n[Service]\nExecStart=/bin/a\n",
        3,
        "a timer has [Unit], [Timer] and [Install]",
        "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n",
    ),
    (
        "bad-value",
        "a.service",
        "[Service]\nExecStart=/bin/a\nMemoryMax=lots\n",
        3,
        "",
        "[Service]\nExecStart=/bin/a\nMemoryMax=50%\n",
    ),
    ("bad-value", "b.service", "[Service]\nExecStart=bin/a\n", 2, "", "[Service]\nExecStart=a\n"),
    ("bad-value", "a.timer", "[Timer]\nOnCalendar=Fri..Mon 12:00\n", 2, "", "[Timer]\nOnCalendar=Mon..Fri 12:00\n"),
    (
        "bad-value",
        "c@.service",
        "[Service]\nExecStart=/bin/a\nNice=fast\n",
        3,
        "",
        "[Service]\nExecStart=/bin/a\nNice=%i\n",
    ),
    (
        "comment-behind-value",
        "a.service",
        "[Service]\nExecStart=/bin/a\nRestart=always # keep it up\n",
        3,
        "put it on the line above",
        "[Unit]\nDescription=The # sign\n[Service]\nExecStart=/bin/a\n",
    ),
    (
        "deprecated-directive",
        "a.service",
        "[Service]\nExecStart=/bin/a\nMemoryLimit=1G\n",
        3,
        "write `MemoryMax`",
        "[Service]\nExecStart=/bin/a\nMemoryMax=1G\n",
    ),
    (
        "deprecated-directive",
        "b.service",
        "[Service]\nExecStart=/bin/a\nStartLimitBurst=5\n",
        3,
        "write `[Unit] StartLimitBurst`",
        "[Unit]\nStartLimitBurst=5\n[Service]\nExecStart=/bin/a\n",
    ),
    (
        "set-twice",
        "a.service",
        "[Service]\nExecStart=/bin/a\nNice=1\nNice=2\n",
        3,
        "take one of them out",
        "[Service]\nExecStart=/bin/a\nNice=\nNice=2\n",
    ),
    (
        "output-syslog",
        "a.service",
        "[Service]\nExecStart=/bin/a\nStandardOutput=syslog\n",
        3,
        "write `StandardOutput=journal`, or leave it out",
        "[Service]\nExecStart=/bin/a\nStandardOutput=journal\n",
    ),
    (
        "kill-mode-none",
        "a.service",
        "[Service]\nExecStart=/bin/a\nKillMode=none\n",
        3,
        "write `mixed` or `process`, or `ExecStop=` for a soft end",
        "[Service]\nExecStart=/bin/a\nKillMode=mixed\n",
    ),
    (
        "var-run",
        "a.service",
        "[Service]\nType=forking\nExecStart=/bin/a\nPIDFile=/var/run/a.pid\n",
        4,
        "/run/a.pid",
        "[Service]\nType=forking\nExecStart=/bin/a\nPIDFile=/run/a.pid\n",
    ),
    (
        "secret-in-environment",
        "a.service",
        "[Service]\nExecStart=/bin/a\nEnvironment=\"DB_PASSWORD=x\"\n",
        3,
        "give it as a credential: `credentials: {NAME: …}`",
        "[Service]\nExecStart=/bin/a\nEnvironment=DB_PASSWORD_FILE=/x\n",
    ),
    (
        "shell-in-command",
        "a.service",
        "[Service]\nExecStart=/bin/a | /bin/b\n",
        2,
        "ExecStart=/bin/sh -c '…', or leave it to the unit's own settings",
        "[Service]\nExecStart=/bin/sh -c '/bin/a | /bin/b'\n",
    ),
    (
        "stray-percent",
        "a.service",
        "[Service]\nExecStart=/bin/date +%F\n",
        2,
        "write `%%F` for a percent sign",
        "[Service]\nExecStart=/bin/date +%%F %n\n",
    ),
    (
        "no-command",
        "a.service",
        "[Service]\nType=exec\n",
        0,
        "a oneshot may do with ExecStop= and RemainAfterExit=yes",
        "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStop=/bin/a\n",
    ),
    (
        "several-commands",
        "a.service",
        "[Service]\nExecStart=/bin/a\nExecStart=/bin/b\n",
        3,
        "an empty `ExecStart=` takes back those before it",
        "[Service]\nType=oneshot\nExecStart=/bin/a\nExecStart=/bin/b\n",
    ),
    (
        "oneshot-restarts",
        "a.service",
        "[Service]\nType=oneshot\nExecStart=/bin/a\nRestart=always\n",
        4,
        "write `Restart=on-failure`, or start it by a timer",
        "[Service]\nType=oneshot\nExecStart=/bin/a\nRestart=on-failure\n",
    ),
    (
        "dbus-without-name",
        "a.service",
        "[Service]\nType=dbus\nExecStart=/bin/a\n",
        2,
        "",
        "[Service]\nType=dbus\nBusName=a.b\nExecStart=/bin/a\n",
    ),
    (
        "forking-without-pid-file",
        "a.service",
        "[Service]\nType=forking\nExecStart=/bin/a\n",
        2,
        "let it run in the foreground with Type=exec or Type=notify",
        "[Service]\nType=forking\nPIDFile=/run/a\nExecStart=/bin/a\n",
    ),
    (
        "watchdog-unheard",
        "a.service",
        "[Service]\nExecStart=/bin/a\nWatchdogSec=5\nNotifyAccess=none\n",
        4,
        "",
        "[Service]\nExecStart=/bin/a\nWatchdogSec=5\n",
    ),
    (
        "timer-without-time",
        "a.timer",
        "[Timer]\nUnit=b.service\n",
        0,
        "for example `OnCalendar=daily`",
        "[Timer]\nOnBootSec=5\n",
    ),
    (
        "path-without-path",
        "a.path",
        "[Path]\nUnit=b.service\n",
        0,
        "for example `PathExists=/run/…`",
        "[Path]\nPathChanged=/x\n",
    ),
    (
        "socket-without-address",
        "a.socket",
        "[Socket]\nBacklog=5\n",
        0,
        "for example `ListenStream=8080`",
        "[Socket]\nListenFIFO=/run/x\n",
    ),
    (
        "accept-with-service",
        "a.socket",
        "[Socket]\nListenStream=1\nAccept=yes\nService=b.service\n",
        4,
        "",
        "[Socket]\nListenStream=1\nService=b.service\n",
    ),
    (
        "depends-on-itself",
        "a.service",
        "[Unit]\nAfter=b.service a.service\n[Service]\nExecStart=/bin/a\n",
        2,
        "",
        "[Unit]\nAfter=b.service\n[Service]\nExecStart=/bin/a\n",
    ),
    (
        "unlikely-target",
        "a.service",
        "[Service]\nExecStart=/bin/a\n[Install]\nWantedBy=multiuser.target\n",
        4,
        "did you mean `multi-user.target`?",
        "[Service]\nExecStart=/bin/a\n[Install]\nWantedBy=web.target multi-user.target\n",
    ),
];

#[test]
fn every_rule_finds_what_it_is_about_and_nothing_near_it() {
    for (rule, name, bad, line, help, fine) in CASES {
        let lints = found(name, bad);
        let said: Vec<(&str, usize, &str)> =
            lints.iter().map(|lint| (lint.rule.id, lint.line, lint.help.as_deref().unwrap_or_default())).collect();
        assert_eq!(said, [(*rule, *line, *help)], "{bad}");
        assert_eq!(found(name, fine), [], "{fine}");
    }
}

#[test]
fn every_rule_has_a_case_and_a_page() {
    for rule in rules() {
        assert!(CASES.iter().any(|(id, ..)| *id == rule.id), "{} has no case", rule.id);
        assert!(rule.page.len() > 80 && rule.page.ends_with('.') && !rule.title.ends_with('.'), "{}", rule.id);
    }
    let ids: Vec<&str> = rules().iter().map(|rule| rule.id).collect();
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(ids, sorted);
    for (id, ..) in CASES {
        assert!(rule(id).is_some(), "{id} is no rule");
    }
}

#[test]
fn comments_switch_rules_off() {
    let bad = "MemoryLimit=1G\n";
    for (text, left) in [
        (format!("{S}{bad}"), 1),
        (format!("# unitfleet: allow deprecated-directive old hosts\n{S}{bad}"), 0),
        (format!("{S}# unitfleet: allow deprecated-directive\n{bad}"), 0),
        (format!("{S}# unitfleet: allow deprecated-directive\n{bad}{bad}"), 2),
        (format!("{S}# unitfleet: allow set-twice, deprecated-directive\n{bad}"), 0),
        (format!("{S}# unitfleet: allow set-twice\n{bad}"), 1),
        (format!("{S}# allow deprecated-directive\n{bad}"), 1),
    ] {
        assert_eq!(found("a.service", &text).len(), left, "{text}");
    }
}

#[test]
fn drop_ins_over_a_unit_that_is_not_ours_are_read_by_themselves() {
    let name = UnitName::parse("nginx.service").unwrap();
    let drop_ins = vec![("limits.conf", "[Service]\nLimitNOFILE=many\n"), ("fine.conf", "[Service]\nNice=1\n")];
    let lints = unit(&Unit { name: &name, fragment: None, drop_ins });
    assert_eq!(lints.len(), 1);
    assert_eq!((lints[0].rule.id, lints[0].drop_in.as_deref(), lints[0].line), ("bad-value", Some("limits.conf"), 2));
}
