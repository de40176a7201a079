//! How fast the market clears, in one thread: `cargo run --release -p prooflane-market --example
//! clear`. 1,000 asks of as many provers, tasks with ceilings and prices at random from a printed
//! seed, room for every task. What is measured: arranging the book, then for each task who wins at
//! which price, and the room that this takes. For comparison, the whole auction with its transcript
//! for each of 1,000 tasks.

use prooflane_market::{
    Ask, AskId, Book, Breaker, Clearing, Credits, Millis, NewTask, PrivacyLevel, Prover, ProverId,
    Ratio, Record, Rules, Supply, Task, TaskId, Timestamp, clear,
};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};
use uuid::Uuid;

const ASKS: u64 = 1_000;
const RUNS: usize = 7;
const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

fn prover(
    n: u64,
    capacity: u32,
    random: &mut Random,
) -> Result<Prover, Box<dyn std::error::Error>> {
    let proved = random.below(200);
    Ok(Prover {
        prover_id: ProverId::new(format!("p{n}"))?,
        owner: None,
        fleet: false,
        trusted: false,
        capacity,
        asks: vec![Ask {
            ask_id: AskId(Uuid::from_u128(n.into())),
            circuits: vec!["payment@1".into()],
            price: Credits(50 + random.below(1_000)),
            capacity,
            levels: vec![PrivacyLevel::OPEN],
            promised: Millis(30_000),
            placed_at: Timestamp(random.below(NOW.0)),
            expires_at: None,
        }],
        active: BTreeMap::new(),
        record: Record {
            proved,
            failed: random.below(50),
            quality_sum: proved * random.below(1_000_000),
            efficiency_sum: proved * random.below(1_000_000),
        },
        breaker: Breaker::default(),
        registered_at: Timestamp(0),
        seen_at: NOW,
    })
}

fn task(n: u64, random: &mut Random) -> Result<Task, prooflane_market::TaskError> {
    let spec = NewTask {
        task_id: TaskId(Uuid::from_u128(n.into())),
        circuit: "payment@1".into(),
        privacy_level: PrivacyLevel::OPEN,
        reward_amount: Credits(500 + random.below(2_000)),
        priority: 50,
        requester: "alice".into(),
        deadline: None,
        min_reputation: Ratio::ppm(u32::try_from(random.below(400_000)).unwrap_or(0)),
        max_attempts: 5,
        allowed_provers: Vec::new(),
    };
    Task::submit(spec, NOW)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seed = 20_260_729;
    println!("seed {seed}, {ASKS} asks, median of {RUNS} runs, one thread");
    let rules = Rules::default();
    for tasks in [1_000_u64, 10_000, 100_000] {
        let mut random = Random(seed);
        let capacity = u32::try_from(2 * tasks / ASKS)?.max(1);
        let provers: Result<Vec<_>, _> = (0..ASKS)
            .map(|n| prover(n, capacity, &mut random))
            .collect();
        let book: Book = provers?.into_iter().collect();
        let open: Result<Vec<_>, _> = (0..tasks).map(|n| task(n, &mut random)).collect();
        let open = open?;
        let mut matched = 0;
        let times = (0..RUNS).map(|_| {
            let started = Instant::now();
            let mut supply = Supply::new(&book, NOW, &rules);
            matched = 0;
            for task in &open {
                if let Some(winner) = supply.best(task) {
                    supply.take(&winner);
                    matched += 1;
                }
            }
            started.elapsed()
        });
        let time = median(times.collect());
        println!(
            "{tasks:>7} tasks: {:>8.2} ms, {:>5.0} ns a task, {matched} matched",
            time.as_secs_f64() * 1e3,
            time.as_secs_f64() * 1e9 / tasks as f64,
        );
        if tasks == 1_000 {
            let times = (0..RUNS).map(|_| {
                let started = Instant::now();
                for task in &open {
                    if let Clearing::Match { winner, .. } = clear(task, &book, NOW, &rules) {
                        black_box(winner);
                    }
                }
                started.elapsed()
            });
            let time = median(times.collect());
            println!(
                "{tasks:>7} whole auctions with transcripts: {:>8.2} ms, {:>5.0} ns a task",
                time.as_secs_f64() * 1e3,
                time.as_secs_f64() * 1e9 / tasks as f64,
            );
        }
    }
    Ok(())
}
