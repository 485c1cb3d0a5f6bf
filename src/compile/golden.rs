//! The built-in templates: what they print, read by a person; that their examples compile; what they refuse.
//!
//! `tests/cases/templates/TEMPLATE/CASE.yaml` holds variables, `CASE.unit` the unit that comes of them. That systemd has
//! nothing to say against any is a matter for real hosts: `tests/sandbox/templates.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::filters;
use super::tests::Case;
use crate::model::SourceFile;
use crate::render::{BUILTIN, Context, Files, Renderer, Search, Site};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/templates")
}

type Vars = serde_json::Map<String, serde_json::Value>;

/// The cases of a template by name: variables and what they yield.
fn cases(template: &str) -> BTreeMap<String, (Vars, String)> {
    let folder = folder().join(template.trim_end_matches(".j2"));
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "yaml"));
    let case = |path: PathBuf| {
        let vars = serde_yaml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let unit = std::fs::read_to_string(path.with_extension("unit")).unwrap();
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), (vars, unit))
    };
    paths.map(case).collect()
}

fn render(template: &str, vars: &Vars) -> String {
    let renderer = Renderer::new(Search::default(), &Files::new(), filters::register);
    let mut context = Context::default();
    for (name, value) in vars {
        context.set(name, value);
    }
    let source = SourceFile { name: "play.yaml".to_owned(), text: template.to_owned() };
    let site = Site { source: Arc::new(source), span: 0..template.len() };
    renderer
        .template(&format!("builtin/{template}"), &context, &site)
        .result
        .unwrap_or_else(|error| panic!("{error:?}"))
}

#[test]
fn each_case_yields_its_unit() {
    for (template, _) in BUILTIN {
        for (case, (vars, expected)) in cases(template) {
            let unit = render(template, &vars);
            assert_eq!(unit, expected, "{template}, {case}:\n{unit}");
        }
    }
    let folders = std::fs::read_dir(folder()).unwrap().count();
    assert_eq!(folders, BUILTIN.len(), "a folder of cases belongs to no template");
}

#[test]
fn the_cases_of_a_template_set_each_of_its_variables() {
    for (template, text) in BUILTIN {
        let environment = minijinja::Environment::new();
        let mut missing = environment.template_from_str(text).unwrap().undeclared_variables(false);
        missing.remove("fail");
        let cases = cases(template);
        assert!(cases.contains_key("least"), "{template} has no case `least`");
        for name in cases.values().flat_map(|(vars, _)| vars.keys()) {
            missing.remove(name);
        }
        assert!(missing.is_empty(), "no case of {template} sets {missing:?}");
    }
}

/// The example that a template's comment ends with.
fn example(text: &str) -> String {
    let (_, example) = text.split_once("\n Example:\n").expect("there is an example");
    let lines = example.lines().take_while(|line| *line != "#}");
    lines.map(|line| line.strip_prefix("   ").unwrap_or(line)).collect::<Vec<_>>().join("\n") + "\n"
}

#[test]
fn the_example_in_each_comment_compiles_and_uses_the_template() {
    for (template, text) in BUILTIN {
        let example = example(text);
        let playbook = format!("name: m\nhosts: all\nunit_defaults: {{enabled: true, state: started}}\n{example}");
        let compiled = Case::new(&playbook).run().unwrap_or_else(|wrong| panic!("{template}: {wrong:#?}"));
        assert_eq!(compiled.warnings, [], "{template}");
        assert!(example.contains(&format!("template: builtin/{template}\n")), "{template}:\n{example}");
    }
}

