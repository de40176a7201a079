//! What the use-cases reach the world through.

use prooflane_store::{Blobs, Clock, Queue, Table};
use std::sync::Arc;

/// A source of randomness: the operating system's, or a seeded one in a simulation.
pub trait Entropy: Send + Sync {
    /// Fills the buffer.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's generator.
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        // Without randomness no key can be made safely: stopping is the only right answer.
        getrandom::fill(bytes).expect("the operating system's random generator answers");
    }
}

/// Every port.
#[derive(Clone)]
pub struct Ports {
    /// The truth.
    pub table: Arc<dyn Table>,
    /// Hints.
    pub queue: Arc<dyn Queue>,
    /// Proofs and large inputs.
    pub blobs: Arc<dyn Blobs>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}
