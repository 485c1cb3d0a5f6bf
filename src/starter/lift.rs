//! A unit file's text → a template that renders to exactly that text, with what differs between hosts as variables.
//!
//! Lifted is what people give a value of its own per host or environment: who runs it and where, its environment, its
//! ports and times, its limits. Only plain values are: one that holds a quote, a backslash, a brace, `%` or `$` means
//! more than its text, and stays where it is. So does whatever is called a password or the like: a variable would bring
//! it into the playbook in the clear.

use std::ops::Range;

use crate::unitfile::{Item, Line, UnitFile};

/// Directives whose whole value becomes a variable, with the variable's name.
const WHOLE: [(&str, &str, &str); 12] = [
    ("Service", "User", "user"),
    ("Service", "Group", "group"),
    ("Service", "WorkingDirectory", "working_directory"),
    ("Service", "MemoryHigh", "memory_high"),
    ("Service", "MemoryMax", "memory_max"),
    ("Service", "CPUQuota", "cpu_quota"),
    ("Service", "TasksMax", "tasks_max"),
    ("Service", "LimitNOFILE", "limit_nofile"),
    ("Socket", "ListenStream", "listen_stream"),
    ("Socket", "ListenDatagram", "listen_datagram"),
    ("Timer", "OnCalendar", "on_calendar"),
    ("Timer", "RandomizedDelaySec", "randomized_delay"),
];

/// Parts of names whose values are nobody's business.
const SECRET: [&str; 6] = ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "PRIVATE", "API_KEY"];

/// The variables of one manifest, in the order in which they were found.
#[derive(Debug)]
pub(super) struct Variables {
    prefix: String,
    pub(super) known: Vec<(String, String)>,
    /// Names of environment variables that look like secrets.
    pub(super) secrets: Vec<String>,
}

impl Variables {
    /// All of them begin with the service's name: inventories are shared, and `user` and `port` mean something there.
    pub(super) fn new(service: &str) -> Self {
        let mut prefix = identifier(service);
        if !prefix.starts_with(|c: char| c.is_ascii_alphabetic()) {
            prefix.insert_str(0, "unit_");
        }
        Self { prefix, known: Vec::new(), secrets: Vec::new() }
    }

    /// The variable for a value; `None` if it is not plain, or if the name stands for another value already.
    fn take(&mut self, name: &str, value: &str) -> Option<String> {
        let plain = |c: char| c.is_ascii_graphic() && !"{}\"'\\%$".contains(c) || c == ' ';
        if value.is_empty() || value.trim() != value || !value.chars().all(plain) {
            return None;
        }
        let name = format!("{}_{}", self.prefix, identifier(name));
        match self.known.iter().find(|(known, _)| *known == name) {
            Some((_, known)) if known != value => return None,
            Some(_) => {}
            None => self.known.push((name.clone(), value.to_owned())),
        }
        Some(name)
    }
}

fn identifier(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}

/// What a template consists of.
enum Piece<'t> {
    Text(&'t str),
    Variable(String),
}

/// The template of a unit file or drop-in.
pub(super) fn template(file: &UnitFile, variables: &mut Variables) -> String {
    let mut pieces = Vec::new();
    let mut section = "";
    for line in file.lines() {
        match &line.item {
            Item::Section(name) => section = name,
            Item::Assignment { key, value } => {
                if let Some(at) = value_as_written(line, key, value) {
                    pieces.push(Piece::Text(&line.text[..at.start]));
                    lift(section, key, &line.text[at.clone()], variables, &mut pieces);
                    pieces.push(Piece::Text(&line.text[at.end..]));
                    continue;
                }
            }
            _ => {}
        }
        pieces.push(Piece::Text(&line.text));
    }
    written(&pieces)
}

/// Where the value stands, if its text is what it means. A command is looked through on all of its lines.
fn value_as_written(line: &Line, key: &str, value: &str) -> Option<Range<usize>> {
    let behind = line.text.find('=')? + 1;
    if key == "ExecStart" {
        return Some(behind..line.text.len());
    }
    let at = behind + line.text[behind..].find(|c| ![' ', '\t'].contains(&c))?;
    let rest = line.text[at..].strip_prefix(value)?;
    rest.trim_matches([' ', '\t', '\n', '\r']).is_empty().then_some(at..at + value.len())
}

