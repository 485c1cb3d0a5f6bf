//! Is a unit where its step wanted it, and if not, why: from what `systemctl show` says after the settle window.
//!
//! Exit codes of systemctl are not looked at: a simple service whose program is missing starts with status 0. The
//! words of `Result=` and the statuses from 200 on are systemd's; they are the same on 247, 252 and 257.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Action, ActiveState, ObservedUnit, Step, UnitFailure, UnitKind, UnitName};

/// A unit after the settle window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitAfter {
    /// What `systemctl show` says.
    pub unit: ObservedUnit,
    /// Whether its assertions held at the last start.
    pub assert_result: Option<bool>,
    /// How the last reload went (systemd 245 and later).
    pub reload_result: Option<String>,
    /// `InvocationID` and `NRestarts` before the settle window.
    pub before: Option<(Option<String>, Option<u32>)>,
    /// The last lines of this very invocation; fetched for units that did not look well.
    pub journal: Vec<String>,
}

/// A finding: one sentence, and a command to look further.
struct Cause {
    text: String,
    next: Option<String>,
}

impl Cause {
    fn new(text: impl Into<String>, next: impl Into<String>) -> Self {
        Self { text: text.into(), next: Some(next.into()) }
    }
}

/// Where the last step on a unit wanted it.
#[derive(Clone, Copy)]
enum Wanted {
    Down,
    Up,
    Reloaded,
}

/// The units that did not get where the steps wanted them. The last step on a unit counts.
#[must_use]
pub fn judge(steps: &[Step], units: &BTreeMap<UnitName, UnitAfter>) -> Vec<UnitFailure> {
    let mut wanted: BTreeMap<&UnitName, Wanted> = BTreeMap::new();
    for step in steps {
        match &step.action {
            Action::Stop { unit } => wanted.insert(unit, Wanted::Down),
            Action::Start { unit } | Action::Restart { unit } => wanted.insert(unit, Wanted::Up),
            Action::Reload { unit } => wanted.insert(unit, Wanted::Reloaded),
            _ => None,
        };
    }
    wanted
        .into_iter()
        .filter_map(|(name, wanted)| {
            let after = units.get(name)?;
            let cause = match wanted {
                Wanted::Down => why_not_down(name, after),
                Wanted::Up => why_not_up(name, after),
                Wanted::Reloaded => why_not_up(name, after).or_else(|| why_not_reloaded(name, after)),
            };
            cause.map(|cause| failure(name, after, cause))
        })
        .collect()
}

/// A unit that systemd refused to load at the gate. Its files were put back, so there is nothing left to look at.
pub(super) fn gate_failure(name: &UnitName, after: &UnitAfter) -> UnitFailure {
    let cause = Cause { next: None, ..not_loaded(name, after) };
    let mut failure = failure(name, after, cause);
    // PID 1 says the same each time it reads the file.
    let mut said = BTreeSet::new();
    failure.journal.retain(|line| said.insert(line.clone()));
    failure
}

fn failure(name: &UnitName, after: &UnitAfter, cause: Cause) -> UnitFailure {
    let unit = &after.unit;
    UnitFailure {
        unit: name.clone(),
        load_state: unit.load_state.clone(),
        active_state: unit.active_state.as_str().to_owned(),
        sub_state: unit.sub_state.clone(),
        result: unit.result.clone(),
        exec_main_code: unit.exec_main_code,
        exec_main_status: unit.exec_main_status,
        n_restarts: unit.n_restarts,
        journal: after.journal.clone(),
        cause: cause.text,
        next: cause.next,
    }
}

fn why_not_down(name: &UnitName, after: &UnitAfter) -> Option<Cause> {
    let unit = &after.unit;
    if unit.active_state.is_down() {
        return None;
    }
    let state = state(unit);
    let text = if unit.triggered_by.is_empty() {
        format!("it is still {state} after it was stopped")
    } else {
        format!("it is {state} although it was stopped; {} can start it again", unit.triggered_by.join(", "))
    };
    Some(Cause::new(text, status(name)))
}

