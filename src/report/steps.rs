//! What is done to a host, in order, each step with its reasons.
//!
//! What interrupts something that runs is marked `!`, what starts or reloads something `>`. Steps that run at the same
//! time are joined by a bracket.

use std::io;

use anstyle::Style;

use super::page::{Line, Page};
use super::style::Palette;
use super::table::{Cell, Column, Table};
use super::wording::names;
use crate::model::{Action, Step, StepOutcome, StepStatus, UnitFailure, UnitName};

/// What a step does to what runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// A running unit goes down.
    Interrupts,
    /// A unit comes up or reads its configuration again.
    Starts,
    /// Nothing that runs is touched.
    Quiet,
}

impl Effect {
    pub(super) fn of(action: &Action) -> Self {
        match action {
            Action::Stop { .. } | Action::Restart { .. } => Self::Interrupts,
            Action::Start { .. } | Action::Reload { .. } => Self::Starts,
            _ => Self::Quiet,
        }
    }

    fn mark(self) -> &'static str {
        match self {
            Self::Interrupts => "!",
            Self::Starts => ">",
            Self::Quiet => "",
        }
    }

    fn style(self, palette: &Palette) -> Style {
        match self {
            Self::Interrupts => palette.interrupts,
            Self::Starts => palette.starts,
            Self::Quiet => Style::new(),
        }
    }
}

/// The word for what is done, as an administrator would type it.
pub(super) fn verb(action: &Action) -> &'static str {
    match action {
        Action::CreateUser { .. } => "useradd",
        Action::ModifyUser { .. } => "usermod",
        Action::RemoveUser { .. } => "userdel",
        Action::JoinGroups { .. } => "usermod -aG",
        Action::SetOwnerBelow { .. } => "chown -R",
        Action::CreateDirectory { .. } => "mkdir",
        Action::RemoveDirectory { .. } => "rmdir",
        Action::SetAttributes { mode, owner, .. } => match (mode, owner) {
            (Some(_), None) => "chmod",
            (None, _) => "chown",
            (Some(_), Some(_)) => "chown+chmod",
        },
        Action::WriteFile { .. } => "write",
        Action::RemoveFile { .. } => "remove",
        Action::MakeLink { .. } => "link",
        Action::RemoveLink { .. } => "unlink",
        Action::Mask { .. } => "mask",
        Action::Unmask { .. } => "unmask",
        Action::DaemonReload => "daemon-reload",
        Action::Gate { .. } => "gate",
        Action::Stop { .. } => "stop",
        Action::Start { .. } => "start",
        Action::Restart { .. } => "restart",
        Action::Reload { .. } => "reload",
        Action::ResetFailed { .. } => "reset-failed",
        Action::Adopt { .. } => "adopt",
    }
}

/// What it is done to.
pub(super) fn object(action: &Action) -> String {
    match action {
        Action::CreateUser { name, .. }
        | Action::ModifyUser { name, .. }
        | Action::RemoveUser { name }
        | Action::JoinGroups { name, .. } => name.to_string(),
        Action::CreateDirectory { path, .. }
        | Action::RemoveDirectory { path }
        | Action::SetAttributes { path, .. }
        | Action::SetOwnerBelow { path, .. }
        | Action::WriteFile { path, .. }
        | Action::RemoveFile { path }
        | Action::MakeLink { path, .. }
        | Action::RemoveLink { path } => path.to_string(),
        Action::Mask { unit }
        | Action::Unmask { unit, .. }
        | Action::Stop { unit }
        | Action::Start { unit }
        | Action::Restart { unit }
        | Action::Reload { unit }
        | Action::ResetFailed { unit } => unit.to_string(),
        Action::Adopt { entry } => entry.name().to_owned(),
        Action::DaemonReload => String::new(),
        Action::Gate { units } => {
            let units: Vec<&str> = units.iter().map(UnitName::as_str).collect();
            names(&units, 3)
        }
    }
}

