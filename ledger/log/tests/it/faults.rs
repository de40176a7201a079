//! The whole of the log with a fault at every call of the store in turn.
//!
//! A scenario appends, integrates, fills a tile, collects a cosignature and hands out a receipt. It runs again and again, each
//! time with the fault one call later, until it runs through untouched. Then a fresh process recovers: everything is appended
//! again under the same keys, `fsck` must find nothing, every acknowledged entry must be where it was said to be, and all
//! checkpoints that anyone ever saw must extend each other.

use crate::support::*;
use async_trait::async_trait;
use prooflane_faults::{Fault, Faulty};
use prooflane_log::{AppendError, Log, LogError, Policy, SignedCheckpoint, Witness, WitnessError};
use prooflane_store::{CommitError, Item, Key, ManualClock, Page, Query, StoreError, Table, Write};
use std::sync::{Arc, Mutex};

type Answered = (Vec<u8>, Result<u64, AppendError>);

/// What the world outside has seen.
#[derive(Default)]
struct Seen {
    acknowledged: Mutex<Vec<(u64, Vec<u8>)>>,
    checkpoints: Mutex<Vec<SignedCheckpoint>>,
    cosigned: Mutex<Vec<SignedCheckpoint>>,
    /// Entries appended without a key, once, and what was answered.
    keyless: Mutex<Vec<Answered>>,
}

fn entries(from: u32, to: u32) -> Vec<Vec<u8>> {
    (from..to)
        .map(|n| format!("entry {n}").into_bytes())
        .collect()
}

/// Appends these at once, each under itself as its key. As a client does, once more if the store failed.
async fn append(log: &Log, entries: &[Vec<u8>], seen: &Seen) {
    let appends = entries.iter().map(async |entry| {
        for _ in 0..2 {
            match log.append(entry.clone(), Some(entry)).await {
                Ok(index) => {
                    seen.acknowledged
                        .lock()
                        .unwrap()
                        .push((index, entry.clone()));
                    return;
                }
                Err(AppendError::Unknown(_) | AppendError::Log(LogError::Store(_))) => {}
                Err(other) => panic!("{other}"),
            }
        }
        panic!("there is one fault only");
    });
    futures::future::join_all(appends).await;
}

/// Appends these at once, without keys, and takes whatever answer comes.
async fn append_keyless(log: &Log, name: &str, seen: &Seen) {
    let appends = (0..3).map(async |n| {
        let entry = format!("{name} {n}").into_bytes();
        let answer = log.append(entry.clone(), None).await;
        seen.keyless.lock().unwrap().push((entry, answer));
    });
    futures::future::join_all(appends).await;
}

/// Tries once more what failed because the store did.
async fn insist<T>(call: impl AsyncFn() -> Result<T, LogError>) -> T {
    match call().await {
        Err(LogError::Store(_)) => call().await.unwrap(),
        result => result.unwrap(),
    }
}

async fn include(log: &Log, index: u64, seen: &Seen) -> SignedCheckpoint {
    let checkpoint = insist(async || log.await_inclusion(index).await).await;
    assert!(checkpoint.checkpoint().size > index);
    seen.checkpoints.lock().unwrap().push(checkpoint.clone());
    checkpoint
}

fn witness(table: Arc<dyn Table>) -> Witness {
    let logs = vec![log_key().verifying().clone()];
    Witness::new(
        table,
        Arc::new(ManualClock::new(1_000)),
        witness_key(1),
        logs,
    )
    .unwrap()
}

/// Has the witness, wherever it stands, cosign the latest checkpoint.
async fn cosign(log: &Log, witness: &Witness, seen: &Seen) {
    let checkpoint = insist(async || log.checkpoint().await).await;
    let mut old = 0;
    let mut failed = false;
    let line = loop {
        let request = insist(async || log.witness_request(checkpoint.clone(), old).await).await;
        match witness.add_checkpoint(&request.to_string()).await {
            Ok(line) => break line,
            Err(WitnessError::Refused(prooflane_log::witness::Refusal::OldSize {
                known, ..
            })) => old = known,
            Err(WitnessError::Log(LogError::Store(_))) if !failed => failed = true,
            Err(other) => panic!("{other}"),
        }
    };
    let (line, keys) = (format!("{line}\n"), [witness_key(1).verifying().clone()]);
    let cosigned = insist(async || log.add_cosignatures(&checkpoint, &line, &keys).await).await;
    seen.cosigned.lock().unwrap().push(cosigned);
}

async fn receipt(log: &Log, index: u64) {
    let receipt = insist(async || log.receipt(index, None).await).await;
    let entry = insist(async || {
        log.reader()
            .entry(index, receipt.checkpoint.checkpoint().size)
            .await
    })
    .await;
    receipt
        .verify(&entry, &Policy::log(log.key().clone()))
        .unwrap();
}

const ENTRIES: u32 = 259;

