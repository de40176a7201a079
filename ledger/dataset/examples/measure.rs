//! What reading, digests, profiles and the text formats cost: `cargo run --release -p prooflane-dataset --example measure`.
//! Medians of interleaved runs on 1,000,000 rows and 8 columns (or as many rows as the first argument says),
//! of the lines that contain the second argument, if there is one.

use prooflane_dataset::{
    Algorithm, Column, CsvWriter, Digester, Error, Field, Kind, Options, ParquetWriter, Profiler,
    Reader, Schema, Table, Unit, Width,
};
use std::path::Path;
use std::time::{Duration, Instant};

const RUNS: usize = 5;

fn main() -> Result<(), Error> {
    let rows = std::env::args()
        .nth(1)
        .and_then(|rows| rows.parse().ok())
        .unwrap_or(1_000_000);
    let folder = tempfile::tempdir().map_err(|source| Error::Io {
        file: "a temporary folder".into(),
        source,
    })?;
    let table = sample(rows)?;
    let [parquet, csv, jsonl] =
        ["parquet", "csv", "jsonl"].map(|end| folder.path().join(format!("a.{end}")));
    let mut writer = ParquetWriter::create(&parquet, table.schema())?;
    writer.write(table.rows())?;
    writer.finish()?;
    let mut writer = CsvWriter::create(&csv, table.schema())?;
    writer.write(table.rows())?;
    writer.finish()?;
    write_json_lines(&jsonl, &table)?;
    for file in [&parquet, &csv, &jsonl] {
        let bytes = file.metadata().map_or(0, |metadata| metadata.len());
        println!(
            "{:>10} {:.1} MB",
            file.extension().unwrap_or_default().display(),
            bytes as f64 / 1e6
        );
    }

    type Task<'a> = (&'a str, Box<dyn Fn() -> Result<(), Error> + 'a>);
    let tasks: Vec<Task<'_>> = vec![
        ("parquet, read", Box::new(|| read(&parquet, None))),
        (
            "parquet, read and BLAKE3",
            Box::new(|| read(&parquet, Some(Algorithm::Blake3))),
        ),
        (
            "parquet, read and SHA3-256",
            Box::new(|| read(&parquet, Some(Algorithm::Sha3))),
        ),
        (
            "parquet, read into a table",
            Box::new(|| Table::read(Reader::open(&parquet, &Options::default())?).map(drop)),
        ),
        ("parquet, read and profile", Box::new(|| profile(&parquet))),
        (
            "BLAKE3 of a table",
            Box::new(|| {
                let _ = std::hint::black_box(table.digest(Algorithm::Blake3));
                Ok(())
            }),
        ),
        (
            "SHA3-256 of a table",
            Box::new(|| {
                let _ = std::hint::black_box(table.digest(Algorithm::Sha3));
                Ok(())
            }),
        ),
        (
            "CSV, infer, read and BLAKE3",
            Box::new(|| read(&csv, Some(Algorithm::Blake3))),
        ),
        (
            "JSON lines, infer, read and BLAKE3",
            Box::new(|| read(&jsonl, Some(Algorithm::Blake3))),
        ),
        (
            "sort by a column",
            Box::new(|| table.sort("int64", false).map(drop)),
        ),
    ];
    let wanted = std::env::args().nth(2).unwrap_or_default();
    let tasks: Vec<_> = tasks
        .into_iter()
        .filter(|(name, _)| name.contains(&wanted))
        .collect();
    let mut times: Vec<Vec<Duration>> = tasks.iter().map(|_| Vec::new()).collect();
    for _ in 0..RUNS {
        for ((_, task), times) in tasks.iter().zip(&mut times) {
            let start = Instant::now();
            task()?;
            times.push(start.elapsed());
        }
    }
    println!(
        "{rows} rows x {} columns, medians of {RUNS} runs",
        table.schema().columns().len()
    );
    for ((name, _), mut times) in tasks.iter().zip(times) {
        times.sort();
        println!("{:>9.1} ms  {name}", times[RUNS / 2].as_secs_f64() * 1e3);
    }
    Ok(())
}

