//! Edits on a running fleet, through the program: what nothing that runs depends on leaves every process alone, and what
//! only a start brings is in force afterwards.
//!
//! The harmless edits are `tests/cases/edits/harmless.txt`; the needed ones are the rows of the conformance table that a
//! restart brings, with its probes, and a few that are no directive: files that a unit reads, drop-ins, a template.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use unitfleet::sandbox::Release;

use crate::conformance::{Row, has, table};
use crate::support::Host;

#[test]
fn edits_restart_what_needs_it_on_247() {
    edit_everything(Release::Bullseye, 247);
}

#[test]
fn edits_restart_what_needs_it_on_252() {
    edit_everything(Release::Bookworm, 252);
}

#[test]
fn edits_restart_what_needs_it_on_257() {
    edit_everything(Release::Trixie, 257);
}

/// What ¦ unit before ¦ unit after.
fn harmless() -> Vec<(String, String, String)> {
    let text = include_str!("../cases/edits/harmless.txt");
    let cell = |cell: &str| cell.replace("\\\\", "\u{0}").replace("\\n", "\n").replace('\u{0}', "\\");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let cells: Vec<String> = line.split(" ¦ ").map(cell).collect();
            let [what, before, after] = <[String; 3]>::try_from(cells).expect("three cells");
            (what, before, after)
        })
        .collect()
}

/// Rows of services that a restart brings, and that can stand beside each other in a playbook.
fn needed(version: u32) -> Vec<Row> {
    let odd = ["Type", "ExecStartPre", "ExecStartPost"];
    let fits = |row: &Row| {
        row.kind == "service"
            && row.effect == "restart"
            && row.is_in(version)
            && !row.is_behaviour()
            && !odd.contains(&row.directive.as_str())
    };
    table().into_iter().filter(fits).collect()
}

fn text_of(row: &Row, settings: &str) -> String {
    let command = if settings.contains("ExecStart=") { "" } else { "ExecStart=/bin/sleep infinity\n" };
    format!("[Service]\n{command}{}\n{settings}\n", row.with)
}

/// A unit of a playbook, its text as it is.
fn unit(playbook: &mut String, name: &str, text: &str) {
    let _ignored = write!(playbook, "  {name}:\n    content: |\n");
    for line in text.lines() {
        let _ignored = writeln!(playbook, "      {line}");
    }
}

/// Edits that are no directive's: what is read from files, drop-ins, an instance's template.
fn other_units(playbook: &mut String, edited: bool) {
    let (word, count) = if edited { ("two", 2) } else { ("one", 1) };
    let command = "ExecStart: /bin/sleep infinity";
    let _ignored = write!(
        playbook,
        "  file-environment.service: {{Service: {{{command}, EnvironmentFile: /etc/edits.env}}}}\n  \
         file-watched.service: {{watch: [/etc/edits.conf], Service: {{{command}}}}}\n  \
         file-credential.service: {{credentials: {{word: {word}}}, Service: {{{command}}}}}\n  \
         template@.service: {{instances: [a, b], Service: {{{command}, Nice: {count}}}}}\n"
    );
    let drop_in = format!("limits: {{Service: {{Nice: {count}}}}}");
    let (added, removed) =
        if edited { (drop_in, "limits: {absent: true}".to_owned()) } else { (String::new(), drop_in) };
    let _ignored = write!(
        playbook,
        "  drop-in-added.service: {{drop_ins: {{{added}}}, Service: {{{command}}}}}\n  \
         drop-in-removed.service: {{drop_ins: {{{removed}}}, Service: {{{command}, Nice: 5}}}}\n"
    );
}

const OTHERS: [(&str, &str, &str); 7] = [
    ("file-environment", "environ WORD", "WORD=two"),
    ("file-watched", "show ActiveState", "=active"),
    ("file-credential", "sh cat /run/credentials/$u/word || cat /etc/unitfleet/credentials/$u/word", "two"),
    ("template@a", "sh cut -d' ' -f19 /proc/$p/stat", "2"),
    ("template@b", "sh cut -d' ' -f19 /proc/$p/stat", "2"),
    ("drop-in-added", "sh cut -d' ' -f19 /proc/$p/stat", "2"),
    ("drop-in-removed", "sh cut -d' ' -f19 /proc/$p/stat", "5"),
];

