//! What was found in unit files → the text of a manifest.

use std::fmt::Write as _;

use crate::model::{UnitKind, UnitName};
use crate::unitfile::{Effective, has_install};

use super::lift::Variables;

/// A unit as the manifest names it.
pub(super) struct Described {
    pub(super) name: UnitName,
    /// The file and its drop-ins, read as one.
    pub(super) effective: Effective,
    pub(super) template: String,
    /// Name and template of each drop-in.
    pub(super) drop_ins: Vec<(String, String)>,
}

/// The manifest's text. `from` are the files that it was made from, as the user named them.
pub(super) fn text(name: &str, from: &[String], units: &[Described], variables: &Variables) -> String {
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _infallible = write_text(&mut text, name, from, units, variables);
    text
}

fn write_text(
    out: &mut String,
    name: &str,
    from: &[String],
    units: &[Described],
    variables: &Variables,
) -> std::fmt::Result {
    writeln!(out, "# From {}. `unitfleet render` gives the same bytes back.", from.join(", "))?;
    writeln!(out, "name: {}", scalar(name))?;
    writeln!(out, "hosts: all  # name the hosts or the group that have it")?;
    if !variables.known.is_empty() {
        writeln!(out, "defaults:  # the inventory may say otherwise, for a group or a host")?;
        for (name, value) in &variables.known {
            writeln!(out, "  {name}: {}", scalar(value))?;
        }
    }
    for secret in &variables.secrets {
        writeln!(out, "# {secret} looks like a secret, and a unit file can be read by everybody on the host: move it")?;
        writeln!(out, "# into an environment file or a credential.")?;
    }
    for path in environment_files(units) {
        writeln!(out, "# {path} is read when the unit starts: describe it below `files:` if it shall come from here.")?;
    }
    for path in from.iter().filter(|path| is_packaged(path)) {
        writeln!(out, "# {path} comes with a package. A copy in /etc/systemd/system hides it and all its updates. To")?;
        writeln!(
            out,
            "# change some directives take `template:` out and write them in `drop_ins:`; to run it, nothing more."
        )?;
    }
    writeln!(out, "units:")?;
    for unit in units {
        write_unit(out, unit)?;
    }
    Ok(())
}

fn write_unit(out: &mut String, unit: &Described) -> std::fmt::Result {
    let installs = has_install(&unit.effective, u32::MAX);
    writeln!(out, "  {}:", scalar(unit.name.as_str()))?;
    writeln!(out, "    template: {}", scalar(&unit.template))?;
    if unit.name.is_template() {
        writeln!(out, "    # instances: [a, b]  # then also `enabled: true` and `state: started`")?;
    } else if !installs {
        writeln!(out, "    # No [Install], so something else starts it; add `state: started` if that should be this.")?;
    } else {
        writeln!(out, "    enabled: true")?;
        if ends_by_itself(unit) {
            writeln!(out, "    # No `state:`, because it has ended as soon as it is done.")?;
        } else {
            writeln!(out, "    state: started")?;
        }
    }
    if !unit.drop_ins.is_empty() {
        writeln!(out, "    drop_ins:")?;
        for (name, template) in &unit.drop_ins {
            writeln!(out, "      {}: {{template: {}}}", scalar(name), scalar(template))?;
        }
    }
    Ok(())
}

/// Whether a unit file lies where packages put theirs.
#[must_use]
pub fn is_packaged(path: &str) -> bool {
    ["/usr/lib/systemd/", "/lib/systemd/"].iter().any(|folder| path.starts_with(folder))
}

/// A oneshot that does not remain, also what systemd takes for one.
fn ends_by_itself(unit: &Described) -> bool {
    let last = |directive: &str| unit.effective.last("Service", directive);
    let starts = last("ExecStart").is_some() || last("BusName").is_some();
    let oneshot = last("Type").map_or(!starts, |kind| kind == "oneshot");
    unit.name.kind() == UnitKind::Service && oneshot && unit.effective.flag("Service", "RemainAfterExit") != Some(true)
}

fn environment_files(units: &[Described]) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for unit in units {
        for value in unit.effective.values("Service", "EnvironmentFile") {
            let path = value.trim_start_matches('-').escape_debug().to_string();
            if !path.is_empty() && !paths.contains(&path) {
                paths.push(path);
            }
        }
    }
    paths
}

/// A value as YAML reads it back: bare where nothing else could be meant, else in quotes.
fn scalar(text: &str) -> String {
    let number = text == "0" || text.len() < 10 && !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    let word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "/_.@-".contains(c))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text.to_lowercase().as_str());
    if number && !text.is_empty() || word { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::scalar;

    #[test]
    fn values_are_read_back_as_they_were() {
        for text in [
            "a",
            "/srv/x",
            "8080",
            "0",
            "0644",
            "1.10",
            "yes",
            "No",
            "null",
            "~",
            "*-*-* 3:00",
            "a: b",
            "a #b",
            "-1",
            "1e3",
            "@x",
        ] {
            let yaml = format!("k: {}\n", scalar(text));
            let read: serde_yaml::Value = serde_yaml::from_str(&yaml).unwrap();
            let value = &read["k"];
            let back = value.as_u64().map(|n| n.to_string()).or(value.as_str().map(str::to_owned));
            assert_eq!(back.as_deref(), Some(text), "{yaml}");
        }
    }
}
