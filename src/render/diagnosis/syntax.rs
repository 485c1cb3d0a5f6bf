//! Syntax errors, in the words of somebody who writes templates.
//!
//! The engine says what its parser expected and where it gave up. Most mistakes are known by that place: a `{% for %}`
//! that nothing closes, `&&` for `and`, `=` for `==`.

use std::ops::Range;

use super::names::{near, nearest};
use crate::render::tags::{Code, Tag, is_name, tags};

/// What to tell.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// What to mark in the text.
    pub(super) mark: Range<usize>,
    /// A second place, and what to say there.
    pub(super) beside: Option<(Range<usize>, &'static str)>,
}

impl Told {
    fn new(mark: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: Some(help.into()), mark, beside: None }
    }

    fn alone(mark: Range<usize>, message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, mark, beside: None }
    }
}

/// Statements that hold others, and need an end.
const OPENING: [&str; 9] = ["if", "for", "macro", "block", "filter", "call", "with", "autoescape", "set"];
/// All others that exist.
const SINGLE: [&str; 7] = ["else", "elif", "include", "import", "from", "extends", "do"];

/// Explains an error of the engine at `place` of `text`. `tagged`: whether the text is a template, not an expression.
pub(super) fn explain(text: &str, tagged: bool, place: Range<usize>, detail: &str) -> Told {
    let tags = if tagged { tags(text) } else { Vec::new() };
    let open = tags.iter().find(|tag| !tag.closed);
    if let Some(tag) = open.filter(|tag| place.start >= tag.whole.start || place.end > tag.whole.start) {
        return never_closed(text, tag);
    }
    if detail.starts_with("unexpected end of raw block") {
        return Told::new(place, "`{% raw %}` is never closed", "write `{% endraw %}` where it ends");
    }
    if detail.starts_with("unexpected end of comment") {
        return Told::new(place, "a comment is never closed", "write `#}` where it ends");
    }
    let tag = tags.iter().find(|tag| tag.whole.contains(&place.start));
    let unknown = detail.strip_prefix("unknown statement ").map(|rest| rest.split(',').next().unwrap_or(rest));
    let structural = detail.starts_with("unexpected end of input") || unknown.is_some_and(is_structure);
    if let Some(told) = structure(text, &tags).filter(|_| structural) {
        return told;
    }
    if let Some(word) = unknown {
        return unknown_statement(tag.map_or(place, |tag| tag.whole.clone()), word);
    }
    let inside = tag.map_or(0..text.len(), |tag| tag.inside.clone());
    let mut mark = place;
    if let Some(at) = stranger(text, mark.start..inside.end).filter(|_| detail.starts_with("unexpected")) {
        // The engine looks a word ahead, and may have given up before it.
        mark = at..at + text[at..].chars().next().map_or(0, char::len_utf8);
    }
    let at = Place { text, inside, statement: tag.is_some_and(|tag| tag.statement), tagged: tag.is_some(), mark };
    at.token(detail)
        .unwrap_or_else(|| Told::alone(at.mark.clone(), format!("the template has a syntax error: {detail}")))
}

/// The first character that is in no expression.
fn stranger(text: &str, range: Range<usize>) -> Option<usize> {
    let known = |c: char| is_name(c) || c.is_whitespace() || "\"'+-*/%.,:~|=<>()[]{}".contains(c);
    let strange = |(at, c): &(usize, char)| !known(*c) && !text[*at..].starts_with("!=");
    (range.start < range.end).then(|| Code::new(text, range).find(strange).map(|(at, _)| at)).flatten()
}

fn is_structure(word: &str) -> bool {
    matches!(word, "else" | "elif") || word.strip_prefix("end").is_some_and(|rest| OPENING.contains(&rest))
}

