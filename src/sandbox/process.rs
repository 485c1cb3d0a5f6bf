//! Processes that are not our children: telling them apart for good, finding and ending them.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// A process, told apart from all that had or will have the same number while this machine is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Process {
    pid: i32,
    /// In clock ticks since boot.
    started: u64,
}

impl Process {
    /// The process that has this number now; `None` if there is none, or only its unread exit status is left.
    pub(super) fn of(pid: i32) -> Option<Self> {
        let started = Stat::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?.started_if_alive()?;
        Some(Self { pid, started })
    }

    /// Reads what the supervisor wrote about itself: this boot's id, and its own `/proc/self/stat`. A record from before
    /// this machine was rebooted is of no process.
    pub(super) fn recorded(path: &Path) -> Option<Self> {
        let text = fs::read_to_string(path).ok()?;
        let (boot, stat) = text.split_once('\n')?;
        let this_boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let stat = Stat::parse(stat)?;
        (boot == this_boot.trim_end()).then_some(Self { pid: stat.pid, started: stat.started })
    }

    /// Its number.
    pub(super) fn pid(self) -> i32 {
        self.pid
    }

    /// Whether it still runs.
    pub(super) fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Sends a signal to this very process and to no other. Does nothing if it has ended.
    pub(super) fn signal(self, signal: Signal) {
        let Some(pid) = Pid::from_raw(self.pid) else { return };
        // What is opened is held: if it is still the same process now, it is the same when the signal arrives.
        if let Ok(held) = pidfd_open(pid, PidfdFlags::empty())
            && self.is_alive()
        {
            // It may have ended by itself, which is what was wanted.
            let _ended = pidfd_send_signal(held, signal);
        }
    }

    /// Its children.
    pub(super) fn children(self) -> Vec<Self> {
        let is_child = |pid: &i32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            Stat::parse(&stat).is_some_and(|stat| stat.parent == self.pid)
        };
        pids().filter(is_child).filter_map(Self::of).collect()
    }
}

/// The process 1 of a container: the one in this network namespace that is process 1 in a process namespace right below
/// ours. (Deeper ones are containers in the container.)
pub(super) fn leader(network_namespace: &Path) -> Option<Process> {
    let inode = inode(network_namespace)?;
    let in_namespace = |pid: &i32| {
        let link = fs::read_link(format!("/proc/{pid}/ns/net")).unwrap_or_default();
        link.to_str().and_then(|text| text.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok()) == Some(inode)
    };
    let is_first = |pid: &i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        is_process_one_below(&status)
    };
    pids().filter(in_namespace).filter(is_first).find_map(Process::of)
}

/// Every running `systemd-nspawn` that has exactly this argument.
pub(super) fn nspawn_with(argument: &str) -> Vec<Process> {
    let is_it = |pid: &i32| {
        let command_line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let mut words = command_line.split(|byte| *byte == 0);
        let program = words.next().unwrap_or_default();
        Path::new(std::ffi::OsStr::from_bytes(program)).file_name() == Some("systemd-nspawn".as_ref())
            && words.any(|word| word == argument.as_bytes())
    };
    pids().filter(is_it).filter_map(Process::of).collect()
}

fn pids() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn inode(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    Some(fs::metadata(path).ok()?.ino())
}

fn is_process_one_below(status: &str) -> bool {
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    numbers.is_some_and(|numbers| matches!(numbers.split_whitespace().collect::<Vec<_>>()[..], [_, "1"]))
}

/// The fields of `/proc/PID/stat` that matter here.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    pid: i32,
    state: char,
    parent: i32,
    started: u64,
}

impl Stat {
    /// The program's name stands in parentheses and may hold blanks and parentheses itself.
    fn parse(text: &str) -> Option<Self> {
        let (pid, rest) = text.split_once(" (")?;
        let (_, rest) = rest.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        Some(Self {
            pid: pid.trim().parse().ok()?,
            state: fields.first()?.chars().next()?,
            parent: fields.get(1)?.parse().ok()?,
            started: fields.get(19)?.parse().ok()?,
        })
    }

    /// `Z` and `X` have ended and wait for their parent to notice.
    fn started_if_alive(&self) -> Option<u64> {
        (!matches!(self.state, 'Z' | 'X')).then_some(self.started)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_whatever_the_program_is_called() {
        let text = "4242 (a) b (c) S 7 4242 4242 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 9 9 9";
        assert_eq!(Stat::parse(text), Some(Stat { pid: 4242, state: 'S', parent: 7, started: 987_654 }));
        assert_eq!(Stat::parse("4242 (a"), None);
    }

    #[test]
    fn this_process_is_alive_and_one_that_had_its_number_is_not() {
        let own = Process::of(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(own.is_alive());
        let earlier = Process { started: own.started - 1, ..own };
        assert!(!earlier.is_alive());
    }

    #[test]
    fn an_ended_child_that_nobody_waited_for_is_not_alive() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let since = std::time::Instant::now();
        while Process::of(pid).is_some() {
            assert!(since.elapsed().as_secs() < 5, "still alive");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        child.wait().unwrap();
    }

    #[test]
    fn process_one_is_told_from_what_runs_beside_and_below_it() {
        assert!(is_process_one_below("Name:\tsystemd\nNSpid:\t6684\t1\n"));
        assert!(!is_process_one_below("NSpid:\t6684\t18\n"));
        assert!(!is_process_one_below("NSpid:\t1\n"));
        assert!(!is_process_one_below("NSpid:\t6700\t90\t1\n"));
    }
}
