//! Parquet, its columns decoded side by side.

use super::{BATCH_BYTES, BATCH_ROWS, Reader};
use crate::batch::{Batch, Column, Strings, Values};
use crate::error::{At, Place};
use crate::kind::{DECIMAL128_END, Kind, Unit, Width};
use crate::schema::{Field, Schema, Type, Types};
use crate::{Error, ValueProblem, key};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, Time32MillisecondType, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use rayon::iter::{
    IndexedParallelIterator, IntoParallelRefIterator, IntoParallelRefMutIterator, ParallelIterator,
};
use std::fs::File;
use std::io::{BufReader, Read};
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) fn open(path: &Path, types: &Types) -> Result<Reader, Error> {
    guarded(path, || opened(path, types))
}

/// Runs the decoder, which panics on some damaged files where it should fail.
fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    // What was half read is not looked at again.
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| {
        Err(Error::Parquet {
            file: path.into(),
            problem: "the decoder gave up".into(),
        })
    })
}

fn opened(path: &Path, types: &Types) -> Result<Reader, Error> {
    let file = super::open_file(path)?;
    let length = file
        .metadata()
        .map_err(|source| Error::Io {
            file: path.into(),
            source,
        })?
        .len();
    let file = SharedFile {
        file: Arc::new(file),
        length,
    };
    let damaged = |error: ParquetError| Error::Parquet {
        file: path.into(),
        problem: error.to_string(),
    };

    // Parquet's own types alone: an Arrow schema in the file says how a program held the data, not what they are.
    let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let metadata = ArrowReaderMetadata::load(&file, plain).map_err(damaged)?;
    let names: Vec<_> = metadata
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    types.check(&names)?;
    let mut fields = Vec::new();
    for field in metadata.schema().fields() {
        let own = kind_of(field.data_type()).map_err(|advice| Error::Unsupported {
            file: path.into(),
            column: field.name().clone(),
            got: field.data_type().to_string(),
            advice,
        })?;
        let own = Type {
            kind: own,
            nullable: field.is_nullable(),
        };
        let read = types.get(field.name()).unwrap_or(own);
        if !converts(own.kind, read.kind) {
            return Err(Error::Conversion {
                file: path.into(),
                column: field.name().clone(),
                expected: read.kind,
                got: own.kind.to_string(),
            });
        }
        fields.push(Field {
            name: field.name().clone(),
            kind: read,
        });
    }
    let schema = Schema::new(fields)?;

    // Offsets of 64 bits, so that a batch of long texts is not too long.
    let wide = metadata
        .schema()
        .fields()
        .iter()
        .map(|field| match field.data_type() {
            DataType::Utf8 => Arc::new(field.as_ref().clone().with_data_type(DataType::LargeUtf8)),
            DataType::Binary => {
                Arc::new(field.as_ref().clone().with_data_type(DataType::LargeBinary))
            }
            _ => field.clone(),
        });
    let wide = Arc::new(arrow_schema::Schema::new(wide.collect::<Vec<_>>()));
    let options = ArrowReaderOptions::new().with_schema(wide);
    let metadata =
        ArrowReaderMetadata::try_new(metadata.metadata().clone(), options).map_err(damaged)?;

    let rows = u64::try_from(metadata.metadata().file_metadata().num_rows()).unwrap_or(0);
    let batch_rows = batch_rows(&metadata);
    let reader = |column| {
        let mask = ProjectionMask::roots(metadata.parquet_schema(), [column]);
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), metadata.clone());
        builder
            .with_projection(mask)
            .with_batch_size(batch_rows)
            .build()
            .map_err(damaged)
    };
    let readers: Result<Vec<_>, _> = (0..names.len()).map(reader).collect();
    let source = Source {
        file: path.into(),
        readers: readers?,
        fields: schema.columns().to_vec(),
        rows: 0,
    };
    let batches = super::batches(source, |source| {
        let file = source.file.clone();
        guarded(&file, || source.next())
    });
    Ok(Reader {
        schema,
        rows: Some(rows),
        batches,
    })
}

