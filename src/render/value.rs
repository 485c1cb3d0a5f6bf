//! Values and their text form, the same wherever a value becomes text.

use std::io::{self, Write};

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};
use serde::Serialize as _;

use super::environment::MAX_OUTPUT;

/// Marks an error whose message is our own: made of fixed words, safe to show.
#[derive(Debug, Default, thiserror::Error)]
#[error("refused")]
pub(super) struct Ours {
    /// What to write instead.
    pub(super) help: Option<String>,
    /// What can be said more, where the text in question is written in the template and not a variable's value.
    pub(super) named: Option<Named>,
}

/// More words about a text, for those who have written it themselves.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) text: String,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

/// An error of a filter or function. The message is shown to the reader, so it must not hold a variable's value.
pub fn refusal(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into()).with_source(Ours::default())
}

/// As [`refusal`], with what to do instead.
pub fn refusal_with_help(message: impl Into<String>, help: impl Into<String>) -> Error {
    let ours = Ours { help: Some(help.into()), named: None };
    Error::new(ErrorKind::InvalidOperation, message.into()).with_source(ours)
}

/// As [`refusal`], with a message and help that repeat `text`: used only where `text` stands in the template itself.
/// An empty help is none.
pub fn refusal_about(
    text: &str,
    message: impl Into<String>,
    help: impl Into<String>,
    without_text: impl Into<String>,
) -> Error {
    let help = Some(help.into()).filter(|help: &String| !help.is_empty());
    let named = Named { text: text.to_owned(), message: message.into(), help };
    Error::new(ErrorKind::InvalidOperation, without_text.into()).with_source(Ours { help: None, named: Some(named) })
}

/// The text of a value, as templates print it.
pub fn text_of(value: &Value) -> Result<String, Error> {
    match value.kind() {
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::Bool => Ok(if value.is_true() { "true" } else { "false" }.to_owned()),
        ValueKind::None => Err(refusal("`null` has no text form: use `default(…, true)`, or test it with `is none`")),
        ValueKind::Seq | ValueKind::Iterable => {
            Err(refusal("a list has no text form: use `join(' ')`, `exec_args` or `to_json`, or a `for` loop"))
        }
        ValueKind::Map => Err(refusal("a map has no text form: use one of its keys, `to_json`, or a `for` loop")),
        ValueKind::Number | ValueKind::String => Ok(value.to_string()),
        kind => Err(refusal(format!("a value of type {kind} has no text form"))),
    }
}

/// What is said where a text grows beyond every use.
pub(super) fn too_long() -> Error {
    refusal(format!("the text that is put together here is longer than {} KiB", MAX_OUTPUT / 1024))
}

/// A value as plain data.
pub fn to_json(value: &Value) -> Result<serde_json::Value, Error> {
    if value.kind() == ValueKind::String {
        let text = value.as_str().unwrap_or_default();
        return if text.len() > MAX_OUTPUT { Err(too_long()) } else { Ok(text.into()) };
    }
    // Lists that hold each other take no room until they are written out.
    json_text(value, false)?;
    serde_json::to_value(value).map_err(|_| refusal("this value is no plain data"))
}

/// A value as the text of JSON; `pretty` with a key a line.
pub fn json_text(value: &Value, pretty: bool) -> Result<String, Error> {
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    let mut buffer = Bounded::default();
    let written = if pretty {
        let style = serde_json::ser::PrettyFormatter::with_indent(b"    ");
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut buffer, style))
    } else {
        serde_json::to_writer(&mut buffer, value)
    };
    if buffer.full {
        return Err(too_long());
    }
    written.map_err(|_| refusal("this value is no plain data"))?;
    String::from_utf8(buffer.bytes).map_err(|_| refusal("this value is no plain data"))
}

/// Takes no more than a rendering may yield.
#[derive(Default)]
pub(super) struct Bounded {
    pub(super) bytes: Vec<u8>,
    pub(super) full: bool,
}

impl Write for Bounded {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + piece.len() > MAX_OUTPUT {
            self.full = true;
            return Err(io::Error::other("too much output"));
        }
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
