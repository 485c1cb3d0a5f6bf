//! Units and their drop-ins, with the contradictions that can be seen without rendering anything.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::model::{AbsPath, OnChange, RunState, UnitKind, UnitName};

use super::allowed::{Fields, Keys, Notes, closest, found};
use super::entries::{absent, adopt, named, text_source};
use super::leaf;
use super::manifest::{DropInEntry, Expr, Sections, Setting, UnitDefaults, UnitEntry, Watched};
use super::node::{Dialect, Node};
use super::secrets::credentials;
use super::sections::{is_section, sections};
use super::selection::{hold, selection};

pub(super) const UNIT: Keys = Keys {
    of: "a unit",
    now: &[
        "absent",
        "adopt",
        "template",
        "content",
        "source",
        "vars",
        "drop_ins",
        "enabled",
        "state",
        "masked",
        "watch",
        "on_change",
        "instances",
        "credentials",
        "hold",
        "tags",
        "when",
    ],
    later: &["check", "moved", "scope", "user"],
    sections: true,
};
pub(super) const DROP_IN: Keys = Keys {
    of: "a drop-in",
    now: &["absent", "adopt", "template", "content", "source", "vars", "when"],
    later: &["tags"],
    sections: true,
};
pub(super) const UNIT_DEFAULTS: Keys = Keys {
    of: "`unit_defaults`",
    now: &["enabled", "state", "on_change", "hold"],
    later: &["check", "scope", "tags", "user", "when"],
    sections: false,
};

pub(super) const STATES: [(&str, RunState); 2] = [("started", RunState::Started), ("stopped", RunState::Stopped)];
pub(super) const ON_CHANGE: [(&str, OnChange); 4] =
    [("auto", OnChange::Auto), ("restart", OnChange::Restart), ("reload", OnChange::Reload), ("none", OnChange::None)];

pub(super) fn unit_defaults(node: Option<Node<'_>>, notes: &mut Notes<'_>) -> UnitDefaults {
    let fields = node.and_then(|node| Fields::read(node, &UNIT_DEFAULTS, Dialect::Playbook, notes));
    let Some(fields) = fields else {
        return UnitDefaults::default();
    };
    UnitDefaults {
        enabled: leaf::setting(fields.get("enabled"), notes, leaf::flag),
        state: leaf::setting(fields.get("state"), notes, state),
        on_change: on_change(&fields, notes),
        hold: hold(&fields, notes),
    }
}

pub(super) fn unit(key: &str, node: Node<'_>, notes: &mut Notes<'_>) -> Option<UnitEntry> {
    let name = unit_name(key, node, notes);
    let fields = Fields::read(node, &UNIT, Dialect::Playbook, notes)?;
    let absent = absent(&fields, notes);
    let (sections, text) = texts(&fields, name.as_ref().map(UnitName::kind), notes);
    let unit = UnitEntry {
        absent,
        adopt: adopt(&fields, notes),
        selection: selection(&fields, notes),
        sections,
        text,
        drop_ins: named(fields.get("drop_ins"), notes, |drop_in, node, notes| {
            drop_in_entry(drop_in, node, name.as_ref().map(UnitName::kind), notes)
        }),
        enabled: leaf::setting(fields.get("enabled"), notes, leaf::flag),
        state: leaf::setting(fields.get("state"), notes, state),
        masked: leaf::setting(fields.get("masked"), notes, leaf::flag),
        watch: watch(&fields, notes),
        on_change: on_change(&fields, notes),
        instances: instances(&fields, name.as_ref(), notes),
        credentials: credentials(fields.get("credentials"), notes),
        hold: hold(&fields, notes),
    };
    masked_contradiction(&fields, &unit, notes);
    if let Some(name) = name.filter(|_| unit.absent.is_none()) {
        template_contradiction(&fields, &unit, &name, notes);
    }
    Some(unit)
}

/// Suffixes of units that a person can write.
pub(super) const WRITABLE: [&str; 9] =
    ["service", "socket", "timer", "path", "target", "mount", "automount", "swap", "slice"];

