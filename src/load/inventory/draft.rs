//! Groups and hosts as the sources name them, whatever their dialect, before anything is inherited.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use crate::load::allowed::Notes;
use crate::model::{Diagnostic, HostName, SourceFile};

use super::connection::{self, Connection, Whose};
use super::layer::Layer;
use super::range::{MAX_HOSTS, expand};
use super::setting::Setting;

/// A place in one of the files.
pub(super) type At = (Arc<SourceFile>, Range<usize>);

/// Everything that was read so far.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) problems: Vec<Diagnostic>,
    pub(super) hosts: BTreeMap<HostName, Vec<Arc<Said>>>,
    /// Hosts in the order in which they were first named.
    pub(super) order: Vec<HostName>,
    pub(super) groups: BTreeMap<String, DraftGroup>,
    /// Groups in the order in which they were first named.
    pub(super) group_order: Vec<String>,
    pub(super) warned: BTreeSet<String>,
}

/// Where something is said; what follows from it for its strength is in `resolve`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// In an inventory.
    Source,
    /// In the folders of variables that belong to the inventory of this position.
    Beside(usize),
    /// In the folders of variables beside the playbook of this position.
    Playbook(usize),
}

/// What one place says about a host or group.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) layer: Arc<Layer>,
    pub(super) connection: Connection,
    pub(super) priority: Option<i64>,
    pub(super) origin: Origin,
}

/// One group, merged over all places that name it.
#[derive(Default)]
pub(super) struct DraftGroup {
    pub(super) said: Vec<Arc<Said>>,
    /// Its own hosts, in their order.
    pub(super) hosts: Vec<HostName>,
    has: BTreeSet<HostName>,
    /// Direct children in their order, each with the place that makes it one; what is built in has none.
    pub(super) children: Vec<(String, Option<At>)>,
    has_child: BTreeSet<String>,
    /// Where it is first named as a group of its own; one that is only mentioned has no such place.
    pub(super) at: Option<At>,
    /// Where it is mentioned: as a child, or as one whose variables are set.
    pub(super) mentioned: Option<(At, Mention)>,
}

/// How a group is mentioned that has to be declared elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mention {
    Child,
    Vars,
}

impl DraftGroup {
    pub(super) fn add_child(&mut self, child: &str, at: Option<At>) {
        if self.has_child.insert(child.to_owned()) {
            self.children.push((child.to_owned(), at));
        }
    }

    pub(super) fn set_hosts(&mut self, hosts: Vec<HostName>) {
        self.has = hosts.iter().cloned().collect();
        self.hosts = hosts;
    }

    pub(super) fn child_names(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.children.iter().map(|(name, _)| name.as_str())
    }

    /// What stands in the inventories themselves, in their order.
    pub(super) fn priority(&self) -> i64 {
        self.said.iter().rev().find_map(|said| said.priority).unwrap_or(1)
    }
}

impl Draft {
    pub(super) fn group_mut(&mut self, name: &str) -> &mut DraftGroup {
        if !self.groups.contains_key(name) {
            self.group_order.push(name.to_owned());
        }
        self.groups.entry(name.to_owned()).or_default()
    }

    /// Declares a group; false, with an error, if its name cannot be one.
    pub(super) fn declare(&mut self, name: &str, span: Range<usize>, notes: &mut Notes<'_>) -> bool {
        if !is_group_name(name) {
            let message = format!("`{}` cannot name a group", name.escape_debug());
            notes.error(span, message, "use letters, digits, `_`, `-` and `.`");
            return false;
        }
        let at = (Arc::clone(notes.source), span);
        self.group_mut(name).at.get_or_insert(at);
        true
    }

    /// Notes that a group is spoken of that should be declared somewhere.
    pub(super) fn mention(&mut self, name: &str, mention: Mention, span: Range<usize>, notes: &Notes<'_>) {
        let at = (Arc::clone(notes.source), span);
        self.group_mut(name).mentioned.get_or_insert((at, mention));
    }

    /// Keeps what is said about a group.
    pub(super) fn say_of_group(&mut self, name: &str, settings: Vec<Setting>, notes: &mut Notes<'_>) {
        if settings.is_empty() {
            return;
        }
        let what = (format!("group {name}"), Whose::Group, Origin::Source);
        let said = Arc::new(connection::take(settings, what, &mut self.warned, notes));
        self.group_mut(name).said.push(said);
    }

