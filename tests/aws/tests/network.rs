//! The whole network as it is deployed: functions as processes behind the emulator's gateway, queues
//! and schedules, workers that pull from SQS, real proofs.

use prooflane_client::Client;
use prooflane_client::wire::SubmitTask;
use prooflane_ledger::{Evidence, task};
use prooflane_log::{Policy, Receipt};
use prooflane_tests::binary::command;
use prooflane_tests::ledger::{count, example, id, salaries, sealed_example};
use prooflane_tests_aws::{Emulator, Network};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use uuid::Uuid;

/// The longest that anything may take.
const PATIENCE: Duration = Duration::from_secs(150);

/// `prooflane ARGS --json` as the operator, at this network.
fn prooflane(network: &Network, args: &[&str]) -> Value {
    let output = command(args)
        .args(["--json", "--network", &network.url])
        .args(["--api-key", &network.operator_key])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {said}");
    serde_json::from_slice(&output.stdout).expect("one object")
}

/// The answer to `GET path`: its status and body, and how long it took.
fn get(network: &Network, path: &str, headers: &[&str]) -> (u16, String, Duration) {
    let started = Instant::now();
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--write-out", "\n%{http_code}"]);
    for header in headers {
        curl.args(["--header", header]);
    }
    let output = curl.arg(format!("{}{path}", network.url)).output();
    let output = output.expect("curl runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let (body, status) = text.rsplit_once('\n').expect("a status");
    (
        status.parse().expect("a status"),
        body.to_owned(),
        started.elapsed(),
    )
}

fn no_invariant_is_broken(network: &Network) {
    let findings = network.fsck();
    let findings = findings["findings"].as_array().expect("a list");
    let broken: Vec<_> = findings
        .iter()
        .filter(|finding| finding["severity"] == "broken")
        .collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn the_demo_passes_at_a_deployed_network() {
    let Some(emulator) = Emulator::ministack() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let mut network = Network::deploy(emulator);
    network.start_worker(&folder.path().join("worker.log"));
    let shown = prooflane(&network, &["demo"]);
    for field in ["verified", "tampered_rejected", "replay_rejected"] {
        assert_eq!(shown[field], Value::Bool(true), "{shown}");
    }
    assert_eq!(shown["winner"], "fleet-cpu");
    no_invariant_is_broken(&network);

    // Whoever comes without a key hears so, through the gateway.
    let (status, body, _) = get(&network, "/v1/tasks", &[]);
    assert_eq!(status, 401, "{body}");

    // A stream of events ends with the first news and is resumed after them.
    let key = format!("Authorization: Bearer {}", network.operator_key);
    let task = shown["task_id"].as_str().expect("an id");
    let path = format!("/v1/tasks/{task}/events");
    let (status, events, took) = get(&network, &path, &[&key]);
    assert_eq!(status, 200);
    let ids: Vec<u32> = events
        .lines()
        .filter_map(|line| line.strip_prefix("id:")?.trim().parse().ok())
        .collect();
    assert!(ids.len() >= 4 && ids.is_sorted(), "{events}");
    assert!(took < Duration::from_secs(25), "{took:?}");
    let last = format!("Last-Event-ID: {}", ids[1]);
    let (_, rest, _) = get(&network, &path, &[&key, &last]);
    assert!(!rest.contains(&format!("id:{}\n", ids[1])) && !rest.is_empty());

    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(a_dataset_is_recorded_and_shown(&network, &folder));
    let (status, checkpoint, _) = get(&network, "/v1/ledger/checkpoint", &[]);
    assert!(
        status == 200 && checkpoint.contains("/ledger\n2\n"),
        "{checkpoint}"
    );
    prooflane(&network, &["deposit", "requester:operator", "100"]);
    runtime.block_on(a_statement_is_proved_by_the_fleet(&network));
    no_invariant_is_broken(&network);
}

/// Its columns go to the bucket encrypted, a process of the worker's proves it, and the evidence lies in the bucket.
async fn a_statement_is_proved_by_the_fleet(network: &Network) {
    let key = network.operator_key.clone();
    let client = Client::new(&network.url, Some(key)).expect("a URL");
    let inputs = sealed_example(&client).await;
    let task = SubmitTask {
        privacy_level: 3,
        ..SubmitTask::new(task::CIRCUIT, inputs)
    };
    let task = client.submit(&task).await.expect("a task").task_id;
    let proved = tokio::time::timeout(PATIENCE, client.wait_until_proved(task)).await;
    proved.expect("in time").expect("it is proved");
    let evidence = client.task_evidence(task).await.expect("its evidence");
    let evidence = Evidence::from_bytes(&evidence).expect("evidence");
    assert_eq!(evidence.instance(), example().instance());
    evidence.verify().expect("it holds");
    let by = client.task(task).await.expect("the task").assigned_prover;
    assert_eq!(by.as_deref(), Some("fleet-cpu"));
}

/// Evidence comes and goes by way of the bucket; the log is in the table and the bucket.
async fn a_dataset_is_recorded_and_shown(network: &Network, folder: &TempDir) {
    let key = network.operator_key.clone();
    let client = Client::new(&network.url, Some(key)).expect("a URL");
    let (owned, notarized) = salaries(folder, "salaries");
    let dataset = id(&owned);
    let claim = count(owned);
    for (number, evidence) in [(1, &notarized), (2, &claim), (2, &claim)] {
        let recorded = client.record(Uuid::from_u128(number), evidence.clone());
        let recorded = recorded.await.expect("it is recorded");
        assert_eq!(u128::from(recorded.index), number - 1);
        assert_eq!(recorded.entry.by.as_deref(), Some("operator"));
    }
    let got = client.evidence(1).await.expect("its evidence");
    assert!(got == claim);
    let about = client.ledger().await.expect("the ledger");
    let keys = about.log_keys.iter().map(|key| key.parse());
    let policy = Policy {
        log: keys.collect::<Result<_, _>>().expect("keys"),
        witnesses: Vec::new(),
        quorum: 0,
    };
    let receipt = client.operation_receipt(1).await.expect("a receipt");
    let receipt: Receipt = receipt.parse().expect("a receipt");
    let entry = receipt.extra.as_ref().expect("an entry");
    let checkpoint = receipt.verify(entry, &policy).expect("it verifies");
    assert_eq!(checkpoint.size, 2);
    let lineage = client.lineage(&dataset).await.expect("its lineage");
    assert_eq!(lineage.operations.len(), 2);
}

#[test]
fn a_trace_leads_from_the_request_to_the_proof() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let Some(emulator) = Emulator::ministack() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let worker_log = folder.path().join("worker.log");
    let mut network = Network::deploy(emulator);
    prooflane(&network, &["deposit", "requester:operator", "100"]);
    network.start_worker(&worker_log);
    let range = prooflane_circuits::find("range@1").expect("a circuit");
    let task = json!({"circuit": "range@1", "inputs": range.example()}).to_string();
    let submitted = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--fail-with-body",
            "--data",
            &task,
        ])
        .args([
            "--header",
            &format!("Authorization: Bearer {}", network.operator_key),
        ])
        .args([
            "--header",
            &format!("traceparent: 00-{TRACE}-b7ad6b7169203331-01"),
        ])
        .arg(format!("{}/v1/tasks", network.url))
        .output()
        .expect("curl runs");
    let submitted: Value = serde_json::from_slice(&submitted.stdout).expect("a task");
    let id = submitted["task_id"].as_str().expect("an id");
    let until = Instant::now() + PATIENCE;
    while prooflane(&network, &["status", id])["status"] != "completed" {
        assert!(Instant::now() < until, "{submitted}");
    }
    let logged = |log: &str, what: &str| log.contains(TRACE) && log.contains(what);
    for (function, what) in [
        ("api", "submitted"),
        ("auction", "assigned"),
        ("verify", "completed"),
    ] {
        while !logged(&network.log(function), what) {
            assert!(
                Instant::now() < until,
                "{function}: {}",
                network.log(function)
            );
        }
    }
    network.drain_worker();
    let log = std::fs::read_to_string(worker_log).expect("a log");
    assert!(logged(&log, "claimed") && logged(&log, "proved"), "{log}");
    // Metrics, as CloudWatch takes them from a log.
    let metrics = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let proving: Option<Value> = metrics
        .filter(|line: &Value| line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Prooflane")
        .find(|line| !line["prooflane_prove_seconds"].is_null());
    let proving = proving.unwrap_or_else(|| panic!("{log}"));
    assert_eq!(proving["stage"], "dev");
}

