//! System users: created when missing, put right in home and shell, removed only when we made them.
//!
//! | key | on a user that exists |
//! |---|---|
//! | `uid`, `gid` | never changed: files would lose their owner. Another number is a refusal |
//! | `groups` | joined where missing, never left |
//! | `home`, `shell` | changed in the account; nothing is moved |
//! | `create_home` | the directory is made where it is missing, else not touched |
//! | `system` | says nothing |

use std::collections::BTreeSet;

use crate::model::{
    AbsPath, Account, Action, ChangeKind, DesiredUser, FindingKind, GroupEntry, LedgerEntry, Observation, ObservedPath,
    PrimaryGroup, Reason, ReasonKind, UnitName, UserName, UserSpec, Wanted,
};

use super::adopt;
use super::draft::{Draft, Stage};
use super::view::Entry;

/// Mode of a home directory that is made: its user's, and readable for the group.
const HOME_MODE: u32 = 0o750;

pub(super) fn plan(draft: &mut Draft<'_>) {
    // Who has a group of the own name comes first: others may have it for their primary one.
    let late =
        |user: &DesiredUser| matches!(&user.spec, Wanted::Present(UserSpec { gid: Some(PrimaryGroup::Name(_)), .. }));
    let selected = draft.desired.users.iter().filter(|(_, user)| user.claim.selected);
    let (late, early): (Vec<_>, Vec<_>) = selected.partition(|(_, user)| late(user));
    let mut settled = Vec::new();
    for (name, user) in early.into_iter().chain(late) {
        let Ok(account) = look_up(draft, name.as_str()) else {
            continue;
        };
        match (&user.spec, account) {
            (Wanted::Present(spec), None) => {
                if create(draft, name, user, spec) {
                    settled.push((name, user, spec, None));
                }
            }
            (Wanted::Present(spec), Some(account)) => {
                if numbers_fit(draft, name, user, spec, account) {
                    if user.adopt {
                        adopt::take(draft, None, &user.claim, LedgerEntry::User(name.clone()));
                    }
                    modify(draft, name, user, spec, account);
                    settled.push((name, user, spec, Some(account)));
                }
            }
            (Wanted::Absent, Some(account)) => remove(draft, name, user, account),
            (Wanted::Absent, None) => draft.disown(|entry| *entry == LedgerEntry::User(name.clone())),
        }
    }
    // When all of them are there, with their groups.
    for (name, user, spec, account) in settled {
        join(draft, name, user, spec, account);
        if spec.create_home {
            home(draft, name, user, spec, account);
        }
    }
}

/// What is known of an account; an error, already said, where nothing is.
fn look_up<'a>(draft: &mut Draft<'a>, name: &str) -> Result<Option<&'a Account>, ()> {
    known(draft, draft.observed.users.get(name), &format!("user {name}"))
}

/// The same for a group.
fn look_up_group<'a>(draft: &mut Draft<'a>, name: &str) -> Result<Option<&'a GroupEntry>, ()> {
    known(draft, draft.observed.groups.get(name), &format!("group {name}"))
}

fn known<'a, T>(
    draft: &mut Draft<'a>,
    observed: Option<&'a Observation<Option<T>>>,
    what: &str,
) -> Result<Option<&'a T>, ()> {
    let text = match observed {
        Some(Observation::Known(found)) => return Ok(found.as_ref()),
        Some(Observation::Unknown(why)) => format!("{what} could not be looked up: {why}"),
        None => format!("{what} was not looked up"),
    };
    draft.finding(FindingKind::Unknown, None, text, None);
    Err(())
}

/// Whether the group will be there because a user of its name is created.
pub(super) fn comes_with_a_user(draft: &Draft<'_>, group: &UserName) -> bool {
    let missing = matches!(draft.observed.users.get(group), Some(Observation::Known(None)));
    let spec = draft.desired.users.get(group).filter(|user| user.claim.selected).map(|user| &user.spec);
    let own_group = |spec: &UserSpec| !matches!(spec.gid, Some(PrimaryGroup::Name(_)));
    missing && matches!(spec, Some(Wanted::Present(spec)) if own_group(spec))
}

