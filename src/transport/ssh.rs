//! Hosts reached by OpenSSH: scripts over the socket of a master, without a process for each.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use openssh::Stdio;
use tokio::time::{Instant, timeout};

use super::error::one_line;
use super::master::{Masters, UseMark, alive};
use super::place::Place;
use super::privilege::{refusal, script_command};
use super::stream::{StreamError, converse, framed};
use super::{
    BoxFuture, Exec, ExecOutput, LineSink, Meter, Session, Transport, TransportError, TransportErrorKind,
    default_control_dir,
};
use crate::model::Target;

/// What holds for all connections; what holds for one host stands in its [`Target`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshOptions {
    /// How long the network and the handshake may take; whole seconds, at least one. The login gets 20 s more.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept for the next run; zero: it ends with this run.
    pub persist: Duration,
    /// Write the keys of unknown hosts to `known_hosts` instead of refusing them. A changed key is refused all the same.
    pub accept_new_host_keys: bool,
    /// Let ssh log what it does, and keep its logs beside the sockets; errors name them.
    pub verbose: bool,
    /// Where the sockets lie; made if need be, refused if others can write there.
    pub control_dir: PathBuf,
}

impl Default for SshOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            persist: Duration::from_secs(60),
            accept_new_host_keys: false,
            verbose: false,
            control_dir: default_control_dir(),
        }
    }
}

/// OpenSSH as a transport. With `persist` zero its connections end when it and its sessions are dropped.
#[derive(Clone, Debug)]
pub struct Ssh {
    masters: Arc<Masters>,
}

impl Ssh {
    /// Nothing is contacted or created before the first [`Transport::connect`].
    #[must_use]
    pub fn new(options: SshOptions) -> Self {
        Self::with_meter(options, Arc::default())
    }

    pub(super) fn with_meter(options: SshOptions, meter: Arc<Meter>) -> Self {
        Self { masters: Arc::new(Masters::new(options, meter)) }
    }

    /// What was done so far.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        self.masters.meter()
    }
}

impl Transport for Ssh {
    fn connect<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Box<dyn Session>, TransportError>> {
        Box::pin(async move {
            let socket = self.masters.reach(target).await?;
            Ok(Box::new(SshSession {
                masters: Arc::clone(&self.masters),
                place: Place::of(target),
                target: target.clone(),
                _in_use: UseMark::of(&socket),
                socket,
            }) as Box<dyn Session>)
        })
    }
}

struct SshSession {
    masters: Arc<Masters>,
    target: Target,
    place: Place,
    socket: PathBuf,
    _in_use: UseMark,
}

type Remote = openssh::Child<Arc<openssh::Session>>;

impl Session for SshSession {
    fn exec<'a>(
        &'a self,
        exec: Exec<'a>,
        lines: Option<LineSink<'a>>,
    ) -> BoxFuture<'a, Result<ExecOutput, TransportError>> {
        Box::pin(self.run(exec, lines))
    }
}

impl SshSession {
    async fn run(&self, exec: Exec<'_>, lines: Option<LineSink<'_>>) -> Result<ExecOutput, TransportError> {
        let began = Instant::now();
        let script = framed(exec.script);
        let sudo = exec.become_root && self.target.user.as_deref() != Some("root");
        let command = script_command(script.len(), sudo);
        let remote = match timeout(exec.deadline, self.open(&command)).await {
            Ok(opened) => opened?,
            Err(_) => return Err(self.not_opened(exec.deadline)),
        };
        self.masters.meter().count_execution();
        let talk = self.talk(remote, &script, exec.input, lines);
        let left = exec.deadline.saturating_sub(began.elapsed());
        let output = match timeout(left, talk).await {
            Ok(output) => output?,
            Err(_) => return Err(overdue(&self.place, exec.deadline)),
        };
        if sudo && let Some(refused) = refusal(output.status, &output.stderr, &self.place) {
            return Err(refused);
        }
        Ok(output)
    }

