//! Inputs, witnesses and evidence that are too large for a request.

use crate::caller::{Body, Caller, Path};
use crate::problem::Problem;
use crate::{Api, UploadTo};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use prooflane_client::wire::{BeginUpload, Problem as ProblemDoc, UploadView};
use prooflane_coordinator::{Role, UploadId};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Where this process takes uploads itself.
pub(crate) const FOLDER: &str = "/v1/uploads/";

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(begin))
        .routes(routes!(upload))
}

/// Begin an upload of what is too large for a request: inputs, a witness, or evidence.
///
/// Put the bytes where the answer says, then send the request that names the answer's `upload`.
#[utoipa::path(post, path = "/v1/uploads", tag = "tasks", request_body = BeginUpload, responses(
    (status = 200, description = "Where to put the bytes", body = UploadView),
    (status = 400, description = "`invalid_request`", body = ProblemDoc),
))]
async fn begin(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<BeginUpload>,
) -> Result<Json<UploadView>, Problem> {
    uploader(&caller)?;
    let requester = caller.0.requester(body.requester.as_deref())?;
    let bytes = usize::try_from(body.bytes).ok();
    let bytes = bytes.filter(|bytes| (1..=UploadId::BYTES).contains(bytes));
    let bytes = bytes.ok_or_else(|| {
        let detail = format!(
            "bytes: expected 1 to {}, got {}",
            UploadId::BYTES,
            body.bytes
        );
        Problem::new("invalid_request", detail)
    })?;
    let mut sha256 = [0; 32];
    hex::decode_to_slice(&body.sha256, &mut sha256).map_err(|_| {
        let detail = "sha256: expected 64 hexadecimal digits";
        Problem::new("invalid_request", detail)
    })?;
    let upload = UploadId::new(&requester, body.bytes, &sha256);
    let place = api.files.upload(&upload.blob(), bytes, &sha256).await;
    let place = place.map_err(|error| {
        tracing::error!(%error, "no place for an upload");
        Problem::new("unavailable", "no place for the upload; try again")
    })?;
    let place = place.unwrap_or_else(|| UploadTo {
        url: here(upload, &requester),
        headers: BTreeMap::new(),
        lasting: Duration::from_secs(900),
    });
    let lasting = u64::try_from(place.lasting.as_millis()).unwrap_or(u64::MAX);
    Ok(Json(UploadView {
        upload: upload.to_string(),
        url: place.url,
        headers: place.headers,
        expires_at: api.coordinator.now().0.saturating_add(lasting),
    }))
}

/// Requesters upload inputs and witnesses, provers evidence.
fn uploader(caller: &Caller) -> Result<(), Problem> {
    let requester = caller.demand(Role::Requester);
    requester.or_else(|problem| caller.demand(Role::Prover).map_err(|_| problem))
}

fn here(upload: UploadId, requester: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(format!("{FOLDER}{upload}?"));
    query.append_pair("requester", requester).finish()
}

/// For whose task an upload is.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct UploadQuery {
    /// As the upload was begun; your key's own where not given.
    requester: Option<String>,
}

/// The bytes of an upload, where the network takes them itself.
#[utoipa::path(put, path = "/v1/uploads/{upload}", tag = "tasks",
    params(("upload" = String, Path, description = "As `POST /v1/uploads` named it"), UploadQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses(
    (status = 204, description = "They are here"),
    (status = 400, description = "`invalid_request`: they are not what was announced", body = ProblemDoc),
))]
async fn upload(
    State(api): State<Api>,
    caller: Caller,
    Path(upload): Path<String>,
    Query(query): Query<UploadQuery>,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    uploader(&caller)?;
    let requester = caller.0.requester(query.requester.as_deref())?;
    let coordinator = &api.coordinator;
    coordinator
        .upload(&requester, upload.parse()?, &body)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
