//! Routes of provers and their assignments.

use crate::caller::{Body, Caller, Path, prover_id};
use crate::problem::Problem;
use crate::{Api, tasks, views};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use prooflane_client::wire::{
    AskView, AssignmentView, Claim, Claimed, EvidenceAt, Heartbeat, LeaseView, PlaceAsk,
    Problem as ProblemDoc, ProofForm, ProverList, ProverView, RegisterProver, ReportFailure,
    SubmitResult, TaskView, VerdictView,
};
use prooflane_coordinator::{ClaimRequest, Error, Registration, Role, UploadId, Verdict};
use prooflane_market::{Ask, AskId, Credits, Millis, PrivacyLevel, ProverId, TaskId, Timestamp};
use prooflane_verifier::Proof;
use serde_json::Value;
use std::time::Duration;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(register, list))
        .routes(routes!(place_ask))
        .routes(routes!(claim))
        .routes(routes!(heartbeat))
        .routes(routes!(result))
        .routes(routes!(failure))
}

/// Register a prover, or change what a registered one says of itself.
#[utoipa::path(post, path = "/v1/provers", tag = "provers", request_body = RegisterProver, responses(
    (status = 200, description = "The prover", body = ProverView),
    (status = 403, description = "`forbidden`: another key registered it", body = ProblemDoc),
))]
async fn register(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<RegisterProver>,
) -> Result<Json<ProverView>, Problem> {
    let prover = register_as(&api, &caller, body).await?;
    Ok(Json(views::prover(&prover, api.coordinator.now())))
}

pub(crate) async fn register_as(
    api: &Api,
    caller: &Caller,
    body: RegisterProver,
) -> Result<prooflane_market::Prover, Problem> {
    caller.demand(Role::Prover)?;
    if (body.fleet || body.trusted) && !caller.0.is_operator() {
        return Err(Error::Forbidden("only the operator registers fleet provers".into()).into());
    }
    let id = body.prover_id.unwrap_or_else(|| new_uuid().to_string());
    Ok(api
        .coordinator
        .register(Registration {
            prover_id: prover_id(&id)?,
            owner: caller.0.name().map(str::to_owned),
            capacity: body.capacity,
            fleet: body.fleet,
            trusted: body.trusted,
        })
        .await?)
}

pub(crate) fn new_uuid() -> Uuid {
    Uuid::new_v4()
}

/// Every prover, with its asks and its reputation.
#[utoipa::path(get, path = "/v1/provers", tag = "provers", responses(
    (status = 200, description = "The provers", body = ProverList),
))]
async fn list(State(api): State<Api>, _caller: Caller) -> Result<Json<ProverList>, Problem> {
    let provers = api.coordinator.provers().await?;
    Ok(Json(ProverList {
        provers: provers
            .iter()
            .map(|prover| views::prover(prover, api.coordinator.now()))
            .collect(),
    }))
}

/// Place an ask, or replace the one of the same `ask_id`.
#[utoipa::path(post, path = "/v1/provers/{id}/asks", tag = "provers", params(("id" = String, Path)),
    request_body = PlaceAsk, responses(
    (status = 200, description = "The ask", body = AskView),
    (status = 400, description = "`invalid_ask`", body = ProblemDoc),
    (status = 404, description = "`unknown_prover`, `unknown_circuit`", body = ProblemDoc),
))]
async fn place_ask(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Body(body): Body<PlaceAsk>,
) -> Result<Json<AskView>, Problem> {
    let prover = caller.acts_for(&api, &id).await?.prover_id;
    let ask = place(&api, &prover, body).await?;
    Ok(Json(views::ask(&ask)))
}

pub(crate) async fn place(api: &Api, prover: &ProverId, body: PlaceAsk) -> Result<Ask, Problem> {
    for (name, length) in [
        ("circuits", body.circuits.len()),
        ("levels", body.levels.len()),
    ] {
        if length > 255 {
            let detail = format!("{name}: expected at most 255, got {length}");
            return Err(Problem::new("invalid_request", detail));
        }
    }
    let levels: Result<Vec<PrivacyLevel>, _> = body
        .levels
        .into_iter()
        .map(PrivacyLevel::try_from)
        .collect();
    let ask = Ask {
        ask_id: AskId(body.ask_id.unwrap_or_else(new_uuid)),
        circuits: body.circuits,
        price: Credits(body.price),
        capacity: body.capacity,
        levels: levels.map_err(|e| Problem::new("invalid_request", format!("levels: {e}")))?,
        promised: Millis(body.promised_ms),
        placed_at: api.coordinator.now(),
        expires_at: body.expires_at.map(Timestamp),
    };
    api.coordinator.place_ask(prover, ask.clone()).await?;
    Ok(ask)
}

