//! Routes of circuits and of verification.

use crate::caller::{Body, Caller, Path, typed};
use crate::problem::Problem;
use crate::provers::{proof, proof_bytes};
use crate::views::provenance;
use crate::{Api, KeyFile};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use prooflane_client::wire::{
    CircuitList, CircuitView, Problem as ProblemDoc, Verified, VerifyMany, VerifyOne,
    VerifyRequest, VerifyResult,
};
use prooflane_coordinator::{Entry, Groth16, Role, UploadId};
use prooflane_ledger::Bytes32;
use prooflane_verifier::snarkjs::SnarkjsVerifyingKey;
use prooflane_verifier::{Fr, Statement, field};
use std::collections::BTreeMap;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(verifying_key))
        .routes(routes!(proving_key))
        .routes(routes!(verify))
}

/// The circuits of this network, each with inputs that can be proved.
#[utoipa::path(get, path = "/v1/circuits", tag = "circuits", responses(
    (status = 200, description = "The circuits", body = CircuitList),
))]
async fn list(State(api): State<Api>, _caller: Caller) -> Json<CircuitList> {
    let circuits = api.coordinator.catalogue().entries().map(view).collect();
    Json(CircuitList { circuits })
}

fn view(entry: &Entry) -> CircuitView {
    CircuitView {
        id: entry.id().into(),
        about: entry.about().into(),
        public_inputs: entry
            .public_names()
            .iter()
            .map(|n| (*n).to_owned())
            .collect(),
        constraints: entry.groth16().map(|entry| entry.constraints).ok(),
        key_id: entry.key_id(),
        provenance: provenance(entry),
        example: entry.example(),
    }
}

/// A circuit's verifying key, as snarkjs's `verification_key.json`.
#[utoipa::path(get, path = "/v1/circuits/{id}/verifying-key", tag = "circuits",
    params(("id" = String, Path, example = "payment@1")), responses(
    (status = 200, description = "The key", body = Object),
    (status = 404, description = "`unknown_circuit`", body = ProblemDoc),
))]
async fn verifying_key(
    State(api): State<Api>,
    _caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<SnarkjsVerifyingKey>, Problem> {
    let entry = api.coordinator.catalogue().groth16(&id)?;
    Ok(Json(SnarkjsVerifyingKey::from(&entry.verifying_key)))
}

/// A circuit's proving key as Prooflane's key file, for provers.
#[utoipa::path(get, path = "/v1/circuits/{id}/proving-key", tag = "circuits",
    params(("id" = String, Path, example = "payment@1")), responses(
    (status = 200, description = "The key file", content_type = "application/octet-stream", body = Vec<u8>),
    (status = 307, description = "It is at another URL, for a while"),
    (status = 404, description = "`unknown_circuit`", body = ProblemDoc),
))]
async fn proving_key(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    caller.demand(Role::Prover)?;
    let entry = api.coordinator.catalogue().groth16(&id)?;
    let found = api.files.proving_key(entry).await.map_err(|error| {
        tracing::error!(circuit = id, %error, "the key file cannot be read");
        Problem::new("internal", "the key file cannot be read")
    })?;
    let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
    Ok(match found {
        KeyFile::Bytes(bytes) => (kind, Bytes::from(bytes)).into_response(),
        KeyFile::At(url) => Redirect::temporary(&url).into_response(),
    })
}

/// Verify one proof, or many at once.
#[utoipa::path(post, path = "/v1/verify", tag = "verification", request_body = VerifyRequest, responses(
    (status = 200, description = "Whether each verifies; a proof that cannot be read does not", body = Verified),
    (status = 400, description = "`invalid_request`", body = ProblemDoc),
    (status = 404, description = "`unknown_circuit`", body = ProblemDoc),
))]
async fn verify(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<serde_json::Value>,
) -> Result<Json<Verified>, Problem> {
    // Not an untagged enum: its errors would not name the field.
    let proofs = if body.get("proofs").is_some() {
        typed::<VerifyMany>(body)?.proofs
    } else {
        vec![typed::<VerifyOne>(body)?]
    };
    if !(1..=1_000).contains(&proofs.len()) {
        let detail = format!("proofs: expected 1 to 1000, got {}", proofs.len());
        return Err(Problem::new("invalid_request", detail));
    }
    let mut results: Vec<Option<String>> = vec![None; proofs.len()];
    let mut by_circuit: BTreeMap<&str, (Vec<usize>, Vec<Statement>)> = BTreeMap::new();
    let mut uploads = Vec::new();
    for (index, one) in proofs.iter().enumerate() {
        let entry = api.coordinator.catalogue().find(&one.circuit)?;
        let Ok(circuit) = entry.groth16() else {
            results[index] = evidence(&api, &caller, one, &mut uploads).await?;
            continue;
        };
        match statement(one, circuit) {
            Ok(statement) => {
                let (indices, statements) = by_circuit.entry(&one.circuit).or_default();
                indices.push(index);
                statements.push(statement);
            }
            Err(reason) => results[index] = Some(reason),
        }
    }
    for upload in uploads {
        api.coordinator.drop_upload(upload).await;
    }
    for (circuit, (indices, statements)) in &by_circuit {
        let prepared = &api.coordinator.catalogue().groth16(circuit)?.prepared;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)
            .map_err(|_| Problem::new("internal", "no randomness for batch verification"))?;
        for bad in prepared.find_bad(statements, &seed) {
            results[indices[bad]] = Some("the proof does not verify for these inputs".into());
        }
    }
    Ok(Json(Verified {
        verified: results.iter().all(Option::is_none),
        results: results
            .into_iter()
            .map(|reason| VerifyResult {
                verified: reason.is_none(),
                reason,
            })
            .collect(),
    }))
}

/// Why evidence does not verify, if it does not; and the upload that has served then.
async fn evidence(
    api: &Api,
    caller: &Caller,
    one: &VerifyOne,
    uploads: &mut Vec<UploadId>,
) -> Result<Option<String>, Problem> {
    let [digest] = &one.public_inputs[..] else {
        let got = one.public_inputs.len();
        return Ok(Some(format!("public_inputs: expected 1, got {got}")));
    };
    if let Err(error) = digest.parse::<Bytes32>() {
        return Ok(Some(format!("public_inputs: {error}")));
    }
    let evidence = match proof_bytes(api, caller, &one.proof).await {
        Ok((evidence, upload)) => {
            uploads.extend(upload);
            evidence
        }
        Err(problem) => return Ok(Some(problem.detail().to_owned())),
    };
    let public = &one.public_inputs;
    let verifies = api
        .coordinator
        .verifies_for(&one.circuit, public, &evidence);
    let reason = "the evidence does not hold, or is of another instance";
    Ok((!verifies.await?).then(|| reason.to_owned()))
}

fn statement(one: &VerifyOne, entry: &Groth16) -> Result<Statement, String> {
    let expected = entry.circuit.public_names().len();
    if one.public_inputs.len() != expected {
        let got = one.public_inputs.len();
        return Err(format!("public_inputs: expected {expected}, got {got}"));
    }
    let public_inputs: Result<Vec<Fr>, _> = one
        .public_inputs
        .iter()
        .map(|text| field::parse(text))
        .collect();
    let public_inputs = public_inputs.map_err(|error| format!("public_inputs: {error}"))?;
    let proof = proof(&one.proof).map_err(|problem| problem.detail().to_owned())?;
    Ok(Statement {
        proof,
        public_inputs,
    })
}
