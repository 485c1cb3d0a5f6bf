//! Templates: minijinja, hardened; the built-in templates.
//!
//! A [`Renderer`] turns a string of a playbook or a template file into text, strictly: an undefined variable, a
//! `null` or a list where text is wanted is an error that points at the place, in the template and in the
//! playbook that used it. It depends on nothing but its arguments and the files that [`Files`] may read.
//!
//! Decisions:
//! - **No error shows a value.** The engine's own "referenced variables" dump is never printed; messages of the
//!   engine pass only where they are made of the template's own words (`diagnosis`).
//! - **Strict undefined, no escaping by file name.** A unit file is no HTML, and `app.yaml.j2` is no reason to quote.
//! - **Booleans print as `true`/`false`; `null`, lists and maps have no text form.** Python's `True`, `None` and
//!   `['a']` are never what a unit file wants; `default`, `join` and `to_json` say what is.
//! - **Bounds**: 64 KiB of source, 1 MiB of output and of every text on the way (`guard`, `builtins`), a million
//!   instructions. They stop mistakes, not attackers: whoever may change a template may change what runs on the hosts
//!   anyway.
//! - The language of unit files (quoting, escaping) is not known here: the room above registers its filters
//!   through the `language` argument of [`Renderer::new`].
//!
//! Deliberately absent: reading the environment, running commands, the clock, random numbers.

mod builtin;
mod builtins;
mod context;
mod diagnosis;
mod environment;
mod files;
mod guard;
mod tags;
mod taint;
mod value;

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use minijinja::{Environment, Value};

use crate::model::{Diagnostic, SourceFile};

pub use builtin::{BUILTIN, builtin, taken_by};
pub use context::Context;
pub use diagnosis::nearest;
pub use environment::MAX_OUTPUT;
pub use files::{FileError, Files};
pub use taint::Taint;
pub use value::{json_text, refusal, refusal_about, refusal_with_help, text_of, to_json};

use diagnosis::Failed;
use environment::Library;
use guard::{Form, Guarded};

/// The name under which the engine knows a string of a playbook.
const TEXT: &str = "<text>";

/// Where in a playbook a string stands, or a template is used.
#[derive(Clone, Debug)]
pub struct Site {
    /// The playbook.
    pub source: Arc<SourceFile>,
    /// The value's range in it.
    pub span: Range<usize>,
}

/// Where templates are looked for, first match first.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// Folders, each with the folder that its files must not leave through links.
    pub folders: Vec<(PathBuf, PathBuf)>,
}

impl Search {
    /// The order of a playbook: its own folder, its `templates/`, the project's `templates/`, then `extra`.
    #[must_use]
    pub fn of_playbook(playbook: &std::path::Path, root: &std::path::Path, extra: &[PathBuf]) -> Self {
        let folder = files::folder_of(playbook);
        let root = files::or_here(root);
        let mut folders = Vec::new();
        for own in [folder.clone(), folder.join("templates"), root.join("templates")] {
            if !folders.iter().any(|(known, _)| *known == own) {
                folders.push((own, root.clone()));
            }
        }
        folders.extend(extra.iter().map(|folder| (folder.clone(), folder.clone())));
        Self { folders }
    }
}

/// What came of a rendering, and what went into it; that is known of a failed one, too.
#[derive(Clone, Debug)]
pub struct Rendered<T> {
    /// The text or value, or what is wrong.
    pub result: Result<T, Diagnostic>,
    /// What was looked up.
    pub taint: Taint,
}

impl<T> Rendered<T> {
    fn plain(result: Result<T, Diagnostic>) -> Self {
        Self { result, taint: Taint::default() }
    }

    /// The same with another type.
    #[must_use]
    pub fn map<U>(self, with: impl FnOnce(T) -> U) -> Rendered<U> {
        Rendered { result: self.result.map(with), taint: self.taint }
    }
}

