//! The whole network under seeded faults in virtual time.

mod memory;

pub use memory::{Change, MemoryBlobs, MemoryQueue, MemoryTable};
