//! systemd's language.
