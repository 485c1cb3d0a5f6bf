//! Conditions, tags and holds: what is there on a host, in which runs, and for how long it is left alone.

use super::*;
use crate::model::ManifestName;

#[test]
fn a_condition_is_an_expression_with_or_without_braces() {
    let case = |when: &str| {
        let text = format!(
            "vars: {{workers: 3, none: null}}\nunits:\n  a.service: {{when: {when}, vars: {{own: 1}}, Service: {{ExecStart: /a}}}}\n"
        );
        let inventory = inventory(&[("h1", json!({"tier": "gold"}))]);
        let extra = json!({"deploy": "true", "port": "80"});
        Case { inventory, extra, ..Case::new(&text) }.good().units.len() == 1
    };
    for when in [
        "true",
        "workers > 2",
        "\"{{ workers > 2 }}\"",
        "\" {{ workers > 2 }} \"",
        "host in groups.all",
        "groups.db is not defined",
        "not_there is not defined or not_there > 1",
        "tier == 'gold' and not workers < 3",
        "none is none",
        "own == 1",
        "[]",
        "[workers > 2, \"{{ own == 1 }}\", true]",
        // What is given with `-e` is text: the two words are taken for what they say, numbers are compared as numbers.
        "deploy",
        "port | int > 79",
    ] {
        assert!(case(when), "{when}");
    }
    for when in
        ["false", "workers > 3", "\"{{ workers > 3 }}\"", "[true, false]", "[not_there is defined, not_there > 1]"]
    {
        assert!(!case(when), "{when}");
    }
}

#[test]
fn hosts_share_a_thing_between_manifests_where_at_most_one_condition_is_true() {
    let text = "name: new\nhosts: all\nwhen: host == 'h1'\nvars: {broken: \"{{ big }}\"}\nfiles: {/etc/a: {content: new}}\n\
                ---\nname: old\nhosts: all\nfiles: {/etc/a: {content: old, when: big is not defined and host != 'h3'}}\n\
                ---\nname: never\nhosts: all\nwhen: false\nfiles: {\"{{ nothing }}\": {content: x}}\n";
    let inventory = inventory(&[("h1", json!({"big": 1})), ("h2", json!({})), ("h3", json!({}))]);
    let Compiled { desired: hosts, warnings, .. } = Case { inventory, ..Case::new(text) }.run().unwrap();
    assert_eq!(warnings, []);
    let texts: Vec<(String, Vec<&str>, Vec<&str>)> = hosts
        .iter()
        .map(|(host, desired)| {
            let manifests = desired.manifests.iter().map(ManifestName::as_str).collect();
            let texts = desired.files.values().filter_map(|file| match &file.spec {
                Wanted::Present(spec) => spec.bytes.as_text(),
                Wanted::Absent => None,
            });
            (host.to_string(), manifests, texts.collect())
        })
        .collect();
    let expected = [
        ("h1".to_owned(), vec!["new", "old"], vec!["new"]),
        ("h2".to_owned(), vec!["old"], vec!["old"]),
        ("h3".to_owned(), vec!["old"], vec![]),
    ];
    assert_eq!(texts, expected);
    let only = "when: host == 'h2'\nfiles: {/etc/a: {content: a}}\n";
    let inventory = self::inventory(&[("h1", json!({})), ("h2", json!({}))]);
    let hosts = Case { inventory, ..Case::new(only) }.run().unwrap().desired;
    assert_eq!(
        hosts.keys().map(HostName::as_str).collect::<Vec<_>>(),
        ["h2"],
        "a manifest whose condition is false does not select"
    );
}

#[test]
fn a_hold_says_why_how_long_and_where() {
    let desired = good(
        "vars: {day: 2020-01-01}\nunit_defaults: {hold: {reason: freeze}}\nunits:\n  a.service: {absent: true}\n  b.service: {hold: null, state: started}\n  \
         c.service: {hold: {reason: \" for {{ host }} \", until: \"{{ day }}\"}}\n  \
         d@.service: {instances: [1], Service: {ExecStart: /d}}\n",
    );
    let hold = |name: &str| unit(&desired, name).hold;
    let freeze = hold("a.service").unwrap();
    assert_eq!(
        (freeze.reason.as_str(), &freeze.until, freeze.place.to_string()),
        ("freeze", &None, "play.yaml:4:17".to_owned())
    );
    assert_eq!(hold("b.service"), None);
    // A moment that is over is no mistake: whether it is over is for the host's clock to say.
    let own = hold("c.service").unwrap();
    assert_eq!((own.reason.as_str(), own.place.to_string()), ("for h1", "play.yaml:8:15".to_owned()));
    assert_eq!(own.until.map(|until| until.us), Some(1_577_836_800_000_000));
    assert_eq!((hold("d@.service"), hold("d@1.service")), (Some(freeze), None), "it stands once, at the template");
}

