//! `prooflane`; see `prooflane --help`.

use clap::Parser;
use prooflane::{Cli, run};

fn main() -> std::process::ExitCode {
    run(Cli::parse())
}
