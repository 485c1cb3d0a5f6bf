//! What was seen on one host.
//!
//! Three-valued where it matters: what could not be read is `Unknown`, never absent (law 9).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AbsPath, Bytes, Digest, HostName, Ledger, ManifestName, UnitName, UserName};

/// A fact, or why it could not be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants are their names")]
pub enum Observation<T> {
    Known(T),
    Unknown(String),
}

/// Everything that one gather saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// The host's name in the inventory.
    pub host: HostName,
    /// The host itself.
    pub facts: HostFacts,
    /// Units that were asked for, and loaded or linked instances of templates that were asked for.
    pub units: BTreeMap<UnitName, ObservedUnit>,
    /// Every path that was asked for, every candidate file of every unit in every directory of systemd's search
    /// path, and the files that those name (`EnvironmentFile=`). A path that is not here was not looked at.
    pub paths: BTreeMap<AbsPath, ObservedPath>,
    /// Every symbolic link in systemd's unit directories and their `.wants`, `.requires` and `.upholds`: path → target as written.
    pub links: BTreeMap<AbsPath, String>,
    /// What below a directory has another owner, where that was asked for.
    #[serde(default)]
    pub below: BTreeMap<AbsPath, Observation<OthersBelow>>,
    /// Users that were asked for, by name or number.
    pub users: BTreeMap<UserName, Observation<Option<Account>>>,
    /// What encrypted files that were asked for hold, by the digest of what the host decrypts them to. A path that is
    /// not here was not asked for, or is no file.
    #[serde(default)]
    pub credentials: BTreeMap<AbsPath, Observation<Digest>>,
    /// Groups that were asked for, by name or number.
    pub groups: BTreeMap<UserName, Observation<Option<GroupEntry>>>,
    /// Every ledger on the host.
    pub ledgers: BTreeMap<ManifestName, Observation<Ledger>>,
    /// When each ledger was last written (mtime, microseconds since the epoch).
    pub ledger_times_us: BTreeMap<ManifestName, i64>,
    /// `/run/unitfleet/started/UNIT`.
    pub started: BTreeMap<UnitName, Started>,
    /// `/etc/unitfleet/hold/UNIT` with the reason inside. A name that is no unit name is kept as it is.
    pub holds: BTreeMap<String, String>,
    /// An apply that is under way.
    pub lock: Option<Lock>,
}

impl Observed {
    /// A time since boot as a time since the epoch; both in microseconds. `None` where systemd's clock and the uptime
    /// are not of one boot.
    ///
    /// In a container under lxcfs (LXC, Incus), `/proc/uptime` is the container's, and systemd's monotonic stamps are
    /// the machine's: what was started there was started after "now", and one such stamp shows that none can be used.
    #[must_use]
    pub fn wall_us(&self, monotonic_us: i64) -> Option<i64> {
        /// The uptime is read before the units are; a unit may start in between.
        const GATHER_TAKES_US: i64 = 10_000_000;
        let units = self.units.values().flat_map(|unit| [unit.exec_main_start_us, unit.active_enter_us]);
        let mut stamps = units.chain([self.facts.units_load_us, Some(monotonic_us)]).flatten();
        let of_one_boot = stamps.all(|stamp| stamp <= self.facts.uptime_us + GATHER_TAKES_US);
        of_one_boot.then(|| self.facts.wall_us(monotonic_us))
    }
}

/// The host as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFacts {
    /// The number before the first `.` or space of systemd's version: 252.
    pub systemd_version: u32,
    /// systemd's full version text.
    pub systemd_version_text: String,
    /// uid that the gather ran as; 0 sees everything.
    pub uid: u32,
    /// `running`, `degraded`, `starting`, …
    pub system_state: String,
    /// Kernel's boot id.
    pub boot_id: String,
    /// The host's clock, microseconds since the epoch.
    pub now_us: i64,
    /// Microseconds since boot.
    pub uptime_us: i64,
    /// When PID 1 last read the unit files, microseconds since boot (systemd 250 and later).
    pub units_load_us: Option<i64>,
    /// When we last had them read (mtime of our marker, microseconds since the epoch).
    pub reloaded_us: Option<i64>,
    /// Directories that systemd searches for unit files, strongest first.
    pub unit_path: Vec<AbsPath>,
    /// The machine and what runs on it; what playbooks see as `facts`.
    #[serde(default)]
    pub machine: MachineFacts,
}

