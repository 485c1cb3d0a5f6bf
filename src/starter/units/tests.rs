//! The promise: what `render` gives back are the bytes of the files. And what else a manifest has to say.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::compile::{Inputs, Knowledge, Sources};
use crate::load::{brief, parse_inventory, parse_playbook};
use crate::model::{HostName, Vars, Wanted};

fn file(name: &str, text: &str) -> Arc<SourceFile> {
    Arc::new(SourceFile { name: name.to_owned(), text: text.to_owned() })
}

fn unit(name: &str, text: &str) -> UnitSource {
    UnitSource { file: file(name, text), drop_ins: Vec::new() }
}

/// What a host gets: unit files and drop-ins by name.
fn rendered(files: &[NewFile]) -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let mut playbooks = Vec::new();
    for file in files {
        let path = folder.path().join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &file.text).unwrap();
        if !file.path.starts_with("templates/") {
            let source = Arc::new(SourceFile { name: file.path.clone(), text: file.text.clone() });
            match parse_playbook(source, &path, folder.path()) {
                Ok((playbook, warnings)) if warnings.is_empty() => playbooks.push(playbook),
                other => panic!("{other:#?}\n{}", file.text),
            }
        }
    }
    let inventory = parse_inventory(&[file("inventory.yaml", "all: {hosts: {h1: }}\n")]).unwrap().0;
    let hosts = [HostName::parse("h1").unwrap()].into();
    let inputs = Inputs::new(playbooks, inventory, Vars::new(), Sources::default());
    let compiled = inputs.compile(&hosts, &Knowledge::default());
    let mut compiled = compiled.unwrap_or_else(|wrong| panic!("{wrong:#?}\n{files:#?}"));
    // What the rules say of a unit is about the unit, not about what was made of it.
    let ours: Vec<_> = compiled.warnings.iter().filter(|warning| warning.rule.is_none()).collect();
    assert!(ours.is_empty(), "{ours:#?}");
    let text = |bytes: &crate::model::Bytes| String::from_utf8(bytes.0.clone()).unwrap();
    let mut found = BTreeMap::new();
    for (name, unit) in compiled.desired.pop_first().unwrap().1.units {
        found.extend(unit.fragment.as_ref().map(|bytes| (name.to_string(), text(bytes))));
        for (drop_in, wanted) in &unit.drop_ins {
            if let Wanted::Present(bytes) = wanted {
                found.insert(format!("{name}.d/{drop_in}"), text(bytes));
            }
        }
    }
    found
}

fn manifest(sources: &[UnitSource]) -> String {
    from_units(sources).unwrap().remove(0).text
}

#[test]
fn a_file_of_a_package_comes_with_a_warning() {
    let text = manifest(&[unit("/usr/lib/systemd/system/cron.service", "[Service]\nExecStart=/usr/sbin/cron -f\n")]);
    assert!(text.contains("# /usr/lib/systemd/system/cron.service comes with a package. A copy in"), "{text}");
    let text = manifest(&[unit("/etc/systemd/system/shop.service", "[Service]\nExecStart=/bin/shop\n")]);
    assert!(!text.contains("package"), "{text}");
}

#[test]
fn a_service_with_its_socket_and_drop_ins_is_one_manifest() {
    let service = UnitSource {
        file: file(
            "/etc/systemd/system/shop.service",
            "# Ours.\n[Service]\nUser=shop\nEnvironment=PORT=8080 API_TOKEN=x\nEnvironmentFile=-/etc/shop.env\n\
             ExecStart=/opt/shop/run --port=8080\n\n[Install]\nWantedBy=multi-user.target\n",
        ),
        drop_ins: vec![file("/etc/systemd/system/shop.service.d/10-limits.conf", "[Service]\nMemoryMax=1G\n")],
    };
    let socket = unit("shop.socket", "[Socket]\nListenStream=/run/shop.sock\n[Install]\nWantedBy=sockets.target\n");
    let cleanup = unit("shop-cleanup.service", "[Service]\nType=oneshot\nExecStart=/opt/shop/clean {now}\n");
    let files = from_units(&[service.clone(), socket.clone(), cleanup.clone()]).unwrap();
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "shop.yaml",
            "templates/shop.service.j2",
            "templates/shop.service.d/10-limits.conf.j2",
            "templates/shop.socket.j2",
            "shop-cleanup.yaml",
            "templates/shop-cleanup.service.j2",
        ]
    );
    assert_eq!(
        files[0].text,
        "\
# From /etc/systemd/system/shop.service, shop.socket. `unitfleet render` gives the same bytes back.
name: shop
hosts: all  # name the hosts or the group that have it
defaults:  # the inventory may say otherwise, for a group or a host
  shop_user: shop
  shop_port: 8080
  shop_memory_max: \"1G\"
  shop_listen_stream: /run/shop.sock
# API_TOKEN looks like a secret, and a unit file can be read by everybody on the host: move it
# into an environment file or a credential.
# /etc/shop.env is read when the unit starts: describe it below `files:` if it shall come from here.
units:
  shop.service:
    template: shop.service.j2
    enabled: true
    state: started
    drop_ins:
      \"10-limits\": {template: shop.service.d/10-limits.conf.j2}
  shop.socket:
    template: shop.socket.j2
    enabled: true
    state: started
"
    );
    let found = rendered(&files);
    assert_eq!(found["shop.service"], service.file.text);
    assert_eq!(found["shop.service.d/10-limits.conf"], service.drop_ins[0].text);
    assert_eq!(found["shop.socket"], socket.file.text);
    assert_eq!(found["shop-cleanup.service"], cleanup.file.text);
}

