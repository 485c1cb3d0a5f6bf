//! `unitfleet completions`

use std::io::Write as _;

use clap::CommandFactory as _;

use super::terminal::Terminal;
use super::{Cli, Verdict};

/// Print a script that completes verbs and flags in a shell: `source <(unitfleet completions bash)`
#[derive(clap::Args)]
pub(super) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

pub(super) fn run(args: &Args) -> Verdict {
    // Into memory first: a reader that goes away early is no bug of ours.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "unitfleet", &mut script);
    let mut out = Terminal::out();
    out.write_all(&script)?;
    out.flush()?;
    Ok(0)
}
