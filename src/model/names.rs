//! Names that are checked once, where they enter, and never again.

use std::fmt;

use serde::{Deserialize, Serialize};

/// systemd's directory for the administrator's unit files: where everything of ours goes.
pub const UNIT_DIR: &str = "/etc/systemd/system";

/// Where credentials of units are kept on a host, a directory a unit.
pub const CREDENTIALS_DIR: &str = "/etc/unitfleet/credentials";

/// Why a name was refused, in words for the person who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NameError(pub String);

macro_rules! string_name {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::parse(&text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

string_name!(HostName, "The name of a host in the inventory.");
string_name!(ManifestName, "The name of a manifest: the owner of what it installs, and the name of its ledger.");
string_name!(UserName, "The name of a system user or group.");
string_name!(
    AbsPath,
    "An absolute, normalised path on a host: no `.`, `..`, `//`, trailing slash or control character."
);
string_name!(UnitName, "The full name of a unit, such as `web.service`, `worker@.service` or `worker@1.service`.");

impl HostName {
    /// Checks a host name. A leading `-` would be an option to ssh; blanks and shell characters have no use.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let fine = |c: char| c.is_ascii_alphanumeric() || ".-_:%@".contains(c) || !c.is_ascii() && c.is_alphanumeric();
        if text.is_empty() || text.starts_with('-') || !text.chars().all(fine) {
            return Err(NameError(format!("`{text}` is not a host name")));
        }
        Ok(Self(text.to_owned()))
    }
}

impl ManifestName {
    /// Checks a manifest's name: it becomes a file name on every host.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let fine = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if text.is_empty() || text.len() > 64 || text.starts_with(['.', '-']) || !text.chars().all(fine) {
            return Err(NameError(format!(
                "`{text}` cannot name a manifest: use up to 64 letters, digits, `-`, `_` and `.`, not starting with `-` or `.`"
            )));
        }
        Ok(Self(text.to_owned()))
    }
}

impl UserName {
    /// Checks a user or group name as `useradd` does on Debian and Fedora; a plain number is a uid or gid.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let fine = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if text.is_empty() || text.len() > 32 || text.starts_with(['-', '.']) || !text.chars().all(fine) {
            return Err(NameError(format!("`{text}` is not a user or group name")));
        }
        Ok(Self(text.to_owned()))
    }
}

impl AbsPath {
    /// Checks a path on a host.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let refuse = |why: &str| Err(NameError(format!("`{}` {why}", text.escape_debug())));
        if !text.starts_with('/') {
            return refuse("is not an absolute path");
        }
        if text.chars().any(char::is_control) {
            return refuse("holds a control character");
        }
        if text.len() > 1 && text[1..].split('/').any(|part| matches!(part, "" | "." | "..")) {
            return refuse("is not normalised: write it without `.`, `..`, `//` or a trailing slash");
        }
        Ok(Self(text.to_owned()))
    }

    /// The directory that holds this path, or `None` for `/`.
    #[must_use]
    pub fn parent(&self) -> Option<AbsPath> {
        let (parent, name) = self.0.rsplit_once('/')?;
        if name.is_empty() {
            return None;
        }
        Some(Self(if parent.is_empty() { "/".to_owned() } else { parent.to_owned() }))
    }

    /// The last component.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// This path with one more component.
    ///
    /// # Panics
    /// When `name` is not a plain component; callers join names that were already checked.
    #[must_use]
    pub fn join(&self, name: &str) -> AbsPath {
        let base = if self.0 == "/" { "" } else { &self.0 };
        Self::parse(&format!("{base}/{name}")).expect("a checked name joined to a checked path")
    }

    /// Whether this path is `directory` or lies below it.
    #[must_use]
    pub fn is_within(&self, directory: &str) -> bool {
        self.0.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || directory == "/")
    }
}

/// What kind of unit a name's suffix says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "systemd's own words")]
pub enum UnitKind {
    Service,
    Socket,
    Timer,
    Path,
    Target,
    Mount,
    Automount,
    Swap,
    Slice,
    /// Made by the kernel; seen on hosts, never written by users.
    Device,
    /// Made by programs at run time; seen on hosts, never written by users.
    Scope,
}

impl UnitKind {
    /// Every kind, in the order in which kinds of one wave are started.
    pub const ALL: [UnitKind; 11] = [
        UnitKind::Slice,
        UnitKind::Mount,
        UnitKind::Automount,
        UnitKind::Swap,
        UnitKind::Socket,
        UnitKind::Path,
        UnitKind::Timer,
        UnitKind::Service,
        UnitKind::Target,
        UnitKind::Device,
        UnitKind::Scope,
    ];

    /// The suffix without its dot.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            UnitKind::Service => "service",
            UnitKind::Socket => "socket",
            UnitKind::Timer => "timer",
            UnitKind::Path => "path",
            UnitKind::Target => "target",
            UnitKind::Mount => "mount",
            UnitKind::Automount => "automount",
            UnitKind::Swap => "swap",
            UnitKind::Slice => "slice",
            UnitKind::Device => "device",
            UnitKind::Scope => "scope",
        }
    }
}

