//! What a value may be, as a schema says it.

use serde_json::{Value, json};

/// A key: what it may hold and what it is for.
pub(super) struct Word {
    pub(super) key: &'static str,
    pub(super) shape: Shape,
    pub(super) says: &'static str,
}

/// Kinds of values. Where the language takes `{{ … }}`, the schema does.
pub(super) enum Shape {
    /// Any text.
    Text,
    /// Text that a regular expression describes, with what to write instead of what does not fit.
    Like(&'static str, &'static str),
    /// `true`, `false` or a template.
    Flag,
    /// `true` or `false`, no template.
    Switch,
    /// One of a few words or a template.
    OneOf(fn() -> Vec<&'static str>),
    /// The same, or `null`: not ours to say.
    Setting(&'static Shape),
    /// A whole number between two others.
    Number(fn() -> (u64, u64)),
    /// A mapping of variables.
    Vars,
    /// A list of texts that look like this.
    List(&'static Shape),
    /// One text or a list of them.
    OneOrMore,
    /// What another definition says.
    As(&'static str),
    /// A mapping from names: what they look like, and the definition of what they name.
    Named(&'static str, &'static str),
    /// Anything that a function makes.
    Made(fn() -> Value),
}

/// A value that is a template.
pub(super) const TEMPLATE: &str = r"\{\{";
/// An absolute, normalised path on a host.
pub(super) const HOST_PATH: &str = r"^(/|(/(?!\.{1,2}(/|$))[^/\x00-\x1F\x7F]{1,255})+)$|\{\{";
/// A user or group.
pub(super) const USER: &str = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}$";
/// The same, where templates are read.
pub(super) const USER_OR_TEMPLATE: &str = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}$|\{\{";
/// Octal permission bits.
pub(super) const MODE: &str = r"^[0-7]{3,4}$|\{\{";
/// A path below the playbook's folder.
pub(super) const RELATIVE: &str = r"^(?![/~])(?!(.*/)?\.\.(/|$)).+";
/// The name of a drop-in, without `.conf`.
pub(super) const DROP_IN: &str = r"^(?!\.)(?!.*\.conf$)[A-Za-z0-9._@:-]{1,250}$";

impl Word {
    /// The schema of the key's value.
    pub(super) fn schema(&self) -> Value {
        let mut schema = json!({"description": self.says});
        if let Value::Object(shape) = self.shape.schema() {
            for (key, value) in shape {
                schema[key] = value;
            }
        }
        schema
    }
}

impl Shape {
    pub(super) fn schema(&self) -> Value {
        match self {
            Self::Text => json!({"type": "string"}),
            Self::Like(pattern, help) => {
                json!({"type": "string", "pattern": pattern, "patternErrorMessage": help})
            }
            Self::Flag => json!({"anyOf": [{"type": "boolean"}, template()]}),
            Self::Switch => json!({"type": "boolean"}),
            Self::OneOf(words) => json!({"anyOf": [{"enum": words()}, template()]}),
            Self::Setting(shape) => {
                let mut schema = shape.schema();
                if let Some(choices) = schema["anyOf"].as_array_mut() {
                    choices.insert(1, json!({"type": "null"}));
                }
                schema
            }
            Self::Number(range) => {
                let (least, most) = range();
                json!({"type": "integer", "minimum": least, "maximum": most})
            }
            Self::Vars => json!({"type": ["object", "null"]}),
            Self::List(shape) => json!({"type": ["array", "null"], "items": shape.schema()}),
            Self::OneOrMore => {
                json!({"type": ["string", "array"], "minLength": 1, "items": {"type": "string", "minLength": 1}})
            }
            // Beside a `$ref`, draft 7 reads nothing else.
            Self::As(definition) => json!({"allOf": [reference(definition)]}),
            Self::Named(pattern, definition) => json!({
                "type": ["object", "null"],
                "patternProperties": {(*pattern): reference(definition)},
                "additionalProperties": false,
            }),
            Self::Made(make) => make(),
        }
    }
}

/// A text that is a template.
pub(super) fn template() -> Value {
    json!({"type": "string", "pattern": TEMPLATE})
}

/// What another definition says.
pub(super) fn reference(definition: &str) -> Value {
    json!({"$ref": format!("#/definitions/{definition}")})
}
