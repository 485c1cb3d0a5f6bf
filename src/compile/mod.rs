//! Manifests, inventory and templates → what each host shall look like.
//!
//! [`Inputs::compile`] selects the hosts of every manifest, settles the variables of each, renders every name and text, and
//! checks what only the finished text can tell: a unit that shall be enabled has an `[Install]`, a mount is named
//! after its path, two manifests do not want the same thing. All mistakes of all hosts are collected; one that is the
//! same on many hosts is told once. Nothing it says shows a variable's value.
//!
//! | module | responsible for |
//! |---|---|
//! | `filters`, `functions` | what templates have beyond the engine's own |
//! | `variables` | layers of variables → one context, lazily and without circles |
//! | `knowledge` | secrets and facts, as far as they are known |
//! | `definitions` | where a variable is defined, for messages |
//! | `scope` | one manifest on one host: rendering with places |
//! | `conditions`, `compared` | `when:` |
//! | `unit`, `unit_text`, `rules`, `unused`, `watch`, `hold` | `units:` |
//! | `credentials` | `credentials:` of a unit as files and a drop-in |
//! | `tree`, `account`, `recursion` | `users:`, `directories:`, `files:` |
//! | `lints` | what the rules find in units, and where it was written |
//! | `claims` | each thing has one owner |
//! | `shadows` | variables of a manifest that hide the inventory's |
//!
//! The only files read are those that the playbooks name, through [`Sources`], below the project's root. No host,
//! clock or environment is asked. Which directives exist is not known here: the rules of lint are asked.

mod account;
mod claims;
mod compared;
mod conditions;
mod credentials;
mod definitions;
mod filters;
mod functions;
mod given;
mod hold;
mod knowledge;
mod lints;
mod messages;
mod recursion;
mod rules;
mod scope;
mod shadows;
mod tree;
mod unit;
mod unit_text;
mod unused;
mod variables;
mod watch;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::load::check_unique;
use crate::load::inventory::Inventory;
use crate::load::manifest::{DefaultTarget, Manifest, Playbook, Selection};
use crate::load::spans::Seg;
use crate::load::tags::TagFilter;
use crate::model::{Desired, Diagnostic, HostName, UnitKind, UnitName, Vars, Wanted};
use crate::render::{Context, Files, Renderer, Search};

use claims::{Claims, Kind};
use conditions::There;
use functions::{Peers, Project};
use messages::Messages;
use scope::{Common, Scope, key};
use shadows::Shadows;

pub use knowledge::{Knowledge, Needs, stand_in};

/// Where templates and `source:` files come from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Reads them, each once.
    pub files: Files,
    /// Folders given with `--templates`, searched last.
    pub templates: Vec<PathBuf>,
}

/// What was compiled.
#[derive(Clone, Debug, Default)]
pub struct Compiled {
    /// What each host shall look like.
    pub desired: BTreeMap<HostName, Desired>,
    /// What is worth a word.
    pub warnings: Vec<Diagnostic>,
    /// What was missed: with it the result would be another.
    pub needs: Needs,
}

/// Everything that was read and that a compilation is a function of, but for secrets and facts.
#[derive(Debug, Default)]
pub struct Inputs {
    playbooks: Vec<Playbook>,
    inventory: Inventory,
    extra: Vars,
    sources: Sources,
    tags: TagFilter,
    /// `groups` and `inventory`, the same for every host and made once.
    fleet: OnceLock<Context>,
    peers: OnceLock<Arc<Peers>>,
    /// The hosts of every manifest, playbook by playbook: each host may be compiled once more, with its facts.
    selected: OnceLock<Vec<Vec<Selected>>>,
}

type Selected = Result<Arc<BTreeSet<HostName>>, Diagnostic>;

impl Inputs {
    /// Takes what was read. `extra` are the variables of the command line.
    #[must_use]
    pub fn new(playbooks: Vec<Playbook>, inventory: Inventory, extra: Vars, sources: Sources) -> Self {
        Self { playbooks, inventory, extra, sources, ..Self::default() }
    }

    /// Limits the run to what the tags select.
    #[must_use]
    pub fn limited(self, tags: TagFilter) -> Self {
        Self { tags, ..self }
    }

