//! What a project begins with: a small one of its own, or the unit files that a host already has.
//!
//! Text in, text out: what is written where, and that nothing is overwritten, is for the command line. What comes out
//! is a person's own from then on, so it is written as a person would write it, with comments that say what to change.
//!
//! | module | responsible for |
//! |---|---|
//! | `project` | the files of a new project |
//! | `units` | existing unit files → a manifest and its templates |
//! | `lift` | a unit file's text → a template that renders to exactly that text |
//! | `manifest` | what was found → the manifest's text |

mod lift;
mod manifest;
mod project;
mod units;

pub use manifest::is_packaged;
pub use project::project;
pub use units::{UnitSource, from_units};

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Where, relative to the project's folder.
    pub path: String,
    /// What is in it.
    pub text: String,
}
