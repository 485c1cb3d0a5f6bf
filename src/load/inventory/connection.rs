//! Connection keys, native and Ansible's, of one host or group.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::load::allowed::Notes;
use crate::load::leaf;
use crate::load::words::split_words;
use crate::model::{ConnectionKind, HostName, Target};

use super::draft::{Origin, Said};
use super::layer::{Entry, Layer};
use super::setting::Setting;
use super::vault;

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
pub const KEYS: [(&str, &str); 8] = [
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

/// Whose settings are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// A group's, in an inventory: the one place that may give it a priority.
    Group,
    Host,
    /// A group's or host's, in a folder of variables.
    Folder,
}

const PRIORITY: &str = "ansible_group_priority";

/// Parts the settings of one place into connection keys and variables. A warning is given once for each key.
pub(super) fn take(
    settings: Vec<Setting>,
    (what, whose, origin): (String, Whose, Origin),
    warned: &mut BTreeSet<String>,
    notes: &mut Notes<'_>,
) -> Said {
    let mut connection = Connection::default();
    let mut priority = None;
    let mut entries = Vec::new();
    for setting in settings.iter().filter(|setting| vault::is_encrypted(setting)) {
        vault::refuse(setting, notes);
    }
    for (native, alias) in KEYS {
        let find = |name: &str| settings.iter().find(|setting| setting.name == name);
        let (ours, theirs) = (find(native), find(alias));
        if let (Some(ours), Some(theirs)) = (ours, theirs)
            && native != alias
            && ours.value != theirs.value
        {
            notes.error_pair(
                (theirs.key.clone(), ""),
                (ours.key.clone(), "the other value"),
                format!("`{alias}` and `{native}` are the same key and have different values"),
                "keep one of them",
            );
        }
        if let Some(setting) = ours.or(theirs) {
            connection.set(native, setting, notes);
            let (value, key) = (connection.meant(native, setting), setting.key.clone());
            entries.push(Entry { name: native.to_owned(), value, key, connection: true });
        }
    }
    let known = |name: &str| KEYS.iter().any(|(native, alias)| *native == name || *alias == name);
    for setting in settings.into_iter().filter(|setting| !known(&setting.name)) {
        if setting.name == PRIORITY && whose == Whose::Group {
            priority = self::priority(&setting, notes).or(priority);
        } else if setting.name.starts_with("ansible_") {
            foreign(&setting, whose, warned, notes);
        } else {
            let Setting { name, value, key, .. } = setting;
            entries.push(Entry { name, value, key, connection: false });
        }
    }
    let layer = Arc::new(Layer { what, source: Arc::clone(notes.source), entries });
    Said { layer, connection, priority, origin }
}

/// A key of Ansible's that has no counterpart here.
fn foreign(setting: &Setting, whose: Whose, warned: &mut BTreeSet<String>, notes: &mut Notes<'_>) {
    let (key, text) = (setting.name.as_str(), setting.text());
    let harmless = matches!(
        (key, text),
        ("ansible_become_method", "sudo")
            | ("ansible_become_user", "root")
            | ("ansible_shell_type", "sh")
            // Most inventories have it, and without Python there is nothing that it could change here.
            | ("ansible_python_interpreter", _)
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
        notes.error(setting.key.clone(), format!("`{key}{value}` cannot be followed"), help);
        return;
    }
    if !warned.insert(key.to_owned()) {
        return;
    }
    if key == PRIORITY {
        let (message, help) = if whose == Whose::Folder {
            (
                "has no effect in a folder of variables",
                "as in Ansible it counts only where the inventory names the group",
            )
        } else {
            ("is about groups, and has no effect on a host", "write it below `vars:` of a group")
        };
        notes.warning(setting.key.clone(), format!("`{key}` {message}"), help);
    } else {
        let help = "it is not a variable here either; give it a name without `ansible_` if templates need it";
        notes.warning(setting.key.clone(), format!("`{key}` has no meaning here and is ignored"), help);
    }
}

/// A whole number; a quoted one is taken as well.
fn priority(setting: &Setting, notes: &mut Notes<'_>) -> Option<i64> {
    let number = setting.value.as_i64().or_else(|| setting.text().trim().parse().ok());
    if number.is_none() {
        let message = format!("`{PRIORITY}` is a whole number, but {}", setting.found());
        notes.error(
            setting.span.clone(),
            message,
            "the larger one wins among groups of one depth; it is 1 where not set",
        );
    }
    number
}

