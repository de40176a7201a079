//! What a machine tells its group.

use crate::harness::*;
use async_trait::async_trait;
use prooflane_client::wire::AssignmentView;
use prooflane_engine::CircuitKey;
use prooflane_fleet::{Group, GroupError, work};
use prooflane_market::Status;
use prooflane_worker::{Drain, InProcess, Prover};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Protect(bool),
    StillDraining,
    Drained,
}

/// Notes what it is told; says no to everything if it is to.
#[derive(Default)]
struct Notes {
    told: Mutex<Vec<Told>>,
    refuses: bool,
}

impl Notes {
    fn note(&self, told: Told) -> Result<(), GroupError> {
        self.told.lock().unwrap().push(told);
        if self.refuses {
            return Err(GroupError::Service("ValidationError: no".into()));
        }
        Ok(())
    }

    fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }

    async fn hears(&self, wanted: Told) {
        let until = Instant::now() + PATIENCE;
        while !self.told().contains(&wanted) {
            assert!(
                Instant::now() < until,
                "expected {wanted:?}, got {:?}",
                self.told()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[async_trait]
impl Group for Notes {
    async fn protect(&self, protected: bool) -> Result<(), GroupError> {
        self.note(Told::Protect(protected))
    }
    async fn still_draining(&self) -> Result<(), GroupError> {
        self.note(Told::StillDraining)
    }
    async fn drained(&self) -> Result<(), GroupError> {
        self.note(Told::Drained)
    }
}

/// Proves once it may.
struct Held(Semaphore);

#[async_trait]
impl Prover for Held {
    async fn prove(
        &self,
        key: Option<Arc<CircuitKey>>,
        assignment: AssignmentView,
    ) -> Result<Vec<u8>, String> {
        self.0.acquire().await.unwrap().forget();
        InProcess.prove(key, assignment).await
    }
}

const SELDOM: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_protected_while_it_holds_leases() {
    let mut net = Net::start().await;
    net.verify();
    let tasks = [net.won().await, net.won().await];
    let keys = tempfile::tempdir().unwrap();
    let group = Arc::new(Notes::default());
    let drain = Draining(Drain::default());
    let (network, told) = (net.machine(&keys), group.clone());
    let working = work(
        network,
        Arc::new(InProcess),
        offer(2),
        drain.0.clone(),
        Some(told),
        SELDOM,
    );
    let working = tokio::spawn(working);
    for task in tasks {
        net.is(task, Status::Completed).await;
    }
    group.hears(Told::Protect(false)).await;
    assert_eq!(
        group.told(),
        [Told::Protect(true), Told::Protect(false)],
        "not with every task"
    );
    net.submit().await;
    drain.0.start();
    assert!(working.await.unwrap().unwrap().proved >= 2);
    assert_eq!(group.told().last(), Some(&Told::Drained));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_is_to_go_finishes_what_it_holds() {
    let mut net = Net::start().await;
    net.verify();
    let keys = tempfile::tempdir().unwrap();
    let group = Arc::new(Notes::default());
    let drain = Draining(Drain::default());
    let slow = Arc::new(Held(Semaphore::new(0)));
    let (network, told, often) = (net.machine(&keys), group.clone(), Duration::from_millis(5));
    let working = work(
        network,
        slow.clone(),
        offer(1),
        drain.0.clone(),
        Some(told),
        often,
    );
    let working = tokio::spawn(working);
    let held = net.submit().await;
    net.is(held, Status::InProgress).await;
    let next = net.won().await;
    group.hears(Told::Protect(true)).await;
    drain.0.start();
    group.hears(Told::StillDraining).await;
    slow.0.add_permits(1);
    let summary = working.await.unwrap().unwrap();
    assert_eq!((summary.proved, summary.failed), (1, 0));
    net.is(held, Status::Completed).await;
    net.is(next, Status::Assigned).await;
    let told = group.told();
    assert_eq!(told[0], Told::Protect(true));
    assert_eq!(
        &told[told.len() - 2..],
        [Told::Protect(false), Told::Drained]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_does_not_listen_changes_nothing() {
    let mut net = Net::start().await;
    net.verify();
    let keys = tempfile::tempdir().unwrap();
    let group = Arc::new(Notes {
        refuses: true,
        ..Notes::default()
    });
    let drain = Draining(Drain::default());
    let (network, told) = (net.machine(&keys), group.clone());
    let working = work(
        network,
        Arc::new(InProcess),
        offer(1),
        drain.0.clone(),
        Some(told),
        SELDOM,
    );
    let working = tokio::spawn(working);
    let task = net.submit().await;
    net.is(task, Status::Completed).await;
    drain.0.start();
    assert_eq!(working.await.unwrap().unwrap().proved, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_goes_already_begins_nothing() {
    let net = Net::start().await;
    let task = net.won().await;
    let keys = tempfile::tempdir().unwrap();
    let group = Arc::new(Notes::default());
    let drain = Drain::default();
    drain.start();
    let (network, told) = (net.machine(&keys), group.clone());
    let working = work(
        network,
        Arc::new(InProcess),
        offer(1),
        drain,
        Some(told),
        SELDOM,
    );
    assert_eq!(working.await.unwrap().proved, 0);
    assert_eq!(group.told(), [Told::Drained]);
    net.is(task, Status::Assigned).await;
}
