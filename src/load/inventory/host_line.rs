//! Splitting a host line of an INI file into words, as Ansible does with Python's `shlex`.
//!
//! That is a shell's splitting without expansions: quotes, backslashes, and `#` for a comment, which to `shlex` begins one
//! also in the middle of a word: `x=a#b` sets `x` to `a`.

use std::ops::Range;

/// A word, and where its characters stand.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Word {
    pub(super) text: String,
    /// The byte offset of each byte of the text, then of the end.
    at: Vec<usize>,
}

/// A line's words.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Words {
    pub(super) words: Vec<Word>,
    /// Where a comment cuts a word off.
    pub(super) cut: Option<usize>,
}

/// Why a line cannot be split, and where.
#[derive(Debug, PartialEq)]
pub(super) enum Unclosed {
    Quote(usize),
    Backslash(usize),
}

impl Word {
    /// Where a part of the text stands in the file.
    pub(super) fn span(&self, part: Range<usize>) -> Range<usize> {
        let of = |index: usize| self.at.get(index).or(self.at.last()).copied().unwrap_or_default();
        let start = of(part.start);
        // A closing quote is not part of the text: the end is behind the last character.
        let end = if part.end == part.start { start } else { of(part.end.saturating_sub(1)) + 1 };
        start..if part.end >= self.text.len() { of(self.text.len()).max(end) } else { end }
    }

    fn push(&mut self, c: char, at: usize) {
        self.text.push(c);
        self.at.extend((0..c.len_utf8()).map(|byte| at + byte));
    }

    fn end(mut self, at: usize) -> Self {
        self.at.push(at);
        self
    }
}

/// Splits a line that begins at an offset of its file.
pub(super) fn split(line: &str, offset: usize) -> Result<Words, Unclosed> {
    let mut found = Words::default();
    let mut word: Option<Word> = None;
    let mut quote: Option<(char, usize)> = None;
    let mut rest = line.char_indices().map(|(at, c)| (offset + at, c)).peekable();
    while let Some((at, c)) = rest.next() {
        match (quote, c) {
            (Some((open, _)), c) if c == open => quote = None,
            (Some(('"', _)), '\\') => {
                let escapes = matches!(rest.peek(), Some((_, '"' | '\\')));
                let (at, c) = if escapes { rest.next().unwrap_or((at, c)) } else { (at, c) };
                word.get_or_insert_default().push(c, at);
            }
            (None, '\'' | '"') => {
                quote = Some((c, at));
                word.get_or_insert_default();
            }
            (None, '\\') => {
                let (at, c) = rest.next().ok_or(Unclosed::Backslash(at))?;
                word.get_or_insert_default().push(c, at);
            }
            (None, '#') => {
                found.cut = word.as_ref().map(|_| at);
                found.words.extend(word.take().map(|word| word.end(at)));
                return Ok(found);
            }
            (None, ' ' | '\t' | '\r' | '\n') => found.words.extend(word.take().map(|word| word.end(at))),
            (_, c) => word.get_or_insert_default().push(c, at),
        }
    }
    if let Some((_, at)) = quote {
        return Err(Unclosed::Quote(at));
    }
    found.words.extend(word.map(|word| word.end(offset + line.len())));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        split(line, 0).unwrap().words.into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn lines_are_split_as_by_pythons_shlex() {
        assert_eq!(words("host2 ansible_port=222 # defined inline"), ["host2", "ansible_port=222"]);
        assert_eq!(words(r#"t mysecret="'03#pa33w0rd'""#), ["t", "mysecret='03#pa33w0rd'"]);
        assert_eq!(words(r#"h n="a b" o=x\ y"#), ["h", "n=a b", "o=x y"]);
        assert_eq!(words(r#"h a="x\"y\z\\" b='x\y'"#), ["h", r#"a=x"y\z\"#, r"b=x\y"]);
        assert_eq!(words(r#"h "" a='"x"'y"#), ["h", "", "a=\"x\"y"]);
        assert_eq!(words("h\tx=ü  "), ["h", "x=ü"]);
    }

    #[test]
    fn a_comment_begins_also_in_a_word() {
        let found = split("h x=a#b y=1", 10).unwrap();
        assert_eq!(found.words.len(), 2);
        assert_eq!(found.words[1].text, "x=a");
        assert_eq!(found.cut, Some(15));
        assert_eq!(split("h #x", 0).unwrap().cut, None);
    }

    #[test]
    fn parts_of_words_are_found_where_they_stand() {
        let line = r#"h key="ü b" z=1"#;
        let found = split(line, 0).unwrap();
        let (key, z) = (&found.words[1], &found.words[2]);
        assert_eq!(&line[key.span(0..3)], "key");
        assert_eq!(&line[key.span(4..key.text.len())], "ü b\"");
        assert_eq!(&line[z.span(2..3)], "1");
    }

    #[test]
    fn what_is_never_closed_is_named() {
        assert_eq!(split("h x='a", 3).unwrap_err(), Unclosed::Quote(7));
        assert_eq!(split("h x=a\\", 0).unwrap_err(), Unclosed::Backslash(5));
    }
}
