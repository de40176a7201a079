use crate::batch::{Batch, Column, Strings, Values};
use crate::kind::{Kind, Unit, Width};
use crate::schema::Schema;
use crate::{Error, key};
use arrow_array::builder::{BinaryBuilder, StringBuilder};
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, Time64NanosecondType, TimestampMicrosecondType, TimestampNanosecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{ArrayRef, BooleanArray, PrimitiveArray, RecordBatch};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::{ArrowError, DataType, Field, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Writes batches as Parquet that this crate reads back as the same dataset, without being given its types.
pub struct ParquetWriter {
    path: PathBuf,
    schema: Arc<arrow_schema::Schema>,
    kinds: Vec<Kind>,
    writer: ArrowWriter<File>,
}

impl ParquetWriter {
    /// A new file; one that is there is replaced.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn create(path: &Path, schema: &Schema) -> Result<Self, Error> {
        let fields = schema.columns().iter();
        let fields = fields
            .map(|field| Field::new(&field.name, data_type(field.kind.kind), field.kind.nullable));
        let arrow = Arc::new(arrow_schema::Schema::new(fields.collect::<Vec<_>>()));
        let file = File::create(path).map_err(|source| Error::Io {
            file: path.into(),
            source,
        })?;
        let zstd = ZstdLevel::try_new(1)
            .map(Compression::ZSTD)
            .map_err(|error| failed(path, &error))?;
        let properties = WriterProperties::builder().set_compression(zstd).build();
        // Parquet's own types say all that there is to say.
        let options = ArrowWriterOptions::new()
            .with_properties(properties)
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(file, arrow.clone(), options);
        Ok(Self {
            path: path.into(),
            schema: arrow,
            kinds: schema
                .columns()
                .iter()
                .map(|field| field.kind.kind)
                .collect(),
            writer: writer.map_err(|error| failed(path, &error))?,
        })
    }

    /// Writes the next rows, whose columns must be the schema's.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&mut self, batch: &Batch) -> Result<(), Error> {
        let arrays = self
            .kinds
            .iter()
            .zip(batch.columns())
            .map(|(kind, column)| array(*kind, column));
        let wrong = |error: ArrowError| failed(&self.path, &ParquetError::from(error));
        let arrays = arrays.collect::<Result<_, _>>().map_err(wrong)?;
        let record = RecordBatch::try_new(self.schema.clone(), arrays).map_err(wrong)?;
        self.writer
            .write(&record)
            .map_err(|error| failed(&self.path, &error))
    }

    /// Ends the file: what was written is on the disk then.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn finish(self) -> Result<(), Error> {
        let file = self
            .writer
            .into_inner()
            .map_err(|error| failed(&self.path, &error))?;
        file.sync_all().map_err(|source| Error::Io {
            file: self.path,
            source,
        })
    }
}

fn failed(path: &Path, error: &ParquetError) -> Error {
    Error::Io {
        file: path.into(),
        source: std::io::Error::other(error.to_string()),
    }
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Bool => DataType::Boolean,
        Kind::Int(Width::W8) => DataType::Int8,
        Kind::Int(Width::W16) => DataType::Int16,
        Kind::Int(Width::W32) => DataType::Int32,
        Kind::Int(Width::W64) => DataType::Int64,
        Kind::Uint(Width::W8) => DataType::UInt8,
        Kind::Uint(Width::W16) => DataType::UInt16,
        Kind::Uint(Width::W32) => DataType::UInt32,
        Kind::Uint(Width::W64) => DataType::UInt64,
        Kind::Decimal(scale) => DataType::Decimal128(18, scale.cast_signed()),
        Kind::Decimal128(scale) => DataType::Decimal128(38, scale.cast_signed()),
        Kind::Float32 => DataType::Float32,
        Kind::Float64 => DataType::Float64,
        Kind::Date => DataType::Date32,
        Kind::Time => DataType::Time64(TimeUnit::Nanosecond),
        Kind::Timestamp { unit, utc } => {
            let unit = match unit {
                Unit::Micros => TimeUnit::Microsecond,
                Unit::Nanos => TimeUnit::Nanosecond,
            };
            DataType::Timestamp(unit, utc.then(|| "UTC".into()))
        }
        Kind::Text => DataType::Utf8,
        Kind::Bytes => DataType::Binary,
    }
}

