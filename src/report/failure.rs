//! A unit that did not get where it should: the cause first, then systemd's own facts, then its journal, then what to
//! type next.

use std::io;

use anstyle::Style;

use super::page::{Line, Page};
use super::wording::count;
use crate::model::UnitFailure;

/// Column at which the facts begin.
const FACTS: usize = 14;

/// Draws one failure. `host`: whose journal is shown, where several hosts failed alike.
pub(super) fn draw(page: &mut Page<'_>, failure: &UnitFailure, host: Option<&str>) -> io::Result<()> {
    let palette = page.palette;
    page.blank()?;
    let first =
        Line::indented(2).with(palette.bad, "✗ ").with(palette.bad, failure.unit.as_str()).with(Style::new(), ": ");
    let hanging = Line::indented(4);
    let mut lines = super::page::wrap_lines(&failure.cause, page.width.saturating_sub(first.width())).into_iter();
    let mut line = first;
    line.plain(&lines.next().unwrap_or_default());
    page.line(&line)?;
    let rest: Vec<String> = lines.collect();
    if !rest.is_empty() {
        page.hanging(hanging, Style::new(), &rest.join(" "))?;
    }
    fact(page, "state", &state(failure))?;
    if let Some(result) = result(failure) {
        fact(page, "result", &result)?;
    }
    if !failure.journal.is_empty() {
        match host {
            Some(host) => fact(page, "journal", &format!("of {host}; the others failed alike"))?,
            None => page.line(&Line::indented(4).with(palette.faint, "journal"))?,
        }
        for entry in &failure.journal {
            let first = Line::indented(6).with(palette.faint, "│ ");
            journal_line(page, &first, entry.trim_end())?;
        }
    }
    match &failure.next {
        // Not wrapped: it is there to be copied.
        Some(next) => {
            let mut line = Line::indented(4).with(palette.faint, "next");
            line.pad_to(FACTS);
            page.line(&line.with(Style::new(), next))
        }
        None => Ok(()),
    }
}

/// One entry; where it wraps, the bar goes on.
fn journal_line(page: &mut Page<'_>, first: &Line, entry: &str) -> io::Result<()> {
    let room = page.width.saturating_sub(first.width() + 2);
    for (index, part) in super::page::wrap_lines(entry, room).iter().enumerate() {
        let mut line = first.clone();
        if index > 0 {
            line.plain("  ");
        }
        line.plain(part);
        page.line(&line)?;
    }
    Ok(())
}

fn fact(page: &mut Page<'_>, word: &str, text: &str) -> io::Result<()> {
    let mut first = Line::indented(4).with(page.palette.faint, word);
    first.pad_to(FACTS);
    page.hanging(first, Style::new(), text)
}

/// `failed (failed)`, with the load state where that is what is wrong.
fn state(failure: &UnitFailure) -> String {
    let mut text = failure.active_state.clone();
    if !failure.sub_state.is_empty() && failure.sub_state != failure.active_state {
        text = format!("{text} ({})", failure.sub_state);
    }
    if failure.load_state != "loaded" && !failure.load_state.is_empty() {
        text = format!("{text}, {}", failure.load_state);
    }
    text
}

/// `exit-code (code=exited, status=203/EXEC), 5 restarts`.
fn result(failure: &UnitFailure) -> Option<String> {
    let mut parts = Vec::new();
    let exit = exit(failure.exec_main_code, failure.exec_main_status);
    match (failure.result.as_deref().filter(|result| !result.is_empty()), exit) {
        (Some(result), Some(exit)) => parts.push(format!("{result} ({exit})")),
        (Some(result), None) => parts.push(result.to_owned()),
        (None, Some(exit)) => parts.push(exit),
        (None, None) => {}
    }
    if let Some(restarts @ 1..) = failure.n_restarts {
        parts.push(count(restarts as usize, "restart by systemd", "restarts by systemd"));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// In the form that `systemctl status` uses, so that it can be searched for. The codes are
/// waitid(2)'s `CLD_EXITED`, `CLD_KILLED` and `CLD_DUMPED`.
fn exit(code: Option<u32>, status: Option<i32>) -> Option<String> {
    let status = status?;
    match code? {
        1 => Some(match exit_name(status) {
            Some(name) => format!("code=exited, status={status}/{name}"),
            None => format!("code=exited, status={status}"),
        }),
        code @ (2 | 3) => {
            let word = if code == 2 { "killed" } else { "dumped" };
            Some(match signal_name(status) {
                Some(name) => format!("code={word}, signal={name}"),
                None => format!("code={word}, signal={status}"),
            })
        }
        _ => None,
    }
}

/// The names that `systemd-analyze exit-status` gives to the codes of systemd's own setup of a process (compared with
/// its output on 252).
fn exit_name(status: i32) -> Option<&'static str> {
    const FROM_200: [&str; 45] = [
        "CHDIR",
        "NICE",
        "FDS",
        "EXEC",
        "MEMORY",
        "LIMITS",
        "OOM_ADJUST",
        "SIGNAL_MASK",
        "STDIN",
        "STDOUT",
        "CHROOT",
        "IOPRIO",
        "TIMERSLACK",
        "SECUREBITS",
        "SETSCHEDULER",
        "CPUAFFINITY",
        "GROUP",
        "USER",
        "CAPABILITIES",
        "CGROUP",
        "SETSID",
        "CONFIRM",
        "STDERR",
        "",
        "PAM",
        "NETWORK",
        "NAMESPACE",
        "NO_NEW_PRIVILEGES",
        "SECCOMP",
        "SELINUX_CONTEXT",
        "PERSONALITY",
        "APPARMOR",
        "ADDRESS_FAMILIES",
        "RUNTIME_DIRECTORY",
        "",
        "CHOWN",
        "SMACK_PROCESS_LABEL",
        "KEYRING",
        "STATE_DIRECTORY",
        "CACHE_DIRECTORY",
        "LOGS_DIRECTORY",
        "CONFIGURATION_DIRECTORY",
        "NUMA_POLICY",
        "CREDENTIALS",
        "BPF",
    ];
    match status {
        0 => Some("SUCCESS"),
        1 => Some("FAILURE"),
        _ => FROM_200.get(usize::try_from(status).ok()?.checked_sub(200)?).copied().filter(|name| !name.is_empty()),
    }
}

/// The signals that end a service, by their Linux numbers.
fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        1 => "HUP",
        2 => "INT",
        3 => "QUIT",
        4 => "ILL",
        6 => "ABRT",
        7 => "BUS",
        8 => "FPE",
        9 => "KILL",
        10 => "USR1",
        11 => "SEGV",
        12 => "USR2",
        13 => "PIPE",
        14 => "ALRM",
        15 => "TERM",
        24 => "XCPU",
        25 => "XFSZ",
        31 => "SYS",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exits_are_said_as_systemctl_says_them() {
        for (code, status, text) in [
            (1, 203, Some("code=exited, status=203/EXEC")),
            (1, 217, Some("code=exited, status=217/USER")),
            (1, 226, Some("code=exited, status=226/NAMESPACE")),
            (1, 243, Some("code=exited, status=243/CREDENTIALS")),
            (1, 42, Some("code=exited, status=42")),
            (1, 223, Some("code=exited, status=223")),
            (2, 9, Some("code=killed, signal=KILL")),
            (3, 6, Some("code=dumped, signal=ABRT")),
            (2, 40, Some("code=killed, signal=40")),
            (0, 0, None),
        ] {
            assert_eq!(exit(Some(code), Some(status)).as_deref(), text);
        }
        assert_eq!(exit(None, Some(1)), None);
    }
}
