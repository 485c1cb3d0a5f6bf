//! What differs on a host: under each unit what belongs to it, then files and users of their own.
//!
//! All that is said of one path stands together: `~ /etc/web.env  mode 0644 → 0600` and below it the diff.

use std::collections::BTreeSet;
use std::io;

use anstyle::Style;

use super::diff;
use super::page::{GLUE, Line, Page};
use super::wording::{count, names, size};
use crate::model::{AbsPath, Change, ChangeKind, Content, UnitName, UserName};

/// How a thing changes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Added,
    Removed,
    Changed,
}

impl Sign {
    fn of(was: bool, will_be: bool) -> Self {
        match (was, will_be) {
            (false, _) => Self::Added,
            (true, false) => Self::Removed,
            (true, true) => Self::Changed,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Added => "+ ",
            Self::Removed => "- ",
            Self::Changed => "~ ",
        }
    }

    fn style(self, page: &Page<'_>) -> Style {
        match self {
            Self::Added => page.palette.added,
            Self::Removed => page.palette.removed,
            Self::Changed => page.palette.changed,
        }
    }
}

/// Draws the changes of one host. `owners`: say which manifest wants each of them.
pub(super) fn draw(page: &mut Page<'_>, changes: &[Change], owners: bool) -> io::Result<()> {
    let mut seen: Vec<Option<&UnitName>> = Vec::new();
    for change in changes {
        if !seen.contains(&change.unit.as_ref()) {
            seen.push(change.unit.as_ref());
        }
    }
    for unit in seen {
        let of_unit: Vec<&Change> = changes.iter().filter(|change| change.unit.as_ref() == unit).collect();
        let mut title =
            Line::indented(2).with(page.palette.heading, &unit.map_or_else(|| title_of(&of_unit), ToString::to_string));
        if owners {
            let manifests: BTreeSet<&str> = of_unit.iter().map(|change| change.manifest.as_str()).collect();
            let manifests = manifests.into_iter().collect::<Vec<_>>().join(", ");
            title.push(page.palette.faint, &format!("  ({manifests})"));
        }
        page.blank()?;
        page.line(&title)?;
        draw_group(page, &of_unit)?;
    }
    Ok(())
}

/// What things that belong to no unit are.
fn title_of(changes: &[&Change]) -> String {
    let kinds: BTreeSet<&str> = changes
        .iter()
        .map(|change| match &change.kind {
            ChangeKind::User { .. } | ChangeKind::Groups { .. } => "users",
            ChangeKind::Directory { .. } | ChangeKind::OwnersBelow { .. } => "directories",
            ChangeKind::DefaultTarget { .. } => "the default target",
            ChangeKind::Link { .. } => "links",
            _ => "files",
        })
        .collect();
    names(&kinds.into_iter().collect::<Vec<_>>(), 5)
}

