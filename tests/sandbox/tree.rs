//! Users with numbers and groups, homes, owners of whole trees, links of their own, files that a command must accept.

use unitfleet::sandbox::Release;

use crate::answer::{
    apply, files, json, no_leftovers, nothing_left, outcome, plan, reasons, said, same_files, steps, text,
};
use crate::support::Host;

const PLAYBOOK: &str = r#"name: tree
hosts: all
users:
  app: {uid: 850, gid: 851, groups: [adm, web], home: /srv/app, create_home: true, shell: /bin/sh}
  web: {}
  job: {system: false, gid: web, create_home: true}
directories:
  /srv/data: {owner: app, group: web, mode: "2770", recurse: true}
files:
  /srv/data/in/between/f: {content: "1\n", owner: app, group: web}
  /srv/data/current: {symlink: in/between}
  /etc/app.conf: {content: "key=1\n", mode: "0640", group: web, validate: "grep -q '^key=[0-9]* *$' %s"}
  /etc/linked: {symlink: /etc/app.conf}
  "/srv/bin ary": {source: binary, mode: "0600"}
"#;

/// Accounts as they are written, whatever their order.
fn accounts(host: &Host) -> String {
    host.exec("cat /etc/passwd /etc/group /etc/subuid /etc/subgid | LC_ALL=C sort")
}

/// NUL, bytes that are no UTF-8, newlines of every kind, more than any buffer on the way holds.
fn binary() -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let noise = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[2]
    });
    noise.take(5 << 20).chain(*b"\0\xff\xfe\r\n\n\0").collect()
}

#[test]
fn on_bookworm_users_trees_links_and_checks_are_as_declared() {
    all_of_it(Release::Bookworm);
}

#[test]
fn on_bullseye_users_trees_links_and_checks_are_as_declared() {
    all_of_it(Release::Bullseye);
}

#[test]
fn on_trixie_users_trees_links_and_checks_are_as_declared() {
    all_of_it(Release::Trixie);
}

fn all_of_it(release: Release) {
    let host = Host::boot("tree", release);
    let (fresh, fresh_accounts) = (files(&host), accounts(&host));
    created(&host);
    homes_are_made_where_they_are_missing(&host);
    owners_of_a_whole_tree(&host);
    groups_are_only_added(&host);
    another_uid_is_refused(&host);
    links_are_repointed(&host);
    a_file_that_is_not_accepted_is_not_installed(&host);
    what_was_done_is_taken_back(&host);
    removed(&host, &fresh, &fresh_accounts);
}

fn created(host: &Host) {
    let bytes = binary();
    std::fs::write(host.directory().join("binary"), &bytes).expect("the file can be written");
    host.write_playbook(PLAYBOOK);
    apply(host).exits(0);
    nothing_left(host);
    assert_eq!(host.exec("id -u app; id -g app; id -Gn app | tr ' ' '\\n' | sort"), "850\n851\nadm\napp\nweb");
    assert_eq!(host.exec("id -gn job; getent passwd app job | cut -d: -f6,7 | head -1"), "web\n/srv/app:/bin/sh");
    assert_eq!(
        host.exec("stat -c '%n %a %U:%G' /srv/app /home/job /etc/app.conf '/srv/bin ary' /srv/data"),
        "/srv/app 750 app:app\n/home/job 750 job:web\n/etc/app.conf 640 root:web\n/srv/bin ary 600 root:root\n\
         /srv/data 2770 app:web"
    );
    // No skeleton, and nobody can log in with a password.
    assert_eq!(host.exec("find /srv/app /home/job -mindepth 1; getent shadow app | cut -d: -f2"), "!");
    assert_eq!(
        host.exec("readlink /srv/data/current /etc/linked; cat /etc/linked"),
        "in/between\n/etc/app.conf\nkey=1"
    );
    assert_eq!(host.exec("find /srv/data -printf '%u:%g\\n' | sort -u"), "app:web");
    let there = host.exec("sha256sum <'/srv/bin ary'");
    assert_eq!(there, format!("{}  -", unitfleet::model::Digest::of(&bytes)));
}