/// The name of a unit, where the key is one already; templates are checked after rendering.
fn unit_name(key: &str, node: Node<'_>, notes: &mut Notes<'_>) -> Option<UnitName> {
    if leaf::is_template(key) {
        return None;
    }
    let name = match UnitName::parse(key) {
        Ok(name) => name,
        Err(error) => {
            let meant = key.rsplit_once('.').and_then(|(stem, suffix)| {
                let meant = closest(suffix, WRITABLE)?;
                UnitName::parse(&format!("{stem}.{meant}")).ok()
            });
            let help = match meant {
                Some(name) => format!("did you mean `{name}`?"),
                None if UnitName::parse(&format!("{key}.service")).is_ok() => format!("write `{key}.service`"),
                _ if key.len() > 255 => "choose a shorter one".to_owned(),
                _ if key.contains('*') || key.contains('?') || key.contains('[') => {
                    "name each unit: a unit is declared, not found".to_owned()
                }
                _ if key.contains(|c: char| !c.is_ascii_alphanumeric() && !":_.\\@-".contains(c)) => {
                    "use letters, digits and `:-_.\\@`; `systemd-escape` writes other characters with these".to_owned()
                }
                _ => "a unit's name ends in .service, .socket, .timer, .path, .target, .mount, .automount, .swap or .slice"
                    .to_owned(),
            };
            notes.error(node.key_span(), error.to_string(), help);
            return None;
        }
    };
    let refusal = match name.kind() {
        UnitKind::Device => (
            "device units are made by the kernel and udev",
            "write a udev rule under `files:` (TAG+=\"systemd\"), or a drop-in of the unit that needs the device",
        ),
        UnitKind::Scope => (
            "scope units are made by programs while they run",
            "put limits into a `.slice`, or run the program as a `.service`",
        ),
        _ => return Some(name),
    };
    notes.error(node.key_span(), format!("`{name}` cannot be managed: {}", refusal.0), refusal.1);
    None
}

fn texts(
    fields: &Fields<'_>,
    kind: Option<UnitKind>,
    notes: &mut Notes<'_>,
) -> (Sections, super::manifest::TextSource) {
    let first = fields.entries.iter().find(|(key, _)| is_section(key));
    let text = text_source(fields, first.map(|(_, node)| node.key_span()), notes);
    (sections(fields, kind, notes), text)
}

fn drop_in_entry(name: &str, node: Node<'_>, kind: Option<UnitKind>, notes: &mut Notes<'_>) -> Option<DropInEntry> {
    let fine = |c: char| c.is_ascii_alphanumeric() || "._-@:".contains(c);
    if name.is_empty() || name.len() > 250 || name.starts_with('.') || !name.chars().all(fine) {
        let message = format!("`{}` cannot name a drop-in", name.escape_debug());
        notes.error(node.key_span(), message, "it becomes a file name: use letters, digits, `-`, `_` and `.`");
    } else if let Some(stem) = name.strip_suffix(".conf") {
        let message = format!("the drop-in `{name}` would become `{name}.conf`");
        notes.error(node.key_span(), message, format!("write `{stem}`: `.conf` is added"));
    }
    let fields = Fields::read(node, &DROP_IN, Dialect::Playbook, notes)?;
    let absent = absent(&fields, notes);
    let (sections, text) = texts(&fields, kind, notes);
    if fields.entries.iter().all(|(key, _)| ["adopt", "vars", "when"].contains(key)) {
        let help = "write sections, `template:`, `content:`, `source:` or `absent: true`";
        notes.error(node.key_span(), format!("nothing says what is in the drop-in `{name}`"), help);
    }
    let when = selection(&fields, notes).when;
    Some(DropInEntry { absent, adopt: adopt(&fields, notes), when, sections, text })
}

fn state(node: Node<'_>, notes: &mut Notes<'_>) -> Option<Expr<RunState>> {
    let help = match node.text().unwrap_or_default() {
        "restarted" | "reloaded" => "a change of its inputs restarts a unit by itself; `on_change` says how",
        "enabled" => "whether it starts at boot is `enabled: true`",
        "masked" => "masking is `masked: true`",
        "absent" => "removing is `absent: true`",
        "running" | "active" | "present" => "did you mean `started`?",
        "dead" | "inactive" => "did you mean `stopped`?",
        _ => return leaf::word(node, &STATES, notes),
    };
    let message = format!("`state`: `{}` is none of its words", node.text().unwrap_or_default());
    notes.error(node.span(), message, format!("{help} (allowed here: started, stopped)"));
    None
}

fn on_change(fields: &Fields<'_>, notes: &mut Notes<'_>) -> Option<Expr<OnChange>> {
    leaf::word(fields.get("on_change")?, &ON_CHANGE, notes)
}

/// What the change of a watched file does.
const WATCH_CHANGES: [(&str, bool); 2] = [("restart", false), ("reload", true)];

