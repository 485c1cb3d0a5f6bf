//! The program's answer to one command, with its JSON taken apart, and hosts watched through other eyes than ours.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::Host;

/// What the program answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Answer {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout.clone()).expect("standard output is text"),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The exit code must be this one.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "exit code\n{}\n{}", self.brief(), self.stderr);
        self
    }

    /// What a person needs to see why it is not as expected: of JSON, how each host ended.
    fn brief(&self) -> String {
        let Ok(json) = serde_json::from_str::<Value>(&self.stdout) else {
            return self.stdout.clone();
        };
        let tell = |(name, part): (&String, &Value)| {
            let (left, plan, ends) = (&part["remaining"]["changes"], steps(part), &part["steps"]);
            format!("{name}: {}\n{:#}\nleft: {left}\n{plan:?}\n{ends}\n", part["outcome"], part["failures"])
        };
        json["hosts"].as_object().into_iter().flatten().map(tell).collect()
    }

    /// The part of a host, of an answer in JSON.
    #[track_caller]
    pub(crate) fn host(&self, name: &str) -> Value {
        let json: Value = serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr));
        json["hosts"][name].clone()
    }
}

/// The word for a host's outcome.
pub(crate) fn outcome(part: &Value) -> &str {
    part["outcome"]["outcome"].as_str().unwrap_or_default()
}

/// What the outcome says: the error and the hint.
pub(crate) fn said(part: &Value) -> String {
    let word = |key: &str| part["outcome"][key].as_str().unwrap_or_default();
    format!("{}\n{}", word("error"), word("hint"))
}

/// The steps of a plan, as `action target`.
pub(crate) fn steps(part: &Value) -> Vec<String> {
    let steps = part["plan"]["steps"].as_array().cloned().unwrap_or_default();
    let step = |step: &Value| {
        let action = &step["action"];
        let target = action["unit"].as_str().or(action["path"].as_str()).unwrap_or_default();
        format!("{} {target}", action["action"].as_str().unwrap_or_default()).trim_end().to_owned()
    };
    steps.iter().map(step).collect()
}

/// The reasons of the steps with this action and target, as `kind: text`.
pub(crate) fn reasons(part: &Value, step: &str) -> Vec<String> {
    let all = part["plan"]["steps"].as_array().cloned().unwrap_or_default();
    let chosen = steps(part).into_iter().zip(all).filter(|(name, _)| name == step);
    let texts = chosen.flat_map(|(_, step)| step["reasons"].as_array().cloned().unwrap_or_default());
    texts
        .map(|reason| {
            let word = |key: &str| reason[key].as_str().unwrap_or_default().to_owned();
            format!("{}: {}", word("kind"), word("text"))
        })
        .collect()
}

/// The failure of a unit.
#[track_caller]
pub(crate) fn failure(part: &Value, unit: &str) -> Value {
    let all = part["failures"].as_array().cloned().unwrap_or_default();
    let found = all.into_iter().find(|failure| failure["unit"] == unit);
    found.unwrap_or_else(|| panic!("{unit} is not among the failures of {part:#}"))
}

/// `verb --format json …` on these hosts.
pub(crate) fn json<const N: usize>(host: &Host, arguments: [&str; N]) -> Answer {
    let mut command = on_hosts(host, &arguments);
    Answer::of(&command.args(["--format", "json"]).output().expect("the program runs"))
}

/// For people.
pub(crate) fn text<const N: usize>(host: &Host, arguments: [&str; N]) -> Answer {
    Answer::of(&on_hosts(host, &arguments).output().expect("the program runs"))
}

fn on_hosts(host: &Host, arguments: &[&str]) -> Command {
    let mut command = program(host);
    command.args(&arguments[..1]).arg("-i").arg(host.inventory_path()).args(&arguments[1..]);
    command
}

pub(crate) fn apply(host: &Host) -> Answer {
    json(host, ["apply", "-y", "playbook.yaml"])
}

pub(crate) fn plan(host: &Host) -> Answer {
    json(host, ["plan", "playbook.yaml"])
}

/// The plan holds no step and no refusal.
#[track_caller]
pub(crate) fn nothing_left(host: &Host) {
    let answer = json(host, ["plan", "--detailed-exitcode", "playbook.yaml"]).exits(0);
    let part = answer.host(host.name());
    assert_eq!(steps(&part), Vec::<String>::new());
    assert_eq!(outcome(&part), "unchanged");
}

/// A command with another inventory than the fleet's own, which stands beside the playbook as `other.yaml`.
pub(crate) fn elsewhere<const N: usize>(host: &Host, arguments: [&str; N]) -> Answer {
    let (verb, rest) = arguments.split_first().expect("there is a verb");
    let mut command = program(host);
    command.arg(verb).args(["-i", "other.yaml", "--format", "json"]).args(rest);
    Answer::of(&command.output().expect("the program runs"))
}

