use crate::harness::*;
use prooflane_coordinator::{Error, Inputs, Submission, UploadId};
use prooflane_market::PrivacyLevel;
use prooflane_store::PutMode;
use serde_json::{Value, json};

/// Leaves of a tree, as JSON.
fn leaves() -> (Value, Vec<u8>) {
    let leaves: Vec<_> = (0..2_000).map(|i| format!("0x{i:064x}")).collect();
    let inputs = json!({ "leaves": leaves, "leaf_index": 7 });
    let bytes = serde_json::to_vec(&inputs).unwrap();
    (inputs, bytes)
}

fn naming(n: u128, upload: UploadId) -> Submission {
    Submission {
        circuit: "merkle@1".into(),
        inputs: Inputs::Uploaded(upload),
        ..named(n)
    }
}

#[tokio::test]
async fn uploaded_inputs_are_those_of_the_task_and_the_upload_is_used_once() {
    let net = Net::open();
    let prover = net.prover("p", 40).await;
    let (inputs, bytes) = leaves();
    let upload = UploadId::of("alice", &bytes);
    net.upload("alice", upload, &bytes).await.unwrap();
    let submitted = net.submit(naming(1, upload)).await.unwrap();
    assert!(submitted.created);
    let here = net.submit(Submission {
        circuit: "merkle@1".into(),
        inputs: inputs.clone().into(),
        ..named(2)
    });
    let here = here.await.unwrap().record;
    assert_eq!(submitted.record.public_inputs, here.public_inputs);

    // Whoever was not answered sends it again.
    let again = net.submit(naming(1, upload)).await.unwrap();
    assert!(!again.created);
    assert_eq!(again.record.task.id(), submitted.record.task.id());
    assert_eq!(code(net.submit(naming(3, upload)).await), "unknown_upload");
    assert_eq!(code(net.submit(naming(2, upload)).await), "task_id_reused");

    net.auction().await;
    let claimed = net.claimed(&prover).await;
    assert_eq!(claimed.len(), 1, "one with large inputs at a time");
    assert_eq!(claimed[0].inputs, inputs);
    let blob = claimed[0].input_blob.as_deref().unwrap();
    let stored = net.blobs.get(blob).await.unwrap().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&stored).unwrap(), inputs);
    net.conserved().await;
}

#[tokio::test]
async fn an_upload_is_its_requesters_and_holds_what_was_announced() {
    let net = Net::open();
    let (_, bytes) = leaves();
    let upload = UploadId::of("alice", &bytes);
    let refused = |result: Result<(), Error>| code(result);
    let other = net.upload("alice", upload, &bytes[1..]).await;
    assert_eq!(refused(other), "invalid_request");
    let other = net.upload("mallory", upload, &bytes).await;
    assert_eq!(refused(other), "invalid_request");
    assert_eq!(code(net.submit(naming(1, upload)).await), "unknown_upload");

    net.upload("alice", upload, &bytes).await.unwrap();
    let stolen = Submission {
        requester: "mallory".into(),
        ..naming(1, upload)
    };
    assert_eq!(code(net.submit(stolen).await), "unknown_upload");
    let private = Submission {
        privacy_level: PrivacyLevel::try_from(2).unwrap(),
        ..naming(1, upload)
    };
    assert_eq!(code(net.submit(private).await), "invalid_request");

    // A blob store that took other bytes under that name has not taken the upload.
    let blob = upload.blob();
    let put = net.blobs.put(&blob, b"{}", PutMode::Overwrite);
    put.await.unwrap();
    assert_eq!(code(net.submit(naming(1, upload)).await), "unknown_upload");
    net.conserved().await;
}

#[tokio::test]
async fn what_is_no_json_is_refused_without_being_shown() {
    let net = Net::open();
    let bytes = b"{\"leaves\": hunter2";
    let upload = UploadId::of("alice", bytes);
    net.upload("alice", upload, bytes).await.unwrap();
    let refused = net.submit(naming(1, upload)).await.err().unwrap();
    assert_eq!(refused.code(), "invalid_inputs");
    assert!(!refused.to_string().contains("hunter2"), "{refused}");
}

#[tokio::test]
async fn the_start_of_a_network_drops_what_was_not_used() {
    let net = Net::open();
    for n in 0..150_u8 {
        let bytes = [n];
        let upload = UploadId::of("alice", &bytes);
        net.upload("alice", upload, &bytes).await.unwrap();
    }
    net.drop_uploads().await.unwrap();
    assert_eq!(net.blobs.list("uploads/", None, 10).await.unwrap(), [""; 0]);
}
