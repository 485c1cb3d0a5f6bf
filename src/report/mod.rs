//! Model → bytes, one file per format; the only place that prints.
//!
//! Two kinds of output meet here and never mix: what a run is about (the report, on stdout) and what goes on while it
//! lasts (the progress, on stderr). Both are a [`Reporter`]: it hears every event, and gets the whole report at the end.
//!
//! Everything is written to a `Write` that the caller hands in, with the width and the colours that the caller decided:
//! this room asks no terminal and no environment, so that tests see the very bytes that users see. The one exception is
//! [`Progress::on_stderr`], which must know whether a person is looking.
//!
//! What comes from hosts (journals, file contents, error texts) may hold anything. Every piece of text passes
//! `escape` on its way to the page, so that no control character reaches a terminal.
//!
//! Deliberately absent: decisions. What is a change, a finding or a failure was decided before; here it is only shown.

mod changes;
pub mod diagnostic;
mod diff;
mod escape;
pub mod exit;
mod failure;
mod findings;
#[cfg(test)]
mod golden;
mod group;
mod host;
pub mod json;
pub mod observed;
mod page;
mod progress;
mod redact;
#[cfg(test)]
mod samples;
mod steps;
mod style;
mod summary;
pub mod table;
pub mod text;
pub mod wording;

use std::io;

pub use exit::ExitPolicy;
pub use json::JsonReporter;
pub use progress::{EventLines, Progress};
pub use redact::{Redacting, Redactor};
pub use style::Palette;
pub use summary::{HostCounts, StepCounts, Summary};
pub use text::{Detail, TextOptions, TextReporter};

use crate::model::{Event, RunReport};

/// Shows a run: hears what happens while it lasts, and gets the whole report at the end.
pub trait Reporter {
    /// Something happened.
    fn event(&mut self, event: &Event);

    /// The run is over.
    fn finish(&mut self, report: &RunReport) -> io::Result<()>;
}
