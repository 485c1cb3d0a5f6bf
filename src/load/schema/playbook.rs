//! The schema of a playbook: of each of its documents.

use serde_json::{Map, Value, json};

use crate::load::allowed::{Keys, SECTIONS};
use crate::load::{entries, playbook, secrets, units};

use super::shape::{TEMPLATE, Word, reference, template};
use super::{properties, titled, with, words};

/// The schema of one document of a playbook.
#[must_use]
pub fn playbook() -> Value {
    let mut definitions = Map::new();
    let mut define = |name: &str, schema: Value| definitions.insert(name.to_owned(), schema);
    define("secret", one_source(mapping(&secrets::SECRET, &words::SECRET)));
    define("text", json!({"type": "string"}));
    define("user", with_a_home(removable(mapping(&entries::USER, &words::USER_KEYS))));
    define("directory", with_an_owner(removable(mapping(&entries::DIRECTORY, &words::DIRECTORY))));
    define("file", says_something(removable(mapping(&entries::FILE, &words::FILE)), &entries::FILE));
    define("unit_defaults", mapping(&units::UNIT_DEFAULTS, &words::UNIT_DEFAULTS));
    define("units", units_by_name());
    for suffix in words::suffixes() {
        let section = SECTIONS.iter().find(|section| section.eq_ignore_ascii_case(suffix));
        let sections: Vec<&str> = ["Unit"].into_iter().chain(section.copied()).chain(["Install"]).collect();
        define(&format!("{suffix}_unit"), unit(&sections, true));
    }
    define("any_unit", unit(&SECTIONS, false));
    define("drop_in", drop_in());
    define("section", section());
    let root = with(mapping(&playbook::MANIFEST, &words::MANIFEST), "required", json!(["name", "hosts"]));
    let root = with(root, "type", json!("object"));
    titled("unitfleet playbook", "One manifest: what the selected hosts shall look like.", root, definitions)
}

/// A mapping of the keys that work, and of nothing else. `null` is one without entries.
fn mapping(keys: &Keys, words: &[Word]) -> Value {
    json!({
        "type": ["object", "null"],
        "properties": properties(keys, words),
        "additionalProperties": false,
    })
}

/// What is removed has no other keys, and a text has one source.
fn removable(mut schema: Value) -> Value {
    schema["if"] = json!({"type": "object", "properties": {"absent": {"const": true}}, "required": ["absent"]});
    schema["then"] = json!({"propertyNames": {"enum": ["absent", "adopt", "hold", "tags", "when"]}});
    let sources = ["template", "content", "source"];
    let has = |key: &&str| schema["properties"].get(key).is_some();
    if !sources.iter().all(has) {
        return schema;
    }
    let mut dependencies = Map::new();
    for source in sources {
        dependencies.insert(source.to_owned(), without(sources.into_iter().filter(|other| *other != source)));
    }
    if has(&"symlink") {
        let of_files = ["template", "content", "source", "vars", "owner", "group", "mode", "validate"];
        dependencies.insert("symlink".to_owned(), without(of_files));
    }
    schema["dependencies"] = dependencies.into();
    schema
}

/// A system user has no home to be made but one that is named.
fn with_a_home(schema: Value) -> Value {
    let made = json!({"create_home": {"const": true}, "system": {"const": true}});
    let made = json!({"type": "object", "properties": made, "required": ["create_home"]});
    with(schema, "allOf", json!([{"if": made, "then": {"required": ["home"]}}]))
}

/// What is given to all below a directory has to be said.
fn with_an_owner(schema: Value) -> Value {
    let given = json!({"type": "object", "properties": {"recurse": {"const": true}}, "required": ["recurse"]});
    let said = json!({"anyOf": [{"required": ["owner"]}, {"required": ["group"]}]});
    with(schema, "allOf", json!([{"if": given, "then": said}]))
}

/// A mapping without these keys: an editor marks the key, and not the whole.
fn without<'a>(keys: impl IntoIterator<Item = &'a str>) -> Value {
    let refused: Map<String, Value> = keys.into_iter().map(|key| (key.to_owned(), Value::Bool(false))).collect();
    json!({"properties": refused})
}

/// A secret comes from one place.
fn one_source(mut schema: Value) -> Value {
    schema["type"] = json!("object");
    schema["minProperties"] = json!(1);
    schema["maxProperties"] = json!(1);
    schema
}

