//! One at a time: an exclusive lock on a file, with an end to the waiting.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use super::{FleetName, SandboxError};

/// Held until dropped, or until the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits until nobody else holds it. The file stays: removing it would let two hold a lock of one name.
    pub(super) fn take(path: &Path, what: &str, patience: Duration) -> Result<Self, SandboxError> {
        let file = File::options()
            .create(true)
            .append(true)
            .open(path)
            .map_err(SandboxError::io("open", path))?;
        let since = Instant::now();
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self { _file: file }),
                Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => {}
                Err(error) => return Err(SandboxError::io("lock", path)(error.into())),
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