fn create(draft: &mut Draft<'_>, name: &UserName, user: &DesiredUser, spec: &UserSpec) -> bool {
    if !numbers_are_free(draft, name, user, spec) {
        return false;
    }
    let home = if spec.create_home { Some(spec.new_home(name)) } else { spec.home.clone() };
    let mut to = if spec.system { "system user".to_owned() } else { "user".to_owned() };
    let (group, number) = match &spec.gid {
        Some(PrimaryGroup::Name(group)) => (Some(group.to_string()), None),
        Some(PrimaryGroup::Number(number)) => (None, Some(number.to_string())),
        None => (None, None),
    };
    for (label, value) in [
        ("uid", spec.uid.map(|uid| uid.to_string())),
        ("gid", number),
        ("primary group", group),
        ("home", home.as_ref().map(ToString::to_string)),
        ("shell", spec.shell.as_ref().map(ToString::to_string)),
    ] {
        to.extend(value.map(|value| format!(", {label} {value}")));
    }
    draft.change(None, &user.claim.manifest, ChangeKind::User { name: name.clone(), from: None, to: Some(to) });
    let action = Action::CreateUser {
        name: name.clone(),
        system: spec.system,
        uid: spec.uid,
        gid: spec.gid.clone(),
        home,
        shell: spec.shell.clone(),
    };
    draft.step(Stage::Users, action, ReasonKind::Missing, format!("user {name} does not exist"));
    draft.own(&user.claim.manifest, LedgerEntry::User(name.clone()));
    true
}

/// Whether nobody else has the numbers that a new user shall get; says so if somebody has.
fn numbers_are_free(draft: &mut Draft<'_>, name: &UserName, user: &DesiredUser, spec: &UserSpec) -> bool {
    let place = &user.claim.place;
    if let Some(uid) = spec.uid {
        match look_up(draft, &uid.to_string()) {
            Err(()) => return false,
            Ok(None) => {}
            Ok(Some(other)) => {
                let text = format!("user {name} shall have uid {uid}, which is {}'s on this host", other.name);
                let hint = "give it another `uid`, or take the key out and let the host choose".to_owned();
                draft.refuse(None, place, text, Some(hint));
                return false;
            }
        }
    }
    match &spec.gid {
        None => true,
        Some(PrimaryGroup::Name(group)) => group_is_there(draft, group, user),
        Some(PrimaryGroup::Number(gid)) => {
            let (Ok(holder), Ok(own)) = (look_up_group(draft, &gid.to_string()), look_up_group(draft, name.as_str()))
            else {
                return false;
            };
            let (text, hint) = match (holder, own) {
                (Some(holder), _) if holder.name != name.as_str() => (
                    format!("group {name} shall have gid {gid}, which is {}'s on this host", holder.name),
                    format!("give it another `gid`; or, to have {name} in that group, write `gid: {}`", holder.name),
                ),
                (None, Some(own)) => (
                    format!("group {name} shall have gid {gid}, but is there with gid {}", own.gid),
                    format!("write `gid: {}`, or take the key out", own.gid),
                ),
                _ => return true,
            };
            draft.refuse(None, place, text, Some(hint));
            false
        }
    }
}

/// Whether a group exists, or comes with a user; says so if not.
fn group_is_there(draft: &mut Draft<'_>, group: &UserName, user: &DesiredUser) -> bool {
    match look_up_group(draft, group.as_str()) {
        Err(()) => false,
        Ok(Some(_)) => true,
        Ok(None) if comes_with_a_user(draft, group) => true,
        Ok(None) => {
            let text = format!("group {group} does not exist on this host");
            let left_out = draft.desired.users.get(group).filter(|user| !user.claim.selected);
            let hint = match left_out {
                Some(user) => format!("this run's tags leave out the user, declared at {}", user.claim.place),
                None => "groups come with packages, or with a user of that name: declare one, or correct the name"
                    .to_owned(),
            };
            draft.refuse(None, &user.claim.place, text, Some(hint));
            false
        }
    }
}