/// What a playbook may ask about the machine. What could not be found out is `None`.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their names")]
pub struct MachineFacts {
    pub hostname: Option<String>,
    /// `ID` of os-release: `debian`.
    pub os: Option<String>,
    /// `VERSION_ID` of os-release: `12`.
    pub os_version: Option<String>,
    /// Kernel release: `6.1.0-18-amd64`.
    pub kernel: Option<String>,
    /// systemd's word for the processor (`ConditionArchitecture=`): `x86-64`.
    pub architecture: Option<String>,
    /// systemd's word for the virtualisation (`ConditionVirtualization=`); `none` on bare metal.
    pub virtualization: Option<String>,
    /// Processors that are online.
    pub cpus: Option<u32>,
    /// Memory in bytes.
    pub memory: Option<u64>,
    /// Whether `systemd-creds` is there, so that credentials can be encrypted (systemd 250 and later).
    pub systemd_creds: bool,
}

impl HostFacts {
    /// A time since boot as a time since the epoch; both in microseconds. Whether that can be relied on says
    /// [`Observed::wall_us`].
    fn wall_us(&self, monotonic_us: i64) -> i64 {
        self.now_us - self.uptime_us + monotonic_us
    }
}

/// systemd's `ActiveState`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "systemd's own words")]
pub enum ActiveState {
    Active,
    Reloading,
    Inactive,
    Failed,
    Activating,
    Deactivating,
    Maintenance,
    Refreshing,
    /// A word that this version of the tool does not know: treated as changing.
    #[serde(untagged)]
    Other(String),
}

impl ActiveState {
    /// Reads systemd's word.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        match word {
            "active" => Self::Active,
            "reloading" => Self::Reloading,
            "inactive" => Self::Inactive,
            "failed" => Self::Failed,
            "activating" => Self::Activating,
            "deactivating" => Self::Deactivating,
            "maintenance" => Self::Maintenance,
            "refreshing" => Self::Refreshing,
            other => Self::Other(other.to_owned()),
        }
    }

    /// systemd's word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Active => "active",
            Self::Reloading => "reloading",
            Self::Inactive => "inactive",
            Self::Failed => "failed",
            Self::Activating => "activating",
            Self::Deactivating => "deactivating",
            Self::Maintenance => "maintenance",
            Self::Refreshing => "refreshing",
            Self::Other(word) => word,
        }
    }

    /// Up, as far as `systemctl start` would be concerned.
    #[must_use]
    pub fn is_up(&self) -> bool {
        matches!(self, Self::Active | Self::Reloading | Self::Refreshing)
    }

    /// Down: nothing of the unit runs and nothing is about to.
    #[must_use]
    pub fn is_down(&self) -> bool {
        matches!(self, Self::Inactive | Self::Failed)
    }
}

/// What `systemctl show` says of a unit. A property that this systemd does not have is `None`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "systemd's own property names, in snake_case")]
pub struct ObservedUnit {
    /// The canonical name; differs from the asked one for an alias.
    pub id: String,
    pub names: Vec<String>,
    pub load_state: String,
    pub load_error: Option<String>,
    pub active_state: ActiveState,
    pub sub_state: String,
    pub unit_file_state: String,
    pub fragment_path: Option<AbsPath>,
    pub drop_in_paths: Vec<AbsPath>,
    pub need_daemon_reload: bool,
    pub can_reload: bool,
    pub refuse_manual_start: bool,
    pub refuse_manual_stop: bool,
    /// `Type=`; empty for units that are not services.
    pub service_type: String,
    pub remain_after_exit: bool,
    pub result: Option<String>,
    pub main_pid: Option<u32>,
    pub exec_main_code: Option<u32>,
    pub exec_main_status: Option<i32>,
    pub n_restarts: Option<u32>,
    pub invocation_id: Option<String>,
    /// Microseconds since boot; 0 when never.
    pub exec_main_start_us: Option<i64>,
    /// Microseconds since boot; 0 when never.
    pub active_enter_us: Option<i64>,
    pub condition_result: Option<bool>,
    /// A queued job's id.
    pub job: Option<u32>,
    pub triggers: Vec<String>,
    pub triggered_by: Vec<String>,
    pub transient: bool,
}

