//! Sections and settings → the text of a unit file.
//!
//! A value is systemd's own syntax and is written as it is, with one liberty: systemd has no value of several
//! lines, a line break ends the assignment. A value that has line breaks (a YAML block scalar) is therefore
//! written with `\` at the end of its lines, which systemd reads as one line with a blank in each place; lines
//! that end in `\` already, and comment lines in between, stay as they are. Refusing them was the alternative,
//! and would forbid the way everybody writes a long `ExecStart=`. What would break out of its assignment
//! (a `\` that ends the last line, a key with `=`) is refused.

/// Why a setting cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// systemd would not read this back as a section header.
    #[error("`{}` cannot name a section", .0.escape_debug())]
    Section(String),
    /// systemd would not read this back as a key.
    #[error("`{}` cannot be a key in [{section}]", .key.escape_debug())]
    #[expect(missing_docs, reason = "the fields are their names")]
    Key { section: String, key: String },
    /// The next line would become part of the value.
    #[error("the value of [{section}] {key}= ends in `\\`, which would make the next line part of it: leave it out")]
    #[expect(missing_docs, reason = "the fields are their names")]
    TrailingBackslash { section: String, key: String },
    /// systemd reads NUL as the end of a line.
    #[error("the value of [{section}] {key}= holds a NUL byte, which systemd reads as the end of the line")]
    #[expect(missing_docs, reason = "the fields are their names")]
    Nul { section: String, key: String },
}

/// The text of a unit file with these sections and settings, in this order; a blank line stands between sections.
pub fn unit_text(sections: &[(String, Vec<(String, String)>)]) -> Result<String, WriteError> {
    let mut text = String::new();
    for (section, settings) in sections {
        if section.is_empty() || section.contains(|c: char| c.is_control() || matches!(c, '[' | ']' | '\\')) {
            return Err(WriteError::Section(section.clone()));
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.extend(["[", section, "]\n"]);
        for (key, value) in settings {
            text.push_str(&assignment(section, key, value)?);
        }
    }
    Ok(text)
}

fn assignment(section: &str, key: &str, value: &str) -> Result<String, WriteError> {
    let place = || (section.to_owned(), key.to_owned());
    let odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '=' | '\\');
    if key.is_empty() || key.contains(odd) || key.starts_with(['[', '#', ';', '\u{feff}']) {
        let (section, key) = place();
        return Err(WriteError::Key { section, key });
    }
    if value.contains('\0') {
        let (section, key) = place();
        return Err(WriteError::Nul { section, key });
    }
    let value = value.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = value.trim_matches(BLANKS).split('\n').map(|line| line.trim_end_matches(BLANKS)).collect();
    let is_comment = |at: usize| at > 0 && lines[at].trim_start_matches(BLANKS).starts_with(['#', ';']);
    let last = (0..lines.len()).rfind(|at| !is_comment(*at)).unwrap_or_default();
    if ends_in_continuation(lines[last]) {
        let (section, key) = place();
        return Err(WriteError::TrailingBackslash { section, key });
    }
    let mut text = format!("{key}=");
    for (at, line) in lines.iter().enumerate() {
        text.push_str(line);
        if at < last && !is_comment(at) && !ends_in_continuation(line) {
            text.push_str(if line.is_empty() { "\\" } else { " \\" });
        }
        text.push('\n');
    }
    Ok(text)
}

const BLANKS: [char; 3] = [' ', '\t', '\n'];

/// Whether systemd would join the next line to this one: an odd number of backslashes ends it.
fn ends_in_continuation(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::parse::UnitFile;
    use super::*;

    fn service(key: &str, value: &str) -> Result<String, WriteError> {
        unit_text(&[("Service".to_owned(), vec![(key.to_owned(), value.to_owned())])])
    }

    #[test]
    fn sections_stand_apart_and_settings_keep_their_order() {
        let settings = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let text = unit_text(&[
            ("Unit".to_owned(), settings(&[("Description", "A web app")])),
            ("Service".to_owned(), settings(&[("ExecStart", ""), ("ExecStart", "/bin/a -x"), ("User", " web ")])),
            ("Install".to_owned(), vec![]),
        ]);
        assert_eq!(
            text.unwrap(),
            "[Unit]\nDescription=A web app\n\n[Service]\nExecStart=\nExecStart=/bin/a -x\nUser=web\n\n[Install]\n"
        );
        assert_eq!(unit_text(&[]).unwrap(), "");
    }

    #[test]
    fn a_value_of_several_lines_is_continued() {
        for (value, text, read) in [
            ("/bin/a\n  --b\n--c\n", "/bin/a \\\n  --b \\\n--c\n", "/bin/a    --b  --c"),
            ("/bin/a \\\r\n  --b\r\n", "/bin/a \\\n  --b\n", "/bin/a    --b"),
            ("/bin/a\n# why\n--b", "/bin/a \\\n# why\n--b\n", "/bin/a  --b"),
            ("/bin/a\n# the end", "/bin/a\n# the end\n", "/bin/a"),
            ("/bin/a\n\n--b", "/bin/a \\\n\\\n--b\n", "/bin/a   --b"),
            ("a\\\\\nb", "a\\\\ \\\nb\n", "a\\\\  b"),
            ("# not a comment", "# not a comment\n", "# not a comment"),
        ] {
            let written = service("K", value).unwrap();
            assert_eq!(written, format!("[Service]\nK={text}"), "{value:?}");
            let file = UnitFile::parse(&format!("{written}Next=1\n"));
            let values: Vec<_> = file.assignments().map(|a| (a.key, a.value)).collect();
            assert_eq!(values, [("K", read), ("Next", "1")], "{value:?}");
        }
    }

    #[test]
    fn nothing_breaks_out_of_its_assignment() {
        assert!(matches!(service("K", "C:\\"), Err(WriteError::TrailingBackslash { .. })));
        assert!(matches!(service("K", "a \\\n# note"), Err(WriteError::TrailingBackslash { .. })));
        assert!(matches!(service("K", "a\0b"), Err(WriteError::Nul { .. })));
        assert!(service("K", "C:\\\\").is_ok());
        for key in ["", "A=B", "A B", "[X]", "#A", ";A", "A\nB", " A", "A\\"] {
            assert!(matches!(service(key, "x"), Err(WriteError::Key { .. })), "{key:?}");
        }
        for section in ["", "A]\n[B", "A\nB", "A]"] {
            assert!(matches!(unit_text(&[(section.to_owned(), vec![])]), Err(WriteError::Section(_))), "{section:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_one_assignment(value in "([\\[\\]=#;\\\\ \t\r\nAb]|\\PC){0,30}") {
            if let Ok(text) = service("Key", &value) {
                let file = UnitFile::parse(&format!("{text}Next=1\n"));
                let keys: Vec<_> = file.assignments().map(|a| a.key).collect();
                prop_assert_eq!(keys, ["Key", "Next"]);
                prop_assert_eq!(file.invalid().count(), 0);
                if !value.contains(['\r', '\n']) {
                    prop_assert_eq!(file.assignments().next().unwrap().value, value.trim_matches([' ', '\t']));
                }
            }
        }
    }
}
