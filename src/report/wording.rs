//! Numbers, times and lists of names as people read them.

/// `1,234`.
pub(super) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 file`, `1,234 files`.
#[must_use]
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number), if number == 1 { one } else { many })
}

/// `312 bytes`, `12.3 kB`, `4.0 MB`.
pub(super) fn size(bytes: u64) -> String {
    let tenths = |unit: u64| format!("{}.{}", bytes / unit, bytes % unit * 10 / unit);
    match bytes {
        1 => "1 byte".to_owned(),
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} kB", tenths(1_000)),
        1_000_000..1_000_000_000 => format!("{} MB", tenths(1_000_000)),
        _ => format!("{} GB", tenths(1_000_000_000)),
    }
}

/// `0.4 s`, `12 s`, `3 min 20 s`.
pub(super) fn elapsed(milliseconds: u64) -> String {
    match milliseconds {
        0..10_000 => format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100),
        10_000..60_000 => format!("{} s", milliseconds / 1000),
        _ => format!("{} min {} s", milliseconds / 60_000, milliseconds / 1000 % 60),
    }
}

/// How long ago, in the two largest units, as systemctl says it: `3 days 4h`, `2h 5min`, `12s`.
pub(super) fn age(microseconds: i64) -> String {
    let seconds = microseconds.max(0) / 1_000_000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let days_word = if days == 1 { "day" } else { "days" };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}min {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {minutes}min"),
        (_, 0, _) => format!("{days} {days_word}"),
        _ => format!("{days} {days_word} {hours}h"),
    }
}

/// `a`, `a and b`, `a, b and c`, `a, b and 7 more`: never more than `most` names.
pub(super) fn names<T: AsRef<str>>(names: &[T], most: usize) -> String {
    match names {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        _ => {
            let shown = if names.len() <= most { names.len() - 1 } else { most.saturating_sub(1).max(1) };
            let head: Vec<&str> = names[..shown].iter().map(AsRef::as_ref).collect();
            let rest = names.len() - shown;
            let tail = if rest == 1 { names[shown].as_ref().to_owned() } else { format!("{} more", thousands(rest)) };
            format!("{} and {tail}", head.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let shown: Vec<String> = [0, 999, 1000, 1_234_567].into_iter().map(thousands).collect();
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(count(1, "file", "files"), "1 file");
        assert_eq!(count(2000, "file", "files"), "2,000 files");
    }

    #[test]
    fn sizes_and_times_are_short() {
        let sizes: Vec<String> = [0, 1, 999, 12_345, 4_000_000].into_iter().map(size).collect();
        assert_eq!(sizes, ["0 bytes", "1 byte", "999 bytes", "12.3 kB", "4.0 MB"]);
        let times: Vec<String> = [0, 420, 59_999, 200_000].into_iter().map(elapsed).collect();
        assert_eq!(times, ["0.0 s", "0.4 s", "59 s", "3 min 20 s"]);
        let ages: Vec<String> =
            [12, 62, 7_500, 86_400, 273_600].into_iter().map(|seconds| age(seconds * 1_000_000)).collect();
        assert_eq!(ages, ["12s", "1min 2s", "2h 5min", "1 day", "3 days 4h"]);
    }

    #[test]
    fn names_are_few() {
        for (given, most, shown) in [
            (vec!["a"], 3, "a"),
            (vec!["a", "b"], 3, "a and b"),
            (vec!["a", "b", "c"], 3, "a, b and c"),
            (vec!["a", "b", "c", "d"], 3, "a, b and 2 more"),
        ] {
            assert_eq!(names(&given, most), shown);
        }
    }
}
