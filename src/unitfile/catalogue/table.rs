//! The tables, read.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::{Directive, Effect};

/// How several assignments of a directive go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The last valid one counts; an empty one sets the default.
    One,
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
    pub by: Option<&'static str>,
}

/// Section → the tables that it is made of.
const SECTIONS: &[(&str, &[&str])] = &[("Unit", &[UNIT]), ("Install", &[INSTALL]), ("Service", &[SERVICE, EXEC])];

const UNIT: &str = include_str!("tables/unit.txt");
const INSTALL: &str = include_str!("tables/install.txt");
const SERVICE: &str = include_str!("tables/service.txt");
const EXEC: &str = include_str!("tables/exec.txt");

/// Section → name → directive.
type Catalogue = BTreeMap<&'static str, BTreeMap<&'static str, Directive>>;

pub(super) fn catalogue() -> &'static Catalogue {
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
        let mut found = Catalogue::new();
        for (section, tables) in SECTIONS {
            let rows = tables.iter().flat_map(|table| table.lines()).filter_map(|line| row(section, line));
            found.entry(section).or_default().extend(rows.map(|directive| (directive.name, directive)));
        }
        found
    });
    &CATALOGUE
}

/// `Name since value shape effect source [deprecated=SINCE:BY] [gone=N] | note`; `-` for none, `#` begins a comment.
fn row(section: &'static str, line: &'static str) -> Option<Directive> {
    let (columns, note) = match line.split_once(" | ") {
        Some((columns, note)) => (columns, Some(note.trim())),
        None => (line, None),
    };
    let mut words = columns.split_whitespace();
    let name = words.next().filter(|name| !name.starts_with('#'))?;
    let mut directive = Directive {
        section,
        name,
        since: words.next()?.parse().ok(),
        value: words.next()?,
        shape: shape(words.next()?)?,
        effect: Effect::parse(words.next()?)?,
        source: words.next()?,
        gone: None,
        deprecated: None,
        note,
    };
    for word in words {
        match word.split_once('=')? {
            ("gone", version) => directive.gone = version.parse().ok(),
            ("deprecated", what) => {
                let (since, by) = what.split_once(':')?;
                directive.deprecated =
                    Some(Deprecated { since: since.parse().ok(), by: Some(by).filter(|by| *by != "-") });
            }
            _ => return None,
        }
    }
    Some(directive)
}

fn shape(word: &str) -> Option<Shape> {
    match word {
        "one" => Some(Shape::One),
        "list" => Some(Shape::List),
        "set" => Some(Shape::Set),
        "grow" => Some(Shape::Grow),
        _ => None,
    }
}
