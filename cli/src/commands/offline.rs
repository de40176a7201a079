//! Proving, verifying and looking at circuits without a network.

use super::Context;
use super::wallet::unix_seconds;
use crate::files::{self, PaymentRequest, ReceiptFile, WalletFile};
use crate::output::{No, grouped};
use anyhow::{Context as _, bail};
use clap::Subcommand;
use prooflane_circuits::Circuit;
use prooflane_engine::Keys;
use prooflane_verifier::snarkjs::{SnarkjsProof, SnarkjsVerifyingKey};
use prooflane_verifier::{Fr, PreparedKey, Proof, VerifyingKey, field};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Instant;

const FOR_PAYMENTS: &str = "Inputs of payment@1 from a receipt";

/// A circuit's inputs: as a file, or for `payment@1` from a wallet and a receipt.
#[derive(clap::Args)]
pub(super) struct InputArgs {
    /// The inputs as a JSON file; - for standard input.
    #[arg(long, value_name = "FILE", required_unless_present = "receipt")]
    inputs: Option<PathBuf>,
    /// The attested receipt.
    #[arg(
        long,
        help_heading = FOR_PAYMENTS,
        value_name = "FILE",
        conflicts_with = "inputs",
        requires = "wallet",
        requires = "min_amount"
    )]
    receipt: Option<PathBuf>,
    /// The payer's wallet.
    #[arg(long, help_heading = FOR_PAYMENTS, value_name = "FILE")]
    wallet: Option<PathBuf>,
    /// The least amount asked for.
    #[arg(long, help_heading = FOR_PAYMENTS, value_name = "AMOUNT")]
    min_amount: Option<u64>,
    /// The greatest age accepted.
    #[arg(long, help_heading = FOR_PAYMENTS, value_name = "SECONDS", default_value_t = 3600)]
    max_age: u64,
    /// What is being paid for, as a field element.
    #[arg(long, help_heading = FOR_PAYMENTS, value_name = "FIELD", default_value = "0")]
    binding: String,
}

impl InputArgs {
    pub(super) fn read(&self) -> anyhow::Result<Value> {
        match (&self.inputs, &self.receipt, &self.wallet, self.min_amount) {
            (Some(path), ..) => files::read(path),
            (None, Some(receipt), Some(wallet), Some(min_amount)) => {
                let receipt: ReceiptFile = files::read(receipt)?;
                let wallet: WalletFile = files::read(wallet)?;
                Ok(receipt.inputs(
                    &wallet,
                    &PaymentRequest {
                        min_amount,
                        max_age: self.max_age,
                        current_time: unix_seconds()?,
                        binding: self.binding.clone(),
                    },
                ))
            }
            _ => bail!("expected --inputs, or --receipt with --wallet and --min-amount"),
        }
    }
}

#[derive(clap::Args)]
pub(super) struct ProveArgs {
    /// The circuit, name@version.
    #[arg(value_parser = known)]
    circuit: &'static dyn Circuit,
    #[command(flatten)]
    inputs: InputArgs,
    /// The directory of keys; a development key is made where there is none.
    #[arg(long, default_value = "prooflane-keys", value_name = "DIR")]
    keys: PathBuf,
    /// Where the proof goes, as snarkjs's proof.json; - for standard output.
    #[arg(long, default_value = "proof.json", value_name = "FILE")]
    out: PathBuf,
    /// Where the public inputs go, as snarkjs's public.json.
    #[arg(long, default_value = "public.json", value_name = "FILE")]
    public: PathBuf,
    /// Where the verifying key goes, as snarkjs's verification_key.json.
    #[arg(long, value_name = "FILE")]
    verifying_key: Option<PathBuf>,
}

/// A circuit that this version knows.
fn known(id: &str) -> Result<&'static dyn Circuit, String> {
    prooflane_circuits::find(id).ok_or_else(|| {
        let known: Vec<&str> = prooflane_circuits::registry()
            .iter()
            .map(|circuit| circuit.id())
            .collect();
        format!("expected one of {}", known.join(", "))
    })
}

