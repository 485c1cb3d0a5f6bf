//! Capitalised keys: section → directive → value, as systemd will read them.

use crate::model::{UnitKind, quoted};

use super::allowed::{Fields, Notes, SECTIONS, closest, found};
use super::manifest::{DirectiveValue, Sections};
use super::node::{Dialect, Node};

/// All sections of a unit or drop-in. `kind` is the unit's, where its name is known.
pub(super) fn sections(fields: &Fields<'_>, kind: Option<UnitKind>, notes: &mut Notes<'_>) -> Sections {
    let mut sections = Sections::new();
    for (name, node) in &fields.entries {
        if !is_section(name) {
            continue;
        }
        check_name(name, *node, kind, notes);
        let Some(directives) = node.entries(Dialect::Playbook) else {
            let message = format!("the section `{name}` is a mapping of directives, but {}", found(*node));
            notes.error(node.key_span(), message, "write `Directive: value` lines below it");
            continue;
        };
        let directives = directives
            .into_iter()
            .filter_map(|(directive, node)| Some((directive.to_owned(), directive_value(directive, node, notes)?)))
            .collect();
        sections.push(((*name).to_owned(), directives));
    }
    sections
}

/// Whether a key is systemd's rather than ours.
pub(super) fn is_section(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_uppercase())
}

fn check_name(name: &str, node: Node<'_>, kind: Option<UnitKind>, notes: &mut Notes<'_>) {
    if name.starts_with("X-") {
        if name.chars().any(|c| c.is_control() || c.is_whitespace() || "[]\\\"'".contains(c)) {
            let message = format!("`{}` cannot name a section", quoted(name));
            notes.error(node.key_span(), message, "use letters, digits, `-` and `_` behind `X-`");
        }
        return;
    }
    if !SECTIONS.contains(&name) {
        let help = match closest(name, SECTIONS) {
            Some(meant) => format!("did you mean `{meant}`? a section of your own starts with `X-`"),
            None => {
                format!("directives stand below a section, such as `Service:`; systemd knows {}", SECTIONS.join(", "))
            }
        };
        notes.error(node.key_span(), format!("systemd has no section `{}`", quoted(name)), help);
        return;
    }
    let Some(kind) = kind else { return };
    if !matches!(name, "Unit" | "Install") && !name.eq_ignore_ascii_case(kind.suffix()) {
        let message = format!("systemd ignores the section `{name}` in a {} unit", kind.suffix());
        let help = format!("move it to a unit whose name ends in `.{}`", name.to_ascii_lowercase());
        notes.error(node.key_span(), message, help);
    }
}

fn directive_value(directive: &str, node: Node<'_>, notes: &mut Notes<'_>) -> Option<DirectiveValue> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if directive.is_empty() || !directive.chars().all(fine) {
        let message = format!("`{}` is not the name of a directive", quoted(directive));
        let help = "a directive is one word, such as `ExecStart`; names are never templates";
        notes.error(node.key_span(), message, help);
        return None;
    }
    if let Some(items) = node.items() {
        let values = items.into_iter().filter_map(|item| scalar(item, directive, notes));
        return Some(DirectiveValue::List(values.collect()));
    }
    if let Some(entries) = node.entries(Dialect::Playbook) {
        if directive != "Environment" {
            let message = format!("`{directive}` is a text, a number, a boolean or a list, but this is a mapping");
            notes.error(node.span(), message, "only `Environment` is written as a mapping");
            return None;
        }
        let pairs =
            entries.into_iter().filter_map(|(name, node)| Some((name.to_owned(), variable(name, node, notes)?)));
        return Some(DirectiveValue::Map(pairs.collect()));
    }
    scalar(node, directive, notes)
}

fn variable(name: &str, node: Node<'_>, notes: &mut Notes<'_>) -> Option<DirectiveValue> {
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !first || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        let message = format!("`{}` is not the name of an environment variable", quoted(name));
        notes.error(node.key_span(), message, "use letters, digits and `_`; systemd drops other names");
        return None;
    }
    scalar(node, name, notes)
}

fn scalar(node: Node<'_>, directive: &str, notes: &mut Notes<'_>) -> Option<DirectiveValue> {
    use serde_yaml::Value;
    // The text is the one in the file: YAML's `1.10` and `0x1F` would come back as 1.1 and 31.
    let written = node.text().unwrap_or_default();
    match node.value() {
        Value::Bool(value) => Some(DirectiveValue::Bool(*value)),
        Value::Number(number) if number.as_f64().is_some_and(|number| !number.is_finite()) => {
            let message = format!("`{directive}`: `{written}` is a number of YAML's that systemd does not know");
            notes.error(node.span(), message, "without a limit is `infinity`");
            None
        }
        Value::Number(_) => Some(DirectiveValue::Number(written.to_owned())),
        Value::String(_) => one_line(written, node, directive, notes).map(DirectiveValue::Text),
        Value::Null => {
            let help = "write a value; `\"\"` resets a directive that collects";
            notes.error(node.key_span(), format!("`{directive}` has no value"), help);
            None
        }
        Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => {
            let message = format!("`{directive}` cannot hold this: {}", found(node));
            notes.error(node.span(), message, "items are texts, numbers or booleans");
            None
        }
    }
}

/// The value of a directive is one line, or goes on after a backslash. The newline that ends a YAML block is not part
/// of it.
fn one_line(written: &str, node: Node<'_>, directive: &str, notes: &mut Notes<'_>) -> Option<String> {
    let value = written.trim_end_matches('\n');
    // To systemd a carriage return ends a line as well.
    if value.replace("\r\n", "\n").contains('\r') {
        let message = format!("`{directive}` holds a carriage return, at which systemd ends the line");
        notes.error(node.span(), message, "take it away, or write `\\r` where the program itself understands that");
        return None;
    }
    let ends_open = |line: &str| line.ends_with('\\');
    let mut lines = value.split('\n').collect::<Vec<_>>();
    lines.pop();
    if lines.iter().all(|line| ends_open(line)) || super::leaf::is_template(value) {
        return Some(value.to_owned());
    }
    let message = format!("`{directive}` holds several lines, and a directive is one line");
    let help = "write a list to repeat the directive, or `>-` instead of `|` to fold the lines into one";
    notes.error(node.span(), message, help);
    None
}
