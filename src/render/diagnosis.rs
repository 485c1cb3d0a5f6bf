//! The engine's errors, told without a single value.
//!
//! What the engine says passes only where its words come from the template itself: syntax errors, names of
//! variables, filters and types. Everything else gets words of ours, and the marked place says the rest.

use std::error::Error as _;
use std::ops::Range;
use std::sync::Arc;

use minijinja::{Error, ErrorKind};

use super::environment::Library;
use super::value::Ours;
use super::{Context, Site, TEXT, builtin};
use crate::model::{Diagnostic, SourceFile};

/// How the engine names what `compile_expression` was given.
const EXPRESSION: &str = "<expression>";

/// What an inventory takes for itself.
const CONNECTION_KEYS: [&str; 8] =
    ["address", "port", "user", "identity_file", "connection", "become", "ssh_args", "ssh_config"];

/// Beginnings of the engine's messages that hold only types and fixed words.
const HARMLESS: &[&str] = &[
    "tried to use ",
    "cannot convert ",
    "value of type ",
    "range has too many elements",
    "repeated string is too large",
    "repeated sequence is too large",
    "recursion limit exceeded",
    "value is not ",
    "cannot calculate length of value of type ",
    "cannot join value of type ",
    "can only sum numbers",
    "strings can only be multiplied",
    "sequences and iterables can only be multiplied",
    "cannot perform a containment check",
];

/// Everything that is needed to say what went wrong in one rendering.
pub(super) struct Failed<'a> {
    /// The string that was rendered; empty for a template.
    pub(super) text: &'a str,
    /// Where in `text` the engine's offsets start.
    pub(super) offset: usize,
    pub(super) context: &'a Context,
    pub(super) site: &'a Site,
    pub(super) library: &'a Library,
}

