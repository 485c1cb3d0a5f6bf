//! Every kind of drift that a hand can make shows up alone in the plan and is healed alone.
//!
//! The playbook is `estate.yaml`. What a host looks like is asked of the host itself, not of the program: files and
//! links from find and sha256sum, units from its systemd, and the process's own environment and limits from /proc.

use unitfleet::sandbox::Release;

use crate::reading::{self, Runs, assert_in_sync, disturbed, install_vendor_units, runs};
use crate::support::Host;

pub(crate) const ESTATE: &str = include_str!("estate.yaml");

/// The units of the estate that are what they are until somebody does something.
pub(crate) const UNITS: [&str; 16] = [
    "main.service",
    "steady.service",
    "watcher.service",
    "job.service",
    "job.timer",
    "echo.socket",
    "echo.service",
    "spool.path",
    "spool.service",
    "worker@a.service",
    "worker@b.service",
    "crew.target",
    "crew.slice",
    "srv-scratch.mount",
    "blocked.service",
    "open.service",
];

/// One thing that a hand does, and what has to come of it.
struct Drift {
    name: &'static str,
    hand: &'static str,
    /// All that the plan shows as changed, in any order.
    changes: &'static [&'static str],
    /// All that is done, in order.
    steps: &'static [&'static str],
    /// All that is found.
    findings: &'static [&'static str],
    /// The units, and all of them, that the apply starts, stops or restarts.
    touched: &'static [&'static str],
    /// What the hand made stays: it is not ours.
    stays: bool,
}

const DRIFT: Drift = Drift { name: "", hand: "", changes: &[], steps: &[], findings: &[], touched: &[], stays: false };

const MAIN_TEXT: &str = "file /etc/systemd/system/main.service";
const WRITE_MAIN: &str = "write_file /etc/systemd/system/main.service";
const LIMITS: &str = "file /etc/systemd/system/main.service.d/limits.conf";
const WRITE_LIMITS: &str = "write_file /etc/systemd/system/main.service.d/limits.conf";

