//! This very machine: the same contract without a connection.

use std::process::Stdio;
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::place::Place;
use super::privilege::{refusal, shell_program};
use super::ssh::{gave_up, killed, overdue};
use super::stream::{converse, framed};
use super::{BoxFuture, Exec, ExecOutput, LineSink, Meter, Session, Transport, TransportError, TransportErrorKind};
use crate::model::Target;

/// This machine as a transport. What it started is killed when it is given up; what ran as root through sudo is not ours to
/// kill, and only loses its standard input.
#[derive(Clone, Debug, Default)]
pub struct Local {
    meter: Arc<Meter>,
}

impl Local {
    /// Nothing is started before the first script.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn with_meter(meter: Arc<Meter>) -> Self {
        Self { meter }
    }

    /// What was done so far.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        &self.meter
    }
}

impl Transport for Local {
    fn connect<'a>(&'a self, _target: &'a Target) -> BoxFuture<'a, Result<Box<dyn Session>, TransportError>> {
        let session = LocalSession { meter: Arc::clone(&self.meter) };
        Box::pin(async move { Ok(Box::new(session) as Box<dyn Session>) })
    }
}

struct LocalSession {
    meter: Arc<Meter>,
}

impl Session for LocalSession {
    fn exec<'a>(
        &'a self,
        exec: Exec<'a>,
        lines: Option<LineSink<'a>>,
    ) -> BoxFuture<'a, Result<ExecOutput, TransportError>> {
        Box::pin(self.run(exec, lines))
    }
}

impl LocalSession {
    async fn run(&self, exec: Exec<'_>, lines: Option<LineSink<'_>>) -> Result<ExecOutput, TransportError> {
        let place = Place::this_machine();
        let script = framed(exec.script);
        let sudo = exec.become_root && !rustix::process::geteuid().is_root();
        let mut command = shell(script.len(), sudo);
        let child = match command.spawn() {
            Ok(child) => child,
            Err(error) => return Err(not_started(&error, sudo, &place)),
        };
        self.meter.count_execution();
        let group = Group::of(&child);
        let talk = talk(child, &script, exec.input, lines, &place);
        let result = timeout(exec.deadline, talk).await;
        let output = match result {
            Ok(output) => output?,
            Err(_) => return Err(overdue(&place, exec.deadline)),
        };
        group.release();
        if sudo && let Some(refused) = refusal(output.status, &output.stderr, &place) {
            return Err(refused);
        }
        Ok(output)
    }
}

fn shell(length: usize, sudo: bool) -> Command {
    let mut command = if sudo {
        let mut command = Command::new("sudo");
        command.args(["-n", "/bin/sh"]);
        command
    } else {
        Command::new("/bin/sh")
    };
    command
        .args(["-c", &shell_program(length)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Where it was started is of no meaning to a script, and must not be held.
        .current_dir("/")
        .process_group(0)
        .kill_on_drop(true);
    command
}

fn not_started(error: &std::io::Error, sudo: bool, place: &Place) -> TransportError {
    let missing = sudo && error.kind() == std::io::ErrorKind::NotFound;
    let refused = missing.then(|| refusal(Some(127), "sudo: not found", place)).flatten();
    refused.unwrap_or_else(|| {
        let message = format!("cannot start a shell on this machine: {error}");
        TransportError::new(TransportErrorKind::Other, message)
    })
}

async fn talk(
    mut child: Child,
    script: &str,
    input: &[u8],
    lines: Option<LineSink<'_>>,
    place: &Place,
) -> Result<ExecOutput, TransportError> {
    let streams = (
        child.stdin.take().expect("standard input is a pipe"),
        child.stdout.take().expect("standard output is a pipe"),
        child.stderr.take().expect("standard error is a pipe"),
    );
    let collected = converse(streams, script.as_bytes(), input, lines).await.map_err(|error| gave_up(place, &error))?;
    let status = child.wait().await.ok().and_then(|status| status.code());
    if status.is_none() {
        return Err(killed(place));
    }
    Ok(ExecOutput { stdout: collected.stdout, stderr: collected.stderr, status })
}

/// A process group that is killed on drop, unless it was released: what a script starts dies with it.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }

    fn release(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
