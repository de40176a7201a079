use super::*;
use crate::{Active, Ask, NewTask, Record};
use proptest::prelude::*;
use uuid::Uuid;

const NOW: Timestamp = Timestamp(1_000_000);
const CEILING: Credits = Credits(1_000);

fn id(name: &str) -> ProverId {
    ProverId::new(name).unwrap()
}

fn ask(n: u128, price: u64) -> Ask {
    Ask {
        ask_id: AskId(Uuid::from_u128(n)),
        circuits: vec!["range@1".into()],
        price: Credits(price),
        capacity: 1,
        levels: vec![
            PrivacyLevel::OPEN,
            PrivacyLevel::ALLOWED,
            PrivacyLevel::FLEET,
        ],
        promised: Millis(10_000),
        placed_at: Timestamp(0),
        expires_at: None,
    }
}

/// A record with this reputation, to the nearest part per million that a long record can have.
fn record(reputation: Ratio) -> Record {
    let attempts = 4_000_000_000_000;
    let part = u64::from(reputation.as_ppm());
    let proved = attempts / 1_000_000 * part;
    Record {
        proved,
        failed: attempts - proved,
        quality_sum: attempts * part,
        efficiency_sum: attempts * part,
    }
}

fn prover(name: &str, asks: Vec<Ask>) -> Prover {
    Prover {
        prover_id: id(name),
        owner: None,
        fleet: false,
        trusted: false,
        capacity: 1,
        asks,
        active: BTreeMap::new(),
        record: Record::default(),
        breaker: crate::Breaker::default(),
        registered_at: Timestamp(0),
        seen_at: NOW,
    }
}

fn task() -> Task {
    let spec = NewTask {
        task_id: crate::TaskId(Uuid::from_u128(7)),
        circuit: "range@1".into(),
        privacy_level: PrivacyLevel::OPEN,
        reward_amount: CEILING,
        priority: 50,
        requester: "alice".into(),
        deadline: None,
        min_reputation: Ratio::ZERO,
        max_attempts: 3,
        allowed_provers: Vec::new(),
    };
    Task::submit(spec, NOW).unwrap()
}

fn hold(task: &Task, provers: Vec<Prover>) -> Clearing {
    clear(task, &provers.into_iter().collect(), NOW, &Rules::default())
}

/// What keeps the only prover from bidding.
fn obstacle(task: &Task, prover: Prover) -> Option<Obstacle> {
    match hold(task, vec![prover]) {
        Clearing::Match { .. } => None,
        Clearing::NoMatch(no_match) => no_match.obstacles.into_keys().next(),
    }
}

fn bid(name: &str, price: u64, reputation: u32) -> Bid {
    Bid {
        prover: id(name),
        ask_id: AskId(Uuid::nil()),
        price: Credits(price),
        reputation: Ratio::ppm(reputation),
        promised: Millis(1),
        placed_at: Timestamp(0),
    }
}

fn transcript(ceiling: Credits, payment: PaymentRule, bids: Vec<Bid>) -> Transcript {
    Transcript {
        at: NOW,
        ceiling,
        weights: Weights::default(),
        payment,
        bids,
    }
}

fn second_score(bids: Vec<Bid>) -> Winner {
    transcript(CEILING, PaymentRule::SecondScore, bids)
        .winner()
        .unwrap()
}

#[test]
fn the_score_is_seven_tenths_of_what_is_saved_and_three_tenths_of_reputation() {
    let score = |price, reputation| {
        bid("a", price, reputation)
            .score(CEILING, Weights::default())
            .as_ppm()
    };
    assert_eq!(score(0, 1_000_000), 1_000_000);
    assert_eq!(score(1_000, 0), 0);
    assert_eq!(score(1_000, 1_000_000), 300_000);
    assert_eq!(score(400, 500_000), 420_000 + 150_000);
    assert_eq!(score(999, 0), 700);
    let by_price_alone = Weights::price(Ratio::ONE);
    let alone = bid("a", 250, 900_000).score(CEILING, by_price_alone);
    assert_eq!(alone.as_ppm(), 750_000);
}

#[test]
fn a_better_reputation_can_beat_a_lower_price() {
    // 0.7 * 0.5 + 0.3 * 0.9 = 0.62 against 0.7 * 0.6 + 0.3 * 0.5 = 0.57
    let winner = second_score(vec![bid("cheap", 400, 500_000), bid("good", 500, 900_000)]);
    assert_eq!(winner.prover, id("good"));
    // 0.57 = 0.7 (1 - p) + 0.27 where p = 0.5714...
    assert_eq!(winner.price, Credits(571));
}

