//! What the ledger takes end to end, each time a process of its own that starts from a Parquet file of eight columns:
//! `cargo build --release -p prooflane-ledger-cli && cargo run --release -p prooflane-ledger-cli --example measure [ROWS ...]`.

#![allow(clippy::unwrap_used, reason = "a measurement that fails says so")]

use prooflane_dataset::{Column, Field, Kind, ParquetWriter, Schema, Table, Unit, Width};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const RUNS: usize = 3;

fn main() {
    let rows: Vec<u64> = std::env::args()
        .skip(1)
        .map(|rows| rows.parse().unwrap())
        .collect();
    let rows = if rows.is_empty() {
        vec![10_000, 100_000, 1_000_000, 4_000_000]
    } else {
        rows
    };
    println!(
        "| rows | notarize, s | statistics, s | count, s | groups, s | filter half, s | verify, ms | evidence, KB | peak, MB |"
    );
    println!("|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    for rows in rows {
        measure(rows);
    }
}

/// A ledger in a folder of its own.
struct Here {
    folder: tempfile::TempDir,
    program: PathBuf,
    peak_mb: u64,
}

impl Here {
    /// Runs a command, which has to succeed.
    fn run(&mut self, args: &str) -> Duration {
        let started = Instant::now();
        let mut child = Command::new(&self.program)
            .args(args.split(' '))
            .args(["--json", "--key", "owner.key"])
            .current_dir(self.folder.path())
            .env("PROOFLANE_CONFIG", "/dev/null")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let status = PathBuf::from(format!("/proc/{}/status", child.id()));
        let exit = loop {
            self.peak_mb = self.peak_mb.max(peak_mb(&status));
            match child.try_wait().unwrap() {
                Some(exit) => break exit,
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        assert!(exit.success(), "{args}");
        started.elapsed()
    }

    fn median(&mut self, args: &str) -> f64 {
        let mut times: Vec<_> = (0..RUNS).map(|_| self.run(args)).collect();
        times.sort_unstable();
        times[RUNS / 2].as_secs_f64()
    }
}

/// The largest memory that a process has had, while it is there.
fn peak_mb(status: &Path) -> u64 {
    let status = std::fs::read_to_string(status).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let kb = line.and_then(|line| line.split_whitespace().nth(1));
    kb.and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn measure(rows: u64) {
    // The program is beside the folder that examples are in.
    let program = std::env::current_exe().unwrap();
    let program = program
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("prooflane-ledger");
    let mut here = Here {
        folder: tempfile::tempdir().unwrap(),
        program,
        peak_mb: 0,
    };
    write(&here.folder.path().join("orders.parquet"), rows);
    here.run("init");
    here.run("keygen owner.key");
    let mut notarize: Vec<_> = (0..RUNS)
        .map(|_| {
            let _ = std::fs::remove_file(here.folder.path().join("orders.parquet.opening"));
            here.run("notarize orders.parquet")
        })
        .collect();
    notarize.sort_unstable();
    let notarize = notarize[RUNS / 2].as_secs_f64();
    let statistics = here.median("statistics orders.parquet --column id");
    here.run(&format!("receipt {RUNS} --out a.tlog-proof"));
    let verify = here.median("verify a.tlog-proof") * 1e3;
    let evidence = here
        .folder
        .path()
        .join("a.evidence")
        .metadata()
        .unwrap()
        .len()
        / 1_000;
    let count = here.median("count orders.parquet --column amount --from 1000 --to 200000");
    let groups = here.median("groups orders.parquet --columns quantity,new --at-least 2");
    let filter = here.run("filter orders.parquet --column quantity --from 50 --out half.parquet");
    let (filter, peak) = (filter.as_secs_f64(), here.peak_mb);
    println!(
        "| {rows} | {notarize:.2} | {statistics:.2} | {count:.2} | {groups:.2} | {filter:.2} | {verify:.1} | {evidence} | {peak} |"
    );
}

/// A file of random orders.
fn write(path: &Path, rows: u64) {
    let mut state = 1_u64;
    let mut draw = |below: u64| {
        // splitmix64
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    };
    let at = Kind::Timestamp {
        unit: Unit::Micros,
        utc: true,
    };
    // Integers from 0 on have their keys in the middle.
    let zero = |kind: Kind| kind.key_of_integer(0).unwrap_or(0);
    let columns = [
        ("id", Kind::Int(Width::W64), 0, u64::MAX),
        (
            "amount",
            Kind::Int(Width::W64),
            zero(Kind::Int(Width::W64)),
            1_000_000,
        ),
        ("customer", Kind::Uint(Width::W32), 0, 100_000),
        (
            "quantity",
            Kind::Int(Width::W16),
            zero(Kind::Int(Width::W16)),
            100,
        ),
        ("day", Kind::Date, zero(Kind::Date) + 18_000, 2_000),
        (
            "price",
            Kind::Decimal(2),
            zero(Kind::Decimal(2)),
            10_000_000,
        ),
        (
            "at",
            at,
            zero(at) + 1_600_000_000_000_000,
            100_000_000_000_000,
        ),
        ("new", Kind::Bool, 0, 2),
    ];
    let fields = columns
        .iter()
        .map(|(name, kind, ..)| Field::new(*name, *kind, false));
    let schema = Schema::new(fields.collect()).unwrap();
    let columns = columns.iter().map(|(_, kind, first, many)| {
        Column::from_keys(*kind, (0..rows).map(|_| Some(first + draw(*many)))).unwrap()
    });
    let table = Table::new(schema, columns.collect()).unwrap();
    let mut writer = ParquetWriter::create(path, table.schema()).unwrap();
    writer.write(table.rows()).unwrap();
    writer.finish().unwrap();
}
