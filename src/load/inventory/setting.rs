//! One `name: value` of any dialect, before anybody asks what the name means.

use std::ops::Range;

use serde_json::Value;

use crate::load::node::{Dialect, Node};

/// A name with its value, and where both stand.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) name: String,
    pub(super) value: Value,
    /// A scalar as it was written, without its quotes.
    pub(super) text: Option<String>,
    /// Whether the file gives types to its values, so that a number where text belongs is a slip. INI does not.
    pub(super) typed: bool,
    pub(super) key: Range<usize>,
    pub(super) span: Range<usize>,
}

impl Setting {
    pub(super) fn of_node(name: &str, node: Node<'_>) -> Self {
        Self {
            name: name.to_owned(),
            value: node.json(Dialect::Inventory),
            text: node.text().map(str::to_owned),
            typed: true,
            key: node.key_span(),
            span: node.span(),
        }
    }

    pub(super) fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }

    /// What the value is, as the end of "…, but".
    pub(super) fn found(&self) -> String {
        let text = self.text();
        let short: String = text.chars().take(40).collect();
        let dots = if short.len() < text.len() { "…" } else { "" };
        let text = format!("{}{dots}", short.escape_debug());
        match &self.value {
            Value::Null => "it has no value".to_owned(),
            Value::Bool(_) => format!("`{text}` is a boolean"),
            Value::Number(_) => format!("`{text}` is a number"),
            Value::String(_) => format!("`{text}` is text"),
            Value::Array(_) => "this is a list".to_owned(),
            Value::Object(_) => "this is a mapping".to_owned(),
        }
    }
}
