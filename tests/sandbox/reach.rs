//! Hosts that cannot be reached, that must not be trusted, or on which we are not root.

use unitfleet::sandbox::{Options, Release};

use crate::answer::{
    apply, elsewhere, files, json, nothing_left, outcome, plan, program, read, reasons, said, same_files, steps, text,
    write_inventory,
};
use crate::support::Host;

const PLAYBOOK: &str = "\
name: app
hosts: all
unit_defaults: {enabled: true, state: started}
users: {webapp: {}}
directories: {/srv/app: {owner: webapp, group: webapp, mode: \"0750\"}}
files:
  /etc/app.env: {content: \"A=1\\n\", mode: \"0600\"}
units:
  app.service:
    Service: {ExecStart: /bin/sleep infinity, EnvironmentFile: /etc/app.env, User: webapp}
    Install: {WantedBy: multi-user.target}
";

fn nothing_staged(host: &Host) {
    assert_eq!(host.exec("ls -A /var/lib/unitfleet /run/unitfleet 2>/dev/null || true"), "");
}

#[test]
fn a_host_with_another_key_is_not_talked_to() {
    let host = Host::boot("changed-key", Release::default());
    host.write_playbook(PLAYBOOK);
    host.exec("rm /etc/ssh/ssh_host_*; ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key; systemctl restart ssh");
    write_inventory(&host, |_| {});
    let before = files(&host);
    for accept in [false, true] {
        // A changed key is refused even by those who take new ones.
        let extra = if accept { "--accept-new-host-keys" } else { "-v" };
        let answer = elsewhere(&host, ["apply", "-y", extra, "playbook.yaml"]).exits(5);
        let part = answer.host(host.name());
        assert_eq!(outcome(&part), "unreachable", "{part:#}");
        let text = said(&part);
        assert!(text.contains("ssh-keygen"), "no way out is named: {text}");
        assert!(text.contains("key"), "{text}");
    }
    same_files(&host, &before);
    nothing_staged(&host);
    assert_eq!(host.exec("journalctl -q -b -u ssh -o cat | grep -c 'Accepted publickey' || true"), "0");
}

#[test]
fn a_host_nobody_has_met_is_refused_unless_new_keys_are_accepted() {
    let host = Host::boot("new-key", Release::default());
    host.write_playbook(PLAYBOOK);
    let known = host.directory().join("known");
    let fleet = host.fleet().known_hosts_path();
    write_inventory(&host, |keys| {
        let arguments = keys["ssh_args"].as_str().expect("the fleet has its own known_hosts");
        keys["ssh_args"] = arguments.replace(fleet.to_str().expect("text"), known.to_str().expect("text")).into();
    });
    let part = elsewhere(&host, ["plan", "playbook.yaml"]).exits(5).host(host.name());
    assert_eq!(outcome(&part), "unreachable");
    assert!(said(&part).contains("--accept-new-host-keys"), "{}", said(&part));
    assert_eq!(read(&known), "");
    let part = elsewhere(&host, ["plan", "--accept-new-host-keys", "--persist", "0", "playbook.yaml"])
        .exits(0)
        .host(host.name());
    assert_eq!(outcome(&part), "pending");
    assert!(read(&known).contains("ssh-ed25519"), "the key was not written down");
    elsewhere(&host, ["plan", "--persist", "0", "playbook.yaml"]).exits(0);
}

#[test]
fn a_user_without_root_plans_all_there_is_to_see_and_applies_nothing() {
    let host = Host::boot("plain", Release::default());
    host.write_playbook(PLAYBOOK);
    for privileged in [true, false] {
        write_inventory(&host, |keys| {
            keys.insert("user".to_owned(), "plain".into());
            keys.insert("become".to_owned(), privileged.into());
        });
        // Everything is new, and this user sees that as well as root.
        let part = elsewhere(&host, ["plan", "playbook.yaml"]).exits(0).host(host.name());
        let as_root = plan(&host).exits(0).host(host.name());
        assert_eq!(steps(&part), steps(&as_root));
        let notice = part["plan"]["findings"].to_string();
        assert!(notice.contains("without root"), "{notice}");
        let before = files(&host);
        let part = elsewhere(&host, ["apply", "-y", "playbook.yaml"]).exits(7).host(host.name());
        assert_eq!(outcome(&part), "refused");
        let text = said(&part);
        let wanted = if privileged { "sudo" } else { "become: true" };
        assert!(text.contains(wanted), "{text}");
        same_files(&host, &before);
        nothing_staged(&host);
        assert_eq!(host.exec("ls -A /tmp /home/plain | grep -i unitfleet || true"), "");
    }
    // What this user may not read is not called the same, nor different.
    apply(&host).exits(0);
    let part = elsewhere(&host, ["plan", "playbook.yaml"]).host(host.name());
    let findings = part["plan"]["findings"].as_array().cloned().unwrap_or_default();
    let unknown = |finding: &&serde_json::Value| finding["kind"] == "unknown";
    let about: Vec<String> = findings.iter().filter(unknown).map(ToString::to_string).collect();
    assert!(about.iter().any(|text| text.contains("/etc/app.env")), "{about:?}");
    assert_eq!(steps(&part), Vec::<String>::new(), "nothing may be planned on what is not known");
    // With the finding it is no clean bill of health for those who are strict.
    elsewhere(&host, ["plan", "--strict", "playbook.yaml"]).exits(7);
}

#[test]
fn who_may_use_sudo_applies_and_sudos_refusals_are_told() {
    let host = Host::boot("sudo", Release::default());
    host.write_playbook(PLAYBOOK);
    write_inventory(&host, |keys| {
        keys.insert("user".to_owned(), "admin".into());
        keys.insert("become".to_owned(), true.into());
    });
    host.exec("mkdir /root/kept && cp -a /etc/sudoers.d/admin /root/kept/");
    for (rule, word) in [
        ("Defaults requiretty\\nadmin ALL=(ALL) NOPASSWD: ALL", "terminal"),
        ("admin ALL=(ALL) ALL", "password"),
        ("admin ALL=(ALL) NOPASSWD: /bin/ls", "sudo"),
        ("", "sudoers"),
    ] {
        host.exec(&format!("printf '{rule}\\n' >/etc/sudoers.d/admin; gpasswd -d admin sudo >/dev/null 2>&1; true"));
        let part = elsewhere(&host, ["apply", "-y", "playbook.yaml"]).exits(7).host(host.name());
        assert_eq!(outcome(&part), "refused", "{rule}: {part:#}");
        assert!(said(&part).contains(word), "{rule}: {}", said(&part));
        assert!(said(&part).contains("sudoers") || said(&part).contains("admin"), "{rule}: {}", said(&part));
        nothing_staged(&host);
    }
    host.exec("cp -a /root/kept/admin /etc/sudoers.d/admin");
    let part = elsewhere(&host, ["apply", "-y", "playbook.yaml"]).exits(0).host(host.name());
    assert_eq!(outcome(&part), "changed");
    assert_eq!(host.exec("stat -c '%a %U' /etc/app.env; systemctl is-active app.service"), "600 root\nactive");
    nothing_left(&host);
}

#[test]
fn a_host_that_a_careful_admin_set_up_is_applied_to() {
    let options = Options { hardened: true, ..Options::default() };
    let host = Host::boot_with("hardened", options);
    host.write_playbook(PLAYBOOK);
    assert_eq!(host.ssh(host.name(), "root", "true").status.code(), Some(255), "root can log in");
    let part = json(&host, ["apply", "-y", "--persist", "0", "playbook.yaml"]).exits(0).host(host.name());
    assert_eq!(outcome(&part), "changed");
    nothing_left(&host);
    host.write_playbook(&PLAYBOOK.replace("A=1", "A=2"));
    apply(&host).exits(0);
    nothing_left(&host);
}

#[test]
fn what_a_login_shell_says_is_not_taken_for_an_answer() {
    let host = Host::boot("noise", Release::default());
    let noise = "echo out of .bashrc; printf 'no newline'; echo warning >&2; printf '\\n@@0123456789abcdef end\\n'";
    host.exec("apt list --installed 2>/dev/null | grep -E '^(zsh|fish|csh|tcsh|busybox)/' || true");
    host.exec(&format!("printf '%s\\n' \"{noise}\" >/root/.noise; cat /root/.noise /root/.bashrc >/root/.b; mv /root/.b /root/.bashrc; cp /root/.noise /root/.profile"));
    host.exec("echo 'Banner /etc/issue.net' >/etc/ssh/sshd_config.d/banner.conf; echo 'a message of the day' >/etc/motd; systemctl restart ssh");
    host.exec("cp /bin/dash /usr/local/bin/other-shell; echo /usr/local/bin/other-shell >>/etc/shells");
    for (number, shell) in ["/bin/bash", "/bin/sh", "/bin/dash", "/usr/local/bin/other-shell"].into_iter().enumerate() {
        host.exec(&format!("usermod -s {shell} root"));
        if shell == "/bin/bash" {
            let heard = host.ssh(host.name(), "root", "true");
            assert!(String::from_utf8_lossy(&heard.stdout).contains("out of .bashrc"), "there is no noise: {heard:?}");
        }
        host.write_playbook(&PLAYBOOK.replace("A=1", &format!("A={number}")));
        let answer = json(&host, ["apply", "-y", "--persist", "0", "playbook.yaml"]);
        assert_eq!(answer.code, 0, "{shell}: {}\n{}", answer.stdout, answer.stderr);
        nothing_left(&host);
    }
    for shell in ["/usr/sbin/nologin", "/bin/false"] {
        host.exec(&format!("usermod -s {shell} root"));
        let before = files(&host);
        let answer = json(&host, ["apply", "-y", "--persist", "0", "-e", "x=1", "playbook.yaml"]);
        let part = answer.host(host.name());
        assert!(matches!(answer.code, 1 | 5), "{shell}: {answer:?}");
        if shell.contains("nologin") {
            assert!(said(&part).contains("This account is currently not available"), "{}", said(&part));
        } else {
            assert!(said(&part).contains("login shell"), "{shell}: {}", said(&part));
        }
        same_files(&host, &before);
    }
}

#[test]
fn this_machine_is_planned_like_any_other() {
    // A host is booted only for its directory and its playbook; what is asked is this machine, and it is only asked.
    let host = Host::boot("local", Release::default());
    host.write("other.yaml", "all:\n  hosts:\n    here: {connection: local}\n");
    let path = host.directory().join("not-there").display().to_string();
    let playbook = format!("name: local\nhosts: all\nfiles:\n  {path}: {{content: \"x\\n\"}}\n");
    host.write_playbook(&playbook);
    let systemd = std::path::Path::new("/run/systemd/system").exists();
    let answer = elsewhere(&host, ["plan", "playbook.yaml"]);
    let part = answer.host("here");
    let remote = plan(&host).exits(0).host(host.name());
    let keys = |part: &serde_json::Value| part.as_object().map(|keys| keys.keys().cloned().collect::<Vec<_>>());
    assert_eq!(keys(&part), keys(&remote), "a local host's part has another shape");
    if systemd {
        assert_eq!(answer.code, 0);
        assert_eq!(steps(&part), [format!("write_file {path}")]);
        assert_eq!(reasons(&part, &steps(&part)[0]), reasons(&remote, &steps(&remote)[0]));
    } else {
        assert_ne!(outcome(&part), "unchanged", "{part:#}");
        assert!(said(&part).contains("systemd"), "{}", said(&part));
    }
    assert!(!std::path::Path::new(&path).exists());
    let mut command = program(&host);
    let shown = command.args(["plan", "-i", "other.yaml", "playbook.yaml"]).output().expect("the program runs");
    assert!(String::from_utf8_lossy(&shown.stdout).contains("here"));
    drop(text(&host, ["plan", "playbook.yaml"]).exits(0));
}

#[test]
fn a_machine_applies_to_itself() {
    let host = Host::boot("itself", Release::Bookworm);
    // What was built here runs there: one C library, that of Debian 12 or an older one.
    let program = std::fs::read(env!("CARGO_BIN_EXE_unitfleet")).expect("the program was built");
    send(&host, &program, "install -m 755 /dev/stdin /usr/local/bin/unitfleet");
    send(&host, b"all:\n  hosts:\n    here: {connection: local}\n", "cat >/root/inventory.yaml");
    let playbook = "name: self\nhosts: all\nfiles:\n  /etc/self.env: {content: \"A=1\\n\", mode: \"0640\"}\nunits:\n  \
                    self.service:\n    enabled: true\n    state: started\n    Service: {ExecStart: /bin/sleep infinity, \
                    EnvironmentFile: /etc/self.env}\n    Install: {WantedBy: multi-user.target}\n";
    send(&host, playbook.as_bytes(), "cat >/root/playbook.yaml");
    let there = |arguments: &str| {
        let output = host.ssh(host.name(), "root", &format!("unitfleet {arguments} --format json playbook.yaml"));
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        let json: serde_json::Value = serde_json::from_str(&shown)
            .unwrap_or_else(|error| panic!("{error}: {shown}\n{}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code(), json["hosts"]["here"].clone())
    };
    let (code, part) = there("plan --detailed-exitcode");
    assert_eq!((code, outcome(&part)), (Some(2), "pending"), "{part:#}");
    assert!(steps(&part).contains(&"start self.service".to_owned()), "{:?}", steps(&part));
    let (code, part) = there("apply -y");
    assert_eq!((code, outcome(&part)), (Some(0), "changed"), "{part:#}");
    assert_eq!(host.exec("systemctl is-active self.service; stat -c %a /etc/self.env"), "active\n640");
    let (code, part) = there("plan --detailed-exitcode");
    assert_eq!((code, outcome(&part)), (Some(0), "unchanged"), "{part:#}");
    // It is the same host, whichever way it is looked at.
    host.write_playbook(playbook);
    nothing_left(&host);
}

/// Runs a script as root in the host, with this on its standard input.
fn send(host: &Host, bytes: &[u8], script: &str) {
    use std::io::Write as _;
    let mut ssh = std::process::Command::new("ssh");
    ssh.args(["-o", "BatchMode=yes", "-F"]).arg(host.fleet().ssh_config_path()).args([
        "-l",
        "root",
        host.name(),
        script,
    ]);
    let mut child = ssh.stdin(std::process::Stdio::piped()).spawn().expect("ssh runs");
    child.stdin.take().expect("it is piped").write_all(bytes).expect("the host takes it");
    assert!(child.wait().expect("ssh ends").success(), "{script}");
}
