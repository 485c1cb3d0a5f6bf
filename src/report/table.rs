//! Columns that line up.
//!
//! The last column is where the sentences stand: it wraps in what is left of the width. A cell that is much longer than
//! its neighbours (a path among unit names) does not push the last column off the page: it overflows, and what follows
//! it stands right behind it, or below where that does not fit.

use std::io;

use anstyle::Style;
use unicode_width::UnicodeWidthStr as _;

use super::escape::escape;
use super::page::{Line, Page, wrap_lines};
use super::style::Palette;

/// Blanks between columns, unless a column wants it otherwise.
const GAP: usize = 2;
/// The width that the last column gets where the others can yield.
const LAST_COMFORTABLE: usize = 32;
/// Less than this, and the last column goes below its row.
const LAST_MIN: usize = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Align {
    Left,
    Right,
}

/// How a column stands.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    align: Align,
    gap: usize,
}

impl Column {
    /// A column of text.
    pub const LEFT: Self = Self { align: Align::Left, gap: GAP };
    /// A column of numbers.
    pub const RIGHT: Self = Self { align: Align::Right, gap: GAP };

    /// The column with only one blank to its right.
    #[must_use]
    pub const fn close(self) -> Self {
        Self { gap: 1, ..self }
    }
}

/// A text in one style. Only the last cell of a row may have several lines.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    style: Style,
    text: String,
}

impl Cell {
    /// A cell in a style.
    #[must_use]
    pub fn new(style: Style, text: impl Into<String>) -> Self {
        Self { style, text: text.into() }
    }

    /// A cell without style.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self::new(Style::new(), text)
    }

    fn width(&self) -> usize {
        escape(&self.text).width()
    }
}

/// Rows of equally many cells.
#[derive(Clone, Debug)]
pub struct Table {
    indent: usize,
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table of these columns.
    #[must_use]
    pub fn new(indent: usize, columns: &[Column]) -> Self {
        Self { indent, columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; cells that are missing at its end are empty.
    pub fn row(&mut self, mut cells: Vec<Cell>) {
        cells.resize(self.columns.len(), Cell::default());
        self.rows.push(cells);
    }

    /// Writes the table.
    pub fn write(&self, out: &mut dyn io::Write, width: usize) -> io::Result<()> {
        self.draw(&mut Page::new(out, width, Palette::default()))
    }

    pub(super) fn draw(&self, page: &mut Page<'_>) -> io::Result<()> {
        let Some(last) = self.columns.len().checked_sub(1) else {
            return Ok(());
        };
        let starts = self.starts(page.width);
        let room = page.width.saturating_sub(starts[last]);
        let longest = self.rows.iter().map(|row| row[last].width()).max().unwrap_or(0);
        let below = room < LAST_MIN.min(longest) && last > 0;
        for row in &self.rows {
            let mut line = Line::indented(self.indent);
            for column in 0..last {
                let cell = &row[column];
                let end = starts[column + 1].saturating_sub(self.columns[column].gap);
                if overflows(&line, starts[column]) {
                    // The cell before overflowed: only if something follows does the row go on below.
                    if row[column..].iter().all(|cell| cell.text.is_empty()) {
                        break;
                    }
                    page.line(&line)?;
                    line = Line::indented(self.indent);
                }
                line.pad_to(starts[column]);
                if self.columns[column].align == Align::Right {
                    line.pad_to(end.saturating_sub(cell.width()));
                }
                line.push(cell.style, &cell.text);
            }
            Self::finish_row(page, line, &row[last], &starts, below)?;
        }
        Ok(())
    }

    fn finish_row(page: &mut Page<'_>, mut line: Line, cell: &Cell, starts: &[usize], below: bool) -> io::Result<()> {
        let last = starts.len() - 1;
        let start = if below { starts[last - 1] + GAP } else { starts[last] };
        if cell.text.is_empty() {
            return page.line(&line);
        }
        if below || overflows(&line, start) {
            let after = starts[last].max(line.ink() + GAP);
            if !cell.text.contains('\n') && after + cell.width() <= page.width {
                line.pad_to(after);
                line.push(cell.style, &cell.text);
                return page.line(&line);
            }
            page.line(&line)?;
            line = Line::default();
        }
        for text in wrap_lines(&cell.text, page.width.saturating_sub(start)) {
            line.pad_to(start);
            line.push(cell.style, &text);
            page.line(&line)?;
            line = Line::default();
        }
        Ok(())
    }

    /// The column at which each column begins.
    fn starts(&self, width: usize) -> Vec<usize> {
        let last = self.columns.len() - 1;
        let mut at = self.indent;
        let mut starts = vec![at];
        for column in 0..last {
            let widths = || self.rows.iter().map(|row| row[column].width());
            let mut widest = widths().max().unwrap_or(0);
            if column + 1 == last {
                let room = width.saturating_sub(at + self.columns[column].gap + LAST_COMFORTABLE).max(12);
                if widest > room {
                    widest = widths().filter(|width| *width <= room).max().unwrap_or(0);
                }
            }
            at += widest + if widest == 0 { 0 } else { self.columns[column].gap };
            starts.push(at);
        }
        starts
    }
}

/// Whether what is on the line leaves no gap before a column.
fn overflows(line: &Line, start: usize) -> bool {
    let ink = line.ink();
    ink > 0 && ink >= start
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(width: usize, columns: &[Column], rows: &[&[&str]]) -> String {
        let mut table = Table::new(2, columns);
        for row in rows {
            table.row(row.iter().map(|text| Cell::plain(*text)).collect());
        }
        let mut out = Vec::new();
        table.write(&mut out, width).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_line_up_by_what_is_seen_not_by_bytes() {
        let text = drawn(80, &[Column::RIGHT, Column::LEFT, Column::LEFT], &[&["1", "日本", "x"], &["10", "ü", "y"]]);
        assert_eq!(text, "   1  日本  x\n  10  ü     y\n");
    }

    #[test]
    fn the_last_column_wraps_below_itself() {
        let text = drawn(30, &[Column::LEFT; 2], &[&["ab", "one two three four five six seven"]]);
        assert_eq!(text, "  ab  one two three four five\n      six seven\n");
    }

    #[test]
    fn a_long_cell_overflows_instead_of_pushing_the_others() {
        let text = drawn(
            60,
            &[Column::LEFT; 3],
            &[
                &["write", "/etc/systemd/system/web.service", "differs"],
                &["write", "/etc/systemd/system/web.service", "does not look like that"],
                &["restart", "web.service", "follows"],
                &["reload", "", ""],
            ],
        );
        assert_eq!(
            text,
            "  write    /etc/systemd/system/web.service  differs\n  write    /etc/systemd/system/web.service\n                        does not look like that\n  restart  web.service  follows\n  reload\n"
        );
    }

    #[test]
    fn on_a_very_narrow_page_the_last_column_goes_below() {
        let text = drawn(24, &[Column::LEFT; 2], &[&["web.service", "it differs in many ways"]]);
        assert_eq!(text, "  web.service\n    it differs in many\n    ways\n");
    }

    #[test]
    fn empty_columns_take_no_room() {
        let text = drawn(80, &[Column::LEFT; 3], &[&["a", "", "b"]]);
        assert_eq!(text, "  a  b\n");
    }
}
