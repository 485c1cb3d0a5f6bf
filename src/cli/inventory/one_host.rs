//! One host: its variables, and for each of them every place that defines it.

use std::io::{self, Write};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::cli::Failure;
use crate::cli::fleet::SCHEMA_VERSION;
use crate::load::extra_vars::ExtraVars;
use crate::load::inventory::{Definition, Entry, Host, Inventory, Layer, definitions_of};
use crate::load::manifest::{Manifest, Playbook};
use crate::load::selector::Selector;
use crate::load::spans::Seg;
use crate::model::Vars;
use crate::report::table::{Cell, Column, Table};

/// What is shown of a host: without playbooks one set of variables, with playbooks one for each manifest about it.
pub(super) struct Shown<'a> {
    name: &'a str,
    host: &'a Host,
    sets: Vec<Set>,
}

/// Variables as a manifest sees them.
struct Set {
    manifest: Option<String>,
    /// Weakest first.
    layers: Vec<Arc<Layer>>,
}

impl<'a> Shown<'a> {
    pub(super) fn of(
        name: &'a str,
        inventory: &'a Inventory,
        playbooks: &[Playbook],
        extra: &ExtraVars,
    ) -> Result<Self, Failure> {
        let Some(host) = inventory.hosts.get(name) else { return Err(unknown(name, inventory)) };
        let set = |manifest: Option<&Manifest>| {
            let (defaults, vars) = manifest.map(layers_of).unzip();
            let layers =
                defaults.into_iter().chain(host.layers.iter().cloned()).chain(vars).chain(extra.layers.clone());
            Set { manifest: manifest.map(|manifest| manifest.name.to_string()), layers: layers.collect() }
        };
        let mut sets = Vec::new();
        for manifest in playbooks.iter().flat_map(|playbook| &playbook.manifests) {
            let hosts = manifest.selector.select(inventory).map_err(|error| {
                let span = manifest.spans.value(&[Seg::Key("hosts".to_owned())]);
                Failure::Invalid(vec![error.diagnostic(manifest.spans.source(), span)])
            })?;
            if hosts.contains(name) {
                sets.push(set(Some(manifest)));
            }
        }
        if sets.is_empty() {
            sets.push(set(None));
        }
        Ok(Self { name, host, sets })
    }

    pub(super) fn write(&self, out: &mut dyn Write, explain: bool, width: usize) -> io::Result<()> {
        writeln!(out, "{}  in {}", self.name, self.host.groups.join(", "))?;
        for set in &self.sets {
            writeln!(out)?;
            if let Some(manifest) = &set.manifest {
                writeln!(out, "as {manifest} sees it")?;
            }
            set.table(explain).write(out, width)?;
        }
        if explain {
            writeln!(out, "\nThe value at → wins; below it stand the weaker ones, the next weaker first.")?;
        }
        Ok(())
    }

    pub(super) fn write_json(&self, out: &mut dyn Write, explain: bool) -> io::Result<()> {
        let mut document = json!({"schema_version": SCHEMA_VERSION, "host": self.name, "groups": self.host.groups});
        let parts = |set: &Set| {
            let mut parts = json!({"connection": set.values(true), "variables": set.values(false)});
            if explain {
                parts["definitions"] = set.explained();
            }
            parts
        };
        match self.sets.as_slice() {
            [only] if only.manifest.is_none() => {
                let parts = parts(only);
                if let (Value::Object(document), Value::Object(parts)) = (&mut document, parts) {
                    document.extend(parts);
                }
            }
            sets => {
                let of = sets.iter().filter_map(|set| Some((set.manifest.clone()?, parts(set))));
                document["manifests"] = Value::Object(of.collect());
            }
        }
        writeln!(out, "{document:#}")
    }
}

fn unknown(name: &str, inventory: &Inventory) -> Failure {
    // A selector knows what was meant by a mistyped name.
    let error = Selector::parse(name).and_then(|selector| selector.select(inventory)).err();
    let (message, help) = match error {
        Some(error) => (error.message, error.help),
        None => (format!("`{name}` is no host"), "name one host; `unitfleet inventory list` shows all".to_owned()),
    };
    Failure::Usage(format!("--host {name}: {message}\n help: {help}"))
}

/// The `defaults` and the `vars` of a manifest.
fn layers_of(manifest: &Manifest) -> (Arc<Layer>, Arc<Layer>) {
    let layer = |key: &str, vars: &Vars| {
        let entries = vars.iter().map(|(name, value)| Entry {
            name: name.clone(),
            value: value.clone(),
            key: manifest.spans.key(&[Seg::Key(key.to_owned()), Seg::Key(name.clone())]),
            connection: false,
        });
        let source = Arc::clone(manifest.spans.source());
        Arc::new(Layer { what: format!("{key} of {}", manifest.name), source, entries: entries.collect() })
    };
    (layer("defaults", &manifest.defaults), layer("vars", &manifest.vars))
}

impl Set {
    /// Connection keys first, then variables, each by name, with its definitions, weakest first.
    fn definitions(&self) -> Vec<(&str, Vec<Definition<'_>>)> {
        let of = |connection: bool| definitions_of(&self.layers, connection).into_iter();
        of(true).chain(of(false)).collect()
    }

    fn table(&self, explain: bool) -> Table {
        let columns: &[Column] = if explain { &[Column::LEFT; 3] } else { &[Column::LEFT; 2] };
        let mut table = Table::new(0, columns);
        let heads: &[&str] = if explain { &["NAME", "  VALUE", "DEFINED AT"] } else { &["NAME", "VALUE"] };
        table.row(heads.iter().copied().map(Cell::plain).collect());
        for (name, definitions) in self.definitions() {
            for (index, definition) in definitions.iter().rev().enumerate() {
                let shown = if index == 0 { name } else { "" };
                let value = definition.entry.value.to_string();
                if explain {
                    let mark = if index == 0 { "→" } else { " " };
                    table.row([shown, &format!("{mark} {value}"), &place(definition)].map(Cell::plain).into());
                } else if index == 0 {
                    table.row([shown, &value].map(Cell::plain).into());
                }
            }
        }
        table
    }

    fn values(&self, connection: bool) -> Map<String, Value> {
        let strongest =
            |(name, all): (&str, Vec<Definition<'_>>)| Some((name.to_owned(), all.last()?.entry.value.clone()));
        definitions_of(&self.layers, connection).into_iter().filter_map(strongest).collect()
    }

    fn explained(&self) -> Value {
        let one = |definition: &Definition<'_>, wins: bool| {
            let mut document = json!({"layer": definition.layer.what, "value": definition.entry.value, "wins": wins});
            if !is_command_line(definition) {
                let place = definition.place();
                document["file"] = place.file.into();
                document["line"] = place.line.into();
                document["column"] = place.column.into();
            }
            document
        };
        let all = self.definitions().into_iter().map(|(name, definitions)| {
            let last = definitions.len().saturating_sub(1);
            let shown = definitions.iter().enumerate().map(|(index, definition)| one(definition, index == last));
            (name.to_owned(), Value::Array(shown.collect()))
        });
        Value::Object(all.collect())
    }
}

fn is_command_line(definition: &Definition<'_>) -> bool {
    definition.layer.what == definition.layer.source.name
}

fn place(definition: &Definition<'_>) -> String {
    let what = &definition.layer.what;
    if is_command_line(definition) { what.clone() } else { format!("{} ({what})", definition.place()) }
}
