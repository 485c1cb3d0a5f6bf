//! Layers of variables → one context.
//!
//! As in Ansible, the strongest definition of each name wins first, and only then are its `{{ … }}` rendered, so that
//! `defaults: {dir: "{{ base }}/app"}` follows a `base` that the inventory overrides. A variable that names itself
//! means its next weaker definition (`path: "{{ path }}:/opt/bin"`). Circles are errors.
//!
//! A playbook's own variables have to be right. Those of an inventory may be meant for somebody else's playbooks: one
//! that cannot be rendered is an error only where it is used.
//!
//! A secret is a variable of which only the source is written. What it goes into is marked ([`Taint`]), and so is what
//! that goes into.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::knowledge::{of_secret, stand_in};
use crate::load::inventory::{self, Inventory};
use crate::load::manifest::SecretEntry;
use crate::load::spans::{Seg, Spans};
use crate::model::{Diagnostic, SecretSource, Secrets, SourceFile, Vars};
use crate::render::{Context, Files, Renderer, Search, Site, Taint, is_templated};

/// How many variables may each need the next. No person writes so many, and each costs stack.
const MAX_CHAIN: usize = 100;

/// Some variables, and where they are written.
#[derive(Clone, Debug)]
pub(super) struct Layer<'a> {
    pub(super) vars: &'a Vars,
    pub(super) origin: Origin<'a>,
}

/// The secrets of a manifest, which are stronger than any variable.
#[derive(Clone, Copy, Debug)]
pub(super) struct SecretLayer<'a> {
    pub(super) entries: &'a BTreeMap<String, SecretEntry>,
    /// Where they are written.
    pub(super) origin: &'a Origin<'a>,
    /// The playbook's folder: commands run there, and files are looked for there.
    pub(super) folder: &'a Path,
    /// Values that are known.
    pub(super) known: &'a Secrets,
}

/// Where a layer is written.
#[derive(Clone, Debug)]
pub(super) enum Origin<'a> {
    /// At this path of a manifest.
    Manifest(&'a Spans, Vec<Seg>),
    /// In the files of an inventory, each of which says something of the host.
    Inventory(&'a [Arc<inventory::Layer>]),
    CommandLine,
}

/// Where the inventory says last what a variable is, in words: to show the line itself would show the value.
pub(super) fn written_at(layers: &[Arc<inventory::Layer>], name: &str) -> Option<String> {
    let last = |layer: &Arc<inventory::Layer>| layer.entries.iter().rfind(|entry| entry.name == name).cloned();
    let (layer, entry) = layers.iter().rev().find_map(|layer| Some((layer, last(layer)?)))?;
    let definition = inventory::Definition { layer, entry: &entry };
    Some(format!("{}, {}", definition.place(), layer.what))
}

impl Origin<'_> {
    /// An error of a variable, with the variable's name where there is no place to show.
    fn tell(&self, name: &str, mut wrong: Diagnostic) -> Diagnostic {
        let whose = match self {
            Origin::Manifest(..) => return wrong,
            Origin::Inventory(layers) => match written_at(layers, name) {
                Some(place) => format!("of the inventory ({place})"),
                None => "of the inventory".to_owned(),
            },
            Origin::CommandLine => "given with `-e`".to_owned(),
        };
        wrong.labels.clear();
        wrong.message = format!("the variable `{name}` {whose} cannot be used: {}", wrong.message);
        wrong
    }

    /// An error without its places, where these would be of no file.
    fn place(&self, mut wrong: Diagnostic) -> Diagnostic {
        if !matches!(self, Origin::Manifest(..)) {
            wrong.labels.retain(|label| !label.source.name.is_empty());
        }
        wrong
    }

    /// The place of a value; one without text, where showing the text would show a value.
    fn site(&self, nested: &[Seg]) -> Site {
        match self {
            Origin::Manifest(spans, path) => {
                let path: Vec<Seg> = path.iter().chain(nested).cloned().collect();
                Site { source: Arc::clone(spans.source()), span: spans.value(&path) }
            }
            Origin::Inventory(_) | Origin::CommandLine => nowhere(),
        }
    }
}

fn nowhere() -> Site {
    let source = SourceFile { name: String::new(), text: String::new() };
    Site { source: Arc::new(source), span: Range::default() }
}

/// Variables, ready for use.
#[derive(Clone, Debug, Default)]
pub(super) struct Settled {
    /// All that could be rendered.
    pub(super) context: Context,
    /// Why the others could not.
    pub(super) unusable: BTreeMap<String, Diagnostic>,
    /// What is wrong in the playbook or on the command line.
    pub(super) wrong: Vec<Diagnostic>,
    /// Where the secrets come from.
    pub(super) sources: BTreeMap<String, SecretSource>,
}

