//! How fast the embedded adapters are on this disk: `cargo run --release -p prooflane-store --example measure [DIR]`.
#![allow(clippy::unwrap_used, reason = "a measurement that fails may panic")]

use prooflane_store::{
    Blobs, DirBlobs, Expect, Key, PutMode, Queue, SqliteQueue, SqliteTable, SystemClock, Table,
    Write,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn put(partition: &str, n: usize) -> [Write; 1] {
    let (key, body) = (Key::new(partition, n.to_string()), vec![7; 1000]);
    [Write::Put {
        key,
        expect: Expect::Absent,
        body,
        wake: None,
        listing: None,
    }]
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |part: usize| times[times.len() * part / 100].as_secs_f64() * 1e6;
    println!(
        "{what:<34} median {:>8.1} us   p99 {:>8.1} us",
        at(50),
        at(99)
    );
}

#[tokio::main]
async fn main() {
    let dir = tempfile::tempdir_in(std::env::args().nth(1).unwrap_or_else(|| ".".into())).unwrap();
    let table = Arc::new(SqliteTable::open(dir.path().join("table.db")).unwrap());
    let queue =
        Arc::new(SqliteQueue::open(dir.path().join("queue.db"), Arc::new(SystemClock)).unwrap());
    let blobs = DirBlobs::open(dir.path().join("blobs")).unwrap();

    let (mut commits, mut gets, mut puts) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..1000 {
        let begun = Instant::now();
        table.commit(&put("one", n)).await.unwrap();
        commits.push(begun.elapsed());
        let begun = Instant::now();
        table.get(&Key::new("one", n.to_string())).await.unwrap();
        gets.push(begun.elapsed());
    }
    report("commit of 1 KB, alone", commits);
    report("get of 1 KB, after a commit", gets);
    let mut gets = Vec::new();
    for n in 0..10_000 {
        let begun = Instant::now();
        table
            .get(&Key::new("one", (n % 1000).to_string()))
            .await
            .unwrap();
        gets.push(begun.elapsed());
    }
    report("get of 1 KB, again", gets);

    for committers in [8, 64, 256] {
        let begun = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..committers {
            let table = table.clone();
            tasks.spawn(async move {
                for n in 0..12_800 / committers {
                    table
                        .commit(&put(&format!("{committers}.{task}"), n))
                        .await
                        .unwrap();
                }
            });
        }
        tasks.join_all().await;
        println!(
            "{committers:>3} committers: {:.0} commits/s",
            12_800.0 / begun.elapsed().as_secs_f64()
        );
    }

    let mut wakes = Vec::new();
    for _ in 0..300 {
        let waiter = tokio::spawn({
            let queue = queue.clone();
            async move {
                let got = queue
                    .receive("q", 1, Duration::from_secs(9), Duration::from_secs(9))
                    .await;
                (got.unwrap().remove(0), Instant::now())
            }
        });
        tokio::time::sleep(Duration::from_millis(2)).await;
        let begun = Instant::now();
        queue.send("q", "x", Duration::ZERO).await.unwrap();
        let (got, woken) = waiter.await.unwrap();
        wakes.push(woken - begun);
        queue.delete(&got.receipt).await.unwrap();
    }
    report("queue: from send to a waiter", wakes);

    for n in 0..300 {
        let begun = Instant::now();
        blobs
            .put(&format!("proofs/{n}/1"), &[7; 1000], PutMode::IfAbsent)
            .await
            .unwrap();
        puts.push(begun.elapsed());
    }
    report("blob of 1 KB in a new directory", puts);
}
