//! The built-in templates on real hosts: the systemd of each release has nothing to say against any unit that comes of
//! them, counts their exposure as their documentation does, and runs what belongs together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use unitfleet::render::BUILTIN;
use unitfleet::sandbox::Release;

use crate::reading::apply;
use crate::support::Host;

/// Puts a program where a unit wants one and there is none, and gives a trigger without a service one.
const FURNISH: &str = r#"
for unit in $(find /etc/systemd/system /srv/examples/* -maxdepth 1 -name '*.socket' -o -name '*.path' -o -name '*.timer'); do
    service=${unit%.*}.service
    ! grep -q '^Accept=yes' "$unit" || service=${unit%.*}@.service
    [ -e "$service" ] || printf '[Service]\nExecStart=/bin/true\n' >"$service"
done
[ -e /etc/systemd/system/docker.service ] || printf '[Service]\nExecStart=/bin/true\n' >/etc/systemd/system/docker.service
find /etc/systemd/system /srv/examples/* -maxdepth 1 -name '*.service' -type f -exec \
    sed -n 's/^Exec[A-Za-z]*=[-@:+!]*"\{0,1\}\(\/[^ "]*\).*/\1/p' {} + | sort -u | while read -r program; do
    [ -e "$program" ] || { mkdir -p "${program%/*}"; printf '#!/bin/sh\n' >"$program"; chmod +x "$program"; }
done
systemctl daemon-reload
"#;

/// Units that work together, and a dump program that writes what it was told, or fails when it shall.
const TOGETHER: &str = r#"
name: together
hosts: all
users: {postgres: {}}
directories: {/srv/in: {}}
files:
  /usr/local/bin/pg_dump:
    mode: "0755"
    content: |
      #!/bin/sh
      for word; do case $word in --file=*) echo "$@" >"${word#*=}" ;; esac; done
      [ ! -e /run/no-dump ]
units:
  echo.socket: {template: builtin/socket-service@1.socket.j2, state: started, vars: {listen: "127.0.0.1:7010", accept: true}}
  echo@.service: {template: builtin/socket-connection@1.service.j2, vars: {exec: /bin/cat}}
  import.path: {template: builtin/path-job@1.path.j2, state: started, vars: {not_empty: /srv/in}}
  import.service:
    template: builtin/job@1.service.j2
    vars: {exec: [/bin/sh, -c, "mv /srv/in/* /srv/done"], start_limit_sec: 0}
  dump.service:
    template: builtin/database-dump@1.service.j2
    vars: {engine: postgres, database: shop, keep: 2, options: ["--where=5$ & 5%"]}
  basic.service: {template: builtin/hardened@1.service.j2, state: started, vars: {exec: /bin/sleep infinity}}
  strict.service:
    template: builtin/hardened@1.service.j2
    state: started
    vars: {exec: /bin/sleep infinity, level: strict, systemd_version: "{{ facts.systemd_version }}"}
"#;

fn version(release: Release) -> u64 {
    match release {
        Release::Bullseye => 247,
        Release::Bookworm => 252,
        Release::Trixie => 257,
    }
}

/// The cases of `tests/cases/templates` as units: name → what the playbook says of it.
fn cases(version: u64) -> Map<String, Value> {
    let mut units = Map::new();
    for (template, _) in BUILTIN {
        let (stem, kind) = template.trim_end_matches(".j2").split_once("@1.").expect("a name has a version");
        let at = if ["worker-pool", "socket-connection"].contains(&stem) { "@" } else { "" };
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/cases/templates/{stem}@1.{kind}"));
        let entries = std::fs::read_dir(folder).expect("each template has cases");
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be read").path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|end| end == "yaml")) {
            let text = std::fs::read_to_string(path).expect("a case can be read");
            let vars: Value = serde_yaml::from_str(&text).expect("a case is YAML");
            // Written for hosts that are newer than this one.
            if vars["systemd_version"].as_u64().is_some_and(|needed| needed > version) {
                continue;
            }
            let case = path.file_stem().expect("a file has a name").display();
            let unit = json!({"template": format!("builtin/{template}"), "vars": vars});
            units.insert(format!("{stem}-{case}{at}.{kind}"), unit);
        }
    }
    units
}

/// Renders the example of each template's comment, as a user would who copied it. Returns the units' files, by the
/// folder on the host that shall hold them.
fn examples(host: &Host) -> BTreeMap<String, Vec<PathBuf>> {
    let mut found = BTreeMap::new();
    for (template, text) in BUILTIN {
        let (_, example) = text.split_once("\n Example:\n").expect("each template has an example");
        let lines: Vec<&str> = example.lines().take_while(|line| *line != "#}").collect();
        let playbook = format!("name: example\nhosts: all\n{}\n", lines.join("\n").replace("   units:", "units:"));
        host.write("example.yaml", &playbook.replace("\n     ", "\n  "));
        let out = format!("rendered/{}", template.trim_end_matches(".j2"));
        let output = host.unitfleet(["render", "-o", &out, "example.yaml"]);
        assert!(output.status.success(), "{template}: {}", String::from_utf8_lossy(&output.stderr));
        let units = host.directory().join(&out).join(host.name()).join("etc/systemd/system");
        let files = std::fs::read_dir(units).expect("units were rendered").map(|entry| entry.expect("a file").path());
        found.insert(format!("/srv/examples/{}", template.trim_end_matches(".j2")), files.collect());
    }
    found
}

