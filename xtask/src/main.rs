//! Chores as code: `cargo xtask --help`.

mod edge;
mod lambdas;
mod planted;

use anyhow::{Context, ensure};
use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Chores of this repository")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Run all tests; say first what this machine lacks, and what that leaves out
    Test {
        /// For `cargo test`: a part of the tests' names, `-p ROOM`, ...
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
    /// Check format, lints and documentation; any warning is an error
    Lint,
    /// Measure, with an optimized build
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
    /// Simulate whole networks under seeded faults; a seed of its own replays a failure
    Simulate {
        /// How many
        #[arg(long, default_value_t = 1)]
        runs: u64,
        /// The seed of the first; each further one has the next
        #[arg(long, default_value_t = 0)]
        seed: u64,
    },
    /// Plant known bugs in a copy of the sources, and demand that the simulator finds each
    Planted,
    /// Build the Lambda functions and the fleet's worker for deployment, into target/functions
    Lambdas {
        /// For another machine: aarch64-unknown-linux-gnu is what the CDK app deploys
        #[arg(long)]
        target: Option<String>,
    },
    /// Build the component for the edge into target/edge, with or without rustup's Wasm target
    Edge {
        /// Build the component that edge-host is tested with, too
        #[arg(long)]
        guest: bool,
        /// Build with Debian's compiler also where the target is installed
        #[arg(long)]
        debian: bool,
    },
    /// Run the whole network on emulators of AWS: functions as processes, one worker of the fleet
    AwsLocal,
    /// Count again what each use-case asks of AWS, for docs/operations.md
    Costs,
    /// Write docs/openapi.json and docs/errors.md anew from the code
    Openapi,
    /// Write circuits/constraints.json anew from the circuits
    Constraints,
}

