//! Enablement: the set of links that the effective `[Install]` asks for, against the links that exist.
//!
//! `systemctl is-enabled` is not asked: its answer is cached and can lie (seen on 252), and it does not know about
//! links that an older `[Install]` left behind.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    AbsPath, Action, ChangeKind, Claim, DesiredUnit, FindingKind, LedgerEntry, ManifestName, ObservedPath, ReasonKind,
    UNIT_DIR, UnitName, Wanted,
};
use crate::unitfile::{Install, InstallError, belongs_to_enablement, install_links, same_target};

use super::adopt;
use super::draft::{Draft, Stage};
use super::files::refuse_foreign;
use super::held::left_alone;
use super::view::Entry;

pub(super) fn plan(draft: &mut Draft<'_>, units: &BTreeSet<UnitName>) {
    for name in units {
        let unit = &draft.desired.units[name];
        if unit.absent {
            if unit.adopt || draft.ledger_before(&unit.claim.manifest).is_some() {
                remove_absent(draft, name, &unit.claim.manifest);
            }
            continue;
        }
        match unit.enabled {
            Some(true) => enable(draft, name, unit),
            Some(false) => {
                let why = if unit.masked == Some(true) { "masked: true" } else { "enabled: false" };
                remove_all(draft, name, name, &unit.claim.manifest, why);
                for also in also(draft, name) {
                    if !also_is_left_alone(draft, name, &also) {
                        remove_all(draft, name, &also, &unit.claim.manifest, why);
                    }
                }
                report_unlisted(draft, name);
                if unit.masked != Some(true) {
                    report_enabled_elsewhere(draft, name);
                }
            }
            None => {}
        }
    }
    default_target(draft);
}

/// With a unit all its links go; of one that stays, because its file is another's, those that we made.
fn remove_absent(draft: &mut Draft<'_>, name: &UnitName, manifest: &ManifestName) {
    let gone = draft.after.unit(name).files.fragment.is_none();
    for (path, target) in existing(draft, name) {
        let made = LedgerEntry::Link { path: path.clone(), target: target.clone() };
        if gone || draft.ledger_before(manifest).is_some_and(|ledger| ledger.entries.contains(&made)) {
            remove(draft, name, &path, &target, manifest, "declared absent");
        }
    }
}

/// Whether a unit that `Also=` names is on hold or was masked by a hand; says so if it is.
fn also_is_left_alone(draft: &mut Draft<'_>, name: &UnitName, also: &UnitName) -> bool {
    let Some((text, hint)) = left_alone(draft, also) else {
        return false;
    };
    draft.finding(FindingKind::Held, Some(name), format!("{name} says Also={also}, but {text}"), Some(hint));
    true
}

/// Directories of links that could not be listed may hold one that enables the unit.
fn report_unlisted(draft: &mut Draft<'_>, unit: &UnitName) {
    let holds_links = |path: &AbsPath| {
        let kinds = [".wants", ".requires", ".upholds"];
        let within = path.as_str().strip_prefix(UNIT_DIR);
        within.is_some_and(|name| name.is_empty() || kinds.iter().any(|kind| name.ends_with(kind)))
    };
    let unknown = |(path, state): (&AbsPath, &ObservedPath)| {
        (matches!(state, ObservedPath::Unknown(_)) && holds_links(path)).then(|| path.clone())
    };
    let unlisted: Vec<AbsPath> = draft.observed.paths.iter().filter_map(unknown).collect();
    for path in unlisted {
        let text = format!("{path} could not be listed: whether it enables {unit} is not known");
        draft.finding(FindingKind::Unknown, Some(unit), text, Some("gather as root: become: true".to_owned()));
    }
}

