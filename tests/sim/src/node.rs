//! Nodes: processes of the network, each with a clock of its own, that can be killed and come back.

use crate::check::Broken;
use crate::fault::Port;
use crate::memory::held;
use crate::random::Random;
use crate::request::{REQUEST, Request};
use crate::statement;
use crate::world::{World, pass};
use prooflane_coordinator::{Auctioneer, Coordinator, Entropy, Error, Ports};
use prooflane_market::Millis;
use prooflane_store::Clock;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;

/// What a node is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Answers requesters and provers.
    Api,
    /// Holds auctions.
    Auctioneer,
    /// Wakes what is due.
    Sweeper,
}

/// A node without its use-cases: what its ports need to know of it.
pub(crate) struct Identity {
    name: String,
    skew: AtomicI64,
    up: AtomicBool,
    died: Notify,
    jobs: Mutex<JoinSet<()>>,
}

impl Identity {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How far its clock is ahead of the truth, in milliseconds.
    pub(crate) fn skew(&self) -> i64 {
        self.skew.load(Ordering::Relaxed)
    }

    /// Drops everything it does.
    pub(crate) fn kill(&self) {
        self.up.store(false, Ordering::Relaxed);
        held(&self.jobs).abort_all();
        self.died.notify_one();
    }

    /// Does something until it is done or killed.
    fn spawn(&self, world: &Arc<World>, job: impl Future<Output = ()> + Send + 'static) {
        let mut jobs = held(&self.jobs);
        while let Some(ended) = jobs.try_join_next() {
            if ended.is_err_and(|error| error.is_panic()) {
                let who = format!("a process of {} panicked", self.name);
                world.break_down(Broken::new("no_panic", who));
            }
        }
        jobs.spawn(job);
    }
}

struct NodeClock(Arc<World>, Arc<Identity>);

impl Clock for NodeClock {
    fn now_millis(&self) -> u64 {
        self.0.now().saturating_add_signed(self.1.skew())
    }
}

struct Seeded(Mutex<Random>);

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        held(&self.0).fill(bytes);
    }
}

pub(crate) struct Node {
    pub(crate) identity: Arc<Identity>,
    pub(crate) role: Role,
    pub(crate) coordinator: Coordinator,
}

/// The nodes of a network.
pub(crate) struct Net {
    pub(crate) world: Arc<World>,
    pub(crate) nodes: Vec<Node>,
}

/// Why a request was not answered with what was asked.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// Nobody knows whether it happened: ask again.
    Silence,
    /// The network refused.
    Refused(Error),
}

/// A use-case's future.
pub(crate) type Act<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// A client gives up waiting for an answer after this long.
const PATIENCE: Duration = Duration::from_secs(30);

impl Net {
    pub(crate) fn new(world: &Arc<World>, roles: &[Role]) -> Arc<Self> {
        let node = |(index, role): (usize, &Role)| {
            let identity = Arc::new(Identity {
                name: format!("{role:?}-{index}").to_lowercase(),
                skew: AtomicI64::new(skew(world)),
                up: AtomicBool::new(true),
                died: Notify::new(),
                jobs: Mutex::default(),
            });
            let port = Arc::new(Port {
                world: world.clone(),
                node: identity.clone(),
            });
            let seed = world.roll(|r| r.within(0..u64::MAX));
            let ports = Ports {
                table: port.clone(),
                queue: port.clone(),
                blobs: port,
                clock: Arc::new(NodeClock(world.clone(), identity.clone())),
                entropy: Arc::new(Seeded(Mutex::new(Random(seed)))),
            };
            Node {
                identity,
                role: *role,
                coordinator: Coordinator::new(ports, world.rules.clone(), statement::catalogue()),
            }
        };
        Arc::new(Self {
            world: world.clone(),
            nodes: roles.iter().enumerate().map(node).collect(),
        })
    }

    /// Starts every node, and starts those that are killed again.
    pub(crate) fn start(self: &Arc<Self>) {
        for index in 0..self.nodes.len() {
            let net = self.clone();
            tokio::spawn(async move { net.keep(&net.nodes[index]).await });
        }
    }

    async fn keep(&self, node: &Node) {
        let world = &self.world;
        loop {
            let coordinator = node.coordinator.clone();
            match node.role {
                Role::Api => {}
                Role::Auctioneer => {
                    for shard in 0..world.rules.market_shards {
                        let clock = NodeClock(world.clone(), node.identity.clone());
                        let elapsed = move || Millis(clock.now_millis());
                        let name = node.identity.name();
                        let auctioneer = Auctioneer::new(name, shard, elapsed);
                        let auctions = auctions(coordinator.clone(), auctioneer);
                        let auctions = REQUEST.scope(Request::Auction, auctions);
                        node.identity.spawn(world, auctions);
                    }
                }
                Role::Sweeper => node
                    .identity
                    .spawn(world, REQUEST.scope(Request::Sweep, sweeps(coordinator))),
            }
            node.identity.died.notified().await;
            pass(world.roll(|r| r.within(100..20_000))).await;
            node.identity.skew.store(skew(world), Ordering::Relaxed);
            node.identity.up.store(true, Ordering::Relaxed);
            world.note(node.identity.name(), "is back");
        }
    }

