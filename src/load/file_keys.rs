//! `recurse` of directories, `symlink` and `validate` of files.

use super::allowed::{Fields, Notes, found};
use super::leaf;
use super::manifest::{Command, Expr};
use super::node::Node;
use super::words::split_words;

/// `recurse:`. What it gives to all below a directory has to be said.
pub(super) fn recurse(fields: &Fields<'_>, notes: &mut Notes<'_>) -> Option<Expr<bool>> {
    let node = fields.get("recurse")?;
    let recurse = leaf::flag(node, notes)?;
    let said = ["owner", "group"].iter().any(|key| fields.get(key).is_some());
    if recurse == Expr::Literal(true) && !said && fields.get("absent").is_none() {
        let message = "`recurse` gives all below its owner and group, and neither is written here";
        notes.error(node.key_span(), message, "add `owner:` and `group:`, or take `recurse` away");
    }
    Some(recurse)
}

/// Longer than any path that Linux follows.
const TARGET_MAX: usize = 4095;

/// What is wrong with the target of a link at `path`, and what to write.
pub fn check_target(path: &str, target: &str) -> Result<(), (&'static str, &'static str)> {
    if target.is_empty() {
        return Err(("`symlink` is empty", "write where the link points, as a path or relative to the link's folder"));
    }
    if target.chars().any(char::is_control) {
        return Err(("the target of `symlink` holds a control character", "write the path on one line"));
    }
    if target.len() > TARGET_MAX {
        return Err(("the target of `symlink` is too long for a path", "write at most 4095 bytes"));
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    if target == path || target == name {
        return Err(("the link points to itself", "name another file: who follows this one never arrives"));
    }
    Ok(())
}

/// `symlink:`. A link has nothing else of its own.
pub(super) fn symlink(path: &str, fields: &Fields<'_>, notes: &mut Notes<'_>) -> Option<String> {
    const OF_FILES: [&str; 8] = ["template", "content", "source", "vars", "owner", "group", "mode", "validate"];
    let node = fields.get("symlink")?;
    for (key, other) in fields.entries.iter().filter(|(key, _)| OF_FILES.contains(key)) {
        notes.error_pair(
            (other.key_span(), ""),
            (node.key_span(), "a link by this"),
            format!("`{key}` stands beside `symlink`"),
            "a link has a target and no content, owner or mode: take one of the two away",
        );
    }
    let target = leaf::text(node, notes)?;
    if !leaf::is_template(&target)
        && !leaf::is_template(path)
        && let Err((message, help)) = check_target(path, &target)
    {
        notes.error(node.span(), message, help);
        return None;
    }
    Some(target)
}

/// Where the path of the new file goes in the words of `validate`.
const PATH_MARK: &str = "%s";

/// What is wrong with the words of a command that shall look at a new file, and what to write.
pub fn check_command(words: &[String]) -> Result<(), (&'static str, &'static str)> {
    let Some(program) = words.first() else {
        return Err(("`validate` is empty", "write a command, such as `visudo -cf %s`"));
    };
    if words.iter().any(|word| word.chars().any(char::is_control)) {
        return Err(("`validate` holds a control character", "put the command into a script, and name that here"));
    }
    if program.is_empty() {
        return Err(("the first word of `validate` is empty", "write a command, such as `visudo -cf %s`"));
    }
    if program.contains('/') && !program.starts_with('/') && !program.starts_with(PATH_MARK) {
        return Err((
            "`validate` names its program by a relative path, and there is no folder to begin in",
            "write the full path on the host, or only the program's name",
        ));
    }
    if !words.iter().any(|word| word.contains(PATH_MARK)) {
        return Err((
            "`validate` does not say where the path of the new file goes",
            "write `%s` in that place, such as `visudo -cf %s`",
        ));
    }
    Ok(())
}

/// `validate:`, one text or a list of words.
pub(super) fn validate(fields: &Fields<'_>, notes: &mut Notes<'_>) -> Option<Command> {
    let node = fields.get("validate")?;
    let (command, words) = match node.items() {
        None if node.value().is_string() => {
            let text = leaf::text(node, notes)?;
            let words = split_words(&text);
            if words.is_none() && !leaf::is_template(&text) {
                notes.error(node.span(), "a quote in `validate` is never closed", "close it, or write a list of words");
                return None;
            }
            (Command::Text(text.clone()), words.filter(|_| !leaf::is_template(&text)))
        }
        None => {
            let message = format!("`validate` is a command, but {}", found(node));
            notes.error(node.span(), message, "write one text, such as `visudo -cf %s`, or a list of words");
            return None;
        }
        Some(items) => {
            let words = items.into_iter().map(|item| word(item, notes)).collect::<Option<Vec<String>>>()?;
            let literal = !words.iter().any(|word| leaf::is_template(word));
            (Command::Words(words.clone()), literal.then_some(words))
        }
    };
    if let Some(Err((message, help))) = words.map(|words| check_command(&words)) {
        notes.error(node.span(), message, help);
        return None;
    }
    Some(command)
}

fn word(node: Node<'_>, notes: &mut Notes<'_>) -> Option<String> {
    if let Some(number) = node.text().filter(|_| node.value().is_number()) {
        return Some(number.to_owned());
    }
    leaf::text(node, notes)
}
