//! Masters: the ssh processes that hold the connections.
//!
//! Decisions:
//! - **We start them, not the openssh crate.** Its own way of connecting knows few options, keeps its stderr to itself,
//!   and leaves a process behind for ever when we are killed.
//! - **Kept masters** (`persist` > 0) go to the background and end by themselves (`ControlPersist`), whatever happens to
//!   us; the next run finds them by the name of their socket.
//! - **Masters of one run** (`persist` = 0) stay children of ours. They hang on a pipe: when we are gone, even by SIGKILL,
//!   it closes, and a shell that waits for this ends them.
//! - **A lock file a socket.** Two ssh that race for one path: the loser would run on without a socket, unreachable, for
//!   ever. So only one process at a time makes a master at a path, and the others then find it. Lock files stay: to remove
//!   one while another process opens it would make two locks of one.
//! - Jump hosts get their own ssh from ssh, which would ask on the terminal; `SSH_ASKPASS` makes it fail instead (OpenSSH
//!   8.4 and later).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout};

use super::arguments::Destination;
use super::control;
use super::error::{Failure, classify};
use super::place::Place;
use super::{Meter, SshOptions, TransportError, TransportErrorKind};
use crate::model::Target;

/// Handshakes at the same time: each costs both sides' processors some 30 ms, and sshd drops beyond 10 that are not yet
/// logged in (`MaxStartups`), which counts for a jump host.
const HANDSHAKES: usize = 32;
/// The same for those that sshd dropped before.
const HANDSHAKES_AGAIN: usize = 4;
const RETRIES: u32 = 3;
/// What a login may take beyond the connection: PAM, name servers, the touch of a key.
const LOGIN: Duration = Duration::from_secs(20);
/// A master answers within a millisecond, or is stopped.
const ANSWER: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(10);

/// Runs `"$@"` until it ends or standard input closes.
const LEASH: &str = r#"exec 3<&0
"$@" 3<&- </dev/null &
master=$!
{ read -r _ <&3; kill "$master"; } 2>/dev/null &
watcher=$!
exec 3<&-
wait "$master"; status=$?
kill "$watcher" 2>/dev/null
exit "$status""#;

/// Finds or makes masters.
#[derive(Debug)]
pub(super) struct Masters {
    options: SshOptions,
    /// Makes the sockets of masters of this run its own.
    run: String,
    handshakes: Semaphore,
    retries: Semaphore,
    meter: Arc<Meter>,
    children: Mutex<BTreeMap<PathBuf, Leashed>>,
}

/// A master that ends with us.
#[derive(Debug)]
struct Leashed {
    socket: PathBuf,
    /// Closed on drop, which ends the master.
    _leash: ChildStdin,
    _shell: Child,
}

impl Drop for Leashed {
    fn drop(&mut self) {
        // ssh removes it too, a moment later; if not, it is found dead by `disconnect_all`.
        drop(fs::remove_file(&self.socket));
    }
}

/// The files that belong to one master.
struct Files {
    socket: PathBuf,
    lock: PathBuf,
    in_use: PathBuf,
    log: PathBuf,
    config: PathBuf,
}

impl Files {
    fn of(socket: PathBuf) -> Self {
        Self {
            lock: socket.with_extension("lock"),
            in_use: socket.with_extension("use"),
            log: socket.with_extension("log"),
            config: socket.with_extension("conf"),
            socket,
        }
    }
}

impl Masters {
    pub(super) fn new(options: SshOptions, meter: Arc<Meter>) -> Self {
        static RUNS: AtomicU64 = AtomicU64::new(0);
        let run = if options.persist.is_zero() {
            format!("{}.{}", std::process::id(), RUNS.fetch_add(1, Ordering::Relaxed))
        } else {
            String::new()
        };
        Self {
            options,
            run,
            handshakes: Semaphore::new(HANDSHAKES),
            retries: Semaphore::new(HANDSHAKES_AGAIN),
            meter,
            children: Mutex::new(BTreeMap::new()),
        }
    }

