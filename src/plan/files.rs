//! Files and directories: bytes, mode, owner. Unit files and drop-ins go through the same door.

use crate::model::{
    AbsPath, Action, Bytes, ChangeKind, Claim, Content, DesiredDirectory, DirectorySpec, FileMeta, FileSpec,
    FindingKind, LedgerEntry, Observation, ObservedPath, Reason, ReasonKind, UnitName, UserName, Wanted,
};

use super::adopt;
use super::draft::{Draft, Stage};
use super::users::comes_with_a_user;
use super::view::Entry;

/// Text above this size, in bytes, is not shown line by line.
const SHOWN_TEXT_MAX: usize = 1 << 20;

pub(super) fn plan(draft: &mut Draft<'_>) {
    owners_exist(draft);
    for (path, directory) in &draft.desired.directories {
        if let (Wanted::Present(spec), true) = (&directory.spec, directory.claim.selected) {
            directory_present(draft, path, directory, spec);
        }
    }
    // What goes, goes from the inside outward.
    for (path, directory) in draft.desired.directories.iter().rev() {
        if matches!(directory.spec, Wanted::Absent) && directory.claim.selected {
            directory_absent(draft, path, directory);
        }
    }
    for (path, file) in draft.desired.files.iter().filter(|(_, file)| file.claim.selected) {
        match &file.spec {
            Wanted::Present(spec) => {
                file_present(draft, None, path, &file.claim, file.adopt, spec);
            }
            Wanted::Absent => file_absent(draft, None, path, &file.claim, file.adopt),
        }
    }
}

/// An owner that neither exists nor is created would make the apply fail half-way; it is found here instead.
fn owners_exist(draft: &mut Draft<'_>) {
    let directories = draft.desired.directories.values().filter_map(|directory| match &directory.spec {
        Wanted::Present(spec) => Some((&directory.claim, &spec.user, &spec.group)),
        Wanted::Absent => None,
    });
    let files = draft.desired.files.values().filter_map(|file| match &file.spec {
        Wanted::Present(spec) => Some((&file.claim, &spec.user, &spec.group)),
        Wanted::Absent => None,
    });
    for (claim, user, group) in directories.chain(files).filter(|(claim, _, _)| claim.selected) {
        let declared = |name: &UserName| draft.desired.users.get(name).filter(|user| user.spec != Wanted::Absent);
        let created = |name: &UserName| declared(name).is_some_and(|user| user.claim.selected);
        let left_out = |name: &UserName| {
            declared(name).map(|user| format!("this run's tags leave out the user, declared at {}", user.claim.place))
        };
        let user_missing = matches!(draft.observed.users.get(user), Some(Observation::Known(None)));
        if user_missing && !created(user) && !is_number(user) {
            let hint = left_out(user).unwrap_or_else(|| format!("declare it: users: {{{user}: {{}}}}"));
            draft.refuse(None, &claim.place, format!("owner {user} does not exist on this host"), Some(hint));
        }
        let group_missing = matches!(draft.observed.groups.get(group), Some(Observation::Known(None)));
        if group_missing && !comes_with_a_user(draft, group) && !is_number(group) {
            let hint = left_out(group)
                .unwrap_or_else(|| format!("a user gets a group of its own name: users: {{{group}: {{}}}}"));
            draft.refuse(None, &claim.place, format!("group {group} does not exist on this host"), Some(hint));
        }
    }
}

fn is_number(name: &UserName) -> bool {
    name.as_str().bytes().all(|byte| byte.is_ascii_digit())
}

