//! The answer to a gather: frames → `Observed`.
//!
//! Three-valued: what the script says it could not see is `Unknown`; what it looked for, could have seen and did not
//! see is `Absent`; a path that it had no cause to look for is not mentioned. A candidate file of a unit (a drop-in,
//! a fragment in another directory) is mentioned when it is there; a directory that could not be searched for them
//! is mentioned as unknown itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    AbsPath, Account, Digest, GroupEntry, HostName, Ledger, Lock, ManifestName, Observation, Observed, ObservedPath,
    ObservedUnit, OthersBelow, Started, UnitName, UserName,
};

use super::facts::host_facts;
use super::frames::Frame;
use super::gather::{GatherError, GatherRequest};
use super::properties::{Properties, blocks};
use super::seen::Seen;

const RELOADED: &str = "/run/unitfleet/reloaded";
const LEDGERS: &str = "/var/lib/unitfleet/ledger";

pub(super) fn odd(what: impl Into<String>) -> GatherError {
    GatherError::Answer(what.into())
}

/// Puts the frames together.
pub(super) fn observed(
    host: &HostName,
    request: &GatherRequest,
    frames: &[Frame<'_>],
) -> Result<Observed, GatherError> {
    check_status(frames)?;
    let mut facts = host_facts(frames)?;
    let mut seen = Seen::read(frames, facts.uid)?;
    facts.reloaded_us = seen.take_time(RELOADED);
    let ledgers = ledgers(frames);
    let ledger_times_us = ledgers
        .keys()
        .filter_map(|owner| Some((owner.clone(), seen.take_time(&format!("{LEDGERS}/{owner}"))?)))
        .collect();
    let users = users(request, frames)?;
    let homes = request.homes.iter().filter_map(|user| match users.get(user) {
        Some(Observation::Known(Some(account))) => Some(account.home.as_str()),
        _ => None,
    });
    let (facts_uid, has_creds) = (facts.uid, facts.machine.systemd_creds);
    let mut paths = seen.paths(request, homes);
    hide_secrets(&mut paths, &ledgers);
    Ok(Observed {
        host: host.clone(),
        units: units(request, frames)?,
        paths,
        below: below(frames),
        links: seen.unit_links(&facts.unit_path),
        facts,
        credentials: credentials(request, frames, facts_uid, has_creds),
        users,
        groups: groups(request, frames)?,
        ledgers,
        ledger_times_us,
        started: started(frames),
        holds: named(frames, "hold").map(|frame| (frame.rest.to_owned(), frame.text().trim().to_owned())).collect(),
        lock: lock(frames),
    })
}

pub(super) fn named<'f, 'a>(frames: &'f [Frame<'a>], word: &'f str) -> impl Iterator<Item = &'f Frame<'a>> {
    frames.iter().filter(move |frame| frame.word == word)
}

pub(super) fn lines<'f, 'a: 'f>(frames: &'f [Frame<'a>], word: &'f str) -> impl Iterator<Item = &'a str> + 'f {
    named(frames, word).flat_map(Frame::lines)
}

