//! The use-cases over the embedded adapters, with real proofs and virtual time.
#![allow(clippy::unwrap_used)]

mod access;
mod catalogue;
mod faults;
mod fsck;
mod fulfil;
mod harness;
mod leadership;
mod life;
mod market;
mod money;
mod payments;
mod privacy;
mod restart;
mod statements;
mod submit;
mod uploads;
