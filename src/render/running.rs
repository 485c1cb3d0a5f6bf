//! One rendering while it runs: what it has cost so far, and which of its printed values could change the lines of a
//! unit file.
//!
//! The engine counts instructions, not what each of them does: to turn a mebibyte into capitals is one. So every text
//! and list that is worked on is counted here, and too much of it ends the rendering as too many instructions do. It is
//! a count and not a clock, so that the same template is refused everywhere.
//!
//! A thread renders one thing at a time; that is why a place that belongs to the thread is enough, and no filter has to
//! be handed one.

use std::borrow::Cow;
use std::cell::Cell;

use minijinja::{Error, ErrorKind};

use super::environment::MAX_OUTPUT;
use super::lines::{self, Wrong};
use super::value::{refusal, refusal_with_help};

/// How many bytes or items a rendering may work on.
const MAX_WORK: usize = 64 * MAX_OUTPUT;

/// What is done with printed values that a line of a unit file cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Printing {
    /// Nothing: any text may come out.
    Free,
    /// They are marked, for [`lines::check`].
    Marked,
    /// The one with this number is refused, so that the engine says where it is printed.
    Refused(usize, Wrong),
}

thread_local! {
    static WORK: Cell<usize> = const { Cell::new(0) };
    static PRINTING: Cell<Printing> = const { Cell::new(Printing::Free) };
    static MARKED: Cell<usize> = const { Cell::new(0) };
}

/// A rendering begins.
pub(super) fn start(printing: Printing) {
    WORK.set(0);
    MARKED.set(0);
    PRINTING.set(printing);
}

/// Counts work on so many bytes or items.
pub fn charge(amount: usize) -> Result<(), Error> {
    let done = WORK.get().saturating_add(amount);
    WORK.set(done);
    if done > MAX_WORK { Err(Error::from(ErrorKind::OutOfFuel)) } else { Ok(()) }
}

/// A printed text as it goes into the output.
pub(super) fn printed(text: &str) -> Result<Cow<'_, str>, Error> {
    if PRINTING.get() == Printing::Free {
        return Ok(Cow::Borrowed(text));
    }
    if !lines::is_balanced(text) {
        return Err(refusal("this value holds a character that Unicode keeps for no use (U+FDD0 to U+FDEF)"));
    }
    if !lines::matters(text) {
        return Ok(Cow::Borrowed(text));
    }
    let number = MARKED.get();
    MARKED.set(number + 1);
    match PRINTING.get() {
        Printing::Refused(refused, wrong) if refused == number => Err(told(wrong)),
        _ => Ok(Cow::Owned(lines::mark(text, number))),
    }
}

/// What is wrong with a printed value.
pub(super) fn told(wrong: Wrong) -> Error {
    match wrong {
        Wrong::Break => refusal_with_help(
            "this value holds a line break, and is printed within a line of a unit: the rest of it would be lines of their own",
            "`exec_quote`, `exec_args` and `env_quote` write a line break so that the program gets it; for whole lines let the braces stand alone on their line",
        ),
        Wrong::Backslash => refusal_with_help(
            "this value ends in `\\` at the end of a line of a unit, which makes the next line part of it",
            "leave the `\\` out, or quote the value: `exec_quote`, `env_quote`",
        ),
        Wrong::Comment => refusal_with_help(
            "this value begins as a comment on a line that continues a directive: systemd skips it, and takes the next line for the rest",
            "print it on the directive's first line, or quote it: `exec_quote`, `exec_args`",
        ),
        Wrong::Mark => refusal("this text holds a character that Unicode keeps for no use (U+FDD0 to U+FDEF)"),
    }
}