const FILES: &[Drift] = &[
    Drift {
        name: "a file edited",
        hand: "echo more >>/srv/worker/settings.conf",
        changes: &["file /srv/worker/settings.conf"],
        steps: &["write_file /srv/worker/settings.conf"],
        ..DRIFT
    },
    Drift {
        name: "a file's mode changed",
        hand: "chmod 0666 /srv/worker/settings.conf",
        changes: &["mode /srv/worker/settings.conf 0666 → 0640"],
        steps: &["set_attributes /srv/worker/settings.conf"],
        ..DRIFT
    },
    Drift {
        name: "a file's owner changed",
        hand: "chown root /srv/worker/settings.conf",
        changes: &["owner /srv/worker/settings.conf root:worker → worker:worker"],
        steps: &["set_attributes /srv/worker/settings.conf"],
        ..DRIFT
    },
    Drift {
        name: "a file's group changed",
        hand: "chgrp root /srv/worker/settings.conf",
        changes: &["owner /srv/worker/settings.conf worker:root → worker:worker"],
        steps: &["set_attributes /srv/worker/settings.conf"],
        ..DRIFT
    },
    Drift {
        name: "a file deleted",
        hand: "rm /srv/notes.txt",
        changes: &["new file /srv/notes.txt"],
        steps: &["write_file /srv/notes.txt"],
        ..DRIFT
    },
    Drift {
        name: "a file with an owner of its own deleted",
        hand: "rm /srv/worker/settings.conf",
        changes: &[
            "new file /srv/worker/settings.conf",
            "mode /srv/worker/settings.conf nothing → 0640",
            "owner /srv/worker/settings.conf nothing → worker:worker",
        ],
        steps: &["write_file /srv/worker/settings.conf"],
        ..DRIFT
    },
    Drift {
        name: "a directory's mode and owner changed",
        hand: "chmod 0777 /srv/worker; chown root:root /srv/worker",
        changes: &["mode /srv/worker 0777 → 0750", "owner /srv/worker root:root → worker:worker"],
        steps: &["set_attributes /srv/worker"],
        ..DRIFT
    },
    Drift {
        name: "a directory deleted",
        hand: "rmdir /srv/spool",
        changes: &["directory /srv/spool"],
        steps: &["create_directory /srv/spool"],
        ..DRIFT
    },
    Drift {
        name: "a user's shell changed",
        hand: "usermod -s /bin/sh worker",
        changes: &["user worker shell /bin/sh → shell /usr/sbin/nologin"],
        steps: &["modify_user worker"],
        ..DRIFT
    },
    Drift {
        name: "the default target changed",
        hand: "systemctl set-default graphical.target",
        changes: &["default_target graphical.target → multi-user.target"],
        steps: &["make_link /etc/systemd/system/default.target", "daemon_reload", "gate"],
        ..DRIFT
    },
    Drift {
        name: "the default target's link removed",
        hand: "rm /etc/systemd/system/default.target",
        changes: &["default_target graphical.target → multi-user.target"],
        steps: &["make_link /etc/systemd/system/default.target", "daemon_reload", "gate"],
        ..DRIFT
    },
    Drift {
        name: "an environment file edited",
        hand: "sed -i s/hello/bye/ /etc/main.env",
        changes: &["file /etc/main.env"],
        steps: &["write_file /etc/main.env"],
        ..DRIFT
    },
    Drift {
        name: "an environment file edited, and its service restarted with it",
        hand: "sed -i s/hello/bye/ /etc/main.env; systemctl restart main.service",
        changes: &["file /etc/main.env"],
        steps: &["write_file /etc/main.env", "restart main.service"],
        touched: &["main.service"],
        ..DRIFT
    },
    Drift {
        name: "an environment file edited, its service restarted with it, and the file put back",
        hand: "sed -i s/hello/bye/ /etc/main.env; systemctl restart main.service; sleep 0.5
               sed -i s/bye/hello/ /etc/main.env",
        changes: &["stale main.service"],
        steps: &["daemon_reload", "gate", "restart main.service"],
        touched: &["main.service"],
        ..DRIFT
    },
    Drift {
        name: "a watched file edited, and its service restarted with it",
        hand: "echo more >>/srv/watched.txt; systemctl restart watcher.service",
        changes: &["file /srv/watched.txt"],
        steps: &["write_file /srv/watched.txt", "restart watcher.service"],
        touched: &["watcher.service"],
        ..DRIFT
    },
];

