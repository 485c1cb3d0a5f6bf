//! The steps of a plan as the data that `transaction.sh` reads.
//!
//! Control lines come first, contents after them in the order of the `take` lines. Equal contents travel once. Fields
//! are separated by tabs and lines by newlines, so neither may stand in a field: paths, units and users cannot hold
//! them by their types, and a link's target that does is an error here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::model::{AbsPath, Action, Digest, Ledger, ManifestName, Step, UnitName, UserName};

/// Everything that one transaction needs to know.
#[derive(Clone, Copy, Debug)]
pub struct Transaction<'a> {
    /// The run's id: letters, digits, `.`, `_` and `-`. A host accepts each once.
    pub run: &'a str,
    /// Who applies, for whoever finds the host locked.
    pub who: &'a str,
    /// What to do, in order.
    pub steps: &'a [Step],
    /// The ledgers as they will be; an owner whose ledger is empty has its file removed.
    pub ledgers: &'a BTreeMap<ManifestName, Ledger>,
    /// Directories that shall be there, also where nothing is left in them.
    pub directories: &'a BTreeSet<AbsPath>,
    /// Hash of the inputs of every unit for which a record shall be written once it runs well.
    pub inputs: &'a BTreeMap<UnitName, String>,
    /// How long units are watched after the last start.
    pub settle_ms: u32,
    /// How long one call of systemctl may take before it is left alone.
    pub bound_s: u32,
}

/// Why a transaction cannot be put into words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The run's id is not one.
    #[error("`{0}` is not an id of a run")]
    Run(String),
    /// A link's target is empty or holds a control character.
    #[error("the target of the link `{0}` is empty or holds a control character")]
    Target(AbsPath),
    /// A word of a command holds a control character.
    #[error("the command that shall look at `{0}` holds a control character")]
    Command(AbsPath),
}

/// The script, the same bytes for every host and run.
#[must_use]
pub fn transaction_script() -> &'static str {
    concat!(
        include_str!("transaction/protocol.sh"),
        include_str!("transaction/lock.sh"),
        include_str!("transaction/files.sh"),
        include_str!("transaction/users.sh"),
        include_str!("transaction/systemd.sh"),
        include_str!("transaction/restore.sh"),
        include_str!("transaction/main.sh"),
    )
}

