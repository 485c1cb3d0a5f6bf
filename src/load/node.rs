//! A node of a document with its place, its written text and its meaning.

use std::ops::Range;

use serde_yaml::Value;

use crate::model::Vars;

use super::tree::{Kind, NodeId, Tree};
use super::yaml11;

/// A cursor into a document; cheap to copy. Aliases are looked through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<'a> {
    tree: &'a Tree,
    id: NodeId,
    value: &'a Value,
}

/// How YAML's scalars and merge keys are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Playbooks: YAML 1.2, so `yes` is text.
    Playbook,
    /// Inventories and files of variables: as Ansible reads them, so an unquoted `yes` is true, `010` is eight and
    /// `<<` merges.
    Inventory,
}

impl<'a> Node<'a> {
    pub(super) fn new(tree: &'a Tree, id: NodeId, value: &'a Value) -> Self {
        Self { tree, id, value }
    }

    /// Where the value stands; for an alias, the alias itself.
    pub(super) fn span(&self) -> Range<usize> {
        self.tree.nodes[self.id].span.clone()
    }

    /// Where its key stands, or the value where it has none.
    pub(super) fn key_span(&self) -> Range<usize> {
        self.tree.nodes[self.id].key.clone().unwrap_or_else(|| self.span())
    }

    /// The key as a message names it.
    pub(super) fn key_name(&self) -> &'a str {
        match &self.tree.nodes[self.id].key {
            Some(key) => self.tree.source.text[key.clone()].trim_matches(['"', '\'']),
            None => "this item",
        }
    }

    /// What the node means by YAML 1.2.
    pub(super) fn value(&self) -> &'a Value {
        self.value
    }

    pub(super) fn is_null(&self) -> bool {
        self.value.is_null()
    }

    /// A scalar's text as written, without quotes; `None` for collections.
    pub(super) fn text(&self) -> Option<&'a str> {
        match &self.tree.nodes[self.tree.resolve(self.id)].kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether a scalar stands without quotes, so that YAML decides its type.
    pub(super) fn is_plain(&self) -> bool {
        matches!(&self.tree.nodes[self.tree.resolve(self.id)].kind, Kind::Scalar { plain: true, .. })
    }

    /// A boolean by the dialect.
    pub(super) fn boolean(&self, dialect: Dialect) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(*value),
            Value::String(text) if dialect == Dialect::Inventory && self.is_plain() => match text.as_str() {
                "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
                "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// The items of a sequence.
    pub(super) fn items(&self) -> Option<Vec<Node<'a>>> {
        let (Kind::Sequence(ids), Value::Sequence(values)) = (&self.resolved().kind, self.value) else {
            return None;
        };
        let pairs = ids.iter().zip(values);
        Some(pairs.map(|(id, value)| Node::new(self.tree, *id, value)).collect())
    }

    /// The entries of a mapping in their order. In an inventory what is merged by `<<` follows, its own keys win.
    pub(super) fn entries(&self, dialect: Dialect) -> Option<Vec<(&'a str, Node<'a>)>> {
        let own = self.own_entries()?;
        if dialect == Dialect::Playbook || !own.iter().any(|(key, _)| *key == "<<") {
            return Some(own);
        }
        let mut seen: std::collections::BTreeSet<&str> = own.iter().map(|(key, _)| *key).collect();
        let (merges, mut entries): (Vec<_>, Vec<_>) = own.into_iter().partition(|(key, _)| *key == "<<");
        for (_, merge) in merges {
            let parts = merge.items().unwrap_or_else(|| vec![merge]);
            for (key, node) in parts.iter().filter_map(|part| part.entries(dialect)).flatten() {
                if seen.insert(key) {
                    entries.push((key, node));
                }
            }
        }
        Some(entries)
    }

    /// The value of a merge key must be a mapping or a list of mappings; the first that is not.
    pub(super) fn bad_merge(&self) -> Option<Node<'a>> {
        if let Some(own) = self.own_entries() {
            return own.into_iter().find_map(|(key, node)| {
                let parts = if key == "<<" { node.items().unwrap_or_else(|| vec![node]) } else { Vec::new() };
                let odd = parts.into_iter().find(|part| part.own_entries().is_none());
                odd.or_else(|| node.bad_merge())
            });
        }
        self.items()?.into_iter().find_map(|item| item.bad_merge())
    }

    /// The node as a variable's value.
    pub(super) fn json(&self, dialect: Dialect) -> serde_json::Value {
        if let Some(entries) = self.entries(dialect) {
            let pairs = entries.into_iter().map(|(key, node)| (key.to_owned(), node.json(dialect)));
            return serde_json::Value::Object(pairs.collect());
        }
        if let Some(items) = self.items() {
            return items.into_iter().map(|item| item.json(dialect)).collect();
        }
        if let Some(value) = self.boolean(dialect) {
            return value.into();
        }
        if dialect == Dialect::Inventory && self.is_plain() && !self.is_null() {
            let text = self.text().unwrap_or_default();
            return yaml11::number(text).unwrap_or_else(|| text.into());
        }
        let number = match self.value {
            Value::Null => return serde_json::Value::Null,
            Value::Number(number) => number
                .as_u64()
                .map(Into::into)
                .or_else(|| number.as_i64().map(Into::into))
                .or_else(|| serde_json::Number::from_f64(number.as_f64()?)),
            _ => None,
        };
        // JSON has no infinity: `.inf` stays the text that it was.
        number.map_or_else(|| self.text().unwrap_or_default().into(), serde_json::Value::Number)
    }

    /// A mapping of variables; `None` if it is no mapping.
    pub(super) fn vars(&self, dialect: Dialect) -> Option<Vars> {
        match self.json(dialect) {
            serde_json::Value::Object(vars) => Some(vars),
            _ => None,
        }
    }

    fn own_entries(&self) -> Option<Vec<(&'a str, Node<'a>)>> {
        let (Kind::Mapping(entries), Value::Mapping(values)) = (&self.resolved().kind, self.value) else {
            return None;
        };
        let pairs = entries.ordered.iter().zip(values.values());
        Some(pairs.map(|((key, id), value)| (key.as_str(), Node::new(self.tree, *id, value))).collect())
    }

    fn resolved(&self) -> &'a super::tree::TreeNode {
        &self.tree.nodes[self.tree.resolve(self.id)]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::load::document::read_documents;
    use crate::model::SourceFile;

    fn json_of(text: &str, dialect: Dialect) -> serde_json::Value {
        let source = Arc::new(SourceFile { name: "t.yaml".into(), text: text.into() });
        read_documents(&source).unwrap()[0].root().json(dialect)
    }

    #[test]
    fn scalars_become_json_and_dates_stay_text() {
        let text =
            "a: 1\nb: -2\nc: 1.5\nd: true\ne: ~\nf: 2026-01-02\ng: '1'\nh: 0644\ni: .inf\n1: x\ntrue: y\n1.10: z\n";
        let expected = json!({"a": 1, "b": -2, "c": 1.5, "d": true, "e": null, "f": "2026-01-02", "g": "1",
            "h": "0644", "i": ".inf", "1": "x", "true": "y", "1.10": "z"});
        assert_eq!(json_of(text, Dialect::Playbook), expected);
    }

    #[test]
    fn yes_is_true_only_in_an_inventory_and_without_quotes() {
        let text = "[yes, 'yes', off, No]";
        assert_eq!(json_of(text, Dialect::Inventory), json!([true, "yes", false, false]));
        assert_eq!(json_of(text, Dialect::Playbook), json!(["yes", "yes", "off", "No"]));
    }

    #[test]
    fn numbers_are_of_the_dialect() {
        let text = "[010, 1e3, 0o10, 1:30, '010', 1.5, ~]";
        assert_eq!(json_of(text, Dialect::Inventory), json!([8, "1e3", "0o10", 90, "010", 1.5, null]));
        assert_eq!(json_of(text, Dialect::Playbook), json!(["010", 1000.0, 8, "1:30", "010", 1.5, null]));
    }

    #[test]
    fn merged_keys_lose_against_own_ones_and_earlier_against_later() {
        let text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], x: 0}\nd: {<<: *a}\n";
        let merged = json_of(text, Dialect::Inventory);
        assert_eq!(merged["c"], json!({"x": 0, "y": 1, "z": 2}));
        assert_eq!(merged["d"], json!({"x": 1, "y": 1}));
    }

    #[test]
    fn variables_keep_the_order_in_which_they_were_written() {
        let vars = json_of("z: 1\na: 2\nm: 3\n", Dialect::Playbook);
        let keys: Vec<_> = vars.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["z", "a", "m"]);
    }
}
