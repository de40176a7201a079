use crate::harness::*;
use prooflane_coordinator::Submission;
use prooflane_market::{Millis, PrivacyLevel, TaskId};
use prooflane_store::ManualClock;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::Arc;

const SECRET: &str = "271828182845904523536028747135266249775724709";

fn private(level: u8, inputs: Value) -> Submission {
    Submission {
        privacy_level: PrivacyLevel::try_from(level).unwrap(),
        inputs: inputs.into(),
        ..submission()
    }
}

fn secret_inputs() -> Value {
    let mut inputs = range_inputs();
    inputs["blinding"] = json!(SECRET);
    inputs
}

/// Many leaves: as JSON more than the table takes inline.
fn large_inputs() -> Value {
    let leaves: Vec<_> = (0..1_000).map(|i| format!("0x{i:064x}")).collect();
    json!({ "leaves": leaves, "leaf_index": 2 })
}

/// Whether any file below `dir` holds these bytes.
fn on_disk(dir: &Path, needle: &str) -> bool {
    fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return on_disk(&path, needle);
        }
        let bytes = fs::read(path).unwrap();
        bytes.windows(needle.len()).any(|w| w == needle.as_bytes())
    })
}

/// Who may prove at every level.
async fn insider(net: &Net) -> prooflane_market::ProverId {
    let id = net.register("own", true, true).await;
    net.place_ask(&id, ask(40)).await.unwrap();
    id
}

#[tokio::test]
async fn from_level_two_inputs_are_encrypted_at_rest_and_the_key_goes_with_the_task() {
    for level in [1, 2, 3] {
        let dir = tempfile::tempdir().unwrap();
        let net = Net::on_disk(dir.path(), Arc::new(ManualClock::new(START)));
        let prover = insider(&net).await;
        let task = private(level, secret_inputs());
        let id = net.submit(task).await.unwrap().record.task.id();
        assert_eq!(on_disk(dir.path(), SECRET), level == 1, "level {level}");
        assert_eq!(net.has_input_key(id).await, level > 1);
        net.auction().await;
        let assignment = net.claimed(&prover).await.remove(0);
        assert_eq!(assignment.inputs, secret_inputs());
        let proof = proof_of("range@1", &assignment.inputs);
        assert!(net.accept(&prover, id, 1, &proof).await.unwrap().accepted);
        assert!(!net.has_input_key(id).await);
        assert_eq!(on_disk(dir.path(), SECRET), level == 1, "level {level}");
        net.conserved().await;
    }
}

#[tokio::test]
async fn however_a_private_task_ends_its_key_is_gone() {
    let net = Net::open();
    let prover = insider(&net).await;
    let submit = async |change: fn(&mut Submission)| {
        let mut task = private(2, range_inputs());
        change(&mut task);
        let id: TaskId = net.submit(task).await.unwrap().record.task.id();
        assert!(net.has_input_key(id).await);
        id
    };
    let cancelled = submit(|_| ()).await;
    net.cancel(cancelled).await.unwrap();
    let failed = submit(|s| s.max_attempts = Some(1)).await;
    net.auction().await;
    net.fail(&prover, failed, 1, "").await.unwrap();
    let expired = submit(|s| s.deadline = Some(prooflane_market::Timestamp(START + 1))).await;
    net.later(Millis(1)).await;
    for id in [cancelled, failed, expired] {
        assert!(net.status(id).await.is_terminal());
        assert!(!net.has_input_key(id).await);
    }
    net.conserved().await;
}

#[tokio::test]
async fn each_private_task_has_a_key_of_its_own() {
    let net = Net::open();
    let mut sealed = Vec::new();
    for _ in 0..2 {
        let task = private(2, range_inputs());
        let id = net.submit(task).await.unwrap().record.task.id();
        let key = prooflane_store::Key::new(format!("task#{id}"), "input");
        sealed.push(net.table.get(&key).await.unwrap().unwrap().body);
    }
    assert_ne!(sealed[0], sealed[1]);
}

#[tokio::test]
async fn large_inputs_are_kept_in_the_blob_store_encrypted_like_small_ones() {
    let leaf = format!("0x{:064x}", 999);
    for level in [1, 2] {
        let dir = tempfile::tempdir().unwrap();
        let net = Net::on_disk(dir.path(), Arc::new(ManualClock::new(START)));
        let prover = insider(&net).await;
        let task = Submission {
            circuit: "merkle@1".into(),
            ..private(level, large_inputs())
        };
        let record = net.submit(task).await.unwrap().record;
        assert!(record.input.blob.is_some());
        assert_eq!(on_disk(dir.path(), &leaf), level == 1, "level {level}");
        net.auction().await;
        assert_eq!(net.claimed(&prover).await[0].inputs, large_inputs());
        net.conserved().await;
    }
}
