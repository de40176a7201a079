//! Every command, with its flags.

use crate::cells::{Cells, Limits, serve};
use crate::group::{AutoScaling, Group};
use crate::machine::Machine;
use crate::network::{Fleet, Waits};
use crate::setup::{Options, set_up};
use crate::shift::work;
use anyhow::{Context, anyhow, bail};
use aws_config::SdkConfig;
use clap::builder::FalseyValueParser;
use clap::{Parser, Subcommand};
use metrics_cloudwatch_embedded::{Builder, Collector};
use prooflane_coordinator::{Catalogue, Coordinator, OsEntropy, Ports, Severity};
use prooflane_engine::Keys;
use prooflane_market::{ProverId, Rules};
use prooflane_store::SystemClock;
use prooflane_store_aws::{DynamoTable, S3Blobs, SqsQueue};
use prooflane_worker::{Drain, Offer};
use std::convert::Infallible;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Prooflane's fleet on AWS. Region, credentials and endpoints are taken as every AWS tool takes them.
#[derive(Parser)]
#[command(name = "prooflane-fleet", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Prove what a class of the fleet wins, until told to go.
    Worker(WorkerArgs),
    /// Make what a new network lacks: keys, the catalogue, an operator's API key.
    Setup(SetupArgs),
    /// Check every invariant in the network's store.
    Fsck(FsckArgs),
    /// A proving process of a worker.
    #[command(hide = true)]
    Cell(CellArgs),
}

/// Where the network keeps everything.
#[derive(clap::Args)]
struct StoreArgs {
    /// The DynamoDB table.
    #[arg(long, env = "PROOFLANE_TABLE", value_name = "NAME")]
    table: String,
    /// The S3 bucket.
    #[arg(long, env = "PROOFLANE_BUCKET", value_name = "NAME")]
    bucket: String,
    /// What the names of its SQS queues begin with.
    #[arg(long, env = "PROOFLANE_QUEUES", value_name = "PREFIX")]
    queues: String,
    /// The network's constants that differ from the defaults, as a JSON object.
    #[arg(long, env = "PROOFLANE_RULES", default_value = "{}", value_parser = rules, value_name = "JSON")]
    rules: Box<Rules>,
}

#[derive(clap::Args)]
struct WorkerArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// The class of the fleet: the prover that it is in the market, and the end of its queue's name.
    #[arg(long, env = "PROOFLANE_CLASS", value_parser = class, value_name = "NAME")]
    class: ProverId,
    /// The Auto Scaling group that this machine belongs to, if any.
    #[arg(long, env = "PROOFLANE_GROUP", value_name = "NAME")]
    group: Option<String>,
    /// The group's lifecycle hook that waits for machines that drain.
    #[arg(long, env = "PROOFLANE_LIFECYCLE_HOOK", value_name = "NAME")]
    lifecycle_hook: Option<String>,
    /// Proofs at once; one for each core where not given.
    #[arg(long, env = "PROOFLANE_SLOTS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    slots: Option<u32>,
    /// The longest that one proof may take.
    #[arg(
        long,
        env = "PROOFLANE_PROOF_SECONDS",
        default_value_t = 300,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    proof_seconds: u64,
    /// The most memory that one proof may take, in MB of address space; 0 for no limit, which CUDA
    /// needs.
    #[arg(
        long,
        env = "PROOFLANE_PROOF_MEMORY_MB",
        default_value_t = 4096,
        value_name = "MB"
    )]
    proof_memory_mb: u64,
    /// Ask no instance metadata: on this machine only signals drain.
    #[arg(
        long,
        env = "AWS_EC2_METADATA_DISABLED",
        value_parser = FalseyValueParser::new()
    )]
    no_metadata: bool,
    /// The stage of the network: with it, metrics are written to the log, from which CloudWatch takes
    /// them.
    #[arg(long, env = "PROOFLANE_STAGE", value_name = "NAME")]
    stage: Option<String>,
    /// Where proving keys are kept, to be found there again; a folder of this process's own where not
    /// given.
    #[arg(long, env = "PROOFLANE_KEYS", value_name = "DIR")]
    keys: Option<PathBuf>,
}

#[derive(clap::Args)]
struct SetupArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// New keys for every circuit. Open tasks of the old ones end without a proof, and functions and
    /// workers must be started anew to know the new ones.
    #[arg(long)]
    replace: bool,
    /// Another operator's API key although there is one.
    #[arg(long)]
    new_api_key: bool,
    /// A folder with keys, such as `prooflane key import` makes from a ceremony's: where one is there that the network
    /// lacks, it is taken instead of a development key. With --replace in place of what the network has.
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
    /// One JSON object instead of lines for people.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct FsckArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// One JSON object instead of lines for people.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct CellArgs {
    #[arg(long)]
    keys: PathBuf,
    #[arg(long)]
    threads: usize,
    #[arg(long)]
    memory_mb: u64,
}

