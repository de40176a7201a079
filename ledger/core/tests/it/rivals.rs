//! Two processes that record over one store at the same time.

use crate::model::{Line, Model, Refusal, answer};
use crate::support::{Ground, said};
use async_trait::async_trait;
use prooflane_ledger::{Entry, Ledger, LedgerError, Permission, Permissions};
use prooflane_store::{
    Blobs, CommitError, Item, Key, Page, PutMode, PutOutcome, Query, StoreError, Table, Write,
};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use tokio::sync::Barrier;
use uuid::Uuid;

/// How many orders of the two processes' calls are tried.
const ORDERS: u64 = 40;

/// Both ports, before each call of which others may come. Evidence is kept when all have come that far: the proofs are verified and
/// the datasets new, and each goes on to the log.
struct Slow {
    ground: Ground,
    random: Mutex<fastrand::Rng>,
    together: Arc<Barrier>,
}

impl Slow {
    async fn dawdle(&self) {
        let turns = self.random.lock().unwrap().u32(0..4);
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    }
}

#[async_trait]
impl Table for Slow {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.dawdle().await;
        self.ground.table.get(key).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.dawdle().await;
        self.ground.table.query(query).await
    }

    async fn commit(&self, writes: &[Write]) -> Result<(), CommitError> {
        self.dawdle().await;
        self.ground.table.commit(writes).await
    }
}

#[async_trait]
impl Blobs for Slow {
    async fn put(&self, key: &str, bytes: &[u8], mode: PutMode) -> Result<PutOutcome, StoreError> {
        if key.starts_with("evidence/") {
            self.together.wait().await;
        }
        self.dawdle().await;
        self.ground.blobs.put(key, bytes, mode).await
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.dawdle().await;
        Blobs::get(&*self.ground.blobs, key).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.dawdle().await;
        self.ground.blobs.delete(key).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.dawdle().await;
        self.ground.blobs.list(prefix, after, limit).await
    }
}

async fn two(ground: &Ground, seed: u64) -> [Ledger; 2] {
    let together = Arc::new(Barrier::new(2));
    let open = async |seed| {
        let store = Arc::new(Slow {
            ground: ground.clone(),
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
            together: together.clone(),
        });
        ground.over(store.clone(), store).await.unwrap()
    };
    [open(2 * seed).await, open(2 * seed + 1).await]
}

async fn record(ledger: &Ledger, line: &Line) -> Result<(u64, Entry), LedgerError> {
    let evidence = line.said.bytes.clone();
    ledger.record(line.by, line.id, evidence).await
}

fn line(by: &'static str, name: &str) -> Line {
    Line {
        by: Some(by),
        id: Uuid::now_v7(),
        said: said(name),
    }
}

/// What became of two lines that were recorded at once.
struct Raced {
    ground: Ground,
    /// All that is in the log.
    model: Model,
    answers: [Result<u64, Refusal>; 2],
}

/// Records `before`, one after the other, then two lines at once; the same again under the same ids gets the same answers.
async fn race(seed: u64, before: &[Line], lines: [&Line; 2]) -> Raced {
    println!("order {seed}");
    let ground = Ground::new();
    let ledger = ground.open().await;
    let mut model = Model::default();
    for line in before {
        let (index, _) = record(&ledger, line).await.unwrap();
        assert_eq!(model.record(line.clone()), Ok(index));
    }
    let [one, other] = two(&ground, seed).await;
    let (first, second) = tokio::join!(record(&one, lines[0]), record(&other, lines[1]));
    let answers = [first, second].map(|recorded| answer(recorded.map(|(index, _)| index)));
    let size = ledger.size().await.unwrap();
    for index in model.lines.len() as u64..size {
        let id = ledger.entry(index).await.unwrap().id;
        let line = lines.into_iter().find(|line| line.id == id).unwrap();
        model.lines.push(line.clone());
    }
    for (line, expected) in lines.into_iter().zip(&answers) {
        let again = record(&ledger, line).await;
        assert_eq!(&answer(again.map(|(index, _)| index)), expected);
    }
    model.check_all(&ledger).await;
    Raced {
        ground,
        model,
        answers,
    }
}

