//! Images on disk: OCI layouts and the local store, many images over one blob pool.
