//! Routes of the dataset ledger.

use crate::caller::{Body, Caller, Path, account_name};
use crate::problem::Problem;
use crate::{Api, provers};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prooflane_client::wire::Problem as ProblemDoc;
use prooflane_client::wire::ledger::{
    DatasetView, Grant, GrantList, LedgerView, LineageView, OperationList, OperationView,
    RecordOperation,
};
use prooflane_coordinator::{Cursor, Ports, Role};
use prooflane_ledger::{
    DatasetId, Known, Ledger, LedgerError, Lineage, Operation, Permission, Permissions,
};
use prooflane_log::tile::Tile;
use prooflane_log::{LogError, SigningKey, VerifyingKey, Witness, WitnessError};
use prooflane_store::StoreError;
use serde::{Deserialize, Serialize};
use serde_json::{from_value, json};
use std::sync::Arc;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The network's dataset ledger.
#[derive(Clone)]
pub struct OwnLedger {
    /// Itself.
    pub ledger: Arc<Ledger>,
    /// The verifying keys of its log, the oldest first.
    pub log_keys: Vec<VerifyingKey>,
    /// Cosigns other logs, if the network is a witness of any.
    pub witness: Option<Arc<Witness>>,
}

impl OwnLedger {
    /// The ledger in the network's own store, and its log's keys, the oldest first: the last one signs.
    ///
    /// # Errors
    /// [`LedgerError`], also where there is no key.
    pub async fn open(ports: &Ports, mut keys: Vec<SigningKey>) -> Result<Self, LedgerError> {
        let log_keys = keys.iter().map(|key| key.verifying().clone()).collect();
        let signer = keys.pop();
        let signer = signer.ok_or_else(|| LedgerError::Damaged("the log has no key".into()))?;
        let (table, blobs) = (ports.table.clone(), ports.blobs.clone());
        let ledger = Ledger::open(table, blobs, ports.clock.clone(), signer).await?;
        Ok(Self {
            ledger: Arc::new(ledger),
            log_keys,
            witness: None,
        })
    }
}

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(about))
        .routes(routes!(checkpoint))
        .routes(routes!(tile))
        .routes(routes!(add_checkpoint))
        .routes(routes!(record, list))
        .routes(routes!(operation))
        .routes(routes!(receipt))
        .routes(routes!(evidence))
        .routes(routes!(dataset))
        .routes(routes!(operations))
        .routes(routes!(lineage))
        .routes(routes!(grants))
        .routes(routes!(grant))
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        let code = match &error {
            LedgerError::Evidence(_) => "invalid_evidence",
            LedgerError::UnknownDataset(_) => "unknown_dataset",
            LedgerError::UnknownOperation { .. } => "unknown_operation",
            LedgerError::Forbidden { .. } => "forbidden",
            LedgerError::TooMany { .. } | LedgerError::TooLarge { .. } => "invalid_request",
            LedgerError::Recorded(_) => "dataset_recorded",
            LedgerError::IdTaken { .. } => "operation_id_reused",
            LedgerError::TooConnected(_) => "lineage_too_large",
            // A cursor that this table never gave.
            LedgerError::Log(LogError::Store(StoreError::Invalid(_))) => "invalid_request",
            LedgerError::Log(LogError::Store(_)) | LedgerError::Unknown(_) => {
                tracing::error!(%error, "the ledger's store does not answer");
                return Self::new("unavailable", error.to_string()).retry_after(1);
            }
            LedgerError::Log(_) | LedgerError::Damaged(_) => {
                tracing::error!(%error, "the ledger is damaged");
                "corrupt_record"
            }
        };
        Self::new(code, error.to_string())
    }
}

/// As whom the ledger knows the caller: operators, and everybody on an open network, see everything and may grant everything. What an
/// operator records is recorded for the operator's account, which needs permissions like any other.
fn by(caller: &Caller) -> Option<&str> {
    caller.0.name().filter(|_| !caller.0.is_operator())
}

fn dataset_id(text: &str) -> Result<DatasetId, Problem> {
    text.parse()
        .map_err(|error| Problem::new("invalid_request", format!("dataset: {error}")))
}

fn index(text: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| {
        let detail = format!("operation: expected its number, got {text:?}");
        Problem::new("invalid_request", detail)
    })
}

