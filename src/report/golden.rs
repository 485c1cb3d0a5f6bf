//! Whole pages, compared with what a person has read and found good: `tests/cases/report/NAME/expected.txt`.
//!
//! `SNAPSHOTS=overwrite cargo test` writes what is printed now; read the difference before committing it.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use snapbox::Data;

use super::exit::ExitPolicy;
use super::samples::{
    change, file, first_apply, host, mixed_apply, mixed_plan, observed, plan, report, run, text as content, web_changes,
};
use super::text::{self, Detail, TextOptions};
use super::{diagnostic, json, observed as observed_page};
use crate::model::{Content, Diagnostic, HostReport, Outcome, RunReport, SourceFile};

fn at(width: usize) -> TextOptions {
    TextOptions { width, ..TextOptions::plain() }
}

fn page(report: &RunReport, options: &TextOptions) -> String {
    let mut out = Vec::new();
    text::write(&mut out, report, options).unwrap();
    String::from_utf8(out).unwrap()
}

fn check(name: &str, printed: &str) {
    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/report").join(name).join("expected.txt");
    // An escape is drawn, so that the file can be read and edited; text from elsewhere never brings one in.
    let printed = printed.replace('\x1b', "␛");
    snapbox::assert_data_eq!(printed, Data::read_from(&expected, None).raw());
}

#[test]
fn plan_at_three_widths() {
    for width in [60, 100, 160] {
        check(&format!("plan-at-{width}"), &page(&mixed_plan(), &at(width)));
    }
}

#[test]
fn plan_in_color_says_the_same() {
    let colored = TextOptions { color: true, ..at(100) };
    let printed = page(&mixed_plan(), &colored);
    check("plan-in-color", &printed);
    let mut plain = String::new();
    for (index, part) in printed.split("\x1b[").enumerate() {
        let text = if index == 0 { part } else { part.split_once('m').unwrap().1 };
        plain.push_str(text);
    }
    assert_eq!(plain, page(&mixed_plan(), &at(100)));
}

#[test]
fn plan_of_one_host() {
    let report = run("plan", [("web1", report(Outcome::Pending, Some(web_changes("web1"))))]);
    check("plan-of-one-host", &page(&report, &at(80)));
}

#[test]
fn plan_quiet_and_verbose() {
    for (name, detail) in [("plan-quiet", Detail::Quiet), ("plan-verbose", Detail::Verbose)] {
        check(name, &page(&fleet(7, 7), &TextOptions { detail, ..at(80) }));
    }
}

#[test]
fn apply_at_once_and_after_its_plan_was_shown() {
    check("apply", &page(&mixed_apply(), &at(100)));
    let after = TextOptions { plan_was_shown: true, ..at(80) };
    check("apply-after-its-plan", &page(&mixed_apply(), &after));
}

/// Many hosts: some alike, one new, a few that cannot be reached.
fn fleet(alike: usize, unchanged: usize) -> RunReport {
    let mut fleet = run("plan", [("new1", report(Outcome::Pending, Some(first_apply("new1"))))]);
    for number in 1..=alike {
        let name = format!("web{number:03}.example.com");
        fleet.hosts.insert(host(&name), report(Outcome::Pending, Some(web_changes(&name))));
    }
    for number in 1..=unchanged {
        let name = format!("db{number:03}.example.com");
        fleet.hosts.insert(host(&name), report(Outcome::Unchanged, Some(plan(&name))));
    }
    for number in 1..=4 {
        let name = format!("edge{number}.example.com");
        let outcome = Outcome::Unreachable {
            error: format!("ssh: Could not resolve hostname {name}: Name or service not known"),
            hint: None,
        };
        fleet.hosts.insert(host(&name), report(outcome, None));
    }
    fleet
}

#[test]
fn two_hundred_hosts_are_as_short_as_three() {
    check("plan-of-two-hundred-hosts", &page(&fleet(150, 45), &at(100)));
}

#[test]
fn nothing_to_do_is_one_line() {
    let same = |names: &[&'static str]| -> RunReport {
        let part = || report(Outcome::Unchanged, Some(plan("any")));
        run("apply", names.iter().map(|name| (*name, part())))
    };
    assert_eq!(page(&same(&["a", "b", "c", "d", "e", "f"]), &at(80)), "No changes. 6 hosts are as desired.\n");
    assert_eq!(page(&same(&["a"]), &at(80)), "unchanged: a\nNo changes. 1 host is as desired.\n");
    assert_eq!(page(&same(&[]), &at(80)), "Applied: no hosts.\n");
}

/// "No changes" would lie about what was not looked at.
#[test]
fn a_run_that_was_limited_says_so_to_people_and_programs() {
    let mut limited = run("plan", [("a", report(Outcome::Unchanged, Some(plan("a"))))]);
    limited.tags = vec!["config".to_owned(), "web".to_owned()];
    let said = "limited to tags: config, web (everything else was left out)\nNo changes. 1 host is as desired.\n";
    for detail in [Detail::Quiet, Detail::Normal, Detail::Verbose] {
        assert!(page(&limited, &TextOptions { detail, ..at(80) }).ends_with(said), "{detail:?}");
    }
    let document = |report: &RunReport| -> serde_json::Value {
        let mut out = Vec::new();
        json::write(&mut out, report, ExitPolicy::default()).unwrap();
        serde_json::from_slice(&out).unwrap()
    };
    assert_eq!(document(&limited)["tags"], serde_json::json!(["config", "web"]));
    limited.tags.clear();
    assert_eq!(document(&limited).get("tags"), None);
}

