#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod access;
mod backup;
mod bytes;
mod commitment;
mod entry;
mod error;
mod evidence;
mod fsck;
mod instance;
mod keys;
mod ledger;
mod lineage;
mod opening;
mod pieces;
mod rows;
mod sealed;
mod statement;
pub mod task;
mod transform;

pub use access::{Permission, Permissions};
pub use backup::BackupError;
pub use bytes::{Bytes32, DatasetId, NoBytes32};
pub use commitment::{Commitment, LEAST_PROOFS, parts};
pub use entry::Entry;
pub use error::Error;
pub use evidence::{Evidence, MAX_BYTES, Verified};
pub use fsck::{Finding, Report};
pub use instance::{Instance, Witness, WitnessKey};
pub use keys::{LogKeys, derived_key};
pub use ledger::{Known, LOG, Ledger, LedgerError, MOST_DATASETS, Operation, Operations};
pub use lineage::{Lineage, grouped};
pub use opening::Opening;
pub use pieces::Source;
pub use rows::row_inputs;
pub use sealed::{OpeningFile, SealingKey};
pub use statement::{Figure, Statement};
pub use transform::{Made, Owned, Transform, hand_out, notarize, prove};
