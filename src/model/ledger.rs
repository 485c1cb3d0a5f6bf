//! What we installed on a host, per owner: the reason why `absent` is safe.
//!
//! The text form is versioned and line-based, so that `sh` can read it; it lives in
//! `/var/lib/unitfleet/ledger/OWNER`. A newer format than ours is refused.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::{AbsPath, Digest, ManifestName, UnitName, UserName};

/// One thing that we installed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerEntry {
    /// A file, with the digest of what we wrote. A secret's is not recorded: everybody on the host can read a ledger,
    /// and what a short password hashes to is found by trying.
    #[expect(missing_docs, reason = "the fields are their names")]
    File { path: AbsPath, digest: Option<Digest> },
    /// A directory that we created.
    Directory(AbsPath),
    /// A symbolic link that we made.
    #[expect(missing_docs, reason = "the fields are their names")]
    Link { path: AbsPath, target: String },
    /// A mask that we made.
    Mask(UnitName),
    /// A unit whose running state we manage; instances that leave a playbook are found through it.
    Unit(UnitName),
    /// A user that we created.
    User(UserName),
}

impl LedgerEntry {
    /// What the thing is called on the host.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::File { path, .. } | Self::Directory(path) | Self::Link { path, .. } => path.as_str(),
            Self::Mask(unit) | Self::Unit(unit) => unit.as_str(),
            Self::User(user) => user.as_str(),
        }
    }
}

/// One owner's ledger on one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// The manifest that owns the entries.
    pub owner: ManifestName,
    /// The run that wrote it; empty in a plan, filled in by the apply.
    pub run: String,
    /// What it installed.
    pub entries: BTreeSet<LedgerEntry>,
}

const HEADER: &str = "unitfleet-ledger 1";

impl Ledger {
    /// An empty ledger.
    #[must_use]
    pub fn new(owner: ManifestName) -> Self {
        Self { owner, run: String::new(), entries: BTreeSet::new() }
    }

    /// The text as it stands on the host.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{HEADER}\nrun {}\n", self.run);
        for entry in &self.entries {
            let _ignored = match entry {
                LedgerEntry::File { path, digest: Some(digest) } => writeln!(text, "file {digest} {path}"),
                LedgerEntry::File { path, digest: None } => writeln!(text, "secret {path}"),
                LedgerEntry::Directory(path) => writeln!(text, "directory {path}"),
                LedgerEntry::Link { path, target } => writeln!(text, "link {path}\t{target}"),
                LedgerEntry::Mask(unit) => writeln!(text, "mask {unit}"),
                LedgerEntry::Unit(unit) => writeln!(text, "unit {unit}"),
                LedgerEntry::User(user) => writeln!(text, "user {user}"),
            };
        }
        text.push_str("end\n");
        text
    }

    /// Reads the text of a host's ledger.
    ///
    /// # Errors
    /// A sentence when the format is not ours, newer than ours, or cut short.
    pub fn from_text(owner: ManifestName, text: &str) -> Result<Self, String> {
        let mut lines = text.lines();
        match lines.next() {
            Some(HEADER) => {}
            Some(first) if first.starts_with("unitfleet-ledger ") => {
                return Err(format!("the ledger of `{owner}` was written by a newer unitfleet (`{first}`)"));
            }
            _ => return Err(format!("the ledger of `{owner}` is not a unitfleet ledger")),
        }
        let mut ledger = Self::new(owner);
        for line in lines {
            if line == "end" {
                return Ok(ledger);
            }
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            if word == "run" {
                rest.clone_into(&mut ledger.run);
                continue;
            }
            let entry = parse_entry(word, rest).ok_or_else(|| {
                format!("the ledger of `{}` has a line that is not understood: `{line}`", ledger.owner)
            })?;
            ledger.entries.insert(entry);
        }
        Err(format!("the ledger of `{}` is cut short", ledger.owner))
    }

    /// Whether we installed a file there.
    #[must_use]
    pub fn has_file(&self, wanted: &AbsPath) -> bool {
        self.entries.iter().any(|entry| matches!(entry, LedgerEntry::File { path, .. } if path == wanted))
    }

    /// Whether we installed a file there that holds a secret.
    #[must_use]
    pub fn has_secret(&self, wanted: &AbsPath) -> bool {
        self.entries.contains(&LedgerEntry::File { path: wanted.clone(), digest: None })
    }
}

fn parse_entry(word: &str, rest: &str) -> Option<LedgerEntry> {
    Some(match word {
        "file" => {
            let (digest, path) = rest.split_once(' ')?;
            LedgerEntry::File { path: AbsPath::parse(path).ok()?, digest: Some(Digest(digest.to_owned())) }
        }
        "secret" => LedgerEntry::File { path: AbsPath::parse(rest).ok()?, digest: None },
        "directory" => LedgerEntry::Directory(AbsPath::parse(rest).ok()?),
        "link" => {
            let (path, target) = rest.split_once('\t')?;
            LedgerEntry::Link { path: AbsPath::parse(path).ok()?, target: target.to_owned() }
        }
        "mask" => LedgerEntry::Mask(UnitName::parse(rest).ok()?),
        "unit" => LedgerEntry::Unit(UnitName::parse(rest).ok()?),
        "user" => LedgerEntry::User(UserName::parse(rest).ok()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> ManifestName {
        ManifestName::parse("web-tier").unwrap()
    }

    #[test]
    fn a_ledger_survives_its_text() {
        let path = AbsPath::parse("/etc/with space").unwrap();
        let unit = UnitName::parse("a.service").unwrap();
        let mut ledger = Ledger::new(owner());
        "r1".clone_into(&mut ledger.run);
        ledger.entries.extend([
            LedgerEntry::File { path: path.clone(), digest: Some(Digest::of(b"x")) },
            LedgerEntry::File { path: AbsPath::parse("/etc/password").unwrap(), digest: None },
            LedgerEntry::Directory(path.clone()),
            LedgerEntry::Link { path, target: "/a b".to_owned() },
            LedgerEntry::Mask(unit.clone()),
            LedgerEntry::Unit(unit),
            LedgerEntry::User(UserName::parse("web").unwrap()),
        ]);
        assert_eq!(Ledger::from_text(owner(), &ledger.to_text()), Ok(ledger));
    }

    #[test]
    fn newer_foreign_and_truncated_ledgers_are_refused() {
        for bad in
            ["unitfleet-ledger 2\nend\n", "hello\n", "unitfleet-ledger 1\nrun a\n", "unitfleet-ledger 1\nfrob x\nend\n"]
        {
            assert!(Ledger::from_text(owner(), bad).is_err(), "{bad}");
        }
    }
}
