//! The embedded table under concurrent calls of real threads: every history is linearisable; and the
//! check rejects tables that are not.
#![allow(clippy::unwrap_used, reason = "tests")]

use async_trait::async_trait;
use prooflane_store::{
    CommitError, Expect, Item, Key, Page, Query, SqliteTable, StoreError, Table, Write,
};
use prooflane_tests::conformance::Random;
use prooflane_tests::conformance::linear::{self, Answer, Call, Entry, History};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Another one can be tried with `PROOFLANE_SEED=<decimal>`.
const SEED: u64 = 0x11ea_a51e;

fn seed() -> u64 {
    std::env::var("PROOFLANE_SEED").map_or(SEED, |seed| seed.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn histories_of_a_table_in_a_file_are_linearisable() {
    let dir = tempfile::tempdir().unwrap();
    let table = SqliteTable::open(dir.path().join("table.db")).unwrap();
    let seen = linear::check(Arc::new(table), seed(), 200).await;
    let seen = seen.unwrap_or_else(|found| panic!("{found}"));
    println!("{seen:?}");
    assert!(seen.committed > 500 && seen.refused > 500 && seen.overlaps > 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn histories_of_a_table_in_memory_are_linearisable() {
    let table = SqliteTable::memory().unwrap();
    let seen = linear::check(Arc::new(table), seed(), 200).await;
    let seen = seen.unwrap_or_else(|found| panic!("{found}"));
    println!("{seen:?}");
    assert!(seen.committed > 500 && seen.refused > 500 && seen.overlaps > 1_000);
}

/// A table with a fault, at a quarter of the calls that can have it.
struct Faulty {
    table: SqliteTable,
    fault: Fault,
    random: Mutex<Random>,
    first_seen: Mutex<BTreeMap<Key, Option<Item>>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// A commit is or is not applied, and says that its outcome is unknown. That is allowed.
    Unknown,
    /// A get answers what it answered before.
    StaleRead,
    /// A commit that is acknowledged is not applied.
    LostUpdate,
    /// Of a commit that is acknowledged the last write is not applied.
    TornCommit,
    /// A commit does not look at what it expects.
    Unconditional,
    /// A commit says that it was refused, and is applied.
    FalseRefusal,
}

impl Faulty {
    fn new(fault: Fault) -> Arc<Self> {
        Arc::new(Self {
            table: SqliteTable::memory().unwrap(),
            fault,
            random: Mutex::new(Random(seed())),
            first_seen: Mutex::default(),
        })
    }

    fn strikes(&self) -> bool {
        self.random.lock().unwrap().below(4) == 0
    }
}

#[async_trait]
impl Table for Faulty {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let item = self.table.get(key).await?;
        let mut first_seen = self.first_seen.lock().unwrap();
        let first = first_seen.entry(key.clone()).or_insert(item.clone());
        Ok(if self.fault == Fault::StaleRead && self.strikes() {
            first.clone()
        } else {
            item
        })
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.table.query(query).await
    }

    async fn commit(&self, writes: &[Write]) -> Result<(), CommitError> {
        if !self.strikes() {
            return self.table.commit(writes).await;
        }
        let unknown = || Err(CommitError::Unknown("planted".into()));
        match self.fault {
            Fault::StaleRead => self.table.commit(writes).await,
            Fault::Unknown if self.strikes() => unknown(),
            Fault::Unknown => self.table.commit(writes).await.and_then(|()| unknown()),
            Fault::LostUpdate => Ok(()),
            Fault::TornCommit => self.table.commit(&writes[..writes.len() - 1]).await,
            Fault::Unconditional => {
                let mut writes = writes.to_vec();
                for write in &mut writes {
                    if let Write::Put { key, expect, .. } = write
                        && self.table.get(key).await?.is_some()
                    {
                        *expect = Expect::Exists;
                    }
                }
                self.table.commit(&writes).await
            }
            Fault::FalseRefusal => {
                self.table.commit(writes).await?;
                Err(CommitError::Conflict {
                    index: 0,
                    key: writes[0].key().clone(),
                    expected: Expect::Absent,
                    got: None,
                })
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_outcomes_leave_a_history_linearisable() {
    let seen = linear::check(Faulty::new(Fault::Unknown), seed(), 200).await;
    let seen = seen.unwrap_or_else(|found| panic!("{found}"));
    assert!(seen.unknown > 200, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_are_not_linearisable_are_found_out() {
    for fault in [
        Fault::StaleRead,
        Fault::LostUpdate,
        Fault::TornCommit,
        Fault::Unconditional,
        Fault::FalseRefusal,
    ] {
        let found = linear::check(Faulty::new(fault), seed(), 50).await;
        let found = found
            .err()
            .unwrap_or_else(|| panic!("{fault:?} was not found out"));
        println!("{fault:?} in {found}\n");
    }
}

fn put(expect: Expect, body: &str) -> Call {
    Call::Commit(vec![Write::Put {
        key: Key::new("p", "s"),
        expect,
        body: body.into(),
        wake: None,
        listing: None,
    }])
}

fn entry(thread: u64, called: u64, call: Call, returned: Option<(u64, Answer)>) -> Entry {
    Entry {
        thread,
        called,
        call,
        returned,
    }
}

fn got(version: u64, body: &str) -> Answer {
    let nothing = (version > 0).then(|| Item {
        key: Key::new("p", "s"),
        version,
        body: body.into(),
        counter: 0,
        wake: None,
        listing: None,
    });
    Answer::Got(nothing)
}

#[test]
fn real_time_decides_what_a_read_may_see() {
    let done = Answer::Committed(Ok(()));
    let get = || Call::Get(Key::new("p", "s"));
    let written = entry(0, 0, put(Expect::Absent, "x"), Some((2, done)));
    let read = |called, returned, answer| entry(1, called, get(), Some((returned, answer)));
    let linearisable = |read: Entry| History(vec![written.clone(), read]).linearise().is_ok();
    assert!(linearisable(read(1, 3, got(0, ""))), "at once: before");
    assert!(linearisable(read(1, 3, got(1, "x"))), "at once: after");
    assert!(linearisable(read(3, 4, got(1, "x"))));
    assert!(
        !linearisable(read(3, 4, got(0, ""))),
        "later, and yet before"
    );
    assert!(!linearisable(read(1, 3, got(1, "y"))), "never written");
    assert!(!linearisable(read(1, 3, got(2, "x"))), "written twice");
}

#[test]
fn a_commit_of_unknown_outcome_happens_at_any_later_moment_or_never() {
    let get = |called, answer| {
        let call = Call::Get(Key::new("p", "s"));
        entry(1, called, call, Some((called + 1, answer)))
    };
    let unknown = entry(0, 2, put(Expect::Absent, "x"), None);
    let linearisable = |reads: &[Entry]| {
        let mut all = vec![unknown.clone()];
        all.extend_from_slice(reads);
        History(all).linearise().is_ok()
    };
    assert!(
        linearisable(&[get(4, got(0, "")), get(6, got(0, ""))]),
        "never"
    );
    assert!(
        linearisable(&[get(4, got(0, "")), get(6, got(1, "x"))]),
        "late"
    );
    assert!(linearisable(&[get(4, got(1, "x")), get(6, got(1, "x"))]));
    assert!(
        !linearisable(&[get(0, got(1, "x"))]),
        "before it was called"
    );
    assert!(
        !linearisable(&[get(4, got(1, "x")), get(6, got(0, ""))]),
        "taken back"
    );
}
