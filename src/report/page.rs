//! Lines made of styled pieces, indented and wrapped, written to wherever the caller wants them.

use std::io::{self, Write};

use anstyle::Style;
use unicode_width::UnicodeWidthStr as _;

use super::escape::escape;
use super::style::Palette;

/// A space at which [`wrap`] does not break; it is written as a plain one.
pub(super) const GLUE: char = '\u{a0}';

/// Where to write, how wide, in which colours.
pub(super) struct Page<'a> {
    out: &'a mut dyn Write,
    pub(super) palette: Palette,
    pub(super) width: usize,
}

impl<'a> Page<'a> {
    pub(super) fn new(out: &'a mut dyn Write, width: usize, palette: Palette) -> Self {
        Self { out, palette, width }
    }

    pub(super) fn blank(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    pub(super) fn line(&mut self, line: &Line) -> io::Result<()> {
        line.write(self.out)
    }

    /// Text of any number of lines, wrapped; `first` stands before its first line, and further lines begin below the
    /// text, not below `first`.
    pub(super) fn hanging(&mut self, first: Line, style: Style, text: &str) -> io::Result<()> {
        let indent = first.width();
        let mut line = first;
        for part in wrap_lines(text, self.width.saturating_sub(indent)) {
            line.push(style, &part);
            self.line(&line)?;
            line = Line::indented(indent);
        }
        Ok(())
    }

    /// Pieces one after the other, as many on a line as fit.
    pub(super) fn pieces(&mut self, indent: usize, between: &str, pieces: &[(Style, String)]) -> io::Result<()> {
        let mut line = Line::indented(indent);
        for (index, (style, text)) in pieces.iter().enumerate() {
            if line.ink() > 0 {
                line.plain(between);
                if line.width() + text.width() > self.width {
                    self.line(&line)?;
                    line = Line::indented(indent);
                }
            }
            line.push(*style, text);
            if index + 1 == pieces.len() {
                self.line(&line)?;
            }
        }
        Ok(())
    }
}

/// One line of styled pieces. Every piece is made safe for terminals as it is added.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pieces: Vec<(Style, String)>,
}

impl Line {
    pub(super) fn indented(columns: usize) -> Self {
        Self { pieces: vec![(Style::new(), " ".repeat(columns))] }
    }

    pub(super) fn push(&mut self, style: Style, text: &str) {
        match self.pieces.last_mut() {
            Some((same, piece)) if *same == style => piece.push_str(&escape(text)),
            _ => self.pieces.push((style, escape(text).into_owned())),
        }
    }

    pub(super) fn plain(&mut self, text: &str) {
        self.push(Style::new(), text);
    }

    pub(super) fn append(&mut self, other: Line) {
        self.pieces.extend(other.pieces);
    }

    /// The line with one more piece.
    #[must_use]
    pub(super) fn with(mut self, style: Style, text: &str) -> Self {
        self.push(style, text);
        self
    }

    /// Fills up with blanks to a column.
    pub(super) fn pad_to(&mut self, column: usize) {
        let width = self.width();
        if width < column {
            self.plain(&" ".repeat(column - width));
        }
    }

    pub(super) fn width(&self) -> usize {
        self.pieces.iter().map(|(_, text)| text.width()).sum()
    }

    /// The width without the blanks at the end.
    pub(super) fn ink(&self) -> usize {
        let blank = |text: &str| text.len() - text.trim_end_matches(' ').len();
        let mut blanks = 0;
        for (_, text) in self.pieces.iter().rev() {
            blanks += blank(text);
            if blank(text) < text.len() {
                break;
            }
        }
        self.width() - blanks
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        // Blanks at the end of a line would be invisible differences between two outputs.
        let kept = self.pieces.iter().rposition(|(_, text)| !text.trim_end_matches(' ').is_empty());
        let Some(last) = kept else {
            return writeln!(out);
        };
        for (index, (style, text)) in self.pieces[..=last].iter().enumerate() {
            let text = if index == last { text.trim_end_matches(' ') } else { text };
            if text.bytes().all(|byte| byte == b' ') {
                write!(out, "{text}")?;
            } else {
                write!(out, "{style}{text}{style:#}")?;
            }
        }
        writeln!(out)
    }
}

/// Keeps a number and its noun on one line.
pub(super) fn keep_counts(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut digit = false;
    for c in text.chars() {
        kept.push(if c == ' ' && digit { GLUE } else { c });
        digit = c.is_ascii_digit();
    }
    kept
}

/// Breaks each line of a text at blanks so that it fits; an empty text is one empty line.
pub(super) fn wrap_lines(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().flat_map(|line| wrap(line, width)).collect();
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

/// Breaks one line at blanks. A word that is longer than the width stays whole: a path that is broken cannot be copied.
/// For the same reason what stands in backticks stays together where it fits on a line.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in words(text, width) {
        let length = escape(word).width();
        if !line.is_empty() && used + 1 + length > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if !line.is_empty() {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += length;
    }
    lines.push(line);
    for line in &mut lines {
        if line.contains(GLUE) {
            *line = line.replace(GLUE, " ");
        }
    }
    lines
}

/// The pieces between which a line may be broken.
fn words(text: &str, width: usize) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut quoted_since = None;
    for (at, c) in text.char_indices() {
        match c {
            '`' if quoted_since.is_some() => quoted_since = None,
            '`' => {
                let length = text[at + 1..].find('`').map(|length| text[at..at + length + 2].width());
                quoted_since = length.filter(|length| *length <= width).map(|_| at);
            }
            ' ' if quoted_since.is_none() => {
                words.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    words.push(&text[start..]);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_wraps_at_blanks_and_keeps_long_words_whole() {
        let cases: [(&str, usize, &[&str]); 8] = [
            ("one two three", 7, &["one two", "three"]),
            ("/a/very/long/path x", 6, &["/a/very/long/path", "x"]),
            ("日本 日本", 5, &["日本", "日本"]),
            ("link →\u{a0}target", 9, &["link", "→ target"]),
            ("try `ssh web4 true` now", 16, &["try", "`ssh web4 true`", "now"]),
            ("try `ssh web4 true` now", 12, &["try `ssh", "web4 true`", "now"]),
            ("an odd ` in a text", 9, &["an odd `", "in a text"]),
            ("", 9, &[""]),
        ];
        for (text, width, lines) in cases {
            assert_eq!(wrap(text, width), lines, "{text}");
        }
    }

    #[test]
    fn a_line_ends_without_blanks_and_a_plain_palette_writes_no_codes() {
        let mut out = Vec::new();
        let mut line = Line::indented(2).with(Style::new(), "x");
        line.pad_to(20);
        line.write(&mut out).unwrap();
        Line::indented(4).write(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "  x\n\n");
    }

    #[test]
    fn further_lines_hang_below_the_text() {
        let mut out = Vec::new();
        let mut page = Page::new(&mut out, 16, Palette::default());
        let first = Line::indented(2).with(Style::new(), "hint  ");
        page.hanging(first, Style::new(), "look at it\nagain").unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "  hint  look at\n        it\n        again\n");
    }
}
