//! Where variables come from: what one place of a file says about a host or a group.
//!
//! A layer is read once and shared by every host that it reaches, so that a fleet of thousands of hosts costs a few
//! pointers a host. Hosts keep their layers weakest first; a definition is found by looking through them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;

use crate::model::{Place, SourceFile};

/// A variable or connection key as one place sets it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The variable's name; of a connection key the native one (`user` for `ansible_user`).
    pub name: String,
    /// Its value, not rendered.
    pub value: Value,
    /// Where its key stands in the layer's file.
    pub key: Range<usize>,
    /// Whether it says how to reach a host, and is no variable.
    pub connection: bool,
}

/// What one place says: the `vars:` of a group, the line of a host, a file in `group_vars/`, an `-e @FILE`.
#[derive(Debug, PartialEq)]
pub struct Layer {
    /// What it is, in a word or two: `group web`, `host web1`, `group_vars of web`, `the command line`.
    pub what: String,
    /// The file; of a script its output, under the script's name.
    pub source: Arc<SourceFile>,
    /// What is set, in its order.
    pub entries: Vec<Entry>,
}

/// One definition of a name.
#[derive(Clone, Copy, Debug)]
pub struct Definition<'a> {
    /// The place that defines it.
    pub layer: &'a Arc<Layer>,
    /// The value, and where the key stands.
    pub entry: &'a Entry,
}

impl Definition<'_> {
    /// File, line and column of the key.
    #[must_use]
    pub fn place(&self) -> Place {
        let (line, column) = self.layer.source.line_column(self.entry.key.start);
        Place { file: self.layer.source.name.clone(), line, column }
    }
}

/// Every variable, or every connection key, with its definitions, weakest first.
#[must_use]
pub fn definitions_of(layers: &[Arc<Layer>], connection: bool) -> BTreeMap<&str, Vec<Definition<'_>>> {
    let mut names: BTreeMap<&str, Vec<Definition<'_>>> = BTreeMap::new();
    for layer in layers {
        for entry in layer.entries.iter().filter(|entry| entry.connection == connection) {
            names.entry(&entry.name).or_default().push(Definition { layer, entry });
        }
    }
    names
}

/// The definitions of one name, weakest first.
pub(super) fn of_name<'a>(layers: &'a [Arc<Layer>], name: &str) -> Vec<Definition<'a>> {
    let of_layer = |layer: &'a Arc<Layer>| {
        layer.entries.iter().filter(|entry| entry.name == name).map(move |entry| Definition { layer, entry })
    };
    layers.iter().flat_map(of_layer).collect()
}
