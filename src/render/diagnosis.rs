//! The engine's errors, told without a single value.
//!
//! What the engine says passes only where its words come from the template itself: names of variables, filters and
//! types. Everything else gets words of ours, and the marked place says the rest.
//!
//! | module | tells |
//! |---|---|
//! | `built_in` | what a built-in template says of its variables |
//! | `syntax` | what does not parse |
//! | `names` | what to use instead of a name that does not exist |
//! | `operations` | what does not work with values of these types |

mod built_in;
mod names;
mod operations;
mod syntax;

use std::borrow::Cow;
use std::error::Error as _;
use std::ops::Range;
use std::sync::Arc;

use minijinja::{Environment, Error, ErrorKind};

pub use names::nearest;

use super::environment::Library;
use super::guard::{Form, Guarded};
use super::tags::is_name;
use super::value::Ours;
use super::{Context, Site, TEXT, builtin};
use crate::model::{Diagnostic, SourceFile};

/// How the engine names what `compile_expression` was given.
const EXPRESSION: &str = "<expression>";

/// What an inventory takes for itself.
const CONNECTION_KEYS: [&str; 8] =
    ["address", "port", "user", "identity_file", "connection", "become", "ssh_args", "ssh_config"];

/// Everything that is needed to say what went wrong in one rendering.
pub(super) struct Failed<'a> {
    /// The string that was rendered; empty for a template.
    pub(super) text: &'a str,
    /// Where in `text` the engine's offsets start.
    pub(super) offset: usize,
    pub(super) context: &'a Context,
    pub(super) site: &'a Site,
    pub(super) library: &'a Library,
    pub(super) environment: &'a Environment<'static>,
    /// Filters of the room above.
    pub(super) words: &'a [&'static str],
}

