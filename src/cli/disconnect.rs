//! `unitfleet disconnect`

use std::io::Write as _;

use crate::report::wording::count;
use crate::transport::{Disconnected, default_control_dir, disconnect_all};

use super::global::{Format, GlobalArgs};
use super::terminal::Terminal;
use super::{Failure, Verdict};

/// Close the connections that were kept for the next command; those that a run uses right now stay
#[derive(clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: &Args, global: &GlobalArgs) -> Verdict {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let Disconnected { closed, in_use } = runtime
        .block_on(disconnect_all(&default_control_dir()))
        .map_err(|error| Failure::Machine(error.to_string()))?;
    let mut out = Terminal::out();
    if global.format == Format::Json {
        let version = super::fleet::SCHEMA_VERSION;
        let document = serde_json::json!({"schema_version": version, "closed": closed, "in_use": in_use});
        writeln!(out, "{document:#}")?;
    } else {
        match closed {
            0 if in_use == 0 => writeln!(out, "No connection was kept.")?,
            closed => writeln!(out, "Closed {}.", count(closed, "connection", "connections"))?,
        }
        if in_use > 0 {
            writeln!(out, "{} in use by a run at this moment: left open.", count(in_use, "is", "are"))?;
        }
    }
    out.flush()?;
    Ok(0)
}
