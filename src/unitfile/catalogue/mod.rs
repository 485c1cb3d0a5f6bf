//! Every directive that systemd knows, as data: what its value is, since when it exists, and what a change of it does
//! to a unit that runs.
//!
//! The tables (`tables/*.txt`) are meant to be read by people; `tables/README.txt` says what the columns are. A
//! directive that is not in them is taken for one that only a restart brings: a needless restart is a nuisance, a
//! missed one is a lie.

#[cfg(test)]
mod dumps;
mod effect;
mod likeness;
mod table;
mod value;

use std::borrow::Cow;

pub use effect::Effect;
pub use likeness::{elsewhere, nearest};
pub use table::{Deprecated, Shape};
pub use value::{calendar, since_word};

use table::catalogue;

/// One directive in one section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// `Service`
    pub section: &'static str,
    /// `MemoryMax`
    pub name: &'static str,
    /// The first version of systemd that has it in this section; `None`: 207 or older.
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

/// The sections that systemd knows.
pub fn sections() -> impl Iterator<Item = &'static str> {
    catalogue().keys().copied()
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
        match value::read(self.value, value) {
            Ok(read) => Cow::Owned(read),
            Err(_) => Cow::Borrowed(value),
        }
    }

    /// Whether systemd takes the value; if not, why, without a final stop. What a specifier (`%i`) stands for is
    /// known to systemd alone, so a value with one is never refused; the empty one is only where it does not set the
    /// default.
    pub fn check(&self, value: &str) -> Result<(), String> {
        if value.trim().is_empty() {
            return match self.shape {
                Shape::Keep => Err("systemd refuses an empty value here, and what was said before stays".to_owned()),
                _ => Ok(()),
            };
        }
        match value::read(self.value, value) {
            Err(why) if !has_specifier(value) => Err(why),
            _ => Ok(()),
        }
    }

    /// What is in force after these assignments, in order: canonical, resets resolved, order and repetition dropped
    /// where they mean nothing. Equal exactly where systemd's behaviour is the same, as far as that is known; else
    /// coarse on the safe side.
    #[must_use]
    pub fn settle(&self, assignments: &[&str]) -> Vec<String> {
        value::settle(self, assignments)
    }
}

/// `%` before anything but another `%`.
fn has_specifier(value: &str) -> bool {
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        if c == '%' && chars.next().is_some_and(|next| next.is_ascii_alphabetic()) {
            return true;
        }
    }
    false
}
