//! A user's numbers, groups and home directory.

use std::collections::BTreeSet;

use super::claims::{Claims, Kind};
use super::scope::{Scope, below};
use super::tree::{PATH, USER};
use crate::load::manifest::UserEntry;
use crate::load::parse_id;
use crate::load::spans::Seg;
use crate::model::{AbsPath, Desired, Diagnostic, PrimaryGroup, UserName, UserSpec, Wanted};

/// What an entry of `users:` asks for.
pub(super) fn spec(
    scope: &Scope,
    entry: &UserEntry,
    name: &UserName,
    path: &[Seg],
    claims: &mut Claims,
) -> Result<UserSpec, Diagnostic> {
    let flag = |expr: Option<&_>, key: &str, default: bool| match expr {
        None => Ok(default),
        Some(expr) => scope.expr(expr, &below(path, key)).map(|flag| flag.unwrap_or(default)),
    };
    let place = |written: Option<&String>, key: &str| {
        let parsed = written.map(|written| scope.name(written, &below(path, key), AbsPath::parse, PATH));
        parsed.transpose()
    };
    let uid = uid(scope, entry, path)?;
    if let Some(uid) = uid {
        claims.claim((Kind::Uid, &uid.to_string()), scope, &below(path, "uid"), &entry.selection)?;
    }
    let gid = gid(scope, entry, name, path)?;
    if let Some(PrimaryGroup::Number(gid)) = &gid {
        claims.claim((Kind::Gid, &gid.to_string()), scope, &below(path, "gid"), &entry.selection)?;
    }
    let spec = UserSpec {
        system: flag(entry.system.as_ref(), "system", true)?,
        uid,
        groups: groups(scope, entry, name, gid.as_ref(), path)?,
        gid,
        home: place(entry.home.as_ref(), "home")?,
        create_home: flag(entry.create_home.as_ref(), "create_home", false)?,
        shell: place(entry.shell.as_ref(), "shell")?,
    };
    if spec.create_home && spec.system && spec.home.is_none() {
        let message = "`create_home` needs `home`: a system user has none unless it is named";
        let told = scope.key_error(&below(path, "create_home"), message);
        return Err(told.help("add `home:` with a path, or `system: false` for a home in /home"));
    }
    Ok(spec)
}

fn uid(scope: &Scope, entry: &UserEntry, path: &[Seg]) -> Result<Option<u32>, Diagnostic> {
    let Some(written) = &entry.uid else {
        return Ok(None);
    };
    let path = below(path, "uid");
    let text = scope.text(written, &path)?;
    parse_id(&text)
        .map(Some)
        .map_err(|_| scope.error(&path, "this has to yield a uid").help("a number from 1 to 4294967294, without 65535"))
}

/// The group of the user's own name without a number is what there is without the key.
fn gid(scope: &Scope, entry: &UserEntry, name: &UserName, path: &[Seg]) -> Result<Option<PrimaryGroup>, Diagnostic> {
    let Some(written) = &entry.gid else {
        return Ok(None);
    };
    let path = below(path, "gid");
    let text = scope.text(written, &path)?;
    if let Ok(number) = parse_id(&text) {
        return Ok(Some(PrimaryGroup::Number(number)));
    }
    let group = UserName::parse(&text).ok().filter(|_| !is_number(&text));
    let group = group.ok_or_else(|| {
        let help = "a number from 1 to 4294967294, without 65535, or the name of a group";
        scope.error(&path, "this has to yield a gid or the name of a group").help(help)
    })?;
    Ok((group != *name).then_some(PrimaryGroup::Name(group)))
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn groups(
    scope: &Scope,
    entry: &UserEntry,
    name: &UserName,
    gid: Option<&PrimaryGroup>,
    path: &[Seg],
) -> Result<BTreeSet<UserName>, Diagnostic> {
    let Some(expr) = &entry.groups else {
        return Ok(BTreeSet::new());
    };
    let path = below(path, "groups");
    let primary = match gid {
        Some(PrimaryGroup::Name(group)) => group,
        Some(PrimaryGroup::Number(_)) | None => name,
    };
    let mut groups = BTreeSet::new();
    for (at, written) in scope.expr(expr, &path)?.unwrap_or_default().iter().enumerate() {
        let path: Vec<Seg> = path.iter().cloned().chain([Seg::Index(at)]).collect();
        // In a literal list each name may hold an expression of its own.
        let group = scope.name(written, &path, UserName::parse, USER)?;
        if is_number(group.as_str()) {
            return Err(scope.error(&path, "this has to be the name of a group, not a number"));
        }
        if group == *primary {
            let told = scope.error(&path, "this is the user's primary group, not one more");
            return Err(told.help("take it out of `groups`; `gid` is where a user's primary group is written"));
        }
        if !groups.insert(group) {
            return Err(scope.error(&path, "this group is listed twice"));
        }
    }
    Ok(groups)
}

/// A home that shall be made and shall not be there.
pub(super) fn homes_declared_absent(desired: &Desired, claims: &Claims) -> Vec<Diagnostic> {
    let homes = desired.users.values().filter_map(|user| match &user.spec {
        Wanted::Present(spec) if spec.create_home => spec.home.as_ref(),
        _ => None,
    });
    let removed = |home: &&AbsPath| {
        desired.directories.get(*home).is_some_and(|directory| directory.spec == Wanted::Absent)
            || desired.files.contains_key(*home)
            || desired.symlinks.contains_key(*home)
    };
    let told = |home: &AbsPath| {
        let (source, span) = claims.place_of(home)?;
        let message = format!("`{home}` is declared here, and is the home that `create_home` of a user makes");
        Some(Diagnostic::error(message).at(source, span, "").help("take one of the two away"))
    };
    homes.filter(removed).filter_map(told).collect()
}
