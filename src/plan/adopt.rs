//! `adopt: true`: what is there already becomes ours, as if we had installed it.
//!
//! What differs is put right as ever; what is as desired gets a step that changes nothing on the host but our ledger, so
//! that `absent` can take it away later. Without the key the ledger never grows by what a hand made.

use crate::model::{Action, Claim, FindingKind, LedgerEntry, ManifestName, ReasonKind, UnitName};

use super::draft::{Draft, Stage, same_thing};

/// Why a thing of which nothing is known to us is worth a word.
pub(super) const NOT_OURS: &str = "was not installed by unitfleet";

/// Takes a thing that is as desired into the ledger of its manifest, unless it is there already.
pub(super) fn take(draft: &mut Draft<'_>, unit: Option<&UnitName>, claim: &Claim, entry: LedgerEntry) {
    if draft.has_in_ledger(&claim.manifest, &entry) {
        return;
    }
    if let Some(why) = draft.ledgers_unseen() {
        let text = format!("whether what `adopt` names is ours already is not known: {why}");
        draft.finding(FindingKind::Unknown, None, text, Some("gather as root: become: true".to_owned()));
        return;
    }
    let other = other_owner(draft, claim, &entry);
    if let Some(other) = &other {
        let (what, mine) = (entry.name(), &claim.manifest);
        let text = format!("{what} was installed by the manifest `{other}`; from now on it is `{mine}`'s");
        draft.finding(FindingKind::Notice, unit, text, None);
    }
    let reason = format!("is there already and {}", by_whom(other.as_ref()));
    draft.step(Stage::Adopt, Action::Adopt { entry: entry.clone() }, ReasonKind::Adopted, reason);
    draft.own(&claim.manifest, entry);
}

/// Why a thing that is declared absent may go: it is ours, or adopted. `None`: neither, and it stays.
pub(super) fn why_removed(
    draft: &mut Draft<'_>,
    unit: Option<&UnitName>,
    claim: &Claim,
    adopt: bool,
    entry: &LedgerEntry,
) -> Option<String> {
    if draft.has_in_ledger(&claim.manifest, entry) {
        return Some("declared absent".to_owned());
    }
    if !adopt {
        return None;
    }
    let other = other_owner(draft, claim, entry);
    if let Some(other) = &other {
        let (what, mine) = (entry.name(), &claim.manifest);
        let text = format!("{what} was installed by the manifest `{other}`, and `{mine}` removes it");
        draft.finding(FindingKind::Notice, unit, text, None);
    }
    Some(format!("declared absent, adopt: true; it {}", by_whom(other.as_ref())))
}

fn other_owner(draft: &Draft<'_>, claim: &Claim, entry: &LedgerEntry) -> Option<ManifestName> {
    draft.other_owner(&claim.manifest, |other| same_thing(other, entry))
}

fn by_whom(other: Option<&ManifestName>) -> String {
    match other {
        Some(owner) => format!("was installed by the manifest `{owner}`"),
        None => NOT_OURS.to_owned(),
    }
}
