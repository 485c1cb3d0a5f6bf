//! What templates print, where their errors point, and what they cannot do.

use std::path::Path;

use serde_json::json;

use super::*;

fn context(values: &serde_json::Value) -> Context {
    let mut context = Context::default();
    for (name, value) in values.as_object().unwrap() {
        context.set(name, value);
    }
    context
}

fn site(text: &str) -> Site {
    Site { source: Arc::new(SourceFile { name: "play.yaml".to_owned(), text: text.to_owned() }), span: 0..text.len() }
}

fn renderer(folder: &Path) -> Renderer {
    Renderer::new(Search::of_playbook(&folder.join("play.yaml"), folder, &[]), &Files::new(), |_| {})
}

fn plain() -> Renderer {
    Renderer::new(Search::default(), &Files::new(), |_| {})
}

fn text(template: &str, values: &serde_json::Value) -> Result<String, Diagnostic> {
    plain().text(template, &context(values), &site(template)).result
}

fn marked(diagnostic: &Diagnostic) -> Vec<&str> {
    let labels = diagnostic.labels.iter();
    labels.map(|label| &label.source.text[label.span.clone()]).collect()
}

#[test]
fn text_comes_out_as_unit_files_want_it() {
    let values = json!({"port": 8000, "on": true, "off": false, "half": 0.5, "name": "a <b>", "list": ["x", "y"]});
    for (template, expected) in [
        ("{{ port }}", "8000"),
        ("{{ on }}/{{ off }}", "true/false"),
        ("{{ half }}", "0.5"),
        ("{{ name }}", "a <b>"),
        ("{{ list | join(' ') }}", "x y"),
        ("{{ list | to_json }}", r#"["x","y"]"#),
        ("{{ name.upper() }}", "A <B>"),
        ("{{ missing | default('d') }}", "d"),
        ("{% if on %}\n  yes\n{% endif %}\nend\n", "  yes\nend\n"),
        ("  {% for x in list %}\n{{ x }}\n  {% endfor %}\n", "x\ny\n"),
        ("${#x} is for shells\n", "${#x} is for shells\n"),
        ("{# gone #}{{ port }}\n", "8000\n"),
    ] {
        assert_eq!(text(template, &values).unwrap(), expected, "{template}");
    }
}

#[test]
fn one_expression_keeps_its_type_and_anything_else_is_text() {
    let values = json!({"n": 2, "on": true, "list": ["a"], "map": {"k": 1}, "none": null});
    for (template, expected) in [
        ("{{ n + 1 }}", json!(3)),
        ("{{ on }}", json!(true)),
        ("{{ list }}", json!(["a"])),
        ("{{ map }}", json!({"k": 1})),
        ("{{ none }}", json!(null)),
        ("{{- n -}}", json!(2)),
        ("{{ range(1, n + 1) }}", json!([1, 2])),
        ("{{ '}}' }}", json!("}}")),
        ("{{ n }}-{{ n }}", json!("2-2")),
        (" {{ n }}", json!(" 2")),
        ("plain", json!("plain")),
    ] {
        let value = plain().value(template, &context(&values), &site(template)).result.unwrap();
        assert_eq!(value, expected, "{template}");
    }
}

#[test]
fn errors_mark_the_expression_and_suggest_the_nearest_name() {
    let values = json!({"port": 1, "h": {"address": {"ip": 1}}});
    let cases = [
        ("a {{ prot }} b", "`prot` is not defined", "prot", "did you mean `port`?"),
        ("a {{ h.adress.ip }}", "`h.adress` is not defined", ".adress.ip", "did you mean `h.address`?"),
    ];
    for (template, message, mark, help) in cases {
        let error = text(template, &values).unwrap_err();
        assert_eq!(error.message, message);
        assert_eq!(marked(&error), [mark]);
        assert_eq!(error.help.as_deref(), Some(help));
    }
    let value = plain().value("{{ prot }}", &context(&values), &site("{{ prot }}")).result.unwrap_err();
    assert_eq!(value.message, "`prot` is not defined");
    assert_eq!(marked(&value), ["prot"]);
}

#[test]
fn what_has_no_text_form_is_refused() {
    let values = json!({"none": null, "list": [1], "map": {}});
    for (template, word) in [("{{ none }}", "`null`"), ("{{ list }}", "a list"), ("{{ map }}", "a map")] {
        let error = text(&format!("x {template}"), &values).unwrap_err();
        assert!(error.message.starts_with(word), "{}", error.message);
        assert_eq!(marked(&error), [template.trim_matches(['{', '}', ' '])]);
    }
}

#[test]
fn a_place_in_a_block_scalar_is_found_through_its_indentation() {
    let playbook = "content: |\n    one\n    two {{ prot }}\nnext: 1\n";
    let site = Site { span: 9..playbook.find("next").unwrap(), ..site(playbook) };
    let error = plain().text("one\ntwo {{ prot }}\n", &Context::default(), &site).result.unwrap_err();
    assert_eq!(marked(&error), ["prot"]);
    assert_eq!(site.source.line_column(error.labels[0].span.start), (3, 12));
}

#[test]
fn an_error_in_an_included_template_shows_every_place() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("templates")).unwrap();
    std::fs::write(folder.path().join("outer.j2"), "top\n{% include 'inner.j2' %}\n").unwrap();
    std::fs::write(folder.path().join("templates/inner.j2"), "x={{ nope }}\n").unwrap();
    let error =
        renderer(folder.path()).template("outer.j2", &Context::default(), &site("outer.j2")).result.unwrap_err();
    assert_eq!(error.message, "`nope` is not defined");
    assert_eq!(marked(&error), ["nope", "include 'inner.j2'", "outer.j2"]);
    let said: Vec<&str> = error.labels.iter().map(|label| label.text.as_str()).collect();
    assert_eq!(said, ["", "included here", "used here"]);
}

