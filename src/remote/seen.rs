//! What the gather saw of the file system: stat, hashes, contents and links, put together path by path.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::answer::{lines, named, odd};
use super::facts::microseconds;
use super::frames::Frame;
use super::gather::{GatherError, GatherRequest};
use crate::model::{AbsPath, Bytes, Digest, FileMeta, Observation, ObservedPath};

const MASKED: &str = "/var/lib/unitfleet/masked";

/// What the script saw of the file system.
pub(super) struct Seen<'a> {
    uid: u32,
    stats: BTreeMap<&'a str, Stat>,
    sums: BTreeMap<String, Digest>,
    contents: BTreeMap<&'a str, Vec<u8>>,
    links: BTreeMap<&'a str, &'a str>,
    emptiness: BTreeMap<&'a str, bool>,
    blocked: BTreeSet<&'a str>,
    environment: BTreeSet<&'a str>,
}

struct Stat {
    format: u32,
    meta: FileMeta,
}

impl<'a> Seen<'a> {
    pub(super) fn read(frames: &[Frame<'a>], uid: u32) -> Result<Self, GatherError> {
        for word in ["stat", "directories", "blocked", "sums"] {
            if named(frames, word).next().is_none() {
                return Err(odd(format!("the part `{word}` is missing")));
            }
        }
        let mut contents = BTreeMap::new();
        for frame in named(frames, "content") {
            let text: Vec<u8> = frame.body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
            // A frame that is not base64 says only that nothing was fetched.
            if let Ok(bytes) = STANDARD.decode(text) {
                contents.insert(frame.rest, bytes);
            }
        }
        Ok(Self {
            uid,
            stats: lines(frames, "stat").filter_map(read_stat).collect(),
            sums: lines(frames, "sums").filter_map(read_sum).collect(),
            contents,
            links: named(frames, "links").flat_map(read_links).collect(),
            emptiness: lines(frames, "directories")
                .filter_map(|line| line.split_once(' '))
                .map(|(word, path)| (path, word == "empty"))
                .collect(),
            blocked: lines(frames, "blocked").collect(),
            environment: lines(frames, "environment").collect(),
        })
    }

    /// The mtime of a record of our own, which is not reported as a path.
    pub(super) fn take_time(&mut self, path: &str) -> Option<i64> {
        self.stats.remove(path).map(|stat| stat.meta.mtime_us)
    }

    pub(super) fn paths<'h>(
        &self,
        request: &GatherRequest,
        homes: impl Iterator<Item = &'h str>,
    ) -> BTreeMap<AbsPath, ObservedPath> {
        let kept = request.units.iter().map(|unit| format!("{MASKED}/{unit}"));
        let asked = request
            .paths
            .keys()
            .map(|path| path.as_str().to_owned())
            .chain(kept)
            .chain(homes.map(str::to_owned))
            .chain(self.environment.iter().map(|path| (*path).to_owned()));
        let mut paths: BTreeMap<AbsPath, ObservedPath> =
            asked.filter_map(|path| AbsPath::parse(&path).ok()).map(|path| (path, ObservedPath::Absent)).collect();
        for path in &self.blocked {
            if let Ok(path) = AbsPath::parse(path) {
                let why = format!("uid {} may not search the directory that holds it", self.uid);
                paths.insert(path, ObservedPath::Unknown(why));
            }
        }
        for (path, stat) in &self.stats {
            if let Ok(name) = AbsPath::parse(path) {
                paths.insert(name, self.at(path, stat));
            }
        }
        paths
    }

    fn at(&self, path: &str, stat: &Stat) -> ObservedPath {
        let meta = stat.meta.clone();
        match stat.format {
            0o100_000 => self.file(path, meta),
            0o040_000 => ObservedPath::Directory { meta, empty: self.emptiness.get(path).copied() },
            0o120_000 => match self.links.get(path) {
                Some(target) => ObservedPath::Link { meta, target: (*target).to_owned() },
                None => ObservedPath::Unknown("the link could not be read".to_owned()),
            },
            0o140_000 => ObservedPath::Other("socket".to_owned()),
            0o060_000 => ObservedPath::Other("block device".to_owned()),
            0o020_000 => ObservedPath::Other("character device".to_owned()),
            0o010_000 => ObservedPath::Other("fifo".to_owned()),
            other => ObservedPath::Other(format!("file of type {other:o}")),
        }
    }

    fn file(&self, path: &str, meta: FileMeta) -> ObservedPath {
        let Some(digest) = self.sums.get(path) else {
            return ObservedPath::File {
                meta,
                digest: Observation::Unknown(format!("uid {} may not read it", self.uid)),
                content: None,
            };
        };
        // The file may have been written between hashing and reading it: what was read last is what counts.
        let content = self.contents.get(path).map(|bytes| Bytes::open(bytes.clone()));
        let digest = content.as_ref().map_or_else(|| digest.clone(), Bytes::digest);
        ObservedPath::File { meta, digest: Observation::Known(digest), content }
    }

    /// Links in the unit directories; those elsewhere were asked for as paths and stand there.
    pub(super) fn unit_links(&self, unit_path: &[AbsPath]) -> BTreeMap<AbsPath, String> {
        self.links
            .iter()
            .filter(|(path, _)| unit_path.iter().any(|dir| is_unit_link(path, dir.as_str())))
            .filter_map(|(path, target)| Some((AbsPath::parse(path).ok()?, (*target).to_owned())))
            .collect()
    }
}

/// `DIR/NAME` or `DIR/NAME.wants/NAME` and its like.
fn is_unit_link(path: &str, dir: &str) -> bool {
    let Some(rest) = path.strip_prefix(dir).and_then(|rest| rest.strip_prefix('/')) else {
        return false;
    };
    match rest.split_once('/') {
        None => true,
        Some((folder, name)) => {
            !name.contains('/') && [".wants", ".requires", ".upholds"].iter().any(|end| folder.ends_with(end))
        }
    }
}

fn read_stat(line: &str) -> Option<(&str, Stat)> {
    let mut fields = line.splitn(9, '\t');
    let mut next = || fields.next();
    let mode = u32::from_str_radix(next()?, 16).ok()?;
    let (uid, gid) = (next()?, next()?);
    let name = |name: &str, number: &str| if name == "UNKNOWN" { number } else { name }.to_owned();
    let (user, group) = (name(next()?, uid), name(next()?, gid));
    let meta = FileMeta {
        mode: mode & 0o7777,
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        user,
        group,
        size: next()?.parse().ok()?,
        mtime_us: microseconds(next()?)?,
        ctime_us: microseconds(next()?)?,
    };
    let format = mode & 0o170_000;
    Some((next()?, Stat { format, meta }))
}

fn read_sum(line: &str) -> Option<(String, Digest)> {
    let (escaped, line) = match line.strip_prefix('\\') {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let (digest, path) = line.split_once("  ")?;
    if digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let path = if escaped { path.replace("\\\\", "\\") } else { path.to_owned() };
    Some((path, Digest(digest.to_owned())))
}

/// As many names as the frame says, then as many targets.
fn read_links<'a>(frame: &Frame<'a>) -> Vec<(&'a str, &'a str)> {
    let lines: Vec<&str> =
        frame.body.split(|byte| *byte == b'\n').map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
    let count: usize = frame.rest.parse().unwrap_or_default();
    if lines.len() < 2 * count {
        return Vec::new();
    }
    let (names, targets) = (&lines[..count], &lines[count..2 * count]);
    names
        .iter()
        .copied()
        .zip(targets.iter().copied())
        .filter(|(name, target)| !name.is_empty() && !target.is_empty())
        .collect()
}