/// `curl ARGS` as the operator; the answer's JSON.
fn curl(network: &Network, path: &str, args: &[&str]) -> Value {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--fail-with-body"])
        .args([
            "--header",
            &format!("Authorization: Bearer {}", network.operator_key),
        ])
        .args(args)
        .arg(format!("{}{path}", network.url))
        .output()
        .expect("curl runs");
    let answer = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{path}: {answer}");
    serde_json::from_str(&answer).expect("JSON")
}

#[test]
fn what_is_too_large_for_a_function_goes_through_the_bucket() {
    let Some(emulator) = Emulator::ministack() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let network = Network::deploy(emulator);
    prooflane(&network, &["deposit", "requester:operator", "1000"]);
    let prover = json!({"prover_id": "p", "capacity": 1}).to_string();
    curl(&network, "/v1/provers", &["--data", &prover]);
    let ask = json!({"price": 1, "capacity": 1}).to_string();
    curl(&network, "/v1/provers/p/asks", &["--data", &ask]);

    // A function takes 6 MB. Spaces, because checking as many leaves takes long.
    let leaves: Vec<_> = (0..2_000).map(|i| format!("0x{i:064x}")).collect();
    let inputs = json!({"leaves": leaves, "leaf_index": 3});
    let text = format!("{inputs}{}", " ".repeat(6_500_000));
    let file = folder.path().join("inputs.json");
    std::fs::write(&file, &text).expect("a file");
    let sha256 = hex::encode(Sha256::digest(&text));
    let begin = json!({"bytes": text.len(), "sha256": sha256}).to_string();
    let place = curl(&network, "/v1/uploads", &["--data", &begin]);
    let headers = place["headers"].as_object().expect("headers");
    assert!(headers.contains_key("x-amz-checksum-sha256"), "{place}");
    let mut put = Command::new("curl");
    put.args([
        "--silent",
        "--show-error",
        "--fail-with-body",
        "--request",
        "PUT",
    ]);
    put.arg("--data-binary").arg(format!("@{}", file.display()));
    for (name, value) in headers {
        put.args([
            "--header",
            &format!("{name}: {}", value.as_str().expect("text")),
        ]);
    }
    let put = put.arg(place["url"].as_str().expect("a URL")).output();
    let put = put.expect("curl runs");
    assert!(
        put.status.success(),
        "{}",
        String::from_utf8_lossy(&put.stdout)
    );

    let task = json!({"circuit": "merkle@1", "upload": place["upload"]}).to_string();
    let task = curl(&network, "/v1/tasks", &["--data", &task]);
    let until = Instant::now() + PATIENCE;
    let claim = json!({"max": 1, "wait_ms": 5_000}).to_string();
    let assignment = loop {
        assert!(Instant::now() < until, "{task}");
        let claimed = curl(&network, "/v1/provers/p/claim", &["--data", &claim]);
        if let Some(assignment) = claimed["assignments"].get(0) {
            break assignment.clone();
        }
    };
    assert_eq!(assignment["task_id"], task["task_id"]);
    assert_eq!(assignment["inputs"], Value::Null);
    let at = assignment["inputs_at"].as_str().expect("a URL");
    let fetched = Command::new("curl")
        .args(["--silent", "--fail", at])
        .output();
    let fetched = fetched.expect("curl runs").stdout;
    assert_eq!(
        serde_json::from_slice::<Value>(&fetched).expect("JSON"),
        inputs
    );
    no_invariant_is_broken(&network);
}

