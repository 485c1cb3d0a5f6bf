//! Every key of a playbook comes through with its meaning and its place.

use serde_json::json;

use super::*;
use crate::load::brief;
use crate::load::manifest::{DirectiveValue, Expr, Setting};
use crate::model::{OnChange, RunState};

fn parse(text: &str) -> Result<Playbook, String> {
    let source = Arc::new(SourceFile { name: "p.yaml".into(), text: text.into() });
    match parse_playbook(source, Path::new("p.yaml"), Path::new("/project")) {
        Ok((playbook, warnings)) => {
            assert_eq!(warnings, []);
            Ok(playbook)
        }
        Err(problems) => Err(problems.iter().map(brief).collect()),
    }
}

/// The example of the documentation, without what this version refuses.
const EXAMPLE: &str = r#"
name: web-tier                          # required, unique: the owner of what it installs
hosts: web
defaults: {port: 8000}                  # weaker than the inventory
vars: {workers: 2, when: 2026-01-02}    # stronger than the inventory
users:
  webapp: {home: /opt/webapp, shell: /usr/sbin/nologin}     # system: true is the default
directories:
  /opt/webapp: {owner: webapp, group: webapp, mode: "0755"}
files:
  /opt/webapp/app.py: {source: app.py, mode: "0755"}
  /etc/webapp.env:    {template: webapp.env.j2, group: webapp, mode: "0640"}
  /etc/old.env:       {absent: true}
unit_defaults: {enabled: true, state: started}
units:
  webapp.service:
    template: builtin/web-app@1.service.j2
    vars: {exec: /opt/webapp/app.py}
    watch: [/opt/webapp/app.py]
    on_change: auto
  nginx.service:
    drop_ins:
      limits: {Service: {LimitNOFILE: 65536}}
  worker@.service: {template: worker@.service.j2, instances: "{{ range(1, workers + 1) }}"}
  backup.service:
    enabled: null
    state: null
    Service: {Type: oneshot, ExecStart: /usr/local/bin/backup}
  backup.timer:
    Timer: {OnCalendar: daily, Persistent: true}
    Install: {WantedBy: timers.target}
  iptables.service: {masked: true}
  old.service: {absent: true}
  "{{ app }}.socket": {enabled: "{{ on }}", state: stopped}
  plain.service:
default_target: multi-user.target
"#;

#[test]
fn the_documented_example_is_read_whole() {
    let playbook = parse(EXAMPLE).unwrap();
    assert_eq!(playbook.root, Path::new("/project"));
    let manifest = &playbook.manifests[0];
    assert_eq!((manifest.name.as_str(), manifest.hosts.as_str()), ("web-tier", "web"));
    assert_eq!(manifest.defaults["port"], json!(8000));
    assert_eq!(manifest.vars["when"], json!("2026-01-02"));
    assert_eq!(manifest.users["webapp"].home.as_deref(), Some("/opt/webapp"));
    assert_eq!(manifest.users["webapp"].system, None);
    assert_eq!(manifest.directories["/opt/webapp"].mode.as_deref(), Some("0755"));
    assert_eq!(manifest.files["/etc/old.env"].absent, Some(Expr::Literal(true)));
    assert_eq!(manifest.files["/etc/webapp.env"].text.template.as_deref(), Some("webapp.env.j2"));
    assert_eq!(manifest.unit_defaults.state, Setting::Is(Expr::Literal(RunState::Started)));
    assert_eq!(manifest.default_target, Some(DefaultTarget::Named("multi-user.target".to_owned())));
    assert_eq!(manifest.units.len(), 9);
}

#[test]
fn absent_null_and_set_are_three_things() {
    let playbook = parse(EXAMPLE).unwrap();
    let units = &playbook.manifests[0].units;
    assert_eq!(units["webapp.service"].enabled, Setting::Inherit);
    assert_eq!(units["backup.service"].enabled, Setting::NotOurs);
    assert_eq!(units["iptables.service"].masked, Setting::Is(Expr::Literal(true)));
    let socket = &units["{{ app }}.socket"];
    assert_eq!(socket.enabled, Setting::Is(Expr::Template("{{ on }}".into())));
    assert_eq!(socket.state, Setting::Is(Expr::Literal(RunState::Stopped)));
    assert_eq!(units["webapp.service"].on_change, Some(Expr::Literal(OnChange::Auto)));
    assert_eq!(units["webapp.service"].text.vars["exec"], json!("/opt/webapp/app.py"));
    assert_eq!(units["worker@.service"].instances, Some(Expr::Template("{{ range(1, workers + 1) }}".into())));
    let limits = &units["nginx.service"].drop_ins["limits"];
    let directives = vec![("LimitNOFILE".to_owned(), DirectiveValue::Number("65536".into()))];
    assert_eq!(limits.sections, [("Service".to_owned(), directives)]);
}

fn directives(text: &str) -> Vec<(String, DirectiveValue)> {
    let playbook = parse(&format!("name: a\nhosts: all\nunits:\n  a.service:\n    Service:\n{text}")).unwrap();
    let mut sections = playbook.manifests[0].units["a.service"].sections.clone();
    sections.remove(0).1
}

