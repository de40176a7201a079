//! Runs simulations: `simulate --runs 1000`, or one again by its seed: `simulate --seed 7`.

use clap::Parser;
use prooflane_sim::{Failure, Report, simulate};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// The whole network under seeded faults in virtual time.
#[derive(Parser)]
struct Arguments {
    /// How many simulations.
    #[arg(long, default_value_t = 1)]
    runs: u64,
    /// The seed of the first; each further one has the next.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Failures after which no new one is started.
    #[arg(long, default_value_t = 8)]
    failures: usize,
    /// Threads, each with simulations of its own; by default one a core.
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = arguments.threads.unwrap_or(cores);
    let started = Instant::now();
    let next = AtomicU64::new(0);
    let ended: Mutex<(Vec<Report>, Vec<Box<Failure>>)> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= arguments.runs {
                        return;
                    }
                    let outcome = simulate(arguments.seed.wrapping_add(index));
                    let Ok(mut ended) = ended.lock() else { return };
                    match outcome {
                        Ok(report) => ended.0.push(report),
                        Err(failure) => {
                            ended.1.push(failure);
                            if ended.1.len() >= arguments.failures {
                                next.store(arguments.runs, Ordering::Relaxed);
                            }
                        }
                    }
                }
            });
        }
    });
    let Ok((reports, mut failures)) = ended.into_inner() else {
        eprintln!("a simulation panicked");
        return ExitCode::FAILURE;
    };
    print(&reports, started.elapsed().as_secs_f64());
    failures.sort_by_key(|failure| failure.seed);
    let Some(first) = failures.first() else {
        return ExitCode::SUCCESS;
    };
    println!("\n{first}");
    for other in &failures[1..] {
        println!("seed {}: {}", other.seed, other.broken);
    }
    println!("again: cargo xtask simulate --seed {}", first.seed);
    ExitCode::FAILURE
}

fn print(reports: &[Report], seconds: f64) {
    let sum = |of: fn(&Report) -> u64| reports.iter().map(of).sum::<u64>();
    let line = |what: &str, count: u64| println!("{what:<28}{count:>12}");
    let by_name = |of: fn(&Report) -> &BTreeMap<&'static str, u64>| {
        let mut all = BTreeMap::<&str, u64>::new();
        for (name, count) in reports.iter().flat_map(of) {
            *all.entry(name).or_default() += count;
        }
        all
    };
    line("runs", reports.len() as u64);
    let tasks = by_name(|r| &r.tasks);
    line("tasks", tasks.values().sum());
    for (status, count) in tasks {
        line(&format!("  {status}"), count);
    }
    let faults = by_name(|r| &r.faults);
    line("faults", faults.values().sum());
    for (fault, count) in faults {
        line(&format!("  {fault}"), count);
    }
    line("assignments", sum(|r| r.assignments));
    line("  re-assignments", sum(|r| r.reassignments));
    line("settlements", sum(|r| r.settlements));
    line("  by a superseded attempt", sum(|r| r.late_settlements));
    line("  without an assignment", sum(|r| r.fulfilments));
    line("slashes", sum(|r| r.slashes));
    line("store calls", sum(|r| r.store_calls));
    line("virtual hours", sum(|r| r.virtual_millis) / 3_600_000);
    println!("{:<28}{seconds:>12.1}", "seconds");
    if let [only] = reports {
        println!("{:<28}{:>12}", "digest", &only.digest[..12]);
    }
}
