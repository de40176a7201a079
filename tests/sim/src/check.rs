//! The invariants, held against every commit and against the world at its end.
//!
//! The checker believes nothing but the table, the blobs, the true time and what each request was:
//! it follows every task through every commit, and verifies every proof that is paid for itself.

use crate::memory::{Change, MemoryBlobs};
use crate::request::Request;
use crate::statement;
use prooflane_coordinator::TaskRecord;
use prooflane_market::{AttemptEnd, AttemptNo, ProverId, Rules, State, Status, Task, TaskId};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which one: a stable name.
    pub invariant: &'static str,
    /// How it is broken.
    pub detail: String,
}

impl Broken {
    pub(crate) fn new(invariant: &'static str, detail: impl Into<String>) -> Self {
        Self {
            invariant,
            detail: detail.into(),
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broken invariant {}: {}", self.invariant, self.detail)
    }
}

type Checked = Result<(), Broken>;

fn ensure(holds: bool, invariant: &'static str, detail: impl FnOnce() -> String) -> Checked {
    if holds {
        Ok(())
    } else {
        Err(Broken::new(invariant, detail()))
    }
}

/// What has happened so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) assignments: u64,
    pub(crate) reassignments: u64,
    pub(crate) settlements: u64,
    pub(crate) slashes: u64,
    pub(crate) late_settlements: u64,
    pub(crate) fulfilments: u64,
}

/// A task as it last was, and its lease in true time.
struct Followed {
    task: Task,
    public: Vec<String>,
    lease: Option<TrueLease>,
    /// When, truly, a node heard of each commitment to a proof.
    committed: BTreeMap<ProverId, u64>,
}

/// A lease as its writer's clock meant it, in true time.
#[derive(Clone, Copy)]
struct TrueLease {
    given: u64,
    ends: u64,
}

pub(crate) struct Checker {
    rules: Rules,
    tasks: BTreeMap<TaskId, Followed>,
    honest: BTreeSet<ProverId>,
    /// When, truly, an attempt was last answered that it lives on.
    kept: BTreeMap<(TaskId, AttemptNo), u64>,
    /// Tasks whose submission was acknowledged.
    accepted: BTreeSet<TaskId>,
    /// What a client was told of a task's end.
    told: BTreeMap<TaskId, Status>,
    outages: Vec<(u64, u64)>,
    pub(crate) tally: Tally,
}

/// Credits that a commit moved, by account and by what is counted of it.
type Moved = BTreeMap<(String, String), i64>;

