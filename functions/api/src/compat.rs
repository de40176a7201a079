//! The forms that clients of similar systems use, exactly as they use them. Each is translated into
//! the canonical use-case; nothing is decided here.

use crate::caller::{Body, Caller, Path, prover_id};
use crate::problem::Problem;
use crate::provers::{place, proof, register_as, verdict_view};
use crate::tasks::{submit_as, task_id, visible};
use crate::views::{groth16, rfc3339};
use crate::{Api, payments};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use prooflane_circuits::text_to_field;
use prooflane_client::wire::{
    PlaceAsk, Problem as ProblemDoc, ProofForm, RegisterProver, SubmitTask, VerdictView,
};
use prooflane_coordinator::{ClaimRequest, TaskRecord};
use prooflane_ledger::Evidence;
use prooflane_market::{Prover, Status, TaskId};
use prooflane_verifier::snarkjs::SnarkjsProof;
use prooflane_verifier::{Proof, field};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(submit_proof))
        .routes(routes!(get_proof))
        .routes(routes!(submit_merkle))
        .routes(routes!(get_merkle))
        .routes(routes!(submit_task))
        .routes(routes!(task_status))
        .routes(routes!(register_prover))
        .routes(routes!(prover_heartbeat))
        .routes(routes!(list_provers))
        .routes(routes!(assign))
        .routes(routes!(task_result))
        .routes(routes!(generate_proof))
}

/// What a prover that registers without an ask is taken to ask, in credits.
const DEFAULT_PRICE: u64 = 1;
/// `/generate-proof` answers within this time or not at all.
const GENERATE_WAIT: Duration = Duration::from_secs(25);
/// The asset of payments that name none.
pub(crate) const DEFAULT_ASSET: &str = "prooflane:credits";

/// `POST /api/v1/proofs`.
#[derive(Deserialize, ToSchema)]
struct SubmitProof {
    /// `merkle_proof`, `range_proof` or `payment`; a circuit's own name is taken too.
    circuit_type: String,
    /// The circuit's inputs.
    inputs: Value,
    /// `low`, `normal` or `high`.
    #[serde(default)]
    priority: PriorityName,
}

#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum PriorityName {
    Low,
    #[default]
    Normal,
    High,
}

impl PriorityName {
    fn number(self) -> u8 {
        match self {
            Self::Low => 10,
            Self::Normal => 50,
            Self::High => 90,
        }
    }
}

#[derive(Serialize, ToSchema)]
struct Accepted {
    task_id: Uuid,
    #[schema(value_type = String, example = "pending")]
    status: Status,
    submitted_at: String,
}

impl Accepted {
    fn new(record: &TaskRecord) -> Json<Self> {
        Json(Self {
            task_id: record.task.id().0,
            status: record.task.status(),
            submitted_at: rfc3339(record.task.created_at),
        })
    }
}

async fn submit(api: &Api, caller: &Caller, task: SubmitTask) -> Result<TaskRecord, Problem> {
    let requester = caller.0.requester(task.requester.as_deref())?;
    Ok(submit_as(api, caller, requester, task).await?.record)
}

/// Submit a proof request.
#[utoipa::path(post, path = "/api/v1/proofs", tag = "compatibility", request_body = SubmitProof, responses(
    (status = 200, description = "The task", body = Accepted),
    (status = 400, description = "`invalid_inputs`, `malformed_json`", body = ProblemDoc),
))]
async fn submit_proof(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<SubmitProof>,
) -> Result<Json<Accepted>, Problem> {
    let circuit = match body.circuit_type.as_str() {
        "merkle_proof" => "merkle@1",
        "range_proof" => "range@1",
        "payment" => "payment@1",
        other => other,
    };
    let mut inputs = body.inputs;
    if circuit == "merkle@1"
        && let Some(fields) = inputs.as_object_mut()
        && fields.contains_key("path")
    {
        fields.entry("index").or_insert(json!(0));
    }
    let mut task = SubmitTask::new(circuit, inputs);
    task.priority = body.priority.number();
    Ok(Accepted::new(&submit(&api, &caller, task).await?))
}

