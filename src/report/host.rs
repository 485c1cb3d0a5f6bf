//! The block of one host, or of several that are alike.
//!
//! From the top: who, what became of it, why not (refusals, errors); what was seen; what differs; what is done; what
//! went wrong; what still differs. The deeper the reader scrolls back, the more detail: the last lines are the worst.

use std::io;

use anstyle::Style;

use super::findings::draw_hint;
use super::group::Group;
use super::page::{Line, Page};
use super::steps;
use super::summary::StepCounts;
use super::text::{Detail, TextOptions};
use super::wording::{elapsed, names, thousands};
use super::{changes, failure, findings};
use crate::model::{Action, HostName, HostPlan, Outcome, Step, StepOutcome, StepStatus};

/// Names shown before the rest of a group is only counted.
const FEW_HOSTS: usize = 5;

/// Whether there is more to say than that nothing had to be done.
pub(super) fn is_worth_a_block(group: &Group<'_>, options: &TextOptions) -> bool {
    match group.report.outcome {
        Outcome::Unchanged => {
            let found = group.report.plan.as_ref().is_some_and(|plan| !plan.findings.is_empty());
            found && options.detail != Detail::Quiet
        }
        Outcome::Pending | Outcome::Changed => options.detail != Detail::Quiet,
        Outcome::NotRun => false,
        Outcome::Refused { .. } | Outcome::Unreachable { .. } | Outcome::Failed { .. } => true,
    }
}

pub(super) fn draw(page: &mut Page<'_>, group: &Group<'_>, options: &TextOptions, owners: bool) -> io::Result<()> {
    let report = group.report;
    draw_header(page, group, options)?;
    draw_error(page, group)?;
    if let Some(plan) = &report.plan {
        if !plan.refusals.is_empty() {
            findings::draw_refusals(page, &plan.refusals)?;
        }
        let quiet = options.detail == Detail::Quiet;
        if !quiet && !options.plan_was_shown {
            findings::draw(page, &plan.findings)?;
            changes::draw(page, &plan.changes, owners)?;
        }
        // One that was skipped is not as it was printed before the question.
        let all_done =
            report.outcome == Outcome::Changed && report.steps.iter().all(|step| step.status == StepStatus::Done);
        let boring = quiet || options.plan_was_shown && all_done && options.detail != Detail::Verbose;
        if !plan.steps.is_empty() && !boring {
            draw_steps(page, plan, group)?;
        }
    }
    for unit in &report.failures {
        let host = (group.hosts.len() > 1).then(|| group.hosts[0].as_str());
        failure::draw(page, unit, host)?;
    }
    match &report.remaining {
        Some(remaining) => draw_remaining(page, remaining, owners),
        None => Ok(()),
    }
}

fn draw_header(page: &mut Page<'_>, group: &Group<'_>, options: &TextOptions) -> io::Result<()> {
    let palette = page.palette;
    let (mark, style, word) = match &group.report.outcome {
        Outcome::Unchanged => ("○ ", palette.good, "as desired"),
        Outcome::Pending => ("● ", palette.changed, "will change"),
        Outcome::Changed => ("● ", palette.good, "changed"),
        Outcome::NotRun => ("○ ", palette.faint, "not run"),
        Outcome::Refused { .. } => ("✗ ", palette.bad, "REFUSED"),
        Outcome::Unreachable { .. } => ("✗ ", palette.bad, "UNREACHABLE"),
        Outcome::Failed { .. } => ("✗ ", palette.bad, "FAILED"),
    };
    let all = group.hosts.len() > FEW_HOSTS && options.detail == Detail::Verbose;
    let names = if all {
        let names: Vec<&str> = group.hosts.iter().map(|host| host.as_str()).collect();
        format!("{} ({} hosts)", names.join(", "), thousands(names.len()))
    } else {
        host_names(&group.hosts)
    };
    let mut end = Line::default().with(style, word);
    if let Some(time) = time_taken(group) {
        end.push(palette.faint, &time);
    }
    let mut line = Line::default().with(style, mark).with(palette.heading, &names);
    if line.width() + 2 + end.width() <= page.width {
        line.plain("  ");
        line.append(end);
        page.line(&line)?;
    } else {
        page.hanging(Line::default().with(style, mark), palette.heading, &names)?;
        let mut line = Line::indented(2);
        line.append(end);
        page.line(&line)?;
    }
    match &group.report.plan {
        Some(plan) if matches!(group.report.outcome, Outcome::Pending | Outcome::Changed) => {
            draw_gist(page, plan, group)
        }
        _ => Ok(()),
    }
}

/// `a, b, c`, or `a, b, c … (12 hosts)`.
pub(super) fn host_names(hosts: &[&HostName]) -> String {
    let shown = if hosts.len() > FEW_HOSTS { 3 } else { hosts.len() };
    let head: Vec<&str> = hosts[..shown].iter().map(|host| host.as_str()).collect();
    let head = head.join(", ");
    if hosts.len() > shown { format!("{head} … ({} hosts)", thousands(hosts.len())) } else { head }
}

