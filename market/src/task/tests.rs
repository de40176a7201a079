use super::*;
use proptest::prelude::*;
use uuid::Uuid;

const START: Timestamp = Timestamp(1_000_000);
/// The network has been there all the time.
const UP: Timestamp = Timestamp(0);
const REWARD: Credits = Credits(1_000);

fn prover(n: u8) -> ProverId {
    ProverId::new(format!("p{n}")).unwrap()
}

fn spec() -> NewTask {
    NewTask {
        task_id: TaskId(Uuid::from_u128(7)),
        circuit: "range@1".into(),
        privacy_level: PrivacyLevel::OPEN,
        reward_amount: REWARD,
        priority: 50,
        requester: "alice".into(),
        deadline: None,
        min_reputation: Ratio::ZERO,
        max_attempts: 3,
        allowed_provers: Vec::new(),
    }
}

fn pending() -> Task {
    Task::submit(spec(), START).unwrap()
}

fn winner(n: u8, price: u64) -> Winner {
    Winner {
        prover: prover(n),
        ask_id: AskId(Uuid::from_u128(n.into())),
        price: Credits(price),
        promised: Millis(10_000),
    }
}

fn rules() -> Rules {
    Rules::default()
}

/// When a lease given at the start counts as run out.
fn run_out() -> Timestamp {
    START + rules().lease + rules().max_skew
}

/// A task whose running attempt is `p1`'s first, at a price of 400.
fn assigned() -> Task {
    let mut task = pending();
    task.assign(&winner(1, 400), 1, START, &rules()).unwrap();
    task
}

fn claimed() -> Task {
    let mut task = assigned();
    task.claim(&prover(1), 1, START, &rules()).unwrap();
    task
}

/// A task whose first attempt, by `p1`, was abandoned, and whose second, by `p2` at 600, runs.
fn superseded() -> (Task, Timestamp) {
    let mut task = claimed();
    let late = run_out();
    task.tick(late, UP, &rules()).unwrap();
    task.assign(&winner(2, 600), 1, late, &rules()).unwrap();
    (task, late)
}

fn completed() -> Task {
    let mut task = claimed();
    task.complete(&prover(1), 1, START).unwrap();
    task
}

/// One task of each status.
fn of_every_status() -> Vec<Task> {
    let mut cancelled = pending();
    cancelled.cancel(START).unwrap();
    let mut expired = pending();
    expired.spec.deadline = Some(START + Millis(1));
    expired.tick(START + Millis(1), UP, &rules()).unwrap();
    let mut failed = assigned();
    failed.spec.max_attempts = 1;
    failed.fail(&prover(1), 1, "", START, &rules()).unwrap();
    let all = vec![
        pending(),
        assigned(),
        claimed(),
        completed(),
        failed,
        cancelled,
        expired,
    ];
    let names: Vec<_> = all.iter().map(|t| t.status().as_str()).collect();
    assert_eq!(
        names,
        [
            "pending",
            "assigned",
            "in_progress",
            "completed",
            "failed",
            "cancelled",
            "expired"
        ]
    );
    all
}

fn released(n: u8, attempt: AttemptNo) -> Effect {
    Effect::Release {
        prover: prover(n),
        attempt,
    }
}

fn noted(n: u8, outcome: Outcome) -> Effect {
    Effect::Note {
        prover: prover(n),
        outcome,
    }
}

#[test]
fn a_new_task_is_due_for_auction_at_once_and_its_whole_reward_is_held() {
    let task = pending();
    assert_eq!(task.wake_at(&rules()), Some(START));
    assert_eq!((task.escrow(), task.attempt()), (REWARD, 0));
    assert_eq!(task.events[0].kind, EventKind::Submitted);
}

