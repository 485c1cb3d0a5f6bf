//! What the terminal can show: width, colours, whether a person is there.
//!
//! The only reader of `NO_COLOR`, `CLICOLOR_FORCE`, `TERM`, `COLUMNS` and `CI`.

use std::io::{self, BufRead as _, IsTerminal as _, Write};

use std::sync::OnceLock;

use crate::model::RunReport;
use crate::report::{Detail, Redacting, Redactor, TextOptions};

use super::global::Color;

/// Columns where nobody says how many there are: wide enough for paths, narrow enough for a log viewer.
const WIDTH_DEFAULT: usize = 100;

/// What must not be printed by this program, whoever said it; empty until secrets were fetched.
static SECRETS: OnceLock<Redactor> = OnceLock::new();

pub(super) struct Terminal {
    color: Color,
    detail: Detail,
}

impl Terminal {
    pub(super) fn new(color: Color, verbose: bool, quiet: bool) -> Self {
        let detail = match (verbose, quiet) {
            (true, _) => Detail::Verbose,
            (_, true) => Detail::Quiet,
            _ => Detail::Normal,
        };
        Self { color, detail }
    }

    pub(super) fn out() -> impl Write {
        Self::redacting(io::BufWriter::new(io::stdout()))
    }

    pub(super) fn err() -> impl Write {
        Self::redacting(io::stderr())
    }

    /// A writer without the secrets that were fetched.
    pub(super) fn redacting<W: Write>(out: W) -> Redacting<'static, W> {
        Redacting::new(out, SECRETS.get())
    }

    /// The report without them.
    pub(super) fn cleaned(report: &RunReport) -> RunReport {
        SECRETS.get().map_or_else(|| report.clone(), |redactor| redactor.clean_report(report))
    }

    /// From now on these texts are taken out of everything that is printed.
    pub(super) fn hide<'a>(secrets: impl IntoIterator<Item = &'a str>) {
        // Once a run: all secrets are known before the first host is asked.
        drop(SECRETS.set(Redactor::new(secrets)));
    }

    pub(super) fn detail(&self) -> Detail {
        self.detail
    }

    /// Layout of standard output.
    pub(super) fn out_options(&self) -> TextOptions {
        self.options(io::stdout().is_terminal(), width_of(&io::stdout()))
    }

    /// Layout of standard error.
    pub(super) fn err_options(&self) -> TextOptions {
        self.options(io::stderr().is_terminal(), width_of(&io::stderr()))
    }

    fn options(&self, is_terminal: bool, width: Option<usize>) -> TextOptions {
        let color = match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto if set("NO_COLOR") => false,
            Color::Auto if set("CLICOLOR_FORCE") => true,
            Color::Auto => is_terminal && variable("TERM").as_deref() != Some("dumb"),
        };
        TextOptions {
            width: columns().or(width.filter(|_| is_terminal)).unwrap_or(WIDTH_DEFAULT).clamp(40, 500),
            color,
            detail: self.detail,
            plan_was_shown: false,
        }
    }

    /// Whether somebody can be asked.
    pub(super) fn can_ask() -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Asks on standard error; only `yes` or `y` is a yes.
    pub(super) fn ask(question: &str) -> io::Result<bool> {
        let mut err = io::stderr();
        write!(err, "{question} [y/N] ")?;
        err.flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
    }

    /// Whether progress is drawn: a person looks at standard error.
    pub(super) fn shows_progress(&self) -> bool {
        io::stderr().is_terminal() && !set("CI") && self.detail != Detail::Quiet
    }
}

fn width_of(stream: &impl std::os::fd::AsFd) -> Option<usize> {
    rustix::termios::tcgetwinsize(stream).ok().map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

fn columns() -> Option<usize> {
    variable("COLUMNS")?.parse().ok()
}

/// The value of an environment variable, if it is there and UTF-8.
#[expect(clippy::disallowed_methods, reason = "the command line is the one reader of the environment")]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn set(name: &str) -> bool {
    variable(name).is_some_and(|value| !value.is_empty() && value != "0")
}
