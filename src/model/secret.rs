//! Secrets: where they come from, and their values while they are known.
//!
//! A value is held in memory only, from the moment a provider gave it to the end of the program. It has no `Display`,
//! its `Debug` says nothing, and it is not serialised.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Where one secret comes from, fully rendered: the same source is asked once, however many hosts need it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretSource {
    /// The output of a program, run without a shell in the playbook's folder.
    #[expect(missing_docs, reason = "the fields are their names")]
    Command { words: Vec<String>, folder: PathBuf },
    /// An environment variable of the machine that unitfleet runs on.
    Env(String),
    /// A file on the machine that unitfleet runs on.
    File(PathBuf),
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command { words, .. } => write!(f, "the command `{}`", words.join(" ")),
            Self::Env(name) => write!(f, "the environment variable `{name}`"),
            Self::File(path) => write!(f, "the file `{}`", path.display()),
        }
    }
}

/// The text of a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(String);

impl SecretValue {
    /// Takes a text for a secret.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for rendering and for finding it where it must not be.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(…)")
    }
}

/// The values that are known, by their source.
pub type Secrets = BTreeMap<SecretSource, SecretValue>;
