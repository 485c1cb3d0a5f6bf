//! One manifest on one host: rendering its strings, with the place of each.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::definitions;
use super::knowledge::{self, Knowledge, Needs};
use super::variables::{Layer, Origin, SecretLayer, Settled, blamed, settle};
use crate::load::inventory::Host;
use crate::load::manifest::{Expr, Manifest, Playbook, Setting};
use crate::load::spans::Seg;
use crate::model::{Diagnostic, HostFacts, HostName, Label, NameError, OnChange, RunState, Vars};
use crate::render::{Context, Files, Rendered, Renderer, Shape, Site, Taint, is_templated};

const NO_PLACE_FOR_SECRETS: &str =
    "put it into a file (0600) that the service reads, or give it as a credential: `credentials: {NAME: \"{{ … }}\"}`";

/// What stands where nothing is known yet.
fn unknown() -> String {
    "‹unknown›".to_owned()
}

/// A step to a key.
pub(super) fn key(name: &str) -> Seg {
    Seg::Key(name.to_owned())
}

/// A path with one more key.
pub(super) fn below(path: &[Seg], name: &str) -> Vec<Seg> {
    path.iter().cloned().chain([key(name)]).collect()
}

/// What is the same for all scopes of one manifest on one host.
#[derive(Clone, Copy)]
pub(super) struct Common<'a> {
    pub(super) playbook: &'a Playbook,
    pub(super) manifest: &'a Manifest,
    pub(super) renderer: &'a Renderer,
    pub(super) files: &'a Files,
    pub(super) host: &'a HostName,
    pub(super) knowledge: &'a Knowledge,
    /// What was missed of it.
    pub(super) needs: &'a RefCell<Needs>,
}

impl Common<'_> {
    /// Whether the host's facts are only guessed.
    fn guesses_facts(&self) -> bool {
        !self.knowledge.facts.contains_key(self.host)
    }
}

/// Everything that decides what a string of a manifest becomes on a host.
pub(super) struct Scope<'a> {
    pub(super) playbook: &'a Playbook,
    pub(super) manifest: &'a Manifest,
    pub(super) files: &'a Files,
    common: Common<'a>,
    weaker: Vec<Layer<'a>>,
    extra: Layer<'a>,
    built_in: Context,
    settled: Settled,
}

impl<'a> Scope<'a> {
    pub(super) fn new(common: Common<'a>, of_host: Option<&'a Host>, extra: &'a Vars, fleet: &Context) -> Self {
        let Common { manifest, host, knowledge, .. } = common;
        let mut built_in = fleet.clone();
        built_in.set("host", &host.as_str().into());
        built_in.set_tainted("facts", &knowledge::facts(knowledge.facts.get(host)), &knowledge::of_facts());
        let in_manifest = |vars, name| Layer { vars, origin: Origin::Manifest(&manifest.spans, vec![key(name)]) };
        let of_host = of_host.map(|host| Layer { vars: &host.vars, origin: Origin::Inventory(&host.layers) });
        let mut weaker = vec![in_manifest(&manifest.defaults, "defaults")];
        weaker.extend(of_host);
        weaker.push(in_manifest(&manifest.vars, "vars"));
        let extra = Layer { vars: extra, origin: Origin::CommandLine };
        Self::settle(common, weaker, extra, built_in)
    }

    fn settle(common: Common<'a>, weaker: Vec<Layer<'a>>, extra: Layer<'a>, built_in: Context) -> Self {
        let Common { playbook, manifest, files, .. } = common;
        let layers: Vec<Layer> = weaker.iter().cloned().chain([extra.clone()]).collect();
        let origin = Origin::Manifest(&manifest.spans, vec![key("secrets")]);
        let secrets = SecretLayer {
            entries: &manifest.secrets,
            origin: &origin,
            folder: playbook.path.parent().unwrap_or(Path::new("")),
            known: &common.knowledge.secrets,
        };
        let settled = settle(&layers, Some(secrets), &built_in, common.guesses_facts(), common.renderer);
        Self { playbook, manifest, files, common, weaker, extra, built_in, settled }
    }