    pub(super) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// The socket of a living master for this target, made now if there is none.
    pub(super) async fn reach(&self, target: &Target) -> Result<PathBuf, TransportError> {
        let place = Place::of(target);
        let home = std::env::home_dir();
        let destination = Destination::of(target, home.as_deref())?;
        for (key, path) in destination.files() {
            if let Err(error) = fs::metadata(path) {
                let why = match error.kind() {
                    std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
                    std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
                    _ => error.to_string(),
                };
                let message = format!("cannot connect to {place}: `{key}` {}: {why}", path.display());
                return Err(TransportError::new(TransportErrorKind::Configuration, message)
                    .with_hint("correct it in the inventory"));
            }
        }
        control::prepare(&self.options.control_dir)?;
        let files = Files::of(self.options.control_dir.join(self.socket_name(target, &destination, home)));
        if alive(&files.socket).await {
            return Ok(files.socket);
        }
        // Before the lock: who holds a lock works on it, and does not queue.
        let permit = self.handshakes.acquire().await.expect("the semaphore is never closed");
        let _lock = self.lock(&files.lock, &place).await?;
        if alive(&files.socket).await {
            return Ok(files.socket);
        }
        self.make(&destination, &files, &place, permit).await?;
        self.meter.count_connection();
        Ok(files.socket)
    }

    fn socket_name(&self, target: &Target, destination: &Destination, home: Option<PathBuf>) -> String {
        let mut decisive = vec![PathBuf::from("/etc/ssh/ssh_config")];
        decisive.extend(home.map(|home| home.join(".ssh/config")));
        decisive.extend(destination.ssh_config.clone());
        let changes = control::changes(&decisive);
        control::socket_name(target, self.options.accept_new_host_keys, &self.run, &changes)
    }

