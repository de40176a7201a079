//! Proving, verifying and looking at circuits without a network.

use super::Context;
use super::wallet::unix_seconds;
use crate::files::{self, PaymentRequest, ReceiptFile, WalletFile};
use crate::output::{No, grouped};
use anyhow::{Context as _, bail};
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use prooflane_circuits::Circuit;
use prooflane_engine::{Keys, OnProgress, Provenance, ProvingKey, TableOptions, TableProgress};
use prooflane_formats::{Origin, R1csFile, Wtns, Zkey, domain_size};
use prooflane_ledger::task;
use prooflane_verifier::snarkjs::{SnarkjsProof, SnarkjsVerifyingKey};
use prooflane_verifier::{Fr, PreparedKey, Proof, VerifyingKey, field};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
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

/// Where the keys of the built-in circuits are.
#[derive(clap::Args)]
pub(super) struct KeysDir {
    /// The directory of keys; a development key is made where there is none.
    #[arg(long, default_value = "prooflane-keys", value_name = "DIR")]
    keys: PathBuf,
}

impl KeysDir {
    pub(super) fn open(&self) -> anyhow::Result<Keys> {
        Ok(Keys::open(&self.keys)?.with_tables(TableOptions {
            progress: Some(table_progress()),
            budget_bytes: None,
        }))
    }
}

/// A bar while tables are made, on a terminal.
fn table_progress() -> OnProgress {
    let bar = OnceLock::new();
    Arc::new(
        move |TableProgress {
                  circuit,
                  done,
                  total,
              }| {
            let bar = bar.get_or_init(|| {
                let bar = ProgressBar::new(total as u64);
                if !console::user_attended_stderr() {
                    bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
                }
                if let Ok(style) = ProgressStyle::with_template("  {msg} {bar:40} {percent:>3} %") {
                    bar.set_style(style);
                }
                bar.with_message(format!("tables of {circuit}, once"))
            });
            bar.set_position(done as u64);
            if done == total {
                bar.finish_and_clear();
            }
        },
    )
}

const FROM_FILES: &str = "Any circuit, from snarkjs's files";

#[derive(clap::Args)]
// A key and a witness as files take the place of a circuit and its inputs.
#[command(mut_arg("inputs", |inputs| inputs.required_unless_present("zkey").conflicts_with("zkey")))]
pub(super) struct ProveArgs {
    /// The circuit, name@version.
    #[arg(value_parser = known, required_unless_present = "zkey", conflicts_with = "zkey")]
    circuit: Option<&'static dyn Circuit>,
    #[command(flatten)]
    inputs: InputArgs,
    #[command(flatten)]
    keys: KeysDir,
    /// The proving key, as snarkjs's .zkey.
    #[arg(long, help_heading = FROM_FILES, value_name = "FILE", requires = "wtns")]
    zkey: Option<PathBuf>,
    /// The witness, as circom's .wtns.
    #[arg(long, help_heading = FROM_FILES, value_name = "FILE", requires = "zkey")]
    wtns: Option<PathBuf>,
    /// The key was checked before (prooflane key check): take its points as they are.
    #[arg(long, help_heading = FROM_FILES, requires = "zkey")]
    trust_key: bool,
    /// Where the proof goes, as snarkjs's proof.json; - for standard output.
    #[arg(
        long,
        visible_alias = "out-proof",
        default_value = "proof.json",
        value_name = "FILE"
    )]
    out: PathBuf,
    /// Where the public inputs go, as snarkjs's public.json.
    #[arg(
        long,
        visible_alias = "out-public",
        default_value = "public.json",
        value_name = "FILE"
    )]
    public: PathBuf,
    /// Where the verifying key goes, as snarkjs's verification_key.json.
    #[arg(long, value_name = "FILE")]
    verifying_key: Option<PathBuf>,
}

/// A circuit that this version knows.
pub(super) fn known(id: &str) -> Result<&'static dyn Circuit, String> {
    prooflane_circuits::find(id).ok_or_else(|| {
        let known: Vec<&str> = prooflane_circuits::registry()
            .iter()
            .map(|circuit| circuit.id())
            .collect();
        format!("expected one of {}", known.join(", "))
    })
}