fn playbook(rows: &[Row], edited: bool) -> String {
    let word = if edited { "two" } else { "one" };
    let mut text = format!(
        "name: edits\nhosts: all\nunit_defaults: {{state: started}}\nfiles:\n  /etc/edits.env: {{content: \"WORD={word}\\n\"}}\n  \
         /etc/edits.conf: {{content: \"{word}\\n\"}}\nunits:\n"
    );
    for (number, (_, before, after)) in harmless().iter().enumerate() {
        unit(&mut text, &format!("harmless{number}.service"), if edited { after } else { before });
    }
    for (number, row) in rows.iter().enumerate() {
        unit(&mut text, &format!("needed{number}.service"), &text_of(row, if edited { &row.new } else { &row.old }));
    }
    other_units(&mut text, edited);
    text
}

/// Main process and invocation of every unit of ours.
fn running(host: &Host) -> BTreeMap<String, String> {
    let shown = host.exec(
        "systemctl show -p Id,MainPID,InvocationID,ActiveState 'harmless*' 'needed*' 'file-*' 'template@*' 'drop-in-*'",
    );
    let mut found = BTreeMap::new();
    for block in shown.split("\n\n") {
        let of = |key: &str| {
            block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap_or_default().to_owned()
        };
        assert_eq!(of("ActiveState"), "active", "{block}");
        found.insert(of("Id"), format!("{} {}", of("MainPID"), of("InvocationID")));
    }
    found
}

fn apply(host: &Host, text: &str) {
    host.write_playbook(text);
    let output = host.unitfleet(["apply", "-y", "playbook.yaml"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let again = host.unitfleet(["plan", "--detailed-exitcode", "playbook.yaml"]);
    assert_eq!(again.status.code(), Some(0), "a second plan: {}", String::from_utf8_lossy(&again.stdout));
}

fn edit_everything(release: Release, version: u32) {
    let rows = needed(version);
    let harmless = harmless();
    assert!(rows.len() + OTHERS.len() >= 50 && harmless.len() >= 50, "{} and {}", rows.len(), harmless.len());
    let host = Host::boot(&format!("edits-{version}"), release);
    host.exec(&format!(
        "mkdir -p /run/cf/f; printf 'FROM=one\\n' >/run/cf/env1; printf 'FROM=two\\n' >/run/cf/env2; printf one >/run/cf/cred1; \
         printf two >/run/cf/cred2\ncat >/run/cf/host.sh <<'EOF'\n{}\nEOF",
        include_str!("conformance/host.sh")
    ));
    apply(&host, &playbook(&rows, false));
    let before = running(&host);
    apply(&host, &playbook(&rows, true));
    let after = running(&host);

    let mut wrong = Vec::new();
    for (number, (what, ..)) in harmless.iter().enumerate() {
        let name = format!("harmless{number}.service");
        if before[&name] != after[&name] {
            wrong.push(format!("{what}: {name} was restarted"));
        }
    }
    let mut questions = String::new();
    let mut asked = Vec::new();
    let of_rows = rows.iter().enumerate().map(|(number, row)| {
        (format!("needed{number}.service"), row.directive.as_str(), row.probe.as_str(), row.new_text.as_str())
    });
    let of_others = OTHERS.iter().map(|(name, probe, text)| (format!("{name}.service"), *name, *probe, *text));
    for (name, what, probe, text) in of_rows.chain(of_others) {
        if before[&name] == after[&name] {
            wrong.push(format!("{what}: {name} was not restarted"));
        }
        let _ignored = write!(questions, "sh /run/cf/host.sh ask {name} \"$(cat <<'EOF'\n{probe}\nEOF\n)\"\n");
        asked.push((what.to_owned(), text.to_owned()));
    }
    let answers = host.exec(&questions);
    for ((what, text), found) in asked.iter().zip(answers.lines()) {
        if !has(found, text) {
            wrong.push(format!("{what}: the new value {text} is not in force: {found}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
