//! From the text of a playbook to what a host shall look like: variables, names, units, claims, and their mistakes.

use serde_json::json;

use super::*;
use crate::load::inventory::{Group, Host};
use crate::load::parse_playbook;
use crate::model::{AbsPath, Bytes, DesiredUnit, OnChange, RunState, SourceFile, Target, Wanted};

fn inventory(hosts: &[(&str, serde_json::Value)]) -> Inventory {
    let mut inventory = Inventory::default();
    let mut all = Group::default();
    for (name, vars) in hosts {
        let name = HostName::parse(name).unwrap();
        all.hosts.push(name.clone());
        let host = Host {
            target: Target::ssh(name.clone()),
            groups: vec!["all".to_owned()],
            vars: vars.as_object().unwrap().clone(),
            layers: Vec::new(),
        };
        inventory.hosts.insert(name, host);
    }
    inventory.groups.insert("all".to_owned(), all);
    inventory
}

fn playbook(name: &str, text: &str, folder: &Path) -> Playbook {
    let source = SourceFile { name: name.to_owned(), text: text.to_owned() };
    match parse_playbook(Arc::new(source), &folder.join(name), folder) {
        Ok((playbook, _)) => playbook,
        Err(wrong) => panic!("{wrong:#?}"),
    }
}

pub(super) struct Case<'a> {
    text: &'a str,
    inventory: Inventory,
    extra: serde_json::Value,
    folder: &'a Path,
}

impl<'a> Case<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, inventory: inventory(&[("h1", json!({}))]), extra: json!({}), folder: Path::new("/nonexistent") }
    }

    pub(super) fn run(&self) -> Result<Compiled, Vec<Diagnostic>> {
        let text = if self.text.starts_with("name:") {
            self.text.to_owned()
        } else {
            format!("name: m\nhosts: all\n{}", self.text)
        };
        let playbook = playbook("play.yaml", &text, self.folder);
        let limit = self.inventory.hosts.keys().cloned().collect();
        let extra = self.extra.as_object().unwrap().clone();
        let inputs = Inputs::new(vec![playbook], self.inventory.clone(), extra, Sources::default());
        inputs.compile(&limit, &Knowledge::default())
    }

    #[track_caller]
    fn good(&self) -> Desired {
        match self.run() {
            Ok(mut compiled) => compiled.desired.pop_first().unwrap().1,
            Err(wrong) => panic!("{wrong:#?}"),
        }
    }

    #[track_caller]
    pub(super) fn bad(&self) -> Vec<Diagnostic> {
        match self.run() {
            Err(wrong) => wrong,
            Ok(compiled) => panic!("this compiled: {:#?}", compiled.desired),
        }
    }
}

#[track_caller]
fn good(text: &str) -> Desired {
    Case::new(text).good()
}

#[track_caller]
fn unit(desired: &Desired, name: &str) -> DesiredUnit {
    desired.units.get(name).unwrap_or_else(|| panic!("{:?}", desired.units.keys())).clone()
}

fn fragment(unit: &DesiredUnit) -> &str {
    unit.fragment.as_ref().and_then(Bytes::as_text).unwrap_or("")
}

fn watched(unit: &DesiredUnit) -> Vec<&str> {
    unit.watch.iter().map(AbsPath::as_str).collect()
}

/// Each of these is refused with a message that holds the words, at exactly the marked place.
#[track_caller]
fn refused(cases: &[(&str, &str, &str)]) {
    for (text, words, mark) in cases {
        let wrong = Case::new(text).bad();
        let first = &wrong[0];
        assert!(
            first.message.contains(words),
            "{text}\nwanted {words:?}, got {:?}",
            wrong.iter().map(|d| &d.message).collect::<Vec<_>>()
        );
        let label = &first.labels[0];
        assert_eq!(&label.source.text[label.span.clone()], *mark, "{text}");
    }
}

const INSTALL: &str = "Install: {WantedBy: multi-user.target}";

#[test]
fn sections_become_text_as_systemd_writes_it() {
    let desired = good(
        r#"
vars: {flag: true, list: [a, b], port: 80, env: {K: "v w"}}
units:
  a.service:
    Unit: {Description: "100%% {{ port }}", After: [x.service, y.service]}
    Service:
      ExecStart: /bin/a -p {{ port }}
      PrivateTmp: true
      RemainAfterExit: no
      LimitNOFILE: 65536
      ProtectHome: "{{ flag }}"
      ReadOnlyPaths: "{{ list }}"
      Environment: {A: x y, B: 1, C: true, D: "{{ port }}%"}
"#,
    );
    assert_eq!(
        fragment(&unit(&desired, "a.service")),
        "[Unit]
Description=100%% 80
After=x.service
After=y.service

[Service]
ExecStart=/bin/a -p 80
PrivateTmp=yes
RemainAfterExit=no
LimitNOFILE=65536
ProtectHome=yes
ReadOnlyPaths=a
ReadOnlyPaths=b
Environment=\"A=x y\"
Environment=\"B=1\"
Environment=\"C=true\"
Environment=\"D=80%%\"
"
    );
    let whole =
        good("vars: {env: {K: v w}}\nunits:\n  a.service: {Service: {ExecStart: /x, Environment: '{{ env }}'}}\n");
    assert!(fragment(&unit(&whole, "a.service")).ends_with("Environment=\"K=v w\"\n"));
}

