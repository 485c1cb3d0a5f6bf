//! What differs, what to do about it, and why.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use super::{
    AbsPath, Bytes, Digest, HostName, Ledger, LedgerEntry, ManifestName, Place, PrimaryGroup, UnitName, UserName,
};

/// The plans of all hosts of one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this shape, for readers of the JSON.
    pub schema_version: u32,
    /// One per host that could be observed.
    pub hosts: BTreeMap<HostName, HostPlan>,
}

/// One host's plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostPlan {
    /// The host.
    pub host: HostName,
    /// What differs, for people.
    pub changes: Vec<Change>,
    /// What to do, in order. Empty: nothing to do.
    pub steps: Vec<Step>,
    /// What was seen and is not ours to change.
    pub findings: Vec<Finding>,
    /// Why this host must not be applied to. Not empty: the steps are not run.
    pub refusals: Vec<Refusal>,
    /// Hash of the inputs of every unit whose process matters, as they will be after the steps; the apply records it
    /// beside the unit's `InvocationID`. Those that a secret went into are not written: what a short password hashes to
    /// is found by trying.
    #[serde(serialize_with = "open_inputs")]
    pub inputs: BTreeMap<UnitName, String>,
    /// The ledgers as they will be after the steps; owners whose ledger becomes empty stand here empty.
    pub ledgers: BTreeMap<ManifestName, Ledger>,
}

/// The end of a hash that a secret went into: the host keeps its record from everybody but root.
pub const SECRET_INPUTS: &str = "-secret";

fn open_inputs<S: Serializer>(inputs: &BTreeMap<UnitName, String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(inputs.iter().filter(|(_, hash)| !hash.ends_with(SECRET_INPUTS)))
}

impl HostPlan {
    /// Whether there is anything to do.
    #[must_use]
    pub fn has_steps(&self) -> bool {
        !self.steps.is_empty()
    }
}

/// File content as a plan shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Nothing there.
    Absent,
    /// Text.
    Text(String),
    /// It holds a secret, or did.
    Secret,
    /// Not text, too large to show, or not readable: its size in bytes and hash where known.
    #[expect(missing_docs, reason = "the fields are their names")]
    Opaque { size: u64, digest: Option<Digest> },
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The unit it belongs to; `None` for files, directories and users of their own.
    pub unit: Option<UnitName>,
    /// The manifest that wants it otherwise.
    pub manifest: ManifestName,
    /// What differs.
    pub kind: ChangeKind,
}

/// What differs. `from` is what was observed, `to` is what is desired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are their names")]
pub enum ChangeKind {
    /// A file is created, rewritten, or removed (`to` is `Absent`).
    File {
        path: AbsPath,
        from: Content,
        to: Content,
    },
    /// A file that is created also says its mode and owner here only if they are not 0644 root:root.
    Mode {
        path: AbsPath,
        from: Option<u32>,
        to: u32,
    },
    Owner {
        path: AbsPath,
        from: Option<String>,
        to: String,
    },
    /// A directory is created or removed.
    Directory {
        path: AbsPath,
        exists: bool,
        wanted: bool,
    },
    /// A link of enablement or an alias is made, pointed elsewhere, or removed.
    Link {
        path: AbsPath,
        from: Option<String>,
        to: Option<String>,
    },
    Mask {
        from: bool,
        to: bool,
    },
    /// `from` and `to` are systemd's words for states.
    State {
        from: String,
        to: String,
    },
    /// It runs with an older configuration than its files.
    Stale {
        why: String,
    },
    /// Its configuration changes, and what runs goes on: why nothing is restarted.
    GoesOn {
        why: String,
    },
    /// `from: None`: the user is created; `to: None`: removed.
    User {
        name: UserName,
        from: Option<String>,
        to: Option<String>,
    },
    /// A user joins supplementary groups.
    Groups {
        name: UserName,
        joined: Vec<UserName>,
    },
    /// Things below a directory get another owner; `more`: not all were counted.
    OwnersBelow {
        path: AbsPath,
        count: u32,
        more: bool,
        to: String,
    },
    DefaultTarget {
        from: Option<String>,
        to: UnitName,
    },
    /// systemd has not read the unit files as they are on disk.
    NotLoaded {
        why: String,
    },
}

/// The class of a reason, for machines; the text is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonKind {
    /// A file's content, mode or owner differs.
    FileDiffers,
    /// A thing that is wanted is missing.
    Missing,
    /// A thing is declared absent, or left the set that the playbook gives.
    NotWanted,
    /// The unit shall run and does not, or the other way round.
    StateDiffers,
    /// Directives of the unit, or files it reads, changed.
    InputsChanged,
    /// It runs with an older configuration than its files.
    Stale,
    /// systemd must read changed unit files.
    UnitFilesChanged,
    /// Another unit's step makes this one necessary.
    Follows,
    /// `[Install]` and the links differ.
    LinksDiffer,
    /// `masked:` and the mask differ.
    MaskDiffers,
    /// The default target differs.
    DefaultTarget,
    /// A thing is there already and becomes ours.
    Adopted,
}

