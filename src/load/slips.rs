//! What a YAML syntax error means to the person who made it.
//!
//! The parser's own words name grammar rules. The common slips (a tab, an unquoted `{{`, a second colon, a `*` or `@`
//! at the start of a value) are recognised from the text around the place and said plainly, with the line as it should
//! be written.

use std::ops::Range;
use std::sync::Arc;

use crate::model::{Diagnostic, SourceFile};

/// What to do instead of keeping a secret in an inventory.
pub(super) const VAULT_HELP: &str = "take the secret out of this file: `secrets:` of a playbook fetches it by a command, \
                                     such as `ansible-vault view FILE`";

/// Explains a parser error at a byte offset.
pub(super) fn explain(source: &Arc<SourceFile>, offset: usize, info: &str) -> Diagnostic {
    let text = &source.text;
    let offset = floor(text, offset);
    let at = |span: Range<usize>, message: &str| Diagnostic::error(message).at(source, span, "");
    if info == "recursion limit exceeded" {
        return too_deep(source, offset);
    }
    if let Some(tab) = tab_near(text, offset, info) {
        return at(tab..tab + 1, "a tab stands here, and YAML knows only spaces")
            .help("replace the tab by spaces; most editors can do that for the whole file");
    }
    let line = Line::around(text, offset);
    if let Some(template) = unquoted_braces(&line) {
        return unquoted_template(source, template);
    }
    if let Some(found) = star(source, &line, offset, info) {
        return found;
    }
    if let Some((message, value)) = unquoted(&line, offset, info) {
        let help = format!("put the whole value in quotes: {}", quoted(&text[value.clone()]));
        return at(value, &message).help(help);
    }
    let (message, help) = words(info);
    at(mark(text, offset), &message).help(help)
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
    let text = &source.text;
    let line = Line::around(text, offset);
    let mut value = &text[offset..line.end];
    let behind = value.find("}}").map_or(0, |at| at + 2);
    let before = &text[line.start..offset];
    let mut what = "value";
    let mut colon = "";
    if before.contains(['[', '{']) {
        let stop = value[behind..].find([',', ']', '}']).map_or(value.len(), |at| behind + at);
        value = value[..stop].trim_end();
    } else if before.trim().is_empty()
        && let Some(at) = value[behind..].find(':')
    {
        value = &value[..behind + at];
        what = "name";
        colon = ":";
    }
    Diagnostic::error("`{{` opens a YAML mapping here, not a template")
        .at(source, offset..offset + value.len(), "")
        .help(format!("put the whole {what} in quotes: {}{colon}", quoted(value)))
}

/// A line of the file, without indentation and without a comment.
struct Line<'t> {
    text: &'t str,
    start: usize,
    end: usize,
}

impl<'t> Line<'t> {
    fn around(text: &'t str, offset: usize) -> Self {
        let begin = text[..offset].rfind('\n').map_or(0, |at| at + 1);
        let whole = text[begin..].lines().next().unwrap_or_default();
        let said = whole.split(" #").next().unwrap_or_default();
        let start = begin + (said.len() - said.trim_start().len()).min(said.trim_end().len());
        Self { text, start, end: begin + said.trim_end().len() }
    }

    /// Where the value of the first key on this line begins.
    fn value(&self) -> Option<usize> {
        let said = &self.text[self.start..self.end];
        let at = said.find(": ")? + 2;
        Some(self.start + at + (said[at..].len() - said[at..].trim_start().len()))
    }
}

/// Values that need quotes as a whole: `a: b: c`, `"x" y`, `@x`. The message, and where the value stands.
fn unquoted(line: &Line<'_>, offset: usize, info: &str) -> Option<(String, Range<usize>)> {
    let value = line.value().filter(|value| *value < line.end)?;
    let flow = line.text[value..].starts_with(['[', '{']);
    let span = value..line.end;
    let inside = value <= offset && offset <= line.end && !flow;
    let found = line.text[offset..].chars().next();
    if info == "mapping values are not allowed in this context" && inside {
        return Some(("a second colon with a blank after it stands in this value".to_owned(), span));
    }
    if info.starts_with("invalid trailing content after") && inside {
        return Some(("text follows the closing quote".to_owned(), span));
    }
    if info.starts_with("unexpected character") && offset == value {
        return Some((format!("a value cannot start with `{}`", found?), span));
    }
    None
}

