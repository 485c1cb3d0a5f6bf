//! One idea a file.

use crate::{product_files, rust_files, without_tests};

const LINES_MAX: usize = 600;

#[test]
fn no_file_is_longer_than_an_idea() {
    for (path, text) in product_files("src") {
        let lines = without_tests(&text).lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines without its tests; at most {LINES_MAX}", path.display());
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for (path, text) in product_files("src") {
        assert!(text.starts_with("//!"), "{} has no module documentation", path.display());
    }
}

#[test]
fn nothing_is_left_for_later() {
    for folder in ["src", "tests"] {
        for (path, text) in rust_files(folder) {
            if path.ends_with("sizes.rs") {
                continue;
            }
            for word in ["todo!(", "unimplemented!(", "FIXME", "#[ignore"] {
                assert!(!text.contains(word), "{} holds {word}", path.display());
            }
        }
    }
}
