#![doc = include_str!("../README.md")]

mod clock;
mod dir_blobs;
mod error;
pub mod limits;
mod ports;
mod sqlite;
mod sqlite_queue;
mod sqlite_table;

pub use clock::{Clock, ManualClock, SystemClock};
pub use dir_blobs::DirBlobs;
pub use error::{CommitError, StoreError};
pub use ports::{
    Blobs, Cursor, Delivery, Expect, Found, Index, IndexKey, Item, Key, Page, PutMode, PutOutcome,
    Query, Queue, Receipt, Table, Write,
};
pub use sqlite_queue::SqliteQueue;
pub use sqlite_table::SqliteTable;
