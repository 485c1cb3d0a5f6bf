//! Manifests, inventory and templates → what each host shall look like.
