//! imgctl moves container images between registries, archives, layouts and the local store; nothing is lost on the way.
//!
//! > **Places** (registry, layout, archive …) are opened as a [`Source`](transport::Source) or a
//! > [`Destination`](transport::Destination).
//! > **Copy** is the only writer: plan the difference, then run the plan.
//! > **The protocol's words** are typed once, for whoever speaks them.
//!
//! So `push`, `pull`, `save` and `load` are all `copy(source, destination)`: one data path, one place for verification,
//! retries, progress and mounts.
//!
//! # The floors
//!
//! The order of the modules below is the rule: a module imports only modules above it. Read them in this order.
//!
//! | floor | modules | what it is |
//! |---|---|---|
//! | words | [`oci`], [`name`], [`protocol`], [`error`] | pure data: no I/O, no async |
//! | bytes and sockets | [`content`], [`net`], [`auth`] | verified streams and files; HTTP over bad networks; who we are |
//! | places, each in its own terms | [`registry`], [`store`] | the distribution client; OCI layouts and the local store |
//! | sameness | [`transport`] | every place seen through two traits |
//! | work | [`transfer`], [`server`] | the copy: resolve → plan → run → report; a registry over the store |
//!
//! The binary sees only the public API: flags, words, tables, progress and exit codes are in `src/cli`. The library is
//! silent: it prints nothing, reads no environment and finds no home directory; all that comes in through
//! [`transport::Settings`].
//!
//! # A copy, end to end
//!
//! `imgctl copy docker://a/b:1 oci:./out:1` parses two [`Location`](transport::Location)s, opens them through one
//! [`Session`](transport::Session) and calls [`transfer::copy`]. That resolves the name to a root descriptor, walks the
//! manifests below it (`transfer/select.rs`), lists the blobs they need (`transfer/plan.rs`), moves each digest once — mount,
//! else stream: read a piece, hash it, write it (`transfer/blob.rs`) — and puts manifests upward, the root last, under its
//! name (`transfer/run.rs`). A crash before that leaves no name. `examples/quickstart.rs` does it, with a
//! registry of its own.

pub mod oci;

pub mod name;

pub mod protocol;

pub mod error;

pub mod content;

pub mod net;

pub mod auth;

pub mod registry;

pub mod store;

pub mod transport;

pub mod transfer;

pub mod server;

pub use error::{Error, Result};
