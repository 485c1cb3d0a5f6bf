//! Inventories in INI, Ansible's first dialect: `[group]`, `[group:children]`, `[group:vars]`.
//!
//! What stands before the first section are hosts of no group. A group that has variables or is a child must be declared
//! somewhere; unlike in Ansible that may be a later file.

use std::ops::Range;
use std::sync::Arc;

use crate::load::allowed::{Notes, closest, in_order};
use crate::model::SourceFile;

use super::draft::{Draft, Mention, is_group_name};
use super::host_line::{Unclosed, Word, split};
use super::literal::literal;
use super::setting::Setting;

const SECTIONS: &str = "a section is `[group]`, `[group:children]` or `[group:vars]`";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Hosts,
    Children,
    Vars,
    /// One that could not be read; its lines are not looked at.
    Unknown,
}

/// A line without the blanks around it, and where it begins.
struct Line<'t> {
    text: &'t str,
    at: usize,
}

impl Line<'_> {
    fn span(&self) -> Range<usize> {
        self.at..self.at + self.text.len()
    }

    fn part(&self, from: usize, to: usize) -> Range<usize> {
        self.at + from..self.at + to
    }
}

impl Draft {
    /// Adds a file in INI.
    pub(super) fn read_ini(&mut self, source: &Arc<SourceFile>) {
        let mut notes = Notes::new(source);
        let mut group = "ungrouped".to_owned();
        let mut section = Section::Hosts;
        let mut vars: Vec<Setting> = Vec::new();
        for line in lines(&source.text) {
            if line.text.starts_with('[') && !is_host_in_brackets(line.text) {
                self.say_of_group(&group, std::mem::take(&mut vars), &mut notes);
                (group, section) = match self.section(&line, &mut notes) {
                    Some((name, section)) => (name, section),
                    None => (group, Section::Unknown),
                };
                continue;
            }
            match section {
                Section::Hosts => self.host(&group, &line, &mut notes),
                Section::Children => self.child(&group, &line, &mut notes),
                Section::Vars => variable(&line, &mut vars, &mut notes),
                Section::Unknown => {}
            }
        }
        self.say_of_group(&group, vars, &mut notes);
        in_order(&mut notes.list);
        self.problems.append(&mut notes.list);
    }

    fn section(&mut self, line: &Line<'_>, notes: &mut Notes<'_>) -> Option<(String, Section)> {
        let Some((inner, behind)) = line.text[1..].split_once(']') else {
            notes.error(line.span(), "this section is never closed", format!("{SECTIONS}, with a `]` at its end"));
            return None;
        };
        let behind = behind.trim();
        if !behind.is_empty() && !behind.starts_with('#') {
            let message = format!("`{}` stands behind the section's name", behind.escape_debug());
            notes.error(line.span(), message, "put it on a line of its own");
            return None;
        }
        let (name, kind) = inner.split_once(':').map_or((inner, None), |(name, kind)| (name, Some(kind)));
        let name_span = line.part(1, 1 + name.len());
        if inner.contains(char::is_whitespace) {
            let message = format!("the section `[{inner}]` holds a blank");
            let help = format!("write it without: `[{}]`", inner.split_whitespace().collect::<String>());
            notes.error(line.part(1, 1 + inner.len()), message, help);
            return None;
        }
        let section = match kind {
            None | Some("hosts") => Section::Hosts,
            Some("children") => Section::Children,
            Some("vars") => Section::Vars,
            Some(kind) => {
                let near = closest(kind, ["vars", "children", "hosts"]);
                let help = match near.or(kind.starts_with("child").then_some("children")) {
                    Some(meant) => format!("did you mean `[{name}:{meant}]`?"),
                    None => SECTIONS.to_owned(),
                };
                let span = line.part(2 + name.len(), 1 + inner.len());
                notes.error(span, format!("`{kind}` is no kind of section"), help);
                return None;
            }
        };
        if section == Section::Vars && is_group_name(name) {
            self.mention(name, Mention::Vars, name_span, notes);
        } else if !self.declare(name, name_span, notes) {
            return None;
        }
        Some((name.to_owned(), section))
    }

    fn host(&mut self, group: &str, line: &Line<'_>, notes: &mut Notes<'_>) {
        let words = match split(line.text, line.at) {
            Ok(words) => words,
            Err(Unclosed::Quote(at)) => {
                notes.error(
                    at..at + 1,
                    "this quote is never closed",
                    "end the value with the same quote, on the same line",
                );
                return;
            }
            Err(Unclosed::Backslash(at)) => {
                notes.error(
                    at..at + 1,
                    "a backslash ends this line",
                    "a host stands on one line; write `\\\\` for a backslash",
                );
                return;
            }
        };
        if let Some(at) = words.cut {
            let help = "as in Ansible; put the value in quotes if the `#` belongs to it";
            notes.warning(at..at + 1, "a comment begins here, in the middle of a word", help);
        }
        let Some((name, rest)) = words.words.split_first() else { return };
        let span = name.span(0..name.text.len());
        if name.text.ends_with(':') {
            let message = format!("`{}` ends with a colon", name.text);
            notes.error(
                span,
                message,
                "is this YAML? here a host stands without it, and a colon announces its port: `web1:22`",
            );
            return;
        }
        if name.text.contains('=') && rest.is_empty() {
            let message = format!("`{}` stands where a host's name stands", name.text);
            let help = format!("variables of a group stand below `[{group}:vars]`, those of a host behind its name");
            notes.error(span, message, help);
            return;
        }
        let mut settings: Vec<Setting> = Vec::new();
        for (index, word) in rest.iter().enumerate() {
            match setting(word, rest.get(index + 1)) {
                Ok(setting) => keep(setting, &mut settings, notes),
                Err((message, help)) => {
                    notes.error(word.span(0..word.text.len()), message, help);
                    return;
                }
            }
        }
        let (hosts, port) = self.expanded(&name.text, &span, notes);
        let said = self.say_of_hosts(&name.text, port, settings, notes);
        self.add_hosts(group, hosts, said.as_ref());
    }

