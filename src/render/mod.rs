//! Templates: minijinja, hardened; the built-in templates.
