//! Functions of templates.
//!
//! | in a template | does |
//! |---|---|
//! | `fail("why")` | refuses the values that the template was given, in the template's own words |
//!
//! No error shows a variable's value, so the words have to stand in the template as they are: of a message that was
//! put together, nothing is told but the place.

use minijinja::{Environment, Error, State};

use crate::render::refusal;

/// Adds the functions to a renderer.
pub(super) fn register(environment: &mut Environment<'static>) {
    environment.add_function("fail", fail);
}

fn fail(state: &State, message: &str) -> Result<String, Error> {
    let template = state.env().get_template(state.name());
    let written = template.is_ok_and(|template| template.source().contains(message));
    Err(refusal(if written { message } else { "the template refuses what it was given, by `fail`" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(template: &str) -> String {
        let mut environment = Environment::new();
        register(&mut environment);
        environment.add_template_owned("t.j2", template.to_owned()).unwrap();
        let error = environment.get_template("t.j2").unwrap().render(minijinja::context! { s => "S3CRET" });
        error.unwrap_err().detail().unwrap_or_default().to_owned()
    }

    #[test]
    fn it_says_what_the_template_says_and_no_value() {
        assert_eq!(failure("{{ fail('`level` has to be \"a\" or \"b\"') }}"), "`level` has to be \"a\" or \"b\"");
        for template in ["{{ fail(s) }}", "{{ fail('not ' ~ s) }}", "{% set m = s %}{{ fail(m) }}"] {
            assert_eq!(failure(template), "the template refuses what it was given, by `fail`", "{template}");
        }
    }
}
