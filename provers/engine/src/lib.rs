#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(test)]
mod alike;
mod bases;
mod cancel;
mod csr;
mod file;
mod key;
mod keys;
#[cfg(test)]
mod oracle;
mod prove;
mod proving_key;
pub mod reference;
mod selection;
mod setup;
mod tables;
#[cfg(test)]
mod tests;

pub use bases::TablesError;
pub use cancel::Cancel;
pub use csr::Csr;
pub use key::{CircuitKey, KeyError, OnProgress, TableOptions, TableProgress};
pub use keys::Keys;
pub use prooflane_kernels::{Backend, BackendError};
pub use prooflane_verifier::Provenance;
pub use prove::{Limits, ProveError, prove, prove_with_key, prove_within};
pub use proving_key::ProvingKey;
