//! Inventories that are not YAML: known by their looks, refused by name.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use crate::model::{Diagnostic, SourceFile};

const ONLY_YAML: &str = "only YAML inventories are read by this version";

/// Directories and executables.
pub(super) fn refuse_by_metadata(path: &Path) -> Result<(), Diagnostic> {
    let Ok(metadata) = std::fs::metadata(path) else {
        // Reading it will say why.
        return Ok(());
    };
    let name = path.display();
    if metadata.is_dir() {
        let message = format!("`{name}` is a directory, and {ONLY_YAML}");
        return Err(Diagnostic::error(message).help("name each YAML file in it with its own `-i`"));
    }
    let yaml =
        path.extension().is_some_and(|end| ["yaml", "yml", "json"].iter().any(|known| end.eq_ignore_ascii_case(known)));
    if metadata.permissions().mode() & 0o111 != 0 && !yaml {
        let message = format!("`{name}` is executable, and {ONLY_YAML}");
        let help = format!("save what it prints: `ansible-inventory -i {name} --list --yaml > inventory.yaml`");
        return Err(Diagnostic::error(message).help(help));
    }
    Ok(())
}

/// Scripts and INI files.
pub(super) fn refuse_by_text(source: &Arc<SourceFile>, path: &Path) -> Option<Diagnostic> {
    let name = path.display();
    let convert = format!("convert it: `ansible-inventory -i {name} --list --yaml > inventory.yaml`");
    if source.text.starts_with("#!") && !source.text.starts_with("#!/usr/bin/env ansible") {
        let message = format!("`{name}` is a script, and {ONLY_YAML}");
        return Some(Diagnostic::error(message).at(source, 0..2, "").help(convert));
    }
    let mut offset = 0;
    for line in source.text.split_inclusive('\n') {
        let text = line.trim();
        if text.is_empty() || text.starts_with(['#', ';']) {
            offset += line.len();
            continue;
        }
        let span = offset..offset + line.trim_end().len();
        let message = format!("`{name}` looks like an INI file, and {ONLY_YAML}");
        return looks_like_ini(text).then(|| Diagnostic::error(message).at(source, span, "").help(convert));
    }
    None
}

/// `[web]`, `[web:children]`, or `web1 ansible_host=10.0.0.1`.
fn looks_like_ini(line: &str) -> bool {
    let section = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let fine = |c: char| c.is_alphanumeric() || "_-.:".contains(c);
    if let Some(section) = section {
        return !section.is_empty() && section.chars().all(fine);
    }
    !line.starts_with(['{', '-', '"', '\'']) && line.contains('=') && !line.contains(": ") && !line.ends_with(':')
}