#[test]
fn text_of_a_unit_ends_in_a_newline_and_drop_ins_in_conf() {
    let desired = good(
        r#"
units:
  a.service: {content: "[Service]\nExecStart=/a"}
  nginx.service:
    drop_ins:
      limits: {Service: {LimitNOFILE: 1}}
      more: {content: "[Service]"}
      old: {absent: true}
"#,
    );
    assert_eq!(fragment(&unit(&desired, "a.service")), "[Service]\nExecStart=/a\n");
    let nginx = unit(&desired, "nginx.service");
    assert_eq!(nginx.fragment, None);
    let drop_ins: Vec<(&str, Wanted<&str>)> = nginx
        .drop_ins
        .iter()
        .map(|(name, wanted)| match wanted {
            Wanted::Present(bytes) => (name.as_str(), Wanted::Present(bytes.as_text().unwrap())),
            Wanted::Absent => (name.as_str(), Wanted::Absent),
        })
        .collect();
    assert_eq!(
        drop_ins,
        [
            ("limits.conf", Wanted::Present("[Service]\nLimitNOFILE=1\n")),
            ("more.conf", Wanted::Present("[Service]\n")),
            ("old.conf", Wanted::Absent),
        ]
    );
}

#[test]
fn settings_are_the_units_own_else_the_default_and_null_is_not_ours() {
    let desired = good(&format!(
        r#"
vars: {{off: false, nothing: null}}
unit_defaults: {{enabled: true, state: started, on_change: restart}}
units:
  a.service: {{Service: {{ExecStart: /a}}, {INSTALL}}}
  b.service: {{enabled: null, state: null, on_change: none}}
  c.service: {{enabled: "{{{{ off }}}}", state: "stopped"}}
  d.service: {{enabled: "{{{{ nothing }}}}"}}
  e.service: {{masked: true}}
  f.service: {{masked: true, enabled: null, state: null}}
  g.service: {{masked: false}}
  h.service: {{absent: true}}
  i@.service: {{Service: {{ExecStart: /i}}}}
"#
    ));
    let of = |name: &str| {
        let unit = unit(&desired, name);
        (unit.enabled, unit.state, unit.masked)
    };
    let (started, stopped) = (Some(RunState::Started), Some(RunState::Stopped));
    assert_eq!(of("a.service"), (Some(true), started, None));
    assert_eq!(of("b.service"), (None, None, None));
    assert_eq!(of("c.service"), (Some(false), stopped, None));
    assert_eq!(of("d.service"), (None, started, None));
    assert_eq!(of("e.service"), (Some(false), stopped, Some(true)));
    assert_eq!(of("f.service"), (None, None, Some(true)));
    assert_eq!(of("g.service"), (Some(true), started, Some(false)));
    assert_eq!(of("i@.service"), (None, None, None));
    let gone = unit(&desired, "h.service");
    assert_eq!((gone.absent, gone.enabled, gone.state), (true, None, None));
    assert_eq!(unit(&desired, "a.service").on_change, OnChange::Restart);
    assert_eq!(unit(&desired, "b.service").on_change, OnChange::None);
    assert_eq!(good("units: {a.service: {}}").units["a.service"].enabled, None);
}

#[test]
fn the_strongest_variable_wins_and_its_expressions_see_all_others() {
    let text = "
name: m
hosts: all
defaults: {a: default, b: default, c: default, d: default, e: default, dir: '{{ base }}/x', base: /weak}
vars: {c: vars, d: vars, e: vars}
files:
  /f: {content: '{{ a }} {{ b }} {{ c }} {{ d }} {{ e }} {{ dir }} {{ host }}', vars: {d: own, e: own}}
  /g: {content: '{{ d }}'}
"
    .trim_start();
    let case = Case {
        inventory: inventory(&[(
            "h1",
            json!({"b": "host", "c": "host", "d": "host", "base": "/strong", "host": "never"}),
        )]),
        extra: json!({"e": "extra"}),
        ..Case::new(text)
    };
    let desired = case.good();
    let content = |path: &str| match &desired.files[path].spec {
        Wanted::Present(spec) => spec.bytes.as_text().unwrap().to_owned(),
        Wanted::Absent => String::new(),
    };
    assert_eq!(content("/f"), "default host vars own extra /strong/x never");
    assert_eq!(content("/g"), "vars");
}

#[test]
fn built_in_variables_tell_about_the_fleet() {
    let text = "files:\n  /f: {content: '{{ host }} {{ groups.all | join(\",\") }} {{ inventory.h2.ip }} {{ inventory[\"h2\"].address }} {{ inventory.h2.url }}'}\n";
    let case = Case {
        inventory: inventory(&[
            ("h1", json!({})),
            ("h2", json!({"ip": "10.0.0.2", "url": "http://{{ ip }}/{{ host }}", "needs_playbook": "{{ port }}"})),
        ]),
        ..Case::new(text)
    };
    let Wanted::Present(file) = &case.good().files["/f"].spec else { panic!() };
    assert_eq!(file.bytes.as_text(), Some("h1 h1,h2 10.0.0.2 h2 http://10.0.0.2/h2"));
}

#[test]
fn a_variable_that_names_itself_means_its_weaker_definition_and_circles_are_told() {
    let desired =
        good("defaults: {path: /bin}\nvars: {path: '{{ path }}:/opt'}\nfiles: {/f: {content: '{{ path }}'}}\n");
    assert!(matches!(&desired.files["/f"].spec, Wanted::Present(spec) if spec.bytes.as_text() == Some("/bin:/opt")));
    let wrong = Case::new("vars: {a: '{{ b }}', b: 'x{{ c }}', c: ['{{ a }}']}\n").bad();
    assert_eq!(wrong.len(), 1, "{wrong:#?}");
    assert_eq!(wrong[0].message, "these variables are defined by each other: a → b → c → a");
    refused(&[
        ("vars: {a: '{{ a }}'}\n", "`a` is not defined", "a"),
        ("vars: {port: 1, a: {b: ['x', '{{ prt }}']}}\n", "`prt` is not defined", "prt"),
    ]);
}

