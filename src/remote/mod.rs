//! One host's dialect: questions and steps as POSIX sh, and their framed answers.
//!
//! The only place where shell text is made. It is made once: two fixed scripts, the same bytes for every host and
//! every run, so that one reading audits them all. Whatever differs (names, paths, contents) travels behind the script
//! as length-prefixed data and is never evaluated. The scripts need a POSIX shell, coreutils, grep and systemd.
//!
//! Deliberately absent: connections (`transport`), asking many hosts (`observe`, `apply`), and any decision about what
//! to do (`plan`). Pure: bytes in, bytes out.

mod answer;
mod facts;
mod frames;
mod gather;
mod judge;
mod outcome;
mod properties;
mod seen;
mod transaction;

#[cfg(test)]
mod tests;

pub use frames::FrameError;
pub use gather::{GatherError, GatherRequest, encode_gather, gather_script, parse_gather};
pub use judge::{UnitAfter, judge};
pub use outcome::{Progress, RefusedBy, TransactionAnswer, TransactionError, Verdict, parse_transaction};
pub use transaction::{EncodeError, Transaction, encode_transaction, transaction_script};