#[derive(Subcommand)]
enum Bench {
    /// From submission to proof beside bare proving; submissions and claims per second
    Network {
        /// For `prooflane bench network`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
    /// Provers side by side: the engine on either backend, arkworks, and others that are here
    Prove {
        /// `-- --help` says what there is
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
    /// Key loading, witnesses, proofs and verification, for each circuit
    Circuits,
    /// Clearing of thousands of tasks, and how it grows
    Market,
    /// Reads and commits of the embedded store
    Store,
    /// The ledger's commands from Parquet files of up to four million rows; reading, proofs about columns, the log
    Ledger,
    /// Size and start of each Lambda function
    Functions,
    /// A payment's check in the component and natively; payments and garbage per second; cold start
    Edge {
        /// `-- --json` for rows
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().chore {
        Chore::Test { rest } => test(&rest),
        Chore::Lint => lint(),
        Chore::Bench { what } => match what {
            Bench::Network { rest } => {
                let bench = ["run", "--release", "--", "bench", "network"];
                run(cargo(&bench).args(rest))
            }
            Bench::Prove { rest } => prove(&rest),
            Bench::Circuits => example("prooflane-engine", "measure"),
            Bench::Market => example("prooflane-market", "clear"),
            Bench::Store => example("prooflane-store", "measure"),
            Bench::Ledger => {
                run(&mut cargo(&[
                    "build",
                    "--release",
                    "--package",
                    "prooflane-ledger-cli",
                ]))?;
                example("prooflane-ledger-cli", "measure")?;
                example("prooflane-dataset", "measure")?;
                example("prooflane-stark", "measure")?;
                example("prooflane-log", "measure")
            }
            Bench::Edge { rest } => {
                edge::build(false, false)?;
                let package = ["run", "--release", "--package", "prooflane-tests-edge"];
                let mut bench = cargo(&package);
                bench.env("PROOFLANE_PROGRAMS_BUILT", "1");
                run(bench.args(["--example", "edge", "--"]).args(rest))
            }
            Bench::Functions => {
                lambdas::functions(None)?;
                let package = ["run", "--package", "prooflane-tests-aws", "--example"];
                let functions = lambdas::target_folder().join("functions");
                run(cargo(&package).args(["functions", "--"]).arg(functions))
            }
        },
        Chore::Simulate { runs, seed } => {
            let package = ["run", "--release", "--package", "prooflane-sim", "--"];
            let (runs, seed) = (runs.to_string(), seed.to_string());
            run(cargo(&package).args(["--runs", &runs, "--seed", &seed]))
        }
        Chore::Planted => planted::planted(),
        Chore::Lambdas { target } => lambdas::build(target.as_deref()),
        Chore::Edge { guest, debian } => edge::build(guest, debian),
        Chore::AwsLocal => {
            run(cargo(&["build", "--bins", "--tests"]).args(WITH_FUNCTIONS))?;
            let program = lambdas::target_folder().join("debug/aws-local");
            run(Command::new(program).env("PROOFLANE_PROGRAMS_BUILT", "1"))
        }
        Chore::Costs => {
            let pin = [
                "test",
                "--package",
                "prooflane-tests-aws",
                "--test",
                "costs",
            ];
            run(cargo(&pin).env("UPDATE_DOCS", "1"))
        }
        Chore::Openapi => {
            let pin = ["test", "--package", "prooflane-tests", "--test", "openapi"];
            run(cargo(&pin).env("UPDATE_DOCS", "1"))
        }
        Chore::Constraints => {
            let pin = ["test", "--package", "prooflane-circuits", "pinned"];
            run(cargo(&pin).env("UPDATE_CONSTRAINTS", "1"))
        }
    }
}

/// Without `std`, for a machine without an operating system: what a browser and an edge run.
const BARE: &str = "wasm32-unknown-unknown";

/// What is built so that the functions are among it.
const WITH_FUNCTIONS: [&str; 3] = ["--workspace", "--features", "prooflane-api/lambda"];

fn test(rest: &[String]) -> anyhow::Result<()> {
    for tool in ["node", "npm"] {
        if !answers(Command::new(tool).arg("--version")) {
            println!(
                "{tool} is not here, so the tests are skipped that ask snarkjs and wallets' \
                 libraries. Install Node.js 20 or newer (Debian: apt install nodejs npm)."
            );
        }
    }
    for (tool, version, what) in [
        (
            "python3",
            "--version",
            "on the emulator of AWS, and AWS's linters",
        ),
        ("mvn", "--version", "on DynamoDB Local"),
    ] {
        if !answers(Command::new(tool).arg(version)) {
            println!("{tool} is not here, so the tests are skipped that run {what}.");
        }
    }
    if rest.is_empty() {
        if answers(Command::new("rustup").args(["target", "add", BARE])) {
            let verifier = ["build", "--package", "prooflane-verifier", "--target", BARE];
            run(&mut cargo(&verifier))?;
        } else {
            println!(
                "rustup cannot add {BARE}, so it is not checked that the verifier builds without std."
            );
        }
    }
    // The functions are programs that tests of other packages run. Built together with the tests,
    // all share what they depend on.
    run(cargo(&["build", "--bins", "--tests"]).args(WITH_FUNCTIONS))?;
    edge::build(true, false)?;
    let mut test = cargo(&["test", "--no-fail-fast"]);
    test.args(WITH_FUNCTIONS)
        .env("PROOFLANE_PROGRAMS_BUILT", "1");
    run(test.args(rest))?;
    if rest.is_empty() {
        planted::planted()?;
    }
    Ok(())
}

fn lint() -> anyhow::Result<()> {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    let clippy = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--features",
        "prooflane-api/lambda",
    ];
    run(cargo(&clippy).args(["--", "-D", "warnings"]))?;
    edge::lint()?;
    run(cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}

fn example(package: &str, name: &str) -> anyhow::Result<()> {
    run(cargo(&["run", "--release", "--package", package]).args(["--example", name]))
}

/// Provers side by side. snarkjs is the one of the tests, from npm, if node is here.
fn prove(rest: &[String]) -> anyhow::Result<()> {
    let package = ["run", "--release", "--package", "prooflane-engine"];
    let mut bench = cargo(&package);
    bench.args(["--example", "prove", "--"]);
    let snarkjs = root().join("tests/snarkjs");
    let install = ["ci", "--no-audit", "--no-fund", "--silent"];
    if snarkjs.join("node_modules").exists()
        || answers(Command::new("npm").args(install).current_dir(&snarkjs))
    {
        bench.arg("--snarkjs").arg(snarkjs);
    }
    run(bench.args(rest))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// `cargo ARGS` in the workspace.
fn cargo(args: &[&str]) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(args).current_dir(root());
    // What cargo tells this process of its package would make build scripts that watch such
    // variables run again, and half the workspace with them.
    for (name, _) in std::env::vars() {
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(name);
        }
    }
    cargo
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let words = words.join(" ");
    let status = command
        .status()
        .with_context(|| format!("cannot run {words}"))?;
    ensure!(status.success(), "{words}: {status}");
    Ok(())
}

fn answers(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}
