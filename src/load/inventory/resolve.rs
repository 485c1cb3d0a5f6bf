//! From the draft to the inventory: who inherits what from whom.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Diagnostic, HostName, Vars};

use super::connection::Connection;
use super::draft::{At, Draft, DraftGroup};
use super::{Group, Host, Inventory};

/// Finishes an inventory; the warnings come with it.
pub(super) fn resolve(mut draft: Draft) -> Result<(Inventory, Vec<Diagnostic>), Vec<Diagnostic>> {
    add_built_in(&mut draft);
    let mut problems = std::mem::take(&mut draft.problems);
    let cycles = cycles(&draft.groups);
    if !cycles.is_empty() || problems.iter().any(Diagnostic::is_error) {
        problems.extend(cycles);
        return Err(problems);
    }
    problems.extend(same_names(&draft));
    Ok((build(&draft), problems))
}

/// `all` holds every group without another parent, `ungrouped` every host without another group.
fn add_built_in(draft: &mut Draft) {
    let mut grouped = BTreeSet::new();
    let mut has_parent = BTreeSet::new();
    for (name, group) in &draft.groups {
        if name != "all" && name != "ungrouped" {
            grouped.extend(group.hosts.iter().cloned());
        }
        if name != "all" {
            has_parent.extend(group.children.keys().cloned());
        }
    }
    let alone = draft.hosts.keys().filter(|host| !grouped.contains(*host)).cloned();
    let ungrouped = draft.groups.entry("ungrouped".to_owned()).or_default();
    ungrouped.hosts = alone.collect();
    draft.groups.entry("all".to_owned()).or_default();
    let orphans: Vec<(String, Option<At>)> = draft
        .groups
        .iter()
        .filter(|(name, _)| *name != "all" && !has_parent.contains(*name))
        .map(|(name, group)| (name.clone(), group.at.clone()))
        .collect();
    if let Some(all) = draft.groups.get_mut("all") {
        for (name, at) in orphans {
            all.children.entry(name).or_insert(at);
        }
    }
}

/// Every way by which a group contains itself, shown once with its path.
fn cycles(groups: &BTreeMap<String, DraftGroup>) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for start in groups.keys() {
        let mut path: Vec<(&str, Vec<&str>)> = Vec::new();
        let mut enter = Some(start.as_str());
        loop {
            if let Some(name) = enter.take() {
                let children = groups.get(name).map(|group| group.children.keys().map(String::as_str).collect());
                path.push((name, children.unwrap_or_default()));
            }
            let Some((name, left)) = path.last_mut() else { break };
            let parent = *name;
            let Some(child) = left.pop() else {
                done.insert(parent);
                path.pop();
                continue;
            };
            if let Some(at) = path.iter().position(|(name, _)| *name == child) {
                let names: Vec<&str> = path[at..].iter().map(|(name, _)| *name).chain([child]).collect();
                problems.push(cycle(&names, groups, parent, child));
            } else if !done.contains(child) {
                enter = Some(child);
            }
        }
    }
    problems
}

fn cycle(names: &[&str], groups: &BTreeMap<String, DraftGroup>, parent: &str, child: &str) -> Diagnostic {
    let problem = Diagnostic::error(format!("the group `{child}` contains itself: {}", names.join(" → ")))
        .help("take one of these out of the other's `children`");
    match groups.get(parent).and_then(|group| group.children.get(child)) {
        Some(Some((source, span))) => problem.at(source, span.clone(), ""),
        _ => problem,
    }
}

fn same_names(draft: &Draft) -> Vec<Diagnostic> {
    let both = draft.groups.iter().filter(|(name, _)| draft.hosts.contains_key(name.as_str()));
    both.filter_map(|(name, group)| {
        let (source, span) = group.at.as_ref()?;
        let warning = Diagnostic::warning(format!("`{name}` is a group and a host"))
            .at(source, span.clone(), "")
            .help("a selector means the group; give one of them another name");
        Some(warning)
    })
    .collect()
}

fn build(draft: &Draft) -> Inventory {
    let depths = depths(&draft.groups);
    let ancestors = ancestors(&draft.groups, &depths);
    let mut memberships: BTreeMap<&HostName, BTreeSet<&str>> = BTreeMap::new();
    for (name, group) in &draft.groups {
        for host in &group.hosts {
            let of = memberships.entry(host).or_default();
            of.extend(ancestors.get(name.as_str()).into_iter().flatten().copied());
        }
    }
    let mut inventory = Inventory::default();
    for (name, group) in &draft.groups {
        let children = group.children.keys().cloned().collect();
        let hosts = Vec::new();
        inventory.groups.insert(name.clone(), Group { hosts, children });
    }
    for name in &draft.order {
        let mut groups: Vec<&str> = memberships.get(name).into_iter().flatten().copied().collect();
        groups.sort_by_key(|group| (depths.get(group).copied().unwrap_or_default(), *group));
        for group in &groups {
            if let Some(group) = inventory.groups.get_mut(*group) {
                group.hosts.push(name.clone());
            }
        }
        inventory.hosts.insert(name.clone(), host(draft, name, &groups));
    }
    inventory
}

fn host(draft: &Draft, name: &HostName, groups: &[&str]) -> Host {
    let mut connection = Connection::default();
    let mut vars = Vars::new();
    let of_groups = groups.iter().filter_map(|group| draft.groups.get(*group)).map(|group| &group.own);
    for own in of_groups.chain(draft.hosts.get(name)) {
        connection.overlay(&own.connection);
        vars.extend(own.vars.clone());
    }
    Host {
        target: connection.target(name.clone()),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        vars,
    }
}

/// The longest way from `all`, as Ansible counts. The groups hold no cycle.
fn depths(groups: &BTreeMap<String, DraftGroup>) -> BTreeMap<&str, usize> {
    let mut waiting: BTreeMap<&str, usize> = groups.keys().map(|name| (name.as_str(), 0)).collect();
    for child in groups.values().flat_map(|group| group.children.keys()) {
        *waiting.entry(child).or_default() += 1;
    }
    let mut ready: Vec<&str> = waiting.iter().filter(|(_, left)| **left == 0).map(|(name, _)| *name).collect();
    let mut depths: BTreeMap<&str, usize> = ready.iter().map(|name| (*name, usize::from(*name != "all"))).collect();
    while let Some(name) = ready.pop() {
        let depth = depths.get(name).copied().unwrap_or_default() + 1;
        for child in groups.get(name).into_iter().flat_map(|group| group.children.keys()) {
            let known = depths.entry(child).or_default();
            *known = depth.max(*known);
            if let Some(left) = waiting.get_mut(child.as_str()) {
                *left -= 1;
                if *left == 0 {
                    ready.push(child);
                }
            }
        }
    }
    depths
}

/// Every group with itself and all groups above it.
fn ancestors<'a>(
    groups: &'a BTreeMap<String, DraftGroup>,
    depths: &BTreeMap<&'a str, usize>,
) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut above: BTreeMap<&str, BTreeSet<&str>> =
        groups.keys().map(|name| (name.as_str(), BTreeSet::from([name.as_str(), "all"]))).collect();
    // Parents are less deep than their children, so each group is complete before it is handed on.
    let mut by_depth: Vec<&str> = groups.keys().map(String::as_str).collect();
    by_depth.sort_by_key(|name| depths.get(name).copied().unwrap_or_default());
    for name in by_depth {
        let own = above.get(name).cloned().unwrap_or_default();
        for child in groups.get(name).into_iter().flat_map(|group| group.children.keys()) {
            above.entry(child).or_default().extend(own.iter().copied());
        }
    }
    above
}
