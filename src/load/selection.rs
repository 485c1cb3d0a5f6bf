//! What an entry is about and when: `when`, `tags`, `hold`.

use std::collections::BTreeSet;

use crate::model::Until;

use super::allowed::{Fields, Keys, Notes, found};
use super::leaf;
use super::manifest::{Condition, Expr, HoldEntry, Selection, Setting};
use super::node::{Dialect, Node};
use super::tags::{NOT_TAGS, is_tag};

pub(super) const HOLD: Keys = Keys { of: "`hold`", now: &["reason", "until"], later: &[], sections: false };

const REASON_HELP: &str = "write `hold: {reason: why nobody shall touch it}`";

/// `when:` and `tags:`.
pub(super) fn selection(fields: &Fields<'_>, notes: &mut Notes<'_>) -> Selection {
    Selection {
        when: fields.get("when").map(|node| when(node, notes)).unwrap_or_default(),
        tags: fields.get("tags").map(|node| tags(node, notes)).unwrap_or_default(),
    }
}

/// One condition, or a list of which all have to hold.
fn when(node: Node<'_>, notes: &mut Notes<'_>) -> Vec<Condition> {
    match node.items() {
        Some(items) => items.into_iter().filter_map(|item| condition(item, notes)).collect(),
        None => condition(node, notes).into_iter().collect(),
    }
}

fn condition(node: Node<'_>, notes: &mut Notes<'_>) -> Option<Condition> {
    if let Some(value) = node.boolean(Dialect::Playbook) {
        return Some(Condition::Literal(value));
    }
    let help = "write true, false, or an expression such as `workers > 2`";
    let Some(text) = node.value().as_str() else {
        notes.error(node.span(), format!("a condition is an expression, but {}", found(node)), help);
        return None;
    };
    let written = text.trim();
    let instead = match written.to_lowercase().as_str() {
        "" => Some(help),
        "yes" | "on" | "y" => Some("write true"),
        "no" | "off" | "n" => Some("write false"),
        _ => None,
    };
    if let Some(help) = instead {
        let message =
            if written.is_empty() { "the condition is empty".to_owned() } else { format!("`{written}` is text") };
        notes.error(node.span(), message, help);
        return None;
    }
    if !leaf::is_template(written) && !written.contains("{%") {
        return Some(Condition::Expression(text.to_owned()));
    }
    let inside = written.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    match inside {
        Some(inside) if !inside.contains("{{") => Some(Condition::Template(text.to_owned())),
        _ => {
            let help = "write it without braces, such as `workers > 2`: the names in it are variables already";
            notes.error(node.span(), "a condition is one expression, and this mixes text and braces", help);
            None
        }
    }
}

/// One tag, or a list of them.
fn tags(node: Node<'_>, notes: &mut Notes<'_>) -> BTreeSet<String> {
    match node.items() {
        Some(items) => items.into_iter().filter_map(|item| tag(item, notes)).collect(),
        None => tag(node, notes).into_iter().collect(),
    }
}

fn tag(node: Node<'_>, notes: &mut Notes<'_>) -> Option<String> {
    let Some(text) = node.value().as_str() else {
        let help = match node.text() {
            Some(text) if !node.is_null() => format!("put it in quotes: \"{text}\""),
            _ => "write a word, or a list of words: `tags: [web, config]`".to_owned(),
        };
        notes.error(node.span(), format!("a tag is a word, but {}", found(node)), help);
        return None;
    };
    if is_tag(text) {
        return Some(text.to_owned());
    }
    let (message, help) = if leaf::is_template(text) {
        (
            "a tag cannot be a template".to_owned(),
            "tags are known before anything is rendered: write a plain word".to_owned(),
        )
    } else if NOT_TAGS.contains(&text) {
        (
            format!("`{text}` cannot be a tag"),
            "Ansible's `--tags` gives the word a meaning of its own: choose another".to_owned(),
        )
    } else if text.contains(',') {
        let words: Vec<&str> = text.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
        (
            format!("`{}` is several tags in one text", text.escape_debug()),
            format!("write a list: [{}]", words.join(", ")),
        )
    } else {
        let help = "use letters, digits, `-`, `_` and `.`, beginning with a letter or digit";
        (format!("`{}` cannot be a tag", text.escape_debug()), help.to_owned())
    };
    notes.error(node.span(), message, help);
    None
}

