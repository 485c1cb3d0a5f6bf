//! One contract for every way to a host, held against this machine and a real sshd; and what only ssh can get wrong.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::master::stop;
use super::{
    Disconnected, Exec, ExecOutput, Hub, Local, Session, Ssh, SshOptions, Transport, TransportError,
    TransportErrorKind, disconnect_all,
};
use crate::model::{ConnectionKind, HostName, Target};

mod sshd;
use sshd::Sshd;

const PATIENCE: Duration = Duration::from_secs(30);

fn exec<'a>(script: &'a str, input: &'a [u8]) -> Exec<'a> {
    Exec { script, input, become_root: false, deadline: PATIENCE }
}

async fn run(session: &dyn Session, script: &str, input: &[u8]) -> ExecOutput {
    session.exec(exec(script, input), None).await.unwrap()
}

async fn connect(ssh: &Ssh, target: &Target) -> Result<Box<dyn Session>, TransportError> {
    tokio::time::timeout(PATIENCE, ssh.connect(target)).await.expect("connect ends by itself")
}

async fn refused(ssh: &Ssh, target: &Target) -> TransportError {
    connect(ssh, target).await.err().expect("the connection is refused")
}

/// Bytes that no encoding or shell leaves alone by accident.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// What every session must do.
mod contract {
    use super::*;

    pub(super) async fn a_script_gets_its_input_and_gives_its_outputs(session: &dyn Session) {
        let output = run(session, "read -r x; echo \"got $x\"; echo warned >&2; cat", b"it's\nrest\0\xff").await;
        assert_eq!(output.stdout, b"got it's\nrest\0\xff");
        assert_eq!(output.stderr, "warned\n");
        assert_eq!(output.status, Some(0));
    }

    pub(super) async fn every_script_is_taken_verbatim(session: &dyn Session) {
        let script =
            "x='a \"b\" $c `d` \\\\ %s !'\nprintf '%s\\n' \"$x\"\ncat <<'END'\n'here' \"doc\" ä\nEND\n# no newline";
        let output = run(session, script, b"").await;
        let expected = "a \"b\" $c `d` \\\\ %s !\n'here' \"doc\" ä\n";
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
        let long = format!("x=0\n{}echo $x", "x=$((x + 1)) # a line of some length, as scripts have\n".repeat(4000));
        assert_eq!(run(session, &long, b"").await.stdout, b"4000\n");
    }

    pub(super) async fn an_exit_status_keeps_its_output(session: &dyn Session) {
        for status in [1, 3, 126, 127, 255] {
            let output = run(session, &format!("echo out; echo err >&2; exit {status}"), b"").await;
            assert_eq!(output.status, Some(status));
            assert_eq!((output.stdout.as_slice(), output.stderr.as_str()), (&b"out\n"[..], "err\n"));
        }
    }

    pub(super) async fn ten_megabytes_go_there_and_back(session: &dyn Session) {
        let input = noise(10 << 20);
        let output = run(session, "sha256sum", &input).await;
        assert!(output.stdout.starts_with(sha256(&input).as_bytes()), "{:?}", String::from_utf8_lossy(&output.stdout));
        let output = run(session, "cat", &input).await;
        assert!(output.stdout == input, "{} bytes came back", output.stdout.len());
    }

    pub(super) async fn much_on_both_outputs_at_once_is_no_deadlock(session: &dyn Session) {
        let script = "head -c 5000000 /dev/zero | tr '\\0' e >&2; head -c 5000000 /dev/zero | tr '\\0' o";
        let output = run(session, script, &noise(3 << 20)).await;
        assert_eq!(output.stdout.len(), 5_000_000);
        assert!(output.stdout.iter().all(|byte| *byte == b'o'));
        assert_eq!(output.stderr.len(), 1 << 20);
    }

    pub(super) async fn input_that_nobody_reads_is_no_error(session: &dyn Session) {
        let output = run(session, "echo done; exit 0", &noise(5 << 20)).await;
        assert_eq!((output.stdout.as_slice(), output.status), (&b"done\n"[..], Some(0)));
    }