#[test]
fn every_field_has_a_range_and_the_error_names_it() {
    type Change = fn(&mut NewTask);
    let cases: [(&str, Change); 9] = [
        ("priority", |s| s.priority = 101),
        ("reward_amount", |s| {
            s.reward_amount = Credits(Credits::MAX.0 + 1);
        }),
        ("max_attempts", |s| s.max_attempts = 0),
        ("max_attempts", |s| s.max_attempts = 101),
        ("requester", |s| s.requester = String::new()),
        ("requester", |s| s.requester = "a#b".into()),
        ("requester", |s| s.requester = "x".repeat(129)),
        ("allowed_provers", |s| {
            s.allowed_provers = vec![prover(1); 65]
        }),
        ("deadline", |s| s.deadline = Some(START)),
    ];
    for (name, change) in cases {
        let mut spec = spec();
        change(&mut spec);
        let TaskError::OutOfRange { field, .. } = Task::submit(spec, START).unwrap_err();
        assert_eq!(field, name);
    }
    let mut largest = spec();
    (largest.priority, largest.max_attempts) = (100, 100);
    largest.reward_amount = Credits::MAX;
    largest.requester = "x".repeat(128);
    largest.deadline = Some(START + Millis(1));
    assert!(Task::submit(largest, START).is_ok());
}

#[test]
fn an_auction_without_a_match_waits_twice_as_long_each_time_and_tells_the_reason_once() {
    let mut task = pending();
    let pauses: Vec<u64> = (0..8)
        .map(|_| {
            task.unmatched(NoMatch::default(), START, &rules()).unwrap();
            task.wake_at(&rules()).unwrap().since(START).0 / 1_000
        })
        .collect();
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
    assert_eq!(task.events.len(), 2, "the same reason is one event");
    let other = NoMatch {
        lowest_price: Some(Credits(9)),
        ..NoMatch::default()
    };
    task.unmatched(other, START, &rules()).unwrap();
    assert_eq!(task.events.len(), 3);
    task.assign(&winner(1, 5), 1, START, &rules()).unwrap();
    task.fail(&prover(1), 1, "", START, &rules()).unwrap();
    task.unmatched(NoMatch::default(), START, &rules()).unwrap();
    assert_eq!(
        task.wake_at(&rules()),
        Some(START + Millis(1_000)),
        "counted anew"
    );
}

#[test]
fn a_task_that_waits_for_years_stays_small() {
    let mut task = pending();
    for price in 0..10_000 {
        let no_match = NoMatch {
            lowest_price: Some(Credits(price)),
            ..NoMatch::default()
        };
        task.unmatched(no_match, START, &rules()).unwrap();
    }
    assert_eq!(task.events.len(), Task::EVENT_LIMIT);
    let State::Pending { no_match, .. } = &task.state else {
        panic!("{:?}", task.state)
    };
    let last = no_match.as_ref().unwrap();
    assert_eq!(last.lowest_price, Some(Credits(9_999)), "the newest reason");
}

#[test]
fn only_a_pending_task_is_auctioned() {
    for mut task in of_every_status() {
        let before = task.clone();
        let status = task.status();
        let refused = task.assign(&winner(2, 1), 1, START, &rules()).err();
        let unmatched = before
            .clone()
            .unmatched(NoMatch::default(), START, &rules());
        let expected = match status {
            Status::Pending => None,
            Status::Assigned | Status::InProgress => Some(Refusal::NotPending { status }),
            _ => Some(Refusal::Ended { status }),
        };
        assert_eq!(refused, expected);
        assert_eq!(unmatched.err(), expected);
        assert_eq!(task == before, expected.is_some());
    }
}

#[test]
fn an_ended_task_refuses_everything() {
    for task in of_every_status()
        .into_iter()
        .filter(|t| t.status().is_terminal())
    {
        let (p, now) = (prover(1), START + Millis(1 << 40));
        let ended = Refusal::Ended {
            status: task.status(),
        };
        let mut after = task.clone();
        assert_eq!(after.claim(&p, 1, now, &rules()), Err(ended.clone()));
        assert_eq!(after.heartbeat(&p, 1, now, &rules()), Err(ended.clone()));
        assert_eq!(after.fail(&p, 1, "", now, &rules()), Err(ended.clone()));
        assert_eq!(after.reject(&p, 1, now, &rules()), Err(ended.clone()));
        assert_eq!(after.complete(&p, 1, now), Err(ended.clone()));
        assert_eq!(after.cancel(now), Err(ended));
        assert_eq!(after.tick(now, UP, &rules()), None);
        assert_eq!(after, task);
        assert_eq!((task.wake_at(&rules()), task.escrow()), (None, Credits(0)));
    }
}

