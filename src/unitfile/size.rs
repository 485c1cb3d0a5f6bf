//! Sizes in bytes as systemd reads them: `512M`, `1.5G`, `1G 512M` (systemd's `parse_size` with the base 1024).
//!
//! The suffixes are `K`, `M`, `G`, `T`, `P`, `E` and `B`; no `MB`, no `MiB`, no lower case. Several are added up, the
//! larger first. Compared with `MemoryMax=` of systemd 247, 252 and 257 in the sandbox tests.
//!
//! `infinity` and percentages are not sizes here: which of them a directive takes besides is the directive's own affair.

use std::fmt;

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(u64);

/// Why a text is no size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// Something else than a number where a number has to be.
    #[error("a number is missing")]
    Number,
    /// A number is followed by something that is no suffix, or no smaller one than before.
    #[error(
        "a number is followed by something else than `K`, `M`, `G`, `T`, `P` or `E`, or by no smaller one than before"
    )]
    Suffix,
    /// There are no such sizes.
    #[error("it is negative")]
    Negative,
    /// 16E and more.
    #[error("it is too large")]
    TooLarge,
}

const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];
/// With the power of the base that each stands for; largest first, as they have to be written.
const SUFFIXES: [(&str, u32); 8] = [("E", 6), ("P", 5), ("T", 4), ("G", 3), ("M", 2), ("K", 1), ("B", 0), ("", 0)];

impl Size {
    /// A number of bytes.
    #[must_use]
    pub fn from_bytes(bytes: u64) -> Self {
        Size(bytes)
    }

    /// The number of bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.0
    }

    /// Reads a size; a number without a suffix counts bytes.
    pub fn parse(text: &str) -> Result<Self, SizeError> {
        Self::read(text, 1024)
    }

    /// Reads a size whose suffixes count in thousands, as in `IOReadBandwidthMax=`.
    pub fn parse_decimal(text: &str) -> Result<Self, SizeError> {
        Self::read(text, 1000)
    }

    fn read(text: &str, base: u64) -> Result<Self, SizeError> {
        let mut sum = 0_u64;
        let mut rest = text;
        let mut smaller = &SUFFIXES[..];
        loop {
            let first = smaller.len() == SUFFIXES.len();
            let read = number(rest.trim_start_matches(BLANKS));
            // Behind a number, whatever is no number was meant as its suffix.
            let (whole, fraction, after) =
                read.map_err(|error| if first || error != SizeError::Number { error } else { SizeError::Suffix })?;
            let at_suffix = after.trim_start_matches(BLANKS);
            let found = smaller.iter().position(|(suffix, _)| at_suffix.starts_with(suffix));
            let (suffix, power) = smaller[found.ok_or(SizeError::Suffix)?];
            let factor = base.pow(power);
            let part = whole.checked_mul(factor).and_then(|bytes| bytes.checked_add(of_fraction(fraction, factor)));
            sum = part.and_then(|part| sum.checked_add(part)).ok_or(SizeError::TooLarge)?;
            rest = &at_suffix[suffix.len()..];
            smaller = &smaller[found.unwrap_or_default() + 1..];
            if rest.is_empty() {
                return Ok(Size(sum));
            }
        }
    }
}

/// The digits before and behind the point, and what follows.
fn number(text: &str) -> Result<(u64, &str, &str), SizeError> {
    if text.starts_with('-') {
        return Err(SizeError::Negative);
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    let (whole, after) = digits(text);
    if whole.is_empty() {
        return Err(SizeError::Number);
    }
    let number = whole.parse().map_err(|_| SizeError::TooLarge)?;
    match after.strip_prefix('.') {
        Some(after) => {
            let (fraction, after) = digits(after);
            Ok((number, fraction, after))
        }
        None => Ok((number, "", after)),
    }
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// The bytes of `0.FRACTION` times `factor`, rounded down. More digits than an exabyte can tell apart count nothing.
fn of_fraction(fraction: &str, factor: u64) -> u64 {
    let (mut numerator, mut denominator) = (0_u128, 1_u128);
    for digit in fraction.bytes().take(19) {
        numerator = numerator * 10 + u128::from(digit - b'0');
        denominator *= 10;
    }
    u64::try_from(numerator * u128::from(factor) / denominator).unwrap_or(u64::MAX)
}

impl fmt::Display for Size {
    /// The shortest text that means exactly this size.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(suffix, power): &&(&str, u32)| *suffix != "B" && self.0.is_multiple_of(1 << (10 * power));
        match SUFFIXES.iter().find(fits) {
            Some((suffix, power)) if self.0 > 0 => write!(f, "{}{suffix}", self.0 >> (10 * power)),
            _ => write!(f, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_read_as_systemd_reads_them() {
        for (text, expected) in [
            ("0", 0),
            ("4096", 4096),
            ("512M", 512 << 20),
            (" 1 K ", u64::MAX),
            (" 1 K", 1024),
            ("1.5G", 3 << 29),
            ("10.M", 10 << 20),
            ("1G 512M", 1536 << 20),
            ("1G512M7", (1536 << 20) + 7),
            ("3B", 3),
            ("+7", 7),
            ("0.0001K", 0),
            ("15E", 15 << 60),
        ] {
            let read = Size::parse(text).map_or(u64::MAX, Size::bytes);
            assert_eq!(read, expected, "{text:?}");
        }
        for (text, error) in [
            ("", SizeError::Number),
            ("M", SizeError::Number),
            (".5G", SizeError::Number),
            ("512MB", SizeError::Suffix),
            ("512MiB", SizeError::Suffix),
            ("512m", SizeError::Suffix),
            ("5 5", SizeError::Suffix),
            ("1M 1G", SizeError::Suffix),
            ("1M 1M", SizeError::Suffix),
            ("1,5G", SizeError::Suffix),
            ("infinity", SizeError::Number),
            ("50%", SizeError::Suffix),
            ("-1", SizeError::Negative),
            ("16E", SizeError::TooLarge),
            ("15E 1023P 2048T", SizeError::TooLarge),
            ("99999999999999999999", SizeError::TooLarge),
        ] {
            assert_eq!(Size::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn sizes_are_written_as_short_as_they_can_be() {
        for (bytes, written) in
            [(0, "0"), (1, "1"), (1024, "1K"), (1536, "1536"), (1 << 20, "1M"), (1536 << 20, "1536M"), (1 << 40, "1T")]
        {
            assert_eq!(Size::from_bytes(bytes).to_string(), written);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(bytes in any::<u64>(), zeros in 0..60_u32) {
            let size = Size(bytes >> zeros << zeros);
            prop_assert_eq!(Size::parse(&size.to_string()), Ok(size));
        }

        #[test]
        fn nothing_panics(text in "[0-9.+KMGB ]{0,24}|.{0,20}") {
            let _either = Size::parse(&text);
        }
    }
}
