//! Machines of the fleet over the embedded stores, with real proofs and virtual time; and their calls
//! to AWS against servers of the tests' own.
#![allow(clippy::unwrap_used, reason = "everything here is a test")]

mod cells;
mod drain;
mod harness;
mod metadata;
mod setup;
mod tasks;
