//! Time spans as systemd reads them: `90`, `1min 30s`, `1.5h`, `infinity` (systemd.time(7)).
//!
//! Read as by systemd's `parse_sec`, mistakes included: a number without a unit is seconds, `m` is minutes and `M`
//! months, a month is 30.4375 days, units may repeat and come in any order. A test compares it with
//! `systemd-analyze timespan`.
//!
//! Written with days as the largest unit and without fractions: `90d` says more than systemd's own
//! `2month 4w 1d 3h`, and both read back as the same span.

use std::fmt;

/// A length of time, to the microsecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeSpan(u64);

/// Why a text is no time span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeSpanError {
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// Something else than a number where a number has to be.
    #[error("a number is missing")]
    Number,
    /// A number is followed by something that is no unit.
    #[error("it has something that is no unit of time")]
    Unit,
    /// Spans do not go backwards.
    #[error("it is negative")]
    Negative,
    /// More than half a million years.
    #[error("it is too long")]
    TooLong,
}

const SECOND: u64 = 1_000_000;
const DAY: u64 = 86_400 * SECOND;
const YEAR: u64 = 31_557_600 * SECOND;
const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

/// Each before every beginning of itself.
const UNITS: [(&str, u64); 30] = [
    ("seconds", SECOND),
    ("second", SECOND),
    ("sec", SECOND),
    ("s", SECOND),
    ("minutes", 60 * SECOND),
    ("minute", 60 * SECOND),
    ("min", 60 * SECOND),
    ("months", YEAR / 12),
    ("month", YEAR / 12),
    ("M", YEAR / 12),
    ("msec", 1000),
    ("ms", 1000),
    ("m", 60 * SECOND),
    ("hours", 3600 * SECOND),
    ("hour", 3600 * SECOND),
    ("hr", 3600 * SECOND),
    ("h", 3600 * SECOND),
    ("days", DAY),
    ("day", DAY),
    ("d", DAY),
    ("weeks", 7 * DAY),
    ("week", 7 * DAY),
    ("w", 7 * DAY),
    ("years", YEAR),
    ("year", YEAR),
    ("y", YEAR),
    ("usec", 1),
    ("us", 1),
    ("\u{3bc}s", 1),
    ("\u{b5}s", 1),
];

impl TimeSpan {
    /// For ever: a timeout that never comes.
    pub const INFINITY: TimeSpan = TimeSpan(u64::MAX);

    /// A span of whole seconds; `None` where it is too long.
    #[must_use]
    pub fn from_secs(seconds: u64) -> Option<Self> {
        seconds.checked_mul(SECOND).filter(|micros| *micros < u64::MAX).map(TimeSpan)
    }

    /// Its microseconds; `None` for [`Self::INFINITY`].
    #[must_use]
    pub fn micros(self) -> Option<u64> {
        (self != Self::INFINITY).then_some(self.0)
    }

    /// Reads a span; a number without a unit counts seconds.
    pub fn parse(text: &str) -> Result<Self, TimeSpanError> {
        let mut rest = text.trim_matches(BLANKS);
        if rest == "infinity" {
            return Ok(Self::INFINITY);
        }
        if rest.is_empty() {
            return Err(TimeSpanError::Empty);
        }
        let mut sum = 0_u64;
        let whole = rest;
        while !rest.is_empty() {
            let part;
            // Behind a number, whatever is no number was meant as its unit.
            let wrong =
                |error| if rest != whole && error == TimeSpanError::Number { TimeSpanError::Unit } else { error };
            (part, rest) = one(rest).map_err(wrong)?;
            // The largest number stands for infinity.
            sum = sum.checked_add(part).filter(|sum| *sum < u64::MAX).ok_or(TimeSpanError::TooLong)?;
            rest = rest.trim_start_matches(BLANKS);
        }
        Ok(TimeSpan(sum))
    }
}