fn check_status(frames: &[Frame<'_>]) -> Result<(), GatherError> {
    match frames.first() {
        Some(frame) if frame.word == "begin" && frame.rest == "1" => {}
        _ => return Err(odd("it does not begin as expected")),
    }
    if let Some(failure) = named(frames, "fail").next() {
        return Err(match failure.rest {
            "request" => GatherError::Request,
            "systemd" => GatherError::NotSystemd,
            other => GatherError::Missing(other.to_owned()),
        });
    }
    for (word, call) in [("manager", "show"), ("instances", "list-units"), ("show", "show UNIT…")] {
        for frame in named(frames, word) {
            let status = frame.rest.split(' ').next().unwrap_or_default();
            if status != "0" {
                let status = status.to_owned();
                return Err(GatherError::Systemctl { call, status });
            }
        }
    }
    Ok(())
}

/// A file that held a secret when we installed it is kept by its hash alone, also where it is no secret any more.
fn hide_secrets(paths: &mut BTreeMap<AbsPath, ObservedPath>, ledgers: &BTreeMap<ManifestName, Observation<Ledger>>) {
    for (path, state) in paths {
        let ObservedPath::File { content, .. } = state else { continue };
        let is_secret =
            |ledger: &Observation<Ledger>| matches!(ledger, Observation::Known(ledger) if ledger.has_secret(path));
        if content.is_some() && ledgers.values().any(is_secret) {
            *content = None;
        }
    }
}

/// What encrypted credentials hold. One that the host's root cannot decrypt holds something else than what is wanted.
fn credentials(
    request: &GatherRequest,
    frames: &[Frame<'_>],
    uid: u32,
    has_creds: bool,
) -> BTreeMap<AbsPath, Observation<Digest>> {
    if uid != 0 && has_creds {
        let unknown = || Observation::Unknown(format!("uid {uid} may not decrypt it"));
        return request.sealed.keys().map(|path| (path.clone(), unknown())).collect();
    }
    lines(frames, "sealed")
        .filter_map(|line| {
            let (digest, path) = line.split_once(' ')?;
            Some((AbsPath::parse(path).ok()?, Observation::Known(Digest(digest.to_owned()))))
        })
        .collect()
}

/// The blocks of `show` stand in the order of the names; each must be about the unit that was asked.
fn units(request: &GatherRequest, frames: &[Frame<'_>]) -> Result<BTreeMap<UnitName, ObservedUnit>, GatherError> {
    let mut units = BTreeMap::new();
    for frame in named(frames, "show") {
        let count: usize = frame
            .rest
            .split_once(' ')
            .and_then(|(_, count)| count.parse().ok())
            .ok_or_else(|| odd("the number of units is missing"))?;
        let text = frame.text();
        let mut rest = text.as_str();
        let mut names = Vec::new();
        for _ in 0..count {
            let (name, after) = rest.split_once('\n').ok_or_else(|| odd("a unit's name is missing"))?;
            names.push(UnitName::parse(name).map_err(|error| odd(error.to_string()))?);
            rest = after;
        }
        let blocks = blocks(rest);
        if blocks.len() != names.len() {
            return Err(odd(format!(
                "`systemctl show` was asked about {} units and answered about {}",
                names.len(),
                blocks.len()
            )));
        }
        for (name, block) in names.into_iter().zip(blocks) {
            let unit = Properties::parse(block)
                .unit()
                .ok_or_else(|| odd(format!("`systemctl show` says too little about `{name}`")))?;
            if unit.id != name.as_str() && !unit.names.iter().any(|alias| alias == name.as_str()) {
                return Err(odd(format!("`systemctl show {name}` answered about `{}`", unit.id)));
            }
            units.insert(name, unit);
        }
    }
    match request.units.iter().find(|unit| !unit.is_template() && !units.contains_key(*unit)) {
        Some(missing) => Err(odd(format!("`systemctl show` says nothing about `{missing}`"))),
        None => Ok(units),
    }
}

fn ledgers(frames: &[Frame<'_>]) -> BTreeMap<ManifestName, Observation<Ledger>> {
    let mut ledgers = BTreeMap::new();
    for frame in frames {
        let ledger = match frame.word {
            "ledger" => None,
            "ledger-unread" => Some("it could not be read"),
            _ => continue,
        };
        let Ok(owner) = ManifestName::parse(frame.rest) else {
            continue;
        };
        let ledger = match ledger {
            Some(why) => Observation::Unknown(why.to_owned()),
            None => match Ledger::from_text(owner.clone(), &frame.text()) {
                Ok(ledger) => Observation::Known(ledger),
                Err(why) => Observation::Unknown(why),
            },
        };
        ledgers.insert(owner, ledger);
    }
    ledgers
}

fn started(frames: &[Frame<'_>]) -> BTreeMap<UnitName, Started> {
    lines(frames, "started")
        .filter_map(|line| {
            let mut words = line.split(' ');
            let unit = UnitName::parse(words.next()?).ok()?;
            let invocation_id = words.next()?.to_owned();
            let inputs = words.next()?.to_owned();
            Some((unit, Started { invocation_id, inputs }))
        })
        .collect()
}

fn lock(frames: &[Frame<'_>]) -> Option<Lock> {
    let frame = named(frames, "lock").find(|frame| frame.rest != "dead")?;
    Some(read_lock(frame))
}

/// Reads the lock's lines; one that was cut short still locks.
pub(super) fn read_lock(frame: &Frame<'_>) -> Lock {
    let value =
        |key: &str| frame.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')).unwrap_or_default();
    Lock {
        run: value("run").to_owned(),
        who: value("who").to_owned(),
        since: value("since").parse().unwrap_or_default(),
    }
}

fn users(
    request: &GatherRequest,
    frames: &[Frame<'_>],
) -> Result<BTreeMap<UserName, Observation<Option<Account>>>, GatherError> {
    accounts(&request.users, frames, "passwd", |fields| {
        Some(Account {
            name: (*fields.first()?).to_owned(),
            uid: fields.get(2)?.parse().ok()?,
            gid: fields.get(3)?.parse().ok()?,
            home: (*fields.get(5)?).to_owned(),
            shell: (*fields.get(6)?).to_owned(),
        })
    })
}

fn groups(
    request: &GatherRequest,
    frames: &[Frame<'_>],
) -> Result<BTreeMap<UserName, Observation<Option<GroupEntry>>>, GatherError> {
    accounts(&request.groups, frames, "group", |fields| {
        let members = fields.get(3)?.split(',').filter(|name| !name.is_empty());
        Some(GroupEntry {
            name: (*fields.first()?).to_owned(),
            gid: fields.get(2)?.parse().ok()?,
            members: members.map(str::to_owned).collect(),
        })
    })
}

/// How many things below a directory the script names at most, one more to show that there are more.
const BELOW_MAX: usize = 100;

/// Names end at newlines; those within them come as `\x01`. `!` says that not everything could be looked at.
fn below(frames: &[Frame<'_>]) -> BTreeMap<AbsPath, Observation<OthersBelow>> {
    let mut found = BTreeMap::new();
    for frame in named(frames, "below") {
        let Ok(directory) = AbsPath::parse(frame.rest) else {
            continue;
        };
        let lines: Vec<&[u8]> = frame.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
        let paths: Vec<&&[u8]> = lines.iter().filter(|line| **line != b"!").collect();
        let seen = if paths.is_empty() && !lines.is_empty() {
            Observation::Unknown("not everything below it could be looked at".to_owned())
        } else {
            Observation::Known(OthersBelow {
                count: u32::try_from(paths.len().min(BELOW_MAX)).unwrap_or(u32::MAX),
                more: paths.len() > BELOW_MAX || paths.len() < lines.len(),
                example: paths.first().map(|path| readable(path)),
            })
        };
        found.insert(directory, seen);
    }
    found
}

fn readable(path: &[u8]) -> String {
    String::from_utf8_lossy(path).chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// getent's status: 0 all found, 2 some not; anything else says that the database could not be asked.
fn accounts<T>(
    names: &BTreeSet<UserName>,
    frames: &[Frame<'_>],
    database: &str,
    read: impl Fn(&[&str]) -> Option<T>,
) -> Result<BTreeMap<UserName, Observation<Option<T>>>, GatherError> {
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let frame = named(frames, database).next().ok_or_else(|| odd(format!("the answer about {database} is missing")))?;
    let entries: Vec<Vec<&str>> = frame.lines().map(|line| line.split(':').collect()).collect();
    let known = matches!(frame.rest, "0" | "2");
    let look_up = |name: &UserName| {
        let entry = entries
            .iter()
            .find(|fields| fields.first() == Some(&name.as_str()))
            .or_else(|| entries.iter().find(|fields| fields.get(2) == Some(&name.as_str())));
        match entry.map(|fields| read(fields)) {
            Some(Some(account)) => Observation::Known(Some(account)),
            Some(None) => Observation::Unknown(format!("its {database} entry is not understood")),
            None if known => Observation::Known(None),
            None => Observation::Unknown(format!("`getent {database}` failed with status {}", frame.rest)),
        }
    };
    Ok(names.iter().map(|name| (name.clone(), look_up(name))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::frames::frames;

    #[test]
    fn what_is_below_is_counted_whatever_its_name() {
        let many = "/m/x\n".repeat(102);
        let text = format!(
            "\n@@N begin 1\n\n@@N below /none\n\n@@N below /a b\n/a b/-x\n/a b/two\u{1}lines\n\n@@N below /raw\n/raw/\u{fffd}\n!\n\
             \n@@N below /m\n{many}\n@@N below /blind\n!\n\n@@N end\n"
        );
        let mut bytes = text.into_bytes();
        // A name that is not UTF-8 counts like any other.
        let at = bytes.windows(3).position(|three| three == "\u{fffd}".as_bytes()).unwrap();
        bytes[at] = 0xff;
        let found = below(&frames("N", &bytes).unwrap());
        let seen = |path: &str| match &found[path] {
            Observation::Known(others) => (others.count, others.more, others.example.clone().unwrap_or_default()),
            Observation::Unknown(why) => (0, false, why.clone()),
        };
        assert_eq!(seen("/none"), (0, false, String::new()));
        assert_eq!(seen("/a b"), (2, false, "/a b/-x".to_owned()));
        assert_eq!((seen("/raw").0, seen("/raw").1), (1, true));
        assert_eq!(seen("/m"), (100, true, "/m/x".to_owned()));
        assert_eq!(seen("/blind"), (0, false, "not everything below it could be looked at".to_owned()));
        assert_eq!(readable(b"/a/two\x01lines"), "/a/two\u{fffd}lines");
    }
}
