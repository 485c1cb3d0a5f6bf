//! `@file` in selectors: one selector on each line, as in Ansible's `--limit @file`.
//!
//! Blank lines and lines that begin with `#` say nothing. The lines are parts of the whole selector: a line `!db3` takes
//! `db3` out of it. Behind `&` or `!` the file is taken as a whole. An empty file is an error: to Ansible it means all hosts.

use std::path::Path;
use std::sync::Arc;

use crate::load::read_file::read_file;
use crate::model::SourceFile;

use super::{Part, Role, Selector, SelectorError, What, split};

impl Selector {
    /// Whether it names files that are still to be read.
    #[must_use]
    pub fn names_files(&self) -> bool {
        self.parts.iter().any(|part| matches!(part.what, What::File(_)))
    }

    /// Reads the files that it names; relative paths begin at a folder.
    pub fn read_files(self, folder: &Path) -> Result<Self, SelectorError> {
        self.with_files(|path| {
            read_file(&folder.join(path)).map_err(|problem| {
                let help =
                    problem.help.unwrap_or_else(|| "`@FILE` names a file with one selector on each line".to_owned());
                let at = problem.labels.first().map(|label| (Arc::clone(&label.source), label.span.clone()));
                SelectorError { message: problem.message, help, at }
            })
        })
    }

    fn with_files(self, read: impl Fn(&str) -> Result<Arc<SourceFile>, SelectorError>) -> Result<Self, SelectorError> {
        let mut parts = Vec::new();
        for part in self.parts {
            let What::File(path) = &part.what else {
                parts.push(part);
                continue;
            };
            let lines = lines(&read(path)?)?;
            if part.role == Role::Union {
                parts.extend(lines);
            } else {
                parts.push(Part { what: What::Listed(Selector { parts: lines }), ..part });
            }
        }
        Ok(Self { parts })
    }
}

fn lines(source: &Arc<SourceFile>) -> Result<Vec<Part>, SelectorError> {
    let mut parts = Vec::new();
    let mut offset = 0;
    for line in source.text.split_inclusive('\n') {
        let begin = offset + (line.len() - line.trim_start().len());
        offset += line.len();
        let text = line.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let at = (Arc::clone(source), begin..begin + text.len());
        for word in split(text) {
            let part = Part::parse(word).map_err(|error| error.in_file(Some(&at)))?;
            if let What::File(path) = &part.what {
                let error =
                    SelectorError::new(format!("`@{path}`: a file of hosts names another one"), "write its hosts here");
                return Err(error.in_file(Some(&at)));
            }
            parts.push(Part { at: Some(at.clone()), ..part });
        }
    }
    if parts.iter().all(|part| part.role != Role::Union) {
        let message = format!("`{}` names no host", source.name);
        return Err(SelectorError::new(message, "write one host, group or selector on each line"));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::parse_inventory;
    use crate::model::HostName;

    fn select(selector: &str, file: &str) -> String {
        let text = "all: {hosts: {'web[1:4]': , db1: , db2: }, children: {db: {hosts: {db1: , db2: }}}}\n";
        let source = |name: &str, text: &str| Arc::new(SourceFile { name: name.into(), text: text.into() });
        let inventory = parse_inventory(&[source("i.yaml", text)]).unwrap().0;
        let read = |_: &str| Ok(source("retry", file));
        let selected = Selector::parse(selector)
            .and_then(|parsed| parsed.with_files(read))
            .and_then(|parsed| parsed.select(&inventory));
        match selected {
            Ok(hosts) => hosts.iter().map(HostName::as_str).collect::<Vec<_>>().join(" "),
            Err(error) => crate::load::brief(&error.alone()),
        }
    }

    #[test]
    fn every_line_of_a_file_is_a_part() {
        assert_eq!(select("@retry", "web1\n\n# a comment\n  web3  \r\n"), "web1 web3");
        assert_eq!(select("@retry", "db\n!db2\n"), "db1");
        assert_eq!(select("web1,@retry", "db\nweb2,web3\n"), "db1 db2 web1 web2 web3");
        assert_eq!(select("web*:!@retry", "web1\nweb2\n"), "web3 web4");
        assert_eq!(select("all:&@retry", "web1\ndb\n!db2\n"), "db1 web1");
    }

    #[test]
    fn what_is_wrong_in_a_file_is_told_at_its_line() {
        let first = |selector: &str, file: &str| select(selector, file).lines().next().unwrap().to_owned();
        assert_eq!(first("@retry", "web1\n wbe2\n"), "retry:2:2: error: no host and no group is named `wbe2`");
        assert_eq!(first("all:!@retry", "web1\nweb 2\n"), "retry:2:1: error: `web 2` is not a selector");
        assert_eq!(first("@retry", "@other\n"), "retry:1:1: error: `@other`: a file of hosts names another one");
        assert_eq!(first("@retry", "# none\n"), "error: `retry` names no host");
        assert_eq!(first("@retry", "!web1\n"), "error: `retry` names no host");
        assert_eq!(first("@", ""), "error: `@` names no file");
    }

    #[test]
    fn a_file_is_looked_for_in_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("hosts"), "web1\n").unwrap();
        let parsed = Selector::parse("@hosts").unwrap();
        assert!(parsed.names_files());
        assert!(!parsed.clone().read_files(folder.path()).unwrap().names_files());
        let missing = Selector::parse("@no").unwrap().read_files(folder.path()).unwrap_err();
        assert!(missing.message.ends_with("there is no such file"), "{missing}");
    }
}