/// Inputs that can be proved.
fn example(id: &str) -> Result<Value, String> {
    if id == task::CIRCUIT {
        return Ok(task::Inputs::example());
    }
    known(id).map(Circuit::example)
}

pub(super) fn prove(context: &Context, args: ProveArgs) -> anyhow::Result<()> {
    match (args.circuit, &args.zkey, &args.wtns) {
        (Some(circuit), ..) => prove_circuit(context, &args, circuit),
        (None, Some(zkey), Some(wtns)) => prove_files(context, &args, zkey, wtns),
        _ => bail!("expected a circuit, or --zkey with --wtns"),
    }
}

fn prove_circuit(
    context: &Context,
    args: &ProveArgs,
    circuit: &'static dyn Circuit,
) -> anyhow::Result<()> {
    let witness = circuit.witness(&args.inputs.read()?)?;
    let key = args.keys.open()?.get(circuit)?;
    key.warm(&witness)?;
    let started = Instant::now();
    let proof = prooflane_engine::prove(&key, &witness)?;
    let prove_ms = millis(started);
    write_proof(
        context,
        args,
        &proof,
        witness.public_inputs(),
        key.verifying_key(),
    )?;
    context.output.object(&json!({
        "circuit": circuit.id(),
        "constraints": key.constraints(),
        "key_id": key.key_id().to_string(),
        "provenance": key.provenance().as_str(),
        "prove_ms": prove_ms,
        "proof": args.out,
        "public": args.public,
    }))?;
    let warning = match key.provenance() {
        Provenance::Development => {
            "\nThe key is a development key: whoever made it could forge proofs."
        }
        Provenance::Ceremony => "",
    };
    let (id, constraints) = (circuit.id(), grouped(key.constraints() as u64));
    say_proved(
        context,
        args,
        &format!("{id} ({constraints} constraints)"),
        prove_ms,
        warning,
    );
    Ok(())
}

fn prove_files(
    context: &Context,
    args: &ProveArgs,
    zkey: &Path,
    wtns: &Path,
) -> anyhow::Result<()> {
    let origin = if args.trust_key {
        Origin::Checked
    } else {
        Origin::Anyone
    };
    let key = Zkey::read(&files::read_bytes(zkey)?, origin)
        .with_context(|| format!("{} is no key to prove with", zkey.display()))?;
    let constraints = key.constraints();
    let key = ProvingKey::from(key);
    let witness = Wtns::read(&files::read_bytes(wtns)?)
        .and_then(|witness| witness.into_witness(key.num_public()))
        .with_context(|| format!("{} is no witness for this key", wtns.display()))?;
    let started = Instant::now();
    let proof = prooflane_engine::prove_with_key(&key, &witness)?;
    let prove_ms = millis(started);
    write_proof(
        context,
        args,
        &proof,
        witness.public_inputs(),
        &key.verifying,
    )?;
    context.output.object(&json!({
        "constraints": constraints,
        "key_id": key.verifying.id().to_string(),
        "prove_ms": prove_ms,
        "proof": args.out,
        "public": args.public,
    }))?;
    let constraints = format!("{} constraints", grouped(constraints as u64));
    say_proved(context, args, &constraints, prove_ms, "");
    Ok(())
}

fn write_proof(
    context: &Context,
    args: &ProveArgs,
    proof: &Proof,
    public: &[Fr],
    key: &VerifyingKey,
) -> anyhow::Result<()> {
    let public: Vec<String> = public.iter().map(field::to_decimal).collect();
    context
        .output
        .document(&args.out, &SnarkjsProof::from(proof))?;
    context.output.document(&args.public, &public)?;
    if let Some(path) = &args.verifying_key {
        context
            .output
            .document(path, &SnarkjsVerifyingKey::from(key))?;
    }
    Ok(())
}

fn say_proved(context: &Context, args: &ProveArgs, what: &str, prove_ms: f64, warning: &str) {
    // Nothing may stand beside a proof that goes to standard output.
    if args.out.as_os_str() != "-" && args.public.as_os_str() != "-" {
        let (out, public) = (args.out.display(), args.public.display());
        let text = format!("Proved {what} in {prove_ms:.1} ms: {out}, {public}.{warning}");
        context.output.row("", text);
    }
}

