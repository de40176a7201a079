//! Every command, with its flags and their help.

mod bench;
mod client;
mod demo;
mod fsck;
mod gate;
mod key;
mod ledger;
mod market;
mod offline;
mod pay;
mod prover;
mod up;
mod wallet;

use crate::output::{Output, exit_code};
use crate::profile::{Target, Wanted};
use clap::{CommandFactory, Parser, Subcommand};
use prooflane_client::Client;
use std::path::PathBuf;
use std::process::ExitCode;

/// Zero-knowledge proofs on demand: run a network, prove for one, or use one.
#[derive(Parser)]
#[command(name = "prooflane", version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    /// JSON objects instead of lines for people.
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    json: bool,
    /// The network's URL; http://127.0.0.1:8080 where neither this nor a profile says otherwise.
    #[arg(
        long,
        global = true,
        help_heading = EVERYWHERE,
        hide_env_values = true,
        env = "PROOFLANE_NETWORK",
        value_name = "URL"
    )]
    network: Option<String>,
    /// The API key, where the network wants one.
    #[arg(
        long,
        global = true,
        help_heading = EVERYWHERE,
        env = "PROOFLANE_API_KEY",
        hide_env_values = true,
        value_name = "KEY"
    )]
    api_key: Option<String>,
    /// A profile of the configuration file: a network and its API key.
    #[arg(
        long,
        global = true,
        help_heading = EVERYWHERE,
        env = "PROOFLANE_PROFILE",
        hide_env_values = true,
        value_name = "NAME"
    )]
    profile: Option<String>,
    /// The configuration file; ~/.config/prooflane/config.toml where not given.
    #[arg(
        long,
        global = true,
        help_heading = EVERYWHERE,
        env = "PROOFLANE_CONFIG",
        hide_env_values = true,
        value_name = "FILE"
    )]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

const EVERYWHERE: &str = "For every command";

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the answer is no: a proof does not verify, a task ended without one
  2  wrong usage
  3  the network does not answer
  4  the network refused
  5  anything else";

#[derive(Subcommand)]
enum Command {
    /// Run a whole network in this process.
    Up(up::Args),
    /// Show the main job from nothing, in a few seconds; at a network, where one is named.
    Demo,
    /// Prove for a network and earn credits.
    Prover(prover::Args),
    /// Submit a task.
    Submit(client::SubmitArgs),
    /// List tasks, newest first.
    Tasks(client::TasksArgs),
    /// Show where a task is.
    Status(client::TaskArg),
    /// Say in words why a task is where it is and what happens next.
    Explain(client::TaskArg),
    /// Fetch a task's proof.
    Proof(client::ProofArgs),
    /// Withdraw a task.
    Cancel(client::TaskArg),
    /// Ask what a task would cost now.
    Quote(client::QuoteArgs),
    /// List the network's provers.
    Provers,
    /// Show what accounts hold: all of them for operators, your own for others.
    Accounts,
    /// Pay credits in (operators).
    Deposit(market::DepositArgs),
    /// Recompute every auction from its transcript: winner and price must be the same.
    Audit(market::AuditArgs),
    /// Check every invariant in the data of a network that does not run.
    Fsck(fsck::Args),
    /// Admit a payment on the strength of its proof, once (merchants).
    Redeem(client::RedeemArgs),
    /// Make API keys (operators).
    #[command(subcommand)]
    Keys(client::KeysCommand),
    /// Proving keys as snarkjs's files: from a ceremony, for a ceremony's checks, for its Solidity verifier.
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Make a proof here, without a network.
    Prove(offline::ProveArgs),
    /// Verify a proof here, without a network.
    Verify(offline::VerifyArgs),
    /// Compute a circuit's witness into a file for snarkjs.
    Witness(offline::WitnessArgs),
    /// What can be proved.
    #[command(visible_alias = "circuit")]
    Circuits(offline::CircuitsArgs),
    /// Make wallets (payers).
    #[command(subcommand)]
    Wallet(wallet::WalletCommand),
    /// Make attestor keys (whoever confirms payments).
    #[command(subcommand)]
    Attestor(wallet::AttestorCommand),
    /// Sign that a payment was made.
    Attest(wallet::AttestArgs),
    /// Let only paid requests through to an HTTP API (merchants).
    Gate(gate::Args),
    /// Fetch a URL and pay for it where x402 asks to, by a proof of a payment.
    Pay(pay::Args),
    /// Commit to datasets and prove things about them (data teams): `prooflane ledger --help`.
    #[command(disable_help_flag = true)]
    Ledger(ledger::Args),
    /// Measure.
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// What every command gets.
struct Context {
    output: Output,
    target: Target,
    /// The configuration file, if one was named.
    config: Option<PathBuf>,
}

impl Context {
    fn client(&self) -> anyhow::Result<Client> {
        Ok(Client::new(
            &self.target.network,
            self.target.api_key.clone(),
        )?)
    }
}

/// Runs a command to its end; errors go to standard error.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    let output = Output { json: cli.json };
    log_to_stderr(
        matches!(
            cli.command,
            Command::Up(_) | Command::Prover(_) | Command::Gate(_)
        ),
        cli.json,
    );
    let config = cli.config.clone();
    let wanted = Wanted {
        network: cli.network,
        api_key: cli.api_key,
        profile: cli.profile,
        config: cli.config,
    };
    let target = wanted.target();
    match target.and_then(|target| {
        dispatch(
            Context {
                output,
                target,
                config,
            },
            cli.command,
        )
    }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output.error(&error);
            exit_code(&error)
        }
    }
}