/// A list of paths, or a mapping from paths to what their change does.
fn watch(fields: &Fields<'_>, notes: &mut Notes<'_>) -> Vec<Watched> {
    let Some(node) = fields.get("watch").filter(|node| !node.is_null()) else {
        return Vec::new();
    };
    if let Some(items) = node.items() {
        let listed = items.into_iter().filter_map(|item| Some((item, leaf::text(item, notes)?)));
        let listed: Vec<(Node<'_>, String)> = listed.collect();
        let mut paths = Vec::new();
        for (item, path) in listed {
            watched(path, None, item.span(), &mut paths, notes);
        }
        return paths;
    }
    let Some(entries) = node.entries(Dialect::Playbook) else {
        let text = node.text().unwrap_or("/path");
        let message = format!("`watch` is a list of paths, but {}", found(node));
        notes.error(node.span(), message, format!("write [{text}], or {{{text}: reload}}"));
        return Vec::new();
    };
    let mut paths = Vec::new();
    for (path, entry) in entries {
        let known = entry.text().and_then(|text| WATCH_CHANGES.iter().find(|(word, _)| *word == text));
        let Some((_, reload)) = known else {
            let message = format!("`watch`: a change of {path} does `restart` or `reload`, but {}", found(entry));
            notes.error(entry.span(), message, "write a list where `on_change` shall say it");
            continue;
        };
        watched(path.to_owned(), Some(*reload), entry.key_span(), &mut paths, notes);
    }
    paths
}

fn watched(path: String, reload: Option<bool>, at: Range<usize>, paths: &mut Vec<Watched>, notes: &mut Notes<'_>) {
    match AbsPath::parse(&path) {
        Err(error) if !leaf::is_template(&path) => {
            notes.error(at, format!("`watch`: {error}"), "write the full path on the host");
        }
        _ => paths.push(Watched { path, reload }),
    }
}

fn instances(fields: &Fields<'_>, name: Option<&UnitName>, notes: &mut Notes<'_>) -> Option<Expr<Vec<String>>> {
    let node = fields.get("instances")?;
    if let Some(name) = name.filter(|name| !name.is_template()) {
        let template = format!("{}@.{}", name.prefix(), name.kind().suffix());
        let message = format!("`{name}` is not a template, so it has no instances");
        notes.error(node.key_span(), message, format!("name the template: `{template}`"));
    }
    if let Some(text) = node.value().as_str().filter(|text| leaf::is_template(text)) {
        return Some(Expr::Template(text.to_owned()));
    }
    let Some(items) = node.items() else {
        let message = format!("`instances` is a list, but {}", found(node));
        notes.error(node.span(), message, "write a list such as [1, 2], or \"{{ range(1, 3) }}\" for 1 and 2");
        return None;
    };
    let mut seen = BTreeSet::new();
    let mut instances = Vec::new();
    for item in items {
        let Some(text) = item.text().filter(|_| item.value().is_string() || item.value().is_number()) else {
            notes.error(
                item.span(),
                format!("an instance is text or a number, but {}", found(item)),
                "put it in quotes",
            );
            continue;
        };
        if !leaf::is_template(text) {
            let refused = name.filter(|name| name.is_template());
            let refused = refused.and_then(|name| name.with_instance(text).err());
            if text.is_empty() {
                notes.error(item.span(), "the instance is empty", "write the part that stands behind the `@`");
            } else if let Some(error) = refused {
                let help = "escape it as `systemd-escape` does";
                notes.error(item.span(), error.to_string(), help);
            } else if !seen.insert(text) {
                notes.error(item.span(), format!("the instance `{text}` is listed twice"), "keep one of them");
            }
        }
        instances.push(text.to_owned());
    }
    Some(Expr::Literal(instances))
}

fn masked_contradiction(fields: &Fields<'_>, unit: &UnitEntry, notes: &mut Notes<'_>) {
    if unit.masked != Setting::Is(Expr::Literal(true)) {
        return;
    }
    let started = (unit.state == Setting::Is(Expr::Literal(RunState::Started))).then_some("state");
    let enabled = (unit.enabled == Setting::Is(Expr::Literal(true))).then_some("enabled");
    for key in [started, enabled].into_iter().flatten() {
        let (Some(node), Some(masked)) = (fields.get(key), fields.get("masked")) else {
            continue;
        };
        let written = if key == "state" { "state: started" } else { "enabled: true" };
        notes.error_pair(
            (node.key_span(), ""),
            (masked.key_span(), "masked here"),
            format!("`{written}` contradicts `masked: true`: a masked unit cannot be started"),
            "take one of the two away",
        );
    }
}

/// A template itself is never started, and which instance enabling it would make is not decided here.
fn template_contradiction(fields: &Fields<'_>, unit: &UnitEntry, name: &UnitName, notes: &mut Notes<'_>) {
    if !name.is_template() || fields.get("instances").is_some() {
        return;
    }
    let enabled = matches!(unit.enabled, Setting::Is(_)).then_some("enabled");
    let state = matches!(unit.state, Setting::Is(_)).then_some("state");
    for key in [enabled, state].into_iter().flatten() {
        let Some(node) = fields.get(key) else { continue };
        let message = format!("`{key}` needs `instances`: `{name}` is a template, and only its instances run");
        let help = format!("add `instances: [...]`, or write `{key}: null` if others start them");
        notes.error(node.key_span(), message, help);
    }
}
