//! Every canonical route, by literal requests.
#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use flate2::read::GzDecoder;
use prooflane::{AttestorFile, Payment, PaymentRequest, WalletFile};
use prooflane_circuits::find;
use prooflane_tests::http::{Answer, names};
use prooflane_tests::net::{Network, one_prover};
use prooflane_verifier::snarkjs::SnarkjsProof;
use prooflane_worker::Offer;
use serde_json::{Value, json};
use std::io::Read;
use std::time::{Duration, Instant, SystemTime};
use uuid::Uuid;

/// A task that the circuit's example makes.
fn task(circuit: &str) -> Value {
    json!({"circuit": circuit, "inputs": find(circuit).unwrap().example()})
}

/// A network whose only prover is the test itself.
async fn by_hand() -> Network {
    let network = Network::start(Vec::new()).await;
    let register = r#"{"prover_id":"hand","capacity":4}"#;
    let _ = network.post("/v1/provers", register).await.ok();
    let ask = r#"{"price":7,"capacity":4}"#;
    let _ = network.post("/v1/provers/hand/asks", ask).await.ok();
    network
}

/// Submits and takes up a task of `range@1`.
async fn claimed(network: &Network) -> Value {
    network.submit(&task("range@1")).await;
    let claim = r#"{"max":1,"wait_ms":20000}"#;
    let answer = network.post("/v1/provers/hand/claim", claim).await.ok();
    answer["assignments"][0].clone()
}

/// Where messages about an assignment go.
fn about(assignment: &Value, what: &str) -> String {
    let (task, attempt) = (&assignment["task_id"], &assignment["attempt"]);
    let task = task.as_str().unwrap();
    format!("/v1/assignments/{task}/{attempt}/{what}")
}

#[tokio::test]
async fn a_task_is_submitted_proved_and_fetched() {
    let network = Network::start(one_prover()).await;
    let submitted = network.post("/v1/tasks", task("payment@1").to_string());
    let submitted = submitted.await.is(201);
    let fields = [
        "assigned_prover",
        "attempts",
        "circuit",
        "created_at",
        "deadline",
        "explanation",
        "key_id",
        "max_attempts",
        "min_reputation",
        "open_from",
        "price",
        "priority",
        "privacy_level",
        "public_inputs",
        "quality",
        "requester",
        "reward_amount",
        "status",
        "task_id",
        "updated_at",
    ];
    assert_eq!(names(&submitted), fields);
    assert_eq!(submitted["status"], "pending");
    let id = submitted["task_id"].as_str().unwrap();
    let ended = network.ended(id).await;
    assert_eq!(names(&ended), fields);
    assert_eq!(ended["status"], "completed");
    assert_eq!(ended["assigned_prover"], "prover-1");
    assert_eq!(ended["attempts"][0]["end"], "proved");
    assert_eq!(ended["public_inputs"].as_array().unwrap().len(), 9);
    let proof = network.get(&format!("/v1/tasks/{id}/proof")).await.ok();
    assert_eq!(
        names(&proof),
        [
            "circuit",
            "compact",
            "key_id",
            "price",
            "proof",
            "provenance",
            "prover",
            "public_inputs",
            "quality",
            "task_id"
        ]
    );
    assert_eq!(proof["provenance"], "development");
    assert_eq!(proof["public_inputs"], ended["public_inputs"]);
    let (made, public) = (&proof["proof"], &proof["public_inputs"]);
    assert!(network.verifies("payment@1", made, public).await);
    // The compact form is the same proof.
    let one = json!({"circuit": "payment@1", "proof": proof["compact"], "public_inputs": public});
    let verified = network.post("/v1/verify", one.to_string()).await.ok();
    assert_eq!(verified["verified"], true);
    network.conserved().await;
}