fn homes_are_made_where_they_are_missing(host: &Host) {
    host.exec("rmdir /srv/app; chmod 0700 /home/job; chown nobody /home/job; echo mine >/home/job/mine");
    let part = plan(host).exits(0).host(host.name());
    assert_eq!(steps(&part), ["create_directory /srv/app"]);
    apply(host).exits(0);
    nothing_left(host);
    assert_eq!(host.exec("stat -c '%a %U' /srv/app /home/job; cat /home/job/mine"), "750 app\n700 nobody\nmine");
}

/// Names that break lines, look like options or point elsewhere; a mount in between; a bit that a change of owner clears.
const ODD: &str = r#"
cd /srv/data && mkdir -- -rf 'a b' mounted 'mou nted' && umask 022
echo x >"$(printf 'two\nlines')"; echo x >-rf/--help; echo x >'a b/$(touch hit)'; echo x >'a b/\'; printf x >"$(printf 'not\377utf8')"
ln -s /etc/passwd passwd; ln -s /etc etc; ln -s nowhere -- -rf/dangling; mkfifo pipe
mount -t tmpfs tmpfs mounted; echo x >mounted/theirs; mount -t tmpfs tmpfs 'mou nted'; echo x >'mou nted/theirs'
chown -h nobody:games ./-rf/--help; chmod 0604 ./-rf/--help
"#;

fn owners_of_a_whole_tree(host: &Host) {
    host.exec(ODD);
    let modes = "cd /srv/data && find . -xdev ! -type l -printf '%m %i\\n' | sort";
    let before = host.exec(modes);
    let outside = host
        .exec("stat -c '%U:%G %Z' /etc/passwd /etc /srv/data/mounted /srv/data/mounted/theirs '/srv/data/mou nted'");
    let part = plan(host).exits(0).host(host.name());
    assert_eq!(steps(&part), ["set_owner_below /srv/data"]);
    let why = reasons(&part, "set_owner_below /srv/data").join("\n");
    assert!(why.contains("owner of 11 things below differs, such as /srv/data/"), "{why}");
    let shown = text(host, ["plan", "playbook.yaml"]).exits(0).stdout;
    assert!(shown.contains("~ /srv/data  owner of 11 things below → app:web"), "{shown}");
    // Nothing is changed by looking.
    assert_eq!(host.exec("stat -c %U /srv/data/-rf"), "root");
    apply(host).exits(0);
    nothing_left(host);
    let owned = "cd /srv/data && find . -xdev ! -path './mou?nted' ! -path ./mounted -printf '%u:%g\\n' | sort -u";
    assert_eq!(host.exec(owned), "app:web");
    assert_eq!(host.exec(modes), before);
    assert_eq!(
        host.exec(
            "stat -c '%U:%G %Z' /etc/passwd /etc /srv/data/mounted /srv/data/mounted/theirs '/srv/data/mou nted'"
        ),
        outside
    );
    assert_eq!(host.exec("find / -xdev -name hit"), "");
}

fn groups_are_only_added(host: &Host) {
    host.exec("usermod -aG games app");
    nothing_left(host);
    host.write_playbook(&PLAYBOOK.replace("groups: [adm, web]", "groups: [staff]"));
    let part = apply(host).exits(0).host(host.name());
    assert_eq!(steps(&part), ["join_groups"]);
    nothing_left(host);
    assert_eq!(host.exec("id -Gn app | tr ' ' '\\n' | sort"), "adm\napp\ngames\nstaff\nweb");
    host.exec("gpasswd -d app games; gpasswd -d app staff");
}

fn another_uid_is_refused(host: &Host) {
    let before = accounts(host);
    for (from, to, words) in [
        ("uid: 850", "uid: 860", ["user app has uid 850", "shall have 860", "usermod -u 860 app"]),
        ("gid: 851", "gid: staff", ["primary group 851", "shall have staff", "usermod -g staff app"]),
        ("  web: {}", "  new: {uid: 1}", ["user new shall have uid 1", "daemon's", "another `uid`"]),
        ("  web: {}", "  new: {gid: 50}", ["group new shall have gid 50", "staff's", "`gid: staff`"]),
        ("[adm, web]", "[adm, web, nowhere]", ["group nowhere does not exist", "this host", "declare one"]),
    ] {
        host.write_playbook(&PLAYBOOK.replace(from, to));
        let part = apply(host).exits(7).host(host.name());
        assert_eq!(outcome(&part), "refused", "{to}");
        for word in words {
            assert!(said(&part).contains(word), "{to}: {}", said(&part));
        }
        assert_eq!(accounts(host), before, "{to}");
    }
}

