//! Every break, planted by hand, is found, and nothing else is.

use crate::harness::*;
use prooflane_coordinator::{Severity, Submission};
use prooflane_market::{Credits, Millis, PrivacyLevel, TaskId};
use prooflane_store::{Blobs, Expect, Key, PutMode, Write};
use serde_json::{Value, json};

/// A network with a task in every state.
struct Planted {
    net: Net,
    completed: TaskId,
    running: TaskId,
    private: TaskId,
}

impl Planted {
    async fn new() -> Self {
        let net = Net::open();
        let p1 = net.prover("p1", 40).await;
        let (failed, cancelled) = (
            net.submit(Submission {
                max_attempts: Some(1),
                ..submission()
            }),
            net.submit(submission()),
        );
        let failed = failed.await.unwrap().record.task.id();
        net.auction().await;
        net.accept(&p1, failed, 1, &OTHER).await.unwrap();
        let cancelled = cancelled.await.unwrap().record.task.id();
        net.cancel(cancelled).await.unwrap();
        let private = Submission {
            privacy_level: PrivacyLevel::ALLOWED,
            allowed_provers: vec![p1.clone()],
            ..submission()
        };
        let ended = net.submit(private).await.unwrap().record.task.id();
        net.auction().await;
        net.accept(&p1, ended, 1, &PROOF).await.unwrap();
        let completed = net.running(&p1).await;
        net.accept(&p1, completed, 1, &PROOF).await.unwrap();
        let running = net.running(&p1).await;
        let private = Submission {
            privacy_level: PrivacyLevel::ALLOWED,
            ..submission()
        };
        let private = net.submit(private).await.unwrap().record.task.id();
        net.later(Millis(1)).await;
        let planted = Self {
            net,
            completed,
            running,
            private,
        };
        planted.finds(&[]).await;
        planted
    }

    async fn finds(&self, expected: &[&str]) {
        let findings = self.net.fsck().await.unwrap();
        let codes: Vec<&str> = findings.iter().map(|f| f.code).collect();
        assert_eq!(codes, expected, "{findings:#?}");
    }

    async fn put(&self, key: Key, edit: impl FnOnce(&mut Value)) {
        let item = self.net.table.get(&key).await.unwrap().unwrap();
        let mut body = serde_json::from_slice(&item.body).unwrap();
        edit(&mut body);
        let write = Write::Put {
            key,
            expect: Expect::Exists,
            body: serde_json::to_vec(&body).unwrap(),
            wake: item.wake,
            listing: item.listing,
        };
        self.net.table.commit(&[write]).await.unwrap();
    }

    /// Writes a record as it is, out of an index.
    async fn unlist(&self, id: TaskId, wake: bool, listing: bool) {
        let item = self.net.table.get(&task(id)).await.unwrap().unwrap();
        let write = Write::Put {
            key: item.key,
            expect: Expect::Exists,
            body: item.body,
            wake: item.wake.filter(|_| !wake),
            listing: item.listing.filter(|_| !listing),
        };
        self.net.table.commit(&[write]).await.unwrap();
    }

    async fn add(&self, key: Key, body: impl Into<Vec<u8>>) {
        let write = Write::Put {
            key,
            expect: Expect::Absent,
            body: body.into(),
            wake: None,
            listing: None,
        };
        self.net.table.commit(&[write]).await.unwrap();
    }

    async fn delete(&self, key: Key) {
        let expect = Expect::Exists;
        let write = Write::Delete { key, expect };
        self.net.table.commit(&[write]).await.unwrap();
    }

    async fn count(&self, account: &str, of: &str, delta: i64) {
        let write = Write::Add {
            key: Key::new(format!("account#{account}"), of),
            delta,
            at_least: i64::MIN,
        };
        self.net.table.commit(&[write]).await.unwrap();
    }

    fn blobs(&self) -> &dyn Blobs {
        &*self.net.blobs
    }
}

fn item(id: TaskId, sort: &str) -> Key {
    Key::new(format!("task#{id}"), sort)
}

fn task(id: TaskId) -> Key {
    item(id, "task")
}

