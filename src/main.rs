//! The `unitfleet` program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    unitfleet::cli::main()
}
