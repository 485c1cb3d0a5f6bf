//! Selectors: which hosts of an inventory are meant, in Ansible's language.
//!
//! `web`, `h1,h2` or `h1:h2` (union), `web:&prod` (also in), `all:!db3` (but not), `web*` (glob over hosts and
//! groups), `web[0:4]` (a slice of a group, both ends included). As in Ansible the order of the parts does not matter:
//! all unions first, then `&`, then `!`. Unlike Ansible a name that nothing answers to is an error, not a warning: a
//! mistyped name must not shrink or widen a run. `@file` is a file with a selector on each line, read when the selector
//! is (see `files`). Regular expressions are not read.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::model::{Diagnostic, HostName, SourceFile, quoted};

use super::allowed::closest;
use super::inventory::Inventory;

mod files;
mod glob;

use glob::matches;

/// A parsed selector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    parts: Vec<Part>,
}

/// Why a selector cannot be used, in words for the person who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SelectorError {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: String,
    /// Where it stands, in a file that the selector names.
    pub at: Option<(Arc<SourceFile>, Range<usize>)>,
}

impl SelectorError {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into(), at: None }
    }

    fn in_file(mut self, at: Option<&(Arc<SourceFile>, Range<usize>)>) -> Self {
        self.at = self.at.or_else(|| at.cloned());
        self
    }

    /// The error at the place where the selector is written.
    #[must_use]
    pub fn diagnostic(&self, source: &Arc<SourceFile>, span: Range<usize>) -> Diagnostic {
        let problem = Diagnostic::error(&self.message).help(&self.help);
        match &self.at {
            Some((file, line)) => problem.at(file, line.clone(), "").at(source, span, "named here"),
            None => problem.at(source, span, ""),
        }
    }

    /// The error without a place of its own but that in a file.
    #[must_use]
    pub fn alone(&self) -> Diagnostic {
        let problem = Diagnostic::error(&self.message).help(&self.help);
        match &self.at {
            Some((file, line)) => problem.at(file, line.clone(), ""),
            None => problem,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Union,
    Intersection,
    Exclusion,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    role: Role,
    what: What,
    /// Its line, if it was read from a file.
    at: Option<(Arc<SourceFile>, Range<usize>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    /// A name or a glob.
    Pattern { pattern: String, slice: Option<Slice> },
    /// A file that is not read yet.
    File(String),
    /// What a file behind `&` or `!` holds.
    Listed(Selector),
}

/// Positions in a group, from 0; negative ones count from the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slice {
    One(i64),
    /// Both ends included; without an end, to the last.
    From(usize, Option<usize>),
}

impl Selector {
    /// Reads a selector.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let parts: Vec<Part> = split(text).into_iter().map(Part::parse).collect::<Result<_, _>>()?;
        if parts.is_empty() {
            return Err(SelectorError::new("the selector is empty", "name a host or group, or write `all`"));
        }
        Ok(Self { parts })
    }

    /// The hosts that are meant. May be empty, where groups are.
    pub fn select(&self, inventory: &Inventory) -> Result<BTreeSet<HostName>, SelectorError> {
        let of = |role| self.parts.iter().filter(move |part| part.role == role);
        let mut selected = BTreeSet::new();
        if of(Role::Union).next().is_none() {
            selected.extend(inventory.hosts.keys().cloned());
        }
        for part in of(Role::Union) {
            selected.extend(part.hosts(inventory)?);
        }
        for part in of(Role::Intersection) {
            let also: BTreeSet<HostName> = part.hosts(inventory)?.into_iter().collect();
            selected.retain(|host| also.contains(host));
        }
        for part in of(Role::Exclusion) {
            for host in part.hosts(inventory)? {
                selected.remove(&host);
            }
        }
        Ok(selected)
    }
}

