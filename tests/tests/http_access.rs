//! Who may do what on a network that is not open, and how often.
#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use prooflane::node::{Config, Node, check_exposure, development};
use prooflane::{PaymentRequest, ReceiptFile, WalletFile};
use prooflane_circuits::Circuit;
use prooflane_circuits::find;
use prooflane_engine::{Keys, Provenance};
use prooflane_formats::{Contribution, Origin, Zkey};
use prooflane_market::Rules;
use prooflane_tests::http::Answer;
use prooflane_tests::net::{Network, one_prover};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::Path;
use uuid::Uuid;

/// A closed network whose newcomers have credits, so that rights alone decide.
async fn closed() -> Network {
    Network::with(|config| {
        config.open = Some(false);
        config.rules = Some(Rules::open());
    })
    .await
}

fn operator(network: &Network) -> String {
    let file = network.node.operator_key.as_ref().unwrap();
    let file: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    file["api_key"].as_str().unwrap().to_owned()
}

/// Sends a request with a key.
async fn with(network: &Network, key: &str, request: &str, body: &str) -> Answer {
    let (method, path) = request.split_once(' ').unwrap();
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let request = network.http.request(method, network.at(path));
    network
        .send(request.bearer_auth(key).body(body.to_owned()))
        .await
}

async fn key(network: &Network, name: &str, role: &str) -> String {
    let body = format!(r#"{{"name":"{name}","roles":["{role}"]}}"#);
    let made = with(network, &operator(network), "POST /v1/keys", &body).await;
    made.is(201)["api_key"].as_str().unwrap().to_owned()
}

fn range() -> Value {
    json!({"circuit": "range@1", "inputs": find("range@1").unwrap().example()})
}

async fn submit(network: &Network, key: &str) -> String {
    let task = with(network, key, "POST /v1/tasks", &range().to_string()).await;
    task.is(201)["task_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_route_but_a_few_demands_a_valid_key() {
    // The log is public: anybody may watch it. What it says of datasets is not.
    const PUBLIC: [&str; 5] = [
        "/health",
        "/v1/ledger",
        "/v1/ledger/checkpoint",
        "/v1/ledger/tile/1",
        "/v1/ledger/witness/add-checkpoint",
    ];
    let network = closed().await;
    let description = serde_json::to_value(prooflane_api::openapi()).unwrap();
    let (mut asked, mut public) = (0, 0);
    for (path, methods) in description["paths"].as_object().unwrap() {
        let path = path
            .split('/')
            .map(|part| if part.starts_with('{') { "1" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        for method in methods.as_object().unwrap().keys() {
            let method = method.to_uppercase();
            if PUBLIC.contains(&&*path) {
                let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
                let answer = network.send(network.http.request(method, network.at(&path)));
                assert_ne!(answer.await.status, 401, "{path}");
                public += 1;
                continue;
            }
            let send = async |header: Option<&str>| {
                let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
                let mut request = network.http.request(method, network.at(&path));
                if let Some(header) = header {
                    request = request.header("Authorization", header);
                }
                let answer = network.send(request.body("{}")).await;
                answer.refused("unauthorized");
                assert_eq!(answer.header("www-authenticate"), "Bearer", "{path}");
            };
            for header in [None, Some("Bearer plk_wrong"), Some("Basic eDp5"), Some("")] {
                send(header).await;
            }
            asked += 1;
        }
    }
    assert!(asked > 30, "{asked}");
    assert_eq!(public, PUBLIC.len());
}

#[tokio::test]
async fn a_requester_sees_and_changes_only_its_own_tasks() {
    let network = closed().await;
    let alice = key(&network, "alice", "requester").await;
    let bob = key(&network, "bob", "requester").await;
    let task = submit(&network, &alice).await;
    let _ = submit(&network, &bob).await;
    for path in [
        "GET /v1/tasks/ID",
        "DELETE /v1/tasks/ID",
        "GET /v1/tasks/ID/proof",
        "GET /v1/tasks/ID/events",
        "GET /api/v1/proofs/ID",
        "GET /api/v1/tasks/ID",
        "GET /tasks/ID/status",
    ] {
        let answer = with(&network, &bob, &path.replace("ID", &task), "").await;
        answer.refused("forbidden");
    }
    let mine = with(&network, &bob, "GET /v1/tasks", "").await.ok();
    let mine = mine["tasks"].as_array().unwrap();
    assert!(mine.len() == 1 && mine[0]["requester"] == "bob");
    let theirs = with(&network, &bob, "GET /v1/tasks?requester=alice", "").await;
    theirs.refused("forbidden");
    let answer = with(&network, &alice, &format!("DELETE /v1/tasks/{task}"), "").await;
    assert_eq!(answer.ok()["status"], "cancelled");
}

#[tokio::test]
async fn a_requester_spends_only_its_own_credits() {
    let network = Network::with(|config| config.open = Some(false)).await;
    let alice = key(&network, "alice", "requester").await;
    let submit = "POST /v1/tasks";
    let mut task = range();
    let broke = with(&network, &alice, submit, &task.to_string()).await;
    assert!(broke.refused("insufficient_credits").contains("alice"));
    task["requester"] = json!("bob");
    let answer = with(&network, &alice, submit, &task.to_string()).await;
    answer.refused("forbidden");
    let bytes = range().to_string().into_bytes();
    let literal = format!(
        r#"{{"task_id":"{}","privacy_level":1,"circuit_data":{bytes:?},"reward_amount":0,"requester":"bob","priority":5}}"#,
        Uuid::new_v4()
    );
    let answer = with(&network, &alice, "POST /tasks", &literal).await;
    answer.refused("forbidden");
    task["requester"] = json!("alice");
    task["reward_amount"] = json!(0);
    let free = with(&network, &alice, submit, &task.to_string()).await;
    assert_eq!(free.is(201)["requester"], "alice");
}

#[tokio::test]
async fn a_requester_is_no_prover_and_a_prover_no_requester() {
    let network = closed().await;
    let alice = key(&network, "alice", "requester").await;
    let carol = key(&network, "carol", "prover").await;
    let register = r#"{"prover_id":"p","capacity":1}"#;
    let answer = with(&network, &alice, "POST /v1/provers", register).await;
    assert!(answer.refused("forbidden").contains("prover"));
    let register = r#"{"prover_id":"p","supported_levels":[1],"capacity":1}"#;
    let answer = with(&network, &alice, "POST /provers/register", register).await;
    answer.refused("forbidden");
    let _ = with(&network, &carol, "POST /provers/register", register)
        .await
        .ok();
    let task = range().to_string();
    let answer = with(&network, &carol, "POST /v1/tasks", &task).await;
    assert!(answer.refused("forbidden").contains("requester"));
    for key in [&alice, &carol] {
        let made = r#"{"name":"mallory","roles":["operator"]}"#;
        let answer = with(&network, key, "POST /v1/keys", made).await;
        answer.refused("forbidden");
        let answer = with(&network, key, "GET /metrics", "").await;
        answer.refused("forbidden");
    }
}

#[tokio::test]
async fn a_prover_key_acts_only_for_the_provers_it_registered() {
    let network = closed().await;
    let carol = key(&network, "carol", "prover").await;
    let mallory = key(&network, "mallory", "prover").await;
    let register = r#"{"prover_id":"p","capacity":1}"#;
    let _ = with(&network, &carol, "POST /v1/provers", register)
        .await
        .ok();
    let ask = r#"{"price":1,"capacity":1}"#;
    let place = "POST /v1/provers/p/asks";
    let _ = with(&network, &carol, place, ask).await.ok();
    let who = r#"{"prover_id":"p"}"#;
    let nil = Uuid::nil();
    let proof = format!(r#"{{"prover_id":"p","proof":"0x{}"}}"#, "00".repeat(128));
    let result = format!(r#"{{"task_id":"{nil}","prover_id":"p","proof":[0]}}"#);
    for (request, body) in [
        ("POST /v1/provers", register),
        (place, ask),
        ("POST /v1/provers/p/claim", "{}"),
        ("GET /tasks/assign/p", ""),
        ("POST /provers/heartbeat", who),
        ("POST /tasks/result", &result),
        (&format!("POST /v1/assignments/{nil}/1/heartbeat"), who),
        (&format!("POST /v1/assignments/{nil}/1/failure"), who),
        (&format!("POST /v1/assignments/{nil}/1/result"), &proof),
    ] {
        let answer = with(&network, &mallory, request, body).await;
        answer.refused("forbidden");
    }
    for flag in ["fleet", "trusted"] {
        let register = format!(r#"{{"prover_id":"q","capacity":1,"{flag}":true}}"#);
        let answer = with(&network, &carol, "POST /v1/provers", &register).await;
        answer.refused("forbidden");
    }
}

#[tokio::test]
async fn the_operator_may_do_everything() {
    let network = closed().await;
    let operator = operator(&network);
    let alice = key(&network, "alice", "requester").await;
    let carol = key(&network, "carol", "prover").await;
    let task = submit(&network, &alice).await;
    let register = r#"{"prover_id":"p","capacity":1}"#;
    let _ = with(&network, &carol, "POST /v1/provers", register)
        .await
        .ok();
    let fleet = r#"{"prover_id":"own","capacity":1,"fleet":true,"trusted":true}"#;
    let mut named = range();
    named["requester"] = json!("alice");
    let named = named.to_string();
    let cancel = format!("DELETE /v1/tasks/{task}");
    for (request, body, status) in [
        (&*cancel, "", 200),
        ("POST /v1/provers", fleet, 200),
        (
            "POST /v1/provers/p/asks",
            r#"{"price":1,"capacity":1}"#,
            200,
        ),
        ("POST /v1/tasks", &named, 201),
        ("GET /v1/tasks?requester=alice", "", 200),
        ("GET /metrics", "", 200),
    ] {
        let answer = with(&network, &operator, request, body).await;
        assert_eq!(answer.status, status, "{request}: {}", answer.text);
    }
}

#[tokio::test]
async fn the_networks_own_provers_serve_a_closed_network() {
    let network = Network::with(|config| {
        config.open = Some(false);
        config.rules = Some(Rules::open());
        config.provers = one_prover();
    })
    .await;
    let alice = key(&network, "alice", "requester").await;
    let task = submit(&network, &alice).await;
    let events = with(
        &network,
        &alice,
        &format!("GET /v1/tasks/{task}/events"),
        "",
    )
    .await;
    assert!(events.text.contains("\"completed\""), "{}", events.text);
}

/// Every file below a folder.
fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[tokio::test]
async fn no_key_is_stored_in_clear() {
    let network = closed().await;
    let alice = key(&network, "alice", "requester").await;
    submit(&network, &alice).await;
    let operator = operator(&network);
    let mut found = Vec::new();
    files(network.data.path(), &mut found);
    assert!(found.iter().any(|path| path.ends_with("table.sqlite")));
    for path in found {
        let bytes = std::fs::read(&path).unwrap();
        for key in [&alice, &operator] {
            let secret = key.trim_start_matches("plk_").as_bytes();
            let raw = hex::decode(secret).unwrap();
            let holds = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
            // The operator's own file is where the operator finds the key.
            let own = Some(&path) == network.node.operator_key.as_ref() && *key == operator;
            assert_eq!(holds(secret) || holds(&raw), own, "{}", path.display());
        }
    }
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let network = Network::with(|config| {
        config.open = Some(false);
        config.rate = NonZeroU32::new(5);
    })
    .await;
    let alice = key(&network, "alice", "requester").await;
    let bob = key(&network, "bob", "requester").await;
    let exhausted = async |key: &dyn Fn(usize) -> String| {
        for number in 0..100 {
            let answer = with(&network, &key(number), "GET /v1/circuits", "").await;
            if answer.status == 429 {
                answer.refused("rate_limited");
                let wait: u64 = answer.header("retry-after").parse().unwrap();
                assert!((1..=2).contains(&wait), "{wait}");
                return number;
            }
        }
        panic!("never told");
    };
    // Bursts of twice the rate are fine.
    assert!(exhausted(&|_| alice.clone()).await >= 10);
    // Others do not pay for it, and making keys up is no way around.
    let others = with(&network, &bob, "GET /v1/circuits", "").await;
    assert_eq!(others.status, 200);
    exhausted(&|number| format!("plk_{number}")).await;
    let answer = network.get("/health").await;
    answer.refused("rate_limited");
}

#[test]
fn what_can_be_reached_from_elsewhere_is_neither_open_nor_has_development_keys() {
    let check = |address: &str, open, development| {
        let address: SocketAddr = address.parse().unwrap();
        check_exposure(address, open, development).map_err(|error| error.to_string())
    };
    for here in ["127.0.0.1:80", "127.9.9.9:80", "[::1]:80"] {
        assert_eq!(check(here, true, true), Ok(()));
    }
    for elsewhere in [
        "0.0.0.0:80",
        "[::]:80",
        "192.168.1.1:80",
        "[2001:db8::1]:80",
    ] {
        assert!(
            check(elsewhere, true, true)
                .unwrap_err()
                .contains("--closed")
        );
        let error = check(elsewhere, false, true).unwrap_err();
        assert!(error.contains("--allow-development-keys"), "{error}");
        assert_eq!(check(elsewhere, false, false), Ok(()));
    }
}

/// Imports the key that is there as if somebody had contributed to it.
fn as_of_a_ceremony(keys: &Path, circuit: &dyn Circuit) {
    let made = tempfile::tempdir().unwrap();
    let made = Keys::open(made.path()).unwrap().export(circuit).unwrap();
    let mut key = Zkey::read(&made, Origin::Checked).unwrap();
    key.ceremony.contributions.push(Contribution {
        delta_after: key.delta_g1,
        g1_s: key.delta_g1,
        g1_sx: key.delta_g1,
        g2_spx: key.verifying.delta,
        transcript: [0; 64],
        name: None,
        beacon: None,
    });
    let imported = Keys::open(keys).unwrap().import(circuit, &key.to_bytes());
    assert_eq!(imported.unwrap().provenance(), Provenance::Ceremony);
}

#[tokio::test]
async fn keys_of_ceremonies_alone_may_be_reached_without_a_word() {
    let data = tempfile::tempdir().unwrap();
    let start = |allow| {
        let mut config = Config::loopback(data.path());
        config.listen = "0.0.0.0:0".parse().unwrap();
        config.allow_development_keys = allow;
        Node::start(config)
    };
    let circuits = prooflane_circuits::registry();
    for circuit in circuits {
        // As long as one is missing.
        let error = start(false).await.err().unwrap().to_string();
        assert!(error.contains("--allow-development-keys"), "{error}");
        as_of_a_ceremony(&data.path().join("keys"), *circuit);
    }
    let node = start(false).await.unwrap();
    assert!(!node.open);
    assert_eq!(development(node.coordinator.catalogue()).count(), 0);
    node.stop().await.unwrap();
    // One development key again: it is served if that is said.
    std::fs::remove_file(
        data.path()
            .join("keys")
            .join(format!("{}.key", circuits[0].id())),
    )
    .unwrap();
    assert!(start(false).await.is_err());
    let node = start(true).await.unwrap();
    let named: Vec<_> = development(node.coordinator.catalogue()).collect();
    assert_eq!(named, [circuits[0].id()]);
    node.stop().await.unwrap();
}

#[tokio::test]
async fn only_operators_attest_and_what_they_attest_can_be_proved() {
    let network = closed().await;
    let wallet = WalletFile::generate().unwrap();
    let payment = json!({
        "payerCommitment": wallet.commitment, "recipientKey": "merchant-1", "asset": "test:coin",
        "actualAmount": "1500", "txHash": "payment-1",
    });
    let attest = "POST /v1/attestations";
    for role in ["requester", "prover"] {
        let key = key(&network, role, role).await;
        let answer = with(&network, &key, attest, &payment.to_string()).await;
        answer.refused("forbidden");
    }
    let operator = operator(&network);
    for (field, value) in [
        ("recipientKey", json!("")),
        ("actualAmount", json!("-1")),
        ("payerCommitment", json!("x")),
    ] {
        let mut bad = payment.clone();
        bad[field] = value;
        let answer = with(&network, &operator, attest, &bad.to_string()).await;
        assert!(answer.refused("invalid_request").starts_with(field));
    }
    let receipt = with(&network, &operator, attest, &payment.to_string()).await;
    // The very form of `prooflane attest`.
    let receipt: ReceiptFile = serde_json::from_value(receipt.ok()).unwrap();
    let request = PaymentRequest {
        min_amount: 1_000,
        max_age: 60,
        current_time: receipt.payment_time + 1,
        binding: "42".into(),
    };
    let inputs = receipt.inputs(&wallet, &request);
    find("payment@1").unwrap().public_inputs(&inputs).unwrap();
}
