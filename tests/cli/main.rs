//! Command-line snapshots.
