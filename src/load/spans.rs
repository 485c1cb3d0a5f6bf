//! Where every node of a YAML file stands.
//!
//! The places come from a second, event-based reading of the file (`scan`), because serde keeps positions
//! only until a value is built. [`Spans`] answers by path, so that later rooms can keep plain types and still point.

use std::ops::Range;
use std::sync::Arc;

use crate::model::{Place, SourceFile};

use super::tree::{NodeId, Tree};

/// One step of a path into a YAML document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the variants are their names")]
pub enum Seg {
    Key(String),
    Index(usize),
}

/// The places of all nodes of one document. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Spans {
    tree: Arc<Tree>,
    root: NodeId,
}

impl Spans {
    pub(super) fn new(tree: Arc<Tree>, root: NodeId) -> Self {
        Self { tree, root }
    }

    pub(super) fn tree(&self) -> &Tree {
        &self.tree
    }

    pub(super) fn root(&self) -> NodeId {
        self.root
    }

    /// The file.
    #[must_use]
    pub fn source(&self) -> &Arc<SourceFile> {
        &self.tree.source
    }

    /// The byte range of the value at `path`, or of the nearest ancestor that exists. Aliases are followed: what lies
    /// below an alias stands where its anchor stands.
    #[must_use]
    pub fn value(&self, path: &[Seg]) -> Range<usize> {
        self.tree.nodes[self.nearest(path)].span.clone()
    }

    /// The byte range of the key at `path`; of the value, where it has no key.
    #[must_use]
    pub fn key(&self, path: &[Seg]) -> Range<usize> {
        let node = &self.tree.nodes[self.nearest(path)];
        node.key.clone().unwrap_or_else(|| node.span.clone())
    }

    /// The place of the key at `path`, for models that are serialised.
    #[must_use]
    pub fn place(&self, path: &[Seg]) -> Place {
        let (line, column) = self.source().line_column(self.key(path).start);
        Place { file: self.source().name.clone(), line, column }
    }

    fn nearest(&self, path: &[Seg]) -> NodeId {
        let mut at = self.root;
        for step in path {
            match self.tree.child(at, step) {
                Some(child) => at = child,
                None => break,
            }
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::document::read_documents;

    fn all(text: &str) -> Vec<Spans> {
        let source = Arc::new(SourceFile { name: "t.yaml".into(), text: text.into() });
        read_documents(&source).unwrap().into_iter().map(|document| document.spans).collect()
    }

    fn path(steps: &[&str]) -> Vec<Seg> {
        steps.iter().map(|step| step.parse().map_or_else(|_| Seg::Key((*step).to_owned()), Seg::Index)).collect()
    }

    #[track_caller]
    fn check(text: &str, steps: &[&str], key: &str, value: &str) {
        let spans = &all(text)[0];
        let path = path(steps);
        assert_eq!(&text[spans.key(&path)], key, "key");
        assert_eq!(&text[spans.value(&path)], value, "value");
    }

    #[test]
    fn ranges_are_bytes_also_behind_text_that_is_not_ascii() {
        let text = "größe: \"ü €\" # 🦀\nλ:\n  - {日本: '語', b: 2}\n  - x y\n";
        check(text, &["größe"], "größe", "\"ü €\"");
        check(text, &["λ", "0", "日本"], "日本", "'語'");
        check(text, &["λ", "0", "b"], "b", "2");
        check(text, &["λ", "1"], "x y", "x y");
        check(text, &["λ", "0"], "{日本: '語', b: 2}", "{日本: '語', b: 2}");
    }

    #[test]
    fn a_byte_order_mark_and_crlf_shift_nothing() {
        let text = "\u{feff}ä: 1\r\nb:\r\n  c: z\r\n";
        check(text, &["ä"], "ä", "1");
        check(text, &["b", "c"], "c", "z");
        check(text, &["b"], "b", "c: z");
    }

    #[test]
    fn what_does_not_exist_is_answered_by_its_nearest_ancestor() {
        let text = "a: {b: 1}\n";
        check(text, &["a", "x", "y"], "a", "{b: 1}");
        check(text, &["a", "b", "y"], "b", "1");
        check(text, &["z"], "a: {b: 1}", "a: {b: 1}");
    }

    #[test]
    fn an_empty_value_is_marked_at_its_key() {
        check("a:\nb: 1\n", &["a"], "a", "a");
    }

    #[test]
    fn aliases_and_merge_keys_lead_to_what_they_mean() {
        let text = "a: &x {p: 1}\nb: *x\nc:\n  <<: *x\n  q: 2\nd: {<<: [{r: 3}, *x]}\n";
        check(text, &["b"], "b", "*x");
        check(text, &["b", "p"], "p", "1");
        check(text, &["c", "p"], "p", "1");
        check(text, &["d", "p"], "p", "1");
        check(text, &["d", "r"], "r", "3");
        assert_eq!(all(text)[0].value(&path(&["b", "p"])), 10..11);
    }

    #[test]
    fn every_document_has_its_own_places() {
        let text = "---\nname: a\n---\nname: b\n...\n---\nname: c\n";
        let spans = all(text);
        let names: Vec<_> = spans.iter().map(|spans| &text[spans.value(&path(&["name"]))]).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(spans[1].place(&path(&["name"])).to_string(), "t.yaml:4:1");
    }

    proptest::proptest! {
        #[test]
        fn every_value_is_found_where_it_stands(
            values in proptest::collection::vec(("[a-zé語🦀]{1,4}", r"[ -~é語🦀\n]{0,8}", " {0,3}(#[é ]{0,3})?"), 1..8),
        ) {
            let mut text = String::new();
            for (index, (key, value, behind)) in values.iter().enumerate() {
                let quoted = serde_json::to_string(value).unwrap();
                let behind = if behind.starts_with('#') { "" } else { behind };
                text.extend([key, &index.to_string(), ": ", &quoted, behind, "\n"]);
            }
            let spans = &all(&text)[0];
            for (index, (key, value, _)) in values.iter().enumerate() {
                let key = format!("{key}{index}");
                let path = [Seg::Key(key.clone())];
                proptest::prop_assert_eq!(&text[spans.key(&path)], key);
                let quoted = serde_json::to_string(value).unwrap();
                proptest::prop_assert_eq!(&text[spans.value(&path)], quoted);
            }
        }
    }
}
