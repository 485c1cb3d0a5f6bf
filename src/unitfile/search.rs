//! Which files of systemd's unit path make up a unit, and which of them win.
//!
//! Compared with systemd 247, 252 and 257 over random sets of files (plain, dashed, template and timer units in
//! three directories), all of them agreeing: the unit's own file is the one in the strongest directory; an instance falls back to its
//! template only if no directory has a file of its own. Drop-ins apply in the order of their file names alone.
//! Of several with the same name one is used: a strong directory beats a weak one whatever the unit name;
//! within a directory the unit's own `.d` beats its template's, which beats those of shortened names
//! (`foo-.service.d` for `foo-bar.service`); `service.d`, in whatever directory, comes last.
//!
//! Absent: aliases. A unit with several names also has the drop-ins of the others; ask for each name.
//! Shortened names are known since 239, `service.d` since 244.

use std::collections::BTreeSet;

use crate::model::{AbsPath, UnitName};

/// Where a unit's files can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidates {
    /// Unit files, the one that wins first.
    pub fragments: Vec<AbsPath>,
    /// Directories of drop-ins, the one whose file wins over others of the same name first.
    pub drop_in_dirs: Vec<AbsPath>,
}

/// The files that make up a unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// The unit's own file.
    pub fragment: Option<AbsPath>,
    /// In the order in which systemd applies them.
    pub drop_ins: Vec<AbsPath>,
    /// Files of the unit that another one hides, sorted.
    pub shadowed: Vec<AbsPath>,
}

/// Every place where systemd looks for files of the unit; `unit_path` strongest first.
#[must_use]
pub fn candidates(unit: &UnitName, unit_path: &[AbsPath]) -> Candidates {
    let own = [Some(unit.clone()), unit.template()];
    let own = own.iter().flatten();
    let fragments = own.flat_map(|name| unit_path.iter().map(|dir| dir.join(name.as_str()))).collect();

    let mut names = Vec::new();
    add_drop_in_names(unit, &mut names);
    let kind = format!("{}.d", unit.kind().suffix());
    let mut drop_in_dirs: Vec<AbsPath> =
        unit_path.iter().flat_map(|dir| names.iter().map(|name| dir.join(&format!("{name}.d")))).collect();
    drop_in_dirs.extend(unit_path.iter().map(|dir| dir.join(&kind)));
    Candidates { fragments, drop_in_dirs }
}

/// The files of the unit among the existing ones: files and links, of which [`candidates`] names the places.
#[must_use]
pub fn resolve(unit: &UnitName, unit_path: &[AbsPath], existing: &BTreeSet<AbsPath>) -> Files {
    let candidates = candidates(unit, unit_path);
    let mut shadowed = BTreeSet::new();
    let mut fragments = candidates.fragments.into_iter().filter(|path| existing.contains(path));
    let fragment = fragments.next();
    shadowed.extend(fragments);

    let mut drop_ins: Vec<AbsPath> = Vec::new();
    for dir in &candidates.drop_in_dirs {
        for path in drop_ins_in(dir, existing) {
            if drop_ins.iter().any(|stronger| stronger.file_name() == path.file_name()) {
                shadowed.insert(path.clone());
            } else {
                drop_ins.push(path.clone());
            }
        }
    }
    drop_ins.sort_by(|a, b| a.file_name().cmp(b.file_name()));
    Files { fragment, drop_ins, shadowed: shadowed.into_iter().collect() }
}

/// The drop-ins that lie in one directory.
fn drop_ins_in<'e>(dir: &'e AbsPath, existing: &'e BTreeSet<AbsPath>) -> impl Iterator<Item = &'e AbsPath> {
    let inside = existing.range::<AbsPath, _>(dir..).skip_while(move |path| *path == dir);
    // Paths such as `DIR.old` sort between a directory and what is in it.
    let inside = inside.take_while(move |path| path.as_str().starts_with(dir.as_str()));
    let is_drop_in = |name: &str| matches!(name.rsplit_once('.'), Some((stem, "conf")) if !stem.is_empty() && !stem.starts_with('.'));
    inside.filter(move |path| {
        path.as_str()[dir.as_str().len()..]
            .strip_prefix('/')
            .is_some_and(|name| !name.contains('/') && is_drop_in(name))
    })
}

/// The unit names whose drop-ins apply to the unit, the most specific first, without repetition.
fn add_drop_in_names(unit: &UnitName, names: &mut Vec<UnitName>) {
    if names.contains(unit) {
        return;
    }
    names.push(unit.clone());
    if let Some(template) = unit.template() {
        add_drop_in_names(&template, names);
    }
    let Some(prefix) = shortened(unit.prefix()) else {
        return;
    };
    let suffix = unit.kind().suffix();
    // systemd shortens a template to a plain name: `foo-bar@.service` has `foo-.service.d`, not `foo-@.service.d`.
    let name = match unit.instance() {
        Some(instance) => format!("{prefix}@{instance}.{suffix}"),
        None => format!("{prefix}.{suffix}"),
    };
    if let Ok(name) = UnitName::parse(&name) {
        add_drop_in_names(&name, names);
    }
}

