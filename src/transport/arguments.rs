//! From what the inventory says about a host to the words that `ssh` is started with. Pure, but for `~`.
//!
//! ssh takes the first value that it finds for an option, the command line before files. So what must hold comes first,
//! then `ssh_args`, and the user's own configuration fills in the rest. `ssh_args` may say much but not everything: a word
//! that would make another thing of the master, or be taken for the destination, is refused here with its name.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::place::Place;
use super::{SshOptions, TransportError, TransportErrorKind};
use crate::model::Target;

/// Options of ssh that `ssh_args` may hold and that stand alone.
const SWITCHES: &str = "46AaCKkqvXxY";
/// Options of ssh that `ssh_args` may hold and that take a value.
const WITH_VALUE: &str = "BbceFIiJlmop";

/// A target as ssh gets it: checked, with paths made absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Destination {
    address: String,
    port: Option<u16>,
    user: Option<String>,
    identity_file: Option<PathBuf>,
    ssh_args: Vec<String>,
    /// The extra configuration file, if the inventory names one.
    pub(super) ssh_config: Option<PathBuf>,
}

impl Destination {
    /// Checks what the inventory says. `home` stands for `~`.
    pub(super) fn of(target: &Target, home: Option<&Path>) -> Result<Self, TransportError> {
        let place = Place::of(target);
        let wrong = |what: String| Err(configuration(&place, &what));
        let address = target.address.as_deref().unwrap_or(target.host.as_str());
        if !is_address(address) {
            return wrong(format!("`address` is not a host name or address: {address:?}"));
        }
        if target.port == Some(0) {
            return wrong("`port` is 0".to_owned());
        }
        if let Some(user) = target.user.as_deref().filter(|user| !is_user(user)) {
            return wrong(format!("`user` is not a user name: {user:?}"));
        }
        let identity_file = target.identity_file.as_deref().map(|path| expand(path, home));
        let ssh_config = target.ssh_config.as_deref().map(|path| expand(path, home));
        if let Some(path) = ssh_config.as_deref().filter(|path| !is_plain(path)) {
            return wrong(format!("`ssh_config` holds characters that ssh cannot include: {}", path.display()));
        }
        if let Err(what) = check_args(&target.ssh_args) {
            return wrong(what);
        }
        if ssh_config.is_some() && target.ssh_args.iter().any(|word| word.starts_with("-F")) {
            return wrong("`ssh_args` holds -F, and `ssh_config` is given too".to_owned());
        }
        Ok(Self {
            address: address.to_owned(),
            port: target.port,
            user: target.user.clone(),
            identity_file,
            ssh_args: target.ssh_args.clone(),
            ssh_config,
        })
    }

    /// Files that must be there, with the inventory's words for them. ssh only warns about a missing key, and then says
    /// `Permission denied`.
    pub(super) fn files(&self) -> Vec<(&'static str, &Path)> {
        let identity = self.identity_file.as_deref();
        // ssh expands %d and its like in the names of keys, we do not.
        let identity = identity.filter(|path| !path.as_os_str().as_encoded_bytes().contains(&b'%'));
        let both = [("identity_file", identity), ("ssh_config", self.ssh_config.as_deref())];
        both.into_iter().filter_map(|(key, path)| path.map(|path| (key, path))).collect()
    }

    /// What a configuration file that is read before the user's own has to say.
    pub(super) fn config_text(&self) -> Option<String> {
        self.ssh_config
            .as_deref()
            .map(|path| format!("Include \"{}\"\nInclude ~/.ssh/config\nInclude /etc/ssh/ssh_config\n", path.display()))
    }