/// What enables a unit from /run is not ours: it is gone after the next boot, or made again by a generator.
fn report_enabled_elsewhere(draft: &mut Draft<'_>, unit: &UnitName) {
    let in_run = |path: &AbsPath| {
        let (directory, rest) = path.as_str().strip_prefix("/run/systemd/")?.split_once('/')?;
        let known = directory == "system" || directory.starts_with("generator");
        let link = AbsPath::parse(&format!("{UNIT_DIR}/{rest}")).ok().filter(|_| known)?;
        Some((directory != "system", link))
    };
    let fragment = draft.after.unit(unit).files.fragment.unwrap_or_else(|| unit.etc_path());
    let found: Vec<(AbsPath, bool)> = draft
        .before
        .links()
        .filter_map(|(path, target)| {
            let (generated, link) = in_run(path)?;
            belongs_to_enablement(&link, target, unit, &fragment).then(|| (path.clone(), generated))
        })
        .collect();
    for (path, generated) in found {
        let (text, hint) = if generated {
            let text = format!("{path} enables it, too; a generator makes that link again with every daemon-reload");
            (text, "mask the unit to keep it from starting: `masked: true`".to_owned())
        } else {
            let text = format!("{path} enables it until the next boot, and is not ours");
            (text, format!("to remove it: systemctl disable --runtime {unit}"))
        };
        draft.finding(FindingKind::Foreign, Some(unit), text, Some(hint));
    }
}

/// The units that `Also=` names and that are not declared themselves.
fn also(draft: &Draft<'_>, name: &UnitName) -> Vec<UnitName> {
    let Some(Ok(install)) = wanted(draft, name) else {
        return Vec::new();
    };
    install.also.into_iter().filter(|also| !draft.desired.units.contains_key(also)).collect()
}

fn wanted(draft: &Draft<'_>, name: &UnitName) -> Option<Result<Install, InstallError>> {
    let unit = draft.after.unit(name);
    let fragment = unit.files.fragment?;
    Some(install_links(name, &draft.after.install(name)?, &fragment, draft.observed.facts.systemd_version))
}

fn enable(draft: &mut Draft<'_>, name: &UnitName, unit: &DesiredUnit) {
    let place = &unit.claim.place;
    let view = draft.after.unit(name);
    let Some(fragment) = view.files.fragment.clone() else {
        let text = format!("{name} cannot be enabled: it does not exist on this host");
        let hint = "install the package that brings it, or give the unit a template or sections".to_owned();
        draft.refuse(Some(name), place, text, Some(hint));
        return;
    };
    for (directory, what) in
        [("/run/systemd/generator", "made by a generator"), ("/run/systemd/transient", "transient")]
    {
        if fragment.as_str().starts_with(directory) {
            let text = format!("{name} cannot be enabled: it is {what} ({fragment})");
            draft.refuse(Some(name), place, text, Some("write `enabled: null`".to_owned()));
            return;
        }
    }
    if view.effective.is_none() {
        let text = format!("{fragment} could not be read: whether {name} is enabled as it asks is not known");
        draft.finding(FindingKind::Unknown, Some(name), text, Some("gather as root: become: true".to_owned()));
        return;
    }
    let install = match wanted(draft, name) {
        Some(Ok(install)) if !install.links.is_empty() || !install.also.is_empty() => install,
        Some(Err(error)) => {
            let text = format!("{name} cannot be enabled: {error}");
            draft.refuse(Some(name), place, text, None);
            return;
        }
        _ => {
            let text = format!("{name} cannot be enabled: {fragment} has no [Install] section (it is static)");
            let hint = "write `enabled: null`, or add a drop-in with Install: {WantedBy: multi-user.target}".to_owned();
            draft.refuse(Some(name), place, text, Some(hint));
            return;
        }
    };
    set_links(draft, name, name, unit, &install.links);
    for also in &install.also {
        if draft.desired.units.contains_key(also) {
            continue;
        }
        if !draft.observed.units.contains_key(also) {
            let text = format!("{name} says Also={also}, which was not looked at");
            draft.finding(FindingKind::Notice, Some(name), text, Some(format!("declare {also} with enabled: true")));
            continue;
        }
        if also_is_left_alone(draft, name, also) {
            continue;
        }
        if let Some(Ok(install)) = wanted(draft, also) {
            set_links(draft, name, also, unit, &install.links);
        }
    }
}

