//! What a change of a directive does to a unit that runs.

use std::fmt;

/// The classes, mildest first within what they touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Nothing that runs depends on it: text for people.
    Nothing,
    /// The links that enabling makes (`[Install]`).
    Enablement,
    /// It counts when the unit is started the next time; what runs is not wrong without it (conditions, dependencies).
    NextStart,
    /// systemd itself acts by it, from the daemon-reload on: when the unit fails, stops or is reloaded.
    Manager,
    /// The daemon-reload applies it to what runs (resource control).
    Live,
    /// The daemon-reload schedules the timer, or watches the path, anew.
    Rearm,
    /// A reload of the unit applies it (options of a mount).
    Remount,
    /// Only a new start of the unit brings it.
    Restart,
    /// The socket must be made anew, which its service has to make way for.
    Rebind,
}

impl Effect {
    const WORDS: [(Self, &'static str); 9] = [
        (Self::Nothing, "nothing"),
        (Self::Enablement, "enablement"),
        (Self::NextStart, "next-start"),
        (Self::Manager, "manager"),
        (Self::Live, "live"),
        (Self::Rearm, "rearm"),
        (Self::Remount, "remount"),
        (Self::Restart, "restart"),
        (Self::Rebind, "rebind"),
    ];

    /// What a change does, as a sentence about it without a final stop.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Nothing => "nothing that runs depends on it",
            Self::Enablement => "the links of enablement follow it; nothing is restarted",
            Self::NextStart => "it counts when the unit is started the next time; what runs stays as it is",
            Self::Manager => "systemd acts by it from the daemon-reload on; nothing is restarted",
            Self::Live => "the daemon-reload applies it to what runs",
            Self::Rearm => "the daemon-reload schedules or watches anew; nothing is restarted",
            Self::Remount => "a reload of the unit applies it",
            Self::Restart => "only a new start brings it, so the unit is restarted",
            Self::Rebind => "the socket is made anew: its service stops, the socket is restarted, the service starts",
        }
    }

    /// The word of the tables.
    pub(super) fn parse(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, known)| *known == word).map(|(effect, _)| *effect)
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = Self::WORDS.iter().find(|(effect, _)| effect == self);
        f.write_str(found.map_or("", |(_, word)| word))
    }
}