/// The data that the script finds on its standard input.
pub fn encode_transaction(transaction: &Transaction<'_>, nonce: &str) -> Result<Vec<u8>, EncodeError> {
    let run = transaction.run;
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if run.is_empty() || run.starts_with(['.', '-']) || !run.chars().all(plain) {
        return Err(EncodeError::Run(run.to_owned()));
    }
    let mut control = Control::default();
    control.line(&format!("run {run}"));
    control.line(&format!("who {}", one_line(transaction.who)));
    control.line(&format!("settle {}.{:03}", transaction.settle_ms / 1000, transaction.settle_ms % 1000));
    control.line(&format!("bound {}", transaction.bound_s));
    for (owner, ledger) in transaction.ledgers {
        let payload = if ledger.entries.is_empty() {
            "-".to_owned()
        } else {
            let ledger = Ledger { run: run.to_owned(), ..ledger.clone() };
            control.payload(ledger.to_text().into_bytes())
        };
        control.line(&format!("ledger {owner} {payload}"));
    }
    for path in transaction.directories {
        control.line(&format!("stays {path}"));
    }
    for (unit, inputs) in transaction.inputs {
        control.line(&format!("inputs {unit} {inputs}"));
    }
    for (index, step) in transaction.steps.iter().enumerate() {
        let fields = control.fields(&step.action)?;
        control.line(&format!("step\t{index}\t{}\t{fields}", step.wave));
    }
    Ok(control.finish(nonce))
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[derive(Default)]
struct Control {
    text: String,
    numbers: BTreeMap<Digest, usize>,
    payloads: Vec<Vec<u8>>,
}

impl Control {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// The number of a content, which is also the name of its file in the staging directory.
    fn payload(&mut self, bytes: Vec<u8>) -> String {
        let next = self.payloads.len() + 1;
        let number = *self.numbers.entry(Digest::of(&bytes)).or_insert(next);
        if number == next {
            self.payloads.push(bytes);
        }
        number.to_string()
    }

    /// The word for the action and its arguments, separated by tabs.
    fn fields(&mut self, action: &Action) -> Result<String, EncodeError> {
        let path = |path: &Option<AbsPath>| path.as_ref().map_or("-".to_owned(), ToString::to_string);
        Ok(match action {
            Action::CreateUser { name, system, uid, gid, home, shell } => {
                let kind = if *system { "system" } else { "regular" };
                let uid = uid.map_or("-".to_owned(), |uid| uid.to_string());
                let gid = gid.as_ref().map_or("-".to_owned(), ToString::to_string);
                format!("user-create\t{name}\t{kind}\t{}\t{}\t{uid}\t{gid}", path(home), path(shell))
            }
            Action::ModifyUser { name, home, shell } => {
                format!("user-modify\t{name}\t{}\t{}", path(home), path(shell))
            }
            Action::RemoveUser { name } => format!("user-remove\t{name}"),
            Action::JoinGroups { name, groups } => {
                let groups: Vec<&str> = groups.iter().map(UserName::as_str).collect();
                format!("user-join\t{name}\t{}", groups.join("\t"))
            }
            Action::CreateDirectory { path, mode, user, group } => format!("dir\t{mode:o}\t{user}\t{group}\t{path}"),
            Action::RemoveDirectory { path } => format!("rmdir\t{path}"),
            Action::SetAttributes { path, mode, owner } => {
                let mode = mode.map_or("-".to_owned(), |mode| format!("{mode:o}"));
                let (user, group) = owner.as_ref().map_or(("-", "-"), names);
                format!("attr\t{mode}\t{user}\t{group}\t{path}")
            }
            Action::SetOwnerBelow { path, user, group } => format!("below\t{user}\t{group}\t{path}"),
            Action::WriteFile { path, bytes, encrypt: None, mode, user, group, validate } => {
                let number = self.payload(bytes.0.clone());
                let command = words(path, validate)?;
                format!("write\t{mode:o}\t{user}\t{group}\t{number}\t{path}{command}")
            }
            Action::WriteFile { path, bytes, encrypt: Some(name), mode, user, group, .. } => {
                let number = self.payload(bytes.0.clone());
                format!("seal\t{mode:o}\t{user}\t{group}\t{number}\t{name}\t{path}")
            }
            Action::RemoveFile { path } => format!("rm\t{path}"),
            Action::MakeLink { path, target } => {
                if target.is_empty() || target.chars().any(char::is_control) {
                    return Err(EncodeError::Target(path.clone()));
                }
                format!("link\t{path}\t{target}")
            }
            Action::RemoveLink { path } => format!("unlink\t{path}"),
            Action::Mask { unit } => format!("mask\t{unit}"),
            Action::Unmask { unit, discard } => {
                format!("unmask\t{unit}\t{}", if *discard { "discard" } else { "keep" })
            }
            Action::DaemonReload => "daemon-reload".to_owned(),
            Action::Gate { units } => gate(units),
            Action::Stop { unit } => format!("stop\t{unit}"),
            Action::Start { unit } => format!("start\t{unit}"),
            Action::Restart { unit } => format!("restart\t{unit}"),
            Action::Reload { unit } => format!("reload\t{unit}"),
            Action::ResetFailed { unit } => format!("reset\t{unit}"),
            Action::Adopt { entry } => format!("adopt\t{}", entry.name()),
        })
    }

    fn finish(self, nonce: &str) -> Vec<u8> {
        let mut text = self.text;
        for (index, payload) in self.payloads.iter().enumerate() {
            let _ignored = writeln!(text, "take {}\nsum {}  {}", payload.len(), Digest::of(payload), index + 1);
        }
        text.push_str("end\n");
        let mut data = format!("unitfleet-transaction 1 {nonce} {}\n{text}", text.len()).into_bytes();
        for payload in &self.payloads {
            data.extend_from_slice(payload);
        }
        data
    }
}

/// A colon before each word: a shell that splits at tabs takes two of them for one, and would lose an empty word.
fn words(path: &AbsPath, command: &[String]) -> Result<String, EncodeError> {
    if command.iter().any(|word| word.chars().any(char::is_control)) {
        return Err(EncodeError::Command(path.clone()));
    }
    Ok(command.iter().fold(String::new(), |line, word| line + "\t:" + word))
}

fn names(owner: &(UserName, UserName)) -> (&str, &str) {
    (owner.0.as_str(), owner.1.as_str())
}

/// systemctl cannot show a template: one in the list would end the whole answer.
fn gate(units: &[UnitName]) -> String {
    let mut fields = "gate".to_owned();
    for unit in units.iter().filter(|unit| !unit.is_template()) {
        let _ignored = write!(fields, "\t{unit}");
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{PrimaryGroup, Reason, ReasonKind};

    fn encode(run: &str, actions: Vec<Action>) -> Result<String, EncodeError> {
        let steps: Vec<Step> = actions
            .into_iter()
            .map(|action| Step {
                action,
                reasons: vec![Reason { kind: ReasonKind::Missing, text: "x".to_owned() }],
                wave: 0,
            })
            .collect();
        let transaction = Transaction {
            run,
            who: "me\n@here",
            steps: &steps,
            ledgers: &BTreeMap::new(),
            directories: &BTreeSet::from([AbsPath::parse("/srv/a b").unwrap()]),
            inputs: &BTreeMap::new(),
            settle_ms: 1500,
            bound_s: 300,
        };
        encode_transaction(&transaction, "n").map(|bytes| String::from_utf8(bytes).unwrap())
    }

    fn write(path: &str, text: &str) -> Action {
        Action::WriteFile {
            path: AbsPath::parse(path).unwrap(),
            bytes: text.into(),
            encrypt: None,
            mode: 0o4755,
            user: UserName::parse("root").unwrap(),
            group: UserName::parse("0").unwrap(),
            validate: Vec::new(),
        }
    }

    #[test]
    fn the_data_says_its_lengths_and_equal_contents_travel_once() {
        let text = encode("r1", vec![write("/a b", "hi\n"), write("/c", "hi\n"), write("/d", "")]).unwrap();
        let (head, rest) = text.split_once('\n').unwrap();
        let control = rest.strip_suffix("hi\n").unwrap();
        assert_eq!(head, format!("unitfleet-transaction 1 n {}", control.len()));
        assert_eq!(
            control,
            "run r1\nwho me @here\nsettle 1.500\nbound 300\nstays /srv/a b\n\
             step\t0\t0\twrite\t4755\troot\t0\t1\t/a b\n\
             step\t1\t0\twrite\t4755\troot\t0\t1\t/c\n\
             step\t2\t0\twrite\t4755\troot\t0\t2\t/d\n\
             take 3\nsum 98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4  1\n\
             take 0\nsum e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  2\nend\n"
        );
    }

    #[test]
    fn what_would_break_a_line_is_refused() {
        assert_eq!(encode("a/b", vec![]), Err(EncodeError::Run("a/b".to_owned())));
        let path = AbsPath::parse("/l").unwrap();
        for target in ["", "a\nb", "a\tb"] {
            let link = Action::MakeLink { path: path.clone(), target: target.to_owned() };
            assert_eq!(encode("r", vec![link]), Err(EncodeError::Target(path.clone())), "{target:?}");
        }
    }

    #[test]
    fn words_and_accounts_keep_their_places() {
        let name = |text: &str| UserName::parse(text).unwrap();
        let mut file = write("/f", "x");
        if let Action::WriteFile { validate, .. } = &mut file {
            *validate = ["check", "", "-f %s"].map(str::to_owned).to_vec();
        }
        let create =
            |uid, gid| Action::CreateUser { name: name("web"), system: true, uid, gid, home: None, shell: None };
        let actions = vec![
            file,
            create(Some(850), Some(PrimaryGroup::Number(851))),
            create(None, Some(PrimaryGroup::Name(name("adm")))),
            create(None, None),
            Action::JoinGroups { name: name("web"), groups: vec![name("a"), name("b")] },
            Action::SetOwnerBelow { path: AbsPath::parse("/srv/a b").unwrap(), user: name("web"), group: name("0") },
        ];
        let text = encode("r", actions).unwrap();
        for line in [
            "0\t0\twrite\t4755\troot\t0\t1\t/f\t:check\t:\t:-f %s",
            "1\t0\tuser-create\tweb\tsystem\t-\t-\t850\t851",
            "2\t0\tuser-create\tweb\tsystem\t-\t-\t-\tadm",
            "3\t0\tuser-create\tweb\tsystem\t-\t-\t-\t-",
            "4\t0\tuser-join\tweb\ta\tb",
            "5\t0\tbelow\tweb\t0\t/srv/a b",
        ] {
            assert!(text.contains(&format!("step\t{line}\n")), "{line}\n{text}");
        }
        let mut odd = write("/f", "x");
        if let Action::WriteFile { validate, .. } = &mut odd {
            *validate = vec!["a\tb".to_owned()];
        }
        assert_eq!(encode("r", vec![odd]), Err(EncodeError::Command(AbsPath::parse("/f").unwrap())));
    }

    #[test]
    fn a_gate_names_no_template() {
        let unit = |name: &str| UnitName::parse(name).unwrap();
        let units = vec![unit("a@.service"), unit("a@1.service")];
        let text = encode("r", vec![Action::Gate { units }]).unwrap();
        assert!(text.contains("step\t0\t0\tgate\ta@1.service\n"), "{text}");
    }
}
