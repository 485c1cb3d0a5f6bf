//! What `up` tells while it works.

use std::fmt;
use std::time::Duration;

use super::Release;

/// One thing that happened. Its text is one line for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is no base of this release yet; it is made now, or waited for while somebody else makes it.
    MakingBase {
        /// The release.
        release: Release,
    },
    /// The base is made.
    MadeBase {
        /// The release.
        release: Release,
        /// How long it took.
        took: Duration,
    },
    /// A host was started.
    Booting {
        /// The host.
        host: String,
    },
    /// A host is up: systemd has started everything and sshd answers.
    Ready {
        /// The host.
        host: String,
        /// `running`, or `degraded` if a unit failed.
        system_state: String,
        /// How long it took since it was started.
        took: Duration,
    },
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MakingBase { release } => {
                write!(f, "making the base system of {release} with debootstrap (once, about a minute)")
            }
            Self::MadeBase { release, took } => {
                write!(f, "made the base system of {release} in {:.0} s", took.as_secs_f32())
            }
            Self::Booting { host } => write!(f, "{host}: booting"),
            Self::Ready { host, system_state, took } => {
                write!(f, "{host}: {system_state} after {:.1} s", took.as_secs_f32())
            }
        }
    }
}
