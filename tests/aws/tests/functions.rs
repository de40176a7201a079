//! Each function's program against the Lambda Runtime API, with events as AWS sends them: mostly what
//! goes wrong.

use prooflane_coordinator::{ApiKey, Catalogue, Coordinator, Role};
use prooflane_engine::Keys;
use prooflane_market::Rules;
use prooflane_store::PutMode;
use prooflane_tests::net::copy_keys;
use prooflane_tests_aws::{Emulator, Function, ports, programs};
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::sync::Arc;

/// What functions find.
struct World {
    emulator: Emulator,
    coordinator: Coordinator,
}

impl World {
    /// A store with a catalogue.
    async fn start() -> Option<Self> {
        let emulator = Emulator::ministack()?;
        let config = emulator.config().await;
        let ports = ports(&config, &config).await;
        let folder = tempfile::tempdir().expect("a folder");
        copy_keys(folder.path());
        let keys = Arc::new(Keys::open(folder.path().join("keys")).expect("keys"));
        let catalogue = prooflane::node::catalogue(keys).await.expect("a catalogue");
        let json = catalogue.to_json();
        let put = ports
            .blobs
            .put(Catalogue::BLOB, json.as_bytes(), PutMode::Overwrite);
        put.await.expect("it is stored");
        // A text that JSON has to escape, as such a secret may be.
        let keys = json!({"1": "\"k\\".repeat(16)}).to_string();
        let made = prooflane_store_aws::create_secret(&config, "ledger-keys", &keys);
        made.await.expect("a secret");
        Some(Self {
            coordinator: Coordinator::new(ports, Rules::default(), catalogue),
            emulator,
        })
    }

    fn program(&self, function: &str) -> Command {
        let mut program = Command::new(
            programs()
                .join("functions")
                .join(function)
                .join("bootstrap"),
        );
        program
            .env_clear()
            .env("AWS_ENDPOINT_URL", &self.emulator.url)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("PROOFLANE_TABLE", "prooflane")
            .env("PROOFLANE_BUCKET", "prooflane")
            .env("PROOFLANE_QUEUES", "prooflane-")
            .env("PROOFLANE_STAGE", "test")
            .env("PROOFLANE_LEDGER_ORIGIN", "example.com/ledger")
            .env("PROOFLANE_LEDGER_SECRET", "ledger-keys")
            .env("RUST_LOG", "warn")
            .stdout(Stdio::null());
        program
    }

    async fn function(&self, name: &str) -> Function {
        Function::start(self.program(name)).await
    }
}

fn sqs(queue: &str, bodies: &[&str]) -> Value {
    let recorded: Value = serde_json::from_str(include_str!("../events/sqs.json")).expect("JSON");
    let records: Vec<Value> = bodies
        .iter()
        .enumerate()
        .map(|(n, body)| {
            let mut record = recorded["Records"][0].clone();
            record["messageId"] = json!(format!("message-{n}"));
            record["body"] = json!(body);
            let source = record["eventSourceARN"].as_str().expect("an ARN");
            record["eventSourceARN"] = json!(source.replace("QUEUE", queue));
            record
        })
        .collect();
    json!({"Records": records})
}

fn schedule() -> Value {
    serde_json::from_str(include_str!("../events/schedule.json")).expect("JSON")
}

fn http(method: &str, path: &str, key: Option<&str>, body: Option<&str>) -> Value {
    let mut event: Value = serde_json::from_str(include_str!("../events/http.json")).expect("JSON");
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    event["rawPath"] = json!(path);
    event["rawQueryString"] = json!(query);
    event["requestContext"]["http"]["method"] = json!(method);
    event["requestContext"]["http"]["path"] = json!(path);
    if let Some(key) = key {
        event["headers"]["authorization"] = json!(format!("Bearer {key}"));
    }
    if let Some(body) = body {
        event["body"] = json!(body);
    }
    event
}