/// Take up what was won, waiting for it if asked to.
///
/// A prover that lists what it is `holding` is given back what it lost in a restart.
#[utoipa::path(post, path = "/v1/provers/{id}/claim", tag = "provers", params(("id" = String, Path)),
    request_body = Claim, responses(
    (status = 200, description = "Assignments; none if the time was up", body = Claimed),
    (status = 404, description = "`unknown_prover`", body = ProblemDoc),
))]
async fn claim(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Body(body): Body<Claim>,
) -> Result<Json<Claimed>, Problem> {
    let prover = caller.acts_for(&api, &id).await?.prover_id;
    if !(1..=100).contains(&body.max) {
        let detail = format!("max: expected 1 to 100, got {}", body.max);
        return Err(Problem::new("invalid_request", detail));
    }
    let request = ClaimRequest {
        prover,
        max: body.max,
        holding: body
            .holding
            .map(|tasks| tasks.into_iter().map(TaskId).collect()),
        wait: Duration::from_millis(body.wait_ms)
            .min(Duration::from_secs(25))
            .min(api.longest_stream),
    };
    let assignments = api.coordinator.claim(&request).await?;
    let mut views = Vec::new();
    for mut assignment in assignments {
        let inputs_at = at(&api, assignment.input_blob.as_deref()).await?;
        if inputs_at.is_some() {
            assignment.inputs = Value::Null;
        }
        let view = views::assignment_view(assignment);
        views.push(AssignmentView { inputs_at, ..view });
    }
    Ok(Json(Claimed { assignments: views }))
}

/// The URL of a file that is not sent in the answer.
pub(crate) async fn at(api: &Api, blob: Option<&str>) -> Result<Option<String>, Problem> {
    let Some(blob) = blob else { return Ok(None) };
    api.files.download(blob).await.map_err(|error| {
        tracing::error!(blob, %error, "no URL for a file");
        Problem::new("unavailable", "no URL for the file; try again")
    })
}

/// A file, from where it is: elsewhere for a while, or in the answer itself.
pub(crate) async fn file<E>(
    api: &Api,
    blob: &str,
    bytes: impl Future<Output = Result<Vec<u8>, E>>,
) -> Result<Response, Problem>
where
    Problem: From<E>,
{
    if let Some(url) = at(api, Some(blob)).await? {
        return Ok(Redirect::temporary(&url).into_response());
    }
    let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
    Ok((kind, bytes.await?).into_response())
}

/// Show that the prover is alive and at it: the lease is extended.
#[utoipa::path(post, path = "/v1/assignments/{task}/{attempt}/heartbeat", tag = "provers",
    params(("task" = Uuid, Path), ("attempt" = u32, Path)), request_body = Heartbeat, responses(
    (status = 200, description = "The lease", body = LeaseView),
    (status = 409, description = "`attempt_superseded`, `not_assigned`, `task_ended`: stop proving", body = ProblemDoc),
))]
async fn heartbeat(
    State(api): State<Api>,
    caller: Caller,
    Path((task, attempt)): Path<(String, String)>,
    Body(body): Body<Heartbeat>,
) -> Result<Json<LeaseView>, Problem> {
    let prover = caller.acts_for(&api, &body.prover_id).await?.prover_id;
    let (task, attempt) = (tasks::task_id(&task)?, attempt_no(&attempt)?);
    let lease = api.coordinator.heartbeat(&prover, task, attempt).await?;
    Ok(Json(LeaseView {
        lease_expires_at: lease.expires_at.0,
    }))
}

fn attempt_no(text: &str) -> Result<u32, Problem> {
    text.parse().map_err(|_| {
        Problem::new(
            "invalid_request",
            format!("attempt: expected a number, got {text:?}"),
        )
    })
}

