//! Datasets written to files.

mod csv;
mod parquet;

pub use csv::CsvWriter;
pub use parquet::ParquetWriter;
