//! A room imports only from lower rooms.

use std::collections::BTreeMap;

use crate::{product_files, without_tests};

/// Rooms by layer, as the crate's documentation draws them.
const LAYERS: [&[&str]; 5] = [
    &["model"],
    &["unitfile", "load", "render", "transport", "report"],
    &["compile", "plan", "lint", "remote"],
    &["observe", "apply", "sandbox"],
    &["cli"],
];

/// Imports inside a layer that are wanted: what runs plans also asks hosts.
const NEIGHBOURS: [(&str, &str); 1] = [("apply", "observe")];

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
fn every_room_stands_in_lib_rs_and_in_a_layer() {
    let lib = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs")).unwrap();
    let rooms: BTreeMap<&str, usize> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).map(|room| (room, 0)).collect();
    assert!(!rooms.is_empty());
    for room in rooms.keys() {
        assert!(layer_of(room).is_some(), "`{room}` stands in no layer");
        assert!(lib.contains(&format!("| [`{room}`]")), "the map in lib.rs does not show `{room}`");
    }
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
    for room in ["src/model", "src/unitfile", "src/compile", "src/plan"] {
        for (path, text) in product_files(room) {
            for (number, line) in without_tests(&text).lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                let found = effects.iter().find(|effect| code.contains(*effect));
                assert!(found.is_none(), "{}:{}: {} in a pure room", path.display(), number + 1, found.unwrap());
            }
        }
    }
}
