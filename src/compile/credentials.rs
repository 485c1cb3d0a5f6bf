//! `credentials:` of a unit: files that only root can read, and a drop-in by which systemd hands them to the service.
//!
//! Where the host has `systemd-creds` (systemd 250 and later) it encrypts them with its own key, and
//! `LoadCredentialEncrypted=` decrypts them as the service starts: a backup of /etc holds no secret. (What is
//! sent lies in the clear, root's alone, in the run's folder below /var/lib/unitfleet until the run is over, and so does a
//! plain file that an encrypted one has replaced, among the copies of the last runs.) Elsewhere they are plain files of root's for `LoadCredential=` (247 and later). The service sees no
//! difference: it reads `$CREDENTIALS_DIRECTORY/NAME`. Tried on 247, 252 and 257.
//!
//! The key is the host's, not that of a TPM: a file bound to a TPM becomes unreadable by an update of the firmware.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::scope::{Scope, below};
use crate::load::spans::Seg;
use crate::model::{AbsPath, Bytes, Diagnostic, FileSpec, Secrecy, UnitKind, UnitName, UserName};
use crate::unitfile::quote;

/// The drop-in's file name.
const DROP_IN: &str = "50-unitfleet-credentials.conf";
/// systemd reads `LoadCredentialEncrypted=` since this version.
const ENCRYPTED_SINCE: u32 = 250;

/// The files of the credentials, and the drop-in that names them.
pub(super) struct Credentials {
    pub(super) files: BTreeMap<AbsPath, FileSpec>,
    pub(super) drop_in: Option<(String, Bytes)>,
}

/// Renders the credentials of a unit.
pub(super) fn of_unit(
    scope: &Scope,
    name: &UnitName,
    written: &BTreeMap<String, String>,
    path: &[Seg],
) -> Result<Credentials, Vec<Diagnostic>> {
    let path = below(path, "credentials");
    if written.is_empty() {
        return Ok(Credentials { files: BTreeMap::new(), drop_in: None });
    }
    let section = match name.kind() {
        UnitKind::Service => "Service",
        UnitKind::Socket => "Socket",
        UnitKind::Mount => "Mount",
        UnitKind::Swap => "Swap",
        other => {
            let message = format!("a {} runs no process that could read credentials", other.suffix());
            return Err(vec![scope.key_error(&path, message).help("give them to the service")]);
        }
    };
    let encrypted =
        scope.host_facts().is_none_or(|facts| facts.machine.systemd_creds && facts.systemd_version >= ENCRYPTED_SINCE);
    let directive = if encrypted { "LoadCredentialEncrypted" } else { "LoadCredential" };
    let mut text = format!("[{section}]\n");
    let mut files = BTreeMap::new();
    let mut wrong = Vec::new();
    for (credential, written) in written {
        let at = name.credential(credential);
        let _infallible = writeln!(text, "{directive}={credential}:{}", quote::specifiers(at.as_str()));
        match scope.content(written, &below(&path, credential)) {
            Ok((content, _)) => drop(files.insert(at, spec(content, encrypted.then(|| credential.clone())))),
            Err(diagnostic) => wrong.push(diagnostic),
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    Ok(Credentials { files, drop_in: Some((DROP_IN.to_owned(), text.into())) })
}

fn spec(content: String, encrypt: Option<String>) -> FileSpec {
    let root = || UserName::parse("root").expect("root is a user name");
    let bytes = Bytes::with(content.into_bytes(), Secrecy::Secret);
    FileSpec { bytes, encrypt, mode: 0o600, user: root(), group: root(), validate: Vec::new() }
}
