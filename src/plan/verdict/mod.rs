//! From an old and a new effective configuration to what has to happen to a unit that runs, and why.
//!
//! [`judge`] compares what is in force on both sides, directive by directive, in the one spelling that the catalogue
//! gives to values; what a difference does is the effect of its directive there, but for the rules of `rules`, which
//! depend on the kind of the unit or on the values. The strongest effect decides.
//!
//! The same view makes the record of what a unit was started with ([`inputs_text`]): two configurations have the same
//! text exactly when [`judge`] finds nothing between them that needs a start, a reload or a new socket. So a harmless
//! edit leaves no trace in the record, whoever made it and whenever it is found.
//!
//! What systemd ignores is ignored: `X-` keys and sections, and sections that are not of the unit's kind.

mod in_force;
mod rules;
mod wording;

use crate::model::UnitKind;
use crate::unitfile::Effective;
use crate::unitfile::catalogue::Effect;

use in_force::InForce;

/// What has to happen to a unit that runs, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The two mean the same.
    Nothing,
    /// The links of enablement follow; nothing else.
    Links,
    /// systemd reads the files again; what runs goes on, with the new settings where they apply at once.
    DaemonReload,
    /// The unit is reloaded.
    Reload,
    /// The unit is restarted.
    Restart,
    /// The socket is made anew, and its service makes way for it.
    Rebind,
}

impl From<Effect> for Verdict {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::Enablement => Self::Links,
            Effect::Nothing | Effect::NextStart | Effect::Manager | Effect::Live | Effect::Rearm => Self::DaemonReload,
            Effect::Remount => Self::Reload,
            Effect::Restart => Self::Restart,
            Effect::Rebind => Self::Rebind,
        }
    }
}

/// A directive, or several that feed one list, whose value in force is another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `Service`
    pub section: String,
    /// `ExecStart`
    pub key: String,
    /// The values in force before, in one spelling.
    pub old: Vec<String>,
    /// The values in force after.
    pub new: Vec<String>,
    /// What the difference does.
    pub effect: Effect,
    /// When it counts, where that is particular.
    pub note: Option<&'static str>,
    /// No table knows the directive.
    pub unknown: bool,
}

/// What differs, and what has to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The strongest of all differences.
    pub verdict: Verdict,
    /// The strongest first, then in the order of sections and names.
    pub differences: Vec<Difference>,
}

/// Compares two configurations of a unit.
#[must_use]
pub fn judge(kind: UnitKind, old: &Effective, new: &Effective) -> Judgement {
    let (old, new) = (InForce::of(kind, old), InForce::of(kind, new));
    let mut differences = old.differences(&new);
    for difference in &mut differences {
        rules::apply(kind, difference);
    }
    differences.sort_by_key(|difference| std::cmp::Reverse(Verdict::from(difference.effect)));
    let verdict = differences.iter().map(|difference| difference.effect.into()).max().unwrap_or(Verdict::Nothing);
    Judgement { verdict, differences }
}

/// Everything that only a start, a reload or a new socket brings to what runs, as text to be hashed: what needs a
/// start or a new socket, and what a reload brings.
#[must_use]
pub fn inputs_text(kind: UnitKind, effective: &Effective) -> (String, String) {
    let in_force = InForce::of(kind, effective);
    let mut texts = (String::new(), String::new());
    for difference in in_force.differences(&InForce::default()) {
        let mut difference = difference;
        rules::apply(kind, &mut difference);
        let text = match Verdict::from(difference.effect) {
            Verdict::Nothing | Verdict::Links | Verdict::DaemonReload => continue,
            Verdict::Reload => &mut texts.1,
            Verdict::Restart | Verdict::Rebind => &mut texts.0,
        };
        for value in &difference.old {
            text.extend(["[", &difference.section, "] ", &difference.key, "=", value, "\n"]);
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNITS: [&str; 6] = [
        "[Service]\nExecStart=/a\nNice=1\n",
        "[Unit]\nDescription=x\n[Service]\nNice=1\nExecStart=\"/a\"\nRestart=no\n",
        "[Service]\nExecStart=/a\nNice=2\n",
        "[Service]\nExecStart=/b\nMemoryMax=1G\n",
        "[Service]\nFrobnicate=yes\nExecStart=/a\n",
        "",
    ];

    #[test]
    fn the_record_changes_exactly_when_something_has_to_happen() {
        for one in UNITS {
            for other in UNITS {
                let (one, other) = (Effective::merge(Some(one), &[]), Effective::merge(Some(other), &[]));
                let same = inputs_text(UnitKind::Service, &one) == inputs_text(UnitKind::Service, &other);
                let judged = judge(UnitKind::Service, &one, &other);
                assert_eq!(same, judged.verdict < Verdict::Reload, "{judged:?}");
            }
        }
    }

    #[test]
    fn the_strongest_comes_first() {
        let old = Effective::merge(Some("[Unit]\nDescription=x\n[Service]\nExecStart=/a\nRestart=no\n"), &[]);
        let new = Effective::merge(Some("[Unit]\nDescription=y\n[Service]\nExecStart=/b\nRestart=always\n"), &[]);
        let judged = judge(UnitKind::Service, &old, &new);
        let keys: Vec<&str> = judged.differences.iter().map(|difference| difference.key.as_str()).collect();
        assert_eq!((judged.verdict, keys), (Verdict::Restart, vec!["ExecStart", "Restart", "Description"]));
    }
}
