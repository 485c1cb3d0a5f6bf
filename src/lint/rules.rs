//! The register of rules: a name that never changes, a weight, and a page for whoever wants to know more.

use crate::model::Severity;

/// A rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, by which it is switched off; never changed and never used again for another.
    pub id: &'static str,
    /// Nothing here is an error: what systemd refuses by this text, a drop-in on the host may complete, and no unit is
    /// stopped before every one of them loads.
    pub severity: Severity,
    /// What it says, in a line.
    pub title: &'static str,
    /// Why it matters, and what to do.
    pub page: &'static str,
}

const fn rule_of(id: &'static str, severity: Severity, title: &'static str, page: &'static str) -> Rule {
    Rule { id, severity, title, page }
}

use Severity::{Hint, Warning};

const RULES: [Rule; 26] = [
    rule_of(
        "accept-with-service",
        Warning,
        "Accept=yes beside Service=",
        "With Accept=yes systemd starts an instance of NAME@.service for each connection, so there is no one service to name. systemd refuses to load the socket. Take Service= out, or Accept=yes.",
    ),
    rule_of(
        "bad-value",
        Warning,
        "a value that systemd does not take",
        "systemd warns in the journal, ignores the line and goes on with what was set before, or with its default: the limit that you meant to set is not set. Write a value of the type that the directive has; `systemd-analyze verify` says the same on a host.",
    ),
    rule_of(
        "comment-behind-value",
        Warning,
        "a comment on the line of a directive",
        "A comment has a line of its own in unit files. Behind a value it is part of the value, which systemd then mostly cannot read and ignores: `Restart=always # keep it up` restarts nothing. Put it on the line above.",
    ),
    rule_of(
        "dbus-without-name",
        Warning,
        "Type=dbus without BusName=",
        "systemd waits for the name on the bus to know that the service is up; without one it refuses to load the unit, and systemd-analyze of 247 even ends with an abort. Add BusName=.",
    ),
    rule_of(
        "depends-on-itself",
        Warning,
        "a unit that names itself",
        "systemd drops a dependency of a unit on itself with a warning. It is mostly what was left after a rename.",
    ),
    rule_of(
        "deprecated-directive",
        Warning,
        "a directive that is superseded",
        "It still works, or is ignored already, and a later systemd drops it. `unitfleet` knows the successor and since when it exists; where older hosts are in the fleet, look at that version first.",
    ),
    rule_of(
        "forking-without-pid-file",
        Hint,
        "Type=forking without PIDFile=",
        "A daemon that forks leaves it to systemd to guess which process is the main one; a wrong guess kills or restarts the wrong thing. Better: let it run in the foreground (Type=exec, Type=notify), or name its PIDFile=.",
    ),
    rule_of(
        "kill-mode-none",
        Warning,
        "KillMode=none",
        "Stopping the unit then kills nothing: old processes run on beside the new ones after a restart. systemd itself warns of it since 246. Write `mixed`, `process`, or an ExecStop= that ends the service softly.",
    ),
    rule_of(
        "misplaced-directive",
        Warning,
        "a directive in the wrong section",
        "systemd ignores a directive in a section that does not have it, with a warning in the journal: StartLimitBurst= belongs into [Unit], WantedBy= into [Install]. Move it.",
    ),
    rule_of(
        "misplaced-section",
        Warning,
        "a section of another kind of unit",
        "A .timer with a [Service] has no service by that: systemd reads in each kind of unit its own section, [Unit] and [Install], and ignores the rest. What the timer starts is a unit of its own.",
    ),
    rule_of(
        "no-command",
        Warning,
        "a service without ExecStart=",
        "systemd refuses to load a service that starts nothing, unless it is a oneshot that stays (RemainAfterExit=yes) and has an ExecStop=, or ends in a SuccessAction=.",
    ),
    rule_of(
        "oneshot-restarts",
        Warning,
        "a oneshot that is restarted when it succeeded",
        "A oneshot ends when its work is done; restarting it then is a loop, and systemd refuses to load it (247 to 257). Start it again by a timer, or write Restart=on-failure.",
    ),
    rule_of(
        "output-syslog",
        Warning,
        "StandardOutput=syslog",
        "Since 246 systemd takes `syslog` for `journal` and warns each time that it reads the unit. The journal hands everything on to a syslog daemon by itself. Write `journal`, or nothing.",
    ),
    rule_of(
        "path-without-path",
        Warning,
        "a path unit without a path",
        "systemd refuses to load a path unit that watches nothing. Give it PathExists=, PathChanged=, PathModified= or DirectoryNotEmpty=.",
    ),
    rule_of(
        "secret-in-environment",
        Warning,
        "a secret in Environment=",
        "Unit files are readable by everybody, and `systemctl show` prints the environment of a unit to any user. Give secrets as credentials, or in an environment file of mode 0600.",
    ),
    rule_of(
        "set-twice",
        Hint,
        "a directive that is set twice",
        "A directive that holds one value takes the last; the one before does nothing and misleads whoever reads it at three in the morning.",
    ),
    rule_of(
        "several-commands",
        Warning,
        "several ExecStart= of a service that is no oneshot",
        "systemd refuses to load it. Mostly a drop-in wants to replace the command of a package's unit: it has to say `ExecStart=` with nothing first, and then the new command.",
    ),
    rule_of(
        "shell-in-command",
        Warning,
        "shell syntax in a command",
        "systemd starts the program itself; `|`, `>`, `&&` and `&` reach it as arguments. Write /bin/sh -c '…', StandardOutput=append:FILE, several ExecStart= of a oneshot, or nothing instead of `&`.",
    ),
    rule_of(
        "socket-without-address",
        Warning,
        "a socket that listens nowhere",
        "systemd refuses to load a socket without ListenStream=, ListenDatagram= or one of their kin.",
    ),
    rule_of(
        "stray-percent",
        Warning,
        "a percent sign that is no specifier",
        "`%` begins a specifier in unit files. `date +%F` is what everybody writes once: `%F` is none, and systemd ignores the whole line. Write `%%F`.",
    ),
    rule_of(
        "timer-without-time",
        Warning,
        "a timer without a time",
        "systemd refuses to load a timer that has neither OnCalendar= nor one of OnBootSec=, OnActiveSec=, OnUnitActiveSec= and their kin.",
    ),
    rule_of(
        "unknown-directive",
        Warning,
        "a directive that systemd does not know",
        "systemd ignores what it does not know, with no more than a line in the journal, so a misspelt MemoryMax= limits nothing. What other programs read begins with `X-`.",
    ),
    rule_of(
        "unknown-section",
        Warning,
        "a section that systemd does not know",
        "systemd ignores the whole section, with all directives in it, and says so only in the journal. Sections that other programs read begin with `X-`.",
    ),
    rule_of(
        "unlikely-target",
        Warning,
        "a target that hardly exists",
        "`WantedBy=multiuser.target` makes a link that nothing follows: the unit is enabled, and does not start at boot. The usual one is multi-user.target.",
    ),
    rule_of(
        "var-run",
        Hint,
        "/var/run in a path",
        "/var/run is a link to /run on every host with systemd, which corrects it and writes a line to the journal each time. Write /run.",
    ),
    rule_of(
        "watchdog-unheard",
        Warning,
        "a watchdog that hears nothing",
        "WatchdogSec= waits for signs of life over the notification socket, and NotifyAccess=none takes none: the service is killed each time that the time is over.",
    ),
];

/// All rules, by name.
#[must_use]
pub fn rules() -> &'static [Rule] {
    &RULES
}

/// The rule of this name.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

/// A rule that is in the register; the tests see to that.
pub(super) fn known(id: &str) -> &'static Rule {
    rule(id).unwrap_or(&RULES[0])
}