impl UnitName {
    /// Checks a unit name as `systemctl` would, without its silent mangling: no globs, no blanks, and a suffix.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let fine = |c: char| c.is_ascii_alphanumeric() || ":_.\\@-".contains(c);
        if let Some(bad) = text.chars().find(|c| !fine(*c)) {
            return Err(NameError(format!(
                "`{}` is not a unit name: `{}` is not allowed in one",
                text.escape_debug(),
                bad.escape_debug()
            )));
        }
        if text.len() > 255 {
            return Err(NameError(format!("`{text}` is not a unit name: it is longer than 255 characters")));
        }
        let kind = text.rsplit_once('.').and_then(|(stem, suffix)| {
            UnitKind::ALL.into_iter().find(|kind| kind.suffix() == suffix).map(|kind| (stem, kind))
        });
        match kind {
            None => {
                Err(NameError(format!("`{text}` is not a unit name: it has no suffix such as `.service` or `.timer`")))
            }
            Some((stem, _)) if stem.is_empty() || stem.starts_with('@') => {
                Err(NameError(format!("`{text}` is not a unit name: nothing stands before its suffix")))
            }
            Some(_) => Ok(Self(text.to_owned())),
        }
    }

    fn stem(&self) -> &str {
        self.0.rsplit_once('.').map_or("", |(stem, _)| stem)
    }

    /// The kind that the suffix names.
    #[must_use]
    pub fn kind(&self) -> UnitKind {
        let suffix = self.0.rsplit_once('.').map_or("", |(_, suffix)| suffix);
        UnitKind::ALL.into_iter().find(|kind| kind.suffix() == suffix).unwrap_or(UnitKind::Service)
    }

    /// The part before the suffix, and before `@` where there is one (`%p`).
    #[must_use]
    pub fn prefix(&self) -> &str {
        let stem = self.stem();
        stem.split_once('@').map_or(stem, |(prefix, _)| prefix)
    }

    /// The part between `@` and the suffix (`%i`), if it is not empty.
    #[must_use]
    pub fn instance(&self) -> Option<&str> {
        self.stem().split_once('@').map(|(_, instance)| instance).filter(|instance| !instance.is_empty())
    }

    /// Whether this is a template such as `worker@.service`.
    #[must_use]
    pub fn is_template(&self) -> bool {
        self.stem().ends_with('@') && self.stem().matches('@').count() == 1
    }

    /// The template that this name is an instance of.
    #[must_use]
    pub fn template(&self) -> Option<UnitName> {
        self.instance().map(|_| Self(format!("{}@.{}", self.prefix(), self.kind().suffix())))
    }

    /// The instance of this template with the given instance string.
    pub fn with_instance(&self, instance: &str) -> Result<UnitName, NameError> {
        Self::parse(&format!("{}@{instance}.{}", self.prefix(), self.kind().suffix()))
    }

    /// Where this unit's own file goes: `/etc/systemd/system/NAME`.
    ///
    /// # Panics
    /// Never: a unit name is a plain file name.
    #[must_use]
    pub fn etc_path(&self) -> AbsPath {
        AbsPath::parse(&format!("{UNIT_DIR}/{self}")).expect("a unit name is a plain file name")
    }

    /// Where this unit's drop-in of that file name goes: `/etc/systemd/system/NAME.d/DROP_IN`.
    ///
    /// # Panics
    /// When `drop_in` is not a plain file name; `compile` has checked it.
    #[must_use]
    pub fn etc_drop_in(&self, drop_in: &str) -> AbsPath {
        AbsPath::parse(&format!("{UNIT_DIR}/{self}.d/{drop_in}")).expect("names of drop-ins are checked when compiled")
    }

    /// Where a credential of this unit's goes: `/etc/unitfleet/credentials/UNIT/NAME`.
    ///
    /// # Panics
    /// When `credential` is not a plain file name; `load` has checked it.
    #[must_use]
    pub fn credential(&self, credential: &str) -> AbsPath {
        AbsPath::parse(&format!("{CREDENTIALS_DIR}/{self}/{credential}")).expect("names of credentials are checked")
    }

    /// The unit of another kind with the same stem: `web.socket` for `web.service`.
    #[must_use]
    pub fn sibling(&self, kind: UnitKind) -> UnitName {
        Self(format!("{}.{}", self.stem(), kind.suffix()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(text: &str) -> UnitName {
        UnitName::parse(text).unwrap()
    }

    #[test]
    fn unit_names_are_taken_apart_as_systemd_does() {
        let plain = unit("web.app.service");
        assert_eq!((plain.prefix(), plain.instance(), plain.is_template()), ("web.app", None, false));
        let instance = unit("worker@a.b@c.service");
        assert_eq!((instance.prefix(), instance.instance()), ("worker", Some("a.b@c")));
        assert_eq!(instance.template(), Some(unit("worker@.service")));
        assert!(unit("worker@.service").is_template());
        assert_eq!(unit("worker@.service").with_instance("7").unwrap(), unit("worker@7.service"));
        assert_eq!(unit("a.service").sibling(UnitKind::Socket), unit("a.socket"));
    }

    #[test]
    fn names_that_systemctl_would_mangle_are_refused() {
        for bad in ["web", "a b.service", "*.service", ".service", "@.service", "web.servce", "x/y.service", ""] {
            assert!(UnitName::parse(bad).is_err(), "{bad}");
        }
        assert!(UnitName::parse(&format!("{}.service", "a".repeat(250))).is_err());
    }

    #[test]
    fn paths_are_absolute_and_normalised() {
        for bad in ["a", "/a/", "/a//b", "/a/../b", "/a/./b", "/a\nb", ""] {
            assert!(AbsPath::parse(bad).is_err(), "{bad}");
        }
        let path = AbsPath::parse("/etc/app.env").unwrap();
        assert_eq!((path.parent().unwrap().as_str(), path.file_name()), ("/etc", "app.env"));
        assert!(path.is_within("/etc") && !path.is_within("/et"));
        assert_eq!(AbsPath::parse("/etc").unwrap().parent().unwrap().as_str(), "/");
    }

    #[test]
    fn a_host_name_is_never_an_option() {
        assert!(HostName::parse("-oProxyCommand=x").is_err());
        assert!(HostName::parse("web-1.example.com").is_ok());
    }
}
