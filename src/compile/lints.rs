//! What the rules find in a unit's texts, at the place in the playbook where it was written.

use crate::lint::{self, Lint};
use crate::load::manifest::{Sections, TextSource, UnitEntry};
use crate::load::spans::Seg;
use crate::model::{Bytes, DesiredUnit, Diagnostic, UnitName, Wanted};

use super::scope::{Scope, below};
use super::unit_text::drop_in_path;

pub(super) fn of_unit(
    scope: &Scope,
    name: &UnitName,
    entry: &UnitEntry,
    path: &[Seg],
    unit: &DesiredUnit,
) -> Vec<Diagnostic> {
    let drop_ins = unit.drop_ins.iter().filter_map(|(file, wanted)| match wanted {
        Wanted::Present(bytes) => Some((file.as_str(), bytes.as_text()?)),
        Wanted::Absent => None,
    });
    let fragment = unit.fragment.as_ref().and_then(Bytes::as_text);
    let found = lint::unit(&lint::Unit { name, fragment, drop_ins: drop_ins.collect() });
    found.iter().filter_map(|lint| at_its_place(scope, entry, path, lint)).collect()
}

/// `None`: it is in a drop-in that is our own work.
fn at_its_place(scope: &Scope, entry: &UnitEntry, path: &[Seg], lint: &Lint) -> Option<Diagnostic> {
    let (sections, text, path) = match &lint.drop_in {
        None => (&entry.sections, &entry.text, path.to_vec()),
        Some(file) => {
            let stem = file.strip_suffix(".conf").unwrap_or(file);
            let (written, entry) = entry.drop_ins.iter().find(|(written, _)| *written == stem || *written == file)?;
            (&entry.sections, &entry.text, drop_in_path(path, written))
        }
    };
    let Lint { rule, message, help, .. } = lint;
    let placed = place(scope, sections, text, &path, lint);
    let mut diagnostic = Diagnostic { severity: rule.severity, rule: Some(rule.id), ..placed };
    diagnostic.message = message.clone() + &diagnostic.message;
    diagnostic.help.clone_from(help);
    Some(diagnostic)
}

/// A diagnostic that says no more than where: at the directive of a section, at the line of a text that stands in the
/// playbook, or where the text comes from, with the number of its line.
fn place(scope: &Scope, sections: &Sections, text: &TextSource, path: &[Seg], lint: &Lint) -> Diagnostic {
    if !sections.is_empty() {
        let section = below(path, &lint.section);
        let directives = sections.iter().find(|(name, _)| *name == lint.section).map(|(_, directives)| directives);
        return match directives {
            Some(directives) if directives.iter().any(|(name, _)| *name == lint.key) => {
                scope.key_error(&below(&section, &lint.key), "")
            }
            Some(_) => scope.key_error(&section, ""),
            None => scope.key_error(path, ""),
        };
    }
    let from = ["template", "content", "source"];
    let given = [text.template.is_some(), text.content.is_some(), text.source.is_some()];
    let Some((key, _)) = from.iter().zip(given).find(|(_, given)| *given) else {
        return scope.key_error(path, "");
    };
    let value = below(path, key);
    if *key == "content"
        && let Some(found) = scope.line_of(&value, &lint.key)
    {
        return found;
    }
    let number = if lint.line == 0 { String::new() } else { format!(" (line {} of the unit)", lint.line) };
    scope.error(&value, number)
}
