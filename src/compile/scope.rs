//! One manifest on one host: rendering its strings, with the place of each.

use std::sync::Arc;

use serde_json::Value;

use super::variables::{Layer, Origin, Settled, blamed, settle};
use crate::load::manifest::{Expr, Manifest, Playbook, Setting};
use crate::load::spans::Seg;
use crate::model::{Diagnostic, HostName, NameError, OnChange, RunState, Vars};
use crate::render::{Context, Files, Renderer, Site, is_templated};

/// A step to a key.
pub(super) fn key(name: &str) -> Seg {
    Seg::Key(name.to_owned())
}

/// A path with one more key.
pub(super) fn below(path: &[Seg], name: &str) -> Vec<Seg> {
    path.iter().cloned().chain([key(name)]).collect()
}

/// Everything that decides what a string of a manifest becomes on a host.
pub(super) struct Scope<'a> {
    pub(super) playbook: &'a Playbook,
    pub(super) manifest: &'a Manifest,
    pub(super) renderer: &'a Renderer,
    pub(super) files: &'a Files,
    weaker: Vec<Layer<'a>>,
    extra: Layer<'a>,
    built_in: Context,
    settled: Settled,
}

impl<'a> Scope<'a> {
    pub(super) fn new(
        playbook: &'a Playbook,
        manifest: &'a Manifest,
        renderer: &'a Renderer,
        files: &'a Files,
        host: &HostName,
        of_host: &'a Vars,
        extra: &'a Vars,
        fleet: &Context,
    ) -> Self {
        let mut built_in = fleet.clone();
        built_in.set("host", &host.as_str().into());
        let in_manifest = |vars, name| Layer { vars, origin: Origin::Manifest(&manifest.spans, vec![key(name)]) };
        let weaker = vec![
            in_manifest(&manifest.defaults, "defaults"),
            Layer { vars: of_host, origin: Origin::Inventory },
            in_manifest(&manifest.vars, "vars"),
        ];
        let extra = Layer { vars: extra, origin: Origin::CommandLine };
        Self::settle(playbook, manifest, renderer, files, weaker, extra, built_in)
    }

    fn settle(
        playbook: &'a Playbook,
        manifest: &'a Manifest,
        renderer: &'a Renderer,
        files: &'a Files,
        weaker: Vec<Layer<'a>>,
        extra: Layer<'a>,
        built_in: Context,
    ) -> Self {
        let layers: Vec<Layer> = weaker.iter().cloned().chain([extra.clone()]).collect();
        let settled = settle(&layers, &built_in, renderer);
        Self { playbook, manifest, renderer, files, weaker, extra, built_in, settled }
    }

    /// The same with `vars:` of an entry, which stand at `path`: stronger than the manifest's, weaker than `-e`.
    pub(super) fn with_vars(&self, vars: &'a Vars, path: &[Seg]) -> Scope<'a> {
        let mut weaker = self.weaker.clone();
        weaker.push(Layer { vars, origin: Origin::Manifest(&self.manifest.spans, below(path, "vars")) });
        Scope::settle(
            self.playbook,
            self.manifest,
            self.renderer,
            self.files,
            weaker,
            self.extra.clone(),
            self.built_in.clone(),
        )
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

    fn site(&self, path: &[Seg]) -> Site {
        Site { source: Arc::clone(self.manifest.spans.source()), span: self.manifest.spans.value(path) }
    }

    fn key_site(&self, path: &[Seg]) -> Site {
        Site { source: Arc::clone(self.manifest.spans.source()), span: self.manifest.spans.key(path) }
    }

    /// Renders the text at `path`.
    pub(super) fn text(&self, written: &str, path: &[Seg]) -> Result<String, Diagnostic> {
        let rendered = self.renderer.text(written, &self.settled.context, &self.site(path));
        rendered.map_err(|wrong| self.explain(wrong))
    }

    /// Renders the text at `path` to a value.
    pub(super) fn value(&self, written: &str, path: &[Seg]) -> Result<Value, Diagnostic> {
        let rendered = self.renderer.value(written, &self.settled.context, &self.site(path));
        rendered.map_err(|wrong| self.explain(wrong))
    }

    /// Evaluates the bare expression at `path`.
    pub(super) fn expression(&self, written: &str, path: &[Seg]) -> Result<Value, Diagnostic> {
        let value = self.renderer.expression(written, &self.settled.context, &self.site(path));
        value.map_err(|wrong| self.explain(wrong))
    }

    /// Renders a template, whose name stands at `path`.
    pub(super) fn template(&self, name: &str, path: &[Seg]) -> Result<String, Diagnostic> {
        let rendered = self.renderer.template(name, &self.settled.context, &self.site(path));
        rendered.map_err(|wrong| self.explain(wrong))
    }

    /// Puts the reason in the place of its consequence.
    fn explain(&self, wrong: Diagnostic) -> Diagnostic {
        blamed(&wrong, &self.settled.unusable).unwrap_or(wrong)
    }

    /// Renders and checks the name that is the value at `path`. `what` says what it shall be, such as `a user name`.
    pub(super) fn name<T>(&self, written: &str, path: &[Seg], parse: Parse<T>, what: &str) -> Result<T, Diagnostic> {
        let rendered = self.text(written, path)?;
        parse(&rendered).map_err(|error| self.error(path, refused(written, &error, what)))
    }

    /// As [`Self::name`], for the key at `path`.
    pub(super) fn key<T>(&self, written: &str, path: &[Seg], parse: Parse<T>, what: &str) -> Result<T, Diagnostic> {
        let site = self.key_site(path);
        let rendered = self.renderer.text(written, &self.settled.context, &site);
        let rendered = rendered.map_err(|wrong| self.explain(wrong))?;
        parse(&rendered).map_err(|error| self.key_error(path, refused(written, &error, what)))
    }

    /// A typed value; `None` where a template yields `null`.
    pub(super) fn expr<T: Word>(&self, expr: &Expr<T>, path: &[Seg]) -> Result<Option<T>, Diagnostic> {
        match expr {
            Expr::Literal(value) => Ok(Some(value.clone())),
            Expr::Template(text) => match self.value(text.trim(), path)? {
                Value::Null => Ok(None),
                value => T::from_value(&value)
                    .map(Some)
                    .ok_or_else(|| self.error(path, format!("this has to yield {}", T::EXPECTED))),
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
