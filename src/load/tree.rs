//! The nodes of a YAML file as they were written, in one arena: text, places, aliases.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::model::SourceFile;

use super::spans::Seg;

/// An index into [`Tree::nodes`].
pub(super) type NodeId = usize;

/// All nodes of a file.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) source: Arc<SourceFile>,
    pub(super) nodes: Vec<TreeNode>,
    /// One per document.
    pub(super) roots: Vec<NodeId>,
    /// Where a merge key `<<` stands.
    pub(super) merges: Vec<Range<usize>>,
}

/// A node; key and span are byte ranges.
#[derive(Debug)]
pub(super) struct TreeNode {
    pub(super) key: Option<Range<usize>>,
    pub(super) span: Range<usize>,
    pub(super) kind: Kind,
}

/// What a node is. A scalar's text is what the YAML stands for: quotes and escapes are gone.
#[derive(Debug)]
pub(super) enum Kind {
    Scalar { text: String, plain: bool },
    Sequence(Vec<NodeId>),
    Mapping(Entries),
    Alias(NodeId),
}

/// A mapping's entries in their order, and by key.
#[derive(Debug, Default)]
pub(super) struct Entries {
    pub(super) ordered: Vec<(String, NodeId)>,
    pub(super) by_key: BTreeMap<String, NodeId>,
}

impl Tree {
    /// The node that is meant: an alias stands for its anchor.
    pub(super) fn resolve(&self, mut id: NodeId) -> NodeId {
        // An alias points at an earlier node that is not an alias itself, so this ends after one step.
        while let Kind::Alias(target) = self.nodes[id].kind {
            id = target;
        }
        id
    }

    /// The child of a node, through aliases and merge keys.
    pub(super) fn child(&self, id: NodeId, step: &Seg) -> Option<NodeId> {
        match (&self.nodes[self.resolve(id)].kind, step) {
            (Kind::Sequence(items), Seg::Index(index)) => items.get(*index).copied(),
            (Kind::Mapping(entries), Seg::Key(key)) => {
                entries.by_key.get(key).copied().or_else(|| self.merged_child(*entries.by_key.get("<<")?, step))
            }
            _ => None,
        }
    }

    fn merged_child(&self, merge: NodeId, step: &Seg) -> Option<NodeId> {
        match &self.nodes[self.resolve(merge)].kind {
            Kind::Mapping(_) => self.child(merge, step),
            Kind::Sequence(items) => items.iter().find_map(|item| self.child(*item, step)),
            _ => None,
        }
    }
}
