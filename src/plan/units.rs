//! Unit files, drop-ins and masks of each unit; who may be touched at all.

use std::collections::BTreeSet;

use crate::model::{
    AbsPath, Action, ChangeKind, DesiredUnit, FileSpec, FindingKind, LedgerEntry, ObservedPath, ReasonKind, UNIT_DIR,
    UnitName, UserName, Wanted,
};

use super::draft::{Draft, Stage};
use super::files::{file_absent, file_present, refuse_foreign};
use super::view::Entry;

/// Plans the files and masks of all units. Returns the units that may be planned further: a unit on hold, or masked
/// by a hand, is left alone in every respect.
pub(super) fn plan(draft: &mut Draft<'_>) -> BTreeSet<UnitName> {
    let mut ours = BTreeSet::new();
    for (name, unit) in &draft.desired.units {
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
                drop_ins(draft, name, unit);
                continue;
            }
            Some(false) if masked => unmask(draft, name, unit),
            _ => {}
        }
        if let Some(bytes) = &unit.fragment {
            let spec = FileSpec { bytes: bytes.clone(), mode: 0o644, user: root(), group: root() };
            file_present(draft, Some(name), &name.etc_path(), &unit.claim, &spec);
        }
        drop_ins(draft, name, unit);
    }
    ours
}

pub(super) fn root() -> UserName {
    UserName::parse("root").expect("root is a user name")
}

fn drop_ins(draft: &mut Draft<'_>, name: &UnitName, unit: &DesiredUnit) {
    for (drop_in, wanted) in &unit.drop_ins {
        let path = name.etc_drop_in(drop_in);
        match wanted {
            Wanted::Present(bytes) => {
                let spec = FileSpec { bytes: bytes.clone(), mode: 0o644, user: root(), group: root() };
                file_present(draft, Some(name), &path, &unit.claim, &spec);
            }
            Wanted::Absent => file_absent(draft, Some(name), &path, &unit.claim),
        }
    }
}

/// A hold file, or a mask that nobody asked for: reported, respected.
fn held(draft: &mut Draft<'_>, name: &UnitName, unit: &DesiredUnit) -> bool {
    let template = name.template();
    for held in std::iter::once(name).chain(template.as_ref()) {
        if let Some(reason) = draft.observed.holds.get(held.as_str()) {
            let reason = reason.trim();
            let because = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            let text = format!("{held} is on hold{because}; nothing touches it");
            let hint = format!("to release it, remove /etc/unitfleet/hold/{held} on the host");
            draft.finding(FindingKind::Held, Some(name), text, Some(hint));
            return true;
        }
    }
    if unit.masked.is_some() {
        return false;
    }
    let by_template = template.filter(|template| {
        draft.desired.units.get(template).is_none_or(|unit| unit.masked.is_none()) && is_masked_in_etc(draft, template)
    });
    let masked = if is_masked_in_etc(draft, name) { Some(name.clone()) } else { by_template };
    let runtime = is_masked_in_run(draft, name) && !in_etc(draft, name);
    let Some(masked) = masked.or_else(|| runtime.then(|| name.clone())) else {
        return false;
    };
    let ours = draft
        .ledger_before(&unit.claim.manifest)
        .is_some_and(|ledger| ledger.entries.contains(&LedgerEntry::Mask(masked.clone())));
    let (text, hint) = if ours {
        (
            format!("{masked} is masked by an earlier apply of `{}`; it stays so", unit.claim.manifest),
            format!("to unmask it, write `masked: false` at {}", unit.claim.place),
        )
    } else {
        (
            format!("{masked} was masked by hand; it is left alone"),
            format!("to have it unmasked, write `masked: false` at {}", unit.claim.place),
        )
    };
    draft.finding(FindingKind::Held, Some(name), text, Some(hint));
    true
}

/// `enable`, `mask` and drop-ins of an alias do not do what people think (systemd.md's findings on 247, 252, 257:
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

fn in_etc(draft: &Draft<'_>, name: &UnitName) -> bool {
    !matches!(draft.before.get(&name.etc_path()), Entry::Absent)
}

