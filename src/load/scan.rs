//! One pass over the events of a YAML file, into the arena of [`super::tree`].
//!
//! It runs before `serde_yaml` sees the text and refuses what would make that one slow or silent: deep nesting (libyaml
//! is quadratic there), alias bombs, duplicate keys (the last would win), keys that are not text, tags.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use crate::model::{Diagnostic, SourceFile};

use super::slips;
use super::tree::{Entries, Kind, NodeId, Tree, TreeNode};

/// Larger files are no hand-written configuration.
pub(super) const MAX_BYTES: usize = 4 * 1024 * 1024;
const MAX_DEPTH: usize = 64;
const MAX_NODES: usize = 250_000;
const MAX_ALIASES: usize = 10_000;

/// Reads the places of all nodes; every duplicate key, tag and odd key is reported, a syntax error ends the reading.
pub(super) fn scan(source: &Arc<SourceFile>) -> Result<Tree, Vec<Diagnostic>> {
    let mut state = Scan::new(source);
    for event in Parser::new_from_str(&source.text) {
        let outcome = match event {
            Ok((event, span)) => state.take(&event, span),
            Err(error) => {
                let offset = state.offsets.byte(error.marker().index());
                Err(slips::explain(source, offset, error.info()))
            }
        };
        if let Err(fatal) = outcome {
            state.add_last(fatal);
            return Err(state.problems);
        }
    }
    if state.problems.is_empty() { Ok(state.tree) } else { Err(state.problems) }
}

/// From the parser's character indices to byte offsets.
enum Offsets {
    Ascii,
    Table(Vec<usize>),
}

impl Offsets {
    fn of(text: &str) -> Self {
        if text.is_ascii() {
            return Self::Ascii;
        }
        let ends = std::iter::once(text.len());
        Self::Table(text.char_indices().map(|(at, _)| at).chain(ends).collect())
    }

    fn byte(&self, index: usize) -> usize {
        match self {
            Self::Ascii => index,
            Self::Table(table) => table.get(index).or(table.last()).copied().unwrap_or_default(),
        }
    }
}

/// A collection that is still open.
struct Frame {
    node: NodeId,
    /// In a mapping: the key that waits for its value.
    key: Option<(String, Range<usize>)>,
    /// Nodes inside, aliases counted as what they stand for.
    weight: usize,
    /// Whether this collection is itself a key, which is refused.
    is_key: bool,
}

struct Scan<'a> {
    source: &'a Arc<SourceFile>,
    offsets: Offsets,
    tree: Tree,
    frames: Vec<Frame>,
    anchors: BTreeMap<usize, NodeId>,
    weights: BTreeMap<NodeId, usize>,
    aliases: usize,
    problems: Vec<Diagnostic>,
}

impl<'a> Scan<'a> {
    fn new(source: &'a Arc<SourceFile>) -> Self {
        Self {
            source,
            offsets: Offsets::of(&source.text),
            tree: Tree { source: Arc::clone(source), nodes: Vec::new(), roots: Vec::new(), merges: Vec::new() },
            frames: Vec::new(),
            anchors: BTreeMap::new(),
            weights: BTreeMap::new(),
            aliases: 0,
            problems: Vec::new(),
        }
    }

    fn range(&self, span: Span) -> Range<usize> {
        let len = self.source.text.len();
        let start = self.offsets.byte(span.start.index()).min(len);
        start..self.offsets.byte(span.end.index()).clamp(start, len)
    }

    fn error(&self, span: Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(message).at(self.source, span, "")
    }

    /// A syntax error is often only the echo of a slip that was already reported on the same line.
    fn add_last(&mut self, fatal: Diagnostic) {
        let line = |diagnostic: &Diagnostic| {
            let label = diagnostic.labels.first();
            label.map(|label| self.source.line_column(label.span.start).0)
        };
        if !self.problems.iter().any(|known| line(known) == line(&fatal)) {
            self.problems.push(fatal);
        }
    }

