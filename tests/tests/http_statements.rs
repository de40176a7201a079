//! Statements of the dataset ledger as tasks, over HTTP.
#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use prooflane_client::wire::{
    Claim, EvidenceAt, PlaceAsk, ProofForm, RegisterProver, SubmitResult, SubmitTask, VerifyOne,
    VerifyRequest,
};
use prooflane_client::{Client, ClientError};
use prooflane_coordinator::{ApiKey, Role};
use prooflane_engine::Keys;
use prooflane_ledger::Evidence;
use prooflane_ledger::task;
use prooflane_tests::ledger::{example, sealed_example};
use prooflane_tests::net::{Network, one_prover};
use prooflane_worker::{Drain, Offer, Remote, Summary};
use serde_json::json;
use std::sync::Arc;

fn code<T>(answer: Result<T, ClientError>) -> String {
    let error = answer.err().unwrap();
    error.code().unwrap_or_else(|| panic!("{error}")).to_owned()
}

/// A client with a key of an account's.
async fn account(network: &Network, name: &str, role: Role) -> Client {
    let record = ApiKey {
        name: name.into(),
        roles: vec![role],
    };
    let key = network.node.coordinator.create_api_key(&record).await;
    Client::new(&network.node.url(), Some(key.unwrap())).unwrap()
}

