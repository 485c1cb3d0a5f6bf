//! From the command line's paths to what every host shall look like. Nothing here touches a host.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::apply::HostTask;
use crate::compile::{Sources, compile};
use crate::load::inventory::{Inventory, read_inventory};
use crate::load::manifest::Playbook;
use crate::load::read_playbook;
use crate::load::selector::{Selector, SelectorError};
use crate::load::tags::TagFilter;
use crate::model::{Desired, Diagnostic, HostName, Vars};
use crate::report::diagnostic;

use super::Failure;
use super::global::GlobalArgs;
use super::terminal::Terminal;

/// Everything that was read, checked and rendered.
pub(super) struct Project {
    pub(super) inventory: Inventory,
    /// Hosts that some manifest selects, after `--limit` and `--tags`.
    pub(super) desired: BTreeMap<HostName, Desired>,
    /// What `--tags` asked for.
    pub(super) tags: Vec<String>,
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
        let (Some(inventory), true) = (inventory, errors.is_empty()) else {
            return Err(Failure::Invalid(errors));
        };
        let limit = select(&inventory, global.limit.as_deref())?;
        let filter = tag_filter(&global.tags, &read)?;
        let sources = Sources { templates: global.templates.clone(), ..Sources::default() };
        let (mut desired, found) =
            compile(&read, &inventory, &limit, &extra_vars(&global.vars)?, &sources).map_err(Failure::Invalid)?;
        warnings.extend(found);
        if let Some(limit) = global.limit.as_deref().filter(|_| desired.is_empty()) {
            let warning = Diagnostic::warning(format!("no manifest is about any host of `--limit {limit}`"));
            warnings.push(warning.help("look at `hosts:` in the playbook"));
        }
        let tags: Vec<String> = filter.asked().map(str::to_owned).collect();
        warnings.extend(keep_selected(&mut desired, &filter));
        if !warnings.is_empty() {
            let options = terminal.err_options();
            diagnostic::write(&mut Terminal::err(), &warnings, options.width, options.color)?;
        }
        Ok(Self { inventory, desired, tags })
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

fn tag_filter(given: &[String], playbooks: &[Playbook]) -> Result<TagFilter, Failure> {
    TagFilter::parse(given, playbooks)
        .map_err(|(wrong, help)| Failure::Usage(format!("--tags {}: {wrong}\n help: {help}", given.join(","))))
}

/// Limits what is wanted to the tags. Hosts of which nothing is left are none of the run's.
fn keep_selected(desired: &mut BTreeMap<HostName, Desired>, filter: &TagFilter) -> Option<Diagnostic> {
    let hosts = desired.len();
    for one in desired.values_mut() {
        one.select(|tags| filter.selects(tags));
    }
    let asked: Vec<&str> = filter.asked().collect();
    if asked.is_empty() {
        return None;
    }
    desired.retain(|_, one| one.has_selected());
    (desired.is_empty() && hosts > 0).then(|| {
        let message = format!("nothing that is tagged {} is about any of these hosts", asked.join(", "));
        Diagnostic::warning(message).help("look at `hosts:`, `when:` and `tags:` in the playbook")
    })
}

fn load_inventory(
    playbooks: &[PathBuf],
    global: &GlobalArgs,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Inventory, Vec<Diagnostic>> {
    let paths =
        if global.inventory.is_empty() { vec![default_inventory(playbooks)?] } else { global.inventory.clone() };
    let (inventory, found) = read_inventory(&paths)?;
    warnings.extend(found);
    Ok(inventory)
}

/// `inventory.yaml` beside the playbook, in the project's root, or here.
fn default_inventory(playbooks: &[PathBuf]) -> Result<PathBuf, Vec<Diagnostic>> {
    let beside = playbooks.iter().filter_map(|path| path.parent()).flat_map(Path::ancestors);
    let places: Vec<PathBuf> =
        std::iter::once(Path::new(".")).chain(beside).map(|folder| folder.join("inventory.yaml")).collect();
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
