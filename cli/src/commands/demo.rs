//! `prooflane demo`.

mod shop;

use self::shop::Shop;
use super::Context;
use super::client::follow;
use super::offline::check;
use super::wallet::unix_seconds;
use crate::files::{AttestorFile, Payment, PaymentRequest, ReceiptFile, WalletFile};
use crate::node::{Config, Node};
use crate::output::{No, grouped};
use anyhow::Context as _;
use console::style;
use prooflane_client::Client;
use prooflane_client::wire::{
    MakeDeposit, PointView, ProofForm, ProofView, Redeem, RedeemAnswer, SubmitTask,
};
use prooflane_market::EventKind;
use prooflane_verifier::{VerifyingKey, field};
use prooflane_worker::Offer;
use serde_json::json;
use std::time::{Duration, Instant};

const RECIPIENT: &str = "merchant-1";
const ASSET: &str = "eip155:8453/erc20:0x833589fcd6edb6e08f4c7c32d4f71b54bda02913";
const PAID: u64 = 1_500_000;
const ASKED: u64 = 1_000_000;
const MAX_AGE: u64 = 60;

/// The two requests that the payer tries to pay for with one payment.
const FIRST_REQUEST: &str = "GET https://merchant.example/report";
const SECOND_REQUEST: &str = "GET https://merchant.example/archive";

pub(super) async fn run(context: &Context) -> anyhow::Result<()> {
    let out = context.output;
    out.line(style("Prooflane: a payment is proved, verified and redeemed.").bold());
    if context.target.named {
        let client = context.client()?;
        client.health().await?;
        step(context, "network", client.url().to_owned());
        let requester = fund(&client).await?;
        return show(context, &client, requester.as_deref(), Instant::now()).await;
    }
    out.row("", "All of it happens on this machine; nothing is kept.");
    let folder = tempfile::tempdir()?;
    let began = Instant::now();
    let mut config = Config::loopback(folder.path().join("network"));
    config.provers = [("swift", 60), ("thrifty", 40)]
        .map(|(name, price)| {
            let mut offer = Offer::new(name, price, super::cores());
            offer.warm = true;
            offer
        })
        .into();
    let node = Node::start(config).await?;
    let client = Client::new(&node.url(), None)?;
    while client
        .provers()
        .await?
        .provers
        .iter()
        .filter(|p| !p.asks.is_empty())
        .count()
        < 2
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let seconds = began.elapsed().as_secs_f64();
    let url = node.url();
    step(
        context,
        "network",
        format!("{url} started, keys made (development) in {seconds:.1} s"),
    );
    step(
        context,
        "provers",
        "swift asks 60 credits a proof, thrifty asks 40; the best bid wins and is paid what the \
         second best would allow"
            .into(),
    );
    let shown = show(context, &client, None, began).await;
    node.stop().await?;
    folder.close()?;
    shown
}

fn step(context: &Context, name: &str, text: String) {
    let name = style(format!("{name:<10} ")).cyan();
    context.output.row(name, text);
}

