//! A real sshd for one test: its own keys, its own port, one process a connection, gone with the test.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::TempDir;

use crate::model::{HostName, Target};
use crate::transport::SshOptions;

const SSHD: &str = "/usr/sbin/sshd";

/// Listens on a port of its own and hands every connection to `sshd -i`.
pub(super) struct Sshd {
    dir: TempDir,
    pub(super) port: u16,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

struct Shared {
    dir: PathBuf,
    ended: AtomicBool,
    /// So many of the next connections are closed without a word, as `MaxStartups` does.
    to_drop: AtomicUsize,
    /// Connections are accepted and then left alone.
    frozen: AtomicBool,
    held: Mutex<Vec<TcpStream>>,
    servers: Mutex<Vec<Child>>,
}

impl Sshd {
    pub(super) fn start() -> Self {
        assert!(
            Path::new(SSHD).exists(),
            "{SSHD} is missing, and these tests want a real one: apt-get install openssh-server openssh-client"
        );
        if rustix::process::geteuid().is_root() {
            fs::create_dir_all("/run/sshd").expect("sshd wants its empty directory");
        }
        let dir = tempfile::Builder::new().prefix("ufsshd").tempdir().unwrap();
        for name in ["host_key", "client_key", "other_key"] {
            keygen(&dir.path().join(name));
        }
        fs::copy(dir.path().join("client_key.pub"), dir.path().join("authorized_keys")).unwrap();
        fs::create_dir(dir.path().join("bin")).unwrap();
        fs::write(dir.path().join("sshd_config"), config(dir.path())).unwrap();
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            dir: dir.path().to_owned(),
            ended: AtomicBool::new(false),
            to_drop: AtomicUsize::new(0),
            frozen: AtomicBool::new(false),
            held: Mutex::default(),
            servers: Mutex::default(),
        });
        let listener = {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.serve(&socket))
        };
        let sshd = Self { dir, port, shared, listener: Some(listener) };
        sshd.know("host_key");
        sshd
    }

    /// Writes a `known_hosts` that holds this key for our address.
    pub(super) fn know(&self, key: &str) {
        let public = fs::read_to_string(self.path(&format!("{key}.pub"))).unwrap();
        let line = format!("[127.0.0.1]:{} {public}", self.port);
        fs::write(self.path("known_hosts"), line).unwrap();
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn target(&self) -> Target {
        let known_hosts = format!("UserKnownHostsFile={}", self.path("known_hosts").display());
        let mut ssh_args = vec!["-F".to_owned(), "none".to_owned()];
        for option in
            [known_hosts.as_str(), "GlobalKnownHostsFile=/dev/null", "IdentitiesOnly=yes", "IdentityAgent=none"]
        {
            ssh_args.extend(["-o".to_owned(), option.to_owned()]);
        }
        Target {
            address: Some("127.0.0.1".to_owned()),
            port: Some(self.port),
            identity_file: Some(self.path("client_key").to_str().unwrap().to_owned()),
            ssh_args,
            ..Target::ssh(HostName::parse("testhost").unwrap())
        }
    }

    /// Options for connections that end with their transport.
    pub(super) fn options(&self) -> SshOptions {
        SshOptions {
            connect_timeout: Duration::from_secs(10),
            persist: Duration::ZERO,
            accept_new_host_keys: false,
            verbose: false,
            control_dir: self.path("control"),
        }
    }

    /// Options for connections that are kept.
    pub(super) fn kept(&self) -> SshOptions {
        SshOptions { persist: Duration::from_secs(60), ..self.options() }
    }

    /// How often somebody logged in.
    pub(super) fn logins(&self) -> usize {
        let log = fs::read_to_string(self.path("log")).unwrap_or_default();
        log.matches("Accepted publickey").count()
    }

    pub(super) fn drop_next(&self, count: usize) {
        self.shared.to_drop.store(count, Ordering::SeqCst);
    }

    pub(super) fn freeze(&self) {
        self.shared.frozen.store(true, Ordering::SeqCst);
    }

    /// Kills the servers of all connections, as a reboot would.
    pub(super) fn kill_sessions(&self) {
        for mut server in self.shared.servers.lock().unwrap().drain(..) {
            server.kill().unwrap();
            server.wait().unwrap();
        }
    }

    /// Puts a program called `sudo` first in the PATH of the host.
    pub(super) fn install_sudo(&self, script: &str) {
        let path = self.path("bin/sudo");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Processes on this machine that have this test's control directory on their command line.
    pub(super) fn masters(&self) -> Vec<String> {
        let mark = self.path("control").to_str().unwrap().to_owned();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
            let Ok(line) = fs::read(entry.path().join("cmdline")) else {
                continue;
            };
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            if line.contains(&mark) {
                found.push(line);
            }
        }
        found
    }
}

impl Shared {
    fn serve(&self, socket: &TcpListener) {
        loop {
            let Ok((stream, _)) = socket.accept() else { return };
            if self.ended.load(Ordering::SeqCst) {
                return;
            }
            let dropped = self.to_drop.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            if dropped.is_ok() {
                continue;
            }
            if self.frozen.load(Ordering::SeqCst) {
                self.held.lock().unwrap().push(stream);
                continue;
            }
            let log = File::options().create(true).append(true).open(self.dir.join("log")).unwrap();
            let server = Command::new(SSHD)
                .args(["-i", "-e", "-f"])
                .arg(self.dir.join("sshd_config"))
                .stdin(OwnedFd::from(stream.try_clone().unwrap()))
                .stdout(OwnedFd::from(stream))
                .stderr(log)
                .spawn()
                .unwrap();
            self.servers.lock().unwrap().push(server);
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(listener) = self.listener.take() {
            drop(listener.join());
        }
        for mut server in self.shared.servers.lock().unwrap().drain(..) {
            drop(server.kill());
            drop(server.wait());
        }
    }
}

fn keygen(path: &Path) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
        .arg(path)
        .status()
        .expect("ssh-keygen: apt-get install openssh-client");
    assert!(made.success());
}

fn config(dir: &Path) -> String {
    let dir = dir.display();
    format!(
        "HostKey {dir}/host_key\n\
         AuthorizedKeysFile {dir}/authorized_keys\n\
         StrictModes no\n\
         UsePAM no\n\
         PasswordAuthentication no\n\
         KbdInteractiveAuthentication no\n\
         PermitRootLogin yes\n\
         PidFile none\n\
         MaxSessions 2\n\
         LogLevel VERBOSE\n\
         SetEnv PATH={dir}/bin:/usr/local/bin:/usr/bin:/bin\n"
    )
}
