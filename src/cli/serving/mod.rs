//! What `imgctl serve` serves beside the local store, and what it tells of requests.

mod catalogue;
pub(crate) mod descriptors;
mod graph;
mod log;
mod naming;
mod opening;
mod place;
pub(crate) mod protection;
mod served;
mod shelf;
pub(crate) mod upstream;

pub(crate) use log::{AccessLog, LogFormat};
pub(crate) use opening::Opening;
pub(crate) use place::Place;
pub(crate) use served::{Served, detect};
pub(crate) use shelf::Shelf;
