//! Booleans, numbers, lengths of time, sizes, shares and limits.

use super::super::super::size::Size;
use super::super::super::timespan::TimeSpan;

/// systemd's booleans, in any case (`parse_boolean`).
pub(super) fn boolean(value: &str) -> Result<String, String> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "yes" | "y" | "true" | "t" | "on" => Ok("yes".to_owned()),
        "0" | "no" | "n" | "false" | "f" | "off" => Ok("no".to_owned()),
        _ => Err(format!("`{value}` is no boolean: write yes or no")),
    }
}

/// A whole number as C's `strtol` reads it with the base 0, and systemd's `0b` and `0o` (`safe_atoi`).
pub(super) fn integer(value: &str, least: i64, most: i64) -> Result<String, String> {
    let (negative, digits) = match value.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, value.strip_prefix('+').unwrap_or(value)),
    };
    let lower = digits.to_ascii_lowercase();
    let (digits, base) = match lower.get(..2) {
        Some("0x") => (&lower[2..], 16),
        Some("0b") => (&lower[2..], 2),
        Some("0o") => (&lower[2..], 8),
        _ if lower.len() > 1 && lower.starts_with('0') => (&lower[1..], 8),
        _ => (lower.as_str(), 10),
    };
    let number = if digits.starts_with(['+', '-']) { None } else { i64::from_str_radix(digits, base).ok() };
    let number = number.map(|number| if negative { -number } else { number });
    match number {
        Some(number) if (least..=most).contains(&number) => Ok(number.to_string()),
        Some(_) => Err(format!("`{value}` is out of range: {least} to {most}")),
        None => Err(format!("`{value}` is no whole number")),
    }
}

/// `LEAST..MOST`.
pub(super) fn within(range: &str, value: &str) -> Result<String, String> {
    let (least, most) = range.split_once("..").unwrap_or_default();
    integer(value, least.parse().unwrap_or(i64::MIN), most.parse().unwrap_or(i64::MAX))
}

/// Permission bits (`parse_mode`).
pub(super) fn mode(value: &str) -> Result<String, String> {
    let digits = !value.is_empty() && value.chars().all(|c| c.is_digit(8));
    let mode = u32::from_str_radix(value, 8).ok().filter(|mode| digits && *mode <= 0o7777);
    mode.map(|mode| format!("{mode:04o}"))
        .ok_or_else(|| format!("`{value}` is no mode: write octal digits such as 0755"))
}

/// Microseconds, or `infinity`.
pub(super) fn timespan(value: &str) -> Result<String, String> {
    // What was put into one spelling is microseconds, and has to be read as such again.
    if let Some(digits) = value.strip_suffix("us").filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
        && let Ok(micros) = digits.parse::<u64>()
    {
        return Ok(spelled(micros));
    }
    match TimeSpan::parse(value) {
        Ok(span) => Ok(span.micros().map_or_else(|| "infinity".to_owned(), spelled)),
        Err(error) => Err(format!("`{value}` is no length of time: {error}")),
    }
}

fn spelled(micros: u64) -> String {
    if micros == 0 { "0".to_owned() } else { format!("{micros}us") }
}

/// As [`timespan`], but not less than a second.
pub(super) fn timespan_from_second(value: &str) -> Result<String, String> {
    let read = timespan(value)?;
    let micros = read.strip_suffix("us").and_then(|micros| micros.parse::<u64>().ok());
    if read == "0" || micros.is_some_and(|micros| micros < 1_000_000) {
        return Err(format!("`{value}` is less than a second"));
    }
    Ok(read)
}

/// Nanoseconds, which is also what a number without a unit counts.
pub(super) fn nanoseconds(value: &str) -> Result<String, String> {
    const UNITS: [(&str, u64); 6] =
        [("nsec", 1), ("ns", 1), ("usec", 1000), ("us", 1000), ("msec", 1_000_000), ("ms", 1_000_000)];
    let wrong = || format!("`{value}` is no length of time: write 50us or 100ms");
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let number = value[..digits].parse::<u64>();
    let unit = value[digits..].trim();
    match (number, UNITS.iter().find(|(name, _)| *name == unit)) {
        (Ok(number), Some((_, factor))) => Ok(number.checked_mul(*factor).ok_or_else(wrong)?.to_string()),
        (Ok(number), None) if unit.is_empty() => Ok(number.to_string()),
        // What is put together, or has a fraction, stays as it is.
        _ if TimeSpan::parse(&value.replace("ns", "us")).is_ok() => Ok(value.to_owned()),
        _ => Err(wrong()),
    }
}

