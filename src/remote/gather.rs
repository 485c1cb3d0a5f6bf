//! The question: which units, paths and accounts of a host are looked at.
//!
//! `gather.sh` changes nothing, works for an unprivileged user and says what it could not see. Which files can have a
//! say about a unit is found out there, on the host, because only the host knows its aliases, drop-ins and instances;
//! what they mean is found out here. Contents come along only where they are not the expected ones.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::{AbsPath, Digest, HostName, Observation, Observed, ObservedPath, UnitName, UserName};

use super::answer;
use super::frames::{FrameError, frames};

/// What shall be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GatherRequest {
    /// Units, also those that do not exist. A template here is taken as one below.
    pub units: BTreeSet<UnitName>,
    /// Templates, whose loaded and enabled instances are looked at, too.
    pub templates: BTreeSet<UnitName>,
    /// Files and directories. Content comes along where a digest is given and is not the one found.
    pub paths: BTreeMap<AbsPath, Option<Digest>>,
    /// Encrypted credentials by the name under which they were encrypted; these are among `paths`, too.
    pub sealed: BTreeMap<AbsPath, String>,
    /// Users, by name or number.
    pub users: BTreeSet<UserName>,
    /// Groups, by name or number.
    pub groups: BTreeSet<UserName>,
    /// Those of the users whose home directory, as their account names it, is looked at.
    pub homes: BTreeSet<UserName>,
    /// Directories below which nothing should have another owner and group.
    pub below: BTreeMap<AbsPath, (UserName, UserName)>,
}

impl GatherRequest {
    /// Whether what was answered to this one tells all that the other asks for.
    #[must_use]
    pub fn covers(&self, other: &Self, answer: &Observed) -> bool {
        self.units.is_superset(&other.units)
            && self.templates.is_superset(&other.templates)
            && self.users.is_superset(&other.users)
            && self.groups.is_superset(&other.groups)
            && self.homes.is_superset(&other.homes)
            && other.below.iter().all(|(path, owner)| self.below.get(path) == Some(owner))
            && other.sealed.keys().all(|path| self.sealed.contains_key(path))
            && other.paths.iter().all(|(path, wanted)| self.covers_path(path, wanted.as_ref(), answer))
    }

    /// Content comes along where it is not the expected: where something else is expected now, it may be missing.
    fn covers_path(&self, path: &AbsPath, wanted: Option<&Digest>, answer: &Observed) -> bool {
        let Some(expected) = self.paths.get(path) else { return false };
        match (wanted, answer.paths.get(path)) {
            (Some(wanted), Some(ObservedPath::File { digest: Observation::Known(found), .. })) => {
                found == wanted || expected.as_ref().is_some_and(|expected| expected != found)
            }
            _ => true,
        }
    }
}

/// Why a host could not be observed although it was reached.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GatherError {
    /// The answer is none, or not whole.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The question did not arrive whole.
    #[error("the host did not receive the whole request")]
    Request,
    /// PID 1 is not systemd.
    #[error("the host was not booted with systemd (there is no /run/systemd/system)")]
    NotSystemd,
    /// A program that the script needs is missing.
    #[error("the host has no `{0}`; unitfleet needs coreutils there")]
    Missing(String),
    /// Too old for what is asked of it.
    #[error("the host runs systemd {0}; unitfleet needs 239 or newer")]
    TooOld(u32),
    /// `systemctl` failed.
    #[error("`systemctl {call}` failed on the host with status {status}")]
    #[expect(missing_docs, reason = "the fields are their names")]
    Systemctl { call: &'static str, status: String },
    /// The answer is whole but does not say what it should.
    #[error("the host's answer is not understood: {0}")]
    Answer(String),
}

/// The script, the same bytes for every host and run.
#[must_use]
pub fn gather_script() -> &'static str {
    include_str!("gather.sh")
}

