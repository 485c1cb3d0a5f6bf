//! What to ask a host, given what is wanted of it.

use crate::model::{
    AbsPath, Bytes, Desired, DesiredUnit, Digest, PrimaryGroup, RunState, UnitKind, UnitName, UserName, UserSpec,
    Wanted,
};
use crate::remote::GatherRequest;
use crate::unitfile::{Effective, target_path};

/// Everything that planning `desired` needs to know.
#[must_use]
pub fn request(desired: &Desired) -> GatherRequest {
    let mut request = GatherRequest::default();
    for (path, file) in &desired.files {
        let digest = match &file.spec {
            Wanted::Present(spec) => {
                ask_for_owner(&mut request, &spec.user, &spec.group);
                // What a secret was before is not to be sent here, so its content is not asked for.
                (!spec.bytes.is_secret()).then(|| spec.bytes.digest())
            }
            Wanted::Absent => None,
        };
        request.paths.insert(path.clone(), digest);
    }
    for (path, directory) in &desired.directories {
        if let Wanted::Present(spec) = &directory.spec {
            ask_for_owner(&mut request, &spec.user, &spec.group);
            if spec.recurse {
                request.below.insert(path.clone(), (spec.user.clone(), spec.group.clone()));
            }
        }
        request.paths.insert(path.clone(), None);
    }
    for (name, user) in &desired.users {
        request.users.insert(name.clone());
        match &user.spec {
            Wanted::Present(spec) => ask_for_account(&mut request, name, spec),
            // Its home stays, and the plan says so.
            Wanted::Absent => drop(request.homes.insert(name.clone())),
        }
    }
    for (path, symlink) in &desired.symlinks {
        // Where it leads may be read by a unit, and is to be the same picture before and after the link is made.
        let target = AbsPath::parse(&target_path(&symlink.target, path)).ok();
        for path in [Some(path.clone()), target].into_iter().flatten() {
            request.paths.entry(path).or_insert(None);
        }
    }
    ask_for_folders_below(&mut request, desired);
    for (name, unit) in &desired.units {
        ask_for_unit(&mut request, name, unit);
        let template = name.template().and_then(|template| desired.units.get(&template));
        if let Some(template) = template {
            ask_for_inputs(&mut request, name, template, unit);
        }
    }
    if let Some((Wanted::Present(target), _)) = &desired.default_target {
        request.units.insert(target.clone());
    }
    request
}

/// Root is there on every host: most files are its, and not to ask spares the host two processes.
fn ask_for_owner(request: &mut GatherRequest, user: &UserName, group: &UserName) {
    let is_root = |name: &UserName| name.as_str() == "root";
    request.users.extend((!is_root(user)).then(|| user.clone()));
    request.groups.extend((!is_root(group)).then(|| group.clone()));
}

/// Folders in between are made as root where they are missing: below a directory whose contents have an owner, that is
/// a difference.
fn ask_for_folders_below(request: &mut GatherRequest, desired: &Desired) {
    let declared = desired.files.keys().chain(desired.directories.keys());
    let inside = |path: &AbsPath| request.below.keys().any(|top| path != top && path.is_within(top.as_str()));
    let folders: Vec<AbsPath> = declared.filter_map(AbsPath::parent).filter(|folder| inside(folder)).collect();
    for folder in folders {
        request.paths.entry(folder).or_insert(None);
    }
}

/// Who has the numbers that a user shall get, the groups it shall be in, and its home.
fn ask_for_account(request: &mut GatherRequest, name: &UserName, spec: &UserSpec) {
    request.users.extend(spec.uid.and_then(|uid| UserName::parse(&uid.to_string()).ok()));
    request.groups.extend(spec.groups.iter().cloned());
    match &spec.gid {
        Some(PrimaryGroup::Number(gid)) => {
            request.groups.extend(UserName::parse(&gid.to_string()));
            request.groups.insert(name.clone());
        }
        Some(PrimaryGroup::Name(group)) => drop(request.groups.insert(group.clone())),
        None => {}
    }
    if !spec.create_home {
        return;
    }
    request.groups.insert(name.clone());
    if spec.home.is_none() {
        request.homes.insert(name.clone());
    }
    request.paths.entry(spec.new_home(name)).or_insert(None);
}

