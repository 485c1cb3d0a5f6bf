//! Words that Ansible, systemctl or the wrong line taught, with what to write instead of them here.
//!
//! Advice in the help of an error and nothing more: no word of these is ever taken for another.

use crate::model::UnitName;

use super::allowed::SECTIONS;

type Words = &'static [(&'static [&'static str], &'static str)];

const MANIFEST: Words = &[
    (
        &["become", "become_user", "become_method", "remote_user", "connection", "port"],
        "how a host is reached stands in the inventory, for a host or below a group's `vars:`",
    ),
    (
        &["tasks", "pre_tasks", "post_tasks", "roles", "block"],
        "there are no tasks: say what shall be there, below `users:`, `directories:`, `files:` and `units:`",
    ),
    (&["handlers"], "there are no handlers: a change of its inputs restarts a unit by itself; `on_change` says how"),
    (
        &["serial", "strategy", "max_fail_percentage", "throttle"],
        "hosts are changed at the same time, as many as `-j` says; `-l` begins with some of them",
    ),
    (&["vars_files"], "use `group_vars/` and `host_vars/`, or give the file with `-e @FILE`"),
    (&["gather_facts"], "take it out: what a host says of itself is always in `facts`"),
    (&["environment"], "an environment belongs to a service: `Service: {Environment: {KEY: value}}` of a unit"),
    (&["service", "services"], "services stand below `units:`, by their whole name such as `web.service`"),
    (&["all"], "this looks like an inventory, which is given with `-i`"),
];

const UNIT: Words = &[
    (&["notify", "listen"], "name the files that the unit reads below `watch:`: their change restarts it"),
    (&["daemon_reload", "daemon-reload", "daemon_reexec"], "take it out: systemd is reloaded when unit files change"),
    (&["name"], "the unit's name is the key that this stands below"),
    (&["ensure", "status"], "write `state: started` or `state: stopped`"),
    (&["src"], "write `template:` for a template, `source:` for a file taken byte for byte"),
    (&["environment", "env"], "write `Service: {Environment: {KEY: value}}`"),
];

const FILE: Words = &[
    (&["src"], "write `source:` for a file taken byte for byte, `template:` for a template"),
    (&["dest", "path", "name"], "the path on the host is the key that this stands below"),
    (
        &["state"],
        "`absent: true` removes; a directory stands below `directories:`, a link is `symlink:` with its target",
    ),
    (&["backup"], "take it out: copies of what is replaced are kept in /var/lib/unitfleet/runs"),
    (&["notify"], "the unit that reads this file names it below `watch:`; an environment file counts anyway"),
];

const DIRECTORY: Words = &[
    (&["path", "dest", "name"], "the path on the host is the key that this stands below"),
    (&["state"], "it is made when it is missing; `absent: true` removes it"),
];

const USER: Words = &[
    (&["name"], "the user's name is the key that this stands below"),
    (&["state"], "the user is made when missing; `absent: true` removes"),
    (&["group"], "`gid:` takes the name of the primary group, `groups:` a list of further ones"),
    (&["append"], "take it out: groups are joined, and none is ever left"),
    (&["password"], "no password is ever set"),
];

/// What to write instead of `key` in a mapping that is called `of`.
pub(super) fn instead(of: &str, key: &str) -> Option<String> {
    let words = match of {
        "a manifest" => MANIFEST,
        "a unit" => UNIT,
        "a file" => FILE,
        "a directory" => DIRECTORY,
        "a user" => USER,
        _ => return None,
    };
    let said = words.iter().find(|(known, _)| known.contains(&key)).map(|(_, help)| (*help).to_owned());
    said.or_else(|| (of == "a manifest").then(|| below(key)).flatten())
}

/// Below which key of a manifest this belongs: most often it lacks its indentation.
fn below(key: &str) -> Option<String> {
    if UnitName::parse(key).is_ok() {
        return Some(format!("a unit stands below `units:`; indent `{key}:` and what follows by two more blanks"));
    }
    if key.starts_with('/') {
        return Some("a path stands below `files:` or `directories:`, indented further than these words".to_owned());
    }
    let section = SECTIONS.contains(&key);
    section.then(|| format!("`{key}:` stands in a unit: below `units:`, and there below a name such as `web.service:`"))
}
