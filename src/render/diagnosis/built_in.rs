//! Errors in built-in templates: the mistake is in what they were given.

use minijinja::Error;

use super::{Failed, Form, builtin, nearest, range_in};

/// The text of the built-in template that the error is in.
pub(super) fn text_of(error: &Error) -> Option<&'static str> {
    builtin::builtin(error.name()?.strip_prefix("builtin/")?)
}

impl Failed<'_> {
    /// What a built-in template says of the variable that the faulty line is about. `fail` needs no more words.
    pub(super) fn said_by_builtin(&self, error: &Error) -> Option<String> {
        let text = text_of(error)?;
        let source = self.library.source(error.name()?)?;
        let before = &text[..range_in(&source.text, error, Form::Template).start];
        let line = text.lines().nth(before.matches('\n').count()).filter(|line| !line.contains("fail("))?;
        let words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (variable, said) = words.into_iter().find_map(|word| Some((word, builtin::said_of(text, word)?)))?;
        Some(format!("the template says of `{variable}`: {said}"))
    }

    /// What a built-in template says of a variable that it needs. There the name in the template is right, and a name
    /// like it among the variables is the mistake.
    pub(super) fn asked_by_builtin(&self, error: &Error, variable: &str) -> Option<String> {
        let said = builtin::said_of(text_of(error)?, variable)?;
        let todo = match nearest(variable, self.context.names_below(&[])) {
            Some(near) => format!("is `{near}` a misspelling of it?"),
            None => "set it in `vars`.".to_owned(),
        };
        Some(format!("{todo} The template says of `{variable}`: {said}"))
    }
}