impl Settled {
    /// Whether something that is marked so is made of stand-ins: facts that are none of the host's, or secrets that are
    /// not known.
    pub(super) fn is_guess(&self, taint: &Taint, guessed_facts: bool, known: Option<&Secrets>) -> bool {
        let unknown = |name: &String| {
            self.sources.get(name).is_none_or(|source| known.is_none_or(|known| !known.contains_key(source)))
        };
        taint.facts && guessed_facts || taint.secrets.iter().any(unknown)
    }
}

/// Renders the layers, weakest first, over the built-in variables. `guessed`: the facts among these are none of the
/// host's.
pub(super) fn settle(
    layers: &[Layer],
    secrets: Option<SecretLayer>,
    built_in: &Context,
    guessed: bool,
    renderer: &Renderer,
) -> Settled {
    let mut definitions: BTreeMap<&str, Vec<Definition>> = BTreeMap::new();
    for layer in layers {
        for (name, value) in layer.vars {
            let value = Written::Value(value);
            definitions.entry(name).or_default().push(Definition { name, value, origin: &layer.origin });
        }
    }
    for (name, entry) in secrets.iter().flat_map(|layer| layer.entries) {
        let origin = secrets.map_or(&Origin::CommandLine, |layer| layer.origin);
        definitions.entry(name).or_default().push(Definition { name, value: Written::Secret(entry), origin });
    }
    let given = definitions.values().filter_map(|all| match all.as_slice() {
        [.., weaker, Definition { name, value: Written::Secret(_), .. }] => {
            matches!(weaker.origin, Origin::CommandLine).then(|| on_command_line(name))
        }
        _ => None,
    });
    let wrong: Vec<Diagnostic> = given.collect();
    let names = definitions.keys().copied().chain(built_in.names());
    let mut work = Work {
        names: Arc::new(names.map(str::to_owned).collect()),
        renderer,
        built_in,
        done: BTreeMap::new(),
        under_way: Vec::new(),
        too_far: None,
        settled: Settled { context: built_in.clone(), wrong, ..Settled::default() },
        definitions,
        secrets,
        guessed,
    };
    let strongest: Vec<(&str, usize)> = work.definitions.iter().map(|(name, all)| (*name, all.len() - 1)).collect();
    for (name, strength) in strongest {
        match work.resolve(name, strength) {
            Ok((value, taint)) => work.settled.context.set_tainted(name, &value, &taint),
            Err(diagnostic) => work.fail(name, strength, diagnostic),
        }
    }
    work.settled.context.suggest(&work.names);
    work.settled
}

fn on_command_line(name: &str) -> Diagnostic {
    Diagnostic::error(format!("`{name}` is a secret, and `-e` shows what it is given to everybody on this machine"))
        .help("put it where `secrets:` says that it comes from, such as an environment variable")
}

/// The built-in variables `groups` and `inventory`, the same for every host.
pub(super) fn fleet(inventory: &Inventory) -> Context {
    let names = |hosts: &[crate::model::HostName]| hosts.iter().map(|host| host.as_str().into()).collect();
    let groups: Vars =
        inventory.groups.iter().map(|(name, group)| (name.clone(), Value::Array(names(&group.hosts)))).collect();
    let renderer = Renderer::new(Search::default(), &Files::new(), super::filters::register);
    let mut hosts = Vars::new();
    for (name, host) in &inventory.hosts {
        let address = host.target.address.as_deref().unwrap_or(name.as_str());
        let mut vars = Vars::new();
        vars.insert("address".to_owned(), address.into());
        vars.extend(settled_alone(name.as_str(), &host.vars, &renderer));
        hosts.insert(name.as_str().to_owned(), Value::Object(vars));
    }
    let mut context = Context::default();
    context.set("groups", &Value::Object(groups));
    context.set("inventory", &Value::Object(hosts));
    context
}

/// A host's variables as they are without any playbook; what needs one is left out.
fn settled_alone(host: &str, vars: &Vars, renderer: &Renderer) -> Vars {
    let mut built_in = Context::default();
    built_in.set("host", &host.into());
    let layer = Layer { vars, origin: Origin::Inventory(&[]) };
    let settled = settle(&[layer], None, &built_in, false, renderer);
    let usable = vars.keys().filter(|name| !settled.unusable.contains_key(*name));
    usable.filter_map(|name| Some((name.clone(), settled.context.get(name)?))).collect()
}

