//! What `observe --save` would have written of the project's hosts: a fresh one, and one that is as it shall be but
//! for a port that was edited by hand.

use std::collections::BTreeMap;

use unitfleet::model::{
    AbsPath, Account, ActiveState, Bytes, FileMeta, GroupEntry, HostFacts, HostName, Ledger, LedgerEntry, MachineFacts,
    ManifestName, Observation, Observed, ObservedPath, ObservedUnit, UnitName, UserName,
};

const NOW_US: i64 = 1_700_000_000_000_000;
const HOUR_US: i64 = 3_600_000_000;
const UNIT: &str = "/etc/systemd/system/webapp.service";
const DROP_IN: &str = "/etc/systemd/system/webapp.service.d/limits.conf";
const ENVIRONMENT: &str = "/etc/webapp.env";

pub(crate) fn observation() -> String {
    let host = |name: &str| HostName::parse(name).expect("it is one");
    let hosts = BTreeMap::from([(host("web1"), fresh("web1")), (host("web2"), edited("web2"))]);
    serde_json::json!({"schema_version": 1, "verb": "observe", "hosts": hosts, "missing": {}}).to_string()
}

fn path(text: &str) -> AbsPath {
    AbsPath::parse(text).expect("it is one")
}

fn service() -> UnitName {
    UnitName::parse("webapp.service").expect("it is one")
}

fn fresh(name: &str) -> Observed {
    let user = UserName::parse("webapp").expect("it is one");
    Observed {
        host: HostName::parse(name).expect("it is one"),
        facts: HostFacts {
            systemd_version: 252,
            systemd_version_text: "252.39-1~deb12u1".to_owned(),
            uid: 0,
            system_state: "running".to_owned(),
            boot_id: "b007".to_owned(),
            now_us: NOW_US,
            uptime_us: 24 * HOUR_US,
            units_load_us: Some(22 * HOUR_US),
            reloaded_us: None,
            unit_path: vec![path("/etc/systemd/system"), path("/usr/lib/systemd/system")],
            machine: MachineFacts::default(),
        },
        units: BTreeMap::from([(service(), unit("not-found", ActiveState::Inactive))]),
        paths: [UNIT, DROP_IN, ENVIRONMENT].map(|at| (path(at), ObservedPath::Absent)).into(),
        links: BTreeMap::new(),
        below: BTreeMap::new(),
        users: BTreeMap::from([(user.clone(), Observation::Known(None))]),
        groups: BTreeMap::from([(user, Observation::Known(None))]),
        ledgers: BTreeMap::new(),
        ledger_times_us: BTreeMap::new(),
        started: BTreeMap::new(),
        credentials: BTreeMap::new(),
        holds: BTreeMap::new(),
        lock: None,
    }
}

fn edited(name: &str) -> Observed {
    let mut host = fresh(name);
    let text = |port: u32| {
        format!(
            "[Service]\nExecStart=/usr/bin/python3 -m http.server {port}\nEnvironmentFile=/etc/webapp.env\nUser=webapp\n\n\
             [Install]\nWantedBy=multi-user.target\n"
        )
    };
    let mut entries = vec![LedgerEntry::Unit(service()), LedgerEntry::User(UserName::parse("webapp").expect("it is"))];
    let files = [
        (UNIT, text(8001), text(9999)),
        (DROP_IN, LIMITS.to_owned(), LIMITS.to_owned()),
        (ENVIRONMENT, "PORT=8001\n".to_owned(), "PORT=8001\n".to_owned()),
    ];
    for (at, installed, found) in files {
        entries.push(LedgerEntry::File { path: path(at), digest: Some(Bytes::from(installed).digest()) });
        host.paths.insert(path(at), file(&found, if at == ENVIRONMENT { 0o640 } else { 0o644 }, at == ENVIRONMENT));
    }
    let link = path("/etc/systemd/system/multi-user.target.wants/webapp.service");
    entries.push(LedgerEntry::Link { path: link.clone(), target: UNIT.to_owned() });
    host.links.insert(link, UNIT.to_owned());
    let owner = ManifestName::parse("web-tier").expect("it is one");
    let ledger = Ledger { owner: owner.clone(), run: "earlier".to_owned(), entries: entries.into_iter().collect() };
    host.ledgers.insert(owner.clone(), Observation::Known(ledger));
    host.ledger_times_us.insert(owner, NOW_US - 2 * HOUR_US);
    let account = Account {
        name: "webapp".to_owned(),
        uid: 990,
        gid: 990,
        home: "/opt/webapp".to_owned(),
        shell: "/usr/sbin/nologin".to_owned(),
    };
    for user in host.users.values_mut() {
        *user = Observation::Known(Some(account.clone()));
    }
    for group in host.groups.values_mut() {
        let entry = GroupEntry { name: "webapp".to_owned(), gid: 990, members: Vec::new() };
        *group = Observation::Known(Some(entry));
    }
    host.units.insert(service(), unit("loaded", ActiveState::Active));
    host
}

const LIMITS: &str = "[Service]\nLimitNOFILE=65536\n";

fn file(text: &str, mode: u32, webapp_reads: bool) -> ObservedPath {
    let bytes = Bytes::from(text);
    let (gid, group) = if webapp_reads { (990, "webapp") } else { (0, "root") };
    let time = NOW_US - 3 * HOUR_US;
    let meta = FileMeta {
        mode,
        uid: 0,
        gid,
        user: "root".to_owned(),
        group: group.to_owned(),
        size: bytes.0.len() as u64,
        mtime_us: time,
        ctime_us: time,
    };
    ObservedPath::File { meta, digest: Observation::Known(bytes.digest()), content: Some(bytes) }
}

fn unit(load_state: &str, active_state: ActiveState) -> ObservedUnit {
    let up = active_state.is_up();
    ObservedUnit {
        id: "webapp.service".to_owned(),
        names: vec!["webapp.service".to_owned()],
        load_state: load_state.to_owned(),
        load_error: None,
        sub_state: if up { "running" } else { "dead" }.to_owned(),
        active_state,
        unit_file_state: String::new(),
        fragment_path: up.then(|| path(UNIT)),
        drop_in_paths: if up { vec![path(DROP_IN)] } else { Vec::new() },
        need_daemon_reload: false,
        can_reload: false,
        refuse_manual_start: false,
        refuse_manual_stop: false,
        service_type: "simple".to_owned(),
        remain_after_exit: false,
        result: Some("success".to_owned()),
        main_pid: up.then_some(4711),
        exec_main_code: None,
        exec_main_status: None,
        n_restarts: Some(0),
        invocation_id: up.then(|| "0123456789abcdef0123456789abcdef".to_owned()),
        exec_main_start_us: Some(if up { 23 * HOUR_US } else { 0 }),
        active_enter_us: Some(if up { 23 * HOUR_US } else { 0 }),
        condition_result: Some(up),
        job: None,
        triggers: Vec::new(),
        triggered_by: Vec::new(),
        transient: false,
    }
}
