//! Statements of the dataset ledger as tasks: their witness is in the inputs or in an upload, their proof is evidence.

use crate::harness::*;
use prooflane_coordinator::{Catalogue, Entry, Error, Inputs, Submission, UploadId};
use prooflane_ledger::task::{self, Place, Sealed};
use prooflane_ledger::{Evidence, Witness};
use prooflane_market::{
    CommitmentDigest, Credits, Millis, PrivacyLevel, ProverId, Rules, Status, TaskId, Timestamp,
};
use prooflane_store::PutMode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

fn net() -> Net {
    let entries = [Entry::Statements, range_entry()];
    let catalogue = Catalogue::from_iter(entries);
    Net::with(Rules::open(), catalogue, |table| table)
}

fn inputs_of(json: &Value) -> task::Inputs {
    task::Inputs::deserialize(json).unwrap()
}

fn statement(n: u128, inputs: Value) -> Submission {
    Submission {
        circuit: task::CIRCUIT.into(),
        inputs: inputs.into(),
        ..named(n)
    }
}

/// The example with its witness in an upload: the inputs, and what is uploaded.
fn sealed() -> (Value, UploadId, Vec<u8>) {
    let here = inputs_of(&task::Inputs::example());
    let instance = here.instance();
    let (key, bytes) = here.witness(None).unwrap().seal(&instance).unwrap();
    let upload = UploadId::of("alice", &bytes);
    let place = Place::Sealed(Sealed::new(upload.to_string(), &key));
    let inputs = task::Inputs::of(instance, place);
    (serde_json::to_value(inputs).unwrap(), upload, bytes)
}

fn evidence_of(inputs: &Value, uploaded: Option<&[u8]>) -> Vec<u8> {
    let evidence = inputs_of(inputs).prove(uploaded).unwrap();
    evidence.to_bytes().unwrap()
}

/// Evidence of the same statement under another name of the dataset.
fn other_evidence() -> Vec<u8> {
    let example = task::Inputs::example();
    let mut evidence = Evidence::from_bytes(&evidence_of(&example, None)).unwrap();
    evidence.inputs[0].name.push('x');
    evidence.to_bytes().unwrap()
}

async fn witnesses(net: &Net) -> Vec<String> {
    net.blobs.list("inputs/", None, 10).await.unwrap()
}

#[tokio::test]
async fn a_statement_is_proved_verified_and_paid_like_any_task() {
    let net = net();
    let prover = net.prover("p", 40).await;
    let example = task::Inputs::example();
    let submitted = net.submit(statement(1, example.clone())).await.unwrap();
    let (record, id) = (submitted.record.clone(), submitted.record.task.id());
    let digest = inputs_of(&example).instance().digest().to_string();
    assert_eq!(
        (&record.public_inputs, &*record.key_id),
        (&vec![digest], task::VERIFIER)
    );

    net.auction().await;
    let assignment = net.claimed(&prover).await.remove(0);
    assert_eq!(assignment.inputs, example);
    assert_eq!(code(net.witness(&prover, id).await), "no_witness");
    let evidence = evidence_of(&assignment.inputs, None);
    let verdict = net.accept(&prover, id, 1, &evidence).await.unwrap();
    assert!(verdict.accepted);
    assert_eq!(
        net.accept(&prover, id, 1, &evidence).await.unwrap(),
        verdict
    );
    assert_eq!(net.proof(id).await.unwrap().proof, evidence);
    let blob = net.evidence_blob(id).await.unwrap();
    assert_eq!(net.blobs.get(&blob).await.unwrap().unwrap(), evidence);
    let public = &record.public_inputs;
    assert!(
        net.verifies_for(task::CIRCUIT, public, &evidence)
            .await
            .unwrap()
    );
    assert!(
        !net.verifies_for(task::CIRCUIT, public, &other_evidence())
            .await
            .unwrap()
    );
    net.conserved().await;
}

