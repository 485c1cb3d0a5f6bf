//! Operators that join texts, guarded.
//!
//! The engine counts instructions, not bytes: `{% set a = a ~ a %}` thirty times is a gibibyte (minijinja 3.0.5). It
//! also joins with `~` what has no text form here, and writes `True` for `true`. Neither operator can be replaced, so
//! the operands get a filter before a template is compiled: `a ~ b` becomes `(a)|_text ~ (b)|_text`, and `a + b`
//! becomes `a|_size + b`. What was inserted is remembered, so that errors point into the text as it was written.
//!
//! A template that would not compile with the filters is used as it is: nobody shall be told of syntax that he did
//! not write.

use std::borrow::Cow;
use std::ops::Range;

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, Value};

use super::environment::{MAX_OUTPUT, expression_fits, fits, parser};
use super::tags::{Code, is_name, tags};
use super::value::{refusal, text_of, too_long};

/// The longest list that can be made with `+`.
const MAX_ITEMS: usize = 100_000;

/// Words that end an operand: of expressions, and of statements that hold one.
const WORDS: [&str; 22] = [
    "and",
    "or",
    "not",
    "in",
    "if",
    "else",
    "elif",
    "for",
    "set",
    "with",
    "do",
    "call",
    "filter",
    "include",
    "import",
    "extends",
    "from",
    "as",
    "ignore",
    "without",
    "recursive",
    "autoescape",
];

/// A text with guards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Guarded<'t> {
    pub(super) text: Cow<'t, str>,
    /// By place.
    inserted: Vec<Piece>,
}

/// What was inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    /// Where, in the original.
    at: usize,
    text: &'static str,
    /// Where the operand starts that it belongs to.
    operand: usize,
}

/// A whole template, or an expression alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Template,
    Expression,
}

impl<'t> Guarded<'t> {
    /// Guards a text, if the engine still understands it then.
    pub(super) fn new(text: &'t str, form: Form) -> Self {
        // What the engine must not see, it is not shown here either.
        let fits = match form {
            Form::Template => fits(text),
            Form::Expression => expression_fits(text),
        };
        if fits.is_err() {
            return Self { text: Cow::Borrowed(text), inserted: Vec::new() };
        }
        let guarded = insert(text, form);
        let environment = parser();
        let understood = guarded.inserted.is_empty()
            || match form {
                Form::Template => environment.template_from_str(&guarded.text).is_ok(),
                Form::Expression => environment.compile_expression(&guarded.text).is_ok(),
            };
        if understood { guarded } else { Self { text: Cow::Borrowed(text), inserted: Vec::new() } }
    }

    /// A range of the guarded text, in the original.
    pub(super) fn original(&self, range: Range<usize>) -> Range<usize> {
        let (start, end) = (self.place(range.start), self.place(range.end));
        // What goes wrong in a guard goes wrong with its operand.
        let guard = self.inserted.iter().rev().find(|piece| piece.at == start && start == end && !range.is_empty());
        guard.map_or(start, |piece| piece.operand)..end
    }

    fn place(&self, at: usize) -> usize {
        let mut before = 0;
        for piece in &self.inserted {
            let start = piece.at + before;
            if at < start {
                break;
            }
            // What lies in a piece lies at its place.
            before += piece.text.len().min(at - start);
        }
        at - before
    }
}

fn insert(text: &str, form: Form) -> Guarded<'_> {
    let mut inserted = Vec::new();
    match form {
        Form::Expression => guard(text, 0..text.len(), &mut inserted),
        Form::Template => tags(text).into_iter().for_each(|tag| guard(text, tag.inside, &mut inserted)),
    }
    inserted.sort_by_key(|piece: &Piece| piece.at);
    if inserted.is_empty() {
        return Guarded { text: Cow::Borrowed(text), inserted };
    }
    let mut guarded = String::with_capacity(text.len() + inserted.len() * 8);
    let mut done = 0;
    for piece in &inserted {
        guarded.push_str(&text[done..piece.at]);
        guarded.push_str(piece.text);
        done = piece.at;
    }
    guarded.push_str(&text[done..]);
    Guarded { text: Cow::Owned(guarded), inserted }
}

