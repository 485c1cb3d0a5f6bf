//! systemd's language: unit files as text, what they say together, where they lie, and what enabling them links.
//!
//! | module | responsible for |
//! |---|---|
//! | `parse` | unit file text → lines that keep every byte |
//! | `write` | sections and settings → unit file text |
//! | `inputs` | the files that a unit reads when it starts |
//! | [`catalogue`] | every directive: its value, since when, and what a change of it does |
//! | [`quote`], `words`, `escape` | one word: quoting, splitting, specifiers, `systemd-escape` |
//! | `timespan`, `size` | values: lengths of time, numbers of bytes |
//! | `effective`, `reset` | a fragment and its drop-ins, read as one |
//! | `search` | which files of systemd's unit path make up a unit |
//! | `install`, `links` | `[Install]` → the links that enabling makes |
//!
//! Everything here is pure text work: no file is opened and no host is asked.

pub mod catalogue;
mod effective;
mod escape;
mod inputs;
mod install;
mod links;
mod parse;
pub mod quote;
mod reset;
mod search;
mod size;
mod timespan;
mod words;
mod write;

pub use effective::{Effective, Setting, Source};
pub use inputs::literal_head;
pub use install::{Install, belongs_to_enablement, carries_install, has_install, install_links, same_target};
pub use install::{below_usr, target_path};
pub use links::InstallError;
pub use parse::{Assignment, Invalid, Item, Line, UnitFile};
pub use reset::{feeds, is_shared};
pub use search::{Candidates, Files, candidates, resolve};
pub use size::{Size, SizeError};
pub use timespan::{TimeSpan, TimeSpanError};
pub use write::{WriteError, unit_text};
