//! Credits, auctions and fulfilment by literal requests.
#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use prooflane_circuits::find;
use prooflane_market::{CommitmentDigest, Millis, ProverId, Rules, TaskId, Transcript};
use prooflane_tests::http::{Answer, names};
use prooflane_tests::net::Network;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A closed network on which nobody is given anything, and its operator's key.
async fn closed() -> (Network, String) {
    let network = Network::with(|config| config.open = Some(false)).await;
    let file = network.node.operator_key.as_ref().unwrap();
    let file: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let operator = file["api_key"].as_str().unwrap().to_owned();
    (network, operator)
}

async fn with(network: &Network, key: &str, request: &str, body: &Value) -> Answer {
    let (method, path) = request.split_once(' ').unwrap();
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let request = network.http.request(method, network.at(path));
    network
        .send(request.bearer_auth(key).body(body.to_string()))
        .await
}

async fn key(network: &Network, operator: &str, name: &str, role: &str) -> String {
    let body = json!({"name": name, "roles": [role]});
    let made = with(network, operator, "POST /v1/keys", &body).await;
    made.is(201)["api_key"].as_str().unwrap().to_owned()
}

fn task() -> Value {
    json!({"circuit": "range@1", "inputs": find("range@1").unwrap().example()})
}

/// Registers a prover with one ask.
async fn prover(network: &Network, name: &str, price: u64) {
    let register = json!({"prover_id": name, "capacity": 4}).to_string();
    let _ = network.post("/v1/provers", register).await.ok();
    let ask = json!({"price": price, "capacity": 4, "promised_ms": 1}).to_string();
    let _ = network
        .post(&format!("/v1/provers/{name}/asks"), ask)
        .await
        .ok();
}

#[tokio::test]
async fn the_operator_pays_credits_in_once_and_whoever_has_them_submits() {
    let (network, operator) = closed().await;
    let alice = key(&network, &operator, "alice", "requester").await;
    let refused = with(&network, &alice, "POST /v1/tasks", &task()).await;
    refused.refused("insufficient_credits");
    let to_alice = "POST /v1/accounts/requester:alice/deposits";
    let deposit = json!({"deposit_id": "bank-1", "amount": 150});
    with(&network, &alice, to_alice, &deposit)
        .await
        .refused("forbidden");
    let expected = json!({"name": "requester:alice", "balance": 150, "stake": 0});
    for status in [201, 200] {
        let made = with(&network, &operator, to_alice, &deposit).await;
        assert_eq!(made.is(status), expected);
    }
    let other = json!({"deposit_id": "bank-1", "amount": 151});
    let reused = with(&network, &operator, to_alice, &other).await;
    reused.refused("deposit_id_reused");
    for (account, amount) in [("network:mint", 1), ("alice", 1), ("requester:alice", 0)] {
        let body = json!({"deposit_id": "x", "amount": amount});
        let request = format!("POST /v1/accounts/{account}/deposits");
        with(&network, &operator, &request, &body)
            .await
            .refused("invalid_request");
    }
    with(&network, &alice, "POST /v1/tasks", &task())
        .await
        .is(201);
}

#[tokio::test]
async fn everybody_sees_their_own_accounts_and_the_operator_all() {
    let (network, operator) = closed().await;
    let alice = key(&network, &operator, "alice", "requester").await;
    let bob = key(&network, &operator, "bob", "prover").await;
    let register = json!({"prover_id": "p1", "capacity": 1});
    let _ = with(&network, &bob, "POST /v1/provers", &register)
        .await
        .ok();
    for account in ["requester:alice", "stake:p1"] {
        let body = json!({"deposit_id": "1", "amount": 7});
        let request = format!("POST /v1/accounts/{account}/deposits");
        with(&network, &operator, &request, &body).await.is(201);
    }
    let seen = async |key: &str| {
        let list = with(&network, key, "GET /v1/accounts", &Value::Null)
            .await
            .ok();
        let accounts = list["accounts"].as_array().unwrap().clone();
        let row = |a: &Value| {
            (
                a["name"].to_string(),
                a["balance"].to_string(),
                a["stake"].to_string(),
            )
        };
        accounts.iter().map(row).collect::<Vec<_>>()
    };
    let row = |name: &str, balance: i64, stake: i64| {
        (
            format!("\"{name}\""),
            balance.to_string(),
            stake.to_string(),
        )
    };
    assert_eq!(seen(&alice).await, [row("requester:alice", 7, 0)]);
    let own = [row("requester:bob", 0, 0), row("prover:p1", 0, 7)];
    assert_eq!(seen(&bob).await, own);
    let all = [
        row("prover:p1", 0, 7),
        row("requester:alice", 7, 0),
        row("network:mint", -14, 0),
        row("network:slashed", 0, 0),
    ];
    assert_eq!(seen(&operator).await, all);
}

#[tokio::test]
async fn every_auction_can_be_recomputed_by_its_requester() {
    let network = Network::start(Vec::new()).await;
    prover(&network, "cheap", 20).await;
    prover(&network, "dear", 30).await;
    let id = network.submit(&task()).await;
    let claim = r#"{"wait_ms":20000}"#;
    let claimed = network.post("/v1/provers/cheap/claim", claim).await.ok();
    assert_eq!(claimed["assignments"][0]["task_id"], *id);
    let list = network
        .get(&format!("/v1/tasks/{id}/transcripts"))
        .await
        .ok();
    let kept = &list["transcripts"][0];
    assert_eq!(names(kept), ["attempt", "transcript"]);
    let transcript: Transcript = serde_json::from_value(kept["transcript"].clone()).unwrap();
    assert_eq!(transcript.bids.len(), 2);
    let winner = transcript.winner().unwrap();
    assert_eq!((winner.prover.as_str(), winner.price.0), ("cheap", 30));
    let unknown = format!("/v1/tasks/{}/transcripts", uuid::Uuid::nil());
    network.get(&unknown).await.refused("unknown_task");
    let (closed, operator) = closed().await;
    let stranger = key(&closed, &operator, "mallory", "requester").await;
    let alice = key(&closed, &operator, "alice", "requester").await;
    let mut free = task();
    free["reward_amount"] = json!(0);
    let task = with(&closed, &alice, "POST /v1/tasks", &free).await.is(201);
    let path = format!(
        "GET /v1/tasks/{}/transcripts",
        task["task_id"].as_str().unwrap()
    );
    with(&closed, &stranger, &path, &Value::Null)
        .await
        .refused("forbidden");
    let own = with(&closed, &alice, &path, &Value::Null).await.ok();
    assert_eq!(own, json!({"transcripts": []}));
}

