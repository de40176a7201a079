//! Recording with a fault at every call of the store in turn.
//!
//! Evidence is recorded again and again, each time with the fault one call later, until it is recorded untouched. What was
//! refused must have left nothing behind, and what may have happened is there as a whole or not at all. Then another process
//! records the same again under the same id: it must be there once, for everybody.

use crate::model::{Line, Model};
use crate::support::{Ground, said};
use async_trait::async_trait;
use prooflane_faults::{Fault, Faulty};
use prooflane_ledger::{Entry, Ledger, LedgerError, Permission};
use prooflane_log::LogError;
use prooflane_store::{CommitError, Item, Key, Page, Query, StoreError, Table, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use uuid::Uuid;

async fn record(ledger: &Ledger, line: &Line) -> Result<(u64, Entry), LedgerError> {
    let evidence = line.said.bytes.clone();
    ledger.record(line.by, line.id, evidence).await
}

/// Records this with the fault at this call, and checks everything. Whether the fault came at all.
async fn survive(name: &str, fault: Fault, at: usize) -> bool {
    let ground = Ground::new();
    let line = |by, name| Line {
        by: Some(by),
        id: Uuid::now_v7(),
        said: said(name),
    };
    // What there is before.
    let mut before = Model::default();
    let ledger = ground.open().await;
    let known = line("alice", "notarize numbers");
    record(&ledger, &known).await.unwrap();
    before.record(known).unwrap();
    let numbers = said("notarize numbers").outputs[0];
    let permissions = [Permission::Write, Permission::Prove].into();
    let granted = ledger.grant(None, numbers, "carol", &permissions).await;
    granted.unwrap();
    before.grant(None, numbers, "carol", &permissions).unwrap();
    let line = line("carol", name);
    let mut after = before.clone();
    let index = after.record(line.clone()).unwrap();

    let (table, blobs) = (ground.table.clone(), ground.blobs.clone());
    let store = Arc::new(Faulty::new(table, blobs, fault, at));
    let ledger = ground.over(store.clone(), store.clone()).await.unwrap();
    store.begin();
    let recorded = tokio::select! {
        recorded = record(&ledger, &line) => Some(recorded),
        () = store.stopped() => None,
    };
    let call = store.settle().await;
    let came = call.is_some();
    let call = call.unwrap_or_else(|| "none".into());
    let told = match &recorded {
        None => "nothing".to_owned(),
        Some(Ok((index, _))) => format!("{index}"),
        Some(Err(error)) => format!("{error:?}"),
    };
    println!("{name}, {fault:?} at call {at}, {call}: {told}");

    // Another process sees all of it or nothing.
    let other = ground.open().await;
    let there = other.size().await.unwrap() > index;
    match &recorded {
        Some(Ok((got, _))) => assert!(there && *got == index),
        None | Some(Err(LedgerError::Unknown(_))) => {}
        Some(Err(_)) => assert!(!there, "it was refused, and yet it is in the log"),
    }
    let now = if there { &after } else { &before };
    now.check(&other).await;

    // And again, later, under the same id.
    ground.clock.set(1_800_000_000_000);
    let again = ground.open().await;
    let (got, entry) = record(&again, &line).await.unwrap();
    assert_eq!(got, index);
    if let Some(Ok((_, first))) = &recorded {
        assert_eq!(first, &entry);
    }
    let once_more = record(&other, &line).await.unwrap();
    assert_eq!(once_more, (index, entry));
    after.check_all(&ground.open().await).await;
    came
}

async fn at_every_call(fault: Fault) {
    for (name, least) in [
        ("notarize others", 20),
        ("count numbers", 20),
        ("split numbers", 20),
    ] {
        let mut at = 0;
        while survive(name, fault, at).await {
            at += 1;
        }
        assert!(at > least, "recording makes only {at} calls");
    }
}

#[tokio::test]
async fn at_every_call_the_store_refuses() {
    at_every_call(Fault::Refused).await;
}

#[tokio::test]
async fn at_every_call_an_answer_is_lost_and_nothing_happened() {
    at_every_call(Fault::LostUnknown).await;
}

#[tokio::test]
async fn at_every_call_an_answer_is_lost_and_it_happened() {
    at_every_call(Fault::LandsUnknown).await;
}

#[tokio::test]
async fn at_every_call_an_answer_is_lost_and_it_happens_later() {
    at_every_call(Fault::LandsLate).await;
}

#[tokio::test]
async fn at_every_call_the_process_stops_before_it() {
    at_every_call(Fault::StopsBefore).await;
}

#[tokio::test]
async fn at_every_call_the_process_stops_after_it() {
    at_every_call(Fault::StopsAfter).await;
}

/// A table that never says what became of the index.
struct Silent {
    ground: Ground,
    commits: AtomicU32,
}

#[async_trait]
impl Table for Silent {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.ground.table.get(key).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.ground.table.query(query).await
    }

    async fn commit(&self, writes: &[Write]) -> Result<(), CommitError> {
        if writes[0].key() != &Key::new("ledger", "indexed") {
            return self.ground.table.commit(writes).await;
        }
        let commits = self.commits.fetch_add(1, Ordering::SeqCst);
        assert!(commits < 100, "it is tried for ever");
        Err(CommitError::Unknown("it timed out".into()))
    }
}

#[tokio::test]
async fn whoever_gets_no_answer_is_told_so_in_the_end() {
    let ground = Ground::new();
    let table = Arc::new(Silent {
        ground: ground.clone(),
        commits: AtomicU32::new(0),
    });
    let ledger = ground.over(table, ground.blobs.clone()).await.unwrap();
    let line = Line {
        by: Some("alice"),
        id: Uuid::now_v7(),
        said: said("notarize numbers"),
    };
    let unknown = record(&ledger, &line).await;
    assert!(matches!(unknown, Err(LedgerError::Unknown(_))));
    let dataset = ledger.dataset(line.said.outputs[0]).await;
    assert!(matches!(dataset, Err(LedgerError::Log(LogError::Store(_)))));
    let mut model = Model::default();
    model.record(line).unwrap();
    model.check_all(&ground.open().await).await;
}
