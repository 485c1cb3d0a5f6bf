//! What can go wrong with throw-away hosts.

use std::path::PathBuf;

use super::requirements::Missing;

/// Why something about a fleet could not be done.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// This machine lacks something.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// A name, a number or a package that cannot be.
    #[error("{0}")]
    Invalid(String),
    /// The name is taken.
    #[error("the fleet `{name}` is already up: take it down first (`unitfleet sandbox down --name {name}`)")]
    AlreadyUp {
        /// The fleet.
        name: String,
    },
    /// There is no such fleet.
    #[error("there is no fleet `{name}` here: `unitfleet sandbox list` shows those that are up")]
    NoFleet {
        /// The fleet.
        name: String,
    },
    /// The fleet has no such host.
    #[error("the fleet `{fleet}` has no host `{host}`; it has {hosts}")]
    NoHost {
        /// The fleet.
        fleet: String,
        /// What was asked for.
        host: String,
        /// The hosts that there are.
        hosts: String,
    },
    /// The host is not running.
    #[error("{host} does not run: boot it first")]
    Off {
        /// The host.
        host: String,
    },
    /// The host runs already.
    #[error("{host} runs already")]
    On {
        /// The host.
        host: String,
    },
    /// All 256 networks are in use.
    #[error("every network in 10.213.0.0/16 is in use on this machine: take a fleet down first")]
    NoAddress,
    /// A directory's path holds characters that `mount` or `ssh` would read as more than a path.
    #[error(
        "`{}` cannot hold sandbox fleets: the path must be absolute and of letters, digits, `.`, `_` and `-` only",
        path.display()
    )]
    Directory {
        /// The directory.
        path: PathBuf,
    },
    /// A state file that cannot be read.
    #[error("{} is not the state of a fleet that this version understands: {why}", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Somebody else is busy with the same thing for too long.
    #[error("another unitfleet is still busy with {what} (waited {seconds} s for {})", path.display())]
    Busy {
        /// What it is doing.
        what: String,
        /// The lock's file.
        path: PathBuf,
        /// How long it was waited for.
        seconds: u64,
    },
    /// A host did not come up.
    #[error("{host} did not boot: {why}{}", said(console))]
    Boot {
        /// The host.
        host: String,
        /// What was waited for in vain.
        why: String,
        /// The last lines on its console.
        console: String,
    },
    /// A host did not stop.
    #[error("{host} could not be stopped: process {pid} is still there")]
    Stop {
        /// The host.
        host: String,
        /// The process that will not die.
        pid: i32,
    },
    /// A program failed.
    #[error("`{command}` {how}{}", said(stderr))]
    Command {
        /// The program and its arguments.
        command: String,
        /// How it ended.
        how: String,
        /// What it said.
        stderr: String,
    },
    /// A file or directory.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was attempted.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A fleet could not be made, and what was made of it could not be removed either.
    #[error("the fleet did not come up, and could not be taken down again either: {leftover}")]
    LeftBehind {
        /// Why it could not be taken down.
        leftover: Box<SandboxError>,
        /// Why it did not come up.
        #[source]
        cause: Box<SandboxError>,
    },
}

impl SandboxError {
    /// For `map_err` on operations on a file.
    pub(super) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}

fn said(text: &str) -> String {
    match text.trim_end() {
        "" => String::new(),
        text => format!(":\n{text}"),
    }
}
