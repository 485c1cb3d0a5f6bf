//! Text that a condition compares with a number by `<` or `>`.
//!
//! The engine orders values of different kinds by their kind, so that `port > 79` is true of the text `5`, which is what
//! `-e port=5` gives. Ansible refuses such a comparison; here the two sides are found in the written expression and
//! looked at, because the engine cannot be told to. What is not understood is left to the engine.

use serde_json::Value;

/// Words between which one side of a comparison ends.
const BETWEEN: [&str; 7] = ["and", "or", "not", "in", "is", "if", "else"];

/// Tests by which an expression itself asks for the kind, and may go on only if it fits.
const ASKS: [&str; 4] = ["is number", "is integer", "is float", "is string"];

/// Whether the expression orders text and a number. `value` evaluates one side, where that is possible.
pub(super) fn mixes_kinds(expression: &str, value: impl Fn(&str) -> Option<Value>) -> bool {
    if ASKS.iter().any(|asks| expression.contains(asks)) {
        return false;
    }
    let mut pairs = Vec::new();
    collect(expression, &mut pairs);
    pairs.into_iter().any(|(left, right)| {
        let kinds = (value(left.trim()), value(right.trim()));
        matches!(
            kinds,
            (Some(Value::String(_)), Some(Value::Number(_))) | (Some(Value::Number(_)), Some(Value::String(_)))
        )
    })
}

/// The two sides of every `<`, `<=`, `>` and `>=`, also inside of brackets.
fn collect<'a>(expression: &'a str, pairs: &mut Vec<(&'a str, &'a str)>) {
    let bytes = expression.as_bytes();
    let (mut at, mut start, mut left) = (0, 0, None);
    while at < bytes.len() {
        let length = match bytes[at] {
            b'\'' | b'"' => {
                at = after_quote(bytes, at);
                continue;
            }
            b'(' | b'[' | b'{' => {
                let end = closing(bytes, at);
                collect(&expression[at + 1..end], pairs);
                at = end + 1;
                continue;
            }
            b'<' | b'>' | b'=' | b'!' => 1 + usize::from(bytes.get(at + 1) == Some(&b'=')),
            b',' | b':' => 1,
            _ => match word(bytes, at) {
                Some(word) if BETWEEN.contains(&word) => word.len(),
                Some(word) => {
                    at += word.len();
                    continue;
                }
                None => {
                    at += 1;
                    continue;
                }
            },
        };
        let side = &expression[start..at];
        pairs.extend(left.take().map(|left| (left, side)));
        left = matches!(bytes[at], b'<' | b'>').then_some(side);
        at += length;
        start = at;
    }
    pairs.extend(left.map(|left| (left, &expression[start..])));
}

/// The word that begins here.
fn word(bytes: &[u8], at: usize) -> Option<&str> {
    let length = bytes[at..].iter().take_while(|c| c.is_ascii_alphanumeric() || **c == b'_').count();
    std::str::from_utf8(&bytes[at..at + length]).ok().filter(|word| !word.is_empty())
}

fn after_quote(bytes: &[u8], open: usize) -> usize {
    let mut at = open + 1;
    while at < bytes.len() && bytes[at] != bytes[open] {
        at += 1 + usize::from(bytes[at] == b'\\');
    }
    (at + 1).min(bytes.len())
}

/// Where the bracket that opens here is closed; the end, where it is not.
fn closing(bytes: &[u8], open: usize) -> usize {
    let (mut at, mut depth) = (open, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'\'' | b'"' => {
                at = after_quote(bytes, at);
                continue;
            }
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
        at += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expression: &str, expected: &[(&str, &str)]) {
        let mut pairs = Vec::new();
        collect(expression, &mut pairs);
        let pairs: Vec<(&str, &str)> = pairs.into_iter().map(|(left, right)| (left.trim(), right.trim())).collect();
        assert_eq!(pairs, expected, "{expression}");
    }

    #[test]
    fn the_sides_of_a_comparison_are_found() {
        check("a > 1", &[("a", "1")]);
        check("a<=b.c[0] and not x >= f(1, 2) | int", &[("a", "b.c[0]"), ("x", "f(1, 2) | int")]);
        check("(a > 1 or b < 2) and 'x > y' == z", &[("a", "1"), ("b", "2")]);
        check("1 < a < 3", &[("1", "a"), ("a", "3")]);
        check("groups['a > b'] | length > 1 if notable else origin", &[("groups['a > b'] | length", "1")]);
        for none in ["", "a == 1", "a != b", "\"a > 1", "x in [1, 2]", "ä"] {
            check(none, &[]);
        }
        for odd in ["(", "a > (", "'\\", ") > (", "> > >", "a[(}"] {
            collect(odd, &mut Vec::new());
        }
    }
}
