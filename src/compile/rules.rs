//! What only the finished text of a unit can tell.
//!
//! Facts of systemd used here hold on 247, 252 and 257: a unit without `[Install]` cannot be enabled (it is "static"),
//! a oneshot without `RemainAfterExit=` is never "running", a mount is found by the name its path escapes to.

use super::scope::{Scope, below, key};
use crate::load::manifest::{Setting, UnitEntry};
use crate::load::spans::Seg;
use crate::model::{DesiredUnit, Diagnostic, RunState, UnitKind, UnitName};
use crate::unitfile::{Effective, has_install, quote};

/// A unit with the text that we write for it.
pub(super) struct Written<'a> {
    pub(super) scope: &'a Scope<'a>,
    pub(super) path: &'a [Seg],
    pub(super) entry: &'a UnitEntry,
    pub(super) name: &'a UnitName,
    /// Fragment and drop-ins of ours, read as systemd does.
    pub(super) effective: &'a Effective,
}

impl Written<'_> {
    /// Everything that is wrong with the unit as a whole.
    pub(super) fn check(&self, unit: &DesiredUnit) -> Vec<Diagnostic> {
        let mut found = vec![self.name_fits_path()];
        // Without the fragment the text is a package's, and only the host knows it.
        if unit.fragment.is_some() {
            found.push(self.can_be_enabled(unit));
            found.push(self.can_be_running(unit));
        }
        found.into_iter().flatten().collect()
    }

    fn can_be_enabled(&self, unit: &DesiredUnit) -> Option<Diagnostic> {
        let no_default = self.name.is_template() && self.effective.last("Install", "DefaultInstance").is_none();
        if unit.enabled == Some(true) && no_default && self.entry.instances.is_none() {
            let message = format!("`{}` cannot be enabled: it is a template without `DefaultInstance=`", self.name);
            let told = self.at_setting(&self.entry.enabled, "enabled", message);
            return Some(told.help("list the instances: `instances: [a, b]`"));
        }
        // Newer settings of [Install] count too: whether the host knows them is for its own plan to say.
        if unit.enabled != Some(true) || has_install(self.effective, u32::MAX) {
            return None;
        }
        let message = format!("`{}` cannot be enabled: it has no [Install] section that says where to", self.name);
        let help = match self.name.kind() {
            UnitKind::Timer => "add `Install: {WantedBy: timers.target}`",
            UnitKind::Socket => "add `Install: {WantedBy: sockets.target}`",
            _ => "add `Install: {WantedBy: multi-user.target}`",
        };
        let help = format!("{help}, or `enabled: null` if something else starts it");
        Some(self.at_setting(&self.entry.enabled, "enabled", message).help(help))
    }

    fn can_be_running(&self, unit: &DesiredUnit) -> Option<Diagnostic> {
        if unit.state != Some(RunState::Started) || self.name.kind() != UnitKind::Service || !self.is_oneshot() {
            return None;
        }
        if self.effective.flag("Service", "RemainAfterExit") == Some(true) {
            return None;
        }
        if !self.starts_something() {
            let message = format!("`{}` cannot be kept started: it has no `ExecStart=`", self.name);
            let help = "add `ExecStart:` to its `Service:`, or look whether it is misspelt there";
            return Some(self.at_setting(&self.entry.state, "state", message).help(help));
        }
        let message = format!("`{}` cannot be kept started: a oneshot has ended as soon as it is done", self.name);
        let help =
            "write `state: null` and start it by a timer, or add `RemainAfterExit: true` if it sets something up";
        Some(self.at_setting(&self.entry.state, "state", message).help(help))
    }

    /// Also what systemd takes for one: a service that starts nothing and does not say what it is.
    fn is_oneshot(&self) -> bool {
        match self.effective.last("Service", "Type") {
            Some(kind) => kind == "oneshot",
            None => !self.starts_something(),
        }
    }

    fn starts_something(&self) -> bool {
        let says = |directive: &&str| self.effective.last("Service", directive).is_some();
        ["ExecStart", "BusName"].iter().any(says)
    }

    fn name_fits_path(&self) -> Option<Diagnostic> {
        let (section, directive) = match self.name.kind() {
            UnitKind::Mount => ("Mount", "Where"),
            UnitKind::Automount => ("Automount", "Where"),
            UnitKind::Swap => ("Swap", "What"),
            _ => return None,
        };
        let place = self.effective.last(section, directive)?;
        if !place.starts_with('/') || place.contains('%') {
            return None;
        }
        let wanted = quote::escape_path(place).ok();
        if wanted.as_deref() == self.name.as_str().rsplit_once('.').map(|(stem, _)| stem) {
            return None;
        }
        let kind = self.name.kind().suffix();
        Some(
            self.scope
                .key_error(self.path, format!("a {kind} unit has to be named after its `{directive}=`, and this one is not"))
                .help(format!(
                    "the name is what `systemd-escape --path --suffix={kind} PATH` prints; as a key: `\"{{{{ path | systemd_escape_path }}}}.{kind}\"`"
                )),
        )
    }

    /// An error at a setting of the unit, or at the default that it comes from.
    fn at_setting<T>(&self, setting: &Setting<T>, name: &str, message: String) -> Diagnostic {
        if matches!(setting, Setting::Is(_)) {
            return self.scope.key_error(&below(self.path, name), message);
        }
        let spans = &self.scope.manifest.spans;
        let default = [key("unit_defaults"), key(name)];
        self.scope.key_error(self.path, message).at(spans.source(), spans.key(&default), "by this default")
    }
}
