//! The files that a unit reads when it starts, as far as its settings name them.
//!
//! Specifiers that stand for a part of the unit's own name are replaced here. What the others stand for, and what a
//! wildcard finds, is known only on the host.

use std::collections::BTreeSet;

use crate::model::{AbsPath, UnitName};

use super::Effective;
use super::escape::unescape;
use super::links::of_name;

impl Effective {
    /// Files named by `EnvironmentFile=`, `LoadCredential=` and `LoadCredentialEncrypted=` of this unit. Of a template
    /// those that all its instances read.
    #[must_use]
    pub fn input_files(&self, unit: &UnitName) -> BTreeSet<AbsPath> {
        self.named_inputs().into_iter().filter_map(|named| file(named, unit)).collect()
    }

    /// Names of such files as they are written, where they are more than a path, and the path if it is known here.
    #[must_use]
    pub fn input_patterns(&self, unit: &UnitName) -> Vec<(&str, Option<AbsPath>)> {
        let patterns = self.named_inputs().into_iter().filter(|named| literal_head(named).len() < named.len());
        patterns.map(|named| (named, file(named, unit))).collect()
    }

    fn named_inputs(&self) -> Vec<&str> {
        let environment = self.values("Service", "EnvironmentFile").into_iter().map(|value| {
            let value = value.trim_matches('"');
            value.strip_prefix('-').unwrap_or(value)
        });
        let credentials = ["LoadCredential", "LoadCredentialEncrypted"]
            .into_iter()
            .flat_map(|key| self.values("Service", key))
            .filter_map(|value| value.split_once(':').map(|(_, path)| path));
        environment.chain(credentials).filter(|named| named.starts_with(['/', '%'])).collect()
    }
}

/// What stands before the first specifier or wildcard.
#[must_use]
pub fn literal_head(named: &str) -> &str {
    named.split(['%', '*', '?', '[', '\\']).next().unwrap_or_default()
}

fn file(named: &str, unit: &UnitName) -> Option<AbsPath> {
    // systemd looks for wildcards after the specifiers are replaced, and there a backslash quotes.
    let path = expanded(named, unit).filter(|path| !path.contains(['*', '?', '[', '\\']))?;
    AbsPath::parse(&path).ok()
}

/// `None`: a specifier stands for something that is not in the unit's name.
fn expanded(named: &str, unit: &UnitName) -> Option<String> {
    let mut text = String::with_capacity(named.len());
    let mut rest = named.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        let letter = rest.next()?;
        if unit.is_template() && matches!(letter, 'i' | 'I' | 'n' | 'N') {
            return None;
        }
        let of = |letter| of_name(letter, unit, unit.as_str(), unit.instance().unwrap_or_default());
        text.push_str(&match letter {
            'I' | 'P' | 'J' => unescape(&of(letter.to_ascii_lowercase())?).ok()?,
            letter => of(letter)?,
        });
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(unit: &str, effective: &Effective) -> Vec<String> {
        effective.input_files(&UnitName::parse(unit).unwrap()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn files_read_at_start_are_found_and_guesses_are_not_made() {
        let text = "[Service]\nEnvironmentFile=-/etc/a.env\nEnvironmentFile=%h/x.env\nEnvironmentFile=/etc/*.env\n\
                    LoadCredential=key:/etc/key\nLoadCredential=inherited\n";
        let effective = Effective::merge(Some(text), &[]);
        assert_eq!(files("a.service", &effective), ["/etc/a.env", "/etc/key"]);
        let patterns = effective.input_patterns(&UnitName::parse("a.service").unwrap());
        assert_eq!(patterns, [("%h/x.env", None), ("/etc/*.env", None)]);
        let reset = Effective::merge(Some(text), &["[Service]\nEnvironmentFile=\nLoadCredential=\n"]);
        assert!(files("a.service", &reset).is_empty());
    }

    /// As the table in `systemd.unit(5)` has them.
    #[test]
    fn specifiers_of_the_name_are_replaced() {
        for (unit, named, file) in [
            ("w@a.service", "/etc/w/%i.env", Some("/etc/w/a.env")),
            ("w@a.service", "/etc/%n/%N/%p", Some("/etc/w@a.service/w@a/w")),
            ("w-x@a.service", "/%j/%P/50%%", Some("/x/w/x/50%")),
            ("w@srv-a.service", "/%i/%I", Some("/srv-a/srv/a")),
            (r"w@a\x2db.service", "/%I", Some("/a-b")),
            // systemd takes the backslash for a quote, and opens another file.
            (r"w@a\x2db.service", "/%i", None),
            ("w.service", "/etc/%p%i.env", Some("/etc/w.env")),
            ("w@.service", "/etc/%p/%i.env", None),
            ("w@.service", "/etc/%p.env", Some("/etc/w.env")),
            ("w@a.service", "%E/a.env", None),
            ("w@a.service", "/etc/%i/*.env", None),
            ("w@a.service", "/etc/%", None),
        ] {
            let effective = Effective::merge(Some(&format!("[Service]\nEnvironmentFile={named}\n")), &[]);
            assert_eq!(files(unit, &effective), Vec::from_iter(file), "{unit} {named}");
            let of = AbsPath::parse(file.unwrap_or_default()).ok();
            assert_eq!(effective.input_patterns(&UnitName::parse(unit).unwrap()), [(named, of)], "{unit} {named}");
        }
    }
}
