//! Inventories as people have them: groups, ranges, variables, connections; and what is said about those that are refused.

use serde_json::json;

use super::*;
use crate::load::brief;
use crate::model::ConnectionKind;

fn source(name: &str, text: &str) -> Arc<SourceFile> {
    Arc::new(SourceFile { name: name.into(), text: text.into() })
}

#[track_caller]
fn read(text: &str) -> Inventory {
    let (inventory, warnings) = parse_inventory(&[source("i.yaml", text)]).unwrap();
    assert_eq!(warnings, []);
    inventory
}

fn names(hosts: &[HostName]) -> Vec<&str> {
    hosts.iter().map(HostName::as_str).collect()
}

/// The shape of Ansible's own documentation.
const ANSIBLE: &str = "
all:
  hosts:
    mail.example.com:
  vars: {ntp: a, tier: none}
  children:
    webservers:
      hosts:
        foo.example.com:
        web[01:03].example.com: {weight: 5}
      vars: {tier: web, http_port: 80}
    dbservers:
      hosts:
        one.example.com:
        two.example.com: {tier: special}
    east:
      children: {dbservers: }
      vars: {region: east, tier: east}
    prod:
      children:
        east:
        webservers: {vars: {extra: true}}
      vars: {env: prod}
";

#[test]
fn groups_nest_and_their_variables_are_inherited() {
    let inventory = read(ANSIBLE);
    let web = &inventory.hosts["web02.example.com"];
    assert_eq!(web.groups, ["all", "prod", "webservers"]);
    let expected = json!({"ntp": "a", "tier": "web", "env": "prod", "http_port": 80, "extra": true, "weight": 5});
    assert_eq!(json!(web.vars), expected);
    let one = &inventory.hosts["one.example.com"];
    assert_eq!(one.groups, ["all", "prod", "east", "dbservers"]);
    assert_eq!(one.vars["tier"], json!("east"));
    assert_eq!(inventory.hosts["two.example.com"].vars["tier"], json!("special"));
    assert_eq!(inventory.hosts["mail.example.com"].groups, ["all", "ungrouped"]);
    assert_eq!(names(&inventory.groups["ungrouped"].hosts), ["mail.example.com"]);
    assert_eq!(
        names(&inventory.groups["prod"].hosts),
        [
            "foo.example.com",
            "web01.example.com",
            "web02.example.com",
            "web03.example.com",
            "one.example.com",
            "two.example.com"
        ]
    );
    let children: Vec<_> = inventory.groups["all"].children.iter().map(String::as_str).collect();
    assert_eq!(children, ["ungrouped", "webservers", "dbservers", "east", "prod"]);
}

#[test]
fn groups_of_one_depth_go_by_name() {
    let inventory = read("b: {hosts: {h: }, vars: {x: b}}\na: {hosts: {h: }, vars: {x: a, y: a}}\n");
    let host = &inventory.hosts["h"];
    assert_eq!(host.groups, ["all", "a", "b"]);
    assert_eq!(json!(host.vars), json!({"x": "b", "y": "a"}));
}

#[test]
fn a_priority_decides_among_groups_of_one_depth_alone() {
    let inventory = read(
        "a_group: {hosts: {h: }, vars: {testvar: a, ansible_group_priority: 10}}\n\
         b_group: {hosts: {h: }, vars: {testvar: b}, children: {c_group: {hosts: {h: }, vars: {deep: c}}}}\n\
         d_group: {hosts: {h: }, vars: {deep: d, ansible_group_priority: 99}}\n",
    );
    let host = &inventory.hosts["h"];
    assert_eq!(host.groups, ["all", "b_group", "a_group", "d_group", "c_group"]);
    assert_eq!(json!(host.vars), json!({"testvar": "a", "deep": "c"}));
}

#[test]
fn every_definition_is_known_weakest_first_with_its_place() {
    let inventory = read(
        "all:\n  vars: {x: 1, ansible_user: a}\n  hosts:\n    h: {x: 3}\nweb:\n  hosts: {h: {user: b}}\n  vars:\n    x: 2\n",
    );
    let host = &inventory.hosts["h"];
    let shown = |name: &str| -> Vec<String> {
        let all = host.definitions(name);
        all.iter().map(|one| format!("{} {} {}", one.place(), one.layer.what, one.entry.value)).collect()
    };
    assert_eq!(shown("x"), ["i.yaml:2:10 group all 1", "i.yaml:8:5 group web 2", "i.yaml:4:9 host h 3"]);
    assert_eq!(shown("user"), ["i.yaml:2:16 group all \"a\"", "i.yaml:6:15 host h \"b\""]);
    assert_eq!(shown("nothing"), Vec::<String>::new());
    assert_eq!(host.all_definitions().keys().copied().collect::<Vec<_>>(), ["user", "x"]);
}

