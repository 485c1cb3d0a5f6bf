//! The tables, read.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::{Directive, Effect};

/// How several assignments of a directive go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The last valid one counts; an empty one sets the default.
    One,
    /// As one, but systemd refuses an empty one: what was said before stays.
    Keep,
    /// Each adds to a list, in order; an empty one clears it.
    List,
    /// Each adds to a set of words, whose order means nothing; an empty one clears it.
    Set,
    /// As a set, but nothing takes back what was said (dependencies).
    Grow,
}

/// What supersedes a directive.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are their names")]
pub struct Deprecated {
    pub since: Option<u32>,
    /// The successor; `[Unit]NAME` where it moved to another section. `None`: it does nothing any more.
    pub by: Option<&'static str>,
}

/// A table, and what is otherwise about it in this section.
struct Part {
    rows: &'static str,
    /// What only a start brings to a process concerns commands that the unit runs when it starts or stops (`mount`,
    /// `ExecStartPre=` of a socket), not what runs: it counts at the next start.
    helpers: bool,
}

const fn own(rows: &'static str) -> Part {
    Part { rows, helpers: false }
}

const fn helpers(rows: &'static str) -> Part {
    Part { rows, helpers: true }
}

const UNIT: &str = include_str!("tables/unit.txt");
const INSTALL: &str = include_str!("tables/install.txt");
const SERVICE: &str = include_str!("tables/service.txt");
const SOCKET: &str = include_str!("tables/socket.txt");
const TIMER: &str = include_str!("tables/timer.txt");
const PATH: &str = include_str!("tables/path.txt");
const MOUNT: &str = include_str!("tables/mount.txt");
const AUTOMOUNT: &str = include_str!("tables/automount.txt");
const SWAP: &str = include_str!("tables/swap.txt");
const SCOPE: &str = include_str!("tables/scope.txt");
const EXEC: &str = include_str!("tables/exec.txt");
const KILL: &str = include_str!("tables/kill.txt");
const RESOURCE: &str = include_str!("tables/resource.txt");

/// Section → the tables that it is made of; what stands in an earlier one wins.
const SECTIONS: &[(&str, &[Part])] = &[
    ("Unit", &[own(UNIT)]),
    ("Install", &[own(INSTALL)]),
    ("Service", &[own(SERVICE), own(EXEC), own(KILL), own(RESOURCE)]),
    ("Socket", &[own(SOCKET), helpers(EXEC), own(KILL), helpers(RESOURCE)]),
    ("Mount", &[own(MOUNT), helpers(EXEC), own(KILL), helpers(RESOURCE)]),
    ("Swap", &[own(SWAP), helpers(EXEC), own(KILL), helpers(RESOURCE)]),
    ("Automount", &[own(AUTOMOUNT)]),
    ("Timer", &[own(TIMER)]),
    ("Path", &[own(PATH)]),
    ("Slice", &[own(RESOURCE)]),
    ("Scope", &[own(SCOPE), own(KILL), own(RESOURCE)]),
];

/// Section → name → directive.
type Catalogue = BTreeMap<&'static str, BTreeMap<&'static str, Directive>>;

pub(super) fn catalogue() -> &'static Catalogue {
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
        let mut found = Catalogue::new();
        for (section, parts) in SECTIONS {
            let of_section = found.entry(section).or_default();
            for directive in parts.iter().flat_map(|part| rows(section, part)).flatten() {
                of_section.entry(directive.name).or_insert(directive);
            }
        }
        found
    });
    &CATALOGUE
}

/// The rows of a table for a section; the line itself where it is none.
fn rows<'p>(section: &'static str, part: &'p Part) -> impl Iterator<Item = Result<Directive, &'static str>> + 'p {
    let lines = part.rows.lines().filter(|line| !line.starts_with('#'));
    lines.map(move |line| {
        let mut directive = row(section, line).ok_or(line)?;
        if part.helpers && directive.effect == Effect::Restart {
            directive.effect = Effect::NextStart;
            directive.note = None;
        }
        Ok(directive)
    })
}

/// One line, as README.txt beside the tables describes it.
fn row(section: &'static str, line: &'static str) -> Option<Directive> {
    let (columns, note) = match line.split_once(" | ") {
        Some((columns, note)) => (columns, Some(note.trim())),
        None => (line, None),
    };
    let mut words = columns.split_whitespace();
    let mut directive = Directive {
        section,
        name: words.next()?,
        since: version(words.next()?).ok()?,
        shape: shape(words.next()?)?,
        effect: Effect::parse(words.next()?)?,
        source: words.next()?,
        value: words.next()?,
        gone: None,
        deprecated: None,
        note,
    };
    for word in words {
        match word.split_once('=')? {
            ("gone", gone) => directive.gone = version(gone).ok()?,
            ("deprecated", what) => {
                let (since, by) = what.split_once(':')?;
                directive.deprecated =
                    Some(Deprecated { since: version(since).ok()?, by: Some(by).filter(|by| *by != "-") });
            }
            _ => return None,
        }
    }
    Some(directive)
}

/// A version, or `-` for none; `Err` for anything else.
fn version(word: &str) -> Result<Option<u32>, std::num::ParseIntError> {
    if word == "-" { Ok(None) } else { word.parse().map(Some) }
}

fn shape(word: &str) -> Option<Shape> {
    match word {
        "one" => Some(Shape::One),
        "keep" => Some(Shape::Keep),
        "list" => Some(Shape::List),
        "set" => Some(Shape::Set),
        "grow" => Some(Shape::Grow),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_one() {
        for (section, parts) in SECTIONS {
            for part in *parts {
                let broken: Vec<&str> = rows(section, part).filter_map(Result::err).collect();
                assert_eq!(broken, [""; 0], "[{section}]");
            }
        }
    }

    #[test]
    fn a_row_says_what_its_columns_say() {
        let line = "MemoryLimit - one live src:cgroup.c memory deprecated=231:MemoryMax | at once";
        let found = row("Slice", line).unwrap();
        assert_eq!((found.name, found.since, found.shape), ("MemoryLimit", None, Shape::One));
        assert_eq!((found.effect, found.source, found.value), (Effect::Live, "src:cgroup.c", "memory"));
        assert_eq!(found.deprecated, Some(Deprecated { since: Some(231), by: Some("MemoryMax") }));
        assert_eq!((found.note, found.gone), (Some("at once"), None));
        for broken in [
            "",
            "A",
            "A x one live man text",
            "A - two live man text",
            "A - one live man text b",
            "A - one what man text",
        ] {
            assert_eq!(row("Slice", broken), None, "{broken}");
        }
    }

    #[test]
    fn what_a_helper_needs_counts_when_it_runs() {
        let effect = |section: &str, name: &str| super::super::lookup(section, name).map(|found| found.effect);
        assert_eq!(effect("Service", "Nice"), Some(Effect::Restart));
        assert_eq!(effect("Mount", "Nice"), Some(Effect::NextStart));
        assert_eq!(effect("Mount", "MemoryMax"), Some(Effect::Live));
        assert_eq!(effect("Socket", "KillSignal"), Some(Effect::Manager));
        assert_eq!(effect("Slice", "Nice"), None);
    }
}
