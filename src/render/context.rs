//! The variables that a rendering sees.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Serde, ValueKind};

use super::taint::{Recorder, Taint};

/// Variables by name. Cheap to clone; never printed.
#[derive(Clone, Default)]
pub struct Context {
    values: Arc<BTreeMap<String, Value>>,
    taints: Arc<BTreeMap<String, Taint>>,
    also: Arc<BTreeSet<String>>,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl Context {
    /// Sets a variable; a stronger value replaces a weaker one.
    pub fn set(&mut self, name: &str, value: &serde_json::Value) {
        self.put(name, Value::from(Serde(value)), None);
    }

    /// Sets a variable that something went into which has to be remembered.
    pub fn set_tainted(&mut self, name: &str, value: &serde_json::Value, taint: &Taint) {
        self.put(name, Value::from(Serde(value)), Some(taint));
    }

    fn put(&mut self, name: &str, value: Value, taint: Option<&Taint>) {
        Arc::make_mut(&mut self.values).insert(name.to_owned(), value);
        match taint.filter(|taint| !taint.is_none()) {
            Some(taint) => drop(Arc::make_mut(&mut self.taints).insert(name.to_owned(), taint.clone())),
            None if self.taints.contains_key(name) => drop(Arc::make_mut(&mut self.taints).remove(name)),
            None => {}
        }
    }

    /// Takes a variable from another context without copying it.
    pub fn share(&mut self, name: &str, from: &Context) {
        if let Some(value) = from.values.get(name) {
            self.put(name, value.clone(), from.taints.get(name));
        }
    }

    /// A variable's value as plain data.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<serde_json::Value> {
        self.values.get(name).and_then(|value| serde_json::to_value(value).ok())
    }

    /// Names to suggest for a mistyped one, beside those of the variables that are set.
    pub fn suggest(&mut self, names: &Arc<BTreeSet<String>>) {
        self.also = Arc::clone(names);
    }

    /// The names of all variables that are set.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// The keys of the map that a dotted path leads to; of all variables, where the path is empty.
    pub(super) fn names_below(&self, path: &[&str]) -> Vec<String> {
        let Some((first, rest)) = path.split_first() else {
            return self.names().map(str::to_owned).chain(self.also.iter().cloned()).collect();
        };
        let found = rest.iter().try_fold(self.values.get(*first).cloned(), |value, key| {
            value.map(|value| value.get_attr(key)).transpose()
        });
        match found {
            Ok(Some(map)) if map.kind() == ValueKind::Map => {
                map.try_iter().into_iter().flatten().filter_map(|key| key.as_str().map(str::to_owned)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The variables for one rendering.
    pub(super) fn recorder(&self) -> Arc<Recorder> {
        Recorder::new(Arc::clone(&self.values), Arc::clone(&self.taints))
    }
}