#[test]
fn an_attempt_belongs_to_the_prover_that_won_it() {
    for (who, attempt) in [(2, 1), (1, 2), (1, 0)] {
        for task in [assigned(), claimed()] {
            let p = prover(who);
            let refusal = Refusal::NotAssigned {
                prover: p.clone(),
                attempt,
            };
            let mut after = task.clone();
            let now = START;
            assert_eq!(
                after.claim(&p, attempt, now, &rules()),
                Err(refusal.clone())
            );
            let beat = after.heartbeat(&p, attempt, now, &rules());
            assert_eq!(beat, Err(refusal.clone()));
            assert_eq!(
                after.fail(&p, attempt, "", now, &rules()),
                Err(refusal.clone())
            );
            let rejected = after.reject(&p, attempt, now, &rules());
            assert_eq!(rejected, Err(refusal.clone()));
            assert_eq!(after.complete(&p, attempt, now), Err(refusal));
            assert_eq!(after, task);
        }
    }
}

#[test]
fn a_lease_lasts_until_its_time_and_heartbeats_extend_it_up_to_the_longest_attempt() {
    let mut task = assigned();
    let lease = rules().lease;
    let skew = rules().max_skew;
    assert_eq!(task.wake_at(&rules()), Some(START + lease + skew));
    task.claim(&prover(1), 1, START + Millis(10), &rules())
        .unwrap();
    assert_eq!(
        task.wake_at(&rules()),
        Some(START + Millis(10) + lease + skew)
    );
    assert_eq!(task.attempts[0].claimed_at, Some(START + Millis(10)));
    // A clock that went back shortens nothing.
    task.heartbeat(&prover(1), 1, START, &rules()).unwrap();
    assert_eq!(
        task.wake_at(&rules()),
        Some(START + Millis(10) + lease + skew)
    );
    let last = START + rules().longest_attempt;
    task.heartbeat(&prover(1), 1, last, &rules()).unwrap();
    let end = last + skew;
    assert_eq!(task.wake_at(&rules()), Some(end));
    let just_before = Timestamp(end.0 - 1);
    assert_eq!(task.tick(just_before, UP, &rules()), None);
    assert!(task.tick(end, UP, &rules()).is_some());
}

#[test]
fn claiming_again_changes_nothing_but_the_lease() {
    let mut task = claimed();
    let events = task.events.len();
    task.claim(&prover(1), 1, START + Millis(5), &rules())
        .unwrap();
    assert_eq!(task.status(), Status::InProgress);
    assert_eq!((task.events.len(), task.attempt()), (events, 1));
    assert_eq!(task.attempts[0].claimed_at, Some(START));
}

#[test]
fn an_abandoned_attempt_costs_a_tenth_of_its_price_and_goes_back_to_auction_at_once() {
    let (mut task, late) = (claimed(), run_out());
    let effects = task.tick(late, UP, &rules()).unwrap();
    let slash = Effect::Slash {
        prover: prover(1),
        at_most: Credits(40),
    };
    let expected = [noted(1, Outcome::Abandoned), slash, released(1, 1)];
    assert_eq!(effects, expected);
    let next = (task.status(), task.wake_at(&rules()));
    assert_eq!(next, (Status::Pending, Some(late)));
    assert_eq!(task.attempts[0].end, Some(AttemptEnd::Abandoned));
    assert_eq!(task.escrow(), REWARD);
}

#[test]
fn an_attempt_that_was_never_claimed_costs_no_stake() {
    let (mut task, late) = (assigned(), run_out());
    let effects = task.tick(late, UP, &rules()).unwrap();
    assert_eq!(effects, [noted(1, Outcome::Unclaimed), released(1, 1)]);
    assert_eq!(task.attempts[0].end, Some(AttemptEnd::Unclaimed));
    assert_eq!(task.status(), Status::Pending);
}

