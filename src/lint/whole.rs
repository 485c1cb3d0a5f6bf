//! What only the unit as a whole can tell: what systemd refuses to load, and what will not do what was meant.

use crate::model::{UnitKind, UnitName};
use crate::unitfile::Effective;

use super::Lint;

pub(super) fn check(name: &UnitName, unit: &Effective) -> Vec<Lint> {
    let mut found = match name.kind() {
        UnitKind::Service => service(unit),
        UnitKind::Timer => triggers(
            unit,
            "Timer",
            &[
                "OnCalendar",
                "OnBootSec",
                "OnActiveSec",
                "OnStartupSec",
                "OnUnitActiveSec",
                "OnUnitInactiveSec",
                "OnClockChange",
                "OnTimezoneChange",
            ],
            "timer-without-time",
            "OnCalendar=daily",
        ),
        UnitKind::Path => triggers(
            unit,
            "Path",
            &["PathExists", "PathExistsGlob", "PathChanged", "PathModified", "DirectoryNotEmpty"],
            "path-without-path",
            "PathExists=/run/…",
        ),
        UnitKind::Socket => socket(unit),
        _ => Vec::new(),
    };
    found.extend(dependencies(name, unit));
    found
}

/// A lint at the last assignment of a directive.
fn at(unit: &Effective, section: &str, key: &str, lint: Lint) -> Lint {
    use crate::unitfile::Source;
    let mut found = unit.settings().iter().rev().filter(|setting| setting.section == section && setting.key == key);
    match found.find(|setting| setting.source == Source::Fragment) {
        Some(setting) => lint.about(section, key, setting.line),
        None => lint,
    }
}

/// What systemd refuses (`service_verify`, of 247, 252 and 257).
fn service(unit: &Effective) -> Vec<Lint> {
    let mut found = Vec::new();
    let kind = unit.last("Service", "Type");
    let oneshot = kind == Some("oneshot");
    let commands = unit.values("Service", "ExecStart").len();
    let ends = !unit.values("Service", "ExecStop").is_empty() || unit.last("Unit", "SuccessAction").is_some();
    if commands == 0 && !(oneshot && ends) {
        let message = "the service has no ExecStart, and systemd refuses to load it";
        found.push(Lint::new("no-command", message).help("a oneshot may do with ExecStop= and RemainAfterExit=yes"));
    }
    if commands > 1 && !oneshot {
        let message = format!("{commands} ExecStart= are given, and systemd takes several only of a oneshot");
        let lint = Lint::new("several-commands", message).help("an empty `ExecStart=` takes back those before it");
        found.push(at(unit, "Service", "ExecStart", lint));
    }
    let restart = unit.last("Service", "Restart");
    if oneshot && matches!(restart, Some("always" | "on-success")) {
        let message = "systemd refuses a oneshot that is restarted when it succeeded";
        let lint = Lint::new("oneshot-restarts", message).help("write `Restart=on-failure`, or start it by a timer");
        found.push(at(unit, "Service", "Restart", lint));
    }
    if kind == Some("dbus") && unit.last("Service", "BusName").is_none() {
        let message = "Type=dbus without BusName=, and systemd refuses to load it";
        found.push(at(unit, "Service", "Type", Lint::new("dbus-without-name", message)));
    }
    if kind == Some("forking") && unit.last("Service", "PIDFile").is_none() {
        let message = "Type=forking without PIDFile=: systemd has to guess which process is the main one";
        let lint = Lint::new("forking-without-pid-file", message);
        found.push(at(
            unit,
            "Service",
            "Type",
            lint.help("let it run in the foreground with Type=exec or Type=notify"),
        ));
    }
    if unit.last("Service", "WatchdogSec").is_some() && unit.last("Service", "NotifyAccess") == Some("none") {
        let message = "WatchdogSec= with NotifyAccess=none: the signs of life are not taken, and it is killed";
        found.push(at(unit, "Service", "NotifyAccess", Lint::new("watchdog-unheard", message)));
    }
    found
}

fn triggers(unit: &Effective, section: &str, keys: &[&str], rule: &'static str, example: &str) -> Vec<Lint> {
    if keys.iter().any(|key| !unit.values(section, key).is_empty()) {
        return Vec::new();
    }
    let message = format!("nothing in [{section}] says when, and systemd refuses to load it");
    vec![Lint::new(rule, message).help(format!("for example `{example}`"))]
}

fn socket(unit: &Effective) -> Vec<Lint> {
    let listens = unit
        .settings()
        .iter()
        .any(|setting| setting.section == "Socket" && setting.key.starts_with("Listen") && !setting.value.is_empty());
    let mut found = Vec::new();
    if !listens {
        let message = "nothing in [Socket] says where it listens, and systemd refuses to load it";
        found.push(Lint::new("socket-without-address", message).help("for example `ListenStream=8080`"));
    }
    if unit.flag("Socket", "Accept") == Some(true) && unit.last("Socket", "Service").is_some() {
        let message = "Accept=yes with Service=: each connection gets an instance of its own, and systemd refuses this";
        found.push(at(unit, "Socket", "Service", Lint::new("accept-with-service", message)));
    }
    found
}

/// Targets that come with systemd (the manual page systemd.special(7) of 257) and that people enable units for.
const TARGETS: [&str; 22] = [
    "multi-user.target",
    "graphical.target",
    "default.target",
    "basic.target",
    "sysinit.target",
    "sockets.target",
    "timers.target",
    "paths.target",
    "local-fs.target",
    "remote-fs.target",
    "network.target",
    "network-online.target",
    "network-pre.target",
    "shutdown.target",
    "reboot.target",
    "poweroff.target",
    "halt.target",
    "rescue.target",
    "emergency.target",
    "getty.target",
    "printer.target",
    "sleep.target",
];

fn dependencies(name: &UnitName, unit: &Effective) -> Vec<Lint> {
    let mut found = Vec::new();
    for key in ["After", "Before", "Requires", "Wants", "BindsTo", "Requisite", "PartOf", "Conflicts"] {
        if unit.names("Unit", key).iter().any(|other| other == name.as_str()) {
            let lint = Lint::new("depends-on-itself", format!("{key}={name} in {name} itself means nothing"));
            found.push(at(unit, "Unit", key, lint));
        }
    }
    for key in ["WantedBy", "RequiredBy", "UpheldBy"] {
        for target in unit.names("Install", key) {
            let likely =
                TARGETS.iter().find(|known| target != **known && strsim::damerau_levenshtein(known, &target) <= 2);
            if let Some(meant) = likely.filter(|_| target.ends_with(".target") && !TARGETS.contains(&target.as_str())) {
                let message =
                    format!("{key}={target}: systemd has no such target, and nothing would start the unit at boot");
                let lint = Lint::new("unlikely-target", message).help(format!("did you mean `{meant}`?"));
                found.push(at(unit, "Install", key, lint));
            }
        }
    }
    found
}
