//! What a compilation may know beyond the files: secrets, and what the hosts say of themselves.
//!
//! A compilation asks nobody. Where a value is not known yet, a stand-in takes its place, and what was missed is told
//! ([`Needs`]): the caller fetches it and compiles again. So secrets are asked for only where something that a host gets
//! is made of them, all at once, and a playbook can be checked by somebody who may not see a single one. A mistake that
//! only a stand-in could have made is no mistake.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::model::{HostFacts, HostName, Label, MachineFacts, SecretSource, Secrets};
use crate::render::Taint;

/// Secrets and facts, as far as they are known.
#[derive(Clone, Debug, Default)]
pub struct Knowledge {
    /// Values by their source.
    pub secrets: Secrets,
    /// What the hosts said.
    pub facts: BTreeMap<HostName, HostFacts>,
}

/// What was missed.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// Secrets that something was made of, and where the playbook declares them.
    pub secrets: BTreeMap<SecretSource, Label>,
    /// Hosts of which something depends on their facts.
    pub facts: BTreeSet<HostName>,
}

impl Needs {
    /// Takes up what was missed elsewhere; the first place of a secret stays.
    pub(super) fn add(&mut self, other: Needs) {
        for (source, label) in other.secrets {
            self.secrets.entry(source).or_insert(label);
        }
        self.facts.extend(other.facts);
    }
}

/// The word that stands for a secret that is not known, and for one that is not shown.
#[must_use]
pub fn stand_in(secret: &str) -> String {
    format!("‹secret {secret}›")
}

/// What `facts` is in templates. Where no host has spoken: a host of the kind that is usual.
pub(super) fn facts(known: Option<&HostFacts>) -> Value {
    let usual = || MachineFacts {
        hostname: Some("host".to_owned()),
        os: Some("debian".to_owned()),
        os_version: Some("12".to_owned()),
        kernel: Some("6.1.0".to_owned()),
        architecture: Some("x86-64".to_owned()),
        virtualization: Some("none".to_owned()),
        cpus: Some(2),
        memory: Some(4 << 30),
        systemd_creds: true,
    };
    let machine = known.map_or_else(usual, |facts| facts.machine.clone());
    let mut facts = json!({
        "systemd_version": known.map_or(252, |facts| facts.systemd_version),
        "hostname": machine.hostname,
        "os": machine.os,
        "os_version": machine.os_version,
        "kernel": machine.kernel,
        "architecture": machine.architecture,
        "virtualization": machine.virtualization,
        "cpus": machine.cpus,
        "memory": machine.memory,
        "systemd_creds": machine.systemd_creds,
    });
    // What could not be found out is undefined, so that `default(…)` helps.
    if let Value::Object(map) = &mut facts {
        map.retain(|_, value| !value.is_null());
    }
    facts
}

/// The mark of what depends on facts.
pub(super) fn of_facts() -> Taint {
    Taint { facts: true, ..Taint::default() }
}

/// The mark of what a secret went into.
pub(super) fn of_secret(name: &str) -> Taint {
    Taint { secrets: BTreeSet::from([name.to_owned()]), ..Taint::default() }
}
