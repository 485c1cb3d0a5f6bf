//! What makes a host itself: its name, its keys, who may log in, and the hardened sshd.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use std::time::Duration;

use super::base::USERS;
use super::state::{FleetState, HostRecord};
use super::{SandboxError, command, files};

/// An sshd as a careful admin sets it up. Debian reads this directory first, and the first value wins.
const HARDENED_SSHD: &str = "\
MaxSessions 2
MaxAuthTries 3
AllowTcpForwarding no
X11Forwarding no
PermitRootLogin no
";

/// Makes a pair of keys at `path`, unless it is there, and returns the public one.
pub(super) fn key_pair(path: &Path, comment: &str) -> Result<String, SandboxError> {
    let mut public = path.as_os_str().to_owned();
    public.push(".pub");
    let public = Path::new(&public);
    if !public.exists() {
        let mut keygen = command::program("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f"]).arg(path);
        command::run(&mut keygen, Duration::from_secs(20))?;
    }
    files::read(public)
}

/// Writes a host's own files into its mounted root. `authorized` is the public key that opens it. Returns the host's
/// public key.
pub(super) fn furnish(
    fleet: &FleetState,
    host: &HostRecord,
    root: &Path,
    authorized: &str,
) -> Result<String, SandboxError> {
    let etc = root.join("etc");
    files::write(&etc.join("hostname"), 0o644, &format!("{}\n", host.name))?;
    files::write(&etc.join("hosts"), 0o644, &hosts_file(fleet))?;
    let random = files::read(Path::new("/proc/sys/kernel/random/uuid"))?;
    files::write(&etc.join("machine-id"), 0o444, &random.replace('-', ""))?;
    if fleet.hardened {
        files::write(&etc.join("ssh/sshd_config.d/10-hardened.conf"), 0o644, HARDENED_SSHD)?;
    }
    let home = |user: &str| root.join("home").join(user);
    authorize(&root.join("root"), 0, authorized)?;
    for (user, number) in USERS {
        authorize(&home(user), number, authorized)?;
    }
    key_pair(&etc.join("ssh/ssh_host_ed25519_key"), &format!("root@{}", host.name))
}

fn authorize(home: &Path, owner: u32, key: &str) -> Result<(), SandboxError> {
    let directory = home.join(".ssh");
    let file = directory.join("authorized_keys");
    files::create_directory(&directory, 0o700)?;
    files::write(&file, 0o600, key)?;
    for path in [&directory, &file] {
        chown(path, Some(owner), Some(owner)).map_err(SandboxError::io("change the owner of", path))?;
    }
    Ok(())
}

/// Hosts know each other by name; `sudo` and others look up their own.
fn hosts_file(fleet: &FleetState) -> String {
    let mut text = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n".to_owned();
    for host in &fleet.hosts {
        writeln!(text, "{} {}", host.address, host.name).expect("text takes everything");
    }
    text
}

/// Writes what belongs to the whole fleet once its hosts have keys.
pub(super) fn write_fleet_files(fleet: &FleetState, directory: &Path, keys: &[String]) -> Result<(), SandboxError> {
    use super::inventory::{inventory, known_hosts, ssh_config};
    for (name, content) in [
        ("known_hosts", known_hosts(fleet, keys)),
        ("ssh_config", ssh_config(fleet, directory)),
        ("inventory.yaml", inventory(fleet, directory)),
    ] {
        let new = directory.join(format!(".{name}.new"));
        let path = directory.join(name);
        files::write(&new, 0o644, &content)?;
        fs::rename(&new, &path).map_err(SandboxError::io("create", &path))?;
    }
    Ok(())
}
