//! What a run is about and what it leaves alone: units taken over from a hand, tags, holds of the playbook, conditions.

use unitfleet::sandbox::Release;

use crate::reading::{self, assert_in_sync, disturbed, property, runs, snapshot};
use crate::support::Host;

const ETC: &str = "/etc /srv /run/systemd/system /usr/lib/systemd/system";

/// As an admin would have set it up years ago.
const BY_HAND: &str = r"
mkdir -p /srv/hand /etc/systemd/system/hand.service.d
printf 'A=1\n' >/srv/hand/env
printf '[Service]\nType=exec\nExecStart=/bin/sleep infinity\n\n[Install]\nWantedBy=multi-user.target\n' >/etc/systemd/system/hand.service
printf '[Service]\nNice=5\n' >/etc/systemd/system/hand.service.d/nice.conf
printf '[Service]\nEnvironmentFile=/srv/hand/env\n' >/etc/systemd/system/hand.service.d/more.conf
systemctl daemon-reload
systemctl enable --now hand.service
useradd --system --home-dir /srv/hand --shell /usr/sbin/nologin hand
";

const ADOPTED: &str = r#"
name: adopted
hosts: all
users: {hand: {adopt: true, home: /srv/hand}}
directories: {/srv/hand: {adopt: true}}
files: {/srv/hand/env: {adopt: true, content: "A=1\n"}}
units:
  hand.service:
    adopt: true
    enabled: true
    state: started
    Service: {Type: exec, ExecStart: /bin/sleep infinity}
    Install: {WantedBy: multi-user.target}
    drop_ins: {nice: {Service: {Nice: 5}}, more: {Service: {EnvironmentFile: /srv/hand/env}}}
"#;

const GONE: &str = r"
name: adopted
hosts: all
users: {hand: {absent: true, adopt: true}}
directories: {/srv/hand: {absent: true, adopt: true}}
files: {/srv/hand/env: {absent: true, adopt: true}}
units: {hand.service: {absent: true, adopt: true}}
";

#[test]
fn what_a_hand_set_up_becomes_ours_untouched_and_can_then_be_removed() {
    let host = Host::boot("adopt", Release::Bookworm);
    host.exec(BY_HAND);
    let (before, running) = (snapshot(&host, ETC), runs(&host, &["hand.service"]));
    host.write_playbook(ADOPTED);
    let planned = reading::plan(&host);
    assert_eq!((planned.changes, planned.refusals, planned.findings), (vec![], vec![], vec![]));
    assert_eq!(planned.steps, ["adopt"; 7], "a user, a directory, a file, a unit file, two drop-ins, a link");
    let report = reading::apply(&host);
    assert_eq!((report.outcome.as_str(), report.ended), ("changed", vec!["done".to_owned(); 7]));
    assert_eq!(snapshot(&host, ETC), before, "adopting touches nothing");
    assert_eq!(disturbed(&running, &runs(&host, &["hand.service"])), [""; 0]);
    let ledger = host.exec("cat /var/lib/unitfleet/ledger/adopted");
    for entry in
        ["user hand", "directory /srv/hand", " /srv/hand/env", " /etc/systemd/system/hand.service", "unit hand.service"]
    {
        assert!(ledger.lines().any(|line| line.ends_with(entry)), "{entry}: {ledger}");
    }
    assert_in_sync(&host, "after the adoption");
    // Ours now: no `adopt` is needed to take it away.
    host.write_playbook(&GONE.replace(", adopt: true", ""));
    reading::apply(&host);
    assert_eq!(
        host.exec(
            "ls -d /srv/hand /etc/systemd/system/hand.service* /etc/systemd/system/*/hand.service 2>/dev/null || :"
        ),
        ""
    );
    assert_eq!(host.exec("getent passwd hand || echo none"), "none");
    assert_eq!(property(&host, "hand.service", "LoadState"), "not-found");
    assert_in_sync(&host, "after the removal");
}

#[test]
fn what_a_hand_set_up_is_removed_at_once_where_the_playbook_says_so() {
    let host = Host::boot("adopt-absent", Release::Bookworm);
    host.exec(BY_HAND);
    let before = snapshot(&host, ETC);
    host.write_playbook(&GONE.replace(", adopt: true", ""));
    let refused = reading::try_apply(&host);
    assert_eq!((refused.code, refused.refusals.len()), (7, 4), "{:#?}", refused.refusals);
    assert_eq!(snapshot(&host, ETC), before);
    host.write_playbook(GONE);
    reading::apply(&host);
    assert_eq!(
        host.exec(
            "ls -d /srv/hand /etc/systemd/system/hand.service* /etc/systemd/system/*/hand.service 2>/dev/null || :"
        ),
        ""
    );
    assert_eq!(host.exec("getent passwd hand || echo none"), "none");
    assert_eq!(property(&host, "hand.service", "ActiveState"), "inactive");
    assert_in_sync(&host, "after the removal");
}

const TAGGED: &str = r#"
name: tagged
hosts: all
defaults: {level: 1}
files: {/srv/app.env: {tags: config, content: "LEVEL={{ level }}\n"}}
units:
  app.service:
    tags: app
    state: started
    Service: {Type: exec, EnvironmentFile: /srv/app.env, ExecStart: /bin/sleep infinity}
"#;

