//! A fleet that is there, and what can be done to its hosts.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use super::address::Network;
use super::machine::Machine;
use super::process::Process;
use super::state::FleetState;
use super::{FleetName, HostRecord, Release, Sandbox, SandboxError, files, furnish, mounts, network, ready};

/// Whether a host runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// It runs, or is starting.
    On,
    /// It does not.
    Off,
}

/// What `list` tells of a fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetStatus {
    /// Its name.
    pub name: FleetName,
    /// What its hosts run.
    pub release: Release,
    /// Whether their sshd is a careful one.
    pub hardened: bool,
    /// Its inventory.
    pub inventory: PathBuf,
    /// Its hosts, in order.
    pub hosts: Vec<HostStatus>,
}

/// What `list` tells of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostStatus {
    /// Its name, number and address.
    pub record: HostRecord,
    /// Whether it runs.
    pub power: Power,
}

/// A fleet. Nothing happens to it when this is dropped.
#[derive(Clone, Debug)]
pub struct Fleet {
    sandbox: Sandbox,
    directory: PathBuf,
    state: FleetState,
}

impl Fleet {
    pub(super) fn new(sandbox: Sandbox, directory: PathBuf, state: FleetState) -> Self {
        Self { sandbox, directory, state }
    }

    /// Opens a fleet in the usual place.
    pub fn open(name: &FleetName) -> Result<Self, SandboxError> {
        Sandbox::default().open(name)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &FleetName {
        &self.state.name
    }

    /// What its hosts run.
    #[must_use]
    pub fn release(&self) -> Release {
        self.state.release
    }

    /// Its hosts, in order.
    #[must_use]
    pub fn hosts(&self) -> &[HostRecord] {
        &self.state.hosts
    }

    /// Where its files are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The inventory to give to `-i`.
    #[must_use]
    pub fn inventory_path(&self) -> PathBuf {
        self.directory.join("inventory.yaml")
    }

    /// A configuration for `ssh -F`.
    #[must_use]
    pub fn ssh_config_path(&self) -> PathBuf {
        self.directory.join("ssh_config")
    }

    /// The private key that opens root (unless hardened), `admin` (may use sudo) and `plain` (may not).
    #[must_use]
    pub fn identity_path(&self) -> PathBuf {
        self.directory.join("id_ed25519")
    }

    /// The host keys, known before the first connection.
    #[must_use]
    pub fn known_hosts_path(&self) -> PathBuf {
        self.directory.join("known_hosts")
    }

    /// What it is and which of its hosts run.
    #[must_use]
    pub fn status(&self) -> FleetStatus {
        let hosts = self.machines().map(|machine| HostStatus {
            record: machine.host.clone(),
            power: if machine.runs() { Power::On } else { Power::Off },
        });
        FleetStatus {
            name: self.state.name.clone(),
            release: self.state.release,
            hardened: self.state.hardened,
            inventory: self.inventory_path(),
            hosts: hosts.collect(),
        }
    }

    /// A command that runs in a host as root, without ssh; with our standard input and output unless told otherwise.
    pub fn command<S: AsRef<OsStr>>(&self, host: &str, argv: &[S]) -> Result<Command, SandboxError> {
        let mut command = ready::enter(running(self.machine(host)?)?);
        command.args(argv);
        Ok(command)
    }

    /// Runs a command in a host as root, without ssh, and returns what it wrote. It has `within` to end.
    pub fn exec<S: AsRef<OsStr>>(&self, host: &str, argv: &[S], within: Duration) -> Result<Output, SandboxError> {
        super::command::capture(&mut self.command(host, argv)?, within)
    }

    /// Cuts a host's power: all its processes end at once and nothing is stopped in order. (What it had written and not
    /// yet synced is kept, unlike on a real disk.)
    pub fn poweroff_hard(&self, host: &str) -> Result<(), SandboxError> {
        self.machine(host)?.stop()
    }

    /// Shuts a host down in order.
    pub fn poweroff(&self, host: &str) -> Result<(), SandboxError> {
        let machine = self.machine(host)?;
        let leader = running(machine)?;
        ask_to(leader, "poweroff")?;
        machine.wait_gone(leader)?;
        // What watched over it ends by itself, and now if not yet.
        machine.stop()
    }

    /// Starts a host that is off, on the files that it left, and waits until it is up. Its network is as new: a cut
    /// link is whole again. Returns systemd's state: `running`, or `degraded` if a unit failed.
    pub fn boot(&self, host: &str) -> Result<String, SandboxError> {
        let machine = self.machine(host)?;
        let supervisor = machine.start()?;
        machine.wait_ready(Some(supervisor))
    }

    /// Reboots a host in order and waits until it is up again. Returns systemd's state as `boot` does.
    pub fn reboot(&self, host: &str) -> Result<String, SandboxError> {
        let machine = self.machine(host)?;
        let leader = running(machine)?;
        ask_to(leader, "reboot")?;
        machine.wait_gone(leader)?;
        machine.wait_ready(machine.supervisor())
    }

    /// Cuts a host's network, or mends it. The host runs on.
    pub fn link(&self, host: &str, up: bool) -> Result<(), SandboxError> {
        self.machine(host)?.cable().set(up)
    }

    /// Takes the fleet down, as [`Sandbox::down`] does.
    pub fn down(self) -> Result<(), SandboxError> {
        self.sandbox.down(&self.state.name).map(|_was_there| ())
    }

    /// Removes everything of the fleet, its state last. The caller holds the fleet's lock.
    pub(super) fn take_down(&self) -> Result<(), SandboxError> {
        std::thread::scope(|scope| {
            let hosts: Vec<_> = self.machines().map(|machine| scope.spawn(move || machine.remove())).collect();
            // Every host is tried, also behind one that fails.
            let results: Vec<_> = hosts.into_iter().map(|host| host.join().unwrap_or(Ok(()))).collect();
            results.into_iter().collect::<Result<(), SandboxError>>()
        })?;
        network::remove_bridge(self.state.network)?;
        mounts::unmount_below(&self.directory)?;
        files::remove_tree(&self.directory.join("hosts"))?;
        files::remove_tree(&self.directory)
    }

    pub(super) fn machines(&self) -> impl Iterator<Item = Machine<'_>> {
        self.state.hosts.iter().map(|host| self.machine_of(host))
    }