/// Why a step is necessary.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their names")]
pub struct Reason {
    pub kind: ReasonKind,
    /// One line that names the directive, file or state; no final stop.
    pub text: String,
}

/// One step, with everything that is needed to run it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// Why; never empty.
    pub reasons: Vec<Reason>,
    /// Adjacent stops, starts, restarts and reloads of one wave run at the same time.
    pub wave: u32,
}

/// The closed list of what we may do to a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are their names")]
pub enum Action {
    CreateUser {
        name: UserName,
        system: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uid: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gid: Option<PrimaryGroup>,
        home: Option<AbsPath>,
        shell: Option<AbsPath>,
    },
    ModifyUser {
        name: UserName,
        home: Option<AbsPath>,
        shell: Option<AbsPath>,
    },
    RemoveUser {
        name: UserName,
    },
    /// Adds a user to supplementary groups; it leaves none.
    JoinGroups {
        name: UserName,
        groups: Vec<UserName>,
    },
    /// Creates the directory and its missing parents (those 0755 root:root).
    CreateDirectory {
        path: AbsPath,
        mode: u32,
        user: UserName,
        group: UserName,
    },
    /// Removes an empty directory.
    RemoveDirectory {
        path: AbsPath,
    },
    /// Sets what is `Some` on a file or directory that is there; `owner` is user and group.
    SetAttributes {
        path: AbsPath,
        mode: Option<u32>,
        owner: Option<(UserName, UserName)>,
    },
    /// Gives everything below a directory this owner: links themselves, nothing behind them, nothing on another mount.
    SetOwnerBelow {
        path: AbsPath,
        user: UserName,
        group: UserName,
    },
    /// Installs a file atomically; missing parents are created 0755 root:root. Where there are words in `validate`,
    /// that command must accept the new file first, whose path `%s` stands for.
    WriteFile {
        path: AbsPath,
        bytes: Bytes,
        /// The name of the credential as which the host's `systemd-creds` encrypts it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        encrypt: Option<String>,
        mode: u32,
        user: UserName,
        group: UserName,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        validate: Vec<String>,
    },
    RemoveFile {
        path: AbsPath,
    },
    /// Makes or repoints a symbolic link atomically. A regular file is never replaced.
    MakeLink {
        path: AbsPath,
        target: String,
    },
    RemoveLink {
        path: AbsPath,
    },
    /// Points `/etc/systemd/system/UNIT` to `/dev/null`; a regular file there is kept in `/var/lib/unitfleet/masked/UNIT`.
    Mask {
        unit: UnitName,
    },
    /// Removes the masks in /etc and /run, and puts back a file that masking kept unless `discard` says that
    /// a new one is written anyway.
    Unmask {
        unit: UnitName,
        discard: bool,
    },
    DaemonReload,
    /// Nothing is stopped before every one of these units loads; else all files are put back.
    Gate {
        units: Vec<UnitName>,
    },
    Stop {
        unit: UnitName,
    },
    Start {
        unit: UnitName,
    },
    Restart {
        unit: UnitName,
    },
    Reload {
        unit: UnitName,
    },
    /// Forgets the failure of a unit that shall be stopped or is gone.
    ResetFailed {
        unit: UnitName,
    },
    /// Changes nothing but our own records: from now on the thing is ours.
    Adopt {
        entry: LedgerEntry,
    },
}

/// The class of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// An admin's mask or hold, or the playbook's hold: respected.
    Held,
    /// Something that is not ours stands beside or in place of ours.
    Foreign,
    /// It could not be observed.
    Unknown,
    /// A file elsewhere overrides what we install.
    Shadowed,
    /// It runs with an older configuration, and restarting it is not ours to decide.
    Stale,
    /// Worth knowing before the apply.
    Notice,
}

impl FindingKind {
    /// Whether `--strict` takes it for a refusal.
    #[must_use]
    pub fn refuses_when_strict(self) -> bool {
        match self {
            Self::Held | Self::Foreign | Self::Unknown | Self::Shadowed => true,
            Self::Stale | Self::Notice => false,
        }
    }
}

/// Something that was seen and is not ours to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their names")]
pub struct Finding {
    pub kind: FindingKind,
    pub unit: Option<UnitName>,
    /// One or two sentences, without a final stop.
    pub text: String,
    /// What to do about it, if there is something to do.
    pub hint: Option<String>,
}

/// Why a host must not be applied to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their names")]
pub struct Refusal {
    pub unit: Option<UnitName>,
    pub text: String,
    /// Where the playbook asks for it.
    pub place: Option<Place>,
    pub hint: Option<String>,
}
