//! What all nodes of a simulation share: the truth, the time, the dice, and what went wrong.

use crate::check::{Broken, Checker};
use crate::fault::{Fault, Plan};
use crate::memory::{MemoryBlobs, MemoryQueue, MemoryTable, held};
use crate::node::Identity;
use crate::random::Random;
use crate::request::Request;
use crate::trace::Trace;
use prooflane_market::{Millis, Rules};
use prooflane_store::{Clock, CommitError, Write};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// When every simulation begins, in milliseconds since 1970.
pub(crate) const BEGIN: u64 = 1_700_000_000_000;

/// Time as it really passes; every node's own clock is off by its skew.
#[derive(Clone, Copy)]
pub(crate) struct TrueClock(Instant);

impl Clock for TrueClock {
    fn now_millis(&self) -> u64 {
        let passed = self.0.elapsed().as_millis();
        BEGIN + u64::try_from(passed).unwrap_or(u64::MAX)
    }
}

pub(crate) struct World {
    pub(crate) rules: Rules,
    pub(crate) clock: TrueClock,
    pub(crate) table: Arc<MemoryTable>,
    pub(crate) queue: Arc<MemoryQueue>,
    pub(crate) blobs: Arc<MemoryBlobs>,
    pub(crate) checker: Mutex<Checker>,
    plan: Mutex<Plan>,
    random: Mutex<Random>,
    trace: Mutex<Trace>,
    injected: Mutex<BTreeMap<&'static str, u64>>,
    /// Every store call, by whether it was a commit.
    calls: Mutex<Vec<bool>>,
    /// No node reaches the stores before this moment.
    away_until: Mutex<u64>,
    broken: Mutex<Option<Broken>>,
}

impl World {
    pub(crate) fn new(seed: u64, rules: Rules) -> Arc<Self> {
        let clock = TrueClock(Instant::now());
        Arc::new(Self {
            checker: Mutex::new(Checker::new(rules.clone())),
            rules,
            clock,
            table: Arc::default(),
            queue: Arc::new(MemoryQueue::new(Arc::new(clock))),
            blobs: Arc::default(),
            plan: Mutex::new(Plan::None),
            random: Mutex::new(Random(seed)),
            trace: Mutex::default(),
            injected: Mutex::default(),
            calls: Mutex::default(),
            away_until: Mutex::default(),
            broken: Mutex::default(),
        })
    }

    /// Milliseconds since 1970, truly.
    pub(crate) fn now(&self) -> u64 {
        self.clock.now_millis()
    }

    pub(crate) fn roll<T>(&self, of: impl FnOnce(&mut Random) -> T) -> T {
        of(&mut held(&self.random))
    }

    pub(crate) fn note(&self, who: &str, event: impl std::fmt::Display) {
        let at = self.now() - BEGIN;
        held(&self.trace).add(format!("{:>4}.{:03} {who} {event}", at / 1_000, at % 1_000));
    }

    pub(crate) fn last_events(&self) -> Vec<String> {
        held(&self.trace).last()
    }

    pub(crate) fn digest(&self) -> String {
        held(&self.trace).digest()
    }

    /// Counts a fault that is being injected.
    pub(crate) fn injected(&self, fault: &'static str) {
        *held(&self.injected).entry(fault).or_default() += 1;
    }

    pub(crate) fn faults(&self) -> BTreeMap<&'static str, u64> {
        held(&self.injected).clone()
    }

    pub(crate) fn calls(&self) -> Vec<bool> {
        held(&self.calls).clone()
    }

    /// What is to happen to the next store call.
    pub(crate) fn next_fault(&self, is_commit: bool) -> Option<Fault> {
        let mut calls = held(&self.calls);
        let index = calls.len() as u64;
        calls.push(is_commit);
        let mut random = held(&self.random);
        let fault = held(&self.plan).store_call(index, is_commit, &mut random);
        if let Some(fault) = fault {
            self.injected(fault.name());
        }
        fault
    }

    /// What is to happen to a message: a hint in a queue, a request or an answer.
    pub(crate) fn rates(&self) -> crate::fault::Rates {
        held(&self.plan).rates()
    }

    /// What goes wrong from now on.
    pub(crate) fn set(&self, plan: Plan) {
        *held(&self.plan) = plan;
    }

    /// No more faults from now on.
    pub(crate) fn heal(&self) {
        self.set(Plan::None);
        *held(&self.away_until) = 0;
        self.note("world", "heals");
    }

    /// The stores are out of everybody's reach for a while.
    pub(crate) fn go_away(&self, time: Millis) {
        let until = self.now() + time.0;
        *held(&self.away_until) = until;
        held(&self.checker).outage(self.now(), until);
        self.injected("outage");
        self.note(
            "world",
            format_args!("the stores are away for {} ms", time.0),
        );
    }

    pub(crate) fn is_away(&self) -> bool {
        self.now() < *held(&self.away_until)
    }

    /// The one place where a commit happens; checked at once.
    pub(crate) fn commit(
        &self,
        node: &Identity,
        request: &Request,
        writes: &[Write],
    ) -> Result<(), CommitError> {
        let changes = self.table.apply(writes)?;
        let mut checker = held(&self.checker);
        let seen = checker.observe(self.now(), node.skew(), request, &changes, &self.blobs);
        if let Err(broken) = seen {
            self.break_down(broken);
        }
        Ok(())
    }

    pub(crate) fn break_down(&self, broken: Broken) {
        self.note("world", &broken);
        held(&self.broken).get_or_insert(broken);
    }

    pub(crate) fn broken(&self) -> Option<Broken> {
        held(&self.broken).clone()
    }
}

/// Lets virtual time pass.
pub(crate) async fn pass(millis: u64) {
    if millis > 0 {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
}