    /// Waits until nobody else makes a master at this path.
    async fn lock(&self, path: &Path, place: &Place) -> Result<File, TransportError> {
        let file = create(path).map_err(|error| cannot_use(path, &error))?;
        let until = Instant::now() + self.options.connect_timeout * 2 + LOGIN;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(file),
                Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) if Instant::now() < until => {
                    sleep(POLL).await;
                }
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    let message = format!("another unitfleet has been connecting to {place} for too long");
                    return Err(TransportError::new(TransportErrorKind::Connect, message).with_hint(format!(
                        "it holds {}: `fuser {}`",
                        path.display(),
                        path.display()
                    )));
                }
                Err(error) => return Err(cannot_use(path, &error.into())),
            }
        }
    }

    async fn make(
        &self,
        destination: &Destination,
        files: &Files,
        place: &Place,
        permit: SemaphorePermit<'_>,
    ) -> Result<(), TransportError> {
        // A socket that nobody answers on: ssh would take it for a master's and not listen.
        match fs::remove_file(&files.socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot_use(&files.socket, &error)),
            _ => {}
        }
        let config = match destination.config_text() {
            Some(text) => {
                fs::write(&files.config, text).map_err(|error| cannot_use(&files.config, &error))?;
                Some(files.config.as_path())
            }
            None => None,
        };
        let args = destination.master_args(&self.options, &files.socket, config);
        let result = self.handshake_patiently(&args, files, place, permit).await;
        result.map_err(|failure| {
            if self.options.verbose {
                let hint = failure.error.hint.unwrap_or_default();
                let log = files.log.display();
                return TransportError { hint: Some(format!("{hint}; ssh's own words are in {log}")), ..failure.error };
            }
            failure.error
        })
    }

    /// Tries again where sshd hung up, which a busy one does by chance (`MaxStartups`): later, and with few others.
    ///
    /// Measured with 60 hosts behind a jump host with a stock sshd: a single second try left 2 to 4 of them out.
    async fn handshake_patiently(
        &self,
        args: &[String],
        files: &Files,
        place: &Place,
        permit: SemaphorePermit<'_>,
    ) -> Result<(), Failure> {
        let mut result = self.handshake(args, files, place).await;
        drop(permit);
        for round in 1..=RETRIES {
            if !matches!(result, Err(Failure { dropped: true, .. })) {
                break;
            }
            sleep(pause(place) * round).await;
            let _permit = self.retries.acquire().await;
            result = self.handshake(args, files, place).await;
        }
        result
    }

    /// One try. Bounded in time whatever ssh and the host do.
    async fn handshake(&self, args: &[String], files: &Files, place: &Place) -> Result<(), Failure> {
        let log = create(&files.log).map_err(|error| plain(cannot_use(&files.log, &error)))?;
        let limit = self.options.connect_timeout + LOGIN;
        let made = timeout(limit, async {
            if self.options.persist.is_zero() {
                self.start_leashed(args, files, log).await
            } else {
                start_kept(args, files, log).await
            }
        });
        let result = match made.await {
            Err(_) => {
                let message = format!("{place} did not finish the login within {} s", limit.as_secs());
                Err(plain(
                    TransportError::new(TransportErrorKind::Connect, message)
                        .with_hint("the host is overloaded or frozen, or a key waits for a touch"),
                ))
            }
            Ok(Err(error)) => Err(plain(cannot_start(&error))),
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => {
                let printed = fs::read(&files.log).unwrap_or_default();
                Err(classify(&String::from_utf8_lossy(&printed), place))
            }
        };
        if !self.options.verbose {
            drop(fs::remove_file(&files.log));
        }
        result
    }

    async fn start_leashed(&self, args: &[String], files: &Files, log: File) -> io::Result<bool> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", LEASH, "unitfleet-master", "ssh"]).args(args).stdin(Stdio::piped());
        let mut shell = surroundings(&mut command, log).spawn()?;
        let leash = shell.stdin.take().expect("standard input is a pipe");
        loop {
            if alive(&files.socket).await {
                break;
            }
            if let Ok(status) = timeout(POLL, shell.wait()).await {
                return status.map(|_| false);
            }
        }
        let leashed = Leashed { socket: files.socket.clone(), _leash: leash, _shell: shell };
        let mut children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        // The one before at this path is dead; its end must not take the new socket with it.
        if let Some(mut before) = children.remove(&files.socket) {
            before.socket = PathBuf::new();
        }
        children.insert(files.socket.clone(), leashed);
        Ok(true)
    }
}

/// Starts a master that goes to the background once it is logged in.
async fn start_kept(args: &[String], files: &Files, log: File) -> io::Result<bool> {
    let mut command = Command::new("ssh");
    command.args(args).stdin(Stdio::null()).kill_on_drop(true);
    let status = surroundings(&mut command, log).spawn()?.wait().await?;
    Ok(status.success() && alive(&files.socket).await)
}

/// Standard error goes to a file and not into a pipe: a master in the background would hold the pipe open. `-E` would not
/// catch what the ssh of a jump host says.
fn surroundings(command: &mut Command, log: File) -> &mut Command {
    command
        .stdout(Stdio::null())
        .stderr(log)
        // Ctrl-C is for us: what we do about it needs the connections.
        .process_group(0)
        .env("SSH_ASKPASS", "/bin/false")
        .env("SSH_ASKPASS_REQUIRE", "force")
}

/// Whether a master answers on this socket.
pub(super) async fn alive(socket: &Path) -> bool {
    let session = openssh::Session::resume_mux(socket.into(), None);
    matches!(timeout(ANSWER, session.check()).await, Ok(Ok(())))
}

/// What became of kept connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disconnected {
    /// Connections that were alive and are closed now.
    pub closed: usize,
    /// Connections that some run uses at this moment; they stay.
    pub in_use: usize,
}

/// Held as long as somebody uses the master of this socket, so that [`disconnect_all`] leaves it alone. A directory
/// that cannot take the mark is no reason not to connect.
#[derive(Debug)]
pub(super) struct UseMark {
    _file: Option<File>,
}