#[tokio::test]
async fn the_same_is_recorded_once() {
    let line = line("alice", "notarize numbers");
    for seed in 0..ORDERS {
        let raced = race(seed, &[], [&line; 2]).await;
        assert_eq!(raced.answers, [Ok(0), Ok(0)]);
        assert_eq!(raced.model.lines.len(), 1);
    }
}

#[tokio::test]
async fn two_claims_are_both_recorded() {
    let numbers = line("alice", "notarize numbers");
    let lines = [
        line("alice", "count numbers"),
        line("alice", "count numbers"),
    ];
    for seed in 0..ORDERS {
        let raced = race(seed, std::slice::from_ref(&numbers), lines.each_ref()).await;
        let indices: BTreeSet<_> = raced.answers.into_iter().map(Result::unwrap).collect();
        assert_eq!(indices, [1, 2].into());
    }
}

/// The log has two origins of one dataset. Its first counts, and whoever recorded the other one is told so.
async fn one_origin(before: &[Line], lines: [Line; 2], dataset: &str) {
    let dataset = said(dataset).outputs[0];
    let mut winners = BTreeSet::new();
    for seed in 0..ORDERS {
        let Raced { model, answers, .. } = race(seed, before, lines.each_ref()).await;
        assert_eq!(model.lines.len(), before.len() + 2);
        let winner = model.lines[before.len()].id;
        let won = lines.iter().position(|line| line.id == winner).unwrap();
        assert_eq!(answers[won], Ok(before.len() as u64));
        assert_eq!(answers[1 - won], Err(Refusal::Recorded(dataset)));
        winners.insert(won);
    }
    assert_eq!(winners, [0, 1].into());
}

#[tokio::test]
async fn of_two_who_notarize_one_dataset_the_first_owns_it() {
    let lines = [
        line("alice", "notarize numbers"),
        line("bob", "notarize numbers"),
    ];
    one_origin(&[], lines, "notarize numbers").await;
}

#[tokio::test]
async fn of_two_who_make_one_dataset_the_first_owns_it() {
    let before = [line("alice", "notarize mine")];
    let lines = [
        line("alice", "project mine to numbers"),
        line("bob", "notarize numbers"),
    ];
    one_origin(&before, lines, "notarize numbers").await;
    let before = [line("alice", "notarize numbers")];
    let lines = [line("alice", "split numbers"), line("bob", "notarize left")];
    one_origin(&before, lines, "notarize left").await;
}

#[tokio::test]
async fn of_permissions_given_at_once_the_last_count_and_none_are_lost() {
    let numbers = line("alice", "notarize numbers");
    let dataset = numbers.said.outputs[0];
    let given: [Permissions; 2] = [[Permission::Read].into(), [Permission::Prove].into()];
    for seed in 0..ORDERS {
        let raced = race(seed, &[], [&numbers; 2]).await;
        let [one, other] = two(&raced.ground, seed).await;
        let grants = tokio::join!(
            one.grant(Some("alice"), dataset, "bob", &given[0]),
            other.grant(Some("alice"), dataset, "bob", &given[1]),
            other.grant(None, dataset, "carol", &given[1]),
        );
        assert!(matches!(grants, (Ok(()), Ok(()), Ok(()))));
        let ledger = raced.ground.open().await;
        let bob = ledger.permissions("bob", dataset).await.unwrap();
        assert!(given.contains(&bob), "{bob:?}");
        let mut model = raced.model;
        model.grant(None, dataset, "bob", &bob).unwrap();
        model.grant(None, dataset, "carol", &given[1]).unwrap();
        model.check_all(&ledger).await;
    }
}
