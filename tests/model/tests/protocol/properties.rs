//! What must always hold, and what must be able to happen so that this says something.

use crate::protocol::{Index, Op, Protocol, State, Work, prover_id};
use crate::table::Account;
use prooflane_market::{
    Attempt, AttemptEnd, Book, Clearing, Effect, FailReason, Lease, State as TaskState, Status,
    Task, Timestamp, clear,
};
use stateright::Property;

pub(crate) const ONE_SETTLEMENT: &str = "a task is settled at most once, and then has ended";
pub(crate) const CONSERVATION: &str = "no credit appears or vanishes";
pub(crate) const NO_DEBT: &str = "nobody owes anything";
pub(crate) const VALID: &str = "no payout without a valid proof";
pub(crate) const WHOLE: &str = "a settlement moves the whole reward";
pub(crate) const TERMINAL: &str = "what has ended never changes";
pub(crate) const ATTEMPTS: &str = "attempts grow by one, and only when assigned";
pub(crate) const FENCED: &str = "a superseded attempt neither fails nor progresses a task";
pub(crate) const EPOCH: &str = "only the newest epoch clears";
pub(crate) const WAKE_UP: &str = "wake-ups alone bring every open task to its end";
pub(crate) const ACTIVE: &str = "provers hold what the tasks say that they hold";
pub(crate) const KEPT_ALIVE: &str = "no lease ends that is kept alive";
pub(crate) const SLASHED: &str = "slashed are invalid proofs and abandoned attempts, nothing else";
pub(crate) const REVEALED: &str = "what is revealed was committed to before";

