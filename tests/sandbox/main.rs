//! Real hosts.

mod apply;
mod drift;
mod reading;
mod support;
