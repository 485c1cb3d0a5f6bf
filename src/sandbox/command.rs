//! Running a program to its end, with a limit on its time.

use std::io::{Read, Seek};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::SandboxError;

/// A program of this machine, found also where only root's path leads, and speaking English.
pub(super) fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.env("PATH", search_path()).env("LC_ALL", "C");
    command
}

/// Runs a program that must succeed.
pub(super) fn run(command: &mut Command, within: Duration) -> Result<Output, SandboxError> {
    let output = capture(command, within)?;
    if output.status.success() {
        return Ok(output);
    }
    Err(SandboxError::Command {
        command: line(command),
        how: format!("failed ({})", output.status),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Runs a program and returns what it wrote and how it ended; it and its children are killed when the time is over.
///
/// Its output goes to unnamed files, not pipes: a child that it leaves in the background can hold a pipe open for
/// ever, but not the reader of a file.
pub(super) fn capture(command: &mut Command, within: Duration) -> Result<Output, SandboxError> {
    capture_with(command, Stdio::null(), within)
}

/// The same, with a standard input.
pub(super) fn capture_with(command: &mut Command, stdin: Stdio, within: Duration) -> Result<Output, SandboxError> {
    let failed = |command: &Command, error: &std::io::Error| SandboxError::Command {
        command: line(command),
        how: format!("could not be run: {error}"),
        stderr: String::new(),
    };
    let files = || -> std::io::Result<_> {
        let (stdout, stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
        Ok((stdout.try_clone()?, stderr.try_clone()?, stdout, stderr))
    };
    let (mut stdout, mut stderr, child_stdout, child_stderr) = files().map_err(|error| failed(command, &error))?;
    let mut child = command
        .stdin(stdin)
        .stdout(child_stdout)
        .stderr(child_stderr)
        .process_group(0)
        .spawn()
        .map_err(|error| failed(command, &error))?;
    let status = wait(&mut child, within).map_err(|error| failed(command, &error))?;
    let read = |file: &mut std::fs::File| -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        file.rewind()?;
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let stdout = read(&mut stdout).map_err(|error| failed(command, &error))?;
    let stderr = read(&mut stderr).map_err(|error| failed(command, &error))?;
    match status {
        Some(status) => Ok(Output { status, stdout, stderr }),
        None => Err(SandboxError::Command {
            command: line(command),
            how: format!("did not end within {} s", within.as_secs()),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        }),
    }
}

fn wait(child: &mut Child, within: Duration) -> std::io::Result<Option<ExitStatus>> {
    let since = Instant::now();
    let mut pause = Duration::from_micros(500);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if since.elapsed() > within {
            // Not yet waited for, so the number is still this child's.
            if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                kill_process_group(group, Signal::KILL)?;
            }
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// The command as a person would write it, for messages.
pub(super) fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Whether [`program`] would find it.
pub(super) fn is_installed(program: &str) -> bool {
    search_path().split(':').any(|directory| Path::new(directory).join(program).is_file())
}

#[expect(clippy::disallowed_methods, reason = "where programs are is the machine's to say, not the command line's")]
fn search_path() -> String {
    let own = std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned());
    format!("{own}:/usr/sbin:/sbin")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn output_and_status_come_back() {
        let output = capture(&mut sh("echo out; echo err >&2; exit 3"), Duration::from_secs(5)).unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(output.stdout, b"out\n");
        assert_eq!(output.stderr, b"err\n");
        let error = run(&mut sh("echo no >&2; exit 1"), Duration::from_secs(5)).unwrap_err();
        assert_eq!(error.to_string(), "`sh -c echo no >&2; exit 1` failed (exit status: 1):\nno");
    }

    #[test]
    fn a_program_that_hangs_ends_with_its_children() {
        let since = Instant::now();
        let error = run(&mut sh("sleep 60 & sleep 60"), Duration::from_millis(200)).unwrap_err();
        assert!(error.to_string().contains("did not end within"), "{error}");
        assert!(since.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_child_left_in_the_background_is_not_waited_for() {
        let since = Instant::now();
        let output = run(&mut sh("sleep 3 & echo done"), Duration::from_secs(30)).unwrap();
        assert_eq!(output.stdout, b"done\n");
        assert!(since.elapsed() < Duration::from_secs(2));
    }
}
