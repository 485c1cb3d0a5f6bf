//! What the user wrote, read into checked types that know where everything stands.

pub mod inventory;
pub mod manifest;
pub mod spans;
