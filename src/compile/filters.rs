//! What templates of unit files need beyond the engine's own filters.
//!
//! | in a template | gives | for |
//! |---|---|---|
//! | `x \| exec_quote` | `"a b$$c"` | one argument in `ExecStart=` and its kin: the process gets exactly `x` |
//! | `[x, y] \| exec_args` | `"x" "a b"` | several arguments, quoted and joined with blanks |
//! | `x \| env_quote("KEY")` | `"KEY=a b"` | one word of `Environment=`: the process gets `KEY` with exactly `x` |
//! | `x \| systemd_escape` | `a\x20b` | an instance string, as `systemd-escape` |
//! | `x \| systemd_escape_path` | `srv-data` | the name of a mount, as `systemd-escape --path` |
//! | `x \| systemd_unescape` | `a b` | the way back |
//! | `x \| percent_quote` | `50%%` | text in which systemd must not see specifiers |
//! | `x \| to_json` | `["a"]` | configuration files |
//!
//! `to_json` is the renderer's own. Numbers and booleans are taken as their text; `null`, lists and maps are refused.

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, Value};

use crate::render::{refusal, text_of};
use crate::unitfile::quote;

/// Adds the filters to a renderer, and the functions.
pub(super) fn register(environment: &mut Environment<'static>) {
    super::functions::register(environment);
    environment.add_filter("exec_quote", |value: &Value| exec_quote(value));
    environment.add_filter("exec_args", |list: &Value| exec_args(list));
    environment.add_filter("env_quote", |value: &Value, name: &str| env_quote(value, name));
    environment.add_filter("systemd_escape", |value: &Value| text_of(value).map(|text| quote::escape(&text)));
    environment.add_filter("systemd_escape_path", |value: &Value| {
        quote::escape_path(&text_of(value)?).map_err(|_| refusal("this is no path that systemd can escape"))
    });
    environment.add_filter("systemd_unescape", |value: &Value| {
        quote::unescape(&text_of(value)?).map_err(|_| refusal("this is not a text that `systemd-escape` has written"))
    });
    environment.add_filter("percent_quote", |value: &Value| text_of(value).map(|text| quote::specifiers(&text)));
}

fn exec_quote(value: &Value) -> Result<String, Error> {
    quote::exec_argument(&text_of(value)?).map_err(|_| refusal("a NUL byte cannot be in an argument"))
}

fn exec_args(list: &Value) -> Result<String, Error> {
    if list.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    if !matches!(list.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return Err(refusal("`exec_args` takes a list; for one argument there is `exec_quote`"));
    }
    let words = list.try_iter()?.map(|value| exec_quote(&value));
    Ok(words.collect::<Result<Vec<String>, Error>>()?.join(" "))
}

fn env_quote(value: &Value, name: &str) -> Result<String, Error> {
    quote::environment_assignment(name, &text_of(value)?).map_err(|_| {
        refusal(
            "this cannot be an environment variable: its name may hold letters, digits and `_`, its value no NUL byte",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(template: &str) -> Result<String, Error> {
        let mut environment = Environment::new();
        register(&mut environment);
        environment.render_str(template, ())
    }

    #[test]
    fn each_filter_does_what_the_table_says() {
        for (template, expected) in [
            ("{{ 'a b$c' | exec_quote }}", r#""a b$$c""#),
            ("{{ ['x', 'a b', 1, true] | exec_args }}", r#""x" "a b" "1" "true""#),
            ("{{ range(2) | exec_args }}", r#""0" "1""#),
            ("{{ 'a b' | env_quote('KEY') }}", r#""KEY=a b""#),
            ("{{ true | env_quote('KEY') }}", r#""KEY=true""#),
            ("{{ 'a b' | systemd_escape }}", r"a\x20b"),
            ("{{ '/srv/data' | systemd_escape_path }}", "srv-data"),
            (r"{{ 'a\\x20b' | systemd_unescape }}", "a b"),
            ("{{ '50%' | percent_quote }}", "50%%"),
        ] {
            assert_eq!(render(template).unwrap(), expected, "{template}");
        }
    }

    #[test]
    fn what_cannot_be_written_is_refused_without_showing_it() {
        for template in [
            "{{ none | exec_quote }}",
            "{{ ['S3CRET'] | exec_quote }}",
            "{{ 'S3CRET' | exec_args }}",
            "{{ [['S3CRET']] | exec_args }}",
            "{{ 'S3CRET\\x00' | exec_quote }}",
            "{{ 'x' | env_quote('S3-CRET') }}",
            "{{ '/../S3CRET' | systemd_escape_path }}",
            r"{{ 'S3CRET\\q' | systemd_unescape }}",
        ] {
            let error = render(template).expect_err(template);
            assert!(!error.to_string().contains("CRET"), "{template}: {error}");
        }
    }
}
