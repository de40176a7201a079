use crate::harness::*;
use prooflane_coordinator::{LateTask, Submission};
use prooflane_market::{
    AttemptEnd, CommitmentDigest, Credits, Millis, PrivacyLevel, ProverId, State, Status, TaskId,
};
use std::time::Duration;

const SALT: [u8; 32] = [9; 32];

fn digest(id: TaskId, prover: &ProverId, proof: &[u8]) -> CommitmentDigest {
    CommitmentDigest::of(id, prover, proof, &SALT)
}

/// A task that `slow` holds and keeps alive, and that is open to anyone by now.
async fn open_task(net: &Net) -> (TaskId, ProverId, ProverId) {
    let (slow, fast) = (net.prover("slow", 40).await, net.prover("fast", 60).await);
    let id = net.running(&slow).await;
    for _ in 0..2 {
        net.pass(Millis(15_000)).await;
        net.heartbeat(&slow, id, 1).await.unwrap();
    }
    (id, slow, fast)
}

#[tokio::test]
async fn late_tasks_are_found_by_whoever_could_fulfil_them() {
    let net = Net::open();
    let (slow, fast) = (net.prover("slow", 40).await, net.prover("fast", 60).await);
    let id = net.running(&slow).await;
    assert_eq!(net.late(&fast).await.unwrap(), [], "it is slow's alone");
    for _ in 0..2 {
        net.pass(Millis(15_000)).await;
        net.heartbeat(&slow, id, 1).await.unwrap();
    }
    let open_from = net.task(id).await.unwrap().task.open_from.unwrap();
    let expected = [LateTask {
        task_id: id,
        circuit: "range@1".into(),
        open_from,
        price: Credits(60),
    }];
    assert_eq!(net.late(&fast).await.unwrap(), expected);
    assert_eq!(net.late(&slow).await.unwrap(), [], "it has the assignment");
    let nobody = ProverId::new("nobody").unwrap();
    assert_eq!(code(net.late(&nobody).await), "unknown_prover");
    // Given up, it waits for another auction, and is open all the same.
    net.fail(&slow, id, 1, "").await.unwrap();
    let waiting = net.task(id).await.unwrap().task.status();
    assert_eq!(waiting, Status::Pending);
    assert_eq!(net.late(&fast).await.unwrap(), expected);
    net.join(&fast, id).await.unwrap();
    net.commit_to(&fast, id, digest(id, &fast, &PROOF))
        .await
        .unwrap();
    net.clock.advance(Duration::from_secs(6));
    assert!(net.reveal(&fast, id, &PROOF, &SALT).await.unwrap().accepted);
    assert_eq!(net.late(&slow).await.unwrap(), [], "it has ended");
}

#[tokio::test]
async fn whoever_joins_commits_and_reveals_is_paid_and_the_assigned_prover_loses_nothing() {
    let net = Net::open();
    let (id, slow, fast) = open_task(&net).await;
    let task = net.join(&fast, id).await.unwrap();
    assert_eq!((task.task_id, task.inputs), (id, range_inputs()));
    assert_eq!(task.price.0, 60);
    net.join(&fast, id).await.unwrap();
    let proof = proof_of(&task.circuit, &range_inputs());
    let at = net.commit_to(&fast, id, digest(id, &fast, &proof)).await;
    assert_eq!(at.unwrap(), net.now() + Millis(6_000));
    let early = net.reveal(&fast, id, &proof, &SALT).await;
    assert_eq!(code(early), "too_early");
    net.clock.advance(Duration::from_secs(6));
    // Whoever saw it on its way has committed to nothing.
    net.join(&slow, id).await.unwrap();
    assert_eq!(
        code(net.reveal(&slow, id, &proof, &SALT).await),
        "not_committed"
    );
    let first = net.reveal(&fast, id, &proof, &SALT).await.unwrap();
    assert!(first.accepted);
    assert_eq!(net.reveal(&fast, id, &proof, &SALT).await.unwrap(), first);
    assert_eq!(net.balance("prover:fast").await, 60);
    assert_eq!(net.balance("network:slashed").await, 0);
    let ended = net.task(id).await.unwrap().task;
    assert!(matches!(&ended.state, State::Completed { prover, .. } if *prover == fast));
    assert_eq!(ended.attempts[0].end, Some(AttemptEnd::Overtaken));
    let slow = net.c.prover(&slow).await.unwrap();
    assert!(slow.active.is_empty());
    assert_eq!((slow.record.failed, slow.breaker.failures), (0, 0));
    let stored = net.proof(id).await.unwrap().proof;
    assert_eq!(stored, proof);
    net.conserved().await;
}

