//! Verifying keys, and the verification of one proof.

use crate::decode::{self, DecodeError};
use crate::pairing::{Evaluation, Fq12, G1, Lines, Multiples, final_exponentiation, miller};
use crate::{Fr, G1Affine, G2Affine, Proof};
use alloc::vec::Vec;
use ark_bn254::G1Projective;
use ark_ff::PrimeField;
use core::fmt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A Groth16 verifying key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey {
    /// `[alpha]_1`.
    pub alpha: G1Affine,
    /// `[beta]_2`.
    pub beta: G2Affine,
    /// `[gamma]_2`.
    pub gamma: G2Affine,
    /// `[delta]_2`.
    pub delta: G2Affine,
    /// One point for the constant one, then one for each public input.
    pub ic: Vec<G1Affine>,
}

/// Names a verifying key: the SHA-256 of its compact form.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 32]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl core::str::FromStr for KeyId {
    type Err = DecodeError;

    /// Reads 64 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, DecodeError> {
        let mut id = [0; 32];
        hex::decode_to_slice(text, &mut id).map_err(|_| DecodeError::Json {
            what: "key id",
            expected: "64 hexadecimal digits",
            got: text.chars().take(80).collect(),
        })?;
        Ok(Self(id))
    }
}

impl VerifyingKey {
    /// Public inputs a proof has, the constant one not counted.
    #[must_use]
    pub fn public_inputs(&self) -> usize {
        self.ic.len().saturating_sub(1)
    }

    /// The compact form; its layout is in the crate's documentation.
    #[must_use]
    pub fn to_compact(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(228 + 32 * self.ic.len());
        decode::compress(&self.alpha, &mut bytes);
        for point in [&self.beta, &self.gamma, &self.delta] {
            decode::compress(point, &mut bytes);
        }
        let count = u32::try_from(self.ic.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&count.to_le_bytes());
        self.ic
            .iter()
            .for_each(|point| decode::compress(point, &mut bytes));
        bytes
    }

    /// Reads the compact form.
    ///
    /// # Errors
    /// [`DecodeError::Length`], or [`DecodeError::Point`] naming the point.
    pub fn from_compact(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut rest = bytes;
        let alpha = decode::point("alpha", decode::take("alpha", &mut rest, 32)?)?;
        let beta = decode::point("beta", decode::take("beta", &mut rest, 64)?)?;
        let gamma = decode::point("gamma", decode::take("gamma", &mut rest, 64)?)?;
        let delta = decode::point("delta", decode::take("delta", &mut rest, 64)?)?;
        let count = decode::take("number of ic points", &mut rest, 4)?;
        let count = count
            .iter()
            .rev()
            .fold(0_usize, |acc, byte| acc << 8 | usize::from(*byte));
        // Before anything is allocated for the points, their length must be right.
        let expected = count.saturating_mul(32);
        if count == 0 || rest.len() != expected {
            return Err(DecodeError::Length {
                what: "ic",
                expected: expected.max(32),
                got: rest.len(),
            });
        }
        let ic = rest
            .chunks_exact(32)
            .map(|chunk| decode::point("ic", chunk));
        Ok(Self {
            alpha,
            beta,
            gamma,
            delta,
            ic: ic.collect::<Result<_, _>>()?,
        })
    }

    /// Names the key.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId(Sha256::digest(self.to_compact()).into())
    }
}

/// Where a key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// Made on one machine, whose owner could forge proofs: for development only.
    Development,
    /// Made in a ceremony: sound if one of its contributors was honest.
    Ceremony,
}

impl Provenance {
    /// As it stands in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Ceremony => "ceremony",
        }
    }
}

/// Why a proof was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Not as many public inputs as the key takes.
    #[error("expected {expected} public inputs, got {got}")]
    PublicInputs {
        /// As the key has it.
        expected: usize,
        /// As given.
        got: usize,
    },
    /// The pairing equation does not hold: the proof is not one of this statement under this key.
    #[error("the proof does not verify for these public inputs under this key")]
    Invalid,
}

/// A verifying key with everything precomputed that does not depend on the proof.
#[derive(Clone)]
pub struct PreparedKey {
    pub(crate) alpha: G1Affine,
    pub(crate) beta: Lines,
    pub(crate) gamma: Lines,
    pub(crate) delta: Lines,
    pub(crate) ic: Vec<G1Affine>,
    /// Of alpha and beta.
    miller: Fq12,
    /// For each public input, and each word of it: the multiples of what they are multiplied with.
    multiples: Vec<Multiples<WINDOW>>,
}

/// Words of 64 bits in a public input.
const LIMBS: usize = 4;
/// Public inputs are written in digits 0, 1, -1, 3 .. -31, so that at most one in six is not 0.
const WINDOW: usize = 6;

impl PreparedKey {
    /// Prepares a key: the lines of its points of G2, and a table of 4 KB for each public input. The
    /// points must be in their groups, as all that this crate decodes are.
    #[must_use]
    pub fn new(key: &VerifyingKey) -> Self {
        let alpha = Evaluation::of(&[key.alpha.into()])[0];
        let beta = Lines::new(&key.beta);
        let inputs = key.ic.iter().skip(1);
        let words = inputs.flat_map(|point| {
            let first = G1::from(*point);
            core::iter::successors(Some(first), |last| Some(last.next_word())).take(LIMBS)
        });
        Self {
            alpha: key.alpha,
            miller: miller(&[(alpha, &beta)], &[]),
            beta,
            gamma: Lines::new(&key.gamma),
            delta: Lines::new(&key.delta),
            ic: key.ic.clone(),
            multiples: Multiples::of(&words.collect::<Vec<_>>()),
        }
    }

    /// Verifies one proof: `e(A, B) = e(alpha, beta) e(sum x_i ic_i, gamma) e(C, delta)`
    /// (eprint 2016/260, section 3.2). The points of the proof must be in their groups, as all that this
    /// crate decodes are.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(&self, proof: &Proof, public_inputs: &[Fr]) -> Result<(), VerifyError> {
        self.expect_inputs(public_inputs)?;
        let inputs = self.combine(public_inputs);
        let g1 = [(-proof.a).into(), inputs.into(), proof.c.into()];
        let g1 = Evaluation::of(&g1);
        let product = miller(
            &[(g1[1], &self.gamma), (g1[2], &self.delta)],
            &[(g1[0], &proof.b)],
        );
        if is_one(&product.times(&self.miller)) {
            Ok(())
        } else {
            Err(VerifyError::Invalid)
        }
    }

    /// `ic_0 + sum x_i ic_i`.
    pub(crate) fn combine(&self, public_inputs: &[Fr]) -> G1Projective {
        let words = public_inputs.iter().flat_map(|input| input.into_bigint().0);
        let sum = Multiples::sum(self.multiples.iter().zip(words.map(u128::from)));
        G1Projective::from(sum) + self.ic[0]
    }

    /// Whether there are as many inputs as the key takes.
    pub(crate) fn expect_inputs(&self, public_inputs: &[Fr]) -> Result<(), VerifyError> {
        let (expected, got) = (self.ic.len().saturating_sub(1), public_inputs.len());
        if self.ic.is_empty() || expected != got {
            return Err(VerifyError::PublicInputs { expected, got });
        }
        Ok(())
    }
}

/// Whether the final exponentiation makes 1 of a product of Miller's loops.
pub(crate) fn is_one(product: &Fq12) -> bool {
    final_exponentiation(product) == Some(Fq12::one())
}