impl Failed<'_> {
    pub(super) fn describe(&self, error: &Error) -> Diagnostic {
        let mut said = self.say(error, None);
        if said.diagnostic.help.is_none() {
            said.diagnostic.help = self.said_by_builtin(innermost(error));
        }
        self.with_labels(error, said)
    }

    /// As [`Self::describe`], where an undefined result was found after the engine had finished.
    pub(super) fn describe_undefined_as(&self, error: &Error, expression: &str) -> Diagnostic {
        let said = self.say(error, Some(expression.trim()));
        if error.range().is_some() {
            return self.with_labels(error, said);
        }
        let start = self.offset + (expression.len() - expression.trim_start().len());
        let span = self.in_playbook(start..start + expression.trim().len());
        said.diagnostic.at(&self.site.source, span, "")
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
        let near = || names::nearest(name, self.library.names()).map(|near| format!("did you mean `{near}`?"));
        let help = name
            .strip_prefix("builtin/")
            .and_then(builtin::instead)
            .or_else(near)
            .unwrap_or_else(|| format!("looked in {}; those built in are `builtin/…`", self.library.folders()));
        Diagnostic::error(message).at(&self.site.source, self.site.span.clone(), "").help(help)
    }

    /// What went wrong, in the innermost place.
    fn say(&self, error: &Error, expression: Option<&str>) -> Said {
        let error = innermost(error);
        let detail = error.detail().unwrap_or_default();
        let place = self.place(error);
        let failing = Failing { error, detail, marked: place.marked(), variable: place.variable() };
        match error.kind() {
            ErrorKind::UndefinedError => self.undefined(&failing, expression),
            _ if detail.contains("` is undefined") => self.undefined(&failing, expression),
            ErrorKind::SyntaxError => {
                let told = syntax::explain(&place.text, place.tagged, place.range.clone(), detail);
                Said {
                    diagnostic: Diagnostic { help: told.help, ..Diagnostic::error(told.message) },
                    mark: Some(told.mark),
                    beside: told.beside,
                }
            }
            ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction => {
                self.unknown(&failing, &place)
            }
            ErrorKind::TemplateNotFound => Diagnostic::error("there is no template of this name")
                .help(format!("looked in {}; those built in are `builtin/…`", self.library.folders()))
                .into(),
            _ => match ours(error) {
                Some(ours) => told_by(ours, detail, &place).into(),
                None => operations::explain(&failing, self.context).into(),
            },
        }
    }

    fn unknown(&self, failing: &Failing, place: &Place) -> Said {
        let (what, prefix) = match failing.error.kind() {
            ErrorKind::UnknownFilter => ("filter", "filter "),
            ErrorKind::UnknownTest => ("test", "test "),
            _ => ("function", ""),
        };
        let said = failing.detail.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(" is unknown"));
        // `map('nope')` names a filter in quotes, and `map(x)` by a value, which is not shown.
        let name = said.or_else(|| failing.marked.split(['\'', '"']).nth(1));
        let written = |name: &&str| !name.is_empty() && (failing.marked.starts_with(name) || place.quotes(name));
        let Some(name) = name.filter(written) else {
            return Diagnostic::error(format!("there is no {what} of the name that is given here")).into();
        };
        let help = match what {
            "filter" => names::filter(name, self.words),
            "test" => names::test(name),
            _ => {
                let known: Vec<String> = self.environment.globals().map(|(name, _)| name.to_owned()).collect();
                names::function(name, &known, self.words)
            }
        };
        Diagnostic::error(format!("there is no {what} `{name}`")).help(help).into()
    }

    fn undefined(&self, failing: &Failing, expression: Option<&str>) -> Said {
        let filtered = self.filtered(failing.error);
        if filtered.is_none() && ["first", "last", "min", "max"].contains(&first_name(failing.marked)) {
            let filter = first_name(failing.marked);
            return Diagnostic::error(format!("`{filter}` of an empty list gives nothing"))
                .help(format!("give a default: `list | {filter} | default('…')`"))
                .into();
        }
        let named = failing.detail.split('`').nth(1).or(expression).or(filtered.as_deref()).or(failing.variable);
        let Some(named) = named else {
            return Diagnostic::error("a variable is not defined here")
                .help("define it in the inventory, in `vars`, in `defaults` or with `-e`, or give a default")
                .into();
        };
        if let Some(key) = named.strip_prefix("(...)") {
            return Diagnostic::error(format!("this has no `{}`", key.trim_matches(['.', '[', ']', '\''])))
                .help("give a default: `… | default('…')`")
                .into();
        }
        self.not_defined(failing.error, named).into()
    }

    fn not_defined(&self, error: &Error, named: &str) -> Diagnostic {
        let diagnostic = Diagnostic::error(format!("`{named}` is not defined"));
        if let Some(help) = self.asked_by_builtin(error, named) {
            return diagnostic.help(help);
        }
        let mut path: Vec<&str> = named.split('.').collect();
        let wanted = path.pop().unwrap_or_default();
        if let Some(help) = names::variable(named) {
            return diagnostic.help(help);
        }
        if let Some(help) = operations::no_key(named, self.context).filter(|_| named.contains('[')) {
            return diagnostic.help(help);
        }
        if let Some(near) = names::nearest(wanted, self.context.names_below(&path)) {
            path.push(&near);
            return diagnostic.help(format!("did you mean `{}`?", path.join(".")));
        }
        if let Some(help) = operations::no_key(named, self.context) {
            return diagnostic.help(help);
        }
        // A word of the inventory's own: who wrote it there believes that it is defined.
        if CONNECTION_KEYS.contains(&named) {
            return diagnostic.help(format!(
                "in an inventory `{named}` says how the host is reached, and is no variable: use another name, or define it in `vars`, in `defaults` or with `-e`"
            ));
        }
        diagnostic.help(format!(
            "define it in the inventory, in `vars`, in `defaults` or with `-e`, or give a default: `{{{{ {named} | default(…) }}}}`"
        ))
    }

    /// The name that goes into the filter which the engine complains about: it marks the filter, and does not say what
    /// came in.
    fn filtered(&self, error: &Error) -> Option<String> {
        let place = self.place(error);
        let before = place.text.get(..place.range.start)?.trim_end().strip_suffix('|')?.trim_end();
        // `groups['web']`, as Ansible's users write it.
        let subscript = before.strip_suffix(']').and_then(|inside| inside.rsplit_once('['));
        let base = subscript.filter(|(_, key)| key.starts_with(['\'', '"'])).map_or(before, |(base, _)| base);
        let rest = base.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "_.".contains(c));
        let named = &before[rest.len()..];
        let is_name = named.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let is_filter = rest.trim_end().ends_with('|');
        // What is defined is not to blame: something else in the same place is.
        (is_name && !is_filter && !operations::is_defined(named, self.context)).then(|| named.to_owned())
    }

    /// Where an error is: in a template, or in the string.
    fn place(&self, error: &Error) -> Place<'_> {
        let of_template = error.name().filter(|name| ![TEXT, EXPRESSION].contains(name));
        match of_template.and_then(|name| self.library.source(name)) {
            Some(source) => Place {
                range: range_in(&source.text, error, Form::Template),
                text: Cow::Owned(source.text.clone()),
                tagged: true,
            },
            None => Place { range: self.range_in_text(error), text: Cow::Borrowed(self.text), tagged: true },
        }
    }

    fn with_labels(&self, error: &Error, said: Said) -> Diagnostic {
        let Said { mut diagnostic, mark, beside } = said;
        let mut in_templates = Vec::new();
        let mut in_text = None;
        let mut in_text_innermost = false;
        let mut next = Some(error);
        while let Some(error) = next {
            next = cause(error);
            let mark = mark.clone().filter(|_| next.is_none());
            match error.name() {
                Some(TEXT | EXPRESSION) => {
                    in_text_innermost = next.is_none();
                    in_text = Some(self.in_playbook(mark.unwrap_or_else(|| self.range_in_text(error))));
                }
                Some(name) => in_templates.extend(self.library.source(name).map(|source| {
                    let range = mark.unwrap_or_else(|| range_in(&source.text, error, Form::Template));
                    (source, range)
                })),
                None => {}
            }
        }
        // A template that includes itself is there many times.
        let mut told: Vec<(Arc<SourceFile>, Range<usize>)> = Vec::new();
        for place in in_templates {
            if !told.contains(&place) {
                told.push(place);
            }
        }
        let in_templates = told;
        let span = in_text.unwrap_or_else(|| self.site.span.clone());
        if in_templates.len() == 1 && built_in::text_of(innermost(error)).is_some() {
            // Nobody looks for the mistake in what we wrote.
            diagnostic = diagnostic.at(&self.site.source, span, "");
            return in_templates.into_iter().fold(diagnostic, |told, (source, range)| told.at(&source, range, "here"));
        }
        let mut said = "";
        for (source, range) in in_templates.into_iter().rev() {
            diagnostic = diagnostic.at(&source, range, said);
            if let Some((beside, words)) = beside.clone().filter(|_| said.is_empty()) {
                diagnostic = diagnostic.at(&source, beside, words);
            }
            said = "included here";
        }
        let used = if diagnostic.labels.is_empty() { "" } else { "used here" };
        diagnostic = diagnostic.at(&self.site.source, span, used);
        match beside.filter(|_| in_text_innermost) {
            Some((beside, words)) => diagnostic.at(&self.site.source, self.in_playbook(beside), words),
            None => diagnostic,
        }
    }

    /// The engine's range, in the whole string as it was written.
    fn range_in_text(&self, error: &Error) -> Range<usize> {
        let (text, offset, form) = match self.text.get(self.offset..) {
            // Without the braces around it, if there are any.
            Some(text) if error.name() == Some(EXPRESSION) => {
                let text = text.strip_suffix("}}").filter(|_| self.offset > 0).unwrap_or(text);
                (text.strip_suffix(['-', '+']).unwrap_or(text), self.offset, Form::Expression)
            }
            _ => (self.text, 0, Form::Template),
        };
        let range = range_in(text, error, form);
        range.start + offset..range.end + offset
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

/// What is said, before the places are added.
struct Said {
    diagnostic: Diagnostic,
    /// What to mark in the innermost text, where the engine's own mark is not the best.
    mark: Option<Range<usize>>,
    beside: Option<(Range<usize>, &'static str)>,
}

impl From<Diagnostic> for Said {
    fn from(diagnostic: Diagnostic) -> Self {
        Said { diagnostic, mark: None, beside: None }
    }
}

/// Where an error is.
struct Place<'t> {
    text: Cow<'t, str>,
    range: Range<usize>,
    tagged: bool,
}

impl Place<'_> {
    fn marked(&self) -> &str {
        self.text.get(self.range.clone()).unwrap_or_default()
    }

    /// Whether a text is what stands in quotes here, or goes into the filter here: then it is no variable's value.
    fn quotes(&self, text: &str) -> bool {
        let before = self.text.get(..self.range.start).unwrap_or_default().trim_end();
        let before = before.strip_suffix('|').unwrap_or_default().trim_end();
        [format!("'{text}'"), format!("\"{text}\"")]
            .iter()
            .any(|quoted| self.marked().contains(quoted) || before.ends_with(quoted))
    }

    fn variable(&self) -> Option<&str> {
        let before = self.text.get(..self.range.start)?.trim_end();
        let is_filter = before.ends_with('|') || before.ends_with(" is");
        Some(self.marked()).filter(|marked| is_path(marked) && !is_filter)
    }
}

