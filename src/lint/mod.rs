//! What is wrong, or unwise, in the text of a unit, before any host is asked.
//!
//! A rule has a name that never changes, a weight, and a page that says what bites and what to write instead. What systemd
//! refuses or ignores is a warning, the rest are hints. None is an error: a drop-in that lies on the host may complete what
//! systemd would refuse by our text alone, and an apply stops nothing before every unit loads.
//!
//! | module | responsible for |
//! |---|---|
//! | `rules` | the register of all rules with their pages |
//! | `allowed` | comments in a unit that switch rules off |
//! | `directives` | names, sections and values, by the catalogue |
//! | `commands` | what stands in `ExecStart=` and its kin |
//! | `whole` | what only the unit as a whole can tell |
//!
//! Pure: the unit's own texts go in, findings come out, in the order of the text. Where in the playbook a finding belongs is
//! known to whoever made the text.

mod allowed;
mod commands;
mod directives;
mod rules;
mod whole;

use crate::model::UnitName;
use crate::unitfile::{Effective, UnitFile};

pub use rules::{Rule, rule, rules};

/// The texts of one unit.
#[derive(Clone, Debug)]
pub struct Unit<'a> {
    /// Its name.
    pub name: &'a UnitName,
    /// The unit file, where it is ours.
    pub fragment: Option<&'a str>,
    /// Drop-ins of ours by file name, in the order in which they apply.
    pub drop_ins: Vec<(&'a str, &'a str)>,
}

/// Something that a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// Which rule.
    pub rule: &'static Rule,
    /// The drop-in it is in; `None`: the unit file.
    pub drop_in: Option<String>,
    /// The directive it is about, with its section; both empty where it is about the whole.
    pub section: String,
    /// See `section`.
    pub key: String,
    /// In that file, from 1; 0 where it is about the whole.
    pub line: usize,
    /// One sentence without a final stop.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl Lint {
    fn new(rule: &'static str, message: impl Into<String>) -> Self {
        Self {
            rule: rules::known(rule),
            drop_in: None,
            section: String::new(),
            key: String::new(),
            line: 0,
            message: message.into(),
            help: None,
        }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    fn about(self, section: &str, key: &str, line: usize) -> Self {
        Self { section: section.to_owned(), key: key.to_owned(), line, ..self }
    }
}

/// Everything that the rules find in a unit, less what its comments allow.
#[must_use]
pub fn unit(unit: &Unit<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    let fragment = unit.fragment.map(|text| (None, text));
    let drop_ins = unit.drop_ins.iter().map(|(name, text)| (Some(*name), *text));
    for (drop_in, text) in fragment.into_iter().chain(drop_ins) {
        let allowed = allowed::Allowed::read(text);
        let file = UnitFile::parse(text);
        let lints = directives::check(unit.name, &file).into_iter().chain(commands::check(&file));
        let kept = lints.filter(|lint| !allowed.covers(lint.rule.id, lint.line));
        found.extend(kept.map(|lint| Lint { drop_in: drop_in.map(str::to_owned), ..lint }));
    }
    if let Some(fragment) = unit.fragment {
        let allowed = allowed::Allowed::read(fragment);
        let texts: Vec<&str> = unit.drop_ins.iter().map(|(_, text)| *text).collect();
        let effective = Effective::merge(Some(fragment), &texts);
        let lints = whole::check(unit.name, &effective).into_iter();
        found.extend(lints.filter(|lint| !allowed.covers(lint.rule.id, lint.line)));
    }
    found
}

#[cfg(test)]
mod tests;
