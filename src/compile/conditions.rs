//! `when:`: whether an entry is there at all on a host.
//!
//! It is asked before anything else of the entry, so that what cannot be rendered where it is false does not matter.
//! Ansible's truthiness is not copied: a condition yields `true` or `false`, or is an error. There a mistyped
//! `when: "flase"` counts as a text that is not empty, and is true.
//!
//! A condition on facts is a guess until the host was asked. What it leaves out is compiled all the same, and thrown away:
//! the secrets that it needs are fetched before any host is contacted, or never.

use serde_json::Value;

use super::Draft;
use super::claims::Claims;
use super::compared::mixes_kinds;
use super::messages::Messages;
use super::scope::{Scope, Word, below};
use crate::load::manifest::{Condition, Selection};
use crate::load::spans::{Seg, Spans};
use crate::model::{Desired, Diagnostic};

/// Whether an entry is there on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum There {
    Yes,
    No,
    /// The host's facts decide, and they are not known yet; with those of a usual host it is not.
    Perhaps,
}

impl Scope<'_> {
    /// Whether the entry at `path` is there on this host: whether all of its conditions hold. The first that does not
    /// decides, as in Ansible: `[x is defined, x > 1]`.
    pub(super) fn applies(&self, when: &[Condition], path: &[Seg]) -> Result<There, Diagnostic> {
        let path = below(path, "when");
        let mut there = There::Yes;
        for (at, condition) in when.iter().enumerate() {
            let of_list = item(&self.manifest.spans, &path, at);
            match self.holds(condition, of_list.as_deref().unwrap_or(&path))? {
                (true, _) => {}
                (false, true) => there = There::Perhaps,
                (false, false) => return Ok(There::No),
            }
        }
        Ok(there)
    }

    /// Whether a condition holds, and whether that is only a guess.
    fn holds(&self, condition: &Condition, path: &[Seg]) -> Result<(bool, bool), Diagnostic> {
        let ((value, is_guess), written) = match condition {
            Condition::Literal(value) => return Ok((*value, false)),
            Condition::Expression(written) => {
                let value = self.expression(written, path)?;
                (value, written.as_str())
            }
            Condition::Template(written) => {
                (self.guess(written.trim(), path)?, written.trim().trim_start_matches("{{").trim_end_matches("}}"))
            }
        };
        let side = |side: &str| self.expression(side, path).ok().map(|(value, _)| value);
        if !is_guess && mixes_kinds(written, side) {
            let wrong = self.error(path, "this condition compares text with a number");
            return Err(wrong.help("make a number of the text: `x | int > 2`; what `-e` gives is text"));
        }
        match bool::from_value(&value) {
            Some(holds) => Ok((holds, is_guess)),
            // What a stand-in yields is judged when the real value is known.
            None if is_guess => Ok((true, true)),
            None => Err(self.no_boolean(&value, path)),
        }
    }

    fn no_boolean(&self, value: &Value, path: &[Seg]) -> Diagnostic {
        let (what, help) = match value {
            Value::Null => ("null", "ask what you mean: `x is not none`"),
            Value::Number(_) => ("a number", "compare it, such as `x > 0`"),
            Value::String(_) => ("text", "compare it, such as `x == 'yes'`"),
            Value::Array(_) => ("a list", "ask what you mean: `x | length > 0`, or `host in x`"),
            Value::Object(_) => ("a map", "ask what you mean: `x | length > 0`, or `x.key == 1`"),
            Value::Bool(_) => ("neither", "write an expression"),
        };
        self.error(path, format!("this condition yields {what}, and has to yield `true` or `false`")).help(help)
    }
}

impl Draft<'_> {
    /// Compiles an entry, if it is there on the host.
    pub(super) fn entry(
        &mut self,
        scope: &Scope,
        selection: &Selection,
        path: &[Seg],
        compile: impl FnOnce(&mut Draft<'_>),
    ) {
        let tags = scope.manifest.selection.tags.union(&selection.tags).cloned().collect();
        let before = (!self.tags.selects(&tags)).then(|| scope.needs().borrow().clone());
        match self.messages.keep(scope.applies(&selection.when, path)) {
            Some(There::Yes) => compile(self),
            Some(There::Perhaps) => self.aside(compile),
            Some(There::No) | None => {}
        }
        // For what this run leaves out no secret is fetched.
        if let Some(before) = before {
            scope.needs().replace(before);
        }
    }

    /// Compiles what may turn out to be there, only to learn what it would need.
    pub(super) fn aside(&self, compile: impl FnOnce(&mut Draft<'_>)) {
        let (mut claims, mut messages) = (Claims::default(), Messages::default());
        let mut desired = Desired::empty(self.desired.host.clone());
        compile(&mut Draft { desired: &mut desired, claims: &mut claims, messages: &mut messages, tags: self.tags });
    }
}

/// The path of an item of a list; `None` where one condition stands alone.
fn item(spans: &Spans, path: &[Seg], at: usize) -> Option<Vec<Seg>> {
    let item: Vec<Seg> = path.iter().cloned().chain([Seg::Index(at)]).collect();
    // What does not exist is answered by what holds it.
    (spans.value(&item) != spans.value(path)).then_some(item)
}
