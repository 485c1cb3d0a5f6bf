//! What an empty assignment takes back.
//!
//! Mostly: all earlier values of that key. But some keys feed one list together, so that an empty assignment to
//! one of them empties it for all, and the order between them counts; and dependencies cannot be taken back at
//! all. From systemd.unit(5) and .exec(5); sockets, timers, paths and commands tried on 247, 252 and 257.

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

/// Whether an empty assignment takes earlier values back.
pub(super) fn resets(section: &str, key: &str) -> bool {
    let never = match section {
        "Unit" => matches!(
            key,
            "Requires"
                | "Requisite"
                | "Wants"
                | "BindsTo"
                | "BindTo"
                | "PartOf"
                | "Upholds"
                | "Conflicts"
                | "Before"
                | "After"
                | "OnFailure"
                | "OnSuccess"
                | "PropagatesReloadTo"
                | "PropagateReloadTo"
                | "ReloadPropagatedFrom"
                | "PropagateReloadFrom"
                | "PropagatesStopTo"
                | "StopPropagatedFrom"
                | "JoinsNamespaceOf"
                | "RequiresMountsFor"
                | "WantsMountsFor"
        ),
        "Service" => key == "Sockets",
        "Install" => key == "Also",
        _ => false,
    };
    !never
}
