//! Reports for the tests: small builders, and fleets that have a bit of everything.

mod observed;

use std::collections::BTreeMap;

pub(super) use observed::observed;

use crate::model::{
    AbsPath, Action, Bytes, Change, ChangeKind, Content, Finding, FindingKind, HostName, HostPlan, HostReport,
    ManifestName, Outcome, Place, Reason, ReasonKind, Refusal, RunReport, Step, StepOutcome, StepStatus, UnitFailure,
    UnitName, UserName,
};

pub(super) fn host(name: &str) -> HostName {
    HostName::parse(name).unwrap()
}

pub(super) fn unit(name: &str) -> UnitName {
    UnitName::parse(name).unwrap()
}

pub(super) fn path(text: &str) -> AbsPath {
    AbsPath::parse(text).unwrap()
}

pub(in crate::report) fn user(name: &str) -> UserName {
    UserName::parse(name).unwrap()
}

pub(super) fn plan(name: &str) -> HostPlan {
    HostPlan {
        host: host(name),
        changes: Vec::new(),
        steps: Vec::new(),
        findings: Vec::new(),
        refusals: Vec::new(),
        inputs: BTreeMap::new(),
        ledgers: BTreeMap::new(),
    }
}

pub(super) fn report(outcome: Outcome, plan: Option<HostPlan>) -> HostReport {
    HostReport { outcome, plan, steps: Vec::new(), failures: Vec::new(), remaining: None, elapsed_ms: 1840 }
}

