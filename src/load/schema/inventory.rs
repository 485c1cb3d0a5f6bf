//! The schema of an inventory in YAML, native or Ansible's.

use serde_json::{Map, Value, json};

use crate::load::inventory::connection::{KEYS, REFUSED};
use crate::load::inventory::yaml::GROUP;

use super::shape::reference;
use super::{properties, titled, words};

/// The schema of an inventory.
#[must_use]
pub fn inventory() -> Value {
    let mut definitions = Map::new();
    definitions.insert("group".to_owned(), group());
    definitions.insert("vars".to_owned(), vars());
    let root = json!({
        "type": "object",
        "patternProperties": {(format!("^(?!(?:hosts|children|vars)$){}", &NAME[1..])): reference("group")},
        "additionalProperties": false,
    });
    titled("unitfleet inventory", "Hosts in groups, as in Ansible's YAML inventories.", root, definitions)
}

/// The name of a group.
const NAME: &str = r"^(?!-)(?:[A-Za-z0-9_.-]|[^\x00-\x7F])+$";
/// The name of a host, or of a range of them.
const HOST: &str = r"^(?!-)(?:[A-Za-z0-9._:%@-]|[^\x00-\x7F]|\[[^\]]+\])+$";

fn group() -> Value {
    let mut properties = properties(&GROUP, &words::GROUP);
    // What it merges is looked through by editors or not, as they please.
    properties.insert("<<".to_owned(), json!({}));
    json!({"type": ["object", "null"], "properties": properties, "additionalProperties": false})
}

pub(super) fn hosts() -> Value {
    by_name(HOST, "vars")
}

pub(super) fn groups() -> Value {
    by_name(NAME, "group")
}

fn by_name(pattern: &str, definition: &str) -> Value {
    json!({
        // One name needs no colon.
        "type": ["object", "null", "string"],
        "pattern": r"^\S+$",
        "properties": {"<<": {}},
        "patternProperties": {pattern: reference(definition)},
        "additionalProperties": false,
    })
}

/// Variables are free; the keys that say how a host is reached are not.
fn vars() -> Value {
    let mut properties = Map::new();
    for (native, alias) in KEYS {
        let (says, schema) = connection_key(native);
        for (key, says) in [(native, says.to_owned()), (alias, format!("{says} Here it is `{native}`."))] {
            if !properties.contains_key(key) {
                let mut schema = schema.clone();
                schema["description"] = says.into();
                properties.insert(key.to_owned(), schema);
            }
        }
    }
    let priority = "Of a group: among groups of one depth the larger one wins; 1 where not set.";
    let number = json!({"type": ["integer", "string"], "pattern": "^-?[0-9]+$", "description": priority});
    properties.insert("ansible_group_priority".to_owned(), number);
    for (key, help) in REFUSED {
        let says = format!("Cannot be followed: {help}");
        properties.insert(key.to_owned(), json!({"not": {}, "description": says, "errorMessage": says}));
    }
    json!({"type": ["object", "null"], "properties": properties})
}

/// What a connection key means and holds. Ansible takes numbers and booleans in quotes as well.
fn connection_key(native: &str) -> (&'static str, Value) {
    let word = json!({"type": ["string", "number"], "pattern": r"^(?!-)(?!.*\{\{)\S+$"});
    let path = json!({"type": "string", "pattern": r"^(?!-)(?!.*\{\{)."});
    match native {
        "address" => ("What ssh connects to; the host's name where not set.", word),
        "port" => (
            "The port of its sshd; ssh's own configuration decides where not set.",
            json!({"type": ["integer", "string"], "minimum": 1, "maximum": 65535, "pattern": "^[0-9]{1,5}$"}),
        ),
        "user" => ("Who logs in; ssh's own configuration decides where not set.", word),
        "identity_file" => ("A private key beside those of the agent.", path),
        "connection" => (
            "`ssh`, or `local` for this machine.",
            json!({"enum": ["ssh", "local", "smart", "ansible.builtin.ssh", "ansible.builtin.local"]}),
        ),
        "become" => (
            "Become root through `sudo -n`.",
            json!({"anyOf": [
                {"type": "boolean"},
                {"enum": [0, 1, "0", "1"]},
                {"type": "string", "pattern": "^([Yy][Ee][Ss]|[Nn][Oo]|[Oo][Nn]|[Oo][Ff][Ff]|[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$"},
            ]}),
        ),
        "ssh_args" => {
            ("More arguments for ssh, quoted as in a shell.", json!({"type": "string", "pattern": r"^(?!.*\{\{)"}))
        }
        "ssh_config" => ("One more configuration file for ssh.", path),
        _ => ("", json!({})),
    }
}