#[tokio::test]
async fn a_repeated_submission_returns_the_same_task() {
    let network = Network::start(Vec::new()).await;
    let mut first = task("range@1");
    first["task_id"] = json!(Uuid::new_v4());
    let made = network.post("/v1/tasks", first.to_string()).await.is(201);
    let again = network.post("/v1/tasks", first.to_string()).await.ok();
    assert_eq!(made["task_id"], first["task_id"]);
    assert_eq!(made["created_at"], again["created_at"]);
    first["priority"] = json!(51);
    let other = network.post("/v1/tasks", first.to_string()).await;
    other.refused("task_id_reused");
    network.conserved().await;
}

#[tokio::test]
async fn an_idempotency_key_stands_for_one_task_of_its_requester() {
    let network = Network::start(Vec::new()).await;
    let submit = async |key: &str, body: &Value| {
        let request = network.http.post(network.at("/v1/tasks"));
        let request = request.header("Idempotency-Key", key);
        network.send(request.body(body.to_string())).await
    };
    let mut body = task("range@1");
    let first = submit("order 17", &body).await.is(201);
    let again = submit("order 17", &body).await.ok();
    assert_eq!(first["task_id"], again["task_id"]);
    let second = submit("order 18", &body).await.is(201);
    assert_ne!(first["task_id"], second["task_id"]);
    submit("", &body).await.refused("invalid_request");
    submit("\u{e9}", &body).await.refused("invalid_request");
    body["reward_amount"] = json!(99);
    submit("order 17", &body).await.refused("task_id_reused");
    body["requester"] = json!("someone else");
    let theirs = submit("order 17", &body).await.is(201);
    assert_ne!(first["task_id"], theirs["task_id"]);
}

#[tokio::test]
async fn tasks_are_listed_newest_first_in_pages_by_requester_and_status() {
    let network = Network::start(Vec::new()).await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let mut body = task("range@1");
        body["requester"] = json!(if number % 2 == 0 { "even" } else { "odd" });
        ids.insert(0, network.submit(&body).await);
    }
    let list = async |query: &str| {
        let list = network.get(&format!("/v1/tasks?{query}")).await.ok();
        let tasks = list["tasks"].as_array().unwrap().clone();
        let ids: Vec<String> = tasks
            .iter()
            .map(|task| task["task_id"].as_str().unwrap().to_owned())
            .collect();
        (ids, list["next"].as_str().map(str::to_owned))
    };
    // Tasks of one millisecond have no order among themselves.
    let mut all = list("").await.0;
    let (mut paged, mut after) = list("limit=2").await;
    assert_eq!(paged.len(), 2);
    while let Some(cursor) = after {
        let (page, next) = list(&format!("limit=2&after={cursor}")).await;
        assert!(page.len() <= 2);
        paged.extend(page);
        after = next;
    }
    assert_eq!(paged, all);
    all.sort();
    let mut submitted = ids.clone();
    submitted.sort();
    assert_eq!(all, submitted);
    assert_eq!(list("requester=even").await.0.len(), 3);
    assert_eq!(list("requester=nobody").await.0.len(), 0);
    let _ = network.delete(&format!("/v1/tasks/{}", ids[0])).await.ok();
    assert_eq!(list("status=cancelled").await.0, [ids[0].clone()]);
    assert_eq!(list("status=pending&requester=even").await.0.len(), 2);
    for bad in [
        "limit=0",
        "limit=201",
        "limit=x",
        "status=lost",
        "colour=red",
    ] {
        let answer = network.get(&format!("/v1/tasks?{bad}")).await;
        answer.refused("invalid_request");
    }
}

#[tokio::test]
async fn a_pending_task_is_cancelled_and_refunded() {
    let network = Network::start(Vec::new()).await;
    let id = network.submit(&task("range@1")).await;
    let address = format!("/v1/tasks/{id}");
    network
        .get(&format!("{address}/proof"))
        .await
        .refused("no_proof");
    for _ in 0..2 {
        let cancelled = network.delete(&address).await.ok();
        assert_eq!(cancelled["status"], "cancelled");
    }
    let answer = network.get(&format!("{address}/proof")).await;
    assert!(answer.refused("no_proof").contains("cancelled"));
    network.conserved().await;
}