/// Registers filters and functions of the room above.
pub type Language = fn(&mut Environment<'static>);

/// Renders strings and templates of one playbook.
pub struct Renderer {
    environment: Environment<'static>,
    library: Arc<Library>,
    /// Filters of the room above, to suggest.
    words: Vec<&'static str>,
}

impl Renderer {
    /// A renderer that finds templates as `search` says.
    #[must_use]
    pub fn new(search: Search, files: &Files, language: Language) -> Self {
        let library = Arc::new(Library::new(search, files.clone()));
        let mut environment = environment::hardened(&library);
        language(&mut environment);
        Self { environment, library, words: Vec::new() }
    }

    /// Registers more, and names filters that can be suggested for mistyped ones.
    pub fn teach(&mut self, filters: &[&'static str], register: impl FnOnce(&mut Environment<'static>)) {
        self.words.extend(filters);
        register(&mut self.environment);
    }

    /// Renders a string that may hold `{{ … }}`.
    pub fn text(&self, text: &str, context: &Context, site: &Site) -> Rendered<String> {
        if !is_templated(text) {
            return Rendered::plain(Ok(text.to_owned()));
        }
        let guarded = Guarded::new(text, Form::Template);
        let recorder = context.recorder();
        let rendered = environment::fits(text)
            .and_then(|()| self.environment.template_from_named_str(TEXT, &guarded.text))
            .and_then(|template| environment::render(&template, Value::from_dyn_object(Arc::clone(&recorder))));
        let taint = recorder.taint();
        Rendered { result: rendered.map_err(|error| self.failed(text, 0, context, site).describe(&error)), taint }
    }

    /// Renders a string to a value: exactly one `{{ expression }}` keeps its type, everything else is text.
    pub fn value(&self, text: &str, context: &Context, site: &Site) -> Rendered<serde_json::Value> {
        let Some((expression, offset)) = sole_expression(text) else {
            return self.text(text, context, site).map(serde_json::Value::String);
        };
        // `{{ a }}-{{ b }}` looks like one expression from outside; the engine knows better.
        let guarded = Guarded::new(expression, Form::Expression);
        let compiled = environment::fits(text).and_then(|()| self.environment.compile_expression(&guarded.text));
        let Ok(compiled) = compiled else {
            return self.text(text, context, site).map(serde_json::Value::String);
        };
        let recorder = context.recorder();
        let value =
            compiled.eval(Value::from_dyn_object(Arc::clone(&recorder))).and_then(|value| value::to_json(&value));
        let taint = recorder.taint();
        let result = value.map_err(|error| {
            let failed = self.failed(text, offset, context, site);
            failed.describe_undefined_as(&error, expression)
        });
        Rendered { result, taint }
    }

    /// Evaluates a bare expression, as it would stand between braces.
    pub fn expression(&self, expression: &str, context: &Context, site: &Site) -> Rendered<serde_json::Value> {
        let failed = || self.failed(expression, 0, context, site);
        let guarded = Guarded::new(expression, Form::Expression);
        let compiled =
            environment::expression_fits(expression).and_then(|()| self.environment.compile_expression(&guarded.text));
        let compiled = match compiled {
            Ok(compiled) => compiled,
            Err(error) => return Rendered::plain(Err(failed().describe(&error))),
        };
        let recorder = context.recorder();
        let value =
            compiled.eval(Value::from_dyn_object(Arc::clone(&recorder))).and_then(|value| value::to_json(&value));
        let taint = recorder.taint();
        Rendered { result: value.map_err(|error| failed().describe_undefined_as(&error, expression)), taint }
    }

    /// Renders a template by name: a file of the project, or `builtin/NAME`.
    pub fn template(&self, name: &str, context: &Context, site: &Site) -> Rendered<String> {
        let recorder = context.recorder();
        let variables = Value::from_dyn_object(Arc::clone(&recorder));
        let rendered =
            self.environment.get_template(name).and_then(|template| environment::render(&template, variables));
        let taint = recorder.taint();
        Rendered {
            result: rendered.map_err(|error| self.failed("", 0, context, site).describe_template(&error, name)),
            taint,
        }
    }

    /// The variables that a string asks for, without those it defines itself. Nothing, where it does not parse.
    #[must_use]
    pub fn variables(&self, text: &str) -> BTreeSet<String> {
        if !is_templated(text) || environment::fits(text).is_err() {
            return BTreeSet::new();
        }
        self.environment
            .template_from_named_str(TEXT, text)
            .map(|template| template.undeclared_variables(false).into_iter().collect())
            .unwrap_or_default()
    }

    #[cfg(test)]
    fn environment(&self) -> &Environment<'static> {
        &self.environment
    }

    fn failed<'a>(&'a self, text: &'a str, offset: usize, context: &'a Context, site: &'a Site) -> Failed<'a> {
        Failed {
            text,
            offset,
            context,
            site,
            library: &self.library,
            environment: &self.environment,
            words: &self.words,
        }
    }
}

/// Whether a string has anything to render. `${#x}` and `{#` alone are left as they are: shells use them.
#[must_use]
pub fn is_templated(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// The inside of a string that is one pair of braces, and where it starts.
fn sole_expression(text: &str) -> Option<(&str, usize)> {
    let inner = text.strip_prefix("{{")?.strip_suffix("}}")?;
    let trimmed = inner.strip_prefix(['-', '+']).unwrap_or(inner);
    let offset = text.len() - "}}".len() - trimmed.len();
    Some((trimmed.strip_suffix(['-', '+']).unwrap_or(trimmed), offset))
}

#[cfg(test)]
mod tests;