/// A file has a text, or another way to be one.
fn says_something(mut schema: Value, keys: &Keys) -> Value {
    let ways = ["absent", "template", "content", "source", "symlink"];
    let ways = ways.iter().filter(|way| keys.now.contains(way)).map(|way| json!({"required": [way]}));
    schema["anyOf"] = ways.collect::<Vec<_>>().into();
    schema["type"] = json!("object");
    schema
}

fn units_by_name() -> Value {
    let mut names = Map::new();
    // No name fits two patterns: some editors look at one only. A name may hold a backslash: `srv-my\x20data.mount`.
    for suffix in words::suffixes() {
        let unit = reference(&format!("{suffix}_unit"));
        let template = format!(r"^[A-Za-z0-9:_.\\-]+@\.{suffix}$");
        names.insert(template, json!({"allOf": [unit, template_unit()]}));
        let plain = format!(r"^(?!.*@\.[a-z]+$)[A-Za-z0-9:_.\\@-]+\.{suffix}$");
        names.insert(plain, json!({"allOf": [unit, without(["instances"])]}));
    }
    names.insert(TEMPLATE.to_owned(), reference("any_unit"));
    json!({"type": ["object", "null"], "patternProperties": names, "additionalProperties": false})
}

/// Of a template only the instances run.
fn template_unit() -> Value {
    let others =
        json!({"type": "null", "errorMessage": "This needs `instances: [...]`: only instances of a template run."});
    let without = json!({"not": {"required": ["instances"]}});
    json!({"if": without, "then": {"properties": {"enabled": others, "state": others}}})
}

/// A unit with these sections. Of several kinds only one says what each key holds, and the others refer to it.
fn unit(sections: &[&str], refer: bool) -> Value {
    let mut schema = with_sections(removable(mapping(&units::UNIT, &words::UNIT)), sections);
    if let Some(keys) = schema["properties"].as_object_mut().filter(|_| refer) {
        for (key, value) in keys {
            *value = reference(&format!("any_unit/properties/{key}"));
        }
    }
    schema["allOf"] = json!([{
        "if": {"type": "object", "properties": {"masked": {"const": true}}, "required": ["masked"]},
        "then": {"properties": {
            "state": {"anyOf": [{"enum": ["stopped", null]}, template()]},
            "enabled": {"anyOf": [{"enum": [false, null]}, template()]},
        }},
    }]);
    schema
}

fn drop_in() -> Value {
    let mut schema = with_sections(removable(mapping(&units::DROP_IN, &words::DROP_INS)), &SECTIONS);
    let ways = ["absent", "template", "content", "source"].into_iter().chain(SECTIONS);
    let ways: Vec<Value> = ways.map(|way| json!({"required": [way]})).collect();
    let own = json!({"propertyNames": {"pattern": "^(?!X-)"}});
    schema["anyOf"] = ways.into_iter().chain([json!({"not": own})]).collect::<Vec<_>>().into();
    schema["type"] = json!("object");
    schema
}

/// Capitalised keys are systemd's; a section of one's own starts with `X-`.
fn with_sections(mut schema: Value, sections: &[&str]) -> Value {
    for name in sections {
        schema["properties"][name] = json!({"description": words::section(name), "allOf": [reference("section")]});
    }
    schema["patternProperties"] = json!({"^X-": reference("section")});
    let sources = ["template", "content", "source"];
    for source in sources {
        schema["dependencies"][source] =
            without(sources.into_iter().filter(|other| *other != source).chain(sections.iter().copied()));
        schema["dependencies"][source]["patternProperties"] = json!({"^X-": false});
    }
    schema
}

/// Directives: which there are is systemd's to say, so every word is one.
fn section() -> Value {
    let scalar = json!({"type": ["string", "number", "boolean"]});
    let one_line = r"^(?:[^\n]*\\\n)*[^\n]*\n*$|\{\{";
    let directive = json!({
        "type": ["string", "number", "boolean", "array"],
        "items": scalar,
        "pattern": one_line,
        "patternErrorMessage": "A directive is one line: write a list to repeat it, or `>-` to fold lines into one.",
    });
    let mut environment = directive.clone();
    environment["type"] = json!(["string", "number", "boolean", "array", "object"]);
    environment["patternProperties"] = json!({"^[A-Za-z_][A-Za-z0-9_]*$": scalar});
    environment["additionalProperties"] = json!(false);
    environment["description"] = json!("Variables of the process: a mapping, quoted by us, or systemd's own syntax.");
    json!({
        "type": "object",
        "properties": {"Environment": environment},
        "patternProperties": {"^(?!Environment$)[A-Za-z0-9_-]+$": directive},
        "additionalProperties": false,
    })
}
