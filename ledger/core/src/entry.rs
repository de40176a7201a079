//! Entries of the log.

use crate::{Bytes32, Commitment, DatasetId, Error, Evidence};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What the log has of an operation: who did what to which datasets, and the digest of the evidence. Figures stay in the evidence, so
/// that an entry can be public.
///
/// Its form is JSON without spaces and with the fields in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The version of this form, 1.
    pub ledger: u32,
    /// Drawn by whoever recorded it, so that it is recorded once.
    pub id: Uuid,
    /// When the ledger took it, in UTC.
    pub time: jiff::Timestamp,
    /// Whose API key it was; none on a ledger of one's own.
    pub by: Option<String>,
    /// [`crate::Statement::name`].
    pub operation: String,
    /// The datasets that it is about.
    pub inputs: Vec<DatasetId>,
    /// The datasets that it made.
    pub outputs: Vec<DatasetId>,
    /// BLAKE3 of the evidence.
    pub evidence: Bytes32,
}

impl Entry {
    /// Reads an entry.
    ///
    /// # Errors
    /// If the bytes are none of this version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let entry: Self = serde_json::from_slice(bytes)?;
        if entry.ledger == 1 {
            return Ok(entry);
        }
        let got = entry.ledger;
        Err(serde::de::Error::custom(format!(
            "expected an entry of version 1, got {got}"
        )))
    }

    /// What the log is given.
    ///
    /// # Errors
    /// Never; an entry is JSON.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// All datasets that it names, each once.
    #[must_use]
    pub fn datasets(&self) -> Vec<DatasetId> {
        let mut all = [&self.inputs[..], &self.outputs].concat();
        all.sort_unstable();
        all.dedup();
        all
    }
}

impl Entry {
    /// That this evidence is the entry's: `bytes` and what was read of them.
    ///
    /// # Errors
    /// [`Error::Evidence`].
    pub fn check(&self, bytes: &[u8], read: &Evidence) -> Result<(), Error> {
        let ids = |of: &[Commitment]| of.iter().map(Commitment::id).collect::<Vec<_>>();
        let same = Evidence::digest(bytes) == self.evidence
            && read.statement.name() == self.operation
            && ids(&read.inputs) == self.inputs
            && ids(&read.outputs) == self.outputs;
        if same {
            return Ok(());
        }
        Err(Error::Evidence("it is that of another entry".into()))
    }
}