#[test]
fn a_worker_that_dies_costs_no_task() {
    let Some(emulator) = Emulator::ministack() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let mut network = Network::deploy(emulator);
    prooflane(&network, &["deposit", "requester:operator", "1000"]);
    let payment = prooflane_circuits::find("payment@1").expect("a circuit");
    let inputs = folder.path().join("inputs.json");
    std::fs::write(&inputs, payment.example().to_string()).expect("a file");
    let inputs = inputs.to_str().expect("a path");
    let tasks: Vec<Value> = (0..4)
        .map(|_| prooflane(&network, &["submit", "payment@1", "--inputs", inputs]))
        .collect();
    network.start_worker(&folder.path().join("first.log"));
    let until = Instant::now() + PATIENCE;
    let status = |network: &Network, task: &Value| {
        let id = task["task_id"].as_str().expect("an id");
        prooflane(network, &["status", id])["status"].clone()
    };
    while tasks
        .iter()
        .all(|task| status(&network, task) != "in_progress")
    {
        assert!(Instant::now() < until, "nothing was claimed");
        if tasks
            .iter()
            .any(|task| status(&network, task) == "completed")
        {
            // It was faster than this looks.
            break;
        }
    }
    network.kill_worker();
    network.start_worker(&folder.path().join("second.log"));
    for task in &tasks {
        while status(&network, task) != json!("completed") {
            assert!(
                Instant::now() < until,
                "{} of {task}",
                status(&network, task)
            );
            network.invoke("sweep", r#"{"schedule":"sweep"}"#);
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    no_invariant_is_broken(&network);
}
