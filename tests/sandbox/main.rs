//! Real hosts.

mod support;