fn links_are_repointed(host: &Host) {
    host.write_playbook(
        &PLAYBOOK.replace("symlink: in/between", "symlink: in").replace("symlink: /etc/app.conf", "symlink: app.conf"),
    );
    let part = apply(host).exits(0).host(host.name());
    assert_eq!(steps(&part), ["make_link /etc/linked", "make_link /srv/data/current", "set_owner_below /srv/data"]);
    nothing_left(host);
    // The link is replaced, not something made in the directory that it leads to.
    assert_eq!(host.exec("readlink /srv/data/current /etc/linked; ls -A /srv/data/in"), "in\napp.conf\nbetween");
    assert_eq!(host.exec("stat -c %U:%G /srv/data/current"), "app:web");
    // Something of others in its place stays.
    host.exec("rm /etc/linked; mkdir /etc/linked; echo theirs >/etc/linked/f");
    let part = apply(host).exits(7).host(host.name());
    assert!(
        said(&part).contains("/etc/linked shall be a symbolic link, but a directory stands there"),
        "{}",
        said(&part)
    );
    host.exec("rm -r /etc/linked; echo theirs >/etc/linked");
    apply(host).exits(7);
    assert_eq!(host.exec("cat /etc/linked; rm /etc/linked"), "theirs");
    host.write_playbook(PLAYBOOK);
    apply(host).exits(0);
    nothing_left(host);
}

fn a_file_that_is_not_accepted_is_not_installed(host: &Host) {
    let before = files(host);
    let changed = PLAYBOOK.replace("key=1\\n", "key=two\\n");
    let commands = [
        ("grep -q '^key=[0-9]* *$' %s", "`grep` does not accept the new file (status 1)"),
        (
            "sh -c 'stat -c \"%a %U:%G\" \"$1\"; echo last words >&2; exit 3' sh %s",
            "(status 3): 640 root:web; last words",
        ),
        ("/no/such/program %s", "/no/such/program"),
        ("sed -i s/two/2/ %s", "has changed it"),
        ("restore %s", "restore"),
    ];
    for (command, words) in commands {
        let quoted = serde_json::to_string(command).expect("text has a JSON form");
        host.write_playbook(&changed.replace("\"grep -q '^key=[0-9]* *$' %s\"", &quoted));
        let answer = apply(host).exits(6);
        assert!(
            answer.stdout.contains(&serde_json::to_string(words).unwrap_or_default().replace('"', "")),
            "{command}: {}",
            said(&answer.host(host.name()))
        );
        same_files(host, &before);
        no_leftovers(host);
    }
    // It has a say only where something is written.
    host.write_playbook(&PLAYBOOK.replace("grep -q '^key=[0-9]* *$'", "false").replace("0640", "0600"));
    let part = apply(host).exits(0).host(host.name());
    assert_eq!(steps(&part), ["set_attributes /etc/app.conf"]);
    // And where it accepts, words are what they are: no shell splits or expands them.
    let list = r#"[sh, -c, 'test "$1" = "" && test "$2" = "$(printf "a  b")" && test -f "$3"', sh, "", "a  b", "%s"]"#;
    let accepted = PLAYBOOK.replace("key=1\\n", "key=2\\n").replace("\"grep -q '^key=[0-9]* *$' %s\"", list);
    host.write_playbook(&accepted);
    apply(host).exits(0);
    assert_eq!(host.exec("cat /etc/app.conf"), "key=2");
    host.write_playbook(PLAYBOOK);
    apply(host).exits(0);
    nothing_left(host);
}

