//! Steering: how fast, how long and how much at once, said by flags, the environment and a file; and what is told of it.

mod certificates;
mod config;
mod progress;
mod rate;
mod time;
