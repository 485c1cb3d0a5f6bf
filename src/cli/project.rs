//! From the command line's paths to what every host shall look like. Nothing here touches a host.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::apply::HostTask;
use crate::compile::{Sources, compile};
use crate::load::inventory::{Inventory, read_inventory};
use crate::load::manifest::Playbook;
use crate::load::read_playbook;
use crate::load::selector::{Selector, SelectorError};
use crate::model::{Desired, Diagnostic, HostName, Vars};
use crate::report::diagnostic;

use super::Failure;
use super::global::GlobalArgs;
use super::terminal::Terminal;

/// Everything that was read, checked and rendered.
pub(super) struct Project {
    pub(super) inventory: Inventory,
    /// Hosts that some manifest selects, after `--limit`.
    pub(super) desired: BTreeMap<HostName, Desired>,
    /// What was said about the input already.
    pub(super) warnings: Vec<Diagnostic>,
}

impl Project {
    /// Reads and compiles. Warnings are printed; errors are all collected before anything else happens.
    pub(super) fn load(playbooks: &[PathBuf], global: &GlobalArgs, terminal: &Terminal) -> Result<Self, Failure> {
        let mut warnings = Vec::new();
        let mut errors = Vec::new();
        let inventory = load_inventory(playbooks, global, &mut warnings).map_err(|found| errors.extend(found)).ok();
        let mut read: Vec<Playbook> = Vec::new();
        for path in playbooks {
            match read_playbook(path, None) {
                Ok((playbook, found)) => {
                    read.push(playbook);
                    warnings.extend(found);
                }
                Err(found) => errors.extend(found),
            }
        }
        let templates = global.template_folders().map_err(|found| errors.extend(found)).unwrap_or_default();
        let (Some(inventory), true) = (inventory, errors.is_empty()) else {
            errors.extend(warnings);
            return Err(Failure::Invalid(errors));
        };
        let limit = select(&inventory, global.limit.as_deref())?;
        let sources = Sources { templates, ..Sources::default() };
        let (desired, found) =
            compile(&read, &inventory, &limit, &extra_vars(&global.vars)?, &sources).map_err(Failure::Invalid)?;
        warnings.extend(found);
        if let Some(limit) = global.limit.as_deref().filter(|_| desired.is_empty()) {
            let warning = Diagnostic::warning(format!("no manifest is about any host of `--limit {limit}`"));
            warnings.push(warning.help("look at `hosts:` in the playbook"));
        }
        if !warnings.is_empty() {
            let options = terminal.err_options();
            diagnostic::write(&mut Terminal::err(), &warnings, options.width, options.color)?;
        }
        Ok(Self { inventory, desired, warnings })
    }

    /// One task per host.
    pub(super) fn into_tasks(self) -> BTreeMap<HostName, HostTask> {
        let Self { inventory, desired, .. } = self;
        desired
            .into_iter()
            .filter_map(|(name, desired)| {
                let target = inventory.hosts.get(&name)?.target.clone();
                Some((name, HostTask { target, desired }))
            })
            .collect()
    }
}

fn load_inventory(
    playbooks: &[PathBuf],
    global: &GlobalArgs,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Inventory, Vec<Diagnostic>> {
    let mut paths = global.inventories()?;
    if paths.is_empty() {
        paths.push(default_inventory(playbooks, global.project.root.as_deref())?);
    }
    let (inventory, found) = read_inventory(&paths)?;
    warnings.extend(found);
    Ok(inventory)
}

/// `inventory.yaml` beside the playbook, in the project's root, or here.
fn default_inventory(playbooks: &[PathBuf], root: Option<&Path>) -> Result<PathBuf, Vec<Diagnostic>> {
    let beside = playbooks.iter().filter_map(|path| path.parent()).flat_map(Path::ancestors);
    let places: Vec<PathBuf> =
        std::iter::once(Path::new(".")).chain(beside).chain(root).map(|folder| folder.join("inventory.yaml")).collect();
    places.into_iter().find(|path| path.is_file()).ok_or_else(|| {
        let error = Diagnostic::error("no inventory: neither here nor above the playbook is an `inventory.yaml`");
        vec![error.help("name one with -i PATH, or boot hosts to try on: unitfleet sandbox up -n 3")]
    })
}

/// The hosts of `--limit`, or all.
pub(super) fn select(inventory: &Inventory, limit: Option<&str>) -> Result<BTreeSet<HostName>, Failure> {
    let Some(limit) = limit else { return Ok(inventory.hosts.keys().cloned().collect()) };
    let usage = |error: SelectorError| Failure::Usage(format!("--limit {limit}: {error}\n help: {}", error.help));
    let selector = Selector::parse(limit).map_err(usage)?;
    selector.select(inventory).map_err(usage)
}

fn extra_vars(given: &[String]) -> Result<Vars, Failure> {
    given
        .iter()
        .map(|pair| match pair.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), serde_json::Value::String(value.to_owned()))),
            _ if pair.starts_with('@') => Err(Failure::Usage(format!(
                "-e {pair}: variables from a file are not supported yet by this version; write -e KEY=VALUE"
            ))),
            _ => Err(Failure::Usage(format!("-e {pair}: write -e KEY=VALUE"))),
        })
        .collect()
}
