//! The engine's settings, its bounds, and where it finds templates.

use std::collections::BTreeMap;
use std::path::{Component, Path};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, Output, State, Template, UndefinedBehavior, Value};

use super::guard::{self, Form, Guarded};
use super::value::{Bounded, json_text, refusal, text_of, too_long};
use super::{FileError, Files, Search, builtin};
use crate::model::SourceFile;

/// The largest text that a rendering may yield.
pub const MAX_OUTPUT: usize = 1024 * 1024;
/// The largest template.
const MAX_SOURCE: usize = 64 * 1024;
/// The longest `{{ … }}` or `{% … %}`.
const MAX_EXPRESSION: usize = 2048;
/// The most brackets and signs in one of them: these cost the engine's parser more stack than anything else.
const MAX_NESTING: usize = 200;
/// The most that one rendering may print, captured or not.
const MAX_PRINTED: usize = 16 * MAX_OUTPUT;
const FUEL: u64 = 1_000_000;
const RECURSION: usize = 200;

/// The engine, hardened.
pub(super) fn hardened(library: &Arc<Library>) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_syntax(syntax());
    environment.set_formatter(print);
    super::builtins::fit(&mut environment);
    guard::register(&mut environment);
    environment.add_filter("to_json", |value: &Value| json_text(value, false));
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(RECURSION);
    // Ranges of errors exist only in debug mode; what else it collects is never printed.
    environment.set_debug(true);
    let loader = Arc::clone(library);
    environment.set_loader(move |name| loader.load(name));
    environment
}

fn syntax() -> SyntaxConfig {
    SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
        .expect("the default delimiters are valid")
}

/// An engine that only reads.
pub(super) fn parser() -> &'static Environment<'static> {
    static PARSER: OnceLock<Environment<'static>> = OnceLock::new();
    PARSER.get_or_init(|| {
        let mut environment = Environment::empty();
        environment.set_syntax(syntax());
        environment
    })
}

/// Writes a value as text, and counts: what is captured (`{% set %}…`, macros) is no output yet, but memory.
fn print(output: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    const PRINTED: &str = "printed";
    if value.is_undefined() {
        // The engine's own formatter knows which variable it was.
        return minijinja::escape_formatter(output, state, value);
    }
    let text = text_of(value)?;
    let before = state.get_temp(PRINTED).and_then(|count| count.as_usize()).unwrap_or_default();
    let printed = before.saturating_add(text.len());
    if text.len() > MAX_OUTPUT || printed > MAX_PRINTED {
        return Err(too_long());
    }
    state.set_temp(PRINTED, Value::from(printed));
    output.write_str(&text).map_err(Error::from)
}

/// Refuses a source that the engine cannot take: too long as a whole, or one expression so long that the engine,
/// which recurses on chains such as `not not …` and `a + a + …` without a bound of its own (minijinja 3.0.5), would
/// run out of stack.
pub(super) fn fits(text: &str) -> Result<(), Error> {
    if text.len() > MAX_SOURCE {
        return Err(refusal(format!("the template is longer than {} KiB", MAX_SOURCE / 1024)));
    }
    for (open, close) in [("{{", "}}"), ("{%", "%}")] {
        let mut rest = text;
        while let Some((_, inside)) = rest.split_once(open) {
            let length = inside.find(close).unwrap_or(inside.len());
            expression_fits(&inside[..length])?;
            rest = &inside[length..];
        }
    }
    Ok(())
}

/// Refuses one expression, by the same measure.
pub(super) fn expression_fits(expression: &str) -> Result<(), Error> {
    if expression.len() > MAX_EXPRESSION {
        return Err(refusal(format!("the template has an expression longer than {MAX_EXPRESSION} bytes")));
    }
    if expression.matches(['[', '(', '{', '-', '+', '~']).count() > MAX_NESTING {
        return Err(refusal("the template has an expression with too many brackets or signs"));
    }
    Ok(())
}

/// Renders into a bounded buffer.
pub(super) fn render(template: &Template<'_, '_>, variables: Value) -> Result<String, Error> {
    let mut buffer = Bounded::default();
    let rendered = template.render_captured_to(variables, &mut buffer).map(drop);
    if buffer.full {
        return Err(refusal(format!("the rendered text is longer than {} KiB", MAX_OUTPUT / 1024)));
    }
    rendered?;
    String::from_utf8(buffer.bytes).map_err(|_| refusal("the rendered text is not UTF-8"))
}

/// Templates by name, kept as they were read so that errors can show them.
pub(super) struct Library {
    search: Search,
    files: Files,
    loaded: Mutex<BTreeMap<String, Arc<SourceFile>>>,
}

impl Library {
    pub(super) fn new(search: Search, files: Files) -> Self {
        Self { search, files, loaded: Mutex::default() }
    }

    /// A template that was loaded before.
    pub(super) fn source(&self, name: &str) -> Option<Arc<SourceFile>> {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.get(name).cloned()
    }

    fn load(&self, name: &str) -> Result<Option<String>, Error> {
        let Some((shown, text)) = self.find(name)? else {
            return Ok(None);
        };
        fits(&text)?;
        let guarded = Guarded::new(&text, Form::Template).text.into_owned();
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.insert(name.to_owned(), Arc::new(SourceFile { name: shown, text }));
        Ok(Some(guarded))
    }

    fn find(&self, name: &str) -> Result<Option<(String, String)>, Error> {
        if let Some(own) = name.strip_prefix("builtin/") {
            return Ok(builtin(own).map(|text| (name.to_owned(), text.to_owned())));
        }
        if !is_plain(name) {
            return Err(refusal(
                "a template's name is a relative path without `..`; it is looked for in the playbook's folder and the `templates` folders",
            ));
        }
        for (folder, allowed) in &self.search.folders {
            let path = folder.join(name);
            match self.files.read_text(&path, allowed, MAX_SOURCE) {
                Ok(text) => return Ok(Some((shown(&path), text))),
                Err(FileError::NotFound) => {}
                Err(error) => {
                    return Err(refusal(format!("the template cannot be used: {error}")));
                }
            }
        }
        Ok(None)
    }

    /// The names of all templates that could be meant, for suggestions.
    pub(super) fn names(&self) -> Vec<String> {
        let own = self.search.folders.iter().flat_map(|(folder, _)| {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries.filter_map(|entry| entry.file_name().into_string().ok())
        });
        let built_in = super::BUILTIN.iter().map(|(name, _)| format!("builtin/{name}"));
        own.filter(|name| name.strip_suffix(".j2").is_some()).chain(built_in).collect()
    }

    /// The folders that are searched, for messages.
    pub(super) fn folders(&self) -> String {
        let shown: Vec<String> =
            self.search.folders.iter().map(|(folder, _)| format!("`{}`", folder.display())).collect();
        shown.join(", ")
    }
}

fn is_plain(name: &str) -> bool {
    !name.contains('\\')
        && Path::new(name).components().all(|component| matches!(component, Component::Normal(_)))
        && !name.is_empty()
}

/// A path as the user would type it: what lies here needs no `./`.
fn shown(path: &Path) -> String {
    path.strip_prefix(".").unwrap_or(path).display().to_string()
}
