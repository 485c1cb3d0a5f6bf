//! Words in unit files: how to write one so that systemd reads it back unchanged, and how systemd splits them.
//!
//! Always quoted, even where a bare word would do: one form is easier to read in a diff than two.
//! The exec and environment rules were compared byte for byte with the argv and environment of processes
//! started by systemd 247, 252 and 257.

pub use super::escape::{EscapeError, escape, escape_path, unescape, unescape_path};
pub use super::words::{SplitError, split_names, split_words};

use super::escape::push_hex;

/// Why a text cannot be written as a word of a unit file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// A NUL byte can be neither in an argument nor in an environment variable.
    #[error("`{}` holds a NUL byte, which no process can be given", .0.escape_debug())]
    Nul(String),
    /// systemd drops an assignment to such a name with no more than a warning.
    #[error("`{}` cannot name an environment variable: use letters, digits and `_`, not starting with a digit", .0.escape_debug())]
    EnvironmentName(String),
}

/// One argument of `ExecStart=` and its kin, quoted: the process gets exactly `text`.
///
/// Not for the program itself (the first word), where systemd reads `@-:+!` as prefixes and `$$` stays as it is,
/// and not for commands with the prefix `:`, where `$` means nothing.
pub fn exec_argument(text: &str) -> Result<String, QuoteError> {
    quoted(text, true)
}

/// One word of `Environment=`, quoted: the process gets the variable `key` with exactly this value.
pub fn environment_assignment(key: &str, value: &str) -> Result<String, QuoteError> {
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if key.is_empty() || key.starts_with(|c: char| c.is_ascii_digit()) || !key.chars().all(fine) {
        return Err(QuoteError::EnvironmentName(key.to_owned()));
    }
    quoted(&format!("{key}={value}"), false)
}

/// Doubles `%`, so that systemd replaces nothing in the text.
#[must_use]
pub fn specifiers(text: &str) -> String {
    text.replace('%', "%%")
}

fn quoted(text: &str, dollar_is_special: bool) -> Result<String, QuoteError> {
    let mut word = String::with_capacity(text.len() + 2);
    word.push('"');
    for c in text.chars() {
        match c {
            '\0' => return Err(QuoteError::Nul(text.to_owned())),
            '\\' => word.push_str("\\\\"),
            '"' => word.push_str("\\\""),
            '%' => word.push_str("%%"),
            '$' if dollar_is_special => word.push_str("$$"),
            '\n' => word.push_str("\\n"),
            '\t' => word.push_str("\\t"),
            c => match u8::try_from(c) {
                Ok(byte) if byte.is_ascii_control() => push_hex(&mut word, byte),
                _ => word.push(c),
            },
        }
    }
    word.push('"');
    Ok(word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn arguments_are_always_quoted_and_nothing_in_them_is_special() {
        for (text, word) in [
            ("", r#""""#),
            ("plain", r#""plain""#),
            ("two words", r#""two words""#),
            (";", r#"";""#),
            (r#"say "hi" \ $HOME 100%"#, r#""say \"hi\" \\ $$HOME 100%%""#),
            ("a\nb\tc\rd\u{7f}", r#""a\nb\tc\x0dd\x7f""#),
            ("grüße", r#""grüße""#),
        ] {
            assert_eq!(exec_argument(text).unwrap(), word);
        }
        assert!(matches!(exec_argument("a\0b"), Err(QuoteError::Nul(_))));
    }

    #[test]
    fn a_dollar_is_plain_text_in_an_environment_value() {
        assert_eq!(environment_assignment("K", "a $b %c").unwrap(), r#""K=a $b %%c""#);
        for bad in ["", "1A", "A-B", "A=B", "A B", "É"] {
            assert!(environment_assignment(bad, "x").is_err(), "{bad}");
        }
    }

    /// What systemd does to a word after splitting.
    fn expanded(word: &str, dollar: bool) -> String {
        let word = word.replace("%%", "%");
        if dollar { word.replace("$$", "$") } else { word }
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read_back(texts in proptest::collection::vec("[^\0]{0,12}", 0..4)) {
            let line: Vec<String> = texts.iter().map(|text| exec_argument(text).unwrap()).collect();
            let read: Vec<String> = split_words(&line.join(" ")).unwrap().iter().map(|w| expanded(w, true)).collect();
            prop_assert_eq!(&read, &texts);
            for text in &texts {
                let word = environment_assignment("K", text).unwrap();
                let read: Vec<String> = split_words(&word).unwrap().iter().map(|w| expanded(w, false)).collect();
                prop_assert_eq!(read, vec![format!("K={text}")]);
            }
        }
    }
}
