//! Each thing on a host has one owner.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::scope::Scope;
use crate::load::manifest::Selection;
use crate::load::spans::Seg;
use crate::model::{AbsPath, Claim, Diagnostic, SourceFile};

/// What can be claimed. Files and directories share their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Unit,
    Path,
    User,
    Uid,
    Gid,
    DefaultTarget,
}

impl Kind {
    fn describe(self, name: &str) -> String {
        match self {
            Kind::Unit => format!("unit `{name}` is declared twice for the same host"),
            Kind::Path => format!("path `{name}` is declared twice for the same host"),
            Kind::User => format!("user `{name}` is declared twice for the same host"),
            // The number may be a variable's value, and stands in the playbook anyway.
            Kind::Uid => "this uid is given to two users of the same host".to_owned(),
            Kind::Gid => "this gid is given to the own groups of two users of the same host".to_owned(),
            Kind::DefaultTarget => "the default target is declared twice for the same host".to_owned(),
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Kind::Unit | Kind::Path | Kind::User | Kind::DefaultTarget => {
                "one manifest has to own it: merge the two, or select different hosts"
            }
            Kind::Uid => "each user has a number of its own",
            Kind::Gid => "to have both in one group, write the group's name in one of them: `gid: NAME`",
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
                .help(kind.advice()));
        }
        let place = (Arc::clone(spans.source()), span);
        self.known.insert((kind, name.to_owned()), place);
        let tags = scope.manifest.selection.tags.union(&selection.tags).cloned().collect();
        Ok(Claim { tags, ..Claim::new(scope.manifest.name.clone(), spans.place(path)) })
    }

    /// Where the key of a declared path stands.
    pub(super) fn place_of(&self, path: &AbsPath) -> Option<(&Arc<SourceFile>, Range<usize>)> {
        let (source, span) = self.known.get(&(Kind::Path, path.as_str().to_owned()))?;
        Some((source, span.clone()))
    }
}