#[test]
fn a_range_shares_what_is_said_about_it() {
    let inventory = read("all: {hosts: {'web[1:3]': {x: 1}}}\n");
    let layers = |name: &str| inventory.hosts[name].layers.clone();
    assert!(Arc::ptr_eq(&layers("web1")[0], &layers("web3")[0]));
}

#[test]
fn a_port_behind_a_name_is_the_weakest_that_is_said_of_the_host() {
    let inventory =
        read("all:\n  hosts:\n    web[1:2]:2222:\n    db:23: {port: 24}\n    '[fe80::1]:25':\n    'fe80::2':\n");
    let port = |name: &str| inventory.hosts[name].target.port;
    assert_eq!([port("web1"), port("web2"), port("db"), port("fe80::1")], [Some(2222), Some(2222), Some(24), Some(25)]);
    assert_eq!(port("fe80::2"), None);
}

#[test]
fn slices_count_a_groups_own_hosts_first_and_in_their_order() {
    let inventory =
        read("all:\n  hosts: {a: , b: , c: }\nweb:\n  children: {old: {hosts: {a: }}}\n  hosts: {c: , b: }\n");
    assert_eq!(names(&inventory.groups["web"].hosts), ["c", "b", "a"]);
    assert_eq!(names(&inventory.groups["web"].own), ["c", "b"]);
}

#[test]
fn depth_is_the_longest_way_down() {
    // `a` is a child of `all` and of `z`; its deeper place counts, so `z` is weaker.
    let inventory = read("all: {children: {a: {hosts: {h: }, vars: {x: a}}, z: {children: {a: }, vars: {x: z}}}}\n");
    assert_eq!(inventory.hosts["h"].groups, ["all", "z", "a"]);
    assert_eq!(inventory.hosts["h"].vars["x"], json!("a"));
}

#[test]
fn connection_keys_are_read_in_both_spellings() {
    let inventory = read(
        "all:\n  vars: {user: deploy, become: yes, ansible_port: 22}\n  hosts:\n    a: {address: 10.0.0.1, port: 2222, identity_file: ~/.ssh/k, \
         ssh_args: '-o \"A=b c\"', ssh_config: conf, zone: x}\n    b: {ansible_host: 10.0.0.2, ansible_user: root, ansible_become: 'no', \
         ansible_ssh_private_key_file: k, ansible_ssh_common_args: -J jump, ansible_become_user: root}\n    \
         c: {ansible_connection: local}\n",
    );
    let a = &inventory.hosts["a"];
    assert_eq!(json!(a.vars), json!({"zone": "x"}));
    let expected = Target {
        address: Some("10.0.0.1".into()),
        port: Some(2222),
        user: Some("deploy".into()),
        identity_file: Some("~/.ssh/k".into()),
        ssh_config: Some("conf".into()),
        ssh_args: vec!["-o".into(), "A=b c".into()],
        become_root: true,
        ..Target::ssh(HostName::parse("a").unwrap())
    };
    assert_eq!(a.target, expected);
    let expected = Target {
        address: Some("10.0.0.2".into()),
        port: Some(22),
        user: Some("root".into()),
        identity_file: Some("k".into()),
        ssh_args: vec!["-J".into(), "jump".into()],
        ..Target::ssh(HostName::parse("b").unwrap())
    };
    assert_eq!(inventory.hosts["b"].target, expected);
    assert_eq!(inventory.hosts["c"].target.kind, ConnectionKind::Local);
}

#[test]
fn yaml_is_understood_as_ansible_does() {
    let inventory = read(
        "all:\n  vars: &base {debug: off, name: 'off', list: [yes, 1]}\n  hosts:\n    a: {<<: *base, debug: on, 1: one}\n    \
         b: {<<: [{x: 1}, *base]}\nweb:\n  hosts: &web {a: , c: }\ndb:\n  hosts: {<<: *web}\n",
    );
    let expected = json!({"debug": true, "name": "off", "list": [true, 1], "1": "one"});
    assert_eq!(json!(inventory.hosts["a"].vars), expected);
    assert_eq!(inventory.hosts["b"].vars["debug"], json!(false));
    assert_eq!(names(&inventory.groups["db"].hosts), ["a", "c"]);
}

#[test]
fn a_later_file_wins() {
    let first = source("a.yaml", "web: {hosts: {h: {x: 1, port: 22}}, vars: {g: 1, k: 1}}\n");
    let second = source("b.yaml", "web: {hosts: {h: {x: 2, ansible_port: 23}, i: }, vars: {g: 2}}\n");
    let (inventory, _) = parse_inventory(&[first, second]).unwrap();
    let host = &inventory.hosts["h"];
    assert_eq!(json!(host.vars), json!({"g": 2, "k": 1, "x": 2}));
    assert_eq!(host.target.port, Some(23));
    assert_eq!(names(&inventory.groups["web"].hosts), ["h", "i"]);
}

