//! Where systemd ends a line of a unit file: what the refusals of values in templates rest on.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use unitfleet::sandbox::Release;

use crate::support::Host;

/// What stands behind `Description=`, what systemd makes of that, and whether it has seen the next line, which is
/// `StopWhenUnneeded=yes`.
const TEXTS: [(&str, &str, bool); 9] = [
    ("a", "a", true),
    // A line break begins another directive, whichever it is.
    ("a\nDescription=b", "b", true),
    ("a\rDescription=b", "b", true),
    ("a\r\nDescription=b", "b", true),
    // A backslash takes the next line along; with a blank behind it, or doubled, it does not.
    ("a\\", "a StopWhenUnneeded=yes", false),
    ("a\\ ", "a\\", true),
    ("a\\\\", "a\\\\", true),
    // A comment within is skipped, and the directive goes on.
    ("a \\\n# b", "a  StopWhenUnneeded=yes", false),
    ("a \\\n  ; b", "a  StopWhenUnneeded=yes", false),
];

fn check(name: &str, release: Release) {
    let host = Host::boot(name, release);
    for (at, (text, ..)) in TEXTS.iter().enumerate() {
        let unit = format!("[Unit]\nDescription={text}\nStopWhenUnneeded=yes\n[Service]\nExecStart=/bin/true\n");
        let unit = BASE64.encode(unit);
        host.exec(&format!("echo {unit} | base64 -d > /etc/systemd/system/line{at}.service"));
    }
    host.exec("touch /etc/systemd/system/empty.service; systemctl daemon-reload");
    for (at, (text, description, seen)) in TEXTS.iter().enumerate() {
        let show = |property: &str| {
            let shown = host.exec(&format!("systemctl show --property={property} --value line{at}.service"));
            shown.trim_end_matches('\n').to_owned()
        };
        let found = (show("Description"), show("StopWhenUnneeded") == "yes");
        assert_eq!((found.0.as_str(), found.1), (*description, *seen), "{text:?}");
    }
    assert_eq!(host.exec("systemctl show --property=LoadState --value empty.service").trim(), "masked");
}

#[test]
fn lines_end_as_we_say_on_247() {
    check("lines_247", Release::Bullseye);
}

#[test]
fn lines_end_as_we_say_on_252() {
    check("lines_252", Release::Bookworm);
}

#[test]
fn lines_end_as_we_say_on_257() {
    check("lines_257", Release::Trixie);
}
