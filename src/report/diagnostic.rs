//! What is wrong with an input file, drawn as rustc draws it: place, snippet, mark, help.

use std::borrow::Cow;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use anstyle::Style;

use super::escape::escape;
use super::page::{Line, Page};
use super::style::Palette;
use super::wording::count;
use crate::model::{Diagnostic, Label, Severity, SourceFile};

/// Of one severity, as many are drawn. Who has more has made one mistake many times, or has given the wrong file.
const SHOWN: usize = 50;

/// Draws the diagnostics, errors last, and says how many there are.
pub fn write(out: &mut dyn Write, diagnostics: &[Diagnostic], width: usize, color: bool) -> io::Result<()> {
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by_key(|diagnostic| diagnostic.severity);
    for alike in sorted.chunk_by(|one, next| one.severity == next.severity) {
        for diagnostic in alike.iter().take(SHOWN) {
            write_one(out, diagnostic, width, color)?;
            writeln!(out)?;
        }
        if let more @ 1.. = alike.len().saturating_sub(SHOWN) {
            let word = alike[0].severity.word();
            let more = count(more, &format!("more {word} is"), &format!("more {word}s are"));
            writeln!(out, "{more} not shown; `--format json` has all\n")?;
        }
    }
    if diagnostics.is_empty() {
        return Ok(());
    }
    let palette = Palette::new(color);
    let worst = diagnostics.iter().map(|diagnostic| diagnostic.severity).max().unwrap_or_default();
    Line::default().with(style_of(worst, &palette), &tally(diagnostics)).write(out)
}

/// `3 errors, 1 warning`.
fn tally(diagnostics: &[Diagnostic]) -> String {
    let words = [
        (Severity::Error, "error", "errors"),
        (Severity::Warning, "warning", "warnings"),
        (Severity::Hint, "hint", "hints"),
    ];
    let parts = words.into_iter().filter_map(|(severity, one, many)| {
        let number = diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
        (number > 0).then(|| count(number, one, many))
    });
    parts.collect::<Vec<_>>().join(", ")
}

fn style_of(severity: Severity, palette: &Palette) -> Style {
    match severity {
        Severity::Error => palette.bad,
        Severity::Warning => palette.warning,
        Severity::Hint => palette.place,
    }
}

/// Draws one diagnostic. Without a place it is one line, and its help another.
pub fn write_one(out: &mut dyn Write, diagnostic: &Diagnostic, width: usize, color: bool) -> io::Result<()> {
    if diagnostic.labels.is_empty() {
        return write_placeless(out, diagnostic, width, color);
    }
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Hint => Level::INFO.with_name(Severity::Hint.word()),
    };
    let snippets = snippets(&diagnostic.labels);
    let mut title = level.primary_title(visible(&diagnostic.message));
    if let Some(rule) = diagnostic.rule {
        title = title.id(rule);
    }
    let mut group: Group<'_> = title.elements(snippets);
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(visible(help)));
    }
    writeln!(out, "{}", renderer.term_width(width).render(&[group]))
}

/// One line: `playbooks/web.yaml:4:29: error: … (help: …)`, as editors and CI logs read it.
#[must_use]
pub fn one_line(diagnostic: &Diagnostic) -> String {
    let rule = diagnostic.rule.map(|rule| format!("[{rule}]")).unwrap_or_default();
    let severity = format!("{}{rule}", diagnostic.severity.word());
    let mut text = match diagnostic.labels.first() {
        Some(label) => {
            let (line, column) = label.source.line_column(label.span.start);
            format!("{}:{line}:{column}: {severity}: {}", label.source.name, diagnostic.message)
        }
        None => format!("{severity}: {}", diagnostic.message),
    };
    if let Some(help) = &diagnostic.help {
        text.push_str(" (help: ");
        text.push_str(help);
        text.push(')');
    }
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    escape(&joined).into_owned()
}