#[test]
fn what_was_observed() {
    let missing = BTreeMap::from([(
        host("web4"),
        Outcome::Unreachable {
            error: "ssh: connect to host web4 port 22: Connection timed out".to_owned(),
            hint: Some("is the host up?".to_owned()),
        },
    )]);
    let hosts = BTreeMap::from([(host("web1"), observed("web1", 0)), (host("web2"), observed("web2", 1000))]);
    for width in [80, 120] {
        let mut out = Vec::new();
        observed_page::write(&mut out, &hosts, &missing, &at(width)).unwrap();
        check(&format!("observed-at-{width}"), &String::from_utf8(out).unwrap());
    }
    let mut out = Vec::new();
    json::write_observed(&mut out, &hosts, &missing).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(value["hosts"]["web1"]["facts"]["systemd_version"], 252);
    assert_eq!(value["missing"]["web4"]["outcome"], "unreachable");
}

#[test]
fn wrong_input() {
    let source = std::sync::Arc::new(SourceFile {
        name: "playbooks/web.yaml".to_owned(),
        text: "name: web-tier\nhosts: web\nunits:\n  web.service:\n    state: runing\n    enabled: yes\n    Service:\n\tType: simple\n"
            .to_owned(),
    });
    let find = |word: &str| {
        let start = source.text.find(word).unwrap();
        start..start + word.len()
    };
    let diagnostics = [
        Diagnostic::error("`runing` is no state")
            .at(&source, find("runing"), "not one of `started`, `stopped`")
            .at(&source, find("web.service"), "of this unit")
            .help("did you mean `started`?"),
        Diagnostic::warning("`yes` is read as `true`").at(&source, find("yes"), ""),
        Diagnostic::error("no inventory").help("name one with `-i`, or put `inventory.yaml` beside the playbook"),
    ];
    for (name, color) in [("wrong-input", false), ("wrong-input-in-color", true)] {
        let mut out = Vec::new();
        diagnostic::write(&mut out, &diagnostics, 80, color).unwrap();
        check(name, &String::from_utf8(out).unwrap());
    }
    let mut out = Vec::new();
    json::write_diagnostics(&mut out, &diagnostics).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!((&value["errors"], &value["warnings"]), (&2.into(), &1.into()));
    assert_eq!(value["diagnostics"][0]["line"], 5);
    assert_eq!(value["diagnostics"][0]["related"][0]["line"], 4);
}

#[test]
fn the_json_is_one_document_that_says_what_the_text_says() {
    let mut out = Vec::new();
    json::write(&mut out, &mixed_apply(), ExitPolicy::default()).unwrap();
    assert!(out.ends_with(b"}\n"));
    let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(value["schema_version"], 1);
    assert_eq!(value["exit_code"], 1);
    assert_eq!(value["exit_codes"], serde_json::json!([1, 6, 7]));
    assert_eq!(value["summary"]["hosts"]["failed"], 3);
    assert_eq!(value["hosts"]["web5"]["failures"][0]["exec_main_status"], 203);
    let hosts: BTreeMap<String, HostReport> = serde_json::from_value(value["hosts"].clone()).unwrap();
    assert_eq!(hosts["web5"], mixed_apply().hosts["web5"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever hosts say, nothing but text and line ends reaches the page.
    #[test]
    fn nothing_from_a_host_acts_on_the_terminal(hostile in "(?s).{0,40}", more in "(\\PC|\u{1b}|\u{9b}|\r|\t|\n){0,40}") {
        let mut report = mixed_apply();
        for part in report.hosts.values_mut() {
            if let Outcome::Failed { error, hint, .. } = &mut part.outcome {
                hostile.clone_into(error);
                *hint = Some(more.clone());
            }
            for failure in &mut part.failures {
                failure.journal = vec![hostile.clone(), more.clone()];
                hostile.clone_into(&mut failure.cause);
                more.clone_into(&mut failure.sub_state);
                failure.next = Some(hostile.clone());
            }
            if let Some(plan) = &mut part.plan {
                let contents = [content(&hostile), content(&more), Content::Absent];
                for (from, to) in [(0, 1), (1, 0), (0, 2), (2, 1)] {
                    plan.changes.push(change("", file("/x", contents[from].clone(), contents[to].clone())));
                }
                if let Some(reason) = plan.steps.first_mut().and_then(|step| step.reasons.first_mut()) {
                    more.clone_into(&mut reason.text);
                }
            }
        }
        for width in [0, 30, 100] {
            let printed = page(&report, &at(width));
            prop_assert!(!printed.chars().any(|c| c != '\n' && super::escape::acts(c)), "{printed:?}");
        }
    }
}
