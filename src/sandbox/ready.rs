//! Waiting for a host: until it is up, and until it is gone.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use super::machine::Machine;
use super::process::Process;
use super::{SandboxError, command, files};

/// From the start of `systemd-nspawn` to an answer of sshd. Ordinarily less than a second; with many hosts on few
/// processors, or an old disk, it is another matter.
const BOOT: Duration = Duration::from_secs(120);
/// From asking systemd to stop everything until it has: its own limit is 90 s for a unit.
const SHUTDOWN: Duration = Duration::from_secs(120);

impl Machine<'_> {
    /// Waits until systemd has started everything and sshd answers, and returns systemd's own word for its state:
    /// `running`, or `degraded` if a unit failed. `supervisor` is what must not end meanwhile, where it is known.
    ///
    /// sshd is asked first: to be refused costs next to nothing, while to look for the host's process 1 is to look at
    /// every process of this machine.
    pub(super) fn wait_ready(self, supervisor: Option<Process>) -> Result<String, SandboxError> {
        let since = Instant::now();
        loop {
            let answers = self.sshd_answers();
            if answers && let Some(leader) = self.leader() {
                let left = BOOT.saturating_sub(since.elapsed());
                if let Some(state) = system_state(leader, left) {
                    return Ok(state);
                }
            }
            let ended = supervisor.is_some_and(|supervisor| !supervisor.is_alive());
            if ended || since.elapsed() > BOOT {
                let why = match (ended, answers) {
                    (true, _) => "systemd-nspawn ended",
                    (false, true) => "its systemd did not finish starting units",
                    (false, false) => "its sshd does not answer",
                };
                return Err(self.boot_error(why));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn sshd_answers(self) -> bool {
        let within = Duration::from_secs(5);
        let address = SocketAddr::from((self.host.address, 22));
        let banner = || -> std::io::Result<[u8; 4]> {
            let mut stream = TcpStream::connect_timeout(&address, within)?;
            stream.set_read_timeout(Some(within))?;
            let mut start = [0; 4];
            stream.read_exact(&mut start)?;
            Ok(start)
        };
        banner().is_ok_and(|start| &start == b"SSH-")
    }

    /// Waits until `leader` has ended, as it does in a shutdown or a reboot.
    pub(super) fn wait_gone(self, leader: Process) -> Result<(), SandboxError> {
        let since = Instant::now();
        while leader.is_alive() {
            if since.elapsed() > SHUTDOWN {
                return Err(SandboxError::Stop { host: self.host.name.clone(), pid: leader.pid() });
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn boot_error(self, why: &str) -> SandboxError {
        SandboxError::Boot {
            host: self.host.name.clone(),
            why: why.to_owned(),
            console: files::tail(&self.console(), 10),
        }
    }
}

/// Asks systemd, which answers when it has started everything. `None` if it is not so far that it can be asked.
fn system_state(leader: Process, within: Duration) -> Option<String> {
    let mut question = enter(leader);
    question.args(["systemctl", "is-system-running", "--wait"]);
    let output = command::capture(&mut question, within).ok()?;
    let state = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    matches!(state.as_str(), "running" | "degraded").then_some(state)
}

/// The beginning of a command that runs in the host, as root, with nothing of our environment.
pub(super) fn enter(leader: Process) -> Command {
    let mut command = command::program("nsenter");
    command
        .arg(format!("--target={}", leader.pid()))
        .args(["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd"])
        .args(["--", "env", "-i", "HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/bash"])
        .args(["LANG=C.UTF-8", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]);
    command
}
