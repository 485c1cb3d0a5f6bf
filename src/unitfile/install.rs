//! `[Install]` → the links that enabling makes, and which links on a host belong to it.
//!
//! Compared with `systemctl --root=DIR enable` over 700 random units: the same links, and errors for the same units,
//! as systemd 257. 252 and 247 make the links of a partly broken `[Install]` that they understand, and 247 ignores
//! a wrong `Alias=` and a template without an instance; here all of that is an [`InstallError`], as nobody means it.
//! What depends on the host (`%H`, `%m`, …) is refused, because the links have to be known before the host is asked.
//! Absent: what the units in `Also=` link (enable them too), and presets.

use std::collections::BTreeMap;

use crate::model::{AbsPath, UnitKind, UnitName};

use super::effective::Effective;
use super::links::{INSTALL, InstallError, Names, directory};
use super::words::{Backslash, split};

/// What enabling a unit makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Install {
    /// Link → its target.
    pub links: BTreeMap<AbsPath, String>,
    /// Units that are enabled and disabled along with it.
    pub also: Vec<UnitName>,
}

/// Whether enabling the unit does anything: without any of these settings it is "static".
#[must_use]
pub fn has_install(effective: &Effective, systemd_version: u32) -> bool {
    let dependencies = dependencies(systemd_version).map(|(key, _)| key);
    dependencies.chain(["Alias", "Also"]).any(|key| !effective.names(INSTALL, key).is_empty())
}

/// The links that `systemctl enable UNIT` makes for a system unit whose file is `fragment`: for an instance
/// without a file of its own, that of its template.
///
/// `effective` has to be made of the drop-ins that [`carries_install`] names, and of no others.
pub fn install_links(
    unit: &UnitName,
    effective: &Effective,
    fragment: &AbsPath,
    systemd_version: u32,
) -> Result<Install, InstallError> {
    let names = Names::new(unit, effective)?;
    let mut install = Install::default();
    let target = fragment.as_str();
    let mut link = |path: AbsPath| {
        // systemd makes no alias of a unit for its own name; `default.target` see `belongs_to_enablement`.
        if path != directory().join(unit.as_str()) && path != directory().join(DEFAULT_TARGET) {
            install.links.insert(path, target.to_owned());
        }
    };
    if may_have_aliases(unit.kind()) {
        for word in effective.names(INSTALL, "Alias") {
            link(names.alias(&word)?);
        }
    }
    for (key, suffix) in dependencies(systemd_version) {
        for word in effective.names(INSTALL, key) {
            link(names.dependency(key, &word, suffix)?);
        }
    }
    // Unlike the others, Also= knows neither quotes nor resets.
    for value in effective.values(INSTALL, "Also") {
        for word in split(value, Backslash::Drop).0 {
            let other = names.unit_name("Also", &word)?;
            if !install.also.contains(&other) {
                install.also.push(other);
            }
        }
    }
    Ok(install)
}

/// Whether systemd reads `[Install]` from this drop-in of the unit: from the unit's own and its template's, not
/// from those of shortened names and of the whole kind (`foo-.service.d`, `service.d`). Tried on 247, 252 and 257.
#[must_use]
pub fn carries_install(unit: &UnitName, drop_in: &AbsPath) -> bool {
    let dir = drop_in.parent();
    let name = dir.as_ref().and_then(|dir| dir.file_name().strip_suffix(".d"));
    name.is_some_and(|name| name == unit.as_str() || unit.template().is_some_and(|template| name == template.as_str()))
}

/// Whether a link found on a host is part of the unit's being enabled: one in a `.wants`, `.requires` or
/// `.upholds` directory below `/etc/systemd/system` that has the unit's name, or an alias there that points to
/// the unit. `disable` would remove it, whoever made it. The unit's own path (a mask, a linked unit) is not.
///
/// `default.target` is nobody's: which target to boot into is a matter of its own.
#[must_use]
pub fn belongs_to_enablement(link: &AbsPath, target: &str, unit: &UnitName, fragment: &AbsPath) -> bool {
    let Some(parent) = link.parent() else {
        return false;
    };
    let name = link.file_name();
    if parent != directory() {
        let is_dependency = [".wants", ".requires", ".upholds"].iter().any(|kind| parent.as_str().ends_with(kind));
        return is_dependency && parent.parent() == Some(directory()) && name == unit.as_str();
    }
    let Ok(alias) = UnitName::parse(name) else {
        return false;
    };
    // One instance does not own the alias of its whole template, nor that of another instance.
    alias != *unit
        && name != DEFAULT_TARGET
        && alias.kind() == unit.kind()
        && alias.instance() == unit.instance()
        && alias.is_template() == unit.is_template()
        && points_to(target, link, unit, fragment.as_str())
}

