//! The life of a task.
//!
//! ```text
//! pending -> assigned -> in_progress -> completed | failed
//! assigned | in_progress -> pending      the lease ran out, or the attempt failed
//! pending -> cancelled                   asked for by the requester
//! pending -> expired                     the deadline passed
//! ```
//!
//! An attempt is its prover's alone until [`Task::open_from`]. From then on any eligible prover may
//! *fulfil* the task: it joins, commits to its proof by a digest, and reveals it a moment later, so
//! that nobody who sees the proof on its way can be paid for it.
//!
//! Every transition is a method that either changes the task and says what else must change with it
//! ([`Effect`]), or refuses ([`Refusal`]) and changes nothing. Terminal states never change.

use crate::{
    AskId, AttemptNo, Credits, Fault, Millis, NoMatch, Obstacle, Outcome, PrivacyLevel, ProverId,
    Ratio, Rules, TaskId, Timestamp, Winner, quality, slash, time_efficiency,
};
use serde::{Deserialize, Serialize};

mod fulfilment;

pub use fulfilment::{Commitment, Fulfilment};

/// What a requester asks for. Inputs and public inputs are not the market's business.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NewTask {
    /// Names the task.
    pub task_id: TaskId,
    /// The circuit, `name@version`.
    pub circuit: String,
    /// How private the inputs are.
    pub privacy_level: PrivacyLevel,
    /// The most that a proof may cost; held in escrow until the task ends.
    pub reward_amount: Credits,
    /// 0 to 100; higher ones are auctioned first.
    pub priority: u8,
    /// The account that pays.
    pub requester: String,
    /// When a task that is still open ends unproved; none for never.
    pub deadline: Option<Timestamp>,
    /// The least reputation a prover needs.
    pub min_reputation: Ratio,
    /// How often it may be attempted.
    pub max_attempts: u32,
    /// Provers the requester allows for privacy level 2.
    pub allowed_provers: Vec<ProverId>,
}

/// Why a task cannot be submitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// Out of range.
    #[error("{field}: expected {expected}, got {got}")]
    OutOfRange {
        /// The field's name as in the request.
        field: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What was given.
        got: String,
    },
}

impl NewTask {
    /// Checks every field against its range.
    ///
    /// # Errors
    /// [`TaskError::OutOfRange`] naming the first field that does not fit.
    pub fn check(&self, now: Timestamp) -> Result<(), TaskError> {
        let bad = |field, expected, got: String| {
            Err(TaskError::OutOfRange {
                field,
                expected,
                got,
            })
        };
        if self.priority > 100 {
            return bad("priority", "0 to 100", self.priority.to_string());
        }
        if self.reward_amount > Credits::MAX {
            return bad(
                "reward_amount",
                "at most 2^53",
                self.reward_amount.to_string(),
            );
        }
        if !(1..=100).contains(&self.max_attempts) {
            return bad("max_attempts", "1 to 100", self.max_attempts.to_string());
        }
        if !is_requester(&self.requester) {
            return bad(
                "requester",
                "1 to 128 characters without '#'",
                self.requester.clone(),
            );
        }
        if self.allowed_provers.len() > 64 {
            let got = format!("{} provers", self.allowed_provers.len());
            return bad("allowed_provers", "at most 64", got);
        }
        if let Some(deadline) = self.deadline
            && deadline <= now
        {
            return bad("deadline", "a time in the future", deadline.0.to_string());
        }
        Ok(())
    }
}

/// 1 to 128 characters without '#', which separates the parts of a key.
pub(crate) fn is_requester(name: &str) -> bool {
    (1..=128).contains(&name.len()) && !name.chars().any(|c| c.is_control() || c == '#')
}

/// A prover's right to one attempt, for a while.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Lease {
    /// Whose.
    pub prover: ProverId,
    /// The fencing token.
    pub attempt: AttemptNo,
    /// When it was given, or last extended.
    pub renewed_at: Timestamp,
    /// When it runs out unless a heartbeat extends it. Since clocks differ, it counts as run out
    /// only [`Rules::max_skew`] later.
    pub expires_at: Timestamp,
    /// No heartbeat extends it beyond.
    pub hold_until: Timestamp,
    /// Until when the prover may take to start; none once it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_by: Option<Timestamp>,
    /// Whether it ran out while the network was away and was given anew, with no sign of life of
    /// its prover since.
    pub given_anew: bool,
}

