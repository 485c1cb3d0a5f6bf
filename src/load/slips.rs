//! What a YAML syntax error means to the person who made it.
//!
//! The parser's own words name grammar rules. The common slips (a tab, an unquoted `{{`, a second colon, a `*` or `@`
//! at the start of a value) are recognised from the text around the place and said plainly.

use std::sync::Arc;

use crate::model::{Diagnostic, SourceFile};

/// Explains a parser error at a byte offset.
pub(super) fn explain(source: &Arc<SourceFile>, offset: usize, info: &str) -> Diagnostic {
    let offset = floor(&source.text, offset);
    let at = |from: usize, message: &str| Diagnostic::error(message).at(source, mark(&source.text, from), "");
    if info == "recursion limit exceeded" {
        return too_deep(source, offset);
    }
    if let Some(tab) = tab_near(&source.text, offset, info) {
        return at(tab, "a tab stands here, and YAML knows only spaces")
            .help("replace the tab by spaces; most editors can do that for the whole file");
    }
    let line = line_start(&source.text, offset);
    if let Some(template) = unquoted_braces(&source.text, line) {
        return unquoted_template(source, template);
    }
    if let Some(found) = star(source, offset, info) {
        return found;
    }
    let (message, help) = words(info, source.text[offset..].chars().next());
    at(offset, &message).help(help)
}

/// Nesting that no person writes.
pub(super) fn too_deep(source: &Arc<SourceFile>, offset: usize) -> Diagnostic {
    let offset = floor(&source.text, offset);
    Diagnostic::error("nested more than 64 levels deep")
        .at(source, mark(&source.text, offset), "")
        .help("is a bracket never closed?")
}

/// `key: {{ x }}` without quotes; `offset` is where the braces open.
pub(super) fn unquoted_template(source: &Arc<SourceFile>, offset: usize) -> Diagnostic {
    let rest = source.text[offset..].lines().next().unwrap_or_default();
    let value = rest.split(" #").next().unwrap_or_default().trim_end();
    let quote = if value.contains('"') { '\'' } else { '"' };
    let line = line_start(&source.text, offset);
    let behind = value.rfind("}}").unwrap_or_default();
    if source.text[line..offset].trim().is_empty()
        && let Some(colon) = value[behind..].find(':').map(|at| behind + at)
    {
        let name = &value[..colon];
        return Diagnostic::error("`{{` opens a YAML mapping here, not a template")
            .at(source, offset..offset + colon, "")
            .help(format!("put the whole name in quotes: {quote}{name}{quote}:"));
    }
    Diagnostic::error("`{{` opens a YAML mapping here, not a template")
        .at(source, offset..offset + value.len(), "")
        .help(format!("put the whole value in quotes: {quote}{value}{quote}"))
}

fn words(info: &str, found: Option<char>) -> (String, &'static str) {
    let (message, help) = match info {
        "mapping values are not allowed in this context" | "illegal placement of ':' indicator" => (
            "a colon with a blank after it starts a second value here",
            "put text that holds `: ` in quotes; if it is a key, put it on a line of its own and close brackets before it",
        ),
        "while parsing a block mapping, did not find expected key" | "invalid indentation" => (
            "this line is not indented as the lines before it",
            "keys that belong together start in the same column",
        ),
        "simple key expected" | "simple key expect ':'" => (
            "no `key: value` stands here",
            "is a colon missing? list items need a `- ` before them",
        ),
        "invalid indentation in quoted scalar"
        | "invalid indentation in multiline quoted scalar"
        | "while scanning a quoted scalar, found unexpected end of stream"
        | "while scanning a quoted scalar, found unexpected document indicator" => {
            ("this quote is never closed", "end the text with the same quote")
        }
        "while parsing a block collection, did not find expected '-' indicator" => (
            "a list item is expected here",
            "start every item with `- ` in the same column",
        ),
        "block sequence entries are not allowed in this context" => (
            "a list cannot start on this line",
            "put each `- ` on a line of its own below the key",
        ),
        "wrongly indented line in block scalar" => (
            "this line is indented less than the text it belongs to",
            "all lines below a `|` or `>` are indented at least as much as the first",
        ),
        "while parsing a quoted scalar, found unknown escape character" => (
            "this backslash escapes nothing that YAML knows",
            "write it twice, or put the text in single quotes",
        ),
        "while parsing a node, did not find expected node content" => {
            ("a value is missing here", "is a bracket or a brace never closed?")
        }
        _ => return other_words(info, found),
    };
    (message.to_owned(), help)
}

