//! Routes of tasks.

use crate::caller::{Body, Caller, Path, account_name, prover_id};
use crate::problem::Problem;
use crate::{Api, events, provers, views};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use prooflane_client::wire::{
    Problem as ProblemDoc, ProofView, QuoteRequest, QuoteView, SubmitTask, TakerView, TaskList,
    TaskView, TranscriptList, TranscriptView,
};
use prooflane_coordinator::{
    Coordinator, Inputs, Role, Submission, Submitted, TaskFilter, TaskRecord,
};
use prooflane_market::{
    Credits, NewTask, PrivacyLevel, ProverId, Ratio, Status, Task, TaskId, Timestamp, explain,
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(submit, list))
        .routes(routes!(get, cancel))
        .routes(routes!(proof))
        .routes(routes!(evidence))
        .routes(routes!(witness))
        .routes(routes!(transcripts))
        .routes(routes!(events::stream))
        .routes(routes!(quote))
}

/// Submit a task.
///
/// Safe to repeat with the same `task_id` (or `Idempotency-Key` header): the same content returns
/// the same task, other content is refused.
#[utoipa::path(post, path = "/v1/tasks", tag = "tasks", request_body = SubmitTask, responses(
    (status = 201, description = "The task", body = TaskView),
    (status = 200, description = "The task of an earlier, equal submission", body = TaskView),
    (status = 400, description = "`invalid_inputs`, `invalid_request`, `malformed_json`", body = ProblemDoc),
    (status = 402, description = "`insufficient_credits`", body = ProblemDoc),
    (status = 404, description = "`unknown_circuit`, `unknown_upload`", body = ProblemDoc),
    (status = 409, description = "`task_id_reused`", body = ProblemDoc),
))]
async fn submit(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    Body(mut body): Body<SubmitTask>,
) -> Result<(StatusCode, Json<TaskView>), Problem> {
    let requester = caller.0.requester(body.requester.as_deref())?;
    if let Some(key) = headers.get("idempotency-key") {
        let key = key.to_str().ok().filter(|key| !key.is_empty());
        let key = key.ok_or_else(|| {
            let detail = "Idempotency-Key: expected printable ASCII characters";
            Problem::new("invalid_request", detail)
        })?;
        let chosen = Coordinator::task_id_for(&requester, key).0;
        body.task_id.get_or_insert(chosen);
    }
    let submitted = submit_as(&api, &caller, requester, body).await?;
    let status = if submitted.created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((
        status,
        Json(views::task(&submitted.record, api.coordinator.now())),
    ))
}

/// Submits for a requester; every form of submission ends here.
pub(crate) async fn submit_as(
    api: &Api,
    caller: &Caller,
    requester: String,
    body: SubmitTask,
) -> Result<Submitted, Problem> {
    caller.demand(Role::Requester)?;
    let submission = Submission {
        task_id: body.task_id.map(TaskId),
        circuit: body.circuit,
        inputs: inputs(body.inputs, body.upload)?,
        privacy_level: privacy_level(body.privacy_level)?,
        reward_amount: Credits(body.reward_amount),
        priority: body.priority,
        requester,
        deadline: body.deadline.map(Timestamp),
        min_reputation: min_reputation(body.min_reputation)?,
        max_attempts: body.max_attempts,
        allowed_provers: allowed(&body.allowed_provers)?,
    };
    let trace = caller.1.clone();
    Ok(api.coordinator.submit_within(submission, trace).await?)
}

fn inputs(here: Value, upload: Option<String>) -> Result<Inputs, Problem> {
    match (here, upload) {
        (Value::Null, Some(upload)) => Ok(Inputs::Uploaded(upload.parse()?)),
        (Value::Null, None) => {
            let detail = "missing field `inputs`: expected the circuit's inputs, or an upload";
            Err(Problem::new("malformed_json", detail))
        }
        (here, None) => Ok(Inputs::Here(here)),
        (_, Some(_)) => {
            let detail = "inputs: expected none beside an upload";
            Err(Problem::new("invalid_request", detail))
        }
    }
}

fn privacy_level(level: u8) -> Result<PrivacyLevel, Problem> {
    PrivacyLevel::try_from(level)
        .map_err(|error| Problem::new("invalid_request", format!("privacy_level: {error}")))
}

fn min_reputation(ratio: Option<f64>) -> Result<Ratio, Problem> {
    let ratio = ratio.unwrap_or_default();
    Ratio::from_f64(ratio).ok_or_else(|| {
        Problem::new(
            "invalid_request",
            format!("min_reputation: expected 0 to 1, got {ratio}"),
        )
    })
}

