//! The templates that the program brings along, as `builtin/NAME`.

/// Name and text of every built-in template.
pub const BUILTIN: &[(&str, &str)] = &[
    ("job.service.j2", include_str!("../../templates/job.service.j2")),
    ("job.timer.j2", include_str!("../../templates/job.timer.j2")),
    ("web-app.service.j2", include_str!("../../templates/web-app.service.j2")),
    ("worker@.service.j2", include_str!("../../templates/worker@.service.j2")),
];

/// The text of a built-in template, by its name without `builtin/`.
#[must_use]
pub fn builtin(name: &str) -> Option<&'static str> {
    BUILTIN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_in_the_table_in_order() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/templates");
        let mut files: Vec<String> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        let table: Vec<&str> = BUILTIN.iter().map(|(name, _)| *name).collect();
        assert_eq!(files, table);
    }
}