    /// The same with `vars:` of an entry, which stand at `path`: stronger than the manifest's, weaker than `-e`.
    pub(super) fn with_vars(&self, vars: &'a Vars, path: &[Seg]) -> Scope<'a> {
        let mut weaker = self.weaker.clone();
        weaker.push(Layer { vars, origin: Origin::Manifest(&self.manifest.spans, below(path, "vars")) });
        Scope::settle(self.common, weaker, self.extra.clone(), self.built_in.clone())
    }

    /// Notes what a text that a host gets was made of.
    fn note(&self, taint: &Taint) {
        let Common { manifest, host, knowledge, needs, .. } = self.common;
        if taint.is_none() {
            return;
        }
        let mut needs = needs.borrow_mut();
        if taint.facts && self.common.guesses_facts() {
            needs.facts.insert(host.clone());
        }
        for name in &taint.secrets {
            let Some(source) = self.settled.sources.get(name) else { continue };
            if !knowledge.secrets.contains_key(source) {
                let path = [key("secrets"), key(name)];
                let (spans, text) = (&manifest.spans, String::new());
                let label = Label { source: Arc::clone(spans.source()), span: spans.key(&path), text };
                needs.secrets.entry(source.clone()).or_insert(label);
            }
        }
    }

    /// What came of a rendering, with what went into it. A stand-in need not be what is expected of the value: an error
    /// that only it could have made becomes a stand-in again.
    fn made<T>(&self, rendered: Rendered<T>, stand_in: impl FnOnce() -> T) -> Result<(T, Taint), Diagnostic> {
        let Rendered { result, taint } = rendered;
        self.note(&taint);
        match result {
            Ok(value) => Ok((value, taint)),
            Err(_) if self.is_guess(&taint) => Ok((stand_in(), taint)),
            Err(wrong) => Err(self.explain(wrong)),
        }
    }

    /// Whether something marked so is made of stand-ins.
    fn is_guess(&self, taint: &Taint) -> bool {
        self.settled.is_guess(taint, self.common.guesses_facts(), Some(&self.common.knowledge.secrets))
    }

    /// What the host said of itself. Not to have it yet is noted.
    pub(super) fn host_facts(&self) -> Option<&'a HostFacts> {
        self.note(&knowledge::of_facts());
        self.common.knowledge.facts.get(self.common.host)
    }

    /// Refuses a secret in what is written at `path`, where it would be seen.
    pub(super) fn open<T>(&self, made: (T, Taint), path: &[Seg]) -> Result<T, Diagnostic> {
        open_at(made, &self.site(path))
    }

