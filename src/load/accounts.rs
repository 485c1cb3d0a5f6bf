//! What a user's entry says of numbers, groups and the home directory.

use std::collections::BTreeSet;

use crate::model::UserName;

use super::allowed::{Fields, Notes, found};
use super::leaf;
use super::manifest::Expr;
use super::node::Node;

/// Why a number cannot be that of a user or group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdError {
    /// It is no decimal number.
    NotANumber,
    /// It is root's.
    Root,
    /// Too large, or one that programs take for "none".
    OutOfRange,
}

/// Reads a uid or gid. 65535 and 4294967295 are what programs read as -1, which is no account.
pub fn parse_id(text: &str) -> Result<u32, IdError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || text.len() > 1 && text.starts_with('0') {
        return Err(IdError::NotANumber);
    }
    match text.parse() {
        Ok(0) => Err(IdError::Root),
        Ok(65_535 | u32::MAX) | Err(_) => Err(IdError::OutOfRange),
        Ok(id) => Ok(id),
    }
}

pub(super) const RANGE_HELP: &str = "the numbers go from 1 to 4294967294, without 65535";

/// `uid`, `gid` and `groups`.
pub(super) struct Ids {
    pub(super) uid: Option<String>,
    pub(super) gid: Option<String>,
    pub(super) groups: Option<Expr<Vec<String>>>,
}

pub(super) fn ids(user: &str, fields: &Fields<'_>, notes: &mut Notes<'_>) -> Ids {
    let uid = fields.get("uid").and_then(|node| uid(node, notes));
    let gid = fields.get("gid").and_then(|node| gid(node, notes));
    let primary = fields.get("gid").filter(|_| gid.as_deref().is_some_and(|gid| parse_id(gid).is_err()));
    let groups = fields.get("groups").and_then(|node| groups(user, primary, node, notes));
    Ids { uid, gid, groups }
}

/// A number's text, as it was written.
fn written(node: Node<'_>) -> Option<&str> {
    node.text().filter(|_| node.value().is_number() || node.value().is_string())
}

fn uid(node: Node<'_>, notes: &mut Notes<'_>) -> Option<String> {
    let text = written(node).unwrap_or_default();
    if leaf::is_template(text) {
        return Some(text.to_owned());
    }
    let (message, help) = match parse_id(text) {
        Ok(_) => return Some(text.to_owned()),
        Err(IdError::NotANumber) => (
            format!("`uid` is a decimal number, but {}", found(node)),
            "write it without quotes and leading zeros, such as 850",
        ),
        Err(IdError::Root) => {
            ("`uid: 0` is root, by whatever name".to_owned(), "leave `uid` out, or give the user a number of its own")
        }
        Err(IdError::OutOfRange) => (format!("`uid: {text}` is no number that a user can have"), RANGE_HELP),
    };
    notes.error(node.span(), message, help);
    None
}

fn gid(node: Node<'_>, notes: &mut Notes<'_>) -> Option<String> {
    let text = written(node).unwrap_or_default();
    let is_name = UserName::parse(text).is_ok() && !text.bytes().all(|byte| byte.is_ascii_digit());
    if leaf::is_template(text) || is_name && node.value().is_string() {
        return Some(text.to_owned());
    }
    let (message, help) = match parse_id(text) {
        Ok(_) => return Some(text.to_owned()),
        Err(IdError::NotANumber) => (
            format!("`gid` is a decimal number or the name of a group, but {}", found(node)),
            "write a number such as 850, or the name of a group that exists",
        ),
        Err(IdError::Root) => ("`gid: 0` is root's group".to_owned(), "if that is meant, write `gid: root`"),
        Err(IdError::OutOfRange) => (format!("`gid: {text}` is no number that a group can have"), RANGE_HELP),
    };
    notes.error(node.span(), message, help);
    None
}

/// `primary`: the node of `gid`, where it is a name.
fn groups(user: &str, primary: Option<Node<'_>>, node: Node<'_>, notes: &mut Notes<'_>) -> Option<Expr<Vec<String>>> {
    if let Some(text) = node.value().as_str().filter(|text| leaf::is_template(text)) {
        return Some(Expr::Template(text.to_owned()));
    }
    let Some(items) = node.items() else {
        let text = node.text().filter(|_| node.value().is_string()).unwrap_or("adm");
        let message = format!("`groups` is a list of groups, but {}", found(node));
        notes.error(node.span(), message, format!("write [{text}]"));
        return None;
    };
    let mut seen = BTreeSet::new();
    for item in &items {
        let Some(name) = item.value().as_str() else {
            let message = format!("`groups` names groups, but {}", found(*item));
            notes.error(item.span(), message, "write the name of the group");
            continue;
        };
        if leaf::is_template(name) {
            continue;
        }
        let primary_name = primary.and_then(|node| node.text()).unwrap_or(user);
        if let Err(error) = UserName::parse(name) {
            notes.error(item.span(), format!("`groups`: {error}"), "write the name of a group, such as `adm`");
        } else if name.bytes().all(|byte| byte.is_ascii_digit()) {
            notes.error(item.span(), format!("`groups`: `{name}` is a number"), "write the name of the group");
        } else if name == primary_name {
            let message = format!("`{name}` is the user's primary group, not one more");
            let help = "take it out of `groups`; `gid` is where a user's primary group is written";
            match primary {
                Some(gid) => notes.error_pair((item.span(), ""), (gid.span(), "by this"), message, help),
                None => notes.error(item.span(), message, help),
            }
        } else if !seen.insert(name) {
            notes.error(item.span(), format!("the group `{name}` is listed twice"), "keep one of them");
        }
    }
    let names = items.iter().filter_map(|item| item.value().as_str()).map(str::to_owned);
    Some(Expr::Literal(names.collect()))
}

pub(super) fn create_home(fields: &Fields<'_>, notes: &mut Notes<'_>) -> Option<Expr<bool>> {
    let node = fields.get("create_home")?;
    let create = leaf::flag(node, notes)?;
    let system = match fields.get("system") {
        None => true,
        Some(system) => system.value().as_bool() == Some(true),
    };
    if create == Expr::Literal(true) && system && fields.get("home").is_none() {
        let message = "`create_home` needs `home`: a system user has none unless it is named";
        let help = "add `home:` with a path, or `system: false` for a home in /home";
        match fields.get("system") {
            Some(system) => {
                notes.error_pair((node.key_span(), ""), (system.key_span(), "a system user"), message, help);
            }
            None => notes.error(node.key_span(), message, help),
        }
    }
    Some(create)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_accounts_are_plain_and_in_range() {
        assert_eq!(parse_id("850"), Ok(850));
        assert_eq!(parse_id("4294967294"), Ok(u32::MAX - 1));
        for (text, error) in [
            ("", IdError::NotANumber),
            ("+1", IdError::NotANumber),
            ("010", IdError::NotANumber),
            ("1_000", IdError::NotANumber),
            ("0", IdError::Root),
            ("65535", IdError::OutOfRange),
            ("4294967295", IdError::OutOfRange),
            ("99999999999", IdError::OutOfRange),
        ] {
            assert_eq!(parse_id(text), Err(error), "{text}");
        }
    }
}