    /// The script waits for what the sink does about its first line.
    pub(super) async fn lines_arrive_while_the_script_runs(session: &dyn Session) {
        let dir = tempfile::tempdir().unwrap();
        let answer = dir.path().join("answer");
        let script = format!(
            "echo ready; i=0; while [ ! -e {0} ] && [ $i -lt 200 ]; do sleep 0.05; i=$((i+1)); done; [ -e {0} ] && echo seen; printf tail",
            answer.display()
        );
        let mut told = Vec::new();
        let mut sink = |line: &[u8]| {
            told.push(String::from_utf8_lossy(line).into_owned());
            if line == b"ready" {
                std::fs::write(&answer, "").unwrap();
            }
        };
        let output = session.exec(exec(&script, b""), Some(&mut sink)).await.unwrap();
        assert_eq!(output.stdout, b"ready\nseen\ntail");
        assert_eq!(told, ["ready", "seen"]);
    }

    pub(super) async fn a_script_that_is_killed_is_interrupted(session: &dyn Session) {
        let error = session.exec(exec("echo out; kill -9 $$", b""), None).await.unwrap_err();
        assert_eq!(error.kind, TransportErrorKind::Interrupted);
        assert!(error.message.contains("killed"), "{}", error.message);
        assert_eq!(run(session, "echo again", b"").await.stdout, b"again\n");
    }

    pub(super) async fn a_deadline_ends_the_wait_and_says_what_is_not_known(session: &dyn Session) {
        let began = Instant::now();
        let late = Exec { deadline: Duration::from_millis(400), ..exec("echo begun; sleep 3", b"") };
        let error = session.exec(late, None).await.unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert_eq!(error.kind, TransportErrorKind::Interrupted);
        assert!(error.message.contains("within 0.4 s") && error.message.contains("may still be at work"), "{error}");
        assert_eq!(run(session, "echo again", b"").await.stdout, b"again\n");
    }

    pub(super) async fn endless_output_is_cut_off(session: &dyn Session) {
        let error = session.exec(exec("yes", b""), None).await.unwrap_err();
        assert_eq!(error.kind, TransportErrorKind::Interrupted);
        assert!(error.message.contains("64 MiB"), "{error}");
    }
}

macro_rules! contract {
    ($($name:ident)*) => {
        mod local_keeps_the_contract {
            use super::*;
            $(#[tokio::test]
            async fn $name() {
                let target = Target { kind: ConnectionKind::Local, ..Target::ssh(HostName::parse("here").unwrap()) };
                let session = Local::new().connect(&target).await.unwrap();
                contract::$name(&*session).await;
            })*
        }
        mod ssh_keeps_the_contract {
            use super::*;
            $(#[tokio::test]
            async fn $name() {
                let sshd = Sshd::start();
                let ssh = Ssh::new(sshd.options());
                let session = connect(&ssh, &sshd.target()).await.unwrap();
                contract::$name(&*session).await;
                assert_eq!(ssh.meter().connections(), 1);
            })*
        }
    };
}

contract! {
    a_script_gets_its_input_and_gives_its_outputs
    every_script_is_taken_verbatim
    an_exit_status_keeps_its_output
    ten_megabytes_go_there_and_back
    much_on_both_outputs_at_once_is_no_deadlock
    input_that_nobody_reads_is_no_error
    lines_arrive_while_the_script_runs
    a_script_that_is_killed_is_interrupted
    a_deadline_ends_the_wait_and_says_what_is_not_known
    endless_output_is_cut_off
}

