//! What the program's JSON says, in words that a test can list; and what a host looks like without asking the program.

use std::collections::BTreeMap;
use std::process::Output;

use serde_json::Value;

use crate::support::Host;

/// What one run of the program came to on the first host.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) code: i32,
    /// The outcome's name: `unchanged`, `pending`, `changed`, `refused`, `failed`.
    pub(crate) outcome: String,
    /// What differs, such as `file /etc/x` or `state a.service inactive → started`.
    pub(crate) changes: Vec<String>,
    /// What is done, such as `write_file /etc/x` or `restart a.service`.
    pub(crate) steps: Vec<String>,
    /// Such as `held a.service`.
    pub(crate) findings: Vec<String>,
    pub(crate) refusals: Vec<String>,
    /// How each step ended, in the order in which the report gives them.
    pub(crate) ended: Vec<String>,
    /// The host's part of the document.
    pub(crate) part: Value,
}

impl Report {
    pub(crate) fn nothing_to_do(&self) -> bool {
        self.code == 0 && self.outcome == "unchanged" && self.changes.is_empty() && self.steps.is_empty()
    }

    fn read(host: &str, output: &Output) -> Self {
        let shown = || {
            let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            format!("{}\n{out}\n{err}", output.status)
        };
        let document: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("no JSON ({error}): {}", shown()));
        let part = document["hosts"][host].clone();
        assert!(part.is_object(), "{host} has no part in the report: {}", shown());
        let plan = &part["plan"];
        let list = |name: &str, say: fn(&Value) -> String| -> Vec<String> {
            plan[name].as_array().into_iter().flatten().map(say).collect()
        };
        Self {
            code: output.status.code().unwrap_or(-1),
            outcome: text(&part["outcome"]["outcome"]),
            changes: list("changes", change),
            steps: list("steps", step),
            findings: list("findings", finding),
            refusals: list("refusals", |refusal| text(&refusal["text"])),
            ended: part["steps"].as_array().into_iter().flatten().map(|step| text(&step["status"])).collect(),
            part,
        }
    }
}

/// Plans the playbook and reads the report.
pub(crate) fn plan(host: &Host) -> Report {
    run(host, &["plan", "--format", "json", "playbook.yaml"])
}

/// Applies the playbook and reads the report, whatever came of it.
pub(crate) fn try_apply(host: &Host) -> Report {
    run(host, &["apply", "-y", "--settle", "0", "--format", "json", "playbook.yaml"])
}

/// Applies the playbook, which must work.
pub(crate) fn apply(host: &Host) -> Report {
    let report = try_apply(host);
    assert!(
        report.code == 0 && ["changed", "unchanged"].contains(&report.outcome.as_str()),
        "the apply ended with {}: {:#}\n{:#}\n{:#?}",
        report.code,
        report.part["outcome"],
        report.part["failures"],
        report.steps
    );
    report
}

pub(crate) fn run(host: &Host, arguments: &[&str]) -> Report {
    Report::read(host.name(), &host.unitfleet(arguments))
}

/// The same of a command that the test has put together.
pub(crate) fn run_command(host: &Host, command: &mut std::process::Command) -> Report {
    Report::read(host.name(), &command.output().expect("the program runs"))
}

/// Nothing may be left to do.
#[track_caller]
pub(crate) fn assert_in_sync(host: &Host, when: &str) {
    let again = plan(host);
    assert!(again.nothing_to_do(), "{when}, the plan is not empty: {:#?}\n{:#?}", again.changes, again.steps);
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "nothing".to_owned(),
        other => other.to_string(),
    }
}

