//! Unit files, drop-ins and masks of each unit.

use std::collections::BTreeSet;

use crate::model::{
    AbsPath, Action, Bytes, CREDENTIALS_DIR, ChangeKind, DesiredUnit, FileSpec, FindingKind, LedgerEntry, ObservedPath,
    ReasonKind, UNIT_DIR, UnitName, UserName, Wanted,
};

use super::adopt;
use super::draft::{Draft, Stage};
use super::files::{file_absent, file_present, refuse_foreign};
use super::held::{held, is_vendor};
use super::view::Entry;

/// Plans the files and masks of all units. Returns the units that may be planned further: a unit on hold, or masked
/// by a hand, is left alone in every respect.
pub(super) fn plan(draft: &mut Draft<'_>) -> BTreeSet<UnitName> {
    let mut ours = BTreeSet::new();
    for (name, unit) in draft.desired.units.iter().filter(|(_, unit)| unit.claim.selected) {
        if held(draft, name, unit) || is_alias(draft, name, unit) {
            continue;
        }
        ours.insert(name.clone());
        if unit.absent {
            absent(draft, name, unit);
            continue;
        }
        let masked = is_masked_in_etc(draft, name) || is_masked_in_run(draft, name);
        match unit.masked {
            Some(true) => {
                mask(draft, name, unit);
                dropped_credentials(draft, name, unit);
                drop_ins(draft, name, unit);
                continue;
            }
            Some(false) if masked => unmask(draft, name, unit),
            _ => {}
        }
        if let Some(bytes) = &unit.fragment {
            let spec = our_text(bytes);
            file_present(draft, Some(name), &name.etc_path(), &unit.claim, unit.adopt, &spec);
        }
        for (path, spec) in &unit.credentials {
            file_present(draft, Some(name), path, &unit.claim, unit.adopt, spec);
        }
        dropped_credentials(draft, name, unit);
        drop_ins(draft, name, unit);
        if unit.masked == Some(false) {
            still_masked(draft, name, unit);
        }
    }
    ours
}

/// A text of ours that everybody may read.
fn our_text(bytes: &Bytes) -> FileSpec {
    FileSpec { bytes: bytes.clone(), encrypt: None, mode: 0o644, user: root(), group: root(), validate: Vec::new() }
}

pub(super) fn root() -> UserName {
    UserName::parse("root").expect("root is a user name")
}

/// Credentials that an earlier apply installed and that the playbook no longer gives: a secret does not stay behind.
fn dropped_credentials(draft: &mut Draft<'_>, name: &UnitName, unit: &DesiredUnit) {
    let entries = draft.ledger_before(&unit.claim.manifest).map(|ledger| ledger.entries.clone()).unwrap_or_default();
    for entry in entries {
        let LedgerEntry::File { path, .. } = entry else { continue };
        if is_credential_of(name, &path) && !unit.credentials.contains_key(&path) {
            file_absent(draft, Some(name), &path, &unit.claim, false);
        }
    }
}

fn is_credential_of(name: &UnitName, path: &AbsPath) -> bool {
    path.is_within(&format!("{CREDENTIALS_DIR}/{name}"))
}

fn drop_ins(draft: &mut Draft<'_>, name: &UnitName, unit: &DesiredUnit) {
    for (drop_in, wanted) in &unit.drop_ins {
        let path = name.etc_drop_in(drop_in);
        let adopt = unit.adopted_drop_ins.contains(drop_in);
        match wanted {
            Wanted::Present(bytes) => {
                let spec = our_text(bytes);
                file_present(draft, Some(name), &path, &unit.claim, adopt, &spec);
            }
            Wanted::Absent => file_absent(draft, Some(name), &path, &unit.claim, adopt),
        }
    }
}

