//! Where the masters' sockets lie, and what they are called.
//!
//! The name is a hash over everything that decides what a connection is, so that a change of any of it makes a new
//! connection, and two names of one address never share one.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};

use super::{TransportError, TransportErrorKind};
use crate::model::Target;

/// `sun_path` holds 108 bytes with its NUL.
const SOCKET_PATH: usize = 107;
/// ssh binds `PATH.XXXXXXXXXXXXXXXX` first and links it to `PATH`.
const SSH_SUFFIX: usize = 17;
/// A slash and the hash.
const NAME: usize = 1 + HASH;
const HASH: usize = 12;

/// `$XDG_RUNTIME_DIR/unitfleet`, or `/tmp/unitfleet-UID` where that is not set, not ours (after `su`) or too long.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "sockets lie where the session keeps its own; a flag would not say it better"
)]
pub fn default_control_dir() -> PathBuf {
    let uid = rustix::process::geteuid().as_raw();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let ours = |dir: &PathBuf| fs::metadata(dir).is_ok_and(|meta| meta.is_dir() && meta.uid() == uid);
    choose(runtime.filter(ours).as_deref(), uid)
}

fn choose(runtime: Option<&Path>, uid: u32) -> PathBuf {
    runtime
        .filter(|dir| dir.is_absolute())
        .map(|dir| dir.join("unitfleet"))
        .filter(|dir| fits(dir) && is_plain(dir))
        .unwrap_or_else(|| PathBuf::from(format!("/tmp/unitfleet-{uid}")))
}

fn fits(dir: &Path) -> bool {
    dir.as_os_str().len() + NAME + SSH_SUFFIX <= SOCKET_PATH
}

/// ssh expands `%` and `${}` in the path of a socket.
fn is_plain(dir: &Path) -> bool {
    dir.to_str().is_some_and(|text| !text.contains(['%', '$', '"']))
}

/// Makes the directory, or checks that the one that is there is ours alone: who can write there can take our connections.
pub(super) fn prepare(dir: &Path) -> Result<(), TransportError> {
    let refuse = |message: String, hint: &str| {
        Err(TransportError::new(TransportErrorKind::Configuration, message).with_hint(hint))
    };
    if !fits(dir) {
        return refuse(
            format!("{} is too long a path for sockets of ssh", dir.display()),
            "set XDG_RUNTIME_DIR to a path of at most 60 characters",
        );
    }
    if !is_plain(dir) {
        return refuse(
            format!("{} holds characters that ssh would expand", dir.display()),
            "set XDG_RUNTIME_DIR to a plain path",
        );
    }
    let made = fs::DirBuilder::new().mode(0o700).create(dir);
    match made {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => {
            return refuse(
                format!("cannot make {} for the sockets of ssh: {error}", dir.display()),
                "set XDG_RUNTIME_DIR to a directory of yours",
            );
        }
    }
    let uid = rustix::process::geteuid().as_raw();
    // Not followed: in /tmp a link may be somebody else's.
    match fs::symlink_metadata(dir) {
        Ok(meta) if meta.is_dir() && meta.uid() == uid && meta.mode() & 0o777 == 0o700 => Ok(()),
        Ok(_) => refuse(
            format!("{} is not a directory that is ours alone (mode 0700)", dir.display()),
            "look who made it, then remove it",
        ),
        Err(error) => refuse(format!("cannot use {}: {error}", dir.display()), "look who made it, then remove it"),
    }
}

/// The socket's name: the same for the same connection in every run.
///
/// Files that are included from ssh's configuration files are not looked at: after a change there, `unitfleet disconnect`.
pub(super) fn socket_name(target: &Target, accept_new_host_keys: bool, lifetime: &str, changed: &[String]) -> String {
    let mut hash = Sha256::new();
    let mut add = |part: &str| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    add(target.host.as_str());
    add(target.address.as_deref().unwrap_or_default());
    add(&target.port.map(|port| port.to_string()).unwrap_or_default());
    add(target.user.as_deref().unwrap_or_default());
    add(target.identity_file.as_deref().unwrap_or_default());
    add(target.ssh_config.as_deref().unwrap_or_default());
    add(if accept_new_host_keys { "accept-new" } else { "yes" });
    add(lifetime);
    add(&target.ssh_args.len().to_string());
    for word in &target.ssh_args {
        add(word);
    }
    for time in changed {
        add(time);
    }
    let mut name = String::new();
    for byte in hash.finalize().iter().take(HASH / 2) {
        write!(name, "{byte:02x}").expect("a string takes everything");
    }
    name
}

