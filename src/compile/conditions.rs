//! `when:`: whether an entry is there at all on a host.
//!
//! It is asked before anything else of the entry, so that what cannot be rendered where it is false does not matter.
//! Ansible's truthiness is not copied: a condition yields `true` or `false`, or is an error. There a mistyped
//! `when: "flase"` counts as a text that is not empty, and is true.

use serde_json::Value;

use super::compared::mixes_kinds;
use super::scope::{Scope, Word, below};
use crate::load::manifest::Condition;
use crate::load::spans::{Seg, Spans};
use crate::model::Diagnostic;

impl Scope<'_> {
    /// Whether the entry at `path` is there on this host: whether all of its conditions hold. The first that does not
    /// decides, as in Ansible: `[x is defined, x > 1]`.
    pub(super) fn applies(&self, when: &[Condition], path: &[Seg]) -> Result<bool, Diagnostic> {
        let path = below(path, "when");
        for (at, condition) in when.iter().enumerate() {
            let of_list = item(&self.manifest.spans, &path, at);
            if !self.holds(condition, of_list.as_deref().unwrap_or(&path))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn holds(&self, condition: &Condition, path: &[Seg]) -> Result<bool, Diagnostic> {
        let (value, written) = match condition {
            Condition::Literal(value) => return Ok(*value),
            Condition::Expression(written) => {
                let value = self.expression(written, path).map_err(|wrong| meant_equal(written, wrong))?;
                (value, written.as_str())
            }
            Condition::Template(written) => {
                (self.value(written.trim(), path)?, written.trim().trim_start_matches("{{").trim_end_matches("}}"))
            }
        };
        if mixes_kinds(written, |side| self.expression(side, path).ok()) {
            let wrong = self.error(path, "this condition compares text with a number");
            return Err(wrong.help("make a number of the text: `x | int > 2`; what `-e` gives is text"));
        }
        bool::from_value(&value).ok_or_else(|| {
            let (what, help) = match value {
                Value::Null => ("null", "ask what you mean: `x is not none`"),
                Value::Number(_) => ("a number", "compare it, such as `x > 0`"),
                Value::String(_) => ("text", "compare it, such as `x == 'yes'`"),
                Value::Array(_) => ("a list", "ask what you mean: `x | length > 0`, or `host in x`"),
                Value::Object(_) => ("a map", "ask what you mean: `x | length > 0`, or `x.key == 1`"),
                Value::Bool(_) => ("neither", "write an expression"),
            };
            self.error(path, format!("this condition yields {what}, and has to yield `true` or `false`")).help(help)
        })
    }
}

/// A single `=` is the most likely slip in a comparison.
fn meant_equal(written: &str, wrong: Diagnostic) -> Diagnostic {
    let bytes = written.as_bytes();
    let next_to = |at: usize| bytes.get(at).is_some_and(|c| b"=!<>".contains(c));
    let alone = |at: usize| bytes[at] == b'=' && !next_to(at + 1) && (at == 0 || !next_to(at - 1));
    if wrong.help.is_none() && wrong.message.contains("syntax error") && (0..bytes.len()).any(alone) {
        return wrong.help("two `=` compare, as in `x == 1`");
    }
    wrong
}

/// The path of an item of a list; `None` where one condition stands alone.
fn item(spans: &Spans, path: &[Seg], at: usize) -> Option<Vec<Seg>> {
    let item: Vec<Seg> = path.iter().cloned().chain([Seg::Index(at)]).collect();
    // What does not exist is answered by what holds it.
    (spans.value(&item) != spans.value(path)).then_some(item)
}
