use super::*;
use crate::{
    Ask, AskId, AttemptEnd, Breaker, NewTask, Obstacle, Outcome, PrivacyLevel, Ratio, Record,
    Status, TaskId, Winner,
};
use std::collections::BTreeMap;
use uuid::Uuid;

const START: Timestamp = Timestamp(1_000_000);
/// When the task of these tests is open to anyone: twice the promised 20 s.
const OPEN: Timestamp = Timestamp(START.0 + 40_000);
const DIGEST: CommitmentDigest = CommitmentDigest([7; 32]);
const OTHER: CommitmentDigest = CommitmentDigest([8; 32]);

fn id(name: &str) -> ProverId {
    ProverId::new(name).unwrap()
}

fn rules() -> Rules {
    Rules::default()
}

fn prover(name: &str) -> Prover {
    Prover {
        prover_id: id(name),
        owner: None,
        fleet: false,
        trusted: false,
        capacity: 1,
        asks: vec![Ask {
            ask_id: AskId(Uuid::nil()),
            circuits: Vec::new(),
            price: Credits(1_000_000),
            capacity: 1,
            levels: vec![PrivacyLevel::OPEN],
            promised: Millis(1),
            placed_at: START,
            expires_at: None,
        }],
        active: BTreeMap::new(),
        record: Record::default(),
        breaker: Breaker::default(),
        registered_at: START,
        seen_at: OPEN,
    }
}

/// Assigned to `slow` at a price of 400, who keeps it alive by heartbeats.
fn running() -> Task {
    let spec = NewTask {
        task_id: TaskId(Uuid::from_u128(7)),
        circuit: "range@1".into(),
        privacy_level: PrivacyLevel::OPEN,
        reward_amount: Credits(1_000),
        priority: 50,
        requester: "alice".into(),
        deadline: None,
        min_reputation: Ratio::ZERO,
        max_attempts: 3,
        allowed_provers: Vec::new(),
    };
    let mut task = Task::submit(spec, START).unwrap();
    let winner = Winner {
        prover: id("slow"),
        ask_id: AskId(Uuid::nil()),
        price: Credits(400),
        promised: Millis(20_000),
    };
    task.assign(&winner, 1, START, &rules()).unwrap();
    task.claim(&id("slow"), 1, START, &rules()).unwrap();
    let beat = START + Millis(25_000);
    task.heartbeat(&id("slow"), 1, beat, &rules()).unwrap();
    task
}

fn joined() -> Task {
    let mut task = running();
    task.join(&prover("fast"), OPEN, &rules()).unwrap();
    task
}

fn committed() -> Task {
    let mut task = joined();
    task.commit(&id("fast"), DIGEST, OPEN, &rules()).unwrap();
    task
}

#[test]
fn an_attempt_is_its_provers_alone_for_twice_what_it_promised_and_at_least_a_lease() {
    let mut task = running();
    assert_eq!(task.open_from, Some(OPEN));
    let just_before = Timestamp(OPEN.0 - 1);
    let exclusive = Refusal::Exclusive {
        open_from: Some(OPEN),
    };
    let early = task.join(&prover("fast"), just_before, &rules());
    assert_eq!(early, Err(exclusive));
    assert!(task.fulfilments.is_empty());
    task.fail(&id("slow"), 1, "", OPEN, &rules()).unwrap();
    let quick = Winner {
        prover: id("quick"),
        ask_id: AskId(Uuid::nil()),
        price: Credits(300),
        promised: Millis(1),
    };
    task.assign(&quick, 1, OPEN, &rules()).unwrap();
    assert_eq!(task.open_from, Some(OPEN + rules().lease), "counted anew");
}

