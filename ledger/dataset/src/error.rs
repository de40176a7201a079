//! What can be wrong with a dataset.

use crate::{Kind, ValueProblem};
use std::fmt;
use std::path::PathBuf;

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// Where in it.
    pub at: At,
}

/// A line or a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The line where a record begins; 1 is the first of the file.
    Line(u64),
    /// A row; 1 is the first of the dataset.
    Row(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match self.at {
            At::Line(line) => write!(f, "{file}, line {line}"),
            At::Row(row) => write!(f, "{file}, row {row}"),
        }
    }
}

/// Why a dataset cannot be read, written or transformed. Errors name columns, kinds and places, never a value.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read or written.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// Its name does not say what it is.
    #[error("{}: expected a name that ends in .csv, .tsv, .jsonl, .ndjson or .parquet; name the format", file.display())]
    Format {
        /// The file.
        file: PathBuf,
    },
    /// Not a file of its format.
    #[error("{place}: expected {expected}")]
    Syntax {
        /// Where.
        place: Place,
        /// What should be there.
        expected: &'static str,
    },
    /// A row with more or fewer cells than there are columns.
    #[error(
        "{place}: expected {expected} cells, one for each column, got {got}; is a delimiter or a quote missing?"
    )]
    Ragged {
        /// Where.
        place: Place,
        /// Cells that the header has.
        expected: usize,
        /// Cells that the row has, counted to one more than expected.
        got: usize,
    },
    /// Not a Parquet file, or a damaged one.
    #[error("{}: {problem}; is the file whole?", file.display())]
    Parquet {
        /// The file.
        file: PathBuf,
        /// What the decoder says.
        problem: String,
    },
    /// A column of a type that datasets do not have.
    #[error("{}: column {column:?}: expected a flat type, got {got}; {advice}", file.display())]
    Unsupported {
        /// The file.
        file: PathBuf,
        /// The column.
        column: String,
        /// What it holds.
        got: String,
        /// What to do.
        advice: &'static str,
    },
    /// A column that is to have a type other than its own, which it cannot be read as.
    #[error("{}: column {column:?}: expected {expected}, got {got} in the file; leave the type out or convert the file", file.display())]
    Conversion {
        /// The file.
        file: PathBuf,
        /// The column.
        column: String,
        /// The type it is to have.
        expected: Kind,
        /// The type it has.
        got: String,
    },
    /// JSON values of one column that have no type in common.
    #[error(
        "{place}: column {column:?}: expected values as before, got another type; give the column a type, such as text"
    )]
    Mixed {
        /// Where.
        place: Place,
        /// The column.
        column: String,
    },
    /// A value that its column cannot have.
    #[error("{place}: column {column:?}: expected {expected}, got {problem}")]
    Value {
        /// Where.
        place: Place,
        /// The column.
        column: String,
        /// What it holds.
        expected: Kind,
        /// What is wrong.
        problem: ValueProblem,
    },
    /// A text that states no value of a column.
    #[error("column {column:?}: expected a value of type {expected}, got {problem}")]
    Stated {
        /// The column.
        column: String,
        /// What it holds.
        expected: Kind,
        /// What is wrong.
        problem: ValueProblem,
    },
    /// Types that are not written as types are.
    #[error("types of columns: {problem}")]
    Types {
        /// What is wrong.
        problem: String,
    },
    /// A dataset without columns.
    #[error("expected at least one column, got none")]
    NoColumns,
    /// Two columns of one name.
    #[error("expected names that differ, got two columns {column:?}; rename one")]
    SameName {
        /// The name.
        column: String,
    },
    /// A column that there is not.
    #[error("there is no column {column:?}; expected one of {known}")]
    UnknownColumn {
        /// The name.
        column: String,
        /// The names there are.
        known: String,
    },
    /// A column that is not what it must be.
    #[error("column {column:?}: expected {expected}")]
    Column {
        /// The column.
        column: String,
        /// What is expected.
        expected: &'static str,
    },
    /// Datasets whose columns differ.
    #[error(
        "expected the same columns, names and kinds, in the same order, got others in dataset {number} (1 is the first)"
    )]
    Schemas {
        /// Which of them.
        number: usize,
    },
    /// A computed value that its column cannot hold.
    #[error(
        "row {row}: column {column:?}: expected a result within {expected}; scale by less, or convert to a wider type first"
    )]
    Overflow {
        /// The row; 1 is the first.
        row: usize,
        /// The column.
        column: String,
        /// What it holds.
        expected: Kind,
    },
    /// A number of rows that is not possible.
    #[error("expected {expected} rows, got {got}")]
    Rows {
        /// How many, in words or figures.
        expected: String,
        /// How many there are.
        got: usize,
    },
}
