//! Files whose change counts as a change of the unit.

use std::collections::BTreeSet;

use super::scope::{Scope, below};
use crate::load::spans::Seg;
use crate::model::{AbsPath, Diagnostic};
use crate::unitfile::Effective;

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

/// The files that a service reads when it starts: `EnvironmentFile=` and credentials. Globs and specifiers are left
/// out, because only systemd on the host knows what they mean there.
pub(super) fn implied(effective: &Effective) -> BTreeSet<AbsPath> {
    let environment = effective.values("Service", "EnvironmentFile");
    let environment = environment.into_iter().map(|value| value.strip_prefix('-').unwrap_or(value));
    let credentials = ["LoadCredential", "LoadCredentialEncrypted"]
        .into_iter()
        .flat_map(|directive| effective.values("Service", directive))
        .filter_map(|value| value.split_once(':').map(|(_, path)| path));
    environment
        .chain(credentials)
        .filter(|path| !path.contains(['%', '*', '?', '[', '\\', '"']))
        .filter_map(|path| AbsPath::parse(path).ok())
        .collect()
}
