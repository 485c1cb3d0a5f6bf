//! The host's files as they are, and as they will be once the steps have run.
//!
//! The plan of a unit that does not exist yet is exact because it is made against the second picture, never by
//! asking systemd about things to come.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{AbsPath, Bytes, Desired, Digest, Observation, Observed, ObservedPath, UnitName, Wanted};
use crate::unitfile::{Effective, Files, candidates, carries_install, resolve};

/// How the hash of a unit's inputs is made. A record made another way says nothing, and restarts nothing: a new version
/// of the tool changes no host by itself. To be raised with every change of what is hashed.
pub(super) const INPUTS_VERSION: &str = "1-";

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
        let exists = |(path, entry): (&AbsPath, &Entry)| (*entry != Entry::Absent).then(|| path.clone());
        let existing = entries.iter().filter_map(exists).collect();
        Self { entries, existing, unit_path: observed.facts.unit_path.clone() }
    }

    pub(super) fn get(&self, path: &AbsPath) -> &Entry {
        self.entries.get(path).unwrap_or(&Entry::Absent)
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
        match self.get(path) {
            Entry::File { text: Some(text), .. } => Some(text),
            // A masked drop-in counts as an empty one.
            Entry::Link(target) if target == "/dev/null" => Some(""),
            Entry::Link(target) => {
                let target = AbsPath::parse(target).ok()?;
                match self.get(&target) {
                    Entry::File { text: Some(text), .. } => Some(text),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// A hash of everything that a running unit was, or would be, started with: its settings, and the digests of
    /// the files that it reads. `None` when some of it could not be observed.
    ///
    /// Comments, blank lines, `[Install]` and the unit files' modes are left out on purpose: none of them is
    /// a reason to restart.
    pub(super) fn inputs(&self, unit: &UnitName, watch: &BTreeSet<AbsPath>) -> Option<String> {
        use std::fmt::Write as _;
        let effective = self.unit(unit).effective?;
        let mut text = effective.inputs_text();
        for path in input_files(&effective, watch) {
            let _ignored = match self.get(&path) {
                Entry::Absent => writeln!(text, "absent {path}"),
                Entry::File { digest: Some(digest), .. } => writeln!(text, "{digest} {path}"),
                Entry::Link(target) => writeln!(text, "link {path} {target}"),
                Entry::Other => writeln!(text, "other {path}"),
                Entry::Unknown(_) | Entry::File { digest: None, .. } => return None,
            };
        }
        Some(format!("{INPUTS_VERSION}{}", Digest::of(text.as_bytes())))
    }
}

/// The files that a unit reads when it starts: those declared with `watch:` and those its settings name.
pub(super) fn input_files(effective: &Effective, watch: &BTreeSet<AbsPath>) -> BTreeSet<AbsPath> {
    watch.iter().cloned().chain(effective.input_files()).collect()
}

fn expected_bytes(desired: &Desired) -> BTreeMap<AbsPath, &Bytes> {
    let mut expected = BTreeMap::new();
    for (path, file) in &desired.files {
        if let Wanted::Present(spec) = &file.spec {
            expected.insert(path.clone(), &spec.bytes);
        }
    }
    for (name, unit) in &desired.units {
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
