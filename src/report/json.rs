//! The report for programs: one valid document.
//!
//! The shapes are the model's own; what is added is what a script would otherwise have to work out: the numbers and the
//! exit code. A reader checks `schema_version` first.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::Reporter;
use super::exit::{self, ExitPolicy};
use super::summary::Summary;
use crate::model::{Diagnostic, Event, HostName, HostReport, Label, Observed, Outcome, RunReport, Severity};

/// Version of the documents that are not versioned by the model.
const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct RunDocument<'a> {
    schema_version: u32,
    verb: &'a str,
    run: &'a str,
    /// What the run was limited to by `--tags`; not there where it was about everything.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    tags: &'a [String],
    exit_code: u8,
    /// All codes that apply, the program's first.
    exit_codes: Vec<u8>,
    summary: Summary,
    hosts: &'a BTreeMap<HostName, HostReport>,
}

#[derive(Serialize)]
struct ObservedDocument<'a> {
    schema_version: u32,
    verb: &'static str,
    hosts: &'a BTreeMap<HostName, Observed>,
    /// Hosts that could not be observed.
    missing: &'a BTreeMap<HostName, Outcome>,
}

#[derive(Serialize)]
struct DiagnosticsDocument<'a> {
    schema_version: u32,
    errors: usize,
    warnings: usize,
    diagnostics: Vec<DiagnosticPart<'a>>,
}

#[derive(Serialize)]
struct DiagnosticPart<'a> {
    severity: &'static str,
    message: &'a str,
    labels: Vec<LabelPart<'a>>,
    help: Option<&'a str>,
}

#[derive(Serialize)]
struct LabelPart<'a> {
    file: &'a str,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
    text: &'a str,
}

/// Writes the report as JSON when the run is over.
#[derive(Debug)]
pub struct JsonReporter<W> {
    out: W,
    policy: ExitPolicy,
}

impl<W: Write> JsonReporter<W> {
    /// A reporter that writes to `out`.
    pub fn new(out: W, policy: ExitPolicy) -> Self {
        Self { out, policy }
    }
}

impl<W: Write> Reporter for JsonReporter<W> {
    fn event(&mut self, _: &Event) {}

    fn finish(&mut self, report: &RunReport) -> io::Result<()> {
        write(&mut self.out, report, self.policy)
    }
}

/// Writes a run's report.
pub fn write(out: &mut dyn Write, report: &RunReport, policy: ExitPolicy) -> io::Result<()> {
    let document = RunDocument {
        schema_version: report.schema_version,
        verb: &report.verb,
        run: &report.run,
        tags: &report.tags,
        exit_code: exit::code(report, policy),
        exit_codes: exit::codes(report, policy),
        summary: Summary::of(report),
        hosts: &report.hosts,
    };
    write_document(out, &document)
}

/// Writes what was observed, and of which hosts nothing could be.
pub fn write_observed(
    out: &mut dyn Write,
    hosts: &BTreeMap<HostName, Observed>,
    missing: &BTreeMap<HostName, Outcome>,
) -> io::Result<()> {
    let document = ObservedDocument { schema_version: SCHEMA_VERSION, verb: "observe", hosts, missing };
    write_document(out, &document)
}

/// Writes what is wrong with the input.
pub fn write_diagnostics(out: &mut dyn Write, diagnostics: &[Diagnostic]) -> io::Result<()> {
    let count = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    let document = DiagnosticsDocument {
        schema_version: SCHEMA_VERSION,
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
        diagnostics: diagnostics.iter().map(diagnostic_part).collect(),
    };
    write_document(out, &document)
}

fn diagnostic_part(diagnostic: &Diagnostic) -> DiagnosticPart<'_> {
    DiagnosticPart {
        severity: diagnostic.severity.word(),
        message: &diagnostic.message,
        labels: diagnostic.labels.iter().map(label_part).collect(),
        help: diagnostic.help.as_deref(),
    }
}

fn label_part(label: &Label) -> LabelPart<'_> {
    let (line, column) = label.source.line_column(label.span.start);
    let (end_line, end_column) = label.source.line_column(label.span.end.max(label.span.start));
    LabelPart { file: &label.source.name, line, column, end_line, end_column, text: &label.text }
}

/// Pretty, because people read it too, with a line end, because it is a text file.
fn write_document<T: Serialize>(out: &mut dyn Write, document: &T) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    writeln!(out)
}