#[test]
fn a_restart_that_a_limited_run_left_out_is_owed_and_made() {
    let host = Host::boot("tags", Release::Bookworm);
    host.write_playbook(TAGGED);
    reading::apply(&host);
    let running = runs(&host, &["app.service"]);
    let limited = ["--format", "json", "-e", "level=2", "-t", "config", "playbook.yaml"];
    let apply: Vec<&str> = ["apply", "-y"].into_iter().chain(limited).collect();
    let report = reading::run(&host, &apply);
    assert_eq!((report.code, report.steps), (0, vec!["write_file /srv/app.env".to_owned()]));
    assert_eq!(report.findings, ["stale app.service"], "that it is owed is said at once");
    assert_eq!(disturbed(&running, &runs(&host, &["app.service"])), [""; 0]);
    let plan: Vec<&str> = ["plan"].into_iter().chain(limited).collect();
    assert!(reading::run(&host, &plan).nothing_to_do());
    let text = host.unitfleet(["plan", "-e", "level=2", "-t", "config", "playbook.yaml"]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("limited to tags: config") && text.contains("No changes."), "{text}");
    let next = reading::run(&host, &["plan", "--format", "json", "-e", "level=2", "playbook.yaml"]);
    assert!(next.steps.contains(&"restart app.service".to_owned()), "{:#?}", next.steps);
    let all = reading::run(&host, &["apply", "-y", "--format", "json", "-e", "level=2", "playbook.yaml"]);
    assert_eq!(all.code, 0);
    assert_eq!(disturbed(&running, &runs(&host, &["app.service"])), ["app.service"]);
    assert_eq!(
        host.exec("tr '\\0' '\\n' </proc/$(systemctl show --value -p MainPID app.service)/environ | grep LEVEL"),
        "LEVEL=2"
    );
}

const HELD: &str = r"
name: held
hosts: all
units:
  app.service:
    state: started
    Service: {Type: exec, ExecStart: /bin/sleep infinity, Nice: 0}
  other.service:
    state: started
    Service: {Type: exec, ExecStart: /bin/sleep infinity, Nice: 0}
";

#[test]
fn a_hold_of_the_playbook_lasts_up_to_its_moment_by_the_hosts_clock() {
    let host = Host::boot("hold-until", Release::Bookworm);
    host.write_playbook(HELD);
    reading::apply(&host);
    let running = runs(&host, &["app.service"]);
    let changed = HELD.replace("Nice: 0", "Nice: 1");
    let with_hold = |until: &str| {
        changed.replacen(
            "  app.service:\n",
            &format!("  app.service:\n    hold: {{reason: ask Ann, until: {until}}}\n"),
            1,
        )
    };
    let at = |offset: &str| host.exec(&format!("date -u -d '{offset}' +%Y-%m-%dT%H:%M:%SZ"));
    host.write_playbook(&with_hold(&at("1 hour")));
    let report = reading::apply(&host);
    assert_eq!(report.findings, ["held app.service"]);
    assert!(report.steps.contains(&"restart other.service".to_owned()), "{:#?}", report.steps);
    assert!(!report.steps.iter().any(|step| step.contains("app.service")), "{:#?}", report.steps);
    assert_eq!(disturbed(&running, &runs(&host, &["app.service"])), [""; 0]);
    assert_eq!(
        host.exec("ls /etc/unitfleet/hold 2>/dev/null || :"),
        "",
        "the playbook's hold is not written to the host"
    );
    let strict = reading::run(&host, &["plan", "--strict", "--format", "json", "playbook.yaml"]);
    assert_eq!(strict.code, 7);
    host.write_playbook(&with_hold(&at("1 minute ago")));
    let report = reading::apply(&host);
    assert_eq!(report.findings, ["notice app.service"]);
    assert!(report.steps.contains(&"restart app.service".to_owned()), "{:#?}", report.steps);
    // Where the condition is false the unit is not there for us at all: it goes on as it is.
    let running = runs(&host, &["app.service", "other.service"]);
    host.write_playbook(
        &changed.replace("Nice: 1", "Nice: 2").replace("  state:", "  when: host != 'host1'\n    state:"),
    );
    assert!(reading::apply(&host).nothing_to_do());
    assert_eq!(disturbed(&running, &runs(&host, &["app.service", "other.service"])), [""; 0]);
}

/// The usual host has systemd 252; this one has 247, which only it can say.
const BY_FACTS: &str = r"
name: new
hosts: all
when: facts.systemd_version >= 250
units: {app.service: {state: started, Service: {ExecStart: /bin/sleep 1000}}}
---
name: old
hosts: all
when: facts.systemd_version < 250
users: {old: {}}
files: {/srv/old: {content: 'systemd {{ facts.systemd_version }}', owner: old}}
units: {app.service: {state: started, Service: {Type: exec, ExecStart: /bin/sleep 2000}}}
";

#[test]
fn what_only_the_hosts_facts_decide_is_planned_at_once() {
    let host = Host::boot("when-facts", Release::Bullseye);
    host.write_playbook(BY_FACTS);
    let planned = reading::plan(&host);
    assert_eq!((planned.findings, planned.refusals), (vec![], vec![]), "everything was looked at");
    reading::apply(&host);
    assert_eq!(host.exec("cat /srv/old; stat -c ' %U' /srv/old"), "systemd 247 old");
    assert!(property(&host, "app.service", "ExecStart").contains("2000"));
    assert_in_sync(&host, "after the apply");
    host.unitfleet(["observe", "--save", "fleet.json", "playbook.yaml"]);
    let offline = reading::run(&host, &["plan", "--observed", "fleet.json", "--format", "json", "playbook.yaml"]);
    assert!(offline.nothing_to_do(), "{:#?} {:#?}", offline.steps, offline.findings);
    assert_eq!(offline.findings, [""; 0]);
}
