//! Whether a ledger's data are what they must be.

use crate::ledger::{LOG, Ledger, LedgerError};
use crate::{Entry, Evidence};
use prooflane_log::VerifyingKey;
use std::fmt;

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Something in the log itself.
    Log(prooflane_log::Finding),
    /// An entry that is none.
    Entry {
        /// Its number.
        index: u64,
        /// What is wrong.
        why: String,
    },
    /// An operation's evidence is missing, is another, or does not hold.
    Evidence {
        /// The operation.
        index: u64,
        /// What is wrong.
        why: String,
    },
    /// An operation on a dataset that nobody had recorded before.
    UnknownInput {
        /// The operation.
        index: u64,
    },
    /// The index has something else of an operation than follows from it, or nothing.
    Index {
        /// The operation.
        index: u64,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(finding) => finding.fmt(f),
            Self::Entry { index, why } => write!(f, "entry {index} is none of a ledger: {why}"),
            Self::Evidence { index, why } => write!(f, "the evidence of operation {index}: {why}"),
            Self::UnknownInput { index } => {
                write!(
                    f,
                    "operation {index} is about a dataset that was not recorded before it"
                )
            }
            Self::Index { index } => {
                write!(f, "the index does not have operation {index} as it is")
            }
        }
    }
}

/// What was read and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Operations in the log.
    pub operations: u64,
    /// Proofs that were verified.
    pub proofs: u64,
    /// What is wrong; empty when all is well.
    pub findings: Vec<Finding>,
}

impl Ledger {
    /// Reads everything: hashes the log anew, verifies every proof, and looks every operation up in the index. `keys` are the log's
    /// verifying keys, of which one must have signed what is published. To be run while nobody records.
    ///
    /// # Errors
    /// Only what the store fails with: what is wrong is in the report.
    pub async fn fsck(&self, keys: &[VerifyingKey]) -> Result<Report, LedgerError> {
        let log = prooflane_log::fsck(self.table(), self.blobs(), LOG, keys).await?;
        let mut report = Report {
            operations: log.entries,
            findings: log.findings.into_iter().map(Finding::Log).collect(),
            ..Report::default()
        };
        // Where the log is damaged, its entries cannot be relied on.
        if !report.findings.is_empty() {
            return Ok(report);
        }
        // It may lag; what it says it has, it must have.
        self.index_to(report.operations).await?;
        for index in 0..report.operations {
            let entry = match self.entry(index).await {
                Ok(entry) => entry,
                Err(LedgerError::Damaged(why)) => {
                    report.findings.push(Finding::Entry { index, why });
                    continue;
                }
                Err(other) => return Err(other),
            };
            match self.evidence_of(&entry).await {
                Ok(evidence) => report.proofs += evidence.proofs.len() as u64,
                Err(why) => {
                    report.findings.push(Finding::Evidence { index, why });
                    continue;
                }
            }
            let mut known = true;
            for input in &entry.inputs {
                let input = self.dataset(*input).await?;
                known &= input.is_some_and(|input| input.made_by < index);
            }
            if !known {
                report.findings.push(Finding::UnknownInput { index });
            }
            if !self.is_indexed(index).await? {
                report.findings.push(Finding::Index { index });
            }
        }
        Ok(report)
    }

    async fn evidence_of(&self, entry: &Entry) -> Result<Evidence, String> {
        let bytes = self.evidence_bytes(&entry.evidence).await;
        let bytes = bytes.map_err(|error| error.to_string())?;
        let evidence = Evidence::from_bytes(&bytes).map_err(|error| error.to_string())?;
        entry
            .check(&bytes, &evidence)
            .map_err(|error| error.to_string())?;
        evidence.verify().map_err(|error| error.to_string())?;
        Ok(evidence)
    }
}