fn again(ids: &[&str]) -> Value {
    let failures: Vec<Value> = ids.iter().map(|id| json!({"itemIdentifier": id})).collect();
    json!({"batchItemFailures": failures})
}

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_auction_goes_on_whatever_it_is_fed() {
    let Some(world) = World::start().await else {
        return;
    };
    let auction = world.function("auction").await;
    // Hints may be of tasks that never were, or no hints at all: they are done with.
    let event = sqs("auction-0", &[NOBODY, "open", "rubbish"]);
    assert_eq!(auction.invoke(event).await, Ok(again(&[])));
    assert_eq!(auction.invoke(schedule()).await, Ok(again(&[])));
    // What is no event at all is an error, and the next one is answered again.
    for odd in [
        json!({"Records": 1}),
        json!("rubbish"),
        sqs("auction-x", &[NOBODY]),
    ] {
        let answer = auction.invoke(odd).await;
        assert!(answer.expect_err("an error").get("errorMessage").is_some());
    }
    let event = sqs("auction-0", &[NOBODY]);
    assert_eq!(auction.invoke(event).await, Ok(again(&[])));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_that_cannot_be_verified_come_again_alone() {
    let Some(world) = World::start().await else {
        return;
    };
    let verify = world.function("verify").await;
    let unknown = json!({"prover": "fleet-cpu", "task": NOBODY, "attempt": 1}).to_string();
    let event = sqs("results", &["rubbish", &unknown]);
    let both = again(&["message-0", "message-1"]);
    assert_eq!(verify.invoke(event).await, Ok(both));
    assert_eq!(verify.invoke(sqs("results", &[])).await, Ok(again(&[])));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sweeper_keeps_the_fleet_in_the_market() {
    let Some(world) = World::start().await else {
        return;
    };
    let class = |name: &str| json!({"prover_id": name, "price": 10, "capacity": 4, "levels": [1], "promised_ms": 1000});
    // One that cannot be keeps neither the others nor the sweep from happening.
    let mut odd = class("odd");
    odd["capacity"] = json!(0);
    let mut program = world.program("sweep");
    program.env(
        "PROOFLANE_FLEET",
        json!([odd, class("fleet-cpu")]).to_string(),
    );
    let sweep = Function::start(program).await;
    assert_eq!(sweep.invoke(schedule()).await, Ok(json!({"woken": 0})));
    assert_eq!(sweep.invoke(schedule()).await, Ok(json!({"woken": 0})));
    let provers = world
        .coordinator
        .provers()
        .await
        .expect("the store answers");
    let names: Vec<_> = provers.iter().map(|p| p.prover_id.to_string()).collect();
    assert_eq!(names, ["fleet-cpu"]);
    assert!(provers[0].fleet);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_answers_the_gateway() {
    let Some(world) = World::start().await else {
        return;
    };
    let record = ApiKey {
        name: "operator".into(),
        roles: vec![Role::Operator],
    };
    let key = world.coordinator.create_api_key(&record).await;
    let key = key.expect("a key");
    let api = world.function("api").await;
    let call = async |event: Value| {
        let answer = api.invoke(event).await.expect("an answer");
        let body = answer["body"].as_str().unwrap_or_default();
        let body: Value = serde_json::from_str(body).unwrap_or(json!(body));
        (
            answer["statusCode"].as_u64().expect("a status"),
            body,
            answer,
        )
    };
    let (status, body, _) = call(http("GET", "/health", None, None)).await;
    assert_eq!((status, &body["status"]), (200, &json!("healthy")));
    let (status, body, _) = call(http("GET", "/v1/circuits", None, None)).await;
    assert_eq!((status, &body["code"]), (401, &json!("unauthorized")));
    let (status, body, _) = call(http("GET", "/v1/circuits", Some(&key), None)).await;
    assert_eq!(status, 200);
    let circuits = body["circuits"].as_array().expect("a list").len();
    // And statements of the ledger.
    assert_eq!(circuits, prooflane_circuits::registry().len() + 1);
    let (status, body, _) = call(http("GET", "/nowhere", Some(&key), None)).await;
    assert_eq!((status, &body["code"]), (404, &json!("no_route")));
    let (status, body, _) = call(http("POST", "/v1/tasks", Some(&key), Some("{"))).await;
    assert_eq!((status, &body["code"]), (400, &json!("malformed_json")));
    // A body as the gateway sends what it takes for binary.
    let mut event = http(
        "POST",
        "/v1/quote",
        Some(&key),
        Some("eyJjaXJjdWl0Ijoibm9uZUAxIn0="),
    );
    event["isBase64Encoded"] = json!(true);
    let (status, body, _) = call(event).await;
    assert_eq!((status, &body["code"]), (404, &json!("unknown_circuit")));
    // A key file is too large for an answer: the caller is sent to the bucket.
    let path = "/v1/circuits/payment@1/proving-key";
    let (status, _, answer) = call(http("GET", path, Some(&key), None)).await;
    assert_eq!(status, 307, "{answer}");
    let location = answer["headers"]["location"].as_str().expect("a URL");
    assert!(location.contains("/keys/payment-1/") && location.contains("X-Amz-Signature="));
    let (status, body, _) = call(http("GET", "/metrics", Some(&key), None)).await;
    assert_eq!(status, 200);
    assert!(body.as_str().expect("text").contains("CloudWatch"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_cannot_start_says_what_to_do() {
    let Some(world) = World::start().await else {
        return;
    };
    let said = |program: &mut Command| {
        let output = program
            .env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9")
            .output()
            .expect("it runs");
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let mut program = world.program("sweep");
    let text = said(program.env_remove("PROOFLANE_TABLE"));
    assert!(text.contains("PROOFLANE_TABLE"), "{text}");
    let mut program = world.program("sweep");
    let text = said(program.env("PROOFLANE_RULES", r#"{"leas":1}"#));
    assert!(text.contains("unknown field `leas`"), "{text}");
    let config = world.emulator.config().await;
    let empty = prooflane_store_aws::S3Blobs::new(&config, "empty");
    empty.create().await.expect("a bucket");
    let mut program = world.program("sweep");
    let text = said(program.env("PROOFLANE_BUCKET", "empty"));
    assert!(text.contains("`prooflane-fleet setup` makes it"), "{text}");
}