/// Where a task is, with what that state needs to be acted on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum State {
    /// Waiting for an auction that finds a prover.
    Pending {
        /// When the next auction is due.
        next_auction_at: Timestamp,
        /// Why the last auction found nobody.
        no_match: Option<NoMatch>,
    },
    /// Won by a prover that has not started yet.
    Assigned {
        /// Its lease.
        lease: Lease,
    },
    /// Being proved.
    InProgress {
        /// The prover's lease.
        lease: Lease,
    },
    /// Proved, verified and paid.
    Completed {
        /// By whom.
        prover: ProverId,
        /// In which attempt; the newest where its prover fulfilled the task without one.
        attempt: AttemptNo,
        /// What was paid.
        price: Credits,
        /// See [`quality`].
        quality: Ratio,
        /// Whether it came by commitment and reveal, and not as the attempt's result.
        #[serde(default)]
        fulfilled: bool,
    },
    /// Given up; the escrow went back.
    Failed {
        /// Why.
        reason: FailReason,
    },
    /// Withdrawn by the requester; the escrow went back.
    Cancelled,
    /// The deadline passed; the escrow went back.
    Expired,
}

/// Why a task failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailReason {
    /// Every attempt that was allowed went wrong.
    AttemptsExhausted {
        /// How many that were.
        attempts: u32,
    },
    /// The network changed the circuit's key since the task came in.
    KeyReplaced,
}

/// The name of a [`State`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Status {
    Pending,
    Assigned,
    InProgress,
    Completed,
    Failed,
    Cancelled,
    Expired,
}

impl Status {
    /// Whether it never changes again.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        !matches!(self, Self::Pending | Self::Assigned | Self::InProgress)
    }

    /// As it stands in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Assigned => "assigned",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }
}

impl core::fmt::Display for Status {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One try of one prover at a task.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Attempt {
    /// 1 for the first.
    pub number: AttemptNo,
    /// Who tries.
    pub prover: ProverId,
    /// Under which ask.
    pub ask_id: AskId,
    /// What it will be paid.
    pub price: Credits,
    /// The time it promised.
    pub promised: Millis,
    /// When it won.
    pub assigned_at: Timestamp,
    /// When it started.
    pub claimed_at: Option<Timestamp>,
    /// How it ended; none while it lasts.
    pub end: Option<AttemptEnd>,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptEnd {
    /// In a valid proof.
    Proved,
    /// The prover said that it failed.
    Failed,
    /// It was claimed, and its lease ran out.
    Abandoned,
    /// Its lease ran out before it was claimed.
    Unclaimed,
    /// Its proof does not verify.
    Invalid,
    /// A valid proof of another's came first.
    Overtaken,
    /// Its lease ran out while the network was away, again and again.
    Outage,
    /// The network changed the circuit's key.
    KeyReplaced,
}

/// Something that happened to a task.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Event {
    /// 1 for the first; consecutive.
    pub seq: u32,
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// The task came in and its reward went into escrow.
    Submitted,
    /// An auction found nobody.
    Unmatched {
        /// Why.
        no_match: NoMatch,
    },
    /// An auction found a prover.
    Assigned {
        /// The winner.
        prover: ProverId,
        /// The fencing token.
        attempt: AttemptNo,
        /// What it will be paid.
        price: Credits,
        /// How many provers bid.
        bids: u32,
    },
    /// The prover started.
    Claimed {
        /// Who.
        prover: ProverId,
        /// Which attempt.
        attempt: AttemptNo,
    },
    /// An attempt ended without a valid proof.
    AttemptEnded {
        /// Whose.
        prover: ProverId,
        /// Which.
        attempt: AttemptNo,
        /// How.
        end: AttemptEnd,
        /// What the prover said of it.
        message: Option<String>,
    },
    /// A prover without an assignment is at work on it.
    Joined {
        /// Who.
        prover: ProverId,
    },
    /// It has committed to a proof.
    Committed {
        /// Who.
        prover: ProverId,
    },
    /// What it revealed does not verify.
    Voided {
        /// Who.
        prover: ProverId,
    },
    /// The network was away while a lease ran out: the prover has it anew.
    LeaseGivenAnew {
        /// Whose.
        prover: ProverId,
        /// Which attempt.
        attempt: AttemptNo,
    },
    /// The requester asked for cancellation while an attempt was running.
    CancelRequested,
    /// A proof verified and was paid.
    Completed {
        /// Whose.
        prover: ProverId,
        /// Of which attempt; of the newest where its prover fulfilled the task without one.
        attempt: AttemptNo,
        /// What was paid.
        price: Credits,
        /// Time from assignment to result.
        taken: Millis,
        /// See [`quality`].
        quality: Ratio,
    },
    /// Given up.
    Failed {
        /// Why.
        reason: FailReason,
    },
    /// Withdrawn.
    Cancelled,
    /// Too late.
    Expired,
}

/// What must change together with the task, in the same commit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// From the task's escrow to a prover.
    Pay {
        /// Who is paid.
        prover: ProverId,
        /// How much.
        amount: Credits,
    },
    /// From the task's escrow back to the requester.
    Refund {
        /// How much.
        amount: Credits,
    },
    /// From a prover's stake to the network, as much as there is up to this.
    Slash {
        /// Whose stake.
        prover: ProverId,
        /// At most how much.
        at_most: Credits,
    },
    /// The prover takes the task on.
    Take {
        /// Who.
        prover: ProverId,
        /// Under which ask.
        ask_id: AskId,
        /// Which attempt.
        attempt: AttemptNo,
    },
    /// The prover no longer holds the task.
    Release {
        /// Who.
        prover: ProverId,
        /// Which attempt.
        attempt: AttemptNo,
    },
    /// An outcome for a prover's record.
    Note {
        /// Whose.
        prover: ProverId,
        /// What.
        outcome: Outcome,
    },
}

