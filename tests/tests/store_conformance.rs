//! The embedded adapters of `prooflane-store`: conformance, a comparison with a specification, and kills.
#![allow(clippy::unwrap_used, reason = "tests")]

use prooflane_sim::{MemoryBlobs, MemoryQueue, MemoryTable};
use prooflane_store::{
    Blobs, DirBlobs, Expect, Index, IndexKey, Key, ManualClock, PutMode, Query, Queue, SqliteQueue,
    SqliteTable, StoreError, SystemClock, Table, Write,
};
use prooflane_tests::conformance::spec::{self, Spec};
use prooflane_tests::conformance::{self, Random, blobs, queue, table};
use proptest::prelude::*;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_table_conforms() {
    let dir = tempfile::tempdir().unwrap();
    let subject: table::Subject = Arc::new(SqliteTable::open(dir.path().join("table.db")).unwrap());
    conformance::run(table::CHECKS, || subject.clone()).await;
}

#[tokio::test]
async fn sqlite_table_in_memory_on_one_thread_conforms() {
    let subject: table::Subject = Arc::new(SqliteTable::memory().unwrap());
    conformance::run(table::CHECKS, || subject.clone()).await;
}

#[tokio::test]
async fn sqlite_queue_conforms_on_a_manual_clock() {
    let subject = || {
        let clock = Arc::new(ManualClock::new(1_700_000_000_000));
        let queue = Arc::new(SqliteQueue::memory(clock.clone()).unwrap());
        queue::Subject {
            queue,
            clock: Some(clock),
        }
    };
    conformance::run(queue::CHECKS, subject).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_queue_conforms_in_real_time() {
    let dir = tempfile::tempdir().unwrap();
    let queue = SqliteQueue::open(dir.path().join("queue.db"), Arc::new(SystemClock)).unwrap();
    let subject = queue::Subject {
        queue: Arc::new(queue),
        clock: None,
    };
    conformance::run(queue::CHECKS, || subject.clone()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dir_blobs_conform() {
    let dir = tempfile::tempdir().unwrap();
    let subject: blobs::Subject = Arc::new(DirBlobs::open(dir.path()).unwrap());
    conformance::run(blobs::CHECKS, || subject.clone()).await;
}

#[tokio::test]
async fn what_a_simulation_runs_on_conforms() {
    let table: table::Subject = Arc::new(MemoryTable::default());
    conformance::run(table::CHECKS, || table.clone()).await;
    let blobs: blobs::Subject = Arc::new(MemoryBlobs::default());
    conformance::run(blobs::CHECKS, || blobs.clone()).await;
    let queue = || {
        let clock = Arc::new(ManualClock::new(1_700_000_000_000));
        queue::Subject {
            queue: Arc::new(MemoryQueue::new(clock.clone())),
            clock: Some(clock),
        }
    };
    conformance::run(queue::CHECKS, queue).await;
}

fn put(key: &Key, expect: Expect, body: impl Into<Vec<u8>>) -> Write {
    Write::Put {
        key: key.clone(),
        expect,
        body: body.into(),
        wake: None,
        listing: None,
    }
}

#[tokio::test]
async fn everything_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let (db, q) = (dir.path().join("table.db"), dir.path().join("queue.db"));
    let key = Key::new("p", "s");
    for version in 1..=3 {
        let table = SqliteTable::open(&db).unwrap();
        let queue = SqliteQueue::open(&q, Arc::new(SystemClock)).unwrap();
        let blobs = DirBlobs::open(dir.path().join("blobs")).unwrap();
        let expect = if version == 1 {
            Expect::Absent
        } else {
            Expect::Version(version - 1)
        };
        assert_eq!(
            table
                .get(&key)
                .await
                .unwrap()
                .map_or(0, |item| item.version),
            version - 1
        );
        table.commit(&[put(&key, expect, "x")]).await.unwrap();
        let got = queue
            .receive("q", 1, Duration::ZERO, Duration::ZERO)
            .await
            .unwrap();
        assert_eq!(got.first().map_or(0, |d| d.receives), version as u32 - 1);
        if version == 1 {
            queue.send("q", "x", Duration::ZERO).await.unwrap();
            blobs.put("a/b", b"x", PutMode::IfAbsent).await.unwrap();
        }
        assert_eq!(blobs.get("a/b").await.unwrap().unwrap(), b"x");
    }
    // A clean end leaves one file, no log beside it.
    assert!(!dir.path().join("table.db-wal").exists());
}

#[tokio::test]
async fn a_second_opener_is_told_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let db = dir.path().join("x.db");
    let told = |error: Option<StoreError>| {
        assert!(
            matches!(&error, Some(StoreError::Unavailable(why)) if why.contains("another data directory")),
            "{error:?}"
        );
    };
    {
        let _table = SqliteTable::open(&db).unwrap();
        told(SqliteTable::open(&db).err());
        told(SqliteQueue::open(&db, Arc::new(SystemClock)).err());
        let _blobs = DirBlobs::open(dir.path().join("blobs")).unwrap();
        told(DirBlobs::open(dir.path().join("blobs")).err());
    }
    SqliteTable::open(&db).unwrap();
    DirBlobs::open(dir.path().join("blobs")).unwrap();
}

#[test]
fn what_is_not_ours_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let db = dir.path().join("x.db");
    std::fs::write(
        &db,
        "this is no database, however long one looks at it".repeat(100),
    )
    .unwrap();
    assert!(matches!(
        SqliteTable::open(&db).err(),
        Some(StoreError::Corrupt(_))
    ));
    assert!(SqliteTable::open(dir.path().join("no/such/directory/x.db")).is_err());
}

