//! Every playbook of the collection on three versions of systemd: it applies, a second plan is empty, and when everything
//! in it is declared absent nothing is left.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use unitfleet::render::BUILTIN;
use unitfleet::sandbox::{Options, Release};

use crate::reading::{self, install_vendor_units};
use crate::support::Host;
use crate::traces::{Tree, absent};

/// What a playbook needs, and what it may leave.
struct Needs {
    name: &'static str,
    /// Variables to give.
    given: &'static [&'static str],
    /// Run on the host before: programs that a package would bring.
    before: &'static str,
    /// Words of lines that may differ afterwards, each with its reason.
    leaves: &'static [&'static str],
    /// Findings that a second plan may show.
    finds: &'static [&'static str],
}

const PLAIN: Needs = Needs { name: "", given: &[], before: "", leaves: &[], finds: &[] };

/// A container engine that runs nothing: it says when it is ready, and stays until it is told to end.
const ENGINE: &str = "printf '[Service]\\nExecStart=/bin/sleep infinity\\n' >/usr/lib/systemd/system/docker.service; systemctl daemon-reload; cat >/usr/bin/podman <<'E'\n#!/bin/sh\ncase $1 in run) systemd-notify --ready --pid=parent; exec sleep infinity ;; esac\nE\n\
                      chmod 755 /usr/bin/podman; sed 's/systemd-notify[^;]*; //' /usr/bin/podman >/usr/bin/docker; chmod 755 /usr/bin/docker";
const DUMP: &str = "printf '#!/bin/sh\\n' >/usr/bin/pg_dump; chmod 755 /usr/bin/pg_dump";

const ALL: [Needs; 21] = [
    Needs { name: "boot", ..PLAIN },
    Needs { name: "chat", ..PLAIN },
    Needs { name: "container", before: ENGINE, ..PLAIN },
    Needs { name: "container", given: &["engine=docker"], ..PLAIN },
    Needs { name: "database", before: DUMP, ..PLAIN },
    Needs { name: "feed", ..PLAIN },
    // The units stay declared: they are a package's.
    Needs { name: "firewall", leaves: &["ledger/firewall"], ..PLAIN },
    Needs { name: "greeter", ..PLAIN },
    Needs { name: "groups", ..PLAIN },
    // systemd keeps the state of a service that is gone: `StateDirectory=`.
    Needs { name: "hardened", leaves: &["/var/lib/parser"], ..PLAIN },
    Needs { name: "hardened", given: &["level=basic"], leaves: &["/var/lib/parser"], ..PLAIN },
    Needs { name: "import", ..PLAIN },
    Needs { name: "legacy", ..PLAIN },
    Needs { name: "nightly", ..PLAIN },
    Needs { name: "quickstart", ..PLAIN },
    Needs { name: "secrets", ..PLAIN },
    Needs { name: "shop", ..PLAIN },
    Needs { name: "snapshot", ..PLAIN },
    // It carries our own connection: a restart is owed, and is not ours to decide.
    Needs { name: "ssh-limits", leaves: &["ledger/ssh-limits"], finds: &["stale ssh.service"], ..PLAIN },
    // A home outlives its user.
    Needs { name: "team", leaves: &[" /srv/team"], ..PLAIN },
    Needs { name: "webapp", ..PLAIN },
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks")
}

#[test]
fn every_playbook_is_in_the_table() {
    let folders: BTreeSet<String> = std::fs::read_dir(folder())
        .expect("there are playbooks")
        .map(|entry| entry.expect("it can be listed").file_name().to_string_lossy().into_owned())
        .collect();
    let table: BTreeSet<String> = ALL.iter().map(|needs| needs.name.to_owned()).collect();
    assert_eq!(folders, table);
}

/// The templates that come along are all used, with their real names or with those that a variable gives.
#[test]
fn every_template_is_used_by_a_playbook() {
    let texts: String = ALL
        .iter()
        .map(|needs| std::fs::read_to_string(folder().join(needs.name).join("playbook.yaml")).expect("it can be read"))
        .collect();
    let texts = texts.replace("{{ engine }}", "podman") + &texts.replace("{{ engine }}", "docker");
    let unused: Vec<&str> =
        BUILTIN.iter().map(|(name, _)| *name).filter(|name| !texts.contains(&format!("builtin/{name}"))).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

fn collection(release: Release) {
    let with = vec!["python3".to_owned()];
    let host = Host::boot_with("collection", Options { release, with, ..Options::default() });
    install_vendor_units(&host, &["firewalld.service", "iptables.service"]);
    for needs in &ALL {
        if !needs.before.is_empty() {
            host.exec(needs.before);
        }
    }
    // The groups that a playbook asks for, and one application that makes unitfleet's own directories.
    host.write("groups.yaml", "web: {hosts: {host1: {}}}\ndb: {hosts: {host1: {}}}\n");
    host.write_playbook("name: first\nhosts: all\nfiles: {/etc/first: {content: x}}\n");
    assert_eq!(reading::run(&host, &["apply", "-y", "--format", "json", "playbook.yaml"]).code, 0);
    host.write_playbook("name: first\nhosts: all\nfiles: {/etc/first: {absent: true}}\n");
    assert_eq!(reading::run(&host, &["apply", "-y", "--format", "json", "playbook.yaml"]).code, 0);
    let mut wrong = Vec::new();
    for needs in &ALL {
        wrong.extend(
            there_and_back(&host, needs).into_iter().map(|line| format!("{} {:?}: {line}", needs.name, needs.given)),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Applies one playbook, and takes it back. What is not as it should be.
fn there_and_back(host: &Host, needs: &Needs) -> Vec<String> {
    let path = folder().join(needs.name).join("playbook.yaml");
    let text = std::fs::read_to_string(&path).expect("it can be read");
    let run = |verb: &[&str], playbook: &str| {
        let mut command =
            host.unitfleet_command(verb.iter().chain(&["--format", "json", "-i", "groups.yaml", playbook]));
        command.args(needs.given.iter().flat_map(|pair| ["-e", pair])).env("VAULT_TOKEN", "any-token");
        reading::run_command(host, &mut command)
    };
    let before = Tree::of(host);
    let path = path.to_string_lossy();
    let there = run(&["apply", "-y"], &path);
    if (there.code, there.outcome.as_str()) != (0, "changed") {
        return vec![format!("it was not applied: {:#}", there.part)];
    }
    let mut wrong = Vec::new();
    let again = run(&["plan"], &path);
    if !again.nothing_to_do() {
        wrong.push(format!("a second plan is not empty: {:?} {:?}", again.changes, again.steps));
    }
    let unexpected = again.findings.iter().filter(|finding| !needs.finds.contains(&finding.as_str()));
    wrong.extend(unexpected.map(|finding| format!("found: {finding}")));
    host.write("gone.yaml", &absent(&text));
    let back = run(&["apply", "-y"], "gone.yaml");
    if back.code != 0 {
        return vec![format!("it was not taken back: {:#}", back.part)];
    }
    let after = run(&["plan"], "gone.yaml");
    if !after.nothing_to_do() {
        wrong.push(format!("after it was taken back there is more to do: {:?}", after.steps));
    }
    wrong.extend(before.differences(&Tree::of(host), needs.leaves));
    wrong
}

#[test]
fn the_collection_comes_and_goes_on_bullseye() {
    collection(Release::Bullseye);
}

#[test]
fn the_collection_comes_and_goes_on_bookworm() {
    collection(Release::Bookworm);
}

#[test]
fn the_collection_comes_and_goes_on_trixie() {
    collection(Release::Trixie);
}
