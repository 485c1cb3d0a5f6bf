//! `unitfleet man`

use std::io::Write as _;
use std::path::PathBuf;

use clap::CommandFactory as _;

use super::terminal::Terminal;
use super::{Cli, Failure, Verdict};

/// Print the manual page, or write those of all verbs: `unitfleet man | man -l -`
#[derive(clap::Args)]
pub(super) struct Args {
    /// A folder for the pages of all verbs, such as /usr/local/share/man/man1
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Verdict {
    let Some(folder) = &args.out else {
        let mut out = Terminal::out();
        clap_mangen::Man::new(Cli::command()).render(&mut out)?;
        out.flush()?;
        return Ok(0);
    };
    let problem = |error: std::io::Error| Failure::Machine(format!("{}: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(problem)?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(problem)?;
    Ok(0)
}
