//! A network over HTTP.

use crate::{Network, NetworkError, Offer};
use async_trait::async_trait;
use prooflane_client::wire::{
    AssignmentView, Claim, EvidenceAt, Heartbeat, PlaceAsk, ProofForm, RegisterProver,
    ReportFailure, SubmitResult,
};
use prooflane_client::{Client, ClientError};
use prooflane_engine::{CircuitKey, KeyError, Keys};
use prooflane_verifier::Proof;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// A network at a URL. Proving keys are fetched once and kept in a directory.
pub struct Remote {
    client: Client,
    keys: Keys,
}

impl Remote {
    /// The network that `client` talks to, with `keys` as the place to keep proving keys.
    #[must_use]
    pub fn new(client: Client, keys: Keys) -> Self {
        Self { client, keys }
    }
}

impl From<ClientError> for NetworkError {
    fn from(error: ClientError) -> Self {
        match error {
            // The network's own trouble, or too many calls: both pass.
            ClientError::Problem(problem) if problem.status >= 500 || problem.status == 429 => {
                Self::Unavailable(problem.detail)
            }
            ClientError::Problem(problem) => Self::Refused {
                code: problem.code,
                message: problem.detail,
            },
            other => Self::Unavailable(other.to_string()),
        }
    }
}

fn ask(offer: &Offer, expires_at: Option<u64>) -> PlaceAsk {
    PlaceAsk {
        ask_id: Some(offer.ask_id),
        circuits: offer.circuits.clone(),
        price: offer.price,
        capacity: offer.slots,
        levels: offer.levels.clone(),
        promised_ms: u64::try_from(offer.promised.as_millis()).unwrap_or(u64::MAX),
        expires_at,
    }
}

#[async_trait]
impl Network for Remote {
    async fn register(&self, offer: &Offer) -> Result<(), NetworkError> {
        self.client
            .register(&RegisterProver {
                prover_id: Some(offer.prover_id.clone()),
                capacity: offer.slots,
                fleet: offer.fleet,
                trusted: offer.fleet,
            })
            .await?;
        Ok(())
    }

    async fn offer(&self, offer: &Offer) -> Result<(), NetworkError> {
        self.register(offer).await?;
        self.client
            .place_ask(&offer.prover_id, &ask(offer, None))
            .await?;
        Ok(())
    }

    async fn withdraw(&self, offer: &Offer) -> Result<(), NetworkError> {
        self.client
            .place_ask(&offer.prover_id, &ask(offer, Some(0)))
            .await?;
        Ok(())
    }

    async fn claim(
        &self,
        offer: &Offer,
        max: usize,
        holding: &[Uuid],
        wait: Duration,
    ) -> Result<Vec<AssignmentView>, NetworkError> {
        let claim = Claim {
            max,
            wait_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            holding: Some(holding.to_vec()),
        };
        Ok(self
            .client
            .claim(&offer.prover_id, &claim)
            .await?
            .assignments)
    }

    async fn heartbeat(&self, offer: &Offer, task: Uuid, attempt: u32) -> Result<(), NetworkError> {
        let body = Heartbeat {
            prover_id: offer.prover_id.clone(),
        };
        self.client.heartbeat(task, attempt, &body).await?;
        Ok(())
    }

    async fn result(
        &self,
        offer: &Offer,
        task: Uuid,
        attempt: u32,
        proof: &[u8],
    ) -> Result<bool, NetworkError> {
        let proof = if proof.len() == Proof::COMPACT_LEN {
            ProofForm::Compact(format!("0x{}", hex::encode(proof)))
        } else {
            let upload = self.client.upload(None, proof.to_vec()).await?;
            ProofForm::Uploaded(EvidenceAt { upload })
        };
        let body = SubmitResult {
            prover_id: offer.prover_id.clone(),
            proof,
        };
        Ok(self.client.result(task, attempt, &body).await?.accepted)
    }

    async fn failure(
        &self,
        offer: &Offer,
        task: Uuid,
        attempt: u32,
        message: &str,
    ) -> Result<(), NetworkError> {
        let body = ReportFailure {
            prover_id: offer.prover_id.clone(),
            message: message.to_owned(),
        };
        self.client.failure(task, attempt, &body).await?;
        Ok(())
    }

    async fn witness(&self, offer: &Offer, task: Uuid) -> Result<Vec<u8>, NetworkError> {
        Ok(self.client.witness(&offer.prover_id, task).await?)
    }

    async fn keys(&self) -> Result<Vec<(String, String)>, NetworkError> {
        let circuits = self.client.circuits().await?.circuits;
        let names = circuits.into_iter().map(|c| (c.id, c.key_id));
        Ok(names.collect())
    }

    async fn key(&self, circuit: &str, key_id: &str) -> Result<Arc<CircuitKey>, NetworkError> {
        let known = prooflane_circuits::find(circuit).ok_or_else(|| NetworkError::Refused {
            code: "unknown_circuit".into(),
            message: format!("this prover does not know {circuit}; a newer version may"),
        })?;
        let bad_key = |error: KeyError| {
            let message = match &error {
                KeyError::WrongKey { expected, got } => format!(
                    "the task was submitted for the key {expected} of {circuit}, but the network \
                     serves {got}: submit the task again"
                ),
                // Where this prover keeps its files is nobody else's business.
                KeyError::Io { .. } => "this prover cannot keep its keys; its log says why".into(),
                other => other.to_string(),
            };
            tracing::error!(%error, "no proving key");
            let code = "bad_key".into();
            NetworkError::Refused { code, message }
        };
        if let Some(key) = self.keys.find(known, key_id).map_err(bad_key)? {
            return Ok(key);
        }
        tracing::info!(circuit, key_id, "fetching the proving key");
        let bytes = self.client.proving_key(circuit).await?;
        self.keys.install(known, &bytes, key_id).map_err(bad_key)
    }
}
