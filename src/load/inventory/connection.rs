//! Connection keys, native and Ansible's, of one host or group.

use std::collections::BTreeSet;

use crate::load::allowed::{Notes, found};
use crate::load::leaf;
use crate::load::node::{Dialect, Node};
use crate::load::words::split_words;
use crate::model::{ConnectionKind, HostName, Target, Vars};

/// What a host or group says about reaching it; what it does not say is left to weaker groups, then to ssh.
#[derive(Clone, Debug, Default)]
pub(super) struct Connection {
    address: Option<String>,
    port: Option<u16>,
    user: Option<String>,
    identity_file: Option<String>,
    kind: Option<ConnectionKind>,
    become_root: Option<bool>,
    ssh_config: Option<String>,
    ssh_args: Option<Vec<String>>,
}

/// Native key and Ansible's spelling.
pub(in crate::load) const KEYS: [(&str, &str); 8] = [
    ("address", "ansible_host"),
    ("port", "ansible_port"),
    ("user", "ansible_user"),
    ("identity_file", "ansible_ssh_private_key_file"),
    ("connection", "ansible_connection"),
    ("become", "ansible_become"),
    ("ssh_args", "ansible_ssh_common_args"),
    ("ssh_config", "ssh_config"),
];

const PASSWORD: &str = "use a key or an agent: ssh runs in batch mode and answers no questions";
const SUDO_PASSWORD: &str = "root is reached by `sudo -n`: allow the user that in sudoers without a password";
const ONLY_SUDO: &str = "root is reached by `sudo -n`, or log in as root";
const OWN_SSH: &str = "put it into `ssh_args`, or into the file named by `ssh_config`";

/// Ansible's keys that change how a host is reached or who acts there, with what to do instead.
pub(in crate::load) const REFUSED: [(&str, &str); 27] = [
    ("ansible_password", PASSWORD),
    ("ansible_ssh_pass", PASSWORD),
    ("ansible_ssh_password", PASSWORD),
    ("ansible_sshpass_prompt", PASSWORD),
    ("ansible_ssh_private_key", "keep the key in a file and name it by `identity_file`"),
    ("ansible_ssh_private_key_passphrase", PASSWORD),
    ("ansible_become_password", SUDO_PASSWORD),
    ("ansible_become_pass", SUDO_PASSWORD),
    ("ansible_sudo_pass", SUDO_PASSWORD),
    ("ansible_sudo_password", SUDO_PASSWORD),
    ("ansible_su_pass", SUDO_PASSWORD),
    ("ansible_become_exe", ONLY_SUDO),
    ("ansible_become_flags", ONLY_SUDO),
    ("ansible_sudo", "write `become: true`"),
    ("ansible_su", ONLY_SUDO),
    ("ansible_sudo_user", ONLY_SUDO),
    ("ansible_ssh_host", "write `address` or `ansible_host`"),
    ("ansible_ssh_port", "write `port` or `ansible_port`"),
    ("ansible_ssh_user", "write `user` or `ansible_user`"),
    ("ansible_private_key_file", "write `identity_file` or `ansible_ssh_private_key_file`"),
    ("ansible_ssh_args", OWN_SSH),
    ("ansible_ssh_extra_args", OWN_SSH),
    ("ansible_ssh_executable", "the `ssh` in PATH is used; put options into `ssh_args`"),
    ("ansible_host_key_checking", "host keys are always checked; `--accept-new-host-keys` takes unknown ones"),
    ("ansible_ssh_host_key_checking", "host keys are always checked; `--accept-new-host-keys` takes unknown ones"),
    ("ansible_ssh_password_mechanism", PASSWORD),
    ("ansible_ssh_pkcs11_provider", OWN_SSH),
];