    /// The inventory.
    #[must_use]
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// What every host of `limit` that a manifest selects shall look like; or everything that is wrong.
    pub fn compile(&self, limit: &BTreeSet<HostName>, knowledge: &Knowledge) -> Result<Compiled, Vec<Diagnostic>> {
        let Self { playbooks, inventory, extra, sources, tags, fleet, peers, selected } = self;
        let mut needs = Needs::default();
        let mut messages = Messages::default();
        messages.extend(check_unique(playbooks));
        let fleet = fleet.get_or_init(|| variables::fleet(inventory));
        let peers = peers.get_or_init(|| Arc::new(Peers::new(inventory, fleet)));
        let hosts_of = |playbook: &Playbook| -> Vec<Selected> {
            playbook.manifests.iter().map(|manifest| hosts_of(manifest, inventory)).collect()
        };
        let selected = selected.get_or_init(|| playbooks.iter().map(hosts_of).collect());
        let jobs = playbooks.iter().zip(selected);
        let jobs: Vec<Job> =
            jobs.flat_map(|(playbook, selected)| jobs_of(playbook, selected, peers, sources, &mut messages)).collect();
        let mut compiled = BTreeMap::new();
        let mut shadows = Shadows::default();
        for host in limit {
            let mine: Vec<&Job> = jobs.iter().filter(|job| job.hosts.contains(host)).collect();
            if mine.is_empty() {
                continue;
            }
            messages.host(host);
            let of_host = RefCell::default();
            let given = Given { inventory, extra, fleet, sources, tags, knowledge, needs: &of_host };
            let mut desired = one_host(host, &mine, &given, &mut messages, &mut shadows);
            desired.select(|of_entry| tags.selects(of_entry));
            let of_host = of_host.into_inner();
            // Where every manifest's `when` is false the host is not one of the run, unless its facts are to decide that.
            if !desired.manifests.is_empty() || of_host.facts.contains(host) {
                compiled.insert(host.clone(), desired);
            }
            needs.add(of_host);
        }
        messages.of_no_host(shadows.hints());
        messages.of_no_host(given::misspelt(extra, playbooks, inventory));
        messages.finish().map(|warnings| Compiled { desired: compiled, warnings, needs })
    }
}

/// What is the same for every host, but for what is missed on one.
struct Given<'a> {
    inventory: &'a Inventory,
    extra: &'a Vars,
    fleet: &'a Context,
    sources: &'a Sources,
    tags: &'a TagFilter,
    knowledge: &'a Knowledge,
    needs: &'a RefCell<Needs>,
}

/// One manifest and the hosts it selects.
struct Job<'a> {
    playbook: &'a Playbook,
    manifest: &'a Manifest,
    renderer: std::rc::Rc<Renderer>,
    hosts: Arc<BTreeSet<HostName>>,
}

fn jobs_of<'a>(
    playbook: &'a Playbook,
    selected: &[Selected],
    peers: &Arc<Peers>,
    sources: &Sources,
    messages: &mut Messages,
) -> Vec<Job<'a>> {
    let search = Search::of_playbook(&playbook.path, &playbook.root, &sources.templates);
    let mut renderer = Renderer::new(search, &sources.files, filters::register);
    let project = Project {
        folder: playbook.path.parent().map(Path::to_path_buf).unwrap_or_default(),
        root: playbook.root.clone(),
        files: sources.files.clone(),
    };
    renderer.teach(&filters::NAMES, |environment| functions::register_asking(environment, peers, project));
    let renderer = std::rc::Rc::new(renderer);
    let mut jobs = Vec::new();
    for (manifest, hosts) in playbook.manifests.iter().zip(selected) {
        match hosts.clone() {
            Ok(hosts) => {
                if hosts.is_empty() {
                    messages.push(nothing_selected(manifest));
                }
                jobs.push(Job { playbook, manifest, renderer: std::rc::Rc::clone(&renderer), hosts });
            }
            Err(diagnostic) => messages.push(diagnostic),
        }
    }
    jobs
}

fn hosts_of(manifest: &Manifest, inventory: &Inventory) -> Selected {
    let hosts = manifest.selector.select(inventory);
    hosts.map(|hosts| Arc::new(hosts.into_iter().collect())).map_err(|error| {
        let span = manifest.spans.value(&[key("hosts")]);
        error.diagnostic(manifest.spans.source(), span)
    })
}

