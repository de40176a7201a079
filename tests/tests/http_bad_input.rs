//! Bad input gets a clear error with a stable code, and nothing is lost.
#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use prooflane_circuits::find;
use prooflane_tests::net::{Network, one_prover};
use prooflane_verifier::snarkjs::SnarkjsProof;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The modulus of the scalar field: the least number that is no field element.
const MODULUS: &str =
    "21888242871839275222246405745257275088548364400416034343698204186575808495617";

/// The example of a circuit as a submission, with one input replaced.
fn with_input(circuit: &str, name: &str, value: Value) -> String {
    let mut inputs = find(circuit).unwrap().example();
    inputs[name] = value;
    json!({"circuit": circuit, "inputs": inputs}).to_string()
}

/// A submission that is fine, with one more field.
fn with_field(name: &str, value: &str) -> String {
    let inputs = find("range@1").unwrap().example();
    format!(r#"{{"circuit":"range@1","inputs":{inputs},"{name}":{value}}}"#)
}

#[tokio::test]
async fn a_body_that_is_not_the_json_expected_is_refused_with_the_field() {
    let network = Network::start(one_prover()).await;
    let fine = with_field("priority", "50");
    let deep = "[".repeat(100_000);
    let bodies: Vec<(Vec<u8>, &str)> = vec![
        ("".into(), "EOF"),
        ("{".into(), "EOF"),
        ("nonsense".into(), "expected"),
        ("null".into(), "null"),
        ("\"text\"".into(), "text"),
        ("[]".into(), "invalid length"),
        ("{}".into(), "circuit"),
        (r#"{"circuit":"range@1"}"#.into(), "inputs"),
        (r#"{"circuit":"range@1","inputs":null}"#.into(), "inputs"),
        (r#"{"circuit":5,"inputs":{}}"#.into(), "circuit: "),
        (fine[..fine.len() - 1].into(), "EOF"),
        (format!("{fine} {{}}").into(), "trailing"),
        (format!("{fine}x").into(), "trailing"),
        (b"{\"circuit\":\"\xff\"}".to_vec(), "circuit"),
        (br#"{"circuit":"\ud800"}"#.to_vec(), "circuit"),
        (deep.clone().into(), "expected"),
        (
            format!(r#"{{"circuit":"range@1","inputs":{deep}"#).into(),
            "recursion",
        ),
        (with_field("colour", "1").into(), "colour"),
        (with_field("task_id", r#""x""#).into(), "task_id: "),
        (with_field("priority", "256").into(), "priority: "),
        (with_field("priority", "-1").into(), "priority: "),
        (with_field("priority", "\"high\"").into(), "priority: "),
        (with_field("privacy_level", "256").into(), "privacy_level: "),
        (with_field("reward_amount", "-1").into(), "reward_amount: "),
        (with_field("reward_amount", "1.5").into(), "reward_amount: "),
        (with_field("reward_amount", "1e400").into(), "reward_amount"),
        (
            with_field("reward_amount", "18446744073709551616").into(),
            "reward_amount: ",
        ),
        (with_field("deadline", "true").into(), "deadline: "),
        (
            with_field("min_reputation", "\"NaN\"").into(),
            "min_reputation: ",
        ),
        (with_field("requester", "7").into(), "requester: "),
        (
            with_field("allowed_provers", "[1]").into(),
            "allowed_provers[0]: ",
        ),
    ];
    for (body, says) in bodies {
        let text = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        let detail = network.post("/v1/tasks", body).await;
        let detail = detail.refused("malformed_json");
        assert!(detail.contains(says), "{text}: {detail}");
    }
    network.still_proves().await;
}

#[tokio::test]
async fn a_value_out_of_range_is_refused_with_the_field() {
    let network = Network::start(one_prover()).await;
    let long = format!("\"{}\"", "a".repeat(129));
    for (name, value) in [
        ("priority", "101"),
        ("privacy_level", "0"),
        ("reward_amount", "9007199254740993"),
        ("reward_amount", "18446744073709551615"),
        ("min_reputation", "1.01"),
        ("min_reputation", "-1"),
        ("max_attempts", "0"),
        ("max_attempts", "101"),
        ("deadline", "1"),
        ("requester", "\"\""),
        ("requester", "\"a#b\""),
        ("requester", r#""a\u0000b""#),
        ("requester", &long),
        ("allowed_provers", "[\"a b\"]"),
        ("allowed_provers", r#"["\u0000"]"#),
    ] {
        let answer = network.post("/v1/tasks", with_field(name, value)).await;
        let detail = answer.refused("invalid_request");
        let field = if name == "allowed_provers" {
            "prover_id"
        } else {
            name
        };
        assert!(detail.starts_with(field), "{name}: {detail}");
    }
    // The ends of the ranges are taken.
    for (name, value) in [
        ("priority", "100"),
        ("deadline", "18446744073709551615"),
        ("max_attempts", "100"),
        ("reward_amount", "0"),
        ("requester", "\"\u{e9}\u{1f600}\""),
    ] {
        let answer = network.post("/v1/tasks", with_field(name, value)).await;
        let id = answer.is(201)["task_id"].as_str().unwrap().to_owned();
        if name != "reward_amount" {
            assert_eq!(network.ended(&id).await["status"], "completed", "{name}");
        }
    }
    network.still_proves().await;
}

#[tokio::test]
async fn an_unknown_circuit_is_refused_with_those_there_are() {
    let network = Network::start(one_prover()).await;
    for circuit in [
        "none@1",
        "merkle",
        "merkle@2",
        "",
        "merkle@1\\u0000",
        "../x",
    ] {
        let body = format!(r#"{{"circuit":"{circuit}","inputs":{{}}}}"#);
        let answer = network.post("/v1/tasks", body).await;
        assert!(answer.refused("unknown_circuit").contains("merkle@1"));
    }
    network.still_proves().await;
}

#[tokio::test]
async fn inputs_that_prove_nothing_are_refused_with_the_input() {
    let network = Network::start(one_prover()).await;
    let over = format!("0x1{}", "0".repeat(64));
    for (circuit, name, value) in [
        ("payment@1", "binding", json!(MODULUS)),
        ("payment@1", "binding", json!(over)),
        ("payment@1", "binding", json!("-1")),
        ("payment@1", "binding", json!("01")),
        ("payment@1", "binding", json!(7)),
        ("payment@1", "attestorKey", json!({"x": MODULUS, "y": "1"})),
        ("payment@1", "attestorKey", json!({"x": "0", "y": "1"})),
        ("payment@1", "attestorKey", json!([])),
        ("payment@1", "minAmount", json!("18446744073709551616")),
        ("payment@1", "minAmount", json!(1.5)),
        ("payment@1", "minAmount", json!("1e3")),
        ("payment@1", "currentTime", json!(-1)),
        ("payment@1", "recipientKey", json!("")),
        ("payment@1", "payerSecret", json!(MODULUS)),
        ("payment@1", "signature", json!("0x00")),
        ("payment@1", "nullifier", json!("1")),
        ("payment@1", "more", json!("1")),
        ("range@1", "max", json!("18446744073709551616")),
        ("range@1", "value", json!(null)),
        ("merkle@1", "leaves", json!([])),
        ("merkle@1", "leaves", json!(["0x11"])),
        ("merkle@1", "leaf_index", json!(5)),
        ("merkle@1", "path", json!([])),
    ] {
        let answer = network
            .post("/v1/tasks", with_input(circuit, name, value))
            .await;
        let detail = answer.refused("invalid_inputs");
        assert!(detail.contains(name), "{name}: {detail}");
    }
    for inputs in ["5", "[]", "{}", "\"x\""] {
        let body = format!(r#"{{"circuit":"range@1","inputs":{inputs}}}"#);
        let answer = network.post("/v1/tasks", body).await;
        assert!(answer.refused("invalid_inputs").starts_with("inputs"));
    }
    network.still_proves().await;
}

static LOG: LazyLock<Arc<Mutex<Vec<u8>>>> = LazyLock::new(|| {
    let log = Arc::new(Mutex::new(Vec::new()));
    let into = log.clone();
    struct Into(Arc<Mutex<Vec<u8>>>);
    impl Write for Into {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    tracing_subscriber::fmt()
        .with_env_filter("trace")
        .with_writer(move || Into(into.clone()))
        .init();
    log
});

#[tokio::test]
async fn no_private_input_is_in_an_answer_or_in_the_log() {
    let log = LOG.clone();
    let network = Network::start(one_prover()).await;
    let mut inputs = find("payment@1").unwrap().example();
    inputs["payerSecret"] = json!("918273645918273645");
    inputs["txHash"] = json!("0x5ec2e7");
    inputs["actualAmount"] = json!("31415926");
    let body = |inputs: &Value| json!({"circuit": "payment@1", "inputs": inputs}).to_string();
    let mut secrets = vec!["918273645918273645", "0x5ec2e7", "31415926"];
    let signature = inputs["signature"].clone();
    secrets.push(signature["s"].as_str().unwrap());
    secrets.push(signature["r8"][0].as_str().unwrap());
    for (name, value) in [
        // The signature is of another receipt, so these end with it at the latest.
        ("minAmount", json!("x")),
        ("recipientKey", json!("merchant-1")),
        ("maxBlockAge", json!(0)),
        ("attestorKey", json!("x")),
        ("actualAmount", json!(1)),
        ("payerSecret", json!(["918273645918273645"])),
        ("918273645918273645", json!("x")),
    ] {
        let mut bad = inputs.clone();
        bad[name] = value;
        let answer = network.post("/v1/tasks", body(&bad)).await;
        answer.refused("invalid_inputs");
        for secret in secrets.iter().filter(|secret| **secret != name) {
            assert!(!answer.text.contains(secret), "{}", answer.text);
        }
    }
    // A task that is proved leaves none either.
    let example = find("payment@1").unwrap().example();
    let id = network
        .submit(&json!({"circuit": "payment@1", "inputs": example}))
        .await;
    assert_eq!(network.ended(&id).await["status"], "completed");
    let log = String::from_utf8_lossy(&log.lock().unwrap()).into_owned();
    assert!(log.contains(&id), "the log is not looked at");
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None);
    }
}

#[tokio::test]
async fn ten_megabytes_are_refused_promptly_and_the_connection_stays_usable() {
    let network = Network::start(one_prover()).await;
    let address = network.node.address;
    let talk = move || {
        let started = Instant::now();
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        for path in ["/v1/tasks", "/tasks", "/v1/verify", "/nowhere", "/health"] {
            let head =
                format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n");
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&vec![b'['; 10_000_000]).unwrap();
            let answer = read_answer(&mut stream);
            assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
            assert!(answer.contains("\"code\":\"body_too_large\""), "{answer}");
        }
        let get = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
        stream.write_all(get).unwrap();
        assert!(read_answer(&mut stream).starts_with("HTTP/1.1 200 "));
        assert!(started.elapsed() < Duration::from_secs(20));
    };
    tokio::task::spawn_blocking(talk).await.unwrap();
    let answer = network.post("/v1/tasks", vec![b'['; 10_000_000]).await;
    assert!(answer.refused("body_too_large").contains("2097152"));
    // A body that is too large without saying so in advance, and one just below the limit.
    let chunks = (0..40).map(|_| Ok::<_, std::io::Error>(vec![b' '; 65_536]));
    let endless = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
    let answer = network.post("/v1/tasks", endless).await;
    answer.refused("body_too_large");
    let answer = network.post("/v1/tasks", vec![b' '; 2_097_152]).await;
    answer.refused("malformed_json");
    network.still_proves().await;
}

/// One answer with a Content-Length.
fn read_answer(stream: &mut TcpStream) -> String {
    let (mut text, mut byte) = (String::new(), [0]);
    let length = |head: &str| -> Option<usize> {
        let (head, body) = head.split_once("\r\n\r\n")?;
        let lower = head.to_lowercase();
        let length = lower
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))?;
        Some(length.parse::<usize>().unwrap() - body.len())
    };
    while length(&text) != Some(0) {
        stream.read_exact(&mut byte).unwrap();
        text.push(byte[0].into());
    }
    text
}

#[tokio::test]
async fn an_address_that_names_nothing_is_a_problem_document() {
    let network = Network::start(one_prover()).await;
    let nil = Uuid::nil();
    for path in ["/nowhere", "/v1", "/v1/tasks/", "/v1/tasks/a/b/c", "/%00"] {
        network.get(path).await.refused("no_route");
        network.post(path, "{}").await.refused("no_route");
    }
    for (method, path) in [
        ("PUT", "/v1/tasks"),
        ("DELETE", "/v1/tasks"),
        ("GET", "/v1/verify"),
        ("POST", "/health"),
        ("MADEUP", "/tasks/result"),
    ] {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = network.http.request(method, network.at(path));
        let answer = network.send(request).await;
        assert!(answer.refused("no_method").contains(path));
        assert!(!answer.header("allow").is_empty(), "{path}");
    }
    for path in [
        "/v1/tasks/ID",
        "/v1/tasks/ID/proof",
        "/v1/tasks/ID/events",
        "/api/v1/proofs/ID",
        "/api/v1/tasks/ID",
        "/tasks/ID/status",
    ] {
        let unknown = path.replace("ID", &nil.to_string());
        network.get(&unknown).await.refused("unknown_task");
        for bad in ["x", "1", "%00", "%FF", &"0".repeat(200)] {
            let answer = network.get(&path.replace("ID", bad)).await;
            answer.refused("invalid_request");
        }
    }
    network
        .delete(&format!("/v1/tasks/{nil}"))
        .await
        .refused("unknown_task");
    for after in ["x", "%00", "9999", ""] {
        let answer = network.get(&format!("/v1/tasks?after={after}")).await;
        assert!(answer.refused("invalid_request").starts_with("after"));
    }
    for name in ["", "%00", "a%23b", &"a".repeat(129)] {
        let answer = network.get(&format!("/v1/tasks?requester={name}")).await;
        assert!(answer.refused("invalid_request").starts_with("requester"));
        let name = name.replace("%00", "\\u0000").replace("%23", "#");
        let key = format!(r#"{{"name":"{name}","roles":["requester"]}}"#);
        let answer = network.post("/v1/keys", key).await;
        assert!(answer.refused("invalid_request").starts_with("name"));
    }
    for prover in ["a%20b", "%FF", "%00"] {
        let path = format!("/v1/provers/{prover}/claim");
        network.post(&path, "{}").await.refused("invalid_request");
        let answer = network.get(&format!("/tasks/assign/{prover}")).await;
        answer.refused("invalid_request");
    }
    let answer = network.get("/tasks/assign/nobody").await;
    answer.refused("unknown_prover");
    network.still_proves().await;
}

/// A network with two provers that are the test itself, and a task that `a` won and claimed.
async fn claimed_by_a() -> (Network, String, Value) {
    let network = Network::start(Vec::new()).await;
    for (prover, price) in [("a", 1), ("b", 50)] {
        let register = format!(r#"{{"prover_id":"{prover}","capacity":1}}"#);
        let _ = network.post("/v1/provers", register).await.ok();
        let ask = format!(r#"{{"price":{price},"capacity":1}}"#);
        let path = format!("/v1/provers/{prover}/asks");
        let _ = network.post(&path, ask).await.ok();
    }
    let inputs = find("range@1").unwrap().example();
    let task = json!({"circuit": "range@1", "inputs": inputs});
    let id = network.submit(&task).await;
    let claim = r#"{"wait_ms":20000}"#;
    let claimed = network.post("/v1/provers/a/claim", claim).await.ok();
    assert_eq!(claimed["assignments"][0]["task_id"], id);
    (network, id, inputs)
}

#[tokio::test]
async fn a_prover_cannot_act_on_what_is_not_its_own() {
    let (network, id, inputs) = claimed_by_a().await;
    let claim = network.post("/v1/provers/b/claim", r#"{"holding":[]}"#);
    assert_eq!(claim.await.ok(), json!({"assignments": []}));
    let proof = SnarkjsProof::from(&network.prove("range@1", &inputs));
    let beat = |prover: &str| json!({"prover_id": prover}).to_string();
    let result = |prover: &str| json!({"prover_id": prover, "proof": proof}).to_string();
    let refused = async |attempt: &str, what: &str, body: String, code: &str| {
        let path = format!("/v1/assignments/{id}/{attempt}/{what}");
        network.post(&path, body).await.refused(code);
    };
    for (what, body) in [
        ("heartbeat", &beat as &dyn Fn(&str) -> String),
        ("failure", &beat),
        ("result", &result),
    ] {
        refused("1", what, body("b"), "not_assigned").await;
        refused("2", what, body("a"), "not_assigned").await;
        refused("0", what, body("a"), "not_assigned").await;
        refused("1", what, body("nobody"), "unknown_prover").await;
        for attempt in ["x", "-1", "4294967296", "%FF"] {
            refused(attempt, what, body("a"), "invalid_request").await;
        }
        let nowhere = format!("/v1/assignments/{}/1/{what}", Uuid::nil());
        let answer = network.post(&nowhere, body("a")).await;
        answer.refused("unknown_task");
    }
    let bytes = r#""proof":[0]"#;
    let taken = format!(r#"{{"task_id":"{id}","prover_id":"b",{bytes}}}"#);
    let answer = network.post("/tasks/result", taken).await;
    answer.refused("not_assigned");
    // None of it cost the prover its task.
    let path = format!("/v1/assignments/{id}/1/result");
    let verdict = network.post(&path, result("a")).await.ok();
    assert_eq!(verdict["accepted"], true);
    network.conserved().await;
}

#[tokio::test]
async fn a_finished_task_takes_no_more_results() {
    let (network, id, inputs) = claimed_by_a().await;
    let proof = SnarkjsProof::from(&network.prove("range@1", &inputs));
    let path = format!("/v1/assignments/{id}/1/result");
    let mine = json!({"prover_id": "a", "proof": proof}).to_string();
    let verdict = network.post(&path, mine.clone()).await.ok();
    let paid = network.get("/v1/provers").await.ok();
    // A second result of the same attempt gets the first one's answer, another proof or not.
    let other = SnarkjsProof::from(&network.prove("range@1", &inputs));
    let other = json!({"prover_id": "a", "proof": other}).to_string();
    for again in [mine, other] {
        assert_eq!(network.post(&path, again).await.ok(), verdict);
    }
    let theirs = json!({"prover_id": "b", "proof": proof}).to_string();
    let answer = network.post(&path, theirs.clone()).await;
    assert_eq!(answer.status, 409, "{}", answer.text);
    let beat = format!("/v1/assignments/{id}/1/heartbeat");
    let answer = network.post(&beat, r#"{"prover_id":"a"}"#).await;
    answer.refused("task_ended");
    let failure = format!("/v1/assignments/{id}/1/failure");
    let answer = network.post(&failure, r#"{"prover_id":"a"}"#).await;
    answer.refused("task_ended");
    assert_eq!(network.get("/v1/provers").await.ok(), paid);
    network.conserved().await;
}

#[tokio::test]
async fn an_attempt_that_was_given_up_is_superseded_by_the_next() {
    let (network, id, _) = claimed_by_a().await;
    let failure = format!("/v1/assignments/{id}/1/failure");
    let mine = r#"{"prover_id":"a"}"#;
    let _ = network.post(&failure, mine).await.ok();
    network.events(&id, Some("4"), "assigned").await;
    let beat = format!("/v1/assignments/{id}/1/heartbeat");
    let answer = network.post(&beat, mine).await;
    answer.refused("attempt_superseded");
    network
        .post(&failure, mine)
        .await
        .refused("attempt_superseded");
}

#[tokio::test]
async fn a_proof_that_cannot_be_read_is_refused_and_costs_nothing() {
    let (network, id, inputs) = claimed_by_a().await;
    let made = network.prove("range@1", &inputs);
    let hex = hex::encode(made.to_compact());
    let good = json!(SnarkjsProof::from(&made));
    let with = |pointer: &str, value: Value| {
        let mut proof = good.clone();
        *proof.pointer_mut(pointer).unwrap() = value;
        proof
    };
    let q = "21888242871839275222246405745257275088696311157297823662689037894645226208583";
    let bad = [
        json!(""),
        json!("0x"),
        json!(format!("0x{}", &hex[2..])),
        json!(format!("0x{hex}00")),
        json!(format!("0x{}", &hex[1..])),
        json!(format!("0x{}zz", &hex[2..])),
        json!(format!("0x{}", "ff".repeat(128))),
        json!(format!("0x{}", "00".repeat(128))),
        json!("\u{0}"),
        with("/pi_a/0", json!(q)),
        with("/pi_a/0", json!("-1")),
        with("/pi_a/0", json!("1")),
        with("/pi_a/1", json!("1")),
        with("/pi_a/2", json!("2")),
        with("/pi_b/0/0", json!("1")),
        with("/pi_c/0", json!("")),
        with("/protocol", json!("plonk")),
        with("/curve", json!("bls12381")),
    ];
    let path = format!("/v1/assignments/{id}/1/result");
    let result = |proof: &Value| json!({"prover_id": "a", "proof": proof}).to_string();
    for proof in &bad {
        let answer = network.post(&path, result(proof)).await;
        answer.refused("malformed_proof");
        let one = json!({"circuit": "range@1", "proof": proof, "public_inputs": []});
        let verified = network.post("/v1/verify", one.to_string()).await.ok();
        assert_eq!(verified["verified"], false);
    }
    for proof in [
        json!(5),
        json!(null),
        json!([]),
        json!({}),
        json!({"pi_a": []}),
    ] {
        let answer = network.post(&path, result(&proof)).await;
        assert!(answer.refused("malformed_json").starts_with("proof: "));
    }
    let verdict = network.post(&path, result(&good)).await.ok();
    assert_eq!(verdict["accepted"], true);
    network.conserved().await;
}
