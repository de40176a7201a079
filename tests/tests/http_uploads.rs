//! Inputs that are too large for a request.
#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use prooflane_client::wire::SubmitTask;
use prooflane_tests::net::{Network, one_prover};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Inputs of `merkle@1` over so many leaves.
fn leaves(count: usize) -> Value {
    let leaves: Vec<_> = (0..count).map(|i| format!("0x{i:064x}")).collect();
    json!({ "leaves": leaves, "leaf_index": count - 1 })
}

fn announced(bytes: &[u8]) -> Value {
    json!({"bytes": bytes.len(), "sha256": hex::encode(Sha256::digest(bytes))})
}

#[tokio::test]
async fn the_client_uploads_large_inputs_and_they_are_proved() {
    let network = Network::start(one_prover()).await;
    let inputs = leaves(16_000);
    let bytes = serde_json::to_vec(&inputs).unwrap().len();
    assert!(bytes > 1024 * 1024, "{bytes}");
    let mut task = SubmitTask::new("merkle@1", inputs);
    task.task_id = Some(uuid::Uuid::from_u128(7));
    task.requester = Some("jürg & co".into());
    let submitted = network.client.submit(&task).await.unwrap();
    let again = network.client.submit(&task).await.unwrap();
    assert_eq!(submitted.task_id, again.task_id);
    let proof = network.client.wait_for_proof(submitted.task_id).await;
    assert_eq!(proof.unwrap().public_inputs, submitted.public_inputs);
}

#[tokio::test]
async fn by_hand_it_takes_three_requests() {
    let network = Network::start(Vec::new()).await;
    let bytes = serde_json::to_vec(&leaves(8)).unwrap();
    let begun = network
        .post("/v1/uploads", announced(&bytes).to_string())
        .await;
    let begun = begun.ok();
    assert_eq!(begun["headers"], json!({}));
    let url = network.at(begun["url"].as_str().unwrap());
    let put = |bytes: Vec<u8>| network.send(network.http.put(&url).body(bytes));
    put(b"other bytes".to_vec())
        .await
        .refused("invalid_request");
    let task = json!({"circuit": "merkle@1", "upload": begun["upload"]});
    network
        .post("/v1/tasks", task.to_string())
        .await
        .refused("unknown_upload");
    assert_eq!(put(bytes.clone()).await.status, 204);
    assert_eq!(put(bytes).await.status, 204);

    let both = json!({"circuit": "merkle@1", "upload": begun["upload"], "inputs": {}});
    network
        .post("/v1/tasks", both.to_string())
        .await
        .refused("invalid_request");
    let private = json!({"circuit": "merkle@1", "upload": begun["upload"], "privacy_level": 2});
    network
        .post("/v1/tasks", private.to_string())
        .await
        .refused("invalid_request");
    network.post("/v1/tasks", task.to_string()).await.is(201);
    network
        .post("/v1/tasks", task.to_string())
        .await
        .refused("unknown_upload");
}

#[tokio::test]
async fn an_upload_has_its_limits() {
    let network = Network::start(Vec::new()).await;
    let digest = "00".repeat(32);
    for (bytes, sha256) in [(0, &*digest), (64 * 1024 * 1024 + 1, &*digest), (1, "00")] {
        let begin = json!({"bytes": bytes, "sha256": sha256});
        network
            .post("/v1/uploads", begin.to_string())
            .await
            .refused("invalid_request");
    }
    let path = network.at(&format!("/v1/uploads/{digest}"));
    let large = vec![b' '; 64 * 1024 * 1024 + 1];
    let put = network.send(network.http.put(path).body(large)).await;
    put.refused("body_too_large");
    let path = network.at("/v1/uploads/none");
    let put = network.send(network.http.put(path).body("{}")).await;
    put.refused("invalid_request");
}
