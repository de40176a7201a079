//! `prooflane up`.

use super::{Context, Stop, cores};
use crate::node::{Config, Node, development};
use prooflane_worker::Offer;
use serde_json::json;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

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
    let mut stop = Stop::new()?;
    let node = Node::start(config).await?;
    announce(context, &node, &args)?;
    stop.asked().await;
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

fn announce(context: &Context, node: &Node, args: &Args) -> anyhow::Result<()> {
    let url = node.url();
    context.output.object(&json!({
        "url": url,
        "open": node.open,
        "attestor": node.attestor,
        "operator_key": node.operator_key,
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
