//! The protocol as a state machine: who reads, decides and commits what, and all that can go wrong
//! in between. What is decided is never said here: `prooflane_market` decides.
//!
//! Hints are left out, because they carry nothing: whoever would act on one may act at any moment,
//! so that hints which are lost, late, repeated or wrong are all among the behaviours. Messages that
//! do carry something (a failure, a proof) stay in flight for good once they were sent: they arrive
//! late, again, in any order, or never.

use crate::properties;
use crate::table::{Account, Commit, Digested, Item, Table};
use prooflane_market::{
    Ask, AskId, AttemptNo, Book, Breaker, Candidate, Clearing, CommitmentDigest, Credits, Effect,
    Millis, NewTask, PrivacyLevel, Prover, ProverId, Ratio, Record, Rules, Standing, Status, Step,
    TakeOver, Task, TaskId, Timestamp, clear,
};
use stateright::{Model, Property};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use uuid::Uuid;

/// Which task, prover or auctioneer, from 0.
pub(crate) type Index = usize;

const REWARD: u64 = 100;
const STAKE: i64 = 150;

/// What there is, and how much may go wrong.
#[derive(Clone, Debug)]
pub(crate) struct Protocol {
    pub(crate) rules: Rules,
    pub(crate) tasks: usize,
    pub(crate) provers: usize,
    pub(crate) auctioneers: usize,
    /// Requests and sweeps that are handled at the same time.
    pub(crate) handlers: usize,
    pub(crate) attempts: u32,
    pub(crate) deadline: Option<u64>,
    /// Time ends here.
    pub(crate) horizon: u64,
    /// How far the sweeper's clock is ahead of those that answer provers.
    pub(crate) sweeper_ahead: u64,
    pub(crate) cancels: bool,
    /// Whether the sweeper may be away for so long that the network counts as having been away.
    pub(crate) outages: bool,
    /// Whether provers without an assignment may fulfil an open task.
    pub(crate) fulfils: bool,
    /// What must be able to happen.
    pub(crate) examples: Vec<properties::Example>,
    pub(crate) faults: Faults,
    pub(crate) mistake: Option<Mistake>,
}

/// How often each fault may still strike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Faults {
    /// A prover dies, and forgets what it held.
    pub(crate) deaths: u8,
    /// A prover gives up.
    pub(crate) failures: u8,
    /// A prover hands in a proof that is none.
    pub(crate) lies: u8,
    /// A commit's outcome is not heard.
    pub(crate) timeouts: u8,
    /// An auctioneer is started anew, with nothing in its memory.
    pub(crate) restarts: u8,
}

/// A mistake planted in the protocol, to show that the properties notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// A commit does not look at the versions it was decided from.
    IgnoresVersions,
    /// A failure is charged to whatever attempt is running.
    FailsTheRunningAttempt,
    /// A proof is paid before it is verified.
    PaysUnverified,
    /// The reward leaves the requester in a commit before that of the task.
    SplitsEscrow,
    /// A clearing does not check the epoch.
    ClearsInAnyEpoch,
    /// The sweeper does not notice that the network was away.
    ForgetsOutages,
}

/// What a handler was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Work {
    Submit,
    Cancel,
    /// The sweeper looks at it; the network was last back from an outage then.
    Tick {
        up_since: Timestamp,
    },
    Claim(Index),
    Beat(Index, AttemptNo),
    Failure(Index, AttemptNo),
    Result {
        prover: Index,
        attempt: AttemptNo,
        valid: bool,
    },
    Join(Index),
    Commit(Index),
    Reveal {
        prover: Index,
        valid: bool,
    },
    /// An auctioneer's, under the epoch item of this version; 0 where there is no leadership.
    Clear {
        epoch_version: u64,
    },
}

