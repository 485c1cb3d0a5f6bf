//! Lengths of time, sizes and switches, as systemd and Ansible read them.

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, Value};

use crate::render::{refusal, refusal_about, refusal_with_help, text_of};
use crate::unitfile::{Size, TimeSpan};

const SPANS: &str = "write `90`, `90s`, `1min 30s`, `1.5h` or `infinity`";
const SIZES: &str = "write `512M`, `1.5G` or a number of bytes; there is no `MB` and no `m`";

pub(super) fn register(environment: &mut Environment<'static>) {
    environment.add_filter("timespan", |value: &Value| span(value).map(|span| span.to_string()));
    environment.add_filter("to_seconds", to_seconds);
    environment.add_filter("size", |value: &Value| match value.as_str() {
        // What limits take besides: no limit.
        Some("infinity") => Ok("infinity".to_owned()),
        _ => size(value).map(|size| size.to_string()),
    });
    environment.add_filter("to_bytes", |value: &Value| size(value).map(Size::bytes));
    environment.add_filter("bool", switch);
}

fn span(value: &Value) -> Result<TimeSpan, Error> {
    let text = text_of(value)?;
    TimeSpan::parse(&text).map_err(|error| {
        refusal_about(
            &text,
            format!("`{text}` is no time span: {error}"),
            SPANS,
            "this is no time span that systemd reads",
        )
    })
}

#[expect(clippy::cast_precision_loss, reason = "a fraction of a second in half a million years is nobody's")]
fn to_seconds(value: &Value) -> Result<Value, Error> {
    const SECOND: u64 = 1_000_000;
    let Some(micros) = span(value)?.micros() else {
        return Err(refusal_with_help(
            "`infinity` is no number of seconds",
            "treat it before: `{% if x == 'infinity' %}`",
        ));
    };
    Ok(if micros % SECOND == 0 { Value::from(micros / SECOND) } else { Value::from(micros as f64 / SECOND as f64) })
}

fn size(value: &Value) -> Result<Size, Error> {
    let text = text_of(value)?;
    if text == "infinity" {
        return Err(refusal("`infinity` is no number of bytes"));
    }
    Size::parse(&text).map_err(|error| {
        refusal_about(&text, format!("`{text}` is no size: {error}"), SIZES, "this is no size that systemd reads")
    })
}

/// As Ansible's `bool`, but that a text which is neither is refused instead of taken for `false`.
fn switch(value: &Value) -> Result<bool, Error> {
    match value.kind() {
        ValueKind::Bool => return Ok(value.is_true()),
        ValueKind::None => return Ok(false),
        _ => {}
    }
    match text_of(value)?.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" | "y" | "t" => Ok(true),
        "false" | "no" | "off" | "0" | "n" | "f" | "" => Ok(false),
        _ => Err(refusal_with_help(
            "this is neither true nor false",
            "`bool` takes `true`, `yes`, `on`, `1` and `false`, `no`, `off`, `0`",
        )),
    }
}
