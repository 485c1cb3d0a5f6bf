//! Existing unit files → a manifest and its templates.
//!
//! The promise: what `render` gives for the manifest are the bytes of the files. One thing is added: a last line
//! without a line end gets one, as every unit file that unitfleet writes. Files of one name, such as `shop.socket`,
//! `shop.service` and `shop@.service`, become one manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{Diagnostic, ManifestName, SourceFile, UnitKind, UnitName};
use crate::unitfile::{Effective, Item, UnitFile};

use super::NewFile;
use super::lift::{Variables, template};
use super::manifest::{Described, text};

/// The most that the engine takes as one template.
const MAX_TEMPLATE: usize = 64 * 1024;

/// A unit file with its drop-ins.
#[derive(Clone, Debug)]
pub struct UnitSource {
    /// The file; its name is the unit's.
    pub file: Arc<SourceFile>,
    /// The `.conf` files of its `.d` folder, sorted by name.
    pub drop_ins: Vec<Arc<SourceFile>>,
}

/// The files of the manifests, one for each service; or everything that is wrong with the input.
pub fn from_units(sources: &[UnitSource]) -> Result<Vec<NewFile>, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let mut services: BTreeMap<String, Vec<(UnitName, &UnitSource)>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for source in sources {
        let name = match unit_name(&source.file) {
            Ok(name) => name,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        problems.extend(no_section(&source.file));
        problems.extend([&source.file].into_iter().chain(&source.drop_ins).flat_map(wrong_lines));
        if seen.insert(name.clone()) {
            services.entry(name.prefix().to_owned()).or_default().push((name, source));
        } else {
            problems.push(Diagnostic::error(format!("`{name}` is given twice")).help("name one file for each unit"));
        }
    }
    let mut files = Vec::new();
    for (service, units) in &services {
        match one_manifest(service, units) {
            Ok(found) => files.extend(found),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() { Ok(files) } else { Err(problems) }
}

fn unit_name(file: &SourceFile) -> Result<UnitName, Diagnostic> {
    let name = UnitName::parse(file_name(file)).map_err(|error| {
        Diagnostic::error(format!("`{}` is no unit file: {error}", file.name))
            .help("a unit file is named like the unit, such as shop.service or shop@.service")
    })?;
    if matches!(name.kind(), UnitKind::Device | UnitKind::Scope) {
        let message = format!("`{}`: a {} unit has no file of its own", file.name, name.kind().suffix());
        return Err(Diagnostic::error(message));
    }
    Ok(name)
}

fn file_name(file: &SourceFile) -> &str {
    file.name.rsplit('/').next().unwrap_or_default()
}

/// An empty unit file would even be a mask.
fn no_section(file: &Arc<SourceFile>) -> Option<Diagnostic> {
    let unit = UnitFile::parse(&file.text);
    let some = unit.lines().iter().any(|line| matches!(line.item, Item::Section(_) | Item::Invalid(_)));
    let message = format!("`{}` is no unit file: it has no section such as [Service]", file.name);
    (!some).then(|| Diagnostic::error(message).at(file, 0..0, ""))
}

/// Lines that mean nothing to systemd: whoever has them wants to know before they spread.
fn wrong_lines(file: &Arc<SourceFile>) -> Vec<Diagnostic> {
    if let Some(at) = file.text.find('\0') {
        return vec![Diagnostic::error("a NUL byte stands here, so this is no unit file").at(file, at..at + 1, "")];
    }
    let unit = UnitFile::parse(&file.text);
    let mut at = 0;
    let mut problems = Vec::new();
    for line in unit.lines() {
        if let Item::Invalid(why) = line.item {
            let end = at + line.text.trim_end_matches(['\n', '\r']).len();
            let problem = Diagnostic::error(format!("this line is wrong in a unit file: {why}"));
            problems.push(problem.at(file, at..end, "").help("put the file right first, or make the line a comment"));
        }
        at += line.text.len();
    }
    problems
}

fn one_manifest(service: &str, units: &[(UnitName, &UnitSource)]) -> Result<Vec<NewFile>, Vec<Diagnostic>> {
    let mut variables = Variables::new(service);
    let mut files = Vec::new();
    let mut problems = Vec::new();
    let mut from = Vec::new();
    let mut described = Vec::new();
    for (name, source) in units {
        from.push(source.file.name.clone());
        // Names of templates hold no backslash, names of units no plus sign.
        let path = name.as_str().replace('\\', "+");
        let mut add = |file: &SourceFile, path: String| {
            let text = template(&UnitFile::parse(&file.text), &mut variables);
            if text.len() > MAX_TEMPLATE {
                let message = format!("`{}` is too large for a template", file.name);
                problems.push(Diagnostic::error(message).help("name it by `source:` in a manifest of your own"));
            }
            files.push(NewFile { path: format!("templates/{path}"), text });
            path
        };
        let own = add(&source.file, format!("{path}.j2"));
        let mut drop_ins = Vec::new();
        for drop_in in &source.drop_ins {
            let stem = stem(drop_in);
            drop_ins.push((stem.to_owned(), add(drop_in, format!("{path}.d/{stem}.conf.j2"))));
        }
        problems.extend(source.drop_ins.iter().filter_map(|file| odd_name(file)));
        let texts: Vec<&str> = source.drop_ins.iter().map(|file| file.text.as_str()).collect();
        let effective = Effective::merge(Some(&source.file.text), &texts);
        described.push(Described { name: name.clone(), effective, template: own, drop_ins });
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let name = manifest_name(service);
    let from: Vec<String> = from.iter().map(|path| path.escape_debug().to_string()).collect();
    let manifest = NewFile { path: file_of(&name), text: text(&name, &from, &described, &variables) };
    Ok([manifest].into_iter().chain(files).collect())
}

/// The name of a drop-in as a playbook has it.
fn stem(drop_in: &SourceFile) -> &str {
    let name = file_name(drop_in);
    name.strip_suffix(".conf").unwrap_or(name)
}

/// systemd takes drop-ins of any name, a playbook only those that are plain words.
fn odd_name(drop_in: &SourceFile) -> Option<Diagnostic> {
    let name = stem(drop_in);
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-@:".contains(c);
    let plain = !name.is_empty() && !name.starts_with('.') && name.chars().all(allowed);
    let message = format!("`{}` cannot be a drop-in of a playbook because of its name", drop_in.name);
    let problem = || Diagnostic::error(message).help("rename it: use letters, digits, `-`, `_` and `.`");
    (!plain || name.strip_suffix(".conf").is_some()).then(problem)
}

fn manifest_name(service: &str) -> String {
    let fine = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = service.chars().map(fine).take(64).collect();
    let name = name.trim_start_matches(['.', '-']);
    if ManifestName::parse(name).is_ok() { name.to_owned() } else { "unit".to_owned() }
}

/// Two names are files of another kind in a project.
fn file_of(name: &str) -> String {
    let taken = ["unitfleet", "inventory"].contains(&name);
    if taken { format!("{name}-units.yaml") } else { format!("{name}.yaml") }
}

#[cfg(test)]
mod tests;
