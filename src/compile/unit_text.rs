//! The text of a unit file, a drop-in or a file: from sections, a template, inline content or a source file.

use std::path::Path;

use serde_json::Value;

use super::scope::{Scope, below, key};
use crate::load::manifest::{DirectiveValue, Sections, TextSource};
use crate::load::spans::Seg;
use crate::model::{Bytes, Diagnostic, Secrecy};
use crate::render::{FileError, MAX_OUTPUT, Taint, text_of};
use crate::unitfile::{UnitFile, quote, unit_text};

/// The largest file that a playbook installs.
const MAX_SOURCE: usize = 64 * 1024 * 1024;

/// The text of a unit file or drop-in at `path`; `None` where the entry says nothing about it.
pub(super) fn text(
    scope: &Scope,
    sections: &Sections,
    source: &TextSource,
    path: &[Seg],
) -> Result<Option<String>, Vec<Diagnostic>> {
    let given = source.template.is_some() || source.content.is_some() || source.source.is_some();
    if !sections.is_empty() && given {
        let twice = "the text is given twice: by sections and by `template`, `content` or `source`";
        return Err(vec![scope.key_error(path, twice)]);
    }
    let text = if sections.is_empty() {
        of_source(scope, source, path).map_err(|wrong| vec![wrong])?
    } else {
        Some(of_sections(scope, sections, path)?)
    };
    if let Some(wrong) = text.as_deref().and_then(|text| unusable(scope, text, path)) {
        return Err(vec![wrong]);
    }
    Ok(text)
}

fn unusable(scope: &Scope, text: &str, path: &[Seg]) -> Option<Diagnostic> {
    if text.len() > MAX_OUTPUT {
        let limit = MAX_OUTPUT / 1024;
        return Some(scope.key_error(path, format!("the text of this unit is larger than {limit} KiB")));
    }
    if text.contains('\0') {
        return Some(
            scope.key_error(path, "the text of this unit holds a NUL byte, where systemd stops reading a line"),
        );
    }
    let parsed = UnitFile::parse(text);
    let (line, what) = parsed.invalid().next()?;
    // The line itself may hold a variable's value; its number is enough to find it.
    Some(scope.key_error(path, format!("line {line} of this unit's text is wrong: {what}")))
}

/// A unit's text ends in a newline, or systemd and `diff` would speak of it differently than the user.
fn ended(mut text: String) -> String {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

fn of_source(scope: &Scope, source: &TextSource, path: &[Seg]) -> Result<Option<String>, Diagnostic> {
    if source.source.is_none() {
        let made = of_template(scope, source, path)?;
        return made.map(|made| scope.open(made, &written_at(source, path)).map(ended)).transpose();
    }
    let Some(bytes) = of_file(scope, source, path)? else {
        return Ok(None);
    };
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(scope.error(&below(path, "source"), "a unit file has to be UTF-8 text, and this file is not")),
    }
}

fn written_at(source: &TextSource, path: &[Seg]) -> Vec<Seg> {
    below(path, if source.template.is_some() { "template" } else { "content" })
}

/// `template:` or `content:`.
fn of_template(scope: &Scope, source: &TextSource, path: &[Seg]) -> Result<Option<(String, Taint)>, Diagnostic> {
    if let Some(written) = &source.template {
        let path = below(path, "template");
        let name = scope.text(written, &path)?;
        return scope.template(&name, &path).map(Some);
    }
    let content = source.content.as_deref();
    content.map(|written| scope.content(written, &below(path, "content"))).transpose()
}

/// `source:`.
fn of_file(scope: &Scope, source: &TextSource, path: &[Seg]) -> Result<Option<Vec<u8>>, Diagnostic> {
    let Some(written) = &source.source else {
        return Ok(None);
    };
    let path = below(path, "source");
    let name = scope.text(written, &path)?;
    let folder = scope.playbook.path.parent().unwrap_or(Path::new(""));
    let root = match scope.playbook.root.as_path() {
        root if root.as_os_str().is_empty() => Path::new("."),
        root => root,
    };
    let read = scope.files.read(&folder.join(&name), root, MAX_SOURCE);
    read.map(|bytes| Some(bytes.to_vec())).map_err(|error| {
        let told = scope.error(&path, format!("the source file cannot be used: {error}"));
        match error {
            FileError::NotFound => told.help(format!("it is looked for in the playbook's folder, `{}`", shown(folder))),
            FileError::Outside => {
                told.help(format!("the project's root is `{}`; a `unitfleet.yaml` marks it", shown(root)))
            }
            _ => told,
        }
    })
}

fn shown(folder: &Path) -> String {
    if folder.as_os_str().is_empty() { ".".to_owned() } else { folder.display().to_string() }
}