#[test]
fn directives_keep_their_order_and_numbers_their_digits() {
    use DirectiveValue::{Bool, List, Map, Number, Text};
    let text = "      Z: 1.10\n      B: 0644\n      A: 0x1F\n      C: yes\n      D: true\n      E: '12'\n      F: \"\"\n      \
                G: [1.0, no, off, True]\n      H: >-\n        /bin/a\n        --b\n      I: |\n        /bin/a \\\n        --b\n      \
                Environment: {Z: 1.50, A: false, B: \"x y\"}\n      J: 1e3\n      K: \"{{ a }}\"\n";
    let owned = |value: &str| value.to_owned();
    let expected = vec![
        ("Z", Number(owned("1.10"))),
        ("B", Text(owned("0644"))),
        ("A", Number(owned("0x1F"))),
        ("C", Text(owned("yes"))),
        ("D", Bool(true)),
        ("E", Text(owned("12"))),
        ("F", Text(String::new())),
        ("G", List(vec![Number(owned("1.0")), Text(owned("no")), Text(owned("off")), Bool(true)])),
        ("H", Text(owned("/bin/a --b"))),
        ("I", Text(owned("/bin/a \\\n--b"))),
        (
            "Environment",
            Map(vec![(owned("Z"), Number(owned("1.50"))), (owned("A"), Bool(false)), (owned("B"), Text(owned("x y")))]),
        ),
        ("J", Number(owned("1e3"))),
        ("K", Text(owned("{{ a }}"))),
    ];
    let expected: Vec<_> = expected.into_iter().map(|(key, value)| (owned(key), value)).collect();
    assert_eq!(directives(text), expected);
}

#[test]
fn an_alias_gives_numbers_their_text_too() {
    let expected = [
        ("A".to_owned(), DirectiveValue::Number("1.10".into())),
        ("B".to_owned(), DirectiveValue::Number("1.10".into())),
    ];
    assert_eq!(directives("      A: &v 1.10\n      B: *v\n"), expected);
}

#[test]
fn instances_are_texts_whatever_yaml_calls_them() {
    let text = "name: a\nhosts: all\nunits:\n  w@.service: {instances: [1, \"02\", 1.10, a-b, \"{{ x }}\"]}\n";
    let playbook = parse(text).unwrap();
    let expected = ["1", "02", "1.10", "a-b", "{{ x }}"].map(str::to_owned).to_vec();
    assert_eq!(playbook.manifests[0].units["w@.service"].instances, Some(Expr::Literal(expected)));
}

#[test]
fn each_document_points_into_itself() {
    let text = "---\nname: a\nhosts: all\n---\nname: b\nhosts: all\nunits:\n  x.service: {enabled: true}\n---\n";
    let playbook = parse(text).unwrap();
    let names: Vec<_> = playbook.manifests.iter().map(|manifest| manifest.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    let path = ["units", "x.service"].map(|key| Seg::Key(key.to_owned()));
    assert_eq!(playbook.manifests[1].spans.place(&path).to_string(), "p.yaml:8:3");
}

#[test]
fn slices_and_other_units_may_be_started() {
    let text = "name: a\nhosts: all\nunits:\n  a.slice: {state: started, Slice: {CPUWeight: 50}}\n  \
                srv.mount: {state: started, Mount: {What: /dev/x, Where: /srv}, Install: {WantedBy: local-fs.target}}\n";
    assert_eq!(parse(text).unwrap().manifests[0].units.len(), 2);
}

#[test]
fn names_are_unique_over_all_playbooks_of_a_run() {
    let one = parse("name: a\nhosts: all\n").unwrap();
    let two = parse("name: b\nhosts: all\n---\nname: a\nhosts: all\n").unwrap();
    let problems: Vec<_> = check_unique(&[one, two]).iter().map(brief).collect();
    assert_eq!(
        problems,
        ["p.yaml:4:7: error: two manifests are named `a`\n  p.yaml:1:7: the other one\n  \
          help: give each its own name: it is the owner of what it installs\n"]
    );
}

#[test]
fn the_root_is_the_nearest_marked_folder() {
    let project = tempfile::tempdir().unwrap();
    let folder = project.path().join("playbooks/web");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("web.yaml");
    std::fs::write(&path, "name: a\nhosts: all\n").unwrap();
    assert_eq!(read_playbook(&path, None).unwrap().0.root, folder);
    std::fs::write(project.path().join(crate::load::project::ROOT_FILE), "").unwrap();
    let (playbook, warnings) = read_playbook(&path, None).unwrap();
    assert_eq!((playbook.root.as_path(), warnings.len()), (project.path(), 0));
    assert_eq!(read_playbook(&path, Some(Path::new("/r"))).unwrap().0.root, Path::new("/r"));
    assert!(read_playbook(&folder.join("no.yaml"), None).is_err());
}

proptest::proptest! {
    #[test]
    fn garbage_never_panics(lines in proptest::collection::vec(
        r#"[ ]{0,6}(name|hosts|units|files|vars|a@?\.service|/a|Service|ExecStart|mode|absent|instances|drop_ins|enabled|x): (1|\[1, \[a\]\]|\{a: 1\}|true|"\{\{ x \}\}"|web|\*x|&x|\||)?"#, 0..14)) {
        let _outcome = parse(&format!("name: a\nhosts: all\n{}\n", lines.join("\n")));
    }
}
