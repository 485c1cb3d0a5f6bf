//! `recurse:` of directories: where it may not go, and what it contradicts.

use super::claims::Claims;
use super::scope::{Scope, below};
use crate::load::manifest::DirectoryEntry;
use crate::load::spans::Seg;
use crate::model::{AbsPath, Desired, Diagnostic, DirectorySpec, UserName, Wanted};

/// Directories of the system whose contents have many owners. To give them all to one breaks the host, and no run
/// afterwards knows how it was.
const OF_THE_SYSTEM: [&str; 17] = [
    "/",
    "/etc",
    "/home",
    "/media",
    "/mnt",
    "/run",
    "/tmp",
    "/usr",
    "/usr/local",
    "/usr/share",
    "/var",
    "/var/cache",
    "/var/lib",
    "/var/log",
    "/var/mail",
    "/var/spool",
    "/var/tmp",
];

/// The same, with all that is below them.
const WITH_ALL_BELOW: [&str; 14] = [
    "/bin",
    "/boot",
    "/dev",
    "/etc/systemd",
    "/lib",
    "/lib32",
    "/lib64",
    "/proc",
    "/run/systemd",
    "/sbin",
    "/sys",
    "/usr/bin",
    "/usr/lib",
    "/usr/sbin",
];

fn is_of_the_system(path: &AbsPath) -> bool {
    OF_THE_SYSTEM.contains(&path.as_str()) || WITH_ALL_BELOW.iter().any(|directory| path.is_within(directory))
}

/// Whether an entry of `directories:` asks for it.
pub(super) fn wanted(scope: &Scope, entry: &DirectoryEntry, name: &AbsPath, path: &[Seg]) -> Result<bool, Diagnostic> {
    let Some(expr) = &entry.recurse else {
        return Ok(false);
    };
    let path = below(path, "recurse");
    let recurse = scope.expr(expr, &path)?.unwrap_or(false);
    if recurse && entry.owner.is_none() && entry.group.is_none() {
        let told = scope.key_error(&path, "`recurse` gives all below its owner and group, and neither is written here");
        return Err(told.help("add `owner:` and `group:`, or take `recurse` away"));
    }
    if recurse && is_of_the_system(name) {
        let told = scope.key_error(&path, "what is below this directory of the system has many owners, and needs them");
        return Err(told.help("declare the directories of the application, each with its owner"));
    }
    Ok(recurse)
}

/// What is declared below such a directory with another owner would change hands with every apply.
pub(super) fn contradictions(desired: &Desired, claims: &Claims) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (directory, wanted) in &desired.directories {
        let Wanted::Present(spec) = &wanted.spec else { continue };
        if !spec.recurse {
            continue;
        }
        for other in owned_below(desired, directory, spec) {
            let (Some((source, span)), Some((outer, recursing))) = (claims.place_of(other), claims.place_of(directory))
            else {
                continue;
            };
            let message = format!("`{other}` is declared with another owner than `recurse` of `{directory}` gives it");
            found.push(
                Diagnostic::error(message)
                    .at(source, span, "")
                    .at(outer, recursing, "everything below gets this one's owner and group")
                    .help("write the same `owner` and `group` here (without them: root), or take `recurse` away"),
            );
        }
    }
    found
}

fn owned_below<'a>(desired: &'a Desired, directory: &AbsPath, spec: &DirectorySpec) -> Vec<&'a AbsPath> {
    let differs = |path: &AbsPath, user: &UserName, group: &UserName| {
        path != directory && path.is_within(directory.as_str()) && (*user != spec.user || *group != spec.group)
    };
    let files = desired.files.iter().filter_map(|(path, file)| match &file.spec {
        Wanted::Present(file) if differs(path, &file.user, &file.group) => Some(path),
        _ => None,
    });
    let directories = desired.directories.iter().filter_map(|(path, inner)| match &inner.spec {
        Wanted::Present(inner) if differs(path, &inner.user, &inner.group) => Some(path),
        _ => None,
    });
    directories.chain(files).collect()
}