fn other_words(info: &str, found: Option<char>) -> (String, &'static str) {
    if info.starts_with("unexpected character") {
        let message = format!("a value cannot start with `{}`", found.unwrap_or('?'));
        return (message, "put the whole value in quotes");
    }
    if info.starts_with("invalid trailing content after") {
        let message = "text follows the closing quote".to_owned();
        return (
            message,
            "put the whole value in one pair of quotes: 'say \"this\" and that'",
        );
    }
    if info.starts_with("while parsing a flow") {
        let message = "a bracket or brace is not closed before this".to_owned();
        return (message, "separate the items by commas and close with `]` or `}`");
    }
    (
        format!("this is not YAML: {info}"),
        "look at the quotes, colons and indentation around this place",
    )
}

/// `OnCalendar: *-*-* 04:00` is an alias to YAML.
fn star(source: &Arc<SourceFile>, offset: usize, info: &str) -> Option<Diagnostic> {
    if !info.contains("unknown anchor") && !info.contains("anchor or alias") {
        return None;
    }
    let text = &source.text;
    let line = line_start(text, offset);
    let line_text = text[line..].lines().next().unwrap_or_default();
    let near = text[line..offset].rfind(['*', '&']).map(|at| line + at);
    let start = if text[offset..].starts_with(['*', '&']) {
        Some(offset)
    } else {
        near
    }?;
    let value = line_text[start - line..]
        .split(" #")
        .next()
        .unwrap_or_default()
        .trim_end();
    let sign = &text[start..=start];
    let name = &value[1..];
    let named = name.starts_with(|c: char| c.is_alphanumeric() || c == '_') && !name.contains('*');
    let message = if sign == "*" && named {
        format!(
            "`{}` refers to an anchor that does not exist",
            value.split([' ', ',', ']', '}']).next()?
        )
    } else {
        format!("a value cannot start with `{sign}`")
    };
    Some(
        Diagnostic::error(message)
            .at(source, start..start + value.len().max(1), "")
            .help(format!("if it is meant as text, put it in quotes: \"{value}\"")),
    )
}

fn tab_near(text: &str, offset: usize, info: &str) -> Option<usize> {
    let line = line_start(text, offset);
    if let Some(tab) = indent_tab(&text[line..]) {
        return Some(line + tab);
    }
    let bytes = text.as_bytes();
    let touching = [Some(offset), offset.checked_sub(1)];
    if let Some(tab) = touching.into_iter().flatten().find(|at| bytes.get(*at) == Some(&b'\t')) {
        return Some(tab);
    }
    if !info.contains("tab") {
        return None;
    }
    // The parser may point at the value that the tabbed line would have continued.
    let mut later = text[offset..].match_indices('\n').map(|(at, _)| offset + at + 1);
    later
        .find_map(|start| indent_tab(&text[start..]).map(|tab| start + tab))
        .or_else(|| text[offset..].find('\t').map(|tab| offset + tab))
}

fn indent_tab(line: &str) -> Option<usize> {
    let indent = line.find(|c| c != ' ' && c != '\t')?;
    line[..indent].find('\t')
}

fn unquoted_braces(text: &str, line: usize) -> Option<usize> {
    let line_text = text[line..].lines().next().unwrap_or_default();
    let at = line_text.find("{{")?;
    let before = line_text[..at].trim_end();
    (before.ends_with(':') || before.ends_with('-') || before.ends_with(['[', ','])).then_some(line + at)
}

fn line_start(text: &str, offset: usize) -> usize {
    text[..offset].rfind('\n').map_or(0, |at| at + 1)
}

fn floor(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The character at an offset, or nothing at the end of a line.
fn mark(text: &str, offset: usize) -> std::ops::Range<usize> {
    let width = text[offset..]
        .chars()
        .next()
        .filter(|c| *c != '\n')
        .map_or(0, char::len_utf8);
    offset..offset + width
}