/// A decision that is not committed yet.
#[derive(Clone, Debug, PartialEq, Hash)]
pub(crate) struct Op {
    pub(crate) task: Index,
    pub(crate) work: Work,
    /// The handler's clock when it began; it stays when the decision is taken anew.
    pub(crate) now: Timestamp,
    pub(crate) commit: Digested<Commit>,
    /// The effects that the commit carries, for the properties.
    pub(crate) effects: Digested<Vec<Effect>>,
    /// The commit timed out: it is to be read back.
    pub(crate) unknown: bool,
}

impl Op {
    fn rank(&self) -> (Index, Work, Timestamp, u64, bool) {
        let digest = self.commit.digest();
        (self.task, self.work, self.now, digest, self.unknown)
    }
}

/// An auctioneer: its memory, and what it has under way.
#[derive(Clone, Debug, PartialEq, Hash)]
pub(crate) struct Auctioneer {
    pub(crate) candidate: Candidate,
    pub(crate) clearing: Option<Op>,
    /// A take-over with the moment it was decided at.
    pub(crate) taking_over: Option<(TakeOver, Millis)>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    pub(crate) now: u64,
    pub(crate) table: Table,
    pub(crate) handlers: Vec<Op>,
    pub(crate) auctioneers: Vec<Auctioneer>,
    /// When a sweep last was, and since when there were no long gaps between them.
    pub(crate) swept_at: u64,
    pub(crate) up_since: u64,
    /// What each prover knows that it is at work on.
    pub(crate) holds: BTreeSet<(Index, Index, AttemptNo)>,
    /// What each prover ever was at work on: heartbeats of it may arrive at any time.
    pub(crate) held: BTreeSet<(Index, Index, AttemptNo)>,
    /// Messages that may arrive at any time.
    pub(crate) sent: BTreeSet<(Index, Work)>,
    pub(crate) faults: Faults,
    pub(crate) monitor: Monitor,
}

/// States that differ only in how often items were written are one: what counts is whether an item
/// is as it was read.
impl Hash for State {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.now, &self.table, self.swept_at, self.up_since).hash(state);
        for op in &self.handlers {
            op.hash(state);
            self.table.lag(&op.commit).for_each(|lag| lag.hash(state));
        }
        for auctioneer in &self.auctioneers {
            auctioneer.hash(state);
            // An auctioneer remembers versions.
            (self.table.epoch_version(), self.table.beat_version()).hash(state);
            if let Some(op) = &auctioneer.clearing {
                self.table.lag(&op.commit).for_each(|lag| lag.hash(state));
            }
        }
        (&self.holds, &self.held, &self.sent).hash(state);
        (self.faults, &self.monitor).hash(state);
    }
}

/// What the properties remember.
#[derive(Clone, Debug, Default, PartialEq, Hash)]
pub(crate) struct Monitor {
    /// How often each task was settled.
    pub(crate) settlements: Vec<u8>,
    /// Properties of a step that a step did not have.
    pub(crate) broken: BTreeSet<&'static str>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// Time passes.
    Tick,
    /// The sweeper wakes up: it notices whether it was away.
    Sweep,
    /// A handler reads the table and decides.
    Handle(Index, Work),
    /// Its commit reaches the table.
    Commit(Index),
    /// Its commit reaches the table or not, and it does not hear which.
    TimeOut { handler: Index, lands: bool },
    /// It reads back what became of its commit.
    ReadBack(Index),
    /// A prover sends something.
    Send(Index, Work),
    /// A prover dies and starts again.
    Die(Index),
    /// An auctioneer takes its next step; a leader's is to look at this task.
    Auctioneer(Index, Index),
    /// Its take-over reaches the table.
    TakeOver(Index),
    /// Its clearing reaches the table.
    Clear(Index),
    /// It is started anew.
    Restart(Index),
}

pub(crate) fn prover_id(index: Index) -> ProverId {
    ProverId::new(format!("p{index}")).expect("a fine name")
}

fn index_of(prover: &ProverId) -> Index {
    let digits = prover.as_str().strip_prefix('p');
    digits
        .and_then(|d| d.parse().ok())
        .expect("one of the model's")
}

