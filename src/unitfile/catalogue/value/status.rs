//! How processes end: signals and exit codes.

use std::collections::BTreeSet;

use super::BLANKS;

/// Names of exit codes, as systemd.exec(5) has them (`APPARMOR` as systemd's sources have it).
const CODES: [(u8, &str); 68] = [
    (0, "SUCCESS"),
    (1, "FAILURE"),
    (2, "INVALIDARGUMENT"),
    (3, "NOTIMPLEMENTED"),
    (4, "NOPERMISSION"),
    (5, "NOTINSTALLED"),
    (6, "NOTCONFIGURED"),
    (7, "NOTRUNNING"),
    (64, "USAGE"),
    (65, "DATAERR"),
    (66, "NOINPUT"),
    (67, "NOUSER"),
    (68, "NOHOST"),
    (69, "UNAVAILABLE"),
    (70, "SOFTWARE"),
    (71, "OSERR"),
    (72, "OSFILE"),
    (73, "CANTCREAT"),
    (74, "IOERR"),
    (75, "TEMPFAIL"),
    (76, "PROTOCOL"),
    (77, "NOPERM"),
    (78, "CONFIG"),
    (200, "CHDIR"),
    (201, "NICE"),
    (202, "FDS"),
    (203, "EXEC"),
    (204, "MEMORY"),
    (205, "LIMITS"),
    (206, "OOM_ADJUST"),
    (207, "SIGNAL_MASK"),
    (208, "STDIN"),
    (209, "STDOUT"),
    (210, "CHROOT"),
    (211, "IOPRIO"),
    (212, "TIMERSLACK"),
    (213, "SECUREBITS"),
    (214, "SETSCHEDULER"),
    (215, "CPUAFFINITY"),
    (216, "GROUP"),
    (217, "USER"),
    (218, "CAPABILITIES"),
    (219, "CGROUP"),
    (220, "SETSID"),
    (221, "CONFIRM"),
    (222, "STDERR"),
    (224, "PAM"),
    (225, "NETWORK"),
    (226, "NAMESPACE"),
    (227, "NO_NEW_PRIVILEGES"),
    (228, "SECCOMP"),
    (229, "SELINUX_CONTEXT"),
    (230, "PERSONALITY"),
    (231, "APPARMOR"),
    (232, "ADDRESS_FAMILIES"),
    (233, "RUNTIME_DIRECTORY"),
    (235, "CHOWN"),
    (236, "SMACK_PROCESS_LABEL"),
    (237, "KEYRING"),
    (238, "STATE_DIRECTORY"),
    (239, "CACHE_DIRECTORY"),
    (240, "LOGS_DIRECTORY"),
    (241, "CONFIGURATION_DIRECTORY"),
    (242, "NUMA_POLICY"),
    (243, "CREDENTIALS"),
    (245, "BPF"),
    (246, "KSM"),
    (255, "EXCEPTION"),
];

/// Exit codes and signals, sorted.
pub(super) fn statuses(value: &str) -> Result<String, String> {
    let words = value.split(BLANKS).filter(|word| !word.is_empty()).map(status);
    Ok(words.collect::<Result<BTreeSet<String>, String>>()?.into_iter().collect::<Vec<_>>().join(" "))
}

fn status(word: &str) -> Result<String, String> {
    let digits = word.bytes().all(|b| b.is_ascii_digit());
    if let Some(code) = word.parse::<u8>().ok().filter(|_| digits) {
        return Ok(code.to_string());
    }
    if let Some((code, _)) = CODES.iter().find(|(_, name)| *name == word) {
        return Ok(code.to_string());
    }
    let name = if digits { Err(String::new()) } else { signal(word) };
    name.map_err(|_| format!("`{word}` is neither an exit code (0 to 255) nor the name of one or of a signal"))
}

/// As `kill -l` numbers them on the machines that systemd runs on.
const SIGNALS: [(&str, u8); 32] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("IOT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("STKFLT", 16),
    ("CHLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("PWR", 30),
    ("SYS", 31),
];

/// `TERM`, `SIGTERM` or `15`; `RTMIN+3`.
pub(super) fn signal(value: &str) -> Result<String, String> {
    let name = value.strip_prefix("SIG").unwrap_or(value);
    let by_number = |number: u8| SIGNALS.iter().find(|(_, known)| *known == number).map(|(name, _)| *name);
    let known = match name.parse::<u8>() {
        Ok(number) if name.len() <= 2 && !name.starts_with('+') => by_number(number),
        _ => SIGNALS.iter().find(|(known, _)| *known == name).and_then(|(_, number)| by_number(*number)),
    };
    if let Some(known) = known {
        return Ok(format!("SIG{known}"));
    }
    let real_time = ["RTMIN", "RTMAX"].iter().any(|head| {
        let rest = name.strip_prefix(head);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', '-']) && rest[1..].parse::<u8>().is_ok())
    });
    let number = name.parse::<u8>().is_ok_and(|number| (32..=64).contains(&number));
    if real_time || number {
        Ok(value.to_owned())
    } else {
        Err(format!("`{value}` is no signal: write SIGTERM or its like"))
    }
}
