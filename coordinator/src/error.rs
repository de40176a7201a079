//! What can go wrong, each with a stable code; `docs/errors.md` says what to do about each.

use prooflane_market::{ProverError, Refusal, TaskError, TaskId};
use prooflane_store::StoreError;

/// Why a use-case did not do what was asked. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request does not say what it must.
    #[error("{field}: {problem}")]
    Invalid {
        /// The field.
        field: String,
        /// Expected and got.
        problem: String,
    },
    /// No circuit of that name here.
    #[error("circuit: expected one of {known}, got {got:?}")]
    UnknownCircuit {
        /// What was named.
        got: String,
        /// What there is.
        known: String,
    },
    /// There is no key, and no proof of 128 bytes.
    #[error(
        "{0} is not proved by Groth16: it has no keys, and its proofs are evidence, at /v1/tasks/{{id}}/evidence"
    )]
    NotGroth16(&'static str),
    /// The proofs of such tasks are no evidence.
    #[error("{0} is proved by Groth16: its proofs are at /v1/tasks/{{id}}/proof")]
    NoEvidence(&'static str),
    /// The inputs do not fit the circuit.
    #[error("{0}")]
    InvalidInputs(String),
    /// A proof that cannot be read.
    #[error("proof: {0}")]
    MalformedProof(String),
    /// No such task.
    #[error("no task {0}")]
    UnknownTask(TaskId),
    /// Nothing was uploaded under that name by this requester, or it has been used.
    #[error("no upload {0}; begin it again")]
    UnknownUpload(crate::UploadId),
    /// No such API key.
    #[error("no API key {0}; it may have been revoked")]
    UnknownKey(String),
    /// No such prover.
    #[error("no prover {0}; register it first")]
    UnknownProver(String),
    /// No proof yet.
    #[error("task {task} has no proof: it is {status}")]
    NoProof {
        /// Which task.
        task: TaskId,
        /// Where it is.
        status: prooflane_market::Status,
    },
    /// Its inputs name no witness that was uploaded, or it is gone with the end of the task.
    #[error("task {0} has no uploaded witness: its inputs hold all there is, or it has ended")]
    NoWitness(TaskId),
    /// The task id stands for something else.
    #[error("task {0} exists already with other content; choose another task_id")]
    TaskIdReused(TaskId),
    /// The deposit id stands for something else.
    #[error("deposit {0} exists already with another amount or account; choose another deposit_id")]
    DepositIdReused(String),
    /// The account does not hold the reward.
    #[error("account {account} holds {available} credits, {needed} are needed")]
    InsufficientCredits {
        /// Whose.
        account: String,
        /// What it holds.
        available: i64,
        /// What it takes.
        needed: u64,
    },
    /// The task's state does not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The ask is not acceptable.
    #[error(transparent)]
    InvalidAsk(#[from] ProverError),
    /// The caller may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// The caller did not say who it is.
    #[error("an API key is needed: send it as `Authorization: Bearer <key>`")]
    Unauthorized,
    /// Too many writers wanted the same item at once.
    #[error("the item was changed by others {0} times in a row; try again")]
    Contention(u32),
    /// The store does not answer.
    #[error("the store cannot be reached; try again")]
    Unavailable(#[source] StoreError),
    /// The store holds something that cannot be read.
    #[error("the store holds an unreadable {what}")]
    Corrupt {
        /// What.
        what: &'static str,
    },
}

impl Error {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "invalid_request",
            Self::UnknownCircuit { .. } => "unknown_circuit",
            Self::NotGroth16(_) => "not_groth16",
            Self::NoEvidence(_) => "no_evidence",
            Self::NoWitness(_) => "no_witness",
            Self::InvalidInputs(_) => "invalid_inputs",
            Self::MalformedProof(_) => "malformed_proof",
            Self::UnknownTask(_) => "unknown_task",
            Self::UnknownUpload(_) => "unknown_upload",
            Self::UnknownKey(_) => "unknown_key",
            Self::UnknownProver(_) => "unknown_prover",
            Self::NoProof { .. } => "no_proof",
            Self::TaskIdReused(_) => "task_id_reused",
            Self::DepositIdReused(_) => "deposit_id_reused",
            Self::InsufficientCredits { .. } => "insufficient_credits",
            Self::Refused(Refusal::Ended { .. }) => "task_ended",
            Self::Refused(Refusal::Superseded { .. }) => "attempt_superseded",
            Self::Refused(Refusal::NotAssigned { .. }) => "not_assigned",
            Self::Refused(Refusal::NotPending { .. }) => "task_not_pending",
            Self::Refused(Refusal::Exclusive { .. }) => "not_open",
            Self::Refused(Refusal::NotEligible { .. }) => "not_eligible",
            Self::Refused(Refusal::Crowded { .. }) => "crowded",
            Self::Refused(Refusal::NotJoined { .. }) => "not_joined",
            Self::Refused(Refusal::NotCommitted { .. }) => "not_committed",
            Self::Refused(Refusal::TooEarly { .. }) => "too_early",
            Self::InvalidAsk(_) => "invalid_ask",
            Self::Forbidden(_) => "forbidden",
            Self::Unauthorized => "unauthorized",
            Self::Contention(_) => "contention",
            Self::Unavailable(_) => "unavailable",
            Self::Corrupt { .. } => "corrupt_record",
        }
    }

    pub(crate) fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.into(),
            problem: problem.into(),
        }
    }
}

impl From<TaskError> for Error {
    fn from(error: TaskError) -> Self {
        let TaskError::OutOfRange {
            field,
            expected,
            got,
        } = error;
        Self::invalid(field, format!("expected {expected}, got {got}"))
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error)
    }
}