fn task_id(index: Index) -> TaskId {
    TaskId(Uuid::from_u128(index as u128 + 1))
}

/// What a prover commits to: here no more than whose proof it is.
fn digest(prover: Index) -> CommitmentDigest {
    CommitmentDigest([prover as u8; 32])
}

fn credits(amount: Credits) -> i64 {
    amount.0.cast_signed()
}

impl Protocol {
    /// Rules in which a unit of time is a millisecond, small enough for all of it to happen soon.
    pub(crate) fn rules() -> Rules {
        Rules {
            lease: Millis(2),
            longest_attempt: Millis(5),
            max_skew: Millis(1),
            outage: Millis(2),
            reveal_after: Millis(1),
            reveal_within: Millis(10),
            prover_silence: Millis(1_000),
            first_pause: Millis(1),
            longest_pause: Millis(2),
            breaker_failures: 100,
            leader_lease: Millis(3),
            slash_abandoned: Ratio::ppm(500_000),
            ..Rules::default()
        }
    }

    fn spec(&self, index: Index) -> NewTask {
        NewTask {
            task_id: task_id(index),
            circuit: "range@1".into(),
            privacy_level: PrivacyLevel::OPEN,
            reward_amount: Credits(REWARD),
            priority: 50,
            requester: "alice".into(),
            deadline: self.deadline.map(Timestamp),
            min_reputation: Ratio::ZERO,
            max_attempts: self.attempts,
            allowed_provers: Vec::new(),
        }
    }

    fn prover(&self, index: Index) -> Prover {
        let ask = Ask {
            ask_id: AskId(Uuid::from_u128(1)),
            circuits: Vec::new(),
            price: Credits(40),
            capacity: 1,
            levels: vec![PrivacyLevel::OPEN],
            promised: Millis(1),
            placed_at: Timestamp(index as u64),
            expires_at: None,
        };
        Prover {
            prover_id: prover_id(index),
            owner: None,
            fleet: false,
            trusted: false,
            capacity: 1,
            asks: vec![ask],
            active: BTreeMap::new(),
            record: Record::default(),
            breaker: Breaker::default(),
            registered_at: Timestamp(0),
            seen_at: Timestamp(0),
        }
    }

    fn clock(&self, state: &State, work: Work) -> Timestamp {
        let ahead = match work {
            Work::Tick { .. } => self.sweeper_ahead,
            _ => 0,
        };
        Timestamp(state.now + ahead)
    }

    /// An auctioneer's own clock, which began at no moment in particular.
    fn own_clock(state: &State, auctioneer: Index) -> Millis {
        Millis(state.now + 1_000 * auctioneer as u64)
    }

    /// Reads the table and decides; none where there is nothing to write.
    fn decide(&self, state: &State, index: Index, work: Work, now: Timestamp) -> Option<Op> {
        let table = &state.table;
        let mut commit = Commit::default();
        if work == Work::Submit {
            if table.tasks[index].is_some() {
                return None;
            }
            commit.moves.insert(Account::Requester, -(REWARD as i64));
            let task = Task::submit(self.spec(index), now).ok()?;
            if self.mistake != Some(Mistake::SplitsEscrow) {
                commit.task = Some((index, 0, forget(task)));
            }
            return Some(Op::new(index, work, now, commit, Vec::new()));
        }
        let item = table.task(index)?;
        let mut task = (*item.value).clone();
        let effects = self.change(state, index, &mut task, work, now)?;
        let task = forget(task);
        if task == *item.value {
            // Such a commit does no more than make others decide again.
            return None;
        }
        for effect in &effects {
            self.add(&mut commit, table, &task, effect, now);
        }
        commit.task = Some((index, item.version, task));
        if let Work::Clear { epoch_version } = work
            && self.mistake != Some(Mistake::ClearsInAnyEpoch)
        {
            commit.epoch = Some(epoch_version);
        }
        Some(Op::new(index, work, now, commit, effects))
    }

