//! The engine's own filters and functions, where they do not fit.
//!
//! - `debug()` and `pprint` print whatever there is, in a form that no file wants; they are gone.
//! - `string` and `join` write what templates print: `true`, not `True`. They and the filters on texts (`upper`, …)
//!   refuse `null`, lists and maps, for which the engine has a text in Python's form.
//! - `replace`, `indent`, `format`, `batch` and `slice` take widths and counts that cost memory before the bound on
//!   the output can stop them (minijinja 3.0.5: `x | indent(99999999999)` aborts the process); they get bounds.

use std::sync::OnceLock;

use minijinja::value::{Kwargs, Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::environment::MAX_OUTPUT;
use super::value::{json_text, refusal, refusal_with_help, text_of, too_long};

/// The widest indent and the largest number of parts.
const MAX_COUNT: usize = 9999;

/// Takes away and replaces.
pub(super) fn fit(environment: &mut Environment<'static>) {
    environment.remove_global("debug");
    environment.remove_filter("pprint");
    environment.add_filter("string", |value: &Value| text_of(value));
    environment.add_filter("join", join);
    // The engine's escapes what HTML does not like.
    environment.add_filter("tojson", |value: &Value| json_text(value, false));
    environment.add_filter("replace", |args: Rest<ValueOrKwargs>| {
        let args = args.into_values();
        args.iter().try_for_each(|argument| text_of(argument).map(drop))?;
        replaced_length(&args)?;
        original("replace", &args)
    });
    environment.add_filter("format", |args: Rest<ValueOrKwargs>| {
        let args = args.into_values();
        printf_widths(args.first())?;
        original("format", &args)
    });
    for name in ["indent", "batch", "slice"] {
        environment.add_filter(name, move |args: Rest<ValueOrKwargs>| {
            let args = args.into_values();
            counts(&args)?;
            if name == "indent" {
                is_text(&args)?;
            }
            original(name, &args)
        });
    }
    for name in ["upper", "lower", "title", "capitalize", "trim", "lines", "split"] {
        environment.add_filter(name, move |args: Rest<ValueOrKwargs>| {
            let args = args.into_values();
            is_text(&args)?;
            original(name, &args)
        });
    }
    environment.set_unknown_method_callback(method);
}

/// Methods of Python's texts and maps.
fn method(state: &mut State, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    if value.kind() == ValueKind::String {
        let all: Vec<Value> = std::iter::once(value).chain(args).cloned().collect();
        match method {
            "replace" => replaced_length(&all)?,
            "format" => format_widths(value)?,
            "join" if args.len() == 1 => return joined(&args[0], value.as_str().unwrap_or_default()).map(Value::from),
            _ => {}
        }
    }
    minijinja_contrib::pycompat::unknown_method_callback(state, value, method, args)
}

/// Refuses what has no text form.
fn is_text(args: &[Value]) -> Result<(), Error> {
    args.first().map_or(Ok(String::new()), text_of).map(drop)
}

/// The engine's filter of a name, as it was before.
fn original(name: &str, args: &[Value]) -> Result<Value, Error> {
    static ENGINE: OnceLock<Environment<'static>> = OnceLock::new();
    if args.first().is_some_and(Value::is_undefined) {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    ENGINE.get_or_init(Environment::new).empty_state().apply_filter(name, args)
}

#[expect(clippy::needless_pass_by_value, reason = "the engine hands arguments over like this")]
fn join(list: &Value, between: Option<&str>, attribute: Option<&str>, named: Kwargs) -> Result<String, Error> {
    let attribute = match attribute {
        Some(attribute) => Some(attribute),
        None => named.get::<Option<&str>>("attribute")?,
    };
    let between = match between {
        Some(between) => between,
        None => named.get::<Option<&str>>("d")?.unwrap_or_default(),
    };
    named.assert_all_used()?;
    match attribute {
        None => joined(list, between),
        Some(attribute) => {
            let items = items(list)?.map(|item| item.get_attr(attribute));
            joined(&items.collect::<Result<Vec<Value>, Error>>()?.into(), between)
        }
    }
}

fn items(list: &Value) -> Result<impl Iterator<Item = Value>, Error> {
    match list.kind() {
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::Seq | ValueKind::Iterable | ValueKind::String | ValueKind::Map => Ok(list.try_iter()?),
        kind => Err(refusal(format!("`join` takes a list, and this is a {kind}"))),
    }
}

fn joined(list: &Value, between: &str) -> Result<String, Error> {
    let mut text = String::new();
    for (at, item) in items(list)?.enumerate() {
        if at > 0 {
            text.push_str(between);
        }
        match item.as_str() {
            Some(item) => text.push_str(item),
            None if item.is_undefined() => {
                return Err(refusal_with_help(
                    "an item of this list is not defined",
                    "`map(attribute='key')` gives nothing for an item without the key: choose with `selectattr('key', 'defined')` before it",
                ));
            }
            None => text.push_str(&text_of(&item)?),
        }
        if text.len() > MAX_OUTPUT {
            return Err(too_long());
        }
    }
    Ok(text)
}

fn replaced_length(args: &[Value]) -> Result<(), Error> {
    let text = |at: usize| args.get(at).and_then(Value::as_str);
    let (Some(value), Some(from), Some(to)) = (text(0), text(1), text(2)) else {
        return Ok(());
    };
    let grown = value.matches(from).count().saturating_mul(to.len());
    if value.len().saturating_add(grown) > MAX_OUTPUT { Err(too_long()) } else { Ok(()) }
}

/// Refuses a large number among the arguments, named ones included.
fn counts(args: &[Value]) -> Result<(), Error> {
    let large = |value: &Value| value.as_usize().is_some_and(|count| count > MAX_COUNT);
    let named = |value: &Value| {
        value.kind() == ValueKind::Map
            && value.try_iter().into_iter().flatten().any(|name| value.get_item(&name).is_ok_and(|value| large(&value)))
    };
    // The first is what the filter works on.
    if args.iter().skip(1).any(|value| large(value) || named(value)) {
        return Err(refusal(format!("numbers above {MAX_COUNT} are not taken here")));
    }
    Ok(())
}

/// `%9999d`: the widths and precisions of the filter `format`.
fn printf_widths(format: Option<&Value>) -> Result<(), Error> {
    let format = format.and_then(Value::as_str).unwrap_or_default();
    widths(format.split('%').skip(1).map(|spec| {
        let end = spec.find(|c: char| !(c.is_ascii_digit() || "#-+ .*".contains(c))).unwrap_or(spec.len());
        &spec[..end]
    }))
}

/// `{:>9999}`: those of the method `format`.
fn format_widths(format: &Value) -> Result<(), Error> {
    let format = format.as_str().unwrap_or_default();
    widths(format.split('{').skip(1).map(|spec| spec.split('}').next().unwrap_or_default()))
}

fn widths<'t>(mut specs: impl Iterator<Item = &'t str>) -> Result<(), Error> {
    let large = |number: &str| number.trim_start_matches('0').len() > 4;
    if specs.any(|spec| spec.split(|c: char| !c.is_ascii_digit()).any(large)) {
        return Err(refusal(format!("a format cannot be wider than {MAX_COUNT}")));
    }
    Ok(())
}
