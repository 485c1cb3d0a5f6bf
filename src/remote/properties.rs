//! `systemctl show`: blocks of `Key=value`, one per unit, in the order asked.

use std::collections::BTreeMap;

use crate::model::{AbsPath, ActiveState, ObservedUnit};

/// One unit's block.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Properties<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Properties<'a> {
    /// Reads a block. Of a key that comes several times the first line counts; none of those we ask for does.
    pub(super) fn parse(block: &'a str) -> Self {
        let mut map = BTreeMap::new();
        for (key, value) in block.lines().filter_map(|line| line.split_once('=')) {
            map.entry(key).or_insert(value);
        }
        Self(map)
    }

    /// The value, if this systemd has the property.
    pub(super) fn get(&self, key: &str) -> Option<&'a str> {
        self.0.get(key).copied()
    }

    /// The value, if it is there and not empty.
    pub(super) fn filled(&self, key: &str) -> Option<&'a str> {
        self.get(key).filter(|value| !value.is_empty())
    }

    fn text(&self, key: &str) -> String {
        self.get(key).unwrap_or_default().to_owned()
    }

    fn flag(&self, key: &str) -> bool {
        self.get(key) == Some("yes")
    }

    /// The value as a number; `[not set]` and the like are none.
    pub(super) fn number<N: std::str::FromStr>(&self, key: &str) -> Option<N> {
        self.get(key)?.parse().ok()
    }

    fn words(&self, key: &str) -> Vec<String> {
        split_words(self.get(key).unwrap_or_default())
    }

    /// The unit that the block is about; `None` when it lacks what every systemd prints.
    pub(super) fn unit(&self) -> Option<ObservedUnit> {
        Some(ObservedUnit {
            id: self.filled("Id")?.to_owned(),
            names: self.words("Names"),
            load_state: self.filled("LoadState")?.to_owned(),
            load_error: self.filled("LoadError").map(load_error),
            active_state: ActiveState::parse(self.filled("ActiveState")?),
            sub_state: self.text("SubState"),
            unit_file_state: self.text("UnitFileState"),
            fragment_path: self.get("FragmentPath").and_then(|path| AbsPath::parse(path).ok()),
            drop_in_paths: self.words("DropInPaths").iter().filter_map(|path| AbsPath::parse(path).ok()).collect(),
            need_daemon_reload: self.flag("NeedDaemonReload"),
            can_reload: self.flag("CanReload"),
            refuse_manual_start: self.flag("RefuseManualStart"),
            refuse_manual_stop: self.flag("RefuseManualStop"),
            service_type: self.text("Type"),
            remain_after_exit: self.flag("RemainAfterExit"),
            result: self.filled("Result").map(str::to_owned),
            main_pid: self.number("MainPID").filter(|pid| *pid != 0),
            exec_main_code: self.number("ExecMainCode"),
            exec_main_status: self.number("ExecMainStatus"),
            n_restarts: self.number("NRestarts"),
            invocation_id: self.filled("InvocationID").map(str::to_owned),
            exec_main_start_us: self.number("ExecMainStartTimestampMonotonic"),
            active_enter_us: self.number("ActiveEnterTimestampMonotonic"),
            condition_result: self.get("ConditionResult").map(|value| value == "yes"),
            job: self.number("Job").filter(|job| *job != 0),
            triggers: self.words("Triggers"),
            triggered_by: self.words("TriggeredBy"),
            transient: self.flag("Transient"),
        })
    }
}

/// The message of `name "message"`; the D-Bus name says less than the message.
fn load_error(value: &str) -> String {
    value.split_once(" \"").map_or(value, |(_, message)| message.trim_end_matches('"')).trim_end_matches('.').to_owned()
}

/// Splits a list as `systemctl show` prints it: words with special characters stand in double quotes, with
/// backslashes before `"`, `\`, `$` and backquotes (verified on 252).
pub(super) fn split_words(list: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut open = false;
    let mut quoted = false;
    let mut chars = list.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                quoted = !quoted;
                open = true;
            }
            '\\' if quoted => word.extend(chars.next()),
            ' ' if !quoted => {
                if open {
                    words.push(std::mem::take(&mut word));
                    open = false;
                }
            }
            _ => {
                word.push(c);
                open = true;
            }
        }
    }
    if open {
        words.push(word);
    }
    words
}

/// The blocks of one `systemctl show`, separated by empty lines.
pub(super) fn blocks(text: &str) -> Vec<&str> {
    text.trim_matches('\n').split("\n\n").filter(|block| !block.trim().is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_systemctl_quotes_them() {
        // Printed by systemd 252 for an alias of a unit whose name holds `\x2d`, and for drop-ins with odd names.
        let names = r#""a\\x2db.service" "c\\x2dd.service""#;
        assert_eq!(split_words(names), [r"a\x2db.service", r"c\x2dd.service"]);
        let paths = r#""/e/q'x.conf" "/e/with space \$q \"z.conf" /e/plain.conf"#;
        assert_eq!(split_words(paths), ["/e/q'x.conf", "/e/with space $q \"z.conf", "/e/plain.conf"]);
        assert!(split_words("").is_empty());
    }

    #[test]
    fn a_property_that_is_missing_is_none_and_an_empty_id_is_no_unit() {
        let old = "Id=a.service\nLoadState=loaded\nActiveState=active\nSubState=running\n";
        let unit = Properties::parse(old).unit().unwrap();
        assert_eq!((unit.n_restarts, unit.invocation_id, unit.condition_result), (None, None, None));
        assert_eq!(Properties::parse("Id=\nLoadState=loaded\n").unit(), None);
    }

    #[test]
    fn the_load_error_is_its_message() {
        let value = r#"org.freedesktop.systemd1.NoSuchUnit "Unit cron.service not found.""#;
        assert_eq!(load_error(value), "Unit cron.service not found");
    }
}