impl Failed<'_> {
    pub(super) fn describe(&self, error: &Error) -> Diagnostic {
        let mut diagnostic = self.say(error, None);
        if diagnostic.help.is_none() {
            diagnostic.help = self.said_by_builtin(innermost(error));
        }
        self.with_labels(error, diagnostic)
    }

    /// As [`Self::describe`], where an undefined result was found after the engine had finished.
    pub(super) fn describe_undefined_as(&self, error: &Error, expression: &str) -> Diagnostic {
        let mut diagnostic = self.say(error, Some(expression.trim()));
        if error.range().is_some() {
            return self.with_labels(error, diagnostic);
        }
        let start = self.offset + (expression.len() - expression.trim_start().len());
        let span = self.in_playbook(start..start + expression.trim().len());
        diagnostic = diagnostic.at(&self.site.source, span, "");
        diagnostic
    }

    pub(super) fn describe_template(&self, error: &Error, name: &str) -> Diagnostic {
        let missing = error.kind() == ErrorKind::TemplateNotFound && error.name().is_none();
        if !missing {
            return self.describe(error);
        }
        let written = &self.site.source.text[self.site.span.clone()];
        // A name that was rendered is a value; one that was written is not.
        let message = if written.contains(name) {
            format!("there is no template `{name}`")
        } else {
            "there is no template of the name that this yields".to_owned()
        };
        let nearest = || nearest(name, self.library.names()).map(|near| format!("did you mean `{near}`?"));
        let help = name
            .strip_prefix("builtin/")
            .and_then(builtin::instead)
            .or_else(nearest)
            .unwrap_or_else(|| format!("looked in {}; those built in are `builtin/…`", self.library.folders()));
        Diagnostic::error(message).at(&self.site.source, self.site.span.clone(), "").help(help)
    }

    fn say(&self, error: &Error, expression: Option<&str>) -> Diagnostic {
        let error = innermost(error);
        let detail = error.detail().unwrap_or_default();
        match error.kind() {
            ErrorKind::UndefinedError => self.undefined(error, detail, expression),
            _ if detail.contains("` is undefined") => self.undefined(error, detail, expression),
            ErrorKind::SyntaxError => {
                let what = if error.name() == Some(EXPRESSION) { "expression" } else { "template" };
                Diagnostic::error(format!("the {what} has a syntax error: {detail}"))
            }
            ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction => {
                Diagnostic::error(format!("in the template, {detail}"))
            }
            ErrorKind::UnknownMethod if detail.is_empty() => Diagnostic::error("the value has no method of this name"),
            ErrorKind::UnknownMethod => Diagnostic::error(detail),
            ErrorKind::TemplateNotFound => Diagnostic::error("there is no template of this name")
                .help(format!("looked in {}; those built in are `builtin/…`", self.library.folders())),
            ErrorKind::OutOfFuel => Diagnostic::error("the template runs for too long; is there a loop in a loop?"),
            ErrorKind::MissingArgument => Diagnostic::error("an argument is missing here"),
            ErrorKind::TooManyArguments => Diagnostic::error("there are more arguments here than are taken"),
            _ if is_ours(error) || HARMLESS.iter().any(|start| detail.starts_with(start)) => Diagnostic::error(detail),
            kind => Diagnostic::error(format!("this does not work with the values given: {kind}")),
        }
    }

    fn undefined(&self, error: &Error, detail: &str, expression: Option<&str>) -> Diagnostic {
        let filtered = self.filtered(error);
        let Some(named) = detail.split('`').nth(1).or(expression).or(filtered.as_deref()) else {
            return Diagnostic::error("a variable is not defined here")
                .help("define it in the inventory, in `vars`, in `defaults` or with `-e`, or give a default");
        };
        let diagnostic = Diagnostic::error(format!("`{named}` is not defined"));
        if let Some(help) = self.asked_by_builtin(error, named) {
            return diagnostic.help(help);
        }
        let mut path: Vec<&str> = named.split('.').collect();
        let wanted = path.pop().unwrap_or_default();
        match nearest(wanted, self.context.names_below(&path)) {
            Some(near) => {
                path.push(&near);
                diagnostic.help(format!("did you mean `{}`?", path.join(".")))
            }
            // A word of the inventory's own: who wrote it there believes that it is defined.
            None if CONNECTION_KEYS.contains(&named) => diagnostic.help(format!(
                "in an inventory `{named}` says how the host is reached, and is no variable: use another name, or define it in `vars`, in `defaults` or with `-e`"
            )),
            None => diagnostic.help(format!(
                "define it in the inventory, in `vars`, in `defaults` or with `-e`, or give a default: `{{{{ {named} | default(…) }}}}`"
            )),
        }
    }

    /// What a built-in template says of the variable that the faulty line is about. `fail` needs no more words.
    fn said_by_builtin(&self, error: &Error) -> Option<String> {
        let text = of_builtin(error)?;
        let source = self.library.source(error.name()?)?;
        let before = &text[..range_in(&source, error).start];
        let line = text.lines().nth(before.matches('\n').count()).filter(|line| !line.contains("fail("))?;
        let words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (variable, said) = words.into_iter().find_map(|word| Some((word, builtin::said_of(text, word)?)))?;
        Some(format!("the template says of `{variable}`: {said}"))
    }

    /// What a built-in template says of a variable that it needs. There the name in the template is right, and a name
    /// like it among the variables is the mistake.
    fn asked_by_builtin(&self, error: &Error, variable: &str) -> Option<String> {
        let said = builtin::said_of(of_builtin(error)?, variable)?;
        let todo = match nearest(variable, self.context.names_below(&[])) {
            Some(near) => format!("is `{near}` a misspelling of it?"),
            None => "set it in `vars`.".to_owned(),
        };
        Some(format!("{todo} The template says of `{variable}`: {said}"))
    }

    /// The name that goes into the filter which the engine complains about: it marks the filter, and does not say what
    /// came in.
    fn filtered(&self, error: &Error) -> Option<String> {
        let of_template = error.name().filter(|name| ![TEXT, EXPRESSION].contains(name));
        let source = of_template.and_then(|name| self.library.source(name));
        let (text, range) = match &source {
            Some(source) => (source.text.as_str(), range_in(source, error)),
            None => (self.text, self.range_in_text(error)),
        };
        let before = text.get(..range.start)?.trim_end().strip_suffix('|')?.trim_end();
        let rest = before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "_.".contains(c));
        let named = &before[rest.len()..];
        let is_name = named.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let is_filter = rest.trim_end().ends_with('|');
        // What is defined is not to blame: something else in the same place is.
        (is_name && !is_filter && self.context.get(named).is_none()).then(|| named.to_owned())
    }

    fn with_labels(&self, error: &Error, mut diagnostic: Diagnostic) -> Diagnostic {
        let mut in_templates = Vec::new();
        let mut in_text = None;
        let mut next = Some(error);
        while let Some(error) = next {
            match error.name() {
                Some(TEXT | EXPRESSION) => in_text = Some(self.in_playbook(self.range_in_text(error))),
                Some(name) => in_templates.extend(self.library.source(name).map(|source| {
                    let range = range_in(&source, error);
                    (source, range)
                })),
                None => {}
            }
            next = cause(error);
        }
        let span = in_text.unwrap_or_else(|| self.site.span.clone());
        if in_templates.len() == 1 && of_builtin(innermost(error)).is_some() {
            // Nobody looks for the mistake in what we wrote.
            diagnostic = diagnostic.at(&self.site.source, span, "");
            return in_templates.into_iter().fold(diagnostic, |told, (source, range)| told.at(&source, range, "here"));
        }
        let mut said = "";
        for (source, range) in in_templates.into_iter().rev() {
            diagnostic = diagnostic.at(&source, range, said);
            said = "included here";
        }
        let used = if diagnostic.labels.is_empty() { "" } else { "used here" };
        diagnostic.at(&self.site.source, span, used)
    }

    fn range_in_text(&self, error: &Error) -> Range<usize> {
        match error.range() {
            Some(range) => range.start + self.offset..range.end + self.offset,
            None => line_range(self.text, error.line().unwrap_or(1)),
        }
    }

    /// Maps a range of the string to the playbook, where quotes, escapes and indentation may stand in between.
    fn in_playbook(&self, range: Range<usize>) -> Range<usize> {
        let whole = self.site.span.clone();
        let Some(written) = self.site.source.text.get(whole.clone()) else {
            return whole;
        };
        if self.text.get(range.clone()).is_none() {
            return whole;
        }
        if let Some(at) = written.find(self.text) {
            let start = whole.start + at;
            return start + range.start..start + range.end;
        }
        let line_start = self.text[..range.start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = self.text[range.start..].find('\n').map_or(self.text.len(), |at| range.start + at);
        let line = &self.text[line_start..line_end];
        let mut places = written.match_indices(line);
        match (places.next(), places.next()) {
            (Some((at, _)), None) if !line.is_empty() => {
                let start = whole.start + at;
                start + (range.start - line_start)..start + (range.end.min(line_end) - line_start)
            }
            _ => whole,
        }
    }
}

