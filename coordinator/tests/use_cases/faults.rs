//! The standard scenario with a fault at every commit in turn.

use crate::harness::*;
use async_trait::async_trait;
use prooflane_coordinator::{Error, Submission};
use prooflane_market::{EventKind, PrivacyLevel, Rules, State, TaskId};
use prooflane_store::{CommitError, Expect, Item, Key, Page, Query, StoreError, Table, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Clone, Copy, Debug)]
enum Fault {
    /// The commit happens, but nobody can say so.
    LandsUnknown,
    /// The commit does not happen, and nobody can say so.
    LostUnknown,
    /// Others are faster, this many times in a row.
    Conflicts(usize),
    /// The store is away; the caller tries again.
    Away,
}

/// A table with a fault from its commit number `at` on.
struct Flaky {
    inner: Arc<dyn Table>,
    fault: Option<Fault>,
    at: usize,
    commits: AtomicUsize,
}

#[async_trait]
impl Table for Flaky {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.inner.get(key).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.inner.query(query).await
    }

    async fn commit(&self, writes: &[Write]) -> Result<(), CommitError> {
        let number = self.commits.fetch_add(1, Ordering::SeqCst);
        let since = number.checked_sub(self.at);
        let unknown = || CommitError::Unknown("it timed out".into());
        match (self.fault, since) {
            (Some(Fault::LandsUnknown), Some(0)) => {
                self.inner.commit(writes).await?;
                Err(unknown())
            }
            (Some(Fault::LostUnknown), Some(0)) => Err(unknown()),
            (Some(Fault::Away), Some(0)) => {
                Err(StoreError::Unavailable("it is away".into()).into())
            }
            (Some(Fault::Conflicts(times)), Some(since)) if since < times => {
                Err(CommitError::Conflict {
                    index: 0,
                    key: writes[0].key().clone(),
                    expected: Expect::Exists,
                    got: None,
                })
            }
            _ => self.inner.commit(writes).await,
        }
    }
}

/// Tries again as a client does while the store is away.
async fn insist<T>(call: impl AsyncFn() -> Result<T, Error>) -> T {
    match call().await {
        Err(error) if error.code() == "unavailable" => call().await.unwrap(),
        result => result.unwrap(),
    }
}

/// A private task whose first attempt is abandoned, whose second fails, whose third is invalid, and
/// whose fourth is good. Returns how many commits that took.
async fn scenario(fault: Option<Fault>, at: usize) -> usize {
    let mut flaky = None;
    let net = Net::with(Rules::open(), range_only(), |inner| {
        let table = Arc::new(Flaky {
            inner,
            fault,
            at,
            commits: AtomicUsize::new(0),
        });
        flaky = Some(table.clone());
        table
    });
    let p1 = prooflane_market::ProverId::new("p1").unwrap();
    let registration = || prooflane_coordinator::Registration {
        prover_id: p1.clone(),
        owner: None,
        capacity: 1,
        fleet: false,
        trusted: true,
    };
    insist(async || net.c.register(registration()).await).await;
    insist(async || net.place_ask(&p1, ask(40)).await).await;
    let submission = || Submission {
        privacy_level: PrivacyLevel::ALLOWED,
        ..named(1)
    };
    let id: TaskId = insist(async || net.submit(submission()).await)
        .await
        .record
        .task
        .id();
    let start = async |attempt| {
        insist(async || net.sweep().await).await;
        for _ in 0..8 {
            // A message whose receiver failed comes again when its visibility ends.
            if net.auction_once(std::time::Duration::ZERO).await.is_err() {
                net.auction_again().await;
            }
        }
        let claimed = insist(async || net.claim(&claim(&p1, None)).await).await;
        assert_eq!((claimed.len(), claimed[0].attempt), (1, attempt));
        insist(async || net.heartbeat(&p1, id, attempt).await).await;
        net.conserved().await;
    };
    start(1).await;
    let pass = async |steps| {
        for _ in 0..steps {
            net.clock.advance(std::time::Duration::from_secs(5));
            insist(async || net.sweep().await).await;
        }
    };
    pass(7).await;
    start(2).await;
    insist(async || net.fail(&p1, id, 2, "no memory").await).await;
    start(3).await;
    assert!(
        !insist(async || net.accept(&p1, id, 3, &OTHER).await)
            .await
            .accepted
    );
    // After three failures in a row it is paused.
    pass(2).await;
    start(4).await;
    assert!(
        insist(async || net.accept(&p1, id, 4, &PROOF).await)
            .await
            .accepted
    );
    pass(12).await;
    insist(async || net.auction_once(std::time::Duration::ZERO).await).await;

    let task = net.task(id).await.unwrap().task;
    assert!(matches!(task.state, State::Completed { attempt: 4, .. }));
    let done = |kind: &EventKind| matches!(kind, EventKind::Completed { .. });
    assert_eq!(task.events.iter().filter(|e| done(&e.kind)).count(), 1);
    assert_eq!(net.balance("prover:p1").await, 100);
    assert_eq!(net.balance("network:slashed").await, 10 + 100);
    let record = net.c.prover(&p1).await.unwrap().record;
    assert_eq!((record.proved, record.failed), (1, 3));
    assert_eq!(net.spent().await, 100);
    net.conserved().await;
    flaky.unwrap().commits.load(Ordering::SeqCst)
}