#[test]
fn json_is_yaml() {
    let inventory = read(r#"{"all": {"hosts": {"a": {"ansible_host": "::1"}}}}"#);
    assert_eq!(inventory.hosts["a"].target.address.as_deref(), Some("::1"));
}

#[test]
fn warnings_are_given_once_for_each_key() {
    let text = "all:\n  vars: {x: 2}\n  hosts:\n    a: {ansible_network_os: x}\n    \
                b: {ansible_network_os: x}\n    web: \nweb: {hosts: {b: }}\n";
    let (inventory, warnings) = parse_inventory(&[source("i.yaml", text)]).unwrap();
    let said: Vec<_> = warnings.iter().map(|warning| brief(warning).lines().next().unwrap().to_owned()).collect();
    assert_eq!(
        said,
        [
            "i.yaml:4:9: warning: `ansible_network_os` has no meaning here and is ignored",
            "i.yaml:7:1: warning: `web` is a group and a host",
        ]
    );
    assert_eq!(json!(inventory.hosts["a"].vars), json!({"x": 2}));
}

#[test]
fn a_cycle_over_all_is_found() {
    let problems = parse_inventory(&[source("i.yaml", "web: {children: {all: }}\n")]).unwrap_err();
    assert_eq!(problems[0].message, "the group `all` contains itself: all → web → all");
}

#[test]
fn a_file_is_run_only_if_it_looks_like_a_program() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let written = |name: &str, text: &str, mode: u32| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    let hosts = |path: PathBuf| match read_inventory(&[path]) {
        Ok((inventory, _)) => inventory.hosts.keys().map(|host| host.as_str().to_owned()).collect::<Vec<_>>().join(" "),
        Err(problems) => problems[0].message.clone(),
    };
    // On some mounts every file is executable.
    assert_eq!(hosts(written("i.yaml", "all: {hosts: {a: }}\n", 0o755)), "a");
    assert_eq!(hosts(written("hosts", "[web]\nb\n", 0o755)), "b");
    assert_eq!(hosts(written("marked", "#!/usr/bin/env ansible-inventory -i\nall: {hosts: {c: }}\n", 0o755)), "c");
    assert_eq!(hosts(written("fleet", "#!/bin/sh\necho '{\"web\": [\"d\"]}'\n", 0o755)), "d");
    let refused = hosts(written("plain", "#!/bin/sh\necho {}\n", 0o644));
    assert!(refused.ends_with("is a script, and not executable"), "{refused}");
    let list = read_inventory(&[PathBuf::from("web1,web2,")]).unwrap_err().remove(0);
    assert!(list.help.is_some_and(|help| help.contains("each on a line of its own")));
    let missing = folder.path().join("no.yaml");
    assert_eq!(hosts(missing.clone()), format!("cannot read `{}`: there is no such file", missing.display()));
}

#[test]
fn ten_thousand_hosts_are_read_in_no_time() {
    let mut text =
        "all:\n  children:\n    web: {hosts: {'w[00001:20000]': {a: 1}}}\n    db:\n      hosts:\n".to_owned();
    for n in 0..10_000 {
        text += "        d";
        text += &n.to_string();
        text += ": {x: 1}\n";
    }
    let started = std::time::Instant::now();
    assert_eq!(read(&text).hosts.len(), 30_000);
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}

proptest::proptest! {
    #[test]
    fn garbage_never_panics(lines in proptest::collection::vec(
        r"[ ]{0,6}(all|web|hosts|children|vars|<<|a\[1:3\]|b\[|port|become|x|ansible_host): (1|yes|\[1, \[a\]\]|\{a: 1\}|\{all: \}|\*x|&x|\||)?", 0..12)) {
        let _outcome = parse_inventory(&[source("i.yaml", &lines.join("\n"))]);
    }
}

/// Writes files, and answers with the definitions of `x` of the host `h`, weakest first.
fn definitions_of_x(
    files: &[(&str, &str)],
    inventories: &[&str],
    playbooks: &[&str],
) -> Result<Vec<String>, Vec<Diagnostic>> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let paths = |names: &[&str]| names.iter().map(|name| folder.path().join(name)).collect::<Vec<_>>();
    let (inventory, warnings) = read_inventory_for(&paths(inventories), &paths(playbooks))?;
    assert_eq!(warnings, []);
    let host = &inventory.hosts["h"];
    let shown = |one: &Definition<'_>| {
        let file = one.layer.source.name.replace(&format!("{}/", folder.path().display()), "");
        assert!(one.layer.source.text[one.entry.key.clone()].starts_with('x'));
        format!("{file} ({})", one.layer.what)
    };
    assert_eq!(host.definitions("x").last().map(|last| &last.entry.value), host.vars.get("x"));
    Ok(host.definitions("x").iter().map(shown).collect())
}

