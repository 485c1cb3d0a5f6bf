//! Where something happened, for messages and for commands that a reader can copy.

use std::fmt;

use crate::model::Target;

/// A host as the inventory has it, or this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// What ssh is given as its destination; `None` is this very machine.
    pub(super) address: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) user: Option<String>,
}

impl Place {
    pub(super) fn of(target: &Target) -> Self {
        let address = target.address.as_deref().unwrap_or(target.host.as_str());
        Self { address: Some(address.to_owned()), port: target.port, user: target.user.clone() }
    }

    pub(super) fn this_machine() -> Self {
        Self { address: None, port: None, user: None }
    }

    #[cfg(test)]
    pub(super) fn of_address(address: &str, user: Option<&str>) -> Self {
        Self { address: Some(address.to_owned()), port: None, user: user.map(str::to_owned) }
    }

    /// The host as `known_hosts` writes it.
    pub(super) fn known_hosts_name(&self) -> String {
        let address = self.address.as_deref().unwrap_or("localhost");
        match self.port {
            Some(port) if port != 22 => format!("'[{address}]:{port}'"),
            _ => address.to_owned(),
        }
    }

    /// Whether this is the host that ssh calls `name`. Where it is not, `name` is a jump host, or ssh's configuration has
    /// another name for ours.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.address.as_deref().is_some_and(|address| address.eq_ignore_ascii_case(name))
    }

    /// What a reader would type to get there by hand.
    pub(super) fn ssh_command(&self, options: &str) -> String {
        let address = self.address.as_deref().unwrap_or("localhost");
        let user = self.user.as_ref().map_or(String::new(), |user| format!("{user}@"));
        let port = self.port.map_or(String::new(), |port| format!("-p {port} "));
        format!("ssh {options}{port}{user}{address}")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.address, self.port) {
            (None, _) => f.write_str("this machine"),
            (Some(address), None) => f.write_str(address),
            (Some(address), Some(port)) => write!(f, "{address} port {port}"),
        }
    }
}
