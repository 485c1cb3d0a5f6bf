//! What goes on while a run lasts, on stderr.
//!
//! One line for the whole fleet, never one a host: a terminal with 500 moving lines shows nothing. It names the hosts that
//! have been at work for longest, because those are the ones that the reader waits for. It is redrawn at most ten times a
//! second.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use unicode_width::UnicodeWidthStr as _;

use super::Reporter;
use super::escape::escape;
use super::page::Line;
use super::style::Palette;
use super::wording::thousands;
use crate::model::{Event, HostName, RunReport, StepStatus};

/// Redraws in a second.
const REDRAWS: u8 = 10;
/// Columns that the spinner and the clock take.
const CLOCK: usize = 10;

/// The numbers of the moment.
#[derive(Clone, Debug, Default)]
struct Board {
    total: usize,
    done: usize,
    failed: usize,
    started: usize,
    /// Hosts at work: when each began, by number, and its phase.
    running: BTreeMap<HostName, (usize, String)>,
}

impl Board {
    /// What there is to say in so many columns; at least one host at work is named.
    fn line(&self, width: usize) -> String {
        let (done, total) = (thousands(self.done), thousands(self.total));
        let mut text = format!("{done} of {total} hosts done");
        if self.failed > 0 {
            text = format!("{text}, {} failed", thousands(self.failed));
        }
        let mut longest: Vec<(&HostName, &(usize, String))> = self.running.iter().collect();
        longest.sort_by_key(|(_, (began, _))| *began);
        for (index, (host, (_, phase))) in longest.iter().enumerate() {
            let name = format!("{host} {}", escape(phase));
            let name = name.trim_end();
            let more = if index + 1 < longest.len() { ", …".width() } else { 0 };
            if index == 0 {
                text = format!("{text}, {} running: {name}", thousands(longest.len()));
            } else if text.width() + 2 + name.width() + more <= width {
                text = format!("{text}, {name}");
            } else {
                text.push_str(", …");
                break;
            }
        }
        text
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::HostStarted { host } => {
                self.started += 1;
                self.running.insert(host.clone(), (self.started, String::new()));
            }
            Event::HostPhase { host, phase } => {
                if let Some((_, current)) = self.running.get_mut(host) {
                    phase.clone_into(current);
                }
            }
            Event::StepFinished { .. } => {}
            Event::HostFinished { host, failed } => {
                self.running.remove(host);
                self.done += 1;
                self.failed += usize::from(*failed);
            }
        }
    }
}

/// The line.
#[derive(Debug)]
pub struct Progress {
    board: Board,
    bar: ProgressBar,
    width: usize,
}

impl Progress {
    /// A line of so many columns on stderr, for a run over so many hosts. Nothing is drawn where stderr is no terminal, or if not `wanted`
    /// (`-q`, a CI system).
    #[must_use]
    pub fn on_stderr(total: usize, width: usize, wanted: bool) -> Self {
        let target = if wanted { ProgressDrawTarget::stderr_with_hz(REDRAWS) } else { ProgressDrawTarget::hidden() };
        Self::on(total, width, target)
    }

    fn on(total: usize, width: usize, target: ProgressDrawTarget) -> Self {
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed:>3}  {wide_msg}") {
            bar.set_style(style);
        }
        if !bar.is_hidden() {
            // The clock goes on while hosts are silent, so that the reader sees that we are not.
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        let board = Board { total, ..Board::default() };
        Self { board, bar, width: width.saturating_sub(CLOCK) }
    }

    /// Takes the line away while something else is written to the terminal.
    pub fn suspend<R>(&self, write: impl FnOnce() -> R) -> R {
        self.bar.suspend(write)
    }

    /// Takes the line away for good.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Reporter for Progress {
    fn event(&mut self, event: &Event) {
        self.board.event(event);
        if !self.bar.is_hidden() {
            self.bar.set_message(self.board.line(self.width));
        }
    }

    fn finish(&mut self, _: &RunReport) -> io::Result<()> {
        self.clear();
        Ok(())
    }
}

/// A line for every event: `-v` where there is no terminal.
#[derive(Debug)]
pub struct EventLines<W> {
    out: W,
    palette: Palette,
}