    /// Applies a transition of the market; none where it refuses or has nothing to change.
    fn change(
        &self,
        state: &State,
        index: Index,
        task: &mut Task,
        work: Work,
        now: Timestamp,
    ) -> Option<Vec<Effect>> {
        let rules = &self.rules;
        match work {
            Work::Submit => None,
            Work::Cancel => {
                let asked = task.cancel_requested;
                let effects = task.cancel(now).ok()?;
                (task.cancel_requested != asked || task.status().is_terminal()).then_some(effects)
            }
            Work::Tick { up_since } => task.tick(now, up_since, rules),
            Work::Claim(prover) => {
                let attempt = task.attempt();
                let lost = !state.holds.contains(&(prover, index, attempt));
                let wanted = match task.status() {
                    Status::Assigned => true,
                    Status::InProgress => lost,
                    _ => false,
                };
                let claimed = task.claim(&prover_id(prover), attempt, now, rules);
                (wanted && claimed.is_ok()).then(Vec::new)
            }
            Work::Beat(prover, attempt) => {
                task.heartbeat(&prover_id(prover), attempt, now, rules)
                    .ok()?;
                Some(Vec::new())
            }
            Work::Failure(_, _) if self.mistake == Some(Mistake::FailsTheRunningAttempt) => {
                let lease = task.lease()?.clone();
                task.fail(&lease.prover, lease.attempt, "", now, rules).ok()
            }
            Work::Failure(prover, attempt) => {
                task.fail(&prover_id(prover), attempt, "", now, rules).ok()
            }
            Work::Result {
                prover,
                attempt,
                valid,
            } => {
                let prover = prover_id(prover);
                task.may_complete(&prover, attempt).ok()?;
                if valid || self.mistake == Some(Mistake::PaysUnverified) {
                    task.complete(&prover, attempt, now).ok()
                } else {
                    task.reject(&prover, attempt, now, rules).ok()
                }
            }
            Work::Join(prover) => {
                let before = task.fulfilments.clone();
                task.join(&state.table.provers[prover].value, now, rules)
                    .ok()?;
                (task.fulfilments != before).then(Vec::new)
            }
            Work::Commit(prover) => {
                let before = task.fulfilments.clone();
                task.commit(&prover_id(prover), digest(prover), now, rules)
                    .ok()?;
                (task.fulfilments != before).then(Vec::new)
            }
            Work::Reveal { prover, valid } => {
                let (prover, digest) = (prover_id(prover), digest(prover));
                if valid {
                    task.fulfil(&prover, &digest, now, rules).ok()
                } else {
                    task.void(&prover, &digest, now, rules).ok()
                }
            }
            Work::Clear { .. } => {
                let due = task.wake_at(rules).is_some_and(|at| at <= now);
                let overdue = task.spec.deadline.is_some_and(|at| at <= now);
                if task.status() != Status::Pending || overdue {
                    return None;
                }
                let provers = state.table.provers.iter();
                let book: Book = provers.map(|item| (*item.value).clone()).collect();
                match clear(task, &book, now, rules) {
                    Clearing::Match { winner, transcript } => {
                        let bids = u32::try_from(transcript.bids.len()).ok()?;
                        task.assign(&winner, bids, now, rules).ok()
                    }
                    Clearing::NoMatch(no_match) if due => {
                        task.unmatched(no_match, now, rules).ok()?;
                        Some(Vec::new())
                    }
                    Clearing::NoMatch(_) => None,
                }
            }
        }
    }

