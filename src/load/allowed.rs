//! Which keys may stand where, what was probably meant, and the collected findings.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use crate::model::{Diagnostic, SourceFile};

use super::elsewhere;
use super::node::{Dialect, Node};

/// Problems of one file, in the order in which they were found.
pub(super) struct Notes<'a> {
    pub(super) source: &'a Arc<SourceFile>,
    pub(super) list: Vec<Diagnostic>,
}

impl<'a> Notes<'a> {
    pub(super) fn new(source: &'a Arc<SourceFile>) -> Self {
        Self { source, list: Vec::new() }
    }

    pub(super) fn error(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.list.push(Diagnostic::error(message).at(self.source, span, "").help(help));
    }

    pub(super) fn warning(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.list.push(Diagnostic::warning(message).at(self.source, span, "").help(help));
    }

    /// An error at one place that another place explains.
    pub(super) fn error_pair(
        &mut self,
        (span, text): (Range<usize>, &str),
        (other, other_text): (Range<usize>, &str),
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let problem = Diagnostic::error(message).at(self.source, span, text);
        self.list.push(problem.at(self.source, other, other_text).help(help));
    }
}

/// Puts the problems of one file into its order; what is behind an anchor is said once, however often it is used.
pub(super) fn in_order(problems: &mut Vec<Diagnostic>) {
    problems.sort_by_key(|problem| problem.labels.first().map_or(0, |label| label.span.start));
    problems.dedup();
}

/// The keys of one kind of mapping.
pub(super) struct Keys {
    /// What the mapping is, as in "unknown key `x` in a unit".
    pub(super) of: &'static str,
    /// Keys that work.
    pub(super) now: &'static [&'static str],
    /// Keys that are documented but not built yet.
    pub(super) later: &'static [&'static str],
    /// Whether capitalised keys are systemd's sections.
    pub(super) sections: bool,
}

/// A mapping whose keys were checked.
pub(super) struct Fields<'a> {
    pub(super) entries: Vec<(&'a str, Node<'a>)>,
}

impl<'a> Fields<'a> {
    /// Reads a mapping; `null` is one without entries. Unknown keys are reported and left out.
    pub(super) fn read(node: Node<'a>, keys: &Keys, dialect: Dialect, notes: &mut Notes<'_>) -> Option<Self> {
        if node.is_null() {
            return Some(Self { entries: Vec::new() });
        }
        let Some(mut entries) = node.entries(dialect) else {
            let message = format!("{} is written as a mapping, but {}", keys.of, found(node));
            let help =
                colon_help(node).unwrap_or_else(|| format!("write `key: value` lines below `{}:`", node.key_name()));
            notes.error(node.span(), message, help);
            return None;
        };
        entries.retain(|(key, child)| keys.check(key, *child, notes));
        Some(Self { entries })
    }

    pub(super) fn get(&self, key: &str) -> Option<Node<'a>> {
        self.entries.iter().find(|(known, _)| *known == key).map(|(_, node)| *node)
    }
}

impl Keys {
    fn check(&self, key: &str, node: Node<'_>, notes: &mut Notes<'_>) -> bool {
        let section = self.sections && key.starts_with(|c: char| c.is_ascii_uppercase());
        if section || self.now.contains(&key) {
            return true;
        }
        if self.later.contains(&key) {
            notes.error(
                node.key_span(),
                format!("`{key}` is not supported yet by this version"),
                "take the key out; it would have no effect",
            );
            return false;
        }
        let mut help = String::new();
        let capital = capitalised(key);
        if self.sections && SECTIONS.contains(&capital.as_str()) {
            let _infallible = write!(help, "sections are capitalised: write `{capital}:`");
        } else if let Some(instead) = elsewhere::instead(self.of, key) {
            help = instead;
        } else {
            if let Some(meant) = closest(key, self.now.iter().chain(self.later).copied()) {
                let _infallible = write!(help, "did you mean `{meant}`? ");
            }
            let _infallible = write!(help, "allowed here: {}", self.now.join(", "));
            if self.sections {
                help.push_str(", and systemd's sections, capitalised");
            }
        }
        notes.error(node.key_span(), format!("unknown key `{key}` in {}", self.of), help);
        false
    }
}

/// The sections that systemd reads in unit files (247 to 257).
pub(super) const SECTIONS: [&str; 10] =
    ["Unit", "Install", "Service", "Socket", "Timer", "Path", "Mount", "Automount", "Swap", "Slice"];

fn capitalised(key: &str) -> String {
    let mut letters = key.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

/// The candidate that was probably meant, if one is near enough.
pub(super) fn closest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    // To compare takes as long as both are, multiplied; what is so long is nothing mistyped.
    if word.len() > 256 {
        return None;
    }
    let lower = word.to_lowercase().replace('-', "_");
    let limit = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| {
            let distance = strsim::damerau_levenshtein(&lower, &candidate.to_lowercase().replace('-', "_"));
            (distance, candidate)
        })
        .filter(|(distance, candidate)| *distance <= limit && *distance < candidate.chars().count())
        .min_by_key(|(distance, candidate)| (*distance, candidate.len().abs_diff(word.len())))
        .map(|(_, candidate)| candidate)
}

/// `enabled:true` is text, because the colon lacks its blank.
pub(super) fn colon_help(node: Node<'_>) -> Option<String> {
    let (key, value) = node.text()?.split_once(':')?;
    let word = |text: &str| !text.is_empty() && !text.starts_with('/') && !text.contains(char::is_whitespace);
    (node.is_plain() && word(key) && word(value)).then(|| format!("a colon needs a blank after it: `{key}: {value}`"))
}

/// What a node is, as the end of "…, but".
pub(super) fn found(node: Node<'_>) -> String {
    use serde_yaml::Value;
    let text = || {
        let text = node.text().unwrap_or_default();
        let short: String = text.chars().take(40).collect();
        let dots = if short.len() < text.len() { "…" } else { "" };
        format!("{}{dots}", short.escape_debug())
    };
    match node.value() {
        Value::Null => "it has no value".to_owned(),
        Value::Bool(_) => format!("`{}` is a boolean", text()),
        Value::Number(_) => format!("`{}` is a number", text()),
        Value::String(_) => format!("`{}` is text", text()),
        Value::Sequence(_) => "this is a list".to_owned(),
        Value::Mapping(_) | Value::Tagged(_) => "this is a mapping".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn a_slip_of_the_fingers_is_understood_and_a_foreign_word_is_not() {
        let keys = ["state", "enabled", "masked", "on_change"];
        assert_eq!(closest("stat", keys), Some("state"));
        assert_eq!(closest("sttae", keys), Some("state"));
        assert_eq!(closest("Enabled", keys), Some("enabled"));
        assert_eq!(closest("on-change", keys), Some("on_change"));
        assert_eq!(closest("replicas", keys), None);
        assert_eq!(closest("x", ["a", "b"]), None);
    }
}
