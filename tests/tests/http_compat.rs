//! The forms that clients of similar systems use, sent literally, answered exactly as shown.
#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use prooflane::{AttestorFile, Payment};
use prooflane_circuits::{find, payer_commitment, text_to_field};
use prooflane_tests::http::names;
use prooflane_tests::net::{Network, one_prover};
use prooflane_verifier::field;
use prooflane_verifier::snarkjs::SnarkjsProof;
use serde_json::{Value, json};
use uuid::Uuid;

const LEAF: &str = "0x1111111111111111111111111111111111111111111111111111111111111111";
const LEAVES: &str = r#"["0x1111111111111111111111111111111111111111111111111111111111111111","0x2222222222222222222222222222222222222222222222222222222222222222","0x3333333333333333333333333333333333333333333333333333333333333333"]"#;

/// The answer to a submission is as shown; returns the task's id.
fn accepted(answer: &Value) -> String {
    assert_eq!(names(answer), ["status", "submitted_at", "task_id"]);
    assert_eq!(answer["status"], "pending");
    assert!(is_rfc3339(&answer["submitted_at"]), "{answer}");
    let id = answer["task_id"].as_str().unwrap();
    id.parse::<Uuid>().unwrap();
    id.to_owned()
}

fn is_rfc3339(time: &Value) -> bool {
    let time = time.as_str().unwrap();
    time.starts_with("20") && time.contains('T') && time.ends_with('Z')
}

/// Follows a submission to its proof, which must verify; returns the public inputs.
async fn proved(network: &Network, form: &str, id: &str, circuit: &str) -> Value {
    network.ended(id).await;
    let answer = network.get(&format!("{form}/{id}")).await.ok();
    assert_eq!(
        names(&answer),
        [
            "proof",
            "public_inputs",
            "status",
            "submitted_at",
            "task_id"
        ]
    );
    assert_eq!(answer["task_id"], id);
    assert_eq!(answer["status"], "completed");
    let (proof, public) = (&answer["proof"], &answer["public_inputs"]);
    assert!(network.verifies(circuit, proof, public).await);
    public.clone()
}

#[tokio::test]
async fn a_merkle_proof_is_submitted_and_fetched_at_index_zero_by_default() {
    let network = Network::start(one_prover()).await;
    let path = r#"["0x05","0x06"]"#;
    let request = format!(
        r#"{{"circuit_type":"merkle_proof","inputs":{{"leaf":"{LEAF}","path":{path}}},"priority":"normal"}}"#
    );
    let answer = network.post("/api/v1/proofs", request).await.ok();
    let by_default = proved(&network, "/api/v1/proofs", &accepted(&answer), "merkle@1").await;
    let mut roots = Vec::new();
    for index in ["0", "1"] {
        let request = format!(
            r#"{{"circuit_type":"merkle_proof","inputs":{{"leaf":"{LEAF}","path":{path},"index":{index}}},"priority":"normal"}}"#
        );
        let answer = network.post("/api/v1/proofs", request).await.ok();
        roots.push(proved(&network, "/api/v1/proofs", &accepted(&answer), "merkle@1").await);
    }
    assert_eq!(by_default, roots[0]);
    assert_ne!(by_default, roots[1]);
}

