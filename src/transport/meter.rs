//! How much was asked of the hosts: a design goal is one connection and three executions a host, and this is how that is
//! checked.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts what a transport did since it was made. Masters kept from earlier runs cost no connection and count none.
#[derive(Debug, Default)]
pub struct Meter {
    connections: AtomicU64,
    executions: AtomicU64,
}

impl Meter {
    /// Connections made: handshakes that succeeded. Always 0 for this very machine.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Scripts that were sent.
    #[must_use]
    pub fn executions(&self) -> u64 {
        self.executions.load(Ordering::Relaxed)
    }

    pub(super) fn count_connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_execution(&self) {
        self.executions.fetch_add(1, Ordering::Relaxed);
    }
}