/// The microseconds of the first number with its unit, and what follows it.
fn one(text: &str) -> Result<(u64, &str), TimeSpanError> {
    if text.starts_with('-') {
        return Err(TimeSpanError::Negative);
    }
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    let (whole, after) = digits(unsigned);
    let (fraction, after) = match after.strip_prefix('.') {
        // `.5s` is half a second, `+.5s` is nothing.
        Some(after) if !whole.is_empty() || unsigned.len() == text.len() => {
            let (fraction, after) = digits(after);
            if fraction.is_empty() {
                return Err(TimeSpanError::Number);
            }
            (fraction, after)
        }
        _ if whole.is_empty() => return Err(TimeSpanError::Number),
        _ => ("", after),
    };
    // systemd counts with a signed number.
    let number = if whole.is_empty() { Ok(0) } else { whole.parse::<i64>() };
    let number = number.ok().and_then(|number| u64::try_from(number).ok()).ok_or(TimeSpanError::TooLong)?;
    let at_unit = after.trim_start_matches(BLANKS);
    let (factor, rest) = match UNITS.iter().find(|(name, _)| at_unit.starts_with(name)) {
        Some((name, factor)) => (*factor, &at_unit[name.len()..]),
        // A blank, or the end, has to stand behind a number without a unit.
        None if at_unit.len() < after.len() || at_unit.is_empty() => (SECOND, at_unit),
        None => return Err(TimeSpanError::Unit),
    };
    let mut micros = number.checked_mul(factor).filter(|micros| *micros < u64::MAX).ok_or(TimeSpanError::TooLong)?;
    let mut place = factor / 10;
    for digit in fraction.bytes() {
        micros = micros.checked_add(u64::from(digit - b'0') * place).ok_or(TimeSpanError::TooLong)?;
        place /= 10;
    }
    Ok((micros, rest))
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(mut left) = self.micros() else {
            return f.write_str("infinity");
        };
        if left == 0 {
            return f.write_str("0");
        }
        let mut blank = "";
        for (name, size) in
            [("d", DAY), ("h", 3600 * SECOND), ("min", 60 * SECOND), ("s", SECOND), ("ms", 1000), ("us", 1)]
        {
            if left >= size {
                write!(f, "{blank}{}{name}", left / size)?;
                left %= size;
                blank = " ";
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;

    use super::*;

    /// `systemd-analyze timespan` of systemd 252, in microseconds; `None` where it fails.
    const SPANS: &[(&str, Option<u64>)] = &[
        ("5", Some(5_000_000)),
        ("2 h 3", Some(7_203_000_000)),
        ("1min30s", Some(90_000_000)),
        ("1.5h", Some(5_400_000_000)),
        ("1y", Some(31_557_600_000_000)),
        ("1M", Some(2_629_800_000_000)),
        ("1m", Some(60_000_000)),
        ("3d 4w", Some(2_678_400_000_000)),
        ("1h1h", Some(7_200_000_000)),
        ("5s5", Some(10_000_000)),
        ("+5", Some(5_000_000)),
        (".5s", Some(500_000)),
        ("1.23456789s", Some(1_234_567)),
        ("0.4us", Some(0)),
        ("1\u{b5}s", Some(1)),
        ("\t5\ns ", Some(5_000_000)),
        (" infinity ", Some(u64::MAX)),
        ("infinity 5", None),
        ("", None),
        (" ", None),
        ("5x", None),
        ("5,5", None),
        ("-1", None),
        ("5.", None),
        ("5.s", None),
        ("+.5s", None),
        ("1.5.5s", None),
        ("1e3", None),
        ("0x10", None),
        ("minutes", None),
        ("2 Hours", None),
        ("584555y", None),
        ("999999999999999999999", None),
        ("18446744073709551615us", None),
    ];

    #[test]
    fn spans_are_read_as_systemd_reads_them() {
        for (text, expected) in SPANS {
            assert_eq!(TimeSpan::parse(text).ok().map(|span| span.0), *expected, "{text:?}");
        }
    }

    #[test]
    fn spans_are_written_with_days_as_the_largest_unit() {
        for (text, written) in [
            ("90", "1min 30s"),
            ("1.5h", "1h 30min"),
            ("3month", "91d 7h 30min"),
            ("90d", "90d"),
            ("1500ms", "1s 500ms"),
            ("0", "0"),
            ("infinity", "infinity"),
        ] {
            assert_eq!(TimeSpan::parse(text).unwrap().to_string(), written);
        }
    }

    /// What the real tool makes of each text, in microseconds.
    fn real(texts: &[String]) -> Vec<Option<u64>> {
        let of_one = |text: &String| {
            let run = Command::new("systemd-analyze").args(["timespan", "--", text]).env("LC_ALL", "C.UTF-8").output();
            let run = run.expect("systemd-analyze is part of systemd, which these tests need");
            let said = String::from_utf8_lossy(&run.stdout).into_owned();
            let micros =
                said.lines().find_map(|line| line.trim().strip_prefix("μs: ").or(line.trim().strip_prefix("us: ")));
            micros.filter(|_| run.status.success()).map(|micros| micros.parse().unwrap())
        };
        texts.iter().map(of_one).collect()
    }

    #[test]
    fn random_spans_are_read_as_the_real_tool_reads_them() {
        let word = prop_oneof![
            8 => "[0-9]{1,4}(s|min|h|d|us|ms)? ?",
            1 => "[0-9]{0,3}\\.[0-9]{0,8}",
            1 => "[0-9]{17,22}",
            3 => proptest::sample::select(UNITS.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>()),
            3 => "[ \t]{1,2}",
            1 => "infinity|[-+.,xS]",
        ];
        let text = proptest::collection::vec(word, 0..5).prop_map(|words| words.concat());
        let mut runner = TestRunner::deterministic();
        let texts: Vec<String> = (0..400).map(|_| text.new_tree(&mut runner).unwrap().current()).collect();
        let read: Vec<Option<u64>> = texts.iter().map(|text| TimeSpan::parse(text).ok().map(|span| span.0)).collect();
        let wrong: Vec<_> =
            texts.iter().zip(read.iter().zip(real(&texts))).filter(|(_, (ours, real))| **ours != *real).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        // The sample is worth something only if it holds both.
        assert!((100..350).contains(&read.iter().flatten().count()), "{}", read.iter().flatten().count());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(micros in any::<u64>()) {
            let span = TimeSpan(micros);
            prop_assert_eq!(TimeSpan::parse(&span.to_string()), Ok(span));
        }

        #[test]
        fn nothing_panics(text in "[0-9.+\\-smhµ infty]{0,24}|.{0,20}") {
            let _either = TimeSpan::parse(&text);
        }
    }
}
