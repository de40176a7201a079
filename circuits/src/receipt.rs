//! What payer and attestor do outside the circuit: secrets, receipts, nullifiers.

use std::sync::LazyLock;

use ark_bn254::Fr;
use ark_ff::PrimeField;
use prooflane_verifier::field::text_to_field;
use zeroize::Zeroize;

use crate::babyjub::Point;
use crate::eddsa::{SecretKey, Signature};
use crate::hash::bytes32_to_field;
use crate::poseidon::poseidon;

/// `text_to_field("domain", "payer-commitment")`, the second input of [`payer_commitment`].
pub static PAYER_DOMAIN: LazyLock<Fr> =
    LazyLock::new(|| text_to_field("domain", "payer-commitment"));
/// `text_to_field("domain", "nullifier")`, the third input of [`nullifier`].
pub static NULLIFIER_DOMAIN: LazyLock<Fr> = LazyLock::new(|| text_to_field("domain", "nullifier"));

/// A payer's secret, a field element. Wiped on drop, and without `Debug`.
#[derive(Clone)]
pub struct PayerSecret(Fr);

impl PayerSecret {
    /// The secret from 64 uniformly random bytes, read as a big-endian integer modulo r; the excess over 254 bits makes the
    /// result uniform. A guessable secret lets anyone who knows the transaction compute the nullifier.
    pub fn from_entropy(entropy: &[u8; 64]) -> Self {
        Self(Fr::from_be_bytes_mod_order(entropy))
    }

    /// The secret that [`PayerSecret::expose`] returned.
    pub fn new(secret: Fr) -> Self {
        Self(secret)
    }

    /// The secret itself, for the input `payerSecret` and for storage.
    pub fn expose(&self) -> Fr {
        self.0
    }

    /// [`payer_commitment`] of this secret: what the payer tells the attestor.
    pub fn commitment(&self) -> Fr {
        payer_commitment(self.0)
    }
}

impl Drop for PayerSecret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// `Poseidon(secret, PAYER_DOMAIN)`: names the payer in a receipt without telling the secret.
pub fn payer_commitment(secret: Fr) -> Fr {
    poseidon(&[secret, *PAYER_DOMAIN])
}

/// `Poseidon(secret, tx_hash, NULLIFIER_DOMAIN)`: the same for all proofs from one receipt, and unlinkable to the receipt for
/// whoever does not know the secret, the attestor included.
pub fn nullifier(secret: Fr, tx_hash: Fr) -> Fr {
    poseidon(&[secret, tx_hash, *NULLIFIER_DOMAIN])
}

/// The field element of a recipient's key or name: `text_to_field("recipient", text)`.
pub fn recipient_to_field(text: &str) -> Fr {
    text_to_field("recipient", text)
}

/// The field element of an asset and its network, such as `eip155:8453/erc20:0x...`: `text_to_field("asset", text)`.
pub fn asset_to_field(text: &str) -> Fr {
    text_to_field("asset", text)
}

/// The field element of a transaction: [`bytes32_to_field`] of `0x` and 64 hexadecimal digits, and of any other text
/// `text_to_field("tx-hash", text)`.
pub fn tx_hash_to_field(text: &str) -> Fr {
    match crate::fields::bytes(text) {
        Some(bytes) => bytes32_to_field(&bytes),
        None => text_to_field("tx-hash", text),
    }
}

/// What an attestor signs: that this payer paid.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// [`payer_commitment`] of the payer's secret.
    pub payer_commitment: Fr,
    /// Who was paid, as [`recipient_to_field`].
    pub recipient: Fr,
    /// In what, and on which network, as [`asset_to_field`].
    pub asset: Fr,
    /// How much, in the asset's smallest unit.
    pub amount: u64,
    /// When, in seconds since 1970.
    pub payment_time: u64,
    /// The transaction, as [`tx_hash_to_field`].
    pub tx_hash: Fr,
}

impl Receipt {
    /// `Poseidon(payer_commitment, recipient, asset, amount, payment_time, tx_hash)`, the message that is signed.
    pub fn message(&self) -> Fr {
        poseidon(&[
            self.payer_commitment,
            self.recipient,
            self.asset,
            self.amount.into(),
            self.payment_time.into(),
            self.tx_hash,
        ])
    }
}

/// Someone whose word on payments a verifier takes. Its key is wiped on drop.
pub struct Attestor(SecretKey);

impl Attestor {
    /// The attestor whose key circomlibjs and zk-kit derive from the same 32 bytes, which must be random.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SecretKey::from_seed(seed))
    }

    /// The key that verifiers trust: `attestorKey`.
    pub fn public_key(&self) -> Point {
        self.0.public_key()
    }

    /// Signs the receipt's [`Receipt::message`].
    pub fn sign(&self, receipt: &Receipt) -> Signature {
        self.0.sign(receipt.message())
    }
}
