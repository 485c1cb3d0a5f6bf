//! Where the variable is defined that a mistyped name was meant to be.

use super::variables::{Layer, Origin, written_at};
use crate::load::spans::Seg;
use crate::model::Diagnostic;

/// Adds the place of what a message suggests, where a playbook has it. `layers`: weakest first.
pub(super) fn point<'a>(wrong: Diagnostic, layers: impl DoubleEndedIterator<Item = &'a Layer<'a>>) -> Diagnostic {
    let Some(named) = suggested(&wrong).map(str::to_owned) else {
        return wrong;
    };
    let mut steps = named.split('.');
    let first = steps.next().unwrap_or_default();
    let Some(layer) = layers.rev().find(|layer| layer.vars.contains_key(first)) else {
        return wrong;
    };
    let (spans, path) = match &layer.origin {
        Origin::Manifest(spans, path) => (spans, path),
        Origin::Inventory(files) => return in_inventory(wrong, &named, written_at(files, first)),
        Origin::CommandLine => return wrong,
    };
    let steps = std::iter::once(first).chain(steps).map(|step| Seg::Key(step.to_owned()));
    let path: Vec<Seg> = path.iter().cloned().chain(steps).collect();
    wrong.at(spans.source(), spans.key(&path), format!("`{named}` is defined here"))
}

/// The line of an inventory is not shown: it may hold more than its writer wants to see in a log.
fn in_inventory(mut wrong: Diagnostic, named: &str, place: Option<String>) -> Diagnostic {
    if let Some(place) = place {
        wrong.help = Some(format!("did you mean `{named}`, which is defined at {place}?"));
    }
    wrong
}

fn suggested(wrong: &Diagnostic) -> Option<&str> {
    let undefined = wrong.message.ends_with("` is not defined");
    let help = wrong.help.as_deref().filter(|_| undefined)?;
    help.strip_prefix("did you mean `")?.strip_suffix("`?")
}
