use crate::Error;
use crate::batch::Batch;
use crate::kind::Kind;
use crate::schema::Schema;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// What a cell is written in quotes for; a byte order mark, as the first of a file would be taken for one.
const QUOTED: [char; 5] = [',', '"', '\r', '\n', '\u{feff}'];

/// Writes batches as CSV that this crate reads back as the same values, given the same types: nulls as empty cells,
/// empty texts as `""`, bytes in hexadecimal.
pub struct CsvWriter {
    path: PathBuf,
    kinds: Vec<Kind>,
    out: BufWriter<File>,
}

impl CsvWriter {
    /// A new file with its header; one that is there is replaced.
    ///
    /// # Errors
    /// If it cannot be written, or the only column may hold null texts: in CSV such a row would be an empty line.
    pub fn create(path: &Path, schema: &Schema) -> Result<Self, Error> {
        if let [field] = schema.columns() {
            let strings = matches!(field.kind.kind, Kind::Text | Kind::Bytes);
            if strings && field.kind.nullable {
                let expected = "no nulls, as it is the only column and CSV has no way to write them; write Parquet";
                return Err(Error::Column {
                    column: field.name.clone(),
                    expected,
                });
            }
        }
        let io = |source| Error::Io {
            file: path.into(),
            source,
        };
        let out = BufWriter::new(File::create(path).map_err(io)?);
        let kinds = schema
            .columns()
            .iter()
            .map(|field| field.kind.kind)
            .collect();
        let mut writer = Self {
            path: path.into(),
            kinds,
            out,
        };
        let names = schema
            .columns()
            .iter()
            .map(|field| Some(field.name.clone()));
        writer.line(names)?;
        Ok(writer)
    }

    /// Writes the next rows, whose columns must be the schema's.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&mut self, batch: &Batch) -> Result<(), Error> {
        let kinds = std::mem::take(&mut self.kinds);
        let lone = kinds.len() == 1;
        for row in 0..batch.rows() {
            let cells = kinds
                .iter()
                .zip(batch.columns())
                .map(|(kind, column)| column.show(*kind, row));
            // An empty line would not be read as a row.
            self.line(cells.map(|cell| {
                if lone {
                    Some(cell.unwrap_or_default())
                } else {
                    cell
                }
            }))?;
        }
        self.kinds = kinds;
        Ok(())
    }

    fn line(&mut self, cells: impl Iterator<Item = Option<String>>) -> Result<(), Error> {
        let mut line = String::new();
        for (index, cell) in cells.enumerate() {
            if index > 0 {
                line.push(',');
            }
            match cell {
                None => {}
                Some(cell) if cell.is_empty() || cell.contains(QUOTED) => {
                    line.push('"');
                    line.push_str(&cell.replace('"', "\"\""));
                    line.push('"');
                }
                Some(cell) => line.push_str(&cell),
            }
        }
        line.push('\n');
        let io = |source| Error::Io {
            file: self.path.clone(),
            source,
        };
        self.out.write_all(line.as_bytes()).map_err(io)
    }

    /// Ends the file: what was written is on the disk then.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn finish(self) -> Result<(), Error> {
        let io = |source| Error::Io {
            file: self.path.clone(),
            source,
        };
        let file = self
            .out
            .into_inner()
            .map_err(|error| io(error.into_error()))?;
        file.sync_all().map_err(io)
    }
}