#[tokio::test]
async fn unfinished_blobs_are_swept() {
    let dir = tempfile::tempdir().unwrap();
    drop(DirBlobs::open(dir.path()).unwrap());
    std::fs::write(dir.path().join("tmp/7"), "half").unwrap();
    let blobs = DirBlobs::open(dir.path()).unwrap();
    assert_eq!(
        std::fs::read_dir(dir.path().join("tmp")).unwrap().count(),
        0
    );
    assert_eq!(
        blobs.list("", None, 10).await.unwrap(),
        Vec::<String>::new()
    );
}

/// A delayed message, and one that comes back, wake a waiter by themselves.
#[tokio::test]
async fn a_timer_wakes_the_waiter() {
    let queue = SqliteQueue::memory(Arc::new(SystemClock)).unwrap();
    let delay = Duration::from_millis(150);
    queue.send("q", "x", delay).await.unwrap();
    for receives in 1..=2 {
        let begun = std::time::Instant::now();
        let got = queue
            .receive("q", 1, delay, Duration::from_secs(10))
            .await
            .unwrap();
        assert_eq!(got[0].receives, receives);
        assert!(
            (130..1000).contains(&begun.elapsed().as_millis()),
            "{:?}",
            begun.elapsed()
        );
    }
}

// Any sequence of calls, compared with the sequential specification.

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "é"]).prop_map(Into::into)
}

fn key() -> impl Strategy<Value = Key> {
    (name(), name()).prop_map(|(partition, sort)| Key { partition, sort })
}

fn place() -> impl Strategy<Value = Option<IndexKey>> {
    prop::option::of((name(), name()).prop_map(|(partition, sort)| IndexKey { partition, sort }))
}

fn expect() -> impl Strategy<Value = Expect> {
    prop_oneof![2 => Just(Expect::Absent), 3 => Just(Expect::Exists), 3 => (1..4_u64).prop_map(Expect::Version)]
}

fn write() -> impl Strategy<Value = Write> {
    let body = prop::collection::vec(any::<u8>(), 0..4);
    let put =
        (key(), expect(), body, place(), place()).prop_map(|(key, expect, body, wake, listing)| {
            Write::Put {
                key,
                expect,
                body,
                wake,
                listing,
            }
        });
    let add = (key(), -3..5_i64, -4..2_i64).prop_map(|(key, delta, at_least)| Write::Add {
        key,
        delta,
        at_least,
    });
    let delete = (key(), expect())
        .prop_filter("makes no sense", |(_, expect)| *expect != Expect::Absent)
        .prop_map(|(key, expect)| Write::Delete { key, expect });
    let check = (key(), expect()).prop_map(|(key, expect)| Write::Check { key, expect });
    prop_oneof![6 => put, 3 => add, 2 => delete, 1 => check]
}

fn commit() -> impl Strategy<Value = Vec<Write>> {
    prop::collection::vec(write(), 1..4).prop_map(|mut writes| {
        writes.sort_by(|a, b| a.key().cmp(b.key()));
        writes.dedup_by(|a, b| a.key() == b.key());
        writes
    })
}

