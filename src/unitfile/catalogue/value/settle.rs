//! Several assignments of one directive, as what is in force after them.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Directive, Shape};
use super::{read, word};

/// See [`Directive::settle`].
pub(crate) fn settle(directive: &Directive, assignments: &[&str]) -> Vec<String> {
    let cleared = match directive.shape {
        Shape::Grow => 0,
        Shape::One | Shape::List | Shape::Set => {
            assignments.iter().rposition(|value| value.trim().is_empty()).map_or(0, |at| at + 1)
        }
    };
    let assigned = assignments[cleared..].iter().filter(|value| !value.trim().is_empty());
    let canonical = |value: &&str| directive.canonical(value).into_owned();
    match (directive.shape, directive.value) {
        (Shape::One, _) => last_valid(directive, &assigned.copied().collect::<Vec<_>>()).into_iter().collect(),
        (_, "environment") => environment(assigned.map(canonical).collect()),
        (_, "cpus") => cpus(assigned.map(canonical).collect()),
        (Shape::Set | Shape::Grow, _) => {
            let values: BTreeSet<String> = assigned.map(canonical).collect();
            let words = values.iter().flat_map(|value| value.split(' '));
            let words: BTreeSet<&str> = words.filter(|word| !word.is_empty()).collect();
            words.into_iter().map(str::to_owned).collect()
        }
        (Shape::List, _) => assigned.map(canonical).collect(),
    }
}

/// systemd ignores, with a warning, what it cannot read: the one before stays.
fn last_valid(directive: &Directive, assigned: &[&str]) -> Option<String> {
    let valid = assigned.iter().rev().find(|value| directive.check(value).is_ok());
    valid.or(assigned.last()).map(|value| directive.canonical(value).into_owned())
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

/// Assignments add up.
fn cpus(assigned: Vec<String>) -> Vec<String> {
    let all = assigned.join(" ");
    match read("cpus", &all) {
        Ok(read) if !read.is_empty() => vec![read],
        _ => assigned,
    }
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