/// The text of the built-in template that the error is in.
fn of_builtin(error: &Error) -> Option<&'static str> {
    builtin::builtin(error.name()?.strip_prefix("builtin/")?)
}

fn is_ours(error: &Error) -> bool {
    error.source().is_some_and(<dyn std::error::Error>::is::<Ours>)
}

fn cause(error: &Error) -> Option<&Error> {
    error.source().and_then(|source| source.downcast_ref())
}

fn innermost(error: &Error) -> &Error {
    let mut error = error;
    while let Some(inner) = cause(error) {
        error = inner;
    }
    error
}

fn range_in(source: &Arc<SourceFile>, error: &Error) -> Range<usize> {
    error
        .range()
        .filter(|range| source.text.get(range.clone()).is_some())
        .unwrap_or_else(|| line_range(&source.text, error.line().unwrap_or(1)))
}

/// The range of a line, counted from 1.
fn line_range(text: &str, line: usize) -> Range<usize> {
    let mut start = 0;
    for (number, content) in text.split('\n').enumerate() {
        if number + 1 == line {
            return start..start + content.len();
        }
        start += content.len() + 1;
    }
    0..text.len()
}

/// The one of `names` that a typing mistake could have turned into `wanted`.
pub fn nearest(wanted: &str, names: impl IntoIterator<Item = String>) -> Option<String> {
    let mut best: Option<(f64, String)> = None;
    for name in names {
        let likeness = strsim::jaro_winkler(wanted, &name);
        if likeness > 0.8 && best.as_ref().is_none_or(|(known, _)| likeness > *known) {
            best = Some((likeness, name));
        }
    }
    best.map(|(_, name)| name)
}
