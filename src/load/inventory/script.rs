//! Running inventory scripts, with limits: on their time, on what they print, on how many run at once.
//!
//! A script runs in our own process group, so that Ctrl-C reaches it and it may ask for a password on the terminal. It and
//! what it starts carry a mark in their environment; when its time is over all that carry the mark are killed, also those
//! that went into the background.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::load::read_file::source_of;
use crate::load::scan::MAX_BYTES;
use crate::model::{Diagnostic, HostName, SourceFile};

/// What bounds a script.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// How long one call may take.
    pub(super) time: Duration,
    /// How long is waited for what is still to come when the script itself has ended.
    pub(super) grace: Duration,
    /// How many calls with `--host` run at once.
    pub(super) at_once: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time: Duration::from_secs(30), grace: Duration::from_secs(1), at_once: 8 }
    }
}

/// Of standard error only so much is kept; what follows is read and forgotten.
const STDERR_MAX: usize = 64 * 1024;
const MARK: &str = "UNITFLEET_INVENTORY_SCRIPT";

/// An executable inventory.
#[derive(Clone, Debug)]
pub(super) struct Script {
    program: PathBuf,
    name: String,
    limits: Limits,
}

struct Ended {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: String,
}

impl Script {
    pub(super) fn new(path: &Path, limits: Limits) -> Self {
        // A name without a slash would be looked for in PATH.
        let program = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        Self { program, name: path.display().to_string(), limits }
    }

    /// What it prints for `--list`, under the script's name.
    pub(super) fn list(&self) -> Result<Arc<SourceFile>, Diagnostic> {
        self.ask(&["--list"], self.name.clone())
    }

    /// What it prints for each host. After the first that fails, no others are asked.
    pub(super) fn hosts(&self, hosts: &[HostName]) -> Vec<(HostName, Result<Arc<SourceFile>, Diagnostic>)> {
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let work = || {
            let mut answers = Vec::new();
            while let Some(host) = hosts.get(next.fetch_add(1, Ordering::Relaxed)) {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let answer = self.ask(&["--host", host.as_str()], format!("{} --host {host}", self.name));
                stop.fetch_or(answer.is_err(), Ordering::Relaxed);
                answers.push((host.clone(), answer));
            }
            answers
        };
        let mut answers: Vec<_> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.limits.at_once.min(hosts.len())).map(|_| scope.spawn(work)).collect();
            workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
        });
        let place = |host: &HostName| hosts.iter().position(|known| known == host);
        answers.sort_by_key(|(host, _)| place(host));
        answers
    }

    fn ask(&self, arguments: &[&str], source: String) -> Result<Arc<SourceFile>, Diagnostic> {
        let call = format!("{} {}", self.name, arguments.join(" "));
        let ended = self.run(arguments, &call)?;
        if !ended.status.success() {
            let how = match ended.status.code() {
                Some(code) => format!("ended with exit code {code}"),
                None => format!("was ended by a signal ({})", ended.status),
            };
            return Err(failed(format!("the inventory script `{call}` {how}"), &call, &ended.stderr));
        }
        source_of(source, ended.stdout)
    }

    fn run(&self, arguments: &[&str], call: &str) -> Result<Ended, Diagnostic> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let mark = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut command = Command::new(&self.program);
        command.args(arguments).env(MARK, &mark).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| {
            let help = "a script begins with the path of its interpreter, such as `#!/usr/bin/env python3`, and that has to be installed";
            Diagnostic::error(format!("the inventory script `{}` cannot be run: {error}", self.name)).help(help)
        })?;
        let (out, err) = (reader(child.stdout.take(), MAX_BYTES), reader(child.stderr.take(), STDERR_MAX));
        let since = Instant::now();
        let (mut stdout, mut stderr, mut status) = (None, None, None);
        let mut pause = Duration::from_millis(1);
        let mut until = self.limits.time;
        while since.elapsed() < until && !(status.is_some() && stdout.is_some() && stderr.is_some()) {
            stdout = stdout.or_else(|| out.try_recv().ok());
            stderr = stderr.or_else(|| err.try_recv().ok());
            if stdout.as_ref().is_some_and(|bytes: &Vec<u8>| bytes.len() > MAX_BYTES) {
                end(&mut child, &mark);
                let message = format!("the inventory script `{call}` printed more than 4 MiB, and was stopped");
                return Err(
                    Diagnostic::error(message).help("an inventory of that size is split over several scripts or files")
                );
            }
            if status.is_none() {
                status = child.try_wait().ok().flatten();
                if status.is_some() {
                    // What it left in the background may hold its output open for ever.
                    until = until.min(since.elapsed() + self.limits.grace);
                }
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
        if stdout.is_none() || stderr.is_none() || status.is_none() {
            end(&mut child, &mark);
        }
        let late = |part: Option<Vec<u8>>, from: &Receiver<Vec<u8>>| {
            part.or_else(|| from.recv_timeout(Duration::from_secs(1)).ok()).unwrap_or_default()
        };
        let stderr = String::from_utf8_lossy(&late(stderr, &err)).into_owned();
        let Some(status) = status else {
            let time = self.limits.time.as_secs_f32();
            let message = format!("the inventory script `{call}` did not end within {time} s, and was stopped");
            return Err(failed(message, call, &stderr));
        };
        Ok(Ended { status, stdout: late(stdout, &out), stderr })
    }
}

/// Reads a pipe to its end in the background; sends one byte more than the limit where there is more.
fn reader(pipe: Option<impl Read + Send + 'static>, limit: usize) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let Some(mut pipe) = pipe else { return };
        let room = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        drop(pipe.by_ref().take(room).read_to_end(&mut bytes));
        if limit == STDERR_MAX {
            drop(std::io::copy(&mut pipe, &mut std::io::sink()));
        }
        drop(sender.send(bytes));
    });
    receiver
}

