//! The command line: clap, environment, terminal, exit codes.