    fn take(&mut self, event: &Event<'_>, span: Span) -> Result<(), Diagnostic> {
        let range = self.range(span);
        match event {
            Event::DocumentStart(_) => self.anchors.clear(),
            Event::Alias(anchor) => self.alias(*anchor, range)?,
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), &range);
                let range = self.without_trailer(range, *style);
                let plain = *style == ScalarStyle::Plain;
                self.scalar(text, plain, *anchor, range)?;
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(tag.is_some(), &range);
                self.open(Kind::Sequence(Vec::new()), *anchor, range)?;
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(tag.is_some(), &range);
                self.open(Kind::Mapping(Entries::default()), *anchor, range)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(&range),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    /// The parser's range of a quoted text runs on over blanks and comments; it ends at the closing quote.
    fn without_trailer(&self, range: Range<usize>, style: ScalarStyle) -> Range<usize> {
        let quote = match style {
            ScalarStyle::SingleQuoted => '\'',
            ScalarStyle::DoubleQuoted => '"',
            ScalarStyle::Plain | ScalarStyle::Literal | ScalarStyle::Folded => return range,
        };
        let mut rest = self.source.text[range.clone()].char_indices().peekable();
        let mut open = false;
        while let Some((at, c)) = rest.next() {
            let pair = quote == '\'' && rest.peek().is_some_and(|(_, next)| *next == quote);
            match c {
                _ if c == quote && !open => open = true,
                '\\' if open && quote == '"' => drop(rest.next()),
                _ if c == quote && pair => drop(rest.next()),
                _ if c == quote => return range.start..range.start + at + 1,
                _ => {}
            }
        }
        range
    }

    fn refuse_tag(&mut self, tagged: bool, range: &Range<usize>) {
        if !tagged {
            return;
        }
        let written = &self.source.text[range.clone()];
        let tag = written.split_whitespace().find(|word| word.starts_with('!')).unwrap_or("!");
        let start = range.start + written.find(tag).unwrap_or_default();
        let (message, help) = if tag == "!vault" {
            ("this value is encrypted by ansible-vault, which is not read here".to_owned(), slips::VAULT_HELP)
        } else {
            let help = "take the tag away; text that starts with `!` needs quotes";
            (format!("the tag `{tag}` is not supported"), help)
        };
        self.problems.push(self.error(start..start + tag.len(), message).help(help));
    }

    fn scalar(&mut self, text: &str, plain: bool, anchor: usize, mut span: Range<usize>) -> Result<(), Diagnostic> {
        if plain && text.is_empty() && anchor == 0 {
            // The parser's range for "nothing" lies on the next token; the key is where a reader looks.
            let key = self.frames.last().and_then(|frame| frame.key.as_ref());
            span = key.map_or(span.start..span.start, |(_, key)| key.clone());
        }
        if self.expects_key() {
            if text == "<<" && plain {
                self.tree.merges.push(span.clone());
            }
            if let Some(frame) = self.frames.last_mut() {
                frame.key = Some((text.to_owned(), span.clone()));
            }
            if anchor == 0 {
                return Ok(());
            }
            let id = self.store(None, span, text_node(text, plain))?;
            self.anchors.insert(anchor, id);
            return Ok(());
        }
        self.attach(text_node(text, plain), anchor, span, 1)?;
        Ok(())
    }

    fn alias(&mut self, anchor: usize, span: Range<usize>) -> Result<(), Diagnostic> {
        self.aliases += 1;
        if self.aliases > MAX_ALIASES {
            return Err(self.error(span, "more than 10,000 aliases in one file"));
        }
        let written = &self.source.text[span.clone()];
        let Some(&target) = self.anchors.get(&anchor) else {
            let message = format!("`{written}` refers to nothing in this document");
            return Err(self.error(span, message).help("anchors do not reach beyond a `---`"));
        };
        if self.frames.iter().any(|frame| frame.node == target) {
            let message = format!("`{written}` refers to what it stands in");
            return Err(self.error(span, message).help("a value cannot contain itself"));
        }
        if self.expects_key() {
            self.problems.push(self.error(span.clone(), "an alias cannot be a key").help("write the key itself"));
            self.set_odd_key(span);
            return Ok(());
        }
        let weight = self.weights.get(&target).copied().unwrap_or(1);
        self.attach(Kind::Alias(target), 0, span, weight)?;
        Ok(())
    }

    fn open(&mut self, kind: Kind, anchor: usize, span: Range<usize>) -> Result<(), Diagnostic> {
        if self.frames.len() >= MAX_DEPTH {
            return Err(slips::too_deep(self.source, span.start));
        }
        let is_key = self.expects_key();
        let node = if is_key {
            self.odd_key(&span);
            let id = self.store(None, span, kind)?;
            if anchor > 0 {
                self.anchors.insert(anchor, id);
            }
            id
        } else {
            self.attach(kind, anchor, span, 1)?
        };
        self.frames.push(Frame { node, key: None, weight: 1, is_key });
        Ok(())
    }

