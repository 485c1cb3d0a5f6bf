//! One entry of `units:` → the unit, and the instances of a template.

use std::collections::{BTreeMap, BTreeSet};

use super::claims::Kind;
use super::conditions::There;
use super::rules::Written;
use super::scope::{Said, Scope, below, key};
use super::{Draft, credentials, hold, lints, unit_text, unused, watch};
use crate::load::manifest::UnitEntry;
use crate::load::spans::Seg;
use crate::model::{Bytes, DesiredUnit, Diagnostic, Instances, OnChange, RunState, UnitKind, UnitName, Wanted};
use crate::unitfile::Effective;

/// Compiles one entry into the draft; what is wrong becomes messages.
pub(super) fn unit(scope: &Scope, written: &str, entry: &UnitEntry, draft: &mut Draft) {
    let path = [key("units"), key(written)];
    let own;
    let scope = if entry.text.vars.is_empty() {
        scope
    } else {
        own = scope.with_vars(&entry.text.vars, &path);
        &own
    };
    draft.entry(scope, &entry.selection, &path, |draft| declared(scope, written, entry, draft));
}

/// The unit, which is there on the host; the scope has its own variables.
fn declared(scope: &Scope, written: &str, entry: &UnitEntry, draft: &mut Draft) {
    let path = [key("units"), key(written)];
    if !entry.text.vars.is_empty() {
        draft.messages.extend(scope.wrong_variables());
    }
    let named = scope
        .key(written, &path, UnitName::parse, "the name of a unit")
        .and_then(|name| writable(scope, name, &path))
        .and_then(|name| Ok((draft.claims.claim((Kind::Unit, name.as_str()), scope, &path, &entry.selection)?, name)));
    let Some((claim, name)) = draft.messages.keep(named) else {
        return;
    };
    let said = || {
        let absent = scope.is_absent(entry.absent.as_ref(), &path)?;
        Ok((absent, scope.adopts(entry.adopt.as_ref(), &path)?, hold::hold(scope, &entry.hold, &path)?))
    };
    let Some((absent, adopt, hold)) = draft.messages.keep(said()) else {
        return;
    };
    let unit = DesiredUnit { absent, adopt, hold, ..DesiredUnit::new(claim) };
    if absent {
        draft.desired.units.insert(name, unit);
        return;
    }
    Work { scope, path: &path, entry, name }.compile(unit, draft);
}

/// A drop-in: its file name, its text, and whether what is there already becomes ours.
type DropIn = (String, Wanted<Bytes>, bool);

/// Refuses units that cannot be written.
fn writable(scope: &Scope, name: UnitName, path: &[Seg]) -> Result<UnitName, Diagnostic> {
    let kind = name.kind();
    let refuse = |why: String| Err(scope.key_error(path, why));
    match kind {
        UnitKind::Device => refuse("a device unit has no file: the kernel makes it when the device appears".to_owned()),
        UnitKind::Scope => refuse("a scope unit has no file: programs make it while they run".to_owned()),
        UnitKind::Mount | UnitKind::Automount | UnitKind::Swap | UnitKind::Slice
            if name.is_template() || name.instance().is_some() =>
        {
            refuse(format!("systemd knows no template of a {}", kind.suffix()))
        }
        _ => Ok(name),
    }
}

struct Work<'a> {
    scope: &'a Scope<'a>,
    path: &'a [Seg],
    entry: &'a UnitEntry,
    name: UnitName,
}