#[test]
fn nobody_fulfils_a_task_that_nobody_was_assigned_or_that_has_ended() {
    let mut ended = committed();
    let mut pending = running();
    (pending.attempts, pending.open_from) = (Vec::new(), None);
    let refused = pending.join(&prover("fast"), OPEN, &rules());
    assert_eq!(refused, Err(Refusal::Exclusive { open_from: None }));
    ended.complete(&id("slow"), 1, OPEN).unwrap();
    let after = ended.clone();
    let gone = Refusal::Ended {
        status: Status::Completed,
    };
    let (fast, later) = (id("fast"), OPEN + rules().reveal_after);
    assert_eq!(
        ended.join(&prover("other"), OPEN, &rules()),
        Err(gone.clone())
    );
    assert_eq!(
        ended.commit(&fast, OTHER, OPEN, &rules()),
        Err(gone.clone())
    );
    assert_eq!(
        ended.fulfil(&fast, &DIGEST, later, &rules()),
        Err(gone.clone())
    );
    assert_eq!(ended.void(&fast, &DIGEST, later, &rules()), Err(gone));
    assert_eq!(ended, after);
}

#[test]
fn only_an_eligible_prover_joins() {
    type Change = fn(&mut Task, &mut Prover);
    let cases: [(Obstacle, Change); 6] = [
        (Obstacle::Circuit, |_, p| {
            p.asks[0].circuits = vec!["merkle@1".into()]
        }),
        (Obstacle::Level, |_, p| {
            p.asks[0].levels = vec![PrivacyLevel::ALLOWED]
        }),
        (Obstacle::NotAllowed, |t, _| {
            t.spec.privacy_level = PrivacyLevel::ALLOWED
        }),
        (Obstacle::Reputation, |t, _| {
            t.spec.min_reputation = Ratio::ONE
        }),
        (Obstacle::Silent, |_, p| p.seen_at = Timestamp(0)),
        (Obstacle::Paused, |_, p| {
            p.breaker.paused_until = Some(OPEN + Millis(1))
        }),
    ];
    for (obstacle, change) in cases {
        let (mut task, mut fast) = (running(), prover("fast"));
        change(&mut task, &mut fast);
        let expected = Refusal::NotEligible {
            prover: id("fast"),
            obstacle,
        };
        assert_eq!(task.join(&fast, OPEN, &rules()), Err(expected));
    }
    // Price and capacity keep nobody: it is paid what the attempt is.
    let mut busy = prover("busy");
    busy.capacity = 0;
    assert_eq!(running().join(&busy, OPEN, &rules()), Ok(()));
}

#[test]
fn at_most_eight_are_at_work_and_a_place_lapses() {
    let mut task = running();
    for n in 0..8 {
        task.join(&prover(&format!("p{n}")), OPEN, &rules())
            .unwrap();
    }
    let again = task.clone();
    task.join(&prover("p0"), OPEN, &rules()).unwrap();
    assert_eq!(task, again, "joining again changes nothing");
    let crowded = Refusal::Crowded { most: 8 };
    assert_eq!(task.join(&prover("fast"), OPEN, &rules()), Err(crowded));
    let later = OPEN + rules().longest_attempt + Millis(1);
    let mut fast = prover("fast");
    fast.seen_at = later;
    task.join(&fast, later, &rules()).unwrap();
    assert_eq!(task.fulfilments.len(), 1);
    let lapsed = Refusal::NotJoined { prover: id("p0") };
    assert_eq!(task.commit(&id("p0"), DIGEST, later, &rules()), Err(lapsed));
}

#[test]
fn a_proof_is_revealed_a_second_after_its_commitment_and_within_a_minute() {
    let fast = id("fast");
    let mut uncommitted = joined();
    let none = Refusal::NotCommitted {
        prover: fast.clone(),
    };
    let much_later = OPEN + Millis(9_000);
    let refused = uncommitted.fulfil(&fast, &DIGEST, much_later, &rules());
    assert_eq!(refused, Err(none.clone()));
    let mut task = committed();
    let from = OPEN + rules().reveal_after;
    let too_early = Err(Refusal::TooEarly { from });
    let just_before = Timestamp(from.0 - 1);
    assert_eq!(
        task.fulfil(&fast, &DIGEST, just_before, &rules()),
        too_early
    );
    assert_eq!(task.fulfil(&fast, &OTHER, from, &rules()), Err(none));
    let not_joined = Refusal::NotJoined {
        prover: id("thief"),
    };
    let stolen = task.fulfil(&id("thief"), &DIGEST, from, &rules());
    assert_eq!(stolen, Err(not_joined));
    let last = OPEN + rules().reveal_within;
    assert!(task.clone().fulfil(&fast, &DIGEST, last, &rules()).is_ok());
    let too_late = task.fulfil(&fast, &DIGEST, last + Millis(1), &rules());
    assert_eq!(too_late, Err(Refusal::NotJoined { prover: fast }));
}

