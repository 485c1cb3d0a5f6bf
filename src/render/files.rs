//! Reading what a playbook names, and nothing else.
//!
//! A path is resolved through every link before it is read, and must then lie below the folder that is allowed: a
//! link in a checkout cannot pull `/etc/shadow` into a fleet. Each file is read once, so that all hosts get the
//! same bytes.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Why a file was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum FileError {
    #[error("there is no such file")]
    NotFound,
    #[error("it lies outside of the project's root")]
    Outside,
    #[error("it is not a regular file")]
    NotAFile,
    #[error("it is larger than {}", size(*.0))]
    TooLarge(usize),
    #[error("it is not UTF-8 text")]
    NotText,
    #[error("it is a link that leads in a circle")]
    Circle,
    #[error("permission denied")]
    Forbidden,
    #[error("its name is too long")]
    LongName,
    #[error("its name holds a NUL byte")]
    NotAName,
    #[error("it could not be read: {0}")]
    Unreadable(String),
}

fn size(bytes: usize) -> String {
    let kib = bytes / 1024;
    if kib >= 1024 { format!("{} MiB", kib / 1024) } else { format!("{kib} KiB") }
}

type Known = BTreeMap<PathBuf, Result<Arc<Vec<u8>>, FileError>>;

/// Files of the project, read-only. Clones share what was read.
#[derive(Clone, Debug, Default)]
pub struct Files {
    known: Arc<Mutex<Known>>,
}

impl Files {
    /// Nothing read yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The bytes of `path`, which must lie below `allowed` when all links are followed.
    pub fn read(&self, path: &Path, allowed: &Path, limit: usize) -> Result<Arc<Vec<u8>>, FileError> {
        let real = canonical(path)?;
        if !real.starts_with(canonical(allowed)?) {
            return Err(FileError::Outside);
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains_key(&real) {
            // Before it is opened: a pipe without a writer would wait for one. Before it is read: what is too large
            // is not taken into memory to learn that.
            let found = real.metadata().map_err(|error| of_io(&error))?;
            if !found.is_file() {
                return Err(FileError::NotAFile);
            }
            if found.len() > limit as u64 {
                return Err(FileError::TooLarge(limit));
            }
        }
        let bytes = known.entry(real.clone()).or_insert_with(|| read(&real)).clone()?;
        if bytes.len() > limit {
            return Err(FileError::TooLarge(limit));
        }
        Ok(bytes)
    }

    /// The text of `path`, under the same rule.
    pub fn read_text(&self, path: &Path, allowed: &Path, limit: usize) -> Result<String, FileError> {
        let bytes = self.read(path, allowed, limit)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| FileError::NotText)
    }
}

fn canonical(path: &Path) -> Result<PathBuf, FileError> {
    path.canonicalize().map_err(|error| of_io(&error))
}

fn read(path: &Path) -> Result<Arc<Vec<u8>>, FileError> {
    /// More than any source may have; what is larger is not read into memory.
    const CEILING: u64 = 256 * 1024 * 1024;
    let file = std::fs::File::open(path).map_err(|error| of_io(&error))?;
    let mut bytes = Vec::new();
    file.take(CEILING + 1).read_to_end(&mut bytes).map_err(|error| of_io(&error))?;
    Ok(Arc::new(bytes))
}

fn of_io(error: &std::io::Error) -> FileError {
    use std::io::ErrorKind;
    if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
        return FileError::Circle;
    }
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => FileError::NotFound,
        ErrorKind::PermissionDenied => FileError::Forbidden,
        ErrorKind::InvalidFilename => FileError::LongName,
        // Of a path: it holds a NUL.
        ErrorKind::InvalidInput => FileError::NotAName,
        _ => FileError::Unreadable(error.to_string()),
    }
}

/// The folder that a file stands in.
pub(super) fn folder_of(file: &Path) -> PathBuf {
    or_here(file.parent().unwrap_or(Path::new("")))
}

/// An empty path means this folder, but cannot be resolved.
pub(super) fn or_here(path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() { PathBuf::from(".") } else { path.to_owned() }
}