/// `enable`, `mask` and drop-ins of an alias do not do what people think (247, 252, 257:
/// `enable ALIAS` is refused, `disable ALIAS` disables the canonical unit), so the canonical name is asked for.
fn is_alias(draft: &mut Draft<'_>, name: &UnitName, unit: &DesiredUnit) -> bool {
    let Some(observed) = draft.observed.units.get(name) else {
        return false;
    };
    if observed.id == name.as_str() || observed.id.is_empty() || observed.load_state == "not-found" {
        return false;
    }
    let text = format!("{name} is an alias of {}", observed.id);
    draft.refuse(Some(name), &unit.claim.place, text, Some(format!("name the unit itself: {}", observed.id)));
    true
}

fn run_path(name: &UnitName) -> AbsPath {
    AbsPath::parse(&format!("/run/systemd/system/{name}")).expect("a unit name is a plain file name")
}

pub(super) fn is_masked_in_etc(draft: &Draft<'_>, name: &UnitName) -> bool {
    draft.before.is_mask(&name.etc_path())
}

pub(super) fn is_masked_in_run(draft: &Draft<'_>, name: &UnitName) -> bool {
    draft.before.is_mask(&run_path(name))
}

/// Where a mask can be taken away by us.
pub(super) fn is_in_etc_or_run(mask: &AbsPath) -> bool {
    mask.is_within(UNIT_DIR) || mask.is_within("/run/systemd/system")
}

/// `masked: false`, and yet a mask is left in a place where we do not write.
fn still_masked(draft: &mut Draft<'_>, name: &UnitName, unit: &DesiredUnit) {
    let view = draft.after.unit(name);
    if let Some(mask) = view.files.fragment.filter(|_| view.masked) {
        let text = format!("{name} is masked by {mask}, which is not ours to remove");
        let hint = if is_vendor(&mask) {
            "its package masks it: give it a text of its own, or take it out of the playbook".to_owned()
        } else {
            format!("remove {mask} on the host")
        };
        draft.refuse(Some(name), &unit.claim.place, text, Some(hint));
    }
}

fn mask(draft: &mut Draft<'_>, name: &UnitName, unit: &DesiredUnit) {
    let path = name.etc_path();
    let manifest = &unit.claim.manifest;
    if is_masked_in_etc(draft, name) {
        if unit.adopt {
            adopt::take(draft, Some(name), &unit.claim, LedgerEntry::Mask(name.clone()));
        }
        return;
    }
    match draft.before.get(&path) {
        Entry::Unknown(why) => {
            let text = format!("{path} could not be looked at: {why}");
            draft.finding(FindingKind::Unknown, Some(name), text, None);
            return;
        }
        Entry::Other => {
            let text = format!("{path} is neither a file nor a link: it cannot be masked");
            draft.refuse(Some(name), &unit.claim.place, text, None);
            return;
        }
        Entry::Absent | Entry::File { .. } | Entry::Link(_) => {}
    }
    draft.change(Some(name), manifest, ChangeKind::Mask { from: false, to: true });
    draft.step(Stage::Mask, Action::Mask { unit: name.clone() }, ReasonKind::MaskDiffers, "masked: true");
    draft.after.put_link(&path, "/dev/null");
    // A file of ours that masking puts aside stays in the ledger: it is still ours when it comes back, or goes.
    draft.own(manifest, LedgerEntry::Mask(name.clone()));
}

fn unmask(draft: &mut Draft<'_>, name: &UnitName, unit: &DesiredUnit) {
    for path in [name.etc_path(), run_path(name)] {
        if let Entry::Unknown(why) = draft.before.get(&path) {
            let text = format!("{path} could not be looked at ({why}): it is not unmasked");
            draft.finding(FindingKind::Unknown, Some(name), text, Some("gather as root: become: true".to_owned()));
            return;
        }
    }
    let forms = match (is_masked_in_etc(draft, name), is_masked_in_run(draft, name)) {
        (true, true) => "masked in /etc and /run",
        (true, false) => "masked in /etc",
        _ => "masked in /run",
    };
    let why = format!("{forms}; masked: false");
    take_mask_away(draft, name, unit, unit.fragment.is_some(), ReasonKind::MaskDiffers, &why);
}