#[derive(Serialize, ToSchema)]
struct ProofStatus {
    task_id: Uuid,
    #[schema(value_type = String, example = "completed")]
    status: Status,
    submitted_at: String,
    /// Once there is one, as snarkjs writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    proof: Option<SnarkjsProof>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_inputs: Option<Vec<String>>,
}

async fn proof_status(api: &Api, caller: &Caller, id: &str) -> Result<ProofStatus, Problem> {
    let record = visible(api, caller, id).await?;
    let id = record.task.id();
    let proof = match record.task.status() {
        Status::Completed => {
            let circuit = &record.task.spec.circuit;
            api.coordinator.catalogue().groth16(circuit)?;
            let stored = api.coordinator.proof(id).await?;
            Some(SnarkjsProof::from(&groth16(&stored)?))
        }
        _ => None,
    };
    Ok(ProofStatus {
        task_id: id.0,
        status: record.task.status(),
        submitted_at: rfc3339(record.task.created_at),
        public_inputs: proof.is_some().then_some(record.public_inputs),
        proof,
    })
}

/// A proof request's state, and the proof once there is one.
#[utoipa::path(get, path = "/api/v1/proofs/{id}", tag = "compatibility", params(("id" = Uuid, Path)),
    responses((status = 200, description = "Its state", body = ProofStatus)))]
async fn get_proof(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<ProofStatus>, Problem> {
    Ok(Json(proof_status(&api, &caller, &id).await?))
}

/// `POST /api/v1/tasks/merkle`.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MerkleTask {
    /// 32-byte leaves as `0x` hex.
    leaves: Vec<String>,
    /// The leaf to prove membership of.
    leaf_index: u64,
}

/// Submit a membership proof for one of a list of leaves.
#[utoipa::path(post, path = "/api/v1/tasks/merkle", tag = "compatibility", request_body = MerkleTask,
    responses((status = 200, description = "The task", body = Accepted)))]
async fn submit_merkle(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<MerkleTask>,
) -> Result<Json<Accepted>, Problem> {
    let inputs = json!({"leaves": body.leaves, "leaf_index": body.leaf_index});
    let task = SubmitTask::new("merkle@1", inputs);
    Ok(Accepted::new(&submit(&api, &caller, task).await?))
}

/// A task's state, and the proof once there is one.
#[utoipa::path(get, path = "/api/v1/tasks/{id}", tag = "compatibility", params(("id" = Uuid, Path)),
    responses((status = 200, description = "Its state", body = ProofStatus)))]
async fn get_merkle(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<ProofStatus>, Problem> {
    Ok(Json(proof_status(&api, &caller, &id).await?))
}

/// `POST /tasks`.
#[derive(Deserialize, ToSchema)]
struct BytesTask {
    task_id: Option<Uuid>,
    privacy_level: u8,
    /// UTF-8 JSON `{"circuit","inputs"}` as an array of byte values.
    circuit_data: Vec<u8>,
    reward_amount: u64,
    requester: String,
    priority: u8,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct CircuitData {
    circuit: String,
    inputs: Value,
}

/// Submit a task whose circuit and inputs are bytes.
#[utoipa::path(post, path = "/tasks", tag = "compatibility", request_body = BytesTask,
    responses((status = 200, description = "The task's id", body = Uuid)))]
async fn submit_task(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<BytesTask>,
) -> Result<Json<Uuid>, Problem> {
    let data: CircuitData = serde_json::from_slice(&body.circuit_data)
        .map_err(|error| Problem::new("malformed_json", format!("circuit_data: {error}")))?;
    let mut task = SubmitTask::new(data.circuit, data.inputs);
    task.task_id = body.task_id;
    task.privacy_level = body.privacy_level;
    task.reward_amount = body.reward_amount;
    task.requester = Some(body.requester);
    task.priority = body.priority;
    Ok(Json(submit(&api, &caller, task).await?.task.id().0))
}