fn lift<'t>(section: &str, key: &str, value: &'t str, variables: &mut Variables, pieces: &mut Vec<Piece<'t>>) {
    let mut found: Vec<(usize, usize, String)> = Vec::new();
    if let Some((.., name)) = WHOLE.iter().find(|(of, known, _)| *of == section && *known == key) {
        found.extend(variables.take(name, value).map(|variable| (0, value.len(), variable)));
    } else if section == "Service" && key == "Environment" {
        for (at, name, content) in assignments(value) {
            if SECRET.iter().any(|word| name.to_ascii_uppercase().contains(word)) || holds_password(content) {
                variables.secrets.push(name.to_owned());
            } else if let Some(variable) = variables.take(name, content) {
                found.push((at, content.len(), variable));
            }
        }
    } else if section == "Service" && key == "ExecStart" {
        found.extend(port(value).and_then(|(at, port)| Some((at, port.len(), variables.take("port", port)?))));
    }
    let mut done = 0;
    for (at, length, variable) in found {
        pieces.push(Piece::Text(&value[done..at]));
        pieces.push(Piece::Variable(variable));
        done = at + length;
    }
    pieces.push(Piece::Text(&value[done..]));
}

/// `NAME=value` words: where the value begins, the name and the value. A word may stand in quotes as a whole; nothing
/// behind a quote of another kind is understood.
fn assignments(value: &str) -> Vec<(usize, &str, &str)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(skipped) = value[at..].find(|c| c != ' ' && c != '\t') {
        at += skipped;
        let quote = value[at..].chars().next().filter(|c| ['"', '\''].contains(c));
        let start = at + quote.map_or(0, char::len_utf8);
        let end = match quote {
            Some(quote) => value[start..].find(quote).map(|length| start + length),
            None => Some(value[start..].find([' ', '\t']).map_or(value.len(), |length| start + length)),
        };
        let Some(end) = end else { return found };
        let word = &value[start..end];
        at = end + quote.map_or(0, char::len_utf8);
        let odd = word.contains(['"', '\'', '\\']) || !(at == value.len() || value[at..].starts_with([' ', '\t']));
        if odd {
            return found;
        }
        if let Some((name, content)) = word.split_once('=').filter(|(name, _)| is_name(name)) {
            found.push((start + name.len() + 1, name, content));
        }
    }
    found
}

/// `postgres://shop:hunter2@db/shop`
fn holds_password(value: &str) -> bool {
    let authority = value.split_once("://").and_then(|(_, rest)| rest.split(['/', '?']).next());
    let before = authority.and_then(|authority| authority.rsplit_once('@'));
    before.is_some_and(|(user, _)| user.split_once(':').is_some_and(|(_, password)| !password.is_empty()))
}

