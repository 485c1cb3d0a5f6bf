//! From what `ssh` prints to what a reader can do: one line in our words, and a hint.
//!
//! OpenSSH has no error codes (every failure is status 255), so its texts are matched. They have been stable for twenty
//! years and are not translated. Text that is not known is shown, one line of it.

use super::place::Place;
use super::{TransportError, TransportErrorKind};

/// What is known about a failed connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) error: TransportError,
    /// The other side hung up before it said anything: a busy sshd does so (`MaxStartups`), and a second try may succeed.
    pub(super) dropped: bool,
}

/// Makes sense of what ssh printed before it gave up.
pub(super) fn classify(printed: &str, place: &Place) -> Failure {
    let lines = meaningful_lines(printed);
    let said = Said { lines: &lines, place };
    if let Some(error) = said.configuration() {
        return Failure { error, dropped: false };
    }
    let known = said
        .host_key()
        .or_else(|| said.authentication())
        .or_else(|| said.resolve())
        .or_else(|| said.network())
        .or_else(|| said.negotiation());
    if let Some(error) = known {
        return Failure { error, dropped: false };
    }
    if let Some(error) = said.hung_up() {
        return Failure { error, dropped: true };
    }
    Failure { error: said.unknown(), dropped: false }
}

/// One line of somebody else's text, safe to print and not too long.
pub(super) fn one_line(text: &str) -> String {
    const MOST: usize = 160;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("");
    let clean: String = line.chars().filter(|c| !c.is_control()).collect();
    match clean.char_indices().nth(MOST) {
        Some((cut, _)) => format!("{}…", &clean[..cut]),
        None => clean,
    }
}

/// ssh ends its lines with CR LF, draws boxes of `@`, and says more when asked to be verbose.
fn meaningful_lines(printed: &str) -> Vec<&str> {
    printed
        .split(['\r', '\n'])
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("@@@"))
        .filter(|line| !line.starts_with("debug") && !line.starts_with("Warning: Permanently added"))
        .filter(|line| !line.starts_with("OpenSSH_") && !line.starts_with("** "))
        .collect()
}

/// The text between two others.
fn between<'a>(line: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

struct Said<'a> {
    lines: &'a [&'a str],
    place: &'a Place,
}

