//! `prooflane ledger`: a program of its own, since reading Parquet and proving whole columns would double what everybody builds.

use super::Context;
use anyhow::Context as _;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The command and its flags.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

/// Becomes `prooflane-ledger`, which is beside this program.
pub(super) fn run(context: &Context, args: Args) -> anyhow::Result<()> {
    let here = std::env::current_exe()?;
    let name = format!("prooflane-ledger{}", std::env::consts::EXE_SUFFIX);
    let program = here.with_file_name(name);
    let mut command = Command::new(&program);
    if context.output.json {
        command.arg("--json");
    }
    // Flags that were typed before the ledger's own command, and so read here. A network that the environment names is not meant
    // for ledgers: without a word they are folders.
    let typed: Vec<_> = std::env::args_os().collect();
    let own = typed.len().saturating_sub(args.args.len());
    let typed = |flag: &str| {
        let mut own = typed[..own].iter();
        own.any(|arg| arg.to_string_lossy().starts_with(flag))
    };
    let target = &context.target;
    let network = typed("--network") || typed("--profile");
    if network {
        command.args(["--network", &target.network]);
    }
    if let Some(api_key) = &target.api_key
        && (network || typed("--api-key"))
    {
        // Not among the arguments, which everybody on this machine sees.
        command.env("PROOFLANE_API_KEY", api_key);
    }
    if let Some(config) = &context.config {
        command.env("PROOFLANE_CONFIG", config);
    }
    let error = command.args(args.args).exec();
    Err(error).with_context(|| {
        let program = program.display();
        format!(
            "{program} cannot be run; `cargo build --release -p prooflane-ledger-cli` builds it"
        )
    })
}
