//! A file as its YAML documents: places from one reader, meaning from the other, and both in agreement.

use std::sync::Arc;

use serde::Deserialize as _;
use serde_yaml::Value;

use crate::model::{Diagnostic, SourceFile};

use super::node::Node;
use super::scan::{MAX_BYTES, scan};
use super::spans::Spans;
use super::tree::{Kind, NodeId, Tree};

/// What libyaml takes for a key without a `?` before it.
const MAX_KEY: usize = 1024;

/// One YAML document.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) spans: Spans,
    value: Value,
}

impl Document {
    pub(super) fn new(spans: Spans, value: Value) -> Self {
        Self { spans, value }
    }

    /// The document's outermost node.
    pub(super) fn root(&self) -> Node<'_> {
        Node::new(self.spans.tree(), self.spans.root(), &self.value)
    }
}

/// Reads all documents of a file. Everything that the scan refuses is reported at once.
pub(super) fn read_documents(source: &Arc<SourceFile>) -> Result<Vec<Document>, Vec<Diagnostic>> {
    if let Some(at) = source.text.find('\0') {
        return Err(vec![Diagnostic::error("a NUL byte stands here").at(source, at..at + 1, "")]);
    }
    if source.text.len() > MAX_BYTES {
        return Err(vec![Diagnostic::error(format!("`{}` is larger than 4 MiB", source.name))]);
    }
    let tree = Arc::new(scan(source)?);
    let values = values_of(source, &tree).map_err(|problem| vec![problem])?;
    let documents: Vec<Document> = tree
        .roots
        .iter()
        .zip(values)
        .map(|(root, value)| Document { spans: Spans::new(Arc::clone(&tree), *root), value })
        .collect();
    for document in &documents {
        if let Some(node) = disagreement(&tree, document.spans.root(), &document.value) {
            let span = tree.nodes[node].span.clone();
            return Err(vec![separator(source).unwrap_or_else(|| readers_differ().at(source, span, ""))]);
        }
    }
    Ok(documents)
}

fn readers_differ() -> Diagnostic {
    Diagnostic::error("this can be read as YAML in two ways").help("put the text in quotes or write it more plainly")
}

/// What the second reader does not take. The scan has accepted the text already, so this is rare.
fn refused(source: &Arc<SourceFile>, tree: &Tree, error: &serde_yaml::Error, skipped: usize) -> Diagnostic {
    let at = error.location().map_or(0, |location| location.index() + skipped);
    let at = (0..=at.min(source.text.len())).rev().find(|at| source.text.is_char_boundary(*at)).unwrap_or_default();
    if let Some(separator) = separator(source) {
        return separator;
    }
    let detail = error.to_string();
    if detail.contains("invalid type: integer") {
        return Diagnostic::error("this number has more digits than can be kept")
            .at(source, at..at, "")
            .help("put it in quotes if it is a text");
    }
    let long = tree.nodes.iter().filter_map(|node| node.key.clone()).find(|key| key.len() > MAX_KEY);
    if let Some(key) = long {
        return Diagnostic::error("this key is longer than the 1,024 characters that YAML allows")
            .at(source, key, "")
            .help("is a quote or a colon missing?");
    }
    let detail = detail.split(" at line ").next().unwrap_or_default();
    Diagnostic::error(format!("this is not YAML that can be used: {detail}"))
        .at(source, at..at, "")
        .help("put the text in quotes or write it more plainly")
}

/// Characters that end a line in YAML 1.1 and not in YAML 1.2, and that nobody sees.
fn separator(source: &Arc<SourceFile>) -> Option<Diagnostic> {
    let (at, found) = source.text.char_indices().find(|(_, c)| ['\u{85}', '\u{2028}', '\u{2029}'].contains(c))?;
    let code = u32::from(found);
    let message =
        format!("an invisible character stands here (U+{code:04X}), at which some readers of YAML end the line");
    let help = format!("take it away; in text with double quotes it is written `\\u{code:04x}`");
    Some(Diagnostic::error(message).at(source, at..at + found.len_utf8(), "").help(help))
}

fn values_of(source: &Arc<SourceFile>, tree: &Tree) -> Result<Vec<Value>, Diagnostic> {
    let expected = tree.roots.len();
    let mut values = Vec::new();
    if expected == 0 {
        return Ok(values);
    }
    // After an error the iterator would go on in the middle of a document, so the first error ends it.
    // libyaml counts a byte order mark as a column, and then the first key stands further right than the others.
    let text = source.text.trim_start_matches('\u{feff}');
    let skipped = source.text.len() - text.len();
    for document in serde_yaml::Deserializer::from_str(text).take(expected + 1) {
        let value = Value::deserialize(document).map_err(|error| refused(source, tree, &error, skipped))?;
        values.push(value);
    }
    if values.len() == expected { Ok(values) } else { Err(readers_differ().at(source, 0..0, "")) }
}

