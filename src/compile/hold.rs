//! `hold:` of a unit, or the one that `unit_defaults` says.

use super::scope::{Scope, below, key};
use crate::load::manifest::{Expr, HoldEntry, Setting};
use crate::load::parse_until;
use crate::load::spans::Seg;
use crate::model::{Diagnostic, Hold};

/// What holds the unit at `path`. Whether the hold has ended is for the host's own clock to say.
pub(super) fn hold(scope: &Scope, own: &Setting<HoldEntry>, path: &[Seg]) -> Result<Option<Hold>, Diagnostic> {
    let by_default = [key("unit_defaults"), key("hold")];
    let own_path = below(path, "hold");
    let (entry, path) = match (own, &scope.manifest.unit_defaults.hold) {
        (Setting::Is(Expr::Literal(entry)), _) => (entry, own_path.as_slice()),
        (Setting::Inherit, Setting::Is(Expr::Literal(entry))) => (entry, by_default.as_slice()),
        _ => return Ok(None),
    };
    let reason_path = below(path, "reason");
    let reason = scope.text(&entry.reason, &reason_path)?.trim().to_owned();
    if reason.is_empty() {
        return Err(scope.error(&reason_path, "a hold needs a reason, and this yields an empty text"));
    }
    let until_path = below(path, "until");
    let until = entry.until.as_ref().map(|written| {
        let text = scope.text(written, &until_path)?;
        // Checked before, unless it was rendered: then it is a value, which is not repeated.
        parse_until(text.trim()).map_err(|(_, help)| {
            scope.error(&until_path, "what this yields is neither a date nor a time with its offset").help(help)
        })
    });
    Ok(Some(Hold { reason, until: until.transpose()?, place: scope.manifest.spans.place(path) }))
}
