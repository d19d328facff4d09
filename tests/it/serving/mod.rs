//! `imgctl serve`: the registry on this machine.

mod first;
mod locations;