/// With an operator's key an account of the demo's own is paid in; whoever else calls pays with what
/// they have, or with what an open network grants them.
async fn fund(client: &Client) -> anyhow::Result<Option<String>> {
    let reward = SubmitTask::new("payment@1", json!({})).reward_amount;
    let deposit = MakeDeposit {
        deposit_id: uuid::Uuid::new_v4().to_string(),
        amount: 4 * reward,
    };
    match client.deposit("requester:demo", &deposit).await {
        Ok(_) => Ok(Some("demo".into())),
        Err(error) if error.code() == Some("forbidden") => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn show(
    context: &Context,
    client: &Client,
    requester: Option<&str>,
    began: Instant,
) -> anyhow::Result<()> {
    let out = context.output;
    let step = |name: &str, text: String| step(context, name, text);
    let wallet = WalletFile::generate()?;
    // Whoever is paid says whom they trust to confirm it: here, somebody made up for the occasion.
    let attestor = AttestorFile::generate()?;
    let receipt = attestor.attest(Payment {
        payer_commitment: wallet.commitment.clone(),
        recipient: RECIPIENT.into(),
        asset: ASSET.into(),
        amount: PAID,
        time: unix_seconds()?,
        tx_hash: format!("0x{}", "5e".repeat(32)),
    })?;
    step(
        "payment",
        format!(
            "{} paid to {RECIPIENT}; an attestor signed the receipt",
            grouped(PAID)
        ),
    );
    step(
        "statement",
        format!(
            "\"at least {} was paid to {RECIPIENT}, at most {MAX_AGE} s ago, for {FIRST_REQUEST}\"; amount, payer and transaction stay hidden",
            grouped(ASKED)
        ),
    );

    let submitted = Instant::now();
    let first = Order::place(client, requester, &receipt, &wallet, FIRST_REQUEST).await?;
    step("task", first.task.task_id.to_string());
    let events = follow(context, client, &first.task).await?;
    let proof = client.wait_for_proof(first.task.task_id).await?;
    let total_ms = submitted.elapsed().as_secs_f64() * 1_000.0;
    let claimed = events
        .iter()
        .find(|e| matches!(e.kind, EventKind::Claimed { .. }));
    let completed = events
        .iter()
        .find(|e| matches!(e.kind, EventKind::Completed { .. }));
    let prove_ms = match (claimed, completed) {
        (Some(claimed), Some(completed)) => completed.at.since(claimed.at).0,
        _ => anyhow::bail!("the task has a proof, but its events do not say who made it"),
    };

    // Independently: the key is fetched, the proof is checked here.
    let key = client.verifying_key("payment@1").await?;
    let key = VerifyingKey::try_from(&key)?;
    let checking = Instant::now();
    check(&key, &proof.proof, &proof.public_inputs).context("the network's proof")?;
    let verify_ms = checking.elapsed().as_secs_f64() * 1_000.0;
    step(
        "proof",
        format!(
            "128 bytes, fetched and verified independently in {verify_ms:.1} ms {}",
            yes()
        ),
    );

    let mut changed = proof.public_inputs.clone();
    changed[4] = (ASKED + 1).to_string();
    let mut swapped = proof.proof.clone();
    std::mem::swap(&mut swapped.pi_a, &mut swapped.pi_c);
    let tampered_rejected = check(&key, &proof.proof, &changed).is_err()
        && check(&key, &swapped, &proof.public_inputs).is_err();
    ensure(tampered_rejected, "a changed proof was accepted")?;
    step(
        "tampering",
        format!("a larger amount, or other points: refused {}", yes()),
    );

    let answer = first.redeem(client, &proof).await?;
    ensure(answer.admitted, "the payment was not admitted")?;
    step(
        "redeemed",
        format!("the merchant admits the request {}", yes()),
    );
    // The same payment, honestly proved for another request.
    let second = Order::place(client, requester, &receipt, &wallet, SECOND_REQUEST).await?;
    let replayed = client.wait_for_proof(second.task.task_id).await?;
    check(&key, &replayed.proof, &replayed.public_inputs).context("the second proof")?;
    let answer = second.redeem(client, &replayed).await?;
    let replay_rejected = !answer.admitted && answer.reason == "already_spent";
    ensure(replay_rejected, "one payment was admitted twice")?;
    step(
        "replay",
        format!(
            "the same payment for another request: refused ({}) {}",
            answer.reason,
            yes()
        ),
    );

    let shop = Shop {
        client,
        requester,
        wallet,
        attestor: &attestor,
        home_key: context.target.api_key.clone().unwrap_or_default(),
    };
    let shop = shop.show(context, &key).await?;

    let circuits = client.circuits().await?.circuits;
    let circuit = circuits.iter().find(|circuit| circuit.id == proof.circuit);
    let constraints = circuit
        .context("the network does not list the circuit")?
        .constraints
        .unwrap_or_default();
    out.object(&json!({
        "task_id": proof.task_id,
        "circuit": proof.circuit,
        "constraints": constraints,
        "prove_ms": prove_ms,
        "verify_ms": verify_ms,
        "total_ms": total_ms,
        "winner": proof.prover,
        "price": proof.price,
        "verified": true,
        "tampered_rejected": tampered_rejected,
        "replay_rejected": replay_rejected,
        "unpaid_status": shop.unpaid,
        "paid_status": shop.paid,
        "second_use_status": shop.again,
    }))?;
    out.row(style("Done. ").green().bold(), format_args!(
        "{} ({} constraints) from submission to proof in {total_ms:.0} ms, of which {prove_ms} ms proving; {} earned {} credits. The whole demo took {:.1} s.",
        proof.circuit,
        grouped(constraints as u64),
        proof.prover,
        proof.price,
        began.elapsed().as_secs_f64(),
    ));
    Ok(())
}

fn yes() -> console::StyledObject<&'static str> {
    style("✓").green()
}

fn ensure(fine: bool, otherwise: &str) -> anyhow::Result<()> {
    if fine {
        Ok(())
    } else {
        Err(No(otherwise.to_owned()).into())
    }
}

/// A proof ordered for one request.
struct Order {
    task: prooflane_client::wire::TaskView,
    attestor: PointView,
    binding: String,
    current_time: u64,
}

impl Order {
    async fn place(
        client: &Client,
        requester: Option<&str>,
        receipt: &ReceiptFile,
        wallet: &WalletFile,
        request: &str,
    ) -> anyhow::Result<Self> {
        let binding = field::to_decimal(&prooflane_circuits::text_to_field("binding", request));
        let current_time = unix_seconds()?;
        let inputs = receipt.inputs(
            wallet,
            &PaymentRequest {
                min_amount: ASKED,
                max_age: MAX_AGE,
                current_time,
                binding: binding.clone(),
            },
        );
        let mut order = SubmitTask::new("payment@1", inputs);
        order.requester = requester.map(str::to_owned);
        let task = client.submit(&order).await?;
        Ok(Self {
            task,
            attestor: PointView {
                x: receipt.attestor_key.x.clone(),
                y: receipt.attestor_key.y.clone(),
            },
            binding,
            current_time,
        })
    }

    /// As the merchant: what it asked for, and the proof it was shown.
    async fn redeem(&self, client: &Client, proof: &ProofView) -> anyhow::Result<RedeemAnswer> {
        let nullifier = proof
            .public_inputs
            .last()
            .context("the proof has no public inputs")?;
        Ok(client
            .redeem(&Redeem {
                proof: ProofForm::Compact(proof.compact.clone()),
                attestor_key: Some(self.attestor.clone()),
                recipient_key: RECIPIENT.into(),
                asset: ASSET.into(),
                min_amount: ASKED.to_string(),
                max_block_age: MAX_AGE.to_string(),
                current_time: self.current_time,
                binding: self.binding.clone(),
                nullifier: nullifier.clone(),
                window: 0,
                attempt: None,
                replaces: None,
            })
            .await?)
    }
}