#[test]
fn a_heartbeat_in_time_by_a_clock_that_is_behind_keeps_the_attempt() {
    let mut task = claimed();
    let ahead = Timestamp(run_out().0 - 1);
    assert_eq!(task.tick(ahead, UP, &rules()), None);
    let in_time = START + rules().lease;
    task.heartbeat(&prover(1), 1, in_time, &rules()).unwrap();
    assert_eq!(task.tick(run_out(), UP, &rules()), None);
}

#[test]
fn a_lease_that_ran_while_the_network_was_away_is_given_anew() {
    for mut task in [assigned(), claimed()] {
        let (status, back) = (task.status(), run_out() + Millis(600_000));
        assert_eq!(task.tick(back, back, &rules()), Some(Vec::new()));
        assert_eq!((task.status(), task.attempt()), (status, 1));
        let next = back + rules().lease + rules().max_skew;
        assert_eq!(task.wake_at(&rules()), Some(next));
        // From here on the prover is answerable again.
        let mut silent = task.clone();
        let effects = silent.tick(next, back, &rules()).unwrap();
        assert_eq!(effects.last(), Some(&released(1, 1)));
        assert_ne!(silent.attempts[0].end, Some(AttemptEnd::Outage));
        // Away again, without a sign of life in between: it ends, but without a mark.
        let effects = task.tick(next, next, &rules()).unwrap();
        assert_eq!(effects, [released(1, 1)]);
        assert_eq!(task.attempts[0].end, Some(AttemptEnd::Outage));
        assert_eq!(task.status(), Status::Pending);
    }
}

#[test]
fn a_prover_that_was_heard_of_after_the_outage_answers_for_its_lease() {
    let (mut task, back) = (claimed(), START + Millis(20_000));
    task.heartbeat(&prover(1), 1, back, &rules()).unwrap();
    let late = back + rules().lease + rules().max_skew;
    let effects = task.tick(late, back, &rules()).unwrap();
    assert_eq!(effects[0], noted(1, Outcome::Abandoned));
}

#[test]
fn a_replaced_key_ends_the_task_at_nobodys_cost() {
    for task in of_every_status() {
        let (mut after, lease) = (task.clone(), task.lease().cloned());
        let ended = after.key_replaced(START);
        if task.status().is_terminal() {
            assert!(matches!(ended, Err(Refusal::Ended { .. })));
            assert_eq!(after, task);
            continue;
        }
        let mut expected: Vec<_> = lease.iter().map(|_| released(1, 1)).collect();
        expected.push(Effect::Refund { amount: REWARD });
        assert_eq!(ended.unwrap(), expected);
        let reason = FailReason::KeyReplaced;
        assert_eq!(after.state, State::Failed { reason });
        let ends = after.attempts.iter().map(|a| a.end.clone());
        assert!(ends.eq(lease.iter().map(|_| Some(AttemptEnd::KeyReplaced))));
    }
}

#[test]
fn an_invalid_proof_costs_its_whole_price_and_a_reported_failure_nothing() {
    let mut task = claimed();
    let effects = task.reject(&prover(1), 1, START, &rules()).unwrap();
    let slash = Effect::Slash {
        prover: prover(1),
        at_most: Credits(400),
    };
    let expected = [noted(1, Outcome::Invalid), slash, released(1, 1)];
    assert_eq!(effects, expected);
    assert_eq!(task.status(), Status::Pending);
    let mut task = claimed();
    let effects = task
        .fail(&prover(1), 1, "no memory", START, &rules())
        .unwrap();
    assert_eq!(effects, [noted(1, Outcome::Failed), released(1, 1)]);
    assert_eq!(task.status(), Status::Pending);
}

#[test]
fn what_a_prover_says_of_a_failure_is_cut() {
    let mut task = claimed();
    task.fail(&prover(1), 1, &"é".repeat(1_000), START, &rules())
        .unwrap();
    let Some(EventKind::AttemptEnded { message, .. }) = task.events.last().map(|e| &e.kind) else {
        panic!("{:?}", task.events)
    };
    let message = message.as_ref().unwrap();
    assert_eq!(message.chars().count(), Task::MESSAGE_LIMIT);
}

