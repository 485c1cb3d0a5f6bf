//! Fetches secrets from where a playbook says they are: programs, files, the environment.
//!
//! Every source is asked once and all at the same time, and only those that something on a selected host is made of. A
//! program runs without a shell, in the playbook's folder, with the controller's environment and without standard input;
//! it may ask a person through the terminal, as `gpg` does. What it prints is the secret, without the line ends at its
//! end: every password manager prints one, and no password has one.
//!
//! Deliberately absent: reading any manager's files here. `sops`, `pass`, `age`, `op` and `vault` are programs that do
//! it, know their keys, and are kept up to date by others.

mod program;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use crate::model::{Diagnostic, Label, SecretSource, SecretValue, Secrets};

/// Larger ones are no secrets but data.
const MAX_BYTES: usize = 1024 * 1024;

/// Reads a variable of the environment.
pub type Environment<'a> = dyn Fn(&str) -> Option<String> + Sync + 'a;

/// Asks all sources. Each comes with the place that declares it.
///
/// # Errors
/// What every source that failed says about it.
pub fn fetch(sources: &BTreeMap<SecretSource, Label>, environment: &Environment) -> Result<Secrets, Vec<Diagnostic>> {
    let fetched: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> =
            sources.iter().map(|(source, label)| (source, label, scope.spawn(|| ask(source, environment)))).collect();
        let answered = asked.into_iter().map(|(source, label, thread)| {
            let answer = thread.join().unwrap_or_else(|_| Err(Refusal::new("it could not be read", None)));
            (source, label, answer)
        });
        answered.collect()
    });
    let mut secrets = Secrets::new();
    let mut problems = Vec::new();
    for (source, label, answer) in fetched {
        match answer {
            Ok(text) => drop(secrets.insert(source.clone(), SecretValue::new(text))),
            Err(refusal) => problems.push(refusal.diagnostic(source, label)),
        }
    }
    if problems.is_empty() { Ok(secrets) } else { Err(problems) }
}

/// Why a source gave nothing.
struct Refusal {
    why: String,
    help: Option<String>,
}

impl Refusal {
    fn new(why: impl Into<String>, help: Option<&str>) -> Self {
        Self { why: why.into(), help: help.map(str::to_owned) }
    }

    fn diagnostic(self, source: &SecretSource, label: &Label) -> Diagnostic {
        let message = format!("this secret could not be had from {source}: {}", self.why);
        let diagnostic = Diagnostic::error(message).at(&label.source, label.span.clone(), "");
        match self.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}

fn ask(source: &SecretSource, environment: &Environment) -> Result<String, Refusal> {
    let bytes = match source {
        SecretSource::Command { words, folder } => program::output(words, folder, MAX_BYTES)?,
        SecretSource::Env(name) => {
            environment(name).ok_or_else(|| Refusal::new("it is not set", Some("export it for this run")))?.into_bytes()
        }
        SecretSource::File(path) => read(&at_home(path, environment))?,
    };
    let mut text = String::from_utf8(bytes).map_err(|_| {
        Refusal::new("it is not UTF-8 text", Some("encode it, for example with base64, and decode it in the template"))
    })?;
    text.truncate(text.trim_end_matches(['\n', '\r']).len());
    if text.is_empty() {
        return Err(Refusal::new("it is empty", None));
    }
    if text.contains('\0') {
        return Err(Refusal::new("it holds a NUL byte", Some("encode it, for example with base64")));
    }
    Ok(text)
}

fn read(path: &Path) -> Result<Vec<u8>, Refusal> {
    let why = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Refusal::new("there is no such file", Some("a relative path begins at the playbook's folder"))
        }
        std::io::ErrorKind::PermissionDenied => Refusal::new("permission denied", None),
        std::io::ErrorKind::IsADirectory => Refusal::new("it is a directory", None),
        _ => Refusal::new(error.to_string(), None),
    };
    // To open a pipe without a writer waits for one; a shell's `<(…)` has no path of its own, and has a writer.
    if path.metadata().is_ok_and(|found| found.file_type().is_fifo()) && path.canonicalize().is_ok() {
        return Err(Refusal::new("it is a pipe, and nobody may ever write to it", Some("name a file")));
    }
    let mut bytes = Vec::new();
    let limit = MAX_BYTES as u64 + 1;
    std::fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(why)?;
    if bytes.len() > MAX_BYTES {
        return Err(Refusal::new(
            "it is larger than 1 MiB",
            Some("install it with `source:`; a secret is a short text"),
        ));
    }
    Ok(bytes)
}

/// `~/x`, which no shell has expanded.
fn at_home(path: &Path, environment: &Environment) -> PathBuf {
    match (path.strip_prefix("~"), environment("HOME")) {
        (Ok(rest), Some(home)) => Path::new(&home).join(rest),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::model::SourceFile;

    fn label() -> Label {
        let source = SourceFile { name: "p.yaml".to_owned(), text: "secret".to_owned() };
        Label { source: Arc::new(source), span: 0..6, text: String::new() }
    }

    fn sh(script: &str) -> SecretSource {
        let words = ["sh", "-c", script].map(str::to_owned).to_vec();
        SecretSource::Command { words, folder: PathBuf::from("/") }
    }

    fn fetched(sources: &[SecretSource]) -> Result<Vec<String>, Vec<String>> {
        let map = sources.iter().map(|source| (source.clone(), label())).collect();
        let environment = |name: &str| (name == "SET").then(|| "from the environment\n".to_owned());
        match fetch(&map, &environment) {
            Ok(found) => Ok(sources.iter().map(|source| found[source].expose().to_owned()).collect()),
            Err(problems) => Err(problems.into_iter().map(|problem| problem.message).collect()),
        }
    }

    #[test]
    fn each_kind_of_source_gives_its_text_without_the_last_line_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("s");
        std::fs::write(&file, " a\nb \r\n\n").unwrap();
        let sources = [sh("echo out; echo noise >&2"), SecretSource::Env("SET".to_owned()), SecretSource::File(file)];
        assert_eq!(fetched(&sources).unwrap(), ["out", "from the environment", " a\nb "]);
    }

    #[test]
    fn all_that_fail_are_told_with_the_reason() {
        let sources = [
            sh("echo S3CRET; echo no such entry >&2; exit 3"),
            sh("true"),
            sh("printf 'a\\0b'"),
            sh("printf '\\377'"),
            sh("head -c 2000000 /dev/zero"),
            SecretSource::Command { words: vec!["/no/such/program".to_owned()], folder: PathBuf::from("/") },
            SecretSource::Env("UNSET".to_owned()),
            SecretSource::File(PathBuf::from("/no/such/file")),
        ];
        let said = fetched(&sources).unwrap_err().join("\n");
        for part in [
            "exit 3`: it failed with status 3: no such entry",
            "`sh -c true`: it is empty",
            "it holds a NUL byte",
            "it is not UTF-8 text",
            "it printed more than 1 MiB",
            "the command `/no/such/program`: there is no such program",
            "the environment variable `UNSET`: it is not set",
            "the file `/no/such/file`: there is no such file",
        ] {
            assert!(said.contains(part), "{part}\n{said}");
        }
        assert_eq!(said.matches("could not be had").count(), sources.len(), "{said}");
    }

    #[test]
    fn all_are_asked_at_the_same_time() {
        let sources: Vec<SecretSource> = (0..8).map(|number| sh(&format!("sleep 0.5; echo {number}"))).collect();
        let started = Instant::now();
        assert_eq!(fetched(&sources).unwrap().len(), 8);
        // One after the other they would take four seconds at least.
        assert!(started.elapsed() < Duration::from_millis(3500));
    }
}
