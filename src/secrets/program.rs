//! Runs a program for its output, bounded in time and size.

use std::io::Read;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::Refusal;

/// Ample for a person who types a passphrase.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often it is looked whether the program has ended.
const PAUSE: Duration = Duration::from_millis(5);
/// How long the output may stay open after the program has ended.
const LINGER: Duration = Duration::from_secs(10);
/// Of what a program says about its failure.
const MAX_WORDS: usize = 4096;

/// What the program prints.
pub(super) fn output(words: &[String], folder: &Path, limit: usize) -> Result<Vec<u8>, Refusal> {
    let Some((program, arguments)) = words.split_first().filter(|(program, _)| !program.is_empty()) else {
        return Err(Refusal::new("it names no program", None));
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own, so that what it has started ends with it.
    command.process_group(0);
    if !folder.as_os_str().is_empty() {
        command.current_dir(folder);
    }
    let mut child = command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Refusal::new(
            "there is no such program",
            Some("install it, or name it by its path; a line for a shell is written as [sh, -c, \"…\"]"),
        ),
        _ => Refusal::new(error.to_string(), None),
    })?;
    let stdout = child.stdout.take().map(|pipe| drain(pipe, limit));
    let stderr = child.stderr.take().map(|pipe| drain(pipe, MAX_WORDS));
    let status = wait(&mut child)?;
    let printed = stdout.map(|receiver| receiver.recv_timeout(LINGER));
    if !status.success() {
        let said = stderr.and_then(|receiver| receiver.recv_timeout(LINGER).ok()).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let last = said.lines().rev().find(|line| !line.trim().is_empty());
        let last = last.map(|line| format!(": {}", line.trim())).unwrap_or_default();
        let how = status.code().map_or_else(|| "was killed".to_owned(), |code| format!("failed with status {code}"));
        return Err(Refusal::new(format!("it {how}{last}"), None));
    }
    let Some(Ok(printed)) = printed else {
        return Err(Refusal::new("something that it started keeps its output open", None));
    };
    if printed.len() > limit {
        return Err(Refusal::new("it printed more than 1 MiB", None));
    }
    Ok(printed)
}

/// Reads a pipe to its end, so that the program is never held up, and keeps one byte more than the limit.
fn drain(mut pipe: impl Read + Send + 'static, limit: usize) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        // A pipe that breaks has ended.
        let _read = (&mut pipe).take(limit as u64 + 1).read_to_end(&mut kept);
        let _rest = std::io::copy(&mut pipe, &mut std::io::sink());
        // Nobody waits any more after a failure.
        let _gone = sender.send(kept);
    });
    receiver
}

fn wait(child: &mut Child) -> Result<std::process::ExitStatus, Refusal> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(PAUSE),
            Ok(None) => {
                end(child);
                let why = format!("it did not end within {} seconds", PATIENCE.as_secs());
                return Err(Refusal::new(why, Some("does it wait for an answer? Its standard input is empty")));
            }
            Err(error) => return Err(Refusal::new(error.to_string(), None)),
        }
    }
}

fn end(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        // One that has just ended cannot be killed, and need not.
        let _gone = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _reaped = child.wait();
}