#[tokio::test]
async fn nobody_joins_before_the_time_or_without_being_allowed() {
    let net = Net::open();
    let (slow, fast) = (net.prover("slow", 40).await, net.prover("fast", 60).await);
    let id = net.running(&slow).await;
    assert_eq!(code(net.join(&fast, id).await), "not_open");
    let private = Submission {
        privacy_level: PrivacyLevel::ALLOWED,
        allowed_provers: vec![slow.clone()],
        ..submission()
    };
    let private = net.submit(private).await.unwrap().record.task.id();
    net.auction().await;
    net.claimed(&slow).await;
    for _ in 0..2 {
        net.pass(Millis(15_000)).await;
        net.heartbeat(&slow, private, 1).await.unwrap();
    }
    assert_eq!(code(net.join(&fast, private).await), "not_eligible");
    let nothing = digest(private, &fast, &PROOF);
    assert_eq!(
        code(net.commit_to(&fast, private, nothing).await),
        "not_joined"
    );
    net.conserved().await;
}

#[tokio::test]
async fn an_invalid_reveal_is_marked_not_slashed_and_the_task_goes_on() {
    let net = Net::open();
    let (id, slow, fast) = open_task(&net).await;
    net.join(&fast, id).await.unwrap();
    net.commit_to(&fast, id, digest(id, &fast, &OTHER))
        .await
        .unwrap();
    net.clock.advance(Duration::from_secs(7));
    let swapped = net.reveal(&fast, id, &PROOF, &SALT).await;
    assert_eq!(code(swapped), "not_committed");
    let verdict = net.reveal(&fast, id, &OTHER, &SALT).await.unwrap();
    assert!(!verdict.accepted);
    assert_eq!(
        code(net.reveal(&fast, id, &OTHER, &SALT).await),
        "not_joined"
    );
    let record = net.c.prover(&fast).await.unwrap();
    assert_eq!((record.record.failed, record.breaker.failures), (1, 1));
    assert_eq!(net.balance("network:slashed").await, 0);
    assert_eq!(net.status(id).await, Status::InProgress);
    assert!(net.accept(&slow, id, 1, &PROOF).await.unwrap().accepted);
    net.conserved().await;
}

#[tokio::test]
async fn of_an_attempt_and_a_reveal_the_first_is_paid() {
    let net = Net::open();
    let (id, slow, fast) = open_task(&net).await;
    net.join(&fast, id).await.unwrap();
    net.commit_to(&fast, id, digest(id, &fast, &PROOF))
        .await
        .unwrap();
    net.clock.advance(Duration::from_secs(7));
    assert!(net.accept(&slow, id, 1, &PROOF).await.unwrap().accepted);
    assert_eq!(
        code(net.reveal(&fast, id, &PROOF, &SALT).await),
        "task_ended"
    );
    assert_eq!(net.balance("prover:fast").await, 0);
    net.conserved().await;
}

#[tokio::test]
async fn a_proof_revealed_beside_an_attempt_of_ones_own_is_stored_and_answered_alike() {
    let net = Net::open();
    let (id, slow, _) = open_task(&net).await;
    net.join(&slow, id).await.unwrap();
    let promise = digest(id, &slow, &PROOF);
    net.commit_to(&slow, id, promise).await.unwrap();
    net.clock.advance(Duration::from_secs(6));
    let first = net.reveal(&slow, id, &PROOF, &SALT).await.unwrap();
    assert!(first.accepted);
    assert_eq!(net.reveal(&slow, id, &PROOF, &SALT).await.unwrap(), first);
    let stored = net.proof(id).await.unwrap().proof;
    assert_eq!(stored, *PROOF);
    net.conserved().await;
}
