use super::*;
use crate::{Ask, Breaker, Clearing, NewTask, Prover, Record, TaskId, clear};
use proptest::prelude::*;
use uuid::Uuid;

const NOW: Timestamp = Timestamp(1_000_000);

fn task(n: u128, ceiling: u64, level: u8, min_reputation: u32, circuit: bool) -> Task {
    let spec = NewTask {
        task_id: TaskId(Uuid::from_u128(n)),
        circuit: if circuit { "range@1" } else { "merkle@1" }.into(),
        privacy_level: level.try_into().unwrap(),
        reward_amount: Credits(ceiling),
        priority: 50,
        requester: "alice".into(),
        deadline: None,
        min_reputation: Ratio::ppm(min_reputation),
        max_attempts: 3,
        allowed_provers: vec![ProverId::new("p1").unwrap()],
    };
    Task::submit(spec, NOW).unwrap()
}

#[derive(Clone, Debug)]
struct Offer {
    price: u64,
    capacity: u32,
    placed_at: u64,
    circuit: u8,
    level: u8,
    expired: bool,
}

fn offer() -> impl Strategy<Value = Offer> {
    let price = prop_oneof![0..20_u64, 0..2_000_u64, 0..=Credits::MAX.0];
    let parts = (price, 1..3_u32, 0..2_u64, 0..3_u8, 1..5_u8, 0..8_u8);
    parts.prop_map(
        |(price, capacity, placed_at, circuit, level, expired)| Offer {
            price,
            capacity,
            placed_at,
            circuit,
            level,
            expired: expired == 0,
        },
    )
}

fn prover(n: usize, offers: &[Offer], (proved, failed, kind): (u64, u64, u8)) -> Prover {
    let asks = offers.iter().zip(0_u128..).map(|(offer, k)| Ask {
        // The same id at different provers: they may choose as they like.
        ask_id: AskId(Uuid::from_u128(k)),
        circuits: match offer.circuit {
            0 => Vec::new(),
            1 => vec!["range@1".into()],
            _ => vec!["merkle@1".into(), "range@1".into()],
        },
        price: Credits(offer.price),
        capacity: offer.capacity,
        levels: vec![PrivacyLevel::OPEN, offer.level.try_into().unwrap()],
        promised: Millis(1_000),
        placed_at: Timestamp(offer.placed_at),
        expires_at: offer.expired.then_some(NOW),
    });
    let breaker = Breaker {
        paused_until: (kind == 0).then_some(NOW + Millis(1)),
        ..Breaker::default()
    };
    Prover {
        prover_id: ProverId::new(format!("p{n}")).unwrap(),
        owner: None,
        fleet: kind == 1,
        trusted: kind == 2,
        capacity: 2,
        asks: asks.collect(),
        active: BTreeMap::new(),
        record: Record {
            proved,
            failed,
            quality_sum: proved * 900_000,
            efficiency_sum: proved * 300_000,
        },
        breaker,
        registered_at: NOW,
        seen_at: if kind == 3 { Timestamp(0) } else { NOW },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Task after task, with the room that each assignment takes.
    #[test]
    fn the_winner_and_price_are_those_of_the_whole_auction(
        provers in prop::collection::vec(
            (prop::collection::vec(offer(), 0..4), (0..9_u64, 0..9_u64, 0..12_u8)), 0..12),
        tasks in prop::collection::vec(
            (prop_oneof![0..30_u64, 0..2_000_u64, 0..=Credits::MAX.0], 1..5_u8, 0..600_000_u32, any::<bool>()), 1..12),
        first_price in any::<bool>(),
        weight in 0..=1_000_000_u32,
    ) {
        let rules = Rules {
            payment: if first_price { PaymentRule::FirstPrice } else { PaymentRule::SecondScore },
            weights: Weights::price(Ratio::ppm(weight)),
            ..Rules::default()
        };
        let provers = provers.iter().enumerate();
        let mut book: Book = provers.map(|(n, (offers, record))| prover(n, offers, *record)).collect();
        let mut supply = Supply::new(&book, NOW, &rules);
        for (n, (ceiling, level, min_reputation, circuit)) in tasks.into_iter().enumerate() {
            let task = task(n as u128, ceiling, level, min_reputation, circuit);
            let expected = match clear(&task, &book, NOW, &rules) {
                Clearing::Match { winner, .. } => Some(winner),
                Clearing::NoMatch(_) => None,
            };
            prop_assert_eq!(&supply.best(&task), &expected);
            if let Some(winner) = expected {
                let mut prover = book.prover(&winner.prover).unwrap().clone();
                prover.take(task.id(), winner.ask_id, 1);
                book.update(prover);
                supply.take(&winner);
            }
        }
        let room = |p: &Prover| p.asks.iter().any(|a| p.room(a) > 0 && a.expires_at.is_none());
        let there = |p: &Prover| p.seen_at == NOW && p.breaker.paused(NOW).is_none();
        prop_assert_eq!(supply.is_empty(), !book.provers().any(|p| there(p) && room(p)));
    }
}

#[test]
fn who_is_not_in_the_supply_takes_nothing() {
    let offers = [Offer {
        price: 5,
        capacity: 1,
        placed_at: 0,
        circuit: 1,
        level: 1,
        expired: false,
    }];
    let book: Book = [prover(1, &offers, (0, 0, 5))].into_iter().collect();
    let mut supply = Supply::new(&book, NOW, &Rules::default());
    let task = task(1, 10, 1, 0, true);
    let mut stranger = supply.best(&task).unwrap();
    stranger.prover = ProverId::new("nobody").unwrap();
    supply.take(&stranger);
    assert!(!supply.is_empty());
}