impl Checker {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            rules,
            tasks: BTreeMap::new(),
            honest: BTreeSet::new(),
            kept: BTreeMap::new(),
            accepted: BTreeSet::new(),
            told: BTreeMap::new(),
            outages: Vec::new(),
            tally: Tally::default(),
        }
    }

    pub(crate) fn honest(&mut self, prover: &ProverId) {
        self.honest.insert(prover.clone());
    }

    pub(crate) fn outage(&mut self, from: u64, until: u64) {
        self.outages.push((from, until));
    }

    /// A prover was answered that its attempt lives on, by a request it sent at `sent`.
    pub(crate) fn kept(&mut self, task: TaskId, attempt: AttemptNo, sent: u64) {
        let kept = self.kept.entry((task, attempt)).or_default();
        *kept = (*kept).max(sent);
    }

    /// A requester was told that its task is there.
    pub(crate) fn accepted(&mut self, task: TaskId) {
        self.accepted.insert(task);
    }

    /// A client was told how a task is.
    pub(crate) fn told(&mut self, task: TaskId, status: Status) -> Checked {
        if let Some(before) = self.told.get(&task) {
            return ensure(*before == status, "terminal_never_flips", || {
                format!("a client was told that {task} is {before}, and then {status}")
            });
        }
        if status.is_terminal() {
            self.told.insert(task, status);
        }
        Ok(())
    }

    pub(crate) fn tasks(&self) -> impl Iterator<Item = (&Task, &[String])> {
        self.tasks.values().map(|f| (&f.task, &f.public[..]))
    }

    /// Looks at one commit, in the moment it happens.
    pub(crate) fn observe(
        &mut self,
        now: u64,
        skew: i64,
        request: &Request,
        changes: &[Change],
        blobs: &MemoryBlobs,
    ) -> Checked {
        let mut moved = Moved::new();
        let mut tasks = Vec::new();
        for change in changes {
            let Some(item) = change.after.as_ref().or(change.before.as_ref()) else {
                continue;
            };
            let count =
                |item: &Option<prooflane_store::Item>| item.as_ref().map_or(0, |i| i.counter);
            let delta = count(&change.after) - count(&change.before);
            if delta != 0 {
                let key = (item.key.partition.clone(), item.key.sort.clone());
                moved.insert(key, delta);
            }
            if item.key.sort == "task" && item.key.partition.starts_with("task#") {
                let Some(after) = &change.after else {
                    return Err(Broken::new("tasks_stay", item.key.to_string()));
                };
                tasks.push(after);
            }
        }
        let mut escrow = 0;
        let mut ended = Vec::new();
        let mut settled = None;
        for item in tasks {
            let record: TaskRecord = serde_json::from_slice(&item.body)
                .map_err(|error| Broken::new("records_can_be_read", error.to_string()))?;
            let task = record.task.clone();
            let id = task.id();
            ensure(
                item.wake.is_none() == task.status().is_terminal(),
                "open_tasks_have_a_wake_up",
                || format!("{id} is {}, its wake-up is {:?}", task.status(), item.wake),
            )?;
            let before = self.tasks.remove(&id);
            escrow += held_for(&task) - before.as_ref().map_or(0, |b| held_for(&b.task));
            let lease = self.true_lease(before.as_ref(), &task, skew);
            if let Some(before) = &before {
                self.step(now, request, before, &task, &mut ended)?;
            }
            if task.status() == Status::Completed
                && before
                    .as_ref()
                    .is_none_or(|b| b.task.status() != Status::Completed)
            {
                settled = Some(self.settlement(now, request, before.as_ref(), &record, blobs)?);
            }
            let public = record.public_inputs;
            let committed = committed(before, &task, skew);
            self.tasks.insert(
                id,
                Followed {
                    task,
                    public,
                    lease,
                    committed,
                },
            );
        }
        let sum = moved.values().sum::<i64>() + escrow;
        ensure(sum == 0, "credits_are_conserved", || {
            format!("a commit of [{request}] makes {sum} credits: {moved:?}, escrow {escrow}")
        })?;
        self.payments(&moved, settled.as_ref())?;
        self.slashes(&moved, &ended, now, request)
    }

    /// A lease that is not the one before was given by whoever commits now, by its own clock.
    fn true_lease(&self, before: Option<&Followed>, task: &Task, skew: i64) -> Option<TrueLease> {
        let lease = task.lease()?;
        let known = before.and_then(|b| Some((b.task.lease()?, b.lease?)));
        if let Some((old, known)) = known
            && (old.attempt, old.expires_at) == (lease.attempt, lease.expires_at)
        {
            return Some(known);
        }
        let ends = lease.expires_at.0.saturating_add_signed(-skew);
        Some(TrueLease {
            given: ends.saturating_sub(self.rules.lease.0),
            ends,
        })
    }

    /// From one commit on a task to the next.
    fn step(
        &mut self,
        now: u64,
        request: &Request,
        before: &Followed,
        task: &Task,
        ended: &mut Vec<Ended>,
    ) -> Checked {
        let (old, id) = (&before.task, task.id());
        let flips = old.status().is_terminal() && old.state != task.state;
        ensure(!flips, "terminal_never_flips", || {
            format!(
                "{id} was {}, is {} by [{request}]",
                old.status(),
                task.status()
            )
        })?;
        let grown = task.attempts.len().checked_sub(old.attempts.len());
        let numbered = task.attempts.iter().enumerate();
        let in_order = numbered
            .clone()
            .all(|(i, a)| u32::try_from(i + 1) == Ok(a.number));
        ensure(
            matches!(grown, Some(0 | 1)) && in_order,
            "attempts_grow_by_one",
            || {
                let numbers = |t: &Task| t.attempts.iter().map(|a| a.number).collect::<Vec<_>>();
                format!("{id} went from {:?} to {:?}", numbers(old), numbers(task))
            },
        )?;
        if grown == Some(1) {
            let from_pending = old.status() == Status::Pending && task.status() == Status::Assigned;
            ensure(from_pending, "attempts_grow_by_one", || {
                format!("{id} was {} when it was assigned", old.status())
            })?;
            self.tally.assignments += 1;
            self.tally.reassignments += u64::from(task.attempts.len() > 1);
        }
        let running = old.lease().map(|lease| lease.attempt);
        for (was, is) in old.attempts.iter().zip(&task.attempts) {
            let same =
                (&was.prover, was.price, was.assigned_at) == (&is.prover, is.price, is.assigned_at);
            ensure(same, "attempts_grow_by_one", || {
                format!("{id}: attempt {} changed", was.number)
            })?;
            let Some(end) = is.end.as_ref().filter(|_| was.end != is.end) else {
                continue;
            };
            let (prover, number) = (&is.prover, is.number);
            let of_running = running == Some(number);
            let by = |expected: Request| *request == expected;
            let allowed = match end {
                // Whether the proof is one is judged where it is paid for.
                AttemptEnd::Proved => matches!(request, Request::Result(p, t, n, _)
                    if (p, *t, *n) == (prover, id, number)),
                AttemptEnd::Overtaken => {
                    let by_proof = matches!(request, Request::Result(_, t, ..)
                        | Request::Reveal(_, t, _) if *t == id);
                    of_running && by_proof && task.status() == Status::Completed
                }
                AttemptEnd::Failed => {
                    of_running && by(Request::Failure(prover.clone(), id, number))
                }
                AttemptEnd::Invalid => {
                    of_running && by(Request::Result(prover.clone(), id, number, false))
                }
                AttemptEnd::Abandoned | AttemptEnd::Unclaimed | AttemptEnd::Outage => {
                    of_running && by(Request::Sweep)
                }
                // No run replaces a key.
                AttemptEnd::KeyReplaced => false,
            };
            ensure(allowed, "a_superseded_attempt_changes_nothing", || {
                format!(
                    "{id}: attempt {number} of {prover} ended as {end:?} by [{request}], \
                     the running one was {running:?}"
                )
            })?;
            let ran_out = matches!(
                end,
                AttemptEnd::Abandoned | AttemptEnd::Unclaimed | AttemptEnd::Outage
            );
            if ran_out {
                self.ran_out(now, before, is.number)?;
            }
            ended.push(Ended {
                given: before.lease.map_or(now, |lease| lease.given),
                task: id,
                prover: prover.clone(),
                attempt: number,
                ran_out,
                price: is.price.0.cast_signed(),
            });
        }
        let (Some(was), Some(is)) = (old.lease(), task.lease()) else {
            return Ok(());
        };
        let progressed = was.expires_at != is.expires_at || old.status() != task.status();
        let by_holder = match request {
            Request::Claim(prover) => *prover == is.prover,
            // Given anew after an outage.
            Request::Sweep => is.given_anew,
            Request::Heartbeat(prover, t, n) => (prover, *t, *n) == (&is.prover, id, is.attempt),
            _ => false,
        };
        ensure(
            !progressed || by_holder,
            "a_superseded_attempt_changes_nothing",
            || {
                format!(
                    "{id}: attempt {} of {} lives on by [{request}]",
                    is.attempt, is.prover
                )
            },
        )
    }

    /// A lease has run out: was it over, and was nobody to blame but its prover?
    fn ran_out(&self, now: u64, before: &Followed, attempt: AttemptNo) -> Checked {
        let id = before.task.id();
        let Some(lease) = before.lease else {
            return Ok(());
        };
        ensure(now >= lease.ends, "a_lease_lasts", || {
            let early = lease.ends - now;
            format!("the lease on attempt {attempt} of {id} was ended {early} ms early")
        })?;
        let longest = before
            .task
            .lease()
            .is_some_and(|l| l.expires_at == l.hold_until);
        let kept = self.kept.get(&(id, attempt)).filter(|_| !longest);
        if let Some(kept) = kept {
            let since = now - kept;
            ensure(since >= self.rules.lease.0, "a_lease_lasts", || {
                format!("attempt {attempt} of {id} was answered {since} ms before it ended")
            })?;
        }
        Ok(())
    }

    /// A task completes: its proof is stored, and it is one.
    fn settlement(
        &mut self,
        now: u64,
        request: &Request,
        before: Option<&Followed>,
        record: &TaskRecord,
        blobs: &MemoryBlobs,
    ) -> Result<Settled, Broken> {
        let task = &record.task;
        let id = task.id();
        let State::Completed {
            prover,
            attempt,
            price,
            ..
        } = &task.state
        else {
            return Err(Broken::new("at_most_one_settlement", id.to_string()));
        };
        let known = statement::of(&record.public_inputs).is_some();
        let fulfilled = matches!(request, Request::Reveal(..));
        let blob = if fulfilled {
            format!("proofs/{id}/by-{prover}")
        } else {
            format!("proofs/{id}/{attempt}")
        };
        let bytes = blobs.read(&blob);
        let proved = bytes.is_some_and(|bytes| statement::proves(&bytes, &record.public_inputs));
        ensure(
            known && proved,
            "no_payout_without_a_verified_proof",
            || format!("{id} is completed by {prover} in attempt {attempt}"),
        )?;
        if fulfilled {
            let revealed = *request == Request::Reveal(prover.clone(), id, true);
            let committed = before.and_then(|b| b.committed.get(prover));
            let waited = committed.is_some_and(|at| {
                let rules = &self.rules;
                now + rules.max_skew.0 >= at + rules.reveal_after.0
            });
            ensure(revealed && waited, "nobody_snipes_a_proof", || {
                format!("{id} by [{request}], committed at {committed:?}, now {now}")
            })?;
            self.tally.fulfilments += 1;
        }
        self.tally.settlements += 1;
        self.tally.late_settlements += u64::from(*attempt != task.attempt());
        Ok(Settled {
            prover: prover.clone(),
            price: price.0.cast_signed(),
        })
    }

    /// A prover's balance grows by a settlement and by nothing else.
    fn payments(&self, moved: &Moved, settled: Option<&Settled>) -> Checked {
        let expected = settled.map(|s| (format!("account#prover:{}", s.prover), s.price));
        let expected: Vec<_> = expected
            .into_iter()
            .filter(|(_, price)| *price > 0)
            .collect();
        let to_provers = moved.iter().filter_map(|((account, of), delta)| {
            let paid = of == "balance" && account.starts_with("account#prover:");
            paid.then(|| (account.clone(), *delta))
        });
        let paid: Vec<_> = to_provers.collect();
        ensure(
            paid == expected,
            "no_payout_without_a_verified_proof",
            || format!("paid {paid:?}, settled {expected:?}"),
        )
    }

    /// A stake shrinks only for an attempt that its prover lost in this very commit, and by no more
    /// than it would have earned.
    fn slashes(&mut self, moved: &Moved, ended: &[Ended], now: u64, request: &Request) -> Checked {
        for ((account, of), delta) in moved {
            if of != "stake" || *delta >= 0 {
                continue;
            }
            self.tally.slashes += 1;
            let of_account = |e: &&Ended| *account == format!("account#prover:{}", e.prover);
            let Some(end) = ended.iter().find(of_account) else {
                let what = format!("{account} lost {delta} by [{request}]");
                return Err(Broken::new("slashing_has_a_reason", what));
            };
            ensure(-delta <= end.price, "slashing_has_a_reason", || {
                format!("{account} lost {delta} over a price of {}", end.price)
            })?;
            if end.ran_out {
                self.blameless(end, now)?;
            }
            let lied = matches!(request, Request::Result(_, _, _, false));
            ensure(
                end.ran_out || !self.honest.contains(&end.prover) && lied,
                "an_honest_prover_is_not_slashed",
                || format!("{account} lost {delta} by [{request}]"),
            )?;
        }
        Ok(())
    }

    /// Nobody pays for an attempt during which the network was away.
    fn blameless(&self, end: &Ended, now: u64) -> Checked {
        let (id, prover) = (end.task, &end.prover);
        let away = |(from, until): &(u64, u64)| {
            *from >= end.given && *until <= now && until - from >= OUTAGE
        };
        ensure(
            !self.outages.iter().any(away),
            "nobody_pays_for_an_outage",
            || format!("{prover} was slashed for attempt {} of {id}", end.attempt),
        )
    }

    /// What was told stays true.
    pub(crate) fn at_rest(&self) -> Checked {
        for id in &self.accepted {
            ensure(
                self.tasks.contains_key(id),
                "what_was_accepted_is_there",
                || id.to_string(),
            )?;
        }
        for (id, told) in &self.told {
            let is = self.tasks.get(id).map(|f| f.task.status());
            ensure(is == Some(*told), "terminal_never_flips", || {
                format!("a client was told that {id} is {told}, it is {is:?}")
            })?;
        }
        Ok(())
    }
}

