//! Variables of a manifest that hide what the inventory says of the host.
//!
//! `vars` are stronger than the inventory, which surprises who comes from Ansible's roles and sets a variable of a host
//! in vain. It may be meant, so it is only a hint. `defaults` are weaker, and a unit's own `vars` are a template's
//! arguments: neither hides anything that somebody would look for.

use std::collections::BTreeMap;

use serde_json::Value;

use super::scope::key;
use super::variables::written_at;
use crate::load::inventory::Host;
use crate::load::manifest::Manifest;
use crate::model::Diagnostic;
use crate::render::Renderer;

/// What was found so far: (manifest, variable) → the place, and on how many hosts.
#[derive(Debug, Default)]
pub(super) struct Shadows {
    found: BTreeMap<(String, String), (Diagnostic, usize)>,
}

impl Shadows {
    /// Looks at one manifest on one host.
    pub(super) fn look(&mut self, manifest: &Manifest, renderer: &Renderer, of_host: &Host) {
        for (name, value) in &manifest.vars {
            // A variable that names itself means what the inventory says, and adds to it.
            if !of_host.vars.contains_key(name) || names_itself(name, value, renderer) {
                continue;
            }
            let found = self.found.entry((manifest.name.to_string(), name.clone())).or_insert_with(|| {
                let span = manifest.spans.key(&[key("vars"), key(name)]);
                let place = written_at(&of_host.layers, name).map(|place| format!(" ({place})")).unwrap_or_default();
                (Diagnostic::hint(place).at(manifest.spans.source(), span, ""), 0)
            });
            found.1 += 1;
        }
    }

    /// What there is to say, each thing once.
    pub(super) fn hints(self) -> impl Iterator<Item = Diagnostic> {
        self.found.into_iter().map(|((_, name), (mut hint, hosts))| {
            let hosts = if hosts == 1 { "1 host".to_owned() } else { format!("{hosts} hosts") };
            let place = std::mem::take(&mut hint.message);
            hint.message = format!("`{name}` here hides what the inventory says of it on {hosts}{place}");
            hint.help("a value that the inventory may override belongs into `defaults`")
        })
    }
}

fn names_itself(name: &str, value: &Value, renderer: &Renderer) -> bool {
    match value {
        Value::String(text) => renderer.variables(text).contains(name),
        Value::Array(items) => items.iter().any(|item| names_itself(name, item, renderer)),
        Value::Object(map) => map.values().any(|item| names_itself(name, item, renderer)),
        _ => false,
    }
}