/// A tag without an end: because of a quote, a bracket, or just so.
fn never_closed(text: &str, tag: &Tag) -> Told {
    let (open, close) = if tag.statement { ("{%", "%}") } else { ("{{", "}}") };
    let start = tag.whole.start..tag.whole.start + 2;
    if let Some(quote) = open_quote(text, tag.inside.clone()) {
        let help = format!("write the closing {} too", &text[quote..=quote]);
        return Told::new(quote..quote + 1, "a quote is opened here and never closed", help);
    }
    if let Some((at, bracket)) = open_bracket(text, tag.inside.clone()) {
        let message = format!("a `{bracket}` is opened here and never closed");
        return Told::new(at..at + 1, message, format!("write `{}` before the `{close}`", closing(bracket)));
    }
    let help = if Code::new(text, tag.inside.clone()).any(|(_, c)| c == '{') {
        format!("it ends with a `{close}` outside of all brackets: every `{{` in it needs its own `}}` before that")
    } else {
        format!("write `{close}` where it ends")
    };
    Told::new(start, format!("this `{open}` is never closed"), help)
}

fn closing(bracket: char) -> char {
    match bracket {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}

fn open_quote(text: &str, range: Range<usize>) -> Option<usize> {
    let mut code = Code::new(text, range.clone());
    let mut after = range.start;
    for (at, c) in code.by_ref() {
        after = at + c.len_utf8();
    }
    // The iteration ends before a quote that nothing closes.
    text[after..range.end].find(['"', '\'']).map(|at| after + at)
}

fn open_bracket(text: &str, range: Range<usize>) -> Option<(usize, char)> {
    let mut open = Vec::new();
    for (at, c) in Code::new(text, range) {
        match c {
            '(' | '[' | '{' => open.push((at, c)),
            // The end of another tag, which the open bracket has swallowed.
            ')' | ']' | '}' if open.last().is_some_and(|(_, bracket)| closing(*bracket) == c) => drop(open.pop()),
            _ => {}
        }
    }
    open.first().copied()
}

/// Which statement has no end, or which end no statement.
fn structure(text: &str, tags: &[Tag]) -> Option<Told> {
    let mut open: Vec<(&str, &Tag)> = Vec::new();
    for tag in tags.iter().filter(|tag| tag.statement) {
        let word = tag.word(text);
        if let Some(opened) = word.strip_prefix("end").filter(|rest| OPENING.contains(rest)) {
            match open.pop() {
                Some((last, _)) if last == opened => {}
                Some((last, place)) => {
                    return Some(Told {
                        beside: Some((place.whole.clone(), "still open here")),
                        ..Told::new(
                            tag.whole.clone(),
                            format!("`{{% {word} %}}` comes while a `{{% {last} %}}` is open"),
                            format!("write `{{% end{last} %}}` first"),
                        )
                    });
                }
                None => {
                    let message =
                        format!("`{{% {word} %}}` closes nothing: there is no `{{% {opened} … %}}` before it");
                    return Some(Told::new(tag.whole.clone(), message, "take it away, or write what it shall close"));
                }
            }
        } else if word == "else" || word == "elif" {
            let fits = open.last().is_some_and(|(last, _)| *last == "if" || *last == "for" && word == "else");
            if !fits {
                let message = format!("`{{% {word} %}}` stands outside of an `{{% if … %}}`");
                return Some(Told::new(tag.whole.clone(), message, "write the `if` that it belongs to before it"));
            }
        } else if OPENING.contains(&word) && opens(text, tag, word) {
            open.push((word, tag));
        }
    }
    let (word, tag) = open.pop()?;
    let message = format!("this `{{% {word} %}}` is never closed");
    if word == "set" {
        let help = "write `{% set x = … %}` to set a value, or `{% endset %}` where the text ends";
        return Some(Told::new(tag.whole.clone(), message, help));
    }
    Some(Told::new(tag.whole.clone(), message, format!("write `{{% end{word} %}}` where it ends")))
}

/// `{% set x = 1 %}` needs no end, `{% set x %}` does.
fn opens(text: &str, tag: &Tag, word: &str) -> bool {
    word != "set" || !Code::new(text, tag.inside.clone()).any(|(_, c)| c == '=')
}

fn unknown_statement(mark: Range<usize>, word: &str) -> Told {
    let message = format!("there is no statement `{{% {word} %}}`");
    let help = match word {
        "break" | "continue" => "choose the items before the loop: `{% for x in list if … %}`, `list[:3]`".to_owned(),
        "elseif" | "elsif" | "elif" => "write `{% elif … %}`".to_owned(),
        "unless" => "write `{% if not … %}`".to_owned(),
        "end" => "say what ends: `{% endif %}`, `{% endfor %}`".to_owned(),
        "trans" | "pluralize" | "endtrans" => "texts are not translated: write the text itself".to_owned(),
        "print" => "write `{{ … }}`".to_owned(),
        "debug" => "nothing prints all variables; `{{ x | to_json }}` prints one".to_owned(),
        "let" | "assign" | "var" => "write `{% set x = … %}`".to_owned(),
        "while" | "foreach" | "each" => "write `{% for x in list %}`".to_owned(),
        "switch" | "case" => "write `{% if … %}`, `{% elif … %}`".to_owned(),
        _ => match nearest(word, OPENING.into_iter().chain(SINGLE)) {
            Some(near) => format!("did you mean `{{% {near} %}}`?"),
            None => format!("to print a value write `{{{{ {word} }}}}`"),
        },
    };
    Told::new(mark, message, help)
}

struct Place<'t> {
    text: &'t str,
    /// The inside of the tag.
    inside: Range<usize>,
    statement: bool,
    /// Whether it is in a tag, and not an expression alone.
    tagged: bool,
    /// What the engine marks.
    mark: Range<usize>,
}

