//! Values and files that mean harm, or were damaged: made at random, within bounds.

use proptest::prelude::*;

use super::*;
use crate::load::parse_inventory;
use crate::unitfile::UnitFile;

/// Every way in which a value comes into the text of a unit.
const PRINTED: &str = r#"
units:
  a.service:
    content: |
      {% macro m(v) %}x{{ v }}{% endmacro %}
      {% set c %}{{ x }}{% endset %}
      [Service]
      ExecStart=/bin/a {{ x }}
      User={{ x }}{{ y }} z
      Nice={% if true %}{{ m(x) }}{% endif %}

      # about {{ x }}
      ExecStop=/bin/b \
        {{ y }}
      {% for v in [x, y] %}
      Environment={{ v }}
      {% endfor %}
      Group={{ c | upper }}
      Slice={{ m(y) | trim }}
      KillMode={{ 'a' ~ x ~ 'b' }}
      ReloadSignal={{ x | exec_quote }}
      [Install]
      WantedBy={{ y }}
    drop_ins:
      a:
        Service:
          ExecStart: ["/bin/{{ x }}", "{{ [x, y] }}", "{{ x }}"]
          Environment: {K: "{{ x }}"}
          User: "{{ x }}{{ y }}"
        Install: {Alias: "{{ y }}"}
"#;

/// The directives of the unit and of its drop-in; nothing where a value is refused.
fn directives(x: &str, y: &str) -> Option<Vec<String>> {
    let case = Case { extra: json!({"x": x, "y": y}), ..Case::new(PRINTED) };
    let compiled = case.run().ok()?;
    let unit = compiled.desired.values().next()?.units.values().next()?.clone();
    let drop_ins = unit.drop_ins.values().filter_map(|wanted| match wanted {
        Wanted::Present(text) => text.as_text(),
        Wanted::Absent => None,
    });
    let texts = unit.fragment.iter().filter_map(Bytes::as_text).chain(drop_ins).map(UnitFile::parse);
    let keys = texts.map(|file| {
        let all = file.assignments().map(|one| format!("[{}] {}", one.section, one.key)).collect::<Vec<_>>();
        (all, file.invalid().count())
    });
    Some(keys.flat_map(|(keys, invalid)| keys.into_iter().chain([format!("{invalid} invalid")])).collect())
}

#[test]
fn values_of_one_line_are_printed() {
    let found = directives("x", "y").unwrap();
    assert_eq!(found.len(), 20, "{found:#?}");
    for plain in ["a b", "%h \"q\" $x", "", "[Service]", "#", "= ; [", "a\\\\", "grüße \u{202e}"] {
        assert!(directives(plain, "y").is_some(), "{plain:?}");
    }
}

#[test]
fn values_that_would_add_a_directive_are_refused() {
    for evil in ["x\nUser=root", "x\n[Service]\nUser=root", "x\rUser=root", "\nUser=root", "x \\\n\nUser=root", "x\\"] {
        assert_eq!(directives(evil, "y"), None, "{evil:?}");
        assert_eq!(directives("x", evil), None, "{evil:?}");
    }
    // On a line of its own within a directive; the line below it would become part of that.
    assert_eq!(directives("x", "# y"), None);
}

/// Texts that are fit to damage: playbooks of other tests.
fn playbooks() -> Vec<String> {
    let plans = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/plan");
    let mut paths: Vec<_> = std::fs::read_dir(plans).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let texts = paths.iter().filter_map(|path| std::fs::read_to_string(path.join("playbook.yaml")).ok());
    texts.chain([format!("name: m\nhosts: all\n{}", PRINTED.trim_start())]).collect()
}

const INVENTORIES: [&str; 3] = [
    "all:\n  vars: &v {port: 80, tier: gold}\n  children:\n    web:\n      hosts:\n        web[01:04].example.com: {ansible_port: 2222}\n      vars:\n        <<: *v\n        become: yes\n    db: {hosts: {db1: {address: 10.0.0.1, ssh_args: '-o \"A b\"'}}, children: {web: }}\n",
    "web:\n  hosts:\n    a:\n    b: {user: 'ü', vars: [1, {x: |\n      text\n      }]}\n---\n",
    "{\"all\": {\"hosts\": {\"h1\": {\"port\": 22, \"x\": \"\\u00e9\"}}, \"children\": {\"g\": null}}}\n",
];

