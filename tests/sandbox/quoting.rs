//! What templates quote arrives byte for byte, and sizes are what systemd takes them for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use unitfleet::sandbox::Release;
use unitfleet::unitfile::Size;

use crate::reading::apply;
use crate::support::Host;

/// Prints what it was given, each piece with a NUL behind it.
const DUMP: &str = r#"#!/bin/sh
printf '%s\0' "$@" >/run/quoting.argv
cat /proc/$$/environ >/run/quoting.environ
"#;

const TEMPLATE: &str = "[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/bin/dump {{ texts | exec_args }} {{ texts[0] | exec_quote }}
{% for text in texts %}
Environment={{ text | env_quote('T' ~ loop.index0) }}
{% endfor %}
";

const PLAYBOOK: &str = r#"name: quoting
hosts: all
vars:
  texts: "{{ lookup('file', 'texts.json') | from_json }}"
  sizes: "{{ lookup('file', 'sizes.json') | from_json }}"
files:
  /usr/local/bin/dump: {source: dump, mode: "0755"}
units:
  quoting.service: {template: quoting.service.j2, state: started}
"#;

/// Sizes that are right and some that are not.
const SIZES: [&str; 30] = [
    "4096",
    "512M",
    "1K",
    "1.5G",
    "10.M",
    "1G 512M",
    "1G512M4096",
    "3T",
    "2P",
    "1E",
    "4096B",
    "+8192",
    "1 M",
    "0.5M",
    "1.0009765625K",
    "1.23456789G",
    "512m",
    "512MB",
    "512MiB",
    "1M 1G",
    "1M 1M",
    "5 5",
    "1,5G",
    ".5G",
    "-1",
    "8E",
    "15E",
    "16E",
    "99999999999999999999",
    "M",
];

/// Texts that something between a template and a process could trip over.
#[rustfmt::skip]
const NASTY: [&str; 66] = [
    "", " ", "  two  blanks ", "trailing ", "\ttab\t", "line\nbreak\n", "\r\n", "'", "\"", "\\", "\\\\",
    "\\n", "\\x41", "it's", "say \"hi\"", "$HOME", "${HOME}", "$$", "$", "%", "%%", "%n", "%i %h", ";",
    "; rm", "\\;", "#", "# no comment", "=", "a=b", "-", "-x", "@", ":", "+", "!", "|", ">", "&", "*", "?",
    "~", "~root", "`id`", "$(id)", "{a,b}", "[x]", "é", "日本", "🙂", "\u{feff}bom", "\u{a0}", "\u{2028}",
    "\u{1}\u{1b}[31m\u{7f}", "\u{85}", "\\u00e9", "\\101", "\\", "ends\\", "'\"'\"'", "{{ x }}", "{% x %}",
    "/", "..", "a\\\nb", "\u{301}e",
];

/// These, and random ones of the worst characters.
fn texts() -> Vec<String> {
    let mut texts: Vec<String> = NASTY.iter().map(|text| (*text).to_owned()).collect();
    let alphabet: Vec<char> = " \t\n\r'\"\\$%;#={}ax0n-@é日🙂\u{1}\u{7f}".chars().collect();
    let mut state = 42_u64;
    let mut next = |below: usize| {
        // No randomness: the same texts in every run.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or(0) % below
    };
    for _ in 0..300 {
        let length = next(12);
        texts.push((0..length).map(|_| alphabet[next(alphabet.len())]).collect());
    }
    texts
}

fn pieces(host: &Host, path: &str) -> Vec<Vec<u8>> {
    let bytes = BASE64.decode(host.exec(&format!("base64 -w0 {path}"))).expect("it is base64");
    let mut pieces: Vec<Vec<u8>> = bytes.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
    pieces.pop();
    pieces
}

fn check(name: &str, release: Release) {
    let host = Host::boot(name, release);
    let texts = texts();
    host.write("texts.json", &serde_json::to_string(&texts).expect("texts are JSON"));
    host.write("sizes.json", &serde_json::to_string(&SIZES).expect("texts are JSON"));
    host.write("dump", DUMP);
    host.write("quoting.service.j2", TEMPLATE);
    let slices: Vec<String> = (0..SIZES.len())
        .map(|at| format!("  size{at}.slice:\n    Slice: {{MemoryMax: \"{{{{ sizes[{at}] }}}}\"}}\n"))
        .collect();
    host.write_playbook(&format!("{PLAYBOOK}{}", slices.concat()));
    apply(&host);

    let argv = pieces(&host, "/run/quoting.argv");
    let expected: Vec<Vec<u8>> = texts.iter().chain(texts.first()).map(|text| text.clone().into_bytes()).collect();
    assert_eq!(argv, expected);
    let environ = pieces(&host, "/run/quoting.environ");
    for (at, text) in texts.iter().enumerate() {
        let variable = format!("T{at}={text}").into_bytes();
        assert!(environ.contains(&variable), "T{at} is not {text:?}");
    }

    let names: Vec<String> = (0..SIZES.len()).map(|at| format!("size{at}.slice")).collect();
    let shown = host.exec(&format!("systemctl show --property=MemoryMax --value {}", names.join(" ")));
    let shown: Vec<&str> = shown.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(shown.len(), SIZES.len(), "{shown:?}");
    for (text, shown) in SIZES.iter().zip(shown) {
        // What systemd cannot read it ignores.
        let ours = Size::parse(text).map_or("infinity".to_owned(), |size| size.bytes().to_string());
        assert_eq!(ours, shown, "{text:?}");
    }
}

#[test]
fn what_is_quoted_arrives_on_247() {
    check("quoting_247", Release::Bullseye);
}

#[test]
fn what_is_quoted_arrives_on_252() {
    check("quoting_252", Release::Bookworm);
}

#[test]
fn what_is_quoted_arrives_on_257() {
    check("quoting_257", Release::Trixie);
}
