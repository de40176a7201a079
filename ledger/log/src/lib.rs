#![doc = include_str!("../README.md")]

pub mod checkpoint;
pub mod merkle;
pub mod note;
pub mod receipt;
pub mod tile;
pub mod witness;

#[cfg(feature = "store")]
mod cosigning;
#[cfg(feature = "store")]
mod error;
#[cfg(feature = "store")]
mod fsck;
#[cfg(feature = "store")]
mod integrate;
#[cfg(feature = "store")]
mod layout;
#[cfg(feature = "store")]
mod log;
#[cfg(feature = "store")]
mod reader;
#[cfg(feature = "store")]
mod sequence;

pub use checkpoint::{Checkpoint, SignedCheckpoint};
pub use merkle::Hash;
pub use note::{Kind, SigningKey, VerifyingKey};
pub use receipt::{Policy, Receipt};

#[cfg(feature = "store")]
pub use {
    cosigning::{Witness, WitnessError},
    error::{AppendError, LogError},
    fsck::{Finding, Report, fsck},
    log::{Log, Writer},
    reader::Reader,
};
