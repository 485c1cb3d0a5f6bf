//! Secrets and facts: where they may go, what they mark, what is missed without them.

use super::*;
use crate::model::{HostFacts, MachineFacts, SecretSource, SecretValue};

const SECRETS: &str = "secrets:\n  pw: {env: PW}\n  other: {command: [get, \"{{ host }}\", 5]}\n";

fn known() -> Knowledge {
    let mut knowledge = Knowledge::default();
    knowledge.secrets.insert(SecretSource::Env("PW".to_owned()), SecretValue::new("S3CRET".to_owned()));
    knowledge
}

fn text(rest: &str) -> String {
    format!("name: m\nhosts: all\n{SECRETS}{rest}")
}

/// Compiles with the password known.
fn with_password(rest: &str) -> Result<Compiled, Vec<Diagnostic>> {
    let text = text(rest);
    let case = Case::new(&text);
    let playbook = playbook("play.yaml", case.text, case.folder);
    let limit = case.inventory.hosts.keys().cloned().collect();
    let inputs = Inputs::new(vec![playbook], case.inventory, Vars::new(), Sources::default());
    inputs.compile(&limit, &known())
}

fn file(compiled: &Compiled, path: &str) -> (Bytes, u32) {
    let desired = compiled.desired.values().next().unwrap();
    match &desired.files[path].spec {
        Wanted::Present(spec) => (spec.bytes.clone(), spec.mode),
        Wanted::Absent => panic!("{path} is absent"),
    }
}

#[test]
fn what_a_secret_goes_into_is_marked_however_it_gets_there() {
    for content in [
        "{{ pw }}",
        "{{ pw | upper | to_json }}",
        "{{ dsn }}",
        "{{ dsn | length }}",
        "{% for c in pw %}{{ c }}-{% endfor %}",
        "{% if pw == 'x' %}a{% else %}b{% endif %}",
        "{% set copy = pw %}{{ copy }}",
        "{% macro m() %}{{ pw }}{% endmacro %}{{ m() }}",
        "{{ [1, {'a': pw}] | to_json }}",
    ] {
        let rest = format!("vars: {{dsn: 'db://{{{{ pw }}}}'}}\nfiles: {{/etc/a: {{content: {content:?}}}}}\n");
        let (bytes, mode) = file(&with_password(&rest).unwrap(), "/etc/a");
        assert!(bytes.is_secret() && mode == 0o600, "{content}");
    }
    let (bytes, mode) = file(&with_password("files: {/etc/a: {content: \"{{ host }}\"}}\n").unwrap(), "/etc/a");
    assert!(!bytes.is_secret() && mode == 0o644);
}

#[test]
fn values_pass_through_filters_as_any_text() {
    let compiled =
        with_password("files: {/etc/a: {content: \"{{ pw | env_quote('PW') }} {{ pw | lower }}\"}}\n").unwrap();
    assert_eq!(file(&compiled, "/etc/a").0.as_text(), Some("\"PW=S3CRET\" s3cret"));
}

