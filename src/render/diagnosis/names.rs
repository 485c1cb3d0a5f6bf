//! Names that do not exist here: the nearest that does, or what to use instead.
//!
//! Ansible's users know many filters by heart. What is missing on purpose (clock, random numbers, this machine's
//! files and environment) or has another name is told in one sentence.

/// The engine's own filters, as far as they are worth suggesting.
pub(super) const FILTERS: [&str; 44] = [
    "abs",
    "attr",
    "batch",
    "bool",
    "capitalize",
    "chain",
    "count",
    "default",
    "dictsort",
    "escape",
    "first",
    "float",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "to_json",
    "trim",
    "unique",
    "upper",
    "zip",
];

/// The engine's own tests.
const TESTS: [&str; 17] = [
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "even",
    "float",
    "integer",
    "iterable",
    "mapping",
    "none",
    "number",
    "odd",
    "sameas",
    "sequence",
    "startingwith",
    "string",
    "undefined",
];

/// The engine's own functions.
const FUNCTIONS: [&str; 3] = ["range", "dict", "namespace"];

/// What to use instead of a filter that others have.
const OTHER_FILTERS: &[(&[&str], &str)] = &[
    (
        &["regex_replace", "regex_search", "regex_findall", "regex_escape"],
        "there are no regular expressions: use `replace`, `split`, `x is startingwith 'a'` or `'a' in x`",
    ),
    (&["human_to_bytes"], "use `to_bytes`: `'512M' | to_bytes`"),
    (&["human_readable", "filesizeformat"], "use `size`, which writes sizes as systemd reads them"),
    (&["to_nice_yaml"], "use `to_yaml`"),
    (&["from_yaml_all"], "use `from_yaml` for one document"),
    (&["pprint", "to_python", "type_debug"], "use `to_json` or `to_nice_json`"),
    (&["dict2items"], "use `items`: `{% for key, value in x | items %}`"),
    (&["items2dict"], "write the map itself, or build it with `combine` in a loop"),
    (&["subelements", "product", "permutations", "combinations"], "write one loop in another"),
    (&["zip_longest"], "use `zip`"),
    (&["flatten", "union"], "use `a + b`, and `unique` where nothing shall be there twice"),
    (
        &["intersect", "difference", "symmetric_difference"],
        "use `select`/`reject` with `in`: `a | reject('in', b) | list`",
    ),
    (&["json_query", "community.general.json_query"], "use `selectattr`, `map(attribute=…)` and `list`"),
    (
        &["password_hash", "random", "shuffle", "random_mac", "to_uuid"],
        "nothing here is random: the same playbook always gives the same text",
    ),
    (&["strftime", "to_datetime"], "there is no clock here: a date in a file would be a change in every run"),
    (&["checksum", "sha1", "md5"], "use `hash`: `x | hash('sha256')`"),
    (&["vault", "unvault"], "values of Ansible's vault cannot be read"),
    (
        &["expanduser", "expandvars", "realpath", "relpath", "fileglob"],
        "files and variables of this machine are not looked at",
    ),
    (&["mandatory"], "leave it away: a variable that is not defined is always an error"),
    (
        &["ipaddr", "ipv4", "ipv6", "ansible.utils.ipaddr", "ansible.netcommon.ipaddr"],
        "addresses are not taken apart: put what is needed in variables",
    ),
    (&["splitext"], "use `split`: `x.split('.') | first`"),
    (&["path_join"], "use `join('/')`"),
    (&["extract"], "use `x[key]`"),
    (&["log", "pow", "root"], "use `x ** y`"),
    (&["comment"], "write the `#` in the template: `{{ x | indent(2) }}`"),
    (&["truncate"], "use a slice: `x[:20]`"),
    (&["center", "wordwrap"], "use `format`: `'%-20s' | format(x)`"),
    (&["wordcount"], "use `x.split() | length`"),
    (
        &["to_seconds_string", "seconds", "minutes", "duration"],
        "use `timespan` for systemd's text, `to_seconds` for a number",
    ),
    (&["shell_quote", "shellquote", "quote_shell"], "use `quote`"),
    (&["base64", "b64"], "use `b64encode` or `b64decode`"),
    (&["sha256", "sha512"], "use `hash('sha256')` or `hash('sha512')`"),
    (&["yaml"], "use `to_yaml` or `from_yaml`"),
    (&["json"], "use `to_json` or `from_json`"),
];

