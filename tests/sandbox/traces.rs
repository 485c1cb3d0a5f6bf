//! What a playbook leaves behind: the file tree before, and after everything in it was declared absent.

use serde_yaml::{Mapping, Value};

use crate::support::Host;

/// Every file of a host with its kind, mode, owner and content, but for what changes by itself: times, logs, caches,
/// random seeds, and unitfleet's own records of its runs.
const TREE: &str = r#"
skip() { printf -- '-path %s -prune -o ' "$@"; }
cd / || exit
find / -xdev $(skip /proc /sys /dev /run /tmp /var/tmp /var/log /var/cache /var/lib/systemd /var/lib/unitfleet/runs /var/lib/private) \
  ! -path '/etc/*-' ! -path '/etc/.pwd.lock' -printf '%y %m %u:%g %p %l\n' | sort
find /etc /usr/local /opt /srv /home /root /var/lib/unitfleet/ledger /var/spool -xdev -type f ! -path '/etc/*-' ! -path '/etc/.pwd.lock' \
  -exec sha256sum {} + 2>/dev/null | sort -k2
find /run/systemd/system /run/unitfleet/started -printf '%y %p %l\n' 2>/dev/null | sort
"#;

/// A host's files, one line each.
pub(crate) struct Tree(Vec<String>);

impl Tree {
    pub(crate) fn of(host: &Host) -> Self {
        Self(host.exec(TREE).lines().map(|line| line.trim_end().to_owned()).collect())
    }

    /// What one has and the other has not, `-` before, `+` now; but for lines that hold one of these words.
    pub(crate) fn differences(&self, now: &Tree, but: &[&str]) -> Vec<String> {
        let only = |these: &Tree, others: &Tree, sign: char| -> Vec<String> {
            let gone = these.0.iter().filter(|line| !others.0.contains(line));
            gone.filter(|line| !but.iter().any(|word| line.contains(word)))
                .map(|line| format!("{sign}{line}"))
                .collect()
        };
        let mut all = only(self, now, '-');
        all.extend(only(now, self, '+'));
        all
    }
}

/// The playbook that declares everything absent that another one declares: what is a package's keeps its unit, and
/// loses the mask or the drop-ins that it was given.
pub(crate) fn absent(playbook: &str) -> String {
    let mut texts = Vec::new();
    for document in serde_yaml::Deserializer::from_str(playbook) {
        let manifest = <Mapping as serde::Deserialize>::deserialize(document).expect("a playbook is a mapping");
        let mut gone = Mapping::new();
        for (key, value) in &manifest {
            match key.as_str().expect("keys are text") {
                "name" | "hosts" | "defaults" | "vars" => drop(gone.insert(key.clone(), value.clone())),
                "default_target" => drop(gone.insert(key.clone(), mapping(&[("absent", Value::from(true))]))),
                "users" | "directories" | "files" => {
                    drop(gone.insert(key.clone(), every(value, absent_with_when)));
                }
                "units" => drop(gone.insert(key.clone(), every(value, unit))),
                _ => {}
            }
        }
        texts.push(serde_yaml::to_string(&gone).expect("it can be written"));
    }
    texts.join("---\n")
}

fn every(entries: &Value, to: impl Fn(&Value) -> Value) -> Value {
    let entries = entries.as_mapping().expect("things are named");
    Value::Mapping(entries.iter().map(|(name, entry)| (name.clone(), to(entry))).collect())
}

fn mapping(pairs: &[(&str, Value)]) -> Value {
    Value::Mapping(pairs.iter().map(|(key, value)| (Value::from(*key), value.clone())).collect())
}

fn absent_with_when(entry: &Value) -> Value {
    let mut gone = mapping(&[("absent", Value::from(true))]);
    if let (Some(when), Some(gone)) = (entry.get("when"), gone.as_mapping_mut()) {
        gone.insert(Value::from("when"), when.clone());
    }
    gone
}

fn unit(entry: &Value) -> Value {
    let has = |key: &str| entry.get(key).is_some();
    let sections = entry
        .as_mapping()
        .into_iter()
        .flatten()
        .any(|(key, _)| key.as_str().is_some_and(|key| key.starts_with(|c: char| c.is_ascii_uppercase())));
    if sections || ["template", "content", "source"].into_iter().any(has) {
        return absent_with_when(entry);
    }
    let mut left = Vec::new();
    if let Some(drop_ins) = entry.get("drop_ins") {
        left.push(("drop_ins", every(drop_ins, absent_with_when)));
    }
    if has("masked") {
        left.push(("masked", Value::from(false)));
        let is_on = |key: &str, word: &Value| entry.get(key) == Some(word);
        // A package's unit was off before.
        let enabled = if is_on("enabled", &Value::from(true)) { Value::from(false) } else { Value::Null };
        let state = if is_on("state", &Value::from("started")) { Value::from("stopped") } else { Value::Null };
        left.extend([("enabled", enabled), ("state", state)]);
    }
    mapping(&left)
}
