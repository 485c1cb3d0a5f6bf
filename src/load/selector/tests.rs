//! What selectors choose, and what is said about those that are wrong or choose nothing.

use super::*;
use crate::load::parse_inventory;

fn inventory() -> Inventory {
    let text = "all:\n  hosts: {alone: , db3: }\n  children:\n    web: {hosts: {'web[0:5]': }}\n    prod: {hosts: {web1: , web2: , db1: }}\n    \
                db: {hosts: {'db[1:3]': , 'fe80::1': }}\n    web-old: {hosts: {old.example.com: }}\n    empty: {}\n";
    let source = Arc::new(SourceFile { name: "inventory.yaml".into(), text: text.into() });
    parse_inventory(&[source]).unwrap().0
}

fn select(text: &str) -> String {
    let selected = Selector::parse(text).and_then(|selector| selector.select(&inventory()));
    match selected {
        Ok(hosts) => hosts.iter().map(HostName::as_str).collect::<Vec<_>>().join(" "),
        Err(error) => format!("{error} / {}", error.help),
    }
}

#[test]
fn hosts_are_selected_as_in_ansible() {
    for (selector, hosts) in [
        ("db", "db1 db2 db3 fe80::1"),
        ("web1", "web1"),
        ("web:db1", "db1 web0 web1 web2 web3 web4 web5"),
        ("web1,db1", "db1 web1"),
        ("web1, db1", "db1 web1"),
        ("web:&prod", "web1 web2"),
        ("web:!prod", "web0 web3 web4 web5"),
        ("!prod:web", "web0 web3 web4 web5"),
        ("web:&prod:!web1", "web2"),
        ("!web1:&prod:web:db", "db1 web2"),
        ("&prod", "db1 web1 web2"),
        ("!web:!db:!web-old", "alone"),
        ("all:!web*:!db", "alone"),
        ("ungrouped", "alone"),
        ("web[0]", "web0"),
        ("web[-1]", "web5"),
        ("web[0:2]", "web0 web1 web2"),
        ("web[4:]", "web4 web5"),
        ("web[:1]", "web0 web1"),
        ("web[4:99]", "web4 web5"),
        ("web[1-2]", "web1 web2"),
        ("web[3:1]", ""),
        ("web[1:3]:&prod", "web1 web2"),
        ("web[0:1],db[0]", "db1 web0 web1"),
        ("web?", "web0 web1 web2 web3 web4 web5"),
        ("web[a-z]*", "old.example.com"),
        ("web-*", "old.example.com"),
        ("*.example.com", "old.example.com"),
        ("fe80::1", "fe80::1"),
        ("empty", ""),
        ("web:!nothing*", "web0 web1 web2 web3 web4 web5"),
    ] {
        if selector == "web[a-z]*" {
            assert!(select(selector).contains("matches no host"), "{}", select(selector));
        } else {
            assert_eq!(select(selector), hosts, "{selector}");
        }
    }
}

#[test]
fn a_name_that_nothing_answers_to_is_an_error() {
    assert_eq!(select("wbe"), "no host and no group is named `wbe` / did you mean `web`?");
    assert_eq!(select("all:!db4"), "no host and no group is named `db4` / did you mean `db1`?");
    assert_eq!(
        select("kafka"),
        "no host and no group is named `kafka` / groups: all, db, empty, prod, ungrouped, web, web-old"
    );
    assert!(select("localhost").ends_with("`connection: local`"));
    assert!(select("xyz*").starts_with("`xyz*` matches no host and no group"));
    assert!(select("web[6]").starts_with("`web` has 6 hosts, and the slice begins behind them"));
    assert!(select("web[-7]").starts_with("`web` has 6 hosts"));
}

#[test]
fn what_selectors_do_not_read_is_refused() {
    assert!(select("~web.*").starts_with("`~web.*` is a regular expression"));
    assert!(select("web:!@retry").contains("`@retry` cannot be read here"));
    for bad in ["web prod", "web:&", "a;b", "$(x)", "we}b", "!", "a/b"] {
        assert!(select(bad).contains("is not a selector"), "{bad}: {}", select(bad));
    }
    for bad in ["web[1", "web]", "web[[1]", "web[1]]"] {
        assert!(select(bad).contains("without its other half"), "{bad}: {}", select(bad));
    }
    for empty in ["", " ", ":", ",,"] {
        assert!(select(empty).starts_with("the selector is empty"), "{empty}");
    }
}

proptest::proptest! {
    #[test]
    fn garbage_never_panics(text in "[a-c0-9:,&!*?~@\\[\\]ü. -]{0,30}") {
        let _outcome = select(&text);
    }
}
