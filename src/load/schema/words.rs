//! What every key means and holds. Keys that are reserved for later versions may be described ahead.

use serde_json::{Value, json};

use crate::load::playbook::NO_DEFAULT;
use crate::load::units::{ON_CHANGE, STATES};
use crate::load::{project, selection, units};

use super::shape::{DROP_IN, HOST_PATH, MODE, RELATIVE, Shape, USER, USER_OR_TEMPLATE, Word, template};

const fn word(key: &'static str, shape: Shape, says: &'static str) -> Word {
    Word { key, shape, says }
}

const PATH: Shape = Shape::Like(HOST_PATH, "write the full path on the host, without `..` or a trailing slash");
const OWNER: Shape = Shape::Like(USER_OR_TEMPLATE, "write the name of a user or group, such as `www-data`");
const OCTAL: Shape = Shape::Like(MODE, "write four octal digits in quotes, such as \"0644\"");
const SOURCE: Shape = Shape::Like(RELATIVE, "name a file beside the playbook or below it, such as `files/app.py`");

/// The name of a variable.
const VARIABLE: &str = "^[A-Za-z_][A-Za-z0-9_]*$";
/// The name of a credential: a file name.
const CREDENTIAL: &str = r"^(?!\.)[A-Za-z0-9._-]{1,200}$";

/// Of a manifest.
pub(super) static MANIFEST: [Word; 13] = [
    word(
        "name",
        Shape::Like("^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$", "write a plain word such as `web-tier`"),
        "Required, and unique in a run: the owner of what the manifest installs, and the name of its ledger on hosts.",
    ),
    word(
        "hosts",
        Shape::Like(r"^(?!.*\{\{)[\s\S]*\S", "name hosts or groups; a manifest's hosts do not depend on variables"),
        "Required: a selector, as in Ansible: `web`, `h1,h2`, `web:&prod`, `all:!db3`, `web*`, `web[0:4]`.",
    ),
    word("defaults", Shape::Vars, "Variables that are weaker than the inventory's."),
    word("vars", Shape::Vars, "Variables that are stronger than the inventory's."),
    word("users", Shape::Named(USER, "user"), "System users that shall exist, by name."),
    word("directories", Shape::Named(HOST_PATH, "directory"), "Directories on the host, by path."),
    word("files", Shape::Named(HOST_PATH, "file"), "Files on the host, by path; unit files stand below `units`."),
    word("unit_defaults", Shape::As("unit_defaults"), "What holds for all units of this manifest that do not say it."),
    word("units", Shape::As("units"), "Units by their full name, such as `web.service`."),
    word(
        "default_target",
        Shape::Made(default_target),
        "The target that the host boots into, such as multi-user.target.",
    ),
    word(
        "secrets",
        Shape::Named(VARIABLE, "secret"),
        "Values that are never shown, by the name that templates use: where each comes from on this machine.",
    ),
    TAGS,
    WHEN,
];

/// Of a secret.
pub(super) static SECRET: [Word; 3] = [
    word(
        "command",
        Shape::Made(words_of_a_command),
        "A program and its arguments; what it prints is the secret: `[pass, show, db]`.",
    ),
    word("env", Shape::Text, "The environment variable that holds it."),
    word("file", Shape::Text, "The file that holds it, relative to the playbook."),
];

/// Of a user.
pub(super) static USER_KEYS: [Word; 11] = [
    ABSENT,
    word("system", Shape::Flag, "A system user; true where not set."),
    word("home", PATH, "Its home directory, put right where it differs."),
    word("shell", PATH, "Its login shell, put right where it differs; /usr/sbin/nologin where not set."),
    word("create_home", Shape::Flag, "Whether the home directory is made where it is missing."),
    word(
        "groups",
        Shape::Made(groups),
        "Further groups that the user shall be in; it leaves none. The primary one is `gid`.",
    ),
    word("uid", Shape::Made(uid), "Its number; the system chooses where not set."),
    word("gid", Shape::Made(gid), "Its primary group: a number, or the name of a group that exists."),
    ADOPT,
    TAGS,
    WHEN,
];

