//! JSON Schemas of what users write, for editors: they complete keys, describe them and underline mistakes.
//!
//! Draft 7, because that is what editors' YAML servers know best. A schema is made from the tables of keys by which the
//! files are read, so that neither can know a key that the other does not; `words` adds what each key means and holds.
//! To add a key: put it into its `Keys` and describe it in `words`; a test fails until both are done.
//!
//! What a schema cannot see (undefined variables, contradictions after rendering, claims of two manifests) is for
//! `unitfleet validate`. A schema refuses nothing that `validate` takes.

mod inventory;
mod playbook;
mod shape;
mod words;

use serde_json::{Map, Value, json};

use super::allowed::Keys;

use shape::Word;

pub use inventory::inventory;
pub use playbook::playbook;

/// The schema of `unitfleet.yaml`.
#[must_use]
pub fn project() -> Value {
    let settings = json!({"type": ["object", "null"], "additionalProperties": false});
    let settings = with(settings, "properties", properties(&super::project::PROJECT, &words::PROJECT).into());
    titled("unitfleet.yaml", "The root of a project, and its defaults for flags; a flag wins.", settings, Map::new())
}

/// A whole schema.
fn titled(title: &str, says: &str, root: Value, definitions: Map<String, Value>) -> Value {
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": title,
        "description": says,
    });
    for (key, value) in object(root) {
        schema[key] = value;
    }
    if !definitions.is_empty() {
        schema["definitions"] = definitions.into();
    }
    schema
}

/// The keys that work in a mapping, each described. A key without words is still allowed; a test names it.
fn properties(keys: &Keys, words: &[Word]) -> Map<String, Value> {
    let mut properties = Map::new();
    for key in keys.now {
        let described = words.iter().find(|word| word.key == *key);
        let schema = described.map_or_else(|| json!({}), Word::schema);
        properties.insert((*key).to_owned(), schema);
    }
    properties
}

fn with(mut schema: Value, key: &str, value: Value) -> Value {
    schema[key] = value;
    schema
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests;
