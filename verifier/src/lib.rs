#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(test, allow(clippy::unwrap_used))]

extern crate alloc;

mod batch;
mod decode;
pub mod field;
mod key;
mod pairing;
mod proof;
pub mod snarkjs;
#[cfg(test)]
mod tests;

pub use ark_bn254::{Bn254, Fr, G1Affine, G2Affine};
pub use batch::{BatchError, Statement};
pub use decode::DecodeError;
pub use key::{KeyId, PreparedKey, Provenance, VerifyError, VerifyingKey};
pub use proof::Proof;