fn why_not_up(name: &UnitName, after: &UnitAfter) -> Option<Cause> {
    let unit = &after.unit;
    if unit.load_state != "loaded" {
        return Some(not_loaded(name, after));
    }
    match &unit.active_state {
        ActiveState::Active | ActiveState::Reloading | ActiveState::Refreshing => why_unsteady(name, after),
        ActiveState::Failed => Some(why_given_up(name, after)),
        ActiveState::Inactive => why_inactive(name, after),
        ActiveState::Activating if unit.sub_state.starts_with("auto-restart") => Some(why_looping(name, after)),
        _ if unit.job.is_some() => {
            Some(Cause::new(format!("it is still {} and its job has not ended", state(unit)), status(name)))
        }
        _ => Some(Cause::new(format!("it is {} instead of active", state(unit)), status(name))),
    }
}

/// Active, but did it stay so?
fn why_unsteady(name: &UnitName, after: &UnitAfter) -> Option<Cause> {
    let unit = &after.unit;
    if let Some((invocation, restarts)) = &after.before {
        let grew = matches!((restarts, unit.n_restarts), (Some(before), Some(now)) if now > *before);
        if grew || invocation.is_some() && *invocation != unit.invocation_id {
            return Some(Cause::new(
                "it ended and was started again within the settle window, so it may be crashing",
                journal(name),
            ));
        }
    }
    None
}

fn why_not_reloaded(name: &UnitName, after: &UnitAfter) -> Option<Cause> {
    match after.reload_result.as_deref() {
        None | Some("success") => None,
        Some(result) => {
            Some(Cause::new(format!("its reload failed ({result}); it still runs as it was started"), journal(name)))
        }
    }
}

fn not_loaded(name: &UnitName, after: &UnitAfter) -> Cause {
    let unit = &after.unit;
    match (unit.load_state.as_str(), &unit.load_error) {
        ("masked", _) => Cause::new("it is masked", format!("systemctl status {}", quoted(name))),
        ("not-found", _) => Cause::new("systemd finds no file for it", format!("systemctl cat {}", quoted(name))),
        (state, Some(error)) => Cause::new(format!("systemd cannot use its file ({state}): {error}"), status(name)),
        (state, None) => Cause::new(format!("systemd cannot use its file ({state})"), status(name)),
    }
}

fn why_inactive(name: &UnitName, after: &UnitAfter) -> Option<Cause> {
    let unit = &after.unit;
    if let Some(line) = line_with(after, &["Dependency failed for"]) {
        let text = format!("a unit that it requires did not start ({line})");
        let next = format!("systemctl list-dependencies {}", quoted(name));
        return Some(Cause::new(text, next));
    }
    let clean = matches!(unit.result.as_deref(), None | Some("success"));
    if unit.service_type == "oneshot" && !unit.remain_after_exit && clean {
        return None;
    }
    if after.assert_result == Some(false) && line_with(after, &["ssertion"]).is_some() {
        return Some(Cause::new("systemd refused to start it: an assertion is not met", status(name)));
    }
    let skipped = unit.result.as_deref() == Some("exec-condition");
    if skipped || line_with(after, &["Skipped due to 'exec-condition'"]).is_some() {
        return Some(Cause::new("systemd skipped it: its ExecCondition= said no", journal(name)));
    }
    if !clean {
        return Some(why_failed(name, after));
    }
    if unit.refuse_manual_start {
        return Some(Cause::new("it may not be started by hand (RefuseManualStart=yes)", status(name)));
    }
    if let Some(line) = line_with(after, &["unmet condition", "Condition check resulted in"]) {
        return Some(Cause::new(format!("systemd skipped it: {line}"), status(name)));
    }
    // A unit that ended well and that nothing refers to is forgotten at once: only its journal tells that it ran.
    let ran = unit.exec_main_start_us.is_some_and(|start| start != 0)
        || line_with(after, &[": Deactivated successfully", ": Succeeded."]).is_some();
    if name.kind() == UnitKind::Service && ran {
        return Some(Cause::new("it started and ended at once with status 0", journal(name)));
    }
    let text = if unit.condition_result == Some(false) {
        "it is not active although it was started; perhaps a Condition…= of it is not met"
    } else {
        "it is not active although it was started"
    };
    Some(Cause::new(text, status(name)))
}

