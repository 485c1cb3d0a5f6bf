//! What is wrong with an input file, and where.
//!
//! Data only: `report::diagnostic` draws it. Errors of input are collected, so that a reader sees several at once.

use std::ops::Range;
use std::sync::Arc;

/// A file that a person wrote, kept for snippets.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// The path as the user gave it.
    pub name: String,
    /// The whole text.
    pub text: String,
}

impl SourceFile {
    /// Line and column of a byte offset, both from 1; columns count characters.
    #[must_use]
    pub fn line_column(&self, offset: usize) -> (u32, u32) {
        let mut at = offset.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let before = &self.text[..at];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
    }
}

/// A marked stretch of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The file.
    pub source: Arc<SourceFile>,
    /// Byte range in the file's text.
    pub span: Range<usize>,
    /// What to say beside the mark; may be empty.
    pub text: String,
}

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Severity {
    /// Worth knowing, and often meant so.
    Hint,
    /// Shown, but nothing is refused.
    Warning,
    /// Refused.
    #[default]
    Error,
}

impl Severity {
    /// The word that is shown.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Hint => "hint",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that is wrong, or worth a warning, in what the user wrote.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong, in the user's words, without a final stop.
    pub message: String,
    /// Where; the first is the place itself, further ones give context ("first defined here").
    pub labels: Vec<Label>,
    /// What to write instead, or what to do.
    pub help: Option<String>,
    /// The rule that found it, where one did.
    pub rule: Option<&'static str>,
}

impl Diagnostic {
    /// An error without a place yet.
    #[must_use]
    pub fn error(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// A warning without a place yet.
    #[must_use]
    pub fn warning(message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, message: message.into(), ..Self::default() }
    }

    /// A hint without a place yet.
    #[must_use]
    pub fn hint(message: impl Into<String>) -> Self {
        Self { severity: Severity::Hint, message: message.into(), ..Self::default() }
    }

    /// Whether it keeps everything from going on.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Adds a marked place.
    #[must_use]
    pub fn at(mut self, source: &Arc<SourceFile>, span: Range<usize>, text: impl Into<String>) -> Self {
        self.labels.push(Label { source: Arc::clone(source), span, text: text.into() });
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }
}