/// Why a transition does not apply. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The task has ended.
    #[error("the task has already ended as {status}; nothing more can change it")]
    Ended {
        /// How it ended.
        status: Status,
    },
    /// The attempt is not the running one.
    #[error("attempt {got} is over, the newest is {current}; drop it")]
    Superseded {
        /// The newest attempt.
        current: AttemptNo,
        /// The attempt named.
        got: AttemptNo,
    },
    /// The attempt belongs to another prover, or never was.
    #[error("attempt {attempt} of this task was not assigned to prover {prover}")]
    NotAssigned {
        /// Who asked.
        prover: ProverId,
        /// Which attempt it named.
        attempt: AttemptNo,
    },
    /// The assigned prover has it for itself.
    #[error("the task is its assigned prover's alone{}", until(.open_from.as_ref()))]
    Exclusive {
        /// Until when; none while nobody has been assigned yet.
        open_from: Option<Timestamp>,
    },
    /// The prover may not see this task's inputs, or not now.
    #[error("prover {prover} cannot fulfil this task: {obstacle:?}")]
    NotEligible {
        /// Who asked.
        prover: ProverId,
        /// What keeps it.
        obstacle: Obstacle,
    },
    /// Enough provers are at work on it.
    #[error("expected fewer than {most} provers at work on this task, got {most}; try again later")]
    Crowded {
        /// How many may be.
        most: u32,
    },
    /// The prover has not joined, or its place has lapsed.
    #[error("prover {prover} has not joined this task, or its place has lapsed; join first")]
    NotJoined {
        /// Who asked.
        prover: ProverId,
    },
    /// What is revealed is not what was committed to.
    #[error("prover {prover} has not committed to this proof and salt")]
    NotCommitted {
        /// Who asked.
        prover: ProverId,
    },
    /// A proof must have been committed to for a while.
    #[error("the commitment is too young: reveal it at {from} or later", from = .from.0)]
    TooEarly {
        /// From when.
        from: Timestamp,
    },
    /// Only a pending task can do this.
    #[error("expected a pending task, got one that is {status}")]
    NotPending {
        /// What it is.
        status: Status,
    },
}

fn until(open_from: Option<&Timestamp>) -> String {
    open_from.map_or_else(String::new, |at| format!(" until {}", at.0))
}

