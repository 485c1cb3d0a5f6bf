//! Where every node of a YAML file stands.

use std::ops::Range;
use std::sync::Arc;

use crate::model::{Place, SourceFile};

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
    source: Arc<SourceFile>,
}

impl Spans {
    /// The file.
    #[must_use]
    pub fn source(&self) -> &Arc<SourceFile> {
        &self.source
    }

    /// The byte range of the value at `path`, or of the nearest ancestor that exists. Aliases are followed.
    #[must_use]
    pub fn value(&self, path: &[Seg]) -> Range<usize> {
        let _unused = path;
        todo!("made by the load room")
    }

    /// The byte range of the key at `path`; of the value, where it has no key.
    #[must_use]
    pub fn key(&self, path: &[Seg]) -> Range<usize> {
        let _unused = path;
        todo!("made by the load room")
    }

    /// The place of the key at `path`, for models that are serialised.
    #[must_use]
    pub fn place(&self, path: &[Seg]) -> Place {
        let (line, column) = self.source.line_column(self.key(path).start);
        Place {
            file: self.source.name.clone(),
            line,
            column,
        }
    }
}
