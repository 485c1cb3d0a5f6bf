//! Throw-away hosts for tests: booted in a line, driven through the built program, gone when dropped.
//!
//! A machine that cannot boot hosts fails the tests and names the command that helps; a test that was skipped would
//! look like one that passed. With `UNITFLEET_TEST_KEEP` set, hosts stay up for a look around.
#![allow(dead_code, reason = "which of these are used is the tests' affair, and changes with them")]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use unitfleet::sandbox::{Fleet, FleetName, Options, Release, Sandbox, check_requirements};

/// Ample for one command in a host.
const EXEC: Duration = Duration::from_secs(120);
/// Ample for one run of the program, in seconds.
const RUN: &str = "300";

/// The hosts of one test; usually there is one, `host1`.
#[derive(Debug)]
pub(crate) struct Host {
    fleet: Fleet,
    name: String,
    directory: TempDir,
}

impl Host {
    /// One host of a release.
    pub(crate) fn boot(test: &str, release: Release) -> Self {
        Self::boot_with(test, Options { release, ..Options::default() })
    }

    /// Hosts with other options. They are called `host1`, `host2`, … so that what the program prints is always the same.
    pub(crate) fn boot_with(test: &str, options: Options) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        check_requirements().unwrap_or_else(|missing| panic!("{missing}"));
        remove_stale();
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut name = format!("t{}-{number}-{}", std::process::id(), test.to_lowercase());
        name = name.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        name.truncate(40);
        let options = Options {
            name: FleetName::parse(&name).expect("it is made of what names are made of"),
            prefix: Some(options.prefix.unwrap_or_else(|| "host".to_owned())),
            ..options
        };
        let fleet = Sandbox::default()
            .up(&options, &mut |_| {})
            .unwrap_or_else(|error| panic!("the hosts for {test} did not boot: {}", with_causes(&error)));
        Self {
            name: fleet.hosts()[0].name.clone(),
            fleet,
            directory: tempfile::tempdir().expect("a temporary directory"),
        }
    }

    /// The first host's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// For what concerns the other hosts.
    pub(crate) fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// The inventory of all hosts.
    pub(crate) fn inventory_path(&self) -> PathBuf {
        self.fleet.inventory_path()
    }

    /// The directory of the playbook and of all that belongs to it.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Runs a script as root in the first host, not through ssh. It must succeed. Returns its output without the last
    /// newline.
    pub(crate) fn exec(&self, script: &str) -> String {
        self.exec_on(&self.name, script)
    }

    /// The same in another host.
    pub(crate) fn exec_on(&self, host: &str, script: &str) -> String {
        let output = self.try_exec_on(host, script);
        let stdout = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
        assert!(
            output.status.success(),
            "on {host}, `{script}` failed ({})\n{stdout}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        stdout
    }

    /// Runs a script as root in the first host, whatever comes of it.
    pub(crate) fn try_exec(&self, script: &str) -> Output {
        self.try_exec_on(&self.name, script)
    }

    /// The same in another host.
    pub(crate) fn try_exec_on(&self, host: &str, script: &str) -> Output {
        let result = self.fleet.exec(host, &["sh", "-c", script], EXEC);
        result.unwrap_or_else(|error| panic!("{}", with_causes(&error)))
    }

    /// Runs a script in a host through plain ssh, as this user.
    pub(crate) fn ssh(&self, host: &str, user: &str, script: &str) -> Output {
        let mut ssh = Command::new("timeout");
        ssh.args(["60", "ssh", "-o", "BatchMode=yes", "-F"]).arg(self.fleet.ssh_config_path());
        ssh.args(["-l", user, host, script]);
        ssh.output().expect("ssh runs")
    }

    /// Runs the program on these hosts, in the playbook's directory: `["apply", "-y", "playbook.yaml"]`. The inventory is
    /// given after the verb.
    pub(crate) fn unitfleet<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        let output = self.unitfleet_command(arguments).output().expect("the program runs");
        assert_ne!(output.status.code(), Some(124), "the program did not end within {RUN} s");
        output
    }

    /// The same, to be run by the test itself.
    pub(crate) fn unitfleet_command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut arguments = arguments.into_iter();
        let mut command = Command::new("timeout");
        command.args(["--kill-after=10", RUN, env!("CARGO_BIN_EXE_unitfleet")]);
        command.args(arguments.next()).arg("-i").arg(self.inventory_path()).args(arguments);
        command.current_dir(self.directory()).env("NO_COLOR", "1");
        // Records of runs belong to this test, not to whoever runs it.
        command.env("XDG_STATE_HOME", self.directory().join("state"));
        // So do connections: another test's `disconnect` shall not cut them.
        let runtime = self.directory().join("runtime");
        std::fs::create_dir_all(&runtime).expect("the directory can be made");
        command.env("XDG_RUNTIME_DIR", runtime);
        command
    }

    /// Writes `playbook.yaml` and returns its path.
    pub(crate) fn write_playbook(&self, text: &str) -> PathBuf {
        self.write("playbook.yaml", text)
    }

    /// Writes a file beside the playbook and returns its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory().join(name);
        let parent = path.parent().expect("it is in a directory");
        std::fs::create_dir_all(parent).expect("the directory can be made");
        std::fs::write(&path, text).expect("the file can be written");
        path
    }

    /// Cuts the first host's power.
    pub(crate) fn poweroff_hard(&self) {
        check(self.fleet.poweroff_hard(&self.name));
    }

    /// Boots the first host again after its power was cut.
    pub(crate) fn boot_again(&self) {
        check(self.fleet.boot(&self.name));
    }

    /// Reboots the first host in order.
    pub(crate) fn reboot(&self) {
        check(self.fleet.reboot(&self.name));
    }

    /// Cuts or mends the first host's network.
    pub(crate) fn link(&self, up: bool) {
        check(self.fleet.link(&self.name, up));
    }
}

impl Drop for Host {
    #[expect(clippy::disallowed_methods, reason = "whoever runs the tests may keep the hosts")]
    fn drop(&mut self) {
        if std::env::var_os("UNITFLEET_TEST_KEEP").is_some() {
            return;
        }
        let result = self.fleet.clone().down();
        // A second panic while the first unwinds would end the process and hide both.
        if !std::thread::panicking() {
            check(result);
        }
    }
}

/// Takes down what a killed run of the tests has left, once.
fn remove_stale() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let sandbox = Sandbox::default();
        for fleet in check(sandbox.list()) {
            let owner = fleet.name.as_str().strip_prefix('t').and_then(|rest| rest.split_once('-'));
            let owner = owner.and_then(|(pid, _)| pid.parse::<u32>().ok());
            if owner.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
                check(sandbox.down(&fleet.name));
            }
        }
    });
}

fn check<T, E: std::error::Error>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{}", with_causes(&error)))
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