fn nothing_selected(manifest: &Manifest) -> Diagnostic {
    Diagnostic::warning(format!("manifest `{}` selects no host of the inventory", manifest.name)).at(
        manifest.spans.source(),
        manifest.spans.value(&[key("hosts")]),
        "",
    )
}

fn one_host(host: &HostName, jobs: &[&Job], given: &Given, messages: &mut Messages, shadows: &mut Shadows) -> Desired {
    let of_host = given.inventory.hosts.get(host);
    let mut desired = Desired::empty(host.clone());
    let mut claims = Claims::default();
    for job in jobs {
        let manifest = job.manifest;
        let common = Common {
            playbook: job.playbook,
            manifest,
            renderer: &job.renderer,
            files: &given.sources.files,
            host,
            knowledge: given.knowledge,
            needs: given.needs,
        };
        let scope = Scope::new(common, of_host, given.extra, given.fleet);
        let mut draft = Draft { desired: &mut desired, claims: &mut claims, messages, tags: given.tags };
        // Before anything else of it: what is wrong in a manifest that is not about the host does not matter.
        match draft.messages.keep(scope.applies(&manifest.selection.when, &[])) {
            Some(There::Yes) => {
                draft.desired.manifests.insert(manifest.name.clone());
                draft.messages.extend(scope.wrong_variables());
                if let Some(of_host) = of_host {
                    shadows.look(manifest, &job.renderer, of_host);
                }
                contents(&scope, &mut draft);
            }
            Some(There::Perhaps) => draft.aside(|draft| contents(&scope, draft)),
            Some(There::No) | None => {}
        }
    }
    messages.extend(recursion::contradictions(&desired, &claims));
    messages.extend(account::homes_declared_absent(&desired, &claims));
    desired
}

/// Everything in a manifest.
fn contents(scope: &Scope, draft: &mut Draft) {
    let manifest = scope.manifest;
    let at = |section: &str, name: &str| [key(section), key(name)];
    for (written, entry) in &manifest.users {
        let compile = |draft: &mut Draft<'_>| tree::user(scope, written, entry, draft);
        draft.entry(scope, &entry.selection, &at("users", written), compile);
    }
    for (written, entry) in &manifest.directories {
        let compile = |draft: &mut Draft<'_>| tree::directory(scope, written, entry, draft);
        draft.entry(scope, &entry.selection, &at("directories", written), compile);
    }
    for (written, entry) in &manifest.files {
        let compile = |draft: &mut Draft<'_>| tree::file(scope, written, entry, draft);
        draft.entry(scope, &entry.selection, &at("files", written), compile);
    }
    for (written, entry) in &manifest.units {
        unit::unit(scope, written, entry, draft);
    }
    if let Some(written) = &manifest.default_target {
        let result = default_target(scope, written, draft);
        draft.messages.keep(result);
    }
}

/// One host's result while it is put together.
struct Draft<'a> {
    desired: &'a mut Desired,
    claims: &'a mut Claims,
    messages: &'a mut Messages,
    tags: &'a TagFilter,
}

fn default_target(scope: &Scope, written: &DefaultTarget, draft: &mut Draft) -> Result<(), Diagnostic> {
    const DEAD_ENDS: [&str; 6] = ["poweroff", "reboot", "halt", "kexec", "rescue", "emergency"];
    let path: [Seg; 1] = [key("default_target")];
    let DefaultTarget::Named(written) = written else {
        let claim = draft.claims.claim((Kind::DefaultTarget, ""), scope, &path, &Selection::default())?;
        draft.desired.default_target = Some((Wanted::Absent, claim));
        return Ok(());
    };
    let name = scope.name(written, &path, UnitName::parse, "the name of a target")?;
    if name.kind() != UnitKind::Target || name.is_template() || name.as_str() == "default.target" {
        return Err(scope.error(&path, "the default target has to be a target, such as `multi-user.target`"));
    }
    if DEAD_ENDS.contains(&name.prefix()) {
        return Err(scope
            .error(&path, format!("a host that boots into `{name}` cannot be reached again"))
            .help("use `multi-user.target` or `graphical.target`"));
    }
    let claim = draft.claims.claim((Kind::DefaultTarget, ""), scope, &path, &Selection::default())?;
    draft.desired.default_target = Some((Wanted::Present(name), claim));
    Ok(())
}

#[cfg(test)]
mod cases;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod template_cases;
#[cfg(test)]
mod tests;