/// The ledger's name and keys. Needs no API key.
#[utoipa::path(get, path = "/v1/ledger", tag = "ledger", security(()), responses(
    (status = 200, description = "The ledger", body = LedgerView),
))]
async fn about(State(api): State<Api>) -> Result<Json<LedgerView>, Problem> {
    let OwnLedger {
        ledger,
        log_keys,
        witness,
    } = &api.ledger;
    Ok(Json(LedgerView {
        origin: ledger.log().key().name().into(),
        log_keys: log_keys.iter().map(ToString::to_string).collect(),
        size: ledger.size().await?,
        witness_key: witness.as_ref().map(|witness| witness.key().to_string()),
    }))
}

/// The log's latest checkpoint (c2sp.org/tlog-checkpoint). Needs no API key.
#[utoipa::path(get, path = "/v1/ledger/checkpoint", tag = "ledger", security(()), responses(
    (status = 200, description = "A signed note", content_type = "text/plain", body = String),
))]
async fn checkpoint(State(api): State<Api>) -> Result<Response, Problem> {
    let checkpoint = api.ledger.ledger.log().checkpoint().await;
    let checkpoint = checkpoint.map_err(LedgerError::from)?;
    Ok((
        [
            (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
            (header::CACHE_CONTROL, "no-cache"),
        ],
        checkpoint.to_string(),
    )
        .into_response())
}

/// A tile of the log (c2sp.org/tlog-tiles). Needs no API key.
#[utoipa::path(get, path = "/v1/ledger/tile/{*tile}", tag = "ledger", security(()),
    params(("tile" = String, Path, description = "`<level>/<index>[.p/<width>]`, or `entries/` in place of the level", example = "0/000")), responses(
    (status = 200, description = "Hashes or entries; never changes", content_type = "application/octet-stream", body = Vec<u8>),
    (status = 404, description = "`no_tile`", body = ProblemDoc),
))]
async fn tile(State(api): State<Api>, Path(tile): Path<String>) -> Result<Response, Problem> {
    let tile: Tile = format!("tile/{tile}").parse().map_err(|_| {
        let detail = format!("tile: expected a path of c2sp.org/tlog-tiles, got {tile:?}");
        Problem::new("invalid_request", detail)
    })?;
    let bytes = api.ledger.ledger.log().reader().tile(tile).await;
    let bytes = bytes.map_err(|error| match error {
        LogError::Missing(_) => Problem::new("no_tile", error.to_string()),
        other => LedgerError::from(other).into(),
    });
    let bytes = bytes?.to_vec();
    Ok((
        [
            (header::CONTENT_TYPE, "application/octet-stream"),
            (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        ],
        bytes,
    )
        .into_response())
}

/// Cosign another log's checkpoint (c2sp.org/tlog-witness), where the network is a witness of that log. Needs no API key.
#[utoipa::path(post, path = "/v1/ledger/witness/add-checkpoint", tag = "ledger", security(()),
    request_body(content = String, content_type = "text/plain"), responses(
    (status = 200, description = "The cosignature, a line", content_type = "text/plain", body = String),
    (status = 400, description = "Not in the form of the specification", content_type = "text/plain", body = String),
    (status = 403, description = "Not signed by the log", content_type = "text/plain", body = String),
    (status = 404, description = "Not a log that is cosigned here", content_type = "text/plain", body = String),
    (status = 409, description = "The size that was cosigned last is another", content_type = "text/x.tlog.size", body = String),
    (status = 422, description = "The proof does not hold", content_type = "text/plain", body = String),
))]
async fn add_checkpoint(State(api): State<Api>, body: String) -> Result<Response, Problem> {
    let plain = |status: StatusCode, kind: &'static str, text: String| {
        (status, [(header::CONTENT_TYPE, kind)], text).into_response()
    };
    let Some(witness) = &api.ledger.witness else {
        let text = "this network is no witness\n".to_owned();
        return Ok(plain(
            StatusCode::NOT_FOUND,
            "text/plain; charset=utf-8",
            text,
        ));
    };
    match witness.add_checkpoint(&body).await {
        Ok(line) => Ok(plain(
            StatusCode::OK,
            "text/plain; charset=utf-8",
            format!("{line}\n"),
        )),
        Err(WitnessError::Refused(refusal)) => {
            let status = StatusCode::from_u16(refusal.status());
            let (kind, text) = refusal.answer();
            Ok(plain(status.unwrap_or(StatusCode::BAD_REQUEST), kind, text))
        }
        Err(WitnessError::Log(error)) => Err(LedgerError::from(error).into()),
    }
}