    /// What was missed of secrets and facts so far.
    pub(super) fn needs(&self) -> &'a RefCell<Needs> {
        self.common.needs
    }

    /// What is wrong with the variables themselves.
    pub(super) fn wrong_variables(&self) -> Vec<Diagnostic> {
        self.settled.wrong.clone()
    }

    /// An error at the value of `path`.
    pub(super) fn error(&self, path: &[Seg], message: impl Into<String>) -> Diagnostic {
        let site = self.site(path);
        Diagnostic::error(message).at(&site.source, site.span, "")
    }

    /// An error at the key of `path`.
    pub(super) fn key_error(&self, path: &[Seg], message: impl Into<String>) -> Diagnostic {
        let site = self.key_site(path);
        Diagnostic::error(message).at(&site.source, site.span, "")
    }

    /// An error at the line in the text at `path` that sets a directive, where there is just one.
    pub(super) fn line_of(&self, path: &[Seg], directive: &str) -> Option<Diagnostic> {
        let Site { source, span } = self.site(path);
        let sets = |line: &&str| {
            let rest = line.trim_start().strip_prefix(directive).map(str::trim_start);
            !directive.is_empty() && rest.is_some_and(|rest| rest.starts_with('='))
        };
        let text = source.text.get(span.clone())?;
        let mut lines = text.split_inclusive('\n').filter(sets);
        let line = lines.next().filter(|_| lines.next().is_none())?;
        let start = span.start + text.find(line)? + (line.len() - line.trim_start().len());
        Some(Diagnostic::error("").at(&source, start..start + line.trim().len(), ""))
    }

    fn site(&self, path: &[Seg]) -> Site {
        Site { source: Arc::clone(self.manifest.spans.source()), span: self.manifest.spans.value(path) }
    }

    fn key_site(&self, path: &[Seg]) -> Site {
        Site { source: Arc::clone(self.manifest.spans.source()), span: self.manifest.spans.key(path) }
    }

    /// Renders the text at `path`, which cannot be a secret.
    pub(super) fn text(&self, written: &str, path: &[Seg]) -> Result<String, Diagnostic> {
        self.open(self.content(written, path)?, path)
    }

    /// Renders the text at `path`, and says what went into it.
    pub(super) fn content(&self, written: &str, path: &[Seg]) -> Result<(String, Taint), Diagnostic> {
        self.shaped(written, Shape::Free, path)
    }

    /// As [`Self::content`], for a text of this shape.
    pub(super) fn shaped(&self, written: &str, shape: Shape, path: &[Seg]) -> Result<(String, Taint), Diagnostic> {
        let rendered = self.common.renderer.shaped(written, shape, &self.settled.context, &self.site(path));
        self.made(rendered, unknown)
    }

    /// Renders the text at `path` to a value, which cannot be a secret.
    pub(super) fn value(&self, written: &str, path: &[Seg]) -> Result<Value, Diagnostic> {
        self.guess(written, path).map(|(value, _)| value)
    }

    /// As [`Self::value`], and whether it is only a stand-in for what is not known yet.
    pub(super) fn guess(&self, written: &str, path: &[Seg]) -> Result<(Value, bool), Diagnostic> {
        let rendered = self.common.renderer.value(written, &self.settled.context, &self.site(path));
        let made = self.made(rendered, || Value::String(unknown()))?;
        let is_guess = self.is_guess(&made.1);
        Ok((self.open(made, path)?, is_guess))
    }

    /// Evaluates the bare expression at `path`, which cannot be a secret, and says whether it is only a guess.
    pub(super) fn expression(&self, written: &str, path: &[Seg]) -> Result<(Value, bool), Diagnostic> {
        let rendered = self.common.renderer.expression(written, &self.settled.context, &self.site(path));
        let made = self.made(rendered, || Value::Bool(true))?;
        let is_guess = self.is_guess(&made.1);
        Ok((self.open(made, path)?, is_guess))
    }

    /// Renders a template, whose name stands at `path`, and says what went into it.
    pub(super) fn template(&self, name: &str, shape: Shape, path: &[Seg]) -> Result<(String, Taint), Diagnostic> {
        let rendered = self.common.renderer.template(name, shape, &self.settled.context, &self.site(path));
        self.made(rendered, unknown)
    }

    /// Puts the reason in the place of its consequence.
    fn explain(&self, wrong: Diagnostic) -> Diagnostic {
        blamed(&wrong, &self.settled.unusable)
            .unwrap_or_else(|| definitions::point(wrong, self.weaker.iter().chain([&self.extra])))
    }

    /// Renders and checks the name that is the value at `path`. `what` says what it shall be, such as `a user name`.
    pub(super) fn name<T>(&self, written: &str, path: &[Seg], parse: Parse<T>, what: &str) -> Result<T, Diagnostic> {
        let rendered = self.text(written, path)?;
        parse(&rendered).map_err(|error| self.error(path, refused(written, &error, what)))
    }

    /// As [`Self::name`], for the key at `path`.
    pub(super) fn key<T>(&self, written: &str, path: &[Seg], parse: Parse<T>, what: &str) -> Result<T, Diagnostic> {
        let site = self.key_site(path);
        let rendered = self.common.renderer.text(written, &self.settled.context, &site);
        let (rendered, taint) = self.made(rendered, unknown)?;
        if taint.facts {
            let wrong = Diagnostic::error(
                "a name cannot depend on `facts`: which things there are is settled before hosts are asked",
            );
            return Err(wrong
                .at(&site.source, site.span, "")
                .help("use `when:` with the fact, or a variable of the inventory"));
        }
        let rendered = open_at((rendered, taint), &site)?;
        parse(&rendered).map_err(|error| self.key_error(path, refused(written, &error, what)))
    }

    /// A typed value; `None` where a template yields `null`.
    pub(super) fn expr<T: Word>(&self, expr: &Expr<T>, path: &[Seg]) -> Result<Option<T>, Diagnostic> {
        match expr {
            Expr::Literal(value) => Ok(Some(value.clone())),
            Expr::Template(text) => match self.guess(text.trim(), path)? {
                (Value::Null, _) => Ok(None),
                (value, is_guess) => match T::from_value(&value) {
                    // What a stand-in yields may be nothing of the kind; the real value is judged when it is known.
                    None if is_guess => Ok(None),
                    None => Err(self.error(path, format!("this has to yield {}", T::EXPECTED))),
                    some => Ok(some),
                },
            },
        }
    }

    /// Whether an entry's `absent:` is true.
    pub(super) fn is_absent(&self, absent: Option<&Expr<bool>>, path: &[Seg]) -> Result<bool, Diagnostic> {
        self.switch(absent, path, "absent")
    }

    /// Whether an entry's `adopt:` is true.
    pub(super) fn adopts(&self, adopt: Option<&Expr<bool>>, path: &[Seg]) -> Result<bool, Diagnostic> {
        self.switch(adopt, path, "adopt")
    }

    fn switch(&self, written: Option<&Expr<bool>>, path: &[Seg], name: &str) -> Result<bool, Diagnostic> {
        match written {
            None => Ok(false),
            Some(expr) => Ok(self.expr(expr, &below(path, name))?.unwrap_or(false)),
        }
    }

    /// What a setting says on this host.
    pub(super) fn setting<T: Word>(&self, setting: &Setting<T>, path: &[Seg]) -> Result<Said<T>, Diagnostic> {
        match setting {
            Setting::Inherit => Ok(Said::Nothing),
            Setting::NotOurs => Ok(Said::NotOurs),
            Setting::Is(expr) => Ok(self.expr(expr, path)?.map_or(Said::NotOurs, Said::Is)),
        }
    }
}

