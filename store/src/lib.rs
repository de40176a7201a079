#![doc = include_str!("../README.md")]

mod clock;
mod error;
pub mod limits;
mod ports;

pub use clock::{Clock, ManualClock, SystemClock};
pub use error::{CommitError, StoreError};
pub use ports::{
    Blobs, Cursor, Delivery, Expect, Index, IndexKey, Item, Key, Page, PutMode, PutOutcome, Query,
    Queue, Receipt, Table, Write,
};
