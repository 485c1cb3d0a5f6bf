//! The inventory: hosts, groups, their variables and how to reach them.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{HostName, Target, Vars};

/// All hosts and groups, merged from every inventory given.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// Hosts by name.
    pub hosts: BTreeMap<HostName, Host>,
    /// Groups by name, `all` and `ungrouped` included.
    pub groups: BTreeMap<String, Group>,
}

/// One host.
#[derive(Clone, Debug)]
pub struct Host {
    /// How to reach it.
    pub target: Target,
    /// Every group that it is in, directly or through children; weakest first (`all`, then by depth, then by name).
    pub groups: Vec<String>,
    /// The variables of its groups and its own, merged; connection keys are in `target` instead.
    pub vars: Vars,
}

/// One group.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// All its hosts, those of its children included, in the order of the inventory.
    pub hosts: Vec<HostName>,
    /// Its direct children.
    pub children: BTreeSet<String>,
}