pub(super) fn run(verb: &str, hosts: impl IntoIterator<Item = (&'static str, HostReport)>) -> RunReport {
    RunReport {
        tags: Vec::new(),
        schema_version: 1,
        verb: verb.to_owned(),
        run: if verb == "plan" { "" } else { "20261120-182401-7f3a" }.to_owned(),
        hosts: hosts.into_iter().map(|(name, part)| (host(name), part)).collect(),
    }
}

pub(super) fn change(of: &str, kind: ChangeKind) -> Change {
    Change { unit: (!of.is_empty()).then(|| unit(of)), manifest: ManifestName::parse("web-tier").unwrap(), kind }
}

pub(super) fn file(at: &str, from: Content, to: Content) -> ChangeKind {
    ChangeKind::File { path: path(at), from, to }
}

pub(super) fn text(content: &str) -> Content {
    Content::Text(content.to_owned())
}

pub(super) fn step(action: Action, wave: u32, reasons: &[(ReasonKind, &str)]) -> Step {
    Step {
        action,
        reasons: reasons.iter().map(|(kind, text)| Reason { kind: *kind, text: (*text).to_owned() }).collect(),
        wave,
    }
}

fn write(at: &str) -> Action {
    Action::WriteFile {
        path: path(at),
        bytes: Bytes::default(),
        encrypt: None,
        mode: 0o644,
        user: user("root"),
        group: user("root"),
        validate: Vec::new(),
    }
}

const WEB_OLD: &str = "\
[Unit]
Description=web application
After=network-online.target

[Service]
Type=simple
User=webapp
WorkingDirectory=/opt/webapp
ExecStart=/opt/webapp/app.py --port 8000 --workers 2
Restart=on-failure
MemoryMax=256M

[Install]
WantedBy=multi-user.target
";

const WANTS: &str = "/etc/systemd/system/multi-user.target.wants/web.service";
const WEB: &str = "/etc/systemd/system/web.service";

/// A service's port changes: one file, one restart.
pub(super) fn web_changes(name: &str) -> HostPlan {
    let new = WEB_OLD.replace("--workers 2", "--workers 8").replace("MemoryMax=256M", "MemoryMax=1G\nTasksMax=200");
    let mut plan = plan(name);
    plan.changes = vec![
        change("web.service", file(WEB, text(WEB_OLD), text(&new))),
        change("web.service", ChangeKind::Link { path: path(WANTS), from: None, to: Some(WEB.to_owned()) }),
    ];
    plan.steps = vec![
        step(write(WEB), 0, &[(ReasonKind::FileDiffers, "its content differs")]),
        step(
            Action::MakeLink { path: path(WANTS), target: WEB.to_owned() },
            0,
            &[(ReasonKind::LinksDiffer, "`enabled: true` and [Install] WantedBy=multi-user.target ask for it")],
        ),
        step(Action::DaemonReload, 0, &[(ReasonKind::UnitFilesChanged, "the file of web.service changed")]),
        step(
            Action::Gate { units: vec![unit("web.service")] },
            0,
            &[(ReasonKind::Follows, "nothing is stopped before every changed unit loads; else all files are put back")],
        ),
        step(
            Action::Restart { unit: unit("web.service") },
            1,
            &[
                (ReasonKind::InputsChanged, "[Service] ExecStart= changed"),
                (
                    ReasonKind::InputsChanged,
                    "[Service] MemoryMax= and TasksMax= changed (any change of a service's text restarts it)",
                ),
            ],
        ),
    ];
    plan
}

/// The first apply on an empty host: a user, a directory, an environment file, a service, workers, a timer.
pub(super) fn first_apply(name: &str) -> HostPlan {
    let mut plan = plan(name);
    plan.changes = first_changes();
    plan.steps = first_steps();
    plan.findings = vec![Finding {
        kind: FindingKind::Notice,
        unit: None,
        text: "systemd 245 is older than what unitfleet is tested with (247 and later)".to_owned(),
        hint: None,
    }];
    plan
}

fn first_changes() -> Vec<Change> {
    let env = "/etc/webapp.env";
    vec![
        change(
            "",
            ChangeKind::User {
                name: user("webapp"),
                from: None,
                to: Some("system, home /opt/webapp, shell /usr/sbin/nologin".to_owned()),
            },
        ),
        change("", ChangeKind::Directory { path: path("/opt/webapp"), exists: false, wanted: true }),
        change("", ChangeKind::Owner { path: path("/opt/webapp"), from: None, to: "webapp:webapp".to_owned() }),
        change("", file(env, Content::Absent, text("PORT=8000\nGREETING=\"hello\tworld\""))),
        change("", ChangeKind::Mode { path: path(env), from: None, to: 0o640 }),
        change("", ChangeKind::Owner { path: path(env), from: None, to: "root:webapp".to_owned() }),
        change("web.service", file(WEB, Content::Absent, text(WEB_OLD))),
        change("web.service", ChangeKind::Link { path: path(WANTS), from: None, to: Some(WEB.to_owned()) }),
        change("web.service", ChangeKind::State { from: "inactive".to_owned(), to: "started".to_owned() }),
        change("iptables.service", ChangeKind::Mask { from: false, to: true }),
        change("iptables.service", ChangeKind::State { from: "active".to_owned(), to: "stopped".to_owned() }),
    ]
}

fn first_steps() -> Vec<Step> {
    let missing = |what| [(ReasonKind::Missing, what)];
    vec![
        step(
            Action::CreateUser {
                name: user("webapp"),
                system: true,
                uid: None,
                gid: None,
                home: Some(path("/opt/webapp")),
                shell: Some(path("/usr/sbin/nologin")),
            },
            0,
            &missing("there is no such user"),
        ),
        step(
            Action::CreateDirectory {
                path: path("/opt/webapp"),
                mode: 0o755,
                user: user("webapp"),
                group: user("webapp"),
            },
            0,
            &missing("there is no such directory"),
        ),
        step(write("/etc/webapp.env"), 0, &missing("there is no such file")),
        step(write(WEB), 0, &missing("there is no such file")),
        step(
            Action::MakeLink { path: path(WANTS), target: WEB.to_owned() },
            0,
            &[(ReasonKind::LinksDiffer, "[Install] WantedBy=multi-user.target")],
        ),
        step(Action::DaemonReload, 0, &[(ReasonKind::UnitFilesChanged, "2 unit files changed")]),
        step(
            Action::Stop { unit: unit("iptables.service") },
            0,
            &[(ReasonKind::MaskDiffers, "`masked: true` wants it stopped")],
        ),
        step(Action::Mask { unit: unit("iptables.service") }, 0, &[(ReasonKind::MaskDiffers, "`masked: true`")]),
        step(Action::Start { unit: unit("web.service") }, 1, &[(ReasonKind::StateDiffers, "inactive, wanted started")]),
        step(
            Action::Start { unit: unit("worker@1.service") },
            1,
            &[(ReasonKind::StateDiffers, "inactive, wanted started")],
        ),
        step(
            Action::Restart { unit: unit("worker@2.service") },
            1,
            &[(ReasonKind::Stale, "it was started at 03:12 with an older configuration than its files")],
        ),
    ]
}

/// A plan over a small fleet: some alike, one new, findings, a refusal, one that cannot be reached.
pub(super) fn mixed_plan() -> RunReport {
    let mut held = plan("db1");
    held.findings = vec![
        Finding {
            kind: FindingKind::Held,
            unit: Some(unit("postgres.service")),
            text: "postgres.service is masked by hand; what differs about it is left as it is".to_owned(),
            hint: Some("`masked: false` in the playbook would unmask it".to_owned()),
        },
        Finding {
            kind: FindingKind::Shadowed,
            unit: Some(unit("web.service")),
            text: "/etc/systemd/system/web.service.d/99-local.conf sets MemoryMax= and wins".to_owned(),
            hint: None,
        },
    ];
    let mut refused = web_changes("lb1");
    refused.refusals = vec![Refusal {
        unit: Some(unit("getty@.service")),
        text: "`enabled: true` cannot be: its [Install] section is missing, so there is nothing to enable".to_owned(),
        place: Some(Place { file: "playbooks/web.yaml".to_owned(), line: 41, column: 14 }),
        hint: Some("remove `enabled`, or give the unit an [Install] section in a drop-in".to_owned()),
    }];
    run(
        "plan",
        [
            ("app1", report(Outcome::Pending, Some(first_apply("app1")))),
            ("db1", report(Outcome::Unchanged, Some(held))),
            (
                "lb1",
                report(
                    Outcome::Refused { error: "1 thing is asked for that cannot be".to_owned(), hint: None },
                    Some(refused),
                ),
            ),
            ("web1", report(Outcome::Pending, Some(web_changes("web1")))),
            ("web2", report(Outcome::Pending, Some(web_changes("web2")))),
            ("web3", report(Outcome::Unchanged, Some(plan("web3")))),
            (
                "web4",
                report(
                    Outcome::Unreachable {
                        error: "ssh: connect to host web4 port 22: Connection timed out".to_owned(),
                        hint: Some("is the host up? try `ssh web4 true`".to_owned()),
                    },
                    None,
                ),
            ),
        ],
    )
}

/// An apply of everything that can happen.
pub(super) fn mixed_apply() -> RunReport {
    let done = |count: usize| -> Vec<StepOutcome> {
        (0..count)
            .map(|step| StepOutcome { step, status: if step == 1 { StepStatus::Already } else { StepStatus::Done } })
            .collect()
    };
    let changed = |name: &str, elapsed_ms| HostReport {
        steps: done(5),
        elapsed_ms,
        ..report(Outcome::Changed, Some(web_changes(name)))
    };
    let mut refused_lock = report(
        Outcome::Refused {
            error: "another apply is under way: run 20261120-181900-11aa by alice@laptop, since 18:19".to_owned(),
            hint: Some("wait for it, or look at it with `unitfleet attach 20261120-181900-11aa`".to_owned()),
        },
        None,
    );
    refused_lock.elapsed_ms = 300;
    run(
        "apply",
        [
            ("web1", changed("web1", 1840)),
            ("web2", changed("web2", 2210)),
            ("web3", report(Outcome::Unchanged, Some(plan("web3")))),
            ("web4", gate_failed("web4")),
            ("web5", start_failed("web5", done(4))),
            ("web6", start_failed("web6", done(4))),
            ("web7", refused_lock),
            ("web8", report(Outcome::NotRun, None)),
        ],
    )
}

/// A broken unit file: caught before anything was stopped.
fn gate_failed(name: &str) -> HostReport {
    let status = |step| match step {
        0..=2 => StepStatus::Undone,
        3 => StepStatus::Failed("web.service: bad-setting\nUnit web.service has a bad unit file setting.".to_owned()),
        _ => StepStatus::NotRun,
    };
    HostReport {
        steps: (0..5).map(|step| StepOutcome { step, status: status(step) }).collect(),
        ..report(
            Outcome::Failed {
                error: "web.service does not load with its new file".to_owned(),
                hint: None,
                restored: true,
            },
            Some(web_changes(name)),
        )
    }
}

/// A service that dies at once.
fn start_failed(name: &str, mut steps: Vec<StepOutcome>) -> HostReport {
    steps.push(StepOutcome {
        step: 4,
        status: StepStatus::Failed("Job for web.service failed because the control process exited.".to_owned()),
    });
    let mut remaining = plan(name);
    remaining.changes =
        vec![change("web.service", ChangeKind::State { from: "failed".to_owned(), to: "started".to_owned() })];
    HostReport {
        steps,
        failures: vec![UnitFailure {
            unit: unit("web.service"),
            load_state: "loaded".to_owned(),
            active_state: "failed".to_owned(),
            sub_state: "failed".to_owned(),
            result: Some("exit-code".to_owned()),
            exec_main_code: Some(1),
            exec_main_status: Some(203),
            n_restarts: Some(5),
            journal: vec![
                format!("Nov 20 18:24:03 {name} systemd[1]: Started web application."),
                format!(
                    "Nov 20 18:24:03 {name} systemd[4711]: web.service: Failed to locate executable /opt/webapp/app.py: No such file or directory"
                ),
                format!("Nov 20 18:24:03 {name} app[4711]: \x1b[31mboom\x1b[0m"),
            ],
            cause: "/opt/webapp/app.py does not exist or is not executable".to_owned(),
            next: Some(format!("ssh {name} ls -l /opt/webapp/app.py")),
        }],
        remaining: Some(remaining),
        ..report(
            Outcome::Failed { error: "web.service did not stay up".to_owned(), hint: None, restored: false },
            Some(web_changes(name)),
        )
    }
}