#[derive(Serialize, ToSchema)]
struct TaskStatus {
    task_id: Uuid,
    #[schema(value_type = String, example = "assigned")]
    status: Status,
    assigned_prover: Option<String>,
    created_at: String,
    updated_at: String,
}

/// A task's state.
#[utoipa::path(get, path = "/tasks/{id}/status", tag = "compatibility", params(("id" = Uuid, Path)),
    responses((status = 200, description = "Its state", body = TaskStatus)))]
async fn task_status(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<TaskStatus>, Problem> {
    let record = visible(&api, &caller, &id).await?;
    let view = crate::views::task(&record, api.coordinator.now());
    Ok(Json(TaskStatus {
        task_id: view.task_id,
        status: view.status,
        assigned_prover: view.assigned_prover,
        created_at: rfc3339(record.task.created_at),
        updated_at: rfc3339(record.task.updated_at),
    }))
}

/// `POST /provers/register`.
#[derive(Deserialize, ToSchema)]
struct Register {
    prover_id: Option<String>,
    supported_levels: Vec<u8>,
    capacity: u32,
}

/// Register a prover that takes every circuit, at the lowest price.
#[utoipa::path(post, path = "/provers/register", tag = "compatibility", request_body = Register,
    responses((status = 200, description = "The prover's id", body = String)))]
async fn register_prover(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<Register>,
) -> Result<Json<String>, Problem> {
    let registration = RegisterProver {
        prover_id: body.prover_id,
        capacity: body.capacity,
        fleet: false,
        trusted: false,
    };
    let prover = register_as(&api, &caller, registration).await?;
    let ask = PlaceAsk {
        // One ask a prover: registering again replaces it.
        ask_id: Some(Uuid::nil()),
        circuits: Vec::new(),
        price: DEFAULT_PRICE,
        capacity: body.capacity,
        levels: body.supported_levels,
        promised_ms: 30_000,
        expires_at: None,
    };
    place(&api, &prover.prover_id, ask).await?;
    Ok(Json(prover.prover_id.to_string()))
}

#[derive(Deserialize, ToSchema)]
struct ProverHeartbeat {
    prover_id: String,
}

/// Show that a prover is alive; the leases of what it holds are extended.
#[utoipa::path(post, path = "/provers/heartbeat", tag = "compatibility", request_body = ProverHeartbeat,
    responses((status = 200, description = "Noted", body = Object)))]
async fn prover_heartbeat(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<ProverHeartbeat>,
) -> Result<Json<Value>, Problem> {
    let prover = caller.acts_for(&api, &body.prover_id).await?;
    api.coordinator.seen(&prover.prover_id).await?;
    for (task, held) in &prover.active {
        // One that was lost meanwhile is not this call's concern.
        let _ = api
            .coordinator
            .heartbeat(&prover.prover_id, *task, held.attempt)
            .await;
    }
    Ok(Json(json!({"status": "ok", "prover_id": body.prover_id})))
}

#[derive(Serialize, ToSchema)]
struct ProverRow {
    prover_id: String,
    supported_levels: Vec<u8>,
    capacity: u32,
    current_load: usize,
    reputation: f64,
}

impl From<&Prover> for ProverRow {
    fn from(prover: &Prover) -> Self {
        let levels = prover.asks.iter().flat_map(|ask| &ask.levels);
        let mut supported_levels: Vec<u8> = levels.map(|level| (*level).into()).collect();
        supported_levels.sort_unstable();
        supported_levels.dedup();
        Self {
            prover_id: prover.prover_id.to_string(),
            supported_levels,
            capacity: prover.capacity,
            current_load: prover.active.len(),
            reputation: prover.reputation().as_f64(),
        }
    }
}

/// Every prover.
#[utoipa::path(get, path = "/provers", tag = "compatibility",
    responses((status = 200, description = "The provers", body = Vec<ProverRow>)))]
async fn list_provers(
    State(api): State<Api>,
    _caller: Caller,
) -> Result<Json<Vec<ProverRow>>, Problem> {
    let provers = api.coordinator.provers().await?;
    Ok(Json(provers.iter().map(ProverRow::from).collect()))
}

