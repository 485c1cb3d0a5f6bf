//! `unitfleet render`

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::model::{AbsPath, Bytes, Desired, HostName, Wanted};
use crate::report::wording::count;

use super::global::{Format, GlobalArgs};
use super::project::{Project, Secrecy};
use super::terminal::Terminal;
use super::{Failure, Verdict};

/// Write what each host would get into a folder: DIR/HOST/etc/systemd/system/…; contacts no host
#[derive(clap::Args)]
pub(super) struct Args {
    /// Playbooks
    #[arg(required = true, value_name = "PLAYBOOK")]
    pub(super) playbooks: Vec<PathBuf>,

    /// Folder to write to; it must not exist, or be empty
    #[arg(short, long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn run(args: &Args, global: &GlobalArgs, terminal: &Terminal) -> Verdict {
    let project = Project::load(&args.playbooks, global, terminal, Secrecy::Unasked)?;
    if args.out.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Failure::Usage(format!(
            "{} is not empty: files of an earlier render would look like this one's; remove it, or name another folder",
            args.out.display()
        )));
    }
    let mut files = 0;
    for (host, desired) in &project.desired {
        for (path, bytes) in rendered(desired) {
            write(&args.out, host, &path, bytes)?;
            files += 1;
        }
    }
    let mut out = Terminal::out();
    let hosts = project.desired.len();
    match global.format {
        Format::Text => {
            let (files, hosts) = (count(files, "file", "files"), count(hosts, "host", "hosts"));
            writeln!(out, "Rendered {files} for {hosts} into {}.", args.out.display())?;
        }
        Format::Json => {
            let names: Vec<&str> = project.desired.keys().map(HostName::as_str).collect();
            let version = super::fleet::SCHEMA_VERSION;
            let document =
                serde_json::json!({"schema_version": version, "out": args.out, "hosts": names, "files": files});
            writeln!(out, "{document:#}")?;
        }
    }
    out.flush()?;
    Ok(0)
}

/// Every file that the host would get, unit files and drop-ins included.
fn rendered(desired: &Desired) -> Vec<(AbsPath, &Bytes)> {
    let mut files = Vec::new();
    for (path, file) in desired.files.iter().filter(|(_, file)| file.claim.selected) {
        if let Wanted::Present(spec) = &file.spec {
            files.push((path.clone(), &spec.bytes));
        }
    }
    for (name, unit) in desired.units.iter().filter(|(_, unit)| unit.claim.selected) {
        files.extend(unit.fragment.as_ref().map(|bytes| (name.etc_path(), bytes)));
        for (drop_in, wanted) in &unit.drop_ins {
            if let Wanted::Present(bytes) = wanted {
                files.push((name.etc_drop_in(drop_in), bytes));
            }
        }
    }
    files
}

fn write(out: &Path, host: &HostName, path: &AbsPath, bytes: &Bytes) -> Result<(), Failure> {
    let target = out.join(host.as_str()).join(path.as_str().trim_start_matches('/'));
    let problem = |error: std::io::Error| Failure::Machine(format!("{}: {error}", target.display()));
    if let Some(parent) = target.parent() {
        std::fs::create_dir_all(parent).map_err(problem)?;
    }
    std::fs::write(&target, &bytes.0).map_err(problem)
}
