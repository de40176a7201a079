//! Hosts of two components: the one that is deployed, and one that does what it should not.
#![allow(clippy::unwrap_used)]

mod gate;
mod hostile;
mod limits;
mod parts;
mod process;
mod serving;