fn ask_for_unit(request: &mut GatherRequest, name: &UnitName, unit: &DesiredUnit) {
    if name.is_template() {
        request.templates.insert(name.clone());
    } else {
        request.units.insert(name.clone());
    }
    let fragment = unit.fragment.as_ref().map(Bytes::digest);
    request.paths.insert(name.etc_path(), fragment);
    for (drop_in, bytes) in &unit.drop_ins {
        let digest: Option<Digest> = match bytes {
            Wanted::Present(bytes) => Some(bytes.digest()),
            Wanted::Absent => None,
        };
        request.paths.insert(name.etc_drop_in(drop_in), digest);
    }
    for (path, spec) in &unit.credentials {
        request.sealed.extend(spec.encrypt.clone().map(|name| (path.clone(), name)));
        request.paths.insert(path.clone(), None);
    }
    for path in &unit.watch {
        request.paths.entry(path.clone()).or_insert(None);
    }
    if unit.enabled.is_some() {
        request.units.extend(also(unit).into_iter().filter(|also| !also.is_template()));
    }
    // What could start a unit again that shall be down; and what a socket has started.
    let goes_down = unit.absent || unit.masked == Some(true) || unit.state == Some(RunState::Stopped);
    if name.is_template() {
        return;
    }
    request.units.extend(triggered(name, unit).filter(|triggered| !triggered.is_template()));
    match name.kind() {
        UnitKind::Service if goes_down => {
            for kind in [UnitKind::Socket, UnitKind::Timer, UnitKind::Path] {
                request.units.insert(name.sibling(kind));
            }
        }
        UnitKind::Socket => {
            request.units.insert(name.sibling(UnitKind::Service));
        }
        _ => {}
    }
}

/// The gather finds the files that unit files name, but does not know what `%i` is.
fn ask_for_inputs(request: &mut GatherRequest, instance: &UnitName, template: &DesiredUnit, unit: &DesiredUnit) {
    for path in settings(&[template, unit]).input_files(instance) {
        request.paths.entry(path).or_insert(None);
    }
}

/// The units that our own text names in `Also=`: enabling the unit is about them, too.
fn also(unit: &DesiredUnit) -> Vec<UnitName> {
    let names = settings(&[unit]).names("Install", "Also");
    names.iter().filter_map(|name| UnitName::parse(name).ok()).collect()
}

/// The unit that our own text tells a socket, timer or path unit to start.
fn triggered(name: &UnitName, unit: &DesiredUnit) -> Option<UnitName> {
    let (section, directive) = match name.kind() {
        UnitKind::Socket => ("Socket", "Service"),
        UnitKind::Timer => ("Timer", "Unit"),
        UnitKind::Path => ("Path", "Unit"),
        _ => return None,
    };
    UnitName::parse(settings(&[unit]).last(section, directive)?).ok()
}

/// Our own texts of a unit: the template's before the instance's.
fn settings(units: &[&DesiredUnit]) -> Effective {
    let fragment = units.iter().rev().find_map(|unit| unit.fragment.as_ref()).and_then(Bytes::as_text);
    let drop_ins = units.iter().flat_map(|unit| unit.drop_ins.values()).filter_map(|wanted| match wanted {
        Wanted::Present(bytes) => bytes.as_text(),
        Wanted::Absent => None,
    });
    Effective::merge(fragment, &drop_ins.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Claim, HostName, ManifestName, Place};

    #[test]
    fn what_a_trigger_starts_is_asked_for_by_its_name() {
        for (name, text) in [
            ("web.socket", "[Socket]\nService=other.service\n"),
            ("web.timer", "[Timer]\nUnit=other.service\n"),
            ("web.path", "[Path]\nUnit=other.service\n"),
        ] {
            let claim =
                Claim::new(ManifestName::parse("m").unwrap(), Place { file: "p.yaml".to_owned(), line: 1, column: 1 });
            let mut unit = DesiredUnit::new(claim);
            unit.fragment = Some(text.into());
            let mut desired = Desired::empty(HostName::parse("h").unwrap());
            desired.units.insert(UnitName::parse(name).unwrap(), unit);
            assert!(request(&desired).units.contains("other.service"), "{name}");
        }
    }

    #[test]
    fn a_unit_to_be_stopped_is_asked_for_with_its_triggers() {
        let claim =
            Claim::new(ManifestName::parse("m").unwrap(), Place { file: "p.yaml".to_owned(), line: 1, column: 1 });
        let mut unit = DesiredUnit::new(claim);
        unit.state = Some(RunState::Stopped);
        unit.fragment = Some("[Service]\n".into());
        let name = UnitName::parse("web.service").unwrap();
        let mut desired = Desired::empty(HostName::parse("h").unwrap());
        desired.units.insert(name.clone(), unit);
        let request = request(&desired);
        let asked: Vec<&str> = request.units.iter().map(UnitName::as_str).collect();
        assert_eq!(asked, ["web.path", "web.service", "web.socket", "web.timer"]);
        let path = AbsPath::parse("/etc/systemd/system/web.service").unwrap();
        assert_eq!(request.paths.get(&path), Some(&Some(Digest::of(b"[Service]\n"))));
    }
}