/// Whether a link that points to `found` does for systemd what one that points to `wanted` does.
///
/// Relative targets are resolved, and `/lib` is `/usr/lib`. Of a link in a `.wants` directory systemd reads no more than
/// its name, so any target with the unit's name, or its template's, is right there. `/dev/null` never is.
#[must_use]
pub fn same_target(found: &str, link: &AbsPath, wanted: &str) -> bool {
    let (found, wanted) = (resolved(found, link), resolved(wanted, link));
    if found == MASK {
        return wanted == MASK;
    }
    if found == wanted {
        return true;
    }
    let in_dependency_dir = link
        .parent()
        .is_some_and(|dir| [".wants", ".requires", ".upholds"].iter().any(|kind| dir.as_str().ends_with(kind)));
    let file_name = found.rsplit('/').next().unwrap_or_default();
    in_dependency_dir
        && UnitName::parse(link.file_name())
            .is_ok_and(|unit| file_name == unit.as_str() || unit.template().is_some_and(|t| file_name == t.as_str()))
}

const MASK: &str = "/dev/null";
const DEFAULT_TARGET: &str = "default.target";

/// The settings that link the unit into a directory of another one, and that directory's suffix.
fn dependencies(systemd_version: u32) -> impl Iterator<Item = (&'static str, &'static str)> {
    let known = if systemd_version >= 254 { 3 } else { 2 };
    [("WantedBy", "wants"), ("RequiredBy", "requires"), ("UpheldBy", "upholds")].into_iter().take(known)
}

/// systemd ignores `Alias=` for the other kinds.
fn may_have_aliases(kind: UnitKind) -> bool {
    use UnitKind::{Device, Path, Service, Socket, Target, Timer};
    matches!(kind, Service | Socket | Target | Timer | Path | Device)
}

/// An alias may also point to the unit under another of its paths, such as that of an older package.
fn points_to(target: &str, link: &AbsPath, unit: &UnitName, fragment: &str) -> bool {
    let target = resolved(target, link);
    let file_name = target.rsplit('/').next().unwrap_or_default();
    target == resolved(fragment, link)
        || file_name == unit.as_str()
        || unit.template().is_some_and(|template| file_name == template.as_str())
}