/// One small accident.
#[derive(Clone, Debug)]
enum Accident {
    Replace(char),
    Insert(&'static str),
    Indent,
    Outdent,
    Delete,
    Repeat,
    Swap,
    Cut,
}

fn accident() -> impl Strategy<Value = (usize, Accident)> {
    const PIECES: [&str; 20] = [
        "{{ ", " }}", "{% if", ": ", "- ", "\t", "[", "{", "\"", "'", "&a ", "*a", "<<: ", "!t ", "|\n", "---\n",
        "\u{feff}", "\u{85}", "#", "\r\n",
    ];
    let characters = prop::sample::select("\0\t\n :-#{}[],&*!|>'\"%@`~=ü\u{2028}🦀0".chars().collect::<Vec<_>>());
    let what = prop_oneof![
        characters.prop_map(Accident::Replace),
        prop::sample::select(PIECES.to_vec()).prop_map(Accident::Insert),
        Just(Accident::Indent),
        Just(Accident::Outdent),
        Just(Accident::Delete),
        Just(Accident::Repeat),
        Just(Accident::Swap),
        Just(Accident::Cut),
    ];
    (any::<prop::sample::Index>().prop_map(|at| at.index(1 << 20)), what)
}

fn damaged(text: &str, accidents: &[(usize, Accident)]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (at, accident) in accidents {
        if lines.is_empty() {
            break;
        }
        let line = at % lines.len();
        let places: Vec<usize> = lines[line].char_indices().map(|(place, _)| place).collect();
        let place = places.get(at / 7 % places.len().max(1)).copied();
        match (accident, place) {
            (Accident::Replace(c), Some(place)) => {
                lines[line].remove(place);
                lines[line].insert(place, *c);
            }
            (Accident::Insert(piece), _) => lines[line].insert_str(place.unwrap_or_default(), piece),
            (Accident::Indent, _) => lines[line].insert(0, ' '),
            (Accident::Outdent, _) => lines[line] = lines[line].strip_prefix(' ').unwrap_or(&lines[line]).to_owned(),
            (Accident::Delete, _) => drop(lines.remove(line)),
            (Accident::Repeat, _) => lines.insert(line, lines[line].clone()),
            (Accident::Swap, _) => {
                let other = at / 3 % lines.len();
                lines.swap(line, other);
            }
            (Accident::Cut, Some(place)) => lines[line].truncate(place),
            (Accident::Replace(_) | Accident::Cut, None) => {}
        }
    }
    lines.join("\n") + "\n"
}

/// A reader can find what each is about, and it says something.
fn are_told_well(problems: &[Diagnostic], text: &str) -> Result<(), TestCaseError> {
    for problem in problems {
        prop_assert!(!problem.message.trim().is_empty(), "{problem:?}");
        prop_assert!(!problem.message.contains('\n'), "{problem:?}");
        prop_assert!(!problem.labels.is_empty(), "no place: {problem:?}");
        for label in &problem.labels {
            prop_assert!(
                label.span.start <= label.span.end && label.span.end <= label.source.text.len(),
                "{problem:?}"
            );
            prop_assert!(
                label.source.text.get(label.span.clone()).is_some(),
                "in the middle of a character: {problem:?}"
            );
            let (line, column) = label.source.line_column(label.span.start);
            let lines: Vec<&str> = label.source.text.split('\n').collect();
            let length = lines.get(line as usize - 1).map(|line| line.chars().count() + 1);
            prop_assert!(length.is_some_and(|length| column as usize <= length), "{line}:{column} of {text:?}");
        }
    }
    Ok(())
}

fn source(name: &str, text: &str) -> Arc<SourceFile> {
    Arc::new(SourceFile { name: name.to_owned(), text: text.to_owned() })
}

proptest! {
    #[test]
    fn no_value_adds_or_takes_a_directive(
        x in "([\\[\\]=#; \t\r\n\\\\AB\u{fdd0}\u{fdd1}\u{fdd2}\u{fde0}]|\\PC){0,10}",
        y in "([\\[\\]=#; \t\r\n\\\\AB]|\\PC){0,10}",
    ) {
        if let Some(found) = directives(&x, &y) {
            prop_assert_eq!(found, directives("x", "y").unwrap());
        }
    }

    #[test]
    fn damaged_playbooks_are_told_with_places(
        which in any::<prop::sample::Index>(),
        accidents in prop::collection::vec(accident(), 1..5),
    ) {
        let texts = playbooks();
        let text = damaged(&texts[which.index(texts.len())], &accidents);
        match parse_playbook(source("p.yaml", &text), Path::new("p.yaml"), Path::new("/nonexistent")) {
            Err(problems) => are_told_well(&problems, &text)?,
            Ok((playbook, warnings)) => {
                are_told_well(&warnings, &text)?;
                let inventory = inventory(&[("h1", json!({}))]);
                let limit = inventory.hosts.keys().cloned().collect();
                let inputs = Inputs::new(vec![playbook], inventory, Vars::new(), Sources::default());
                if let Err(problems) = inputs.compile(&limit, &Knowledge::default()) {
                    are_told_well(&problems, &text)?;
                }
            }
        }
    }

    #[test]
    fn damaged_inventories_are_told_with_places(
        which in any::<prop::sample::Index>(),
        accidents in prop::collection::vec(accident(), 1..5),
    ) {
        let text = damaged(INVENTORIES[which.index(INVENTORIES.len())], &accidents);
        match parse_inventory(&[source("i.yaml", &text)]) {
            Err(problems) => are_told_well(&problems, &text)?,
            Ok((_, warnings)) => are_told_well(&warnings, &text)?,
        }
    }
}