    /// Adds hosts to a group, with what is said about all of them.
    pub(super) fn add_hosts(&mut self, group: &str, hosts: Vec<HostName>, said: Option<&Arc<Said>>) {
        for host in hosts {
            if !self.hosts.contains_key(&host) {
                self.order.push(host.clone());
            }
            self.hosts.entry(host.clone()).or_default().extend(said.map(Arc::clone));
            let group = self.group_mut(group);
            if group.has.insert(host.clone()) {
                group.hosts.push(host);
            }
        }
    }

    /// What is said about hosts that a pattern stands for; a port behind the name is the weakest of it.
    pub(super) fn say_of_hosts(
        &mut self,
        pattern: &str,
        port: Option<(u16, Range<usize>)>,
        mut settings: Vec<Setting>,
        notes: &mut Notes<'_>,
    ) -> Option<Arc<Said>> {
        let set = |name: &str| settings.iter().any(|setting| setting.name == name);
        if let Some((port, span)) = port
            && !set("port")
            && !set("ansible_port")
        {
            settings.push(Setting {
                name: "ansible_port".to_owned(),
                value: port.into(),
                text: Some(port.to_string()),
                typed: true,
                key: span.clone(),
                span,
            });
        }
        if settings.is_empty() {
            return None;
        }
        let what = (format!("host {pattern}"), Whose::Host, Origin::Source);
        Some(Arc::new(connection::take(settings, what, &mut self.warned, notes)))
    }

    /// The hosts that a pattern stands for, and the port that is written behind it.
    pub(super) fn expanded(
        &self,
        pattern: &str,
        span: &Range<usize>,
        notes: &mut Notes<'_>,
    ) -> (Vec<HostName>, Option<(u16, Range<usize>)>) {
        let nothing = (Vec::new(), None);
        let (name, port) = match split_port(pattern) {
            Ok(split) => split,
            Err((message, help)) => {
                notes.error(span.clone(), message, help);
                return nothing;
            }
        };
        let names = match expand(name, MAX_HOSTS) {
            Ok(names) => names,
            Err((message, help)) => {
                notes.error(span.clone(), message, help);
                return nothing;
            }
        };
        if self.hosts.len() + names.len() > MAX_HOSTS && (names.len() > 1 || !self.hosts.contains_key(name)) {
            let help = format!("an inventory holds at most {MAX_HOSTS} hosts");
            notes.error(span.clone(), format!("with `{pattern}` there are too many hosts"), help);
            return nothing;
        }
        let mut hosts = Vec::new();
        for name in names {
            match HostName::parse(&name) {
                Ok(host) => hosts.push(host),
                Err(error) => {
                    let help = "a host's name is written with letters, digits, `.`, `-`, `_` and `:`; its address is `address:` or `ansible_host`";
                    notes.error(span.clone(), error.to_string(), help);
                    break;
                }
            }
        }
        (hosts, port.map(|port| (port, span.clone())))
    }
}

/// Characters that selectors or ranges give a meaning to cannot be part of a group's name.
pub(super) fn is_group_name(name: &str) -> bool {
    let fine = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    !name.is_empty() && !name.starts_with('-') && name.chars().all(fine)
}

/// `web1:2222` and `[fe80::1]:2222` name a port as in Ansible; an address of IPv6 alone has more colons and no port.
fn split_port(pattern: &str) -> Result<(&str, Option<u16>), (String, String)> {
    let bracketed = pattern.strip_prefix('[').and_then(|rest| rest.rsplit_once("]:"));
    let (host, digits) = match bracketed {
        Some(split) => split,
        None => match pattern.rsplit_once(':') {
            Some((host, digits)) if is_one_name(host) => (host, digits),
            _ => return Ok((pattern, None)),
        },
    };
    match digits.parse::<u16>() {
        Ok(port) if port > 0 => Ok((host, Some(port))),
        _ => {
            let message = format!("`{pattern}`: `{digits}` is not a port");
            Err((message, format!("a port is a number from 1 to 65535, as in `{host}:22`")))
        }
    }
}

/// Whether all brackets are closed, and no colon stands outside of them: there it belongs to an address of IPv6.
fn is_one_name(text: &str) -> bool {
    let mut depth = 0_i32;
    text.chars().all(|c| {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            ':' => return depth > 0,
            _ => {}
        }
        true
    }) && depth == 0
}
