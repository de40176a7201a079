//! The three ports in memory, without faults: the truth that a simulation runs on.

mod blobs;
mod queue;
mod table;

pub use blobs::MemoryBlobs;
pub use queue::MemoryQueue;
pub use table::{Change, MemoryTable};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A panic elsewhere leaves no value half changed.
pub(crate) fn held<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
