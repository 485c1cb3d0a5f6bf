//! Several assignments of one directive, as what is in force after them.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Directive, Shape};
use super::{FILTERS, read, word};

/// Lists in which it means nothing how the words are spread over assignments.
const WORDS: [&str; 9] =
    ["words", "paths", "groups", "fields", "marked-paths", "binds", "mounts", "directories", "search-path"];

/// See [`Directive::settle`].
pub(crate) fn settle(directive: &Directive, assignments: &[&str]) -> Vec<String> {
    let canonical = |value: &&str| directive.canonical(value).into_owned();
    match (directive.shape, directive.value) {
        (Shape::One, "tristate") if !is_clear(assignments) => {
            return assignments.iter().map(canonical).collect();
        }
        (_, "delegate") => return delegate(directive, assignments),
        _ => {}
    }
    let cleared = match directive.shape {
        Shape::Grow | Shape::Keep => 0,
        Shape::One | Shape::List | Shape::Set => {
            assignments.iter().rposition(|value| value.trim().is_empty()).map_or(0, |at| at + 1)
        }
    };
    let assigned = assignments[cleared..].iter().filter(|value| !value.trim().is_empty());
    match (directive.shape, directive.value) {
        (Shape::One | Shape::Keep, _) => {
            last_valid(directive, &assigned.copied().collect::<Vec<_>>()).into_iter().collect()
        }
        (_, "environment") => environment(assigned.map(canonical).collect()),
        (_, "cpus" | "coredump-filter") => together(directive, assigned.map(canonical).collect(), " "),
        (_, "search-path") => together(directive, assigned.map(canonical).collect(), ":"),
        (_, words) if WORDS.contains(&words) && directive.shape == Shape::List => {
            together(directive, assigned.map(canonical).collect(), " ")
        }
        (_, filter) if FILTERS.contains(&filter) => filters(directive, assigned.map(canonical).collect()),
        (Shape::Set | Shape::Grow, _) => {
            let values: BTreeSet<String> = assigned.map(canonical).collect();
            let words = values.iter().flat_map(|value| value.split(' '));
            let words: BTreeSet<&str> = words.filter(|word| !word.is_empty()).collect();
            words.into_iter().map(str::to_owned).collect()
        }
        (Shape::List, _) => assigned.map(canonical).collect(),
    }
}

/// Whether it is the same on all versions: an empty assignment after another sets back from some version on, and is
/// refused before.
fn is_clear(assignments: &[&str]) -> bool {
    assignments.len() < 2 || assignments.iter().all(|value| !value.trim().is_empty())
}

/// systemd ignores, with a warning, what it cannot read: the one before stays.
fn last_valid(directive: &Directive, assigned: &[&str]) -> Option<String> {
    let valid = assigned.iter().rev().find(|value| directive.check(value).is_ok());
    valid.or(assigned.last()).map(|value| directive.canonical(value).into_owned())
}

/// Assignments add up; as one value, where it can be read.
fn together(directive: &Directive, assigned: Vec<String>, between: &str) -> Vec<String> {
    if assigned.len() < 2 {
        return assigned;
    }
    match read(directive.value, &assigned.join(between)) {
        Ok(read) if !read.is_empty() => vec![read],
        _ => assigned,
    }
}

/// Each assignment adds to what is let through, or with `~` takes away: of the same kind, neighbours are one.
fn filters(directive: &Directive, assigned: Vec<String>) -> Vec<String> {
    let is_words = |value: &str| !matches!(value, "yes" | "no" | "none" | "~");
    let mut settled: Vec<String> = Vec::new();
    for value in assigned {
        let Some(last) = settled.last_mut().filter(|last| is_words(last) && is_words(&value)) else {
            settled.push(value);
            continue;
        };
        let same = last.starts_with('~') == value.starts_with('~');
        match read(directive.value, &format!("{last} {}", value.trim_start_matches('~'))) {
            Ok(read) if same => *last = read,
            _ => settled.push(value),
        }
    }
    settled
}