/// Rows of a batch whose texts are not too long together, if the file says how long they are.
fn batch_rows(metadata: &ArrowReaderMetadata) -> usize {
    let widest = metadata.metadata().row_groups().iter().map(|group| {
        let bytes = group.columns().iter().map(|column| {
            let text = column.unencoded_byte_array_data_bytes();
            usize::try_from(text.unwrap_or(0).max(column.uncompressed_size())).unwrap_or(usize::MAX)
        });
        let bytes = bytes.fold(0, usize::saturating_add);
        bytes / usize::try_from(group.num_rows()).unwrap_or(1).max(1)
    });
    let widest = widest.max().unwrap_or(1).max(1);
    (BATCH_BYTES / widest).clamp(1, BATCH_ROWS)
}

/// The kind of a type of Parquet, or what to do about it.
fn kind_of(data_type: &DataType) -> Result<Kind, &'static str> {
    let unit = |unit: &TimeUnit| {
        if *unit == TimeUnit::Nanosecond {
            Unit::Nanos
        } else {
            Unit::Micros
        }
    };
    Ok(match data_type {
        DataType::Boolean => Kind::Bool,
        DataType::Int8 => Kind::Int(Width::W8),
        DataType::Int16 => Kind::Int(Width::W16),
        DataType::Int32 => Kind::Int(Width::W32),
        DataType::Int64 => Kind::Int(Width::W64),
        DataType::UInt8 => Kind::Uint(Width::W8),
        DataType::UInt16 => Kind::Uint(Width::W16),
        DataType::UInt32 => Kind::Uint(Width::W32),
        DataType::UInt64 => Kind::Uint(Width::W64),
        DataType::Float32 => Kind::Float32,
        DataType::Float64 => Kind::Float64,
        DataType::Decimal128(precision, scale) => match u8::try_from(*scale) {
            Ok(scale) if *precision <= 18 => Kind::Decimal(scale),
            Ok(scale) => Kind::Decimal128(scale),
            Err(_) => return Err("cast it to a decimal whose scale is not negative"),
        },
        DataType::Date32 => Kind::Date,
        DataType::Time32(_) | DataType::Time64(_) => Kind::Time,
        DataType::Timestamp(of, zone) => Kind::Timestamp {
            unit: unit(of),
            utc: zone.is_some(),
        },
        DataType::Utf8 => Kind::Text,
        DataType::Binary | DataType::FixedSizeBinary(_) => Kind::Bytes,
        DataType::Float16 => return Err("cast it to float32"),
        DataType::Null => return Err("drop it, or cast it to the type its values would have"),
        DataType::Decimal256(_, _) => {
            return Err("cast it to a decimal of at most 38 digits, or to text");
        }
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::FixedSizeList(_, _)
        | DataType::Map(_, _) => {
            return Err("flatten it: one row for each of its elements, or drop it");
        }
        DataType::Struct(_) => {
            return Err("flatten it: one column for each of its fields, or drop it");
        }
        _ => return Err("cast it to another type, or drop it"),
    })
}

/// Whether a column can be read as a kind that is not its own: what holds the same values in another width or unit.
fn converts(own: Kind, read: Kind) -> bool {
    use Kind::{Bytes, Decimal, Decimal128, Float32, Float64, Int, Text, Timestamp, Uint};
    match (own, read) {
        (Int(_) | Uint(_), Int(_) | Uint(_)) => true,
        (Decimal(a) | Decimal128(a), Decimal(b) | Decimal128(b)) => a == b,
        (Float32, Float64) => true,
        // Older writers leave out that bytes are text.
        (Bytes, Text) => true,
        (Timestamp { utc: a, .. }, Timestamp { utc: b, .. }) => a == b,
        _ => own == read,
    }
}

struct Source {
    file: PathBuf,
    readers: Vec<ParquetRecordBatchReader>,
    fields: Vec<Field>,
    rows: u64,
}

impl Source {
    fn next(&mut self) -> Result<Option<Batch>, Error> {
        let (file, before) = (&self.file, self.rows);
        let columns =
            self.readers
                .par_iter_mut()
                .zip(self.fields.par_iter())
                .map(|(reader, field)| {
                    let Some(read) = reader.next() else {
                        return Ok(None);
                    };
                    let read = read.map_err(|error| Error::Parquet {
                        file: file.clone(),
                        problem: error.to_string(),
                    })?;
                    let column = column(read.column(0), field.kind);
                    column.map(Some).map_err(|(row, problem)| Error::Value {
                        place: Place {
                            file: file.clone(),
                            at: At::Row(before + row as u64 + 1),
                        },
                        column: field.name.clone(),
                        expected: field.kind.kind,
                        problem,
                    })
                });
        // The first column's error, not that of the fastest.
        let columns: Vec<Result<Option<Column>, Error>> = columns.collect();
        let columns: Option<Vec<Column>> = columns
            .into_iter()
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .collect();
        let Some(columns) = columns else {
            return Ok(None);
        };
        let rows = columns.first().map_or(0, Column::len);
        if columns.iter().any(|column| column.len() != rows) {
            let problem = "its columns differ in length".into();
            return Err(Error::Parquet {
                file: self.file.clone(),
                problem,
            });
        }
        self.rows += rows as u64;
        Ok(Some(Batch::of(columns)))
    }
}

