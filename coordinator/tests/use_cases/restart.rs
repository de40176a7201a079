use crate::harness::*;
use prooflane_coordinator::Submission;
use prooflane_market::{AttemptEnd, EventKind, FailReason, Millis, PrivacyLevel, State, Status};
use prooflane_store::{Expect, IndexKey, Key, ManualClock, Write};
use std::sync::Arc;

#[tokio::test]
async fn after_a_restart_with_a_lost_queue_the_sweeper_finds_everything() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(START));
    let net = Net::on_disk(dir.path(), clock.clone());
    let p1 = net.prover("p1", 40).await;
    let running = net.running(&p1).await;
    let assigned = net.submitted().await;
    net.auction().await;
    let pending = net.submit(Submission {
        privacy_level: PrivacyLevel::ALLOWED,
        allowed_provers: vec![p1.clone()],
        ..submission()
    });
    let pending = pending.await.unwrap().record.task.id();
    drop(net);

    let net = Net::on_disk(dir.path(), clock);
    net.conserved().await;
    assert_eq!(net.auction().await, 0, "the hints are lost");
    assert_eq!(net.later(Millis(1)).await, 1, "the sweeper makes up for it");
    let mut claimed: Vec<_> = net.claimed(&p1).await.iter().map(|a| a.task_id).collect();
    claimed.sort();
    let mut expected = [assigned, pending];
    expected.sort();
    assert_eq!(claimed, expected);
    for id in [running, assigned, pending] {
        assert!(net.accept(&p1, id, 1, &PROOF).await.unwrap().accepted);
    }
    net.conserved().await;
}

#[tokio::test]
async fn a_prover_that_says_what_it_holds_gets_back_what_it_lost_in_a_restart() {
    let net = Net::open();
    let p1 = net.prover("p1", 40).await;
    let (kept, lost) = (net.running(&p1).await, net.running(&p1).await);
    assert!(net.claimed(&p1).await.is_empty(), "it keeps no count");
    let both = claim(&p1, Some([kept, lost].into()));
    assert!(net.claim(&both).await.unwrap().is_empty());
    let one = claim(&p1, Some([kept].into()));
    let again = net.claim(&one).await.unwrap();
    assert_eq!((again.len(), again[0].task_id), (1, lost));
    assert_eq!((again[0].attempt, &again[0].inputs), (1, &range_inputs()));
    let claims = |kind: &EventKind| matches!(kind, EventKind::Claimed { .. });
    let events = net.task(lost).await.unwrap().task.events;
    assert_eq!(events.iter().filter(|e| claims(&e.kind)).count(), 1);
    net.conserved().await;
}

#[tokio::test]
async fn one_unreadable_record_keeps_the_sweeper_from_no_other() {
    let net = Net::open();
    let tasks: Vec<_> = (0..4_u128).map(|n| named(n << 8)).collect();
    for n in 0..4 {
        // In front of every other task of its shard.
        let damaged = Write::Put {
            key: Key::new(format!("task#damaged{n}"), "task"),
            expect: Expect::Absent,
            body: b"{".to_vec(),
            wake: Some(IndexKey::new(format!("wake#{n}"), "0")),
            listing: None,
        };
        net.table.commit(&[damaged]).await.unwrap();
    }
    for mut task in tasks {
        task.deadline = Some(prooflane_market::Timestamp(START + 1));
        net.submit(task).await.unwrap();
    }
    net.clock.set(START + 1);
    assert_eq!(code(net.sweep().await), "corrupt_record");
    for n in 0..4_u128 {
        let id = named(n << 8).task_id.unwrap();
        assert_eq!(net.status(id).await, Status::Expired);
    }
}

#[tokio::test]
async fn inputs_that_cannot_be_read_start_no_attempt_and_hide_no_other_task() {
    let net = Net::open();
    let p1 = net.prover("p1", 40).await;
    let fine = net.submitted().await;
    net.clock.advance(std::time::Duration::from_millis(1));
    let damaged = net.submitted().await;
    assert_eq!(net.auction().await, 2);
    let gone = Write::Delete {
        key: Key::new(format!("task#{damaged}"), "input"),
        expect: Expect::Exists,
    };
    net.table.commit(&[gone]).await.unwrap();
    assert_eq!(net.claimed(&p1).await[0].task_id, fine);
    let refused = net.claim(&claim(&p1, None)).await;
    assert_eq!(code(refused), "corrupt_record");
    assert_eq!(net.status(damaged).await, Status::Assigned);
}

#[tokio::test]
async fn a_proof_for_a_key_that_was_replaced_costs_its_prover_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(START));
    let net = Net::on_disk(dir.path(), clock.clone());
    let p1 = net.prover("p1", 40).await;
    let id = net.running(&p1).await;
    drop(net);
    let net = Net::on_disk_with(dir.path(), clock, other_key());
    let refused = net.accept(&p1, id, 1, &PROOF).await;
    assert_eq!(code(refused), "task_ended");
    let task = net.task(id).await.unwrap().task;
    let reason = FailReason::KeyReplaced;
    assert_eq!(task.state, State::Failed { reason });
    assert_eq!(task.attempts[0].end, Some(AttemptEnd::KeyReplaced));
    let p1 = net.c.prover(&p1).await.unwrap();
    assert_eq!((p1.record.failed, p1.breaker.failures), (0, 0));
    assert_eq!(net.spent().await, 0);
    assert_eq!(net.balance("network:slashed").await, 0);
    net.conserved().await;
}
