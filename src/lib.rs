//! unitfleet (map to be written)
pub mod apply;
pub mod cli;
pub mod compile;
pub mod load;
pub mod model;
pub mod observe;
pub mod plan;
pub mod remote;
pub mod render;
pub mod report;
pub mod sandbox;
pub mod transport;
pub mod unitfile;
