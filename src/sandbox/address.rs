//! Which network a fleet gets, and every name and number that follows from that choice.
//!
//! A fleet's network is one /24 of 10.213.0.0/16. Its third number also names everything in the kernel that is the
//! fleet's, so that two fleets cannot collide and what is left of a fleet can be found from its state alone.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

/// The third number of a fleet's network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Network(u8);

/// Where the hosts' addresses begin, above this machine's own.
const FIRST_HOST: u8 = 10;

impl Network {
    /// All that there can be.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).map(Self)
    }

    /// The lowest network that nobody has.
    pub(super) fn choose(taken: &BTreeSet<Self>) -> Option<Self> {
        Self::all().find(|network| !taken.contains(network))
    }

    /// Every network that occurs in the output of `ip -o -4 address` or `ip -4 route`, by any address in it.
    pub(super) fn mentioned(text: &str) -> BTreeSet<Self> {
        let addresses = text.split([' ', '\t', '\n', '/', '\\']);
        let octets = addresses.filter_map(|word| word.parse::<Ipv4Addr>().ok()).map(|address| address.octets());
        octets.filter(|octets| octets[..2] == [10, 213]).map(|octets| Self(octets[2])).collect()
    }

    /// This machine's address in it.
    pub(super) fn gateway(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 213, self.0, 1)
    }

    /// A host's address. Hosts are counted from 1.
    pub(super) fn host(self, number: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 213, self.0, FIRST_HOST + number)
    }

    /// A host's hardware address: the same after every boot, so that no neighbour remembers an old one.
    pub(super) fn hardware(self, number: u8) -> String {
        format!("02:d5:00:00:{:02x}:{number:02x}", self.0)
    }

    /// The bridge.
    pub(super) fn bridge(self) -> String {
        format!("uf{}", self.0)
    }

    /// This machine's end of a host's cable. An interface's name has at most 15 characters.
    pub(super) fn cable(self, number: u8) -> String {
        format!("uf{}-{number}", self.0)
    }

    /// The name of a host's machine, network namespace and control group: unique on this machine.
    pub(super) fn machine(self, host: &str) -> String {
        format!("uf{}-{host}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_network_is_chosen() {
        let taken = |numbers: &[u8]| numbers.iter().copied().map(Network).collect::<BTreeSet<_>>();
        assert_eq!(Network::choose(&taken(&[])), Some(Network(0)));
        assert_eq!(Network::choose(&taken(&[0, 1, 3])), Some(Network(2)));
        assert_eq!(Network::choose(&(0..=255).map(Network).collect()), None);
    }

    #[test]
    fn networks_of_this_machine_are_seen_in_addresses_and_routes() {
        let text = "\
1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever
5: uf7    inet 10.213.7.1/24 scope global uf7\\       valid_lft forever preferred_lft forever
default via 10.255.255.1 dev eth0
10.213.9.0/24 via 192.168.1.1 dev eth0
10.214.3.0/24 dev eth1
";
        assert_eq!(Network::mentioned(text), BTreeSet::from([Network(7), Network(9)]));
    }

    #[test]
    fn the_names_of_the_last_host_of_the_last_network_fit() {
        let network = Network(255);
        assert_eq!(network.host(200).to_string(), "10.213.255.210");
        assert_eq!(network.host(1).to_string(), "10.213.255.11");
        assert_eq!(network.hardware(200), "02:d5:00:00:ff:c8");
        assert!(network.cable(200).len() <= 15);
        assert!(network.machine(&"x".repeat(44)).len() <= 64);
    }
}
