//! The payer's side of x402's scheme `zk-groth16` (`docs/x402.md`): from a 402 to a payment.

use crate::files::{PaymentRequest, ReceiptFile, WalletFile};
use anyhow::{Context as _, bail, ensure};
use axum::http::{HeaderName, HeaderValue, Method};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prooflane_circuits::Circuit;
use prooflane_client::Client;
use prooflane_client::wire::SubmitTask;
use prooflane_engine::Keys;
use prooflane_gate::wire::{
    Payment, PaymentPayload, PaymentRequired, PaymentRequirements, SCHEME, SettleResponse,
};
use prooflane_gate::{PAYMENT_REQUIRED, PAYMENT_RESPONSE, binding, pack, read_header, to_hex};
use prooflane_verifier::{Proof, field};
use reqwest::{Response, Url};
use serde_json::Value;
use std::sync::Arc;

/// A request that may have to be paid for.
pub struct Purchase {
    /// Its method.
    pub method: Method,
    /// Its URL.
    pub url: Url,
    /// Its headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Its body.
    pub body: Vec<u8>,
}

/// Where proofs are made.
pub enum Prover {
    /// In this process, with the keys of a folder.
    Here(Arc<Keys>),
    /// By a network, which is told the wallet's secret: at this privacy level, for this requester.
    Network(Client, u8, Option<String>),
}

/// Who pays.
pub struct Payer {
    /// What opens the receipts.
    pub wallet: WalletFile,
    /// What was paid.
    pub receipts: Vec<ReceiptFile>,
    /// Where proofs are made.
    pub prover: Prover,
}

impl Purchase {
    /// Sends the request, with a payment where there is one.
    ///
    /// # Errors
    /// If no answer comes.
    pub async fn send(
        &self,
        http: &reqwest::Client,
        payment: Option<&PaymentPayload>,
    ) -> anyhow::Result<Response> {
        let mut request = http.request(self.method.clone(), self.url.clone());
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(payment) = payment {
            let (name, value) = prooflane_gate::payment_header(payment);
            request = request.header(name, value);
        }
        let answer = request.body(self.body.clone()).send().await;
        answer.with_context(|| format!("{} does not answer", self.url))
    }

    /// What a payment for this request is bound to, with the server's nonce.
    fn binding(&self, nonce: &str) -> String {
        let query = self.url.query().map(|query| format!("?{query}"));
        let path = format!("{}{}", self.url.path(), query.unwrap_or_default());
        let origin = self.url.origin().ascii_serialization();
        to_hex(&binding(&self.method, &origin, &path, &self.body, nonce))
    }
}

/// What a 402 asks; `None` of an answer that asks for nothing.
///
/// # Errors
/// Where a 402 cannot be read.
pub fn asked(answer: &Response) -> anyhow::Result<Option<PaymentRequired>> {
    if answer.status() != reqwest::StatusCode::PAYMENT_REQUIRED {
        return Ok(None);
    }
    let header = answer.headers().get(PAYMENT_REQUIRED);
    let header = header.context("402 without PAYMENT-REQUIRED: no server of x402 version 2")?;
    let read = read_header(header).context("PAYMENT-REQUIRED cannot be read")?;
    Ok(Some(read))
}

/// What became of a payment.
#[must_use]
pub fn settled(answer: &Response) -> Option<SettleResponse> {
    read_header(answer.headers().get(PAYMENT_RESPONSE)?)
}

impl Payer {
    /// One of the ways to pay, and a receipt that fits it; what is asked for is compared with the request that was sent.
    ///
    /// # Errors
    /// Why nothing fits, for each way and each receipt.
    pub fn choose<'a>(
        &'a self,
        purchase: &Purchase,
        required: &PaymentRequired,
        most: Option<u64>,
        now: u64,
    ) -> anyhow::Result<(PaymentRequirements, &'a ReceiptFile)> {
        let mut why = Vec::new();
        for asked in &required.accepts {
            if let Err(error) = acceptable(purchase, asked, most) {
                why.push(format!("{} on {}: {error:#}", asked.scheme, asked.network));
                continue;
            }
            for receipt in &self.receipts {
                match fits(asked, receipt, now) {
                    Ok(()) => return Ok((asked.clone(), receipt)),
                    Err(error) => why.push(format!("receipt of {}: {error:#}", receipt.tx_hash)),
                }
            }
        }
        if self.receipts.is_empty() {
            why.push("there is no receipt".into());
        }
        bail!("nothing here pays for this\n{}", why.join("\n"))
    }

    /// Makes the payment.
    ///
    /// # Errors
    /// If no proof can be made.
    pub async fn pay(
        &self,
        asked: PaymentRequirements,
        receipt: &ReceiptFile,
        now: u64,
    ) -> anyhow::Result<PaymentPayload> {
        let inputs = receipt.inputs(
            &self.wallet,
            &PaymentRequest {
                min_amount: asked.amount.parse()?,
                max_age: max_age(&asked)?,
                current_time: now,
                binding: text(&asked, "binding")?.to_owned(),
            },
        );
        let key = text(&asked, "key")?;
        let (proof, nullifier) = match &self.prover {
            Prover::Here(keys) => prove_here(keys.clone(), inputs, key.to_owned()).await?,
            Prover::Network(client, level, requester) => {
                let mut order = SubmitTask::new("payment@1", inputs);
                order.privacy_level = *level;
                order.requester.clone_from(requester);
                let task = client.submit(&order).await?;
                let proof = client.wait_for_proof(task.task_id).await?;
                let nullifier = proof.public_inputs.last().context("no public inputs")?;
                (decode(&proof.compact)?, field::parse(nullifier)?)
            }
        };
        let payment = Payment {
            proof: STANDARD.encode(proof.to_compact()),
            nullifier: to_hex(&nullifier),
            current_time: now,
            attestor: packed(receipt)?,
            nonce: text(&asked, "nonce")?.to_owned(),
            attempt: None,
        };
        Ok(PaymentPayload {
            x402_version: 2,
            scheme: None,
            network: None,
            payload: serde_json::to_value(payment)?,
            accepted: Some(asked),
            extensions: None,
        })
    }
}

