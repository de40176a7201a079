//! What a mature cluster is tested for, each scenario by its name, on a whole network over HTTP.
#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use futures::StreamExt;
use prooflane::node::{Config, Node};
use prooflane_client::Client;
use prooflane_client::wire::{Claim, Heartbeat, ProofForm, SubmitResult, SubmitTask, TaskView};
use prooflane_market::Status;
use prooflane_tests::binary::{Running, prooflane};
use prooflane_tests::net::{Network, copy_keys};
use prooflane_tests::stack::Stack;
use prooflane_worker::Offer;
use std::time::{Duration, Instant};
use uuid::Uuid;

const SECOND: Duration = Duration::from_secs(1);
/// What an open network gives a prover.
const STAKE: i64 = 10_000;
/// What an open network gives a requester; every task here is of `anonymous`.
const GRANT: i64 = 1_000_000_000;

fn ends(task: &TaskView) -> Vec<&str> {
    let ends = task.attempts.iter().map(|attempt| attempt.end.as_deref());
    ends.map(|end| end.unwrap_or("running")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn worker_death_and_requeue() {
    let stack = Stack::start().await;
    stack.prover("dead").await;
    let task = stack.submit(|_| {}).await;
    let held = stack.claim("dead", None).await;
    assert_eq!((held.task_id, held.attempt), (task, 1));
    let worker = stack.worker("alive");
    stack.later(stack.a_lease() - SECOND).await;
    assert_eq!(
        stack.client.task(task).await.unwrap().status,
        Status::InProgress
    );
    stack.later(SECOND).await;
    let done = stack.task_is(task, Status::Completed).await;
    assert_eq!(ends(&done), ["abandoned", "proved"]);
    assert_eq!(done.assigned_prover.as_deref(), Some("alive"));
    let fine = i64::try_from(done.attempts[0].price / 10).unwrap();
    assert_eq!(stack.held("prover:dead").await, STAKE - fine);
    assert_eq!(stack.held("network:slashed").await, fine);
    assert_eq!(worker.stop().await.proved, 1);
    stack.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn worker_restart_goes_on_with_the_same_attempt() {
    let stack = Stack::start().await;
    stack.prover("p").await;
    let task = stack.submit(|_| {}).await;
    let before = stack.claim("p", None).await;
    stack.later(20 * SECOND).await;
    // It says that it holds nothing, and is given what it forgot; its lease begins anew.
    let again = stack.claim("p", Some(Vec::new())).await;
    assert_eq!((again.task_id, again.attempt), (task, 1));
    assert_eq!(again.inputs, before.inputs);
    stack.later(20 * SECOND).await;
    let verdict = stack.result("p", (task, 1), &stack.proof()).await.unwrap();
    assert!(verdict.accepted);
    let done = stack.task_is(task, Status::Completed).await;
    assert_eq!(ends(&done), ["proved"]);
    stack.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retryable_failure_is_tried_again_and_costs_no_stake() {
    let stack = Stack::start().await;
    stack.prover("p").await;
    let task = stack.submit(|_| {}).await;
    assert_eq!(stack.claim("p", None).await.attempt, 1);
    stack.failure("p", (task, 1)).await.unwrap();
    assert_eq!(stack.claim("p", None).await.attempt, 2);
    // The first attempt's failure may be sent again: the second goes on.
    let refused = stack.failure("p", (task, 1)).await.unwrap_err();
    assert_eq!(refused.code(), Some("attempt_superseded"));
    stack.result("p", (task, 2), &stack.proof()).await.unwrap();
    let done = stack.task_is(task, Status::Completed).await;
    assert_eq!(ends(&done), ["failed", "proved"]);
    let price = i64::try_from(done.price.unwrap()).unwrap();
    assert_eq!(stack.held("prover:p").await, STAKE + price);
    stack.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fatal_failure_when_attempts_are_exhausted_gives_the_reward_back() {
    let stack = Stack::start().await;
    stack.prover("p").await;
    let task = stack.submit(|task| task.max_attempts = Some(2)).await;
    for attempt in 1..=2 {
        assert_eq!(stack.claim("p", None).await.attempt, attempt);
        stack.failure("p", (task, attempt)).await.unwrap();
    }
    let failed = stack.task_is(task, Status::Failed).await;
    assert_eq!(ends(&failed), ["failed", "failed"]);
    assert_eq!(stack.held("requester:anonymous").await, GRANT);
    assert_eq!(stack.held("prover:p").await, STAKE);
    let error = stack.client.wait_for_proof(task).await.err().unwrap();
    assert!(error.to_string().contains("2 attempts"), "{error}");
    stack.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_while_pending_gives_the_reward_back_at_once() {
    let stack = Stack::start().await;
    let fresh = stack.submit(|_| {}).await;
    stack.client.cancel(fresh).await.unwrap();
    // One that was tried before is as pending as one that was not.
    stack.prover("p").await;
    let tried = stack.submit(|_| {}).await;
    assert_eq!(stack.claim("p", None).await.task_id, tried);
    stack.withdraw("p").await;
    stack.failure("p", (tried, 1)).await.unwrap();
    stack.later(10 * SECOND).await;
    stack.client.cancel(tried).await.unwrap();
    for task in [fresh, tried] {
        let task = stack.task_is(task, Status::Cancelled).await;
        assert!(ends(&task).iter().all(|end| *end == "failed"));
    }
    assert_eq!(stack.held("requester:anonymous").await, GRANT);
    stack.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_while_proving_waits_for_the_attempt_and_no_longer() {
    let stack = Stack::start().await;
    stack.prover("p").await;
    let mut tasks = Vec::new();
    for way in ["proves", "gives up", "dies"] {
        let task = stack.submit(|_| {}).await;
        assert_eq!(stack.claim("p", None).await.task_id, task);
        let asked = stack.client.cancel(task).await.unwrap();
        assert_eq!(asked.status, Status::InProgress, "the attempt may go on");
        match way {
            "proves" => drop(stack.result("p", (task, 1), &stack.proof()).await.unwrap()),
            "gives up" => drop(stack.failure("p", (task, 1)).await.unwrap()),
            _ => stack.later(stack.a_lease()).await,
        }
        tasks.push(task);
    }
    for (task, status) in
        tasks
            .iter()
            .zip([Status::Completed, Status::Cancelled, Status::Cancelled])
    {
        let task = stack.task_is(*task, status).await;
        assert_eq!(task.attempts.len(), 1, "it is not tried again");
    }
    let paid = stack.client.task(tasks[0]).await.unwrap().price.unwrap();
    let spent = GRANT - stack.held("requester:anonymous").await;
    assert_eq!(spent, i64::try_from(paid).unwrap());
    stack.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn coordinator_killed_mid_proof_takes_the_proof_when_it_is_back() {
    prooflane();
    let data = tempfile::tempdir().unwrap();
    copy_keys(data.path());
    let start = || {
        let data = data.path().to_owned();
        tokio::task::spawn_blocking(move || Running::up(&data, &["--provers", "0"]))
    };
    let (up, url) = start().await.unwrap();
    let client = Client::new(&url, None).unwrap();
    let registration = serde_json::json!({"prover_id": "p", "capacity": 1});
    let registration = serde_json::from_value(registration).unwrap();
    client.register(&registration).await.unwrap();
    let ask = serde_json::json!({"price": 10, "capacity": 1});
    let ask = serde_json::from_value(ask).unwrap();
    client.place_ask("p", &ask).await.unwrap();
    let circuit = prooflane_circuits::find("range@1").unwrap();
    let new = SubmitTask::new("range@1", circuit.example());
    let task = client.submit(&new).await.unwrap().task_id;
    let claim = Claim {
        max: 1,
        wait_ms: 25_000,
        holding: None,
    };
    let assignment = client.claim("p", &claim).await.unwrap();
    assert_eq!(assignment.assignments[0].task_id, task);
    up.kill();

    // The prover goes on meanwhile.
    let keys = prooflane_engine::Keys::open(data.path().join("keys")).unwrap();
    let witness = circuit.witness(&circuit.example()).unwrap();
    let proof = prooflane_engine::prove(&keys.get(circuit).unwrap(), &witness).unwrap();
    let (up, url) = start().await.unwrap();
    let client = Client::new(&url, None).unwrap();
    let beat = Heartbeat {
        prover_id: "p".into(),
    };
    client.heartbeat(task, 1, &beat).await.unwrap();
    let result = SubmitResult {
        prover_id: "p".into(),
        proof: ProofForm::Compact(format!("0x{}", hex::encode(proof.to_compact()))),
    };
    assert!(client.result(task, 1, &result).await.unwrap().accepted);
    let done = client.task(task).await.unwrap();
    assert_eq!(
        (done.status, ends(&done)),
        (Status::Completed, vec!["proved"])
    );
    client.proof(task).await.unwrap();
    let ended = tokio::task::spawn_blocking(|| up.terminate())
        .await
        .unwrap();
    assert!(ended.status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn store_outage_costs_nobody_an_attempt_or_a_credit() {
    let stack = Stack::start().await;
    stack.prover("p").await;
    let task = stack.submit(|_| {}).await;
    let waiting = stack.submit(|_| {}).await;
    stack.claim("p", None).await;
    let proof = stack.proof();

    stack.table.set_away(true);
    let refused = stack.result("p", (task, 1), &proof).await;
    let refused = refused.err().unwrap();
    assert_eq!(refused.code(), Some("unavailable"));
    assert!(stack.client.task(task).await.is_err());
    assert!(stack.coordinator.sweep().await.is_err());
    // Longer than any lease.
    stack.pass(2 * stack.a_lease());
    stack.table.set_away(false);

    // The sweeper notices that the network was away: the lease that ran meanwhile is given anew.
    stack.later(4 * SECOND).await;
    let seen = stack.client.task(task).await.unwrap();
    assert_eq!(
        (seen.status, ends(&seen)),
        (Status::InProgress, vec!["running"])
    );
    assert!(stack.result("p", (task, 1), &proof).await.unwrap().accepted);
    let done = stack.task_is(task, Status::Completed).await;
    assert_eq!(ends(&done), ["proved"]);
    assert_eq!(stack.held("network:slashed").await, 0);
    let next = stack.claim("p", None).await;
    assert_eq!((next.task_id, next.attempt), (waiting, 1));
    stack.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drain_on_shutdown_finishes_what_was_started_and_leaves_the_rest_pending() {
    let offer = || vec![Offer::new("p", 10, 2)];
    let network = Network::start(offer()).await;
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let inputs = prooflane_circuits::find("payment@1").unwrap().example();
        let task = SubmitTask::new("payment@1", inputs);
        tasks.push(network.client.submit(&task).await.unwrap().task_id);
    }
    // Proving has begun.
    let mut events = network.client.events(tasks[0], 0).await.unwrap();
    while network
        .client
        .task(tasks[0])
        .await
        .unwrap()
        .attempts
        .is_empty()
    {
        events.next().await.unwrap().unwrap();
    }
    drop(events);
    let coordinator = network.node.coordinator.clone();
    let summaries = network.node.stop().await.unwrap();
    assert_eq!(summaries[0].failed, 0);
    let mut completed = 0;
    for task in &tasks {
        let task = coordinator
            .task(prooflane_market::TaskId(*task))
            .await
            .unwrap()
            .task;
        match task.status() {
            Status::Completed => completed += 1,
            Status::Pending => assert!(task.attempts.iter().all(|a| a.end.is_some())),
            status => panic!("left behind {status}"),
        }
    }
    assert_eq!(summaries[0].proved, completed);
    drop(coordinator);

    // Whoever starts it again finds the rest.
    let start = || {
        let mut config = Config::loopback(network.data.path());
        config.provers = offer();
        Node::start(config)
    };
    // The last connections let go of the data a moment after the server has stopped.
    let until = Instant::now() + 10 * SECOND;
    let node = loop {
        match start().await {
            Ok(node) => break node,
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
        tokio::time::sleep(SECOND / 20).await;
    };
    let client = Client::new(&node.url(), None).unwrap();
    for task in tasks {
        let proof = tokio::time::timeout(60 * SECOND, client.wait_for_proof(task)).await;
        proof.unwrap().unwrap();
    }
    node.stop().await.unwrap();
}

/// A point of priority counts as six seconds of waiting, so the most that 100 points are worth is ten
/// minutes: what waits longer goes before whatever came in since.
#[tokio::test(flavor = "multi_thread")]
async fn mixed_load_starves_no_task_of_low_priority() {
    const ROUND: Duration = Duration::from_secs(30);
    const ROUNDS_OF_ADVANTAGE: usize = 20;
    let stack = Stack::start().await;
    stack.prover("p").await;
    let proof = stack.proof();
    let mut flood = vec![stack.submit(|task| task.priority = 100).await];
    let first = stack.claim("p", None).await.task_id;
    assert_eq!(first, flood[0]);
    let low = stack.submit(|task| task.priority = 0).await;
    // Two come for each that is proved: without ageing there would always be one to go first.
    let mut holding = first;
    let mut rounds = 0;
    while holding != low {
        rounds += 1;
        // Two came in each round of its ten minutes.
        assert!(rounds < 2 * ROUNDS_OF_ADVANTAGE + 5, "it starves");
        for _ in 0..2 {
            flood.push(stack.submit(|task| task.priority = 100).await);
        }
        stack.later(ROUND / 2).await;
        assert!(
            stack
                .result("p", (holding, 1), &proof)
                .await
                .unwrap()
                .accepted
        );
        holding = stack.claim("p", None).await.task_id;
        eprintln!(
            "round {rounds}: {:?}",
            flood.iter().position(|t| *t == holding)
        );
        stack.later(ROUND / 2).await;
    }
    println!("{rounds} rounds");
    assert!(rounds >= ROUNDS_OF_ADVANTAGE, "priority is worth something");
    assert!(stack.result("p", (low, 1), &proof).await.unwrap().accepted);
    let mut waiting = 0;
    for task in flood {
        waiting += usize::from(stack.client.task(task).await.unwrap().status == Status::Pending);
    }
    assert!(waiting > ROUNDS_OF_ADVANTAGE, "{waiting}: no flood");
    stack.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn terminal_status_never_flips() {
    let stack = Stack::start().await;
    stack.prover("p").await;
    let proof = stack.proof();
    let mut ended: Vec<(Uuid, Status)> = Vec::new();
    for status in [
        Status::Completed,
        Status::Failed,
        Status::Cancelled,
        Status::Expired,
    ] {
        let deadline = stack.deadline(10 * SECOND);
        let task = stack
            .submit(|task| {
                task.max_attempts = Some(1);
                task.deadline = (status == Status::Expired).then_some(deadline);
            })
            .await;
        assert_eq!(stack.claim("p", None).await.task_id, task);
        match status {
            Status::Completed => drop(stack.result("p", (task, 1), &proof).await.unwrap()),
            Status::Failed => drop(stack.failure("p", (task, 1)).await.unwrap()),
            Status::Cancelled => {
                stack.client.cancel(task).await.unwrap();
                stack.failure("p", (task, 1)).await.unwrap();
            }
            _ => {
                stack.later(11 * SECOND).await;
                stack.failure("p", (task, 1)).await.unwrap();
            }
        }
        stack.task_is(task, status).await;
        ended.push((task, status));
    }
    let accounts = stack.coordinator.accounts().await.unwrap();
    let beat = Heartbeat {
        prover_id: "p".into(),
    };
    for round in 0..3 {
        for (task, status) in &ended {
            let before = stack.client.task(*task).await.unwrap();
            assert_eq!(before.status, *status);
            let result = stack.result("p", (*task, 1), &proof).await;
            // The answer to a result that was accepted is given again; it is not paid again.
            assert_eq!(result.is_ok(), *status == Status::Completed, "{status}");
            assert!(stack.failure("p", (*task, 1)).await.is_err(), "{status}");
            assert!(stack.client.heartbeat(*task, 1, &beat).await.is_err());
            let cancelled = stack.client.cancel(*task).await;
            assert_eq!(cancelled.is_ok(), *status == Status::Cancelled, "{status}");
            let after = stack.client.task(*task).await.unwrap();
            assert_eq!(after.status, *status);
            assert_eq!(
                (after.updated_at, ends(&after)),
                (before.updated_at, ends(&before))
            );
        }
        stack.later((round + 1) * stack.a_lease()).await;
    }
    assert_eq!(stack.coordinator.accounts().await.unwrap(), accounts);
    stack.is_sound().await;
}
