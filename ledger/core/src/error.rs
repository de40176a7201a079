use crate::DatasetId;
use prooflane_stark::{ColumnError, NoiseError, ProveError, VerifyError};
use std::path::PathBuf;

/// Why something about a dataset cannot be committed to, proved or verified. It never tells a value.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The dataset cannot be read, or is not what the statement needs.
    #[error(transparent)]
    Dataset(#[from] prooflane_dataset::Error),
    /// The dataset cannot be committed to.
    #[error(transparent)]
    Column(#[from] ColumnError),
    /// The statement is false, or cannot be proved.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// There is no noise for an answer.
    #[error(transparent)]
    Noise(#[from] NoiseError),
    /// The proof does not hold.
    #[error("proof {number} of the evidence: {source}")]
    Verify {
        /// Which of them; 1 is the first.
        number: usize,
        /// What is wrong.
        source: VerifyError,
    },
    /// A commitment that no dataset has.
    #[error("a dataset's commitment is damaged: {problem}")]
    Commitment {
        /// What is wrong.
        problem: String,
    },
    /// The data are not those that were committed to.
    #[error(
        "the data are not those of {dataset}: expected {what} as it was committed to; open the file that was notarized, with the same types"
    )]
    OtherData {
        /// The dataset.
        dataset: DatasetId,
        /// What differs.
        what: String,
    },
    /// Evidence in another form.
    #[error("not evidence of a ledger: {0}")]
    Evidence(String),
    /// Not what such a statement is proved from.
    #[error("no witness of the statement: {0}")]
    Witness(String),
    /// More than a network takes.
    #[error(
        "a network takes at most {most} {what}, got {got}: prove it here, or of fewer rows or columns"
    )]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How much it takes.
        most: u64,
        /// How much there is, at the most.
        got: u64,
    },
    /// A statement that is about such datasets, but not true of these.
    #[error("the statement is false: nothing can prove it of these data")]
    False,
    /// A statement that is not about such datasets.
    #[error("the statement does not fit its datasets: {0}")]
    Misfit(String),
    /// A row that is to be proved to lie in a range, and does not.
    #[error("row {row}: expected a value of {column} in the range, got {got}")]
    Row {
        /// Which; 0 is the first.
        row: usize,
        /// The column.
        column: String,
        /// What is there instead.
        got: &'static str,
    },
    /// Every proof takes away some of the noise that hides a dataset, and there is too little left.
    #[error(
        "dataset {dataset}: its noise is left for {left} more proofs, expected {needed}: commit to it anew with `ledger renew`"
    )]
    NoiseUsedUp {
        /// The dataset.
        dataset: DatasetId,
        /// Proofs that are left.
        left: u32,
        /// Proofs that are needed.
        needed: u32,
    },
    /// The opening does not open.
    #[error("{}: expected the {expected} that it was sealed with", file.display())]
    Sealed {
        /// The file.
        file: PathBuf,
        /// What opens it.
        expected: &'static str,
    },
    /// Not an opening.
    #[error("{}: not an opening: {problem}", file.display())]
    Opening {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The log has no such keys.
    #[error("{}: no keys of a log: {problem}", file.display())]
    LogKeys {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A file cannot be read or written.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The operating system gives no randomness.
    #[error("no randomness from the operating system: {0}")]
    Randomness(String),
}

impl Error {
    pub(crate) fn io(file: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let file = file.into();
        move |source| Self::Io { file, source }
    }
}
