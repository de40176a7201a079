//! `prooflane key`: proving keys as snarkjs's files.

use super::Context;
use super::offline::{KeysDir, known};
use crate::files;
use crate::output::{No, grouped};
use clap::Subcommand;
use prooflane_circuits::{Circuit, R1cs};
use prooflane_engine::Keys;
use prooflane_formats::{Ceremony, Origin, R1csFile, Zkey};
use prooflane_verifier::snarkjs::SnarkjsVerifyingKey;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(Subcommand)]
pub(super) enum KeyCommand {
    /// Take the key of a ceremony in place of a circuit's development key.
    Import {
        /// The circuit, name@version.
        #[arg(value_parser = known)]
        circuit: &'static dyn Circuit,
        /// The key, as snarkjs's .zkey.
        #[arg(long, value_name = "FILE")]
        zkey: PathBuf,
        #[command(flatten)]
        keys: KeysDir,
    },
    /// Write a circuit's key for snarkjs.
    Export {
        /// The circuit, name@version.
        #[arg(value_parser = known)]
        circuit: &'static dyn Circuit,
        /// Where the proving key goes, as snarkjs's .zkey.
        #[arg(long, value_name = "FILE", required_unless_present = "vkey")]
        zkey: Option<PathBuf>,
        /// Where the verifying key goes, as snarkjs's verification_key.json; - for standard output.
        #[arg(long, value_name = "FILE")]
        vkey: Option<PathBuf>,
        #[command(flatten)]
        keys: KeysDir,
    },
    /// Say what is in a .zkey.
    Inspect {
        /// The key, as snarkjs's .zkey.
        #[arg(value_name = "ZKEY")]
        zkey: PathBuf,
    },
    /// Check a .zkey as far as it can be without the powers of tau, and say what that leaves.
    Check {
        /// The key, as snarkjs's .zkey.
        #[arg(value_name = "ZKEY")]
        zkey: PathBuf,
        /// The constraint system that it must be for, as circom's .r1cs.
        #[arg(long, value_name = "FILE", conflicts_with = "circuit")]
        r1cs: Option<PathBuf>,
        /// The circuit that it must be for, name@version.
        #[arg(long, value_parser = known)]
        circuit: Option<&'static dyn Circuit>,
    },
}

pub(super) fn run(context: &Context, command: KeyCommand) -> anyhow::Result<()> {
    match command {
        KeyCommand::Import {
            circuit,
            zkey,
            keys,
        } => import(context, circuit, &zkey, &keys),
        KeyCommand::Export {
            circuit,
            zkey,
            vkey,
            keys,
        } => export(context, circuit, zkey.as_deref(), vkey.as_deref(), &keys),
        KeyCommand::Inspect { zkey } => inspect(context, &zkey),
        KeyCommand::Check {
            zkey,
            r1cs,
            circuit,
        } => check(context, &zkey, r1cs.as_deref(), circuit),
    }
}

fn import(
    context: &Context,
    circuit: &'static dyn Circuit,
    zkey: &Path,
    keys: &KeysDir,
) -> anyhow::Result<()> {
    let key = keys.open()?.import(circuit, &files::read_bytes(zkey)?)?;
    context.output.object(&json!({
        "circuit": circuit.id(),
        "key_id": key.key_id().to_string(),
        "provenance": key.provenance().as_str(),
        "file": keys.open()?.path(circuit.id()),
        "not_checked": NOT_CHECKED,
    }))?;
    context.output.line(format_args!(
        "{} is proved with key {} from now on; its example was.\n{}",
        circuit.id(),
        key.key_id(),
        not_checked()
    ));
    Ok(())
}

fn export(
    context: &Context,
    circuit: &'static dyn Circuit,
    zkey: Option<&Path>,
    vkey: Option<&Path>,
    keys: &KeysDir,
) -> anyhow::Result<()> {
    let keys: Keys = keys.open()?;
    let key = keys.get(circuit)?;
    if let Some(path) = zkey {
        files::write_bytes(path, &keys.export(circuit)?)?;
    }
    if let Some(path) = vkey {
        let document = SnarkjsVerifyingKey::from(key.verifying_key());
        context.output.document(path, &document)?;
        // Nothing may stand beside a document on standard output.
        if path.as_os_str() == "-" {
            return Ok(());
        }
    }
    let provenance = key.provenance().as_str();
    context.output.object(&json!({
        "circuit": circuit.id(),
        "key_id": key.key_id().to_string(),
        "provenance": provenance,
        "zkey": zkey,
        "vkey": vkey,
    }))?;
    for path in [zkey, vkey].into_iter().flatten() {
        context
            .output
            .line(format_args!("Wrote {}.", path.display()));
    }
    context.output.line(format_args!(
        "{provenance} key {} of {}",
        key.key_id(),
        circuit.id()
    ));
    Ok(())
}

