//! The files through which others reach a fleet's hosts: inventory, known host keys, and a configuration for `ssh` itself.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::state::{FleetState, HostRecord};

/// Who logs in: root, unless the host's sshd does not let root in.
fn user(fleet: &FleetState) -> &'static str {
    if fleet.hardened { "admin" } else { "root" }
}

/// `inventory.yaml`: all hosts, and the group `sandbox` of them all.
pub(super) fn inventory(fleet: &FleetState, directory: &Path) -> String {
    let identity = directory.join("id_ed25519");
    // Other keys than ours would use up the tries that a careful sshd gives.
    let ssh_args = format!(
        "-o UserKnownHostsFile={} -o GlobalKnownHostsFile=/dev/null -o IdentitiesOnly=yes",
        directory.join("known_hosts").display()
    );
    let connection = |host: &HostRecord| {
        let mut keys = json!({
            "address": host.address,
            "user": user(fleet),
            "identity_file": identity,
            "ssh_args": ssh_args,
        });
        if fleet.hardened {
            keys["become"] = json!(true);
        }
        keys
    };
    // In the fleet's own order: it is the order in which hosts take their turns.
    let hosts: Map<String, Value> = fleet.hosts.iter().map(|host| (host.name.clone(), connection(host))).collect();
    let members: Map<String, Value> = fleet.hosts.iter().map(|host| (host.name.clone(), Value::Null)).collect();
    let inventory = json!({"all": {"hosts": hosts, "children": {"sandbox": {"hosts": members}}}});
    let text = serde_yaml::to_string(&inventory).expect("plain data always has a YAML form");
    format!(
        "# The throw-away hosts of the fleet `{}`. Users: root{}, admin (sudo), plain (no sudo).\n{text}",
        fleet.name,
        if fleet.hardened { " (no login)" } else { "" },
    )
}

/// `known_hosts`, from the hosts' public keys in the fleet's order.
pub(super) fn known_hosts(fleet: &FleetState, keys: &[String]) -> String {
    let mut text = String::new();
    for (host, key) in fleet.hosts.iter().zip(keys) {
        // A key file ends in a comment, which says nothing new here.
        let key: Vec<&str> = key.split_whitespace().take(2).collect();
        writeln!(text, "{},{} {}", host.name, host.address, key.join(" ")).expect("text takes everything");
    }
    text
}

/// `ssh_config`, for `ssh -F … HOST` by hand.
pub(super) fn ssh_config(fleet: &FleetState, directory: &Path) -> String {
    let mut text = String::new();
    for host in &fleet.hosts {
        writeln!(text, "Host {}\n    HostName {}\n", host.name, host.address).expect("text takes everything");
    }
    let directory = directory.display();
    writeln!(
        text,
        "Host *\n    User {}\n    IdentityFile {directory}/id_ed25519\n    IdentitiesOnly yes\n    \
         UserKnownHostsFile {directory}/known_hosts\n    GlobalKnownHostsFile /dev/null",
        user(fleet)
    )
    .expect("text takes everything");
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::address::Network;
    use super::super::{FleetName, Options};
    use super::*;

    fn fleet(hardened: bool) -> FleetState {
        let options = Options { name: FleetName::parse("web").unwrap(), hosts: 2, hardened, ..Options::default() };
        FleetState::new(&options, "/base".into(), Network::choose(&BTreeSet::new()).unwrap())
    }

    #[test]
    fn the_inventory_says_how_to_reach_each_host() {
        let text = inventory(&fleet(false), Path::new("/lib/web"));
        assert_eq!(
            text,
            "\
# The throw-away hosts of the fleet `web`. Users: root, admin (sudo), plain (no sudo).
all:
  hosts:
    web1:
      address: 10.213.0.11
      user: root
      identity_file: /lib/web/id_ed25519
      ssh_args: -o UserKnownHostsFile=/lib/web/known_hosts -o GlobalKnownHostsFile=/dev/null -o IdentitiesOnly=yes
    web2:
      address: 10.213.0.12
      user: root
      identity_file: /lib/web/id_ed25519
      ssh_args: -o UserKnownHostsFile=/lib/web/known_hosts -o GlobalKnownHostsFile=/dev/null -o IdentitiesOnly=yes
  children:
    sandbox:
      hosts:
        web1: null
        web2: null
"
        );
    }

    #[test]
    fn a_hardened_host_is_reached_as_admin() {
        let text = inventory(&fleet(true), Path::new("/lib/web"));
        assert!(text.contains("      user: admin\n"), "{text}");
        assert!(text.contains("      become: true\n"), "{text}");
        assert!(ssh_config(&fleet(true), Path::new("/lib/web")).contains("    User admin\n"));
    }

    #[test]
    fn a_host_is_known_by_name_and_address() {
        let keys = ["ssh-ed25519 AAAA root@web1\n".to_owned(), "ssh-ed25519 BBBB\n".to_owned()];
        assert_eq!(
            known_hosts(&fleet(false), &keys),
            "web1,10.213.0.11 ssh-ed25519 AAAA\nweb2,10.213.0.12 ssh-ed25519 BBBB\n"
        );
    }
}