/// Sends only a part of the script through a real connection, by hand, and closes it.
#[tokio::test]
async fn a_script_that_is_cut_runs_nothing() {
    use super::privilege::script_command;
    use super::stream::framed;
    use tokio::io::AsyncWriteExt;

    let sshd = Sshd::start();
    let ssh = Ssh::new(sshd.options());
    let target = sshd.target();
    drop(connect(&ssh, &target).await.unwrap());
    let socket = sockets(&sshd.path("control")).pop().unwrap();
    let marker = sshd.path("marker");
    let script = framed(&format!("touch {0}\ntouch {0}; exit 0", marker.display()));
    let cuts = [1, 10, script.len() / 2, script.len() - 2, script.len() - 1];
    for length in cuts.into_iter().chain([script.len()]) {
        for shell in ["dash", "bash"] {
            let mut child = if shell == "dash" {
                let mut command = tokio::process::Command::new("ssh");
                command.args(["-F", "none", "-S"]).arg(&socket).arg("x").arg(script_command(script.len(), false));
                command
            } else {
                let mut command = tokio::process::Command::new("bash");
                command.args(["--posix", "-c", &super::privilege::shell_program(script.len())]);
                command
            }
            .stdin(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
            let mut stdin = child.stdin.take().unwrap();
            stdin.write_all(&script.as_bytes()[..length]).await.unwrap();
            drop(stdin);
            let status = child.wait().await.unwrap();
            let whole = length == script.len();
            assert_eq!((marker.exists(), status.success()), (whole, whole), "{shell}, {length} of {}", script.len());
            drop(std::fs::remove_file(&marker));
        }
    }
}

fn sockets(control: &Path) -> Vec<std::path::PathBuf> {
    use std::os::unix::fs::FileTypeExt;
    let entries = std::fs::read_dir(control).unwrap().map(Result::unwrap);
    entries.filter(|entry| entry.file_type().unwrap().is_socket()).map(|entry| entry.path()).collect()
}

#[tokio::test]
async fn local_scripts_die_when_they_are_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let marker = dir.path().join("survived");
    let session = Local::new().connect(&Target::ssh(HostName::parse("here").unwrap())).await.unwrap();
    let script = format!("(sleep 0.6; touch {}) & wait", marker.display());
    let late = Exec { deadline: Duration::from_millis(200), ..exec(&script, b"") };
    session.exec(late, None).await.unwrap_err();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!marker.exists());
}

mod host_keys {
    use super::*;

    #[tokio::test]
    async fn a_changed_one_is_refused_with_the_command_that_removes_it() {
        let sshd = Sshd::start();
        sshd.know("other_key");
        for accept_new_host_keys in [false, true] {
            let options = SshOptions { accept_new_host_keys, ..sshd.options() };
            let error = refused(&Ssh::new(options), &sshd.target()).await;
            assert_eq!(error.kind, TransportErrorKind::HostKey, "{error:?}");
            let hint = error.hint.unwrap();
            assert!(hint.contains("ssh-keygen -f") && hint.contains("known_hosts"), "{hint}");
            assert!(error.message.contains(&format!("127.0.0.1 port {}", sshd.port)), "{}", error.message);
        }
        assert_eq!(sshd.logins(), 0);
    }

    #[tokio::test]
    async fn an_unknown_one_is_refused_unless_it_may_be_learned() {
        let sshd = Sshd::start();
        std::fs::write(sshd.path("known_hosts"), "").unwrap();
        let error = refused(&Ssh::new(sshd.options()), &sshd.target()).await;
        assert_eq!(error.kind, TransportErrorKind::HostKey, "{error:?}");
        assert!(error.hint.unwrap().contains("--accept-new-host-keys"));
        let options = SshOptions { accept_new_host_keys: true, ..sshd.options() };
        let session = connect(&Ssh::new(options), &sshd.target()).await.unwrap();
        assert_eq!(run(&*session, "echo in", b"").await.stdout, b"in\n");
        let learned = std::fs::read_to_string(sshd.path("known_hosts")).unwrap();
        assert!(learned.contains(&sshd.port.to_string()), "{learned}");
    }
}

mod trouble {
    use super::*;

