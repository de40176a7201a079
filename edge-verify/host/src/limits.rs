//! What a request may take.

use std::time::Duration;

/// What the host allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long one request may take, waiting included.
    pub time: Duration,
    /// Bytes of memory of one instance, for all requests that it serves at a time.
    pub memory_bytes: usize,
    /// Bytes that all key-value stores hold together. Above it nothing new is kept: nothing is
    /// forgotten for it, since what is kept may be what was spent.
    pub kept_bytes: usize,
    /// Requests at once; others wait for their turn.
    pub requests: usize,
    /// Requests of one instance at once. Only those that wait make room for others: an instance that
    /// computes takes no further one.
    pub requests_of_an_instance: usize,
    /// Requests of one instance in its whole life.
    pub requests_in_a_life: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(90),
            memory_bytes: 64 << 20,
            kept_bytes: 64 << 20,
            requests: 64,
            requests_of_an_instance: 16,
            requests_in_a_life: 10_000,
        }
    }
}
