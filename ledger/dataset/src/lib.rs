#![cfg_attr(feature = "files", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "files"),
    doc = "Datasets as Prooflane's ledger sees them, without files."
)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod batch;
mod calendar;
mod canonical;
mod error;
mod key;
mod kind;
mod profile;
#[cfg(feature = "files")]
mod read;
mod schema;
mod table;
#[cfg(feature = "files")]
mod write;

pub use batch::{Batch, Column, Strings, Values};
pub use canonical::{Algorithm, Digest, Digester, MAGIC, NoDigest};
pub use error::{At, Error, Place};
pub use key::ValueProblem;
pub use kind::{Kind, Unit, UnknownKind, Width};
pub use profile::{ColumnProfile, Profile, Profiler};
#[cfg(feature = "files")]
pub use read::{BATCH_ROWS, Format, Options, Reader};
pub use schema::{Field, Schema, Type, Types};
pub use table::{Range, Table};
#[cfg(feature = "files")]
pub use write::{CsvWriter, ParquetWriter};