fn write_placeless(out: &mut dyn Write, diagnostic: &Diagnostic, width: usize, color: bool) -> io::Result<()> {
    let palette = Palette::new(color);
    let mut page = Page::new(out, width, palette);
    let style = style_of(diagnostic.severity, &palette);
    let first = Line::default().with(style, diagnostic.severity.word()).with(Style::new(), ": ");
    page.hanging(first, palette.heading, &cut(&diagnostic.message))?;
    match &diagnostic.help {
        Some(help) => page.hanging(Line::indented(1).with(palette.place, "help: "), Style::new(), &cut(help)),
        None => Ok(()),
    }
}

/// One snippet a file, in the order in which the labels name the files; the very first label is the place itself.
fn snippets(labels: &[Label]) -> Vec<Snippet<'_, Annotation<'_>>> {
    let mut files: Vec<(&Arc<SourceFile>, Vec<Marked<'_>>)> = Vec::new();
    for (index, label) in labels.iter().enumerate() {
        let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
        match files.iter_mut().find(|(file, _)| **file == label.source) {
            Some((_, of_file)) => of_file.push((kind, label)),
            None => files.push((&label.source, vec![(kind, label)])),
        }
    }
    files.into_iter().map(|(file, labels)| snippet(file, &labels)).collect()
}

/// A label, and whether it is the place itself.
type Marked<'a> = (AnnotationKind, &'a Label);

fn snippet<'a>(file: &'a SourceFile, labels: &[Marked<'a>]) -> Snippet<'a, Annotation<'a>> {
    let spans: Vec<Range<usize>> = labels.iter().map(|(_, label)| span(&file.text, &label.span)).collect();
    // The renderer works through all that it is given: it gets the lines that matter.
    let first = spans.iter().map(|span| span.start).min().unwrap_or_default();
    let last = spans.iter().map(|span| span.end).max().unwrap_or_default();
    let start = file.text[..first].rfind('\n').map_or(0, |at| at + 1);
    let end = file.text[last..].find('\n').map_or(file.text.len(), |at| last + at + 1);
    let annotations = labels.iter().zip(spans).map(|((kind, label), span)| {
        let annotation = kind.span(span.start - start..span.end - start);
        if label.text.is_empty() { annotation } else { annotation.label(visible(&label.text)) }
    });
    Snippet::source(source_text(&file.text[start..end]))
        .line_start(file.text[..start].matches('\n').count() + 1)
        .path(visible(&file.name))
        .annotations(annotations)
}

/// The span, moved into the text and to whole characters: a wrong span must not hide the message it belongs to.
fn span(text: &str, span: &Range<usize>) -> Range<usize> {
    let floor = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(span.start);
    start..floor(span.end).max(start)
}

/// The renderer draws the control characters of ASCII; those of Latin-1, which terminals obey too, are replaced by
/// something of the same length, so that spans stay right.
fn source_text(text: &str) -> Cow<'_, str> {
    let latin1 = |c: char| ('\u{80}'..='\u{9f}').contains(&c);
    if text.contains(latin1) { Cow::Owned(text.replace(latin1, "\u{bf}")) } else { Cow::Borrowed(text) }
}

/// Text without anything that acts on a terminal; line ends stay, the renderer indents what follows.
fn visible(text: &str) -> String {
    text.lines().map(|line| cut(&escape(line))).collect::<Vec<_>>().join("\n")
}

