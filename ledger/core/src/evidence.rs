//! A statement, the datasets that it is about, and its proofs, in one file.

use crate::{Bytes32, Commitment, Error, Instance, Statement};
use prooflane_stark::Proof;
use serde::{Deserialize, Serialize};

/// What the first line of evidence is.
const MAGIC: &str = "prooflane-evidence/1\n";
/// Longest evidence that is read: a dataset of as many columns as may be, each with its own Merkle paths, is notarized in less.
pub const MAX_BYTES: usize = 64 << 20;

/// All that is needed to verify a statement, besides the ledger's word that it was recorded.
///
/// As bytes: a line `prooflane-evidence/1`, a line of JSON with the statement, the datasets' commitments and the lengths of the proofs,
/// and the proofs, one after the other.
#[derive(Clone)]
pub struct Evidence {
    /// What is said.
    pub statement: Statement,
    /// Of these.
    pub inputs: Vec<Commitment>,
    /// And of what was made of them.
    pub outputs: Vec<Commitment>,
    /// In the order in which the statement wants them.
    pub proofs: Vec<Proof>,
}

/// The second line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    statement: Statement,
    inputs: Vec<Commitment>,
    outputs: Vec<Commitment>,
    /// Bytes of each.
    proofs: Vec<usize>,
}

/// What holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verified {
    /// Bits of security of the weakest proof; none where nothing had to be proved: a projection.
    pub security_bits: Option<f64>,
}

impl Evidence {
    /// The bytes that are kept and sent.
    ///
    /// # Errors
    /// Never; a statement is JSON.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let proofs: Vec<_> = self.proofs.iter().map(Proof::to_bytes).collect();
        let head = Head {
            statement: self.statement.clone(),
            inputs: self.inputs.clone(),
            outputs: self.outputs.clone(),
            proofs: proofs.iter().map(Vec::len).collect(),
        };
        let mut bytes = MAGIC.as_bytes().to_vec();
        serde_json::to_writer(&mut bytes, &head)
            .map_err(|error| Error::Evidence(error.to_string()))?;
        bytes.push(b'\n');
        for proof in proofs {
            bytes.extend(proof);
        }
        Ok(bytes)
    }

    /// Whether bytes begin as evidence does.
    #[must_use]
    pub fn is_one(bytes: &[u8]) -> bool {
        bytes.starts_with(MAGIC.as_bytes())
    }

    /// Reads what [`Self::to_bytes`] has written.
    ///
    /// # Errors
    /// [`Error::Evidence`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let problem = |problem: &str| Error::Evidence(problem.into());
        if bytes.len() > MAX_BYTES {
            return Err(problem("expected at most 64 MiB"));
        }
        let rest = bytes
            .strip_prefix(MAGIC.as_bytes())
            .ok_or_else(|| problem("its first line is not prooflane-evidence/1"))?;
        let end = rest.iter().position(|byte| *byte == b'\n');
        let end = end.ok_or_else(|| problem("expected a second line"))?;
        let (head, rest) = rest.split_at(end);
        let mut rest = &rest[1..];
        let Head {
            statement,
            inputs,
            outputs,
            proofs: lengths,
        } = serde_json::from_slice(head).map_err(|error| problem(&error.to_string()))?;
        let mut proofs = Vec::new();
        for length in lengths {
            let split = rest.split_at_checked(length);
            let (proof, others) = split.ok_or_else(|| problem("a proof is cut off"))?;
            let proof = Proof::from_bytes(proof).map_err(|_| problem("a proof is damaged"))?;
            proofs.push(proof);
            rest = others;
        }
        if !rest.is_empty() {
            return Err(problem("there is more behind the last proof"));
        }
        Ok(Self {
            statement,
            inputs,
            outputs,
            proofs,
        })
    }

    /// What it is evidence of.
    #[must_use]
    pub fn instance(&self) -> Instance {
        Instance {
            statement: self.statement.clone(),
            inputs: self.inputs.clone(),
            outputs: self.outputs.clone(),
        }
    }

    /// The digest of evidence's bytes that an entry of the log has.
    #[must_use]
    pub fn digest(bytes: &[u8]) -> Bytes32 {
        Bytes32(*blake3::hash(bytes).as_bytes())
    }

    /// Verifies the proofs. It takes milliseconds for each, however many rows there are.
    ///
    /// # Errors
    /// [`Error`], if the statement does not fit its datasets or a proof does not hold.
    pub fn verify(&self) -> Result<Verified, Error> {
        let security_bits = self
            .statement
            .verify(&self.inputs, &self.outputs, &self.proofs)?;
        Ok(Verified { security_bits })
    }
}
