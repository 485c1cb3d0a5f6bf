//! The `unitfleet` program.

fn main() {}
