//! Whether a payment holds for what is asked, up to its claim.

use crate::offer::Offer;
use crate::wire::Payment;
use crate::{Gate, Refusal, header};
use prooflane_verifier::{Fr, PreparedKey, Proof, field};
use sha2::{Digest, Sha256};

/// A payment for an offer, bound to a request: all that decides whether it holds.
pub(crate) struct Claim<'a> {
    pub(crate) offer: &'a Offer,
    pub(crate) payment: &'a Payment,
    pub(crate) attestor: [Fr; 2],
    pub(crate) binding: Fr,
    pub(crate) nullifier: Fr,
    /// Tells claims apart: the hash of the public inputs, 64 hexadecimal digits. A proof is malleable and is not part of it.
    pub(crate) digest: String,
    public_inputs: [Fr; 9],
}

impl Gate {
    /// Everything but the proof, which is left for [`Gate::verify`]: garbage costs no pairing.
    pub(crate) fn claim<'a>(
        &self,
        offer: &'a Offer,
        payment: &'a Payment,
        binding: Fr,
        now: u64,
    ) -> Result<Claim<'a>, Refusal> {
        let earliest = now.saturating_sub(offer.asked.max_timeout + self.skew);
        let latest = now + self.skew;
        let got = payment.current_time;
        if !(earliest..=latest).contains(&got) {
            return Err(Refusal::Time {
                earliest,
                latest,
                got,
            });
        }
        let trusted = self.attestors.get(&payment.attestor);
        let trusted = trusted
            .filter(|trusted| trusted.counts_at(got))
            .ok_or_else(|| Refusal::Attestor(payment.attestor.clone()))?;
        let nullifier = element("nullifier", &payment.nullifier)?;
        let asked = &offer.asked;
        let public_inputs = [
            trusted.key[0],
            trusted.key[1],
            offer.recipient_input,
            offer.asset_input,
            asked.amount.into(),
            asked.max_age.into(),
            got.into(),
            binding,
            nullifier,
        ];
        let mut digest = Sha256::new();
        (public_inputs.iter()).for_each(|input| digest.update(field::to_bytes_be(input)));
        Ok(Claim {
            offer,
            payment,
            attestor: trusted.key,
            binding,
            nullifier,
            digest: hex::encode(digest.finalize()),
            public_inputs,
        })
    }

    /// The proof.
    pub(crate) fn verify(&self, claim: &Claim<'_>) -> Result<(), Refusal> {
        let expected = || Refusal::Payload("payload.proof: expected base64 of 128 bytes".into());
        let bytes = header::proof(&claim.payment.proof).filter(|bytes| bytes.len() == 128);
        let proof = Proof::from_compact(&bytes.ok_or_else(expected)?);
        let proof = proof.map_err(|error| Refusal::Payload(format!("payload.proof: {error}")))?;
        let key = self.prepared.get_or_init(|| PreparedKey::new(&self.key));
        let verified = key.verify(&proof, &claim.public_inputs);
        verified.map_err(|_| Refusal::Proof)
    }
}

/// A field element of exactly 32 bytes.
pub(crate) fn element(name: &str, text: &str) -> Result<Fr, Refusal> {
    let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 64);
    let bytes = digits.and_then(|digits| hex::decode(digits).ok());
    bytes
        .and_then(|bytes| field::from_bytes_be(&bytes).ok())
        .ok_or_else(|| {
            Refusal::Payload(format!(
                "{name}: expected 0x and 64 hexadecimal digits of a field element"
            ))
        })
}
