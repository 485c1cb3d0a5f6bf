//! What was seen on the hosts, for the `observe` verb.
//!
//! One line a unit, in systemd's own words. Details (links, files, hashes) are left to the JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::Style;

use super::findings::draw_hint;
use super::page::{Line, Page};
use super::style::Palette;
use super::table::{Cell, Column, Table};
use super::text::TextOptions;
use super::wording::{age, count};
use crate::model::{ActiveState, HostFacts, HostName, Observation, Observed, ObservedPath, ObservedUnit, Outcome};

/// Writes what was seen, and why of some hosts nothing was.
pub fn write(
    out: &mut dyn Write,
    hosts: &BTreeMap<HostName, Observed>,
    missing: &BTreeMap<HostName, Outcome>,
    options: &TextOptions,
) -> io::Result<()> {
    let mut page = Page::new(out, options.width, Palette::new(options.color));
    for (host, observed) in hosts {
        draw_host(&mut page, host, observed)?;
        page.blank()?;
    }
    for (host, outcome) in missing {
        if draw_missing(&mut page, host, outcome)? {
            page.blank()?;
        }
    }
    let units: usize = hosts.values().map(|observed| observed.units.len()).sum();
    let mut text = format!("Observed: {} on {}", count(units, "unit", "units"), count(hosts.len(), "host", "hosts"));
    if !missing.is_empty() {
        text.push_str(", ");
        text.push_str(&count(missing.len(), "host could not be observed", "hosts could not be observed"));
    }
    text.push('.');
    let style = if missing.is_empty() { page.palette.good } else { page.palette.bad };
    page.line(&Line::default().with(style, &text))
}

fn draw_host(page: &mut Page<'_>, host: &HostName, observed: &Observed) -> io::Result<()> {
    let palette = page.palette;
    let facts = &observed.facts;
    let style = if facts.system_state == "running" { palette.good } else { palette.warning };
    let mut title = Line::default().with(style, "● ").with(palette.heading, host.as_str()).with(Style::new(), "  ");
    title.push(style, &facts.system_state);
    title.plain(&format!(", systemd {}, up {}", facts.systemd_version, age(facts.uptime_us)));
    page.line(&title)?;
    draw_units(page, observed)?;
    draw_notes(page, observed)
}

fn draw_units(page: &mut Page<'_>, observed: &Observed) -> io::Result<()> {
    if observed.units.is_empty() {
        return Ok(());
    }
    let faint = page.palette.faint;
    let mut table = Table::new(2, &[Column::LEFT; 6]);
    let titles = ["UNIT", "LOAD", "STATE", "ENABLED", "FOR", "NOTES"];
    table.row(titles.into_iter().map(|title| Cell::new(faint, title)).collect());
    for (name, unit) in &observed.units {
        let state_style = state_style(&unit.active_state, &page.palette);
        let enabled = if unit.unit_file_state.is_empty() { "-" } else { &unit.unit_file_state };
        let load_style = if unit.load_state == "loaded" { Style::new() } else { page.palette.warning };
        table.row(vec![
            Cell::plain(name.as_str()),
            Cell::new(load_style, unit.load_state.as_str()),
            Cell::new(state_style, state(unit)),
            Cell::plain(enabled),
            Cell::plain(up_for(&observed.facts, unit)),
            Cell::plain(notes(name.as_str(), unit).join(", ")),
        ]);
    }
    table.draw(page)
}

/// `active (running)`.
fn state(unit: &ObservedUnit) -> String {
    match (unit.active_state.as_str(), unit.sub_state.as_str()) {
        (active, "") => active.to_owned(),
        (active, sub) if active == sub => active.to_owned(),
        (active, sub) => format!("{active} ({sub})"),
    }
}

fn state_style(state: &ActiveState, palette: &Palette) -> Style {
    match state {
        ActiveState::Active | ActiveState::Reloading | ActiveState::Refreshing => palette.good,
        ActiveState::Failed => palette.bad,
        ActiveState::Inactive => palette.faint,
        ActiveState::Activating | ActiveState::Deactivating | ActiveState::Maintenance | ActiveState::Other(_) => {
            palette.warning
        }
    }
}

