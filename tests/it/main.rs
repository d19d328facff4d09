//! Integration tests, one process per test. `support` holds the registries, proxies, servers and images they use;
//! every other module proves the promises of one command or one floor.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "all of this is test code: it fails loudly, writes plain files, and is seen by nobody outside"
)]

mod archives;
mod commands;
mod compression;
mod conformance;
mod documents;
mod documents_bytes;
mod documents_limits;
mod documents_shape;
mod durability;
mod failures;
mod floors;
mod generated;
mod images;
mod interop;
mod local_places;
mod login;
mod network;
mod output;
mod outputs;
mod published;
mod readme;
mod reliability;
mod resume;
mod secrets;
mod secrets_elsewhere;
mod secrets_output;
mod secrets_realm;
mod serving;
mod signals;
mod steering;
mod store;
mod support;
mod support_selftest;