/// How long it took, where something was run.
fn time_taken(group: &Group<'_>) -> Option<String> {
    if group.report.steps.is_empty() {
        return None;
    }
    let most = elapsed(group.elapsed_ms);
    Some(if group.hosts.len() == 1 { format!(" in {most}") } else { format!(" in up to {most}") })
}

/// What it comes to, what interrupts first: `restarts web.service · starts a.timer · 2 files, 1 link`. Of steps that
/// were run it says which were done.
fn draw_gist(page: &mut Page<'_>, plan: &HostPlan, group: &Group<'_>) -> io::Result<()> {
    let palette = page.palette;
    let outcomes = &group.report.steps;
    let was_done = |index: usize| {
        let done = |outcome: &StepOutcome| outcome.step == index && outcome.status == StepStatus::Done;
        outcomes.is_empty() || outcomes.iter().any(done)
    };
    let counted = plan.steps.iter().enumerate().filter(|(index, _)| was_done(*index));
    let steps: Vec<&Step> = counted.map(|(_, step)| step).collect();
    let mut parts: Vec<(Style, String)> = Vec::new();
    for (verb, will, has, style) in [
        ("stop", "stops", "stopped", palette.interrupts),
        ("restart", "restarts", "restarted", palette.interrupts),
        ("reload", "reloads", "reloaded", palette.starts),
        ("start", "starts", "started", palette.starts),
    ] {
        let same = steps.iter().filter(|step| steps::verb(&step.action) == verb);
        let units: Vec<&str> = same.filter_map(|step| unit_of(&step.action)).collect();
        if !units.is_empty() {
            let word = if outcomes.is_empty() { will } else { has };
            parts.push((style, format!("{word} {}", names(&units, 3))));
        }
    }
    let mut counts = StepCounts::default();
    counts.add(steps.iter().copied());
    let counts = counts.quiet_words();
    if !counts.is_empty() {
        parts.push((Style::new(), counts.join(", ")));
    }
    page.pieces(2, " · ", &parts)
}

fn unit_of(action: &Action) -> Option<&str> {
    match action {
        Action::Stop { unit } | Action::Start { unit } | Action::Restart { unit } | Action::Reload { unit } => {
            Some(unit.as_str())
        }
        _ => None,
    }
}

fn draw_error(page: &mut Page<'_>, group: &Group<'_>) -> io::Result<()> {
    let (error, hint, restored) = match &group.report.outcome {
        Outcome::Unreachable { error, hint } | Outcome::Refused { error, hint } => (error, hint, false),
        Outcome::Failed { error, hint, restored } => (error, hint, *restored),
        Outcome::Unchanged | Outcome::Changed | Outcome::Pending | Outcome::NotRun => return Ok(()),
    };
    let plan = group.report.plan.as_ref();
    let said_below = plan.is_some_and(|plan| plan.refusals.iter().any(|refusal| error.starts_with(&refusal.text)));
    if !error.is_empty() && !said_below {
        page.hanging(Line::indented(2), Style::new(), error.trim())?;
    }
    if restored {
        let text = "every file is back as it was; no unit was touched";
        page.hanging(Line::indented(2), page.palette.warning, text)?;
    }
    // A refusal is told with its own hint.
    draw_hint(page, 2, hint.as_deref().filter(|_| !said_below))
}

fn draw_steps(page: &mut Page<'_>, plan: &HostPlan, group: &Group<'_>) -> io::Result<()> {
    let palette = page.palette;
    let mut title = Line::indented(2).with(palette.heading, "steps");
    match &group.report.outcome {
        Outcome::Refused { .. } => title.push(palette.faint, " (not run: refused)"),
        Outcome::Pending => {}
        Outcome::Failed { .. } if group.report.steps.is_empty() => {
            title.push(palette.faint, " (it is not known which were run)");
        }
        _ if group.report.steps.is_empty() => title.push(palette.faint, " (not run)"),
        _ => {}
    }
    page.blank()?;
    page.line(&title)?;
    steps::draw(page, &plan.steps, &group.report.steps, &group.report.failures)
}

fn draw_remaining(page: &mut Page<'_>, remaining: &HostPlan, owners: bool) -> io::Result<()> {
    if remaining.changes.is_empty() && remaining.steps.is_empty() {
        return Ok(());
    }
    page.blank()?;
    page.line(&Line::indented(2).with(page.palette.bad, "✗ still differs after the apply"))?;
    changes::draw(page, &remaining.changes, owners)?;
    if remaining.changes.is_empty() {
        steps::draw(page, &remaining.steps, &[], &[])?;
    }
    Ok(())
}
