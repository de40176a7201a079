//! The ledger where things go wrong: stores that fail, processes that die, others at the same time, an index left behind.

#![allow(clippy::unwrap_used, reason = "tests")]

mod faults;
mod model;
mod rivals;
mod sequences;
mod support;