#[test]
fn an_unusable_inventory_variable_is_an_error_only_where_it_is_used() {
    let hosts = inventory(&[("h1", json!({"theirs": "{{ lookup('x', 'TOPSECRET') }}", "other": "{{ theirs }}!"}))]);
    let unused = Case { inventory: hosts.clone(), ..Case::new("files: {/f: {content: x}}\n") };
    unused.good();
    let used = Case { inventory: hosts, ..Case::new("files: {/f: {content: 'x {{ other }}'}}\n") };
    let wrong = used.bad();
    assert_eq!(wrong.len(), 1);
    assert!(
        wrong[0].message.starts_with("the variable `theirs` of the inventory cannot be used: "),
        "{}",
        wrong[0].message
    );
    assert_eq!(&wrong[0].labels[0].source.text[wrong[0].labels[0].span.clone()], "other");
    assert!(!format!("{wrong:?}").contains("TOPSECRET"));
}

#[test]
fn variables_of_a_unit_and_of_the_command_line_are_told_once_and_without_their_text() {
    let case = Case {
        extra: json!({"e": "TOPSECRET {{ nope }}"}),
        ..Case::new(
            "units:\n  a.service: {Service: {ExecStart: '{{ x }}'}}\n  b.service: {content: '{{ e }} {{ own }}', vars: {own: '{{ missing }}'}}\n",
        )
    };
    let wrong = case.bad();
    let said: Vec<&str> = wrong.iter().map(|d| d.message.as_str()).collect();
    assert_eq!(
        said,
        [
            "the variable `e` given with `-e` cannot be used: `nope` is not defined",
            "`x` is not defined",
            "`missing` is not defined",
            "the variable `e` given with `-e` cannot be used: `nope` is not defined",
        ]
    );
    assert!(!format!("{wrong:?}").contains("TOPSECRET"));
}

#[test]
fn a_variable_of_the_command_line_that_was_meant_to_be_another_is_told() {
    let warnings = |extra: serde_json::Value| {
        let text = "defaults: {every: 5}\nfiles: {/f: {content: '{{ every }} {{ evry | default(1) }}'}}\n";
        let case = Case { extra, inventory: inventory(&[("h1", json!({"workers": 2}))]), ..Case::new(text) };
        let said = case.run().unwrap().warnings;
        said.iter().map(|warning| warning.help.clone().unwrap_or_default()).collect::<Vec<_>>()
    };
    assert_eq!(warnings(json!({"evey": 1})), ["did you mean `every`?"]);
    assert_eq!(warnings(json!({"wokers": 1})), ["did you mean `workers`?"]);
    // What is defined, what the playbook names, what is like nothing else.
    assert_eq!(warnings(json!({"every": 1, "evry": 1, "release": 1})), [""; 0]);
}

#[test]
fn a_large_fleet_compiles_in_moments() {
    let names: Vec<String> = (0..500).map(|n| format!("h{n}")).collect();
    let hosts: Vec<(&str, serde_json::Value)> =
        names.iter().map(|name| (name.as_str(), json!({"n": 1, "url": "http://{{ host }}"}))).collect();
    let case = Case {
        inventory: inventory(&hosts),
        ..Case::new(
            "vars: {peers: '{{ groups.all | length }}'}\nunits:\n  a.service: {template: builtin/web-app@1.service.j2, vars: {exec: '/a {{ url }} {{ peers }}'}}\n  b@.service: {instances: [1, 2], Service: {ExecStart: '/b {{ n }}'}}\n",
        )
    };
    let hosts = case.run().unwrap().desired;
    assert_eq!(hosts.len(), 500);
    assert!(fragment(&unit(&hosts["h7"], "a.service")).contains("ExecStart=/a http://h7 500\n"));
}

#[test]
fn keys_may_hold_expressions() {
    let desired = good(
        "vars: {app: shop}\nusers: {shop: {home: '/opt/{{ app }}'}}\ndirectories: {'/opt/{{ app }}': {owner: '{{ app }}'}}\nfiles: {'/etc/{{ app }}.env': {content: ''}}\nunits: {'{{ app }}.service': {}}\n",
    );
    assert!(desired.users.contains_key("shop"));
    assert!(desired.directories.contains_key("/opt/shop"));
    assert!(desired.files.contains_key("/etc/shop.env"));
    assert_eq!(unit(&desired, "shop.service").claim.place.to_string(), "play.yaml:7:9");
}

#[test]
fn users_directories_and_files_have_sane_defaults() {
    let desired = good(
        "users: {app: {}, old: {absent: true}, me: {system: false, shell: /bin/sh}}\ndirectories: {/d: {}, /e: {owner: app, group: app, mode: '2750'}}\nfiles: {/f: {content: x}, /g: {content: '', mode: '0600', owner: app}, /h: {absent: true}}\n",
    );
    let json = serde_json::to_value(&desired).unwrap();
    let spec = |kind: &str, name: &str| json[kind][name]["spec"].clone();
    let user = |system: bool, shell: Option<&str>| {
        json!({"present": {"system": system, "uid": null, "gid": null, "groups": [], "home": null,
            "create_home": false, "shell": shell}})
    };
    assert_eq!(spec("users", "app"), user(true, None));
    assert_eq!(spec("users", "old"), json!("absent"));
    assert_eq!(spec("users", "me"), user(false, Some("/bin/sh")));
    let directory =
        |mode: u32, owner: &str| json!({"present": {"mode": mode, "user": owner, "group": owner, "recurse": false}});
    assert_eq!(spec("directories", "/d"), directory(0o755, "root"));
    assert_eq!(spec("directories", "/e"), directory(0o2750, "app"));
    assert_eq!(
        spec("files", "/f"),
        json!({"present": {"bytes": {"text": "x"}, "mode": 0o644, "user": "root", "group": "root", "validate": []}})
    );
    assert_eq!(spec("files", "/g")["present"]["mode"], json!(0o600));
    assert_eq!(spec("files", "/h"), json!("absent"));
}