/// One level of brackets.
#[derive(Clone, Copy)]
struct Level {
    operand: usize,
    joins: bool,
}

fn guard(text: &str, range: Range<usize>, inserted: &mut Vec<Piece>) {
    let mut levels = vec![Level { operand: range.start, joins: false }];
    let mut word = None;
    for (at, c) in Code::new(text, range.clone()) {
        if is_name(c) {
            word.get_or_insert(at);
            continue;
        }
        if let Some(start) = word.take() {
            end_of_word(text, start..at, &mut levels, inserted);
        }
        let Some(level) = levels.last_mut() else { return };
        let next = at + c.len_utf8();
        match c {
            '~' => {
                wrap(text, level.operand..at, inserted);
                *level = Level { operand: next, joins: true };
            }
            // `~` binds tighter than `+` and `-`; a sign belongs to its operand.
            '+' | '-' if follows_operand(&text[range.start..at]) => {
                finish(text, *level, at, inserted);
                *level = Level { operand: next, joins: false };
                if c == '+' {
                    size(text, range.start..at, inserted);
                }
            }
            '(' | '[' | '{' => levels.push(Level { operand: next, joins: false }),
            ')' | ']' | '}' => {
                finish(text, *level, at, inserted);
                if levels.len() > 1 {
                    levels.pop();
                }
            }
            ',' | ':' | '=' | '<' | '>' | '!' => {
                finish(text, *level, at, inserted);
                *level = Level { operand: next, joins: false };
            }
            _ => {}
        }
    }
    if let Some(start) = word {
        end_of_word(text, start..range.end, &mut levels, inserted);
    }
    for level in levels {
        finish(text, level, range.end, inserted);
    }
}

fn end_of_word(text: &str, word: Range<usize>, levels: &mut [Level], inserted: &mut Vec<Piece>) {
    // `x.in` and `x | filter` are names.
    let named = text[..word.start].trim_end().ends_with(['.', '|']);
    if let Some(level) = levels.last_mut().filter(|_| !named && WORDS.contains(&&text[word.clone()])) {
        finish(text, *level, word.start, inserted);
        *level = Level { operand: word.end, joins: false };
    }
}

/// The last operand of a chain of `~`.
fn finish(text: &str, level: Level, end: usize, inserted: &mut Vec<Piece>) {
    if level.joins {
        wrap(text, level.operand..end, inserted);
    }
}

fn wrap(text: &str, operand: Range<usize>, inserted: &mut Vec<Piece>) {
    let written = &text[operand.clone()];
    let start = operand.start + (written.len() - written.trim_start().len());
    let end = operand.start + written.trim_end().len();
    if start < end {
        inserted.push(Piece { at: start, text: "(", operand: start });
        inserted.push(Piece { at: end, text: ")|_text", operand: start });
    }
}

fn follows_operand(before: &str) -> bool {
    before.trim_end().ends_with(|c: char| is_name(c) || ")]}\"'".contains(c))
}

/// Guards what stands before a `+`, unless that is the exponent of a number.
fn size(text: &str, before: Range<usize>, inserted: &mut Vec<Piece>) {
    let written = text[before.clone()].trim_end();
    let name = written.rfind(|c: char| !is_name(c) && c != '.').map_or(written, |at| &written[at + 1..]);
    let exponent = name.starts_with(|c: char| c.is_ascii_digit()) && name.ends_with(['e', 'E']);
    if !exponent {
        let at = before.start + written.len();
        let whole = written.len() - written.chars().next_back().map_or(0, char::len_utf8);
        let operand = before.start + if name.is_empty() { whole } else { written.len() - name.len() };
        inserted.push(Piece { at, text: "|_size", operand });
    }
}

