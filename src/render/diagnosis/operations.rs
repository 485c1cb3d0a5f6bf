//! What does not work with values of these types, in plain words. Types are told, values never.

use minijinja::ErrorKind;
use serde_json::Value;

use super::{Context, Failing, first_name, is_path, names};
use crate::model::Diagnostic;

/// A type as the engine calls it, in words.
fn kind(word: &str) -> &str {
    match word {
        "string" => "a text",
        "number" | "integer" | "float" => "a number",
        "bool" | "boolean" => "`true` or `false`",
        "sequence" | "iterator" | "iterable" | "tuple" => "a list",
        "map" => "a map",
        "none" => "`null`",
        "undefined" => "not defined",
        _ => "something else",
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "`null`",
        Value::Bool(_) => "`true` or `false`",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// What a dotted path leads to.
fn find(path: &str, context: &Context) -> Option<Value> {
    let mut parts = path.split('.');
    let first = context.get(parts.next()?)?;
    parts.try_fold(first, |value, key| value.get(key).cloned())
}

/// Parts what has a subscript at its end into what it is taken of and the key.
fn subscript(named: &str) -> Option<(&str, &str)> {
    let (whose, key) = named.strip_suffix(']')?.rsplit_once('[')?;
    Some((whose, key.trim_matches(['\'', '"'])))
}

/// Whether a name, a dotted path or one with a subscript leads to something.
pub(super) fn is_defined(named: &str, context: &Context) -> bool {
    match subscript(named) {
        Some((whose, key)) => find(whose, context).is_some_and(|value| value.get(key).is_some()),
        None => find(named, context).is_some(),
    }
}

/// Why something has no such key or item.
pub(super) fn no_key(named: &str, context: &Context) -> Option<String> {
    if named.starts_with("loop.") {
        return Some(
            "a loop has `index`, `index0`, `revindex`, `first`, `last`, `length`, `depth`, `previtem` and `nextitem`"
                .to_owned(),
        );
    }
    let (whose, key) = subscript(named).or_else(|| named.rsplit_once('.'))?;
    match find(whose, context)? {
        Value::Array(_) if key.bytes().all(|byte| byte.is_ascii_digit()) => Some(format!(
            "`{whose}` has fewer items: they are counted from 0, and `{whose} | length` is how many there are"
        )),
        Value::Array(_) => {
            Some(format!("`{whose}` is a list: take an item, `{whose}[0].{key}`, or write a `for` loop"))
        }
        Value::Object(map) => {
            let near = names::near(key, map.keys().map(String::as_str));
            let near = near.map(|near| format!("did you mean `{whose}.{near}`?"));
            near.or_else(|| (whose == "groups").then(|| no_group(named, key, map.keys().map(String::as_str))))
        }
        other => Some(format!("`{whose}` is {}, and has no keys", kind_of(&other))),
    }
}

/// A template that was written for another inventory.
fn no_group<'g>(named: &str, key: &str, groups: impl Iterator<Item = &'g str>) -> String {
    const SHOWN: usize = 8;
    let mut known: Vec<&str> = groups.filter(|name| !["all", "ungrouped"].contains(name)).collect();
    let more = known.len().saturating_sub(SHOWN);
    known.truncate(SHOWN);
    let list = known.join(", ");
    let others = match more {
        _ if list.is_empty() => "no groups at all".to_owned(),
        0 => list,
        more => format!("{list} and {more} more"),
    };
    format!("the inventory has no group `{key}` (it has: {others}); where that may be, write `{named} | default([])`")
}

/// Explains an error that is none of syntax or names.
pub(super) fn explain(failing: &Failing, context: &Context) -> Diagnostic {
    let name = first_name(failing.marked);
    match failing.error.kind() {
        ErrorKind::OutOfFuel => Diagnostic::error("the template runs for too long; is there a loop in a loop?")
            .help("a rendering may take a million steps: loop over fewer items"),
        ErrorKind::MissingArgument => {
            let help = names::usage(name).unwrap_or_else(|| "look it up in the README, section Templates".to_owned());
            Diagnostic::error(format!("`{name}` needs an argument that is missing here")).help(help)
        }
        ErrorKind::TooManyArguments => too_many(failing, name),
        ErrorKind::UnknownMethod => no_method(failing, name),
        ErrorKind::BadEscape => Diagnostic::error("a `\\` in a quoted text of this tag begins no escape that there is")
            .help("for a backslash write `\\\\`"),
        ErrorKind::CannotUnpack => {
            Diagnostic::error("the items here are not lists of as many values as there are names")
                .help("to loop over a map write `{% for key, value in map | items %}`")
        }
        _ => operation(failing, name, context),
    }
}

fn too_many(failing: &Failing, name: &str) -> Diagnostic {
    let argument = failing.detail.split(['\'', '`']).nth(1).filter(|_| failing.detail.contains("argument"));
    let diagnostic = match argument {
        Some(argument) if failing.detail.starts_with("duplicate") => {
            Diagnostic::error(format!("`{name}` is given the argument `{argument}` twice"))
        }
        Some(argument) => Diagnostic::error(format!("`{name}` has no argument `{argument}`")),
        None => Diagnostic::error(format!("`{name}` takes fewer arguments than it is given here")),
    };
    Diagnostic { help: names::usage(name), ..diagnostic }
}

fn no_method(failing: &Failing, name: &str) -> Diagnostic {
    let whose = failing.detail.split_once(" has no method").map(|(whose, _)| kind(whose));
    let message = match whose {
        Some(whose) => format!("{whose} has no method `{name}`"),
        None => format!("this value has no method `{name}`"),
    };
    let help = match name {
        "append" | "extend" | "insert" | "remove" | "pop" | "update" => {
            "lists and maps are not changed in place: `{% set list = list + [x] %}`, `map | combine(other)`".to_owned()
        }
        "format" => "use `'%s' | format(x)`".to_owned(),
        "encode" | "decode" => "texts are UTF-8".to_owned(),
        _ => format!("a filter stands behind a `|`: `x | {name}`"),
    };
    Diagnostic::error(message).help(help)
}

fn operation(failing: &Failing, name: &str, context: &Context) -> Diagnostic {
    let detail = failing.detail;
    if let Some(rest) = detail.strip_prefix("tried to use ") {
        return operator(rest);
    }
    if detail.starts_with("unable to calculate ") || detail == "overflow" {
        return Diagnostic::error("this cannot be calculated").help("it divides by zero, or yields too large a number");
    }
    if detail.starts_with("can only assign to namespaces") {
        return Diagnostic::error("a value's key cannot be set").help(
            "only those of a namespace can: `{% set ns = namespace(n=0) %}` before the loop, `{% set ns.n = ns.n + 1 %}` in it",
        );
    }
    if detail.ends_with(" is not callable") {
        return Diagnostic::error(format!("`{name}` is no function"))
            .help(format!("to print it write `{{{{ {name} }}}}`"));
    }
    if let Some(rest) = detail.strip_prefix("cannot convert ") {
        return wrong_type(failing, name, rest);
    }
    if detail.starts_with("recursion limit exceeded") {
        return Diagnostic::error("templates include or macros call each other without an end")
            .help("take the circle apart: one of them has to stop");
    }
    if detail.starts_with("repeated string") {
        return Diagnostic::error("this repeats a text more often than a file can hold").help("repeat it less often");
    }
    if detail.starts_with("range has too many elements") || detail.starts_with("repeated ") {
        return Diagnostic::error("this makes too many items").help("loop over fewer");
    }
    if detail.ends_with("not iterable") || (detail.is_empty() && is_path(failing.marked)) {
        let marked = Some(failing.marked).filter(|marked| is_path(marked));
        let what = match marked.and_then(|path| find(path, context)) {
            Some(value) => kind_of(&value),
            None => kind(detail.split(' ').next().unwrap_or_default()),
        };
        let message = match what {
            "something else" => "a list is needed here, and this is none".to_owned(),
            what => format!("a list is needed here, and this is {what}"),
        };
        return Diagnostic::error(message).help("to count write `range(n)`; for one item write a list: `[x]`");
    }
    if let "int" | "float" | "round" | "abs" = name {
        return Diagnostic::error(format!("`{name}` needs a number, and this is none"))
            .help(format!("look at what the variable holds, or give a default: `x | {name}(default=0)`"));
    }
    if let Some(word) =
        ["value is not a string", "value of type ", "cannot calculate length of value of type ", "can only sum numbers"]
            .iter()
            .find(|start| detail.starts_with(**start))
    {
        let of = detail.strip_prefix(word).unwrap_or_default().rsplit(' ').next().unwrap_or_default();
        let what = if of.is_empty() { "this value".to_owned() } else { kind(of).to_owned() };
        return Diagnostic::error(format!("`{name}` does not work on {what}"));
    }
    let what = if name.is_empty() { "this".to_owned() } else { format!("`{name}`") };
    Diagnostic::error(format!("{what} does not work with the values given"))
}

/// `+ operator on unsupported types number and string`.
fn operator(rest: &str) -> Diagnostic {
    let operator = rest.split(' ').next().unwrap_or_default();
    let types = rest.rsplit_once(" types ").and_then(|(_, types)| types.split_once(" and "));
    let (left, right) = types.map_or(("something", "something else"), |(left, right)| (kind(left), kind(right)));
    let help = match (operator, left, right) {
        (_, "`null`", _) | (_, _, "`null`") => "give a default: `x | default(0, true)`",
        ("+", "a map", "a map") => "write `a | combine(b)`",
        ("+", "a text", _) | ("+", _, "a text") => {
            "to join texts write `~`; to calculate, make a number of the text: `x | int`"
        }
        (_, "a text", _) | (_, _, "a text") => "make a number of the text: `x | int`",
        _ => "look at what the variables hold",
    };
    Diagnostic::error(format!("`{operator}` does not work on {left} and {right}")).help(help)
}

/// `sequence to string`: an argument of the wrong type.
fn wrong_type(failing: &Failing, name: &str, rest: &str) -> Diagnostic {
    let mut words = rest.split(" to ");
    let given = kind(words.next().unwrap_or_default());
    let wanted = words.next().unwrap_or_default();
    let wanted = match wanted.split([' ', '<']).next().unwrap_or_default() {
        "string" | "str" | "String" => "a text",
        "integer" | "i64" | "u32" | "usize" | "isize" | "i32" | "u64" | "float" | "f64" | "number" => "a number",
        "bool" => "`true` or `false`",
        _ => "something else",
    };
    let whose = if name.is_empty() || failing.marked.is_empty() { "this".to_owned() } else { format!("`{name}`") };
    let diagnostic = Diagnostic::error(format!("{whose} takes {wanted}, and is given {given}"));
    Diagnostic { help: names::usage(name), ..diagnostic }
}
