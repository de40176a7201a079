use crate::harness::*;
use prooflane_coordinator::{Registration, Submission};
use prooflane_market::{
    Credits, EventKind, Millis, PrivacyLevel, ProverId, State, Status, Timestamp,
};
use std::time::Duration;

#[tokio::test]
async fn an_ask_that_is_placed_later_wakes_a_task_that_found_nobody() {
    let net = Net::open();
    let id = net.submitted().await;
    assert_eq!(net.auction().await, 0);
    let events = net.task(id).await.unwrap().task.events;
    assert!(matches!(events[1].kind, EventKind::Unmatched { .. }));
    net.prover("p1", 40).await;
    assert_eq!(net.auction().await, 1, "without any time passing");
    net.conserved().await;
}

#[tokio::test]
async fn a_prover_that_was_silent_is_back_with_its_first_sign_of_life() {
    let net = Net::open();
    let p1 = net.prover("p1", 40).await;
    net.clock.advance(Duration::from_secs(61));
    net.submitted().await;
    assert_eq!(net.auction().await, 0);
    net.seen(&p1).await.unwrap();
    assert_eq!(net.auction().await, 1);
}

#[tokio::test]
async fn room_that_becomes_free_is_filled_by_priority_then_age() {
    let net = Net::open();
    let p1 = net.prover("p1", 40).await;
    let mut running = Vec::new();
    for _ in 0..4 {
        running.push(net.running(&p1).await);
    }
    let mut waiting = Vec::new();
    for priority in [10, 90, 90] {
        let one = Submission {
            priority,
            ..submission()
        };
        waiting.push(net.submit(one).await.unwrap().record.task.id());
        net.clock.advance(Duration::from_millis(1));
        assert_eq!(net.auction().await, 0, "no room");
    }
    for (done, next) in running.iter().zip([1, 2, 0]) {
        net.accept(&p1, *done, 1, &PROOF).await.unwrap();
        assert_eq!(net.auction().await, 1);
        assert_eq!(net.claimed(&p1).await[0].task_id, waiting[next]);
    }
    net.conserved().await;
}

#[tokio::test]
async fn repeated_hints_do_not_make_a_task_wait_longer() {
    let net = Net::open();
    let id = net.submitted().await;
    net.sweep().await.unwrap();
    net.sweep().await.unwrap();
    net.auction().await;
    let task = net.task(id).await.unwrap().task;
    let State::Pending {
        next_auction_at, ..
    } = task.state
    else {
        panic!("nobody is there")
    };
    assert_eq!(
        (task.rounds, next_auction_at),
        (1, Timestamp(START + 1_000))
    );
}

#[tokio::test]
async fn a_task_that_finds_nobody_is_auctioned_again_after_its_pause() {
    let net = Net::open();
    let id = net.submitted().await;
    net.auction().await;
    for (after, rounds) in [(999, 1), (1, 2), (1_999, 2), (1, 3)] {
        net.later(Millis(after)).await;
        assert_eq!(net.task(id).await.unwrap().task.rounds, rounds);
    }
}

#[tokio::test]
async fn a_transcript_is_kept_for_every_assignment() {
    let net = Net::open();
    let (p1, _) = (net.prover("p1", 40).await, net.prover("p2", 60).await);
    let id = net.running(&p1).await;
    let transcript = net.transcript(id, 1).await.unwrap().unwrap();
    assert_eq!(transcript.ceiling, REWARD);
    let names: Vec<_> = transcript.bids.iter().map(|b| b.prover.as_str()).collect();
    assert_eq!(names, ["p1", "p2"]);
    assert_eq!(transcript.winner().unwrap().price, Credits(60));
    assert_eq!(net.transcript(id, 2).await.unwrap(), None);
}

#[tokio::test]
async fn a_quote_says_what_a_task_would_cost_and_changes_nothing() {
    let net = Net::open();
    let id = net.submitted().await;
    let task = net.task(id).await.unwrap().task;
    let nobody = net.quote(&task).await.unwrap();
    assert!(nobody.winner.is_none() && nobody.no_match.is_some());
    let p1 = net.prover("p1", 40).await;
    let quote = net.quote(&task).await.unwrap();
    assert_eq!(quote.bids.len(), 1);
    assert_eq!(quote.winner.unwrap().prover, p1);
    assert_eq!(net.task(id).await.unwrap().task, task);
}

#[tokio::test]
async fn a_prover_that_is_not_registered_can_do_nothing() {
    let net = Net::open();
    let nobody = ProverId::new("nobody").unwrap();
    let refused = net.claim(&claim(&nobody, None)).await.err().unwrap();
    assert_eq!(refused.to_string(), "no prover nobody; register it first");
    assert_eq!(code(net.place_ask(&nobody, ask(1)).await), "unknown_prover");
    assert_eq!(code(net.seen(&nobody).await), "unknown_prover");
}