fn quoted(value: &str) -> String {
    if value.contains(['"', '\\']) { format!("'{}'", value.replace('\'', "''")) } else { format!("\"{value}\"") }
}

fn words(info: &str) -> (String, &'static str) {
    let (message, help) = match info {
        "mapping values are not allowed in this context" | "illegal placement of ':' indicator" => (
            "this key cannot stand here",
            "indent it as the keys it belongs to; is a bracket or quote above it never closed?",
        ),
        "while parsing a block mapping, did not find expected key" | "invalid indentation" => {
            ("this line is not indented as the lines before it", "keys that belong together start in the same column")
        }
        "simple key expected" | "simple key expect ':'" => (
            "no `key: value` stands here",
            "is a colon missing? list items start with `- `, and text below `|` or `>` is indented",
        ),
        "invalid indentation in quoted scalar"
        | "invalid indentation in multiline quoted scalar"
        | "while scanning a quoted scalar, found unexpected end of stream"
        | "while scanning a quoted scalar, found unexpected document indicator" => {
            ("this quote is never closed", "end the text with the same quote")
        }
        "while parsing a block collection, did not find expected '-' indicator" => {
            ("a list item is expected here", "start every item with `- ` in the same column")
        }
        "block sequence entries are not allowed in this context" => {
            ("a list cannot start on this line", "put each `- ` on a line of its own below the key")
        }
        "wrongly indented line in block scalar" => (
            "this line is indented less than the text it belongs to",
            "all lines below a `|` or `>` are indented at least as much as the first",
        ),
        "while parsing a quoted scalar, found unknown escape character" => {
            ("this backslash escapes nothing that YAML knows", "write it twice, or put the text in single quotes")
        }
        "while parsing a quoted scalar, found invalid Unicode character escape code" => {
            ("this `\\` escape names no character", "half of a surrogate pair is none; write the character itself")
        }
        "while parsing a node, did not find expected node content" => {
            ("a value is missing here", "is a bracket or a brace never closed?")
        }
        "misplaced bracket" => ("this bracket closes nothing", "take it away, or open it before"),
        _ if info.starts_with("while parsing a flow") => {
            ("a bracket or brace is not closed before this", "separate the items by commas and close with `]` or `}`")
        }
        _ => {
            let help = "look at the quotes, colons and indentation around this place";
            return (format!("this is not YAML: {info}"), help);
        }
    };
    (message.to_owned(), help)
}

/// `OnCalendar: *-*-* 04:00` is an alias to YAML.
fn star(source: &Arc<SourceFile>, line: &Line<'_>, offset: usize, info: &str) -> Option<Diagnostic> {
    if !info.contains("unknown anchor") && !info.contains("anchor or alias") {
        return None;
    }
    let text = &source.text;
    let near = || text[line.start.min(offset)..offset].rfind(['*', '&']).map(|at| line.start + at);
    let start = Some(offset).filter(|at| text[*at..].starts_with(['*', '&'])).or_else(near)?;
    let value = &text[start..line.end.max(start + 1)];
    let (sign, name) = value.split_at(1);
    let named = name.starts_with(|c: char| c.is_alphanumeric() || c == '_') && !name.contains('*');
    let message = if sign == "*" && named {
        let name = name.split([' ', ',', ']', '}', ':']).next().unwrap_or_default();
        format!("`*{name}` refers to an anchor that does not exist")
    } else {
        format!("a value cannot start with `{sign}`")
    };
    Some(
        Diagnostic::error(message)
            .at(source, start..start + value.len(), "")
            .help(format!("if it is meant as text, put it in quotes: {}", quoted(value))),
    )
}

fn tab_near(text: &str, offset: usize, info: &str) -> Option<usize> {
    let line = text[..offset].rfind('\n').map_or(0, |at| at + 1);
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

fn unquoted_braces(line: &Line<'_>) -> Option<usize> {
    let said = &line.text[line.start..line.end];
    let at = said.find("{{")?;
    let before = said[..at].trim_end();
    (before.is_empty() || before.ends_with([':', '-', '[', ','])).then_some(line.start + at)
}

fn floor(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The character at an offset, or nothing at the end of a line.
fn mark(text: &str, offset: usize) -> Range<usize> {
    let next = text[offset..].chars().next().filter(|c| *c != '\n');
    offset..offset + next.map_or(0, char::len_utf8)
}