    fn child(&mut self, parent: &str, line: &Line<'_>, notes: &mut Notes<'_>) {
        let name = line.text.split('#').next().unwrap_or_default().trim_end();
        let span = line.part(0, name.len());
        if let Some(first) = name.split_whitespace().next().filter(|first| *first != name) {
            let message = format!("`{}` is not the name of one group", name.escape_debug());
            let help = if name.contains('=') {
                format!("below `[{parent}:children]` stand groups; hosts with their variables stand below `[{parent}]`")
            } else {
                format!("write one group on each line: `{first}`")
            };
            notes.error(span, message, help);
            return;
        }
        if !is_group_name(name) {
            let message = format!("`{}` cannot name a group", name.escape_debug());
            notes.error(span, message, "use letters, digits, `_`, `-` and `.`");
            return;
        }
        self.mention(name, Mention::Child, span.clone(), notes);
        let at = (Arc::clone(notes.source), span);
        self.group_mut(parent).add_child(name, Some(at));
    }
}

/// The lines that say something.
fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut at = 0;
    let all = text.split_inclusive('\n').map(move |line| {
        let begin = at;
        at += line.len();
        let mark = if begin == 0 && line.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let blank = line[mark..].len() - line[mark..].trim_start().len();
        Line { text: line[mark..].trim(), at: begin + mark + blank }
    });
    all.filter(|line| !line.text.is_empty() && !line.text.starts_with(['#', ';']))
}

/// `[2001:db8::1]:22` is a host with its port, and no section.
fn is_host_in_brackets(line: &str) -> bool {
    line.split_once("]:").is_some_and(|(_, behind)| behind.starts_with(|c: char| c.is_ascii_digit()))
}

/// `key=value` behind a host's name.
fn setting(word: &Word, next: Option<&Word>) -> Result<Setting, (String, String)> {
    let text = word.text.as_str();
    let Some((key, value)) = text.split_once('=') else {
        let message = format!("`{text}` is not `key=value`");
        let help = match next {
            Some(next) if next.text.starts_with('=') => format!("no blanks stand around the `=`: `{text}=…`"),
            _ if text.ends_with(':') => format!("write `{}=…`; `key: value` is YAML", text.trim_end_matches(':')),
            _ => "each host has a line of its own; a value that holds blanks needs quotes: `key=\"a b\"`".to_owned(),
        };
        return Err((message, help));
    };
    if key.is_empty() {
        return Err((format!("`{text}` has no name before its `=`"), "no blanks stand around the `=`".to_owned()));
    }
    let begin = key.len() + 1;
    Ok(Setting {
        name: key.to_owned(),
        value: literal(value),
        text: Some(text_of(value)),
        typed: false,
        key: word.span(0..key.len()),
        span: word.span(begin..text.len()),
    })
}

/// A value as text: where Python's quotes are around it, without them.
fn text_of(value: &str) -> String {
    match literal(value) {
        serde_json::Value::String(text) => text,
        _ => value.trim().to_owned(),
    }
}

/// Of two settings of one name the later one wins, and is said to.
fn keep(setting: Setting, settings: &mut Vec<Setting>, notes: &mut Notes<'_>) {
    if let Some(known) = settings.iter_mut().find(|known| known.name == setting.name) {
        let message = format!("`{}` is set twice, and this value wins", setting.name);
        notes.warning(setting.key.clone(), message, "keep one of them");
        *known = setting;
    } else {
        settings.push(setting);
    }
}

/// A line below `[group:vars]`: everything behind the `=` is the value.
fn variable(line: &Line<'_>, vars: &mut Vec<Setting>, notes: &mut Notes<'_>) {
    let Some((key, value)) = line.text.split_once('=') else {
        let message = format!("`{}` is not `key=value`", line.text.escape_debug());
        let help = match line.text.split_once(": ") {
            Some((key, value)) => format!("write `{key}={}`; `key: value` is YAML", value.trim()),
            None => {
                "a line below `:vars` sets one variable of the group; hosts stand below the section without `:vars`"
                    .to_owned()
            }
        };
        notes.error(line.span(), message, help);
        return;
    };
    let name = key.trim_end();
    if name.is_empty() || name.contains(char::is_whitespace) {
        let message = format!("`{}` is not the name of a variable", name.escape_debug());
        notes.error(line.part(0, key.len().max(1)), message, "one variable stands on each line: `key=value`");
        return;
    }
    let begin = key.len() + 1 + (value.len() - value.trim_start().len());
    let value = value.trim();
    let meant = literal(value);
    if let (serde_json::Value::String(text), Some(at)) = (&meant, value.find(" #"))
        && text == value
    {
        let span = line.part(begin + at + 1, line.text.len());
        let help = "as in Ansible; put the comment on a line of its own";
        notes.warning(span, format!("this is part of the value of `{name}`, and no comment"), help);
    }
    let setting = Setting {
        name: name.to_owned(),
        value: meant,
        text: Some(text_of(value)),
        typed: false,
        key: line.part(0, name.len()),
        span: line.part(begin, line.text.len()),
    };
    keep(setting, vars, notes);
}
