//! Routes of provers without an assignment, for tasks that are open to anyone.

use crate::caller::{Body, Caller, Path};
use crate::problem::Problem;
use crate::provers::{self, proof_bytes, verdict_view};
use crate::{Api, tasks};
use axum::Json;
use axum::extract::State;
use prooflane_client::wire::{
    Commit, CommittedView, Join, LateTaskView, LateTasks, OpenTaskView, Problem as ProblemDoc,
    Reveal, VerdictView,
};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(late))
        .routes(routes!(join))
        .routes(routes!(commitment))
        .routes(routes!(reveal))
}

/// List the tasks that a prover could join now: their assigned provers had their time.
#[utoipa::path(get, path = "/v1/provers/{id}/late", tag = "provers", params(("id" = String, Path)), responses(
    (status = 200, description = "At most 100 tasks", body = LateTasks),
    (status = 404, description = "`unknown_prover`", body = ProblemDoc),
))]
async fn late(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<LateTasks>, Problem> {
    let prover = caller.acts_for(&api, &id).await?.prover_id;
    let late = api.coordinator.late(&prover).await?.into_iter();
    let tasks = late.map(|task| LateTaskView {
        task_id: task.task_id.0,
        circuit: task.circuit,
        open_from: task.open_from.0,
        price: task.price.0,
    });
    Ok(Json(LateTasks {
        tasks: tasks.collect(),
    }))
}

/// Start on a task whose assigned prover had its time: from `open_from` on.
#[utoipa::path(post, path = "/v1/tasks/{id}/fulfilment/join", tag = "provers",
    params(("id" = Uuid, Path)), request_body = Join, responses(
    (status = 200, description = "The task with its inputs", body = OpenTaskView),
    (status = 409, description = "`not_open`, `not_eligible`, `crowded`, `task_ended`", body = ProblemDoc),
))]
async fn join(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Body(body): Body<Join>,
) -> Result<Json<OpenTaskView>, Problem> {
    let prover = caller.acts_for(&api, &body.prover_id).await?.prover_id;
    let task = api.coordinator.join(&prover, tasks::task_id(&id)?).await?;
    let inputs_at = provers::at(&api, task.input_blob.as_deref()).await?;
    let here = inputs_at.is_none();
    Ok(Json(OpenTaskView {
        task_id: task.task_id.0,
        circuit: task.circuit,
        key_id: task.key_id,
        inputs: if here { task.inputs } else { Value::Null },
        inputs_at,
        public_inputs: task.public_inputs,
        price: task.price.0,
    }))
}

/// Commit to a proof without showing it, so that nobody who sees it later can be paid for it.
#[utoipa::path(post, path = "/v1/tasks/{id}/fulfilment/commitment", tag = "provers",
    params(("id" = Uuid, Path)), request_body = Commit, responses(
    (status = 200, description = "From when it may be revealed", body = CommittedView),
    (status = 409, description = "`not_joined`, `not_open`, `task_ended`", body = ProblemDoc),
))]
async fn commitment(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Body(body): Body<Commit>,
) -> Result<Json<CommittedView>, Problem> {
    let prover = caller.acts_for(&api, &body.prover_id).await?.prover_id;
    let id = tasks::task_id(&id)?;
    let from = api
        .coordinator
        .commit_to(&prover, id, body.commitment)
        .await?;
    Ok(Json(CommittedView {
        reveal_from: from.0,
    }))
}

/// Reveal the proof that was committed to. It is verified and paid at once.
#[utoipa::path(post, path = "/v1/tasks/{id}/fulfilment/reveal", tag = "provers",
    params(("id" = Uuid, Path)), request_body = Reveal, responses(
    (status = 200, description = "The verdict", body = VerdictView),
    (status = 400, description = "`malformed_proof`", body = ProblemDoc),
    (status = 409, description = "`not_committed`, `not_joined`, `too_early`, `task_ended`", body = ProblemDoc),
))]
async fn reveal(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Body(body): Body<Reveal>,
) -> Result<Json<VerdictView>, Problem> {
    let prover = caller.acts_for(&api, &body.prover_id).await?.prover_id;
    let id = tasks::task_id(&id)?;
    let (proof, upload) = match proof_bytes(&api, &caller, &body.proof).await {
        // It was there, if there is a verdict.
        Err(problem) if problem.code() == "unknown_upload" => {
            let verdict = api.coordinator.revealed(&prover, id).await?;
            return Ok(Json(verdict_view(verdict.ok_or(problem)?)));
        }
        proof => proof?,
    };
    let mut salt = [0; 32];
    let digits = body.salt.strip_prefix("0x").unwrap_or(&body.salt);
    hex::decode_to_slice(digits, &mut salt).map_err(|_| {
        let detail = format!(
            "salt: expected 64 hexadecimal digits, got {} characters",
            body.salt.chars().count()
        );
        Problem::new("invalid_request", detail)
    })?;
    let verdict = api.coordinator.reveal(&prover, id, &proof, &salt).await?;
    if let Some(upload) = upload {
        api.coordinator.drop_upload(upload).await;
    }
    Ok(Json(verdict_view(verdict)))
}
