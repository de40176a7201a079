#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]
#![deny(unsafe_code)]

mod backend;
mod batch;
mod buckets;
mod curve;
mod digits;
pub mod field;
mod mapping;
mod msm;
mod ntt;
mod plan;
pub mod simd;
mod tables;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod words;

pub use backend::{Backend, BackendError, ENGINE_VARIABLE};
pub use curve::{Curve, Radix};
pub use mapping::{Mapping, Section};
pub use ntt::{Domain, DomainError};
pub use plan::Plan;
pub use tables::{FixedBases, TableError, Words};
