//! `prooflane wallet`, `prooflane attestor`, `prooflane attest`.

use super::Context;
use crate::files::{self, AttestorFile, Payment, WalletFile};
use anyhow::Context as _;
use clap::Subcommand;
use serde_json::json;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Subcommand)]
pub(super) enum WalletCommand {
    /// Make a wallet; its commitment is what an attestor signs.
    New {
        /// The file to make.
        #[arg(long, default_value = "wallet.json", value_name = "FILE")]
        out: PathBuf,
    },
    /// Print a wallet's commitment, which says nothing of its secret.
    Commitment {
        /// The wallet's file.
        #[arg(long, default_value = "wallet.json", value_name = "FILE")]
        wallet: PathBuf,
    },
}

#[derive(Subcommand)]
pub(super) enum AttestorCommand {
    /// Make an attestor's key; its public key is what verifiers trust.
    New {
        /// The file to make.
        #[arg(long, default_value = "attestor.json", value_name = "FILE")]
        out: PathBuf,
    },
}

#[derive(clap::Args)]
pub(super) struct AttestArgs {
    /// The attestor's key file.
    #[arg(long, default_value = "attestor.json", value_name = "FILE")]
    key: PathBuf,
    /// The payer's commitment, from its wallet.
    #[arg(long, value_name = "FIELD")]
    payer: String,
    /// Who was paid.
    #[arg(long, value_name = "TEXT")]
    recipient: String,
    /// In which asset, such as eip155:8453/erc20:0x...
    #[arg(long, value_name = "TEXT")]
    asset: String,
    /// How much, in the asset's smallest unit.
    #[arg(long, value_name = "AMOUNT")]
    amount: u64,
    /// When, in Unix seconds; now where not given.
    #[arg(long, value_name = "SECONDS")]
    time: Option<u64>,
    /// In which transaction: 0x and 64 hexadecimal digits, or any text.
    #[arg(long, value_name = "HASH")]
    tx_hash: String,
    /// Where the receipt goes; - for standard output.
    #[arg(long, default_value = "-", value_name = "FILE")]
    out: PathBuf,
}

pub(super) fn wallet(context: &Context, command: WalletCommand) -> anyhow::Result<()> {
    match command {
        WalletCommand::New { out } => {
            let wallet = WalletFile::generate()?;
            files::write_secret(&out, &wallet)?;
            context
                .output
                .object(&json!({"file": out, "commitment": wallet.commitment}))?;
            context.output.line(format_args!(
                "Made {}: keep it secret, keep a copy.\nIts commitment, for attestors: {}",
                out.display(),
                wallet.commitment
            ));
        }
        WalletCommand::Commitment { wallet } => {
            let WalletFile { commitment, .. } = files::read(&wallet)?;
            context.output.object(&json!({"commitment": commitment}))?;
            context.output.line(commitment);
        }
    }
    Ok(())
}

pub(super) fn attestor(context: &Context, command: AttestorCommand) -> anyhow::Result<()> {
    let AttestorCommand::New { out } = command;
    let attestor = AttestorFile::generate()?;
    files::write_secret(&out, &attestor)?;
    context
        .output
        .object(&json!({"file": out, "public_key": attestor.public_key}))?;
    context.output.line(format_args!(
        "Made {}: keep it secret.\nIts public key, for verifiers:\n  x {}\n  y {}",
        out.display(),
        attestor.public_key.x,
        attestor.public_key.y
    ));
    Ok(())
}

pub(super) fn attest(context: &Context, args: AttestArgs) -> anyhow::Result<()> {
    let attestor: AttestorFile = files::read(&args.key)?;
    let time = match args.time {
        Some(time) => time,
        None => unix_seconds()?,
    };
    let receipt = attestor.attest(Payment {
        payer_commitment: args.payer,
        recipient: args.recipient,
        asset: args.asset,
        amount: args.amount,
        time,
        tx_hash: args.tx_hash,
    })?;
    context.output.document(&args.out, &receipt)?;
    if args.out.as_os_str() != "-" {
        context.output.object(&json!({"file": args.out}))?;
        context.output.line(format_args!(
            "Made {}: hand it to the payer.",
            args.out.display()
        ));
    }
    Ok(())
}

pub(super) fn unix_seconds() -> anyhow::Result<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    Ok(now.context("the clock stands before 1970")?.as_secs())
}