/// A verified proof, to be paid.
struct Settlement {
    prover: ProverId,
    attempt: AttemptNo,
    price: Credits,
    promised: Millis,
    /// When its prover started.
    since: Timestamp,
    fulfilled: bool,
    /// Whether it counts for its prover's record.
    earns: bool,
}

/// A task: what was asked, where it is, and what happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Task {
    /// What was asked.
    #[serde(flatten)]
    pub spec: NewTask,
    /// When it came in.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Where it is.
    pub state: State,
    /// Auctions held since the last assignment that found nobody.
    pub rounds: u32,
    /// Whether it is to be cancelled once the running attempt ends without a proof.
    pub cancel_requested: bool,
    /// From when any eligible prover may fulfil it; none before its first assignment.
    #[serde(default)]
    pub open_from: Option<Timestamp>,
    /// Provers without an assignment that are at work on it, at most [`Rules::most_fulfilments`].
    #[serde(default)]
    pub fulfilments: Vec<Fulfilment>,
    /// Every attempt, oldest first; attempt `n` is at `n - 1`.
    pub attempts: Vec<Attempt>,
    /// Everything that happened, oldest first. Bounded: repeated auctions that fail for the same
    /// reason are one event, and see [`Task::EVENT_LIMIT`].
    pub events: Vec<Event>,
}

impl Task {
    /// What a prover says of a failure is kept up to this many characters.
    pub const MESSAGE_LIMIT: usize = 300;
    /// With this many events, further auctions that find nobody are no events any more: a task must
    /// fit its record however long it waits. The state tells the newest reason all the same.
    pub const EVENT_LIMIT: usize = 256;

    /// A new task, due for its first auction at once.
    ///
    /// # Errors
    /// As [`NewTask::check`].
    pub fn submit(spec: NewTask, now: Timestamp) -> Result<Self, TaskError> {
        spec.check(now)?;
        let mut task = Self {
            spec,
            created_at: now,
            updated_at: now,
            state: State::Pending {
                next_auction_at: now,
                no_match: None,
            },
            rounds: 0,
            cancel_requested: false,
            open_from: None,
            fulfilments: Vec::new(),
            attempts: Vec::new(),
            events: Vec::new(),
        };
        task.record(now, EventKind::Submitted);
        Ok(task)
    }

    /// Names it.
    #[must_use]
    pub fn id(&self) -> TaskId {
        self.spec.task_id
    }

    /// The name of its state.
    #[must_use]
    pub fn status(&self) -> Status {
        match self.state {
            State::Pending { .. } => Status::Pending,
            State::Assigned { .. } => Status::Assigned,
            State::InProgress { .. } => Status::InProgress,
            State::Completed { .. } => Status::Completed,
            State::Failed { .. } => Status::Failed,
            State::Cancelled => Status::Cancelled,
            State::Expired => Status::Expired,
        }
    }

    /// The lease on it, if a prover holds one.
    #[must_use]
    pub fn lease(&self) -> Option<&Lease> {
        match &self.state {
            State::Assigned { lease } | State::InProgress { lease } => Some(lease),
            _ => None,
        }
    }

    /// The newest attempt's number, 0 before the first: the fencing token.
    #[must_use]
    pub fn attempt(&self) -> AttemptNo {
        self.attempts.last().map_or(0, |a| a.number)
    }

    /// The moment at which the sweeper must look at it; none once it has ended.
    #[must_use]
    pub fn wake_at(&self, rules: &Rules) -> Option<Timestamp> {
        match &self.state {
            State::Pending {
                next_auction_at, ..
            } => Some(
                self.spec
                    .deadline
                    .map_or(*next_auction_at, |d| d.min(*next_auction_at)),
            ),
            State::Assigned { lease } | State::InProgress { lease } => {
                Some(lease.runs_out_at(rules))
            }
            _ => None,
        }
    }

    /// Credits held for it: the whole reward until it ends, then none.
    #[must_use]
    pub fn escrow(&self) -> Credits {
        if self.status().is_terminal() {
            Credits(0)
        } else {
            self.spec.reward_amount
        }
    }

