//! What the server tells about its work: one [`Exchange`] for each request, when its answer was sent or broke off.

use std::time::{Duration, SystemTime};

use http::{Method, StatusCode};

use super::{Peer, Principal};

/// Hears of each request. It is called on the threads that serve: it must be quick.
pub trait Observer: Send + Sync {
    /// A request was answered, or its client left before.
    fn on(&self, exchange: &Exchange);
}

/// An observer that does not listen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Deaf;

impl Observer for Deaf {
    fn on(&self, _: &Exchange) {}
}

/// A request and what came of it. Texts are as the client sent them: whoever prints them must escape them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Exchange {
    /// When the request's head was read.
    pub at: SystemTime,
    /// Who sent it.
    pub peer: Peer,
    /// On whose behalf it was answered.
    pub principal: Principal,
    /// The method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// The answer's status; `None` where the client left before there was an answer.
    pub status: Option<StatusCode>,
    /// Whether the whole answer was handed on to be sent.
    pub complete: bool,
    /// Bytes of the request's body that were read.
    pub received: u64,
    /// Bytes of the answer's body that were handed on to be sent.
    pub sent: u64,
    /// From the request's head to the answer's end.
    pub duration: Duration,
    /// What the client calls itself.
    pub user_agent: Option<String>,
    /// Why the server could not do what it should have.
    pub failure: Option<String>,
}