/// Removes the masks in /etc and /run; the file that masking put aside comes back unless it is to be discarded.
fn take_mask_away(
    draft: &mut Draft<'_>,
    name: &UnitName,
    unit: &DesiredUnit,
    discard: bool,
    kind: ReasonKind,
    why: &str,
) {
    draft.change(Some(name), &unit.claim.manifest, ChangeKind::Mask { from: true, to: false });
    draft.step(Stage::Unmask, Action::Unmask { unit: name.clone(), discard }, kind, why);
    if is_masked_in_etc(draft, name) {
        draft.after.remove(&name.etc_path());
        if !discard && let entry @ Entry::File { .. } = draft.before.get(&kept_path(name)).clone() {
            draft.after.put(&name.etc_path(), entry);
        }
    }
    if is_masked_in_run(draft, name) {
        draft.after.remove(&run_path(name));
    }
    draft.disown(|entry| *entry == LedgerEntry::Mask(name.clone()));
}

/// Where masking keeps a file that was in its way.
fn kept_path(name: &UnitName) -> AbsPath {
    AbsPath::parse(&format!("/var/lib/unitfleet/masked/{name}")).expect("a unit name is a plain file name")
}

/// Plans the removal of what our ledger says we installed of a unit.
fn absent(draft: &mut Draft<'_>, name: &UnitName, unit: &DesiredUnit) {
    let manifest = &unit.claim.manifest;
    let entries: Vec<LedgerEntry> =
        draft.ledger_before(manifest).map(|ledger| ledger.entries.iter().cloned().collect()).unwrap_or_default();
    let of_unit = |path: &AbsPath| {
        path.is_within(&format!("{UNIT_DIR}/{name}.d")) || *path == name.etc_path() || is_credential_of(name, path)
    };
    let mut files: Vec<AbsPath> = entries
        .iter()
        .filter_map(|entry| match entry {
            LedgerEntry::File { path, .. } if of_unit(path) => Some(path.clone()),
            _ => None,
        })
        .collect();
    let mask_is_ours = entries.contains(&LedgerEntry::Mask(name.clone()));
    let was_managed = !files.is_empty() || mask_is_ours || entries.contains(&LedgerEntry::Unit(name.clone()));
    let fragment = name.etc_path();
    if unit.adopt {
        let there = |(path, state): (&AbsPath, &ObservedPath)| {
            (of_unit(path) && matches!(state, ObservedPath::File { .. })).then(|| path.clone())
        };
        let there: Vec<AbsPath> = draft.observed.paths.iter().filter_map(there).collect();
        files.extend(there.into_iter().filter(|path| !entries.iter().any(|entry| is_file(entry, path))));
    }
    if !files.contains(&fragment) && !mask_is_ours {
        let standing = !matches!(draft.observed.paths.get(&fragment), None | Some(ObservedPath::Absent));
        let elsewhere = draft.before.unit(name).files.fragment;
        if standing || (elsewhere.is_some() && !was_managed) {
            match elsewhere {
                Some(path) if unit.adopt && !standing => refuse_elsewhere(draft, name, unit, &path),
                path => refuse_foreign(draft, Some(name), &path.unwrap_or(fragment), &unit.claim),
            }
            return;
        }
    }
    if mask_is_ours && is_masked_in_etc(draft, name) {
        // What masking put aside comes back only if it was not ours.
        let discard = files.contains(&fragment);
        files.retain(|path| *path != fragment);
        draft.disown(|entry| matches!(entry, LedgerEntry::File { path, .. } if *path == fragment));
        take_mask_away(draft, name, unit, discard, ReasonKind::NotWanted, "declared absent");
    }
    for path in &files {
        file_absent(draft, Some(name), path, &unit.claim, unit.adopt);
    }
    draft.disown(|entry| *entry == LedgerEntry::Mask(name.clone()));
    if let Some(path) = draft.after.unit(name).files.fragment.filter(|_| was_managed || unit.adopt) {
        let text = format!("{path} is not ours and stays; what `{manifest}` installed of {name} is removed");
        let hint = "take the unit out of the playbook when this is all that was meant".to_owned();
        draft.finding(FindingKind::Foreign, Some(name), text, Some(hint));
        // The ledger keeps that it was ours to manage: the next plan then finds nothing to do, and refuses nothing.
        draft.own(manifest, LedgerEntry::Unit(name.clone()));
    }
}

