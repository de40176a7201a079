#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod auction;
mod explain;
mod prover;
mod reputation;
mod rules;
mod task;
mod units;

pub use auction::{Bid, Book, Clearing, NoMatch, Obstacle, Transcript, Weights, Winner, clear};
pub use explain::{Explanation, explain};
pub use prover::{Active, Ask, Prover, ProverError};
pub use reputation::{Outcome, Record, quality, time_efficiency};
pub use rules::{PaymentRule, Rules};
pub use task::{
    Attempt, AttemptEnd, Effect, Event, EventKind, FailReason, Lease, NewTask, Refusal, State,
    Status, Task, TaskError,
};
pub use units::{
    AskId, AttemptNo, Credits, InvalidPrivacyLevel, InvalidProverId, InvalidRatio, Millis,
    PrivacyLevel, ProverId, Ratio, TaskId, Timestamp,
};
