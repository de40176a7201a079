//! `prooflane pay`.

use super::Context;
use super::offline::KeysDir;
use super::wallet::unix_seconds;
use crate::files;
use crate::output::{No, grouped};
use crate::payer::{self, Payer, Prover, Purchase};
use anyhow::{Context as _, ensure};
use axum::http::{HeaderName, HeaderValue, Method};
use clap::ValueEnum;
use console::style;
use prooflane_gate::wire::SettleResponse;
use reqwest::Url;
use serde_json::json;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[derive(clap::Args)]
pub(super) struct Args {
    /// What to fetch.
    url: Url,
    /// The wallet that opens the receipts.
    #[arg(long, default_value = "wallet.json", value_name = "FILE")]
    wallet: PathBuf,
    /// A receipt to pay with; the first that fits is spent.
    #[arg(long = "receipt", default_value = "receipt.json", value_name = "FILE")]
    receipts: Vec<PathBuf>,
    /// The request's method.
    #[arg(long, short = 'X', default_value = "GET", value_name = "METHOD")]
    method: Method,
    /// The request's body; @FILE for a file's content.
    #[arg(long, short = 'd', value_name = "TEXT")]
    data: Option<String>,
    /// A header of the request, "name: value".
    #[arg(long = "header", short = 'H', value_parser = header, value_name = "HEADER")]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Pay no more than this, in the asset's smallest unit.
    #[arg(long, value_name = "AMOUNT")]
    most: Option<u64>,
    /// Where the proof is made. A network is told the wallet's secret; only its operator's own provers get it.
    #[arg(long, value_enum, default_value_t = Via::Here)]
    via: Via,
    #[command(flatten)]
    keys: KeysDir,
    /// Where the answer goes; - for standard output.
    #[arg(long, short = 'o', default_value = "-", value_name = "FILE")]
    out: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Via {
    /// On this machine.
    Here,
    /// By the network.
    Network,
}

/// The level at which only the operator's own provers see inputs.
const OWN_FLEET: u8 = 3;
/// How often a payment whose outcome is unknown is sent again.
const AGAIN: usize = 5;

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let parts = text.split_once(':').ok_or("expected name: value")?;
    let name = parts.0.trim().parse::<HeaderName>();
    let value = parts.1.trim().parse::<HeaderValue>();
    Ok((
        name.map_err(|error| error.to_string())?,
        value.map_err(|error| error.to_string())?,
    ))
}

pub(super) async fn run(context: &Context, args: Args) -> anyhow::Result<()> {
    let purchase = Purchase {
        method: args.method.clone(),
        url: args.url.clone(),
        headers: args.headers.clone(),
        body: match args
            .data
            .as_deref()
            .map(|data| data.strip_prefix('@').ok_or(data))
        {
            None => Vec::new(),
            Some(Err(text)) => text.into(),
            Some(Ok(file)) => {
                std::fs::read(file).with_context(|| format!("{file} cannot be read"))?
            }
        },
    };
    let http = prooflane_client::http()
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let say = |name: &str, text: String| {
        if !context.output.json {
            // The answer itself may go to standard output.
            eprintln!("{}{text}", style(format!("{name:<9} ")).cyan().for_stderr());
        }
    };
    let mut answer = purchase.send(&http, None).await?;
    let mut settled: Option<SettleResponse> = None;
    if let Some(required) = payer::asked(&answer)? {
        let payer = Payer {
            wallet: files::read(&args.wallet)?,
            receipts: (args.receipts.iter())
                .map(|path| files::read(path))
                .collect::<Result<_, _>>()?,
            prover: match args.via {
                Via::Here => Prover::Here(Arc::new(args.keys.open()?)),
                Via::Network => Prover::Network(context.client()?, OWN_FLEET, None),
            },
        };
        let now = unix_seconds()?;
        let (asked, receipt) = payer.choose(&purchase, &required, args.most, now)?;
        say(
            "402",
            format!(
                "{} asks {} of {} on {}, paid to {}",
                purchase.url.origin().ascii_serialization(),
                asked.amount.parse().map_or(asked.amount.clone(), grouped),
                asked.asset,
                asked.network,
                asked.pay_to
            ),
        );
        say("receipt", format!("that of {} fits", receipt.tx_hash));
        let proving = Instant::now();
        let payment = payer.pay(asked, receipt, now).await?;
        let place = match args.via {
            Via::Here => "here",
            Via::Network => "by the network",
        };
        let ms = proving.elapsed().as_millis();
        say("proof", format!("128 bytes, made {place} in {ms} ms"));
        for _ in 0..AGAIN {
            answer = purchase.send(&http, Some(&payment)).await?;
            settled = payer::settled(&answer);
            let reason = settled.as_ref().and_then(|s| s.error_reason.as_deref());
            if reason != Some("settlement_pending") {
                break;
            }
            say(
                "pending",
                "nobody knows yet whether it counts; asking again".into(),
            );
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        if let Some(required) = payer::asked(&answer)? {
            let code = required.error.unwrap_or_default();
            return Err(No(format!("the payment was refused: {code}")).into());
        }
        if let Some(settled) = settled.as_ref().filter(|settled| settled.success) {
            say(
                "paid",
                format!("the receipt is spent: {}", settled.transaction),
            );
        }
    } else {
        say("free", "nothing has to be paid for this".into());
    }
    let status = answer.status();
    say("answer", status.to_string());
    let body = answer.bytes().await.context("the answer broke off")?;
    context.output.object(&json!({
        "status": status.as_u16(),
        "paid": settled,
        "out": args.out,
        "bytes": body.len(),
    }))?;
    if args.out.as_os_str() != "-" {
        files::write_bytes(&args.out, &body)?;
    } else if !context.output.json {
        let written = std::io::stdout().write_all(&body);
        written.context("standard output is closed")?;
    }
    ensure!(
        status.is_success(),
        No(format!("{} answers {status}", purchase.url))
    );
    Ok(())
}