/// A row of the batch, 0 the first, and what is wrong with its value.
type Wrong = (usize, ValueProblem);

/// An array as a column of a kind that its type converts to.
fn column(array: &ArrayRef, to: Type) -> Result<Column, Wrong> {
    let present: Option<Vec<bool>> = array
        .logical_nulls()
        .filter(|nulls| nulls.null_count() > 0)
        .map(|nulls| nulls.iter().collect());
    if let (false, Some(present)) = (to.nullable, &present) {
        let row = present.iter().position(|present| !present);
        return Err((row.unwrap_or(0), ValueProblem::Null));
    }
    let values = Primitives {
        array,
        to: to.kind,
        present: present.as_deref(),
    };
    let values = match array.data_type() {
        DataType::Boolean => {
            Values::Keys(array.as_boolean().values().iter().map(u64::from).collect())
        }
        DataType::Int8 => values.signed::<Int8Type>(Width::W8)?,
        DataType::Int16 => values.signed::<Int16Type>(Width::W16)?,
        DataType::Int32 => values.signed::<Int32Type>(Width::W32)?,
        DataType::Int64 => values.signed::<Int64Type>(Width::W64)?,
        DataType::UInt8 => values.unsigned::<UInt8Type>(Width::W8)?,
        DataType::UInt16 => values.unsigned::<UInt16Type>(Width::W16)?,
        DataType::UInt32 => values.unsigned::<UInt32Type>(Width::W32)?,
        DataType::UInt64 => values.unsigned::<UInt64Type>(Width::W64)?,
        DataType::Float32 if to.kind == Kind::Float32 => values.each::<Float32Type>(key::from_f32),
        DataType::Float32 => values.each::<Float32Type>(|value| key::from_f64(f64::from(value))),
        DataType::Float64 => values.each::<Float64Type>(key::from_f64),
        DataType::Decimal128(_, _) => match to.kind {
            Kind::Decimal128(_) => values.wide()?,
            _ => values.checked::<Decimal128Type>(|value| to.kind.key_of_integer(value))?,
        },
        DataType::Date32 => values.each::<Date32Type>(|days| key::from_signed(32, days.into())),
        DataType::Time32(_) => values.time::<Time32MillisecondType>(1_000_000)?,
        DataType::Time64(TimeUnit::Microsecond) => values.time::<Time64MicrosecondType>(1_000)?,
        DataType::Time64(_) => values.time::<Time64NanosecondType>(1)?,
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            values.timestamp::<TimestampMillisecondType>(1_000_000)?
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            values.timestamp::<TimestampMicrosecondType>(1_000)?
        }
        DataType::Timestamp(_, _) => values.timestamp::<TimestampNanosecondType>(1)?,
        DataType::LargeUtf8 => {
            let texts = array.as_string::<i64>().iter();
            values.strings(texts.map(|text| text.map(str::as_bytes)))?
        }
        DataType::LargeBinary => values.bytes(array.as_binary::<i64>().iter())?,
        DataType::FixedSizeBinary(_) => values.bytes(array.as_fixed_size_binary().iter())?,
        // `kind_of` lets no other type through.
        _ => return Err((0, ValueProblem::Notation)),
    };
    Ok(Column::new(present, values))
}

struct Primitives<'a> {
    array: &'a ArrayRef,
    to: Kind,
    present: Option<&'a [bool]>,
}