impl UseMark {
    pub(super) fn of(socket: &Path) -> Self {
        let marked = open_mark(&Files::of(socket.to_owned()).in_use)
            .filter(|file| flock(file, FlockOperation::NonBlockingLockShared).is_ok());
        Self { _file: marked }
    }
}

fn open_mark(path: &Path) -> Option<File> {
    File::options().create(true).truncate(false).write(true).open(path).ok()
}

/// Ends all masters whose sockets lie in this directory, except those that a run uses at this moment.
pub async fn disconnect_all(control_dir: &Path) -> Result<Disconnected, TransportError> {
    let mut disconnected = Disconnected::default();
    let entries = match fs::read_dir(control_dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(disconnected),
        Err(error) => return Err(cannot_use(control_dir, &error)),
    };
    let mut sockets: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_str().is_some_and(control::is_socket_name))
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_socket()))
        .map(|entry| entry.path())
        .collect();
    sockets.sort();
    for socket in sockets {
        let files = Files::of(socket);
        let mark = open_mark(&files.in_use);
        if mark.is_some_and(|file| flock(&file, FlockOperation::NonBlockingLockExclusive).is_err()) {
            disconnected.in_use += 1;
            continue;
        }
        if alive(&files.socket).await {
            disconnected.closed += 1;
            stop(&files.socket).await.map_err(|error| cannot_start(&error))?;
        }
        for path in [&files.socket, &files.config, &files.log] {
            drop(fs::remove_file(path));
        }
    }
    Ok(disconnected)
}

/// The openssh crate can only tell a master to listen no more; `ssh -O exit` ends it. The destination is not looked at.
pub(super) async fn stop(socket: &Path) -> io::Result<()> {
    let mut command = Command::new("ssh");
    command
        .args(["-F", "none", "-O", "exit", "-S"])
        .arg(socket)
        .args(["--", "unitfleet"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    match timeout(ANSWER, command.spawn()?.wait()).await {
        Ok(status) => status.map(|_| ()),
        // It answered a moment ago; it ends when it is woken, or by its own keep-alives.
        Err(_) => Ok(()),
    }
}

/// Different for hosts that were dropped at the same time, the same in every run.
fn pause(place: &Place) -> Duration {
    let name = place.to_string();
    let spread = name.bytes().fold(7_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 800);
    Duration::from_millis(200 + spread)
}

fn create(path: &Path) -> io::Result<File> {
    File::options().create(true).write(true).truncate(true).mode(0o600).open(path)
}

fn plain(error: TransportError) -> Failure {
    Failure { error, dropped: false }
}

fn cannot_use(path: &Path, error: &io::Error) -> TransportError {
    let message = format!("cannot use {}: {error}", path.display());
    with_limit_hint(TransportError::new(TransportErrorKind::Other, message), error)
}

fn cannot_start(error: &io::Error) -> TransportError {
    if error.kind() == io::ErrorKind::NotFound {
        return TransportError::new(
            TransportErrorKind::Configuration,
            "`ssh` is not installed on this machine, or not in PATH",
        )
        .with_hint("install OpenSSH's client: `apt-get install openssh-client` or `dnf install openssh-clients`");
    }
    let message = format!("cannot start ssh: {error}");
    with_limit_hint(TransportError::new(TransportErrorKind::Other, message), error)
}

fn with_limit_hint(failed: TransportError, error: &io::Error) -> TransportError {
    use rustix::io::Errno;
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::MFILE | Errno::NFILE) => {
            failed.with_hint("raise the limit of open files (`ulimit -n`), or lower --jobs")
        }
        Some(Errno::AGAIN | Errno::NOMEM) => {
            failed.with_hint("raise the limit of processes (`ulimit -u`), or lower --jobs")
        }
        _ => failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_were_dropped_together_come_back_at_different_times() {
        let of = |address| pause(&Place::of_address(address, None));
        assert_eq!(of("web1"), of("web1"));
        assert_ne!(of("web1"), of("web2"));
        assert!((200..1000).contains(&of("web1").as_millis()));
    }
}