fn change(change: &Value) -> String {
    let (unit, kind) = (text(&change["unit"]), &change["kind"]);
    let path = text(&kind["path"]);
    let from_to = || format!("{} → {}", text(&kind["from"]), text(&kind["to"]));
    let octal = |value: &Value| value.as_u64().map_or_else(|| "nothing".to_owned(), |mode| format!("{mode:04o}"));
    match kind["kind"].as_str().expect("a change has a kind") {
        "file" if kind["from"] == "absent" => format!("new file {path}"),
        "file" if kind["to"] == "absent" => format!("no file {path}"),
        "mode" => format!("mode {path} {} → {}", octal(&kind["from"]), octal(&kind["to"])),
        word @ ("file" | "directory") => format!("{word} {path}"),
        "owner" => format!("owner {path} {}", from_to()),
        "link" if kind["from"].is_null() => format!("new link {path}"),
        "link" if kind["to"].is_null() => format!("no link {path}"),
        "link" => format!("link {path} {}", from_to()),
        "user" => format!("user {} {}", text(&kind["name"]), from_to()),
        "default_target" => format!("default_target {}", from_to()),
        word @ ("mask" | "state") => format!("{word} {unit} {}", from_to()),
        word => format!("{word} {unit}"),
    }
}

fn step(step: &Value) -> String {
    let action = &step["action"];
    let word = action["action"].as_str().expect("a step has an action");
    let about = ["path", "unit", "name"].iter().find_map(|name| action[*name].as_str());
    about.map_or_else(|| word.to_owned(), |about| format!("{word} {about}"))
}

fn finding(finding: &Value) -> String {
    format!("{} {}", text(&finding["kind"]), text(&finding["unit"]))
}

/// Who runs, by unit: its state, its process and its invocation.
pub(crate) type Runs = BTreeMap<String, String>;

/// Asks the host's own systemd.
pub(crate) fn runs(host: &Host, units: &[&str]) -> Runs {
    let script = format!(
        "systemctl show -p Id,ActiveState,SubState,MainPID,InvocationID,ActiveEnterTimestampMonotonic -- {}",
        units.join(" ")
    );
    let answer = host.exec(&script);
    let found: Runs = answer
        .split("\n\n")
        .map(|unit| {
            let id = unit.lines().find_map(|line| line.strip_prefix("Id=")).expect("systemd names the unit");
            (id.to_owned(), unit.to_owned())
        })
        .collect();
    assert_eq!(found.len(), units.len(), "{answer}");
    found
}

/// The units of `before` whose process, invocation or state is another one now.
pub(crate) fn disturbed(before: &Runs, after: &Runs) -> Vec<String> {
    before.iter().filter(|(unit, state)| after.get(*unit) != Some(*state)).map(|(unit, _)| unit.clone()).collect()
}

/// The value of one property of a unit.
pub(crate) fn property(host: &Host, unit: &str, name: &str) -> String {
    host.exec(&format!("systemctl show --value -p {name} -- {unit}"))
}

/// Puts two units on the host as a package would.
pub(crate) fn install_vendor_units(host: &Host, names: &[&str]) {
    for name in names {
        host.exec(&format!(
            "printf '[Unit]\\nDescription=From a package\\n[Service]\\nType=exec\\nExecStart=/bin/sleep infinity\\n\
             [Install]\\nWantedBy=multi-user.target\\n' >/usr/lib/systemd/system/{name}"
        ));
    }
    host.exec("systemctl daemon-reload");
}

/// Everything below some directories: name, kind, mode, owner, size, times of content and of attributes, target.
/// What the host's own services keep for themselves is left out.
pub(crate) fn snapshot(host: &Host, places: &str) -> String {
    host.exec(&format!(
        "for place in {places}; do
           [ ! -e $place ] || find $place -path /var/lib/systemd -prune -o -path '/tmp/systemd-private-*' -prune -o \
             -path '/var/tmp/systemd-private-*' -prune -o -printf '%p %y %m %u:%g %s %T@ %C@ %l\\n'
         done | sort"
    ))
}

/// The units that systemd knows of, without those that come and go with logins.
pub(crate) fn units_loaded(host: &Host) -> String {
    host.exec(
        "systemctl list-units --all --plain --no-legend | awk '{print $1, $2, $3, $4}' |
         grep -v -e '^session-' -e '^user@' -e '^user-' -e '^ssh@' -e '^systemd-' | sort",
    )
}