#[test]
fn completion_pays_the_price_refunds_the_rest_and_lets_the_prover_go() {
    let mut task = claimed();
    let effects = task.complete(&prover(1), 1, START + Millis(2_500)).unwrap();
    let proved = Outcome::Proved {
        quality: Ratio::ONE,
        efficiency: Ratio::ppm(750_000),
    };
    let pay = Effect::Pay {
        prover: prover(1),
        amount: Credits(400),
    };
    let refund = Effect::Refund {
        amount: Credits(600),
    };
    assert_eq!(effects, [released(1, 1), noted(1, proved), pay, refund]);
    assert_eq!(task.attempts[0].end, Some(AttemptEnd::Proved));
}

#[test]
fn a_price_of_the_whole_reward_leaves_nothing_to_refund() {
    let mut task = pending();
    task.assign(&winner(1, REWARD.0), 1, START, &rules())
        .unwrap();
    let effects = task.complete(&prover(1), 1, START).unwrap();
    assert!(!effects.iter().any(|e| matches!(e, Effect::Refund { .. })));
}

#[test]
fn a_superseded_attempt_can_neither_fail_nor_progress() {
    let (task, now) = superseded();
    let gone = Refusal::Superseded { current: 2, got: 1 };
    let (p, mut after) = (prover(1), task.clone());
    assert_eq!(after.claim(&p, 1, now, &rules()), Err(gone.clone()));
    assert_eq!(after.heartbeat(&p, 1, now, &rules()), Err(gone.clone()));
    assert_eq!(after.fail(&p, 1, "", now, &rules()), Err(gone.clone()));
    assert_eq!(after.reject(&p, 1, now, &rules()), Err(gone));
    assert_eq!(after, task);
}

#[test]
fn a_valid_proof_of_a_superseded_attempt_completes_an_open_task() {
    let (mut task, now) = superseded();
    let effects = task.complete(&prover(1), 1, now).unwrap();
    let pay = Effect::Pay {
        prover: prover(1),
        amount: Credits(400),
    };
    let refund = Effect::Refund {
        amount: Credits(600),
    };
    // Its abandonment has its mark already, and the other prover is let go without one.
    assert_eq!(effects, [released(2, 2), pay, refund]);
    let ends: Vec<_> = task.attempts.iter().map(|a| a.end.clone()).collect();
    assert_eq!(
        ends,
        [Some(AttemptEnd::Proved), Some(AttemptEnd::Overtaken)]
    );
    let ended = Err(Refusal::Ended {
        status: Status::Completed,
    });
    assert_eq!(task.complete(&prover(2), 2, now), ended);
}

#[test]
fn a_late_proof_completes_even_a_task_that_waits_for_auction() {
    let mut task = claimed();
    let late = run_out();
    task.tick(late, UP, &rules()).unwrap();
    assert_eq!(task.status(), Status::Pending);
    let effects = task.complete(&prover(1), 1, late).unwrap();
    assert!(!effects.iter().any(|e| matches!(e, Effect::Release { .. })));
    assert_eq!(task.status(), Status::Completed);
}

#[test]
fn cancelling_while_pending_refunds_everything() {
    let mut task = pending();
    let refund = Effect::Refund { amount: REWARD };
    assert_eq!(task.cancel(START).unwrap(), [refund]);
    assert_eq!(task.status(), Status::Cancelled);
}

#[test]
fn cancelling_while_running_waits_for_the_attempt() {
    for running in [assigned(), claimed()] {
        let mut task = running;
        let status = task.status();
        assert_eq!(task.cancel(START).unwrap(), []);
        assert_eq!(task.cancel(START).unwrap(), []);
        assert_eq!(task.status(), status);
        let asked = |t: &Task| {
            let kinds = t.events.iter().map(|e| &e.kind);
            kinds.filter(|k| **k == EventKind::CancelRequested).count()
        };
        assert_eq!(asked(&task), 1);
        let mut proved = task.clone();
        proved.complete(&prover(1), 1, START).unwrap();
        assert_eq!(proved.status(), Status::Completed);
        let effects = task.fail(&prover(1), 1, "", START, &rules()).unwrap();
        assert_eq!(effects.last(), Some(&Effect::Refund { amount: REWARD }));
        assert_eq!(task.status(), Status::Cancelled);
    }
}

