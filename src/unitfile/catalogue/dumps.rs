//! The catalogue against what three versions of systemd say that they know: `systemd --dump-configuration-items`.

use super::all;

const DUMPS: [(u32, &str); 3] = [
    (247, include_str!("../../../tests/cases/catalogue/dump-247.txt")),
    (252, include_str!("../../../tests/cases/catalogue/dump-252.txt")),
    (257, include_str!("../../../tests/cases/catalogue/dump-257.txt")),
];

fn known(dump: &str) -> Vec<(String, String)> {
    let mut section = String::new();
    let mut found = Vec::new();
    for line in dump.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else if let Some((key, _)) = line.split_once('=') {
            found.push((section.clone(), key.to_owned()));
        }
    }
    found
}

#[test]
fn what_a_version_knows_is_in_the_catalogue_and_nothing_else() {
    for (version, dump) in DUMPS {
        let known = known(dump);
        assert!(known.len() > 1000, "{version}");
        let in_force = |since: Option<u32>, gone: Option<u32>| {
            since.is_none_or(|since| since <= version) && gone.is_none_or(|gone| version < gone)
        };
        let ours: Vec<(String, String)> = all()
            // What systemd only ignores without a warning for a name unknown is not listed by it.
            .filter(|directive| directive.note != Some("systemd ignores it"))
            .filter(|directive| in_force(directive.since, directive.gone))
            .map(|directive| (directive.section.to_owned(), directive.name.to_owned()))
            .collect();
        let missing: Vec<_> = known.iter().filter(|item| !ours.contains(item)).collect();
        let surplus: Vec<_> = ours.iter().filter(|item| !known.contains(item)).collect();
        assert!(missing.is_empty() && surplus.is_empty(), "{version}: missing {missing:?}, surplus {surplus:?}");
    }
}
