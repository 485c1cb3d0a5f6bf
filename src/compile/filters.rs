//! What templates of unit files need beyond the engine's own filters.
//!
//! | in a template | gives | for |
//! |---|---|---|
//! | `x \| exec_quote` | `"a b$$c"` | one argument in `ExecStart=` and its kin: the process gets exactly `x` |
//! | `[x, y] \| exec_args` | `"x" "a b"` | several arguments, quoted and joined with blanks |
//! | `x \| env_quote("KEY")` | `"KEY=a b"` | one word of `Environment=`: the process gets `KEY` with exactly `x` |
//! | `x \| systemd_escape` | `a\x20b` | an instance string, as `systemd-escape` |
//! | `x \| systemd_escape_path` | `srv-data` | the name of a mount, as `systemd-escape --path` |
//! | `x \| systemd_unescape`, `systemd_unescape_path` | `a b` | the way back |
//! | `x \| percent_quote` | `50%%` | text in which systemd must not see specifiers |
//! | `x \| to_json` | `["a"]` | configuration files |
//!
//! `values` has lengths of time, sizes and switches, `data` what is not systemd's. `to_json` is the renderer's own. Numbers and booleans are taken as their text; `null`, lists and maps are refused.

mod data;
mod values;

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, Value};

use crate::render::{refusal, text_of};
use crate::unitfile::quote;

/// The filters that are registered here, to suggest for a mistyped one.
pub(super) const NAMES: [&str; 24] = [
    "exec_quote",
    "exec_args",
    "env_quote",
    "systemd_escape",
    "systemd_escape_path",
    "systemd_unescape",
    "systemd_unescape_path",
    "percent_quote",
    "timespan",
    "to_seconds",
    "size",
    "to_bytes",
    "to_nice_json",
    "to_yaml",
    "from_json",
    "from_yaml",
    "b64encode",
    "b64decode",
    "hash",
    "combine",
    "ternary",
    "quote",
    "basename",
    "dirname",
];

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
    environment.add_filter("systemd_unescape_path", |value: &Value| {
        let wrong = |_| refusal("this is not a text that `systemd-escape --path` has written");
        quote::unescape_path(&text_of(value)?).map_err(wrong)
    });
    values::register(environment);
    data::register(environment);
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
        environment.add_filter("to_json", |value: &Value| crate::render::json_text(value, false));
        environment.set_formatter(|output, _, value| output.write_str(&text_of(value)?).map_err(Error::from));
        environment.set_syntax(minijinja::syntax::SyntaxConfig::builder().keep_trailing_newline(true).build().unwrap());
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
            (r"{{ 'srv-a\\x2db' | systemd_unescape_path }}", "/srv/a-b"),
            ("{{ '50%' | percent_quote }}", "50%%"),
            ("{{ 90 | timespan }}|{{ '1.5h' | timespan }}|{{ '1min30' | timespan }}", "1min 30s|1h 30min|1min 30s"),
            ("{{ '2min' | to_seconds + 1 }}|{{ '500ms' | to_seconds }}", "121|0.5"),
            ("{{ 'infinity' | timespan }}|{{ 'infinity' | size }}", "infinity|infinity"),
            ("{{ 1048576 | size }}|{{ '1.5G' | size }}|{{ '512M' | to_bytes // 2 }}", "1M|1536M|268435456"),
            ("{{ ['yes' | bool, 'Off' | bool, 1 | bool, none | bool] | to_json }}", "[true,false,true,false]"),
            ("{{ {'a': [1]} | to_nice_json }}", "{\n    \"a\": [\n        1\n    ]\n}"),
            ("{{ {'a': [1, 'b']} | to_yaml }}", "a:\n- 1\n- b\n"),
            ("{{ ('{\"a\": [1]}' | from_json).a[0] }}|{{ ('a: {b: x}' | from_yaml).a.b }}", "1|x"),
            ("{{ 'grüße' | b64encode }}|{{ 'Z3LDvMOfZQ==' | b64decode }}", "Z3LDvMOfZQ==|grüße"),
            ("{{ '' | hash('sha256') }}", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("{{ {'a': 1, 'b': {'c': 2}} | combine({'b': {'d': 3}}) | to_json }}", r#"{"a":1,"b":{"d":3}}"#),
            (
                "{{ {'a': {'c': 2}} | combine({'a': {'d': 3}}, {'e': 4}, recursive=true) | to_json }}",
                r#"{"a":{"c":2,"d":3},"e":4}"#,
            ),
            ("{{ true | ternary('a', 'b') }}{{ 0 | ternary('a', 'b') }}", "ab"),
            (
                "{{ 'a b' | quote }} {{ \"it's\" | quote }} {{ '' | quote }} {{ '/x-1' | quote }}",
                r#"'a b' 'it'"'"'s' '' /x-1"#,
            ),
            (
                "{{ '/a/b.c' | basename }}|{{ '/a/b.c' | dirname }}|{{ '/a' | dirname }}|{{ 'a' | dirname }}",
                "b.c|/a|/|",
            ),
        ] {
            assert_eq!(render(template).unwrap(), expected, "{template}");
        }
    }

    #[test]
    fn what_is_suggested_exists() {
        for name in NAMES {
            assert_eq!(render(&format!("{{{{ '{name}' is filter }}}}")).unwrap(), "true", "{name}");
        }
        let table = include_str!("../../README.md");
        for name in NAMES {
            assert!(
                table.contains(&format!("`{name}`")) || table.contains(&format!("| {name}")),
                "README does not name `{name}`"
            );
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
            "{{ 'S3CRET' | timespan }}",
            "{{ 'S3CRET' | size }}",
            "{{ 'S3CRET' | bool }}",
            "{{ 'infinity' | to_seconds }}",
            "{{ 'S3CRET{' | from_json }}",
            "{{ '[S3CRET' | from_yaml }}",
            "{{ 'S3CRET!' | b64decode }}",
            "{{ '/w==' | b64decode }}",
            "{{ 'x' | hash('S3CRET') }}",
            "{{ ['S3CRET'] | combine({}) }}",
            "{{ {} | combine('S3CRET') }}",
        ] {
            let error = render(template).expect_err(template);
            assert!(!error.to_string().contains("CRET"), "{template}: {error}");
        }
    }
}