/// An error of the engine, with what it marks.
struct Failing<'a> {
    error: &'a Error,
    detail: &'a str,
    marked: &'a str,
    /// The same, where it is the name of a variable.
    variable: Option<&'a str>,
}

/// The name that a marked piece begins with: `.append` of `.append(1)`.
fn first_name(marked: &str) -> &str {
    let marked = marked.trim_start_matches(['.', ' ']);
    &marked[..marked.find(|c: char| !is_name(c) && c != '.').unwrap_or(marked.len())]
}

/// Whether a text is a name or a dotted path of names.
fn is_path(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_') && text.chars().all(|c| is_name(c) || c == '.')
}

fn ours(error: &Error) -> Option<&Ours> {
    error.source().and_then(|source| source.downcast_ref())
}

/// The words of a filter or function; those about a text only where that text is written here.
fn told_by(ours: &Ours, detail: &str, place: &Place) -> Diagnostic {
    match ours.named.as_ref().filter(|named| place.quotes(&named.text)) {
        Some(named) => Diagnostic { help: named.help.clone(), ..Diagnostic::error(&named.message) },
        None => Diagnostic { help: ours.help.clone(), ..Diagnostic::error(detail) },
    }
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

/// The engine's range, in the text as it was written.
fn range_in(text: &str, error: &Error, form: Form) -> Range<usize> {
    let range = error.range().map(|range| Guarded::new(text, form).original(range));
    range
        .filter(|range| text.get(range.clone()).is_some())
        .unwrap_or_else(|| line_range(text, error.line().unwrap_or(1)))
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
