#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod file;
mod key;
mod keys;
#[cfg(test)]
mod oracle;
mod prove;
mod proving_key;
mod reference;
mod setup;
#[cfg(test)]
mod tests;

pub use key::{CircuitKey, KeyError, Provenance};
pub use keys::Keys;
pub use prove::{ProveError, prove, prove_with_key};
pub use proving_key::{Csr, ProvingKey};