/// Between two attempts of `Restart=`.
fn why_looping(name: &UnitName, after: &UnitAfter) -> Cause {
    if matches!(after.unit.result.as_deref(), None | Some("success")) {
        return Cause::new("it ends with status 0 and is restarted again and again", journal(name));
    }
    let cause = why_failed(name, after);
    Cause { text: format!("it fails and is restarted again and again: {}", cause.text), ..cause }
}

/// `Result=` is that of the last failure, also where the start limit ended the attempts.
fn why_given_up(name: &UnitName, after: &UnitAfter) -> Cause {
    let cause = why_failed(name, after);
    let limit = after.unit.result.as_deref() != Some("start-limit-hit")
        && line_with(after, &["Start request repeated too quickly"]).is_some();
    if limit {
        let text = format!("{}, again and again until systemd gave up restarting it", cause.text);
        return Cause { text, ..cause };
    }
    cause
}

fn why_failed(name: &UnitName, after: &UnitAfter) -> Cause {
    let unit = &after.unit;
    match unit.result.as_deref().unwrap_or_default() {
        "exit-code" => exit_code(name, after),
        "signal" => Cause::new(format!("it was killed by {}", signal(unit.exec_main_status)), journal(name)),
        "core-dump" => Cause::new(
            format!("it crashed with {} and dumped core", signal(unit.exec_main_status)),
            format!("coredumpctl info {}", quoted(name)),
        ),
        "oom-kill" => Cause::new(
            "the kernel killed it because memory ran out (oom-kill)",
            format!("systemctl show -p MemoryMax,MemoryPeak {}", quoted(name)),
        ),
        "start-limit-hit" => Cause::new(
            "it was started too often in a short time (start-limit-hit); the first failure stands further up in its journal",
            format!("journalctl -n 100 -u {}", shell_quoted(name.as_str())),
        ),
        "timeout" => Cause::new("it did not start within its time limit (timeout)", journal(name)),
        "protocol" => Cause::new(
            "it did not announce itself as its Type= promises (protocol); check Type= and PIDFile=",
            format!("systemctl show -p Type,PIDFile,NotifyAccess {}", quoted(name)),
        ),
        "watchdog" => Cause::new("it did not ping its watchdog in time", journal(name)),
        "resources" => resources(name, after),
        "" | "success" => Cause::new(format!("it is {}", state(unit)), status(name)),
        other => Cause::new(format!("it failed ({other})"), journal(name)),
    }
}

fn resources(name: &UnitName, after: &UnitAfter) -> Cause {
    if line_with(after, &["environment files"]).is_some() {
        return Cause::new(
            "a file that EnvironmentFile= names is missing or cannot be read",
            format!("systemctl show -p EnvironmentFiles {}", quoted(name)),
        );
    }
    Cause::new("systemd could not set up what it needs (resources)", journal(name))
}

