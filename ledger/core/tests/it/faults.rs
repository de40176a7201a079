//! Recording with a fault at every call of the store in turn.
//!
//! Evidence is recorded again and again, each time with the fault one call later, until it is recorded untouched. What was
//! refused must have left nothing behind, and what may have happened is there as a whole or not at all. Then another process
//! records the same again under the same id: it must be there once, for everybody.

use crate::model::{Line, Model};
use crate::support::{Ground, said};
use async_trait::async_trait;
use prooflane_ledger::{Entry, Ledger, LedgerError, Permission};
use prooflane_log::LogError;
use prooflane_store::{
    Blobs, CommitError, Item, Key, Page, PutMode, PutOutcome, Query, StoreError, Table, Write,
};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// It does not happen, and the caller is told so.
    Refused,
    /// It does not happen, and of a commit nobody can say so.
    LostUnknown,
    /// It happens, and the answer is lost.
    LandsUnknown,
    /// A commit whose answer is lost, and which happens only after the store's next two calls; others are lost.
    LandsLate,
    /// The process stops for ever before it.
    StopsBefore,
    /// The process stops for ever after it.
    StopsAfter,
}

/// How a call goes on.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Happens,
    Fails,
    HappensAndFails,
    Late,
}

#[derive(Default)]
struct Progress {
    /// Whether calls are counted yet.
    begun: bool,
    calls: usize,
    stopped: bool,
    /// What the fault came to, for whoever reads a failure.
    call: Option<String>,
    /// A commit under way, and before which call it arrives.
    late: Option<(usize, Vec<Write>)>,
}

/// Both ports, with a fault at call number `at` after it was begun.
struct Faulty {
    ground: Ground,
    fault: Fault,
    at: usize,
    progress: Mutex<Progress>,
    stop: Notify,
}

impl Faulty {
    /// Counts a call and decides it.
    async fn meet(&self, call: impl FnOnce() -> String) -> Fate {
        let (number, late) = {
            let mut progress = self.progress.lock().unwrap();
            if !progress.begun {
                return Fate::Happens;
            }
            let number = progress.calls;
            progress.calls += 1;
            if number == self.at {
                progress.call = Some(call());
            }
            let late = &progress.late;
            let due = late.as_ref().is_some_and(|(due, _)| *due <= number);
            (number, due.then(|| progress.late.take()).flatten())
        };
        if let Some((_, writes)) = late {
            // Refused or not, nobody hears of it.
            self.ground.table.commit(&writes).await.ok();
        }
        if self.progress.lock().unwrap().stopped {
            std::future::pending::<()>().await;
        }
        if number != self.at {
            return Fate::Happens;
        }
        match self.fault {
            Fault::Refused | Fault::LostUnknown => Fate::Fails,
            Fault::LandsUnknown | Fault::StopsAfter => Fate::HappensAndFails,
            Fault::LandsLate => Fate::Late,
            Fault::StopsBefore => {
                self.halt().await;
                Fate::Fails
            }
        }
    }

    /// Nothing ever goes on from here.
    async fn halt(&self) {
        self.progress.lock().unwrap().stopped = true;
        self.stop.notify_one();
        std::future::pending::<()>().await;
    }

    async fn call<T>(
        &self,
        name: impl FnOnce() -> String,
        happens: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let away = || Err(StoreError::Unavailable("it is away".into()));
        match self.meet(name).await {
            Fate::Happens => happens.await,
            Fate::Fails | Fate::Late => away(),
            Fate::HappensAndFails => {
                happens.await?;
                if self.fault == Fault::StopsAfter {
                    self.halt().await;
                }
                away()
            }
        }
    }
}

#[async_trait]
impl Table for Faulty {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let name = || format!("get {key}");
        self.call(name, self.ground.table.get(key)).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let name = || format!("query {}", query.partition);
        self.call(name, self.ground.table.query(query)).await
    }

    async fn commit(&self, writes: &[Write]) -> Result<(), CommitError> {
        let unknown = || Err(CommitError::Unknown("it timed out".into()));
        let name = || format!("commit of {} and others", writes[0].key());
        match self.meet(name).await {
            Fate::Happens => self.ground.table.commit(writes).await,
            Fate::Fails if self.fault == Fault::Refused => {
                Err(StoreError::Unavailable("it is away".into()).into())
            }
            Fate::Fails => unknown(),
            Fate::HappensAndFails => {
                self.ground.table.commit(writes).await?;
                if self.fault == Fault::StopsAfter {
                    self.halt().await;
                }
                unknown()
            }
            Fate::Late => {
                self.progress.lock().unwrap().late = Some((self.at + 3, writes.to_vec()));
                unknown()
            }
        }
    }
}

#[async_trait]
impl Blobs for Faulty {
    async fn put(&self, key: &str, bytes: &[u8], mode: PutMode) -> Result<PutOutcome, StoreError> {
        let name = || format!("put {key}");
        let put = self.ground.blobs.put(key, bytes, mode);
        self.call(name, put).await
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let name = || format!("get {key}");
        self.call(name, Blobs::get(&*self.ground.blobs, key)).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let name = || format!("delete {key}");
        self.call(name, self.ground.blobs.delete(key)).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let name = || format!("list {prefix}");
        let listed = self.ground.blobs.list(prefix, after, limit);
        self.call(name, listed).await
    }
}

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

    let store = Arc::new(Faulty {
        ground: ground.clone(),
        fault,
        at,
        progress: Mutex::default(),
        stop: Notify::new(),
    });
    let ledger = ground.over(store.clone(), store.clone()).await.unwrap();
    store.progress.lock().unwrap().begun = true;
    let recorded = tokio::select! {
        recorded = record(&ledger, &line) => Some(recorded),
        () = store.stop.notified() => None,
    };
    // What was on its way when the process died arrives now at the latest.
    let (late, call) = {
        let mut progress = store.progress.lock().unwrap();
        (progress.late.take(), progress.call.take())
    };
    if let Some((_, writes)) = late {
        ground.table.commit(&writes).await.ok();
    }
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