    /// What an effect writes beside the task.
    fn add(
        &self,
        commit: &mut Commit,
        table: &Table,
        task: &Task,
        effect: &Effect,
        now: Timestamp,
    ) {
        let mut shift = |account, amount: i64| {
            *commit.moves.entry(account).or_default() += amount;
        };
        match effect {
            Effect::Pay { prover, amount } => {
                shift(Account::Prover(index_of(prover)), credits(*amount));
            }
            Effect::Refund { amount } => shift(Account::Requester, credits(*amount)),
            Effect::Slash { prover, at_most } => {
                let stake = Account::Stake(index_of(prover));
                let amount = credits(*at_most).min(table.held(stake));
                shift(stake, -amount);
                shift(Account::Slashed, amount);
            }
            Effect::Take {
                prover,
                ask_id,
                attempt,
            } => held(commit, table, prover).take(task.id(), *ask_id, *attempt),
            Effect::Release { prover, attempt } => {
                held(commit, table, prover).release(task.id(), *attempt);
            }
            Effect::Note { prover, outcome } => {
                held(commit, table, prover).note(*outcome, now, &self.rules);
            }
        }
    }

    /// Commits; whether it was done.
    fn commit(&self, state: &mut State, op: &Op) -> bool {
        let holds =
            state.table.expects(&op.commit) || self.mistake == Some(Mistake::IgnoresVersions);
        if !holds || !state.table.affords(&op.commit) {
            return false;
        }
        self.watch(state, op);
        state.table.write(&op.commit);
        true
    }

    /// What whoever committed does next.
    fn done(&self, state: &mut State, op: &Op) {
        if let (Work::Claim(prover), Some((_, _, task))) = (op.work, &op.commit.task) {
            // Its answer reaches the prover; if not, that is as if the prover died of it.
            let hold = (prover, op.task, task.attempt());
            state.holds.insert(hold);
            state.held.insert(hold);
        }
    }

    fn requests(&self, state: &State, actions: &mut Vec<Action>) {
        for task in 0..self.tasks {
            let mut ask = |work| actions.push(Action::Handle(task, work));
            if state.now == 0 {
                ask(Work::Submit);
            }
            if self.cancels {
                ask(Work::Cancel);
            }
            if !self.outages || state.swept_at == state.now {
                let forgets = self.mistake == Some(Mistake::ForgetsOutages);
                let up_since = Timestamp(if forgets { 0 } else { state.up_since });
                ask(Work::Tick { up_since });
            }
            if self.auctioneers == 0 {
                ask(Work::Clear { epoch_version: 0 });
            }
            for prover in 0..self.provers {
                ask(Work::Claim(prover));
                if self.fulfils {
                    ask(Work::Join(prover));
                    ask(Work::Commit(prover));
                    let valid = true;
                    ask(Work::Reveal { prover, valid });
                }
            }
        }
        for (prover, task, attempt) in &state.held {
            actions.push(Action::Handle(*task, Work::Beat(*prover, *attempt)));
        }
        for (task, work) in &state.sent {
            actions.push(Action::Handle(*task, *work));
        }
    }

    fn sendings(&self, state: &State, actions: &mut Vec<Action>) {
        let mut send = |task, work, may: bool| {
            if may && !state.sent.contains(&(task, work)) {
                actions.push(Action::Send(task, work));
            }
        };
        let faults = state.faults;
        for (prover, task, attempt) in state.holds.iter().copied() {
            for valid in [true, false] {
                let result = Work::Result {
                    prover,
                    attempt,
                    valid,
                };
                send(task, result, valid || faults.lies > 0);
            }
            send(task, Work::Failure(prover, attempt), faults.failures > 0);
        }
        if self.fulfils {
            for (prover, task) in (0..self.provers).zip(0..self.tasks) {
                let valid = false;
                send(task, Work::Reveal { prover, valid }, faults.lies > 0);
            }
        }
        if faults.deaths > 0 {
            let living: BTreeSet<Index> = state.holds.iter().map(|(prover, ..)| *prover).collect();
            actions.extend(living.into_iter().map(Action::Die));
        }
    }

