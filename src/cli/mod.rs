//! The command line: clap, environment, terminal, exit codes.
//!
//! One file per verb: its `Args` with the help text, and `run`. To add a verb: a file with both, a variant in
//! `Verb`, an arm in `dispatch`; the snapshot of the help changes.
//!
//! Deliberately absent: decisions about hosts. What a verb does with a fleet is in `observe`, `plan` and `apply`.

mod apply;
mod completions;
mod disconnect;
mod fleet;
mod global;
mod init;
mod interrupt;
mod inventory;
mod man;
mod observe;
mod plan;
mod project;
mod render;
mod sandbox;
mod schema;
mod stack;
mod terminal;
mod validate;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::load::project::read_project;
use crate::model::Diagnostic;
use crate::report::{diagnostic, json};

use global::{Format, GlobalArgs};
use terminal::Terminal;

/// Wrong use of the command line.
const USAGE: u8 = 64;
/// Invalid inventory, playbook or template.
const INVALID: u8 = 65;
/// Something failed.
const FAILED: u8 = 1;
/// What a shell makes of a program that SIGPIPE has ended.
const NO_READER: u8 = 141;

/// A declarative fleet reconciler for systemd services.
///
/// Describe in YAML the services that your servers should run; see what differs, with a reason for every step;
/// apply it idempotently over SSH, without an agent.
#[derive(Parser)]
#[command(name = "unitfleet", version, max_term_width = 100, arg_required_else_help = true, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    global: GlobalArgs,
}

const AFTER_HELP: &str = "\
First steps:
  unitfleet init shop           a project that can be applied as it is
  unitfleet sandbox up -n 3     throw-away hosts; it says where their INVENTORY is
  unitfleet plan -i INVENTORY shop/playbook.yaml
  unitfleet apply -i INVENTORY shop/playbook.yaml

Exit codes:
  0    done, or nothing to do
  1    something failed
  2    changes are pending (plan --detailed-exitcode)
  5    some hosts are unreachable, the rest is fine
  6    a change failed and was taken back
  7    refused
  64   wrong use of the command line
  65   invalid inventory, playbook or template
  130  interrupted (143: by SIGTERM, 129: the terminal went away)
  141  nobody reads the output any more";

#[derive(Subcommand)]
enum Verb {
    Validate(validate::Args),
    Render(render::Args),
    Observe(observe::Args),
    Plan(plan::Args),
    Apply(apply::Args),
    Inventory(inventory::Args),
    Disconnect(disconnect::Args),
    Sandbox(sandbox::Args),
    Init(init::Args),
    Schema(schema::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Verb {
    /// The playbooks whose project's settings count; `None` for verbs that no setting is about, which therefore work
    /// whatever `unitfleet.yaml` holds. A verb without playbooks that reads the inventory says `Some(&[])`: then the
    /// project is the current folder's.
    fn playbooks(&self) -> Option<&[PathBuf]> {
        match self {
            Self::Validate(args) => Some(&args.playbooks),
            Self::Render(args) => Some(&args.playbooks),
            Self::Observe(args) => Some(&args.playbooks),
            Self::Plan(args) => Some(&args.playbooks),
            Self::Apply(args) => Some(&args.playbooks),
            Self::Inventory(args) => Some(&args.playbooks),
            Self::Disconnect(_)
            | Self::Sandbox(_)
            | Self::Init(_)
            | Self::Schema(_)
            | Self::Completions(_)
            | Self::Man(_) => None,
        }
    }
}

/// Why a verb ended early. What went wrong on hosts is in the report, not here.
enum Failure {
    /// The command line asks for something that makes no sense.
    Usage(String),
    /// What the user wrote is wrong.
    Invalid(Vec<Diagnostic>),
    /// The machine we run on did not do its part.
    Machine(String),
    /// Who read our output has had enough of it, as `head` does.
    NoReader,
    /// A signal asked us to end.
    Interrupted { text: String, code: u8 },
}

impl Failure {
    /// The same for programs.
    fn diagnostics(&self) -> Vec<Diagnostic> {
        match self {
            Self::Invalid(diagnostics) => diagnostics.clone(),
            Self::Usage(text) | Self::Machine(text) | Self::Interrupted { text, .. } => {
                vec![Diagnostic::error(text.as_str())]
            }
            Self::NoReader => Vec::new(),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::NoReader,
            _ => Self::Machine(error.to_string()),
        }
    }
}

/// What a verb returns: an exit code, or why it ended early.
type Verdict = Result<u8, Failure>;

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    stack::deep(run)
}

fn run() -> ExitCode {
    let mut cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(misused(&error)),
    };
    let terminal = Terminal::new(cli.global.color, cli.global.verbose, cli.global.quiet);
    let code = match settle(&mut cli).and_then(|()| dispatch(&cli, &terminal)) {
        Ok(code) => code,
        Err(failure) => {
            if cli.global.format == Format::Json {
                // A program that reads standard output finds one document there, whatever happens.
                drop(json::write_diagnostics(&mut Terminal::out(), &failure.diagnostics()));
            }
            explain(&failure, &terminal)
        }
    };
    ExitCode::from(code)
}

