//! How a proof is made.

use async_trait::async_trait;
use prooflane_circuits::InputError;
use prooflane_client::wire::AssignmentView;
use prooflane_engine::CircuitKey;
use prooflane_verifier::{Proof, field};
use std::sync::Arc;

/// What makes the proofs of a prover; as many at once as it offers slots.
#[async_trait]
pub trait Prover: Send + Sync {
    /// The proof, or what to tell the network: never anything about the inputs.
    async fn prove(
        &self,
        key: Arc<CircuitKey>,
        assignment: AssignmentView,
    ) -> Result<Proof, String>;
}

/// Proves on a thread of this process, without limits.
pub struct InProcess;

#[async_trait]
impl Prover for InProcess {
    async fn prove(
        &self,
        key: Arc<CircuitKey>,
        assignment: AssignmentView,
    ) -> Result<Proof, String> {
        tokio::task::spawn_blocking(move || prove(&key, &assignment))
            .await
            .map_err(|_| "the prover crashed on these inputs".to_owned())?
    }
}

/// Proves an assignment here and now.
///
/// # Errors
/// What to tell the network: never anything about the inputs.
pub fn prove(key: &CircuitKey, assignment: &AssignmentView) -> Result<Proof, String> {
    let circuit = prooflane_circuits::find(&assignment.circuit)
        .ok_or_else(|| format!("this prover does not know {}", assignment.circuit))?;
    let witness = circuit
        .witness(&assignment.inputs)
        .map_err(|error: InputError| error.to_string())?;
    let public: Vec<String> = witness
        .public_inputs()
        .iter()
        .map(field::to_decimal)
        .collect();
    if public != assignment.public_inputs {
        return Err("the inputs do not lead to the public inputs of the task".into());
    }
    prooflane_engine::prove(key, &witness).map_err(|error| error.to_string())
}
