//! What a host looks like after the steps of a plan, as far as a gather would see it.
//!
//! A small model of systemd, no more than the steps need: it knows files, links, masks, which units are up and with
//! which invocation. It runs after the described host was observed, minute by minute, so that times keep their order.

use std::collections::BTreeMap;

use unitfleet::model::{
    AbsPath, Account, Action, ActiveState, Bytes, Desired, FileMeta, GroupEntry, HostPlan, Ledger, Observation,
    Observed, ObservedPath, OthersBelow, PrimaryGroup, Started, UNIT_DIR, UnitName, UserName,
};

use crate::host::{expected, load, path, put_account, put_group};

const MINUTE_US: i64 = 60_000_000;

/// The host after all steps went well.
pub(crate) fn applied(desired: &Desired, observed: &Observed, plan: &HostPlan) -> Observed {
    let mut host = Simulated { seen: observed.clone(), texts: texts(desired, observed), invocations: 0 };
    for step in &plan.steps {
        host.pass_a_minute();
        host.step(&step.action);
    }
    host.pass_a_minute();
    host.keep_records(plan);
    host.pass_a_minute();
    host.seen
}

struct Simulated {
    seen: Observed,
    texts: BTreeMap<AbsPath, String>,
    invocations: u32,
}

fn texts(desired: &Desired, seen: &Observed) -> BTreeMap<AbsPath, String> {
    let wanted = expected(desired);
    let text = |(at, state): (&AbsPath, &ObservedPath)| match state {
        ObservedPath::File { content: Some(bytes), .. } => Some((at.clone(), bytes.as_text()?.to_owned())),
        ObservedPath::File { .. } => Some((at.clone(), wanted.get(at)?.as_text()?.to_owned())),
        _ => None,
    };
    seen.paths.iter().filter_map(text).collect()
}

impl Simulated {
    fn pass_a_minute(&mut self) {
        self.seen.facts.now_us += MINUTE_US;
        self.seen.facts.uptime_us += MINUTE_US;
    }

    fn meta(&self) -> FileMeta {
        let now = self.seen.facts.now_us;
        let root = || "root".to_owned();
        FileMeta { mode: 0o644, uid: 0, gid: 0, user: root(), group: root(), size: 1, mtime_us: now, ctime_us: now }
    }

    fn step(&mut self, action: &Action) {
        match action {
            Action::CreateUser { name, uid, gid, home, shell, .. } => {
                let text = |path: &Option<AbsPath>, other: &str| {
                    path.as_ref().map_or_else(|| other.to_owned(), ToString::to_string)
                };
                let (home, shell) = (text(home, "/nonexistent"), text(shell, "/usr/sbin/nologin"));
                let group = match gid {
                    Some(PrimaryGroup::Name(group)) => self.group(group).clone(),
                    Some(PrimaryGroup::Number(gid)) => {
                        GroupEntry { name: name.to_string(), gid: *gid, members: vec![] }
                    }
                    None => GroupEntry { name: name.to_string(), gid: 991, members: vec![] },
                };
                let account = Account { name: name.to_string(), uid: uid.unwrap_or(991), gid: group.gid, home, shell };
                put_account(&mut self.seen, &account);
                put_group(&mut self.seen, &group);
            }
            Action::JoinGroups { name, groups } => {
                assert!(matches!(self.seen.users.get(name), Some(Observation::Known(Some(_)))), "there is no {name}");
                for group in groups {
                    self.group(group).members.push(name.to_string());
                }
            }
            Action::ModifyUser { name, home, shell } => {
                let Some(Observation::Known(Some(account))) = self.seen.users.get_mut(name) else {
                    panic!("usermod of {name}, which does not exist");
                };
                account.home = home.as_ref().map_or_else(|| account.home.clone(), ToString::to_string);
                account.shell = shell.as_ref().map_or_else(|| account.shell.clone(), ToString::to_string);
            }
            Action::RemoveUser { name } => {
                self.seen.users.insert(name.clone(), Observation::Known(None));
            }
            Action::DaemonReload => self.daemon_reload(),
            Action::Gate { units } => {
                for name in units {
                    let loaded = load(name, &self.seen, &self.texts);
                    assert!(loaded.fragment.is_some() && !loaded.masked, "{name} does not pass the gate");
                }
            }
            Action::Stop { unit } => self.set_state(unit, ActiveState::Inactive),
            Action::Start { unit } | Action::Restart { unit } => self.start(unit),
            Action::Reload { unit } => assert!(self.seen.units[unit].active_state.is_up(), "reload of {unit}"),
            Action::ResetFailed { unit } => self.set_state(unit, ActiveState::Inactive),
            Action::Adopt { .. } => {}
            Action::Mask { unit } => self.mask(unit),
            Action::Unmask { unit, discard } => self.unmask(unit, *discard),
            Action::CreateDirectory { .. }
            | Action::RemoveDirectory { .. }
            | Action::SetAttributes { .. }
            | Action::SetOwnerBelow { .. }
            | Action::WriteFile { .. }
            | Action::RemoveFile { .. }
            | Action::MakeLink { .. }
            | Action::RemoveLink { .. } => self.step_on_files(action),
        }
    }

