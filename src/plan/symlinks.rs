//! Symbolic links of `files:`. Those that enable units are another matter (`links`).
//!
//! A link elsewhere is repointed, as `ln -sfn` would; a file or directory gives way only where the ledger says that we
//! installed it.

use crate::model::{AbsPath, Action, ChangeKind, Claim, Content, LedgerEntry, Observation, ObservedPath, ReasonKind};

use super::adopt;
use super::draft::{Draft, Stage};
use super::files::{not_usable, note_foreign, shown};

pub(super) fn plan(draft: &mut Draft<'_>) {
    for (path, symlink) in draft.desired.symlinks.iter().filter(|(_, symlink)| symlink.claim.selected) {
        let (claim, target) = (&symlink.claim, symlink.target.as_str());
        match draft.observed.paths.get(path) {
            Some(ObservedPath::Absent) => make(draft, path, claim, None, target, "does not exist"),
            Some(ObservedPath::Link { target: found, .. }) if found == target => {
                if symlink.adopt {
                    let entry = LedgerEntry::Link { path: path.clone(), target: target.to_owned() };
                    adopt::take(draft, None, claim, entry);
                }
            }
            Some(ObservedPath::Link { target: found, .. }) => {
                let foreign = note_foreign(draft, None, path, claim, symlink.adopt);
                let adopted = if foreign && symlink.adopt { adopted() } else { String::new() };
                make(draft, path, claim, Some(found.clone()), target, &format!("points to {found}{adopted}"));
            }
            Some(found) if gives_way(draft, path, claim, found, symlink.adopt) => {
                take_away(draft, path, claim, found);
                make(draft, path, claim, None, target, "shall be a link now");
            }
            other => not_usable(draft, None, path, claim, other, "symbolic link"),
        }
    }
}

fn adopted() -> String {
    format!("; it {} and is adopted", adopt::NOT_OURS)
}

fn make(draft: &mut Draft<'_>, path: &AbsPath, claim: &Claim, from: Option<String>, target: &str, why: &str) {
    let kind = if from.is_some() { ReasonKind::FileDiffers } else { ReasonKind::Missing };
    let change = ChangeKind::Link { path: path.clone(), from, to: Some(target.to_owned()) };
    draft.change(None, &claim.manifest, change);
    let action = Action::MakeLink { path: path.clone(), target: target.to_owned() };
    draft.step(Stage::Links, action, kind, why);
    draft.after.put_link(path, target);
    draft.own(&claim.manifest, LedgerEntry::Link { path: path.clone(), target: target.to_owned() });
}

/// Whether what stands there is ours or adopted: a file, or a directory in which nothing is.
fn gives_way(draft: &Draft<'_>, path: &AbsPath, claim: &Claim, found: &ObservedPath, adopt: bool) -> bool {
    let entry = match found {
        ObservedPath::File { .. } => LedgerEntry::File { path: path.clone(), digest: None },
        ObservedPath::Directory { empty: Some(true), .. } => LedgerEntry::Directory(path.clone()),
        _ => return false,
    };
    adopt || draft.has_in_ledger(&claim.manifest, &entry)
}

fn take_away(draft: &mut Draft<'_>, path: &AbsPath, claim: &Claim, found: &ObservedPath) {
    let (change, action) = match found {
        ObservedPath::File { meta, digest, content } => {
            let digest = match digest {
                Observation::Known(digest) => Some(digest.clone()),
                Observation::Unknown(_) => None,
            };
            let opaque = || Content::Opaque { size: meta.size, digest };
            let from = content.as_ref().map_or_else(opaque, shown);
            let from = if draft.was_secret(path) { Content::Secret } else { from };
            let change = ChangeKind::File { path: path.clone(), from, to: Content::Absent };
            (change, Action::RemoveFile { path: path.clone() })
        }
        _ => (
            ChangeKind::Directory { path: path.clone(), exists: true, wanted: false },
            Action::RemoveDirectory { path: path.clone() },
        ),
    };
    draft.change(None, &claim.manifest, change);
    draft.step(Stage::Links, action, ReasonKind::Follows, "a link takes its place");
    draft.disown(|entry| *entry == LedgerEntry::Directory(path.clone()));
}
