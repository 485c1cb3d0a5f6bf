//! The report for programs: one valid document.
//!
//! The shapes are the model's own; what is added is what a script would otherwise have to work out: the numbers and the
//! exit code. A reader checks `schema_version` first.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use serde::Serialize;

use super::Reporter;
use super::exit::{self, ExitPolicy};
use super::summary::Summary;
use crate::model::{
    Diagnostic, Event, HostName, HostReport, Label, Observed, Outcome, RunReport, Severity, SourceFile,
};

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

/// Every key is always there; without a place it is `null`.
#[derive(Serialize)]
struct DiagnosticPart<'a> {
    severity: &'static str,
    rule: Option<&'static str>,
    message: &'a str,
    help: Option<&'a str>,
    #[serde(flatten)]
    place: PlacePart<'a>,
    related: Vec<PlacePart<'a>>,
}

/// Lines and columns from 1, columns in characters; offsets in bytes from the start of the file. The end is behind the
/// last character.
#[derive(Default, Serialize)]
struct PlacePart<'a> {
    file: Option<&'a str>,
    line: Option<u32>,
    column: Option<u32>,
    end_line: Option<u32>,
    end_column: Option<u32>,
    byte_start: Option<usize>,
    byte_end: Option<usize>,
    label: Option<&'a str>,
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
    let mut lines = Lines::new();
    for label in diagnostics.iter().flat_map(|diagnostic| &diagnostic.labels) {
        lines.entry(Arc::as_ptr(&label.source)).or_insert_with(|| starts_of_lines(&label.source.text));
    }
    let document = DiagnosticsDocument {
        schema_version: SCHEMA_VERSION,
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
        diagnostics: diagnostics.iter().map(|diagnostic| diagnostic_part(diagnostic, &lines)).collect(),
    };
    write_document(out, &document)
}

/// The JSON Schema of that document.
///
/// # Panics
/// Never: it is a file of this program, and a test reads it.
#[must_use]
pub fn diagnostics_schema() -> serde_json::Value {
    serde_json::from_str(include_str!("diagnostics.schema.json")).expect("a test reads this file")
}

/// Where the lines of each file begin: to count them anew for every place would be slow in a file with thousands.
type Lines = BTreeMap<*const SourceFile, Vec<usize>>;

fn starts_of_lines(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

/// As [`SourceFile::line_column`], from lines that were found once.
fn line_column(label: &Label, offset: usize, lines: &Lines) -> (u32, u32) {
    let text = &label.source.text;
    let (Some(starts), true) = (lines.get(&Arc::as_ptr(&label.source)), text.is_char_boundary(offset)) else {
        return label.source.line_column(offset);
    };
    let line = starts.partition_point(|start| *start <= offset);
    let start = starts[..line].last().copied().unwrap_or_default();
    let column = text[start..offset].chars().count() + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

fn diagnostic_part<'a>(diagnostic: &'a Diagnostic, lines: &Lines) -> DiagnosticPart<'a> {
    let mut places = diagnostic.labels.iter().map(|label| place_part(label, lines));
    DiagnosticPart {
        severity: diagnostic.severity.word(),
        rule: diagnostic.rule,
        message: &diagnostic.message,
        help: diagnostic.help.as_deref(),
        place: places.next().unwrap_or_default(),
        related: places.collect(),
    }
}

fn place_part<'a>(label: &'a Label, lines: &Lines) -> PlacePart<'a> {
    let (start, end) = (label.span.start, label.span.end.max(label.span.start));
    let (line, column) = line_column(label, start, lines);
    let (end_line, end_column) = line_column(label, end, lines);
    PlacePart {
        file: Some(&label.source.name),
        line: Some(line),
        column: Some(column),
        end_line: Some(end_line),
        end_column: Some(end_column),
        byte_start: Some(start),
        byte_end: Some(end),
        label: (!label.text.is_empty()).then_some(label.text.as_str()),
    }
}

/// Pretty, because people read it too, with a line end, because it is a text file.
fn write_document<T: Serialize>(out: &mut dyn Write, document: &T) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_the_same_whichever_way_they_are_counted() {
        let source = Arc::new(SourceFile { name: "a".to_owned(), text: "ä\n\nbö: x\n".to_owned() });
        let lines = Lines::from([(Arc::as_ptr(&source), starts_of_lines(&source.text))]);
        let label = Label { source: Arc::clone(&source), span: 0..0, text: String::new() };
        for offset in 0..=source.text.len() + 1 {
            assert_eq!(line_column(&label, offset, &lines), source.line_column(offset), "{offset}");
        }
    }

    #[test]
    fn places_are_told_in_characters_and_in_bytes_and_the_schema_takes_them() {
        let source =
            Arc::new(SourceFile { name: "ä.yaml".to_owned(), text: "größe: 1\nä: größe x\n".to_owned() });
        let diagnostics = [
            Diagnostic::error("wrong").at(&source, 15..22, "").at(&source, 0..7, "because of this").help("do it"),
            Diagnostic::warning("odd"),
        ];
        let mut out = Vec::new();
        write_diagnostics(&mut out, &diagnostics).unwrap();
        let document: serde_json::Value = serde_json::from_slice(&out).unwrap();
        let first = &document["diagnostics"][0];
        assert_eq!(&source.text[15..22], "größe");
        let numbers = ["line", "column", "end_line", "end_column", "byte_start", "byte_end"];
        assert_eq!(numbers.map(|key| first[key].as_u64().unwrap()), [2, 4, 2, 9, 15, 22]);
        assert_eq!(first["related"][0]["label"], "because of this");
        assert_eq!(document["diagnostics"][1]["file"], serde_json::Value::Null);
        let schema = jsonschema::draft7::new(&diagnostics_schema()).unwrap();
        let wrong: Vec<String> = schema.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert!(!schema.is_valid(&serde_json::json!({"schema_version": 2})));
    }
}
