#![doc = include_str!("../README.md")]

mod accounts;
mod attestations;
mod caller;
mod circuits;
mod compat;
mod events;
mod fulfilment;
mod ledger;
mod limits;
mod payments;
mod problem;
mod provers;
mod service;
mod tasks;
mod uploads;
mod views;

pub use attestations::OwnAttestor;
pub use ledger::OwnLedger;
pub use limits::Limits;
pub use problem::{CODES, Code, errors_markdown};
pub use service::prometheus;
pub use views::assignment_view;

use async_trait::async_trait;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use prooflane_coordinator::{Coordinator, Groth16};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;

/// What the routes need besides the use-cases.
#[derive(Clone)]
pub struct Api {
    /// The use-cases.
    pub coordinator: Coordinator,
    /// Whoever reaches it may do everything; otherwise every call but `/health` and the documentation
    /// needs an API key.
    pub open: bool,
    /// Sizes and rates.
    pub limits: Limits,
    /// The network's own attestor.
    pub attestor: Option<OwnAttestor>,
    /// The dataset ledger.
    pub ledger: OwnLedger,
    /// What is too large for a request or an answer.
    pub files: Arc<dyn Files>,
    /// The longest that a stream of events or a long poll lasts.
    pub longest_stream: Duration,
    /// An answer reaches its caller only once it is whole, as through a gateway in front of a
    /// function: a stream of events then ends with the first news, to be resumed.
    pub buffered: bool,
    /// Renders the metrics of this process.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

/// Where files are that are too large for a request or an answer.
#[async_trait]
pub trait Files: Send + Sync {
    /// The key file of a circuit of the catalogue, for a prover that has none.
    ///
    /// # Errors
    /// Why it cannot be had, for the log.
    async fn proving_key(&self, entry: &Groth16) -> Result<KeyFile, String>;

    /// The URL that serves a blob; none where it is sent in the answer itself.
    ///
    /// # Errors
    /// Why there is none, for the log.
    async fn download(&self, blob: &str) -> Result<Option<String>, String>;

    /// Where a blob of so many bytes with this SHA-256 can be put; none where this process takes it.
    ///
    /// # Errors
    /// Why there is none, for the log.
    async fn upload(
        &self,
        blob: &str,
        bytes: usize,
        sha256: &[u8; 32],
    ) -> Result<Option<UploadTo>, String>;
}

/// Key files from where this process has them; everything else in requests and answers.
#[async_trait]
impl<F> Files for F
where
    F: Fn(&Groth16) -> std::io::Result<Vec<u8>> + Send + Sync,
{
    async fn proving_key(&self, entry: &Groth16) -> Result<KeyFile, String> {
        self(entry).map(KeyFile::Bytes).map_err(|e| e.to_string())
    }

    async fn download(&self, _: &str) -> Result<Option<String>, String> {
        Ok(None)
    }

    async fn upload(&self, _: &str, _: usize, _: &[u8; 32]) -> Result<Option<UploadTo>, String> {
        Ok(None)
    }
}

/// Where to put a blob.
pub struct UploadTo {
    /// Takes one PUT.
    pub url: String,
    /// With exactly these headers.
    pub headers: BTreeMap<String, String>,
    /// For this long.
    pub lasting: Duration,
}

/// A key file.
pub enum KeyFile {
    /// Itself.
    Bytes(Vec<u8>),
    /// The URL that serves it.
    At(String),
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Prooflane",
        description = "Zero-knowledge proofs on demand: submit a task, an auction finds a prover, \
            the network verifies, pays and stores the proof. Errors are problem documents \
            (RFC 9457) with a stable `code`.",
        license(name = "MIT")
    ),
    modifiers(&Bearer),
    // An open network needs no key.
    security((), ("api_key" = [])),
    tags(
        (name = "tasks", description = "For whoever needs a proof"),
        (name = "provers", description = "For whoever makes proofs"),
        (name = "accounts", description = "Who holds how many credits"),
        (name = "circuits", description = "What can be proved"),
        (name = "verification", description = "For whoever is shown a proof"),
        (name = "ledger", description = "For data teams and their auditors"),
        (name = "compatibility", description = "Forms that clients of similar systems use"),
        (name = "service", description = "For whoever runs the network"),
    )
)]
struct Doc;

struct Bearer;

impl utoipa::Modify for Bearer {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let key = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = description.components.get_or_insert_default();
        components.add_security_scheme("api_key", key);
    }
}

fn routes() -> OpenApiRouter<Api> {
    let mut routes = OpenApiRouter::with_openapi(Doc::openapi())
        .merge(tasks::routes())
        .merge(uploads::routes())
        .merge(provers::routes())
        .merge(fulfilment::routes())
        .merge(accounts::routes())
        .merge(circuits::routes())
        .merge(payments::routes())
        .merge(attestations::routes())
        .merge(ledger::routes())
        .merge(compat::routes())
        .merge(service::routes());
    // A path's parameter that takes all of the rest has no mark in OpenAPI.
    let paths = &mut routes.get_openapi_mut().paths.paths;
    *paths = std::mem::take(paths)
        .into_iter()
        .map(|(path, item)| (path.replace("{*", "{"), item))
        .collect();
    routes
}

/// The OpenAPI description, as it is served at `/openapi.json` and committed.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    routes().into_openapi()
}

/// The same as JSON: `docs/openapi.json`.
///
/// # Panics
/// If it cannot be written as JSON, which would be a defect of the description.
#[must_use]
pub fn openapi_json() -> String {
    let json = openapi().to_pretty_json();
    json.expect("an OpenAPI description is JSON") + "\n"
}

/// Every route of the network.
pub fn router(api: Api) -> Router {
    let (routes, description) = routes().split_for_parts();
    routes
        .merge(utoipa_swagger_ui::SwaggerUi::new("/docs").url("/openapi.json", description))
        .fallback(problem::no_route)
        .method_not_allowed_fallback(problem::no_method)
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(api.clone(), limits::rate))
        .layer(middleware::from_fn_with_state(api.clone(), limits::body))
        .layer(middleware::from_fn(service::measure))
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(
            problem::panicked,
        ))
        .with_state(api)
}
