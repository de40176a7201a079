//! `prooflane ledger`; see `prooflane ledger --help`.

mod commands;
mod config;
mod cosign;
mod data;
mod home;
mod output;
mod owner;
mod place;
mod prover;
mod rows;
mod said;
mod shown;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = commands::Cli::parse();
    let output = cli.output();
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output.error(&error);
            output::exit_code(&error)
        }
    }
}
