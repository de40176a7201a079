//! Health and metrics.

use crate::Api;
use crate::caller::{Body, Caller, Path, account_name};
use crate::problem::Problem;
use axum::Json;
use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use prooflane_client::wire::{
    CreateKey, CreatedKey, Health, KeyList, KeyView, Problem as ProblemDoc,
};
use prooflane_coordinator::{ApiKey, Role};
use serde_json::json;
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(metrics))
        .routes(routes!(create_key, keys))
        .routes(routes!(revoke_key))
}

/// Whether the network answers and its store with it.
#[utoipa::path(get, path = "/health", tag = "service", responses(
    (status = 200, description = "It does", body = Health),
    (status = 503, description = "`unavailable`", body = ProblemDoc),
))]
async fn health(State(api): State<Api>) -> Result<Json<Health>, Problem> {
    api.coordinator.ping().await?;
    Ok(Json(Health {
        status: "healthy".into(),
        service: "prooflane".into(),
        version: env!("CARGO_PKG_VERSION").into(),
    }))
}

/// Metrics of this process in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "service", responses(
    (status = 200, description = "The metrics", content_type = "text/plain", body = String),
))]
async fn metrics(State(api): State<Api>, caller: Caller) -> Result<String, Problem> {
    caller.demand(Role::Operator)?;
    Ok((api.metrics)())
}

/// Make an API key (operators).
#[utoipa::path(post, path = "/v1/keys", tag = "service", request_body = CreateKey, responses(
    (status = 201, description = "The key, shown this once", body = CreatedKey),
    (status = 403, description = "`forbidden`", body = ProblemDoc),
))]
async fn create_key(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<CreateKey>,
) -> Result<(StatusCode, Json<CreatedKey>), Problem> {
    caller.demand(Role::Operator)?;
    let roles = serde_json::from_value::<Vec<Role>>(json!(body.roles))
        .ok()
        .filter(|roles| !roles.is_empty())
        .ok_or_else(|| {
            let detail = "roles: expected some of requester, prover, operator";
            Problem::new("invalid_request", detail)
        })?;
    account_name("name", &body.name)?;
    let record = ApiKey {
        name: body.name,
        roles,
    };
    let api_key = api.coordinator.create_api_key(&record).await?;
    Ok((
        StatusCode::CREATED,
        Json(CreatedKey {
            api_key,
            name: record.name,
            roles: body.roles,
        }),
    ))
}

/// List the API keys that were made (operators).
#[utoipa::path(get, path = "/v1/keys", tag = "service", responses(
    (status = 200, description = "By the name of their holders", body = KeyList),
    (status = 403, description = "`forbidden`", body = ProblemDoc),
))]
async fn keys(State(api): State<Api>, caller: Caller) -> Result<Json<KeyList>, Problem> {
    caller.demand(Role::Operator)?;
    let issued = api.coordinator.api_keys().await?.into_iter();
    let keys = issued.map(|issued| KeyView {
        key_id: issued.id,
        name: issued.key.name,
        roles: issued.key.roles.iter().map(ToString::to_string).collect(),
    });
    Ok(Json(KeyList {
        keys: keys.collect(),
    }))
}

/// Revoke an API key (operators): the next call with it is `unauthorized`.
#[utoipa::path(delete, path = "/v1/keys/{id}", tag = "service",
    params(("id" = String, Path, description = "`key_id` of the list")), responses(
    (status = 204, description = "It is worthless"),
    (status = 403, description = "`forbidden`: the only operator's key stays", body = ProblemDoc),
    (status = 404, description = "`unknown_key`", body = ProblemDoc),
))]
async fn revoke_key(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.demand(Role::Operator)?;
    api.coordinator.revoke_api_key(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Records the metrics of this process from the first call on; what it gives renders them in
/// Prometheus' text format.
///
/// # Panics
/// If another recorder is installed already: there is one per process, and this is it.
pub fn prometheus() -> Arc<dyn Fn() -> String + Send + Sync> {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    let handle = HANDLE.get_or_init(|| {
        const SECONDS: [f64; 12] = [
            0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
        ];
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)
            .and_then(PrometheusBuilder::install_recorder)
            .expect("no other metrics recorder in this process");
        describe();
        handle
    });
    Arc::new(|| {
        handle.run_upkeep();
        handle.render()
    })
}

fn describe() {
    metrics::describe_counter!("prooflane_tasks_submitted_total", "Tasks that came in");
    metrics::describe_counter!(
        "prooflane_tasks_assigned_total",
        "Auctions that found a prover"
    );
    metrics::describe_counter!(
        "prooflane_tasks_claimed_total",
        "Assignments that provers took up"
    );
    metrics::describe_counter!(
        "prooflane_tasks_completed_total",
        "Tasks with a verified proof"
    );
    metrics::describe_counter!(
        "prooflane_attempts_failed_total",
        "Attempts that provers gave up"
    );
    metrics::describe_counter!(
        "prooflane_proofs_verified_total",
        "Proofs handed in, by validity"
    );
    metrics::describe_counter!("prooflane_payments_redeemed_total", "Payments admitted");
    metrics::describe_counter!("prooflane_commit_conflicts_total", "Commits decided anew");
    metrics::describe_counter!("prooflane_problems_total", "Problem documents, by code");
    metrics::describe_counter!(
        "prooflane_take_overs_total",
        "Times that an auctioneer here became the leader of its shard"
    );
    metrics::describe_gauge!("prooflane_sweeper_due", "Tasks due at the last sweep");
    metrics::describe_histogram!(
        "prooflane_task_seconds",
        "From submission to verified proof"
    );
    metrics::describe_histogram!(
        "prooflane_prove_seconds",
        "From claim to proof, by provers here"
    );
    metrics::describe_histogram!(
        "prooflane_http_seconds",
        "HTTP requests, by route and status"
    );
}

pub(crate) async fn measure(request: Request, next: Next) -> Response {
    let started = Instant::now();
    // Callers can make methods up; labels must stay few.
    let method = match request.method().as_str() {
        known @ ("GET" | "POST" | "DELETE" | "PUT" | "PATCH" | "HEAD" | "OPTIONS") => known,
        _ => "other",
    };
    let method = method.to_owned();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    metrics::histogram!("prooflane_http_seconds", "method" => method, "route" => route, "status" => status)
        .record(started.elapsed().as_secs_f64());
    response
}
