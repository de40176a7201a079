//! The HTTP API as a Lambda function behind API Gateway's HTTP API.

use async_trait::async_trait;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use lambda_http::request::RequestContext;
use lambda_http::{Error, RequestExt};
use prooflane_api::{Api, Files, KeyFile, Limits, OwnAttestor, OwnLedger, UploadTo, router};
use prooflane_coordinator::{Catalogue, Groth16, Ports};
use prooflane_lambda::{Network, json_variable, variable};
use prooflane_ledger::derived_key;
use prooflane_store_aws::S3Blobs;
use prooflane_verifier::field;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// API Gateway gives up after 30 s.
const LONGEST_STREAM: Duration = Duration::from_secs(25);
/// From each caller, within one instance of the function; the gateway limits the whole.
const RATE: Option<NonZeroU32> = NonZeroU32::new(200);

#[tokio::main]
async fn main() -> Result<(), Error> {
    let network = Network::connect().await?;
    let attestor: Option<[String; 2]> = json_variable("PROOFLANE_ATTESTOR")?;
    let attestor = match attestor {
        // Functions hold no signing key.
        Some([x, y]) => Some(OwnAttestor {
            key: [field::parse(&x)?, field::parse(&y)?],
            signs: None,
        }),
        None => None,
    };
    let ledger = ledger(network.coordinator.ports()).await?;
    let app = router(Api {
        coordinator: network.coordinator.clone(),
        open: false,
        limits: Limits::new(RATE),
        attestor,
        ledger,
        files: Arc::new(Bucket(network.blobs.clone())),
        longest_stream: LONGEST_STREAM,
        buffered: true,
        metrics: Arc::new(|| "# They are in CloudWatch, in the namespace Prooflane.\n".into()),
    });
    let app =
        app.layer(from_fn(from_gateway))
            .layer(from_fn(move |request: Request, next: Next| {
                let network = network.clone();
                async move {
                    let response = next.run(request).await;
                    network.flush_metrics();
                    response
                }
            }));
    lambda_http::run(app).await
}

/// The ledger, whose log's keys are derived from a secret: a JSON object of random texts by the keys' versions.
async fn ledger(ports: &Ports) -> Result<OwnLedger, Error> {
    let config = prooflane_store_aws::loader().load().await;
    let id = variable("PROOFLANE_LEDGER_SECRET")?;
    let secret = prooflane_store_aws::secret(&config, &id).await?;
    // The error's own text shows what was read.
    let versions: BTreeMap<u32, String> = serde_json::from_str(&secret)
        .map_err(|_| format!("{id}: expected a JSON object of texts by version"))?;
    let origin = variable("PROOFLANE_LEDGER_ORIGIN")?;
    let texts = versions.into_values().map(Zeroizing::new);
    let keys = texts.map(|text| derived_key(&origin, &text));
    Ok(OwnLedger::open(ports, keys.collect::<Result<_, _>>()?).await?)
}

/// Says who calls as the gateway tells it: limits are kept by address where there is no API key.
async fn from_gateway(mut request: Request, next: Next) -> Response {
    let address = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.as_deref(),
        _ => None,
    };
    let address: Option<IpAddr> = address.and_then(|text| text.parse().ok());
    if let Some(address) = address {
        let caller = ConnectInfo(SocketAddr::new(address, 0));
        request.extensions_mut().insert(caller);
    }
    next.run(request).await
}

/// What is too large for a function: the caller is sent to the bucket.
struct Bucket(S3Blobs);

const LASTING: Duration = Duration::from_secs(600);

#[async_trait]
impl Files for Bucket {
    async fn proving_key(&self, entry: &Groth16) -> Result<KeyFile, String> {
        let blob = Catalogue::proving_key_blob(entry.circuit.id(), &entry.key_id.to_string());
        let url = self.0.download_url(&blob, LASTING).await;
        url.map(KeyFile::At).map_err(|error| error.to_string())
    }

    async fn download(&self, blob: &str) -> Result<Option<String>, String> {
        let url = self.0.download_url(blob, LASTING).await;
        url.map(Some).map_err(|error| error.to_string())
    }

    async fn upload(
        &self,
        blob: &str,
        bytes: usize,
        sha256: &[u8; 32],
    ) -> Result<Option<UploadTo>, String> {
        let signed = self.0.upload_url(blob, bytes, sha256, LASTING).await;
        let signed = signed.map_err(|error| error.to_string())?;
        Ok(Some(UploadTo {
            url: signed.url,
            headers: signed.headers,
            lasting: LASTING,
        }))
    }
}