/// An error with what the script wrote last.
fn failed(message: String, call: &str, stderr: &str) -> Diagnostic {
    let stderr = stderr.trim_end().to_owned();
    if stderr.is_empty() {
        return Diagnostic::error(message).help(format!("it said nothing on standard error; try `{call}`"));
    }
    let start = stderr.rfind('\n').map_or(0, |at| at + 1);
    let span = start..stderr.len();
    let source = Arc::new(SourceFile { name: format!("{call} (standard error)"), text: stderr });
    Diagnostic::error(message).at(&source, span, "it said").help(format!("try `{call}`"))
}

/// Kills a script with all that it started.
fn end(child: &mut Child, mark: &str) {
    drop(child.kill());
    drop(child.wait());
    let entry = format!("{MARK}={mark}");
    // What is just being started may be missed by one look.
    for _ in 0..20 {
        let left = marked(entry.as_bytes());
        if left.is_empty() {
            return;
        }
        for process in left {
            // It may have ended by itself in between.
            let _gone = kill_process(process, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The processes that carry a mark in their environment.
fn marked(entry: &[u8]) -> Vec<Pid> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = processes.filter_map(|process| process.file_name().to_str()?.parse::<i32>().ok());
    numbers
        .filter(|number| {
            let environment = std::fs::read(format!("/proc/{number}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == entry)
        })
        .filter_map(Pid::from_raw)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A script in a folder that lives as long as the guard.
    fn script(text: &str) -> (tempfile::TempDir, Script) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fleet");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let limits = Limits { time: Duration::from_millis(1500), grace: Duration::from_millis(300), at_once: 4 };
        let mut script = Script::new(&path, limits);
        script.name = "fleet".to_owned();
        (folder, script)
    }

    #[track_caller]
    fn refused(text: &str) -> Diagnostic {
        let (_folder, script) = script(text);
        script.list().unwrap_err()
    }

    fn names(names: &[&str]) -> Vec<HostName> {
        names.iter().map(|name| HostName::parse(name).unwrap()).collect()
    }

    #[test]
    fn what_a_script_prints_is_a_file_of_its_name() {
        let (_folder, script) = script("#!/bin/sh\necho \"$1 $2\"; echo noise >&2\n");
        let list = script.list().unwrap();
        assert_eq!((list.name.as_str(), list.text.as_str()), ("fleet", "--list \n"));
        let answers = script.hosts(&names(&["a", "b", "c"]));
        let said: Vec<_> = answers.iter().map(|(_, answer)| answer.as_ref().unwrap().text.as_str()).collect();
        assert_eq!(said, ["--host a\n", "--host b\n", "--host c\n"]);
        assert_eq!(answers[1].1.as_ref().unwrap().name, "fleet --host b");
    }

    #[test]
    fn one_that_fails_is_told_with_what_it_said_last() {
        let problem = refused("#!/bin/sh\necho one >&2\necho no token >&2\nexit 3\n");
        assert_eq!(problem.message, "the inventory script `fleet --list` ended with exit code 3");
        assert_eq!(&problem.labels[0].source.text[problem.labels[0].span.clone()], "no token");
        assert!(refused("#!/bin/sh\nkill -9 $$\n").message.contains("was ended by a signal"));
        assert!(refused("#!/no/such/interpreter\n").message.starts_with("the inventory script `fleet` cannot be run"));
    }

    #[test]
    fn one_that_hangs_is_killed_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("children");
        let text = format!(
            "#!/bin/sh\nsleep 300 & echo $! >>{0}\nsetsid sleep 300 & echo $! >>{0}\necho waiting >&2\nsleep 300\n",
            file.display()
        );
        let since = Instant::now();
        let problem = refused(&text);
        assert_eq!(problem.message, "the inventory script `fleet --list` did not end within 1.5 s, and was stopped");
        assert_eq!(problem.labels[0].source.text, "waiting");
        assert!(since.elapsed() < Duration::from_secs(10));
        let children = std::fs::read_to_string(file).unwrap();
        assert_eq!(children.lines().count(), 2);
        for child in children.lines() {
            let command = std::fs::read_to_string(format!("/proc/{child}/cmdline")).unwrap_or_default();
            assert!(!command.contains("sleep"), "{child} still runs");
        }
    }

    #[test]
    fn one_that_leaves_something_in_the_background_is_not_waited_for() {
        let since = Instant::now();
        let (_folder, script) = script("#!/bin/sh\nsleep 300 &\necho '{}'\n");
        assert_eq!(script.list().unwrap().text, "{}\n");
        assert!(since.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn one_that_prints_without_end_is_stopped() {
        let problem = refused("#!/bin/sh\nexec yes\n");
        assert_eq!(problem.message, "the inventory script `fleet --list` printed more than 4 MiB, and was stopped");
        // Standard error is drained, so that a talkative script does not hang.
        let (_folder, script) = script("#!/bin/sh\nyes | head -c 3000000 >&2\necho '{}'\n");
        assert_eq!(script.list().unwrap().text, "{}\n");
    }

    #[test]
    fn after_one_host_failed_no_others_are_asked() {
        let (folder, mut script) = script("#!/bin/sh\necho x >>\"$(dirname \"$0\")/asked\"; exit 1\n");
        script.limits.at_once = 1;
        let answers = script.hosts(&names(&["a", "b", "c"]));
        assert_eq!(answers.len(), 1);
        assert_eq!(std::fs::read_to_string(folder.path().join("asked")).unwrap(), "x\n");
    }
}
