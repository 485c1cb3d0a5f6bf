//! Words: closed lists, names of units, paths, sets of numbers, filters.

use std::collections::BTreeSet;

use super::super::super::words::{split_names, split_words};
use super::{BLANKS, number};
use crate::model::UnitName;

/// One of `WORD,WORD@SINCE,WORD=NUMBER,…`; the number says the same as its word.
pub(super) fn one_of(words: &str, value: &str) -> Result<String, String> {
    let stands_for =
        |word: &&str| bare(word) == value || word.split_once('=').is_some_and(|(_, number)| number == value);
    if let Some(word) = words.split(',').find(stands_for) {
        return Ok(bare(word).to_owned());
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

/// `BindIPv6Only=`: yes is one of its words, no another.
pub(super) fn bind_ipv6_only(value: &str) -> Result<String, String> {
    match number::boolean(value).as_deref() {
        Ok("yes") => Ok("ipv6-only".to_owned()),
        Ok(_) => Ok("both".to_owned()),
        Err(_) => one_of("default,both,ipv6-only", value),
    }
}

fn bare(word: &str) -> &str {
    word.split(['@', '=']).next().unwrap_or(word)
}

/// The first version of systemd that knows this word of a closed list; `None`: as old as the directive.
#[must_use]
pub fn since_word(kind: &str, value: &str) -> Option<u32> {
    let (_, words) = kind.split_once(':')?;
    let found = words.split(',').find(|word| bare(word) == value)?;
    found.split_once('@')?.1.parse().ok()
}

/// Names of units, sorted. Quotes mean something in `[Install]` alone.
pub(super) fn units(value: &str, quotes: bool) -> Result<String, String> {
    let names = if quotes {
        split_names(value).map_err(|error| error.to_string())?
    } else {
        value.split(BLANKS).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let sorted: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    for name in &sorted {
        unit(name)?;
    }
    Ok(sorted.into_iter().collect::<Vec<_>>().join(" "))
}

/// Names of units of one kind, sorted.
pub(super) fn units_of(kind: &str, value: &str) -> Result<String, String> {
    let names = units(value, false)?;
    let other = names.split(' ').find(|name| !name.contains('%') && name.rsplit('.').next() != Some(kind));
    other.map_or(Ok(names.clone()), |name| Err(format!("`{name}` is no name of a {kind}: it ends otherwise")))
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
    if value.split('/').any(|part| part == "..") {
        return Err(format!("`{value}` has `..` in it"));
    }
    Ok(simplified(value))
}

/// A path of a file in `/run`: what is not absolute lies there, and `/var/run` is an old name of it.
pub(super) fn run_path(value: &str) -> Result<String, String> {
    let path = path(&if value.starts_with(['/', '%']) { value.to_owned() } else { format!("/run/{value}") })?;
    Ok(path.strip_prefix("/var/run/").map_or(path.clone(), |rest| format!("/run/{rest}")))
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

/// Numbers and ranges of them as the shortest list of both.
pub(super) fn cpus(value: &str) -> Result<String, String> {
    /// No machine has more; it bounds what a range makes.
    const MOST: i64 = 8191;
    // The processors of the memory nodes; all memory nodes.
    if value == "numa" || value == "all" {
        return Ok(value.to_owned());
    }
    let mut numbers = BTreeSet::new();
    for word in value.split(|c: char| c == ',' || BLANKS.contains(&c)).filter(|word| !word.is_empty()) {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let number = |text: &str| {
            let read = number::integer(text, 0, MOST).ok()?;
            read.parse::<u32>().ok()
        };
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
    let rest = if kind == "condition-path" { rest } else { rest.trim_start_matches(BLANKS) };
    let rest = if kind == "condition-path" { path(rest)? } else { rest.to_owned() };
    Ok(format!("{or}{not}{rest}"))
}

/// A name of a user or group, or a number. systemd is generous: blanks and dots may be within a name.
pub(super) fn user(value: &str) -> Result<String, String> {
    let number = value.strip_prefix('-').unwrap_or(value);
    let reserved = if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) {
        value.parse::<u32>().map_or(true, |id| id == 65535 || id == u32::MAX)
    } else {
        false
    };
    let bad = value.is_empty() || value.contains(|c: char| c.is_control() || matches!(c, '/' | ':'));
    if bad || reserved { Err(format!("`{value}` is no name of a user or group")) } else { Ok(value.to_owned()) }
}

/// Where a process reads from or writes to.
pub(super) fn stream(value: &str, input: bool) -> Result<String, String> {
    const IN: [&str; 7] = ["null", "tty", "tty-force", "tty-fail", "socket", "data", "fd"];
    const OUT: [&str; 11] = [
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
    ];
    let known: &[&str] = if input { &IN } else { &OUT };
    if known.contains(&value) {
        return Ok(value.replace("syslog", "journal"));
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
            ("names", "~b a", "~a b"),
            ("run-path", "/var/run/a.pid", "a.pid"),
            ("enum:none=0,realtime=1", "1", "realtime"),
            ("statuses", "SIGKILL 3 3", "3 KILL"),
            ("statuses", "TEMPFAIL", "75"),
            ("cpus", "0 1 2 5", "0-2,5"),
            ("delegate", "on", "yes"),
            ("condition-path", "|!/a//b", "|!/a/b"),
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
            ("statuses", "-1"),
            ("cpus", "3-1"),
            ("cpus", "a"),
            ("urls", "see the wiki"),
            ("user", "a:b"),
            ("user", "65535"),
            ("path", "/a/../b"),
            ("units-of:socket", "a.service"),
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
