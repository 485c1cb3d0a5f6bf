//! `[Install]` → the links that enabling makes.

use std::collections::BTreeMap;

use crate::model::{AbsPath, UnitName};

use super::effective::Effective;

/// What enabling a unit makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Install {
    /// Link → its target.
    pub links: BTreeMap<AbsPath, String>,
    /// Units that are enabled and disabled along with it.
    pub also: Vec<UnitName>,
}

/// Why a unit cannot be enabled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstallError {
    /// The text of this setting depends on the host.
    #[error("[Install] {key}={word} uses {specifier}, which is not supported in [Install]")]
    #[expect(missing_docs, reason = "the fields are their names")]
    Specifier {
        key: String,
        word: String,
        specifier: String,
    },
    /// What is left after specifiers is not something that can be linked.
    #[error("[Install] {key}={word}: {why}")]
    #[expect(missing_docs, reason = "the fields are their names")]
    Name { key: String, word: String, why: String },
    /// A template has no links of its own.
    #[error("{0} is a template without DefaultInstance=: only its instances can be enabled")]
    Template(UnitName),
}

/// Whether enabling the unit does anything: without these settings it is "static".
#[must_use]
pub fn has_install(effective: &Effective, systemd_version: u32) -> bool {
    let mut keys = vec!["WantedBy", "RequiredBy", "Alias", "Also"];
    if systemd_version >= 254 {
        keys.push("UpheldBy");
    }
    keys.into_iter().any(|key| !effective.values("Install", key).is_empty())
}

/// The links that `systemctl enable UNIT` makes for a system unit whose file is `fragment`.
pub fn install_links(
    unit: &UnitName,
    effective: &Effective,
    fragment: &AbsPath,
    systemd_version: u32,
) -> Result<Install, InstallError> {
    let _ = (unit, effective, fragment, systemd_version);
    Ok(Install::default())
}

/// Whether a link found on a host is part of the unit's being enabled.
#[must_use]
pub fn belongs_to_enablement(link: &AbsPath, target: &str, unit: &UnitName, fragment: &AbsPath) -> bool {
    let _ = (link, target, unit, fragment);
    false
}

/// Whether a link that points to `found` does what one that points to `wanted` does.
#[must_use]
pub fn same_target(found: &str, link: &AbsPath, wanted: &str) -> bool {
    let _ = link;
    found == wanted
}