#[test]
fn a_passed_deadline_ends_a_task_that_nobody_proves() {
    let deadline = START + Millis(500);
    let with_deadline = |mut task: Task| {
        task.spec.deadline = Some(deadline);
        task
    };
    let mut task = with_deadline(pending());
    let no_match = NoMatch::default();
    task.unmatched(no_match, START, &rules()).unwrap();
    assert_eq!(
        task.wake_at(&rules()),
        Some(deadline),
        "before the next auction"
    );
    assert_eq!(task.tick(Timestamp(deadline.0 - 1), UP, &rules()), None);
    let refund = Effect::Refund { amount: REWARD };
    assert_eq!(
        task.tick(deadline, UP, &rules()),
        Some(vec![refund.clone()])
    );
    assert_eq!(task.status(), Status::Expired);
    // A running attempt is not cut short, ...
    let mut task = with_deadline(claimed());
    assert_eq!(task.tick(deadline, UP, &rules()), None);
    // ... but it is the last one.
    let effects = task.fail(&prover(1), 1, "", deadline, &rules()).unwrap();
    assert_eq!(effects.last(), Some(&refund));
    assert_eq!(task.status(), Status::Expired);
}

#[test]
fn when_every_attempt_went_wrong_the_task_fails_with_a_refund() {
    let mut task = pending();
    for attempt in 1..=3 {
        task.assign(&winner(1, 400), 1, START, &rules()).unwrap();
        let effects = task.fail(&prover(1), attempt, "", START, &rules()).unwrap();
        let refunded = effects.contains(&Effect::Refund { amount: REWARD });
        assert_eq!(refunded, attempt == 3);
    }
    let reason = FailReason::AttemptsExhausted { attempts: 3 };
    assert_eq!(task.state, State::Failed { reason });
}

#[test]
fn a_task_survives_json() {
    let mut tasks = of_every_status();
    tasks.push(superseded().0);
    for task in tasks {
        let text = serde_json::to_string(&task).unwrap();
        assert_eq!(serde_json::from_str::<Task>(&text).unwrap(), task);
    }
}

/// Something that may happen to a task. Provers are `p0` to `p2`; an attempt is named by how far it
/// lies behind the running one, -1 being one that was never assigned.
#[derive(Clone, Debug)]
enum Op {
    Assign { prover: u8, price: u64 },
    Unmatched { price: u64 },
    Claim(u8, i32),
    Heartbeat(u8, i32),
    Fail(u8, i32),
    Reject(u8, i32),
    Complete(u8, i32),
    Join(u8),
    Commit(u8),
    Reveal(u8, bool),
    KeyReplaced,
    Cancel,
    Tick { after_outage: bool },
    Jump(i64),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let who = || 0..3_u8;
    let which = || -1..3_i32;
    let op = prop_oneof![
        6 => (who(), 0..=REWARD.0).prop_map(|(prover, price)| Op::Assign { prover, price }),
        2 => (0..3_u64).prop_map(|price| Op::Unmatched { price }),
        3 => (who(), which()).prop_map(|(p, a)| Op::Claim(p, a)),
        2 => (who(), which()).prop_map(|(p, a)| Op::Heartbeat(p, a)),
        4 => (who(), which()).prop_map(|(p, a)| Op::Fail(p, a)),
        2 => (who(), which()).prop_map(|(p, a)| Op::Reject(p, a)),
        1 => (who(), which()).prop_map(|(p, a)| Op::Complete(p, a)),
        3 => who().prop_map(Op::Join),
        3 => who().prop_map(Op::Commit),
        2 => (who(), any::<bool>()).prop_map(|(p, valid)| Op::Reveal(p, valid)),
        1 => prop::bool::weighted(0.1).prop_map(|now| if now { Op::KeyReplaced } else { Op::Cancel }),
        4 => prop::bool::weighted(0.2).prop_map(|after_outage| Op::Tick { after_outage }),
        4 => (-40_000..40_000_i64).prop_map(Op::Jump),
    ];
    prop::collection::vec(op, 1..60)
}

