//! What is not a change: findings (seen, not ours to change) and refusals (why a host must not be applied to).

use std::io;

use anstyle::Style;

use super::page::{Line, Page};
use crate::model::{Finding, FindingKind, Refusal, UnitName};

/// The word that stands before a finding.
fn word(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::Held => "held",
        FindingKind::Foreign => "foreign",
        FindingKind::Unknown => "unknown",
        FindingKind::Shadowed => "shadowed",
        FindingKind::Stale => "stale",
        FindingKind::Notice => "notice",
    }
}

pub(super) fn draw(page: &mut Page<'_>, findings: &[Finding]) -> io::Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    let palette = page.palette;
    page.blank()?;
    // A notice may be about what the apply does, as "it is replaced".
    let left = findings.iter().all(|finding| finding.kind != FindingKind::Notice);
    let note = match findings.len() {
        _ if !left => "",
        1 => " (seen, left as it is)",
        _ => " (seen, left as they are)",
    };
    page.line(&Line::indented(2).with(palette.heading, "findings").with(palette.faint, note))?;
    for finding in findings {
        let style = if finding.kind == FindingKind::Notice { palette.faint } else { palette.warning };
        let mut first = Line::indented(4).with(style, word(finding.kind));
        first.pad_to(14);
        let text = with_unit(finding.unit.as_ref().map(UnitName::as_str), &finding.text);
        page.hanging(first, Style::new(), &text)?;
        draw_hint(page, 14, finding.hint.as_deref())?;
    }
    Ok(())
}

pub(super) fn draw_refusals(page: &mut Page<'_>, refusals: &[Refusal]) -> io::Result<()> {
    let palette = page.palette;
    for refusal in refusals {
        let first = Line::indented(4).with(palette.bad, "✗ ");
        let text = with_unit(refusal.unit.as_ref().map(UnitName::as_str), &refusal.text);
        page.hanging(first, Style::new(), &text)?;
        if let Some(place) = &refusal.place {
            let line = Line::indented(6).with(palette.faint, "at ");
            page.line(&line.with(palette.place, &place.to_string()))?;
        }
        draw_hint(page, 6, refusal.hint.as_deref())?;
    }
    Ok(())
}

/// `hint: …` below what it belongs to.
pub(super) fn draw_hint(page: &mut Page<'_>, indent: usize, hint: Option<&str>) -> io::Result<()> {
    match hint {
        None => Ok(()),
        Some(hint) => {
            let first = Line::indented(indent).with(page.palette.place, "hint: ");
            page.hanging(first, Style::new(), hint)
        }
    }
}

/// The unit before the sentence, unless the sentence names it.
fn with_unit(unit: Option<&str>, text: &str) -> String {
    match unit {
        Some(unit) if !text.contains(unit) => format!("{unit}: {text}"),
        _ => text.to_owned(),
    }
}