#[test]
fn templates_do_not_leave_the_project() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.j2"), "s3cret").unwrap();
    let project = tempfile::tempdir().unwrap();
    std::fs::write(project.path().join("ok.j2"), "fine\n").unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret.j2"), project.path().join("link.j2")).unwrap();
    std::os::unix::fs::symlink("ok.j2", project.path().join("inside.j2")).unwrap();
    let renderer = renderer(project.path());
    for name in ["ok.j2", "inside.j2"] {
        assert_eq!(renderer.template(name, &Context::default(), &site(name)).result.unwrap(), "fine\n");
    }
    let escape = format!("../{}/secret.j2", outside.path().file_name().unwrap().to_str().unwrap());
    for name in ["link.j2", &escape, "/etc/hostname", "a\\b", "", "./ok.j2/../../x"] {
        let error = renderer.template(name, &Context::default(), &site(name)).result.unwrap_err();
        assert!(!format!("{error:?}").contains("s3cret"));
        assert!(!error.labels.is_empty(), "{name}");
    }
    let error = renderer.template("kо.j2", &Context::default(), &site("ok.j")).result.unwrap_err();
    assert_eq!(error.help.as_deref(), Some("did you mean `ok.j2`?"));
}

#[test]
fn built_in_templates_are_found_only_under_their_own_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("builtin")).unwrap();
    std::fs::write(folder.path().join("builtin/job@1.timer.j2"), "fake").unwrap();
    let rendered =
        renderer(folder.path()).template("builtin/job@1.timer.j2", &Context::default(), &site("x")).result.unwrap();
    assert!(rendered.contains("[Timer]"));
    assert!(renderer(folder.path()).template("job@1.timer.j2", &Context::default(), &site("x")).result.is_err());
    let name = "builtin/job.timer.j2";
    let error = renderer(folder.path()).template(name, &Context::default(), &site(name)).result.unwrap_err();
    assert_eq!(error.message, "there is no template `builtin/job.timer.j2`");
    assert!(error.help.as_deref().unwrap_or_default().starts_with("write `builtin/job@1.timer.j2`: "), "{error:?}");
}