const UNIT_FILES: &[Drift] = &[
    Drift {
        name: "a unit file edited, and nobody told systemd",
        hand: "sed -i 's/^Type=exec/&\\nNice=5/' /etc/systemd/system/main.service",
        changes: &[MAIN_TEXT],
        steps: &[WRITE_MAIN, "daemon_reload", "gate"],
        ..DRIFT
    },
    Drift {
        name: "a unit file edited and loaded",
        hand: "sed -i 's/^Type=exec/&\\nNice=5/' /etc/systemd/system/main.service; systemctl daemon-reload",
        changes: &[MAIN_TEXT],
        steps: &[WRITE_MAIN, "daemon_reload", "gate"],
        ..DRIFT
    },
    Drift {
        name: "a unit file edited, loaded and taken up by a restart",
        hand: "sed -i 's/^Type=exec/&\\nEnvironment=X=1/' /etc/systemd/system/main.service; systemctl daemon-reload
               systemctl restart main.service",
        changes: &[MAIN_TEXT],
        steps: &[WRITE_MAIN, "daemon_reload", "gate", "restart main.service"],
        touched: &["main.service"],
        ..DRIFT
    },
    Drift {
        name: "a unit file edited and the unit restarted without a reload",
        hand: "sed -i 's/^Type=exec/&\\nNice=5/' /etc/systemd/system/main.service; systemctl restart main.service",
        changes: &[MAIN_TEXT],
        steps: &[WRITE_MAIN, "daemon_reload", "gate", "restart main.service"],
        touched: &["main.service"],
        ..DRIFT
    },
    Drift {
        name: "a unit file edited, taken up, and put back without a reload",
        hand: "sed -i s/4096/2048/ /etc/systemd/system/main.service.d/limits.conf; systemctl daemon-reload
               systemctl restart main.service; sleep 0.5
               sed -i s/2048/4096/ /etc/systemd/system/main.service.d/limits.conf",
        changes: &["not_loaded main.service", "stale main.service"],
        steps: &["daemon_reload", "gate", "restart main.service"],
        touched: &["main.service"],
        ..DRIFT
    },
    Drift {
        name: "a comment put into a unit file",
        hand: "echo '# by hand' >>/etc/systemd/system/main.service; systemctl daemon-reload",
        changes: &[MAIN_TEXT],
        steps: &[WRITE_MAIN, "daemon_reload", "gate"],
        ..DRIFT
    },
    Drift {
        name: "a unit file's mode changed",
        hand: "chmod 0600 /etc/systemd/system/main.service",
        changes: &["mode /etc/systemd/system/main.service 0600 → 0644"],
        steps: &["set_attributes /etc/systemd/system/main.service"],
        ..DRIFT
    },
    Drift {
        name: "a unit file deleted under its running unit",
        hand: "rm /etc/systemd/system/steady.service; systemctl daemon-reload",
        changes: &["new file /etc/systemd/system/steady.service"],
        steps: &["write_file /etc/systemd/system/steady.service", "daemon_reload", "gate"],
        ..DRIFT
    },
    Drift {
        name: "a unit file deleted, and nobody told systemd",
        hand: "rm /etc/systemd/system/main.service",
        changes: &["new file /etc/systemd/system/main.service"],
        steps: &[WRITE_MAIN, "daemon_reload", "gate"],
        ..DRIFT
    },
    Drift {
        name: "a unit stopped and its file deleted",
        hand: "systemctl stop watcher.service; rm /etc/systemd/system/watcher.service; systemctl daemon-reload",
        changes: &["new file /etc/systemd/system/watcher.service", "state watcher.service inactive → started"],
        steps: &["write_file /etc/systemd/system/watcher.service", "daemon_reload", "gate", "start watcher.service"],
        touched: &["watcher.service"],
        ..DRIFT
    },
    Drift {
        name: "a drop-in edited",
        hand: "sed -i s/4096/1024/ /etc/systemd/system/main.service.d/limits.conf; systemctl daemon-reload",
        changes: &[LIMITS],
        steps: &[WRITE_LIMITS, "daemon_reload", "gate"],
        ..DRIFT
    },
    Drift {
        name: "a drop-in edited and taken up",
        hand: "sed -i s/4096/1024/ /etc/systemd/system/main.service.d/limits.conf; systemctl daemon-reload
               systemctl restart main.service",
        changes: &[LIMITS],
        steps: &[WRITE_LIMITS, "daemon_reload", "gate", "restart main.service"],
        touched: &["main.service"],
        ..DRIFT
    },
    Drift {
        name: "a drop-in removed",
        hand: "rm -r /etc/systemd/system/main.service.d; systemctl daemon-reload",
        changes: &["new file /etc/systemd/system/main.service.d/limits.conf"],
        steps: &[WRITE_LIMITS, "daemon_reload", "gate"],
        ..DRIFT
    },
    Drift {
        name: "a drop-in removed and its loss taken up",
        hand: "rm -r /etc/systemd/system/main.service.d; systemctl daemon-reload; systemctl restart main.service",
        changes: &["new file /etc/systemd/system/main.service.d/limits.conf"],
        steps: &[WRITE_LIMITS, "daemon_reload", "gate", "restart main.service"],
        touched: &["main.service"],
        ..DRIFT
    },
    Drift {
        name: "a foreign drop-in added, which nobody loaded",
        hand: "printf '[Service]\\nNice=5\\n' >/etc/systemd/system/main.service.d/hand.conf",
        changes: &["not_loaded main.service", "stale main.service"],
        steps: &["daemon_reload", "gate", "restart main.service"],
        findings: &["foreign main.service"],
        touched: &["main.service"],
        stays: true,
    },
    Drift {
        name: "the foreign drop-in removed again",
        hand: "rm /etc/systemd/system/main.service.d/hand.conf",
        changes: &["not_loaded main.service", "stale main.service"],
        steps: &["daemon_reload", "gate", "restart main.service"],
        touched: &["main.service"],
        ..DRIFT
    },
    Drift {
        name: "a socket's address edited and loaded",
        hand: "sed -i s/7777/7770/ /etc/systemd/system/echo.socket; systemctl daemon-reload",
        changes: &["file /etc/systemd/system/echo.socket"],
        steps: &["write_file /etc/systemd/system/echo.socket", "daemon_reload", "gate"],
        ..DRIFT
    },
    Drift {
        name: "a timer's schedule edited and loaded",
        hand: "sed -i s/03:30/04:30/ /etc/systemd/system/job.timer; systemctl daemon-reload",
        changes: &["file /etc/systemd/system/job.timer", "goes_on job.timer"],
        steps: &["write_file /etc/systemd/system/job.timer", "daemon_reload", "gate"],
        findings: &["notice job.timer"],
        ..DRIFT
    },
];