/// Of a directory.
pub(super) static DIRECTORY: [Word; 8] = [
    ABSENT,
    word("owner", OWNER, "The user that owns it; root where not set."),
    word("group", OWNER, "The group that owns it; root where not set."),
    word("mode", OCTAL, "Permission bits in quotes; \"0755\" where not set."),
    word("recurse", Shape::Flag, "Whether everything below it gets the same owner and group."),
    ADOPT,
    TAGS,
    WHEN,
];

/// Of a file.
pub(super) static FILE: [Word; 13] = [
    ABSENT,
    TEMPLATE,
    CONTENT,
    word("source", SOURCE, "A file beside the playbook, taken byte for byte."),
    VARS,
    word("owner", OWNER, "The user that owns it; root where not set."),
    word("group", OWNER, "The group that owns it; root where not set."),
    word("mode", OCTAL, "Permission bits in quotes; \"0644\" where not set."),
    word("symlink", Shape::Text, "Where the path points to, as a symbolic link."),
    word(
        "validate",
        Shape::Made(check_command),
        "A command that has to accept the file before it is put in place: `visudo -cf %s`.",
    ),
    ADOPT,
    TAGS,
    WHEN,
];

/// Of a unit.
pub(super) static UNIT: [Word; 18] = [
    word("absent", Shape::Flag, "Removes the unit, if an earlier run of this manifest installed it."),
    TEMPLATE,
    CONTENT,
    word("source", SOURCE, "A unit file beside the playbook, taken as it is."),
    VARS,
    word(
        "drop_ins",
        Shape::Named(DROP_IN, "drop_in"),
        "Drop-ins by name: `limits` becomes UNIT.d/limits.conf. Others are left alone.",
    ),
    ENABLED,
    STATE,
    word(
        "masked",
        Shape::Setting(&Shape::Flag),
        "`true` masks, `false` unmasks; without the key a mask made by hand is respected.",
    ),
    word(
        "watch",
        Shape::Made(watch),
        "Files whose change counts as a change of the unit, as a list or with what their change does; its environment \
         files and credentials count anyway.",
    ),
    CHANGE,
    word("instances", Shape::Made(instances), "Instances of a template unit; those that go from the list are stopped."),
    word(
        "credentials",
        Shape::Named(CREDENTIAL, "text"),
        "Credentials by name: what the service finds in its directory of credentials.",
    ),
    HOLD,
    word("moved", Shape::Made(anything), "`{from: old.service}`: the unit had another name."),
    ADOPT,
    TAGS,
    WHEN,
];

/// Of a drop-in.
pub(super) static DROP_INS: [Word; 8] = [
    ABSENT,
    TEMPLATE,
    CONTENT,
    word("source", SOURCE, "A file beside the playbook, taken as it is."),
    VARS,
    ADOPT,
    TAGS,
    WHEN,
];

/// Of `unit_defaults`.
pub(super) static UNIT_DEFAULTS: [Word; 6] = [ENABLED, STATE, CHANGE, HOLD, TAGS, WHEN];

/// Of a hold.
pub(super) static HOLD_KEYS: [Word; 2] = [
    word("reason", Shape::Made(reason), "Required: why, for whoever meets the hold."),
    word(
        "until",
        Shape::Made(until),
        "From then on the unit is free: a day (00:00 UTC), or a time with its offset, such as 2026-12-01T08:30:00Z.",
    ),
];

/// Of a group of the inventory.
pub(super) static GROUP: [Word; 3] = [
    word(
        "hosts",
        Shape::Made(super::inventory::hosts),
        "Hosts by name, each with a colon; ranges such as `web[01:20]`.",
    ),
    word("children", Shape::Made(super::inventory::groups), "Groups inside this group."),
    word("vars", Shape::As("vars"), "Variables and connection keys of all hosts in the group."),
];