    fn step_on_files(&mut self, action: &Action) {
        match action {
            Action::CreateDirectory { path, mode, user, group } => {
                let meta = FileMeta { mode: *mode, user: user.to_string(), group: group.to_string(), ..self.meta() };
                self.seen.paths.insert(path.clone(), ObservedPath::Directory { meta, empty: Some(true) });
                self.seen.below.entry(path.clone()).or_insert(Observation::Known(OthersBelow::default()));
            }
            Action::RemoveDirectory { path } => {
                let inside = |at: &AbsPath| at != path && at.is_within(path.as_str());
                let full = self.seen.paths.iter().any(|(at, state)| inside(at) && *state != ObservedPath::Absent);
                assert!(!full, "rmdir of {path}, which is not empty");
                self.seen.paths.insert(path.clone(), ObservedPath::Absent);
            }
            Action::SetAttributes { path, mode, owner } => {
                let now = self.seen.facts.now_us;
                let Some(ObservedPath::File { meta, .. } | ObservedPath::Directory { meta, .. }) =
                    self.seen.paths.get_mut(path)
                else {
                    panic!("attributes of {path}, which is no file or directory");
                };
                meta.mode = mode.unwrap_or(meta.mode);
                if let Some((user, group)) = owner {
                    (meta.user, meta.group) = (user.to_string(), group.to_string());
                }
                meta.ctime_us = now;
            }
            Action::SetOwnerBelow { path, .. } => {
                self.seen.below.insert(path.clone(), Observation::Known(OthersBelow::default()));
            }
            Action::WriteFile { path, bytes, mode, user, group, .. } => {
                assert!(!self.seen.links.contains_key(path), "a link is written over at {path}");
                let meta = FileMeta { mode: *mode, user: user.to_string(), group: group.to_string(), ..self.meta() };
                self.put(path, bytes, meta);
            }
            Action::RemoveFile { path } => {
                assert!(matches!(self.seen.paths.get(path), Some(ObservedPath::File { .. })), "{path} is no file");
                self.remove(path);
            }
            Action::MakeLink { path, target } => {
                let in_the_way =
                    matches!(self.seen.paths.get(path), Some(ObservedPath::File { .. } | ObservedPath::Unknown(_)));
                assert!(!in_the_way, "{path} is no link and would not be replaced");
                if path.is_within(UNIT_DIR) {
                    self.seen.links.insert(path.clone(), target.clone());
                } else {
                    let link = ObservedPath::Link { meta: self.meta(), target: target.clone() };
                    self.seen.paths.insert(path.clone(), link);
                }
            }
            Action::RemoveLink { path } => {
                let listed = self.seen.links.remove(path).is_some();
                let seen = self.seen.paths.remove(path);
                assert!(listed || matches!(seen, Some(ObservedPath::Link { .. })), "there is no link {path}");
                if !listed {
                    self.seen.paths.insert(path.clone(), ObservedPath::Absent);
                }
            }
            _ => {}
        }
    }

    fn group(&mut self, name: &UserName) -> &mut GroupEntry {
        match self.seen.groups.get_mut(name) {
            Some(Observation::Known(Some(group))) => group,
            other => panic!("group {name} is {other:?}"),
        }
    }

    fn put(&mut self, at: &AbsPath, bytes: &Bytes, meta: FileMeta) {
        let digest = Observation::Known(bytes.digest());
        self.seen.paths.insert(at.clone(), ObservedPath::File { meta, digest, content: Some(bytes.clone()) });
        self.texts.insert(at.clone(), bytes.as_text().unwrap_or_default().to_owned());
    }

    fn remove(&mut self, at: &AbsPath) {
        self.seen.paths.insert(at.clone(), ObservedPath::Absent);
        self.texts.remove(at);
    }