/// A name, and what must hold, or be able to.
pub(crate) type Example = (&'static str, fn(&Protocol, &State) -> bool);

/// Properties of a step: they are noticed when it is made.
const OF_STEPS: [Example; 9] = [
    (VALID, |_, state| !state.monitor.broken.contains(VALID)),
    (WHOLE, |_, state| !state.monitor.broken.contains(WHOLE)),
    (TERMINAL, |_, state| {
        !state.monitor.broken.contains(TERMINAL)
    }),
    (ATTEMPTS, |_, state| {
        !state.monitor.broken.contains(ATTEMPTS)
    }),
    (FENCED, |_, state| !state.monitor.broken.contains(FENCED)),
    (EPOCH, |_, state| !state.monitor.broken.contains(EPOCH)),
    (KEPT_ALIVE, |_, state| {
        !state.monitor.broken.contains(KEPT_ALIVE)
    }),
    (SLASHED, |_, state| !state.monitor.broken.contains(SLASHED)),
    (REVEALED, |_, state| {
        !state.monitor.broken.contains(REVEALED)
    }),
];

pub(crate) fn all() -> Vec<Property<Protocol>> {
    let mut all = vec![
        Property::always(ONE_SETTLEMENT, one_settlement),
        Property::always(CONSERVATION, conservation),
        Property::always(NO_DEBT, |_, state: &State| {
            let mut accounts = state.table.accounts.iter();
            accounts.all(|(account, held)| *account == Account::Mint || *held >= 0)
        }),
        Property::always(ACTIVE, active),
        Property::always(WAKE_UP, wake_ups_suffice),
    ];
    let of_steps = OF_STEPS.into_iter();
    all.extend(of_steps.map(|(name, holds)| Property::always(name, holds)));
    all
}

fn tasks(state: &State) -> impl Iterator<Item = (Index, &Task)> {
    let tasks = state.table.tasks.iter().enumerate();
    tasks.filter_map(|(index, item)| Some((index, &*item.as_ref()?.value)))
}

fn one_settlement(_: &Protocol, state: &State) -> bool {
    tasks(state).all(|(index, task)| {
        let ended = task.status().is_terminal();
        state.monitor.settlements[index] == u8::from(ended)
    })
}

fn conservation(_: &Protocol, state: &State) -> bool {
    let held: i64 = state.table.accounts.values().sum();
    let escrow: i64 = tasks(state)
        .map(|(_, task)| task.escrow().0.cast_signed())
        .sum();
    held + escrow == 0
}

fn active(_: &Protocol, state: &State) -> bool {
    let provers = state.table.provers.iter();
    provers.enumerate().all(|(index, item)| {
        let id = prover_id(index);
        let leased = tasks(state).filter_map(|(_, task)| {
            let lease = task.lease().filter(|lease| lease.prover == id)?;
            Some((task.id(), lease.attempt))
        });
        let active = item.value.active.iter();
        leased.eq(active.map(|(task, active)| (*task, active.attempt)))
    })
}

/// No message arrives any more, no prover does anything: only the sweeper and an auctioneer look at
/// each open task when its wake-up is due.
fn wake_ups_suffice(model: &Protocol, state: &State) -> bool {
    let rules = &model.rules;
    tasks(state).all(|(_, task)| {
        let mut task = task.clone();
        let provers = state.table.provers.iter();
        let mut book: Book = provers.map(|item| (*item.value).clone()).collect();
        let mut now = Timestamp(state.now);
        // Each attempt takes a lease that may be given anew once, and some auctions.
        for _ in 0..16 * (model.attempts + 1) {
            if task.status().is_terminal() {
                break;
            }
            let Some(due) = task.wake_at(rules) else {
                return false;
            };
            now = now.max(due);
            let mut effects = task.tick(now, Timestamp(state.up_since), rules);
            if effects.is_none() && task.status() == Status::Pending {
                effects = match clear(&task, &book, now, rules) {
                    Clearing::Match { winner, .. } => task.assign(&winner, 1, now, rules).ok(),
                    Clearing::NoMatch(no_match) => {
                        let noted = task.unmatched(no_match, now, rules);
                        noted.is_ok().then(Vec::new)
                    }
                };
            }
            for effect in effects.into_iter().flatten() {
                if let Effect::Release { prover, attempt } = effect
                    && let Some(mut prover) = book.prover(&prover).cloned()
                {
                    prover.release(task.id(), attempt);
                    book.update(prover);
                }
            }
        }
        // One that nobody can take waits for good, unless it has a deadline.
        task.status().is_terminal() || task.spec.deadline.is_none() && task.wake_at(rules).is_some()
    })
}

impl Protocol {
    /// Notices what a step breaks, before it is made.
    pub(crate) fn watch(&self, state: &mut State, op: &Op) {
        let Some((index, _, new)) = &op.commit.task else {
            return;
        };
        let old = state.table.task(*index).map(|item| item.value.clone());
        let old = old.as_deref();
        let open = old.is_none_or(|old| !old.status().is_terminal());
        let lease = old.and_then(Task::lease);
        let mut holds = |property, holds: bool| {
            if !holds {
                state.monitor.broken.insert(property);
            }
        };
        holds(TERMINAL, open || old == Some(new));
        let (before, after) = (old.map_or(0, Task::attempt), new.attempt());
        let assigns = matches!(op.work, Work::Clear { .. }) && new.status() == Status::Assigned;
        let numbered = new.attempts.iter().zip(1..).all(|(a, n)| a.number == n);
        holds(ATTEMPTS, numbered && after == before + u32::from(assigns));

        if let Work::Beat(prover, attempt)
        | Work::Failure(prover, attempt)
        | Work::Result {
            prover,
            attempt,
            valid: false,
        } = op.work
        {
            let current =
                |lease: &Lease| lease.attempt == attempt && lease.prover == prover_id(prover);
            holds(FENCED, lease.is_some_and(current));
        }
        if let Work::Clear { epoch_version } = op.work {
            let newest = state
                .table
                .leadership
                .as_ref()
                .map_or(0, |item| item.version);
            holds(EPOCH, epoch_version == newest);
        }

        let mut moved = 0;
        for effect in op.effects.iter() {
            match effect {
                Effect::Pay { prover, amount } => {
                    moved += amount.0;
                    let valid = match op.work {
                        Work::Result {
                            prover: by,
                            valid: true,
                            attempt,
                        } => {
                            let theirs = |a: &Attempt| a.number == attempt && a.prover == *prover;
                            prover_id(by) == *prover && new.attempts.iter().any(theirs)
                        }
                        Work::Reveal {
                            prover: by,
                            valid: true,
                        } => prover_id(by) == *prover,
                        _ => false,
                    };
                    holds(VALID, valid);
                }
                Effect::Refund { amount } => moved += amount.0,
                Effect::Slash { prover, .. } => {
                    let theirs = lease.is_some_and(|lease| lease.prover == *prover);
                    let deserved = match op.work {
                        Work::Result { valid, .. } => !valid,
                        Work::Tick { .. } => {
                            let claimed = old.is_some_and(|t| t.status() == Status::InProgress);
                            // The network was not away while the lease ran.
                            let back = Timestamp(state.up_since);
                            let away = |lease: &Lease| lease.renewed_at < back && back <= op.now;
                            claimed && lease.is_some_and(|lease| !away(lease))
                        }
                        _ => false,
                    };
                    holds(SLASHED, theirs && deserved);
                }
                _ => {}
            }
        }
        let settles = open && new.status().is_terminal();
        holds(
            WHOLE,
            moved == if settles { new.spec.reward_amount.0 } else { 0 },
        );

        if let (Work::Tick { .. }, Some(lease)) = (op.work, lease)
            && new.lease().is_none()
        {
            // By a clock that answers provers: it told the prover until when.
            holds(KEPT_ALIVE, lease.expires_at.0 <= state.now);
        }
        if let Work::Reveal { prover, .. } = op.work {
            let fulfilments = old.map_or(&[][..], |old| &old.fulfilments);
            let committed = fulfilments.iter().any(|fulfilment| {
                let commitment = fulfilment.commitment.as_ref();
                let long_ago = |at: Timestamp| at + self.rules.reveal_after <= op.now;
                fulfilment.prover == prover_id(prover) && commitment.is_some_and(|c| long_ago(c.at))
            });
            holds(REVEALED, committed);
        }
        let settlements = &mut state.monitor.settlements[*index];
        // Twice is often enough to be wrong.
        *settlements = (*settlements + u8::from(settles)).min(2);
    }
}

/// What must be able to happen.
pub(crate) mod sometimes {
    use super::*;

    fn ended(state: &State, how: impl Fn(&Task) -> bool) -> bool {
        tasks(state).any(|(_, task)| how(task))
    }

    pub(crate) const SECOND: Example = ("completed in the second attempt", |_, state| {
        ended(state, |task| {
            matches!(task.state, TaskState::Completed { attempt: 2, .. })
        })
    });
    pub(crate) const LATE: Example = (
        "completed by a superseded attempt while another ran",
        |_, state| {
            ended(state, |task| {
                let overtaken = task.attempts.last().map(|a| &a.end);
                matches!(task.state, TaskState::Completed { attempt: 1, .. })
                    && overtaken == Some(&Some(AttemptEnd::Overtaken))
            })
        },
    );
    pub(crate) const EXHAUSTED: Example = ("failed after all attempts", |_, state| {
        ended(state, |task| {
            let TaskState::Failed {
                reason: FailReason::AttemptsExhausted { attempts },
            } = task.state
            else {
                return false;
            };
            attempts == task.spec.max_attempts
        })
    });
    pub(crate) const CANCELLED: Example = ("cancelled after an attempt", |_, state| {
        ended(state, |task| {
            task.status() == Status::Cancelled && task.attempt() > 0
        })
    });
    pub(crate) const EXPIRED: Example = ("expired", |_, state| {
        ended(state, |task| task.status() == Status::Expired)
    });
    pub(crate) const SLASHED_STAKE: Example = ("a stake was slashed", |_, state| {
        state.table.held(Account::Slashed) > 0
    });
    pub(crate) const GIVEN_ANEW: Example =
        ("a lease was given anew after an outage", |_, state| {
            ended(state, |task| {
                task.lease().is_some_and(|lease| lease.given_anew)
            })
        });
    pub(crate) const TAKEN_OVER: Example = ("an auctioneer took over from another", |_, state| {
        let leadership = state.table.leadership.as_ref();
        leadership.is_some_and(|item| item.value.epoch > 1)
    });
    pub(crate) const DEPOSED: Example = ("a deposed auctioneer is about to clear", |_, state| {
        let mut auctioneers = state.auctioneers.iter();
        auctioneers.any(|auctioneer| {
            let clearing = auctioneer.clearing.as_ref();
            clearing.is_some_and(|op| op.commit.epoch != Some(state.table.epoch_version()))
        })
    });
    pub(crate) const STALE: Example = ("a stale decision is about to be committed", |_, state| {
        let mut handlers = state.handlers.iter();
        handlers.any(|op| !op.unknown && !state.table.expects(&op.commit))
    });
    pub(crate) const LANDED: Example = ("a commit landed and timed out", |_, state| {
        let mut handlers = state.handlers.iter();
        handlers.any(|op| op.unknown && state.table.landed(&op.commit))
    });
    pub(crate) const FULFILLED: Example =
        ("fulfilled by a prover without the lease", |_, state| {
            let fulfilled = |task: &Task| {
                matches!(
                    task.state,
                    TaskState::Completed {
                        fulfilled: true,
                        ..
                    }
                )
            };
            ended(state, fulfilled)
        });
    pub(crate) const BOTH: Example = ("two tasks were completed", |_, state| {
        tasks(state)
            .filter(|(_, task)| task.status() == Status::Completed)
            .count()
            == 2
    });
}
