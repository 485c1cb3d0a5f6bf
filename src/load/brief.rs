//! A diagnostic as plain lines, for tests and logs; `report` draws the one for people.

use std::fmt::Write as _;

use crate::model::{Diagnostic, Label};

/// `file:line:column: error: message`, then further places and the help, each on an indented line.
#[must_use]
pub fn brief(diagnostic: &Diagnostic) -> String {
    let severity = diagnostic.severity.word();
    let mut labels = diagnostic.labels.iter();
    let mut text = match labels.next() {
        Some(label) => format!("{}: {severity}: {}\n", place(label), diagnostic.message),
        None => format!("{severity}: {}\n", diagnostic.message),
    };
    for label in labels {
        let _infallible = writeln!(text, "  {}: {}", place(label), label.text);
    }
    if let Some(help) = &diagnostic.help {
        let _infallible = writeln!(text, "  help: {help}");
    }
    text
}

fn place(label: &Label) -> String {
    let (line, column) = label.source.line_column(label.span.start);
    format!("{}:{line}:{column}", label.source.name)
}