fn allowed(provers: &[String]) -> Result<Vec<ProverId>, Problem> {
    provers.iter().map(|id| prover_id(id)).collect()
}

/// Which tasks to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only those in this state.
    #[param(value_type = Option<String>)]
    status: Option<Status>,
    /// Only this requester's; your own where you hold a requester's key.
    requester: Option<String>,
    /// At most this many, 1 to 200; 50 where not given.
    limit: Option<usize>,
    /// `next` of the page before.
    after: Option<String>,
}

/// List tasks, newest first.
#[utoipa::path(get, path = "/v1/tasks", tag = "tasks", params(ListQuery), responses(
    (status = 200, description = "A page of tasks", body = TaskList),
))]
async fn list(
    State(api): State<Api>,
    caller: Caller,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<TaskList>, Problem> {
    let Query(query) = query.map_err(|error| Problem::new("invalid_request", error.body_text()))?;
    let limit = query.limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        let detail = format!("limit: expected 1 to 200, got {limit}");
        return Err(Problem::new("invalid_request", detail));
    }
    let requester = if caller.0.is_operator() {
        query.requester
    } else {
        Some(caller.0.requester(query.requester.as_deref())?)
    };
    if let Some(name) = &requester {
        account_name("requester", name)?;
    }
    let filter = TaskFilter {
        requester,
        status: query.status,
        limit,
        after: query.after.map(prooflane_coordinator::Cursor),
    };
    let page = api.coordinator.tasks(&filter).await?;
    let now = api.coordinator.now();
    Ok(Json(TaskList {
        tasks: page
            .tasks
            .iter()
            .map(|record| views::task(record, now))
            .collect(),
        next: page.next.map(|cursor| cursor.0),
    }))
}

/// The task, if the caller may see it.
pub(crate) async fn visible(api: &Api, caller: &Caller, id: &str) -> Result<TaskRecord, Problem> {
    let record = api.coordinator.task(task_id(id)?).await?;
    caller.may_see(&record.task.spec.requester)?;
    Ok(record)
}

pub(crate) fn task_id(text: &str) -> Result<TaskId, Problem> {
    text.parse::<Uuid>().map(TaskId).map_err(|_| {
        Problem::new(
            "invalid_request",
            format!("task id: expected a UUID, got {text:?}"),
        )
    })
}

/// A task's state, with the reason for it in words.
#[utoipa::path(get, path = "/v1/tasks/{id}", tag = "tasks", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "The task", body = TaskView),
    (status = 404, description = "`unknown_task`", body = ProblemDoc),
))]
async fn get(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<TaskView>, Problem> {
    let record = visible(&api, &caller, &id).await?;
    Ok(Json(views::task(&record, api.coordinator.now())))
}

/// Withdraw a task.
///
/// A pending task ends as cancelled. A running attempt may still complete the task; if it does not,
/// the task ends as cancelled.
#[utoipa::path(delete, path = "/v1/tasks/{id}", tag = "tasks", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "The task is cancelled", body = TaskView),
    (status = 202, description = "It is cancelled unless the running attempt completes it", body = TaskView),
    (status = 409, description = "`task_ended`", body = ProblemDoc),
))]
async fn cancel(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<TaskView>), Problem> {
    caller.demand(Role::Requester)?;
    let id = visible(&api, &caller, &id).await?.task.id();
    let record = api.coordinator.cancel(id).await?;
    let cancelled = record.task.status() == Status::Cancelled;
    let status = if cancelled {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    Ok((status, Json(views::task(&record, api.coordinator.now()))))
}

/// A completed task's proof, of a circuit.
#[utoipa::path(get, path = "/v1/tasks/{id}/proof", tag = "tasks", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "The verified proof", body = ProofView),
    (status = 404, description = "`no_proof`, `unknown_task`", body = ProblemDoc),
    (status = 409, description = "`not_groth16`: it is a statement's, see `/evidence`", body = ProblemDoc),
))]
async fn proof(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<ProofView>, Problem> {
    let task = visible(&api, &caller, &id).await?.task;
    let entry = api.coordinator.catalogue().find(&task.spec.circuit)?;
    // Evidence is large: whether it is some is asked before it is fetched.
    entry.groth16()?;
    let stored = api.coordinator.proof(task.id()).await?;
    Ok(Json(views::proof(&stored, entry)?))
}

/// A completed task's evidence: the proof of a statement of the dataset ledger.
#[utoipa::path(get, path = "/v1/tasks/{id}/evidence", tag = "tasks", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "`prooflane-evidence/1`, verified", content_type = "application/octet-stream", body = Vec<u8>),
    (status = 307, description = "It is at another URL, for a while"),
    (status = 404, description = "`no_proof`, `unknown_task`", body = ProblemDoc),
    (status = 409, description = "`no_evidence`: it is a circuit's, see `/proof`", body = ProblemDoc),
))]
async fn evidence(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = visible(&api, &caller, &id).await?.task.id();
    let blob = api.coordinator.evidence_blob(id).await?;
    let stored = async { api.coordinator.proof(id).await.map(|stored| stored.proof) };
    provers::file(&api, &blob, stored).await
}