/// Mode, owner and times of something in the file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "stat(2)'s own words")]
pub struct FileMeta {
    /// Permission bits only.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub user: String,
    pub group: String,
    pub size: u64,
    pub mtime_us: i64,
    pub ctime_us: i64,
}

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are their names")]
pub enum ObservedPath {
    Absent,
    /// It is there, or may be, but could not be looked at.
    Unknown(String),
    File {
        meta: FileMeta,
        /// `Unknown` when it could not be read.
        digest: Observation<Digest>,
        /// Present when it was fetched: content that was not expected, and not too large.
        content: Option<Bytes>,
    },
    Directory {
        meta: FileMeta,
        /// Whether anything is in it; `None` when it could not be listed.
        empty: Option<bool>,
    },
    Link {
        meta: FileMeta,
        target: String,
    },
    /// A socket, device, fifo.
    Other(String),
}

/// An account as `getent passwd` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "passwd(5)'s own words")]
pub struct Account {
    /// The name, also where the account was asked for by its number.
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    pub home: String,
    pub shell: String,
}

/// A group as `getent group` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "group(5)'s own words")]
pub struct GroupEntry {
    /// The name, also where the group was asked for by its number.
    pub name: String,
    pub gid: u32,
    /// Names of its members; those whose primary group it is are not among them.
    pub members: Vec<String>,
}

/// What below a directory, on the same file system, has not the owner and group that were asked about.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OthersBelow {
    /// How many; counting ends early where there are many.
    pub count: u32,
    /// There are more than were counted.
    pub more: bool,
    /// One of them, for people: control characters in its name are replaced.
    pub example: Option<String>,
}

/// What a unit was started with, as far as we know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The invocation that the record is about; another one now means that somebody else restarted the unit.
    pub invocation_id: String,
    /// The hash of the inputs it was started, or last reloaded, with.
    pub inputs: String,
}

/// Who is applying to the host right now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their names")]
pub struct Lock {
    pub run: String,
    pub who: String,
    /// Seconds since the epoch, by the host's clock.
    pub since: i64,
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "run {} by {}", self.run, self.who)?;
        // A lock that was cut short has no time.
        match jiff::Timestamp::from_second(self.since) {
            Ok(since) if self.since > 0 => write!(f, ", since {} UTC", since.strftime("%Y-%m-%d %H:%M:%S")),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_another_boot_are_not_known() {
        let host = HostName::parse("h").unwrap();
        let facts = HostFacts {
            systemd_version: 252,
            systemd_version_text: "252".to_owned(),
            uid: 0,
            system_state: "running".to_owned(),
            boot_id: String::new(),
            now_us: 1_000_000_000,
            uptime_us: 100_000_000,
            units_load_us: None,
            reloaded_us: None,
            unit_path: Vec::new(),
            machine: MachineFacts::default(),
        };
        let mut observed = Observed {
            host,
            facts,
            units: BTreeMap::new(),
            paths: BTreeMap::new(),
            links: BTreeMap::new(),
            below: BTreeMap::new(),
            users: BTreeMap::new(),
            credentials: BTreeMap::new(),
            groups: BTreeMap::new(),
            ledgers: BTreeMap::new(),
            ledger_times_us: BTreeMap::new(),
            started: BTreeMap::new(),
            holds: BTreeMap::new(),
            lock: None,
        };
        assert_eq!(observed.wall_us(40_000_000), Some(940_000_000));
        // Started while the gather went on.
        assert_eq!(observed.wall_us(101_000_000), Some(1_001_000_000));
        assert_eq!(observed.wall_us(200_000_000), None);
        // One that cannot be makes all others doubtful.
        observed.facts.units_load_us = Some(200_000_000);
        assert_eq!(observed.wall_us(40_000_000), None);
    }
}