/// The number of an error: its name, or itself. Numbers of names differ between machines.
pub(super) fn errno(value: &str) -> Result<String, String> {
    if value == "kill" {
        return Ok(value.to_owned());
    }
    let name = value.to_ascii_uppercase();
    let letters = name.len() > 1 && name.starts_with('E') && name.bytes().all(|b| b.is_ascii_alphanumeric());
    if letters { Ok(name) } else { integer(value, 1, 4095) }
}

/// The word or number of a type of service.
pub(super) fn type_of_service(value: &str) -> Result<String, String> {
    const WORDS: [(&str, u8); 4] = [("low-delay", 16), ("throughput", 8), ("reliability", 4), ("low-cost", 2)];
    match WORDS.iter().find(|(word, _)| *word == value) {
        Some((_, number)) => Ok(number.to_string()),
        None => integer(value, 0, 255),
    }
}

/// Bytes.
pub(super) fn size(value: &str) -> Result<String, String> {
    let read = Size::parse(value).map_err(|error| format!("`{value}` is no size: {error}"))?;
    Ok(read.bytes().to_string())
}

/// A size, a share of the machine's memory, or `infinity`.
pub(super) fn memory(value: &str) -> Result<String, String> {
    match value {
        "infinity" => Ok(value.to_owned()),
        _ if is_share(value) => share(value, 10_000),
        _ => size(value),
    }
}

/// A number of tasks, a share of what the machine allows, or `infinity`.
pub(super) fn tasks(value: &str) -> Result<String, String> {
    match value {
        "infinity" => Ok(value.to_owned()),
        _ if is_share(value) => share(value, 10_000),
        _ => integer(value, 1, i64::MAX),
    }
}

/// A share of one processor; more than one may be had.
pub(super) fn quota(value: &str) -> Result<String, String> {
    if !is_share(value) {
        return Err(format!("`{value}` is no share of a processor: write 20% or 150%"));
    }
    let read = share(value, u64::from(u32::MAX))?;
    if read == "0%" { Err("a quota of nothing is none: leave it empty to have no quota".to_owned()) } else { Ok(read) }
}

/// A share of a whole.
pub(super) fn percent(value: &str) -> Result<String, String> {
    if is_share(value) { share(value, 10_000) } else { Err(format!("`{value}` is no share: write 60%")) }
}

fn is_share(value: &str) -> bool {
    value.ends_with(['%', '\u{2030}', '\u{2031}'])
}

