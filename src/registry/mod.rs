//! The distribution client: typed calls on one registry.
