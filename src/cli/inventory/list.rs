//! Hosts and groups: as a table, as a tree, as `ansible-inventory --list` prints them.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde_json::{Map, Value, json};

use crate::cli::fleet::SCHEMA_VERSION;
use crate::load::inventory::{CONNECTION_KEYS, Group, Host, Inventory};
use crate::model::{ConnectionKind, HostName};
use crate::report::table::{Cell, Column, Table};

/// One row for each host.
pub(super) fn write(
    out: &mut dyn Write,
    inventory: &Inventory,
    selected: &BTreeSet<HostName>,
    width: usize,
) -> io::Result<()> {
    if selected.is_empty() {
        return writeln!(out, "No hosts.");
    }
    let mut table = Table::new(0, &[Column::LEFT, Column::LEFT, Column::LEFT, Column::LEFT, Column::LEFT]);
    table.row(["HOST", "ADDRESS", "USER", "ROOT", "GROUPS"].map(Cell::plain).into());
    for name in in_order(inventory, selected) {
        let Some(host) = inventory.hosts.get(name) else { continue };
        let target = &host.target;
        let address = match (target.kind, target.address.as_deref(), target.port) {
            (ConnectionKind::Local, ..) => "(this machine)".to_owned(),
            (_, None, None) => "-".to_owned(),
            (_, address, None) => address.unwrap_or_default().to_owned(),
            (_, address, Some(port)) => format!("{}:{port}", address.unwrap_or(name.as_str())),
        };
        let user = target.user.clone().unwrap_or_else(|| "-".to_owned());
        let root = if target.become_root { "sudo" } else { "-" };
        let groups: Vec<&str> = host.groups.iter().map(String::as_str).filter(|group| *group != "all").collect();
        let cells = [name.as_str(), &address, &user, root, &groups.join(", ")];
        table.row(cells.map(Cell::plain).into());
    }
    table.write(out, width)?;
    writeln!(out, "\n{}.", super::tally(inventory, selected))
}

/// The selected hosts in the inventory's order.
fn in_order<'a>(inventory: &'a Inventory, selected: &'a BTreeSet<HostName>) -> impl Iterator<Item = &'a HostName> {
    let all = inventory.groups.get("all").into_iter().flat_map(|all| &all.hosts);
    all.filter(|host| selected.contains(*host))
}

/// The groups as a tree.
pub(super) fn write_graph(out: &mut dyn Write, inventory: &Inventory, selected: &BTreeSet<HostName>) -> io::Result<()> {
    branch(out, inventory, selected, "all", 0)
}

fn branch(
    out: &mut dyn Write,
    inventory: &Inventory,
    selected: &BTreeSet<HostName>,
    name: &str,
    depth: usize,
) -> io::Result<()> {
    let line = |out: &mut dyn Write, depth: usize, text: &str| {
        let stem = if depth == 0 { String::new() } else { format!("{}--", "  |".repeat(depth)) };
        writeln!(out, "{stem}{text}")
    };
    let Some(group) = inventory.groups.get(name) else { return Ok(()) };
    line(out, depth, &format!("@{name}:"))?;
    for child in &group.children {
        branch(out, inventory, selected, child, depth + 1)?;
    }
    for host in own(name, group, selected) {
        line(out, depth + 1, host)?;
    }
    Ok(())
}

/// The selected hosts that a group holds itself. Those of `all` are shown where they are below it.
fn own<'a>(name: &str, group: &'a Group, selected: &'a BTreeSet<HostName>) -> Vec<&'a str> {
    let shown = group.own.iter().filter(|host| name != "all" && selected.contains(*host));
    shown.map(HostName::as_str).collect()
}

/// The groups with their hosts and children, for programs.
pub(super) fn write_graph_json(
    out: &mut dyn Write,
    inventory: &Inventory,
    selected: &BTreeSet<HostName>,
) -> io::Result<()> {
    let groups: Map<String, Value> = inventory
        .groups
        .iter()
        .map(|(name, group)| (name.clone(), json!({"hosts": own(name, group, selected), "children": group.children})))
        .collect();
    writeln!(out, "{:#}", json!({"schema_version": SCHEMA_VERSION, "groups": groups}))
}

/// As `ansible-inventory --list`: groups without what is empty in them, and the variables of hosts in `_meta`.
pub(super) fn write_json(out: &mut dyn Write, inventory: &Inventory, selected: &BTreeSet<HostName>) -> io::Result<()> {
    let mut document = Map::new();
    let hosts = in_order(inventory, selected).filter_map(|name| Some((name, inventory.hosts.get(name)?)));
    let hostvars: Map<String, Value> = hosts
        .map(|(name, host)| (name.as_str().to_owned(), Value::Object(variables(host))))
        .filter(|(_, vars)| vars.as_object().is_some_and(|vars| !vars.is_empty()))
        .collect();
    document.insert("_meta".to_owned(), json!({"schema_version": SCHEMA_VERSION, "hostvars": hostvars}));
    for (name, group) in &inventory.groups {
        let mut parts = Map::new();
        let hosts = own(name, group, selected);
        if !hosts.is_empty() {
            parts.insert("hosts".to_owned(), json!(hosts));
        }
        if !group.children.is_empty() {
            parts.insert("children".to_owned(), json!(group.children));
        }
        if !parts.is_empty() {
            document.insert(name.clone(), Value::Object(parts));
        }
    }
    writeln!(out, "{:#}", Value::Object(document))
}

/// A host's variables, its connection keys by Ansible's names among them.
fn variables(host: &Host) -> Map<String, Value> {
    let mut vars = Map::new();
    for (name, definitions) in host.all_definitions() {
        let Some(strongest) = definitions.last() else { continue };
        let alias = CONNECTION_KEYS.iter().find(|(native, _)| strongest.entry.connection && *native == name);
        vars.insert(alias.map_or(name, |(_, alias)| alias).to_owned(), strongest.entry.value.clone());
    }
    vars
}
