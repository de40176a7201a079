//! Files with datasets, and their openings.

use crate::output::Progress;
use anyhow::{Context, bail};
use clap::Args;
use prooflane_dataset::{CsvWriter, Format, Options, ParquetWriter, Reader, Table, Types};
use prooflane_ledger::{OpeningFile, Owned, SealingKey};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How files are read, where their names do not say it.
#[derive(Args, Clone)]
pub(crate) struct Reading {
    /// Types of columns, instead of those that the file has or that are inferred: TOML, `price = "decimal(2)?"` a line.
    #[arg(long, value_name = "FILE")]
    types: Option<PathBuf>,
    /// What divides the cells of a CSV file, instead of a comma.
    #[arg(long, value_name = "CHARACTER")]
    delimiter: Option<char>,
    /// What stands for a missing value in a CSV file, besides an empty cell. May be given several times.
    #[arg(long = "null", value_name = "TEXT")]
    nulls: Vec<String>,
}

impl Reading {
    pub(crate) fn options(&self) -> anyhow::Result<Options> {
        let types = match &self.types {
            None => Types::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("{} cannot be read", path.display()))?;
                Types::from_toml(&text).with_context(|| path.display().to_string())?
            }
        };
        let delimiter = match self.delimiter {
            Some(character) if !character.is_ascii() => {
                bail!("--delimiter: expected an ASCII character")
            }
            delimiter => delimiter.map(|character| character as u8),
        };
        Ok(Options {
            types,
            delimiter,
            nulls: self.nulls.clone(),
            ..Options::default()
        })
    }
}

/// Reads a file, and says how long that took.
pub(crate) fn read(path: &Path, options: &Options) -> anyhow::Result<(Table, Duration)> {
    let reader = Reader::open(path, options)?;
    let progress = Progress::rows("reading", reader.rows());
    let table = Table::read_with(reader, |rows| progress.add(rows))?;
    Ok((table, progress.done()))
}

/// A dataset that was notarized: its file, and the opening beside it.
#[derive(Args, Clone)]
pub(crate) struct Notarized {
    /// The dataset's file, as it was notarized.
    data: PathBuf,
    /// Its opening; beside the file where not given.
    #[arg(long, value_name = "FILE")]
    opening: Option<PathBuf>,
    #[command(flatten)]
    reading: Reading,
}

/// A dataset that is here, and how long reading it took.
pub(crate) struct Here {
    pub(crate) owned: Owned,
    pub(crate) read: Duration,
}

impl Notarized {
    /// Several with openings beside them.
    pub(crate) fn all(data: Vec<PathBuf>, reading: &Reading) -> Vec<Self> {
        let of = |data| Self {
            data,
            opening: None,
            reading: reading.clone(),
        };
        data.into_iter().map(of).collect()
    }

    /// The dataset's file.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    pub(crate) fn opening(&self) -> anyhow::Result<OpeningFile> {
        let path = self.opening.clone();
        let path = path.unwrap_or_else(|| OpeningFile::beside(&self.data));
        let read = OpeningFile::read(&path);
        read.context("is the dataset notarized? `prooflane ledger notarize` does it")
    }

    pub(crate) fn here(&self, key: &SealingKey) -> anyhow::Result<Here> {
        let file = self.opening()?;
        let opening = file.open(key)?;
        let mut options = self.reading.options()?;
        if self.reading.types.is_none() {
            // As it was read when it was notarized.
            let fields = opening.commitment().schema.columns().iter();
            let types = fields.map(|field| (field.name.clone(), field.kind));
            options.types = Types::new(types.collect())?;
        }
        let (table, read) = read(&self.data, &options)?;
        let owned = Owned {
            table,
            opening,
            file,
        };
        Ok(Here { owned, read })
    }
}

/// Writes a dataset into a new file, as its name says.
pub(crate) fn write(path: &Path, table: &Table) -> anyhow::Result<()> {
    if path.exists() {
        bail!("{} is there already", path.display());
    }
    match Format::of(path)? {
        Format::Parquet => {
            let mut writer = ParquetWriter::create(path, table.schema())?;
            writer.write(table.rows())?;
            writer.finish()?;
        }
        Format::Csv => {
            let mut writer = CsvWriter::create(path, table.schema())?;
            writer.write(table.rows())?;
            writer.finish()?;
        }
        Format::JsonLines => bail!("{}: expected .parquet or .csv", path.display()),
    }
    Ok(())
}

/// What a dataset is called that is in this file.
pub(crate) fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}