fn directory_present(draft: &mut Draft<'_>, path: &AbsPath, directory: &DesiredDirectory, spec: &DirectorySpec) {
    let claim = &directory.claim;
    match draft.observed.paths.get(path) {
        Some(ObservedPath::Absent) => {
            draft.change(
                None,
                &claim.manifest,
                ChangeKind::Directory { path: path.clone(), exists: false, wanted: true },
            );
            let action = Action::CreateDirectory {
                path: path.clone(),
                mode: spec.mode,
                user: spec.user.clone(),
                group: spec.group.clone(),
            };
            draft.step(Stage::Directories, action, ReasonKind::Missing, "does not exist");
            draft.after.put(path, Entry::Other);
            draft.own(&claim.manifest, LedgerEntry::Directory(path.clone()));
        }
        Some(ObservedPath::Directory { meta, .. }) => {
            if directory.adopt {
                adopt::take(draft, None, claim, LedgerEntry::Directory(path.clone()));
            }
            attributes(draft, None, path, claim, meta, (spec.mode, &spec.user, &spec.group), Stage::Directories);
        }
        other => not_usable(draft, None, path, claim, other, "directory"),
    }
}

fn directory_absent(draft: &mut Draft<'_>, path: &AbsPath, directory: &DesiredDirectory) {
    let claim = &directory.claim;
    let entry = LedgerEntry::Directory(path.clone());
    match draft.observed.paths.get(path) {
        Some(ObservedPath::Absent) => draft.disown(|other| *other == entry),
        Some(ObservedPath::Directory { empty, .. }) => {
            let Some(why) = adopt::why_removed(draft, None, claim, directory.adopt, &entry) else {
                refuse_foreign(draft, None, path, claim);
                return;
            };
            // What is declared absent below it, and is there, is gone when the directory's turn comes.
            let there =
                |inside: &AbsPath| !matches!(draft.observed.paths.get(inside), None | Some(ObservedPath::Absent));
            let inside = |inside: &AbsPath| inside.parent().as_ref() == Some(path) && there(inside);
            let goes = |claim: &Claim, absent: bool| absent && claim.selected;
            let files = draft.desired.files.iter().filter(|(_, file)| goes(&file.claim, file.spec == Wanted::Absent));
            let directories = draft.desired.directories.iter();
            let directories = directories.filter(|(_, other)| goes(&other.claim, other.spec == Wanted::Absent));
            let emptied_by_us = files.map(|(path, _)| path).chain(directories.map(|(path, _)| path)).any(inside);
            if *empty == Some(false) && !emptied_by_us {
                let text = format!("{path} is declared absent, but is not empty: what is in it is not ours");
                draft.finding(FindingKind::Foreign, None, text, Some("remove its contents by hand".to_owned()));
                return;
            }
            draft.change(
                None,
                &claim.manifest,
                ChangeKind::Directory { path: path.clone(), exists: true, wanted: false },
            );
            let action = Action::RemoveDirectory { path: path.clone() };
            draft.step(Stage::RemoveDirectories, action, ReasonKind::NotWanted, why);
            draft.disown(|other| *other == entry);
        }
        other => not_usable(draft, None, path, claim, other, "directory"),
    }
}

/// Plans a file's bytes, mode and owner. Returns whether it will be as desired after the steps.
pub(super) fn file_present(
    draft: &mut Draft<'_>,
    unit: Option<&UnitName>,
    path: &AbsPath,
    claim: &Claim,
    adopt: bool,
    spec: &FileSpec,
) -> bool {
    let observed = as_sealed(draft, path, spec);
    let observed = observed.as_ref();
    // A mask may be in the way now and gone when the file is written.
    let unmasked = observed.is_some_and(|observed| *observed != ObservedPath::Absent)
        && matches!(draft.after.get(path), Entry::Absent);
    match observed {
        Some(ObservedPath::File { digest: Observation::Unknown(why), meta, .. }) if !unmasked => {
            let text = format!("{path} could not be read ({why}): whether its content is as desired is not known");
            draft.finding(FindingKind::Unknown, unit, text, Some("gather as root: become: true".to_owned()));
            attributes(draft, unit, path, claim, meta, (spec.mode, &spec.user, &spec.group), Stage::Files);
            true
        }
        Some(ObservedPath::File { digest: Observation::Known(digest), meta, content }) if !unmasked => {
            if *digest == spec.bytes.digest() {
                if adopt {
                    let digest = (!spec.bytes.is_secret()).then(|| digest.clone());
                    let entry = LedgerEntry::File { path: path.clone(), digest };
                    adopt::take(draft, unit, claim, entry);
                }
                attributes(draft, unit, path, claim, meta, (spec.mode, &spec.user, &spec.group), Stage::Files);
            } else {
                let from = content
                    .as_ref()
                    .map_or_else(|| Content::Opaque { size: meta.size, digest: Some(digest.clone()) }, shown);
                let from = if spec.bytes.is_secret() || draft.was_secret(path) { Content::Secret } else { from };
                let foreign = note_foreign(draft, unit, path, claim, adopt);
                let why = (adopt && foreign).then_some(adopt::NOT_OURS);
                write(draft, unit, path, claim, spec, from, Some((meta, why)));
            }
            true
        }
        Some(ObservedPath::Absent) => {
            write(draft, unit, path, claim, spec, Content::Absent, None);
            true
        }
        // What was a link of ours, or is adopted, shall be a file: a write replaces it.
        Some(ObservedPath::Link { target, .. }) if unit.is_none() && (adopt || is_our_link(draft, path, claim)) => {
            let kind = ChangeKind::Link { path: path.clone(), from: Some(target.clone()), to: None };
            draft.change(None, &claim.manifest, kind);
            write(draft, unit, path, claim, spec, Content::Absent, None);
            true
        }
        _ if unmasked => {
            write(draft, unit, path, claim, spec, Content::Absent, None);
            true
        }
        other => {
            not_usable(draft, unit, path, claim, other, "file");
            false
        }
    }
}

