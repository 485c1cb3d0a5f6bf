//! Who is left alone: units on hold, and those that a hand masked.
//!
//! A mask counts as a hand's wherever it lies above the vendor's directories and wins: in /etc, in /run, in
//! `system.control`. One that a package brings is no hold but a fact about the unit.

use crate::model::{AbsPath, DesiredUnit, FindingKind, Hold, LedgerEntry, UnitName};

use super::draft::Draft;
use super::units::is_in_etc_or_run;

/// Whether the unit is to be left alone in every respect; says so if it is.
pub(super) fn held(draft: &mut Draft<'_>, name: &UnitName, unit: &DesiredUnit) -> bool {
    let by_hand = hold_file(draft, name);
    if let Some((text, hint)) = by_hand.clone() {
        draft.finding(FindingKind::Held, Some(name), text, Some(hint));
    }
    let by_playbook = declared_hold(draft, name);
    if let Some((whose, hold)) = &by_playbook {
        if has_ended(draft, hold) {
            let ended = hold.until.as_ref().map_or("", |until| &until.text);
            let text = format!("the hold of {whose} ended on {ended}: {whose} is managed again");
            draft.finding(FindingKind::Notice, Some(whose), text, Some(format!("take `hold` out at {}", hold.place)));
        } else {
            let (text, hint) = in_words(whose, hold);
            draft.finding(FindingKind::Held, Some(whose), text, Some(hint));
        }
    }
    if by_hand.is_some() || by_playbook.is_some_and(|(_, hold)| !has_ended(draft, hold)) {
        return true;
    }
    if unit.masked.is_some() {
        return false;
    }
    let Some(place) = hand_mask(draft, name) else {
        return false;
    };
    let template = name.template().filter(|template| place.file_name() == template.as_str());
    let declared = template.as_ref().and_then(|template| draft.desired.units.get(template));
    if declared.is_some_and(|template| template.masked.is_some()) {
        return false;
    }
    let masked = template.unwrap_or_else(|| name.clone());
    let ours = place == masked.etc_path()
        && draft
            .ledger_before(&unit.claim.manifest)
            .is_some_and(|ledger| ledger.entries.contains(&LedgerEntry::Mask(masked.clone())));
    if ours && unit.absent {
        return false;
    }
    let (text, hint) = if ours {
        (
            format!("{masked} is masked by an earlier apply of `{}`; it stays so", unit.claim.manifest),
            format!("to unmask it, write `masked: false` at {}", unit.claim.place),
        )
    } else if is_in_etc_or_run(&place) {
        (
            format!("{masked} was masked by hand ({place}); it is left alone"),
            format!("to have it unmasked, write `masked: false` at {}", unit.claim.place),
        )
    } else {
        (
            format!("{masked} was masked by hand ({place}); it is left alone"),
            format!("to unmask it, remove {place} on the host"),
        )
    };
    draft.finding(FindingKind::Held, Some(name), text, Some(hint));
    true
}

/// What holds a unit, by a hold file or by the playbook, in words, and how to release it.
pub(super) fn on_hold(draft: &Draft<'_>, name: &UnitName) -> Option<(String, String)> {
    hold_file(draft, name).or_else(|| {
        let (whose, hold) = declared_hold(draft, name).filter(|(_, hold)| !has_ended(draft, hold))?;
        Some(in_words(&whose, hold))
    })
}

/// The playbook's hold of a unit or its template, ended or not, and whose it is.
fn declared_hold<'a>(draft: &Draft<'a>, name: &UnitName) -> Option<(UnitName, &'a Hold)> {
    std::iter::once(name.clone()).chain(name.template()).find_map(|held| {
        let hold = draft.desired.units.get(&held)?.hold.as_ref()?;
        Some((held, hold))
    })
}

/// By the host's own clock: planning asks no other.
fn has_ended(draft: &Draft<'_>, hold: &Hold) -> bool {
    hold.until.as_ref().is_some_and(|until| until.us <= draft.observed.facts.now_us)
}

fn in_words(whose: &UnitName, hold: &Hold) -> (String, String) {
    let until = hold.until.as_ref().map(|until| format!(" until {}", until.text)).unwrap_or_default();
    let text = format!("{whose} is on hold in the playbook: {}; nothing touches it{until}", hold.reason);
    (text, format!("to release it, take `hold` out at {}", hold.place))
}

/// The hold file of a unit or its template, in words, and how to release it.
fn hold_file(draft: &Draft<'_>, name: &UnitName) -> Option<(String, String)> {
    let template = name.template();
    std::iter::once(name).chain(template.as_ref()).find_map(|held| {
        let reason = draft.observed.holds.get(held.as_str())?.trim();
        let because = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        let hint = format!("to release it, remove /etc/unitfleet/hold/{held} on the host");
        Some((format!("{held} is on hold{because}; nothing touches it"), hint))
    })
}

/// Why a unit that another one would drag along is left alone: it is on hold, or a hand masked it and the playbook
/// does not say what shall be of that. In words, and how to have it otherwise.
pub(super) fn left_alone(draft: &Draft<'_>, name: &UnitName) -> Option<(String, String)> {
    let masked = || {
        let says = draft.desired.units.get(name).is_some_and(|unit| unit.masked.is_some());
        let mask = hand_mask(draft, name).filter(|_| !says)?;
        let text = format!("{name} was masked by hand ({mask}); it is left alone");
        Some((text, format!("declare {name} to say what shall be of it")))
    };
    on_hold(draft, name).or_else(masked)
}

/// Where a hand masked the unit or its template, if that mask wins now.
pub(super) fn hand_mask(draft: &Draft<'_>, name: &UnitName) -> Option<AbsPath> {
    let view = draft.before.unit(name);
    view.files.fragment.filter(|place| view.masked && !is_vendor(place))
}

/// Whether packages put their files there.
pub(super) fn is_vendor(path: &AbsPath) -> bool {
    (path.is_within("/usr") && !path.is_within("/usr/local")) || path.is_within("/lib")
}