    /// Everything after the word `ssh` that starts a master on `socket`.
    pub(super) fn master_args(&self, options: &SshOptions, socket: &Path, config: Option<&Path>) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        let mut say = |list: &[&str]| words.extend(list.iter().map(|word| (*word).to_owned()));
        if let Some(config) = config {
            say(&["-F", &config.to_string_lossy()]);
        }
        let persist = if options.persist.is_zero() {
            // Explicit: with `yes` from the user's configuration the master would leave us for the background.
            "ControlPersist=no".to_owned()
        } else {
            say(&["-f"]);
            format!("ControlPersist={}", whole_seconds(options.persist))
        };
        say(&["-M", "-N", "-T", "-x", "-S", &socket.to_string_lossy()]);
        let host_keys = if options.accept_new_host_keys { "accept-new" } else { "yes" };
        let level = if options.verbose { "DEBUG1" } else { "ERROR" };
        for option in [
            &persist,
            "BatchMode=yes",
            &format!("StrictHostKeyChecking={host_keys}"),
            &format!("ConnectTimeout={}", whole_seconds(options.connect_timeout)),
            "ServerAliveInterval=5",
            "ServerAliveCountMax=3",
            &format!("LogLevel={level}"),
            "RemoteCommand=none",
            // Forwardings of the user's daily sessions would only collide with those.
            "ClearAllForwardings=yes",
        ] {
            say(&["-o", option]);
        }
        if let Some(port) = self.port {
            say(&["-p", &port.to_string()]);
        }
        if let Some(user) = &self.user {
            say(&["-l", user]);
        }
        if let Some(file) = &self.identity_file {
            say(&["-i", &file.to_string_lossy()]);
        }
        words.extend(self.ssh_args.iter().cloned());
        words.extend(["--".to_owned(), self.address.clone()]);
        words
    }
}

fn configuration(place: &Place, what: &str) -> TransportError {
    TransportError::new(TransportErrorKind::Configuration, format!("cannot connect to {place}: {what}"))
        .with_hint("correct it in the inventory")
}

fn whole_seconds(time: Duration) -> u64 {
    time.as_secs().max(1)
}

/// Letters, digits and what addresses are written with. No blank, no quote, nothing that a shell or `ProxyCommand` would
/// understand, and no leading `-`, not even behind an `@`.
fn is_address(text: &str) -> bool {
    let fine = |c: char| c.is_alphanumeric() || ".-_:%@[]".contains(c);
    !text.is_empty() && text.chars().all(fine) && text.split('@').all(|part| !part.is_empty() && !part.starts_with('-'))
}

/// What ssh itself refuses since 9.6, and blanks.
fn is_user(text: &str) -> bool {
    let bad = |c: char| c.is_whitespace() || c.is_control() || "'`\";&<>|(){}$".contains(c);
    !text.is_empty() && !text.starts_with('-') && !text.ends_with('\\') && !text.chars().any(bad)
}

/// `Include` splits words, knows quotes and backslashes, and globs.
fn is_plain(path: &Path) -> bool {
    path.to_str().is_some_and(|text| !text.chars().any(|c| c.is_control() || "\"'\\*?[]".contains(c)))
}

