//! Names, sections and values of directives, as the catalogue has them.

use crate::model::{UnitKind, UnitName};
use crate::unitfile::catalogue::{self, Directive, Shape, elsewhere, nearest};
use crate::unitfile::{Assignment, Item, UnitFile};

use super::Lint;

pub(super) fn check(name: &UnitName, file: &UnitFile) -> Vec<Lint> {
    let mut found = sections(name, file);
    let assignments: Vec<Assignment<'_>> = file.assignments().collect();
    for assignment in &assignments {
        if assignment.section.starts_with("X-") || assignment.key.starts_with("X-") {
            continue;
        }
        let about = |lint: Lint| lint.about(assignment.section, assignment.key, assignment.line);
        match catalogue::lookup(assignment.section, assignment.key) {
            Some(directive) => found.extend(known(directive, assignment).into_iter().map(about)),
            None if catalogue::sections().any(|section| section == assignment.section) => {
                found.push(about(unknown(assignment)));
            }
            // The section itself was said to be unknown.
            None => {}
        }
    }
    found.extend(said_twice(&assignments));
    found
}

/// The section that systemd reads in a unit of this kind, beside `[Unit]` and `[Install]`.
fn own_section(kind: UnitKind) -> Option<&'static str> {
    catalogue::sections().find(|section| section.eq_ignore_ascii_case(kind.suffix()))
}

fn sections(name: &UnitName, file: &UnitFile) -> Vec<Lint> {
    let kind = name.kind();
    let own = own_section(kind);
    let mut found = Vec::new();
    for line in file.lines() {
        let Item::Section(section) = &line.item else { continue };
        if section.starts_with("X-") || section == "Unit" || section == "Install" || Some(section.as_str()) == own {
            continue;
        }
        let reads =
            own.map_or_else(|| "[Unit] and [Install]".to_owned(), |own| format!("[Unit], [{own}] and [Install]"));
        let known = catalogue::sections().any(|known| known == section);
        let lint = if known {
            Lint::new("misplaced-section", format!("systemd ignores [{section}] in a {}", kind.suffix()))
        } else {
            Lint::new("unknown-section", format!("systemd knows no section [{section}] and ignores it"))
        };
        found.push(lint.help(format!("a {} has {reads}", kind.suffix())).about(section, "", line.number));
    }
    found
}

fn unknown(assignment: &Assignment<'_>) -> Lint {
    let Assignment { section, key, .. } = assignment;
    let others = elsewhere(key);
    if let Some(other) = others.first() {
        let message = format!("`{key}` is no directive of [{section}], where systemd ignores it");
        return Lint::new("misplaced-directive", message).help(format!("it belongs into [{other}]"));
    }
    let message = format!("systemd knows no directive `{key}` in [{section}] and ignores it");
    let lint = Lint::new("unknown-directive", message);
    match nearest(section, key).first() {
        Some(meant) => lint.help(format!("did you mean `{}`?", meant.name)),
        None => lint.help("if another program reads it, begin its name with `X-`"),
    }
}

fn known(directive: &'static Directive, assignment: &Assignment<'_>) -> Vec<Lint> {
    let (key, value) = (assignment.key, assignment.value);
    let mut found = Vec::new();
    if let Some(deprecated) = &directive.deprecated {
        let since = deprecated.since.map(|since| format!(" since systemd {since}")).unwrap_or_default();
        found.push(match deprecated.by {
            Some(by) => Lint::new("deprecated-directive", format!("`{key}` is superseded{since}"))
                .help(format!("write `{}`", successor(by))),
            None => {
                Lint::new("deprecated-directive", format!("`{key}` does nothing any more{since}")).help("take it out")
            }
        });
    }
    if let Some(comment) = comment_behind(value)
        && directive.check(value).is_err()
    {
        let message = format!("`{comment}` is part of the value of `{key}`: a comment has a line of its own");
        found.push(Lint::new("comment-behind-value", message).help("put it on the line above"));
    } else if let Err(why) = directive.check(value) {
        let message = format!("systemd ignores what `{key}` is set to: {why}");
        found.push(Lint::new("bad-value", message));
    }
    found.extend(outdated(key, value));
    found
}

/// `[Unit]StartLimitBurst` for people.
fn successor(by: &str) -> String {
    by.replace(']', "] ")
}

/// A comment where systemd knows none.
fn comment_behind(value: &str) -> Option<&str> {
    let at = value.find(" #")?;
    Some(value[at..].trim_start())
}

/// Values that systemd takes, and warns of.
fn outdated(key: &str, value: &str) -> Vec<Lint> {
    let mut found = Vec::new();
    if matches!(key, "StandardOutput" | "StandardError") && value.starts_with("syslog") {
        let message = format!("`{key}={value}` is taken for the journal");
        found.push(Lint::new("output-syslog", message).help(format!("write `{key}=journal`, or leave it out")));
    }
    if key == "KillMode" && value == "none" {
        let message = "`KillMode=none` leaves processes behind that nobody watches any more";
        found.push(
            Lint::new("kill-mode-none", message).help("write `mixed` or `process`, or `ExecStop=` for a soft end"),
        );
    }
    if value.contains("/var/run/") {
        let message = format!("`{key}` names /var/run, which is a link to /run");
        found.push(Lint::new("var-run", message).help(value.replace("/var/run/", "/run/")));
    }
    if key == "Environment" {
        found.extend(secret(value));
    }
    found
}

/// A variable that is called like a secret: everybody on the host can read a unit file.
fn secret(value: &str) -> Option<Lint> {
    const WORDS: [&str; 6] = ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "API_KEY", "PRIVATE_KEY"];
    let name = value.split(['=', '"', '\'', ' ']).find(|word| WORDS.iter().any(|secret| word.ends_with(secret)))?;
    let message = format!("`{name}` looks like a secret, and everybody on the host can read a unit's environment");
    Some(Lint::new("secret-in-environment", message).help("give it as a credential: `credentials: {NAME: …}`"))
}

/// A directive that holds one value and is given several in one file: the earlier ones do nothing.
fn said_twice(assignments: &[Assignment<'_>]) -> Vec<Lint> {
    let mut found = Vec::new();
    for (at, assignment) in assignments.iter().enumerate() {
        let Assignment { section, key, line, value } = *assignment;
        let shape = catalogue::lookup(section, key).map(|directive| directive.shape);
        let single = matches!(shape, Some(Shape::One | Shape::Keep));
        let mut later = assignments[at + 1..].iter().filter(|other| other.section == section && other.key == key);
        // An empty value that systemd refuses leaves the earlier one in force.
        let later = later.find(|other| shape != Some(Shape::Keep) || !other.value.is_empty());
        if let Some(later) = later.filter(|_| single && !value.is_empty()) {
            let message = format!("`{key}` is set again in line {}: this one does nothing", later.line);
            found.push(Lint::new("set-twice", message).help("take one of them out").about(section, key, line));
        }
    }
    found
}
