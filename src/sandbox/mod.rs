//! Throw-away hosts with real systemd and sshd on this machine.
//!
//! A *fleet* is a handful of such hosts under one name. Each host is a `systemd-nspawn` container with systemd as
//! process 1 and the sshd of its Debian release as it comes, on an overlay over a base that is made once with
//! debootstrap; a bridge and a network namespace per host connect it to this machine and to its neighbours, and to
//! nothing else. The fleet's directory holds an inventory, the keys and the known host keys, so that every other part
//! of the program reaches these hosts exactly as it reaches a server: through OpenSSH.
//!
//! Decisions:
//! - **Nothing is remembered that can be looked up.** `state.json` says what a fleet was made of and is written before
//!   anything else exists; what runs, is mounted or linked is read from the kernel. Taking down is therefore the same
//!   after a clean start, half a start or a reboot of this machine, and does no harm when repeated.
//! - **A host is its network namespace.** Its process 1 is the process in that namespace that is process 1 in its own;
//!   this holds however the container was started, and survives a killed `systemd-nspawn`.
//! - **Only what is surely ours is signalled**: a process is held by a pidfd, checked again, and then signalled, so
//!   that a process id in use again by somebody else is never hit.
//! - **A host has control groups of its own.** Two systemds in one control group would see each other's services.
//! - The hosts' systemd is not touched: no unit is masked or disabled, since whoever looks at the hosts with this
//!   program would see it. They boot in well under a second as they are (verified on 247, 252, 257).
//!
//! Deliberately absent: user namespaces, a way to the internet, images other than Debian's.

mod address;
mod base;
mod cgroup;
mod command;
mod error;
mod files;
mod fleet;
mod furnish;
mod inventory;
mod lock;
mod machine;
mod mounts;
mod network;
mod options;
mod process;
mod progress;
mod ready;
mod release;
mod requirements;
mod state;
mod up;

pub use error::SandboxError;
pub use fleet::{Fleet, FleetStatus, HostStatus, Power};
pub use options::{FleetName, Options};
pub use progress::Progress;
pub use release::Release;
pub use requirements::{Missing, check_requirements};
pub use state::HostRecord;

use std::path::{Path, PathBuf};

use lock::Lock;
use state::FleetState;

/// Where fleets live.
pub const STATE_DIRECTORY: &str = "/var/lib/unitfleet-sandbox";
/// Where the bases are kept, one per release, recipe and set of packages.
pub const CACHE_DIRECTORY: &str = "/var/cache/unitfleet/sandbox";

/// The fleets of this machine.
#[derive(Clone, Debug)]
pub struct Sandbox {
    state: PathBuf,
    cache: PathBuf,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self { state: STATE_DIRECTORY.into(), cache: CACHE_DIRECTORY.into() }
    }
}

impl Sandbox {
    /// Fleets and bases in other directories. Their paths go into options of `mount` and `ssh`, so they are plain.
    pub fn at(state: &Path, cache: &Path) -> Result<Self, SandboxError> {
        for path in [state, cache] {
            let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
            if !path.is_absolute() || !path.to_str().is_some_and(|text| text.chars().all(plain)) {
                return Err(SandboxError::Directory { path: path.to_owned() });
            }
        }
        Ok(Self { state: state.to_owned(), cache: cache.to_owned() })
    }

    /// Makes a fleet and returns when every host has booted and its sshd answers. If anything fails, what was made is
    /// taken down again. The bases are kept; the first fleet of a release takes a minute, later ones seconds.
    pub fn up(&self, options: &Options, progress: &mut dyn FnMut(Progress)) -> Result<Fleet, SandboxError> {
        up::up(self, options, progress)
    }

    /// Every fleet, by name, and which of its hosts run.
    pub fn list(&self) -> Result<Vec<FleetStatus>, SandboxError> {
        let mut fleets = Vec::new();
        for name in state::names(&self.state)? {
            // A fleet taken down since the directory was read is no error.
            if let Some(fleet) = self.find(&name)? {
                fleets.push(fleet.status());
            }
        }
        Ok(fleets)
    }

    /// A fleet that is there.
    pub fn open(&self, name: &FleetName) -> Result<Fleet, SandboxError> {
        self.find(name)?.ok_or_else(|| SandboxError::NoFleet { name: name.to_string() })
    }

    /// Takes a fleet down: stops its hosts as a power cut would and removes everything that was made for them.
    /// Returns whether there was one.
    pub fn down(&self, name: &FleetName) -> Result<bool, SandboxError> {
        let lock = Lock::of_fleet(&self.state, name)?;
        let directory = self.state.join(name.as_str());
        let was_there = directory.exists();
        match self.find(name)? {
            Some(fleet) => fleet.take_down()?,
            // The directory is the last thing to go, and its state the first thing in it: nothing else is left.
            None => files::remove_tree(&directory)?,
        }
        lock.remove()?;
        Ok(was_there)
    }

    fn state_directory(&self) -> &Path {
        &self.state
    }

    fn find(&self, name: &FleetName) -> Result<Option<Fleet>, SandboxError> {
        let directory = self.state.join(name.as_str());
        Ok(FleetState::read(&directory)?.map(|state| Fleet::new(self.clone(), directory, state)))
    }
}
