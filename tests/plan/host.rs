//! A host in a few lines → what a gather of it would say.
//!
//! The description names only what matters to its case. All times are seconds before now; unless told otherwise a
//! file changed 7200 s ago, systemd read the unit files 7000 s ago, units came up 3600 s ago, the host a day ago.
//!
//! | key | what it says |
//! |---|---|
//! | `as_desired: true` | the host is as the playbook wants it, by an earlier apply; what follows is drift |
//! | `files` | path → text, or `{text, mode, owner, group, changed, unread}`, `{link}`, `{directory: empty\|full\|unlisted}`, `{other}`, `{unknown}`, `{absent: true}` |
//! | `vendor` | unit → its text in `/usr/lib/systemd/system` |
//! | `links` | link → target; a link without `/` at its front lies in `/etc/systemd/system`; target `gone` takes it away |
//! | `units` | unit → state, or a mapping of properties; the rest is worked out from the unit's text |
//! | `users`, `groups` | name → `missing`, or what is known; those that are not named do not exist |
//! | `below` | directory → `{count, more, example}` of what has another owner, or `{unknown}`; else nothing has |
//! | `ledger` | manifest → entries (`file PATH`, `file PATH as TEXT`, `directory`, `link`, `mask`, `unit`, `user`) |

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use unitfleet::model::{
    AbsPath, Account, ActiveState, Bytes, Desired, Digest, FileMeta, GroupEntry, HostFacts, Ledger, LedgerEntry, Lock,
    MachineFacts, ManifestName, Observation, Observed, ObservedPath, ObservedUnit, OthersBelow, PrimaryGroup, RunState,
    Started, UNIT_DIR, UnitKind, UnitName, UserName, UserSpec, Wanted,
};
use unitfleet::observe::request;
use unitfleet::plan::plan_host;
use unitfleet::unitfile::{Effective, carries_install, install_links, resolve};

/// The host's clock.
pub(crate) const NOW_S: i64 = 1_700_000_000;
const SECOND: i64 = 1_000_000;
const FILES_CHANGED_S: i64 = 7200;
const UNITS_READ_S: i64 = 7000;
const UNITS_STARTED_S: i64 = 3600;
const UPTIME_S: i64 = 86_400;