/// Parts are separated by commas, or where there is none by colons; colons in brackets belong to a slice. An address
/// of IPv6 is one part.
fn split(text: &str) -> Vec<&str> {
    let words: Vec<&str> = if text.contains(',') {
        text.split(',').collect()
    } else if text.trim().parse::<std::net::Ipv6Addr>().is_ok() {
        vec![text]
    } else {
        let mut depth = 0_usize;
        text.split(|c| {
            match c {
                '[' => depth += 1,
                ']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            c == ':' && depth == 0
        })
        .collect()
    };
    let words = words.into_iter().map(str::trim);
    words.filter(|word| !word.is_empty()).collect()
}

impl Part {
    fn parse(word: &str) -> Result<Self, SelectorError> {
        let (role, rest) = match word.split_at_checked(1) {
            Some(("&", rest)) => (Role::Intersection, rest.trim()),
            Some(("!", rest)) => (Role::Exclusion, rest.trim()),
            _ => (Role::Union, word),
        };
        if rest.starts_with('~') {
            return Err(SelectorError::new(
                format!("`{rest}` is a regular expression, and selectors do not read those"),
                "use `*` and `?`, or name a group",
            ));
        }
        if let Some(path) = rest.strip_prefix('@') {
            if path.is_empty() {
                return Err(SelectorError::new(
                    "`@` names no file",
                    "write `@FILE`: a file with one selector on each line",
                ));
            }
            return Ok(Self { role, what: What::File(path.to_owned()), at: None });
        }
        let (pattern, slice) = slice_of(rest);
        let odd = |c: char| c.is_whitespace() || c.is_control() || "&!~@{}()\"'`$;|<>/\\".contains(c);
        if pattern.is_empty() || pattern.contains(odd) {
            return Err(SelectorError::new(
                format!("`{}` is not a selector", quoted(word)),
                "write names of hosts or groups, such as `web`, `web:&prod`, `all:!db3` or `web[0:4]`",
            ));
        }
        if !glob::is_closed(pattern) {
            return Err(SelectorError::new(
                format!("`{}` has a bracket without its other half", quoted(pattern)),
                "a slice is written `web[0:4]`, a choice of characters `web[abc]`",
            ));
        }
        Ok(Self { role, what: What::Pattern { pattern: pattern.to_owned(), slice }, at: None })
    }

    fn hosts(&self, inventory: &Inventory) -> Result<Vec<HostName>, SelectorError> {
        let hosts = match &self.what {
            What::Pattern { pattern, slice } => self.of_pattern(pattern, *slice, inventory),
            What::Listed(selector) => selector.select(inventory).map(|hosts| hosts.into_iter().collect()),
            What::File(path) => Err(SelectorError::new(
                format!("`@{path}` cannot be read here"),
                "list the hosts, separated by commas, or make them a group",
            )),
        };
        hosts.map_err(|error| error.in_file(self.at.as_ref()))
    }

    fn of_pattern(
        &self,
        pattern: &str,
        slice: Option<Slice>,
        inventory: &Inventory,
    ) -> Result<Vec<HostName>, SelectorError> {
        let hosts = self.matching(pattern, inventory)?;
        match slice {
            None => Ok(hosts),
            Some(slice) => slice.apply(&hosts).ok_or_else(|| {
                SelectorError::new(
                    format!("`{pattern}` has {} hosts, and the slice begins behind them", hosts.len()),
                    "positions count from 0",
                )
            }),
        }
    }

    /// All hosts of the pattern, each once, in the order of the inventory within a group.
    fn matching(&self, name: &str, inventory: &Inventory) -> Result<Vec<HostName>, SelectorError> {
        if let Some(group) = inventory.groups.get(name) {
            return Ok(group.hosts.clone());
        }
        if let Some((host, _)) = inventory.hosts.get_key_value(name) {
            return Ok(vec![host.clone()]);
        }
        if !glob::is_glob(name) {
            return Err(unknown(name, inventory));
        }
        let groups = inventory.groups.iter().filter(|(group, _)| matches(name, group));
        let in_groups = groups.flat_map(|(_, group)| group.hosts.iter());
        let order = inventory.groups.get("all").map_or(&[][..], |all| &all.hosts);
        let by_name = order.iter().filter(|host| matches(name, host.as_str()));
        let mut seen = BTreeSet::new();
        let hosts: Vec<HostName> = in_groups.chain(by_name).filter(|host| seen.insert(*host)).cloned().collect();
        if hosts.is_empty() && self.role == Role::Union {
            return Err(SelectorError::new(
                format!("`{name}` matches no host and no group"),
                "`unitfleet inventory` lists what there is",
            ));
        }
        Ok(hosts)
    }
}

fn unknown(name: &str, inventory: &Inventory) -> SelectorError {
    let hosts = inventory.hosts.keys().map(HostName::as_str);
    let help = match closest(name, inventory.groups.keys().map(String::as_str).chain(hosts)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if name == "localhost" => "to work on this machine, add a host with `connection: local`".to_owned(),
        None => {
            let groups: Vec<&str> = inventory.groups.keys().map(String::as_str).take(20).collect();
            format!("groups: {}", groups.join(", "))
        }
    };
    SelectorError::new(format!("no host and no group is named `{name}`"), help)
}

/// Splits `web[0:4]` into the name and the slice; other brackets belong to a glob.
fn slice_of(word: &str) -> (&str, Option<Slice>) {
    let inner = word.strip_suffix(']').and_then(|open| open.rsplit_once('['));
    let Some((name, inner)) = inner.filter(|(name, _)| !name.is_empty()) else {
        return (word, None);
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let positive = inner.strip_prefix('-').unwrap_or(inner);
    if digits(positive) {
        let slice = inner.parse().ok().map(Slice::One);
        return (if slice.is_some() { name } else { word }, slice);
    }
    let Some((from, to)) = inner.split_once([':', '-']) else {
        return (word, None);
    };
    // `[:3]` begins with the first; `[:]` says nothing, and is left to the glob, which refuses it.
    let from = if from.is_empty() && !to.is_empty() { "0" } else { from };
    if !digits(from) || !(to.is_empty() || digits(to)) {
        return (word, None);
    }
    match (from.parse(), to.is_empty(), to.parse()) {
        (Ok(from), true, _) => (name, Some(Slice::From(from, None))),
        (Ok(from), false, Ok(to)) => (name, Some(Slice::From(from, Some(to)))),
        _ => (word, None),
    }
}

impl Slice {
    fn apply(self, hosts: &[HostName]) -> Option<Vec<HostName>> {
        match self {
            Slice::One(at) => {
                let back = usize::try_from(at.unsigned_abs()).ok()?;
                let at = if at < 0 { hosts.len().checked_sub(back)? } else { back };
                hosts.get(at).map(|host| vec![host.clone()])
            }
            Slice::From(from, to) => {
                let end = to.map_or(hosts.len(), |to| to.saturating_add(1).min(hosts.len()));
                (from < hosts.len()).then(|| hosts.get(from..end).unwrap_or_default().to_vec())
            }
        }
    }
}

#[cfg(test)]
mod tests;