const RUNNING: &[Drift] = &[
    Drift {
        name: "a service stopped",
        hand: "systemctl stop main.service",
        changes: &["state main.service inactive → started"],
        steps: &["start main.service"],
        touched: &["main.service"],
        ..DRIFT
    },
    Drift {
        name: "a service killed",
        hand: "systemctl kill -s KILL main.service; sleep 0.5",
        changes: &["state main.service failed → started"],
        steps: &["start main.service"],
        touched: &["main.service"],
        ..DRIFT
    },
    Drift {
        name: "a timer stopped",
        hand: "systemctl stop job.timer",
        changes: &["state job.timer inactive → started"],
        steps: &["start job.timer"],
        touched: &["job.timer"],
        ..DRIFT
    },
    Drift {
        name: "a socket stopped",
        hand: "systemctl stop echo.socket",
        changes: &["state echo.socket inactive → started"],
        steps: &["start echo.socket"],
        touched: &["echo.socket"],
        ..DRIFT
    },
    Drift {
        // systemd does not start a socket while its service runs.
        name: "a socket stopped while its service runs",
        hand: "systemctl start echo.service; systemctl stop echo.socket
               systemctl is-active --quiet echo.service || systemctl start --job-mode=ignore-dependencies echo.service",
        changes: &["state echo.socket inactive → started"],
        steps: &["stop echo.service", "start echo.socket", "start echo.service"],
        touched: &["echo.service", "echo.socket"],
        ..DRIFT
    },
    Drift {
        name: "a path unit stopped",
        hand: "systemctl stop spool.path",
        changes: &["state spool.path inactive → started"],
        steps: &["start spool.path"],
        touched: &["spool.path"],
        ..DRIFT
    },
    Drift {
        name: "an instance stopped",
        hand: "systemctl stop worker@a.service",
        changes: &["state worker@a.service inactive → started"],
        steps: &["start worker@a.service"],
        touched: &["worker@a.service"],
        ..DRIFT
    },
    Drift {
        name: "a target stopped",
        hand: "systemctl stop crew.target",
        changes: &["state crew.target inactive → started"],
        steps: &["start crew.target"],
        touched: &["crew.target"],
        ..DRIFT
    },
    Drift {
        name: "a slice stopped",
        hand: "systemctl stop crew.slice",
        changes: &["state crew.slice inactive → started"],
        steps: &["start crew.slice"],
        touched: &["crew.slice"],
        ..DRIFT
    },
    Drift {
        name: "a mount unmounted",
        hand: "umount /srv/scratch; sleep 0.3",
        changes: &["state srv-scratch.mount inactive → started"],
        steps: &["start srv-scratch.mount"],
        touched: &["srv-scratch.mount"],
        ..DRIFT
    },
    Drift {
        name: "a service disabled",
        hand: "systemctl disable main.service",
        changes: &["new link /etc/systemd/system/multi-user.target.wants/main.service"],
        steps: &["make_link /etc/systemd/system/multi-user.target.wants/main.service", "daemon_reload", "gate"],
        ..DRIFT
    },
    Drift {
        name: "an instance disabled",
        hand: "systemctl disable worker@b.service",
        changes: &["new link /etc/systemd/system/crew.target.wants/worker@b.service"],
        steps: &["make_link /etc/systemd/system/crew.target.wants/worker@b.service", "daemon_reload", "gate"],
        ..DRIFT
    },
    Drift {
        name: "a wants-link removed",
        hand: "rm /etc/systemd/system/multi-user.target.wants/main.service",
        changes: &["new link /etc/systemd/system/multi-user.target.wants/main.service"],
        steps: &["make_link /etc/systemd/system/multi-user.target.wants/main.service", "daemon_reload", "gate"],
        ..DRIFT
    },
    Drift {
        name: "a wants-link added in another target",
        hand: "systemctl add-wants crew.target main.service",
        changes: &["no link /etc/systemd/system/crew.target.wants/main.service"],
        steps: &["remove_link /etc/systemd/system/crew.target.wants/main.service", "daemon_reload", "gate"],
        ..DRIFT
    },
    Drift {
        name: "a requires-link added in another target",
        hand: "mkdir /etc/systemd/system/crew.target.requires
               ln -s ../main.service /etc/systemd/system/crew.target.requires/main.service",
        changes: &["no link /etc/systemd/system/crew.target.requires/main.service"],
        steps: &["remove_link /etc/systemd/system/crew.target.requires/main.service", "daemon_reload", "gate"],
        ..DRIFT
    },
    Drift {
        name: "an alias added",
        hand: "ln -s /etc/systemd/system/main.service /etc/systemd/system/principal.service; systemctl daemon-reload",
        changes: &["no link /etc/systemd/system/principal.service"],
        steps: &["remove_link /etc/systemd/system/principal.service", "daemon_reload", "gate"],
        ..DRIFT
    },
    Drift {
        name: "a wants-link pointed to nothing",
        hand: "ln -sf /etc/systemd/system/gone.service /etc/systemd/system/multi-user.target.wants/main.service",
        changes: &["link /etc/systemd/system/multi-user.target.wants/main.service \
             /etc/systemd/system/gone.service → /etc/systemd/system/main.service"],
        steps: &["make_link /etc/systemd/system/multi-user.target.wants/main.service", "daemon_reload", "gate"],
        ..DRIFT
    },
    Drift {
        name: "`masked: true` unmasked",
        hand: "systemctl unmask blocked.service",
        changes: &["mask blocked.service false → true"],
        steps: &["mask blocked.service", "daemon_reload"],
        ..DRIFT
    },
    Drift {
        name: "`masked: true` unmasked and started",
        hand: "systemctl unmask blocked.service; systemctl start blocked.service",
        changes: &["mask blocked.service false → true", "state blocked.service active → stopped"],
        steps: &["stop blocked.service", "mask blocked.service", "daemon_reload"],
        touched: &["blocked.service"],
        ..DRIFT
    },
    Drift {
        name: "`masked: true` unmasked and enabled",
        hand: "systemctl unmask blocked.service; systemctl enable blocked.service",
        changes: &[
            "mask blocked.service false → true",
            "no link /etc/systemd/system/multi-user.target.wants/blocked.service",
        ],
        steps: &[
            "remove_link /etc/systemd/system/multi-user.target.wants/blocked.service",
            "mask blocked.service",
            "daemon_reload",
        ],
        ..DRIFT
    },
    Drift {
        name: "`masked: false` masked",
        hand: "systemctl mask open.service",
        changes: &["mask open.service true → false"],
        steps: &["unmask open.service", "daemon_reload", "gate"],
        ..DRIFT
    },
    Drift {
        name: "`masked: false` masked until the next boot",
        hand: "systemctl mask --runtime open.service",
        changes: &["mask open.service true → false"],
        steps: &["unmask open.service", "daemon_reload", "gate"],
        ..DRIFT
    },
    Drift {
        name: "`masked: false` masked in both forms",
        hand: "systemctl mask --runtime open.service; systemctl mask open.service",
        changes: &["mask open.service true → false"],
        steps: &["unmask open.service", "daemon_reload", "gate"],
        ..DRIFT
    },
    Drift {
        name: "`masked: false` masked and stopped",
        hand: "systemctl mask --now open.service",
        changes: &["mask open.service true → false", "state open.service inactive → started"],
        steps: &["unmask open.service", "daemon_reload", "gate", "start open.service"],
        touched: &["open.service"],
        ..DRIFT
    },
];

