//! The text of a unit file as lines, with nothing lost.
//!
//! Reads as systemd does (its `config_parse`, compared with 252): a line that ends in an odd number of
//! backslashes goes on in the next one, the backslash becoming a blank; comment lines in between are skipped; an
//! empty line ends it. `\r`, `\n`, `\r\n` and NUL end lines, one byte order mark is allowed. Values are raw: quotes,
//! escapes and specifiers are still in them, only the blanks around are gone.
//!
//! Total: every text is a unit file, and what systemd would refuse or skip is [`Item::Invalid`].

/// A unit file or drop-in, line by line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitFile {
    lines: Vec<Line>,
}

/// One line, or several that are continued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The bytes, line ends included.
    pub text: String,
    /// The number of the first of its lines in the file, from 1.
    pub number: usize,
    /// What it says.
    pub item: Item,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// `[Service]`.
    Section(String),
    /// `Key=value`.
    Assignment {
        /// Without the blanks around it.
        key: String,
        /// Joined to one line, without the blanks around it.
        value: String,
    },
    /// A line that starts with `#` or `;`, or stands in a section `X-…` without being an assignment.
    Comment,
    /// A line of nothing but blanks.
    Blank,
    /// A line that means nothing to systemd.
    Invalid(Invalid),
}

/// Why a line means nothing to systemd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// systemd stops here: the unit fails to load, and of a drop-in only what stands before is used.
    #[error("a line that starts with `[` has to end with `]`; systemd reads the file no further")]
    Header,
    /// Skipped with a warning.
    #[error("it stands before the first section header, where systemd ignores it")]
    OutsideSection,
    /// Skipped with a warning.
    #[error("it has no `=`, so systemd ignores it")]
    NoEquals,
    /// Skipped with a warning.
    #[error("nothing stands before its `=`, so systemd ignores it")]
    NoKey,
}

/// An assignment with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are their names")]
pub struct Assignment<'f> {
    pub section: &'f str,
    pub key: &'f str,
    pub value: &'f str,
    /// From 1.
    pub line: usize,
}

impl UnitFile {
    /// Reads any text.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut lines = Vec::new();
        let mut section: Option<String> = None;
        for logical in LogicalLines::new(text) {
            let item = item(&logical, section.as_deref());
            if let Item::Section(name) = &item {
                section = Some(name.clone());
            }
            lines.push(Line { text: logical.text.to_owned(), number: logical.number, item });
        }
        Self { lines }
    }

    /// The text it was read from, byte for byte.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.lines.iter().map(|line| line.text.as_str()).collect()
    }

    /// All lines in order.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Every assignment that stands in a section, in order; reading ends where systemd's does, at a broken header.
    pub fn assignments(&self) -> impl Iterator<Item = Assignment<'_>> {
        let mut section = None;
        let broken = |line: &&Line| line.item != Item::Invalid(Invalid::Header);
        self.lines.iter().take_while(broken).filter_map(move |line| match &line.item {
            Item::Section(name) => {
                section = Some(name.as_str());
                None
            }
            Item::Assignment { key, value } => Some(Assignment { section: section?, key, value, line: line.number }),
            _ => None,
        })
    }

    /// Lines that mean nothing to systemd, with their numbers.
    pub fn invalid(&self) -> impl Iterator<Item = (usize, Invalid)> {
        self.lines.iter().filter_map(|line| match line.item {
            Item::Invalid(why) => Some((line.number, why)),
            _ => None,
        })
    }
}

const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];
const COMMENT: [char; 2] = ['#', ';'];

fn item(line: &Logical<'_>, section: Option<&str>) -> Item {
    let content = line.content.trim_matches(BLANKS);
    if line.is_comment {
        return Item::Comment;
    }
    if content.is_empty() {
        return Item::Blank;
    }
    if let Some(rest) = content.strip_prefix('[') {
        return match rest.strip_suffix(']') {
            Some(name) if !name.chars().any(|c| c.is_ascii_control() || matches!(c, '"' | '\'' | '\\')) => {
                Item::Section(name.to_owned())
            }
            _ => Item::Invalid(Invalid::Header),
        };
    }
    let Some(section) = section else {
        return Item::Invalid(Invalid::OutsideSection);
    };
    let invalid = match content.split_once('=') {
        None => Invalid::NoEquals,
        Some(("", _)) => Invalid::NoKey,
        Some((key, value)) => {
            let trimmed = |text: &str| text.trim_matches(BLANKS).to_owned();
            return Item::Assignment { key: trimmed(key), value: trimmed(value) };
        }
    };
    if section.starts_with("X-") { Item::Comment } else { Item::Invalid(invalid) }
}

/// One line after joining.
struct Logical<'t> {
    text: &'t str,
    number: usize,
    /// Joined, without comments, line ends and byte order mark.
    content: String,
    is_comment: bool,
}

struct LogicalLines<'t> {
    rest: &'t str,
    number: usize,
    mark_seen: bool,
}

impl<'t> LogicalLines<'t> {
    fn new(text: &'t str) -> Self {
        Self { rest: text, number: 1, mark_seen: false }
    }

    /// The line at the start of the text, without its end, and its length with it.
    fn physical(&mut self, text: &'t str) -> Option<(&'t str, usize)> {
        if text.is_empty() {
            return None;
        }
        let end = text.find(['\n', '\r', '\0']).unwrap_or(text.len());
        let after = end + line_end(&text.as_bytes()[end..]);
        self.number += 1;
        Some((&text[..end], after))
    }
}

impl<'t> Iterator for LogicalLines<'t> {
    type Item = Logical<'t>;