#[test]
fn a_secret_is_refused_where_it_would_be_seen() {
    for (rest, mark) in [
        ("units: {a.service: {Service: {Environment: \"PW={{ pw }}\"}}}", "\"PW={{ pw }}\""),
        ("units: {a.service: {Service: {Environment: {PW: \"{{ pw }}\"}}}}", "\"{{ pw }}\""),
        ("units: {a.service: {content: \"# {{ pw }}\"}}", "\"# {{ pw }}\""),
        ("units: {a.service: {drop_ins: {x: {content: \"# {{ pw }}\"}}}}", "\"# {{ pw }}\""),
        ("units: {\"{{ pw }}.service\": {Service: {ExecStart: /a}}}", "\"{{ pw }}.service\""),
        ("units: {a@.service: {Service: {ExecStart: /a}, instances: [\"{{ pw }}\"]}}", "\"{{ pw }}\""),
        ("files: {\"/etc/{{ pw }}\": {content: x}}", "\"/etc/{{ pw }}\""),
        ("files: {/etc/a: {content: x, owner: \"{{ pw }}\"}}", "\"{{ pw }}\""),
        ("files: {/etc/a: {content: \"{{ pw }}\", mode: \"0644\"}}", "\"0644\""),
        ("files: {/etc/a: {template: \"{{ pw }}.j2\"}}", "\"{{ pw }}.j2\""),
    ] {
        let wrong = with_password(rest).unwrap_err();
        let label = &wrong[0].labels[0];
        assert_eq!(&label.source.text[label.span.clone()], mark, "{rest}");
        assert!(wrong[0].message.contains("secret") && wrong[0].help.is_some(), "{rest}: {:?}", wrong[0]);
        let said = format!("{wrong:?}");
        assert!(!said.contains("S3CRET"), "{said}");
    }
    assert!(with_password("files: {/etc/a: {content: \"{{ pw }}\", mode: \"0640\", group: app}}").is_ok());
}

#[test]
fn only_what_something_is_made_of_is_missed() {
    let needs = |rest: &str| -> Vec<String> {
        let compiled = Case::new(&text(rest)).run().unwrap();
        compiled.needs.secrets.keys().map(ToString::to_string).collect()
    };
    assert!(needs("").is_empty());
    assert!(needs("vars: {unused: \"{{ pw }}\"}").is_empty(), "a variable alone goes nowhere");
    let both = "files: {/etc/a: {content: \"{{ pw }}\"}}\nunits: {a.service: {Service: {ExecStart: /a}, credentials: {o: \"{{ other }}\"}}}";
    assert_eq!(needs(both), ["the command `get h1 5`", "the environment variable `PW`"]);
    let known = with_password("files: {/etc/a: {content: \"{{ pw }}\"}}").unwrap();
    assert!(known.needs.secrets.is_empty());
}

#[test]
fn without_its_value_a_word_stands_for_a_secret_and_breaks_nothing() {
    let desired =
        good(&text("files: {/etc/a: {content: \"pw={{ pw }}\"}, /etc/b: {content: \"{{ pw | b64decode | int }}\"}}"));
    let content = |path: &str| match &desired.files[path].spec {
        Wanted::Present(spec) => spec.bytes.as_text().unwrap().to_owned(),
        Wanted::Absent => unreachable!(),
    };
    assert_eq!(content("/etc/a"), "pw=‹secret pw›");
    assert_eq!(content("/etc/b"), "‹unknown›");
}

#[test]
fn where_a_secret_comes_from_is_rendered_and_is_no_secret_itself() {
    let compiled = Case::new(&text("files: {/etc/a: {content: \"{{ other }}\"}}")).run().unwrap();
    let (source, label) = compiled.needs.secrets.first_key_value().unwrap();
    assert_eq!(source.to_string(), "the command `get h1 5`");
    assert_eq!(&label.source.text[label.span.clone()], "other");
    let circle = "name: m\nhosts: all\nsecrets: {a: {env: X}, b: {command: [get, \"{{ a }}\"]}}\n";
    let wrong = Case::new(circle).bad();
    assert_eq!(wrong[0].message, "where the secret `b` comes from cannot depend on another secret");
}

#[test]
fn a_secret_is_not_given_on_the_command_line() {
    let text = text("");
    let mut case = Case::new(&text);
    case.extra = json!({"pw": "S3CRET"});
    let wrong = case.bad();
    assert!(wrong[0].message.starts_with("`pw` is a secret, and `-e` shows"), "{wrong:?}");
    assert!(!format!("{wrong:?}").contains("S3CRET"));
}

