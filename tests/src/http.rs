//! Literal requests to a network, and what its answers must be.

use crate::net::Network;
use futures::StreamExt;
use prooflane_api::CODES;
use prooflane_verifier::snarkjs::{SnarkjsProof, SnarkjsVerifyingKey};
use prooflane_verifier::{PreparedKey, Proof, VerifyingKey, field};
use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde_json::Value;
use std::time::Duration;

/// An answer, read whole.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

impl Answer {
    /// A header; empty where there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    /// The JSON of an answer with this status.
    pub fn is(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/json");
        self.json()
    }

    /// The JSON of a plain success.
    #[must_use]
    pub fn ok(&self) -> Value {
        self.is(200)
    }

    /// The detail of a problem document with this code, which must be in the table of codes.
    pub fn refused(&self, code: &str) -> String {
        let kind = self.header("content-type");
        assert_eq!(kind, "application/problem+json", "{code}: {}", self.text);
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        let known = CODES.iter().find(|known| known.code == code).unwrap();
        assert_eq!(self.status, known.status.as_u16());
        assert_eq!(problem["status"], self.status);
        assert_eq!(problem["title"], known.title);
        let link = problem["type"].as_str().unwrap();
        assert!(link.ends_with(&format!("errors#{code}")), "{link}");
        assert_eq!(
            names(&problem),
            ["code", "detail", "status", "title", "type"]
        );
        let detail = problem["detail"].as_str().unwrap();
        assert!(!detail.is_empty(), "{problem}");
        detail.to_owned()
    }
}

/// The names of an object's fields, sorted.
#[must_use]
pub fn names(object: &Value) -> Vec<&str> {
    let mut names: Vec<_> = object
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    names
}

/// One server-sent event.
pub struct SentEvent {
    /// Its id.
    pub id: String,
    /// Its data.
    pub data: Value,
}

/// The longest that any test waits for anything.
const PATIENCE: Duration = Duration::from_secs(60);

impl Network {
    /// Sends a request.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let answer = request.timeout(PATIENCE).send().await.unwrap();
        Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            text: answer.text().await.unwrap(),
        }
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.http.get(self.at(path))).await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.http.delete(self.at(path))).await
    }

    /// `POST` of a literal body.
    pub async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        self.send(self.http.post(self.at(path)).body(body)).await
    }

    /// A task's events after `after`, until there is a `last` one or the stream ends.
    pub async fn events(&self, task: &str, after: Option<&str>, last: &str) -> Vec<SentEvent> {
        let mut request = self.http.get(self.at(&format!("/v1/tasks/{task}/events")));
        if let Some(after) = after {
            request = request.header("Last-Event-ID", after);
        }
        let reading = async {
            let answer = request.send().await.unwrap();
            assert_eq!(answer.headers()["content-type"], "text/event-stream");
            let (mut text, mut events) = (String::new(), Vec::new());
            let mut chunks = answer.bytes_stream();
            while let Some(chunk) = chunks.next().await {
                text += std::str::from_utf8(&chunk.unwrap()).unwrap();
                while let Some((event, rest)) = text.split_once("\n\n") {
                    let field = |name| event.lines().find_map(|line| line.strip_prefix(name));
                    if let Some(data) = field("data: ") {
                        let data: Value = serde_json::from_str(data).unwrap();
                        let id = field("id: ").unwrap().to_owned();
                        events.push(SentEvent { id, data });
                        if events.last().unwrap().data["event"] == last {
                            return events;
                        }
                    }
                    text = rest.to_owned();
                }
            }
            events
        };
        tokio::time::timeout(PATIENCE, reading).await.unwrap()
    }

    /// Follows a task to its end; how it ended.
    pub async fn ended(&self, task: &str) -> Value {
        self.events(task, None, "").await;
        self.get(&format!("/v1/tasks/{task}")).await.ok()
    }

    /// Submits a task and returns its id.
    pub async fn submit(&self, task: &Value) -> String {
        let task = self.post("/v1/tasks", task.to_string()).await.is(201);
        task["task_id"].as_str().unwrap().to_owned()
    }

    /// A proof of a circuit's statement about these inputs, made here.
    #[must_use]
    pub fn prove(&self, circuit: &str, inputs: &Value) -> Proof {
        let circuit = prooflane_circuits::find(circuit).unwrap();
        let key = self.node.keys.get(circuit).unwrap();
        prooflane_engine::prove(&key, &circuit.witness(inputs).unwrap()).unwrap()
    }

    /// Whether a proof as snarkjs writes it verifies under the key that the network serves.
    pub async fn verifies(&self, circuit: &str, proof: &Value, public_inputs: &Value) -> bool {
        let path = format!("/v1/circuits/{circuit}/verifying-key");
        let key = self.get(&path).await.ok();
        let key: SnarkjsVerifyingKey = serde_json::from_value(key).unwrap();
        let key = PreparedKey::new(&VerifyingKey::try_from(&key).unwrap());
        let proof: SnarkjsProof = serde_json::from_value(proof.clone()).unwrap();
        let inputs: Vec<String> = serde_json::from_value(public_inputs.clone()).unwrap();
        let inputs: Vec<_> = inputs
            .iter()
            .map(|text| field::parse(text).unwrap())
            .collect();
        key.verify(&Proof::try_from(&proof).unwrap(), &inputs)
            .is_ok()
    }

    /// No credit appeared or vanished: balances, stakes and the open tasks' escrows sum to zero.
    pub async fn conserved(&self) {
        let accounts = self.node.coordinator.accounts().await.unwrap();
        let held: i64 = accounts.iter().map(|a| a.balance + a.stake).sum();
        let tasks = self.get("/v1/tasks?limit=200").await.ok();
        assert_eq!(tasks["next"], Value::Null, "too many tasks to look at");
        let open = |task: &&Value| {
            ["pending", "assigned", "in_progress"].contains(&task["status"].as_str().unwrap())
        };
        let tasks = tasks["tasks"].as_array().unwrap().iter();
        let escrow: i64 = tasks
            .filter(open)
            .map(|task| task["reward_amount"].as_i64().unwrap())
            .sum();
        assert_eq!(held + escrow, 0, "{accounts:?}");
    }

    /// The network, which has a prover, still does its job.
    pub async fn still_proves(&self) {
        let inputs = prooflane_circuits::find("merkle@1").unwrap().example();
        let task = serde_json::json!({"circuit": "merkle@1", "inputs": inputs});
        let id = self.submit(&task).await;
        assert_eq!(self.ended(&id).await["status"], "completed");
        self.conserved().await;
    }
}
