//! `ExecStart=` and its kin, and `Environment=`.

use std::collections::BTreeMap;

use super::super::super::words::split_words;
use super::word::{quoted, simplified, written};

/// The letters before a command, each at most once; some exclude others, which is not judged here.
const MARKS: [char; 6] = ['-', '@', ':', '+', '!', '|'];

/// A command: its marks in one order, its path without what means nothing, its words in one quoting. `$` and `%` stay
/// as they are: systemd looks at them after the quotes are gone.
pub(super) fn exec(value: &str) -> Result<String, String> {
    // Several commands in one value, and a `;` that is none: what separates them depends on the quotes.
    if value.contains(';') {
        return Ok(value.to_owned());
    }
    let words = split_words(value).map_err(|error| error.to_string())?;
    let Some((program, arguments)) = words.split_first() else {
        return Err("no command is given".to_owned());
    };
    let path = program.trim_start_matches(MARKS);
    let given = &program[..program.len() - path.len()];
    let marks: String = MARKS.iter().flat_map(|mark| given.chars().filter(move |c| c == mark)).collect();
    if path.is_empty() {
        return Err("no command is given".to_owned());
    }
    if path.contains('/') && !path.starts_with(['/', '%']) {
        return Err(format!("`{path}` is neither an absolute path nor the bare name of a program"));
    }
    if path.ends_with('/') {
        return Err(format!("`{path}` is a directory, not a program"));
    }
    let program = quoted(&format!("{marks}{}", simplified(path)));
    let words = std::iter::once(program).chain(arguments.iter().map(|word| quoted(word)));
    Ok(words.collect::<Vec<_>>().join(" "))
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
        let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(letters) {
            return Err(format!("`{name}` is no name of a variable: letters, digits and _ only"));
        }
        variables.insert(name.to_owned(), content.to_owned());
    }
    let words: Vec<String> = variables.into_iter().map(|(name, content)| format!("{name}={content}")).collect();
    Ok(written(&words))
}

#[cfg(test)]
mod tests {
    use super::super::read;

    #[test]
    fn what_means_the_same_is_spelled_the_same() {
        for (kind, one, other) in [
            ("exec", "/bin/a  b 'c d'", "/bin/a \"b\" \"c d\""),
            ("exec", "-@/bin//a x", "@-/bin/a x"),
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