    /// An auction found nobody: waits for the next one.
    ///
    /// # Errors
    /// [`Refusal`] unless it is pending.
    pub fn unmatched(
        &mut self,
        no_match: NoMatch,
        now: Timestamp,
        rules: &Rules,
    ) -> Result<(), Refusal> {
        let known = match &self.state {
            State::Pending { no_match, .. } => no_match.clone(),
            _ => return Err(self.not_pending()),
        };
        self.rounds += 1;
        self.state = State::Pending {
            next_auction_at: now + rules.pause(self.rounds),
            no_match: Some(no_match.clone()),
        };
        if known.as_ref() != Some(&no_match) {
            self.mention(now, EventKind::Unmatched { no_match });
        }
        Ok(())
    }

    /// An auction found a prover.
    ///
    /// # Errors
    /// [`Refusal`] unless it is pending.
    pub fn assign(
        &mut self,
        winner: &Winner,
        bids: u32,
        now: Timestamp,
        rules: &Rules,
    ) -> Result<Vec<Effect>, Refusal> {
        if !matches!(self.state, State::Pending { .. }) {
            return Err(self.not_pending());
        }
        let number = self.attempt() + 1;
        let prover = winner.prover.clone();
        self.attempts.push(Attempt {
            number,
            prover: prover.clone(),
            ask_id: winner.ask_id,
            price: winner.price,
            promised: winner.promised,
            assigned_at: now,
            claimed_at: None,
            end: None,
        });
        self.rounds = 0;
        let twice = Millis(winner.promised.0.saturating_mul(2));
        self.open_from = Some(now + twice.max(rules.lease));
        self.state = State::Assigned {
            lease: Lease {
                prover: prover.clone(),
                attempt: number,
                renewed_at: now,
                expires_at: now + rules.lease,
                hold_until: now + rules.longest_attempt,
                start_by: None,
                given_anew: false,
            },
        };
        self.record(
            now,
            EventKind::Assigned {
                prover: prover.clone(),
                attempt: number,
                price: winner.price,
                bids,
            },
        );
        Ok(vec![Effect::Take {
            prover,
            ask_id: winner.ask_id,
            attempt: number,
        }])
    }

    /// The prover is the operator's own fleet, whose machines may have to be started first: it has
    /// [`Rules::fleet_start`] to claim what it was just assigned, and others may not join before.
    pub fn wait_for_fleet(&mut self, rules: &Rules) {
        if let State::Assigned { lease } = &mut self.state
            && rules.fleet_start > rules.lease
        {
            lease.start_by = Some(lease.renewed_at + rules.fleet_start);
            lease.hold_until = lease.hold_until + rules.fleet_start;
            self.open_from = self.open_from.map(|from| from + rules.fleet_start);
        }
    }

    /// The prover starts; or takes up again what it had started, after a restart of its own.
    ///
    /// # Errors
    /// [`Refusal`] if the attempt is not running or not this prover's.
    pub fn claim(
        &mut self,
        prover: &ProverId,
        attempt: AttemptNo,
        now: Timestamp,
        rules: &Rules,
    ) -> Result<(), Refusal> {
        let mut lease = self.running(prover, attempt)?.clone();
        lease.extend(now, rules);
        lease.start_by = None;
        if matches!(self.state, State::Assigned { .. }) {
            if let Some(newest) = self.attempts.last_mut() {
                newest.claimed_at = Some(now);
            }
            self.record(
                now,
                EventKind::Claimed {
                    prover: prover.clone(),
                    attempt,
                },
            );
        }
        self.updated_at = now;
        self.state = State::InProgress { lease };
        Ok(())
    }

    /// The prover is alive and at it: the lease is extended.
    ///
    /// # Errors
    /// [`Refusal`] if the attempt is not running or not this prover's: it should stop.
    pub fn heartbeat(
        &mut self,
        prover: &ProverId,
        attempt: AttemptNo,
        now: Timestamp,
        rules: &Rules,
    ) -> Result<(), Refusal> {
        self.running(prover, attempt)?;
        if let State::Assigned { lease } | State::InProgress { lease } = &mut self.state {
            lease.extend(now, rules);
        }
        Ok(())
    }