#[tokio::test]
async fn a_running_task_is_cancelled_unless_its_attempt_completes_it() {
    let network = by_hand().await;
    let (kept, dropped) = (claimed(&network).await, claimed(&network).await);
    for assignment in [&kept, &dropped] {
        let address = format!("/v1/tasks/{}", assignment["task_id"].as_str().unwrap());
        let answer = network.delete(&address).await.is(202);
        assert_eq!(answer["status"], "in_progress");
    }
    let proof = network.prove("range@1", &kept["inputs"]);
    let result = json!({"prover_id": "hand", "proof": SnarkjsProof::from(&proof)});
    let address = about(&kept, "result");
    let verdict = network.post(&address, result.to_string()).await.ok();
    assert_eq!(verdict["accepted"], true);
    let failure = r#"{"prover_id":"hand","message":"no time"}"#;
    let task = network.post(&about(&dropped, "failure"), failure).await;
    assert_eq!(task.ok()["status"], "cancelled");
    let address = format!("/v1/tasks/{}", kept["task_id"].as_str().unwrap());
    network.delete(&address).await.refused("task_ended");
    network.conserved().await;
}

#[tokio::test]
async fn events_are_numbered_resumed_after_the_last_and_end_with_the_task() {
    let network = Network::start(one_prover()).await;
    let id = network.submit(&task("merkle@1")).await;
    let all = network.events(&id, None, "").await;
    let kinds: Vec<_> = all
        .iter()
        .map(|e| e.data["event"].as_str().unwrap())
        .collect();
    assert_eq!(kinds.first(), Some(&"submitted"));
    assert_eq!(
        kinds[kinds.len() - 3..],
        ["assigned", "claimed", "completed"]
    );
    for (number, event) in (1..).zip(&all) {
        assert_eq!(event.id, number.to_string());
        assert_eq!(event.data["seq"], number);
        assert!(event.data["at"].is_u64());
    }
    let rest = network.events(&id, Some("2"), "").await;
    assert_eq!(rest.len(), all.len() - 2);
    assert_eq!(rest[0].id, "3");
    let last = all.last().unwrap().id.as_str();
    assert!(network.events(&id, Some(last), "").await.is_empty());
    let events = network.at(&format!("/v1/tasks/{id}/events"));
    for bad in ["-1", "x", "4294967296"] {
        let request = network.http.get(&events).header("Last-Event-ID", bad);
        network.send(request).await.refused("invalid_request");
    }
}