#[derive(Serialize, ToSchema)]
struct AssignedTask {
    task_id: Uuid,
    attempt: u32,
    privacy_level: u8,
    /// UTF-8 JSON `{"circuit","inputs"}` as an array of byte values.
    circuit_data: Vec<u8>,
    reward_amount: u64,
    requester: String,
    priority: u8,
}

/// The next task for a prover, or `null`.
#[utoipa::path(get, path = "/tasks/assign/{prover_id}", tag = "compatibility",
    params(("prover_id" = String, Path)),
    responses((status = 200, description = "The task", body = Option<AssignedTask>)))]
async fn assign(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Option<AssignedTask>>, Problem> {
    let prover = caller.acts_for(&api, &id).await?.prover_id;
    let request = ClaimRequest {
        prover,
        max: 1,
        holding: None,
        wait: Duration::ZERO,
    };
    let Some(assignment) = api.coordinator.claim(&request).await?.pop() else {
        return Ok(Json(None));
    };
    let spec = api.coordinator.task(assignment.task_id).await?.task.spec;
    let data = CircuitData {
        circuit: assignment.circuit,
        inputs: assignment.inputs,
    };
    let circuit_data = serde_json::to_vec(&data)
        .map_err(|_| Problem::new("internal", "the inputs cannot be written as JSON"))?;
    Ok(Json(Some(AssignedTask {
        task_id: spec.task_id.0,
        attempt: assignment.attempt,
        privacy_level: spec.privacy_level.into(),
        circuit_data,
        reward_amount: assignment.price.0,
        requester: spec.requester,
        priority: spec.priority,
    })))
}

/// `POST /tasks/result`.
#[derive(Deserialize, ToSchema)]
struct TaskResult {
    task_id: String,
    prover_id: String,
    /// The 128 bytes of a compact proof, snarkjs JSON as UTF-8, or evidence of a statement.
    proof: Vec<u8>,
}

/// Hand a proof in.
#[utoipa::path(post, path = "/tasks/result", tag = "compatibility", request_body = TaskResult,
    responses((status = 200, description = "The verdict", body = VerdictView)))]
async fn task_result(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<TaskResult>,
) -> Result<Json<VerdictView>, Problem> {
    let prover = prover_id(&body.prover_id)?;
    caller.acts_for(&api, &body.prover_id).await?;
    let task = task_id(&body.task_id)?;
    let attempt = api.coordinator.newest_attempt(&prover, task).await?;
    let proof = if body.proof.len() == Proof::COMPACT_LEN || Evidence::is_one(&body.proof) {
        body.proof
    } else {
        let json: SnarkjsProof = serde_json::from_slice(&body.proof).map_err(|_| {
            let got = body.proof.len();
            let detail = format!(
                "proof: expected 128 bytes, snarkjs JSON or evidence, got {got} bytes that are neither"
            );
            Problem::new("malformed_proof", detail)
        })?;
        let proof = proof(&ProofForm::Snarkjs(Box::new(json)))?;
        proof.to_compact().to_vec()
    };
    let verdict = api
        .coordinator
        .accept(&prover, task, attempt, &proof)
        .await?;
    Ok(Json(verdict_view(verdict)))
}

/// `POST /generate-proof`: what to prove about an attested payment. Private: no `Debug`, and the
/// private fields are read as any JSON, so that no error of serde's repeats their values.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct GenerateProof {
    min_amount: String,
    recipient_key: String,
    max_block_age: String,
    #[schema(value_type = u64)]
    current_time: Value,
    #[schema(value_type = String)]
    actual_amount: Value,
    /// The payer's secret: a field element as `prooflane wallet new` makes it, or any text, which
    /// is mapped to the field by the documented hash.
    #[schema(value_type = String)]
    sender_key: Value,
    #[schema(value_type = String)]
    tx_hash: Value,
    #[schema(value_type = u64)]
    payment_time: Value,
    /// The attestor's signature: 64 bytes as `0x` hex.
    #[schema(value_type = String)]
    signature: Value,
    /// The network's own attestor where not given.
    #[schema(value_type = Option<Object>)]
    attestor_key: Option<Value>,
    asset: Option<String>,
    binding: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Generated {
    /// Groth16, as snarkjs's JSON in a string.
    proof: String,
    /// The public inputs by name, and in order as `publicSignals`, as JSON in a string.
    public_inputs: String,
    generation_time_ms: u64,
}