/// What is proved.
///
/// # Errors
/// Never: it comes with this program.
pub fn circuit() -> anyhow::Result<&'static dyn Circuit> {
    prooflane_circuits::find("payment@1").context("payment@1 is not here")
}

async fn prove_here(
    keys: Arc<Keys>,
    inputs: Value,
    key_id: String,
) -> anyhow::Result<(Proof, prooflane_verifier::Fr)> {
    let circuit = circuit()?;
    tokio::task::spawn_blocking(move || {
        let key = keys.get(circuit)?;
        let mine = key.key_id().to_string();
        ensure!(
            mine == key_id,
            "the server verifies under the key {key_id}, and the one here is {mine}: import that key \
             (prooflane key import), or let the server's network prove (--via network)"
        );
        let witness = circuit.witness(&inputs)?;
        let proof = prooflane_engine::prove(&key, &witness)?;
        let nullifier = witness.public_inputs().last().context("no public inputs")?;
        Ok((proof, *nullifier))
    })
    .await?
}

fn decode(compact: &str) -> anyhow::Result<Proof> {
    let digits = compact.strip_prefix("0x").unwrap_or(compact);
    let bytes = hex::decode(digits)
        .ok()
        .context("a proof in hexadecimal digits was expected")?;
    Ok(Proof::from_compact(&bytes)?)
}

/// Whether this way to pay is one that can be meant for the request, and not too dear.
fn acceptable(
    purchase: &Purchase,
    asked: &PaymentRequirements,
    most: Option<u64>,
) -> anyhow::Result<()> {
    ensure!(asked.scheme == SCHEME, "expected the scheme {SCHEME}");
    let circuit = text(asked, "circuit")?;
    ensure!(circuit == "payment@1", "expected payment@1, got {circuit}");
    let amount: u64 = asked.amount.parse().context("amount")?;
    if let Some(most) = most {
        ensure!(amount <= most, "it costs {amount}, more than {most}");
    }
    let expected = purchase.binding(text(asked, "nonce")?);
    ensure!(
        text(asked, "binding")? == expected,
        "the server asks to be paid for another request than the one that was sent to it"
    );
    Ok(())
}

fn fits(asked: &PaymentRequirements, receipt: &ReceiptFile, now: u64) -> anyhow::Result<()> {
    let same = |name: &str, expected: &str, got: &str| {
        ensure!(expected == got, "{name}: expected {expected}, got {got}");
        Ok(())
    };
    same("recipient", &asked.pay_to, &receipt.recipient_key)?;
    let asset = format!("{}/{}", asked.network, asked.asset);
    same("asset", &asset, &receipt.asset)?;
    let (least, paid): (u64, u64) = (asked.amount.parse()?, receipt.actual_amount.parse()?);
    ensure!(
        paid >= least,
        "amount: expected at least {least}, got {paid}"
    );
    let oldest = max_age(asked)?;
    let age = now.checked_sub(receipt.payment_time);
    let age = age.context("the payment is dated in the future")?;
    ensure!(
        age <= oldest,
        "age: expected at most {oldest} s, got {age} s"
    );
    let attestor = packed(receipt)?;
    let attestors = asked.extra.get("attestors").and_then(Value::as_array);
    let known = attestors.is_some_and(|all| all.iter().any(|one| *one == *attestor));
    ensure!(known, "its attestor is none that the server trusts");
    Ok(())
}

fn packed(receipt: &ReceiptFile) -> anyhow::Result<String> {
    let key = &receipt.attestor_key;
    Ok(pack(&[field::parse(&key.x)?, field::parse(&key.y)?]))
}

fn max_age(asked: &PaymentRequirements) -> anyhow::Result<u64> {
    let age = asked.extra.get("maxAgeSeconds").and_then(Value::as_u64);
    age.context("extra.maxAgeSeconds: expected a number")
}

fn text<'a>(asked: &'a PaymentRequirements, name: &str) -> anyhow::Result<&'a str> {
    let text = asked.extra.get(name).and_then(Value::as_str);
    text.with_context(|| format!("extra.{name}: expected a text"))
}
