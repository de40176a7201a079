//! The demo's last step: a gate in front of a shop, and a payer who tries to pay twice with one receipt.

use super::{ASKED, Context, PAID, RECIPIENT, ensure, step, yes};
use crate::commands::wallet::unix_seconds;
use crate::edge::{Edge, Setup};
use crate::files::{self, AttestorFile, Payment, WalletFile};
use crate::output::grouped;
use crate::payer::{self, Payer, Prover, Purchase};
use anyhow::Context as _;
use axum::Router;
use axum::http::Method;
use axum::routing::get;
use prooflane_client::Client;
use prooflane_gate::Secrets;
use prooflane_verifier::VerifyingKey;
use serde_json::json;
use std::net::SocketAddr;
use tokio::net::TcpListener;

const NETWORK: &str = "eip155:8453";
const ASSET: &str = "erc20:0x833589fcd6edb6e08f4c7c32d4f71b54bda02913";

/// What the gate answered.
pub(super) struct Shown {
    pub(super) unpaid: u16,
    pub(super) paid: u16,
    pub(super) again: u16,
}

/// A merchant's shop, and the payer.
pub(super) struct Shop<'a> {
    pub(super) client: &'a Client,
    pub(super) requester: Option<&'a str>,
    pub(super) wallet: WalletFile,
    pub(super) attestor: &'a AttestorFile,
    pub(super) home_key: String,
}

impl Shop<'_> {
    pub(super) async fn show(self, context: &Context, key: &VerifyingKey) -> anyhow::Result<Shown> {
        let step = |name: &str, text: String| step(context, name, text);
        let origin = TcpListener::bind("127.0.0.1:0").await?;
        let behind = origin.local_addr()?;
        let app = Router::new().route("/report", get(async || "42\n"));
        let origin = tokio::spawn(async move { axum::serve(origin, app).await });
        let edge = self.open(key, &format!("http://{behind}")).await?;
        let url = format!("{}/report", edge.url());
        step(
            "gate",
            format!(
                "{} stands in front of a shop; it runs {}",
                edge.url(),
                edge.runs()
            ),
        );

        let receipt = self.attestor.attest(Payment {
            payer_commitment: self.wallet.commitment.clone(),
            recipient: RECIPIENT.into(),
            asset: format!("{NETWORK}/{ASSET}"),
            amount: PAID,
            time: unix_seconds()?,
            tx_hash: format!("0x{}", "ca".repeat(32)),
        })?;
        let payer = Payer {
            wallet: self.wallet,
            receipts: vec![receipt],
            prover: Prover::Network(self.client.clone(), 1, self.requester.map(str::to_owned)),
        };
        let http = prooflane_client::http().build()?;
        let purchase = Purchase {
            method: Method::GET,
            url: url.parse()?,
            headers: Vec::new(),
            body: Vec::new(),
        };
        let unpaid = purchase.send(&http, None).await?;
        let mut shown = Shown {
            unpaid: unpaid.status().as_u16(),
            paid: 0,
            again: 0,
        };
        ensure(shown.unpaid == 402, "the gate lets an unpaid request pass")?;
        step(
            "unpaid",
            format!(
                "GET /report: 402, pay {} to {RECIPIENT} {}",
                grouped(ASKED),
                yes()
            ),
        );

        let paid = buy(&http, &payer, &purchase, unpaid).await?;
        shown.paid = paid.answer.status().as_u16();
        ensure(shown.paid == 200 && paid.settled, "a payment was refused")?;
        let report = paid.answer.text().await?;
        step(
            "paid",
            format!(
                "by a proof, in a header of {} bytes: {}, the report says {} {}",
                grouped(paid.header_bytes as u64),
                shown.paid,
                report.trim(),
                yes()
            ),
        );

        let unpaid = purchase.send(&http, None).await?;
        let again = buy(&http, &payer, &purchase, unpaid).await?;
        shown.again = again.answer.status().as_u16();
        ensure(
            shown.again == 402 && !again.settled,
            "one receipt paid twice",
        )?;
        step(
            "again",
            format!(
                "the same receipt for the next request: {}, {} {}",
                shown.again,
                again.reason,
                yes()
            ),
        );
        origin.abort();
        Ok(shown)
    }

    async fn open(&self, key: &VerifyingKey, origin: &str) -> anyhow::Result<Edge> {
        let config = json!({
            "origin": origin,
            "attestors": [self.attestor.public_key],
            "routes": [{
                "path": "/*",
                "accepts": [{
                    "network": NETWORK,
                    "asset": ASSET,
                    "amount": ASKED.to_string(),
                    "payTo": RECIPIENT,
                    "maxAgeSeconds": 600,
                }],
            }],
        });
        Edge::start(Setup {
            config,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            home: self.client.url().to_owned(),
            key: key.clone(),
            secrets: Secrets {
                home_key: self.home_key.clone(),
                nonce_secret: files::random()?,
            },
        })
        .await
    }
}

/// A request that was paid for.
struct Bought {
    answer: reqwest::Response,
    settled: bool,
    reason: String,
    header_bytes: usize,
}

async fn buy(
    http: &reqwest::Client,
    payer: &Payer,
    purchase: &Purchase,
    unpaid: reqwest::Response,
) -> anyhow::Result<Bought> {
    let required = payer::asked(&unpaid)?.context("a 402 was expected")?;
    let now = unix_seconds()?;
    let (asked, receipt) = payer.choose(purchase, &required, Some(PAID), now)?;
    let payment = payer.pay(asked, receipt, now).await?;
    let (_, header) = prooflane_gate::payment_header(&payment);
    let answer = purchase.send(http, Some(&payment)).await?;
    let settled =
        payer::settled(&answer).context("an answer with PAYMENT-RESPONSE was expected")?;
    Ok(Bought {
        answer,
        settled: settled.success,
        reason: settled.error_reason.unwrap_or_default(),
        header_bytes: header.len(),
    })
}