/// The first node that the two readers do not understand alike.
fn disagreement(tree: &Tree, id: NodeId, value: &Value) -> Option<NodeId> {
    match (&tree.nodes[tree.resolve(id)].kind, value) {
        (Kind::Sequence(items), Value::Sequence(values)) if items.len() == values.len() => {
            let mut pairs = items.iter().zip(values);
            pairs.find_map(|(item, value)| disagreement(tree, *item, value))
        }
        (Kind::Mapping(entries), Value::Mapping(values)) if entries.ordered.len() == values.len() => {
            let mut pairs = entries.ordered.iter().zip(values);
            pairs.find_map(|((key, child), (known, value))| match known {
                Value::String(known) if known != key => Some(*child),
                Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => Some(*child),
                _ => disagreement(tree, *child, value),
            })
        }
        (Kind::Scalar { text, .. }, Value::String(known)) if text == known => None,
        (Kind::Scalar { plain: true, .. }, Value::Null | Value::Bool(_) | Value::Number(_)) => None,
        _ => Some(id),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Vec<Document>, Vec<Diagnostic>> {
        let source = Arc::new(SourceFile { name: "t.yaml".into(), text: text.into() });
        read_documents(&source)
    }

    #[track_caller]
    fn refused(text: &str) -> String {
        read(text).unwrap_err()[0].message.clone()
    }

    #[test]
    fn deep_files_are_refused_at_once() {
        let started = Instant::now();
        for text in [
            "{a: ".repeat(75_000),
            "- ".repeat(100_000),
            "[".repeat(100_000),
            (0..1000).fold(String::new(), |text, depth| text + &" ".repeat(depth) + "a:\n"),
        ] {
            assert_eq!(refused(&text), "nested more than 64 levels deep", "{}", &text[..20]);
        }
        assert_eq!(refused(&"? ".repeat(100_000)), "a key must be text");
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    }

    #[test]
    fn aliases_cannot_make_a_small_file_large() {
        let levels = (1..9).map(|level| format!("a{level}: &a{level} [{}]\n", format!("*a{}, ", level - 1).repeat(10)));
        let text = format!("a0: &a0 [{}]\n{}", "x, ".repeat(10), levels.collect::<String>());
        assert_eq!(refused(&text), "the aliases of this file unfold to more than 250,000 values");
        let many = format!("a: &a 1\nb: [{}]\n", "*a, ".repeat(10_001));
        assert_eq!(refused(&many), "more than 10,000 aliases in one file");
        assert_eq!(refused("a: &x [*x]\n"), "`*x` refers to what it stands in");
        assert_eq!(refused("- &x 1\n---\n- *x\n"), "`*x` refers to nothing in this document");
    }

    #[test]
    fn many_nodes_are_refused() {
        assert_eq!(refused(&format!("[{}]", "1,".repeat(250_001))), "more than 250,000 values in one file");
    }

    #[test]
    fn numbers_that_no_reader_can_keep_are_refused() {
        assert_eq!(refused("a: 99999999999999999999999\n"), "this number has more digits than can be kept");
    }

    #[test]
    fn where_the_two_readers_differ_the_file_is_refused() {
        // To libyaml (YAML 1.1) U+0085 and U+2028 end a line, to YAML 1.2 they are characters.
        for text in ["a: x\u{85}y\n", "a: \"x\u{85}y\"\n", "a: |\n  x\u{2028}  y\n"] {
            let said = refused(text);
            assert!(said.starts_with("an invisible character stands here (U+"), "{text:?}: {said}");
        }
    }

    #[test]
    fn a_nul_byte_is_refused() {
        assert_eq!(refused("a: \0\n"), "a NUL byte stands here");
    }

    #[test]
    fn comments_alone_are_no_document() {
        assert_eq!(read("# nothing\n").unwrap().len(), 0);
        assert_eq!(read("---\n").unwrap().len(), 1);
        assert_eq!(read("a: 1\n---\n").unwrap().len(), 2);
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in r#"[ a-c0-9:{}\[\],&*!|>'"%@`#?\n\t\\<ü~=.-]{0,60}"#) {
            let _outcome = read(&text);
        }

        #[test]
        fn yaml_like_lines_never_panic(lines in prop::collection::vec(
            r"[ ]{0,4}(- )?(a|b|'c'|ü|<<|&x d|\*x)?(: )?(1|yes|\*x|&x|\{a: b\}|\[\*x, 2\]|\| *|!t z|---|\.\.\.|#)?", 0..12)) {
            let _outcome = read(&lines.join("\n"));
        }
    }
}
