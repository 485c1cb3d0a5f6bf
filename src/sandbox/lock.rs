//! One at a time: an exclusive lock on a file, with an end to the waiting.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use super::{FleetName, SandboxError};

/// Held until dropped, or until the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Waits until nobody else holds it.
    pub(super) fn take(path: &Path, what: &str, patience: Duration) -> Result<Self, SandboxError> {
        let since = Instant::now();
        loop {
            if let Some(lock) = Self::attempt(path).map_err(SandboxError::io("lock", path))? {
                return Ok(lock);
            }
            if since.elapsed() > patience {
                return Err(SandboxError::Busy {
                    what: what.to_owned(),
                    path: path.to_owned(),
                    seconds: patience.as_secs(),
                });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn attempt(path: &Path) -> std::io::Result<Option<Self>> {
        let file = File::options().read(true).create(true).append(true).open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        // Whoever held it before may have removed the file, and somebody else holds the one that is there now.
        let held = file.metadata()?.ino();
        let there = std::fs::metadata(path).is_ok_and(|there| there.ino() == held);
        Ok(there.then(|| Self { file, path: path.to_owned() }))
    }

    /// An empty standard input for a program which then holds the lock too: should it outlive us, others wait for it.
    pub(super) fn share(&self) -> Result<Stdio, SandboxError> {
        self.file.try_clone().map(Stdio::from).map_err(SandboxError::io("share", &self.path))
    }

    /// Gives it up and leaves no file behind. Who waits for it notices, and takes a new one.
    pub(super) fn remove(self) -> Result<(), SandboxError> {
        std::fs::remove_file(&self.path).map_err(SandboxError::io("remove", &self.path))
    }

    /// For choosing a network, and for the first use of `/run/netns`, which several processes must not prepare at once.
    pub(super) fn of_machine(state: &Path) -> Result<Self, SandboxError> {
        super::files::create_directory(state, 0o755)?;
        Self::take(&state.join(".lock"), "choosing a network", Duration::from_secs(30))
    }

    /// For making and taking down one fleet.
    pub(super) fn of_fleet(state: &Path, name: &FleetName) -> Result<Self, SandboxError> {
        super::files::create_directory(state, 0o755)?;
        let what = format!("the fleet `{name}`");
        Self::take(&state.join(format!(".{name}.lock")), &what, Duration::from_secs(60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_the_others_wait_and_give_up_in_time() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let soon = Duration::from_millis(50);
        let first = Lock::take(&path, "trying", soon).unwrap();
        let error = Lock::take(&path, "trying", soon).unwrap_err();
        assert!(error.to_string().contains("still busy with trying"), "{error}");
        drop(first);
        Lock::take(&path, "trying", soon).unwrap().remove().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_lock_whose_file_was_removed_is_taken_by_one_of_many_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let inside = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    use std::sync::atomic::Ordering::SeqCst;
                    for _ in 0..5 {
                        let lock = Lock::take(&path, "trying", Duration::from_secs(30)).unwrap();
                        assert_eq!(inside.fetch_add(1, SeqCst), 0);
                        std::thread::yield_now();
                        inside.fetch_sub(1, SeqCst);
                        lock.remove().unwrap();
                    }
                });
            }
        });
    }
}
