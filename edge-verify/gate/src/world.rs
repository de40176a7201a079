//! What a gate needs from where it runs: a component at the edge, or a process.

use http::{Request, Response};
use std::time::Duration;
use thiserror::Error;

/// A clock, randomness, a key-value store, and requests to others.
#[allow(
    async_fn_in_trait,
    reason = "implemented by this repository's own crates only"
)]
pub trait World {
    /// The body of an answer, which may still be arriving.
    type Body;

    /// The present, in Unix seconds.
    fn now_seconds(&self) -> u64;

    /// Fresh random bytes.
    fn entropy(&self) -> [u8; 16];

    /// What was kept under a key, if it still is. A failing store keeps nothing.
    async fn kept(&self, key: &str) -> Option<Vec<u8>>;

    /// Keeps a value under a key, as well as it goes.
    async fn keep(&self, key: &str, value: Vec<u8>);

    /// Sends a request and waits for the head of its answer.
    ///
    /// # Errors
    /// [`SendError`].
    async fn send(
        &self,
        request: Request<Vec<u8>>,
        patience: Duration,
    ) -> Result<Response<Self::Body>, SendError>;

    /// Reads a whole body of at most so many bytes.
    ///
    /// # Errors
    /// [`SendError`], also where there are more.
    async fn read(&self, body: Self::Body, most: usize) -> Result<Vec<u8>, SendError>;

    /// A body of these bytes.
    fn body(&self, bytes: Vec<u8>) -> Self::Body;
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SendError {
    /// The other side never got the request.
    #[error("the request was not sent: {0}")]
    NotSent(String),
    /// It may have.
    #[error("the request was sent, and no whole answer came: {0}")]
    NoAnswer(String),
}
