//! Values by the name of their type: read into one spelling, or refused with the reason.
//!
//! | module | types |
//! |---|---|
//! | `number` | booleans, numbers, lengths of time, sizes, shares, limits |
//! | `word` | lists of words, names, paths, words of a closed list |
//! | `command` | `ExecStart=` and its kin, `Environment=` |
//! | [`calendar`] | `OnCalendar=` |
//! | `settle` | several assignments together |
//!
//! What is only text to us (`text`) is never judged; of what is judged only in part, the spelling stays as it is. Two
//! values with one spelling mean the same to systemd; that two spellings mean different things is not promised.

pub mod calendar;
mod command;
mod number;
mod settle;
mod word;

pub(super) use settle::settle;
pub use word::since_word;

/// The one spelling of a value, or why systemd would not take it.
pub(super) fn read(kind: &str, value: &str) -> Result<String, String> {
    let value = value.trim_matches(BLANKS);
    if value.contains('\0') {
        return Err("it holds a NUL byte, where systemd stops reading a line".to_owned());
    }
    match kind.split_once(':') {
        Some(("enum", words)) => return word::one_of(words, value),
        Some(("boolean-or", words)) => return word::boolean_or(words, value),
        _ => {}
    }
    match kind {
        "boolean" => number::boolean(value),
        "integer" => number::integer(value, i64::from(i32::MIN), i64::from(i32::MAX)),
        "unsigned" => number::integer(value, 0, i64::from(u32::MAX)),
        "nice" => number::integer(value, -20, 19),
        "oom-score" => number::integer(value, -1000, 1000),
        "cpu-weight" if value == "idle" => Ok(value.to_owned()),
        "weight" | "cpu-weight" => number::integer(value, 1, 10_000),
        "mode" => number::mode(value),
        "signal" => number::signal(value),
        "timespan" => number::timespan(value),
        "timespan-or-never" => {
            number::timespan(value).map(|read| if read == "0" { "infinity".to_owned() } else { read })
        }
        "size" => number::size(value),
        "memory" => number::memory(value),
        "tasks" => number::tasks(value),
        "quota" => number::quota(value),
        "percent" => number::percent(value),
        limit if limit.starts_with("limit-") => number::limit(limit, value),
        "units" => word::units(value),
        "unit" => word::unit(value),
        "path" => word::path(value),
        "paths" => word::paths(value),
        "env-file" => word::optional_path(value),
        "working-directory" => word::working_directory(value),
        "words" | "capabilities" => word::words(value),
        "filter" => word::filter(value),
        "statuses" => word::statuses(value),
        "cpus" => word::cpus(value),
        "delegate" => number::boolean(value).or_else(|_| word::words(value)),
        "urls" => word::urls(value),
        "condition" | "condition-path" => word::condition(kind, value),
        "user" => word::user(value),
        "standard-input" => word::stream(value, true),
        "standard-output" => word::stream(value, false),
        "exec" => command::exec(value),
        "environment" => command::environment(value),
        "calendar" => calendar::normalize(value),
        // `text`, `listen`, `nanoseconds`, `device-timespan`: as written.
        _ => Ok(value.to_owned()),
    }
}

const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

/// The names of all types that are more than text; the tables are held against it.
#[cfg(test)]
pub(super) const KINDS: &[&str] = &[
    "boolean",
    "integer",
    "unsigned",
    "nice",
    "oom-score",
    "weight",
    "cpu-weight",
    "mode",
    "signal",
    "timespan",
    "timespan-or-never",
    "size",
    "memory",
    "tasks",
    "quota",
    "percent",
    "limit-count",
    "limit-size",
    "limit-seconds",
    "limit-microseconds",
    "limit-nice",
    "units",
    "unit",
    "path",
    "paths",
    "env-file",
    "working-directory",
    "words",
    "capabilities",
    "filter",
    "statuses",
    "cpus",
    "delegate",
    "urls",
    "condition",
    "condition-path",
    "user",
    "standard-input",
    "standard-output",
    "exec",
    "environment",
    "calendar",
    "text",
    "listen",
    "nanoseconds",
    "device-timespan",
];

#[cfg(test)]
mod tests {
    use super::super::all;
    use super::*;

    #[test]
    fn every_type_of_the_tables_is_known() {
        for directive in all() {
            let known = KINDS.contains(&directive.value)
                || directive.value.starts_with("enum:")
                || directive.value.starts_with("boolean-or:");
            assert!(known, "{} {}", directive.name, directive.value);
        }
    }

    proptest::proptest! {
        #[test]
        fn one_spelling_is_stable(kind in proptest::sample::select(KINDS), value in "[ -~\\n]{0,24}") {
            if let Ok(read) = read(kind, &value) {
                proptest::prop_assert_eq!(super::read(kind, &read), Ok(read.clone()), "{} {:?}", kind, value);
            }
        }

        #[test]
        fn numbers_have_one_spelling(value in "[0-9]{1,6}(ms|s|min|h|K|M|G|%)?") {
            for kind in KINDS {
                if let Ok(read) = read(kind, &value) {
                    proptest::prop_assert_eq!(super::read(kind, &read), Ok(read.clone()), "{} {:?}", kind, value);
                }
            }
        }
    }
}