/// What the effects of a task's whole life add up to.
#[derive(Default)]
struct Tally {
    pays: u32,
    settled: u64,
    taken: Vec<(ProverId, AttemptNo)>,
    open: Vec<(ProverId, AttemptNo)>,
}

impl Tally {
    fn add(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Pay { amount, .. } => {
                    self.pays += 1;
                    self.settled += amount.0;
                }
                Effect::Refund { amount } => self.settled += amount.0,
                Effect::Take {
                    prover, attempt, ..
                } => {
                    let held = (prover.clone(), *attempt);
                    assert!(!self.taken.contains(&held), "taken twice");
                    self.taken.push(held.clone());
                    self.open.push(held);
                }
                Effect::Release { prover, attempt } => {
                    let held = (prover.clone(), *attempt);
                    let at = self.open.iter().position(|o| *o == held);
                    self.open
                        .remove(at.expect("released once, after it was taken"));
                }
                Effect::Slash { .. } | Effect::Note { .. } => {}
            }
        }
    }
}

const DIGEST: crate::CommitmentDigest = crate::CommitmentDigest([7; 32]);

/// A prover that may fulfil anything.
fn volunteer(n: u8, now: Timestamp) -> crate::Prover {
    crate::Prover {
        prover_id: prover(n),
        owner: None,
        fleet: true,
        trusted: true,
        capacity: 1,
        asks: vec![crate::Ask {
            ask_id: AskId(Uuid::nil()),
            circuits: Vec::new(),
            price: REWARD,
            capacity: 1,
            levels: vec![PrivacyLevel::OPEN],
            promised: Millis(1),
            placed_at: START,
            expires_at: None,
        }],
        active: std::collections::BTreeMap::new(),
        record: crate::Record::default(),
        breaker: crate::Breaker::default(),
        registered_at: START,
        seen_at: now,
    }
}

/// Applies one operation; none where it was refused.
fn apply(task: &mut Task, op: &Op, now: Timestamp) -> Option<Vec<Effect>> {
    let rules = rules();
    let current = task.attempt();
    let named = |back: i32| current.saturating_add_signed(-back);
    let none = |()| Vec::new();
    match *op {
        Op::Assign { prover, price } => task.assign(&winner(prover, price), 1, now, &rules).ok(),
        Op::Unmatched { price } => {
            let no_match = NoMatch {
                lowest_price: Some(Credits(price)),
                ..NoMatch::default()
            };
            task.unmatched(no_match, now, &rules).ok().map(none)
        }
        Op::Claim(p, a) => task.claim(&prover(p), named(a), now, &rules).ok().map(none),
        Op::Heartbeat(p, a) => {
            let beat = task.heartbeat(&prover(p), named(a), now, &rules);
            beat.ok().map(none)
        }
        Op::Fail(p, a) => task
            .fail(&prover(p), named(a), "it broke", now, &rules)
            .ok(),
        Op::Reject(p, a) => task.reject(&prover(p), named(a), now, &rules).ok(),
        Op::Complete(p, a) => task.complete(&prover(p), named(a), now).ok(),
        Op::Join(p) => task.join(&volunteer(p, now), now, &rules).ok().map(none),
        Op::Commit(p) => task.commit(&prover(p), DIGEST, now, &rules).ok().map(none),
        Op::Reveal(p, true) => task.fulfil(&prover(p), &DIGEST, now, &rules).ok(),
        Op::Reveal(p, false) => task.void(&prover(p), &DIGEST, now, &rules).ok(),
        Op::KeyReplaced => task.key_replaced(now).ok(),
        Op::Cancel => task.cancel(now).ok(),
        Op::Tick { after_outage } => task.tick(now, if after_outage { now } else { UP }, &rules),
        Op::Jump(_) => None,
    }
}