#[tokio::test]
async fn a_witness_that_was_uploaded_is_its_provers_alone_and_gone_with_the_task() {
    for level in [1, 3] {
        let net = net();
        let prover = net.register("own", true, true).await;
        net.place_ask(&prover, ask(40)).await.unwrap();
        let stranger = net.register("stranger", false, false).await;
        let (inputs, upload, bytes) = sealed();
        let task = || Submission {
            privacy_level: PrivacyLevel::try_from(level).unwrap(),
            ..statement(1, inputs.clone())
        };
        assert_eq!(code(net.submit(task()).await), "unknown_upload");
        net.upload("alice", upload, &bytes).await.unwrap();
        let id = net.submit(task()).await.unwrap().record.task.id();
        // It is used once; whoever was not answered sends the task again.
        assert_eq!(net.blobs.list("uploads/", None, 10).await.unwrap(), [""; 0]);
        assert!(!net.submit(task()).await.unwrap().created);
        assert_eq!(witnesses(&net).await.len(), 1, "level {level}");

        assert_eq!(code(net.witness(&prover, id).await), "not_assigned");
        net.auction().await;
        let assignment = net.claimed(&prover).await.remove(0);
        assert_eq!(assignment.inputs, inputs);
        assert_eq!(code(net.witness(&stranger, id).await), "not_assigned");
        let brought = net.witness(&prover, id).await.unwrap();
        assert_eq!(brought, bytes);
        assert!(net.fsck().await.unwrap().is_empty());
        let here = inputs_of(&inputs).with_witness(&brought).unwrap();
        let evidence = evidence_of(&serde_json::to_value(here).unwrap(), None);
        assert!(
            net.accept(&prover, id, 1, &evidence)
                .await
                .unwrap()
                .accepted
        );
        assert_eq!(witnesses(&net).await, [""; 0], "level {level}");
        assert!(net.fsck().await.unwrap().is_empty());
        assert_eq!(code(net.witness(&prover, id).await), "not_assigned");
        net.conserved().await;
    }
}

#[tokio::test]
async fn however_the_task_ends_its_witness_is_gone_and_until_then_it_is_missed() {
    let net = net();
    let prover = net.prover("p", 40).await;
    let submit = async |n: u128, change: fn(&mut Submission)| {
        let (inputs, upload, bytes) = sealed();
        net.upload("alice", upload, &bytes).await.unwrap();
        let mut task = statement(n, inputs);
        change(&mut task);
        net.submit(task).await.unwrap().record.task.id()
    };
    let cancelled = submit(1, |_| ()).await;
    net.cancel(cancelled).await.unwrap();
    let failed = submit(2, |s| s.max_attempts = Some(1)).await;
    net.auction().await;
    net.fail(&prover, failed, 1, "").await.unwrap();
    let expired = submit(3, |s| s.deadline = Some(Timestamp(START + 1))).await;
    net.later(Millis(1)).await;
    for id in [cancelled, failed, expired] {
        assert!(net.status(id).await.is_terminal());
    }
    assert_eq!(witnesses(&net).await, [""; 0]);

    let open = submit(4, |_| ()).await;
    let blob = witnesses(&net).await.remove(0);
    let bytes = net.blobs.get(&blob).await.unwrap().unwrap();
    net.blobs.delete(&blob).await.unwrap();
    let found = net.fsck().await.unwrap();
    let codes: Vec<_> = found.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["witness_missing"]);
    net.blobs
        .put(&blob, &bytes, PutMode::IfAbsent)
        .await
        .unwrap();
    net.cancel(open).await.unwrap();
    // One that could not be deleted is named.
    net.blobs
        .put(&blob, &bytes, PutMode::IfAbsent)
        .await
        .unwrap();
    let found = net.fsck().await.unwrap();
    let codes: Vec<_> = found.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["blob_unnamed"]);
}