/// Whether an existing user has the numbers that are declared; says so if not. They are never changed.
fn numbers_fit(draft: &mut Draft<'_>, name: &UserName, user: &DesiredUser, spec: &UserSpec, account: &Account) -> bool {
    let place = &user.claim.place;
    if let Some(uid) = spec.uid.filter(|uid| *uid != account.uid) {
        let old = account.uid;
        let text = format!("user {name} has uid {old} on this host, and shall have {uid}: a uid is never changed");
        let hint = format!(
            "its files would belong to nobody. Write `uid: {old}`, or do it by hand: stop what runs as {name}, \
             `usermod -u {uid} {name}`, then `chown` what `find / -uid {old}` finds"
        );
        draft.refuse(None, place, text, Some(hint));
        return false;
    }
    let wanted = match &spec.gid {
        None => return true,
        Some(PrimaryGroup::Number(gid)) => *gid,
        Some(PrimaryGroup::Name(group)) => {
            if !group_is_there(draft, group, user) {
                return false;
            }
            match look_up_group(draft, group.as_str()) {
                Ok(Some(group)) => group.gid,
                // It comes with a user, so it is not this one's now.
                _ => u32::MAX,
            }
        }
    };
    if wanted == account.gid {
        return true;
    }
    let old = account.gid;
    let named = spec.gid.as_ref().map(ToString::to_string).unwrap_or_default();
    let text =
        format!("user {name} has the primary group {old} on this host, and shall have {named}: it is never changed");
    let hint = format!(
        "write `gid: {old}`, or do it by hand: `usermod -g {named} {name}`, then `chgrp` what `find / -gid {old}` finds"
    );
    draft.refuse(None, place, text, Some(hint));
    false
}

fn modify(draft: &mut Draft<'_>, name: &UserName, user: &DesiredUser, spec: &UserSpec, account: &Account) {
    let home = spec.home.as_ref().filter(|home| home.as_str() != account.home);
    let shell = spec.shell.as_ref().filter(|shell| shell.as_str() != account.shell);
    let mut reasons = Vec::new();
    for (label, from, to) in [("home", &account.home, home), ("shell", &account.shell, shell)] {
        let Some(to) = to else { continue };
        let kind = ChangeKind::User {
            name: name.clone(),
            from: Some(format!("{label} {from}")),
            to: Some(format!("{label} {to}")),
        };
        draft.change(None, &user.claim.manifest, kind);
        reasons.push(Reason { kind: ReasonKind::StateDiffers, text: format!("{label} is {from}") });
    }
    if !reasons.is_empty() {
        let action = Action::ModifyUser { name: name.clone(), home: home.cloned(), shell: shell.cloned() };
        draft.step_because(Stage::Users, action, reasons);
    }
}

/// Supplementary groups. Memberships that nobody declares are left: others may have given them.
fn join(draft: &mut Draft<'_>, name: &UserName, user: &DesiredUser, spec: &UserSpec, account: Option<&Account>) {
    let mut joined = Vec::new();
    for group in &spec.groups {
        if !group_is_there(draft, group, user) {
            continue;
        }
        let found = look_up_group(draft, group.as_str()).unwrap_or_default();
        let is_in = |group: &GroupEntry| {
            group.members.iter().any(|member| member == name.as_str())
                || account.is_some_and(|account| account.gid == group.gid)
        };
        if !found.is_some_and(is_in) {
            joined.push(group.clone());
        }
    }
    if joined.is_empty() {
        return;
    }
    let names = joined.iter().map(UserName::as_str).collect::<Vec<_>>().join(", ");
    draft.change(None, &user.claim.manifest, ChangeKind::Groups { name: name.clone(), joined: joined.clone() });
    let action = Action::JoinGroups { name: name.clone(), groups: joined };
    draft.step(Stage::Users, action, ReasonKind::StateDiffers, format!("is not in {names}"));
}

/// The home directory, where it is missing.
fn home(draft: &mut Draft<'_>, name: &UserName, user: &DesiredUser, spec: &UserSpec, account: Option<&Account>) {
    let path = match (&spec.home, account) {
        (None, Some(account)) => AbsPath::parse(&account.home).ok(),
        _ => Some(spec.new_home(name)),
    };
    let Some(path) = path else {
        let text = format!("the home directory of user {name} is no path: none is made");
        draft.finding(FindingKind::Unknown, None, text, None);
        return;
    };
    // A directory that is declared is made as it is declared; and two users may share one.
    let made = draft
        .steps()
        .any(|(_, step)| matches!(&step.action, Action::CreateDirectory { path: other, .. } if *other == path));
    if made || draft.desired.directories.contains_key(&path) {
        return;
    }
    match draft.observed.paths.get(&path) {
        Some(ObservedPath::Directory { .. } | ObservedPath::Link { .. }) => {}
        Some(ObservedPath::File { .. } | ObservedPath::Other(_)) => {
            let text = format!("{path} shall be the home directory of {name}, but something else stands there");
            draft.refuse(None, &user.claim.place, text, Some("move it away by hand, or name another home".to_owned()));
        }
        Some(ObservedPath::Unknown(why)) => {
            let text = format!("{path} could not be looked at: {why}");
            draft.finding(FindingKind::Unknown, None, text, Some("gather as root: become: true".to_owned()));
        }
        None => draft.finding(FindingKind::Unknown, None, format!("{path} was not looked at"), None),
        Some(ObservedPath::Absent) => {
            let group = primary_group(draft, name, spec, account);
            let manifest = &user.claim.manifest;
            let created = ChangeKind::Directory { path: path.clone(), exists: false, wanted: true };
            draft.change(None, manifest, created);
            draft.change(None, manifest, ChangeKind::Mode { path: path.clone(), from: None, to: HOME_MODE });
            let to = format!("{name}:{group}");
            draft.change(None, manifest, ChangeKind::Owner { path: path.clone(), from: None, to });
            let action = Action::CreateDirectory { path: path.clone(), mode: HOME_MODE, user: name.clone(), group };
            draft.step(Stage::Directories, action, ReasonKind::Missing, format!("the home of {name} does not exist"));
            // It is not put into the ledger: what a user leaves there is not ours to remove.
            draft.after.put(&path, Entry::Other);
        }
    }
}

