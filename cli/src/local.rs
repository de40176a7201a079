//! The network as the provers in its own process see it.

use async_trait::async_trait;
use prooflane_api::assignment_view;
use prooflane_client::wire::AssignmentView;
use prooflane_coordinator::{ClaimRequest, Coordinator, Error, Registration};
use prooflane_engine::{CircuitKey, Keys};
use prooflane_market::{Ask, AskId, Credits, Millis, PrivacyLevel, ProverId, TaskId, Timestamp};
use prooflane_worker::{Network, NetworkError, Offer};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// The use-cases, called directly.
pub(crate) struct Local {
    pub(crate) coordinator: Coordinator,
    pub(crate) keys: Arc<Keys>,
}

fn failed(error: Error) -> NetworkError {
    match error {
        Error::Unavailable(_) | Error::Contention(_) => {
            NetworkError::Unavailable(error.to_string())
        }
        error => NetworkError::Refused {
            code: error.code().to_owned(),
            message: error.to_string(),
        },
    }
}

fn refused(error: impl std::fmt::Display) -> NetworkError {
    NetworkError::Refused {
        code: "invalid_request".into(),
        message: error.to_string(),
    }
}

fn id(offer: &Offer) -> Result<ProverId, NetworkError> {
    ProverId::new(&offer.prover_id).map_err(refused)
}

impl Local {
    async fn place(
        &self,
        offer: &Offer,
        expires_at: Option<Timestamp>,
    ) -> Result<(), NetworkError> {
        let levels: Result<Vec<PrivacyLevel>, _> = offer
            .levels
            .iter()
            .map(|level| PrivacyLevel::try_from(*level))
            .collect();
        let ask = Ask {
            ask_id: AskId(offer.ask_id),
            circuits: offer.circuits.clone(),
            price: Credits(offer.price),
            capacity: offer.slots,
            levels: levels.map_err(refused)?,
            promised: Millis(u64::try_from(offer.promised.as_millis()).unwrap_or(u64::MAX)),
            placed_at: self.coordinator.now(),
            expires_at,
        };
        self.coordinator
            .place_ask(&id(offer)?, ask)
            .await
            .map_err(failed)?;
        Ok(())
    }
}

#[async_trait]
impl Network for Local {
    async fn register(&self, offer: &Offer) -> Result<(), NetworkError> {
        self.coordinator
            .register(Registration {
                prover_id: id(offer)?,
                owner: None,
                capacity: offer.slots,
                fleet: offer.fleet,
                trusted: offer.fleet,
            })
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn offer(&self, offer: &Offer) -> Result<(), NetworkError> {
        self.register(offer).await?;
        self.place(offer, None).await
    }

    async fn withdraw(&self, offer: &Offer) -> Result<(), NetworkError> {
        self.place(offer, Some(Timestamp(0))).await
    }

    async fn claim(
        &self,
        offer: &Offer,
        max: usize,
        holding: &[Uuid],
        wait: Duration,
    ) -> Result<Vec<AssignmentView>, NetworkError> {
        let request = ClaimRequest {
            prover: id(offer)?,
            max,
            holding: Some(holding.iter().copied().map(TaskId).collect()),
            wait,
        };
        let assignments = self.coordinator.claim(&request).await.map_err(failed)?;
        Ok(assignments.into_iter().map(assignment_view).collect())
    }

    async fn heartbeat(&self, offer: &Offer, task: Uuid, attempt: u32) -> Result<(), NetworkError> {
        self.coordinator
            .heartbeat(&id(offer)?, TaskId(task), attempt)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn result(
        &self,
        offer: &Offer,
        task: Uuid,
        attempt: u32,
        proof: &[u8],
    ) -> Result<bool, NetworkError> {
        let accepted = self
            .coordinator
            .accept(&id(offer)?, TaskId(task), attempt, proof)
            .await;
        Ok(accepted.map_err(failed)?.accepted)
    }

    async fn failure(
        &self,
        offer: &Offer,
        task: Uuid,
        attempt: u32,
        message: &str,
    ) -> Result<(), NetworkError> {
        let failure = self
            .coordinator
            .fail(&id(offer)?, TaskId(task), attempt, message)
            .await;
        failure.map_err(failed)?;
        Ok(())
    }

    async fn witness(&self, offer: &Offer, task: Uuid) -> Result<Vec<u8>, NetworkError> {
        let witness = self.coordinator.witness(&id(offer)?, TaskId(task)).await;
        witness.map_err(failed)
    }

    async fn keys(&self) -> Result<Vec<(String, String)>, NetworkError> {
        Ok(self.coordinator.catalogue().names())
    }

    async fn key(&self, circuit: &str, key_id: &str) -> Result<Arc<CircuitKey>, NetworkError> {
        let known = prooflane_circuits::find(circuit)
            .ok_or_else(|| refused(format!("this version does not know {circuit}")))?;
        let found = self.keys.find(known, key_id).map_err(refused)?;
        found.ok_or_else(|| {
            refused(format!(
                "the key {key_id} of {circuit} is not here any more"
            ))
        })
    }
}
