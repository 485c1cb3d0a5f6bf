//! Words: closed lists, names of units, paths, sets of numbers, filters.

use std::collections::BTreeSet;

use super::super::super::words::{split_names, split_words};
use super::{BLANKS, number};
use crate::model::UnitName;

/// One of `WORD,WORD@SINCE,…`.
pub(super) fn one_of(words: &str, value: &str) -> Result<String, String> {
    if words.split(',').any(|word| bare(word) == value) {
        return Ok(value.to_owned());
    }
    let known: Vec<&str> = words.split(',').map(bare).collect();
    Err(format!("`{value}` is none of its words: {}", known.join(", ")))
}

/// A boolean, or one of the words.
pub(super) fn boolean_or(words: &str, value: &str) -> Result<String, String> {
    number::boolean(value).or_else(|_| {
        one_of(words, value).map_err(|_| {
            let known: Vec<&str> = words.split(',').map(bare).collect();
            format!("`{value}` is neither a boolean nor one of its words: {}", known.join(", "))
        })
    })
}

fn bare(word: &str) -> &str {
    word.split('@').next().unwrap_or(word)
}

/// The first version of systemd that knows this word of a closed list; `None`: as old as the directive.
#[must_use]
pub fn since_word(kind: &str, value: &str) -> Option<u32> {
    let (_, words) = kind.split_once(':')?;
    let found = words.split(',').find(|word| bare(word) == value)?;
    found.split_once('@')?.1.parse().ok()
}

/// Names of units, sorted.
pub(super) fn units(value: &str) -> Result<String, String> {
    let names = split_names(value).map_err(|error| error.to_string())?;
    let sorted: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    for name in &sorted {
        unit(name)?;
    }
    Ok(sorted.into_iter().collect::<Vec<_>>().join(" "))
}

/// One unit.
pub(super) fn unit(value: &str) -> Result<String, String> {
    if value.contains('%') || UnitName::parse(value).is_ok() {
        return Ok(value.to_owned());
    }
    Err(format!("`{value}` is no name of a unit: it needs its kind at the end, as in `{value}.service`"))
}

/// An absolute path without what means nothing in it (`path_simplify`).
pub(super) fn path(value: &str) -> Result<String, String> {
    let home = value.starts_with('%');
    if !value.starts_with('/') && !home {
        return Err(format!("`{value}` is no absolute path"));
    }
    Ok(simplified(value))
}

pub(super) fn simplified(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let joined = parts.join("/");
    if path.starts_with('/') { format!("/{joined}") } else { joined }
}

/// Several of them, in order.
pub(super) fn paths(value: &str) -> Result<String, String> {
    let words = split_words(value).map_err(|error| error.to_string())?;
    let paths: Result<Vec<String>, String> = words.iter().map(|word| path(word)).collect();
    Ok(written(&paths?))
}

/// `-` before it: it may be missing.
pub(super) fn optional_path(value: &str) -> Result<String, String> {
    let (mark, rest) = value.strip_prefix('-').map_or(("", value), |rest| ("-", rest));
    Ok(format!("{mark}{}", path(rest)?))
}

/// A path, the home directory (`~`), or either with `-` before it.
pub(super) fn working_directory(value: &str) -> Result<String, String> {
    let (mark, rest) = value.strip_prefix('-').map_or(("", value), |rest| ("-", rest));
    if rest == "~" { Ok(value.to_owned()) } else { Ok(format!("{mark}{}", path(rest)?)) }
}

/// Words, in order, one blank between them.
pub(super) fn words(value: &str) -> Result<String, String> {
    split_words(value).map(|words| written(&words)).map_err(|error| error.to_string())
}

/// `~` before it: all but these. The words of one assignment are a set.
pub(super) fn filter(value: &str) -> Result<String, String> {
    let (mark, rest) = value.strip_prefix('~').map_or(("", value), |rest| ("~", rest));
    if let Ok(read) = number::boolean(rest)
        && mark.is_empty()
    {
        return Ok(read);
    }
    let words: BTreeSet<String> = split_words(rest).map_err(|error| error.to_string())?.into_iter().collect();
    if words.iter().next().is_some_and(|first| first.starts_with('~')) {
        return Err(format!("`{value}` has more than one `~` at its beginning"));
    }
    Ok(format!("{mark}{}", written(&words.into_iter().collect::<Vec<_>>())))
}

/// Exit codes and signals, sorted.
pub(super) fn statuses(value: &str) -> Result<String, String> {
    let words: BTreeSet<String> = split_words(value).map_err(|error| error.to_string())?.into_iter().collect();
    for word in &words {
        let number = word.parse::<u8>().is_ok();
        let name =
            word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'_' | b'+' | b'-'));
        if !number && (!name || word.bytes().all(|b| b.is_ascii_digit())) {
            return Err(format!("`{word}` is neither an exit code (0 to 255) nor the name of one or of a signal"));
        }
    }
    Ok(written(&words.into_iter().collect::<Vec<_>>()))
}

/// Numbers and ranges of them as the shortest list of both. `numa` stands for the processors of the memory nodes.
pub(super) fn cpus(value: &str) -> Result<String, String> {
    /// No machine has more; it bounds what a range makes.
    const MOST: u32 = 8191;
    if value == "numa" {
        return Ok(value.to_owned());
    }
    let mut numbers = BTreeSet::new();
    for word in value.split(|c: char| c == ',' || BLANKS.contains(&c)).filter(|word| !word.is_empty()) {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let number = |text: &str| text.parse::<u32>().ok().filter(|number| *number <= MOST && !text.starts_with('+'));
        match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => numbers.extend(first..=last),
            _ => return Err(format!("`{word}` is no number of a processor, nor a range such as 0-3")),
        }
    }
    if numbers.is_empty() {
        return Err("it names no processor".to_owned());
    }
    Ok(ranges(&numbers))
}