/// What a status from 200 on says about how far systemd got, and where to look.
fn exit_code(name: &UnitName, after: &UnitAfter) -> Cause {
    let show = |property: &str| format!("systemctl show -p {property} {}", quoted(name));
    let named = |path: Option<String>, what: &str, property: &str| match path {
        Some(path) => Cause::new(format!("{what}: {path}"), format!("namei -l {}", shell_quoted(&path))),
        None => Cause::new(what, show(property)),
    };
    let status = after.unit.exec_main_status.unwrap_or_default();
    match status {
        0 => Cause::new(
            "a command beside its main process failed (ExecStartPre=, ExecStartPost= or ExecStop=)",
            journal(name),
        ),
        200 => Cause::new(
            "its WorkingDirectory= does not exist or cannot be entered (200/CHDIR)",
            show("WorkingDirectory"),
        ),
        203 => named(executable(after), "its program does not exist or cannot be executed (203/EXEC)", "ExecStart"),
        216 => Cause::new("its Group= does not exist (216/GROUP)", show("Group,SupplementaryGroups")),
        217 => Cause::new("its User= does not exist (217/USER)", show("User")),
        218 => Cause::new(
            "its capabilities could not be set (218/CAPABILITIES)",
            show("AmbientCapabilities,CapabilityBoundingSet,User"),
        ),
        226 => named(
            mount_path(after),
            "its file system sandbox could not be set up (226/NAMESPACE)",
            "ReadWritePaths,ReadOnlyPaths,BindPaths,InaccessiblePaths",
        ),
        _ => match STEPS.iter().find(|(number, _, _)| *number == status) {
            Some((number, word, what)) => Cause::new(format!("{what} ({number}/{word})"), journal(name)),
            None => Cause::new(format!("it ended with status {status}"), journal(name)),
        },
    }
}

/// systemd's own exit statuses beside those that are told in more detail (systemd.exec(5)).
const STEPS: &[(i32, &str, &str)] = &[
    (201, "NICE", "its Nice= could not be set"),
    (202, "FDS", "its file descriptors could not be passed"),
    (204, "MEMORY", "there was no memory to start it"),
    (205, "LIMITS", "its Limit…= could not be set"),
    (206, "OOM_ADJUST", "its OOMScoreAdjust= could not be set"),
    (208, "STDIN", "its StandardInput= could not be set up"),
    (209, "STDOUT", "its StandardOutput= could not be set up"),
    (210, "CHROOT", "its RootDirectory= could not be entered"),
    (211, "IOPRIO", "its IOScheduling…= could not be set"),
    (214, "SETSCHEDULER", "its CPUScheduling…= could not be set"),
    (215, "CPUAFFINITY", "its CPUAffinity= could not be set"),
    (219, "CGROUP", "its control group could not be set up"),
    (222, "STDERR", "its StandardError= could not be set up"),
    (224, "PAM", "its PAMName= session could not be opened"),
    (225, "NETWORK", "its network namespace could not be set up"),
    (227, "NO_NEW_PRIVILEGES", "its NoNewPrivileges= could not be set"),
    (228, "SECCOMP", "its system call filter could not be set"),
    (229, "SELINUX_CONTEXT", "its SELinuxContext= could not be set"),
    (231, "APPARMOR_PROFILE", "its AppArmorProfile= could not be set"),
    (232, "ADDRESS_FAMILIES", "its RestrictAddressFamilies= could not be set"),
    (233, "RUNTIME_DIRECTORY", "its RuntimeDirectory= could not be set up"),
    (235, "CHOWN", "the owner of its socket could not be set"),
    (238, "STATE_DIRECTORY", "its StateDirectory= could not be set up"),
    (239, "CACHE_DIRECTORY", "its CacheDirectory= could not be set up"),
    (240, "LOGS_DIRECTORY", "its LogsDirectory= could not be set up"),
    (241, "CONFIGURATION_DIRECTORY", "its ConfigurationDirectory= could not be set up"),
    (243, "CREDENTIALS", "its credentials could not be set up"),
];

/// `Failed to locate executable /x: …` (252), `Unable to locate executable '/x': …` (257) or
/// `Failed at step EXEC spawning /x: …`.
fn executable(after: &UnitAfter) -> Option<String> {
    after.journal.iter().find_map(|line| {
        let (_, rest) = line.split_once(" locate executable ").or_else(|| line.split_once("step EXEC spawning "))?;
        let (path, _) = rest.rsplit_once(": ")?;
        Some(path.trim_matches('\'').to_owned())
    })
}

