//! The host's files as they are, and as they will be once the steps have run.
//!
//! The plan of a unit that does not exist yet is exact because it is made against the second picture, never by
//! asking systemd about things to come.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::model::{
    AbsPath, Bytes, Desired, DesiredUnit, Digest, Observation, Observed, ObservedPath, SECRET_INPUTS, UnitName, Wanted,
};
use crate::unitfile::{Effective, Files, below_usr, candidates, carries_install, catalogue, resolve, target_path};

use super::verdict::inputs_text;

/// How the record of a unit's inputs is made; it begins every record. A record made another way says nothing, and
/// restarts nothing: a new version of the tool changes no host by itself. The number is to be raised with every change
/// of what is hashed; what the catalogue says of directives is in it anyway.
pub(super) fn inputs_version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let rows: Vec<String> = catalogue::all().map(|row| format!("{row:?}")).collect();
        let digest = Digest::of(rows.concat().as_bytes()).to_string();
        format!("3.{}-", &digest[..8])
    });
    &VERSION
}

/// What a unit was, or would be, started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Inputs {
    /// A hash of what only a start brings.
    start: String,
    /// A hash of what a reload brings, too.
    reload: String,
    secret: bool,
}

impl Inputs {
    /// As it is kept on the host.
    pub(super) fn record(&self) -> String {
        let mark = if self.secret { SECRET_INPUTS } else { "" };
        format!("{}{}+{}{mark}", inputs_version(), self.start, self.reload)
    }

    /// Reads a record; `None` where it was made another way.
    pub(super) fn parse(record: &str) -> Option<Self> {
        let rest = record.strip_prefix(inputs_version())?;
        let (rest, secret) = rest.strip_suffix(SECRET_INPUTS).map_or((rest, false), |rest| (rest, true));
        let (start, reload) = rest.split_once('+')?;
        Some(Self { start: start.to_owned(), reload: reload.to_owned(), secret })
    }

    /// What was started with the one runs with all of the other that only a start brings.
    pub(super) fn starts_alike(&self, other: &Self) -> bool {
        self.start == other.start
    }

    /// What was started with the one runs as what is started with the other.
    pub(super) fn are_alike(&self, other: &Self) -> bool {
        self.starts_alike(other) && self.reload == other.reload
    }
}

/// How many links lead on from one to the next before it is called a loop.
const MAX_HOPS: usize = 16;

/// What is at one path, as far as planning needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Absent,
    Unknown(String),
    File { digest: Option<Digest>, text: Option<String> },
    Link(String),
    Other,
}

/// One picture of a host's files.
#[derive(Clone, Debug)]
pub(super) struct View {
    entries: BTreeMap<AbsPath, Entry>,
    existing: BTreeSet<AbsPath>,
    unit_path: Vec<AbsPath>,
    /// Files of which the desired content is a secret.
    secrets: BTreeSet<AbsPath>,
}

/// A unit's configuration in one picture.
#[derive(Clone, Debug)]
pub(super) struct UnitInView {
    pub(super) files: Files,
    /// `None`: a file of it could not be read.
    pub(super) effective: Option<Effective>,
    /// Its strongest fragment is a link to `/dev/null` or an empty file.
    pub(super) masked: bool,
}

impl View {
    /// The host as it was observed. Where a file has the digest that is desired its text is the desired one, which
    /// is why the gather need not send it.
    pub(super) fn observed(desired: &Desired, observed: &Observed) -> Self {
        let expected = expected_bytes(desired);
        let mut entries: BTreeMap<AbsPath, Entry> = observed
            .paths
            .iter()
            .map(|(path, state)| (path.clone(), entry(state, expected.get(path).copied())))
            .collect();
        for (path, target) in &observed.links {
            entries.insert(path.clone(), Entry::Link(target.clone()));
        }
        // Of an encrypted file what it holds counts: its own bytes are others each time it is written.
        for (path, held) in &observed.credentials {
            let digest = match held {
                Observation::Known(digest) => Some(digest.clone()),
                Observation::Unknown(_) => None,
            };
            if is_sealed(desired, path) && matches!(entries.get(path), Some(Entry::File { .. })) {
                entries.insert(path.clone(), Entry::File { digest, text: None });
            }
        }
        let exists = |(path, entry): (&AbsPath, &Entry)| (*entry != Entry::Absent).then(|| path.clone());
        let existing = entries.iter().filter_map(exists).collect();
        let secrets = expected.iter().filter(|(_, bytes)| bytes.is_secret()).map(|(path, _)| path.clone()).collect();
        Self { entries, existing, unit_path: observed.facts.unit_path.clone(), secrets }
    }