fn is_our_link(draft: &Draft<'_>, path: &AbsPath, claim: &Claim) -> bool {
    let any = LedgerEntry::Link { path: path.clone(), target: String::new() };
    draft.has_in_ledger(&claim.manifest, &any)
}

/// What is at the path. Of a file that is desired encrypted the digest is that of what it holds.
fn as_sealed(draft: &Draft<'_>, path: &AbsPath, spec: &FileSpec) -> Option<ObservedPath> {
    let observed = draft.observed.paths.get(path).cloned()?;
    let held = spec.encrypt.as_ref().and_then(|_| draft.observed.credentials.get(path));
    Some(match (observed, held) {
        (ObservedPath::File { meta, .. }, Some(held)) => {
            ObservedPath::File { meta, digest: held.clone(), content: None }
        }
        (other, _) => other,
    })
}

fn write(
    draft: &mut Draft<'_>,
    unit: Option<&UnitName>,
    path: &AbsPath,
    claim: &Claim,
    spec: &FileSpec,
    from: Content,
    was: Option<(&FileMeta, Option<&str>)>,
) {
    let new = matches!(from, Content::Absent);
    let reason = match was {
        _ if new => "does not exist".to_owned(),
        Some((_, Some(why))) => format!("content differs; it {why} and is adopted"),
        _ => "content differs".to_owned(),
    };
    let to = shown(&spec.bytes);
    draft.change(unit, &claim.manifest, ChangeKind::File { path: path.clone(), from, to });
    let mut reasons =
        vec![Reason { kind: if new { ReasonKind::Missing } else { ReasonKind::FileDiffers }, text: reason }];
    if let Some((meta, _)) = was {
        reasons.extend(attribute_changes(draft, unit, path, claim, meta, (spec.mode, &spec.user, &spec.group)));
    } else {
        new_attributes(draft, unit, path, claim, (spec.mode, &spec.user, &spec.group));
    }
    let action = Action::WriteFile {
        path: path.clone(),
        bytes: spec.bytes.clone(),
        encrypt: spec.encrypt.clone(),
        mode: spec.mode,
        user: spec.user.clone(),
        group: spec.group.clone(),
        validate: spec.validate.clone(),
    };
    if !spec.validate.is_empty() {
        let text = format!("`{}` must accept it first", spec.validate.join(" "));
        reasons.push(Reason { kind: ReasonKind::Follows, text });
    }
    draft.step_because(Stage::Files, action, reasons);
    draft.after.put_file(path, &spec.bytes);
    let digest = (!spec.bytes.is_secret()).then(|| spec.bytes.digest());
    draft.own(&claim.manifest, LedgerEntry::File { path: path.clone(), digest });
}

