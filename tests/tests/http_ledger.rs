//! The dataset ledger over HTTP.
#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use prooflane::node::{Config, Node};
use prooflane_client::wire::ledger::Grant;
use prooflane_client::{Client, ClientError};
use prooflane_ledger::{Entry, Evidence, Ledger, Lineage, SealingKey, Transform, prove};
use prooflane_log::tile::{Level, Tile, entries};
use prooflane_log::{Hash, Kind as KeyKind, Policy, Receipt, SigningKey, VerifyingKey};
use prooflane_store::{DirBlobs, ManualClock, SqliteTable};
use prooflane_tests::ledger::{count, id, salaries};
use prooflane_tests::net::Network;
use serde_json::{Value, json};
use std::sync::Arc;
use tempfile::TempDir;
use uuid::Uuid;

#[track_caller]
fn refused<T>(outcome: Result<T, ClientError>, code: &str) {
    let error = outcome.err().unwrap();
    assert_eq!(error.code(), Some(code), "{error}");
}

#[tokio::test]
async fn what_is_recorded_is_shown_and_verifies_offline() {
    let network = Network::start(Vec::new()).await;
    let client = &network.client;
    let about = client.ledger().await.unwrap();
    assert_eq!((about.size, &*about.origin), (0, "localhost/ledger"));
    assert_eq!(about.log_keys, [&*network.node.log_key]);
    assert!(about.witness_key.is_none());

    let folder = tempfile::tempdir().unwrap();
    let (owned, notarized) = salaries(&folder, "numbers");
    let dataset = id(&owned);
    let operation = Uuid::from_u128(1);
    let first = client.record(operation, notarized.clone()).await.unwrap();
    assert_eq!((first.index, &*first.words), (0, "notarize"));
    assert_eq!(first.entry.outputs, [&*dataset]);
    let again = client.record(operation, notarized).await.unwrap();
    assert_eq!((again.index, &again.entry.time), (0, &first.entry.time));
    let evidence = count(owned);
    let second = client.record(Uuid::from_u128(2), evidence.clone()).await;
    let second = second.unwrap();
    assert_eq!(second.words, "count of rows with salary at least 5");
    assert_eq!(client.evidence(1).await.unwrap(), evidence);

    // Offline, with the log's key alone.
    let key: VerifyingKey = network.node.log_key.parse().unwrap();
    let receipt = client.operation_receipt(1).await.unwrap();
    let receipt: Receipt = receipt.parse().unwrap();
    let bytes = receipt.extra.clone().unwrap();
    let policy = Policy {
        log: vec![key.clone()],
        witnesses: Vec::new(),
        quorum: 0,
    };
    let signed = receipt.verify(&bytes, &policy).unwrap().clone();
    let entry = Entry::from_bytes(&bytes).unwrap();
    let read = Evidence::from_bytes(&evidence).unwrap();
    entry.check(&evidence, &read).unwrap();
    assert!(read.verify().unwrap().security_bits.unwrap() > 90.0);

    // The same from the log's own files, as any monitor reads them.
    let checkpoint = network.get("/v1/ledger/checkpoint").await;
    let checkpoint: prooflane_log::SignedCheckpoint = checkpoint.text.parse().unwrap();
    checkpoint.verify(&key).unwrap();
    assert_eq!(checkpoint.checkpoint(), &signed);
    let tile = async |level| {
        let tile = Tile::of_tree(level, 0, 2).unwrap();
        let url = network.at(&format!("/v1/ledger/{tile}"));
        let got = network.http.get(url).send().await.unwrap();
        assert_eq!(got.status(), 200);
        let cached = got.headers()["cache-control"].to_str().unwrap().to_owned();
        assert!(cached.contains("immutable"), "{cached}");
        got.bytes().await.unwrap()
    };
    let bundle = tile(Level::Entries).await;
    let leaves = entries(&bundle).unwrap();
    assert_eq!(leaves[1], bytes);
    let hashes: Vec<_> = leaves.iter().map(|leaf| Hash::of_leaf(leaf)).collect();
    let written: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
    assert_eq!(tile(Level::Hashes(0)).await, written);
    network
        .get("/v1/ledger/tile/0/001")
        .await
        .refused("no_tile");
    network
        .get("/v1/ledger/tile/0/1")
        .await
        .refused("invalid_request");

    // What is known of a dataset.
    let known = client.dataset(&dataset).await.unwrap();
    assert_eq!((known.made_by, &known.owner), (0, &None));
    assert_eq!(known.commitment["name"], "numbers");
    let lineage = serde_json::to_value(client.lineage(&dataset).await.unwrap()).unwrap();
    let lineage: Lineage = serde_json::from_value(lineage).unwrap();
    assert!(
        lineage.to_string().contains("#1 count of rows"),
        "{lineage}"
    );
    let of = client.dataset_operations(&dataset, None).await.unwrap();
    assert_eq!((of.operations.len(), of.next), (2, None));

    // Pages.
    let last = client.operations(None, 1).await.unwrap();
    assert_eq!((last.operations[0].index, last.next), (1, None));
    let first = client.operations(Some(0), 1).await.unwrap();
    assert_eq!(
        (first.operations[0].index, first.next.as_deref()),
        (0, Some("1"))
    );
    assert!(
        client
            .operations(Some(7), 1)
            .await
            .unwrap()
            .operations
            .is_empty()
    );
}

