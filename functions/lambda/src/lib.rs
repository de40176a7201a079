#![doc = include_str!("../README.md")]

mod queue;

pub use queue::{Failed, Message, Messages, failed};

use lambda_runtime::{Error, LambdaEvent, service_fn};
use metrics_cloudwatch_embedded::{Builder, Collector};
use prooflane_coordinator::{Catalogue, CatalogueError, Coordinator, OsEntropy, Ports};
use prooflane_market::Rules;
use prooflane_store::SystemClock;
use prooflane_store_aws::{DynamoTable, S3Blobs, SqsQueue};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// Why a function cannot start.
#[derive(thiserror::Error)]
pub enum StartError {
    /// The environment lacks something.
    #[error("the environment variable {name}: {problem}")]
    Environment {
        /// Which.
        name: &'static str,
        /// Why.
        problem: String,
    },
    /// The circuits are not known.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

/// As a program's `main` shows it to whoever reads the log.
impl std::fmt::Debug for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// The network, as a function reaches it.
#[derive(Clone)]
pub struct Network {
    /// Its use-cases.
    pub coordinator: Coordinator,
    /// Its blobs, for URLs that lead to them.
    pub blobs: S3Blobs,
    /// Its queues.
    pub queue: Arc<SqsQueue>,
    metrics: &'static Collector,
}

/// An environment variable.
///
/// # Errors
/// [`StartError::Environment`] if it is not set.
pub fn variable(name: &'static str) -> Result<String, StartError> {
    std::env::var(name).map_err(|error| StartError::Environment {
        name,
        problem: error.to_string(),
    })
}

/// JSON in an environment variable; none where it is not set or empty.
///
/// # Errors
/// [`StartError::Environment`] if it is something else.
pub fn json_variable<T: serde::de::DeserializeOwned>(
    name: &'static str,
) -> Result<Option<T>, StartError> {
    let text = std::env::var(name).unwrap_or_default();
    if text.is_empty() {
        return Ok(None);
    }
    let read = serde_json::from_str(&text).map_err(|error| StartError::Environment {
        name,
        problem: error.to_string(),
    });
    read.map(Some)
}

impl Network {
    /// Reads the environment and the catalogue. Once in a process: it also sets up logs and metrics.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn connect() -> Result<Self, StartError> {
        tracing_subscriber::fmt()
            .json()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_current_span(true)
            .with_span_list(false)
            .init();
        let metrics = Builder::new()
            .cloudwatch_namespace("Prooflane")
            .with_dimension("stage", variable("PROOFLANE_STAGE")?)
            .init()
            .map_err(|error| StartError::Environment {
                name: "PROOFLANE_STAGE",
                problem: error.to_string(),
            })?;
        let config = prooflane_store_aws::loader().load().await;
        let blobs = S3Blobs::new(&config, variable("PROOFLANE_BUCKET")?);
        let catalogue = Catalogue::load(&blobs).await?;
        let queue = Arc::new(SqsQueue::new(&config, variable("PROOFLANE_QUEUES")?));
        let ports = Ports {
            table: Arc::new(DynamoTable::new(&config, variable("PROOFLANE_TABLE")?)),
            queue: queue.clone(),
            blobs: Arc::new(blobs.clone()),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(OsEntropy),
        };
        let rules: Rules = json_variable("PROOFLANE_RULES")?.unwrap_or_default();
        Ok(Self {
            coordinator: Coordinator::new(ports, rules, catalogue),
            blobs,
            queue,
            metrics,
        })
    }

    /// Writes the metrics since the last time to the log, from which CloudWatch takes them.
    pub fn flush_metrics(&self) {
        if let Err(error) = self.metrics.flush(std::io::stdout()) {
            tracing::warn!(%error, "metrics were lost");
        }
    }

    /// Answers events, one after the other, until the function is taken down.
    ///
    /// # Errors
    /// If the runtime's own interface fails.
    pub async fn serve<A, F>(&self, answer: impl Fn(LambdaEvent<Value>) -> F) -> Result<(), Error>
    where
        A: Serialize,
        F: Future<Output = Result<A, Error>>,
    {
        let answer = &answer;
        lambda_runtime::run(service_fn(move |event| async move {
            let answered = answer(event).await;
            self.flush_metrics();
            answered
        }))
        .await
    }
}