    pub(super) fn get(&self, path: &AbsPath) -> &Entry {
        self.entries.get(path).unwrap_or(&Entry::Absent)
    }

    /// Whether anybody looked at what is there.
    pub(super) fn knows(&self, path: &AbsPath) -> bool {
        self.entries.contains_key(path)
    }

    pub(super) fn put_file(&mut self, path: &AbsPath, bytes: &Bytes) {
        let text = bytes.as_text().map(str::to_owned);
        self.put(path, Entry::File { digest: Some(bytes.digest()), text });
    }

    pub(super) fn put_link(&mut self, path: &AbsPath, target: &str) {
        self.put(path, Entry::Link(target.to_owned()));
    }

    pub(super) fn put(&mut self, path: &AbsPath, entry: Entry) {
        if entry == Entry::Absent {
            self.existing.remove(path);
        } else {
            self.existing.insert(path.clone());
        }
        self.entries.insert(path.clone(), entry);
    }

    pub(super) fn remove(&mut self, path: &AbsPath) {
        self.put(path, Entry::Absent);
    }

    /// Links in this picture whose path lies below one of systemd's unit directories.
    pub(super) fn links(&self) -> impl Iterator<Item = (&AbsPath, &str)> {
        self.entries.iter().filter_map(|(path, entry)| match entry {
            Entry::Link(target) => Some((path, target.as_str())),
            _ => None,
        })
    }

    /// Resolves a unit's files and merges them.
    pub(super) fn unit(&self, unit: &UnitName) -> UnitInView {
        let files = resolve(unit, &self.unit_path, &self.existing);
        let masked = files.fragment.as_ref().is_some_and(|path| self.is_mask(path));
        let fragment = match &files.fragment {
            Some(_) if masked => Some(None),
            Some(path) => self.text(path).map(Some),
            None => Some(None),
        };
        let drop_ins: Option<Vec<&str>> = files.drop_ins.iter().map(|path| self.text(path)).collect();
        let effective = match (fragment, drop_ins) {
            _ if self.unlisted_directory(unit).is_some() => None,
            (Some(fragment), Some(drop_ins)) => Some(Effective::merge(fragment, &drop_ins)),
            _ => None,
        };
        UnitInView { files, effective, masked }
    }

    /// A directory that may hold drop-ins of the unit and could not be looked into.
    pub(super) fn unlisted_directory(&self, unit: &UnitName) -> Option<AbsPath> {
        let unlisted = |directory: &AbsPath| matches!(self.get(directory), Entry::Unknown(_));
        candidates(unit, &self.unit_path).drop_in_dirs.into_iter().find(unlisted)
    }

    /// The settings that enabling looks at: systemd reads `[Install]` only from the unit's own file and the drop-ins
    /// of the unit and its template. `None`: a file could not be read.
    pub(super) fn install(&self, unit: &UnitName) -> Option<Effective> {
        let files = resolve(unit, &self.unit_path, &self.existing);
        let fragment = match &files.fragment {
            Some(path) if !self.is_mask(path) => Some(self.text(path)?),
            _ => None,
        };
        let drop_ins = files.drop_ins.iter().filter(|path| carries_install(unit, path));
        let drop_ins: Option<Vec<&str>> = drop_ins.map(|path| self.text(path)).collect();
        Some(Effective::merge(fragment, &drop_ins?))
    }

    /// Whether a file is the kind of thing that masks a unit: a link to `/dev/null`, or an empty file
    /// (247, 252 and 257 all read an empty unit file as a mask).
    pub(super) fn is_mask(&self, path: &AbsPath) -> bool {
        match self.get(path) {
            Entry::Link(target) => target == "/dev/null",
            Entry::File { digest: Some(digest), .. } => *digest == Digest::of(b""),
            _ => false,
        }
    }

    fn text(&self, path: &AbsPath) -> Option<&str> {
        let real = self.real(path);
        match self.get(&real) {
            Entry::File { text: Some(text), .. } => Some(text),
            // A masked drop-in counts as an empty one.
            _ if real.as_str() == "/dev/null" => Some(""),
            _ => None,
        }
    }