    fn mask(&mut self, unit: &UnitName) {
        let at = unit.etc_path();
        if let Some(file @ ObservedPath::File { .. }) = self.seen.paths.get(&at).cloned() {
            let kept = path("/var/lib/unitfleet/masked").join(unit.as_str());
            self.texts.insert(kept.clone(), self.texts.get(&at).cloned().unwrap_or_default());
            self.seen.paths.insert(kept, file);
        }
        self.remove(&at);
        let meta = self.meta();
        self.seen.paths.insert(at.clone(), ObservedPath::Link { meta, target: "/dev/null".to_owned() });
        self.seen.links.insert(at, "/dev/null".to_owned());
    }

    fn unmask(&mut self, unit: &UnitName, discard: bool) {
        let etc = unit.etc_path();
        for at in [etc.clone(), path("/run/systemd/system").join(unit.as_str())] {
            let is_null = self.seen.links.get(&at).is_some_and(|target| target == "/dev/null")
                || matches!(self.seen.paths.get(&at), Some(ObservedPath::Link { target, .. }) if target == "/dev/null");
            if is_null || self.texts.get(&at).is_some_and(String::is_empty) {
                self.seen.links.remove(&at);
                self.remove(&at);
            }
        }
        let kept = path("/var/lib/unitfleet/masked").join(unit.as_str());
        if let Some(file @ ObservedPath::File { .. }) = self.seen.paths.remove(&kept)
            && !discard
        {
            let text = self.texts.remove(&kept).unwrap_or_default();
            self.texts.insert(etc.clone(), text);
            self.seen.paths.insert(etc, file);
        }
    }

    fn daemon_reload(&mut self) {
        self.seen.facts.units_load_us = self.seen.facts.units_load_us.map(|_| self.seen.facts.uptime_us);
        self.seen.facts.reloaded_us = Some(self.seen.facts.now_us);
        let names: Vec<UnitName> = self.seen.units.keys().cloned().collect();
        for name in names {
            let loaded = load(&name, &self.seen, &self.texts);
            let unit = self.seen.units.get_mut(&name).expect("it is one of them");
            unit.need_daemon_reload = false;
            unit.load_state = match &loaded.fragment {
                Some(_) if loaded.masked => "masked",
                Some(_) => "loaded",
                None => "not-found",
            }
            .to_owned();
            unit.fragment_path = loaded.fragment;
            unit.refuse_manual_start = loaded.effective.flag("Unit", "RefuseManualStart") == Some(true);
            unit.refuse_manual_stop = loaded.effective.flag("Unit", "RefuseManualStop") == Some(true);
            unit.can_reload = !loaded.effective.values("Service", "ExecReload").is_empty();
        }
    }

    fn set_state(&mut self, name: &UnitName, state: ActiveState) {
        let unit = self.seen.units.get_mut(name).unwrap_or_else(|| panic!("{name} was never looked at"));
        assert!(!(unit.refuse_manual_stop && unit.active_state.is_up()), "{name} refuses to be stopped");
        unit.active_state = state;
        unit.sub_state = "dead".to_owned();
        unit.invocation_id = None;
    }

    fn start(&mut self, name: &UnitName) {
        self.invocations += 1;
        let invocation = format!("started-{}", self.invocations);
        let now = self.seen.facts.uptime_us;
        let unit = self.seen.units.get_mut(name).unwrap_or_else(|| panic!("{name} was never looked at"));
        assert_eq!(unit.load_state, "loaded", "{name} is started and cannot be");
        assert!(!unit.need_daemon_reload, "{name} is started with files that systemd has not read");
        assert!(!unit.refuse_manual_start, "{name} refuses to be started");
        unit.active_state = ActiveState::Active;
        unit.sub_state = "running".to_owned();
        unit.result = Some("success".to_owned());
        unit.invocation_id = Some(invocation);
        unit.exec_main_start_us = unit.exec_main_start_us.map(|_| now);
        unit.active_enter_us = Some(now);
    }

    /// As the transaction ends: what units were started with, and the ledgers.
    fn keep_records(&mut self, plan: &HostPlan) {
        for (name, inputs) in &plan.inputs {
            let Some(unit) = self.seen.units.get(name) else { continue };
            if let (ActiveState::Active, Some(invocation)) = (&unit.active_state, &unit.invocation_id) {
                let record = Started { invocation_id: invocation.clone(), inputs: inputs.clone() };
                self.seen.started.insert(name.clone(), record);
            }
        }
        for (owner, ledger) in &plan.ledgers {
            if ledger.entries.is_empty() {
                self.seen.ledgers.remove(owner);
                self.seen.ledger_times_us.remove(owner);
            } else {
                let written = Ledger { run: "this".to_owned(), ..ledger.clone() };
                self.seen.ledgers.insert(owner.clone(), Observation::Known(written));
                self.seen.ledger_times_us.insert(owner.clone(), self.seen.facts.now_us);
            }
        }
    }
}