impl Connection {
    fn set(&mut self, native: &str, setting: &Setting, notes: &mut Notes<'_>) {
        if setting.text.as_deref().is_some_and(leaf::is_template) {
            let message = format!("`{}` cannot be a template", setting.name);
            notes.error(setting.span.clone(), message, "connection keys are read before anything is rendered");
            return;
        }
        match native {
            "port" => self.port = port(setting, notes),
            "become" => self.become_root = switch(setting, notes),
            "connection" => self.kind = kind(setting, notes),
            "ssh_args" => self.ssh_args = ssh_args(setting, notes),
            "address" => self.address = word(setting, notes),
            "user" => self.user = word(setting, notes),
            "identity_file" => self.identity_file = path(setting, notes),
            _ => self.ssh_config = path(setting, notes),
        }
    }

    /// The value of a key as it is understood, which in INI is not always how it is written.
    fn meant(&self, native: &str, setting: &Setting) -> serde_json::Value {
        match (native, self.port, self.become_root) {
            ("port", Some(port), _) => port.into(),
            ("become", _, Some(value)) => value.into(),
            _ => setting.value.clone(),
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

fn port(setting: &Setting, notes: &mut Notes<'_>) -> Option<u16> {
    let port = setting.text().parse().ok().filter(|port| *port > 0);
    if port.is_none() {
        let message = format!("`{}` is a number from 1 to 65535, but {}", setting.name, setting.found());
        notes.error(setting.span.clone(), message, "ssh listens on 22 unless its configuration says otherwise");
    }
    port
}

/// Ansible takes a quoted "yes" for true as well, and 1 and 0.
fn switch(setting: &Setting, notes: &mut Notes<'_>) -> Option<bool> {
    let quoted = || match setting.text().to_lowercase().as_str() {
        "yes" | "true" | "on" | "1" => Some(true),
        "no" | "false" | "off" | "0" => Some(false),
        _ => None,
    };
    let value = setting.value.as_bool().or_else(quoted);
    if value.is_none() {
        let message = format!("`{}` is true or false, but {}", setting.name, setting.found());
        notes.error(setting.span.clone(), message, "write true or false");
    }
    value
}

fn kind(setting: &Setting, notes: &mut Notes<'_>) -> Option<ConnectionKind> {
    match setting.text() {
        "ssh" | "smart" | "ansible.builtin.ssh" => return Some(ConnectionKind::Ssh),
        "local" | "ansible.builtin.local" => return Some(ConnectionKind::Local),
        _ => {}
    }
    let message = format!("`{}` is `ssh` or `local`, but {}", setting.name, setting.found());
    notes.error(setting.span.clone(), message, "other ways to a host are not supported");
    None
}

/// Text. Where values have types, numbers and booleans are refused as in a playbook.
fn text(setting: &Setting, notes: &mut Notes<'_>) -> Option<String> {
    match (&setting.value, &setting.text) {
        (serde_json::Value::String(text), _) => return Some(text.clone()),
        (_, Some(text)) if !setting.typed => return Some(text.clone()),
        _ => {}
    }
    let help = match &setting.text {
        _ if setting.value.is_null() => "write a value, or leave the key out".to_owned(),
        Some(text) => format!("put it in quotes: \"{text}\""),
        None => "write one text".to_owned(),
    };
    notes.error(setting.span.clone(), format!("`{}` is text, but {}", setting.name, setting.found()), help);
    None
}

fn ssh_args(setting: &Setting, notes: &mut Notes<'_>) -> Option<Vec<String>> {
    let text = text(setting, notes)?;
    let words = split_words(&text);
    if words.is_none() {
        let message = format!("`{}` cannot be split into words", setting.name);
        notes.error(setting.span.clone(), message, "close every quote, as in a shell");
    }
    words
}

/// An address or a user: one word that ssh cannot take for an option.
fn word(setting: &Setting, notes: &mut Notes<'_>) -> Option<String> {
    // A user or host may consist of digits alone.
    let written = setting.text.clone().filter(|_| setting.value.is_number());
    let text = written.or_else(|| text(setting, notes))?;
    if text.is_empty() || text.starts_with('-') || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let message = format!("`{}`: `{}` cannot be used", setting.name, text.escape_debug());
        notes.error(setting.span.clone(), message, "write one word that does not start with `-`");
        return None;
    }
    Some(text)
}

fn path(setting: &Setting, notes: &mut Notes<'_>) -> Option<String> {
    let text = text(setting, notes)?;
    if text.is_empty() || text.starts_with('-') || text.contains(char::is_control) {
        let message = format!("`{}`: `{}` is not a path", setting.name, text.escape_debug());
        notes.error(setting.span.clone(), message, "name a file on this machine");
        return None;
    }
    Some(text)
}