/// A new file's mode and owner are told only where they are not what everybody expects.
fn new_attributes(
    draft: &mut Draft<'_>,
    unit: Option<&UnitName>,
    path: &AbsPath,
    claim: &Claim,
    (mode, user, group): (u32, &UserName, &UserName),
) {
    if mode != 0o644 {
        draft.change(unit, &claim.manifest, ChangeKind::Mode { path: path.clone(), from: None, to: mode });
    }
    if (user.as_str(), group.as_str()) != ("root", "root") {
        let to = format!("{user}:{group}");
        draft.change(unit, &claim.manifest, ChangeKind::Owner { path: path.clone(), from: None, to });
    }
}

fn attributes(
    draft: &mut Draft<'_>,
    unit: Option<&UnitName>,
    path: &AbsPath,
    claim: &Claim,
    meta: &FileMeta,
    wanted: (u32, &UserName, &UserName),
    stage: Stage,
) {
    let reasons = attribute_changes(draft, unit, path, claim, meta, wanted);
    if reasons.is_empty() {
        return;
    }
    let (mode, user, group) = wanted;
    let action = Action::SetAttributes {
        path: path.clone(),
        mode: (meta.mode != mode).then_some(mode),
        owner: (!owner_is(meta, user, group)).then(|| (user.clone(), group.clone())),
    };
    draft.step_because(stage, action, reasons);
}

fn attribute_changes(
    draft: &mut Draft<'_>,
    unit: Option<&UnitName>,
    path: &AbsPath,
    claim: &Claim,
    meta: &FileMeta,
    (mode, user, group): (u32, &UserName, &UserName),
) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if meta.mode != mode {
        let kind = ChangeKind::Mode { path: path.clone(), from: Some(meta.mode), to: mode };
        draft.change(unit, &claim.manifest, kind);
        reasons.push(Reason { kind: ReasonKind::FileDiffers, text: format!("mode is {:04o}", meta.mode) });
    }
    if !owner_is(meta, user, group) {
        let from = format!("{}:{}", meta.user, meta.group);
        let to = format!("{user}:{group}");
        reasons.push(Reason { kind: ReasonKind::FileDiffers, text: format!("owner is {from}") });
        draft.change(unit, &claim.manifest, ChangeKind::Owner { path: path.clone(), from: Some(from), to });
    }
    reasons
}

fn owner_is(meta: &FileMeta, user: &UserName, group: &UserName) -> bool {
    let same = |wanted: &UserName, name: &str, id: u32| wanted.as_str() == name || wanted.as_str() == id.to_string();
    same(user, &meta.user, meta.uid) && same(group, &meta.group, meta.gid)
}

/// Plans the removal of a file that we installed.
pub(super) fn file_absent(draft: &mut Draft<'_>, unit: Option<&UnitName>, path: &AbsPath, claim: &Claim, adopt: bool) {
    let is_entry = |entry: &LedgerEntry| matches!(entry, LedgerEntry::File { path: other, .. } | LedgerEntry::Link { path: other, .. } if other == path);
    match draft.observed.paths.get(path) {
        Some(ObservedPath::Absent) => draft.disown(is_entry),
        Some(ObservedPath::Link { target, .. }) if unit.is_none() => {
            let any = LedgerEntry::Link { path: path.clone(), target: String::new() };
            let Some(why) = adopt::why_removed(draft, unit, claim, adopt, &any) else {
                refuse_foreign(draft, unit, path, claim);
                return;
            };
            let kind = ChangeKind::Link { path: path.clone(), from: Some(target.clone()), to: None };
            draft.change(None, &claim.manifest, kind);
            let action = Action::RemoveLink { path: path.clone() };
            draft.step(Stage::RemoveFiles, action, ReasonKind::NotWanted, why);
            draft.after.remove(path);
            draft.disown(is_entry);
        }
        Some(ObservedPath::File { meta, digest, content }) => {
            let digest = match digest {
                Observation::Known(digest) => Some(digest.clone()),
                Observation::Unknown(_) => None,
            };
            // The ledger is asked for the path alone: what was installed there may have been edited since.
            let any = LedgerEntry::File { path: path.clone(), digest: None };
            let Some(why) = adopt::why_removed(draft, unit, claim, adopt, &any) else {
                refuse_foreign(draft, unit, path, claim);
                return;
            };
            let from = content.as_ref().map_or_else(|| Content::Opaque { size: meta.size, digest }, shown);
            let from = if draft.was_secret(path) { Content::Secret } else { from };
            draft.change(unit, &claim.manifest, ChangeKind::File { path: path.clone(), from, to: Content::Absent });
            let action = Action::RemoveFile { path: path.clone() };
            draft.step(Stage::RemoveFiles, action, ReasonKind::NotWanted, why);
            draft.after.remove(path);
            draft.disown(is_entry);
        }
        other => not_usable(draft, unit, path, claim, other, "file"),
    }
}