#[tokio::test]
async fn a_counter_that_is_not_what_the_journal_says() {
    let planted = Planted::new().await;
    planted.count("requester:alice", "balance", 1).await;
    planted.finds(&["counter_differs"]).await;
    planted.count("requester:alice", "balance", -1).await;
    planted.count("prover:p1", "stake", -1).await;
    planted.finds(&["counter_differs"]).await;
}

#[tokio::test]
async fn an_entry_whose_postings_do_not_sum_to_zero() {
    let planted = Planted::new().await;
    let entry = json!({"at": START, "reason": "deposit",
        "postings": [{"account": "requester:alice", "amount": 5}]});
    let key = Key::new("account#requester:alice", "entry#planted");
    planted.add(key, entry.to_string()).await;
    planted.count("requester:alice", "balance", 5).await;
    planted.finds(&["entry_unbalanced"]).await;
}

#[tokio::test]
async fn an_escrow_that_is_not_what_the_task_holds() {
    let planted = Planted::new().await;
    let entry = json!({"at": START, "reason": "refund", "postings": [
        {"account": format!("escrow:{}", planted.running), "amount": -100},
        {"account": "requester:alice", "amount": 100}]});
    planted
        .add(item(planted.running, "entry#99999"), entry.to_string())
        .await;
    planted.count("requester:alice", "balance", 100).await;
    planted.finds(&["escrow_differs"]).await;
}

#[tokio::test]
async fn a_second_settlement() {
    let planted = Planted::new().await;
    let entry = json!({"at": START, "reason": "payout", "postings": [
        {"account": "network:slashed", "amount": -1}, {"account": "prover:p1", "amount": 1}]});
    planted
        .add(item(planted.completed, "entry#99999"), entry.to_string())
        .await;
    planted.count("prover:p1", "balance", 1).await;
    planted.count("network:slashed", "balance", -1).await;
    planted.finds(&["payout_differs", "settled_twice"]).await;
}

#[tokio::test]
async fn a_task_that_no_index_leads_to() {
    let planted = Planted::new().await;
    planted.unlist(planted.running, true, false).await;
    planted.finds(&["wake_up_missing"]).await;
    let planted = Planted::new().await;
    planted.unlist(planted.private, false, true).await;
    planted.finds(&["listing_missing"]).await;
}

#[tokio::test]
async fn an_index_that_lies() {
    let planted = Planted::new().await;
    let later = |body: &mut Value| {
        let at = body["task"]["state"]["next_auction_at"].as_u64().unwrap();
        body["task"]["state"]["next_auction_at"] = json!(at + 1);
    };
    planted.put(task(planted.private), later).await;
    planted.finds(&["wake_up_differs"]).await;
    let planted = Planted::new().await;
    planted
        .put(task(planted.private), |body| {
            body["task"]["priority"] = json!(51)
        })
        .await;
    planted.finds(&["listing_differs"]).await;
}

#[tokio::test]
async fn a_list_that_does_not_name_a_task_or_names_one_that_is_not_there() {
    let planted = Planted::new().await;
    let created = planted
        .net
        .task(planted.running)
        .await
        .unwrap()
        .task
        .created_at;
    let place = format!("{:016}#{}", created.0, planted.running);
    planted.delete(Key::new("tasks", place)).await;
    planted.finds(&["pointer_missing"]).await;
    let planted = Planted::new().await;
    let ghost = uuid::Uuid::from_u128(1).to_string();
    planted.add(Key::new("tasks", "0#ghost"), ghost).await;
    planted.finds(&["pointer_dangling"]).await;
}

#[tokio::test]
async fn attempts_out_of_order_and_leases_that_differ() {
    let planted = Planted::new().await;
    planted
        .put(task(planted.completed), |body| {
            let first = body["task"]["attempts"][0].clone();
            body["task"]["attempts"].as_array_mut().unwrap().push(first);
        })
        .await;
    planted.finds(&["attempts_out_of_order"]).await;
    let planted = Planted::new().await;
    planted
        .put(task(planted.running), |body| {
            body["task"]["attempts"][0]["end"] = json!("failed");
        })
        .await;
    planted.finds(&["lease_differs"]).await;
}