/// A run that fails before any unit is touched leaves no user, no membership, no home and no owner behind.
fn what_was_done_is_taken_back(host: &Host) {
    host.exec(
        "cd /srv/data && chown -h nobody:games current 'a b' passwd && chown -h 4242:4343 -- \"$(printf 'two\\nlines')\" \
         && printf x >suid && chown daemon suid && chmod 4755 suid",
    );
    let owners = "cd /srv/data && find . -printf '%U:%G %m %p\\n'; stat -c %U:%G /etc/passwd";
    let (before, before_files, before_accounts) = (host.exec(owners), files(host), accounts(host));
    let more = PLAYBOOK
        .replace("groups: [adm, web]", "groups: [adm, web, games, late]")
        .replace(
            "  web: {}\n",
            "  web: {}\n  late: {uid: 860, gid: 861, home: /srv/la te, create_home: true, groups: [adm]}\n",
        )
        .replace("symlink: in/between", "symlink: in");
    // The gate comes last before anything is stopped.
    let broken = "units:\n  broken.service: {content: \"[Service]\\nType=simple\\n\", enabled: null, state: null}\n";
    let more = more + broken;
    host.write_playbook(&more);
    let part = apply(host).exits(6).host(host.name());
    assert_eq!(part["outcome"]["restored"], true, "{}", said(&part));
    let done =
        part["steps"].as_array().expect("there are steps").iter().filter(|step| step["status"] == "undone").count();
    assert!(done >= 5, "{}", part["steps"]);
    assert_eq!(host.exec(owners), before);
    same_files(host, &before_files);
    assert_eq!(accounts(host), before_accounts);
    no_leftovers(host);
    host.write_playbook(PLAYBOOK);
    apply(host).exits(0);
    nothing_left(host);
    assert_eq!(host.exec("stat -c '%U %a' /srv/data/suid"), "app 755");
}

fn removed(host: &Host, fresh: &str, fresh_accounts: &str) {
    host.exec(
        "umount /srv/data/mounted '/srv/data/mou nted'; cd /srv/data && find . -mindepth 1 ! -name current -delete",
    );
    let gone: String = PLAYBOOK
        .lines()
        .map(|line| match line.trim_start().split_once(": {") {
            Some((name, _)) => format!("  {name}: {{absent: true}}\n"),
            None => format!("{line}\n"),
        })
        .collect();
    host.write_playbook(&gone);
    let part = apply(host).exits(0).host(host.name());
    let why = reasons(&part, "remove_user").join("\n");
    assert!(why.contains("declared absent; its home /srv/app stays"), "{why}");
    nothing_left(host);
    assert_eq!(accounts(host), fresh_accounts);
    // Homes stay with what is in them; nothing else does.
    assert_eq!(host.exec("ls -A /home/job /srv"), "/home/job:\nmine\n\n/srv:\napp");
    host.exec("rm -r /srv/app /home/job");
    same_files(host, fresh);
    no_leftovers(host);
    assert_eq!(host.exec("ls -A /var/lib/unitfleet/ledger"), "");
}

/// Without shadow's programs, systemd-sysusers does it.
#[test]
fn users_are_made_by_systemd_sysusers_where_there_is_nothing_else() {
    for release in [Release::Bookworm, Release::Bullseye, Release::Trixie] {
        let host = Host::boot("sysusers", release);
        host.exec("cd /usr/sbin && for p in useradd usermod userdel groupadd groupdel; do mv $p $p.away; done");
        host.write_playbook(
            "name: s\nhosts: all\nusers:\n  one: {uid: 850, gid: 851, groups: [adm, two], home: /srv/one, create_home: true}\n  \
             two: {}\n  three: {gid: two, uid: 853}\n  four: {gid: two}\n  five: {gid: 855}\n",
        );
        apply(&host).exits(0);
        nothing_left(&host);
        assert_eq!(host.exec("id -u one; id -g one; id -Gn one | tr ' ' '\\n' | sort"), "850\n851\nadm\none\ntwo");
        assert_eq!(
            host.exec("id -u three; id -gn three; id -gn four; id -g five; id -gn five"),
            "853\ntwo\ntwo\n855\nfive"
        );
        assert_eq!(host.exec("stat -c '%a %U:%G' /srv/one"), "750 one:one");
    }
}

