//! Real hosts.

mod drift;
mod reading;
mod support;