    fn machine(&self, host: &str) -> Result<Machine<'_>, SandboxError> {
        Ok(self.machine_of(self.state.host(host)?))
    }

    fn machine_of<'a>(&'a self, host: &'a HostRecord) -> Machine<'a> {
        Machine { all: self.sandbox.state_directory(), directory: &self.directory, fleet: &self.state, host }
    }

    pub(super) fn network(&self) -> Network {
        self.state.network
    }

    /// Writes what others reach the hosts through, from the hosts' numbers and public keys.
    pub(super) fn write_files(&self, mut keys: Vec<(u8, String)>) -> Result<(), SandboxError> {
        keys.sort_unstable();
        let keys: Vec<String> = keys.into_iter().map(|(_number, key)| key).collect();
        furnish::write_fleet_files(&self.state, &self.directory, &keys)
    }
}

/// The process 1 of a host that runs.
fn running(machine: Machine<'_>) -> Result<Process, SandboxError> {
    machine.leader().ok_or_else(|| SandboxError::Off { host: machine.host.name.clone() })
}

/// Asks a host's systemd to end itself. It may do so before the question has returned, so the answer is of no use.
fn ask_to(leader: Process, verb: &str) -> Result<(), SandboxError> {
    let mut command = ready::enter(leader);
    command.args(["systemctl", "--no-block", verb]);
    super::command::capture(&mut command, Duration::from_secs(30)).map(|_| ())
}