impl Said<'_> {
    fn line_with(&self, text: &str) -> Option<&str> {
        self.lines.iter().copied().find(|line| line.contains(text))
    }

    fn has(&self, text: &str) -> bool {
        self.line_with(text).is_some()
    }

    fn first_of(&self, texts: &[&str]) -> Option<&str> {
        texts.iter().find_map(|text| self.line_with(text))
    }

    fn host_key(&self) -> Option<TransportError> {
        let Self { place, .. } = self;
        let error = |message: String, hint: String| {
            Some(TransportError::new(TransportErrorKind::HostKey, message).with_hint(hint))
        };
        if self.has("REMOTE HOST IDENTIFICATION HAS CHANGED") {
            let file = self
                .line_with("ssh-keygen -f")
                .and_then(|line| between(line, "ssh-keygen -f ", " -R"))
                .map_or(String::new(), |file| format!("-f {file} "));
            return error(
                format!("the host key of {place} is not the one in known_hosts: reinstalled, or somebody in between"),
                format!("if the host was reinstalled: ssh-keygen {file}-R {}", place.known_hosts_name()),
            );
        }
        if self.has("REVOKED HOST KEY") {
            return error(
                format!("the host key of {place} is marked as revoked"),
                "give the host a new key; look for @revoked in known_hosts and for RevokedHostKeys".to_owned(),
            );
        }
        if self.has("host key is known for") {
            return error(
                format!("the host key of {place} is not in known_hosts"),
                format!(
                    "compare its fingerprint once with `{}`, or take it as it is with --accept-new-host-keys",
                    place.ssh_command("")
                ),
            );
        }
        self.line_with("Host key verification failed")?;
        error(
            format!("the host key of {place}, or of a jump host before it, could not be verified"),
            format!("see which with `{}`", place.ssh_command("-v ")),
        )
    }

    fn authentication(&self) -> Option<TransportError> {
        let Self { place, .. } = self;
        let error = |message: String, hint: String| {
            Some(TransportError::new(TransportErrorKind::Authentication, message).with_hint(hint))
        };
        if self.has("Too many authentication failures") {
            return error(
                format!("{place} refused us after too many keys"),
                "the agent offers more keys than sshd accepts: set `identity_file`, and `ssh_args: -o IdentitiesOnly=yes`"
                    .to_owned(),
            );
        }
        let denied = self.lines.iter().copied().find(|line| line.contains("Permission denied ("))?;
        let offers = between(denied, "Permission denied (", ")").unwrap_or("");
        let who = denied.split_once(": Permission denied").map_or("", |(who, _)| who);
        let gate = match who.rsplit_once('@') {
            Some((user, host)) if place.is_called(host) => format!("{place} for {user}"),
            Some(_) if !who.contains(' ') => format!("{who}, on the way to {place}"),
            _ => place.to_string(),
        };
        if self.has("UNPROTECTED PRIVATE KEY FILE") || self.has("bad permissions") {
            let file = self
                .line_with("bad permissions")
                .and_then(|line| between(line, "\"", "\""))
                .unwrap_or("the private key");
            return error(
                format!("ssh ignored {file} because others can read it; no other key opened {gate}"),
                format!("chmod 600 {file}"),
            );
        }
        if let Some(line) = self.line_with("signing failed") {
            return error(
                format!("the agent did not sign for {gate} ({})", one_line(line)),
                "unlock the agent or touch the key, then try again; `ssh-add -l` lists the keys".to_owned(),
            );
        }
        if !offers.split(',').any(|method| matches!(method, "publickey" | "hostbased") || method.starts_with("gssapi"))
        {
            return error(
                format!("no keys are taken by {gate}, only {offers}"),
                "set up a key for that user: passwords are never asked for".to_owned(),
            );
        }
        error(
            format!("our keys were refused by {gate}"),
            format!(
                "check `user` and `identity_file`, and `ssh-add -l`; see what is tried with `{}`",
                place.ssh_command("-v ")
            ),
        )
    }

    fn resolve(&self) -> Option<TransportError> {
        let Self { place, .. } = self;
        let line = self.line_with("Could not resolve hostname")?;
        let name = between(line, "hostname ", ":").unwrap_or_default();
        let message = if place.is_called(name) {
            format!("the name {name} does not resolve")
        } else {
            format!("the name {name} does not resolve, on the way to {place}")
        };
        let hint = if line.contains("Temporary failure") {
            "the name server does not answer: check the network and /etc/resolv.conf".to_owned()
        } else {
            format!("check the spelling, or set `address`; `getent hosts {name}` asks by hand")
        };
        Some(TransportError::new(TransportErrorKind::Resolve, message).with_hint(hint))
    }

    fn network(&self) -> Option<TransportError> {
        let Self { place, .. } = self;
        let error = |message: String, hint: String| {
            Some(TransportError::new(TransportErrorKind::Connect, message).with_hint(hint))
        };
        if let Some(line) = self.first_of(&["open failed: ", "stdio forwarding failed"]) {
            return error(
                format!("the jump host cannot reach {place} ({})", one_line(line)),
                format!("try `{}`", place.ssh_command("-v ")),
            );
        }
        // Where ssh names another place than ours, it is a jump host's or one that the user's configuration sets.
        let line = self.first_of(&["connect to host ", "connect to address "]);
        let other = line
            .and_then(|line| between(line, "connect to host ", ": "))
            .filter(|named| Some(*named) != Some(self.named_by_ssh().as_str()))
            .map_or(String::new(), |named| format!(" (ssh tried {named})"));
        if self.has("during banner exchange") {
            return error(
                format!("{place} takes connections but does not speak in time{other}"),
                "the host is overloaded or frozen, or something else than sshd listens there".to_owned(),
            );
        }
        let (why, hint) = if self.has("Connection refused") {
            ("the connection was refused", "is sshd running there, and is it this port?")
        } else if self.has("timed out") {
            ("no answer in time", "is the host up, and does a firewall let us through?")
        } else if self.has("No route to host") || self.has("Host is down") {
            ("no route to the host", "is the host up, and does a firewall let us through?")
        } else if self.has("Network is unreachable") {
            ("the network is unreachable", "is this machine online, or is a VPN missing?")
        } else {
            return line.and_then(|line| {
                error(
                    format!("cannot reach {place} ({})", one_line(line)),
                    format!("see more with `{}`", place.ssh_command("-v ")),
                )
            });
        };
        error(format!("cannot reach {place}: {why}{other}"), hint.to_owned())
    }

    /// How ssh would name our place: it always says the port.
    fn named_by_ssh(&self) -> String {
        let address = self.place.address.as_deref().unwrap_or_default();
        format!("{address} port {}", self.place.port.unwrap_or(22))
    }

    fn negotiation(&self) -> Option<TransportError> {
        let line = self.first_of(&[
            "Unable to negotiate",
            "no matching host key type",
            "no mutual signature algorithm",
            "invalid characters",
            "Protocol major versions differ",
            "Bad remote protocol version",
        ])?;
        let message = format!("{} and our ssh have no common language ({})", self.place, one_line(line));
        Some(TransportError::new(TransportErrorKind::Connect, message).with_hint(
            "an old sshd needs its algorithms named in your ssh config or `ssh_args`; or this is no ssh server",
        ))
    }

    fn hung_up(&self) -> Option<TransportError> {
        self.first_of(&[
            "exchange_identification",
            "Connection closed by",
            "Connection reset by",
            "closed by remote host",
            "Broken pipe",
        ])?;
        let message = format!("{} hung up before the login", self.place);
        Some(TransportError::new(TransportErrorKind::Connect, message).with_hint(format!(
            "sshd does so when it is overloaded (MaxStartups), blocks us (hosts.deny, fail2ban), or boots; try `{}`",
            self.place.ssh_command("-v ")
        )))
    }

    fn configuration(&self) -> Option<TransportError> {
        let line = self.first_of(&[
            "Bad configuration option",
            "onfiguration option",
            "Can't open user config file",
            "Bad owner or permissions on",
            "extra arguments at end of line",
            "keyword ",
            "unknown option",
            "illegal option",
            "Bad port",
            "Missing argument",
            "too long for Unix domain socket",
            "hostname contains invalid characters",
            "remote username contains invalid characters",
        ])?;
        let message = format!("ssh's configuration for {} is wrong ({})", self.place, one_line(line));
        Some(
            TransportError::new(TransportErrorKind::Configuration, message).with_hint(format!(
                "`{}` shows the configuration that holds; it comes from ~/.ssh/config, /etc/ssh/ssh_config, `ssh_config` and `ssh_args`",
                self.place.ssh_command("-G ")
            )),
        )
    }

    fn unknown(&self) -> TransportError {
        let Self { place, .. } = self;
        let message = match self.lines.last() {
            Some(line) => format!("cannot connect to {place} ({})", one_line(line)),
            None => format!("cannot connect to {place}: ssh ended without a word"),
        };
        TransportError::new(TransportErrorKind::Other, message)
            .with_hint(format!("see more with `{}`", place.ssh_command("-v ")))
    }
}

