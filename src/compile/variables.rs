//! Layers of variables → one context.
//!
//! As in Ansible, the strongest definition of each name wins first, and only then are its `{{ … }}` rendered, so that
//! `defaults: {dir: "{{ base }}/app"}` follows a `base` that the inventory overrides. A variable that names itself
//! means its next weaker definition (`path: "{{ path }}:/opt/bin"`). Circles are errors.
//!
//! A playbook's own variables have to be right. Those of an inventory may be meant for somebody else's playbooks: one
//! that cannot be rendered is an error only where it is used.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;

use crate::load::inventory::Inventory;
use crate::load::spans::{Seg, Spans};
use crate::model::{Diagnostic, SourceFile, Vars};
use crate::render::{Context, Files, Renderer, Search, Site, is_templated};

/// Some variables, and where they are written.
#[derive(Clone, Debug)]
pub(super) struct Layer<'a> {
    pub(super) vars: &'a Vars,
    pub(super) origin: Origin<'a>,
}

/// Where a layer is written.
#[derive(Clone, Debug)]
pub(super) enum Origin<'a> {
    /// At this path of a manifest.
    Manifest(&'a Spans, Vec<Seg>),
    Inventory,
    CommandLine,
}

impl Origin<'_> {
    /// An error of a variable, with the variable's name where there is no place to show.
    fn tell(&self, name: &str, mut wrong: Diagnostic) -> Diagnostic {
        let whose = match self {
            Origin::Manifest(..) => return wrong,
            Origin::Inventory => "of the inventory",
            Origin::CommandLine => "given with `-e`",
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
            Origin::Inventory | Origin::CommandLine => nowhere(),
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
}

/// Renders the layers, weakest first, over the built-in variables.
pub(super) fn settle(layers: &[Layer], built_in: &Context, renderer: &Renderer) -> Settled {
    let mut definitions: BTreeMap<&str, Vec<Definition>> = BTreeMap::new();
    for layer in layers {
        for (name, value) in layer.vars {
            definitions.entry(name).or_default().push(Definition { name, value, origin: &layer.origin });
        }
    }
    let names = definitions.keys().copied().chain(built_in.names());
    let mut work = Work {
        names: Arc::new(names.map(str::to_owned).collect()),
        renderer,
        built_in,
        done: BTreeMap::new(),
        under_way: Vec::new(),
        settled: Settled { context: built_in.clone(), ..Settled::default() },
        definitions,
    };
    let strongest: Vec<(&str, usize)> = work.definitions.iter().map(|(name, all)| (*name, all.len() - 1)).collect();
    for (name, strength) in strongest {
        match work.resolve(name, strength) {
            Ok(value) => work.settled.context.set(name, &value),
            Err(diagnostic) => work.fail(name, strength, diagnostic),
        }
    }
    work.settled.context.suggest(&work.names);
    work.settled
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
    let layer = Layer { vars, origin: Origin::Inventory };
    let settled = settle(&[layer], &built_in, renderer);
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
    value: &'a Value,
    origin: &'a Origin<'a>,
}

struct Work<'a> {
    /// By name, weakest first.
    definitions: BTreeMap<&'a str, Vec<Definition<'a>>>,
    names: Arc<BTreeSet<String>>,
    renderer: &'a Renderer,
    built_in: &'a Context,
    /// What each definition came to, by name and strength.
    done: BTreeMap<(&'a str, usize), Result<Value, Diagnostic>>,
    under_way: Vec<(&'a str, usize)>,
    settled: Settled,
}

impl<'a> Work<'a> {
    fn resolve(&mut self, name: &'a str, strength: usize) -> Result<Value, Diagnostic> {
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

    fn evaluate(&mut self, definition: Definition<'a>, strength: usize) -> Result<Value, Diagnostic> {
        let mut asked = BTreeSet::new();
        strings(definition.value, &mut |text| {
            asked.extend(self.renderer.variables(text));
        });
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
            match self.resolve(other, strength) {
                Ok(value) => context.set(other, &value),
                Err(wrong) => drop(unusable.insert(other.to_owned(), wrong)),
            }
        }
        let mut path = vec![Seg::Key(definition.name.to_owned())];
        render(definition.value, &mut path, &mut |text, path| {
            let rendered = self.renderer.value(text, &context, &definition.origin.site(path));
            rendered.map_err(|wrong| match blamed(&wrong, &unusable) {
                Some(cause) => definition.origin.place(cause),
                None => definition.origin.tell(definition.name, wrong),
            })
        })
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
        if !matches!(self.definitions[name][strength].origin, Origin::Inventory) {
            self.settled.wrong.push(diagnostic.clone());
        }
        self.settled.unusable.insert(name.to_owned(), diagnostic);
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
