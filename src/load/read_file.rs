//! From a path to text that is fit to be read as YAML.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::{Diagnostic, SourceFile};

use super::allowed::closest;
use super::scan::MAX_BYTES;

/// Reads a file of the user's. Nothing larger than the limit is kept in memory.
pub fn read_file(path: &Path) -> Result<Arc<SourceFile>, Diagnostic> {
    let name = path.display().to_string();
    if is_named_pipe(path) {
        return Err(Diagnostic::error(format!("cannot read `{name}`: it is a pipe, and nobody may ever write to it"))
            .help("name a file; what a program prints is given as `<(PROGRAM)`"));
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(|error| {
        let problem = Diagnostic::error(format!("cannot read `{name}`: {}", why(&error)));
        match (error.kind() == ErrorKind::NotFound).then(|| neighbour(path)).flatten() {
            Some(near) => problem.help(format!("did you mean `{}`?", near.display())),
            None => problem,
        }
    })?;
    source_of(name, bytes)
}

/// To open a pipe without a writer waits for one. A shell's `<(…)` has no path of its own, and has a writer.
fn is_named_pipe(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.file_type().is_fifo()) && path.canonicalize().is_ok()
}

/// Without the system's own words and numbers, where there are better ones.
fn why(error: &std::io::Error) -> String {
    if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
        return "it is a link that leads in a circle".to_owned();
    }
    match error.kind() {
        ErrorKind::NotFound => "there is no such file".to_owned(),
        ErrorKind::NotADirectory => "what stands before the last `/` is no folder".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        ErrorKind::IsADirectory => "it is a directory".to_owned(),
        ErrorKind::InvalidFilename => "its name is too long".to_owned(),
        _ => error.to_string(),
    }
}

/// A file of nearly the same name in the same folder, as `playbook.yaml` for `playbook.yml`.
fn neighbour(path: &Path) -> Option<PathBuf> {
    let wanted = path.file_name()?.to_str()?;
    let folder = path.parent()?;
    let list = if folder == Path::new("") { Path::new(".") } else { folder };
    let files = std::fs::read_dir(list).ok()?.flatten().filter(|entry| entry.path().is_file());
    let mut names: Vec<String> = files.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    closest(wanted, names.iter().map(String::as_str)).map(|near| folder.join(near))
}

/// Checks size and encoding.
pub(super) fn source_of(name: String, bytes: Vec<u8>) -> Result<Arc<SourceFile>, Diagnostic> {
    if bytes.len() > MAX_BYTES {
        return Err(Diagnostic::error(format!("`{name}` is larger than 4 MiB")).help(
            "split it into several files; content of that size belongs into a file of its own, named by `source:`",
        ));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].split(|byte| *byte == b'\n').count();
        let problem = Diagnostic::error(format!("`{name}` is not UTF-8: line {line} holds a byte that is no text"));
        // What is no text is drawn as `�`, so that the rest of the line can be seen.
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let source = Arc::new(SourceFile { name: name.clone(), text });
        problem.at(&source, at..at + '\u{fffd}'.len_utf8(), "").help("save the file as UTF-8")
    })?;
    Ok(Arc::new(SourceFile { name, text }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_nearly_that_name_is_proposed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("playbook.yaml"), "").unwrap();
        let refused = read_file(&folder.path().join("playbook.yml")).unwrap_err();
        let wanted = format!("did you mean `{}`?", folder.path().join("playbook.yaml").display());
        assert_eq!(refused.help.as_deref(), Some(wanted.as_str()));
        assert_eq!(read_file(&folder.path().join("shop.yml")).unwrap_err().help, None);
    }

    #[test]
    fn what_is_no_text_is_refused_with_its_line() {
        let refused = source_of("a.yaml".into(), b"a: 1\nb: \xff\n".to_vec()).unwrap_err();
        assert_eq!(refused.message, "`a.yaml` is not UTF-8: line 2 holds a byte that is no text");
        let label = &refused.labels[0];
        assert_eq!(label.source.line_column(label.span.start), (2, 4));
        let refused = source_of("a.yaml".into(), vec![b' '; MAX_BYTES + 1]).unwrap_err();
        assert_eq!(refused.message, "`a.yaml` is larger than 4 MiB");
        assert!(source_of("a.yaml".into(), vec![b' '; MAX_BYTES]).is_ok());
    }

    #[test]
    fn a_missing_file_is_said_without_error_numbers() {
        let refused = read_file(Path::new("/no/such.yaml")).unwrap_err();
        assert_eq!(refused.message, "cannot read `/no/such.yaml`: there is no such file");
        let refused = read_file(Path::new("/")).unwrap_err();
        assert_eq!(refused.message, "cannot read `/`: it is a directory");
    }
}
