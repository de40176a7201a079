//! Files, read batch by batch.

mod csv;
mod infer;
mod jsonl;
mod parquet;

use crate::batch::{Batch, Column, ColumnBuilder};
use crate::error::{At, Place};
use crate::schema::{Field, Schema, Types};
use crate::{Error, ValueProblem};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Rows of a batch at most.
pub const BATCH_ROWS: usize = 65_536;
/// Bytes of text after which a batch ends.
const BATCH_BYTES: usize = 64 << 20;
/// A line or a cell at most: what is longer is more likely a quote that is missing.
const RECORD_BYTES: usize = 256 << 20;

/// A file's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values (RFC 4180) with a header.
    Csv,
    /// A JSON object a line.
    JsonLines,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// What a file's name says: `.csv`, `.tsv`, `.jsonl`, `.ndjson` or `.parquet`.
    ///
    /// # Errors
    /// If it says none of them.
    pub fn of(file: &Path) -> Result<Self, Error> {
        let extension = file
            .extension()
            .and_then(|extension| extension.to_str())
            .unwrap_or("");
        match extension.to_ascii_lowercase().as_str() {
            "csv" | "tsv" => Ok(Self::Csv),
            "jsonl" | "ndjson" => Ok(Self::JsonLines),
            "parquet" => Ok(Self::Parquet),
            _ => Err(Error::Format { file: file.into() }),
        }
    }
}

/// How a file is read.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The format; by default as the file's name says.
    pub format: Option<Format>,
    /// Types of columns, instead of what the file or inference says.
    pub types: Types,
    /// What divides cells of a CSV file; by default a comma, a tab where the name ends in `.tsv`.
    pub delimiter: Option<u8>,
    /// What stands for null in a CSV file besides an empty cell, where it is not quoted: `NA`, say.
    pub nulls: Vec<String>,
}

/// The batches of a file, each of at most [`BATCH_ROWS`] rows.
///
/// CSV and JSON lines are read twice where types have to be found out: types come from all rows.
pub struct Reader {
    schema: Schema,
    rows: Option<u64>,
    batches: Box<dyn Iterator<Item = Result<Batch, Error>> + Send>,
}

impl Reader {
    /// Opens a file and finds out its schema.
    ///
    /// # Errors
    /// If it cannot be read or is not of its format, or its columns have no type that datasets have.
    pub fn open(file: &Path, options: &Options) -> Result<Self, Error> {
        let format = options.format.map_or_else(|| Format::of(file), Ok)?;
        match format {
            Format::Csv => csv::open(file, options),
            Format::JsonLines => jsonl::open(file, &options.types),
            Format::Parquet => parquet::open(file, &options.types),
        }
    }

    /// The columns.
    #[must_use]
    pub const fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How many rows there are, if that is known before they are read.
    #[must_use]
    pub const fn rows(&self) -> Option<u64> {
        self.rows
    }

    /// Gives every batch to `each`, while the next is being read.
    ///
    /// # Errors
    /// If a batch cannot be read; what `each` returns.
    pub fn for_each<E: From<Error> + Send>(
        mut self,
        mut each: impl FnMut(Batch) -> Result<(), E> + Send,
    ) -> Result<(), E> {
        let mut batch = self.next();
        while let Some(read) = batch {
            let read = read?;
            let (done, next) = rayon::join(|| each(read), || self.next());
            done?;
            batch = next;
        }
        Ok(())
    }
}

impl Iterator for Reader {
    type Item = Result<Batch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.batches.next()
    }
}

fn open_file(path: &Path) -> Result<File, Error> {
    File::open(path).map_err(|source| Error::Io {
        file: path.into(),
        source,
    })
}

/// A batch of a text format in the making.
struct Rows {
    file: PathBuf,
    fields: Vec<Field>,
    builders: Vec<ColumnBuilder>,
    rows: usize,
}

impl Rows {
    fn new(file: &Path, schema: &Schema) -> Self {
        let fields = schema.columns().to_vec();
        let builders = fields
            .iter()
            .map(|field| ColumnBuilder::new(field.kind.kind))
            .collect();
        Self {
            file: file.into(),
            fields,
            builders,
            rows: 0,
        }
    }

    fn place(&self, line: u64) -> Place {
        Place {
            file: self.file.clone(),
            at: At::Line(line),
        }
    }

    /// Adds a value of the row that is being read, or its absence.
    fn push(&mut self, column: usize, line: u64, value: Option<&str>) -> Result<(), Error> {
        let pushed = match value {
            Some(text) => self.builders[column].push_text(text),
            None if self.fields[column].kind.nullable => {
                self.builders[column].push_null();
                Ok(())
            }
            None => Err(ValueProblem::Null),
        };
        pushed.map_err(|problem| self.problem(column, line, problem))
    }

    fn problem(&self, column: usize, line: u64, problem: ValueProblem) -> Error {
        let Field { name, kind } = &self.fields[column];
        Error::Value {
            place: self.place(line),
            column: name.clone(),
            expected: kind.kind,
            problem,
        }
    }

    /// Whether the batch is large enough, now that it has one row more.
    fn row_ends(&mut self) -> bool {
        self.rows += 1;
        let bytes: usize = self.builders.iter().map(ColumnBuilder::string_bytes).sum();
        self.rows == BATCH_ROWS || bytes >= BATCH_BYTES
    }

    /// The rows so far, none if there is none.
    fn batch(&mut self) -> Option<Batch> {
        let columns: Vec<Column> = self.builders.iter_mut().map(ColumnBuilder::take).collect();
        let rows = std::mem::take(&mut self.rows);
        (rows > 0).then(|| Batch::of(columns))
    }
}

/// The batches that `next` reads until it says that there is none, or fails.
fn batches<T>(
    mut source: T,
    next: impl Fn(&mut T) -> Result<Option<Batch>, Error> + Send + 'static,
) -> Box<dyn Iterator<Item = Result<Batch, Error>> + Send>
where
    T: Send + 'static,
{
    let mut ended = false;
    Box::new(std::iter::from_fn(move || {
        if ended {
            return None;
        }
        let batch = next(&mut source);
        ended = !matches!(batch, Ok(Some(_)));
        batch.transpose()
    }))
}