/// Refuses a secret.
fn open_at<T>((value, taint): (T, Taint), site: &Site) -> Result<T, Diagnostic> {
    let Some(name) = taint.secrets.first() else { return Ok(value) };
    let wrong =
        Diagnostic::error(format!("the secret `{name}` cannot be here: this is shown, and readable by everybody"));
    Err(wrong.at(&site.source, site.span.clone(), "").help(NO_PLACE_FOR_SECRETS))
}

/// A setting, rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said<T> {
    /// The key is absent: a default may decide.
    Nothing,
    /// `null`.
    NotOurs,
    Is(T),
}

impl<T> Said<T> {
    /// The value, if one is said.
    pub(super) fn value(self) -> Option<T> {
        match self {
            Said::Is(value) => Some(value),
            Said::Nothing | Said::NotOurs => None,
        }
    }

    /// The value; `default` where nothing is said.
    pub(super) fn or(self, default: T) -> Option<T> {
        match self {
            Said::Nothing => Some(default),
            said => said.value(),
        }
    }
}

/// A check of a name.
pub(super) type Parse<T> = fn(&str) -> Result<T, NameError>;

/// Why a name was refused. A text that was rendered is a value, and is not repeated.
fn refused(written: &str, error: &NameError, what: &str) -> String {
    if is_templated(written) { format!("what this yields is not {what}") } else { error.to_string() }
}

/// A type that a template can yield.
pub(super) trait Word: Clone {
    /// In words, for errors.
    const EXPECTED: &'static str;
    /// The value, if it is one of the type.
    fn from_value(value: &Value) -> Option<Self>;
}

impl Word for bool {
    const EXPECTED: &'static str = "`true` or `false`";
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(flag) => Some(*flag),
            // What comes through `-e KEY=VALUE` is text.
            Value::String(text) if text == "true" => Some(true),
            Value::String(text) if text == "false" => Some(false),
            _ => None,
        }
    }
}

impl Word for RunState {
    const EXPECTED: &'static str = "`started` or `stopped`";
    fn from_value(value: &Value) -> Option<Self> {
        serde_json::from_value(value.clone()).ok()
    }
}

impl Word for OnChange {
    const EXPECTED: &'static str = "`auto`, `restart`, `reload` or `none`";
    fn from_value(value: &Value) -> Option<Self> {
        serde_json::from_value(value.clone()).ok()
    }
}

impl Word for Vec<String> {
    const EXPECTED: &'static str = "a list of texts or numbers";
    fn from_value(value: &Value) -> Option<Self> {
        let items = value.as_array()?.iter();
        items
            .map(|item| match item {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            })
            .collect()
    }
}
