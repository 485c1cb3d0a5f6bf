//! The hosts' control groups, on machines whose own process 1 is not systemd.
//!
//! There is nobody there to ask for a group, so they are made directly, in every hierarchy that is mounted: below
//! `unitfleet-sandbox/MACHINE`, `supervisor` for what watches over the host and `host` for what `systemd-nspawn` divides
//! further. Where systemd runs, `systemd-nspawn` asks it for a scope, and nothing of this is done.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{SandboxError, files};

const ROOT: &str = "/sys/fs/cgroup";
const OURS: &str = "unitfleet-sandbox";

/// Makes a machine's groups and returns them, one a hierarchy.
pub(super) fn create(machine: &str) -> Result<Vec<PathBuf>, SandboxError> {
    let mut groups = Vec::new();
    for hierarchy in hierarchies(Path::new(ROOT)) {
        let group = hierarchy.join(OURS).join(machine);
        for part in ["supervisor", "host"] {
            files::create_directory(&group.join(part), 0o755)?;
        }
        groups.push(group);
    }
    Ok(groups)
}

/// Removes a machine's groups. Processes leave a group some time after they have ended, so it is tried for a while.
pub(super) fn remove(machine: &str) -> Result<(), SandboxError> {
    for hierarchy in hierarchies(Path::new(ROOT)) {
        let group = hierarchy.join(OURS).join(machine);
        let since = Instant::now();
        while let Err(error) = remove_groups(&group) {
            if since.elapsed() > Duration::from_secs(5) {
                return Err(SandboxError::io("remove the control group", &group)(error));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        // Stays while another host has groups in it.
        let _in_use = fs::remove_dir(hierarchy.join(OURS));
    }
    Ok(())
}

/// A group's files cannot be removed and need not be; only the groups themselves, innermost first.
fn remove_groups(group: &Path) -> std::io::Result<()> {
    let entries = match fs::read_dir(group) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries.flatten() {
        if entry.file_type()?.is_dir() {
            remove_groups(&entry.path())?;
        }
    }
    fs::remove_dir(group)
}

/// The mounted hierarchies: one where control groups are of version 2, one per controller and systemd's own otherwise.
/// A group of `cpuset` takes no process before it has been given processors, and is of no use to a throw-away host.
fn hierarchies(root: &Path) -> Vec<PathBuf> {
    let has_processes = |path: &Path| path.join("cgroup.procs").exists();
    if has_processes(root) {
        return vec![root.to_owned()];
    }
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .filter(|path| has_processes(path) && !path.join("cpuset.cpus").exists())
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hierarchies_are_found_in_both_layouts() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path();
        for (directory, file) in
            [("systemd", "cgroup.procs"), ("cpuset", "cgroup.procs"), ("cpuset", "cpuset.cpus"), ("empty", "x")]
        {
            fs::create_dir_all(path.join(directory)).unwrap();
            fs::write(path.join(directory).join(file), "").unwrap();
        }
        std::os::unix::fs::symlink("systemd", path.join("link")).unwrap();
        assert_eq!(hierarchies(path), [path.join("systemd")]);
        fs::write(path.join("cgroup.procs"), "").unwrap();
        assert_eq!(hierarchies(path), [path]);
    }
}
