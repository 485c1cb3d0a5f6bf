//! Each thing on a host has one owner.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::scope::Scope;
use crate::load::manifest::Selection;
use crate::load::spans::Seg;
use crate::model::{Claim, Diagnostic, SourceFile};

/// What can be claimed. Files and directories share their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Unit,
    Path,
    User,
    DefaultTarget,
}

impl Kind {
    fn describe(self, name: &str) -> String {
        match self {
            Kind::Unit => format!("unit `{name}` is declared twice for the same host"),
            Kind::Path => format!("path `{name}` is declared twice for the same host"),
            Kind::User => format!("user `{name}` is declared twice for the same host"),
            Kind::DefaultTarget => "the default target is declared twice for the same host".to_owned(),
        }
    }
}

/// What was claimed on one host so far, and where.
#[derive(Debug, Default)]
pub(super) struct Claims {
    known: BTreeMap<(Kind, String), (Arc<SourceFile>, Range<usize>)>,
}

impl Claims {
    /// Claims a thing for the scope's manifest, or says who has it already.
    pub(super) fn claim(
        &mut self,
        (kind, name): (Kind, &str),
        scope: &Scope,
        path: &[Seg],
        selection: &Selection,
    ) -> Result<Claim, Diagnostic> {
        let spans = &scope.manifest.spans;
        let span = spans.key(path);
        if let Some((source, first)) = self.known.get(&(kind, name.to_owned())) {
            return Err(Diagnostic::error(kind.describe(name))
                .at(spans.source(), span, "")
                .at(source, first.clone(), "first declared here")
                .help("one manifest has to own it: merge the two, or select different hosts"));
        }
        let place = (Arc::clone(spans.source()), span);
        self.known.insert((kind, name.to_owned()), place);
        let tags = scope.manifest.selection.tags.union(&selection.tags).cloned().collect();
        Ok(Claim { tags, ..Claim::new(scope.manifest.name.clone(), spans.place(path)) })
    }
}
