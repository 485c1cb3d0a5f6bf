//! Model → bytes, one file per format; the only place that prints.
