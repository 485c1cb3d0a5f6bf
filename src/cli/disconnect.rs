//! `unitfleet disconnect`

use std::io::Write as _;

use crate::transport::{default_control_dir, disconnect_all};

use super::global::{Format, GlobalArgs};
use super::terminal::Terminal;
use super::{Failure, Verdict};

/// Close the connections that were kept for the next command
#[derive(clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: &Args, global: &GlobalArgs) -> Verdict {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let closed = runtime
        .block_on(disconnect_all(&default_control_dir()))
        .map_err(|error| Failure::Machine(error.to_string()))?;
    let mut out = Terminal::out();
    match closed {
        closed if global.format == Format::Json => {
            let document = serde_json::json!({"schema_version": super::fleet::SCHEMA_VERSION, "closed": closed});
            writeln!(out, "{document:#}")?;
        }
        0 => writeln!(out, "No connection was kept.")?,
        1 => writeln!(out, "Closed 1 connection.")?,
        more => writeln!(out, "Closed {more} connections.")?,
    }
    out.flush()?;
    Ok(0)
}
