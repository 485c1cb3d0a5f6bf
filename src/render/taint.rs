//! What a rendering was made from, beside the playbook's own words.
//!
//! Every look-up of a variable goes through one object, which remembers those that matter: a secret, or a variable that
//! a secret went into, or what only the host can tell. So the mark follows the value through any filter, loop or
//! include, and no filter has to know of it. It errs on one side only: a template that looks at a secret and prints
//! something else is marked as well.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::Value;
use minijinja::value::{Enumerator, Object};

/// What went into a rendered text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taint {
    /// Names of secrets.
    pub secrets: BTreeSet<String>,
    /// What the host says of itself.
    pub facts: bool,
}

impl Taint {
    /// Nothing but the playbook's own words.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.secrets.is_empty() && !self.facts
    }

    /// Adds another's.
    pub fn add(&mut self, other: &Taint) {
        self.secrets.extend(other.secrets.iter().cloned());
        self.facts |= other.facts;
    }
}

/// The variables of one rendering, as the engine sees them. It cannot list them: only what is named is looked up.
#[derive(Debug)]
pub(super) struct Recorder {
    values: Arc<BTreeMap<String, Value>>,
    taints: Arc<BTreeMap<String, Taint>>,
    heard: Mutex<Taint>,
}

impl Recorder {
    pub(super) fn new(values: Arc<BTreeMap<String, Value>>, taints: Arc<BTreeMap<String, Taint>>) -> Arc<Self> {
        Arc::new(Self { values, taints, heard: Mutex::default() })
    }

    /// What was looked up so far.
    pub(super) fn taint(&self) -> Taint {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Object for Recorder {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        if let Some(taint) = self.taints.get(name) {
            self.heard.lock().unwrap_or_else(PoisonError::into_inner).add(taint);
        }
        self.values.get(name).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}
