//! What a fleet shall be, checked before anything is made.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Release, SandboxError};

/// The most hosts that one fleet can have: they share one /24.
const MOST_HOSTS: u8 = 200;

/// The name of a fleet: a directory, and the default for what its hosts are called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FleetName(String);

impl FleetName {
    /// Checks a name: lower-case letters, digits and `-`, as in a host name.
    pub fn parse(text: &str) -> Result<Self, SandboxError> {
        check_label("a fleet", text)?;
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for FleetName {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl fmt::Display for FleetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<FleetName> for String {
    fn from(name: FleetName) -> Self {
        name.0
    }
}

impl TryFrom<String> for FleetName {
    type Error = SandboxError;
    fn try_from(text: String) -> Result<Self, SandboxError> {
        Self::parse(&text)
    }
}

/// What to make.
#[derive(Clone, Debug)]
pub struct Options {
    /// The fleet's name.
    pub name: FleetName,
    /// How many hosts.
    pub hosts: u8,
    /// What they run.
    pub release: Release,
    /// An sshd as a careful admin sets it up: no root login, two sessions a connection, no forwarding, three tries.
    /// The inventory then logs in as `admin` and becomes root.
    pub hardened: bool,
    /// What the hosts are called, before their number: `sandbox` for the fleet `default`, else the fleet's name. A `-` goes
    /// between it and the number if it ends in a digit.
    pub prefix: Option<String>,
    /// Debian packages to have besides the base's.
    pub with: Vec<String>,
    /// Where to get packages from, in place of Debian's own server.
    pub mirror: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: FleetName::default(),
            hosts: 1,
            release: Release::default(),
            hardened: false,
            prefix: None,
            with: Vec::new(),
            mirror: None,
        }
    }
}

impl Options {
    /// Checks everything that can be checked without touching the machine.
    pub(super) fn check(&self) -> Result<(), SandboxError> {
        let invalid = |text: String| Err(SandboxError::Invalid(text));
        if !(1..=MOST_HOSTS).contains(&self.hosts) {
            return invalid(format!("a fleet has 1 to {MOST_HOSTS} hosts, not {}", self.hosts));
        }
        if let Some(prefix) = &self.prefix {
            check_label("hosts", prefix)?;
        }
        for package in &self.with {
            let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
            if package.len() < 2
                || !package.starts_with(|c: char| c.is_ascii_alphanumeric())
                || !package.chars().all(fine)
            {
                return invalid(format!("`{package}` is not the name of a Debian package"));
            }
        }
        if let Some(mirror) = &self.mirror
            && !["http://", "https://", "file:///"].iter().any(|scheme| mirror.starts_with(scheme))
        {
            return invalid(format!("`{mirror}` is not a mirror: use an address such as http://deb.debian.org/debian"));
        }
        Ok(())
    }

    /// The hosts' names, in order.
    pub(super) fn host_names(&self) -> Vec<String> {
        let mut prefix = match &self.prefix {
            Some(prefix) => prefix.clone(),
            None if self.name == FleetName::default() => "sandbox".to_owned(),
            None => self.name.to_string(),
        };
        if prefix.ends_with(|c: char| c.is_ascii_digit()) {
            prefix.push('-');
        }
        (1..=self.hosts).map(|number| format!("{prefix}{number}")).collect()
    }
}

/// What `-x` or `X` would be to a shell, a file system or a resolver is not worth finding out.
fn check_label(what: &str, text: &str) -> Result<(), SandboxError> {
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.len() <= 40 && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(fine) {
        return Ok(());
    }
    Err(SandboxError::Invalid(format!(
        "`{text}` cannot name {what}: use up to 40 lower-case letters, digits and `-`, not starting with `-`"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_called_after_the_fleet_unless_it_is_the_default_one() {
        let mut options = Options { hosts: 2, ..Options::default() };
        assert_eq!(options.host_names(), ["sandbox1", "sandbox2"]);
        options.name = FleetName::parse("web").unwrap();
        assert_eq!(options.host_names(), ["web1", "web2"]);
        options.name = FleetName::parse("web2").unwrap();
        assert_eq!(options.host_names(), ["web2-1", "web2-2"]);
        options.prefix = Some("db-".to_owned());
        assert_eq!(options.host_names(), ["db-1", "db-2"]);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for name in ["", "-x", "Web", "a/b", "..", "a b", &"x".repeat(41)] {
            assert!(FleetName::parse(name).is_err(), "{name}");
        }
        let with = |change: fn(&mut Options)| {
            let mut options = Options::default();
            change(&mut options);
            options.check().is_ok()
        };
        assert!(with(|options| options.with = vec!["python3-minimal".into(), "g++".into(), "libc6".into()]));
        assert!(!with(|options| options.with = vec!["-x".into()]));
        assert!(!with(|options| options.with = vec!["a,b".into()]));
        assert!(!with(|options| options.hosts = 0));
        assert!(!with(|options| options.hosts = 201));
        assert!(!with(|options| options.prefix = Some("../x".into())));
        assert!(!with(|options| options.mirror = Some("--help".into())));
    }
}
