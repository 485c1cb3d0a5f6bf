//! (desired, observed) → plan. Pure.