fn mask(draft: &mut Draft<'_>, name: &UnitName, unit: &DesiredUnit) {
    let path = name.etc_path();
    let manifest = &unit.claim.manifest;
    if is_masked_in_etc(draft, name) {
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
    draft.disown(|entry| matches!(entry, LedgerEntry::File { path: other, .. } if *other == path));
    draft.own(manifest, LedgerEntry::Mask(name.clone()));
}

fn unmask(draft: &mut Draft<'_>, name: &UnitName, unit: &DesiredUnit) {
    let manifest = &unit.claim.manifest;
    draft.change(Some(name), manifest, ChangeKind::Mask { from: true, to: false });
    let discard = unit.fragment.is_some();
    let action = Action::Unmask { unit: name.clone(), discard };
    let forms = match (is_masked_in_etc(draft, name), is_masked_in_run(draft, name)) {
        (true, true) => "masked in /etc and /run",
        (true, false) => "masked in /etc",
        _ => "masked in /run",
    };
    draft.step(Stage::Unmask, action, ReasonKind::MaskDiffers, format!("{forms}; masked: false"));
    if is_masked_in_etc(draft, name) {
        draft.after.remove(&name.etc_path());
        let kept = kept_path(name);
        if !discard && let entry @ Entry::File { .. } = draft.before.get(&kept).clone() {
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
    let of_unit = |path: &AbsPath| path.is_within(&format!("{UNIT_DIR}/{name}.d")) || *path == name.etc_path();
    let files: Vec<AbsPath> = entries
        .iter()
        .filter_map(|entry| match entry {
            LedgerEntry::File { path, .. } if of_unit(path) => Some(path.clone()),
            _ => None,
        })
        .collect();
    let mask_is_ours = entries.contains(&LedgerEntry::Mask(name.clone()));
    let fragment = name.etc_path();
    if !files.contains(&fragment) && !mask_is_ours {
        let standing = !matches!(draft.observed.paths.get(&fragment), None | Some(ObservedPath::Absent));
        let elsewhere = draft.before.unit(name).files.fragment.is_some();
        if standing || (elsewhere && files.is_empty()) {
            let path = draft.before.unit(name).files.fragment.unwrap_or(fragment);
            refuse_foreign(draft, Some(name), &path, &unit.claim);
            return;
        }
    }
    for path in &files {
        file_absent(draft, Some(name), path, &unit.claim);
    }
    if mask_is_ours && is_masked_in_etc(draft, name) {
        draft.change(Some(name), manifest, ChangeKind::Mask { from: true, to: false });
        let action = Action::Unmask { unit: name.clone(), discard: false };
        draft.step(Stage::Unmask, action, ReasonKind::NotWanted, "declared absent");
    }
    draft.disown(|entry| *entry == LedgerEntry::Mask(name.clone()));
}

/// Files that stand above ours, or beside them, and are not ours (rule: reported by path, never touched).
pub(super) fn report_strangers(draft: &mut Draft<'_>, units: &BTreeSet<UnitName>) {
    for name in units {
        let Some(unit) = draft.desired.units.get(name) else {
            continue;
        };
        if unit.absent || unit.masked == Some(true) || (unit.fragment.is_none() && unit.drop_ins.is_empty()) {
            continue;
        }
        let files = draft.after.unit(name).files;
        if unit.fragment.is_some() && files.fragment.as_ref() != Some(&name.etc_path()) {
            let winner = files.fragment.map_or_else(|| "another file".to_owned(), |path| path.to_string());
            let text = format!("{winner} overrides {}: what is installed there has no effect", name.etc_path());
            draft.finding(FindingKind::Shadowed, Some(name), text, Some(format!("remove {winner} on the host")));
        }
        for path in files.drop_ins {
            let declared = path.parent().is_some_and(|parent| parent.as_str() == format!("{UNIT_DIR}/{name}.d"))
                && matches!(unit.drop_ins.get(path.file_name()), Some(Wanted::Present(_)));
            let of_template = name
                .template()
                .and_then(|template| draft.desired.units.get(&template))
                .is_some_and(|unit| unit.drop_ins.contains_key(path.file_name()));
            let vendor = path.is_within("/usr/lib") || path.is_within("/lib");
            if declared || of_template || vendor {
                continue;
            }
            let (text, hint) = if draft.is_ours(&path) {
                let hint = format!(
                    "to remove it: drop_ins: {{{}: {{absent: true}}}}",
                    path.file_name().trim_end_matches(".conf")
                );
                (format!("{path} was installed by an earlier apply and is no longer declared; it still applies"), hint)
            } else {
                (format!("{path} also applies to it and is not ours"), "declare it, or remove it by hand".to_owned())
            };
            draft.finding(FindingKind::Foreign, Some(name), text, Some(hint));
        }
    }
}
