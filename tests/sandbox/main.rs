//! Real hosts.

mod answer;
mod apply;
mod budget;
mod drift;
mod faults;
mod interrupted;
mod reach;
mod reading;
mod support;
