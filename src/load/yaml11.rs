//! Numbers of YAML 1.1, as Ansible reads them in inventories and files of variables.
//!
//! They differ from YAML 1.2 where it hurts: `010` is eight, `1:30` is ninety, `1_000` is a thousand, while `0o10` and
//! `1e3` are text. Tried with ansible-core 2.19.

use serde_json::{Number, Value};

/// The number that an unquoted text is; `None` for text that is none, or one that JSON cannot hold.
pub(super) fn number(text: &str) -> Option<Value> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if let Some(whole) = integer(digits) {
        let whole = if negative { -whole } else { whole };
        return i64::try_from(whole).map(Value::from).or_else(|_| u64::try_from(whole).map(Value::from)).ok();
    }
    // With a sign before its point it is text.
    let float = float(digits).filter(|_| digits.len() == text.len() || !digits.starts_with('.'))?;
    Number::from_f64(if negative { -float } else { float }).map(Value::Number)
}

fn integer(text: &str) -> Option<i128> {
    let radix = |digits: &str, radix: u32| {
        let digits: String = digits.chars().filter(|c| *c != '_').collect();
        let fine = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
        fine.then(|| i128::from_str_radix(&digits, radix).ok()).flatten()
    };
    if let Some(digits) = text.strip_prefix("0b") {
        return radix(digits, 2);
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if text == "0" {
        return Some(0);
    }
    if let Some(digits) = text.strip_prefix('0') {
        return radix(digits, 8);
    }
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mut parts = text.split(':');
    let first = radix(parts.next()?, 10)?;
    parts.try_fold(first, |sum, part| sum.checked_mul(60)?.checked_add(sixtieth(part)?))
}

/// One part of a number of base sixty: 0 to 59.
fn sixtieth(part: &str) -> Option<i128> {
    let fine = (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    fine.then(|| part.parse().ok()).flatten().filter(|number| *number < 60)
}

fn float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        // An exponent without its sign makes it text.
        Some((mantissa, exponent)) if exponent.starts_with(['+', '-']) => (mantissa, Some(exponent)),
        Some(_) => return None,
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let begins = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    if !digits(fraction) || whole.is_empty() && !begins(fraction) {
        return None;
    }
    if let Some((first, rest)) = whole.split_once(':') {
        let first: f64 = first.parse().ok().filter(|_| begins(first) && exponent.is_none())?;
        let whole = rest
            .split(':')
            .try_fold(first, |sum, part| Some(sum * 60.0 + f64::from(i32::try_from(sixtieth(part)?).ok()?)))?;
        return Some(whole + format!("0.{}0", fraction.replace('_', "")).parse::<f64>().ok()?);
    }
    if !(whole.is_empty() || begins(whole) && digits(whole)) {
        return None;
    }
    if exponent.is_some_and(|exponent| exponent.len() < 2 || !exponent[1..].bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    let plain = format!("0{whole}.{fraction}0").replace('_', "");
    format!("{plain}{}", exponent.map(|exponent| format!("e{exponent}")).unwrap_or_default()).parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_what_ansible_reads() {
        for (text, value) in [
            ("0", json!(0)),
            ("010", json!(8)),
            ("-010", json!(-8)),
            ("1_000", json!(1000)),
            ("+1", json!(1)),
            ("0x1F", json!(31)),
            ("0b11", json!(3)),
            ("1:30", json!(90)),
            ("190:20:30", json!(685_230)),
            ("1.", json!(1.0)),
            (".5", json!(0.5)),
            ("1.0", json!(1.0)),
            ("-1.5", json!(-1.5)),
            ("1.5e+3", json!(1500.0)),
            ("1.5e-3", json!(0.0015)),
            ("1:30.5", json!(90.5)),
            ("18446744073709551615", json!(u64::MAX)),
        ] {
            assert_eq!(number(text), Some(value), "{text}");
        }
    }

    #[test]
    fn what_ansible_takes_for_text_is_text() {
        for text in [
            "",
            "-",
            "+",
            ".",
            "a",
            "08",
            "-.5",
            "+.5e-2",
            "0o10",
            "-0o7",
            "1e3",
            "1.5e3",
            "1.2.3",
            "10.0.0.1",
            "2020-01-01",
            "1:60",
            "1:",
            ".inf",
            "0x",
            "1.5e+",
            "::1",
            "fe80::1",
            "1 2",
            "_1",
            "99999999999999999999999",
        ] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