    fn close(&mut self, end: &Range<usize>) {
        let Some(frame) = self.frames.pop() else { return };
        let last = match &self.tree.nodes[frame.node].kind {
            Kind::Sequence(items) => items.last().copied(),
            Kind::Mapping(entries) => entries.ordered.last().map(|(_, id)| *id),
            Kind::Scalar { .. } | Kind::Alias(_) => None,
        };
        let last_end = last.map(|id| self.tree.nodes[id].span.end);
        let span = &mut self.tree.nodes[frame.node].span;
        // `}` and `]` have a width; the end of a block is only where the next thing begins.
        span.end = if end.is_empty() { last_end.unwrap_or(span.end).max(span.start) } else { end.end.max(span.start) };
        self.weights.insert(frame.node, frame.weight);
        if let Some(parent) = self.frames.last_mut().filter(|_| !frame.is_key) {
            parent.weight = parent.weight.saturating_add(frame.weight);
        }
    }

    fn expects_key(&self) -> bool {
        self.frames
            .last()
            .is_some_and(|frame| frame.key.is_none() && matches!(self.tree.nodes[frame.node].kind, Kind::Mapping(_)))
    }

    fn odd_key(&mut self, span: &Range<usize>) {
        if self.frames.iter().any(|frame| frame.is_key) {
            return self.set_odd_key(span.clone());
        }
        let text = &self.source.text;
        let parent = self.frames.last().map(|frame| self.tree.nodes[frame.node].span.start);
        let template = parent.filter(|at| text[*at..].starts_with("{{"));
        let problem = match template {
            Some(at) => slips::unquoted_template(self.source, at),
            None => self.error(span.clone(), "a key must be text").help("lists and mappings cannot be keys"),
        };
        self.problems.push(problem);
        self.set_odd_key(span.clone());
    }

    fn set_odd_key(&mut self, span: Range<usize>) {
        // Two odd keys are never duplicates of each other; nothing is built from them.
        let unique = format!("\0{}", span.start);
        if let Some(frame) = self.frames.last_mut() {
            frame.key = Some((unique, span));
        }
    }

    fn store(&mut self, key: Option<Range<usize>>, span: Range<usize>, kind: Kind) -> Result<NodeId, Diagnostic> {
        if self.tree.nodes.len() >= MAX_NODES {
            return Err(self.error(span, "more than 250,000 values in one file"));
        }
        self.tree.nodes.push(TreeNode { key, span, kind });
        Ok(self.tree.nodes.len() - 1)
    }

    /// Puts a node where it belongs: under the waiting key, at the end of the sequence, or as a document.
    fn attach(&mut self, kind: Kind, anchor: usize, span: Range<usize>, weight: usize) -> Result<NodeId, Diagnostic> {
        let key = self.frames.last_mut().and_then(|frame| frame.key.take());
        let (text, key_span) = key.map_or((None, None), |(text, span)| (Some(text), Some(span)));
        let collection = matches!(kind, Kind::Sequence(_) | Kind::Mapping(_));
        let id = self.store(key_span.clone(), span.clone(), kind)?;
        if anchor > 0 {
            self.anchors.insert(anchor, id);
        }
        let Some(frame) = self.frames.last_mut() else {
            self.tree.roots.push(id);
            return Ok(id);
        };
        if !collection {
            frame.weight = frame.weight.saturating_add(weight);
        }
        let unfolded = frame.weight;
        let mut first = None;
        match (&mut self.tree.nodes[frame.node].kind, text) {
            (Kind::Sequence(items), _) => items.push(id),
            (Kind::Mapping(entries), Some(text)) => {
                first = entries.by_key.get(&text).copied();
                entries.by_key.entry(text.clone()).or_insert(id);
                entries.ordered.push((text, id));
            }
            _ => {}
        }
        if let (Some(first), Some(again)) = (first, key_span) {
            self.duplicate(first, again);
        }
        if unfolded > MAX_NODES {
            let message = "the aliases of this file unfold to more than 250,000 values";
            return Err(self.error(span, message));
        }
        Ok(id)
    }

    fn duplicate(&mut self, first: NodeId, again: Range<usize>) {
        let written = &self.source.text[again.clone()];
        let first = self.tree.nodes[first].key.clone().unwrap_or_default();
        let problem = self
            .error(again, format!("the key `{written}` is written twice"))
            .at(self.source, first, "first written here")
            .help("keep one of them; the second would replace the first");
        self.problems.push(problem);
    }
}

fn text_node(text: &str, plain: bool) -> Kind {
    Kind::Scalar { text: text.to_owned(), plain }
}