/// By its name where that is known, else by its number.
fn primary_group(draft: &Draft<'_>, name: &UserName, spec: &UserSpec, account: Option<&Account>) -> UserName {
    let named = match &spec.gid {
        Some(PrimaryGroup::Name(group)) => group,
        Some(PrimaryGroup::Number(_)) | None => name,
    };
    let Some(account) = account else {
        return named.clone();
    };
    match draft.observed.groups.get(named) {
        Some(Observation::Known(Some(group))) if group.gid == account.gid => named.clone(),
        _ => UserName::parse(&account.gid.to_string()).unwrap_or_else(|_| named.clone()),
    }
}

/// A process keeps the groups it was started with; nobody asked for a restart.
pub(super) fn report_running(draft: &mut Draft<'_>, units: &BTreeSet<UnitName>) {
    let joins = |user: &str| {
        draft.steps().any(|(_, step)| matches!(&step.action, Action::JoinGroups { name, .. } if name.as_str() == user))
    };
    let restarts = |unit: &UnitName| {
        draft.steps().any(|(_, step)| match &step.action {
            Action::Restart { unit: other } | Action::Stop { unit: other } => other == unit,
            _ => false,
        })
    };
    let mut kept = Vec::new();
    for unit in units {
        let runs = draft.observed.units.get(unit).is_some_and(|unit| !unit.active_state.is_down());
        let effective = draft.after.unit(unit).effective;
        let user = effective.as_ref().and_then(|effective| effective.last("Service", "User"));
        if let Some(user) = user.filter(|user| runs && joins(user) && !restarts(unit)) {
            kept.push((unit.clone(), user.to_owned()));
        }
    }
    for (unit, user) in kept {
        let text = format!("{unit} runs as {user} and keeps the groups it has until it is started again");
        draft.finding(FindingKind::Notice, Some(&unit), text, Some(format!("when it suits: systemctl restart {unit}")));
    }
}

fn remove(draft: &mut Draft<'_>, name: &UserName, user: &DesiredUser, account: &Account) {
    let manifest = &user.claim.manifest;
    let entry = LedgerEntry::User(name.clone());
    let Some(why) = adopt::why_removed(draft, None, &user.claim, user.adopt, &entry) else {
        let (text, hint) = match draft.ledgers_unseen() {
            Some(why) => (
                format!("user {name} is declared absent, but whether `{manifest}` created it is not known: {why}"),
                "gather as root: become: true".to_owned(),
            ),
            None => (
                format!("user {name} is declared absent, but `{manifest}` did not create it on this host"),
                format!("write `adopt: true` beside it, take `{name}` out of the playbook, or remove the user by hand"),
            ),
        };
        draft.refuse(None, &user.claim.place, text, Some(hint));
        return;
    };
    draft.change(None, manifest, ChangeKind::User { name: name.clone(), from: Some("exists".to_owned()), to: None });
    // What is in a home is nobody's to throw away without being asked.
    let gone = |home: &AbsPath| draft.observed.paths.get(home) == Some(&ObservedPath::Absent);
    let home = AbsPath::parse(&account.home).ok().filter(|home| home.as_str() != "/" && !gone(home));
    let stays = home.map(|home| format!("; its home {home} stays")).unwrap_or_default();
    let action = Action::RemoveUser { name: name.clone() };
    draft.step(Stage::RemoveUsers, action, ReasonKind::NotWanted, why + &stays);
    draft.disown(|other| *other == entry);
}
