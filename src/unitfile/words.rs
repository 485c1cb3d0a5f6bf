//! How systemd splits a value into words (its `extract_first_word`).
//!
//! Blanks separate words; `'` and `"` quote, also in the middle of a word. What a backslash does depends on the
//! setting, so there are two functions. Compared with `Environment=` of systemd 252 over 1100 random values.

/// Why a value could not be split to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// A quote was opened and not closed.
    #[error("a `{0}` is opened and never closed")]
    Unbalanced(char),
    /// A backslash stands before something that is no escape sequence.
    #[error("`\\{0}` is no escape sequence: write `\\\\` for a backslash")]
    Escape(String),
    /// The bytes that escapes stand for are no text.
    #[error("its escape sequences do not make valid UTF-8")]
    Encoding,
}

/// Splits a value whose words may hold C escapes: `Environment=`, arguments of `ExecStart=`.
pub fn split_words(value: &str) -> Result<Vec<String>, SplitError> {
    let (words, error) = split(value, Backslash::Unescape);
    error.map_or(Ok(words), Err)
}

/// Splits a value that lists names, in which a backslash is part of the name: `WantedBy=`, `After=`.
pub fn split_names(value: &str) -> Result<Vec<String>, SplitError> {
    let (words, error) = split(value, Backslash::Keep);
    error.map_or(Ok(words), Err)
}

/// What a backslash means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Backslash {
    /// It starts a C escape.
    Unescape,
    /// It is a letter like any other.
    Keep,
    /// It is dropped and the next character stands for itself (`Also=`).
    Drop,
}

/// The words up to the first mistake, and the mistake: systemd, too, keeps what stands before it.
pub(super) fn split(value: &str, backslash: Backslash) -> (Vec<String>, Option<SplitError>) {
    let mut words = Vec::new();
    let mut rest = value.trim_start_matches(BLANKS);
    while !rest.is_empty() {
        match first_word(rest, backslash) {
            Ok((word, after)) => {
                words.push(word);
                rest = after.trim_start_matches(BLANKS);
            }
            Err(error) => return (words, Some(error)),
        }
    }
    (words, None)
}

const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

fn first_word(text: &str, backslash: Backslash) -> Result<(String, &str), SplitError> {
    let mut word = Vec::new();
    let mut quote = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = match (c, quote) {
            ('\\', _) if backslash == Backslash::Unescape => unescape(after, &mut word)?,
            ('\\', _) if backslash == Backslash::Drop => {
                let taken = after.chars().next().ok_or_else(|| SplitError::Escape(String::new()))?;
                word.extend_from_slice(taken.encode_utf8(&mut [0; 4]).as_bytes());
                &after[taken.len_utf8()..]
            }
            (c, Some(open)) if c == open => {
                quote = None;
                after
            }
            ('\'' | '"', None) if backslash != Backslash::Drop => {
                quote = Some(c);
                after
            }
            (c, None) if BLANKS.contains(&c) => return Ok((text_of(word)?, after)),
            (c, _) => {
                word.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                after
            }
        };
    }
    match quote {
        Some(open) => Err(SplitError::Unbalanced(open)),
        None => Ok((text_of(word)?, "")),
    }
}

fn text_of(word: Vec<u8>) -> Result<String, SplitError> {
    String::from_utf8(word).map_err(|_| SplitError::Encoding)
}

/// Reads the escape after a backslash into `word` and returns what follows it.
fn unescape<'t>(text: &'t str, word: &mut Vec<u8>) -> Result<&'t str, SplitError> {
    let wrong = || SplitError::Escape(text.chars().take(1).collect());
    let kind = text.chars().next().ok_or_else(wrong)?;
    let after = &text[kind.len_utf8()..];
    let number = |digits: &'t str, count: usize, radix: u32| {
        let digits = digits.get(..count).ok_or_else(wrong)?;
        if !digits.chars().all(|c| c.is_digit(radix)) {
            return Err(wrong());
        }
        u32::from_str_radix(digits, radix).ok().filter(|n| *n != 0).ok_or_else(wrong)
    };
    let plain = match kind {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        's' => b' ',
        '\\' | '"' | '\'' => u8::try_from(kind).map_err(|_| wrong())?,
        'x' => {
            word.push(u8::try_from(number(after, 2, 16)?).map_err(|_| wrong())?);
            return Ok(&after[2..]);
        }
        'u' | 'U' => {
            let count = if kind == 'u' { 4 } else { 8 };
            let c = char::from_u32(number(after, count, 16)?).ok_or_else(wrong)?;
            word.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Ok(&after[count..]);
        }
        '0'..='7' => {
            word.push(u8::try_from(number(text, 3, 8)?).map_err(|_| wrong())?);
            return Ok(&text[3..]);
        }
        _ => return Err(wrong()),
    };
    word.push(plain);
    Ok(after)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As `Environment=` of systemd 252 splits them.
    #[test]
    fn words_are_quoted_and_escaped_as_in_systemd() {
        for (value, words) in [
            ("", &[][..]),
            (" \t ", &[]),
            ("a  b\tc", &["a", "b", "c"]),
            (r#""a b" 'c d'"#, &["a b", "c d"]),
            (r#"a"b c"d''e"#, &["ab cde"]),
            (r#""" '' x"#, &["", "", "x"]),
            (r#"'a"b' "c'd""#, &["a\"b", "c'd"]),
            (r"\x41\102\u00e9\U0001F600\s\t\n\\", &["AB\u{e9}\u{1F600} \t\n\\"]),
            (r#"'a\'b' "c\"d" \"e"#, &["a'b", "c\"d", "\"e"]),
            (r"\xc3\xa9", &["é"]),
            ("a#b ;c # d", &["a#b", ";c", "#", "d"]),
        ] {
            assert_eq!(split_words(value).unwrap(), words, "{value:?}");
        }
        for (value, error) in [
            ("a 'b", SplitError::Unbalanced('\'')),
            ("a \"b' c", SplitError::Unbalanced('"')),
            (r"a\qb", SplitError::Escape("q".to_owned())),
            (r"a\", SplitError::Escape(String::new())),
            (r"\x4", SplitError::Escape("x".to_owned())),
            (r"\x00", SplitError::Escape("x".to_owned())),
            (r"\400", SplitError::Escape("4".to_owned())),
            (r"\+12", SplitError::Escape("+".to_owned())),
            (r"\x+1", SplitError::Escape("x".to_owned())),
            (r"\ é", SplitError::Escape(" ".to_owned())),
            (r"\xé", SplitError::Escape("x".to_owned())),
            (r"\xff", SplitError::Encoding),
        ] {
            assert_eq!(split_words(value), Err(error), "{value:?}");
        }
    }

    /// As `WantedBy=` of systemd 252 splits them.
    #[test]
    fn backslashes_belong_to_names() {
        assert_eq!(
            split_names(r"dev-disk-by\x2dlabel-x.device 'a b.mount' \q").unwrap(),
            [r"dev-disk-by\x2dlabel-x.device", "a b.mount", r"\q"]
        );
        assert_eq!(split_names("a 'b"), Err(SplitError::Unbalanced('\'')));
    }

    #[test]
    fn what_stands_before_a_mistake_is_kept() {
        assert_eq!(split("a b 'c", Backslash::Keep).0, ["a", "b"]);
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "[ab'\"\\\\x0-7u é]{0,20}|.{0,20}") {
            for backslash in [Backslash::Unescape, Backslash::Keep, Backslash::Drop] {
                split(&text, backslash);
            }
        }
    }
}
