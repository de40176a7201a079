//! `prooflane bench`.

use super::Context;
use crate::node::{Config, Node};
use anyhow::Context as _;
use clap::Subcommand;
use futures::stream::{self, StreamExt, TryStreamExt};
use prooflane_client::Client;
use prooflane_client::wire::{Claim, PlaceAsk, RegisterProver, SubmitTask};
use prooflane_worker::Offer;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[derive(Subcommand)]
pub(super) enum BenchCommand {
    /// What the network adds to proving, and how many submissions and claims it takes.
    Network {
        /// Proofs to measure the latency with.
        #[arg(long, default_value_t = 20, value_name = "N")]
        proofs: usize,
        /// Tasks to measure the throughput with.
        #[arg(long, default_value_t = 5_000, value_name = "N")]
        tasks: usize,
        /// Clients at once.
        #[arg(long, default_value_t = 64, value_name = "N")]
        clients: usize,
    },
}

pub(super) async fn run(context: &Context, command: BenchCommand) -> anyhow::Result<()> {
    let BenchCommand::Network {
        proofs,
        tasks,
        clients,
    } = command;
    let folder = tempfile::tempdir()?;
    let row = |case: &str, values: Value| -> anyhow::Result<()> {
        let mut row = json!({"bench": "network", "case": case});
        if let (Some(row), Some(values)) = (row.as_object_mut(), values.as_object()) {
            row.extend(values.clone());
            if !context.output.json {
                let shown: Vec<String> = values
                    .iter()
                    .map(|(name, value)| format!("{name} {value}"))
                    .collect();
                context
                    .output
                    .line(format_args!("{case:<8} {}", shown.join(", ")));
            }
        }
        context.output.object(&row)
    };
    row("latency", latency(folder.path(), proofs.max(1)).await?)?;
    let mut config = Config::loopback(folder.path().join("throughput"));
    std::fs::create_dir_all(&config.data)?;
    // The same keys: making them again would only take time.
    std::fs::rename(folder.path().join("latency/keys"), config.data.join("keys"))?;
    config.provers = Vec::new();
    let node = Node::start(config).await?;
    let client = Client::new(&node.url(), None)?;
    row("submit", submissions(&client, tasks, clients).await?)?;
    row("claim", claims(&client, tasks).await?)?;
    node.stop().await?;
    Ok(())
}

/// Bare proving and the whole way through an idle network, in turns.
async fn latency(folder: &std::path::Path, proofs: usize) -> anyhow::Result<Value> {
    let circuit = prooflane_circuits::find("payment@1").context("payment@1 is missing")?;
    let mut config = Config::loopback(folder.join("latency"));
    config.provers = vec![Offer::new("bench", 10, 1)];
    let node = Node::start(config).await?;
    let client = Client::new(&node.url(), None)?;
    let key = node.keys.get(circuit)?;
    let inputs = circuit.example();
    let (mut bare, mut whole) = (Vec::new(), Vec::new());
    // The first of each warms caches, connections and the prover's registration.
    for round in 0..=proofs {
        let started = Instant::now();
        let (key, inputs) = (key.clone(), inputs.clone());
        let for_task = inputs.clone();
        tokio::task::spawn_blocking(move || {
            let witness = circuit.witness(&inputs)?;
            prooflane_engine::prove(&key, &witness)?;
            anyhow::Ok(())
        })
        .await??;
        let bare_time = started.elapsed();
        let started = Instant::now();
        let task = client
            .submit(&SubmitTask::new("payment@1", for_task))
            .await?;
        client.wait_for_proof(task.task_id).await?;
        if round > 0 {
            bare.push(bare_time);
            whole.push(started.elapsed());
        }
    }
    node.stop().await?;
    let (bare, whole) = (millis(median(&mut bare)), millis(median(&mut whole)));
    let allowed = 1.3 * bare + 20.0;
    Ok(json!({
        "circuit": "payment@1",
        "bare_median_ms": rounded(bare),
        "network_median_ms": rounded(whole),
        "ratio": rounded(whole / bare),
        "allowed_ms": rounded(allowed),
        "within": whole <= allowed,
    }))
}

async fn submissions(client: &Client, tasks: usize, clients: usize) -> anyhow::Result<Value> {
    let circuit = prooflane_circuits::find("range@1").context("range@1 is missing")?;
    let started = Instant::now();
    let mut times: Vec<Duration> = stream::iter(0..tasks)
        .map(|_| {
            let task = SubmitTask::new("range@1", circuit.example());
            async move {
                let started = Instant::now();
                client.submit(&task).await?;
                anyhow::Ok(started.elapsed())
            }
        })
        .buffer_unordered(clients)
        .try_collect()
        .await?;
    let elapsed = started.elapsed();
    let mut row = throughput(tasks, elapsed);
    row["clients"] = json!(clients);
    times.sort_unstable();
    row["p50_ms"] = json!(rounded(millis(times[times.len() / 2])));
    row["p99_ms"] = json!(rounded(millis(times[times.len() * 99 / 100])));
    Ok(row)
}

/// One prover takes all that was submitted, from its ask to its last claim: auctions included.
async fn claims(client: &Client, tasks: usize) -> anyhow::Result<Value> {
    let capacity = u32::try_from(tasks.min(1_000))?;
    let started = Instant::now();
    let prover = client
        .register(&RegisterProver {
            prover_id: Some("bench".into()),
            capacity,
            fleet: false,
            trusted: false,
        })
        .await?;
    let ask = PlaceAsk {
        ask_id: None,
        circuits: Vec::new(),
        price: 1,
        capacity,
        levels: vec![1],
        promised_ms: 60_000,
        expires_at: None,
    };
    client.place_ask(&prover.prover_id, &ask).await?;
    let mut claimed = 0;
    while claimed < capacity as usize {
        let claim = Claim {
            max: 100,
            wait_ms: 5_000,
            holding: None,
        };
        let got = client
            .claim(&prover.prover_id, &claim)
            .await?
            .assignments
            .len();
        anyhow::ensure!(got > 0, "expected {capacity} assignments, got {claimed}");
        claimed += got;
    }
    Ok(throughput(claimed, started.elapsed()))
}

fn throughput(count: usize, elapsed: Duration) -> Value {
    #[allow(clippy::cast_precision_loss)]
    let per_second = count as f64 / elapsed.as_secs_f64();
    json!({"count": count, "per_second": per_second.round()})
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