    /// The prover gives the running attempt up.
    ///
    /// # Errors
    /// [`Refusal`] if the attempt is not running or not this prover's.
    pub fn fail(
        &mut self,
        prover: &ProverId,
        attempt: AttemptNo,
        message: &str,
        now: Timestamp,
        rules: &Rules,
    ) -> Result<Vec<Effect>, Refusal> {
        self.running(prover, attempt)?;
        let message = message.chars().take(Self::MESSAGE_LIMIT).collect();
        Ok(self.lost(Fault::Reported, Some(message), now, rules))
    }

    /// The running attempt's proof does not verify.
    ///
    /// # Errors
    /// [`Refusal`] if the attempt is not running or not this prover's: a superseded attempt can do
    /// no harm any more.
    pub fn reject(
        &mut self,
        prover: &ProverId,
        attempt: AttemptNo,
        now: Timestamp,
        rules: &Rules,
    ) -> Result<Vec<Effect>, Refusal> {
        self.running(prover, attempt)?;
        Ok(self.lost(Fault::InvalidProof, None, now, rules))
    }

    /// The network changed the circuit's key: no proof can be right any more, through nobody's fault
    /// but the network's.
    ///
    /// # Errors
    /// [`Refusal`] if it has ended.
    pub fn key_replaced(&mut self, now: Timestamp) -> Result<Vec<Effect>, Refusal> {
        let status = self.status();
        if status.is_terminal() {
            return Err(Refusal::Ended { status });
        }
        let mut effects = self.end_attempt(Fault::KeyReplaced, None, now);
        let reason = FailReason::KeyReplaced;
        let state = State::Failed {
            reason: reason.clone(),
        };
        effects.extend(self.end(state, EventKind::Failed { reason }, now));
        Ok(effects)
    }

    /// Whether a valid proof of this attempt would complete the task: worth asking before verifying.
    ///
    /// # Errors
    /// As [`Task::complete`].
    pub fn may_complete(&self, prover: &ProverId, attempt: AttemptNo) -> Result<(), Refusal> {
        self.open_attempt(prover, attempt).map(|_| ())
    }

    /// A proof of this attempt verified. Any attempt that was ever assigned may complete an open
    /// task: the requester wants a proof, and this is one.
    ///
    /// # Errors
    /// [`Refusal`] if the task has ended or the attempt is not this prover's.
    pub fn complete(
        &mut self,
        prover: &ProverId,
        attempt: AttemptNo,
        now: Timestamp,
    ) -> Result<Vec<Effect>, Refusal> {
        let index = self.open_attempt(prover, attempt)?;
        let mut effects = self.overtake(Some(attempt));
        let winning = &mut self.attempts[index];
        // An attempt that was given up has its mark already; a late proof pays, but earns none.
        let in_time = winning.end.is_none();
        winning.end = Some(AttemptEnd::Proved);
        let proof = Settlement {
            prover: prover.clone(),
            attempt,
            price: winning.price,
            promised: winning.promised,
            since: winning.assigned_at,
            fulfilled: false,
            earns: in_time,
        };
        effects.extend(self.settle(proof, now));
        Ok(effects)
    }

    /// Whoever holds a running attempt is let go; without a mark, unless it is the `winning` one.
    fn overtake(&mut self, winning: Option<AttemptNo>) -> Vec<Effect> {
        let Some(lease) = self.lease().cloned() else {
            return Vec::new();
        };
        if Some(lease.attempt) != winning
            && let Some(running) = self.attempts.last_mut()
        {
            running.end = Some(AttemptEnd::Overtaken);
        }
        vec![Effect::Release {
            prover: lease.prover,
            attempt: lease.attempt,
        }]
    }

    /// Pays a verified proof and ends the task.
    fn settle(&mut self, proof: Settlement, now: Timestamp) -> Vec<Effect> {
        let Settlement {
            prover,
            attempt,
            price,
            promised,
            since,
            fulfilled,
            earns,
        } = proof;
        let taken = now.since(since);
        let quality = quality(promised, taken);
        let efficiency = time_efficiency(promised, taken);
        let mut effects = Vec::new();
        if earns {
            effects.push(Effect::Note {
                prover: prover.clone(),
                outcome: Outcome::Proved {
                    quality,
                    efficiency,
                },
            });
        }
        effects.push(Effect::Pay {
            prover: prover.clone(),
            amount: price,
        });
        let refund = self.spec.reward_amount.saturating_sub(price);
        if refund > Credits(0) {
            effects.push(Effect::Refund { amount: refund });
        }
        self.state = State::Completed {
            prover: prover.clone(),
            attempt,
            price,
            quality,
            fulfilled,
        };
        self.record(
            now,
            EventKind::Completed {
                prover,
                attempt,
                price,
                taken,
                quality,
            },
        );
        effects
    }

