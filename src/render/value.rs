//! Values and their text form, the same wherever a value becomes text.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};

/// Marks an error whose message is our own: made of fixed words, safe to show.
#[derive(Debug, thiserror::Error)]
#[error("refused")]
pub(super) struct Ours;

/// An error of a filter or function. The message is shown to the reader, so it must not hold a variable's value.
pub fn refusal(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into()).with_source(Ours)
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

/// A value as plain data.
pub(super) fn to_json(value: &Value) -> Result<serde_json::Value, Error> {
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    serde_json::to_value(value).map_err(|_| refusal("this value is no plain data"))
}
