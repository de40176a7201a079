#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod affine;
mod boxes;
#[cfg(test)]
mod check;
mod claim;
mod column;
mod digits;
mod domain;
mod field;
pub mod groups;
pub mod held;
pub mod intervals;
mod laplace;
pub mod noisy;
pub mod order;
mod picks;
mod poseidon2;
mod program;
mod proof;
mod prove;
mod ranges;
mod rows;
pub mod statistics;
mod table;
mod taken;
#[cfg(test)]
mod tests;
pub mod transformations;
mod verify;
mod words;

pub use affine::Affine;
pub use claim::{Claim, Tables};
pub use column::{Column, ColumnError, Layout, MAX_PROOFS, MAX_VALUES, VALUES, Values};
pub use groups::Groups;
pub use held::Held;
pub use intervals::{Intervals, Within};
pub use laplace::Epsilon;
pub use noisy::{NoiseCommitment, NoiseError, NoiseSeed, Noisy, Query};
pub use order::Order;
pub use proof::{Commitment, Proof};
pub use prove::ProveError;
pub use rows::Dataset;
pub use statistics::Statistics;
pub use transformations::Transformation;
pub use verify::{Verified, VerifyError};
