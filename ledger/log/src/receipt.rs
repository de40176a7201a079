//! Receipts that verify offline (c2sp.org/tlog-proof).

use crate::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint, decimal};
use crate::merkle::{Hash, ProofError, proof_lines, verify_inclusion, write_proof};
use crate::note::{Kind, NoteError, VerifyingKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{collections::HashSet, fmt, str::FromStr};
use thiserror::Error;

const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// A proof in a tree of 2^64 leaves.
const PROOF_HASHES: usize = 64;

/// That an entry is in a log: its index, the path to the root, and the checkpoint with that root. Printed and parsed as a
/// `.tlog-proof`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Anything the application adds. Nobody signs it.
    pub extra: Option<Vec<u8>>,
    /// The entry's index in the log.
    pub index: u64,
    /// From the leaf's sibling upwards.
    pub proof: Vec<Hash>,
    /// The tree that the entry is in.
    pub checkpoint: SignedCheckpoint,
}

/// Whom to believe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The log's verifying keys, all of one name: more than one while and after a key is rotated. One signature is enough.
    pub log: Vec<VerifyingKey>,
    /// The witnesses' verifying keys.
    pub witnesses: Vec<VerifyingKey>,
    /// How many of the witnesses must have cosigned; 0 for none.
    pub quorum: usize,
}

impl Policy {
    /// Believes the log alone.
    pub fn log(key: VerifyingKey) -> Self {
        Self {
            log: vec![key],
            witnesses: Vec::new(),
            quorum: 0,
        }
    }
}

/// Why a receipt is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReceiptError {
    /// Not in the form of c2sp.org/tlog-proof@v1.
    #[error("not a receipt: {0}")]
    Format(&'static str),
    /// The checkpoint cannot be read, or is not the log's.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The entry is not in the checkpoint's tree at this index.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// Fewer witnesses than wanted.
    #[error("{expected} witnesses must have cosigned the checkpoint, got {got}")]
    Witnesses {
        /// The quorum.
        expected: usize,
        /// How many did.
        got: usize,
    },
}

impl Receipt {
    /// That `entry` is in the log at this index, by the word of whom the policy trusts. Needs nothing else. `extra` is not
    /// part of it.
    ///
    /// # Errors
    /// [`ReceiptError`], the first thing that does not hold.
    pub fn verify(&self, entry: &[u8], policy: &Policy) -> Result<&Checkpoint, ReceiptError> {
        let of_kind = |keys: &[VerifyingKey], kind| -> Vec<VerifyingKey> {
            let keys = keys.iter().filter(|key| key.kind() == kind);
            keys.cloned().collect()
        };
        let checkpoint = self.checkpoint.checkpoint();
        let mut log = of_kind(&policy.log, Kind::Ed25519);
        log.retain(|key| key.name() == checkpoint.origin);
        self.checkpoint
            .note()
            .verify(&log)
            .map_err(CheckpointError::from)?;
        let witnesses = of_kind(&policy.witnesses, Kind::Cosignature);
        let got = match self.checkpoint.note().verify(&witnesses) {
            Ok(signed) => distinct(&signed),
            Err(NoteError::Unknown) => 0,
            Err(e) => return Err(CheckpointError::from(e).into()),
        };
        if got < policy.quorum {
            return Err(ReceiptError::Witnesses {
                expected: policy.quorum,
                got,
            });
        }
        verify_inclusion(
            self.index,
            Hash::of_leaf(entry),
            checkpoint.size,
            checkpoint.root,
            &self.proof,
        )?;
        Ok(checkpoint)
    }
}

/// A witness counts once, under however many names a policy lists its key: a cosignature does not commit to the name.
fn distinct(keys: &[&VerifyingKey]) -> usize {
    let bytes: HashSet<_> = keys.iter().map(|key| key.bytes()).collect();
    bytes.len()
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        write_proof(f, &self.proof)?;
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for Receipt {
    type Err = ReceiptError;

    fn from_str(text: &str) -> Result<Self, ReceiptError> {
        let format = ReceiptError::Format;
        let (head, checkpoint) = text
            .split_once("\n\n")
            .ok_or(format("no empty line before the checkpoint"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(format("its first line is not c2sp.org/tlog-proof@v1"));
        }
        let extra = lines.peek().and_then(|line| line.strip_prefix("extra "));
        let extra = match extra {
            None => None,
            Some(base64) => {
                lines.next();
                Some(
                    STANDARD
                        .decode(base64)
                        .map_err(|_| format("its extra line is not Base64"))?,
                )
            }
        };
        let index = lines
            .next()
            .and_then(|line| decimal(line.strip_prefix("index ")?))
            .ok_or(format("no line with its index"))?;
        let proof = proof_lines(lines, PROOF_HASHES).map_err(format)?;
        Ok(Self {
            extra,
            index,
            proof,
            checkpoint: checkpoint.parse()?,
        })
    }
}