/// What a hand may do without making a difference.
const NO_DRIFT: &[(&str, &str)] = &[
    // Before a hand restarts the service: what it was started with is on record.
    ("a file edited and put back", "sed -i s/hello/bye/ /etc/main.env; sed -i s/bye/hello/ /etc/main.env"),
    ("a service restarted", "systemctl restart main.service"),
    ("a daemon-reload", "systemctl daemon-reload"),
    ("a file touched", "touch /srv/notes.txt /srv/worker/settings.conf"),
    ("a job run by hand", "systemctl start job.service"),
    ("a caller at the socket", "bash -c 'cat </dev/tcp/127.0.0.1/7777' | grep echo"),
    ("the path unit set off", "touch /srv/spool/1.job; sleep 0.5; ! test -e /srv/spool/1.job"),
];

#[test]
fn drift_of_files_shows_up_alone_and_is_healed_alone() {
    let host = Host::boot("drift-files", Release::Bookworm);
    heal_each(&host, FILES);
}

#[test]
fn drift_of_unit_files_shows_up_alone_and_is_healed_alone() {
    let host = Host::boot("drift-units", Release::Bookworm);
    heal_each(&host, UNIT_FILES);
}

#[test]
fn drift_of_what_runs_and_is_enabled_shows_up_alone_and_is_healed_alone() {
    let host = Host::boot("drift-running", Release::Bookworm);
    heal_each(&host, RUNNING);
}

