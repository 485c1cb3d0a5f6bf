//! `--tags`: which entries of the playbooks a run is about, as Ansible chooses tasks.
//!
//! An entry is selected when it has one of the tags that were asked for, or `always`. One with `never` is left out
//! unless one of its tags is asked for by name, also where no `--tags` is given.

use std::collections::BTreeSet;

use super::allowed::closest;
use super::manifest::{Manifest, Playbook};

/// Words that Ansible's `--tags` understands otherwise.
pub(super) const NOT_TAGS: [&str; 3] = ["all", "tagged", "untagged"];

const ALWAYS: &str = "always";
const NEVER: &str = "never";

/// A word that can be a tag.
pub(super) fn is_tag(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphanumeric())
        && text.chars().all(|c| c.is_alphanumeric() || "._-".contains(c))
        && !NOT_TAGS.contains(&text)
}

/// What `--tags` asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagFilter {
    /// Nothing: the run is about everything that is not tagged `never`.
    asked: BTreeSet<String>,
}

impl TagFilter {
    /// Reads the values of the flag, each a tag or several with commas between them, against the tags of the playbooks.
    ///
    /// # Errors
    /// What is wrong, and what to do.
    pub fn parse(given: &[String], playbooks: &[Playbook]) -> Result<Self, (String, String)> {
        let words = given.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|word| !word.is_empty());
        let asked: BTreeSet<String> = words.map(str::to_owned).collect();
        let known: BTreeSet<&str> =
            playbooks.iter().flat_map(|playbook| &playbook.manifests).flat_map(tags_of).collect();
        let list = || known.iter().copied().collect::<Vec<_>>().join(", ");
        if asked.is_empty() && !given.is_empty() {
            return Err(("no tag is given".to_owned(), format!("the playbooks have: {}", list())));
        }
        let unknown =
            asked.iter().find(|tag| ![ALWAYS, NEVER].contains(&tag.as_str()) && !known.contains(tag.as_str()));
        let Some(unknown) = unknown else {
            return Ok(Self { asked });
        };
        let help = match closest(unknown, known.iter().copied()) {
            _ if known.is_empty() => "nothing in the playbooks has `tags:`".to_owned(),
            Some(meant) => format!("did you mean `{meant}`? the playbooks have: {}", list()),
            None => format!("the playbooks have: {}", list()),
        };
        Err((format!("nothing is tagged `{unknown}`"), help))
    }

    /// Whether an entry with these tags, its manifest's included, is selected.
    #[must_use]
    pub fn selects(&self, tags: &BTreeSet<String>) -> bool {
        if self.asked.is_empty() {
            return tags.contains(ALWAYS) || !tags.contains(NEVER);
        }
        tags.contains(ALWAYS) || !tags.is_disjoint(&self.asked)
    }

    /// The tags that were asked for; none where the run is not limited by them.
    pub fn asked(&self) -> impl Iterator<Item = &str> {
        self.asked.iter().map(String::as_str)
    }
}

/// Every tag in a manifest.
fn tags_of(manifest: &Manifest) -> impl Iterator<Item = &str> {
    let users = manifest.users.values().map(|user| &user.selection);
    let directories = manifest.directories.values().map(|directory| &directory.selection);
    let files = manifest.files.values().map(|file| &file.selection);
    let units = manifest.units.values().map(|unit| &unit.selection);
    let all = std::iter::once(&manifest.selection).chain(users).chain(directories).chain(files).chain(units);
    all.flat_map(|selection| selection.tags.iter().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(words: &str) -> BTreeSet<String> {
        words.split_whitespace().map(str::to_owned).collect()
    }

    /// As Ansible's documentation of `always` and `never` has it.
    #[test]
    fn entries_are_selected_as_ansible_selects_tasks() {
        for (asked, tags, selected) in [
            ("", "", true),
            ("", "web", true),
            ("", "always", true),
            ("", "never", false),
            ("", "never debug", false),
            ("web", "", false),
            ("web", "web", true),
            ("web", "db", false),
            ("web db", "db", true),
            ("web", "always", true),
            ("debug", "never debug", true),
            ("never", "never debug", true),
            ("web", "never debug", false),
            ("web", "web never", true),
            ("", "always never", true),
        ] {
            let filter = TagFilter { asked: set(asked) };
            assert_eq!(filter.selects(&set(tags)), selected, "-t `{asked}` and `{tags}`");
        }
    }

    #[test]
    fn a_tag_is_one_plain_word() {
        for word in ["web", "web-tier", "1", "größe", "a.b_c"] {
            assert!(is_tag(word), "{word}");
        }
        for word in ["", "a b", "a,b", "-a", "all", "tagged", "untagged", "{{ a }}", "a/b"] {
            assert!(!is_tag(word), "{word}");
        }
    }
}