/// What `systemd-analyze verify` says of these files of a folder. Of other units it may say what it likes.
fn complaints(host: &Host, folder: &str, names: &[String]) -> String {
    let script = format!("cd '{folder}' && systemd-analyze verify --man=no {}", names.join(" "));
    let output = host.try_exec(&script);
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let ours = |line: &&str| line.split([' ', '/', ':', '\'']).any(|word| names.iter().any(|name| name == word));
    said.lines().filter(ours).collect::<Vec<_>>().join("\n")
}

/// The number that systemd gives: 0 is the least exposed, 10 the most.
fn exposure(host: &Host, unit: &str) -> String {
    let said = host.exec(&format!("systemd-analyze security --no-pager {unit} | tail -n 1"));
    let number = said.rsplit_once(": ").and_then(|(_, rest)| rest.split_whitespace().next());
    number.unwrap_or_else(|| panic!("no number in {said}")).to_owned()
}

fn nothing_is_said_against_any(host: &Host, version: u64) {
    let units = cases(version);
    let names: Vec<String> = units.keys().cloned().collect();
    assert!(names.len() >= 2 * BUILTIN.len(), "{names:?}");
    let examples = examples(host);
    let (mut directories, mut files) = (Map::new(), Map::new());
    directories.insert("/srv/examples".to_owned(), json!({}));
    for (folder, rendered) in &examples {
        directories.insert(folder.clone(), json!({}));
        for path in rendered {
            let name = path.file_name().expect("a file has a name").display();
            let source = path.strip_prefix(host.directory()).expect("it lies below");
            files.insert(format!("{folder}/{name}"), json!({"source": source}));
        }
    }
    let manifest = json!({"name": "cases", "hosts": "all", "directories": directories, "files": files, "units": units});
    host.write_playbook(&manifest.to_string());
    apply(host);
    host.exec(FURNISH);
    assert_eq!(complaints(host, "/etc/systemd/system", &names), "");
    for (folder, files) in examples {
        let names: Vec<String> =
            files.iter().filter_map(|path| path.file_name()).map(|name| name.display().to_string()).collect();
        assert_eq!(complaints(host, &folder, &names), "", "{folder}");
    }
    host.exec("printf '[Service]\\nExecStart=/bin/true\\nPrivateTemp=yes\\n' >/etc/systemd/system/wrong.service");
    let wrong = complaints(host, "/etc/systemd/system", &["wrong.service".to_owned()]);
    assert!(wrong.contains("PrivateTemp"), "a wrong directive is not seen: {wrong}");
}

fn exposure_is_as_documented(host: &Host) {
    let (_, text) = BUILTIN.iter().find(|(name, _)| *name == "hardened@1.service.j2").expect("there is one");
    for (unit, words) in [("least", "basic"), ("strict", "strict"), ("network", "strict with `network: any`")] {
        let said = format!("{words} {}", exposure(host, &format!("hardened-{unit}.service")));
        assert!(
            [",", ";"].iter().any(|end| text.contains(&format!("{said}{end}"))),
            "{said}, not as the template says"
        );
    }
}

fn what_belongs_together_works(host: &Host) {
    host.write_playbook(TOGETHER);
    host.exec("mkdir -p /srv/done");
    apply(host);
    assert_eq!(host.exec("systemctl is-active basic.service strict.service"), "active\nactive");
    assert_eq!(complaints(host, "/etc/systemd/system", &["strict.service".to_owned()]), "");
    let talk = "bash -c 'exec 3<>/dev/tcp/127.0.0.1/7010; echo hello >&3; head -n 1 <&3'";
    assert_eq!(host.exec(talk), "hello");
    host.exec("for n in 1 2 3 4 5 6 7 8; do touch /srv/in/$n; sleep 0.3; done; sleep 1");
    assert_eq!(host.exec("ls /srv/done | wc -l; ls /srv/in; systemctl is-active import.path"), "8\nactive");

    let dumps = "/var/lib/database-dumps/shop";
    host.exec("for n in 1 2 3; do systemctl start dump.service; sleep 1; done");
    let kept = host.exec(&format!("cd {dumps} && ls -A && stat -c %a:%U . *"));
    assert_eq!(kept.lines().skip(2).collect::<Vec<_>>(), ["700:postgres", "600:postgres", "600:postgres"], "{kept}");
    let said = host.exec(&format!("cat {dumps}/*.dump | tail -n 1"));
    assert_eq!(said, format!("--format=custom --file={dumps}/.shop.part --where=5$ & 5% shop"));
    let before = host.exec(&format!("ls -A {dumps}"));
    host.exec("touch /run/no-dump; ! systemctl start dump.service");
    assert_eq!(host.exec(&format!("ls -A {dumps}")), before, "a dump that failed leaves nothing, and takes nothing");
}

fn on(release: Release) {
    let host = Host::boot(&format!("templates-{release}"), release);
    nothing_is_said_against_any(&host, version(release));
    exposure_is_as_documented(&host);
    what_belongs_together_works(&host);
}

#[test]
fn templates_on_bullseye() {
    on(Release::Bullseye);
}

#[test]
fn templates_on_bookworm() {
    on(Release::Bookworm);
}

#[test]
fn templates_on_trixie() {
    on(Release::Trixie);
}
