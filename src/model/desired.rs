//! What one host shall look like: playbooks and inventory, compiled and rendered.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AbsPath, Bytes, HostName, ManifestName, UnitName, UserName};

/// A place in a file that the user wrote; line and column from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their names")]
pub struct Place {
    pub file: String,
    pub line: u32,
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Who wants a thing, and where it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The manifest that claims the thing.
    pub manifest: ManifestName,
    /// Where the claim is written.
    pub place: Place,
    /// The words by which `--tags` selects it, its manifest's included.
    pub tags: BTreeSet<String>,
    /// Whether this run is about it. What is not selected stays as it is, but is known: nothing is decided as if the
    /// playbook did not name it.
    pub selected: bool,
}

impl Claim {
    /// A claim without tags.
    #[must_use]
    pub fn new(manifest: ManifestName, place: Place) -> Self {
        Self { manifest, place, tags: BTreeSet::new(), selected: true }
    }
}

/// A thing shall be so, or shall not be there at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants are their names")]
pub enum Wanted<T> {
    Present(T),
    Absent,
}

/// Everything that is wanted of one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desired {
    /// The host.
    pub host: HostName,
    /// Manifests that select this host, also those that want nothing of it.
    pub manifests: BTreeSet<ManifestName>,
    /// System users by name.
    pub users: BTreeMap<UserName, DesiredUser>,
    /// Directories by path.
    pub directories: BTreeMap<AbsPath, DesiredDirectory>,
    /// Files by path. Unit files and drop-ins are not here but with their unit.
    pub files: BTreeMap<AbsPath, DesiredFile>,
    /// Symbolic links by path; one that shall be gone stands in `files`, because there its target does not matter.
    pub symlinks: BTreeMap<AbsPath, DesiredSymlink>,
    /// Units by name, instances of templates included.
    pub units: BTreeMap<UnitName, DesiredUnit>,
    /// The target to boot into, if a manifest says.
    pub default_target: Option<(Wanted<UnitName>, Claim)>,
}

impl Desired {
    /// Every claim of the host.
    fn claims_mut(&mut self) -> impl Iterator<Item = &mut Claim> {
        let users = self.users.values_mut().map(|user| &mut user.claim);
        let directories = self.directories.values_mut().map(|directory| &mut directory.claim);
        let files = self.files.values_mut().map(|file| &mut file.claim);
        let symlinks = self.symlinks.values_mut().map(|symlink| &mut symlink.claim);
        let units = self.units.values_mut().map(|unit| &mut unit.claim);
        let target = self.default_target.iter_mut().map(|(_, claim)| claim);
        users.chain(directories).chain(files).chain(symlinks).chain(units).chain(target)
    }

    /// Keeps the run to what the judge of tags selects.
    pub fn select(&mut self, selects: impl Fn(&BTreeSet<String>) -> bool) {
        for claim in self.claims_mut() {
            claim.selected = selects(&claim.tags);
        }
    }

    /// A hold that was in force when the run planned lasts until the run is over: what ends in between is the next
    /// run's, not a difference that this one has left.
    pub fn keep_holds(&mut self, planned_us: i64) {
        let holds = self.units.values_mut().filter_map(|unit| unit.hold.as_mut());
        for until in holds.filter_map(|hold| hold.until.as_mut()).filter(|until| until.us > planned_us) {
            until.us = i64::MAX;
        }
    }

    /// Directories that shall be there: those declared, selected or not, and homes that are made.
    #[must_use]
    pub fn lasting_directories(&self) -> BTreeSet<AbsPath> {
        let declared = self.directories.iter().filter(|(_, directory)| directory.spec != Wanted::Absent);
        let homes = self.users.iter().filter_map(|(name, user)| match &user.spec {
            Wanted::Present(spec) => spec.create_home.then(|| spec.new_home(name)),
            Wanted::Absent => None,
        });
        declared.map(|(path, _)| path.clone()).chain(homes).collect()
    }

    /// Whether the run is about anything of the host.
    pub fn has_selected(&mut self) -> bool {
        self.claims_mut().any(|claim| claim.selected)
    }

    /// A host of which nothing is wanted.
    #[must_use]
    pub fn empty(host: HostName) -> Self {
        Self {
            host,
            manifests: BTreeSet::new(),
            users: BTreeMap::new(),
            directories: BTreeMap::new(),
            files: BTreeMap::new(),
            symlinks: BTreeMap::new(),
            units: BTreeMap::new(),
            default_target: None,
        }
    }
}

/// A user, claimed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their names")]
pub struct DesiredUser {
    pub claim: Claim,
    /// What is there already becomes ours.
    pub adopt: bool,
    pub spec: Wanted<UserSpec>,
}

/// What a user shall be like. A field that is `None` is not ours to say on a user that exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSpec {
    /// A system account (low uid, no expiry); decides only at creation.
    pub system: bool,
    /// The number of the account; decides only at creation. Another one on a user that exists is refused.
    pub uid: Option<u32>,
    /// The primary group; as `uid`. `None`: a group of the user's own name.
    pub gid: Option<PrimaryGroup>,
    /// Supplementary groups that the user shall be in. Others that it is in stay.
    pub groups: BTreeSet<UserName>,
    /// Home directory as written in the account.
    pub home: Option<AbsPath>,
    /// Make the home directory where it is missing.
    pub create_home: bool,
    /// Login shell.
    pub shell: Option<AbsPath>,
}