    /// An auctioneer's next step; none where it has nothing to do.
    fn auctioneer(&self, state: &mut State, index: Index, task: Index) -> Option<()> {
        let now = Self::own_clock(state, index);
        let table = &state.table;
        let candidate = &mut state.auctioneers[index].candidate;
        match candidate.step(now, &self.rules) {
            Step::Observe => {
                let leadership = table.leadership.as_ref();
                let standing = Standing {
                    leadership: leadership.map(|item| ((*item.value).clone(), item.version)),
                    beat_version: table.beat_version(),
                };
                let taken = candidate.observe(&standing, now, &self.rules);
                state.auctioneers[index].taking_over = taken.map(|taken| (taken, now));
            }
            Step::Renew(renewal) => {
                let commit = Commit {
                    epoch: Some(renewal.epoch_version),
                    beat: Some((renewal.beat_version, renewal.beat.clone())),
                    ..Commit::default()
                };
                if table.expects(&commit) {
                    candidate.renewed(&renewal, now);
                    state.table.write(&commit);
                } else {
                    candidate.deposed();
                }
            }
            Step::Lead { epoch_version } => {
                let work = Work::Clear { epoch_version };
                let op = self.decide(state, task, work, self.clock(state, work))?;
                state.auctioneers[index].clearing = Some(op);
            }
        }
        Some(())
    }

    fn again(&self, state: &mut State, op: &Op) {
        if let Some(op) = self.decide(state, op.task, op.work, op.now) {
            state.handlers.push(op);
        }
    }
}

/// A prover as the commit will leave it.
fn held<'a>(commit: &'a mut Commit, table: &Table, prover: &ProverId) -> &'a mut Prover {
    let index = index_of(prover);
    let item: &Item<Prover> = &table.provers[index];
    let read = || (item.version, (*item.value).clone());
    &mut commit.provers.entry(index).or_insert_with(read).1
}

/// Nothing is decided from what is told of the past: states that differ in nothing else are one.
fn forget(mut task: Task) -> Task {
    task.events.clear();
    task.updated_at = task.created_at;
    for attempt in &mut task.attempts {
        attempt.claimed_at = None;
    }
    task
}

