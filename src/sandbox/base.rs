//! The base below every host of a release: made once with debootstrap, kept, and never changed afterwards.
//!
//! It is Debian's smallest system plus systemd, dbus, sshd, sudo and iproute2, as their packages set them up. What is
//! added is only what every host needs alike: the two users, and no identity (host keys, machine id, resolver).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::lock::Lock;
use super::{Options, Progress, SandboxError, command, files, requirements};

/// Raised when what follows here changes, so that a base of an older recipe is not taken for one of this.
const RECIPE: u32 = 1;

const PACKAGES: [&str; 6] = ["systemd", "systemd-sysv", "dbus", "openssh-server", "sudo", "iproute2"];
const MIRROR: &str = "http://deb.debian.org/debian";

/// A slow line and a slow disk still end somewhere.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// The users beside root, with their numbers: one may become root, one may not.
pub(super) const USERS: [(&str, u32); 2] = [("admin", 1000), ("plain", 1001)];

/// The base for these options, made if there is none yet. Whoever else wants the same one waits.
pub(super) fn ensure(
    cache: &Path,
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<PathBuf, SandboxError> {
    let name = name(options)?;
    let base = cache.join(&name);
    if base.exists() {
        return Ok(base);
    }
    let release = options.release;
    let since = Instant::now();
    progress(Progress::MakingBase { release });
    files::create_directory(cache, 0o755)?;
    let what = format!("making the base {name}");
    let lock = Lock::take(&cache.join(format!(".{name}.lock")), &what, PATIENCE)?;
    let made = if base.exists() { Ok(()) } else { make(&base, options, &lock) };
    lock.remove()?;
    made?;
    progress(Progress::MadeBase { release, took: since.elapsed() });
    Ok(base)
}

/// Names the base by all that its content depends on.
fn name(options: &Options) -> Result<String, SandboxError> {
    let mut packages: Vec<&str> = options.with.iter().map(String::as_str).collect();
    packages.sort_unstable();
    packages.dedup();
    let mut name = format!("{}-{RECIPE}", options.release);
    for package in packages {
        name.push('_');
        name.push_str(package);
    }
    if name.len() > 200 {
        return Err(SandboxError::Invalid(
            "so many packages have no name in the cache of bases: take fewer, and install the others on the hosts"
                .to_owned(),
        ));
    }
    Ok(name)
}

/// Makes it beside its place and moves it there when it is whole and on disk.
fn make(base: &Path, options: &Options, lock: &Lock) -> Result<(), SandboxError> {
    // A file name, since `name` made it.
    let name = base.file_name().unwrap_or_default().to_string_lossy();
    let new = base.with_file_name(format!(".{name}.new"));
    files::remove_tree(&new)?;
    let made = debootstrap(&new, options, lock.share()?).and_then(|()| finish(&new));
    if let Err(error) = made {
        // Why it failed matters more than what is left of it; the next attempt removes it too.
        let _left = files::remove_tree(&new);
        return Err(error);
    }
    let sync = || rustix::fs::syncfs(fs::File::open(&new)?).map_err(std::io::Error::from);
    sync().map_err(SandboxError::io("sync", &new))?;
    fs::rename(&new, base).map_err(SandboxError::io("create", base))
}

fn debootstrap(target: &Path, options: &Options, stdin: Stdio) -> Result<(), SandboxError> {
    let packages: Vec<&str> = PACKAGES.into_iter().chain(options.with.iter().map(String::as_str)).collect();
    let mut command = command::program("debootstrap");
    command
        .arg("--variant=minbase")
        .arg(format!("--keyring={}", requirements::KEYRING))
        .arg(format!("--include={}", packages.join(",")))
        .arg(options.release.as_str())
        .arg(target)
        .arg(options.mirror.as_deref().unwrap_or(MIRROR));
    let output = command::capture_with(&mut command, stdin, PATIENCE)?;
    if output.status.success() {
        return Ok(());
    }
    // Its log has what the packages' scripts said; what it has to say itself comes last, where a reader looks.
    let log = files::tail(&target.join("debootstrap/debootstrap.log"), 5);
    let said = String::from_utf8_lossy(&output.stdout);
    let said: Vec<&str> = said.lines().collect();
    let last = &said[said.len().saturating_sub(3)..];
    Err(SandboxError::Command {
        command: command::line(&command),
        how: format!("failed ({})", output.status),
        stderr: format!("{log}\n{}", last.join("\n")),
    })
}

fn finish(root: &Path) -> Result<(), SandboxError> {
    for (user, number) in USERS {
        let mut useradd = command::program("chroot");
        useradd.arg(root).args(["useradd", "--create-home", "--shell", "/bin/bash", "--uid"]);
        command::run(useradd.arg(number.to_string()).arg(user), Duration::from_secs(30))?;
    }
    let rule = root.join("etc/sudoers.d/admin");
    files::write(&rule, 0o440, "admin ALL=(ALL:ALL) NOPASSWD: ALL\n")?;
    // Each host gets its own; an empty machine id here would be a first boot, with systemd's presets applied.
    for file in ["etc/hostname", "etc/machine-id"] {
        remove_file(&root.join(file))?;
    }
    remove_matching(&root.join("etc/ssh"), |name| name.starts_with("ssh_host_"))?;
    // This machine's resolver does not answer there; with none, a look-up fails at once.
    remove_file(&root.join("etc/resolv.conf"))?;
    files::write(&root.join("etc/resolv.conf"), 0o644, "")?;
    remove_matching(&root.join("var/cache/apt/archives"), |name| Path::new(name).extension() == Some("deb".as_ref()))?;
    remove_matching(&root.join("var/lib/apt/lists"), |name| name.contains("_dists_"))?;
    mark_updated(root)
}

/// Says, as every system that has booted once does, that caches of what is in /usr are up to date. Otherwise each host
/// would build them anew when it boots first, and flush the disk for it.
fn mark_updated(root: &Path) -> Result<(), SandboxError> {
    let usr = root.join("usr");
    let modified = fs::metadata(&usr).and_then(|meta| meta.modified());
    let modified = modified.map_err(SandboxError::io("examine", &usr))?;
    for directory in ["etc", "var"] {
        let mark = root.join(directory).join(".updated");
        let make = || fs::File::create(&mark)?.set_modified(modified);
        make().map_err(SandboxError::io("write", &mark))?;
    }
    Ok(())
}

fn remove_file(path: &Path) -> Result<(), SandboxError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(SandboxError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

fn remove_matching(directory: &Path, which: fn(&str) -> bool) -> Result<(), SandboxError> {
    let entries = fs::read_dir(directory).map_err(SandboxError::io("read the directory", directory))?;
    for entry in entries.flatten() {
        if which(&entry.file_name().to_string_lossy()) {
            remove_file(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::Release;

    #[test]
    fn a_base_is_named_by_what_is_in_it() {
        let mut options = Options { release: Release::Trixie, ..Options::default() };
        assert_eq!(name(&options).unwrap(), "trixie-1");
        options.with = vec!["python3-minimal".into(), "curl".into(), "curl".into()];
        assert_eq!(name(&options).unwrap(), "trixie-1_curl_python3-minimal");
        options.with = (0..40).map(|number| format!("package{number}")).collect();
        assert!(name(&options).is_err());
    }
}
