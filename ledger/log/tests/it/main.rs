//! The log as its users and its judges see it.
#![allow(clippy::unwrap_used, reason = "everything here is a test")]

mod concurrent;
mod faults;
mod fsck;
mod judge;
mod merkle;
mod notes;
mod receipts;
mod store;
mod support;
mod witness;
