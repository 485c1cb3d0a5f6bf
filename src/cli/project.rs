//! From the command line's paths to what every host shall look like. Nothing here touches a host.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::apply::{HostTask, WithFacts};
use crate::compile::{Compiled, Inputs, Knowledge, Sources};
use crate::load::extra_vars::ExtraVars;
use crate::load::inventory::{Inventory, read_inventory_for};
use crate::load::manifest::Playbook;
use crate::load::selector::{Selector, SelectorError};
use crate::load::tags::TagFilter;
use crate::load::{brief, read_playbook};
use crate::model::{Desired, Diagnostic, HostFacts, HostName, SecretValue};
use crate::report::diagnostic;
use crate::secrets;

use super::Failure;
use super::global::GlobalArgs;
use super::stack::deep;
use super::terminal::{Terminal, variable};

/// Everything that was read, checked and rendered.
pub(super) struct Project {
    inputs: Arc<Inputs>,
    knowledge: Knowledge,
    /// Hosts that some manifest selects, after `--limit` and `--tags`.
    pub(super) desired: BTreeMap<HostName, Desired>,
    /// What `--tags` asked for.
    pub(super) tags: Vec<String>,
    /// What was said about the input already.
    pub(super) warnings: Vec<Diagnostic>,
    /// Hosts of which something depends on their facts.
    needs_facts: BTreeSet<HostName>,
    secrecy: Secrecy,
}

/// Whether secrets are fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secrecy {
    /// Those that are needed are.
    Resolved,
    /// None is: a word stands for each.
    Unasked,
}

impl Project {
    /// Reads and compiles. Warnings are printed; errors are all collected before anything else happens.
    pub(super) fn load(
        playbooks: &[PathBuf],
        global: &GlobalArgs,
        terminal: &Terminal,
        secrecy: Secrecy,
    ) -> Result<Self, Failure> {
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
        let filter = tag_filter(&global.tags, &read)?;
        let sources = Sources { templates, ..Sources::default() };
        let inputs = Inputs::new(read, inventory, extra_vars(&global.vars)?.vars(), sources).limited(filter.clone());
        let (compiled, knowledge) = compile(&inputs, &limit, secrecy)?;
        let Compiled { mut desired, warnings: found, needs } = compiled;
        warnings.extend(found);
        if let Some(limit) = global.limit.as_deref().filter(|_| desired.is_empty()) {
            let warning = Diagnostic::warning(format!("no manifest is about any host of `--limit {limit}`"));
            warnings.push(warning.help("look at `hosts:` in the playbook"));
        }
        let tags: Vec<String> = filter.asked().map(str::to_owned).collect();
        warnings.extend(keep_selected(&mut desired, &needs.facts, &filter));
        warn(&warnings, terminal)?;
        Ok(Self { inputs: Arc::new(inputs), knowledge, desired, tags, needs_facts: needs.facts, secrecy, warnings })
    }

    /// One task per host.
    pub(super) fn into_tasks(self) -> BTreeMap<HostName, HostTask> {
        let Self { inputs, knowledge, desired, needs_facts, secrecy, .. } = self;
        let knowledge = Arc::new(knowledge);
        desired
            .into_iter()
            .filter_map(|(name, desired)| {
                let target = inputs.inventory().hosts.get(&name)?.target.clone();
                let with_facts = needs_facts.contains(&name).then(|| with_facts(&name, &inputs, &knowledge, secrecy));
                Some((name, HostTask { target, desired, with_facts }))
            })
            .collect()
    }
}

fn tag_filter(given: &[String], playbooks: &[Playbook]) -> Result<TagFilter, Failure> {
    TagFilter::parse(given, playbooks)
        .map_err(|(wrong, help)| Failure::Usage(format!("--tags {}: {wrong}\n help: {help}", given.join(","))))
}

/// Hosts of which the tags leave nothing are none of the run's.
fn keep_selected(
    desired: &mut BTreeMap<HostName, Desired>,
    needs_facts: &BTreeSet<HostName>,
    filter: &TagFilter,
) -> Option<Diagnostic> {
    let hosts = desired.len();
    let asked: Vec<&str> = filter.asked().collect();
    if asked.is_empty() {
        return None;
    }
    desired.retain(|host, one| one.has_selected() || needs_facts.contains(host));
    (desired.is_empty() && hosts > 0).then(|| {
        let message = format!("nothing that is tagged {} is about any of these hosts", asked.join(", "));
        Diagnostic::warning(message).help("look at `hosts:`, `when:` and `tags:` in the playbook")
    })
}

/// Compiles until nothing is missing that can be had: secrets are fetched, all at once, when it is known which are
/// needed; what a value leads to may need another.
fn compile(inputs: &Inputs, limit: &BTreeSet<HostName>, secrecy: Secrecy) -> Result<(Compiled, Knowledge), Failure> {
    let mut knowledge = Knowledge::default();
    let compiled = loop {
        let compiled = inputs.compile(limit, &knowledge);
        let needs = match &compiled {
            Ok(compiled) if secrecy == Secrecy::Resolved && !compiled.needs.secrets.is_empty() => &compiled.needs,
            _ => break compiled,
        };
        match secrets::fetch(&needs.secrets, &variable) {
            Ok(fetched) => knowledge.secrets.extend(fetched),
            Err(wrong) => break Err(wrong),
        }
    };
    // What is said of a mistake is printed as well.
    Terminal::hide(knowledge.secrets.values().map(SecretValue::expose));
    compiled.map(|compiled| (compiled, knowledge)).map_err(Failure::Invalid)
}

/// Compiles one host again when its facts are known. A warning has been given before, with those of all hosts.
fn with_facts(host: &HostName, inputs: &Arc<Inputs>, knowledge: &Arc<Knowledge>, secrecy: Secrecy) -> WithFacts {
    let (host, inputs, knowledge) = (host.clone(), Arc::clone(inputs), Arc::clone(knowledge));
    WithFacts(Arc::new(move |facts: &HostFacts| {
        let mut known = Knowledge::clone(&knowledge);
        known.facts.insert(host.clone(), facts.clone());
        let compiled = deep(|| inputs.compile(&BTreeSet::from([host.clone()]), &known));
        let mut compiled =
            compiled.map_err(|wrong| wrong.iter().map(brief).collect::<String>().trim_end().to_owned())?;
        if let (Some(source), Secrecy::Resolved) = (compiled.needs.secrets.keys().next(), secrecy) {
            return Err(format!("with these facts a secret from {source} is needed, which was not fetched"));
        }
        // With these facts every manifest may have turned out to be about other hosts.
        Ok(compiled.desired.remove(&host).unwrap_or_else(|| Desired::empty(host.clone())))
    }))
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
    let mut paths = global.inventories()?;
    if paths.is_empty() {
        paths.push(default_inventory(playbooks, global.project.root.as_deref())?);
    }
    let (inventory, found) = read_inventory_for(&paths, playbooks)?;
    warnings.extend(found);
    Ok(inventory)
}

/// `inventory.yaml` beside the playbook, in the project's root, or here.
fn default_inventory(playbooks: &[PathBuf], root: Option<&Path>) -> Result<PathBuf, Vec<Diagnostic>> {
    let beside = playbooks.iter().filter_map(|path| path.parent()).flat_map(Path::ancestors);
    let folders: Vec<&Path> = std::iter::once(Path::new("")).chain(beside).chain(root).collect();
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
