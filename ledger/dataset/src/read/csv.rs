//! CSV as RFC 4180 has it, with what files from elsewhere add: a byte order mark, any line ends, empty lines.

use super::infer::Inference;
use super::{Options, RECORD_BYTES, Reader, Rows, batches, open_file};
use crate::batch::Batch;
use crate::error::{At, Place};
use crate::kind::Kind;
use crate::schema::{Field, Schema};
use crate::{Error, ValueProblem};
use csv_core::ReadFieldResult;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

pub(super) fn open(file: &Path, options: &Options) -> Result<Reader, Error> {
    let tabs = file
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("tsv"));
    let delimiter = options.delimiter.unwrap_or(if tabs { b'\t' } else { b',' });
    let mut cells = Cells::new(file, delimiter)?;
    let names = header(&mut cells)?;
    options.types.check(&names)?;
    let given: Vec<_> = names.iter().map(|name| options.types.get(name)).collect();

    let mut inferences: Vec<_> = names.iter().map(|_| Inference::new()).collect();
    let mut rows = None;
    if given.iter().any(Option::is_none) {
        rows = Some(infer(&mut cells, &mut inferences, &options.nulls)?);
        cells = Cells::new(file, delimiter)?;
        header(&mut cells)?;
    }
    let types = given
        .iter()
        .zip(&inferences)
        .map(|(given, inference)| given.unwrap_or_else(|| inference.found()));
    let fields = names.into_iter().zip(types);
    let fields = fields.map(|(name, kind)| Field { name, kind });
    let schema = Schema::new(fields.collect())?;

    let source = (cells, Rows::new(file, &schema), options.nulls.clone());
    let batches = batches(source, |(cells, rows, nulls)| next(cells, rows, nulls));
    Ok(Reader {
        schema,
        rows,
        batches,
    })
}

fn header(cells: &mut Cells) -> Result<Vec<String>, Error> {
    let mut names: Vec<String> = Vec::new();
    loop {
        let Some(cell) = cells.next()? else {
            return Err(cells.syntax("a header with the columns' names, got an empty file"));
        };
        let name = cells
            .text()
            .map_err(|_| cells.syntax("UTF-8 in the header; write the file again in UTF-8"))?;
        names.push(name.to_owned());
        if cell.last {
            // The schema would tell too, but only after all rows have been read.
            let mut seen = std::collections::HashSet::new();
            let twice = names.iter().find(|name| !seen.insert(*name));
            return match twice {
                Some(name) => Err(Error::SameName {
                    column: name.clone(),
                }),
                None => Ok(names),
            };
        }
    }
}

fn infer(cells: &mut Cells, inferences: &mut [Inference], nulls: &[String]) -> Result<u64, Error> {
    let mut rows = 0;
    let mut column = 0;
    while let Some(cell) = cells.next()? {
        let text = cells
            .text()
            .map_err(|_| cells.syntax("UTF-8; write the file again in UTF-8"))?;
        if let Some(inference) = inferences.get_mut(column) {
            if !cell.quoted && (text.is_empty() || nulls.iter().any(|null| null == text)) {
                inference.null();
            } else if text.is_empty() {
                inference.empty_string();
            } else {
                inference.cell(text);
            }
        }
        column += 1;
        if cells.row_ends(cell, column, inferences.len())? {
            column = 0;
            rows += 1;
        }
    }
    Ok(rows)
}

fn next(cells: &mut Cells, rows: &mut Rows, nulls: &[String]) -> Result<Option<Batch>, Error> {
    let mut column = 0;
    while let Some(cell) = cells.next()? {
        let line = cells.line;
        if column < rows.fields.len() {
            let text = cells
                .text()
                .map_err(|problem| rows.problem(column, line, problem))?;
            let strings = matches!(rows.fields[column].kind.kind, Kind::Text | Kind::Bytes);
            let null = if text.is_empty() {
                // A number cannot be empty, whether in quotes or not; a text can.
                !cell.quoted || !strings
            } else {
                !cell.quoted && nulls.iter().any(|null| null == text)
            };
            rows.push(column, line, (!null).then_some(text))?;
        }
        column += 1;
        if cells.row_ends(cell, column, rows.fields.len())? {
            column = 0;
            if rows.row_ends() {
                break;
            }
        }
    }
    Ok(rows.batch())
}

/// A cell, whose text is in [`Cells`].
#[derive(Clone, Copy)]
struct Cell {
    /// Whether it is written in quotes.
    quoted: bool,
    /// Whether it ends its row.
    last: bool,
}