/// Hand a proof in. It is verified and paid at once.
#[utoipa::path(post, path = "/v1/assignments/{task}/{attempt}/result", tag = "provers",
    params(("task" = Uuid, Path), ("attempt" = u32, Path)), request_body = SubmitResult, responses(
    (status = 200, description = "The verdict", body = VerdictView),
    (status = 400, description = "`malformed_proof`", body = ProblemDoc),
    (status = 404, description = "`unknown_upload`", body = ProblemDoc),
    (status = 409, description = "`attempt_superseded`, `not_assigned`, `task_ended`", body = ProblemDoc),
))]
async fn result(
    State(api): State<Api>,
    caller: Caller,
    Path((task, attempt)): Path<(String, String)>,
    Body(body): Body<SubmitResult>,
) -> Result<Json<VerdictView>, Problem> {
    let prover = caller.acts_for(&api, &body.prover_id).await?.prover_id;
    let (task, attempt) = (tasks::task_id(&task)?, attempt_no(&attempt)?);
    let (proof, upload) = match proof_bytes(&api, &caller, &body.proof).await {
        // It was there, if there is a verdict.
        Err(problem) if problem.code() == "unknown_upload" => {
            let verdict = api
                .coordinator
                .verdict(&prover, task, attempt, Duration::ZERO);
            let verdict = verdict.await?.ok_or(problem)?;
            return Ok(Json(verdict_view(verdict)));
        }
        proof => proof?,
    };
    let verdict = api
        .coordinator
        .accept(&prover, task, attempt, &proof)
        .await?;
    if let Some(upload) = upload {
        api.coordinator.drop_upload(upload).await;
    }
    Ok(Json(verdict_view(verdict)))
}

pub(crate) fn verdict_view(verdict: Verdict) -> VerdictView {
    VerdictView {
        accepted: verdict.accepted,
        verification_result: if verdict.accepted { "Pass" } else { "Fail" }.into(),
        quality_score: verdict.quality.as_f64(),
    }
}

/// A proof in any form as bytes, and the upload that they are in.
pub(crate) async fn proof_bytes(
    api: &Api,
    caller: &Caller,
    form: &ProofForm,
) -> Result<(Vec<u8>, Option<UploadId>), Problem> {
    let ProofForm::Uploaded(EvidenceAt { upload }) = form else {
        return Ok((proof(form)?.to_compact().to_vec(), None));
    };
    let upload = upload.parse()?;
    let uploader = caller.0.requester(None)?;
    let bytes = api.coordinator.uploaded(&uploader, upload).await?;
    Ok((bytes, Some(upload)))
}

/// Reads a proof of a circuit in either form.
pub(crate) fn proof(form: &ProofForm) -> Result<Proof, Problem> {
    let malformed = |detail: String| Problem::new("malformed_proof", detail);
    match form {
        ProofForm::Uploaded(_) => Err(malformed(
            "expected a proof of a circuit, got an upload".into(),
        )),
        ProofForm::Snarkjs(json) => Proof::try_from(&**json).map_err(|e| malformed(e.to_string())),
        ProofForm::Compact(text) => {
            let digits = text.strip_prefix("0x").unwrap_or(text);
            let bytes = hex::decode(digits)
                .map_err(|_| malformed("expected 256 hexadecimal digits after 0x".into()))?;
            Proof::from_compact(&bytes).map_err(|e| malformed(e.to_string()))
        }
    }
}

/// Give an attempt up; the task goes back to auction.
#[utoipa::path(post, path = "/v1/assignments/{task}/{attempt}/failure", tag = "provers",
    params(("task" = Uuid, Path), ("attempt" = u32, Path)), request_body = ReportFailure, responses(
    (status = 200, description = "The task", body = TaskView),
    (status = 409, description = "`attempt_superseded`, `not_assigned`, `task_ended`", body = ProblemDoc),
))]
async fn failure(
    State(api): State<Api>,
    caller: Caller,
    Path((task, attempt)): Path<(String, String)>,
    Body(body): Body<ReportFailure>,
) -> Result<(StatusCode, Json<TaskView>), Problem> {
    let prover = caller.acts_for(&api, &body.prover_id).await?.prover_id;
    let (task, attempt) = (tasks::task_id(&task)?, attempt_no(&attempt)?);
    api.coordinator
        .fail(&prover, task, attempt, &body.message)
        .await?;
    let record = api.coordinator.task(task).await?;
    Ok((
        StatusCode::OK,
        Json(views::task(&record, api.coordinator.now())),
    ))
}