/// The filters that the guards are.
pub(super) fn register(environment: &mut Environment<'static>) {
    environment.add_filter("_text", |value: Value| text(value));
    environment.add_filter("_size", |value: Value| sized(value));
}

fn text(value: Value) -> Result<Value, Error> {
    if value.is_undefined() {
        // The engine knows its name, and complains as soon as it is used.
        return Ok(value);
    }
    let value = sized(value)?;
    if value.kind() == ValueKind::String { Ok(value) } else { text_of(&value).map(Value::from) }
}

fn sized(value: Value) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::String if value.as_str().is_some_and(|text| text.len() > MAX_OUTPUT) => Err(too_long()),
        ValueKind::Seq | ValueKind::Iterable if value.len().is_some_and(|items| items > MAX_ITEMS) => {
            Err(refusal(format!("the list that is put together here has more than {MAX_ITEMS} items")))
        }
        ValueKind::Invalid => Err(Error::from(ErrorKind::InvalidOperation)),
        _ => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operands_of_joins_are_wrapped_and_nothing_else() {
        for (text, expected) in [
            ("{{ a ~ b }}", "{{ (a)|_text ~ (b)|_text }}"),
            ("{{- a ~ b | upper ~ 'c' -}}", "{{- (a)|_text ~ (b | upper)|_text ~ ('c')|_text -}}"),
            ("{{ f(a ~ b, c=d ~ e) }}", "{{ f((a)|_text ~ (b)|_text, c=(d)|_text ~ (e)|_text) }}"),
            ("{{ a + 1 ~ b }}", "{{ a|_size + (1)|_text ~ (b)|_text }}"),
            ("{{ a ~ b + c }}", "{{ (a)|_text ~ (b)|_text|_size + c }}"),
            ("{{ a ~ -1 - b ~ c }}", "{{ (a)|_text ~ (-1)|_text - (b)|_text ~ (c)|_text }}"),
            ("{% if a ~ b == c %}", "{% if (a)|_text ~ (b)|_text == c %}"),
            ("{% set x = a if b else c ~ d %}", "{% set x = a if b else (c)|_text ~ (d)|_text %}"),
            ("{% include 'a' ~ b ignore missing %}", "{% include ('a')|_text ~ (b)|_text ignore missing %}"),
            ("{{ x.in ~ y }}", "{{ (x.in)|_text ~ (y)|_text }}"),
            ("{{ 1e+5 + 2.5e+1 }}", "{{ 1e+5|_size + 2.5e+1 }}"),
            ("{{ '~ +' }} a ~ b + c {# a ~ b #}", "{{ '~ +' }} a ~ b + c {# a ~ b #}"),
            ("{{ {'a': b ~ c}['d' ~ e] }}", "{{ {'a': (b)|_text ~ (c)|_text}[('d')|_text ~ (e)|_text] }}"),
        ] {
            assert_eq!(insert(text, Form::Template).text, expected);
        }
    }

    #[test]
    fn places_are_found_again() {
        let text = "{{ aa ~ b + c }}";
        let guarded = insert(text, Form::Template);
        for name in ["aa", "b", "c", "~", "+"] {
            let at = guarded.text.find(name).unwrap();
            assert_eq!(&text[guarded.original(at..at + name.len())], name, "{guarded:?}");
        }
        assert_eq!(guarded.original(0..guarded.text.len()), 0..text.len());
        for (filter, operand) in [("_text", "aa"), ("_size", "b")] {
            let at = guarded.text.find(filter).unwrap();
            assert_eq!(&text[guarded.original(at..at + filter.len())], operand, "{filter}");
        }
    }

    #[test]
    fn what_the_guards_would_break_is_left_alone() {
        for text in ["{{ x is not none ~ 'y' }}", "{{ a ~ }}", "{{ ~ b }}", "{{ a ~ b c }}", "{% nope a ~ b %}"] {
            assert_eq!(Guarded::new(text, Form::Template).text, text);
        }
        assert_ne!(Guarded::new("a ~ b", Form::Expression).text, "a ~ b");
    }
}
