//! What is mounted below a directory, and taking it off.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{SandboxError, command, files};

/// The mount points at or below `directory`, innermost first.
fn below(mountinfo: &str, directory: &Path) -> Vec<PathBuf> {
    let mut points: Vec<PathBuf> = mountinfo
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(|field| PathBuf::from(unescape(field)))
        .filter(|point| point.starts_with(directory))
        .collect();
    points.reverse();
    points
}

/// The kernel writes blanks and backslashes as three octal digits.
fn unescape(field: &str) -> String {
    let mut text = field.to_owned();
    for (code, plain) in [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")] {
        text = text.replace(code, plain);
    }
    text
}

/// Whether something is mounted exactly there.
pub(super) fn is_mounted(point: &Path) -> Result<bool, SandboxError> {
    let mountinfo = files::read(Path::new("/proc/self/mountinfo"))?;
    Ok(below(&mountinfo, point).iter().any(|found| found == point))
}

/// Unmounts everything at and below a directory.
pub(super) fn unmount_below(directory: &Path) -> Result<(), SandboxError> {
    let mountinfo = files::read(Path::new("/proc/self/mountinfo"))?;
    for point in below(&mountinfo, directory) {
        command::run(command::program("umount").arg(&point), Duration::from_secs(20))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_below_a_directory_are_found_innermost_first() {
        let mountinfo = "\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
70 22 0:41 / /var/lib/x/fleet/hosts/a/root rw,relatime - overlay overlay rw
71 70 0:42 / /var/lib/x/fleet/hosts/a/root/with\\040blank rw - tmpfs tmpfs rw
72 22 0:43 / /var/lib/x/fleet2/hosts/a/root rw - overlay overlay rw
";
        assert_eq!(
            below(mountinfo, Path::new("/var/lib/x/fleet")),
            [Path::new("/var/lib/x/fleet/hosts/a/root/with blank"), Path::new("/var/lib/x/fleet/hosts/a/root")]
        );
        assert!(below(mountinfo, Path::new("/var/lib/x/flee")).is_empty());
    }
}
