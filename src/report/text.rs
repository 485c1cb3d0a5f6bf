//! The report as people read it.

use std::collections::BTreeSet;
use std::io::{self, Write};

use anstyle::Style;

use super::group::{Group, groups};
use super::page::{Line, Page, keep_counts};
use super::style::Palette;
use super::summary::Summary;
use super::{Reporter, host};
use crate::model::{Event, HostName, Outcome, RunReport};

/// More names than these are only counted, unless the user asks for more.
const FEW_NAMES: usize = 5;

/// How much is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// `-q`: what went wrong, and the summary.
    Quiet,
    /// Changes, steps, findings; hosts without them are counted.
    #[default]
    Normal,
    /// `-v`: every name, and the manifest of each change.
    Verbose,
}

/// How the text is laid out.
#[derive(Clone, Copy, Debug)]
pub struct TextOptions {
    /// Columns of the page.
    pub width: usize,
    /// Colours.
    pub color: bool,
    /// How much is said.
    pub detail: Detail,
    /// The reader has just seen the plan (and said yes to it): the report does not repeat what differs, and of hosts
    /// where all went well it only says so.
    pub plan_was_shown: bool,
}

impl TextOptions {
    /// What is used where there is no terminal to ask: wide enough for paths, no colours.
    #[must_use]
    pub fn plain() -> Self {
        Self { width: 100, color: false, detail: Detail::Normal, plan_was_shown: false }
    }
}

/// Writes the report as text when the run is over.
#[derive(Debug)]
pub struct TextReporter<W> {
    out: W,
    options: TextOptions,
}

impl<W: Write> TextReporter<W> {
    /// A reporter that writes to `out`.
    pub fn new(out: W, options: TextOptions) -> Self {
        Self { out, options }
    }
}

impl<W: Write> Reporter for TextReporter<W> {
    fn event(&mut self, _: &Event) {}

    fn finish(&mut self, report: &RunReport) -> io::Result<()> {
        write(&mut self.out, report, &self.options)
    }
}

/// Writes a whole report.
pub fn write(out: &mut dyn Write, report: &RunReport, options: &TextOptions) -> io::Result<()> {
    let mut page = Page::new(out, options.width, Palette::new(options.color));
    let groups = groups(report);
    let owners = options.detail == Detail::Verbose || has_several_owners(report);
    let mut blocks = 0;
    for group in groups.iter().filter(|group| host::is_worth_a_block(group, options)) {
        if blocks > 0 {
            page.blank()?;
        }
        host::draw(&mut page, group, options, owners)?;
        blocks += 1;
    }
    if blocks > 0 {
        page.blank()?;
    }
    if options.detail != Detail::Quiet {
        draw_names(&mut page, &groups, "unchanged", &Outcome::Unchanged, options)?;
        draw_names(&mut page, &groups, "not run", &Outcome::NotRun, options)?;
    }
    draw_tags(&mut page, report)?;
    draw_summary(&mut page, report)
}

/// With one manifest in play, naming it at every unit would be noise.
fn has_several_owners(report: &RunReport) -> bool {
    let plans = report.hosts.values().filter_map(|part| part.plan.as_ref());
    let owners: BTreeSet<&str> = plans.flat_map(|plan| &plan.changes).map(|change| change.manifest.as_str()).collect();
    owners.len() > 1
}

/// The names of hosts that have no block, where they are few.
fn draw_names(
    page: &mut Page<'_>,
    groups: &[Group<'_>],
    word: &str,
    outcome: &Outcome,
    options: &TextOptions,
) -> io::Result<()> {
    let mut hosts: Vec<&HostName> = groups
        .iter()
        .filter(|group| group.report.outcome == *outcome && !host::is_worth_a_block(group, options))
        .flat_map(|group| group.hosts.iter().copied())
        .collect();
    hosts.sort();
    if hosts.is_empty() || hosts.len() > FEW_NAMES && options.detail != Detail::Verbose {
        return Ok(());
    }
    let names: Vec<&str> = hosts.iter().map(|host| host.as_str()).collect();
    let first = Line::default().with(page.palette.faint, &format!("{word}: "));
    page.hanging(first, Style::new(), &names.join(", "))
}

/// What a run was limited to belongs to its last words: that nothing differs is said of that only.
fn draw_tags(page: &mut Page<'_>, report: &RunReport) -> io::Result<()> {
    if report.tags.is_empty() {
        return Ok(());
    }
    let first = Line::default().with(page.palette.warning, "limited to tags: ");
    page.hanging(first, Style::new(), &format!("{} (everything else was left out)", report.tags.join(", ")))
}

fn draw_summary(page: &mut Page<'_>, report: &RunReport) -> io::Result<()> {
    let summary = Summary::of(report);
    let hosts = &summary.hosts;
    let palette = &page.palette;
    let style = if hosts.failed + hosts.refused + hosts.unreachable + hosts.not_run > 0 {
        palette.bad
    } else if hosts.pending > 0 {
        palette.heading
    } else {
        palette.good
    };
    let (title, rest) = summary.parts(&report.verb);
    let first = Line::default().with(style, title).with(Style::new(), " ");
    page.hanging(first, Style::new(), &keep_counts(&rest))
}
