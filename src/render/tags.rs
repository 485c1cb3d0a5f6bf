//! Where the tags of a template are: `{{ … }}` and `{% … %}`, without comments and raw text.
//!
//! The engine tells only where it gave up. To say which `{% if %}` was never closed, and to guard operators, the
//! template is read once more, by the engine's own rules: quotes and brackets hide the end of a tag.

use std::ops::Range;

/// One tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    /// `{% … %}`, not `{{ … }}`.
    pub(super) statement: bool,
    /// With its delimiters.
    pub(super) whole: Range<usize>,
    /// Without delimiters and their `-` and `+`.
    pub(super) inside: Range<usize>,
    /// Whether it has an end.
    pub(super) closed: bool,
}

impl Tag {
    /// The first word of a statement, such as `endif`.
    pub(super) fn word<'t>(&self, text: &'t str) -> &'t str {
        let inside = text[self.inside.clone()].trim_start();
        &inside[..inside.find(|c: char| !is_name(c)).unwrap_or(inside.len())]
    }
}

/// Whether a character can be in a name.
pub(super) fn is_name(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// All tags, in order.
pub(super) fn tags(text: &str) -> Vec<Tag> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = next_open(text, at) {
        let statement = match &text[start..start + 2] {
            "{#" => {
                let Some(end) = text[start + 2..].find("#}") else { break };
                at = start + 2 + end + 2;
                continue;
            }
            delimiter => delimiter == "{%",
        };
        if statement && let Some(after) = basic(text, start, "raw") {
            let Some(end) = end_of_raw(text, after) else { break };
            at = end;
            continue;
        }
        let tag = tag(text, start, statement);
        at = tag.whole.end;
        found.push(tag);
    }
    found
}

fn next_open(text: &str, at: usize) -> Option<usize> {
    let rest = &text[at..];
    let next =
        rest.match_indices('{').find(|(at, _)| ["{{", "{%", "{#"].iter().any(|open| rest[*at..].starts_with(open)));
    next.map(|(found, _)| at + found)
}

/// The end of a tag that holds nothing but this word.
fn basic(text: &str, start: usize, word: &str) -> Option<usize> {
    let inside = text[start + 2..].trim_start_matches(['-', '+']).trim_start().strip_prefix(word)?.trim_start();
    let after = inside.strip_prefix(['-', '+']).unwrap_or(inside).strip_prefix("%}")?;
    Some(text.len() - after.len())
}

fn end_of_raw(text: &str, from: usize) -> Option<usize> {
    text[from..].match_indices("{%").find_map(|(at, _)| basic(text, from + at, "endraw"))
}

fn tag(text: &str, start: usize, statement: bool) -> Tag {
    let close = if statement { "%}" } else { "}}" };
    let signed = text[start + 2..].starts_with(['-', '+']);
    let inner = start + 2 + usize::from(signed);
    let mut depth = 0_i32;
    for (at, c) in Code::new(text, inner..text.len()) {
        if depth == 0 && text[at..].starts_with(close) {
            return Tag { statement, whole: start..at + 2, inside: inner..at, closed: true };
        }
        if depth == 0 && matches!(c, '-' | '+') && text[at + 1..].starts_with(close) {
            return Tag { statement, whole: start..at + 3, inside: inner..at, closed: true };
        }
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
    }
    Tag { statement, whole: start..text.len(), inside: inner..text.len(), closed: false }
}

/// The characters of a range that are not inside of quotes. A quoted text shows as its last quote.
pub(super) struct Code<'t> {
    text: &'t str,
    at: usize,
    end: usize,
}

impl<'t> Code<'t> {
    pub(super) fn new(text: &'t str, range: Range<usize>) -> Self {
        Self { text, at: range.start, end: range.end }
    }
}

impl Iterator for Code<'_> {
    type Item = (usize, char);

    fn next(&mut self) -> Option<(usize, char)> {
        let rest = &self.text[self.at..self.end];
        let c = rest.chars().next()?;
        let start = self.at;
        self.at += c.len_utf8();
        if !matches!(c, '"' | '\'') {
            return Some((start, c));
        }
        let mut escaped = false;
        for (at, inner) in rest.char_indices().skip(1) {
            if inner == c && !escaped {
                self.at = start + at + 1;
                return Some((start + at, c));
            }
            escaped = inner == '\\' && !escaped;
        }
        // Never closed: there is no more code.
        self.at = self.end;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_end_where_the_engine_says() {
        for (text, expected) in [
            ("a {{ b }} c", &["{{ b }}"][..]),
            ("{{- b -}}{%+ if x +%}", &["{{- b -}}", "{%+ if x +%}"]),
            ("{{ '}}' }} {{ \"\\\"}}\" }}", &["{{ '}}' }}", "{{ \"\\\"}}\" }}"]),
            ("{{ {'a': {'b': 1}} }}x", &["{{ {'a': {'b': 1}} }}"]),
            ("{# {{ no }} #}{{ a }}", &["{{ a }}"]),
            ("{% raw %}{{ no }}{% endraw %}{{ a }}", &["{{ a }}"]),
            ("{%- raw -%}{{ no }}{%- endraw -%}{{ a }}", &["{{ a }}"]),
            ("{{ 'it }} {{ a }}", &["{{ 'it }} {{ a }}"]),
            ("{ { } } ${x}", &[]),
            ("{{ é ~ 'ü' }}", &["{{ é ~ 'ü' }}"]),
        ] {
            let found: Vec<&str> = tags(text).into_iter().map(|tag| &text[tag.whole]).collect();
            assert_eq!(found, expected, "{text}");
        }
        let text = "{%- endfor x %}";
        assert_eq!(tags(text)[0].word(text), "endfor");
    }
}