#[tokio::test]
async fn a_prover_without_an_assignment_joins_commits_reveals_and_is_paid() {
    let rules = Rules {
        lease: Millis(2_000),
        reveal_after: Millis(200),
        ..Rules::open()
    };
    let network = Network::with(|config| config.rules = Some(rules)).await;
    prover(&network, "slow", 20).await;
    prover(&network, "fast", 30).await;
    let id = network.submit(&task()).await;
    let claim = r#"{"wait_ms":20000}"#;
    let claimed = network.post("/v1/provers/slow/claim", claim).await.ok();
    assert_eq!(claimed["assignments"][0]["task_id"], *id);
    let at = |what: &str| format!("/v1/tasks/{id}/fulfilment/{what}");
    let fast = r#"{"prover_id":"fast"}"#;
    network.post(&at("join"), fast).await.refused("not_open");
    let open_from = network.get(&format!("/v1/tasks/{id}")).await.ok()["open_from"].as_u64();
    assert!(open_from.is_some());
    // Until then the answer is the same; afterwards it is the task.
    let started = Instant::now();
    let joined = loop {
        let answer = network.post(&at("join"), fast).await;
        if answer.status == 200 {
            break answer.ok();
        }
        answer.refused("not_open");
        assert!(started.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let late = network.get("/v1/provers/fast/late").await.ok();
    let expected = json!({"tasks": [
        {"task_id": id, "circuit": "range@1", "open_from": open_from, "price": 30},
    ]});
    assert_eq!(late, expected);
    let fields = [
        "circuit",
        "inputs",
        "key_id",
        "price",
        "public_inputs",
        "task_id",
    ];
    assert_eq!(names(&joined), fields);
    assert_eq!(joined["price"], 30);

    let proof = network.prove("range@1", &joined["inputs"]).to_compact();
    let (task_id, salt) = (TaskId(id.parse().unwrap()), [9; 32]);
    let prover_id = ProverId::new("fast").unwrap();
    let digest = CommitmentDigest::of(task_id, &prover_id, &proof, &salt);
    let reveal = json!({
        "prover_id": "fast",
        "proof": format!("0x{}", hex::encode(proof)),
        "salt": hex::encode(salt),
    });
    let revealed = async |body: &Value| network.post(&at("reveal"), body.to_string()).await;
    revealed(&reveal).await.refused("not_committed");
    let short = json!({"prover_id": "fast", "commitment": "00"}).to_string();
    network
        .post(&at("commitment"), short)
        .await
        .refused("malformed_json");
    let commit = json!({"prover_id": "fast", "commitment": digest}).to_string();
    let committed = network.post(&at("commitment"), commit).await.ok();
    assert_eq!(names(&committed), ["reveal_from"]);
    revealed(&reveal).await.refused("too_early");
    let mut wrong = reveal.clone();
    wrong["salt"] = json!("12");
    revealed(&wrong).await.refused("invalid_request");
    tokio::time::sleep(Duration::from_millis(250)).await;
    for _ in 0..2 {
        let verdict = revealed(&reveal).await.ok();
        assert_eq!(verdict["accepted"], true);
    }
    let done = network.get(&format!("/v1/tasks/{id}")).await.ok();
    assert_eq!(
        (&done["status"], &done["assigned_prover"]),
        (&json!("completed"), &json!("fast"))
    );
    assert_eq!(done["attempts"][0]["end"], "overtaken");
    let stored = network.get(&format!("/v1/tasks/{id}/proof")).await.ok();
    assert_eq!(stored["compact"], reveal["proof"]);
    network.conserved().await;
}

#[tokio::test]
async fn a_prover_that_fails_repeatedly_sees_until_when_it_is_paused_and_why() {
    let network = Network::start(Vec::new()).await;
    prover(&network, "weak", 20).await;
    let id = network.submit(&task()).await;
    for attempt in 1..=3 {
        let claim = r#"{"wait_ms":20000}"#;
        let claimed = network.post("/v1/provers/weak/claim", claim).await.ok();
        assert_eq!(claimed["assignments"][0]["attempt"], attempt);
        let before = network.get("/v1/provers").await.ok()["provers"][0].clone();
        assert_eq!(before["paused_until"], Value::Null);
        let failure = r#"{"prover_id":"weak","message":"no memory"}"#;
        let path = format!("/v1/assignments/{id}/{attempt}/failure");
        let _ = network.post(&path, failure).await.ok();
    }
    let weak = network.get("/v1/provers").await.ok()["provers"][0].clone();
    assert!(weak["paused_until"].as_u64().is_some(), "{weak}");
    let why = weak["paused_because"].as_str().unwrap();
    assert!(why.starts_with("3 failures in a row"), "{why}");
    let quote = network
        .post("/v1/quote", r#"{"circuit":"range@1"}"#)
        .await
        .ok();
    assert!(quote["why"].as_str().unwrap().contains("paused"), "{quote}");
}