#[tokio::test]
async fn a_prover_that_holds_something_else() {
    let planted = Planted::new().await;
    planted
        .put(Key::new("prover#p1", "prover"), |body| {
            body["active"] = json!({})
        })
        .await;
    planted.finds(&["active_differs"]).await;
}

#[tokio::test]
async fn transcripts_that_are_not_there_or_say_something_else() {
    let planted = Planted::new().await;
    let transcript = item(planted.completed, "transcript#00001");
    planted
        .put(transcript.clone(), |body| {
            body["bids"][0]["price"] = json!(100_000)
        })
        .await;
    planted.finds(&["transcript_differs"]).await;
    planted.delete(transcript.clone()).await;
    planted.finds(&["transcript_missing"]).await;
    planted.add(transcript, "{").await;
    planted.finds(&["record_unreadable"]).await;
    let planted = Planted::new().await;
    planted
        .add(item(planted.completed, "transcript#00002"), "{}")
        .await;
    planted.finds(&["transcript_orphaned"]).await;
}

#[tokio::test]
async fn a_proof_that_is_not_there_or_does_not_verify() {
    let planted = Planted::new().await;
    let blob = format!("proofs/{}/1", planted.completed);
    let blobs = planted.blobs();
    let other = &**OTHER;
    blobs.put(&blob, other, PutMode::Overwrite).await.unwrap();
    planted.finds(&["proof_invalid"]).await;
    blobs.delete(&blob).await.unwrap();
    planted.finds(&["proof_missing"]).await;
}

#[tokio::test]
async fn blobs_of_nothing() {
    let planted = Planted::new().await;
    let ghost = uuid::Uuid::from_u128(1);
    let put = async |name: String| {
        let put = planted.blobs().put(&name, b"x", PutMode::IfAbsent);
        put.await.unwrap();
    };
    put(format!("proofs/{ghost}/1")).await;
    planted.finds(&["blob_orphaned"]).await;
    // An interrupted submission leaves these; an interrupted result or a lost race those.
    put(format!("inputs/{ghost}/x")).await;
    put(format!("proofs/{}/7", planted.completed)).await;
    put(format!("proofs/{}/7", planted.running)).await;
    planted
        .finds(&["blob_orphaned", "blob_orphaned", "blob_unnamed"])
        .await;
    let findings = planted.net.fsck().await.unwrap();
    let severities: Vec<Severity> = findings.iter().map(|f| f.severity).collect();
    let expected = [Severity::Broken, Severity::Untidy, Severity::Untidy];
    assert_eq!(severities, expected);
}

#[tokio::test]
async fn inputs_and_their_keys_that_are_gone_too_early_or_kept_too_long() {
    let planted = Planted::new().await;
    planted
        .add(item(planted.completed, "secret"), [7; 32])
        .await;
    planted.finds(&["input_key_kept"]).await;
    planted.delete(item(planted.completed, "secret")).await;
    planted.delete(item(planted.private, "secret")).await;
    planted.finds(&["input_key_missing"]).await;
    let planted = Planted::new().await;
    planted.delete(item(planted.running, "input")).await;
    planted.finds(&["input_missing"]).await;
}

#[tokio::test]
async fn a_record_that_cannot_be_read() {
    let planted = Planted::new().await;
    let prover = Key::new("prover#p1", "prover");
    planted
        .put(prover, |body| body["capacity"] = json!("many"))
        .await;
    // Its leases are then nobody's.
    planted
        .finds(&["active_differs", "record_unreadable"])
        .await;
}

#[tokio::test]
async fn the_price_of_a_payout_counts() {
    let planted = Planted::new().await;
    let paid = planted
        .net
        .task(planted.completed)
        .await
        .unwrap()
        .task
        .attempts[0]
        .price;
    assert_eq!(paid, Credits(100));
    planted
        .put(task(planted.completed), |body| {
            body["task"]["state"]["price"] = json!(99);
        })
        .await;
    planted.finds(&["payout_differs"]).await;
}