#[tokio::test]
async fn an_ask_for_an_unknown_circuit_or_beyond_the_limits_is_refused() {
    let net = Net::open();
    let p1 = net.register("p1", false, false).await;
    let (mut unknown, mut empty) = (ask(1), ask(1));
    unknown.circuits = vec!["none@1".into()];
    empty.capacity = 0;
    assert_eq!(code(net.place_ask(&p1, unknown).await), "unknown_circuit");
    assert_eq!(code(net.place_ask(&p1, empty).await), "invalid_ask");
    assert!(net.c.prover(&p1).await.unwrap().asks.is_empty());
}

#[tokio::test]
async fn registering_again_keeps_record_asks_and_stake_and_only_the_owner_may() {
    let net = Net::open();
    let p1 = net.prover("p1", 40).await;
    let id = net.running(&p1).await;
    net.accept(&p1, id, 1, &PROOF).await.unwrap();
    let before = net.c.prover(&p1).await.unwrap();
    net.register("p1", false, false).await;
    assert_eq!(net.c.prover(&p1).await.unwrap(), before);
    net.conserved().await;
    let registration = |owner: &str, capacity| Registration {
        prover_id: p1.clone(),
        owner: Some(owner.into()),
        capacity,
        fleet: false,
        trusted: false,
    };
    let other = net.c.register(registration("mallory", 1)).await;
    assert_eq!(code(other), "forbidden");
    for capacity in [0, 1_025] {
        let wrong = net.c.register(registration("mallory", capacity)).await;
        assert_eq!(code(wrong), "invalid_request");
    }
}

#[tokio::test]
async fn a_claim_takes_no_more_than_it_asks_for() {
    let net = Net::open();
    let p1 = net.prover("p1", 40).await;
    for _ in 0..3 {
        net.submitted().await;
    }
    assert_eq!(net.auction().await, 3);
    let mut one = claim(&p1, None);
    one.max = 1;
    assert_eq!(net.claim(&one).await.unwrap().len(), 1);
    assert_eq!(net.claimed(&p1).await.len(), 2);
    assert!(net.claimed(&p1).await.is_empty());
}

#[tokio::test]
async fn a_claim_waits_for_what_its_prover_wins() {
    let net = Net::open();
    let p1 = net.prover("p1", 40).await;
    let (c, mut patient) = (net.c.clone(), claim(&p1, None));
    patient.wait = Duration::from_secs(20);
    let waiting = tokio::spawn(async move { c.claim(&patient).await.unwrap() });
    tokio::task::yield_now().await;
    let id = net.submitted().await;
    net.auction().await;
    assert_eq!(waiting.await.unwrap()[0].task_id, id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn claims_at_once_get_each_task_once() {
    let net = Net::open();
    let p1 = net.prover("p1", 40).await;
    for _ in 0..4 {
        net.submitted().await;
    }
    assert_eq!(net.auction().await, 4);
    let calls: Vec<_> = (0..16)
        .map(|_| {
            let (c, request) = (net.c.clone(), claim(&p1, None));
            tokio::spawn(async move { c.claim(&request).await.unwrap().len() })
        })
        .collect();
    let mut handed_out = 0;
    for call in calls {
        handed_out += call.await.unwrap();
    }
    assert_eq!(handed_out, 4);
    net.conserved().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn auctions_at_once_assign_each_task_once_and_overload_nobody() {
    let net = Net::open();
    net.prover("p1", 40).await;
    net.prover("p2", 41).await;
    net.auction_once(Duration::ZERO).await.unwrap();
    let leader = net.auctioneer.lock().await.clone();
    for _ in 0..12 {
        net.submitted().await;
    }
    let calls: Vec<_> = (0..8)
        .map(|_| {
            // Several hands of one leader.
            let (c, mut auctioneer) = (net.c.clone(), leader.clone());
            tokio::spawn(async move {
                let once = c.auction_once(&mut auctioneer, Duration::ZERO);
                once.await.unwrap()
            })
        })
        .collect();
    let mut assigned = 0;
    for call in calls {
        assigned += call.await.unwrap();
    }
    assigned += net.auction().await;
    assert_eq!(assigned, 8, "two provers with room for four each");
    net.conserved().await;
}

#[tokio::test]
async fn privacy_levels_decide_who_is_assigned() {
    for (level, listed, winner) in [
        (1, None, Some("any")),
        (2, None, Some("trusted")),
        (2, Some("any"), Some("any")),
        (3, Some("any"), Some("fleet")),
        (255, None, Some("fleet")),
    ] {
        let net = Net::open();
        for (name, price, fleet, trusted) in [
            ("any", 10, false, false),
            ("trusted", 20, false, true),
            ("fleet", 30, true, false),
        ] {
            let id = net.register(name, fleet, trusted).await;
            net.place_ask(&id, ask(price)).await.unwrap();
        }
        let private = Submission {
            privacy_level: PrivacyLevel::try_from(level).unwrap(),
            allowed_provers: listed
                .map(|p| ProverId::new(p).unwrap())
                .into_iter()
                .collect(),
            ..submission()
        };
        let id = net.submit(private).await.unwrap().record.task.id();
        net.auction().await;
        let task = net.task(id).await.unwrap().task;
        assert_eq!(task.status(), Status::Assigned);
        assert_eq!(task.lease().map(|l| l.prover.as_str()), winner);
    }
}
