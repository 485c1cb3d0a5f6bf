//! Files whose change counts as a change of the unit.

use std::collections::BTreeMap;

use super::scope::{Scope, below};
use crate::load::manifest::Watched;
use crate::load::spans::Seg;
use crate::model::{AbsPath, Diagnostic};

/// What `watch:` lists, and whether a reload brings it, where that is said.
pub(super) fn listed(
    scope: &Scope,
    watch: &[Watched],
    path: &[Seg],
) -> Result<BTreeMap<AbsPath, Option<bool>>, Vec<Diagnostic>> {
    const WHAT: &str = "a normalised absolute path";
    let mut paths = BTreeMap::new();
    let mut errors = Vec::new();
    for (at, watched) in watch.iter().enumerate() {
        let seg = if watched.reload.is_some() { Seg::Key(watched.path.clone()) } else { Seg::Index(at) };
        let path: Vec<Seg> = below(path, "watch").into_iter().chain([seg]).collect();
        let name = if watched.reload.is_some() {
            scope.key(&watched.path, &path, AbsPath::parse, WHAT)
        } else {
            scope.name(&watched.path, &path, AbsPath::parse, WHAT)
        };
        match name {
            Ok(found) => drop(paths.insert(found, watched.reload)),
            Err(wrong) => errors.push(wrong),
        }
    }
    if errors.is_empty() { Ok(paths) } else { Err(errors) }
}