fn dispatch(context: Context, command: Command) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let done = runtime.block_on(async move {
        match command {
            Command::Up(args) => up::run(&context, args).await,
            Command::Demo => demo::run(&context).await,
            Command::Prover(args) => prover::run(&context, args).await,
            Command::Submit(args) => client::submit(&context, args).await,
            Command::Tasks(args) => client::tasks(&context, args).await,
            Command::Status(args) => client::status(&context, args).await,
            Command::Explain(args) => client::explain(&context, args).await,
            Command::Proof(args) => client::proof(&context, args).await,
            Command::Cancel(args) => client::cancel(&context, args).await,
            Command::Quote(args) => client::quote(&context, args).await,
            Command::Provers => client::provers(&context).await,
            Command::Accounts => market::accounts(&context).await,
            Command::Deposit(args) => market::deposit(&context, args).await,
            Command::Audit(args) => market::audit(&context, args).await,
            Command::Fsck(args) => fsck::run(&context, args).await,
            Command::Redeem(args) => client::redeem(&context, args).await,
            Command::Keys(command) => client::keys(&context, command).await,
            Command::Prove(args) => offline::prove(&context, args),
            Command::Key(command) => key::run(&context, command),
            Command::Witness(args) => offline::witness(&context, args),
            Command::Verify(args) => offline::verify(&context, args),
            Command::Circuits(args) => offline::circuits(&context, args),
            Command::Wallet(command) => wallet::wallet(&context, command),
            Command::Attestor(command) => wallet::attestor(&context, command),
            Command::Attest(args) => wallet::attest(&context, args),
            Command::Gate(args) => gate::run(&context, args).await,
            Command::Pay(args) => pay::run(&context, args).await,
            Command::Ledger(args) => ledger::run(&context, args),
            Command::Bench(command) => bench::run(&context, command).await,
            Command::Completions { shell } => {
                clap_complete::generate(
                    shell,
                    &mut Cli::command(),
                    "prooflane",
                    &mut std::io::stdout(),
                );
                Ok(())
            }
        }
    });
    runtime.shutdown_background();
    done
}

/// Logs go to standard error, so that standard output stays clean: JSON with `--json`. `RUST_LOG`
/// chooses what; nothing ever logs inputs or keys.
fn log_to_stderr(long_running: bool, json: bool) {
    use tracing_subscriber::EnvFilter;
    let default = if long_running {
        "warn,prooflane=info"
    } else {
        "error"
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let set = if json {
        builder.json().try_init()
    } else {
        builder
            .with_target(false)
            .with_ansi(console::colors_enabled_stderr())
            .try_init()
    };
    // Another subscriber is there already only where commands run inside another program.
    let _ = set;
}

/// SIGTERM and Ctrl-C. Made before a command says that it runs: from then on neither kills it.
struct Stop {
    term: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Stop {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Returns at the next of them.
    async fn asked(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn cores() -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u32::try_from(cores).unwrap_or(u32::MAX)
}