#[cfg(test)]
mod tests {
    use TransportErrorKind::{Authentication, Configuration, Connect, HostKey, Other, Resolve};

    use super::*;

    fn place() -> Place {
        Place { address: Some("10.0.0.1".to_owned()), port: Some(2222), user: Some("deploy".to_owned()) }
    }

    /// What OpenSSH 9.2 prints, and a text or two that older and newer ones print instead.
    const PRINTED: &[(&str, TransportErrorKind, &str, &str)] = &[
        (
            "ssh: connect to host 10.0.0.1 port 2222: Connection refused\r\n",
            Connect,
            "cannot reach 10.0.0.1 port 2222: the connection was refused",
            "is sshd running",
        ),
        (
            "ssh: connect to host jump.example port 22: Connection refused\r\nConnection closed by UNKNOWN port 65535\r\n",
            Connect,
            "the connection was refused (ssh tried jump.example port 22)",
            "is sshd running",
        ),
        ("ssh: connect to host 10.0.0.1 port 2222: Connection timed out\r\n", Connect, "no answer in time", "firewall"),
        ("ssh: connect to host 10.0.0.1 port 2222: No route to host\r\n", Connect, "no route", "firewall"),
        ("ssh: connect to host 10.0.0.1 port 2222: Network is unreachable\r\n", Connect, "unreachable", "VPN"),
        (
            "Connection timed out during banner exchange\r\nConnection to 10.0.0.1 port 2222 timed out\r\n",
            Connect,
            "does not speak in time",
            "overloaded or frozen",
        ),
        (
            "ssh: Could not resolve hostname 10.0.0.1: Name or service not known\r\n",
            Resolve,
            "the name 10.0.0.1 does not resolve",
            "getent hosts 10.0.0.1",
        ),
        (
            "ssh: Could not resolve hostname bastion: Temporary failure in name resolution\r\n",
            Resolve,
            "bastion does not resolve, on the way to 10.0.0.1 port 2222",
            "resolv.conf",
        ),
        (
            "deploy@10.0.0.1: Permission denied (publickey).\r\n",
            Authentication,
            "our keys were refused by 10.0.0.1 port 2222 for deploy",
            "ssh -v -p 2222 deploy@10.0.0.1",
        ),
        (
            "/etc/ssh/ssh_config: line 5: Unsupported option \"gssapikeyexchange\"\r\ndeploy@10.0.0.1: Permission denied (publickey).\r\n",
            Authentication,
            "our keys were refused",
            "identity_file",
        ),
        (
            "me@jump: Permission denied (publickey).\r\nConnection closed by UNKNOWN port 65535\r\n",
            Authentication,
            "our keys were refused by me@jump, on the way to 10.0.0.1 port 2222",
            "identity_file",
        ),
        (
            "no such identity: /x: No such file or directory\r\ndeploy@10.0.0.1: Permission denied (publickey,gssapi-keyex,gssapi-with-mic,password).\r\n",
            Authentication,
            "our keys were refused",
            "identity_file",
        ),
        (
            "deploy@10.0.0.1: Permission denied (password,keyboard-interactive).\r\n",
            Authentication,
            "no keys are taken by 10.0.0.1 port 2222 for deploy, only password,keyboard-interactive",
            "passwords are never asked for",
        ),
        (
            "Received disconnect from 10.0.0.1 port 2222:2: Too many authentication failures\r\nDisconnected from 10.0.0.1 port 2222\r\n",
            Authentication,
            "too many keys",
            "IdentitiesOnly",
        ),
        (
            "@@@@@@@@@@@@@@@@@@@@@@\r\n@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @\r\n@@@@@@@@@@@@@@@@@@@@@@\r\nPermissions 0644 for '/k' are too open.\r\nIt is required that your private key files are NOT accessible by others.\r\nThis private key will be ignored.\r\nLoad key \"/k\": bad permissions\r\ndeploy@10.0.0.1: Permission denied (publickey).\r\n",
            Authentication,
            "ssh ignored /k because others can read it",
            "chmod 600 /k",
        ),
        (
            "sign_and_send_pubkey: signing failed for ED25519 \"me\" from agent: agent refused operation\r\ndeploy@10.0.0.1: Permission denied (publickey).\r\n",
            Authentication,
            "the agent did not sign",
            "unlock the agent",
        ),
        (
            "No ED25519 host key is known for [10.0.0.1]:2222 and you have requested strict checking.\r\nHost key verification failed.\r\n",
            HostKey,
            "the host key of 10.0.0.1 port 2222 is not in known_hosts",
            "--accept-new-host-keys",
        ),
        (
            "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\r\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\n@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\r\nIT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!\r\nThe fingerprint for the ED25519 key sent by the remote host is\nSHA256:abc.\r\nPlease contact your system administrator.\r\nAdd correct host key in /home/u/.ssh/known_hosts to get rid of this message.\r\nOffending ED25519 key in /home/u/.ssh/known_hosts:7\r\n  remove with:\r\n  ssh-keygen -f \"/home/u/.ssh/known_hosts\" -R \"[10.0.0.1]:2222\"\r\nHost key for [10.0.0.1]:2222 has changed and you have requested strict checking.\r\nHost key verification failed.\r\n",
            HostKey,
            "is not the one in known_hosts",
            "ssh-keygen -f \"/home/u/.ssh/known_hosts\" -R '[10.0.0.1]:2222'",
        ),
        ("Host key verification failed.\r\n", HostKey, "could not be verified", "ssh -v"),
        (
            "/home/u/.ssh/config: line 9: Bad configuration option: nosuchoption\r\n/home/u/.ssh/config: terminating, 1 bad configuration options\r\n",
            Configuration,
            "line 9: Bad configuration option: nosuchoption",
            "ssh -G -p 2222 deploy@10.0.0.1",
        ),
        ("Bad owner or permissions on /home/u/.ssh/config\r\n", Configuration, "Bad owner", "ssh -G"),
        (
            "Can't open user config file /nonexistent: No such file or directory\r\n",
            Configuration,
            "/nonexistent",
            "ssh_config",
        ),
        ("unix_listener: path \"/very/long\" too long for Unix domain socket\r\n", Configuration, "too long", "ssh"),
        (
            "Unable to negotiate with 10.0.0.1 port 2222: no matching key exchange method found. Their offer: diffie-hellman-group1-sha1\r\n",
            Connect,
            "no common language",
            "algorithms",
        ),
        (
            "kex_exchange_identification: banner line contains invalid characters\r\n",
            Connect,
            "no common language",
            "no ssh server",
        ),
        (
            "channel 0: open failed: administratively prohibited: open failed\r\nstdio forwarding failed\r\nkex_exchange_identification: Connection closed by remote host\r\n",
            Connect,
            "the jump host cannot reach",
            "ssh -v",
        ),
        ("something new\r\n", Other, "cannot connect to 10.0.0.1 port 2222 (something new)", "ssh -v"),
        ("", Other, "without a word", "ssh -v"),
    ];