/// Names of controllers add up; an empty assignment lets the unit have its control groups without a controller.
fn delegate(directive: &Directive, assignments: &[&str]) -> Vec<String> {
    let mut settled: Option<String> = None;
    for value in assignments.iter().filter(|value| directive.check(value).is_ok()) {
        let value = directive.canonical(value).into_owned();
        let adds = !matches!(value.as_str(), "" | "yes" | "no");
        settled = match settled {
            Some(before) if adds && before == "yes" => Some(before),
            Some(before) if adds && before != "no" => read("delegate", &format!("{before} {value}")).ok(),
            _ => Some(value.trim().to_owned()),
        };
    }
    settled.into_iter().collect()
}

/// Each variable has the value that was given last; the order of different ones means nothing. Where one assignment
/// cannot be read, all stay as they are.
fn environment(assigned: Vec<String>) -> Vec<String> {
    let mut variables = BTreeMap::new();
    for value in &assigned {
        if read("environment", value).is_err() {
            return assigned;
        }
        let words = super::super::super::words::split_words(value).unwrap_or_default();
        variables.extend(words.into_iter().filter_map(|word| {
            let (name, content) = word.split_once('=')?;
            Some((name.to_owned(), content.to_owned()))
        }));
    }
    variables.into_iter().map(|(name, content)| word::quoted(&format!("{name}={content}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::lookup;

    fn settle(name: &str, assignments: &[&str]) -> Vec<String> {
        let section = if name == "After" { "Unit" } else { "Service" };
        lookup(section, name).unwrap().settle(assignments)
    }

    #[test]
    fn what_is_in_force() {
        for (name, assigned, settled) in [
            ("Nice", &["5", "10"][..], &["10"][..]),
            ("Nice", &["5", ""], &[]),
            ("Nice", &["5", "much"], &["5"]),
            ("Environment", &["A=1 B=2", "A=3"], &["A=3", "B=2"]),
            ("Environment", &["A=1", "", "B=2"], &["B=2"]),
            ("After", &["b.service", "", "a.service b.service"], &["a.service", "b.service"]),
            ("ExecStartPre", &["/b", "", "/a  x", "/c"], &["/a x", "/c"]),
            ("CPUAffinity", &["0 1", "2"], &["0-2"]),
            ("SuccessExitStatus", &["3 SIGKILL", "4"], &["3", "4", "SIGKILL"]),
            ("MemoryMax", &["512M"], &["536870912"]),
            ("MemoryMax", &["512M", ""], &[]),
            ("Restart", &["always", ""], &["always"]),
            ("PrivateMounts", &["yes", ""], &["yes", ""]),
            ("Delegate", &["yes", ""], &[""]),
            ("Delegate", &["cpu", "memory"], &["cpu memory"]),
            ("Delegate", &["cpu", "no"], &["no"]),
            ("SystemCallFilter", &["read", "write", "~write"], &["read write", "~write"]),
            ("RestrictNamespaces", &["~uts", "~ipc"], &["~ipc uts"]),
            ("CapabilityBoundingSet", &["cap_kill", "CAP_CHOWN"], &["CAP_CHOWN CAP_KILL"]),
            ("ReadOnlyPaths", &["/a", "-/b//c"], &["/a -/b/c"]),
            ("CoredumpFilter", &["shared-dax", "0x1"], &["0x101"]),
        ] {
            assert_eq!(settle(name, assigned), settled, "{name} {assigned:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_settled_stays(at in 0..super::super::super::all().count(), values in proptest::collection::vec("[ -~]{0,12}", 0..4)) {
            let directive = super::super::super::all().nth(at).unwrap();
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let settled = directive.settle(&values);
            let again: Vec<&str> = settled.iter().map(String::as_str).collect();
            proptest::prop_assert_eq!(directive.settle(&again), settled.clone(), "{} {:?}", directive.name, values);
        }
    }
}