#[tokio::test]
async fn what_is_false_or_of_other_data_is_refused_before_anybody_pays() {
    let net = net();
    let example = task::Inputs::example();
    let refused = async |n: u128, change: &dyn Fn(&mut Value)| {
        let mut inputs = example.clone();
        change(&mut inputs);
        let refused = net.submit(statement(n, inputs)).await.err().unwrap();
        assert_eq!(refused.code(), "invalid_inputs", "{refused}");
        refused.to_string()
    };
    let claim = "/statement/count/count";
    let of = |inputs: &Value| inputs.pointer(claim).unwrap().as_u64().unwrap();
    let lie = refused(1, &|inputs| {
        *inputs.pointer_mut(claim).unwrap() = json!(of(inputs) + 1)
    })
    .await;
    assert!(lie.contains("false"));
    let root = "/inputs/0/roots/0";
    let other = "00".repeat(32);
    let data = refused(2, &|inputs| {
        *inputs.pointer_mut(root).unwrap() = json!(other)
    })
    .await;
    assert!(data.contains("not those of"));
    let none = refused(3, &|inputs| inputs["witness"] = json!({"here": ""})).await;
    assert!(none.contains("first line"));
    let text = refused(4, &|inputs| inputs["witness"] = json!({"here": "hunter2!"})).await;
    assert!(
        text.contains("base64") && !text.contains("hunter2"),
        "{text}"
    );
    let form = refused(5, &|inputs| inputs["secret"] = json!("hunter2")).await;
    assert!(!form.contains("hunter2"), "{form}");
    let project = json!({"project": {"columns": ["amount"]}});
    let nothing = refused(6, &|inputs| {
        inputs["outputs"] = inputs["inputs"].clone();
        inputs["statement"] = project.clone();
    })
    .await;
    assert!(nothing.contains("that has proofs"));

    // A key that is another's, and an upload that is.
    let (mut inputs, upload, bytes) = sealed();
    net.upload("alice", upload, &bytes).await.unwrap();
    let stolen = Submission {
        requester: "mallory".into(),
        ..statement(7, inputs.clone())
    };
    assert_eq!(code(net.submit(stolen).await), "unknown_upload");
    inputs["witness"]["sealed"]["key"] = json!(other);
    assert_eq!(
        code(net.submit(statement(8, inputs)).await),
        "invalid_inputs"
    );
    assert_eq!(net.spent().await, 0);
    assert_eq!(witnesses(&net).await, [""; 0]);
    net.conserved().await;
}

#[tokio::test]
async fn evidence_of_anything_else_is_rejected_and_what_is_none_costs_nobody_anything() {
    let net = net();
    let prover = net.prover("p", 40).await;
    let submitted = net.submit(statement(1, task::Inputs::example())).await;
    let id = submitted.unwrap().record.task.id();
    net.auction().await;
    net.claimed(&prover).await;
    let mut cut = other_evidence();
    cut.pop();
    for malformed in [&**PROOF, b"prooflane-evidence/1\n", &*cut] {
        let refused = net.accept(&prover, id, 1, malformed).await;
        assert_eq!(code(refused), "malformed_proof");
        assert_eq!(net.status(id).await, Status::InProgress);
    }
    let lie = net.accept(&prover, id, 1, &other_evidence()).await;
    assert!(!lie.unwrap().accepted);
    assert_eq!(net.status(id).await, Status::Pending);
    // And evidence is no proof of a circuit.
    let range = net.submit(Submission { ..named(2) }).await.unwrap();
    let range = range.record.task.id();
    let other = net.prover("q", 30).await;
    net.auction().await;
    net.claimed(&other).await;
    let refused = net.accept(&other, range, 1, &other_evidence()).await;
    assert_eq!(code(refused), "malformed_proof");
    assert!(net.accept(&other, range, 1, &PROOF).await.unwrap().accepted);
    assert_eq!(code(net.evidence_blob(range).await), "no_evidence");
    assert_eq!(code(net.evidence_blob(id).await), "no_proof");
    net.conserved().await;
}

#[tokio::test]
async fn what_the_fleet_hands_in_is_verified_from_its_blob() {
    let net = net();
    let fleet = net.prover("fleet", 40).await;
    let hand_in = async |n: u128, evidence: &[u8]| {
        let submitted = net.submit(statement(n, task::Inputs::example())).await;
        let id: TaskId = submitted.unwrap().record.task.id();
        net.auction().await;
        let pulled = net.pull(&fleet, 1, Duration::ZERO).await.unwrap();
        assert_eq!(pulled[0].assignment.task_id, id);
        net.hand_in(&fleet, id, 1, evidence).await.unwrap();
        let message = prooflane_coordinator::ResultMessage {
            prover: fleet.clone(),
            task: id,
            attempt: 1,
        };
        net.accept_handed_in(&message).await.unwrap().accepted
    };
    assert!(hand_in(1, &evidence_of(&task::Inputs::example(), None)).await);
    assert!(!hand_in(2, &other_evidence()).await);
    net.conserved().await;
}