async fn prover_by_hand(client: &Client, name: &str) {
    let register = RegisterProver {
        prover_id: Some(name.into()),
        capacity: 1,
        fleet: false,
        trusted: false,
    };
    client.register(&register).await.unwrap();
    let ask = PlaceAsk {
        ask_id: None,
        circuits: vec![task::CIRCUIT.into()],
        price: 10,
        capacity: 1,
        levels: vec![1],
        promised_ms: 10_000,
        expires_at: None,
    };
    client.place_ask(name, &ask).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prover_elsewhere_fetches_the_witness_and_uploads_the_evidence() {
    let network = Network::with(|config| config.open = Some(false)).await;
    let alice = account(&network, "alice", Role::Requester).await;
    let operator = account(&network, "boss", Role::Operator).await;
    let deposit = json!({"deposit_id": "d", "amount": 1000});
    let deposit = serde_json::from_value(deposit).unwrap();
    operator.deposit("requester:alice", &deposit).await.unwrap();
    let pat = account(&network, "pat", Role::Prover).await;
    let deposit = json!({"deposit_id": "p", "amount": 1000});
    let deposit = serde_json::from_value(deposit).unwrap();
    operator.deposit("prover:p", &deposit).await.unwrap();

    let keys = tempfile::tempdir().unwrap();
    let remote = Remote::new(pat.clone(), Keys::open(keys.path()).unwrap());
    let drain = Drain::default();
    let mut offer = Offer::new("p", 40, 1);
    offer.circuits = vec![task::CIRCUIT.into()];
    offer.warm = true;
    let working = prooflane_worker::run(Arc::new(remote), offer, drain.clone());
    let working = tokio::spawn(working);

    let mut ids = Vec::new();
    for inputs in [task::Inputs::example(), sealed_example(&alice).await] {
        let task = alice.submit(&SubmitTask::new(task::CIRCUIT, inputs)).await;
        let task = task.unwrap();
        let digest = example().instance().digest().to_string();
        assert_eq!(
            (task.public_inputs, &*task.key_id),
            (vec![digest], task::VERIFIER)
        );
        alice.wait_until_proved(task.task_id).await.unwrap();
        let bytes = alice.task_evidence(task.task_id).await.unwrap();
        let evidence = Evidence::from_bytes(&bytes).unwrap();
        assert_eq!(evidence.instance(), example().instance());
        assert!(evidence.verify().unwrap().security_bits > Some(90.0));
        ids.push(task.task_id);
    }
    drain.start();
    let proved = Summary {
        proved: 2,
        failed: 0,
    };
    assert_eq!(working.await.unwrap().unwrap(), proved);
    // It is alice's, and it is no proof of 128 bytes.
    assert_eq!(code(alice.proof(ids[0]).await), "not_groth16");
    let mallory = account(&network, "mallory", Role::Requester).await;
    assert_eq!(code(mallory.task_evidence(ids[0]).await), "forbidden");
    // Keys were not made for it, and uploads are used up.
    assert_eq!(std::fs::read_dir(keys.path()).unwrap().count(), 0);
    let uploads = network
        .node
        .coordinator
        .ports()
        .blobs
        .list("uploads/", None, 10);
    assert_eq!(uploads.await.unwrap(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_listed_beside_the_circuits_and_has_no_keys() {
    let network = Network::start(one_prover()).await;
    let client = &network.client;
    let circuits = client.circuits().await.unwrap().circuits;
    let listed = circuits.iter().find(|circuit| circuit.id == task::CIRCUIT);
    let listed = listed.unwrap();
    assert_eq!(
        (listed.constraints, &*listed.provenance),
        (None, "transparent")
    );
    assert_eq!(listed.public_inputs, ["instance"]);
    for key in ["verifying-key", "proving-key"] {
        let id = task::CIRCUIT.replace('/', "%2F");
        let path = network.at(&format!("/v1/circuits/{id}/{key}"));
        let answer = network.send(network.http.get(path)).await;
        answer.refused("not_groth16");
    }

    // What is listed can be proved as it is listed, also by clients that know other routes.
    let task = SubmitTask::new(task::CIRCUIT, listed.example.clone());
    let id = client.submit(&task).await.unwrap().task_id;
    client.wait_until_proved(id).await.unwrap();
    network
        .get(&format!("/api/v1/proofs/{id}"))
        .await
        .refused("not_groth16");
    network
        .get(&format!("/v1/tasks/{id}/proof"))
        .await
        .refused("not_groth16");
    let range = prooflane_circuits::find("range@1").unwrap().example();
    let range = SubmitTask::new("range@1", range);
    let range = client.submit(&range).await.unwrap().task_id;
    client.wait_for_proof(range).await.unwrap();
    assert_eq!(code(client.task_evidence(range).await), "no_evidence");
    let witness = format!("/v1/tasks/{range}/witness?prover_id=prover-1");
    network.get(&witness).await.refused("not_assigned");

    // Whoever is shown evidence can have it verified.
    let evidence = client.task_evidence(id).await.unwrap();
    let verified = async |evidence: &[u8], public: &str| {
        let upload = client.upload(None, evidence.to_vec()).await.unwrap();
        let one = VerifyRequest::One(VerifyOne {
            circuit: task::CIRCUIT.into(),
            proof: ProofForm::Uploaded(EvidenceAt { upload }),
            public_inputs: vec![public.into()],
        });
        client.verify(&one).await.unwrap().verified
    };
    let digest = example().instance().digest().to_string();
    assert!(verified(&evidence, &digest).await);
    assert!(!verified(&evidence, &"00".repeat(32)).await);
    assert!(!verified(&evidence[1..], &digest).await);
    assert!(!verified(&evidence, "12").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_evidence_costs_a_prover_nothing_and_other_evidence_the_attempt() {
    let network = Network::start(Vec::new()).await;
    let client = &network.client;
    for name in ["p", "q"] {
        prover_by_hand(client, name).await;
    }
    let inputs = sealed_example(client).await;
    let submitted = client.submit(&SubmitTask::new(task::CIRCUIT, inputs)).await;
    let task = submitted.unwrap().task_id;
    let claim = Claim {
        max: 1,
        wait_ms: 25_000,
        holding: None,
    };
    let assignment = client
        .claim("p", &claim)
        .await
        .unwrap()
        .assignments
        .remove(0);
    assert_eq!(code(client.witness("q", task).await), "not_assigned");
    let witness = client.witness("p", task).await.unwrap();
    let inputs: task::Inputs = serde_json::from_value(assignment.inputs).unwrap();
    let evidence = inputs.prove(Some(&witness)).unwrap();

    let hand_in = async |proof: ProofForm| {
        let result = SubmitResult {
            prover_id: "p".into(),
            proof,
        };
        client.result(task, assignment.attempt, &result).await
    };
    let uploaded = async |bytes: &[u8]| {
        let upload = client.upload(None, bytes.to_vec()).await.unwrap();
        hand_in(ProofForm::Uploaded(EvidenceAt { upload })).await
    };
    let upload = "00".repeat(32);
    let missing = hand_in(ProofForm::Uploaded(EvidenceAt { upload })).await;
    assert_eq!(code(missing), "unknown_upload");
    let compact = hand_in(ProofForm::Compact("0x00".into())).await;
    assert_eq!(code(compact), "malformed_proof");
    assert_eq!(code(uploaded(b"nothing").await), "malformed_proof");
    assert_eq!(client.task(task).await.unwrap().attempts.len(), 1);

    let mut other = evidence.clone();
    other.inputs[0].name.push('x');
    let other = other.to_bytes().unwrap();
    assert!(!uploaded(&other).await.unwrap().accepted);
    let attempts = client.task(task).await.unwrap().attempts;
    assert_eq!(attempts[0].end.as_deref(), Some("invalid"));
    let again = client
        .claim("q", &claim)
        .await
        .unwrap()
        .assignments
        .remove(0);
    let result = |proof| SubmitResult {
        prover_id: "q".into(),
        proof,
    };
    let upload = client.upload(None, evidence.to_bytes().unwrap()).await;
    let proof = ProofForm::Uploaded(EvidenceAt {
        upload: upload.unwrap(),
    });
    let verdict = client.result(task, again.attempt, &result(proof)).await;
    assert!(verdict.unwrap().accepted);
}