/// `a-b-c` → `a-b-`, `a-b-` → `a-`, `a-` → nothing.
fn shortened(prefix: &str) -> Option<&str> {
    let body = prefix.strip_suffix('-').unwrap_or(prefix);
    let dash = body.rfind('-').filter(|dash| *dash > 0)?;
    Some(&prefix[..=dash])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> AbsPath {
        AbsPath::parse(text).unwrap()
    }

    fn resolved(unit: &str, existing: &[&str]) -> Files {
        let unit_path = ["/etc/s", "/run/s", "/usr/s"].map(path);
        let existing = existing.iter().map(|file| path(file)).collect();
        resolve(&UnitName::parse(unit).unwrap(), &unit_path, &existing)
    }

    fn texts(paths: &[AbsPath]) -> Vec<&str> {
        paths.iter().map(AbsPath::as_str).collect()
    }

    #[test]
    fn the_strongest_directory_has_the_fragment() {
        let files = resolved("a.service", &["/usr/s/a.service", "/run/s/a.service", "/etc/s/b.service"]);
        assert_eq!(files.fragment, Some(path("/run/s/a.service")));
        assert_eq!(texts(&files.shadowed), ["/usr/s/a.service"]);
        assert_eq!(resolved("a.service", &["/usr/s/a@.service"]), Files::default());
    }

    #[test]
    fn an_instances_own_file_beats_its_template_in_any_directory() {
        let files = resolved("a@1.service", &["/etc/s/a@.service", "/usr/s/a@1.service"]);
        assert_eq!(files.fragment, Some(path("/usr/s/a@1.service")));
        assert_eq!(texts(&files.shadowed), ["/etc/s/a@.service"]);
        assert_eq!(resolved("a@1.service", &["/usr/s/a@.service"]).fragment, Some(path("/usr/s/a@.service")));
    }

    #[test]
    fn drop_ins_apply_in_the_order_of_their_names_wherever_they_lie() {
        let files = resolved(
            "foo-bar.service",
            &[
                "/etc/s/foo-bar.service.d/50-x.conf",
                "/usr/s/service.d/90-all.conf",
                "/run/s/foo-.service.d/10-team.conf",
                "/etc/s/foo-bar.service.d/Z.conf",
                "/etc/s/foo-bar.service.d/.hidden.conf",
                "/etc/s/foo-bar.service.d/10.conf~",
                "/etc/s/foo-bar.service.d/README",
                "/etc/s/foo-bar.service.d/sub/20.conf",
                "/etc/s/foo-bar.service.d.old/20.conf",
                "/etc/s/foo.service.d/20.conf",
                "/etc/s/foo-bar.timer.d/20.conf",
            ],
        );
        assert_eq!(
            texts(&files.drop_ins),
            [
                "/run/s/foo-.service.d/10-team.conf",
                "/etc/s/foo-bar.service.d/50-x.conf",
                "/usr/s/service.d/90-all.conf",
                "/etc/s/foo-bar.service.d/Z.conf",
            ]
        );
        assert!(files.shadowed.is_empty());
    }

    #[test]
    fn of_drop_ins_with_one_name_the_strongest_is_used() {
        // Each of these hides all that follow it.
        let ranking = [
            "/etc/s/a-b@i.service.d/x.conf",
            "/etc/s/a-b@.service.d/x.conf",
            "/etc/s/a-.service.d/x.conf",
            "/etc/s/a-@i.service.d/x.conf",
            "/etc/s/a-@.service.d/x.conf",
            "/run/s/a-b@i.service.d/x.conf",
            "/run/s/a-@.service.d/x.conf",
            "/usr/s/a-b@i.service.d/x.conf",
            "/etc/s/service.d/x.conf",
            "/usr/s/service.d/x.conf",
        ];
        for at in 0..ranking.len() {
            let files = resolved("a-b@i.service", &ranking[at..]);
            assert_eq!(texts(&files.drop_ins), [ranking[at]]);
            assert_eq!(files.shadowed.len(), ranking.len() - at - 1);
        }
    }

    #[test]
    fn names_are_shortened_at_their_dashes() {
        let names = |unit: &str| {
            let mut names = Vec::new();
            add_drop_in_names(&UnitName::parse(unit).unwrap(), &mut names);
            names.into_iter().map(String::from).collect::<Vec<_>>()
        };
        assert_eq!(names("a.b.service"), ["a.b.service"]);
        assert_eq!(names("a-b-c.timer"), ["a-b-c.timer", "a-b-.timer", "a-.timer"]);
        assert_eq!(names("a--b.timer"), ["a--b.timer", "a--.timer", "a-.timer"]);
        assert_eq!(names("a-.timer"), ["a-.timer"]);
        assert_eq!(names("-.mount"), ["-.mount"]);
        assert_eq!(names("-a.slice"), ["-a.slice"]);
        assert_eq!(
            names("a-b@x-y.service"),
            ["a-b@x-y.service", "a-b@.service", "a-.service", "a-@x-y.service", "a-@.service"]
        );
    }
}
