#![doc = include_str!("../README.md")]
#![allow(clippy::unwrap_used, reason = "everything here is a test")]

mod blobs;
mod faulty;

pub use blobs::MemoryBlobs;
pub use faulty::{Fault, Faulty};