    /// The requester no longer wants it. A running attempt may still complete it; if it does not,
    /// the task ends as cancelled.
    ///
    /// # Errors
    /// [`Refusal`] if it has ended.
    pub fn cancel(&mut self, now: Timestamp) -> Result<Vec<Effect>, Refusal> {
        match self.state {
            State::Pending { .. } => Ok(self.end(State::Cancelled, EventKind::Cancelled, now)),
            State::Assigned { .. } | State::InProgress { .. } => {
                if !self.cancel_requested {
                    self.cancel_requested = true;
                    self.record(now, EventKind::CancelRequested);
                }
                Ok(Vec::new())
            }
            _ => Err(Refusal::Ended {
                status: self.status(),
            }),
        }
    }

    /// What time alone does: an expired lease, a passed deadline. Returns whether anything changed
    /// and what goes with it.
    ///
    /// `up_since` is when the network was last back from an outage. A lease that ran while the
    /// network was away is given anew; if that happens again without a sign of life in between, the
    /// attempt ends without a mark.
    pub fn tick(
        &mut self,
        now: Timestamp,
        up_since: Timestamp,
        rules: &Rules,
    ) -> Option<Vec<Effect>> {
        let overdue = self.overdue(now);
        let claimed = matches!(self.state, State::InProgress { .. });
        match &mut self.state {
            State::Assigned { lease } | State::InProgress { lease }
                if lease.runs_out_at(rules) <= now =>
            {
                let fault = if up_since > lease.renewed_at {
                    Fault::Outage
                } else if claimed {
                    Fault::Abandoned
                } else {
                    Fault::Unclaimed
                };
                if fault != Fault::Outage || lease.given_anew {
                    return Some(self.lost(fault, None, now, rules));
                }
                lease.give_anew(now, rules);
                let (prover, attempt) = (lease.prover.clone(), lease.attempt);
                self.updated_at = now;
                self.mention(now, EventKind::LeaseGivenAnew { prover, attempt });
                Some(Vec::new())
            }
            State::Pending { .. } if overdue => {
                Some(self.end(State::Expired, EventKind::Expired, now))
            }
            _ => None,
        }
    }

    fn overdue(&self, now: Timestamp) -> bool {
        self.spec.deadline.is_some_and(|deadline| deadline <= now)
    }

    fn part_of_price(&self, part: Ratio) -> Credits {
        let price = self.attempts.last().map_or(0, |a| a.price.0);
        let amount = u128::from(price) * u128::from(part.as_ppm()) / u128::from(Ratio::SCALE);
        Credits(u64::try_from(amount).unwrap_or(price))
    }

