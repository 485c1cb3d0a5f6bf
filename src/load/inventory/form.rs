//! Which dialect an inventory is written in.
//!
//! Ansible tries its readers one after the other and keeps quiet about those that fail; here the looks of a file decide,
//! so that a mistake is told in the words of the dialect that was meant.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use crate::model::{Diagnostic, SourceFile};

use super::vault;

/// A dialect of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Yaml,
    Ini,
}

/// Whether a file is run instead of read: it may be executed, and begins as programs do. On some mounts every file is
/// executable, so that alone says nothing.
pub(super) fn is_program(path: &Path) -> bool {
    let executable = std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0);
    let mut begin = Vec::new();
    executable
        && File::open(path).and_then(|file| file.take(256).read_to_end(&mut begin)).is_ok()
        && (begin.starts_with(b"\x7fELF") || is_script(&String::from_utf8_lossy(&begin)))
}

/// Whether a text is a script. `#!/usr/bin/env ansible-inventory` is a way to mark YAML.
fn is_script(text: &str) -> bool {
    text.starts_with("#!") && !text.lines().next().unwrap_or_default().contains("ansible")
}

/// The dialect of a text, by the name of its file and by its first line that says something.
pub(super) fn of_text(source: &Arc<SourceFile>) -> Result<Form, Diagnostic> {
    let (name, text) = (source.name.as_str(), source.text.as_str());
    if let Some(problem) = vault::encrypted_file(source) {
        return Err(problem);
    }
    if let Some(at) = text.find('\0') {
        return Err(Diagnostic::error("a NUL byte stands here").at(source, at..at + 1, ""));
    }
    if is_script(text) {
        let message = format!("`{name}` is a script, and not executable");
        let help = format!("`chmod +x {name}`: it is then asked for its hosts with `--list`");
        return Err(Diagnostic::error(message).at(source, 0..2, "").help(help));
    }
    let end = |ends: &[&str]| {
        let extension = Path::new(name).extension().map(|end| end.to_string_lossy().to_lowercase());
        extension.is_some_and(|extension| ends.contains(&extension.as_str()))
    };
    if end(&["toml"]) {
        let help = format!("convert it: `ansible-inventory -i {name} --list --yaml > inventory.yaml`");
        return Err(Diagnostic::error(format!("`{name}` is TOML, which is not read")).help(help));
    }
    if end(&["ini"]) {
        return Ok(Form::Ini);
    }
    let mut lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    let Some(first) = lines.find(|line| !line.is_empty() && !line.starts_with('#')) else {
        return Ok(Form::Yaml);
    };
    let ini = if end(&["yaml", "yml", "json"]) { looks_like_ini(first) } else { !looks_like_yaml(first) };
    Ok(if ini { Form::Ini } else { Form::Yaml })
}

/// `[web]`, `[web:children]`, or `web1 ansible_host=10.0.0.1`.
fn looks_like_ini(line: &str) -> bool {
    let section = line.strip_prefix('[').and_then(|rest| rest.split(" #").next()?.trim_end().strip_suffix(']'));
    let fine = |c: char| c.is_alphanumeric() || "_-.:".contains(c);
    if let Some(section) = section {
        return !section.is_empty() && section.chars().all(fine);
    }
    line.starts_with(';')
        || !line.starts_with(['{', '-', '"', '\''])
            && line.contains('=')
            && !line.contains(": ")
            && !line.ends_with(':')
}

/// `all:`, `"web": {}`, `---`, `{`. `web1:2222` is a host with its port, and `web1 x="{'a': 1}"` one with a variable.
fn looks_like_yaml(line: &str) -> bool {
    let word = line.split(|c: char| c.is_whitespace() || c == '=').next().unwrap_or_default();
    word == "---"
        || word.ends_with(':')
        || line.starts_with(['{', '%', '?', '&', '!', '"', '\''])
        || line.starts_with("- ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_says_something_decides() {
        let form =
            |name: &str, text: &str| of_text(&Arc::new(SourceFile { name: name.into(), text: text.into() })).unwrap();
        for text in [
            "[web]\n",
            "# x\n\n web1 ansible_host=1\n",
            "mail.example.com\n",
            "web1:2222\n",
            "; c\nweb1\n",
            "[web:vars] # c\n",
            "web1 x=\"{'a': 1}\" # b:\n",
        ] {
            assert_eq!(form("hosts", text), Form::Ini, "{text}");
        }
        for text in ["---\nall:\n", "all:\n", "all: # c\n", "all: {hosts: }\n", "{\"all\": {}}\n", "# nothing\n", ""] {
            assert_eq!(form("hosts", text), Form::Yaml, "{text}");
        }
        assert_eq!(form("hosts.ini", "all:\n"), Form::Ini);
        assert_eq!(form("hosts.yml", "web1 x=1\n"), Form::Ini);
        assert_eq!(form("hosts.yml", "web1\n"), Form::Yaml);
        assert_eq!(form("hosts.yml", "a: x=1\n"), Form::Yaml);
    }
}