fn inspect(context: &Context, path: &Path) -> anyhow::Result<()> {
    // Points are for `check`.
    let key = Zkey::read(&files::read_bytes(path)?, Origin::Checked).map_err(refused)?;
    let key_id = key.verifying.id().to_string();
    let circuit_hash = hex::encode(key.ceremony.circuit_hash);
    let contributions = contributions(&key.ceremony);
    context.output.object(&json!({
        "protocol": "groth16",
        "curve": "bn128",
        "constraints": key.constraints(),
        "columns": key.columns(),
        "public_inputs": key.num_public(),
        "domain": key.domain(),
        "key_id": key_id,
        "circuit_hash": circuit_hash,
        "contributions": contributions,
    }))?;
    let count = |n: usize| grouped(n as u64);
    let rows = [
        ("protocol", "Groth16 on BN254 (bn128)".to_owned()),
        ("constraints", count(key.constraints())),
        ("columns", count(key.columns())),
        ("public inputs", count(key.num_public())),
        ("domain", format!("2^{}", key.domain().ilog2())),
        ("verifying key", key_id),
        ("circuit hash", circuit_hash),
        ("contributions", count(contributions.len())),
    ];
    for (name, value) in rows {
        context.output.row(format!("{name:<14} "), value);
    }
    for (index, contribution) in contributions.iter().enumerate() {
        let name = contribution["name"].as_str().unwrap_or("without a name");
        let beacon = match &contribution["beacon"] {
            Value::Null => String::new(),
            beacon => format!(
                ", beacon {} hashed 2^{} times",
                beacon["value"].as_str().unwrap_or_default(),
                beacon["iterations_log2"]
            ),
        };
        context.output.row(
            format!("{:>14} ", index + 1),
            format_args!("{name}{beacon}"),
        );
        let hash = contribution["hash"].as_str().unwrap_or_default();
        context.output.row(format!("{:>14} ", ""), hash);
    }
    Ok(())
}

fn contributions(ceremony: &Ceremony) -> Vec<Value> {
    let contributions = ceremony.contributions.iter().map(|contribution| {
        let name = contribution.name.as_ref();
        json!({
            // Whoever contributed chose it: nothing that moves a terminal's cursor.
            "name": name.map(|name| String::from_utf8_lossy(name).replace(char::is_control, "?")),
            "hash": hex::encode(contribution.hash()),
            "beacon": contribution.beacon.as_ref().map(|beacon| json!({
                "value": hex::encode(&beacon.value),
                "iterations_log2": beacon.iterations_log2,
            })),
        })
    });
    contributions.collect()
}

/// What takes the powers of tau to check.
const NOT_CHECKED: [&str; 2] = [
    "that the points are what the constraints and the powers of tau give",
    "that every contribution is well made",
];

fn not_checked() -> String {
    format!(
        "Not checked: {}; {}. `snarkjs zkey verify R1CS PTAU ZKEY` checks these.",
        NOT_CHECKED[0], NOT_CHECKED[1]
    )
}

fn check(
    context: &Context,
    path: &Path,
    r1cs: Option<&Path>,
    circuit: Option<&dyn Circuit>,
) -> anyhow::Result<()> {
    let system = match (r1cs, circuit) {
        (Some(path), _) => Some(R1csFile::read(&files::read_bytes(path)?)?.system()),
        (None, Some(circuit)) => Some(circuit.r1cs()?),
        (None, None) => None,
    };
    let verdict = checked(&files::read_bytes(path)?, system.as_ref());
    let reason = verdict.as_ref().err().map(ToString::to_string);
    context.output.object(&json!({
        "sound_as_far_as_checked": verdict.is_ok(),
        "reason": reason,
        "contributions": verdict.as_ref().ok(),
        "compared_with_constraints": system.is_some(),
        "not_checked": NOT_CHECKED,
    }))?;
    let contributions = verdict?;
    let compared = if system.is_some() {
        "its matrices A and B are those of the constraint system (C is in no key)"
    } else {
        "its matrices were compared with nothing (--r1cs or --circuit would)"
    };
    context.output.line(format_args!(
        "Nothing wrong was found: every point is in its group, beta, delta and B are the same in both \
         groups, {compared}.\n{}",
        not_checked()
    ));
    if contributions == 0 {
        context
            .output
            .line("Nobody has contributed to it: for development only.");
    }
    Ok(())
}

/// The number of contributions, if nothing wrong is found.
fn checked(bytes: &[u8], system: Option<&R1cs>) -> anyhow::Result<usize> {
    let key = Zkey::read(bytes, Origin::Anyone).map_err(refused)?;
    key.check().map_err(refused)?;
    if let Some(system) = system {
        key.check_system(system).map_err(refused)?;
    }
    Ok(key.ceremony.contributions.len())
}

/// The answer is no, this is no such key.
fn refused(error: impl std::fmt::Display) -> anyhow::Error {
    No(error.to_string()).into()
}
