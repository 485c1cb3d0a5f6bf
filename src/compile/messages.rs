//! What went wrong, each thing once, however many hosts it concerns.

use std::collections::BTreeSet;

use crate::model::{Diagnostic, HostName};

/// Collects messages; those said while a host is compiled remember it.
#[derive(Debug, Default)]
pub(super) struct Messages {
    current: Option<HostName>,
    compiled: usize,
    said: Vec<(Diagnostic, BTreeSet<HostName>)>,
}

impl Messages {
    /// From now on messages concern this host.
    pub(super) fn host(&mut self, host: &HostName) {
        self.current = Some(host.clone());
        self.compiled += 1;
    }

    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        let place = self.said.iter().position(|(known, _)| *known == diagnostic);
        let place = place.unwrap_or_else(|| {
            self.said.push((diagnostic, BTreeSet::new()));
            self.said.len() - 1
        });
        self.said[place].1.extend(self.current.clone());
    }

    pub(super) fn extend(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        for diagnostic in diagnostics {
            self.push(diagnostic);
        }
    }

    /// What concerns no single host, or counts them itself.
    pub(super) fn of_no_host(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        self.said.extend(diagnostics.into_iter().map(|diagnostic| (diagnostic, BTreeSet::new())));
    }

    /// The value, where there is one; its error becomes a message.
    pub(super) fn keep<T>(&mut self, result: Result<T, Diagnostic>) -> Option<T> {
        result.map_err(|diagnostic| self.push(diagnostic)).ok()
    }

    /// The warnings; or everything, if there is an error.
    pub(super) fn finish(self) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
        let wrong = self.said.iter().any(|(diagnostic, _)| diagnostic.is_error());
        let compiled = self.compiled;
        let all = self
            .said
            .into_iter()
            .map(|(mut diagnostic, hosts)| {
                if !hosts.is_empty() && hosts.len() < compiled {
                    diagnostic.message.push_str(&on_hosts(&hosts));
                }
                diagnostic
            })
            .collect();
        if wrong { Err(all) } else { Ok(all) }
    }
}

fn on_hosts(hosts: &BTreeSet<HostName>) -> String {
    const SHOWN: usize = 3;
    let names: Vec<&str> = hosts.iter().take(SHOWN).map(HostName::as_str).collect();
    let more = match hosts.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(" (on {}{more})", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str) -> HostName {
        HostName::parse(name).unwrap()
    }

    #[test]
    fn the_same_mistake_is_told_once_with_the_hosts_that_have_it() {
        let mut messages = Messages::default();
        for name in ["a", "b", "c", "d", "e", "f"] {
            messages.host(&host(name));
            messages.push(Diagnostic::error("everywhere"));
            if name != "c" {
                messages.push(Diagnostic::error("not on c"));
            }
        }
        let said: Vec<String> = messages.finish().unwrap_err().into_iter().map(|d| d.message).collect();
        assert_eq!(said, ["everywhere", "not on c (on a, b, d and 2 more)"]);
    }

    #[test]
    fn warnings_alone_are_no_failure() {
        let mut messages = Messages::default();
        messages.push(Diagnostic::warning("hm"));
        assert_eq!(messages.finish().unwrap().len(), 1);
    }
}