#[test]
fn committing_again_changes_nothing_and_another_commitment_starts_anew() {
    let (mut task, fast) = (committed(), id("fast"));
    let later = OPEN + Millis(900);
    let before = task.clone();
    task.commit(&fast, DIGEST, later, &rules()).unwrap();
    assert_eq!(task, before);
    task.commit(&fast, OTHER, later, &rules()).unwrap();
    let from = later + rules().reveal_after;
    let early = task.may_reveal(&fast, &OTHER, OPEN + rules().reveal_after, &rules());
    assert_eq!(early, Err(Refusal::TooEarly { from }));
}

#[test]
fn a_valid_reveal_is_paid_the_attempts_price_and_lets_its_prover_go_without_a_mark() {
    let mut task = committed();
    let at = OPEN + Millis(10_000);
    let effects = task.fulfil(&id("fast"), &DIGEST, at, &rules()).unwrap();
    let expected = [
        Effect::Release {
            prover: id("slow"),
            attempt: 1,
        },
        Effect::Note {
            prover: id("fast"),
            outcome: Outcome::Proved {
                quality: Ratio::ONE,
                efficiency: Ratio::ppm(500_000),
            },
        },
        Effect::Pay {
            prover: id("fast"),
            amount: Credits(400),
        },
        Effect::Refund {
            amount: Credits(600),
        },
    ];
    assert_eq!(effects, expected);
    assert_eq!(task.status(), Status::Completed);
    assert_eq!(task.attempts[0].end, Some(AttemptEnd::Overtaken));
    let by_reveal = crate::State::Completed {
        fulfilled: true,
        prover: id("fast"),
        attempt: 1,
        price: Credits(400),
        quality: Ratio::ONE,
    };
    assert_eq!(task.state, by_reveal);
    let text = serde_json::to_string(&task).unwrap();
    assert_eq!(serde_json::from_str::<Task>(&text).unwrap(), task);
}

#[test]
fn a_commitment_outlives_the_attempt_and_a_new_assignment() {
    let mut task = committed();
    task.fail(&id("slow"), 1, "", OPEN, &rules()).unwrap();
    let next = Winner {
        prover: id("next"),
        ask_id: AskId(Uuid::nil()),
        price: Credits(300),
        promised: Millis(1),
    };
    task.assign(&next, 1, OPEN, &rules()).unwrap();
    let fresh = task.commit(&id("fast"), OTHER, OPEN, &rules());
    assert!(matches!(fresh, Err(Refusal::Exclusive { .. })));
    let at = OPEN + Millis(7_000);
    let effects = task.fulfil(&id("fast"), &DIGEST, at, &rules()).unwrap();
    let pay = Effect::Pay {
        prover: id("fast"),
        amount: Credits(300),
    };
    assert!(effects.contains(&pay));
}

#[test]
fn an_invalid_reveal_is_marked_not_slashed_and_costs_the_place() {
    let mut task = committed();
    let at = OPEN + Millis(7_000);
    let effects = task.void(&id("fast"), &DIGEST, at, &rules()).unwrap();
    let mark = Effect::Note {
        prover: id("fast"),
        outcome: Outcome::Invalid,
    };
    assert_eq!(effects, [mark]);
    assert_eq!(task.status(), Status::InProgress);
    let again = task.void(&id("fast"), &DIGEST, at, &rules());
    assert_eq!(again, Err(Refusal::NotJoined { prover: id("fast") }));
}