/// Prove an attested payment and wait for the proof.
///
/// The proof is made by the network like any other: this submits a `payment@1` task and waits.
#[utoipa::path(post, path = "/generate-proof", tag = "compatibility", request_body = GenerateProof, responses(
    (status = 200, description = "The proof", body = Generated),
    (status = 400, description = "`invalid_inputs`, `malformed_json`", body = ProblemDoc),
    (status = 504, description = "`timed_out`", body = ProblemDoc),
))]
async fn generate_proof(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<GenerateProof>,
) -> Result<Response, Problem> {
    let started = Instant::now();
    let attestor = match (body.attestor_key, api.attestor.as_ref().map(|own| own.key)) {
        (Some(key), _) => key,
        (None, Some([x, y])) => json!({"x": field::to_decimal(&x), "y": field::to_decimal(&y)}),
        (None, None) => {
            let detail = "attestorKey: expected, since this network has no attestor of its own";
            return Err(Problem::new("invalid_request", detail));
        }
    };
    let sender_key = body.sender_key.as_str().filter(|key| !key.is_empty());
    let sender_key = sender_key.ok_or_else(|| {
        let detail = "senderKey: expected a text that is not empty";
        Problem::new("invalid_inputs", detail)
    })?;
    let payer_secret =
        field::parse(sender_key).unwrap_or_else(|_| text_to_field("payer-secret", sender_key));
    let binding = match &body.binding {
        Some(text) => payments::element("binding", text)?,
        None => prooflane_verifier::Fr::from(0_u64),
    };
    let inputs = json!({
        "attestorKey": attestor,
        "recipientKey": body.recipient_key,
        "asset": body.asset.as_deref().unwrap_or(DEFAULT_ASSET),
        "minAmount": body.min_amount,
        "maxBlockAge": body.max_block_age,
        "currentTime": body.current_time,
        "binding": field::to_decimal(&binding),
        "actualAmount": body.actual_amount,
        "payerSecret": field::to_decimal(&payer_secret),
        "txHash": body.tx_hash,
        "paymentTime": body.payment_time,
        "signature": body.signature,
    });
    let task = SubmitTask::new("payment@1", inputs);
    let id: TaskId = submit(&api, &caller, task).await?.task.id();
    let ended = |task: &prooflane_market::Task| task.status().is_terminal();
    let record = api
        .coordinator
        .wait(id, GENERATE_WAIT.min(api.longest_stream), ended)
        .await?;
    match record.task.status() {
        Status::Completed => {}
        status if status.is_terminal() => {
            let why = prooflane_market::explain(&record.task, api.coordinator.now()).why;
            return Err(Problem::new("proof_failed", why));
        }
        _ => {
            let detail = format!("the proof is still being made: see /v1/tasks/{id}");
            return Err(Problem::new("timed_out", detail));
        }
    }
    let stored = api.coordinator.proof(id).await?;
    let names = api
        .coordinator
        .catalogue()
        .find("payment@1")?
        .public_names();
    let mut public: serde_json::Map<String, Value> = names
        .iter()
        .zip(&record.public_inputs)
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    public.insert("publicSignals".into(), json!(record.public_inputs));
    let snarkjs = serde_json::to_string(&SnarkjsProof::from(&groth16(&stored)?))
        .map_err(|_| Problem::new("internal", "the proof cannot be written as JSON"))?;
    let generated = Generated {
        proof: snarkjs,
        public_inputs: Value::Object(public).to_string(),
        generation_time_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
    };
    Ok(Json(generated).into_response())
}
