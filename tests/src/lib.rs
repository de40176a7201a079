//! What crosses rooms, so that no room has to know another to be tested.
#![allow(clippy::unwrap_used, reason = "everything here is a test")]

pub mod binary;
pub mod conformance;
pub mod http;
pub mod ledger;
pub mod net;
pub mod node;
pub mod stack;
