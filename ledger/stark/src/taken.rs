//! Counting what others take from a table.

use std::sync::atomic::{AtomicU32, Ordering};

/// How often each entry of a table is taken, counted by several threads.
pub(crate) struct Taken(Vec<AtomicU32>);

impl Taken {
    pub(crate) fn new(entries: usize) -> Self {
        Self((0..entries).map(|_| AtomicU32::new(0)).collect())
    }

    /// Counts one. What is no entry is left out: it will be missed.
    pub(crate) fn count(&self, entry: usize) {
        self.count_times(entry, 1);
    }

    /// Counts so many at once.
    pub(crate) fn count_times(&self, entry: usize, times: u32) {
        if let Some(count) = self.0.get(entry) {
            count.fetch_add(times, Ordering::Relaxed);
        }
    }

    pub(crate) fn get(&self, entry: usize) -> u64 {
        u64::from(self.0[entry].load(Ordering::Relaxed))
    }
}