#[test]
fn among_equals_the_second_score_is_the_second_price() {
    let winner = second_score(vec![bid("a", 300, 500_000), bid("b", 450, 500_000)]);
    assert_eq!((winner.prover, winner.price), (id("a"), Credits(450)));
}

#[test]
fn a_lone_bidder_is_paid_the_ceiling_and_nobody_more() {
    assert_eq!(second_score(vec![bid("a", 300, 500_000)]).price, CEILING);
    let weak = bid("weak", 1_000, 0);
    let strong = bid("strong", 300, 1_000_000);
    assert_eq!(second_score(vec![weak, strong]).price, CEILING);
}

#[test]
fn first_price_pays_what_was_asked() {
    let bids = vec![bid("a", 300, 500_000), bid("b", 450, 500_000)];
    let winner = transcript(CEILING, PaymentRule::FirstPrice, bids).winner();
    assert_eq!(winner.unwrap().price, Credits(300));
}

#[test]
fn a_tie_goes_to_the_earlier_ask() {
    let mut late = ask(1, 400);
    late.placed_at = Timestamp(9);
    let early = ask(2, 400);
    let provers = vec![prover("a", vec![late]), prover("b", vec![early])];
    let Clearing::Match { winner, transcript } = hold(&task(), provers) else {
        panic!("both may bid")
    };
    assert_eq!((winner.prover, winner.price), (id("b"), Credits(400)));
    assert_eq!(transcript.bids.len(), 2);
}

#[test]
fn a_task_without_a_reward_goes_to_whoever_asks_nothing() {
    let mut free = task();
    free.spec.reward_amount = Credits(0);
    let provers = vec![
        prover("dear", vec![ask(1, 1)]),
        prover("free", vec![ask(2, 0)]),
    ];
    let Clearing::Match { winner, transcript } = hold(&free, provers) else {
        panic!("one asks nothing")
    };
    assert_eq!((winner.prover, winner.price), (id("free"), Credits(0)));
    assert_eq!(transcript.bids.len(), 1);
}

#[test]
fn a_prover_bids_with_its_best_eligible_ask() {
    let mut expired = ask(1, 1);
    expired.expires_at = Some(NOW);
    let mut elsewhere = ask(2, 2);
    elsewhere.circuits = vec!["merkle@1".into()];
    let asks = vec![expired, elsewhere, ask(3, 500), ask(4, 300), ask(5, 400)];
    let Clearing::Match { winner, transcript } = hold(&task(), vec![prover("a", asks)]) else {
        panic!("it has three eligible asks")
    };
    assert_eq!(winner.ask_id, AskId(Uuid::from_u128(4)));
    assert_eq!(transcript.bids.len(), 1, "one bid of each prover");
}

#[test]
fn each_obstacle_has_its_name() {
    let fine = || prover("a", vec![ask(1, 400)]);
    assert_eq!(obstacle(&task(), fine()), None);
    let with = |change: fn(&mut Task, &mut Prover)| {
        let (mut task, mut prover) = (task(), fine());
        change(&mut task, &mut prover);
        obstacle(&task, prover).unwrap()
    };
    let no_ask = with(|_, p| p.asks.clear());
    assert_eq!(no_ask, Obstacle::Circuit);
    let other = with(|_, p| p.asks[0].circuits = vec!["merkle@1".into()]);
    assert_eq!(other, Obstacle::Circuit);
    let expired = with(|_, p| p.asks[0].expires_at = Some(NOW));
    assert_eq!(expired, Obstacle::Circuit);
    let level = with(|_, p| p.asks[0].levels = vec![PrivacyLevel::ALLOWED]);
    assert_eq!(level, Obstacle::Level);
    let private = with(|t, _| t.spec.privacy_level = PrivacyLevel::ALLOWED);
    assert_eq!(private, Obstacle::NotAllowed);
    let reputation = with(|t, _| t.spec.min_reputation = Ratio::ppm(500_001));
    assert_eq!(reputation, Obstacle::Reputation);
    let price = with(|_, p| p.asks[0].price = Credits(1_001));
    assert_eq!(price, Obstacle::Price);
    let silent = with(|_, p| p.seen_at = Timestamp(NOW.0 - 60_001));
    assert_eq!(silent, Obstacle::Silent);
    let active = |n| Active {
        ask_id: AskId(Uuid::from_u128(n)),
        attempt: 1,
    };
    for under in [1, 2] {
        // Full under this ask, and full over all.
        let mut busy = fine();
        busy.capacity = 2 - u32::try_from(under).unwrap() / 2;
        let other = crate::TaskId(Uuid::from_u128(8));
        busy.active.insert(other, active(under));
        assert_eq!(obstacle(&task(), busy), Some(Obstacle::Capacity));
    }
}

