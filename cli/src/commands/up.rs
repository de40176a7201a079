//! `prooflane up`.

use super::gate::{config as config_of, nonce_secret};
use super::{Context, Stop, cores};
use crate::edge::{Edge, Setup};
use crate::node::{Config, Node, development, kept_api_key};
use crate::payer;
use anyhow::Context as _;
use prooflane_coordinator::{ApiKey, Role};
use prooflane_gate::Secrets;
use prooflane_log::VerifyingKey;
use prooflane_worker::Offer;
use serde_json::json;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Where to listen; port 0 for any free one.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Where everything is kept; made if need be.
    #[arg(long, default_value = "prooflane-data", value_name = "DIR")]
    data: PathBuf,
    /// Provers to run here.
    #[arg(long, default_value_t = 1, value_name = "N")]
    provers: u32,
    /// What they ask, in credits a proof.
    #[arg(long, default_value_t = 10, value_name = "CREDITS")]
    price: u64,
    /// Demand API keys; the default where others can reach the address.
    #[arg(long, conflicts_with = "open")]
    closed: bool,
    /// Let anyone who reaches it use it; the default on a loopback address.
    #[arg(long)]
    open: bool,
    /// Requests per second from each caller.
    #[arg(long, value_name = "N")]
    rate_limit: Option<NonZeroU32>,
    /// Serve development keys, whose maker could forge proofs, where others can reach them.
    #[arg(long)]
    allow_development_keys: bool,
    /// Cosign the checkpoints of these transparency logs: a file of their verifying keys, a line each.
    #[arg(long, value_name = "FILE")]
    witness_of: Option<PathBuf>,
    /// Also run a gate in front of a paid API, configured by this JSON file (edge-verify/gate/README.md).
    #[arg(long, value_name = "FILE")]
    edge: Option<PathBuf>,
    /// Where the gate listens.
    #[arg(
        long,
        default_value = "127.0.0.1:8402",
        value_name = "ADDRESS",
        requires = "edge"
    )]
    edge_listen: SocketAddr,
}

pub(super) async fn run(context: &Context, args: Args) -> anyhow::Result<()> {
    let open = if args.closed {
        false
    } else {
        args.open || args.listen.ip().is_loopback()
    };
    let mut config = Config::loopback(&args.data);
    config.listen = args.listen;
    config.open = Some(open);
    config.rate = args.rate_limit;
    config.allow_development_keys = args.allow_development_keys;
    config.provers = (1..=args.provers)
        .map(|n| {
            let mut offer = Offer::new(format!("local-{n}"), args.price, cores());
            offer.fleet = true;
            offer.warm = true;
            offer
        })
        .collect();
    if let Some(path) = &args.witness_of {
        config.witness_of = log_keys(path)?;
    }
    let mut stop = Stop::new()?;
    let node = Node::start(config).await?;
    let edge = match &args.edge {
        Some(config) => Some(open_gate(&node, &args, config).await?),
        None => None,
    };
    announce(context, &node, &args, edge.as_ref())?;
    stop.asked().await;
    drop(edge);
    context
        .output
        .line("Draining: provers finish what they hold. Ctrl-C again stops at once.");
    let stopped = tokio::select! {
        stopped = node.stop() => stopped?,
        () = stop.asked() => {
            anyhow::bail!("stopped before the provers had finished; their tasks go on at the next start");
        }
    };
    let proved: u64 = stopped.iter().map(|summary| summary.proved).sum();
    context
        .output
        .line(format_args!("Stopped. Proofs made here: {proved}."));
    Ok(())
}

fn log_keys(path: &Path) -> anyhow::Result<Vec<VerifyingKey>> {
    let text = std::fs::read_to_string(path);
    let text = text.with_context(|| format!("{} cannot be read", path.display()))?;
    let lines = text.lines().enumerate().map(|(number, line)| {
        let key = line.parse::<VerifyingKey>();
        key.with_context(|| format!("{}, line {}", path.display(), number + 1))
    });
    lines.collect()
}

/// A gate whose home region, attestor and verifying key are this network's.
async fn open_gate(node: &Node, args: &Args, config: &Path) -> anyhow::Result<Edge> {
    let config = config_of(config, Some(&node.attestor))?;
    let home_key = if node.open {
        String::new()
    } else {
        let record = ApiKey {
            name: "gate".into(),
            roles: vec![Role::Requester],
        };
        kept_api_key(&node.coordinator, &args.data.join("gate.key.json"), &record).await?
    };
    Edge::start(Setup {
        config: config.into(),
        listen: args.edge_listen,
        home: node.url(),
        key: node.keys.get(payer::circuit()?)?.verifying_key().clone(),
        secrets: Secrets {
            home_key,
            nonce_secret: nonce_secret(&args.data.join("gate.secret.json"))?,
        },
    })
    .await
}

fn announce(
    context: &Context,
    node: &Node,
    args: &Args,
    edge: Option<&Edge>,
) -> anyhow::Result<()> {
    let url = node.url();
    context.output.object(&json!({
        "url": url,
        "open": node.open,
        "attestor": node.attestor,
        "operator_key": node.operator_key,
        "log_key": node.log_key,
        "edge": edge.map(Edge::url),
    }))?;
    let dim = console::Style::new().dim();
    let row = |name: &str, value: String| {
        let head = dim.apply_to(format!("  {name:<9} "));
        context.output.row(head, value);
    };
    let title = console::style(concat!("Prooflane ", env!("CARGO_PKG_VERSION"))).bold();
    context.output.line(title);
    let access = if node.open {
        "open to whoever reaches it"
    } else {
        "API keys needed"
    };
    row("network", format!("{url} ({access})"));
    row("docs", format!("{url}/docs"));
    row("data", args.data.display().to_string());
    row("attestor", node.attestor.display().to_string());
    row(
        "ledger",
        format!("{url}/v1/ledger, log key {}", node.log_key),
    );
    if let Some(edge) = edge {
        row("gate", format!("{} ({})", edge.url(), edge.runs()));
    }
    if let Some(key) = &node.operator_key {
        row("operator", format!("{} holds the API key", key.display()));
    }
    row(
        "provers",
        format!(
            "{} here, asking {} credits a proof",
            args.provers, args.price
        ),
    );
    let development: Vec<_> = development(node.coordinator.catalogue()).collect();
    let keys = if development.is_empty() {
        "of ceremonies".to_owned()
    } else {
        let circuits = development.join(", ");
        format!("development for {circuits}: whoever made them could forge proofs")
    };
    row("keys", keys);
    context.output.line("Ctrl-C drains and stops.");
    Ok(())
}