/// From nothing to a full tile and beyond.
async fn scenario(store: Arc<Faulty>, seen: &Seen) {
    let log = insist(async || open(store.clone(), store.clone(), 1).await).await;
    let witness = witness(store.clone());
    append(&log, &entries(0, 2), seen).await;
    include(&log, 1, seen).await;
    // Another process gets on with it too.
    let other = insist(async || open(store.clone(), store.clone(), 2).await).await;
    append(&other, &entries(1, 3), seen).await;
    cosign(&log, &witness, seen).await;
    append_keyless(&log, "first", seen).await;
    append(&log, &entries(3, 255), seen).await;
    include(&other, 254, seen).await;
    append(&log, &entries(255, 258), seen).await;
    include(&log, 257, seen).await;
    cosign(&other, &witness, seen).await;
    append(&other, &entries(258, ENTRIES), seen).await;
    append_keyless(&other, "second", seen).await;
    insist(async || log.integrate().await).await;
    receipt(&log, 1).await;
    receipt(&other, 258).await;
}

/// Runs the scenario with this fault at this call, recovers, and checks everything. Whether the fault came at all.
async fn survive(fault: Fault, at: usize) -> bool {
    let ground = Ground::new();
    let (table, blobs) = (ground.table.clone(), ground.blobs.clone());
    let store = Arc::new(Faulty::new(table, blobs, fault, at));
    store.begin();
    let seen = Seen::default();
    tokio::select! {
        () = scenario(store.clone(), &seen) => {}
        () = store.stopped() => {}
    }
    let came = store.settle().await.is_some();

    let log = ground.open(3).await;
    append(&log, &entries(0, ENTRIES), &seen).await;
    let size = log.next_index().await.unwrap();
    include(&log, size - 1, &seen).await;
    cosign(&log, &witness(ground.table.clone()), &seen).await;
    ground.is_sound(size).await;
    let mut all = Vec::new();
    for index in 0..size {
        all.push(log.reader().entry(index, size).await.unwrap());
    }
    for (index, entry) in seen.acknowledged.lock().unwrap().iter() {
        assert_eq!(&all[*index as usize], entry);
    }
    // Each entry is there once; one without a key as often as was answered, and at most once where that is unknown.
    let mut keyless = 0;
    for (entry, answer) in seen.keyless.lock().unwrap().iter() {
        let there: Vec<_> = (0..size)
            .filter(|index| &all[*index as usize] == entry)
            .collect();
        match answer {
            Ok(index) => assert_eq!(there, [*index]),
            Err(AppendError::Unknown(_)) => assert!(there.len() <= 1),
            Err(_) => assert_eq!(there, [0u64; 0]),
        }
        keyless += there.len() as u64;
    }
    // Where the process stopped, nobody was answered.
    let unanswered = size - u64::from(ENTRIES) - keyless;
    assert!(unanswered == 0 || seen.keyless.lock().unwrap().len() < 6 && unanswered <= 3);
    let mut checkpoints = std::mem::take(&mut *ground.blobs.published.lock().unwrap());
    checkpoints.append(&mut seen.checkpoints.lock().unwrap());
    checkpoints.append(&mut seen.cosigned.lock().unwrap());
    are_consistent(&log, &checkpoints).await;
    // And the latest is what readers of the blobs see.
    assert_eq!(
        log.reader().checkpoint().await.unwrap(),
        Some(log.checkpoint().await.unwrap())
    );
    came
}

async fn at_every_call(fault: Fault) {
    let mut at = 0;
    while survive(fault, at).await {
        at += 1;
    }
    println!("{fault:?} at each of {at} calls");
    assert!(at > 60, "the scenario makes only {at} calls");
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

/// A table whose commits are all lost: is it away, or only its answers?
struct Silent(Ground);

#[async_trait]
impl Table for Silent {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.0.table.get(key).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.0.table.query(query).await
    }

    async fn commit(&self, _writes: &[Write]) -> Result<(), CommitError> {
        Err(CommitError::Unknown("it timed out".into()))
    }
}

#[tokio::test]
async fn whoever_gets_no_answer_is_told_so_in_the_end() {
    let ground = Ground::new();
    ground.open(1).await.append(vec![0], None).await.unwrap();
    let log = open(Arc::new(Silent(ground.clone())), ground.blobs.clone(), 2)
        .await
        .unwrap();
    let unknown = log.append(vec![1], Some(b"k")).await;
    assert!(matches!(unknown, Err(AppendError::Unknown(_))));
    assert!(matches!(
        log.integrate().await,
        Err(LogError::Store(StoreError::Unavailable(_)))
    ));
    // A process that hears more goes on from what the other left in the blobs.
    let log = ground.open(3).await;
    assert_eq!(log.append(vec![1], Some(b"k")).await, Ok(1));
    assert_eq!(log.integrate().await.unwrap().size, 2);
    ground.is_sound(2).await;
}

#[test]
fn a_runtime_that_goes_away_takes_no_append_with_it() {
    let ground = Ground::new();
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let (begun, hangs) = tokio::sync::oneshot::channel();
    let table = Overtaken {
        table: ground.table.clone(),
        item: "/sequence",
        rival: Mutex::new(Some(Box::pin(async {
            begun.send(()).unwrap();
            std::future::pending().await
        }))),
    };
    let first = runtime();
    first.block_on(ground.open(1));
    let log = first
        .block_on(open(Arc::new(table), ground.blobs.clone(), 2))
        .unwrap();
    let log = Arc::new(log);
    first.spawn({
        let log = log.clone();
        async move { log.append(vec![0], None).await }
    });
    first.block_on(hangs).unwrap();
    drop(first);
    let second = runtime();
    assert_eq!(second.block_on(log.append(vec![1], None)), Ok(0));
    second.block_on(log.integrate()).unwrap();
    second.block_on(ground.is_sound(1));
}
