//! Values by the name of their type: read into one spelling, or refused with the reason.
//!
//! | module | types |
//! |---|---|
//! | `number` | booleans, numbers, lengths of time, sizes, shares, limits |
//! | `word` | names, paths, words of a closed list |
//! | `list` | filters, paths with marks, devices: lists whose words have a grammar |
//! | `address` | what sockets listen on, and prefixes of addresses |
//! | `status` | signals and exit codes |
//! | `command` | `ExecStart=` and its kin, `Environment=` |
//! | [`calendar`] | `OnCalendar=` |
//! | `settle` | several assignments together |
//!
//! What is only text to us (`text`) is never judged; of what is judged only in part, the spelling stays as it is. Two
//! values with one spelling mean the same to systemd; that two spellings mean different things is not promised.

mod address;
pub mod calendar;
mod command;
mod list;
mod number;
#[cfg(test)]
mod proof;
mod settle;
mod status;
mod word;

pub(super) use settle::settle;
pub use word::since_word;

/// The one spelling of a value, or why systemd would not take it.
pub(super) fn read(kind: &str, value: &str) -> Result<String, String> {
    let value = value.trim_matches(BLANKS);
    if value.contains('\0') {
        return Err("it holds a NUL byte, where systemd stops reading a line".to_owned());
    }
    let (kind, given) = kind.split_once(':').unwrap_or((kind, ""));
    match kind {
        "text" => Ok(value.to_owned()),
        "enum" => word::one_of(given, value),
        "boolean-or" => word::boolean_or(given, value),
        "integer" => number::within(given, value),
        "words-of" => list::words_of(given, value),
        "unit-of" | "units-of" => word::units_of(given, value),
        _ => of_numbers(kind, value)
            .or_else(|| of_words(kind, value))
            .or_else(|| of_lists(kind, value))
            .unwrap_or_else(|| Ok(value.to_owned())),
    }
}

type Read = Option<Result<String, String>>;

fn of_numbers(kind: &str, value: &str) -> Read {
    Some(match kind {
        "boolean" | "tristate" => number::boolean(value),
        "bind-ipv6-only" => word::bind_ipv6_only(value),
        "cpu-weight" if value == "idle" => Ok(value.to_owned()),
        "weight" | "cpu-weight" => number::integer(value, 1, 10_000),
        "mode" => number::mode(value),
        "signal" => status::signal(value),
        "timespan" => number::timespan(value),
        "timespan-from-second" => number::timespan_from_second(value),
        "timespan-or-never" => {
            number::timespan(value).map(|read| if read == "0" { "infinity".to_owned() } else { read })
        }
        "nanoseconds" => number::nanoseconds(value),
        "size" => number::size(value),
        "memory" => number::memory(value),
        "tasks" => number::tasks(value),
        "quota" => number::quota(value),
        "percent" => number::percent(value),
        "errno" => number::errno(value),
        "type-of-service" => number::type_of_service(value),
        "calendar" => calendar::normalize(value),
        limit if limit.starts_with("limit-") => number::limit(limit, value),
        _ => return None,
    })
}

fn of_words(kind: &str, value: &str) -> Read {
    Some(match kind {
        "units" => word::units(value, false),
        "install-units" => word::units(value, true),
        "unit" => word::unit(value),
        "path" => word::path(value),
        "run-path" => word::run_path(value),
        "paths" => word::paths(value),
        "env-file" => word::optional_path(value),
        "working-directory" => word::working_directory(value),
        "words" => word::words(value),
        "statuses" => status::statuses(value),
        "cpus" => word::cpus(value),
        "delegate" => number::boolean(value).or_else(|_| list::words_of(list::CONTROLLERS, value)),
        "urls" => word::urls(value),
        "condition" | "condition-path" => word::condition(kind, value),
        "user" => word::user(value),
        "standard-input" => word::stream(value, true),
        "standard-output" => word::stream(value, false),
        "exec" => command::exec(value),
        "environment" => command::environment(value),
        _ => return None,
    })
}

fn of_lists(kind: &str, value: &str) -> Read {
    Some(match kind {
        filter if FILTERS.contains(&filter) => list::filter(kind, value),
        "groups" => list::groups(value),
        "variables" => list::variables(value, false),
        "variables-or-assignments" => list::variables(value, true),
        "fields" => list::fields(value),
        "marked-paths" => list::marked_paths(value),
        "binds" => list::binds(value),
        "mounts" => list::mounts(value),
        "search-path" => list::search_path(value),
        "directories" => list::directories(value),
        "coredump-filter" => list::coredump_filter(value),
        "device-access" => list::device_access(value),
        device if device.starts_with("device-") => list::of_device(device, value),
        "listen" => address::listen(value),
        "prefixes" => address::prefixes(value),
        _ => return None,
    })
}

/// Of these, `~` before the words says all but them, and assignments build on each other.
const FILTERS: [&str; 5] = ["capabilities", "system-calls", "address-families", "namespaces", "names"];

const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

/// The names of all types that are more than text; the tables are held against it.
#[cfg(test)]
pub(super) const KINDS: &[&str] = &[
    "boolean",
    "tristate",
    "bind-ipv6-only",
    "integer:-2147483648..2147483647",
    "integer:0..4294967295",
    "integer:-20..19",
    "weight",
    "cpu-weight",
    "mode",
    "signal",
    "timespan",
    "timespan-from-second",
    "timespan-or-never",
    "nanoseconds",
    "size",
    "memory",
    "tasks",
    "quota",
    "percent",
    "errno",
    "type-of-service",
    "limit-count",
    "limit-size",
    "limit-seconds",
    "limit-microseconds",
    "limit-nice",
    "units",
    "install-units",
    "unit",
    "unit-of:slice",
    "units-of:socket",
    "path",
    "run-path",
    "paths",
    "env-file",
    "working-directory",
    "words",
    "words-of:keep-caps,noroot",
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
    "capabilities",
    "system-calls",
    "address-families",
    "namespaces",
    "names",
    "groups",
    "variables",
    "variables-or-assignments",
    "fields",
    "marked-paths",
    "binds",
    "mounts",
    "search-path",
    "directories",
    "coredump-filter",
    "device-access",
    "device-weight",
    "device-old-weight",
    "device-rate",
    "device-timespan",
    "listen",
    "prefixes",
    "text",
];

#[cfg(test)]
mod tests {
    use super::super::all;
    use super::*;

    #[test]
    fn every_type_of_the_tables_is_known() {
        for directive in all() {
            let kind = |value: &'static str| value.split(':').next();
            let known = KINDS.iter().any(|known| kind(known) == kind(directive.value));
            let closed = directive.value.starts_with("enum:") || directive.value.starts_with("boolean-or:");
            assert!(known || closed, "{} {}", directive.name, directive.value);
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