#[tokio::test]
async fn a_late_statement_is_fulfilled_by_whoever_committed_to_its_evidence() {
    let net = net();
    let slow = net.prover("slow", 40).await;
    let fast = net.prover("fast", 90).await;
    let (inputs, upload, bytes) = sealed();
    net.upload("alice", upload, &bytes).await.unwrap();
    let id = net
        .submit(statement(1, inputs))
        .await
        .unwrap()
        .record
        .task
        .id();
    net.auction().await;
    net.claimed(&slow).await;
    let heartbeats = async |by: &ProverId| -> Result<(), Error> {
        net.clock.advance(Duration::from_secs(5));
        net.heartbeat(by, id, 1).await.map(drop)
    };
    let open_from = async || net.task(id).await.unwrap().task.open_from;
    for _ in 0..100 {
        heartbeats(&slow).await.unwrap();
        if open_from().await.is_some_and(|at| at <= net.now()) {
            break;
        }
    }
    assert_eq!(code(net.witness(&fast, id).await), "not_assigned");
    let task = net.join(&fast, id).await.unwrap();
    let brought = net.witness(&fast, id).await.unwrap();
    let evidence = evidence_of(&task.inputs, Some(&brought));
    let salt = [9; 32];
    let digest = CommitmentDigest::of(id, &fast, &evidence, &salt);
    net.commit_to(&fast, id, digest).await.unwrap();
    net.clock.advance(Duration::from_secs(6));
    let verdict = net.reveal(&fast, id, &evidence, &salt).await.unwrap();
    assert!(verdict.accepted);
    assert_eq!(net.proof(id).await.unwrap().proof, evidence);
    assert_eq!(witnesses(&net).await, [""; 0]);
    net.conserved().await;
}

#[tokio::test]
async fn inputs_may_be_uploaded_too_and_large_ones_are_refused() {
    let net = net();
    let inputs = serde_json::to_vec(&task::Inputs::example()).unwrap();
    let upload = UploadId::of("alice", &inputs);
    net.upload("alice", upload, &inputs).await.unwrap();
    let task = Submission {
        circuit: task::CIRCUIT.into(),
        inputs: Inputs::Uploaded(upload),
        ..named(1)
    };
    assert!(net.submit(task).await.unwrap().created);

    let large = vec![b' '; UploadId::INPUT_BYTES + 1];
    let upload = UploadId::of("alice", &large);
    net.upload("alice", upload, &large).await.unwrap();
    let task = Submission {
        inputs: Inputs::Uploaded(upload),
        ..named(2)
    };
    assert_eq!(code(net.submit(task).await), "invalid_request");
}

#[test]
fn a_witness_has_one_key() {
    let (inputs, _, bytes) = sealed();
    let (other, ..) = sealed();
    let instance = inputs_of(&inputs).instance();
    let with = |inputs: &Value| inputs_of(inputs).witness(Some(&bytes));
    assert!(with(&inputs).is_ok() && with(&other).is_err());
    assert!(Witness::open(&instance, &[0; 32].into(), &bytes).is_err());
}

#[tokio::test]
async fn credit_is_looked_at_before_columns_are_and_a_repeat_needs_none() {
    let net = net();
    let all = Credits(Rules::open().requester_grant.0);
    let (inputs, upload, bytes) = sealed();
    let dear = |n: u128| Submission {
        reward_amount: all,
        ..statement(n, inputs.clone())
    };
    net.upload("alice", upload, &bytes).await.unwrap();
    assert!(net.submit(dear(1)).await.unwrap().created);
    assert_eq!(net.balance("requester:alice").await, 0);
    assert!(!net.submit(dear(1)).await.unwrap().created);
    assert_eq!(witnesses(&net).await.len(), 1);
    // Not even whether there is an upload.
    let refused = net.submit(dear(2)).await;
    assert_eq!(code(refused), "insufficient_credits");
    net.conserved().await;
}

#[tokio::test]
async fn of_two_submissions_of_one_task_at_once_one_makes_it_and_both_have_it() {
    for _ in 0..4 {
        let net = net();
        let (inputs, upload, bytes) = sealed();
        net.upload("alice", upload, &bytes).await.unwrap();
        let submit = || net.submit(statement(1, inputs.clone()));
        let (a, b) = tokio::join!(submit(), submit());
        let created = [a, b].map(|submitted| submitted.unwrap().created);
        assert_eq!(created.iter().filter(|created| **created).count(), 1);
        assert_eq!(witnesses(&net).await.len(), 1);
        assert!(net.fsck().await.unwrap().is_empty());
    }
}