/// The links in /etc that enable `unit` now, with their targets; also those of a unit whose file is gone.
fn existing(draft: &Draft<'_>, unit: &UnitName) -> BTreeMap<AbsPath, String> {
    let fragment = draft.after.unit(unit).files.fragment.or_else(|| draft.before.unit(unit).files.fragment);
    let fragment = fragment.unwrap_or_else(|| unit.etc_path());
    draft
        .before
        .links()
        .filter(|(path, target)| belongs_to_enablement(path, target, unit, &fragment))
        .map(|(path, target)| (path.clone(), target.to_owned()))
        .collect()
}

fn set_links(
    draft: &mut Draft<'_>,
    shown_under: &UnitName,
    unit: &UnitName,
    claimed: &DesiredUnit,
    wanted: &BTreeMap<AbsPath, String>,
) {
    let claim = &claimed.claim;
    let existing = existing(draft, unit);
    for (path, target) in wanted {
        let Ok(found) = in_its_place(draft, shown_under, claim, path) else {
            continue;
        };
        if let Some(found) = found.as_ref().filter(|found| same_target(found, path, target)) {
            if claimed.adopt {
                let entry = LedgerEntry::Link { path: path.clone(), target: found.clone() };
                adopt::take(draft, Some(shown_under), claim, entry);
            }
            continue;
        }
        let why = match &found {
            None => format!("{} is missing", link_label(path)),
            Some(found) => format!("points to {found}"),
        };
        let kind = ChangeKind::Link { path: path.clone(), from: found, to: Some(target.clone()) };
        draft.change(Some(shown_under), &claim.manifest, kind);
        let action = Action::MakeLink { path: path.clone(), target: target.clone() };
        draft.step(Stage::Links, action, ReasonKind::LinksDiffer, format!("enabled: true, {why}"));
        draft.after.put_link(path, target);
        draft.own(&claim.manifest, LedgerEntry::Link { path: path.clone(), target: target.clone() });
    }
    for (path, target) in &existing {
        if !wanted.contains_key(path) {
            let why = "enabled: true, but [Install] does not ask for this link";
            remove(draft, shown_under, path, target, &claim.manifest, why);
        }
    }
}

fn remove_all(draft: &mut Draft<'_>, shown_under: &UnitName, unit: &UnitName, manifest: &ManifestName, why: &str) {
    for (path, target) in existing(draft, unit) {
        remove(draft, shown_under, &path, &target, manifest, why);
    }
}

/// Whether anything enables the unit.
pub(super) fn has_links(draft: &Draft<'_>, unit: &UnitName) -> bool {
    !existing(draft, unit).is_empty()
}

/// Plans the removal of everything that enables the unit.
pub(super) fn drop_links(draft: &mut Draft<'_>, unit: &UnitName, claimed: &DesiredUnit, why: &str) {
    remove_all(draft, unit, unit, &claimed.claim.manifest, why);
}

/// The link that a new one would replace, if there is one; an error, already said, where there must not be a new one.
fn in_its_place(draft: &mut Draft<'_>, unit: &UnitName, claim: &Claim, path: &AbsPath) -> Result<Option<String>, ()> {
    // What lies in a directory that could not be listed is not known to be missing.
    let unlisted = path.parent().map(|parent| draft.after.get(&parent).clone());
    let unlisted = unlisted.filter(|parent| matches!(parent, Entry::Unknown(_)));
    match unlisted.unwrap_or_else(|| draft.after.get(path).clone()) {
        Entry::Absent => Ok(None),
        Entry::Link(target) if target != "/dev/null" => Ok(Some(target)),
        Entry::Link(_) => {
            let text = format!("{path} would be a name of {unit}, but was masked by hand; it is left alone");
            draft.finding(FindingKind::Held, Some(unit), text, Some(format!("remove {path} on the host to unmask it")));
            Err(())
        }
        Entry::Unknown(why) => {
            let text = format!("{path} could not be looked at: {why}");
            draft.finding(FindingKind::Unknown, Some(unit), text, Some("gather as root: become: true".to_owned()));
            Err(())
        }
        Entry::File { .. } | Entry::Other => {
            let text = format!("{path} shall be a link, but something else stands there");
            draft.refuse(Some(unit), &claim.place, text, Some("move it away by hand".to_owned()));
            Err(())
        }
    }
}