fn query() -> impl Strategy<Value = Query> {
    let index = prop::sample::select(vec![Index::Primary, Index::Wake, Index::Listing]);
    (
        index,
        name(),
        prop::option::of(name()),
        prop::option::of(name()),
        any::<bool>(),
        1..4_usize,
    )
        .prop_map(|(index, partition, from, to, descending, limit)| Query {
            index,
            partition,
            from,
            to,
            descending,
            limit,
            after: None,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn sqlite_table_does_what_its_specification_does(
        steps in prop::collection::vec((commit(), query()), 1..40)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (table, mut spec) = (SqliteTable::memory().unwrap(), Spec::default());
        runtime.block_on(async {
            for (writes, mut query) in steps {
                prop_assert_eq!(spec::wordless(table.commit(&writes).await), spec::wordless(spec.commit(&writes)));
                for write in &writes {
                    let expected = spec.get(write.key());
                    prop_assert_eq!(table.get(write.key()).await.unwrap(), expected);
                }
                let (expected, mut got) = (spec.query(&query), Vec::new());
                loop {
                    let page = table.query(&query).await.unwrap();
                    got.extend(page.items);
                    query.after = page.next;
                    if query.after.is_none() {
                        break;
                    }
                }
                prop_assert_eq!(got, expected);
            }
            Ok(())
        })?;
    }
}

// Kills. The parent starts this very program again as a child that commits, and kills it.

const CHILD: &str = "PROOFLANE_CRASH_CHILD";
const TASKS: u64 = 8;

/// The two items that each commit of a task writes together, and the counter that all tasks share.
fn shares(task: u64) -> (Key, Key, Key) {
    (
        Key::new("left", task.to_string()),
        Key::new("right", task.to_string()),
        Key::new("counter", "all"),
    )
}

async fn version(table: &SqliteTable, key: &Key) -> u64 {
    table.get(key).await.unwrap().map_or(0, |item| item.version)
}

/// Not a test by itself: writes until it is killed, and says what was acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn crash_child() {
    let Ok(dir) = std::env::var(CHILD) else {
        return;
    };
    let table = Arc::new(SqliteTable::open(Path::new(&dir).join("table.db")).unwrap());
    let blobs = Arc::new(DirBlobs::open(Path::new(&dir).join("blobs")).unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let (table, blobs) = (table.clone(), blobs.clone());
        tasks.spawn(async move {
            let (left, right, counter) = shares(task);
            for n in version(&table, &left).await.. {
                let expect = if n == 0 {
                    Expect::Absent
                } else {
                    Expect::Version(n)
                };
                let body = vec![task as u8; 3000];
                let add = Write::Add {
                    key: counter.clone(),
                    delta: 1,
                    at_least: 0,
                };
                table
                    .commit(&[
                        put(&left, expect, body.clone()),
                        add,
                        put(&right, expect, body),
                    ])
                    .await
                    .unwrap();
                println!("committed {task} {}", n + 1);
                if n % 8 == 0 {
                    blobs
                        .put(&format!("{task}/{n}"), &[1; 5000], PutMode::Overwrite)
                        .await
                        .unwrap();
                    println!("stored {task} {n}");
                }
            }
        });
    }
    tasks.join_all().await;
}

#[tokio::test]
async fn a_kill_loses_nothing_acknowledged_and_leaves_nothing_half_done() {
    const SEED: u64 = 20_260_701;
    println!("seed {SEED}");
    let mut random = Random(SEED);
    let dir = tempfile::tempdir().unwrap();
    let (mut acknowledged, mut stored) = ([0; TASKS as usize], Vec::new());
    for round in 0..10 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["crash_child", "--exact", "--nocapture"])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut kill_after = Some(Duration::from_millis(random.below(120)));
        for line in lines.map_while(Result::ok) {
            // The first line has what the harness says of the test in front of it.
            let words: Vec<_> = line.split(' ').collect();
            if let [.., what, task, n] = words[..]
                && let (Ok(task), Ok(n)) = (task.parse::<usize>(), n.parse::<u64>())
            {
                match what {
                    "committed" => acknowledged[task] = n,
                    "stored" => stored.push(format!("{task}/{n}")),
                    _ => {}
                }
                // The clock of the kill starts with the first commit; the pipe is read to its end.
                if let Some(time) = kill_after.take() {
                    tokio::time::sleep(time).await;
                    child.kill().unwrap();
                }
            }
        }
        child.wait().unwrap();

        let table = SqliteTable::open(dir.path().join("table.db")).unwrap();
        let blobs = DirBlobs::open(dir.path().join("blobs")).unwrap();
        let mut sum = 0;
        for task in 0..TASKS {
            let (left, right, _) = shares(task);
            let (left, right) = (version(&table, &left).await, version(&table, &right).await);
            let acknowledged = acknowledged[task as usize];
            assert_eq!(left, right, "round {round}, task {task}: half a commit");
            assert!(
                (acknowledged..=acknowledged + 1).contains(&left),
                "round {round}, task {task}: {left}, {acknowledged}"
            );
            sum += left;
        }
        assert_eq!(
            table
                .get(&shares(0).2)
                .await
                .unwrap()
                .map_or(0, |item| item.counter),
            sum as i64
        );
        for key in &stored {
            assert!(
                blobs
                    .get(key)
                    .await
                    .unwrap()
                    .is_some_and(|bytes| bytes == [1; 5000]),
                "round {round}: {key}"
            );
        }
        println!("round {round}: {sum} commits, {} blobs", stored.len());
    }
}
