//! Bytes to and from a host: `ssh` (OpenSSH through the openssh crate) and `local`. Nothing above knows which.
//!
//! A host is reached with [`Transport::connect`] and then runs whole scripts with [`Session::exec`]. Both are bounded in
//! time, and every failure is a [`TransportError`]: its kind tells whether anything can have happened on the host
//! ([`TransportErrorKind::Interrupted`]) or certainly nothing (all others).
//!
//! Decisions:
//! - **OpenSSH connects, not a library.** Jump hosts, agents, certificates, hardware keys and `Match` blocks work because
//!   it is the user's own `ssh` that reads the user's own configuration. One master process a host is started by us and
//!   spoken to over its socket; commands cost no further process.
//! - **One script an execution, over standard input.** A login shell may cost more than the connection, and an argument
//!   list is visible to everyone on the host. The command line holds only the length of the script; the script follows on
//!   standard input, then its data. A stream that is cut inside the script is a syntax error that runs nothing.
//! - **The channel's exit status is a hint.** OpenSSH's multiplexing has no word for "killed by a signal" or "the
//!   connection broke"; scripts say themselves how they ended.
//!
//! Deliberately absent: what the scripts say (`remote`), when to run them (`observe`, `apply`), a way to stop a script
//! that runs on a host (OpenSSH's multiplexing has none: scripts limit themselves), Windows.

use std::pin::Pin;
use std::time::Duration;

mod arguments;
mod control;
mod error;
mod hub;
mod limits;
mod local;
mod master;
mod meter;
mod place;
mod privilege;
mod ssh;
mod stream;

#[cfg(test)]
mod tests;

pub use control::default_control_dir;
pub use hub::Hub;
pub use limits::raise_open_files_limit;
pub use local::Local;
pub use master::{Disconnected, disconnect_all};
pub use meter::Meter;
pub use ssh::{Ssh, SshOptions};

/// A future that can be kept in a struct and sent to another thread.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Called with every complete line of the remote standard output as it arrives, without its newline.
pub type LineSink<'a> = &'a mut (dyn FnMut(&[u8]) + Send);

/// One remote execution: a script and the data for it.
#[derive(Clone, Debug)]
pub struct Exec<'a> {
    /// POSIX sh; read completely before anything of it runs. It finds `input` on its standard input.
    pub script: &'a str,
    /// What follows on standard input. A script need not read all of it.
    pub input: &'a [u8],
    /// Run as root through `sudo -n`; where we are root already, that is known to be so, and sudo is left out.
    pub become_root: bool,
    /// Give up after this long. The script may go on: it must limit itself where that matters.
    pub deadline: Duration,
}

/// What came back. The script's own last line carries its status; the channel's exit status is a hint only.
#[derive(Clone, Debug, Default)]
pub struct ExecOutput {
    /// Everything on standard output. More than 64 MiB is an error.
    pub stdout: Vec<u8>,
    /// Everything on standard error, lossily decoded; what comes after the first 1 MiB is dropped.
    pub stderr: String,
    /// Exit status, where there was one.
    pub status: Option<i32>,
}

/// Makes sessions.
pub trait Transport: Send + Sync {
    /// Reaches a host. A kept connection is used again.
    fn connect<'a>(
        &'a self,
        target: &'a crate::model::Target,
    ) -> BoxFuture<'a, Result<Box<dyn Session>, TransportError>>;
}

/// One host, reached.
pub trait Session: Send + Sync {
    /// Runs one script. Never more than one at a time per session.
    fn exec<'a>(
        &'a self,
        exec: Exec<'a>,
        lines: Option<LineSink<'a>>,
    ) -> BoxFuture<'a, Result<ExecOutput, TransportError>>;
}

/// Why a host could not be reached or a script could not be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TransportError {
    /// The class of the trouble.
    pub kind: TransportErrorKind,
    /// One line for the report, in our words.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl TransportError {
    fn new(kind: TransportErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The classes of trouble that a reader can do something about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportErrorKind {
    /// The name does not resolve.
    Resolve,
    /// Refused, no route, or no answer in time.
    Connect,
    /// The host key is not the known one, or is unknown.
    HostKey,
    /// The host did not let us in.
    Authentication,
    /// `sudo -n` was refused.
    Privilege,
    /// The connection broke, or the deadline passed, while a script ran: what it did is not known.
    Interrupted,
    /// ssh's configuration or the inventory is wrong.
    Configuration,
    /// Anything else.
    Other,
}
