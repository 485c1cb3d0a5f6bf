//! JSON as a document with places: what inventory scripts print, and `.json` files.
//!
//! YAML's readers take most JSON, but not all of it (tabs, `\ud83d\ude00`), and this one knows its places as well.
//! `serde_json` decides what is JSON; the walk over the same bytes only finds where things stand.

use std::ops::Range;
use std::sync::Arc;

use serde_yaml::{Mapping, Value};

use crate::model::{Diagnostic, SourceFile};

use super::document::Document;
use super::spans::Spans;
use super::tree::{Entries, Kind, NodeId, Tree, TreeNode};

/// Deeper data is no inventory.
const MAX_DEPTH: usize = 64;

/// Reads one JSON value.
pub(super) fn read_json(source: &Arc<SourceFile>) -> Result<Document, Vec<Diagnostic>> {
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&source.text) {
        // Where both refuse a text, the reader of values says more plainly why.
        let error = serde_json::from_str::<serde_json::Value>(&source.text).err().unwrap_or(error);
        let at = offset(&source.text, error.line(), error.column());
        let detail = error.to_string();
        let detail = detail.split(" at line ").next().unwrap_or_default();
        return Err(vec![Diagnostic::error(format!("this is not JSON: {detail}")).at(source, at, "")]);
    }
    let tree = Tree { source: Arc::clone(source), nodes: Vec::new(), roots: Vec::new(), merges: Vec::new() };
    let mut walk = Walk { source, at: 0, tree, problems: Vec::new() };
    let (root, value) = walk.value(None, 0).map_err(|problem| vec![problem])?;
    if !walk.problems.is_empty() {
        return Err(walk.problems);
    }
    walk.tree.roots.push(root);
    Ok(Document::new(Spans::new(Arc::new(walk.tree), root), value))
}

/// The byte range of the character at a line and column of `serde_json`, which counts bytes.
fn offset(text: &str, line: usize, column: usize) -> Range<usize> {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let at = (start + column.saturating_sub(1)).min(text.trim_end().len());
    let at = (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let width = text[at..].chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
    at..at + width
}

struct Walk<'a> {
    source: &'a Arc<SourceFile>,
    at: usize,
    tree: Tree,
    problems: Vec<Diagnostic>,
}

