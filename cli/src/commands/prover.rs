//! `prooflane prover`.

use super::{Context, Stop, cores};
use prooflane_engine::Keys;
use prooflane_worker::{Drain, Offer, Remote};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The prover's name: 1 to 64 of A-Z a-z 0-9 _ -.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What it asks, in credits a proof.
    #[arg(long, default_value_t = 10, value_name = "CREDITS")]
    price: u64,
    /// Proofs at once; one for each core where not given.
    #[arg(long, value_name = "N")]
    slots: Option<u32>,
    /// Circuits it proves (name@version); all where not given.
    #[arg(long = "circuit", value_name = "CIRCUIT")]
    circuits: Vec<String>,
    /// Privacy levels it offers; 3 stands for all above.
    #[arg(long = "level", value_name = "N", default_values_t = [1, 2, 3])]
    levels: Vec<u8>,
    /// Time within which it promises a proof.
    #[arg(long, default_value_t = 10_000, value_name = "MILLISECONDS")]
    promise: u64,
    /// The network operator's own (takes an operator's key).
    #[arg(long)]
    fleet: bool,
    /// Where proving keys are kept.
    #[arg(long, default_value = "prooflane-keys", value_name = "DIR")]
    keys: PathBuf,
}

pub(super) async fn run(context: &Context, args: Args) -> anyhow::Result<()> {
    let mut stop = Stop::new()?;
    let client = context.client()?;
    let keys = Keys::open(&args.keys)?;
    let mut offer = Offer::new(args.name, args.price, args.slots.unwrap_or_else(cores));
    offer.circuits = args.circuits;
    offer.levels = args.levels;
    offer.promised = Duration::from_millis(args.promise);
    offer.fleet = args.fleet;
    offer.warm = true;
    context
        .output
        .object(&json!({"prover": offer.prover_id, "network": client.url()}))?;
    context.output.row(
        "",
        format_args!(
            "Prover {} asks {} credits a proof at {}. Ctrl-C drains and stops.",
            offer.prover_id,
            offer.price,
            client.url()
        ),
    );
    let drain = Drain::default();
    let network = Arc::new(Remote::new(client, keys));
    let proving = prooflane_worker::run(network, offer, drain.clone());
    tokio::pin!(proving);
    let summary = tokio::select! {
        ended = &mut proving => ended?,
        () = stop.asked() => {
            context.output.line("Draining: finishing what is held. Ctrl-C again stops at once.");
            drain.start();
            tokio::select! {
                ended = &mut proving => ended?,
                () = stop.asked() => {
                    anyhow::bail!("stopped before everything held was finished; started again under \
                        the same name, it goes on");
                }
            }
        }
    };
    context
        .output
        .object(&json!({"proved": summary.proved, "failed": summary.failed}))?;
    context.output.line(format_args!(
        "Stopped. Proofs accepted: {}; attempts that ended otherwise: {}.",
        summary.proved, summary.failed
    ));
    Ok(())
}
