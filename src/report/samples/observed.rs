//! A gather for the tests.

use std::collections::BTreeMap;

use super::{host, path, unit};
use crate::model::{ActiveState, HostFacts, MachineFacts, Observed, ObservedPath, ObservedUnit};

/// What a gather saw on a host, as root or not.
pub(in crate::report) fn observed(name: &str, uid: u32) -> Observed {
    let up = |state: &str, sub: &str| seen_unit(state, sub);
    let mut failed = up("failed", "failed");
    failed.result = Some("exit-code".to_owned());
    failed.n_restarts = Some(5);
    failed.need_daemon_reload = true;
    let mut gone = up("inactive", "dead");
    gone.load_state = "not-found".to_owned();
    gone.unit_file_state = String::new();
    let mut alias = up("active", "running");
    alias.id = "ssh.service".to_owned();
    alias.unit_file_state = "alias".to_owned();
    let units = [
        ("web.service", up("active", "running")),
        ("worker@1.service", failed),
        ("sshd.service", alias),
        ("old.service", gone),
    ];
    let unknown = ObservedPath::Unknown("Permission denied".to_owned());
    Observed {
        host: host(name),
        facts: HostFacts {
            systemd_version: 252,
            systemd_version_text: "252 (252.39-1~deb12u1)".to_owned(),
            uid,
            system_state: if uid == 0 { "degraded" } else { "running" }.to_owned(),
            boot_id: "b".to_owned(),
            now_us: 1_763_662_000_000_000,
            uptime_us: 273_600_000_000,
            units_load_us: None,
            reloaded_us: None,
            unit_path: Vec::new(),
            machine: MachineFacts::default(),
        },
        units: units.into_iter().map(|(name, seen)| (unit(name), seen)).collect(),
        paths: if uid == 0 { BTreeMap::new() } else { BTreeMap::from([(path("/etc/webapp.env"), unknown)]) },
        links: BTreeMap::new(),
        below: BTreeMap::new(),
        users: BTreeMap::new(),
        credentials: BTreeMap::new(),
        groups: BTreeMap::new(),
        ledgers: BTreeMap::new(),
        ledger_times_us: BTreeMap::new(),
        started: BTreeMap::new(),
        holds: BTreeMap::from([("web.service".to_owned(), "kernel upgrade until Friday\n".to_owned())]),
        lock: None,
    }
}

fn seen_unit(state: &str, sub: &str) -> ObservedUnit {
    ObservedUnit {
        id: String::new(),
        names: Vec::new(),
        load_state: "loaded".to_owned(),
        load_error: None,
        active_state: ActiveState::parse(state),
        sub_state: sub.to_owned(),
        unit_file_state: "enabled".to_owned(),
        fragment_path: None,
        drop_in_paths: Vec::new(),
        need_daemon_reload: false,
        can_reload: false,
        refuse_manual_start: false,
        refuse_manual_stop: false,
        service_type: "simple".to_owned(),
        remain_after_exit: false,
        result: Some("success".to_owned()),
        main_pid: Some(1),
        exec_main_code: None,
        exec_main_status: None,
        n_restarts: Some(0),
        invocation_id: None,
        exec_main_start_us: None,
        active_enter_us: Some(266_100_000_000),
        condition_result: None,
        job: None,
        triggers: Vec::new(),
        triggered_by: Vec::new(),
        transient: false,
    }
}
