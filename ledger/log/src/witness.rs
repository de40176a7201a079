//! What a witness decides (c2sp.org/tlog-witness): the request, the rule, the refusals. No I/O; [`crate::Witness`] keeps the
//! state.

use crate::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint, decimal};
use crate::merkle::{Hash, ProofError, proof_lines, verify_consistency, write_proof};
use crate::note::VerifyingKey;
use std::{fmt, str::FromStr};
use thiserror::Error;

/// Most hashes in a request's proof.
const PROOF_HASHES: usize = 63;

/// The body of `POST <prefix>/add-checkpoint`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size of the last checkpoint that the witness cosigned for this log, 0 for none.
    pub old: u64,
    /// That the checkpoint's tree extends that one.
    pub proof: Vec<Hash>,
    /// What is to be cosigned.
    pub checkpoint: SignedCheckpoint,
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        write_proof(f, &self.proof)?;
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for AddCheckpoint {
    type Err = Refusal;

    fn from_str(body: &str) -> Result<Self, Refusal> {
        let format = Refusal::Format;
        let (head, checkpoint) = body
            .split_once("\n\n")
            .ok_or(format("no empty line before the checkpoint"))?;
        let mut lines = head.split('\n');
        let old = lines
            .next()
            .and_then(|line| decimal(line.strip_prefix("old ")?))
            .ok_or(format("its first line is not `old` and a size"))?;
        let proof = proof_lines(lines, PROOF_HASHES).map_err(format)?;
        Ok(Self {
            old,
            proof,
            checkpoint: checkpoint
                .parse()
                .map_err(|_| format("its checkpoint cannot be read"))?,
        })
    }
}

/// Why a witness does not cosign.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Not in the form of the request.
    #[error("not an add-checkpoint request: {0}")]
    Format(&'static str),
    /// A log that this witness does not watch.
    #[error("this witness does not know the log {0:?}")]
    UnknownLog(String),
    /// Not signed by the log.
    #[error("not signed by the log: {0}")]
    Signature(CheckpointError),
    /// It would go backwards by its own words.
    #[error("the old size {old} is above the checkpoint's {new}")]
    Backwards {
        /// The old size in the request.
        old: u64,
        /// The checkpoint's size.
        new: u64,
    },
    /// The witness stands elsewhere: ask again with a proof from `known`.
    #[error("the last checkpoint cosigned here has size {known}, got a proof from {old}")]
    OldSize {
        /// The size that the witness cosigned last.
        known: u64,
        /// The size that the request starts from.
        old: u64,
    },
    /// Another root at the same size: the log has forked.
    #[error("at size {size} the root {known} was cosigned, got {got}: the log has forked")]
    Fork {
        /// The size of both.
        size: u64,
        /// The root that was cosigned.
        known: Hash,
        /// The root that was sent.
        got: Hash,
    },
    /// The proof does not show that nothing was changed.
    #[error("the consistency proof does not hold: {0}")]
    Inconsistent(ProofError),
}

impl Refusal {
    /// The HTTP status that the specification gives it.
    pub fn status(&self) -> u16 {
        match self {
            Refusal::Format(_) | Refusal::Backwards { .. } => 400,
            Refusal::Signature(_) => 403,
            Refusal::UnknownLog(_) => 404,
            Refusal::OldSize { .. } | Refusal::Fork { .. } => 409,
            Refusal::Inconsistent(_) => 422,
        }
    }

    /// Content type and body of the answer: with 409 the size that the witness knows, otherwise words.
    pub fn answer(&self) -> (&'static str, String) {
        match self {
            Refusal::OldSize { known: size, .. } | Refusal::Fork { size, .. } => {
                ("text/x.tlog.size", format!("{size}\n"))
            }
            other => ("text/plain; charset=utf-8", format!("{other}\n")),
        }
    }
}

/// Whether a witness that cosigned `known` last (`None`: nothing) for the log of these keys may cosign what `request` holds.
/// It may then remember [`AddCheckpoint::checkpoint`] as what it knows, and sign only after that.
///
/// # Errors
/// [`Refusal`], in the order of the specification.
pub fn decide<'r>(
    request: &'r AddCheckpoint,
    log_keys: &[VerifyingKey],
    known: Option<&Checkpoint>,
) -> Result<&'r Checkpoint, Refusal> {
    let new = request.checkpoint.checkpoint();
    let keys: Vec<_> = log_keys
        .iter()
        .filter(|key| key.name() == new.origin)
        .cloned()
        .collect();
    if keys.is_empty() {
        return Err(Refusal::UnknownLog(new.origin.clone()));
    }
    let signed = request.checkpoint.note().verify(&keys);
    signed.map_err(|e| Refusal::Signature(e.into()))?;
    let old = request.old;
    if old > new.size {
        return Err(Refusal::Backwards { old, new: new.size });
    }
    let (size, root) = known.map_or((0, Hash::EMPTY_ROOT), |known| (known.size, known.root));
    if old != size {
        return Err(Refusal::OldSize { known: size, old });
    }
    if size == new.size && root != new.root {
        return Err(Refusal::Fork {
            size,
            known: root,
            got: new.root,
        });
    }
    verify_consistency(size, root, new.size, new.root, &request.proof)
        .map_err(Refusal::Inconsistent)?;
    Ok(new)
}
