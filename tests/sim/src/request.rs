//! On whose behalf a node acts, so that the checker can hold a commit against it.

use prooflane_market::{AttemptNo, ProverId, TaskId};

/// What was asked of a node, or what it does of its own accord.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// A requester's.
    Submit,
    Cancel,
    Read,
    /// A prover's.
    Offer,
    Claim(ProverId),
    Heartbeat(ProverId, TaskId, AttemptNo),
    Failure(ProverId, TaskId, AttemptNo),
    /// With whether the proof is one of the task's statement.
    Result(ProverId, TaskId, AttemptNo, bool),
    /// The node's own.
    Auction,
    Sweep,
}

impl std::fmt::Display for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Submit => f.write_str("submit"),
            Self::Cancel => f.write_str("cancel"),
            Self::Read => f.write_str("read"),
            Self::Offer => f.write_str("offer"),
            Self::Claim(prover) => write!(f, "claim of {prover}"),
            Self::Heartbeat(prover, task, attempt) => {
                write!(f, "heartbeat of {prover} for {task}/{attempt}")
            }
            Self::Failure(prover, task, attempt) => {
                write!(f, "failure of {prover} for {task}/{attempt}")
            }
            Self::Result(prover, task, attempt, valid) => {
                let valid = if *valid { "valid" } else { "invalid" };
                write!(f, "{valid} result of {prover} for {task}/{attempt}")
            }
            Self::Auction => f.write_str("auction"),
            Self::Sweep => f.write_str("sweep"),
        }
    }
}

tokio::task_local! {
    /// What the node acts on now.
    pub(crate) static REQUEST: Request;
}

/// What the node acts on now.
pub(crate) fn current() -> Request {
    REQUEST.try_with(Clone::clone).unwrap_or(Request::Read)
}
