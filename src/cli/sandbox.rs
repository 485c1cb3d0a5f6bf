//! `unitfleet sandbox`

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;

use clap::Subcommand;

use crate::report::table::{Cell, Column, Table};
use crate::sandbox::{Fleet, FleetName, Options, Power, Release, Sandbox, SandboxError};

use super::global::{Format, GlobalArgs};
use super::terminal::Terminal;
use super::{Failure, Verdict};

/// Throw-away hosts on this machine: real systemd as PID 1 and a stock sshd; needs root
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Up(Up),
    /// Show the fleets that are up, and their hosts
    List,
    Exec(Exec),
    Down(Down),
}

/// Boot hosts; the first fleet of a release takes a minute, later ones seconds
#[derive(clap::Args)]
struct Up {
    /// How many hosts
    #[arg(short = 'n', long = "hosts", value_name = "N", default_value_t = 1)]
    hosts: u8,

    /// Debian release: bullseye (systemd 247), bookworm (252) or trixie (257)
    #[arg(long, default_value_t)]
    release: Release,

    /// Name of the fleet
    #[arg(long, default_value_t, value_parser = FleetName::parse)]
    name: FleetName,

    /// An sshd as a careful admin sets it up: no root login, two sessions a connection, no forwarding
    #[arg(long)]
    hardened: bool,

    /// More Debian packages for the hosts, such as python3-minimal
    #[arg(long, value_name = "PACKAGE", value_delimiter = ',')]
    with: Vec<String>,
}

/// Run a command on a host, as root and without ssh
#[derive(clap::Args)]
struct Exec {
    /// Name of the fleet
    #[arg(long, default_value_t, value_parser = FleetName::parse)]
    name: FleetName,

    /// Host
    host: String,

    /// Command and its arguments; a login shell without any
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// Take a fleet down and remove everything that was made for it
#[derive(clap::Args)]
struct Down {
    /// Name of the fleet
    #[arg(long, default_value_t, value_parser = FleetName::parse)]
    name: FleetName,
}

impl From<SandboxError> for Failure {
    fn from(error: SandboxError) -> Self {
        match &error {
            SandboxError::Invalid(_) | SandboxError::NoFleet { .. } | SandboxError::NoHost { .. } => {
                Self::Usage(error.to_string())
            }
            _ => Self::Machine(error.to_string()),
        }
    }
}

pub(super) fn run(args: &Args, global: &GlobalArgs, terminal: &Terminal) -> Verdict {
    match &args.verb {
        Verb::Up(up) => boot(up, terminal),
        Verb::List => list(global, terminal),
        Verb::Exec(exec) => execute(exec),
        Verb::Down(down) => take_down(down),
    }
}

fn boot(up: &Up, terminal: &Terminal) -> Verdict {
    let options = Options {
        name: up.name.clone(),
        hosts: up.hosts,
        release: up.release,
        hardened: up.hardened,
        with: up.with.clone(),
        ..Options::default()
    };
    let quiet = terminal.detail() == crate::report::Detail::Quiet;
    let fleet = Sandbox::default().up(&options, &mut |progress| {
        if !quiet {
            // Progress that cannot be written is no reason to give up.
            drop(writeln!(Terminal::err(), "{progress}"));
        }
    })?;
    let mut out = Terminal::out();
    let name = if up.name == FleetName::default() { String::new() } else { format!(" --name {}", up.name) };
    let first = fleet.hosts().first().map_or("HOST", |host| host.name.as_str());
    writeln!(out, "{} hosts are up. Their inventory: {}", fleet.hosts().len(), fleet.inventory_path().display())?;
    writeln!(out, "  plan on them:  unitfleet plan -i {} PLAYBOOK", fleet.inventory_path().display())?;
    writeln!(out, "  look inside:   unitfleet sandbox exec{name} {first} -- systemctl status")?;
    writeln!(out, "  take down:     unitfleet sandbox down{name}")?;
    out.flush()?;
    Ok(0)
}

fn list(global: &GlobalArgs, terminal: &Terminal) -> Verdict {
    let fleets = Sandbox::default().list()?;
    let mut out = Terminal::out();
    if global.format == Format::Json {
        let document = serde_json::json!({
            "schema_version": super::fleet::SCHEMA_VERSION,
            "fleets": fleets.iter().map(|fleet| serde_json::json!({
                "name": fleet.name,
                "release": fleet.release,
                "hardened": fleet.hardened,
                "inventory": fleet.inventory,
                "hosts": fleet.hosts.iter().map(|host| serde_json::json!({
                    "name": host.record.name,
                    "address": host.record.address.to_string(),
                    "on": host.power == Power::On,
                })).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
        });
        writeln!(out, "{document:#}")?;
        out.flush()?;
        return Ok(0);
    }
    if fleets.is_empty() {
        writeln!(out, "No fleet is up. Boot one: unitfleet sandbox up -n 3")?;
    }
    for fleet in fleets {
        let kind = if fleet.hardened { ", hardened" } else { "" };
        writeln!(out, "{} ({}{kind}): {}", fleet.name, fleet.release, fleet.inventory.display())?;
        let mut table = Table::new(2, &[Column::LEFT, Column::LEFT, Column::LEFT]);
        for host in &fleet.hosts {
            let power = if host.power == Power::On { "on" } else { "off" };
            let cells = [host.record.name.clone(), host.record.address.to_string(), power.to_owned()];
            table.row(cells.into_iter().map(Cell::plain).collect());
        }
        table.write(&mut out, terminal.out_options().width)?;
    }
    out.flush()?;
    Ok(0)
}

fn execute(exec: &Exec) -> Verdict {
    let fleet = Fleet::open(&exec.name)?;
    let shell = ["sh".to_owned(), "-l".to_owned()];
    let argv: &[String] = if exec.command.is_empty() { &shell } else { &exec.command };
    // The command takes our place, so that its terminal, signals and exit status are its own.
    let error = fleet.command(&exec.host, argv)?.exec();
    Err(Failure::Machine(format!("{}: {error}", exec.host)))
}

fn take_down(down: &Down) -> Verdict {
    let was_up = Sandbox::default().down(&down.name)?;
    let mut out = Terminal::out();
    if was_up {
        writeln!(out, "The fleet {} is down; nothing of it is left.", down.name)?;
    } else {
        writeln!(out, "There is no fleet {}.", down.name)?;
    }
    out.flush()?;
    Ok(0)
}
