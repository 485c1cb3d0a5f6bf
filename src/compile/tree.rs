//! `users:`, `directories:` and `files:`.

use super::claims::Kind;
use super::scope::{Scope, below, key};
use super::{Draft, account, recursion, unit_text};
use crate::load::manifest::{Command, DirectoryEntry, FileEntry, UserEntry};
use crate::load::spans::Seg;
use crate::load::{check_command, check_target, split_words};
use crate::model::{
    AbsPath, DesiredDirectory, DesiredFile, DesiredSymlink, DesiredUser, Diagnostic, DirectorySpec, FileSpec, UnitName,
    UserName, Wanted,
};

pub(super) const PATH: &str = "a normalised absolute path";
pub(super) const USER: &str = "a user or group name";

/// A part of a host's tree that no playbook writes to.
struct Reserved {
    below: &'static str,
    because: &'static str,
    help: &'static str,
}

impl Reserved {
    fn holds(&self, path: &AbsPath) -> bool {
        path.as_str().strip_prefix(self.below).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn refusal(&self, scope: &Scope, path: &[Seg]) -> Diagnostic {
        let Self { below, because, help } = self;
        scope.key_error(path, format!("nothing can be declared below `{below}`: {because}")).help(*help)
    }
}

/// Whoever writes here changes what the next apply believes.
const OWN_STATE: [Reserved; 2] = [
    Reserved { below: "/var/lib/unitfleet", because: "unitfleet's own records are there", help: CHOOSE },
    Reserved { below: "/run/unitfleet", because: "unitfleet's own records are there", help: CHOOSE },
];
const CHOOSE: &str = "choose another place; to have a unit left alone, make a file in `/etc/unitfleet/hold`";

/// Where a file cannot be put beside its place and renamed, or is another's.
const NO_PLACE_FOR_FILES: [Reserved; 6] = [
    Reserved { below: "/proc", because: "these are no files but the kernel's settings", help: SYSCTL },
    Reserved { below: "/sys", because: "these are no files but the kernel's settings", help: TMPFILES },
    Reserved { below: "/dev", because: "it holds devices and is made anew at every boot", help: TMPFILES },
    Reserved { below: "/usr/lib/systemd/system", because: "its files belong to packages", help: UNITS },
    Reserved { below: "/lib/systemd/system", because: "its files belong to packages", help: UNITS },
    Reserved { below: "/run/systemd", because: "it is systemd's own and made anew at every boot", help: UNITS },
];
const SYSCTL: &str = "declare a file in `/etc/sysctl.d`, and let `systemd-sysctl.service` watch it";
const TMPFILES: &str = "declare a file in `/etc/tmpfiles.d`, which systemd-tmpfiles reads";
const UNITS: &str = "declare the unit under `units`: what is in `/etc/systemd/system` wins over a package's file";

/// One entry of `users:`.
pub(super) fn user(scope: &Scope, written: &str, entry: &UserEntry, draft: &mut Draft) {
    let path = [key("users"), key(written)];
    let result = scope.key(written, &path, UserName::parse, USER).and_then(|name| {
        let claim = draft.claims.claim((Kind::User, name.as_str()), scope, &path, &entry.selection)?;
        let adopt = scope.adopts(entry.adopt.as_ref(), &path)?;
        let spec = if scope.is_absent(entry.absent.as_ref(), &path)? {
            Wanted::Absent
        } else {
            Wanted::Present(account::spec(scope, entry, &name, &path, draft.claims)?)
        };
        if name.as_str() == "root" {
            return Err(scope.key_error(&path, "`root` is not ours to change"));
        }
        if name.as_str().chars().all(|c| c.is_ascii_digit()) {
            return Err(scope.key_error(&path, "a user needs a name, not only a number"));
        }
        Ok((name, DesiredUser { claim, adopt, spec }))
    });
    draft.desired.users.extend(draft.messages.keep(result));
}

/// One entry of `directories:`.
pub(super) fn directory(scope: &Scope, written: &str, entry: &DirectoryEntry, draft: &mut Draft) {
    let path = [key("directories"), key(written)];
    let result = scope.key(written, &path, AbsPath::parse, PATH).and_then(|name| {
        if let Some(reserved) = OWN_STATE.iter().find(|reserved| reserved.holds(&name)) {
            return Err(reserved.refusal(scope, &path));
        }
        let claim = draft.claims.claim((Kind::Path, name.as_str()), scope, &path, &entry.selection)?;
        let adopt = scope.adopts(entry.adopt.as_ref(), &path)?;
        let spec = if scope.is_absent(entry.absent.as_ref(), &path)? {
            Wanted::Absent
        } else {
            Wanted::Present(DirectorySpec {
                mode: mode(scope, entry.mode.as_ref(), 0o755, &path)?,
                user: owner(scope, entry.owner.as_ref(), "owner", &path)?,
                group: owner(scope, entry.group.as_ref(), "group", &path)?,
                recurse: recursion::wanted(scope, entry, &name, &path)?,
            })
        };
        Ok((name, DesiredDirectory { claim, adopt, spec }))
    });
    draft.desired.directories.extend(draft.messages.keep(result));
}

/// One entry of `files:`.
pub(super) fn file(scope: &Scope, written: &str, entry: &FileEntry, draft: &mut Draft) {
    let path = [key("files"), key(written)];
    let own;
    let scope = if entry.text.vars.is_empty() {
        scope
    } else {
        own = scope.with_vars(&entry.text.vars, &path);
        draft.messages.extend(own.wrong_variables());
        &own
    };
    let result = scope.key(written, &path, AbsPath::parse, PATH).and_then(|name| {
        if let Some(why) = is_of_a_unit(&name) {
            return Err(scope
                .key_error(&path, format!("this file is {why}, and belongs to it"))
                .help("declare it under `units`, so that the unit is reloaded and restarted as it needs"));
        }
        if let Some(reserved) = OWN_STATE.iter().chain(&NO_PLACE_FOR_FILES).find(|reserved| reserved.holds(&name)) {
            return Err(reserved.refusal(scope, &path));
        }
        let claim = draft.claims.claim((Kind::Path, name.as_str()), scope, &path, &entry.selection)?;
        let adopt = scope.adopts(entry.adopt.as_ref(), &path)?;
        if scope.is_absent(entry.absent.as_ref(), &path)? {
            return Ok((name, At::File(DesiredFile { claim, adopt, spec: Wanted::Absent })));
        }
        if let Some(written) = &entry.symlink {
            let target = link_target(scope, written, &name, &path)?;
            return Ok((name, At::Symlink(DesiredSymlink { claim, adopt, target })));
        }
        let spec = Wanted::Present(file_spec(scope, entry, &path)?);
        Ok((name, At::File(DesiredFile { claim, adopt, spec })))
    });
    match draft.messages.keep(result) {
        Some((name, At::File(file))) => drop(draft.desired.files.insert(name, file)),
        Some((name, At::Symlink(symlink))) => drop(draft.desired.symlinks.insert(name, symlink)),
        None => {}
    }
}

/// What an entry of `files:` puts at its path.
enum At {
    File(DesiredFile),
    Symlink(DesiredSymlink),
}

fn link_target(scope: &Scope, written: &str, name: &AbsPath, path: &[Seg]) -> Result<String, Diagnostic> {
    let path = below(path, "symlink");
    let target = scope.text(written, &path)?;
    match check_target(name.as_str(), &target) {
        Ok(()) => Ok(target),
        Err((message, help)) => Err(scope.error(&path, message).help(help)),
    }
}

/// The words of `validate:`.
fn command(scope: &Scope, entry: &FileEntry, path: &[Seg]) -> Result<Vec<String>, Diagnostic> {
    let path = below(path, "validate");
    let words = match &entry.validate {
        None => return Ok(Vec::new()),
        Some(Command::Text(written)) => split_words(&scope.text(written, &path)?).ok_or_else(|| {
            scope.error(&path, "a quote in `validate` is never closed").help("close it, or write a list of words")
        })?,
        Some(Command::Words(words)) => {
            let at = |index| path.iter().cloned().chain([Seg::Index(index)]).collect::<Vec<Seg>>();
            let words = words.iter().enumerate().map(|(index, written)| scope.text(written, &at(index)));
            words.collect::<Result<_, _>>()?
        }
    };
    match check_command(&words) {
        Ok(()) => Ok(words),
        Err((message, help)) => Err(scope.error(&path, message).help(help)),
    }
}

fn file_spec(scope: &Scope, entry: &FileEntry, path: &[Seg]) -> Result<FileSpec, Diagnostic> {
    let Some(bytes) = unit_text::file_bytes(scope, &entry.text, path)? else {
        return Err(scope
            .key_error(path, "nothing says what is in this file")
            .help("give it `content`, `template`, `source` or `symlink`, or `absent: true`"));
    };
    let usual = if bytes.is_secret() { 0o600 } else { 0o644 };
    let mode = mode(scope, entry.mode.as_ref(), usual, path)?;
    if bytes.is_secret() && mode & 0o007 != 0 {
        return Err(scope
            .error(&below(path, "mode"), "a secret goes into this file, and this mode lets everybody at it")
            .help("leave `mode` out for \"0600\", or give a group access: \"0640\""));
    }
    Ok(FileSpec {
        bytes,
        encrypt: None,
        mode,
        user: owner(scope, entry.owner.as_ref(), "owner", path)?,
        group: owner(scope, entry.group.as_ref(), "group", path)?,
        validate: command(scope, entry, path)?,
    })
}

fn owner(scope: &Scope, written: Option<&String>, what: &str, path: &[Seg]) -> Result<UserName, Diagnostic> {
    let written = written.map_or("root", String::as_str);
    scope.name(written, &below(path, what), UserName::parse, USER)
}

fn mode(scope: &Scope, written: Option<&String>, default: u32, path: &[Seg]) -> Result<u32, Diagnostic> {
    let Some(written) = written else {
        return Ok(default);
    };
    let path = below(path, "mode");
    let text = scope.text(written, &path)?;
    let octal = (3..=4).contains(&text.len()) && text.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    let mode = octal.then(|| u32::from_str_radix(&text, 8).ok()).flatten();
    mode.ok_or_else(|| {
        scope.error(&path, "a mode is three or four octal digits").help("write it with quotes, such as `\"0644\"`")
    })
}

/// What part of a unit a path below systemd's own folder for admins is.
fn is_of_a_unit(path: &AbsPath) -> Option<&'static str> {
    let rest = path.as_str().strip_prefix("/etc/systemd/system/")?;
    match rest.split_once('/') {
        None => UnitName::parse(rest).is_ok().then_some("a unit file"),
        Some((folder, _)) => {
            let (unit, suffix) = folder.rsplit_once('.')?;
            let what = match suffix {
                "d" => "a drop-in of a unit",
                "wants" | "requires" | "upholds" => "a link that enables a unit",
                _ => return None,
            };
            UnitName::parse(unit).is_ok().then_some(what)
        }
    }
}