/// What to use instead of a test that others have.
const OTHER_TESTS: &[(&[&str], &str)] = &[
    (&["match", "search", "regex"], "there are no regular expressions: use `x is startingwith 'a'` or `'a' in x`"),
    (&["contains", "subset", "superset"], "use `in`: `'a' in x`"),
    (&["version", "version_compare"], "versions are not compared"),
    (&["file", "exists", "directory", "link", "abs"], "files of this machine or the host are not looked at"),
    (&["changed", "failed", "succeeded", "success", "skipped"], "there are no tasks, and so no results of them"),
    (&["truthy", "falsy"], "write `{% if x %}`"),
    (&["empty"], "use `x | length == 0`"),
    (&["callable", "filter", "test"], "there is nothing here to ask that for"),
    (&["null", "nil"], "use `x is none`"),
    (&["any", "all"], "use `select`: `x | select | list | length`"),
    (&["str"], "use `x is string`"),
    (&["list", "array"], "use `x is sequence`"),
    (&["dict", "map"], "use `x is mapping`"),
];

/// What to use instead of a function that others have.
const OTHER_FUNCTIONS: &[(&[&str], &str)] = &[
    (&["debug"], "nothing prints all variables; `{{ x | to_json }}` prints one"),
    (&["query", "q"], "use `lookup('file', …)` for a file's text, `hosts('…')` for hosts"),
    (&["now"], "there is no clock here: a date in a file would be a change in every run"),
    (&["file", "read_file", "slurp", "open"], "use `lookup('file', 'NAME')`"),
    (&["env", "getenv"], "the environment of this machine is not read: give the value with `-e`"),
    (&["random", "lipsum"], "nothing here is random: the same playbook always gives the same text"),
    (&["len"], "use `length`: `x | length`"),
    (&["str"], "use `string`: `x | string`"),
    (
        &["int", "float", "list", "sorted", "min", "max", "sum", "abs", "round", "enumerate", "zip"],
        "it is a filter, or `loop.index`: `x | int`, `x | sort`",
    ),
    (&["print"], "write `{{ x }}`"),
    (&["undef"], "leave the variable undefined, or use `fail('…')`"),
    (&["raise", "assert", "error"], "use `fail('…')`"),
    (&["groups"], "`groups` is a map: `groups['web']`; `hosts('web')` gives hosts with their variables"),
    (&["joiner", "cycler"], "use `loop.first`, `loop.last` and `loop.cycle('a', 'b')`"),
];

/// What to use instead of a variable that Ansible has.
const OTHER_VARIABLES: &[(&[&str], &str)] = &[
    (&["inventory_hostname", "inventory_hostname_short"], "the host's name in the inventory is `host`"),
    (
        &["hostvars"],
        "use `inventory`: `inventory['web1'].address`; or `hosts('web')`, a list of hosts with their variables",
    ),
    (
        &["ansible_host", "ansible_default_ipv4", "ansible_all_ipv4_addresses"],
        "what ssh connects to is `inventory[host].address`",
    ),
    (&["group_names"], "use `groups`: `host in groups['web']`"),
    (&["play_hosts", "ansible_play_hosts", "ansible_play_batch"], "use `groups['all']`, or `hosts('…')`"),
    (&["item", "ansible_loop"], "nothing is looped over from outside: write `{% for item in list %}`"),
    (&["loop"], "`loop` is there only inside of a `for` loop; a macro has to be given what it needs"),
    (&["caller"], "`caller` is there only in a macro that is used with `{% call %}`"),
    (&["omit"], "leave the key away, or give it `null`"),
    (&["ansible_managed"], "write a fixed comment: a date or user would be a change in every run"),
    (&["ansible_facts", "ansible_os_family"], "what a host says of itself is in `facts`: `facts.os`, `facts.cpus`"),
    (
        &["ansible_hostname", "ansible_fqdn", "ansible_nodename"],
        "use `facts.hostname`; the name in the inventory is `host`",
    ),
    (&["ansible_distribution"], "use `facts.os`"),
    (&["ansible_distribution_version", "ansible_distribution_major_version"], "use `facts.os_version`"),
    (&["ansible_processor_vcpus", "ansible_processor_count", "ansible_processor_cores"], "use `facts.cpus`"),
    (&["ansible_memtotal_mb"], "use `facts.memory`, in bytes"),
    (&["ansible_kernel"], "use `facts.kernel`"),
    (&["ansible_architecture"], "use `facts.architecture`"),
    (&["ansible_virtualization_type"], "use `facts.virtualization`"),
    (
        &["playbook_dir", "role_path", "inventory_dir"],
        "files are named relative to the playbook: `lookup('file', 'NAME')`",
    ),
    (&["ansible_user"], "it says how the host is reached, and is no variable: use a name of your own"),
    (&["True", "False", "None"], "write `true`, `false`, `none`"),
    (&["null", "nil"], "write `none`"),
    (&["yes", "on"], "write `true`"),
    (&["no", "off"], "write `false`"),
];