/// A text in which no word is longer than anybody reads: a message may repeat a name of a mebibyte.
fn cut(text: &str) -> String {
    const LONGEST: usize = 300;
    const BEGIN: usize = 100;
    const END: usize = 20;
    let shorter = |word: &str| {
        let length = word.chars().count();
        if length <= LONGEST {
            return word.to_owned();
        }
        let begin: String = word.chars().take(BEGIN).collect();
        let end: String = word.chars().skip(length - END).collect();
        format!("{begin}…{end}")
    };
    text.split(' ').map(shorter).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> Arc<SourceFile> {
        Arc::new(SourceFile { name: name.to_owned(), text: text.to_owned() })
    }

    fn drawn(diagnostics: &[Diagnostic]) -> String {
        let mut out = Vec::new();
        write(&mut out, diagnostics, 80, false).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_place_is_drawn_with_its_snippet_and_the_help() {
        let source = file("web.yaml", "units:\n  web.service:\n    state: runing\n");
        let diagnostic = Diagnostic::error("`runing` is not a state")
            .at(&source, 33..39, "not a state")
            .at(&source, 9..20, "of this unit")
            .help("write `started`");
        assert_eq!(
            drawn(&[diagnostic]),
            "\
error: `runing` is not a state
 --> web.yaml:3:12
  |
2 |   web.service:
  |   ----------- of this unit
3 |     state: runing
  |            ^^^^^^ not a state
  |
  = help: write `started`

1 error
"
        );
    }

    #[test]
    fn two_places_in_two_files_are_both_shown() {
        let diagnostic = Diagnostic::error("`web.service` is claimed twice")
            .at(&file("a.yaml", "x: web.service\n"), 3..14, "")
            .at(&file("b.yaml", "y: web.service\n"), 3..14, "first claimed here");
        let text = drawn(&[diagnostic]);
        assert!(text.contains(" --> a.yaml:1:4") && text.contains("b.yaml:1:4"), "{text}");
        assert!(text.contains("first claimed here"), "{text}");
    }

    #[test]
    fn without_a_place_it_is_one_line_and_errors_come_last() {
        let text = drawn(&[
            Diagnostic::error("no inventory").help("give one with `-i`"),
            Diagnostic::warning("nothing to do"),
            Diagnostic::hint("by the way"),
            Diagnostic::error("no playbook"),
        ]);
        assert_eq!(
            text,
            "hint: by the way\n\nwarning: nothing to do\n\nerror: no inventory\n help: give one with `-i`\n\n\
             error: no playbook\n\n2 errors, 1 warning, 1 hint\n"
        );
        assert_eq!(drawn(&[]), "");
    }

    #[test]
    fn a_hint_is_called_one_beside_its_snippet() {
        let source = file("web.yaml", "vars: {a: 1}\n");
        let text = drawn(&[Diagnostic::hint("`a` is hidden").at(&source, 7..8, "")]);
        assert!(text.starts_with("hint: `a` is hidden\n --> web.yaml:1:8\n") && text.ends_with("1 hint\n"), "{text}");
    }

    #[test]
    fn one_line_is_what_editors_read() {
        let source = file("web.yaml", "a\nbc\n");
        let diagnostic = Diagnostic::warning("odd\nthing").at(&source, 3..4, "x").help("do it");
        assert_eq!(one_line(&diagnostic), "web.yaml:2:2: warning: odd thing (help: do it)");
        assert_eq!(one_line(&Diagnostic::error("no inventory")), "error: no inventory");
    }

    #[test]
    fn no_span_however_wrong_keeps_the_message_from_being_shown() {
        for text in ["", "ä\r\n\tb", "日本", "\n\n\n"] {
            let source = file("x.yaml", text);
            for start in 0..12 {
                for end in 0..12 {
                    let diagnostic = Diagnostic::error("wrong").at(&source, start..end, "here");
                    assert!(drawn(&[diagnostic]).contains("error: wrong"), "{text:?} {start}..{end}");
                }
            }
        }
    }

    #[test]
    fn escapes_in_sources_and_messages_are_drawn() {
        let source = file("x\x1b.yaml", "a: \x1b[2J\u{9b}2J\n");
        let diagnostic = Diagnostic::error("bad \x1b[31m").at(&source, 3..5, "\x1b[0m").help("\u{9b}0m");
        let text = drawn(&[diagnostic]);
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    }
}
