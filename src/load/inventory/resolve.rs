//! From the draft to the inventory: who inherits what from whom.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::load::allowed::closest;
use crate::model::{Diagnostic, HostName, Vars};

use super::connection::Connection;
use super::draft::{At, Draft, DraftGroup, Mention, Origin, Said};
use super::{Group, Host, Inventory};

/// Finishes an inventory; the warnings come with it.
pub(super) fn resolve(mut draft: Draft) -> Result<(Inventory, Vec<Diagnostic>), Vec<Diagnostic>> {
    add_built_in(&mut draft);
    let mut problems = std::mem::take(&mut draft.problems);
    problems.extend(undeclared(&draft));
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
            has_parent.extend(group.child_names().map(str::to_owned));
        }
    }
    let alone = draft.order.iter().filter(|host| !grouped.contains(*host)).cloned().collect();
    draft.group_mut("ungrouped").set_hosts(alone);
    draft.group_mut("all");
    // As in Ansible, where `ungrouped` is there before anything is read: its hosts are the first of `all`.
    let names = std::iter::once("ungrouped").chain(draft.group_order.iter().map(String::as_str));
    let orphans: Vec<(String, Option<At>)> = names
        .filter(|name| *name != "all" && !has_parent.contains(*name))
        .filter_map(|name| Some((name.to_owned(), draft.groups.get(name)?.at.clone())))
        .collect();
    let all = draft.group_mut("all");
    let written = std::mem::take(&mut all.children);
    let first = orphans.iter().take(1).filter(|(name, _)| name == "ungrouped").cloned();
    let mut seen = BTreeSet::new();
    all.children =
        first.chain(written).chain(orphans.iter().cloned()).filter(|(name, _)| seen.insert(name.clone())).collect();
}

/// Groups that are spoken of and that no source declares.
fn undeclared(draft: &Draft) -> Vec<Diagnostic> {
    let built_in = |name: &str| matches!(name, "all" | "ungrouped");
    let names = || draft.groups.iter().filter(|(name, group)| group.at.is_some() || built_in(name));
    let missing = draft.groups.iter().filter(|(name, group)| group.at.is_none() && !built_in(name));
    missing
        .filter_map(|(name, group)| {
            let ((source, span), mention) = group.mentioned.as_ref()?;
            let message = match mention {
                Mention::Child => format!("the group `{name}` is a child here, and declared nowhere"),
                Mention::Vars => format!("the group `{name}` has variables here, and is declared nowhere"),
            };
            let help = match closest(name, names().map(|(name, _)| name.as_str())) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if draft.hosts.contains_key(name.as_str()) => {
                    format!("`{name}` is a host: hosts stand below `[GROUP]`, without `:children`")
                }
                None => format!("declare it with a line `[{name}]`, and its hosts below"),
            };
            Some(Diagnostic::error(message).at(source, span.clone(), "").help(help))
        })
        .collect()
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
                let children = groups.get(name).map(|group| group.child_names().collect());
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
    let known = groups.get(parent).into_iter().flat_map(|group| &group.children);
    match known.filter(|(name, _)| name == child).find_map(|(_, at)| at.as_ref()) {
        Some((source, span)) => problem.at(source, span.clone(), ""),
        None => problem,
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
        let children = group.child_names().map(str::to_owned).collect();
        let own = group.hosts.clone();
        inventory.groups.insert(name.clone(), Group { hosts: hosts_of(&draft.groups, name), own, children });
    }
    for name in &draft.order {
        let mut groups: Vec<&str> = memberships.get(name).into_iter().flatten().copied().collect();
        let priority = |group: &str| draft.groups.get(group).map_or(1, DraftGroup::priority);
        groups.sort_by_key(|group| (depths.get(group).copied().unwrap_or_default(), priority(group), *group));
        inventory.hosts.insert(name.clone(), host(draft, name, &groups));
    }
    inventory
}