    #[tokio::test]
    async fn a_closed_port_is_named() {
        let sshd = Sshd::start();
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let target = Target { port: Some(closed), ..sshd.target() };
        let error = refused(&Ssh::new(sshd.options()), &target).await;
        assert_eq!(error.kind, TransportErrorKind::Connect);
        assert_eq!(error.message, format!("cannot reach 127.0.0.1 port {closed}: the connection was refused"));
        let error = refused(&Ssh::new(sshd.kept()), &target).await;
        assert_eq!(error.kind, TransportErrorKind::Connect);
        assert_eq!(sshd.masters(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_key_that_is_not_authorized_is_an_authentication_failure() {
        let sshd = Sshd::start();
        let other = sshd.path("other_key").to_str().unwrap().to_owned();
        let target = Target { identity_file: Some(other), ..sshd.target() };
        let error = refused(&Ssh::new(sshd.options()), &target).await;
        assert_eq!(error.kind, TransportErrorKind::Authentication, "{error:?}");
        assert!(error.message.contains("our keys were refused"), "{}", error.message);
    }

    #[tokio::test]
    async fn a_name_that_does_not_resolve_is_named() {
        let sshd = Sshd::start();
        let target = Target { address: Some("no-such-host.invalid".to_owned()), ..sshd.target() };
        let error = refused(&Ssh::new(sshd.options()), &target).await;
        assert_eq!(error.kind, TransportErrorKind::Resolve, "{error:?}");
        assert!(error.message.contains("no-such-host.invalid"), "{}", error.message);
    }

    #[tokio::test]
    async fn a_wrong_option_or_a_missing_file_is_a_configuration_error() {
        let sshd = Sshd::start();
        let ssh = Ssh::new(sshd.options());
        let mut target = sshd.target();
        target.ssh_args.extend(["-o".to_owned(), "NoSuchOption=1".to_owned()]);
        let error = refused(&ssh, &target).await;
        assert_eq!(error.kind, TransportErrorKind::Configuration, "{error:?}");
        let target = Target { identity_file: Some("/nonexistent/key".to_owned()), ..sshd.target() };
        let error = refused(&ssh, &target).await;
        assert_eq!(error.kind, TransportErrorKind::Configuration, "{error:?}");
        assert!(error.message.contains("/nonexistent/key"), "{}", error.message);
    }

    #[tokio::test]
    async fn a_host_that_does_not_speak_costs_no_more_than_the_timeout() {
        let sshd = Sshd::start();
        sshd.freeze();
        let began = Instant::now();
        let options = SshOptions { connect_timeout: Duration::from_secs(1), ..sshd.kept() };
        let error = refused(&Ssh::new(options), &sshd.target()).await;
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        assert_eq!(error.kind, TransportErrorKind::Connect, "{error:?}");
        assert!(error.message.contains("does not speak in time"), "{}", error.message);
        assert_eq!(sshd.masters(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_busy_sshd_is_tried_again_but_not_for_ever() {
        let sshd = Sshd::start();
        sshd.drop_next(2);
        let ssh = Ssh::new(sshd.options());
        let session = connect(&ssh, &sshd.target()).await.unwrap();
        assert_eq!(run(&*session, "echo in", b"").await.stdout, b"in\n");
        sshd.drop_next(4);
        let error = refused(&Ssh::new(sshd.options()), &sshd.target()).await;
        assert_eq!(error.kind, TransportErrorKind::Connect, "{error:?}");
        assert!(error.message.contains("hung up") && error.hint.unwrap().contains("MaxStartups"));
    }

    #[tokio::test]
    async fn a_connection_that_breaks_under_a_script_is_interrupted_at_once() {
        for kept in [false, true] {
            let sshd = Arc::new(Sshd::start());
            let options = if kept { sshd.kept() } else { sshd.options() };
            let ssh = Ssh::new(options);
            let session = connect(&ssh, &sshd.target()).await.unwrap();
            let began = Instant::now();
            let mut sink = |line: &[u8]| {
                assert_eq!(line, b"begun");
                sshd.kill_sessions();
            };
            let error = session.exec(exec("echo begun; sleep 3", b""), Some(&mut sink)).await.unwrap_err();
            assert_eq!(error.kind, TransportErrorKind::Interrupted, "{error:?}");
            assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
            // The next script finds the host back.
            assert_eq!(run(&*session, "echo back", b"").await.stdout, b"back\n");
            assert_eq!((sshd.logins(), ssh.meter().connections()), (2, 2));
            drop(session);
            disconnect_all(&sshd.path("control")).await.unwrap();
        }
    }
}

mod privilege {
    use super::*;

    async fn as_root(sshd: &Sshd) -> Result<ExecOutput, TransportError> {
        let ssh = Ssh::new(sshd.options());
        let session = connect(&ssh, &sshd.target()).await.unwrap();
        let exec = Exec { become_root: true, ..exec("cat", b"input") };
        session.exec(exec, None).await
    }

    #[tokio::test]
    async fn sudo_gets_the_script_and_its_input() {
        let sshd = Sshd::start();
        sshd.install_sudo("[ \"$1\" = -n ] || exit 9; shift; echo by sudo; exec \"$@\"");
        let output = as_root(&sshd).await.unwrap();
        assert_eq!(output.stdout, b"by sudo\ninput");
        let local = Target { user: Some("root".to_owned()), ..sshd.target() };
        if rustix::process::geteuid().is_root() {
            let ssh = Ssh::new(sshd.options());
            let session = connect(&ssh, &local).await.unwrap();
            let exec = Exec { become_root: true, ..exec("cat", b"input") };
            assert_eq!(session.exec(exec, None).await.unwrap().stdout, b"input");
        }
    }

    #[tokio::test]
    async fn a_sudo_that_refuses_is_told_apart_from_a_script_that_fails() {
        for (sudo, why) in [
            ("echo 'sudo: a password is required' >&2; exit 1", "wants a password"),
            ("echo 'sudo: sorry, you must have a tty to run sudo' >&2; exit 1", "wants a terminal"),
            ("echo 'joe is not in the sudoers file.' >&2; exit 1", "not in sudoers"),
            ("echo 'sh: 1: exec: sudo: not found' >&2; exit 127", "not installed"),
        ] {
            let sshd = Sshd::start();
            sshd.install_sudo(sudo);
            let error = as_root(&sshd).await.unwrap_err();
            assert_eq!(error.kind, TransportErrorKind::Privilege, "{error:?}");
            assert!(error.message.contains(why), "{error:?}");
            assert!(error.hint.is_some());
        }
    }
}

mod masters {
    use super::*;

    async fn nothing_left(sshd: &Sshd) {
        let until = Instant::now() + Duration::from_secs(5);
        while !sshd.masters().is_empty() {
            assert!(Instant::now() < until, "still there: {:?}", sshd.masters());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    #[tokio::test]
    async fn a_kept_one_serves_the_next_run_too() {
        let sshd = Sshd::start();
        let first = Ssh::new(sshd.kept());
        drop(connect(&first, &sshd.target()).await.unwrap());
        drop(first);
        let second = Ssh::new(sshd.kept());
        let session = connect(&second, &sshd.target()).await.unwrap();
        assert_eq!(run(&*session, "echo in", b"").await.stdout, b"in\n");
        assert_eq!((sshd.logins(), second.meter().connections(), second.meter().executions()), (1, 0, 1));
        let in_use = disconnect_all(&sshd.path("control")).await.unwrap();
        assert_eq!(in_use, Disconnected { closed: 0, in_use: 1 });
        assert_eq!(run(&*session, "echo in", b"").await.stdout, b"in\n");
        assert_eq!(sshd.logins(), 1);
        stop(&sockets(&sshd.path("control"))[0]).await.unwrap();
        nothing_left(&sshd).await;
        assert_eq!(run(&*session, "echo in", b"").await.stdout, b"in\n");
        assert_eq!(sshd.logins(), 2);
        drop(session);
        assert_eq!(disconnect_all(&sshd.path("control")).await.unwrap(), Disconnected { closed: 1, in_use: 0 });
        assert_eq!(disconnect_all(&sshd.path("control")).await.unwrap(), Disconnected::default());
        nothing_left(&sshd).await;
    }

    #[tokio::test]
    async fn without_persistence_no_process_and_no_socket_stay() {
        let sshd = Sshd::start();
        let ssh = Ssh::new(sshd.options());
        let session = connect(&ssh, &sshd.target()).await.unwrap();
        run(&*session, "true", b"").await;
        drop(connect(&ssh, &sshd.target()).await.unwrap());
        run(&*session, "true", b"").await;
        assert_eq!(sshd.logins(), 1);
        assert!(!sshd.masters().is_empty());
        drop(ssh);
        run(&*session, "true", b"").await;
        drop(session);
        nothing_left(&sshd).await;
        assert_eq!(sockets(&sshd.path("control")), Vec::<std::path::PathBuf>::new());
    }

    #[tokio::test]
    async fn runs_that_race_for_a_host_share_one() {
        let sshd = Sshd::start();
        let runs: Vec<Ssh> = (0..4).map(|_| Ssh::new(sshd.kept())).collect();
        let target = sshd.target();
        let (a, b, c, d) = tokio::join!(
            connect(&runs[0], &target),
            connect(&runs[1], &target),
            connect(&runs[2], &target),
            connect(&runs[3], &target)
        );
        for session in [a, b, c, d] {
            assert_eq!(run(&*session.unwrap(), "echo in", b"").await.stdout, b"in\n");
        }
        assert_eq!(sshd.logins(), 1);
        assert_eq!(sshd.masters().len(), 1, "{:?}", sshd.masters());
        assert_eq!(disconnect_all(&sshd.path("control")).await.unwrap().closed, 1);
        nothing_left(&sshd).await;
    }

    #[tokio::test]
    async fn a_dead_ones_socket_is_in_nobodys_way() {
        let sshd = Sshd::start();
        drop(connect(&Ssh::new(sshd.kept()), &sshd.target()).await.unwrap());
        let socket = sockets(&sshd.path("control")).pop().unwrap();
        disconnect_all(&sshd.path("control")).await.unwrap();
        // What a master that was killed leaves behind.
        drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
        let session = connect(&Ssh::new(sshd.kept()), &sshd.target()).await.unwrap();
        assert_eq!(run(&*session, "echo in", b"").await.stdout, b"in\n");
        assert_eq!(sockets(&sshd.path("control")), [socket]);
        drop(session);
        disconnect_all(&sshd.path("control")).await.unwrap();
        nothing_left(&sshd).await;
    }

    #[tokio::test]
    async fn a_connect_that_is_given_up_leaves_nothing() {
        let sshd = Sshd::start();
        sshd.freeze();
        for options in [sshd.kept(), sshd.options()] {
            let ssh = Ssh::new(options);
            let target = sshd.target();
            let given_up = tokio::time::timeout(Duration::from_millis(300), ssh.connect(&target)).await;
            assert!(given_up.is_err());
            nothing_left(&sshd).await;
        }
    }

    #[tokio::test]
    async fn an_extra_configuration_file_is_read_first() {
        let sshd = Sshd::start();
        let target = sshd.target();
        let config = format!(
            "Host somewhere\n  HostName 127.0.0.1\n  Port {}\n  IdentityFile {}\n  UserKnownHostsFile {}\n  IdentityAgent none\n",
            sshd.port,
            sshd.path("client_key").display(),
            sshd.path("known_hosts").display(),
        );
        std::fs::write(sshd.path("extra"), config).unwrap();
        let target = Target {
            host: HostName::parse("somewhere").unwrap(),
            address: None,
            port: None,
            identity_file: None,
            ssh_args: Vec::new(),
            ssh_config: Some(sshd.path("extra").to_str().unwrap().to_owned()),
            ..target
        };
        let session = connect(&Ssh::new(sshd.options()), &target).await.unwrap();
        assert_eq!(run(&*session, "echo in", b"").await.stdout, b"in\n");
    }
}

#[tokio::test]
async fn the_hub_goes_where_the_target_says_and_counts_both() {
    let sshd = Sshd::start();
    let hub = Hub::new(sshd.options());
    let there = sshd.target();
    let here = Target { kind: ConnectionKind::Local, ..there.clone() };
    let seen = Mutex::new(Vec::new());
    for target in [&there, &here, &there] {
        let session = hub.connect(target).await.unwrap();
        let output = run(&*session, "echo \"${SSH_CONNECTION:+ssh}\"", b"").await;
        seen.lock().unwrap().push(String::from_utf8(output.stdout).unwrap());
    }
    assert_eq!(*seen.lock().unwrap(), ["ssh\n", "\n", "ssh\n"]);
    assert_eq!((hub.meter().connections(), hub.meter().executions()), (1, 3));
}
