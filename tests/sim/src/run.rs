//! One simulation, from its seed to its report.

use crate::check::Broken;
use crate::fault::{Fault, Plan, Rates};
use crate::memory::held;
use crate::node::{Net, Role};
use crate::prover::{Kind, Prover};
use crate::requester::request;
use crate::statement;
use crate::world::{World, pass};
use prooflane_coordinator::{Coordinator, OsEntropy, Ports, Severity};
use prooflane_market::{
    Book, Clearing, Credits, Millis, ProverId, Rules, Status, Task, Timestamp, clear,
};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// What a simulation did.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What replays it.
    pub seed: u64,
    /// Tasks, by how they ended.
    pub tasks: BTreeMap<&'static str, u64>,
    /// Faults that were injected, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// Assignments of tasks to provers.
    pub assignments: u64,
    /// Assignments after the first of a task.
    pub reassignments: u64,
    /// Tasks that were completed and paid.
    pub settlements: u64,
    /// Settlements by a proof of an attempt that was not the newest any more.
    pub late_settlements: u64,
    /// Settlements by a prover without an assignment.
    pub fulfilments: u64,
    /// Stakes that were slashed.
    pub slashes: u64,
    /// Calls of the stores.
    pub store_calls: u64,
    /// Time that passed in it, in milliseconds.
    pub virtual_millis: u64,
    /// Of everything that happened, in order: the same for the same seed.
    pub digest: String,
}

/// A simulation in which an invariant broke.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What replays it.
    pub seed: u64,
    /// What broke.
    pub broken: Broken,
    /// What happened last.
    pub trace: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for event in &self.trace {
            writeln!(f, "{event}")?;
        }
        write!(f, "seed {}: {}", self.seed, self.broken)
    }
}

impl std::error::Error for Failure {}

/// How long the healed world may take to come to rest, in milliseconds.
const REST: u64 = 6 * 60 * 60 * 1_000;
const ACCOUNTS: [&str; 3] = ["alice", "bob", "carol"];

/// Who takes part, and for how long there is trouble.
struct Setting {
    plan: Plan,
    /// Whether nodes are killed from outside, and outages come.
    storms: bool,
    roles: Vec<Role>,
    kinds: Vec<Kind>,
    tasks: u64,
    /// In milliseconds.
    trouble: u64,
}

impl Setting {
    fn random(world: &World) -> Self {
        world.roll(|r| {
            let level = r.within(0..3);
            let mut roles = vec![Role::Api; usize::try_from(r.within(2..4)).unwrap_or(2)];
            roles.extend((0..r.within(1..4)).map(|_| Role::Auctioneer));
            roles.extend((0..r.within(1..3)).map(|_| Role::Sweeper));
            // Honest provers enough for every task, and a few of all kinds.
            let mut kinds = vec![Kind::Honest, Kind::Honest];
            kinds.extend((0..r.within(2..9)).map(|_| *r.pick(&Kind::ALL)));
            Self {
                plan: Plan::Random(Rates {
                    store_error: 8 * level,
                    unknown: 15 * level,
                    kill: 5 * level,
                    slow: 6 * level,
                    message: 30 * level,
                    hint: 100 * level,
                }),
                storms: level > 0,
                roles,
                kinds,
                tasks: r.within(20..140),
                trouble: 400_000,
            }
        })
    }

    /// Small, so that every store call of it can be made to fail in turn.
    fn standard(plan: Plan) -> Self {
        Self {
            plan,
            storms: false,
            roles: vec![Role::Api, Role::Auctioneer, Role::Sweeper],
            kinds: vec![Kind::Lying, Kind::Zombie, Kind::GivingUp, Kind::Honest],
            tasks: 4,
            trouble: 20_000,
        }
    }
}

/// Runs the simulation of a seed.
///
/// # Errors
/// [`Failure`] if an invariant broke.
///
/// # Panics
/// If no runtime can be made.
pub fn simulate(seed: u64) -> Result<Report, Box<Failure>> {
    in_virtual_time(async {
        let world = world(seed);
        let setting = Setting::random(&world);
        run(seed, &world, setting).await
    })
}