#[test]
fn tags_are_the_manifests_and_the_entrys_own_and_nothing_is_claimed_twice_for_their_sake() {
    let desired = good(
        "tags: tier\nfiles:\n  /etc/a: {content: a, tags: [config, web]}\n  /etc/gone: {absent: true, adopt: true, tags: config, when: true}\n\
         units: {w@.service: {tags: w, instances: [1], Service: {ExecStart: /w}}}\ndefault_target: multi-user.target\n",
    );
    let path = |text: &str| AbsPath::parse(text).unwrap();
    let words = |claim: &crate::model::Claim| claim.tags.iter().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(words(&desired.files[&path("/etc/a")].claim), "config tier web");
    let gone = &desired.files[&path("/etc/gone")];
    assert_eq!((words(&gone.claim).as_str(), gone.adopt, &gone.spec), ("config tier", true, &Wanted::Absent));
    assert_eq!(words(&unit(&desired, "w@1.service").claim), "tier w");
    assert_eq!(words(&desired.default_target.unwrap().1), "tier");
    let twice = "name: a\nhosts: all\nfiles: {/etc/a: {content: a, tags: one}}\n---\nname: b\nhosts: all\nfiles: {/etc/a: {content: b, tags: two}}\n";
    assert!(Case::new(twice).bad()[0].message.contains("declared twice"));
}

/// Until the host was asked its facts are those of a usual one (252).
#[test]
fn a_condition_on_facts_is_judged_when_they_are_known_and_what_it_may_need_is_known_before() {
    let text = "name: old\nhosts: all\nwhen: facts.systemd_version < 250\nsecrets: {a: {env: A}}\n\
                units: {w.service: {Service: {ExecStart: /old}}}\nfiles: {/etc/a: {content: \"{{ a }}\"}}\n\
                ---\nname: new\nhosts: all\nsecrets: {b: {env: B}, c: {env: C}, d: {env: D}}\nfiles:\n  \
                /etc/b: {when: \"{{ facts.cpus > 64 }}\", content: \"{{ b }}\"}\n  \
                /etc/c: {when: [false, facts.cpus > 64], content: \"{{ c }}\"}\n  \
                /etc/d: {tags: never, content: \"{{ d }} {{ facts.cpus }}\"}\n\
                units: {w.service: {when: facts.systemd_version >= 250, Service: {ExecStart: /new}}}\n";
    let case = Case::new(text);
    let first = case.run().unwrap();
    let mut needed: Vec<String> = first.needs.secrets.keys().map(ToString::to_string).collect();
    needed.sort();
    assert_eq!(needed.len(), 2, "of what is certainly not there, or left out, nothing is needed: {needed:?}");
    assert_eq!(first.needs.facts.len(), 1);
    let owners = |compiled: &Compiled| -> Vec<String> {
        compiled.desired.values().flat_map(|desired| &desired.manifests).map(ToString::to_string).collect()
    };
    assert_eq!(owners(&first), ["new"]);
    let inputs = |text: &str| {
        let playbook = playbook("play.yaml", text, Path::new("/nonexistent"));
        Inputs::new(vec![playbook], inventory(&[("h1", json!({}))]), Vars::new(), Sources::default())
    };
    let host = BTreeSet::from([HostName::parse("h1").unwrap()]);
    let knowing = |systemd_version: u32| {
        let mut knowledge = Knowledge::default();
        let facts = super::secrets::facts(systemd_version, true);
        knowledge.facts.insert(HostName::parse("h1").unwrap(), facts);
        knowledge
    };
    for (version, exec) in [(247, "/old"), (252, "/new")] {
        let known = inputs(text).compile(&host, &knowing(version)).unwrap();
        let desired = known.desired.into_values().next().unwrap();
        assert!(fragment(&unit(&desired, "w.service")).contains(exec), "{version}");
    }
    // A host that nothing is about yet stays in the run until its facts say so.
    let only = "name: old\nhosts: all\nwhen: facts.systemd_version < 250\nfiles: {/etc/a: {content: a}}\n";
    let guessed = inputs(only).compile(&host, &Knowledge::default()).unwrap();
    assert_eq!((guessed.desired.len(), guessed.needs.facts.len()), (1, 1));
    assert!(inputs(only).compile(&host, &knowing(252)).unwrap().desired.is_empty());
    assert_eq!(inputs(only).compile(&host, &knowing(247)).unwrap().desired.len(), 1);
}

#[test]
fn of_what_tags_leave_out_no_secret_is_needed() {
    let text = "name: m\nhosts: all\nsecrets: {a: {env: A}, b: {env: B}}\nfiles:\n  /etc/a: {tags: one, content: \"{{ a }}\"}\n  \
                /etc/b: {tags: two, content: \"{{ b }}\"}\nunits: {w.service: {tags: two, Service: {ExecStart: /w}, credentials: {b: \"{{ b }}\"}}}\n";
    let playbooks = [playbook("play.yaml", text, Path::new("/nonexistent"))];
    let filter = TagFilter::parse(&["one".to_owned()], &playbooks).unwrap();
    let inventory = inventory(&[("h1", json!({}))]);
    let host = inventory.hosts.keys().cloned().collect();
    let inputs = Inputs::new(playbooks.into(), inventory, Vars::new(), Sources::default()).limited(filter);
    let compiled = inputs.compile(&host, &Knowledge::default()).unwrap();
    assert_eq!(compiled.needs.secrets.len(), 1);
    let desired = compiled.desired.values().next().unwrap();
    let selected: Vec<bool> = desired.files.values().map(|file| file.claim.selected).collect();
    assert_eq!((selected, desired.units.len()), (vec![true, false], 1), "what is left out is still known");
}