#[tokio::test]
async fn provers_register_and_place_asks() {
    let network = Network::start(Vec::new()).await;
    let register = r#"{"prover_id":"p-1","capacity":3}"#;
    let prover = network.post("/v1/provers", register).await.ok();
    let fields = [
        "active",
        "asks",
        "capacity",
        "failed",
        "fleet",
        "paused_because",
        "paused_until",
        "proved",
        "prover_id",
        "registered_at",
        "reputation",
        "seen_at",
        "trusted",
    ];
    assert_eq!(names(&prover), fields);
    let unnamed = network.post("/v1/provers", r#"{"capacity":1}"#).await.ok();
    let unnamed = unnamed["prover_id"].as_str().unwrap();
    unnamed.parse::<Uuid>().unwrap();
    let ask = r#"{"ask_id":"00000000-0000-0000-0000-000000000001","circuits":["range@1"],"price":5,"capacity":2,"levels":[1,2],"promised_ms":1000}"#;
    let placed = network.post("/v1/provers/p-1/asks", ask).await.ok();
    let dearer = ask.replace("\"price\":5", "\"price\":6");
    let placed_again = network.post("/v1/provers/p-1/asks", dearer).await.ok();
    assert_eq!(placed["ask_id"], placed_again["ask_id"]);
    let list = network.get("/v1/provers").await.ok();
    let list = list["provers"].as_array().unwrap();
    let mine = list.iter().find(|p| p["prover_id"] == "p-1").unwrap();
    assert_eq!(list.len(), 2);
    assert_eq!(mine["capacity"], 3);
    assert_eq!(mine["asks"], json!([placed_again]));
    for (ask, code) in [
        (r#"{"price":5,"capacity":0}"#, "invalid_ask"),
        (r#"{"price":5,"capacity":1,"levels":[]}"#, "invalid_ask"),
        (r#"{"price":9007199254740993,"capacity":1}"#, "invalid_ask"),
        (
            r#"{"price":5,"capacity":1,"levels":[0]}"#,
            "invalid_request",
        ),
        (
            r#"{"price":5,"capacity":1,"circuits":["x@1"]}"#,
            "unknown_circuit",
        ),
    ] {
        let answer = network.post("/v1/provers/p-1/asks", ask).await;
        answer.refused(code);
    }
    for (name, value) in [("circuits", "\"range@1\""), ("levels", "1")] {
        let many = [value; 256].join(",");
        let ask = format!(r#"{{"price":5,"capacity":1,"{name}":[{many}]}}"#);
        let answer = network.post("/v1/provers/p-1/asks", ask).await;
        assert!(answer.refused("invalid_request").starts_with(name));
    }
    let nobody = network.post("/v1/provers/nobody/asks", r#"{"price":5,"capacity":1}"#);
    nobody.await.refused("unknown_prover");
    for bad in [
        r#"{"prover_id":"a b","capacity":1}"#,
        r#"{"capacity":0}"#,
        r#"{"capacity":1025}"#,
    ] {
        let answer = network.post("/v1/provers", bad).await;
        answer.refused("invalid_request");
    }
}

#[tokio::test]
async fn a_claim_waits_and_returns_as_soon_as_there_is_something() {
    let network = by_hand().await;
    let started = Instant::now();
    let claim = r#"{"wait_ms":300}"#;
    let nothing = network.post("/v1/provers/hand/claim", claim).await.ok();
    assert_eq!(nothing, json!({"assignments": []}));
    assert!(started.elapsed() >= Duration::from_millis(300));

    let started = Instant::now();
    let task = task("range@1");
    let (assignment, _) = tokio::join!(
        network.post("/v1/provers/hand/claim", r#"{"max":1,"wait_ms":25000}"#),
        network.submit(&task),
    );
    assert!(started.elapsed() < Duration::from_secs(10));
    let assignment = assignment.ok()["assignments"][0].clone();
    assert_eq!(
        names(&assignment),
        [
            "attempt",
            "circuit",
            "inputs",
            "key_id",
            "lease_expires_at",
            "price",
            "public_inputs",
            "task_id",
            "trace"
        ]
    );
    assert_eq!(assignment["attempt"], 1);
    assert_eq!(assignment["inputs"], find("range@1").unwrap().example());

    // Given again to a prover that says it has lost it, and to no other call.
    let again = network.post("/v1/provers/hand/claim", "{}").await.ok();
    assert_eq!(again, json!({"assignments": []}));
    let lost = network.post("/v1/provers/hand/claim", r#"{"holding":[]}"#);
    let lost = lost.await.ok();
    assert_eq!(lost["assignments"][0]["task_id"], assignment["task_id"]);
    for max in ["0", "101"] {
        let claim = format!(r#"{{"max":{max}}}"#);
        let answer = network.post("/v1/provers/hand/claim", claim).await;
        answer.refused("invalid_request");
    }
}

#[tokio::test]
async fn a_prover_beats_and_hands_in_its_proof() {
    let network = by_hand().await;
    let assignment = claimed(&network).await;
    let address = about(&assignment, "heartbeat");
    let beat = r#"{"prover_id":"hand"}"#;
    let lease = network.post(&address, beat).await.ok();
    assert_eq!(names(&lease), ["lease_expires_at"]);
    let until = |lease: &Value| lease["lease_expires_at"].as_u64().unwrap();
    assert!(until(&lease) >= until(&assignment));

    let proof = network.prove("range@1", &assignment["inputs"]);
    let compact = format!("0x{}", hex::encode(proof.to_compact()));
    let result = json!({"prover_id": "hand", "proof": compact}).to_string();
    let address = about(&assignment, "result");
    let verdict = network.post(&address, result.clone()).await.ok();
    assert_eq!(
        names(&verdict),
        ["accepted", "quality_score", "verification_result"]
    );
    assert_eq!(verdict["accepted"], true);
    // A prover that lost the answer asks again and gets the same one; it is paid once.
    assert_eq!(network.post(&address, result).await.ok(), verdict);
    let provers = network.get("/v1/provers").await.ok();
    let hand = &provers["provers"][0];
    assert_eq!((&hand["active"], &hand["proved"]), (&json!(0), &json!(1)));
    network.conserved().await;
}

#[tokio::test]
async fn a_failed_attempt_puts_the_task_back_on_the_market() {
    let network = by_hand().await;
    let assignment = claimed(&network).await;
    let failure = r#"{"prover_id":"hand","message":"out of memory"}"#;
    let task = network.post(&about(&assignment, "failure"), failure).await;
    let task = task.ok();
    assert_eq!(task["attempts"][0]["end"], "failed");
    let id = task["task_id"].as_str().unwrap();
    let events = network.events(id, None, "attempt_ended").await;
    let ended = &events.last().unwrap().data;
    assert_eq!(ended["message"], "out of memory");
    let claim = r#"{"wait_ms":20000}"#;
    let again = network.post("/v1/provers/hand/claim", claim).await.ok();
    assert_eq!(again["assignments"][0]["task_id"], id);
    assert_eq!(again["assignments"][0]["attempt"], 2);
}

#[tokio::test]
async fn circuits_show_their_keys_and_inputs_that_can_be_proved() {
    let network = Network::start(Vec::new()).await;
    let list = network.get("/v1/circuits").await.ok();
    let circuits = list["circuits"].as_array().unwrap();
    // Statements of the ledger stand beside them, and have no keys.
    let keyed = |circuit: &&Value| circuit["provenance"] != "transparent";
    let circuits: Vec<_> = circuits.iter().filter(keyed).collect();
    assert_eq!(circuits.len(), prooflane_circuits::registry().len());
    for circuit in circuits {
        let id = circuit["id"].as_str().unwrap();
        let path = format!("/v1/circuits/{id}/verifying-key");
        let key = network.get(&path).await.ok();
        assert_eq!(
            names(&key),
            [
                "IC",
                "curve",
                "nPublic",
                "protocol",
                "vk_alpha_1",
                "vk_beta_2",
                "vk_delta_2",
                "vk_gamma_2"
            ]
        );
        let public = circuit["public_inputs"].as_array().unwrap().len();
        assert_eq!(key["nPublic"], public);
        assert_eq!(key["IC"].as_array().unwrap().len(), public + 1);
        network
            .submit(&json!({"circuit": id, "inputs": circuit["example"]}))
            .await;
        let path = network.at(&format!("/v1/circuits/{id}/proving-key"));
        let file = network.http.get(path).send().await.unwrap();
        let file = file.bytes().await.unwrap();
        assert_eq!(file, std::fs::read(network.node.keys.path(id)).unwrap());
    }
    for what in ["verifying-key", "proving-key"] {
        let answer = network.get(&format!("/v1/circuits/none@1/{what}")).await;
        answer.refused("unknown_circuit");
    }
}

#[tokio::test]
async fn many_proofs_are_verified_at_once_and_the_bad_ones_named() {
    let network = Network::start(Vec::new()).await;
    let mut good = Vec::new();
    for circuit in ["range@1", "merkle@1"] {
        let circuit = find(circuit).unwrap();
        let example = circuit.example();
        let public = circuit.public_inputs(&example).unwrap();
        let public: Vec<_> = public
            .iter()
            .map(prooflane_verifier::field::to_decimal)
            .collect();
        let proof = network.prove(circuit.id(), &example);
        good.push(json!({"circuit": circuit.id(), "proof": SnarkjsProof::from(&proof), "public_inputs": public}));
    }
    let verify = async |body: Value| network.post("/v1/verify", body.to_string()).await;
    let one = verify(good[0].clone()).await.ok();
    assert_eq!(
        one,
        json!({"verified": true, "results": [{"verified": true}]})
    );

    let mut proofs: Vec<Value> = (0..20).map(|n| good[n % 2].clone()).collect();
    let all = verify(json!({"proofs": proofs})).await.ok();
    assert_eq!(all["verified"], true);
    proofs[3]["public_inputs"][0] = json!("1"); // a false statement
    proofs[8]["proof"]["pi_a"] = proofs[8]["proof"]["pi_c"].clone(); // another point of the curve
    proofs[11]["proof"]["pi_a"][0] = json!("7"); // a point beside the curve
    proofs[14]["public_inputs"] = json!([]); // too few
    proofs[17]["proof"] = json!("0x00"); // too short
    let some = verify(json!({"proofs": proofs})).await.ok();
    assert_eq!(some["verified"], false);
    let results = some["results"].as_array().unwrap();
    for (index, result) in results.iter().enumerate() {
        let bad = [3, 8, 11, 14, 17].contains(&index);
        assert_eq!(result["verified"], !bad, "{index}");
        assert_eq!(result["reason"].is_string(), bad, "{index}");
    }
    let many = vec![good[0].clone(); 1_001];
    verify(json!({"proofs": many}))
        .await
        .refused("invalid_request");
    verify(json!({"proofs": []}))
        .await
        .refused("invalid_request");
    let detail = verify(json!({"proofs": [{"circuit": 5}]})).await;
    assert!(
        detail
            .refused("malformed_json")
            .contains("proofs[0].circuit")
    );
}

/// A payment of 1500 attested by the network's own attestor, proved for a request of 1000; the
/// literal redemption.
async fn redemption(network: &Network) -> Value {
    let wallet = WalletFile::generate().unwrap();
    let file = std::fs::read(&network.node.attestor).unwrap();
    let attestor: AttestorFile = serde_json::from_slice(&file).unwrap();
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let receipt = attestor.attest(Payment {
        payer_commitment: wallet.commitment.clone(),
        recipient: "merchant-1".into(),
        asset: "test:coin".into(),
        amount: 1_500,
        time: now - 5,
        tx_hash: "0xfeed".into(),
    });
    let request = PaymentRequest {
        min_amount: 1_000,
        max_age: 60,
        current_time: now,
        binding: "42".into(),
    };
    let inputs = receipt.unwrap().inputs(&wallet, &request);
    let proof = network.prove("payment@1", &inputs);
    let public = find("payment@1").unwrap().public_inputs(&inputs).unwrap();
    json!({
        "proof": SnarkjsProof::from(&proof), "recipientKey": "merchant-1", "asset": "test:coin",
        "minAmount": "1000", "maxBlockAge": "60", "currentTime": now, "binding": "42",
        "nullifier": prooflane_verifier::field::to_decimal(&public[8]),
    })
}

async fn redeem(network: &Network, body: &Value) -> Value {
    let path = "/v1/payments/redeem";
    network.post(path, body.to_string()).await.ok()
}

fn refusal(reason: &str) -> Value {
    json!({"admitted": false, "reason": reason})
}

#[tokio::test]
async fn a_payment_is_admitted_once() {
    let network = Network::start(Vec::new()).await;
    let body = redemption(&network).await;
    let admitted = json!({"admitted": true, "reason": "admitted"});
    // The same request again, as after a lost answer, is the same admission.
    for _ in 0..2 {
        assert_eq!(redeem(&network, &body).await, admitted);
    }
    let mut other = body.clone();
    other["binding"] = json!("43");
    assert_eq!(redeem(&network, &other).await, refusal("already_spent"));
    let mut attempt = body.clone();
    attempt["attempt"] = json!("a");
    assert_eq!(redeem(&network, &attempt).await, refusal("repeated"));
}

#[tokio::test]
async fn a_changed_payment_is_not_admitted_and_spends_nothing() {
    let network = Network::start(Vec::new()).await;
    let body = redemption(&network).await;
    let time = body["currentTime"].as_u64().unwrap();
    for (name, value, reason) in [
        ("binding", json!("43"), "invalid_proof"),
        ("minAmount", json!("1001"), "invalid_proof"),
        ("maxBlockAge", json!("61"), "invalid_proof"),
        ("recipientKey", json!("merchant-2"), "invalid_proof"),
        ("asset", json!("test:other"), "invalid_proof"),
        ("nullifier", json!("1"), "invalid_proof"),
        ("attestorKey", json!({"x": "1", "y": "2"}), "invalid_proof"),
        ("currentTime", json!(time + 1), "invalid_proof"),
        ("currentTime", json!(time - 3_600), "outside_window"),
        ("currentTime", json!(time + 3_600), "outside_window"),
        ("currentTime", json!(u64::MAX), "outside_window"),
    ] {
        let mut changed = body.clone();
        changed[name] = value;
        assert_eq!(redeem(&network, &changed).await, refusal(reason), "{name}");
    }
    let mut changed = body.clone();
    changed["proof"]["pi_a"] = changed["proof"]["pi_c"].clone();
    assert_eq!(redeem(&network, &changed).await, refusal("invalid_proof"));
    for (name, value) in [
        ("minAmount", json!("-1")),
        ("maxBlockAge", json!("18446744073709551616")),
        ("binding", json!("0xzz")),
        ("nullifier", json!("")),
        ("window", json!(3_601)),
        ("attempt", json!("")),
        ("replaces", json!("two words")),
    ] {
        let mut bad = body.clone();
        bad[name] = value;
        let answer = network.post("/v1/payments/redeem", bad.to_string()).await;
        assert!(answer.refused("invalid_request").starts_with(name));
    }
    assert_eq!(redeem(&network, &body).await["admitted"], true);
}

#[tokio::test]
async fn a_quote_says_what_a_task_would_cost_or_why_nobody_would_take_it() {
    let offers = vec![Offer::new("dear", 20, 1), Offer::new("cheap", 10, 1)];
    let network = Network::start(offers).await;
    // The provers place their asks while the network starts.
    for circuit in ["range@1", "merkle@1"] {
        let id = network.submit(&task(circuit)).await;
        network.ended(&id).await;
    }
    let quote = async |body: &str| network.post("/v1/quote", body.to_owned()).await;
    let available = quote(r#"{"circuit":"payment@1"}"#).await.ok();
    assert_eq!(
        names(&available),
        ["available", "bids", "price", "prover", "takers", "why"]
    );
    let taker = &available["takers"][0];
    assert_eq!(names(taker), ["price", "promised_ms", "prover", "score"]);
    assert_eq!(taker["prover"], available["prover"]);
    assert_eq!(available["available"], true);
    assert!(available["price"].as_u64().unwrap() >= 10);
    let low = quote(r#"{"circuit":"payment@1","reward_amount":9}"#)
        .await
        .ok();
    assert_eq!(low["available"], false);
    assert_eq!(
        (&low["price"], &low["prover"]),
        (&Value::Null, &Value::Null)
    );
    assert!(low["why"].as_str().unwrap().len() > 20, "{low}");
    let private = quote(r#"{"circuit":"payment@1","privacy_level":2}"#).await;
    assert!(!private.ok()["why"].as_str().unwrap().is_empty());
    quote(r#"{"circuit":"none@1"}"#)
        .await
        .refused("unknown_circuit");
    let answer = quote(r#"{"circuit":"payment@1","privacy_level":0}"#).await;
    assert!(
        answer
            .refused("invalid_request")
            .starts_with("privacy_level")
    );
    let answer = quote(r#"{"circuit":"payment@1","min_reputation":1.5}"#).await;
    assert!(
        answer
            .refused("invalid_request")
            .starts_with("min_reputation")
    );
}

/// The value of a sample in Prometheus' text format.
fn sample(metrics: &str, name: &str) -> f64 {
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().unwrap())
}

#[tokio::test]
async fn metrics_are_prometheus_text_and_move_with_the_tasks() {
    let network = Network::start(one_prover()).await;
    let before = network.get("/metrics").await;
    network.still_proves().await;
    let after = network.get("/metrics").await;
    assert_eq!(after.status, 200);
    assert!(after.header("content-type").starts_with("text/plain"));
    for counter in ["submitted", "assigned", "claimed", "completed"] {
        let name = format!("prooflane_tasks_{counter}_total");
        // Other tests of this process count too.
        assert!(sample(&after.text, &name) > sample(&before.text, &name));
    }
    let (mut typed, mut helped) = (Vec::new(), Vec::new());
    for line in after.text.lines().filter(|line| !line.is_empty()) {
        if let Some(rest) = line.strip_prefix("# ") {
            let mut words = rest.split(' ');
            let (what, name) = (words.next().unwrap(), words.next().unwrap());
            match what {
                "HELP" => helped.push(name),
                "TYPE" => typed.push(name),
                _ => panic!("{line}"),
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        value.parse::<f64>().unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        assert!(labels.ends_with('}'), "{line}");
        for label in labels.trim_end_matches('}').split("\",") {
            assert!(label.is_empty() || label.contains("=\""), "{line}");
        }
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix))
            .unwrap_or(name);
        assert!(typed.contains(&family) || typed.contains(&name), "{line}");
        assert!(helped.contains(&family) || helped.contains(&name), "{line}");
    }
}

#[tokio::test]
async fn the_description_is_served_with_pages_to_read_it() {
    let network = Network::start(Vec::new()).await;
    let served = network.get("/openapi.json").await.ok();
    let committed: Value = serde_json::from_str(&prooflane_api::openapi_json()).unwrap();
    assert_eq!(served, committed);
    let page = network.http.get(network.at("/docs")).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let header = |name| page.headers()[name].to_str().unwrap();
    assert!(header("content-type").starts_with("text/html"));
    // Kept compressed, which every browser reads.
    assert_eq!(header("content-encoding"), "gzip");
    let (bytes, mut text) = (page.bytes().await.unwrap(), String::new());
    GzDecoder::new(&*bytes).read_to_string(&mut text).unwrap();
    assert!(text.contains("<html"));
}

#[tokio::test]
async fn keys_are_made_and_wrong_ones_refused_even_where_none_is_needed() {
    let network = Network::start(Vec::new()).await;
    let make = async |body: &str| network.post("/v1/keys", body.to_owned()).await;
    let made = make(r#"{"name":"alice","roles":["requester"]}"#)
        .await
        .is(201);
    assert_eq!(names(&made), ["api_key", "name", "roles"]);
    for bad in [r#"[]"#, r#"["king"]"#] {
        let answer = make(&format!(r#"{{"name":"alice","roles":{bad}}}"#)).await;
        assert!(answer.refused("invalid_request").starts_with("roles"));
    }
    let with = async |key: &str| -> Answer {
        let request = network.http.post(network.at("/v1/tasks")).bearer_auth(key);
        network
            .send(request.body(task("range@1").to_string()))
            .await
    };
    let task = with(made["api_key"].as_str().unwrap()).await.is(201);
    assert_eq!(task["requester"], "alice");
    with("plk_wrong").await.refused("unauthorized");
}
