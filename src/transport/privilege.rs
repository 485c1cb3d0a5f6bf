//! The command that takes a script from standard input, with and without sudo, and what sudo says when it refuses.

use super::place::Place;
use super::{TransportError, TransportErrorKind};

/// The shell command that reads `length` bytes of script and leaves the rest of standard input to it.
///
/// Not `sh -s`: dash reads ahead and swallows what follows the script. Not the script as an argument: arguments have a
/// limit and are visible to everyone on the host. The words mean the same to every login shell (sh, bash, zsh, fish, csh).
pub(super) fn script_command(length: usize, sudo: bool) -> String {
    let sudo = if sudo { "sudo -n " } else { "" };
    format!("exec {sudo}{}", shell_words(length))
}

fn shell_words(length: usize) -> String {
    format!("/bin/sh -c '{}'", shell_program(length))
}

/// What the shell is given with `-c`.
pub(super) fn shell_program(length: usize) -> String {
    format!("eval \"$(head -c {length})\"")
}

/// sudo 1.9 asks for a password, too, where no rule of sudoers lets the user run /bin/sh.
const PASSWORDLESS: &str = "the user needs `USER ALL=(ALL) NOPASSWD: ALL` in sudoers (visudo -f /etc/sudoers.d/unitfleet); \
     passwords are never asked for or sent";

/// Texts on standard error, in the order in which they are tried, with our words and what to do. `USER` in a hint is the
/// login user. sudo-rs is the default of Ubuntu since 25.10; its words differ.
const REFUSALS: &[(&str, &str, &str)] = &[
    ("sorry, you must have a tty", "sudo wants a terminal", "add `Defaults:USER !requiretty` to sudoers"),
    (
        "is not in the sudoers file",
        "the user is not in sudoers",
        "add `USER ALL=(ALL) NOPASSWD: ALL` to sudoers (visudo -f /etc/sudoers.d/unitfleet), or log in as root (`user: root`)",
    ),
    ("a password is required", "sudo wants a password", PASSWORDLESS),
    ("interactive authentication is required", "sudo wants a password", PASSWORDLESS),
    ("a terminal is required", "sudo wants a password", PASSWORDLESS),
    (
        "is not allowed to execute",
        "sudoers does not let the user run /bin/sh as root",
        "the rule in sudoers must allow /bin/sh: `USER ALL=(ALL) NOPASSWD: ALL`",
    ),
    (
        "is not allowed to run sudo",
        "the user may not use sudo on that host",
        "add `USER ALL=(ALL) NOPASSWD: ALL` to sudoers (visudo -f /etc/sudoers.d/unitfleet)",
    ),
    (
        "no new privileges",
        "sudo cannot work there: the login runs with \"no new privileges\"",
        "look for NoNewPrivileges= in the unit of the host's sshd, or for a container's setting",
    ),
    (
        "setuid",
        "sudo is not installed setuid root",
        "reinstall sudo on the host, or look for a file system mounted nosuid",
    ),
];

/// What every shell's "there is no such program" has in common: sh and bash `sudo: not found`, zsh `command not found: sudo`,
/// fish `Unknown command: sudo`.
fn says_that_sudo_is_missing(line: &str) -> bool {
    let line = line.trim_end();
    line.contains("sudo: not found")
        || line.contains("sudo: command not found")
        || line.contains("command not found: sudo")
        || line.contains("nknown command: sudo")
        || line.contains("nknown command 'sudo'")
        || line.contains("sudo: Command not found")
}

