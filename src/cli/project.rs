//! From the command line's paths to what every host shall look like. Nothing here touches a host.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::apply::HostTask;
use crate::compile::{Sources, compile};
use crate::load::extra_vars::ExtraVars;
use crate::load::inventory::{Inventory, read_inventory_for};
use crate::load::manifest::Playbook;
use crate::load::read_playbook;
use crate::load::selector::{Selector, SelectorError};
use crate::model::{Desired, Diagnostic, HostName};
use crate::report::diagnostic;

use super::Failure;
use super::global::GlobalArgs;
use super::terminal::Terminal;

/// Everything that was read, checked and rendered.
pub(super) struct Project {
    pub(super) inventory: Inventory,
    /// Hosts that some manifest selects, after `--limit`.
    pub(super) desired: BTreeMap<HostName, Desired>,
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
        let extra = extra_vars(&global.vars)?.vars();
        let sources = Sources { templates: global.templates.clone(), ..Sources::default() };
        let (desired, found) = compile(&read, &inventory, &limit, &extra, &sources).map_err(Failure::Invalid)?;
        warnings.extend(found);
        if let Some(limit) = global.limit.as_deref().filter(|_| desired.is_empty()) {
            let warning = Diagnostic::warning(format!("no manifest is about any host of `--limit {limit}`"));
            warnings.push(warning.help("look at `hosts:` in the playbook"));
        }
        warn(&warnings, terminal)?;
        Ok(Self { inventory, desired })
    }

    /// One task per host.
    pub(super) fn into_tasks(self) -> BTreeMap<HostName, HostTask> {
        let Self { inventory, desired } = self;
        desired
            .into_iter()
            .filter_map(|(name, desired)| {
                let target = inventory.hosts.get(&name)?.target.clone();
                Some((name, HostTask { target, desired }))
            })
            .collect()
    }
}

/// Shows warnings, if there are any.
pub(super) fn warn(warnings: &[Diagnostic], terminal: &Terminal) -> Result<(), Failure> {
    if !warnings.is_empty() {
        let options = terminal.err_options();
        diagnostic::write(&mut Terminal::err(), warnings, options.width, options.color)?;
    }
    Ok(())
}

/// Reads the inventories of the command line, or the default one.
pub(super) fn load_inventory(
    playbooks: &[PathBuf],
    global: &GlobalArgs,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Inventory, Vec<Diagnostic>> {
    let paths =
        if global.inventory.is_empty() { vec![default_inventory(playbooks)?] } else { global.inventory.clone() };
    let (inventory, found) = read_inventory_for(&paths, playbooks)?;
    warnings.extend(found);
    Ok(inventory)
}

/// `inventory.yaml` beside the playbook, in the project's root, or here.
fn default_inventory(playbooks: &[PathBuf]) -> Result<PathBuf, Vec<Diagnostic>> {
    let beside = playbooks.iter().filter_map(|path| path.parent()).flat_map(Path::ancestors);
    let folders: Vec<&Path> = std::iter::once(Path::new(".")).chain(beside).collect();
    let first = |name: &str| folders.iter().map(|folder| folder.join(name)).find(|path| path.exists());
    first("inventory.yaml").filter(|path| path.is_file()).ok_or_else(|| {
        let error = Diagnostic::error("no inventory: neither here nor above the playbook is an `inventory.yaml`");
        let other = ["inventory.ini", "inventory.yml", "inventory", "hosts"].into_iter().find_map(first);
        vec![match other {
            Some(path) => error.help(format!("if `{}` is meant, name it: -i {}", path.display(), path.display())),
            None => error.help("name one with -i PATH, or boot hosts to try on: unitfleet sandbox up -n 3"),
        }]
    })
}

/// The hosts of `--limit`, or all.
pub(super) fn select(inventory: &Inventory, limit: Option<&str>) -> Result<BTreeSet<HostName>, Failure> {
    let Some(limit) = limit else { return Ok(inventory.hosts.keys().cloned().collect()) };
    let wrong = |error: SelectorError| match error.at {
        Some(_) => Failure::Invalid(vec![error.alone()]),
        None => Failure::Usage(format!("--limit {limit}: {error}\n help: {}", error.help)),
    };
    let selector = Selector::parse(limit).and_then(|selector| selector.read_files(Path::new(""))).map_err(wrong)?;
    selector.select(inventory).map_err(wrong)
}

/// The variables of `-e`.
pub(super) fn extra_vars(given: &[String]) -> Result<ExtraVars, Failure> {
    let mut extra = ExtraVars::default();
    let mut wrong = Vec::new();
    for one in given {
        match extra.add(one) {
            Ok(()) => {}
            Err(problems) if one.starts_with(['@', '{']) => wrong.extend(problems),
            Err(problems) => {
                let problem = problems.into_iter().next().unwrap_or_default();
                let help = problem.help.unwrap_or_default();
                return Err(Failure::Usage(format!("{}\n help: {help}", problem.message)));
            }
        }
    }
    if wrong.is_empty() { Ok(extra) } else { Err(Failure::Invalid(wrong)) }
}