    /// Opens a session on the master. One that ended in the meantime, by its time or with its connection, is made again:
    /// nothing was sent yet.
    async fn open(&self, command: &str) -> Result<Remote, TransportError> {
        let first = match start(&self.socket, command).await {
            Ok(remote) => return Ok(remote),
            Err(error) => error,
        };
        if alive(&self.socket).await {
            return Err(self.refused(&first));
        }
        let socket = self.masters.reach(&self.target).await?;
        start(&socket, command).await.map_err(|error| self.refused(&error))
    }

    async fn talk(
        &self,
        mut remote: Remote,
        script: &str,
        input: &[u8],
        lines: Option<LineSink<'_>>,
    ) -> Result<ExecOutput, TransportError> {
        let streams = (
            remote.stdin().take().expect("standard input is a pipe"),
            remote.stdout().take().expect("standard output is a pipe"),
            remote.stderr().take().expect("standard error is a pipe"),
        );
        let collected =
            converse(streams, script.as_bytes(), input, lines).await.map_err(|error| gave_up(&self.place, &error))?;
        let status = match remote.wait().await {
            Ok(status) => status.code(),
            // The crate's word for status 127, whatever it came from.
            Err(openssh::Error::Remote(_)) => Some(127),
            Err(_) if alive(&self.socket).await => return Err(killed(&self.place)),
            Err(_) => return Err(broken(&self.place)),
        };
        Ok(ExecOutput { stdout: collected.stdout, stderr: collected.stderr, status })
    }

    fn refused(&self, error: &openssh::Error) -> TransportError {
        let cause = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
        let message = format!("{} opened no session on the connection ({})", self.place, one_line(&cause));
        let refused = TransportError::new(TransportErrorKind::Other, message);
        if cause.contains("refused by peer") {
            return refused
                .with_hint("sshd's MaxSessions is reached, or it allows no commands; another run may hold them");
        }
        refused.with_hint("`unitfleet disconnect` closes the kept connections; then try again")
    }

    fn not_opened(&self, deadline: Duration) -> TransportError {
        let message = format!("{} opened no session within {}: nothing was run", self.place, seconds(deadline));
        TransportError::new(TransportErrorKind::Connect, message)
            .with_hint("the host is overloaded or frozen, or the network to it is gone")
    }
}

/// Asks a master for a session that runs the command.
async fn start(socket: &Path, command: &str) -> Result<Remote, openssh::Error> {
    let session = Arc::new(openssh::Session::resume_mux(socket.into(), None));
    session.arc_raw_command(command).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().await
}

fn seconds(time: Duration) -> String {
    if time.subsec_millis() == 0 { format!("{} s", time.as_secs()) } else { format!("{:.1} s", time.as_secs_f64()) }
}

/// The deadline passed while a script ran.
pub(super) fn overdue(place: &Place, deadline: Duration) -> TransportError {
    let message = format!("no end within {} on {place}: the script may still be at work there", seconds(deadline));
    TransportError::new(TransportErrorKind::Interrupted, message)
        .with_hint("look at the host, or try again with a longer --timeout")
}

/// Too much output, or a pipe that failed.
pub(super) fn gave_up(place: &Place, error: &StreamError) -> TransportError {
    let message = match error {
        StreamError::TooMuch => format!("{place} sent more than 64 MiB and was cut off"),
        StreamError::Io(error) => format!("the streams from {place} failed ({error})"),
    };
    TransportError::new(TransportErrorKind::Interrupted, message)
}

/// The script ended without a status.
pub(super) fn killed(place: &Place) -> TransportError {
    let message = format!("the script on {place} was killed before its end");
    TransportError::new(TransportErrorKind::Interrupted, message).with_hint(
        "a signal ended it: look for the out-of-memory killer, a reboot, or somebody's hand (`journalctl -e`)",
    )
}

fn broken(place: &Place) -> TransportError {
    let message = format!("the connection to {place} broke while a script ran: what it did is not known");
    TransportError::new(TransportErrorKind::Interrupted, message)
        .with_hint("is the host up? The next run finds out how far it came")
}
