//! Real hosts: booted in a second, driven through the built program over a stock sshd.

mod answer;
mod apply;
mod budget;
mod collection;
mod conformance;
mod drift;
mod edits;
mod faults;
mod interrupted;
mod lines;
mod masks;
mod playbooks;
mod prompt;
mod quoting;
mod reach;
mod reading;
mod secrets;
mod selection;
mod support;
mod templates;
mod traces;
mod tree;
