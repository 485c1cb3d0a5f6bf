//! Asks all hosts.