/// Of `unitfleet.yaml`.
pub(super) static PROJECT: [Word; 7] = [
    word(
        "inventory",
        Shape::OneOrMore,
        "The inventory, or a list of them; relative to this file. Flag: -i, --inventory.",
    ),
    word(
        "templates",
        Shape::OneOrMore,
        "Folders of templates, searched last; relative to this file. Flag: --templates.",
    ),
    word(
        "jobs",
        Shape::Number(|| bounds(&project::JOBS)),
        "How many hosts are worked on at the same time; 32 where not set. Flag: -j, --jobs.",
    ),
    word(
        "persist",
        Shape::Number(|| bounds(&project::PERSIST)),
        "Seconds that an unused connection is kept for the next command; 60 where not set. Flag: --persist.",
    ),
    word(
        "timeout",
        Shape::Number(|| bounds(&project::TIMEOUT)),
        "Seconds that reaching a host may take; 10 where not set. Flag: --timeout.",
    ),
    word(
        "settle",
        Shape::Number(|| bounds(&project::SETTLE)),
        "Seconds that units are watched after the last start; 1 where not set. Flag: apply --settle.",
    ),
    word("strict", Shape::Switch, "Findings are refusals. Flag: --strict."),
];

const ABSENT: Word = word(
    "absent",
    Shape::Flag,
    "Removes it, if an earlier run of this manifest installed it; what is foreign is refused.",
);
const TEMPLATE: Word = word(
    "template",
    Shape::Text,
    "The name of a template: in the playbook's folder, its templates/, the project's, or builtin/NAME.",
);
const CONTENT: Word = word("content", Shape::Text, "The text itself; may hold `{{ … }}`.");
const VARS: Word = word("vars", Shape::Vars, "More variables for this text, stronger than the manifest's.");
const ENABLED: Word = word(
    "enabled",
    Shape::Setting(&Shape::Flag),
    "Whether it starts at boot: claims the unit's whole set of links in /etc. `null`: not ours to say.",
);
const STATE: Word = word(
    "state",
    Shape::Setting(&Shape::OneOf(|| STATES.map(|(word, _)| word).to_vec())),
    "Whether it runs. `null`: not ours to say.",
);
const CHANGE: Word = word(
    "on_change",
    Shape::OneOf(|| ON_CHANGE.map(|(word, _)| word).to_vec()),
    "What a change of its settings or of a watched file does to a running unit.",
);
const ADOPT: Word = word(
    "adopt",
    Shape::Flag,
    "What is there already becomes ours, as it is or put right; beside `absent: true` it is removed.",
);
const TAGS: Word = word("tags", Shape::Made(tags), "Words by which `--tags` chooses, one or a list.");
const WHEN: Word = word(
    "when",
    Shape::Made(condition),
    "A condition without braces, such as `workers > 2`, or a list of which all have to hold; else the entry is left out.",
);
const HOLD: Word = word(
    "hold",
    Shape::Made(hold),
    "Nothing touches the unit: `{reason: TEXT, until: 2026-12-01}`. `null` takes it back.",
);

/// The suffixes of units that a person can write.
pub(super) fn suffixes() -> &'static [&'static str] {
    &units::WRITABLE
}

/// What a section is for.
pub(super) fn section(name: &str) -> &'static str {
    match name {
        "Unit" => "What every unit may say: description, dependencies, order. systemd.unit(5)",
        "Install" => "What enabling links: WantedBy, RequiredBy, Alias, Also. systemd.unit(5)",
        "Service" => "systemd.service(5), systemd.exec(5), systemd.kill(5), systemd.resource-control(5)",
        "Socket" => "systemd.socket(5)",
        "Timer" => "systemd.timer(5), systemd.time(7)",
        "Path" => "systemd.path(5)",
        "Mount" => "systemd.mount(5)",
        "Automount" => "systemd.automount(5)",
        "Swap" => "systemd.swap(5)",
        "Slice" => "systemd.slice(5), systemd.resource-control(5)",
        _ => "",
    }
}

