//! Real hosts.

mod apply;
mod drift;
mod masks;
mod playbooks;
mod reading;
mod support;