/// Verify evidence and record it, once for each `id`.
///
/// The evidence is uploaded first: `POST /v1/uploads`. Datasets that the statement makes become yours.
#[utoipa::path(post, path = "/v1/ledger/operations", tag = "ledger", request_body = RecordOperation, responses(
    (status = 200, description = "The operation", body = OperationView),
    (status = 400, description = "`invalid_evidence`, `invalid_request`", body = ProblemDoc),
    (status = 403, description = "`forbidden`", body = ProblemDoc),
    (status = 404, description = "`unknown_dataset`, `unknown_upload`", body = ProblemDoc),
    (status = 409, description = "`dataset_recorded`, `operation_id_reused`", body = ProblemDoc),
))]
async fn record(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<RecordOperation>,
) -> Result<Json<Operation>, Problem> {
    caller.demand(Role::Requester)?;
    let requester = caller.0.requester(None)?;
    let upload = body.upload.parse()?;
    let evidence = api.coordinator.uploaded(&requester, upload).await?;
    let ledger = &api.ledger.ledger;
    let (index, _) = ledger.record(caller.0.name(), body.id, evidence).await?;
    api.coordinator.drop_upload(upload).await;
    Ok(Json(ledger.operation(by(&caller), index).await?))
}

/// A page of operations, as it is answered.
#[derive(Serialize)]
struct Page {
    operations: Vec<Operation>,
    next: Option<String>,
}

/// Which operations to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// The first; where not given, such that the last is the newest.
    from: Option<u64>,
    /// At most this many, 1 to 100; 20 where not given.
    limit: Option<u64>,
}

/// List operations in their order.
#[utoipa::path(get, path = "/v1/ledger/operations", tag = "ledger", params(ListQuery), responses(
    (status = 200, description = "Operations; `next` is the next page's `from`", body = OperationList),
))]
async fn list(
    State(api): State<Api>,
    caller: Caller,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Page>, Problem> {
    let Query(query) = query.map_err(|error| Problem::new("invalid_request", error.body_text()))?;
    let limit = query.limit.unwrap_or(20);
    if !(1..=100).contains(&limit) {
        let detail = format!("limit: expected 1 to 100, got {limit}");
        return Err(Problem::new("invalid_request", detail));
    }
    let ledger = &api.ledger.ledger;
    let size = ledger.size().await?;
    let from = query.from.unwrap_or(size.saturating_sub(limit));
    let end = from.saturating_add(limit).min(size);
    Ok(Json(Page {
        operations: ledger.recorded(by(&caller), from..end).await?,
        next: (end < size).then(|| end.to_string()),
    }))
}

/// An operation.
#[utoipa::path(get, path = "/v1/ledger/operations/{index}", tag = "ledger", params(("index" = u64, Path)), responses(
    (status = 200, description = "The operation", body = OperationView),
    (status = 404, description = "`unknown_operation`", body = ProblemDoc),
))]
async fn operation(
    State(api): State<Api>,
    caller: Caller,
    Path(number): Path<String>,
) -> Result<Json<Operation>, Problem> {
    let number = index(&number)?;
    Ok(Json(
        api.ledger.ledger.operation(by(&caller), number).await?,
    ))
}

/// An operation's receipt, which verifies offline: that its entry is in the log.
#[utoipa::path(get, path = "/v1/ledger/operations/{index}/receipt", tag = "ledger", params(("index" = u64, Path)), responses(
    (status = 200, description = "`tlog-proof@v1`, with the entry as extra data", content_type = "text/plain", body = String),
    (status = 404, description = "`unknown_operation`", body = ProblemDoc),
))]
async fn receipt(
    State(api): State<Api>,
    _caller: Caller,
    Path(number): Path<String>,
) -> Result<String, Problem> {
    let receipt = api.ledger.ledger.receipt(index(&number)?).await?;
    Ok(receipt.to_string())
}

/// An operation's evidence: the statement and its proofs, for whoever may read all of its datasets.
#[utoipa::path(get, path = "/v1/ledger/operations/{index}/evidence", tag = "ledger", params(("index" = u64, Path)), responses(
    (status = 200, description = "`prooflane-evidence/1`", content_type = "application/octet-stream", body = Vec<u8>),
    (status = 307, description = "It is at another URL, for a while"),
    (status = 403, description = "`forbidden`", body = ProblemDoc),
    (status = 404, description = "`unknown_operation`", body = ProblemDoc),
))]
async fn evidence(
    State(api): State<Api>,
    caller: Caller,
    Path(number): Path<String>,
) -> Result<Response, Problem> {
    let (ledger, number) = (&api.ledger.ledger, index(&number)?);
    let blob = ledger.evidence_at(by(&caller), number).await?;
    provers::file(&api, &blob, ledger.evidence(by(&caller), number)).await
}