fn remove(draft: &mut Draft<'_>, unit: &UnitName, path: &AbsPath, target: &str, manifest: &ManifestName, why: &str) {
    let kind = ChangeKind::Link { path: path.clone(), from: Some(target.to_owned()), to: None };
    draft.change(Some(unit), manifest, kind);
    draft.step(Stage::Links, Action::RemoveLink { path: path.clone() }, ReasonKind::LinksDiffer, why);
    draft.after.remove(path);
    draft.disown(|entry| matches!(entry, LedgerEntry::Link { path: other, .. } if other == path));
}

/// `multi-user.target.wants`, or the alias's own name.
fn link_label(path: &AbsPath) -> String {
    let parent = path.parent().map(|parent| parent.file_name().to_owned()).unwrap_or_default();
    if parent == "system" { path.file_name().to_owned() } else { parent }
}

fn default_target(draft: &mut Draft<'_>) {
    let Some((target, claim)) = draft.desired.default_target.as_ref().filter(|(_, claim)| claim.selected) else {
        return;
    };
    let path = AbsPath::parse(&format!("{UNIT_DIR}/default.target")).expect("a plain path");
    let Wanted::Present(target) = target else {
        return no_default_target(draft, claim, &path);
    };
    let current = draft.before.unit(&UnitName::parse("default.target").expect("a unit name"));
    let Ok(found) = in_its_place(draft, target, claim, &path) else {
        return;
    };
    let name_of = |target: &str| target.rsplit('/').next().unwrap_or_default().to_owned();
    let vendor = current
        .files
        .fragment
        .as_ref()
        .and_then(|link| draft.before.links().find(|(other, _)| *other == link).map(|(_, target)| name_of(target)));
    let from = found.as_deref().map(name_of).or(vendor);
    if from.as_deref() == Some(target.as_str()) {
        return;
    }
    let Some(fragment) = draft.after.unit(target).files.fragment else {
        let text = format!("default_target: {target} does not exist on this host");
        draft.refuse(None, &claim.place, text, None);
        return;
    };
    let why = from.as_ref().map_or_else(|| "none is set".to_owned(), |from| format!("the default is {from}"));
    draft.change(None, &claim.manifest, ChangeKind::DefaultTarget { from, to: target.clone() });
    let action = Action::MakeLink { path: path.clone(), target: fragment.to_string() };
    draft.step(Stage::Links, action, ReasonKind::DefaultTarget, why);
    draft.after.put_link(&path, fragment.as_str());
    draft.own(&claim.manifest, LedgerEntry::Link { path, target: fragment.to_string() });
}

/// Takes away the link that an earlier run has made, so that the package's default holds again.
fn no_default_target(draft: &mut Draft<'_>, claim: &Claim, path: &AbsPath) {
    let is_it = |entry: &LedgerEntry| matches!(entry, LedgerEntry::Link { path: other, .. } if other == path);
    let ours = draft.ledger_before(&claim.manifest).is_some_and(|ledger| ledger.entries.iter().any(is_it));
    match draft.before.get(path).clone() {
        Entry::Absent => draft.disown(is_it),
        Entry::Link(target) if ours => {
            let change = ChangeKind::Link { path: path.clone(), from: Some(target), to: None };
            draft.change(None, &claim.manifest, change);
            let action = Action::RemoveLink { path: path.clone() };
            draft.step(Stage::Links, action, ReasonKind::NotWanted, "declared absent");
            draft.after.remove(path);
            draft.disown(is_it);
        }
        Entry::Unknown(why) => {
            draft.finding(FindingKind::Unknown, None, format!("{path} could not be looked at: {why}"), None);
        }
        Entry::Link(_) | Entry::File { .. } | Entry::Other => refuse_foreign(draft, None, path, claim),
    }
}
