//! Files of variables: those of `group_vars/` and `host_vars/`, and `-e @FILE`.

use std::sync::Arc;

use crate::load::allowed::{Notes, found, in_order};
use crate::load::document::{Document, read_documents};
use crate::load::json_document::read_json;
use crate::model::{Diagnostic, SourceFile};

use super::layer::{Entry, Layer};
use super::vault;
use super::yaml::settings;

/// All of a file as variables, whatever their names.
pub(in crate::load) fn read_layer(source: &Arc<SourceFile>, what: String) -> Result<Layer, Vec<Diagnostic>> {
    let mut layer = Layer { what, source: Arc::clone(source), entries: Vec::new() };
    let Some(document) = read_mapping(source)? else { return Ok(layer) };
    let mut notes = Notes::new(source);
    let settings = settings(document.root(), &mut notes).unwrap_or_default();
    for setting in settings.iter().filter(|setting| vault::is_encrypted(setting)) {
        vault::refuse(setting, &mut notes);
    }
    in_order(&mut notes.list);
    if !notes.list.is_empty() {
        return Err(notes.list);
    }
    let entry = |setting: super::setting::Setting| Entry {
        name: setting.name,
        value: setting.value,
        key: setting.key,
        connection: false,
    };
    layer.entries = settings.into_iter().map(entry).collect();
    Ok(layer)
}

/// A file of variables: one document, or none.
pub(super) fn read_mapping(source: &Arc<SourceFile>) -> Result<Option<Document>, Vec<Diagnostic>> {
    if let Some(problem) = vault::encrypted_file(source) {
        return Err(vec![problem]);
    }
    let is_json = |text: &str| text.starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    if is_json(source.text.trim_start()) {
        return read_json(source).map(Some);
    }
    let mut filled = read_documents(source)?.into_iter().filter(|document| !document.root().is_null());
    let (first, second) = (filled.next(), filled.next());
    if let Some(second) = second {
        let start = second.root().span().start;
        let problem = Diagnostic::error("a file of variables is one YAML document, and a second one begins here");
        return Err(vec![problem.at(source, start..start, "").help("take the `---` away, or use two files")]);
    }
    if let Some(bad) = first.as_ref().and_then(|document| document.root().bad_merge()) {
        let message = format!("only a mapping can be merged, but {}", found(bad));
        let help = "`<<` takes an alias such as `*defaults`, or a list of them";
        return Err(vec![Diagnostic::error(message).at(source, bad.span(), "").help(help)]);
    }
    Ok(first)
}