/// The bytes of a `files:` entry; `None` where the entry says nothing about them.
pub(super) fn file_bytes(scope: &Scope, source: &TextSource, path: &[Seg]) -> Result<Option<Bytes>, Diagnostic> {
    match of_file(scope, source, path)? {
        Some(bytes) => Ok(Some(Bytes::open(bytes))),
        None => Ok(of_template(scope, source, path)?.map(|(text, taint)| {
            let secrecy = if taint.secrets.is_empty() { Secrecy::Open } else { Secrecy::Secret };
            Bytes::with(text.into_bytes(), secrecy)
        })),
    }
}

fn of_sections(scope: &Scope, sections: &Sections, path: &[Seg]) -> Result<String, Vec<Diagnostic>> {
    let mut errors = Vec::new();
    let mut rendered = Vec::new();
    for (section, directives) in sections {
        let mut settings = Vec::new();
        for (directive, value) in directives {
            let place = below(&below(path, section), directive);
            let writer = Directive { scope, name: directive };
            match writer.values(value, &place) {
                Ok(values) => settings.extend(values.into_iter().map(|value| (directive.clone(), value))),
                Err(wrong) => errors.push(wrong),
            }
        }
        rendered.push((section.clone(), settings));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    // The writer's error names the directive, not the value.
    unit_text(&rendered).map_err(|error| vec![scope.key_error(path, error.to_string())])
}

struct Directive<'a> {
    scope: &'a Scope<'a>,
    name: &'a str,
}

impl Directive<'_> {
    /// What the directive is set to, one line each.
    fn values(&self, value: &DirectiveValue, path: &[Seg]) -> Result<Vec<String>, Diagnostic> {
        match value {
            DirectiveValue::Bool(flag) => Ok(vec![yes_or_no(*flag)]),
            DirectiveValue::Number(number) => Ok(vec![number.clone()]),
            DirectiveValue::Text(written) => self.of_text(written, path),
            DirectiveValue::List(items) => {
                let mut lines = Vec::new();
                for (at, item) in items.iter().enumerate() {
                    let path: Vec<Seg> = path.iter().cloned().chain([Seg::Index(at)]).collect();
                    lines.extend(self.values(item, &path)?);
                }
                Ok(lines)
            }
            DirectiveValue::Map(pairs) => {
                let words = pairs.iter().map(|(name, value)| {
                    let path = below(path, name);
                    let value = self.variable(value, &path)?;
                    self.assignment(name, &value, &path)
                });
                words.collect()
            }
        }
    }

    /// A text; where it is one expression, its type counts as it does in YAML.
    fn of_text(&self, written: &str, path: &[Seg]) -> Result<Vec<String>, Diagnostic> {
        match self.scope.value(written.trim_end_matches('\n'), path)? {
            Value::Array(items) => items.iter().map(|item| self.scalar(item, path)).collect(),
            Value::Object(pairs) if self.name == "Environment" => {
                let words = pairs.iter().map(|(name, value)| {
                    let value = self.plain(value, path)?;
                    self.assignment(name, &value, path)
                });
                words.collect()
            }
            value => Ok(vec![self.scalar(&value, path)?]),
        }
    }

    fn scalar(&self, value: &Value, path: &[Seg]) -> Result<String, Diagnostic> {
        match value {
            Value::Bool(flag) => Ok(yes_or_no(*flag)),
            value => self.plain(value, path),
        }
    }

    fn plain(&self, value: &Value, path: &[Seg]) -> Result<String, Diagnostic> {
        let value = minijinja::Value::from(minijinja::value::Serde(value));
        text_of(&value).map_err(|error| self.scope.error(path, error.detail().unwrap_or_default()))
    }

    /// The value of an environment variable: a program's, not systemd's, so booleans are `true` and `false`.
    fn variable(&self, value: &DirectiveValue, path: &[Seg]) -> Result<String, Diagnostic> {
        match value {
            DirectiveValue::Bool(flag) => Ok(flag.to_string()),
            DirectiveValue::Number(number) => Ok(number.clone()),
            DirectiveValue::Text(written) => self.plain(&self.scope.value(written, path)?, path),
            DirectiveValue::List(_) | DirectiveValue::Map(_) => {
                Err(self.scope.error(path, "an environment variable holds one text"))
            }
        }
    }

    fn assignment(&self, name: &str, value: &str, path: &[Seg]) -> Result<String, Diagnostic> {
        quote::environment_assignment(name, value).map_err(|_| {
            self.scope.key_error(path, "this cannot be an environment variable").help(
                "a name may hold letters, digits and `_` and does not start with a digit; a value holds no NUL byte",
            )
        })
    }
}

fn yes_or_no(flag: bool) -> String {
    if flag { "yes" } else { "no" }.to_owned()
}

/// The path of a drop-in's entry.
pub(super) fn drop_in_path(unit: &[Seg], name: &str) -> Vec<Seg> {
    below(unit, "drop_ins").into_iter().chain([key(name)]).collect()
}