/// clap has explained what is wrong, or printed the help that was asked for.
fn misused(error: &clap::Error) -> u8 {
    // clap's own code for wrong usage is 2, which here means that changes are pending.
    let code = if error.use_stderr() { USAGE } else { 0 };
    let words: Vec<_> = std::env::args_os().collect();
    let json = words.iter().any(|word| word == "--format=json")
        || words.windows(2).any(|pair| pair[0] == "--format" && pair[1] == "json");
    if code != 0 && json {
        let text = error.kind().to_string();
        let text = error.to_string().lines().next().map_or(text, |line| line.trim_start_matches("error: ").to_owned());
        drop(json::write_diagnostics(&mut Terminal::out(), &[Diagnostic::error(text)]));
    }
    drop(error.print());
    code
}

/// Reads the project's settings, for verbs that they are about.
fn settle(cli: &mut Cli) -> Result<(), Failure> {
    if let Some(playbooks) = cli.verb.playbooks() {
        cli.global.project = read_project(playbooks).map_err(Failure::Invalid)?;
    }
    Ok(())
}

fn dispatch(cli: &Cli, terminal: &Terminal) -> Verdict {
    let global = &cli.global;
    match &cli.verb {
        Verb::Validate(args) => validate::run(args, global, terminal),
        Verb::Render(args) => render::run(args, global, terminal),
        Verb::Observe(args) => observe::run(args, global, terminal),
        Verb::Plan(args) => plan::run(args, global, terminal),
        Verb::Apply(args) => apply::run(args, global, terminal),
        Verb::Inventory(args) => inventory::run(args, global, terminal),
        Verb::Disconnect(args) => disconnect::run(args, global),
        Verb::Sandbox(args) => sandbox::run(args, global, terminal),
        Verb::Init(args) => init::run(args, global),
        Verb::Schema(args) => schema::run(args),
        Verb::Completions(args) => completions::run(args),
        Verb::Man(args) => man::run(args),
    }
}

fn explain(failure: &Failure, terminal: &Terminal) -> u8 {
    let mut err = Terminal::err();
    // A message that cannot be written has no other way out.
    let (written, code) = match failure {
        Failure::Usage(text) => (writeln!(err, "error: {text}"), USAGE),
        Failure::Machine(text) => (writeln!(err, "error: {text}"), FAILED),
        Failure::Interrupted { text, code } => (writeln!(err, "{text}"), *code),
        Failure::NoReader => (Ok(()), NO_READER),
        Failure::Invalid(diagnostics) => (
            {
                let options = terminal.err_options();
                diagnostic::write(&mut err, diagnostics, options.width, options.color)
            },
            INVALID,
        ),
    };
    drop(written);
    code
}
