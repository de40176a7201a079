//! The seeded faults, and the ports that inject them. Every store call is a scheduling point: it
//! takes a while before and after its effect, and may fail, be of unknown outcome, or be the last
//! thing that its node does.

use crate::node::Identity;
use crate::random::Random;
use crate::request;
use crate::world::{World, pass};
use async_trait::async_trait;
use prooflane_store::{
    Blobs, CommitError, Delivery, Item, Key, Page, PutMode, PutOutcome, Query, Queue, Receipt,
    StoreError, Table, Write,
};
use std::sync::Arc;
use std::time::Duration;

/// What happens to a store call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails, and nothing has happened.
    Refused,
    /// It is refused for being one too many.
    Throttled,
    /// It happens, but the caller hears of a time-out.
    Landed,
    /// It does not happen, and the caller hears of a time-out.
    Lost,
    /// It happens after the caller has heard of a time-out.
    Late,
    /// The node dies before it.
    KillBefore,
    /// The node dies after it, without having heard.
    KillAfter,
    /// It takes long.
    Slow,
    /// It takes so long that leases run out meanwhile.
    Stalled,
}

impl Fault {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Refused => "store error",
            Self::Throttled => "throttled",
            Self::Landed => "time-out, landed",
            Self::Lost => "time-out, lost",
            Self::Late => "time-out, landed late",
            Self::KillBefore => "killed before a call",
            Self::KillAfter => "killed after a call",
            Self::Slow => "slow call",
            Self::Stalled => "stalled call",
        }
    }
}

/// How often each fault happens, in a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rates {
    pub(crate) store_error: u64,
    pub(crate) unknown: u64,
    pub(crate) kill: u64,
    pub(crate) slow: u64,
    pub(crate) message: u64,
    pub(crate) hint: u64,
}

/// Which faults happen when.
pub(crate) enum Plan {
    /// None.
    None,
    /// At random.
    Random(Rates),
    /// One, at the store call of this index.
    At(u64, Fault),
}

impl Plan {
    pub(crate) fn rates(&self) -> Rates {
        match self {
            Self::Random(rates) => *rates,
            Self::None | Self::At(..) => Rates::default(),
        }
    }

    pub(crate) fn store_call(
        &self,
        index: u64,
        is_commit: bool,
        random: &mut Random,
    ) -> Option<Fault> {
        match self {
            Self::None => None,
            Self::At(at, fault) => (index == *at).then_some(*fault),
            Self::Random(rates) => {
                if random.chance(rates.store_error) {
                    Some(*random.pick(&[Fault::Refused, Fault::Throttled]))
                } else if is_commit && random.chance(rates.unknown) {
                    Some(*random.pick(&[Fault::Landed, Fault::Lost, Fault::Late]))
                } else if random.chance(rates.slow) {
                    let often = [Fault::Slow; 9];
                    Some(*random.pick(&[&often[..], &[Fault::Stalled]].concat()))
                } else if random.chance(200) && random.chance(rates.kill) {
                    Some(*random.pick(&[Fault::KillBefore, Fault::KillAfter]))
                } else {
                    None
                }
            }
        }
    }
}

/// A node's way to the stores.
pub(crate) struct Port {
    pub(crate) world: Arc<World>,
    pub(crate) node: Arc<Identity>,
}

fn timed_out() -> StoreError {
    StoreError::Unavailable("it timed out".into())
}

impl Port {
    /// The way to the store, and what will happen there.
    async fn before(&self, is_commit: bool) -> Result<Option<Fault>, StoreError> {
        let fault = self.world.next_fault(is_commit);
        let way = self.world.roll(|r| r.within(0..5));
        pass(way).await;
        if self.world.is_away() {
            pass(self.world.roll(|r| r.within(100..2_000))).await;
            return Err(StoreError::Unavailable("the network is away".into()));
        }
        match fault {
            Some(Fault::Refused) => Err(StoreError::Unavailable("it is away".into())),
            Some(Fault::Throttled) => Err(StoreError::Throttled),
            Some(Fault::KillBefore) => self.die().await,
            Some(Fault::Slow) => {
                pass(self.world.roll(|r| r.within(50..3_000))).await;
                Ok(fault)
            }
            Some(Fault::Stalled) => {
                pass(self.world.roll(|r| r.within(5_000..45_000))).await;
                Ok(fault)
            }
            fault => Ok(fault),
        }
    }

    /// The way back.
    async fn after(&self, fault: Option<Fault>) {
        match fault {
            Some(Fault::KillAfter) => self.die().await,
            // What a query found may be old news when it arrives.
            Some(Fault::Slow) => pass(self.world.roll(|r| r.within(50..3_000))).await,
            _ => pass(self.world.roll(|r| r.within(0..5))).await,
        }
    }

    async fn die<T>(&self) -> T {
        self.world.note(self.node.name(), "is killed");
        self.node.kill();
        std::future::pending().await
    }

    fn note(&self, call: std::fmt::Arguments<'_>, fault: Option<Fault>) {
        match fault {
            Some(fault) => {
                let event = format_args!("{call} ({}) [{}]", fault.name(), request::current());
                self.world.note(self.node.name(), event);
            }
            None => self.world.note(self.node.name(), call),
        }
    }

