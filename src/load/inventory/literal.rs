//! Values of INI files: Python literals, and everything else is text.
//!
//! Ansible hands each value to Python's `ast.literal_eval`, on host lines and in `[group:vars]` alike (its
//! documentation says of the latter that they are strings; ansible-core 2.19 says otherwise, and inventories were written
//! against what it does). So `8080` is a number, `True` a boolean, `[1, 2]` a list and `80,443` too, while `true`,
//! `FALSE` and `007` are text. JSON has fewer kinds of values: a tuple or a set becomes a list, a number as a key text;
//! what JSON cannot hold at all (`1j`, an infinity) stays the text that it was.

use serde_json::{Map, Number, Value};

const MAX_DEPTH: usize = 64;

/// What a value means.
pub(super) fn literal(text: &str) -> Value {
    parsed(text).unwrap_or_else(|| Value::String(text.to_owned()))
}

fn parsed(text: &str) -> Option<Value> {
    let mut parser = Parser { rest: text };
    parser.blanks();
    let value = parser.expression(0)?;
    parser.blanks();
    let value = if parser.take(",") {
        let mut items = vec![value];
        parser.items(&mut items, "", 0)?;
        Value::Array(items)
    } else {
        value
    };
    parser.blanks();
    (parser.rest.is_empty() || parser.rest.starts_with('#')).then_some(value)
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    fn take(&mut self, sign: &str) -> bool {
        let rest = self.rest.strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expression(&mut self, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.rest.chars().next()? {
            '[' => {
                self.take("[");
                let mut items = Vec::new();
                self.items(&mut items, "]", depth + 1)?;
                Some(Value::Array(items))
            }
            '(' => self.parenthesis(depth),
            '{' => self.braces(depth),
            '+' | '-' => {
                let negative = self.rest.starts_with('-');
                self.rest = &self.rest[1..];
                self.blanks();
                self.number(negative)
            }
            c if c.is_ascii_digit() || c == '.' => self.number(false),
            _ => self.word().or_else(|| self.strings()),
        }
    }

    /// Items up to the closing sign, which is taken; at the top level up to the end.
    fn items(&mut self, items: &mut Vec<Value>, close: &str, depth: usize) -> Option<()> {
        while !self.closed(close) {
            items.push(self.expression(depth)?);
            self.blanks();
            if !self.take(",") {
                return self.closed(close).then_some(());
            }
        }
        Some(())
    }

    fn closed(&mut self, close: &str) -> bool {
        self.blanks();
        if close.is_empty() { self.rest.is_empty() || self.rest.starts_with('#') } else { self.take(close) }
    }

    /// `(1)` is one, `(1,)` and `()` are tuples.
    fn parenthesis(&mut self, depth: usize) -> Option<Value> {
        self.take("(");
        self.blanks();
        if self.take(")") {
            return Some(Value::Array(Vec::new()));
        }
        let first = self.expression(depth + 1)?;
        self.blanks();
        if self.take(")") {
            return Some(first);
        }
        if !self.take(",") {
            return None;
        }
        let mut items = vec![first];
        self.items(&mut items, ")", depth + 1)?;
        Some(Value::Array(items))
    }

    /// A dictionary or a set.
    fn braces(&mut self, depth: usize) -> Option<Value> {
        self.take("{");
        self.blanks();
        if self.take("}") {
            return Some(Value::Object(Map::new()));
        }
        let first = self.expression(depth + 1)?;
        self.blanks();
        if !self.rest.starts_with(':') {
            let mut items = vec![first];
            if !self.take(",") && !self.rest.starts_with('}') {
                return None;
            }
            self.items(&mut items, "}", depth + 1)?;
            let mut once: Vec<Value> = Vec::new();
            for item in items {
                if !once.contains(&item) {
                    once.push(item);
                }
            }
            return Some(Value::Array(once));
        }
        let mut entries = Map::new();
        let mut key = first;
        loop {
            self.blanks();
            if !self.take(":") {
                return None;
            }
            self.blanks();
            let value = self.expression(depth + 1)?;
            entries.insert(key_text(&key)?, value);
            self.blanks();
            let more = self.take(",");
            self.blanks();
            if self.take("}") {
                return Some(Value::Object(entries));
            }
            if !more {
                return None;
            }
            key = self.expression(depth + 1)?;
        }
    }

    fn word(&mut self) -> Option<Value> {
        let end = self.rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        let (value, rest) = match word {
            "True" => (Value::Bool(true), rest),
            "False" => (Value::Bool(false), rest),
            "None" => (Value::Null, rest),
            "set" => (Value::Array(Vec::new()), rest.strip_prefix("()")?),
            _ => return None,
        };
        self.rest = rest;
        Some(value)
    }

    fn number(&mut self, negative: bool) -> Option<Value> {
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        let mut end = self.rest.find(|c| !word(c)).unwrap_or(self.rest.len());
        let hex = self.rest.starts_with("0x") || self.rest.starts_with("0X");
        // The sign of an exponent belongs to the number.
        if !hex && self.rest[..end].ends_with(['e', 'E']) && self.rest[end..].starts_with(['+', '-']) {
            let behind = &self.rest[end + 1..];
            end += 1 + behind.find(|c: char| !(c.is_ascii_digit() || c == '_')).unwrap_or(behind.len());
        }
        let value = number(&self.rest[..end], negative)?;
        self.rest = &self.rest[end..];
        Some(value)
    }

    /// Strings that stand beside each other are one.
    fn strings(&mut self) -> Option<Value> {
        let mut text = self.string()?;
        loop {
            self.blanks();
            match self.string() {
                Some(more) => text.push_str(&more),
                None => return Some(Value::String(text)),
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        let open = self.rest.find(['\'', '"'])?;
        let prefix = self.rest[..open].to_lowercase();
        if !matches!(prefix.as_str(), "" | "u" | "r" | "b" | "br" | "rb") {
            return None;
        }
        let body = &self.rest[open..];
        let single = &body[..1];
        let triple = body.starts_with(&single.repeat(3));
        let quote = if triple { single.repeat(3) } else { single.to_owned() };
        let inner = &body[quote.len()..];
        let mut at = 0;
        loop {
            let left = &inner[at..];
            if left.starts_with(&quote) {
                break;
            }
            let c = left.chars().next()?;
            at += c.len_utf8();
            if c == '\\' {
                at += inner[at..].chars().next()?.len_utf8();
            }
        }
        let text = if prefix.contains('r') { inner[..at].to_owned() } else { unescape(&inner[..at])? };
        self.rest = &inner[at + quote.len()..];
        Some(text)
    }
}

/// What stands for a key where JSON has only text.
fn key_text(key: &Value) -> Option<String> {
    match key {
        Value::String(text) => Some(text.clone()),
        Value::Bool(true) => Some("True".to_owned()),
        Value::Bool(false) => Some("False".to_owned()),
        Value::Null => Some("None".to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

fn number(word: &str, negative: bool) -> Option<Value> {
    // An underscore stands between two digits, or behind the `0x`.
    let odd = word.ends_with('_') || word.contains("__") || word.contains("_.") || word.contains("._");
    if odd || word.is_empty() {
        return None;
    }
    let digits = word.replace('_', "");
    let lower = digits.to_lowercase();
    let radix = [("0x", 16), ("0o", 8), ("0b", 2)].into_iter().find(|(prefix, _)| lower.starts_with(prefix));
    let whole = match radix {
        Some((_, radix)) => Some(i128::from_str_radix(&lower[2..], radix).ok()?),
        None if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            // `007` is no number in Python, `00` is.
            if digits.starts_with('0') && digits.bytes().any(|byte| byte != b'0') {
                return None;
            }
            Some(digits.parse().ok()?)
        }
        None => None,
    };
    if let Some(whole) = whole {
        let whole = if negative { -whole } else { whole };
        return i64::try_from(whole).map(Value::from).or_else(|_| u64::try_from(whole).map(Value::from)).ok();
    }
    let fine = |c: char| c.is_ascii_digit() || ".eE+-".contains(c);
    if !digits.chars().all(fine) || !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let float: f64 = digits.parse().ok()?;
    Number::from_f64(if negative { -float } else { float }).map(Value::Number)
}

/// Python's escapes. What is none of them keeps its backslash.
fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let c = after.chars().next()?;
        rest = &after[c.len_utf8()..];
        let code = |digits: usize| {
            let hex = rest.get(..digits)?;
            char::from_u32(u32::from_str_radix(hex, 16).ok()?)
        };
        match c {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'a' => out.push('\u{7}'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'v' => out.push('\u{b}'),
            '\\' | '\'' | '"' => out.push(c),
            '0'..='7' => {
                let octal = |c: char| ('0'..='7').contains(&c);
                let more = rest.chars().take(2).take_while(|c| octal(*c)).count();
                let value = u32::from_str_radix(&format!("{c}{}", &rest[..more]), 8).ok()?;
                out.push(char::from_u32(value)?);
                rest = &rest[more..];
            }
            'x' | 'u' | 'U' => {
                let digits = match c {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                out.push(code(digits)?);
                rest = &rest[digits..];
            }
            // By name: rare enough to be left as it is written.
            'N' => return None,
            c => {
                out.push('\\');
                out.push(c);
            }
        }
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Every pair was tried with ansible-core 2.19.
    #[test]
    fn literals_are_what_ansible_makes_of_them() {
        for (text, value) in [
            ("1", json!(1)),
            ("-3", json!(-3)),
            ("+3", json!(3)),
            ("- 3", json!(-3)),
            ("0x1f", json!(31)),
            ("0o17", json!(15)),
            ("0b11", json!(3)),
            ("00", json!(0)),
            ("1_000", json!(1000)),
            ("1_0.5", json!(10.5)),
            ("1e3", json!(1000.0)),
            ("1E-3", json!(0.001)),
            (".5", json!(0.5)),
            ("1.", json!(1.0)),
            ("-1.5", json!(-1.5)),
            ("True", json!(true)),
            ("None", json!(null)),
            ("'a b'", json!("a b")),
            ("\"x\"", json!("x")),
            ("'x' 'y'", json!("xy")),
            ("'''t'''", json!("t")),
            ("b'x'", json!("x")),
            ("r'a\\d'", json!("a\\d")),
            ("'a\\qb'", json!("a\\qb")),
            ("'\\x41\\n'", json!("A\n")),
            ("'\\u00e9'", json!("é")),
            ("[1, 2]", json!([1, 2])),
            ("[1,]", json!([1])),
            ("(1)", json!(1)),
            ("(1,)", json!([1])),
            ("()", json!([])),
            ("80,443", json!([80, 443])),
            ("80,", json!([80])),
            ("{1,2}", json!([1, 2])),
            ("set()", json!([])),
            ("{}", json!({})),
            ("{'a': 1, 'b': [True, None]}", json!({"a": 1, "b": [true, null]})),
            ("{'a':1,}", json!({"a": 1})),
            ("{1:2}", json!({"1": 2})),
            ("{'k': (1, 2)}", json!({"k": [1, 2]})),
            ("1 # c", json!(1)),
            ("'a b' # comment", json!("a b")),
        ] {
            assert_eq!(literal(text), value, "{text}");
        }
    }

    #[test]
    fn everything_else_is_text() {
        for text in [
            "",
            "true",
            "FALSE",
            "yes",
            "007",
            "0644",
            "1__0",
            "1_",
            "a=b",
            "10.0.0.1",
            "2001:db8::1",
            "1j",
            "1 + 2",
            "- -3",
            "~1",
            "-True",
            "not True",
            "'a",
            "[1 2]",
            "[a, b]",
            "[1, 2",
            "{'a' 1}",
            "f'x'",
            "ux",
            "...",
            "a,b",
            "1e400",
            "1e",
            "0x",
            "'\\N{BULLET}'",
            "abc # not a comment",
            "1 2",
            "1abc",
            "08",
            "{[1]: 2}",
            ".",
            "+",
            "-",
            "'a' b",
        ] {
            assert_eq!(literal(text), json!(text), "{text}");
        }
        let deep = "[".repeat(1000);
        assert_eq!(literal(&deep), json!(deep));
    }

    proptest::proptest! {
        #[test]
        fn garbage_never_panics(text in r#"[\[\](){}'",:0-9axbuNoeETrue\\ #._+-]{0,30}"#) {
            let _value = literal(&text);
        }
    }
}
