//! What a change of a unit's files needs, case by case.
//!
//! A case is a file in `tests/cases/unit_file`: what it covers (directive, class, trap; no two cover the same), the kind
//! of the unit, the verdict and its reasons (the strongest first, `*` for anything), and the unit's files before and
//! after. What is expected comes from the manual pages, from systemd's sources and from what real hosts did
//! (`tests/cases/conformance`), not from what the code said.

use std::collections::BTreeMap;
use std::path::Path;

use unitfleet::model::UnitKind;
use unitfleet::plan::verdict::{Difference, Verdict, inputs_text, judge};
use unitfleet::unitfile::Effective;

const CASES_MIN: usize = 200;

struct Case {
    name: String,
    covers: String,
    kind: UnitKind,
    verdict: Verdict,
    reasons: Vec<String>,
    old: Effective,
    new: Effective,
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/unit_file");
    let entries = std::fs::read_dir(folder).expect("there are cases");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("it can be read").path()).collect();
    paths.sort();
    paths.iter().map(|path| case(path)).collect()
}

fn case(path: &Path) -> Case {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"));
    let (head, files) = text.split_once("--- old\n").unwrap_or_else(|| panic!("{name}: no old unit"));
    let (old, new) = files.split_once("--- new\n").unwrap_or_else(|| panic!("{name}: no new unit"));
    let said = |key: &str| -> Vec<String> {
        head.lines().filter_map(|line| Some(line.strip_prefix(key)?.strip_prefix(": ")?.to_owned())).collect()
    };
    let one = |key: &str| said(key).into_iter().next().unwrap_or_else(|| panic!("{name}: no {key}"));
    let kind = one("kind");
    Case {
        covers: one("covers"),
        kind: UnitKind::ALL.into_iter().find(|known| known.suffix() == kind).expect("a kind of unit"),
        verdict: verdict(&one("verdict")),
        reasons: said("reason"),
        old: effective(old, "--- old drop-in\n"),
        new: effective(new, "--- new drop-in\n"),
        name,
    }
}

fn effective(files: &str, separator: &str) -> Effective {
    let mut files = files.split(separator);
    let fragment = files.next();
    Effective::merge(fragment, &files.collect::<Vec<_>>())
}

fn verdict(word: &str) -> Verdict {
    match word {
        "nothing" => Verdict::Nothing,
        "links" => Verdict::Links,
        "daemon-reload" => Verdict::DaemonReload,
        "reload" => Verdict::Reload,
        "restart" => Verdict::Restart,
        "rebind" => Verdict::Rebind,
        other => panic!("{other} is no verdict"),
    }
}

/// Whether a text fits a pattern in which `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[test]
fn every_change_needs_what_it_needs() {
    let cases = cases();
    assert!(cases.len() >= CASES_MIN, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let judged = judge(case.kind, &case.old, &case.new);
        let reasons: Vec<String> = judged.differences.iter().map(Difference::reason).collect();
        let fine = judged.verdict == case.verdict
            && reasons.len() == case.reasons.len()
            && case.reasons.iter().zip(&reasons).all(|(pattern, text)| fits(pattern, text));
        if !fine {
            wrong.push(format!(
                "{}: expected {:?} {:?}, judged {:?} {reasons:?}",
                case.name, case.verdict, case.reasons, judged.verdict
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn no_two_cases_cover_the_same() {
    let mut covered: BTreeMap<String, String> = BTreeMap::new();
    for case in cases() {
        let what = format!("{} in a {}", case.covers, case.kind.suffix());
        if let Some(other) = covered.insert(what.clone(), case.name.clone()) {
            panic!("{} and {other} both cover {what}", case.name);
        }
    }
}

#[test]
fn what_is_true_of_every_change() {
    for Case { name, kind, old, new, .. } in cases() {
        for unit in [&old, &new] {
            assert_eq!(judge(kind, unit, unit).verdict, Verdict::Nothing, "{name}: nothing differs from itself");
        }
        let (there, back) = (judge(kind, &old, &new).verdict, judge(kind, &new, &old).verdict);
        assert_eq!(there, back, "{name}: a change undone needs what the change needed");
        let same_record = inputs_text(kind, &old) == inputs_text(kind, &new);
        assert_eq!(same_record, there < Verdict::Reload, "{name}: the record tells a change that has to be taken up");
    }
}
