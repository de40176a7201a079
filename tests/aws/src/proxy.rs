//! A proxy between the adapters and an emulator: it counts calls, and it makes them fail.

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use prooflane_tests::conformance::Random;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// A call as it went through.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// `DynamoDB`, `SQS` or `S3`.
    pub service: &'static str,
    /// `GetItem`, `SendMessage`, `PUT`, ...
    pub operation: String,
    /// What DynamoDB says that it cost.
    pub capacity_units: f64,
}

/// What happens to calls.
#[derive(Debug)]
pub enum Plan {
    /// They go through.
    Through,
    /// Of a hundred, so many meet a fault.
    Faults {
        /// Decides which, and which fault.
        random: Random,
        /// Of a hundred.
        percent: u64,
    },
    /// So many go through, the one after them goes through and its answer is lost, and no other goes
    /// through: as for a function that is killed while it waits for an answer.
    KilledAfter(usize),
}

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It never arrives; the connection breaks.
    Lost,
    /// It is done; the connection breaks before the answer.
    AnswerLost,
    /// The service says that it has internal trouble, and has done nothing.
    Internal,
    /// The service says that it has internal trouble, and has done it.
    InternalDone,
    /// Too many requests.
    Throttled,
}

const FAULTS: [Fault; 5] = [
    Fault::Lost,
    Fault::AnswerLost,
    Fault::Internal,
    Fault::InternalDone,
    Fault::Throttled,
];

struct Inner {
    plan: Plan,
    calls: Vec<Call>,
    faults: Vec<Fault>,
}

/// The proxy; it listens as long as its runtime runs.
#[derive(Clone)]
pub struct Proxy {
    /// Where it listens.
    pub url: String,
    to: String,
    client: reqwest::Client,
    inner: Arc<Mutex<Inner>>,
    killed: Arc<Notify>,
}

impl Proxy {
    /// A proxy to the emulator at `to`, through which everything goes.
    ///
    /// # Panics
    /// If it cannot listen.
    pub async fn start(to: &str) -> Self {
        // Another one may have been chosen already; that one serves too.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let inner = Inner {
            plan: Plan::Through,
            calls: Vec::new(),
            faults: Vec::new(),
        };
        let proxy = Self {
            url: format!("http://{address}"),
            to: to.to_owned(),
            client: reqwest::Client::new(),
            inner: Arc::new(Mutex::new(inner)),
            killed: Arc::default(),
        };
        let app = Router::new().fallback(pass).with_state(proxy.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        proxy
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, this happens to calls.
    pub fn plan(&self, plan: Plan) {
        self.inner().plan = plan;
    }

    /// Runs a function that is killed as the plan says; none if it was.
    pub async fn killing<T>(&self, function: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = function => Some(done),
            () = self.killed.notified() => None,
        }
    }

    /// The calls that went through since the last time this was asked.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.inner().calls)
    }

    /// The faults there were since the last time this was asked.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        std::mem::take(&mut self.inner().faults)
    }

    fn fault(&self) -> Option<Fault> {
        let mut inner = self.inner();
        let fault = match &mut inner.plan {
            Plan::Through => None,
            Plan::Faults { random, percent } => (random.below(100) < *percent)
                .then(|| FAULTS[usize::try_from(random.below(5)).unwrap_or(0)]),
            Plan::KilledAfter(0) => {
                inner.plan = Plan::KilledAfter(usize::MAX);
                Some(Fault::AnswerLost)
            }
            Plan::KilledAfter(usize::MAX) => Some(Fault::Lost),
            Plan::KilledAfter(left) => {
                *left -= 1;
                None
            }
        };
        inner.faults.extend(fault);
        fault
    }

    async fn forward(&self, request: Request) -> reqwest::Result<(StatusCode, HeaderMap, Bytes)> {
        let (parts, body) = request.into_parts();
        let (service, operation) = named(&parts);
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut headers = parts.headers;
        headers.remove(header::HOST);
        headers.remove(header::TRANSFER_ENCODING);
        let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
        let answer = self
            .client
            .request(parts.method, format!("{}{path}", self.to))
            .headers(headers)
            .body(body)
            .send()
            .await?;
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        headers.remove(header::TRANSFER_ENCODING);
        let body = answer.bytes().await?;
        self.inner().calls.push(Call {
            service,
            operation,
            capacity_units: capacity_units(&body),
        });
        Ok((status, headers, body))
    }
}

fn named(parts: &axum::http::request::Parts) -> (&'static str, String) {
    let service = service(&parts.headers);
    let target = parts.headers.get("x-amz-target");
    let target = target.and_then(|target| target.to_str().ok()?.split_once('.'));
    let operation = target.map_or(parts.method.as_str(), |(_, operation)| operation);
    (service, operation.to_owned())
}

fn service(headers: &HeaderMap) -> &'static str {
    let target = headers.get("x-amz-target");
    match target.and_then(|target| target.to_str().ok()) {
        Some(target) if target.starts_with("DynamoDB") => "DynamoDB",
        Some(_) => "SQS",
        None => "S3",
    }
}

/// One number, or one for each table of a transaction.
fn capacity_units(body: &[u8]) -> f64 {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let units = |capacity: &Value| capacity["CapacityUnits"].as_f64().unwrap_or(0.0);
    match &answer["ConsumedCapacity"] {
        Value::Array(tables) => tables.iter().map(units).sum(),
        one => units(one),
    }
}

async fn pass(State(proxy): State<Proxy>, request: Request) -> Response {
    let service = service(request.headers());
    let fault = proxy.fault();
    let done = matches!(fault, None | Some(Fault::AnswerLost | Fault::InternalDone));
    let answer = if done {
        match proxy.forward(request).await {
            Ok(answer) => Some(answer),
            Err(error) => return (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
        }
    } else {
        None
    };
    if matches!(proxy.inner().plan, Plan::KilledAfter(usize::MAX)) {
        proxy.killed.notify_one();
    }
    match (fault, answer) {
        (None, Some(answer)) => answer.into_response(),
        (Some(Fault::Throttled), _) => throttled(service),
        (Some(Fault::Internal | Fault::InternalDone), _) => {
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        // A body that breaks off takes the connection with it.
        _ => {
            let broken = std::io::Error::other("planned");
            Body::from_stream(stream::iter([Err::<Bytes, _>(broken)])).into_response()
        }
    }
}

/// As each service says it.
fn throttled(service: &str) -> Response {
    const SLOW_DOWN: &str = "<Error><Code>SlowDown</Code><Message>planned</Message></Error>";
    let kind = match service {
        "S3" => return (StatusCode::SERVICE_UNAVAILABLE, SLOW_DOWN).into_response(),
        "SQS" => "com.amazonaws.sqs#RequestThrottled",
        _ => "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
    };
    let body = json!({"__type": kind, "message": "planned"}).to_string();
    let kind = [(header::CONTENT_TYPE, "application/x-amz-json-1.0")];
    (StatusCode::BAD_REQUEST, kind, body).into_response()
}