#[test]
fn credentials_become_files_of_roots_and_a_drop_in() {
    let rest = "units: {a.service: {Service: {ExecStart: /a}, credentials: {pw: \"{{ pw }}\"}}}";
    let unit_with = |version: u32, creds: bool| {
        let text = text(rest);
        let playbook = playbook("play.yaml", &text, Path::new("/nonexistent"));
        let mut knowledge = known();
        knowledge.facts.insert(HostName::parse("h1").unwrap(), facts(version, creds));
        let inputs = Inputs::new(vec![playbook], inventory(&[("h1", json!({}))]), Vars::new(), Sources::default());
        let limit = inputs.inventory().hosts.keys().cloned().collect();
        let compiled = inputs.compile(&limit, &knowledge).unwrap();
        assert!(compiled.needs.facts.is_empty());
        unit(&compiled.desired.into_values().next().unwrap(), "a.service")
    };
    for (version, creds, directive, encrypt) in [
        (252, true, "LoadCredentialEncrypted", Some("pw")),
        (252, false, "LoadCredential", None),
        (247, false, "LoadCredential", None),
    ] {
        let unit = unit_with(version, creds);
        let path = "/etc/unitfleet/credentials/a.service/pw";
        let spec = &unit.credentials[path];
        assert_eq!((spec.encrypt.as_deref(), spec.mode, spec.bytes.is_secret()), (encrypt, 0o600, true));
        let drop_in = &unit.drop_ins["50-unitfleet-credentials.conf"];
        assert_eq!(*drop_in, Wanted::Present(format!("[Service]\n{directive}=pw:{path}\n").into()));
        assert_eq!(watched(&unit), [path], "a new password restarts the service");
    }
    let needs = Case::new(&text(rest)).run().unwrap().needs;
    assert_eq!(needs.facts.len(), 1, "whether they are encrypted depends on the host");
    let wrong = with_password("units: {a.timer: {Timer: {OnCalendar: daily}, credentials: {a: x}}}").unwrap_err();
    assert_eq!(wrong[0].message, "a timer runs no process that could read credentials");
}

pub(super) fn facts(systemd_version: u32, systemd_creds: bool) -> HostFacts {
    let machine = MachineFacts {
        os: Some("debian".to_owned()),
        cpus: Some(8),
        memory: Some(16 << 30),
        systemd_creds,
        ..MachineFacts::default()
    };
    HostFacts {
        systemd_version,
        systemd_version_text: systemd_version.to_string(),
        uid: 0,
        system_state: "running".to_owned(),
        boot_id: String::new(),
        now_us: 0,
        uptime_us: 0,
        units_load_us: None,
        reloaded_us: None,
        unit_path: Vec::new(),
        machine,
    }
}

#[test]
fn facts_are_missed_where_something_depends_on_them_and_never_name_a_thing() {
    let rest = "files: {/etc/a: {content: \"{{ facts.cpus * 2 }} {{ facts.kernel | default('?') }}\"}}";
    let text = text(rest);
    let case = Case::new(&text);
    let compiled = case.run().unwrap();
    assert_eq!(compiled.needs.facts.len(), 1);
    let playbook = playbook("play.yaml", &text, case.folder);
    let inputs = Inputs::new(vec![playbook], case.inventory, Vars::new(), Sources::default());
    let mut knowledge = Knowledge::default();
    knowledge.facts.insert(HostName::parse("h1").unwrap(), facts(252, true));
    let limit = inputs.inventory().hosts.keys().cloned().collect();
    let compiled = inputs.compile(&limit, &knowledge).unwrap();
    assert!(compiled.needs.facts.is_empty());
    assert_eq!(file(&compiled, "/etc/a").0.as_text(), Some("16 ?"));
    assert!(good("").files.is_empty());
    refused(&[
        ("files: {\"/etc/{{ facts.os }}\": {content: x}}", "cannot depend on `facts`", "\"/etc/{{ facts.os }}\""),
        (
            "units: {\"{{ facts.os }}.service\": {Service: {ExecStart: /a}}}",
            "cannot depend on `facts`",
            "\"{{ facts.os }}.service\"",
        ),
    ]);
}