fn bounds(range: &std::ops::RangeInclusive<u64>) -> (u64, u64) {
    (*range.start(), *range.end())
}

fn anything() -> Value {
    json!({})
}

fn uid() -> Value {
    let number = json!({"type": "integer", "minimum": 1, "maximum": 4_294_967_294_u32, "not": {"const": 65_535}});
    json!({"anyOf": [number, {"type": "string", "pattern": r"^[1-9][0-9]*$|\{\{"}]})
}

fn gid() -> Value {
    let mut schema = uid();
    schema["anyOf"][1]["pattern"] = json!(USER_OR_TEMPLATE);
    schema
}

fn groups() -> Value {
    let item = json!({"type": "string", "pattern": USER_OR_TEMPLATE});
    json!({"anyOf": [{"type": "array", "items": item, "uniqueItems": true}, template()]})
}

fn words_of_a_command() -> Value {
    json!({"type": "array", "items": {"type": ["string", "number"]}, "minItems": 1})
}

fn check_command() -> Value {
    let mut schema = words_of_a_command();
    let marked = json!(r"%s|\{\{");
    schema["type"] = json!(["string", "array"]);
    schema["pattern"] = marked.clone();
    schema["patternErrorMessage"] = json!("write `%s` where the path of the new file goes, such as `visudo -cf %s`");
    schema["contains"] = json!({"type": "string", "pattern": marked});
    schema
}

fn tags() -> Value {
    let pattern = r"^(?!(?:all|tagged|untagged)$)[^\x00-/:-@\[-`{-\x7F](?:[A-Za-z0-9._-]|[^\x00-\x7F])*$";
    json!({"type": ["string", "array"], "pattern": pattern, "items": {"type": "string", "pattern": pattern}})
}

fn condition() -> Value {
    let item = json!({"type": ["string", "boolean"], "minLength": 1});
    json!({"type": ["string", "boolean", "array"], "minLength": 1, "items": item})
}

fn reason() -> Value {
    json!({"type": "string", "pattern": r"\S"})
}

fn until() -> Value {
    let moment = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9:.]+([Zz]|[+-][0-9:]+))?$|\{\{";
    json!({"type": ["string", "null"], "pattern": moment})
}

fn hold() -> Value {
    json!({
        "type": ["object", "null"],
        "properties": super::properties(&selection::HOLD, &HOLD_KEYS),
        "required": ["reason"],
        "additionalProperties": false,
    })
}

fn default_target() -> Value {
    let refused: Vec<String> = NO_DEFAULT.iter().map(|(target, _)| format!("{target}.target")).collect();
    let named = json!({
        "type": "string",
        "pattern": r"^[A-Za-z0-9:_.\\@-]+\.target$|\{\{",
        "patternErrorMessage": "usual ones are multi-user.target and graphical.target",
        "not": {"enum": refused},
    });
    let absent = json!({
        "type": "object",
        "properties": {"absent": {"const": true, "description": "Takes away what an earlier run has set."}},
        "required": ["absent"],
        "additionalProperties": false,
    });
    json!({"anyOf": [named, absent]})
}

fn watch() -> Value {
    let path = Shape::List(&PATH).schema();
    let does = json!({"enum": ["restart", "reload"]});
    let named = json!({"type": "object", "additionalProperties": does, "propertyNames": {"pattern": HOST_PATH}});
    json!({"anyOf": [path, named, {"type": "null"}]})
}

fn instances() -> Value {
    let item = json!({"type": ["string", "number"], "minLength": 1});
    json!({"anyOf": [{"type": "array", "items": item, "uniqueItems": true}, template()]})
}
