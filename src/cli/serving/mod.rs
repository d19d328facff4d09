//! What `imgctl serve` serves beside the local store, and what it tells of requests.

mod catalogue;
mod graph;
mod naming;
mod opening;
mod place;
mod served;
mod shelf;

pub(crate) use opening::Opening;
pub(crate) use place::Place;
pub(crate) use served::{Served, detect};
pub(crate) use shelf::Shelf;