#[test]
fn what_is_not_enabled_or_does_not_stay_is_not_claimed() {
    let says = |name: &str, text: &str| {
        let text = manifest(&[unit(name, text)]);
        (text.contains("    enabled: true\n"), text.contains("    state: started\n"))
    };
    let install = "[Install]\nWantedBy=multi-user.target\n";
    assert_eq!(says("a.service", &format!("[Service]\nExecStart=/x\n{install}")), (true, true));
    assert_eq!(says("a.service", "[Service]\nExecStart=/x\n"), (false, false));
    assert_eq!(says("a.service", &format!("[Service]\nType=oneshot\nExecStart=/x\n{install}")), (true, false));
    let remains = format!("[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/x\n{install}");
    assert_eq!(says("a.service", &remains), (true, true));
    assert_eq!(says("a@.service", &format!("[Service]\nExecStart=/x %i\n{install}")), (false, false));
    assert_eq!(says("a.timer", "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n"), (true, true));
}

#[test]
fn what_is_no_unit_is_refused_with_its_line() {
    let said = |source: UnitSource| -> String { from_units(&[source]).unwrap_err().iter().map(brief).collect() };
    let text = "[Service]\nExecStart=/x\nserver {\n  listen 80;\n}\n";
    assert_eq!(
        said(unit("a.service", text)),
        "a.service:3:1: error: this line is wrong in a unit file: it has no `=`, so systemd ignores it\n  \
         help: put the file right first, or make the line a comment\n\
         a.service:4:1: error: this line is wrong in a unit file: it has no `=`, so systemd ignores it\n  \
         help: put the file right first, or make the line a comment\n\
         a.service:5:1: error: this line is wrong in a unit file: it has no `=`, so systemd ignores it\n  \
         help: put the file right first, or make the line a comment\n"
    );
    assert_eq!(
        said(unit("b.service", "# nothing\n")),
        "b.service:1:1: error: `b.service` is no unit file: it has no section such as [Service]\n"
    );
    assert!(said(unit("nginx.conf", "[A]\n")).contains("`nginx.conf` is no unit file"));
    let odd = UnitSource { file: file("c.service", "[Service]\n"), drop_ins: vec![file("c.service.d/a b.conf", "")] };
    assert!(said(odd).contains("cannot be a drop-in of a playbook because of its name"));
    let twice = [unit("x/a.service", "[Service]\n"), unit("y/a.service", "[Service]\n")];
    assert_eq!(from_units(&twice).unwrap_err()[0].message, "`a.service` is given twice");
}

#[test]
fn names_that_mean_something_in_a_project_are_left_free() {
    let files = from_units(&[
        unit("unitfleet.service", "[Service]\n"),
        unit("-.slice", "[Slice]\n"),
        unit(r"a\x2db.slice", "[Slice]\n"),
    ])
    .unwrap();
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    assert!(paths.contains(&"unitfleet-units.yaml") && paths.contains(&"unit.yaml"), "{paths:?}");
    assert!(!paths.iter().any(|path| Path::new(path).ends_with("unitfleet.yaml")));
    assert_eq!(rendered(&files).len(), 3);
}

/// Lines as people and generators write them, with what a template engine could take for its own.
fn line() -> impl Strategy<Value = String> {
    let braces = r#"(\{\{|\}\}|\{%|%\}|\{#|#\}|\{|\}|-|%| |a|"|'|\\x|\$x|é){0,8}"#;
    prop_oneof![
        braces.prop_map(|text| format!("# {text}")),
        braces.prop_map(|text| format!("Description={text}")),
        braces.prop_map(|text| format!("ExecStart=/bin/x --port 80 {text}")),
        (braces, braces).prop_map(|(one, two)| format!("Environment=A{one} B={two}")),
        (braces, "[0-9a-z.:/ -]{0,6}").prop_map(|(one, two)| format!("Environment=\"PORT={two}\" X={one}")),
        "[ \t]{0,2}[0-9a-z.:/*{ -]{0,8}".prop_map(|text| format!("User ={text}")),
        "[0-9]{1,12}|0x1f|1e3|1.10|yes|~|null".prop_map(|text| format!("MemoryMax={text}")),
        "[ -~]{0,12}".prop_map(|text| format!("ExecReload=/bin/sh -c \\\n  {text}")),
        Just(String::new()),
        Just("; {{ x }}".to_owned()),
        Just("[Unit]".to_owned()),
        Just("[Service]".to_owned()),
        Just("[X-Mine]".to_owned()),
    ]
}

fn text() -> impl Strategy<Value = String> {
    let ends = prop_oneof![4 => Just("\n"), 1 => Just("\r\n")];
    (prop::collection::vec((line(), ends), 0..12), "[ -~]{0,6}").prop_map(|(lines, last)| {
        let lines: String = lines.into_iter().map(|(line, end)| line + end).collect();
        format!("[Service]\nExecStart=/bin/true\n{lines}#{last}")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_rendered_are_the_bytes_of_the_files(service in text(), drop_in in text(), ends in any::<bool>()) {
        let end = if ends { "\n" } else { "" };
        let source = UnitSource {
            file: file("a.service", &format!("{service}{end}")),
            drop_ins: vec![file("a.service.d/b.conf", &format!("{drop_in}{end}"))],
        };
        prop_assume!(wrong_lines(&source.file).is_empty() && wrong_lines(&source.drop_ins[0]).is_empty());
        let files = from_units(&[source]).unwrap();
        let found = rendered(&files);
        prop_assert_eq!(&found["a.service"], &format!("{service}\n"), "{:#?}", files);
        prop_assert_eq!(&found["a.service.d/b.conf"], &format!("{drop_in}\n"));
    }

    #[test]
    fn no_text_makes_it_panic(text in "(\\[Service\\]\n)?[ -~\n{}%#=\\\\\"é]{0,60}") {
        let _outcome = from_units(&[unit("a.service", &text)]);
    }
}
