//! Bytes to and from a host: `ssh` (OpenSSH through the openssh crate) and `local`. Nothing above knows which.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// A future that can be kept in a struct and sent to another thread.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Called with every complete line of the remote standard output as it arrives, without its newline.
pub type LineSink<'a> = &'a mut (dyn FnMut(&[u8]) + Send);

/// One remote execution: a script and the data for it.
#[derive(Clone, Debug)]
pub struct Exec<'a> {
    /// POSIX sh; read completely before anything of it runs. It finds `input` on its standard input.
    pub script: &'a str,
    /// What follows on standard input.
    pub input: &'a [u8],
    /// Run as root through `sudo -n`.
    pub become_root: bool,
    /// Give up after this long.
    pub deadline: Duration,
}

/// What came back. The script's own last line carries its status; the channel's exit status is a hint only.
#[derive(Clone, Debug, Default)]
pub struct ExecOutput {
    /// Everything on standard output.
    pub stdout: Vec<u8>,
    /// Everything on standard error, lossily decoded.
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
    /// One line for the report, made of what ssh said.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
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