fn instead(table: &[(&[&str], &'static str)], name: &str) -> Option<&'static str> {
    table.iter().find(|(names, _)| names.contains(&name)).map(|(_, help)| *help)
}

/// What to say about a filter that does not exist; `more` are those of the room above.
pub(super) fn filter(name: &str, more: &[&str]) -> String {
    let short = name.rsplit('.').next().unwrap_or(name);
    // A filter of ours is called by Ansible's long name too.
    if short != name && (FILTERS.contains(&short) || more.contains(&short)) {
        return format!("it has no prefix here: `{short}`");
    }
    advice(name, short, OTHER_FILTERS, FILTERS.iter().chain(more).copied())
        .unwrap_or_else(|| "the filters are listed in the README, section Templates".to_owned())
}

/// What to say about a test that does not exist.
pub(super) fn test(name: &str) -> String {
    let short = name.rsplit('.').next().unwrap_or(name);
    advice(name, short, OTHER_TESTS, TESTS).unwrap_or_else(|| format!("there are {}", quoted(&TESTS)))
}

/// What to say about a function that does not exist; `filters` for those who take one for a function.
pub(super) fn function(name: &str, known: &[String], filters: &[&str]) -> String {
    if let Some(help) = instead(OTHER_FUNCTIONS, name) {
        return help.to_owned();
    }
    if FILTERS.contains(&name) || filters.contains(&name) {
        return format!("it is a filter: `x | {name}`");
    }
    let all = known.iter().map(String::as_str).chain(FUNCTIONS);
    if let Some(near) = near(name, all) {
        return format!("did you mean `{near}`?");
    }
    let mut all: Vec<&str> = known.iter().map(String::as_str).collect();
    all.sort_unstable();
    format!("there are {}", quoted(&all))
}

/// How a filter or function is called, for those with arguments.
const USAGE: &[(&str, &str)] = &[
    ("replace", "`x | replace('from', 'to')`"),
    ("env_quote", "`x | env_quote('NAME')`"),
    ("combine", "`map | combine(other)`"),
    ("ternary", "`x | ternary('if true', 'if false')`"),
    ("hash", "`x | hash('sha256')`"),
    ("lookup", "`lookup('file', 'NAME')`"),
    ("hosts", "`hosts('web')`"),
    ("fail", "`fail('why')`"),
    ("range", "`range(3)` or `range(1, 4)`"),
    ("batch", "`list | batch(3)`"),
    ("slice", "`list | slice(3)`"),
    ("selectattr", "`list | selectattr('key', '==', 'value')`"),
    ("groupby", "`list | groupby('key')`"),
    ("default", "`x | default('…')`"),
    ("join", "`list | join(', ')`"),
    ("map", "`list | map('upper')` or `list | map(attribute='key')`"),
    ("format", "`'%s-%02d' | format(a, b)`"),
    ("attr", "`x | attr('key')`"),
];

/// How something is called.
pub(super) fn usage(name: &str) -> Option<String> {
    let found = USAGE.iter().find(|(known, _)| *known == name);
    found.map(|(_, usage)| format!("write {usage}"))
}

/// What to say about a variable that Ansible defines.
pub(super) fn variable(name: &str) -> Option<&'static str> {
    instead(OTHER_VARIABLES, name)
}

fn advice<'n>(
    name: &str,
    short: &str,
    table: &[(&[&str], &'static str)],
    known: impl IntoIterator<Item = &'n str>,
) -> Option<String> {
    let help = instead(table, name).or_else(|| instead(table, short));
    help.map(str::to_owned).or_else(|| near(short, known).map(|near| format!("did you mean `{near}`?")))
}

fn quoted(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// As [`nearest`], without a copy.
pub(super) fn near<'n>(wanted: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let mut best: Option<(f64, &str)> = None;
    for name in names {
        let likeness = strsim::jaro_winkler(wanted, name);
        if likeness > 0.8 && best.is_none_or(|(known, _)| likeness > known) {
            best = Some((likeness, name));
        }
    }
    best.map(|(_, name)| name)
}

/// The one of `names` that a typing mistake could have turned into `wanted`.
pub fn nearest<S: AsRef<str>>(wanted: &str, names: impl IntoIterator<Item = S>) -> Option<String> {
    let names: Vec<S> = names.into_iter().collect();
    near(wanted, names.iter().map(AsRef::as_ref)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_suggested_exists() {
        let renderer =
            crate::render::Renderer::new(crate::render::Search::default(), &crate::render::Files::new(), |_| {});
        let exists = |kind: &str, name: &str| {
            renderer.environment().render_str(&format!("{{{{ '{name}' is {kind} }}}}"), ()).unwrap() == "true"
        };
        for name in FILTERS {
            assert!(exists("filter", name), "{name}");
        }
        for name in TESTS {
            assert!(exists("test", name), "{name}");
        }
        for (names, _) in OTHER_FILTERS {
            for name in *names {
                assert!(!exists("filter", name), "{name} exists");
            }
        }
        for (names, _) in OTHER_TESTS {
            for name in *names {
                assert!(!exists("test", name) || ["filter", "test"].contains(name), "{name} exists");
            }
        }
    }
}
