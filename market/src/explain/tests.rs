use super::*;
use crate::{
    AskId, Credits, Millis, NewTask, PrivacyLevel, ProverId, Ratio, Rules, TaskId, Winner,
};
use std::collections::BTreeMap;
use uuid::Uuid;

const NOW: Timestamp = Timestamp(1_000_000);

fn prover() -> ProverId {
    ProverId::new("ada").unwrap()
}

fn pending() -> Task {
    let spec = NewTask {
        task_id: TaskId(Uuid::nil()),
        circuit: "range@1".into(),
        privacy_level: PrivacyLevel::ALLOWED,
        reward_amount: Credits(100),
        priority: 50,
        requester: "alice".into(),
        deadline: Some(NOW + Millis(1_200_000)),
        min_reputation: Ratio::ppm(750_000),
        max_attempts: 2,
        allowed_provers: Vec::new(),
    };
    Task::submit(spec, NOW).unwrap()
}

fn assigned() -> Task {
    let winner = Winner {
        prover: prover(),
        ask_id: AskId(Uuid::nil()),
        price: Credits(70),
        promised: Millis(1_000),
    };
    let mut task = pending();
    task.assign(&winner, 1, NOW, &Rules::default()).unwrap();
    task
}

fn in_progress() -> Task {
    let mut task = assigned();
    task.claim(&prover(), 1, NOW, &Rules::default()).unwrap();
    task
}

fn why(task: &Task) -> String {
    explain(task, NOW).why
}

fn next(task: &Task) -> String {
    explain(task, NOW).next
}

#[test]
fn a_new_task_waits_for_its_auction() {
    assert_eq!(
        why(&pending()),
        "It has just come in and waits for its first auction."
    );
    assert_eq!(next(&pending()), "It is auctioned now.");
}

#[test]
fn a_task_without_a_prover_says_what_keeps_each() {
    let mut task = pending();
    let obstacles = BTreeMap::from([
        (Obstacle::Circuit, 1),
        (Obstacle::Level, 2),
        (Obstacle::NotAllowed, 3),
        (Obstacle::Reputation, 4),
        (Obstacle::Price, 5),
        (Obstacle::Capacity, 6),
        (Obstacle::Silent, 7),
        (Obstacle::Paused, 8),
    ]);
    let no_match = NoMatch {
        obstacles,
        lowest_price: Some(Credits(120)),
    };
    task.unmatched(no_match, NOW, &Rules::default()).unwrap();
    assert_eq!(
        why(&task),
        "No prover can take it: of those registered, 1 offer no range@1, 2 do not offer privacy level 2, \
         3 are not allowed for privacy level 2, 4 have less than the reputation asked for (0.75), \
         5 ask more than the reward of 100, 6 are busy, 7 have not been heard of lately, 8 are paused after failing \
         repeatedly. \
         The lowest price asked is 120."
    );
    assert_eq!(
        next(&task),
        "It is auctioned again in 1.0 s, or as soon as a new ask is placed. \
         If nobody has proved it in 20 min, it expires and the reward goes back."
    );
    let mut alone = pending();
    let nobody = NoMatch::default();
    alone.unmatched(nobody, NOW, &Rules::default()).unwrap();
    assert_eq!(why(&alone), "No prover is registered.");
}

#[test]
fn a_running_task_names_its_prover_and_when_that_is_given_up() {
    assert_eq!(
        why(&assigned()),
        "Prover ada won auction 1 and has not started yet."
    );
    assert_eq!(
        next(&assigned()),
        "If it has not started in 30 s, the task goes back to auction."
    );
    let mut task = in_progress();
    assert_eq!(why(&task), "Prover ada is proving it (attempt 1 of 2).");
    assert_eq!(
        next(&task),
        "The proof is verified and paid when it comes. \
         Without a sign of life in 30 s, the task goes back to auction."
    );
    task.cancel(NOW).unwrap();
    assert!(
        next(&task).ends_with(
            "Cancellation was asked for: without a proof from this attempt, it ends as cancelled."
        ),
        "{}",
        next(&task)
    );
}

#[test]
fn a_lost_attempt_is_told_with_how_it_ended() {
    let rules = Rules::default();
    let late = NOW + rules.lease + rules.max_skew;
    let (mut failed, mut invalid, mut silent) = (in_progress(), in_progress(), in_progress());
    failed.fail(&prover(), 1, "no memory", NOW, &rules).unwrap();
    invalid.reject(&prover(), 1, NOW, &rules).unwrap();
    silent.tick(late, Timestamp(0), &rules).unwrap();
    for (task, how) in [
        (failed, "the prover gave up"),
        (invalid, "the proof did not verify"),
        (silent, "the prover went silent"),
    ] {
        assert_eq!(
            why(&task),
            format!("Attempt 1 of 2 by ada ended without a proof ({how}).")
        );
    }
}

#[test]
fn an_ended_task_says_how_and_where_the_reward_went() {
    let mut task = in_progress();
    task.complete(&prover(), 1, NOW).unwrap();
    assert_eq!(
        why(&task),
        "Prover ada proved it in attempt 1; the proof was verified and 70 credits were paid."
    );
    assert_eq!(next(&task), "Nothing: the proof is stored.");

    let mut task = in_progress();
    task.spec.max_attempts = 1;
    task.fail(&prover(), 1, "", NOW, &Rules::default()).unwrap();
    assert_eq!(why(&task), "Its only attempt ended without a valid proof.");
    assert_eq!(
        next(&task),
        "Nothing: the reward went back. Submit it as a new task to try again."
    );

    let mut task = pending();
    task.cancel(NOW).unwrap();
    assert_eq!(why(&task), "The requester withdrew it.");
    assert_eq!(next(&task), "Nothing: the reward went back.");

    let mut task = pending();
    task.tick(NOW + Millis(1_200_000), Timestamp(0), &Rules::default())
        .unwrap();
    assert_eq!(
        why(&task),
        "Its deadline passed before anyone had proved it."
    );
    assert_eq!(
        next(&task),
        "Nothing: the reward went back. Submit it as a new task with a later deadline."
    );
}
