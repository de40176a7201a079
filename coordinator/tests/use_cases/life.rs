use crate::harness::*;
use prooflane_coordinator::{Submission, Verdict};
use prooflane_market::{
    FailReason, Millis, Outcome, Prover, Ratio, Rules, State, Status, Timestamp,
};
use std::time::Duration;

const LEASE: Millis = Millis(30_000);
/// When a lease counts as run out.
const RUN_OUT: Millis = Millis(35_000);

#[tokio::test]
async fn a_task_is_submitted_auctioned_claimed_proved_verified_paid_and_fetched() {
    let net = Net::open();
    let (p1, _p2) = (net.prover("p1", 40).await, net.prover("p2", 60).await);
    let id = net.submitted().await;
    assert_eq!(net.status(id).await, Status::Pending);
    assert_eq!(net.auction().await, 1);
    assert_eq!(net.status(id).await, Status::Assigned);
    let [assignment] = &net.claimed(&p1).await[..] else {
        panic!("p1 asks less")
    };
    assert_eq!(net.status(id).await, Status::InProgress);
    assert_eq!((assignment.task_id, assignment.attempt), (id, 1));
    assert_eq!(assignment.inputs, range_inputs());
    assert_eq!(assignment.lease_expires_at, Timestamp(START + LEASE.0));
    assert_eq!(assignment.price.0, 60, "the second score among equals");
    net.conserved().await;
    let proof = proof_of(&assignment.circuit, &assignment.inputs);
    net.clock.advance(Duration::from_secs(20));
    let verdict = net.accept(&p1, id, 1, &proof).await.unwrap();
    let quality = Ratio::ppm(500_000);
    let expected = Verdict {
        accepted: true,
        quality,
    };
    assert_eq!(verdict, expected, "twice the promised time");
    let stored = net.proof(id).await.unwrap();
    assert_eq!(stored.proof, proof);
    assert_eq!(net.balance("prover:p1").await, 60);
    assert_eq!(net.spent().await, 60);
    let record = net.c.prover(&p1).await.unwrap().record;
    let mut expected = prooflane_market::Record::default();
    expected.add(Outcome::Proved {
        quality,
        efficiency: Ratio::ZERO,
    });
    assert_eq!(record, expected);
    net.conserved().await;
}

#[tokio::test]
async fn there_is_no_proof_before_there_is_one() {
    let net = Net::open();
    let id = net.submitted().await;
    let refused = net.proof(id).await.err().unwrap();
    assert_eq!(refused.code(), "no_proof");
    assert!(refused.to_string().ends_with("it is pending"), "{refused}");
    let unknown = prooflane_market::TaskId(uuid::Uuid::nil());
    assert_eq!(code(net.proof(unknown).await), "unknown_task");
}

#[tokio::test]
async fn a_stranger_can_do_nothing_with_a_task_and_nothing_of_its_own_is_kept() {
    let net = Net::open();
    let (p1, p2) = (net.prover("p1", 40).await, net.prover("p2", 60).await);
    let id = net.running(&p1).await;
    let before = net.task(id).await.unwrap().task;
    for (who, attempt) in [(&p2, 1), (&p1, 2), (&p1, 0)] {
        for proof in [&*PROOF, &*OTHER] {
            let accepted = net.accept(who, id, attempt, proof).await;
            assert_eq!(code(accepted), "not_assigned");
        }
        assert_eq!(code(net.heartbeat(who, id, attempt).await), "not_assigned");
        assert_eq!(code(net.fail(who, id, attempt, "").await), "not_assigned");
    }
    assert!(net.claimed(&p2).await.is_empty());
    assert_eq!(code(net.newest_attempt(&p2, id).await), "not_assigned");
    assert_eq!(net.newest_attempt(&p1, id).await.unwrap(), 1);
    assert_eq!(net.task(id).await.unwrap().task, before);
    // The proof that is stored in the end is the one that was accepted.
    let own = proof_of("range@1", &range_inputs());
    net.accept(&p1, id, 1, &own).await.unwrap();
    let stored = net.proof(id).await.unwrap().proof;
    assert_eq!(stored, own);
    net.conserved().await;
}

