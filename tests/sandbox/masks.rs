//! Masks and holds: a hand's are respected, the playbook's are made and taken back without loss.

use unitfleet::sandbox::Release;

use crate::reading::{self, assert_in_sync, disturbed, install_vendor_units, property, runs, snapshot};
use crate::support::Host;

const ETC: &str = "/etc /srv /var/lib/unitfleet /run/systemd/system /run/unitfleet /usr/lib/systemd/system";

/// A package's unit, one of ours, a template of ours, and a file that has nothing to do with them.
const HELD: &str = r"
name: held
hosts: all
files: {/srv/file: {content: one}}
unit_defaults: {enabled: true, state: started}
units:
  vendor.service: {}
  ours.service:
    drop_ins: {more: {Service: {Nice: 5}}}
    Service: {Type: exec, ExecStart: /bin/sleep infinity}
    Install: {WantedBy: multi-user.target}
  crew@.service:
    instances: [a]
    Service: {Type: exec, ExecStart: /bin/sleep infinity}
    Install: {WantedBy: multi-user.target}
";

/// What a hand does, who is held by it, and how it is undone.
const HANDS: [(&str, &str, &[&str], &str); 7] = [
    (
        "a package's unit masked and stopped",
        "systemctl mask --now vendor.service",
        &["held vendor.service"],
        "systemctl unmask vendor.service",
    ),
    (
        "a package's unit masked until the next boot",
        "systemctl mask --runtime --now vendor.service",
        &["held vendor.service"],
        "systemctl unmask --runtime vendor.service",
    ),
    (
        "a package's unit masked while it runs",
        "systemctl mask vendor.service",
        &["held vendor.service"],
        "systemctl unmask vendor.service",
    ),
    (
        "our unit masked in place of its file",
        "systemctl stop ours.service; ln -sf /dev/null /etc/systemd/system/ours.service; systemctl daemon-reload",
        &["held ours.service"],
        "rm /etc/systemd/system/ours.service",
    ),
    (
        "our unit masked by an empty file",
        "systemctl stop ours.service; : >/etc/systemd/system/ours.service; systemctl daemon-reload",
        &["held ours.service"],
        "rm /etc/systemd/system/ours.service",
    ),
    (
        "a template masked in place of its file",
        "systemctl stop crew@a.service; ln -sf /dev/null /etc/systemd/system/crew@.service; systemctl daemon-reload",
        &["held crew@.service", "held crew@a.service"],
        "rm /etc/systemd/system/crew@.service",
    ),
    (
        "our unit on hold, stopped, disabled and edited",
        "mkdir -p /etc/unitfleet/hold; echo 'disk swap until noon' >/etc/unitfleet/hold/ours.service
         systemctl disable --now ours.service; echo '# by hand' >>/etc/systemd/system/ours.service
         rm -r /etc/systemd/system/ours.service.d; systemctl daemon-reload",
        &["held ours.service"],
        "rm /etc/unitfleet/hold/ours.service",
    ),
];

#[test]
fn a_hold_or_a_mask_made_by_hand_is_respected() {
    let host = Host::boot("held", Release::Bookworm);
    install_vendor_units(&host, &["vendor.service"]);
    host.write_playbook(HELD);
    reading::apply(&host);
    assert_in_sync(&host, "after the first apply");
    let units = ["vendor.service", "ours.service", "crew@a.service"];
    for (name, hand, held, undo) in HANDS {
        host.exec(hand);
        let (files, before) = (snapshot(&host, ETC), runs(&host, &units));
        for report in [reading::plan(&host), reading::try_apply(&host)] {
            assert!(report.nothing_to_do(), "{name}: {} {:#?} {:#?}", report.code, report.changes, report.steps);
            assert_eq!(report.findings, held, "{name}");
            assert!(report.refusals.is_empty(), "{name}: {:#?}", report.refusals);
        }
        let verbs = [["plan"].as_slice(), &["apply", "-y"]];
        for verb in verbs {
            let arguments: Vec<&str> =
                verb.iter().copied().chain(["--strict", "--format", "json", "playbook.yaml"]).collect();
            let strict = reading::run(&host, &arguments);
            assert_eq!(strict.code, 7, "{name}: {verb:?}");
        }
        assert_eq!(snapshot(&host, ETC), files, "{name}");
        assert_eq!(disturbed(&before, &runs(&host, &units)), [""; 0], "{name}");
        // What else differs is healed all the same.
        host.exec("echo two >/srv/file");
        let report = reading::apply(&host);
        assert_eq!(report.steps, ["write_file /srv/file"], "{name}");
        assert_eq!(disturbed(&before, &runs(&host, &units)), [""; 0], "{name}");
        host.exec(&format!("{undo}; systemctl daemon-reload"));
        reading::apply(&host);
        assert_in_sync(&host, name);
        for unit in units {
            assert_eq!(property(&host, unit, "ActiveState"), "active", "{name}: {unit}");
        }
    }
}