impl Place<'_> {
    /// What the token at the place tells.
    fn token(&self, detail: &str) -> Option<Told> {
        let rest = self.text.get(self.mark.start..).unwrap_or_default();
        let before = self.text.get(self.inside.start..self.mark.start).unwrap_or_default().trim_end();
        let two = |operator: &str| {
            rest.starts_with(operator) || before.ends_with(&operator[..1]) && rest.starts_with(&operator[1..])
        };
        let word_for = |written: &str, word: &str, example: &str| {
            self.told(format!("`{written}` is written as a word here: `{word}`"), example)
        };
        Some(match () {
            () if two("&&") => word_for("&&", "and", "write `a and b`"),
            () if two("||") => word_for("||", "or", "write `a or b`"),
            () if rest.starts_with('!') => word_for("!", "not", "write `not a`, and `!=` for \"is different\""),
            () if rest.starts_with('?') => self.told("there is no `? :` here", "write `a if condition else b`"),
            () if rest.starts_with('$') => self.told("a variable is named without `$`", "write `{{ name }}`"),
            () if rest.starts_with('=') && before.ends_with('=') => self.told("there is no `===`", "write `==`"),
            () if rest.starts_with('=')
                && ["unexpected `=`", "unexpected input"].iter().any(|d| detail.starts_with(d)) =>
            {
                let set = if self.tagged { "; to set a variable, `{% set x = … %}`" } else { "" };
                self.told("`=` sets a value, it does not compare", format!("to compare write `==`{set}"))
            }
            () if rest.starts_with('>') && before.ends_with('<') => self.told("there is no `<>`", "write `!=`"),
            () if two("++") || two("--") => self
                .told("variables are not counted up in place", "write `{{ n + 1 }}`; in a loop there is `loop.index`"),
            () if rest.starts_with(';') => self.told("a `;` means nothing here", "take it away: a tag holds one thing"),
            () if stranger(self.text, self.mark.clone()) == Some(self.mark.start) => {
                let c = rest.chars().next()?;
                self.told(format!("`{c}` means nothing here"), "write text in quotes: `'…'`")
            }
            () => return self.shape(detail, before, rest),
        })
    }

    /// What the shape of the tag tells.
    fn shape(&self, detail: &str, before: &str, rest: &str) -> Option<Told> {
        let inside = self.text.get(self.inside.clone()).unwrap_or_default();
        let at_end = self.mark.start >= self.inside.end || rest.is_empty();
        let word = if self.statement { inside.split_whitespace().next().unwrap_or_default() } else { "" };
        let next: &str = &rest[..rest.find(|c: char| !is_name(c)).unwrap_or(rest.len())];
        if let Some((at, bracket)) = open_bracket(self.text, self.inside.clone()).filter(|_| detail.contains("`}`")) {
            let message = format!("a `{bracket}` is opened here and never closed");
            return Some(Told::new(
                at..at + 1,
                message,
                format!("write the `{}` that belongs to it", closing(bracket)),
            ));
        }
        if detail.starts_with("unexpected `}`") && !self.statement {
            let help = "a tag ends with `}}`, and every `{`, `[` and `(` in it needs its end before that";
            return Some(self.told("a bracket is missing", help));
        }
        if inside.trim().is_empty() {
            return Some(self.told("there is nothing in this tag", "write what it shall print: `{{ name }}`"));
        }
        if word == "else" && next == "if" {
            return Some(self.told("there is no `else if`", "write `{% elif … %}`"));
        }
        if word == "for" && (detail.ends_with("expected in") || detail.contains("expected `in`")) {
            return Some(self.told("a loop needs the word `in`", "write `{% for x in list %}`"));
        }
        if word == "set" && detail.contains("assignment operator") {
            return Some(self.told("`set` needs a `=`", "write `{% set x = … %}`"));
        }
        if word == "macro" && detail.contains("expected `(`") {
            return Some(self.told("a macro's name is followed by brackets", "write `{% macro name() %}`"));
        }
        if before.ends_with('|') {
            let help = "write `x | default('…')`; take the `|` away where there is no filter";
            return Some(self.told("after `|` comes the name of a filter", help));
        }
        if before.ends_with(" is") || before.ends_with(" is not") {
            let help = "write `x is defined`; to compare write `x == y`";
            return Some(self.told("after `is` comes the name of a test", help));
        }
        if !self.tagged && detail.starts_with("unexpected end of input") {
            let last = inside.trim_end().rsplit(char::is_whitespace).next().unwrap_or_default();
            return Some(
                self.told(format!("something is missing after `{last}`"), "write the value that belongs there"),
            );
        }
        if at_end && detail.starts_with("unexpected end of") {
            let last = before.rsplit(char::is_whitespace).next().unwrap_or_default();
            let message = format!("something is missing after `{last}`");
            return Some(self.told(message, "write the value that belongs there"));
        }
        if rest.starts_with('|') {
            return Some(self.told("before a `|` there has to be a value", "write `x | filter`"));
        }
        let wants_end = detail.contains("expected end of") || detail.starts_with("unexpected input after expression");
        if wants_end && !before.is_empty() {
            return Some(self.two_values(before, rest, next));
        }
        None
    }

    /// `{{ a b }}`.
    fn two_values(&self, before: &str, rest: &str, next: &str) -> Told {
        let first = &before[before.rfind(char::is_whitespace).map_or(0, |at| at + 1)..];
        let end = rest.find(|c: char| c.is_whitespace() || "}%".contains(c)).unwrap_or(rest.len());
        let second = &rest[..end];
        if self.statement && next == "then" {
            return self.told("there is no `then`", "write `{% if … %}`");
        }
        let message = format!("something is missing between `{first}` and `{second}`");
        let filter =
            super::names::FILTERS.contains(&next) || near(next, super::names::FILTERS).is_some_and(|near| near == next);
        if filter {
            return self.told(message, format!("a filter stands behind a `|`: `{first} | {second}`"));
        }
        self.told(message, format!("to join two texts write `{first} ~ {second}`; a text stands in quotes: `'…'`"))
    }

    fn told(&self, message: impl Into<String>, help: impl Into<String>) -> Told {
        // Of `||` the engine marks the second half.
        let first = self.text[..self.mark.start].chars().next_back();
        let doubled = self.text[self.mark.clone()].chars().next().filter(|c| "|&+=".contains(*c) && first == Some(*c));
        Told::new(self.mark.start - doubled.map_or(0, char::len_utf8)..self.mark.end, message, help)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::model::SourceFile;
    use crate::render::{Context, Files, Renderer, Search, Site};

    #[test]
    fn mistakes_are_told_in_plain_words_and_marked() {
        let renderer = Renderer::new(Search::default(), &Files::new(), |_| {});
        for (template, message, mark) in [
            ("{% if a %}x", "this `{% if %}` is never closed", "{% if a %}"),
            (
                "{% for x in l %}{% if a %}{% endfor %}",
                "`{% endfor %}` comes while a `{% if %}` is open",
                "{% endfor %}",
            ),
            ("{% endif %}", "`{% endif %}` closes nothing: there is no `{% if … %}` before it", "{% endif %}"),
            ("{% else %}", "`{% else %}` stands outside of an `{% if … %}`", "{% else %}"),
            ("{% set x %}", "this `{% set %}` is never closed", "{% set x %}"),
            ("{% set x 1 %}", "`set` needs a `=`", "1"),
            ("{% raw %}x", "`{% raw %}` is never closed", "{% raw %}x"),
            ("{{ a", "this `{{` is never closed", "{{"),
            ("{{ {'a': 1 }} b", "this `{{` is never closed", "{{"),
            ("{{ [1, 2 }}", "a `[` is opened here and never closed", "["),
            ("{{ \"abc' }}", "a quote is opened here and never closed", "\""),
            ("{{ }}", "there is nothing in this tag", "}}"),
            ("{{ a + }}", "something is missing after `+`", "}}"),
            ("{{ a | }}", "after `|` comes the name of a filter", "}}"),
            ("{{ | upper }}", "before a `|` there has to be a value", "|"),
            ("{{ a b }}", "something is missing between `a` and `b`", "b"),
            ("{{ 'a' == 'b' && c }}", "`&&` is written as a word here: `and`", "&"),
            ("{{ a || b }}", "`||` is written as a word here: `or`", "||"),
            ("{{ a ? b : c }}", "there is no `? :` here", "?"),
            ("{{ a === b }}", "there is no `===`", "=="),
            ("{{ a <> b }}", "there is no `<>`", ">"),
            ("{{ a++ }}", "variables are not counted up in place", "++"),
            ("{{ a; }}", "a `;` means nothing here", ";"),
            ("{{ a@b }}", "`@` means nothing here", "@"),
            ("{{ a is == b }}", "after `is` comes the name of a test", "=="),
            ("{% if a then %}{% endif %}", "there is no `then`", "then"),
            ("{% for x of l %}{% endfor %}", "a loop needs the word `in`", "of"),
            ("{% macro m %}{% endmacro %}", "a macro's name is followed by brackets", "%}"),
            ("{% elsif a %}", "there is no statement `{% elsif %}`", "{% elsif a %}"),
            ("{% incldue 'x' %}", "there is no statement `{% incldue %}`", "{% incldue 'x' %}"),
        ] {
            let source = Arc::new(SourceFile { name: "p.yaml".to_owned(), text: template.to_owned() });
            let site = Site { source, span: 0..template.len() };
            let error = renderer.text(template, &Context::default(), &site).result.expect_err(template);
            assert_eq!(error.message, message, "{template}");
            assert_eq!(&template[error.labels[0].span.clone()], mark, "{template}");
            assert!(error.help.is_some(), "{template}");
        }
    }
}
