//! Writing and removing files, with errors that name them.

use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::{SandboxError, mounts};

/// Makes a directory and what is above it; it may be there already.
pub(super) fn create_directory(path: &Path, mode: u32) -> Result<(), SandboxError> {
    DirBuilder::new().recursive(true).mode(mode).create(path).map_err(SandboxError::io("create the directory", path))
}

/// Writes a file with exactly this mode, whatever the umask.
pub(super) fn write(path: &Path, mode: u32, content: &str) -> Result<(), SandboxError> {
    let attempt = || {
        let mut file = File::options().write(true).create(true).truncate(true).mode(mode).open(path)?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.write_all(content.as_bytes())
    };
    attempt().map_err(SandboxError::io("write", path))
}

/// Reads a text file.
pub(super) fn read(path: &Path) -> Result<String, SandboxError> {
    fs::read_to_string(path).map_err(SandboxError::io("read", path))
}

/// Removes a directory and everything in it, but never through a mount: those are unmounted first, or nothing happens.
pub(super) fn remove_tree(path: &Path) -> Result<(), SandboxError> {
    mounts::unmount_below(path)?;
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(SandboxError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// The last lines of a file, or nothing if it cannot be read.
pub(super) fn tail(path: &Path, lines: usize) -> String {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
