//! What `imgctl serve` serves besides the store.

pub(crate) mod upstream;
