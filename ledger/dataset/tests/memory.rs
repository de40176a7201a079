//! That memory does not grow with the rows.

#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use peak_alloc::PeakAlloc;
use prooflane_dataset::{
    Algorithm, Batch, Column, CsvWriter, Digester, Error, Field, Kind, Options, ParquetWriter,
    Profiler, Reader, Schema, Width,
};
use std::io::Write;
use std::path::Path;

#[global_allocator]
static PEAK: PeakAlloc = PeakAlloc;

const PART: u64 = 50_000;

/// One test, because the allocator counts what all threads have.
#[test]
fn four_times_the_rows_take_the_same_memory() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.parquet", "a.csv", "a.jsonl"] {
        let file = folder.path().join(name);
        let [few, many] = [4, 16].map(|parts| {
            write(&file, parts);
            peak(&file, parts * PART)
        });
        println!(
            "{name}: {:.1} MB, {:.1} MB",
            few as f64 / 1e6,
            many as f64 / 1e6
        );
        // 600,000 more rows, of two numbers and a text with its end, have 24 MB at least.
        assert!(many < few + 6_000_000, "{name}: {few} bytes, then {many}");
    }
}

fn schema() -> Schema {
    let int = Kind::Int(Width::W64);
    Schema::new(vec![
        Field::new("a", int, false),
        Field::new("b", int, true),
        Field::new("c", Kind::Text, false),
    ])
    .unwrap()
}

fn write(file: &Path, parts: u64) {
    let batch = |part: u64| {
        let rows = part * PART..(part + 1) * PART;
        let texts: Vec<_> = rows
            .clone()
            .map(|row| format!("row {}", row * 7919 % 1_000_003))
            .collect();
        let columns = vec![
            Column::from_keys(
                Kind::Int(Width::W64),
                rows.clone()
                    .map(|row| Some(row.wrapping_mul(0x9e37_79b9_7f4a_7c15))),
            ),
            Column::from_keys(
                Kind::Int(Width::W64),
                rows.map(|row| (row % 3 != 0).then_some(row)),
            ),
            Column::from_text(Kind::Text, texts.iter().map(|text| Some(text.as_str()))),
        ];
        Batch::new(&schema(), columns.into_iter().map(Result::unwrap).collect()).unwrap()
    };
    match file.extension().unwrap().to_str().unwrap() {
        "parquet" => {
            let mut writer = ParquetWriter::create(file, &schema()).unwrap();
            (0..parts).for_each(|part| writer.write(&batch(part)).unwrap());
            writer.finish().unwrap();
        }
        "csv" => {
            let mut writer = CsvWriter::create(file, &schema()).unwrap();
            (0..parts).for_each(|part| writer.write(&batch(part)).unwrap());
            writer.finish().unwrap();
        }
        _ => {
            let mut out = std::io::BufWriter::new(std::fs::File::create(file).unwrap());
            for row in 0..parts * PART {
                writeln!(
                    out,
                    "{{\"a\": {row}, \"b\": {}, \"c\": \"row {row}\"}}",
                    row * 3
                )
                .unwrap();
            }
        }
    }
}

/// The most bytes at a time while a file is read, digested and profiled.
fn peak(file: &Path, rows: u64) -> usize {
    PEAK.reset_peak_usage();
    let before = PEAK.current_usage();
    let reader = Reader::open(file, &Options::default()).unwrap();
    let mut digester = Digester::new(reader.schema(), Algorithm::Blake3);
    let mut profiler = Profiler::new(reader.schema());
    let read = reader.for_each(|batch| {
        digester.update(&batch);
        profiler.update(&batch);
        Ok::<_, Error>(())
    });
    read.unwrap();
    assert_eq!(profiler.finish().rows, rows);
    let _ = digester.finish();
    PEAK.peak_usage() - before
}