/// Who cannot look everywhere says so, and changes nothing.
#[test]
fn without_root_what_is_below_is_unknown() {
    let host = Host::boot("below", Release::Bookworm);
    host.write_playbook(
        "name: b\nhosts: all\ndirectories:\n  /srv/open: {owner: daemon, group: daemon, recurse: true}\n  \
         /srv/shut: {owner: daemon, group: daemon, recurse: true}\n",
    );
    host.exec(
        "mkdir -p /srv/open /srv/shut/in; echo x >/srv/open/f; echo x >/srv/shut/in/f; \
         chown -R daemon:daemon /srv/open /srv/shut; chmod 0700 /srv/shut/in",
    );
    nothing_left(&host);
    host.exec("chown root /srv/open/f");
    crate::answer::write_inventory(&host, |keys| {
        keys.insert("user".to_owned(), "plain".into());
        keys.insert("become".to_owned(), false.into());
    });
    let answer = crate::answer::elsewhere(&host, ["plan", "playbook.yaml"]).exits(0);
    let part = answer.host(host.name());
    assert_eq!(steps(&part), ["set_owner_below /srv/open"]);
    let findings = part["plan"]["findings"].to_string();
    assert!(findings.contains("whether all below /srv/shut has its owner is not known"), "{findings}");
    json(&host, ["apply", "-y", "playbook.yaml"]).exits(0);
    nothing_left(&host);
}

/// A directory is found by the path that the playbook writes, a mount below it by the kernel's.
#[test]
fn a_mount_is_not_entered_through_a_link_either() {
    let host = Host::boot("through", Release::Bookworm);
    host.exec(
        "mkdir -p /srv/real/tree/mnt; ln -s real /srv/link; echo x >/srv/real/tree/f; \
         mount -t tmpfs tmpfs /srv/real/tree/mnt; echo x >/srv/real/tree/mnt/theirs",
    );
    host.write_playbook(
        "name: b\nhosts: all\ndirectories:\n  /srv/link/tree: {owner: daemon, group: daemon, recurse: true}\n",
    );
    let part = apply(&host).exits(0).host(host.name());
    assert_eq!(steps(&part), ["set_attributes /srv/link/tree", "set_owner_below /srv/link/tree"]);
    nothing_left(&host);
    assert_eq!(host.exec("cd /srv/real/tree && stat -c %U . f mnt mnt/theirs"), "daemon\ndaemon\nroot\nroot");
}

/// What a hand made and our steps meet, or we made and the playbook names by now, outlives them.
#[test]
fn groups_directories_and_targets_of_links_that_were_there_stay() {
    let host = Host::boot("stays", Release::Bookworm);
    host.exec("groupadd web");
    let fresh = accounts(&host);
    let playbook = |rest: &str| drop(host.write_playbook(&format!("name: stays\nhosts: all\n{rest}")));

    playbook("users: {web: {}}\nunits: {broken.service: {Service: {Type: oneshot, ExecStart: relative/path}}}\n");
    apply(&host).exits(6);
    assert_eq!(accounts(&host), fresh);
    playbook("users: {web: {}}\n");
    apply(&host).exits(0);
    playbook("users: {web: {absent: true}}\n");
    apply(&host).exits(0);
    assert_eq!(accounts(&host), fresh);
    no_leftovers(&host);

    // A directory that was first only on the way to a file.
    playbook("files: {/srv/on/way: {content: x}}\n");
    apply(&host).exits(0);
    playbook("directories: {/srv/on: {}}\nfiles: {/srv/on/way: {absent: true}}\n");
    apply(&host).exits(0);
    nothing_left(&host);
    assert_eq!(host.exec("stat -c %F /srv/on"), "directory");

    // Who owns a directory may put a link into it. What it leads to is not read.
    host.exec("echo kept-from-all >/root/hidden; ln -s /root/hidden /srv/on/way");
    playbook("files: {/srv/on/way: {content: x}}\n");
    let seen = host.unitfleet(["observe", "--format", "json", "playbook.yaml"]);
    assert!(seen.status.success());
    assert!(!String::from_utf8_lossy(&seen.stdout).contains("kept-from-all"));
}
