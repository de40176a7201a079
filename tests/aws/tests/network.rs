//! The whole network as it is deployed: functions as processes behind the emulator's gateway, queues
//! and schedules, workers that pull from SQS, real proofs.

use prooflane_tests::binary::command;
use prooflane_tests_aws::{Emulator, Network};
use serde_json::{Value, json};
use std::process::Command;
use std::time::{Duration, Instant};

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
    let log = std::fs::read_to_string(worker_log).expect("a log");
    assert!(logged(&log, "claimed") && logged(&log, "proved"), "{log}");
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