#[test]
fn numbers_groups_links_and_commands_may_come_from_variables() {
    let text = "vars: {n: 850, gs: [adm, docker], to: releases/2, check: 'a b', home: true}
users:
  web: {uid: '{{ n }}', gid: '{{ n + 1 }}', groups: '{{ gs }}', home: /srv/web, create_home: '{{ home }}'}
  job: {gid: '{{ gs[0] }}', groups: ['{{ gs[1] }}']}
  own: {gid: own}
files:
  /l: {symlink: '{{ to }}'}
  /f: {content: x, validate: \"check '{{ check }}' %s\"}
  /g: {content: x, validate: [check, '{{ check }}', '%s']}
";
    let desired = good(text);
    let json = serde_json::to_value(&desired).unwrap();
    let user = |name: &str| json["users"][name]["spec"]["present"].clone();
    assert_eq!(
        user("web"),
        json!({"system": true, "uid": 850, "gid": 851, "groups": ["adm", "docker"], "home": "/srv/web",
            "create_home": true, "shell": null})
    );
    assert_eq!((&user("job")["gid"], &user("job")["groups"]), (&json!("adm"), &json!(["docker"])));
    assert_eq!(user("own")["gid"], json!(null));
    assert_eq!(desired.symlinks["/l"].target, "releases/2");
    let words = |path: &str| json["files"][path]["spec"]["present"]["validate"].clone();
    assert_eq!(words("/f"), json!(["check", "a b", "%s"]));
    assert_eq!(words("/g"), words("/f"));
}

#[test]
fn what_only_variables_tell_about_numbers_groups_links_and_commands_is_refused() {
    refused(&[
        ("vars: {n: x}\nusers: {web: {uid: '{{ n }}'}}\n", "this has to yield a uid", "'{{ n }}'"),
        ("vars: {n: 0}\nusers: {web: {gid: '{{ n }}'}}\n", "this has to yield a gid", "'{{ n }}'"),
        ("vars: {g: web}\nusers: {web: {groups: ['{{ g }}']}}\n", "the user's primary group", "'{{ g }}'"),
        ("vars: {g: adm}\nusers: {web: {gid: adm, groups: ['{{ g }}']}}\n", "primary group", "'{{ g }}'"),
        ("vars: {g: [a, a]}\nusers: {web: {groups: '{{ g }}'}}\n", "listed twice", "'{{ g }}'"),
        ("vars: {g: ['4']}\nusers: {web: {groups: '{{ g }}'}}\n", "not a number", "'{{ g }}'"),
        ("vars: {c: true}\nusers: {web: {create_home: '{{ c }}'}}\n", "`create_home` needs `home`", "create_home"),
        ("vars: {t: /l}\nfiles: {/l: {symlink: '{{ t }}'}}\n", "points to itself", "'{{ t }}'"),
        ("vars: {c: 'x -f'}\nfiles: {/f: {content: x, validate: '{{ c }}'}}\n", "where the path", "'{{ c }}'"),
        ("vars: {c: \"'\"}\nfiles: {/f: {content: x, validate: '{{ c }} %s'}}\n", "never closed", "'{{ c }} %s'"),
        ("vars: {r: true}\ndirectories: {/d: {recurse: '{{ r }}'}}\n", "neither is written here", "recurse"),
        (
            "files: {/etc/systemd/system/a.service: {symlink: /x}}\n",
            "this file is a unit file",
            "/etc/systemd/system/a.service",
        ),
        (
            "files: {/usr/lib/systemd/system/a: {symlink: /x}}\n",
            "nothing can be declared below",
            "/usr/lib/systemd/system/a",
        ),
        ("users: {web: {home: /h, create_home: true}}\nfiles: {/h: {symlink: /x}}\n", "`create_home` of a user", "/h"),
    ]);
    for system in ["/", "/etc", "/usr/share", "/usr/lib/x", "/var/lib", "/etc/systemd/system"] {
        let text = format!("directories: {{{system}: {{owner: web, recurse: true}}}}\n");
        let wrong = Case::new(&text).bad();
        assert!(wrong[0].message.contains("many owners"), "{system}: {wrong:#?}");
    }
    assert!(
        good("directories: {/var/lib/web: {owner: web, recurse: true}}\n").directories.contains_key("/var/lib/web")
    );
}

/// Messages with the lines of their places.
fn told(text: &str) -> Vec<(String, Vec<u32>)> {
    let wrong = Case::new(text).bad().into_iter();
    wrong
        .map(|d| {
            let lines = d.labels.iter().map(|l| l.source.line_column(l.span.start).0);
            (d.message.clone(), lines.collect())
        })
        .collect()
}

#[test]
fn a_number_has_one_user() {
    let text = "name: one
hosts: all
users:
  a: {uid: 850, gid: 900}
  b: {uid: 850}
  c: {gid: '{{ 800 + 100 }}'}
  d: {uid: 851, gid: a}
";
    assert_eq!(
        told(text),
        [
            ("this uid is given to two users of the same host".to_owned(), vec![5, 4]),
            ("this gid is given to the own groups of two users of the same host".to_owned(), vec![6, 4]),
        ]
    );
}

#[test]
fn what_is_declared_below_a_recursion_has_its_owner() {
    let text = "name: one
hosts: all
directories:
  /srv/a: {owner: web, group: web, recurse: true}
  /srv/a/in: {owner: web, group: web, recurse: true}
  /srv/a/other: {owner: web}
  /srv/ab: {}
files:
  /srv/a/f: {content: x}
  /srv/a/g: {content: x, owner: web, group: web}
  /srv/a/l: {symlink: /etc/passwd}
  /srv/a/gone: {absent: true}
";
    let said = |path: &str| format!("`{path}` is declared with another owner than `recurse` of `/srv/a` gives it");
    assert_eq!(told(text), [(said("/srv/a/other"), vec![6, 4]), (said("/srv/a/f"), vec![9, 4])]);
}

#[test]
fn a_thing_has_one_owner_and_both_places_are_shown() {
    let twice = "name: one\nhosts: all\nunits: {a.service: {}}\nfiles: {/f: {content: x}}\nusers: {u: {}}\ndefault_target: multi-user.target\n---\nname: two\nhosts: all\nvars: {x: a}\nunits: {'{{ x }}.service': {}}\ndirectories: {/f: {}}\nusers: {u: {}}\ndefault_target: graphical.target\n";
    let wrong = Case::new(twice).bad();
    let said: Vec<(&str, Vec<u32>)> = wrong
        .iter()
        .map(|d| {
            let lines = d.labels.iter().map(|l| l.source.line_column(l.span.start).0);
            (d.message.as_str(), lines.collect())
        })
        .collect();
    assert_eq!(
        said,
        [
            ("user `u` is declared twice for the same host", vec![13, 5]),
            ("path `/f` is declared twice for the same host", vec![12, 4]),
            ("unit `a.service` is declared twice for the same host", vec![11, 3]),
            ("the default target is declared twice for the same host", vec![14, 6]),
        ]
    );
    let apart = "name: one\nhosts: h1\nunits: {a.service: {}}\n---\nname: two\nhosts: h2\nunits: {a.service: {}}\n";
    let case = Case { inventory: inventory(&[("h1", json!({})), ("h2", json!({}))]), ..Case::new(apart) };
    assert_eq!(case.run().unwrap().desired.len(), 2);
}

#[test]
fn a_template_has_its_instances_as_units_of_their_own() {
    let desired = good(&format!(
        "vars: {{n: 2}}\nunits:\n  w@.service: {{Service: {{ExecStart: /w}}, {INSTALL}, enabled: true, state: started, watch: [/w], on_change: restart, instances: '{{{{ range(1, n + 1) }}}}'}}\n  v@.service: {{instances: []}}\n"
    ));
    let template = unit(&desired, "w@.service");
    assert_eq!((template.enabled, template.state), (None, None));
    let names: Vec<String> = template.instances.unwrap().units.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["w@1.service", "w@2.service"]);
    let one = unit(&desired, "w@1.service");
    assert_eq!(one.fragment, None);
    assert_eq!((one.enabled, one.state, one.on_change), (Some(true), Some(RunState::Started), OnChange::Restart));
    assert_eq!(watched(&one), ["/w"]);
    assert!(one.instances.is_none());
    assert!(unit(&desired, "v@.service").instances.unwrap().units.is_empty());
    refused(&[
        (
            "vars: {l: ['a b']}\nunits: {'w@.service': {instances: '{{ l }}'}}\n",
            "not an instance of a unit",
            "'{{ l }}'",
        ),
        ("vars: {l: 7}\nunits: {'w@.service': {instances: '{{ l }}'}}\n", "a list of texts or numbers", "'{{ l }}'"),
        ("vars: {x: w}\nunits: {'{{ x }}.service': {instances: [a]}}\n", "not a template", "instances"),
        (
            "units:\n  w@.service: {instances: [1]}\n  w@1.service: {}\n",
            "`w@1.service` is declared twice",
            "w@1.service",
        ),
    ]);
}