#[test]
fn bounds_hold() {
    let empty = json!({});
    let long = format!("{}{{{{ 1 }}}}", "x".repeat(70_000));
    assert!(text(&long, &empty).unwrap_err().message.contains("64 KiB"));
    let output = "{% for a in range(9000) %}{{ 'x' * 1000 }}{% endfor %}";
    assert!(text(output, &empty).unwrap_err().message.contains("1024 KiB"));
    let endless = "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}";
    assert!(text(endless, &empty).unwrap_err().message.contains("runs for too long"));
    assert!(text("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", &empty).is_err());
    // Deep chains within the cap must not exhaust the stack of a thread.
    for link in ["not ", "- ", "-", "x|", "x.", "1+", "[", "(", "not\n", "x[", "{'a':", "x if x else "] {
        let endless = format!("{{{{ {}true }}}}", link.repeat(60_000 / link.len()));
        assert!(text(&endless, &empty).is_err(), "{link}");
        assert!(plain().value(&endless, &Context::default(), &site(&endless)).result.is_err(), "{link}");
        // As long as is allowed: fine or not, but within the stack of a thread.
        let longest = format!("{{{{ {}true }}}}", link.repeat(2000 / link.len()));
        let _either = text(&longest, &empty);
    }
}

#[test]
fn no_error_shows_a_value() {
    let values = json!({"s": "S3CRET", "m": {"S3CRET": "S3CRET"}, "l": ["S3CRET"], "n": 5});
    for template in [
        "x {{ s + 1 }}",
        "x {{ s.nope() }}",
        "x {{ s | int }}",
        "x {{ m[s].x.y }}",
        "x {{ l }}",
        "x {{ m }}",
        "x {{ s.a.b }}",
        "x {{ 1 // 0 if s else s }}",
        "x {{ s | round }}",
        "x {{ m | exec_quote }}",
        "{% include s %}",
        "{% extends s %}",
        "x {{ s() }}",
        "x {{ s % n }}",
        "x {{ '%d' | format(s) }}",
        "x {{ ('{' ~ s ~ '}').format(1) }}",
        "x {{ n - s }}",
        "x {{ s[n:s] }}",
        "x {{ 99999999999999999999 ** n }}",
        "x {{ dict(s) }}",
        "x {{ range(s) }}",
        "{% for a, b in l %}{% endfor %}",
        "{{ s + 1 }}",
        "{{ m[s].x.y }}",
        "{{ l | map(s) | list }}",
        "{{ l | select(s) | list }}",
        "x {{ s ~ l }}",
        "x {{ l | upper }}",
        "x {{ [l] | join }}",
        "x {{ s | replace(s, l) }}",
        "x {{ 1 | indent(s) }}",
        "{% set s.x = 1 %}{{ s.y }}",
    ] {
        let shown = match plain().value(template, &context(&values), &site(template)).result {
            Err(error) => format!("{error:?}"),
            Ok(value) => panic!("{template} gave {value}"),
        };
        assert!(!shown.contains("S3CRET"), "{template}: {shown}");
    }
}