    /// A call that only reads.
    async fn read<T>(
        &self,
        call: String,
        read: impl FnOnce() -> Result<T, StoreError> + Send,
    ) -> Result<T, StoreError> {
        let fault = self.before(false).await?;
        let result = read();
        self.note(format_args!("{call}"), fault);
        self.after(fault).await;
        match fault {
            Some(Fault::Landed | Fault::Lost | Fault::Late) => Err(timed_out()),
            _ => result,
        }
    }
}

#[async_trait]
impl Table for Port {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.read(format!("get {key}"), || self.world.table.read(key))
            .await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let call = format!("query {:?} {}", query.index, query.partition);
        self.read(call, || self.world.table.page(query)).await
    }

    async fn commit(&self, writes: &[Write]) -> Result<(), CommitError> {
        let keys: Vec<_> = writes.iter().map(|w| w.key().to_string()).collect();
        let keys = keys.join(" ");
        let fault = self.before(true).await?;
        let request = request::current();
        let unknown = || Err(CommitError::Unknown("it timed out".into()));
        let result = match fault {
            Some(Fault::Lost) => unknown(),
            Some(Fault::Late) => {
                let (world, node, writes) =
                    (self.world.clone(), self.node.clone(), writes.to_vec());
                let delay = self.world.roll(|r| r.within(1..5_000));
                let request = request.clone();
                tokio::spawn(async move {
                    pass(delay).await;
                    let landed = world.commit(&node, &request, &writes).is_ok();
                    world.note(node.name(), format_args!("late commit, landed: {landed}"));
                });
                unknown()
            }
            Some(Fault::Landed) => {
                let _ = self.world.commit(&self.node, &request, writes);
                unknown()
            }
            _ => self.world.commit(&self.node, &request, writes),
        };
        let outcome = match &result {
            Ok(()) => "ok".to_owned(),
            Err(error) => error.to_string(),
        };
        self.note(format_args!("commit {keys} [{request}]: {outcome}"), fault);
        self.after(fault).await;
        result
    }
}

#[async_trait]
impl Queue for Port {
    async fn send(&self, queue: &str, body: &str, delay: Duration) -> Result<(), StoreError> {
        let fault = self.before(false).await?;
        let rates = self.world.rates();
        let [lost, late, twice] = [(); 3].map(|()| self.world.roll(|r| r.chance(rates.hint)));
        let queues = &self.world.queue;
        self.note(format_args!("send {queue} {body} lost: {lost}"), fault);
        if lost {
            self.world.injected("hint lost");
        } else {
            let delay = if late {
                self.world.injected("hint late");
                delay + Duration::from_millis(self.world.roll(|r| r.within(1..60_000)))
            } else {
                delay
            };
            queues.send(queue, body, delay).await?;
            if twice {
                self.world.injected("hint repeated");
                let again = Duration::from_millis(self.world.roll(|r| r.within(1..60_000)));
                queues.send(queue, body, again).await?;
            }
        }
        self.after(fault).await;
        match fault {
            Some(Fault::Landed | Fault::Lost | Fault::Late) => Err(timed_out()),
            _ => Ok(()),
        }
    }

    async fn receive(
        &self,
        queue: &str,
        max: usize,
        visibility: Duration,
        wait: Duration,
    ) -> Result<Vec<Delivery>, StoreError> {
        let fault = self.before(false).await?;
        let queues = &self.world.queue;
        let found = queues.receive(queue, max, visibility, wait).await?;
        let bodies: Vec<_> = found.iter().map(|d| d.body.as_str()).collect();
        self.note(format_args!("receive {queue}: {}", bodies.join(" ")), fault);
        self.after(fault).await;
        if self.world.is_away() {
            return Err(StoreError::Unavailable("the network is away".into()));
        }
        match fault {
            Some(Fault::Landed | Fault::Lost | Fault::Late) => Err(timed_out()),
            _ => Ok(found),
        }
    }

    async fn extend(&self, receipt: &Receipt, visibility: Duration) -> Result<(), StoreError> {
        self.before(false).await?;
        self.world.queue.extend(receipt, visibility).await
    }

    async fn delete(&self, receipt: &Receipt) -> Result<(), StoreError> {
        let fault = self.before(false).await?;
        self.world.queue.delete(receipt).await?;
        self.after(fault).await;
        Ok(())
    }
}

#[async_trait]
impl Blobs for Port {
    async fn put(&self, key: &str, bytes: &[u8], mode: PutMode) -> Result<PutOutcome, StoreError> {
        let fault = self.before(false).await?;
        let outcome = if fault == Some(Fault::Lost) {
            Err(timed_out())
        } else {
            self.world.blobs.put(key, bytes, mode).await
        };
        self.note(format_args!("put {key}"), fault);
        self.after(fault).await;
        match fault {
            Some(Fault::Landed | Fault::Late) => Err(timed_out()),
            _ => outcome,
        }
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(format!("get {key}"), || Ok(self.world.blobs.read(key)))
            .await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let fault = self.before(false).await?;
        self.world.blobs.delete(key).await?;
        self.after(fault).await;
        Ok(())
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.before(false).await?;
        self.world.blobs.list(prefix, after, limit).await
    }
}