fn check_step(before: &Task, op: &Op, effects: Option<&[Effect]>, task: &Task, now: Timestamp) {
    let terminal = before.status().is_terminal();
    if terminal || effects.is_none() {
        assert_eq!(task, before, "what is refused, and what has ended, stays");
    }
    assert!(!terminal || effects.is_none(), "an ended task refuses");
    let assigned = matches!(op, Op::Assign { .. }) && effects.is_some();
    assert_eq!(task.attempt(), before.attempt() + u32::from(assigned));
    assert!(task.attempts.iter().zip(1..).all(|(a, n)| a.number == n));
    assert!(task.events.iter().zip(1..).all(|(e, n)| e.seq == n));
    assert!(task.events.starts_with(&before.events), "history stays");
    let ended = task.status().is_terminal();
    assert_eq!(task.wake_at(&rules()).is_none(), ended);
    assert_eq!(task.escrow(), if ended { Credits(0) } else { REWARD });
    if let Some(lease) = task.lease() {
        assert_eq!(lease.attempt, task.attempt());
        assert!(lease.expires_at <= lease.hold_until);
    }
    match *op {
        Op::Claim(_, a) | Op::Heartbeat(_, a) | Op::Fail(_, a) | Op::Reject(_, a) => {
            let may = a == 0 && before.lease().is_some();
            assert!(may || effects.is_none(), "only the running attempt");
        }
        Op::Complete(p, a) => {
            let number = before.attempt().saturating_add_signed(-a);
            let mine = |at: &Attempt| at.number == number && at.prover == prover(p);
            let may = !terminal && before.attempts.iter().any(mine);
            assert_eq!(effects.is_some(), may, "any attempt ever assigned");
        }
        // Only after the exclusive time, and never a proof that was not committed to before.
        Op::Join(_) | Op::Commit(_) if effects.is_some() => {
            assert!(before.open_from.is_some_and(|at| at <= now));
        }
        Op::Reveal(p, _) if effects.is_some() => {
            let own = before.fulfilments.iter().find(|f| f.prover == prover(p));
            let committed = own.and_then(|f| f.commitment.as_ref()).unwrap();
            assert!(committed.at + rules().reveal_after <= now);
        }
        _ => {}
    }
    assert!(task.fulfilments.len() <= rules().most_fulfilments as usize);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_happens_the_rules_hold(
        ops in ops(),
        deadline in prop::option::of(1..200_000_u64),
        max_attempts in 1..6_u32,
    ) {
        let deadline = deadline.map(|after| START + Millis(after));
        let mut task = Task::submit(NewTask { deadline, max_attempts, ..spec() }, START).unwrap();
        let (mut now, mut tally) = (START, Tally::default());
        for op in &ops {
            if let Op::Jump(by) = op {
                now = Timestamp(now.0.saturating_add_signed(*by));
            }
            let before = task.clone();
            let effects = apply(&mut task, op, now);
            check_step(&before, op, effects.as_deref(), &task, now);
            tally.add(effects.as_deref().unwrap_or_default());
            prop_assert!(tally.pays <= 1);
            prop_assert_eq!(tally.settled + task.escrow().0, REWARD.0);
            let held: Vec<_> = task.lease().map(|l| (l.prover.clone(), l.attempt)).into_iter().collect();
            prop_assert_eq!(&tally.open, &held);
            prop_assert!(task.attempt() <= max_attempts);
            prop_assert_eq!(tally.pays == 1, task.status() == Status::Completed);
        }
    }

    #[test]
    fn time_alone_ends_every_task(ops in ops(), deadline in 1..200_000_u64) {
        let deadline = START + Millis(deadline);
        let spec = NewTask { deadline: Some(deadline), ..spec() };
        let mut task = Task::submit(spec, START).unwrap();
        let mut now = START;
        for op in &ops {
            if let Op::Jump(by) = op {
                now = Timestamp(now.0.saturating_add_signed(*by));
            }
            apply(&mut task, op, now);
        }
        // Nobody does anything any more: the sweeper comes at each wake-up.
        for _ in 0..3 {
            if let Some(at) = task.wake_at(&rules()) {
                now = now.max(at);
                task.tick(now.max(deadline), UP, &rules());
            }
        }
        prop_assert!(task.status().is_terminal(), "{:?}", task.state);
    }
}
