//! A unit as systemd reads it: the fragment, then its drop-ins, as one list of settings.
//!
//! Values stay raw. What an empty assignment takes back is resolved by [`Effective::values`]; which value of a
//! setting is the last *valid* one, and which values mean the same, the catalogue of directives knows.

use super::parse::UnitFile;
use super::reset::{list_of, resets};
use super::words::{Backslash, split};

/// All settings of a unit, in the order in which systemd applies them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effective {
    settings: Vec<Setting>,
}

/// One assignment and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are their names")]
pub struct Setting {
    pub section: String,
    pub key: String,
    pub value: String,
    pub source: Source,
    /// In that file, from 1.
    pub line: usize,
}

/// Which of a unit's files a setting stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The unit's own file.
    Fragment,
    /// The drop-in with this index, in the order given.
    DropIn(usize),
}

impl Effective {
    /// Reads a unit's files as systemd does; drop-ins in the order in which they apply.
    #[must_use]
    pub fn merge(fragment: Option<&str>, drop_ins: &[&str]) -> Self {
        let drop_ins = drop_ins.iter().enumerate().map(|(at, text)| (Source::DropIn(at), *text));
        let files = fragment.map(|text| (Source::Fragment, text)).into_iter().chain(drop_ins);
        let mut settings = Vec::new();
        for (source, text) in files {
            settings.extend(UnitFile::parse(text).assignments().map(|found| Setting {
                section: found.section.to_owned(),
                key: found.key.to_owned(),
                value: found.value.to_owned(),
                source,
                line: found.line,
            }));
        }
        Self { settings }
    }

    /// Every assignment, in order, resets and `X-` keys included.
    #[must_use]
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// Whether any assignment stands in the section.
    #[must_use]
    pub fn has_section(&self, section: &str) -> bool {
        self.settings.iter().any(|setting| setting.section == section)
    }

    /// The values of a list setting that are left after resets; for any other setting the last of them counts.
    #[must_use]
    pub fn values(&self, section: &str, key: &str) -> Vec<&str> {
        let list = list_of(section, key);
        let mut values = Vec::new();
        for setting in self.settings.iter().filter(|setting| setting.section == section) {
            if setting.value.is_empty() {
                if list_of(section, &setting.key) == list && resets(section, key) {
                    values.clear();
                }
            } else if setting.key == key {
                values.push(setting.value.as_str());
            }
        }
        values
    }

    /// The value of a setting that holds one; `None` if it is not set, or was set back to its default.
    #[must_use]
    pub fn last(&self, section: &str, key: &str) -> Option<&str> {
        self.values(section, key).last().copied()
    }

    /// The value of a boolean setting. systemd ignores what is no boolean, the empty assignment too: what was
    /// said before stays.
    #[must_use]
    pub fn flag(&self, section: &str, key: &str) -> Option<bool> {
        let mut found = self.settings.iter().rev().filter(|setting| setting.section == section && setting.key == key);
        found.find_map(|setting| boolean(&setting.value))
    }

    /// The words of a list setting such as `Environment=`, C escapes replaced. Of a value that is broken in the
    /// middle, the words before.
    #[must_use]
    pub fn words(&self, section: &str, key: &str) -> Vec<String> {
        self.split(section, key, Backslash::Unescape)
    }

    /// The words of a setting that lists names, such as `After=` or `WantedBy=`: backslashes are part of them.
    #[must_use]
    pub fn names(&self, section: &str, key: &str) -> Vec<String> {
        self.split(section, key, Backslash::Keep)
    }

    fn split(&self, section: &str, key: &str, backslash: Backslash) -> Vec<String> {
        self.values(section, key).into_iter().flat_map(|value| split(value, backslash).0).collect()
    }
}

/// systemd's booleans, in any case.
fn boolean(word: &str) -> Option<bool> {
    let word = word.to_ascii_lowercase();
    match word.as_str() {
        "1" | "yes" | "y" | "true" | "t" | "on" => Some(true),
        "0" | "no" | "n" | "false" | "f" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(fragment: &str) -> Effective {
        Effective::merge(Some(fragment), &[])
    }

    #[test]
    fn drop_ins_add_and_reset() {
        let effective = Effective::merge(
            Some("[Service]\nExecStart=/bin/a\nEnvironment=A=1 'B=x y'\nNice=5\n[Unit]\nAfter=a.service\n"),
            &[
                "[Service]\nEnvironment=C=3\n[Unit]\nAfter=\n",
                "[Service]\nExecStart=\nExecStart=/bin/b\nNice=\n[Unit]\nAfter=b.service\n",
            ],
        );
        assert_eq!(effective.values("Service", "ExecStart"), ["/bin/b"]);
        assert_eq!(effective.words("Service", "Environment"), ["A=1", "B=x y", "C=3"]);
        assert_eq!(effective.last("Service", "Nice"), None);
        assert_eq!(effective.last("Service", "ExecStart"), Some("/bin/b"));
        // Dependencies cannot be taken back.
        assert_eq!(effective.names("Unit", "After"), ["a.service", "b.service"]);
        assert!(effective.has_section("Unit") && !effective.has_section("Install"));
        let last = effective.settings().last().unwrap();
        assert_eq!((last.value.as_str(), last.source, last.line), ("b.service", Source::DropIn(1), 6));
    }

    #[test]
    fn a_broken_header_ends_its_own_file_only() {
        let effective = Effective::merge(Some("[S]\nA=1\n[S\nA=2\n"), &["A=0\n[S]\nA=3\n"]);
        assert_eq!(effective.values("S", "A"), ["1", "3"]);
    }

    #[test]
    fn lists_with_several_keys_are_emptied_together() {
        let socket = unit("[Socket]\nListenStream=1\nBacklog=2\nListenDatagram=\nListenStream=3\n");
        assert_eq!(socket.values("Socket", "ListenStream"), ["3"]);
        let timer = unit("[Timer]\nOnCalendar=daily\nOnBootSec=\nOnBootSec=5\nUnit=\n");
        assert!(timer.values("Timer", "OnCalendar").is_empty());
        assert_eq!(timer.values("Timer", "OnBootSec"), ["5"]);
        let conditions = unit("[Unit]\nConditionPathExists=/a\nConditionHost=\nAssertPathExists=/b\n");
        assert!(conditions.values("Unit", "ConditionPathExists").is_empty());
        assert_eq!(conditions.values("Unit", "AssertPathExists"), ["/b"]);
    }

    #[test]
    fn flags_are_the_last_valid_boolean() {
        for (text, flag) in [
            ("F=yes", Some(true)),
            ("F=On", Some(true)),
            ("F=1\nF=off", Some(false)),
            ("F=yes\nF=maybe", Some(true)),
            ("F=yes\nF=", Some(true)),
            ("F=n", Some(false)),
            ("F=", None),
            ("G=yes", None),
        ] {
            assert_eq!(unit(&format!("[Service]\n{text}\n")).flag("Service", "F"), flag, "{text}");
        }
    }
}
