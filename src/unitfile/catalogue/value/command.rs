//! `ExecStart=` and its kin, and `Environment=`.

use std::collections::BTreeMap;

use super::super::super::words::split_words;
use super::word::{quoted, simplified, written};

/// A command: its marks in one order, its words in one quoting. `$` and `%` stay as they are: systemd looks at them
/// after the quotes are gone. The path stays as it is written, because the process is given it as its name.
pub(super) fn exec(value: &str) -> Result<String, String> {
    // Several commands in one value, and a `;` that is none: what separates them depends on the quotes.
    if value.contains(';') {
        return Ok(value.to_owned());
    }
    let words = split_words(value).map_err(|error| error.to_string())?;
    let Some((program, arguments)) = words.split_first() else {
        return Err("no command is given".to_owned());
    };
    let (marks, path) = marks(program);
    if path.is_empty() {
        return Err("no command is given".to_owned());
    }
    if path.contains('/') && !path.starts_with(['/', '%']) {
        return Err(format!("`{path}` is neither an absolute path nor the bare name of a program"));
    }
    if path.ends_with('/') {
        return Err(format!("`{path}` is a directory, not a program"));
    }
    let named = marks.contains('@');
    if named && arguments.is_empty() {
        return Err("after `@` a second word is the name that the process is given".to_owned());
    }
    let path = if named && path.starts_with('/') { simplified(path) } else { path.to_owned() };
    let program = quoted(&format!("{marks}{path}"));
    let words = std::iter::once(program).chain(arguments.iter().map(|word| quoted(word)));
    Ok(words.collect::<Vec<_>>().join(" "))
}

/// The marks before a program, in one order, and the rest: each counts once, and one of `+`, `!` and `!!`.
fn marks(program: &str) -> (String, &str) {
    let mut rest = program;
    let (mut given, mut rights) = (Vec::new(), "");
    loop {
        let mark = rest.chars().next().unwrap_or_default();
        match mark {
            '-' | '@' | ':' | '|' if !given.contains(&mark) => given.push(mark),
            '+' if rights.is_empty() => rights = "+",
            '!' if rights.is_empty() => rights = "!",
            '!' if rights == "!" => rights = "!!",
            _ => break,
        }
        rest = &rest[1..];
    }
    given.sort_unstable();
    (given.into_iter().chain(rights.chars()).collect(), rest)
}

/// Assignments by name, the last of each.
pub(super) fn environment(value: &str) -> Result<String, String> {
    let words = split_words(value).map_err(|error| error.to_string())?;
    let mut variables = BTreeMap::new();
    for word in words {
        let Some((name, content)) = word.split_once('=') else {
            return Err(format!(
                "`{word}` is no assignment: write NAME=value, and quote a value with blanks as a whole"
            ));
        };
        variable(name)?;
        variables.insert(name.to_owned(), content.to_owned());
    }
    let words: Vec<String> = variables.into_iter().map(|(name, content)| format!("{name}={content}")).collect();
    Ok(written(&words))
}

/// The name of an environment variable.
pub(super) fn variable(name: &str) -> Result<(), String> {
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(letters) {
        return Err(format!("`{name}` is no name of a variable: letters, digits and _ only, and no digit first"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::read;

    #[test]
    fn what_means_the_same_is_spelled_the_same() {
        for (kind, one, other) in [
            ("exec", "/bin/a  b 'c d'", "/bin/a \"b\" \"c d\""),
            ("exec", "-@/bin//a x", "@-/bin/a x"),
            ("exec", "-!!/bin/a", "!!-/bin/a"),
            ("exec", "/bin/a \\x41", "/bin/a A"),
            ("exec", "a b", "a \"b\""),
            ("environment", "B=2 A=1", "A=1 \"B=2\""),
            ("environment", "A=1 A=2", "A=2"),
            ("environment", "'A=x y'", "\"A=x y\""),
        ] {
            assert_eq!(read(kind, one), read(kind, other), "{one}");
        }
        for (kind, one, other) in [
            ("exec", "/bin/a b c", "/bin/a 'b c'"),
            ("exec", "/bin/a $A", "/bin/a $$A"),
            ("exec", "/bin/a", "-/bin/a"),
            ("exec", "/bin//a", "/bin/a"),
            ("exec", "!/bin/a", "!!/bin/a"),
            ("environment", "A=1", "A=2"),
            ("environment", "A=\"1\"", "A=1 B=2"),
        ] {
            assert_ne!(read(kind, one), read(kind, other), "{one}");
        }
    }

    #[test]
    fn what_systemd_refuses_is_refused() {
        for (kind, value) in [
            ("exec", "bin/a"),
            ("exec", "./a"),
            ("exec", "--/bin/a"),
            ("exec", "@/bin/a"),
            ("exec", "-"),
            ("exec", "/bin/"),
            ("exec", "/bin/a 'b"),
            ("environment", "A"),
            ("environment", "1A=x"),
            ("environment", "A-B=x"),
        ] {
            assert!(read(kind, value).is_err(), "{kind} {value}");
        }
    }
}