const UNIT_PATH: [&str; 12] = [
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/run/systemd/generator.late",
];

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Host {
    as_desired: bool,
    systemd: Option<u32>,
    uid: u32,
    uptime: Option<i64>,
    /// Seconds that systemd's clock is ahead of the uptime, as in a container under lxcfs.
    clock_ahead: i64,
    units_read: Option<i64>,
    vendor: BTreeMap<String, String>,
    files: BTreeMap<String, At>,
    links: BTreeMap<String, String>,
    units: BTreeMap<String, Is>,
    users: BTreeMap<String, AccountIs>,
    groups: BTreeMap<String, GroupIs>,
    below: BTreeMap<String, BelowIs>,
    ledger: BTreeMap<String, LedgerIs>,
    ledger_written: BTreeMap<String, i64>,
    holds: BTreeMap<String, String>,
    lock: Option<LockIs>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum At {
    Text(String),
    Spec(AtSpec),
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct AtSpec {
    text: Option<String>,
    mode: Option<String>,
    owner: Option<String>,
    group: Option<String>,
    changed: Option<i64>,
    written: Option<i64>,
    unread: bool,
    link: Option<String>,
    directory: Option<String>,
    other: Option<String>,
    unknown: Option<String>,
    absent: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Is {
    Word(String),
    Spec(Box<IsSpec>),
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct IsSpec {
    state: Option<String>,
    sub: Option<String>,
    since: Option<i64>,
    result: Option<String>,
    need_daemon_reload: bool,
    id: Option<String>,
    load: Option<String>,
    file_state: Option<String>,
    triggers: Option<Vec<String>>,
    triggered_by: Vec<String>,
    /// `desired`: it was started with what the playbook wants; `other`: with what the files say, or with something else
    /// where that is what the playbook wants; `other invocation`:
    /// somebody restarted it since; `none`: no record.
    record: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum AccountIs {
    Word(String),
    Known(AccountSpec),
    Unknown(UnknownSpec),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountSpec {
    home: String,
    shell: String,
    #[serde(default = "usual_id")]
    uid: u32,
    #[serde(default = "usual_id")]
    gid: u32,
}

fn usual_id() -> u32 {
    990
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnknownSpec {
    unknown: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum GroupIs {
    Gid(u32),
    Known(GroupSpec),
    Unknown(UnknownSpec),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupSpec {
    gid: u32,
    members: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum BelowIs {
    Unknown(UnknownSpec),
    Known(OthersBelow),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum LedgerIs {
    Entries(Vec<String>),
    Unknown(UnknownSpec),
    Text(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LockIs {
    run: String,
    who: String,
}

pub(crate) fn path(text: &str) -> AbsPath {
    AbsPath::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn unit(text: &str) -> UnitName {
    UnitName::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn user(text: &str) -> UserName {
    UserName::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

fn manifest(text: &str) -> ManifestName {
    ManifestName::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

/// What a gather of the described host says when it is asked for all that planning `desired` needs.
pub(crate) fn observed(desired: &Desired, text: &str) -> Observed {
    let host: Host = serde_yaml::from_str(text).unwrap_or_else(|error| panic!("observed.yaml: {error}"));
    let mut seen = Observed {
        host: desired.host.clone(),
        facts: facts(&host),
        units: BTreeMap::new(),
        paths: BTreeMap::new(),
        links: BTreeMap::new(),
        below: BTreeMap::new(),
        users: BTreeMap::new(),
        credentials: BTreeMap::new(),
        groups: BTreeMap::new(),
        ledgers: BTreeMap::new(),
        ledger_times_us: BTreeMap::new(),
        started: BTreeMap::new(),
        holds: host.holds.clone(),
        lock: host.lock.as_ref().map(|lock| Lock { run: lock.run.clone(), who: lock.who.clone(), since: NOW_S - 5 }),
    };
    put_vendor(&host, &mut seen);
    if host.as_desired {
        put_desired(desired, &mut seen);
    }
    put_files(&host, desired, &mut seen);
    put_links(&host, &mut seen);
    put_accounts(&host, desired, &mut seen);
    put_ledgers(&host, &mut seen);
    let contents = contents(desired, &seen);
    put_units(&host, desired, &contents, &mut seen);
    for asked in request(desired).paths.keys() {
        seen.paths.entry(asked.clone()).or_insert(ObservedPath::Absent);
    }
    forget_expected_contents(desired, &mut seen);
    put_records(&host, desired, &mut seen);
    seen
}

fn facts(host: &Host) -> HostFacts {
    let version = host.systemd.unwrap_or(252);
    let uptime_us = host.uptime.unwrap_or(UPTIME_S) * SECOND;
    let read = host.units_read.unwrap_or(UNITS_READ_S) * SECOND;
    HostFacts {
        systemd_version: version,
        systemd_version_text: version.to_string(),
        uid: host.uid,
        system_state: "running".to_owned(),
        boot_id: "b007".to_owned(),
        now_us: NOW_S * SECOND,
        uptime_us,
        units_load_us: (version >= 250).then_some(uptime_us - read + host.clock_ahead * SECOND),
        reloaded_us: (version < 250 && host.as_desired).then_some(NOW_S * SECOND - read),
        unit_path: UNIT_PATH.map(path).to_vec(),
        machine: MachineFacts::default(),
    }
}

fn meta(changed_s: i64, size: usize) -> FileMeta {
    let time = (NOW_S - changed_s) * SECOND;
    FileMeta {
        mode: 0o644,
        uid: 0,
        gid: 0,
        user: "root".to_owned(),
        group: "root".to_owned(),
        size: size as u64,
        mtime_us: time,
        ctime_us: time,
    }
}

pub(crate) fn file(bytes: &Bytes, changed_s: i64) -> ObservedPath {
    ObservedPath::File {
        meta: meta(changed_s, bytes.0.len()),
        digest: Observation::Known(bytes.digest()),
        content: Some(bytes.clone()),
    }
}

fn directory(empty: Option<bool>) -> ObservedPath {
    ObservedPath::Directory { meta: FileMeta { mode: 0o755, ..meta(FILES_CHANGED_S, 0) }, empty }
}

fn put_vendor(host: &Host, seen: &mut Observed) {
    for (name, text) in &host.vendor {
        let at = path("/usr/lib/systemd/system").join(name);
        seen.paths.insert(at, file(&Bytes::from(text.as_str()), 500_000));
    }
}

/// An earlier apply made everything so.
fn put_desired(desired: &Desired, seen: &mut Observed) {
    let mut entries: BTreeMap<ManifestName, BTreeSet<LedgerEntry>> =
        desired.manifests.iter().map(|name| (name.clone(), BTreeSet::new())).collect();
    let mut own = |owner: &ManifestName, entry| entries.entry(owner.clone()).or_default().insert(entry);
    for (name, wanted) in &desired.users {
        if let Wanted::Present(spec) = &wanted.spec {
            put_desired_user(name, spec, seen);
            own(&wanted.claim.manifest, LedgerEntry::User(name.clone()));
        }
    }
    for (at, wanted) in &desired.directories {
        if let Wanted::Present(spec) = &wanted.spec {
            let mut found = directory(Some(true));
            own_by(&mut found, &spec.user, &spec.group, spec.mode);
            seen.paths.insert(at.clone(), found);
            own(&wanted.claim.manifest, LedgerEntry::Directory(at.clone()));
        }
    }
    for (at, wanted) in &desired.files {
        if let Wanted::Present(spec) = &wanted.spec {
            let mut found = file(&spec.bytes, FILES_CHANGED_S);
            own_by(&mut found, &spec.user, &spec.group, spec.mode);
            seen.paths.insert(at.clone(), found);
            own(&wanted.claim.manifest, LedgerEntry::File { path: at.clone(), digest: Some(spec.bytes.digest()) });
        }
    }
    for (at, wanted) in &desired.symlinks {
        let target = wanted.target.clone();
        own(&wanted.claim.manifest, LedgerEntry::Link { path: at.clone(), target: target.clone() });
        seen.paths.insert(at.clone(), ObservedPath::Link { meta: meta(FILES_CHANGED_S, target.len()), target });
    }
    for (name, wanted) in desired.units.iter().filter(|(_, wanted)| !wanted.absent) {
        let owner = &wanted.claim.manifest;
        if wanted.masked == Some(true) {
            seen.links.insert(name.etc_path(), "/dev/null".to_owned());
            own(owner, LedgerEntry::Mask(name.clone()));
        } else if let Some(bytes) = &wanted.fragment {
            seen.paths.insert(name.etc_path(), file(bytes, FILES_CHANGED_S));
            own(owner, LedgerEntry::File { path: name.etc_path(), digest: Some(bytes.digest()) });
        }
        for (drop_in, bytes) in &wanted.drop_ins {
            if let Wanted::Present(bytes) = bytes {
                let at = name.etc_drop_in(drop_in);
                seen.paths.insert(at.clone(), file(bytes, FILES_CHANGED_S));
                own(owner, LedgerEntry::File { path: at, digest: Some(bytes.digest()) });
            }
        }
        let configured = wanted.fragment.is_some() || !wanted.drop_ins.is_empty();
        if !name.is_template() && (wanted.state.is_some() || wanted.enabled.is_some() || configured) {
            own(owner, LedgerEntry::Unit(name.clone()));
        }
    }
    for (name, wanted) in desired.units.iter().filter(|(_, wanted)| wanted.enabled == Some(true)) {
        for (link, target) in enabling_links(name, seen) {
            own(&wanted.claim.manifest, LedgerEntry::Link { path: link.clone(), target: target.clone() });
            seen.links.insert(link, target);
        }
    }
    if let Some((Wanted::Present(target), claim)) = &desired.default_target {
        let link = path(UNIT_DIR).join("default.target");
        let target = format!("/usr/lib/systemd/system/{target}");
        own(&claim.manifest, LedgerEntry::Link { path: link.clone(), target: target.clone() });
        seen.links.insert(link, target);
    }
    for (owner, entries) in entries {
        seen.ledger_times_us.insert(owner.clone(), (NOW_S - UNITS_READ_S) * SECOND);
        let ledger = Ledger { owner: owner.clone(), run: "earlier".to_owned(), entries };
        seen.ledgers.insert(owner, Observation::Known(ledger));
    }
}

fn put_desired_user(name: &UserName, spec: &UserSpec, seen: &mut Observed) {
    let home = spec.home.as_ref().map_or_else(|| "/nonexistent".to_owned(), ToString::to_string);
    let shell = spec.shell.as_ref().map_or_else(|| "/usr/sbin/nologin".to_owned(), ToString::to_string);
    let (primary, gid) = match &spec.gid {
        Some(PrimaryGroup::Number(gid)) => (name, *gid),
        Some(PrimaryGroup::Name(group)) => (group, 990),
        None => (name, 990),
    };
    put_account(seen, &Account { name: name.to_string(), uid: spec.uid.unwrap_or(990), gid, home, shell });
    put_group(seen, &GroupEntry { name: primary.to_string(), gid, members: Vec::new() });
    for group in &spec.groups {
        put_group(seen, &GroupEntry { name: group.to_string(), gid: 995, members: vec![name.to_string()] });
    }
    if spec.create_home {
        let mut home = directory(Some(true));
        own_by(&mut home, name, primary, 0o750);
        seen.paths.insert(spec.new_home(name), home);
    }
}

fn enabling_links(name: &UnitName, seen: &Observed) -> BTreeMap<AbsPath, String> {
    let existing = existing(seen);
    let files = resolve(name, &seen.facts.unit_path, &existing);
    let Some(fragment) = files.fragment else { return BTreeMap::new() };
    let text = |at: &AbsPath| match seen.paths.get(at) {
        Some(ObservedPath::File { content: Some(bytes), .. }) => bytes.as_text().map(str::to_owned),
        _ => None,
    };
    let drop_ins: Vec<String> = files.drop_ins.iter().filter(|at| carries_install(name, at)).filter_map(text).collect();
    let drop_ins: Vec<&str> = drop_ins.iter().map(String::as_str).collect();
    let effective = Effective::merge(text(&fragment).as_deref(), &drop_ins);
    install_links(name, &effective, &fragment, seen.facts.systemd_version).map(|found| found.links).unwrap_or_default()
}

fn existing(seen: &Observed) -> BTreeSet<AbsPath> {
    let paths = seen.paths.iter().filter(|(_, state)| **state != ObservedPath::Absent).map(|(at, _)| at);
    paths.chain(seen.links.keys()).cloned().collect()
}

fn own_by(found: &mut ObservedPath, owner: &UserName, group: &UserName, bits: u32) {
    let (ObservedPath::File { meta, .. } | ObservedPath::Directory { meta, .. } | ObservedPath::Link { meta, .. }) =
        found
    else {
        return;
    };
    meta.mode = bits;
    owner.as_str().clone_into(&mut meta.user);
    group.as_str().clone_into(&mut meta.group);
    let id = |name: &str| if name == "root" { 0 } else { 990 };
    (meta.uid, meta.gid) = (id(&meta.user), id(&meta.group));
}

fn put_files(host: &Host, desired: &Desired, seen: &mut Observed) {
    for (at, spec) in &host.files {
        let at = path(at);
        let spec = match spec {
            At::Text(text) => {
                seen.paths.insert(at, file(&Bytes::from(text.as_str()), FILES_CHANGED_S));
                continue;
            }
            At::Spec(spec) => spec,
        };
        let found = if spec.absent {
            ObservedPath::Absent
        } else if let Some(why) = &spec.unknown {
            ObservedPath::Unknown(why.clone())
        } else if let Some(kind) = &spec.other {
            ObservedPath::Other(kind.clone())
        } else if let Some(target) = &spec.link {
            ObservedPath::Link { meta: meta(FILES_CHANGED_S, target.len()), target: target.clone() }
        } else if let Some(fill) = &spec.directory {
            directory(match fill.as_str() {
                "empty" => Some(true),
                "full" => Some(false),
                "unlisted" => None,
                other => panic!("a directory is empty, full or unlisted, not {other}"),
            })
        } else {
            file_as(spec, &at, desired, seen)
        };
        let found = with_attributes(found, spec);
        seen.links.remove(&at);
        if let (ObservedPath::Link { target, .. }, true) = (&found, at.is_within(UNIT_DIR)) {
            seen.links.insert(at.clone(), target.clone());
        }
        seen.paths.insert(at, found);
    }
}

fn file_as(spec: &AtSpec, at: &AbsPath, desired: &Desired, seen: &Observed) -> ObservedPath {
    let bytes = match (&spec.text, seen.paths.get(at)) {
        (Some(text), _) => Bytes::from(text.as_str()),
        (None, Some(ObservedPath::File { content: Some(bytes), .. })) => bytes.clone(),
        _ => expected(desired).get(at).cloned().unwrap_or_else(|| panic!("what is in {at}?")),
    };
    let mut found = file(&bytes, spec.changed.unwrap_or(FILES_CHANGED_S));
    if let (ObservedPath::File { meta, .. }, Some(before)) = (&mut found, seen.paths.get(at))
        && let ObservedPath::File { meta: old, .. } = before
    {
        (meta.mode, meta.uid, meta.gid) = (old.mode, old.uid, old.gid);
        (meta.user, meta.group) = (old.user.clone(), old.group.clone());
    }
    if let ObservedPath::File { meta, digest, content } = &mut found {
        if let Some(written) = spec.written {
            meta.mtime_us = (NOW_S - written) * SECOND;
        }
        if spec.unread {
            *digest = Observation::Unknown("permission denied".to_owned());
            *content = None;
        }
    }
    found
}

fn with_attributes(mut found: ObservedPath, spec: &AtSpec) -> ObservedPath {
    let (ObservedPath::File { meta, .. } | ObservedPath::Directory { meta, .. } | ObservedPath::Link { meta, .. }) =
        &mut found
    else {
        return found;
    };
    let bits = spec.mode.as_ref().map(|mode| u32::from_str_radix(mode, 8).expect("a mode is octal"));
    let bits = bits.unwrap_or(meta.mode);
    let owner = user(spec.owner.as_deref().unwrap_or(&meta.user));
    let group = user(spec.group.as_deref().unwrap_or(&meta.group));
    if spec.mode.is_some() || spec.owner.is_some() || spec.group.is_some() {
        own_by(&mut found, &owner, &group, bits);
    }
    found
}

fn put_links(host: &Host, seen: &mut Observed) {
    for (link, target) in &host.links {
        let link = if link.starts_with('/') { path(link) } else { path(&format!("{UNIT_DIR}/{link}")) };
        if target == "gone" {
            seen.links.remove(&link);
            continue;
        }
        // A link in place of a unit file is a candidate as well, and as such looked at.
        let is_unit_file = UNIT_PATH.iter().any(|dir| link.parent().is_some_and(|parent| parent.as_str() == *dir));
        if is_unit_file {
            let state = ObservedPath::Link { meta: meta(FILES_CHANGED_S, target.len()), target: target.clone() };
            seen.paths.insert(link.clone(), state);
        }
        seen.links.insert(link, target.clone());
    }
}

/// An account is found by its name and by its number.
pub(crate) fn put_account(seen: &mut Observed, account: &Account) {
    for key in [user(&account.name), user(&account.uid.to_string())] {
        seen.users.insert(key, Observation::Known(Some(account.clone())));
    }
}

pub(crate) fn put_group(seen: &mut Observed, group: &GroupEntry) -> Observation<Option<GroupEntry>> {
    let found = Observation::Known(Some(group.clone()));
    seen.groups.insert(user(&group.gid.to_string()), found.clone());
    seen.groups.insert(user(&group.name), found.clone());
    found
}

fn put_accounts(host: &Host, desired: &Desired, seen: &mut Observed) {
    let asked = request(desired);
    for (name, account) in &host.users {
        let account = match account {
            AccountIs::Known(spec) => {
                put_group(seen, &GroupEntry { name: name.clone(), gid: spec.gid, members: Vec::new() });
                let (home, shell) = (spec.home.clone(), spec.shell.clone());
                let account = Account { name: name.clone(), uid: spec.uid, gid: spec.gid, home, shell };
                put_account(seen, &account);
                Observation::Known(Some(account))
            }
            AccountIs::Unknown(spec) => Observation::Unknown(spec.unknown.clone()),
            AccountIs::Word(word) if word == "missing" => Observation::Known(None),
            AccountIs::Word(word) => panic!("a user is missing, known or unknown, not {word}"),
        };
        seen.users.insert(user(name), account);
    }
    for (name, group) in &host.groups {
        let group = match group {
            GroupIs::Gid(gid) => put_group(seen, &GroupEntry { name: name.clone(), gid: *gid, members: Vec::new() }),
            GroupIs::Known(spec) => {
                let members = spec.members.clone();
                put_group(seen, &GroupEntry { name: name.clone(), gid: spec.gid, members })
            }
            GroupIs::Unknown(spec) => Observation::Unknown(spec.unknown.clone()),
        };
        seen.groups.insert(user(name), group);
    }
    for name in asked.users {
        seen.users.entry(name).or_insert(Observation::Known(None));
    }
    for name in asked.groups {
        seen.groups.entry(name).or_insert(Observation::Known(None));
    }
    for name in &asked.homes {
        let Some(Observation::Known(Some(account))) = seen.users.get(name) else { continue };
        seen.paths.entry(path(&account.home)).or_insert(ObservedPath::Absent);
    }
    for directory in asked.below.into_keys() {
        let below = match host.below.get(directory.as_str()) {
            None => Observation::Known(OthersBelow::default()),
            Some(BelowIs::Known(others)) => Observation::Known(others.clone()),
            Some(BelowIs::Unknown(spec)) => Observation::Unknown(spec.unknown.clone()),
        };
        seen.below.insert(directory, below);
    }
}

fn put_ledgers(host: &Host, seen: &mut Observed) {
    for (owner, entries) in &host.ledger {
        let owner = manifest(owner);
        let ledger = match entries {
            LedgerIs::Unknown(spec) => Observation::Unknown(spec.unknown.clone()),
            LedgerIs::Text(text) => match Ledger::from_text(owner.clone(), text) {
                Ok(ledger) => Observation::Known(ledger),
                Err(why) => Observation::Unknown(why),
            },
            LedgerIs::Entries(lines) => {
                let entries = lines.iter().map(|line| ledger_entry(line, seen)).collect();
                Observation::Known(Ledger { owner: owner.clone(), run: "earlier".to_owned(), entries })
            }
        };
        seen.ledgers.insert(owner.clone(), ledger);
        seen.ledger_times_us.insert(owner, (NOW_S - UNITS_READ_S) * SECOND);
    }
    for (owner, ago) in &host.ledger_written {
        seen.ledger_times_us.insert(manifest(owner), (NOW_S - ago) * SECOND);
    }
}

fn ledger_entry(line: &str, seen: &Observed) -> LedgerEntry {
    let (word, rest) = line.split_once(' ').unwrap_or_else(|| panic!("{line} is no entry"));
    match word {
        "file" => {
            let (at, was) = rest.split_once(" as ").map_or((rest, None), |(at, text)| (at, Some(text)));
            let digest = match (was, seen.paths.get(&path(at))) {
                (Some(text), _) => Digest::of(text.as_bytes()),
                (None, Some(ObservedPath::File { digest: Observation::Known(digest), .. })) => digest.clone(),
                _ => Digest::of(b"what was there"),
            };
            LedgerEntry::File { path: path(at), digest: Some(digest) }
        }
        "directory" => LedgerEntry::Directory(path(rest)),
        "link" => {
            let target = seen.links.get(&path(rest)).cloned().unwrap_or_else(|| "/gone".to_owned());
            LedgerEntry::Link { path: path(rest), target }
        }
        "mask" => LedgerEntry::Mask(unit(rest)),
        "unit" => LedgerEntry::Unit(unit(rest)),
        "user" => LedgerEntry::User(user(rest)),
        _ => panic!("{line} is no entry"),
    }
}

/// The texts of all files that can be read.
fn contents(desired: &Desired, seen: &Observed) -> BTreeMap<AbsPath, String> {
    let wanted = expected(desired);
    let text = |(at, state): (&AbsPath, &ObservedPath)| match state {
        ObservedPath::File { content: Some(bytes), .. } => Some((at.clone(), bytes.as_text()?.to_owned())),
        // systemd reads what we may not.
        ObservedPath::File { content: None, .. } => Some((at.clone(), wanted.get(at)?.as_text()?.to_owned())),
        _ => None,
    };
    seen.paths.iter().filter_map(text).collect()
}

/// Which bytes the playbook wants where.
pub(crate) fn expected(desired: &Desired) -> BTreeMap<AbsPath, Bytes> {
    let mut wanted = BTreeMap::new();
    for (at, file) in &desired.files {
        if let Wanted::Present(spec) = &file.spec {
            wanted.insert(at.clone(), spec.bytes.clone());
        }
    }
    for (name, unit) in &desired.units {
        wanted.extend(unit.fragment.iter().map(|bytes| (name.etc_path(), bytes.clone())));
        for (drop_in, bytes) in &unit.drop_ins {
            if let Wanted::Present(bytes) = bytes {
                wanted.insert(name.etc_drop_in(drop_in), bytes.clone());
            }
        }
    }
    wanted
}

/// What systemd reads for a unit: where its file is, whether that masks it, and its settings.
pub(crate) struct Loaded {
    pub(crate) fragment: Option<AbsPath>,
    pub(crate) drop_ins: Vec<AbsPath>,
    pub(crate) masked: bool,
    pub(crate) effective: Effective,
}

pub(crate) fn load(name: &UnitName, seen: &Observed, contents: &BTreeMap<AbsPath, String>) -> Loaded {
    let files = resolve(name, &seen.facts.unit_path, &existing(seen));
    let followed = |at: &AbsPath| match (seen.links.get(at), seen.paths.get(at)) {
        (Some(target), _) | (None, Some(ObservedPath::Link { target, .. })) => {
            AbsPath::parse(target).ok().unwrap_or_else(|| at.clone())
        }
        _ => at.clone(),
    };
    let text = |at: &AbsPath| contents.get(&followed(at)).cloned().unwrap_or_default();
    let masks = |at: &AbsPath| followed(at).as_str() == "/dev/null" || contents.get(at).is_some_and(String::is_empty);
    let masked = files.fragment.as_ref().is_some_and(masks);
    let drop_ins: Vec<String> = files.drop_ins.iter().map(text).collect();
    let drop_ins: Vec<&str> = drop_ins.iter().map(String::as_str).collect();
    let fragment = files.fragment.as_ref().filter(|_| !masked).map(text);
    let effective = Effective::merge(fragment.as_deref(), &drop_ins);
    Loaded { fragment: files.fragment, drop_ins: files.drop_ins, masked, effective }
}

fn put_units(host: &Host, desired: &Desired, contents: &BTreeMap<AbsPath, String>, seen: &mut Observed) {
    let asked = request(desired);
    let mut names: BTreeSet<UnitName> = asked.units.clone();
    for ledger in seen.ledgers.values() {
        if let Observation::Known(ledger) = ledger {
            names.extend(ledger.entries.iter().filter_map(|entry| match entry {
                LedgerEntry::Unit(name) => Some(name.clone()),
                _ => None,
            }));
        }
    }
    for name in host.units.keys().map(|name| unit(name)) {
        let instance = name.template().is_some_and(|template| asked.templates.contains(&template));
        assert!(names.contains(&name) || instance, "{name} is in observed.yaml, but no gather would ask for it");
        names.insert(name);
    }
    let none = IsSpec::default();
    for name in names {
        let (word, spec) = match host.units.get(name.as_str()) {
            Some(Is::Word(word)) => (Some(word.clone()), &none),
            Some(Is::Spec(spec)) => (spec.state.clone(), &**spec),
            None => (None, &none),
        };
        let up = host.as_desired && desired.units.get(&name).is_some_and(|unit| unit.state == Some(RunState::Started));
        let word = word.unwrap_or_else(|| if up { "active" } else { "inactive" }.to_owned());
        let loaded = load(&name, seen, contents);
        let state = observed_unit(&name, &word, spec, &loaded, seen.facts.uptime_us + host.clock_ahead * SECOND);
        seen.units.insert(name, state);
    }
    let triggers: Vec<(String, Vec<String>)> =
        seen.units.values().map(|unit| (unit.id.clone(), unit.triggers.clone())).collect();
    for (trigger, triggered) in triggers {
        for name in triggered {
            if let Some(found) = seen.units.get_mut(name.as_str()) {
                found.triggered_by.push(trigger.clone());
            }
        }
    }
}

fn observed_unit(name: &UnitName, word: &str, spec: &IsSpec, loaded: &Loaded, uptime_us: i64) -> ObservedUnit {
    let state = ActiveState::parse(word);
    let up = !state.is_down();
    let since = uptime_us - spec.since.unwrap_or(UNITS_STARTED_S) * SECOND;
    let load = match (&spec.load, &loaded.fragment) {
        (Some(load), _) => load.clone(),
        (None, Some(_)) if loaded.masked => "masked".to_owned(),
        (None, Some(_)) => "loaded".to_owned(),
        (None, None) => "not-found".to_owned(),
    };
    let service = name.kind() == UnitKind::Service && load == "loaded";
    let id = spec.id.clone().unwrap_or_else(|| name.to_string());
    let sub = spec.sub.clone().unwrap_or_else(|| if up { "running" } else { "dead" }.to_owned());
    ObservedUnit {
        names: if id == name.as_str() { vec![id.clone()] } else { vec![id.clone(), name.to_string()] },
        id,
        load_error: None,
        sub_state: sub,
        unit_file_state: spec.file_state.clone().unwrap_or_default(),
        fragment_path: loaded.fragment.clone(),
        drop_in_paths: loaded.drop_ins.clone(),
        need_daemon_reload: spec.need_daemon_reload,
        can_reload: !loaded.effective.values("Service", "ExecReload").is_empty(),
        refuse_manual_start: loaded.effective.flag("Unit", "RefuseManualStart") == Some(true),
        refuse_manual_stop: loaded.effective.flag("Unit", "RefuseManualStop") == Some(true),
        service_type: match loaded.effective.last("Service", "Type") {
            _ if !service => String::new(),
            Some(kind) => kind.to_owned(),
            None => "simple".to_owned(),
        },
        remain_after_exit: loaded.effective.flag("Service", "RemainAfterExit") == Some(true),
        result: spec.result.clone().or_else(|| Some(if word == "failed" { "exit-code" } else { "success" }.to_owned())),
        main_pid: (service && up).then_some(4711),
        exec_main_code: None,
        exec_main_status: None,
        n_restarts: Some(0),
        invocation_id: up.then(|| format!("invocation-of-{name}")),
        exec_main_start_us: service.then_some(if up { since } else { 0 }),
        active_enter_us: Some(if up { since } else { 0 }),
        condition_result: Some(up),
        job: None,
        triggers: spec.triggers.clone().unwrap_or_else(|| triggers(name, loaded)),
        triggered_by: spec.triggered_by.clone(),
        transient: loaded.fragment.as_ref().is_some_and(|at| at.is_within("/run/systemd/transient")),
        load_state: load,
        active_state: state,
    }
}

fn triggers(name: &UnitName, loaded: &Loaded) -> Vec<String> {
    let said = match name.kind() {
        _ if loaded.fragment.is_none() || loaded.masked => return Vec::new(),
        UnitKind::Socket if loaded.effective.flag("Socket", "Accept") == Some(true) => return Vec::new(),
        UnitKind::Socket => loaded.effective.last("Socket", "Service"),
        UnitKind::Timer => loaded.effective.last("Timer", "Unit"),
        UnitKind::Path => loaded.effective.last("Path", "Unit"),
        _ => return Vec::new(),
    };
    vec![said.map_or_else(|| name.sibling(UnitKind::Service).to_string(), str::to_owned)]
}

/// The gather fetches no content that was expected.
fn forget_expected_contents(desired: &Desired, seen: &mut Observed) {
    for (at, bytes) in expected(desired) {
        if let Some(ObservedPath::File { content, .. }) = seen.paths.get_mut(&at)
            && content.as_ref() == Some(&bytes)
        {
            *content = None;
        }
    }
}

/// A record in the planner's own form that is not this one: something else was needed at the start.
fn another(record: Option<String>) -> String {
    let record = record.unwrap_or_else(|| "?-?".to_owned());
    let (version, hash) = record.split_once('-').expect("a record begins with its version");
    let (first, rest) = hash.split_at(1);
    format!("{version}-{}{rest}", if first == "0" { "1" } else { "0" })
}

/// What would be wanted if the host's files were.
fn as_its_files(desired: &Desired, seen: &Observed) -> Desired {
    // Content that is as wanted was not fetched.
    let wanted = expected(desired);
    let there = |path: &AbsPath| match seen.paths.get(path) {
        Some(ObservedPath::File { content, .. }) => content.clone().or_else(|| wanted.get(path).cloned()),
        _ => None,
    };
    let mut as_is = desired.clone();
    for (path, file) in &mut as_is.files {
        if let (Wanted::Present(spec), Some(bytes)) = (&mut file.spec, there(path)) {
            spec.bytes = bytes;
        }
    }
    for (path, symlink) in &mut as_is.symlinks {
        if let Some(ObservedPath::Link { target, .. }) = seen.paths.get(path) {
            symlink.target.clone_from(target);
        }
    }
    for (name, unit) in &mut as_is.units {
        unit.absent = false;
        unit.state = Some(RunState::Started);
        unit.fragment = there(&name.etc_path());
        for (drop_in, bytes) in &mut unit.drop_ins {
            *bytes = there(&name.etc_drop_in(drop_in)).map_or(Wanted::Absent, Wanted::Present);
        }
    }
    as_is
}

/// The hash of a unit's inputs is the planner's own; what it hashes is not the cases' affair.
fn put_records(host: &Host, desired: &Desired, seen: &mut Observed) {
    let inputs = plan_host(desired, seen).inputs;
    let by_files = plan_host(&as_its_files(desired, seen), seen).inputs;
    let names: Vec<UnitName> = seen.units.keys().cloned().collect();
    for name in names {
        let said = match host.units.get(name.as_str()) {
            Some(Is::Spec(spec)) => spec.record.as_deref(),
            _ => None,
        };
        let up = seen.units[&name].invocation_id.clone();
        let Some(invocation) = up else { continue };
        let ours = || inputs.get(&name).cloned();
        let record = match said {
            Some("desired") => Some((invocation, ours().unwrap_or_else(|| panic!("{name} has no inputs")))),
            Some("other") => {
                let files = by_files.get(&name).filter(|files| Some(*files) != inputs.get(&name)).cloned();
                Some((invocation, files.unwrap_or_else(|| another(ours()))))
            }
            Some("other invocation") => Some(("an-earlier-one".to_owned(), another(ours()))),
            Some("none") => None,
            Some(other) => panic!("{other} is no record"),
            None if host.as_desired => ours().map(|inputs| (invocation, inputs)),
            None => None,
        };
        if let Some((invocation_id, inputs)) = record {
            seen.started.insert(name, Started { invocation_id, inputs });
        }
    }
}