#[test]
fn every_drift_is_healed_on_bullseye() {
    let host = Host::boot("drift-bullseye", Release::Bullseye);
    heal_each(&host, FILES.iter().chain(UNIT_FILES).chain(RUNNING));
}

#[test]
fn every_drift_is_healed_on_trixie() {
    let host = Host::boot("drift-trixie", Release::Trixie);
    heal_each(&host, FILES.iter().chain(UNIT_FILES).chain(RUNNING));
}

#[test]
fn what_makes_no_difference_is_no_drift() {
    let host = Host::boot("no-drift", Release::Bookworm);
    settle_estate(&host);
    let baseline = fingerprint(&host);
    for (name, hand) in NO_DRIFT {
        host.exec(hand);
        let report = reading::plan(&host);
        assert!(report.nothing_to_do(), "after {name}: {:#?} {:#?}", report.changes, report.steps);
        assert!(report.findings.is_empty(), "after {name}: {:#?}", report.findings);
        // Calling at the socket starts its service, which is what it is for.
        host.exec("systemctl stop echo.service 2>/dev/null; systemctl start echo.socket");
        assert_eq!(fingerprint(&host), baseline, "after {name}");
    }
}

#[test]
fn a_home_in_use_is_refused_by_the_host_and_nothing_changes() {
    let host = Host::boot("home-in-use", Release::Bookworm);
    settle_estate(&host);
    host.exec("sed -i 's|:/srv/worker:|:/srv:|' /etc/passwd; rm /srv/notes.txt");
    let baseline = fingerprint(&host);
    // usermod gives no other home to a user who has processes (its versions on all three releases).
    let report = reading::try_apply(&host);
    assert_eq!((report.code, report.outcome.as_str()), (6, "failed"), "{:#}", report.part["outcome"]);
    assert_eq!(report.part["outcome"]["restored"], true);
    assert!(report.part["outcome"]["error"].to_string().contains("used by process"), "{:#}", report.part["outcome"]);
    assert_eq!(fingerprint(&host), baseline);
    host.exec("systemctl stop main.service");
    reading::apply(&host);
    assert!(host.exec("getent passwd worker").contains(":/srv/worker:"));
    assert_in_sync(&host, "when nobody used the home any more");
}

/// Applies the estate for the first time.
pub(crate) fn settle_estate(host: &Host) {
    install_vendor_units(host, &["blocked.service", "open.service"]);
    host.write_playbook(ESTATE);
    reading::apply(host);
    assert_in_sync(host, "after the first apply");
}