#[test]
fn at_the_edge_of_each_limit_a_prover_may_bid() {
    let mut edge = prover("a", vec![ask(1, CEILING.0)]);
    edge.seen_at = Timestamp(NOW.0 - 60_000);
    edge.asks[0].expires_at = Some(NOW + Millis(1));
    edge.asks[0].circuits.clear();
    let mut task = task();
    task.spec.min_reputation = Ratio::ppm(500_000);
    assert_eq!(obstacle(&task, edge), None);
}

#[test]
fn privacy_levels_decide_who_may_prove() {
    let eligible = |level: u8, change: fn(&mut Task, &mut Prover)| {
        let (mut task, mut prover) = (task(), prover("a", vec![ask(1, 400)]));
        task.spec.privacy_level = level.try_into().unwrap();
        change(&mut task, &mut prover);
        obstacle(&task, prover).is_none()
    };
    assert!(eligible(1, |_, _| ()));
    assert!(!eligible(2, |_, _| ()));
    assert!(eligible(2, |_, p| p.trusted = true));
    assert!(eligible(2, |t, _| t.spec.allowed_provers = vec![id("a")]));
    assert!(!eligible(2, |t, _| t.spec.allowed_provers = vec![id("b")]));
    for level in [3, 4, 255] {
        assert!(!eligible(level, |t, p| {
            p.trusted = true;
            t.spec.allowed_provers = vec![id("a")];
        }));
        assert!(eligible(level, |_, p| p.fleet = true));
    }
}

#[test]
fn who_cannot_bid_is_counted_by_what_came_closest() {
    let mut elsewhere = ask(1, 1);
    elsewhere.levels = vec![PrivacyLevel::ALLOWED];
    let provers = || {
        let near = vec![ask(2, 1_300), elsewhere.clone(), ask(3, 1_200)];
        let dear = prover("dear", vec![ask(4, 5_000)]);
        let mut backwards = near.clone();
        backwards.reverse();
        [near, backwards].map(|asks| vec![prover("near", asks), dear.clone()])
    };
    for provers in provers() {
        let Clearing::NoMatch(no_match) = hold(&task(), provers) else {
            panic!("nobody may bid")
        };
        assert_eq!(no_match.obstacles, BTreeMap::from([(Obstacle::Price, 2)]));
        assert_eq!(no_match.lowest_price, Some(Credits(1_200)));
    }
}

#[test]
fn an_empty_book_has_no_obstacles() {
    assert_eq!(
        hold(&task(), Vec::new()),
        Clearing::NoMatch(NoMatch::default())
    );
}

#[test]
fn a_prover_takes_no_more_than_it_has_room_for() {
    let mut p = prover("a", vec![ask(1, 400), ask(2, 400)]);
    p.capacity = 3;
    p.asks[0].capacity = 2;
    let task = |n| crate::TaskId(Uuid::from_u128(n));
    assert_eq!((p.room(&p.asks[0]), p.room(&p.asks[1])), (2, 1));
    p.take(task(1), p.asks[0].ask_id, 1);
    p.take(task(2), p.asks[0].ask_id, 1);
    assert_eq!((p.room(&p.asks[0]), p.room(&p.asks[1])), (0, 1));
    p.take(task(3), p.asks[1].ask_id, 4);
    assert_eq!(p.room(&p.asks[1]), 0);
    p.release(task(3), 3);
    assert_eq!(p.active.len(), 3, "a later attempt stays");
    p.release(task(3), 4);
    p.release(task(3), 4);
    assert_eq!(p.room(&p.asks[1]), 1);
}