/// The data that `gather.sh` finds on its standard input.
#[must_use]
pub fn encode_gather(request: &GatherRequest, nonce: &str) -> Vec<u8> {
    let mut body = String::new();
    let mut line = |word: &str, value: &str| {
        body.push_str(word);
        body.push(' ');
        body.push_str(value);
        body.push('\n');
    };
    for unit in &request.units {
        // systemctl cannot show a template: one among the units would end the whole answer.
        line(if unit.is_template() { "template" } else { "unit" }, unit.as_str());
    }
    for template in &request.templates {
        line("template", template.as_str());
    }
    for user in &request.users {
        line("user", user.as_str());
    }
    for group in &request.groups {
        line("group", group.as_str());
    }
    for user in &request.homes {
        line("home", user.as_str());
    }
    for (path, (user, group)) in &request.below {
        line("below", &format!("{user} {group} {path}"));
    }
    for (path, name) in &request.sealed {
        line("sealed", &format!("{name}\t{path}"));
    }
    for (path, expected) in &request.paths {
        match expected {
            None => line("plain", path.as_str()),
            Some(digest) if path.as_str().contains('\\') => {
                line("checked", path.as_str());
                line("sum", &sum_line(digest, path));
            }
            Some(digest) => line("expect", &sum_line(digest, path)),
        }
    }
    body.push_str("end\n");
    format!("unitfleet-gather 1 {nonce} {}\n{body}", body.len()).into_bytes()
}

/// A line of `sha256sum`: it escapes backslashes and says so by a leading one.
fn sum_line(digest: &Digest, path: &AbsPath) -> String {
    if path.as_str().contains('\\') {
        format!("\\{digest}  {}", path.as_str().replace('\\', "\\\\"))
    } else {
        format!("{digest}  {path}")
    }
}

/// Reads the answer. Anything short of a whole answer is an error: half a host is never reported.
pub fn parse_gather(
    host: &HostName,
    request: &GatherRequest,
    nonce: &str,
    stdout: &[u8],
) -> Result<Observed, GatherError> {
    let frames = frames(nonce, stdout)?;
    answer::observed(host, request, &frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> AbsPath {
        AbsPath::parse(text).unwrap()
    }

    #[test]
    fn the_request_says_its_length_and_its_end() {
        let mut request = GatherRequest::default();
        request.units.insert(UnitName::parse("a.service").unwrap());
        request.units.insert(UnitName::parse("t@.service").unwrap());
        request.paths.insert(path("/a b"), None);
        request.paths.insert(path("/x"), Some(Digest("00".to_owned())));
        request.paths.insert(path(r"/y\x2d"), Some(Digest("11".to_owned())));
        let name = |text: &str| UserName::parse(text).unwrap();
        request.users.insert(name("850"));
        request.homes.insert(name("web"));
        request.below.insert(path("/srv/a b"), (name("web"), name("adm")));
        let text = String::from_utf8(encode_gather(&request, "n1")).unwrap();
        let (head, body) = text.split_once('\n').unwrap();
        assert_eq!(head, format!("unitfleet-gather 1 n1 {}", body.len()));
        assert_eq!(
            body,
            "unit a.service\ntemplate t@.service\nuser 850\nhome web\nbelow web adm /srv/a b\nplain /a b\nexpect 00  /x\nchecked /y\\x2d\nsum \\11  /y\\\\x2d\nend\n"
        );
    }

    #[test]
    fn content_that_was_expected_and_is_so_no_more_is_asked_for() {
        let expecting = |digest: Option<&str>| {
            let mut request = GatherRequest::default();
            request.paths.insert(path("/f"), digest.map(|digest| Digest(digest.to_owned())));
            request
        };
        let mut answer: Observed = serde_json::from_str(EMPTY).unwrap();
        let found = serde_json::json!({"file": {
            "meta": {"mode": 0, "uid": 0, "gid": 0, "user": "", "group": "", "size": 1, "mtime_us": 0, "ctime_us": 0},
            "digest": {"known": "found"}, "content": null,
        }});
        answer.paths.insert(path("/f"), serde_json::from_value(found).unwrap());
        for (asked, needed, covered) in [
            (Some("found"), Some("found"), true),
            (Some("found"), Some("other"), false),
            (Some("guess"), Some("other"), true),
            (None, Some("other"), false),
            (None, Some("found"), true),
            (Some("found"), None, true),
        ] {
            assert_eq!(expecting(asked).covers(&expecting(needed), &answer), covered, "{asked:?} {needed:?}");
        }
        let mut below = GatherRequest::default();
        below.below.insert(path("/srv"), (UserName::parse("web").unwrap(), UserName::parse("web").unwrap()));
        assert!(!GatherRequest::default().covers(&below, &answer));
    }

    const EMPTY: &str = r#"{"host": "h", "units": {}, "paths": {}, "links": {}, "users": {}, "groups": {}, "ledgers": {},
        "ledger_times_us": {}, "started": {}, "holds": {}, "lock": null, "facts": {"systemd_version": 252,
        "systemd_version_text": "", "uid": 0, "system_state": "running", "boot_id": "", "now_us": 0, "uptime_us": 0,
        "units_load_us": null, "reloaded_us": null, "unit_path": []}}"#;
}
