//! The machinery that every verb with hosts needs: a runtime, a transport, events on their way to the progress.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::model::Event;
use crate::observe::Context;
use crate::report::{EventLines, Progress, Reporter};
use crate::transport::{Hub, SshOptions, raise_open_files_limit};

use super::Failure;
use super::global::GlobalArgs;
use super::terminal::Terminal;

/// How long one gather may take. It reads; a host that needs longer is stuck.
const GATHER_TIMEOUT: Duration = Duration::from_secs(120);

/// Runs `work` with a context; events reach the progress while it runs.
pub(super) fn with_context<T, F, Fut>(
    global: &GlobalArgs,
    terminal: &Terminal,
    hosts: usize,
    work: F,
) -> Result<T, Failure>
where
    F: FnOnce(Context) -> Fut,
    Fut: Future<Output = T>,
{
    // A connection costs a handful of descriptors; the soft limit of 1,024 is soon used up.
    let _limit = raise_open_files_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let transport = Hub::new(SshOptions {
        connect_timeout: global.connect_timeout(),
        persist: Duration::from_secs(global.persist),
        accept_new_host_keys: global.accept_new_host_keys,
        verbose: global.verbose,
        ..SshOptions::default()
    });
    let (events, mut receiver) = mpsc::unbounded_channel::<Event>();
    let mut reporter: Box<dyn Reporter + Send> = reporter(terminal, hosts);
    let context =
        Context { transport: Arc::new(transport), jobs: usize::from(global.jobs), gather_timeout: GATHER_TIMEOUT, events };
    Ok(runtime.block_on(async move {
        let shown = tokio::spawn(async move {
            while let Some(event) = receiver.recv().await {
                reporter.event(&event);
            }
        });
        let result = work(context).await;
        // The last sender went with the context: what is left is drawn, then the line is wiped.
        drop(shown.await);
        result
    }))
}