    /// What a fault costs a prover: a mark, and a part of its stake.
    fn mark(&self, prover: &ProverId, fault: Fault, rules: &Rules) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some(outcome) = fault.outcome() {
            effects.push(Effect::Note {
                prover: prover.clone(),
                outcome,
            });
        }
        let at_most = self.part_of_price(slash(fault, rules));
        if at_most > Credits(0) {
            effects.push(Effect::Slash {
                prover: prover.clone(),
                at_most,
            });
        }
        effects
    }

    /// The running attempt, if there is one, is over without a proof.
    fn end_attempt(
        &mut self,
        fault: Fault,
        message: Option<String>,
        now: Timestamp,
    ) -> Vec<Effect> {
        let Some(lease) = self.lease().cloned() else {
            return Vec::new();
        };
        let end = fault.end();
        if let Some(newest) = self.attempts.last_mut() {
            newest.end = Some(end.clone());
        }
        self.record(
            now,
            EventKind::AttemptEnded {
                prover: lease.prover.clone(),
                attempt: lease.attempt,
                end,
                message,
            },
        );
        vec![Effect::Release {
            prover: lease.prover,
            attempt: lease.attempt,
        }]
    }

    /// The running attempt is over without a proof: the task goes back to the market, or ends.
    fn lost(
        &mut self,
        fault: Fault,
        message: Option<String>,
        now: Timestamp,
        rules: &Rules,
    ) -> Vec<Effect> {
        let holder = self.lease().map(|lease| lease.prover.clone());
        let mut effects = holder.map_or_else(Vec::new, |p| self.mark(&p, fault, rules));
        effects.extend(self.end_attempt(fault, message, now));
        self.state = State::Pending {
            next_auction_at: now,
            no_match: None,
        };
        if self.cancel_requested {
            effects.extend(self.end(State::Cancelled, EventKind::Cancelled, now));
        } else if self.overdue(now) {
            effects.extend(self.end(State::Expired, EventKind::Expired, now));
        } else if self.attempt() >= self.spec.max_attempts {
            let reason = FailReason::AttemptsExhausted {
                attempts: self.attempt(),
            };
            let state = State::Failed {
                reason: reason.clone(),
            };
            effects.extend(self.end(state, EventKind::Failed { reason }, now));
        }
        effects
    }

    /// Ends it unproved: the whole escrow goes back.
    fn end(&mut self, state: State, event: EventKind, now: Timestamp) -> Vec<Effect> {
        let amount = self.escrow();
        self.state = state;
        self.record(now, event);
        if amount > Credits(0) {
            vec![Effect::Refund { amount }]
        } else {
            Vec::new()
        }
    }

    fn record(&mut self, at: Timestamp, kind: EventKind) {
        self.updated_at = at;
        let seq = self.events.last().map_or(1, |e| e.seq + 1);
        self.events.push(Event { seq, at, kind });
    }

    /// An event that a long-lived task can do without.
    fn mention(&mut self, at: Timestamp, kind: EventKind) {
        if self.events.len() < Self::EVENT_LIMIT {
            self.record(at, kind);
        }
    }

    fn not_pending(&self) -> Refusal {
        let status = self.status();
        if status.is_terminal() {
            Refusal::Ended { status }
        } else {
            Refusal::NotPending { status }
        }
    }

    /// The lease of the running attempt, if it is this prover's and this attempt's.
    fn running(&self, prover: &ProverId, attempt: AttemptNo) -> Result<&Lease, Refusal> {
        self.open_attempt(prover, attempt)?;
        match self.lease() {
            Some(lease) if lease.attempt == attempt => Ok(lease),
            _ => Err(Refusal::Superseded {
                current: self.attempt(),
                got: attempt,
            }),
        }
    }

    /// The index of an attempt of this open task that was assigned to this prover.
    fn open_attempt(&self, prover: &ProverId, attempt: AttemptNo) -> Result<usize, Refusal> {
        let status = self.status();
        if status.is_terminal() {
            return Err(Refusal::Ended { status });
        }
        self.attempts
            .iter()
            .position(|a| a.number == attempt && a.prover == *prover)
            .ok_or_else(|| Refusal::NotAssigned {
                prover: prover.clone(),
                attempt,
            })
    }
}

impl Lease {
    /// When it runs out without a sign of life.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.start_by
            .map_or(self.expires_at, |by| by.max(self.expires_at))
    }

    /// When it counts as run out on a clock that may be ahead of its prover's.
    #[must_use]
    pub fn runs_out_at(&self, rules: &Rules) -> Timestamp {
        self.ends_at() + rules.max_skew
    }

    fn extend(&mut self, now: Timestamp, rules: &Rules) {
        self.renewed_at = self.renewed_at.max(now);
        self.given_anew = false;
        self.expires_at = (now + rules.lease)
            .min(self.hold_until)
            .max(self.expires_at);
    }

    fn give_anew(&mut self, now: Timestamp, rules: &Rules) {
        self.renewed_at = self.renewed_at.max(now);
        self.given_anew = true;
        self.expires_at = now + rules.lease;
        self.hold_until = self.hold_until.max(self.expires_at);
    }
}

#[cfg(test)]
mod tests;
