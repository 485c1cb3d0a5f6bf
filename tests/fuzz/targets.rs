//! What must hold for any bytes. The fuzzer looks for bytes for which it does not; what it found interesting on the
//! way lies in `corpus/`, and the test command runs every target over it.

#![allow(dead_code, reason = "each program of the fuzzer uses one target")]

use unitfleet::model::UnitKind;
use unitfleet::plan::verdict::{Verdict, inputs_text, judge};
use unitfleet::unitfile::{Effective, UnitFile, catalogue};

/// A unit file is read and written back byte for byte, and read as one file and as a drop-in over another it makes an
/// effective unit whose questions all have answers.
pub(crate) fn unit_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let parsed = UnitFile::parse(text);
    assert_eq!(parsed.to_text(), text, "every byte is kept");
    let count = parsed.assignments().count();
    let alone = Effective::merge(Some(text), &[]);
    assert_eq!(alone.settings().len(), count, "every assignment is in force");
    let over = Effective::merge(Some("[Unit]\nAfter=a.service\n[Service]\nExecStart=/a\n"), &[text]);
    for setting in over.settings() {
        let (section, key) = (setting.section.as_str(), setting.key.as_str());
        drop((over.values(section, key), over.words(section, key), over.names(section, key), over.flag(section, key)));
    }
    // What was read and written again means the same.
    let again = Effective::merge(Some(&UnitFile::parse(&parsed.to_text()).to_text()), &[]);
    assert_eq!(alone, again);
}

/// Every value of every directive is taken or refused, and its one spelling is stable.
pub(crate) fn values(data: &[u8]) {
    let [first, second, rest @ ..] = data else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let count = catalogue::all().count();
    let at = usize::from(u16::from_le_bytes([*first, *second])) % count;
    let Some(directive) = catalogue::all().nth(at) else { return };
    let assigned: Vec<&str> = text.split('\n').collect();
    for value in &assigned {
        let canonical = directive.canonical(value);
        let accepted = directive.check(value).is_ok();
        assert_eq!(directive.canonical(&canonical), canonical, "{} {value:?}: one spelling", directive.name);
        if accepted {
            assert_eq!(directive.check(&canonical), Ok(()), "{} {value:?}: its one spelling is good", directive.name);
        }
    }
    let settled = directive.settle(&assigned);
    let again: Vec<&str> = settled.iter().map(String::as_str).collect();
    assert_eq!(directive.settle(&again), settled, "{}: what is settled stays", directive.name);
}

/// Two units: nothing differs between a unit and itself, a change undone needs what the change needed, and the record of
/// what a unit was started with tells exactly those changes that have to be taken up.
pub(crate) fn two_units(data: &[u8]) {
    let [kind, rest @ ..] = data else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let kind = UnitKind::ALL[usize::from(*kind) % UnitKind::ALL.len()];
    let (old, new) = text.split_once("\n---\n").unwrap_or((text, ""));
    let (old, new) = (Effective::merge(Some(old), &[]), Effective::merge(Some(new), &[]));
    assert_eq!(judge(kind, &old, &old).verdict, Verdict::Nothing);
    let (there, back) = (judge(kind, &old, &new), judge(kind, &new, &old));
    assert_eq!(there.verdict, back.verdict);
    assert_eq!(inputs_text(kind, &old) == inputs_text(kind, &new), there.verdict < Verdict::Reload);
    for difference in &there.differences {
        assert!(!difference.reason().is_empty());
    }
}
