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
    /// The time the proof was made for, in Unix seconds: at most [`PaymentClaim::SKEW`] ahead of the
    /// network's own, and at most `window` and that skew behind it.
    pub current_time: u64,
    /// The payment's nullifier.
    pub nullifier: Fr,
    /// For how long a proof counts, in seconds; at most [`PaymentClaim::MAX_WINDOW`].
    pub window: u64,
    /// Who claims.
    pub attempt: Attempt,
}

/// Who claims a payment. A claim is made once; whose it is decides who may serve the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attempt {
    /// The claimant's name for this attempt, which it alone knows. Without one, whoever repeats the
    /// claim gets the answer of the first.
    pub id: Option<String>,
    /// An attempt that never learnt its outcome and gave up, and that this one takes over from.
    pub replaces: Option<String>,
}

impl PaymentClaim {
    /// How far clocks may differ, in seconds.
    pub const SKEW: u64 = 60;
    /// The longest window, in seconds.
    pub const MAX_WINDOW: u64 = 3_600;

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

    /// Whether the time that the proof was made for is too far from `now`.
    fn is_outside(&self, now: Timestamp) -> bool {
        let now = now.0 / 1_000;
        let behind = self.window.min(Self::MAX_WINDOW) + Self::SKEW;
        self.current_time > now + Self::SKEW || now > self.current_time.saturating_add(behind)
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
    /// This very claim was made before, by another attempt.
    Repeated,
}

/// A redemption's record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Redemption {
    /// Digest of the claim (not of the proof: a proof is malleable, a nullifier is not).
    pub claim: String,
    /// The attempt that may serve the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<String>,
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
        let entry = self.catalogue.groth16(PAYMENT)?;
        let now = self.now();
        let public = claim.public_inputs();
        let mine = Redemption {
            claim: claim_digest(&public),
            attempt: claim.attempt.id.clone(),
            at: now,
        };
        let key = layout::nullifier(&hex::encode(field::to_bytes_be(&claim.nullifier)));
        let found = self.ports.table.get(&key).await?;
        let earlier: Option<Redemption> = match &found {
            Some(item) => Some(decode(item, "redemption")?),
            None => None,
        };
        // Cheap refusals before any pairing.
        let judged = earlier.map(|earlier| (mine.judge(&earlier), earlier.attempt));
        match &judged {
            Some((Redeemed::AlreadySpent, _)) => return Ok(Redeemed::AlreadySpent),
            None if claim.is_outside(now) => return Ok(Redeemed::OutsideWindow),
            _ => {}
        }
        if entry.prepared.verify(proof, &public).is_err() {
            return Ok(Redeemed::Invalid);
        }
        let replaces = claim.attempt.replaces.as_ref();
        let expect = match (judged, found) {
            (Some((Redeemed::Repeated, Some(gave_up))), Some(item))
                if Some(&gave_up) == replaces =>
            {
                Expect::Version(item.version)
            }
            (Some((redeemed, _)), _) => return Ok(redeemed),
            (None, _) => Expect::Absent,
        };
        let write = Write::Put {
            key: key.clone(),
            expect,
            body: encode(&mine),
            wake: None,
            listing: None,
        };
        match self.ports.table.commit(&[write]).await {
            Ok(()) => {
                if expect == Expect::Absent {
                    metrics::counter!("prooflane_payments_redeemed_total").increment(1);
                }
                Ok(Redeemed::Admitted)
            }
            Err(CommitError::Store(error)) => Err(error.into()),
            // Somebody's claim is there, or the outcome is unknown: what the table says decides.
            Err(_) => match self.ports.table.get(&key).await? {
                Some(item) => Ok(mine.judge(&decode(&item, "redemption")?)),
                None => Err(Error::Contention(1)),
            },
        }
    }
}

impl Redemption {
    /// What becomes of this claim where `earlier` was made before it.
    fn judge(&self, earlier: &Self) -> Redeemed {
        if earlier.claim != self.claim {
            Redeemed::AlreadySpent
        } else if self.attempt.is_none() || earlier.attempt == self.attempt {
            Redeemed::Admitted
        } else {
            Redeemed::Repeated
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