/// `Failed to set up mount namespacing: /x: No such file or directory`, with `/run/systemd/unit-root` before the path
/// on some versions.
fn mount_path(after: &UnitAfter) -> Option<String> {
    let line = line_with(after, &["mount namespacing: /"])?;
    let (_, rest) = line.split_once("mount namespacing: ")?;
    let (path, _) = rest.rsplit_once(": ")?;
    Some(path.strip_prefix("/run/systemd/unit-root").unwrap_or(path).to_owned())
}

fn line_with<'a>(after: &'a UnitAfter, any: &[&str]) -> Option<&'a str> {
    let mut lines = after.journal.iter().rev();
    lines.find(|line| any.iter().any(|part| line.contains(part))).map(String::as_str)
}

fn state(unit: &ObservedUnit) -> String {
    format!("{} ({})", unit.active_state.as_str(), unit.sub_state)
}

fn signal(number: Option<i32>) -> String {
    let name = match number {
        Some(1) => "SIGHUP",
        Some(2) => "SIGINT",
        Some(3) => "SIGQUIT",
        Some(4) => "SIGILL",
        Some(6) => "SIGABRT",
        Some(7) => "SIGBUS",
        Some(8) => "SIGFPE",
        Some(9) => "SIGKILL",
        Some(11) => "SIGSEGV",
        Some(13) => "SIGPIPE",
        Some(15) => "SIGTERM",
        Some(31) => "SIGSYS",
        Some(other) => return format!("signal {other}"),
        None => "a signal",
    };
    name.to_owned()
}

fn status(name: &UnitName) -> String {
    format!("systemctl status {}", quoted(name))
}

fn journal(name: &UnitName) -> String {
    format!("journalctl -n 50 -u {}", shell_quoted(name.as_str()))
}

/// A unit's name as an argument in a command that a person may copy.
fn quoted(name: &UnitName) -> String {
    let end_of_options = if name.as_str().starts_with('-') { "-- " } else { "" };
    format!("{end_of_options}{}", shell_quoted(name.as_str()))
}

fn shell_quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-@:".contains(c);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Reason, ReasonKind};

    fn cause_of(result: &str) -> (String, Option<String>) {
        let unit: ObservedUnit = serde_json::from_value(serde_json::json!({
            "id": "a.service", "names": ["a.service"], "load_state": "loaded", "active_state": "failed",
            "sub_state": "failed", "unit_file_state": "enabled", "drop_in_paths": [], "need_daemon_reload": false,
            "can_reload": false, "refuse_manual_start": false, "refuse_manual_stop": false, "service_type": "simple",
            "remain_after_exit": false, "result": result, "triggers": [], "triggered_by": [], "transient": false,
        }))
        .unwrap();
        let name = UnitName::parse("a.service").unwrap();
        let after = UnitAfter { unit, assert_result: None, reload_result: None, before: None, journal: Vec::new() };
        let reasons = vec![Reason { kind: ReasonKind::StateDiffers, text: "is inactive".to_owned() }];
        let step = Step { action: Action::Start { unit: name.clone() }, reasons, wave: 0 };
        let mut failures = judge(&[step], &BTreeMap::from([(name, after)]));
        let failure = failures.pop().expect("a failed unit is a failure");
        (failure.cause, failure.next)
    }

    #[test]
    fn what_this_kernel_cannot_bring_about_has_its_cause_all_the_same() {
        for (result, words) in [("oom-kill", "memory ran out"), ("start-limit-hit", "too often in a short time")] {
            let (cause, next) = cause_of(result);
            assert!(cause.contains(words), "{result}: {cause}");
            assert!(next.is_some_and(|next| next.contains("a.service")), "{result} names no command");
        }
    }
}