pub(super) fn ranges(numbers: &BTreeSet<u32>) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => runs.push((*number, *number)),
        }
    }
    let shown =
        runs.iter().map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") });
    shown.collect::<Vec<_>>().join(",")
}

/// Where documentation lies.
pub(super) fn urls(value: &str) -> Result<String, String> {
    const HEADS: [&str; 5] = ["http://", "https://", "file:/", "info:", "man:"];
    let words = split_words(value).map_err(|error| error.to_string())?;
    match words.iter().find(|word| !HEADS.iter().any(|head| word.starts_with(head))) {
        Some(word) => Err(format!("`{word}` is no address: it begins with one of {}", HEADS.join(", "))),
        None => Ok(written(&words)),
    }
}

/// `|` and `!` before it, in this order.
pub(super) fn condition(kind: &str, value: &str) -> Result<String, String> {
    let (or, rest) = value.strip_prefix('|').map_or(("", value), |rest| ("|", rest));
    let (not, rest) = rest.strip_prefix('!').map_or(("", rest), |rest| ("!", rest));
    let rest = rest.trim_start_matches(BLANKS);
    // ConditionNeedsUpdate= and the paths of all others.
    let rest = if kind == "condition-path" { path(rest)? } else { rest.to_owned() };
    Ok(format!("{or}{not}{rest}"))
}

/// A name of a user or group, or a number.
pub(super) fn user(value: &str) -> Result<String, String> {
    let bad =
        value.is_empty() || value.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | ':'));
    if bad { Err(format!("`{value}` is no name of a user or group")) } else { Ok(value.to_owned()) }
}

/// Where a process reads from or writes to.
pub(super) fn stream(value: &str, input: bool) -> Result<String, String> {
    const IN: [&str; 7] = ["null", "tty", "tty-force", "tty-fail", "socket", "data", "fd"];
    const OUT: [&str; 12] = [
        "inherit",
        "null",
        "tty",
        "journal",
        "kmsg",
        "journal+console",
        "kmsg+console",
        "socket",
        "fd",
        // Taken for `journal`, with a warning.
        "syslog",
        "syslog+console",
        "console",
    ];
    let known: &[&str] = if input { &IN } else { &OUT };
    if known.contains(&value) {
        return Ok(value.to_owned());
    }
    let heads: &[&str] = if input { &["file:"] } else { &["file:", "append:", "truncate:"] };
    if value.starts_with("fd:") {
        return Ok(value.to_owned());
    }
    match heads.iter().find_map(|head| Some((*head, value.strip_prefix(head)?))) {
        Some((head, rest)) => Ok(format!("{head}{}", path(rest)?)),
        None => {
            Err(format!("`{value}` is none of its words: {}, fd:NAME, {}PATH", known.join(", "), heads.join("PATH, ")))
        }
    }
}

/// Words as one value that is split into the same words again.
pub(super) fn written(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '\'' | '\\');
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let mut text = String::from("\"");
    for c in word.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            c if c.is_ascii_control() => text.extend(format!("\\x{:02x}", u32::from(c)).chars()),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    #[test]
    fn what_means_the_same_is_spelled_the_same() {
        for (kind, one, other) in [
            ("units", "b.service a.service", "a.service  b.service a.service"),
            ("path", "/a//b/./c/", "/a/b/c"),
            ("env-file", "-/etc//x", "-/etc/x"),
            ("words", "'a' \"b c\"", "a  'b c'"),
            ("filter", "~b a", "~a b"),
            ("filter", "true", "yes"),
            ("statuses", "SIGKILL 3 3", "3 SIGKILL"),
            ("cpus", "0 1 2 5", "0-2,5"),
            ("delegate", "on", "yes"),
            ("condition-path", "|! /a//b", "|!/a/b"),
            ("working-directory", "-/srv/", "-/srv"),
            ("standard-output", "append:/var//log/x", "append:/var/log/x"),
            ("boolean-or:full,strict", "true", "yes"),
            ("boolean-or:full,strict", "full", "full"),
        ] {
            assert_eq!(read(kind, one), read(kind, other), "{kind}");
            assert!(read(kind, one).is_ok(), "{kind} {one}: {:?}", read(kind, one));
        }
    }

    #[test]
    fn what_systemd_refuses_is_refused() {
        for (kind, value) in [
            ("units", "network"),
            ("path", "etc/x"),
            ("env-file", "--/x"),
            ("words", "'a"),
            ("statuses", "256"),
            ("statuses", "fine"),
            ("cpus", "3-1"),
            ("cpus", "a"),
            ("urls", "see the wiki"),
            ("user", "a b"),
            ("standard-output", "file:x"),
            ("standard-output", "log"),
            ("enum:simple,exec@240", "Simple"),
            ("boolean-or:full,strict", "ful"),
            ("condition-path", "x"),
        ] {
            assert!(read(kind, value).is_err(), "{kind} {value}");
        }
    }

    #[test]
    fn words_have_an_age() {
        assert_eq!(since_word("enum:simple,exec@240", "exec"), Some(240));
        assert_eq!(since_word("enum:simple,exec@240", "simple"), None);
        assert_eq!(since_word("boolean", "yes"), None);
    }
}
