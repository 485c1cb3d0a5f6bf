//! How a host is reached: the inventory's connection keys, checked.

use serde::{Deserialize, Serialize};

use super::HostName;

/// Variables of a host, a group or a manifest, in the order in which they were written.
pub type Vars = serde_json::Map<String, serde_json::Value>;

/// How to get to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionKind {
    /// OpenSSH's `ssh`.
    #[default]
    Ssh,
    /// This very machine.
    Local,
}

/// Everything that the inventory says about reaching a host. What it does not say is left to ssh's own configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The name in the inventory; also what ssh is given where there is no `address`.
    pub host: HostName,
    /// `connection`.
    pub kind: ConnectionKind,
    /// `address` (`ansible_host`).
    pub address: Option<String>,
    /// `port` (`ansible_port`).
    pub port: Option<u16>,
    /// `user` (`ansible_user`).
    pub user: Option<String>,
    /// `identity_file` (`ansible_ssh_private_key_file`), `~` not yet expanded.
    pub identity_file: Option<String>,
    /// `ssh_config`: an extra configuration file for ssh.
    pub ssh_config: Option<String>,
    /// `ssh_args` (`ansible_ssh_common_args`), split into words as a shell would.
    pub ssh_args: Vec<String>,
    /// `become` (`ansible_become`): root through `sudo -n`.
    pub become_root: bool,
}

impl Target {
    /// A host reached by ssh under its own name, with nothing else said.
    #[must_use]
    pub fn ssh(host: HostName) -> Self {
        Self {
            host,
            kind: ConnectionKind::Ssh,
            address: None,
            port: None,
            user: None,
            identity_file: None,
            ssh_config: None,
            ssh_args: Vec::new(),
            become_root: false,
        }
    }
}
