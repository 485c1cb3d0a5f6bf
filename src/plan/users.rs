//! System users: created when missing, put right in home and shell, removed only when we made them.

use crate::model::{
    Account, Action, ChangeKind, DesiredUser, FindingKind, LedgerEntry, Observation, ReasonKind, UserName, UserSpec,
    Wanted,
};

use super::adopt;
use super::draft::{Draft, Stage};

pub(super) fn plan(draft: &mut Draft<'_>) {
    for (name, user) in draft.desired.users.iter().filter(|(_, user)| user.claim.selected) {
        let account = match draft.observed.users.get(name) {
            Some(Observation::Known(account)) => account.as_ref(),
            Some(Observation::Unknown(why)) => {
                draft.finding(FindingKind::Unknown, None, format!("user {name} could not be looked up: {why}"), None);
                continue;
            }
            None => {
                draft.finding(FindingKind::Unknown, None, format!("user {name} was not looked up"), None);
                continue;
            }
        };
        match (&user.spec, account) {
            (Wanted::Present(spec), None) => create(draft, name, user, spec),
            (Wanted::Present(spec), Some(account)) => {
                if user.adopt {
                    adopt::take(draft, None, &user.claim, LedgerEntry::User(name.clone()));
                }
                modify(draft, name, user, spec, account);
            }
            (Wanted::Absent, Some(_)) => remove(draft, name, user),
            (Wanted::Absent, None) => draft.disown(|entry| *entry == LedgerEntry::User(name.clone())),
        }
    }
}

fn create(draft: &mut Draft<'_>, name: &UserName, user: &DesiredUser, spec: &UserSpec) {
    let describe =
        |label: &str, value: Option<&str>| value.map(|value| format!(", {label} {value}")).unwrap_or_default();
    let kind = if spec.system { "system user" } else { "user" };
    let to = format!(
        "{kind}{}{}",
        describe("home", spec.home.as_ref().map(AsRef::as_ref)),
        describe("shell", spec.shell.as_ref().map(AsRef::as_ref))
    );
    draft.change(None, &user.claim.manifest, ChangeKind::User { name: name.clone(), from: None, to: Some(to) });
    let action = Action::CreateUser {
        name: name.clone(),
        system: spec.system,
        home: spec.home.clone(),
        shell: spec.shell.clone(),
    };
    draft.step(Stage::Users, action, ReasonKind::Missing, format!("user {name} does not exist"));
    draft.own(&user.claim.manifest, LedgerEntry::User(name.clone()));
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
        reasons.push(crate::model::Reason { kind: ReasonKind::StateDiffers, text: format!("{label} is {from}") });
    }
    if !reasons.is_empty() {
        let action = Action::ModifyUser { name: name.clone(), home: home.cloned(), shell: shell.cloned() };
        draft.step_because(Stage::Users, action, reasons);
    }
}

fn remove(draft: &mut Draft<'_>, name: &UserName, user: &DesiredUser) {
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
    draft.step(Stage::RemoveUsers, Action::RemoveUser { name: name.clone() }, ReasonKind::NotWanted, why);
    draft.disown(|other| *other == entry);
}