fn draw_group(page: &mut Page<'_>, changes: &[&Change]) -> io::Result<()> {
    let mut drawn: BTreeSet<&AbsPath> = BTreeSet::new();
    for change in changes {
        match path_of(&change.kind) {
            None => draw_other(page, &change.kind)?,
            Some(path) if drawn.insert(path) => {
                let same = changes.iter().filter(|other| path_of(&other.kind) == Some(path));
                PathChange::gather(path, same.map(|change| &change.kind)).draw(page)?;
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// The path whose content, mode, owner or existence changes.
fn path_of(kind: &ChangeKind) -> Option<&AbsPath> {
    match kind {
        ChangeKind::File { path, .. }
        | ChangeKind::Mode { path, .. }
        | ChangeKind::Owner { path, .. }
        | ChangeKind::OwnersBelow { path, .. }
        | ChangeKind::Directory { path, .. } => Some(path),
        ChangeKind::Link { .. }
        | ChangeKind::Mask { .. }
        | ChangeKind::State { .. }
        | ChangeKind::Stale { .. }
        | ChangeKind::GoesOn { .. }
        | ChangeKind::User { .. }
        | ChangeKind::Groups { .. }
        | ChangeKind::DefaultTarget { .. }
        | ChangeKind::NotLoaded { .. } => None,
    }
}

/// All that changes about one path.
struct PathChange<'a> {
    path: &'a AbsPath,
    sign: Sign,
    directory: bool,
    attributes: Vec<String>,
    contents: Option<(&'a Content, &'a Content)>,
}

impl<'a> PathChange<'a> {
    fn gather(path: &'a AbsPath, kinds: impl Iterator<Item = &'a ChangeKind>) -> Self {
        let mut all = Self { path, sign: Sign::Changed, directory: false, attributes: Vec::new(), contents: None };
        for kind in kinds {
            match kind {
                ChangeKind::File { from, to, .. } => {
                    all.sign = Sign::of(*from != Content::Absent, *to != Content::Absent);
                    all.contents = Some((from, to));
                }
                ChangeKind::Directory { exists, wanted, .. } => {
                    all.sign = Sign::of(*exists, *wanted);
                    all.directory = true;
                }
                ChangeKind::Mode { from, to, .. } => all.attributes.push(match from {
                    Some(from) => format!("mode {from:04o} → {to:04o}"),
                    None => format!("mode {to:04o}"),
                }),
                ChangeKind::Owner { from, to, .. } => all.attributes.push(match from {
                    Some(from) => format!("owner {from} → {to}"),
                    None => format!("owner {to}"),
                }),
                ChangeKind::OwnersBelow { count: number, more, to, .. } => {
                    let number = *number as usize;
                    let at_least = if *more { "more than " } else { "" };
                    all.attributes
                        .push(format!("owner of {at_least}{} below → {to}", count(number, "thing", "things")));
                }
                _ => {}
            }
        }
        all
    }

    fn draw(&self, page: &mut Page<'_>) -> io::Result<()> {
        let mut text = self.path.to_string();
        if self.directory {
            text.insert_str(0, "directory ");
        }
        let mut notes = self.attributes.clone();
        if let Some((from, to)) = self.contents
            && let Some(note) = opaque_note(from, to)
        {
            notes.push(note);
        }
        if !notes.is_empty() {
            text.push(' ');
            text.push(GLUE);
            text.push_str(&notes.join(", "));
        }
        draw_line(page, self.sign, &text)?;
        match self.contents {
            Some((Content::Absent, Content::Text(text))) if text.is_empty() => {
                page.line(&Line::indented(6).with(page.palette.faint, "(an empty file)"))
            }
            Some((from, to)) if opaque_note(from, to).is_none() => {
                diff::draw(page, &diff::rows(text_of(from), text_of(to)), 6)
            }
            _ => Ok(()),
        }
    }
}

fn text_of(content: &Content) -> &str {
    match content {
        Content::Text(text) => text,
        Content::Absent | Content::Secret | Content::Opaque { .. } => "",
    }
}

/// What is said of contents that cannot be shown as a diff.
fn opaque_note(from: &Content, to: &Content) -> Option<String> {
    let word = |content: &Content| match content {
        Content::Absent => None,
        Content::Secret => Some("secret".to_owned()),
        Content::Text(text) => Some(format!("text of {}", size(text.len() as u64))),
        Content::Opaque { size: bytes, digest } => Some(match digest {
            Some(digest) => format!("{} ({})", size(*bytes), digest.0.get(..8).unwrap_or(&digest.0)),
            None => size(*bytes),
        }),
    };
    match (from, to) {
        (Content::Absent, Content::Secret) | (Content::Secret, Content::Absent) => {
            return Some("secret content".to_owned());
        }
        (_, Content::Secret) => return Some("secret content changes".to_owned()),
        _ => {}
    }
    let opaque = |content: &Content| matches!(content, Content::Secret | Content::Opaque { .. });
    if !opaque(from) && !opaque(to) {
        return None;
    }
    Some(match (word(from), word(to)) {
        (Some(from), Some(to)) => format!("content not shown: {from} → {to}"),
        (Some(only), None) | (None, Some(only)) => format!("content not shown: {only}"),
        (None, None) => return None,
    })
}

fn draw_other(page: &mut Page<'_>, kind: &ChangeKind) -> io::Result<()> {
    let (sign, text) = match kind {
        ChangeKind::Link { path, from, to } => (
            Sign::of(from.is_some(), to.is_some()),
            match (from, to) {
                (None, Some(to)) => format!("link {path} →{GLUE}{to}"),
                (Some(from), None) => format!("link {path} →{GLUE}{from}"),
                (Some(from), Some(to)) => format!("link {path} →{GLUE}{to} (was{GLUE}{from})"),
                (None, None) => format!("link {path}"),
            },
        ),
        ChangeKind::Mask { from, to } => (Sign::of(*from, *to), "mask".to_owned()),
        ChangeKind::State { from, to } => (Sign::Changed, format!("state {from} → {to}")),
        ChangeKind::GoesOn { why } => (Sign::Changed, format!("no restart: {why}")),
        ChangeKind::Stale { why } => (Sign::Changed, format!("runs with older configuration: {why}")),
        ChangeKind::NotLoaded { why } => (Sign::Changed, format!("not loaded as it is on disk: {why}")),
        ChangeKind::User { name, from, to } => (
            Sign::of(from.is_some(), to.is_some()),
            match (from, to) {
                (Some(from), Some(to)) => format!("user {name}  {from} → {to}"),
                (None, Some(only)) | (Some(only), None) if !only.is_empty() => format!("user {name}  {only}"),
                _ => format!("user {name}"),
            },
        ),
        ChangeKind::Groups { name, joined } => {
            let groups: Vec<&str> = joined.iter().map(UserName::as_str).collect();
            (Sign::Changed, format!("user {name}  joins {}", names(&groups, groups.len())))
        }
        ChangeKind::DefaultTarget { from, to } => (
            Sign::of(from.is_some(), true),
            match from {
                Some(from) => format!("default target {from} → {to}"),
                None => format!("default target {to}"),
            },
        ),
        ChangeKind::File { .. }
        | ChangeKind::Mode { .. }
        | ChangeKind::Owner { .. }
        | ChangeKind::OwnersBelow { .. }
        | ChangeKind::Directory { .. } => return Ok(()),
    };
    draw_line(page, sign, &text)
}

fn draw_line(page: &mut Page<'_>, sign: Sign, text: &str) -> io::Result<()> {
    let style = sign.style(page);
    page.hanging(Line::indented(4).with(style, sign.text()), style, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Digest;
    use crate::report::samples::{change, file, path, text as content, unit, user};
    use crate::report::style::Palette;

    fn drawn(kinds: Vec<ChangeKind>) -> String {
        let changes: Vec<Change> = kinds.into_iter().map(|kind| change("a.service", kind)).collect();
        let mut out = Vec::new();
        let mut page = Page::new(&mut out, 100, Palette::default());
        draw(&mut page, &changes, false).unwrap();
        let text = String::from_utf8(out).unwrap();
        text.strip_prefix("\n  a.service\n").unwrap().to_owned()
    }

    #[test]
    fn all_that_is_said_of_a_path_stands_together() {
        let at = "/etc/a.env";
        let kinds = vec![
            file(at, content("a\n"), content("b\n")),
            ChangeKind::State { from: "failed".to_owned(), to: "started".to_owned() },
            ChangeKind::Mode { path: path(at), from: Some(0o644), to: 0o600 },
            ChangeKind::Owner { path: path(at), from: Some("root:root".to_owned()), to: "root:web".to_owned() },
        ];
        assert_eq!(
            drawn(kinds),
            "    ~ /etc/a.env  mode 0644 → 0600, owner root:root → root:web\n      @@ -1 +1 @@\n      -a\n      +b\n    \
             ~ state failed → started\n"
        );
    }

    #[test]
    fn what_cannot_be_shown_is_named_by_size_and_hash() {
        let opaque = |size, digest: Option<&[u8]>| Content::Opaque { size, digest: digest.map(Digest::of) };
        for (from, to, line) in [
            (
                opaque(2_000_000, Some(b"")),
                content("12345"),
                "~ /x  content not shown: 2.0 MB (e3b0c442) → text of 5 bytes",
            ),
            (Content::Absent, opaque(31, None), "+ /x  content not shown: 31 bytes"),
            (opaque(31, None), Content::Absent, "- /x  content not shown: 31 bytes"),
        ] {
            assert_eq!(drawn(vec![file("/x", from, to)]), format!("    {line}\n"));
        }
        assert_eq!(drawn(vec![file("/x", Content::Absent, content(""))]), "    + /x\n      (an empty file)\n");
    }

    #[test]
    fn every_kind_has_its_sign() {
        let link = |from: Option<&str>, to: Option<&str>| ChangeKind::Link {
            path: path("/l"),
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
        };
        let directory = |exists, wanted| ChangeKind::Directory { path: path("/d"), exists, wanted };
        for (kind, line) in [
            (link(None, Some("/t")), "+ link /l → /t"),
            (link(Some("/t"), None), "- link /l → /t"),
            (link(Some("/s"), Some("/t")), "~ link /l → /t (was /s)"),
            (ChangeKind::Mask { from: true, to: false }, "- mask"),
            (
                ChangeKind::Groups { name: user("web"), joined: vec![user("adm"), user("docker"), user("ssl-cert")] },
                "~ user web  joins adm, docker and ssl-cert",
            ),
            (
                ChangeKind::OwnersBelow { path: path("/d"), count: 1, more: false, to: "web:web".to_owned() },
                "~ /d  owner of 1 thing below → web:web",
            ),
            (
                ChangeKind::OwnersBelow { path: path("/d"), count: 100, more: true, to: "web:web".to_owned() },
                "~ /d  owner of more than 100 things below → web:web",
            ),
            (directory(false, true), "+ directory /d"),
            (directory(true, false), "- directory /d"),
            (
                ChangeKind::Stale { why: "its file changed after it was started".to_owned() },
                "~ runs with older configuration: its file changed after it was started",
            ),
            (
                ChangeKind::DefaultTarget { from: None, to: unit("multi-user.target") },
                "+ default target multi-user.target",
            ),
        ] {
            assert_eq!(drawn(vec![kind]), format!("    {line}\n"));
        }
    }
}
