//! A room imports only from lower rooms.

use std::collections::{BTreeMap, BTreeSet};

use crate::{product_files, without_tests};

/// Rooms by layer, as the crate's documentation draws them.
const LAYERS: [&[&str]; 5] = [
    &["model"],
    &["unitfile", "load", "render", "secrets", "transport", "report"],
    &["compile", "lint", "plan", "remote", "starter"],
    &["observe", "apply", "sandbox"],
    &["cli"],
];

/// Imports inside a layer that are wanted: what runs plans also asks hosts; what makes texts has them checked, as it
/// alone knows where they were written.
const NEIGHBOURS: [(&str, &str); 2] = [("apply", "observe"), ("compile", "lint")];

fn layer_of(room: &str) -> Option<usize> {
    LAYERS.iter().position(|rooms| rooms.contains(&room))
}

#[test]
fn rooms_import_only_from_lower_rooms() {
    let mut wrong = Vec::new();
    for (path, text) in product_files("src") {
        let parts: Vec<String> = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let Some(room) = parts.get(1).filter(|_| parts.len() > 2) else { continue };
        let Some(layer) = layer_of(room) else {
            wrong.push(format!("{}: the room `{room}` stands in no layer", path.display()));
            continue;
        };
        for (number, line) in without_tests(&text).lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for used in code.split("crate::").skip(1) {
                let other: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let Some(other_layer) = layer_of(&other) else { continue };
                let allowed = other == *room
                    || other_layer < layer
                    || NEIGHBOURS.iter().any(|(from, to)| from == room && *to == other);
                if !allowed {
                    wrong.push(format!("{}:{}: `{room}` imports from `{other}`", path.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_map_in_lib_rs_shows_every_room_in_its_layer() {
    let lib = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs")).unwrap();
    let rooms: BTreeSet<String> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).map(str::to_owned).collect();
    assert!(!rooms.is_empty());
    // `//! | 2 | [`plan`](mod@plan) | …`
    let row = |line: &str| -> Option<(String, usize)> {
        let (layer, rest) = line.strip_prefix("//! | ")?.split_once(" | [`")?;
        Some((rest.split('`').next()?.to_owned(), layer.parse().ok()?))
    };
    let map: BTreeMap<String, usize> = lib.lines().filter_map(row).collect();
    let layers = LAYERS.iter().enumerate();
    let layers = layers.flat_map(|(layer, rooms)| rooms.iter().map(move |room| ((*room).to_owned(), layer)));
    assert_eq!(map, layers.collect(), "the map in lib.rs (left) and the layers of this test differ");
    assert_eq!(map.into_keys().collect::<BTreeSet<_>>(), rooms, "the map and the modules of lib.rs differ");
}

#[test]
fn only_report_and_cli_print() {
    let printing = ["println!", "eprintln!", "print!", "eprint!", "io::stdout()", "io::stderr()"];
    for (path, text) in product_files("src") {
        let shown = path.display().to_string();
        if shown.starts_with("src/report") || shown.starts_with("src/cli") || shown == "src/main.rs" {
            continue;
        }
        for line in without_tests(&text).lines().map(|line| line.split("//").next().unwrap_or_default()) {
            assert!(!printing.iter().any(|word| line.contains(word)), "{shown} prints: {line}");
        }
    }
}

#[test]
fn the_pure_middle_has_no_effects() {
    let effects = ["std::fs", "std::env", "std::process", "std::net", "SystemTime", "Instant", "tokio", "std::thread"];
    for room in ["src/model", "src/unitfile", "src/compile", "src/plan", "src/starter"] {
        for (path, text) in product_files(room) {
            for (number, line) in without_tests(&text).lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                let found = effects.iter().find(|effect| code.contains(*effect));
                assert!(found.is_none(), "{}:{}: {} in a pure room", path.display(), number + 1, found.unwrap());
            }
        }
    }
}
