//! Every law that lib.rs prints is held by a test of its name.

use crate::rust_files;

#[test]
fn every_law_in_lib_rs_has_its_test() {
    let lib = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs")).unwrap();
    let laws: Vec<&str> = lib.lines().filter_map(|line| line.split("(test: `").nth(1)?.split('`').next()).collect();
    assert!(!laws.is_empty(), "lib.rs names no law with its test");
    let tests: String = rust_files("tests").into_iter().chain(rust_files("src")).map(|(_, text)| text).collect();
    for law in laws {
        assert!(tests.contains(&format!("fn {law}(")), "no test is named `{law}`");
    }
}