#[tokio::test]
async fn the_same_result_again_gets_the_same_answer_and_is_paid_once() {
    let net = Net::open();
    let p1 = net.prover("p1", 40).await;
    let id = net.running(&p1).await;
    let first = net.accept(&p1, id, 1, &PROOF).await.unwrap();
    net.clock.advance(Duration::from_secs(99));
    assert_eq!(net.accept(&p1, id, 1, &PROOF).await.unwrap(), first);
    assert_eq!(net.balance("prover:p1").await, 100);
    assert_eq!(net.c.prover(&p1).await.unwrap().record.proved, 1);
    net.conserved().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_equal_results_at_once_are_paid_once() {
    let net = Net::open();
    let p1 = net.prover("p1", 40).await;
    let id = net.running(&p1).await;
    let calls: Vec<_> = (0..16)
        .map(|_| {
            let (c, p1) = (net.c.clone(), p1.clone());
            tokio::spawn(async move { c.accept(&p1, id, 1, &PROOF).await.unwrap() })
        })
        .collect();
    for call in calls {
        assert!(call.await.unwrap().accepted);
    }
    assert_eq!(net.balance("prover:p1").await, 100);
    net.conserved().await;
}

#[tokio::test]
async fn a_finished_task_takes_no_result() {
    let net = Net::open();
    let (p1, p2) = (net.prover("p1", 40).await, net.prover("p2", 60).await);
    let id = net.running(&p1).await;
    net.fail(&p1, id, 1, "").await.unwrap();
    net.cancel(id).await.unwrap();
    for who in [&p1, &p2] {
        assert_eq!(code(net.accept(who, id, 1, &PROOF).await), "task_ended");
        assert_eq!(code(net.heartbeat(who, id, 1).await), "task_ended");
        assert_eq!(code(net.fail(who, id, 1, "").await), "task_ended");
    }
    assert_eq!(net.balance("prover:p1").await, 0);
    net.conserved().await;
}

#[tokio::test]
async fn a_proof_of_something_else_is_rejected_slashed_and_the_task_goes_back() {
    let net = Net::open();
    let p1 = net.prover("p1", 40).await;
    let id = net.running(&p1).await;
    let stake = Rules::open().stake_grant.0.cast_signed();
    for _ in 0..2 {
        // The same call again gets the same answer, and costs nothing more.
        let verdict = net.accept(&p1, id, 1, &OTHER).await.unwrap();
        let rejected = Verdict {
            accepted: false,
            quality: Ratio::ZERO,
        };
        assert_eq!(verdict, rejected);
        assert_eq!(net.account("prover:p1").await.unwrap().stake, stake - 100);
        assert_eq!(net.balance("network:slashed").await, 100);
        assert_eq!(net.c.prover(&p1).await.unwrap().record.failed, 1);
    }
    assert_eq!(net.status(id).await, Status::Pending);
    net.conserved().await;
    assert_eq!(net.auction().await, 1);
    assert_eq!(net.claimed(&p1).await[0].attempt, 2);
    assert!(net.accept(&p1, id, 2, &PROOF).await.unwrap().accepted);
    net.conserved().await;
}

#[tokio::test]
async fn a_stake_is_slashed_to_nothing_at_most() {
    let rules = Rules {
        stake_grant: prooflane_market::Credits(150),
        breaker_failures: 10,
        ..Rules::open()
    };
    let net = Net::with(rules, range_only(), |table| table);
    let p1 = net.prover("p1", 40).await;
    let id = net.running(&p1).await;
    for (attempt, stake) in [(1, 50), (2, 0), (3, 0)] {
        net.accept(&p1, id, attempt, &OTHER).await.unwrap();
        assert_eq!(net.account("prover:p1").await.unwrap().stake, stake);
        net.conserved().await;
        assert_eq!(net.auction().await, 1);
        net.claimed(&p1).await;
    }
}

#[tokio::test]
async fn a_lease_that_runs_out_gives_the_task_to_another() {
    let net = Net::open();
    let (p1, p2) = (net.prover("p1", 10).await, net.prover("p2", 11).await);
    let id = net.running(&p1).await;
    assert_eq!(net.later(Millis(RUN_OUT.0 - 1)).await, 0);
    assert_eq!(net.status(id).await, Status::InProgress);
    assert_eq!(net.later(Millis(1)).await, 1);
    let [assignment] = &net.claimed(&p2).await[..] else {
        panic!("p1 has lost reputation")
    };
    assert_eq!((assignment.task_id, assignment.attempt), (id, 2));
    assert_eq!(code(net.heartbeat(&p1, id, 1).await), "attempt_superseded");
    assert_eq!(code(net.fail(&p1, id, 1, "").await), "attempt_superseded");
    let refused = net.accept(&p1, id, 1, &OTHER).await;
    assert_eq!(code(refused), "attempt_superseded");
    assert_eq!(net.balance("network:slashed").await, 1, "for its absence");
    net.conserved().await;
    assert!(net.accept(&p2, id, 2, &PROOF).await.unwrap().accepted);
    net.conserved().await;
}

#[tokio::test]
async fn a_late_valid_proof_completes_while_another_attempt_runs() {
    let net = Net::open();
    let (p1, p2) = (net.prover("p1", 10).await, net.prover("p2", 11).await);
    let id = net.running(&p1).await;
    net.later(RUN_OUT).await;
    assert_eq!(net.claimed(&p2).await[0].attempt, 2);
    assert!(net.accept(&p1, id, 1, &PROOF).await.unwrap().accepted);
    assert_eq!(net.balance("prover:p1").await, 11);
    assert_eq!(code(net.accept(&p2, id, 2, &PROOF).await), "task_ended");
    assert_eq!(net.balance("prover:p2").await, 0);
    let p2: Prover = net.c.prover(&p2).await.unwrap();
    assert!(p2.active.is_empty());
    assert_eq!(p2.record, prooflane_market::Record::default());
    net.proof(id).await.unwrap();
    net.conserved().await;
}

#[tokio::test]
async fn heartbeats_keep_an_attempt_alive_up_to_its_longest_time() {
    let net = Net::open();
    let p1 = net.prover("p1", 40).await;
    let id = net.running(&p1).await;
    let mut beats = 0;
    while net.status(id).await == Status::InProgress {
        assert!(net.heartbeat(&p1, id, 1).await.is_ok());
        beats += 1;
        net.pass(Millis(20_000)).await;
    }
    // It counts as run out only when the clocks of two nodes cannot disagree on it.
    assert_eq!(beats, 15 * 60 / 20 + 1);
    assert_eq!(code(net.heartbeat(&p1, id, 1).await), "attempt_superseded");
    net.conserved().await;
}

#[tokio::test]
async fn a_reported_failure_costs_no_stake_and_the_task_is_assigned_again() {
    let net = Net::open();
    let p1 = net.prover("p1", 40).await;
    let id = net.running(&p1).await;
    let status = net.fail(&p1, id, 1, "no memory").await.unwrap();
    assert_eq!(status, Status::Pending);
    assert_eq!(net.balance("network:slashed").await, 0);
    assert_eq!(net.auction().await, 1);
    assert_eq!(net.task(id).await.unwrap().task.attempt(), 2);
    net.conserved().await;
}

#[tokio::test]
async fn when_attempts_are_used_up_the_task_fails_and_the_reward_goes_back() {
    let net = Net::open();
    let p1 = net.prover("p1", 40).await;
    let twice = Submission {
        max_attempts: Some(2),
        ..submission()
    };
    let id = net.submit(twice).await.unwrap().record.task.id();
    for attempt in 1..=2 {
        assert_eq!(net.auction().await, 1);
        net.fail(&p1, id, attempt, "").await.unwrap();
    }
    let reason = FailReason::AttemptsExhausted { attempts: 2 };
    let state = net.task(id).await.unwrap().task.state;
    assert_eq!(state, State::Failed { reason });
    assert_eq!((net.spent().await, net.auction().await), (0, 0));
    net.conserved().await;
}

#[tokio::test]
async fn a_rejection_that_ends_the_task_is_answered_alike_when_it_is_sent_again() {
    let net = Net::open();
    let p1 = net.prover("p1", 40).await;
    let once = Submission {
        max_attempts: Some(1),
        ..submission()
    };
    let id = net.submit(once).await.unwrap().record.task.id();
    net.auction().await;
    for _ in 0..2 {
        assert!(!net.accept(&p1, id, 1, &OTHER).await.unwrap().accepted);
        assert_eq!(net.status(id).await, Status::Failed);
    }
    assert_eq!(net.balance("network:slashed").await, 100);
    net.conserved().await;
}

#[tokio::test]
async fn a_passed_deadline_expires_the_task_and_the_reward_goes_back() {
    let net = Net::open();
    let soon = Submission {
        deadline: Some(Timestamp(START + 5_000)),
        ..submission()
    };
    let id = net.submit(soon).await.unwrap().record.task.id();
    net.later(Millis(4_999)).await;
    assert_eq!(net.status(id).await, Status::Pending);
    net.later(Millis(1)).await;
    assert_eq!(net.status(id).await, Status::Expired);
    assert_eq!(net.spent().await, 0);
    net.conserved().await;
}

#[tokio::test]
async fn a_task_past_its_deadline_is_assigned_to_nobody() {
    let net = Net::open();
    let soon = Submission {
        deadline: Some(Timestamp(START + 5_000)),
        ..submission()
    };
    let id = net.submit(soon).await.unwrap().record.task.id();
    net.clock.advance(Duration::from_secs(5));
    net.prover("p1", 40).await;
    assert_eq!(net.auction().await, 0);
    assert_eq!(net.status(id).await, Status::Pending);
    net.sweep().await.unwrap();
    assert_eq!(net.status(id).await, Status::Expired);
    net.conserved().await;
}

#[tokio::test]
async fn a_pending_task_is_cancelled_at_once_and_again_alike() {
    let net = Net::open();
    let id = net.submitted().await;
    for _ in 0..2 {
        let record = net.cancel(id).await.unwrap();
        assert_eq!(record.task.status(), Status::Cancelled);
        assert_eq!(net.spent().await, 0);
    }
    net.conserved().await;
}

#[tokio::test]
async fn cancelling_a_running_task_leaves_its_prover_the_time_it_was_given() {
    let net = Net::open();
    let p1 = net.prover("p1", 40).await;
    let (proved, lost) = (net.running(&p1).await, net.running(&p1).await);
    for id in [proved, lost] {
        let record = net.cancel(id).await.unwrap();
        assert_eq!(record.task.status(), Status::InProgress);
    }
    assert!(net.accept(&p1, proved, 1, &PROOF).await.unwrap().accepted);
    assert_eq!(code(net.cancel(proved).await), "task_ended");
    net.later(RUN_OUT).await;
    assert_eq!(net.status(lost).await, Status::Cancelled);
    assert_eq!(net.spent().await, 100);
    net.conserved().await;
}

#[tokio::test]
async fn who_waits_for_a_task_hears_of_its_end() {
    let net = Net::open();
    let p1 = net.prover("p1", 40).await;
    let id = net.running(&p1).await;
    let c = net.c.clone();
    let waiting = tokio::spawn(async move {
        let ended = |task: &prooflane_market::Task| task.status().is_terminal();
        c.wait(id, Duration::from_secs(20), ended).await.unwrap()
    });
    net.accept(&p1, id, 1, &PROOF).await.unwrap();
    assert_eq!(waiting.await.unwrap().task.status(), Status::Completed);
    let never = net.wait(id, Duration::from_millis(5), |_| false).await;
    assert_eq!(never.unwrap().task.status(), Status::Completed);
}
