//! `prooflane-fleet`; see `prooflane-fleet --help`.

use clap::Parser;
use prooflane_fleet::{Cli, run};

fn main() -> std::process::ExitCode {
    run(Cli::parse())
}
