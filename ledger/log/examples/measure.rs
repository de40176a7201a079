//! How fast the log is on the embedded store: `cargo run --release -p prooflane-log --example measure [ENTRIES] [DIR]`.
#![allow(clippy::unwrap_used, reason = "a measurement that fails may panic")]

use prooflane_log::merkle::verify_inclusion;
use prooflane_log::{Hash, Kind, Log, SigningKey, Writer, fsck};
use prooflane_store::{DirBlobs, SqliteTable};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const NAME: &str = "ledger";
const MEASURED: u64 = 12_800;
/// How many append at once, and whether with a key each.
const KINDS: [(u64, Keys); 6] = [
    (1, Keys::None),
    (1, Keys::Timed),
    (1, Keys::Random),
    (64, Keys::None),
    (64, Keys::Timed),
    (64, Keys::Random),
];

/// What kind of idempotency key an append has: 16 bytes that begin with the time, or at random.
#[derive(Clone, Copy, Debug)]
enum Keys {
    None,
    Timed,
    Random,
}

impl Keys {
    fn next(self, n: u64) -> Option<[u8; 16]> {
        let random = fastrand::u128(..);
        match self {
            Keys::None => None,
            Keys::Timed => Some((u128::from(n) << 64 | random >> 64).to_be_bytes()),
            Keys::Random => Some(random.to_be_bytes()),
        }
    }
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |part: usize| times[times.len() * part / 100].as_secs_f64() * 1e3;
    let most = times[times.len() - 1].as_secs_f64() * 1e3;
    println!(
        "{what:<55} p50 {:>7.3} ms   p99 {:>7.3} ms   most {most:>7.3} ms",
        at(50),
        at(99)
    );
}

/// About as long as an operation on a dataset.
fn entry(n: u64) -> Vec<u8> {
    format!("{n:0400}").into_bytes()
}

/// `count` appends by `callers` at once; and how long each took.
async fn append(
    log: &Arc<Log>,
    callers: u64,
    count: u64,
    next: &Arc<AtomicU64>,
    keys: Keys,
) -> Vec<Duration> {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..callers {
        let (log, next) = (log.clone(), next.clone());
        tasks.spawn(async move {
            let mut times = Vec::new();
            for _ in 0..count / callers {
                let n = next.fetch_add(1, Ordering::Relaxed);
                let key = keys.next(n);
                let key = key.as_ref().map(|key| &key[..]);
                let begun = Instant::now();
                log.append(entry(n), key).await.unwrap();
                times.push(begun.elapsed());
            }
            times
        });
    }
    tasks.join_all().await.concat()
}

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1);
    let entries: u64 = args.next().map_or(100_000, |n| n.parse().unwrap());
    let dir = tempfile::tempdir_in(args.next().unwrap_or_else(|| ".".into())).unwrap();
    let table = Arc::new(SqliteTable::open(dir.path().join("table.db")).unwrap());
    let blobs = Arc::new(DirBlobs::open(dir.path().join("blobs")).unwrap());
    let key = SigningKey::from_seed("measure.example/log", Kind::Ed25519, &[1; 32]).unwrap();
    let log = Log::open(table.clone(), blobs.clone(), NAME, key, Writer([1; 16]))
        .await
        .unwrap();
    let (log, next) = (Arc::new(log), Arc::new(AtomicU64::new(0)));

    let begun = Instant::now();
    append(&log, 1024, entries, &next, Keys::Timed).await;
    let filled = begun.elapsed();
    let begun = Instant::now();
    log.integrate().await.unwrap();
    println!(
        "{} entries of 400 bytes with keys: {:.0} appends/s from 1024 at once, {:.0} entries/s into tiles",
        log.next_index().await.unwrap(),
        next.load(Ordering::Relaxed) as f64 / filled.as_secs_f64(),
        next.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64(),
    );

    for (callers, keys) in KINDS {
        let times = append(&log, callers, MEASURED, &next, keys).await;
        report(&format!("append, {callers} at once, keys: {keys:?}"), times);
    }

    // The same while the tree grows, as fast as it can.
    let stop = Arc::new(AtomicBool::new(false));
    let grower = tokio::spawn({
        let (log, stop) = (log.clone(), stop.clone());
        async move {
            let mut checkpoints = 0;
            while !stop.load(Ordering::Relaxed) {
                log.integrate().await.unwrap();
                checkpoints += 1;
                tokio::task::yield_now().await;
            }
            checkpoints
        }
    });
    for (callers, keys) in KINDS {
        let times = append(&log, callers, MEASURED, &next, keys).await;
        let what = format!("append, {callers} at once, keys: {keys:?}, integrating");
        report(&what, times);
    }
    stop.store(true, Ordering::Relaxed);
    println!(
        "  ({} rounds of integration meanwhile)",
        grower.await.unwrap()
    );

    let mut times = Vec::new();
    for _ in 0..300 {
        let n = next.fetch_add(1, Ordering::Relaxed);
        let begun = Instant::now();
        let index = log.append(entry(n), None).await.unwrap();
        log.await_inclusion(index).await.unwrap();
        times.push(begun.elapsed());
    }
    report("append and its inclusion in a signed checkpoint", times);

    let checkpoint = log.checkpoint().await.unwrap();
    let (size, root) = (checkpoint.checkpoint().size, checkpoint.checkpoint().root);
    let mut random = fastrand::Rng::with_seed(1);
    for (what, cold) in [("query, nothing cached", true), ("query, warm", false)] {
        let mut times = Vec::new();
        let mut reader = prooflane_log::Reader::new(blobs.clone(), NAME).unwrap();
        for _ in 0..MEASURED {
            if cold {
                reader = prooflane_log::Reader::new(blobs.clone(), NAME).unwrap();
            }
            let index = random.u64(..size);
            let begun = Instant::now();
            let entry = reader.entry(index, size).await.unwrap();
            let proof = reader.inclusion(index, size).await.unwrap();
            verify_inclusion(index, Hash::of_leaf(&entry), size, root, &proof).unwrap();
            times.push(begun.elapsed());
        }
        report(&format!("{what}: entry, inclusion proof, verified"), times);
    }
    let mut times = Vec::new();
    for _ in 0..MEASURED {
        let begun = Instant::now();
        log.reader()
            .consistency(random.u64(1..size), size)
            .await
            .unwrap();
        times.push(begun.elapsed());
    }
    report("query: consistency proof", times);

    let begun = Instant::now();
    let keys = [log.key().clone()];
    let report = fsck(&*table, &*blobs, NAME, &keys).await.unwrap();
    assert_eq!(report.findings, []);
    println!(
        "fsck of {} entries: {:.1} s",
        report.entries,
        begun.elapsed().as_secs_f64()
    );
}