/// Tells a refusal of sudo from the output of a script: sudo says why on standard error and exits with a status, and no
/// script of ours ends with another status than 0 after such words.
pub(super) fn refusal(status: Option<i32>, stderr: &str, place: &Place) -> Option<TransportError> {
    if matches!(status, None | Some(0)) {
        return None;
    }
    let refuse = |why: &str, hint: &str| {
        let user = place.user.as_deref().unwrap_or("USER");
        let message = format!("cannot become root on {place}: {why}");
        TransportError::new(TransportErrorKind::Privilege, message).with_hint(hint.replace("USER", user))
    };
    if stderr.lines().any(says_that_sudo_is_missing) {
        return Some(refuse(
            "sudo is not installed there",
            "install sudo on the host, or log in as root (`user: root`) and drop `become`",
        ));
    }
    let said_by_sudo = |line: &&str| {
        let line = line.trim_start();
        line.starts_with("sudo: ") || line.starts_with("sudo-rs: ") || line.starts_with("Sorry, user ")
    };
    let in_sudoers =
        |line: &str| line.contains("is not in the sudoers file") || line.contains("is not allowed to run sudo");
    let known = REFUSALS
        .iter()
        .find(|(text, ..)| stderr.lines().any(|line| line.contains(text) && (said_by_sudo(&line) || in_sudoers(line))));
    if let Some((_, why, hint)) = known {
        return Some(refuse(why, hint));
    }
    // Any other word of sudo, in whatever language. A mere warning of it does not come with a status.
    let line = stderr.lines().filter(said_by_sudo).find(|line| !line.contains("unable to resolve host"))?;
    let said = super::error::one_line(line);
    Some(refuse(&format!("sudo refused ({said})"), "try `sudo -n true` as that user on the host"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_the_same_words_for_every_shell() {
        assert_eq!(script_command(42, false), r#"exec /bin/sh -c 'eval "$(head -c 42)"'"#);
        assert_eq!(script_command(42, true), r#"exec sudo -n /bin/sh -c 'eval "$(head -c 42)"'"#);
    }

    #[test]
    fn every_refusal_of_sudo_is_told_apart_with_a_hint() {
        let place = Place::of_address("10.0.0.1", Some("deploy"));
        for (status, stderr, why) in [
            (1, "sudo: a password is required\n", "wants a password"),
            (1, "sudo: interactive authentication is required\n", "wants a password"),
            (1, "sudo: sorry, you must have a tty to run sudo\n", "wants a terminal"),
            (1, "deploy is not in the sudoers file.\n", "not in sudoers"),
            (1, "deploy is not in the sudoers file.  This incident will be reported.\n", "not in sudoers"),
            (1, "Sorry, user deploy is not allowed to execute '/bin/sh -c eval' as root on web1.\n", "run /bin/sh"),
            (127, "bash: line 1: exec: sudo: not found\n", "not installed"),
            (127, "sh: 1: exec: sudo: not found\n", "not installed"),
            (127, "zsh:1: command not found: sudo\n", "not installed"),
            (
                1,
                "sudo: unable to resolve host web1: Name or service not known\nsudo: a password is required\n",
                "wants a password",
            ),
            (
                1,
                "sudo: effective uid is not 0, is /usr/bin/sudo on a file system with the 'nosuid' option set or an NFS file system without root privileges?\n",
                "sudo refused",
            ),
            (1, "sudo: /usr/bin/sudo must be owned by uid 0 and have the setuid bit set\n", "setuid root"),
            (
                1,
                "sudo: The \"no new privileges\" flag is set, which prevents sudo from running as root.\n",
                "no new privileges",
            ),
            (1, "sudo: Ein Passwort ist notwendig\n", "sudo refused (sudo: Ein Passwort ist notwendig)"),
        ] {
            let error = refusal(Some(status), stderr, &place).unwrap_or_else(|| panic!("not seen: {stderr}"));
            assert_eq!(error.kind, TransportErrorKind::Privilege);
            assert!(error.message.contains(why), "{stderr:?} gave {:?}", error.message);
            assert!(error.message.contains("10.0.0.1"), "{}", error.message);
            let hint = error.hint.unwrap();
            assert!(!hint.contains("USER"), "{hint}");
        }
    }

    #[test]
    fn a_script_that_fails_or_a_warning_is_no_refusal() {
        let place = Place::of_address("10.0.0.1", None);
        assert_eq!(refusal(Some(0), "sudo: unable to resolve host web1\n", &place), None);
        assert_eq!(refusal(Some(3), "sudo: unable to resolve host web1\n", &place), None);
        assert_eq!(refusal(Some(1), "cat: /x: No such file or directory\n", &place), None);
        assert_eq!(refusal(Some(127), "sh: 1: systemctl: not found\n", &place), None);
        assert_eq!(refusal(None, "sudo: a password is required\n", &place), None);
    }
}
