//! One host: its overlay, its start and its end.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::network::{self, Cable};
use super::process::{self, Process};
use super::state::{FleetState, HostRecord};
use super::{SandboxError, cgroup, command, files, mounts};

/// From SIGKILL to the end of the last process.
const DEATH: Duration = Duration::from_secs(15);
/// How long `systemd-nspawn` has to clean up behind a host that has ended, before it is ended itself.
const CLEANUP: Duration = Duration::from_secs(5);

/// Runs `systemd-nspawn`, again whenever the host asks for a reboot (status 133), until it ends otherwise. It first
/// writes down who it is (this boot's id and its own line in /proc), so that it is never known by a number alone.
/// Arguments: that record, the control groups to use, `--`, and the command.
const SUPERVISOR: &str = r#"
record=$1; shift
groups=
while [ "$1" != -- ]; do groups="$groups $1"; shift; done
shift
for group in $groups; do echo $$ >"$group/supervisor/cgroup.procs" || exit; done
cat /proc/sys/kernel/random/boot_id "/proc/$$/stat" >"$record.new" && mv "$record.new" "$record" || exit
while :; do
    sh -c 'for group in $1; do echo $$ >"$group/host/cgroup.procs" || exit; done; shift; exec "$@"' sh "$groups" "$@"
    [ $? -eq 133 ] || break
done
"#;

/// A host and what it belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Machine<'a> {
    /// The directory of all fleets.
    pub(super) all: &'a Path,
    /// The directory of this one.
    pub(super) directory: &'a Path,
    pub(super) fleet: &'a FleetState,
    pub(super) host: &'a HostRecord,
}

impl<'a> Machine<'a> {
    fn place(self, name: &str) -> PathBuf {
        self.directory.join("hosts").join(&self.host.name).join(name)
    }

    /// The host's file system, as seen from this machine.
    pub(super) fn root(self) -> PathBuf {
        self.place("root")
    }

    /// What the host and `systemd-nspawn` have said.
    pub(super) fn console(self) -> PathBuf {
        self.place("console.log")
    }