/// Takes the connection keys out of a mapping; what remains are variables. A warning is given once for each key.
pub(super) fn take(
    entries: Vec<(&str, Node<'_>)>,
    warned: &mut BTreeSet<String>,
    notes: &mut Notes<'_>,
) -> (Connection, Vars) {
    let mut connection = Connection::default();
    let mut vars = Vars::new();
    let find = |name: &str| entries.iter().find(|(key, _)| *key == name).map(|(_, node)| *node);
    for (native, alias) in KEYS {
        let (ours, theirs) = (find(native), find(alias));
        if let (Some(ours), Some(theirs)) = (ours, theirs)
            && native != alias
            && ours.json(Dialect::Inventory) != theirs.json(Dialect::Inventory)
        {
            notes.error_pair(
                (theirs.key_span(), ""),
                (ours.key_span(), "the other value"),
                format!("`{alias}` and `{native}` are the same key and have different values"),
                "keep one of them",
            );
        }
        if let Some(node) = ours.or(theirs) {
            connection.set(native, node, notes);
        }
    }
    let known = |name: &str| KEYS.iter().any(|(native, alias)| *native == name || *alias == name);
    for (key, node) in entries.into_iter().filter(|(key, _)| !known(key)) {
        if key.starts_with("ansible_") {
            foreign(key, node, warned, notes);
        } else {
            vars.insert(key.to_owned(), node.json(Dialect::Inventory));
        }
    }
    (connection, vars)
}

/// A key of Ansible's that has no counterpart here.
fn foreign(key: &str, node: Node<'_>, warned: &mut BTreeSet<String>, notes: &mut Notes<'_>) {
    let text = node.text().unwrap_or_default();
    let harmless = matches!(
        (key, text),
        ("ansible_become_method", "sudo") | ("ansible_become_user", "root") | ("ansible_shell_type", "sh")
    );
    if harmless {
        return;
    }
    let refused = match key {
        "ansible_become_method" | "ansible_become_user" => Some(ONLY_SUDO),
        "ansible_shell_type" => Some("a POSIX sh is needed on the host"),
        _ if key.starts_with("ansible_winrm") || key.starts_with("ansible_psrp") => {
            Some("hosts are reached by OpenSSH only, and run systemd")
        }
        _ if key.starts_with("ansible_paramiko") || key.starts_with("ansible_libssh") => Some(OWN_SSH),
        _ => REFUSED.iter().find(|(name, _)| *name == key).map(|(_, help)| *help),
    };
    if let Some(help) = refused {
        let value = if matches!(key, "ansible_become_method" | "ansible_become_user" | "ansible_shell_type") {
            format!(": {text}")
        } else {
            String::new()
        };
        notes.error(node.key_span(), format!("`{key}{value}` cannot be followed"), help);
        return;
    }
    if !warned.insert(key.to_owned()) {
        return;
    }
    if key == "ansible_group_priority" {
        let help = "groups of one depth go by name, later names are stronger";
        notes.warning(node.key_span(), format!("`{key}` is ignored by this version"), help);
    } else {
        let help = "it is not a variable here either; give it a name without `ansible_` if templates need it";
        notes.warning(node.key_span(), format!("`{key}` has no meaning here and is ignored"), help);
    }
}

impl Connection {
    fn set(&mut self, native: &str, node: Node<'_>, notes: &mut Notes<'_>) {
        if node.text().is_some_and(leaf::is_template) {
            let message = format!("`{}` cannot be a template", node.key_name());
            notes.error(node.span(), message, "connection keys are read before anything is rendered");
            return;
        }
        match native {
            "port" => self.port = port(node, notes),
            "become" => self.become_root = switch(node, notes),
            "connection" => self.kind = kind(node, notes),
            "ssh_args" => self.ssh_args = ssh_args(node, notes),
            "address" => self.address = word(node, notes),
            "user" => self.user = word(node, notes),
            "identity_file" => self.identity_file = path(node, notes),
            _ => self.ssh_config = path(node, notes),
        }
    }

    /// Lays a stronger one over this.
    pub(super) fn overlay(&mut self, stronger: &Self) {
        fn lay<T: Clone>(weaker: &mut Option<T>, stronger: Option<&T>) {
            if let Some(value) = stronger {
                *weaker = Some(value.clone());
            }
        }
        lay(&mut self.address, stronger.address.as_ref());
        lay(&mut self.port, stronger.port.as_ref());
        lay(&mut self.user, stronger.user.as_ref());
        lay(&mut self.identity_file, stronger.identity_file.as_ref());
        lay(&mut self.kind, stronger.kind.as_ref());
        lay(&mut self.become_root, stronger.become_root.as_ref());
        lay(&mut self.ssh_config, stronger.ssh_config.as_ref());
        lay(&mut self.ssh_args, stronger.ssh_args.as_ref());
    }

    pub(super) fn target(self, host: HostName) -> Target {
        Target {
            host,
            kind: self.kind.unwrap_or_default(),
            address: self.address,
            port: self.port,
            user: self.user,
            identity_file: self.identity_file,
            ssh_config: self.ssh_config,
            ssh_args: self.ssh_args.unwrap_or_default(),
            become_root: self.become_root.unwrap_or_default(),
        }
    }
}

fn port(node: Node<'_>, notes: &mut Notes<'_>) -> Option<u16> {
    let port = node.text().and_then(|text| text.parse().ok()).filter(|port| *port > 0);
    if port.is_none() {
        let message = format!("`{}` is a number from 1 to 65535, but {}", node.key_name(), found(node));
        notes.error(node.span(), message, "ssh listens on 22 unless its configuration says otherwise");
    }
    port
}

/// Ansible takes a quoted "yes" for true as well.
fn switch(node: Node<'_>, notes: &mut Notes<'_>) -> Option<bool> {
    let quoted = || match node.text()?.to_lowercase().as_str() {
        "yes" | "true" | "on" => Some(true),
        "no" | "false" | "off" => Some(false),
        _ => None,
    };
    let value = node.boolean(Dialect::Inventory).or_else(quoted);
    if value.is_none() {
        let message = format!("`{}` is true or false, but {}", node.key_name(), found(node));
        notes.error(node.span(), message, "write true or false");
    }
    value
}

fn kind(node: Node<'_>, notes: &mut Notes<'_>) -> Option<ConnectionKind> {
    match node.text().unwrap_or_default() {
        "ssh" | "smart" | "ansible.builtin.ssh" => return Some(ConnectionKind::Ssh),
        "local" | "ansible.builtin.local" => return Some(ConnectionKind::Local),
        _ => {}
    }
    let message = format!("`{}` is `ssh` or `local`, but {}", node.key_name(), found(node));
    notes.error(node.span(), message, "other ways to a host are not supported");
    None
}

fn ssh_args(node: Node<'_>, notes: &mut Notes<'_>) -> Option<Vec<String>> {
    let text = leaf::text(node, notes)?;
    let words = split_words(&text);
    if words.is_none() {
        let message = format!("`{}` cannot be split into words", node.key_name());
        notes.error(node.span(), message, "close every quote, as in a shell");
    }
    words
}

/// An address or a user: one word that ssh cannot take for an option.
fn word(node: Node<'_>, notes: &mut Notes<'_>) -> Option<String> {
    // A user or host may consist of digits alone.
    let written = node.value().is_number().then(|| node.text().map(str::to_owned)).flatten();
    let text = written.or_else(|| leaf::text(node, notes))?;
    if text.is_empty() || text.starts_with('-') || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let message = format!("`{}`: `{}` cannot be used", node.key_name(), text.escape_debug());
        notes.error(node.span(), message, "write one word that does not start with `-`");
        return None;
    }
    Some(text)
}

fn path(node: Node<'_>, notes: &mut Notes<'_>) -> Option<String> {
    let text = leaf::text(node, notes)?;
    if text.is_empty() || text.starts_with('-') || text.contains(char::is_control) {
        let message = format!("`{}`: `{}` is not a path", node.key_name(), text.escape_debug());
        notes.error(node.span(), message, "name a file on this machine");
        return None;
    }
    Some(text)
}
