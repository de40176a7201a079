//! JSON lines: an object a line, its values null, booleans, numbers or strings.

use super::infer::Inference;
use super::{RECORD_BYTES, Reader, Rows, batches, open_file};
use crate::Error;
use crate::batch::Batch;
use crate::error::{At, Place};
use crate::schema::{Field, Schema, Types};
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

pub(super) fn open(file: &Path, types: &Types) -> Result<Reader, Error> {
    let (names, inferences, rows) = infer(file, types)?;
    types.check(&names)?;
    let fields = names.into_iter().zip(&inferences).map(|(name, inference)| {
        let kind = types.get(&name).unwrap_or_else(|| inference.found());
        Field { name, kind }
    });
    let schema = Schema::new(fields.collect())?;
    let names = schema.columns().iter().enumerate();
    let source = Source {
        lines: Lines::new(file)?,
        columns: names
            .map(|(index, column)| (column.name.clone(), index))
            .collect(),
        rows: Rows::new(file, &schema),
        seen: vec![false; schema.columns().len()],
    };
    let batches = batches(source, Source::next);
    Ok(Reader {
        schema,
        rows: Some(rows),
        batches,
    })
}

/// Names in the order in which they first come, what their values are, and how many rows there are.
fn infer(file: &Path, types: &Types) -> Result<(Vec<String>, Vec<Inference>, u64), Error> {
    let mut lines = Lines::new(file)?;
    let mut names = Vec::new();
    let mut inferences: Vec<Inference> = Vec::new();
    // How many rows have a value or null of each.
    let mut counts: Vec<u64> = Vec::new();
    let mut columns: HashMap<String, usize> = HashMap::new();
    let mut rows = 0;
    while lines.next()? {
        for (name, raw) in lines.object()? {
            let column = match columns.get(&*name) {
                Some(column) => *column,
                None => {
                    let column = names.len();
                    columns.insert(name.clone().into_owned(), column);
                    names.push(name.clone().into_owned());
                    inferences.push(Inference::new());
                    counts.push(0);
                    column
                }
            };
            counts[column] += 1;
            let inference = &mut inferences[column];
            match value(raw).ok_or_else(|| lines.syntax(ESCAPES))? {
                Value::Null => inference.null(),
                Value::Boolean(_) => inference.json_boolean(),
                Value::Number(number) => inference.json_number(number),
                Value::String(text) => inference.string(&text),
                Value::Nested(got) => {
                    return Err(Error::Unsupported {
                        file: file.into(),
                        column: name.into_owned(),
                        got: format!("{got} in line {}", lines.line),
                        advice: "flatten it: one column for each of its fields, one row for each of its elements",
                    });
                }
            }
            if inference.is_contradictory() && types.get(&name).is_none() {
                return Err(Error::Mixed {
                    place: lines.place(),
                    column: name.into_owned(),
                });
            }
        }
        rows += 1;
    }
    for (inference, count) in inferences.iter_mut().zip(counts) {
        if count < rows {
            inference.null();
        }
    }
    Ok((names, inferences, rows))
}

struct Source {
    lines: Lines,
    columns: HashMap<String, usize>,
    rows: Rows,
    /// Which columns the row has named.
    seen: Vec<bool>,
}

impl Source {
    fn next(&mut self) -> Result<Option<Batch>, Error> {
        while self.lines.next()? {
            let line = self.lines.line;
            self.seen.fill(false);
            for (name, raw) in self.lines.object()? {
                let changed = || {
                    self.lines
                        .syntax("the columns that were found before; was the file changed?")
                };
                let column = *self.columns.get(&*name).ok_or_else(changed)?;
                if std::mem::replace(&mut self.seen[column], true) {
                    return Err(self.lines.syntax("each name once in an object"));
                }
                match value(raw).ok_or_else(|| self.lines.syntax(ESCAPES))? {
                    Value::Null => self.rows.push(column, line, None)?,
                    Value::Boolean(text) | Value::Number(text) => {
                        self.rows.push(column, line, Some(text))?
                    }
                    Value::String(text) => self.rows.push(column, line, Some(&text))?,
                    Value::Nested(_) => return Err(changed()),
                }
            }
            for column in 0..self.seen.len() {
                if !self.seen[column] {
                    self.rows.push(column, line, None)?;
                }
            }
            if self.rows.row_ends() {
                break;
            }
        }
        Ok(self.rows.batch())
    }
}

enum Value<'a> {
    Null,
    Boolean(&'a str),
    Number(&'a str),
    String(Cow<'a, str>),
    Nested(&'static str),
}

/// What a value is; none if it is a string with an escape of half a surrogate pair, which is no text.
fn value(raw: &RawValue) -> Option<Value<'_>> {
    let text = raw.get();
    Some(match text.as_bytes().first() {
        Some(b'n') => Value::Null,
        Some(b't' | b'f') => Value::Boolean(text),
        Some(b'"') => {
            // A string without escapes is what stands between its quotes.
            let inner = text.get(1..text.len() - 1).unwrap_or("");
            if inner.contains('\\') {
                let unescaped: Result<String, _> = serde_json::from_str(text);
                Value::String(Cow::Owned(unescaped.ok()?))
            } else {
                Value::String(Cow::Borrowed(inner))
            }
        }
        Some(b'{') => Value::Nested("an object"),
        Some(b'[') => Value::Nested("an array"),
        _ => Value::Number(text),
    })
}

const ESCAPES: &str = "escapes that make Unicode text: both halves of a surrogate pair";

/// The lines of a file that are not empty.
struct Lines {
    file: PathBuf,
    input: BufReader<File>,
    text: Vec<u8>,
    line: u64,
}

impl Lines {
    fn new(file: &Path) -> Result<Self, Error> {
        let input = BufReader::with_capacity(1 << 18, open_file(file)?);
        Ok(Self {
            file: file.into(),
            input,
            text: Vec::new(),
            line: 0,
        })
    }

    fn place(&self) -> Place {
        Place {
            file: self.file.clone(),
            at: At::Line(self.line),
        }
    }

    fn syntax(&self, expected: &'static str) -> Error {
        Error::Syntax {
            place: self.place(),
            expected,
        }
    }

    /// Reads the next line; false at the end of the file.
    fn next(&mut self) -> Result<bool, Error> {
        loop {
            self.text.clear();
            let mut limited = (&mut self.input).take(RECORD_BYTES as u64);
            let read = limited.read_until(b'\n', &mut self.text);
            let read = read.map_err(|source| Error::Io {
                file: self.file.clone(),
                source,
            })?;
            self.line += 1;
            if read == 0 {
                return Ok(false);
            }
            if read == RECORD_BYTES {
                return Err(self.syntax("lines below 256 MiB"));
            }
            if self.line == 1 && self.text.starts_with(b"\xef\xbb\xbf") {
                self.text.drain(..3);
            }
            if !self.text.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }

    /// The names and values of the line's object.
    fn object(&self) -> Result<Vec<(Cow<'_, str>, &RawValue)>, Error> {
        let object: Result<Object<'_>, _> = serde_json::from_slice(&self.text);
        object.map(|object| object.0).map_err(|error| {
            self.syntax(match error.classify() {
                serde_json::error::Category::Data => "a JSON object in each line",
                _ => "JSON in UTF-8, one object a line",
            })
        })
    }
}

/// An object's entries in order, the values as they are written.
struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> de::Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    entries.push((name, value));
                }
                Ok(Object(entries))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

/// A name, borrowed where nothing in it is escaped.
struct Name<'a>(Cow<'a, str>);

impl<'de> de::Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text.into())))
            }
        }

        deserializer.deserialize_str(Text)
    }
}