impl Net {
    /// The sweeper hints at what an auction left undone.
    async fn auction_again(&self) {
        self.sweep().await.unwrap();
        self.auction().await;
    }
}

async fn at_every_commit(fault: Fault) {
    let commits = scenario(None, 0).await;
    assert!(commits > 15, "{commits}");
    for at in 0..commits {
        eprintln!("{fault:?} at commit {at}");
        scenario(Some(fault), at).await;
    }
}

#[tokio::test]
async fn a_commit_that_lands_but_times_out_changes_nothing_twice() {
    at_every_commit(Fault::LandsUnknown).await;
}

#[tokio::test]
async fn a_commit_that_times_out_and_is_lost_is_made_again() {
    at_every_commit(Fault::LostUnknown).await;
}

#[tokio::test]
async fn whoever_loses_a_race_reads_again_and_decides_again() {
    at_every_commit(Fault::Conflicts(5)).await;
}

#[tokio::test]
async fn a_store_that_is_away_for_a_moment_costs_nobody_anything() {
    at_every_commit(Fault::Away).await;
}

#[tokio::test]
async fn a_payment_whose_claim_times_out_is_admitted_when_it_landed() {
    for (fault, expected) in [
        (Fault::LandsUnknown, "ok"),
        (Fault::LostUnknown, "contention"),
    ] {
        let net = Net::with(Rules::open(), payment_only(), |inner| {
            Arc::new(Flaky {
                inner,
                fault: Some(fault),
                at: 0,
                commits: AtomicUsize::new(0),
            })
        });
        let (claim, proof) = crate::payments::payment("3");
        assert_eq!(code(net.redeem(&claim, &proof).await), expected);
        let again = net.redeem(&claim, &proof).await.unwrap();
        assert_eq!(again, prooflane_coordinator::Redeemed::Admitted);
    }
}

#[tokio::test]
async fn a_submission_that_lands_but_times_out_was_made_by_this_call() {
    // The first finds no credits, the second grants them.
    for fault in [Fault::LandsUnknown, Fault::LostUnknown] {
        let net = Net::with(Rules::open(), range_only(), |inner| {
            Arc::new(Flaky {
                inner,
                fault: Some(fault),
                at: 2,
                commits: AtomicUsize::new(0),
            })
        });
        assert!(net.submit(named(1)).await.unwrap().created, "{fault:?}");
        assert!(!net.submit(named(1)).await.unwrap().created);
        net.conserved().await;
    }
}