impl Primitives<'_> {
    /// Keys that every value has.
    fn each<T: ArrowPrimitiveType>(&self, key: impl Fn(T::Native) -> u64) -> Values {
        let values = self.array.as_primitive::<T>().values();
        Values::Keys(values.iter().map(|value| key(*value)).collect())
    }

    /// Keys that a value may lack. What is there of a null does not matter.
    fn checked<T: ArrowPrimitiveType>(
        &self,
        key: impl Fn(T::Native) -> Option<u64>,
    ) -> Result<Values, Wrong> {
        let values = self.array.as_primitive::<T>().values();
        let keys = values.iter().enumerate().map(|(row, value)| {
            let null = self.present.is_some_and(|present| !present[row]);
            if null { Some(0) } else { key(*value) }.ok_or((row, ValueProblem::Range))
        });
        Ok(Values::Keys(keys.collect::<Result<_, _>>()?))
    }

    fn signed<T: ArrowPrimitiveType<Native: Into<i64>>>(
        &self,
        width: Width,
    ) -> Result<Values, Wrong> {
        if self.to == Kind::Int(width) {
            return Ok(self.each::<T>(|value| key::from_signed(width.bits(), value.into())));
        }
        self.checked::<T>(|value| self.to.key_of_integer(value.into().into()))
    }

    fn unsigned<T: ArrowPrimitiveType<Native: Into<u64>>>(
        &self,
        width: Width,
    ) -> Result<Values, Wrong> {
        if self.to == Kind::Uint(width) {
            return Ok(self.each::<T>(Into::into));
        }
        self.checked::<T>(|value| self.to.key_of_integer(value.into().into()))
    }

    fn time<T: ArrowPrimitiveType<Native: Into<i64>>>(&self, nanos: i64) -> Result<Values, Wrong> {
        self.checked::<T>(|value| {
            self.to
                .key_of_integer(i128::from(value.into()) * i128::from(nanos))
        })
    }

    fn timestamp<T: ArrowPrimitiveType<Native = i64>>(&self, nanos: i64) -> Result<Values, Wrong> {
        let Kind::Timestamp { unit, .. } = self.to else {
            return Err((0, ValueProblem::Notation));
        };
        let to = 1_000_000_000 / unit.per_second();
        if nanos == to {
            return Ok(self.each::<T>(|value| key::from_signed(64, value)));
        }
        if nanos > to {
            let factor = i128::from(nanos / to);
            return self.checked::<T>(|value| self.to.key_of_integer(i128::from(value) * factor));
        }
        // Only from nanoseconds to microseconds.
        let keys =
            self.checked::<T>(|value| (value % to == 0).then(|| key::from_signed(64, value / to)));
        keys.map_err(|(row, _)| (row, ValueProblem::Precision))
    }

    fn wide(&self) -> Result<Values, Wrong> {
        let values = self.array.as_primitive::<Decimal128Type>().values();
        let keys = values.iter().enumerate().map(|(row, value)| {
            let null = self.present.is_some_and(|present| !present[row]);
            let sound = null || value.unsigned_abs() < DECIMAL128_END.unsigned_abs();
            if sound {
                Ok(key::from_wide(*value))
            } else {
                Err((row, ValueProblem::Range))
            }
        });
        Ok(Values::Wide(keys.collect::<Result<_, _>>()?))
    }

    /// Bytes, which may have to be text.
    fn bytes<'a>(&self, values: impl Iterator<Item = Option<&'a [u8]>>) -> Result<Values, Wrong> {
        let read = self.strings(values)?;
        if let (Kind::Text, Values::Strings(texts)) = (self.to, &read) {
            let wrong = texts
                .iter()
                .position(|text| std::str::from_utf8(text).is_err());
            if let Some(row) = wrong {
                return Err((row, ValueProblem::Utf8));
            }
        }
        Ok(read)
    }

    fn strings<'a>(&self, values: impl Iterator<Item = Option<&'a [u8]>>) -> Result<Values, Wrong> {
        let mut strings = Strings::default();
        for (row, value) in values.enumerate() {
            let value = value.unwrap_or(&[]);
            u32::try_from(value.len()).map_err(|_| (row, ValueProblem::Length))?;
            strings.push(value);
        }
        Ok(Values::Strings(strings))
    }
}

/// A file that many threads read, each from its own place.
#[derive(Clone)]
struct SharedFile {
    file: Arc<File>,
    length: u64,
}

impl Length for SharedFile {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for SharedFile {
    type T = BufReader<From>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(BufReader::new(From {
            file: self.file.clone(),
            at: start,
        }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        // A damaged file may ask for more than there is.
        if start
            .checked_add(length as u64)
            .is_none_or(|end| end > self.length)
        {
            return Err(ParquetError::EOF(format!(
                "expected {length} bytes at {start}, got the file's end"
            )));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
}

/// The bytes from a place on.
struct From {
    file: Arc<File>,
    at: u64,
}

impl Read for From {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
