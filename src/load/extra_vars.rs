//! Variables of the command line: `-e KEY=VALUE`, `-e @FILE`, `-e '{…}'`.
//!
//! As in Ansible the value of `KEY=VALUE` is text; a file, YAML or JSON, has values with types. Later ones win.

use std::path::Path;
use std::sync::Arc;

use crate::model::{Diagnostic, SourceFile, Vars};

use super::inventory::{Entry, Layer, read_layer};
use super::read_file::read_file;

/// What was given with `-e`.
#[derive(Clone, Debug, Default)]
pub struct ExtraVars {
    /// One for each `-e`, weakest first. What stands on the command line itself has that for a file.
    pub layers: Vec<Arc<Layer>>,
}

/// How the command line is called where a file would be named.
const COMMAND_LINE: &str = "the command line";

impl ExtraVars {
    /// All of them, merged.
    #[must_use]
    pub fn vars(&self) -> Vars {
        let entries = self.layers.iter().flat_map(|layer| &layer.entries);
        entries.map(|entry| (entry.name.clone(), entry.value.clone())).collect()
    }

    /// Adds one; an `Err` without a label is about how `-e` is used.
    pub fn add(&mut self, given: &str) -> Result<(), Vec<Diagnostic>> {
        if let Some(path) = given.strip_prefix('@') {
            let source = read_file(Path::new(path)).map_err(|problem| vec![problem])?;
            let layer = read_layer(&source, format!("-e @{path}"))?;
            self.layers.push(Arc::new(layer));
            return Ok(());
        }
        let source = Arc::new(SourceFile { name: COMMAND_LINE.to_owned(), text: given.to_owned() });
        if given.trim_start().starts_with('{') {
            self.layers.push(Arc::new(read_layer(&source, COMMAND_LINE.to_owned())?));
            return Ok(());
        }
        let Some((key, value)) = given.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            let problem = Diagnostic::error(format!("-e {given}: this sets no variable"));
            return Err(vec![problem.help("write -e KEY=VALUE, or -e @FILE for a file of YAML or JSON")]);
        };
        let entry = Entry { name: key.to_owned(), value: value.into(), key: 0..key.len(), connection: false };
        self.layers.push(Arc::new(Layer { what: COMMAND_LINE.to_owned(), source, entries: vec![entry] }));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::load::brief;

    #[test]
    fn files_have_types_and_the_command_line_has_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| format!("@{}", folder.path().join(name).display());
        std::fs::write(folder.path().join("v.yaml"), "a: 1\nb: yes\nc: [x]\nd: {e: 010}\n").unwrap();
        std::fs::write(folder.path().join("v.json"), "{\"b\": 2, \"n\": null}").unwrap();
        std::fs::write(folder.path().join("empty"), "# nothing\n").unwrap();
        let mut extra = ExtraVars::default();
        for given in [&path("v.yaml"), &path("v.json"), &path("empty"), "a=x=1 y", "f={}", r#"{"g": [1]}"#] {
            extra.add(given).unwrap();
        }
        let expected = json!({"a": "x=1 y", "b": 2, "c": ["x"], "d": {"e": 8}, "n": null, "f": "{}", "g": [1]});
        assert_eq!(json!(extra.vars()), expected);
        assert_eq!(extra.layers[0].entries[1].name, "b");
        assert_eq!(extra.layers[3].what, "the command line");
    }

    #[test]
    fn what_is_wrong_in_a_file_is_told_at_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v.yaml");
        let said = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let problems = ExtraVars::default().add(&format!("@{}", path.display())).unwrap_err();
            let text: String = problems.iter().map(brief).collect();
            text.replace(&path.display().to_string(), "v.yaml")
        };
        assert!(
            said("a: 1\na: 2\n").starts_with("v.yaml:2:1: error: the key `a` is written twice"),
            "{}",
            said("a: 1\na: 2\n")
        );
        assert!(said("- a\n").starts_with("v.yaml:1:1: error: variables are a mapping, but this is a list"));
        assert!(
            said("a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n")
                .starts_with("v.yaml:1:4: error: this value is encrypted")
        );
        assert!(said("a: 1\n---\nb: 2\n").starts_with("v.yaml:3:1: error: a file of variables is one YAML document"));
        for odd in ["a", "=1", ""] {
            let problem = ExtraVars::default().add(odd).unwrap_err().remove(0);
            assert!(problem.message.ends_with("this sets no variable"), "{}", problem.message);
        }
        assert!(ExtraVars::default().add("@/no/such").unwrap_err()[0].message.ends_with("there is no such file"));
    }
}
