//! What stands in commands: systemd starts programs, no shell.

use crate::unitfile::UnitFile;
use crate::unitfile::quote::split_words;

use super::Lint;

const COMMANDS: [&str; 8] = [
    "ExecCondition",
    "ExecStartPre",
    "ExecStart",
    "ExecStartPost",
    "ExecReload",
    "ExecStop",
    "ExecStopPost",
    "ExecStopPre",
];

pub(super) fn check(file: &UnitFile) -> Vec<Lint> {
    let commands = file.assignments().filter(|assignment| COMMANDS.contains(&assignment.key));
    let mut found = Vec::new();
    for command in commands {
        let lints = [shell_syntax(command.key, command.value), percent(command.key, command.value)];
        let about = |lint: Lint| lint.about(command.section, command.key, command.line);
        found.extend(lints.into_iter().flatten().map(about));
    }
    found
}

/// A pipe, a redirection and their like, outside of quotes and not for a shell.
fn shell_syntax(key: &str, value: &str) -> Option<Lint> {
    const SIGNS: [&str; 8] = ["|", "||", "&&", "&", ">", ">>", "<", "2>&1"];
    const SHELLS: [&str; 5] = ["sh", "bash", "dash", "zsh", "ksh"];
    let words = split_words(value).ok()?;
    let program = words.first()?.trim_start_matches(['-', '@', ':', '+', '!', '|']);
    if SHELLS.contains(&program.rsplit('/').next().unwrap_or_default()) {
        return None;
    }
    let sign = value.split_whitespace().find(|word| SIGNS.contains(word))?;
    let message = format!("`{sign}` means nothing to systemd: the program gets it as an argument");
    Some(
        Lint::new("shell-in-command", message)
            .help(format!("{key}=/bin/sh -c '…', or leave it to the unit's own settings")),
    )
}

/// `%` before a letter that is no specifier, as in `date +%F`.
fn percent(key: &str, value: &str) -> Option<Lint> {
    // systemd.unit(5), of 257.
    const SPECIFIERS: &str = "aAbBcCdDEfgGhHiIjJlLmMnNopPqsStTuUvVwWyY";
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            continue;
        }
        match chars.next() {
            Some('%') => {}
            Some(letter) if SPECIFIERS.contains(letter) => {}
            next => {
                let shown = next.map(String::from).unwrap_or_default();
                let message = format!("`%{shown}` is no specifier, and systemd ignores the whole of `{key}`");
                return Some(Lint::new("stray-percent", message).help(format!("write `%%{shown}` for a percent sign")));
            }
        }
    }
    None
}
