//! What a change of a directive really does, on real hosts, against what the catalogue says that it does.
//!
//! The table `tests/cases/conformance/rows.txt` names for each directive two values and a way to tell on the live host
//! which of them is in force. A row is proved where the mildest thing that its class asks for brings the new value,
//! and nothing milder does: a daemon-reload alone must not bring what only a restart brings, and must bring, with the
//! same process, what needs none.
//!
//! The test command tries a sample that changes with the day, on one version; `UNITFLEET_CONFORMANCE=all` tries every row
//! on three versions and writes `tests/cases/conformance/RESULTS.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use unitfleet::model::UnitKind;
use unitfleet::plan::verdict::{Verdict, judge};
use unitfleet::sandbox::Release;
use unitfleet::unitfile::Effective;
use unitfleet::unitfile::catalogue::{self, Effect};

use crate::support::Host;

const VERSIONS: [(Release, u32); 3] = [(Release::Bullseye, 247), (Release::Bookworm, 252), (Release::Trixie, 257)];
const SAMPLE: usize = 40;

#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) directive: String,
    pub(crate) effect: String,
    pub(crate) kind: String,
    pub(crate) with: String,
    pub(crate) old: String,
    pub(crate) new: String,
    pub(crate) probe: String,
    old_text: String,
    pub(crate) new_text: String,
    since: u32,
    until: u32,
    helper: String,
}

pub(crate) fn table() -> Vec<Row> {
    let text = include_str!("../cases/conformance/rows.txt");
    text.lines().filter(|line| !line.starts_with('#')).map(row).collect()
}

fn row(line: &str) -> Row {
    let cells: Vec<String> =
        line.split(" ¦ ").map(|cell| if cell == "-" { String::new() } else { cell.replace("\\n", "\n") }).collect();
    let [directive, effect, kind, with, old, new, probe, old_text, new_text, since, helper] =
        <[String; 11]>::try_from(cells).unwrap_or_else(|cells| panic!("{line}: {} cells", cells.len()));
    let (since, until) = since.split_once('-').unwrap_or((since.as_str(), ""));
    let (since, until) = (since.parse().unwrap_or(0), until.parse().unwrap_or(u32::MAX));
    Row { directive, effect, kind, with, old, new, probe, old_text, new_text, since, until, helper }
}

impl Row {
    fn section(&self) -> &'static str {
        let by_kind = match self.kind.as_str() {
            "service" => "Service",
            "socket" => "Socket",
            "timer" => "Timer",
            "path" => "Path",
            "mount" => "Mount",
            "slice" => "Slice",
            _ => "Unit",
        };
        let in_unit = self.old.starts_with("[Unit]") || self.new.starts_with("[Unit]");
        if in_unit { "Unit" } else { by_kind }
    }

    pub(crate) fn is_in(&self, version: u32) -> bool {
        (self.since..=self.until).contains(&version)
    }

    pub(crate) fn is_behaviour(&self) -> bool {
        self.probe.starts_with("behave ")
    }

    fn unit(&self, settings: &str) -> Effective {
        let header = format!("[{}]\n", if self.kind == "target" { "Unit" } else { self.section_of_kind() });
        Effective::merge(Some(&format!("{header}{}\n{settings}\n", self.with)), &[])
    }

    fn section_of_kind(&self) -> &'static str {
        let kind = Row { old: String::new(), new: String::new(), ..self.clone() };
        kind.section()
    }
}

/// What was found at the moments of a row.
#[derive(Clone, Debug, Default)]
struct Seen {
    pid: String,
    invocation: String,
    found: String,
}

type Moments = BTreeMap<String, Seen>;