#[test]
fn what_is_joined_is_text_as_templates_print_it() {
    let values = json!({"on": true, "n": 2, "list": ["a", true], "none": null});
    for (template, expected) in [
        ("{{ 'x' ~ on }}", "xtrue"),
        ("{{ on ~ n ~ 'b' }}", "true2b"),
        ("{{ (1 + n) ~ 0 }}", "30"),
        ("{{ list | join(' ') }}", "a true"),
        ("{{ ', '.join(list) }}", "a, true"),
        ("{{ on | string }} {{ on | lower }}", "true true"),
        ("{{ 'a' ~ ('b' if on else 'c' ~ 'd') }}", "ab"),
        ("{% for x in list if x ~ '' == 'a' %}{{ x ~ loop.index }}{% endfor %}", "a1"),
        ("{% set x = 'a' ~ n %}{{ x | replace('a', 'b' ~ on) }}", "btrue2"),
        ("{{ {'a' ~ n: 'b' ~ n}['a2'] }}", "b2"),
        ("{% raw %}{{ a ~ b }}{% endraw %}", "{{ a ~ b }}"),
    ] {
        assert_eq!(text(&format!("{template}|"), &values).unwrap(), format!("{expected}|"), "{template}");
    }
    for (template, words) in [
        ("{{ 'x' ~ none }}", "`null` has no text form"),
        ("{{ 'x' ~ list }}", "a list has no text form"),
        ("{{ list | upper }}", "a list has no text form"),
        ("{{ [none] | join }}", "`null` has no text form"),
        ("{{ 'x' ~ nope }}", "`nope` is not defined"),
        ("{{ nope + 1 }}", "`nope` is not defined"),
    ] {
        let error = text(&format!("{template}|"), &values).unwrap_err();
        assert!(error.message.starts_with(words), "{template}: {}", error.message);
        assert!(!marked(&error)[0].is_empty(), "{template}");
    }
}

#[test]
fn nothing_dumps_all_variables() {
    let values = json!({"s": "S3CRET"});
    for template in
        ["{{ debug() }}", "{{ debug }}", "{{ self }}", "{{ s | pprint }}", "{{ range | string }}", "{{ loop }}"]
    {
        assert!(text(template, &values).is_err(), "{template}");
    }
}

/// Each ends by a bound on steps or bytes; without it, it would take hours or gibibytes.
#[test]
fn what_grows_without_end_is_stopped() {
    let doubling = |step: &str| {
        format!("{{% set ns = namespace(a='x', l=[1]) %}}{{% for i in range(60) %}}{step}{{% endfor %}}{{{{ ns.a }}}}")
    };
    for template in [
        doubling("{% set ns.a = ns.a ~ ns.a %}"),
        doubling("{% set ns.a = ns.a + ns.a %}"),
        doubling("{% set ns.a = [ns.a, ns.a] | join %}"),
        doubling("{% set ns.a = ns.a | replace('x', 'xx') %}"),
        doubling("{% set ns.a = ns.a.replace('x', 'xx') %}"),
        doubling("{% set ns.a = ''.join([ns.a, ns.a]) %}"),
        doubling("{% set a %}{{ ns.a }}{{ ns.a }}{% endset %}{% set ns.a = a %}"),
        doubling("{% set ns.l = ns.l + ns.l %}"),
        doubling("{% set ns.l = [ns.l, ns.l] %}") + "{{ ns.l | to_json }}",
        "{% set a = 'x' %}".to_owned() + &"{% set a = a ~ a %}".repeat(60),
        "{% macro m(a) %}{{ m(a ~ a) }}{% endmacro %}{{ m('x') }}".to_owned(),
        "{% set x %}{% for i in range(9999) %}{{ 'x' * 10000 }}{% endfor %}{% endset %}".to_owned(),
        "{{ 'x' | indent(99999999999) }}".to_owned(),
        "{{ 'x' | indent(width=99999999999) }}".to_owned(),
        "{{ range(9) | batch(99999999999, 'x') | list | length }}".to_owned(),
        "{{ range(9) | slice(99999999999) | list | length }}".to_owned(),
        "{{ '%99999999999d' | format(1) }}".to_owned(),
        "{{ '{:>99999999999}'.format('x') }}".to_owned(),
        "{{ 'x' * 99999999999 }}".to_owned(),
        "{{ [1] * 99999999999 }}".to_owned(),
    ] {
        let error = text(&template, &json!({})).expect_err(&template);
        let bound =
            ["longer than 1024 KiB", "more than 100000 items", "above 9999", "wider than 9999", "too many items"];
        assert!(bound.iter().any(|bound| error.message.contains(bound)), "{template}: {}", error.message);
    }
}
