//! What a fleet was made of: `state.json` in its directory. What it is doing is never written down.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::address::Network;
use super::{FleetName, Options, Release, SandboxError, files};

/// Raised when an older version of the program could not take a fleet down correctly.
const VERSION: u32 = 1;
const FILE: &str = "state.json";

/// One host of a fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRecord {
    /// Its name, in the inventory and to itself.
    pub name: String,
    /// Counted from 1.
    pub number: u8,
    /// Its address.
    pub address: Ipv4Addr,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FleetState {
    pub(super) version: u32,
    pub(super) name: FleetName,
    pub(super) release: Release,
    pub(super) hardened: bool,
    /// The base below the hosts' own files.
    pub(super) base: PathBuf,
    pub(super) network: Network,
    pub(super) hosts: Vec<HostRecord>,
}

impl FleetState {
    pub(super) fn new(options: &Options, base: PathBuf, network: Network) -> Self {
        let hosts = (1..).zip(options.host_names());
        let hosts = hosts.map(|(number, name)| HostRecord { name, number, address: network.host(number) });
        Self {
            version: VERSION,
            name: options.name.clone(),
            release: options.release,
            hardened: options.hardened,
            base,
            network,
            hosts: hosts.collect(),
        }
    }

    /// Reads a fleet's state; `None` if there is no such fleet, or nothing left of it but its directory.
    pub(super) fn read(directory: &Path) -> Result<Option<Self>, SandboxError> {
        let path = directory.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(SandboxError::io("read", path)(error)),
        };
        Self::parse(&text).map(Some).map_err(|why| SandboxError::State { path, why })
    }

    fn parse(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let versioned: Versioned = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if versioned.version != VERSION {
            return Err(format!("it has version {}, this program knows {VERSION}", versioned.version));
        }
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// Brings the fleet's directory into being, whole with its state in it. From here on `down` finds everything.
    pub(super) fn found(&self, directory: &Path) -> Result<(), SandboxError> {
        let new = directory.with_file_name(format!(".{}.new", self.name));
        files::remove_tree(&new)?;
        files::create_directory(&new, 0o755)?;
        let text = serde_json::to_string_pretty(self).expect("plain data always has a JSON form");
        let path = new.join(FILE);
        files::write(&path, 0o644, &format!("{text}\n"))?;
        let sync = |path: &Path| File::open(path).and_then(|file| file.sync_all());
        sync(&path).map_err(SandboxError::io("sync", &path))?;
        fs::rename(&new, directory).map_err(SandboxError::io("create", directory))
    }

    /// The host of that name.
    pub(super) fn host(&self, name: &str) -> Result<&HostRecord, SandboxError> {
        self.hosts.iter().find(|host| host.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.hosts.iter().map(|host| host.name.as_str()).collect();
            SandboxError::NoHost { fleet: self.name.to_string(), host: name.to_owned(), hosts: names.join(", ") }
        })
    }
}

/// The names of all fleets, sorted.
pub(super) fn names(state: &Path) -> Result<Vec<FleetName>, SandboxError> {
    let entries = match fs::read_dir(state) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(SandboxError::io("read the directory", state)(error)),
    };
    let names = entries.flatten().filter_map(|entry| FleetName::parse(entry.file_name().to_str()?).ok());
    let mut names: Vec<FleetName> = names.collect();
    names.sort();
    Ok(names)
}

/// The networks of all fleets.
pub(super) fn networks(state: &Path) -> Result<BTreeSet<Network>, SandboxError> {
    let mut networks = BTreeSet::new();
    for name in names(state)? {
        networks.extend(FleetState::read(&state.join(name.as_str()))?.map(|fleet| fleet.network));
    }
    Ok(networks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> FleetState {
        let options = Options { name: FleetName::parse("web").unwrap(), hosts: 2, ..Options::default() };
        let network = Network::choose(&BTreeSet::new()).unwrap();
        FleetState::new(&options, "/base".into(), network)
    }

    #[test]
    fn a_fleet_is_founded_whole_found_again_and_listed() {
        let directory = tempfile::tempdir().unwrap();
        let state = example();
        let path = directory.path().join("web");
        state.found(&path).unwrap();
        assert_eq!(FleetState::read(&path).unwrap(), Some(state));
        assert_eq!(names(directory.path()).unwrap(), [FleetName::parse("web").unwrap()]);
        assert_eq!(networks(directory.path()).unwrap().len(), 1);
        assert_eq!(FleetState::read(&directory.path().join("other")).unwrap(), None);
    }

    #[test]
    fn a_state_of_another_version_is_not_guessed_at() {
        let text = serde_json::to_string(&example()).unwrap();
        let newer = text.replace("\"version\":1", "\"version\":2");
        assert_eq!(FleetState::parse(&newer).unwrap_err(), "it has version 2, this program knows 1");
        assert!(FleetState::parse("{").is_err());
    }

    #[test]
    fn an_unknown_host_is_answered_with_those_that_there_are() {
        let state = example();
        assert_eq!(state.host("web2").unwrap().address.to_string(), "10.213.0.12");
        assert_eq!(
            state.host("web3").unwrap_err().to_string(),
            "the fleet `web` has no host `web3`; it has web1, web2"
        );
    }
}