    /// Its network.
    pub(super) fn cable(self) -> Cable<'a> {
        Cable { network: self.fleet.network, host: self.host }
    }

    /// The host's name among all of this machine.
    fn name(self) -> String {
        self.fleet.network.machine(&self.host.name)
    }

    /// Mounts its file system, unless it is mounted: the base, and over it what the host has written since it was made.
    pub(super) fn mount(self) -> Result<(), SandboxError> {
        let root = self.root();
        if mounts::is_mounted(&root)? {
            return Ok(());
        }
        // What is in there is a system with setuid programs and keys: for root's eyes only.
        files::create_directory(&self.directory.join("hosts"), 0o700)?;
        let (upper, work) = (self.place("upper"), self.place("work"));
        for directory in [&root, &upper, &work] {
            files::create_directory(directory, 0o755)?;
        }
        // With redirect_dir, a directory of the base can be renamed as on any disk.
        let options = format!(
            "lowerdir={},upperdir={},workdir={},redirect_dir=on",
            self.fleet.base.display(),
            upper.display(),
            work.display()
        );
        let mut mount = command::program("mount");
        mount.args(["-t", "overlay", "-o", &options]).arg(self.name()).arg(&root);
        command::run(&mut mount, Duration::from_secs(20)).map(|_| ())
    }

    /// Starts it. It goes on when we end. Returns the process that watches over it.
    pub(super) fn start(self) -> Result<Process, SandboxError> {
        if self.runs() {
            return Err(SandboxError::On { host: self.host.name.clone() });
        }
        self.mount()?;
        network::add_bridge(self.fleet.network)?;
        self.cable().lay(self.all)?;
        cgroup::remove(&self.name())?;
        let nspawn = self.nspawn();
        let groups = if asks_systemd() { Vec::new() } else { cgroup::create(&self.name())? };
        let console = self.console();
        let log = File::options().create(true).append(true).open(&console);
        let log = log.map_err(SandboxError::io("open", &console))?;
        let copy = log.try_clone().map_err(SandboxError::io("open", &console))?;
        // A session of its own: no terminal's signals, no hang-up.
        let mut supervisor = command::program("setsid");
        supervisor.args(["sh", "-c", SUPERVISOR, "sh"]).arg(self.place("supervisor"));
        supervisor.args(groups).arg("--").arg(nspawn.get_program()).args(nspawn.get_args());
        supervisor.stdin(Stdio::null()).stdout(log).stderr(copy).current_dir("/");
        self.spawn(&mut supervisor)
    }

    fn spawn(self, supervisor: &mut Command) -> Result<Process, SandboxError> {
        let mut child = supervisor.spawn().map_err(|error| SandboxError::Command {
            command: "setsid sh".to_owned(),
            how: format!("could not be run: {error}"),
            stderr: String::new(),
        })?;
        // It is alive or not yet waited for, so the number is its own.
        let process = i32::try_from(child.id()).ok().and_then(Process::of);
        // Should it end before we do, its exit status is read, or it would stay in the table of processes.
        std::thread::spawn(move || child.wait());
        process.ok_or_else(|| SandboxError::Boot {
            host: self.host.name.clone(),
            why: "what runs it ended at once".to_owned(),
            console: files::tail(&self.console(), 10),
        })
    }

    fn nspawn(self) -> Command {
        let mut nspawn = Command::new("systemd-nspawn");
        nspawn
            .args(["--quiet", "--boot", "--settings=no", "--register=no", "--console=pipe"])
            .args(["--link-journal=no", "--resolv-conf=off", "--timezone=off"])
            .arg(format!("--machine={}", self.name()))
            .arg(format!("--hostname={}", self.host.name))
            .arg(format!("--network-namespace-path={}", self.cable().namespace().display()))
            .arg(self.directory_argument());
        if !asks_systemd() {
            nspawn.arg("--keep-unit");
        }
        nspawn
    }

    /// What tells this host's `systemd-nspawn` from every other.
    fn directory_argument(self) -> String {
        format!("--directory={}", self.root().display())
    }

    /// The host's process 1, once it is at home: before, what is run beside it would run on this machine's own files.
    pub(super) fn leader(self) -> Option<Process> {
        let leader = process::leader(&self.cable().namespace())?;
        let identity = |path: &Path| std::fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
        let home = identity(&Path::new("/proc").join(leader.pid().to_string()).join("root"))?;
        (Some(home) == identity(&self.root())).then_some(leader)
    }

    /// What watches over it, if that runs.
    pub(super) fn supervisor(self) -> Option<Process> {
        Process::recorded(&self.place("supervisor")).filter(|process| process.is_alive())
    }

    /// Whether it runs, is starting, or is ending.
    pub(super) fn runs(self) -> bool {
        !self.processes().is_empty()
    }

    /// Every process of this machine that makes up the host; its own processes end with its process 1.
    fn processes(self) -> Vec<Process> {
        let mut processes = process::nspawn_with(&self.directory_argument());
        processes.extend(self.supervisor());
        processes.extend(process::leader(&self.cable().namespace()));
        processes
    }

    /// Ends it at once, as if its power failed: no unit is stopped, nothing is told to anybody. What it wrote stays.
    pub(super) fn stop(self) -> Result<(), SandboxError> {
        // First the cable: the kernel says goodbye for the connections of a process that ends, a power cut does not.
        self.cable().unplug()?;
        let mut rest = Vec::new();
        if let Some(supervisor) = self.supervisor() {
            // Held still while its children are counted, it cannot start another.
            supervisor.signal(Signal::STOP);
            rest = supervisor.children();
            supervisor.signal(Signal::KILL);
            rest.push(supervisor);
        }
        let since = Instant::now();
        loop {
            if let Some(leader) = process::leader(&self.cable().namespace()) {
                leader.signal(Signal::KILL);
                rest.push(leader);
            }
            rest.extend(process::nspawn_with(&self.directory_argument()));
            rest.retain(|process| process.is_alive());
            let Some(first) = rest.first() else { break };
            if since.elapsed() > CLEANUP {
                for process in &rest {
                    process.signal(Signal::KILL);
                }
            }
            if since.elapsed() > DEATH {
                return Err(SandboxError::Stop { host: self.host.name.clone(), pid: first.pid() });
            }
            std::thread::sleep(Duration::from_millis(5));
            rest.sort_unstable();
            rest.dedup();
        }
        cgroup::remove(&self.name())
    }

    /// Stops it and removes everything of it that is not a file of the fleet.
    pub(super) fn remove(self) -> Result<(), SandboxError> {
        self.stop()?;
        self.cable().remove()?;
        // What a killed systemd-nspawn leaves behind; the second is a mount since version 256.
        for place in ["propagate", "unix-export"] {
            let left = Path::new("/run/systemd/nspawn").join(place).join(self.name());
            if left.exists() {
                files::remove_tree(&left)?;
            }
        }
        mounts::unmount_below(&self.place(""))
    }
}

/// Whether systemd runs this machine. Then `systemd-nspawn` gets a scope from it, so that the host does not end with
/// the login that made it.
fn asks_systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}