/// When the files that decide about a connection last changed.
pub(super) fn changes(files: &[PathBuf]) -> Vec<String> {
    files
        .iter()
        .map(|file| {
            let modified = fs::metadata(file).and_then(|meta| meta.modified()).ok();
            let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            since.map_or(String::new(), |since| since.as_nanos().to_string())
        })
        .collect()
}

/// Whether a file of the control directory has a socket's name.
pub(super) fn is_socket_name(name: &str) -> bool {
    name.len() == HASH && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::model::HostName;

    fn target() -> Target {
        Target::ssh(HostName::parse("web1").unwrap())
    }

    #[test]
    fn sockets_lie_in_the_runtime_directory_where_their_paths_fit() {
        assert_eq!(choose(Some(Path::new("/run/user/1000")), 1000), Path::new("/run/user/1000/unitfleet"));
        assert_eq!(choose(None, 1000), Path::new("/tmp/unitfleet-1000"));
        assert_eq!(choose(Some(Path::new("relative")), 0), Path::new("/tmp/unitfleet-0"));
        let long = format!("/{}", "x".repeat(70));
        assert_eq!(choose(Some(Path::new(&long)), 0), Path::new("/tmp/unitfleet-0"));
    }

    #[test]
    fn the_longest_path_that_ssh_binds_fits_a_socket_address() {
        let longest = PathBuf::from(format!("/{}", "x".repeat(SOCKET_PATH - NAME - SSH_SUFFIX - 1)));
        assert!(fits(&longest));
        let socket = longest.join(socket_name(&target(), false, "", &[]));
        assert_eq!(format!("{}.XXXXXXXXXXXXXXXX", socket.display()).len(), SOCKET_PATH);
        assert!(!fits(&PathBuf::from(format!("{}x", longest.display()))));
    }

    #[test]
    fn whatever_makes_another_connection_makes_another_name() {
        let mut names = vec![socket_name(&target(), false, "", &[])];
        assert_eq!(names[0], socket_name(&target(), false, "", &[]));
        assert!(is_socket_name(&names[0]), "{}", names[0]);
        let changes: [fn(&mut Target); 8] = [
            |t| t.host = HostName::parse("web2").unwrap(),
            |t| t.address = Some("10.0.0.1".to_owned()),
            |t| t.port = Some(22),
            |t| t.user = Some("root".to_owned()),
            |t| t.identity_file = Some("root".to_owned()),
            |t| t.ssh_config = Some("root".to_owned()),
            |t| t.ssh_args = vec!["-C".to_owned()],
            |t| t.ssh_args = vec!["-".to_owned(), "C".to_owned()],
        ];
        for change in changes {
            let mut other = target();
            change(&mut other);
            names.push(socket_name(&other, false, "", &[]));
        }
        names.push(socket_name(&target(), true, "", &[]));
        names.push(socket_name(&target(), false, "run", &[]));
        names.push(socket_name(&target(), false, "", &["1".to_owned()]));
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn a_directory_that_others_can_enter_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let fresh = base.path().join("c");
        prepare(&fresh).unwrap();
        assert_eq!(fs::metadata(&fresh).unwrap().mode() & 0o777, 0o700);
        prepare(&fresh).unwrap();
        fs::set_permissions(&fresh, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(prepare(&fresh).unwrap_err().kind, TransportErrorKind::Configuration);
        assert!(prepare(&base.path().join("%h")).is_err());
        let link = base.path().join("l");
        fs::set_permissions(&fresh, fs::Permissions::from_mode(0o700)).unwrap();
        std::os::unix::fs::symlink(&fresh, &link).unwrap();
        assert!(prepare(&link).is_err());
    }
}