/// Percent with up to two places, permille with up to one, or permyriad; in permyriad at most `most`.
fn share(value: &str, most: u64) -> Result<String, String> {
    let wrong = || format!("`{value}` is no share: write 60% or 12.5%");
    let unit = value.chars().next_back().ok_or_else(wrong)?;
    let number = &value[..value.len() - unit.len_utf8()];
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let places = match unit {
        '%' => 2,
        '\u{2030}' => 1,
        _ => 0,
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > places || number.ends_with('.') {
        return Err(wrong());
    }
    let scaled = format!("{whole}{part:0<places$}");
    let permyriad: u64 = scaled.parse().map_err(|_| wrong())?;
    if permyriad > most {
        return Err(format!("`{value}` is more than {}%", most / 100));
    }
    Ok(match (permyriad / 100, permyriad % 100) {
        (whole, 0) => format!("{whole}%"),
        (whole, part) => format!("{whole}.{}%", format!("{part:02}").trim_end_matches('0')),
    })
}

/// `SOFT:HARD`, or one number for both (`rlimit_parse`).
pub(super) fn limit(kind: &str, value: &str) -> Result<String, String> {
    let (soft, hard) = value.split_once(':').unwrap_or((value, value));
    let (soft, hard) = (one_limit(kind, soft)?, one_limit(kind, hard)?);
    let number = |text: &str| if text == "infinity" { Some(u64::MAX) } else { text.parse::<u64>().ok() };
    if let (Some(low), Some(high)) = (number(&soft), number(&hard))
        && low > high
    {
        return Err(format!("the soft limit {soft} is above the hard limit {hard}"));
    }
    Ok(if soft == hard { soft } else { format!("{soft}:{hard}") })
}

fn one_limit(kind: &str, value: &str) -> Result<String, String> {
    if value == "infinity" && kind != "limit-nice" {
        return Ok(value.to_owned());
    }
    let micros = |span: TimeSpan| span.micros().map_or_else(|| "infinity".to_owned(), |micros| micros.to_string());
    let time = || TimeSpan::parse(value).map_err(|error| format!("`{value}` is no length of time: {error}"));
    let number = || integer(value, 0, i64::MAX);
    match kind {
        "limit-size" => size(value),
        // A bare number is in the unit that the kernel counts in.
        "limit-seconds" => number().or_else(|_| {
            let seconds = time()?.micros().map(|micros| micros.div_ceil(1_000_000).to_string());
            Ok(seconds.unwrap_or("infinity".to_owned()))
        }),
        "limit-microseconds" => number().or_else(|_| time().map(micros)),
        // `+5` and `-5` are nice levels, which the kernel counts from 20 down.
        "limit-nice" if value.starts_with(['+', '-']) => {
            let nice: i64 = integer(value, -20, 19)?.parse().map_err(|_| format!("`{value}` is no nice level"))?;
            Ok((20 - nice).to_string())
        }
        "limit-nice" => integer(value, 0, 40),
        _ => number(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;

    #[test]
    fn what_means_the_same_is_spelled_the_same() {
        for (kind, spellings) in [
            ("boolean", &["yes", "Yes", "1", "on", "true", "T"][..]),
            ("boolean", &["no", "OFF", "0", "f"]),
            ("timespan", &["300", "5min", "5 min", "300s", "4min 60s", "300000ms", "300000000us"]),
            ("timespan", &["infinity"]),
            ("timespan-or-never", &["0", "infinity", "0s"]),
            ("size", &["536870912", "512M", "0.5G", "524288K"]),
            ("memory", &["50%", "50.00%", "500\u{2030}", "5000\u{2031}"]),
            ("quota", &["150%", "150.0%"]),
            ("mode", &["755", "0755", "00755"]),
            ("signal", &["TERM", "SIGTERM", "15"]),
            ("signal", &["SIGABRT", "IOT", "6"]),
            ("integer:-2147483648..2147483647", &["16", "0x10", "020", "0b10000", "0o20", "+16"]),
            ("nanoseconds", &["50us", "50000", "50000 ns"]),
            ("errno", &["eperm", "EPERM"]),
            ("type-of-service", &["low-delay", "16", "0x10"]),
            ("limit-count", &["1024", "1024:1024"]),
            ("limit-size", &["1G", "1073741824", "1G:1024M"]),
            ("limit-nice", &["+5", "15"]),
            ("limit-seconds", &["90", "1min 30s", "90s:90"]),
        ] {
            let first = read(kind, spellings[0]).unwrap();
            for other in spellings {
                assert_eq!(read(kind, other).as_ref(), Ok(&first), "{kind} {other}");
            }
        }
    }

    #[test]
    fn what_systemd_refuses_is_refused() {
        for (kind, values) in [
            ("boolean", &["maybe", "2", ""][..]),
            ("timespan", &["5 mins", "-1", "soon"]),
            ("size", &["1GB", "1g", "-1", "50%"]),
            ("memory", &["101%", "1.234%", "%"]),
            ("quota", &["0%", "20", "-5%"]),
            ("mode", &["0999", "u+x", "10000"]),
            ("signal", &["SIGNONE", "0", "99", "term"]),
            ("integer:-20..19", &["-21", "20", "low"]),
            ("integer:-1000..1000", &["1001"]),
            ("weight", &["0", "10001", "idle"]),
            ("limit-count", &["5:4", "many", "-1"]),
            ("tasks", &["0", "-1"]),
        ] {
            for value in values {
                assert!(read(kind, value).is_err(), "{kind} {value}: {:?}", read(kind, value));
            }
        }
    }
}
