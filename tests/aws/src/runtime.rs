//! The Lambda Runtime API, as a function's process sees it (AWS Lambda Developer Guide, "Using the
//! Lambda runtime API").

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::Value;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc, oneshot};

/// A function's process, and what it is fed.
pub struct Function {
    process: Child,
    events: mpsc::Sender<Invocation>,
    ready: Option<oneshot::Receiver<Duration>>,
}

struct Invocation {
    event: Value,
    answer: oneshot::Sender<Answer>,
}

/// What a function makes of an event.
pub type Answer = Result<Value, Value>;

struct Runtime {
    started: Instant,
    ready: Mutex<Option<oneshot::Sender<Duration>>>,
    events: Mutex<mpsc::Receiver<Invocation>>,
    answer: Mutex<Option<oneshot::Sender<Answer>>>,
}

impl Function {
    /// Starts a function's program.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(mut program: Command) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (events, received) = mpsc::channel(1);
        let (ready, is_ready) = oneshot::channel();
        let runtime = Arc::new(Runtime {
            started: Instant::now(),
            ready: Mutex::new(Some(ready)),
            events: Mutex::new(received),
            answer: Mutex::default(),
        });
        let invocation = "/2018-06-01/runtime/invocation";
        let app = Router::new()
            .route(&format!("{invocation}/next"), get(next))
            .route(&format!("{invocation}/{{id}}/response"), post(response))
            .route(&format!("{invocation}/{{id}}/error"), post(error))
            .with_state(runtime);
        tokio::spawn(async move { axum::serve(listener, app).await });
        let process = program
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "function")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "group")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
            .spawn()
            .expect("the function starts");
        Self {
            process,
            events,
            ready: Some(is_ready),
        }
    }

    /// How long it took until it asked for its first event.
    ///
    /// # Panics
    /// If it ends before, or is asked twice.
    pub async fn initialised(&mut self) -> Duration {
        let ready = self.ready.take().expect("asked once");
        ready.await.expect("the function asks for events")
    }

    /// Feeds it an event and waits for what it makes of it.
    ///
    /// # Panics
    /// If it ends before.
    pub async fn invoke(&self, event: Value) -> Answer {
        let (answer, answered) = oneshot::channel();
        let fed = self.events.send(Invocation { event, answer }).await;
        assert!(fed.is_ok(), "the function listens");
        let answered = tokio::time::timeout(Duration::from_secs(60), answered).await;
        let answered = answered.expect("an answer within a minute");
        answered.expect("the function answers")
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // One that has ended already is no error.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn next(State(runtime): State<Arc<Runtime>>) -> Response {
    if let Some(ready) = runtime.ready.lock().await.take() {
        // Nobody may have asked.
        let _ = ready.send(runtime.started.elapsed());
    }
    let Some(invocation) = runtime.events.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    *runtime.answer.lock().await = Some(invocation.answer);
    let deadline = SystemTime::now() + Duration::from_secs(30);
    let deadline = deadline.duration_since(SystemTime::UNIX_EPOCH);
    let deadline = deadline.expect("a time after 1970").as_millis().to_string();
    let headers = [
        (
            "Lambda-Runtime-Aws-Request-Id",
            "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
        ),
        ("Lambda-Runtime-Deadline-Ms", &*deadline),
        (
            "Lambda-Runtime-Invoked-Function-Arn",
            "arn:aws:lambda:us-east-1:000000000000:function:function",
        ),
    ];
    (headers, invocation.event.to_string()).into_response()
}

async fn response(
    State(runtime): State<Arc<Runtime>>,
    Path(_): Path<String>,
    body: String,
) -> StatusCode {
    answer(
        &runtime,
        Ok(serde_json::from_str(&body).unwrap_or_default()),
    )
    .await
}

async fn error(
    State(runtime): State<Arc<Runtime>>,
    Path(_): Path<String>,
    body: String,
) -> StatusCode {
    answer(
        &runtime,
        Err(serde_json::from_str(&body).unwrap_or_default()),
    )
    .await
}

async fn answer(runtime: &Runtime, answer: Answer) -> StatusCode {
    if let Some(waiting) = runtime.answer.lock().await.take() {
        // Whoever asked may have given up.
        let _ = waiting.send(answer);
    }
    StatusCode::ACCEPTED
}
