//! Which files of systemd's unit path make up a unit.

use std::collections::BTreeSet;

use crate::model::{AbsPath, UnitName};

/// Where a unit's files can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidates {
    /// Unit files, the one that wins first.
    pub fragments: Vec<AbsPath>,
    /// Directories of drop-ins, the one whose file wins over others of the same name first.
    pub drop_in_dirs: Vec<AbsPath>,
}

/// The files that make up a unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// The unit's own file.
    pub fragment: Option<AbsPath>,
    /// In the order in which systemd applies them.
    pub drop_ins: Vec<AbsPath>,
    /// Files of the unit that another one hides.
    pub shadowed: Vec<AbsPath>,
}

/// Every place where systemd looks for files of the unit; `unit_path` strongest first.
#[must_use]
pub fn candidates(unit: &UnitName, unit_path: &[AbsPath]) -> Candidates {
    let names: Vec<String> = std::iter::once(unit.to_string())
        .chain(unit.template().map(|t| t.to_string()))
        .collect();
    let fragments = names
        .iter()
        .flat_map(|name| unit_path.iter().map(|dir| dir.join(name)))
        .collect();
    let _ = unit;
    Candidates {
        fragments,
        drop_in_dirs: Vec::new(),
    }
}

/// The files of the unit among the existing ones.
#[must_use]
pub fn resolve(unit: &UnitName, unit_path: &[AbsPath], existing: &BTreeSet<AbsPath>) -> Files {
    let Candidates { fragments, .. } = candidates(unit, unit_path);
    let fragment = fragments.into_iter().find(|path| existing.contains(path));
    Files {
        fragment,
        ..Files::default()
    }
}
