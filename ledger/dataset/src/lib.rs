#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod batch;
mod calendar;
mod canonical;
mod error;
mod key;
mod kind;
mod profile;
mod read;
mod schema;
mod table;
mod write;

pub use batch::{Batch, Column, Strings, Values};
pub use canonical::{Algorithm, Digest, Digester, MAGIC, NoDigest};
pub use error::{At, Error, Place};
pub use key::ValueProblem;
pub use kind::{Kind, Unit, UnknownKind, Width};
pub use profile::{ColumnProfile, Profile, Profiler};
pub use read::{BATCH_ROWS, Format, Options, Reader};
pub use schema::{Field, Schema, Type, Types};
pub use table::{Range, Table};
pub use write::{CsvWriter, ParquetWriter};
