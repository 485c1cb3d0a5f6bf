//! The transport that the program uses: picks by what the inventory says about the host.

use std::sync::Arc;

use super::{BoxFuture, Local, Meter, Session, Ssh, SshOptions, Transport, TransportError};
use crate::model::{ConnectionKind, Target};

/// All ways to reach a host, with one count over them.
#[derive(Debug)]
pub struct Hub {
    ssh: Ssh,
    local: Local,
    meter: Arc<Meter>,
}

impl Hub {
    /// A hub; nothing is contacted or created before the first [`Transport::connect`].
    #[must_use]
    pub fn new(options: SshOptions) -> Self {
        let meter = Arc::new(Meter::default());
        Self { ssh: Ssh::with_meter(options, Arc::clone(&meter)), local: Local::with_meter(Arc::clone(&meter)), meter }
    }

    /// What was done so far, over all hosts.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        &self.meter
    }
}

impl Transport for Hub {
    fn connect<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Box<dyn Session>, TransportError>> {
        match target.kind {
            ConnectionKind::Ssh => self.ssh.connect(target),
            ConnectionKind::Local => self.local.connect(target),
        }
    }
}