    #[test]
    fn what_ssh_prints_becomes_a_kind_a_line_and_a_hint() {
        for (printed, kind, message, hint) in PRINTED {
            let Failure { error, dropped } = classify(printed, &place());
            assert_eq!(error.kind, *kind, "{printed:?} gave {error:?}");
            assert!(error.message.contains(message), "{printed:?} gave {:?}", error.message);
            let given = error.hint.unwrap();
            assert!(given.contains(hint), "{printed:?} gave the hint {given:?}");
            assert!(!error.message.contains(['\n', '\r']), "{:?}", error.message);
            assert!(!dropped, "{printed:?}");
        }
    }

    #[test]
    fn a_server_that_hangs_up_at_once_is_worth_a_second_try() {
        for printed in [
            "kex_exchange_identification: Connection closed by remote host\r\nConnection closed by 10.0.0.1 port 2222\r\n",
            "kex_exchange_identification: read: Connection reset by peer\r\nConnection reset by 10.0.0.1 port 2222\r\n",
            "ssh_exchange_identification: Connection closed by remote host\r\n",
            "Connection reset by 10.0.0.1 port 2222\r\n",
        ] {
            let Failure { error, dropped } = classify(printed, &place());
            assert!(dropped, "{printed:?}");
            assert_eq!((error.kind, error.message.contains("hung up")), (Connect, true), "{error:?}");
        }
    }

    #[test]
    fn verbose_output_does_not_hide_the_reason() {
        let printed = "OpenSSH_9.2p1 Debian\r\ndebug1: Connecting to 10.0.0.1 [10.0.0.1] port 2222.\r\ndebug1: connect to address 10.0.0.1 port 2222: Connection refused\r\nssh: connect to host 10.0.0.1 port 2222: Connection refused\r\n";
        assert_eq!(classify(printed, &place()).error.kind, Connect);
    }

    #[test]
    fn foreign_text_is_cut_and_cleaned() {
        assert_eq!(one_line("\n\u{1b}[31mred\nmore"), "[31mred");
        assert_eq!(one_line(&"ä".repeat(500)).chars().count(), 161);
    }
}