/// The program itself, without an inventory, with connections of its own.
pub(crate) fn program(host: &Host) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unitfleet"));
    command.current_dir(host.directory()).env("NO_COLOR", "1");
    command.env("XDG_STATE_HOME", host.directory().join("state"));
    command.env("XDG_RUNTIME_DIR", runtime(host));
    command.stdin(Stdio::null());
    command
}

/// A directory for connections that no other test shares.
pub(crate) fn runtime(host: &Host) -> PathBuf {
    use std::os::unix::fs::DirBuilderExt as _;
    let path = host.directory().join("run");
    if !path.exists() {
        std::fs::DirBuilder::new().mode(0o700).create(&path).expect("the directory can be made");
    }
    path
}

/// Writes `other.yaml`: the fleet's inventory after a change of every host's keys.
pub(crate) fn write_inventory(host: &Host, change: impl Fn(&mut serde_json::Map<String, Value>)) {
    let text = std::fs::read_to_string(host.inventory_path()).expect("the fleet has an inventory");
    let mut inventory: Value = serde_yaml::from_str(&text).expect("it is YAML");
    let hosts = inventory["all"]["hosts"].as_object_mut().expect("it has hosts");
    for keys in hosts.values_mut() {
        change(keys.as_object_mut().expect("a host has keys"));
    }
    let text = serde_yaml::to_string(&inventory).expect("plain data has a YAML form");
    host.write("other.yaml", &text);
}

/// Waits until a script in the first host succeeds.
#[track_caller]
pub(crate) fn wait_until(host: &Host, script: &str) {
    let began = Instant::now();
    while !host.try_exec(script).status.success() {
        assert!(began.elapsed() < Duration::from_secs(60), "`{script}` does not come true");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Everything that an apply may touch and that outlives it, but for our own records: mode, owner, mtime and hash of every
/// file, and the target of every link. Of the files of accounts only what they say: they are written by other programs.
pub(crate) fn files(host: &Host) -> String {
    host.exec(
        "cd / && accounts='^etc/(passwd|group|shadow|gshadow|subuid|subgid)' && { \
         find etc srv opt usr/local -xdev -type f -exec stat -c '%n %a %U:%G %s %y' -- {} + | grep -Ev \"$accounts\"; \
         find etc srv opt usr/local -xdev -type f ! -name '*-' -exec sha256sum -- {} +; \
         find etc srv opt usr/local -xdev -type d -printf '%p %m %u:%g\\n'; \
         find etc srv opt usr/local -xdev -type l -printf '%p -> %l\\n'; } | LC_ALL=C sort",
    )
}

/// Nothing differs but what is said to.
#[track_caller]
pub(crate) fn same_files(host: &Host, before: &str) {
    let after = files(host);
    let lines = |of: &str, other: &str| {
        of.lines().filter(|line| !other.lines().any(|it| it == *line)).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lines(&after, before), lines(before, &after), "files on the host changed");
}

/// No file that stood beside its place is left.
#[track_caller]
pub(crate) fn no_leftovers(host: &Host) {
    assert_eq!(host.exec("find / -xdev -name '*.unitfleet-tmp*'"), "");
    assert_eq!(host.exec("ls -A /var/lib/unitfleet/lock 2>/dev/null || true"), "");
}

/// A property of a unit.
pub(crate) fn property(host: &Host, unit: &str, property: &str) -> String {
    host.exec(&format!("systemctl show -p {property} --value -- '{unit}'"))
}

/// Where a command that the host runs stops: from now on, `name` with arguments that match the shell pattern waits
/// until it is released. Works because administrators' programs come first in `PATH`.
pub(crate) fn freeze(host: &Host, name: &str, pattern: &str) {
    let script = format!(
        "rm -f /run/frozen; cat >/usr/local/bin/{name} <<'END'\n\
         #!/bin/sh\n\
         case \"$*\" in {pattern}) if [ ! -e /run/frozen ]; then echo $$ >/run/frozen; exec sleep 1000; fi ;; esac\n\
         exec /usr/bin/{name} \"$@\"\n\
         END\n\
         chmod 755 /usr/local/bin/{name}"
    );
    host.exec(&script);
}

/// Takes away what `freeze` put there.
pub(crate) fn thaw(host: &Host, name: &str) {
    host.exec(&format!("rm -f /usr/local/bin/{name} /run/frozen"));
}

/// What is to be killed: the program, and nothing else.
pub(crate) fn spawn(host: &Host, arguments: &[&str]) -> std::process::Child {
    let mut command = on_hosts(host, arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the program runs")
}

/// Kills as the kernel does when memory runs out.
pub(crate) fn kill(mut child: std::process::Child) {
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
}

/// The answer of a child that ends by itself.
pub(crate) fn answer_of(child: std::process::Child) -> Answer {
    Answer::of(&child.wait_with_output().expect("it ends"))
}

/// Whether a file is there on this machine.
pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
