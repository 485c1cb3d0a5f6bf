//! What the sandbox needs of this machine, and the command that gets it.

use std::fmt;
use std::path::Path;

/// What this machine lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// It must be root.
    pub root: bool,
    /// What is not installed: the program or file, and the Debian package that has it.
    pub programs: Vec<(&'static str, &'static str)>,
    /// What the kernel cannot do.
    pub kernel: Vec<&'static str>,
}

impl std::error::Error for Missing {}

impl Missing {
    /// The command that installs what is missing, if it is packages that are missing.
    #[must_use]
    pub fn command(&self) -> Option<String> {
        let mut packages: Vec<&str> = self.programs.iter().map(|(_, package)| *package).collect();
        packages.sort_unstable();
        packages.dedup();
        (!packages.is_empty()).then(|| format!("apt-get install -y {}", packages.join(" ")))
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.root {
            parts.push("it mounts file systems and makes networks, so run it as root (with `sudo`)".to_owned());
        }
        if let Some(command) = self.command() {
            let programs: Vec<&str> = self.programs.iter().map(|(program, _)| *program).collect();
            parts.push(format!("{} missing here: `{command}`", are(&programs)));
        }
        if !self.kernel.is_empty() {
            parts.push(format!("{} missing in this kernel", are(&self.kernel)));
        }
        write!(f, "the sandbox cannot run on this machine: {}", parts.join("; "))
    }
}

fn are(names: &[&str]) -> String {
    match names {
        [one] => format!("{one} is"),
        many => format!("{} are", many.join(", ")),
    }
}

/// Program → package, both as on Debian and Ubuntu.
const PROGRAMS: [(&str, &str); 10] = [
    ("chroot", "coreutils"),
    ("debootstrap", "debootstrap"),
    ("ip", "iproute2"),
    ("mount", "mount"),
    ("nsenter", "util-linux"),
    ("setsid", "util-linux"),
    ("ssh", "openssh-client"),
    ("ssh-keygen", "openssh-client"),
    ("systemd-nspawn", "systemd-container"),
    ("umount", "mount"),
];

/// What debootstrap checks Debian's signatures with; on Ubuntu it is a package of its own.
pub(super) const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Checks root, programs and kernel, and says everything that is missing at once.
pub fn check_requirements() -> Result<(), Missing> {
    let mut programs: Vec<(&str, &str)> =
        PROGRAMS.into_iter().filter(|(program, _)| !super::command::is_installed(program)).collect();
    if !Path::new(KEYRING).exists() {
        programs.push((KEYRING, "debian-archive-keyring"));
    }
    let mut kernel = Vec::new();
    if !has_overlay() {
        kernel.push("overlay file systems (CONFIG_OVERLAY_FS)");
    }
    if !Path::new("/proc/self/ns/net").exists() {
        kernel.push("network namespaces (CONFIG_NET_NS)");
    }
    let root = !rustix::process::geteuid().is_root();
    if root || !programs.is_empty() || !kernel.is_empty() {
        return Err(Missing { root, programs, kernel });
    }
    Ok(())
}

/// A module that is not loaded is not in the list, but is loaded by the first mount; so a module on disk is as good.
fn has_overlay() -> bool {
    let listed = || std::fs::read_to_string("/proc/filesystems").is_ok_and(|text| text.contains("\toverlay\n"));
    let on_disk = || {
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let module = format!("/lib/modules/{}/kernel/fs/overlayfs", release.trim());
        Path::new(&module).exists()
    };
    listed() || on_disk()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_missing_is_said_at_once_with_one_command() {
        let missing = Missing {
            root: true,
            programs: vec![("nsenter", "util-linux"), ("setsid", "util-linux"), ("debootstrap", "debootstrap")],
            kernel: vec!["network namespaces (CONFIG_NET_NS)"],
        };
        assert_eq!(
            missing.to_string(),
            "the sandbox cannot run on this machine: it mounts file systems and makes networks, so run it as root (with \
             `sudo`); nsenter, setsid, debootstrap are missing here: `apt-get install -y debootstrap util-linux`; network \
             namespaces (CONFIG_NET_NS) is missing in this kernel"
        );
    }
}