    /// Asks some API node; messages may be lost, late, or arrive twice.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        request: Request,
        act: impl Fn(Coordinator) -> Act<T> + Send + Sync + 'static,
    ) -> Result<T, NoAnswer> {
        let world = &self.world;
        let rates = world.rates();
        let apis: Vec<_> = self.nodes.iter().filter(|n| n.role == Role::Api).collect();
        let [lost, unheard, twice, late] =
            [(); 4].map(|()| world.roll(|r| r.chance(rates.message)));
        let node = world.roll(|r| *r.pick(&apis));
        let (node, second) = (node, world.roll(|r| *r.pick(&apis)));
        let act = Arc::new(act);
        if twice {
            world.injected("request repeated");
            let (act, request) = (act.clone(), request.clone());
            let (world, identity) = (world.clone(), second.identity.clone());
            let coordinator = second.coordinator.clone();
            tokio::spawn(async move {
                pass(world.roll(|r| r.within(1..60_000))).await;
                if identity.up.load(Ordering::Relaxed) {
                    let acting = async move {
                        let _ = act(coordinator).await;
                    };
                    identity.spawn(&world, REQUEST.scope(request, acting));
                }
            });
        }
        // A connection may break at once, or hang.
        let silence = world.roll(|r| r.within(100..30_000));
        if lost {
            world.injected("request lost");
            pass(silence).await;
            return Err(NoAnswer::Silence);
        }
        if late {
            world.injected("request late");
            pass(world.roll(|r| r.within(1..10_000))).await;
        }
        pass(world.roll(|r| r.within(1..20))).await;
        if !node.identity.up.load(Ordering::Relaxed) {
            return Err(NoAnswer::Silence);
        }
        let (answer, answered) = oneshot::channel();
        let coordinator = node.coordinator.clone();
        let acting = async move {
            let _ = answer.send(act(coordinator).await);
        };
        node.identity
            .spawn(world, REQUEST.scope(request.clone(), acting));
        let answer = tokio::time::timeout(PATIENCE, answered).await;
        if unheard {
            world.injected("answer lost");
            pass(silence).await;
            return Err(NoAnswer::Silence);
        }
        match answer {
            Ok(Ok(Ok(value))) => {
                world.note(node.identity.name(), format_args!("{request}: ok"));
                Ok(value)
            }
            Ok(Ok(Err(Error::Unavailable(_) | Error::Contention(_)))) | Ok(Err(_)) | Err(_) => {
                Err(NoAnswer::Silence)
            }
            Ok(Ok(Err(error))) => {
                world.note(node.identity.name(), format_args!("{request}: {error}"));
                if matches!(error, Error::Corrupt { .. }) {
                    let what = format!("{request}: {error}");
                    world.break_down(Broken::new("records_can_be_read", what));
                }
                Err(NoAnswer::Refused(error))
            }
        }
    }

    /// As [`Net::ask`], until there is an answer.
    pub(crate) async fn insist<T: Send + 'static>(
        &self,
        request: Request,
        act: impl Fn(Coordinator) -> Act<T> + Clone + Send + Sync + 'static,
    ) -> Result<T, Error> {
        loop {
            match self.ask(request.clone(), act.clone()).await {
                Ok(value) => return Ok(value),
                Err(NoAnswer::Refused(error)) => return Err(error),
                Err(NoAnswer::Silence) => pass(self.world.roll(|r| r.within(200..2_000))).await,
            }
        }
    }
}

/// Clocks of two nodes differ by no more than the rules allow.
fn skew(world: &World) -> i64 {
    let most = world.rules.max_skew.0 / 2;
    let ahead = world.roll(|r| r.within(0..2 * most + 1));
    ahead.cast_signed() - most.cast_signed()
}

async fn auctions(coordinator: Coordinator, mut auctioneer: Auctioneer) {
    loop {
        let wait = Duration::from_secs(10);
        if coordinator
            .auction_once(&mut auctioneer, wait)
            .await
            .is_err()
        {
            pass(500).await;
        }
    }
}

async fn sweeps(coordinator: Coordinator) {
    loop {
        let _ = coordinator.sweep().await;
        pass(1_000).await;
    }
}