/// An outage this long, in milliseconds, is one that the network must notice: longer than its rule
/// says, by what the clocks of two sweepers may differ and by the pause between two of their visits.
const OUTAGE: u64 = 10_000 + 5_000 + 5_000;

struct Ended {
    /// When its lease was given.
    given: u64,
    task: TaskId,
    prover: ProverId,
    attempt: AttemptNo,
    ran_out: bool,
    price: i64,
}

struct Settled {
    prover: ProverId,
    price: i64,
}

/// A commitment that is not the one before was heard of by whoever commits now, on its own clock.
fn committed(before: Option<Followed>, task: &Task, skew: i64) -> BTreeMap<ProverId, u64> {
    let (old, known) = before.map_or_else(Default::default, |b| (b.task.fulfilments, b.committed));
    let with_commitment = |f: &prooflane_market::Fulfilment| {
        let commitment = f.commitment.as_ref()?;
        let was = old.iter().any(|o| o == f);
        let at = known.get(&f.prover).copied().filter(|_| was);
        let heard = at.unwrap_or(commitment.at.0.saturating_add_signed(-skew));
        Some((f.prover.clone(), heard))
    };
    task.fulfilments
        .iter()
        .filter_map(with_commitment)
        .collect()
}

fn held_for(task: &Task) -> i64 {
    task.escrow().0.cast_signed()
}
