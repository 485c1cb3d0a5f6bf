//! The fleet's wires: a bridge on this machine, and for each host a network namespace with one end of a cable in it.
//!
//! There is no route out of the network: what a host attempts on the internet fails at once instead of hanging.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::address::Network;
use super::lock::Lock;
use super::state::HostRecord;
use super::{SandboxError, command};

const PATIENCE: Duration = Duration::from_secs(20);

/// A fleet's network and one of its hosts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cable<'a> {
    pub(super) network: Network,
    pub(super) host: &'a HostRecord,
}

impl Cable<'_> {
    /// The host's network namespace.
    pub(super) fn namespace(self) -> PathBuf {
        Path::new("/run/netns").join(self.network.machine(&self.host.name))
    }

    /// Lays the cable anew: after a power cut no address, route or packet filter of before is left. A cable that was
    /// cut is whole again.
    pub(super) fn lay(self, state: &Path) -> Result<(), SandboxError> {
        self.remove()?;
        let namespace = self.network.machine(&self.host.name);
        let cable = self.network.cable(self.host.number);
        {
            let _lock = Lock::of_machine(state)?;
            ip(&["netns", "add", &namespace])?;
        }
        let hardware = self.network.hardware(self.host.number);
        ip(&[
            "link", "add", &cable, "type", "veth", "peer", "name", "eth0", "address", &hardware, "netns", &namespace,
        ])?;
        ip(&["link", "set", &cable, "master", &self.network.bridge(), "up"])?;
        let address = format!("{}/24", self.host.address);
        ip(&["-n", &namespace, "link", "set", "lo", "up"])?;
        ip(&["-n", &namespace, "address", "add", &address, "dev", "eth0"])?;
        ip(&["-n", &namespace, "link", "set", "eth0", "up"])
    }

    /// Takes the cable away, if it is there: whoever is connected hears nothing more, and whoever connects finds nobody.
    pub(super) fn unplug(self) -> Result<(), SandboxError> {
        remove_link(&self.network.cable(self.host.number))
    }

    /// Removes cable and namespace, if they are there. The cable goes first: a namespace is only taken apart some time
    /// after its last user has gone, and would hold the cable's name until then.
    pub(super) fn remove(self) -> Result<(), SandboxError> {
        self.unplug()?;
        if self.namespace().exists() {
            ip(&["netns", "delete", &self.network.machine(&self.host.name)])?;
        }
        Ok(())
    }

    /// Cuts the cable, or mends it.
    pub(super) fn set(self, up: bool) -> Result<(), SandboxError> {
        let state = if up { "up" } else { "down" };
        ip(&["link", "set", &self.network.cable(self.host.number), state])
    }
}

/// Makes the bridge, with this machine's own address on it, unless it is there.
pub(super) fn add_bridge(network: Network) -> Result<(), SandboxError> {
    let bridge = network.bridge();
    if link_exists(&bridge) {
        return Ok(());
    }
    ip(&["link", "add", &bridge, "type", "bridge"])?;
    ip(&["address", "add", &format!("{}/24", network.gateway()), "dev", &bridge])?;
    ip(&["link", "set", &bridge, "up"])
}

/// Removes the bridge, if it is there.
pub(super) fn remove_bridge(network: Network) -> Result<(), SandboxError> {
    remove_link(&network.bridge())
}

/// The networks whose bridges are there, whoever made them.
pub(super) fn bridges() -> BTreeSet<Network> {
    Network::all().filter(|network| link_exists(&network.bridge())).collect()
}

/// What this machine has and reaches, for the choice of a network.
pub(super) fn addresses_and_routes() -> Result<String, SandboxError> {
    let mut text = String::new();
    for arguments in [["-o", "-4", "address"], ["-o", "-4", "route"]] {
        let output = command::run(program().args(arguments), PATIENCE)?;
        text.push_str(&String::from_utf8_lossy(&output.stdout));
        text.push('\n');
    }
    Ok(text)
}

fn remove_link(name: &str) -> Result<(), SandboxError> {
    if link_exists(name) {
        ip(&["link", "delete", name])?;
    }
    Ok(())
}

fn link_exists(name: &str) -> bool {
    Path::new("/sys/class/net").join(name).exists()
}

fn ip(arguments: &[&str]) -> Result<(), SandboxError> {
    command::run(program().args(arguments), PATIENCE).map(|_| ())
}

fn program() -> Command {
    command::program("ip")
}