pub(super) fn refuse_foreign(draft: &mut Draft<'_>, unit: Option<&UnitName>, path: &AbsPath, claim: &Claim) {
    let (text, hint) = match draft.ledgers_unseen() {
        Some(why) => (
            format!("{path} is declared absent, but whether `{}` installed it is not known: {why}", claim.manifest),
            "gather as root: become: true",
        ),
        None => (
            format!("{path} is declared absent, but `{}` did not install it on this host", claim.manifest),
            "write `adopt: true` beside it, remove it by hand, or take it out of the playbook",
        ),
    };
    draft.refuse(unit, &claim.place, text, Some(hint.to_owned()));
}

/// What stands there cannot be replaced by what is wanted, or could not be looked at.
pub(super) fn not_usable(
    draft: &mut Draft<'_>,
    unit: Option<&UnitName>,
    path: &AbsPath,
    claim: &Claim,
    observed: Option<&ObservedPath>,
    wanted: &str,
) {
    let what = match observed {
        None => {
            draft.finding(FindingKind::Unknown, unit, format!("{path} was not looked at"), None);
            return;
        }
        Some(ObservedPath::Unknown(why)) => {
            let text = format!("{path} could not be looked at: {why}");
            draft.finding(FindingKind::Unknown, unit, text, Some("gather as root: become: true".to_owned()));
            return;
        }
        Some(ObservedPath::Absent) => "nothing".to_owned(),
        Some(ObservedPath::File { .. }) => "a file".to_owned(),
        Some(ObservedPath::Directory { .. }) => "a directory".to_owned(),
        Some(ObservedPath::Link { target, .. }) => format!("a symbolic link to {target}"),
        Some(ObservedPath::Other(kind)) => format!("a {kind}"),
    };
    let text = format!("{path} shall be a {wanted}, but {what} stands there");
    draft.refuse(unit, &claim.place, text, Some("move it away by hand, or name another path".to_owned()));
}

/// Whether what is replaced is nobody's that we know; says so, unless it is taken on purpose.
pub(super) fn note_foreign(
    draft: &mut Draft<'_>,
    unit: Option<&UnitName>,
    path: &AbsPath,
    claim: &Claim,
    adopt: bool,
) -> bool {
    let has = |entry: &LedgerEntry| matches!(entry, LedgerEntry::File { path: other, .. } | LedgerEntry::Link { path: other, .. } if other == path);
    if let Some(other) = draft.other_owner(&claim.manifest, has) {
        let text = format!("{path} was installed by the manifest `{other}`; from now on it is `{}`'s", claim.manifest);
        draft.finding(FindingKind::Notice, unit, text, None);
        return false;
    }
    let foreign = !draft.is_ours(path) && draft.ledgers_unseen().is_none();
    if foreign && !adopt {
        let text = format!("{path} exists and was not installed by unitfleet: it is replaced");
        draft.finding(FindingKind::Notice, unit, text, None);
    }
    foreign
}

pub(super) fn shown(bytes: &Bytes) -> Content {
    match bytes.as_text() {
        _ if bytes.is_secret() => Content::Secret,
        Some(text) if text.len() <= SHOWN_TEXT_MAX => Content::Text(text.to_owned()),
        _ => Content::Opaque { size: bytes.0.len() as u64, digest: Some(bytes.digest()) },
    }
}
