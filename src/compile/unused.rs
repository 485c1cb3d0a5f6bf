//! Variables of a unit that nothing reads: a misspelt one of a built-in template would go unseen otherwise.
//!
//! Which variables a built-in template takes is known from its table; those of other templates are not, so nothing is
//! said there. A variable may also be meant for an expression of the same unit. What is left is a warning and no error:
//! two units may share their `vars:` through an alias.

use super::scope::{Scope, below};
use crate::load::manifest::UnitEntry;
use crate::load::spans::Seg;
use crate::model::Diagnostic;
use crate::render;

/// A warning for each of the unit's own variables that neither its template nor anything else in its entry names.
pub(super) fn warnings(scope: &Scope, entry: &UnitEntry, path: &[Seg]) -> Vec<Diagnostic> {
    let template = entry.text.template.as_deref().and_then(|name| name.strip_prefix("builtin/"));
    let Some((template, taken)) = template.and_then(|name| Some((name, render::taken_by(name)?))) else {
        return Vec::new();
    };
    if entry.drop_ins.values().any(|drop_in| drop_in.text.template.is_some()) {
        return Vec::new();
    }
    let spans = &scope.manifest.spans;
    let written = &spans.source().text[spans.value(path)];
    let unused = |name: &&String| !taken.contains(*name) && occurrences(written, name) < 2;
    let vars = below(path, "vars");
    let told = entry.text.vars.keys().filter(unused).map(|name| {
        let place = spans.key(&below(&vars, name));
        let message = format!("`builtin/{template}` takes no variable `{name}`, and nothing else in this unit uses it");
        let help = match render::nearest(name, taken.iter().cloned()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it takes {}", taken.join(", ")),
        };
        Diagnostic::warning(message).at(spans.source(), place, "").help(help)
    });
    told.collect()
}

/// How often a word stands in a text.
pub(super) fn occurrences(text: &str, word: &str) -> usize {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|found| *found == word).count()
}
