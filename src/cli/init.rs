//! `unitfleet init`

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::load::read_file;
use crate::model::{Diagnostic, SourceFile};
use crate::report::wording::count;
use crate::sandbox::{FleetName, STATE_DIRECTORY};
use crate::starter::{NewFile, UnitSource, from_units, is_packaged, project};

use super::global::{Format, GlobalArgs};
use super::schema::What;
use super::terminal::Terminal;
use super::{Failure, Verdict};

/// Start a project: playbook, template, inventory, CI; or turn unit files that you have into a playbook
#[derive(clap::Args)]
pub(super) struct Args {
    /// Folder of the project; what is in it stays, nothing is overwritten
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,

    /// Write a manifest and templates for these unit files instead, one manifest a service; drop-ins in FILE.d come along
    #[arg(long, value_name = "FILE", num_args = 1..)]
    from_unit: Vec<PathBuf>,
}

pub(super) fn run(args: &Args, global: &GlobalArgs) -> Verdict {
    let files = if args.from_unit.is_empty() { new_project() } else { of_units(&args.from_unit)? };
    write_all(&args.folder, &files)?;
    let mut out = Terminal::out();
    if global.format == Format::Json {
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        let version = super::fleet::SCHEMA_VERSION;
        let document = serde_json::json!({"schema_version": version, "folder": args.folder, "files": paths});
        writeln!(out, "{document:#}")?;
        out.flush()?;
        return Ok(0);
    }
    writeln!(out, "Wrote {} to {}:", count(files.len(), "file", "files"), args.folder.display())?;
    for file in &files {
        writeln!(out, "  {}", file.path)?;
    }
    writeln!(out, "\nNext:")?;
    for line in next(args, &files) {
        writeln!(out, "  {line}")?;
    }
    out.flush()?;
    Ok(0)
}

fn new_project() -> Vec<NewFile> {
    let mut files = project();
    // So that an editor completes and underlines from the first minute; the files of the project name them.
    let schemas = [("playbook", What::Playbook), ("inventory", What::Inventory), ("project", What::Project)];
    files.extend(
        schemas.map(|(name, what)| NewFile {
            path: format!(".schema/{name}.json"),
            text: format!("{:#}\n", what.schema()),
        }),
    );
    files
}

/// What to type now.
fn next(args: &Args, files: &[NewFile]) -> Vec<String> {
    let here = |path: &str| match args.folder.as_path() {
        folder if folder == Path::new(".") => path.to_owned(),
        folder => folder.join(path).display().to_string(),
    };
    if args.from_unit.is_empty() {
        let inventory = format!("{STATE_DIRECTORY}/{}/inventory.yaml", FleetName::default());
        let playbook = here("playbook.yaml");
        return vec![
            "unitfleet sandbox up -n 3  # throw-away hosts on this machine, as root".to_owned(),
            format!("unitfleet plan -i {inventory} {playbook}"),
            format!("unitfleet apply -i {inventory} {playbook}"),
        ];
    }
    let manifests = files.iter().filter(|file| !file.path.starts_with("templates/"));
    let manifests: Vec<String> = manifests.map(|file| here(&file.path)).collect();
    let manifests = manifests.join(" ");
    // A copy of a package's file is none that its host has.
    let packaged = args.from_unit.iter().any(|path| is_packaged(&path.to_string_lossy()));
    let from = if packaged { "" } else { "  # on the host that the files are from: no file differs" };
    vec![
        format!("unitfleet validate -i INVENTORY {manifests}"),
        format!("unitfleet plan -i INVENTORY -l HOST {manifests}{from}"),
    ]
}

/// Reads unit files and their drop-ins.
fn of_units(paths: &[PathBuf]) -> Result<Vec<NewFile>, Failure> {
    let mut sources = Vec::new();
    let mut problems: Vec<Diagnostic> = Vec::new();
    for path in paths {
        match read_file(path) {
            Ok(file) => sources.push(UnitSource { file, drop_ins: drop_ins(path, &mut problems)? }),
            Err(problem) => problems.push(problem),
        }
    }
    match from_units(&sources) {
        Ok(files) if problems.is_empty() => Ok(files),
        found => {
            problems.extend(found.err().unwrap_or_default());
            Err(Failure::Invalid(problems))
        }
    }
}

/// The `.conf` files of a unit's `.d` folder, in the order in which systemd reads them.
fn drop_ins(unit: &Path, problems: &mut Vec<Diagnostic>) -> Result<Vec<Arc<SourceFile>>, Failure> {
    let mut folder = unit.as_os_str().to_owned();
    folder.push(".d");
    let folder = PathBuf::from(folder);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let problem = |error: std::io::Error| Failure::Machine(format!("{}: {error}", folder.display()));
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(problem)? {
        let path = entry.map_err(problem)?.path();
        if path.extension().is_some_and(|extension| extension == "conf") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        match read_file(&path) {
            Ok(file) => files.push(file),
            Err(found) => problems.push(found),
        }
    }
    Ok(files)
}

/// Writes all files or none: what is there already is somebody's work.
fn write_all(folder: &Path, files: &[NewFile]) -> Result<(), Failure> {
    let taken: Vec<&str> = files
        .iter()
        .map(|file| file.path.as_str())
        .filter(|path| std::fs::symlink_metadata(folder.join(path)).is_ok())
        .collect();
    if !taken.is_empty() {
        let (folder, taken) = (folder.display(), taken.join(", "));
        return Err(Failure::Usage(format!(
            "nothing was written: {folder} has these already: {taken}\n help: name another folder: unitfleet init DIR"
        )));
    }
    for file in files {
        let path = folder.join(&file.path);
        let problem = |error: std::io::Error| Failure::Machine(format!("{}: {error}", path.display()));
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(problem)?;
        }
        let mut file_on_disk = std::fs::File::create_new(&path).map_err(problem)?;
        file_on_disk.write_all(file.text.as_bytes()).map_err(problem)?;
    }
    Ok(())
}