#[test]
fn the_table_and_the_catalogue_agree() {
    let rows = table();
    let mut directives: Vec<String> = rows.iter().map(|row| format!("{}.{}", row.section(), row.directive)).collect();
    directives.sort();
    directives.dedup();
    assert!(directives.len() >= 120, "{}", directives.len());
    let mut wrong = Vec::new();
    for row in &rows {
        let known = catalogue::lookup(row.section(), &row.directive);
        let effect = known.map(|known| known.effect.to_string());
        if effect.as_deref() != Some(row.effect.as_str()) {
            wrong.push(format!("[{}] {}: {effect:?}, the table says {}", row.section(), row.directive, row.effect));
        }
        let kind = UnitKind::ALL.into_iter().find(|kind| kind.suffix() == row.kind).expect("a kind");
        let judged = judge(kind, &row.unit(&row.old), &row.unit(&row.new));
        let verdict = known.map(|known| Verdict::from(known.effect));
        if Some(judged.verdict) != verdict {
            wrong.push(format!("[{}] {}: judged {judged:?}", row.section(), row.directive));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn what_a_change_does_is_what_the_catalogue_says() {
    let all = told("UNITFLEET_CONFORMANCE").is_some_and(|what| what == "all");
    let rows = table();
    if all {
        let results: Vec<(u32, Vec<Proof>)> =
            VERSIONS.into_iter().map(|(release, version)| (version, try_rows(release, version, &rows))).collect();
        write_results(&rows, &results);
        let broken: Vec<String> =
            results.iter().flat_map(|(version, proofs)| broken(*version, &rows, proofs)).collect();
        assert!(broken.is_empty(), "\n{}", broken.join("\n"));
        return;
    }
    let seed = seed();
    let (release, version) = VERSIONS[seed % VERSIONS.len()];
    println!("seed {seed}: {SAMPLE} rows on systemd {version}; UNITFLEET_CONFORMANCE_SEED={seed} tries the same again");
    let sample = sample(&rows, seed);
    let proofs = try_rows(release, version, &sample);
    let broken = broken(version, &sample, &proofs);
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
    let proved = proofs.iter().filter(|proof| **proof == Proof::Proved).count();
    assert!(proved >= SAMPLE / 2, "only {proved} rows could be tried");
}

#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says what is tried")]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Of the day, so that another sample is tried on another day.
fn seed() -> usize {
    let given = told("UNITFLEET_CONFORMANCE_SEED").and_then(|seed| seed.parse().ok());
    let today =
        || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs() / 86_400;
    given.unwrap_or_else(|| usize::try_from(today()).expect("it fits"))
}

/// Rows spread over the table, and one of each class at least.
fn sample(rows: &[Row], seed: usize) -> Vec<Row> {
    let step = rows.len().div_ceil(SAMPLE);
    let mut sample: Vec<Row> = rows.iter().skip(seed % step).step_by(step).cloned().collect();
    for effect in ["restart", "live", "manager", "next-start", "nothing", "rebind", "rearm", "remount"] {
        if !sample.iter().any(|row| row.effect == effect) {
            let of_class: Vec<&Row> = rows.iter().filter(|row| row.effect == effect && row.since == 0).collect();
            sample.push(of_class[seed % of_class.len()].clone());
        }
    }
    sample
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Proof {
    Proved,
    /// This version does not have it, or cannot show it here.
    NotThere,
    Broken(String),
}

fn broken(version: u32, rows: &[Row], proofs: &[Proof]) -> Vec<String> {
    let found = rows.iter().zip(proofs).filter_map(|(row, proof)| match proof {
        Proof::Broken(why) => Some(format!("{version} {}.{} ({}): {why}", row.kind, row.directive, row.effect)),
        Proof::Proved | Proof::NotThere => None,
    });
    found.collect()
}

fn try_rows(release: Release, version: u32, rows: &[Row]) -> Vec<Proof> {
    let host = Host::boot(&format!("conformance-{version}"), release);
    host.exec(&format!(
        "mkdir -p /run/cf/rows\ncat >/run/cf/host.sh <<'EOF'\n{}\nEOF",
        include_str!("conformance/host.sh")
    ));
    let there: Vec<(usize, &Row)> = rows.iter().enumerate().filter(|(_, row)| row.is_in(version)).collect();
    for chunk in there.chunks(40) {
        let mut script = String::from("put() { mkdir -p \"/run/cf/rows/$1\"; cat >\"/run/cf/rows/$1/$2\"; }\n");
        for (number, row) in chunk {
            for (file, text) in [
                ("kind", &row.kind),
                ("with", &row.with),
                ("old", &row.old),
                ("new", &row.new),
                ("probe", &row.probe),
                ("effect", &row.effect),
                ("helper", &row.helper),
            ] {
                let _ignored = write!(script, "put {number} {file} <<'EOF'\n{text}\nEOF\n");
            }
        }
        host.exec(&script);
    }
    let output = host.exec("sh /run/cf/host.sh all 2>/run/cf/errors");
    let seen = moments(&output);
    let judged = |(number, row): (usize, &Row)| {
        if !row.is_in(version) {
            return Proof::NotThere;
        }
        let none = Moments::new();
        proved(row, seen.get(&number).unwrap_or(&none)).map_or_else(Proof::Broken, |()| Proof::Proved)
    };
    rows.iter().enumerate().map(judged).collect()
}

/// `@@ ROW MOMENT PID INVOCATION FOUND…`
fn moments(output: &str) -> BTreeMap<usize, Moments> {
    let mut rows: BTreeMap<usize, Moments> = BTreeMap::new();
    for line in output.lines().filter_map(|line| line.strip_prefix("@@ ")) {
        let mut words = line.splitn(5, ' ');
        let mut next = || words.next().unwrap_or_default().to_owned();
        let (number, moment) = (next(), next());
        let seen = Seen { pid: next(), invocation: next(), found: next() };
        rows.entry(number.parse().expect("a number")).or_default().insert(moment, seen);
    }
    rows
}

/// Whether the text is in what was found: as a word of its own, as `=VALUE` at the end of one, or anywhere where it is
/// more than a word.
pub(crate) fn has(found: &str, text: &str) -> bool {
    let in_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !text.is_empty() && text.chars().all(in_word) {
        found.split(|c: char| !in_word(c)).any(|word| word == text)
    } else if text.starts_with('=') {
        format!("{found} ").contains(&format!("{text} "))
    } else {
        found.contains(text)
    }
}

fn proved(row: &Row, moments: &Moments) -> Result<(), String> {
    let at = |moment: &str| moments.get(moment).ok_or_else(|| format!("nothing was seen at `{moment}`"));
    let is_old = |seen: &Seen, when: &str| {
        let fine = has(&seen.found, &row.old_text) && !has(&seen.found, &row.new_text);
        if fine { Ok(()) } else { Err(format!("{when}: `{}` is not the old value {}", seen.found, row.old_text)) }
    };
    let is_new = |seen: &Seen, when: &str| {
        if has(&seen.found, &row.new_text) {
            Ok(())
        } else {
            Err(format!("{when}: `{}` is not the new value {}", seen.found, row.new_text))
        }
    };
    let (before, reloaded) = (at("before")?, at("reloaded")?);
    if before.invocation != reloaded.invocation || before.invocation == "none" {
        return Err(format!("it was started anew by a daemon-reload: {} {}", before.invocation, reloaded.invocation));
    }
    if row.is_behaviour() {
        is_old(at("old")?, "the twin")?;
        return is_new(at("new")?, "after a daemon-reload");
    }
    is_old(before, "before")?;
    if before.found == at("done")?.found && before.found == reloaded.found {
        return Err(format!("the probe cannot tell: `{}`", before.found));
    }
    match row.effect.as_str() {
        "live" | "manager" | "rearm" | "nothing" => is_new(reloaded, "after a daemon-reload"),
        // The old address may be given up by then: the socket is deaf until it is made anew.
        "rebind" if has(&reloaded.found, &row.new_text) => Err("a daemon-reload alone brings it".to_owned()),
        "rebind" => is_new(at("done")?, "after all that it takes"),
        "restart" | "remount" | "next-start" => {
            is_old(reloaded, "after a daemon-reload alone")?;
            if row.kind == "service" && row.effect == "restart" && before.pid != reloaded.pid {
                return Err("its process is another after a daemon-reload".to_owned());
            }
            is_new(at("done")?, "after all that it takes")
        }
        other => Err(format!("{other} is no class that can be tried")),
    }
}

/// What no row can show here, by name.
const UNPROVED: &str = "\
What the kernel under the sandbox cannot show, and what no probe of ours could tell, is not counted:

- control groups of version 2: `MemoryHigh`, `MemoryLow`, `MemoryMin`, `MemorySwapMax`, `MemoryZSwapMax`, `AllowedCPUs`,
  `AllowedMemoryNodes`, `IOWeight` and the other `IO*` (the block controller has no weights here), `ManagedOOM*`,
  `MemoryPressureWatch`; `IPAddressAllow` and `IPAddressDeny`, `SocketBind*`, `RestrictNetworkInterfaces`,
  `RestrictFileSystems`, `BPFProgram`, `NFTSet`: no BPF in the containers;
- swap (`[Swap]`) and automounts (`[Automount]`): neither can be activated in a container;
- `LimitNICE` and `LimitRTPRIO`: a container may not raise them; `PrivateNetwork` on 257, which goes on without it here, and
  `MemoryDenyWriteExecute` on 257, which no longer uses a filter that could be counted;
- what needs hardware, a login, SELinux, AppArmor or SMACK: `TTY*`, `Utmp*`, `PAMName`, `SELinuxContext`,
  `AppArmorProfile`, `SmackProcessLabel`, `USBFunction*`, `WakeSystem`, `RootImage`, `RootVerity`, `RootHash`,
  `MountImages`, `ExtensionImages`;
- orders and limits whose effect is a race or a reboot: `After`, `Before`, `JobTimeoutAction`, `SurviveFinalKillSignal`.
";

fn write_results(rows: &[Row], results: &[(u32, Vec<Proof>)]) {
    let commit = std::process::Command::new("git").args(["rev-parse", "--short", "HEAD"]).output();
    let commit = commit.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let mut text = format!(
        "# What a change of a directive does\n\nWritten by `UNITFLEET_CONFORMANCE=all cargo test --test sandbox \
         conformance` at {commit}. Every class was tried on a real\nhost: the mildest thing that it asks for brings the new \
         value, and nothing milder does.\n\n"
    );
    for (version, proofs) in results {
        let count = |wanted: &Proof| proofs.iter().filter(|proof| *proof == wanted).count();
        let broken = proofs.len() - count(&Proof::Proved) - count(&Proof::NotThere);
        let _ignored = writeln!(
            text,
            "- systemd {version}: {} proved, {} not in this version or not to be seen, {broken} not as claimed",
            count(&Proof::Proved),
            count(&Proof::NotThere)
        );
    }
    text.push_str("\n| section | directive | class | probe |");
    let _ignored = results.iter().try_for_each(|(version, _)| write!(text, " {version} |"));
    text.push_str("\n|---|---|---|---|---|---|---|\n");
    for (at, row) in rows.iter().enumerate() {
        let probe = row.probe.split(' ').take(2).collect::<Vec<_>>().join(" ");
        let probe = if row.is_behaviour() { "behaviour".to_owned() } else { probe.replace('|', "\\|") };
        let _ignored = write!(text, "| {} | {} | {} | {probe} |", row.section_of_kind(), row.directive, row.effect);
        for (_, proofs) in results {
            let said = match &proofs[at] {
                Proof::Proved => "proved",
                Proof::NotThere => "-",
                Proof::Broken(_) => "NOT",
            };
            let _ignored = write!(text, " {said} |");
        }
        text.push('\n');
    }
    let _ignored = write!(text, "\n{UNPROVED}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/conformance/RESULTS.md");
    std::fs::write(path, text).expect("the results can be written");
}

#[test]
fn classes_have_the_names_of_the_catalogue() {
    let known = [
        Effect::Nothing,
        Effect::NextStart,
        Effect::Manager,
        Effect::Live,
        Effect::Rearm,
        Effect::Remount,
        Effect::Restart,
        Effect::Rebind,
    ];
    for row in table() {
        assert!(known.iter().any(|effect| effect.to_string() == row.effect), "{}: {}", row.directive, row.effect);
    }
}
