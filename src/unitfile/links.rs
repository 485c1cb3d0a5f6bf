//! One word of `[Install]` → the link that it asks for.

use crate::model::{AbsPath, UnitName};

use super::effective::Effective;

/// Why a unit cannot be enabled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are their names")]
pub enum InstallError {
    /// The specifier stands for something that only the host knows.
    #[error(
        "[Install] {key}={word}: `{specifier}` depends on the host, which is not supported in [Install]: write the name out"
    )]
    HostSpecifier { key: String, word: String, specifier: String },
    /// systemd does not know the specifier here.
    #[error("[Install] {key}={word}: systemd does not replace `{specifier}` in [Install]")]
    UnknownSpecifier { key: String, word: String, specifier: String },
    /// What is left after specifiers is no name of a unit.
    #[error("[Install] {key}={word}: {why}")]
    Name { key: String, word: String, why: String },
    /// A link by that name could not be an alias of the unit.
    #[error("[Install] Alias={word}: `{unit}` cannot be called so: {why}")]
    Alias { word: String, unit: UnitName, why: &'static str },
    /// A template has no instance to link.
    #[error(
        "`{unit}` is a template without DefaultInstance=, and [Install] {key}={word} is not: enable an instance of it"
    )]
    Template { unit: UnitName, key: String, word: String },
}

/// The unit's own name, from which specifiers and links are made.
pub(super) struct Names<'u> {
    unit: &'u UnitName,
    /// Of a template.
    default_instance: Option<String>,
}

pub(super) const INSTALL: &str = "Install";

/// Where enabling makes links.
pub(super) fn directory() -> AbsPath {
    AbsPath::parse("/etc/systemd/system").expect("it is a normalised path")
}

impl<'u> Names<'u> {
    pub(super) fn new(unit: &'u UnitName, effective: &Effective) -> Result<Self, InstallError> {
        let mut names = Self { unit, default_instance: None };
        // systemd ignores the setting for anything but a template.
        let value = effective.last(INSTALL, "DefaultInstance").filter(|_| unit.is_template());
        if let Some(word) = value {
            let instance = names.expanded("DefaultInstance", word)?;
            unit.with_instance(&instance).map_err(|error| name_error("DefaultInstance", word, error.to_string()))?;
            names.default_instance = Some(instance).filter(|instance| !instance.is_empty());
        }
        Ok(names)
    }

    /// The link of `WantedBy=` and its kin: in the other unit's directory, by the name of this unit.
    pub(super) fn dependency(&self, key: &str, word: &str, suffix: &str) -> Result<AbsPath, InstallError> {
        let other = self.unit_name(key, word)?;
        let plain = !other.is_template() && other.instance().is_none();
        if self.unit.is_template() && self.default_instance.is_none() && plain {
            return Err(InstallError::Template { unit: self.unit.clone(), key: key.to_owned(), word: word.to_owned() });
        }
        Ok(directory().join(&format!("{other}.{suffix}")).join(&self.full_name()))
    }

    /// The link of `Alias=`: another name beside the unit's own, or an old-style `NAME.wants/UNIT`.
    pub(super) fn alias(&self, word: &str) -> Result<AbsPath, InstallError> {
        let refuse = |why| Err(InstallError::Alias { word: word.to_owned(), unit: self.unit.clone(), why });
        let text = self.expanded("Alias", word)?;
        if let Some((dir, name)) = text.rsplit_once('/') {
            let of = dir.strip_suffix(".wants").or_else(|| dir.strip_suffix(".requires"));
            let Some(of) = of.filter(|of| UnitName::parse(of).is_ok()) else {
                return refuse("a path has to be `UNIT.wants/NAME` or `UNIT.requires/NAME`");
            };
            let template = UnitName::parse(name).ok().and_then(|name| name.template());
            let ours =
                if self.unit.is_template() { template.as_ref() == Some(self.unit) } else { name == self.unit.as_str() };
            if !ours {
                return refuse("a link in such a directory has to have the unit's own name");
            }
            return Ok(directory().join(&format!("{}{}", of, &dir[of.len()..])).join(name));
        }
        let alias = UnitName::parse(&text).map_err(|error| name_error("Alias", word, error.to_string()))?;
        if alias.kind() != self.unit.kind() {
            return refuse("its suffix is another");
        }
        let name = match (self.unit.instance(), alias.instance()) {
            (None, None) if self.unit.is_template() == alias.is_template() => alias,
            (None, Some(_)) if self.unit.is_template() => alias,
            (Some(ours), Some(its)) if ours == its => alias,
            (Some(ours), None) if alias.is_template() => {
                alias.with_instance(ours).map_err(|error| name_error("Alias", word, error.to_string()))?
            }
            (Some(_), Some(_)) => return refuse("it names another instance"),
            _ => return refuse("of a unit and its alias, both or neither have an `@`"),
        };
        Ok(directory().join(name.as_str()))
    }

    /// The unit that a word names.
    pub(super) fn unit_name(&self, key: &str, word: &str) -> Result<UnitName, InstallError> {
        let text = self.expanded(key, word)?;
        UnitName::parse(&text).map_err(|error| name_error(key, word, error.to_string()))
    }

    /// `%n`: the unit's name, with the default instance where there is one.
    fn full_name(&self) -> String {
        match &self.default_instance {
            Some(instance) => format!("{}@{instance}.{}", self.unit.prefix(), self.unit.kind().suffix()),
            None => self.unit.to_string(),
        }
    }

    fn expanded(&self, key: &str, word: &str) -> Result<String, InstallError> {
        let mut text = String::with_capacity(word.len());
        let mut rest = word.chars();
        while let Some(c) = rest.next() {
            if c != '%' {
                text.push(c);
                continue;
            }
            let letter = rest.next();
            let instance = self.unit.instance().or(self.default_instance.as_deref()).unwrap_or_default();
            if let Some(part) = letter.and_then(|it| of_name(it, self.unit, &self.full_name(), instance)) {
                text.push_str(&part);
                continue;
            }
            let specifier = || format!("%{}", letter.map(String::from).unwrap_or_default());
            let (key, word) = (key.to_owned(), word.to_owned());
            match letter {
                // The system manager's user.
                Some('u' | 'g') => text.push_str("root"),
                Some('U' | 'G') => text.push('0'),
                Some('a' | 'A' | 'b' | 'B' | 'H' | 'l' | 'm' | 'M' | 'o' | 'q' | 'v' | 'w' | 'W') => {
                    return Err(InstallError::HostSpecifier { key, word, specifier: specifier() });
                }
                _ => {
                    return Err(InstallError::UnknownSpecifier { key, word, specifier: specifier() });
                }
            }
        }
        Ok(text)
    }
}

/// What `%` and this letter stand for, if that is a part of the unit's name, or `%` itself.
pub(super) fn of_name(letter: char, unit: &UnitName, full_name: &str, instance: &str) -> Option<String> {
    let part = match letter {
        '%' => "%",
        'n' => full_name,
        'N' => full_name.rsplit_once('.').map_or("", |(stem, _)| stem),
        'p' => unit.prefix(),
        'j' => unit.prefix().rsplit('-').next().unwrap_or_default(),
        'i' => instance,
        _ => return None,
    };
    Some(part.to_owned())
}

fn name_error(key: &str, word: &str, why: String) -> InstallError {
    InstallError::Name { key: key.to_owned(), word: word.to_owned(), why }
}