/// Ansible's documented order, "Understanding variable precedence", 3 to 10.
#[test]
fn every_place_has_its_strength() {
    let files = [
        (
            "inv/hosts",
            "[web]\nh x=host\n[prod:children]\nweb\n[all:vars]\nx=all\n[web:vars]\nx=web\n[prod:vars]\nx=prod\n",
        ),
        ("inv/group_vars/all.yml", "x: 1\n"),
        ("inv/group_vars/web/a.yml", "x: 1\n"),
        ("inv/group_vars/web/b/c", "x: 1\n"),
        ("inv/group_vars/prod.json", "x: 1\n"),
        ("inv/host_vars/h", "x: 1\n"),
        ("play/group_vars/all/main.yaml", "x: 1\n"),
        ("play/group_vars/web.yaml", "x: 1\n"),
        ("play/group_vars/prod.yml", "x: 1\n"),
        ("play/host_vars/h.yml", "x: 1\n"),
        ("later/hosts.yaml", "all: {vars: {x: 9}}\nweb: {hosts: {h: {x: 9}}}\n"),
        ("later/group_vars/prod.yml", "x: 1\n"),
    ];
    let found = definitions_of_x(&files, &["inv", "later/hosts.yaml"], &["play/site.yaml", "play/web.yaml"]).unwrap();
    assert_eq!(
        found,
        [
            "inv/hosts (group all)",
            "later/hosts.yaml (group all)",
            "inv/hosts (group prod)",
            "inv/hosts (group web)",
            "inv/group_vars/all.yml (group_vars of all)",
            "play/group_vars/all/main.yaml (group_vars of all)",
            "inv/group_vars/prod.json (group_vars of prod)",
            "inv/group_vars/web/a.yml (group_vars of web)",
            "inv/group_vars/web/b/c (group_vars of web)",
            "later/group_vars/prod.yml (group_vars of prod)",
            "play/group_vars/prod.yml (group_vars of prod)",
            "play/group_vars/web.yaml (group_vars of web)",
            "inv/hosts (host h)",
            "later/hosts.yaml (host h)",
            "inv/host_vars/h (host_vars of h)",
            "play/host_vars/h.yml (host_vars of h)",
        ]
    );
}

#[test]
fn one_folder_for_inventory_and_playbook_is_read_once() {
    let files = [("hosts", "h\n"), ("more", "h\n"), ("group_vars/all.yml", "x: 1\n")];
    let found = definitions_of_x(&files, &["hosts", "more"], &["site.yaml"]).unwrap();
    assert_eq!(found, ["group_vars/all.yml (group_vars of all)"]);
}

#[test]
fn variables_beside_one_of_several_playbooks_are_refused() {
    let files = [("hosts", "h\n"), ("a/group_vars/all.yml", "x: 1\n"), ("b/site.yaml", "")];
    let problems = definitions_of_x(&files, &["hosts"], &["a/site.yaml", "b/site.yaml"]).unwrap_err();
    assert!(
        problems[0].message.ends_with("is about the playbooks beside it, and this run has others too"),
        "{problems:?}"
    );
    let files = [("a/hosts", "h\n"), ("a/group_vars/all.yml", "x: 1\n"), ("b/site.yaml", "")];
    assert!(definitions_of_x(&files, &["a/hosts"], &["a/site.yaml", "b/site.yaml"]).is_ok());
}

#[test]
fn a_fleet_with_many_variables_is_read_in_no_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hosts");
    std::fs::write(&path, "[web]\nweb[1:1000]\n").unwrap();
    std::fs::create_dir(folder.path().join("group_vars")).unwrap();
    let vars: Vec<String> = (0..100).map(|n| format!("v{n}: {n}")).collect();
    std::fs::write(folder.path().join("group_vars/web.yml"), vars.join("\n")).unwrap();
    let started = std::time::Instant::now();
    let (inventory, _) = read_inventory(&[path]).unwrap();
    assert_eq!(inventory.hosts["web1000"].vars.len(), 100);
    assert!(Arc::ptr_eq(&inventory.hosts["web1"].layers[0], &inventory.hosts["web2"].layers[0]));
    assert!(started.elapsed().as_secs() < 3, "{:?}", started.elapsed());
}

proptest::proptest! {
    #[test]
    fn garbage_in_ini_never_panics(lines in proptest::collection::vec(
        r#"(\[web\]|\[(all|web|a b):(vars|children|x)\]|\[|[a-cü=:'"\\#; ]{0,12}|x=[\[\]'",#ü 0-9]{0,8}|a\[1:3\]:22 x=1)"#, 0..12)) {
        let _outcome = parse_inventory(&[source("hosts.ini", &lines.join("\n"))]);
    }
}
