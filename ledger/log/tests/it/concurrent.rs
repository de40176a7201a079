//! Several processes that append and integrate one log at once.

use crate::support::*;
use async_trait::async_trait;
use prooflane_log::{Policy, Reader};
use prooflane_store::{Blobs, CommitError, Item, Key, Page, Query, StoreError, Table, Write};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::task::JoinSet;

const PROCESSES: u8 = 4;
const CALLERS: u32 = 8;
const EACH: u32 = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_appenders_and_integrators_make_one_log() {
    let ground = Ground::new();
    let mut logs = Vec::new();
    for process in 0..PROCESSES {
        logs.push(Arc::new(ground.open(process).await));
    }
    let mut callers = JoinSet::new();
    let largest = Arc::new(AtomicU64::new(0));
    for (process, log) in logs.iter().enumerate() {
        for caller in 0..CALLERS {
            let (log, largest) = (log.clone(), largest.clone());
            callers.spawn(async move {
                let (mut indices, mut checkpoints) = (Vec::new(), Vec::new());
                for n in 0..EACH {
                    // Every second one is everybody's: all processes append it, and it is in once.
                    let own = if n % 2 == 0 {
                        "all".into()
                    } else {
                        process.to_string()
                    };
                    let entry = format!("{own} {caller} {n}").into_bytes();
                    let index = log.append(entry.clone(), Some(&entry)).await.unwrap();
                    indices.push((index, entry.clone()));
                    if n % 8 == 0 {
                        // What anyone has seen before this call, this call sees too.
                        let seen = largest.load(Ordering::SeqCst);
                        let checkpoint = log.await_inclusion(index).await.unwrap();
                        let size = checkpoint.checkpoint().size;
                        assert!(size >= seen, "the log went back from {seen} to {size}");
                        largest.fetch_max(size, Ordering::SeqCst);
                        let receipt = log
                            .receipt_in(checkpoint.clone(), index, None)
                            .await
                            .unwrap();
                        receipt
                            .verify(&entry, &Policy::log(log.key().clone()))
                            .unwrap();
                        checkpoints.push(checkpoint);
                    }
                }
                (indices, checkpoints)
            });
        }
    }
    let (mut entries, mut checkpoints) = (BTreeMap::new(), Vec::new());
    for (indices, seen) in callers.join_all().await {
        for (index, entry) in indices {
            assert_eq!(entries.entry(index).or_insert(entry.clone()), &entry);
        }
        checkpoints.extend(seen);
    }
    let count = u64::from(CALLERS * EACH / 2) * (1 + u64::from(PROCESSES));
    assert!(
        entries.keys().copied().eq(0..count),
        "every index is somebody's"
    );
    let last = logs[0].integrate().await.unwrap();
    assert_eq!(last.size, count);
    ground.is_sound(count).await;
    let reader = Reader::new(ground.blobs.clone(), NAME).unwrap();
    for (index, entry) in &entries {
        assert_eq!(&reader.entry(*index, count).await.unwrap(), entry);
    }
    checkpoints.append(&mut ground.blobs.published.lock().unwrap());
    are_consistent(&logs[0], &checkpoints).await;
}

#[tokio::test]
async fn an_integrator_that_is_overtaken_does_not_take_the_log_back() {
    let ground = Ground::new();
    let rival = ground.open(2).await;
    let table = Overtaken {
        table: ground.table.clone(),
        item: "/head",
        rival: Mutex::new(Some(Box::pin(async move {
            for n in 3..300u32 {
                rival.append(n.to_be_bytes().to_vec(), None).await.unwrap();
            }
            assert_eq!(rival.integrate().await.unwrap().size, 300);
        }))),
    };
    let log = open(Arc::new(table), ground.blobs.clone(), 1)
        .await
        .unwrap();
    for n in 0..3u32 {
        log.append(n.to_be_bytes().to_vec(), None).await.unwrap();
    }
    let checkpoint = log.await_inclusion(2).await.unwrap();
    assert_eq!(checkpoint.checkpoint().size, 300);
    assert_eq!(log.checkpoint().await.unwrap(), checkpoint);
    assert_eq!(log.reader().checkpoint().await.unwrap(), Some(checkpoint));
    ground.is_sound(300).await;
}

/// A table whose first page of batches lacks one, as a page may where a query is no snapshot.
struct Gap(Ground, AtomicU64);

#[async_trait]
impl Table for Gap {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.0.table.get(key).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let mut page = self.0.table.query(query).await?;
        if self.1.fetch_add(1, Ordering::SeqCst) == 0 {
            page.items.remove(2);
        }
        Ok(page)
    }

    async fn commit(&self, writes: &[Write]) -> Result<(), CommitError> {
        self.0.table.commit(writes).await
    }
}

#[tokio::test]
async fn a_page_with_a_gap_is_taken_in_up_to_it() {
    let ground = Ground::new();
    let table = Arc::new(Gap(ground.clone(), AtomicU64::new(0)));
    let log = open(table, ground.blobs.clone(), 1).await.unwrap();
    for n in 0..5u8 {
        log.append(vec![n], None).await.unwrap();
    }
    assert_eq!(log.integrate().await.unwrap().size, 5);
    let sizes = ground
        .blobs
        .list(&format!("{NAME}/tile/0/000.p/"), None, 9)
        .await;
    assert_eq!(
        sizes.unwrap(),
        ["2", "5"].map(|width| format!("{NAME}/tile/0/000.p/{width}"))
    );
    ground.is_sound(5).await;
}

#[tokio::test]
async fn an_appender_that_is_overtaken_takes_the_next_index() {
    let ground = Ground::new();
    let rival = ground.open(2).await;
    let table = Overtaken {
        table: ground.table.clone(),
        item: "/sequence",
        rival: Mutex::new(Some(Box::pin(async move {
            for n in 0..3u8 {
                rival.append(vec![n], Some(&[n])).await.unwrap();
            }
        }))),
    };
    let log = open(Arc::new(table), ground.blobs.clone(), 1)
        .await
        .unwrap();
    // Its own entry, and one that the rival appended meanwhile under the same key.
    let answers = tokio::join!(
        log.append(vec![9], None),
        log.append(vec![1], Some(&[1])),
        log.append(vec![8], Some(&[8])),
    );
    assert_eq!(answers, (Ok(3), Ok(1), Ok(4)));
    log.integrate().await.unwrap();
    ground.is_sound(5).await;
}