/// How long the unit has been up; systemd says 0 where it never was.
fn up_for(facts: &HostFacts, unit: &ObservedUnit) -> String {
    match unit.active_enter_us {
        Some(since) if since > 0 && unit.active_state.is_up() => age(facts.uptime_us - since),
        _ => "-".to_owned(),
    }
}

fn notes(name: &str, unit: &ObservedUnit) -> Vec<String> {
    let mut notes = Vec::new();
    if unit.id != name && !unit.id.is_empty() {
        notes.push(format!("alias of {}", unit.id));
    }
    if let Some(error) = unit.load_error.as_deref().filter(|error| !error.is_empty()) {
        notes.push(error.to_owned());
    }
    if unit.need_daemon_reload {
        notes.push("files changed since systemd read them".to_owned());
    }
    if let Some(result) = unit.result.as_deref().filter(|result| !matches!(*result, "" | "success")) {
        notes.push(format!("result {result}"));
    }
    if let Some(restarts @ 1..) = unit.n_restarts {
        notes.push(count(restarts as usize, "restart", "restarts"));
    }
    if unit.job.is_some() {
        notes.push("a job is queued".to_owned());
    }
    if unit.transient {
        notes.push("transient".to_owned());
    }
    notes
}

/// What concerns the host, or could not be seen.
fn draw_notes(page: &mut Page<'_>, observed: &Observed) -> io::Result<()> {
    for (unit, reason) in &observed.holds {
        let text = if reason.trim().is_empty() { unit.clone() } else { format!("{unit} ({})", reason.trim()) };
        note(page, "held", &text)?;
    }
    if let Some(lock) = &observed.lock {
        note(page, "locked", &format!("by {}, run {}", lock.who, lock.run))?;
    }
    if observed.facts.uid != 0 {
        note(page, "unprivileged", &format!("seen as uid {}: what only root may read is unknown", observed.facts.uid))?;
    }
    for (path, seen) in &observed.paths {
        match seen {
            ObservedPath::Unknown(why) => note(page, "unknown", &format!("{path}: {why}"))?,
            ObservedPath::File { digest: Observation::Unknown(why), .. } => {
                note(page, "unknown", &format!("content of {path}: {why}"))?;
            }
            _ => {}
        }
    }
    for (user, seen) in &observed.users {
        if let Observation::Unknown(why) = seen {
            note(page, "unknown", &format!("user {user}: {why}"))?;
        }
    }
    for (owner, seen) in &observed.ledgers {
        if let Observation::Unknown(why) = seen {
            note(page, "unknown", &format!("ledger of {owner}: {why}"))?;
        }
    }
    Ok(())
}

fn note(page: &mut Page<'_>, word: &str, text: &str) -> io::Result<()> {
    let first = Line::indented(2).with(page.palette.warning, word);
    page.hanging(first.with(Style::new(), ": "), Style::new(), text)
}

/// Whether anything was written.
fn draw_missing(page: &mut Page<'_>, host: &HostName, outcome: &Outcome) -> io::Result<bool> {
    let (word, error, hint) = match outcome {
        Outcome::Unreachable { error, hint } => ("UNREACHABLE", error, hint),
        Outcome::Refused { error, hint } => ("REFUSED", error, hint),
        Outcome::Failed { error, hint, .. } => ("FAILED", error, hint),
        Outcome::Unchanged | Outcome::Changed | Outcome::Pending | Outcome::NotRun => return Ok(false),
    };
    let palette = page.palette;
    let title = Line::default().with(palette.bad, "✗ ").with(palette.heading, host.as_str());
    page.line(&title.with(Style::new(), "  ").with(palette.bad, word))?;
    page.hanging(Line::indented(2), Style::new(), error.trim())?;
    draw_hint(page, 2, hint.as_deref())?;
    Ok(true)
}