impl UserSpec {
    /// The home directory of the user when it is created: the one named, else what useradd would choose.
    ///
    /// # Panics
    /// Never: a user's name is a plain file name.
    #[must_use]
    pub fn new_home(&self, name: &UserName) -> AbsPath {
        let usual = || AbsPath::parse(&format!("/home/{name}")).expect("a user's name is a plain file name");
        self.home.clone().unwrap_or_else(usual)
    }
}

/// A user's primary group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PrimaryGroup {
    /// The group of the user's own name, with this number.
    Number(u32),
    /// A group that is there already, or the own group of another declared user.
    Name(UserName),
}

impl fmt::Display for PrimaryGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => write!(f, "{name}"),
        }
    }
}

/// A directory, claimed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their names")]
pub struct DesiredDirectory {
    pub claim: Claim,
    /// What is there already becomes ours.
    pub adopt: bool,
    pub spec: Wanted<DirectorySpec>,
}

/// Mode and owner of a directory. Missing parents are created 0755 root:root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their names")]
pub struct DirectorySpec {
    /// Permission bits, at most 0o7777.
    pub mode: u32,
    pub user: UserName,
    pub group: UserName,
    /// Everything below it has that owner and group, too; not its mode.
    pub recurse: bool,
}

/// A symbolic link, claimed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their names")]
pub struct DesiredSymlink {
    pub claim: Claim,
    /// What is there already becomes ours.
    pub adopt: bool,
    /// Where it points, as written into the link.
    pub target: String,
}

/// A file, claimed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their names")]
pub struct DesiredFile {
    pub claim: Claim,
    /// What is there already becomes ours.
    pub adopt: bool,
    pub spec: Wanted<FileSpec>,
}

/// Content, mode and owner of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their names")]
pub struct FileSpec {
    pub bytes: Bytes,
    /// The host's `systemd-creds` encrypts the content under this name of a credential before it is installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypt: Option<String>,
    /// Permission bits, at most 0o7777.
    pub mode: u32,
    pub user: UserName,
    pub group: UserName,
    /// The words of a command that must accept the new file before it is put in its place; `%s` stands for its path.
    /// Empty: none.
    pub validate: Vec<String>,
}

/// Whether a unit shall run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants are their names")]
pub enum RunState {
    Started,
    Stopped,
}

/// What a change of a unit's inputs does to the running unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnChange {
    /// What systemd needs for the change to take effect.
    #[default]
    Auto,
    /// Always restart. For mounts, swaps and automounts this is the consent that a restart needs.
    Restart,
    /// Watched files are taken up by a reload where the new unit can; what only a start brings restarts it.
    Reload,
    /// Nothing; that the unit runs with an older configuration is reported as a finding.
    None,
}

/// The instances that a template unit shall have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instances {
    /// Full instance names; each also stands in `Desired::units`.
    pub units: BTreeSet<UnitName>,
}

/// Why nothing touches a unit, by the playbook's own word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their names")]
pub struct Hold {
    pub reason: String,
    /// `None`: until somebody takes it out of the playbook.
    pub until: Option<Until>,
    /// Where it is written.
    pub place: Place,
}

/// The end of a hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Until {
    /// From then on the unit is free, microseconds since the epoch.
    pub us: i64,
    /// As people read it.
    pub text: String,
}

/// A unit, claimed. Where a field is `None` that aspect is not ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesiredUnit {
    /// Who claims it, and where.
    pub claim: Claim,
    /// Remove what our ledger says we installed of this unit; nothing else below is set then.
    pub absent: bool,
    /// What is there already of it becomes ours: its file, its links, its mask.
    pub adopt: bool,
    /// Drop-ins of which what is there already becomes ours, by file name.
    pub adopted_drop_ins: BTreeSet<String>,
    /// Nothing touches the unit. A template's hold is its instances' as well.
    pub hold: Option<Hold>,
    /// The text of `/etc/systemd/system/NAME`; `None`: the file is a package's, a template's or an admin's.
    pub fragment: Option<Bytes>,
    /// Drop-ins by file name with `.conf`, in `/etc/systemd/system/NAME.d/`. Other drop-ins are not ours.
    pub drop_ins: BTreeMap<String, Wanted<Bytes>>,
    /// The set of links that `[Install]` asks for, or none.
    pub enabled: Option<bool>,
    /// Running or not.
    pub state: Option<RunState>,
    /// Masked or not. `Some(true)` comes with `enabled` and `state` resolved to off unless the user said null.
    pub masked: Option<bool>,
    /// Files whose change counts as a change of the unit.
    pub watch: BTreeSet<AbsPath>,
    /// Those of them that a reload of the unit brings.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub reloaded: BTreeSet<AbsPath>,
    /// What a change does.
    pub on_change: OnChange,
    /// For a template with `instances:`.
    pub instances: Option<Instances>,
    /// Files of credentials below `/etc/unitfleet/credentials/UNIT`; a drop-in names them.
    #[serde(default)]
    pub credentials: BTreeMap<AbsPath, FileSpec>,
}

impl DesiredUnit {
    /// A unit of which nothing is wanted yet.
    #[must_use]
    pub fn new(claim: Claim) -> Self {
        Self {
            claim,
            absent: false,
            adopt: false,
            adopted_drop_ins: BTreeSet::new(),
            hold: None,
            fragment: None,
            drop_ins: BTreeMap::new(),
            enabled: None,
            state: None,
            masked: None,
            watch: BTreeSet::new(),
            reloaded: BTreeSet::new(),
            on_change: OnChange::Auto,
            instances: None,
            credentials: BTreeMap::new(),
        }
    }
}