/// A group's own hosts, then those of its children, then those of theirs: the order that slices count in.
fn hosts_of(groups: &BTreeMap<String, DraftGroup>, name: &str) -> Vec<HostName> {
    let mut hosts = Vec::new();
    let mut seen_hosts = BTreeSet::new();
    let mut seen = BTreeSet::from([name]);
    let mut open = VecDeque::from([name]);
    while let Some(group) = open.pop_front().and_then(|name| groups.get(name)) {
        hosts.extend(group.hosts.iter().filter(|host| seen_hosts.insert(*host)).cloned());
        open.extend(group.child_names().filter(|child| seen.insert(*child)));
    }
    hosts
}

/// How strong a place is. As Ansible documents it: what inventories say of groups, then `group_vars/all`, then the
/// other files of `group_vars/`, then what inventories say of the host, then `host_vars/`; of folders, those beside a
/// playbook win over those beside an inventory, and a later source over an earlier one; only then parents come before
/// children. So `group_vars/all` wins over `[web:vars]` of the inventory itself, in Ansible and here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    OfGroup,
    AllVars(Origin),
    GroupVars(Origin),
    OfHost,
    HostVars(Origin),
}

impl Strength {
    fn of_group(name: &str, origin: Origin) -> Self {
        match origin {
            Origin::Source => Self::OfGroup,
            folder if name == "all" => Self::AllVars(folder),
            folder => Self::GroupVars(folder),
        }
    }

    fn of_host(origin: Origin) -> Self {
        match origin {
            Origin::Source => Self::OfHost,
            folder => Self::HostVars(folder),
        }
    }
}

fn host(draft: &Draft, name: &HostName, groups: &[&str]) -> Host {
    let mut said: Vec<(Strength, &Arc<Said>)> = Vec::new();
    for group in groups {
        let of_group = draft.groups.get(*group).into_iter().flat_map(|group| &group.said);
        said.extend(of_group.map(|said| (Strength::of_group(group, said.origin), said)));
    }
    let own = draft.hosts.get(name).into_iter().flatten();
    said.extend(own.map(|said| (Strength::of_host(said.origin), said)));
    // Stable: among equals, parents stay before children and earlier lines before later ones.
    said.sort_by_key(|(strength, _)| *strength);
    let mut connection = Connection::default();
    let mut vars = Vars::new();
    let mut layers = Vec::new();
    for (_, said) in said {
        connection.overlay(&said.connection);
        let entries = said.layer.entries.iter().filter(|entry| !entry.connection);
        vars.extend(entries.map(|entry| (entry.name.clone(), entry.value.clone())));
        layers.push(Arc::clone(&said.layer));
    }
    Host {
        target: connection.target(name.clone()),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        vars,
        layers,
    }
}

/// The longest way from `all`, as Ansible counts. The groups hold no cycle.
fn depths(groups: &BTreeMap<String, DraftGroup>) -> BTreeMap<&str, usize> {
    let mut waiting: BTreeMap<&str, usize> = groups.keys().map(|name| (name.as_str(), 0)).collect();
    for child in groups.values().flat_map(DraftGroup::child_names) {
        *waiting.entry(child).or_default() += 1;
    }
    let mut ready: Vec<&str> = waiting.iter().filter(|(_, left)| **left == 0).map(|(name, _)| *name).collect();
    let mut depths: BTreeMap<&str, usize> = ready.iter().map(|name| (*name, usize::from(*name != "all"))).collect();
    while let Some(name) = ready.pop() {
        let depth = depths.get(name).copied().unwrap_or_default() + 1;
        for child in groups.get(name).into_iter().flat_map(DraftGroup::child_names) {
            let known = depths.entry(child).or_default();
            *known = depth.max(*known);
            if let Some(left) = waiting.get_mut(child) {
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
        for child in groups.get(name).into_iter().flat_map(DraftGroup::child_names) {
            above.entry(child).or_default().extend(own.iter().copied());
        }
    }
    above
}