#[derive(clap::Args)]
pub(super) struct WitnessArgs {
    /// The circuit, name@version.
    #[arg(value_parser = known)]
    circuit: &'static dyn Circuit,
    #[command(flatten)]
    inputs: InputArgs,
    /// Where the witness goes, as snarkjs's .wtns: a file with secrets, readable for you alone.
    #[arg(long, default_value = "witness.wtns", value_name = "FILE")]
    out: PathBuf,
}

pub(super) fn witness(context: &Context, args: WitnessArgs) -> anyhow::Result<()> {
    let witness = args.circuit.witness(&args.inputs.read()?)?;
    files::write_private(&args.out, &Wtns::from(&witness).to_bytes())?;
    let values = witness.assignment().len();
    context.output.object(&json!({
        "circuit": args.circuit.id(),
        "values": values,
        "wtns": args.out,
    }))?;
    context.output.line(format_args!(
        "Wrote {}: {} values, as secret as the inputs.",
        args.out.display(),
        grouped(values as u64)
    ));
    Ok(())
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1_000.0
}

#[derive(clap::Args)]
pub(super) struct VerifyArgs {
    /// The verifying key, as snarkjs's verification_key.json.
    #[arg(
        long,
        visible_alias = "vkey",
        default_value = "verification_key.json",
        value_name = "FILE"
    )]
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
        #[arg(value_name = "CIRCUIT", value_parser = example)]
        example: Value,
    },
    /// Print the verifying key of a circuit, as snarkjs's verification_key.json.
    VerifyingKey {
        /// The circuit, name@version.
        #[arg(value_parser = known)]
        circuit: &'static dyn Circuit,
        #[command(flatten)]
        keys: KeysDir,
    },
    /// Write a circuit's constraint system for snarkjs: what a ceremony for its key starts from.
    Export {
        /// The circuit, name@version.
        #[arg(value_parser = known)]
        circuit: &'static dyn Circuit,
        /// Where it goes, as circom's .r1cs.
        #[arg(long, value_name = "FILE")]
        r1cs: PathBuf,
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
                let id = console::style(format!("{:<19}", circuit.id())).bold();
                let head = format!("{id} {count:>7} constraints  ");
                context.output.row(head, circuit.about());
                rows.push(json!({
                    "id": circuit.id(),
                    "about": circuit.about(),
                    "constraints": constraints,
                    "public_inputs": circuit.public_names(),
                }));
            }
            let id = console::style(format!("{:<19}", task::CIRCUIT)).bold();
            let head = format!("{id} {:>19}  ", "transparent");
            context.output.row(head, task::ABOUT);
            rows.push(json!({
                "id": task::CIRCUIT,
                "about": task::ABOUT,
                "constraints": Value::Null,
                "public_inputs": task::PUBLIC_INPUTS,
            }));
            context.output.object(&json!({"circuits": rows}))
        }
        CircuitsCommand::Example { example } => context.output.document(&stdout, &example),
        CircuitsCommand::VerifyingKey { circuit, keys } => {
            let key = keys.open()?.get(circuit)?;
            context
                .output
                .document(&stdout, &SnarkjsVerifyingKey::from(key.verifying_key()))
        }
        CircuitsCommand::Export { circuit, r1cs } => export(context, circuit, &r1cs),
    }
}

fn export(context: &Context, circuit: &'static dyn Circuit, path: &Path) -> anyhow::Result<()> {
    let system = circuit.r1cs()?;
    files::write_bytes(path, &R1csFile::from(&system).to_bytes())?;
    let power = domain_size(system.constraints(), system.num_public).ilog2();
    context.output.object(&json!({
        "circuit": circuit.id(),
        "constraints": system.constraints(),
        "wires": system.columns(),
        "public_inputs": system.num_public,
        "powers_of_tau": power,
        "r1cs": path,
    }))?;
    context.output.line(format_args!(
        "Wrote {}: {} constraints, {} wires, {} of them public inputs. A ceremony for it takes powers of \
         tau up to 2^{power} or more.",
        path.display(),
        grouped(system.constraints() as u64),
        grouped(system.columns() as u64),
        system.num_public
    ));
    Ok(())
}
