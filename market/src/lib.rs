#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod auction;
mod explain;
mod fault;
mod journal;
mod leader;
mod prover;
mod reputation;
mod rules;
mod supply;
mod task;
mod units;

pub use auction::{
    Bid, Book, Clearing, NoMatch, Obstacle, Transcript, Weights, Winner, clear, obstacle,
};
pub use explain::{Explanation, explain};
pub use fault::{Fault, slash};
pub use journal::{InvalidAccount, JournalEntry, LedgerAccount, Posting, Reason};
pub use leader::{Beat, Candidate, Epoch, Leadership, Renewal, Standing, Step, TakeOver};
pub use prover::{Active, Ask, Breaker, Prover, ProverError};
pub use reputation::{Outcome, Record, quality, time_efficiency};
pub use rules::{PaymentRule, Rules};
pub use supply::Supply;
pub use task::{
    Attempt, AttemptEnd, Commitment, Effect, Event, EventKind, FailReason, Fulfilment, Lease,
    NewTask, Refusal, State, Status, Task, TaskError,
};
pub use units::{
    AskId, AttemptNo, CommitmentDigest, Credits, InvalidCommitment, InvalidPrivacyLevel,
    InvalidProverId, InvalidRatio, Millis, PrivacyLevel, ProverId, Ratio, TaskId, Timestamp,
};