#[test]
fn an_ask_that_cannot_be_is_refused_and_changes_nothing() {
    use crate::ProverError;
    let mut p = prover("a", Vec::new());
    for n in 1..=32 {
        p.place(ask(n, 1), NOW, &Rules::default()).unwrap();
    }
    let full = p.clone();
    let [mut none, mut much, mut dear, mut no_level, mut slow] = [(); 5].map(|()| ask(1, 1));
    none.capacity = 0;
    much.capacity = 1_025;
    dear.price = Credits(Credits::MAX.0 + 1);
    no_level.levels.clear();
    slow.promised = Millis(15 * 60_000 + 1);
    let refused = |ask| full.clone().place(ask, NOW, &Rules::default()).unwrap_err();
    assert_eq!(refused(none), ProverError::Capacity { max: 1_024, got: 0 });
    let too_much = ProverError::Capacity {
        max: 1_024,
        got: 1_025,
    };
    assert_eq!(refused(much), too_much);
    let got = dear.price;
    assert_eq!(refused(dear), ProverError::Price { got });
    assert_eq!(refused(no_level), ProverError::NoLevels);
    let too_long = ProverError::Promised {
        max: Millis(15 * 60_000),
        got: slow.promised,
    };
    assert_eq!(refused(slow), too_long);
    assert_eq!(
        p.place(ask(33, 1), NOW, &Rules::default()),
        Err(ProverError::TooManyAsks { max: 32 })
    );
    assert_eq!(p, full);
    p.place(ask(32, 7), NOW, &Rules::default()).unwrap();
    assert_eq!(p.asks.len(), 32, "the same id replaces");
    p.asks[0].expires_at = Some(NOW);
    p.place(ask(33, 1), NOW, &Rules::default()).unwrap();
    assert_eq!(p.asks.len(), 32, "an expired one makes room");
}