#[test]
fn a_variable_of_a_unit_that_its_template_does_not_take_is_warned_of() {
    let unit = |vars: &str, more: &str| {
        let text =
            format!("units: {{a.service: {{template: builtin/web-app@1.service.j2, vars: {{{vars}}}{more}}}}}\n");
        let compiled = Case::new(&text).run().unwrap_or_else(|wrong| panic!("{wrong:#?}"));
        let told = compiled.warnings.iter().map(|told| {
            let label = &told.labels[0];
            (label.source.text[label.span.clone()].to_owned(), told.help.clone().unwrap_or_default())
        });
        told.collect::<Vec<_>>()
    };
    assert_eq!(unit("exec: /bin/a, prot: 80", ""), [("prot".to_owned(), "did you mean `port`?".to_owned())]);
    let [(name, help)] = &unit("exec: /bin/a, zzz: 1", "")[..] else { panic!("one variable is not taken") };
    assert!(name == "zzz" && help.starts_with("it takes exec, description, user, group, "), "{help}");
    for (vars, more) in [
        ("exec: /bin/a, port: 80", ""),
        ("exec: '/bin/a {{ zzz }}', zzz: 1", ""),
        ("exec: /bin/a, zzz: /x", ", watch: ['{{ zzz }}']"),
        ("exec: /bin/a, zzz: 1", ", drop_ins: {d: {Service: {Nice: '{{ zzz }}'}}}"),
    ] {
        assert_eq!(unit(vars, more), [], "{vars}");
    }
}

#[test]
fn what_a_template_refuses_is_said_in_its_words() {
    for (unit, template, vars, expected) in [
        ("a.service", "hardened@1.service", "exec: /bin/a, level: S3CRET", r#"`level` has to be "basic" or "strict""#),
        (
            "a.service",
            "hardened@1.service",
            "exec: /bin/a, network: no",
            r#"`network` has to be "any", "local" or "none""#,
        ),
        (
            "a.service",
            "container-podman@1.service",
            "image: a, pull: S3CRET",
            r#"`pull` has to be "always", "missing" or "never""#,
        ),
        (
            "a.service",
            "container-docker@1.service",
            "image: a, pull: S3CRET",
            r#"`pull` has to be "always", "missing" or "never""#,
        ),
        (
            "a.service",
            "database-dump@1.service",
            "engine: S3CRET, database: a",
            r#"`engine` has to be "postgres" or "mysql""#,
        ),
        (
            "a.service",
            "database-dump@1.service",
            "engine: mysql, database: a, keep: 0",
            "`keep` has to be 1 or more: with less, the new dump would go, too",
        ),
        (
            "a.service",
            "database-dump@1.service",
            "engine: mysql, database: ../S3CRET",
            "`database` is a part of file names here: no blank, backslash or any of / : % $, nor `-` or `.` in front",
        ),
        (
            "a.path",
            "path-job@1.path",
            "",
            "say what to watch: set `changed`, `modified`, `exists`, `exists_glob` or `not_empty`",
        ),
        ("a.socket", "socket-service@1.socket", "", "say where to listen: set `listen` or `datagram`"),
    ] {
        let playbook = format!("units: {{{unit}: {{template: builtin/{template}.j2, vars: {{{vars}}}}}}}\n");
        let wrong = Case::new(&playbook).bad();
        assert_eq!(wrong[0].message, expected, "{template}");
        assert!(!format!("{:?}", (&wrong[0].message, &wrong[0].help)).contains("S3CRET"));
        let sources: Vec<&str> = wrong[0].labels.iter().map(|label| label.source.name.as_str()).collect();
        assert_eq!(sources, ["play.yaml", &format!("builtin/{template}.j2")], "the reader's own line comes first");
    }
}

#[test]
fn each_required_variable_is_asked_for_with_what_the_template_says_of_it() {
    for (template, text) in BUILTIN {
        let (unit, kind) = template.trim_end_matches(".j2").rsplit_once('.').unwrap();
        let name = if unit.starts_with("worker") || unit.starts_with("socket-con") { "u@" } else { "u" };
        let required: BTreeSet<&str> = text
            .lines()
            .filter(|line| line.contains("  required. "))
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        let (least, _) = &cases(template)["least"];
        for without in required {
            let mut vars = least.clone();
            vars.remove(without).unwrap_or_else(|| panic!("{template}: `{without}` is required, and not in `least`"));
            let vars = serde_json::Value::Object(vars);
            let playbook = format!("units: {{{name}.{kind}: {{template: builtin/{template}, vars: {vars}}}}}\n");
            let wrong = &Case::new(&playbook).bad()[0];
            assert_eq!(wrong.message, format!("`{without}` is not defined"), "{template}");
            let help = wrong.help.as_deref().unwrap_or_default();
            let start = format!("set it in `vars`. The template says of `{without}`: required. ");
            assert!(help.starts_with(&start) && help.len() > start.len(), "{template}: {help}");
        }
    }
}
