//! Files whose change counts as a change of the unit.

use std::collections::BTreeSet;

use super::scope::{Scope, below};
use crate::load::spans::Seg;
use crate::model::{AbsPath, Diagnostic};

/// What `watch:` lists.
pub(super) fn listed(scope: &Scope, watch: &[String], path: &[Seg]) -> Result<BTreeSet<AbsPath>, Vec<Diagnostic>> {
    let mut paths = BTreeSet::new();
    let mut errors = Vec::new();
    for (at, written) in watch.iter().enumerate() {
        let path: Vec<Seg> = below(path, "watch").into_iter().chain([Seg::Index(at)]).collect();
        match scope.name(written, &path, AbsPath::parse, "a normalised absolute path") {
            Ok(found) => drop(paths.insert(found)),
            Err(wrong) => errors.push(wrong),
        }
    }
    if errors.is_empty() { Ok(paths) } else { Err(errors) }
}
