//! Wallets, attestors and receipts as files. The first two hold secrets: they are made readable for
//! their owner alone, are never replaced, and have no `Debug`.

use anyhow::{Context, bail};
use prooflane_circuits::{
    Attestor, PayerSecret, Receipt, asset_to_field, recipient_to_field, tx_hash_to_field,
};
use prooflane_verifier::field;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

/// A payer's wallet.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalletFile {
    /// The payer's secret, a field element in decimal.
    pub secret: String,
    /// Its commitment: what an attestor signs. Not secret.
    pub commitment: String,
}

/// An attestor's key.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttestorFile {
    /// 32 bytes in hex, as the seed of `@zk-kit/eddsa-poseidon`.
    pub seed: String,
    /// The public key: what a verifier trusts.
    pub public_key: PublicKey,
}

/// A BabyJubJub point in decimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicKey {
    /// x.
    pub x: String,
    /// y.
    pub y: String,
}

/// What a gate in front of one origin keeps from run to run.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GateFile {
    /// 32 bytes in hex.
    pub(crate) nonce_secret: String,
}

/// An attested payment: what an attestor hands to a payer.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ReceiptFile {
    /// Who signed.
    pub attestor_key: PublicKey,
    /// The payer's commitment.
    pub payer_commitment: String,
    /// Who was paid.
    pub recipient_key: String,
    /// In which asset.
    pub asset: String,
    /// How much.
    pub actual_amount: String,
    /// When, in Unix seconds.
    pub payment_time: u64,
    /// In which transaction.
    pub tx_hash: String,
    /// The signature: 64 bytes as `0x` hex.
    pub signature: String,
}

/// Random bytes of the operating system's generator.
pub(crate) fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(bytes)
}

impl WalletFile {
    /// A new wallet with a secret from the operating system's generator.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn generate() -> anyhow::Result<Self> {
        let secret = PayerSecret::from_entropy(&Zeroizing::new(random()?));
        Ok(Self {
            secret: field::to_decimal(&secret.expose()),
            commitment: field::to_decimal(&secret.commitment()),
        })
    }
}

impl AttestorFile {
    /// A new attestor with a key from the operating system's generator.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn generate() -> anyhow::Result<Self> {
        let seed = Zeroizing::new(random::<32>()?);
        Ok(Self {
            seed: hex::encode(*seed),
            public_key: PublicKey::of(&Attestor::from_seed(&seed)),
        })
    }

    /// The attestor itself.
    ///
    /// # Errors
    /// If the file is damaged.
    pub fn attestor(&self) -> anyhow::Result<Attestor> {
        let mut seed = Zeroizing::new([0; 32]);
        hex::decode_to_slice(&self.seed, seed.as_mut())
            .ok()
            .context("seed: expected 64 hexadecimal digits")?;
        let attestor = Attestor::from_seed(&seed);
        if PublicKey::of(&attestor) != self.public_key {
            bail!("public_key: expected the key of this seed, got another; the file is damaged");
        }
        Ok(attestor)
    }

    /// Signs that a payment was made.
    ///
    /// # Errors
    /// If the file or the commitment is damaged.
    pub fn attest(&self, payment: Payment) -> anyhow::Result<ReceiptFile> {
        let commitment = field::parse(&payment.payer_commitment).context("payer commitment")?;
        for (name, text) in [
            ("recipient", &payment.recipient),
            ("asset", &payment.asset),
            ("transaction hash", &payment.tx_hash),
        ] {
            if text.is_empty() {
                bail!("{name}: expected some text, got none");
            }
        }
        let signature = self.attestor()?.sign(&Receipt {
            payer_commitment: commitment,
            recipient: recipient_to_field(&payment.recipient),
            asset: asset_to_field(&payment.asset),
            amount: payment.amount,
            payment_time: payment.time,
            tx_hash: tx_hash_to_field(&payment.tx_hash),
        });
        Ok(ReceiptFile {
            attestor_key: self.public_key.clone(),
            payer_commitment: payment.payer_commitment,
            recipient_key: payment.recipient,
            asset: payment.asset,
            actual_amount: payment.amount.to_string(),
            payment_time: payment.time,
            tx_hash: payment.tx_hash,
            signature: format!("0x{}", hex::encode(signature.pack())),
        })
    }
}

impl PublicKey {
    fn of(attestor: &Attestor) -> Self {
        let point = attestor.public_key();
        Self {
            x: field::to_decimal(&point.x),
            y: field::to_decimal(&point.y),
        }
    }
}

/// A payment to attest.
pub struct Payment {
    /// The payer's commitment.
    pub payer_commitment: String,
    /// Who was paid.
    pub recipient: String,
    /// In which asset.
    pub asset: String,
    /// How much.
    pub amount: u64,
    /// When, in Unix seconds.
    pub time: u64,
    /// In which transaction.
    pub tx_hash: String,
}

impl ReceiptFile {
    /// The inputs of `payment@1`: this receipt, opened by this wallet, for this request.
    #[must_use]
    pub fn inputs(&self, wallet: &WalletFile, request: &PaymentRequest) -> Value {
        json!({
            "attestorKey": self.attestor_key,
            "recipientKey": self.recipient_key,
            "asset": self.asset,
            "minAmount": request.min_amount.to_string(),
            "maxBlockAge": request.max_age.to_string(),
            "currentTime": request.current_time,
            "binding": request.binding,
            "actualAmount": self.actual_amount,
            "payerSecret": wallet.secret,
            "txHash": self.tx_hash,
            "paymentTime": self.payment_time,
            "signature": self.signature,
        })
    }
}

/// What a payee asks for.
#[derive(Clone)]
pub struct PaymentRequest {
    /// At least this much.
    pub min_amount: u64,
    /// At most this old, in seconds.
    pub max_age: u64,
    /// The present, in Unix seconds.
    pub current_time: u64,
    /// What is being paid for, a field element.
    pub binding: String,
}

/// Reads a JSON file, `-` for standard input.
pub(crate) fn read<T: serde::de::DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let name = path.display();
    let text = if path.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(path)
    };
    let text = Zeroizing::new(text.with_context(|| format!("{name} cannot be read"))?);
    serde_json::from_str(&text).with_context(|| format!("{name} is not the JSON expected"))
}

/// Reads a file that is no text; wiped once it is no longer needed, for it may be a witness.
pub(crate) fn read_bytes(path: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let bytes = std::fs::read(path);
    Ok(Zeroizing::new(bytes.with_context(|| {
        format!("{} cannot be read", path.display())
    })?))
}

/// Writes a file that is no text and holds no secret.
pub(crate) fn write_bytes(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    std::fs::write(path, bytes).with_context(|| format!("{} cannot be written", path.display()))
}

/// Writes a file for its owner alone that can be made again, and so replaces what was there.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    // Files of this kind are made readable for their owner alone.
    let written = NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).and_then(|mut file| {
        file.write_all(bytes)?;
        Ok(file.persist(path)?)
    });
    written.with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(())
}

/// Writes a new file for its owner alone; one that exists is never replaced.
pub(crate) fn write_secret(path: &Path, value: &impl Serialize) -> anyhow::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let name = path.display();
    let mut file = options.open(path).with_context(|| {
        format!("{name} cannot be made (a file with a secret is never replaced)")
    })?;
    let text = Zeroizing::new(serde_json::to_string_pretty(value)?);
    writeln!(file, "{}", *text).and_then(|()| file.sync_all())?;
    Ok(())
}
