//! Flags that mean the same everywhere.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Also into pipes and files.
    Always,
    /// Never.
    Never,
}

/// What standard output carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document with a `schema_version`.
    Json,
}

#[derive(Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct GlobalArgs {
    /// Inventory: a file (YAML or INI), a directory or an executable; may be given several times [default: inventory.yaml in the project's root]
    #[arg(short, long, global = true, value_name = "PATH")]
    pub(super) inventory: Vec<PathBuf>,

    /// Only these of the selected hosts: `web`, `web:&prod`, `all:!db3`, `web*`, `web[0:4]`, `h1,h2`, `@file`
    #[arg(short, long, global = true, value_name = "SELECTOR")]
    pub(super) limit: Option<String>,

    /// A variable as text, or a file of them (YAML, JSON), stronger than all others; may be given several times
    #[arg(short = 'e', long = "var", global = true, value_name = "KEY=VALUE|@FILE")]
    pub(super) vars: Vec<String>,

    /// A folder of templates to search last; may be given several times
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) templates: Vec<PathBuf>,

    /// How many hosts are worked on at the same time
    #[arg(short, long, global = true, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(super) jobs: u16,

    /// Format of standard output
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(super) format: Format,

    /// How long reaching a host may take, in seconds
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(super) timeout: u64,

    /// How long an unused connection is kept for the next command, in seconds; 0: not at all
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(0..=86400))]
    pub(super) persist: u64,

    /// Trust the keys of hosts that are not in `known_hosts` yet; a changed key is refused all the same
    #[arg(long, global = true)]
    pub(super) accept_new_host_keys: bool,

    /// Treat findings (held, foreign, unknown, shadowed) as refusals: exit code 7
    #[arg(long, global = true)]
    pub(super) strict: bool,

    /// Say more: every host by name, ssh's own log on failures
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,

    /// Say only what went wrong, and the summary
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,

    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(super) color: Color,
}

impl GlobalArgs {
    pub(super) fn connect_timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}