/// The cells of a file, one after the other.
struct Cells {
    file: PathBuf,
    input: BufReader<File>,
    parser: csv_core::Reader,
    /// The text of the last cell, and room for a longer one.
    buffer: Vec<u8>,
    length: usize,
    /// The line where the record of the last cell begins.
    line: u64,
    starts_record: bool,
}

impl Cells {
    fn new(file: &Path, delimiter: u8) -> Result<Self, Error> {
        Ok(Self {
            file: file.into(),
            input: BufReader::with_capacity(1 << 18, open_file(file)?),
            parser: csv_core::ReaderBuilder::new().delimiter(delimiter).build(),
            buffer: vec![0; 1 << 12],
            length: 0,
            line: 1,
            starts_record: true,
        })
    }

    fn text(&self) -> Result<&str, ValueProblem> {
        std::str::from_utf8(&self.buffer[..self.length]).map_err(|_| ValueProblem::Utf8)
    }

    fn syntax(&self, expected: &'static str) -> Error {
        let place = Place {
            file: self.file.clone(),
            at: At::Line(self.line),
        };
        Error::Syntax { place, expected }
    }

    /// The next cell; none at the end of the file.
    fn next(&mut self) -> Result<Option<Cell>, Error> {
        self.length = 0;
        let mut raw = Raw::default();
        if self.starts_record {
            self.line = self.parser.line();
        }
        loop {
            let input = self.input.fill_buf();
            let input = input.map_err(|source| Error::Io {
                file: self.file.clone(),
                source,
            })?;
            let (result, read, written) = self
                .parser
                .read_field(input, &mut self.buffer[self.length..]);
            let mut part = &input[..read];
            if !raw.begun && self.starts_record {
                // Line ends and a mark that are no part of the record.
                part = part.strip_prefix(b"\xef\xbb\xbf").unwrap_or(part);
                let ends = part
                    .iter()
                    .take_while(|byte| matches!(byte, b'\r' | b'\n'))
                    .count();
                self.line += part[..ends].iter().filter(|byte| **byte == b'\n').count() as u64;
                part = &part[ends..];
            }
            raw.add(part);
            self.input.consume(read);
            self.length += written;
            match result {
                ReadFieldResult::InputEmpty => {}
                ReadFieldResult::OutputFull => {
                    if self.buffer.len() >= RECORD_BYTES {
                        return Err(self.syntax("cells below 256 MiB; is a quote missing?"));
                    }
                    self.buffer.resize(self.buffer.len() * 2, 0);
                }
                ReadFieldResult::Field { record_end } => {
                    if !raw.is_well_quoted(read > 0) {
                        return Err(self.syntax(
                            "quotes around a whole cell, doubled within; quote the cell that holds a quote",
                        ));
                    }
                    self.starts_record = record_end;
                    return Ok(Some(Cell {
                        quoted: raw.quoted,
                        last: record_end,
                    }));
                }
                ReadFieldResult::End => return Ok(None),
            }
        }
    }

    /// Whether a cell ends its row, which then must have as many cells as there are columns.
    fn row_ends(&self, cell: Cell, cells: usize, expected: usize) -> Result<bool, Error> {
        if cell.last != (cells == expected) {
            let place = Place {
                file: self.file.clone(),
                at: At::Line(self.line),
            };
            return Err(Error::Ragged {
                place,
                expected,
                got: if cell.last { cells } else { expected + 1 },
            });
        }
        Ok(cell.last)
    }
}

/// What of a cell's own writing must be known: the parser unquotes, and forgives whatever is wrong.
#[derive(Default)]
struct Raw {
    begun: bool,
    quoted: bool,
    quotes: usize,
    /// The last two bytes.
    end: [u8; 2],
}

impl Raw {
    fn add(&mut self, part: &[u8]) {
        let Some(first) = part.first() else {
            return;
        };
        if !self.begun {
            self.begun = true;
            self.quoted = *first == b'"';
        }
        if self.quoted {
            self.quotes += part.iter().filter(|byte| **byte == b'"').count();
            self.end = match part {
                [.., before, last] => [*before, *last],
                _ => [self.end[1], *first],
            };
        }
    }

    /// Whether it has no quotes around it, or closes them and ends there. `terminated` says that its last byte is what
    /// divides it from the next.
    fn is_well_quoted(&self, terminated: bool) -> bool {
        let closing = if terminated { self.end[0] } else { self.end[1] };
        !self.quoted || self.quotes.is_multiple_of(2) && self.quotes >= 2 && closing == b'"'
    }
}