fn expand(path: &str, home: Option<&Path>) -> PathBuf {
    let expanded = match (path, path.strip_prefix("~/"), home) {
        ("~", _, Some(home)) => home.to_path_buf(),
        (_, Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    };
    std::path::absolute(&expanded).unwrap_or(expanded)
}

/// Walks the words as getopt does.
fn check_args(words: &[String]) -> Result<(), String> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            return Err(format!("`ssh_args`: {word:?} is not an option; a value with blanks needs quotes"));
        };
        for (at, letter) in letters.char_indices() {
            if SWITCHES.contains(letter) {
                continue;
            }
            if !WITH_VALUE.contains(letter) {
                return Err(format!("`ssh_args`: -{letter} cannot be used here; a value with blanks needs quotes"));
            }
            let attached = &letters[at + letter.len_utf8()..];
            if attached.is_empty() && words.next().is_none() {
                return Err(format!("`ssh_args`: -{letter} wants a value"));
            }
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::HostName;

    fn target() -> Target {
        Target::ssh(HostName::parse("web1").unwrap())
    }

    fn options() -> SshOptions {
        SshOptions::default()
    }

    fn args(target: &Target, options: &SshOptions, config: Option<&str>) -> String {
        let destination = Destination::of(target, Some(Path::new("/home/me"))).unwrap();
        destination.master_args(options, Path::new("/c/0123456789ab"), config.map(Path::new)).join(" ")
    }

    #[test]
    fn a_plain_host_gets_a_master_in_the_background() {
        assert_eq!(
            args(&target(), &options(), None),
            "-f -M -N -T -x -S /c/0123456789ab -o ControlPersist=60 -o BatchMode=yes -o StrictHostKeyChecking=yes \
             -o ConnectTimeout=10 -o ServerAliveInterval=5 -o ServerAliveCountMax=3 -o LogLevel=ERROR \
             -o RemoteCommand=none -o ClearAllForwardings=yes -- web1"
        );
    }

    #[test]
    fn everything_the_inventory_says_is_passed_on() {
        let target = Target {
            address: Some("10.0.0.1".to_owned()),
            port: Some(2222),
            user: Some("deploy".to_owned()),
            identity_file: Some("~/.ssh/fleet".to_owned()),
            ssh_config: Some("/etc/fleet/ssh_config".to_owned()),
            ssh_args: vec!["-C".to_owned(), "-o".to_owned(), "ProxyCommand=nc %h %p".to_owned()],
            ..target()
        };
        let options = SshOptions {
            persist: Duration::ZERO,
            accept_new_host_keys: true,
            connect_timeout: Duration::from_millis(200),
            verbose: true,
            ..options()
        };
        assert_eq!(
            args(&target, &options, Some("/c/x.conf")),
            "-F /c/x.conf -M -N -T -x -S /c/0123456789ab -o ControlPersist=no -o BatchMode=yes \
             -o StrictHostKeyChecking=accept-new -o ConnectTimeout=1 -o ServerAliveInterval=5 -o ServerAliveCountMax=3 \
             -o LogLevel=DEBUG1 -o RemoteCommand=none -o ClearAllForwardings=yes -p 2222 -l deploy \
             -i /home/me/.ssh/fleet -C -o ProxyCommand=nc %h %p -- 10.0.0.1"
        );
        let destination = Destination::of(&target, None).unwrap();
        assert_eq!(
            destination.config_text().unwrap(),
            "Include \"/etc/fleet/ssh_config\"\nInclude ~/.ssh/config\nInclude /etc/ssh/ssh_config\n"
        );
    }

    #[test]
    fn no_address_or_user_becomes_an_option_or_a_command() {
        for address in ["-oProxyCommand=x", "a b", "a;b", "$(x)", "a\nb", "ssh://a", "u@-oX", "", "a`b"] {
            let target = Target { address: Some(address.to_owned()), ..target() };
            let error = Destination::of(&target, None).unwrap_err();
            assert_eq!(error.kind, TransportErrorKind::Configuration, "{address}");
        }
        for address in ["10.0.0.1", "fe80::1%eth0", "web1.example.com", "me@web1", "bücher.example"] {
            assert!(is_address(address), "{address}");
        }
        for user in ["-x", "a b", "a;b", "$(x)", "", "a\\"] {
            assert!(!is_user(user), "{user}");
        }
        for user in ["deploy", "first.last@example.com", "DOMAIN\\me"] {
            assert!(is_user(user), "{user}");
        }
    }

    #[test]
    fn ssh_args_cannot_make_another_thing_of_the_master() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for fine in ["-C", "-4C", "-o X=y", "-oX=y", "-J jump", "-vvv -i key", "-Cojump"] {
            assert_eq!(check_args(&words(fine)), Ok(()), "{fine}");
        }
        for (bad, named) in [
            ("-o ProxyCommand=ssh -W %h:%p jump", "-W"),
            ("-S /x", "-S"),
            ("-Cf", "-f"),
            ("-M", "-M"),
            ("-o", "wants a value"),
            ("other-host", "other-host"),
            ("--", "--"),
            ("-", "is not an option"),
            ("-L 1:x:2", "-L"),
        ] {
            let said = check_args(&words(bad)).unwrap_err();
            assert!(said.contains(named), "{bad}: {said}");
        }
    }

    #[test]
    fn paths_that_include_cannot_name_are_refused() {
        for path in ["/a\"b", "/a*b", "/a\\b", "/a[b"] {
            let target = Target { ssh_config: Some(path.to_owned()), ..target() };
            assert!(Destination::of(&target, None).is_err(), "{path}");
        }
        let both = Target { ssh_config: Some("/a".to_owned()), ssh_args: vec!["-F/b".to_owned()], ..target() };
        assert!(Destination::of(&both, None).is_err());
    }
}
