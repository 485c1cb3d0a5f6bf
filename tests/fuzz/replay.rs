//! Every target of the fuzzer over everything that it found worth keeping, and over what once failed (`corpus/`).

mod targets;

use std::path::Path;

fn replay(target: &str, least: usize, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut count = 0;
    for entry in entries {
        let path = entry.expect("it can be read").path();
        let data = std::fs::read(&path).expect("it can be read");
        assert!(std::panic::catch_unwind(|| run(&data)).is_ok(), "{} fails", path.display());
        count += 1;
    }
    assert!(count >= least, "{target}: only {count} inputs");
}

#[test]
fn unit_files() {
    replay("unit_file", 100, targets::unit_file);
}

#[test]
fn values() {
    replay("values", 50, targets::values);
}

#[test]
fn pairs_of_units() {
    replay("two_units", 100, targets::two_units);
}
