//! Tasks, messages and machines.

use crate::harness::*;
use prooflane_client::wire::AssignmentView;
use prooflane_fleet::{Fleet, Waits};
use prooflane_market::{AttemptEnd, Status};
use prooflane_worker::{Drain, Network, NetworkError, Summary, run};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

fn start(
    network: Arc<dyn Network>,
    slots: u32,
) -> (Draining, JoinHandle<Result<Summary, NetworkError>>) {
    let drain = Drain::default();
    let running = tokio::spawn(run(network, offer(slots), drain.clone()));
    (Draining(drain), running)
}

async fn stop(machine: (Draining, JoinHandle<Result<Summary, NetworkError>>)) -> Summary {
    machine.0.0.start();
    machine.1.await.unwrap().unwrap()
}

/// What this machine claims, as soon as there is something.
async fn claimed(machine: &Fleet) -> AssignmentView {
    let wait = Duration::from_secs(1);
    let claim = async {
        loop {
            let claimed = machine.claim(&offer(1), 1, &[], wait).await.unwrap();
            if let Some(first) = claimed.into_iter().next() {
                return first;
            }
        }
    };
    tokio::time::timeout(PATIENCE, claim).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_pulled_proved_verified_and_paid_for() {
    let mut net = Net::start().await;
    net.verify();
    let before = net.held_by_class().await;
    let keys = tempfile::tempdir().unwrap();
    let machine = start(net.machine(&keys), 2);
    let task = net.submit().await;
    let record = net.is(task, Status::Completed).await;
    assert_eq!(endings(&record), [(AttemptEnd::Proved, None)]);
    assert_eq!(
        stop(machine).await,
        Summary {
            proved: 1,
            failed: 0
        }
    );
    assert!(net.held_by_class().await > before);
    let queue = format!("prover-{CLASS}");
    net.later(Duration::from_secs(60)).await;
    assert_eq!(net.empty(&queue).await, 0, "the message was dropped");
    assert!(keys.path().join("range@1.key").exists());
    net.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_poll_brings_as_many_tasks_as_there_is_room_for() {
    let net = Net::start().await;
    for _ in 0..3 {
        net.won().await;
    }
    let keys = tempfile::tempdir().unwrap();
    let machine = net.machine(&keys);
    let claimed = machine.claim(&offer(2), 2, &[], Duration::ZERO).await;
    assert_eq!(claimed.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_whose_message_is_lost_is_found_all_the_same() {
    let mut net = Net::start().await;
    net.verify();
    let task = net.won().await;
    // It follows on the assignment.
    while net.empty(&format!("prover-{CLASS}")).await == 0 {
        tokio::task::yield_now().await;
    }
    let keys = tempfile::tempdir().unwrap();
    let machine = start(net.machine(&keys), 1);
    net.later(Duration::from_secs(12)).await;
    let record = net.is(task, Status::Completed).await;
    assert_eq!(endings(&record), [(AttemptEnd::Proved, None)]);
    assert_eq!(stop(machine).await.proved, 1);
    net.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_machines_with_the_same_message_one_has_the_task() {
    let net = Net::start().await;
    let mut tasks = BTreeSet::new();
    for _ in 0..8 {
        let task = net.won().await;
        net.again(task).await;
        tasks.insert(task.0);
    }
    let keys = tempfile::tempdir().unwrap();
    let (a, b) = (net.machine(&keys), net.machine(&keys));
    let mut claimed = Vec::new();
    for _ in 0..3 {
        let offer = offer(8);
        let (one, other) = tokio::join!(
            a.claim(&offer, 8, &[], Duration::ZERO),
            b.claim(&offer, 8, &[], Duration::ZERO)
        );
        claimed.extend(one.unwrap().into_iter().chain(other.unwrap()));
    }
    assert_eq!(claimed.len(), tasks.len());
    let claimed: BTreeSet<_> = claimed.iter().map(|held| held.task_id).collect();
    assert_eq!(claimed, tasks);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_delivered_to_two_machines_at_once_is_paid_for_once() {
    let mut net = Net::start().await;
    net.verify();
    let before = net.held_by_class().await;
    let keys = tempfile::tempdir().unwrap();
    let (a, b) = (start(net.machine(&keys), 2), start(net.machine(&keys), 2));
    let mut tasks = Vec::new();
    for _ in 0..3 {
        let task = net.submit().await;
        net.again(task).await;
        net.again(task).await;
        tasks.push(task);
    }
    for task in tasks {
        let record = net.is(task, Status::Completed).await;
        assert_eq!(endings(&record), [(AttemptEnd::Proved, None)]);
    }
    let (a, b) = (stop(a).await, stop(b).await);
    assert_eq!((a.proved + b.proved, a.failed + b.failed), (3, 0));
    let earned = net.held_by_class().await - before;
    // The only bidder is paid the ceiling.
    assert_eq!(earned, 3 * i64::try_from(REWARD).unwrap());
    net.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_dies_loses_its_task_to_another() {
    let mut net = Net::start().await;
    net.verify();
    let before = net.held_by_class().await;
    let task = net.won().await;
    let keys = tempfile::tempdir().unwrap();
    let dead = net.machine(&keys);
    claimed(&dead).await;
    drop(dead);
    let machine = start(net.machine(&keys), 1);
    net.is(task, Status::InProgress).await;
    net.later(Duration::from_millis(net.coordinator.rules().lease.0))
        .await;
    let record = net.is(task, Status::Completed).await;
    assert_eq!(
        endings(&record),
        [(AttemptEnd::Proved, None)],
        "taken over within the lease"
    );
    assert_eq!(stop(machine).await.proved, 1);
    assert!(net.held_by_class().await > before, "and nothing charged");
    net.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_on_which_there_is_no_verdict_is_sent_again() {
    let mut net = Net::start().await;
    let keys = tempfile::tempdir().unwrap();
    let waits = Waits {
        poll: Duration::from_millis(50),
        resend: Duration::from_millis(50),
    };
    let machine = start(net.machine_that(&keys, waits), 1);
    let task = net.submit().await;
    net.is(task, Status::InProgress).await;
    // The first is lost, and the one after.
    let mut lost = 0;
    while lost < 2 {
        lost += net.empty("results").await;
        tokio::task::yield_now().await;
    }
    net.verify();
    net.is(task, Status::Completed).await;
    assert_eq!(stop(machine).await.proved, 1);
    net.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_extend_lease_and_message_together() {
    let net = Net::start().await;
    let task = net.won().await;
    let keys = tempfile::tempdir().unwrap();
    let machine = net.machine(&keys);
    let offer = offer(1);
    let attempt = claimed(&machine).await.attempt;
    for _ in 0..10 {
        net.later(Duration::from_secs(20)).await;
        machine.heartbeat(&offer, task.0, attempt).await.unwrap();
        let hidden = net.empty(&format!("prover-{CLASS}")).await;
        assert_eq!(
            hidden, 0,
            "the message is hidden as long as the lease lasts"
        );
    }
    net.is(task, Status::InProgress).await;
    // What has ended is not extended.
    net.later(Duration::from_secs(60)).await;
    let late = machine.heartbeat(&offer, task.0, attempt).await;
    assert!(
        matches!(late, Err(NetworkError::Refused { .. })),
        "{late:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_poll_claims_is_not_lost_when_draining_begins_meanwhile() {
    let mut net = Net::start().await;
    net.verify();
    let keys = tempfile::tempdir().unwrap();
    let waits = Waits {
        poll: Duration::from_secs(5),
        ..Waits::default()
    };
    let machine = net.machine_that(&keys, waits);
    let offer = offer(1);
    // The worker stops waiting, as it does when draining begins ...
    let poll = machine.claim(&offer, 1, &[], Duration::from_secs(5));
    tokio::time::timeout(Duration::from_millis(50), poll)
        .await
        .map(drop)
        .unwrap_err();
    machine.withdraw(&offer).await.unwrap();
    // ... and the poll takes something up.
    let task = net.submit().await;
    net.is(task, Status::InProgress).await;
    let claimed = machine.claim(&offer, 1, &[], Duration::ZERO).await.unwrap();
    assert_eq!(claimed.len(), 1);
    // It begins no other.
    let other = net.won().await;
    let more = machine.claim(&offer, 1, &[task.0], Duration::ZERO).await;
    assert!(more.unwrap().is_empty());
    net.is(other, Status::Assigned).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_what_its_name_says_is_not_used() {
    use prooflane_coordinator::Catalogue;
    use prooflane_store::PutMode;
    let net = Net::start().await;
    let keys = tempfile::tempdir().unwrap();
    let machine = net.machine(&keys);
    let refused =
        |key: Result<_, NetworkError>| key.map(drop).unwrap_err().code().map(str::to_owned);
    let missing = machine.key("range@1", "00").await;
    assert_eq!(refused(missing).as_deref(), Some("bad_key"));
    let blobs = &net.ports.blobs;
    let name = Catalogue::proving_key_blob("range@1", &key().key_id().to_string());
    let file = blobs.get(&name).await.unwrap().unwrap();
    let other = Catalogue::proving_key_blob("range@1", "00");
    net.ports
        .blobs
        .put(&other, &file, PutMode::IfAbsent)
        .await
        .unwrap();
    let wrong = machine.key("range@1", "00").await;
    assert_eq!(refused(wrong).as_deref(), Some("bad_key"));
}