    /// Where a path leads when links are followed, as far as the picture shows them; the path itself when it is no link.
    ///
    /// A link among the directories on the way, and a file in between that nobody looked at, are not in the picture:
    /// then this is a path without an entry.
    pub(super) fn real(&self, path: &AbsPath) -> AbsPath {
        let mut at = path.clone();
        for _ in 0..MAX_HOPS {
            let Entry::Link(target) = self.get(&at) else {
                break;
            };
            let Ok(next) = AbsPath::parse(&target_path(target, &at)) else {
                break;
            };
            // `/lib` may be a link itself, and the gather names files by their physical path.
            let twin = below_usr(next.as_str()).and_then(|twin| AbsPath::parse(&twin).ok());
            let merged = twin.filter(|twin| !self.existing.contains(&next) && self.existing.contains(twin));
            at = merged.unwrap_or(next);
        }
        at
    }

    /// The files, and where those among them that are links lead.
    pub(super) fn with_targets(&self, files: BTreeSet<AbsPath>) -> BTreeSet<AbsPath> {
        let targets: Vec<AbsPath> = files.iter().map(|path| self.real(path)).collect();
        files.into_iter().chain(targets).collect()
    }

    /// What a running unit was, or would be, started with: the settings that only a start or a reload brings, and the
    /// digests of the files that it reads, also behind links. `None` when some of it could not be observed.
    ///
    /// Everything else is left out on purpose: it is no reason to restart.
    pub(super) fn inputs(&self, name: &UnitName, unit: &DesiredUnit) -> Option<Inputs> {
        self.inputs_of(name, &unit.watch, &unit.reloaded)
    }

    fn inputs_of(&self, name: &UnitName, watch: &BTreeSet<AbsPath>, reloaded: &BTreeSet<AbsPath>) -> Option<Inputs> {
        let effective = self.unit(name).effective?;
        let (mut start, mut reload) = inputs_text(name.kind(), &effective);
        let read_at_start = effective.input_files(name);
        let files = input_files(name, &effective, watch);
        let secret = !files.is_disjoint(&self.secrets);
        for path in files {
            let by_reload = reloaded.contains(&path) && !read_at_start.contains(&path);
            self.describe(&path, if by_reload { &mut reload } else { &mut start })?;
        }
        let hash = |text: &str| Digest::of(text.as_bytes()).to_string();
        // What a reload brings is mostly nothing, and sixteen digits tell one state of it from another.
        Some(Inputs { start: hash(&start), reload: hash(&reload)[..16].to_owned(), secret })
    }

    /// Adds what a file holds, also behind a link; `None` when that could not be observed.
    fn describe(&self, path: &AbsPath, text: &mut String) -> Option<()> {
        use std::fmt::Write as _;
        let _ignored = match self.get(path) {
            Entry::Absent => writeln!(text, "absent {path}"),
            Entry::File { digest: Some(digest), .. } => writeln!(text, "{digest} {path}"),
            Entry::Link(target) => {
                let _ignored = writeln!(text, "link {path} {target}");
                let real = self.real(path);
                match self.get(&real) {
                    Entry::File { digest: Some(digest), .. } => writeln!(text, "{digest} {real}"),
                    Entry::Unknown(_) | Entry::File { digest: None, .. } => return None,
                    // A file that is not there and one that nobody looked at are alike here: which of both a
                    // gather says depends on what else was asked.
                    Entry::Absent | Entry::Link(_) | Entry::Other => Ok(()),
                }
            }
            Entry::Other => writeln!(text, "other {path}"),
            Entry::Unknown(_) | Entry::File { digest: None, .. } => return None,
        };
        Some(())
    }
}

/// The files that a unit reads when it starts: those declared with `watch:` and those its settings name.
pub(super) fn input_files(unit: &UnitName, effective: &Effective, watch: &BTreeSet<AbsPath>) -> BTreeSet<AbsPath> {
    watch.iter().cloned().chain(effective.input_files(unit)).collect()
}

