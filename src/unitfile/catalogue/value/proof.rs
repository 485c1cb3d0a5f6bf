//! Values against what three versions of systemd make of them (`tests/cases/catalogue/values.txt`).

use std::collections::BTreeMap;

use super::super::{Directive, lookup};

/// What is taken for different at times though it means the same: a restart that was not needed, not one that is missed.
const COARSE: [&str; 12] = [
    // A later assignment takes back words of an earlier one.
    "CapabilityBoundingSet",
    "SystemCallFilter",
    "RestrictNetworkInterfaces",
    // The last one for a device counts.
    "IOReadBandwidthMax",
    // The order means nothing.
    "LogFilterPatterns",
    "OpenFile",
    // `time` of 252 alone; `root` may be left out.
    "RestrictNamespaces",
    "RootImageOptions",
    // Numbers of errors differ between machines.
    "SystemCallErrorNumber",
    // Fractions of nanoseconds; a port alone is one of all addresses; escapes.
    "TimerSlackNSec",
    "ListenStream",
    "StandardInputText",
];

struct Row {
    directive: &'static Directive,
    text: &'static str,
    assignments: Vec<String>,
    verdict: &'static str,
    shown: &'static str,
}

fn rows() -> Vec<Row> {
    let lines = include_str!("../../../../tests/cases/catalogue/values.txt").lines();
    let rows = lines.filter(|line| !line.starts_with('#')).map(|line| {
        let (name, rest) = line.split_once(" | ").unwrap();
        let (rest, shown) = rest.rsplit_once(" |").unwrap();
        let (text, verdict) = rest.rsplit_once(" | ").unwrap();
        let (section, key) = name.split_once('.').unwrap();
        let assignments = text.split("\\n").map(|value| value.replace("\\\\", "\\")).collect();
        let directive = lookup(section, key).unwrap_or_else(|| panic!("{name}"));
        Row { directive, text, assignments, verdict, shown: shown.trim() }
    });
    rows.collect()
}

#[test]
fn what_systemd_takes_is_taken_and_what_it_refuses_is_refused() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for row in rows() {
        // What is only text to us is never refused.
        if row.directive.value == "text" && row.verdict != "ok" {
            continue;
        }
        count += 1;
        let found = row.directive.check(&row.assignments[0]);
        if found.is_ok() != row.verdict.starts_with("ok") {
            let Directive { section, name, value, .. } = row.directive;
            wrong.push(format!("[{section}] {name}={} ({value}): {}, not {found:?}", row.text, row.verdict));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 300, "{count}");
}

#[test]
fn what_means_the_same_to_systemd_is_settled_the_same_and_nothing_else() {
    let mut groups: BTreeMap<(&str, &str), Vec<Row>> = BTreeMap::new();
    for row in rows().into_iter().filter(|row| row.assignments.len() > 1 || row.verdict.starts_with("ok")) {
        groups.entry((row.directive.section, row.directive.name)).or_default().push(row);
    }
    let settled = |row: &Row| {
        let values: Vec<&str> = row.assignments.iter().map(String::as_str).collect();
        row.directive.settle(&values)
    };
    let (mut merged, mut apart, mut count) = (Vec::new(), Vec::new(), 0);
    for ((section, name), rows) in groups {
        for (at, one) in rows.iter().enumerate() {
            for other in &rows[..at] {
                let same = settled(one) == settled(other);
                let says = format!("[{section}] {name} ({}): `{}` and `{}`", one.directive.value, one.text, other.text);
                if one.shown == other.shown {
                    // Where systemd shows nothing, it may be that it never does.
                    if !same && !one.shown.is_empty() && !COARSE.contains(&name) {
                        apart.push(format!("{says}: {:?} {:?}", settled(one), settled(other)));
                    }
                } else if same {
                    merged.push(format!("{says}: {:?}", settled(one)));
                }
                count += 1;
            }
        }
    }
    assert!(merged.is_empty(), "{} of {count} taken for the same:\n{}", merged.len(), merged.join("\n"));
    assert!(apart.is_empty(), "{} of {count} taken for different:\n{}", apart.len(), apart.join("\n"));
}
