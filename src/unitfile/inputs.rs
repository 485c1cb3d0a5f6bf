//! The files that a unit reads when it starts, as far as its settings name them.

use std::collections::BTreeSet;

use crate::model::AbsPath;

use super::Effective;

impl Effective {
    /// Files named by `EnvironmentFile=`, `LoadCredential=` and `LoadCredentialEncrypted=`. Paths with specifiers or
    /// globs are left out: what they stand for is known only on the host.
    #[must_use]
    pub fn input_files(&self) -> BTreeSet<AbsPath> {
        let environment = self.values("Service", "EnvironmentFile").into_iter().map(|value| {
            let value = value.trim_matches('"');
            value.strip_prefix('-').unwrap_or(value)
        });
        let credentials = ["LoadCredential", "LoadCredentialEncrypted"]
            .into_iter()
            .flat_map(|key| self.values("Service", key))
            .filter_map(|value| value.split_once(':').map(|(_, path)| path));
        environment
            .chain(credentials)
            .filter(|path| !path.contains(['%', '*', '?', '[']))
            .filter_map(|path| AbsPath::parse(path).ok())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_read_at_start_are_found_and_guesses_are_not_made() {
        let text = "[Service]\nEnvironmentFile=-/etc/a.env\nEnvironmentFile=/etc/%i.env\nEnvironmentFile=/etc/*.env\n\
                    LoadCredential=key:/etc/key\nLoadCredential=inherited\n";
        let effective = Effective::merge(Some(text), &[]);
        let files: Vec<String> = effective.input_files().iter().map(ToString::to_string).collect();
        assert_eq!(files, ["/etc/a.env", "/etc/key"]);
        let reset = Effective::merge(Some(text), &["[Service]\nEnvironmentFile=\nLoadCredential=\n"]);
        assert!(reset.input_files().is_empty());
    }
}
