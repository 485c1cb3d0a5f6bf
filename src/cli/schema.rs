//! `unitfleet schema`

use std::io::Write as _;

use clap::ValueEnum;
use serde_json::Value;

use crate::load::schema;
use crate::report::json;

use super::Verdict;
use super::terminal::Terminal;

/// Print a JSON Schema, by which editors complete, describe and underline what you write
#[derive(clap::Args)]
pub(super) struct Args {
    /// Of what
    #[arg(value_enum, default_value_t)]
    what: What,
}

/// What has a schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum What {
    /// A playbook
    #[default]
    Playbook,
    /// An inventory in YAML
    Inventory,
    /// `unitfleet.yaml`
    Project,
    /// What `validate --format json` prints
    Diagnostics,
}

impl What {
    pub(super) fn schema(self) -> Value {
        match self {
            Self::Playbook => schema::playbook(),
            Self::Inventory => schema::inventory(),
            Self::Project => schema::project(),
            Self::Diagnostics => json::diagnostics_schema(),
        }
    }
}

pub(super) fn run(args: &Args) -> Verdict {
    let mut out = Terminal::out();
    writeln!(out, "{:#}", args.what.schema())?;
    out.flush()?;
    Ok(0)
}
