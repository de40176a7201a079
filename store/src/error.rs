use crate::{Expect, Key};
use thiserror::Error;

/// Why a store could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StoreError {
    /// The store cannot be reached or used now; nothing was changed. Trying again may help.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// Too many requests; nothing was changed. Try again after a pause.
    #[error("the store is throttled: try again after a pause")]
    Throttled,
    /// Something is longer than the store accepts.
    #[error("too large: the limit is {limit}, got {got}")]
    TooLarge {
        /// The most that is accepted (bytes, or writes in one commit).
        limit: usize,
        /// What was given, in the same unit.
        got: usize,
    },
    /// The request makes no sense to any adapter; trying again will not help.
    #[error("invalid request: {0}")]
    Invalid(String),
    /// What is stored cannot be read.
    #[error("the stored data is damaged: {0}")]
    Corrupt(String),
}

/// Why a commit was not applied.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CommitError {
    /// An expectation did not hold; nothing was changed. Read again and decide again.
    #[error("write {index} on {key} expected {expected}, got {}", found(*.got))]
    Conflict {
        /// Which of the writes was refused, from 0.
        index: usize,
        /// The item it names.
        key: Key,
        /// What the write expected.
        expected: Expect,
        /// The version that is there; `None` for no item.
        got: Option<u64>,
    },
    /// A counter would have fallen below its floor; nothing was changed.
    #[error("write {index} on {key} would leave {would_be}, at least {at_least} must remain")]
    Insufficient {
        /// Which of the writes was refused, from 0.
        index: usize,
        /// The counter it names.
        key: Key,
        /// The floor the write asked for.
        at_least: i64,
        /// What the counter would have been.
        would_be: i64,
    },
    /// It may or may not have been applied: read back before deciding anything.
    #[error("the outcome of the commit is unknown, read it back: {0}")]
    Unknown(String),
    /// The store failed; nothing was changed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn found(got: Option<u64>) -> String {
    got.map_or_else(|| "no item".into(), |v| format!("version {v}"))
}
