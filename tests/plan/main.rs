//! What the planner decides, case by case, and the laws that hold for all of them.
//!
//! A case is a folder in `tests/cases/plan`: a real `playbook.yaml`, an `observed.yaml` that says in a few lines what
//! the host has ([`host`]), and the plan that is expected ([`shown`]). The expected plans were written from the
//! contract and from what systemd does, not from what the planner said. A playbook that begins with `# -t TAGS` is
//! planned as with that flag.

#![expect(
    clippy::large_enum_variant,
    clippy::assigning_clones,
    clippy::format_collect,
    clippy::match_same_arms,
    clippy::similar_names,
    reason = "speed and size do not matter here; tables and names read better as they are"
)]

mod host;
mod laws;
mod shown;
mod simulate;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use unitfleet::compile::{Inputs, Knowledge, Sources};
use unitfleet::load::tags::TagFilter;
use unitfleet::load::{parse_inventory, parse_playbook};
use unitfleet::model::{Desired, Diagnostic, HostName, Observed, SourceFile, Vars};
use unitfleet::plan::plan_host;

const CASES_MIN: usize = 150;
const FILES: [&str; 3] = ["observed.yaml", "plan.txt", "playbook.yaml"];

pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) desired: Desired,
    pub(crate) observed: Observed,
    expected: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/plan")
}

fn folders() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder()).expect("there are cases");
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be read").path()).collect();
    folders.sort();
    folders
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every case, compiled and expanded.
pub(crate) fn cases() -> Vec<Case> {
    let only = option_env!("UNITFLEET_CASE");
    let chosen = |folder: &PathBuf| only.is_none_or(|only| folder.ends_with(only));
    folders().into_iter().filter(chosen).map(|folder| case(&folder)).collect()
}

fn case(folder: &Path) -> Case {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let desired = desired(&name, &read(&folder.join("playbook.yaml")));
    let description = read(&folder.join("observed.yaml"));
    let observed = std::panic::catch_unwind(|| host::observed(&desired, &description))
        .unwrap_or_else(|_| panic!("{name}: observed.yaml cannot be expanded"));
    Case { name, desired, observed, expected: read(&folder.join("plan.txt")) }
}

fn desired(case: &str, text: &str) -> Desired {
    let source = |name: &str, text: &str| Arc::new(SourceFile { name: name.to_owned(), text: text.to_owned() });
    let wrong = |found: Vec<Diagnostic>| -> ! {
        let said: Vec<String> = found.iter().map(unitfleet::load::brief).collect();
        panic!("{case}: {}", said.join(""))
    };
    let inventory = source("inventory.yaml", "all:\n  hosts:\n    h1:\n");
    let (inventory, _) = parse_inventory(&[inventory]).unwrap_or_else(|found| wrong(found));
    let (playbook, _) =
        parse_playbook(source("playbook.yaml", text), Path::new("playbook.yaml"), Path::new("/nowhere"))
            .unwrap_or_else(|found| wrong(found));
    let host = HostName::parse("h1").expect("it is one");
    let limit = BTreeSet::from([host.clone()]);
    let playbooks = [playbook];
    let asked = text.lines().next().and_then(|line| line.strip_prefix("# -t ")).map(str::to_owned);
    let filter = TagFilter::parse(asked.as_slice(), &playbooks).unwrap_or_else(|wrong| panic!("{case}: {wrong:?}"));
    let inputs = Inputs::new(playbooks.into(), inventory, Vars::new(), Sources::default()).limited(filter);
    let compiled = inputs.compile(&limit, &Knowledge::default());
    let mut hosts = compiled.unwrap_or_else(|found| wrong(found)).desired;
    hosts.remove(&host).unwrap_or_else(|| panic!("{case}: the playbook does not select h1"))
}

#[test]
fn every_case_plans_as_expected() {
    let mut wrong = Vec::new();
    let cases = cases();
    for case in &cases {
        let plan = plan_host(&case.desired, &case.observed);
        let lines = shown::shown(&plan, &case.observed);
        let expected: Vec<&str> =
            case.expected.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        if !shown::fits(&expected, &lines) {
            let marked = |lines: &[String], other: &dyn Fn(&str) -> bool| -> String {
                lines.iter().map(|line| format!("{} {line}\n", if other(line) { " " } else { "!" })).collect()
            };
            let expected: Vec<String> = expected.iter().map(|line| (*line).to_owned()).collect();
            let wanted = marked(&expected, &|pattern| {
                shown::OTHERS.contains(&pattern) || lines.iter().any(|line| shown::line_fits(pattern, line))
            });
            let got = marked(&lines, &|line| expected.iter().any(|pattern| shown::line_fits(pattern, line)));
            wrong.push(format!("== {}\n-- expected\n{wanted}-- planned\n{got}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases differ\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn no_case_is_forgotten() {
    let folders = folders();
    assert!(folders.len() >= CASES_MIN, "only {} cases", folders.len());
    let mut texts = BTreeSet::new();
    for folder in &folders {
        let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut files: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        files.sort();
        assert_eq!(files, FILES, "{}", folder.display());
        let expected = read(&folder.join("plan.txt"));
        assert!(expected.starts_with('#'), "{}: plan.txt begins with why the plan is so", folder.display());
        let whole = FILES.map(|file| read(&folder.join(file))).join("\0");
        assert!(texts.insert(whole), "{} is the same as another case", folder.display());
    }
    let names: BTreeSet<String> = cases().into_iter().map(|case| case.name).collect();
    assert_eq!(names.len(), folders.len(), "some folders are no cases");
}

/// A new kind of step, finding or reason needs a case.
#[test]
fn every_kind_of_step_reason_and_finding_has_a_case() {
    let mut seen = BTreeSet::new();
    for case in cases() {
        let plan = serde_json::to_value(plan_host(&case.desired, &case.observed)).unwrap();
        for step in plan["steps"].as_array().unwrap() {
            seen.insert(step["action"]["action"].to_string());
            seen.extend(step["reasons"].as_array().unwrap().iter().map(|reason| reason["kind"].to_string()));
        }
        seen.extend(plan["findings"].as_array().unwrap().iter().map(|finding| finding["kind"].to_string()));
        seen.extend(plan["changes"].as_array().unwrap().iter().map(|change| change["kind"]["kind"].to_string()));
    }
    let actions = "create_user modify_user remove_user join_groups create_directory remove_directory set_attributes \
                   set_owner_below write_file remove_file make_link remove_link mask unmask daemon_reload gate stop start \
                   restart reload reset_failed adopt";
    let reasons = "file_differs missing not_wanted state_differs inputs_changed stale unit_files_changed follows \
                   links_differ mask_differs default_target adopted";
    let findings = "held foreign unknown shadowed stale notice";
    let changes = "file mode owner owners_below directory link mask state stale user groups default_target not_loaded";
    for word in [actions, reasons, findings, changes].iter().flat_map(|words| words.split_whitespace()) {
        assert!(seen.contains(&format!("\"{word}\"")), "no case has `{word}`: {seen:?}");
    }
}
