//! Single values: text, switches, words, names, modes. Each says what was expected in words of the playbook.

use crate::model::NameError;

use super::allowed::{Notes, closest, found};
use super::manifest::{Expr, Setting};
use super::node::{Dialect, Node};

/// Whether a text is a template.
pub(super) fn is_template(text: &str) -> bool {
    text.contains("{{")
}

/// Text. Numbers and booleans are refused: whoever means `1.10` as text writes it in quotes.
pub(super) fn text(node: Node<'_>, notes: &mut Notes<'_>) -> Option<String> {
    if let Some(text) = node.value().as_str() {
        return Some(text.to_owned());
    }
    let help = match node.text() {
        _ if node.is_null() => "write a value, or leave the key out".to_owned(),
        Some(text) => format!("put it in quotes: \"{text}\""),
        None => "write one text".to_owned(),
    };
    let message = format!("`{}` is text, but {}", node.key_name(), found(node));
    notes.error(node.span(), message, help);
    None
}

/// Text that is a name or a path, checked unless it is a template.
pub(super) fn checked<T>(
    node: Node<'_>,
    notes: &mut Notes<'_>,
    parse: fn(&str) -> Result<T, NameError>,
    help: &str,
) -> Option<String> {
    let text = text(node, notes)?;
    if !is_template(&text)
        && let Err(error) = parse(&text)
    {
        notes.error(node.span(), format!("`{}`: {error}", node.key_name()), help);
        return None;
    }
    Some(text)
}

/// `true`, `false` or a template.
pub(super) fn flag(node: Node<'_>, notes: &mut Notes<'_>) -> Option<Expr<bool>> {
    if let Some(value) = node.boolean(Dialect::Playbook) {
        return Some(Expr::Literal(value));
    }
    let text = node.value().as_str();
    if let Some(template) = text.filter(|text| is_template(text)) {
        return Some(Expr::Template(template.to_owned()));
    }
    let help = match text.map(str::to_lowercase).as_deref() {
        Some("yes" | "on" | "y") => "write true",
        Some("no" | "off" | "n") => "write false",
        Some("true" | "false") => "write it without quotes",
        _ => "write true or false",
    };
    let message = format!("`{}` is true or false, but {}", node.key_name(), found(node));
    notes.error(node.span(), message, help);
    None
}

/// One of a few words, or a template.
pub(super) fn word<T: Copy>(node: Node<'_>, words: &[(&str, T)], notes: &mut Notes<'_>) -> Option<Expr<T>> {
    let text = node.value().as_str();
    if let Some((_, value)) = words.iter().find(|(word, _)| Some(*word) == text) {
        return Some(Expr::Literal(*value));
    }
    if let Some(template) = text.filter(|text| is_template(text)) {
        return Some(Expr::Template(template.to_owned()));
    }
    let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let list = names.join(", ");
    let help = match text.and_then(|text| closest(text, names.iter().copied())) {
        Some(meant) => format!("did you mean `{meant}`? allowed here: {list}"),
        None => format!("allowed here: {list}"),
    };
    let said = node.text().map_or_else(|| found(node), |text| format!("`{text}` is none of its words"));
    let said = if node.is_null() { found(node) } else { said };
    notes.error(node.span(), format!("`{}`: {said}", node.key_name()), help);
    None
}

/// A key of which `null` says that the aspect is not ours.
pub(super) fn setting<T>(
    node: Option<Node<'_>>,
    notes: &mut Notes<'_>,
    read: impl FnOnce(Node<'_>, &mut Notes<'_>) -> Option<Expr<T>>,
) -> Setting<T> {
    match node {
        None => Setting::Inherit,
        Some(node) if node.is_null() => Setting::NotOurs,
        Some(node) => read(node, notes).map_or(Setting::Inherit, Setting::Is),
    }
}

/// Permission bits as a quoted octal number, or a template.
pub(super) fn mode(node: Node<'_>, notes: &mut Notes<'_>) -> Option<String> {
    let written = node.text().unwrap_or_default();
    let digits = written.trim_start_matches("0o").trim_start_matches('0');
    let octal = !digits.is_empty() && digits.len() <= 4 && digits.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    let template = is_template(written);
    if node.text().is_some() && node.is_plain() && !template && octal {
        let message = format!("`mode: {written}` is a number in YAML, and programs disagree about which");
        notes.error(node.span(), message, format!("write \"{digits:0>4}\""));
        return None;
    }
    let mode = match node.text() {
        Some(written) if !node.is_null() => written.to_owned(),
        _ => text(node, notes)?,
    };
    let plain_octal = (3..=4).contains(&mode.len()) && mode.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    if template || plain_octal {
        return Some(mode);
    }
    let message = format!("`{}` is not an octal mode", mode.escape_debug());
    notes.error(node.span(), message, "write four octal digits in quotes, such as \"0644\"");
    None
}
