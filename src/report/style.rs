//! The colours, by what they mean.
//!
//! Colour only repeats what words and signs already say: everything must read the same without it.

use anstyle::{AnsiColor, Effects, Style};

/// The styles of a page. Only the sixteen basic colours are used, so that the reader's own theme decides.
#[derive(Clone, Copy, Debug, Default)]
pub struct Palette {
    /// Names that start a block.
    pub heading: Style,
    /// What is there for completeness.
    pub faint: Style,
    /// Went well, or needs nothing.
    pub good: Style,
    /// Will change, or did.
    pub changed: Style,
    /// Worth a look.
    pub warning: Style,
    /// Went wrong.
    pub bad: Style,
    /// Added lines.
    pub added: Style,
    /// The words of an added line that differ.
    pub added_word: Style,
    /// Removed lines.
    pub removed: Style,
    /// The words of a removed line that differ.
    pub removed_word: Style,
    /// Where in a file a piece of a diff is.
    pub place: Style,
    /// Something that runs will be interrupted.
    pub interrupts: Style,
    /// Something will be started or told to reload.
    pub starts: Style,
}

impl Palette {
    /// The palette with colours, or the one that writes none.
    #[must_use]
    pub fn new(color: bool) -> Self {
        if !color {
            return Self::default();
        }
        let bold = Style::new().bold();
        let colored = |color: AnsiColor| color.on_default();
        let word = Effects::BOLD | Effects::UNDERLINE;
        Self {
            heading: bold,
            faint: Style::new().dimmed(),
            good: colored(AnsiColor::Green),
            changed: colored(AnsiColor::Yellow),
            warning: colored(AnsiColor::Yellow).bold(),
            bad: colored(AnsiColor::Red).bold(),
            added: colored(AnsiColor::Green),
            added_word: colored(AnsiColor::Green).effects(word),
            removed: colored(AnsiColor::Red),
            removed_word: colored(AnsiColor::Red).effects(word),
            place: colored(AnsiColor::Cyan),
            interrupts: colored(AnsiColor::Magenta).bold(),
            starts: bold,
        }
    }
}
