//! Flags that mean the same everywhere.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::load::project::{self, NamedPath, Settings};
use crate::model::Diagnostic;

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

/// How many hosts are worked on at the same time, where nobody says it.
const JOBS: u16 = 32;
/// Seconds that reaching a host may take, where nobody says it.
const TIMEOUT: u64 = 10;
/// Seconds that an unused connection is kept, where nobody says it.
const PERSIST: u64 = 60;

/// What a flag says, else what the project's settings say, else what is built in: a flag that has a setting is
/// optional to clap, and its default stands in its help text.
#[derive(Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct GlobalArgs {
    /// Inventory: a file (YAML or INI), a directory or an executable; may be given several times [default: inventory.yaml in the project's root]
    #[arg(short, long, global = true, value_name = "PATH")]
    pub(super) inventory: Vec<PathBuf>,

    /// Only these of the selected hosts: `web`, `web:&prod`, `all:!db3`, `web*`, `web[0:4]`, `h1,h2`, `@file`
    #[arg(short, long, global = true, value_name = "SELECTOR")]
    pub(super) limit: Option<String>,

    /// Only what has one of these tags: `web`, `web,config`; may be given several times
    #[arg(short, long, global = true, value_name = "TAGS")]
    pub(super) tags: Vec<String>,

    /// A variable as text, or a file of them (YAML, JSON), stronger than all others; may be given several times
    #[arg(short = 'e', long = "var", global = true, value_name = "KEY=VALUE|@FILE")]
    pub(super) vars: Vec<String>,

    /// A folder of templates to search last; may be given several times
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) templates: Vec<PathBuf>,

    /// How many hosts are worked on at the same time [default: 32]
    #[arg(short, long, global = true, value_name = "N", value_parser = number(&project::JOBS))]
    jobs: Option<u64>,

    /// Format of standard output
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(super) format: Format,

    /// How long reaching a host may take, in seconds [default: 10]
    #[arg(long, global = true, value_name = "SECONDS", value_parser = number(&project::TIMEOUT))]
    timeout: Option<u64>,

    /// How long an unused connection is kept for the next command, in seconds; 0: not at all [default: 60]
    #[arg(long, global = true, value_name = "SECONDS", value_parser = number(&project::PERSIST))]
    persist: Option<u64>,

    /// Trust the keys of hosts that are not in `known_hosts` yet; a changed key is refused all the same
    #[arg(long, global = true)]
    pub(super) accept_new_host_keys: bool,

    /// Treat findings (held, foreign, unknown, shadowed) as refusals: exit code 7
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    strict: Option<bool>,

    /// Say more: every host by name, ssh's own log on failures
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,

    /// Say only what went wrong, and the summary
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,

    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(super) color: Color,

    /// What `unitfleet.yaml` says.
    #[arg(skip)]
    pub(super) project: Settings,
}

/// The same bounds as for the setting.
pub(super) fn number(range: &std::ops::RangeInclusive<u64>) -> clap::builder::RangedU64ValueParser<u64> {
    clap::value_parser!(u64).range(range.clone())
}

impl GlobalArgs {
    pub(super) fn jobs(&self) -> usize {
        let given = self.jobs.and_then(|jobs| u16::try_from(jobs).ok());
        usize::from(given.or(self.project.jobs).unwrap_or(JOBS))
    }

    pub(super) fn connect_timeout(&self) -> Duration {
        Duration::from_secs(self.timeout.or(self.project.timeout).unwrap_or(TIMEOUT))
    }

    pub(super) fn persist(&self) -> Duration {
        Duration::from_secs(self.persist.or(self.project.persist).unwrap_or(PERSIST))
    }

    pub(super) fn strict(&self) -> bool {
        self.strict.or(self.project.strict).unwrap_or(false)
    }

    /// The inventories that a flag or the project names; none if neither does.
    pub(super) fn inventories(&self) -> Result<Vec<PathBuf>, Vec<Diagnostic>> {
        resolved(&self.inventory, &self.project.inventory, false)
    }

    /// The folders of templates that a flag or the project names.
    pub(super) fn template_folders(&self) -> Result<Vec<PathBuf>, Vec<Diagnostic>> {
        resolved(&self.templates, &self.project.templates, true)
    }
}

/// A flag replaces the setting: it is not added to it.
fn resolved(given: &[PathBuf], set: &[NamedPath], folders: bool) -> Result<Vec<PathBuf>, Vec<Diagnostic>> {
    if !given.is_empty() {
        return Ok(given.to_vec());
    }
    let (mut paths, mut problems) = (Vec::new(), Vec::new());
    for named in set {
        match named.resolve(folders) {
            Ok(path) => paths.push(path),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(paths) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;

    #[test]
    fn a_flag_wins_over_the_setting_and_the_setting_over_what_is_built_in() {
        let settings =
            Settings { jobs: Some(3), persist: Some(0), timeout: Some(7), strict: Some(true), ..Settings::default() };
        let read = |words: &[&str], project: &Settings| {
            let words = ["unitfleet", "disconnect"].iter().chain(words);
            let mut global = crate::cli::Cli::try_parse_from(words).map_err(|_| "refused").unwrap().global;
            global.project = project.clone();
            (global.jobs(), global.persist().as_secs(), global.connect_timeout().as_secs(), global.strict())
        };
        assert_eq!(read(&[], &Settings::default()), (32, 60, 10, false));
        assert_eq!(read(&[], &settings), (3, 0, 7, true));
        let flags = ["-j", "9", "--persist", "5", "--timeout", "1", "--strict=false"];
        assert_eq!(read(&flags, &settings), (9, 5, 1, false));
        assert_eq!(read(&["--strict"], &Settings::default()), (32, 60, 10, true));
    }

    #[test]
    fn the_help_names_the_defaults_that_are_used() {
        let command = crate::cli::Cli::command();
        let of = |name: &str| {
            let argument = command.get_arguments().find(|argument| argument.get_id() == name);
            argument.and_then(|argument| argument.get_help()).map(ToString::to_string).unwrap_or_default()
        };
        for (name, default) in [("jobs", u64::from(JOBS)), ("timeout", TIMEOUT), ("persist", PERSIST)] {
            assert!(of(name).ends_with(&format!("[default: {default}]")), "{name}: {}", of(name));
        }
    }
}