#[test]
fn files_that_a_service_reads_are_watched() {
    let desired = good(
        r#"
units:
  a.service:
    watch: ["/opt/{{ host }}"]
    Service:
      ExecStart: /a
      EnvironmentFile: [/etc/a.env, -/etc/b.env, /etc/own-%p.env, /etc/c/*.env, relative]
      LoadCredential: ["db:/etc/db.secret", "other:name"]
      LoadCredentialEncrypted: "key:/etc/key.cred"
    drop_ins: {x: {Service: {EnvironmentFile: /etc/d.env}}}
"#,
    );
    assert_eq!(
        watched(&unit(&desired, "a.service")),
        ["/etc/a.env", "/etc/b.env", "/etc/d.env", "/etc/db.secret", "/etc/key.cred", "/etc/own-a.env", "/opt/h1"]
    );
}

#[test]
fn each_instance_watches_its_own_files() {
    let desired = good(
        "units:\n  w@.service: {instances: [a, b], Service: {ExecStart: /w, EnvironmentFile: [/etc/w.env, '/etc/w/%i.env']}}\n",
    );
    assert_eq!(watched(&unit(&desired, "w@a.service")), ["/etc/w.env", "/etc/w/a.env"]);
    assert_eq!(watched(&unit(&desired, "w@b.service")), ["/etc/w.env", "/etc/w/b.env"]);
    assert_eq!(watched(&unit(&desired, "w@.service")), ["/etc/w.env"]);
}

#[test]
fn what_the_finished_text_contradicts_is_refused() {
    let case = |middle: &str| format!("units:\n  a.service: {{{middle}}}\n");
    let service = "Service: {ExecStart: /a}";
    let oneshot = "Service: {Type: oneshot, ExecStart: /a}";
    refused(&[
        (&case(&format!("{service}, enabled: true")), "cannot be enabled", "enabled"),
        (&format!("unit_defaults: {{enabled: true}}\n{}", case(service)), "cannot be enabled", "a.service"),
        (&case(&format!("{oneshot}, state: started")), "cannot be kept started", "state"),
        (&format!("unit_defaults: {{state: started}}\n{}", case(oneshot)), "cannot be kept started", "a.service"),
        (&case("Service: {RemainAfterExit: false}, state: started"), "cannot be kept started", "state"),
        (&case("masked: '{{ true }}', enabled: true"), "cannot be enabled", "enabled"),
        (&case("masked: '{{ true }}', state: started"), "cannot be started", "state"),
        (
            "units: {a.service: {content: \"[Service\\nExecStart=/a\"}}\n",
            "line 1 of this unit's text is wrong: a line that starts with `[`",
            "a.service",
        ),
        (
            "units: {a.service: {content: \"[Service]\\nRestart always\"}}\n",
            "line 2 of this unit's text is wrong: it has no `=`",
            "a.service",
        ),
        (
            "units: {srv-data.mount: {Mount: {What: /dev/sda, Where: /srv/other}}}\n",
            "named after its `Where=`",
            "srv-data.mount",
        ),
        ("units: {data.swap: {Swap: {What: /dev/sda2}}}\n", "named after its `What=`", "data.swap"),
    ]);
    for fine in [
        case(&format!("{oneshot}, state: started, drop_ins: {{x: {{Service: {{RemainAfterExit: true}}}}}}")),
        case(&format!("{service}, enabled: true, drop_ins: {{x: {{{INSTALL}}}}}")),
        case(&format!("{oneshot}, state: stopped")),
        case("enabled: true, state: started"),
        case(&format!("{service}, masked: true")),
        "units: {srv-my\\x2ddata.mount: {Mount: {What: /dev/sda, Where: /srv/my-data}}}\n".to_owned(),
        "units: {'{{ \"/swap file\" | systemd_escape_path }}.swap': {Swap: {What: /swap file}}}\n".to_owned(),
        "units: {data.swap: {Swap: {What: LABEL=x}}}\n".to_owned(),
    ] {
        good(&fine);
    }
}

#[test]
fn names_that_are_rendered_are_checked_without_being_shown() {
    let bad = "vars: {bad: 'S3 CRET'}\n";
    for rest in [
        "units: {'{{ bad }}.service': {}}\n",
        "units: {a.service: {watch: ['{{ bad }}']}}\n",
        "units: {'a@.service': {instances: ['{{ bad }}']}}\n",
        "units: {a.service: {enabled: '{{ bad }}'}}\n",
        "units: {a.service: {state: '{{ bad }}'}}\n",
        "units: {a.service: {on_change: '{{ bad }}'}}\n",
        "units: {a.service: {template: '{{ bad }}'}}\n",
        "units: {a.service: {source: '{{ bad }}'}}\n",
        "units: {a.service: {Service: {Environment: \"{{ {bad: 1} }}\"}}}\n",
        "units: {a.service: {Service: {ExecStart: '{{ [[bad]] }}'}}}\n",
        "units: {srv.mount: {Mount: {Where: '/{{ bad }}'}}}\n",
        "users: {a: {home: '{{ bad }}'}}\n",
        "directories: {'{{ bad }}': {}}\n",
        "directories: {/a: {mode: '{{ bad }}'}}\n",
        "files: {/a: {content: x, owner: '{{ bad }}'}}\n",
        "files: {'{{ bad }}': {content: x}}\n",
        "default_target: '{{ bad }}'\n",
    ] {
        let text = format!("{bad}{rest}");
        let wrong = Case::new(&text).bad();
        for diagnostic in &wrong {
            let shown = format!("{} {:?}", diagnostic.message, diagnostic.help);
            assert!(!shown.contains("CRET"), "{rest}: {shown}");
            assert!(!diagnostic.labels.is_empty(), "{rest}");
            for label in &diagnostic.labels {
                let marked = &label.source.text[label.span.clone()];
                assert!(!marked.contains("CRET"), "{rest}: {marked}");
            }
        }
    }
}

#[test]
fn things_that_cannot_be_are_refused_at_their_key() {
    refused(&[
        ("vars: {k: device}\nunits: {'dev-sda.{{ k }}': {}}\n", "the kernel makes it", "'dev-sda.{{ k }}'"),
        ("vars: {k: scope}\nunits: {'a.{{ k }}': {}}\n", "programs make it", "'a.{{ k }}'"),
        ("vars: {t: reboot}\ndefault_target: '{{ t }}.target'\n", "cannot be reached again", "'{{ t }}.target'"),
        ("vars: {t: a.service}\ndefault_target: '{{ t }}'\n", "has to be a target", "'{{ t }}'"),
        (
            "files: {'/etc/systemd/system/{{ \"a\" }}.service': {content: x}}\n",
            "a unit file",
            "'/etc/systemd/system/{{ \"a\" }}.service'",
        ),
        (
            "files: {'/etc/systemd/system/{{ \"a\" }}.service.d/x.conf': {content: x}}\n",
            "a drop-in of a unit",
            "'/etc/systemd/system/{{ \"a\" }}.service.d/x.conf'",
        ),
        (
            "files: {'/etc/systemd/system/{{ \"a\" }}.target.wants/x.service': {content: x}}\n",
            "a link that enables",
            "'/etc/systemd/system/{{ \"a\" }}.target.wants/x.service'",
        ),
        ("vars: {m: 644}\nfiles: {/a: {content: x, mode: 'u={{ m }}'}}\n", "octal digits", "'u={{ m }}'"),
    ]);
    good("files: {/etc/systemd/system.conf: {content: x}, /etc/systemd/system/notes.txt: {content: x}}\n");
}

#[test]
fn sources_are_taken_byte_for_byte_and_stay_in_the_project() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "s").unwrap();
    let project = tempfile::tempdir().unwrap();
    let path = |name: &str| project.path().join(name);
    std::fs::write(path("raw"), b"\xff{{ x }}\n").unwrap();
    std::fs::write(path("a.service"), "[Service]\nExecStart=/a %i {{ raw }}\n").unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret"), path("link")).unwrap();
    let case = |text: &'static str| Case { folder: project.path(), ..Case::new(text) };
    let desired = case("files: {/raw: {source: raw}}\nunits: {a.service: {source: a.service}}\n").good();
    assert!(matches!(&desired.files["/raw"].spec, Wanted::Present(spec) if spec.bytes.0 == b"\xff{{ x }}\n"));
    assert_eq!(fragment(&unit(&desired, "a.service")), "[Service]\nExecStart=/a %i {{ raw }}\n");
    for (text, words) in [
        ("files: {/f: {source: link}}\n", "outside of the project's root"),
        ("files: {/f: {source: '{{ \"/etc/hostname\" }}'}}\n", "outside of the project's root"),
        ("files: {/f: {source: nope}}\n", "no such file"),
        ("files: {/f: {source: '{{ \".\" }}'}}\n", "not a regular file"),
        ("units: {a.service: {source: raw}}\n", "UTF-8"),
    ] {
        let wrong = case(text).bad();
        assert!(wrong[0].message.contains(words), "{text}: {}", wrong[0].message);
    }
}

#[test]
fn an_error_in_a_template_shows_the_template_and_who_uses_it() {
    let project = tempfile::tempdir().unwrap();
    std::fs::write(project.path().join("a.service.j2"), "[Service]\nExecStart={{ exe }}\n").unwrap();
    let case = Case {
        folder: project.path(),
        ..Case::new("units: {a.service: {template: a.service.j2, vars: {exec: /a}}}\n")
    };
    let wrong = case.bad();
    assert_eq!(wrong[0].message, "`exe` is not defined");
    assert_eq!(wrong[0].help.as_deref(), Some("did you mean `exec`?"));
    let marks: Vec<(&str, &str)> =
        wrong[0].labels.iter().map(|label| (&label.source.text[label.span.clone()], label.text.as_str())).collect();
    assert_eq!(marks, [("exe", ""), ("a.service.j2", "used here"), ("exec", "`exec` is defined here")]);
}

#[test]
fn mistakes_are_collected_and_told_once_for_many_hosts() {
    let text = "units:\n  a.service: {Service: {ExecStart: '{{ nope }}'}}\n  b.service: {enabled: '{{ maybe }}'}\n";
    let case = Case {
        inventory: inventory(&[("h1", json!({})), ("h2", json!({"maybe": true})), ("h3", json!({}))]),
        ..Case::new(text)
    };
    let said: Vec<String> = case.bad().into_iter().map(|d| d.message).collect();
    assert_eq!(said, ["`nope` is not defined", "`maybe` is not defined (on h1, h3)"]);
}

#[test]
fn a_manifest_without_hosts_is_a_warning_and_a_wrong_selector_an_error() {
    let inventory = inventory(&[("h1", json!({}))]);
    let case = |hosts: &str| format!("name: m\nhosts: {hosts}\nunits: {{a.service: {{}}}}\n");
    let none = case("all:!h1");
    let none = Case { inventory: inventory.clone(), ..Case::new(&none) };
    let Compiled { desired: hosts, warnings, .. } = none.run().unwrap();
    assert!(hosts.is_empty());
    assert_eq!(warnings[0].message, "manifest `m` selects no host of the inventory");
    let unknown = case("webb");
    let wrong = Case::new(&unknown).bad();
    assert_eq!(&wrong[0].labels[0].source.text[wrong[0].labels[0].span.clone()], "webb");
}

#[test]
fn the_playbooks_that_we_bring_along_compile() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks");
    let mut compiled = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path().join("playbook.yaml");
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        assert!(text.lines().take(2).all(|line| line.starts_with("# ")), "{}", path.display());
        let playbook = playbook("playbook.yaml", &text, path.parent().unwrap());
        // One has groups of its own, with their variables beside it.
        let own = path.with_file_name("inventory.ini");
        let inventory = if own.is_file() {
            crate::load::inventory::read_inventory_for(&[own], std::slice::from_ref(&path)).unwrap().0
        } else {
            inventory(&[("h1", json!({})), ("h2", json!({})), ("h3", json!({}))])
        };
        let limit = inventory.hosts.keys().cloned().collect();
        let inputs = Inputs::new(vec![playbook], inventory.clone(), Vars::new(), Sources::default());
        let result = inputs.compile(&limit, &Knowledge::default());
        let Compiled { desired: hosts, warnings, .. } =
            result.unwrap_or_else(|wrong| panic!("{}: {wrong:#?}", path.display()));
        // One shows a directive that is superseded.
        let superseded = |warning: &&Diagnostic| warning.rule == Some("deprecated-directive");
        let others: Vec<&Diagnostic> = warnings.iter().filter(|warning| !superseded(warning)).collect();
        let expected = usize::from(path.ends_with("shop/playbook.yaml"));
        assert_eq!((hosts.len(), others.len()), (3, 0), "{}: {others:#?}", path.display());
        assert_eq!(warnings.len(), expected, "{}", path.display());
        compiled += 1;
    }
    assert!(compiled >= 5);
}

#[test]
fn a_variable_that_is_missing_is_named_also_before_a_filter() {
    for (text, named) in [
        ("{{ nope | exec_quote }}", "nope"),
        ("x {{ nope | upper }} y", "nope"),
        ("{{ port + nope | upper }}", "nope"),
        ("{{ (nope) | percent_quote }}", ""),
        ("{{ ['a', nope] | exec_args }}", ""),
    ] {
        let wrong = Case::new(&format!("vars: {{port: 1}}\nfiles: {{/f: {{content: \"{text}\"}}}}\n")).bad();
        let expected = if named.is_empty() {
            "a variable is not defined here".into()
        } else {
            format!("`{named}` is not defined")
        };
        assert_eq!(wrong[0].message, expected, "{text}");
        assert!(wrong[0].help.as_deref().unwrap_or_default().contains("in `vars`"), "{text}: {:?}", wrong[0].help);
    }
}

#[test]
fn no_playbook_writes_where_only_the_host_or_we_do() {
    let refused = [
        "/var/lib/unitfleet/ledger/web",
        "/run/unitfleet/started/a.service",
        "/run/unitfleet",
        "/proc/sys/vm/swappiness",
        "/sys/kernel/mm/ksm/run",
        "/dev/shm/x",
        "/usr/lib/systemd/system/ssh.service",
        "/lib/systemd/system/ssh.service.d/a.conf",
        "/run/systemd/system/a.service",
    ];
    for path in refused {
        let wrong = Case::new(&format!("files: {{{path}: {{content: x}}}}\n")).bad();
        assert!(wrong[0].message.starts_with("nothing can be declared below `/"), "{path}: {wrong:?}");
        assert!(wrong[0].help.is_some(), "{path}");
    }
    for path in ["/var/lib/unitfleet", "/var/lib/unitfleet/runs", "/run/unitfleet/started"] {
        assert!(
            Case::new(&format!("directories: {{{path}: {{absent: true}}}}\n")).bad()[0].message.contains("own records")
        );
    }
    good(
        "directories: {/etc/unitfleet/hold: {}, /run/mine: {}, /var/lib/unitfleet-other: {}}\nfiles: {/etc/unitfleet/hold/a.service: {content: why}, /system: {content: x}, /device: {content: x}}\n",
    );
}

#[test]
fn the_playbooks_in_the_readme_compile_as_printed() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let blocks = readme.split("\n```yaml\n").skip(1).filter_map(|rest| rest.split("\n```").next());
    // What a reader has beside it.
    let project = tempfile::tempdir().unwrap();
    std::fs::write(project.path().join("app.py"), "#!/usr/bin/python3\n").unwrap();
    let mut compiled = Vec::new();
    for text in blocks.filter(|text| text.starts_with("name: ")) {
        let case = Case { folder: project.path(), inventory: inventory(&[("web", json!({}))]), ..Case::new(text) };
        let warnings = case.run().unwrap_or_else(|wrong| panic!("{text}\n{wrong:#?}")).warnings;
        assert_eq!(warnings, []);
        compiled.extend(text.lines().next());
    }
    assert_eq!(compiled.len(), 4, "{compiled:?}");
}

mod hostile;
mod secrets;
mod selection;

#[test]
fn templates_ask_for_peers_and_files() {
    let project = tempfile::tempdir().unwrap();
    std::fs::create_dir(project.path().join("files")).unwrap();
    std::fs::write(project.path().join("files/motd"), "hello\n\n").unwrap();
    std::fs::write(project.path().join("conf.yaml"), "ports: [80, 443]\n").unwrap();
    let text = "\
name: m
hosts: h1
vars:
  peers: \"{{ hosts('all:!' ~ host) }}\"
  conf: \"{{ lookup('conf.yaml') | from_yaml }}\"
files:
  /peers: {content: \"{% for peer in peers %}{{ peer.name }}={{ peer.address }}:{{ peer.weight }} {% endfor %}\"}
  /motd: {content: \"{{ lookup('file', 'motd') }}|{{ lookup('file', 'motd', rstrip=false) }}|{{ conf.ports[1] }}\"}
";
    let case = Case {
        folder: project.path(),
        inventory: inventory(&[
            ("h3", json!({"weight": "{{ base * 3 }}", "base": 1})),
            ("h1", json!({"weight": 1})),
            ("h2", json!({"weight": 2})),
        ]),
        ..Case::new(text)
    };
    let desired = case.good();
    let content = |path: &str| match &desired.files[path].spec {
        Wanted::Present(spec) => spec.bytes.as_text().unwrap().to_owned(),
        Wanted::Absent => panic!("{path} is absent"),
    };
    // In the inventory's order.
    assert_eq!(content("/peers"), "h3=h3:3 h2=h2:2 ");
    assert_eq!(content("/motd"), "hello|hello\n\n|443");
}

#[test]
fn what_a_function_refuses_is_repeated_only_where_it_is_written() {
    let vars = "vars: {bad: S3CRET}\n";
    for expression in [
        "hosts(bad)",
        "hosts('all:!' ~ bad)",
        "lookup('file', bad)",
        "lookup(bad, 'x')",
        "fail(bad)",
        "bad | timespan",
        "bad | size",
        "bad | hash(bad)",
        "[bad] | map(bad) | list",
        "[bad] | select(bad) | list",
    ] {
        let wrong = Case::new(&format!("{vars}files: {{/f: {{content: \"x {{{{ {expression} }}}}\"}}}}\n")).bad();
        let shown = format!("{} {:?}", wrong[0].message, wrong[0].help);
        assert!(!shown.contains("S3CRET"), "{expression}: {shown}");
    }
}
