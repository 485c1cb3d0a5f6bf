//! What the user wrote, read into checked types that know where everything stands.
//!
//! A file is read twice: `scan` keeps every node's place and refuses what is dangerous or ambiguous, `serde_yaml` says
//! what the scalars mean, and `document` holds them against each other: where the two readers differ, the file is
//! refused. The types are then taken from the tree by hand, key by key, instead of by serde's derive: a derive stops at
//! the first mistake of a struct and speaks of Rust types, and a reader wants all mistakes at once, in words of systemd.
//!
//! Nothing is rendered here, no other file is opened (templates and `source:` belong to the rooms above), and nothing
//! asks whether a directive exists: that needs systemd's catalogue.

pub mod extra_vars;
pub mod inventory;
pub mod manifest;
pub mod project;
pub mod selector;
pub mod spans;
pub mod tags;

mod accounts;
mod allowed;
mod brief;
mod document;
mod elsewhere;
mod entries;
mod file_keys;
mod json_document;
mod leaf;
mod node;
mod playbook;
mod read_file;
mod scan;
pub mod schema;
mod secrets;
mod sections;
mod selection;
mod slips;
mod tree;
mod units;
mod words;
mod yaml11;

pub use accounts::{IdError, parse_id};
pub use brief::brief;
pub use file_keys::{check_command, check_target};
pub use inventory::{parse_inventory, read_inventory};
pub use playbook::{check_unique, parse_playbook, read_playbook};
pub use read_file::read_file;
pub use selection::parse_until;
pub use words::split_words;