#[tokio::test]
async fn every_circuit_type_is_taken_with_every_priority() {
    let network = Network::start(one_prover()).await;
    for (kind, circuit) in [
        ("merkle_proof", "merkle@1"),
        ("range_proof", "range@1"),
        ("payment", "payment@1"),
    ] {
        let inputs = find(circuit).unwrap().example();
        for (name, priority) in [("low", 10), ("normal", 50), ("high", 90)] {
            let request =
                format!(r#"{{"circuit_type":"{kind}","inputs":{inputs},"priority":"{name}"}}"#);
            let answer = network.post("/api/v1/proofs", request).await.ok();
            let id = accepted(&answer);
            let task = network.get(&format!("/v1/tasks/{id}")).await.ok();
            assert_eq!(task["priority"], priority);
            proved(&network, "/api/v1/proofs", &id, circuit).await;
        }
    }
    let request = r#"{"circuit_type":"payment","inputs":{},"priority":"urgent"}"#;
    let detail = network.post("/api/v1/proofs", request).await;
    assert!(detail.refused("malformed_json").starts_with("priority:"));
}

#[tokio::test]
async fn a_proof_that_is_not_there_yet_is_not_shown() {
    let network = Network::start(Vec::new()).await;
    let request = format!(r#"{{"leaves":{LEAVES},"leaf_index":0}}"#);
    let answer = network.post("/api/v1/tasks/merkle", request).await.ok();
    let id = accepted(&answer);
    for form in ["/api/v1/proofs", "/api/v1/tasks"] {
        let answer = network.get(&format!("{form}/{id}")).await.ok();
        assert_eq!(accepted(&answer), id);
        let unknown = network.get(&format!("{form}/{}", Uuid::nil())).await;
        unknown.refused("unknown_task");
    }
}

#[tokio::test]
async fn a_merkle_task_takes_leaves() {
    let network = Network::start(one_prover()).await;
    let request = format!(r#"{{"leaves":{LEAVES},"leaf_index":0}}"#);
    let answer = network.post("/api/v1/tasks/merkle", request).await.ok();
    let public = proved(&network, "/api/v1/tasks", &accepted(&answer), "merkle@1").await;
    let inputs = json!({"leaves": serde_json::from_str::<Value>(LEAVES).unwrap(), "leaf_index": 0});
    let native = find("merkle@1").unwrap().public_inputs(&inputs).unwrap();
    let native: Vec<_> = native.iter().map(field::to_decimal).collect();
    assert_eq!(public, json!(native));
    let beyond = format!(r#"{{"leaves":{LEAVES},"leaf_index":3}}"#);
    let answer = network.post("/api/v1/tasks/merkle", beyond).await;
    assert!(answer.refused("invalid_inputs").contains("leaf_index"));
}

/// The literal `POST /tasks`.
fn bytes_task(id: &str, data: &str) -> String {
    let data = data.as_bytes();
    format!(
        r#"{{"task_id":"{id}","privacy_level":1,"circuit_data":{data:?},"reward_amount":100,"requester":"alice","priority":5}}"#
    )
}

fn merkle_data() -> String {
    format!(r#"{{"circuit":"merkle@1","inputs":{{"leaves":{LEAVES},"leaf_index":1}}}}"#)
}

#[tokio::test]
async fn a_task_of_bytes_is_answered_with_its_bare_id_and_followed_by_its_status() {
    let network = Network::start(one_prover()).await;
    let id = Uuid::new_v4().to_string();
    let request = bytes_task(&id, &merkle_data());
    assert_eq!(
        network.post("/tasks", request.clone()).await.ok(),
        json!(id)
    );
    // The same again is the same task; other content is not.
    assert_eq!(
        network.post("/tasks", request.clone()).await.ok(),
        json!(id)
    );
    let other = request.replace(r#""reward_amount":100"#, r#""reward_amount":101"#);
    network
        .post("/tasks", other)
        .await
        .refused("task_id_reused");
    network.ended(&id).await;
    let status = network.get(&format!("/tasks/{id}/status")).await.ok();
    assert_eq!(
        names(&status),
        [
            "assigned_prover",
            "created_at",
            "status",
            "task_id",
            "updated_at"
        ]
    );
    assert_eq!(status["task_id"], id);
    assert_eq!(status["status"], "completed");
    assert_eq!(status["assigned_prover"], "prover-1");
    assert!(is_rfc3339(&status["created_at"]) && is_rfc3339(&status["updated_at"]));
    let task = network.get(&format!("/v1/tasks/{id}")).await.ok();
    assert_eq!(
        (&task["requester"], &task["priority"]),
        (&json!("alice"), &json!(5))
    );
}

#[tokio::test]
async fn a_task_of_bytes_that_are_no_circuit_and_inputs_is_refused() {
    let network = Network::start(Vec::new()).await;
    let id = Uuid::new_v4().to_string();
    for data in [
        "",
        "{}",
        "nonsense",
        r#"{"circuit":"merkle@1","inputs":{},"more":1}"#,
    ] {
        let answer = network.post("/tasks", bytes_task(&id, data)).await;
        assert!(answer.refused("malformed_json").starts_with("circuit_data"));
    }
    let request = bytes_task(&id, "{}").replace("[123, 125]", "[256]");
    let answer = network.post("/tasks", request).await;
    assert!(answer.refused("malformed_json").contains("circuit_data[0]"));
    let status = network.get(&format!("/tasks/{id}/status")).await;
    status.refused("unknown_task");
}

#[tokio::test]
async fn a_prover_registers_beats_and_is_listed() {
    let network = Network::start(Vec::new()).await;
    let id = Uuid::new_v4().to_string();
    let request = format!(r#"{{"prover_id":"{id}","supported_levels":[1,2],"capacity":4}}"#);
    for _ in 0..2 {
        let answer = network.post("/provers/register", request.clone()).await;
        assert_eq!(answer.ok(), json!(id));
    }
    let beat = format!(r#"{{"prover_id":"{id}"}}"#);
    let _ = network.post("/provers/heartbeat", beat).await.ok();
    let unnamed = r#"{"supported_levels":[1],"capacity":1}"#;
    let made_up = network.post("/provers/register", unnamed).await.ok();
    made_up.as_str().unwrap().parse::<Uuid>().unwrap();
    let provers = network.get("/provers").await.ok();
    assert_eq!(provers.as_array().unwrap().len(), 2);
    let listed = provers.as_array().unwrap().iter();
    let mine = listed.filter(|p| p["prover_id"] == id).collect::<Vec<_>>();
    let expected = json!({"prover_id": id, "supported_levels": [1, 2], "capacity": 4,
        "current_load": 0, "reputation": 0.5});
    assert_eq!(mine, [&expected]);
    let unknown = r#"{"prover_id":"nobody"}"#;
    let answer = network.post("/provers/heartbeat", unknown).await;
    answer.refused("unknown_prover");
}

/// A network whose only prover is the test itself, and a task that it won.
async fn won() -> (Network, String, Value) {
    let network = Network::start(Vec::new()).await;
    let register = r#"{"prover_id":"hand","supported_levels":[1],"capacity":1}"#;
    assert_eq!(
        network.post("/provers/register", register).await.ok(),
        "hand"
    );
    let nothing = network.get("/tasks/assign/hand").await.ok();
    assert_eq!(nothing, Value::Null);
    let id = Uuid::new_v4().to_string();
    let _ = network
        .post("/tasks", bytes_task(&id, &merkle_data()))
        .await
        .ok();
    network.events(&id, None, "assigned").await;
    let task = network.get("/tasks/assign/hand").await.ok();
    for name in [
        "task_id",
        "privacy_level",
        "circuit_data",
        "reward_amount",
        "requester",
        "priority",
    ] {
        assert!(!task[name].is_null(), "{name}");
    }
    assert_eq!(task["task_id"], id);
    let again = network.get("/tasks/assign/hand").await.ok();
    assert_eq!(again, Value::Null);
    let data: Vec<u8> = serde_json::from_value(task["circuit_data"].clone()).unwrap();
    (network, id, serde_json::from_slice(&data).unwrap())
}

async fn hand_in(network: &Network, id: &str, proof: &[u8]) -> Value {
    let request = format!(r#"{{"task_id":"{id}","prover_id":"hand","proof":{proof:?}}}"#);
    let verdict = network.post("/tasks/result", request).await.ok();
    assert_eq!(
        names(&verdict),
        ["accepted", "quality_score", "verification_result"]
    );
    verdict
}

fn passed(verdict: &Value) {
    assert_eq!(verdict["accepted"], true);
    assert_eq!(verdict["verification_result"], "Pass");
    let quality = verdict["quality_score"].as_f64().unwrap();
    assert!(quality > 0.0 && quality <= 1.0, "{quality}");
}

#[tokio::test]
async fn a_prover_hands_in_a_proof_as_bytes() {
    let (network, id, data) = won().await;
    let proof = network.prove(data["circuit"].as_str().unwrap(), &data["inputs"]);
    passed(&hand_in(&network, &id, &proof.to_compact()).await);
    let task = network.ended(&id).await;
    assert_eq!(
        (&task["status"], &task["assigned_prover"]),
        (&json!("completed"), &json!("hand"))
    );
    network.conserved().await;
}

#[tokio::test]
async fn a_prover_hands_in_a_proof_as_snarkjs_json() {
    let (network, id, data) = won().await;
    let proof = network.prove(data["circuit"].as_str().unwrap(), &data["inputs"]);
    let json = serde_json::to_vec(&SnarkjsProof::from(&proof)).unwrap();
    passed(&hand_in(&network, &id, &json).await);
    assert_eq!(network.ended(&id).await["status"], "completed");
}

#[tokio::test]
async fn a_proof_of_something_else_fails_and_the_task_goes_on() {
    let (network, id, data) = won().await;
    let mut inputs = data["inputs"].clone();
    inputs["leaf_index"] = json!(0);
    let other = network.prove("merkle@1", &inputs);
    let verdict = hand_in(&network, &id, &other.to_compact()).await;
    assert_eq!(
        verdict,
        json!({"accepted": false, "verification_result": "Fail", "quality_score": 0.0})
    );
    for proof in [&[0_u8; 127][..], b"{}", b""] {
        let request = format!(r#"{{"task_id":"{id}","prover_id":"hand","proof":{proof:?}}}"#);
        let answer = network.post("/tasks/result", request).await;
        answer.refused("malformed_proof");
    }
    // Nothing is lost: the same prover wins it again and proves it.
    network.events(&id, Some("4"), "assigned").await;
    let task = network.get("/tasks/assign/hand").await.ok();
    assert_eq!(task["attempt"], 2);
    let proof = network.prove("merkle@1", &data["inputs"]);
    passed(&hand_in(&network, &id, &proof.to_compact()).await);
    network.conserved().await;
}

/// The literal `POST /generate-proof`, signed by the network's attestor.
fn generate(network: &Network) -> String {
    let file = std::fs::read(&network.node.attestor).unwrap();
    let attestor: AttestorFile = serde_json::from_slice(&file).unwrap();
    let secret = text_to_field("payer-secret", "alice's key");
    let receipt = attestor.attest(Payment {
        payer_commitment: field::to_decimal(&payer_commitment(secret)),
        recipient: "merchant-1".into(),
        asset: "prooflane:credits".into(),
        amount: 1_500_000,
        time: 1_699_999_950,
        tx_hash: "0xabcd".into(),
    });
    let signature = receipt.unwrap().signature;
    format!(
        r#"{{"minAmount":"1000000","recipientKey":"merchant-1","maxBlockAge":"60","currentTime":1700000000,"actualAmount":"1500000","senderKey":"alice's key","txHash":"0xabcd","paymentTime":1699999950,"signature":"{signature}"}}"#
    )
}

#[tokio::test]
async fn generate_proof_waits_for_a_payment_proof() {
    let network = Network::start(one_prover()).await;
    let answer = network.post("/generate-proof", generate(&network)).await;
    let answer = answer.ok();
    assert_eq!(
        names(&answer),
        ["generationTimeMs", "proof", "publicInputs"]
    );
    assert!(answer["generationTimeMs"].is_u64());
    let parse = |name: &str| -> Value {
        serde_json::from_str(answer[name].as_str().expect("JSON in a string")).unwrap()
    };
    let (proof, public) = (parse("proof"), parse("publicInputs"));
    assert_eq!(proof["protocol"], "groth16");
    assert_eq!(public["min_amount"], "1000000");
    assert_eq!(public["current_time"], "1700000000");
    assert!(
        network
            .verifies("payment@1", &proof, &public["publicSignals"])
            .await
    );
}

#[tokio::test]
async fn generate_proof_refuses_what_cannot_be_proved_and_repeats_no_secret() {
    let network = Network::start(one_prover()).await;
    let good = generate(&network);
    for (from, to, code, field) in [
        (
            r#""1500000""#,
            r#""999999""#,
            "invalid_inputs",
            "actualAmount",
        ),
        (
            r#""1500000""#,
            r#""1500001""#,
            "invalid_inputs",
            "signature",
        ),
        (r#""1500000""#, "true", "invalid_inputs", "actualAmount"),
        (r#""60""#, r#""49""#, "invalid_inputs", "paymentTime"),
        (r#""60""#, "60", "malformed_json", "maxBlockAge"),
        ("1699999950", "1700000001", "invalid_inputs", "paymentTime"),
        ("1699999950", "-1", "invalid_inputs", "paymentTime"),
        ("alice's key", "", "invalid_inputs", "senderKey"),
        (
            r#""alice's key""#,
            "81726354",
            "invalid_inputs",
            "senderKey",
        ),
        (r#""0xabcd""#, "81726354", "invalid_inputs", "txHash"),
        ("alice's key", "mallory", "invalid_inputs", "signature"),
        (
            r#""signature":"0x"#,
            r#""signature":""#,
            "invalid_inputs",
            "signature",
        ),
        (
            r#""currentTime":1700000000,"#,
            "",
            "malformed_json",
            "currentTime",
        ),
        (
            r#""minAmount":"1000000""#,
            r#""minAmount":"18446744073709551616""#,
            "invalid_inputs",
            "minAmount",
        ),
        (
            r#"{"minAmount""#,
            r#"{"more":1,"minAmount""#,
            "malformed_json",
            "more",
        ),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(good, bad, "{from}");
        let answer = network.post("/generate-proof", bad).await;
        assert_eq!(answer.status, 400);
        assert!(answer.refused(code).contains(field), "{}", answer.text);
        let signature = good.split("\"0x").last().unwrap().split('"').next();
        for secret in ["alice", "mallory", "81726354", signature.unwrap()] {
            assert!(!answer.text.contains(secret), "{}", answer.text);
        }
    }
    let answer = network.post("/generate-proof", good).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn health_is_as_shown() {
    let network = Network::start(Vec::new()).await;
    let health = network.get("/health").await.ok();
    assert_eq!(names(&health), ["service", "status", "version"]);
    assert_eq!(health["status"], "healthy");
    assert_eq!(health["service"], "prooflane");
}