impl Walk<'_> {
    fn peek(&self) -> u8 {
        self.source.text.as_bytes().get(self.at).copied().unwrap_or_default()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    fn store(&mut self, key: Option<Range<usize>>, span: Range<usize>, kind: Kind) -> NodeId {
        self.tree.nodes.push(TreeNode { key, span, kind });
        self.tree.nodes.len() - 1
    }

    fn value(&mut self, key: Option<Range<usize>>, depth: usize) -> Result<(NodeId, Value), Diagnostic> {
        self.blanks();
        let start = self.at;
        if depth > MAX_DEPTH {
            return Err(Diagnostic::error("nested more than 64 levels deep").at(self.source, start..start + 1, ""));
        }
        match self.peek() {
            b'{' => self.object(key, depth),
            b'[' => self.array(key, depth),
            b'"' => {
                let text = self.string();
                let kind = Kind::Scalar { text: text.clone(), plain: false };
                Ok((self.store(key, start..self.at, kind), Value::String(text)))
            }
            _ => {
                while !matches!(self.peek(), b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r' | 0) {
                    self.at += 1;
                }
                let text = &self.source.text[start..self.at];
                let value = serde_json::from_str(text).ok().map_or(Value::Null, of_json);
                let kind = Kind::Scalar { text: text.to_owned(), plain: false };
                Ok((self.store(key, start..self.at, kind), value))
            }
        }
    }

    /// A string; the text was found to be JSON, so that it ends.
    fn string(&mut self) -> String {
        let start = self.at;
        self.at += 1;
        while !matches!(self.peek(), b'"' | 0) {
            self.at += if self.peek() == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        serde_json::from_str(&self.source.text[start..self.at]).unwrap_or_default()
    }

    fn object(&mut self, key: Option<Range<usize>>, depth: usize) -> Result<(NodeId, Value), Diagnostic> {
        let start = self.at;
        let id = self.store(key, start..start, Kind::Mapping(Entries::default()));
        let mut entries = Entries::default();
        let mut values = Mapping::new();
        self.at += 1;
        loop {
            self.blanks();
            match self.peek() {
                b'"' => {}
                b',' => {
                    self.at += 1;
                    continue;
                }
                _ => break,
            }
            let key_start = self.at;
            let name = self.string();
            let key = key_start..self.at;
            self.blanks();
            self.at += 1;
            let (child, value) = self.value(Some(key.clone()), depth + 1)?;
            if let Some(first) = entries.by_key.get(&name) {
                let first = self.tree.nodes[*first].key.clone().unwrap_or_default();
                let problem = Diagnostic::error(format!("the key `{name}` is written twice"))
                    .at(self.source, key, "")
                    .at(self.source, first, "first written here")
                    .help("keep one of them; the second would replace the first");
                self.problems.push(problem);
                continue;
            }
            entries.by_key.insert(name.clone(), child);
            entries.ordered.push((name.clone(), child));
            values.insert(Value::String(name), value);
        }
        self.at += 1;
        let node = &mut self.tree.nodes[id];
        node.span.end = self.at;
        node.kind = Kind::Mapping(entries);
        Ok((id, Value::Mapping(values)))
    }

    fn array(&mut self, key: Option<Range<usize>>, depth: usize) -> Result<(NodeId, Value), Diagnostic> {
        let start = self.at;
        let id = self.store(key, start..start, Kind::Sequence(Vec::new()));
        let (mut items, mut values) = (Vec::new(), Vec::new());
        self.at += 1;
        loop {
            self.blanks();
            match self.peek() {
                b']' | 0 => break,
                b',' => self.at += 1,
                _ => {
                    let (item, value) = self.value(None, depth + 1)?;
                    items.push(item);
                    values.push(value);
                }
            }
        }
        self.at += 1;
        let node = &mut self.tree.nodes[id];
        node.span.end = self.at;
        node.kind = Kind::Sequence(items);
        Ok((id, Value::Sequence(values)))
    }
}

/// A number or a word.
fn of_json(value: serde_json::Value) -> Value {
    match value {
        serde_json::Value::Bool(value) => Value::Bool(value),
        serde_json::Value::Number(number) => {
            let whole = number.as_i64().map(Value::from).or_else(|| number.as_u64().map(Value::from));
            whole.or_else(|| number.as_f64().map(Value::from)).unwrap_or_default()
        }
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::load::node::Dialect;
    use crate::load::spans::Seg;

    fn read(text: &str) -> Result<Document, Vec<Diagnostic>> {
        read_json(&Arc::new(SourceFile { name: "t.json".into(), text: text.into() }))
    }

    #[test]
    fn json_keeps_its_values_and_knows_its_places() {
        let text = "\t{\"a\": [1, -2.5, 1e3, \"yes\", \"010\", null, true],\n\t \"ü\": {\"b\\\"c\": \"\\ud83d\\ude00\"}, \"e\": {}, \"l\": []}\n";
        let document = read(text).unwrap();
        let expected = json!({"a": [1, -2.5, 1000.0, "yes", "010", null, true], "ü": {"b\"c": "😀"}, "e": {}, "l": []});
        assert_eq!(document.root().json(Dialect::Inventory), expected);
        let path = [Seg::Key("ü".into()), Seg::Key("b\"c".into())];
        assert_eq!(&text[document.spans.key(&path)], "\"b\\\"c\"");
        assert_eq!(&text[document.spans.value(&path)], "\"\\ud83d\\ude00\"");
        assert_eq!(&text[document.spans.value(&[Seg::Key("a".into()), Seg::Index(2)])], "1e3");
        assert_eq!(document.spans.place(&path).to_string(), "t.json:2:9");
    }

    #[test]
    fn what_is_no_json_is_refused_at_its_place() {
        for (text, place, said) in [
            ("[1,]", "t.json:1:4", "trailing comma"),
            ("{\n  \"a\" 1}", "t.json:2:7", "expected `:`"),
            ("nothing", "t.json:1:2", "expected ident"),
            ("", "t.json:1:1", "EOF while parsing a value"),
            ("{\"a\": 1, \"b\": 2, \"a\": 3}", "t.json:1:18", "the key `a` is written twice"),
        ] {
            let problem = read(text).unwrap_err().remove(0);
            let label = &problem.labels[0];
            let (line, column) = label.source.line_column(label.span.start);
            assert_eq!(format!("t.json:{line}:{column}"), place, "{text}");
            assert!(problem.message.contains(said), "{}", problem.message);
        }
        assert_eq!(read(&"[".repeat(100)).unwrap_err().len(), 1);
        assert_eq!(
            read(&format!("{}{}", "[".repeat(70), "]".repeat(70))).unwrap_err()[0].message,
            "nested more than 64 levels deep"
        );
    }

    proptest::proptest! {
        #[test]
        fn garbage_never_panics(text in r#"[\[\]{}",:0-9a\\ue \n-]{0,40}"#) {
            let _outcome = read(&text);
        }
    }
}
