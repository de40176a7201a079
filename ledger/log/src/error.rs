use prooflane_store::{CommitError, StoreError};
use thiserror::Error;

/// Why an entry was not appended, or nobody knows whether it was.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AppendError {
    /// An entry has at most [`crate::tile::ENTRY_BYTES`]; put what is longer into a blob and its digest into the log.
    #[error("an entry has at most {limit} bytes, got {got}")]
    TooLong {
        /// The most that is accepted.
        limit: usize,
        /// What was given.
        got: usize,
    },
    /// Another entry was appended under this idempotency key.
    #[error("another entry was appended under this key, at index {index}: take a new key")]
    KeyTaken {
        /// Where that entry is.
        index: u64,
    },
    /// It may or may not be in the log. Append it again under the same key to find out; without a key there is no telling.
    #[error(
        "the entry may or may not have been appended: append it again under the same key ({0})"
    )]
    Unknown(String),
    /// It is not in the log.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl From<StoreError> for AppendError {
    fn from(error: StoreError) -> Self {
        Self::Log(error.into())
    }
}

/// Why the log could not do what it was asked. Whatever it is, no acknowledged entry is lost and no index moves.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LogError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is stored is not what this log wrote; `fsck` says more.
    #[error("the log's stored data is damaged, run fsck: {0}")]
    Damaged(String),
    /// A tile or bundle that the tree needs is not there.
    #[error(
        "{0} is missing: the tree is smaller than was asked for, or the log is damaged (run fsck)"
    )]
    Missing(String),
    /// The tree does not have that many leaves, or no entry has this index.
    #[error("{index} is not below {size}")]
    OutOfRange {
        /// What was asked for.
        index: u64,
        /// How many there are.
        size: u64,
    },
    /// The store holds another log under this name.
    #[error(
        "the store holds the log {got:?} under this name, expected {expected:?}: open it with that log's key"
    )]
    Origin {
        /// The name of the key that the log was opened with.
        expected: String,
        /// The log that is there.
        got: String,
    },
    /// A log is opened with a key of type 0x01, a witness with one of type 0x04.
    #[error("this key is of the wrong type: a log signs with 0x01, a witness with 0x04")]
    KeyType,
    /// None of the signatures that were sent is of a known witness.
    #[error("no cosignature of a known witness: {0}")]
    Cosignature(#[from] crate::note::NoteError),
}

/// What a commit's error means once an unknown outcome has been excluded.
pub(crate) fn settled(error: CommitError) -> StoreError {
    match error {
        CommitError::Store(error) => error,
        other => StoreError::Unavailable(other.to_string()),
    }
}
