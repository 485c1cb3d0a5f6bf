//! What an empty assignment takes back.
//!
//! Mostly: all earlier values of that key. But some keys feed one list together, so that an empty assignment to
//! one of them empties it for all, and the order between them counts; dependencies cannot be taken back at all, and
//! many keys of one value take no empty one: which, the catalogue says. From systemd.unit(5) and .exec(5); tried on
//! 247, 252 and 257.

use super::catalogue::{Shape, lookup};

/// The list that a key's values go to: its own name, or one name for all keys that share a list.
pub(super) fn list_of<'k>(section: &str, key: &'k str) -> &'k str {
    match (section, key) {
        ("Socket", _) if key.starts_with("Listen") => "Listen*",
        (
            "Timer",
            "OnActiveSec" | "OnBootSec" | "OnStartupSec" | "OnUnitActiveSec" | "OnUnitInactiveSec" | "OnCalendar",
        ) => "On*",
        ("Path", "PathExists" | "PathExistsGlob" | "PathChanged" | "PathModified" | "DirectoryNotEmpty") => "Path*",
        ("Unit", _) if key.starts_with("Condition") => "Condition*",
        ("Unit", _) if key.starts_with("Assert") => "Assert*",
        (_, "StandardInputText" | "StandardInputData") => "StandardInput*",
        (_, "BindPaths" | "BindReadOnlyPaths") => "Bind*Paths",
        (_, "LoadCredential" | "LoadCredentialEncrypted") => "LoadCredential*",
        (_, "SetCredential" | "SetCredentialEncrypted") => "SetCredential*",
        _ => key,
    }
}

/// The list that a directive's values go to: its own name, or one name for all directives that share a list.
#[must_use]
pub fn feeds<'k>(section: &str, key: &'k str) -> &'k str {
    list_of(section, key)
}

/// Whether several directives feed the list of this name, so that the order between them counts and an empty assignment
/// to one clears it for all.
#[must_use]
pub fn is_shared(list: &str) -> bool {
    list.contains('*')
}

/// Whether an empty assignment takes earlier values back: not of dependencies, and not where systemd refuses it.
pub(super) fn resets(section: &str, key: &str) -> bool {
    lookup(section, key).is_none_or(|known| !matches!(known.shape, Shape::Grow | Shape::Keep))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_empty_value_takes_back() {
        for (section, key, taken) in [
            ("Service", "Environment", true),
            ("Service", "ExecStart", true),
            ("Service", "User", true),
            ("Service", "Restart", false),
            ("Service", "NoNewPrivileges", false),
            ("Service", "Sockets", false),
            ("Unit", "After", false),
            ("Unit", "ConditionPathExists", true),
            ("Install", "WantedBy", true),
            ("Install", "Also", false),
            ("Service", "NotOfSystemd", true),
        ] {
            assert_eq!(resets(section, key), taken, "[{section}] {key}");
        }
    }
}
