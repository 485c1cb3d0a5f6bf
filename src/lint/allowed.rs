//! Comments that switch rules off: `# unitfleet: allow RULE, RULE why it is fine`.
//!
//! Above the first section it holds for the whole file, anywhere else for the next directive.

use std::collections::BTreeSet;

use crate::unitfile::{Item, UnitFile};

/// What the comments of one file allow.
#[derive(Debug, Default)]
pub(super) struct Allowed {
    everywhere: BTreeSet<String>,
    /// Rule and the line of the directive.
    at: BTreeSet<(String, usize)>,
}

impl Allowed {
    pub(super) fn read(text: &str) -> Self {
        let mut allowed = Self::default();
        let mut pending: Vec<String> = Vec::new();
        let mut in_section = false;
        for line in UnitFile::parse(text).lines() {
            match &line.item {
                Item::Comment => {
                    let named = named(&line.text);
                    if in_section { pending.extend(named) } else { allowed.everywhere.extend(named) }
                }
                Item::Section(_) => in_section = true,
                Item::Assignment { .. } | Item::Invalid(_) => {
                    allowed.at.extend(pending.drain(..).map(|rule| (rule, line.number)));
                }
                Item::Blank => {}
            }
        }
        allowed
    }

    pub(super) fn covers(&self, rule: &str, line: usize) -> bool {
        self.everywhere.contains(rule) || self.at.contains(&(rule.to_owned(), line))
    }
}

/// The rules that a comment names.
fn named(comment: &str) -> Vec<String> {
    let text = comment.trim().trim_start_matches(['#', ';']).trim_start();
    let Some(rest) = text.strip_prefix("unitfleet: allow ") else { return Vec::new() };
    let mut rules = Vec::new();
    for word in rest.split_whitespace() {
        rules.push(word.trim_end_matches(',').to_owned());
        if !word.ends_with(',') {
            break;
        }
    }
    rules
}