fn bids() -> impl Strategy<Value = (Credits, Vec<Bid>)> {
    (0..=2_000_u64, 0..=Credits::MAX.0, any::<bool>()).prop_flat_map(|(small, large, pick)| {
        let ceiling = if pick { small } else { large };
        let one = (0..=ceiling, 0..=1_000_000_u32, 0..4_u64);
        prop::collection::vec(one, 1..8).prop_map(move |all| {
            let bids = all
                .into_iter()
                .zip(1..)
                .map(|((price, reputation, at), n)| Bid {
                    // Provers choose the ids of their asks: two may choose the same.
                    ask_id: AskId(Uuid::from_u128(n % 2)),
                    placed_at: Timestamp(at),
                    ..bid(&format!("p{n}"), price, reputation)
                });
            (Credits(ceiling), bids.collect())
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_payment_lets_the_winner_just_keep_its_score((ceiling, bids) in bids()) {
        let t = transcript(ceiling, PaymentRule::SecondScore, bids);
        let winner = t.winner().unwrap();
        let own = t.bids.iter().find(|b| b.prover == winner.prover).unwrap();
        prop_assert!(own.price <= winner.price && winner.price <= ceiling);
        let score = |price, reputation| t.weights.scaled(ceiling, price, reputation);
        let others = t.bids.iter().filter(|b| b.prover != winner.prover);
        if let Some(runner_up) = others.map(|b| score(b.price, b.reputation)).max() {
            prop_assert!(score(winner.price, own.reputation) >= runner_up);
            let one_more = Credits(winner.price.0 + 1);
            prop_assert!(winner.price == ceiling || score(one_more, own.reputation) < runner_up);
        } else {
            prop_assert_eq!(winner.price, ceiling);
        }
    }

    #[test]
    fn the_exact_score_is_the_formula_of_the_book((ceiling, bids) in bids()) {
        for bid in bids {
            let score = bid.score(ceiling, Weights::default()).as_f64();
            #[allow(clippy::cast_precision_loss)]
            let part = if ceiling.0 == 0 { 1.0 } else { bid.price.0 as f64 / ceiling.0 as f64 };
            let expected = 0.7 * (1.0 - part) + 0.3 * bid.reputation.as_f64();
            prop_assert!((score - expected).abs() < 2e-6, "{score} {expected}");
        }
    }

    #[test]
    fn the_order_of_bids_changes_nothing((ceiling, bids) in bids(), by in 0..8_usize) {
        for payment in [PaymentRule::SecondScore, PaymentRule::FirstPrice] {
            let winner = transcript(ceiling, payment, bids.clone()).winner();
            let mut turned = bids.clone();
            turned.rotate_left(by % bids.len());
            prop_assert_eq!(&transcript(ceiling, payment, turned.clone()).winner(), &winner);
            turned.reverse();
            prop_assert_eq!(&transcript(ceiling, payment, turned).winner(), &winner);
        }
    }

    #[test]
    fn a_losing_ask_cannot_win_by_raising_its_price((ceiling, bids) in bids(), raise in 1..2_000_u64) {
        let t = transcript(ceiling, PaymentRule::SecondScore, bids);
        let winner = t.winner().unwrap().prover;
        for n in 0..t.bids.len() {
            let mut raised = t.clone();
            raised.bids[n].price = Credits(t.bids[n].price.0 + raise).min(ceiling);
            if t.bids[n].prover != winner {
                prop_assert_eq!(&raised.winner().unwrap().prover, &winner);
            }
        }
    }

    /// Assuming one task and one ask of each prover, that its cost is its own and known to it, that it
    /// wants payment less cost and nothing else, that its reputation is what it is whatever it asks,
    /// and that no two of them act as one.
    #[test]
    fn asking_what_it_costs_is_a_best_response_under_the_second_score_rule(
        (ceiling, bids) in bids(),
        reputation in 0..=1_000_000_u32,
        weight in 0..=1_000_000_u32,
        cost in prop_oneof![0..2_500_u64, 0..=Credits::MAX.0],
        other in prop_oneof![0..2_500_u64, 0..=Credits::MAX.0],
        near in -2..=2_i64,
    ) {
        let gain = |price: u64| {
            let mut t = transcript(ceiling, PaymentRule::SecondScore, bids.clone());
            t.weights = Weights::price(Ratio::ppm(weight));
            // Whoever asks more than the ceiling does not take part.
            if price <= ceiling.0 {
                t.bids.push(bid("me", price, reputation));
            }
            let own = t.winner().filter(|winner| winner.prover == id("me"));
            own.map_or(0, |winner| i128::from(winner.price.0) - i128::from(cost))
        };
        let truthful = gain(cost);
        prop_assert!(truthful >= 0);
        for price in [other, cost.saturating_add_signed(near), ceiling.0, 0] {
            prop_assert!(gain(price) <= truthful, "asking {price} instead of {cost}");
        }
    }

    #[test]
    fn under_the_first_price_rule_the_same_wins_and_is_paid_what_it_asked((ceiling, bids) in bids()) {
        let second = transcript(ceiling, PaymentRule::SecondScore, bids.clone()).winner().unwrap();
        let first = transcript(ceiling, PaymentRule::FirstPrice, bids.clone()).winner().unwrap();
        prop_assert_eq!(&first.prover, &second.prover);
        let own = bids.iter().find(|b| b.prover == first.prover).unwrap();
        prop_assert!(first.price == own.price && first.price <= second.price);
    }

    #[test]
    fn what_a_winner_is_paid_does_not_depend_on_its_own_price((ceiling, bids) in bids(), lower in 0..2_000_u64) {
        let mut t = transcript(ceiling, PaymentRule::SecondScore, bids);
        let before = t.winner().unwrap();
        let own = t.bids.iter_mut().find(|b| b.prover == before.prover).unwrap();
        own.price = own.price.saturating_sub(Credits(lower));
        prop_assert_eq!(t.winner().unwrap(), before);
    }

    #[test]
    fn the_order_of_provers_and_asks_changes_nothing(
        offers in prop::collection::vec((0..1_500_u64, 0..=1_000_000_u32, 0..3_u64, any::<bool>()), 0..8),
    ) {
        let provers: Vec<Prover> = (1..).zip(&offers).map(|(n, &(price, reputation, at, seen))| {
            let mut p = prover(&format!("p{n}"), vec![ask(2 * n, price), ask(2 * n + 1, price / 2 + 400)]);
            p.asks[0].placed_at = Timestamp(at);
            p.record = record(Ratio::ppm(reputation));
            p.seen_at = if seen { NOW } else { Timestamp(0) };
            p
        }).collect();
        let mut turned: Vec<Prover> = provers.iter().rev().cloned().collect();
        turned.iter_mut().for_each(|p| p.asks.reverse());
        let cleared = hold(&task(), provers.clone());
        prop_assert_eq!(&hold(&task(), turned), &cleared);
        match cleared {
            Clearing::Match { winner, transcript } => {
                let text = serde_json::to_string(&transcript).unwrap();
                let read: Transcript = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(read.winner(), Some(winner));
            }
            Clearing::NoMatch(no_match) => {
                prop_assert_eq!(no_match.obstacles.values().sum::<u32>() as usize, provers.len());
            }
        }
    }
}
