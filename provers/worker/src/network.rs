//! What a prover needs of a network.

use async_trait::async_trait;
use prooflane_client::wire::AssignmentView;
use prooflane_engine::CircuitKey;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

use crate::Offer;

/// Why the network did not do what the prover asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// It refused: asking again will not help. For an assignment: drop it.
    #[error("refused ({code}): {message}")]
    Refused {
        /// The stable code.
        code: String,
        /// Why.
        message: String,
    },
    /// It did not answer: ask again.
    #[error("the network does not answer: {0}")]
    Unavailable(String),
}

impl NetworkError {
    /// The refusal's stable code, if it is one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            Self::Unavailable(_) => None,
        }
    }
}

/// A network, as a prover sees it.
#[async_trait]
pub trait Network: Send + Sync {
    /// Makes the prover known without an ask, so that it hears whether it is wanted before it prepares anything.
    async fn register(&self, _offer: &Offer) -> Result<(), NetworkError> {
        Ok(())
    }

    /// Registers, and places the offer's ask (or replaces it).
    async fn offer(&self, offer: &Offer) -> Result<(), NetworkError>;

    /// Takes the ask back: nothing new is assigned.
    async fn withdraw(&self, offer: &Offer) -> Result<(), NetworkError>;

    /// Waits for up to `max` assignments; what is in progress but not in `holding` comes again.
    async fn claim(
        &self,
        offer: &Offer,
        max: usize,
        holding: &[Uuid],
        wait: Duration,
    ) -> Result<Vec<AssignmentView>, NetworkError>;

    /// Extends the lease.
    async fn heartbeat(&self, offer: &Offer, task: Uuid, attempt: u32) -> Result<(), NetworkError>;

    /// Hands a proof in, 128 bytes of a circuit or evidence of a statement; whether it was accepted.
    async fn result(
        &self,
        offer: &Offer,
        task: Uuid,
        attempt: u32,
        proof: &[u8],
    ) -> Result<bool, NetworkError>;

    /// Gives an attempt up.
    async fn failure(
        &self,
        offer: &Offer,
        task: Uuid,
        attempt: u32,
        message: &str,
    ) -> Result<(), NetworkError>;

    /// The witness that the inputs of a task name, as it was uploaded. Refused, where inputs hold all there is.
    async fn witness(&self, _offer: &Offer, _task: Uuid) -> Result<Vec<u8>, NetworkError> {
        Err(NetworkError::Refused {
            code: "no_witness".into(),
            message: "this network has no uploads".into(),
        })
    }

    /// The circuits that the network has, each with the name of its key: what a prover can prepare for. None, where that
    /// is not known before there are tasks.
    async fn keys(&self) -> Result<Vec<(String, String)>, NetworkError> {
        Ok(Vec::new())
    }

    /// The proving key of a circuit; `key_id` names the verifying key that will decide.
    async fn key(&self, circuit: &str, key_id: &str) -> Result<Arc<CircuitKey>, NetworkError>;
}
