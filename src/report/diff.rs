//! What differs between two contents of a file, as lines of a unified diff.
//!
//! A piece of a diff begins with the section it stands in (`@@ -7,6 +7,6 @@ [Service]`): in a unit file the same
//! directive means another thing in another section. A file that is created or removed has no `@@` line; its lines are
//! all `+` or `-`.

use std::io;
use std::time::Duration;

use similar::udiff::UnifiedHunkHeader;
use similar::{Algorithm, ChangeTag, DiffOp, TextDiff};
use unicode_width::UnicodeWidthChar as _;

use super::page::{Line, Page};
use super::style::Palette;

/// Lines shown of one file; more are counted.
pub(super) const MAX_LINES: usize = 400;
/// Characters shown of one line; longer lines are not compared word by word either.
const MAX_LINE_CHARS: usize = 1000;
const CONTEXT: usize = 3;
const TIMEOUT: Duration = Duration::from_millis(500);
const TAB: usize = 4;

/// One line of a diff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// Where the lines below stand.
    Place(String),
    Same(String),
    /// The pieces of a line, and whether each of them is what differs.
    Removed(Vec<(bool, String)>),
    Added(Vec<(bool, String)>),
    /// The line above has no line end.
    NoLineEnd,
    /// So many more lines.
    Cut(usize),
}

/// The diff of two texts; nothing there is the empty text.
pub(super) fn rows(from: &str, to: &str) -> Vec<Row> {
    let diff = TextDiff::configure().algorithm(Algorithm::Myers).timeout(TIMEOUT).diff_lines(from, to);
    let mut rows = Vec::new();
    for ops in diff.grouped_ops(CONTEXT) {
        if !from.is_empty() && !to.is_empty() {
            rows.push(Row::Place(place(&ops, from)));
        }
        for op in &ops {
            replace_rows(&diff, op, &mut rows);
        }
    }
    cut(rows)
}

fn cut(mut rows: Vec<Row>) -> Vec<Row> {
    if rows.len() > MAX_LINES {
        let more = rows.len() - MAX_LINES;
        rows.truncate(MAX_LINES);
        rows.push(Row::Cut(more));
    }
    rows
}

/// `@@ -7,6 +7,6 @@ [Service]`.
fn place(ops: &[DiffOp], from: &str) -> String {
    let header = UnifiedHunkHeader::new(ops).to_string();
    let start = ops.first().map_or(0, |op| op.old_range().start);
    let section =
        from.lines().take(start).filter(|line| line.starts_with('[') && line.trim_end().ends_with(']')).last();
    match section {
        Some(section) => format!("{header} {}", section.trim_end()),
        None => header,
    }
}

fn replace_rows(diff: &TextDiff<'_, '_, str>, op: &DiffOp, rows: &mut Vec<Row>) {
    let old: Vec<&str> = op.old_range().filter_map(|at| diff.old_slice(at)).collect();
    let new: Vec<&str> = op.new_range().filter_map(|at| diff.new_slice(at)).collect();
    // Lines that differ in blanks alone look alike unless the blanks are drawn.
    let blanks = without_blanks(&old) == without_blanks(&new);
    let long = old.iter().chain(&new).any(|line| line.len() > MAX_LINE_CHARS);
    if blanks || long {
        for change in diff.iter_changes(op) {
            let index = match change.tag() {
                ChangeTag::Insert => change.new_index().unwrap_or(0) - op.new_range().start,
                _ => change.old_index().unwrap_or(0) - op.old_range().start,
            };
            let pieces = vec![(false, change.value().to_owned())];
            push_row(rows, change.tag(), pieces, blanks, focus(old.get(index), new.get(index)));
        }
    } else {
        for change in diff.iter_inline_changes(op) {
            let pieces = change.values().iter().map(|(differs, text)| (*differs, (*text).to_owned()));
            push_row(rows, change.tag(), pieces.collect(), blanks, 0);
        }
    }
}