#[tokio::test]
async fn what_does_not_hold_is_refused() {
    let network = Network::start(Vec::new()).await;
    let client = &network.client;
    let folder = tempfile::tempdir().unwrap();
    let (owned, notarized) = salaries(&folder, "numbers");
    let dataset = id(&owned);
    let unknown = client.dataset(&dataset).await.map(drop);
    refused(unknown, "unknown_dataset");
    refused(client.lineage(&dataset).await.map(drop), "unknown_dataset");
    refused(
        client.dataset_operations(&dataset, None).await.map(drop),
        "unknown_dataset",
    );
    refused(client.operation(0).await.map(drop), "unknown_operation");
    refused(client.evidence(0).await.map(drop), "unknown_operation");
    refused(client.operation_receipt(0).await, "unknown_operation");
    refused(client.dataset("numbers").await.map(drop), "invalid_request");
    let largest = client.operation(u64::MAX).await.map(drop);
    refused(largest, "unknown_operation");
    for path in ["operations/x", "operations?limit=0", "operations?until=3"] {
        let answer = network.get(&format!("/v1/ledger/{path}")).await;
        answer.refused("invalid_request");
    }

    let operation = Uuid::from_u128(1);
    let claim = count(owned);
    let early = client.record(operation, claim.clone()).await.map(drop);
    refused(early, "unknown_dataset");
    let nonsense = client.record(operation, b"nonsense".to_vec()).await;
    refused(nonsense.map(drop), "invalid_evidence");
    client.record(operation, notarized.clone()).await.unwrap();
    let taken = client.record(operation, claim.clone()).await.map(drop);
    refused(taken, "operation_id_reused");
    let twice = client.record(Uuid::from_u128(2), notarized).await.map(drop);
    refused(twice, "dataset_recorded");
    let mut forged = claim.clone();
    *forged.last_mut().unwrap() ^= 1;
    let forged = client.record(Uuid::from_u128(3), forged).await.map(drop);
    refused(forged, "invalid_evidence");

    let made_up = client.dataset_operations(&dataset, Some("nonsense")).await;
    refused(made_up.map(drop), "invalid_request");

    // The upload of another does not serve, and one serves once.
    let upload = client.upload(None, claim).await.unwrap();
    let body = json!({"id": Uuid::from_u128(4), "upload": upload}).to_string();
    assert_eq!(
        network
            .post("/v1/ledger/operations", body.clone())
            .await
            .ok()["index"],
        1
    );
    network
        .post("/v1/ledger/operations", body)
        .await
        .refused("unknown_upload");
    let path = format!("/v1/ledger/datasets/{dataset}/permissions/bob");
    let grant = network.http.put(network.at(&path));
    let answer = network
        .send(grant.body(r#"{"permissions": ["own"]}"#))
        .await;
    assert!(answer.refused("invalid_request").contains("administer"));
}

#[tokio::test]
async fn a_ledger_whose_keys_are_lost_is_not_founded_again() {
    let Network { node, data, .. } = Network::start(Vec::new()).await;
    node.stop().await.unwrap();
    let again = Node::start(Config::loopback(data.path())).await.unwrap();
    again.stop().await.unwrap();
    std::fs::remove_file(data.path().join("log.keys")).unwrap();
    let refused = Node::start(Config::loopback(data.path())).await;
    let error = refused.err().unwrap().to_string();
    assert!(error.contains("log.keys is not there"), "{error}");
}

async fn closed() -> Network {
    Network::with(|config| config.open = Some(false)).await
}

async fn account(network: &Network, name: &str) -> Client {
    let file = network.node.operator_key.as_ref().unwrap();
    let file: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let key = file["api_key"].as_str().unwrap().to_owned();
    let url = network.node.url();
    let operator = Client::new(&url, Some(key)).unwrap();
    if name == "operator" {
        return operator;
    }
    let request = serde_json::from_value(json!({"name": name, "roles": ["requester"]}));
    let made = operator.create_key(&request.unwrap()).await.unwrap();
    Client::new(&url, Some(made.api_key)).unwrap()
}

#[tokio::test]
async fn accounts_do_and_see_what_they_may() {
    let network = closed().await;
    let alice = account(&network, "alice").await;
    let bob = account(&network, "bob").await;
    let operator = account(&network, "operator").await;
    let folder = tempfile::tempdir().unwrap();
    let (owned, notarized) = salaries(&folder, "numbers");
    let dataset = id(&owned);
    alice.record(Uuid::from_u128(1), notarized).await.unwrap();
    assert_eq!(
        bob.dataset(&dataset).await.unwrap().owner.as_deref(),
        Some("alice")
    );
    let claim = count(owned);
    let unasked = bob.record(Uuid::from_u128(2), claim.clone()).await;
    refused(unasked.map(drop), "forbidden");
    let grant = |permissions: &[&str]| Grant {
        permissions: permissions.iter().map(|of| (*of).to_owned()).collect(),
    };
    let own = bob.grant(&dataset, "bob", &grant(&["prove"])).await;
    refused(own, "forbidden");
    refused(bob.grants(&dataset).await.map(drop), "forbidden");
    let given = alice.grant(&dataset, "bob", &grant(&["prove"])).await;
    given.unwrap();
    let recorded = bob.record(Uuid::from_u128(2), claim.clone()).await.unwrap();
    assert_eq!(recorded.entry.by.as_deref(), Some("bob"));

    // Bounds and figures are for those who may read; that something was proved, and its receipt, are for all.
    refused(bob.evidence(1).await.map(drop), "forbidden");
    assert_eq!(recorded.words, "count");
    assert_eq!(bob.operation(1).await.unwrap().words, "count");
    assert_eq!(
        bob.operations(None, 9).await.unwrap().operations[1].words,
        "count"
    );
    assert_eq!(
        bob.lineage(&dataset).await.unwrap().operations[&1].words,
        "count"
    );
    assert!(bob.operation_receipt(1).await.is_ok());
    for reader in [&alice, &operator] {
        let words = reader.operation(1).await.unwrap().words;
        assert_eq!(words, "count of rows with salary at least 5");
        assert_eq!(reader.evidence(1).await.unwrap(), claim);
    }
    let more = grant(&["prove", "read"]);
    operator.grant(&dataset, "bob", &more).await.unwrap();
    assert_eq!(bob.evidence(1).await.unwrap(), claim);
    let grants = alice.grants(&dataset).await.unwrap().grants;
    assert_eq!(grants["bob"].permissions, ["read", "prove"]);
    alice.grant(&dataset, "bob", &grant(&[])).await.unwrap();
    assert!(alice.grants(&dataset).await.unwrap().grants.is_empty());
    refused(bob.evidence(1).await.map(drop), "forbidden");
}

#[tokio::test]
async fn a_dataset_that_is_made_belongs_to_who_made_it() {
    let network = closed().await;
    let alice = account(&network, "alice").await;
    let bob = account(&network, "bob").await;
    let folder = tempfile::tempdir().unwrap();
    let (owned, notarized) = salaries(&folder, "numbers");
    let dataset = id(&owned);
    alice.record(Uuid::from_u128(1), notarized).await.unwrap();
    let mut inputs = [owned];
    let name = "shuffled".to_owned();
    let made = Transform::Permute
        .apply(&inputs, &[name])
        .unwrap()
        .remove(0);
    let opening = folder.path().join("shuffled.opening");
    let key = SealingKey::generate().unwrap();
    let mut made = [made.keep(&mut inputs[0].file, &opening, &key).unwrap()];
    let evidence = prove(Transform::Permute.statement(), &mut inputs, &mut made).unwrap();
    let evidence = evidence.to_bytes().unwrap();
    let operation = Uuid::from_u128(2);
    let unasked = bob.record(operation, evidence.clone()).await.map(drop);
    refused(unasked, "forbidden");
    let write = Grant {
        permissions: vec!["write".into()],
    };
    alice.grant(&dataset, "bob", &write).await.unwrap();
    bob.record(operation, evidence).await.unwrap();
    let shuffled = id(&made[0]);
    let known = bob.dataset(&shuffled).await.unwrap();
    assert_eq!((known.made_by, known.owner.as_deref()), (1, Some("bob")));
    refused(alice.grants(&shuffled).await.map(drop), "forbidden");
    let lineage = alice.lineage(&shuffled).await.unwrap();
    assert_eq!(lineage.datasets.len(), 2);
}

/// A ledger of somebody else.
async fn another(folder: &TempDir) -> Ledger {
    let key = SigningKey::from_seed("example.com/log", KeyKind::Ed25519, &[7; 32]).unwrap();
    let blobs = Arc::new(DirBlobs::open(folder.path().join("blobs")).unwrap());
    let table = Arc::new(SqliteTable::memory().unwrap());
    let clock = Arc::new(ManualClock::new(1_700_000_000_000));
    Ledger::open(table, blobs, clock, key).await.unwrap()
}

#[tokio::test]
async fn a_network_cosigns_the_logs_that_it_is_a_witness_of() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = another(&folder).await;
    let log = ledger.log();
    let witness = Network::with(|config| config.witness_of = vec![log.key().clone()]).await;
    let key = witness.client.ledger().await.unwrap().witness_key.unwrap();
    let key: VerifyingKey = key.parse().unwrap();
    const PATH: &str = "/v1/ledger/witness/add-checkpoint";
    let mut old = 0;
    for name in ["one", "two"] {
        let (_, evidence) = salaries(&folder, name);
        let (index, _) = ledger.record(None, Uuid::now_v7(), evidence).await.unwrap();
        let checkpoint = log.await_inclusion(index).await.unwrap();
        let request = log.witness_request(checkpoint.clone(), old).await.unwrap();
        let answer = witness.post(PATH, request.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let keys = [key.clone()];
        let cosigned = log.add_cosignatures(&checkpoint, &answer.text, &keys).await;
        cosigned.unwrap();
        old = index + 1;
    }
    let receipt = ledger.receipt(1).await.unwrap();
    let policy = Policy {
        log: vec![log.key().clone()],
        witnesses: vec![key],
        quorum: 1,
    };
    receipt
        .verify(receipt.extra.as_ref().unwrap(), &policy)
        .unwrap();

    // It remembers where it stands, and knows no other logs.
    let checkpoint = log.checkpoint().await.unwrap();
    let stale = log.witness_request(checkpoint.clone(), 1).await.unwrap();
    let answer = witness.post(PATH, stale.to_string()).await;
    assert_eq!((answer.status, &*answer.text), (409, "2\n"));
    assert_eq!(answer.header("content-type"), "text/x.tlog.size");
    assert_eq!(witness.post(PATH, "old 0\n".to_owned()).await.status, 400);
    let none = Network::start(Vec::new()).await;
    let request = log.witness_request(checkpoint, 0).await.unwrap();
    assert_eq!(none.post(PATH, request.to_string()).await.status, 404);
}