/// `adopt` takes what an admin has put into /etc; what a package or somebody else brings stays theirs.
fn refuse_elsewhere(draft: &mut Draft<'_>, name: &UnitName, unit: &DesiredUnit, path: &AbsPath) {
    let (whose, hint) = if is_vendor(path) {
        ("a package's", "remove the package, or write `masked: true` instead of `absent: true`")
    } else {
        ("not in /etc/systemd/system", "remove it by hand, or write `masked: true` instead of `absent: true`")
    };
    let text = format!("{name} is declared absent, but {path} is {whose}: `adopt` does not reach it");
    draft.refuse(Some(name), &unit.claim.place, text, Some(hint.to_owned()));
}

fn is_file(entry: &LedgerEntry, wanted: &AbsPath) -> bool {
    matches!(entry, LedgerEntry::File { path, .. } if path == wanted)
}

/// Files that stand above ours, or beside them, and are not ours (rule: reported by path, never touched).
pub(super) fn report_strangers(draft: &mut Draft<'_>, units: &BTreeSet<UnitName>) {
    for name in units {
        let Some(unit) = draft.desired.units.get(name) else {
            continue;
        };
        let template = name.template().filter(|template| draft.desired.units.contains_key(template));
        let by_template = template.as_ref().and_then(|template| draft.desired.units.get(template));
        let fragment_of = match (unit.fragment.is_some(), by_template) {
            (true, _) => Some(name.etc_path()),
            (false, Some(by)) if by.fragment.is_some() => template.as_ref().map(UnitName::etc_path),
            _ => None,
        };
        if unit.absent || unit.masked == Some(true) || (fragment_of.is_none() && unit.drop_ins.is_empty()) {
            continue;
        }
        let files = draft.after.unit(name).files;
        if let (Some(ours), Some(winner)) = (fragment_of, files.fragment)
            && ours != winner
        {
            shadowed(draft, name, &winner, &ours);
        }
        for path in files.drop_ins {
            stranger(draft, name, unit, by_template, &path);
        }
    }
}

fn shadowed(draft: &mut Draft<'_>, name: &UnitName, winner: &AbsPath, ours: &AbsPath) {
    let text = format!("{winner} overrides {ours}: what is installed there has no effect");
    draft.finding(FindingKind::Shadowed, Some(name), text, Some(format!("remove {winner} on the host")));
}

/// A drop-in that applies to the unit: ours, a package's, or somebody's.
fn stranger(
    draft: &mut Draft<'_>,
    name: &UnitName,
    unit: &DesiredUnit,
    by_template: Option<&DesiredUnit>,
    path: &AbsPath,
) {
    let ours = name.etc_drop_in(path.file_name());
    let declared = matches!(unit.drop_ins.get(path.file_name()), Some(Wanted::Present(_)));
    let of_template = by_template.is_some_and(|unit| unit.drop_ins.contains_key(path.file_name()));
    if *path == ours && declared || of_template || is_vendor(path) {
        return;
    }
    if declared {
        shadowed(draft, name, path, &ours);
        return;
    }
    let (text, hint) = if draft.is_ours(path) {
        let hint =
            format!("to remove it: drop_ins: {{{}: {{absent: true}}}}", path.file_name().trim_end_matches(".conf"));
        (format!("{path} was installed by an earlier apply and is no longer declared; it still applies"), hint)
    } else {
        (format!("{path} also applies to it and is not ours"), "declare it, or remove it by hand".to_owned())
    };
    draft.finding(FindingKind::Foreign, Some(name), text, Some(hint));
}