fn without_blanks(lines: &[&str]) -> String {
    lines.iter().flat_map(|line| line.chars()).filter(|c| !c.is_whitespace()).collect()
}

/// The first character at which two lines of a replacement differ, so that a long line is shown where it matters.
fn focus(old: Option<&&str>, new: Option<&&str>) -> usize {
    match (old, new) {
        (Some(old), Some(new)) if old != new => old.chars().zip(new.chars()).take_while(|(a, b)| a == b).count(),
        _ => 0,
    }
}

fn push_row(rows: &mut Vec<Row>, tag: ChangeTag, mut pieces: Vec<(bool, String)>, blanks: bool, focus: usize) {
    let ended = pieces.last().is_none_or(|(_, text)| text.ends_with(['\n', '\r']));
    if let Some((_, last)) = pieces.last_mut()
        && last.ends_with('\n')
    {
        last.pop();
    }
    let changed = tag != ChangeTag::Equal;
    let visible = Visible { blanks: blanks && changed, trailing: changed };
    let pieces = visible.draw(excerpt(pieces, focus));
    rows.push(match tag {
        ChangeTag::Equal => Row::Same(pieces.into_iter().map(|(_, text)| text).collect()),
        ChangeTag::Delete => Row::Removed(pieces),
        ChangeTag::Insert => Row::Added(pieces),
    });
    if !ended {
        rows.push(Row::NoLineEnd);
    }
}

/// The part of a very long line that holds what differs.
fn excerpt(pieces: Vec<(bool, String)>, focus: usize) -> Vec<(bool, String)> {
    let total: usize = pieces.iter().map(|(_, text)| text.chars().count()).sum();
    if total <= MAX_LINE_CHARS {
        return pieces;
    }
    let text: String = pieces.into_iter().map(|(_, text)| text).collect();
    let start = if focus < MAX_LINE_CHARS / 2 { 0 } else { focus - 40 };
    let shown: String = text.chars().skip(start).take(MAX_LINE_CHARS).collect();
    let after = total.saturating_sub(start + MAX_LINE_CHARS);
    let before = if start > 0 { format!("({start} characters …) ") } else { String::new() };
    let after = if after > 0 { format!(" (… {after} more characters)") } else { String::new() };
    vec![(false, format!("{before}{shown}{after}"))]
}

/// Which blanks are drawn, and how.
struct Visible {
    blanks: bool,
    trailing: bool,
}

impl Visible {
    fn draw(&self, pieces: Vec<(bool, String)>) -> Vec<(bool, String)> {
        let length: usize = pieces.iter().map(|(_, text)| text.trim_end_matches('\r').len()).sum();
        let whole: String = pieces.iter().map(|(_, text)| text.as_str()).collect();
        let text_ends = whole.trim_end().len();
        let mut column = 0;
        let mut at = 0;
        let mut drawn = Vec::with_capacity(pieces.len());
        for (differs, text) in pieces {
            let mut piece = String::with_capacity(text.len());
            for c in text.chars() {
                let shown = self.blanks || self.trailing && at >= text_ends && at < length;
                match c {
                    '\t' => {
                        let fill = TAB - column % TAB;
                        piece.push(if shown { '⇥' } else { ' ' });
                        piece.extend(std::iter::repeat_n(' ', fill - 1));
                        column += fill;
                    }
                    ' ' if shown => {
                        piece.push('·');
                        column += 1;
                    }
                    c => {
                        piece.push(c);
                        column += c.width().unwrap_or(1);
                    }
                }
                at += c.len_utf8();
            }
            drawn.push((differs, piece));
        }
        drawn
    }
}

/// Draws the rows, each after `indent` blanks.
pub(super) fn draw(page: &mut Page<'_>, rows: &[Row], indent: usize) -> io::Result<()> {
    for row in rows {
        page.line(&line(row, indent, &page.palette))?;
    }
    Ok(())
}

