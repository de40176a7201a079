//! Provers side by side, on the same keys and witnesses, their runs interleaved: `cargo xtask bench prove --help`.
//!
//! Every prover is a process of its own that stays for a whole case, so that its peak of memory is its own and its key is
//! loaded once. Only proving is timed; that loads from disk are slow or fast is a row of its own.

mod cases;
mod provers;
mod serve;
mod soak;

use ark_std::rand::{RngCore, rngs::OsRng};
use cases::{Case, Files};
use clap::Parser;
use provers::{Prover, Running};
use serde_json::{Value, json};
use std::error::Error;
use std::path::PathBuf;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[derive(Parser)]
#[command(name = "cargo xtask bench prove", about = "Provers side by side")]
struct Arguments {
    /// One JSON object a row instead of a table
    #[arg(long)]
    json: bool,
    /// What to prove: payment, 50k, 500k, growth
    #[arg(long, value_delimiter = ',', default_value = "payment,50k,500k")]
    cases: Vec<String>,
    /// Whom to ask: ifma, scalar, arkworks, snarkjs, rapidsnark, gnark; those that are not here are left out
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "ifma,scalar,arkworks,snarkjs,rapidsnark,gnark"
    )]
    who: Vec<String>,
    /// Proofs by each, at most; large circuits take fewer
    #[arg(long, default_value_t = 21)]
    runs: usize,
    /// Seconds of sustained proving, for throughput; 0 for none
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Threads of each prover
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Where keys and witnesses are kept for the next time
    #[arg(long, default_value = "target/bench-prove", value_name = "DIR")]
    folder: PathBuf,
    /// A folder with snarkjs in its node_modules
    #[arg(long, value_name = "DIR")]
    snarkjs: Option<PathBuf>,
    /// The rapidsnark program
    #[arg(long, value_name = "FILE")]
    rapidsnark: Option<PathBuf>,
    /// A program that proves with gnark and is called as rapidsnark is: PROGRAM KEY.zkey WITNESS.wtns PROOF PUBLIC
    #[arg(long, value_name = "FILE")]
    gnark: Option<PathBuf>,
    /// Measure nothing: make so many proofs of random payments, each verified, with the backend of PROOFLANE_ENGINE
    #[arg(long, value_name = "PROOFS")]
    soak: Option<u64>,
    /// Where the random payments begin; as said by a run that failed. Random if not given
    #[arg(long, requires = "soak")]
    seed: Option<u64>,
    /// Be a prover for the bench itself
    #[arg(long, hide = true)]
    serve: Option<String>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(who) = &arguments.serve {
        rayon::ThreadPoolBuilder::new()
            .num_threads(arguments.threads)
            .build_global()?;
        return serve::serve(
            who,
            &Files::of(&arguments.folder, &Case::named(&arguments.cases[0])?),
        );
    }
    if let Some(proofs) = arguments.soak {
        return soak::soak(proofs, arguments.seed.unwrap_or_else(|| OsRng.next_u64()));
    }
    let provers = Prover::all(&arguments)?;
    if !arguments.json {
        println!(
            "| circuit | constraints | prover | threads | proof, ms | load and first proof, ms | proofs/s | peak, MB |"
        );
        println!("|---|--:|---|--:|--:|--:|--:|--:|");
    }
    for case in Case::all(&arguments.cases)? {
        let files = Files::make(&arguments.folder, &case)?;
        for row in measure(&arguments, &case, &files, &provers)? {
            print(&arguments, &row);
        }
    }
    Ok(())
}

struct Row {
    case: String,
    constraints: usize,
    who: &'static str,
    threads: usize,
    median_ms: f64,
    first_ms: Option<f64>,
    per_second: Option<f64>,
    peak_mb: Option<f64>,
}

/// Everyone proves once to warm up, then in turns, then alone for throughput.
fn measure(
    arguments: &Arguments,
    case: &Case,
    files: &Files,
    provers: &[Prover],
) -> Result<Vec<Row>> {
    // What stays on disk is made before anything is measured.
    for prover in provers {
        prover.prepare(files)?;
    }
    let mut running = Vec::new();
    for prover in provers {
        running.push(prover.start(files)?);
    }
    let runs = case.runs(arguments.runs);
    let mut times: Vec<Vec<f64>> = vec![vec![]; running.len()];
    for _ in 0..runs {
        for (running, times) in running.iter_mut().zip(&mut times) {
            times.push(running.prove()?);
        }
    }
    let mut rows = Vec::new();
    for (mut running, mut times) in running.into_iter().zip(times) {
        times.sort_by(f64::total_cmp);
        let peak_mb = running.peak_mb();
        rows.push(Row {
            case: case.name.clone(),
            constraints: files.constraints,
            who: running.who,
            threads: arguments.threads,
            median_ms: times[times.len() / 2],
            first_ms: running.first_ms,
            per_second: throughput(arguments, &mut running)?,
            peak_mb,
        });
    }
    Ok(rows)
}

fn throughput(arguments: &Arguments, running: &mut Running) -> Result<Option<f64>> {
    if arguments.seconds == 0 {
        return Ok(None);
    }
    running.sustained(arguments.seconds)
}

fn print(arguments: &Arguments, row: &Row) {
    let number = |value: Option<f64>, digits: usize| {
        value.map_or_else(|| "-".into(), |value| format!("{value:.digits$}"))
    };
    if arguments.json {
        let rounded = |value: Option<f64>| {
            value.map_or(Value::Null, |value| json!((value * 100.0).round() / 100.0))
        };
        let object = |bench: &str, median_ms, per_second, peak_mb| {
            json!({
                "bench": bench,
                "case": row.case,
                "constraints": row.constraints,
                "who": row.who,
                "threads": row.threads,
                "median_ms": rounded(median_ms),
                "per_second": rounded(per_second),
                "peak_mb": rounded(peak_mb),
            })
        };
        let proof = object("prove", Some(row.median_ms), row.per_second, row.peak_mb);
        println!("{proof}");
        if row.first_ms.is_some() {
            println!("{}", object("load and prove", row.first_ms, None, None));
        }
    } else {
        println!(
            "| {} | {} | {} | {} | {:.1} | {} | {} | {} |",
            row.case,
            row.constraints,
            row.who,
            row.threads,
            row.median_ms,
            number(row.first_ms, 0),
            number(row.per_second, 1),
            number(row.peak_mb, 0),
        );
    }
}