/// Draws the steps. Without `outcomes` they are still to be done.
pub(super) fn draw(
    page: &mut Page<'_>,
    steps: &[Step],
    outcomes: &[StepOutcome],
    told: &[UnitFailure],
) -> io::Result<()> {
    let palette = page.palette;
    let mut table = Table::new(
        2,
        &[
            Column::LEFT.close(),
            Column::RIGHT.close(),
            Column::LEFT.close(),
            Column::LEFT,
            Column::LEFT,
            Column::LEFT,
            Column::LEFT,
        ],
    );
    let brackets = brackets(steps);
    for (index, step) in steps.iter().enumerate() {
        let effect = Effect::of(&step.action);
        let status = status_of(index, outcomes);
        let style = effect.style(&palette);
        let (word, word_style) = status_word(status, &palette);
        let reasons: Vec<&str> = step.reasons.iter().map(|reason| reason.text.as_str()).collect();
        table.row(vec![
            Cell::new(style, effect.mark()),
            Cell::new(palette.faint, (index + 1).to_string()),
            Cell::new(palette.faint, if brackets[index].is_empty() { " " } else { brackets[index] }),
            Cell::new(word_style, word),
            Cell::new(style, verb(&step.action)),
            Cell::new(style, object(&step.action)),
            Cell::plain(reasons.join("\n")),
        ]);
    }
    table.draw(page)?;
    draw_failures(page, steps, outcomes, told)
}

/// What hosts said of the steps that failed, in full width below the table; units whose failure is told anyway have
/// their own block.
fn draw_failures(
    page: &mut Page<'_>,
    steps: &[Step],
    outcomes: &[StepOutcome],
    told: &[UnitFailure],
) -> io::Result<()> {
    for outcome in outcomes {
        if let (StepStatus::Failed(said), Some(step)) = (&outcome.status, steps.get(outcome.step)) {
            if is_told(&step.action, told) {
                continue;
            }
            let what = format!("{} {}", verb(&step.action), object(&step.action));
            let title = format!("step {} failed: {}", outcome.step + 1, what.trim_end());
            page.blank()?;
            page.line(&Line::indented(2).with(page.palette.bad, &title))?;
            for line in said.trim().lines() {
                page.hanging(Line::indented(4).with(page.palette.faint, "│ "), Style::new(), line.trim_end())?;
            }
        }
    }
    Ok(())
}

fn is_told(action: &Action, told: &[UnitFailure]) -> bool {
    match action {
        Action::Gate { units } => told.iter().any(|failure| units.contains(&failure.unit)),
        Action::Start { unit } | Action::Restart { unit } | Action::Reload { unit } | Action::Stop { unit } => {
            told.iter().any(|failure| failure.unit == *unit)
        }
        _ => false,
    }
}

fn status_of(index: usize, outcomes: &[StepOutcome]) -> Option<&StepStatus> {
    if outcomes.is_empty() {
        return None;
    }
    let found = outcomes.iter().find(|outcome| outcome.step == index);
    Some(found.map_or(&StepStatus::NotRun, |outcome| &outcome.status))
}

fn status_word(status: Option<&StepStatus>, palette: &Palette) -> (&'static str, Style) {
    match status {
        None => ("", Style::new()),
        Some(StepStatus::Done) => ("done", palette.good),
        Some(StepStatus::Already) => ("already", palette.faint),
        Some(StepStatus::Failed(_)) => ("FAILED", palette.bad),
        Some(StepStatus::Undone) => ("undone", palette.warning),
        Some(StepStatus::NotRun) => ("not run", palette.faint),
        Some(StepStatus::Unknown) => ("unknown", palette.warning),
    }
}

/// For each step the piece of the bracket that joins it with those that run at the same time.
fn brackets(steps: &[Step]) -> Vec<&'static str> {
    let together = |a: usize, b: usize| match (steps.get(a), steps.get(b)) {
        (Some(a), Some(b)) => {
            let jobs = [a, b].iter().all(|step| Effect::of(&step.action) != Effect::Quiet);
            jobs && a.wave == b.wave
        }
        _ => false,
    };
    (0..steps.len())
        .map(|index| {
            let above = index > 0 && together(index - 1, index);
            match (above, together(index, index + 1)) {
                (false, false) => "",
                (false, true) => "┐",
                (true, true) => "│",
                (true, false) => "┘",
            }
        })
        .collect()
}