fn array(kind: Kind, column: &Column) -> Result<ArrayRef, ArrowError> {
    let nulls = column
        .present()
        .map(|present| NullBuffer::from(present.to_vec()));
    Ok(match column.values() {
        Values::Keys(keys) => of_keys(kind, keys, nulls),
        Values::Wide(keys) => {
            let values = keys.iter().map(|key| key::to_wide(*key));
            primitive::<Decimal128Type>(kind, values, nulls)
        }
        Values::Strings(strings) => of_strings(kind, strings, column)?,
    })
}

fn of_keys(kind: Kind, keys: &[u64], nulls: Option<NullBuffer>) -> ArrayRef {
    let unsigned = keys.iter().copied();
    // A null's key is that of no value: what stands there instead does not matter.
    let signed = keys
        .iter()
        .map(|key| kind.bits().map_or(0, |bits| key::to_signed(bits, *key)));
    match kind {
        Kind::Bool => {
            let values = BooleanBuffer::from_iter(keys.iter().map(|key| *key == 1));
            Arc::new(BooleanArray::new(values, nulls))
        }
        Kind::Int(Width::W8) => primitive::<Int8Type>(kind, signed.map(|value| value as i8), nulls),
        Kind::Int(Width::W16) => {
            primitive::<Int16Type>(kind, signed.map(|value| value as i16), nulls)
        }
        Kind::Int(Width::W32) => {
            primitive::<Int32Type>(kind, signed.map(|value| value as i32), nulls)
        }
        Kind::Uint(Width::W8) => {
            primitive::<UInt8Type>(kind, unsigned.map(|value| value as u8), nulls)
        }
        Kind::Uint(Width::W16) => {
            primitive::<UInt16Type>(kind, unsigned.map(|value| value as u16), nulls)
        }
        Kind::Uint(Width::W32) => {
            primitive::<UInt32Type>(kind, unsigned.map(|value| value as u32), nulls)
        }
        Kind::Uint(Width::W64) => primitive::<UInt64Type>(kind, unsigned, nulls),
        Kind::Decimal(_) => primitive::<Decimal128Type>(kind, signed.map(i128::from), nulls),
        Kind::Float32 => primitive::<Float32Type>(kind, unsigned.map(key::to_f32), nulls),
        Kind::Float64 => primitive::<Float64Type>(kind, unsigned.map(key::to_f64), nulls),
        Kind::Date => primitive::<Date32Type>(kind, signed.map(|value| value as i32), nulls),
        Kind::Time => {
            primitive::<Time64NanosecondType>(kind, unsigned.map(u64::cast_signed), nulls)
        }
        Kind::Timestamp {
            unit: Unit::Micros, ..
        } => primitive::<TimestampMicrosecondType>(kind, signed, nulls),
        Kind::Timestamp {
            unit: Unit::Nanos, ..
        } => primitive::<TimestampNanosecondType>(kind, signed, nulls),
        // The others of these have no keys.
        Kind::Int(Width::W64) | Kind::Decimal128(_) | Kind::Text | Kind::Bytes => {
            primitive::<Int64Type>(kind, signed, nulls)
        }
    }
}

fn primitive<T: ArrowPrimitiveType>(
    kind: Kind,
    values: impl Iterator<Item = T::Native>,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    let values = values.collect::<Vec<_>>().into();
    Arc::new(PrimitiveArray::<T>::new(values, nulls).with_data_type(data_type(kind)))
}

/// Fails on more than 2 GiB of text: batches of the readers are far below.
fn of_strings(kind: Kind, strings: &Strings, column: &Column) -> Result<ArrayRef, ArrowError> {
    if i32::try_from(strings.data().len()).is_err() {
        return Err(ArrowError::OffsetOverflowError(strings.data().len()));
    }
    let rows = (0..strings.len()).map(|row| column.is_present(row).then(|| strings.get(row)));
    if kind == Kind::Bytes {
        let mut bytes = BinaryBuilder::with_capacity(strings.len(), strings.data().len());
        rows.for_each(|value| bytes.append_option(value));
        return Ok(Arc::new(bytes.finish()));
    }
    let mut texts = StringBuilder::with_capacity(strings.len(), strings.data().len());
    for value in rows {
        let text = value.map(std::str::from_utf8).transpose();
        texts.append_option(
            text.map_err(|error| ArrowError::InvalidArgumentError(error.to_string()))?,
        );
    }
    Ok(Arc::new(texts.finish()))
}