/// Whose prover asks.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WitnessQuery {
    /// The prover that holds the task or has joined it.
    prover_id: String,
}

/// The witness that a task's inputs name, encrypted under a key in them: for the provers that have these.
#[utoipa::path(get, path = "/v1/tasks/{id}/witness", tag = "provers", params(("id" = Uuid, Path), WitnessQuery), responses(
    (status = 200, description = "As it was uploaded", content_type = "application/octet-stream", body = Vec<u8>),
    (status = 307, description = "It is at another URL, for a while"),
    (status = 404, description = "`no_witness`, `unknown_task`", body = ProblemDoc),
    (status = 409, description = "`not_assigned`", body = ProblemDoc),
))]
async fn witness(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    query: Result<Query<WitnessQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|error| Problem::new("invalid_request", error.body_text()))?;
    let prover = caller.acts_for(&api, &query.prover_id).await?.prover_id;
    let id = task_id(&id)?;
    let blob = api.coordinator.witness_blob(&prover, id).await?;
    provers::file(&api, &blob, api.coordinator.witness(&prover, id)).await
}

/// The auctions that assigned the task's attempts: each recomputes to the same winner and price.
#[utoipa::path(get, path = "/v1/tasks/{id}/transcripts", tag = "tasks", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "One for each attempt", body = TranscriptList),
    (status = 404, description = "`unknown_task`", body = ProblemDoc),
))]
async fn transcripts(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<TranscriptList>, Problem> {
    let id = visible(&api, &caller, &id).await?.task.id();
    let transcripts = api.coordinator.transcripts(id).await?;
    Ok(Json(TranscriptList {
        transcripts: transcripts
            .into_iter()
            .map(|(attempt, transcript)| TranscriptView {
                attempt,
                transcript,
            })
            .collect(),
    }))
}

/// What would this task cost now, and who would take it?
#[utoipa::path(post, path = "/v1/quote", tag = "tasks", request_body = QuoteRequest, responses(
    (status = 200, description = "The result of an auction that was not held", body = QuoteView),
))]
async fn quote(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<QuoteRequest>,
) -> Result<Json<QuoteView>, Problem> {
    let circuit = api.coordinator.catalogue().find(&body.circuit)?.id();
    let now = api.coordinator.now();
    let spec = NewTask {
        task_id: TaskId(Uuid::nil()),
        circuit: circuit.into(),
        privacy_level: privacy_level(body.privacy_level)?,
        reward_amount: Credits(body.reward_amount),
        priority: 50,
        requester: caller.0.requester(None)?,
        deadline: None,
        min_reputation: min_reputation(body.min_reputation)?,
        max_attempts: 1,
        allowed_provers: allowed(&body.allowed_provers)?,
    };
    let mut task = Task::submit(spec, now).map_err(prooflane_coordinator::Error::from)?;
    let quote = api.coordinator.quote(&task).await?;
    let why = match quote.no_match {
        Some(no_match) => {
            let rules = api.coordinator.rules();
            task.unmatched(no_match, now, rules)
                .map_err(prooflane_coordinator::Error::from)?;
            explain(&task, now).why
        }
        None if quote.bids.len() == 1 => "1 prover would bid.".into(),
        None => format!("{} provers would bid.", quote.bids.len()),
    };
    Ok(Json(QuoteView {
        available: quote.winner.is_some(),
        price: quote.winner.as_ref().map(|winner| winner.price.0),
        prover: quote.winner.map(|winner| winner.prover.to_string()),
        bids: quote.bids.len(),
        takers: quote
            .bids
            .iter()
            .map(|bid| TakerView {
                prover: bid.prover.to_string(),
                price: bid.price.0,
                promised_ms: bid.promised.0,
                score: bid
                    .score(task.spec.reward_amount, api.coordinator.rules().weights)
                    .as_f64(),
            })
            .collect(),
        why,
    }))
}