impl<W: Write> EventLines<W> {
    /// Event lines on `out`.
    pub fn new(out: W, color: bool) -> Self {
        Self { out, palette: Palette::new(color) }
    }
}

impl<W: Write> Reporter for EventLines<W> {
    fn event(&mut self, event: &Event) {
        let palette = &self.palette;
        let (host, style, text) = match event {
            Event::HostStarted { host } => (host, palette.faint, "begins".to_owned()),
            Event::HostPhase { host, phase } => (host, palette.faint, phase.clone()),
            Event::StepFinished { host, step, status } => {
                let number = step + 1;
                match status {
                    StepStatus::Done => (host, palette.good, format!("step {number} done")),
                    StepStatus::Already => (host, palette.faint, format!("step {number} already done")),
                    StepStatus::Failed(said) => {
                        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
                        (host, palette.bad, format!("step {number} FAILED: {said}"))
                    }
                    StepStatus::Undone => (host, palette.warning, format!("step {number} undone")),
                    StepStatus::NotRun => (host, palette.faint, format!("step {number} not run")),
                    StepStatus::Unknown => (host, palette.warning, format!("step {number} unknown")),
                }
            }
            Event::HostFinished { host, failed: false } => (host, palette.good, "finished".to_owned()),
            Event::HostFinished { host, failed: true } => (host, palette.bad, "FAILED".to_owned()),
        };
        let line = Line::default().with(palette.heading, host.as_str()).with(style, &format!(": {text}"));
        // A broken stderr is no reason to stop a run that is under way.
        let _ignored = line.write(&mut self.out);
    }

    fn finish(&mut self, _: &RunReport) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str) -> HostName {
        HostName::parse(name).unwrap()
    }

    fn events() -> Vec<Event> {
        let start = |name: &str| Event::HostStarted { host: host(name) };
        let phase = |name: &str, phase: &str| Event::HostPhase { host: host(name), phase: phase.to_owned() };
        let end = |name: &str, failed| Event::HostFinished { host: host(name), failed };
        vec![
            start("web9"),
            phase("web9", "gather"),
            start("web1"),
            start("web2"),
            phase("web2", "apply"),
            start("web3"),
            start("db1"),
            end("web1", false),
            end("db1", true),
        ]
    }

    #[test]
    fn the_line_names_those_that_have_been_at_work_for_longest() {
        let mut board = Board { total: 1200, ..Board::default() };
        assert_eq!(board.line(80), "0 of 1,200 hosts done");
        let events = events();
        for event in &events[..7] {
            board.event(event);
        }
        for (width, line) in [
            (90, "0 of 1,200 hosts done, 5 running: web9 gather, web1, web2 apply, web3, db1"),
            (70, "0 of 1,200 hosts done, 5 running: web9 gather, web1, web2 apply, …"),
            (1, "0 of 1,200 hosts done, 5 running: web9 gather, …"),
        ] {
            assert_eq!(board.line(width), line);
        }
        for event in &events[7..] {
            board.event(event);
        }
        assert_eq!(board.line(90), "2 of 1,200 hosts done, 1 failed, 3 running: web9 gather, web2 apply, web3");
    }

    #[test]
    fn every_event_is_a_line() {
        let mut out = Vec::new();
        let mut lines = EventLines::new(&mut out, false);
        lines.event(&Event::HostStarted { host: host("web1") });
        for (step, status) in
            [StepStatus::Done, StepStatus::Failed("exit 1:\n\x1b[31mno such file".to_owned())].into_iter().enumerate()
        {
            lines.event(&Event::StepFinished { host: host("web1"), step, status });
        }
        lines.event(&Event::HostFinished { host: host("web1"), failed: true });
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "web1: begins\nweb1: step 1 done\nweb1: step 2 FAILED: exit 1: ␛[31mno such file\nweb1: FAILED\n"
        );
    }

    #[test]
    fn a_hidden_line_hears_everything_and_draws_nothing() {
        let mut progress = Progress::on_stderr(5, 80, false);
        for event in events() {
            progress.event(&event);
        }
        assert_eq!(progress.board.done, 2);
        assert_eq!(progress.suspend(|| 7), 7);
        progress.clear();
    }
}
