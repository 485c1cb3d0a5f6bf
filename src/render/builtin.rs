//! The templates that the program brings along, as `builtin/NAME@VERSION.KIND.j2`.
//!
//! A name holds a version, and **the text of a version that was released never changes**: whoever updates the program
//! finds the same units as before, and takes a new version by writing its name. A better text is a new file, and the
//! old ones stay. `templates/SHA256SUMS` holds the sum of each, in the form that `sha256sum -c` reads; a test compares
//! them, so that a change is made knowingly, and only to a version that no release has.
//!
//! Each template is whole in itself, and begins with a table of its variables: it can be read, or copied to a project's
//! own `templates/` and changed there. What the table says of a variable is shown where that variable is missing.

/// Name and text of every built-in template.
pub const BUILTIN: &[(&str, &str)] = &[
    ("backup@1.service.j2", include_str!("../../templates/backup@1.service.j2")),
    ("container-docker@1.service.j2", include_str!("../../templates/container-docker@1.service.j2")),
    ("container-podman@1.service.j2", include_str!("../../templates/container-podman@1.service.j2")),
    ("database-dump@1.service.j2", include_str!("../../templates/database-dump@1.service.j2")),
    ("forking-daemon@1.service.j2", include_str!("../../templates/forking-daemon@1.service.j2")),
    ("hardened@1.service.j2", include_str!("../../templates/hardened@1.service.j2")),
    ("job@1.service.j2", include_str!("../../templates/job@1.service.j2")),
    ("job@1.timer.j2", include_str!("../../templates/job@1.timer.j2")),
    ("notify-service@1.service.j2", include_str!("../../templates/notify-service@1.service.j2")),
    ("path-job@1.path.j2", include_str!("../../templates/path-job@1.path.j2")),
    ("socket-connection@1.service.j2", include_str!("../../templates/socket-connection@1.service.j2")),
    ("socket-service@1.service.j2", include_str!("../../templates/socket-service@1.service.j2")),
    ("socket-service@1.socket.j2", include_str!("../../templates/socket-service@1.socket.j2")),
    ("web-app@1.service.j2", include_str!("../../templates/web-app@1.service.j2")),
    ("web-app@1.socket.j2", include_str!("../../templates/web-app@1.socket.j2")),
    ("worker-pool@1.service.j2", include_str!("../../templates/worker-pool@1.service.j2")),
];

/// The text of a built-in template, by its name without `builtin/`.
#[must_use]
pub fn builtin(name: &str) -> Option<&'static str> {
    BUILTIN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// What to write in place of a name that no built-in template has: the newest version of the same template.
pub(super) fn instead(name: &str) -> Option<String> {
    let (stem, version, kind) = parts(name);
    let same = BUILTIN.iter().map(|(known, _)| (*known, parts(known))).filter(|(_, of)| of.0 == stem && of.2 == kind);
    let (newest, _) = same.max_by_key(|(_, of)| of.1.parse::<u32>().unwrap_or_default())?;
    Some(if version.is_empty() {
        format!(
            "write `builtin/{newest}`: built-in templates are named with a version, so that a new unitfleet changes no host by itself"
        )
    } else {
        format!("the newest that this unitfleet has is `builtin/{newest}`")
    })
}

/// `web-app@1.service.j2` → `web-app`, `1`, `service.j2`.
fn parts(name: &str) -> (&str, &str, &str) {
    let (head, kind) = name.split_once('.').unwrap_or((name, ""));
    let (stem, version) = head.split_once('@').unwrap_or((head, ""));
    (stem, version, kind)
}

/// The variables that a built-in template takes, in the order of its table.
#[must_use]
pub fn taken_by(name: &str) -> Option<Vec<String>> {
    builtin(name).map(|text| rows(text).into_iter().flat_map(|(names, _)| names).collect())
}

/// What the table of a built-in template says of a variable, as one line.
pub(super) fn said_of(text: &str, variable: &str) -> Option<String> {
    let rows = rows(text);
    let (_, said) = rows.into_iter().find(|(names, _)| names.iter().any(|name| name == variable))?;
    Some(said)
}

/// The rows of the table that a template begins with: the variables' names, and what is said of them.
fn rows(text: &str) -> Vec<(Vec<String>, String)> {
    let table = text.split("\n\n").nth(1).unwrap_or_default();
    let mut rows: Vec<(Vec<String>, String)> = Vec::new();
    for line in table.lines() {
        let line = line.strip_prefix(' ').unwrap_or(line);
        match (line.split_once("  "), rows.last_mut()) {
            (Some((names, said)), _) if !names.is_empty() => {
                let names = names.split(", ").map(str::to_owned).collect();
                rows.push((names, said.trim().to_owned()));
            }
            (_, Some((_, said))) => {
                said.push(' ');
                said.push_str(line.trim());
            }
            _ => {}
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::Digest;

    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/templates");
    const SUMS: &str = include_str!("../../templates/SHA256SUMS");

    #[test]
    fn every_file_of_the_folder_is_in_the_table_in_order() {
        let entries = std::fs::read_dir(FOLDER).unwrap();
        let mut files: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|n| n != "SHA256SUMS")
            .collect();
        files.sort();
        let table: Vec<&str> = BUILTIN.iter().map(|(name, _)| *name).collect();
        assert_eq!(files, table);
    }

    #[test]
    fn the_text_of_a_released_version_never_changes() {
        let line = |(name, text): &(&str, &str)| format!("{}  {name}", Digest::of(text.as_bytes()));
        let now: Vec<String> = BUILTIN.iter().map(line).collect();
        let written: Vec<&str> = SUMS.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(now, written, "a released template was changed: write a new version instead, beside the old one");
    }

    #[test]
    fn names_hold_a_version_and_a_kind() {
        for (name, _) in BUILTIN {
            let (stem, version, kind) = parts(name);
            let kinds = ["service.j2", "socket.j2", "timer.j2", "path.j2"];
            assert!(!stem.is_empty() && version.parse::<u32>().is_ok() && kinds.contains(&kind), "{name}");
        }
    }

    #[test]
    fn a_name_without_a_version_is_answered_with_the_newest() {
        let said = instead("web-app.service.j2").unwrap();
        assert!(said.starts_with("write `builtin/web-app@1.service.j2`: "), "{said}");
        let said = instead("web-app@99.socket.j2").unwrap();
        assert_eq!(said, "the newest that this unitfleet has is `builtin/web-app@1.socket.j2`");
        assert_eq!(instead("web-app.mount.j2"), None);
    }

    #[test]
    fn each_table_names_the_variables_of_its_template_and_no_others() {
        for (name, text) in BUILTIN {
            let environment = minijinja::Environment::new();
            let asked = environment.template_from_str(text).unwrap().undeclared_variables(false);
            let asked: BTreeSet<String> = asked.into_iter().filter(|name| name != "fail").collect();
            let listed: BTreeSet<String> = rows(text).into_iter().flat_map(|(names, _)| names).collect();
            assert_eq!(listed, asked, "{name}: in the table (left), in the template (right)");
        }
    }

    #[test]
    fn what_the_table_says_of_a_variable_is_one_line() {
        let text = "{#\n Words.\n\n exec         required. The command\n              line.\n user, group  whom\n\n Example:\n#}\n";
        assert_eq!(said_of(text, "exec").as_deref(), Some("required. The command line."));
        assert_eq!(said_of(text, "group").as_deref(), Some("whom"));
        assert_eq!(said_of(text, "other"), None);
    }
}
