//! The Debian releases that boot here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::SandboxError;

/// A Debian release, and with it a version of systemd and of sshd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Release {
    /// Debian 11: systemd 247, OpenSSH 8.4.
    Bullseye,
    /// Debian 12: systemd 252, OpenSSH 9.2.
    #[default]
    Bookworm,
    /// Debian 13: systemd 257, OpenSSH 10.0.
    Trixie,
}

impl Release {
    /// All of them, oldest first.
    pub const ALL: [Self; 3] = [Self::Bullseye, Self::Bookworm, Self::Trixie];

    /// Debian's name for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bullseye => "bullseye",
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Release {
    type Err = SandboxError;
    fn from_str(text: &str) -> Result<Self, SandboxError> {
        Self::ALL.into_iter().find(|release| release.as_str() == text).ok_or_else(|| {
            SandboxError::Invalid(format!(
                "`{text}` is not a release that the sandbox knows: use bullseye, bookworm or trixie"
            ))
        })
    }
}