fn read(file: &Path, algorithm: Option<Algorithm>) -> Result<(), Error> {
    let reader = Reader::open(file, &Options::default())?;
    let mut digester = Digester::new(reader.schema(), algorithm.unwrap_or_default());
    reader.for_each(|batch| {
        if algorithm.is_some() {
            digester.update(&batch);
        }
        Ok::<_, Error>(())
    })?;
    std::hint::black_box(digester.finish());
    Ok(())
}

fn profile(file: &Path) -> Result<(), Error> {
    let reader = Reader::open(file, &Options::default())?;
    let mut profiler = Profiler::new(reader.schema());
    reader.for_each(|batch| {
        profiler.update(&batch);
        Ok::<_, Error>(())
    })?;
    std::hint::black_box(profiler.finish());
    Ok(())
}

/// Eight columns that do not compress well, a tenth of one null, and one of short texts.
fn sample(rows: usize) -> Result<Table, Error> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = || {
        // xorshift64*: enough for numbers to look at.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    };
    let utc = Kind::Timestamp {
        unit: Unit::Micros,
        utc: true,
    };
    let kinds = [
        ("int64", Kind::Int(Width::W64)),
        ("uint32", Kind::Uint(Width::W32)),
        ("float64", Kind::Float64),
        ("decimal", Kind::Decimal(2)),
        ("timestamp", utc),
        ("date", Kind::Date),
        ("sometimes", Kind::Int(Width::W32)),
        ("text", Kind::Text),
    ];
    let mut columns = Vec::new();
    for (name, kind) in kinds {
        let value = |random: u64| match kind {
            Kind::Float64 => Kind::Float64
                .key(&format!("{:?}", random as f64 / 1e9))
                .ok(),
            Kind::Decimal(_) => kind.key_of_integer((random >> 24).into()),
            Kind::Timestamp { .. } => {
                kind.key_of_integer(1_700_000_000_000_000 + i128::from(random >> 20))
            }
            Kind::Date => kind.key_of_integer((random >> 50).into()),
            Kind::Uint(_) => Some(random >> 32),
            Kind::Int(Width::W32) => kind.key_of_integer(i128::from(random >> 40)),
            _ => kind.key_of_integer(i128::from(random.cast_signed())),
        };
        let column = match kind {
            Kind::Text => {
                let texts: Vec<_> = (0..rows)
                    .map(|_| format!("user-{}", random() >> 44))
                    .collect();
                Column::from_text(kind, texts.iter().map(|text| Some(text.as_str())))
            }
            _ => Column::from_keys(
                kind,
                (0..rows).map(|_| {
                    let random = random();
                    if name == "sometimes" && random % 10 == 0 {
                        None
                    } else {
                        value(random)
                    }
                }),
            ),
        };
        columns.push(column.map_err(|problem| Error::Stated {
            column: name.into(),
            expected: kind,
            problem,
        })?);
    }
    let fields = kinds
        .into_iter()
        .map(|(name, kind)| Field::new(name, kind, name == "sometimes"));
    Table::new(Schema::new(fields.collect())?, columns)
}

fn write_json_lines(path: &Path, table: &Table) -> Result<(), Error> {
    let mut text = String::new();
    for row in 0..table.rows().rows() {
        let columns = table.schema().columns().iter().zip(table.rows().columns());
        let entries = columns.map(|(field, column)| {
            let kind = field.kind.kind;
            let quoted = matches!(kind, Kind::Text | Kind::Date | Kind::Timestamp { .. });
            let value = column.show(kind, row);
            let value = value.map_or("null".into(), |value| {
                if quoted { format!("{value:?}") } else { value }
            });
            format!("{:?}:{value}", field.name)
        });
        text.push_str(&format!("{{{}}}\n", entries.collect::<Vec<_>>().join(",")));
    }
    std::fs::write(path, text).map_err(|source| Error::Io {
        file: path.into(),
        source,
    })
}
