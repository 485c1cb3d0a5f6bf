//! `unitfleet validate`

use std::io::Write as _;
use std::path::PathBuf;

use crate::model::Wanted;
use crate::report::json;
use crate::report::wording::count;

use super::global::{Format, GlobalArgs};
use super::project::{Project, Secrecy};
use super::terminal::Terminal;
use super::{Failure, INVALID, Verdict};

/// Check inventory, playbooks and templates: parse, and render for every host; contacts no host
#[derive(clap::Args)]
pub(super) struct Args {
    /// Playbooks
    #[arg(required = true, value_name = "PLAYBOOK")]
    pub(super) playbooks: Vec<PathBuf>,
}

pub(super) fn run(args: &Args, global: &GlobalArgs, terminal: &Terminal) -> Verdict {
    let project = match (Project::load(&args.playbooks, global, terminal, Secrecy::Unasked), global.format) {
        (Err(Failure::Invalid(diagnostics)), Format::Json) => {
            json::write_diagnostics(&mut Terminal::out(), &diagnostics)?;
            return Ok(INVALID);
        }
        (project, _) => project?,
    };
    let mut out = Terminal::out();
    match global.format {
        Format::Json => json::write_diagnostics(&mut out, &project.warnings)?,
        Format::Text => {
            let hosts = project.desired.len();
            let units: usize = project.desired.values().map(|desired| desired.units.len()).sum();
            let files: usize = project
                .desired
                .values()
                .flat_map(|desired| desired.files.values())
                .filter(|file| matches!(file.spec, Wanted::Present(_)))
                .count();
            let hosts = count(hosts, "host", "hosts");
            let (units, files) = (count(units, "unit", "units"), count(files, "file", "files"));
            writeln!(out, "Valid: {hosts} selected, {units} and {files} rendered.")?;
        }
    }
    out.flush()?;
    Ok(0)
}