/// Runs the standard scenario, with a fault at the store call of an index; says of each store call
/// whether it was a commit, too.
///
/// # Errors
/// [`Failure`] if an invariant broke.
///
/// # Panics
/// If no runtime can be made.
pub fn standard(fault: Option<(u64, Fault)>) -> Result<(Report, Vec<bool>), Box<Failure>> {
    /// With this one every kind of prover has something to do.
    const SEED: u64 = 32;
    in_virtual_time(async {
        let world = world(SEED);
        let plan = fault.map_or(Plan::None, |(index, fault)| Plan::At(index, fault));
        let report = run(SEED, &world, Setting::standard(plan)).await?;
        Ok((report, world.calls()))
    })
}

#[expect(
    clippy::expect_used,
    reason = "without a runtime there is nothing to run"
)]
fn in_virtual_time<T>(run: impl Future<Output = T>) -> T {
    // Made before time is virtual, and once for all runs.
    statement::statements();
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O can be made")
        .block_on(run)
}

fn world(seed: u64) -> Arc<World> {
    let open = Rules::open();
    let rules = Rules {
        // A node may be ahead of the one that heard of a commitment.
        reveal_after: Millis(open.max_skew.0 + 1_000),
        market_shards: 1 + u8::try_from(seed % 2).unwrap_or(0),
        ..open
    };
    World::new(seed, rules)
}

async fn run(seed: u64, world: &Arc<World>, setting: Setting) -> Result<Report, Box<Failure>> {
    let failed = |broken| {
        Box::new(Failure {
            seed,
            broken,
            trace: world.last_events(),
        })
    };
    live(world, setting).await.map_err(failed)?;
    let checker = held(&world.checker);
    let mut tasks = BTreeMap::new();
    for (task, _) in checker.tasks() {
        *tasks.entry(task.status().as_str()).or_default() += 1;
    }
    Ok(Report {
        seed,
        tasks,
        faults: world.faults(),
        assignments: checker.tally.assignments,
        reassignments: checker.tally.reassignments,
        settlements: checker.tally.settlements,
        late_settlements: checker.tally.late_settlements,
        fulfilments: checker.tally.fulfilments,
        slashes: checker.tally.slashes,
        store_calls: world.calls().len() as u64,
        virtual_millis: world.now() - crate::world::BEGIN,
        digest: world.digest(),
    })
}

async fn live(world: &Arc<World>, setting: Setting) -> Result<(), Broken> {
    world.set(setting.plan);
    let net = Net::new(world, &setting.roles);
    net.start();
    let healed = Arc::new(AtomicBool::new(false));
    let provers = provers(&net, &setting.kinds, &healed);
    for prover in &provers {
        tokio::spawn(prover.clone().live());
    }
    let requests: Vec<_> = (0..setting.tasks)
        .map(|_| {
            let account = world.roll(|r| *r.pick(&ACCOUNTS)).to_owned();
            tokio::spawn(request(net.clone(), account, setting.trouble * 3 / 4))
        })
        .collect();
    let storms = setting.storms.then(|| tokio::spawn(storms(net.clone())));
    pass_and_look(world, setting.trouble).await?;
    if let Some(storms) = storms {
        storms.abort();
    }
    world.heal();
    healed.store(true, Ordering::Relaxed);
    for request in requests {
        let _ = request.await;
        look(world)?;
    }
    let mut rested = 0;
    while let Some(restless) = restless(world, &provers) {
        if rested >= REST {
            return Err(Broken::new("everything_comes_to_rest", restless));
        }
        pass_and_look(world, 5_000).await?;
        rested += 5_000;
    }
    held(&world.checker).at_rest()?;
    end(world).await
}

async fn pass_and_look(world: &World, millis: u64) -> Result<(), Broken> {
    let until = world.now() + millis;
    while world.now() < until {
        pass(1_000.min(until - world.now())).await;
        look(world)?;
    }
    Ok(())
}

fn look(world: &World) -> Result<(), Broken> {
    world.broken().map_or(Ok(()), Err)
}

