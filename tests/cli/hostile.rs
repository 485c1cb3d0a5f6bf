//! Input that no repository should hold: too large, no text, no file. Each is made here, given to the built program, and
//! answered with the text in `hostile/NAME.txt`, before any host is contacted. `SNAPSHOTS=overwrite` writes what was said;
//! read it before it is committed.
//!
//! The program runs with less address space than a machine has memory, so that an input that unfolds in memory fails
//! the test instead of the machine; its `ssh` is `bin/ssh`, which leaves a mark. The bound on time is for what never ends: the machines that
//! run tests may be slow.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use snapbox::{Assert, Data};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);
/// In KiB. The stack alone has a gibibyte of addresses.
const ADDRESS_SPACE: u64 = 3 * 1024 * 1024;
const ONE_HOST: &str = "all: {hosts: {h1: {address: 192.0.2.1}}}\n";

/// A project with one host.
fn project() -> TempDir {
    let folder = tempfile::tempdir().expect("there is room for a few files");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file can be written");
    write("unitfleet.yaml", "inventory: inventory.yaml\n");
    write("inventory.yaml", ONE_HOST);
    fs::create_dir(folder.path().join("sub")).expect("a folder can be made");
    folder
}

/// Runs the program in the project, for as long as patience lasts.
fn run(arguments: &str, folder: &Path) -> Output {
    let script = format!("ulimit -v {ADDRESS_SPACE} && exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_unitfleet")]).args(arguments.split_whitespace());
    command.env_clear().env("HOME", folder).env("COLUMNS", "100").current_dir(folder);
    command.env("PATH", format!("{}:/usr/bin:/bin", crate::here("bin").display()));
    let file = |name: &str| fs::File::create(folder.join(name)).expect("a file can be made");
    command.stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr"));
    let started = Instant::now();
    let mut child = command.spawn().expect("there is a shell");
    let status = loop {
        if let Some(status) = child.try_wait().expect("it is our child") {
            break status;
        }
        if started.elapsed() > PATIENCE {
            child.kill().expect("it is our child");
            panic!("`{arguments}` has not ended after {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let read = |name: &str| fs::read(folder.join(name)).expect("it was made before");
    Output { status, stdout: read("stdout"), stderr: read("stderr") }
}

/// What the program says about an input, which is refused, as text.
fn refused(kind: &str, arguments: &str, folder: &Path) -> String {
    let output = run(arguments, folder);
    let said = String::from_utf8_lossy(&output.stderr).replace(&folder.display().to_string(), "[FOLDER]");
    assert!(!said.contains("panicked"), "{kind}: {said}");
    assert_eq!(output.status.code(), Some(65), "{kind}: {said}");
    assert!(output.stdout.is_empty(), "{kind}: {output:?}");
    assert!(!folder.join("contacted").exists(), "{kind}: a host was contacted");
    said
}

/// One kind of bad input: its name, what makes it in a project, and the arguments after `plan`.
type Kind = (&'static str, fn(&Path), &'static str);

fn put(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    fs::write(folder.join(name), bytes).expect("a file can be written");
}

/// A playbook with one unit.
fn unit(folder: &Path, entry: &str) {
    put(folder, "p.yaml", format!("name: a\nhosts: all\nunits:\n  a.service: {{{entry}}}\n"));
}

fn pipe(folder: &Path, name: &str) {
    let made = Command::new("mkfifo").arg(folder.join(name)).status().expect("coreutils are there");
    assert!(made.success());
}

fn large(folder: &Path, name: &str, mebibytes: usize) {
    put(folder, name, "#".repeat(mebibytes * 1024 * 1024));
}

/// A link to a file that lies beside the project.
fn link_out(folder: &Path, name: &str) {
    symlink("/etc/passwd", folder.join(name)).expect("a link can be made");
}

/// A file of so many bytes that takes no room.
fn sparse(folder: &Path, name: &str, bytes: u64) {
    let file = fs::File::create(folder.join(name)).expect("a file can be made");
    file.set_len(bytes).expect("holes take no room");
}

/// A unit of this text.
fn content(folder: &Path, text: &str) {
    let text = text.replace('\n', "\n      ");
    put(folder, "p.yaml", format!("name: a\nhosts: all\nunits:\n  a.service:\n    content: |\n      {text}\n"));
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

/// Nine lists, each of ten times the one before.
fn aliases() -> String {
    let line = |level: usize| format!("a{level}: &a{level} [{}]\n", format!("*a{}, ", level - 1).repeat(10));
    format!("a0: &a0 [x]\n{}", (1..10).map(line).collect::<String>())
}

/// As [`aliases`], by merge keys of an inventory.
fn merges() -> String {
    let line = |level: usize| {
        let weaker = format!("*a{}, ", level - 1).repeat(10);
        format!("    a{level}: &a{level} {{<<: [{weaker}], x{level}: 1}}\n")
    };
    let lines: String = (1..10).map(line).collect();
    format!("all:\n  vars:\n    a0: &a0 {{x: 1}}\n{lines}  hosts: {{h1: {{}}}}\n")
}

fn chain(length: usize) -> String {
    let links: String = lines(length, |at| format!("  v{at}: \"{{{{ v{} }}}}\"\n", at + 1));
    format!("name: a\nhosts: all\nvars:\n{links}  v{length}: 1\n")
}

const SECRET: &str = "\
name: a
hosts: all
secrets: {s: {file: pipe}}
files: {/etc/a: {content: \"{{ s }}\"}}
";

#[test]
fn what_is_too_large_is_refused() {
    check(&[
        ("a-playbook-of-50-mb", |at| large(at, "p.yaml", 50), "-i inventory.yaml p.yaml"),
        (
            "an-inventory-of-50-mb",
            |at| {
                large(at, "i.yaml", 50);
                unit(at, "state: started");
            },
            "-i i.yaml p.yaml",
        ),
        (
            "settings-of-50-mb",
            |at| {
                large(at, "unitfleet.yaml", 50);
                unit(at, "state: started");
            },
            "p.yaml",
        ),
        ("a-playbook-without-an-end", |_| (), "/dev/zero"),
        ("an-inventory-without-an-end", |at| unit(at, "state: started"), "-i /dev/zero p.yaml"),
        (
            "a-template-of-50-mb",
            |at| {
                large(at, "a.j2", 50);
                unit(at, "template: a.j2");
            },
            "-i inventory.yaml p.yaml",
        ),
        (
            "a-source-of-a-tebibyte",
            |at| {
                sparse(at, "big", 1 << 40);
                unit(at, "source: big");
            },
            "-i inventory.yaml p.yaml",
        ),
    ]);
}

#[test]
fn what_unfolds_is_refused() {
    check(&[
        ("300-kb-of-a-a", |at| put(at, "p.yaml", "{a: ".repeat(75_000)), "-i inventory.yaml p.yaml"),
        ("aliases-that-double", |at| put(at, "p.yaml", aliases()), "-i inventory.yaml p.yaml"),
        (
            "merge-keys-that-double",
            |at| {
                put(at, "i.yaml", merges());
                unit(at, "state: started");
            },
            "-i i.yaml p.yaml",
        ),
        (
            "a-million-values",
            |at| put(at, "p.yaml", format!("vars: [{}]\n", "1,".repeat(1_000_000))),
            "-i inventory.yaml p.yaml",
        ),
        (
            "a-key-of-a-mebibyte",
            |at| put(at, "p.yaml", format!("? {}\n: 1\n", "k".repeat(1 << 20))),
            "-i inventory.yaml p.yaml",
        ),
        (
            "a-selector-of-a-mebibyte",
            |at| put(at, "p.yaml", format!("name: a\nhosts: \"{}\"\n", "*a".repeat(1 << 19))),
            "-i inventory.yaml p.yaml",
        ),
        ("five-thousand-variables-in-a-chain", |at| put(at, "p.yaml", chain(5000)), "-i inventory.yaml p.yaml"),
        (
            "a-host-range-of-a-billion",
            |at| {
                put(at, "i.yaml", "all: {hosts: {\"web[1:999999999]\": {}}}\n");
                unit(at, "state: started");
            },
            "-i i.yaml p.yaml",
        ),
    ]);
}

#[test]
fn what_is_no_text_is_refused() {
    check(&[
        ("a-byte-that-is-no-text", |at| put(at, "p.yaml", b"name: a\nhosts: \xff\n"), "-i inventory.yaml p.yaml"),
        (
            "an-inventory-in-latin-1",
            |at| {
                put(at, "i.yaml", b"all: {hosts: {m\xfcller: {}}}\n");
                unit(at, "state: started");
            },
            "-i i.yaml p.yaml",
        ),
        ("utf-16", |at| put(at, "p.yaml", b"\xff\xfen\0a\0m\0e\0:\0"), "-i inventory.yaml p.yaml"),
        (
            "half-of-a-surrogate-pair",
            |at| put(at, "p.yaml", b"name: a\nhosts: \xed\xa0\x80\n"),
            "-i inventory.yaml p.yaml",
        ),
        ("a-nul", |at| put(at, "p.yaml", b"name: a\0\nhosts: all\n"), "-i inventory.yaml p.yaml"),
        (
            "a-template-that-is-no-text",
            |at| {
                put(at, "a.j2", b"[Service]\n\xff\n");
                unit(at, "template: a.j2");
            },
            "-i inventory.yaml p.yaml",
        ),
        (
            "a-unit-file-that-is-no-text",
            |at| {
                put(at, "a", b"[Service]\n\xff\n");
                unit(at, "source: a");
            },
            "-i inventory.yaml p.yaml",
        ),
        (
            "a-machines-program",
            |at| {
                fs::copy(env!("CARGO_BIN_EXE_unitfleet"), at.join("p.yaml")).expect("there is room for it");
            },
            "-i inventory.yaml p.yaml",
        ),
    ]);
}

#[test]
fn what_is_no_file_is_refused() {
    check(&[
        (
            "a-pipe-as-variables",
            |at| {
                pipe(at, "pipe");
                unit(at, "state: started");
            },
            "-e @pipe p.yaml",
        ),
        ("a-pipe-as-playbook", |at| pipe(at, "p.yaml"), "-i inventory.yaml p.yaml"),
        (
            "a-pipe-as-inventory",
            |at| {
                pipe(at, "i.yaml");
                unit(at, "state: started");
            },
            "-i i.yaml p.yaml",
        ),
        (
            "a-pipe-as-template",
            |at| {
                pipe(at, "a.j2");
                unit(at, "template: a.j2");
            },
            "-i inventory.yaml p.yaml",
        ),
        (
            "a-pipe-as-source",
            |at| {
                pipe(at, "pipe");
                unit(at, "source: pipe");
            },
            "-i inventory.yaml p.yaml",
        ),
        (
            "a-pipe-by-lookup",
            |at| {
                pipe(at, "pipe");
                unit(at, "content: \"{{ lookup('pipe') }}\"");
            },
            "-i inventory.yaml p.yaml",
        ),
        (
            "a-pipe-as-secret",
            |at| {
                pipe(at, "pipe");
                put(at, "p.yaml", SECRET);
            },
            "-i inventory.yaml p.yaml",
        ),
        (
            "a-folder-as-playbook",
            |at| fs::create_dir(at.join("p.yaml")).expect("a folder can be made"),
            "-i inventory.yaml p.yaml",
        ),
        (
            "a-folder-as-template",
            |at| {
                fs::create_dir(at.join("a.j2")).expect("a folder can be made");
                unit(at, "template: a.j2");
            },
            "-i inventory.yaml p.yaml",
        ),
        ("a-folder-as-source", |at| unit(at, "source: sub"), "-i inventory.yaml p.yaml"),
        ("nothing-as-playbook", |_| (), "-i inventory.yaml p.yaml"),
        ("an-empty-device", |_| (), "/dev/null"),
        ("a-file-as-folder", |_| (), "inventory.yaml/p.yaml"),
    ]);
}

#[test]
fn what_leads_out_of_the_project_is_refused() {
    check(&[
        (
            "a-template-that-is-a-link-out-of-the-project",
            |at| {
                link_out(at, "a.j2");
                unit(at, "template: a.j2");
            },
            "-i inventory.yaml p.yaml",
        ),
        (
            "a-source-that-is-a-link-out-of-the-project",
            |at| {
                link_out(at, "a");
                unit(at, "source: ./a");
            },
            "-i inventory.yaml p.yaml",
        ),
        (
            "a-lookup-through-a-link-out-of-the-project",
            |at| {
                link_out(at, "a");
                unit(at, "content: \"{{ lookup('a') }}\"");
            },
            "-i inventory.yaml p.yaml",
        ),
        (
            "an-include-through-a-folder-that-is-a-link",
            |at| {
                symlink("/etc", at.join("d")).expect("a link can be made");
                unit(at, "content: \"{% include 'd/passwd' %}\"");
            },
            "-i inventory.yaml p.yaml",
        ),
        (
            "a-template-that-leads-in-a-circle",
            |at| {
                symlink("a.j2", at.join("a.j2")).expect("a link can be made");
                unit(at, "template: a.j2");
            },
            "-i inventory.yaml p.yaml",
        ),
        (
            "a-playbook-that-leads-in-a-circle",
            |at| symlink("p.yaml", at.join("p.yaml")).expect("a link can be made"),
            "-i inventory.yaml p.yaml",
        ),
        (
            "a-name-too-long-for-a-file",
            |at| unit(at, &format!("template: {}.j2", "a".repeat(300))),
            "-i inventory.yaml p.yaml",
        ),
    ]);
}

#[test]
fn what_never_ends_is_ended() {
    let brackets = format!("{{{{ {} }}}}", "(".repeat(1000));
    for (name, text) in [
        ("loops-in-loops", "{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}"),
        ("a-macro-that-calls-itself", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"),
        (
            "a-list-in-a-list-in-a-list",
            "{% set ns = namespace(x=[]) %}{% for i in range(90000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
        ),
        ("a-text-of-a-gigabyte", "{{ 'x' * 10 ** 9 }}"),
        ("a-list-of-a-billion", "{{ range(10 ** 9) | list }}"),
        (
            "a-list-that-doubles",
            "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        ),
        (
            "much-work-in-few-steps",
            "{% set t = 'x' * 1000000 %}{% for i in range(50000) %}{% set u = t | upper %}{% endfor %}",
        ),
        ("a-number-of-a-billion-digits", "{{ 9 ** 9 ** 9 ** 9 }}"),
        ("brackets-without-an-end", &brackets),
        ("json-without-an-end", "{{ ('[' * 100000) | from_json }}"),
        (
            "yaml-that-doubles",
            "{{ ('a: &a [x,x,x,x,x,x,x,x,x]\\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\\nd: &d [*c,*c,*c,*c,*c,*c,*c]\\ne: &e [*d,*d,*d,*d,*d,*d,*d]\\nf: [*e,*e,*e,*e,*e,*e]') | from_yaml }}",
        ),
        ("a-width-of-a-billion", "{{ 'x' | indent(999999999) }}"),
    ] {
        let folder = project();
        content(folder.path(), text);
        told(name, "-i inventory.yaml p.yaml", folder.path());
    }
}

fn check(kinds: &[Kind]) {
    for (name, make, arguments) in kinds {
        let folder = project();
        make(folder.path());
        told(name, arguments, folder.path());
    }
}

/// What is said is what is written down.
fn told(name: &str, arguments: &str, folder: &Path) {
    let said = refused(name, &format!("plan {arguments}"), folder);
    let expected = Data::read_from(&crate::here(&format!("hostile/{name}.txt")), None).raw();
    let same = Assert::new().action_env("SNAPSHOTS").try_eq(Some(&name), Data::text(said), expected);
    same.unwrap_or_else(|error| panic!("{name}: {error}"));
}

#[test]
fn a_host_that_is_contacted_would_be_noticed() {
    let folder = project();
    unit(folder.path(), "state: started");
    let output = run("plan p.yaml", folder.path());
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    assert!(folder.path().join("contacted").exists());
}

/// Nobody reads ten thousand mistakes, and to draw them all takes minutes.
#[test]
fn of_ten_thousand_mistakes_fifty_are_drawn_and_all_are_counted() {
    let folder = project();
    let units: String = lines(10_000, |at| format!("  u{at}: {{state: \"{{{{ nope{at} }}}}\"}}\n"));
    put(folder.path(), "p.yaml", format!("name: a\nhosts: all\nunits:\n{units}"));
    let said = refused("ten thousand mistakes", "plan p.yaml", folder.path());
    assert_eq!(said.matches("error: ").count(), 50, "{said}");
    let end = "\n9,950 more errors are not shown; `--format json` has all\n\n10,000 errors\n";
    assert!(said.ends_with(end), "{said}");
    let said = run("validate --format json p.yaml", folder.path());
    let document: serde_json::Value = serde_json::from_slice(&said.stdout).expect("it is one document");
    assert_eq!(document["diagnostics"].as_array().map(Vec::len), Some(10_000));
}

/// A large fleet is no bad input.
#[test]
fn ten_thousand_units_are_taken() {
    let folder = project();
    let units: String = lines(10_000, |at| format!("  u{at}.service: {{Service: {{ExecStart: /bin/a}}}}\n"));
    put(folder.path(), "p.yaml", format!("name: a\nhosts: all\nunits:\n{units}"));
    let output = run("validate p.yaml", folder.path());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

/// What is written down about bad input: every kind has a case of its own, with the exact text.
#[test]
fn at_least_sixty_kinds_of_bad_input_have_a_case() {
    let cases = |folder: &str| fs::read_dir(folder).expect("the cases are there").count();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let count = |folder: &str| cases(&root.join(folder).display().to_string());
    let (read, rendered, odd) = (count("cases/input"), count("cases/compile"), count("cli/hostile"));
    assert!(read >= 174 && rendered >= 63 && odd >= 55, "{read} in files, {rendered} in templates, {odd} odd ones");
}
