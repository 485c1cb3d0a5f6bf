//! Keeps what came from elsewhere from acting on the reader's terminal.
//!
//! A control character is drawn as its Unicode picture (`␛`, `␍`), not as `\x1b`: unit names and directives are full
//! of real `\x20`, and a reader must be able to tell the two apart. What hides or reorders text (bidirectional controls,
//! zero-width characters) is drawn as `<U+202E>`, as git and vim do.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with every character that acts instead of being seen drawn visibly. Line ends count as such.
pub(super) fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match u32::from(c) {
            code @ 0..=0x1f => safe.push(char::from_u32(0x2400 + code).unwrap_or('\u{fffd}')),
            0x7f => safe.push('\u{2421}'),
            code if acts(c) => {
                let _ignored = write!(safe, "<U+{code:04X}>");
            }
            _ => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

/// Whether a terminal obeys or hides the character instead of drawing it.
pub(super) fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_drawn_and_what_does_not_is_left_alone() {
        for (given, shown) in [
            ("plain \\x1b ü 日本", "plain \\x1b ü 日本"),
            ("\x1b[2J\x07", "␛[2J␇"),
            ("a\r\n\tb\x7f", "a␍␊␉b␡"),
            ("\u{9b}2J", "<U+009B>2J"),
            ("user\u{202e}gro", "user<U+202E>gro"),
            ("a\u{200b}b", "a<U+200B>b"),
        ] {
            assert_eq!(escape(given), shown);
        }
    }
}