fn heal_each<'a>(host: &Host, drifts: impl IntoIterator<Item = &'a Drift>) {
    settle_estate(host);
    let baseline = fingerprint(host);
    let mut wrong = Vec::new();
    for drift in drifts {
        if let Err(why) = heal(host, drift, &baseline) {
            wrong.push(format!("{}:\n{why}", drift.name));
            // The others shall be judged by themselves.
            reading::try_apply(host);
            let now = fingerprint(host);
            if now != baseline {
                wrong.push(format!(
                    "and the host stays different, so the rest is not tried: {}",
                    first_difference(&baseline, &now)
                ));
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "{} went wrong\n\n{}", wrong.len(), wrong.join("\n\n"));
}

fn heal(host: &Host, drift: &Drift, baseline: &str) -> Result<(), String> {
    host.exec(drift.hand);
    let planned = reading::plan(host);
    let mut wrong = Vec::new();
    let mut compare = |what: &str, found: &[String], wanted: &[&str], in_order: bool| {
        let (mut found, mut wanted) = (found.to_vec(), wanted.iter().map(|&it| it.to_owned()).collect::<Vec<_>>());
        if !in_order {
            found.sort();
            wanted.sort();
        }
        if found != wanted {
            wrong.push(format!("  {what}: wanted {wanted:#?}, got {found:#?}"));
        }
    };
    compare("changes", &planned.changes, drift.changes, false);
    compare("steps", &planned.steps, drift.steps, true);
    compare("findings", &planned.findings, drift.findings, false);
    compare("refusals", &planned.refusals, &[], false);
    let before = runs(host, &UNITS);
    let applied = reading::try_apply(host);
    let after = runs(host, &UNITS);
    compare("what the apply touched", &disturbed(&before, &after), drift.touched, false);
    compare("steps of the apply", &applied.steps, drift.steps, true);
    if applied.code != 0 || applied.outcome != "changed" {
        wrong.push(format!("  the apply: {} {:#}", applied.part["outcome"], applied.part["failures"]));
    }
    let again = reading::plan(host);
    if !again.nothing_to_do() {
        wrong.push(format!("  still there afterwards: {:?} {:?}", again.changes, again.steps));
    }
    bring_back(host, &after);
    let now = fingerprint(host);
    if now != baseline && !drift.stays {
        wrong.push(format!("  not as it was: {}", first_difference(baseline, &now)));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// The service behind the socket is nobody's to keep running; the next drift finds it down.
fn bring_back(host: &Host, after: &Runs) {
    if after["echo.service"].contains("ActiveState=active") {
        host.exec("systemctl stop echo.service 2>/dev/null");
    }
}

fn first_difference(one: &str, other: &str) -> String {
    let gone = one.lines().filter(|line| !other.lines().any(|it| it == *line)).map(|line| format!("- {line}"));
    let come = other.lines().filter(|line| !one.lines().any(|it| it == *line)).map(|line| format!("+ {line}"));
    gone.chain(come).collect::<Vec<_>>().join("\n    ")
}

/// What the host itself says of all that the estate is about.
pub(crate) fn fingerprint(host: &Host) -> String {
    let script = format!(
        "places='/etc/systemd/system /run/systemd/system /etc/main.env /srv'
         find $places ! -path '*.requires' -printf '%p %y %m %u:%g %l\\n' | sort
         find $places -type f -exec sha256sum {{}} + | sort -k 2
         getent passwd worker
         systemctl get-default
         for unit in {}; do
           systemctl show -p Id,LoadState,ActiveState,UnitFileState,NeedDaemonReload,DropInPaths -- $unit | sort | paste -s
         done
         findmnt -n -o TARGET,FSTYPE /srv/scratch
         main=$(systemctl show --value -p MainPID main.service)
         [ $main = 0 ] || {{ tr '\\0' '\\n' </proc/$main/environ | grep -e GREETING -e X=; grep 'Max open' /proc/$main/limits; }}",
        UNITS.join(" ")
    );
    host.exec(&script)
}