fn is_name(name: &str) -> bool {
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    first && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The number behind `--port`.
fn port(command: &str) -> Option<(usize, &str)> {
    let at = command.find(" --port")? + " --port".len();
    let rest = command[at..].strip_prefix(['=', ' '])?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let ends = rest[digits..].is_empty() || rest[digits..].starts_with(char::is_whitespace);
    ((1..=5).contains(&digits) && ends).then_some((at + 1, &rest[..digits]))
}

/// Text in which the engine must see nothing but the variables. A brace that could begin something with what follows
/// is written as an expression of its own.
fn written(pieces: &[Piece<'_>]) -> String {
    let pieces: Vec<&Piece<'_>> = pieces.iter().filter(|piece| !matches!(piece, Piece::Text(""))).collect();
    let mut template = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        let text = match piece {
            Piece::Text(text) => text,
            Piece::Variable(name) => {
                template.extend(["{{ ", name, " }}"]);
                continue;
            }
        };
        let behind = pieces.get(index + 1).map(|next| match next {
            Piece::Text(next) => next.chars().next().unwrap_or(' '),
            Piece::Variable(_) => '{',
        });
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            let next = rest.peek().copied().or(behind);
            if c == '{' && matches!(next, Some('{' | '%' | '#')) {
                template.push_str(r#"{{ "{" }}"#);
            } else {
                template.push(c);
            }
        }
    }
    template
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lifted(text: &str) -> (String, Vec<(String, String)>, Vec<String>) {
        let mut variables = Variables::new("my-shop");
        let template = template(&UnitFile::parse(text), &mut variables);
        (template, variables.known, variables.secrets)
    }

    #[track_caller]
    fn check(text: &str, expected: &str, variables: &[(&str, &str)]) {
        let (template, known, _) = lifted(text);
        assert_eq!(template, expected);
        let known: Vec<(&str, &str)> = known.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(known, variables);
    }

    #[test]
    fn what_differs_between_hosts_becomes_a_variable() {
        check(
            "[Service]\nUser = shop \nEnvironment=PORT=80 \"NAME=a b\" X=\nExecStart=/bin/x --port 80 --portal=1\n",
            "[Service]\nUser = {{ my_shop_user }} \nEnvironment=PORT={{ my_shop_port }} \"NAME={{ my_shop_name }}\" X=\n\
             ExecStart=/bin/x --port {{ my_shop_port }} --portal=1\n",
            &[("my_shop_user", "shop"), ("my_shop_port", "80"), ("my_shop_name", "a b")],
        );
        check(
            "[Service]\nExecStart=/bin/x \\\n  -v --port=80\n",
            "[Service]\nExecStart=/bin/x \\\n  -v --port={{ my_shop_port }}\n",
            &[("my_shop_port", "80")],
        );
        check(
            "[Socket]\nListenStream=80\nListenStream=81\n",
            "[Socket]\nListenStream={{ my_shop_listen_stream }}\nListenStream=81\n",
            &[("my_shop_listen_stream", "80")],
        );
        check(
            "[Timer]\nOnCalendar=*-*-* 3:00\n",
            "[Timer]\nOnCalendar={{ my_shop_on_calendar }}\n",
            &[("my_shop_on_calendar", "*-*-* 3:00")],
        );
    }

    #[test]
    fn what_means_more_than_its_text_stays() {
        for text in [
            "[Service]\nUser=%i\nWorkingDirectory=\n",
            "[Service]\nEnvironment=A=a\\\n  B=b\n",
            "[Service]\nEnvironment=A=\"x\" 'B=c\n",
            "[Service]\nEnvironment=A=$HOME B='c'd\n",
            "[Unit]\nUser=shop\n",
            "# User=shop\n[Service]\n;User=shop\n",
        ] {
            check(text, text, &[]);
        }
    }

    #[test]
    fn a_password_is_named_and_not_lifted() {
        let text = "[Service]\nEnvironment=DB_PASSWORD=hunter2\n";
        let (template, known, secrets) = lifted(text);
        assert_eq!((template.as_str(), known.len(), secrets), (text, 0, vec!["DB_PASSWORD".to_owned()]));
    }

    #[test]
    fn an_address_with_a_password_is_one_too() {
        let (_, known, secrets) =
            lifted("[Service]\nEnvironment=DB=postgres://shop:hunter2@db/shop CACHE=redis://cache:6379/0 A=x://u@h\n");
        assert_eq!(secrets, ["DB"]);
        let known: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(known, ["my_shop_cache", "my_shop_a"]);
    }

    #[test]
    fn braces_are_written_so_that_they_stay_braces() {
        check(
            "#{{ x }} {% if %} {# y #} {{{\n",
            "#{{ \"{\" }}{ x }} {{ \"{\" }}% if %} {{ \"{\" }}# y #} {{ \"{\" }}{{ \"{\" }}{\n",
            &[],
        );
        check(
            "[Service]\nEnvironment={\nUser=a\n",
            "[Service]\nEnvironment={\nUser={{ my_shop_user }}\n",
            &[("my_shop_user", "a")],
        );
    }
}