/// A link's target as a path without `.` and `..`, as the text has it: links among the directories on the way are not
/// known here.
#[must_use]
pub fn target_path(target: &str, link: &AbsPath) -> String {
    let base = link.parent().map(String::from).unwrap_or_default();
    let whole = if target.starts_with('/') { target.to_owned() } else { format!("{base}/{target}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Where `/lib` is a link to `/usr/lib`, the same path by its physical name.
#[must_use]
pub fn below_usr(path: &str) -> Option<String> {
    path.starts_with("/lib/").then(|| format!("/usr{path}"))
}

/// A link's target as a path without `.`, `..` and merged directories.
fn resolved(target: &str, link: &AbsPath) -> String {
    let path = target_path(target, link);
    below_usr(&path).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> AbsPath {
        AbsPath::parse(text).unwrap()
    }

    fn unit(text: &str) -> UnitName {
        UnitName::parse(text).unwrap()
    }

    /// The links below `/etc/systemd/system`, which all have to point to the fragment.
    fn links_on(version: u32, name: &str, settings: &str) -> Result<Vec<String>, InstallError> {
        let effective = Effective::merge(Some(&format!("[Install]\n{settings}\n")), &[]);
        let fragment = path("/usr/lib/systemd/system").join(unit(name).template().unwrap_or(unit(name)).as_str());
        let install = install_links(&unit(name), &effective, &fragment, version)?;
        assert!(install.links.values().all(|target| *target == fragment.as_str()));
        let relative = |link: &AbsPath| link.as_str().trim_start_matches("/etc/systemd/system/").to_owned();
        Ok(install.links.keys().map(relative).collect())
    }

    fn links(name: &str, settings: &str) -> Result<Vec<String>, InstallError> {
        links_on(257, name, settings)
    }

    /// As `systemctl enable` of 252 and 257 makes them.
    #[test]
    fn enabling_links_as_systemctl_does() {
        for (name, settings, expected) in [
            (
                "a.service",
                "WantedBy=multi-user.target\nRequiredBy=x.target y.target",
                &["multi-user.target.wants/a.service", "x.target.requires/a.service", "y.target.requires/a.service"][..],
            ),
            ("a.service", "WantedBy=a.target\nWantedBy=\nWantedBy='b.target'", &["b.target.wants/a.service"]),
            ("a.service", r"WantedBy=a\x2db.target", &[r"a\x2db.target.wants/a.service"]),
            ("a.service", "WantedBy=t@.target", &["t@.target.wants/a.service"]),
            ("a.service", "WantedBy='open.target\nWantedBy=c.target", &["c.target.wants/a.service"]),
            ("a.service", "Alias=b.service c.service a.service", &["b.service", "c.service"]),
            ("a.service", "Alias=x.target.wants/a.service", &["x.target.wants/a.service"]),
            ("a.service", "DefaultInstance=x\nWantedBy=m.target", &["m.target.wants/a.service"]),
            ("a.mount", "Alias=u.mount\nWantedBy=m.target", &["m.target.wants/a.mount"]),
            (
                "aa-b.service",
                "WantedBy=x-%i.target x-%j.target %p-%N.target %n.target %u-%U.target",
                &[
                    "aa-b-aa-b.target.wants/aa-b.service",
                    "aa-b.service.target.wants/aa-b.service",
                    "root-0.target.wants/aa-b.service",
                    "x-.target.wants/aa-b.service",
                    "x-b.target.wants/aa-b.service",
                ],
            ),
        ] {
            assert_eq!(links(name, settings).unwrap(), expected, "{name} {settings}");
        }
    }

    /// As `systemctl enable` of 252 and 257 makes them.
    #[test]
    fn templates_and_instances_are_linked_as_systemctl_does() {
        for (name, settings, expected) in [
            (
                "t@x.service",
                "WantedBy=m.target r@%i.target\nAlias=al@.service al2@%i.service\nDefaultInstance=d",
                &["al2@x.service", "al@x.service", "m.target.wants/t@x.service", "r@x.target.wants/t@x.service"][..],
            ),
            (
                "t@.service",
                "WantedBy=m.target w@%i.target %N.target\nAlias=al@.service al@q.service\nDefaultInstance=d",
                &[
                    "al@.service",
                    "al@q.service",
                    "m.target.wants/t@d.service",
                    "t@d.target.wants/t@d.service",
                    "w@d.target.wants/t@d.service",
                ],
            ),
            (
                "t@.service",
                "WantedBy=w@.target w@x.target",
                &["w@.target.wants/t@.service", "w@x.target.wants/t@.service"],
            ),
            ("t@.service", "Alias=q.target.wants/t@y.service", &["q.target.wants/t@y.service"]),
            ("t@x.service", "Alias=q.target.wants/t@x.service", &["q.target.wants/t@x.service"]),
            (
                r"foo-bar@a\x2db-c.service",
                "WantedBy=x-%j-%i.target",
                &[r"x-bar-a\x2db-c.target.wants/foo-bar@a\x2db-c.service"],
            ),
        ] {
            assert_eq!(links(name, settings).unwrap(), expected, "{name} {settings}");
        }
    }

    #[test]
    fn what_systemctl_refuses_is_an_error() {
        for (name, settings) in [
            ("a.service", "WantedBy=good.target bad"),
            ("a.service", "WantedBy=x%%.target"),
            ("a.service", "WantedBy=%I.target"),
            ("a.service", "WantedBy=%P.target"),
            ("a.service", "Alias=b.socket"),
            ("a.service", "Alias=b"),
            ("a.service", "Alias=b@.service"),
            ("a.service", "Alias=b@x.service"),
            ("a.service", "Alias=x.target.wants/b.service"),
            ("a.service", "Alias=y.target.upholds/a.service"),
            ("a.service", "Alias=/etc/systemd/system/z.service"),
            ("a.service", "Also=bad"),
            ("a.service", "Also='other.service'"),
            ("t@.service", "WantedBy=m.target"),
            ("t@.service", "Alias=al.service"),
            ("t@.service", "DefaultInstance=a/b\nWantedBy=m.target"),
            ("t@.service", "Alias=q.target.wants/t@.service"),
            ("t@x.service", "Alias=al.service"),
            ("t@x.service", "Alias=al@y.service"),
            ("t@x.service", "Alias=q.target.wants/t@.service"),
        ] {
            assert!(links(name, settings).is_err(), "{name} {settings}");
        }
    }

    #[test]
    fn a_specifier_that_only_the_host_knows_is_named() {
        let error = links("a.service", "WantedBy=x-%H.target").unwrap_err();
        assert_eq!(
            error.to_string(),
            "[Install] WantedBy=x-%H.target: `%H` depends on the host, which is not supported in [Install]: write the name out"
        );
    }

    #[test]
    fn upheld_by_is_known_since_254() {
        let settings = "UpheldBy=m.target";
        assert_eq!(links_on(254, "a.service", settings).unwrap(), ["m.target.upholds/a.service"]);
        assert!(links_on(252, "a.service", settings).unwrap().is_empty());
        let effective = Effective::merge(Some("[Install]\nUpheldBy=m.target\n"), &[]);
        assert!(has_install(&effective, 254) && !has_install(&effective, 252));
    }

    #[test]
    fn also_names_units_and_cannot_be_taken_back() {
        let effective = Effective::merge(Some("[Install]\nAlso=a@%i.socket\nAlso=\nAlso=b.service\n"), &[]);
        let install = install_links(&unit("t@7.service"), &effective, &path("/etc/systemd/system/t@.service"), 252);
        assert_eq!(install.unwrap().also, [unit("a@7.socket"), unit("b.service")]);
        assert!(has_install(&effective, 252));
        assert!(!has_install(&Effective::merge(Some("[Install]\nDefaultInstance=x\nWantedBy=\n"), &[]), 252));
    }

    #[test]
    fn only_drop_ins_of_the_unit_and_its_template_carry_install() {
        for (drop_in, expected) in [
            ("/etc/systemd/system/a-b@1.service.d/x.conf", true),
            ("/run/systemd/system/a-b@.service.d/x.conf", true),
            ("/etc/systemd/system/a-.service.d/x.conf", false),
            ("/etc/systemd/system/a-@1.service.d/x.conf", false),
            ("/etc/systemd/system/service.d/x.conf", false),
        ] {
            assert_eq!(carries_install(&unit("a-b@1.service"), &path(drop_in)), expected, "{drop_in}");
        }
    }

    #[test]
    fn links_found_on_a_host_belong_to_the_unit_that_disable_would_take_them_from() {
        for (name, link, target, belongs) in [
            ("a.service", "basic.target.wants/a.service", "../a.service", true),
            ("a.service", "x.target.upholds/a.service", "/old/place", true),
            ("a.service", "x.target.wants/b.service", "/usr/lib/systemd/system/a.service", false),
            ("a.service", "x.target.wants/sub/a.service", "/usr/lib/systemd/system/a.service", false),
            ("a.service", "a.service.d/a.service", "/usr/lib/systemd/system/a.service", false),
            ("a.service", "b.service", "/lib/systemd/system/a.service", true),
            ("a.service", "b.service", "a.service", true),
            ("a.service", "b.service", "/usr/lib/systemd/system/c.service", false),
            ("a.service", "b.service", "/dev/null", false),
            ("a.service", "a.service", "/dev/null", false),
            ("a.service", "a.service", "/srv/a.service", false),
            ("graphical.target", "default.target", "/usr/lib/systemd/system/graphical.target", false),
            ("t@1.service", "x.target.wants/t@1.service", "/usr/lib/systemd/system/t@.service", true),
            ("t@1.service", "x.target.wants/t@2.service", "/usr/lib/systemd/system/t@.service", false),
            ("t@1.service", "u@1.service", "/usr/lib/systemd/system/t@.service", true),
            ("t@1.service", "u@2.service", "/usr/lib/systemd/system/t@.service", false),
            ("t@1.service", "u@.service", "/usr/lib/systemd/system/t@.service", false),
            ("t@.service", "u@.service", "/usr/lib/systemd/system/t@.service", true),
        ] {
            let fragment = path("/usr/lib/systemd/system").join(unit(name).template().unwrap_or(unit(name)).as_str());
            let link = path(&format!("/etc/systemd/system/{link}"));
            assert_eq!(belongs_to_enablement(&link, target, &unit(name), &fragment), belongs, "{name} {link}");
        }
        let elsewhere = path("/run/systemd/system/x.target.wants/a.service");
        assert!(!belongs_to_enablement(&elsewhere, "x", &unit("a.service"), &path("/etc/systemd/system/a.service")));
    }

    #[test]
    fn targets_are_compared_by_what_they_do() {
        for (link, found, wanted, same) in [
            ("m.target.wants/a.service", "/usr/lib/systemd/system/a.service", "/etc/systemd/system/a.service", true),
            ("m.target.wants/a.service", "../a.service", "/etc/systemd/system/a.service", true),
            ("m.target.wants/t@1.service", "/x/t@.service", "/etc/systemd/system/t@.service", true),
            ("m.target.wants/a.service", "/usr/lib/systemd/system/b.service", "/etc/systemd/system/a.service", false),
            ("m.target.wants/a.service", "/dev/null", "/etc/systemd/system/a.service", false),
            ("m.target.wants/a.service", "../../../dev/../../dev/null", "/etc/systemd/system/a.service", false),
            ("b.service", "/lib/systemd/system/a.service", "/usr/lib/systemd/system/a.service", true),
            ("b.service", "a.service", "/etc/systemd/system/a.service", true),
            ("b.service", "/run/systemd/system/a.service", "/etc/systemd/system/a.service", false),
            ("a.service", "/dev/null", "/dev/null", true),
        ] {
            let link = path(&format!("/etc/systemd/system/{link}"));
            assert_eq!(same_target(found, &link, wanted), same, "{link} -> {found}");
        }
    }
}
