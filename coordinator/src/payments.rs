//! Redeeming a payment proof: checked against what is asked, and its nullifier claimed, once.

use crate::tasks::{decode, encode};
use crate::{Coordinator, Error, layout};
use prooflane_market::Timestamp;
use prooflane_store::{CommitError, Expect, Write};
use prooflane_verifier::{Fr, Proof, field};
use serde::{Deserialize, Serialize};

/// The circuit of payment proofs.
const PAYMENT: &str = "payment@1";

/// What the payee asks for. Text keys are mapped to the field by the circuit's documented hashes
/// before they come here.
#[derive(Clone, Debug)]
pub struct PaymentClaim {
    /// The attestor's public key.
    pub attestor: [Fr; 2],
    /// Who must have been paid.
    pub recipient: Fr,
    /// In which asset.
    pub asset: Fr,
    /// At least how much.
    pub min_amount: u64,
    /// At most how old, in seconds.
    pub max_block_age: u64,
    /// What is being paid for.
    pub binding: Fr,
    /// The time the proof was made for, in Unix seconds; must be within [`PaymentClaim::SKEW`] of
    /// the network's own.
    pub current_time: u64,
    /// The payment's nullifier.
    pub nullifier: Fr,
}

impl PaymentClaim {
    /// How far a proof's `currentTime` may be from the network's clock, in seconds.
    pub const SKEW: u64 = 60;

    /// The public inputs of `payment@1`, in its order.
    #[must_use]
    pub fn public_inputs(&self) -> Vec<Fr> {
        vec![
            self.attestor[0],
            self.attestor[1],
            self.recipient,
            self.asset,
            Fr::from(self.min_amount),
            Fr::from(self.max_block_age),
            Fr::from(self.current_time),
            self.binding,
            self.nullifier,
        ]
    }
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redeemed {
    /// The payment is admitted: now, or earlier for this very claim.
    Admitted,
    /// The proof does not verify for what is asked.
    Invalid,
    /// The proof's time is too far from the network's.
    OutsideWindow,
    /// The nullifier was claimed for something else.
    AlreadySpent,
}

/// A redemption's record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Redemption {
    /// Digest of the claim (not of the proof: a proof is malleable, a nullifier is not).
    pub claim: String,
    /// When it was admitted.
    pub at: Timestamp,
}

impl Coordinator {
    /// Checks a payment proof and claims its nullifier in one conditional write.
    ///
    /// # Errors
    /// The store's; in particular [`Error::Unavailable`] leaves open whether the nullifier was
    /// claimed, and the same call again finds out.
    pub async fn redeem(&self, claim: &PaymentClaim, proof: &Proof) -> Result<Redeemed, Error> {
        let entry = self.catalogue.find(PAYMENT)?;
        let now = self.now();
        // Cheap refusals before any pairing.
        let outside = claim.current_time.abs_diff(now.0 / 1_000) > PaymentClaim::SKEW;
        let public = claim.public_inputs();
        let digest = claim_digest(&public);
        let key = layout::nullifier(&hex::encode(field::to_bytes_be(&claim.nullifier)));
        if let Some(item) = self.ports.table.get(&key).await? {
            let earlier: Redemption = decode(&item, "redemption")?;
            if earlier.claim != digest {
                return Ok(Redeemed::AlreadySpent);
            }
        } else if outside {
            return Ok(Redeemed::OutsideWindow);
        }
        if entry.prepared.verify(proof, &public).is_err() {
            return Ok(Redeemed::Invalid);
        }
        let write = Write::Put {
            key: key.clone(),
            expect: Expect::Absent,
            body: encode(&Redemption {
                claim: digest.clone(),
                at: now,
            }),
            wake: None,
            listing: None,
        };
        match self.ports.table.commit(&[write]).await {
            Ok(()) => {
                metrics::counter!("prooflane_payments_redeemed_total").increment(1);
                Ok(Redeemed::Admitted)
            }
            Err(CommitError::Store(error)) => Err(error.into()),
            // Somebody's claim is there, or the outcome is unknown: what the table says decides.
            Err(_) => match self.ports.table.get(&key).await? {
                Some(item) if decode::<Redemption>(&item, "redemption")?.claim == digest => {
                    Ok(Redeemed::Admitted)
                }
                Some(_) => Ok(Redeemed::AlreadySpent),
                None => Err(Error::Contention(1)),
            },
        }
    }
}

fn claim_digest(public: &[Fr]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("prooflane payment claim v1");
    for value in public {
        hasher.update(&field::to_bytes_be(value));
    }
    hasher.finalize().to_hex().to_string()
}
