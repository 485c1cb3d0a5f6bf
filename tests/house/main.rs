//! The rules of the house that a compiler does not check: layers, sizes, laws that have their test.

mod laws;
mod layers;
mod sizes;

use std::path::{Path, PathBuf};

/// Every Rust file below `folder`, with its text.
fn rust_files(folder: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut open = vec![root.join(folder)];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).expect("a folder of the project can be read") {
            let path = entry.expect("a folder of the project can be read").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("sources are UTF-8");
                found.push((path.strip_prefix(root).expect("below the root").to_owned(), text));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no Rust file below {folder}");
    found
}

/// Every Rust file of the product: without modules that exist only in tests.
fn product_files(folder: &str) -> Vec<(PathBuf, String)> {
    let files = rust_files(folder);
    let mut only_tests: Vec<PathBuf> = Vec::new();
    for (path, text) in &files {
        let is_root = path.file_name().is_some_and(|name| name == "mod.rs" || name == "lib.rs");
        let folder = if is_root { path.with_file_name("") } else { path.with_extension("") };
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if line == "#[cfg(test)]"
                && let Some(name) = lines.next().and_then(|line| line.strip_prefix("mod ")?.strip_suffix(';'))
            {
                only_tests.push(folder.join(name));
            }
        }
    }
    let is_test = |path: &Path| {
        only_tests.iter().any(|module| path.starts_with(module) || path == module.with_extension("rs").as_path())
    };
    files.into_iter().filter(|(path, _)| !is_test(path)).collect()
}

/// The text before the file's tests.
fn without_tests(text: &str) -> &str {
    text.split("\n#[cfg(test)]").next().unwrap_or_default()
}