fn provers(net: &Arc<Net>, kinds: &[Kind], healed: &Arc<AtomicBool>) -> Vec<Arc<Prover>> {
    // The first that works to the end takes anything.
    let keystone = kinds.iter().position(|kind| kind.survives());
    let prover = |(index, kind): (usize, &Kind)| {
        let (price, capacity, fleet) = net
            .world
            .roll(|r| (r.within(1..120), r.within(1..5), r.chance(400)));
        let id = format!("p{index}-{kind:?}").to_lowercase();
        Some(Arc::new(Prover {
            net: net.clone(),
            id: ProverId::new(id).ok()?,
            kind: *kind,
            price: if Some(index) == keystone { 20 } else { price },
            capacity: u32::try_from(capacity).unwrap_or(1),
            fleet: Some(index) == keystone || fleet,
            holding: Mutex::default(),
            healed: healed.clone(),
        }))
    };
    kinds.iter().enumerate().filter_map(prover).collect()
}

/// What goes wrong besides single calls: outages of all, kills from outside.
async fn storms(net: Arc<Net>) {
    let world = &net.world;
    loop {
        pass(world.roll(|r| r.within(10_000..120_000))).await;
        match world.roll(|r| r.within(0..4)) {
            0 => {
                let away = Millis(world.roll(|r| r.within(2_000..150_000)));
                world.go_away(away);
            }
            _ => {
                let node = world.roll(|r| r.pick(&net.nodes).identity.clone());
                world.injected("killed from outside");
                world.note(node.name(), "is killed from outside");
                node.kill();
            }
        }
    }
}

/// Why the world is not at rest: a task that is neither over nor without a prover that could take it.
fn restless(world: &World, provers: &[Arc<Prover>]) -> Option<String> {
    let checker = held(&world.checker);
    let now = Timestamp(world.now());
    let mut open = checker
        .tasks()
        .filter(|(task, _)| !task.status().is_terminal());
    let stuck = open.find(|(task, _)| {
        task.status() != Status::Pending || somebody_could(task, world, provers, now)
    });
    stuck.map(|(task, _)| format!("{} is {}: {:?}", task.id(), task.status(), task.state))
}

/// Whether one of the provers that work on could take the task, were it free and not paused.
fn somebody_could(task: &Task, world: &World, provers: &[Arc<Prover>], now: Timestamp) -> bool {
    let alive = provers.iter().filter(|p| p.kind.survives());
    let records = alive.filter_map(|p| {
        let key = prooflane_store::Key::new(format!("prover#{}", p.id), "prover");
        let item = world.table.read(&key).ok()??;
        let mut record: prooflane_market::Prover = serde_json::from_slice(&item.body).ok()?;
        record.active.clear();
        record.seen_at = now;
        record.breaker = prooflane_market::Breaker::default();
        Some(record)
    });
    let book: Book = records.collect();
    matches!(
        clear(task, &book, now, &world.rules),
        Clearing::Match { .. }
    )
}

/// Looks at everything once more, through a coordinator of its own and without faults.
async fn end(world: &Arc<World>) -> Result<(), Broken> {
    let ports = Ports {
        table: world.table.clone(),
        queue: world.queue.clone(),
        blobs: world.blobs.clone(),
        clock: Arc::new(world.clock),
        entropy: Arc::new(OsEntropy),
    };
    let coordinator = Coordinator::new(ports, world.rules.clone(), statement::catalogue());
    let failed =
        |error: prooflane_coordinator::Error| Broken::new("records_can_be_read", error.to_string());
    let accounts = coordinator.accounts().await.map_err(failed)?;
    let held_by_all: i64 = accounts.iter().map(|a| a.balance + a.stake).sum();
    let escrow: Credits = held(&world.checker)
        .tasks()
        .fold(Credits(0), |sum, (task, _)| {
            Credits(sum.0 + task.escrow().0)
        });
    if held_by_all + escrow.0.cast_signed() != 0 {
        let what = format!("{held_by_all} in accounts, {escrow} in escrow");
        return Err(Broken::new("credits_are_conserved", what));
    }
    let findings = coordinator.fsck().await.map_err(failed)?;
    let mut broken = findings.iter().filter(|f| f.severity == Severity::Broken);
    broken.next().map_or(Ok(()), |finding| {
        Err(Broken::new("fsck_finds_nothing", finding.to_string()))
    })
}