impl Op {
    fn new(task: Index, work: Work, now: Timestamp, commit: Commit, effects: Vec<Effect>) -> Self {
        Self {
            task,
            work,
            now,
            commit: Digested::new(commit),
            effects: Digested::new(effects),
            unknown: false,
        }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut accounts =
            BTreeMap::from([(Account::Requester, (REWARD as i64) * self.tasks as i64)]);
        for prover in 0..self.provers {
            accounts.insert(Account::Stake(prover), STAKE);
        }
        accounts.insert(Account::Mint, -accounts.values().sum::<i64>());
        let provers = (0..self.provers).map(|index| Item {
            version: 1,
            value: Digested::new(self.prover(index)),
        });
        let auctioneers = (0..self.auctioneers).map(|index| Auctioneer {
            candidate: Candidate::new(format!("auctioneer {index}")),
            clearing: None,
            taking_over: None,
        });
        vec![State {
            now: 0,
            table: Table {
                tasks: vec![None; self.tasks],
                provers: provers.collect(),
                leadership: None,
                beat: None,
                accounts,
            },
            handlers: Vec::new(),
            auctioneers: auctioneers.collect(),
            swept_at: 0,
            up_since: 0,
            holds: BTreeSet::new(),
            held: BTreeSet::new(),
            sent: BTreeSet::new(),
            faults: self.faults,
            monitor: Monitor {
                settlements: vec![0; self.tasks],
                broken: BTreeSet::new(),
            },
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let tasks = state.table.tasks.iter();
        let submitted = tasks.clone().all(Option::is_some);
        // What has ended refuses at any time alike.
        let ended = tasks
            .flatten()
            .all(|item| item.value.status().is_terminal());
        if submitted && !ended && state.now < self.horizon {
            actions.push(Action::Tick);
        }
        if self.outages && state.swept_at != state.now {
            actions.push(Action::Sweep);
        }
        for handler in 0..state.handlers.len() {
            if state.handlers[handler].unknown {
                actions.push(Action::ReadBack(handler));
                continue;
            }
            actions.push(Action::Commit(handler));
            if state.faults.timeouts > 0 {
                for lands in [true, false] {
                    actions.push(Action::TimeOut { handler, lands });
                }
            }
        }
        if state.handlers.len() < self.handlers {
            self.requests(state, actions);
        }
        self.sendings(state, actions);
        for index in 0..self.auctioneers {
            let auctioneer = &state.auctioneers[index];
            if auctioneer.taking_over.is_some() {
                actions.push(Action::TakeOver(index));
            } else if auctioneer.clearing.is_some() {
                actions.push(Action::Clear(index));
            } else if submitted {
                actions.extend((0..self.tasks).map(|task| Action::Auctioneer(index, task)));
            }
            if state.faults.restarts > 0 {
                actions.push(Action::Restart(index));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        let state = &mut state;
        match action {
            Action::Tick => state.now += 1,
            Action::Sweep => {
                if state.now - state.swept_at > self.rules.outage.0 {
                    state.up_since = state.now + self.sweeper_ahead;
                }
                state.swept_at = state.now;
            }
            Action::Handle(task, work) => {
                let op = self.decide(last, task, work, self.clock(last, work))?;
                state.handlers.push(op);
            }
            Action::Commit(handler) => {
                let op = state.handlers.remove(handler);
                if self.commit(state, &op) {
                    self.done(state, &op);
                } else {
                    self.again(state, &op);
                }
            }
            Action::TimeOut { handler, lands } => {
                state.faults.timeouts -= 1;
                let mut op = state.handlers.remove(handler);
                if lands && !self.commit(state, &op) {
                    return None;
                }
                op.unknown = true;
                state.handlers.push(op);
            }
            Action::ReadBack(handler) => {
                let op = state.handlers.remove(handler);
                if state.table.landed(&op.commit) {
                    self.done(state, &op);
                } else {
                    self.again(state, &op);
                }
            }
            Action::Send(task, work) => {
                match work {
                    Work::Failure(..) => state.faults.failures -= 1,
                    Work::Result { valid: false, .. } | Work::Reveal { valid: false, .. } => {
                        state.faults.lies -= 1;
                    }
                    _ => {}
                }
                state.sent.insert((task, work));
            }
            Action::Die(prover) => {
                state.faults.deaths -= 1;
                state.holds.retain(|(of, ..)| *of != prover);
            }
            Action::Auctioneer(index, task) => self.auctioneer(state, index, task)?,
            Action::TakeOver(index) => {
                let (taken, at) = state.auctioneers[index].taking_over.take()?;
                let commit = Commit {
                    leadership: Some((taken.epoch_version, taken.leadership.clone())),
                    beat: Some((taken.beat_version, taken.beat.clone())),
                    ..Commit::default()
                };
                let candidate = &mut state.auctioneers[index].candidate;
                if state.table.expects(&commit) {
                    candidate.took_over(&taken, at);
                    state.table.write(&commit);
                } else {
                    candidate.deposed();
                }
            }
            Action::Clear(index) => {
                let op = state.auctioneers[index].clearing.take()?;
                let current = state.table.epoch_version();
                if !self.commit(state, &op)
                    && op.work
                        != (Work::Clear {
                            epoch_version: current,
                        })
                {
                    state.auctioneers[index].candidate.deposed();
                }
            }
            Action::Restart(index) => {
                state.faults.restarts -= 1;
                let holder = state.auctioneers[index].candidate.holder().to_owned();
                state.auctioneers[index] = Auctioneer {
                    candidate: Candidate::new(holder),
                    clearing: None,
                    taking_over: None,
                };
            }
        }
        state.handlers.sort_by_key(Op::rank);
        (state != last).then(|| state.clone())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let examples = self.examples.iter();
        let examples = examples.map(|(name, holds)| Property::sometimes(name, *holds));
        properties::all().into_iter().chain(examples).collect()
    }
}