fn expected_bytes(desired: &Desired) -> BTreeMap<AbsPath, &Bytes> {
    let mut expected = BTreeMap::new();
    for (path, file) in &desired.files {
        if let Wanted::Present(spec) = &file.spec {
            expected.insert(path.clone(), &spec.bytes);
        }
    }
    for (name, unit) in &desired.units {
        expected.extend(unit.credentials.iter().map(|(path, spec)| (path.clone(), &spec.bytes)));
        if let Some(bytes) = &unit.fragment {
            expected.insert(name.etc_path(), bytes);
        }
        for (drop_in, bytes) in &unit.drop_ins {
            if let Wanted::Present(bytes) = bytes {
                expected.insert(name.etc_drop_in(drop_in), bytes);
            }
        }
    }
    expected
}

/// Whether the file is desired as an encrypted one.
fn is_sealed(desired: &Desired, path: &AbsPath) -> bool {
    desired.units.values().filter_map(|unit| unit.credentials.get(path)).any(|spec| spec.encrypt.is_some())
}

fn entry(state: &ObservedPath, expected: Option<&Bytes>) -> Entry {
    match state {
        ObservedPath::Absent => Entry::Absent,
        ObservedPath::Unknown(why) => Entry::Unknown(why.clone()),
        ObservedPath::Link { target, .. } => Entry::Link(target.clone()),
        ObservedPath::Directory { .. } | ObservedPath::Other(_) => Entry::Other,
        ObservedPath::File { digest, content, .. } => {
            let digest = match digest {
                Observation::Known(digest) => Some(digest.clone()),
                Observation::Unknown(_) => None,
            };
            let bytes = content.as_ref().or(expected.filter(|bytes| Some(bytes.digest()) == digest));
            Entry::File { digest, text: bytes.and_then(Bytes::as_text).map(str::to_owned) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> AbsPath {
        AbsPath::parse(text).unwrap()
    }

    fn view(links: &[(&str, &str)], files: &[(&str, &str)]) -> View {
        let unit_path = vec![path("/etc/systemd/system")];
        let (entries, existing, secrets) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        let mut view = View { entries, existing, unit_path, secrets };
        for (link, target) in links {
            view.put_link(&path(link), target);
        }
        for (file, text) in files {
            view.put_file(&path(file), &Bytes::from(*text));
        }
        view
    }

    #[test]
    fn links_are_followed_as_far_as_they_are_known() {
        let links = [
            ("/etc/a", "../opt/./b"),
            ("/opt/b", "/lib/c"),
            ("/etc/loop", "loop"),
            ("/etc/away", "/not/looked/at"),
            ("/etc/up", "../../../d"),
            ("/etc/old", "/lib/own"),
        ];
        let view = view(&links, &[("/usr/lib/c", ""), ("/d", ""), ("/lib/own", ""), ("/usr/lib/own", "")]);
        for (from, to) in [
            ("/etc/a", "/usr/lib/c"),
            ("/etc/loop", "/etc/loop"),
            ("/etc/away", "/not/looked/at"),
            ("/etc/up", "/d"),
            // Two directories, on a host that has not merged them.
            ("/etc/old", "/lib/own"),
            ("/d", "/d"),
            ("/nowhere", "/nowhere"),
        ] {
            assert_eq!(view.real(&path(from)), path(to), "{from}");
        }
    }

    #[test]
    fn what_a_link_leads_to_is_an_input() {
        let unit = UnitName::parse("a.service").unwrap();
        let watch = BTreeSet::from([path("/etc/a")]);
        let of = |target: &str, files: &[(&str, &str)]| {
            let text = [("/etc/systemd/system/a.service", "[Service]\nExecStart=/a\n")];
            view(&[("/etc/a", target)], &[&text, files].concat()).inputs_of(&unit, &watch, &BTreeSet::new()).unwrap()
        };
        let one = of("b", &[("/etc/b", "1")]);
        assert_eq!(one, of("b", &[("/etc/b", "1"), ("/etc/c", "2")]));
        for other in [of("b", &[("/etc/b", "2")]), of("b", &[]), of("c", &[("/etc/c", "1")])] {
            assert_ne!(one, other);
        }
        let mut unreadable = view(&[("/etc/a", "b")], &[("/etc/systemd/system/a.service", "[Service]\n")]);
        unreadable.put(&path("/etc/b"), Entry::File { digest: None, text: None });
        assert_eq!(unreadable.inputs_of(&unit, &watch, &BTreeSet::new()), None);
    }
}
