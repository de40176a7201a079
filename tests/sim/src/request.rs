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
    Join(ProverId, TaskId),
    Commit(ProverId, TaskId),
    /// Likewise.
    Reveal(ProverId, TaskId, bool),
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
                write!(
                    f,
                    "{} result of {prover} for {task}/{attempt}",
                    in_words(*valid)
                )
            }
            Self::Join(prover, task) => write!(f, "join of {prover} for {task}"),
            Self::Commit(prover, task) => write!(f, "commitment of {prover} for {task}"),
            Self::Reveal(prover, task, valid) => {
                write!(f, "{} reveal of {prover} for {task}", in_words(*valid))
            }
            Self::Auction => f.write_str("auction"),
            Self::Sweep => f.write_str("sweep"),
        }
    }
}

fn in_words(valid: bool) -> &'static str {
    if valid { "valid" } else { "invalid" }
}

tokio::task_local! {
    /// What the node acts on now.
    pub(crate) static REQUEST: Request;
}

/// What the node acts on now.
pub(crate) fn current() -> Request {
    REQUEST.try_with(Clone::clone).unwrap_or(Request::Read)
}