/// What everybody may know of a dataset.
#[utoipa::path(get, path = "/v1/ledger/datasets/{dataset}", tag = "ledger", params(("dataset" = String, Path)), responses(
    (status = 200, description = "The dataset", body = DatasetView),
    (status = 404, description = "`unknown_dataset`", body = ProblemDoc),
))]
async fn dataset(
    State(api): State<Api>,
    _caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Known>, Problem> {
    let id = dataset_id(&id)?;
    let known = api.ledger.ledger.dataset(id).await?;
    Ok(Json(known.ok_or(LedgerError::UnknownDataset(id))?))
}

/// Where a page begins.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PageQuery {
    /// `next` of the page before.
    after: Option<String>,
}

/// The operations that a dataset took part in, in their order.
#[utoipa::path(get, path = "/v1/ledger/datasets/{dataset}/operations", tag = "ledger",
    params(("dataset" = String, Path), PageQuery), responses(
    (status = 200, description = "Operations; `next` is the next page's `after`", body = OperationList),
    (status = 404, description = "`unknown_dataset`", body = ProblemDoc),
))]
async fn operations(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Json<Page>, Problem> {
    let Query(query) = query.map_err(|error| Problem::new("invalid_request", error.body_text()))?;
    let (ledger, id) = (&api.ledger.ledger, dataset_id(&id)?);
    if ledger.dataset(id).await?.is_none() {
        return Err(LedgerError::UnknownDataset(id).into());
    }
    let after = query.after.map(Cursor);
    let page = ledger.operations(by(&caller), id, after).await?;
    Ok(Json(Page {
        operations: page.operations,
        next: page.next.map(|cursor| cursor.0),
    }))
}

/// The datasets that this one is connected to by transformations, and all operations on them.
#[utoipa::path(get, path = "/v1/ledger/datasets/{dataset}/lineage", tag = "ledger", params(("dataset" = String, Path)), responses(
    (status = 200, description = "Both ways, all the way", body = LineageView),
    (status = 404, description = "`unknown_dataset`", body = ProblemDoc),
    (status = 422, description = "`lineage_too_large`", body = ProblemDoc),
))]
async fn lineage(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Lineage>, Problem> {
    let id = dataset_id(&id)?;
    Ok(Json(api.ledger.ledger.lineage(by(&caller), id).await?))
}

/// Who may do what with a dataset, for whoever administers it.
#[utoipa::path(get, path = "/v1/ledger/datasets/{dataset}/permissions", tag = "ledger", params(("dataset" = String, Path)), responses(
    (status = 200, description = "By account; its owner may do everything", body = GrantList),
    (status = 403, description = "`forbidden`", body = ProblemDoc),
    (status = 404, description = "`unknown_dataset`", body = ProblemDoc),
))]
async fn grants(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<GrantList>, Problem> {
    let grants = api.ledger.ledger.grants(by(&caller), dataset_id(&id)?);
    let grants = grants.await?.into_iter().map(|(account, permissions)| {
        let permissions = permissions.iter().map(Permission::to_string).collect();
        (account, Grant { permissions })
    });
    Ok(Json(GrantList {
        grants: grants.collect(),
    }))
}

/// Give an account permissions to a dataset, for whoever administers it. It then has these and no others.
#[utoipa::path(put, path = "/v1/ledger/datasets/{dataset}/permissions/{account}", tag = "ledger",
    params(("dataset" = String, Path), ("account" = String, Path)), request_body = Grant, responses(
    (status = 204, description = "It has them"),
    (status = 400, description = "`invalid_request`", body = ProblemDoc),
    (status = 403, description = "`forbidden`", body = ProblemDoc),
    (status = 404, description = "`unknown_dataset`", body = ProblemDoc),
))]
async fn grant(
    State(api): State<Api>,
    caller: Caller,
    Path((id, account)): Path<(String, String)>,
    Body(body): Body<Grant>,
) -> Result<StatusCode, Problem> {
    account_name("account", &account)?;
    let permissions: Permissions = from_value(json!(body.permissions)).map_err(|_| {
        let detail = "permissions: expected some of read, write, prove, administer";
        Problem::new("invalid_request", detail)
    })?;
    let (ledger, id) = (&api.ledger.ledger, dataset_id(&id)?);
    ledger
        .grant(by(&caller), id, &account, &permissions)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
