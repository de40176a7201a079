//! How a proof is made.

use async_trait::async_trait;
use prooflane_circuits::InputError;
use prooflane_client::wire::AssignmentView;
use prooflane_engine::CircuitKey;
use prooflane_ledger::task;
use prooflane_verifier::field;
use serde::Deserialize;
use std::sync::Arc;

/// What makes the proofs of a prover; as many at once as it offers slots.
#[async_trait]
pub trait Prover: Send + Sync {
    /// The proof, or what to tell the network: never anything about the inputs. The key is that of the assignment's circuit;
    /// a statement of the dataset ledger has none, and its inputs hold the witness.
    async fn prove(
        &self,
        key: Option<Arc<CircuitKey>>,
        assignment: AssignmentView,
    ) -> Result<Vec<u8>, String>;
}

/// Proves on a thread of this process, without limits.
pub struct InProcess;

#[async_trait]
impl Prover for InProcess {
    async fn prove(
        &self,
        key: Option<Arc<CircuitKey>>,
        assignment: AssignmentView,
    ) -> Result<Vec<u8>, String> {
        tokio::task::spawn_blocking(move || prove(key.as_deref(), &assignment))
            .await
            .map_err(|_| "the prover crashed on these inputs".to_owned())?
    }
}

/// Whether an assignment is a statement of the dataset ledger, which has no key.
#[must_use]
pub fn is_statement(assignment: &AssignmentView) -> bool {
    assignment.circuit == task::CIRCUIT
}

/// Proves an assignment here and now: the 128 bytes of a circuit's proof, or evidence of a statement.
///
/// # Errors
/// What to tell the network: never anything about the inputs.
pub fn prove(key: Option<&CircuitKey>, assignment: &AssignmentView) -> Result<Vec<u8>, String> {
    if is_statement(assignment) {
        return evidence(assignment);
    }
    let unknown = || format!("this prover does not know {}", assignment.circuit);
    let circuit = prooflane_circuits::find(&assignment.circuit).ok_or_else(unknown)?;
    let key = key.ok_or_else(|| format!("this prover has no key of {}", assignment.circuit))?;
    let witness = circuit
        .witness(&assignment.inputs)
        .map_err(|error: InputError| error.to_string())?;
    let public = witness.public_inputs().iter().map(field::to_decimal);
    demand_public(assignment, public.collect())?;
    let proof = prooflane_engine::prove(key, &witness).map_err(|error| error.to_string())?;
    Ok(proof.to_compact().to_vec())
}

fn evidence(assignment: &AssignmentView) -> Result<Vec<u8>, String> {
    let inputs = statement(assignment)?;
    demand_public(assignment, vec![inputs.instance().digest().to_string()])?;
    let evidence = inputs.prove(None).and_then(|evidence| evidence.to_bytes());
    evidence.map_err(|error| error.to_string())
}

/// The inputs of a statement.
pub(crate) fn statement(assignment: &AssignmentView) -> Result<task::Inputs, String> {
    // The error's own message could quote a secret.
    task::Inputs::deserialize(&assignment.inputs)
        .map_err(|_| "the inputs are not those of a statement".to_owned())
}

fn demand_public(assignment: &AssignmentView, public: Vec<String>) -> Result<(), String> {
    if public == assignment.public_inputs {
        return Ok(());
    }
    Err("the inputs do not lead to the public inputs of the task".into())
}