pub(super) fn prove(context: &Context, args: ProveArgs) -> anyhow::Result<()> {
    let circuit = args.circuit;
    let inputs = args.inputs.read()?;
    let witness = circuit.witness(&inputs)?;
    let key = Keys::open(&args.keys)?.get(circuit)?;
    let started = Instant::now();
    let proof = prooflane_engine::prove(&key, &witness)?;
    let prove_ms = millis(started);
    let public: Vec<String> = witness
        .public_inputs()
        .iter()
        .map(field::to_decimal)
        .collect();
    context
        .output
        .document(&args.out, &SnarkjsProof::from(&proof))?;
    context.output.document(&args.public, &public)?;
    if let Some(path) = &args.verifying_key {
        context
            .output
            .document(path, &SnarkjsVerifyingKey::from(key.verifying_key()))?;
    }
    context.output.object(&json!({
        "circuit": circuit.id(),
        "constraints": key.constraints(),
        "key_id": key.key_id().to_string(),
        "provenance": "development",
        "prove_ms": prove_ms,
        "proof": args.out,
        "public": args.public,
    }))?;
    // Nothing may stand beside a proof that goes to standard output.
    if args.out.as_os_str() != "-" && args.public.as_os_str() != "-" {
        context.output.row(
            "",
            format_args!(
                "Proved {} ({} constraints) in {prove_ms:.1} ms: {}, {}.\nThe key is a development \
                 key: whoever made it could forge proofs.",
                circuit.id(),
                grouped(key.constraints() as u64),
                args.out.display(),
                args.public.display()
            ),
        );
    }
    Ok(())
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1_000.0
}

#[derive(clap::Args)]
pub(super) struct VerifyArgs {
    /// The verifying key, as snarkjs's verification_key.json.
    #[arg(long, default_value = "verification_key.json", value_name = "FILE")]
    key: PathBuf,
    /// The proof, as snarkjs's proof.json.
    #[arg(long, default_value = "proof.json", value_name = "FILE")]
    proof: PathBuf,
    /// The public inputs, as snarkjs's public.json.
    #[arg(long, default_value = "public.json", value_name = "FILE")]
    public: PathBuf,
}

pub(super) fn verify(context: &Context, args: VerifyArgs) -> anyhow::Result<()> {
    let key: SnarkjsVerifyingKey = files::read(&args.key)?;
    let proof: SnarkjsProof = files::read(&args.proof)?;
    let public: Vec<String> = files::read(&args.public)?;
    let key = VerifyingKey::try_from(&key).context("the verifying key")?;
    let verified = check(&key, &proof, &public);
    let reason = verified.as_ref().err().map(ToString::to_string);
    context.output.object(&json!({
        "verified": verified.is_ok(),
        "key_id": key.id().to_string(),
        "reason": reason,
    }))?;
    match reason {
        None => {
            context
                .output
                .line(format_args!("Verified under key {}.", key.id()));
            Ok(())
        }
        Some(reason) => Err(No(reason).into()),
    }
}

/// A proof that cannot even be read does not verify.
pub(super) fn check(
    key: &VerifyingKey,
    proof: &SnarkjsProof,
    public: &[String],
) -> anyhow::Result<()> {
    let proof = Proof::try_from(proof).context("the proof")?;
    let public: Result<Vec<Fr>, _> = public.iter().map(|text| field::parse(text)).collect();
    PreparedKey::new(key).verify(&proof, &public.context("the public inputs")?)?;
    Ok(())
}

#[derive(clap::Args)]
pub(super) struct CircuitsArgs {
    #[command(subcommand)]
    command: Option<CircuitsCommand>,
}

#[derive(Subcommand)]
enum CircuitsCommand {
    /// List them; what `circuits` alone does too.
    List,
    /// Print inputs that can be proved, as an example.
    Example {
        /// The circuit, name@version.
        #[arg(value_parser = known)]
        circuit: &'static dyn Circuit,
    },
    /// Print the verifying key of a circuit, as snarkjs's verification_key.json.
    VerifyingKey {
        /// The circuit, name@version.
        #[arg(value_parser = known)]
        circuit: &'static dyn Circuit,
        /// The directory of keys; a development key is made where there is none.
        #[arg(long, default_value = "prooflane-keys", value_name = "DIR")]
        keys: PathBuf,
    },
}

pub(super) fn circuits(context: &Context, args: CircuitsArgs) -> anyhow::Result<()> {
    let stdout = PathBuf::from("-");
    match args.command.unwrap_or(CircuitsCommand::List) {
        CircuitsCommand::List => {
            let mut rows = Vec::new();
            for circuit in prooflane_circuits::registry() {
                let constraints = circuit.r1cs()?.constraints();
                let count = grouped(constraints as u64);
                let id = console::style(format!("{:<11}", circuit.id())).bold();
                let head = format!("{id} {count:>7} constraints  ");
                context.output.row(head, circuit.about());
                rows.push(json!({
                    "id": circuit.id(),
                    "about": circuit.about(),
                    "constraints": constraints,
                    "public_inputs": circuit.public_names(),
                }));
            }
            context.output.object(&json!({"circuits": rows}))
        }
        CircuitsCommand::Example { circuit } => {
            context.output.document(&stdout, &circuit.example())
        }
        CircuitsCommand::VerifyingKey { circuit, keys } => {
            let key = Keys::open(&keys)?.get(circuit)?;
            context
                .output
                .document(&stdout, &SnarkjsVerifyingKey::from(key.verifying_key()))
        }
    }
}