/// `hold:`; `null` takes back what `unit_defaults` says.
pub(super) fn hold(fields: &Fields<'_>, notes: &mut Notes<'_>) -> Setting<HoldEntry> {
    leaf::setting(fields.get("hold"), notes, |node, notes| hold_entry(node, notes).map(Expr::Literal))
}

fn hold_entry(node: Node<'_>, notes: &mut Notes<'_>) -> Option<HoldEntry> {
    if let Some(held) = node.boolean(Dialect::Playbook) {
        let (message, help) = if held {
            ("a hold needs a reason", REASON_HELP)
        } else {
            ("`hold` is not a switch", "leave it out, or write `hold: null` to take back the one of `unit_defaults`")
        };
        notes.error(node.span(), message, help);
        return None;
    }
    if let Some(text) = node.value().as_str() {
        let help = format!("write `hold: {{reason: \"{}\"}}`", text.escape_debug());
        notes.error(node.span(), "`hold` is written as a mapping, but this is text", help);
        return None;
    }
    let fields = Fields::read(node, &HOLD, Dialect::Playbook, notes)?;
    let until = fields.get("until").filter(|node| !node.is_null()).map(|node| until(node, notes));
    let Some(reason) = fields.get("reason").filter(|node| !node.is_null()) else {
        notes.error(node.key_span(), "a hold needs a reason", REASON_HELP);
        return None;
    };
    let reason = leaf::text(reason, notes).filter(|text| {
        if text.trim().is_empty() {
            notes.error(reason.span(), "a hold needs a reason, and this one is empty", REASON_HELP);
        }
        !text.trim().is_empty()
    });
    Some(HoldEntry { reason: reason?, until: until.flatten() })
}

fn until(node: Node<'_>, notes: &mut Notes<'_>) -> Option<String> {
    let Some(text) = node.text() else {
        return leaf::text(node, notes);
    };
    if !leaf::is_template(text)
        && let Err((message, help)) = parse_until(text)
    {
        notes.error(node.span(), format!("`until`: {message}"), help);
        return None;
    }
    Some(text.to_owned())
}

/// A date, which is its first moment in UTC, or a time with its offset. The error says what is wrong and what to write.
pub fn parse_until(text: &str) -> Result<Until, (String, &'static str)> {
    let is_date = |text: &str| {
        text.len() == 10
            && text.bytes().enumerate().all(|(at, c)| if matches!(at, 4 | 7) { c == b'-' } else { c.is_ascii_digit() })
    };
    let written = text.escape_debug();
    if is_date(text) {
        let none = |_| (format!("there is no day `{written}`"), "write year-month-day, such as 2026-12-01");
        let day: jiff::civil::Date = text.parse().map_err(none)?;
        let none = |_| (format!("there is no day `{written}`"), "write year-month-day, such as 2026-12-01");
        let start = day.to_zoned(jiff::tz::TimeZone::UTC).map_err(none)?;
        return Ok(Until { us: start.timestamp().as_microsecond(), text: format!("{text} 00:00 UTC") });
    }
    let has_time = text.get(..10).is_some_and(is_date) && matches!(text.as_bytes().get(10), Some(b'T' | b't' | b' '));
    match text.parse::<jiff::Timestamp>() {
        Ok(time) if has_time => Ok(Until { us: time.as_microsecond(), text: text.to_owned() }),
        _ if has_time => Err((
            format!("`{written}` is not a time with its offset from UTC"),
            "write it like 2026-12-01T08:30:00Z or 2026-12-01T08:30:00+02:00",
        )),
        _ => Err((
            format!("`{written}` is not a date"),
            "write a day such as 2026-12-01, or a time such as 2026-12-01T08:30:00Z",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_hold_is_a_moment() {
        for (text, us, shown) in [
            ("2026-12-01", 1_796_083_200_000_000, "2026-12-01 00:00 UTC"),
            ("2026-12-01T08:30:00Z", 1_796_113_800_000_000, "2026-12-01T08:30:00Z"),
            ("2026-12-01T08:30:00+02:00", 1_796_106_600_000_000, "2026-12-01T08:30:00+02:00"),
            ("1969-12-31T23:59:59Z", -1_000_000, "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(parse_until(text), Ok(Until { us, text: shown.to_owned() }), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in ["2026-02-30", "2026-12-01T08:30:00", "20261201", "2026-12", "tomorrow", "", "2026-12-01Z", "ä"] {
            assert!(parse_until(text).is_err(), "{text}");
        }
    }
}