fn line(row: &Row, indent: usize, palette: &Palette) -> Line {
    let mut line = Line::indented(indent);
    match row {
        Row::Place(text) => line.push(palette.place, text),
        Row::Same(text) => line.plain(&format!(" {text}")),
        Row::Removed(pieces) => {
            line.push(palette.removed, "-");
            for (differs, text) in pieces {
                let style = if *differs { palette.removed_word } else { palette.removed };
                line.push(style, text);
            }
        }
        Row::Added(pieces) => {
            line.push(palette.added, "+");
            for (differs, text) in pieces {
                let style = if *differs { palette.added_word } else { palette.added };
                line.push(style, text);
            }
        }
        Row::NoLineEnd => line.push(palette.faint, "\\ No newline at end of file"),
        Row::Cut(more) => line.push(
            palette.faint,
            &format!(
                "… {} more {} (`unitfleet render -o DIR` writes the whole file)",
                super::wording::thousands(*more),
                if *more == 1 { "line" } else { "lines" },
            ),
        ),
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(from: &str, to: &str) -> String {
        let mut out = Vec::new();
        let mut page = Page::new(&mut out, 80, Palette::default());
        draw(&mut page, &rows(from, to), 0).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_piece_of_a_diff_names_its_section() {
        let from = "[Unit]\nDescription=web\n\n[Service]\nType=simple\nUser=web\nGroup=web\nExecStart=/usr/bin/web --port 80\nRestart=always\n";
        let to = from.replace("80", "8080");
        assert_eq!(
            drawn(from, &to),
            "@@ -5,5 +5,5 @@ [Service]\n Type=simple\n User=web\n Group=web\n\
             -ExecStart=/usr/bin/web --port 80\n+ExecStart=/usr/bin/web --port 8080\n Restart=always\n"
        );
    }

    #[test]
    fn created_and_removed_files_have_one_sign() {
        assert_eq!(drawn("", "a\nb\n"), "+a\n+b\n");
        assert_eq!(drawn("a\nb\n", ""), "-a\n-b\n");
        assert_eq!(drawn("", "a"), "+a\n\\ No newline at end of file\n");
        assert_eq!(drawn("", ""), "");
    }

    #[test]
    fn a_line_end_that_appears_is_a_difference() {
        assert_eq!(drawn("a\nb", "a\nb\n"), "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n");
    }

    #[test]
    fn blanks_are_drawn_where_only_they_differ() {
        for (from, to, text) in [
            ("a\tb\n", "a b\n", "-a⇥  b\n+a·b\n"),
            ("a\n", "a  \n", "-a\n+a··\n"),
            ("a\r\n", "a\n", "-a␍\n+a\n"),
            ("x\n", "y \n", "-x\n+y·\n"),
            ("\tx\n", "\ty\n", "-    x\n+    y\n"),
        ] {
            assert_eq!(drawn(from, to), format!("@@ -1 +1 @@\n{text}"), "{from:?} {to:?}");
        }
    }

    #[test]
    fn escapes_do_not_get_through() {
        assert_eq!(drawn("", "\x1b]0;owned\x07\n"), "+␛]0;owned␇\n");
    }

    #[test]
    fn a_long_diff_is_cut_and_counted() {
        let many = "x\n".repeat(1634);
        let text = drawn("", &many);
        assert_eq!(text.lines().count(), MAX_LINES + 1);
        assert!(text.ends_with("… 1,234 more lines (`unitfleet render -o DIR` writes the whole file)\n"), "{text}");
    }

    #[test]
    fn a_long_line_is_shown_where_it_differs() {
        let long = |word: &str, before| format!("{}{word}{}\n", "x".repeat(before), "y".repeat(5000));
        let from = long("old", 1500) + &long("old", 5000);
        let text = drawn(&from, &from.replace("old", "new"));
        assert_eq!((text.matches("old").count(), text.matches("new").count()), (2, 2), "{text}");
        assert!(text.len() < 6000);
    }
}
