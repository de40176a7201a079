//! Several processes that append and integrate one log at once.

use crate::support::*;
use prooflane_log::{Policy, Reader};
use std::collections::BTreeMap;
use std::sync::Arc;
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
    for (process, log) in logs.iter().enumerate() {
        for caller in 0..CALLERS {
            let log = log.clone();
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
                        let checkpoint = log.await_inclusion(index).await.unwrap();
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
