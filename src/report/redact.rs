//! Takes secrets out of whatever is printed.
//!
//! What is made of a secret is marked and never shown; this is for words that nobody here has made: the journal of a
//! service that prints its own password, the complaint of a program about a line that it read.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::model::{ChangeKind, Content, HostPlan, Outcome, RunReport, StepStatus};

/// A shorter one would be found in every other word.
const MIN_LENGTH: usize = 4;
/// A line of a longer secret, such as a key, is taken out by itself.
const MIN_LINE: usize = 12;

/// The texts that must not be printed, longest first.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    texts: Vec<String>,
}

impl Redactor {
    /// Takes out these texts, and what they become in JSON and in base64.
    #[must_use]
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut texts = Vec::new();
        for secret in secrets {
            texts.push(secret.to_owned());
            texts.extend(secret.lines().filter(|line| line.len() >= MIN_LINE).map(str::to_owned));
            texts.push(STANDARD.encode(secret).trim_end_matches('=').to_owned());
        }
        let escaped: Vec<String> =
            texts.iter().map(|text| serde_json::Value::from(text.as_str()).to_string()).collect();
        texts.extend(escaped.iter().map(|text| text.trim_matches('"').to_owned()));
        texts.retain(|text| text.len() >= MIN_LENGTH);
        texts.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        texts.dedup();
        Self { texts }
    }

    /// The text without any of the secrets.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for secret in &self.texts {
            if clean.contains(secret.as_str()) {
                clean = clean.replace(secret.as_str(), "‹secret›");
            }
        }
        clean
    }

    /// The report without any of the secrets. Before it is laid out: a line that is broken at a blank, or a colour in
    /// between, would hide a secret from whoever looks for it in what is written.
    #[must_use]
    pub fn clean_report(&self, report: &RunReport) -> RunReport {
        let mut clean = report.clone();
        for host in clean.hosts.values_mut() {
            self.clean_outcome(&mut host.outcome);
            for step in &mut host.steps {
                if let StepStatus::Failed(said) = &mut step.status {
                    self.replace(said);
                }
            }
            for unit in &mut host.failures {
                let words = [&mut unit.cause].into_iter().chain(&mut unit.journal).chain(&mut unit.next);
                words.for_each(|text| self.replace(text));
            }
            host.plan.iter_mut().chain(&mut host.remaining).for_each(|plan| self.clean_plan(plan));
        }
        clean
    }

    fn clean_outcome(&self, outcome: &mut Outcome) {
        match outcome {
            Outcome::Unreachable { error, hint }
            | Outcome::Refused { error, hint }
            | Outcome::Failed { error, hint, .. } => {
                [error].into_iter().chain(hint).for_each(|text| self.replace(text));
            }
            Outcome::Unchanged | Outcome::Changed | Outcome::Pending | Outcome::NotRun => {}
        }
    }

    fn clean_plan(&self, plan: &mut HostPlan) {
        for finding in &mut plan.findings {
            self.replace(&mut finding.text);
        }
        for change in &mut plan.changes {
            if let ChangeKind::File { from, to, .. } = &mut change.kind {
                for content in [from, to] {
                    if let Content::Text(text) = content {
                        self.replace(text);
                    }
                }
            }
        }
    }

    fn replace(&self, text: &mut String) {
        *text = self.clean(text);
    }
}

/// Writes on, line by line, without the secrets.
#[derive(Debug)]
pub struct Redacting<'a, W: Write> {
    out: W,
    redactor: Option<&'a Redactor>,
    line: Vec<u8>,
}

impl<'a, W: Write> Redacting<'a, W> {
    /// Writes to `out`; without a redactor everything goes through as it is.
    pub fn new(out: W, redactor: Option<&'a Redactor>) -> Self {
        Self { out, redactor, line: Vec::new() }
    }

    fn pass(&mut self, upto: usize) -> io::Result<()> {
        let Some(redactor) = self.redactor else { return Ok(()) };
        let rest = self.line.split_off(upto);
        let text = std::mem::replace(&mut self.line, rest);
        self.out.write_all(redactor.clean(&String::from_utf8_lossy(&text)).as_bytes())
    }
}

impl<W: Write> Write for Redacting<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.redactor.is_none() {
            return self.out.write(bytes);
        }
        self.line.extend_from_slice(bytes);
        if let Some(end) = self.line.iter().rposition(|byte| *byte == b'\n') {
            self.pass(end + 1)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass(self.line.len())?;
        self.out.flush()
    }
}

impl<W: Write> Drop for Redacting<'_, W> {
    fn drop(&mut self) {
        // Whoever cares for errors has flushed.
        let _lost = self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{HostName, StepOutcome};

    const KEY: &str = "-----BEGIN KEY-----\nMC4CAQAwBQYDK2Vw\n-----END KEY-----";

    #[test]
    fn a_secret_is_taken_out_whole_by_lines_in_json_and_in_base64() {
        let redactor = Redactor::new(["pa\"ss\\word", KEY, "abc"]);
        for (text, clean) in [
            ("login pa\"ss\\word!", "login ‹secret›!"),
            (r#"{"text": "pa\"ss\\word"}"#, r#"{"text": "‹secret›"}"#),
            ("cGEic3NcXHdvcmQ", "cGEic3NcXHdvcmQ"),
            ("cGEic3Ncd29yZA==", "‹secret›=="),
            (KEY, "‹secret›"),
            ("> MC4CAQAwBQYDK2Vw", "> ‹secret›"),
            ("abc is too short to be told from a word", "abc is too short to be told from a word"),
        ] {
            assert_eq!(redactor.clean(text), clean, "{text}");
        }
    }

    #[test]
    fn a_report_is_cleaned_before_its_lines_are_broken() {
        use crate::model::HostReport;
        let failed = HostReport {
            outcome: Outcome::Failed { error: "it says: correct horse".to_owned(), hint: None, restored: false },
            plan: None,
            steps: vec![StepOutcome { step: 0, status: StepStatus::Failed("correct horse".to_owned()) }],
            failures: Vec::new(),
            remaining: None,
            elapsed_ms: 0,
        };
        let hosts = [(HostName::parse("h").unwrap(), failed)].into();
        let report = RunReport { schema_version: 1, verb: "apply".to_owned(), run: String::new(), tags: vec![], hosts };
        let clean = format!("{:?}", Redactor::new(["correct horse"]).clean_report(&report));
        assert!(!clean.contains("horse") && clean.matches("‹secret›").count() == 2, "{clean}");
    }

    #[test]
    fn a_secret_that_comes_in_pieces_is_found() {
        let redactor = Redactor::new(["S3CRET"]);
        let mut out = Vec::new();
        let mut writer = Redacting::new(&mut out, Some(&redactor));
        for piece in ["a S3", "CR", "ET b\nS3CRE", "T"] {
            writer.write_all(piece.as_bytes()).unwrap();
        }
        drop(writer);
        assert_eq!(String::from_utf8(out).unwrap(), "a ‹secret› b\n‹secret›");
    }
}