impl Work<'_> {
    fn compile(&self, mut unit: DesiredUnit, draft: &mut Draft) {
        let Work { scope, path, entry, .. } = *self;
        let mut errors = Vec::new();
        match unit_text::text(scope, &entry.sections, &entry.text, path) {
            Ok(Some(text)) if text.is_empty() => {
                let empty = "the text of this unit is empty, and systemd takes an empty unit file for a mask";
                errors.push(scope.key_error(path, empty).help("if that is meant, write `masked: true`"));
            }
            Ok(text) => unit.fragment = text.map(Bytes::from),
            Err(wrong) => errors.extend(wrong),
        }
        if let Err(wrong) = self.drop_ins(&mut unit) {
            errors.extend(wrong);
        }
        match credentials::of_unit(scope, &self.name, &entry.credentials, path) {
            Ok(found) => {
                unit.credentials = found.files;
                if let Some((name, text)) = found.drop_in
                    && unit.drop_ins.insert(name.clone(), Wanted::Present(text)).is_some()
                {
                    let path = below(path, "credentials");
                    errors.push(scope.key_error(&path, format!("the drop-in `{name}` is this key's own")));
                }
            }
            Err(wrong) => errors.extend(wrong),
        }
        match watch::listed(scope, &entry.watch, path) {
            Ok(paths) => {
                if let Ok(on_change) = self.on_change() {
                    let reloads = |said: &Option<bool>| said.unwrap_or(on_change == OnChange::Reload);
                    unit.reloaded.extend(paths.iter().filter(|(_, said)| reloads(said)).map(|(path, _)| path.clone()));
                }
                unit.watch = paths.into_keys().collect();
            }
            Err(wrong) => errors.extend(wrong),
        }
        match self.on_change() {
            Ok(on_change) => unit.on_change = on_change,
            Err(wrong) => errors.push(wrong),
        }
        if let Err(wrong) = self.settle_state(&mut unit) {
            errors.push(wrong);
        }
        let instances = self.instances().unwrap_or_else(|wrong| {
            errors.push(wrong);
            None
        });
        if errors.is_empty() {
            errors = self.check(&mut unit);
        }
        if errors.is_empty() {
            draft.messages.extend(unused::warnings(scope, entry, path));
            draft.messages.extend(lints::of_unit(scope, &self.name, entry, path, &unit));
            self.insert(unit, instances, draft);
        } else {
            draft.messages.extend(errors);
        }
    }

    /// Reads the finished text: what it implies, and what contradicts it.
    fn check(&self, unit: &mut DesiredUnit) -> Vec<Diagnostic> {
        let effective = settings(unit);
        unit.watch.extend(effective.input_files(&self.name));
        let written =
            Written { scope: self.scope, path: self.path, entry: self.entry, name: &self.name, effective: &effective };
        written.check(unit)
    }

    fn drop_ins(&self, unit: &mut DesiredUnit) -> Result<(), Vec<Diagnostic>> {
        let mut errors = Vec::new();
        for (written, entry) in &self.entry.drop_ins {
            match self.drop_in(written) {
                Ok(None) => {}
                Ok(Some((name, wanted, adopt))) => {
                    // What a drop-in does not say, its unit says.
                    if adopt || unit.adopt && entry.adopt.is_none() {
                        unit.adopted_drop_ins.insert(name.clone());
                    }
                    if unit.drop_ins.insert(name, wanted).is_some() {
                        let path = unit_text::drop_in_path(self.path, written);
                        errors
                            .push(self.scope.key_error(&path, "this drop-in is given twice, with and without `.conf`"));
                    }
                }
                Err(wrong) => errors.extend(wrong),
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// `None` where its `when` is false.
    fn drop_in(&self, written: &str) -> Result<Option<DropIn>, Vec<Diagnostic>> {
        let entry = &self.entry.drop_ins[written];
        let path = unit_text::drop_in_path(self.path, written);
        let own;
        let mut scope = self.scope;
        if !entry.text.vars.is_empty() {
            own = scope.with_vars(&entry.text.vars, &path);
            scope = &own;
        }
        match scope.applies(&entry.when, &path).map_err(|wrong| vec![wrong])? {
            There::Yes => self.drop_in_that_is_there(scope, written, &path).map(Some),
            There::No => Ok(None),
            There::Perhaps => {
                // Only to learn what it would need.
                drop(self.drop_in_that_is_there(scope, written, &path));
                Ok(None)
            }
        }
    }

    fn drop_in_that_is_there(&self, scope: &Scope, written: &str, path: &[Seg]) -> Result<DropIn, Vec<Diagnostic>> {
        let one = |wrong| vec![wrong];
        let entry = &self.entry.drop_ins[written];
        let name = self.scope.key(written, path, drop_in_name, "the name of a drop-in").map_err(one)?;
        let adopt = self.scope.adopts(entry.adopt.as_ref(), path).map_err(one)?;
        if self.scope.is_absent(entry.absent.as_ref(), path).map_err(one)? {
            return Ok((name, Wanted::Absent, adopt));
        }
        if !entry.text.vars.is_empty() {
            let wrong = scope.wrong_variables();
            if !wrong.is_empty() {
                return Err(wrong);
            }
        }
        match unit_text::text(scope, &entry.sections, &entry.text, path)? {
            Some(text) => Ok((name, Wanted::Present(text.into()), adopt)),
            None => Err(vec![
                scope
                    .key_error(path, "nothing says what is in this drop-in")
                    .help("give it sections, `content`, `template` or `source`, or `absent: true`"),
            ]),
        }
    }

    fn on_change(&self) -> Result<OnChange, Diagnostic> {
        let defaults = &self.scope.manifest.unit_defaults;
        let (expr, path) = match (&self.entry.on_change, &defaults.on_change) {
            (Some(own), _) => (own, below(self.path, "on_change")),
            (None, Some(default)) => (default, vec![key("unit_defaults"), key("on_change")]),
            (None, None) => return Ok(OnChange::Auto),
        };
        Ok(self.scope.expr(expr, &path)?.unwrap_or_default())
    }

    /// `enabled`, `state` and `masked`, with what they imply for each other.
    fn settle_state(&self, unit: &mut DesiredUnit) -> Result<(), Diagnostic> {
        let Work { scope, path, entry, .. } = *self;
        let enabled = scope.setting(&entry.enabled, &below(path, "enabled"))?;
        let state = scope.setting(&entry.state, &below(path, "state"))?;
        unit.masked = scope.setting(&entry.masked, &below(path, "masked"))?.value();
        if unit.masked == Some(true) {
            self.agrees_with_mask(enabled, state)?;
            unit.enabled = enabled.or(false);
            unit.state = state.or(RunState::Stopped);
            return Ok(());
        }
        let defaults = &scope.manifest.unit_defaults;
        let by_default = |name: &str| [key("unit_defaults"), key(name)];
        // Defaults are meant for units that can be enabled and started; a template itself can be neither.
        let is_template = self.name.is_template() && entry.instances.is_none();
        unit.enabled = match enabled {
            Said::Nothing if is_template => None,
            Said::Nothing => scope.setting(&defaults.enabled, &by_default("enabled"))?.value(),
            own => own.value(),
        };
        unit.state = match state {
            Said::Nothing if is_template => None,
            Said::Nothing => scope.setting(&defaults.state, &by_default("state"))?.value(),
            own => own.value(),
        };
        if is_template && unit.state.is_some() {
            return Err(scope
                .error(&below(path, "state"), "a template cannot run, only its instances can")
                .help("list them: `instances: [a, b]`"));
        }
        Ok(())
    }

    fn agrees_with_mask(&self, enabled: Said<bool>, state: Said<RunState>) -> Result<(), Diagnostic> {
        let refuse = |name: &str, message: &str| {
            let spans = &self.scope.manifest.spans;
            let masked = below(self.path, "masked");
            Err(self.scope.key_error(&below(self.path, name), message).at(
                spans.source(),
                spans.key(&masked),
                "masked here",
            ))
        };
        if enabled == Said::Is(true) {
            return refuse("enabled", "a masked unit cannot be enabled");
        }
        if state == Said::Is(RunState::Started) {
            return refuse("state", "a masked unit cannot be started");
        }
        Ok(())
    }

    /// The names of the instances; `None` without `instances:`.
    fn instances(&self) -> Result<Option<BTreeSet<UnitName>>, Diagnostic> {
        let Some(expr) = &self.entry.instances else {
            return Ok(None);
        };
        let path = below(self.path, "instances");
        if !self.name.is_template() {
            return Err(self
                .scope
                .key_error(&path, format!("`{}` is not a template, so it has no instances", self.name))
                .help("a template's name has an `@` before the suffix, such as `worker@.service`"));
        }
        let mut names = BTreeSet::new();
        for (at, instance) in self.scope.expr(expr, &path)?.unwrap_or_default().iter().enumerate() {
            let path: Vec<Seg> = path.iter().cloned().chain([Seg::Index(at)]).collect();
            // In a literal list each string may hold an expression of its own.
            let instance = self.scope.text(instance, &path)?;
            let name = self.name.with_instance(&instance).ok().filter(|_| !instance.is_empty());
            let Some(name) = name else {
                return Err(self
                    .scope
                    .error(&path, "this is not an instance of a unit: it may hold letters, digits and `:-_.\\@`")
                    .help("escape it as `systemd-escape` does: `{{ x | systemd_escape }}`"));
            };
            if !names.insert(name) {
                return Err(self.scope.error(&path, "this instance is listed twice"));
            }
        }
        Ok(Some(names))
    }

    fn insert(&self, mut unit: DesiredUnit, instances: Option<BTreeSet<UnitName>>, draft: &mut Draft) {
        let Some(names) = instances else {
            draft.desired.units.insert(self.name.clone(), unit);
            return;
        };
        let effective = settings(&unit);
        let mut mine = BTreeSet::new();
        for name in names {
            let claimed = draft.claims.claim((Kind::Unit, name.as_str()), self.scope, self.path, &self.entry.selection);
            let Some(claim) = draft.messages.keep(claimed) else {
                continue;
            };
            let mut instance = DesiredUnit {
                fragment: None,
                drop_ins: BTreeMap::new(),
                adopted_drop_ins: BTreeSet::new(),
                credentials: BTreeMap::new(),
                masked: None,
                // It stands once, at the template.
                hold: None,
                claim,
                ..unit.clone()
            };
            instance.watch.extend(effective.input_files(&name));
            draft.desired.units.insert(name.clone(), instance);
            mine.insert(name);
        }
        // What the entry says about running is about the instances.
        unit.enabled = None;
        unit.state = None;
        unit.instances = Some(Instances { units: mine });
        draft.desired.units.insert(self.name.clone(), unit);
    }
}

/// The unit as our own texts have it.
fn settings(unit: &DesiredUnit) -> Effective {
    let drop_ins = unit.drop_ins.values().filter_map(|wanted| match wanted {
        Wanted::Present(bytes) => bytes.as_text(),
        Wanted::Absent => None,
    });
    Effective::merge(unit.fragment.as_ref().and_then(Bytes::as_text), &drop_ins.collect::<Vec<_>>())
}

/// The file name of a drop-in.
fn drop_in_name(text: &str) -> Result<String, crate::model::NameError> {
    let fine = |c: char| c.is_ascii_alphanumeric() || "._-:@".contains(c);
    if text.is_empty() || text.len() > 200 || text.starts_with('.') || !text.chars().all(fine) {
        return Err(crate::model::NameError(format!(
            "`{}` cannot name a drop-in: use letters, digits, `-`, `_`, `:`, `@` and `.`, not starting with `.`",
            text.escape_debug()
        )));
    }
    let stem = text.strip_suffix(".conf").unwrap_or(text);
    Ok(format!("{stem}.conf"))
}