/// The error of an unusable variable that an error is only the consequence of, told at the place of the use.
pub(super) fn blamed(wrong: &Diagnostic, unusable: &BTreeMap<String, Diagnostic>) -> Option<Diagnostic> {
    let named = wrong.message.strip_suffix("` is not defined")?.strip_prefix('`')?;
    let cause = unusable.get(named.split(['.', '[']).next()?)?;
    let mut told = cause.clone();
    if told.labels.is_empty() {
        told.labels.clone_from(&wrong.labels);
    }
    Some(told)
}

#[derive(Clone, Copy)]
struct Definition<'a> {
    name: &'a str,
    value: Written<'a>,
    origin: &'a Origin<'a>,
}

/// What is written of a variable.
#[derive(Clone, Copy)]
enum Written<'a> {
    Value(&'a Value),
    Secret(&'a SecretEntry),
}

struct Work<'a> {
    /// By name, weakest first.
    definitions: BTreeMap<&'a str, Vec<Definition<'a>>>,
    names: Arc<BTreeSet<String>>,
    renderer: &'a Renderer,
    built_in: &'a Context,
    /// What each definition came to, by name and strength.
    done: BTreeMap<(&'a str, usize), Resolved>,
    under_way: Vec<(&'a str, usize)>,
    /// A chain of variables that is too long.
    too_far: Option<Diagnostic>,
    settled: Settled,
    secrets: Option<SecretLayer<'a>>,
    guessed: bool,
}

impl<'a> Work<'a> {
    fn resolve(&mut self, name: &'a str, strength: usize) -> Resolved {
        if let Some(done) = self.done.get(&(name, strength)) {
            return done.clone();
        }
        let definition = self.definitions[name][strength];
        self.under_way.push((name, strength));
        let value = self.evaluate(definition, strength);
        self.under_way.pop();
        self.done.insert((name, strength), value.clone());
        value
    }

    fn evaluate(&mut self, definition: Definition<'a>, strength: usize) -> Resolved {
        let mut asked = BTreeSet::new();
        let mut ask = |text: &str| asked.extend(self.renderer.variables(text));
        match definition.value {
            Written::Value(value) => strings(value, &mut ask),
            Written::Secret(entry) => texts(entry).into_iter().for_each(|(_, text)| ask(text)),
        }
        let mut context = Context::default();
        context.suggest(&self.names);
        let mut unusable = BTreeMap::new();
        for other in &asked {
            let Some((other, strength)) = self.definition_for(other, definition, strength) else {
                context.share(other, self.built_in);
                continue;
            };
            if let Some(start) = self.under_way.iter().position(|known| *known == (other, strength)) {
                return Err(self.circle(start, definition));
            }
            if self.under_way.len() >= MAX_CHAIN && self.too_far.is_none() {
                self.too_far = Some(too_far(definition));
            }
            // Told once: what comes after is the same chain.
            if let Some(wrong) = &self.too_far {
                return Err(wrong.clone());
            }
            match self.resolve(other, strength) {
                Ok((value, taint)) => context.set_tainted(other, &value, &taint),
                Err(wrong) => drop(unusable.insert(other.to_owned(), wrong)),
            }
        }
        let tell = |wrong: Diagnostic| match blamed(&wrong, &unusable) {
            Some(cause) => definition.origin.place(cause),
            None => definition.origin.tell(definition.name, wrong),
        };
        let value = match definition.value {
            Written::Secret(entry) => return self.secret(definition, entry, &context, tell),
            Written::Value(value) => value,
        };
        let mut path = vec![Seg::Key(definition.name.to_owned())];
        let mut taint = Taint::default();
        let value = render(value, &mut path, &mut |text, path| {
            let rendered = self.renderer.value(text, &context, &definition.origin.site(path));
            taint.add(&rendered.taint);
            match rendered.result {
                // A stand-in need not be what is expected of the value.
                Err(_) if self.is_guess(&rendered.taint) => Ok(Value::String("‹unknown›".to_owned())),
                result => result.map_err(&tell),
            }
        })?;
        Ok((value, taint))
    }

    /// The value of a secret, or its stand-in.
    fn secret(
        &mut self,
        definition: Definition<'a>,
        entry: &SecretEntry,
        context: &Context,
        tell: impl Fn(Diagnostic) -> Diagnostic,
    ) -> Resolved {
        let name = definition.name;
        let mut rendered = Vec::new();
        for (path, text) in texts(entry) {
            let path: Vec<Seg> = std::iter::once(Seg::Key(name.to_owned())).chain(path).collect();
            let site = definition.origin.site(&path);
            let text = self.renderer.text(text, context, &site);
            if !text.taint.is_none() {
                let what = if text.taint.facts { "the host's facts" } else { "another secret" };
                let message = format!("where the secret `{name}` comes from cannot depend on {what}");
                return Err(Diagnostic::error(message).at(&site.source, site.span, ""));
            }
            rendered.push(text.result.map_err(&tell)?);
        }
        let Some(layer) = &self.secrets else {
            return Ok((Value::String(stand_in(name)), of_secret(name)));
        };
        let first = || rendered.first().cloned().unwrap_or_default();
        let source = match entry {
            SecretEntry::Command(_) => {
                SecretSource::Command { words: rendered.clone(), folder: layer.folder.to_owned() }
            }
            SecretEntry::Env(_) => SecretSource::Env(first()),
            SecretEntry::File(_) if first().starts_with("~/") => SecretSource::File(first().into()),
            SecretEntry::File(_) => SecretSource::File(layer.folder.join(first())),
        };
        let value = layer.known.get(&source).map_or_else(|| stand_in(name), |value| value.expose().to_owned());
        self.settled.sources.insert(name.to_owned(), source);
        Ok((Value::String(value), of_secret(name)))
    }

    /// Whether something that is marked so is made of stand-ins.
    fn is_guess(&self, taint: &Taint) -> bool {
        let known = self.secrets.map(|layer| layer.known);
        self.settled.is_guess(taint, self.guessed, known)
    }

    /// The definition that a name means inside of another: the strongest, or for the same name the next weaker one.
    fn definition_for(&self, other: &str, inside: Definition<'a>, strength: usize) -> Option<(&'a str, usize)> {
        let (name, all) = self.definitions.get_key_value(other)?;
        let strength = if other == inside.name { strength } else { all.len() };
        strength.checked_sub(1).map(|strength| (*name, strength))
    }

    fn circle(&self, start: usize, definition: Definition) -> Diagnostic {
        let mut names: Vec<&str> = self.under_way[start..].iter().map(|(name, _)| *name).collect();
        names.extend(names.first().copied());
        let site = definition.origin.site(&[Seg::Key(definition.name.to_owned())]);
        let message = format!("these variables are defined by each other: {}", names.join(" → "));
        let circle = Diagnostic::error(message).at(&site.source, site.span, "");
        definition.origin.tell(definition.name, circle).help("give one of them a value that does not need the others")
    }

    fn fail(&mut self, name: &str, strength: usize, diagnostic: Diagnostic) {
        if !matches!(self.definitions[name][strength].origin, Origin::Inventory(_)) {
            self.settled.wrong.push(diagnostic.clone());
        }
        self.settled.unusable.insert(name.to_owned(), diagnostic);
    }
}

fn too_far(definition: Definition) -> Diagnostic {
    let site = definition.origin.site(&[Seg::Key(definition.name.to_owned())]);
    let message = format!("to know this variable takes more than {MAX_CHAIN} others, each of which needs the next");
    let told = Diagnostic::error(message).at(&site.source, site.span, "");
    definition.origin.tell(definition.name, told).help("give one of them a value that does not need the others")
}

/// The texts that say where a secret comes from, each with its path below the secret's name.
fn texts(entry: &SecretEntry) -> Vec<(Vec<Seg>, &str)> {
    let below = |word: &str| vec![Seg::Key(word.to_owned())];
    match entry {
        SecretEntry::Command(words) => words
            .iter()
            .enumerate()
            .map(|(at, word)| ([below("command"), vec![Seg::Index(at)]].concat(), word.as_str()))
            .collect(),
        SecretEntry::Env(name) => vec![(below("env"), name.as_str())],
        SecretEntry::File(path) => vec![(below("file"), path.as_str())],
    }
}

/// Calls `seen` with every string inside of a value.
fn strings(value: &Value, seen: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => seen(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, seen)),
        Value::Object(map) => map.values().for_each(|item| strings(item, seen)),
        _ => {}
    }
}

type Rendered = Result<Value, Diagnostic>;
/// What a variable came to, and what went into it.
type Resolved = Result<(Value, Taint), Diagnostic>;

/// A value with every string inside of it rendered.
fn render(value: &Value, path: &mut Vec<Seg>, string: &mut impl FnMut(&str, &[Seg]) -> Rendered) -> Rendered {
    let mut below = |step: Seg, item: &Value| {
        path.push(step);
        let rendered = render(item, path, string);
        path.pop();
        rendered
    };
    Ok(match value {
        Value::String(text) if is_templated(text) => return string(text, path),
        Value::Array(items) => {
            let items = items.iter().enumerate().map(|(at, item)| below(Seg::Index(at), item));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Value::Object(map) => {
            let items = map.iter().map(|(key, item)| Ok((key.clone(), below(Seg::Key(key.clone()), item)?)));
            Value::Object(items.collect::<Result<_, Diagnostic>>()?)
        }
        plain => plain.clone(),
    })
}