    fn next(&mut self) -> Option<Logical<'t>> {
        let start = self.rest;
        let number = self.number;
        let mut content = String::new();
        let mut taken = 0;
        while let Some((line, length)) = self.physical(&start[taken..]) {
            let first = taken == 0;
            taken += length;
            if line.trim_start_matches(BLANKS).starts_with(COMMENT) {
                if first {
                    self.rest = &start[taken..];
                    return Some(Logical { text: &start[..taken], number, content, is_comment: true });
                }
                continue;
            }
            let line = match line.strip_prefix('\u{feff}') {
                Some(line) if !self.mark_seen => {
                    self.mark_seen = true;
                    line
                }
                _ => line,
            };
            let backslashes = line.bytes().rev().take_while(|byte| *byte == b'\\').count();
            if backslashes % 2 == 0 {
                content.push_str(line);
                break;
            }
            content.push_str(&line[..line.len() - 1]);
            content.push(' ');
        }
        if taken == 0 {
            return None;
        }
        self.rest = &start[taken..];
        Some(Logical { text: &start[..taken], number, content, is_comment: false })
    }
}

/// How many bytes of line end stand here: each of `\n` and `\r` at most once, and NUL at the end of them.
fn line_end(bytes: &[u8]) -> usize {
    let mut seen: &[u8] = &[];
    for (at, byte) in bytes.iter().enumerate() {
        if !matches!(byte, b'\n' | b'\r' | 0) || seen.contains(byte) || seen.contains(&0) {
            break;
        }
        seen = &bytes[..=at];
    }
    seen.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(text: &str) -> Vec<(String, String, usize)> {
        let file = UnitFile::parse(text);
        assert_eq!(file.to_text(), text);
        file.assignments().map(|a| (a.key.to_owned(), a.value.to_owned(), a.line)).collect()
    }

    /// What systemd 252 sees in these texts; it counts a continued line by its last line, we by its first.
    #[test]
    fn lines_are_read_as_systemd_reads_them() {
        for (text, expected) in [
            ("[S]\nA=a \\\n   b\n", &[("A", "a     b", 2)][..]),
            ("[S]\rA=a\rB=b\r", &[("A", "a", 2), ("B", "b", 3)]),
            ("[S]\n\rA=a \\\n\r  b\n", &[("A", "a    b", 2)]),
            ("[S]\nA=a \\\n\nB=c\n", &[("A", "a", 2), ("B", "c", 4)]),
            ("\u{feff}[S]\nA=a\n", &[("A", "a", 2)]),
            ("[S]\n\u{feff}A=a\n\u{feff}B=b\n", &[("A", "a", 2), ("\u{feff}B", "b", 3)]),
            ("[S]\nA=a \\\n# x \\\n ; y\n  b\n", &[("A", "a    b", 2)]),
            ("[S]\r\nA=a \\\r\n b\r\n", &[("A", "a   b", 2)]),
            ("[S]\nA=a\\\\\nB=b\n", &[("A", "a\\\\", 2), ("B", "b", 3)]),
            ("[S]\nA=a\\ \nB=b\n", &[("A", "a\\", 2), ("B", "b", 3)]),
            ("[S]\nA=a\0B=b\n", &[("A", "a", 2), ("B", "b", 3)]),
            ("[S]\nA=a \\\n", &[("A", "a", 2)]),
            ("[S]\nA=a \\", &[("A", "a", 2)]),
            ("[S]\n  A b  =  x  # y ; z \nA==", &[("A b", "x  # y ; z", 2), ("A", "=", 3)]),
            ("[S]\nA=\u{b}x\u{b}\n# B=1\n  ;C=1\n", &[("A", "\u{b}x\u{b}", 2)]),
            ("# c \\\n[S]\nA=\n", &[("A", "", 3)]),
        ] {
            let expected: Vec<_> = expected.iter().map(|(k, v, n)| ((*k).to_owned(), (*v).to_owned(), *n)).collect();
            assert_eq!(values(text), expected, "{text:?}");
        }
    }

    #[test]
    fn sections_may_come_again_and_be_continued() {
        let file = UnitFile::parse("[A]\nk=1\n[B]\nk=2\n[A]\nk=3\n[A\\\nB]\nk=4\n[]\nk=5\n");
        let sections: Vec<_> = file.assignments().map(|a| (a.section, a.value)).collect();
        assert_eq!(sections, [("A", "1"), ("B", "2"), ("A", "3"), ("A B", "4"), ("", "5")]);
    }

    #[test]
    fn what_systemd_skips_is_invalid_and_numbered() {
        let file = UnitFile::parse("A=1\nfoo\n[S]\n\nfoo \\\nbar\n=x\nB=2\n[X-Mine]\nfree text\n=\n[S\nC=3\n");
        let invalid: Vec<_> = file.invalid().collect();
        assert_eq!(
            invalid,
            [
                (1, Invalid::OutsideSection),
                (2, Invalid::OutsideSection),
                (5, Invalid::NoEquals),
                (7, Invalid::NoKey),
                (12, Invalid::Header),
            ]
        );
        let keys: Vec<_> = file.assignments().map(|a| a.key).collect();
        assert_eq!(keys, ["B"], "nothing is read after a broken header");
        for header in ["[", "[S", "[S] x", "[S\"]", "[S\\\\]", "[S\u{1}]"] {
            assert_eq!(UnitFile::parse(header).invalid().next(), Some((1, Invalid::Header)), "{header:?}");
        }
    }

    proptest! {
        #[test]
        fn every_byte_is_kept(text in "([\\[\\]=#;\\\\ \t\r\n\0\u{feff}AbX-]|\\PC){0,60}") {
            let file = UnitFile::parse(&text);
            prop_assert_eq!(file.to_text(), text);
            prop_assert!(file.assignments().all(|a| !a.key.is_empty()));
        }
    }
}