/// How often the machine is asked whether it goes: a spot notice comes two minutes ahead.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often a group hears that a machine still drains: well within the 15 minutes of its hook.
const STILL_DRAINING_EVERY: Duration = Duration::from_secs(300);

fn class(name: &str) -> Result<ProverId, prooflane_market::InvalidProverId> {
    ProverId::new(name)
}

fn rules(json: &str) -> Result<Box<Rules>, serde_json::Error> {
    serde_json::from_str(json).map(Box::new)
}

/// Runs a command to its end; errors go to standard error.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    log_to_stderr();
    match dispatch(cli.command) {
        Ok(code) => code,
        Err(error) => {
            // Nobody is left to tell where this fails.
            let _ = writeln!(std::io::stderr(), "prooflane-fleet: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Command) -> anyhow::Result<ExitCode> {
    // A cell proves on threads of its own and has nothing else to do.
    let mut runtime = match command {
        Command::Cell(_) => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    runtime.enable_all().build()?.block_on(async {
        match command {
            Command::Worker(args) => worker(args).await,
            Command::Setup(args) => setup(args).await,
            Command::Fsck(args) => fsck(args).await,
            Command::Cell(args) => cell(&args),
        }
    })
}

fn ports(store: &StoreArgs, config: &SdkConfig) -> Ports {
    Ports {
        table: Arc::new(DynamoTable::new(config, &store.table)),
        queue: Arc::new(SqsQueue::new(config, &store.queues)),
        blobs: Arc::new(S3Blobs::new(config, &store.bucket)),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy),
    }
}

async fn coordinator(store: &StoreArgs, ports: Ports) -> anyhow::Result<Coordinator> {
    let catalogue = Catalogue::load(&*ports.blobs).await?;
    Ok(Coordinator::new(ports, (*store.rules).clone(), catalogue))
}

async fn worker(args: WorkerArgs) -> anyhow::Result<ExitCode> {
    // From here on neither kills it.
    let mut term = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let metrics = match args.stage {
        Some(stage) => Some(metrics_to_log(stage)?),
        None => None,
    };
    let config = prooflane_store_aws::loader().load().await;
    let ports = ports(&args.store, &config);
    let blobs = ports.blobs.clone();
    let coordinator = coordinator(&args.store, ports).await?;

    // Nobody else may put keys where they are read without being checked again.
    let own = tempfile::Builder::new()
        .prefix("prooflane-keys-")
        .tempdir()?;
    let dir = args.keys.unwrap_or_else(|| own.path().to_owned());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let slots = match args.slots {
        Some(slots) => slots,
        None => u32::try_from(cores)?,
    };
    let threads = (cores / usize::try_from(slots)?).max(1);
    let limits = Limits {
        time: Duration::from_secs(args.proof_seconds),
        memory_mb: args.proof_memory_mb,
    };
    let network = Arc::new(Fleet::new(
        coordinator.clone(),
        blobs,
        Keys::open(&dir)?,
        Waits::default(),
    ));
    let cells = Arc::new(Cells::new(
        std::env::current_exe()?,
        cell_args(&dir, threads, limits.memory_mb)?,
        limits,
    ));
    let mut offer = Offer::new(args.class.to_string(), 0, slots);
    offer.heartbeat = Duration::from_millis(coordinator.rules().lease.0 / 4);
    offer.warm = true;

    let machine = Machine::new(&config);
    let given = |name: Option<String>| name.filter(|name| !name.is_empty());
    let hook = given(args.lifecycle_hook);
    let group = given(args.group).map(|group| {
        Arc::new(AutoScaling::new(&config, machine.clone(), group, hook)) as Arc<dyn Group>
    });
    let drain = Drain::default();
    if !args.no_metadata && already_going(&machine).await {
        // Started again on a machine that was drained: nothing is to be claimed there.
        drain.start();
    }
    let told = drain.clone();
    let watching = tokio::spawn(async move {
        let why = tokio::select! {
            notice = machine.goes(LOOK_EVERY), if !args.no_metadata => format!("{notice:?}"),
            _ = term.recv() => "SIGTERM".into(),
            _ = interrupt.recv() => "interrupted".into(),
        };
        tracing::info!(why, "draining: what is held is finished");
        told.start();
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
    });
    tracing::info!(class = %args.class, slots, threads, ?limits, "at work");
    let working = work(network, cells, offer, drain, group, STILL_DRAINING_EVERY);
    let summary = tokio::select! {
        summary = working => summary?,
        _ = watching => {
            bail!("stopped before everything held was finished; other machines take it over");
        }
        never = flush_every_minute(metrics) => match never {},
    };
    if let Some(metrics) = metrics {
        flush(metrics);
    }
    tracing::info!(
        proved = summary.proved,
        failed = summary.failed,
        "drained and done"
    );
    Ok(ExitCode::SUCCESS)
}

/// CloudWatch's embedded metric format, as the functions write it.
fn metrics_to_log(stage: String) -> anyhow::Result<&'static Collector> {
    let builder = Builder::new()
        .cloudwatch_namespace("Prooflane")
        .with_dimension("stage", stage);
    builder
        .init()
        .map_err(|error| anyhow!("metrics cannot be written: {error}"))
}

async fn flush_every_minute(metrics: Option<&Collector>) -> Infallible {
    loop {
        tokio::time::sleep(Duration::from_secs(60)).await;
        if let Some(metrics) = metrics {
            flush(metrics);
        }
    }
}

fn flush(metrics: &Collector) {
    if let Err(error) = metrics.flush(std::io::stderr()) {
        tracing::warn!(%error, "metrics were lost");
    }
}

/// Elsewhere than on EC2 there may be no answer at all, which must not keep anyone from working.
async fn already_going(machine: &Machine) -> bool {
    let looked = tokio::time::timeout(Duration::from_secs(2), machine.notice()).await;
    matches!(looked, Ok(Ok(Some(_))))
}

fn cell_args(dir: &std::path::Path, threads: usize, memory_mb: u64) -> anyhow::Result<Vec<String>> {
    let dir = dir.to_str().context("--keys: expected a path in UTF-8")?;
    let (threads, memory_mb) = (threads.to_string(), memory_mb.to_string());
    let args = [
        "cell",
        "--keys",
        dir,
        "--threads",
        &threads,
        "--memory-mb",
        &memory_mb,
    ];
    Ok(args.map(str::to_owned).into())
}

fn cell(args: &CellArgs) -> anyhow::Result<ExitCode> {
    // Whoever stops the service or presses Ctrl-C means the worker, which lets proofs be finished.
    let _term = signal(SignalKind::terminate())?;
    let _interrupt = signal(SignalKind::interrupt())?;
    serve(&args.keys, args.threads, args.memory_mb)?;
    Ok(ExitCode::SUCCESS)
}

async fn setup(args: SetupArgs) -> anyhow::Result<ExitCode> {
    let config = prooflane_store_aws::loader().load().await;
    let options = Options {
        replace: args.replace,
        new_api_key: args.new_api_key,
        keys: args.keys,
    };
    let done = set_up(ports(&args.store, &config), &options).await?;
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&done)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    for circuit in &done.kept {
        writeln!(out, "{circuit}: there already, kept")?;
    }
    for (circuit, provenance) in &done.taken {
        let provenance = provenance.as_str();
        writeln!(out, "{circuit}: took the {provenance} key of the folder")?;
    }
    for circuit in &done.made {
        writeln!(
            out,
            "{circuit}: made a development key, whose maker could forge proofs"
        )?;
    }
    match &done.api_key {
        Some(key) => writeln!(out, "The operator's API key, shown only now: {key}")?,
        None => writeln!(
            out,
            "There is an operator's API key; --new-api-key makes another."
        )?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn fsck(args: FsckArgs) -> anyhow::Result<ExitCode> {
    let config = prooflane_store_aws::loader().load().await;
    let ports = ports(&args.store, &config);
    let findings = coordinator(&args.store, ports).await?.fsck().await?;
    let broken = |severity| severity == Severity::Broken;
    let count = findings.iter().filter(|f| broken(f.severity)).count();
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::json!({"findings": &findings}))?;
    } else {
        for finding in &findings {
            let head = if broken(finding.severity) {
                "broken"
            } else {
                "untidy"
            };
            writeln!(out, "{head}  {finding}")?;
        }
        match count {
            0 => writeln!(out, "No invariant is broken.")?,
            _ => writeln!(out, "{count} invariants are broken.")?,
        }
    }
    Ok(if count == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Logs are for machines unless a person watches. Nothing ever logs inputs or keys.
fn log_to_stderr() {
    use tracing_subscriber::EnvFilter;
    let default = "warn,prooflane_fleet=info,prooflane_worker=info,prooflane_coordinator=info";
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let set = if std::io::stderr().is_terminal() {
        builder.with_target(false).try_init()
    } else {
        builder.json().try_init()
    };
    // Another subscriber is there already only where commands run inside another program.
    let _ = set;
}
