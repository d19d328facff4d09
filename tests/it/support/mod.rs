//! What the tests stand on. Everything starts in milliseconds, on a port the kernel chose, and is gone when dropped;
//! a missing tool fails the test.
//!
//! * [`env`] a home of its own for the program under test · [`run`] one run of a program and what came of it
//! * [`image`], [`image_builder`], [`layer`] images made in memory from a seed
//! * [`docker_registry`] the real registry · [`nginx`] TLS in front of anything · [`certificates`] for both
//! * [`dockerd`], [`containerd`] engines with their clients, each in a [`sandbox`]
//! * [`fault_registry`] a registry with one fault per repository · [`fault_proxy`] bad weather in front of a port
//! * [`token_server`], [`token_issuer`] issue tokens · [`attacker`] hears what it should not
//! * [`trace`] what a program asked of the kernel
//! * [`serve`] our own registry · [`chromium`] a browser in front of it
//! * [`http`] a small client · [`listener`], [`http_server`], [`reply`], [`traffic`] what the servers share
#![allow(dead_code, reason = "each piece waits for the tests that need it")]

pub mod attacker;
pub mod certificates;
pub mod chromium;
pub mod containerd;
pub mod daemon;
pub mod docker_registry;
pub mod dockerd;
pub mod env;
pub mod fault_proxy;
pub mod fault_registry;
pub mod http;
pub mod http_server;
pub mod image;
pub mod image_builder;
pub mod layer;
pub mod listener;
pub mod nginx;
pub mod outcome;
pub mod reply;
pub mod run;
pub mod sandbox;
pub mod serve;
pub mod token_issuer;
pub mod token_server;
pub mod trace;
pub mod traffic;