#[test]
fn the_reason_of_a_hold_is_told() {
    let host = Host::boot("hold-reason", Release::Bookworm);
    install_vendor_units(&host, &["vendor.service"]);
    host.write_playbook(HELD);
    host.exec("mkdir -p /etc/unitfleet/hold; echo 'disk swap until noon' >/etc/unitfleet/hold/vendor.service");
    let output = host.unitfleet(["plan", "playbook.yaml"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("disk swap until noon"), "{text}");
    assert!(text.contains("/etc/unitfleet/hold/vendor.service"), "how it is released: {text}");
    reading::apply(&host);
    assert_eq!(property(&host, "vendor.service", "ActiveState"), "inactive");
    assert_eq!(property(&host, "ours.service", "ActiveState"), "active");
}

#[test]
fn under_strict_a_hold_keeps_everything_back() {
    let host = Host::boot("strict", Release::Bookworm);
    install_vendor_units(&host, &["vendor.service"]);
    host.write_playbook(HELD);
    reading::apply(&host);
    host.exec("systemctl mask --now vendor.service; echo two >/srv/file");
    let report = reading::run(&host, &["apply", "-y", "--strict", "--format", "json", "playbook.yaml"]);
    assert_eq!(report.code, 7);
    assert_eq!(host.exec("cat /srv/file"), "two", "findings count as refusals, so nothing is done");
}

#[test]
fn masking_keeps_a_file_in_etc_and_unmasking_brings_it_back() {
    let host = Host::boot("mask-etc", Release::Bookworm);
    let by_hand = "printf '# mine\\n[Service]\\nType=exec\\nExecStart=/bin/sleep 12345\\n[Install]\\nWantedBy=multi-user.target\\n' \
                   >/etc/systemd/system/hand.service; systemctl daemon-reload; systemctl enable --now hand.service";
    host.exec(by_hand);
    let original = host.exec("sha256sum </etc/systemd/system/hand.service");
    let ours = "Service: {Type: exec, ExecStart: /bin/sleep infinity}, Install: {WantedBy: multi-user.target}";
    let playbook = |hand: &str, ours: &str| {
        format!("name: masks\nhosts: all\nunits:\n  hand.service: {{{hand}}}\n  ours.service: {{{ours}}}\n")
    };
    host.write_playbook(&playbook("enabled: true", &format!("{ours}, enabled: true, state: started")));
    reading::apply(&host);

    host.write_playbook(&playbook("masked: true", &format!("{ours}, masked: true")));
    let report = reading::apply(&host);
    let wants = "/etc/systemd/system/multi-user.target.wants";
    let steps = [
        &format!("remove_link {wants}/hand.service"),
        &format!("remove_link {wants}/ours.service"),
        "stop hand.service",
        "stop ours.service",
        "mask hand.service",
        "mask ours.service",
        "daemon_reload",
    ];
    assert_eq!(report.steps, steps);
    for unit in ["hand.service", "ours.service"] {
        let state = host.exec(&format!(
            "readlink /etc/systemd/system/{unit}; systemctl show --value -p LoadState,ActiveState {unit} | paste -s
             ls {wants} | grep -c {unit} || :"
        ));
        assert_eq!(state, "/dev/null\nmasked\tinactive\n0", "{unit}");
        let started = host.try_exec(&format!("systemctl start {unit}"));
        assert!(!started.status.success(), "{unit} could be started");
    }
    assert_eq!(host.exec("sha256sum </var/lib/unitfleet/masked/hand.service"), original, "the content is kept");
    assert_in_sync(&host, "masked");
    host.reboot();
    assert_in_sync(&host, "masked and rebooted");

    host.write_playbook(&playbook(
        "masked: false, enabled: true, state: started",
        &format!("{ours}, masked: false, enabled: true, state: started"),
    ));
    reading::apply(&host);
    assert_eq!(host.exec("sha256sum </etc/systemd/system/hand.service"), original, "the content is back");
    for unit in ["hand.service", "ours.service"] {
        let state = host.exec(&format!("systemctl is-active {unit}; systemctl is-enabled {unit}; ls {wants}/{unit}"));
        assert_eq!(state, format!("active\nenabled\n{wants}/{unit}"));
    }
    assert_eq!(host.exec("ls /var/lib/unitfleet/masked"), "", "nothing is kept that is in place again");
    assert_in_sync(&host, "unmasked");
}

#[test]
fn a_unit_that_is_not_there_can_be_masked() {
    let host = Host::boot("mask-none", Release::Bookworm);
    host.write_playbook("name: masks\nhosts: all\nunits:\n  nobody.service: {masked: true}\n");
    let report = reading::apply(&host);
    assert_eq!(report.changes, ["mask nobody.service false → true"]);
    assert_eq!(report.steps, ["mask nobody.service", "daemon_reload"]);
    assert_eq!(host.exec("readlink /etc/systemd/system/nobody.service"), "/dev/null");
    assert_in_sync(&host, "masked");
    // The package comes later, and its unit stays masked.
    install_vendor_units(&host, &["nobody.service"]);
    assert_in_sync(&host, "with the package");
    host.write_playbook("name: masks\nhosts: all\nunits:\n  nobody.service: {masked: false, state: started}\n");
    reading::apply(&host);
    assert_eq!(property(&host, "nobody.service", "ActiveState"), "active");
    assert_in_sync(&host, "unmasked");
}

#[test]
fn enabling_a_static_unit_is_refused_before_anything_is_touched() {
    let host = Host::boot("static", Release::Bookworm);
    host.exec(
        "printf '[Service]\\nExecStart=/bin/sleep infinity\\n' >/usr/lib/systemd/system/static.service
         systemctl daemon-reload",
    );
    host.write_playbook(
        "name: static\nhosts: all\nfiles: {/srv/file: {content: x}}\nunits:\n  static.service: {enabled: true, state: started}\n",
    );
    let files = snapshot(&host, ETC);
    for report in [reading::plan(&host), reading::try_apply(&host)] {
        assert_eq!((report.code, report.outcome.as_str()), (7, "refused"));
        assert_eq!(report.refusals.len(), 1, "{:#?}", report.refusals);
        let text = &report.refusals[0];
        assert!(text.contains("static.service") && text.contains("[Install]"), "{text}");
        let refusal = &report.part["plan"]["refusals"][0];
        assert!(refusal["hint"].is_string() && refusal["place"]["line"].is_number(), "{refusal:#}");
    }
    assert_eq!(snapshot(&host, ETC), files);
    assert_eq!(property(&host, "static.service", "ActiveState"), "inactive");
    // With an [Install] of its own it can be.
    host.write_playbook(
        "name: static\nhosts: all\nunits:\n  static.service:\n    enabled: true\n    state: started\n    \
         drop_ins: {install: {Install: {WantedBy: multi-user.target}}}\n",
    );
    reading::apply(&host);
    assert_eq!(host.exec("systemctl is-active static.service; systemctl is-enabled static.service"), "active\nenabled");
    assert_in_sync(&host, "with an [Install]");
}
